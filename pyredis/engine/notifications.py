"""Keyspace notifications: events of the databases as messages of pub/sub.

`Engine.update_listening` connects this with the databases while `notify-keyspace-events` asks for anything.
An event leaves at the moment when its command reports it; a client that listens to what it does itself gets the
message behind its reply, like every message since Redis 7.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis.keyspace.events import KEYEVENT, KEYSPACE

if TYPE_CHECKING:
    from pyredis.engine.pubsub import PubSub


def publish_event(pubsub: PubSub, mask: int, name: bytes, key: bytes, index: int) -> None:
    """Publishes one event as `mask` asks: to the channel of its key, then to that of its name."""
    if not pubsub.channels.listeners and not pubsub.patterns.listeners:
        return
    if mask & KEYSPACE:
        pubsub.publish(b"__keyspace@%d__:%b" % (index, key), name)
    if mask & KEYEVENT:
        pubsub.publish(b"__keyevent@%d__:%b" % (index, name), key)


def effective_mask(mask: int) -> int:
    """The mask of the databases: none when there is no channel to publish to."""
    return mask if mask & (KEYSPACE | KEYEVENT) else 0
