"""Compares pyredis with a real redis-server: see the package's text and `--help`."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.differential.machine import Finding, Machine, compare
from tests.differential.notifications import EventMachine
from tests.differential.peers import EnginePeer, Peer, SocketPeer
from tests.differential.programs import dump_program, load_program, programs
from tests.differential.propagation import PropagationMachine
from tests.support.servers import PyredisServer, RedisServer


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("--commands", type=int, default=10_000, help="how many commands to send")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resp3", action="store_true", help="all clients say HELLO 3")
    parser.add_argument("--groups", default="", help="generators to use, separated by commas; all without it")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--socket", metavar="HOST:PORT", help="a running pyredis, instead of the engine in this process"
    )
    where.add_argument(
        "--spawn", action="store_true", help="start pyredis as a process (see tests/support/servers.py)"
    )
    parser.add_argument("--effects", action="store_true", help="also compare what is written to the log")
    parser.add_argument("--events", action="store_true", help="also compare keyspace events")
    parser.add_argument(
        "--oracle", metavar="HOST:PORT", help="a running redis-server; one is started without it"
    )
    parser.add_argument(
        "--program", metavar="FILE", help="run the program in a file, as printed for a difference"
    )
    return parser.parse_args(argv)


@contextlib.contextmanager
def peers(options: argparse.Namespace) -> Iterator[tuple[Peer, Peer]]:
    """Both servers, started where needed."""
    with contextlib.ExitStack() as stack:
        ours: Peer
        if options.socket:
            ours = SocketPeer(*_address(options.socket))
        elif options.spawn:
            server = stack.enter_context(PyredisServer("--enable-debug-command", "yes", "--save", ""))
            ours = SocketPeer("127.0.0.1", server.port)
        else:
            ours = EnginePeer()
        if options.oracle:
            oracle = SocketPeer(*_address(options.oracle))
        else:
            oracle = SocketPeer(
                "127.0.0.1",
                stack.enter_context(
                    RedisServer("--repl-diskless-sync", "no", "--shutdown-timeout", "0")
                ).port,
            )
        yield ours, oracle
        ours.stop()
        oracle.stop()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host or "127.0.0.1", int(port)


def _machine(ours: Peer, oracle: Peer, options: argparse.Namespace) -> Machine:
    protocol = 3 if options.resp3 else 2
    if not options.effects and not options.events:
        return Machine(ours, oracle, protocol)
    if not isinstance(ours, EnginePeer) or not isinstance(oracle, SocketPeer):
        raise SystemExit("--effects and --events need the engine in this process")
    return (PropagationMachine if options.effects else EventMachine)(ours, oracle, protocol)


def _show(finding: Finding) -> None:
    print(f"--- {finding.difference.describe()}\nprogram:\n{dump_program(finding.program)}\n", flush=True)


def main(argv: list[str]) -> int:
    """Runs and prints; the exit code is 1 when anything differed."""
    options = parse_arguments(argv)
    protocol = 3 if options.resp3 else 2
    groups = [group for group in options.groups.split(",") if group]
    with peers(options) as (ours, oracle):
        machine = _machine(ours, oracle, options)
        if options.program:
            found = machine.run(load_program(Path(options.program).read_text(encoding="utf-8")))
            print(found.describe() if found else "no difference")
            return int(found is not None)
        began = time.perf_counter()
        report = compare(machine, programs(groups, options.seed, options.commands, protocol), _show)
    seconds = time.perf_counter() - began
    for signature, count in report.counts.most_common():
        print(f"{count:6d}  {' | '.join(signature)}")
    for signature, count in report.unstable.most_common():
        print(f"{count:6d}  unstable: {' | '.join(signature)}")
    print(
        f"{report.commands} commands in {report.programs} programs, RESP{protocol}, seed {options.seed}: "
        f"{report.differences} programs differed in {len(report.findings)} ways, "
        f"{report.unstable.total()} unstable; {seconds:.1f} s"
    )
    return int(report.differences > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
