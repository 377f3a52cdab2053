"""From a request to its reply: lookup, checks, gates, the call itself, and what follows from it.

`execute` is the whole of Redis's `processCommand` for a request that arrived; `run` is its `call`, used again
by EXEC and scripts. A request whose gates are all open goes from the table to the handler in a few dozen
nanoseconds; the rest of the checks, in Redis's order, stand in `_careful`.
"""

from __future__ import annotations

import logging
from typing import Final

from librt.time import time

from pyredis.acl.permissions import check
from pyredis.acl.refusals import place_of, refuse
from pyredis.engine.command import (
    ADMIN,
    ALLOW_BUSY,
    DENYOOM,
    LOADING,
    MAY_REPLICATE,
    NO_AUTH,
    NO_MULTI,
    PROTECTED,
    PUBSUB,
    READONLY,
    RUNS_SCRIPT,
    SKIP_MONITOR,
    WRITE,
    Command,
)
from pyredis.engine.context import (
    GATE_ACL,
    GATE_MONITOR,
    GATE_MULTI,
    GATE_SUBSCRIBED,
    GATE_UNAUTHENTICATED,
    Context,
)
from pyredis.engine.engine import (
    GATE_BUSY,
    GATE_DISK_ERROR,
    GATE_LISTENING,
    GATE_LOADING,
    GATE_MEMORY,
    GATE_PAUSED,
    GATE_PROPAGATING,
    GATE_READING,
    PAUSE_ALL,
    Engine,
)
from pyredis.engine.latency import EXACT_CALLS
from pyredis.engine.memory_limit import FULL
from pyredis.errors import LOADING as LOADING_ERROR
from pyredis.errors import (
    MISCONF_LOG,
    MISCONF_SNAPSHOT,
    OUT_OF_MEMORY,
    CommandError,
    error_reply,
    wrong_arity,
)
from pyredis.errors import NO_AUTH as NO_AUTH_ERROR
from pyredis.protocol.encode import QUEUED

log = logging.getLogger("pyredis")

POSTPONED: Final = b""
"""The reply of a command that did not run because clients are paused: the caller keeps the request."""

MINUS: Final = 45
"""What an error reply begins with."""

_HTTP_WORDS: Final = frozenset((b"post", b"host:"))
"""A browser made to talk to the server sends these; what follows could be commands in its request's body."""

_ALLOWED_WHEN_FULL: Final = frozenset((b"exec", b"discard", b"quit", b"reset"))
"""What a transaction takes while nothing more may be queued."""

_UNQUEUED: Final = frozenset((b"exec", b"discard", b"multi", b"watch", b"quit", b"reset"))
_SUBSCRIBED_ALLOWED: Final = frozenset(
    (
        b"subscribe", b"unsubscribe", b"psubscribe", b"punsubscribe", b"ssubscribe", b"sunsubscribe",
        b"ping", b"quit", b"reset",
    )
)  # fmt: skip


def execute(ctx: Context, argv: list[bytes]) -> bytes | None:
    """Runs one request and returns its encoded reply; None when the reply comes later."""
    engine = ctx.engine
    command = engine.commands.get(argv[0])
    if (
        command is None
        or not command.is_plain
        or ctx.gates != 0
        or engine.gates & ~(GATE_PROPAGATING | GATE_MEMORY) != 0
        or len(argv) < command.min_args
        or len(argv) > command.max_args
    ):
        reply = _careful(ctx, argv)
    elif engine.gates != 0:
        if engine.gates & GATE_MEMORY != 0:
            reply = _run_limited(ctx, command, argv)
        else:
            reply = _run_propagating(ctx, command, argv)
    else:
        reply = _call(ctx, command, argv)
    if engine.keyspace.ready and engine.gates & GATE_BUSY == 0:
        engine.blocking.serve_ready()
    return reply


def execute_script(ctx: Context, command: Command, argv: list[bytes]) -> bytes | None:
    """As `execute`, for a command that runs a script, on the stack for those."""
    engine = ctx.engine
    if (
        ctx.gates == 0
        and engine.gates & ~GATE_PROPAGATING == 0
        and command.min_args <= len(argv) <= command.max_args
    ):
        ctx.last_command = command
        reply = engine.scripting.run_command(ctx, command, argv)
    else:
        reply = _careful(ctx, argv)
    if engine.keyspace.ready and engine.gates & GATE_BUSY == 0:
        engine.blocking.serve_ready()
    return reply


