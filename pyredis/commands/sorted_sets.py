"""Sorted sets, member by member: ZADD ZINCRBY ZREM ZSCORE ZMSCORE ZCARD ZRANK ZREVRANK ZRANDMEMBER ZSCAN.

Ranges are in `sorted_set_ranges`, unions and the like in `sorted_set_algebra`, pops in `sorted_set_pops`;
what they share, to look a set up, to answer with scores and to store a result, is here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from librt.random import randrange
from librt.strings import BytesWriter
from mypy_extensions import i64

from pyredis.commands.arguments import integer_argument
from pyredis.commands.registry import CommandGroup, first_key
from pyredis.commands.scanning import scan_cursor, scan_options, scan_reply
from pyredis.datatypes.glob import glob_match
from pyredis.datatypes.numbers import INT64_MAX, format_double, parse_double
from pyredis.datatypes.sorted_set import ADDED, NOT_THERE, UNCHANGED, SortedSet
from pyredis.engine.command import DENYOOM, FAST, READONLY, WRITE
from pyredis.engine.context import Context
from pyredis.errors import NOT_A_FLOAT, SYNTAX, WRONG_TYPE, CommandError, wrong_arity
from pyredis.keyspace import events
from pyredis.keyspace.database import NO_DEADLINE, Database
from pyredis.protocol.encode import (
    CRLF,
    EMPTY_ARRAY,
    ONE,
    ZERO,
    array_header,
    bulk,
    bulk_array,
    double,
    integer,
    write_bulk,
)

if TYPE_CHECKING:
    from librt.vecs import vec

sorted_sets: Final = CommandGroup("sorted-set", acl=("sortedset",))

NOT_A_NUMBER: Final = b"ERR resulting score is not a number (NaN)"

# The options of ZADD.
NX: Final[i64] = 1 << 0
XX: Final[i64] = 1 << 1
GT: Final[i64] = 1 << 2
LT: Final[i64] = 1 << 3
CH: Final[i64] = 1 << 4
INCR: Final[i64] = 1 << 5

_OPTIONS: Final[dict[bytes, int]] = {b"NX": NX, b"XX": XX, b"GT": GT, b"LT": LT, b"CH": CH, b"INCR": INCR}

_COUNT_OUT_OF_RANGE: Final = (
    b"ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
)

PAIR: Final = b"*2\r\n"

SAMPLE_MAX: Final = 1 << 24
"""Members that ZRANDMEMBER may repeat in one reply; Redis goes on until its memory is used up."""


# What all groups of sorted set commands share.


def expect_zset(value: object) -> SortedSet:
    """Narrows a value that was found to a sorted set, or raises WRONGTYPE."""
    if isinstance(value, SortedSet):
        return value
    raise CommandError(WRONG_TYPE)


def read_zset(ctx: Context, key: bytes) -> SortedSet | None:
    """The sorted set at a key, to be read; None when there is none."""
    value = ctx.db.lookup_read(key)
    return None if value is None else expect_zset(value)


def write_zset(ctx: Context, key: bytes) -> SortedSet | None:
    """The sorted set at a key, to be changed; None when there is none."""
    value = ctx.db.lookup(key)
    return None if value is None else expect_zset(value)


def score_argument(text: bytes) -> float:
    """A score or an increment, or `value is not a valid float`."""
    value = parse_double(text)
    if value is None:
        raise CommandError(NOT_A_FLOAT)
    return value


def score_reply(ctx: Context, score: float) -> bytes:
    """A score as a double of the client's protocol."""
    return double(format_double(score), ctx.resp3)


def write_score(writer: BytesWriter, score: float, resp3: bool) -> None:
    """Appends a score to a long reply."""
    text = format_double(score)
    if resp3:
        writer.append(44)
        writer.write(text)
        writer.write(CRLF)
    else:
        write_bulk(writer, text)


