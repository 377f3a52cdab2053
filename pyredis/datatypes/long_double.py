"""The 80-bit `long double` of x86, in which INCRBYFLOAT and HINCRBYFLOAT compute.

A finite value is `mantissa * 2**exponent`, the mantissa a signed integer of at most 64 bits. Reading and
adding round to nearest, ties to even, as the processor does; printing is `%.17Lf` without trailing zeros. All
of it is done on integers, so the digits are those of x86 everywhere, also where Redis itself would compute in
another format. Follows `string2ld` and `ld2string` in Redis's util.c, and strtold of the C library.
"""

from __future__ import annotations

import re
from typing import Final

from mypy_extensions import i64

MANTISSA_BITS: Final = 64
LEAST_EXPONENT: Final = -16445
"""The exponent of the smallest subnormal number."""

INFINITE_BITS: Final = 16384
"""A number of more binary digits than this before the point is infinite."""

TEXT_LIMIT: Final = 5 * 1024
"""Redis refuses texts of this length."""

# A mantissa within TEXT_LIMIT times a larger power of ten, or of two, is infinite or zero.
TEN_LIMIT: Final = 10_200
TWO_LIMIT: Final = 40_000

PLAIN_DIGITS: Final[i64] = 18
_TENS: Final = [10**exponent for exponent in range(20)]

DECIMALS: Final = 17
SCALE: Final = 10**DECIMALS

# CPython converts no more than 4,300 decimal digits in one go.
DIGITS_AT_ONCE: Final = 4000
SPLIT: Final = 10**DIGITS_AT_ONCE

_DECIMAL: Final = re.compile(rb"([+-]?)([0-9]*)\.?([0-9]*)(?:[eE]([+-]?[0-9]+))?\Z")
_HEX: Final = re.compile(rb"([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)(?:[pP]([+-]?[0-9]+))?\Z")
_INFINITE: Final = re.compile(rb"([+-]?)inf(?:inity)?\Z", re.IGNORECASE)


class LongDouble:
    """One value; an infinite one has only the sign of `mantissa`."""

    def __init__(self, mantissa: int, exponent: int, is_infinite: bool = False) -> None:
        self.mantissa: int = mantissa
        self.exponent: int = exponent
        self.is_infinite: bool = is_infinite


def parse_long_double(text: bytes) -> LongDouble | None:
    """Reads decimal, hexadecimal or infinite text; None for what Redis refuses.

    That is NaN, blanks, anything before or after the number, too long a text, and finite numbers so large or
    so small that they would become infinite or zero.
    """
    plain = _read_plain(text)
    if plain is not None:
        return plain
    if len(text) >= TEXT_LIMIT:
        return None
    match = _DECIMAL.match(text)
    if match is not None:
        return _read(match.groups(), 10, 1, TEN_LIMIT)
    match = _HEX.match(text)
    if match is not None:
        return _read(match.groups(), 2, 4, TWO_LIMIT)
    match = _INFINITE.match(text)
    if match is not None:
        return LongDouble(-1 if match[1] == b"-" else 1, 0, True)
    return None


def _read_plain(text: bytes) -> LongDouble | None:
    """Reads a decimal number of up to 18 digits without an exponent, the usual case; None for all others."""
    length: i64 = len(text)
    position: i64 = 1 if length and text[0] == 45 else 0
    point: i64 = length
    digits: i64 = 0
    if length - position > PLAIN_DIGITS:
        return None
    start = position
    while position < length:
        digit: i64 = text[position] - 48
        if digit == -2 and point == length:
            point = position
        elif digit < 0 or digit > 9:
            return None
        else:
            digits = digits * 10 + digit
        position += 1
    decimals = length - point - 1 if point < length else 0
    if length - start == 0 or (point < length and length - start == 1):
        return None
    if start == 1:
        digits = -digits
    if decimals == 0 or digits == 0:
        return LongDouble(digits, 0)
    return _divided(digits, _TENS[decimals])


def _divided(numerator: int, denominator: int) -> LongDouble:
    """The long double nearest to a fraction of up to 60 bits a side that is not zero; what `_rounded` returns."""
    magnitude = abs(numerator)
    shift = MANTISSA_BITS - magnitude.bit_length() + denominator.bit_length()
    mantissa, rest = divmod(magnitude << shift, denominator)
    half = denominator
    if mantissa >> MANTISSA_BITS:
        rest += denominator if mantissa & 1 else 0
        mantissa >>= 1
        shift -= 1
    else:
        rest *= 2
    if rest > half or (rest == half and mantissa & 1):
        mantissa += 1
    return LongDouble(-mantissa if numerator < 0 else mantissa, -shift)


