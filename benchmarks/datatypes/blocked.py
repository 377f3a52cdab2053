"""Thousands of clients blocked on one list: who is woken by a push, and what waiting costs."""

from __future__ import annotations

import contextlib
import resource
import selectors
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.support.wire import encode

if TYPE_CHECKING:
    from tests.support.process import ServerProcess

CLIENTS: Final = 5_000
IDLE_SECONDS: Final = 3.0
TIMEOUT: Final = 10.0


@dataclass(frozen=True)
class Waiting:
    """What was seen: pushes that woke exactly the client that had waited longest, and the costs."""

    clients: int
    pushes: int
    right: int
    idle_cpu_percent: float
    push_cpu_us: float
    bytes_per_client: float


def measure(server: ServerProcess, clients: int = CLIENTS) -> Waiting:
    """Blocks the clients in a known order, watches them wait, and serves them one by one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, clients + 100)), hard))
    with server.connect(timeout=TIMEOUT) as control, contextlib.ExitStack() as stack:
        control.command("FLUSHALL")
        before = server.rss_bytes()
        selector = stack.enter_context(selectors.DefaultSelector())
        for number in range(clients):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), TIMEOUT))
            # Once the first reply has come, the server has read the second command, too.
            sock.sendall(encode("PING") + encode("BLPOP", "queue", "0"))
            assert sock.recv(64) == b"+PONG\r\n"
            selector.register(sock, selectors.EVENT_READ, number)
        grown = server.rss_bytes() - before
        time.sleep(0.5)
        started, spent = time.perf_counter(), server.cpu_time_ns()
        time.sleep(IDLE_SECONDS)
        idle = (server.cpu_time_ns() - spent) / 1e9 / (time.perf_counter() - started)
        spent = server.cpu_time_ns()
        right = 0
        for number in range(clients):
            control.command("RPUSH", "queue", f"element:{number}")
            woken = selector.select(TIMEOUT)
            expected = b"*2\r\n$5\r\nqueue\r\n" + encode(f"element:{number}").partition(b"\r\n")[2]
            received = [(key.data, key.fileobj.recv(256)) for key, _ in woken]  # type: ignore[union-attr]
            right += received == [(number, expected)]
            for key, _ in woken:
                selector.unregister(key.fileobj)
        push = (server.cpu_time_ns() - spent) / 1000 / clients
    return Waiting(clients, clients, right, idle * 100, push, grown / clients)
