"""Functions: FCALL FCALL_RO FUNCTION.

What a library is and how functions run is known to `Engine.scripting`; here are the requests and replies, and the
payload of FUNCTION DUMP: libraries as in an RDB file, with the footer that DUMP gives to a key.
"""

from __future__ import annotations

from typing import Final

from pyredis.commands.arguments import c_text
from pyredis.commands.help import help_reply
from pyredis.commands.registry import counted_keys
from pyredis.commands.scripting import KEYS_NOTE, RO_KEYS_NOTE, scripting
from pyredis.engine.command import (
    ALLOW_BUSY,
    DENYOOM,
    LOADING,
    MAY_REPLICATE,
    NO_MANDATORY_KEYS,
    NOSCRIPT,
    READONLY,
    RUNS_SCRIPT,
    SKIP_MONITOR,
    STALE,
    WRITE,
)
from pyredis.engine.context import Context
from pyredis.errors import CommandError, wrong_subcommand
from pyredis.persistence.dump_payload import dump_libraries, restore_libraries
from pyredis.protocol.encode import OK, bulk

_FCALL: Final = NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MAY_REPLICATE | RUNS_SCRIPT
_FCALL_RO: Final = READONLY | NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | RUNS_SCRIPT
_RUN_COMPLEXITY: Final = "Depends on the function that is executed."
_ALL_SHARDS: Final = ("request_policy:all_shards", "response_policy:all_succeeded")

BAD_PAYLOAD: Final = b"ERR DUMP payload version or checksum are wrong"


@scripting.command(
    "FCALL", arity=-3, flags=_FCALL, keys=counted_keys("RW access update", 2, KEYS_NOTE), since="7.0.0",
    syntax="function numkeys [key...] [arg...]", complexity=_RUN_COMPLEXITY,
)  # fmt: skip
def fcall(ctx: Context, argv: list[bytes]) -> bytes:
    """Calls a function of a loaded library."""
    return ctx.engine.scripting.call_function(ctx, argv, False)


@scripting.command(
    "FCALL_RO", arity=-3, flags=_FCALL_RO, keys=counted_keys("RO access", 2, RO_KEYS_NOTE), since="7.0.0",
    syntax="function numkeys [key...] [arg...]", complexity=_RUN_COMPLEXITY,
)  # fmt: skip
def fcall_ro(ctx: Context, argv: list[bytes]) -> bytes:
    """Calls a function that may not change anything."""
    return ctx.engine.scripting.call_function(ctx, argv, True)


scripting.container("FUNCTION", since="7.0.0", summary="Holds the commands about functions", acl=())


@scripting.command(
    "FUNCTION LOAD", arity=-3, flags=WRITE | DENYOOM | NOSCRIPT, since="7.0.0",
    syntax="[REPLACE] function-code", tips=_ALL_SHARDS,
    complexity="O(1) (considering compilation time is redundant)",
)  # fmt: skip
def function_load(ctx: Context, argv: list[bytes]) -> bytes:
    """Loads a library of functions and returns its name."""
    replaces = False
    for option in argv[2:-1]:
        if option.lower() != b"replace":
            raise CommandError(b"ERR Unknown option given: " + c_text(option))
        replaces = True
    name = ctx.engine.scripting.load_library(argv[-1], replaces)
    ctx.engine.keyspace.dirty += 1
    return bulk(name)


@scripting.command(
    "FUNCTION DELETE", arity=3, flags=WRITE | NOSCRIPT, since="7.0.0", syntax="library-name",
    complexity="O(1)", tips=_ALL_SHARDS,
)  # fmt: skip
def function_delete(ctx: Context, argv: list[bytes]) -> bytes:
    """Forgets a library and its functions."""
    if not ctx.engine.scripting.delete_library(argv[2]):
        raise CommandError(b"ERR Library not found")
    ctx.engine.keyspace.dirty += 1
    return OK


