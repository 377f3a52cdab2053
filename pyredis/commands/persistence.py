"""Saving on demand: SAVE BGSAVE LASTSAVE BGREWRITEAOF."""

from __future__ import annotations

from typing import Final

from pyredis.commands.registry import CommandGroup
from pyredis.engine.command import ADMIN, FAST, LOADING, NO_ASYNC_LOADING, NO_MULTI, NOSCRIPT, STALE
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, CommandError
from pyredis.persistence.snapshot import save_now
from pyredis.protocol.encode import OK, integer, simple

server: Final = CommandGroup("server")

BUSY_SAVING: Final = b"ERR Background save already in progress"
BUSY_CHILD: Final = (
    b"ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule "
    b"a BGSAVE whenever possible."
)
FAILED: Final = b"ERR"


@server.command(
    "SAVE", arity=1, flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI, since="1.0.0",
    complexity="O(N) with N keys in all databases",
)  # fmt: skip
def save(ctx: Context, argv: list[bytes]) -> bytes:
    """Saves everything to disk while all clients wait."""
    if ctx.engine.saving.is_running():
        raise CommandError(BUSY_SAVING)
    if not save_now(ctx.engine):
        raise CommandError(FAILED)
    return OK


@server.command(
    "BGSAVE", arity=-1, flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING, since="1.0.0",
    syntax="[SCHEDULE @3.2.2]", complexity="O(1)", history=(("3.2.2", "Added the `SCHEDULE` option."),),
)  # fmt: skip
def bgsave(ctx: Context, argv: list[bytes]) -> bytes:
    """Saves everything to disk in another process, while clients are served."""
    if len(argv) > 1 and (len(argv) > 2 or argv[1].upper() != b"SCHEDULE"):
        raise CommandError(SYNTAX)
    engine = ctx.engine
    if engine.saving.is_running():
        raise CommandError(BUSY_SAVING)
    if ctx.in_exec or engine.host.child_purpose():
        if len(argv) == 1 and not ctx.in_exec:
            raise CommandError(BUSY_CHILD)
        engine.saving.is_scheduled = True
        return simple(b"Background saving scheduled")
    if not engine.host.save_in_background():
        raise CommandError(FAILED)
    return simple(b"Background saving started")


@server.command(
    "LASTSAVE", arity=1, flags=LOADING | STALE | FAST, since="1.0.0", complexity="O(1)",
    acl=("admin", "dangerous"), tips=("nondeterministic_output",),
)  # fmt: skip
def lastsave(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells when everything was last saved, in seconds since the epoch."""
    return integer(ctx.engine.saving.saved_at)


@server.command(
    "BGREWRITEAOF", arity=1, flags=ADMIN | NOSCRIPT | NO_ASYNC_LOADING, since="1.0.0", complexity="O(1)",
)  # fmt: skip
def bgrewriteaof(ctx: Context, argv: list[bytes]) -> bytes:
    """Writes the append only file anew, as short as the data allows, in another process."""
    engine = ctx.engine
    if engine.logging.is_rewriting():
        raise CommandError(b"ERR Background append only file rewriting already in progress")
    if ctx.in_exec or engine.host.child_purpose():
        engine.logging.is_rewrite_scheduled = True
        return simple(b"Background append only file rewriting scheduled")
    if not engine.host.rewrite_log():
        raise CommandError(
            b"ERR Can't execute an AOF background rewriting. Please check the server logs for more information."
        )
    return simple(b"Background append only file rewriting started")
