"""Rounds of load on servers that take turns, and the CPU time each spent per command.

CPU time is the figure to trust: throughput and latency also depend on how fast
redis-benchmark itself is, and on what else the machine does.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from benchmarks.compare.load import Load, LoadError, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.compare.workloads import Workload
    from tests.support.process import ServerProcess

TRIAL_REQUESTS: Final = 2_000
PROBE_REQUESTS: Final = 1_000
MOST_REQUESTS: Final = 600_000
FEWEST_REQUESTS: Final = 5_000


@dataclass(frozen=True)
class Sample:
    """One run: what the clients saw, and the server's CPU time per command."""

    load: Load
    cpu_us: float
    requests: int


@dataclass
class Result:
    """A workload at one pipeline depth: samples by server in round order, or why a server has none."""

    workload: Workload
    depth: int
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    unsupported: dict[str, str] = field(default_factory=dict)

    def median(self, server: str, figure: Callable[[Sample], float]) -> float | None:
        """The median of a figure over the rounds; None without samples."""
        samples = self.samples.get(server)
        return statistics.median(map(figure, samples)) if samples else None

    def ratio(self, server: str, other: str, figure: Callable[[Sample], float]) -> float | None:
        """The median over the rounds of server / other, each pair having run one after the other."""
        pairs = zip(self.samples.get(server, []), self.samples.get(other, []), strict=False)
        # A run too short for the clock measures nothing; it is no ratio of zero.
        ratios = [figure(one) / figure(two) for one, two in pairs if figure(one) > 0 and figure(two) > 0]
        return statistics.median(ratios) if ratios else None


def cpu_us(sample: Sample) -> float:
    """Server CPU microseconds per command."""
    return sample.cpu_us


def requests_per_second(sample: Sample) -> float:
    """Requests served per second."""
    return sample.load.requests_per_second


def p50_ms(sample: Sample) -> float:
    """Median latency in milliseconds."""
    return sample.load.p50_ms


def p99_ms(sample: Sample) -> float:
    """99th percentile of latency in milliseconds."""
    return sample.load.p99_ms


def p999_ms(sample: Sample) -> float:
    """99.9th percentile of latency in milliseconds."""
    return sample.load.p999_ms


def geometric_mean(ratios: Iterable[float]) -> float | None:
    """The geometric mean, None of nothing."""
    logarithms = [math.log(ratio) for ratio in ratios]
    return math.exp(statistics.fmean(logarithms)) if logarithms else None


def cpu_clock(process: ServerProcess) -> tuple[int, int]:
    """CPU nanoseconds so far: by the fine clock of living threads, by the coarse one of all threads."""
    return process.cpu_time_ns(), int(process.cpu_time() * 1e9)


def cpu_between(before: tuple[int, int], after: tuple[int, int]) -> int:
    """Nanoseconds between two clocks: the fine one, unless threads that have ended took much of the time."""
    fine = after[0] - before[0]
    coarse = after[1] - before[1]
    # The coarse clock is off by up to a tick (10 ms) at either end; beyond that, threads have ended.
    return coarse if coarse > fine + 20_000_000 else fine


def empty(process: ServerProcess) -> None:
    """Removes every key; a server without FLUSHALL is started anew."""
    with process.connect(timeout=60.0) as connection:
        is_empty = not connection.command("FLUSHALL").startswith(b"-")
    if not is_empty:
        process.kill()
        process.start()


def fill(process: ServerProcess, workload: Workload, requests: int) -> str | None:
    """Empties the server and loads what the workload needs; returns the first error reply, if any."""
    empty(process)
    with process.connect(timeout=60.0) as connection:
        replies = connection.pipeline(workload.preload(requests), window=100)
    return next((reply.decode(errors="replace").strip() for reply in replies if reply.startswith(b"-")), None)


def probe(process: ServerProcess, workload: Workload) -> str | None:
    """Loads the workload's data and tries its command once; returns the error if it is not supported."""
    if error := fill(process, workload, PROBE_REQUESTS):
        return error
    with process.connect() as connection:
        reply = connection.command(*workload.sample_command())
    return reply.decode(errors="replace").strip() if reply.startswith(b"-") else None


class Rounds:
    """Measures workloads on running servers; the first server named sets how many requests a run has."""

    def __init__(
        self,
        servers: dict[str, ServerProcess],
        reference: str,
        rounds: int,
        seconds: float,
        client_cpu: int | None,
    ) -> None:
        self.servers = servers
        self.reference = reference
        self.rounds = rounds
        self.seconds = seconds
        self.client_cpu = client_cpu

    def measure(self, workload: Workload, depth: int) -> Result:
        """All rounds of one workload at one depth, on every server that supports it."""
        result = Result(workload, depth)
        for name, process in self.servers.items():
            if error := probe(process, workload):
                result.unsupported[name] = error
        counts = self._request_counts(result)
        for name in self._able(result):
            result.samples[name] = []
        for _ in range(self.rounds):
            for name in self._able(result):
                try:
                    result.samples[name].append(self._one_run(name, workload, depth, counts[name]))
                except LoadError as error:
                    result.unsupported[name] = str(error)
        return result

    def _able(self, result: Result) -> list[str]:
        return [name for name in self.servers if name not in result.unsupported]

    def _request_counts(self, result: Result) -> dict[str, int]:
        """Requests per run: the same for the reference and ours, fewer for a server that is far slower.

        The trial runs that find out also warm up the servers.
        """
        rates: dict[str, float] = {}
        trial = TRIAL_REQUESTS if result.depth == 1 else TRIAL_REQUESTS * 8
        trial //= result.workload.cost
        for name in self._able(result):
            try:
                rates[name] = self._one_run(
                    name, result.workload, result.depth, trial
                ).load.requests_per_second
            except LoadError as error:
                result.unsupported[name] = str(error)
        wanted = rates.get(self.reference, max(rates.values(), default=0.0))
        counts = {name: min(wanted, rate * 4) * self.seconds for name, rate in rates.items()}
        fewest = FEWEST_REQUESTS // result.workload.cost
        return {name: max(fewest, min(MOST_REQUESTS, int(count))) for name, count in counts.items()}

    def _one_run(self, name: str, workload: Workload, depth: int, requests: int) -> Sample:
        process = self.servers[name]
        # Other workloads still have what the probe loaded.
        if workload.is_used_up and (error := fill(process, workload, requests)):
            raise LoadError(error)
        before = cpu_clock(process)
        load = run(process.port, workload, depth, requests, self.client_cpu)
        spent = cpu_between(before, cpu_clock(process))
        return Sample(load, spent / 1000 / requests, requests)
