"""Publish and subscribe: (P|S)SUBSCRIBE (P|S)UNSUBSCRIBE PUBLISH SPUBLISH PUBSUB.

A command that names n channels has n confirmations instead of one reply. They are messages like those
published: in RESP3 a push each, and sent even while CLIENT REPLY suppresses replies.
"""

from __future__ import annotations

from typing import Final

from pyredis.commands.help import help_reply
from pyredis.commands.registry import CommandGroup, all_keys, first_key
from pyredis.engine.command import FAST, LOADING, MAY_REPLICATE, NOSCRIPT, PUBSUB, STALE
from pyredis.engine.context import REPLY_ON, Context
from pyredis.engine.pubsub import Audience
from pyredis.errors import CommandError, wrong_subcommand
from pyredis.protocol.encode import array_header, bulk, bulk_array, integer, push_header

pubsub: Final = CommandGroup("pubsub")

_SUBSCRIPTION: Final = PUBSUB | NOSCRIPT | LOADING | STALE
_LOOK: Final = PUBSUB | LOADING | STALE

SSUBSCRIBE_IN_EXEC: Final = b"ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"

_SUBSCRIBE: Final = bulk(b"subscribe")
_UNSUBSCRIBE: Final = bulk(b"unsubscribe")
_PSUBSCRIBE: Final = bulk(b"psubscribe")
_PUNSUBSCRIBE: Final = bulk(b"punsubscribe")
_SSUBSCRIBE: Final = bulk(b"ssubscribe")
_SUNSUBSCRIBE: Final = bulk(b"sunsubscribe")


@pubsub.command(
    "SUBSCRIBE", arity=-2, flags=_SUBSCRIPTION, since="2.0.0", syntax="channel...",
    complexity="O(N) with N channels to subscribe to",
)  # fmt: skip
def subscribe(ctx: Context, argv: list[bytes]) -> bytes:
    """Listens for messages on channels."""
    audience = ctx.engine.pubsub.channels
    confirmations: list[bytes] = []
    for position in range(1, len(argv)):
        channel = argv[position]
        ctx.channels[channel] = None
        audience.join(channel, ctx)
        confirmations.append(_confirmation(ctx, _SUBSCRIBE, bulk(channel), ctx.subscriptions()))
    return _confirm(ctx, confirmations)


@pubsub.command(
    "UNSUBSCRIBE", arity=-1, flags=_SUBSCRIPTION, since="2.0.0", syntax="[channel...]",
    complexity="O(N) with N channels to leave",
)  # fmt: skip
def unsubscribe(ctx: Context, argv: list[bytes]) -> bytes:
    """Stops listening to channels, or to all of them."""
    audience = ctx.engine.pubsub.channels
    confirmations: list[bytes] = []
    for channel in _names_to_leave(argv, ctx.channels):
        _leave(ctx, ctx.channels, audience, channel)
        confirmations.append(_confirmation(ctx, _UNSUBSCRIBE, bulk(channel), ctx.subscriptions()))
    if not confirmations:
        confirmations.append(_confirmation(ctx, _UNSUBSCRIBE, ctx.null, ctx.subscriptions()))
    return _confirm(ctx, confirmations)


@pubsub.command(
    "PSUBSCRIBE", arity=-2, flags=_SUBSCRIPTION, since="2.0.0", syntax="(pattern)...",
    complexity="O(N) with N patterns to subscribe to",
)  # fmt: skip
def psubscribe(ctx: Context, argv: list[bytes]) -> bytes:
    """Listens for messages on all channels that match patterns."""
    audience = ctx.engine.pubsub.patterns
    confirmations: list[bytes] = []
    for position in range(1, len(argv)):
        pattern = argv[position]
        ctx.patterns[pattern] = None
        audience.join(pattern, ctx)
        confirmations.append(_confirmation(ctx, _PSUBSCRIBE, bulk(pattern), ctx.subscriptions()))
    return _confirm(ctx, confirmations)


