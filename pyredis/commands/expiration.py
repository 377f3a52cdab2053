"""Deadlines: EXPIRE PEXPIRE EXPIREAT PEXPIREAT, TTL PTTL EXPIRETIME PEXPIRETIME, PERSIST.

Whatever unit and origin a command speaks in, a deadline is kept in milliseconds since the epoch, and logged
as PEXPIREAT; one that has passed already is logged as the deletion that it causes.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from pyredis.commands.arguments import c_text, integer_argument
from pyredis.commands.keys import generic
from pyredis.commands.registry import first_key
from pyredis.datatypes.numbers import INT64_MAX, INT64_MIN
from pyredis.engine.command import FAST, READONLY, WRITE
from pyredis.engine.context import Context
from pyredis.engine.engine import GATE_PROPAGATING
from pyredis.errors import CommandError, invalid_expire
from pyredis.keyspace import events
from pyredis.keyspace.database import NO_DEADLINE
from pyredis.protocol.encode import ONE, ZERO, integer

NX: Final[i64] = 1 << 0
XX: Final[i64] = 1 << 1
GT: Final[i64] = 1 << 2
LT: Final[i64] = 1 << 3

NX_EXCLUDES: Final = b"ERR NX and XX, GT or LT options at the same time are not compatible"
GT_EXCLUDES_LT: Final = b"ERR GT and LT options at the same time are not compatible"

CONDITION: Final = " [condition:(NX | XX | GT | LT) @7.0.0]"
CONDITION_HISTORY: Final = (("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`."),)
NO_KEY: Final = b":-2\r\n"
FOR_EVER: Final = b":-1\r\n"

# What the four ways of telling a deadline differ in.
SECONDS: Final = 1000
MILLISECONDS: Final = 1


@generic.command(
    "EXPIRE", arity=-3, flags=WRITE | FAST, keys=first_key("RW update"), since="1.0.0",
    syntax="key seconds" + CONDITION, complexity="O(1)", history=CONDITION_HISTORY,
)  # fmt: skip
def expire(ctx: Context, argv: list[bytes]) -> bytes:
    """Has a key expire after a number of seconds."""
    return _expire(ctx, argv, b"expire", SECONDS, ctx.engine.clock.now_ms)


@generic.command(
    "PEXPIRE", arity=-3, flags=WRITE | FAST, keys=first_key("RW update"), since="2.6.0",
    syntax="key milliseconds" + CONDITION, complexity="O(1)", history=CONDITION_HISTORY,
)  # fmt: skip
def pexpire(ctx: Context, argv: list[bytes]) -> bytes:
    """Has a key expire after a number of milliseconds."""
    return _expire(ctx, argv, b"pexpire", MILLISECONDS, ctx.engine.clock.now_ms)


@generic.command(
    "EXPIREAT", arity=-3, flags=WRITE | FAST, keys=first_key("RW update"), since="1.2.0",
    syntax="key unix-time-seconds" + CONDITION, complexity="O(1)", history=CONDITION_HISTORY,
)  # fmt: skip
def expireat(ctx: Context, argv: list[bytes]) -> bytes:
    """Has a key expire at a time in seconds since the epoch."""
    return _expire(ctx, argv, b"expireat", SECONDS, 0)


@generic.command(
    "PEXPIREAT", arity=-3, flags=WRITE | FAST, keys=first_key("RW update"), since="2.6.0",
    syntax="key unix-time-milliseconds" + CONDITION, complexity="O(1)", history=CONDITION_HISTORY,
)  # fmt: skip
def pexpireat(ctx: Context, argv: list[bytes]) -> bytes:
    """Has a key expire at a time in milliseconds since the epoch."""
    return _expire(ctx, argv, b"pexpireat", MILLISECONDS, 0)


def _expire(ctx: Context, argv: list[bytes], name: bytes, unit_ms: int, origin_ms: int) -> bytes:
    """Sets a deadline of units after `origin_ms`, if the options allow it; a past one deletes the key."""
    condition = parse_condition(argv) if len(argv) > 3 else 0
    value = integer_argument(argv[2])
    if unit_ms != 1:
        # C divides towards zero, so the smallest number that is still accepted ends in 775.
        if value > INT64_MAX // unit_ms or value < -(-INT64_MIN // unit_ms):
            raise invalid_expire(name)
        value *= unit_ms
    deadline = value + origin_ms
    if deadline > INT64_MAX:
        raise invalid_expire(name)
    db = ctx.db
    key = argv[1]
    if db.lookup(key) is None or (condition != 0 and not allows(condition, db.deadline(key), deadline)):
        return ZERO
    if db.keyspace.is_past(deadline):
        lazy = db.keyspace.lazy_expire
        db.delete(key, lazy)
        if ctx.engine.gates & GATE_PROPAGATING != 0:
            ctx.propagate_as([b"UNLINK" if lazy else b"DEL", key])
        db.notify(events.GENERIC, b"del", key)
        return ONE
    db.set_deadline(key, deadline)
    db.keyspace.dirty += 1
    db.signal(key)
    if ctx.engine.gates & GATE_PROPAGATING != 0:
        ctx.propagate_as([b"PEXPIREAT", key, b"%d" % deadline, *argv[3:]])
    db.notify(events.GENERIC, b"expire", key)
    return ONE


def parse_condition(argv: list[bytes]) -> i64:
    """The bits of NX XX GT LT from the fourth argument on, or the error for those that exclude each other."""
    condition: i64 = 0
    for position in range(3, len(argv)):
        word = argv[position].upper()
        if word == b"NX":
            condition |= NX
        elif word == b"XX":
            condition |= XX
        elif word == b"GT":
            condition |= GT
        elif word == b"LT":
            condition |= LT
        else:
            raise CommandError(b"ERR Unsupported option " + c_text(argv[position]).rstrip(b"\r\n"))
    if condition & NX != 0 and condition != NX:
        raise CommandError(NX_EXCLUDES)
    if condition & GT != 0 and condition & LT != 0:
        raise CommandError(GT_EXCLUDES_LT)
    return condition


def allows(condition: i64, current: int, deadline: int) -> bool:
    """Whether a key with the deadline `current` may get another; a key without one lives longer than any."""
    if current == NO_DEADLINE:
        return condition & (XX | GT) == 0
    if condition & NX != 0:
        return False
    if condition & GT != 0 and deadline <= current:
        return False
    return condition & LT == 0 or deadline < current


@generic.command(
    "TTL", arity=2, flags=READONLY | FAST, keys=first_key("RO access"), since="1.0.0", syntax="key",
    complexity="O(1)", tips=("nondeterministic_output",), history=(("2.8.0", "Added the -2 reply."),),
)  # fmt: skip
def ttl(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells in how many seconds a key expires: -1 never, -2 there is no such key."""
    return _deadline_reply(ctx, argv[1], SECONDS, ctx.engine.clock.now_ms)


