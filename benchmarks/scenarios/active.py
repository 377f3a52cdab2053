"""Ten thousand connections that all send at once: throughput and CPU beside redis-server.

Throughput is redis-benchmark's; CPU per command comes from a load of our own, which can tell it apart from the cost
of accepting so many connections.
"""

from __future__ import annotations

import resource
import statistics
from contextlib import ExitStack
from typing import Final

from benchmarks.compare import load
from benchmarks.compare.clock import keeping_to
from benchmarks.compare.measure import fill
from benchmarks.compare.traffic import closed, mix
from benchmarks.compare.workloads import KEY, KEYSPACE, VALUE, Workload, string_keys
from benchmarks.page import table
from benchmarks.scenarios.pairs import OURS, REDIS, Pair, say
from tests.support.process import ServerProcess

CONNECTIONS: Final = 10_000
REQUESTS: Final = 300_000
ROUNDS: Final = 3
WANTED: Final = 0.8
WORKLOADS: Final = (
    Workload("GET", "active", ("GET", KEY), KEYSPACE, string_keys, clients=CONNECTIONS),
    Workload("SET", "active", ("SET", KEY, VALUE), KEYSPACE, string_keys, clients=CONNECTIONS),
)
BOTH: Final = Workload("GET 90 %, SET 10 %", "active", ("GET", KEY), KEYSPACE, string_keys)


def measure_active(pair: Pair) -> list[str]:
    """Rounds of either command, servers taking turns; then CPU per command."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rows: list[list[str]] = []
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(pair.start(name, "--maxclients", str(CONNECTIONS + 100)))
            for name in (OURS, REDIS)
        }
        for workload in WORKLOADS:
            rows.append(_throughput(pair, servers, workload))
            say(" | ".join(rows[-1]))
        driver = closed(mix(0.9, VALUE, KEYSPACE), CONNECTIONS)
        spent: list[float] = []
        for server in servers.values():
            fill(server, BOTH, 0)
            with keeping_to(pair.client_cpu):
                driven = driver(server, 1, int(REQUESTS * pair.scale))
            spent.append(driven.cpu_ns / driven.commands / 1000)
        rows.append(
            [
                f"{BOTH.name}: CPU us a command",
                *(f"{one:.2f}" for one in spent),
                f"{spent[0] / spent[1]:.2f}x",
                "-",
                "-",
            ]
        )
    header = [f"{CONNECTIONS:,} connections", OURS, REDIS, "ratio", "p50 / p99 ms", REDIS]
    return [*table(header, rows), "", f"The throughput is meant to be at least {WANTED}x."]


def _throughput(pair: Pair, servers: dict[str, ServerProcess], workload: Workload) -> list[str]:
    loads: dict[str, list[load.Load]] = {name: [] for name in servers}
    for server in servers.values():
        fill(server, workload, 0)
    for _ in range(ROUNDS):
        for name, server in servers.items():
            loads[name].append(
                load.run(server.port, workload, 1, int(REQUESTS * pair.scale), pair.client_cpu)
            )
    rates = [statistics.median(one.requests_per_second for one in loads[name]) for name in (OURS, REDIS)]
    ratio = statistics.median(
        one.requests_per_second / other.requests_per_second
        for one, other in zip(loads[OURS], loads[REDIS], strict=True)
    )
    waits = [
        f"{statistics.median(one.p50_ms for one in some):.0f} / {statistics.median(one.p99_ms for one in some):.0f}"
        for some in (loads[OURS], loads[REDIS])
    ]
    return [f"{workload.name}: requests/s", *(f"{rate:,.0f}" for rate in rates), f"{ratio:.2f}x", *waits]
