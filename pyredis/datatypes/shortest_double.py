"""Doubles as decimal digits, with the very digits that Redis prints.

Since 7.2 Redis prints doubles with Grisu2 (Loitsch, PLDI 2010) in place of `%.17g`: the result always reads
back as the same double, but one time in a thousand it has a digit more than the shortest such text, or a last
digit off by one. Clients see those digits, so `repr` will not do.

Grisu2 takes the double and the two midpoints towards its neighbours, multiplies the three by a power of ten
from a table of 64-bit approximations, narrows the interval by the error that this may have made, and writes
the digits of the upper end until what is left out fits the interval. Measured compiled: 170 ns for 0.35
(`repr` 130 ns), 190 ns for 17 digits (315 ns); interpreted some 3 us.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter, read_i64_le, write_f64_le
from mypy_extensions import i64

from pyredis.form import COMPILED

HIDDEN_BIT: Final[i64] = 1 << 52
LEAST_EXPONENT: Final[i64] = -1074
LOW_23: Final[i64] = (1 << 23) - 1
LOW_27: Final[i64] = (1 << 27) - 1
LOW_32: Final = (1 << 32) - 1
HALF: Final[i64] = 1 << 54
BIAS: Final[i64] = 1 << 59

FIRST_POWER: Final = -348
POWER_STEP: Final = 8
POWERS: Final = 87
LOG10_2: Final = 0.30102999566398114

# After scaling, the binary point stands 32 to 60 bits from the right, after ten digits at most.
LEAST_FRACTION: Final[i64] = 32
MOST_FRACTION: Final[i64] = 60


def _cached_powers() -> list[tuple[int, int]]:
    """10**-348, 10**-340, ... as a mantissa of 64 bits, rounded to nearest, and an exponent of two."""
    powers = []
    for index in range(POWERS):
        exponent = FIRST_POWER + POWER_STEP * index
        top, bottom = 10 ** max(exponent, 0), 10 ** max(-exponent, 0)
        shift = 64 - top.bit_length() + bottom.bit_length()
        if (top << max(shift, 0)) // (bottom << max(-shift, 0)) >> 64:
            shift -= 1
        mantissa, rest = divmod(top << max(shift, 0), bottom << max(-shift, 0))
        if 2 * rest >= bottom << max(-shift, 0):
            mantissa += 1
        powers.append((mantissa, -shift))
    return powers


_TABLE: Final = _cached_powers()
_HIGH: Final[list[int]] = [mantissa >> 32 for mantissa, _ in _TABLE]
_LOW: Final[list[int]] = [mantissa & LOW_32 for mantissa, _ in _TABLE]
_EXPONENT: Final[list[int]] = [exponent for _, exponent in _TABLE]


def _scaled(mantissa: i64, high: i64, low: i64) -> i64:
    """The upper 64 bits of a 55-bit mantissa times a cached power, rounded, less 2**63 so that they fit."""
    m_high = mantissa >> 27
    m_low = mantissa & LOW_27
    upper = m_low * high
    middle = m_high * low + ((upper & LOW_23) << 5) + ((m_low * low + HALF) >> 27)
    return (m_high * high - BIAS) * 16 + (middle >> 28) + (upper >> 23)


def shortest_digits(value: float) -> tuple[i64, i64]:
    """Digits and exponent of a positive finite double: `digits * 10**exponent` reads back as `value`."""
    top, room, distance, shift, power, step = _interval(value)
    if COMPILED and step == 1:
        digits, dropped = _generate(top, room, distance, shift)
    else:
        digits, dropped = _generate_from(_last_place(value) + power, top, room, distance, shift)
    return digits, dropped - power


def _interval(value: float) -> tuple[i64, i64, i64, i64, i64, i64]:
    """What is read back as `value`, times a power of ten.

    That is: the upper end less 2**63, how far down it reaches, how far below the end the value lies, all as
    binary fractions with so many bits behind the point; the power; and the size of the last bit of the double,
    more than one for subnormal numbers.
    """
    writer = BytesWriter()
    write_f64_le(writer, value)
    bits = read_i64_le(writer.getvalue(), 0)
    mantissa = bits & (HIDDEN_BIT - 1)
    exponent = (bits >> 52) + LEAST_EXPONENT - 1
    if bits >= HIDDEN_BIT:
        mantissa += HIDDEN_BIT
    else:
        exponent += 1
    below: i64 = 1 if mantissa == HIDDEN_BIT else 2
    step: i64 = 1
    while mantissa < HIDDEN_BIT:
        mantissa <<= 1
        step <<= 1
        exponent -= 1
    exponent -= 11

    index: i64 = (int(-float(exponent + POWERS) * LOG10_2) - FIRST_POWER) // POWER_STEP
    while -(exponent + _EXPONENT[index] + 64) > MOST_FRACTION:
        index += 1
    while -(exponent + _EXPONENT[index] + 64) < LEAST_FRACTION:
        index -= 1
    high: i64 = _HIGH[index]
    low: i64 = _LOW[index]
    top = _scaled(4 * mantissa + 2 * step, high, low) - 1
    bottom = _scaled(4 * mantissa - below * step, high, low) + 1
    middle = _scaled(4 * mantissa, high, low)
    shift: i64 = -(exponent + _EXPONENT[index] + 64)
    return top, top - bottom, top - middle, shift, FIRST_POWER + POWER_STEP * index, step


def _generate(top: i64, room: i64, distance: i64, shift: i64) -> tuple[i64, i64]:
    """The fewest leading digits of `top` that stay within `room` of it, and the power of ten that they count.

    The last digit is then lowered while that comes nearer to the value, which lies `distance` below `top`.
    """
    one: i64 = 1  # compiled, a literal would be shifted as a 32-bit number
    digits: i64 = (top >> shift) + (one << (63 - shift))
    one <<= shift
    fraction: i64 = top & (one - 1)
    exponent: i64 = 0
    if fraction <= room:
        while digits % 10 == 0:
            digits //= 10
            exponent += 1
        return digits, exponent
    while True:
        # Times ten, but the two in it moves the binary point instead.
        fraction *= 5
        room *= 5
        distance *= 5
        one >>= 1
        shift -= 1
        exponent -= 1
        digits = digits * 10 + (fraction >> shift)
        fraction &= one - 1
        if fraction < room:
            break
    while (
        fraction < distance
        and room - fraction >= one
        and (fraction + one < distance or distance - fraction > fraction + one - distance)
    ):
        digits -= 1
        fraction += one
    return digits, exponent


def _generate_from(guess: int, top: int, room: int, distance: int, shift: int) -> tuple[i64, i64]:
    """As `_generate`, in few steps on large integers: for interpreted code, and for wide intervals.

    `guess` is where the digits of the shortest text end. Those of Grisu2, whose interval is narrower, end
    there or further to the right.
    """
    top += 1 << 63
    exponent = guess
    while True:
        scale = 10 ** max(-exponent, 0)
        unit = 10 ** max(exponent, 0) << shift
        digits, rest = divmod(top * scale, unit)
        space = room * scale
        if rest < space or (rest == space and exponent >= 0):
            break
        exponent -= 1
    target = distance * scale
    while (
        rest < target
        and space - rest >= unit
        and (rest + unit < target or target - rest > rest + unit - target)
    ):
        digits -= 1
        rest += unit
    return digits, exponent


def _last_place(value: float) -> int:
    """The power of ten of the last digit that `repr` needs."""
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, decimals = mantissa.partition(".")
    place = int(exponent or "0")
    if decimals.strip("0"):
        return place - len(decimals)
    return place + len(whole) - len(whole.rstrip("0"))


def shortest_text(value: float) -> bytes:
    """The text of a finite double that is not zero: plain or with an exponent, as Redis chooses."""
    negative = value < 0.0
    number, exponent = shortest_digits(-value if negative else value)
    digits = b"%d" % number
    sign = b"-" if negative else b""
    length: i64 = len(digits)
    magnitude: i64 = length + exponent - 1
    size = -magnitude if magnitude < 0 else magnitude
    if exponent >= 0 and size < length + 7:
        return sign + digits + b"0" * int(exponent)
    if exponent < 0 and (exponent > -7 or size < 4):
        point = length + exponent
        if point <= 0:
            return sign + b"0." + b"0" * int(-point) + digits
        return sign + digits[:point] + b"." + digits[point:]
    if length > 1:
        digits = digits[:1] + b"." + digits[1:]
    return b"%b%be%b%d" % (sign, digits, b"-" if magnitude < 0 else b"+", size)
