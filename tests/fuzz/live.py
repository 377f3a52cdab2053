"""The same inputs for a running server, over sockets; its memory must stay where it was."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.harness import CLOSING, LASTING, PING, FuzzError
from tests.fuzz.inputs import InputMaker
from tests.support.wire import RawConnection, WireError, decode, parse_replies

PING_EVERY = 50
PIPED = 20


class LiveResult(NamedTuple):
    """How many inputs were sent, and the resident memory after the first tenth and at the end."""

    inputs: int
    rss_before: int
    rss_after: int

    @property
    def growth(self) -> int:
        """Bytes of resident memory gained."""
        return self.rss_after - self.rss_before


def resident_bytes(pid: int) -> int:
    """Resident memory of a process of this machine."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fuzz_server(host: str, port: int, inputs: int, seed: int) -> LiveResult:
    """Sends inputs, each on a connection of its own that then ends; raises `FuzzError` for a broken
    answer."""
    maker = InputMaker(seed)
    with RawConnection(host, port, timeout=20.0) as control:
        pid = _process_id(control)
        before = 0
        for number in range(inputs):
            data = maker.next_input()
            while LASTING.search(data):
                data = maker.next_input()
            _exchange(host, port, data)
            if number % PING_EVERY == 0:
                control.command(b"FLUSHALL")
                answer = control.command(b"PING")
                if answer != b"+PONG\r\n":
                    raise FuzzError(f"afterwards PING is answered {answer!r}", [data], b"")
            if number == inputs // 10:
                before = resident_bytes(pid)
        return LiveResult(inputs, before, resident_bytes(pid))


def _process_id(control: RawConnection) -> int:
    info = decode(control.command(b"INFO", b"server"))
    if isinstance(info, bytes):
        for line in info.split(b"\r\n"):
            if line.startswith(b"process_id:"):
                return int(line[11:])
    raise FuzzError("INFO names no process", [], b"")


def _exchange(host: str, port: int, data: bytes) -> None:
    """Sends an input and its end, and reads until the server closes."""
    output = b""
    with RawConnection(host, port, timeout=10.0) as connection:
        # The server may close before it has read everything, which resets the connection.
        with contextlib.suppress(ConnectionError, OSError):
            connection.send(data)
            connection.close_sending()
        try:
            output = connection.read_until_close()
        except TimeoutError as error:
            raise FuzzError(f"no close after the end of input: {error}", [data], output) from error
    try:
        parse_replies(output)
    except WireError as error:
        if not CLOSING.search(data):
            raise FuzzError(f"not RESP: {error}", [data], output) from error


__all__ = ["PING", "LiveResult", "fuzz_server", "resident_bytes"]
