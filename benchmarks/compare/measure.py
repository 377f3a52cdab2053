"""Rounds of load on servers that take turns, and the CPU time each spent per command.

CPU time is the figure to trust: throughput and latency also depend on how fast
redis-benchmark itself is, and on what else the machine does.
"""

from __future__ import annotations

import itertools
import math
import socket
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import hiredis

from benchmarks.compare.clock import cpu_between, cpu_clock, keeping_to
from benchmarks.compare.load import Load, LoadError, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.compare.workloads import Workload
    from tests.support.process import ServerProcess

TRIAL_REQUESTS: Final = 2_000
PROBE_REQUESTS: Final = 1_000
MOST_REQUESTS: Final = 600_000
PATIENCE_SECONDS: Final = 60.0
FILL_BATCH: Final = 200


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
    commands = workload.preload(requests)
    reader = hiredis.Reader()
    error: str | None = None
    with socket.create_connection(("127.0.0.1", process.port), PATIENCE_SECONDS) as sock:
        while batch := list(itertools.islice(commands, FILL_BATCH)):
            sock.sendall(b"".join(map(hiredis.pack_command, batch)))
            missing = len(batch)
            while missing:
                reply = reader.gets()
                if reply is not False:
                    missing -= 1
                    if isinstance(reply, hiredis.ReplyError):
                        error = error or str(reply)
                elif data := sock.recv(1 << 16):
                    reader.feed(data)
                else:
                    return "the server closed the connection"
    return error and f"-{error}"


def configure(process: ServerProcess, settings: tuple[tuple[str, str], ...]) -> str | None:
    """Makes settings and waits until a log that was turned on is complete; returns the first error, if any."""
    with process.connect(timeout=60.0) as connection:
        for name, value in settings:
            reply = connection.command("CONFIG", "SET", name, value)
            if reply.startswith(b"-"):
                return reply.decode(errors="replace").strip()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while b"aof_rewrite_in_progress:1" in connection.command("INFO", "persistence"):
            if time.monotonic() > deadline:
                return f"the log is not complete after {PATIENCE_SECONDS:.0f} s"
            time.sleep(0.02)
    return None


def probe(process: ServerProcess, workload: Workload) -> str | None:
    """Loads the workload's data and tries its command once; returns the error if it is not supported."""
    if error := fill(process, workload, PROBE_REQUESTS):
        return error
    with process.connect() as connection:
        reply = connection.command(*workload.sample_command())
    return reply.decode(errors="replace").strip() if reply.startswith(b"-") else None


class Rounds:
    """Measures workloads on running servers; `reference` sets how many requests a run has.

    `peers` take part in so many rounds only. A run of theirs has as many requests as they can answer in its time.
    """

    def __init__(
        self,
        servers: dict[str, ServerProcess],
        reference: str,
        rounds: int,
        seconds: float,
        client_cpu: int | None,
        peers: dict[str, int] | None = None,
    ) -> None:
        self.servers = servers
        self.peers = peers or {}
        self.reference = reference
        self.rounds = rounds
        self.seconds = seconds
        self.client_cpu = client_cpu

    def measure(self, workload: Workload, depth: int) -> Result:
        """All rounds of one workload at one depth, on every server that supports it."""
        result = Result(workload, depth)
        for name, process in self.servers.items():
            error = configure(process, workload.settings) if workload.settings else None
            if error := error or probe(process, workload):
                result.unsupported[name] = error
        try:
            self._sample(result)
        finally:
            if workload.undone:
                for process in self.servers.values():
                    configure(process, workload.undone)
        return result

    def _sample(self, result: Result) -> None:
        """The rounds, on servers that are ready."""
        counts = self._request_counts(result)
        for name in self._able(result):
            result.samples[name] = []
        for number in range(self.rounds):
            for name in self._able(result):
                if number >= self.peers.get(name, self.rounds):
                    continue
                try:
                    result.samples[name].append(
                        self._one_run(name, result.workload, result.depth, counts[name])
                    )
                except LoadError as error:
                    result.unsupported[name] = str(error)

    def _able(self, result: Result) -> list[str]:
        return [name for name in self.servers if name not in result.unsupported]

    def _request_counts(self, result: Result) -> dict[str, int]:
        """Requests per run: the same for the reference and ours; fewer for a server that is far slower, and for peers.

        The trial runs that find out also warm up the servers.
        """
        workload = result.workload
        rates: dict[str, float] = {}
        for name in self._able(result):
            trial = TRIAL_REQUESTS if result.depth == 1 or name in self.peers else TRIAL_REQUESTS * 8
            trial = max(trial // workload.cost, workload.clients)
            try:
                rates[name] = self._one_run(name, workload, result.depth, trial).load.requests_per_second
            except LoadError as error:
                result.unsupported[name] = str(error)
        wanted = rates.get(self.reference, max(rates.values(), default=0.0))
        seconds = self.seconds * workload.share
        counts: dict[str, int] = {}
        for name, rate in rates.items():
            is_peer = name in self.peers
            count = int(min(wanted, rate if is_peer else rate * 4) * seconds)
            fewest = workload.fewest_requests // (5 if is_peer else 1)
            counts[name] = max(fewest, min(MOST_REQUESTS, count))
        return counts

    def _one_run(self, name: str, workload: Workload, depth: int, requests: int) -> Sample:
        process = self.servers[name]
        # Other workloads still have what the probe loaded.
        if workload.is_used_up and (error := fill(process, workload, requests)):
            raise LoadError(error)
        if workload.driver is not None:
            with keeping_to(self.client_cpu):
                driven = workload.driver(process, depth, requests)
            return Sample(driven.load, driven.cpu_ns / 1000 / driven.commands, driven.commands)
        before = cpu_clock(process)
        load = run(process.port, workload, depth, requests, self.client_cpu)
        spent = cpu_between(before, cpu_clock(process))
        return Sample(load, spent / 1000 / requests, requests)
