"""Sets, member by member: SADD SREM SMOVE SPOP, SCARD SISMEMBER SMISMEMBER SMEMBERS SRANDMEMBER SSCAN.

Unions, intersections and differences are in `set_algebra`; what they share is here. SPOP is logged as the
removal of what it drew, a whole set that went as the deletion of its key.
"""

from __future__ import annotations

from typing import Final

from librt.random import randrange
from librt.strings import BytesWriter
from mypy_extensions import i64

from pyredis.commands.arguments import integer_argument, ranged_argument
from pyredis.commands.registry import CommandGroup, first_key, nth_key
from pyredis.commands.scanning import scan_cursor, scan_options, scan_reply
from pyredis.commands.sorted_sets import distinct_ranks
from pyredis.datatypes.glob import glob_match
from pyredis.datatypes.numbers import INT64_MAX
from pyredis.datatypes.set_value import HASHTABLE, INTSET, SetValue, from_members, kind_of
from pyredis.engine.command import DENYOOM, FAST, READONLY, WRITE
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, WRONG_TYPE, CommandError
from pyredis.keyspace import events
from pyredis.keyspace.database import Database
from pyredis.protocol.encode import (
    EMPTY_ARRAY,
    ONE,
    ZERO,
    array_header,
    bulk,
    bulk_array,
    integer,
    set_header,
    write_bulk,
)

sets: Final = CommandGroup("set", acl=("set",))

COUNT_NOT_POSITIVE: Final = b"ERR value is out of range, must be positive"
COUNT_OUT_OF_RANGE: Final = (
    b"ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
)

SAMPLE_MAX: Final = 1 << 24
"""Members that SRANDMEMBER may repeat in one reply; Redis goes on until its memory is used up."""

EFFECT_MEMBERS: Final[i64] = 1024
"""Most members that SPOP logs as one removal."""

REBUILD_SHARE: Final = 5
"""SPOP keeps the rest instead of taking out what it draws when so many times the rest are drawn."""

DENSE_SHARE: Final = 3
"""From a third of a set on, distinct members are chosen from all, not drawn until they are new."""


# What both modules share.


def expect_set(value: object) -> SetValue:
    """Narrows a value that was found to a set, or raises WRONGTYPE."""
    if isinstance(value, SetValue):
        return value
    raise CommandError(WRONG_TYPE)


def read_set(ctx: Context, key: bytes) -> SetValue | None:
    """The set at a key, to be read; None when there is none."""
    value = ctx.db.lookup_read(key)
    return None if value is None else expect_set(value)


def write_set(db: Database, key: bytes) -> SetValue | None:
    """The set at a key, to be changed; None when there is none."""
    value = db.lookup(key)
    return None if value is None else expect_set(value)


def set_reply(members: list[bytes], resp3: bool) -> bytes:
    """Members as a set of the client's protocol."""
    writer = BytesWriter()
    writer.write(set_header(len(members), resp3))
    for member in members:
        write_bulk(writer, member)
    return writer.getvalue()


def whole_reply(value: SetValue, resp3: bool) -> bytes:
    """All members of a set."""
    return set_header(value.size(), resp3) + value.encoded()


# Changes.


@sets.command(
    "SADD", arity=-3, flags=WRITE | DENYOOM | FAST, keys=first_key("RW insert"), since="1.0.0",
    syntax="key member...", complexity="O(N) for N members, O(1) for each.",
    history=(("2.4.0", "Accepts multiple `member` arguments."),),
)  # fmt: skip
def sadd(ctx: Context, argv: list[bytes]) -> bytes:
    """Adds members to a set, creating it when it is missing, and returns how many were new."""
    db = ctx.db
    key = argv[1]
    found = db.lookup(key)
    limits = ctx.engine.set_limits
    expected: i64 = i64(len(argv)) - 2
    if isinstance(found, SetValue):
        value = found
        if expected > 1:
            value.expect(expected, limits)
    elif found is None:
        value = SetValue()
        value.begin(argv[2], expected, limits)
    else:
        raise CommandError(WRONG_TYPE)
    added: i64 = 0
    if expected == 1:
        if value.add(argv[2], limits):
            added = 1
    else:
        for position in range(2, len(argv)):
            if value.add(argv[position], limits):
                added += 1
    if added == 0:
        return ZERO
    keyspace = db.keyspace
    if found is None:
        db.store(key, value)
        keyspace.dirty += added - 1  # one has been counted
    else:
        keyspace.dirty += added
        if db.watchers or db.blocked or keyspace.listener is not None:
            db.signal(key)
    if keyspace.event_mask != 0:
        db.notify(events.SET, b"sadd", key)
    return integer(added)


