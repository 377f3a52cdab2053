"""Streams in RDB data: the listpacks of their nodes, what they remember, and their consumer groups.

A listpack is checked twice, as a listpack and as a node: the entries that the numbers promise, in order, each with
its own count of elements. It is then encoded anew, so that `StreamNode` meets integers only in the form it expects.
"""

from __future__ import annotations

from typing import Final

from librt.strings import read_i64_be
from mypy_extensions import i64

from pyredis.datatypes.numbers import parse_int64
from pyredis.datatypes.stream import UNKNOWN, Stream
from pyredis.datatypes.stream_groups import Consumer, Group
from pyredis.datatypes.stream_ids import PART_MAX, join_id
from pyredis.datatypes.stream_node import DELETED, SAME_FIELDS, add_difference, node_from_listpack
from pyredis.persistence import listpack
from pyredis.persistence import rdb_format as rdb
from pyredis.persistence.errors import MalformedError
from pyredis.persistence.rdb_input import RdbInput

ID_BYTES: Final[i64] = 16


def read_stream(data: RdbInput, kind: i64) -> Stream:
    """A stream of any of the three formats; it may be empty."""
    stream = Stream()
    live: i64 = 0
    last_id: int = 0
    for _ in range(data.count("the number of a stream's nodes")):
        master_id = _id_of(data, data.string("the ID of a node"))
        node_last = _read_node(data, stream, master_id)
        if master_id <= last_id:
            data.fail("expected a node behind the one before")
        last_id = node_last
        live += stream.nodes[-1].live
    stream.length = data.length("the length of a stream")
    if stream.length != live:
        data.fail(f"expected {live} as the length of a stream, found {stream.length}")
    stream.set_last_id(_read_id(data))
    if stream.last_id() < last_id:
        data.fail("expected a last ID that is not before the last entry's")
    stream.find_first()
    if kind == rdb.STREAM_LISTPACKS:
        stream.entries_added = stream.length
    else:
        _read_id(data)  # of the first entry, which we know
        stream.max_deleted_id = _read_id(data)
        stream.entries_added = data.unsigned("how many entries were added")
    for _ in range(data.count("the number of groups")):
        _read_group(data, kind, stream)
    return stream


def _id_of(data: RdbInput, text: bytes) -> int:
    """An ID of 16 bytes, the highest first."""
    if len(text) != ID_BYTES:
        data.fail(f"expected an ID of 16 bytes, found {len(text)}")
    ms: int = read_i64_be(text, 0)
    seq: int = read_i64_be(text, 8)
    return join_id(ms & PART_MAX, seq & PART_MAX)


def _read_id(data: RdbInput) -> int:
    """An ID as two numbers."""
    ms = data.unsigned("the milliseconds of an ID")
    return join_id(ms, data.unsigned("the sequence number of an ID"))


def _read_node(data: RdbInput, stream: Stream, master_id: int) -> int:
    """Adds a node to a stream; returns the ID of its last entry."""
    blob = data.string("a node of a stream")
    try:
        elements = listpack.decode(blob)
        last_id = check_node(elements, master_id)
    except MalformedError as error:
        data.fail(f"expected a node of a stream: {error}")
    stream.append_node(node_from_listpack(master_id, listpack.encode(elements)))
    return last_id


def check_node(elements: list[bytes], master_id: int) -> int:
    """Raises `MalformedError` unless these elements make up a node; returns the ID of its last entry."""
    size: i64 = len(elements)
    live, deleted, fields = _number(elements, 0), _number(elements, 1), _number(elements, 2)
    if fields < 0 or fields > size - 4 or _number(elements, 3 + fields) != 0:
        raise MalformedError("the fields of the first entry", 2)
    place: i64 = 4 + fields
    before = -1
    while place < size:
        start = place
        flags = _number(elements, place)
        if not 0 <= flags <= (DELETED | SAME_FIELDS):
            raise MalformedError("the flags of an entry", place)
        ms = add_difference(master_id >> 64, _number(elements, place + 1))
        entry_id = join_id(ms, add_difference(master_id & PART_MAX, _number(elements, place + 2)))
        if entry_id <= before or (before < 0 and entry_id != master_id):
            raise MalformedError("an ID behind the one before", place)
        before = entry_id
        place += 3
        if flags & SAME_FIELDS:
            place += fields
        else:
            words = _number(elements, place)
            if not 0 <= words <= size:
                raise MalformedError("the number of fields", place)
            place += 2 * words + 1
        if _number(elements, place) != place - start:
            raise MalformedError("the number of an entry's elements", place)
        place += 1
        if flags & DELETED:
            deleted -= 1
        else:
            live -= 1
    if live != 0 or deleted != 0 or before < 0:
        raise MalformedError("as many entries as the node counts", 0)
    return before


def _number(elements: list[bytes], place: i64) -> i64:
    """The integer at a place, counted in elements."""
    if place >= len(elements):
        raise MalformedError("an integer", place)
    value = parse_int64(elements[place])
    if value is None:
        raise MalformedError("an integer", place)
    return value


def _read_group(data: RdbInput, kind: i64, stream: Stream) -> None:
    name = data.string("the name of a group")
    if name in stream.groups:
        data.fail("expected the name of another group")
    group = Group(name, _read_id(data), UNKNOWN)
    if kind == rdb.STREAM_LISTPACKS:
        group.entries_read = stream.entries_before(group.last_id)
    else:
        entries_read = data.unsigned("how many entries a group has read")
        group.entries_read = UNKNOWN if entries_read == PART_MAX else entries_read
    delivered: dict[int, tuple[int, int]] = {}
    for _ in range(data.count("the number of pending entries")):
        entry_id = _id_of(data, data.take(ID_BYTES, "the ID of a pending entry"))
        at = data.integer_64("the time of a delivery")
        if entry_id in delivered:
            data.fail("expected the ID of another pending entry")
        delivered[entry_id] = (at, data.length("the number of deliveries"))
    owners: dict[int, Consumer] = {}
    for _ in range(data.count("the number of consumers")):
        _read_consumer(data, kind, group, owners)
    if len(owners) != len(delivered):
        data.fail("expected a consumer for each pending entry")
    for entry_id in sorted(delivered):
        owner = owners.get(entry_id)
        if owner is None:
            data.fail("expected a consumer for each pending entry")
        at, deliveries = delivered[entry_id]
        group.add_pending(entry_id, owner, at, deliveries)
    stream.groups[name] = group


def _read_consumer(data: RdbInput, kind: i64, group: Group, owners: dict[int, Consumer]) -> None:
    name = data.string("the name of a consumer")
    if name in group.consumers:
        data.fail("expected the name of another consumer")
    consumer = group.add_consumer(name, data.integer_64("when a consumer was seen"))
    consumer.active_ms = consumer.seen_ms
    if kind == rdb.STREAM_LISTPACKS_3:
        consumer.active_ms = data.integer_64("when a consumer was active")
    for _ in range(data.count("the number of a consumer's entries")):
        entry_id = _id_of(data, data.take(ID_BYTES, "the ID of a pending entry"))
        if entry_id in owners:
            data.fail("expected a pending entry of only one consumer")
        owners[entry_id] = consumer