def run(ctx: Context, command: Command, argv: list[bytes]) -> bytes | None:
    """Calls a handler, times it, counts it, and logs what it changed."""
    gates = ctx.engine.gates
    if gates & (GATE_LISTENING | GATE_READING) != 0:
        return _run_seen(ctx, command, argv)
    if gates & GATE_PROPAGATING != 0:
        return _run_propagating(ctx, command, argv)
    return _call(ctx, command, argv)


def _run_seen(ctx: Context, command: Command, argv: list[bytes]) -> bytes | None:
    """As `run` while clients monitor, or a client runs that tracks the keys it reads.

    A script is shown before what it calls; its keys are those that it reads, not those it was given.
    """
    engine = ctx.engine
    is_shown = engine.gates & GATE_LISTENING != 0
    if is_shown and command.flags & RUNS_SCRIPT:
        engine.monitors.feed(ctx, command, argv)
        is_shown = False
    is_script = engine.gates & GATE_READING != 0 and ctx is not engine.current
    if is_script:
        engine.tracking.set_script(ctx)
    if engine.gates & GATE_PROPAGATING != 0:
        reply = _run_propagating(ctx, command, argv)
    else:
        reply = _call(ctx, command, argv)
    if is_script:
        engine.tracking.set_script(None)
    if is_shown and not command.flags & (SKIP_MONITOR | ADMIN):
        engine.monitors.feed(ctx, command, argv)
    if command.flags & (READONLY | RUNS_SCRIPT | PUBSUB) == READONLY and engine.gates & GATE_READING != 0:
        engine.tracking.remember(command, argv)
    return reply


def _call(ctx: Context, command: Command, argv: list[bytes]) -> bytes | None:
    engine = ctx.engine
    reply: bytes | None
    try:
        reply = command.handler(ctx, argv)
    except CommandError as error:
        reply = error_reply(error.message)
    ended: float = time()
    seconds: float = ended - engine.tick
    if seconds < 0.0:
        seconds = 0.0
    command.seconds += seconds
    engine.tick = ended
    ctx.last_command = command
    if reply is not None:  # a command that waits is counted when its wait has ended
        command.calls += 1
        if command.calls & command.time_mask == 0 or reply[0] == MINUS or seconds >= engine.slow_seconds:
            note(ctx, command, argv, reply, seconds)
    return reply


def note(ctx: Context, command: Command, argv: list[bytes], reply: bytes, seconds: float) -> None:
    """Counts a call that was an error, or slow, or is due for the histogram."""
    engine = ctx.engine
    if reply[0] == MINUS:
        command.failed += 1
        if not command.flags & RUNS_SCRIPT or not engine.scripting.is_error_counted():
            engine.count_error(reply)
    if command.calls & command.time_mask == 0:
        histogram = command.histogram
        if histogram is None:
            histogram = engine.begin_histogram(command)
        histogram.add(seconds, command.time_mask + 1)
        if command.calls == EXACT_CALLS:
            engine.set_time_mask(command)
    if seconds >= engine.slow_seconds:
        engine.note_slow(ctx, command, argv, seconds)


def _run_propagating(ctx: Context, command: Command, argv: list[bytes]) -> bytes | None:
    """As `_call`, and afterwards queues the command, or the effects it named, for the log.

    EXEC comes through here for itself and again for each command it runs; what they queued is handed over as
    one unit when the outermost has ended.
    """
    engine = ctx.engine
    before = engine.keyspace.dirty
    index = ctx.db.index
    outer = ctx.swap_effects(None)
    engine.propagation_depth += 1
    try:
        reply = _call(ctx, command, argv)
    finally:
        engine.propagation_depth -= 1
        effects = ctx.swap_effects(outer)
    if effects is not None:
        for effect in effects:
            engine.propagate(index, effect)
    elif engine.keyspace.dirty > before:  # SAVE makes it less
        engine.propagate(index, argv)
    if engine.propagation_depth == 0:
        engine.flush_propagated()
    return reply


