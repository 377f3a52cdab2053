"""Streams as logs: XADD XLEN XRANGE XREVRANGE XDEL XTRIM XSETID.

What waits and reads on is in `stream_reads`, consumer groups in `stream_groups` and `stream_claims`, XINFO in
`stream_info`; what they share is in `stream_replies`.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from pyredis.commands.arguments import integer_argument
from pyredis.commands.registry import first_key
from pyredis.commands.stream_replies import (
    INVALID_ID,
    end_argument,
    id_argument,
    note_change,
    range_reply,
    read_stream,
    start_argument,
    streams,
    write_stream,
)
from pyredis.datatypes.stream import LISTPACK_MAX, Stream
from pyredis.datatypes.stream_ids import (
    ID_MAX,
    PART_MAX,
    SMALL_MAX,
    PartialId,
    id_text,
    parse_partial_id,
    parts_text,
)
from pyredis.engine.command import DENYOOM, FAST, READONLY, WRITE
from pyredis.engine.context import Context
from pyredis.engine.engine import GATE_PROPAGATING
from pyredis.errors import NO_SUCH_KEY, SYNTAX, CommandError, wrong_arity
from pyredis.keyspace import events
from pyredis.keyspace.database import NO_DEADLINE
from pyredis.protocol.encode import EMPTY_ARRAY, OK, ZERO, bulk, integer

NO_TRIM: Final[i64] = 0
MAXLEN: Final[i64] = 1
MINID: Final[i64] = 2

_BOTH_STRATEGIES: Final = b"ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
_LIMIT_ALONE: Final = b"ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
_LIMIT_EXACT: Final = b"ERR syntax error, LIMIT cannot be used without the special ~ option"
_NO_STRATEGY: Final = b"ERR syntax error, XTRIM must be called with a trimming strategy"
_ID_ZERO: Final = b"ERR The ID specified in XADD must be greater than 0-0"
_ID_SMALL: Final = b"ERR The ID specified in XADD is equal or smaller than the target stream top item"
_IDS_EXHAUSTED: Final = b"ERR The stream has exhausted the last possible ID, unable to add more items"
_TOO_LARGE: Final = b"ERR Elements are too large to be stored"


class TrimOptions:
    """The options of XADD and XTRIM.

    `position` is that of the threshold, `id_position` that of XADD's ID, whose `entry_id` is None for `*`.
    """

    def __init__(self) -> None:
        self.strategy: i64 = NO_TRIM
        self.is_approximate: bool = False
        self.maximum: int = 0
        self.minimum: int = 0
        self.limit: int = 0
        self.has_limit: bool = False
        self.position: int = 0
        self.must_exist: bool = False
        self.id_position: int = 0
        self.entry_id: PartialId | None = None

    def read_strategy(self, argv: list[bytes], position: int, strategy: i64) -> int:
        """Reads `MAXLEN [=|~] threshold` or MINID's; returns the position of the threshold."""
        if self.strategy != NO_TRIM:
            raise CommandError(_BOTH_STRATEGIES)
        self.is_approximate = False
        position += 1
        if position + 1 < len(argv) and argv[position] in (b"~", b"="):
            self.is_approximate = argv[position] == b"~"
            position += 1
        if strategy == MAXLEN:
            self.maximum = integer_argument(argv[position])
            if self.maximum < 0:
                raise CommandError(b"ERR The MAXLEN argument must be >= 0.")
        else:
            self.minimum = id_argument(argv[position])
        self.strategy = strategy
        self.position = position
        return position

    def settle(self, ctx: Context, is_xadd: bool) -> None:
        """Checks the options together, and limits the work where nobody else did."""
        if self.limit and self.strategy == NO_TRIM:
            raise CommandError(_LIMIT_ALONE)
        if not is_xadd and self.strategy == NO_TRIM:
            raise CommandError(_NO_STRATEGY)
        if ctx.db.keyspace.is_replaying:
            self.limit = 0
        elif self.has_limit:
            if not self.is_approximate:
                raise CommandError(_LIMIT_EXACT)
        elif self.is_approximate:
            self.limit = 100 * int(ctx.engine.stream_limits.entries)
            if self.limit <= 0:
                self.limit = 10_000
            self.limit = min(self.limit, 1_000_000)


