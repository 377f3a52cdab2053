"""MODULE: there are none. Modules are libraries for the processor, which only the C server could load."""

from __future__ import annotations

import logging
from typing import Final

from pyredis.commands.help import help_reply
from pyredis.commands.server import server
from pyredis.engine.command import ADMIN, LOADING, NO_ASYNC_LOADING, NOSCRIPT, PROTECTED, STALE
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, CommandError
from pyredis.protocol.encode import EMPTY_ARRAY

log = logging.getLogger("pyredis")

_CHANGE: Final = ADMIN | NOSCRIPT | NO_ASYNC_LOADING | PROTECTED

LOAD_ERROR: Final = b"ERR Error loading the extension. Please check the server logs."
UNLOAD_ERROR: Final = b"ERR Error unloading module: no such module with that name"

server.container("MODULE", since="4.0.0", summary="Holds the commands about modules")


@server.command(
    "MODULE LIST", arity=2, flags=ADMIN | NOSCRIPT, since="4.0.0", tips=("nondeterministic_output_order",),
    complexity="O(N) where N is the number of loaded modules",
)  # fmt: skip
def module_list(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the loaded modules, of which there are none: modules are not supported."""
    return EMPTY_ARRAY


@server.command(
    "MODULE LOAD", arity=-3, flags=_CHANGE, since="4.0.0", syntax="path [arg...]", complexity="O(1)",
)  # fmt: skip
def module_load(ctx: Context, argv: list[bytes]) -> bytes:
    """Fails to load a module: modules are not supported."""
    raise _refusal(argv[2])


@server.command(
    "MODULE LOADEX", arity=-3, flags=_CHANGE, since="7.0.0",
    syntax="path [CONFIG... configs:(name value)] [ARGS args:(arg)...]", complexity="O(1)",
)  # fmt: skip
def module_loadex(ctx: Context, argv: list[bytes]) -> bytes:
    """Fails to load a module with its settings: modules are not supported."""
    position = 3
    while position < len(argv):
        word = argv[position].lower()
        if word == b"args":
            break
        if word != b"config" or position + 2 >= len(argv):
            raise CommandError(SYNTAX)
        position += 3
    raise _refusal(argv[2])


def _refusal(path: bytes) -> CommandError:
    log.warning("Module %s failed to load: modules are not supported", path.decode(errors="backslashreplace"))
    return CommandError(LOAD_ERROR)


@server.command(
    "MODULE UNLOAD", arity=3, flags=_CHANGE, since="4.0.0", syntax="name", complexity="O(1)",
)  # fmt: skip
def module_unload(ctx: Context, argv: list[bytes]) -> bytes:
    """Finds no module to unload."""
    raise CommandError(UNLOAD_ERROR)


HELP: Final = (
    b"LIST",
    b"    Return a list of loaded modules.",
    b"LOAD <path> [<arg> ...]",
    b"    Load a module library from <path>, passing to it any optional arguments.",
    b"LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
    b"    Load a module library from <path>, while passing it module configurations and optional arguments.",
    b"UNLOAD <name>",
    b"    Unload a module.",
)


@server.command("MODULE HELP", arity=2, flags=LOADING | STALE, since="5.0.0", complexity="O(1)")
def module_help(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the subcommands of MODULE."""
    return help_reply(b"MODULE", HELP)