def find_command(engine: Engine, argv: list[bytes]) -> Command:
    """The command or subcommand that a request names, or Redis's error for one that does not exist."""
    command = engine.commands.get(argv[0])
    if command is None:
        command = engine.commands.get(argv[0].lower())
        if command is None:
            raise CommandError(unknown_command(argv))
    if command.subcommands is not None and len(argv) > 1:
        subcommand = command.subcommands.get(argv[1].lower())
        if subcommand is None:
            container = command.full_name.upper()
            text = argv[1][:128].split(b"\0")[0]
            raise CommandError(b"ERR unknown subcommand '" + text + b"'. Try " + container + b" HELP.")
        return subcommand
    return command


def unknown_command(argv: list[bytes]) -> bytes:
    """The error for an unknown command, with the beginning of its arguments, cut where Redis cuts them."""
    shown = b""
    for argument in argv[1:]:
        if len(shown) >= 128:
            break
        shown += b"'" + argument[: 128 - len(shown)].split(b"\0")[0] + b"' "
    name = argv[0][:128].split(b"\0")[0]
    return b"ERR unknown command '" + name + b"', with args beginning with: " + shown


def check_arity(command: Command, argv: list[bytes]) -> None:
    """Raises Redis's error when the number of arguments is wrong."""
    if not command.min_args <= len(argv) <= command.max_args:
        raise wrong_arity(command.full_name)


def _careful(ctx: Context, argv: list[bytes]) -> bytes | None:
    """All checks in Redis's order; a rejected command dooms the transaction it was meant for."""
    engine = ctx.engine
    command: Command | None = None
    ctx.last_command = None
    try:
        command = find_command(engine, argv)
        ctx.last_command = command
        check_arity(command, argv)
        _check_gates(ctx, command, argv)
    except CommandError as error:
        reply = _reject(ctx, command, argv, error.message)
        engine.count_error(reply)
        if ctx.tracking is not None:
            _end_caching(ctx, command)
        return reply
    if engine.gates & GATE_PAUSED and _is_paused(ctx, command, argv):
        return POSTPONED
    if ctx.queue is not None and command.full_name not in _UNQUEUED:
        ctx.enqueue(command, argv)
        return QUEUED
    if command.flags & RUNS_SCRIPT or ctx.queue_runs_script:
        return engine.scripting.run_command(ctx, command, argv)
    return run_now(ctx, command, argv)


def _run_limited(ctx: Context, command: Command, argv: list[bytes]) -> bytes | None:
    """The short way where nothing is in the way of a command but a limit to memory."""
    engine = ctx.engine
    memory = engine.memory
    memory.was_full = memory.make_room() == FULL
    if memory.was_full and command.flags & DENYOOM:
        ctx.last_command = command
        reply = _reject(ctx, command, argv, OUT_OF_MEMORY)
        engine.count_error(reply)
        return reply
    if engine.gates & GATE_PROPAGATING != 0:
        return _run_propagating(ctx, command, argv)
    return _call(ctx, command, argv)


def run_now(ctx: Context, command: Command, argv: list[bytes]) -> bytes | None:
    """Runs a command that has passed all checks."""
    if ctx.no_touch:
        return _run_untouching(ctx, command, argv)
    if ctx.tracking is not None:
        return _run_tracking(ctx, command, argv)
    return run(ctx, command, argv)


def _run_tracking(ctx: Context, command: Command, argv: list[bytes]) -> bytes | None:
    """As `run` for a client with CLIENT TRACKING, whose reads are remembered meanwhile."""
    engine = ctx.engine
    engine.set_reader(ctx)
    try:
        return run(ctx, command, argv)
    finally:
        engine.set_reader(None)
        _end_caching(ctx, command)


def _end_caching(ctx: Context, command: Command | None) -> None:
    """CLIENT CACHING holds for the command, or the transaction, that follows it."""
    tracking = ctx.tracking
    if tracking is None or ctx.queue is not None:
        return
    if command is None or not command.full_name.startswith(b"client|"):
        tracking.is_caching = False


def _run_untouching(ctx: Context, command: Command, argv: list[bytes]) -> bytes | None:
    """As `run` for a client with CLIENT NO-TOUCH, up to the end of the transaction or script that it runs."""
    keyspace = ctx.engine.keyspace
    keyspace.set_touching(False)
    try:
        if ctx.tracking is not None:
            return _run_tracking(ctx, command, argv)
        return run(ctx, command, argv)
    finally:
        keyspace.set_touching(True)


