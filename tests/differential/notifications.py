"""The keyspace events that the two servers report for the same programs, in order.

Ours come from the engine's listener, where `Database.notify` reports, Redis's from a subscription to all key
events.

    python -m tests.differential --events
"""

from __future__ import annotations

import re
from typing import Final

from pyredis.keyspace import events
from pyredis.keyspace.database import Database, KeyspaceListener
from tests.differential.machine import Difference, Machine
from tests.differential.normalise import full_name
from tests.differential.normalise_streams import UNHEARD
from tests.differential.peers import EnginePeer, SocketPeer
from tests.differential.programs import Program, Step
from tests.support.wire import RawConnection, decode

CLASSES: Final = b"AE"
MASK: Final = (
    events.KEYEVENT | events.GENERIC | events.STRING | events.LIST | events.SET | events.HASH | events.ZSET
    | events.EXPIRED | events.EVICTED | events.STREAM
)  # fmt: skip
"""What `CLASSES` stands for."""

UNSENT: Final = frozenset((b"pubsub|numpat", b"config|set", b"config|get", b"psubscribe", b"randomkey"))
"""Commands that show the subscription, could end it, listen to the events themselves, or expire a key at random."""

Event = tuple[int, bytes, bytes]


class Ears(KeyspaceListener):
    """Notes events and passes everything on to the engine."""

    def __init__(self, engine: KeyspaceListener) -> None:
        self.engine = engine
        self.heard: list[Event] = []

    def key_changed(self, database: Database, key: bytes) -> None:
        self.engine.key_changed(database, key)

    def key_expired(self, database: Database, key: bytes) -> None:
        self.engine.key_expired(database, key)

    def field_expired(self, database: Database, key: bytes, field: bytes) -> None:
        self.engine.field_expired(database, key, field)

    def database_flushed(self, database: Database) -> None:
        self.engine.database_flushed(database)

    def event(self, kind: int, name: bytes, key: bytes, database: Database) -> None:
        self.heard.append((database.index, name, key))
        self.engine.event(kind, name, key, database)


class EventMachine(Machine):
    """A `Machine` that also compares keyspace events."""

    def __init__(self, ours: EnginePeer, oracle: SocketPeer, protocol: int = 2) -> None:
        super().__init__(ours, oracle, protocol)
        for peer in (ours, oracle):
            peer.control(b"DEBUG", b"SET-ACTIVE-EXPIRE", b"0")
        keyspace = ours.engine.keyspace
        self.ears = Ears(ours.engine)
        keyspace.listener = self.ears
        keyspace.event_mask = MASK
        oracle.control(b"CONFIG", b"SET", b"notify-keyspace-events", CLASSES)
        self.observer = RawConnection(oracle.host, oracle.port)
        self.observer.command(b"PSUBSCRIBE", b"__keyevent@*")

    def close(self) -> None:
        """Ends the subscription."""
        self.observer.close()

    def run(self, program: Program) -> Difference | None:
        """As every machine, without commands that show or change who listens."""
        return super().run(
            [
                Step(client, [argv for argv in requests if full_name(argv) not in UNSENT])
                for client, requests in program
            ]
        )

    def _reset(self) -> None:
        super()._reset()
        self._read_events()
        self.ears.heard.clear()

    def _read_events(self) -> list[Event]:
        self.oracle.control(b"PUBLISH", b"__keyevent@0__:marker", b"")
        heard: list[Event] = []
        while True:
            message = decode(self.observer.read_reply())
            assert isinstance(message, list), message
            channel, key = message[2], message[3]
            assert isinstance(channel, bytes), message
            assert isinstance(key, bytes), message
            found = re.fullmatch(rb"__keyevent@(\d+)__:(.*)", channel, re.DOTALL)
            assert found, channel
            if found[2] == b"marker":
                return heard
            heard.append((int(found[1]), found[2], key))

    def _final(self, program: Program) -> Difference | None:
        ours = [event for event in self.ears.heard if event[1] not in UNHEARD]
        theirs = [event for event in self._read_events() if event[1] not in UNHEARD]
        for one, two in zip(ours, theirs, strict=False):
            if one != two:
                return Difference(f"event: {two[1].decode('latin-1')}", None, repr(one), repr(two))
        if len(ours) != len(theirs):
            shorter = min(len(ours), len(theirs))
            rest = repr(ours[shorter:]), repr(theirs[shorter:])
            return Difference("event: number", None, *rest)
        self._are_counters_alike = False  # the marker has been counted
        return super()._final(program)
