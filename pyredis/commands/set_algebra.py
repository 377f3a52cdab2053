"""Unions, intersections and differences of sets: SUNION SINTER SDIFF, their STORE forms, SINTERCARD.

A source that does not exist is an empty set. What a STORE form leaves has the encoding that Redis 7.4 gives
it, which depends on the way in which Redis puts the result together, not only on the members.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from pyredis.commands.arguments import ranged_argument
from pyredis.commands.registry import all_keys, counted_keys, key_range, nth_key
from pyredis.commands.sets import expect_set, set_reply, sets, whole_reply
from pyredis.datatypes.numbers import INT64_MAX
from pyredis.datatypes.set_operations import difference, intersection, union
from pyredis.datatypes.set_value import INTSET, SetValue, from_members, kind_of
from pyredis.engine.command import DENYOOM, READONLY, WRITE, KeySpec
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, CommandError
from pyredis.keyspace import events
from pyredis.keyspace.database import Database
from pyredis.protocol.encode import ZERO, integer, set_header

_SOURCES: Final[tuple[KeySpec, ...]] = all_keys("RO access")
_STORE_SOURCES: Final[tuple[KeySpec, ...]] = key_range("RO access", 2, -1)

_SUM_COMPLEXITY: Final = "O(N) for N members in all the sets together."
_INTER_COMPLEXITY: Final = "O(N*M) at worst for N members in the smallest of M sets."

KEYS_NOT_POSITIVE: Final = b"ERR numkeys should be greater than 0"
TOO_MANY_KEYS: Final = b"ERR Number of keys can't be greater than number of args"
LIMIT_NEGATIVE: Final = b"ERR LIMIT can't be negative"


def sources(db: Database, keys: list[bytes]) -> list[SetValue | None]:
    """The sets at some keys, None for each that is missing, or WRONGTYPE."""
    found: list[SetValue | None] = []
    for key in keys:
        value = db.lookup_read(key)
        found.append(None if value is None else expect_set(value))
    return found


def present(found: list[SetValue | None]) -> list[SetValue]:
    """Those sets that exist."""
    return [value for value in found if value is not None]


def store_set(db: Database, key: bytes, members: list[bytes], kind: i64, event: bytes) -> bytes:
    """Stores a result and answers its size; an empty one deletes the destination."""
    if members:
        db.store(key, from_members(members, kind))
        db.notify(events.SET, event, key)
        return integer(len(members))
    if db.delete(key, db.keyspace.lazy_server_del):
        db.notify(events.GENERIC, b"del", key)
    return ZERO


@sets.command(
    "SUNION", arity=-2, flags=READONLY, keys=_SOURCES, since="1.0.0", syntax="key...",
    complexity=_SUM_COMPLEXITY, tips=("nondeterministic_output_order",),
)  # fmt: skip
def sunion(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the members that any of several sets has."""
    found = present(sources(ctx.db, argv[1:]))
    if len(found) == 1:
        return whole_reply(found[0], ctx.resp3)
    return set_reply(union(found), ctx.resp3)


@sets.command(
    "SUNIONSTORE", arity=-3, flags=WRITE | DENYOOM, keys=nth_key("OW update", 1) + _STORE_SOURCES,
    since="1.0.0", syntax="destination key...", complexity=_SUM_COMPLEXITY,
)  # fmt: skip
def sunionstore(ctx: Context, argv: list[bytes]) -> bytes:
    """Stores the members that any of several sets has in a key."""
    members = union(present(sources(ctx.db, argv[2:])))
    kind = kind_of(members, ctx.engine.set_limits, True)
    return store_set(ctx.db, argv[1], members, kind, b"sunionstore")


