"""What the append only file costs: CPU per write, and throughput when every write waits for the disk."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

from tests.support.process import ServerProcess
from tests.support.wire import RawConnection

TESTS = ("set", "incr", "lpush")
CLIENTS = 50
ROUNDS = 3
SHAPES = ((16, 160_000), (1, 40_000))
"""Requests in one packet, and requests altogether; a quarter of them under `always`."""


def bench(server: ServerProcess, pipeline: int, count: int, test: str) -> tuple[float, float]:
    """CPU of the server in microseconds per command, and commands per second."""
    command = [
        "redis-benchmark",
        "-p",
        str(server.port),
        "-n",
        str(count),
        "-c",
        str(CLIENTS),
        "-P",
        str(pipeline),
    ]
    before, started = server.cpu_time_ns(), time.perf_counter()
    subprocess.run([*command, "-t", test, "--csv"], capture_output=True, check=True)
    seconds = time.perf_counter() - started
    return (server.cpu_time_ns() - before) / count / 1000, count / seconds


def choose(client: RawConnection, mode: str) -> None:
    """Turns the log on or off, and waits until it is complete."""
    client.command("CONFIG", "SET", "appendonly", "no" if mode == "none" else "yes")
    if mode != "none":
        client.command("CONFIG", "SET", "appendfsync", mode)
    while b"aof_rewrite_in_progress:1" in client.command("INFO", "persistence"):
        time.sleep(0.05)


def measure_log(server: ServerProcess) -> Iterator[str]:
    """Each kind of write without a log, with `everysec` and with `always`; the best of a few rounds."""
    with server.connect(timeout=60) as client:
        client.command("CONFIG", "SET", "save", "")
        client.command("CONFIG", "SET", "auto-aof-rewrite-percentage", "0")
        for pipeline, count in SHAPES:
            for test in TESTS:
                cells: list[str] = []
                costs: dict[str, float] = {}
                for mode in ("none", "everysec", "always"):
                    choose(client, mode)
                    size = count // 4 if mode == "always" else count
                    results = [bench(server, pipeline, size, test) for _ in range(ROUNDS)]
                    costs[mode] = min(cpu for cpu, _ in results)
                    fastest = max(rate for _, rate in results)
                    cells.append(f"{mode} {costs[mode]:.2f} us {fastest / 1000:.0f}k/s")
                    client.command("FLUSHALL")
                ratio = costs["everysec"] / costs["none"]
                yield f"pipeline {pipeline:>2} {test:<6} {', '.join(cells)}; everysec/none {ratio:.2f}"
