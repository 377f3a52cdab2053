"""Unions, intersections and differences of sorted sets: ZUNION ZINTER ZDIFF, their STORE forms, ZINTERCARD.

A plain set can be a source as well, each of its members with a score of 1. Sources are gone through from the
smallest to the largest, as in Redis: floating point sums depend on the order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyredis.commands.arguments import integer_argument, ranged_argument
from pyredis.commands.registry import counted_keys, nth_key
from pyredis.commands.sorted_sets import scored_reply, sorted_sets, store_zset
from pyredis.datatypes.numbers import INT64_MAX, parse_double
from pyredis.datatypes.score_index import in_order
from pyredis.datatypes.set_value import SetValue
from pyredis.datatypes.sorted_set import SortedSet, from_pairs
from pyredis.engine.command import DENYOOM, READONLY, WRITE, KeySpec
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, WRONG_TYPE, CommandError
from pyredis.protocol.encode import bulk_array, integer

if TYPE_CHECKING:
    from mypy_extensions import i64

UNION: Final[i64] = 0
INTER: Final[i64] = 1
DIFF: Final[i64] = 2

SUM: Final[i64] = 0
MIN: Final[i64] = 1
MAX: Final[i64] = 2

SET_SCORE: Final = 1.0
"""What every member of a plain set counts as."""

_AGGREGATES: Final[dict[bytes, int]] = {b"SUM": SUM, b"MIN": MIN, b"MAX": MAX}


class Source:
    """One of the sets that go into an operation; `value` is None where there is no key."""

    def __init__(self, value: Any) -> None:
        self.value: Any = value
        self.weight: float = 1.0
        self.size: int = member_count(value)


def member_count(value: Any) -> int:
    """How many members a source has, or WRONGTYPE for what cannot be one."""
    if value is None:
        return 0
    if isinstance(value, SortedSet):
        return value.size()
    if isinstance(value, SetValue):
        return value.size()
    raise CommandError(WRONG_TYPE)


def members_with_scores(value: Any) -> dict[bytes, float]:
    """What a source holds, in its own order."""
    if isinstance(value, SortedSet):
        return value.pairs()
    if isinstance(value, SetValue):
        return dict.fromkeys(value.members(), SET_SCORE)
    return {}


def member_score(value: Any, member: bytes) -> float | None:
    """The score of one member of a source, or None. O(1)."""
    if isinstance(value, SortedSet):
        return value.score(member)
    if isinstance(value, SetValue) and value.contains(member):
        return SET_SCORE
    return None


class Operation:
    """What was asked for."""

    def __init__(self, kind: i64) -> None:
        self.kind: i64 = kind
        self.sources: list[Source] = []
        self.aggregate: i64 = SUM
        self.with_scores: bool = False
        self.limit: int = 0

    def parse(self, ctx: Context, argv: list[bytes], position: int, name: bytes) -> None:
        """Reads `numkeys key...` and the options from `position` on; `name` is for the error of no keys.

        The sources are looked up before the options are read, and so is their type.
        """
        is_stored = position == 2
        count = integer_argument(argv[position])
        if count < 1:
            raise CommandError(b"ERR at least 1 input key is needed for '" + name + b"' command")
        end = position + 1 + count
        if end > len(argv):
            raise CommandError(SYNTAX)
        self.sources = [Source(ctx.db.lookup_read(key)) for key in argv[position + 1 : end]]
        position = end
        takes_weights = self.kind != DIFF and name != b"zintercard"
        while position < len(argv):
            word = argv[position].upper()
            left = len(argv) - position
            if takes_weights and word == b"WEIGHTS" and left > count:
                self._parse_weights(argv[position + 1 : position + 1 + count])
                position += 1 + count
            elif takes_weights and word == b"AGGREGATE" and left > 1:
                aggregate = _AGGREGATES.get(argv[position + 1].upper())
                if aggregate is None:
                    raise CommandError(SYNTAX)
                self.aggregate = aggregate
                position += 2
            elif word == b"WITHSCORES" and not is_stored and name != b"zintercard":
                self.with_scores = True
                position += 1
            elif word == b"LIMIT" and name == b"zintercard" and left > 1:
                self.limit = ranged_argument(argv[position + 1], 0, INT64_MAX, b"ERR LIMIT can't be negative")
                position += 2
            else:
                raise CommandError(SYNTAX)

    def _parse_weights(self, texts: list[bytes]) -> None:
        for source, text in zip(self.sources, texts, strict=True):
            weight = parse_double(text)
            if weight is None:
                raise CommandError(b"ERR weight value is not a float")
            source.weight = weight

    def run(self) -> dict[bytes, float]:
        """The result, in no particular order."""
        if self.kind == DIFF:
            return self._difference()
        sources = sorted(self.sources, key=_source_size)
        return self._union(sources) if self.kind == UNION else self._intersection(sources)

    def _union(self, sources: list[Source]) -> dict[bytes, float]:
        result: dict[bytes, float] = {}
        for source in sources:
            weight = source.weight
            for member, score in members_with_scores(source.value).items():
                weighted = _weighted(score, weight)
                known = result.get(member)
                result[member] = weighted if known is None else self._aggregated(known, weighted)
        return result

    def _intersection(self, sources: list[Source]) -> dict[bytes, float]:
        result: dict[bytes, float] = {}
        first = sources[0]
        others = sources[1:]
        for member, score in members_with_scores(first.value).items():
            total = _weighted(score, first.weight)
            for source in others:
                found = member_score(source.value, member)
                if found is None:
                    break
                total = self._aggregated(total, found * source.weight)
            else:
                result[member] = total
        return result

    def _difference(self) -> dict[bytes, float]:
        result = members_with_scores(self.sources[0].value)
        for source in self.sources[1:]:
            if source.size < len(result):
                for member in members_with_scores(source.value):
                    result.pop(member, None)
            else:
                value = source.value
                result = {
                    member: score for member, score in result.items() if member_score(value, member) is None
                }
        return result

    def _aggregated(self, one: float, other: float) -> float:
        """Sum, minimum or maximum. Opposite infinities add up to 0, and a NaN is never chosen."""
        if self.aggregate == SUM:
            total = one + other
            return total if total == total else 0.0
        if self.aggregate == MIN:
            return other if other < one else one
        return other if other > one else one


def _source_size(source: Source) -> int:
    return source.size


def _weighted(score: float, weight: float) -> float:
    """The product, or 0 for infinity times 0."""
    product = score * weight
    return product if product == product else 0.0


def answer(ctx: Context, argv: list[bytes], kind: i64, name: bytes) -> bytes:
    """ZUNION, ZINTER and ZDIFF."""
    operation = Operation(kind)
    operation.parse(ctx, argv, 1, name)
    members, scores = in_order(operation.run().items())
    if operation.with_scores:
        return scored_reply(members, scores, ctx.resp3, False)
    return bulk_array(members)


def store(ctx: Context, argv: list[bytes], kind: i64, name: bytes) -> bytes:
    """ZUNIONSTORE, ZINTERSTORE and ZDIFFSTORE."""
    operation = Operation(kind)
    operation.parse(ctx, argv, 2, name)
    engine = ctx.engine
    result = from_pairs(operation.run(), engine.zset_max_entries, engine.zset_max_value)
    return store_zset(ctx.db, argv[1], result, name)


_SOURCES: Final[tuple[KeySpec, ...]] = counted_keys("RO access", 1)
_STORE_KEYS: Final[tuple[KeySpec, ...]] = nth_key("OW update", 1) + counted_keys("RO access", 2)

_UNION_COMPLEXITY: Final = "O(N)+O(M*log(M)) for N members in all the sources together and M in the result."
_INTER_COMPLEXITY: Final = "O(N*K)+O(M*log(M)) for K sources, N members in the smallest and M in the result."
_DIFF_COMPLEXITY: Final = "O(L + M*log(M)) for L members in all the sources together and M in the result."


@sorted_sets.command(
    "ZUNION", arity=-3, flags=READONLY, keys=_SOURCES, since="6.2.0",
    syntax="numkeys key... [WEIGHTS weight...] [AGGREGATE aggregate:(SUM | MIN | MAX)] [WITHSCORES]",
    complexity=_UNION_COMPLEXITY,
)  # fmt: skip
def zunion(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the union of several sorted sets."""
    return answer(ctx, argv, UNION, b"zunion")