@sets.command(
    "SREM", arity=-3, flags=WRITE | FAST, keys=first_key("RW delete"), since="1.0.0",
    syntax="key member...", complexity="O(N) for N members to be removed.",
    history=(("2.4.0", "Accepts multiple `member` arguments."),),
)  # fmt: skip
def srem(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes members from a set, deleting it when it empties, and returns how many there were."""
    db = ctx.db
    key = argv[1]
    value = write_set(db, key)
    if value is None:
        return ZERO
    removed: i64 = 0
    for position in range(2, len(argv)):
        if value.remove(argv[position]):
            removed += 1
            if value.size() == 0:
                break
    if removed != 0:
        db.keyspace.dirty += removed
        db.notify(events.SET, b"srem", key)
        remove_if_empty(db, key, value)
        db.signal(key)
    return integer(removed)


def remove_if_empty(db: Database, key: bytes, value: SetValue) -> None:
    """Removes the key of a set whose last member has gone, and says so; the caller signals."""
    if value.size() == 0:
        db.remove(key)
        db.notify(events.GENERIC, b"del", key)


@sets.command(
    "SMOVE", arity=4, flags=WRITE | FAST, keys=first_key("RW access delete") + nth_key("RW insert", 2),
    since="1.0.0", syntax="source destination member", complexity="O(1)",
)  # fmt: skip
def smove(ctx: Context, argv: list[bytes]) -> bytes:
    """Moves a member from one set to another, and tells whether it was there."""
    db = ctx.db
    source_key, destination_key, member = argv[1], argv[2], argv[3]
    found = db.lookup(source_key)
    destination = db.lookup(destination_key)
    if found is None:
        return ZERO
    source = expect_set(found)
    target = SetValue() if destination is None else expect_set(destination)
    if source is target:
        return ONE if source.contains(member) else ZERO
    if not source.remove(member):
        return ZERO
    db.notify(events.SET, b"srem", source_key)
    remove_if_empty(db, source_key, source)
    limits = ctx.engine.set_limits
    db.keyspace.dirty += 1
    db.signal(source_key)
    if destination is None:
        target.begin(member, 1, limits)
        target.add(member, limits)
        db.store(destination_key, target)
        db.notify(events.SET, b"sadd", destination_key)
    elif target.add(member, limits):
        db.keyspace.dirty += 1
        db.signal(destination_key)
        db.notify(events.SET, b"sadd", destination_key)
    return ONE


@sets.command(
    "SPOP", arity=-2, flags=WRITE | FAST, keys=first_key("RW access delete"), since="1.0.0",
    syntax="key [count @3.2.0]", complexity="O(N) for N members returned, O(1) for one.",
    tips=("nondeterministic_output",), history=(("3.2.0", "Added the `count` argument."),),
)  # fmt: skip
def spop(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes a random member of a set, or several different ones, and returns it or them."""
    if len(argv) > 2:
        return spop_count(ctx, argv)
    db = ctx.db
    key = argv[1]
    value = write_set(db, key)
    if value is None:
        return ctx.null
    member = value.pop_random()
    keyspace = db.keyspace
    keyspace.dirty += 1
    if keyspace.listener is not None:
        ctx.propagate_as([b"SREM", key, member])
    if keyspace.event_mask != 0:
        db.notify(events.SET, b"spop", key)
    if value.size() == 0:
        remove_if_empty(db, key, value)
    if db.watchers or db.blocked or keyspace.listener is not None:
        db.signal(key)
    return bulk(member)


def spop_count(ctx: Context, argv: list[bytes]) -> bytes:
    """SPOP with a count."""
    if len(argv) > 3:
        raise CommandError(SYNTAX)
    count = ranged_argument(argv[2], 0, INT64_MAX, COUNT_NOT_POSITIVE)
    db = ctx.db
    key = argv[1]
    value = write_set(db, key)
    if value is None or count == 0:
        return set_header(0, ctx.resp3)
    size = value.size()
    db.notify(events.SET, b"spop", key)
    if count >= size:
        reply = whole_reply(value, ctx.resp3)
        db.keyspace.hits += 1  # Redis looks the key up again, to list it
        db.remove(key)
        db.keyspace.dirty += size
        db.notify(events.GENERIC, b"del", key)
        ctx.propagate_as([b"UNLINK" if db.keyspace.lazy_server_del else b"DEL", key])
        if db.keyspace.lazy_server_del:
            db.keyspace.lazy_free.add_value(value)
        db.signal(key)
        return reply
    if (size - count) * REBUILD_SHARE <= count:
        members = pop_most(ctx, key, value, size - count)
    else:
        members = [value.pop_random() for _ in range(count)]
    db.keyspace.dirty += count
    for start in range(0, count, EFFECT_MEMBERS):
        ctx.propagate_as([b"SREM", key, *members[start : start + EFFECT_MEMBERS]])
    db.signal(key)
    return set_reply(members, ctx.resp3)


def pop_most(ctx: Context, key: bytes, value: SetValue, rest: int) -> list[bytes]:
    """Takes nearly everything out: the `rest` becomes a new set, and the others are returned. O(n)."""
    members = value.members()
    kept: list[bytes] = []
    for place in sorted(distinct_ranks(len(members), rest), reverse=True):
        kept.append(members[place])
        # In the place of what stays, the last; so the others remain in the list.
        last = members.pop()
        if place < len(members):
            members[place] = last
    limits = ctx.engine.set_limits
    kind = i64(value.kind)
    if kind == HASHTABLE or (kind == INTSET and rest > limits.intset_entries):
        # What is left of a hash table becomes a listpack where it can, and never an intset.
        kind = kind_of(kept, limits, False)
        if kind == INTSET:
            kind = kind_of([*kept, b""], limits, False)
    ctx.db.values.set(key, from_members(kept, kind))  # the caller signals
    return members


# Questions.


@sets.command(
    "SCARD", arity=2, flags=READONLY | FAST, keys=first_key("RO"), since="1.0.0", syntax="key",
    complexity="O(1)",
)  # fmt: skip
def scard(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns how many members a set has."""
    value = read_set(ctx, argv[1])
    return ZERO if value is None else integer(value.size())


@sets.command(
    "SISMEMBER", arity=3, flags=READONLY | FAST, keys=first_key("RO"), since="1.0.0", syntax="key member",
    complexity="O(1)",
)  # fmt: skip
def sismember(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells whether a set has a member."""
    value = read_set(ctx, argv[1])
    return ONE if value is not None and value.contains(argv[2]) else ZERO


@sets.command(
    "SMISMEMBER", arity=-3, flags=READONLY | FAST, keys=first_key("RO access"), since="6.2.0",
    syntax="key member...", complexity="O(N) for N members asked for.",
)  # fmt: skip
def smismember(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells for several members whether a set has them."""
    value = read_set(ctx, argv[1])
    writer = BytesWriter()
    writer.write(array_header(len(argv) - 2))
    for position in range(2, len(argv)):
        writer.write(ONE if value is not None and value.contains(argv[position]) else ZERO)
    return writer.getvalue()


@sets.command(
    "SMEMBERS", arity=2, flags=READONLY, keys=first_key("RO access"), since="1.0.0", syntax="key",
    complexity="O(N) for a set of N members.", tips=("nondeterministic_output_order",),
)  # fmt: skip
def smembers(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns all members of a set."""
    value = read_set(ctx, argv[1])
    return set_header(0, ctx.resp3) if value is None else whole_reply(value, ctx.resp3)


@sets.command(
    "SRANDMEMBER", arity=-2, flags=READONLY, keys=first_key("RO access"), since="1.0.0",
    syntax="key [count @2.6.0]", complexity="O(N) for N members returned, O(1) for one.",
    tips=("nondeterministic_output",), history=(("2.6.0", "Added the optional `count` argument."),),
)  # fmt: skip
def srandmember(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns a random member of a set, several different ones, or, for a negative count, independent draws."""
    if len(argv) == 2:
        value = read_set(ctx, argv[1])
        return ctx.null if value is None else bulk(value.random_member())
    if len(argv) > 3:
        raise CommandError(SYNTAX)
    count = integer_argument(argv[2])
    if count < -INT64_MAX:
        raise CommandError(COUNT_OUT_OF_RANGE)
    if count < -SAMPLE_MAX:
        raise CommandError(b"ERR value is out of range")
    value = read_set(ctx, argv[1])
    if value is None or count == 0:
        return EMPTY_ARRAY
    size = value.size()
    if count >= size:
        return array_header(size) + value.encoded()
    if count < 0:
        return bulk_array(sample_with_repeats(value, -count))
    return bulk_array(sample_distinct(value, count))


def sample_with_repeats(value: SetValue, count: int) -> list[bytes]:
    """Independent draws. O(count), small sets O(n) more."""
    size = value.size()
    if count * DENSE_SHARE <= size:
        return [value.random_member() for _ in range(count)]
    members = value.members()
    return [members[randrange(size)] for _ in range(count)]


def sample_distinct(value: SetValue, count: int) -> list[bytes]:
    """Different members in random order; fewer than there are. O(count) expected, small sets O(n) more."""
    size = value.size()
    if count * DENSE_SHARE > size:
        members = value.members()
        return [members[place] for place in distinct_ranks(size, count)]
    found: dict[bytes, None] = {}
    while len(found) < count:
        found[value.random_member()] = None
    return list(found)


@sets.command(
    "SSCAN", arity=-3, flags=READONLY, keys=first_key("RO access"), since="2.8.0",
    syntax="key cursor [MATCH pattern] [COUNT count]",
    complexity="O(1) for a call, O(N) for all the calls that go through N members.",
    tips=("nondeterministic_output",),
)  # fmt: skip
def sscan(ctx: Context, argv: list[bytes]) -> bytes:
    """Goes through the members of a set, some with each call."""
    cursor = scan_cursor(argv[2])
    value = read_set(ctx, argv[1])
    if value is None:
        return scan_reply(0, [])
    options = scan_options(argv, 3, False, False)
    cursor, members = value.scan(cursor, options.count)
    pattern = options.pattern
    if pattern is not None:
        members = [member for member in members if glob_match(pattern, member, False)]
    return scan_reply(cursor, members)
