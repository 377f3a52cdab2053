"""Sorted sets as queues: ZPOPMIN ZPOPMAX ZMPOP BZPOPMIN BZPOPMAX BZMPOP.

`take_entries` is what they all come to. The blocking forms try their keys at once, in order, and wait only
when all of them are missing; what serves them later is logged as the ZPOPMIN or ZPOPMAX that it amounts to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from pyredis.commands.arguments import ranged_argument, timeout_argument
from pyredis.commands.registry import counted_keys, first_key, key_range
from pyredis.commands.sorted_sets import (
    PAIR,
    note_removal,
    sorted_sets,
    write_entries,
    write_score,
    write_zset,
)
from pyredis.datatypes.numbers import INT64_MAX
from pyredis.datatypes.sorted_set import SortedSet
from pyredis.engine.blocking import BlockedOperation
from pyredis.engine.command import BLOCKING, FAST, WRITE, KeySpec
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, CommandError
from pyredis.keyspace.database import Database
from pyredis.protocol.encode import EMPTY_ARRAY, array_header, write_bulk

if TYPE_CHECKING:
    from librt.vecs import vec

COUNT_NOT_POSITIVE: Final = b"ERR value is out of range, must be positive"


def take_entries(
    db: Database, key: bytes, zset: SortedSet, count: int, from_max: bool
) -> tuple[list[bytes], vec[float]]:
    """Removes up to `count` entries from one end, and reports it; they come in order of rank."""
    size: i64 = zset.size()
    taken = min(i64(count), size)
    start = size - taken if from_max else i64(0)
    members = zset.members(start, start + taken)
    scores = zset.scores(start, start + taken)
    zset.remove_ranks(start, start + taken)
    note_removal(db, key, zset, b"zpopmax" if from_max else b"zpopmin", taken)
    return members, scores


# ZPOPMIN and ZPOPMAX.


@sorted_sets.command(
    "ZPOPMIN", arity=-2, flags=WRITE | FAST, keys=first_key("RW access delete"), since="5.0.0",
    syntax="key [count]", complexity="O(log(N)*M) to pop M of N members.",
)  # fmt: skip
def zpopmin(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes the members with the lowest scores from a sorted set and returns them."""
    return pop(ctx, argv, False)


