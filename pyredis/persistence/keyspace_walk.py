"""A snapshot that is taken bit by bit while the keyspace changes, and holds what there was when it began.

The walk goes through the databases shard by shard, in the order of a scan. A key that is about to change and that
the walk has not reached is written first, and passed over later; one that is about to be created is passed over
too. So each key is written once, as it was: what a fork does for pages of memory is done here for keys.

Rules kept:

* Whether the walk has passed a key follows from the key's place in the scan's order alone (`point_of`), which
  splits and merges of shards do not change.
* A walk belongs to tables, not to a database: SWAPDB moves the walks along with the tables, and tables that a
  flush takes out of use stay as they are until they have been walked.
* Failing to write ends the snapshot, never the command that was about to change a key.

The cost of a change while a walk is under way is that of writing the key, once for each key. A key with a large value
is written in one piece.
"""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import i64

from pyredis.datatypes.hash_table import POINTS, HashTable, point_of
from pyredis.engine.engine import Engine
from pyredis.keyspace.access import AccessTable
from pyredis.keyspace.database import NO_DEADLINE, Database
from pyredis.keyspace.expiry import ExpiryQueue
from pyredis.keyspace.keeper import KeyKeeper
from pyredis.persistence.aof_base import base_writer
from pyredis.persistence.rdb_output import ByteSink
from pyredis.persistence.rdb_writer import RdbWriter, facts

NOWHERE: Final = -1


class DatabaseWalk:
    """How far the tables of one database have been walked; `index` is where their keys belong in the file."""

    def __init__(self, database: Database) -> None:
        self.index: int = database.index
        self.values: HashTable = database.values
        self.expires: HashTable = database.expires
        self.expiry: ExpiryQueue = database.expiry
        self.access: AccessTable = database.access
        # The keys before this point have been written.
        self.point: i64 = 0 if database.values.size != 0 else POINTS
        # Keys behind the point that have been written before they changed, or are new.
        self.handled: dict[bytes, None] = {}
        # The number of keys and deadlines has been written.
        self.is_announced: bool = False
        # No database has the tables any more.
        self.is_detached: bool = False


class KeyspaceWalk(KeyKeeper):
    """See the module's text. Begins with the constructor and ends with `step` or `abandon`."""

    def __init__(self, engine: Engine, sink: ByteSink, is_aof_base: bool = False) -> None:
        self.engine: Engine = engine
        self.writer: RdbWriter = base_writer(engine, sink, is_aof_base)
        # By the index of the database that has the tables now; and those that are still to be walked.
        self.walks: list[DatabaseWalk] = [DatabaseWalk(database) for database in engine.keyspace.databases]
        self.rest: list[DatabaseWalk] = [walk for walk in reversed(self.walks) if walk.values.size != 0]
        self.selected: int = NOWHERE
        # Keys that were written because they were about to change, and their bytes in the file.
        self.copied: i64 = 0
        self.copied_bytes: i64 = 0
        # Why what had to be written before a change could not be; `step` raises it.
        self.error: OSError | None = None
        self.is_under_way: bool = True
        self.writer.begin(facts(engine, is_aof_base))
        for source in engine.scripting.library_sources():
            self.writer.library(source)
        engine.keyspace.set_keeper(self)

    def step(self) -> bool:
        """Writes the keys of a shard; false when everything has been written. Raises `OSError`."""
        if self.error is not None:
            raise self.error
        while self.rest and self.rest[-1].point >= POINTS:
            self._end_walk(self.rest.pop())
        if self.rest:
            self._write_shard(self.rest[-1])
            return True
        if self.is_under_way:
            self._end()
            self.writer.finish()
        return False

    def abandon(self) -> None:
        """Gives up."""
        while self.rest:
            self._end_walk(self.rest.pop())
        if self.is_under_way:
            self._end()

    def keep(self, database: Database, key: bytes) -> None:
        """Writes a key that is about to change, unless the walk has passed it."""
        walk = self.walks[database.index]
        if walk.is_detached or point_of(key) < walk.point or key in walk.handled or self.error is not None:
            return
        walk.handled[key] = None
        value = walk.values.get(key)
        if value is None:
            return
        before = self.written_bytes()
        try:
            self._write(walk, key, value)
        except OSError as error:
            self.error = error
        self.copied += 1
        self.copied_bytes += self.written_bytes() - before

    def takes_over(self, database: Database) -> bool:
        """Keeps the tables of a database that is flushed, if they have not been walked yet."""
        walk = self.walks[database.index]
        was_detached = walk.is_detached
        walk.is_detached = True
        return not was_detached and walk.point < POINTS

    def swapped(self, first: int, second: int) -> None:
        """Follows the tables."""
        walks = self.walks
        walks[first], walks[second] = walks[second], walks[first]

    def written_bytes(self) -> i64:
        """Bytes of the file so far."""
        out = self.writer.out
        return out.passed + len(out.out)

    def _write_shard(self, walk: DatabaseWalk) -> None:
        start, end, shard = walk.values.shard_at(walk.point)
        handled = walk.handled
        is_partial = start < walk.point
        for key, value in shard.items():
            if is_partial and point_of(key) < walk.point:
                continue
            if handled and key in handled:
                del handled[key]
            else:
                self._write(walk, key, value)
        walk.point = end

    def _write(self, walk: DatabaseWalk, key: bytes, value: Any) -> None:
        writer = self.writer
        if self.selected != walk.index:
            writer.select(walk.index)
            self.selected = walk.index
            if not walk.is_announced:
                walk.is_announced = True
                writer.sizes(walk.values.size, walk.expires.size)
        deadline_ms = NO_DEADLINE
        if walk.expires.size != 0:
            deadline = walk.expires.get(key)
            if deadline is not None:
                deadline_ms = abs(deadline)
        writer.key(walk.access, key, value, deadline_ms)

    def _end_walk(self, walk: DatabaseWalk) -> None:
        """All keys of a database have been written; tables that nobody needs any more are freed bit by bit."""
        walk.point = POINTS
        walk.handled = {}
        if walk.is_detached:
            self.engine.keyspace.lazy_free.add_database(walk.values, walk.expires, walk.expiry)

    def _end(self) -> None:
        self.is_under_way = False
        self.engine.keyspace.set_keeper(None)
