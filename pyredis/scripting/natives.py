"""Functions of Lua's libraries that need 64-bit integers or the machine's floats: `bit`, `struct`, `cmsgpack`, `cjson`.

Lua 5.1 knows only doubles. Their arguments have been checked by the Lua side (`lua/*.lua`), and an integral number
arrives as an int. Nothing here raises, except when memory runs out.
"""

from __future__ import annotations

import re
import struct
from hashlib import sha1
from typing import Final

from pyredis.datatypes.numbers import format_double as redis_double

MASK_32: Final = (1 << 32) - 1
MASK_64: Final = (1 << 64) - 1
INT64_MIN: Final = -(1 << 63)

# Adding this moves the low 32 bits of an integral double to the low end of its mantissa, rounding fractions to even.
BIT_BIAS: Final = 6755399441055744.0

_NUMBER: Final = re.compile(
    rb"[+-]?(?:0[xX](?:[0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?"
    rb"|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?"
    rb"|[nN][aA][nN](?:\([0-9a-zA-Z_]*\))?)"
)


def bits(value: float) -> int:
    """The low 32 bits of a number, as Lua BitOp takes them."""
    if isinstance(value, int) and INT64_MIN < value < -INT64_MIN and -(1 << 51) < value < 1 << 51:
        return value & MASK_32
    packed: int = struct.unpack("<Q", struct.pack("<d", float(value) + BIT_BIAS))[0]
    return packed & MASK_32


def signed(value: int) -> int:
    """The low 32 bits as a signed integer."""
    value &= MASK_32
    return value - (1 << 32) if value >= 1 << 31 else value


def bit_tobit(value: float) -> int:
    """`bit.tobit`."""
    return signed(bits(value))


def bit_bnot(value: float) -> int:
    """`bit.bnot`."""
    return signed(~bits(value))


def bit_bswap(value: float) -> int:
    """`bit.bswap`: the bytes in reverse order."""
    return signed(int.from_bytes(bits(value).to_bytes(4, "little"), "big"))


def bit_band(*values: float) -> int:
    """`bit.band`."""
    result = MASK_32
    for value in values:
        result &= bits(value)
    return signed(result)


def bit_bor(*values: float) -> int:
    """`bit.bor`."""
    result = 0
    for value in values:
        result |= bits(value)
    return signed(result)


def bit_bxor(*values: float) -> int:
    """`bit.bxor`."""
    result = 0
    for value in values:
        result ^= bits(value)
    return signed(result)


def bit_lshift(value: float, places: float) -> int:
    """`bit.lshift`."""
    return signed(bits(value) << (bits(places) & 31))


def bit_rshift(value: float, places: float) -> int:
    """`bit.rshift`: zeros come in."""
    return signed(bits(value) >> (bits(places) & 31))


def bit_arshift(value: float, places: float) -> int:
    """`bit.arshift`: the sign comes in."""
    return signed(bits(value)) >> (bits(places) & 31)


def bit_rol(value: float, places: float) -> int:
    """`bit.rol`."""
    number, count = bits(value), bits(places) & 31
    return signed((number << count) | (number >> (32 - count)))


def bit_ror(value: float, places: float) -> int:
    """`bit.ror`."""
    number, count = bits(value), bits(places) & 31
    return signed((number >> count) | (number << (32 - count)))


def bit_tohex(value: float, digits: float) -> bytes:
    """`bit.tohex`: a negative number of digits means capitals."""
    count = signed(bits(digits))
    text = b"%08X" % bits(value) if count < 0 else b"%08x" % bits(value)
    return text[8 - min(abs(count), 8) :]


def integral(value: float) -> int:
    """A double as C casts it to 64 bits: truncated, with the smallest integer for what does not fit."""
    if isinstance(value, int):
        return value if INT64_MIN <= value < -INT64_MIN else INT64_MIN
    if value != value or value >= 9223372036854775808.0 or value < -9223372036854775808.0:
        return INT64_MIN
    return int(value)


def write_integer(value: float, size: int, is_little: bool) -> bytes:
    """The bytes of an integer of `struct`; what is wider than 8 has zeros above."""
    if value >= 9223372036854775808.0:  # as C's cast to an unsigned number goes
        number = int(value) if value < 18446744073709551616.0 else 0
    else:
        number = integral(value)
    data = (number & MASK_64).to_bytes(8, "little")[:size].ljust(size, b"\0")
    return data if is_little else data[::-1]


def read_integer(data: bytes, is_signed: bool, is_little: bool) -> float:
    """An integer of `struct` or `cmsgpack`, rounded to a double."""
    number = int.from_bytes(data, "little" if is_little else "big") & MASK_64
    if is_signed and data:
        mask = (MASK_64 << ((8 * len(data) - 1) % 64)) & MASK_64
        if number & mask:
            number |= mask
        if number >= 1 << 63:
            number -= 1 << 64
    return float(number)


def write_float(value: float, size: int, is_little: bool) -> bytes:
    """The bytes of a float of 4 or 8 bytes."""
    order = "<" if is_little else ">"
    if size == 8:
        return struct.pack(order + "d", value)
    return struct.pack(order + "f", _narrowed(float(value)))


def _narrowed(value: float) -> float:
    """A double that `struct.pack` takes as a float of 4 bytes: beyond its range it is infinite."""
    try:
        struct.pack(">f", value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    return value


def read_float(data: bytes, is_little: bool) -> float:
    """A float of 4 or 8 bytes."""
    order = "<" if is_little else ">"
    value: float = struct.unpack(order + ("d" if len(data) == 8 else "f"), data)[0]
    return value


def float_bytes(value: float) -> bytes:
    """A float of `cmsgpack` with its type: 4 bytes when that loses nothing."""
    number = float(value)
    short = struct.pack(">f", _narrowed(number))
    if struct.unpack(">f", short)[0] == number:
        return b"\xca" + short
    return b"\xcb" + struct.pack(">d", number)


def parse_number(text: bytes) -> tuple[float, int]:
    """The number that a text begins with, as C's strtod reads it, and the length of that; 0 when there is none."""
    match = _NUMBER.match(text)
    if match is None:
        return 0.0, 0
    found = match[0]
    word = found.lower()
    if b"x" in word and b"n" not in word:
        try:
            return float.fromhex(word.decode()), len(found)
        except OverflowError:
            return float("-inf" if word.startswith(b"-") else "inf"), len(found)
    if b"nan" in word:
        return float("-nan" if word.startswith(b"-") else "nan"), len(found)
    return float(found), len(found)


def format_double(value: float) -> bytes:
    """A double as replies print it."""
    return redis_double(float(value))


def sha1_hex(text: bytes) -> bytes:
    """The SHA-1 of a text, in hexadecimal digits."""
    return sha1(text, usedforsecurity=False).hexdigest().encode()


def number_text(value: float) -> bytes:
    """A number as Lua's own conversion to a string prints it."""
    if isinstance(value, int) and -100_000_000_000_000 < value < 100_000_000_000_000:
        return b"%d" % value
    return b"%.14g" % float(value)
