"""Writing everything an engine has, a few keys at a time, while nothing changes, as in a child process.

`pyredis.persistence.keyspace_walk` does the same for a keyspace that changes.
"""

from __future__ import annotations

from time import sleep
from typing import Any

from mypy_extensions import i64

from pyredis.engine.engine import Engine
from pyredis.keyspace.database import NO_DEADLINE, Database
from pyredis.persistence.aof_base import base_writer
from pyredis.persistence.rdb_output import ByteSink
from pyredis.persistence.rdb_writer import RdbWriter, facts


class KeyspaceSnapshot:
    """Writes a whole engine, a few keys at a time; the keyspace must not change between the steps."""

    def __init__(self, engine: Engine, sink: ByteSink, is_aof_base: bool = False) -> None:
        self.engine: Engine = engine
        self.writer: RdbWriter = base_writer(engine, sink, is_aof_base)
        self.is_aof_base: bool = is_aof_base
        self.has_begun: bool = False
        self.is_done: bool = False
        self.next_database: i64 = 0
        self.database: Database = engine.keyspace.databases[0]
        self.shards: list[dict[bytes, Any]] = []
        self.delay_us: int = engine.config.get_int("rdb-key-save-delay")

    def step(self) -> bool:
        """Writes the next few hundred keys; false when everything has been written."""
        if not self.has_begun:
            self.has_begun = True
            self.writer.begin(facts(self.engine, self.is_aof_base))
            for source in self.engine.scripting.library_sources():
                self.writer.library(source)
        if self.shards:
            self._write_shard(self.shards.pop())
        elif self.next_database < len(self.engine.keyspace.databases):
            self._open_database(self.engine.keyspace.databases[self.next_database])
            self.next_database += 1
        elif not self.is_done:
            self.is_done = True
            self.writer.finish()
        return not self.is_done

    def _open_database(self, database: Database) -> None:
        self.database = database
        if database.values.size != 0:
            self.writer.select(database.index)
            self.writer.sizes(database.values.size, database.expires.size)
            self.shards = database.values.shards()

    def _write_shard(self, shard: dict[bytes, Any]) -> None:
        database = self.database
        writer = self.writer
        has_deadlines = database.expires.size != 0
        for key, value in shard.items():
            deadline_ms = database.deadline(key) if has_deadlines else NO_DEADLINE
            writer.key(database.access, key, value, deadline_ms)
            if self.delay_us > 0:
                sleep(self.delay_us / 1e6)


def write_all(engine: Engine, sink: ByteSink, is_aof_base: bool = False) -> int:
    """Writes everything that an engine has; returns the number of keys."""
    snapshot = KeyspaceSnapshot(engine, sink, is_aof_base)
    while snapshot.step():
        pass
    return snapshot.writer.keys
