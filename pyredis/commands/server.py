"""Server commands: INFO TIME ROLE SHUTDOWN; CONFIG, LOLWUT and others have modules of their own."""

from __future__ import annotations

from typing import Final

from pyredis.commands.registry import CommandGroup
from pyredis.engine.command import (
    ADMIN,
    ALLOW_BUSY,
    FAST,
    LOADING,
    NO_MULTI,
    NOSCRIPT,
    STALE,
)
from pyredis.engine.context import Context
from pyredis.engine.engine import GATE_BUSY
from pyredis.engine.info import info_text
from pyredis.errors import SYNTAX, CommandError
from pyredis.protocol.encode import EMPTY_ARRAY, OK, ZERO, array_header, bulk, bulk_array, verbatim

server: Final = CommandGroup("server")


@server.command(
    "INFO", arity=-1, flags=LOADING | STALE, since="1.0.0", syntax="[section...]", acl=("dangerous",),
    complexity="O(N) with N the number of clients",
    tips=("nondeterministic_output", "request_policy:all_shards", "response_policy:special"),
    history=(("7.0.0", "Added support for taking multiple section arguments."),),
)  # fmt: skip
def info(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the state and the statistics of the server."""
    return verbatim(info_text(ctx.engine, argv[1:]), ctx.resp3)


@server.command(
    "TIME", arity=1, flags=LOADING | STALE | FAST, since="2.6.0", complexity="O(1)",
    tips=("nondeterministic_output",),
)  # fmt: skip
def time(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the time of the server, in seconds and microseconds."""
    now_us = ctx.engine.clock.read_us()
    return bulk_array([b"%d" % (now_us // 1_000_000), b"%d" % (now_us % 1_000_000)])


@server.command(
    "ROLE", arity=1, flags=NOSCRIPT | LOADING | STALE | FAST, since="2.8.12", complexity="O(1)",
    acl=("admin", "dangerous"),
)  # fmt: skip
def role(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the role in replication: here always that of a primary without replicas."""
    return array_header(3) + bulk(b"master") + ZERO + EMPTY_ARRAY


@server.command(
    "SHUTDOWN", arity=-1, flags=ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY, since="1.0.0",
    syntax="[NOSAVE | SAVE] [NOW @7.0.0] [FORCE @7.0.0] [ABORT @7.0.0]",
    history=(("7.0.0", "Added the `NOW`, `FORCE` and `ABORT` modifiers."),),
    complexity="O(N) when saving, with N the number of keys in all databases, otherwise O(1)",
)  # fmt: skip
def shutdown(ctx: Context, argv: list[bytes]) -> bytes | None:
    """Stops the server, after saving if that is configured; there is no reply when it works.

    Source: `shutdownCommand`. ABORT goes with nothing else, and SAVE not with NOSAVE.
    """
    words = {word.upper() for word in argv[1:]}
    is_save, is_nosave, is_abort = b"SAVE" in words, b"NOSAVE" in words, b"ABORT" in words
    if words - _SHUTDOWN_WORDS or (is_save and is_nosave) or (is_abort and len(words) > 1):
        raise CommandError(SYNTAX)
    if is_abort:
        if ctx.engine.host.abort_shutdown():
            return OK
        raise CommandError(b"ERR No shutdown in progress.")
    if ctx.engine.gates & GATE_BUSY and not is_nosave:
        raise CommandError(ctx.engine.scripting.busy_error())
    save = True if is_save else False if is_nosave else None
    if not ctx.engine.host.request_shutdown(save, b"NOW" in words, b"FORCE" in words):
        raise CommandError(b"ERR Errors trying to SHUTDOWN. Check logs.")
    return None


_SHUTDOWN_WORDS: Final = frozenset((b"SAVE", b"NOSAVE", b"NOW", b"FORCE", b"ABORT"))
