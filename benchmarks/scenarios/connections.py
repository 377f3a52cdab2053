"""Ten thousand connections at once, each answered, idle and active."""

from __future__ import annotations

import resource
import selectors
import socket
import time
from collections.abc import Iterator

from tests.support.process import ServerProcess

CONNECTIONS = 10_000
ROUNDS = 5


def measure_connections(server: ServerProcess) -> Iterator[str]:
    """Opens the connections, then lets each send a PING per round and reads every answer."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before = server.rss_bytes()
    started = time.perf_counter()
    sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(CONNECTIONS)]
    yield f"{CONNECTIONS} connections opened in {time.perf_counter() - started:.2f} s"
    answered, seconds = 0, 0.0
    selector = selectors.DefaultSelector()
    for sock in sockets:
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ)
    cpu = server.cpu_time()
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for sock in sockets:
            sock.send(b"PING\r\n")
        waiting = len(sockets)
        while waiting:
            ready = selector.select(30)
            if not ready:
                break
            for key, _ in ready:
                sock = key.fileobj  # type: ignore[assignment]
                if sock.recv(64) == b"+PONG\r\n":
                    answered += 1
                waiting -= 1
        seconds += time.perf_counter() - started
    yield f"{answered} of {CONNECTIONS * ROUNDS} pings answered, {answered / seconds:.0f} a second"
    yield f"server CPU {(server.cpu_time() - cpu) / max(answered, 1) * 1e6:.1f} us per ping"
    yield f"memory per connection {(server.rss_bytes() - before) / CONNECTIONS / 1024:.1f} KB"
    for sock in sockets:
        sock.close()
