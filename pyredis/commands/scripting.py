"""Scripts: EVAL EVALSHA EVAL_RO EVALSHA_RO SCRIPT.

What a script is and how it runs is known to `Engine.scripting`; here are only the requests and replies.
"""

from __future__ import annotations

from typing import Final

from pyredis.commands.help import help_reply
from pyredis.commands.registry import CommandGroup, counted_keys
from pyredis.engine.command import (
    ALLOW_BUSY,
    LOADING,
    MAY_REPLICATE,
    NO_MANDATORY_KEYS,
    NOSCRIPT,
    READONLY,
    RUNS_SCRIPT,
    SKIP_MONITOR,
    STALE,
)
from pyredis.engine.context import Context
from pyredis.errors import CommandError
from pyredis.protocol.encode import OK, ONE, ZERO, array, bulk

scripting: Final = CommandGroup("scripting", acl=("scripting",))

_EVAL: Final = NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MAY_REPLICATE | RUNS_SCRIPT
_EVAL_RO: Final = READONLY | NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | RUNS_SCRIPT
RUN_COMPLEXITY: Final = "Depends on the script that is executed."
KEYS_NOTE: Final = "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE"
RO_KEYS_NOTE: Final = "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS"


@scripting.command(
    "EVAL", arity=-3, flags=_EVAL, keys=counted_keys("RW access update", 2, KEYS_NOTE), since="2.6.0",
    syntax="script numkeys [key...] [arg...]", complexity=RUN_COMPLEXITY,
)  # fmt: skip
def eval_(ctx: Context, argv: list[bytes]) -> bytes:
    """Runs a Lua script, which may read and change the keys named and any others."""
    return ctx.engine.scripting.eval(ctx, argv, False, False)


@scripting.command(
    "EVALSHA", arity=-3, flags=_EVAL, keys=counted_keys("RW access update", 2), since="2.6.0",
    syntax="sha1 numkeys [key...] [arg...]", complexity=RUN_COMPLEXITY,
)  # fmt: skip
def evalsha(ctx: Context, argv: list[bytes]) -> bytes:
    """Runs a kept Lua script, named by its SHA-1."""
    return ctx.engine.scripting.eval(ctx, argv, True, False)


@scripting.command(
    "EVAL_RO", arity=-3, flags=_EVAL_RO, keys=counted_keys("RO access", 2, RO_KEYS_NOTE), since="7.0.0",
    syntax="script numkeys [key...] [arg...]", complexity=RUN_COMPLEXITY,
)  # fmt: skip
def eval_ro(ctx: Context, argv: list[bytes]) -> bytes:
    """Runs a Lua script that may not change anything."""
    return ctx.engine.scripting.eval(ctx, argv, False, True)


@scripting.command(
    "EVALSHA_RO", arity=-3, flags=_EVAL_RO, keys=counted_keys("RO access", 2), since="7.0.0",
    syntax="sha1 numkeys [key...] [arg...]", complexity=RUN_COMPLEXITY,
)  # fmt: skip
def evalsha_ro(ctx: Context, argv: list[bytes]) -> bytes:
    """Runs a kept Lua script that may not change anything."""
    return ctx.engine.scripting.eval(ctx, argv, True, True)


scripting.container("SCRIPT", since="2.6.0", summary="Holds the commands about scripts", acl=())


@scripting.command(
    "SCRIPT LOAD", arity=3, flags=NOSCRIPT | STALE, since="2.6.0", syntax="script",
    complexity="O(N) with N being the length in bytes of the script body.",
    tips=("request_policy:all_nodes", "response_policy:all_succeeded"),
)  # fmt: skip
def script_load(ctx: Context, argv: list[bytes]) -> bytes:
    """Keeps a script without running it, and returns its SHA-1."""
    return bulk(ctx.engine.scripting.load(argv[2]))


@scripting.command(
    "SCRIPT EXISTS", arity=-3, flags=NOSCRIPT, since="2.6.0", syntax="sha1...",
    complexity="O(N) with N being the number of scripts to check "
    "(so checking a single script is an O(1) operation).",
    tips=("request_policy:all_shards", "response_policy:agg_logical_and"),
)  # fmt: skip
def script_exists(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells of each SHA-1 whether its script is kept."""
    scripts = ctx.engine.scripting
    return array([ONE if scripts.exists(text) else ZERO for text in argv[2:]])


@scripting.command(
    "SCRIPT FLUSH", arity=-2, flags=NOSCRIPT, since="2.6.0", syntax="[async:(ASYNC | SYNC) @6.2.0]",
    complexity="O(N) with N being the number of scripts in cache",
    tips=("request_policy:all_nodes", "response_policy:all_succeeded"),
    history=(("6.2.0", "Added the `ASYNC` and `SYNC` flushing mode modifiers."),),
)  # fmt: skip
def script_flush(ctx: Context, argv: list[bytes]) -> bytes:
    """Forgets all kept scripts."""
    if len(argv) > 3 or (len(argv) == 3 and argv[2].lower() not in (b"async", b"sync")):
        raise CommandError(b"ERR SCRIPT FLUSH only support SYNC|ASYNC option")
    ctx.engine.scripting.flush(len(argv) == 3 and argv[2].lower() == b"async")
    return OK


@scripting.command(
    "SCRIPT KILL", arity=2, flags=NOSCRIPT | ALLOW_BUSY, since="2.6.0", complexity="O(1)",
    tips=("request_policy:all_shards", "response_policy:one_succeeded"),
)  # fmt: skip
def script_kill(ctx: Context, argv: list[bytes]) -> bytes:
    """Ends the script that runs, unless it has changed something."""
    ctx.engine.scripting.kill(False)
    return OK


@scripting.command(
    "SCRIPT DEBUG", arity=3, flags=NOSCRIPT, since="3.2.0", syntax="mode:(YES | SYNC | NO)", complexity="O(1)",
)  # fmt: skip
def script_debug(ctx: Context, argv: list[bytes]) -> bytes:
    """Turns off the debugger of scripts, which this server does not have."""
    mode = argv[2].lower()
    if mode == b"no":
        return OK
    if mode in (b"yes", b"sync"):
        raise CommandError(b"ERR The Lua debugger is not supported by this server")
    raise CommandError(b"ERR Use SCRIPT DEBUG YES/SYNC/NO")


HELP: Final = (
    b"DEBUG (YES|SYNC|NO)",
    b"    Set the debug mode for subsequent scripts executed.",
    b"EXISTS <sha1> [<sha1> ...]",
    b"    Return information about the existence of the scripts in the script cache.",
    b"FLUSH [ASYNC|SYNC]",
    b"    Flush the Lua scripts cache. Very dangerous on replicas.",
    b"    When called without the optional mode argument, the behavior is determined by the",
    b"    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
    b"    * ASYNC: Asynchronously flush the scripts cache.",
    b"    * SYNC: Synchronously flush the scripts cache.",
    b"KILL",
    b"    Kill the currently executing Lua script.",
    b"LOAD <script>",
    b"    Load a script into the scripts cache without executing it.",
)


@scripting.command("SCRIPT HELP", arity=2, flags=LOADING | STALE, since="5.0.0", complexity="O(1)")
def script_help(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the subcommands of SCRIPT."""
    return help_reply(b"SCRIPT", HELP)
