"""What follows when a request is refused: the error, a line in ACL LOG, a count in INFO."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis.acl.log import IN_MULTI, TOP_LEVEL, LogEntry
from pyredis.acl.permissions import DENIED_AUTH, DENIED_COMMAND, DENIED_KEY, Denial
from pyredis.engine.client_info import client_line

if TYPE_CHECKING:
    from pyredis.acl.user import User
    from pyredis.engine.command import Command
    from pyredis.engine.context import Context


def place_of(ctx: Context) -> bytes:
    """Where a client's own request comes from, for the log."""
    return TOP_LEVEL if ctx.queue is None else IN_MULTI


def refuse(ctx: Context, denial: Denial, command: Command, argv: list[bytes], place: bytes) -> bytes:
    """Notes that a request may not run; returns why not, without an error code."""
    refused = command.full_name if denial.reason == DENIED_COMMAND else argv[denial.position]
    _note(ctx, denial.reason, place, refused, ctx.user.name, argv)
    if denial.reason == DENIED_COMMAND:
        return (
            b"User " + ctx.user.name + b" has no permissions to run the '" + command.full_name + b"' command"
        )
    what = b"key" if denial.reason == DENIED_KEY else b"channel"
    return b"No permissions to access a " + what


def explain(user: User, denial: Denial, command: Command, argv: list[bytes]) -> bytes:
    """What ACL DRYRUN answers: as `refuse`, naming the key or channel; nothing is noted."""
    start = b"User " + user.name + b" has no permissions to "
    if denial.reason == DENIED_COMMAND:
        return start + b"run the '" + command.full_name + b"' command"
    what = b"key" if denial.reason == DENIED_KEY else b"channel"
    return start + b"access the '" + argv[denial.position] + b"' " + what


def refuse_login(ctx: Context, name: bytes, argv: list[bytes]) -> None:
    """Notes that somebody tried to be user `name`."""
    ctx.last_command = ctx.engine.commands.get(argv[0].lower())  # it counts as run only when it has ended
    _note(ctx, DENIED_AUTH, place_of(ctx), argv[0], name, argv)


def _note(ctx: Context, reason: int, place: bytes, refused: bytes, user: bytes, argv: list[bytes]) -> None:
    engine = ctx.engine
    log = engine.access.log
    log.count(reason)
    entry = LogEntry(reason, place, refused, user)
    entry.client = client_line(ctx, argv)
    log.add(entry, engine.clock.now_ms, engine.config.get_int("acllog-max-len"))
