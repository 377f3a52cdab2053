"""How streams answer: IDs, entries and ranges of entries, and what all stream commands share to find a stream."""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from pyredis.commands.arguments import c_text
from pyredis.commands.registry import CommandGroup
from pyredis.datatypes.listpack import read_integer, read_text, skip
from pyredis.datatypes.stream import Stream, StreamCursor
from pyredis.datatypes.stream_ids import ID_MAX, id_text, parse_id, parts_text
from pyredis.datatypes.stream_node import SAME_FIELDS, StreamNode, add_difference
from pyredis.engine.context import Context
from pyredis.errors import WRONG_TYPE, CommandError
from pyredis.keyspace.database import Database
from pyredis.protocol.encode import CRLF, array_header, bulk, write_bulk

streams: Final = CommandGroup("stream", acl=("stream",))

INVALID_ID: Final = b"ERR Invalid stream ID specified as stream command argument"
_INVALID_START: Final = b"ERR invalid start ID for the interval"
_INVALID_END: Final = b"ERR invalid end ID for the interval"

PAIR: Final = b"*2\r\n"
_SHORT_HEADERS: Final = [b"$%d\r\n" % length for length in range(64)]
_SMALL_NUMBERS: Final = [b"$%d\r\n%d\r\n" % (len(str(number)), number) for number in range(128)]


# Streams and their changes.


def expect_stream(value: object) -> Stream:
    """Narrows a value that was found to a stream, or raises WRONGTYPE."""
    if isinstance(value, Stream):
        return value
    raise CommandError(WRONG_TYPE)


def read_stream(ctx: Context, key: bytes) -> Stream | None:
    """The stream at a key, to be read; None when there is none."""
    value = ctx.db.lookup_read(key)
    return None if value is None else expect_stream(value)


def write_stream(ctx: Context, key: bytes) -> Stream | None:
    """The stream at a key, to be changed; None when there is none."""
    value = ctx.db.lookup(key)
    return None if value is None else expect_stream(value)


def note_change(db: Database, key: bytes) -> None:
    """Tells of a change that gives those who wait for the key nothing to read."""
    if db.watchers:
        db.touch_watchers(key)
    listener = db.keyspace.listener
    if listener is not None:
        listener.key_changed(db, key)


def wake_waiters(db: Database, key: bytes) -> None:
    """Lets those who wait for a key look at it, although its value did not change."""
    if db.blocked and key in db.blocked:
        db.keyspace.ready.append((db, key))


def no_group(key: bytes, group: bytes, where: bytes = b"") -> CommandError:
    """The error for a key or group that is not there."""
    names = b"'%b' or consumer group '%b'" % (c_text(key), c_text(group))
    return CommandError(b"NOGROUP No such key " + names + where)


# IDs.


def id_argument(text: bytes) -> int:
    """A complete or partial ID, without `-` and `+`; a missing sequence number is 0."""
    entry_id = parse_id(text, 0, True)
    if entry_id is None:
        raise CommandError(INVALID_ID)
    return entry_id


def start_argument(text: bytes) -> int:
    """The lower end of an interval, to be included."""
    if len(text) > 1 and text[0] == 40:
        entry_id = id_argument(text[1:])
        if entry_id == ID_MAX:
            raise CommandError(_INVALID_START)
        return entry_id + 1
    bound = parse_id(text, 0, False)
    if bound is None:
        raise CommandError(INVALID_ID)
    return bound


def end_argument(text: bytes) -> int:
    """The upper end of an interval, to be included; a missing sequence number is the highest."""
    if len(text) > 1 and text[0] == 40:
        entry_id = parse_id(text[1:], (1 << 64) - 1, True)
        if entry_id is None:
            raise CommandError(INVALID_ID)
        if entry_id == 0:
            raise CommandError(_INVALID_END)
        return entry_id - 1
    bound = parse_id(text, (1 << 64) - 1, False)
    if bound is None:
        raise CommandError(INVALID_ID)
    return bound


def id_reply(entry_id: int) -> bytes:
    """An ID as a bulk string."""
    return bulk(id_text(entry_id))


# Entries.


def write_entry(writer: BytesWriter, node: StreamNode, index: i64) -> None:
    """Appends an entry to a reply: an array of its ID and an array of fields and values."""
    image = node.image()
    position = i64(node.offsets[index])
    flags: i64 = image[position]
    position += 2
    ms = add_difference(node.ms, read_integer(image, position))
    position = skip(image, position)
    seq = add_difference(node.seq, read_integer(image, position))
    position = skip(image, position)
    writer.write(PAIR)
    write_bulk(writer, parts_text(ms, seq))
    if flags & SAME_FIELDS:
        fields = node.fields
        writer.write(array_header(2 * len(fields)))
        for field in fields:
            write_bulk(writer, field)
            position = write_element(writer, image, position)
        return
    words: i64 = 2 * read_integer(image, position)
    writer.write(array_header(words))
    position = skip(image, position)
    while words > 0:
        position = write_element(writer, image, position)
        words -= 1


def write_element(writer: BytesWriter, data: bytes, position: i64) -> i64:
    """Appends the element of a listpack at `position` as a bulk string; returns where the element ends."""
    first: i64 = data[position]
    if first < 128:
        writer.write(_SMALL_NUMBERS[first])
        return position + 2
    if first < 192:
        length: i64 = first & 63
        start: i64 = position + 1
        end: i64 = start + length
        writer.write(_SHORT_HEADERS[length])
        writer.write(data[start:end])
        writer.write(CRLF)
        return end + 1
    write_bulk(writer, read_text(data, position))
    return skip(data, position)


def write_range(writer: BytesWriter, cursor: StreamCursor, count: int) -> int:
    """Appends up to `count` entries, all for 0, to a reply, and returns how many these were."""
    written = 0
    while cursor.advance():
        write_entry(writer, cursor.node(), cursor.index)
        written += 1
        if written == count:
            break
    return written


def range_reply(stream: Stream, start: int, end: int, count: int, is_reverse: bool) -> bytes:
    """An array of up to `count` entries, all for 0. O(log n) and O(entries)."""
    writer = BytesWriter()
    written = write_range(writer, StreamCursor(stream, start, end, is_reverse), count)
    return array_header(written) + writer.getvalue()


def entry_reply(stream: Stream, entry_id: int) -> bytes | None:
    """One entry, None when it is not there."""
    cursor = StreamCursor(stream, entry_id, entry_id, False)
    if not cursor.advance():
        return None
    writer = BytesWriter()
    write_entry(writer, cursor.node(), cursor.index)
    return writer.getvalue()
