"""What TLS costs: processor time per command, handshakes per second, and how long a storm of them delays the others."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import Process, Queue
from pathlib import Path

from benchmarks.scenarios.pinger import Pinger
from tests.support.process import ServerProcess, reserve_port
from tests.support.tls import RSA, Authority, Pair

CLIENTS = 50
ROUNDS = 3
SHAPES = ((1, 40_000), (16, 240_000))
"""Requests in one packet, and requests altogether."""
STORM_SECONDS = 3.0
NEWCOMERS = 20
"""Handshakes under way at once in the storm."""


def bench(server: ServerProcess, port: int, arguments: list[str], test: str) -> float:
    """The best processor time of the server in microseconds per command."""
    count = int(arguments[arguments.index("-n") + 1])
    costs = []
    for _ in range(ROUNDS):
        before = server.cpu_time_ns()
        command = ["redis-benchmark", "-p", str(port), "-c", str(CLIENTS), "-t", test, "--csv", *arguments]
        subprocess.run(command, capture_output=True, check=True)
        costs.append((server.cpu_time_ns() - before) / count / 1000)
    return min(costs)


def shake_hands(port: int, authority: str, seconds: float, counts: Queue[int]) -> None:
    """Begins `NEWCOMERS` handshakes at a time, none resumed, until the time is over; tells how many succeeded."""
    context = ssl.create_default_context(cafile=authority)
    done, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        clients = []
        for _ in range(NEWCOMERS):
            sock = socket.create_connection(("127.0.0.1", port), 30)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.do_handshake()
            clients.append((sock, incoming, outgoing, tls))
        for sock, _, outgoing, _ in clients:  # all at once
            sock.sendall(outgoing.read())
        for sock, incoming, outgoing, tls in clients:
            while True:
                incoming.write(sock.recv(65536))
                try:
                    tls.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                break
            sock.sendall(outgoing.read())
            done += 1
        for sock, _, _, _ in clients:
            sock.close()
    counts.put(done)


def measure_storm(
    server: ServerProcess, port: int, authority: Authority, pair: Pair, name: str
) -> Iterator[str]:
    """Handshakes from a process of their own, while a client on the plain port pings."""
    with server.connect() as control:
        assert control.command("CONFIG", "SET", *pair.settings) == b"+OK\r\n"
    counts: Queue[int] = Queue()
    storm = Process(target=shake_hands, args=(port, str(authority.own.certificate), STORM_SECONDS, counts))
    before, began = server.cpu_time_ns(), time.perf_counter()
    storm.start()
    with Pinger(server.port, 0.0005) as pinger:
        done = counts.get()
    storm.join()
    seconds = time.perf_counter() - began
    cost = (server.cpu_time_ns() - before) / done / 1000
    yield f"{name}: {done / seconds:.0f} handshakes/s, {cost:.0f} us of the server each; meanwhile {pinger.summary()}"


def measure_tls(server: ServerProcess) -> Iterator[str]:
    """Commands plain and with TLS, then handshakes."""
    with tempfile.TemporaryDirectory() as name, server.connect(timeout=60) as control:
        authority = Authority(Path(name))
        pair = authority.issue("curve")
        port, holder = reserve_port()
        settings = [*pair.settings, "tls-auth-clients", "no", "tls-port", str(port)]
        assert control.command("CONFIG", "SET", *settings) == b"+OK\r\n"
        with_tls = ["--tls", "--cacert", str(authority.own.certificate)]
        for depth, count in SHAPES:
            for test, size in (("set", "3"), ("get", "3"), ("get", "10000")):
                shape = ["-P", str(depth), "-n", str(count if size == "3" else count // 8), "-d", size]
                if size != "3":
                    control.command("SET", "key:__rand_int__", "x" * int(size))
                plain = bench(server, server.port, shape, test)
                tls = bench(server, port, [*shape, *with_tls], test)
                costs = f"plain {plain:.2f} us, TLS {tls:.2f} us ({tls - plain:+.2f})"
                yield f"depth {depth:>2} {test} {size} bytes: {costs}"
                control.command("FLUSHALL")
        yield from measure_storm(server, port, authority, pair, "P-256")
        yield from measure_storm(server, port, authority, authority.issue("rsa", kind=RSA), "RSA-2048")
        before = server.rss_bytes()
        context = authority.client_context()
        clients = [
            context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost")
            for _ in range(500)
        ]
        yield f"memory per connection {(server.rss_bytes() - before) / len(clients) / 1024:.1f} KB"
        for client in clients:
            client.close()
        if holder is not None:
            holder.close()
