"""Hashes: HSET HMSET HSETNX HGET HMGET HGETALL HKEYS HVALS HLEN HSTRLEN HEXISTS HDEL HINCRBY HINCRBYFLOAT
HRANDFIELD HSCAN.

The expiry of fields is in `hash_expiry`, and what newer commands join with it in `hash_field_options`. A field
past its deadline is gone for all of them: those that name it remove it first, as an expiry of its own; the
others pass over it. Redis is at odds with itself there, until its cron has removed the field: HLEN and HDEL
still count it, and HEXPIRE revives it.
"""

from __future__ import annotations

from typing import Final

from librt.random import randrange
from librt.strings import BytesWriter
from mypy_extensions import i64

from pyredis.commands.arguments import integer_argument
from pyredis.commands.registry import CommandGroup, first_key
from pyredis.commands.scanning import scan_cursor, scan_options, scan_reply
from pyredis.commands.sorted_sets import SAMPLE_MAX, distinct_ranks
from pyredis.datatypes.field_deadlines import NO_DEADLINE as NO_FIELD_DEADLINE
from pyredis.datatypes.glob import glob_match
from pyredis.datatypes.hash_value import FIELDS, PAIRS, VALUES, HashValue
from pyredis.datatypes.long_double import LongDouble, add, format_long_double, parse_long_double
from pyredis.datatypes.numbers import INT64_MAX, INT64_MIN, parse_int64
from pyredis.engine.command import DENYOOM, FAST, READONLY, WRITE
from pyredis.engine.context import Context
from pyredis.engine.engine import GATE_PROPAGATING
from pyredis.errors import NOT_A_FLOAT, OVERFLOW, SYNTAX, WRONG_TYPE, CommandError, wrong_arity
from pyredis.keyspace import events
from pyredis.keyspace.database import NO_DEADLINE, Database
from pyredis.protocol.encode import (
    EMPTY_ARRAY,
    OK,
    ONE,
    ZERO,
    array_header,
    bulk,
    integer,
    map_header,
    write_bulk,
)

hashes: Final = CommandGroup("hash", acl=("hash",))

NOT_AN_INTEGER_FIELD: Final = b"ERR hash value is not an integer"
NOT_A_FLOAT_FIELD: Final = b"ERR hash value is not a float"
NAN_STEP: Final = b"ERR value is NaN or Infinity"
NAN_TOTAL: Final = b"ERR increment would produce NaN or Infinity"
COUNT_OUT_OF_RANGE: Final = (
    b"ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
)

PAIR: Final = b"*2\r\n"
UNIQUE_DRAWS: Final = 3
"""How many times larger a hash has to be than a sample of it for the sample to be drawn one by one."""


# What all groups of hash commands share.


def expect_hash(value: object) -> HashValue:
    """Narrows a value that was found to a hash, or raises WRONGTYPE."""
    if isinstance(value, HashValue):
        return value
    raise CommandError(WRONG_TYPE)


def read_hash(ctx: Context, key: bytes) -> HashValue | None:
    """The hash at a key, to be read; None when there is none."""
    value = ctx.db.lookup_read(key)
    return None if value is None else expect_hash(value)


def write_hash(ctx: Context, key: bytes) -> HashValue | None:
    """The hash at a key, to be changed; None when there is none."""
    value = ctx.db.lookup(key)
    return None if value is None else expect_hash(value)


def without_expired(
    db: Database, key: bytes, value: HashValue | None, fields: list[bytes]
) -> HashValue | None:
    """The hash at a key once those of some fields are removed that have expired; None when none is left."""
    if value is None or value.deadlines is None:
        return value
    db.expire_named(key, value, fields)
    return None if value.size() == 0 else value


def is_gone(db: Database, key: bytes, value: HashValue, field: bytes) -> bool:
    """Whether a field has expired; if so, removes it."""
    if not db.is_field_due(value, field):
        return False
    db.expire_named(key, value, [field])
    return True


def note_change(db: Database, key: bytes, value: HashValue, is_new: bool, changes: i64, event: bytes) -> None:
    """Adds a hash that is new to the database, and reports that it has changed."""
    if is_new:
        db.add(key, value, NO_DEADLINE)
    elif value.deadlines is not None:
        db.schedule_fields(key, value)
    keyspace = db.keyspace
    keyspace.dirty += changes
    if db.watchers or db.blocked or keyspace.listener is not None:
        db.signal(key)
    if keyspace.event_mask != 0:
        db.notify(events.HASH, event, key)


