"""The intset: a set of integers as a sorted array, of 16, 32 or 64 bits each.

bytes an integer (4), number of integers (4), integers
"""

from __future__ import annotations

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

from pyredis.persistence.errors import MalformedError

HEADER: Final[i64] = 8
U32: Final[i64] = 0xFFFFFFFF


def decode(data: bytes) -> list[int]:
    """The integers in order; `MalformedError` for anything that is no intset. O(n)."""
    length: i64 = len(data)
    if length < HEADER:
        raise MalformedError("a header of eight bytes", length)
    width = i64(read_i32_le(data, 0))
    if width not in (2, 4, 8):
        raise MalformedError("a width of 2, 4 or 8 bytes", 0)
    count = i64(read_i32_le(data, 4)) & U32
    if count != (length - HEADER) // width or (length - HEADER) % width != 0:
        raise MalformedError("as many integers as there are bytes", 4)
    found: list[int] = []
    place: i64 = HEADER
    before: i64 = 0
    while place < length:
        number: i64
        if width == 2:
            number = i64(read_i16_le(data, place))
        elif width == 4:
            number = i64(read_i32_le(data, place))
        else:
            number = read_i64_le(data, place)
        if number <= before and place > HEADER:
            raise MalformedError("a higher integer than the one before", place)
        before = number
        found.append(number)
        place += width
    return found


def encode(numbers: list[int]) -> bytes:
    """An intset of distinct integers, in whatever order they come. O(n log n)."""
    numbers = sorted(numbers)
    width: i64 = 2
    if numbers:
        low, high = numbers[0], numbers[-1]
        if low < -(1 << 31) or high >= 1 << 31:
            width = 8
        elif low < -(1 << 15) or high >= 1 << 15:
            width = 4
    out = BytesWriter()
    write_i32_le(out, i32(width))
    write_i32_le(out, i32(len(numbers)))
    for number in numbers:
        if width == 2:
            write_i16_le(out, i16(number))
        elif width == 4:
            write_i32_le(out, i32(number))
        else:
            write_i64_le(out, number)
    return out.getvalue()
