"""What the two servers write to their logs for the same programs.

Ours is read from a sink of the engine, Redis's from its replication stream. Both are flattened to commands with
their database; the borders of transactions, and times that differ by the moment at which a server got a command,
are left aside.

    python -m tests.differential --effects
"""

from __future__ import annotations

from typing import Final

from pyredis.engine.engine import PropagationSink
from tests.differential.machine import Difference, Machine
from tests.differential.normalise import Argv, full_name
from tests.differential.normalise_streams import is_logged_alike, without_limit
from tests.differential.peers import EnginePeer, SocketPeer
from tests.differential.programs import Program, Step
from tests.differential.replica import ReplicaStream

NEAR_MS: Final = 1000
UNCOMPARED: Final = frozenset((b"PUBLISH", b"SPUBLISH", b"MULTI", b"EXEC"))
"""Messages travel on the stream to replicas but are not part of the data; a transaction's border is no effect."""

OPTIONS: Final = frozenset((b"PXAT",))
"""Words that Redis rewrites in capitals when it had to look at them anyway."""
UNSENT: Final = frozenset((b"role", b"randomkey"))
"""Commands that show the replica as which the stream is read, or expire a key at random."""

Entry = tuple[int, Argv]


class Sink(PropagationSink):
    """Keeps what an engine propagates."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, commands: list[Entry]) -> None:
        self.entries += commands


class PropagationMachine(Machine):
    """A `Machine` that also compares the logs.

    The oracle must be started with `--repl-diskless-sync no --shutdown-timeout 0`.
    """

    def __init__(self, ours: EnginePeer, oracle: SocketPeer, protocol: int = 2) -> None:
        super().__init__(ours, oracle, protocol)
        self.sink = Sink()
        ours.engine.add_sink(self.sink)
        # Keys that are due are then only removed, and logged, when a command meets them.
        for peer in (ours, oracle):
            peer.control(b"DEBUG", b"SET-ACTIVE-EXPIRE", b"0")
        self.stream = ReplicaStream(oracle.host, oracle.port)

    def close(self) -> None:
        """Lets go of the stream."""
        self.stream.close()

    def run(self, program: Program) -> Difference | None:
        """As every machine, without commands that show the replica."""
        return super().run(
            [
                Step(client, [argv for argv in requests if full_name(argv) not in UNSENT])
                for client, requests in program
            ]
        )

    def _reset(self) -> None:
        super()._reset()
        self._read_stream()
        self.sink.entries.clear()

    def _read_stream(self) -> list[Entry]:
        self.oracle.control(b"PUBLISH", b"propagation-marker", b"")
        return self.stream.commands_until(b"propagation-marker")

    def _final(self, program: Program) -> Difference | None:
        ours = [entry for entry in self.sink.entries if is_compared(entry[1])]
        theirs = [entry for entry in self._read_stream() if is_compared(entry[1])]
        for one, two in zip(ours, theirs, strict=False):
            if not same_entry(one, two):
                name = two[1][0].decode("latin-1")
                return Difference(f"log: {name}", None, repr(one), repr(two))
        if len(ours) != len(theirs):
            shorter = min(len(ours), len(theirs))
            return Difference("log: length", None, repr(ours[shorter:]), repr(theirs[shorter:]))
        self._are_counters_alike = False  # the marker has been counted
        return super()._final(program)


def is_compared(argv: Argv) -> bool:
    """Whether a logged command has to be in both logs."""
    return argv[0].upper() not in UNCOMPARED and is_logged_alike(argv)


def same_entry(one: Entry, two: Entry) -> bool:
    """Whether two logged commands are the same, the name's case and the time of arrival aside."""
    index, argv = one[0], without_limit(one[1])
    other_index, other = two[0], without_limit(two[1])
    if index != other_index or len(argv) != len(other) or argv[0].upper() != other[0].upper():
        return False
    return all(same_word(word, other_word) for word, other_word in zip(argv[1:], other[1:], strict=True))


def same_word(word: bytes, other: bytes) -> bool:
    """Whether two arguments are equal, or times (also in an entry's identifier) that are about the same."""
    if word == other or (word.upper() == other and other in OPTIONS):
        return True
    (one, dash, rest), (two, other_dash, other_rest) = word.partition(b"-"), other.partition(b"-")
    if len(one) < 13 or not one.isdigit() or not two.isdigit() or (dash, rest) != (other_dash, other_rest):
        return False
    return abs(int(one) - int(two)) <= NEAR_MS