def write_entries(
    writer: BytesWriter, members: list[bytes], scores: vec[float], resp3: bool, nested: bool, reverse: bool
) -> None:
    """Appends members with their scores, each with its own an array when `nested`, or all in one."""
    count: i64 = len(members)
    i: i64 = count - 1 if reverse else 0
    step: i64 = -1 if reverse else 1
    while 0 <= i < count:
        if nested:
            writer.write(PAIR)
        write_bulk(writer, members[i])
        write_score(writer, scores[i], resp3)
        i += step


def scored_reply(members: list[bytes], scores: vec[float], resp3: bool, reverse: bool) -> bytes:
    """Members with their scores: in RESP2 a flat array, in RESP3 an array of pairs."""
    writer = BytesWriter()
    writer.write(array_header(len(members) if resp3 else 2 * len(members)))
    write_entries(writer, members, scores, resp3, resp3, reverse)
    return writer.getvalue()


def note_removal(db: Database, key: bytes, zset: SortedSet, event: bytes, removed: int) -> None:
    """Reports that members went, and removes the key with the last of them."""
    db.notify(events.ZSET, event, key)
    if zset.size() == 0:
        db.remove(key)
        db.notify(events.GENERIC, b"del", key)
    db.keyspace.dirty += removed
    db.signal(key)


def store_zset(db: Database, key: bytes, zset: SortedSet, event: bytes) -> bytes:
    """Stores a result and answers its size; an empty one deletes the destination."""
    count = zset.size()
    if count:
        db.store(key, zset)
        db.notify(events.ZSET, event, key)
        return integer(count)
    if db.delete(key, db.keyspace.lazy_server_del):
        db.notify(events.GENERIC, b"del", key)
    return ZERO


# ZADD and ZINCRBY.


@sorted_sets.command(
    "ZADD", arity=-4, flags=WRITE | DENYOOM | FAST, keys=first_key("RW update"), since="1.2.0",
    syntax="key [condition:(NX | XX) @3.0.2] [comparison:(GT | LT) @6.2.0] [change=CH @3.0.2]"
    " [increment=INCR @3.0.2] (score member)...",
    complexity="O(log(N)) for each member, N being how many the sorted set has.",
    history=(
        ("2.4.0", "Accepts multiple elements."),
        ("3.0.2", "Added the `XX`, `NX`, `CH` and `INCR` options."),
        ("6.2.0", "Added the `GT` and `LT` options."),
    ),
)  # fmt: skip
def zadd(ctx: Context, argv: list[bytes]) -> bytes:
    """Adds members to a sorted set, or gives those that it has another score."""
    if len(argv) != 4:
        return zadd_many(ctx, argv)
    score = parse_double(argv[2])
    if score is None:
        return zadd_many(ctx, argv)
    key = argv[1]
    db = ctx.db
    engine = ctx.engine
    value = db.lookup(key)
    result: i64
    if value is None:
        zset = SortedSet()
        result = zset.put(argv[3], score, engine.zset_max_entries, engine.zset_max_value)
        db.add(key, zset, NO_DEADLINE)
    elif isinstance(value, SortedSet):
        result = value.put(argv[3], score, engine.zset_max_entries, engine.zset_max_value)
    else:
        raise CommandError(WRONG_TYPE)
    if result == UNCHANGED:
        return ZERO
    db.keyspace.dirty += 1
    db.signal(key)
    db.notify(events.ZSET, b"zadd", key)
    return ONE if result == ADDED else ZERO


