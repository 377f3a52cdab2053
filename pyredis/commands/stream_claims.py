"""Taking over pending entries: XCLAIM names them, XAUTOCLAIM goes through them.

An entry that has been deleted from its stream is no longer pending, once one of them meets it. What they
changed is logged entry by entry; also for one that went, so that the same meeting takes place elsewhere.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter

from pyredis.commands.arguments import c_text, integer_argument, ranged_argument
from pyredis.commands.registry import first_key
from pyredis.commands.stream_reads import (
    create_consumer,
    propagate_claim,
    propagate_consumer,
    propagate_group,
)
from pyredis.commands.stream_replies import (
    entry_reply,
    expect_stream,
    id_argument,
    id_reply,
    no_group,
    read_stream,
    start_argument,
    streams,
)
from pyredis.datatypes.numbers import INT64_MAX
from pyredis.datatypes.stream import Stream
from pyredis.datatypes.stream_groups import Consumer, Group, Pending
from pyredis.datatypes.stream_ids import ID_MAX, id_text, parse_id
from pyredis.engine.command import FAST, WRITE
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, CommandError
from pyredis.protocol.encode import array_header

ATTEMPTS: Final = 10
"""Pending entries that XAUTOCLAIM looks at for each that it may return."""


class Claim:
    """One XCLAIM or XAUTOCLAIM under way: from whom entries are taken does not matter, to whom does."""

    def __init__(self, ctx: Context, key: bytes, stream: Stream, group: Group, name: bytes) -> None:
        self.ctx: Context = ctx
        self.key: bytes = key
        self.stream: Stream = stream
        self.group: Group = group
        self.now_ms: int = ctx.engine.clock.now_ms
        self.just_id: bool = False
        self.min_idle_ms: int = 0
        self.retries: int = -1
        self.delivered_ms: int = self.now_ms
        self.writer: BytesWriter = BytesWriter()
        self.claimed: int = 0
        self.removed: list[int] = []
        ctx.db.keep(key)  # the lookup was one to read, as in Redis, and the group is edited
        self.is_new: bool = name not in group.consumers
        self.consumer: Consumer = self._consumer(name)
        self.consumer.seen_ms = self.now_ms

    def _consumer(self, name: bytes) -> Consumer:
        consumer = self.group.consumers.get(name)
        return create_consumer(self.ctx, self.key, self.group, name) if consumer is None else consumer

    def is_idle(self, pending: Pending) -> bool:
        """Whether an entry was delivered long enough ago to be taken away."""
        return self.min_idle_ms == 0 or self.now_ms - pending.delivered_ms >= self.min_idle_ms

    def take(self, entry_id: int, id_word: bytes, pending: Pending, entry: bytes) -> None:
        """Gives a pending entry to the consumer, answers it and logs it."""
        pending.delivered_ms = self.delivered_ms
        if self.retries >= 0:
            pending.deliveries = self.retries
        elif not self.just_id:
            pending.count_delivery()
        self.group.assign(entry_id, pending, self.consumer)
        self.writer.write(id_reply(entry_id) if self.just_id else entry)
        self.claimed += 1
        self.consumer.active_ms = self.now_ms
        self.log(id_word, pending)
        self.is_new = False  # the claim names it

    def drop(self, entry_id: int, id_word: bytes, pending: Pending) -> None:
        """Ends the pending of an entry that is no longer there."""
        self.log(id_word, pending)
        self.group.acknowledge(entry_id)
        self.removed.append(entry_id)

    def log(self, id_word: bytes, pending: Pending) -> None:
        """Names what happened to an entry as an effect."""
        propagate_claim(self.ctx, self.key, self.group, id_word, pending)
        self.ctx.db.keyspace.dirty += 1

    def end(self) -> None:
        """Logs a consumer that came into being and got nothing."""
        if self.is_new:
            propagate_consumer(self.ctx, self.key, self.group.name, self.consumer.name)


class ClaimOptions:
    """The arguments of XCLAIM from the fourth on: IDs, and what follows them."""

    def __init__(self, argv: list[bytes], now_ms: int) -> None:
        self.min_idle_ms: int = max(
            integer_argument(argv[4], b"ERR Invalid min-idle-time argument for XCLAIM"), 0
        )
        self.ids: list[int] = []
        self.just_id: bool = False
        self.is_forced: bool = False
        self.retries: int = -1
        self.delivered_ms: int = now_ms
        self.last_id: int = 0
        i = 5
        while i < len(argv):
            entry_id = parse_id(argv[i], 0, True)
            if entry_id is None:
                break
            self.ids.append(entry_id)
            i += 1
        while i < len(argv):
            i += self._option(argv, i, now_ms)
        if not 0 <= self.delivered_ms <= now_ms:
            self.delivered_ms = now_ms

    def _option(self, argv: list[bytes], i: int, now_ms: int) -> int:
        """Reads one option; returns how many arguments it had."""
        word = argv[i].upper()
        if word == b"FORCE":
            self.is_forced = True
            return 1
        if word == b"JUSTID":
            self.just_id = True
            return 1
        if i + 1 == len(argv) or word not in (b"IDLE", b"TIME", b"RETRYCOUNT", b"LASTID"):
            raise CommandError(b"ERR Unrecognized XCLAIM option '" + c_text(argv[i]) + b"'")
        if word == b"LASTID":
            self.last_id = id_argument(argv[i + 1])
            return 2
        number = integer_argument(argv[i + 1], b"ERR Invalid " + word + b" option argument for XCLAIM")
        if word == b"IDLE":
            self.delivered_ms = now_ms - number
        elif word == b"TIME":
            self.delivered_ms = number
        else:
            self.retries = number
        return 2


@streams.command(
    "XCLAIM", arity=-6, flags=WRITE | FAST, keys=first_key("RW update"), since="5.0.0",
    syntax="key group consumer min-idle-time id... [IDLE ms:integer] [TIME unix-time-milliseconds]"
    " [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]",
    complexity="O(log(N)) for each ID, with N pending entries.", tips=("nondeterministic_output",),
)  # fmt: skip
def xclaim(ctx: Context, argv: list[bytes]) -> bytes:
    """Makes a consumer the owner of pending entries, as if they had been delivered to it."""
    stream = read_stream(ctx, argv[1])
    group = None if stream is None else stream.groups.get(argv[2])
    if stream is None or group is None:
        raise no_group(argv[1], argv[2])
    options = ClaimOptions(argv, ctx.engine.clock.now_ms)
    ctx.propagate_nothing()
    is_moved = options.last_id > group.last_id
    if is_moved:
        group.last_id = options.last_id
    claim = Claim(ctx, argv[1], stream, group, argv[3])
    claim.just_id = options.just_id
    claim.min_idle_ms = options.min_idle_ms
    claim.retries = options.retries
    claim.delivered_ms = options.delivered_ms
    for i, entry_id in enumerate(options.ids):
        _claim_one(claim, entry_id, argv[5 + i], options.is_forced)
    claim.end()
    if is_moved and not claim.claimed and not claim.removed:
        propagate_group(ctx, argv[1], group)
        ctx.db.keyspace.dirty += 1
    return array_header(claim.claimed) + claim.writer.getvalue()


def _claim_one(claim: Claim, entry_id: int, id_word: bytes, is_forced: bool) -> None:
    """XCLAIM for one ID."""
    group = claim.group
    pending = group.pending.get(entry_id)
    entry = entry_reply(claim.stream, entry_id)
    if entry is None:
        if pending is not None:
            claim.drop(entry_id, id_word, pending)
        return
    if pending is None:
        if not is_forced:
            return
        pending = group.add_pending(entry_id, claim.consumer, claim.now_ms, 1)
    elif not claim.is_idle(pending):
        return
    claim.take(entry_id, id_word, pending, entry)


@streams.command(
    "XAUTOCLAIM", arity=-6, flags=WRITE | FAST, keys=first_key("RW delete"), since="6.2.0",
    syntax="key group consumer min-idle-time start:string [COUNT count] [JUSTID]",
    complexity="O(log(N)) for each entry looked at, with N pending entries.",
    tips=("nondeterministic_output",),
    history=(("7.0.0", "Also answers the IDs of pending entries that had been deleted."),),
)  # fmt: skip
def xautoclaim(ctx: Context, argv: list[bytes]) -> bytes:
    """Makes a consumer the owner of pending entries that nobody has dealt with for a while."""
    value = ctx.db.lookup_read(argv[1])
    min_idle_ms = integer_argument(argv[4], b"ERR Invalid min-idle-time argument for XAUTOCLAIM")
    start = start_argument(argv[5])
    count = 100
    just_id = False
    i = 6
    while i < len(argv):
        word = argv[i].upper()
        if word == b"COUNT" and i + 1 < len(argv):
            i += 1
            count = ranged_argument(argv[i], 1, INT64_MAX // 16, b"ERR COUNT must be > 0")
        elif word == b"JUSTID":
            just_id = True
        else:
            raise CommandError(SYNTAX)
        i += 1
    stream = None if value is None else expect_stream(value)
    group = None if stream is None else stream.groups.get(argv[2])
    if stream is None or group is None:
        raise no_group(argv[1], argv[2])
    ctx.propagate_nothing()
    claim = Claim(ctx, argv[1], stream, group, argv[3])
    claim.just_id = just_id
    claim.min_idle_ms = max(min_idle_ms, 0)
    next_id = _claim_idle(claim, start, count)
    claim.end()
    removed = b"".join([id_reply(entry_id) for entry_id in claim.removed])
    claimed = array_header(claim.claimed) + claim.writer.getvalue()
    return array_header(3) + id_reply(next_id) + claimed + array_header(len(claim.removed)) + removed


def _claim_idle(claim: Claim, start: int, count: int) -> int:
    """XAUTOCLAIM from an ID on; returns the ID to go on with, 0 at the end."""
    group = claim.group
    attempts = min(count * ATTEMPTS, len(group.pending))
    ids = group.order.between(start, ID_MAX, attempts + 1)
    for i, entry_id in enumerate(ids):
        if i == attempts or count == 0:
            return entry_id
        pending = group.pending[entry_id]
        entry = entry_reply(claim.stream, entry_id)
        if entry is None:
            claim.drop(entry_id, id_text(entry_id), pending)
            count -= 1
        elif claim.is_idle(pending):
            claim.take(entry_id, id_text(entry_id), pending, entry)
            count -= 1
    return 0