@pubsub.command(
    "PUNSUBSCRIBE", arity=-1, flags=_SUBSCRIPTION, since="2.0.0", syntax="[pattern...]",
    complexity="O(N) with N patterns to leave",
)  # fmt: skip
def punsubscribe(ctx: Context, argv: list[bytes]) -> bytes:
    """Stops listening to patterns, or to all of them."""
    audience = ctx.engine.pubsub.patterns
    confirmations: list[bytes] = []
    for pattern in _names_to_leave(argv, ctx.patterns):
        _leave(ctx, ctx.patterns, audience, pattern)
        confirmations.append(_confirmation(ctx, _PUNSUBSCRIBE, bulk(pattern), ctx.subscriptions()))
    if not confirmations:
        confirmations.append(_confirmation(ctx, _PUNSUBSCRIBE, ctx.null, ctx.subscriptions()))
    return _confirm(ctx, confirmations)


@pubsub.command(
    "SSUBSCRIBE", arity=-2, flags=_SUBSCRIPTION, keys=all_keys("not_key"), since="7.0.0",
    syntax="shardchannel...", complexity="O(N) with N shard channels to subscribe to",
)  # fmt: skip
def ssubscribe(ctx: Context, argv: list[bytes]) -> bytes:
    """Listens for messages on shard channels, which are counted apart from the others."""
    if ctx.in_exec:  # unlike SUBSCRIBE and PSUBSCRIBE
        raise CommandError(SSUBSCRIBE_IN_EXEC)
    audience = ctx.engine.pubsub.shard_channels
    confirmations: list[bytes] = []
    for position in range(1, len(argv)):
        channel = argv[position]
        ctx.shard_channels[channel] = None
        audience.join(channel, ctx)
        confirmations.append(_confirmation(ctx, _SSUBSCRIBE, bulk(channel), len(ctx.shard_channels)))
    return _confirm(ctx, confirmations)


@pubsub.command(
    "SUNSUBSCRIBE", arity=-1, flags=_SUBSCRIPTION, keys=all_keys("not_key"), since="7.0.0",
    syntax="[shardchannel...]", complexity="O(N) with N shard channels to leave",
)  # fmt: skip
def sunsubscribe(ctx: Context, argv: list[bytes]) -> bytes:
    """Stops listening to shard channels, or to all of them."""
    audience = ctx.engine.pubsub.shard_channels
    confirmations: list[bytes] = []
    for channel in _names_to_leave(argv, ctx.shard_channels):
        _leave(ctx, ctx.shard_channels, audience, channel)
        confirmations.append(_confirmation(ctx, _SUNSUBSCRIBE, bulk(channel), len(ctx.shard_channels)))
    if not confirmations:
        confirmations.append(_confirmation(ctx, _SUNSUBSCRIBE, ctx.null, len(ctx.shard_channels)))
    return _confirm(ctx, confirmations)


def _names_to_leave(argv: list[bytes], subscribed: dict[bytes, None]) -> list[bytes]:
    """The names given, or all that the client listens to."""
    return argv[1:] if len(argv) > 1 else list(subscribed)


def _leave(ctx: Context, subscribed: dict[bytes, None], audience: Audience, name: bytes) -> None:
    if name in subscribed:
        del subscribed[name]
        audience.leave(name, ctx)


def _confirmation(ctx: Context, kind: bytes, name: bytes, count: int) -> bytes:
    return push_header(3, ctx.resp3) + kind + name + integer(count)


def _confirm(ctx: Context, confirmations: list[bytes]) -> bytes:
    """Joins the confirmations, which are sent whatever CLIENT REPLY says, and adapts the gate."""
    ctx.update_subscribed_gate()
    ctx.reply_anyway = ctx.reply_mode != REPLY_ON
    return b"".join(confirmations)


@pubsub.command(
    "PUBLISH", arity=3, flags=PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE, since="2.0.0",
    syntax="channel message",
    complexity="O(N+M) with N clients that listen to the channel and M patterns that anybody listens to",
)  # fmt: skip
def publish(ctx: Context, argv: list[bytes]) -> bytes:
    """Sends a message to everyone who listens to a channel, and returns how many deliveries that made."""
    return integer(ctx.engine.pubsub.publish(argv[1], argv[2]))


