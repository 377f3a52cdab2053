"""Transactions: MULTI EXEC DISCARD WATCH UNWATCH.

Queueing itself is dispatch's: what MULTI opened stands in `Context.queue` until EXEC or DISCARD. A command
refused while queueing makes EXEC fail as a whole; one that fails while it runs is only an error in the reply.
"""

from __future__ import annotations

from typing import Final

from pyredis.acl.log import IN_MULTI
from pyredis.acl.permissions import DENIED_COMMAND, DENIED_KEY, check
from pyredis.acl.refusals import refuse
from pyredis.commands.dispatch import run
from pyredis.commands.registry import CommandGroup, all_keys
from pyredis.engine.command import ALLOW_BUSY, FAST, LOADING, NOSCRIPT, SKIP_SLOWLOG, STALE
from pyredis.engine.context import GATE_ACL, NO_REPLY, REPLY_OFF, REPLY_ON, REPLY_SKIP, Context, QueuedCommand
from pyredis.errors import EXEC_ABORT, NESTED_MULTI, WATCH_IN_MULTI, CommandError, error_reply
from pyredis.protocol.encode import OK, array_header

transactions: Final = CommandGroup("transactions", acl=("transaction",))

EXEC_WITHOUT_MULTI: Final = b"ERR EXEC without MULTI"
DISCARD_WITHOUT_MULTI: Final = b"ERR DISCARD without MULTI"
NO_LONGER_ALLOWED: Final = (
    b"NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. "
    b"This command is no longer allowed for the following reason: "
)


@transactions.command(
    "MULTI", arity=1, flags=NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY, since="1.2.0", complexity="O(1)",
)  # fmt: skip
def multi(ctx: Context, argv: list[bytes]) -> bytes:
    """Starts a transaction: the commands that follow wait for EXEC."""
    if ctx.queue is not None:
        raise CommandError(NESTED_MULTI)
    ctx.begin_queue()
    return OK


@transactions.command(
    "EXEC", arity=1, flags=NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG, since="1.2.0",
    complexity="Depends on commands in the transaction",
)  # fmt: skip
def exec_(ctx: Context, argv: list[bytes]) -> bytes:
    """Runs all commands of the transaction, unless a watched key has changed."""
    queue = ctx.queue
    if queue is None:
        raise CommandError(EXEC_WITHOUT_MULTI)
    if ctx.queue_failed:
        ctx.discard_queue()
        raise CommandError(EXEC_ABORT)
    if ctx.watch.dirty or ctx.watch.has_expired():
        ctx.discard_queue()
        return ctx.null_array
    ctx.watch.clear()  # what the transaction itself changes is nobody's business
    ctx.propagate_nothing()
    started = ctx.engine.tick
    ctx.in_exec = True
    try:
        return _run_queue(ctx, queue)
    finally:
        ctx.in_exec = False
        ctx.engine.set_reader(None)
        ctx.discard_queue()
        ctx.engine.tick = started  # EXEC's own time is that of everything it ran


def _run_queue(ctx: Context, queue: list[QueuedCommand]) -> bytes:
    """Runs the commands and joins their replies, as far as they are to be sent.

    Each reply is given or suppressed at its moment: CLIENT REPLY within the transaction may leave an array
    with fewer items than announced, and so may a client that kills itself. That is what Redis sends.
    """
    exec_command = ctx.last_command
    replies: list[bytes] = []
    is_refused = False
    if not _is_quiet(ctx):
        replies.append(array_header(len(queue)))
    for queued in queue:
        was_closing = ctx.closing
        reply = _refusal(ctx, queued) if ctx.gates & GATE_ACL else None
        is_refused = reply is not None
        if reply is None:
            reply = run(ctx, queued.command, queued.argv)
        ctx.last_command = exec_command
        if was_closing or reply is None or reply == NO_REPLY:
            continue
        if ctx.reply_anyway or not _is_quiet(ctx):
            replies.append(reply)
        ctx.reply_anyway = False
    if is_refused and exec_command is not None:
        exec_command.failed += 1  # as in Redis, where the error that came last is no other command's
    if not replies:
        return NO_REPLY
    ctx.reply_anyway = ctx.reply_mode != REPLY_ON
    return b"".join(replies)


def _refusal(ctx: Context, queued: QueuedCommand) -> bytes | None:
    """The error for a command that the user, or another one by now, may no longer run."""
    denial = check(ctx.user, queued.command, queued.argv)
    if denial is None:
        return None
    refuse(ctx, denial, queued.command, queued.argv, IN_MULTI)
    reason = b"no permission to access one of the channels used as arguments"
    if denial.reason == DENIED_COMMAND:
        reason = b"no permission to execute the command or subcommand"
    elif denial.reason == DENIED_KEY:
        reason = b"no permission to touch the specified keys"
    reply = error_reply(NO_LONGER_ALLOWED + reason)
    ctx.engine.count_error(reply)
    return reply


def _is_quiet(ctx: Context) -> bool:
    return ctx.reply_mode == REPLY_OFF or ctx.reply_mode == REPLY_SKIP


@transactions.command(
    "DISCARD", arity=1, flags=NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY, since="2.0.0",
    complexity="O(N) with N the number of queued commands",
)  # fmt: skip
def discard(ctx: Context, argv: list[bytes]) -> bytes:
    """Drops the commands of the transaction and forgets the watched keys."""
    if ctx.queue is None:
        raise CommandError(DISCARD_WITHOUT_MULTI)
    ctx.discard_queue()
    return OK


@transactions.command(
    "WATCH", arity=-2, flags=NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY, keys=all_keys("RO"),
    since="2.2.0", syntax="key...", complexity="O(1) for every key.",
)  # fmt: skip
def watch(ctx: Context, argv: list[bytes]) -> bytes:
    """Makes the next EXEC fail if any of the keys changes before it."""
    if ctx.queue is not None:
        raise CommandError(WATCH_IN_MULTI)
    if not ctx.watch.dirty:  # it will fail anyway
        for position in range(1, len(argv)):
            ctx.watch.add(ctx.db, argv[position])
    return OK


@transactions.command(
    "UNWATCH", arity=1, flags=NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY, since="2.2.0",
    complexity="O(1)",
)  # fmt: skip
def unwatch(ctx: Context, argv: list[bytes]) -> bytes:
    """Forgets all watched keys."""
    ctx.watch.clear()
    return OK
