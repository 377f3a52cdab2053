"""The base of an append only file as commands, for `aof-use-rdb-preamble no`: a file that can be read line by line.

Follows `rewriteAppendOnlyFileRio` of Redis's aof.c. Every key becomes the commands that make it, large values in
pieces of 64 elements, and then its deadline. What commands cannot say is lost, as it is in Redis: when a key was
last used, and what is pending of entries that were deleted.
"""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import i64

from pyredis.datatypes.bulk_strings import element_end
from pyredis.datatypes.hash_value import HashValue
from pyredis.datatypes.list_value import ListValue
from pyredis.datatypes.set_value import SetValue
from pyredis.datatypes.sorted_set import SortedSet
from pyredis.datatypes.stream import Stream, StreamCursor
from pyredis.datatypes.stream_groups import Group, in_name_order
from pyredis.datatypes.stream_ids import ID_MAX, id_text
from pyredis.engine.engine import Engine
from pyredis.keyspace.access import AccessTable
from pyredis.keyspace.database import NO_DEADLINE, string_bytes
from pyredis.persistence.aof_commands import write_command
from pyredis.persistence.rdb_output import ByteSink
from pyredis.persistence.rdb_writer import RdbWriter, version_needed
from pyredis.protocol.encode import array_header, write_bulk

ITEMS: Final[i64] = 64
"""Elements in one command."""


def base_writer(engine: Engine, sink: ByteSink, is_aof_base: bool) -> RdbWriter:
    """What writes a file: a snapshot, or a base in the form that the configuration asks for."""
    if is_aof_base and not engine.config.get_bool("aof-use-rdb-preamble"):
        return AofBaseWriter(engine, sink)
    return RdbWriter(engine, sink, version_needed(engine))


class AofBaseWriter(RdbWriter):
    """Writes commands where an `RdbWriter` writes RDB data."""

    def __init__(self, engine: Engine, sink: ByteSink) -> None:
        super().__init__(engine, sink, version_needed(engine))
        self.out.sums = False
        self.has_timestamp: bool = engine.config.get_bool("aof-timestamp-enabled")

    def begin(self, auxiliary: dict[bytes, bytes]) -> None:
        """Writes the time, if times are wanted; of the facts there is no need."""
        if self.has_timestamp:
            self.out.raw(b"#TS:%d\r\n" % (self.engine.clock.now_ms // 1000))

    def library(self, source: bytes) -> None:
        """Writes a library of functions."""
        self._command([b"FUNCTION", b"LOAD", source])

    def select(self, index: int) -> None:
        """Turns to a database."""
        self._command([b"SELECT", b"%d" % index])

    def sizes(self, keys: i64, deadlines: i64) -> None:
        """Nothing: commands need no hint."""

    def key(self, access: AccessTable, key: bytes, value: Any, deadline_ms: int) -> None:
        """Writes one key."""
        if isinstance(value, ListValue):
            self._list(key, value)
        elif isinstance(value, HashValue):
            self._hash(key, value)
        elif isinstance(value, SetValue):
            self._items(b"SADD", key, value.members())
        elif isinstance(value, SortedSet):
            self._sorted_set(key, value)
        elif isinstance(value, Stream):
            self._stream(key, value)
        else:
            self._command([b"SET", key, string_bytes(value)])
        if deadline_ms != NO_DEADLINE:
            self._command([b"PEXPIREAT", key, b"%d" % deadline_ms])
        self.keys += 1

    def finish(self) -> None:
        """Passes on what is left."""
        self.out.flush()

    def _command(self, argv: list[bytes]) -> None:
        write_command(self.out.out, argv)
        self.out.spill()

    def _header(self, name: bytes, key: bytes, arguments: i64) -> None:
        """The beginning of a command that has so many arguments behind its key."""
        writer = self.out.out
        writer.write(array_header(arguments + 2))
        write_bulk(writer, name)
        write_bulk(writer, key)

    def _items(self, name: bytes, key: bytes, arguments: list[bytes], width: i64 = 1) -> None:
        """Commands with the arguments of up to 64 elements each, which have `width` arguments."""
        size: i64 = len(arguments)
        step: i64 = ITEMS * width
        start: i64 = 0
        while start < size:
            stop = min(start + step, size)
            self._header(name, key, stop - start)
            while start < stop:
                write_bulk(self.out.out, arguments[start])
                start += 1
            self.out.spill()

    def _list(self, key: bytes, value: ListValue) -> None:
        """A list has its elements as bulk strings already, so whole stretches go out as they are."""
        left: i64 = value.size()
        room: i64 = 0
        for run in value.runs():
            place: i64 = 0
            end: i64 = len(run)
            while place < end:
                if room == 0:
                    self.out.spill()
                    room = min(left, ITEMS)
                    left -= room
                    self._header(b"RPUSH", key, room)
                start = place
                while room > 0 and place < end:
                    place = element_end(run, place)
                    room -= 1
                self.out.raw(run[start:place])
        self.out.spill()

    def _hash(self, key: bytes, value: HashValue) -> None:
        pairs = value.flat_pairs()
        self._items(b"HSET", key, pairs, 2)
        deadlines = value.deadlines
        if deadlines is None:
            return
        for field in deadlines.in_order():
            deadline = b"%d" % deadlines.get(field)
            self._command([b"HPEXPIREAT", key, deadline, b"FIELDS", b"1", field])

    def _sorted_set(self, key: bytes, value: SortedSet) -> None:
        size: i64 = value.size()
        start: i64 = 0
        while start < size:
            stop = min(start + ITEMS, size)
            members: list[bytes] = value.members(start, stop)
            scores = value.scores(start, stop)
            self._header(b"ZADD", key, 2 * (stop - start))
            writer = self.out.out
            for index in range(len(members)):
                write_bulk(writer, f"{scores[index]:.17g}".encode())
                write_bulk(writer, members[index])
            self.out.spill()
            start = stop

    def _stream(self, key: bytes, value: Stream) -> None:
        last_id = id_text(value.last_id())
        if value.length == 0:
            # An entry that is trimmed at once makes a stream without entries.
            entry_id = last_id if value.last_id() != 0 else b"0-1"
            self._command([b"XADD", key, b"MAXLEN", b"0", entry_id, b"x", b"y"])
        else:
            cursor = StreamCursor(value, 0, ID_MAX, False)
            while cursor.advance():
                content = cursor.node().content(cursor.index)
                self._command([b"XADD", key, id_text(cursor.entry_id()), *content])
        added = b"%d" % value.entries_added
        deleted_id = id_text(value.max_deleted_id)
        self._command([b"XSETID", key, last_id, b"ENTRIESADDED", added, b"MAXDELETEDID", deleted_id])
        for name in in_name_order(value.groups):
            self._group(key, value.groups[name])

    def _group(self, key: bytes, group: Group) -> None:
        create = [b"XGROUP", b"CREATE", key, group.name, id_text(group.last_id)]
        self._command([*create, b"ENTRIESREAD", b"%d" % group.entries_read])
        for name in in_name_order(group.consumers):
            consumer = group.consumers[name]
            if consumer.pending.size == 0:
                self._command([b"XGROUP", b"CREATECONSUMER", key, group.name, name])
                continue
            for entry_id in consumer.pending.between(0, ID_MAX, -1):
                pending = group.pending[entry_id]
                claim = [b"XCLAIM", key, group.name, name, b"0", id_text(entry_id)]
                claim += [b"TIME", b"%d" % pending.delivered_ms, b"RETRYCOUNT", b"%d" % pending.deliveries]
                self._command([*claim, b"JUSTID", b"FORCE"])
