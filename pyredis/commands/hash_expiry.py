"""Deadlines of the fields of hashes: HEXPIRE HPEXPIRE HEXPIREAT HPEXPIREAT, HTTL HPTTL HEXPIRETIME HPEXPIRETIME,
HPERSIST.

Each answers an array with a number for every field that it names, which are as many as it says. Whatever unit
and origin a command speaks in, a deadline is kept in milliseconds since the epoch, and logged as HPEXPIREAT for
the fields that got it; a field whose deadline has passed already is logged as the HDEL that it comes to.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from pyredis.commands.arguments import integer_argument, ranged_argument
from pyredis.commands.expiration import GT, LT, NX, XX, allows
from pyredis.commands.hashes import hashes, note_change, read_hash, without_expired, write_hash
from pyredis.commands.registry import first_key
from pyredis.datatypes.field_deadlines import NO_DEADLINE
from pyredis.datatypes.hash_value import HashValue
from pyredis.datatypes.numbers import INT64_MAX
from pyredis.engine.command import FAST, READONLY, WRITE
from pyredis.engine.context import Context
from pyredis.engine.engine import GATE_PROPAGATING
from pyredis.errors import CommandError, invalid_expire
from pyredis.keyspace import events
from pyredis.protocol.encode import array, array_header, integer

NO_FIELDS: Final = b"ERR Mandatory argument FIELDS is missing or not at the right position"
COUNT_NOT_POSITIVE: Final = b"ERR Number of fields must be a positive integer"
EXPIRE_COUNT_NOT_POSITIVE: Final = b"ERR Parameter `numFields` should be greater than 0"
COUNT_MISMATCH: Final = b"ERR The `numfields` parameter must match the number of arguments"
NEGATIVE_EXPIRE: Final = b"ERR invalid expire time, must be >= 0"

HIGHEST_DEADLINE: Final = 0x3FFF_FFFF_FFFF
"""The latest deadline of a field, in the year 4199; Redis keeps the two bits above it free."""

SECONDS: Final = 1000
MILLISECONDS: Final = 1

NO_FIELD: Final = b":-2\r\n"
FOR_EVER: Final = b":-1\r\n"
REFUSED: Final = b":0\r\n"
DONE: Final = b":1\r\n"
DELETED: Final = b":2\r\n"

_CONDITIONS: Final[dict[bytes, int]] = {b"NX": NX, b"XX": XX, b"GT": GT, b"LT": LT}
_CONDITION: Final = " [condition:(NX | XX | GT | LT)] FIELDS fields:(numfields field...)"
_FIELDS: Final = "key FIELDS fields:(numfields field...)"
_COMPLEXITY: Final = "O(N) with N fields named."


def named_fields(argv: list[bytes], position: int, error: bytes = COUNT_NOT_POSITIVE) -> list[bytes]:
    """The fields of `FIELDS numfields field...` at a position; `error` is for a number that is not positive."""
    if argv[position].upper() != b"FIELDS":
        raise CommandError(NO_FIELDS)
    count = ranged_argument(argv[position + 1], 1, INT64_MAX, error)
    if count != len(argv) - position - 2:
        raise CommandError(COUNT_MISMATCH)
    return argv[position + 2 :]


def field_deadline(text: bytes, unit_ms: int, origin_ms: int, name: bytes) -> int:
    """A deadline in milliseconds since the epoch, from a time of units after `origin_ms`; 0 is allowed."""
    value = integer_argument(text)
    if value < 0:
        raise CommandError(NEGATIVE_EXPIRE)
    if value > HIGHEST_DEADLINE // unit_ms:
        raise invalid_expire(name)
    deadline = value * unit_ms + origin_ms
    if deadline > HIGHEST_DEADLINE:
        raise invalid_expire(name)
    return deadline


def expire_at_once(ctx: Context, key: bytes, value: HashValue, field: bytes) -> None:
    """Removes a field that was to get a deadline that has passed; the caller reports it when it is done."""
    value.remove(field)
    ctx.db.keyspace.expired_fields += 1
    if ctx.engine.gates & GATE_PROPAGATING != 0:
        ctx.propagate_as([b"HDEL", key, field])


def remove_if_empty(ctx: Context, key: bytes, value: HashValue) -> None:
    """Removes the key of a hash that has lost its last field."""
    if value.size() == 0:
        ctx.db.remove(key)
        ctx.db.notify(events.GENERIC, b"del", key)


# Setting deadlines.


@hashes.command(
    "HEXPIRE", arity=-6, flags=WRITE | FAST, keys=first_key("RW update"), since="7.4.0",
    syntax="key seconds" + _CONDITION, complexity=_COMPLEXITY,
)  # fmt: skip
def hexpire(ctx: Context, argv: list[bytes]) -> bytes:
    """Has fields of a hash expire after a number of seconds."""
    return _expire(ctx, argv, b"hexpire", SECONDS, ctx.engine.clock.now_ms)


@hashes.command(
    "HPEXPIRE", arity=-6, flags=WRITE | FAST, keys=first_key("RW update"), since="7.4.0",
    syntax="key milliseconds" + _CONDITION, complexity=_COMPLEXITY,
)  # fmt: skip
def hpexpire(ctx: Context, argv: list[bytes]) -> bytes:
    """Has fields of a hash expire after a number of milliseconds."""
    return _expire(ctx, argv, b"hpexpire", MILLISECONDS, ctx.engine.clock.now_ms)


@hashes.command(
    "HEXPIREAT", arity=-6, flags=WRITE | FAST, keys=first_key("RW update"), since="7.4.0",
    syntax="key unix-time-seconds" + _CONDITION, complexity=_COMPLEXITY,
)  # fmt: skip
def hexpireat(ctx: Context, argv: list[bytes]) -> bytes:
    """Has fields of a hash expire at a time in seconds since the epoch."""
    return _expire(ctx, argv, b"hexpireat", SECONDS, 0)


@hashes.command(
    "HPEXPIREAT", arity=-6, flags=WRITE | FAST, keys=first_key("RW update"), since="7.4.0",
    syntax="key unix-time-milliseconds" + _CONDITION, complexity=_COMPLEXITY,
)  # fmt: skip
def hpexpireat(ctx: Context, argv: list[bytes]) -> bytes:
    """Has fields of a hash expire at a time in milliseconds since the epoch."""
    return _expire(ctx, argv, b"hpexpireat", MILLISECONDS, 0)


def _expire(ctx: Context, argv: list[bytes], name: bytes, unit_ms: int, origin_ms: int) -> bytes:
    """Gives fields a deadline of units after `origin_ms`, as far as the condition allows."""
    key = argv[1]
    value = write_hash(ctx, key)
    deadline = field_deadline(argv[2], unit_ms, origin_ms, name)
    condition: i64 = _CONDITIONS.get(argv[3].upper(), 0)
    fields = named_fields(argv, 3 if condition == 0 else 4, EXPIRE_COUNT_NOT_POSITIVE)
    value = without_expired(ctx.db, key, value, fields)
    if value is None:
        return array_header(len(fields)) + NO_FIELD * len(fields)
    value.extend()
    is_past = ctx.db.keyspace.is_past(deadline)
    items: list[bytes] = []
    changed: list[bytes] = []
    for field in fields:
        if not value.has(field):
            items.append(NO_FIELD)
        elif condition != 0 and not allows(condition, value.deadline(field), deadline):
            items.append(REFUSED)
        elif is_past:
            expire_at_once(ctx, key, value, field)
            changed.append(field)
            items.append(DELETED)
        else:
            value.set_deadline(field, deadline)
            changed.append(field)
            items.append(DONE)
    if changed:
        note_change(ctx.db, key, value, False, len(changed), b"hdel" if is_past else b"hexpire")
        remove_if_empty(ctx, key, value)
        if not is_past:
            propagate_deadline(ctx, key, deadline, argv[3:4] if condition else [], changed)
    return array(items)


def propagate_deadline(
    ctx: Context, key: bytes, deadline: int, condition: list[bytes], fields: list[bytes]
) -> None:
    """Logs that fields got a deadline, as HPEXPIREAT."""
    if ctx.engine.gates & GATE_PROPAGATING != 0:
        effect = [b"HPEXPIREAT", key, b"%d" % deadline, *condition, b"FIELDS", b"%d" % len(fields), *fields]
        ctx.propagate_as(effect)


@hashes.command(
    "HPERSIST", arity=-5, flags=WRITE | FAST, keys=first_key("RW update"), since="7.4.0",
    syntax=_FIELDS, complexity=_COMPLEXITY,
)  # fmt: skip
def hpersist(ctx: Context, argv: list[bytes]) -> bytes:
    """Takes the deadlines from fields of a hash."""
    key = argv[1]
    value = write_hash(ctx, key)
    fields = named_fields(argv, 2)
    items: list[bytes] = []
    is_changed = False
    for field in fields:
        if value is None or not value.has(field) or ctx.db.is_field_due(value, field):
            items.append(NO_FIELD)
        elif value.persist(field):
            is_changed = True
            items.append(DONE)
        else:
            items.append(FOR_EVER)
    if is_changed and value is not None:
        note_change(ctx.db, key, value, False, 1, b"hpersist")
    return array(items)


# Asking for deadlines.


@hashes.command(
    "HTTL", arity=-5, flags=READONLY | FAST, keys=first_key("RO access"), since="7.4.0",
    syntax=_FIELDS, complexity=_COMPLEXITY, tips=("nondeterministic_output",),
)  # fmt: skip
def httl(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells in how many seconds fields expire: -1 never, -2 there is no such field."""
    return _deadlines_reply(ctx, argv, SECONDS, ctx.engine.clock.now_ms)