def zadd_many(ctx: Context, argv: list[bytes]) -> bytes:
    """ZADD with options, or with several members."""
    options: i64 = 0
    position: i64 = 2
    while position < i64(len(argv)):
        option = _OPTIONS.get(argv[position].upper())
        if option is None:
            break
        options |= option
        position += 1
    count: i64 = i64(len(argv)) - position
    if count == 0 or count & 1:
        raise CommandError(SYNTAX)
    if options & NX and options & XX:
        raise CommandError(b"ERR XX and NX options at the same time are not compatible")
    if options & (NX | GT) == NX | GT or options & (NX | LT) == NX | LT or options & (GT | LT) == GT | LT:
        raise CommandError(b"ERR GT, LT, and/or NX options at the same time are not compatible")
    if options & INCR:
        if count > 2:
            raise CommandError(b"ERR INCR option supports a single increment-element pair")
        return zadd_increment(ctx, argv[1], score_argument(argv[position]), argv[position + 1], options)
    scores: list[float] = []
    i = position
    while i < i64(len(argv)):
        scores.append(score_argument(argv[i]))
        i += 2
    return add_scores(ctx, argv[1], argv[position + 1 :: 2], scores, options)


def add_scores(ctx: Context, key: bytes, members: list[bytes], scores: list[float], options: i64) -> bytes:
    """Adds or updates several members under the conditions of `options`, and answers how many."""
    db = ctx.db
    engine = ctx.engine
    value = db.lookup(key)
    if value is None and options & XX:
        return ZERO
    zset = SortedSet() if value is None else expect_zset(value)
    max_entries, max_value = engine.zset_max_entries, engine.zset_max_value
    added: i64 = 0
    updated: i64 = 0
    for i, member in enumerate(members):
        score = scores[i]
        if options & (NX | XX | GT | LT) and not allows(options, zset.score(member), score):
            continue
        result = zset.put(member, score, max_entries, max_value)
        if result == ADDED:
            added += 1
        elif result != UNCHANGED:
            updated += 1
    if value is None:
        db.add(key, zset, NO_DEADLINE)
    if added or updated:
        db.keyspace.dirty += added + updated
        db.signal(key)
        db.notify(events.ZSET, b"zadd", key)
    return integer(added + updated if options & CH else added)


def allows(options: i64, known: float | None, score: float) -> bool:
    """Whether the conditions of ZADD let a member with the score `known`, or none, get `score`."""
    if known is None:
        return not options & XX
    if options & NX:
        return False
    return not ((options & GT and score <= known) or (options & LT and score >= known))


def zadd_increment(ctx: Context, key: bytes, increment: float, member: bytes, options: i64) -> bytes:
    """Adds to a score and answers the new one, or null where the conditions of ZADD forbid it."""
    db = ctx.db
    engine = ctx.engine
    value = db.lookup(key)
    if value is None:
        if options & XX:
            return ctx.null
        zset = SortedSet()
        known: float | None = None
    else:
        zset = expect_zset(value)
        known = zset.score(member)
    score = increment
    if known is not None:
        score = known + increment
        if score != score and not options & NX:
            raise CommandError(NOT_A_NUMBER)
    if options and not allows(options, known, score):
        return ctx.null
    result = zset.put(member, score, engine.zset_max_entries, engine.zset_max_value)
    if value is None:
        db.add(key, zset, NO_DEADLINE)
    if result != UNCHANGED:
        db.keyspace.dirty += 1
        db.signal(key)
        db.notify(events.ZSET, b"zincr", key)
    return score_reply(ctx, score)


@sorted_sets.command(
    "ZINCRBY", arity=4, flags=WRITE | DENYOOM | FAST, keys=first_key("RW access update"), since="1.2.0",
    syntax="key increment member", complexity="O(log(N)) with a sorted set of N members.",
)  # fmt: skip
def zincrby(ctx: Context, argv: list[bytes]) -> bytes:
    """Adds to the score of a member, which starts at 0 when it is not there, and returns it."""
    increment = parse_double(argv[2])
    if increment is None:
        # It is ZADD INCR to Redis, to which an option here leaves a member without a score.
        raise CommandError(SYNTAX if argv[2].upper() in _OPTIONS else NOT_A_FLOAT)
    return zadd_increment(ctx, argv[1], increment, argv[3], 0)


