"""MONITOR: clients that see every request as one line of text.

A request is shown when it has run, scripts before what they call. Requests of administration and those declared
`skip_monitor` are not shown at all; secrets are redacted. While nobody monitors, dispatch does not come here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis.engine.redaction import redacted

if TYPE_CHECKING:
    from pyredis.engine.command import Command
    from pyredis.engine.context import Context

_NAMED: Final = {7: b"\\a", 8: b"\\b", 9: b"\\t", 10: b"\\n", 13: b"\\r", 34: b'\\"', 92: b"\\\\"}
_QUOTED: Final = [
    _NAMED.get(byte, b"%c" % byte if 32 <= byte < 127 else b"\\x%02x" % byte) for byte in range(256)
]


def quoted(text: bytes) -> bytes:
    """A string in double quotes, everything unprintable escaped, as Redis's `sdscatrepr` writes it."""
    return b'"' + b"".join([_QUOTED[byte] for byte in text]) + b'"'


class Monitors:
    """The clients of one engine that monitor it."""

    def __init__(self) -> None:
        self.clients: dict[Context, None] = {}

    def feed(self, ctx: Context, command: Command, argv: list[bytes]) -> None:
        """Shows a request to everybody who monitors. O(monitors + bytes of the request)."""
        microseconds = int(ctx.engine.clock.read_us())
        line = b"+%d.%06d [%d %b]" % (
            microseconds // 1_000_000,
            microseconds % 1_000_000,
            ctx.db.index,
            _source(ctx),
        )
        for argument in redacted(command, argv):
            line += b" " + quoted(argument)
        line += b"\r\n"
        for monitor in list(self.clients):
            monitor.push(line)


def is_connected(ctx: Context) -> bool:
    """Whether a context is a client with a connection; that of a script is not."""
    return ctx.engine.clients.get(ctx.client_id) is ctx


def _source(ctx: Context) -> bytes:
    if not is_connected(ctx):
        return b"lua"
    address = ctx.address.encode("utf-8", "surrogateescape")
    return b"unix:" + address.removesuffix(b":0") if ctx.is_unix else address
