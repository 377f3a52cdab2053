"""A small set of integers in one bytes object: what an intset is to Redis.

The integers stand in ascending order, each in 2, 4 or 8 bytes, little-endian; the *width* that all of them
have is kept beside them. Nothing is changed in place: an edit builds new bytes. A *place* is a position in
the order, counted in integers.

Finding a place takes O(log n), an edit copies O(n) bytes. Ten small numbers take 20 bytes, where ten bytes
objects in a set would take 1,100.
"""

from __future__ import annotations

from struct import pack, unpack
from typing import Final

from librt.strings import (
    BytesWriter,
    read_i16_le,
    read_i32_le,
    read_i64_le,
    write_i16_le,
    write_i32_le,
    write_i64_le,
)
from mypy_extensions import i16, i32, i64

_INT16: Final[i64] = 1 << 15
_INT32: Final[i64] = 1 << 31

_SMALL: Final = 1000
_ELEMENTS: Final = [b"$%d\r\n%d\r\n" % (len(str(number)), number) for number in range(_SMALL)]
# Larger ones are put together from a header with all but three digits, and those.
_HEADS: Final = [b"$%d\r\n%d" % (len(str(number)) + 3, number) for number in range(_SMALL)]
_TAILS: Final = [b"%03d\r\n" % number for number in range(_SMALL)]

_FORMATS: Final[dict[int, str]] = {2: "<%dh", 4: "<%di", 8: "<%dq"}


def width_of(value: i64) -> i64:
    """How many bytes an integer needs: 2, 4 or 8."""
    if -_INT16 <= value < _INT16:
        return 2
    return 4 if -_INT32 <= value < _INT32 else 8


def at(packed: bytes, width: i64, place: i64) -> i64:
    """The integer at a place."""
    if width == 2:
        return i64(read_i16_le(packed, place * 2))
    if width == 4:
        return i64(read_i32_le(packed, place * 4))
    return read_i64_le(packed, place * 8)


def place_of(packed: bytes, width: i64, value: i64) -> i64:
    """The place of the first integer that is not below `value`. O(log n)."""
    low: i64 = 0
    high: i64 = i64(len(packed)) // width
    while low < high:
        middle = (low + high) >> 1
        if at(packed, width, middle) < value:
            low = middle + 1
        else:
            high = middle
    return low


def contains(packed: bytes, width: i64, value: i64) -> bool:
    """Whether an integer is in the set. O(log n)."""
    place = place_of(packed, width, value)
    return place * width < i64(len(packed)) and at(packed, width, place) == value


def insert(packed: bytes, width: i64, place: i64, value: i64) -> bytes:
    """The set with one more integer before a place; it must fit the width."""
    writer = BytesWriter()
    offset = place * width
    if offset > 0:
        writer.write(packed[:offset])
    if width == 2:
        write_i16_le(writer, i16(value))
    elif width == 4:
        write_i32_le(writer, i32(value))
    else:
        write_i64_le(writer, value)
    if offset < i64(len(packed)):
        writer.write(packed[offset:])
    return writer.getvalue()


def remove(packed: bytes, width: i64, place: i64) -> bytes:
    """The set without the integer at a place."""
    offset = place * width
    return packed[:offset] + packed[offset + width :]


def values(packed: bytes, width: i64) -> list[int]:
    """All integers, in order. O(n)."""
    return list(unpack(_FORMATS[width] % (len(packed) // width), packed))


def encoded(packed: bytes, width: i64) -> bytes:
    """All integers as bulk strings, in order. O(n)."""
    writer = BytesWriter()
    for number in values(packed, width):
        if 0 <= number < _SMALL:
            writer.write(_ELEMENTS[number])
        elif 0 < number < _SMALL * _SMALL:
            writer.write(_HEADS[number // _SMALL])
            writer.write(_TAILS[number % _SMALL])
        else:
            text = b"%d" % number
            writer.write(b"$%d\r\n%b\r\n" % (len(text), text))
    return writer.getvalue()


def pack_values(ordered: list[int], width: i64) -> bytes:
    """Integers that are in order and fit the width. O(n)."""
    return pack(_FORMATS[width] % len(ordered), *ordered)
