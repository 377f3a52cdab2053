"""The command line of the scenarios."""

from __future__ import annotations

import argparse
import sys

from benchmarks.scenarios.connections import measure_connections
from benchmarks.scenarios.expiry import measure_expiry
from benchmarks.scenarios.hostile import measure_hostile
from benchmarks.scenarios.log_cost import measure_log
from benchmarks.scenarios.snapshot import measure_snapshot
from tests.support.process import ServerProcess
from tests.support.servers import PyredisServer, RedisServer

SCENARIOS = {
    "expiry": measure_expiry,
    "connections": measure_connections,
    "hostile": measure_hostile,
    "snapshot": measure_snapshot,
    "snapshot-slices": measure_snapshot,
    "log": measure_log,
}
ENVIRONMENTS = {"snapshot-slices": {"PYREDIS_FORK": "0"}}
"""What pyredis is told beyond its defaults."""


def main() -> None:
    """Runs one scenario, or all of them, on a fresh server each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scenarios")
    parser.add_argument("scenario", choices=[*SCENARIOS, "all"])
    parser.add_argument("--redis", action="store_true", help="measure redis-server instead")
    options = parser.parse_args()
    names = list(SCENARIOS) if options.scenario == "all" else [options.scenario]
    for name in names:
        server: ServerProcess = RedisServer() if options.redis else PyredisServer(env=ENVIRONMENTS.get(name))
        with server:
            print(f"== {name}", flush=True)
            for line in SCENARIOS[name](server):
                print("  " + line, flush=True)
    sys.exit(0)


main()
