"""What listpacks replaced: the ziplist (RDB versions up to 9), and the zipmap before it (Redis 2.4 and earlier).

    ziplist: total bytes (4), offset of the last entry (4), number of entries (2), entries, 0xff
    zipmap: number of pairs (1, 254 or more for "count them"), pairs, 0xff

They are only read. As with listpacks, every length and every redundant field is checked.
"""

from __future__ import annotations

from typing import Final

from librt.strings import read_i16_le, read_i32_le, read_i64_le
from mypy_extensions import i64

from pyredis.persistence.errors import MalformedError

HEADER: Final[i64] = 10
END: Final[i64] = 0xFF
MANY: Final[i64] = 65535
LONG: Final[i64] = 254
"""Announces a length of four bytes instead of one."""

U32: Final[i64] = 0xFFFFFFFF


def decode_ziplist(data: bytes) -> list[bytes]:
    """The entries, integers as text; `MalformedError` for anything that is no ziplist. O(n)."""
    length: i64 = len(data)
    if length < HEADER + 1:
        raise MalformedError("a header of ten bytes and an end", length)
    if i64(read_i32_le(data, 0)) & U32 != length:
        raise MalformedError(f"{length} as the total size", 0)
    last = length - 1
    if i64(data[last]) != END:
        raise MalformedError("the end mark", last)
    found: list[bytes] = []
    place: i64 = HEADER
    before: i64 = 0
    start: i64 = HEADER
    while place < last:
        start = place
        place = _skip_previous(data, place, last, before)
        if place >= last:
            raise MalformedError("an encoding", place)
        header, size = _lengths(data, place, last)
        if size > last - place - header:
            raise MalformedError("the bytes of an entry", place)
        code: i64 = data[place]
        place += header
        if code < 0xC0:
            found.append(data[place : place + size])
        else:
            found.append(b"%d" % _integer(data, place, code))
        place += size
        before = place - start
    if i64(read_i32_le(data, 4)) & U32 != start:
        raise MalformedError(f"{start} as the offset of the last entry", 4)
    count: i64 = i64(read_i16_le(data, 8)) & MANY
    if count not in (MANY, len(found)):
        raise MalformedError(f"{len(found)} as the number of entries", 8)
    return found


def _skip_previous(data: bytes, place: i64, last: i64, before: i64) -> i64:
    """Passes the size of the entry before, which must be right; a small one may stand in the long form."""
    size: i64 = data[place]
    width: i64 = 1
    if size == LONG:
        width = 5
        if last - place < width:
            raise MalformedError("the size of the entry before", place)
        size = i64(read_i32_le(data, place + 1)) & U32
    if size != before:
        raise MalformedError(f"{before} as the size of the entry before", place)
    return place + width


def _lengths(data: bytes, place: i64, last: i64) -> tuple[i64, i64]:
    """Bytes of an entry's encoding, and of what follows."""
    code: i64 = data[place]
    left = last - place
    if code < 0x40:
        return 1, code
    if code < 0x80:
        if left < 2:
            raise MalformedError("the length of an entry", place)
        return 2, ((code & 63) << 8) | i64(data[place + 1])
    if code < 0xC0:
        if left < 5:
            raise MalformedError("the length of an entry", place)
        high = (i64(data[place + 1]) << 8) | i64(data[place + 2])
        return 5, (high << 16) | (i64(data[place + 3]) << 8) | i64(data[place + 4])
    if code == 0xC0:
        return 1, 2
    if code == 0xD0:
        return 1, 4
    if code == 0xE0:
        return 1, 8
    if code == 0xF0:
        return 1, 3
    if code == 0xFE:
        return 1, 1
    if 0xF1 <= code <= 0xFD:
        return 1, 0
    raise MalformedError("a known encoding", place)


def _integer(data: bytes, place: i64, code: i64) -> i64:
    """The integer of an entry, whose bytes are all there."""
    number: i64
    if code == 0xC0:
        return i64(read_i16_le(data, place))
    if code == 0xD0:
        return i64(read_i32_le(data, place))
    if code == 0xE0:
        return read_i64_le(data, place)
    if code == 0xF0:
        number = (i64(read_i16_le(data, place)) & 0xFFFF) | (i64(data[place + 2]) << 16)
        return number - 0x1000000 if number >= 0x800000 else number
    if code == 0xFE:
        number = i64(data[place])
        return number - 256 if number >= 128 else number
    return (code & 15) - 1


def decode_zipmap(data: bytes) -> list[bytes]:
    """Fields and values in turn; `MalformedError` for anything that is no zipmap. O(n)."""
    length: i64 = len(data)
    if length < 2:
        raise MalformedError("a header and an end", length)
    last = length - 1
    if i64(data[last]) != END:
        raise MalformedError("the end mark", last)
    found: list[bytes] = []
    place: i64 = 1
    while place < last:
        is_value = len(found) % 2 == 1
        width: i64 = 1
        size: i64 = data[place]
        if size > LONG:
            raise MalformedError("a length", place)
        if size == LONG:
            width = 5
            if last - place < width:
                raise MalformedError("a length of four bytes", place)
            size = i64(read_i32_le(data, place + 1)) & U32
        place += width
        free: i64 = 0
        if is_value:
            if place >= last:
                raise MalformedError("the number of unused bytes", place)
            free = data[place]
            place += 1
        if size + free > last - place:
            raise MalformedError("the bytes of a field or a value", place)
        found.append(data[place : place + size])
        place += size + free
    if len(found) % 2 == 1:
        raise MalformedError("a value", place)
    count: i64 = data[0]
    if count < LONG and count != len(found) // 2:
        raise MalformedError(f"{len(found) // 2} as the number of pairs", 0)
    return found
