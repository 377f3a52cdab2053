"""Whether commands have become slower beside redis-server: `python -m benchmarks.regression`.

The core workloads, at pipeline 1 and 16, in short rounds in which both servers take turns. Of each server the least
CPU time per command counts: other work on the machine can only add to it, so a minimum is steadier than a mean. What
is compared with the committed baseline are ratios, ours / redis-server, which carry over from one machine to another
as times do not.

A workload that looks slow is measured again before it is reported, because a disturbance that lasts for seconds can
spoil every round of one workload, while a real regression stays.

    python -m benchmarks.regression             exit code 1 when something has become slower
    python -m benchmarks.regression --write     makes this run the baseline
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from benchmarks.compare import load, machine
from benchmarks.compare.clock import cpu_between, cpu_clock
from benchmarks.compare.contenders import OURS, REDIS, info_fields, redis_contender
from benchmarks.compare.measure import fill, geometric_mean
from benchmarks.compare.workloads import CORE, Workload
from benchmarks.page import RESULTS
from tests.support.process import ServerError, ServerProcess
from tests.support.servers import PyredisServer, find_redis_server, resolve_program

if TYPE_CHECKING:
    from collections.abc import Iterable

BASELINE: Final = RESULTS / "regression.json"
MEAN_MARGIN: Final = 0.15
SINGLE_MARGIN: Final = 0.30
DEPTHS: Final = (1, 16)
ROUNDS: Final = 6
FEWEST_ROUNDS: Final = 3
CELL_SECONDS: Final = 2.0
"""Where the machine is so busy that rounds take longer than this, there are fewer of them."""
SECOND_LOOKS: Final = 2
REQUESTS: Final = {1: 4_000, 16: 40_000}
"""In one run; about a tenth of a second."""


class Cell(NamedTuple):
    """A workload at a depth."""

    workload: Workload
    depth: int

    @property
    def name(self) -> str:
        """How the baseline calls it."""
        return f"{self.workload.name}, pipeline {self.depth}"


CELLS: Final = [Cell(workload, depth) for depth in DEPTHS for workload in CORE]


class Finding(NamedTuple):
    """A figure that was compared; `margin` is by how much of the baseline it may be more."""

    name: str
    baseline: float
    measured: float
    margin: float

    @property
    def change(self) -> float:
        """How much more than the baseline: 0.1 is 10 %."""
        return self.measured / self.baseline - 1

    @property
    def is_slower(self) -> bool:
        """Whether it is beyond its margin."""
        return self.change > self.margin

    def line(self) -> str:
        """For people."""
        verdict = "SLOWER" if self.is_slower else "ok"
        return f"{self.name:32} {self.baseline:6.2f}x -> {self.measured:5.2f}x {self.change:+7.1%}  {verdict}"


def findings(baseline: dict[str, float], measured: dict[str, float]) -> list[Finding]:
    """Each workload that both know, and the geometric mean of those at each depth."""
    names = [name for name in measured if name in baseline]
    found = [Finding(name, baseline[name], measured[name], SINGLE_MARGIN) for name in names]
    for depth in DEPTHS:
        some = [name for name in names if name.endswith(f" {depth}")]
        before = geometric_mean(baseline[name] for name in some)
        after = geometric_mean(measured[name] for name in some)
        if before is not None and after is not None:
            found.append(Finding(f"geometric mean, pipeline {depth}", before, after, MEAN_MARGIN))
    return found


class Contest:
    """Two running servers, and the least CPU time per command that each was seen to take."""

    def __init__(self, servers: dict[str, ServerProcess], client_cpu: int | None) -> None:
        self.servers = servers
        self.client_cpu = client_cpu
        self.least: dict[str, dict[str, float]] = {}

    def measure(self, cells: Iterable[Cell], rounds: int) -> None:
        """Some rounds of each, on fresh data."""
        for cell in cells:
            for process in self.servers.values():
                if error := fill(process, cell.workload, 0):
                    raise ServerError(f"{cell.name}: {error}")
            seen = self.least.setdefault(cell.name, {})
            until = time.monotonic() + CELL_SECONDS
            for number in range(rounds):
                if number >= FEWEST_ROUNDS and time.monotonic() > until:
                    break
                for server, process in self.servers.items():
                    spent = self._one(process, cell)
                    seen[server] = min(spent, seen.get(server, spent))

    def ratios(self) -> dict[str, float]:
        """Ours / redis-server, by the names of the cells."""
        return {name: seen[OURS] / seen[REDIS] for name, seen in self.least.items()}

    def _one(self, process: ServerProcess, cell: Cell) -> float:
        requests = REQUESTS[cell.depth]
        before = cpu_clock(process)
        load.run(process.port, cell.workload, cell.depth, requests, self.client_cpu)
        return cpu_between(before, cpu_clock(process)) / 1000 / requests


def record(ratios: dict[str, float], facts: dict[str, str]) -> str:
    """The baseline as a file."""
    rounded = {name: round(ratio, 4) for name, ratio in ratios.items()}
    return json.dumps({**facts, "machine": machine.describe(), "ratios": rounded}, indent=1) + "\n"


def skipped(reason: str) -> int:
    """Says why nothing was compared; that is no failure."""
    print(f"not compared: {reason}")
    return 0


def compare(contest: Contest, baseline: dict[str, float]) -> int:
    """Measures, looks again at what seems slow, and reports; the exit code."""
    contest.measure(CELLS, ROUNDS)
    for _ in range(SECOND_LOOKS):
        slow = {one.name for one in findings(baseline, contest.ratios()) if one.is_slower}
        if not slow:
            break
        means = {cell.depth for cell in CELLS if f"geometric mean, pipeline {cell.depth}" in slow}
        contest.measure([cell for cell in CELLS if cell.name in slow or cell.depth in means], ROUNDS // 2)
    found = findings(baseline, contest.ratios())
    print("\n".join(one.line() for one in found))
    return int(any(one.is_slower for one in found))


def build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.regression", description=__doc__)
    parser.add_argument(
        "--command", help="the server; what PYREDIS_TEST_COMMAND names, or this tree, without"
    )
    parser.add_argument("--baseline", type=Path, default=BASELINE)
    parser.add_argument("--write", action="store_true", help="make this run the baseline")
    return parser


def our_server(command: str | None, cpu: int | None) -> ServerProcess:
    """The server under test, without persistence."""
    if command is None:
        return PyredisServer("--save", "", "--appendonly", "no", cpu=cpu)
    words = [*resolve_program(command), "--port", "{port}", "--save", "", "--appendonly", "no"]
    return ServerProcess(words, cpu=cpu)


def main(arguments: list[str] | None = None) -> int:
    """See the module's text."""
    options = build_parser().parse_args(arguments)
    began = time.monotonic()
    if find_redis_server() is None:
        return skipped("redis-server is not installed")
    server_cpu, client_cpu = machine.cores_for_pinning()
    if server_cpu is None:
        return skipped("there is one core, and the clients would share it with the server")
    with our_server(options.command, server_cpu) as ours, redis_contender(server_cpu).make() as theirs:
        form = info_fields(ours).get("pyredis_form", "unknown")
        redis_version = info_fields(theirs).get("redis_version", "unknown")
        contest = Contest({OURS: ours, REDIS: theirs}, client_cpu)
        if options.write:
            contest.measure(CELLS, 2 * ROUNDS)
            facts = {
                "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
                "form": form,
                "redis": redis_version,
            }
            options.baseline.write_text(record(contest.ratios(), facts), encoding="utf-8")
            print(f"wrote {options.baseline}, {time.monotonic() - began:.0f} s")
            return 0
        if not options.baseline.exists():
            return skipped(f"there is no {options.baseline}")
        expected = json.loads(options.baseline.read_text(encoding="utf-8"))
        if expected["form"] != form:
            return skipped(f"the baseline is of the {expected['form']} form, this server is {form}")
        if expected["redis"].split(".")[0] != redis_version.split(".")[0]:
            return skipped(
                f"the baseline is beside redis-server {expected['redis']}, this is {redis_version}"
            )
        code = compare(contest, expected["ratios"])
    print(
        f"{time.monotonic() - began:.0f} s; beyond {MEAN_MARGIN:.0%} in the mean, {SINGLE_MARGIN:.0%} in one is slower"
    )
    return code


if __name__ == "__main__":
    sys.exit(main())