def parse_trim(ctx: Context, argv: list[bytes], is_xadd: bool) -> TrimOptions:
    """Reads the options of XADD, up to its ID, or of XTRIM."""
    options = TrimOptions()
    last = len(argv) - 1
    i = 2
    while i <= last:
        word = argv[i].upper()
        if is_xadd and word == b"*":
            break
        if word == b"MAXLEN" and i < last:
            i = options.read_strategy(argv, i, MAXLEN)
        elif word == b"MINID" and i < last:
            i = options.read_strategy(argv, i, MINID)
        elif word == b"LIMIT" and i < last:
            i += 1
            options.limit = integer_argument(argv[i])
            if options.limit < 0:
                raise CommandError(b"ERR The LIMIT argument must be >= 0.")
            options.has_limit = True
        elif is_xadd and word == b"NOMKSTREAM":
            options.must_exist = True
        elif is_xadd:
            entry_id = parse_partial_id(argv[i])
            if entry_id is None:
                raise CommandError(INVALID_ID)
            options.entry_id = entry_id
            break
        else:
            raise CommandError(SYNTAX)
        i += 1
    options.id_position = i
    options.settle(ctx, is_xadd)
    return options


def trim(ctx: Context, key: bytes, stream: Stream, options: TrimOptions) -> int:
    """Trims a stream, reports that, and returns how many entries went."""
    if options.strategy == MAXLEN:
        removed = stream.trim_length(options.maximum, options.is_approximate, options.limit)
    else:
        removed = stream.trim_before(options.minimum, options.is_approximate, options.limit)
    if removed:
        ctx.db.notify(events.STREAM, b"xtrim", key)
    return removed


def exact_effect(argv: list[bytes], stream: Stream, options: TrimOptions) -> list[bytes]:
    """The request with what approximate trimming came to, to be repeated exactly.

    Redis leaves a LIMIT where it is, though only a replica would take one without `~`; it goes here.
    """
    if options.strategy == MAXLEN:
        threshold = b"%d" % stream.length
    else:
        threshold = id_text(stream.masters[0] if stream.masters else ID_MAX)
    effect = argv[:2]
    i = 2
    while i < options.id_position:
        if i == options.position - 1:
            effect += [b"=", threshold]
            i += 2
        elif argv[i].upper() == b"LIMIT":
            i += 2
        else:
            effect.append(argv[i])
            i += 1
    return effect + argv[i:]


# Adding.


@streams.command(
    "XADD", arity=-5, flags=WRITE | DENYOOM | FAST, since="5.0.0",
    keys=first_key("RW update", "UPDATE instead of INSERT because of the optional trimming feature"),
    syntax="key [NOMKSTREAM @6.2.0] [trim:(strategy:(MAXLEN | MINID @6.2.0)"
    ' [operator:(equal="=" | approximately="~")] threshold [LIMIT count @6.2.0])] id_or_auto:(auto_id="*" | id)'
    " (field value)...",
    complexity="O(1) to add an entry, O(N) to trim N entries.", tips=("nondeterministic_output",),
    history=(
        ("6.2.0", "Takes `NOMKSTREAM`, `MINID` and `LIMIT`."),
        ("7.0.0", "Takes IDs of the form `<ms>-*`."),
    ),
)  # fmt: skip
def xadd(ctx: Context, argv: list[bytes]) -> bytes:
    """Appends an entry to a stream."""
    options: TrimOptions | None = None
    id_position: i64 = 2
    if argv[2] != b"*":
        options = parse_trim(ctx, argv, True)
        id_position = options.id_position
    words: i64 = i64(len(argv)) - id_position - 1
    if words < 2 or words & 1:
        raise wrong_arity(b"xadd")
    if options is not None and options.entry_id is not None:
        given = options.entry_id
        if given.has_seq and given.ms == 0 and given.seq == 0:
            raise CommandError(_ID_ZERO)
    db = ctx.db
    key = argv[1]
    stream = write_stream(ctx, key)
    is_new = stream is None
    if stream is None:
        if options is not None and options.must_exist:
            return ctx.null
        stream = Stream()
    size: i64 = 0
    position: i64 = id_position + 1
    while position < len(argv):
        size += len(argv[position])
        position += 1
    ms, seq = choose_id(stream, ctx.engine.clock.now_ms, None if options is None else options.entry_id)
    if size > LISTPACK_MAX:
        raise CommandError(_TOO_LARGE)
    if is_new:
        db.add(key, stream, NO_DEADLINE)
    stream.add(ms, seq, argv, id_position + 1, size, ctx.engine.stream_limits)
    text = parts_text(ms, seq)
    if db.keyspace.event_mask != 0:
        db.notify(events.STREAM, b"xadd", key)
    db.keyspace.dirty += 1
    if options is not None and options.strategy != NO_TRIM:
        trim(ctx, key, stream, options)
    if ctx.engine.gates & GATE_PROPAGATING:
        _propagate_add(ctx, argv, stream, options, int(id_position), text)
    if db.watchers or db.blocked or db.keyspace.listener is not None:
        db.signal(key)
    return bulk(text)


