"""Ranges of sorted sets: ZRANGE and its older forms, ZRANGESTORE, ZCOUNT, ZLEXCOUNT, ZREMRANGEBYRANK and kin.

Whatever a range is given by, it becomes a range of ranks, LIMIT included; then members and scores are taken
out. Bounds of scores are read as C's `strtod` reads them, more generously than scores: `" 1"`, `""` and
`1e999` will do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis.commands.arguments import c_text, integer_argument
from pyredis.commands.registry import first_key, nth_key
from pyredis.commands.sorted_sets import (
    note_removal,
    read_zset,
    scored_reply,
    sorted_sets,
    store_zset,
    write_zset,
)
from pyredis.datatypes.numbers import parse_double
from pyredis.datatypes.sorted_set import LexRange, SortedSet, from_entries
from pyredis.engine.command import DENYOOM, FAST, READONLY, WRITE, KeySpec
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, CommandError
from pyredis.protocol.encode import EMPTY_ARRAY, ZERO, bulk_array, integer

if TYPE_CHECKING:
    from mypy_extensions import i64

NOT_A_SCORE_RANGE: Final = b"ERR min or max is not a float"
NOT_A_LEX_RANGE: Final = b"ERR min or max not valid string range item"

_INFINITE: Final = float("inf")
_BLANKS: Final = b" \t\n\v\f\r"

# What a range is given by; a command that leaves it open takes BYSCORE, BYLEX and REV.
BY_ANYTHING: Final[i64] = 0
BY_RANK: Final[i64] = 1
BY_SCORE: Final[i64] = 2
BY_LEX: Final[i64] = 3


# Bounds.


def score_bound(text: bytes) -> tuple[float, bool]:
    """One end of a range of scores: the score, and whether it is excluded."""
    is_exclusive = text[:1] == b"("
    if is_exclusive:
        text = text[1:]
    value = parse_double(text)
    return _odd_bound(text) if value is None else value, is_exclusive


def _odd_bound(text: bytes) -> float:
    """A bound in what C takes for a number and nobody would write for a score."""
    text = c_text(text)
    digits = text.lstrip(_BLANKS)
    if text == b"":
        return 0.0
    if digits == b"" or digits[-1] <= 32 or b"_" in digits:
        raise CommandError(NOT_A_SCORE_RANGE)
    unsigned = digits[1:] if digits[0] in b"+-" else digits
    try:
        if unsigned[:2].lower() == b"0x":
            value = float.fromhex(digits.decode("latin-1"))
        else:
            value = float(digits)
    except OverflowError:
        return -_INFINITE if digits[0] == 45 else _INFINITE
    except ValueError:
        raise CommandError(NOT_A_SCORE_RANGE) from None
    if value != value:
        raise CommandError(NOT_A_SCORE_RANGE)
    return value


def lex_range(low: bytes, high: bytes) -> LexRange:
    """A range of members, or `not valid string range item`."""
    lex = LexRange()
    if low[:1] == b"[" or low[:1] == b"(":
        lex.low, lex.has_low, lex.is_low_exclusive = low[1:], True, low[0] == 40
    elif not _is_endless(low, b"-"):
        lex.is_empty = True
    if high[:1] == b"[" or high[:1] == b"(":
        lex.high, lex.has_high, lex.is_high_exclusive = high[1:], True, high[0] == 40
    elif not _is_endless(high, b"+"):
        lex.is_empty = True
    if lex.has_low and lex.has_high:
        is_open = lex.is_low_exclusive or lex.is_high_exclusive
        lex.is_empty = lex.low > lex.high or (lex.low == lex.high and is_open)
    return lex


def _is_endless(bound: bytes, endless: bytes) -> bool:
    """Whether a bound without a bracket is the one that excludes nothing, not the one that excludes all."""
    text = c_text(bound)
    if text not in (b"-", b"+"):
        raise CommandError(NOT_A_LEX_RANGE)
    return text == endless


def rank_range(zset: SortedSet, start: i64, last: i64) -> tuple[i64, i64]:
    """Ranks from `start` to `last` inclusive, negative ones counted from the end, as for a slice."""
    size: i64 = zset.size()
    if start < 0:
        start = max(start + size, 0)
    if last < 0:
        last += size
    if start > last or start >= size:
        return 0, 0
    return start, min(last, size - 1) + 1


def limit_ranks(start: i64, stop: i64, offset: i64, limit: i64, reverse: bool) -> tuple[i64, i64]:
    """What LIMIT leaves of a range of ranks; a negative offset leaves nothing, a negative limit all."""
    if offset < 0 or offset >= stop - start:
        return 0, 0
    if reverse:
        stop -= offset
        return (stop - limit if 0 <= limit < stop - start else start), stop
    start += offset
    return start, (start + limit if 0 <= limit < stop - start else stop)


# ZRANGE and what it replaces.


class RangeQuery:
    """A range as it was asked for."""

    def __init__(self, key: bytes, by: i64, reverse: bool) -> None:
        self.key: bytes = key
        self.by: i64 = by
        self.reverse: bool = reverse
        self.offset: i64 = 0
        self.limit: i64 = -1
        self.with_scores: bool = False
        # The bounds, of the kind that `by` says.
        self.first: i64 = 0
        self.last: i64 = 0
        self.low_score: float = 0.0
        self.is_low_exclusive: bool = False
        self.high_score: float = 0.0
        self.is_high_exclusive: bool = False
        self.lex: LexRange | None = None

    def parse_options(self, argv: list[bytes], position: i64, is_stored: bool) -> None:
        """Reads WITHSCORES and LIMIT, and BYSCORE BYLEX REV where the command leaves them open."""
        is_open = self.by == BY_ANYTHING
        count: i64 = len(argv)
        while position < count:
            word = argv[position].upper()
            position += 1
            if word == b"WITHSCORES" and not is_stored:
                self.with_scores = True
            elif word == b"LIMIT" and position + 1 < count:
                self.offset = integer_argument(argv[position])
                self.limit = integer_argument(argv[position + 1])
                position += 2
            elif word == b"REV" and is_open and not self.reverse:
                self.reverse = True
            elif word == b"BYLEX" and is_open and self.by == BY_ANYTHING:
                self.by = BY_LEX
            elif word == b"BYSCORE" and is_open and self.by == BY_ANYTHING:
                self.by = BY_SCORE
            else:
                raise CommandError(SYNTAX)
        if self.by == BY_ANYTHING:
            self.by = BY_RANK
        if self.limit != -1 and self.by == BY_RANK:
            raise CommandError(
                b"ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
            )
        if self.with_scores and self.by == BY_LEX:
            raise CommandError(b"ERR syntax error, WITHSCORES not supported in combination with BYLEX")

    def parse_bounds(self, one: bytes, other: bytes) -> None:
        """Reads the bounds, which a reversed range of scores or members gives the other way round."""
        if self.by == BY_RANK:
            self.first = integer_argument(one)
            self.last = integer_argument(other)
            return
        low, high = (other, one) if self.reverse else (one, other)
        if self.by == BY_LEX:
            self.lex = lex_range(low, high)
        else:
            self.low_score, self.is_low_exclusive = score_bound(low)
            self.high_score, self.is_high_exclusive = score_bound(high)

    def ranks(self, zset: SortedSet) -> tuple[i64, i64]:
        """The ranks of what was asked for, in rising order, as for a slice."""
        start: i64
        stop: i64
        if self.by == BY_RANK:
            start, stop = rank_range(zset, self.first, self.last)
            if self.reverse:
                size: i64 = zset.size()
                return size - stop, size - start
            return start, stop
        lex = self.lex
        if lex is not None:
            return self._lex_ranks(zset, lex)
        start = zset.count_below(self.low_score, self.is_low_exclusive)
        stop = max(start, zset.count_below(self.high_score, not self.is_high_exclusive))
        return limit_ranks(start, stop, self.offset, self.limit, self.reverse)

    def _lex_ranks(self, zset: SortedSet, lex: LexRange) -> tuple[i64, i64]:
        # LIMIT counts before the other bound is looked at, as the walk through a listpack does.
        size: i64 = zset.size()
        start: i64
        stop: i64
        if self.reverse:
            stop = zset.lex_last(lex) + 1
            if self.offset < 0 or self.offset >= stop:
                return 0, 0
            stop -= self.offset
            return limit_ranks(zset.lex_bottom(stop - 1, lex), stop, 0, self.limit, True)
        start = zset.lex_start(lex)
        if self.offset < 0 or self.offset >= size - start:
            return 0, 0
        start += self.offset
        return limit_ranks(start, zset.lex_stop(start, lex), 0, self.limit, False)


def range_reply(ctx: Context, argv: list[bytes], by: i64, reverse: bool) -> bytes:
    """All commands that answer with a range."""
    query = RangeQuery(argv[1], by, reverse)
    query.parse_options(argv, 4, False)
    query.parse_bounds(argv[2], argv[3])
    zset = read_zset(ctx, query.key)
    if zset is None:
        return EMPTY_ARRAY
    start, stop = query.ranks(zset)
    return slice_reply(zset, start, stop, query.reverse, query.with_scores, ctx.resp3)


def slice_reply(
    zset: SortedSet, start: i64, stop: i64, reverse: bool, with_scores: bool, resp3: bool
) -> bytes:
    """The members of a range of ranks, from the highest when `reverse`, perhaps with their scores."""
    if start >= stop:
        return EMPTY_ARRAY
    members = zset.members(start, stop)
    if not with_scores:
        if reverse:
            members.reverse()
        return bulk_array(members)
    return scored_reply(members, zset.scores(start, stop), resp3, reverse)


def _plain_rank_range(ctx: Context, argv: list[bytes], reverse: bool) -> bytes:
    """ZRANGE and ZREVRANGE with nothing but two ranks."""
    first = integer_argument(argv[2])
    last = integer_argument(argv[3])
    zset = read_zset(ctx, argv[1])
    if zset is None:
        return EMPTY_ARRAY
    start, stop = rank_range(zset, first, last)
    if reverse:
        size: i64 = zset.size()
        start, stop = size - stop, size - start
    return slice_reply(zset, start, stop, reverse, False, False)


@sorted_sets.command(
    "ZRANGE", arity=-4, flags=READONLY, keys=first_key("RO access"), since="1.2.0",
    syntax="key start:string stop:string [sortby:(BYSCORE | BYLEX) @6.2.0] [REV @6.2.0]"
    " [LIMIT (offset count) @6.2.0] [WITHSCORES]",
    complexity="O(log(N)+M) to return M of N members.",
    history=(("6.2.0", "Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options."),),
)  # fmt: skip
def zrange(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns a range of the members of a sorted set, by rank, score or member."""
    if len(argv) == 4:
        return _plain_rank_range(ctx, argv, False)
    return range_reply(ctx, argv, BY_ANYTHING, False)


