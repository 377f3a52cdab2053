"""The record of a run: what was measured, written as JSON and read again.

Every table, chart and page is made from the file, so that what is shown is what is committed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compare.contenders import OURS, REDIS
from benchmarks.compare.footprint import POPULATIONS, BytesPerKey, Population
from benchmarks.compare.load import Load
from benchmarks.compare.measure import (
    Result,
    Sample,
    cpu_us,
    geometric_mean,
    p50_ms,
    p99_ms,
    p999_ms,
    requests_per_second,
)
from benchmarks.compare.situations import WORKLOADS
from benchmarks.compare.workloads import Workload

if TYPE_CHECKING:
    from benchmarks.compare.machine import Facts

Figure = Callable[[Sample], float]
FIGURES: Final[dict[str, Figure]] = {
    "cpu_us": cpu_us,
    "requests_per_second": requests_per_second,
    "p50_ms": p50_ms,
    "p99_ms": p99_ms,
    "p999_ms": p999_ms,
}


@dataclass
class Run:
    """All that one run of the comparison found."""

    date: str
    form: str
    machine: Facts
    versions: dict[str, str]
    settings: Facts
    peers: list[str] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    start_up_seconds: dict[str, float] = field(default_factory=dict)
    idle_bytes: dict[str, int] = field(default_factory=dict)
    populations: list[BytesPerKey] = field(default_factory=list)

    def mean_ratio(self, group: str, depth: int, figure: Figure, server: str = OURS) -> float | None:
        """The geometric mean, over a group's workloads at one depth, of a server's ratio to redis-server."""
        found = (
            result.ratio(server, REDIS, figure)
            for result in self.results
            if result.workload.group == group and result.depth == depth
        )
        return geometric_mean(ratio for ratio in found if ratio is not None)

    @property
    def groups(self) -> list[str]:
        """The measured groups in their order."""
        return list(dict.fromkeys(result.workload.group for result in self.results))

    def depths_of(self, group: str) -> list[int]:
        """The pipeline depths at which a group was measured, ascending."""
        return sorted({result.depth for result in self.results if result.workload.group == group})

    @property
    def depths(self) -> list[int]:
        """The measured pipeline depths, ascending."""
        return sorted({result.depth for result in self.results})


def _result_record(result: Result) -> dict[str, Any]:
    servers = {
        server: {name: [round(figure(sample), 4) for sample in samples] for name, figure in FIGURES.items()}
        | {"requests": [sample.requests for sample in samples]}
        for server, samples in result.samples.items()
        if samples
    }
    ratios = {name: result.ratio(OURS, REDIS, figure) for name, figure in FIGURES.items()}
    return {
        "name": result.workload.name,
        "group": result.workload.group,
        "pipeline": result.depth,
        "clients": result.workload.clients,
        "keyspace": result.workload.keyspace,
        "samples": servers,
        "ratio": {name: round(ratio, 4) for name, ratio in ratios.items() if ratio is not None},
        "unsupported": result.unsupported,
    }


def to_json(run: Run) -> str:
    """The complete record, every sample included."""
    means = {
        f"{group}, pipeline {depth}": {
            name: run.mean_ratio(group, depth, figure) for name, figure in FIGURES.items()
        }
        for group in run.groups
        for depth in run.depths_of(group)
    }
    record = {
        "date": run.date,
        "form": run.form,
        "machine": run.machine,
        "versions": run.versions,
        "settings": run.settings,
        "geometric_mean_ratios": means,
        "start_up_seconds": run.start_up_seconds,
        "idle_bytes": run.idle_bytes,
        "bytes_per_key": [
            {
                "name": one.population.name,
                "keys": one.keys,
                "bytes": one.measured,
                "unsupported": one.unsupported,
            }
            for one in run.populations
        ],
        "workloads": [_result_record(result) for result in run.results],
    }
    return json.dumps(record, indent=1) + "\n"


def _result(record: dict[str, Any]) -> Result:
    """One workload, as it was measured; what a workload of that name is today tells the rest about it."""
    group, name = record["group"], record["name"]
    known = {(workload.group, workload.name): workload for workload in WORKLOADS}
    samples = {
        server: [
            Sample(Load(rate, p50, p99, p999), cpu, requests)
            for cpu, rate, p50, p99, p999, requests in zip(
                *(columns[figure] for figure in (*FIGURES, "requests")), strict=True
            )
        ]
        for server, columns in record["samples"].items()
    }
    workload = replace(
        known.get((group, name)) or Workload(name, group, ()),
        keyspace=record["keyspace"],
        clients=record["clients"],
    )
    return Result(workload, record["pipeline"], samples, record["unsupported"])


def _population(record: dict[str, Any]) -> BytesPerKey:
    known = {population.name: population for population in POPULATIONS}
    population = known.get(record["name"]) or Population(record["name"], record["keys"], lambda i: [])
    return BytesPerKey(population, record["keys"], record["bytes"], record["unsupported"])


def from_json(text: str) -> Run:
    """The run that was recorded."""
    record = json.loads(text)
    results = [_result(one) for one in record["workloads"]]
    servers = dict.fromkeys(server for result in results for server in (*result.samples, *result.unsupported))
    return Run(
        date=record["date"],
        form=record["form"],
        machine=record["machine"],
        versions=record["versions"],
        settings=record["settings"],
        peers=[server for server in servers if server not in (OURS, REDIS)],
        results=results,
        start_up_seconds=record["start_up_seconds"],
        idle_bytes=record["idle_bytes"],
        populations=[_population(one) for one in record["bytes_per_key"]],
    )
