"""How requests arrive must not matter: one by one, in packets, byte by byte, or inside MULTI."""

from __future__ import annotations

import os

import pytest

from pyredis.clock import Clock, ManualClock
from pyredis.commands import all_specs
from pyredis.engine.command import BLOCKING, NO_MULTI, PROTECTED, PUBSUB
from tests.differential import state
from tests.differential.machine import Machine, compare
from tests.differential.normalise import Argv, full_name, replies_agree
from tests.differential.peers import EnginePeer, Peer, SocketPeer
from tests.differential.programs import Program, Step, generators, programs
from tests.support.inprocess import encode_command
from tests.support.servers import PyredisServer
from tests.support.wire import parse_replies

COMMANDS = 600
PROTOCOLS = pytest.mark.parametrize("protocol", [2, 3], ids=["resp2", "resp3"])
GROUPS = pytest.mark.parametrize("group", list(generators()))


class ChoppingPeer(EnginePeer):
    """Gets its input in pieces of a few bytes."""

    def __init__(self, clock: Clock, size: int) -> None:
        super().__init__(clock)
        self.size = size

    def send(self, index: int, data: bytes) -> None:
        for start in range(0, len(data), self.size):
            super().send(index, data[start : start + self.size])


def agree(one: Peer, two: Peer, program_list: list[Program], protocol: int) -> None:
    report = compare(Machine(one, two, protocol), program_list)
    assert report.programs == len(program_list)
    assert report.differences == 0, report.text()
    assert not report.unstable, report.text()


def without_broadcasts(program: Program) -> Program:
    """The program without CLIENT TRACKING BCAST, whose messages gather all that one packet changes."""
    return [
        Step(
            client,
            [argv for argv in requests if b"BCAST" not in argv or full_name(argv) != b"client|tracking"],
        )
        for client, requests in program
    ]


@PROTOCOLS
@GROUPS
def test_byte_by_byte_equals_packets(group: str, protocol: int) -> None:
    drawn = [without_broadcasts(program) for program in programs([group], 11, COMMANDS, protocol)]
    agree(ChoppingPeer(ManualClock(), 1), EnginePeer(ManualClock()), drawn, protocol)


@PROTOCOLS
@GROUPS
def test_one_at_a_time_equals_packets(group: str, protocol: int) -> None:
    """The packets of a program, and the same requests each in a packet of its own."""
    for drawn in programs([group], 12, COMMANDS, protocol):
        program = without_broadcasts(drawn)
        packed, single = EnginePeer(ManualClock()), EnginePeer(ManualClock())
        for peer in (packed, single):
            peer.open(3, protocol)
        for step in program:
            packed.send(step.client, b"".join([encode_command(*argv) for argv in step.requests]))
            for argv in step.requests:
                single.send(step.client, encode_command(*argv))
                single.settle(None)
            packed.settle(None)
        asked = [argv for step in program for argv in step.requests]
        for mine, theirs in zip(packed.received, single.received, strict=True):
            ours, others = parse_replies(bytes(mine)), parse_replies(bytes(theirs))
            assert len(ours) == len(others), program
            if ours != others:
                names = {full_name(argv) for argv in asked}
                assert names & RANDOM, (program, ours, others)
        assert packed.closed == single.closed
        if not {full_name(argv) for argv in asked} & RANDOM:
            assert state.difference(state.snapshot(packed), state.snapshot(single)) == "", program


RANDOM = frozenset(
    (
        b"randomkey srandmember hrandfield zrandmember spop client|id client|list client|info hello info"
        b" memory|usage memory|stats acl|genpass slowlog|get latency|histogram lolwut time"
    ).split()
)
"""Commands after which two engines may differ."""

STATEFUL = frozenset(
    (
        b"multi exec discard watch unwatch quit reset hello auth select client|reply client|setname"
        b" client|getname client|setinfo client|list client|info client|no-evict client|no-touch"
        b" client|tracking client|trackinginfo client|caching client|getredir"
    ).split()
)


def is_wrappable(argv: Argv) -> bool:
    """Whether a command may stand inside MULTI and means the same there."""
    name = full_name(argv)
    flags = FLAGS.get(name.upper().replace(b"|", b" ").decode("latin-1"))
    if flags is None or name in STATEFUL or name in RANDOM:
        return False
    return not flags & (NO_MULTI | PUBSUB | BLOCKING | PROTECTED)


FLAGS = {spec.name: spec.flags for spec in all_specs()}


@PROTOCOLS
@GROUPS
def test_a_transaction_equals_its_commands(group: str, protocol: int) -> None:
    """EXEC's reply holds what the commands reply alone; those that MULTI refuses are left out."""
    plain, wrapped = EnginePeer(ManualClock()), EnginePeer(ManualClock())
    compared = 0
    for program in programs([group], 13, COMMANDS, protocol):
        for peer in (plain, wrapped):
            peer.control(b"FLUSHALL")
            peer.open(1, protocol)
        for step in program:
            compared += _compare_wrapped(plain, wrapped, step)
        found = state.difference(state.snapshot(plain), state.snapshot(wrapped))
        assert found == "", program
    if group in ("strings", "keys", "expiration"):
        assert compared > COMMANDS / 2


def _compare_wrapped(plain: EnginePeer, wrapped: EnginePeer, step: Step) -> int:
    requests = [argv for argv in step.requests if is_wrappable(argv)]
    replies: list[bytes] = []
    accepted: list[Argv] = []
    for argv in requests:
        reply = _ask(plain, [argv])
        if not reply.startswith((b"-ERR unknown", b"-ERR wrong number of arguments")):
            accepted.append(argv)
            replies.append(reply)
    received = parse_replies(_ask(wrapped, [[b"MULTI"], *accepted, [b"EXEC"]]))
    assert received[0] == b"+OK\r\n"
    assert received[1:-1] == [b"+QUEUED\r\n"] * len(accepted), step
    header, _, body = received[-1].partition(b"\r\n")
    assert header == b"*%d" % len(accepted), received[-1]
    for argv, alone, inside in zip(accepted, replies, parse_replies(body), strict=True):
        assert replies_agree(argv, inside, alone), (argv, inside, alone, step)
    return len(accepted)


def _ask(peer: EnginePeer, requests: list[Argv]) -> bytes:
    peer.clear()
    peer.send(0, b"".join([encode_command(*argv) for argv in requests]))
    peer.settle(None)
    return bytes(peer.received[0])


OTHER_FORM = os.environ.get("PYREDIS_TEST_COMMAND") or os.environ.get("PYREDIS_TEST_PYTHON")


@pytest.mark.skipif(
    not OTHER_FORM, reason="neither PYREDIS_TEST_COMMAND nor PYREDIS_TEST_PYTHON names another build"
)
@PROTOCOLS
def test_the_other_build_equals_this_one(protocol: int) -> None:
    """The compiled server, as a process, and the engine of these sources."""
    with PyredisServer("--enable-debug-command", "yes", "--save", "") as server:
        other = SocketPeer("127.0.0.1", server.port)
        report = compare(Machine(EnginePeer(), other, protocol), programs([], 14, COMMANDS * 2, protocol))
        other.stop()
    assert report.differences == 0, report.text()