@sorted_sets.command(
    "ZREM", arity=-3, flags=WRITE | FAST, keys=first_key("RW delete"), since="1.2.0",
    syntax="key member...",
    complexity="O(M*log(N)) with N members in the set and M to be removed.",
    history=(("2.4.0", "Accepts multiple elements."),),
)  # fmt: skip
def zrem(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes members from a sorted set, deleting it when it empties."""
    key = argv[1]
    zset = write_zset(ctx, key)
    if zset is None:
        return ZERO
    removed: i64 = 0
    for member in argv[2:]:
        if zset.remove(member):
            removed += 1
            if zset.size() == 0:
                break
    if removed:
        note_removal(ctx.db, key, zset, b"zrem", removed)
    return integer(removed)


# Questions about members.


@sorted_sets.command(
    "ZSCORE", arity=3, flags=READONLY | FAST, keys=first_key("RO access"), since="1.2.0",
    syntax="key member", complexity="O(1)",
)  # fmt: skip
def zscore(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the score of a member."""
    zset = read_zset(ctx, argv[1])
    if zset is None:
        return ctx.null
    score = zset.score(argv[2])
    return ctx.null if score is None else score_reply(ctx, score)


@sorted_sets.command(
    "ZMSCORE", arity=-3, flags=READONLY | FAST, keys=first_key("RO access"), since="6.2.0",
    syntax="key member...", complexity="O(N) for N members asked for.",
)  # fmt: skip
def zmscore(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the scores of several members."""
    zset = read_zset(ctx, argv[1])
    writer = BytesWriter()
    writer.write(array_header(len(argv) - 2))
    for member in argv[2:]:
        score = None if zset is None else zset.score(member)
        if score is None:
            writer.write(ctx.null)
        else:
            write_score(writer, score, ctx.resp3)
    return writer.getvalue()


@sorted_sets.command(
    "ZCARD", arity=2, flags=READONLY | FAST, keys=first_key("RO"), since="1.2.0",
    syntax="key", complexity="O(1)",
)  # fmt: skip
def zcard(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns how many members a sorted set has."""
    zset = read_zset(ctx, argv[1])
    return ZERO if zset is None else integer(zset.size())


@sorted_sets.command(
    "ZRANK", arity=-3, flags=READONLY | FAST, keys=first_key("RO access"), since="2.0.0",
    syntax="key member [WITHSCORE]", complexity="O(log(N))",
    history=(("7.2.0", "Added the optional `WITHSCORE` argument."),),
)  # fmt: skip
def zrank(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns how many members of a sorted set have a lower score than a member."""
    return rank_reply(ctx, argv, b"zrank", False)


@sorted_sets.command(
    "ZREVRANK", arity=-3, flags=READONLY | FAST, keys=first_key("RO access"), since="2.0.0",
    syntax="key member [WITHSCORE]", complexity="O(log(N))",
    history=(("7.2.0", "Added the optional `WITHSCORE` argument."),),
)  # fmt: skip
def zrevrank(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns how many members of a sorted set have a higher score than a member."""
    return rank_reply(ctx, argv, b"zrevrank", True)


def rank_reply(ctx: Context, argv: list[bytes], command: bytes, reverse: bool) -> bytes:
    """ZRANK and ZREVRANK."""
    with_score = False
    if len(argv) > 3:
        if len(argv) > 4:
            raise wrong_arity(command)
        if argv[3].upper() != b"WITHSCORE":
            raise CommandError(SYNTAX)
        with_score = True
    zset = read_zset(ctx, argv[1])
    rank = NOT_THERE if zset is None else zset.rank(argv[2])
    if zset is None or rank == NOT_THERE:
        return ctx.null_array if with_score else ctx.null
    if reverse:
        rank = zset.size() - 1 - rank
    if not with_score:
        return integer(rank)
    score = zset.score(argv[2])
    assert score is not None
    return PAIR + integer(rank) + score_reply(ctx, score)


# ZRANDMEMBER and ZSCAN.


@sorted_sets.command(
    "ZRANDMEMBER", arity=-2, flags=READONLY, keys=first_key("RO access"), since="6.2.0",
    syntax="key [options:(count [WITHSCORES])]",
    complexity="O(N*log(M)) for N members out of M.", tips=("nondeterministic_output",),
)  # fmt: skip
def zrandmember(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns one random member of a sorted set, or several."""
    if len(argv) == 2:
        zset = read_zset(ctx, argv[1])
        if zset is None:
            return ctx.null
        rank = randrange(zset.size())
        return bulk(zset.members(rank, rank + 1)[0])
    count = integer_argument(argv[2])
    if count < -INT64_MAX:
        raise CommandError(_COUNT_OUT_OF_RANGE)
    with_scores = len(argv) > 3
    if len(argv) > 4 or (with_scores and argv[3].upper() != b"WITHSCORES"):
        raise CommandError(SYNTAX)
    if count < -SAMPLE_MAX or (with_scores and count > INT64_MAX // 2):
        raise CommandError(b"ERR value is out of range")
    zset = read_zset(ctx, argv[1])
    if zset is None or count == 0:
        return EMPTY_ARRAY
    return sample_reply(zset, count, with_scores, ctx.resp3)


def sample_reply(zset: SortedSet, count: int, with_scores: bool, resp3: bool) -> bytes:
    """Random members: all different, or `-count` independent draws when `count` is negative.

    Where all are asked for, they come from the highest score down.
    """
    size = zset.size()
    if count >= size:
        members = zset.members(0, size)
        if with_scores:
            return scored_reply(members, zset.scores(0, size), resp3, True)
        members.reverse()
        return bulk_array(members)
    ranks = [randrange(size) for _ in range(-count)] if count < 0 else distinct_ranks(size, count)
    # From half of the set on it is cheaper to take all of it apart once.
    is_dense = 2 * len(ranks) > size
    all_members = zset.members(0, size if is_dense else 0)
    all_scores = zset.scores(0, size if is_dense else 0)
    writer = BytesWriter()
    writer.write(array_header(2 * len(ranks) if with_scores and not resp3 else len(ranks)))
    for rank in ranks:
        if with_scores and resp3:
            writer.write(PAIR)
        write_bulk(writer, all_members[rank] if is_dense else zset.members(rank, rank + 1)[0])
        if with_scores:
            write_score(writer, all_scores[rank] if is_dense else zset.scores(rank, rank + 1)[0], resp3)
    return writer.getvalue()


def distinct_ranks(size: int, count: int) -> list[int]:
    """Some of the numbers below `size`, each at most once, in random order; `count` < `size`. O(count)."""
    # A shuffle of which only the first part is done, and only the positions that were moved are kept.
    moved: dict[int, int] = {}
    ranks: list[int] = []
    for i in range(count):
        j = i + int(randrange(size - i))
        ranks.append(moved.get(j, j))
        moved[j] = moved.get(i, i)
    return ranks


@sorted_sets.command(
    "ZSCAN", arity=-3, flags=READONLY, keys=first_key("RO access"), since="2.8.0",
    syntax="key cursor [MATCH pattern] [COUNT count]",
    complexity="O(1) for a call, O(N) for all the calls that go through N members.",
    tips=("nondeterministic_output",),
)  # fmt: skip
def zscan(ctx: Context, argv: list[bytes]) -> bytes:
    """Goes through the members and scores of a sorted set, some with each call."""
    cursor = scan_cursor(argv[2])
    zset = read_zset(ctx, argv[1])
    if zset is None:
        return scan_reply(0, [])
    options = scan_options(argv, 3, False, False)
    pattern = options.pattern
    cursor, members = zset.scan(cursor, options.count)
    is_listpack = zset.encoding() == b"listpack"
    found: list[bytes] = []
    for member in members:
        if pattern is None or glob_match(pattern, member, False):
            score = zset.score(member)
            assert score is not None
            found.append(member)
            # Redis prints the scores of a skiplist as long doubles here, and only here.
            found.append(format_double(score) if is_listpack else b"%.17g" % score)
    return scan_reply(cursor, found)
