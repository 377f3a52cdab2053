"""A client that pings without pause and remembers how long each answer took."""

from __future__ import annotations

import socket
import time

from benchmarks.scenarios.background import Background


class Pinger(Background):
    """Pings with breaks of `interval` seconds."""

    def __init__(self, port: int, interval: float = 0.0) -> None:
        super().__init__()
        self.port = port
        self.interval = interval
        self.waits: list[float] = []
        self.failure: str = ""

    def run(self) -> None:
        """Until it ends, or an answer is wrong."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not self.stopping.is_set():
                started = time.perf_counter()
                sock.sendall(b"PING\r\n")
                if sock.recv(64) != b"+PONG\r\n":
                    self.failure = "a ping was not answered"
                    return
                self.waits.append(time.perf_counter() - started)
                if self.interval:
                    time.sleep(self.interval)

    def summary(self) -> str:
        """Percentiles in milliseconds."""
        waits = sorted(self.waits)
        if not waits:
            return f"no ping answered {self.failure}"
        points = ", ".join(
            f"{name} {waits[min(int(len(waits) * share), len(waits) - 1)] * 1000:.2f} ms"
            for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("worst", 1.0))
        )
        return f"{len(waits)} pings: {points} {self.failure}"
