"""The command line of the scenarios."""

from __future__ import annotations

import argparse
import datetime
import sys

from benchmarks.compare import machine
from benchmarks.compare.contenders import info_fields
from benchmarks.page import RESULTS, TRIALS, update
from benchmarks.scenarios.active import measure_active
from benchmarks.scenarios.connections import measure_connections
from benchmarks.scenarios.eviction import measure_eviction
from benchmarks.scenarios.expiry import measure_expiry
from benchmarks.scenarios.hostile import measure_hostile
from benchmarks.scenarios.latency import measure_latency
from benchmarks.scenarios.log_cost import measure_log
from benchmarks.scenarios.metrics import measure_metrics
from benchmarks.scenarios.pairs import OURS, REDIS, Pair, Scenario
from benchmarks.scenarios.snapshot import measure_snapshot
from benchmarks.scenarios.soak import run_soak
from benchmarks.scenarios.ten_million import measure_ten_million
from benchmarks.scenarios.tls import measure_tls
from tests.support.process import ServerProcess
from tests.support.servers import PyredisServer, RedisServer

SCENARIOS = {
    "expiry": measure_expiry,
    "eviction": measure_eviction,
    "connections": measure_connections,
    "hostile": measure_hostile,
    "snapshot": measure_snapshot,
    "snapshot-slices": measure_snapshot,
    "log": measure_log,
    "metrics": measure_metrics,
    "tls": measure_tls,
}
ENVIRONMENTS = {"snapshot-slices": {"PYREDIS_FORK": "0"}}
"""What pyredis is told beyond its defaults."""
PAIRED: dict[str, tuple[str, Scenario]] = {
    "active": ("Ten thousand connections at once", measure_active),
    "latency": ("Latency while a snapshot and a log are written", measure_latency),
    "ten-million": ("Ten thousand to ten million keys", measure_ten_million),
}
"""Those that measure redis-server too and leave a table in benchmarks/results and on docs/benchmarks.md."""


def run_paired(name: str, scale: float) -> None:
    """Measures both servers; a run at full scale is for the record."""
    title, scenario = PAIRED[name]
    pair = Pair(*machine.cores_for_pinning(), scale)
    facts = machine.describe()
    versions: list[str] = []
    for server_name in (OURS, REDIS):
        with pair.start(server_name) as server:
            fields = info_fields(server)
        form = f" ({fields['pyredis_form']})" if "pyredis_form" in fields else ""
        version = fields.get("pyredis_version", fields.get("redis_version", "?"))
        versions.append(f"{server_name} {version}{form}")
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    where = (
        f"{today}. {facts['cpu']}, {facts['cores']} cores, {facts['kernel']}, {facts['python']}, load average "
        f"{facts['load_average_before']} before. {', '.join(versions)}."
    )
    lines = [where, "", *scenario(pair)]
    print("\n".join(lines), flush=True)
    directory = RESULTS if scale == 1.0 else TRIALS
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.md").write_text("\n".join([f"# {title}", "", *lines, ""]), encoding="utf-8")
    if directory == RESULTS:
        update(name, lines)


def main() -> None:
    """Runs one scenario, or all of them, on a fresh server each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scenarios")
    parser.add_argument("scenario", choices=[*SCENARIOS, *PAIRED, "soak", "all"])
    parser.add_argument("--redis", action="store_true", help="measure redis-server instead")
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help="how much of active, latency, ten-million; 1 is for the record",
    )
    parser.add_argument(
        "--seconds", type=float, default=600.0, help="how long soak lasts; 600 is for the record"
    )
    parser.add_argument("--clients", type=int, default=40, help="how many well-behaved clients soak has")
    options = parser.parse_args()
    if options.scenario == "soak":
        for line in run_soak(options.seconds, options.clients):
            print(line, flush=True)
        return
    if options.scenario in PAIRED:
        run_paired(options.scenario, options.scale)
        return
    names = list(SCENARIOS) if options.scenario == "all" else [options.scenario]
    for name in names:
        server: ServerProcess = RedisServer() if options.redis else PyredisServer(env=ENVIRONMENTS.get(name))
        with server:
            print(f"== {name}", flush=True)
            for line in SCENARIOS[name](server):
                print("  " + line, flush=True)
    sys.exit(0)


main()
