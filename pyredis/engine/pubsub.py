"""Channels, patterns and shard channels, and who listens to them.

Subscribers are kept in dicts used as ordered sets, so that messages go out in the order of subscription and leaving
is O(1). A message is encoded once per protocol version, not once per subscriber.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis.datatypes.glob import glob_match
from pyredis.protocol.encode import bulk, push_header

if TYPE_CHECKING:
    from pyredis.engine.context import Context


class PubSub:
    """The subscriptions of one engine."""

    def __init__(self) -> None:
        self.channels: dict[bytes, dict[Context, None]] = {}
        self.patterns: dict[bytes, dict[Context, None]] = {}
        self.shard_channels: dict[bytes, dict[Context, None]] = {}

    def subscribe(self, ctx: Context, channel: bytes) -> None:
        """Adds a subscription; doing it twice changes nothing."""
        ctx.channels[channel] = None
        self.channels.setdefault(channel, {})[ctx] = None

    def subscribe_pattern(self, ctx: Context, pattern: bytes) -> None:
        """Adds a subscription to every channel that matches."""
        ctx.patterns[pattern] = None
        self.patterns.setdefault(pattern, {})[ctx] = None

    def subscribe_shard(self, ctx: Context, channel: bytes) -> None:
        """Adds a subscription to a shard channel."""
        ctx.shard_channels[channel] = None
        self.shard_channels.setdefault(channel, {})[ctx] = None

    def unsubscribe(self, ctx: Context, channel: bytes) -> None:
        """Ends a subscription, if there is one."""
        ctx.channels.pop(channel, None)
        _leave(self.channels, channel, ctx)

    def unsubscribe_pattern(self, ctx: Context, pattern: bytes) -> None:
        """Ends a pattern subscription, if there is one."""
        ctx.patterns.pop(pattern, None)
        _leave(self.patterns, pattern, ctx)

    def unsubscribe_shard(self, ctx: Context, channel: bytes) -> None:
        """Ends a shard subscription, if there is one."""
        ctx.shard_channels.pop(channel, None)
        _leave(self.shard_channels, channel, ctx)

    def unsubscribe_all(self, ctx: Context) -> None:
        """Ends every subscription of a client, silently."""
        for channel in list(ctx.channels):
            self.unsubscribe(ctx, channel)
        for pattern in list(ctx.patterns):
            self.unsubscribe_pattern(ctx, pattern)
        for channel in list(ctx.shard_channels):
            self.unsubscribe_shard(ctx, channel)
        ctx.update_subscribed_gate()

    def publish(self, channel: bytes, message: bytes) -> int:
        """Sends a message; returns how many deliveries that made. O(subscribers + patterns)."""
        delivered = 0
        subscribers = self.channels.get(channel)
        if subscribers:
            delivered += _deliver(list(subscribers), bulk(b"message"), bulk(channel) + bulk(message), 3)
        if self.patterns:
            for pattern, listeners in list(self.patterns.items()):
                if glob_match(pattern, channel, False):
                    body = bulk(pattern) + bulk(channel) + bulk(message)
                    delivered += _deliver(list(listeners), bulk(b"pmessage"), body, 4)
        return delivered

    def publish_shard(self, channel: bytes, message: bytes) -> int:
        """Sends a message to a shard channel; patterns do not see it."""
        subscribers = self.shard_channels.get(channel)
        if not subscribers:
            return 0
        return _deliver(list(subscribers), bulk(b"smessage"), bulk(channel) + bulk(message), 3)


def _leave(table: dict[bytes, dict[Context, None]], name: bytes, ctx: Context) -> None:
    subscribers = table.get(name)
    if subscribers is not None:
        subscribers.pop(ctx, None)
        if not subscribers:
            del table[name]


def _deliver(subscribers: list[Context], kind: bytes, body: bytes, length: int) -> int:
    resp2 = push_header(length, False) + kind + body
    resp3 = push_header(length, True) + kind + body
    for ctx in subscribers:
        ctx.push(resp3 if ctx.resp3 else resp2)
    return len(subscribers)