@sets.command(
    "SINTER", arity=-2, flags=READONLY, keys=_SOURCES, since="1.0.0", syntax="key...",
    complexity=_INTER_COMPLEXITY, tips=("nondeterministic_output_order",),
)  # fmt: skip
def sinter(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the members that all of several sets have."""
    found = present(sources(ctx.db, argv[1:]))
    if len(found) != len(argv) - 1:
        return set_header(0, ctx.resp3)
    if len(found) == 1:
        return whole_reply(found[0], ctx.resp3)
    return set_reply(intersection(found, 0), ctx.resp3)


@sets.command(
    "SINTERSTORE", arity=-3, flags=WRITE | DENYOOM, keys=nth_key("RW update", 1) + _STORE_SOURCES,
    since="1.0.0", syntax="destination key...", complexity=_INTER_COMPLEXITY,
)  # fmt: skip
def sinterstore(ctx: Context, argv: list[bytes]) -> bytes:
    """Stores the members that all of several sets have in a key."""
    found = present(sources(ctx.db, argv[2:]))
    members: list[bytes] = []
    is_gradual = False
    if len(found) == len(argv) - 2:
        members = intersection(found, 0)
        # Redis begins with an intset when the smallest set is one.
        is_gradual = i64(min(found, key=_size).kind) == INTSET
    kind = kind_of(members, ctx.engine.set_limits, is_gradual)
    return store_set(ctx.db, argv[1], members, kind, b"sinterstore")


def _size(value: SetValue) -> int:
    return value.size()


@sets.command(
    "SINTERCARD", arity=-3, flags=READONLY, keys=counted_keys("RO access", 1), since="7.0.0",
    syntax="numkeys key... [LIMIT limit]", complexity=_INTER_COMPLEXITY,
)  # fmt: skip
def sintercard(ctx: Context, argv: list[bytes]) -> bytes:
    """Counts the members that all of several sets have, up to a limit."""
    count = ranged_argument(argv[1], 1, INT64_MAX, KEYS_NOT_POSITIVE)
    if count > len(argv) - 2:
        raise CommandError(TOO_MANY_KEYS)
    limit = 0
    position = 2 + count
    while position < len(argv):
        if argv[position].upper() != b"LIMIT" or position + 1 == len(argv):
            raise CommandError(SYNTAX)
        limit = ranged_argument(argv[position + 1], 0, INT64_MAX, LIMIT_NEGATIVE)
        position += 2
    found = present(sources(ctx.db, argv[2 : 2 + count]))
    if len(found) != count:
        return ZERO
    if len(found) == 1:
        size = found[0].size()
        return integer(min(size, limit) if limit else size)
    return integer(len(intersection(found, limit)))


@sets.command(
    "SDIFF", arity=-2, flags=READONLY, keys=_SOURCES, since="1.0.0", syntax="key...",
    complexity=_SUM_COMPLEXITY, tips=("nondeterministic_output_order",),
)  # fmt: skip
def sdiff(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the members of the first of several sets that no other one has."""
    found = sources(ctx.db, argv[1:])
    first = found[0]
    if first is None:
        return set_header(0, ctx.resp3)
    return set_reply(difference(first, present(found[1:])), ctx.resp3)


@sets.command(
    "SDIFFSTORE", arity=-3, flags=WRITE | DENYOOM, keys=nth_key("OW update", 1) + _STORE_SOURCES,
    since="1.0.0", syntax="destination key...", complexity=_SUM_COMPLEXITY,
)  # fmt: skip
def sdiffstore(ctx: Context, argv: list[bytes]) -> bytes:
    """Stores the members of the first of several sets that no other one has in a key."""
    found = sources(ctx.db, argv[2:])
    first = found[0]
    members: list[bytes] = []
    kind: i64 = INTSET
    if first is not None:
        others = present(found[1:])
        members = difference(first, others)
        # Redis then adds all of the first set and takes out those of the others: texts that go leave a mark.
        base = first.members() if takes_out(first, others) else members
        kind = kind_of(base, ctx.engine.set_limits, True)
    return store_set(ctx.db, argv[1], members, kind, b"sdiffstore")


def takes_out(first: SetValue, others: list[SetValue]) -> bool:
    """Whether Redis would copy the first set and remove members, rather than look each one up in the others."""
    size = first.size()
    total = size
    for other in others:
        total += other.size()
    return size * (len(others) + 1) // 2 > total