@generic.command(
    "PTTL", arity=2, flags=READONLY | FAST, keys=first_key("RO access"), since="2.6.0", syntax="key",
    complexity="O(1)", tips=("nondeterministic_output",), history=(("2.8.0", "Added the -2 reply."),),
)  # fmt: skip
def pttl(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells in how many milliseconds a key expires: -1 never, -2 there is no such key."""
    return _deadline_reply(ctx, argv[1], MILLISECONDS, ctx.engine.clock.now_ms)


@generic.command(
    "EXPIRETIME", arity=2, flags=READONLY | FAST, keys=first_key("RO access"), since="7.0.0", syntax="key",
    complexity="O(1)",
)  # fmt: skip
def expiretime(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells when a key expires in seconds since the epoch: -1 never, -2 there is no such key."""
    return _deadline_reply(ctx, argv[1], SECONDS, 0)


@generic.command(
    "PEXPIRETIME", arity=2, flags=READONLY | FAST, keys=first_key("RO access"), since="7.0.0", syntax="key",
    complexity="O(1)",
)  # fmt: skip
def pexpiretime(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells when a key expires in milliseconds since the epoch: -1 never, -2 there is no such key."""
    return _deadline_reply(ctx, argv[1], MILLISECONDS, 0)


def _deadline_reply(ctx: Context, key: bytes, unit_ms: int, origin_ms: int) -> bytes:
    """The deadline of a key in units after `origin_ms`, seconds rounded to the nearest."""
    if ctx.db.inspect(key) is None:
        return NO_KEY
    deadline = ctx.db.deadline(key)
    if deadline == NO_DEADLINE:
        return FOR_EVER
    left_ms = max(deadline - origin_ms, 0)
    return integer(left_ms if unit_ms == 1 else (left_ms + 500) // 1000)


@generic.command(
    "PERSIST", arity=2, flags=WRITE | FAST, keys=first_key("RW update"), since="2.2.0", syntax="key",
    complexity="O(1)",
)  # fmt: skip
def persist(ctx: Context, argv: list[bytes]) -> bytes:
    """Takes the deadline from a key."""
    db = ctx.db
    key = argv[1]
    if db.lookup(key) is None or not db.remove_deadline(key):
        return ZERO
    db.keyspace.dirty += 1
    db.signal(key)
    db.notify(events.GENERIC, b"persist", key)
    return ONE