def choose_id(stream: Stream, now_ms: int, given: PartialId | None) -> tuple[int, int]:
    """The ID of the next entry: now, or right behind the last one when that is not before; or the given one."""
    last_ms, last_seq = stream.last_ms, stream.last_seq
    if given is None:
        if now_ms > last_ms:
            return now_ms, 0
        if last_seq < SMALL_MAX or last_seq < PART_MAX:
            return last_ms, last_seq + 1
    if last_seq == PART_MAX and last_ms == PART_MAX:
        raise CommandError(_IDS_EXHAUSTED)
    if given is None:
        return last_ms + 1, 0
    if not given.has_seq and given.ms == last_ms:
        if last_seq == PART_MAX:
            raise CommandError(_ID_SMALL)
        return last_ms, last_seq + 1
    if not stream.is_after_last(given.ms, given.seq):
        raise CommandError(_ID_SMALL)
    return given.ms, given.seq


def _propagate_add(
    ctx: Context,
    argv: list[bytes],
    stream: Stream,
    options: TrimOptions | None,
    id_position: int,
    text: bytes,
) -> None:
    """Names XADD's effect: the ID that was chosen, and how far the stream was trimmed."""
    effect = argv
    if options is not None and options.is_approximate:
        effect = exact_effect(argv, stream, options)
    given = None if options is None else options.entry_id
    if given is None or not given.has_seq:
        effect = effect[:]
        effect[id_position - len(argv)] = text
    ctx.propagate_as(effect)


# Reading.


@streams.command(
    "XLEN", arity=2, flags=READONLY | FAST, keys=first_key("RO"), since="5.0.0", syntax="key",
    complexity="O(1)",
)  # fmt: skip
def xlen(ctx: Context, argv: list[bytes]) -> bytes:
    """Counts the entries of a stream."""
    stream = read_stream(ctx, argv[1])
    return ZERO if stream is None else integer(stream.length)


