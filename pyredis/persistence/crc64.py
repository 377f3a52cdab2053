"""The CRC-64 that ends RDB files and DUMP payloads: the Jones polynomial, reflected, from zero to zero.

Compiled, eight bytes are taken at a time, each through a table of its own ("slice by 8"): 0.5 ns a byte. Interpreted,
a table costs 90 ns a byte, so long data is folded first, as one large integer: the checksum is a remainder of
polynomials over bits, so the first half may be replaced by whatever has the same remainder and is short. That takes
some thirty shifts of large integers, which are C loops.
"""

from __future__ import annotations

from typing import Final

from librt.strings import read_i64_le
from librt.vecs import append, vec
from mypy_extensions import i64

from pyredis.form import COMPILED

POLYNOMIAL: Final = 0x95AC9329AC4BC9B5
"""0xAD93D23594C935A9 with its bits in reverse: the highest bit is the coefficient of 1."""

SIGNED_LIMIT: Final = 1 << 63
UNSIGNED: Final = (1 << 64) - 1
LOW_56: Final[i64] = (1 << 56) - 1

FOLDED_BLOCK: Final = 1 << 15
SHORT: Final = 256
"""Bytes that are folded at once, and those for which a table is as good."""


def _byte_table() -> list[int]:
    """What each byte that is shifted out leaves behind."""
    return [_shifted(byte, 8) for byte in range(256)]


def _shifted(crc: int, bits: int) -> int:
    """A remainder, times x to the power of `bits`."""
    for _ in range(bits):
        crc = (crc >> 1) ^ (POLYNOMIAL if crc & 1 else 0)
    return crc


def _slices(table: list[int]) -> vec[i64]:
    """Eight tables of 256 behind each other: the n-th for a byte that n more bytes follow."""
    found = vec[i64]()
    row = table
    for _ in range(8):
        for crc in row:
            found = append(found, crc - (1 << 64) if crc >= SIGNED_LIMIT else crc)
        row = [(crc >> 8) ^ table[crc & 255] for crc in row]
    return found


_BYTES: Final[list[int]] = _byte_table()
_SLICES: Final = _slices(_BYTES)
_POWERS: Final[dict[int, list[int]]] = {}


def crc64(crc: int, data: bytes) -> int:
    """The checksum of what had the checksum `crc`, followed by `data`; both unsigned, 0 to begin with."""
    if not COMPILED:
        return _folding(crc, data)
    state: i64 = crc - (1 << 64) if crc >= SIGNED_LIMIT else crc
    result: int = _by_eights(state, data)
    return result & UNSIGNED


def _by_eights(crc: i64, data: bytes) -> i64:  # pragma: no cover - compiled only
    table = _SLICES
    size: i64 = len(data)
    place: i64 = 0
    while place + 8 <= size:
        crc ^= read_i64_le(data, place)
        crc = (
            table[1792 + (crc & 255)]
            ^ table[1536 + ((crc >> 8) & 255)]
            ^ table[1280 + ((crc >> 16) & 255)]
            ^ table[1024 + ((crc >> 24) & 255)]
            ^ table[768 + ((crc >> 32) & 255)]
            ^ table[512 + ((crc >> 40) & 255)]
            ^ table[256 + ((crc >> 48) & 255)]
            ^ table[(crc >> 56) & 255]
        )
        place += 8
    while place < size:
        crc = table[(crc ^ i64(data[place])) & 255] ^ ((crc >> 8) & LOW_56)
        place += 1
    return crc


def _folding(crc: int, data: bytes) -> int:
    """As `crc64`, by blocks whose sizes are powers of two, so that there are few exponents."""
    size = len(data)
    place = 0
    block = FOLDED_BLOCK
    while block >= SHORT:
        while size - place >= block:
            crc = _by_bytes(0, _folded(crc, data[place : place + block]))
            place += block
        block >>= 1
    return _by_bytes(crc, data[place:])


def _by_bytes(crc: int, data: bytes) -> int:
    table = _BYTES
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc


def _folded(crc: int, data: bytes) -> bytes:
    """At most `SHORT` bytes that have, from zero, the checksum that `data` has from `crc`.

    Read as a little-endian integer, the lowest bit of the data is the coefficient of the highest power.
    """
    bits = len(data) * 8
    value = int.from_bytes(data, "little") ^ crc
    while bits > 4 * SHORT:
        # The product with a remainder is up to 63 bits longer.
        low = (bits // 2 - 64) & ~7
        head = value & ((1 << low) - 1)
        value >>= low
        bits -= low
        product = 0
        for shift in _power(bits):
            product ^= head << (63 - shift)
        value ^= product << (bits - low - 63)
    return value.to_bytes(bits // 8, "little")


def _x_to(exponent: int) -> int:
    """The remainder of x to a power, by squaring."""
    crc = 1 << 63
    for bit in format(exponent, "b"):
        crc = _times(crc, crc)
        if bit == "1":
            crc = _shifted(crc, 1)
    return crc


def _times(one: int, other: int) -> int:
    """The remainder of a product."""
    product = 0
    while one:
        if one & SIGNED_LIMIT:
            product ^= other
        one = (one << 1) & UNSIGNED
        other = _shifted(other, 1)
    return product


def _power(exponent: int) -> list[int]:
    """The powers that make up the remainder of x to the power of `exponent`."""
    powers = _POWERS.get(exponent)
    if powers is None:
        crc = _x_to(exponent)
        powers = _POWERS[exponent] = [power for power in range(64) if crc >> (63 - power) & 1]
    return powers
