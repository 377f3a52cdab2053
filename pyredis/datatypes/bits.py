"""Strings as arrays of bits, bit 0 the highest of the first byte: counting, searching, combining, fields.

No bit or byte is looked at one by one in Python: whole strings become integers, or words in `fast_bits` when
compiled, and runs of equal bytes are skipped by comparing blocks in C. Strings are bytes or bytearrays;
offsets are in bits unless they are called bytes.
"""

from __future__ import annotations

from functools import reduce
from operator import and_, or_, xor
from typing import TYPE_CHECKING, Final

from pyredis.datatypes import fast_bits
from pyredis.datatypes.fast_bits import AND, OR, XOR
from pyredis.form import COMPILED

if TYPE_CHECKING:
    from mypy_extensions import i64

__all__ = ["AND", "OR", "XOR"]

WRAP: Final = 0
SATURATE: Final = 1
FAIL: Final = 2

_LONG: Final = 64
"""Strings up to so many bytes are quicker as one integer."""

_LARGE_BLOCK: Final = 8192
_SMALL_BLOCK: Final = 256
_ZEROS: Final = (bytes(_LARGE_BLOCK), bytes(_SMALL_BLOCK))
_ONES: Final = (b"\xff" * _LARGE_BLOCK, b"\xff" * _SMALL_BLOCK)
_INVERTED: Final = bytes(range(255, -1, -1))
_FIELD_BYTES: Final = 9
"""How many bytes a field of 64 bits can touch."""
_GROWTH: Final = bytes(1 << 20)


def count_ones(data: bytes | bytearray) -> int:
    """How many bits are set. O(n): 1 MB takes 0.13 ms compiled, 0.8 ms interpreted."""
    if COMPILED and len(data) > _LONG:
        return fast_bits.count_ones(data)
    return int.from_bytes(data, "big").bit_count()


def count_ones_between(data: bytes | bytearray, first: int, last: int) -> int:
    """How many bits are set from `first` to `last` inclusive, both within the string."""
    first_byte, last_byte = first >> 3, last >> 3
    before = data[first_byte] >> (8 - (first & 7))
    after = data[last_byte] & ((1 << (7 - (last & 7))) - 1)
    return count_ones(data[first_byte : last_byte + 1]) - before.bit_count() - after.bit_count()


def find_bit(data: bytes | bytearray, bit: int, first: int, last: int) -> int:
    """Where the first bit equal to `bit` is, from `first` to `last` inclusive; -1 when there is none.

    O(n) at the speed of comparing memory: 1 MB takes 27 us.
    """
    unwanted = 0 if bit else 0xFF
    byte = first >> 3
    # What differs from the bits not looked for stands as ones, so that the length of the number tells the
    # place.
    found = (data[byte] ^ unwanted) & (0xFF >> (first & 7))
    if found == 0:
        end = (last >> 3) + 1
        byte = _skip(data, unwanted, byte + 1, end)
        if byte == end:
            return -1
        found = data[byte] ^ unwanted
    position = byte * 8 + 8 - found.bit_length()
    return position if position <= last else -1


def _skip(data: bytes | bytearray, fill: int, position: int, end: int) -> int:
    """Where the first byte other than `fill` (0 or 255) is, from `position` on; `end` if there is none."""
    blocks = _ONES if fill else _ZEROS
    for block in blocks:
        size = len(block)
        while position + size <= end and data.startswith(block, position):
            position += size
    rest = data[position : min(position + _SMALL_BLOCK, end)]
    number = int.from_bytes(rest, "big")
    if fill:
        number ^= (1 << 8 * len(rest)) - 1
    return position + len(rest) - (number.bit_length() + 7) // 8


def combine(operation: i64, values: list[bytes | bytearray]) -> bytes:
    """`AND`, `OR` or `XOR` of strings, all as long as the longest: what they lack is zeros. O(n)."""
    ordered = sorted(values, key=len, reverse=True)
    longest = len(ordered[0])
    if operation != AND:
        return _combine(operation, ordered, longest)
    ordered.reverse()
    shortest = len(ordered[0])
    common = _combine(operation, ordered, shortest)
    return common if shortest == longest else common + bytes(longest - shortest)


def _combine(operation: i64, values: list[bytes | bytearray], size: int) -> bytes:
    if COMPILED and size > _LONG:
        return fast_bits.combine(operation, values, size)
    # Numbers are read from the high end, which takes half the time that the low end takes.
    numbers = [int.from_bytes(value[:size].ljust(size, b"\0"), "big") for value in values]
    operator = and_ if operation == AND else or_ if operation == OR else xor
    return reduce(operator, numbers).to_bytes(size, "big")


def invert(value: bytes | bytearray) -> bytes:
    """Every bit flipped. O(n)."""
    if COMPILED and len(value) > _LONG:
        return fast_bits.invert(value)
    return bytes(value.translate(_INVERTED))


def grow(data: bytearray, size: int) -> bool:
    """Appends zeros up to `size` bytes; says whether any were missing."""
    missing = size - len(data)
    if missing <= 0:
        return False
    while missing > len(_GROWTH):
        data += _GROWTH
        missing -= len(_GROWTH)
    data += bytes(missing)
    return True


def get_field(data: bytes | bytearray, offset: int, width: int, is_signed: bool) -> int:
    """The integer of `width` bits at `offset`; beyond the end there are zeros. O(1)."""
    byte = offset >> 3
    window = data[byte : byte + _FIELD_BYTES]
    number = int.from_bytes(window, "big") << 8 * (_FIELD_BYTES - len(window))
    value = (number >> (8 * _FIELD_BYTES - (offset & 7) - width)) & ((1 << width) - 1)
    return value - (1 << width) if is_signed and value >> (width - 1) else value


def set_field(data: bytearray, offset: int, width: int, value: int) -> None:
    """Writes the low `width` bits of `value` at `offset`, which must be within the string. O(1)."""
    begin, end = offset >> 3, ((offset + width - 1) >> 3) + 1
    shift = 8 * end - offset - width
    mask = ((1 << width) - 1) << shift
    window = int.from_bytes(data[begin:end], "big") & ~mask | (value << shift) & mask
    data[begin:end] = window.to_bytes(end - begin, "big")


def fit(value: int, width: int, is_signed: bool, overflow: int) -> int | None:
    """`value` as a field of `width` bits can hold it: unchanged, wrapped, saturated, or None to `FAIL`."""
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if is_signed else (0, (1 << width) - 1)
    if low <= value <= high:
        return value
    if overflow == FAIL:
        return None
    if overflow == SATURATE:
        return high if value > high else low
    value &= (1 << width) - 1
    return value - (1 << width) if is_signed and value >> (width - 1) else value
