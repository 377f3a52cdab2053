"""The 80-bit `long double` of x86, in which INCRBYFLOAT, HINCRBYFLOAT and timeouts are computed.

A finite value is `mantissa * 2**exponent`, the mantissa a signed integer of at most 64 bits. Reading and adding
round to nearest, ties to even, as the processor does; printing is `%.17Lf` without trailing zeros. All of it is
done on integers, so the result does not depend on the machine. On ARM, where a long double has 113 bits, Redis
itself answers differently; the digits here are those of x86.

Follows `string2ld` and `ld2string` in Redis's util.c and glibc's strtold.
"""

from __future__ import annotations

import re
from typing import Final

from pyredis.datatypes.numbers import INT64_MAX, INT64_MIN

MANTISSA_BITS: Final = 64
LEAST_EXPONENT: Final = -16445
"""The exponent of the smallest subnormal number."""

OVERFLOW_BITS: Final = 16384
"""Numbers from two to this power on are infinite."""

TEXT_LIMIT: Final = 5 * 1024
"""Redis reads longer texts as no number at all."""

# Beyond this, whatever mantissa fits the limit, the number overflows or is zero.
EXPONENT_LIMIT: Final = 40_000
DECIMALS: Final = 17
SCALE: Final = 10**DECIMALS

# CPython refuses to convert between integers and more than 4,300 digits of text in one go.
DIGITS_AT_ONCE: Final = 4000
SPLIT: Final = 10**DIGITS_AT_ONCE

_DECIMAL: Final = re.compile(rb"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?\Z")
_HEX: Final = re.compile(rb"([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?[0-9]+))?\Z")
_INFINITE: Final = re.compile(rb"([+-]?)inf(?:inity)?\Z", re.IGNORECASE)


class LongDouble:
    """One value: finite, or infinite with the sign of `mantissa`."""

    def __init__(self, mantissa: int, exponent: int, is_infinite: bool = False) -> None:
        self.mantissa: int = mantissa
        self.exponent: int = exponent
        self.is_infinite: bool = is_infinite

    def scaled(self, factor: int) -> int:
        """The value times `factor`, rounded up to an integer; only for finite values."""
        if self.exponent >= 0:
            return (self.mantissa * factor) << self.exponent
        return -((-self.mantissa * factor) >> -self.exponent)


def from_int(value: int) -> LongDouble:
    """A 64-bit integer; always exact."""
    assert INT64_MIN <= value <= INT64_MAX
    return LongDouble(value, 0)


def parse_long_double(text: bytes) -> LongDouble | None:
    """Reads decimal, hexadecimal or infinite text; None for what Redis refuses.

    Refused are NaN, blanks, anything before or after the number, 5,120 characters and more, and finite numbers that
    would become infinite or zero.
    """
    if len(text) >= TEXT_LIMIT:
        return None
    match = _DECIMAL.match(text)
    if match is not None:
        sign, whole, decimals, power = match.group(1, 2, 3, 4)
        digits: bytes = whole + (decimals or b"")
        if not digits:
            return None
        scale = _exponent(power) - len(decimals or b"")
        mantissa = _integer(digits)
        if scale >= 0:
            return _rounded(sign, mantissa * 10**scale, 1, 0) if mantissa and scale < EXPONENT_LIMIT else None
        return _rounded(sign, mantissa, 10**-scale, 0)
    match = _HEX.match(text)
    if match is not None:
        sign, whole, decimals, power = match.group(1, 2, 3, 4)
        digits = whole + (decimals or b"")
        if not digits:
            return None
        return _rounded(sign, int(digits, 16), 1, _exponent(power) - 4 * len(decimals or b""))
    match = _INFINITE.match(text)
    if match is not None:
        return LongDouble(-1 if match.group(1) == b"-" else 1, 0, True)
    return None
