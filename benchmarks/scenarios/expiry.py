"""A million keys that expire within one second, seen by a client that pings."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.scenarios.pinger import Pinger
from tests.support.process import ServerProcess
from tests.support.wire import encode

KEYS = 1_000_000
BATCH = 5_000


def measure_expiry(server: ServerProcess) -> Iterator[str]:
    """Loads the keys with deadlines spread over one second and watches them go."""
    with server.connect(timeout=60) as client:
        start_ms = int(time.time() * 1000) + 25_000
        started = time.perf_counter()
        for first in range(0, KEYS, BATCH):
            requests = b"".join(
                encode(b"SET", b"key:%09d" % i, b"x", b"PXAT", b"%d" % (start_ms + i * 1000 // KEYS))
                for i in range(first, first + BATCH)
            )
            client.send(requests)
            for _ in range(BATCH):
                client.read_reply()
        yield f"loaded {KEYS} keys in {time.perf_counter() - started:.1f} s"
        time.sleep(max(0.0, start_ms / 1000 - time.time() - 1))
        cpu = server.cpu_time()
        with Pinger(server.port) as pinger:
            while client.command(b"DBSIZE") != b":0\r\n":
                time.sleep(0.1)
            gone = time.time() - start_ms / 1000
        yield f"all gone {gone:.2f} s after the first deadline, CPU {server.cpu_time() - cpu:.2f} s"
        yield pinger.summary()