@streams.command(
    "XRANGE", arity=-4, flags=READONLY, keys=first_key("RO access"), since="5.0.0",
    syntax="key start:string end:string [COUNT count]",
    complexity="O(log(N)+M) for M of N entries.",
    history=(("6.2.0", "Takes exclusive ranges."),),
)  # fmt: skip
def xrange(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the entries of a stream whose IDs are within a range."""
    return _range(ctx, argv, argv[2], argv[3], False)


@streams.command(
    "XREVRANGE", arity=-4, flags=READONLY, keys=first_key("RO access"), since="5.0.0",
    syntax="key end:string start:string [COUNT count]",
    complexity="O(log(N)+M) for M of N entries.",
    history=(("6.2.0", "Takes exclusive ranges."),),
)  # fmt: skip
def xrevrange(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the entries of a stream whose IDs are within a range, the last one first."""
    return _range(ctx, argv, argv[3], argv[2], True)


def _range(ctx: Context, argv: list[bytes], low: bytes, high: bytes, is_reverse: bool) -> bytes:
    start = start_argument(low)
    end = end_argument(high)
    count = -1
    i = 4
    while i < len(argv):
        if argv[i].upper() != b"COUNT" or i + 1 == len(argv):
            raise CommandError(SYNTAX)
        count = max(integer_argument(argv[i + 1]), 0)
        i += 2
    stream = read_stream(ctx, argv[1])
    if stream is None:
        return EMPTY_ARRAY
    if count == 0:
        return ctx.null_array
    return range_reply(stream, start, end, max(count, 0), is_reverse)


# Removing.


@streams.command(
    "XDEL", arity=-3, flags=WRITE | FAST, keys=first_key("RW delete"), since="5.0.0", syntax="key id...",
    complexity="O(log(N)) for each ID, with N entries.",
)  # fmt: skip
def xdel(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes entries from a stream, and returns how many of them there were."""
    db = ctx.db
    stream = write_stream(ctx, argv[1])
    if stream is None:
        return ZERO
    removed = 0
    is_first_gone = False
    for entry_id in [id_argument(text) for text in argv[2:]]:
        if stream.delete(entry_id):
            removed += 1
            is_first_gone = is_first_gone or entry_id == stream.first_id
    if removed:
        if is_first_gone or stream.length == 0:
            stream.find_first()
        note_change(db, argv[1])
        db.notify(events.STREAM, b"xdel", argv[1])
        db.keyspace.dirty += removed
    return integer(removed)


@streams.command(
    "XTRIM", arity=-4, flags=WRITE, keys=first_key("RW delete"), since="5.0.0",
    syntax='key trim:(strategy:(MAXLEN | MINID @6.2.0) [operator:(equal="=" | approximately="~")] threshold'
    " [LIMIT count @6.2.0])",
    complexity="O(N) to remove N entries, which go a node at a time.", tips=("nondeterministic_output",),
    history=(("6.2.0", "Takes `MINID` and `LIMIT`."),),
)  # fmt: skip
def xtrim(ctx: Context, argv: list[bytes]) -> bytes:
    """Removes the oldest entries from a stream."""
    options = parse_trim(ctx, argv, False)
    stream = write_stream(ctx, argv[1])
    if stream is None:
        return ZERO
    removed = trim(ctx, argv[1], stream, options)
    if removed:
        if options.is_approximate:
            ctx.propagate_as(exact_effect(argv, stream, options))
        note_change(ctx.db, argv[1])
        ctx.db.keyspace.dirty += removed
    return integer(removed)


# Setting the last ID.


@streams.command(
    "XSETID", arity=-3, flags=WRITE | DENYOOM | FAST, keys=first_key("RW update"), since="5.0.0",
    syntax="key last-id [ENTRIESADDED entries_added:integer @7.0.0] [MAXDELETEDID max_deleted_entry_id @7.0.0]",
    complexity="O(1)",
    history=(("7.0.0", "Takes `ENTRIESADDED` and `MAXDELETEDID`."),),
)  # fmt: skip
def xsetid(ctx: Context, argv: list[bytes]) -> bytes:
    """Sets the last ID of a stream, as when its values are carried over from another server."""
    last_id = id_argument(argv[2])
    entries_added = -1
    max_deleted_id = 0
    i = 3
    while i < len(argv):
        word = argv[i].upper()
        if i + 1 == len(argv) or word not in (b"ENTRIESADDED", b"MAXDELETEDID"):
            raise CommandError(SYNTAX)
        if word == b"ENTRIESADDED":
            entries_added = integer_argument(argv[i + 1])
            if entries_added < 0:
                raise CommandError(b"ERR entries_added must be positive")
        else:
            max_deleted_id = id_argument(argv[i + 1])
            if last_id < max_deleted_id:
                raise _refused_id(b"the provided max_deleted_entry_id")
        i += 2
    stream = write_stream(ctx, argv[1])
    if stream is None:
        raise CommandError(NO_SUCH_KEY)
    if last_id < stream.max_deleted_id:
        raise _refused_id(b"current max_deleted_entry_id")
    if stream.length > 0:
        if last_id < stream.edge_id(True):
            raise _refused_id(b"the target stream top item")
        if entries_added != -1 and stream.length > entries_added:
            raise CommandError(
                b"ERR The entries_added specified in XSETID is smaller than the target stream length"
            )
    stream.set_last_id(last_id)
    if entries_added != -1:
        stream.entries_added = entries_added
    if max_deleted_id:
        stream.max_deleted_id = max_deleted_id
    ctx.db.keyspace.dirty += 1
    ctx.db.notify(events.STREAM, b"xsetid", argv[1])
    return OK


def _refused_id(than: bytes) -> CommandError:
    return CommandError(b"ERR The ID specified in XSETID is smaller than " + than)
