"""What the tests of the whole server share: addresses of this machine, starts that fail, raw clients."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from tests.support.process import ServerProcess, reserve_port
from tests.support.servers import pyredis_command
from tests.support.wire import RawConnection, WireError, decode, encode

PATIENCE: Final = 10.0


class Exit(NamedTuple):
    """How a process ended that was not expected to serve."""

    code: int
    stdout: str
    stderr: str


def run_to_exit(*args: str, command: list[str] | None = None, directory: str | None = None) -> Exit:
    """Starts pyredis, or another command, with arguments that make it give up."""
    needed: dict[str, str] = {}
    if command is None:
        command, needed = pyredis_command()
    process = subprocess.run(
        [*command, *args],
        env={**os.environ, "PYTHONUNBUFFERED": "1", **needed},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        cwd=directory,
        check=False,
    )
    return Exit(process.returncode, process.stdout, process.stderr)


def free_port() -> int:
    """A port that nothing listens on."""
    port, holder = reserve_port()
    if holder is not None:
        holder.close()
    return port


def outside_address() -> str | None:
    """An IPv4 address of this machine that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # a datagram socket sends nothing by connecting
        address = str(probe.getsockname()[0])
        if not address.startswith(("127.", "0.")):
            return address
    return None


def has_ipv6() -> bool:
    """Whether `::1` can be listened on."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        probe.bind(("::1", 0))
        return True
    return False


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Waits until a condition holds, for at most `PATIENCE` seconds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {PATIENCE} s")
        time.sleep(0.005)


def info(connection: RawConnection, field: str) -> str:
    """One field of INFO."""
    reply = decode(connection.command("INFO", "everything"))
    text = reply[1] if isinstance(reply, tuple) else reply
    assert isinstance(text, bytes), reply
    found = re.search(rf"^{field}:(.*)$", text.decode(), re.MULTILINE)
    assert found, f"INFO has no {field}"
    return found.group(1).strip()


def slow_reader(server: ServerProcess, receive_buffer: int = 4096) -> socket.socket:
    """A connection whose kernel buffer is small, so that what it does not read stays in the server."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(PATIENCE)
    sock.connect(("127.0.0.1", server.port))
    return sock


def is_closed(sock: socket.socket) -> bool:
    """Reads to the end; whether it came as an end or a reset rather than as silence."""
    try:
        while sock.recv(1 << 20):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


def answer(connection: RawConnection, data: bytes) -> bytes:
    """Sends raw bytes and returns everything up to the close by the server."""
    with contextlib.suppress(ConnectionError):
        connection.send(data)
    return connection.read_until_close()


__all__ = [
    "PATIENCE", "Exit", "WireError", "answer", "encode", "eventually", "free_port", "has_ipv6", "info",
    "is_closed", "outside_address", "run_to_exit", "slow_reader",
]  # fmt: skip