@sorted_sets.command(
    "ZREVRANGE", arity=-4, flags=READONLY, keys=first_key("RO access"), since="1.2.0",
    syntax="key start stop [WITHSCORES]", complexity="O(log(N)+M) to return M of N members.",
    deprecated=("6.2.0", "`ZRANGE` with the `REV` argument"),
)  # fmt: skip
def zrevrange(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the members of a sorted set within a range of ranks, counted from the highest score."""
    if len(argv) == 4:
        return _plain_rank_range(ctx, argv, True)
    return range_reply(ctx, argv, BY_RANK, True)


@sorted_sets.command(
    "ZRANGEBYSCORE", arity=-4, flags=READONLY, keys=first_key("RO access"), since="1.0.5",
    syntax="key min:double max:double [WITHSCORES @2.0.0] [LIMIT (offset count)]",
    complexity="O(log(N)+M) to return M of N members.",
    history=(("2.0.0", "Added the `WITHSCORES` modifier."),),
    deprecated=("6.2.0", "`ZRANGE` with the `BYSCORE` argument"),
)  # fmt: skip
def zrangebyscore(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the members of a sorted set within a range of scores."""
    return range_reply(ctx, argv, BY_SCORE, False)


@sorted_sets.command(
    "ZREVRANGEBYSCORE", arity=-4, flags=READONLY, keys=first_key("RO access"), since="2.2.0",
    syntax="key max:double min:double [WITHSCORES] [LIMIT (offset count)]",
    complexity="O(log(N)+M) to return M of N members.",
    history=(("2.1.6", "`min` and `max` can be exclusive."),),
    deprecated=("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments"),
)  # fmt: skip
def zrevrangebyscore(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the members of a sorted set within a range of scores, from the highest down."""
    return range_reply(ctx, argv, BY_SCORE, True)


@sorted_sets.command(
    "ZRANGEBYLEX", arity=-4, flags=READONLY, keys=first_key("RO access"), since="2.8.9",
    syntax="key min max [LIMIT (offset count)]", complexity="O(log(N)+M) to return M of N members.",
    deprecated=("6.2.0", "`ZRANGE` with the `BYLEX` argument"),
)  # fmt: skip
def zrangebylex(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns a range of members of a sorted set whose scores are all equal."""
    return range_reply(ctx, argv, BY_LEX, False)


@sorted_sets.command(
    "ZREVRANGEBYLEX", arity=-4, flags=READONLY, keys=first_key("RO access"), since="2.8.9",
    syntax="key max min [LIMIT (offset count)]", complexity="O(log(N)+M) to return M of N members.",
    deprecated=("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments"),
)  # fmt: skip
def zrevrangebylex(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns a range of members of a sorted set whose scores are all equal, from the last down."""
    return range_reply(ctx, argv, BY_LEX, True)


_STORE_KEYS: Final[tuple[KeySpec, ...]] = nth_key("OW update", 1) + nth_key("RO access", 2)


@sorted_sets.command(
    "ZRANGESTORE", arity=-5, flags=WRITE | DENYOOM, keys=_STORE_KEYS, since="6.2.0",
    syntax="dst src min max [sortby:(BYSCORE | BYLEX)] [REV] [LIMIT (offset count)]",
    complexity="O(log(N)+M) to store M of N members.",
)  # fmt: skip
def zrangestore(ctx: Context, argv: list[bytes]) -> bytes:
    """Stores a range of a sorted set in another key."""
    query = RangeQuery(argv[2], BY_ANYTHING, False)
    query.parse_options(argv, 5, True)
    query.parse_bounds(argv[3], argv[4])
    zset = read_zset(ctx, query.key)
    result = SortedSet()
    if zset is not None:
        start, stop = query.ranks(zset)
        engine = ctx.engine
        if start < stop:
            members, scores = zset.members(start, stop), zset.scores(start, stop)
            result = from_entries(members, scores, engine.zset_max_entries, engine.zset_max_value)
    return store_zset(ctx.db, argv[1], result, b"zrangestore")


# Counting.


@sorted_sets.command(
    "ZCOUNT", arity=4, flags=READONLY | FAST, keys=first_key("RO access"), since="2.0.0",
    syntax="key min:double max:double", complexity="O(log(N)) with a sorted set of N members.",
)  # fmt: skip
def zcount(ctx: Context, argv: list[bytes]) -> bytes:
    """Counts the members of a sorted set within a range of scores."""
    low, is_low_exclusive = score_bound(argv[2])
    high, is_high_exclusive = score_bound(argv[3])
    zset = read_zset(ctx, argv[1])
    if zset is None:
        return ZERO
    start = zset.count_below(low, is_low_exclusive)
    return integer(max(zset.count_below(high, not is_high_exclusive) - start, 0))


@sorted_sets.command(
    "ZLEXCOUNT", arity=4, flags=READONLY | FAST, keys=first_key("RO access"), since="2.8.9",
    syntax="key min max", complexity="O(log(N)) with a sorted set of N members.",
)  # fmt: skip
def zlexcount(ctx: Context, argv: list[bytes]) -> bytes:
    """Counts a range of members of a sorted set whose scores are all equal."""
    lex = lex_range(argv[2], argv[3])
    zset = read_zset(ctx, argv[1])
    if zset is None:
        return ZERO
    start = zset.lex_start(lex)
    return integer(zset.lex_stop(start, lex) - start if start < zset.size() else 0)


# Removing.


def remove_range(ctx: Context, key: bytes, zset: SortedSet, start: i64, stop: i64, event: bytes) -> bytes:
    """Removes a range of ranks and answers how many members went."""
    count = stop - start
    if count <= 0:
        return ZERO
    zset.remove_ranks(start, stop)
    note_removal(ctx.db, key, zset, event, count)
    return integer(count)


@sorted_sets.command(
    "ZREMRANGEBYRANK", arity=4, flags=WRITE, keys=first_key("RW delete"), since="2.0.0",
    syntax="key start stop", complexity="O(log(N)+M) to remove M of N members.",
)  # fmt: skip
def zremrangebyrank(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes the members of a sorted set within a range of ranks."""
    first = integer_argument(argv[2])
    last = integer_argument(argv[3])
    zset = write_zset(ctx, argv[1])
    if zset is None:
        return ZERO
    start, stop = rank_range(zset, first, last)
    return remove_range(ctx, argv[1], zset, start, stop, b"zremrangebyrank")


@sorted_sets.command(
    "ZREMRANGEBYSCORE", arity=4, flags=WRITE, keys=first_key("RW delete"), since="1.2.0",
    syntax="key min:double max:double", complexity="O(log(N)+M) to remove M of N members.",
)  # fmt: skip
def zremrangebyscore(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes the members of a sorted set within a range of scores."""
    low, is_low_exclusive = score_bound(argv[2])
    high, is_high_exclusive = score_bound(argv[3])
    zset = write_zset(ctx, argv[1])
    if zset is None:
        return ZERO
    start = zset.count_below(low, is_low_exclusive)
    stop = zset.count_below(high, not is_high_exclusive)
    return remove_range(ctx, argv[1], zset, start, stop, b"zremrangebyscore")


@sorted_sets.command(
    "ZREMRANGEBYLEX", arity=4, flags=WRITE, keys=first_key("RW delete"), since="2.8.9",
    syntax="key min max", complexity="O(log(N)+M) to remove M of N members.",
)  # fmt: skip
def zremrangebylex(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes a range of members of a sorted set whose scores are all equal."""
    lex = lex_range(argv[2], argv[3])
    zset = write_zset(ctx, argv[1])
    if zset is None:
        return ZERO
    start = zset.lex_start(lex)
    stop = zset.lex_stop(start, lex) if start < zset.size() else start
    return remove_range(ctx, argv[1], zset, start, stop, b"zremrangebylex")