@sorted_sets.command(
    "ZINTER", arity=-3, flags=READONLY, keys=_SOURCES, since="6.2.0",
    syntax="numkeys key... [WEIGHTS weight...] [AGGREGATE aggregate:(SUM | MIN | MAX)] [WITHSCORES]",
    complexity=_INTER_COMPLEXITY,
)  # fmt: skip
def zinter(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the intersection of several sorted sets."""
    return answer(ctx, argv, INTER, b"zinter")


@sorted_sets.command(
    "ZDIFF", arity=-3, flags=READONLY, keys=_SOURCES, since="6.2.0",
    syntax="numkeys key... [WITHSCORES]", complexity=_DIFF_COMPLEXITY,
)  # fmt: skip
def zdiff(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the members of the first of several sorted sets that no other one has."""
    return answer(ctx, argv, DIFF, b"zdiff")


@sorted_sets.command(
    "ZUNIONSTORE", arity=-4, flags=WRITE | DENYOOM, keys=_STORE_KEYS, since="2.0.0",
    syntax="destination numkeys key... [WEIGHTS weight...] [AGGREGATE aggregate:(SUM | MIN | MAX)]",
    complexity=_UNION_COMPLEXITY,
)  # fmt: skip
def zunionstore(ctx: Context, argv: list[bytes]) -> bytes:
    """Stores the union of several sorted sets in a key."""
    return store(ctx, argv, UNION, b"zunionstore")


@sorted_sets.command(
    "ZINTERSTORE", arity=-4, flags=WRITE | DENYOOM, keys=_STORE_KEYS, since="2.0.0",
    syntax="destination numkeys key... [WEIGHTS weight...] [AGGREGATE aggregate:(SUM | MIN | MAX)]",
    complexity=_INTER_COMPLEXITY,
)  # fmt: skip
def zinterstore(ctx: Context, argv: list[bytes]) -> bytes:
    """Stores the intersection of several sorted sets in a key."""
    return store(ctx, argv, INTER, b"zinterstore")


@sorted_sets.command(
    "ZDIFFSTORE", arity=-4, flags=WRITE | DENYOOM, keys=_STORE_KEYS, since="6.2.0",
    syntax="destination numkeys key...", complexity=_DIFF_COMPLEXITY,
)  # fmt: skip
def zdiffstore(ctx: Context, argv: list[bytes]) -> bytes:
    """Stores the members of the first of several sorted sets that no other one has."""
    return store(ctx, argv, DIFF, b"zdiffstore")


@sorted_sets.command(
    "ZINTERCARD", arity=-3, flags=READONLY, keys=_SOURCES, since="7.0.0",
    syntax="numkeys key... [LIMIT limit]",
    complexity="O(N*K) for K sources and N members in the smallest.",
)  # fmt: skip
def zintercard(ctx: Context, argv: list[bytes]) -> bytes:
    """Counts the intersection of several sorted sets, up to a limit."""
    operation = Operation(INTER)
    operation.parse(ctx, argv, 1, b"zintercard")
    sources = sorted(operation.sources, key=_source_size)
    limit = operation.limit or INT64_MAX
    count = 0
    for member in members_with_scores(sources[0].value):
        if all(member_score(source.value, member) is not None for source in sources[1:]):
            count += 1
            if count == limit:
                break
    return integer(count)