@sorted_sets.command(
    "ZPOPMAX", arity=-2, flags=WRITE | FAST, keys=first_key("RW access delete"), since="5.0.0",
    syntax="key [count]", complexity="O(log(N)*M) to pop M of N members.",
)  # fmt: skip
def zpopmax(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes the members with the highest scores from a sorted set and returns them."""
    return pop(ctx, argv, True)


def pop(ctx: Context, argv: list[bytes], from_max: bool) -> bytes:
    """ZPOPMIN and ZPOPMAX; only a RESP3 client that gave a count gets pairs."""
    if len(argv) > 3:
        raise CommandError(SYNTAX)
    count = 1 if len(argv) == 2 else ranged_argument(argv[2], 0, INT64_MAX, COUNT_NOT_POSITIVE)
    zset = write_zset(ctx, argv[1])
    if zset is None or count == 0:
        return EMPTY_ARRAY
    writer = BytesWriter()
    if len(argv) == 2:
        member, score = zset.take_edge(from_max)
        note_removal(ctx.db, argv[1], zset, b"zpopmax" if from_max else b"zpopmin", 1)
        writer.write(PAIR)
        write_bulk(writer, member)
        write_score(writer, score, ctx.resp3)
        return writer.getvalue()
    members, scores = take_entries(ctx.db, argv[1], zset, count, from_max)
    nested = ctx.resp3 and len(argv) > 2
    writer.write(array_header(len(members) if nested else 2 * len(members)))
    write_entries(writer, members, scores, ctx.resp3, nested, from_max)
    return writer.getvalue()


# ZMPOP.


class PopRequest:
    """What ZMPOP and the blocking forms were asked for; `count` is 0 for BZPOPMIN and BZPOPMAX."""

    def __init__(self, keys: list[bytes], from_max: bool, count: int) -> None:
        self.keys: list[bytes] = keys
        self.from_max: bool = from_max
        self.count: int = count


def parse_pop(argv: list[bytes], position: int) -> PopRequest:
    """Reads `numkeys key... MIN|MAX [COUNT count]` from `position` on."""
    numkeys = ranged_argument(argv[position], 1, INT64_MAX, b"ERR numkeys should be greater than 0")
    where = position + 1 + numkeys
    if where >= len(argv):
        raise CommandError(SYNTAX)
    side = argv[where].upper()
    if side not in (b"MIN", b"MAX"):
        raise CommandError(SYNTAX)
    count = 1
    if len(argv) > where + 1:
        if len(argv) < where + 3 or argv[where + 1].upper() != b"COUNT":
            raise CommandError(SYNTAX)
        count = ranged_argument(argv[where + 2], 1, INT64_MAX, b"ERR count should be greater than 0")
        if len(argv) > where + 3:
            raise CommandError(SYNTAX)
    return PopRequest(argv[position + 1 : where], side == b"MAX", count)


def pop_first(ctx: Context, request: PopRequest) -> bytes | None:
    """Pops from the first key that is there; None when no key is.

    ZMPOP answers the key and pairs, BZPOPMIN the key, a member and its score. It is logged as the simpler command.
    """
    for key in request.keys:
        zset = write_zset(ctx, key)
        if zset is not None:
            count = request.count
            members, scores = take_entries(ctx.db, key, zset, max(count, 1), request.from_max)
            effect = [b"ZPOPMAX" if request.from_max else b"ZPOPMIN", key]
            if count:
                effect.append(b"%d" % len(members))
            ctx.propagate_as(effect)
            writer = BytesWriter()
            writer.write(array_header(2 if count else 3))
            write_bulk(writer, key)
            if count:
                writer.write(array_header(len(members)))
            write_entries(writer, members, scores, ctx.resp3, count > 0, request.from_max)
            return writer.getvalue()
    return None


@sorted_sets.command(
    "ZMPOP", arity=-4, flags=WRITE, keys=counted_keys("RW access delete", 1), since="7.0.0",
    syntax="numkeys key... where:(MIN | MAX) [COUNT count]",
    complexity="O(K) + O(M*log(N)) for K keys and M members popped of N.",
)  # fmt: skip
def zmpop(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes members from one end of the first sorted set that is there, and returns them."""
    reply = pop_first(ctx, parse_pop(argv, 1))
    return ctx.null_array if reply is None else reply


# The blocking forms.

_BLOCKING_KEYS: Final[tuple[KeySpec, ...]] = key_range("RW access delete", 1, -2)
_TIMEOUT_HISTORY: Final = (("6.0.0", "`timeout` is interpreted as a double instead of an integer."),)


class BlockedPop(BlockedOperation):
    """A client that waits in BZPOPMIN, BZPOPMAX or BZMPOP."""

    def __init__(self, ctx: Context, deadline_ms: int, request: PopRequest) -> None:
        super().__init__(ctx, request.keys, deadline_ms)
        self.request: PopRequest = request

    def serve(self, key: bytes) -> bytes | None:
        """Starts over, as since Redis 7.2, when one of the keys has become a sorted set."""
        if not isinstance(self.database.peek(key), SortedSet):
            return None
        return pop_first(self.ctx, self.request)


@sorted_sets.command(
    "BZPOPMIN", arity=-3, flags=WRITE | BLOCKING | FAST, keys=_BLOCKING_KEYS, since="5.0.0",
    syntax="key... timeout", complexity="O(log(N)) with a sorted set of N members.", history=_TIMEOUT_HISTORY,
)  # fmt: skip
def bzpopmin(ctx: Context, argv: list[bytes]) -> bytes | None:
    """Removes the member with the lowest score from the first sorted set that is there, or waits for one."""
    return pop_or_wait(ctx, timeout_argument(ctx, argv[-1]), PopRequest(argv[1:-1], False, 0))


@sorted_sets.command(
    "BZPOPMAX", arity=-3, flags=WRITE | BLOCKING | FAST, keys=_BLOCKING_KEYS, since="5.0.0",
    syntax="key... timeout", complexity="O(log(N)) with a sorted set of N members.", history=_TIMEOUT_HISTORY,
)  # fmt: skip
def bzpopmax(ctx: Context, argv: list[bytes]) -> bytes | None:
    """Removes the member with the highest score from the first sorted set that is there, or waits for one."""
    return pop_or_wait(ctx, timeout_argument(ctx, argv[-1]), PopRequest(argv[1:-1], True, 0))


@sorted_sets.command(
    "BZMPOP", arity=-5, flags=WRITE | BLOCKING, keys=counted_keys("RW access delete", 2), since="7.0.0",
    syntax="timeout numkeys key... where:(MIN | MAX) [COUNT count]",
    complexity="O(K) + O(M*log(N)) for K keys and M members popped of N.",
)  # fmt: skip
def bzmpop(ctx: Context, argv: list[bytes]) -> bytes | None:
    """Removes members from one end of the first sorted set that is there, or waits for one."""
    deadline_ms = timeout_argument(ctx, argv[1])
    return pop_or_wait(ctx, deadline_ms, parse_pop(argv, 2))


def pop_or_wait(ctx: Context, deadline_ms: int, request: PopRequest) -> bytes | None:
    """Pops, or blocks the client; in a transaction, not to wait is all that can be done."""
    reply = pop_first(ctx, request)
    if reply is not None:
        return reply
    if ctx.in_exec:
        return ctx.null_array
    ctx.engine.blocking.wait(BlockedPop(ctx, deadline_ms, request))
    return None
