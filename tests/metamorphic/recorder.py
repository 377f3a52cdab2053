"""A log in memory: what an engine propagates, and an engine that runs it again."""

from __future__ import annotations

from typing import Final

from pyredis.clock import ManualClock
from pyredis.engine.engine import PropagationSink
from tests.differential.peers import EnginePeer

Argv = list[bytes]
Entry = tuple[int, Argv]

START_MS: Final = 1_700_000_000_000
"""When a `ManualClock` starts."""


class Recorder(PropagationSink):
    """Keeps every propagated unit with the time at which it came."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.units: list[tuple[int, list[Entry]]] = []

    def write(self, commands: list[Entry]) -> None:
        self.units.append((self.clock.now_ms, list(commands)))

    def argvs(self) -> list[Argv]:
        """All commands in order."""
        return [argv for _, unit in self.units for _, argv in unit]


def recorded_peer() -> tuple[EnginePeer, ManualClock, Recorder]:
    """An engine with a manual clock and a log."""
    clock = ManualClock()
    peer = EnginePeer(clock)
    recorder = Recorder(clock)
    peer.engine.add_sink(recorder)
    return peer, clock, recorder


def replay(recorder: Recorder, peer: EnginePeer, clock: ManualClock | None) -> None:
    """Runs a log; with a clock, each unit at the time at which it was written, else whenever it is now."""
    selected = 0
    for written_ms, unit in recorder.units:
        if clock is not None:
            clock.advance(written_ms - clock.now_ms)
        for index, argv in unit:
            if index != selected:
                peer.control(b"SELECT", b"%d" % index)
                selected = index
            reply = peer.control(*argv)
            # A PFADD that meets a corrupt value is logged for what it added before.
            assert not reply.startswith(b"-") or reply.startswith(b"-INVALIDOBJ"), (argv, reply)
    peer.control(b"SELECT", b"0")
