"""Strings as numbers: INCR DECR INCRBY DECRBY INCRBYFLOAT.

An integer that has been counted with stays an `int`, so only the first step parses text.
"""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import i64

from pyredis.commands.arguments import integer_argument
from pyredis.commands.registry import first_key
from pyredis.commands.strings import string_length, strings
from pyredis.datatypes.long_double import LongDouble, add, format_long_double, parse_long_double
from pyredis.datatypes.numbers import INT64_MAX, INT64_MIN, LONGEST_INT64, parse_int64
from pyredis.datatypes.value import PlainText
from pyredis.engine.command import DENYOOM, FAST, WRITE
from pyredis.engine.context import Context
from pyredis.engine.engine import GATE_PROPAGATING
from pyredis.errors import NOT_A_FLOAT, NOT_AN_INTEGER, OVERFLOW, CommandError
from pyredis.keyspace import events
from pyredis.keyspace.database import string_bytes
from pyredis.protocol.encode import bulk, integer

HIGHEST: Final[i64] = INT64_MAX
LOWEST: Final[i64] = INT64_MIN


def integer_value(value: Any) -> int:
    """The integer that a stored string spells, or an error."""
    if string_length(value) > LONGEST_INT64:
        raise CommandError(NOT_AN_INTEGER)
    return integer_argument(string_bytes(value))


def increment(ctx: Context, key: bytes, step: i64) -> bytes:
    """Adds to the integer at `key`, which counts from zero when it is missing."""
    db = ctx.db
    value = db.lookup(key)
    result: int = step
    if value is None:
        db.store(key, result)
    else:
        number: i64 = value if isinstance(value, int) else integer_value(value)
        if (step > 0 and number > HIGHEST - step) or (step < 0 and number < LOWEST - step):
            raise CommandError(OVERFLOW)
        result = number + step
        db.overwrite(key, result)
    db.notify(events.STRING, b"incrby", key)
    return integer(result)


@strings.command(
    "INCR", arity=2, flags=WRITE | DENYOOM | FAST, keys=first_key("RW access update"), since="1.0.0",
    syntax="key", complexity="O(1)",
)  # fmt: skip
def incr(ctx: Context, argv: list[bytes]) -> bytes:
    """Increments the integer value of a key by one; a missing key counts from zero."""
    return increment(ctx, argv[1], 1)


@strings.command(
    "DECR", arity=2, flags=WRITE | DENYOOM | FAST, keys=first_key("RW access update"), since="1.0.0",
    syntax="key", complexity="O(1)",
)  # fmt: skip
def decr(ctx: Context, argv: list[bytes]) -> bytes:
    """Decrements the integer value of a key by one; a missing key counts from zero."""
    return increment(ctx, argv[1], -1)


@strings.command(
    "INCRBY", arity=3, flags=WRITE | DENYOOM | FAST, keys=first_key("RW access update"), since="1.0.0",
    syntax="key increment", complexity="O(1)",
)  # fmt: skip
def incrby(ctx: Context, argv: list[bytes]) -> bytes:
    """Increments the integer value of a key by a number; a missing key counts from zero."""
    return increment(ctx, argv[1], integer_argument(argv[2]))


@strings.command(
    "DECRBY", arity=3, flags=WRITE | DENYOOM | FAST, keys=first_key("RW access update"), since="1.0.0",
    syntax="key decrement", complexity="O(1)",
)  # fmt: skip
def decrby(ctx: Context, argv: list[bytes]) -> bytes:
    """Decrements the integer value of a key by a number; a missing key counts from zero."""
    step: i64 = integer_argument(argv[2])
    if step == LOWEST:
        raise CommandError(b"ERR decrement would overflow")
    return increment(ctx, argv[1], -step)


@strings.command(
    "INCRBYFLOAT", arity=3, flags=WRITE | DENYOOM | FAST, keys=first_key("RW access update"), since="2.6.0",
    syntax="key increment:double", complexity="O(1)",
)  # fmt: skip
def incrbyfloat(ctx: Context, argv: list[bytes]) -> bytes:
    """Increments the number at a key by a floating-point number; a missing key counts from zero."""
    db = ctx.db
    key = argv[1]
    value = db.lookup(key)
    number = LongDouble(0, 0) if value is None else parse_long_double(string_bytes(value))
    step = parse_long_double(argv[2])
    if number is None or step is None:
        raise CommandError(NOT_A_FLOAT)
    total = add(number, step)
    if total.is_infinite:
        raise CommandError(b"ERR increment would produce NaN or Infinity")
    text = format_long_double(total)
    db.replace(key, text if parse_int64(text) is None else PlainText(text))
    db.notify(events.STRING, b"incrbyfloat", key)
    if ctx.engine.gates & GATE_PROPAGATING != 0:
        ctx.propagate_as([b"SET", key, text, b"KEEPTTL"])
    return bulk(text)
