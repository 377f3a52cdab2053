"""Programs: random commands from the generators, dealt to several clients, pipelined and wrapped in
transactions.

A generator draws one command at a time and shrinks it well; it knows nothing of other clients. What makes
commands meet is added here, from a seed of its own: who sends, how many go in one packet, which stand inside
MULTI, and now and then an argument too many.
"""

from __future__ import annotations

import importlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.differential.normalise import excluded, full_name

Argv = list[bytes]

CLIENTS: Final = 3
COMMANDS_PER_PROGRAM: Final = 40
PROGRAMS_PER_DRAW: Final = 25
MUTATED_SHARE: Final = 0.03
INTRUDERS: Final = (
    b"", b"k1", b"0", b"-1", b"1", b"nan", b"inf", b"9223372036854775807", b"9223372036854775808",
    b"-9223372036854775808", b"1.5", b" 1", b"01", b"\x00", b"\r\n", b"x" * 140, b"NX", b"GET", b"*",
    b"WITHSCORES", b"COUNT", b"HELP",
)  # fmt: skip


class Step(NamedTuple):
    """Requests that one client sends in one packet."""

    client: int
    requests: list[Argv]


Program = list[Step]


def generators() -> dict[str, Callable[[], st.SearchStrategy[Argv]]]:
    """Every `gen_*.py` beside this file, by group."""
    found: dict[str, Callable[[], st.SearchStrategy[Argv]]] = {}
    for path in sorted(Path(__file__).parent.glob("gen_*.py")):
        module = importlib.import_module(f"tests.differential.{path.stem}")
        found[path.stem.removeprefix("gen_")] = module.commands
    return found


def programs(groups: list[str], seed_number: int, commands: int, protocol: int = 2) -> Iterator[Program]:
    """Programs of the named groups, all when none is named, until they hold so many commands."""
    known = generators()
    if missing := [group for group in groups if group not in known]:
        raise SystemExit(f"no generator for {', '.join(missing)}; there are {', '.join(known)}")
    strategy = st.one_of([known[group]() for group in groups or known])
    rng = random.Random(seed_number)
    size = min(COMMANDS_PER_PROGRAM, commands)
    sent = 0
    drawn = 0
    while sent < commands:
        count = min(PROGRAMS_PER_DRAW, -(-(commands - sent) // size))
        for batch in draw(strategy, seed_number * 1_000_003 + drawn, size, count):
            program = assemble(rng, batch, protocol)
            sent += sum(len(step.requests) for step in program)
            yield program
        drawn += 1


def draw(strategy: st.SearchStrategy[Argv], number: int, size: int, count: int) -> list[list[Argv]]:
    """Random commands in `count` lists of `size`; equal numbers give equal commands."""
    batches: list[list[Argv]] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(strategy, min_size=size, max_size=size))
    def collect(batch: list[Argv]) -> None:
        batches.append([list(argv) for argv in batch])

    collect()
    return batches


def assemble(rng: random.Random, commands: list[Argv], protocol: int) -> Program:
    """Deals commands to clients: alone, in a packet, or as a transaction that other clients may interrupt."""
    program: Program = []
    rest = [argv for argv in (mutate(rng, argv) for argv in commands) if argv and excluded(argv) is None]
    rest.reverse()
    stuck: set[int] = set()
    while rest:
        client = rng.randrange(CLIENTS)
        if client in stuck and rng.random() < 0.4:
            stuck.discard(client)
            program.append(Step(client, _reset(protocol)))
        shape = rng.random()
        if shape < 0.5:
            program.append(Step(client, [rest.pop()]))
        elif shape < 0.75:
            program.append(Step(client, _take(rest, rng.randint(2, 8))))
        elif shape < 0.9:
            body = _take(rest, rng.randint(1, 6))
            program.append(Step(client, [[b"MULTI"], *body, [b"EXEC"]]))
        else:
            program += _interrupted_transaction(rng, client, _take(rest, rng.randint(3, 8)))
        for step in program[-2:]:
            if any(_sticks(argv) for argv in step.requests):
                stuck.add(step.client)
    return program


def _take(rest: list[Argv], count: int) -> list[Argv]:
    return [rest.pop() for _ in range(min(count, len(rest)))]


def _interrupted_transaction(rng: random.Random, client: int, commands: list[Argv]) -> Program:
    """MULTI ... EXEC in packets of their own, among commands of the other clients; often with WATCH
    before."""
    steps: Program = []
    if rng.random() < 0.7:
        steps.append(Step(client, [[b"WATCH", b"k%d" % rng.randint(1, 5)]]))
    if rng.random() < 0.5:
        steps.append(Step((client + 1) % CLIENTS, [commands.pop()]))
    steps.append(Step(client, [[b"MULTI"]]))
    steps += [Step(rng.choice((client, client, (client + 1) % CLIENTS)), [argv]) for argv in commands]
    steps.append(Step(client, [[b"DISCARD"] if rng.random() < 0.1 else [b"EXEC"]]))
    return steps


def _reset(protocol: int) -> list[Argv]:
    return [[b"RESET"], [b"HELLO", b"3"]] if protocol == 3 else [[b"RESET"]]


def _sticks(argv: Argv) -> bool:
    """Whether the command may leave a client in a state in which little else works."""
    name = full_name(argv)
    return name.endswith(b"subscribe") or name in (b"client|reply", b"multi", b"hello", b"auth")


def mutate(rng: random.Random, argv: Argv) -> Argv:
    """Seldom spoils a command: an argument lost, doubled, replaced, or the name in another case."""
    if rng.random() >= MUTATED_SHARE or not argv:
        return argv
    argv = list(argv)
    at = rng.randrange(len(argv))
    kind = rng.randrange(5)
    if kind == 0:
        argv[0] = argv[0].swapcase()
    elif kind == 1 and at > 0:
        del argv[at]
    elif kind == 2:
        argv.insert(at + 1, argv[at])
    elif kind == 3 and at > 0:
        argv[at] = rng.choice(INTRUDERS)
    else:
        argv.append(rng.choice(INTRUDERS))
    return argv


def dump_program(program: Program) -> str:
    """One line of JSON for each step; bytes as latin-1, as in transcripts."""
    rows = [
        json.dumps([step.client, [[arg.decode("latin-1") for arg in argv] for argv in step.requests]])
        for step in program
    ]
    return "\n".join(rows)


def load_program(text: str) -> Program:
    """Reads what `dump_program` wrote."""
    program: Program = []
    for line in text.splitlines():
        if line.strip():
            client, requests = json.loads(line)
            program.append(Step(client, [[arg.encode("latin-1") for arg in argv] for argv in requests]))
    return program
