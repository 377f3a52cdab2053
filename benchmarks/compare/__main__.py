"""The command line: `python -m benchmarks.compare`."""

from __future__ import annotations

import argparse
import datetime
import re
import sys
import time
from pathlib import Path
from typing import Final

from benchmarks.compare import footprint, machine, record, report
from benchmarks.compare.contenders import (
    INTERPRETED,
    OURS,
    REDIS,
    Contender,
    command_contender,
    compiled_contender,
    info_fields,
    interpreted_contender,
    peer_contender,
    redis_benchmark_version,
    redis_contender,
)
from benchmarks.compare.measure import Result, Rounds, cpu_us, requests_per_second
from benchmarks.compare.situations import WORKLOADS
from benchmarks.page import RESULTS, TRIALS
from benchmarks.peers import PEERS
from tests.support.process import ServerError, ServerProcess
from tests.support.servers import REPOSITORY

PEER_GROUPS: Final = ("core", "list")
"""The workloads that peers take part in; some of them would need an hour for the others."""
FULL: Final = {
    "rounds": 4, "peer_rounds": 2, "seconds": 0.3, "starts": 9, "fraction": 1.0, "peer_fraction": 0.1,
}  # fmt: skip
QUICK: Final = {
    "rounds": 1, "peer_rounds": 1, "seconds": 0.1, "starts": 3, "fraction": 0.1, "peer_fraction": 0.02,
}  # fmt: skip


def build_parser() -> argparse.ArgumentParser:
    """All options; what is not given comes from FULL or QUICK."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("--ours", choices=["interpreted", "compiled", "command"], default="interpreted")
    parser.add_argument("--python", default=sys.executable, help="interpreter for --ours interpreted")
    parser.add_argument("--compiled-command", default=".venv/bin/pyredis", help="for --ours compiled")
    parser.add_argument("--command", help="for --ours command; {port} is replaced, or --port N appended")
    parser.add_argument(
        "--peer", choices=[INTERPRETED, *sorted(PEERS)], action="append", default=[],
        help="measure this one too, in fewer rounds: ours interpreted, or a peer",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="two minutes instead of ten; noisier")
    parser.add_argument("--rounds", type=int, help="runs of each workload on each server")
    parser.add_argument("--seconds", type=float, help="how long redis-server should take for a run")
    parser.add_argument("--only", default="", help="regular expression on 'group/name/depth'")
    parser.add_argument("--render", type=Path, help="measure nothing: make the tables of this record anew")
    parser.add_argument("--no-footprint", action="store_true", help="skip start-up time and memory")
    parser.add_argument(
        "--results",
        type=Path,
        help="directory for the record; what is quick, a part or not compiled goes to build/",
    )
    return parser


def contenders(options: argparse.Namespace, cpu: int | None) -> list[Contender]:
    """Ours first, then redis-server, then peers: the order of every round."""
    if options.ours == "interpreted":
        ours = interpreted_contender(options.python, cpu)
    elif options.ours == "compiled":
        ours = compiled_contender(options.compiled_command, cpu)
    elif options.command:
        ours = command_contender(options.command, cpu)
    else:
        raise ServerError("--ours command needs --command")
    peers = [peer_contender(name, options.python, cpu) for name in options.peer]
    return [ours, redis_contender(cpu), *peers]


def say(text: str) -> None:
    """Progress goes to standard error; standard output has the tables."""
    print(text, file=sys.stderr, flush=True)


def versions(taking_part: list[Contender], servers: dict[str, ServerProcess]) -> dict[str, str]:
    """What runs: each server's own word for its version, the commit, the load generator."""
    found: dict[str, str] = {}
    for contender in taking_part:
        if not contender.version:
            fields = info_fields(servers[contender.name])
            found[contender.name] = fields.get("redis_version", "unknown")
        else:
            found[contender.name] = contender.version
    if revision := machine.revision(REPOSITORY):
        found["commit"] = revision
    return found | {"load by": redis_benchmark_version()}


