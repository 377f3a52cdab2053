"""Numbers as text, read and printed exactly as Redis does.

Redis is stricter than Python when it reads: no blanks, no `_`, no leading zeros or `+` in an integer, and a
double is infinite only when the text says so. Doubles are printed as by Redis 7.2 and later, in the digits of
Grisu2 (7.0 used `%.17g`: 0.1 was 0.10000000000000001). Long doubles have a module of their own.
"""

from __future__ import annotations

import re
from math import copysign
from typing import Final

from mypy_extensions import i64

from pyredis.datatypes.shortest_double import shortest_text
from pyredis.form import COMPILED

INT64_MAX: Final = (1 << 63) - 1
INT64_MIN: Final = -(1 << 63)
LONGEST_INT64: Final = 20
UNDERSCORE: Final = 95

_HEX_DOUBLE: Final = re.compile(
    rb"[+-]?0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p[+-]?[0-9]+)?\Z", re.IGNORECASE
)
_EXACT_LIMIT: Final = float(1 << 62)
"""Up to here Redis prints an integral double as the integer that it is."""


def parse_int64(text: bytes) -> int | None:
    """A canonical signed 64-bit integer, or None; what `string2ll` accepts.

    The two forms agree. Compiled, a loop over the bytes costs 3 to 20 ns and `int` 60 ns; interpreted, the
    loop costs 70 ns a byte.
    """
    return _parse_by_byte(text) if COMPILED else _parse_at_once(text)


def _parse_by_byte(text: bytes) -> int | None:
    length: i64 = len(text)
    if length == 0 or length > LONGEST_INT64:
        return None
    position: i64 = 0
    if text[0] == 45:
        if length == 1:
            return None
        position = 1
    value: i64 = text[position] - 48
    if value < 1 or value > 9:
        return 0 if value == 0 and length == 1 else None
    position += 1
    if length - position > 17:
        return _parse_at_once(text)
    while position < length:
        digit: i64 = text[position] - 48
        if digit < 0 or digit > 9:
            return None
        value = value * 10 + digit
        position += 1
    return -value if text[0] == 45 else value


def _parse_at_once(text: bytes) -> int | None:
    length = len(text)
    if length == 0 or length > LONGEST_INT64:
        return None
    if text[0] == 45:
        if length == 1 or text[1] == 48 or not text[1:].isdigit():
            return None
    elif not text.isdigit() or (text[0] == 48 and length != 1):
        return None
    value = int(text)
    return value if length < 19 or INT64_MIN <= value <= INT64_MAX else None


def parse_double(text: bytes) -> float | None:
    """A double as Redis reads scores and increments, or None.

    Decimal, hexadecimal or infinite in C's notation; no NaN, no blanks, nothing that overflows or that is so
    small that it would become zero.
    """
    integer = parse_int64(text)
    if integer is not None:
        return float(integer)
    if not text or text[0] <= 32 or text[-1] <= 32:
        return None
    try:
        value = float(text)
    except ValueError:
        return _parse_hex_double(text)
    last = text[-1]
    if value == 0.0:
        return None if _has_nonzero_digit(text) else value
    if value != value or UNDERSCORE in text or (value - value != 0.0 and 46 <= last <= 57):
        return None
    return value


def _has_nonzero_digit(text: bytes) -> bool:
    """Whether a decimal number that was read as zero is not zero (too small for a double), or holds a `_`."""
    mantissa = text.lower().partition(b"e")[0]
    return mantissa.strip(b"+-0.") != b"" or UNDERSCORE in text


def _parse_hex_double(text: bytes) -> float | None:
    if _HEX_DOUBLE.match(text) is None:
        return None
    try:
        value = float.fromhex(text.decode("ascii"))
    except OverflowError:
        return None
    if value == 0.0 and text.lower().partition(b"p")[0].strip(b"+-0x.") != b"":
        return None
    return value


def format_double(value: float) -> bytes:
    """A double as replies show it: an integral one up to 2**62 as an integer, else the digits of Grisu2."""
    if -_EXACT_LIMIT <= value <= _EXACT_LIMIT:
        number: i64 = int(value)
        if float(number) == value:
            if number == 0 and copysign(1.0, value) < 0.0:
                return b"-0"
            return str(number).encode()
        return shortest_text(value)
    if value != value:
        return b"nan"
    if value - value != 0.0:
        return b"inf" if value > 0.0 else b"-inf"
    return shortest_text(value)