@hashes.command(
    "HPTTL", arity=-5, flags=READONLY | FAST, keys=first_key("RO access"), since="7.4.0",
    syntax=_FIELDS, complexity=_COMPLEXITY, tips=("nondeterministic_output",),
)  # fmt: skip
def hpttl(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells in how many milliseconds fields expire: -1 never, -2 there is no such field."""
    return _deadlines_reply(ctx, argv, MILLISECONDS, ctx.engine.clock.now_ms)


@hashes.command(
    "HEXPIRETIME", arity=-5, flags=READONLY | FAST, keys=first_key("RO access"), since="7.4.0",
    syntax=_FIELDS, complexity=_COMPLEXITY,
)  # fmt: skip
def hexpiretime(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells when fields expire in seconds since the epoch: -1 never, -2 there is no such field."""
    return _deadlines_reply(ctx, argv, SECONDS, 0)


@hashes.command(
    "HPEXPIRETIME", arity=-5, flags=READONLY | FAST, keys=first_key("RO access"), since="7.4.0",
    syntax=_FIELDS, complexity=_COMPLEXITY,
)  # fmt: skip
def hpexpiretime(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells when fields expire in milliseconds since the epoch: -1 never, -2 there is no such field."""
    return _deadlines_reply(ctx, argv, MILLISECONDS, 0)


def _deadlines_reply(ctx: Context, argv: list[bytes], unit_ms: int, origin_ms: int) -> bytes:
    """The deadlines of fields in units after `origin_ms`, seconds rounded up."""
    value = read_hash(ctx, argv[1])
    fields = named_fields(argv, 2)
    items: list[bytes] = []
    for field in fields:
        if value is None or not value.has(field) or ctx.db.is_field_due(value, field):
            items.append(NO_FIELD)
            continue
        deadline: int = value.deadline(field)
        if deadline == NO_DEADLINE:
            items.append(FOR_EVER)
        else:
            items.append(integer((deadline - origin_ms + unit_ms - 1) // unit_ms))
    return array(items)
