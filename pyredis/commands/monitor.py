"""MONITOR: the connection becomes a window on the requests of all clients, until RESET or its end."""

from __future__ import annotations

from pyredis.commands.server import server
from pyredis.engine.command import ADMIN, LOADING, NOSCRIPT, STALE
from pyredis.engine.context import GATE_MONITOR, NO_REPLY, REPLY_ON, REPLY_SKIP, Context
from pyredis.errors import CommandError
from pyredis.protocol.encode import OK


@server.command("MONITOR", arity=1, flags=ADMIN | NOSCRIPT | LOADING | STALE, since="1.0.0", complexity="")
def monitor(ctx: Context, argv: list[bytes]) -> bytes:
    """Shows every request that the server runs from now on; a second time it is not even answered."""
    if ctx.in_exec:
        raise CommandError(b"ERR MONITOR isn't allowed for DENY BLOCKING client")
    if ctx.gates & GATE_MONITOR:
        if ctx.reply_mode == REPLY_ON:
            ctx.reply_mode = REPLY_SKIP
        return NO_REPLY
    ctx.set_monitoring(True)
    return OK
