"""An in-process server that is listened to: what it would log, and which keyspace events it reports."""

from __future__ import annotations

from typing import Final

from pyredis.engine.engine import PropagationSink
from pyredis.keyspace.database import Database, KeyspaceListener
from tests.support.inprocess import InProcess

ALL_EVENTS: Final = -1


class Log(PropagationSink):
    """Keeps every command that is propagated."""

    def __init__(self) -> None:
        self.commands: list[list[bytes]] = []

    def write(self, commands: list[tuple[int, list[bytes]]]) -> None:
        self.commands += [argv for _, argv in commands]


class Events(KeyspaceListener):
    """Keeps the keyspace events as `name key`, and tells the engine what it has to know."""

    def __init__(self, engine: KeyspaceListener) -> None:
        self.engine = engine
        self.heard: list[str] = []

    def key_expired(self, database: Database, key: bytes) -> None:
        self.engine.key_expired(database, key)

    def field_expired(self, database: Database, key: bytes, field: bytes) -> None:
        self.engine.field_expired(database, key, field)

    def event(self, kind: int, name: bytes, key: bytes, database: Database) -> None:
        self.heard.append(f"{name.decode()} {key.decode()}")


class Observed(InProcess):
    """An `InProcess` server with one client; words become arguments."""

    def __init__(self, *directives: tuple[bytes, bytes], protocol: int = 2) -> None:
        super().__init__(*directives)
        self.log = Log()
        self.engine.add_sink(self.log)
        self.events = Events(self.engine)
        self.engine.keyspace.listener = self.events
        self.engine.keyspace.event_mask = ALL_EVENTS
        self.user = self.client()
        if protocol == 3:
            self.user.session.set_protocol(3)

    def run(self, line: str) -> bytes:
        """The raw reply to a command; `''` is the empty argument."""
        return self.user.command(*[b"" if word == "''" else word for word in line.split()])

    def logged(self) -> list[str]:
        """What was propagated since the last look, one line a command."""
        lines = [b" ".join(argv).decode("latin-1") for argv in self.log.commands]
        self.log.commands.clear()
        return lines

    def heard(self) -> list[str]:
        """The events since the last look."""
        heard = list(self.events.heard)
        self.events.heard.clear()
        return heard

    def forget(self) -> None:
        """Looks away from what happened so far."""
        self.log.commands.clear()
        self.events.heard.clear()
