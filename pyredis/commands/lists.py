"""List commands that answer at once.

LPUSH RPUSH LPUSHX RPUSHX, LPOP RPOP LMPOP, LMOVE RPOPLPUSH, LLEN LINDEX LRANGE LPOS, LSET LINSERT LREM LTRIM.

Those that wait stand in `blocking_lists`; they come down to `pop_first` and `move` here. A list holds its
elements as bulk strings, so a popped element is the reply, and a range is a header and what is stored.
"""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import i64

from pyredis.commands.arguments import integer_argument, ranged_argument
from pyredis.commands.registry import CommandGroup, counted_keys, first_key, nth_key
from pyredis.datatypes.bulk_strings import value_start
from pyredis.datatypes.list_value import NO_LIMIT, ListValue
from pyredis.datatypes.numbers import INT64_MAX, INT64_MIN
from pyredis.engine.command import DENYOOM, FAST, READONLY, WRITE, KeySpec
from pyredis.engine.context import Context
from pyredis.errors import (
    NO_SUCH_KEY,
    OUT_OF_RANGE,
    SYNTAX,
    WRONG_TYPE,
    CommandError,
    wrong_arity,
)
from pyredis.keyspace import events
from pyredis.keyspace.database import Database
from pyredis.protocol.encode import EMPTY_ARRAY, OK, ZERO, array_header, bulk, integer

lists: Final = CommandGroup("list", acl=("list",))

MOVE_KEYS: Final[tuple[KeySpec, ...]] = first_key("RW access delete") + nth_key("RW insert", 2)

COUNT_NOT_POSITIVE: Final = b"ERR value is out of range, must be positive"
KEYS_NOT_POSITIVE: Final = b"ERR numkeys should be greater than 0"
POPS_NOT_POSITIVE: Final = b"ERR count should be greater than 0"
RANK_OUT_OF_RANGE: Final = (
    b"ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
)
RANK_ZERO: Final = (
    b"ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to "
    b"start from the end of the list"
)
COUNT_NEGATIVE: Final = b"ERR COUNT can't be negative"
MAXLEN_NEGATIVE: Final = b"ERR MAXLEN can't be negative"


# Pushing.


@lists.command(
    "LPUSH", arity=-3, flags=WRITE | DENYOOM | FAST, keys=first_key("RW insert"), since="1.0.0",
    syntax="key element...", complexity="O(N) with N elements, O(1) for each",
    history=(("2.4.0", "Accepts multiple `element` arguments."),),
)  # fmt: skip
def lpush(ctx: Context, argv: list[bytes]) -> bytes:
    """Adds elements at the head of a list, one after the other, creating the list when it is missing."""
    return _push(ctx, argv, ctx.db.lookup(argv[1]), False)


@lists.command(
    "RPUSH", arity=-3, flags=WRITE | DENYOOM | FAST, keys=first_key("RW insert"), since="1.0.0",
    syntax="key element...", complexity="O(N) with N elements, O(1) for each",
    history=(("2.4.0", "Accepts multiple `element` arguments."),),
)  # fmt: skip
def rpush(ctx: Context, argv: list[bytes]) -> bytes:
    """Adds elements at the tail of a list, creating the list when it is missing."""
    return _push(ctx, argv, ctx.db.lookup(argv[1]), True)


@lists.command(
    "LPUSHX", arity=-3, flags=WRITE | DENYOOM | FAST, keys=first_key("RW insert"), since="2.2.0",
    syntax="key element...", complexity="O(N) with N elements, O(1) for each",
    history=(("4.0.0", "Accepts multiple `element` arguments."),),
)  # fmt: skip
def lpushx(ctx: Context, argv: list[bytes]) -> bytes:
    """Adds elements at the head of a list that exists."""
    found = ctx.db.lookup(argv[1])
    return ZERO if found is None else _push(ctx, argv, found, False)


@lists.command(
    "RPUSHX", arity=-3, flags=WRITE | DENYOOM | FAST, keys=first_key("RW insert"), since="2.2.0",
    syntax="key element...", complexity="O(N) with N elements, O(1) for each",
    history=(("4.0.0", "Accepts multiple `element` arguments."),),
)  # fmt: skip
def rpushx(ctx: Context, argv: list[bytes]) -> bytes:
    """Adds elements at the tail of a list that exists."""
    found = ctx.db.lookup(argv[1])
    return ZERO if found is None else _push(ctx, argv, found, True)


