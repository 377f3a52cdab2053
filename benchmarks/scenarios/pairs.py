"""Scenarios whose figures mean something only beside redis-server's: both are started alike, one core each way."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from benchmarks.compare.clock import cpu_between, cpu_clock
from benchmarks.compare.traffic import percentile
from tests.support.process import ServerProcess
from tests.support.servers import PyredisServer, RedisServer

OURS: Final = "pyredis"
REDIS: Final = "redis-server"
QUIET: Final = ("--save", "", "--appendonly", "no")
LOADING_SECONDS: Final = 600.0

Make: TypeAlias = Callable[..., ServerProcess]


@dataclass(frozen=True)
class Pair:
    """How to start either server on `server_cpu`; clients are to keep to `client_cpu`."""

    server_cpu: int | None
    client_cpu: int | None
    scale: float = 1.0
    """How much of the scenario to do, for a trial."""

    def start(self, name: str, *arguments: str) -> ServerProcess:
        """A server that is not started yet; without persistence unless the arguments say otherwise."""
        words = (*QUIET, *arguments)
        server: ServerProcess = (
            PyredisServer(*words, cpu=self.server_cpu)
            if name == OURS
            else RedisServer(*words, cpu=self.server_cpu)
        )
        server.ready_timeout = LOADING_SECONDS
        return server


Scenario: TypeAlias = Callable[[Pair], list[str]]
"""Measures both servers and returns lines of Markdown."""


def say(text: str) -> None:
    """Progress goes to standard error."""
    print("  " + text, file=sys.stderr, flush=True)


def cpu_us_of(process: ServerProcess, commands: int, work: Callable[[], object]) -> float:
    """The server's CPU microseconds per command while something puts so many on it."""
    before = cpu_clock(process)
    work()
    return cpu_between(before, cpu_clock(process)) / 1000 / commands


def percentiles(waits: list[float]) -> list[str]:
    """p50, p99, p99.9 and the longest, in milliseconds."""
    ordered = sorted(waits)
    return [f"{percentile(ordered, share) * 1000:.2f}" for share in (0.5, 0.99, 0.999, 1.0)]
