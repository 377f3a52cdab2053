"""Clients that mean harm, and what another client notices of them."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Callable, Iterator

from benchmarks.scenarios.pinger import Pinger
from tests.support.process import ServerProcess
from tests.support.wire import encode

SECONDS = 3.0


def measure_hostile(server: ServerProcess) -> Iterator[str]:
    """Each attack for a few seconds, with the pings of an innocent client and the growth of memory."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with server.connect() as client:
        client.command(b"SET", b"big", b"x" * 1_000_000)
    attacks: tuple[tuple[str, Callable[[int], list[socket.socket]]], ...] = (
        ("nothing, for comparison", _nothing),
        ("asks for 1 MB values and never reads", _never_reads),
        ("one byte a second", _trickles),
        ("announces a 2 GB argument (over the limit) and half a GB (under it)", _announces),
        ("opens as many connections as it may, up to 20,000", _floods),
        ("one pipeline of 2,000,000 commands", _pipelines),
    )
    for name, attack in attacks:
        before = server.rss_bytes()
        with Pinger(server.port, interval=0.0005) as pinger:
            started = time.perf_counter()
            sockets = attack(server.port)
            time.sleep(max(0.0, SECONDS - (time.perf_counter() - started)))
            grown = (server.rss_bytes() - before) / 1e6
        for sock in sockets:
            sock.close()
        yield f"{name}: {pinger.summary()}, memory +{grown:.1f} MB"
        time.sleep(1)


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def _nothing(port: int) -> list[socket.socket]:
    return []


def _never_reads(port: int) -> list[socket.socket]:
    sock = _connect(port)
    sock.settimeout(1)
    try:
        for _ in range(100):
            sock.sendall(encode(b"GET", b"big") * 100)
    except TimeoutError:
        pass
    return [sock]


def _trickles(port: int) -> list[socket.socket]:
    sock = _connect(port)
    for byte in b"*1\r":
        sock.send(bytes([byte]))
        time.sleep(1)
    return [sock]


def _announces(port: int) -> list[socket.socket]:
    huge = _connect(port)
    huge.sendall(b"*2\r\n$3\r\nGET\r\n$2147483648\r\n")
    sockets = [huge]
    for _ in range(100):
        sock = _connect(port)
        sock.sendall(b"*2\r\n$3\r\nGET\r\n$536870912\r\nabc")
        sockets.append(sock)
    return sockets


def _floods(port: int) -> list[socket.socket]:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return [_connect(port) for _ in range(min(20_000, limit - 200))]


def _pipelines(port: int) -> list[socket.socket]:
    sock = _connect(port)
    sock.setblocking(False)
    data = memoryview(b"PING\r\n" * 2_000_000)
    sent, ends = 0, time.perf_counter() + SECONDS
    while sent < len(data) and time.perf_counter() < ends:
        with contextlib.suppress(BlockingIOError):
            sent += sock.send(data[sent : sent + 65536])
        with contextlib.suppress(BlockingIOError):
            sock.recv(1 << 20)
    return [sock]
