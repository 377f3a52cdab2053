"""What XINFO tells of streams, groups and consumers."""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from pyredis.commands.arguments import integer_argument
from pyredis.commands.help import help_reply
from pyredis.commands.registry import nth_key
from pyredis.commands.stream_groups import no_such_group
from pyredis.commands.stream_replies import id_reply, range_reply, read_stream, streams, write_entry
from pyredis.datatypes.numbers import INT64_MAX
from pyredis.datatypes.stream import UNKNOWN, Stream, StreamCursor
from pyredis.datatypes.stream_groups import Consumer, Group, IdList, in_name_order
from pyredis.datatypes.stream_ids import ID_MAX
from pyredis.engine.command import LOADING, READONLY, STALE
from pyredis.engine.context import Context
from pyredis.errors import NO_SUCH_KEY, CommandError, wrong_subcommand
from pyredis.protocol.encode import array_header, bulk, integer, map_header

streams.container("XINFO", since="5.0.0", summary="Tells about streams and their consumer groups.", acl=())

_HELP: Final = (
    b"CONSUMERS <key> <groupname>",
    b"    Show consumers of <groupname>.",
    b"GROUPS <key>",
    b"    Show the stream consumer groups.",
    b"STREAM <key> [FULL [COUNT <count>]",
    b"    Show information about the stream.",
)

DEFAULT_COUNT: Final = 10
_WRAP: Final = 1 << 64


def _existing(ctx: Context, key: bytes) -> Stream:
    """The stream at a key, which has to be there."""
    stream = read_stream(ctx, key)
    if stream is None:
        raise CommandError(NO_SUCH_KEY)
    return stream


def _known(ctx: Context, value: int) -> bytes:
    """A number that may be `UNKNOWN`."""
    return ctx.null if value == UNKNOWN else integer(_signed(value))


def _lag(ctx: Context, lag: int | None) -> bytes:
    return ctx.null if lag is None else integer(_signed(lag))