def _push(ctx: Context, argv: list[bytes], found: Any, is_right: bool) -> bytes:
    """Pushes the elements from the third argument on to the list that was found, or to a new one."""
    if isinstance(found, ListValue):
        value = found
    elif found is None:
        value = ListValue()
    else:
        raise CommandError(WRONG_TYPE)
    count: i64 = len(argv) - 2
    if not value.is_quicklist:
        value.reserve(ctx.engine.list_limits, _bytes_from(argv, 2), count)
    if count > 1:
        for element in argv[2:]:
            if is_right:
                value.push_right(bulk(element))
            else:
                value.push_left(bulk(element))
    elif is_right:
        value.push_right(bulk(argv[2]))
    else:
        value.push_left(bulk(argv[2]))
    db = ctx.db
    keyspace = db.keyspace
    if found is None:
        db.store(argv[1], value)
        count -= 1  # has been counted
    elif db.watchers or db.blocked or keyspace.listener is not None:
        db.signal(argv[1])
    keyspace.dirty += count
    if keyspace.event_mask != 0:
        db.notify(events.LIST, b"rpush" if is_right else b"lpush", argv[1])
    return integer(value.count)


def _bytes_from(argv: list[bytes], position: int) -> i64:
    """The bytes of the arguments from `position` on."""
    total = i64(0)
    for number in range(position, len(argv)):
        total += len(argv[number])
    return total


# Popping.