@pubsub.command(
    "SPUBLISH", arity=3, flags=PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE, keys=first_key("not_key"),
    since="7.0.0", syntax="shardchannel message", complexity="O(N) with N clients that listen to the channel",
)  # fmt: skip
def spublish(ctx: Context, argv: list[bytes]) -> bytes:
    """Sends a message to everyone who listens to a shard channel."""
    return integer(ctx.engine.pubsub.publish_shard(argv[1], argv[2]))


pubsub.container("PUBSUB", since="2.8.0", summary="Holds the commands that look at channels and patterns")

PUBSUB_HELP: Final = (
    b"CHANNELS [<pattern>]",
    b"    Return the currently active channels matching a <pattern> (default: '*').",
    b"NUMPAT",
    b"    Return number of subscriptions to patterns.",
    b"NUMSUB [<channel> ...]",
    b"    Return the number of subscribers for the specified channels, excluding",
    b"    pattern subscriptions(default: no channels).",
    b"SHARDCHANNELS [<pattern>]",
    b"    Return the currently active shard level channels matching a <pattern> (default: '*').",
    b"SHARDNUMSUB [<shardchannel> ...]",
    b"    Return the number of subscribers for the specified shard level channel(s)",
)


@pubsub.command("PUBSUB HELP", arity=2, flags=LOADING | STALE, since="6.2.0", complexity="O(1)")
def pubsub_help(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the subcommands of PUBSUB."""
    return help_reply(b"PUBSUB", PUBSUB_HELP)


@pubsub.command(
    "PUBSUB CHANNELS", arity=-2, flags=_LOOK, since="2.8.0", syntax="[pattern]",
    complexity="O(N) with N channels that anybody listens to",
)  # fmt: skip
def pubsub_channels(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the channels that somebody listens to."""
    return _names(ctx.engine.pubsub.channels, argv)


@pubsub.command("PUBSUB NUMPAT", arity=2, flags=_LOOK, since="2.8.0", complexity="O(1)")
def pubsub_numpat(ctx: Context, argv: list[bytes]) -> bytes:
    """Counts the different patterns that anybody listens to."""
    return integer(len(ctx.engine.pubsub.patterns.listeners))


@pubsub.command(
    "PUBSUB NUMSUB", arity=-2, flags=_LOOK, since="2.8.0", syntax="[channel...]",
    complexity="O(N) with N channels asked for",
)  # fmt: skip
def pubsub_numsub(ctx: Context, argv: list[bytes]) -> bytes:
    """Counts who listens to each of the channels given."""
    return _counts(ctx.engine.pubsub.channels, argv)


@pubsub.command(
    "PUBSUB SHARDCHANNELS", arity=-2, flags=_LOOK, since="7.0.0", syntax="[pattern]",
    complexity="O(N) with N shard channels that anybody listens to",
)  # fmt: skip
def pubsub_shardchannels(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the shard channels that somebody listens to."""
    return _names(ctx.engine.pubsub.shard_channels, argv)


@pubsub.command(
    "PUBSUB SHARDNUMSUB", arity=-2, flags=_LOOK, since="7.0.0", syntax="[shardchannel...]",
    complexity="O(N) with N shard channels asked for",
)  # fmt: skip
def pubsub_shardnumsub(ctx: Context, argv: list[bytes]) -> bytes:
    """Counts who listens to each of the shard channels given."""
    return _counts(ctx.engine.pubsub.shard_channels, argv)


def _names(audience: Audience, argv: list[bytes]) -> bytes:
    if len(argv) > 3:
        raise wrong_subcommand(argv)
    return bulk_array(audience.names(argv[2] if len(argv) == 3 else None))


def _counts(audience: Audience, argv: list[bytes]) -> bytes:
    items = [bulk(name) + integer(audience.count(name)) for name in argv[2:]]
    return array_header(2 * len(items)) + b"".join(items)
