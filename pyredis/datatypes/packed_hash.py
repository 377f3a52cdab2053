"""A small hash in one bytes object: what a listpack is to Redis.

Fields and values stand one behind the other, each as a RESP bulk string: `$3\\r\\nabc\\r\\n$1\\r\\n5\\r\\n`. So the
run is the reply to HGETALL but for its header, a value cut out of it is the reply to HGET, and a copy of the
hash is free, because nothing is changed in place. A *place* is the offset at which a field begins.

Compiled, a search walks, 3 ns an element, comparing the last eight bytes of each field before it makes an
object. Interpreted, a step would take 0.2 us; so there `bytes.find` looks for the encoded field, and the line
breaks before the hit are counted to see whether a field begins there: with two lines an element, that is so
where their number is a multiple of four. For this to hold no element may contain a line break; a hash with
one is kept as a table instead (see `fits`).

Ten fields of 6 bytes with values of 8 bytes take 300 bytes. As a dict of bytes objects they would take 1,350,
or 850 with the names of fields shared among hashes, which is why nothing is interned.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter, read_i64_le
from mypy_extensions import i64

from pyredis.datatypes.bulk_strings import (
    CRLF,
    element_end,
    header,
    is_at,
    pack,
    packed_size,
    skip,
    value_start,
    write_packed,
)
from pyredis.form import COMPILED

MAX_FIELDS: Final[i64] = 512 if COMPILED else 128
MAX_BYTES: Final[i64] = 16_384
"""Limits of what Redis has as a listpack, which is walked there too: 3 us for the last of 512 fields."""

MAX_TABLE_FIELDS: Final[i64] = 128 if COMPILED else 64
"""The limit of what is a hash table there, such as a few fields of which one is long."""

NOT_THERE: Final[i64] = -1

NEWLINE: Final = b"\n"
LINES_A_PAIR: Final[i64] = 4


def pack_from(texts: list[bytes], position: i64) -> bytes:
    """The run of fields and values in turn, from a position in a list on."""
    if not COMPILED:
        return b"".join([b"$%d\r\n%b\r\n" % (len(text), text) for text in texts[position:]])
    return _pack_compiled(texts, position)


def _pack_compiled(texts: list[bytes], position: i64) -> bytes:
    writer = BytesWriter()
    count: i64 = len(texts)
    while position < count:
        write_packed(writer, texts[position])
        position += 1
    return writer.getvalue()


def pack_pairs(pairs: dict[bytes, bytes]) -> bytes:
    """The run of all fields with their values."""
    return pack_shards([pairs])


def pack_shards(shards: list[dict[bytes, bytes]]) -> bytes:
    """The run of all fields in several dicts with their values."""
    writer = BytesWriter()
    for pairs in shards:
        for field, value in pairs.items():
            write_packed(writer, field)
            write_packed(writer, value)
    return writer.getvalue()


def pack_all(texts: list[bytes]) -> bytes:
    """A run of elements: the fields of a hash, or its values, as replies list them."""
    return pack_from(texts, 0)


def fits(run: bytes, count: i64, is_listpack: bool) -> bool:
    """Whether a run of so many fields may be kept as one."""
    return is_small(run, count, is_listpack) and (COMPILED or run.count(NEWLINE) == LINES_A_PAIR * count)


def is_small(run: bytes, count: i64, is_listpack: bool) -> bool:
    """Whether a run of so many fields is within the limits of size."""
    return count <= (MAX_FIELDS if is_listpack else MAX_TABLE_FIELDS) and len(run) <= MAX_BYTES


def is_plain(text: bytes) -> bool:
    """Whether a run may contain a field or value."""
    return COMPILED or NEWLINE not in text


def find(run: bytes, field: bytes) -> i64:
    """The place of a field, or NOT_THERE. O(n)."""
    return _find_by_walking(run, field)


def _find_by_walking(run: bytes, field: bytes) -> i64:
    end: i64 = len(run)
    length: i64 = len(field)
    # Elements of this size hold texts of this length, and no others do.
    size = packed_size(length)
    place: i64 = 0
    after: i64
    if length < 8:
        while place < end:
            after = element_end(run, place)
            if after - place == size and is_at(run, after - 2 - length, field):
                return place
            place = element_end(run, after)
        return NOT_THERE
    tail = read_i64_le(field, length - 8)
    while place < end:
        after = element_end(run, place)
        if (
            after - place == size
            and read_i64_le(run, after - 10) == tail
            and is_at(run, after - 2 - length, field)
        ):
            return place
        place = element_end(run, after)
    return NOT_THERE


def _find_by_search(run: bytes, field: bytes) -> i64:
    element = pack(field)
    hit = run.find(element)
    while hit > 0 and run.count(NEWLINE, 0, hit) % LINES_A_PAIR != 0:
        hit = run.find(element, hit + 1)
    return hit


if not COMPILED:
    globals()["find"] = _find_by_search


def value_of(run: bytes, place: i64) -> bytes:
    """The value of the field at a place."""
    start = element_end(run, place)
    return run[value_start(run, start) : element_end(run, start) - 2]


def packed_value_of(run: bytes, place: i64) -> bytes:
    """The value of the field at a place as a bulk string."""
    start = element_end(run, place)
    return run[start : element_end(run, start)]


def with_pair(run: bytes, field: bytes, value: bytes) -> bytes:
    """The run with a field that it does not have, and its value, behind all others."""
    return b"".join([run, header(len(field)), field, CRLF, header(len(value)), value, CRLF])


def with_value(run: bytes, place: i64, value: bytes) -> bytes:
    """The run with another value for the field at a place; the same run where it is the value."""
    start = element_end(run, place)
    end = element_end(run, start)
    length: i64 = len(value)
    if end - start == packed_size(length) and is_at(run, end - 2 - length, value):
        return run
    return b"".join([run[:start], header(length), value, CRLF, run[end:]])


def without(run: bytes, place: i64) -> bytes:
    """The run without the field at a place and its value."""
    end = element_end(run, element_end(run, place))
    if place == 0:
        return run[end:]
    return run[:place] + run[end:]


def moved(run: bytes, place: i64, index: i64) -> bytes:
    """The run with the pair at a place moved, so that `index` pairs stand before it."""
    pair = run[place : element_end(run, element_end(run, place))]
    rest = without(run, place)
    to = skip(rest, 0, 2 * index)
    return rest[:to] + pair + rest[to:]


def has_fields(run: bytes, texts: list[bytes], position: i64) -> bool:
    """Whether a list has the fields of the run, and no others, in the same order, every second from a position
    on; O(n)."""
    end: i64 = len(run)
    count: i64 = len(texts)
    place: i64 = 0
    while place < end and position < count:
        field = texts[position]
        after = element_end(run, place)
        size: i64 = len(field)
        start = after - 2 - size
        # The field ends where it has to; it is the whole element if the header before it says so.
        if start < place + 4 or run[start : after - 2] != field or value_start(run, place) != start:
            return False
        place = element_end(run, after)
        position += 2
    return place == end and position == count


def every_second_packed(run: bytes, is_value: bool) -> bytes:
    """The fields of a run, or the values, as a run of their own."""
    writer = BytesWriter()
    end: i64 = len(run)
    place: i64 = 0
    while place < end:
        middle = element_end(run, place)
        after = element_end(run, middle)
        writer.write(run[middle:after] if is_value else run[place:middle])
        place = after
    return writer.getvalue()
