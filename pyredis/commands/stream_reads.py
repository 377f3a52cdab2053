"""Reading on: XREAD and XREADGROUP, which can wait for entries.

Both start over when one of their keys has changed, as since Redis 7.2: with the ID that `$` stood for at
first, and with the errors that the keys give now. XREADGROUP also does when its key or its group has gone.

What XREADGROUP delivers is logged as XCLAIMs, which make the same entries pending anywhere, and an XGROUP
SETID. A consumer that came into being without getting anything is logged as XGROUP CREATECONSUMER; Redis does
that only with NOACK, and so loses other such consumers at a restart.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter

from pyredis.commands.arguments import c_text, integer_argument
from pyredis.commands.registry import keyword_keys
from pyredis.commands.stream_replies import (
    PAIR,
    entry_reply,
    expect_stream,
    id_argument,
    id_reply,
    no_group,
    streams,
    write_entry,
    write_range,
)
from pyredis.datatypes.numbers import INT64_MAX
from pyredis.datatypes.stream import Stream, StreamCursor
from pyredis.datatypes.stream_groups import Consumer, Group, Pending
from pyredis.datatypes.stream_ids import ID_MAX, id_text
from pyredis.engine.blocking import BlockedOperation
from pyredis.engine.command import BLOCKING, READONLY, WRITE
from pyredis.engine.context import Context
from pyredis.engine.engine import GATE_PROPAGATING
from pyredis.errors import SYNTAX, TIMEOUT_NEGATIVE, TIMEOUT_OUT_OF_RANGE, CommandError
from pyredis.keyspace import events
from pyredis.protocol.encode import array_header, bulk, map_header

NEW_ENTRIES: Final = ID_MAX
"""What `>` stands for: no history ends there."""

NO_BLOCK: Final = -1

_WHERE: Final = b" in XREADGROUP with GROUP option"


def _only_xreadgroup(option: bytes) -> CommandError:
    text = b"ERR The %b option is only supported by XREADGROUP. You called XREAD instead."
    return CommandError(text % option)


def _meaningless(sign: bytes) -> CommandError:
    text = (
        b"ERR The %b ID is meaningless in the context of XREADGROUP: you want to read the history of this "
        b"consumer by specifying a proper ID, or use the > ID to get new messages. The %b ID would just return "
        b"an empty result set."
    )
    return CommandError(text % (sign, sign))


class ReadRequest:
    """What XREAD or XREADGROUP was asked for; `texts` are the IDs as they came, but `$` once it is known."""

    def __init__(self, ctx: Context, argv: list[bytes], is_group: bool) -> None:
        self.ctx: Context = ctx
        self.is_group: bool = is_group
        self.keys: list[bytes] = []
        self.texts: list[bytes] = []
        self.ids: list[int] = []
        self.count: int = 0
        self.deadline_ms: int = NO_BLOCK
        self.group: bytes = b""
        self.consumer: bytes = b""
        self.has_group: bool = False
        self.is_acknowledged: bool = False
        self._parse(argv)

    def _parse(self, argv: list[bytes]) -> None:
        i = 1
        last = len(argv) - 1
        while i <= last:
            word = argv[i].upper()
            if word == b"BLOCK" and i < last:
                i += 1
                self.deadline_ms = _block_argument(self.ctx, argv[i])
            elif word == b"COUNT" and i < last:
                i += 1
                self.count = max(integer_argument(argv[i]), 0)
            elif word == b"STREAMS" and i < last:
                self._parse_streams(argv[i + 1 :])
                break
            elif word == b"GROUP" and i + 1 < last:
                if not self.is_group:
                    raise _only_xreadgroup(b"GROUP")
                self.group, self.consumer = argv[i + 1], argv[i + 2]
                self.has_group = True
                i += 2
            elif word == b"NOACK":
                if not self.is_group:
                    raise _only_xreadgroup(b"NOACK")
                self.is_acknowledged = True
            else:
                raise CommandError(SYNTAX)
            i += 1
        if not self.keys:
            raise CommandError(SYNTAX)
        if self.is_group and not self.has_group:
            raise CommandError(b"ERR Missing GROUP option for XREADGROUP")

    def _parse_streams(self, words: list[bytes]) -> None:
        half = len(words) // 2
        if len(words) & 1:
            name, sign = (b"xreadgroup", b">") if self.is_group else (b"xread", b"$")
            text = (
                b"ERR Unbalanced '%b' list of streams: for each stream key an ID or '%b' must be specified."
            )
            raise CommandError(text % (name, sign))
        self.keys = words[:half]
        self.texts = words[half:]

    def resolve(self) -> list[Group]:
        """Finds out where to begin, into `ids`; returns the groups of XREADGROUP, one for each key."""
        groups: list[Group] = []
        self.ids = []
        for i, key in enumerate(self.keys):
            value = self.ctx.db.lookup_read(key)
            stream: Stream | None = None if value is None else expect_stream(value)
            if self.is_group:
                group = None if stream is None else stream.groups.get(self.group)
                if group is None:
                    raise no_group(key, self.group, _WHERE)
                groups.append(group)
            self.ids.append(self._begin(stream, c_text(self.texts[i])))
            if self.texts[i][:1] == b"$":
                self.texts[i] = id_text(self.ids[i])
        return groups

    def _begin(self, stream: Stream | None, text: bytes) -> int:
        """The ID behind which to read, `NEW_ENTRIES` for `>`."""
        if text == b"$":
            if self.is_group:
                raise _meaningless(b"$")
            return 0 if stream is None else stream.last_id()
        if text == b"+":
            if self.is_group:
                raise _meaningless(b"+")
            return 0 if stream is None or stream.length == 0 else stream.edge_id(True) - 1
        if text == b">":
            if not self.is_group:
                raise CommandError(
                    b"ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> "
                    b"<consumer> option."
                )
            return NEW_ENTRIES
        return id_argument(text)

    def answer(self) -> bytes | None:
        """Everything there is to read; None when that is nothing."""
        groups = self.resolve()
        ctx = self.ctx
        writer = BytesWriter()
        served = 0
        for i, key in enumerate(self.keys):
            stream = ctx.db.lookup_read(key)
            if stream is None:
                continue
            if self.is_group:
                found = self._read_group(expect_stream(stream), key, groups[i], self.ids[i])
            else:
                found = self._read(expect_stream(stream), self.ids[i])
            if found is None:
                continue
            served += 1
            if not ctx.resp3:
                writer.write(PAIR)
            writer.write(bulk(key))
            writer.write(found)
        if not served:
            return None
        header = map_header(served, True) if ctx.resp3 else array_header(served)
        return header + writer.getvalue()

    def _read(self, stream: Stream, after: int) -> bytes | None:
        if not stream.has_after(after):
            return None
        writer = BytesWriter()
        count = write_range(writer, StreamCursor(stream, after + 1, ID_MAX, False), self.count)
        return array_header(count) + writer.getvalue()

    def _read_group(self, stream: Stream, key: bytes, group: Group, after: int) -> bytes | None:
        ctx = self.ctx
        ctx.db.keep(key)  # the lookup was one to read, as in Redis, and the group is edited
        consumer = group.consumers.get(self.consumer)
        is_new = consumer is None
        if consumer is None:
            consumer = create_consumer(ctx, key, group, self.consumer)
        consumer.seen_ms = ctx.engine.clock.now_ms
        if after == NEW_ENTRIES and not stream.has_after(group.last_id):
            if is_new:
                propagate_consumer(ctx, key, group.name, consumer.name)
            return None
        if after == NEW_ENTRIES:
            if is_new and self.is_acknowledged:
                propagate_consumer(ctx, key, group.name, consumer.name)
            return self._deliver(stream, key, group, consumer)
        if is_new:
            propagate_consumer(ctx, key, group.name, consumer.name)
        return self._history(stream, group, consumer, after)

    def _deliver(self, stream: Stream, key: bytes, group: Group, consumer: Consumer) -> bytes:
        """Gives a consumer entries that the group has not delivered yet."""
        ctx = self.ctx
        now_ms = ctx.engine.clock.now_ms
        is_logged = ctx.engine.gates & GATE_PROPAGATING != 0
        cursor = StreamCursor(stream, group.last_id + 1, ID_MAX, False)
        writer = BytesWriter()
        count = 0
        while cursor.advance():
            entry_id = cursor.entry_id()
            stream.note_delivered(group, entry_id)
            write_entry(writer, cursor.node(), cursor.index)
            count += 1
            if not self.is_acknowledged:
                # XGROUP SETID may have moved the group back before entries that are pending.
                pending = group.pending.get(entry_id)
                if pending is None:
                    pending = group.add_pending(entry_id, consumer, now_ms, 1)
                else:
                    group.assign(entry_id, pending, consumer)
                    pending.delivered_ms = now_ms
                    pending.deliveries = 1
                consumer.active_ms = now_ms
                if is_logged:
                    propagate_claim(ctx, key, group, id_text(entry_id), pending)
            if count == self.count:
                break
        propagate_group(ctx, key, group)
        ctx.db.keyspace.dirty += 1
        return array_header(count) + writer.getvalue()

    def _history(self, stream: Stream, group: Group, consumer: Consumer, after: int) -> bytes:
        """What is pending for a consumer, once more; entries that were deleted without their content."""
        now_ms = self.ctx.engine.clock.now_ms
        limit = min(self.count, INT64_MAX) if self.count else -1
        ids = consumer.pending.between(after + 1, ID_MAX, limit)
        writer = BytesWriter()
        for entry_id in ids:
            entry = entry_reply(stream, entry_id)
            if entry is None:
                writer.write(PAIR)
                writer.write(id_reply(entry_id))
                writer.write(self.ctx.null_array)
            else:
                writer.write(entry)
                pending = group.pending[entry_id]
                pending.delivered_ms = now_ms
                pending.count_delivery()
        return array_header(len(ids)) + writer.getvalue()


def _block_argument(ctx: Context, text: bytes) -> int:
    """When a BLOCK in milliseconds ends, 0 for never."""
    milliseconds = integer_argument(text, b"ERR timeout is not an integer or out of range")
    if milliseconds < 0:
        raise CommandError(TIMEOUT_NEGATIVE)
    if milliseconds == 0:
        return 0
    now_ms: int = ctx.engine.clock.now_ms
    if milliseconds > INT64_MAX - now_ms:
        raise CommandError(TIMEOUT_OUT_OF_RANGE)
    return milliseconds + now_ms


# What XCLAIM and XAUTOCLAIM need, too.


def create_consumer(ctx: Context, key: bytes, group: Group, name: bytes) -> Consumer:
    """Creates a consumer and reports it; the caller logs it."""
    consumer = group.add_consumer(name, ctx.engine.clock.now_ms)
    ctx.db.keyspace.dirty += 1
    ctx.db.notify(events.STREAM, b"xgroup-createconsumer", key)
    return consumer


def propagate_consumer(ctx: Context, key: bytes, group: bytes, consumer: bytes) -> None:
    """Logs that a consumer came into being."""
    ctx.propagate_as([b"XGROUP", b"CREATECONSUMER", key, group, consumer])


def propagate_claim(ctx: Context, key: bytes, group: Group, id_word: bytes, pending: Pending) -> None:
    """Logs an entry that is pending, with everything that is known of it."""
    ctx.propagate_as(
        [
            b"XCLAIM", key, group.name, pending.consumer.name, b"0", id_word,
            b"TIME", b"%d" % pending.delivered_ms, b"RETRYCOUNT", b"%d" % pending.deliveries,
            b"FORCE", b"JUSTID", b"LASTID", id_text(group.last_id),
        ]
    )  # fmt: skip


def propagate_group(ctx: Context, key: bytes, group: Group) -> None:
    """Logs how far a group has come."""
    if ctx.engine.gates & GATE_PROPAGATING:
        ctx.propagate_as(
            [
                b"XGROUP", b"SETID", key, group.name, id_text(group.last_id),
                b"ENTRIESREAD", b"%d" % group.entries_read,
            ]
        )  # fmt: skip


# The commands.


class BlockedRead(BlockedOperation):
    """XREAD or XREADGROUP that waits."""

    def __init__(self, request: ReadRequest) -> None:
        super().__init__(request.ctx, request.keys, request.deadline_ms)
        self.request: ReadRequest = request
        self.notices_loss = request.is_group

    def serve(self, key: bytes) -> bytes | None:
        """Starts over, if the key is a stream; XREADGROUP in any case."""
        if not self.request.is_group and not isinstance(self.database.peek(key), Stream):
            return None
        return self.request.answer()


def _read_or_wait(ctx: Context, request: ReadRequest) -> bytes | None:
    reply = request.answer()
    if reply is not None:
        return reply
    if request.deadline_ms == NO_BLOCK or ctx.in_exec:
        return ctx.null_array
    ctx.engine.blocking.wait(BlockedRead(request))
    return None


@streams.command(
    "XREAD", arity=-4, flags=READONLY | BLOCKING, since="5.0.0",
    keys=keyword_keys("RO access", "STREAMS", 1, -1, limit=2),
    syntax="[COUNT count] [BLOCK milliseconds] STREAMS streams:(key... id...)",
    complexity="O(log(N)+M) for each stream, with M of N entries returned.",
)  # fmt: skip
def xread(ctx: Context, argv: list[bytes]) -> bytes | None:
    """Returns the entries behind given IDs of one or more streams; waits for some if asked to."""
    return _read_or_wait(ctx, ReadRequest(ctx, argv, False))


@streams.command(
    "XREADGROUP", arity=-7, flags=WRITE | BLOCKING, since="5.0.0",
    keys=keyword_keys("RO access", "STREAMS", 4, -1, limit=2),
    syntax="GROUP (group consumer) [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS streams:(key... id...)",
    complexity="O(log(N)+M) for each stream, with M of N entries returned.",
)  # fmt: skip
def xreadgroup(ctx: Context, argv: list[bytes]) -> bytes | None:
    """Delivers new entries to a consumer of a group, or its pending ones again; waits for some if asked to."""
    ctx.propagate_nothing()
    return _read_or_wait(ctx, ReadRequest(ctx, argv, True))