def _read(parts: tuple[bytes | None, ...], base: int, places: int, limit: int) -> LongDouble | None:
    """A number as sign, digits, decimals and the exponent of `base`; each decimal is `places` powers of it."""
    digits = parts[1] or b""
    decimals = parts[2] or b""
    if not digits and not decimals:
        return None
    scale = _exponent(parts[3]) - places * len(decimals)
    numerator = _decimal_integer(digits + decimals) if base == 10 else int(digits + decimals, 16)
    if numerator == 0:
        return LongDouble(0, 0)
    if not -limit < scale < limit:
        return None
    is_negative = parts[0] == b"-"
    if scale > 0:
        return _rounded(is_negative, numerator * base**scale, 1)
    return _rounded(is_negative, numerator, base**-scale)


def _exponent(text: bytes | None) -> int:
    """The number behind an `e` or `p`, cut to a size beyond every limit."""
    if text is None:
        return 0
    digits = text.lstrip(b"+-").lstrip(b"0")[:9]
    value = int(digits or b"0")
    return -value if text[0] == 45 else value


def _decimal_integer(digits: bytes) -> int:
    value = 0
    for start in range(0, len(digits), DIGITS_AT_ONCE):
        part = digits[start : start + DIGITS_AT_ONCE]
        value = value * 10 ** len(part) + int(part)
    return value


def _rounded(is_negative: bool, numerator: int, denominator: int) -> LongDouble | None:
    """The long double nearest to a positive fraction, with its sign; None when that is zero or infinite."""
    bits = numerator.bit_length() - denominator.bit_length()
    if numerator << max(-bits, 0) >= denominator << max(bits, 0):
        bits += 1
    exponent = max(bits - MANTISSA_BITS, LEAST_EXPONENT)
    numerator <<= max(-exponent, 0)
    denominator <<= max(exponent, 0)
    mantissa, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and mantissa & 1):
        mantissa += 1
    if mantissa == 0 or mantissa.bit_length() + exponent > INFINITE_BITS:
        return None
    return LongDouble(-mantissa if is_negative else mantissa, exponent)


def add(one: LongDouble, other: LongDouble) -> LongDouble:
    """The sum. It is infinite when an operand is, also for opposite infinities, which have no sum."""
    if one.is_infinite or other.is_infinite:
        return one if one.is_infinite else other
    exponent = min(one.exponent, other.exponent)
    total = (one.mantissa << (one.exponent - exponent)) + (other.mantissa << (other.exponent - exponent))
    magnitude = abs(total)
    bits = magnitude.bit_length()
    excess = bits - MANTISSA_BITS
    if excess > 0:
        mantissa = magnitude >> excess
        rest = magnitude - (mantissa << excess)
        half = 1 << (excess - 1)
        if rest > half or (rest == half and mantissa & 1):
            mantissa += 1
            bits = mantissa.bit_length() + excess
        exponent += excess
        bits -= excess
        total = -mantissa if total < 0 else mantissa
    return LongDouble(total, exponent, bits + exponent > INFINITE_BITS)


def ceiling_of_thousandfold(value: LongDouble) -> int:
    """The product with 1000 as a long double, rounded up; an infinite one is 2**INFINITE_BITS."""
    if value.is_infinite:
        return value.mantissa << INFINITE_BITS
    mantissa = abs(value.mantissa) * 1000
    exponent = value.exponent
    excess = mantissa.bit_length() - MANTISSA_BITS
    if excess > 0:
        rest = mantissa & ((1 << excess) - 1)
        half = 1 << (excess - 1)
        mantissa >>= excess
        if rest > half or (rest == half and mantissa & 1):
            mantissa += 1
        exponent += excess
    product = -mantissa if value.mantissa < 0 else mantissa
    return product << exponent if exponent >= 0 else -(-product >> -exponent)


def format_long_double(value: LongDouble) -> bytes:
    """The text of a finite value: 17 decimals, rounded with ties to even, without trailing zeros."""
    mantissa = abs(value.mantissa)
    sign = b"-" if value.mantissa < 0 else b""
    if value.exponent >= 0:
        return sign + _decimal_text(mantissa << value.exponent)
    shift = -value.exponent
    scaled = mantissa * SCALE
    result = scaled >> shift
    rest = scaled - (result << shift)
    half = 1 << (shift - 1)
    if rest > half or (rest == half and result & 1):
        result += 1
    text = (b"%d" % result).zfill(DECIMALS + 1)
    decimals = text[-DECIMALS:].rstrip(b"0")
    if decimals:
        return sign + text[:-DECIMALS] + b"." + decimals
    return sign + text[:-DECIMALS] if result else b"0"


def _decimal_text(value: int) -> bytes:
    text = b""
    while value >= SPLIT:
        value, low = divmod(value, SPLIT)
        text = b"%0*d" % (DIGITS_AT_ONCE, low) + text
    return b"%d" % value + text
