"""Whole databases: SELECT SWAPDB DBSIZE FLUSHDB FLUSHALL."""

from __future__ import annotations

from typing import Final

from pyredis.commands.arguments import int_argument
from pyredis.commands.connection import connection
from pyredis.commands.registry import CommandGroup
from pyredis.engine.command import FAST, LOADING, READONLY, STALE, WRITE
from pyredis.engine.context import Context
from pyredis.errors import DB_INDEX_OUT_OF_RANGE, SYNTAX, CommandError
from pyredis.protocol.encode import OK, integer

databases: Final = CommandGroup("server", acl=("keyspace", "dangerous"))

FIRST_INDEX: Final = b"ERR invalid first DB index"
SECOND_INDEX: Final = b"ERR invalid second DB index"
FLUSH_SYNTAX: Final = "[flush-type:(ASYNC @4.0.0 | SYNC @6.2.0)]"
FLUSH_HISTORY: Final = (
    ("4.0.0", "Added the `ASYNC` flushing mode modifier."),
    ("6.2.0", "Added the `SYNC` flushing mode modifier."),
)
EVERYWHERE: Final = ("request_policy:all_shards", "response_policy:all_succeeded")


@connection.command(
    "SELECT", arity=2, flags=LOADING | STALE | FAST, since="1.0.0", syntax="index", complexity="O(1)",
)  # fmt: skip
def select(ctx: Context, argv: list[bytes]) -> bytes:
    """Changes the database that the connection works on."""
    ctx.select(int_argument(argv[1]))
    return OK


@databases.command(
    "SWAPDB", arity=3, flags=WRITE | FAST, since="4.0.0", syntax="index1:integer index2:integer",
    complexity="O(N) with N clients that watch keys of the two databases, or wait for them",
)  # fmt: skip
def swapdb(ctx: Context, argv: list[bytes]) -> bytes:
    """Exchanges two databases for all clients at once."""
    first = int_argument(argv[1], FIRST_INDEX)
    second = int_argument(argv[2], SECOND_INDEX)
    keyspace = ctx.engine.keyspace
    count = len(keyspace.databases)
    if not (0 <= first < count and 0 <= second < count):
        raise CommandError(DB_INDEX_OUT_OF_RANGE)
    keyspace.swap(first, second)
    keyspace.dirty += 1
    return OK


@databases.command(
    "DBSIZE", arity=1, flags=READONLY | FAST, since="1.0.0", complexity="O(1)", acl=("keyspace",),
    tips=("request_policy:all_shards", "response_policy:agg_sum"),
)  # fmt: skip
def dbsize(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells how many keys the database holds, expired ones included that nobody has met yet."""
    return integer(ctx.db.values.size)


@databases.command(
    "FLUSHDB", arity=-1, flags=WRITE, since="1.0.0", syntax=FLUSH_SYNTAX, complexity="O(N) with N keys",
    tips=EVERYWHERE, history=FLUSH_HISTORY,
)  # fmt: skip
def flushdb(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes all keys of the database."""
    ctx.db.flush(_is_lazy(ctx, argv))
    ctx.engine.tracking.flushed()
    ctx.propagate_as(argv)  # also when nothing was there to remove
    return OK


@databases.command(
    "FLUSHALL", arity=-1, flags=WRITE, since="1.0.0", syntax=FLUSH_SYNTAX,
    complexity="O(N) with N keys in all databases", tips=EVERYWHERE, history=FLUSH_HISTORY,
)  # fmt: skip
def flushall(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes all keys of all databases."""
    lazy = _is_lazy(ctx, argv)
    for database in ctx.engine.keyspace.databases:
        database.flush(lazy)
    ctx.engine.tracking.flushed()
    ctx.engine.host.flushed()
    ctx.propagate_as(argv)
    return OK


def _is_lazy(ctx: Context, argv: list[bytes]) -> bool:
    """Whether a flush is to free the memory in the background."""
    if len(argv) == 1:
        return ctx.engine.config.get_bool("lazyfree-lazy-user-flush")
    word = argv[1].upper()
    if len(argv) > 2 or word not in (b"ASYNC", b"SYNC"):
        raise CommandError(SYNTAX)
    return word == b"ASYNC"
