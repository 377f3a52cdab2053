"""Long strings of bits, eight bytes at a time: the compiled twin of what `bits` does with Python's integers.

Correct in both forms, quick only when compiled; `bits` decides. Measured on 1 MB, compiled, beside
redis-server 7.0: counting 125 us (Redis 168, one Python integer 780), AND of two strings 108 us (72, 1400),
NOT 65 us (44, 400). Vectors of words beat reading words from bytes and writing them to a `BytesWriter` (124
us).
"""

from __future__ import annotations

from typing import Final

from librt.strings import read_i64_le
from librt.vecs import vec
from mypy_extensions import i64

AND: Final[i64] = 0
OR: Final[i64] = 1
XOR: Final[i64] = 2

_PAIRS: Final[i64] = 0x5555555555555555
_QUADS: Final[i64] = 0x3333333333333333
_NIBBLES: Final[i64] = 0x0F0F0F0F0F0F0F0F
_ONES: Final[i64] = 0x0101010101010101


_CHUNK: Final = 1 << 16
"""How much is worked on at once: blocks of a megabyte would be given back to the system and fetched again each time."""


def count_ones(data: bytes | bytearray) -> int:
    """How many bits are set. O(n)."""
    if isinstance(data, bytes):
        return _count_ones(data)
    view = memoryview(data)
    total = 0
    begin = 0
    while begin < len(data):
        total += _count_ones(bytes(view[begin : begin + _CHUNK]))
        begin += _CHUNK
    return total


def _count_ones(data: bytes) -> int:
    """How many bits are set.

    Neighbours are added in ever wider fields. Two words share the last step, which sums bytes in a byte: the
    ones of four words could be one too many for it.
    """
    # A constant beyond 62 bits would be unpacked from an object each time: locals are registers.
    pairs: i64 = _PAIRS
    quads: i64 = _QUADS
    nibbles: i64 = _NIBBLES
    ones: i64 = _ONES
    total: i64 = 0
    position: i64 = 0
    end: i64 = len(data) - 15
    while position < end:
        a = read_i64_le(data, position)
        b = read_i64_le(data, position + 8)
        a = a - ((a >> 1) & pairs)
        b = b - ((b >> 1) & pairs)
        a = (a & quads) + ((a >> 2) & quads)
        b = (b & quads) + ((b >> 2) & quads)
        a = (a & nibbles) + ((a >> 4) & nibbles) + (b & nibbles) + ((b >> 4) & nibbles)
        total += ((a * ones) >> 56) & 255
        position += 16
    return total + int.from_bytes(data[position:], "big").bit_count()


def combine(operation: i64, values: list[bytes | bytearray], size: int) -> bytes:
    """AND, OR or XOR of the first `size` bytes of each value.

    The first value has so many; where the others end, zeros follow. O(n).
    """
    views = [memoryview(value) for value in values]
    first = views[0]
    parts: list[bytes] = []
    begin = 0
    while begin < size:
        end = min(begin + _CHUNK, size)
        result = _words(first, begin, end)
        for view in views[1:]:
            other = _words(view, begin, end)
            length: i64 = len(other)
            i: i64 = 0
            if operation == AND:
                while i < length:
                    result[i] &= other[i]
                    i += 1
            elif operation == OR:
                while i < length:
                    result[i] |= other[i]
                    i += 1
            else:
                while i < length:
                    result[i] ^= other[i]
                    i += 1
        parts.append(_bytes(result, end - begin))
        begin = end
    return b"".join(parts)


def invert(value: bytes | bytearray) -> bytes:
    """Every bit flipped. O(n)."""
    view = memoryview(value)
    size = len(value)
    parts: list[bytes] = []
    begin = 0
    while begin < size:
        end = min(begin + _CHUNK, size)
        result = _words(view, begin, end)
        length: i64 = len(result)
        i: i64 = 0
        while i < length:
            result[i] = ~result[i]
            i += 1
        parts.append(_bytes(result, end - begin))
        begin = end
    return b"".join(parts)


def _words(view: memoryview[int], begin: int, end: int) -> vec[i64]:
    """What there is of the bytes from `begin` to `end`, the last word filled up with zeros."""
    part = view[begin:end]
    rest = len(part) & 7
    if rest:
        part = memoryview(bytes(part) + bytes(8 - rest))
    return vec[i64](part.cast("q"))


def _bytes(words: vec[i64], size: int) -> bytes:
    """The first `size` bytes of the words."""
    data = bytes(memoryview(words))
    return data if len(data) == size else data[:size]
