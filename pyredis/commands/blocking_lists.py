"""List commands that wait for an element: BLPOP BRPOP BLMPOP BLMOVE BRPOPLPUSH.

Each tries at once what its plain form does. If there is nothing, it waits until one of its keys is a list;
then it starts over, as since Redis 7.2: it looks at its keys in their order again, and gets an error where
another type stands in the way. In a transaction or script it does not wait, but answers as if its time were
up."""

from __future__ import annotations

from typing import Final

from pyredis.commands.arguments import timeout_argument
from pyredis.commands.lists import MOVE_KEYS, MultiPop, lists, move, pop_first, side_argument
from pyredis.commands.registry import counted_keys, key_range
from pyredis.datatypes.list_value import ListValue
from pyredis.engine.blocking import BlockedOperation
from pyredis.engine.command import BLOCKING, DENYOOM, WRITE
from pyredis.engine.context import Context

_TIMEOUT_HISTORY: Final = (("6.0.0", "`timeout` is interpreted as a double instead of an integer."),)


class BlockedPop(BlockedOperation):
    """BLPOP, BRPOP or BLMPOP: `count` is as for `pop_first`."""

    def __init__(self, ctx: Context, keys: list[bytes], deadline_ms: int, is_right: bool, count: int) -> None:
        super().__init__(ctx, keys, deadline_ms)
        self.is_right: bool = is_right
        self.count: int = count

    def serve(self, key: bytes) -> bytes | None:
        """Pops from the first of the keys that is a list."""
        if not isinstance(self.database.peek(key), ListValue):
            return None
        return pop_first(self.ctx, self.keys, self.is_right, self.count)


@lists.command(
    "BLPOP", arity=-3, flags=WRITE | BLOCKING, keys=key_range("RW access delete", 1, -2), since="2.0.0",
    syntax="key... timeout", complexity="O(N) with N keys", history=_TIMEOUT_HISTORY,
)  # fmt: skip
def blpop(ctx: Context, argv: list[bytes]) -> bytes | None:
    """Removes the first element of the first list that is not empty; waits for one if need be."""
    return _pop_or_wait(ctx, argv[1:-1], timeout_argument(ctx, argv[-1]), False, 0)


@lists.command(
    "BRPOP", arity=-3, flags=WRITE | BLOCKING, keys=key_range("RW access delete", 1, -2), since="2.0.0",
    syntax="key... timeout", complexity="O(N) with N keys", history=_TIMEOUT_HISTORY,
)  # fmt: skip
def brpop(ctx: Context, argv: list[bytes]) -> bytes | None:
    """Removes the last element of the first list that is not empty; waits for one if need be."""
    return _pop_or_wait(ctx, argv[1:-1], timeout_argument(ctx, argv[-1]), True, 0)


@lists.command(
    "BLMPOP", arity=-5, flags=WRITE | BLOCKING, keys=counted_keys("RW access delete", 2), since="7.0.0",
    syntax="timeout numkeys key... where:(LEFT | RIGHT) [COUNT count]",
    complexity="O(N+M) with N keys and M elements returned",
)  # fmt: skip
def blmpop(ctx: Context, argv: list[bytes]) -> bytes | None:
    """Removes elements from one end of the first list that is not empty; waits for one if need be."""
    options = MultiPop(argv, 2)
    deadline_ms = timeout_argument(ctx, argv[1])
    return _pop_or_wait(ctx, options.keys, deadline_ms, options.is_right, options.count)


def _pop_or_wait(
    ctx: Context, keys: list[bytes], deadline_ms: int, is_right: bool, count: int
) -> bytes | None:
    reply = pop_first(ctx, keys, is_right, count)
    if reply is not None:
        return reply
    if ctx.in_exec:
        return ctx.null_array
    ctx.engine.blocking.wait(BlockedPop(ctx, keys, deadline_ms, is_right, count))
    return None


class BlockedMove(BlockedOperation):
    """BLMOVE or BRPOPLPUSH: `effect` is the plain command that it comes down to."""

    def __init__(
        self, ctx: Context, effect: list[bytes], deadline_ms: int, from_right: bool, to_right: bool
    ) -> None:
        super().__init__(ctx, [effect[1]], deadline_ms)
        self.effect: list[bytes] = effect
        self.from_right: bool = from_right
        self.to_right: bool = to_right

    def serve(self, key: bytes) -> bytes | None:
        """Moves an element, if the key is a list."""
        if not isinstance(self.database.peek(key), ListValue):
            return None
        return self.attempt()

    def attempt(self) -> bytes | None:
        """Moves an element and names the effect; None when there is no source."""
        effect = self.effect
        reply = move(self.ctx, effect[1], effect[2], self.from_right, self.to_right)
        if reply is not None:
            self.ctx.propagate_as(effect)
        return reply


@lists.command(
    "BLMOVE", arity=6, flags=WRITE | DENYOOM | BLOCKING, keys=MOVE_KEYS, since="6.2.0",
    syntax="source destination wherefrom:(LEFT | RIGHT) whereto:(LEFT | RIGHT) timeout", complexity="O(1)",
)  # fmt: skip
def blmove(ctx: Context, argv: list[bytes]) -> bytes | None:
    """Moves an element from one end of a list to one end of another; waits for one if need be."""
    from_right = side_argument(argv[3])
    to_right = side_argument(argv[4])
    deadline_ms = timeout_argument(ctx, argv[5])
    return _move_or_wait(BlockedMove(ctx, [b"LMOVE", *argv[1:5]], deadline_ms, from_right, to_right))


@lists.command(
    "BRPOPLPUSH", arity=4, flags=WRITE | DENYOOM | BLOCKING, keys=MOVE_KEYS, since="2.2.0",
    syntax="source destination timeout", complexity="O(1)", history=_TIMEOUT_HISTORY,
    deprecated=("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments"),
)  # fmt: skip
def brpoplpush(ctx: Context, argv: list[bytes]) -> bytes | None:
    """Moves the last element of a list to the head of another; waits for one if need be."""
    deadline_ms = timeout_argument(ctx, argv[3])
    return _move_or_wait(BlockedMove(ctx, [b"RPOPLPUSH", argv[1], argv[2]], deadline_ms, True, False))


def _move_or_wait(operation: BlockedMove) -> bytes | None:
    ctx = operation.ctx
    reply = operation.attempt()
    if reply is not None:
        return reply
    if ctx.in_exec:
        return ctx.null
    ctx.engine.blocking.wait(operation)
    return None
