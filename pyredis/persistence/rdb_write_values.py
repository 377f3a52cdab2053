"""Writing values as RDB data, each in the type that Redis 7.0 gives the same encoding, so that it can read them.

Two things are newer. A hash with deadlines of fields has to be of a type of Redis 7.4. And a set that is a listpack
would be in 7.4; it is written member by member, which any version reads and turns into what its limits say. Streams
are written in the format of 7.0 unless the file needs 7.4 anyway: a consumer then loses when it was last active,
as opposed to last seen.
"""

from __future__ import annotations

from typing import Any, Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from pyredis.datatypes.bulk_strings import element_end, value_start
from pyredis.datatypes.hash_value import HashValue
from pyredis.datatypes.list_value import NO_LIMIT, ListLimits, ListValue
from pyredis.datatypes.listpack import OVERHEAD, assemble, write_text
from pyredis.datatypes.numbers import format_double
from pyredis.datatypes.set_value import INTSET, SetValue
from pyredis.datatypes.sorted_set import SortedSet
from pyredis.datatypes.stream import UNKNOWN, Stream
from pyredis.datatypes.stream_groups import Group, in_name_order
from pyredis.datatypes.stream_ids import ID_MAX, PART_MAX, id_ms, id_seq
from pyredis.keyspace.database import string_bytes
from pyredis.persistence import intset, listpack
from pyredis.persistence import rdb_format as rdb
from pyredis.persistence.rdb_output import RdbOutput

AROUND: Final[i64] = 8
"""What Redis reckons that an element of a list takes besides its bytes."""

STRETCH: Final[i64] = 1024
"""Entries of a large sorted set that are looked at at once."""


def value_type(value: Any, version: int) -> i64:
    """The type under which `write_value` writes a value in a file of a version."""
    if isinstance(value, (bytes, int, bytearray)):
        return rdb.STRING
    if isinstance(value, ListValue):
        return rdb.LIST_QUICKLIST_2
    if isinstance(value, HashValue):
        if value.deadlines is not None and value.deadlines.table:
            return rdb.HASH_LISTPACK_EX if value.is_listpack else rdb.HASH_METADATA
        return rdb.HASH_LISTPACK if value.is_listpack else rdb.HASH
    if isinstance(value, SetValue):
        return rdb.SET_INTSET if i64(value.kind) == INTSET else rdb.SET
    if isinstance(value, SortedSet):
        return rdb.ZSET_LISTPACK if value.is_listpack else rdb.ZSET_2
    assert isinstance(value, Stream)
    return rdb.STREAM_LISTPACKS_3 if version >= rdb.FIELD_TTL_VERSION else rdb.STREAM_LISTPACKS_2


def needed_version(value: Any) -> int:
    """The lowest version that can hold a value."""
    if isinstance(value, HashValue) and value.deadlines is not None and value.deadlines.table:
        return rdb.FIELD_TTL_VERSION
    return rdb.PLAIN_VERSION


def write_value(out: RdbOutput, value: Any, kind: i64, limits: ListLimits) -> None:
    """Writes a value, without its type; lists in nodes as large as `limits` allows."""
    if isinstance(value, bytes):
        out.string(value)
    elif isinstance(value, int):
        out.number(value)
    elif isinstance(value, ListValue):
        _write_list(out, value, limits)
    elif isinstance(value, HashValue):
        _write_hash(out, value, kind)
    elif isinstance(value, SetValue):
        _write_set(out, value)
    elif isinstance(value, SortedSet):
        _write_zset(out, value)
    elif isinstance(value, Stream):
        _write_stream(out, value, kind)
    else:
        out.string(string_bytes(value))


class _ListNodes:
    """The nodes of a quicklist, gathered until their number is known, as it comes first."""

    def __init__(self, max_count: i64, max_bytes: i64, plain_from: i64) -> None:
        self.max_count: i64 = max_count
        self.plain_from: i64 = plain_from if plain_from > 0 else max_bytes + 1
        self.max_bytes: i64 = max_bytes
        self.nodes: list[bytes] = []
        self.are_plain: list[bool] = []
        self.elements: BytesWriter = BytesWriter()
        self.count: i64 = 0

    def add(self, text: bytes) -> None:
        """Adds an element."""
        size: i64 = len(text)
        if size >= self.plain_from:
            self.close()
            self.nodes.append(text)
            self.are_plain.append(True)
            return
        if self.count > 0:
            estimate = OVERHEAD + i64(len(self.elements)) + size + AROUND
            if self.count >= self.max_count or estimate > self.max_bytes:
                self.close()
        write_text(self.elements, text)
        self.count += 1

    def close(self) -> None:
        """Ends a node."""
        if self.count > 0:
            self.nodes.append(assemble(self.elements.getvalue(), self.count))
            self.are_plain.append(False)
            self.elements = BytesWriter()
            self.count = 0


