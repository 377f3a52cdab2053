"""CONFIG: reading, changing and saving the configuration, and resetting the statistics.

What a directive means, and what follows from changing it, is known to `pyredis.config` and to those who
registered with `Config.on_change`; here are only the requests and replies.
"""

from __future__ import annotations

import logging
from typing import Final

from pyredis.commands.help import help_reply
from pyredis.commands.server import server
from pyredis.config import ConfigRewriteError, ConfigSetError, rewrite_file
from pyredis.engine.command import ADMIN, LOADING, NOSCRIPT, STALE
from pyredis.engine.context import Context
from pyredis.engine.engine import GATE_LOADING
from pyredis.errors import SYNTAX, CommandError
from pyredis.protocol.encode import OK, bulk, map_header

log = logging.getLogger("pyredis")

_FLAGS: Final = ADMIN | NOSCRIPT | LOADING | STALE

server.container("CONFIG", since="2.0.0", summary="Holds the commands about the configuration")


@server.command(
    "CONFIG GET", arity=-3, flags=_FLAGS, since="2.0.0", syntax="(parameter)...",
    complexity="O(N) where N is the number of patterns given",
    history=(("7.0.0", "Added the ability to pass multiple pattern parameters in one call"),),
)  # fmt: skip
def config_get(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the parameters whose names match, with their values."""
    found = ctx.engine.config.match(argv[2:])
    parts = [bulk(name) + bulk(value) for name, value in found]
    return map_header(len(found), ctx.resp3) + b"".join(parts)


@server.command(
    "CONFIG SET", arity=-4, flags=_FLAGS, since="2.0.0", syntax="(parameter value)...",
    complexity="O(N) where N is the number of parameters given",
    tips=("request_policy:all_nodes", "response_policy:all_succeeded"),
    history=(("7.0.0", "Added the ability to set multiple parameters in one call."),),
)  # fmt: skip
def config_set(ctx: Context, argv: list[bytes]) -> bytes:
    """Sets parameters, all of them or, when one cannot be, none."""
    if len(argv) % 2:
        raise CommandError(SYNTAX)
    engine = ctx.engine
    pairs = [(argv[i], argv[i + 1]) for i in range(2, len(argv), 2)]
    try:
        engine.config.set_many(pairs, ctx.is_local(), engine.gates & GATE_LOADING != 0)
    except ConfigSetError as error:
        raise CommandError(error.reply_text()) from None
    return OK


@server.command("CONFIG RESETSTAT", arity=2, flags=_FLAGS, since="2.0.0", complexity="O(1)")
def config_resetstat(ctx: Context, argv: list[bytes]) -> bytes:
    """Zeroes the statistics that INFO shows."""
    ctx.engine.reset_statistics()
    return OK


@server.command("CONFIG REWRITE", arity=2, flags=_FLAGS, since="2.8.0", complexity="O(1)")
def config_rewrite(ctx: Context, argv: list[bytes]) -> bytes:
    """Writes the parameters of the moment into the configuration file."""
    try:
        rewrite_file(ctx.engine.config, ctx.engine.access.users.config_lines())
    except ConfigRewriteError as error:
        log.warning("CONFIG REWRITE failed: %s", error.message)
        raise CommandError(b"ERR " + error.message.encode()) from None
    log.info("CONFIG REWRITE executed with success.")
    return OK


HELP: Final = (
    b"GET <pattern>",
    b"    Return parameters matching the glob-like <pattern> and their values.",
    b"SET <directive> <value>",
    b"    Set the configuration <directive> to <value>.",
    b"RESETSTAT",
    b"    Reset statistics reported by the INFO command.",
    b"REWRITE",
    b"    Rewrite the configuration file.",
)


@server.command("CONFIG HELP", arity=2, flags=LOADING | STALE, since="5.0.0", complexity="O(1)")
def config_help(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the subcommands of CONFIG."""
    return help_reply(b"CONFIG", HELP)
