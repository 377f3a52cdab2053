"""Reading arguments: numbers and their limits, with the error that Redis gives for each."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from pyredis.datatypes.long_double import ceiling_of_thousandfold, parse_long_double
from pyredis.datatypes.numbers import INT64_MAX, INT64_MIN, parse_int64
from pyredis.engine.context import Context
from pyredis.errors import (
    NOT_AN_INT,
    NOT_AN_INTEGER,
    TIMEOUT_NEGATIVE,
    TIMEOUT_NOT_A_FLOAT,
    TIMEOUT_OUT_OF_RANGE,
    CommandError,
    invalid_expire,
)

HIGHEST: Final[i64] = INT64_MAX
INT32_MAX: Final = (1 << 31) - 1
INT32_MIN: Final = -(1 << 31)


def integer_argument(text: bytes, error: bytes = NOT_AN_INTEGER) -> int:
    """A signed 64-bit integer, or `error`."""
    value = parse_int64(text)
    if value is None:
        raise CommandError(error)
    return value


def ranged_argument(text: bytes, low: int, high: int, error: bytes = NOT_AN_INTEGER) -> int:
    """An integer within `low` and `high` inclusive, or `error`."""
    value = parse_int64(text)
    if value is None or not low <= value <= high:
        raise CommandError(error)
    return value


def deadline_argument(ctx: Context, command: bytes, text: bytes, unit_ms: i64, is_relative: bool) -> int:
    """A deadline in milliseconds since the epoch, from a positive time in units of `unit_ms`.

    `command` is the lowercase name for the error of a time that is not positive or overflows.
    """
    deadline: i64 = integer_argument(text)
    if deadline <= 0 or deadline > HIGHEST // unit_ms:
        raise invalid_expire(command)
    deadline *= unit_ms
    if is_relative:
        # Compiled, a sum would wrap around before it could be compared.
        if deadline > HIGHEST - ctx.engine.clock.now_ms:
            raise invalid_expire(command)
        deadline += ctx.engine.clock.now_ms
    return deadline


def timeout_argument(ctx: Context, text: bytes) -> int:
    """When a blocking command gives up, in milliseconds since the epoch, 0 for never; `text` is in seconds.

    Redis multiplies a `long double` and rounds up, so -0.0001 is 0, and so is -0.001, which times 1000 comes
    out a trifle above -1.
    """
    seconds = parse_int64(text)
    if seconds is not None:
        milliseconds = seconds * 1000
    else:
        number = parse_long_double(text)
        if number is None:
            raise CommandError(TIMEOUT_NOT_A_FLOAT)
        milliseconds = ceiling_of_thousandfold(number)
    if milliseconds < 0:
        raise CommandError(TIMEOUT_NEGATIVE)
    if milliseconds == 0:
        return 0
    now_ms: int = ctx.engine.clock.now_ms  # compiled, a sum with the clock's own type would wrap around
    if milliseconds + now_ms > INT64_MAX:
        raise CommandError(TIMEOUT_OUT_OF_RANGE)
    return milliseconds + now_ms


def c_text(argument: bytes) -> bytes:
    """The part of an argument that Redis sees where it treats it as a C string, as in the texts of errors."""
    return argument.split(b"\0", 1)[0]


def is_int64(value: int) -> bool:
    """Whether an integer fits 64 bits with a sign."""
    return INT64_MIN <= value <= INT64_MAX


def int_argument(text: bytes, error: bytes | None = None) -> int:
    """An integer that fits a C int of 32 bits, or `error`; without one, Redis tells why."""
    value = integer_argument(text, NOT_AN_INTEGER if error is None else error)
    if not INT32_MIN <= value <= INT32_MAX:
        raise CommandError(NOT_AN_INT if error is None else error)
    return value
