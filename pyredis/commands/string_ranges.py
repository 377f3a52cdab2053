"""Parts of strings: APPEND GETRANGE SUBSTR SETRANGE.

The first edit turns a string into a bytearray, which the following ones change in place: appending costs what
is appended, however long the string has grown.
"""

from __future__ import annotations

from mypy_extensions import i64

from pyredis.commands.arguments import integer_argument
from pyredis.commands.registry import first_key
from pyredis.commands.strings import string_length, strings
from pyredis.engine.command import DENYOOM, FAST, READONLY, WRITE
from pyredis.engine.context import Context
from pyredis.errors import OFFSET_OUT_OF_RANGE, STRING_TOO_LONG, CommandError
from pyredis.keyspace import events
from pyredis.keyspace.database import Database, editable_string, string_bytes
from pyredis.protocol.encode import EMPTY_BULK, bulk, integer


def check_length(ctx: Context, length: int) -> None:
    """Raises when a string would grow beyond `proto-max-bulk-len`."""
    if length > ctx.engine.max_bulk:
        raise CommandError(STRING_TOO_LONG)


def edited(db: Database, key: bytes) -> None:
    """Signals a change made in place."""
    db.keyspace.dirty += 1
    db.signal(key)


@strings.command(
    "APPEND", arity=3, flags=WRITE | DENYOOM | FAST, keys=first_key("RW insert"), since="2.0.0",
    syntax="key value", complexity="O(N) for N bytes appended, amortized",
)  # fmt: skip
def append(ctx: Context, argv: list[bytes]) -> bytes:
    """Appends to the string value of a key and returns its length; creates the key when it is missing."""
    db = ctx.db
    key, extra = argv[1], argv[2]
    value = db.lookup(key)
    length: i64 = len(extra)
    if value is None:
        db.replace(key, extra)
    else:
        length += string_length(value)
        check_length(ctx, length)
        buffer = editable_string(db, key, value)
        buffer += extra
        edited(db, key)
    db.notify(events.STRING, b"append", key)
    return integer(length)


@strings.command(
    "SETRANGE", arity=4, flags=WRITE | DENYOOM, keys=first_key("RW update"), since="2.2.0",
    syntax="key offset value", complexity="O(N) for N bytes written; the first edit of a string copies it",
)  # fmt: skip
def setrange(ctx: Context, argv: list[bytes]) -> bytes:
    """Overwrites a part of the string value of a key, which grows with zero bytes as far as needed."""
    offset = integer_argument(argv[2])
    if offset < 0:
        raise CommandError(OFFSET_OUT_OF_RANGE)
    db = ctx.db
    key, patch = argv[1], argv[3]
    value = db.lookup(key)
    length = 0 if value is None else string_length(value)
    if not patch:
        return integer(length)
    end = offset + len(patch)
    check_length(ctx, end)
    if value is None:
        buffer = bytearray(end)
        buffer[offset:] = patch
        db.replace(key, buffer)
    else:
        buffer = editable_string(db, key, value)
        if offset > length:
            buffer += bytes(offset - length)
        buffer[offset:end] = patch
        edited(db, key)
    db.notify(events.STRING, b"setrange", key)
    return integer(len(buffer))


@strings.command(
    "GETRANGE", arity=4, flags=READONLY, keys=first_key("RO access"), since="2.4.0",
    syntax="key start end", complexity="O(N) for N bytes returned",
)  # fmt: skip
def getrange(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns a part of the string value of a key."""
    return part_of(ctx, argv)


@strings.command(
    "SUBSTR", arity=4, flags=READONLY, keys=first_key("RO access"), since="1.0.0",
    syntax="key start end", complexity="O(N) for N bytes returned", deprecated=("2.0.0", "`GETRANGE`"),
)  # fmt: skip
def substr(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns a part of the string value of a key, under the name of old."""
    return part_of(ctx, argv)


def part_of(ctx: Context, argv: list[bytes]) -> bytes:
    """The bytes from one index to another, both included; negative ones count from the end."""
    start = integer_argument(argv[2])
    end = integer_argument(argv[3])
    value = ctx.db.lookup_read(argv[1])
    if value is None:
        return EMPTY_BULK
    length = string_length(value)
    # Counted from the end, an inverted range is empty; clipped to the string it could become its first byte.
    if end < start < 0:
        return EMPTY_BULK
    if start < 0:
        start = max(start + length, 0)
    if end < 0:
        end = max(end + length, 0)
    if start > end or start >= length:
        return EMPTY_BULK
    end = min(end + 1, length)
    if isinstance(value, bytearray):
        return bulk(bytes(value[start:end]))
    return bulk(string_bytes(value)[start:end])
