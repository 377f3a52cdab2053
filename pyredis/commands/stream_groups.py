"""Consumer groups: XGROUP in all its forms, XACK and XPENDING.

None of them changes what a stream holds, so they touch no watched key, as in Redis; only the creation of an
empty stream does.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter

from pyredis.commands.arguments import INT32_MAX, c_text, integer_argument
from pyredis.commands.help import help_reply
from pyredis.commands.registry import first_key, nth_key
from pyredis.commands.stream_reads import create_consumer
from pyredis.commands.stream_replies import (
    INVALID_ID,
    end_argument,
    id_argument,
    id_reply,
    no_group,
    read_stream,
    start_argument,
    streams,
    wake_waiters,
    write_stream,
)
from pyredis.datatypes.numbers import INT64_MAX
from pyredis.datatypes.stream import UNKNOWN, Stream
from pyredis.datatypes.stream_groups import Group, IdList, Pending, in_name_order
from pyredis.datatypes.stream_ids import id_text, parse_id
from pyredis.engine.command import DENYOOM, FAST, LOADING, READONLY, STALE, WRITE
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, CommandError, wrong_subcommand
from pyredis.keyspace import events
from pyredis.keyspace.database import NO_DEADLINE
from pyredis.protocol.encode import EMPTY_ARRAY, OK, ONE, ZERO, array_header, bulk, integer, write_bulk

streams.container("XGROUP", since="5.0.0", summary="Manages the consumer groups of streams.", acl=())

_STRIDE: Final = 1000
"""Pending entries that XPENDING looks at before it asks for more."""

_NEEDS_KEY: Final = (
    b"ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM "
    b"option to create an empty stream automatically."
)
_HELP: Final = (
    b"CREATE <key> <groupname> <id|$> [option]",
    b"    Create a new consumer group. Options are:",
    b"    * MKSTREAM",
    b"      Create the empty stream if it does not exist.",
    b"    * ENTRIESREAD entries_read",
    b"      Set the group's entries_read counter (internal use).",
    b"CREATECONSUMER <key> <groupname> <consumer>",
    b"    Create a new consumer in the specified group.",
    b"DELCONSUMER <key> <groupname> <consumer>",
    b"    Remove the specified consumer.",
    b"DESTROY <key> <groupname>",
    b"    Remove the specified group.",
    b"SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
    b"    Set the current group ID and entries_read counter.",
)


class GroupOptions:
    """The options of XGROUP CREATE and SETID."""

    def __init__(self, argv: list[bytes], is_create: bool) -> None:
        self.makes_stream: bool = False
        self.entries_read: int = UNKNOWN
        i = 5
        while i < len(argv):
            word = argv[i].upper()
            if is_create and word == b"MKSTREAM":
                self.makes_stream = True
                i += 1
            elif word == b"ENTRIESREAD" and i + 1 < len(argv):
                self.entries_read = integer_argument(argv[i + 1])
                if self.entries_read < 0 and self.entries_read != UNKNOWN:
                    raise CommandError(b"ERR value for ENTRIESREAD must be positive or -1")
                i += 2
            else:
                raise wrong_subcommand(argv)


def _stream_of(ctx: Context, argv: list[bytes]) -> Stream:
    """The stream that a subcommand is about, which has to be there."""
    stream = write_stream(ctx, argv[2])
    if stream is None:
        raise CommandError(_NEEDS_KEY)
    return stream


def no_such_group(key: bytes, group: bytes) -> CommandError:
    """The error of a subcommand for a group that is not there."""
    text = b"NOGROUP No such consumer group '%b' for key name '%b'"
    return CommandError(text % (c_text(group), c_text(key)))


def _group_of(ctx: Context, argv: list[bytes]) -> Group:
    """The group that a subcommand is about, which has to be there."""
    group = _stream_of(ctx, argv).groups.get(argv[3])
    if group is None:
        raise no_such_group(argv[2], argv[3])
    return group


@streams.command(
    "XGROUP CREATE", arity=-5, flags=WRITE | DENYOOM, keys=nth_key("RW insert", 2), since="5.0.0",
    syntax='key groupname id:(id | new_id="$") [MKSTREAM] [ENTRIESREAD entries_read:integer]',
    complexity="O(1)", history=(("7.0.0", "Takes `ENTRIESREAD`."),),
)  # fmt: skip
def xgroup_create(ctx: Context, argv: list[bytes]) -> bytes:
    """Creates a consumer group."""
    options = GroupOptions(argv, True)
    db = ctx.db
    key = argv[2]
    stream = write_stream(ctx, key)
    if stream is None and not options.makes_stream:
        raise CommandError(_NEEDS_KEY)
    if len(argv) > 8:
        raise wrong_subcommand(argv)
    if argv[4] == b"$":
        last_id = 0 if stream is None else stream.last_id()
    else:
        last_id = id_argument(argv[4])
    if stream is None:
        stream = Stream()
        db.add(key, stream, NO_DEADLINE)
        db.signal(key)
    if argv[3] in stream.groups:
        raise CommandError(b"BUSYGROUP Consumer Group name already exists")
    stream.groups[argv[3]] = Group(argv[3], last_id, options.entries_read)
    db.keyspace.dirty += 1
    db.notify(events.STREAM, b"xgroup-create", key)
    return OK


@streams.command(
    "XGROUP SETID", arity=-5, flags=WRITE, keys=nth_key("RW update", 2), since="5.0.0",
    syntax='key groupname id:(id | new_id="$") [ENTRIESREAD entries_read:integer]', complexity="O(1)",
    history=(("7.0.0", "Takes `ENTRIESREAD`."),),
)  # fmt: skip
def xgroup_setid(ctx: Context, argv: list[bytes]) -> bytes:
    """Sets the last ID that a consumer group has delivered."""
    options = GroupOptions(argv, False)
    stream = _stream_of(ctx, argv)
    group = stream.groups.get(argv[3])
    if group is None:
        raise no_such_group(argv[2], argv[3])
    if len(argv) > 7:
        raise wrong_subcommand(argv)
    last_id: int | None = stream.last_id()
    if argv[4] != b"$":
        last_id = parse_id(argv[4], 0, False)
    if last_id is None:
        raise CommandError(INVALID_ID)
    group.last_id = last_id
    group.entries_read = options.entries_read
    ctx.db.keyspace.dirty += 1
    ctx.db.notify(events.STREAM, b"xgroup-setid", argv[2])
    return OK


@streams.command(
    "XGROUP DESTROY", arity=4, flags=WRITE, keys=nth_key("RW delete", 2), since="5.0.0",
    syntax="key groupname", complexity="O(N) with N pending entries.",
)  # fmt: skip
def xgroup_destroy(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes a consumer group with everything that is pending in it."""
    if _stream_of(ctx, argv).groups.pop(argv[3], None) is None:
        return ZERO
    ctx.db.keyspace.dirty += 1
    ctx.db.notify(events.STREAM, b"xgroup-destroy", argv[2])
    wake_waiters(ctx.db, argv[2])
    return ONE


