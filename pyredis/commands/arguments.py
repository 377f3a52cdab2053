"""Reading arguments: numbers and their limits, with the error that Redis gives for each."""

from __future__ import annotations

from pyredis.datatypes.numbers import INT64_MAX, INT64_MIN, parse_int64
from pyredis.engine.context import Context
from pyredis.errors import NOT_AN_INTEGER, CommandError, invalid_expire


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


def deadline_argument(ctx: Context, command: bytes, text: bytes, unit_ms: int, is_relative: bool) -> int:
    """A deadline in milliseconds since the epoch, from a positive time in units of `unit_ms`.

    `command` is the lowercase name for the error of a time that is not positive or overflows.
    """
    value = integer_argument(text)
    if value <= 0 or value > INT64_MAX // unit_ms:
        raise invalid_expire(command)
    value *= unit_ms
    if is_relative:
        value += ctx.engine.clock.now_ms
        if value > INT64_MAX:
            raise invalid_expire(command)
    return value


def c_text(argument: bytes) -> bytes:
    """The part of an argument that Redis sees where it treats it as a C string, as in the texts of errors."""
    return argument.split(b"\0", 1)[0]


def is_int64(value: int) -> bool:
    """Whether an integer fits 64 bits with a sign."""
    return INT64_MIN <= value <= INT64_MAX
