"""The record of a run: everything as JSON, the ratios as Markdown and as a chart.

A ratio is ours divided by redis-server's. For CPU time, latency and memory less
is better; for throughput more is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from benchmarks import page
from benchmarks.compare import chart
from benchmarks.compare.contenders import OURS, REDIS
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
from benchmarks.page import table

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.compare.footprint import BytesPerKey
    from benchmarks.compare.machine import Facts

Figure = Callable[[Sample], float]
FIGURES: Final[dict[str, Figure]] = {
    "cpu_us": cpu_us,
    "requests_per_second": requests_per_second,
    "p50_ms": p50_ms,
    "p99_ms": p99_ms,
    "p999_ms": p999_ms,
}
GROUP_TITLES: Final = {
    "core": "Core commands, 100,000 random keys",
    "list": "The redis-benchmark list",
    "mixed": "Reads and writes, 100,000 keys",
    "deep": "Core commands",
    "values": "Large values",
    "crowd": "1,000 connections at once",
    "resp3": "RESP3 clients",
    "log": "The append only file",
    "expiry": "Expiry",
    "scripts": "Scripts",
    "messages": "Pub/sub and blocking queues",
    "streams": "Streams",
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


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}x"


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    return [*table(header, rows), ""]


def _divide(left: float | None, right: float | None) -> float | None:
    return left / right if left is not None and right else None


def _summary_section(run: Run) -> list[str]:
    rows: list[list[str]] = []
    for group in run.groups:
        for depth in run.depths_of(group):
            means = [
                run.mean_ratio(group, depth, figure)
                for figure in (cpu_us, requests_per_second, p50_ms, p99_ms)
            ]
            peers = [run.mean_ratio(group, depth, cpu_us, peer) for peer in run.peers]
            rows.append(
                [f"{GROUP_TITLES.get(group, group)}, pipeline {depth}", *map(_ratio, [*means, *peers])]
            )
    header = ["geometric means", "CPU per command", "throughput", "p50", "p99"]
    return _table([*header, *(f"CPU, {peer}" for peer in run.peers)], rows)


def _workload_row(run: Run, result: Result) -> list[str]:
    name = result.workload.name
    if result.unsupported.get(OURS):
        name += f" (not supported: {result.unsupported[OURS]})"
    ours_cpu, redis_cpu = result.median(OURS, cpu_us), result.median(REDIS, cpu_us)
    rates = [result.median(server, requests_per_second) for server in (OURS, REDIS)]
    tails = [
        " / ".join(_number(result.median(server, figure), ".2f") for figure in (p50_ms, p99_ms, p999_ms))
        for server in (OURS, REDIS)
    ]
    return [
        name,
        _number(ours_cpu, ".2f"),
        _number(redis_cpu, ".2f"),
        _ratio(result.ratio(OURS, REDIS, cpu_us)),
        *(_number(rate, ",.0f") for rate in rates),
        _ratio(result.ratio(OURS, REDIS, requests_per_second)),
        *tails,
        *(_number(result.median(peer, cpu_us), ".2f") for peer in run.peers),
    ]


def _workload_sections(run: Run) -> list[str]:
    header = ["workload", "CPU us", "redis", "ratio", "requests/s", "redis", "ratio"]
    header += ["p50 / p99 / p99.9 ms", "redis", *(f"CPU us, {peer}" for peer in run.peers)]
    lines: list[str] = []
    for group in run.groups:
        for depth in run.depths_of(group):
            chosen = [one for one in run.results if one.workload.group == group and one.depth == depth]
            if chosen:
                lines += [f"## {GROUP_TITLES.get(group, group)}, pipeline {depth}", ""]
                lines += _table(header, [_workload_row(run, result) for result in chosen])
    return lines


def feature_costs(run: Run) -> list[tuple[str, int, dict[str, float]]]:
    """Workloads that have a baseline: how much more CPU they take than it, by server (0.1 is 10 % more)."""
    costs: list[tuple[str, int, dict[str, float]]] = []
    by_name = {(one.workload.group, one.workload.name, one.depth): one for one in run.results}
    for result in run.results:
        base = by_name.get((result.workload.group, result.workload.baseline, result.depth))
        if base is None:
            continue
        servers = {
            server: ratio - 1.0
            for server in result.samples
            if (ratio := _divide(result.median(server, cpu_us), base.median(server, cpu_us))) is not None
        }
        costs.append((f"{result.workload.name} over {base.workload.name}", result.depth, servers))
    return costs


def _cost_section(run: Run) -> list[str]:
    costs = feature_costs(run)
    if not costs:
        return []
    rows = [
        [f"{name}, pipeline {depth}", *(_number(servers.get(server), "+.1%") for server in (OURS, REDIS))]
        for name, depth, servers in costs
    ]
    return ["## CPU cost of a feature", "", *_table(["", OURS, REDIS], rows)]


def _footprint_section(run: Run) -> list[str]:
    if not run.start_up_seconds:
        return []
    servers = [OURS, REDIS, *run.peers]
    start_up = [run.start_up_seconds.get(server) for server in servers]
    idle = [run.idle_bytes.get(server) for server in servers]
    rows = [
        ["start to first PONG, ms", *(_number(one and one * 1000, ".0f") for one in start_up)],
        ["idle resident memory, MB", *(_number(one and one / 1e6, ".1f") for one in idle)],
    ]
    ratios = [_divide(start_up[0], start_up[1]), _divide(idle[0], idle[1])]
    for one in run.populations:
        figures = [one.measured.get(server) for server in servers]
        rows.append(
            [f"bytes per key: {one.population.name}", *(_number(figure, ".0f") for figure in figures)]
        )
        ratios.append(_divide(figures[0], figures[1]))
    full = [
        [row[0], row[1], row[2], _ratio(ratio), *row[3:]] for row, ratio in zip(rows, ratios, strict=True)
    ]
    return ["## Footprint", "", *_table(["", OURS, REDIS, "ratio", *run.peers], full)]


def _measured_on(run: Run) -> str:
    machine = run.machine
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    return (
        f"{run.date}. {machine['cpu']}, {machine['cores']} cores, {machine['kernel']}, {machine['python']}, "
        f"load average {machine.get('load_average_before', '?')} before. {versions}."
    )


def to_markdown(run: Run) -> str:
    """The tables, medians of the rounds."""
    lines = [
        f"# pyredis ({run.form}) beside redis-server, {run.date}",
        "",
        _measured_on(run),
        "",
        f"Rounds: {run.settings['rounds']}, servers taking turns; medians. A ratio is ours / redis-server; "
        "for CPU, latency and memory less is better. CPU is the server's user and system time per command.",
        "",
        *_summary_section(run),
        *_workload_sections(run),
        *_cost_section(run),
        *_footprint_section(run),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _chart_row(run: Run, group: str, name: str) -> chart.Row:
    """A workload's ratios at every depth of the chart."""
    found = {
        result.depth: result.ratio(OURS, REDIS, cpu_us)
        for result in run.results
        if (result.workload.group, result.workload.name) == (group, name)
    }
    absent = frozenset(number for number, depth in enumerate(run.depths) if depth not in found)
    return chart.Row(name, tuple(found.get(depth) for depth in run.depths), absent)