def _reject(ctx: Context, command: Command | None, argv: list[bytes], message: bytes) -> bytes:
    """The reply to a request that may not run; it dooms its transaction, and a rejected EXEC ends that."""
    if ctx.queue is not None:
        ctx.queue_failed = True
    if command is None:
        if argv[0].lower() in _HTTP_WORDS:
            text = "Possible SECURITY ATTACK detected: %s sent an HTTP request. Connection closed."
            log.warning(text, ctx.address)
            ctx.close(False)
        return error_reply(message)
    command.rejected += 1
    if command.full_name == b"exec":
        ctx.discard_queue()
        return error_reply(b"EXECABORT Transaction discarded because of: " + message.removeprefix(b"ERR "))
    return error_reply(message)


def _check_gates(ctx: Context, command: Command, argv: list[bytes]) -> None:
    """Raises the error of the first gate that the command may not pass."""
    if command.flags & PROTECTED:
        ctx.engine.check_protected(ctx, command)
    if ctx.gates & GATE_UNAUTHENTICATED and not command.flags & NO_AUTH:
        raise CommandError(NO_AUTH_ERROR)
    if ctx.gates & GATE_MULTI and command.flags & NO_MULTI:
        raise CommandError(b"ERR Command not allowed inside a transaction")
    if ctx.gates & GATE_ACL:
        denial = check(ctx.user, command, argv)
        if denial is not None:
            raise CommandError(b"NOPERM " + refuse(ctx, denial, command, argv, place_of(ctx)))
    if ctx.engine.gates & GATE_MEMORY:
        _check_memory(ctx, command, argv)
    if ctx.gates & GATE_SUBSCRIBED and command.full_name not in _SUBSCRIBED_ALLOWED:
        raise CommandError(
            b"ERR Can't execute '" + command.full_name + b"': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / "
            b"PING / QUIT / RESET are allowed in this context"
        )
    if ctx.gates & GATE_MONITOR and command.flags & (READONLY | WRITE | MAY_REPLICATE):
        raise CommandError(b"ERR Replica can't interact with the keyspace")
    if ctx.engine.gates & GATE_DISK_ERROR:
        _check_disk(ctx, command, argv)
    if ctx.engine.gates & GATE_LOADING and not command.flags & LOADING:
        raise CommandError(LOADING_ERROR)
    if ctx.engine.gates & GATE_BUSY and not command.flags & ALLOW_BUSY:
        raise CommandError(ctx.engine.scripting.busy_error())


def _check_memory(ctx: Context, command: Command, argv: list[bytes]) -> None:
    """Makes room; where there is none, refuses what could take more: also what MULTI would have to keep."""
    memory = ctx.engine.memory
    memory.was_full = memory.make_room() == FULL
    if memory.was_full:
        is_kept = ctx.queue is not None and command.full_name not in _ALLOWED_WHEN_FULL
        if is_kept or _flags_with_queue(ctx, command, argv) & DENYOOM:
            raise CommandError(OUT_OF_MEMORY)


def _check_disk(ctx: Context, command: Command, argv: list[bytes]) -> None:
    """Refuses commands that write, and PING, which health checks send."""
    flags = _flags_with_queue(ctx, command, argv)
    if flags & WRITE or command.full_name == b"ping":
        if ctx.engine.is_unsaved():
            raise CommandError(MISCONF_SNAPSHOT)
        raise CommandError(MISCONF_LOG + ctx.engine.log_error)


def _flags_with_queue(ctx: Context, command: Command, argv: list[bytes]) -> int:
    """The flags of a command, with those of the commands that it is about to run."""
    flags: int = _flags(ctx, command, argv)
    if command.full_name == b"exec" and ctx.queue is not None:
        for queued in ctx.queue:
            flags |= _flags(ctx, queued.command, queued.argv)
    return flags


def _flags(ctx: Context, command: Command, argv: list[bytes]) -> int:
    """The flags of a command, or those that its script declares."""
    if command.flags & RUNS_SCRIPT:
        return ctx.engine.scripting.command_flags(command, argv)
    return command.flags


def _is_paused(ctx: Context, command: Command, argv: list[bytes]) -> bool:
    """Whether CLIENT PAUSE holds this command back; a transaction counts as its queued commands."""
    engine = ctx.engine
    if not engine.is_paused():
        return False
    if engine.pause_kind == PAUSE_ALL:
        return True
    return _flags_with_queue(ctx, command, argv) & (WRITE | MAY_REPLICATE) != 0
