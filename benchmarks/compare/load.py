"""One run of redis-benchmark, and the figures read from what it prints.

The long output is parsed rather than `--csv`, because only its latency
distribution reaches past the 99th percentile.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benchmarks.compare.workloads import Workload

TIMEOUT_SECONDS: Final = 30
THROUGHPUT: Final = re.compile(r"throughput summary: ([\d.]+) requests per second")
SUMMARY: Final = re.compile(r"avg +min +p50 +p95 +p99 +max\s+((?:[\d.]+\s+){6})")
PERCENTILE: Final = re.compile(r"^([\d.]+)% <= ([\d.]+) milliseconds", re.MULTILINE)
BY_PERCENTILE: Final = "Latency by percentile distribution:"
BY_LATENCY: Final = "Cumulative distribution of latencies:"


class LoadError(Exception):
    """Raised when redis-benchmark fails, which it does at the first error reply."""


@dataclass(frozen=True)
class Load:
    """What the clients saw; each request of a pipeline counts with the latency of the whole."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    p999_ms: float


def parse(output: str) -> Load:
    """Reads redis-benchmark's long output; LoadError when it is not complete."""
    throughput = THROUGHPUT.search(output)
    summary = SUMMARY.search(output)
    _, found, distribution = output.partition(BY_PERCENTILE)
    steps = PERCENTILE.findall(distribution.partition(BY_LATENCY)[0])
    if throughput is None or summary is None or not found:
        raise LoadError(f"unexpected redis-benchmark output: {output[-300:]!r}")
    p999 = next(float(latency) for percent, latency in steps if float(percent) >= 99.9)
    latencies = [float(word) for word in summary.group(1).split()]
    return Load(float(throughput.group(1)), latencies[2], latencies[4], p999)


def run(port: int, workload: Workload, depth: int, requests: int, cpu: int | None) -> Load:
    """Puts one load on a server, from clients pinned to a core; returns when every reply has arrived."""
    pin = [] if cpu is None else ["taskset", "-c", str(cpu)]
    options = ["-p", str(port), "-c", str(workload.clients), "-n", str(requests), "-P", str(depth)]
    command = [*pin, "redis-benchmark", *options, "--precision", "3", *workload.benchmark_arguments()]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise LoadError(f"{workload.name}: not done after {TIMEOUT_SECONDS} s") from None
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).splitlines()
        raise LoadError(" ".join(line for line in lines if not line.startswith("WARNING"))[-300:])
    return parse(done.stdout)