def _signed(value: int) -> int:
    """A number beyond 63 bits, which XSETID can lead to, as Redis shows it."""
    return value if -_WRAP < 2 * value < _WRAP else (value + _WRAP // 2) % _WRAP - _WRAP // 2


@streams.command(
    "XINFO CONSUMERS", arity=4, flags=READONLY, keys=nth_key("RO access", 2), since="5.0.0",
    syntax="key groupname", complexity="O(N*log(N)) with N consumers.", tips=("nondeterministic_output",),
    history=(("7.2.0", "Has `inactive`; `idle` counts attempts to read."),),
)  # fmt: skip
def xinfo_consumers(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the consumers of a group."""
    group = _existing(ctx, argv[2]).groups.get(argv[3])
    if group is None:
        raise no_such_group(argv[2], argv[3])
    now_ms = ctx.engine.clock.now_ms
    writer = BytesWriter()
    writer.write(array_header(len(group.consumers)))
    for name in in_name_order(group.consumers):
        consumer = group.consumers[name]
        active_ms = consumer.active_ms
        writer.write(map_header(4, ctx.resp3))
        writer.write(bulk(b"name") + bulk(name))
        writer.write(bulk(b"pending") + integer(consumer.pending.size))
        writer.write(bulk(b"idle") + integer(max(now_ms - consumer.seen_ms, 0)))
        writer.write(bulk(b"inactive") + integer(active_ms if active_ms == -1 else now_ms - active_ms))
    return writer.getvalue()


@streams.command(
    "XINFO GROUPS", arity=3, flags=READONLY, keys=nth_key("RO access", 2), since="5.0.0", syntax="key",
    complexity="O(N*log(N)) with N groups.",
    history=(("7.0.0", "Has `entries-read` and `lag`."),),
)  # fmt: skip
def xinfo_groups(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the consumer groups of a stream."""
    stream = _existing(ctx, argv[2])
    writer = BytesWriter()
    writer.write(array_header(len(stream.groups)))
    for name in in_name_order(stream.groups):
        group = stream.groups[name]
        writer.write(map_header(6, ctx.resp3))
        writer.write(bulk(b"name") + bulk(name))
        writer.write(bulk(b"consumers") + integer(len(group.consumers)))
        writer.write(bulk(b"pending") + integer(len(group.pending)))
        writer.write(bulk(b"last-delivered-id") + id_reply(group.last_id))
        writer.write(bulk(b"entries-read") + _known(ctx, group.entries_read))
        writer.write(bulk(b"lag") + _lag(ctx, stream.lag_of(group)))
    return writer.getvalue()


@streams.command(
    "XINFO STREAM", arity=-3, flags=READONLY, keys=nth_key("RO access", 2), since="5.0.0",
    syntax="key [FULL full:([COUNT count])]",
    complexity="O(N) with N nodes of entries, a hundred entries each.",
    history=(
        ("6.0.0", "Takes `FULL`."),
        ("7.0.0", "Has `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read`, `lag`."),
        ("7.2.0", "Has `active-time`; `seen-time` is that of the last attempt to read."),
    ),
)  # fmt: skip
def xinfo_stream(ctx: Context, argv: list[bytes]) -> bytes:
    """Describes a stream, in full with its entries and groups if asked to."""
    stream = _existing(ctx, argv[2])
    if len(argv) == 3:
        groups = bulk(b"groups") + integer(len(stream.groups))
        first = bulk(b"first-entry") + _edge(ctx, stream, False)
        last = bulk(b"last-entry") + _edge(ctx, stream, True)
        return map_header(10, ctx.resp3) + _facts(stream) + groups + first + last
    if len(argv) not in (4, 6) or argv[3].upper() != b"FULL":
        raise wrong_subcommand(argv)
    count = DEFAULT_COUNT
    if len(argv) == 6:
        if argv[4].upper() != b"COUNT":
            raise wrong_subcommand(argv)
        count = integer_argument(argv[5])
        if count < 0:
            count = DEFAULT_COUNT
    writer = BytesWriter()
    writer.write(map_header(9, ctx.resp3))
    writer.write(_facts(stream))
    writer.write(bulk(b"entries"))
    writer.write(range_reply(stream, 0, ID_MAX, count, False))
    writer.write(bulk(b"groups"))
    writer.write(array_header(len(stream.groups)))
    for name in in_name_order(stream.groups):
        _write_group(ctx, writer, stream, stream.groups[name], count)
    return writer.getvalue()


def _facts(stream: Stream) -> bytes:
    """What both forms of the reply begin with."""
    return (
        bulk(b"length")
        + integer(stream.length)
        + bulk(b"radix-tree-keys")
        + integer(len(stream.nodes))
        + bulk(b"radix-tree-nodes")
        + integer(stream.tree_size())
        + bulk(b"last-generated-id")
        + id_reply(stream.last_id())
        + bulk(b"max-deleted-entry-id")
        + id_reply(stream.max_deleted_id)
        + bulk(b"entries-added")
        + integer(_signed(stream.entries_added))
        + bulk(b"recorded-first-entry-id")
        + id_reply(stream.first_id)
    )


def _edge(ctx: Context, stream: Stream, is_last: bool) -> bytes:
    """The first or the last entry, or null."""
    cursor = StreamCursor(stream, 0, ID_MAX, is_last)
    if not cursor.advance():
        return ctx.null
    writer = BytesWriter()
    write_entry(writer, cursor.node(), cursor.index)
    return writer.getvalue()


def _write_group(ctx: Context, writer: BytesWriter, stream: Stream, group: Group, count: int) -> None:
    """One group of the full form."""
    writer.write(map_header(7, ctx.resp3))
    writer.write(bulk(b"name") + bulk(group.name))
    writer.write(bulk(b"last-delivered-id") + id_reply(group.last_id))
    writer.write(bulk(b"entries-read") + _known(ctx, group.entries_read))
    writer.write(bulk(b"lag") + _lag(ctx, stream.lag_of(group)))
    writer.write(bulk(b"pel-count") + integer(len(group.pending)))
    writer.write(bulk(b"pending"))
    _write_pending(writer, group, group.order, count, True)
    writer.write(bulk(b"consumers"))
    writer.write(array_header(len(group.consumers)))
    for name in in_name_order(group.consumers):
        _write_consumer(ctx, writer, group, group.consumers[name], count)


def _write_consumer(ctx: Context, writer: BytesWriter, group: Group, consumer: Consumer, count: int) -> None:
    """One consumer of the full form."""
    writer.write(map_header(5, ctx.resp3))
    writer.write(bulk(b"name") + bulk(consumer.name))
    writer.write(bulk(b"seen-time") + integer(consumer.seen_ms))
    writer.write(bulk(b"active-time") + integer(consumer.active_ms))
    writer.write(bulk(b"pel-count") + integer(consumer.pending.size))
    writer.write(bulk(b"pending"))
    _write_pending(writer, group, consumer.pending, count, False)


def _write_pending(writer: BytesWriter, group: Group, order: IdList, count: int, has_owner: bool) -> None:
    """Up to `count` pending entries, all for 0: ID, owner if asked for, time and number of deliveries."""
    limit: i64 = min(count, INT64_MAX) if count else -1
    ids = order.between(0, ID_MAX, limit)
    writer.write(array_header(len(ids)))
    for entry_id in ids:
        pending = group.pending[entry_id]
        writer.write(array_header(4 if has_owner else 3))
        writer.write(id_reply(entry_id))
        if has_owner:
            writer.write(bulk(pending.consumer.name))
        writer.write(integer(pending.delivered_ms))
        writer.write(integer(pending.deliveries))


@streams.command("XINFO HELP", arity=2, flags=LOADING | STALE, since="5.0.0", complexity="O(1)")
def xinfo_help(ctx: Context, argv: list[bytes]) -> bytes:
    """Describes the subcommands of XINFO."""
    return help_reply(b"XINFO", _HELP)