@streams.command(
    "XGROUP CREATECONSUMER", arity=5, flags=WRITE | DENYOOM, keys=nth_key("RW insert", 2), since="6.2.0",
    syntax="key groupname consumername", complexity="O(1)",
)  # fmt: skip
def xgroup_createconsumer(ctx: Context, argv: list[bytes]) -> bytes:
    """Creates a consumer in a group."""
    group = _group_of(ctx, argv)
    if argv[4] in group.consumers:
        return ZERO
    create_consumer(ctx, argv[2], group, argv[4])
    return ONE


@streams.command(
    "XGROUP DELCONSUMER", arity=5, flags=WRITE, keys=nth_key("RW delete", 2), since="5.0.0",
    syntax="key groupname consumername", complexity="O(N*log(N)) with N entries pending for the consumer.",
)  # fmt: skip
def xgroup_delconsumer(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes a consumer from a group; returns how many entries were pending for it."""
    group = _group_of(ctx, argv)
    consumer = group.consumers.get(argv[4])
    if consumer is None:
        return ZERO
    count = consumer.pending.size
    group.remove_consumer(consumer)
    ctx.db.keyspace.dirty += 1
    ctx.db.notify(events.STREAM, b"xgroup-delconsumer", argv[2])
    return integer(count)


@streams.command("XGROUP HELP", arity=2, flags=LOADING | STALE, since="5.0.0", complexity="O(1)")
def xgroup_help(ctx: Context, argv: list[bytes]) -> bytes:
    """Describes the subcommands of XGROUP."""
    return help_reply(b"XGROUP", _HELP)


# Pending entries.


@streams.command(
    "XACK", arity=-4, flags=WRITE | FAST, keys=first_key("RW update"), since="5.0.0",
    syntax="key group id...", complexity="O(log(N)) for each ID, with N pending entries.",
)  # fmt: skip
def xack(ctx: Context, argv: list[bytes]) -> bytes:
    """Acknowledges that pending entries were dealt with; returns how many of them were pending."""
    stream = read_stream(ctx, argv[1])
    group = None if stream is None else stream.groups.get(argv[2])
    if group is None:
        return ZERO
    ctx.db.keep(argv[1])  # the lookup was one to read, as in Redis, and the group is edited
    acknowledged = 0
    if len(argv) == 4:
        acknowledged += group.acknowledge(id_argument(argv[3]))
    else:
        for entry_id in [id_argument(text) for text in argv[3:]]:
            acknowledged += group.acknowledge(entry_id)
    ctx.db.keyspace.dirty += acknowledged
    return integer(acknowledged)


class PendingOptions:
    """The arguments of XPENDING from the third on."""

    def __init__(self, argv: list[bytes]) -> None:
        self.min_idle_ms: int = 0
        i = 3
        if argv[3].upper() == b"IDLE":
            self.min_idle_ms = max(integer_argument(argv[4]), -INT32_MAX)
            if len(argv) < 8:
                raise CommandError(SYNTAX)
            i = 5
        self.count: int = max(integer_argument(argv[i + 2]), 0)
        self.start: int = start_argument(argv[i])
        self.end: int = end_argument(argv[i + 1])
        self.consumer: bytes | None = argv[i + 3] if i + 3 < len(argv) else None


@streams.command(
    "XPENDING", arity=-3, flags=READONLY, keys=first_key("RO access"), since="5.0.0",
    syntax="key group [filters:([IDLE min-idle-time:integer @6.2.0] start:string end:string count [consumer])]",
    complexity="O(N) with N entries looked at, O(C*log(C)) with C consumers for the summary.",
    tips=("nondeterministic_output",),
    history=(("6.2.0", "Takes `IDLE` and exclusive ranges."),),
)  # fmt: skip
def xpending(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells what a consumer group has delivered that has not been acknowledged."""
    if len(argv) != 3 and not 6 <= len(argv) <= 9:
        raise CommandError(SYNTAX)
    options = PendingOptions(argv) if len(argv) > 3 else None
    stream = read_stream(ctx, argv[1])
    group = None if stream is None else stream.groups.get(argv[2])
    if group is None:
        raise no_group(argv[1], argv[2])
    return _summary(ctx, group) if options is None else _pending_list(ctx, group, options)


def _summary(ctx: Context, group: Group) -> bytes:
    """How many entries are pending, the first and the last of them, and how many each consumer has."""
    if group.order.size == 0:
        return array_header(4) + ZERO + ctx.null + ctx.null + ctx.null_array
    owners: list[bytes] = []
    for name in in_name_order(group.consumers):
        count = group.consumers[name].pending.size
        if count:
            owners.append(array_header(2) + bulk(name) + bulk(b"%d" % count))
    head = array_header(4) + integer(group.order.size)
    ends = id_reply(group.order.first()) + id_reply(group.order.last())
    return head + ends + array_header(len(owners)) + b"".join(owners)


def _pending_list(ctx: Context, group: Group, options: PendingOptions) -> bytes:
    """Pending entries one by one: ID, consumer, milliseconds since the delivery, number of deliveries."""
    order: IdList = group.order
    if options.consumer is not None:
        consumer = group.consumers.get(options.consumer)
        if consumer is None:
            return EMPTY_ARRAY
        order = consumer.pending
    now_ms: int = ctx.engine.clock.now_ms
    latest_ms = now_ms - options.min_idle_ms if options.min_idle_ms else INT64_MAX
    written = 0
    writer = BytesWriter()
    start = options.start
    while written < options.count:
        # With a filter all of the range may have to be looked at, but that is not known before.
        ids = order.between(start, options.end, min(options.count - written, _STRIDE))
        if not ids:
            break
        for entry_id in ids:
            pending = group.pending[entry_id]
            if pending.delivered_ms <= latest_ms:
                written += 1
                _write_pending(writer, entry_id, pending, now_ms)
        start = ids[-1] + 1
    return array_header(written) + writer.getvalue()


def _write_pending(writer: BytesWriter, entry_id: int, pending: Pending, now_ms: int) -> None:
    writer.write(array_header(4))
    write_bulk(writer, id_text(entry_id))
    write_bulk(writer, pending.consumer.name)
    writer.write(integer(max(now_ms - pending.delivered_ms, 0)))
    writer.write(integer(pending.deliveries))
