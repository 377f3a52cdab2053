"""Putting the keys of an RDB file into the databases of an engine, without events or propagation.

Keys past their deadline are left out, unless somebody else decides about them: on a replica, or while a log is
replayed. Idle times and frequencies count only under a policy that goes by them.
"""

from __future__ import annotations

import logging
from time import sleep
from typing import Any

from mypy_extensions import i64

from pyredis.datatypes.hash_value import HashValue
from pyredis.engine.engine import Engine
from pyredis.keyspace.database import Database
from pyredis.persistence.rdb_input import ByteSource, RdbInput
from pyredis.persistence.rdb_reader import UNSET, RdbReader, RdbReceiver

log = logging.getLogger("pyredis")


class RdbLoader(RdbReceiver):
    """The receiver, and what is worth telling afterwards.

    `replaces` lets a key of the file take the place of one that exists; otherwise it is an error.
    """

    def __init__(self, engine: Engine, replaces: bool = False) -> None:
        self.engine: Engine = engine
        self.database: Database = engine.keyspace.databases[0]
        self.replaces: bool = replaces
        self.loaded: i64 = 0
        self.expired: i64 = 0
        self.empty: i64 = 0
        self.facts: dict[bytes, bytes] = {}
        self.libraries: list[bytes] = []
        self.delay_us: int = engine.config.get_int("key-load-delay")

    def auxiliary(self, name: bytes, value: bytes) -> None:
        """Keeps what the file says of itself."""
        self.facts[name] = value
        if name == b"redis-ver":
            log.info("Loading RDB produced by version %s", value.decode(errors="replace"))
        elif name == b"ctime" and value.isdigit():
            age = max(self.engine.clock.now_ms // 1000 - int(value), 0)
            log.info("RDB age %d seconds", age)
        elif name == b"used-mem" and value.isdigit():
            log.info("RDB memory usage when created %.2f Mb", int(value) / (1024 * 1024))
            self.engine.saving.load_used_memory = int(value)
        elif name == b"aof-base" and value == b"1":
            log.info("RDB is base AOF")

    def select(self, index: int) -> str:
        """Goes on with another database."""
        databases = self.engine.keyspace.databases
        if index >= len(databases):
            return f"expected one of {len(databases)} databases, found the number {index}"
        self.database = databases[index]
        return ""

    def sizes(self, keys: int, deadlines: int) -> None:
        """Makes room, unless many of the keys may be past their deadline."""
        if 2 * deadlines <= keys:
            self.database.values.reserve(keys)

    def key(self, key: bytes, value: Any, deadline_ms: int, idle_seconds: int, frequency: int) -> str:
        """Stores a key."""
        database = self.database
        if self.delay_us > 0:
            sleep(self.delay_us / 1e6)
        if deadline_ms != UNSET:
            keyspace = database.keyspace
            if keyspace.is_past(deadline_ms) and not keyspace.keeps_expired:
                self.expired += 1
                return ""
        database.keep(key)
        if not database.values.set(key, value):
            if not self.replaces:
                return f"expected a key that is not there yet, found {key[:100]!r}"
            database.expires.pop(key)
            database.field_expires.pop(key)
        access = database.access
        access.begin(key, database.values.size)
        if deadline_ms != UNSET:
            database.set_deadline(key, deadline_ms)
        if isinstance(value, HashValue) and value.deadlines is not None:
            database.schedule_fields(key, value)
        if frequency != UNSET:
            if access.policy.counts_frequency:
                access.set_frequency(key, frequency)
        elif idle_seconds != UNSET and not access.policy.counts_frequency:
            access.set_idle(key, idle_seconds)
        self.loaded += 1
        return ""

    def dropped(self, key: bytes) -> None:
        """Counts what is left out; the first few are named in the log."""
        self.empty += 1
        if self.empty <= 10:
            log.info("rdbLoadObject skipping empty key: %s", key.decode(errors="backslashreplace"))

    def library(self, source: bytes) -> str:
        """Loads a library of functions."""
        self.libraries.append(source)
        error = self.engine.scripting.restore_library(source, self.replaces)
        return error.decode(errors="replace")


def load_all(engine: Engine, source: ByteSource, sums: bool = True, replaces: bool = False) -> RdbLoader:
    """Loads a whole file at once; raises `RdbError`."""
    loader = RdbLoader(engine, replaces)
    reader = RdbReader(RdbInput(source, b"", sums), loader, engine)
    reader.begin()
    while reader.step(1 << 30):
        pass
    return loader