@scripting.command(
    "FUNCTION FLUSH", arity=-2, flags=WRITE | NOSCRIPT, since="7.0.0", syntax="[async:(ASYNC | SYNC)]",
    complexity="O(N) where N is the number of functions deleted", tips=_ALL_SHARDS,
)  # fmt: skip
def function_flush(ctx: Context, argv: list[bytes]) -> bytes:
    """Forgets all libraries."""
    if len(argv) > 3:
        raise wrong_subcommand(argv)
    if len(argv) == 3 and argv[2].lower() not in (b"async", b"sync"):
        raise CommandError(b"ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
    ctx.engine.scripting.flush_libraries()
    ctx.engine.keyspace.dirty += 1
    return OK


@scripting.command(
    "FUNCTION LIST", arity=-2, flags=NOSCRIPT, since="7.0.0",
    syntax="[LIBRARYNAME library-name-pattern] [WITHCODE]", tips=("nondeterministic_output_order",),
    complexity="O(N) where N is the number of functions",
)  # fmt: skip
def function_list(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the libraries and their functions."""
    pattern: bytes | None = None
    with_code = False
    position = 2
    while position < len(argv):
        word = argv[position].lower()
        if word == b"withcode" and not with_code:
            with_code = True
        elif word == b"libraryname" and pattern is None:
            position += 1
            if position == len(argv):
                raise CommandError(b"ERR library name argument was not given")
            pattern = argv[position]
        else:
            raise CommandError(b"ERR Unknown argument " + c_text(argv[position]))
        position += 1
    return ctx.engine.scripting.list_libraries(ctx, pattern, with_code)


@scripting.command(
    "FUNCTION STATS", arity=2, flags=NOSCRIPT | ALLOW_BUSY, since="7.0.0", complexity="O(1)",
    tips=("nondeterministic_output", "request_policy:all_shards", "response_policy:special"),
)  # fmt: skip
def function_stats(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells which function runs, and what is loaded."""
    return ctx.engine.scripting.statistics_reply(ctx)


@scripting.command(
    "FUNCTION KILL", arity=2, flags=NOSCRIPT | ALLOW_BUSY, since="7.0.0", complexity="O(1)",
    tips=("request_policy:all_shards", "response_policy:one_succeeded"),
)  # fmt: skip
def function_kill(ctx: Context, argv: list[bytes]) -> bytes:
    """Ends the function that runs, unless it has changed something."""
    ctx.engine.scripting.kill(True)
    return OK


@scripting.command(
    "FUNCTION DUMP", arity=2, flags=NOSCRIPT, since="7.0.0",
    complexity="O(N) where N is the number of functions",
)  # fmt: skip
def function_dump(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns all libraries as one payload for FUNCTION RESTORE."""
    return bulk(dump_libraries(ctx.engine))


@scripting.command(
    "FUNCTION RESTORE", arity=-3, flags=WRITE | DENYOOM | NOSCRIPT, since="7.0.0",
    syntax="serialized-value [policy:(FLUSH | APPEND | REPLACE)]", tips=_ALL_SHARDS,
    complexity="O(N) where N is the number of functions on the payload",
)  # fmt: skip
def function_restore(ctx: Context, argv: list[bytes]) -> bytes:
    """Loads the libraries of a payload."""
    if len(argv) > 4:
        raise wrong_subcommand(argv)
    policy = argv[3].lower() if len(argv) == 4 else b"append"
    if policy not in (b"flush", b"append", b"replace"):
        raise CommandError(
            b"ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."
        )
    codes = restore_libraries(ctx.engine, argv[2])
    if codes is None:
        raise CommandError(BAD_PAYLOAD)
    ctx.engine.scripting.restore_libraries(codes, policy)
    ctx.engine.keyspace.dirty += 1
    return OK


HELP: Final = (
    b"LOAD [REPLACE] <FUNCTION CODE>",
    b"    Create a new library with the given library name and code.",
    b"DELETE <LIBRARY NAME>",
    b"    Delete the given library.",
    b"LIST [LIBRARYNAME PATTERN] [WITHCODE]",
    b"    Return general information on all the libraries:",
    b"    * Library name",
    b"    * The engine used to run the Library",
    b"    * Library description",
    b"    * Functions list",
    b"    * Library code (if WITHCODE is given)",
    b"    It also possible to get only function that matches a pattern using LIBRARYNAME argument.",
    b"STATS",
    b"    Return information about the current function running:",
    b"    * Function name",
    b"    * Command used to run the function",
    b"    * Duration in MS that the function is running",
    b"    If no function is running, return nil",
    b"    In addition, returns a list of available engines.",
    b"KILL",
    b"    Kill the current running function.",
    b"FLUSH [ASYNC|SYNC]",
    b"    Delete all the libraries.",
    b"    When called without the optional mode argument, the behavior is determined by the",
    b"    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
    b"    * ASYNC: Asynchronously flush the libraries.",
    b"    * SYNC: Synchronously flush the libraries.",
    b"DUMP",
    b"    Return a serialized payload representing the current libraries, can be restored using "
    b"FUNCTION RESTORE command",
    b"RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
    b"    Restore the libraries represented by the given payload, it is possible to give a restore policy to",
    b"    control how to handle existing libraries (default APPEND):",
    b"    * FLUSH: delete all existing libraries.",
    b"    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.",
    b"    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old",
    b"      libraries with the new libraries (notice that even on this option there is a chance of failure",
    b"      in case of functions name collision with another library).",
)


@scripting.command("FUNCTION HELP", arity=2, flags=LOADING | STALE, since="7.0.0", complexity="O(1)")
def function_help(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the subcommands of FUNCTION."""
    return help_reply(b"FUNCTION", HELP)
