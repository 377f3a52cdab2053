"""redis-cli against our server, on a terminal: hints while typing, help, --stat."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.servers import PyredisServer

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.skipif(shutil.which("redis-cli") is None, reason="redis-cli is not installed"),
    pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals"),
]

PATIENCE: Final = 10.0
HINT: Final = b"\x1b[0;90;49m"
"""How redis-cli begins what it suggests."""


@pytest.fixture(scope="module")
def server() -> Iterator[PyredisServer]:
    with PyredisServer() as running:
        yield running


class Terminal:
    """redis-cli in a pseudo-terminal of 120 columns."""

    def __init__(self, server: PyredisServer, *arguments: str) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execvp("redis-cli", ["redis-cli", "-p", str(server.port), *arguments])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.shown = b""

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def wait_for(self, text: bytes) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            if select.select([self.fd], [], [], 0.1)[0]:
                self.shown += os.read(self.fd, 65536)

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


@pytest.fixture
def terminal(server: PyredisServer) -> Iterator[Terminal]:
    opened = Terminal(server)
    opened.wait_for(b"> ")
    yield opened
    opened.close()


def test_hints_come_from_our_declarations(terminal: Terminal) -> None:
    terminal.type("config set ")
    terminal.wait_for(HINT + b"parameter value [parameter value ...]")
    terminal.type("\x15get ")
    terminal.wait_for(HINT + b"key")


def test_help_shows_our_summaries(terminal: Terminal) -> None:
    terminal.type("help config resetstat\r")
    terminal.wait_for(b"Zeroes the statistics that INFO shows")
    terminal.wait_for(b"since:\x1b[0m 2.0.0")


def test_help_lists_a_group(terminal: Terminal) -> None:
    terminal.type("help @server\r")
    terminal.wait_for(b"LOLWUT")


def test_stat(server: PyredisServer) -> None:
    terminal = Terminal(server, "--stat", "-i", "0.1")
    terminal.wait_for(b"keys       mem      clients blocked requests            connections")
    terminal.wait_for(b"(+1)")
    terminal.close()