def _write_list(out: RdbOutput, value: ListValue, limits: ListLimits) -> None:
    nodes = _ListNodes(limits.elements, limits.bytes, limits.plain_from)
    if not value.is_quicklist:  # a listpack is one node, whatever the limits have become since
        nodes = _ListNodes(NO_LIMIT, NO_LIMIT, 0)
    for run in value.runs():
        place: i64 = 0
        size: i64 = len(run)
        while place < size:
            end = element_end(run, place)
            nodes.add(run[value_start(run, place) : end - 2])
            place = end
    nodes.close()
    out.length(len(nodes.nodes))
    for number, node in enumerate(nodes.nodes):
        out.length(rdb.PLAIN_NODE if nodes.are_plain[number] else rdb.PACKED_NODE)
        out.string(node)
        out.spill()


def _write_hash(out: RdbOutput, value: HashValue, kind: i64) -> None:
    deadlines = value.deadlines
    pairs = value.flat_pairs()
    size: i64 = len(pairs)
    place: i64 = 0
    if kind == rdb.HASH_LISTPACK:
        out.string(listpack.encode(pairs))
    elif kind == rdb.HASH:
        out.length(size // 2)
        for text in pairs:
            out.string(text)
            out.spill()
    elif deadlines is not None:
        earliest = deadlines.earliest()
        out.integer_64(earliest)
        if kind == rdb.HASH_LISTPACK_EX:
            triples: list[bytes] = []
            while place < size:
                triples += pairs[place : place + 2]
                triples.append(b"%d" % max(deadlines.get(pairs[place]), 0))
                place += 2
            out.string(listpack.encode(triples))
            return
        out.length(size // 2)
        while place < size:
            deadline = deadlines.get(pairs[place])
            out.length(deadline - earliest + 1 if deadline >= 0 else 0)
            out.string(pairs[place])
            out.string(pairs[place + 1])
            out.spill()
            place += 2


def _write_set(out: RdbOutput, value: SetValue) -> None:
    members = value.members()
    if i64(value.kind) == INTSET:
        out.string(intset.encode([int(member) for member in members]))
        return
    out.length(len(members))
    for member in members:
        out.string(member)
        out.spill()


def _write_zset(out: RdbOutput, value: SortedSet) -> None:
    size: i64 = value.size()
    members: list[bytes]
    place: i64 = 0
    if value.is_listpack:
        elements = BytesWriter()
        members = value.members(0, size)
        scores = value.scores(0, size)
        while place < size:
            write_text(elements, members[place])
            write_text(elements, format_double(scores[place]))
            place += 1
        out.string(assemble(elements.getvalue(), 2 * size))
        return
    # From the highest score down, so that a skiplist is built at its head.
    out.length(size)
    stop = size
    while stop > 0:
        start: i64 = max(stop - STRETCH, 0)
        members = value.members(start, stop)
        scores = value.scores(start, stop)
        place = stop - start - 1
        while place >= 0:
            out.string(members[place])
            out.double(scores[place])
            place -= 1
        out.spill()
        stop = start


def _id_bytes(entry_id: int) -> bytes:
    """An ID as 16 bytes, the highest first."""
    return entry_id.to_bytes(16, "big")


def _write_id(out: RdbOutput, entry_id: int) -> None:
    out.unsigned(id_ms(entry_id))
    out.unsigned(id_seq(entry_id))


def _write_stream(out: RdbOutput, value: Stream, kind: i64) -> None:
    out.length(len(value.nodes))
    for node in value.nodes:
        out.string(_id_bytes(node.master_id()))
        out.string(node.listpack())
        out.spill()
    out.length(value.length)
    _write_id(out, value.last_id())
    _write_id(out, value.first_id)
    _write_id(out, value.max_deleted_id)
    out.unsigned(value.entries_added)
    out.length(len(value.groups))
    for name in in_name_order(value.groups):
        _write_group(out, value.groups[name], kind)


def _write_group(out: RdbOutput, group: Group, kind: i64) -> None:
    out.string(group.name)
    _write_id(out, group.last_id)
    out.unsigned(PART_MAX if group.entries_read == UNKNOWN else group.entries_read)
    out.length(len(group.pending))
    for entry_id in group.order.between(0, ID_MAX, -1):
        pending = group.pending[entry_id]
        out.raw(_id_bytes(entry_id))
        out.integer_64(pending.delivered_ms)
        out.length(pending.deliveries)
        out.spill()
    out.length(len(group.consumers))
    for name in in_name_order(group.consumers):
        consumer = group.consumers[name]
        out.string(name)
        out.integer_64(consumer.seen_ms)
        if kind == rdb.STREAM_LISTPACKS_3:
            out.integer_64(consumer.active_ms)
        out.length(consumer.pending.size)
        for entry_id in consumer.pending.between(0, ID_MAX, -1):
            out.raw(_id_bytes(entry_id))
        out.spill()
