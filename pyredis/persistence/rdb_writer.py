"""Writing an RDB file: the header with facts about it, the keys of each database, the checksum.

    writer = RdbWriter(engine, sink, version_needed(engine))
    writer.begin(facts(engine))
    writer.select(database.index)
    writer.key(database.access, key, value, deadline)
    writer.finish()

`pyredis.persistence.keyspace_snapshot` does this for everything an engine has while nothing changes, and
`pyredis.persistence.keyspace_walk` while it does change.
"""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import i64

from pyredis import REDIS_VERSION
from pyredis.engine.engine import Engine
from pyredis.keyspace.access import AccessTable
from pyredis.keyspace.database import NO_DEADLINE
from pyredis.persistence import rdb_format as rdb
from pyredis.persistence.rdb_output import ByteSink, RdbOutput
from pyredis.persistence.rdb_write_values import value_type, write_value

WRITES_NOTHING: Final = 0
WRITES_IDLE: Final = 1
WRITES_FREQUENCY: Final = 2
"""What is noted about accesses."""


def version_needed(engine: Engine) -> int:
    """The lowest version that can hold everything that is stored. O(1)."""
    for database in engine.keyspace.databases:
        if database.field_expires.size != 0:
            return rdb.FIELD_TTL_VERSION
    return rdb.PLAIN_VERSION


def facts(engine: Engine, is_aof_base: bool = False) -> dict[bytes, bytes]:
    """The auxiliary fields that Redis writes."""
    return {
        b"redis-ver": REDIS_VERSION.encode(),
        b"redis-bits": b"64",
        b"ctime": b"%d" % (engine.clock.read_us() // 1_000_000),
        b"used-mem": b"%d" % engine.statistics.used_memory(),
        b"aof-base": b"1" if is_aof_base else b"0",
    }


class RdbWriter:
    """See the module's text."""

    def __init__(self, engine: Engine, sink: ByteSink, version: int) -> None:
        config = engine.config
        self.engine: Engine = engine
        self.version: int = version
        self.out: RdbOutput = RdbOutput(
            sink, config.get_bool("rdbcompression"), config.get_bool("rdbchecksum")
        )
        self.keys: i64 = 0
        policy = config.get_str("maxmemory-policy")
        self.noted: i64 = (
            WRITES_IDLE
            if policy.endswith("-lru")
            else WRITES_FREQUENCY
            if policy.endswith("-lfu")
            else WRITES_NOTHING
        )

    def begin(self, auxiliary: dict[bytes, bytes]) -> None:
        """Writes the header."""
        out = self.out
        out.raw(rdb.MAGIC + b"%04d" % self.version)
        for name, value in auxiliary.items():
            out.byte(rdb.AUX)
            out.string(name)
            out.string(value)

    def library(self, source: bytes) -> None:
        """Writes a library of functions; they come before the first database."""
        self.out.byte(rdb.FUNCTION_2)
        self.out.string(source)

    def select(self, index: int) -> None:
        """Announces keys of a database."""
        self.out.byte(rdb.SELECT_DB)
        self.out.length(index)

    def sizes(self, keys: i64, deadlines: i64) -> None:
        """Says how many keys of the database there will be, as a hint."""
        self.out.byte(rdb.RESIZE_DB)
        self.out.length(keys)
        self.out.length(deadlines)

    def key(self, access: AccessTable, key: bytes, value: Any, deadline_ms: int) -> None:
        """Writes one key, with a deadline or `NO_DEADLINE`."""
        out = self.out
        if deadline_ms != NO_DEADLINE:
            out.byte(rdb.EXPIRE_TIME_MS)
            out.integer_64(deadline_ms)
        if self.noted != WRITES_NOTHING:
            self._note_access(access, key)
        kind = value_type(value, self.version)
        out.byte(kind)
        out.string(key)
        if isinstance(value, bytes):
            out.string(value)
        else:
            write_value(out, value, kind, self.engine.list_limits)
        out.spill()
        self.keys += 1

    def _note_access(self, access: AccessTable, key: bytes) -> None:
        out = self.out
        if self.noted == WRITES_IDLE:
            out.byte(rdb.IDLE)
            out.length(access.idle_seconds(key))
        else:
            out.byte(rdb.FREQ)
            out.byte(access.frequency(key))

    def finish(self) -> None:
        """Writes the end and the checksum, 0 without one."""
        out = self.out
        out.byte(rdb.EOF)
        out.flush()
        out.raw(out.sum.to_bytes(8, "little"))
        out.sums = False
        out.flush()
