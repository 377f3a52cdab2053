"""What is shown of a run: tables in Markdown, a chart, the pages that quote them.

A ratio is ours divided by redis-server's. For CPU time, latency and memory less
is better; for throughput more is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks import page
from benchmarks.compare import chart
from benchmarks.compare.contenders import INTERPRETED, OURS, REDIS
from benchmarks.compare.measure import Result, cpu_us, p50_ms, p99_ms, p999_ms, requests_per_second
from benchmarks.compare.record import Run, from_json, to_json
from benchmarks.page import RESULTS, table
from tests.support.servers import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

README: Final = REPOSITORY / "README.md"
README_GROUPS: Final = ("list", "core", "mixed", "scripts", "messages", "streams")
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


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}x"


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    return [*table(header, rows), ""]


def _divide(left: float | None, right: float | None) -> float | None:
    return left / right if left is not None and right else None


def _label(peer: str) -> str:
    return "ours interpreted" if peer == INTERPRETED else peer


def _title(group: str, depth: int) -> str:
    return f"{GROUP_TITLES.get(group, group)}, pipeline {depth}"


def _summary_section(run: Run) -> list[str]:
    rows: list[list[str]] = []
    for group in run.groups:
        for depth in run.depths_of(group):
            means = [
                run.mean_ratio(group, depth, figure)
                for figure in (cpu_us, requests_per_second, p50_ms, p99_ms)
            ]
            peers = [run.mean_ratio(group, depth, cpu_us, peer) for peer in run.peers]
            rows.append([_title(group, depth), *map(_ratio, [*means, *peers])])
    header = ["geometric means", "CPU per command", "throughput", "p50", "p99"]
    return _table([*header, *(f"CPU, {_label(peer)}" for peer in run.peers)], rows)


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
        *(_ratio(result.ratio(peer, REDIS, cpu_us)) for peer in run.peers),
    ]


def _workload_sections(run: Run) -> list[str]:
    header = ["workload", "CPU us", "redis", "ratio", "requests/s", "redis", "ratio"]
    header += ["p50 / p99 / p99.9 ms", "redis", *(f"CPU, {_label(peer)}" for peer in run.peers)]
    lines: list[str] = []
    for group in run.groups:
        for depth in run.depths_of(group):
            chosen = [one for one in run.results if one.workload.group == group and one.depth == depth]
            if chosen:
                lines += [f"## {_title(group, depth)}", ""]
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
    return ["## Footprint", "", *_table(["", OURS, REDIS, "ratio", *map(_label, run.peers)], full)]


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


def brief(run: Run) -> list[str]:
    """What the README tells of a run: the groups that matter most."""
    rows = [
        [
            _title(group, depth),
            *(
                _ratio(run.mean_ratio(group, depth, figure))
                for figure in (cpu_us, requests_per_second, p99_ms)
            ),
            _ratio(run.mean_ratio(group, depth, cpu_us, INTERPRETED)),
        ]
        for group in README_GROUPS
        for depth in run.depths_of(group)
    ]
    header = ["beside redis-server", "CPU per command", "throughput", "p99", "CPU, interpreted"]
    return table(header, rows)


def pages(run: Run) -> dict[Path, tuple[str, list[str]]]:
    """The generated part of each page that quotes the record."""
    return {page.PAGE: ("compare", summary(run)), README: ("compare", brief(run))}


def save(run: Run, directory: Path) -> list[Path]:
    """Writes the record, and what is shown of it; returns the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{run.date}-{run.form}.json"
    path.write_text(to_json(run), encoding="utf-8")
    return [path, *render(path)]


def render(path: Path) -> list[Path]:
    """Makes the tables and the chart of a record, and the pages if it is among the results; returns their paths."""
    run = from_json(path.read_text(encoding="utf-8"))
    files = {
        path.with_suffix(".svg"): to_svg(run),
        path.with_name("latest.md"): to_markdown(run),
        path.with_name("latest.svg"): to_svg(run),
    }
    for written, text in files.items():
        written.write_text(text, encoding="utf-8")
    quoting = pages(run) if path.resolve().parent == RESULTS else {}
    for quoted, (name, lines) in quoting.items():
        page.update(name, lines, quoted)
    return [*files, *quoting]
