"""The command line of the scenarios."""

from __future__ import annotations

import argparse
import sys

from benchmarks.scenarios.connections import measure_connections
from benchmarks.scenarios.expiry import measure_expiry
from benchmarks.scenarios.hostile import measure_hostile
from tests.support.process import ServerProcess
from tests.support.servers import PyredisServer, RedisServer

SCENARIOS = {
    "expiry": measure_expiry,
    "connections": measure_connections,
    "hostile": measure_hostile,
}


def main() -> None:
    """Runs one scenario, or all of them, on a fresh server each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scenarios")
    parser.add_argument("scenario", choices=[*SCENARIOS, "all"])
    parser.add_argument("--redis", action="store_true", help="measure redis-server instead")
    options = parser.parse_args()
    names = list(SCENARIOS) if options.scenario == "all" else [options.scenario]
    for name in names:
        server: ServerProcess = RedisServer() if options.redis else PyredisServer()
        with server:
            print(f"== {name}", flush=True)
            for line in SCENARIOS[name](server):
                print("  " + line, flush=True)
    sys.exit(0)


main()