def to_svg(run: Run) -> str:
    """The chart of CPU time per command."""
    sections: list[chart.Section] = []
    for group in run.groups:
        names = list(dict.fromkeys(one.workload.name for one in run.results if one.workload.group == group))
        rows = [_chart_row(run, group, name) for name in names]
        if len(rows) > 1:
            means = tuple(run.mean_ratio(group, depth, cpu_us) for depth in run.depths)
            depths = run.depths_of(group)
            absent = frozenset(number for number, depth in enumerate(run.depths) if depth not in depths)
            rows.append(chart.Row("geometric mean", means, absent))
        sections.append(chart.Section(GROUP_TITLES.get(group, group), tuple(rows)))
    title = f"Server CPU time per command: pyredis ({run.form}) / redis-server"
    facts = [run.machine["cpu"], run.machine["python"], f"redis {run.versions.get(REDIS, '')}", run.date]
    subtitle = "less is better; " + ", ".join(map(str, facts))
    return chart.render(title, subtitle, [f"pipeline {depth}" for depth in run.depths], sections)


def summary(run: Run) -> list[str]:
    """What `docs/benchmarks.md` tells of a run: where it ran, the geometric means, the footprint."""
    footprint = _footprint_section(run)[1:]
    return [
        _measured_on(run),
        "",
        *_summary_section(run),
        *footprint,
        "![CPU per command](../benchmarks/results/latest.svg)",
    ]


def save(run: Run, directory: Path, *, is_record: bool = False) -> list[Path]:
    """Writes the record, the tables and the chart, and the summary if this is for the record; returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    name = f"{run.date}-{run.form}"
    files = {
        directory / f"{name}.json": to_json(run),
        directory / f"{name}.svg": to_svg(run),
        directory / "latest.md": to_markdown(run),
        directory / "latest.svg": to_svg(run),
    }
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return [*files, *([page.update("compare", summary(run))] if is_record else [])]
