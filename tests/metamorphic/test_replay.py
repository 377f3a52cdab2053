"""Replaying the log of an engine gives its keyspace, whenever it is replayed."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from tests.differential import state
from tests.differential.peers import EnginePeer, manual_peer
from tests.differential.programs import Program, Step, generators, programs
from tests.metamorphic.recorder import START_MS, Recorder, recorded_peer, replay
from tests.support.inprocess import encode_command

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMANDS = 600
HOUR_MS = 3_600_000
GROUPS = pytest.mark.parametrize("group", list(generators()))

_MILLISECONDS = re.compile(rb"1[67]\d{11}")


def run(peer: EnginePeer, program: Program) -> None:
    """All steps of a program, without a look at the replies."""
    peer.open(3, 2)
    for step in program:
        peer.send(step.client, b"".join([encode_command(*argv) for argv in step.requests]))
        peer.settle(None)


def differ(copy: EnginePeer, original: EnginePeer) -> str:
    """What differs between two keyspaces; not how strings are encoded, as INCRBYFLOAT is logged as a SET."""
    return state.difference(state.snapshot(copy), state.snapshot(original), encodings=False)


def logged(group: str, seed: int, commands: int) -> Iterator[Program]:
    """Programs without what changes data and is not logged, as in Redis: some of DEBUG, scripts that say so."""
    for program in programs([group], seed, commands):
        steps: Program = []
        for client, requests in program:
            kept = [
                argv
                for argv in requests
                if argv[0].upper() != b"DEBUG" and not any(b"set_repl" in word for word in argv)
            ]
            if kept:
                steps.append(Step(client, kept))
        yield steps


def replay_time(recorder: Recorder) -> int:
    """As late as no deadline in the log passes before: a replay does not keep keys alive that are due."""
    numbers = [int(word) for argv in recorder.argvs() for word in argv if _MILLISECONDS.fullmatch(word)]
    return min([START_MS + HOUR_MS, *[number - 1 for number in numbers if number > START_MS]])


@GROUPS
def test_a_replay_an_hour_later_gives_the_same_keyspace(group: str) -> None:
    """Nothing in the log counts from the time at which it is run."""
    later = 0
    for program in logged(group, 21, COMMANDS):
        peer, clock, recorder = recorded_peer()
        run(peer, program)
        copy, copy_clock = manual_peer()
        moment = replay_time(recorder)
        later += moment > START_MS
        copy_clock.advance(moment - START_MS)
        replay(recorder, copy, None)
        clock.advance(moment - START_MS)
        assert differ(copy, peer) == "", (program, recorder.argvs())
        check(copy)
    assert later > 0


@GROUPS
def test_a_replay_at_the_same_pace_gives_the_same_keyspace(group: str) -> None:
    """Keys expire between the commands, of the original and of the copy alike."""
    rng = random.Random(22)
    for program in logged(group, 22, COMMANDS):
        peer, clock, recorder = recorded_peer()
        peer.open(3, 2)
        for step in program:
            clock.advance(rng.choice((0, 1, 10, 1000, 100_000)))
            peer.send(step.client, b"".join([encode_command(*argv) for argv in step.requests]))
            peer.settle(None)
        copy, copy_clock = manual_peer()
        replay(recorder, copy, copy_clock)
        copy_clock.advance(clock.now_ms - copy_clock.now_ms)
        assert differ(copy, peer) == "", (program, recorder.argvs())
        check(peer)


@GROUPS
def test_the_log_of_a_replay_is_the_log(group: str) -> None:
    """Effects are their own effects: a replica of a replica gets what the replica got."""
    for program in logged(group, 23, COMMANDS):
        peer, _, recorder = recorded_peer()
        run(peer, program)
        copy, _, copied = recorded_peer()
        replay(recorder, copy, None)
        assert copied.argvs() == recorder.argvs(), program


def check(peer: EnginePeer) -> None:
    """The invariants of the tables."""
    for database in peer.engine.keyspace.databases:
        database.check()