def note_removal(db: Database, key: bytes, value: HashValue, removed: i64) -> None:
    """Reports that fields were deleted, and removes the key with the last of them."""
    is_empty = value.size() == 0
    if is_empty:
        db.remove(key)
    elif value.deadlines is not None:
        db.schedule_fields(key, value)
    db.signal(key)
    db.notify(events.HASH, b"hdel", key)
    if is_empty:
        db.notify(events.GENERIC, b"del", key)
    db.keyspace.dirty += removed


def nulls_reply(ctx: Context, count: int) -> bytes:
    """An array of so many nulls."""
    return array_header(count) + ctx.null * count


# Setting fields.


@hashes.command(
    "HSET", arity=-4, flags=WRITE | DENYOOM | FAST, keys=first_key("RW update"), since="2.0.0",
    syntax="key (field value)...", complexity="O(N) with N fields, O(1) for each.",
    history=(("4.0.0", "Accepts multiple `field` and `value` arguments."),),
)  # fmt: skip
def hset(ctx: Context, argv: list[bytes]) -> bytes:
    """Sets fields of a hash to values, creating the hash when it is missing; tells how many are new."""
    return integer(set_fields(ctx, argv, b"hset"))


@hashes.command(
    "HMSET", arity=-4, flags=WRITE | DENYOOM | FAST, keys=first_key("RW update"), since="2.0.0",
    syntax="key (field value)...", complexity="O(N) with N fields, O(1) for each.",
    deprecated=("4.0.0", "`HSET` with multiple field-value pairs"),
)  # fmt: skip
def hmset(ctx: Context, argv: list[bytes]) -> bytes:
    """Sets fields of a hash to values, creating the hash when it is missing."""
    set_fields(ctx, argv, b"hmset")
    return OK