def progress(result: Result) -> None:
    """One line about a workload that has been measured."""
    name = f"{result.workload.group}/{result.workload.name}/{result.depth}"
    if reason := result.unsupported.get(OURS):
        say(f"{name:34} not supported: {reason[:70]}")
        return
    ratios = [result.ratio(OURS, REDIS, figure) or 0.0 for figure in (cpu_us, requests_per_second)]
    cpu = [result.median(server, cpu_us) or 0.0 for server in (OURS, REDIS)]
    say(f"{name:34} cpu {cpu[0]:7.2f} / {cpu[1]:6.2f} us {ratios[0]:6.2f}x   throughput {ratios[1]:5.2f}x")


def measure_workloads(
    run: record.Run, taking_part: list[Contender], client_cpu: int | None, only: str
) -> None:
    """Starts every server once and puts all workloads on them."""
    processes = {contender.name: contender.make() for contender in taking_part}
    try:
        for process in processes.values():
            process.start()
        run.versions = versions(taking_part, processes)
        settings = int(run.settings["rounds"]), float(run.settings["seconds"]), client_cpu
        pair = Rounds({name: processes[name] for name in (OURS, REDIS)}, REDIS, *settings)
        peer_rounds = dict.fromkeys(run.peers, int(run.settings["peer_rounds"]))
        everybody = Rounds(processes, REDIS, *settings, peer_rounds)
        for workload in WORKLOADS:
            for depth in workload.depths:
                if re.search(only, f"{workload.group}/{workload.name}/{depth}"):
                    rounds = everybody if workload.group in PEER_GROUPS else pair
                    run.results.append(rounds.measure(workload, depth))
                    progress(run.results[-1])
    finally:
        for process in processes.values():
            process.close()


def measure_footprint(run: record.Run, taking_part: list[Contender]) -> None:
    """Start-up, idle memory, and memory of every population, on fresh servers."""
    run.start_up_seconds = footprint.start_up(taking_part, int(run.settings["starts"]))
    run.idle_bytes = footprint.idle_memory(taking_part)
    say(f"start-up seconds {run.start_up_seconds}, idle bytes {run.idle_bytes}")
    shares = {contender.name: float(run.settings["fraction"]) for contender in taking_part}
    shares |= dict.fromkeys(run.peers, float(run.settings["peer_fraction"]))
    for population in footprint.POPULATIONS:
        run.populations.append(footprint.bytes_per_key(taking_part, population, shares))
        say(f"bytes per key, {population.name}: {run.populations[-1].measured}")


def main(arguments: list[str] | None = None) -> int:
    """Runs the comparison, writes the record and prints the tables."""
    options = build_parser().parse_args(arguments)
    if options.render is not None:
        say(f"wrote {', '.join(map(str, report.render(options.render)))}")
        return 0
    began = time.monotonic()
    server_cpu, client_cpu = machine.cores_for_pinning()
    settings: machine.Facts = dict(QUICK if options.quick else FULL)
    settings |= {
        name: value for name in ("rounds", "seconds") if (value := getattr(options, name)) is not None
    }
    run = record.Run(
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        form=options.ours,
        machine=machine.describe(),
        versions={},
        settings=settings,
        peers=options.peer,
    )
    try:
        taking_part = contenders(options, server_cpu)
        measure_workloads(run, taking_part, client_cpu, options.only)
        if not options.no_footprint:
            measure_footprint(run, taking_part)
    except ServerError as error:
        say(f"error: {error}")
        return 1
    settings["duration_seconds"] = round(time.monotonic() - began)
    is_record = options.ours == "compiled" and not (options.quick or options.only or options.no_footprint)
    directory = options.results or (RESULTS if is_record else TRIALS)
    paths = report.save(run, directory)
    print(report.to_markdown(run))
    say(f"{settings['duration_seconds']} s; wrote {', '.join(str(path) for path in paths)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
