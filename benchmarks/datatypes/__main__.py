"""The command line: `python -m benchmarks.datatypes`."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.compare import machine
from benchmarks.compare.contenders import (
    OURS,
    REDIS,
    Contender,
    command_contender,
    info_fields,
    redis_contender,
)
from benchmarks.compare.footprint import BytesPerKey, bytes_per_key
from benchmarks.compare.measure import Result, Rounds, cpu_us, geometric_mean
from benchmarks.datatypes import blocked, growth, plot
from benchmarks.datatypes.populations import POPULATIONS
from benchmarks.datatypes.workloads import MILLION, WORKLOADS
from benchmarks.page import RESULTS, TRIALS, table

if TYPE_CHECKING:
    from benchmarks.datatypes.blocked import Waiting
    from tests.support.process import ServerProcess

MEASUREMENTS: Final = ("cpu", "memory", "blocking", "growth")


def say(text: str) -> None:
    """Progress goes to standard error."""
    print(text, file=sys.stderr, flush=True)


def running(contenders: list[Contender], stack: contextlib.ExitStack) -> dict[str, ServerProcess]:
    """All servers, started, until the stack ends."""
    return {contender.name: stack.enter_context(contender.make()) for contender in contenders}


def measure_cpu(contenders: list[Contender], options: argparse.Namespace) -> list[str]:
    """Every workload at both depths; a table, and the geometric means."""
    client_cpu = machine.cores_for_pinning()[1]
    chosen = [*WORKLOADS, *(MILLION if options.million else [])]
    results: list[Result] = []
    with contextlib.ExitStack() as stack:
        servers = running(contenders, stack)
        rounds = Rounds(servers, REDIS, options.rounds, options.seconds, client_cpu)
        for workload in chosen:
            for depth in workload.depths:
                if re.search(options.only, f"{workload.name}/{depth}"):
                    result = rounds.measure(workload, depth)
                    results.append(result)
                    say(f"{workload.name} at {depth}: {_cpu_cells(result)} {result.unsupported or ''}")
    lines: list[str] = []
    for depth in (1, 16):
        some = [result for result in results if result.depth == depth]
        ratios = [result.ratio(OURS, REDIS, cpu_us) for result in some if result.workload.group == "data"]
        mean = geometric_mean(ratio for ratio in ratios if ratio is not None)
        lines += [f"## Pipeline {depth}: {mean or 0:.2f}x", ""]
        rows = [[result.workload.name, *_cpu_cells(result)] for result in some]
        lines += [*table(["command", "CPU us", "redis-server", "ratio"], rows), ""]
    return lines


def _cpu_cells(result: Result) -> list[str]:
    ours, theirs = result.median(OURS, cpu_us), result.median(REDIS, cpu_us)
    ratio = result.ratio(OURS, REDIS, cpu_us)
    return [
        "-" if ours is None else f"{ours:.2f}",
        "-" if theirs is None else f"{theirs:.2f}",
        "-" if ratio is None else f"{ratio:.2f}x",
    ]


def measure_memory(contenders: list[Contender], options: argparse.Namespace) -> list[str]:
    """Resident bytes for each key of every population."""
    rows: list[list[str]] = []
    shares = {contender.name: options.fraction for contender in contenders}
    for population in POPULATIONS:
        if re.search(options.only, population.name):
            found: BytesPerKey = bytes_per_key(contenders, population, shares)
            ours, theirs = found.measured.get(OURS), found.measured.get(REDIS)
            if ours is None or theirs is None:
                rows.append([population.name, str(found.unsupported), "-", "-"])
            else:
                rows.append(
                    [population.name, f"{ours:,.0f}", f"{theirs:,.0f}", f"{ours / max(theirs, 1):.2f}x"]
                )
            say(" ".join(rows[-1]))
    return [*table(["keys", "bytes a key", "redis-server", "ratio"], rows), "", NOTE]


def measure_blocking(contenders: list[Contender], options: argparse.Namespace) -> list[str]:
    """Who is woken, and what it costs."""
    rows: list[list[str]] = []
    for contender in contenders:
        with contender.make() as process:
            seen: Waiting = blocked.measure(process, int(blocked.CLIENTS * options.fraction))
        rows.append(
            [
                contender.name, f"{seen.clients:,}", f"{seen.right:,} of {seen.pushes:,}",
                f"{seen.idle_cpu_percent:.2f} %", f"{seen.push_cpu_us:.1f}", f"{seen.bytes_per_client:,.0f}",
            ]
        )  # fmt: skip
        say(" ".join(rows[-1]))
    return table(
        ["server", "clients blocked", "pushes that woke exactly the first", "CPU while idle",
         "CPU us a push", "bytes a client"],
        rows,
    )  # fmt: skip


def measure_growth(contenders: list[Contender], options: argparse.Namespace) -> list[str]:
    """Times at every size; a table, and the chart as a file."""
    sizes = tuple(size for size in growth.SIZES if size <= growth.SIZES[-1] * options.fraction)
    with contextlib.ExitStack() as stack:
        found = growth.measure(running(contenders, stack), sizes)
    names = [contender.name for contender in contenders]
    chart = options.results / "datatypes-growth.svg"
    chart.write_text(plot.draw(found, names), encoding="utf-8")
    rows: list[list[str]] = []
    for operation in growth.OPERATIONS:
        cells = [operation.name, f"O({operation.bound})"]
        for name in names:
            times = found.times[operation.name, name]
            cells += [f"{figure:.2f}" for figure in times] + [f"{times[-1] / times[0]:.1f}x"]
        rows.append(cells)
    columns = [f"{size:,}" for size in sizes]
    header = [
        "operation",
        "bound",
        *columns,
        "growth",
        *(f"redis {size}" for size in columns),
        "redis growth",
    ]
    lines = table(header, rows)
    lines += ["", "CPU us per command of a value (or database) of that many elements.", ""]
    return [*lines, f"![growth]({chart.name})"]


RUNNERS: Final = {
    "cpu": measure_cpu, "memory": measure_memory, "blocking": measure_blocking, "growth": measure_growth,
}  # fmt: skip
NOTE: Final = (
    "Redis 7.0 keeps small sets as hash tables, where 7.4 has listpacks. A table of keys here is split when its parts "
    "are full, so a key's share of it is between 32 and 48 bytes; with 100,000 keys it is nearly the most."
)
TITLES: Final = {
    "cpu": "CPU per command of the data types",
    "memory": "Bytes per key",
    "blocking": "Clients blocked on one list",
    "growth": "Time by size",
}


def build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.datatypes", description=__doc__)
    parser.add_argument(
        "measurements", nargs="*", default=[], help=f"of {', '.join(MEASUREMENTS)}; all without"
    )
    parser.add_argument(
        "--command", default=f"{sys.executable} -m pyredis", help="the server; {port} is replaced"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.2, help="how long redis-server takes for a run")
    parser.add_argument("--fraction", type=float, default=1.0, help="of the keys, clients and sizes")
    parser.add_argument("--only", default="", help="regular expression on the names of workloads or keys")
    parser.add_argument("--million", action="store_true", help="also sorted sets of a million members")
    parser.add_argument("--results", type=Path, help="directory for the tables; those of a part go to build/")
    return parser


def main() -> int:
    """Measures and writes one file for each measurement."""
    options = build_parser().parse_args()
    is_part = options.only or options.fraction < 1.0
    options.results = options.results or (TRIALS if is_part else RESULTS)
    options.results.mkdir(parents=True, exist_ok=True)
    cpu = machine.cores_for_pinning()[0]
    contenders = [command_contender(options.command, cpu), redis_contender(cpu)]
    with contenders[0].make() as process:
        fields = info_fields(process)
    form = f"pyredis {fields.get('pyredis_version', '?')} ({fields.get('pyredis_form', '?')})"
    facts = machine.describe()
    for name in options.measurements or MEASUREMENTS:
        began = time.monotonic()
        lines = RUNNERS[name](contenders, options)
        text = [
            f"# {TITLES[name]}, {datetime.datetime.now(tz=datetime.UTC).date().isoformat()}", "",
            f"{form} beside redis-server, one core each for the server and its clients. {facts['cpu']}, "
            f"{facts['cores']} cores, {facts['kernel']}, {facts['python']}, load average "
            f"{facts['load_average_before']} before. A ratio is ours / redis-server: less is better.",
            "", *lines, "",
        ]  # fmt: skip
        path = options.results / f"datatypes-{name}.md"
        path.write_text("\n".join(text), encoding="utf-8")
        say(f"{time.monotonic() - began:.0f} s; wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
