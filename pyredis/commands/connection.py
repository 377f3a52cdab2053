"""Connection commands."""

from __future__ import annotations

from typing import Final

from pyredis.commands.registry import CommandGroup
from pyredis.engine.command import FAST
from pyredis.engine.context import Context
from pyredis.protocol.encode import PONG, bulk

connection: Final = CommandGroup("connection", acl=("connection",))


@connection.command(
    "PING", arity=-1, flags=FAST, since="1.0.0", syntax="[message]", complexity="O(1)",
    tips=("request_policy:all_shards", "response_policy:all_succeeded"),
)  # fmt: skip
def ping(ctx: Context, argv: list[bytes]) -> bytes:
    """Answers PONG, or the message given."""
    if len(argv) == 1:
        return PONG
    return bulk(argv[1])