@lists.command(
    "LPOP", arity=-2, flags=WRITE | FAST, keys=first_key("RW access delete"), since="1.0.0",
    syntax="key [count @6.2.0]", complexity="O(N) with N elements returned",
    history=(("6.2.0", "Added the `count` argument."),),
)  # fmt: skip
def lpop(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes the first element of a list, or the first few, and returns it or them."""
    if len(argv) > 2:
        return _pop_count(ctx, argv, False)
    value = ctx.db.lookup(argv[1])
    if isinstance(value, ListValue):
        element = value.pop_left(ctx.engine.list_limits)
        elements_removed(ctx.db, argv[1], value, 1, b"lpop")
        return element
    if value is None:
        return ctx.null
    raise CommandError(WRONG_TYPE)


@lists.command(
    "RPOP", arity=-2, flags=WRITE | FAST, keys=first_key("RW access delete"), since="1.0.0",
    syntax="key [count @6.2.0]", complexity="O(N) with N elements returned",
    history=(("6.2.0", "Added the `count` argument."),),
)  # fmt: skip
def rpop(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes the last element of a list, or the last few, and returns it or them."""
    if len(argv) > 2:
        return _pop_count(ctx, argv, True)
    value = ctx.db.lookup(argv[1])
    if isinstance(value, ListValue):
        element = value.pop_right(ctx.engine.list_limits)
        elements_removed(ctx.db, argv[1], value, 1, b"rpop")
        return element
    if value is None:
        return ctx.null
    raise CommandError(WRONG_TYPE)


def _pop_count(ctx: Context, argv: list[bytes], is_right: bool) -> bytes:
    """LPOP and RPOP with a count."""
    if len(argv) > 3:
        raise wrong_arity(argv[0].lower())
    count = ranged_argument(argv[2], 0, INT64_MAX, COUNT_NOT_POSITIVE)
    value = list_at(ctx.db, argv[1])
    if value is None:
        return ctx.null_array
    if count == 0:
        return EMPTY_ARRAY
    return pop_many(ctx, argv[1], value, count, is_right)


def pop_many(ctx: Context, key: bytes, value: ListValue, count: i64, is_right: bool) -> bytes:
    """Removes up to `count` elements and returns them as an array."""
    count = min(count, value.count)
    parts = value.pop_many(count, is_right, ctx.engine.list_limits)
    elements_removed(ctx.db, key, value, count, b"rpop" if is_right else b"lpop")
    return array_header(count) + b"".join(parts)


def elements_removed(db: Database, key: bytes, value: ListValue, count: i64, event: bytes) -> None:
    """Reports that `count` elements have gone, and deletes the list if it is empty."""
    keyspace = db.keyspace
    keyspace.dirty += count
    if keyspace.event_mask != 0:
        db.notify(events.LIST, event, key)
    if value.count == 0:
        db.remove(key)
        db.notify(events.GENERIC, b"del", key)
    if db.watchers or db.blocked or keyspace.listener is not None:
        db.signal(key)


def list_at(db: Database, key: bytes) -> ListValue | None:
    """The list at a key that is to be changed, None when it is missing; WRONGTYPE for another type."""
    value = db.lookup(key)
    if value is None:
        return None
    if isinstance(value, ListValue):
        return value
    raise CommandError(WRONG_TYPE)


@lists.command(
    "LMPOP", arity=-4, flags=WRITE, keys=counted_keys("RW access delete", 1), since="7.0.0",
    syntax="numkeys key... where:(LEFT | RIGHT) [COUNT count]",
    complexity="O(N+M) with N keys and M elements returned",
)  # fmt: skip
def lmpop(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes elements from one end of the first list that is not empty, and returns its key and them."""
    options = MultiPop(argv, 1)
    reply = pop_first(ctx, options.keys, options.is_right, options.count)
    return ctx.null_array if reply is None else reply


class MultiPop:
    """The arguments of LMPOP and BLMPOP from the number of keys on, which stands at `position`."""

    def __init__(self, argv: list[bytes], position: int) -> None:
        keys = ranged_argument(argv[position], 1, INT64_MAX, KEYS_NOT_POSITIVE)
        after = position + keys + 1
        if after >= len(argv):
            raise CommandError(SYNTAX)
        self.keys: list[bytes] = argv[position + 1 : after]
        self.is_right: bool = side_argument(argv[after])
        self.count: i64 = 1
        after += 1
        if after < len(argv):
            if argv[after].upper() != b"COUNT" or after + 1 == len(argv):
                raise CommandError(SYNTAX)
            self.count = ranged_argument(argv[after + 1], 1, INT64_MAX, POPS_NOT_POSITIVE)
            if after + 2 < len(argv):
                raise CommandError(SYNTAX)


def side_argument(text: bytes) -> bool:
    """Whether LEFT or RIGHT says right."""
    side = text.upper()
    if side == b"RIGHT":
        return True
    if side == b"LEFT":
        return False
    raise CommandError(SYNTAX)


def pop_first(ctx: Context, keys: list[bytes], is_right: bool, count: i64) -> bytes | None:
    """Pops up to `count` elements from the first list there is; key and elements, or None when there is none.

    A count of 0 is that of BLPOP and BRPOP: one element, and not in an array of its own.
    """
    for key in keys:
        value = list_at(ctx.db, key)
        if value is None:
            continue
        effect = [b"RPOP" if is_right else b"LPOP", key]
        if count > 0:
            taken = min(count, value.count)
            effect.append(b"%d" % taken)
            reply = pop_many(ctx, key, value, taken, is_right)
        else:
            limits = ctx.engine.list_limits
            reply = value.pop_right(limits) if is_right else value.pop_left(limits)
            elements_removed(ctx.db, key, value, 1, b"rpop" if is_right else b"lpop")
        ctx.propagate_as(effect)
        return b"*2\r\n" + bulk(key) + reply
    return None


# Moving.


@lists.command(
    "LMOVE", arity=5, flags=WRITE | DENYOOM, keys=MOVE_KEYS, since="6.2.0",
    syntax="source destination wherefrom:(LEFT | RIGHT) whereto:(LEFT | RIGHT)", complexity="O(1)",
)  # fmt: skip
def lmove(ctx: Context, argv: list[bytes]) -> bytes:
    """Moves an element from one end of a list to one end of another, or of the same, and returns it."""
    from_right = side_argument(argv[3])
    to_right = side_argument(argv[4])
    reply = move(ctx, argv[1], argv[2], from_right, to_right)
    return ctx.null if reply is None else reply


@lists.command(
    "RPOPLPUSH", arity=3, flags=WRITE | DENYOOM, keys=MOVE_KEYS, since="1.2.0",
    syntax="source destination", complexity="O(1)",
    deprecated=("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments"),
)  # fmt: skip
def rpoplpush(ctx: Context, argv: list[bytes]) -> bytes:
    """Moves the last element of a list to the head of another, or of the same, and returns it."""
    reply = move(ctx, argv[1], argv[2], True, False)
    return ctx.null if reply is None else reply


def move(ctx: Context, source: bytes, destination: bytes, from_right: bool, to_right: bool) -> bytes | None:
    """Moves an element between the ends of two lists; returns it, or None when there is no source."""
    db = ctx.db
    origin = list_at(db, source)
    if origin is None:
        return None
    target = list_at(db, destination)
    limits = ctx.engine.list_limits
    element = origin.pop_right(limits) if from_right else origin.pop_left(limits)
    is_new = target is None
    if target is None:
        target = ListValue()
    target.reserve(limits, len(element) - value_start(element, 0) - 2, 1)
    if to_right:
        target.push_right(element)
    else:
        target.push_left(element)
    if is_new:
        db.store(destination, target)
        db.keyspace.dirty -= 1  # the move counts once
    else:
        db.signal(destination)
    db.notify(events.LIST, b"rpush" if to_right else b"lpush", destination)
    elements_removed(db, source, origin, 1, b"rpop" if from_right else b"lpop")
    return element


# Reading.


@lists.command(
    "LLEN", arity=2, flags=READONLY | FAST, keys=first_key("RO"), since="1.0.0",
    syntax="key", complexity="O(1)",
)  # fmt: skip
def llen(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the length of a list, 0 when it is missing."""
    value = _list_to_read(ctx.db, argv[1])
    return ZERO if value is None else integer(value.count)


@lists.command(
    "LINDEX", arity=3, flags=READONLY, keys=first_key("RO access"), since="1.0.0", syntax="key index",
    complexity="O(N) with N the distance from the nearer end, in chunks of about a hundred elements",
)  # fmt: skip
def lindex(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the element at an index, from the end when that is negative."""
    value = _list_to_read(ctx.db, argv[1])
    if value is None:
        return ctx.null
    index: i64 = integer_argument(argv[2])
    if index < 0:
        index += value.count
    if index < 0 or index >= value.count:
        return ctx.null
    return value.get(index)


@lists.command(
    "LRANGE", arity=4, flags=READONLY, keys=first_key("RO access"), since="1.0.0", syntax="key start stop",
    complexity="O(S+N) with S the distance of the start from the nearer end, in chunks of about a hundred"
    " elements, and N elements returned",
)  # fmt: skip
def lrange(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the elements between two indexes, both included."""
    start: i64 = integer_argument(argv[2])
    stop: i64 = integer_argument(argv[3])
    value = _list_to_read(ctx.db, argv[1])
    if value is None:
        return EMPTY_ARRAY
    if start < 0:
        start = max(start + value.count, 0)
    stop = stop + value.count if stop < 0 else min(stop, value.count - 1)
    if start > stop:
        return EMPTY_ARRAY
    parts = value.between(start, stop)
    if len(parts) == 1:
        return array_header(stop - start + 1) + parts[0]
    parts.insert(0, array_header(stop - start + 1))
    return b"".join(parts)


def _list_to_read(db: Database, key: bytes) -> ListValue | None:
    """The list at a key, None when it is missing; counts as a hit or miss."""
    value = db.lookup_read(key)
    if value is None:
        return None
    if isinstance(value, ListValue):
        return value
    raise CommandError(WRONG_TYPE)


class Search:
    """The options of LPOS: `wanted` is how many matches to return, -1 for one that is not in an array."""

    def __init__(self, argv: list[bytes]) -> None:
        self.rank: i64 = 1
        self.wanted: i64 = -1
        self.limit: i64 = 0
        position = 3
        while position < len(argv):
            word = argv[position].upper()
            if position + 1 == len(argv):
                raise CommandError(SYNTAX)
            text = argv[position + 1]
            if word == b"RANK":
                rank = integer_argument(text)
                if rank < -INT64_MAX:
                    raise CommandError(RANK_OUT_OF_RANGE)
                if rank == 0:
                    raise CommandError(RANK_ZERO)
                self.rank = rank
            elif word == b"COUNT":
                self.wanted = ranged_argument(text, 0, INT64_MAX, COUNT_NEGATIVE)
            elif word == b"MAXLEN":
                self.limit = ranged_argument(text, 0, INT64_MAX, MAXLEN_NEGATIVE)
            else:
                raise CommandError(SYNTAX)
            position += 2


@lists.command(
    "LPOS", arity=-3, flags=READONLY, keys=first_key("RO access"), since="6.0.6",
    syntax="key element [RANK rank] [COUNT num-matches:integer] [MAXLEN len]",
    complexity="O(N) with N elements compared: up to the last match wanted, or MAXLEN of them",
)  # fmt: skip
def lpos(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the index of an element in a list, or the indexes of several that are equal."""
    options = Search(argv)
    value = _list_to_read(ctx.db, argv[1])
    if value is None:
        return ctx.null if options.wanted < 0 else EMPTY_ARRAY
    skipped: i64 = (options.rank if options.rank > 0 else -options.rank) - 1
    wanted: i64 = 1 if options.wanted < 0 else options.wanted
    if wanted == 0 or wanted >= NO_LIMIT - skipped:
        last = NO_LIMIT
    else:
        last = skipped + wanted
    limit = options.limit if options.limit > 0 else NO_LIMIT
    found = value.find(bulk(argv[2]), last, limit, options.rank < 0)[skipped:]
    if options.wanted < 0:
        return integer(found[0]) if found else ctx.null
    return array_header(len(found)) + b"".join([integer(index) for index in found])


# Changing.


@lists.command(
    "LSET", arity=4, flags=WRITE | DENYOOM, keys=first_key("RW update"), since="1.0.0",
    syntax="key index element",
    complexity="O(N) with N the distance from the nearer end, in chunks of about a hundred elements",
)  # fmt: skip
def lset(ctx: Context, argv: list[bytes]) -> bytes:
    """Replaces the element at an index, from the end when that is negative."""
    db = ctx.db
    value = list_at(db, argv[1])
    if value is None:
        raise CommandError(NO_SUCH_KEY)
    index: i64 = integer_argument(argv[2])
    limits = ctx.engine.list_limits
    value.reserve(limits, len(argv[3]), 1)
    if index < 0:
        index += value.count
    if index < 0 or index >= value.count:
        raise CommandError(OUT_OF_RANGE)
    value.set(index, bulk(argv[3]), limits)
    db.keyspace.dirty += 1
    db.signal(argv[1])
    db.notify(events.LIST, b"lset", argv[1])
    return OK


@lists.command(
    "LINSERT", arity=5, flags=WRITE | DENYOOM, keys=first_key("RW insert"), since="2.2.0",
    syntax="key where:(BEFORE | AFTER) pivot element",
    complexity="O(N) with N elements before the pivot",
)  # fmt: skip
def linsert(ctx: Context, argv: list[bytes]) -> bytes:
    """Inserts an element before or after the first one that is equal to another."""
    where = argv[2].upper()
    if where != b"BEFORE" and where != b"AFTER":
        raise CommandError(SYNTAX)
    db = ctx.db
    value = list_at(db, argv[1])
    if value is None:
        return ZERO
    # Redis decides on the encoding before it knows whether there is a pivot.
    value.reserve(ctx.engine.list_limits, len(argv[4]), 1)
    if not value.insert(bulk(argv[3]), bulk(argv[4]), where == b"AFTER"):
        return integer(-1)
    db.keyspace.dirty += 1
    db.signal(argv[1])
    db.notify(events.LIST, b"linsert", argv[1])
    return integer(value.count)


@lists.command(
    "LREM", arity=4, flags=WRITE, keys=first_key("RW delete"), since="1.0.0", syntax="key count element",
    complexity="O(N) with N elements in the list",
)  # fmt: skip
def lrem(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes elements that are equal to one: the first few, the last few for a negative count, all for 0."""
    count = integer_argument(argv[2])
    db = ctx.db
    value = list_at(db, argv[1])
    if value is None:
        return ZERO
    # The smallest integer has no counterpart among 64-bit numbers.
    wanted = NO_LIMIT if count in (0, INT64_MIN) else abs(count)
    removed = value.remove(bulk(argv[3]), wanted, count < 0, ctx.engine.list_limits)
    if removed > 0:
        elements_removed(db, argv[1], value, removed, b"lrem")
    return integer(removed)


@lists.command(
    "LTRIM", arity=4, flags=WRITE, keys=first_key("RW delete"), since="1.0.0", syntax="key start stop",
    complexity="O(N) with N elements removed",
)  # fmt: skip
def ltrim(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes all elements of a list that are not between two indexes, both included."""
    start: i64 = integer_argument(argv[2])
    stop: i64 = integer_argument(argv[3])
    db = ctx.db
    value = list_at(db, argv[1])
    if value is None:
        return OK
    before: i64 = value.count
    if start < 0:
        start = max(start + before, 0)
    stop = stop + before if stop < 0 else min(stop, before - 1)
    if start <= stop:
        value.trim(start, stop, ctx.engine.list_limits)
    else:
        value.trim(0, -1, ctx.engine.list_limits)
    elements_removed(db, argv[1], value, before - value.count, b"ltrim")
    return OK
