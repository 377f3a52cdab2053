"""From ten thousand to ten million keys: what each costs, and what the number of keys does to time."""

from __future__ import annotations

import time
from typing import Final

from benchmarks.compare import load
from benchmarks.compare.workloads import KEY, Workload
from benchmarks.page import table
from benchmarks.scenarios.latency import VALUE, fill
from benchmarks.scenarios.pairs import OURS, REDIS, Pair, cpu_us_of, say
from tests.support.process import ServerProcess

SIZES: Final = (10_000, 100_000, 1_000_000, 10_000_000)
REQUESTS: Final = 200_000
DEPTH: Final = 16
ROUNDS: Final = 3


def measure_ten_million(pair: Pair) -> list[str]:
    """One server after the other: together they would need 3 GB."""
    header = ["keys", "MB resident", "bytes a key", "GET us", "SET us", "SAVE s", "load s"]
    sizes = [size for size in SIZES if size <= SIZES[-1] * pair.scale]
    found = {name: _measure_one(pair, name, sizes) for name in (OURS, REDIS)}
    rows: list[list[str]] = []
    for number, size in enumerate(sizes):
        rows += [[f"{size:,}: {name}", *found[name][number]] for name in (OURS, REDIS)]
    return [
        *table(header, rows), "",
        f"Keys of 16 bytes, values of {len(VALUE)}. GET and SET are CPU time a command of random keys, pipeline "
        f"{DEPTH}, the least of three. Bytes a key are what resident memory grew by; loading "
        "includes the start of the process.",
    ]  # fmt: skip


def _measure_one(pair: Pair, name: str, sizes: list[int]) -> list[list[str]]:
    rows: list[list[str]] = []
    with pair.start(name) as process:
        empty, held = process.rss_bytes(), 0
        for size in sizes:
            fill(process, held, size)
            held = size
            rss = process.rss_bytes()
            spent = [_cpu(pair, process, command, size) for command in (("GET", KEY), ("SET", KEY, VALUE))]
            with process.connect(timeout=600) as connection:
                started = time.perf_counter()
                reply = connection.command("SAVE")
                saved = time.perf_counter() - started
            if reply != b"+OK\r\n":
                raise AssertionError(f"SAVE answered {reply!r}")
            loaded = _load_seconds(process, size)
            rows.append(
                [
                    f"{rss / 1e6:,.0f}", f"{(rss - empty) / size:.0f}", *(f"{one:.2f}" for one in spent),
                    f"{saved:.2f}", f"{loaded:.2f}",
                ]
            )  # fmt: skip
            say(f"{name} {size:,}: " + " | ".join(rows[-1]))
    return rows


def _cpu(pair: Pair, process: ServerProcess, command: tuple[str, ...], size: int) -> float:
    workload = Workload(command[0], "size", command, size)
    return min(
        cpu_us_of(
            process, REQUESTS, lambda: load.run(process.port, workload, DEPTH, REQUESTS, pair.client_cpu)
        )
        for _ in range(ROUNDS)
    )


def _load_seconds(process: ServerProcess, size: int) -> float:
    """Starts the server anew from its snapshot, and goes on with that one."""
    process.kill()
    process.start()
    with process.connect(timeout=60) as connection:
        reply = connection.command("DBSIZE")
    if reply != b":%d\r\n" % size:
        raise AssertionError(f"{size} keys were saved, DBSIZE answered {reply!r}")
    return process.startup_seconds