def set_fields(ctx: Context, argv: list[bytes], name: bytes) -> i64:
    """HSET and HMSET: answers how many fields are new."""
    count: i64 = len(argv)
    if count & 1:
        raise wrong_arity(name)
    key = argv[1]
    db = ctx.db
    engine = ctx.engine
    found = db.lookup(key)
    is_new = found is None
    if isinstance(found, HashValue):
        value = found
        if value.deadlines is not None and without_expired(db, key, value, argv[2::2]) is None:
            value = HashValue()
            is_new = True
    elif found is None:
        value = HashValue()
    else:
        raise CommandError(WRONG_TYPE)
    added: i64
    if count == 4:
        added = i64(value.put(argv[2], argv[3], engine.hash_max_entries, engine.hash_max_value))
    else:
        added = value.put_all(argv, 2, engine.hash_max_entries, engine.hash_max_value)
    note_change(db, key, value, is_new, (count - 2) // 2, b"hset")
    return added


@hashes.command(
    "HSETNX", arity=4, flags=WRITE | DENYOOM | FAST, keys=first_key("RW insert"), since="2.0.0",
    syntax="key field value", complexity="O(1)",
)  # fmt: skip
def hsetnx(ctx: Context, argv: list[bytes]) -> bytes:
    """Sets a field of a hash to a value only when the field is missing."""
    key, field = argv[1], argv[2]
    db = ctx.db
    known = without_expired(db, key, write_hash(ctx, key), [field])
    if known is not None and known.has(field):
        return ZERO
    value = HashValue() if known is None else known
    value.put(field, argv[3], ctx.engine.hash_max_entries, ctx.engine.hash_max_value)
    note_change(db, key, value, known is None, 1, b"hset")
    return ONE


# Numbers.


@hashes.command(
    "HINCRBY", arity=4, flags=WRITE | DENYOOM | FAST, keys=first_key("RW access update"), since="2.0.0",
    syntax="key field increment", complexity="O(1)",
)  # fmt: skip
def hincrby(ctx: Context, argv: list[bytes]) -> bytes:
    """Adds an integer to the number in a field, which counts from 0 when it is missing; returns the sum."""
    step = integer_argument(argv[3])
    key, field = argv[1], argv[2]
    db = ctx.db
    known = without_expired(db, key, write_hash(ctx, key), [field])
    total: int = step
    if known is not None:
        text = known.get(field)
        if text is not None:
            number = parse_int64(text)
            if number is None:
                raise CommandError(NOT_AN_INTEGER_FIELD)
            total += number
            if not INT64_MIN <= total <= INT64_MAX:
                raise CommandError(OVERFLOW)
    value = HashValue() if known is None else known
    value.put(field, b"%d" % total, ctx.engine.hash_max_entries, ctx.engine.hash_max_value, True)
    note_change(db, key, value, known is None, 1, b"hincrby")
    return integer(total)


@hashes.command(
    "HINCRBYFLOAT", arity=4, flags=WRITE | DENYOOM | FAST, keys=first_key("RW access update"), since="2.6.0",
    syntax="key field increment:double", complexity="O(1)",
)  # fmt: skip
def hincrbyfloat(ctx: Context, argv: list[bytes]) -> bytes:
    """Adds a floating-point number to the one in a field, which counts from 0 when it is missing; returns the
    sum.

    What is logged is the sum, and after it the deadline of the field, which setting it there would lose.
    """
    step = parse_long_double(argv[3])
    if step is None:
        raise CommandError(NOT_A_FLOAT)
    if step.is_infinite:
        raise CommandError(NAN_STEP)
    key, field = argv[1], argv[2]
    db = ctx.db
    known = without_expired(db, key, write_hash(ctx, key), [field])
    text = None if known is None else known.get(field)
    number = LongDouble(0, 0) if text is None else parse_long_double(text)
    if number is None:
        raise CommandError(NOT_A_FLOAT_FIELD)
    total = add(number, step)
    if total.is_infinite:
        raise CommandError(NAN_TOTAL)
    text = format_long_double(total)
    value = HashValue() if known is None else known
    value.put(field, text, ctx.engine.hash_max_entries, ctx.engine.hash_max_value, True)
    note_change(db, key, value, known is None, 1, b"hincrbyfloat")
    if ctx.engine.gates & GATE_PROPAGATING != 0:
        ctx.propagate_as([b"HSET", key, field, text])
        propagate_deadlines(ctx, key, value, [field])
    return bulk(text)


def propagate_deadlines(ctx: Context, key: bytes, value: HashValue, fields: list[bytes]) -> None:
    """Logs the deadlines of those of some fields that have one."""
    for field in dict.fromkeys(fields):
        deadline = value.deadline(field)
        if deadline != NO_FIELD_DEADLINE:
            ctx.propagate_as([b"HPEXPIREAT", key, b"%d" % deadline, b"FIELDS", b"1", field])


# Deleting fields.


@hashes.command(
    "HDEL", arity=-3, flags=WRITE | FAST, keys=first_key("RW delete"), since="2.0.0",
    syntax="key field...", complexity="O(N) with N fields to be removed.",
    history=(("2.4.0", "Accepts multiple `field` arguments."),),
)  # fmt: skip
def hdel(ctx: Context, argv: list[bytes]) -> bytes:
    """Deletes fields of a hash, and the hash with the last of them; tells how many there were."""
    key = argv[1]
    value = write_hash(ctx, key)
    if value is not None and value.deadlines is not None:
        value = without_expired(ctx.db, key, value, argv[2:])
    if value is None:
        return ZERO
    removed: i64 = 0
    for position in range(2, len(argv)):
        if value.remove(argv[position]):
            removed += 1
            if value.size() == 0:
                break
    if removed:
        note_removal(ctx.db, key, value, removed)
    return integer(removed)


# Reading fields.


@hashes.command(
    "HGET", arity=3, flags=READONLY | FAST, keys=first_key("RO access"), since="2.0.0",
    syntax="key field", complexity="O(1)",
)  # fmt: skip
def hget(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the value of a field of a hash."""
    value = ctx.db.lookup_read(argv[1])
    if value is None:
        return ctx.null
    if not isinstance(value, HashValue):
        raise CommandError(WRONG_TYPE)
    if value.deadlines is not None and is_gone(ctx.db, argv[1], value, argv[2]):
        return ctx.null
    packed = value.get_packed(argv[2])
    return ctx.null if packed is None else packed


@hashes.command(
    "HMGET", arity=-3, flags=READONLY | FAST, keys=first_key("RO access"), since="2.0.0",
    syntax="key field...", complexity="O(N) with N fields asked for.",
)  # fmt: skip
def hmget(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the values of several fields of a hash."""
    return values_reply(ctx, argv[1], read_hash(ctx, argv[1]), argv, 2)


def values_reply(
    ctx: Context, key: bytes, value: HashValue | None, argv: list[bytes], position: i64
) -> bytes:
    """The values of the fields from a position on, null for those that are missing or have expired."""
    count: i64 = len(argv)
    if value is not None and value.deadlines is not None:
        value = without_expired(ctx.db, key, value, argv[position:])
    if value is None:
        return nulls_reply(ctx, count - position)
    hides = value.deadlines is not None  # in a pause the expired are not removed
    writer = BytesWriter()
    writer.write(array_header(count - position))
    while position < count:
        field = argv[position]
        packed = None if hides and ctx.db.is_field_due(value, field) else value.get_packed(field)
        writer.write(ctx.null if packed is None else packed)
        position += 1
    return writer.getvalue()


@hashes.command(
    "HEXISTS", arity=3, flags=READONLY | FAST, keys=first_key("RO"), since="2.0.0",
    syntax="key field", complexity="O(1)",
)  # fmt: skip
def hexists(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells whether a hash has a field."""
    value = read_hash(ctx, argv[1])
    if value is None or is_gone(ctx.db, argv[1], value, argv[2]):
        return ZERO
    return ONE if value.has(argv[2]) else ZERO


@hashes.command(
    "HSTRLEN", arity=3, flags=READONLY | FAST, keys=first_key("RO"), since="3.2.0",
    syntax="key field", complexity="O(1)",
)  # fmt: skip
def hstrlen(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the length of the value of a field, 0 when there is none."""
    value = read_hash(ctx, argv[1])
    if value is None or is_gone(ctx.db, argv[1], value, argv[2]):
        return ZERO
    text = value.get(argv[2])
    return ZERO if text is None else integer(len(text))


@hashes.command(
    "HLEN", arity=2, flags=READONLY | FAST, keys=first_key("RO"), since="2.0.0",
    syntax="key", complexity="O(1)",
)  # fmt: skip
def hlen(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns how many fields a hash has."""
    value = read_hash(ctx, argv[1])
    return ZERO if value is None else integer(value.live_size(ctx.db.clock.now_ms))


@hashes.command(
    "HGETALL", arity=2, flags=READONLY, keys=first_key("RO access"), since="2.0.0",
    syntax="key", complexity="O(N) with N fields in the hash.", tips=("nondeterministic_output_order",),
)  # fmt: skip
def hgetall(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns all fields of a hash with their values."""
    value = ctx.db.lookup_read(argv[1])
    if value is None:
        return map_header(0, ctx.resp3)
    if not isinstance(value, HashValue):
        raise CommandError(WRONG_TYPE)
    now_ms = ctx.db.clock.now_ms
    return map_header(value.live_size(now_ms), ctx.resp3) + value.packed(PAIRS, now_ms)


@hashes.command(
    "HKEYS", arity=2, flags=READONLY, keys=first_key("RO access"), since="2.0.0",
    syntax="key", complexity="O(N) with N fields in the hash.", tips=("nondeterministic_output_order",),
)  # fmt: skip
def hkeys(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns all fields of a hash."""
    return half_reply(ctx, argv[1], FIELDS)


@hashes.command(
    "HVALS", arity=2, flags=READONLY, keys=first_key("RO access"), since="2.0.0",
    syntax="key", complexity="O(N) with N fields in the hash.", tips=("nondeterministic_output_order",),
)  # fmt: skip
def hvals(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns all values of a hash."""
    return half_reply(ctx, argv[1], VALUES)


def half_reply(ctx: Context, key: bytes, what: int) -> bytes:
    """An array of all fields, or of all values."""
    value = read_hash(ctx, key)
    if value is None:
        return EMPTY_ARRAY
    now_ms = ctx.db.clock.now_ms
    return array_header(value.live_size(now_ms)) + value.packed(what, now_ms)


# HRANDFIELD and HSCAN.


@hashes.command(
    "HRANDFIELD", arity=-2, flags=READONLY, keys=first_key("RO access"), since="6.2.0",
    syntax="key [options:(count [WITHVALUES])]", complexity="O(N) with N fields returned.",
    tips=("nondeterministic_output",),
)  # fmt: skip
def hrandfield(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns one random field of a hash, or several."""
    key = argv[1]
    if len(argv) == 2:
        value = unexpired(ctx, key, read_hash(ctx, key))
        if value is None:
            return ctx.null
        fields = sample(value, -1, ctx.db.clock.now_ms)
        return bulk(fields[0]) if fields else ctx.null
    count = integer_argument(argv[2])
    if count < -INT64_MAX:
        raise CommandError(COUNT_OUT_OF_RANGE)
    with_values = len(argv) > 3
    if len(argv) > 4 or (with_values and argv[3].upper() != b"WITHVALUES"):
        raise CommandError(SYNTAX)
    if count < -SAMPLE_MAX or (with_values and count > INT64_MAX // 2):
        raise CommandError(b"ERR value is out of range")
    value = unexpired(ctx, key, read_hash(ctx, key))
    if value is None or count == 0:
        return EMPTY_ARRAY
    flat = sample(value, count, ctx.db.clock.now_ms)
    writer = BytesWriter()
    writer.write(array_header(len(flat) if with_values and not ctx.resp3 else len(flat) // 2))
    for i in range(0, len(flat), 2):
        if with_values and ctx.resp3:
            writer.write(PAIR)
        write_bulk(writer, flat[i])
        if with_values:
            write_bulk(writer, flat[i + 1])
    return writer.getvalue()


def unexpired(ctx: Context, key: bytes, value: HashValue | None) -> HashValue | None:
    """The hash at a key once all its fields are removed that have expired; None when none is left."""
    if value is None or value.deadlines is None or not value.deadlines.is_any_due(ctx.db.clock.now_ms):
        return value
    return without_expired(ctx.db, key, value, list(value.deadlines.table))


def sample(value: HashValue, count: int, now_ms: int) -> list[bytes]:
    """Random fields, each followed by its value: all different, or `-count` independent draws when `count` is
    negative."""
    size = value.live_size(now_ms)
    table = value.table
    if table is not None and size == table.size and size > UNIQUE_DRAWS * abs(count):
        drawn: dict[bytes, None] = {}
        flat: list[bytes] = []
        while len(flat) < 2 * abs(count):
            field = table.random_key()
            if count < 0 or field not in drawn:
                drawn[field] = None
                flat.append(field)
                flat.append(table.get(field))
        return flat
    pairs = value.live(PAIRS, now_ms)
    if count >= size:
        return pairs
    indexes = [randrange(size) for _ in range(-count)] if count < 0 and size else distinct_ranks(size, count)
    flat = []
    for index in indexes:
        flat.append(pairs[2 * index])
        flat.append(pairs[2 * index + 1])
    return flat


@hashes.command(
    "HSCAN", arity=-3, flags=READONLY, keys=first_key("RO access"), since="2.8.0",
    syntax="key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
    complexity="O(1) for a call, O(N) for all the calls that go through N fields.",
    tips=("nondeterministic_output",),
)  # fmt: skip
def hscan(ctx: Context, argv: list[bytes]) -> bytes:
    """Goes through the fields and values of a hash, some with each call."""
    cursor = scan_cursor(argv[2])
    value = read_hash(ctx, argv[1])
    if value is None:
        return scan_reply(0, [])
    options = scan_options(argv, 3, False, True)
    now_ms = ctx.db.clock.now_ms
    if value.is_walked_at_once():
        cursor = 0
        flat = value.live(PAIRS, now_ms)
    else:
        cursor, fields = value.scan(cursor, options.count)
        flat = []
        for field in fields:
            text = value.get(field)
            if text is not None and not value.is_due(field, now_ms):
                flat.append(field)
                flat.append(text)
    pattern = options.pattern
    found: list[bytes] = []
    for i in range(0, len(flat), 2):
        if pattern is None or glob_match(pattern, flat[i], False):
            found.append(flat[i])
            if not options.no_values:
                found.append(flat[i + 1])
    return scan_reply(cursor, found)
