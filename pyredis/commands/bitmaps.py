"""Bitmap commands: SETBIT GETBIT BITCOUNT BITPOS BITOP BITFIELD BITFIELD_RO.

A bitmap is a string. Commands that write turn it into a bytearray first, even when they change nothing, as
Redis makes it raw; the arithmetic stands in `pyredis.datatypes.bits`.
"""

from __future__ import annotations

from typing import Any, Final

from pyredis.commands.arguments import integer_argument
from pyredis.commands.registry import CommandGroup, first_key, key_range, nth_key
from pyredis.datatypes import bits
from pyredis.datatypes.numbers import INT64_MAX, parse_int64
from pyredis.engine.command import DENYOOM, FAST, READONLY, WRITE, KeyPosition
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, CommandError
from pyredis.keyspace import events
from pyredis.keyspace.database import Database, editable_string, string_bytes
from pyredis.protocol.encode import ONE, ZERO, array_header, integer

bitmaps: Final = CommandGroup("bitmap", acl=("bitmap",))

BAD_OFFSET: Final = b"ERR bit offset is not an integer or out of range"
BAD_BIT: Final = b"ERR bit is not an integer or out of range"
BAD_FIELD_TYPE: Final = (
    b"ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
)
MINUS_ONE: Final = b":-1\r\n"
SIGN_BIT_64: Final = 1 << 63
MASK_64: Final = (1 << 64) - 1


def offset_argument(ctx: Context, text: bytes) -> int:
    """The offset of a bit that a string of the longest allowed size could have."""
    offset = parse_int64(text)
    if offset is None or offset < 0 or offset >> 3 >= ctx.engine.max_bulk:
        raise CommandError(BAD_OFFSET)
    return offset


def readable(value: Any) -> bytes | bytearray:
    """The bytes of a string that is only looked at, without copying; None is the empty string."""
    if isinstance(value, (bytes, bytearray)):
        return value
    return b"" if value is None else string_bytes(value)


@bitmaps.command(
    "SETBIT", arity=4, flags=WRITE | DENYOOM, keys=first_key("RW access update"), since="2.2.0",
    syntax="key offset value:integer", complexity="O(1)",
)  # fmt: skip
def setbit(ctx: Context, argv: list[bytes]) -> bytes:
    """Sets or clears one bit of a string, which grows to hold it; returns what the bit was."""
    offset = offset_argument(ctx, argv[2])
    bit = integer_argument(argv[3], BAD_BIT)
    if bit & ~1:
        raise CommandError(BAD_BIT)
    db = ctx.db
    key = argv[1]
    byte = offset >> 3
    mask = 0x80 >> (offset & 7)
    value = db.lookup(key)
    if value is None:
        fresh = bytearray(byte + 1)
        fresh[byte] = mask if bit else 0
        db.replace(key, fresh)
        db.notify(events.STRING, b"setbit", key)
        return ZERO
    data = editable_string(db, key, value)
    has_grown = bits.grow(data, byte + 1)
    old = data[byte]
    was_set = old & mask != 0
    if has_grown or was_set != (bit == 1):
        data[byte] = old | mask if bit else old & ~mask
        db.keyspace.dirty += 1
        db.signal(key)
        db.notify(events.STRING, b"setbit", key)
    return ONE if was_set else ZERO


@bitmaps.command(
    "GETBIT", arity=3, flags=READONLY | FAST, keys=first_key("RO access"), since="2.2.0",
    syntax="key offset", complexity="O(1)",
)  # fmt: skip
def getbit(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns one bit of a string; beyond its end all bits are 0."""
    offset = offset_argument(ctx, argv[2])
    data = readable(ctx.db.lookup_read(argv[1]))
    byte = offset >> 3
    return ONE if byte < len(data) and data[byte] & (0x80 >> (offset & 7)) else ZERO


def is_bit_unit(word: bytes) -> bool:
    """Whether a range counts in bits (BIT) or bytes (BYTE)."""
    unit = word.upper()
    if unit != b"BIT" and unit != b"BYTE":
        raise CommandError(SYNTAX)
    return unit == b"BIT"


def clamp(position: int, length: int) -> int:
    """Counts a negative position from the end, and cuts it off at the beginning."""
    return max(position + length, 0) if position < 0 else position


@bitmaps.command(
    "BITCOUNT", arity=-2, flags=READONLY, keys=first_key("RO access"), since="2.6.0",
    syntax="key [range:(start end [unit:(BYTE | BIT) @7.0.0])]", complexity="O(N)",
    history=(("7.0.0", "Added the `BYTE|BIT` option."),),
)  # fmt: skip
def bitcount(ctx: Context, argv: list[bytes]) -> bytes:
    """Counts the bits that are set in a string or a part of it."""
    if len(argv) == 2:
        return integer(bits.count_ones(readable(ctx.db.lookup_read(argv[1]))))
    if len(argv) != 4 and len(argv) != 5:
        raise CommandError(SYNTAX)
    start = integer_argument(argv[2])
    end = integer_argument(argv[3])
    in_bits = len(argv) == 5 and is_bit_unit(argv[4])
    data = readable(ctx.db.lookup_read(argv[1]))
    length = len(data) * 8 if in_bits else len(data)
    if end < start < 0:
        return ZERO
    start = clamp(start, length)
    end = min(clamp(end, length), length - 1)
    if start > end:
        return ZERO
    if in_bits:
        return integer(bits.count_ones_between(data, start, end))
    return integer(bits.count_ones(data if end - start + 1 == length else data[start : end + 1]))


@bitmaps.command(
    "BITPOS", arity=-3, flags=READONLY, keys=first_key("RO access"), since="2.8.7",
    syntax="key bit [range:(start [end-unit-block:(end [unit:(BYTE | BIT) @7.0.0])])]", complexity="O(N)",
    history=(("7.0.0", "Added the `BYTE|BIT` option."),),
)  # fmt: skip
def bitpos(ctx: Context, argv: list[bytes]) -> bytes:
    """Finds the first bit that is set or clear in a string or a part of it.

    Without an end the string goes on with zeros for ever, unless the range is empty.
    """
    bit = integer_argument(argv[2])
    if bit & ~1:
        raise CommandError(b"ERR The bit argument must be 1 or 0.")
    count = len(argv)
    if count > 6:
        raise CommandError(SYNTAX)
    start = integer_argument(argv[3]) if count > 3 else 0
    in_bits = count == 6 and is_bit_unit(argv[5])
    end = integer_argument(argv[4]) if count > 4 else -1
    value = ctx.db.lookup_read(argv[1])
    if value is None:
        return MINUS_ONE if bit else ZERO
    data = readable(value)
    length = len(data) * 8 if in_bits else len(data)
    start = clamp(start, length)
    end = min(clamp(end, length), length - 1)
    if start > end:
        return MINUS_ONE
    if not in_bits:
        start, end = start * 8, end * 8 + 7
    position = bits.find_bit(data, bit, start, end)
    if position < 0 and bit == 0 and count < 5:
        position = len(data) * 8
    return integer(position)


OPERATIONS: Final = {b"AND": bits.AND, b"OR": bits.OR, b"XOR": bits.XOR}


@bitmaps.command(
    "BITOP", arity=-4, flags=WRITE | DENYOOM,
    keys=nth_key("OW update", 2) + key_range("RO access", 3, -1), since="2.6.0",
    syntax="operation:(AND | OR | XOR | NOT) destkey key...", complexity="O(N)",
)  # fmt: skip
def bitop(ctx: Context, argv: list[bytes]) -> bytes:
    """Stores the AND, OR or XOR of strings, or the NOT of one; shorter ones go on with zeros."""
    word = argv[1].upper()
    if word == b"NOT":
        if len(argv) != 4:
            raise CommandError(b"ERR BITOP NOT must be called with a single source key.")
    elif word not in OPERATIONS:
        raise CommandError(SYNTAX)
    db = ctx.db
    values: list[bytes | bytearray] = [readable(db.lookup_read(key)) for key in argv[3:]]
    result = bits.invert(values[0]) if word == b"NOT" else bits.combine(OPERATIONS[word], values)
    target = argv[2]
    if result:
        # Redis leaves the result raw: what is short, or looks like a number, must not be stored as plain
        # bytes.
        db.store(target, result if len(result) > 64 else bytearray(result))
        db.notify(events.STRING, b"set", target)
    elif db.delete(target):
        db.notify(events.GENERIC, b"del", target)
    return integer(len(result))


GET: Final = 0
SET: Final = 1
INCRBY: Final = 2

OVERFLOWS: Final = {b"WRAP": bits.WRAP, b"SAT": bits.SATURATE, b"FAIL": bits.FAIL}


class FieldOperation:
    """One GET, SET or INCRBY of a BITFIELD; `operand` is the value or the increment."""

    def __init__(
        self, kind: int, is_signed: bool, width: int, offset: int, operand: int, overflow: int
    ) -> None:
        self.kind: int = kind
        self.is_signed: bool = is_signed
        self.width: int = width
        self.offset: int = offset
        self.operand: int = operand
        self.overflow: int = overflow


FIELD_TYPES: Final = {b"u%d" % width: width for width in range(1, 64)} | {
    b"i%d" % width: -width for width in range(1, 65)
}
"""The width of each field type: positive for `u8`, negative for `i8`."""


def width_argument(text: bytes) -> int:
    """The width of a field type, as in `FIELD_TYPES`; as in C, a NUL ends the text."""
    width = FIELD_TYPES.get(text)
    if width is None:
        width = FIELD_TYPES.get(text.split(b"\0")[0])
        if width is None:
            raise CommandError(BAD_FIELD_TYPE)
    return width


def field_offset_argument(ctx: Context, text: bytes, width: int) -> int:
    """The offset of a field; after `#` it counts in fields, and the product wraps at 64 bits as in Redis."""
    if not text.startswith(b"#"):
        return offset_argument(ctx, text)
    index = parse_int64(text[1:])
    if index is None:
        raise CommandError(BAD_OFFSET)
    offset = index * width & MASK_64
    if offset & SIGN_BIT_64 or offset >> 3 >= ctx.engine.max_bulk:
        raise CommandError(BAD_OFFSET)
    return offset


def parse_fields(ctx: Context, argv: list[bytes]) -> list[FieldOperation]:
    """Reads the operations of a BITFIELD; OVERFLOW holds for those that follow it."""
    operations: list[FieldOperation] = []
    overflow = bits.WRAP
    position = 2
    count = len(argv)
    while position < count:
        word = argv[position].upper()
        left = count - position - 1
        if word == b"GET" and left >= 2:
            kind = GET
        elif word == b"SET" and left >= 3:
            kind = SET
        elif word == b"INCRBY" and left >= 3:
            kind = INCRBY
        elif word == b"OVERFLOW" and left >= 1:
            policy = OVERFLOWS.get(argv[position + 1].upper())
            if policy is None:
                raise CommandError(b"ERR Invalid OVERFLOW type specified")
            overflow = policy
            position += 2
            continue
        else:
            raise CommandError(SYNTAX)
        signed_width = width_argument(argv[position + 1])
        width = abs(signed_width)
        offset = field_offset_argument(ctx, argv[position + 2], width)
        operand = 0 if kind == GET else integer_argument(argv[position + 3])
        operations.append(FieldOperation(kind, signed_width < 0, width, offset, operand, overflow))
        position += 3 if kind == GET else 4
    return operations


def operand_to_set(operation: FieldOperation) -> int:
    """The value of a SET as Redis compares it with the limits of the field, in 64 bits.

    A negative value for an unsigned field is a huge one, so that SAT makes it the highest, not 0. The lowest
    values for a signed one overflow in the comparison, and then SAT makes the highest of them, too.
    """
    value, width = operation.operand, operation.width
    if not operation.is_signed:
        return value & MASK_64
    if width < 64 and operation.overflow == bits.SATURATE and value < (1 << (width - 1)) - SIGN_BIT_64:
        return INT64_MAX
    return value


def write_field(ctx: Context, data: bytearray, operation: FieldOperation) -> tuple[bytes, bool]:
    """Runs a SET or INCRBY on a string that is long enough; the reply, and whether the field changed.

    SET answers the old value and INCRBY the new one; both answer null when FAIL forbids what would not fit.
    """
    width, is_signed = operation.width, operation.is_signed
    old = bits.get_field(data, operation.offset, width, is_signed)
    if operation.kind == INCRBY:
        wanted = old + operation.operand
    else:
        wanted = operand_to_set(operation)
    new = bits.fit(wanted, width, is_signed, operation.overflow)
    if new is None:
        return ctx.null, False
    bits.set_field(data, operation.offset, width, new)
    return integer(new if operation.kind == INCRBY else old), new != old


def run_fields(ctx: Context, key: bytes, operations: list[FieldOperation], bits_needed: int) -> bytes:
    """Runs the operations of a BITFIELD that writes; `bits_needed` is where its farthest field ends.

    Redis grows the string even when FAIL then forbids every write, without telling anybody. Here such a
    growth is logged and breaks a WATCH, for a replica and a restarted server would otherwise hold another
    string; there is no event for it.
    """
    db: Database = ctx.db
    size = (bits_needed + 7) >> 3
    value = db.lookup(key)
    is_new = value is None
    data = bytearray(size) if is_new else editable_string(db, key, value)
    has_grown = is_new or bits.grow(data, size)
    changes = 0
    reply = array_header(len(operations))
    for operation in operations:
        if operation.kind == GET:
            field = bits.get_field(data, operation.offset, operation.width, operation.is_signed)
            reply += integer(field)
        else:
            part, has_changed = write_field(ctx, data, operation)
            reply += part
            if has_changed or (has_grown and part is not ctx.null):
                changes += 1
    if is_new:
        db.replace(key, data)
        db.keyspace.dirty += max(changes - 1, 0)
    elif changes or has_grown:
        db.keyspace.dirty += max(changes, 1)
        db.signal(key)
    if changes:
        db.notify(events.STRING, b"setbit", key)
    return reply


def bitfield_reply(ctx: Context, argv: list[bytes], is_readonly: bool) -> bytes:
    """BITFIELD, or BITFIELD_RO when `is_readonly`."""
    operations = parse_fields(ctx, argv)
    bits_needed = 0
    for operation in operations:
        if operation.kind != GET:
            bits_needed = max(bits_needed, operation.offset + operation.width)
    if bits_needed:
        if is_readonly:
            raise CommandError(b"ERR BITFIELD_RO only supports the GET subcommand")
        return run_fields(ctx, argv[1], operations, bits_needed)
    data = readable(ctx.db.lookup_read(argv[1]))
    reply = array_header(len(operations))
    for operation in operations:
        reply += integer(bits.get_field(data, operation.offset, operation.width, operation.is_signed))
    return reply


def bitfield_keys(argv: list[bytes]) -> list[KeyPosition]:
    """The key of a BITFIELD, which is only read when there is nothing but GET and no mistake."""
    position = 2
    count = len(argv)
    while position < count:
        word = argv[position].upper()
        left = count - position - 1
        if word == b"GET" and left >= 2:
            position += 3
        elif word == b"OVERFLOW" and left >= 1:
            position += 2
        else:
            return [KeyPosition(1, (b"RW", b"access", b"update"))]
    return [KeyPosition(1, (b"RO", b"access"))]


@bitmaps.command(
    "BITFIELD", arity=-2, flags=WRITE | DENYOOM,
    keys=first_key(
        "RW access update variable_flags", "This command allows both access and modification of the key"
    ),
    since="3.2.0",
    syntax=(
        "key [operation:(GET get-block:(encoding offset)"
        " | write:([OVERFLOW overflow-block:(WRAP | SAT | FAIL)]"
        " write-operation:(SET set-block:(encoding offset value:integer)"
        " | INCRBY incrby-block:(encoding offset increment))))...]"
    ),
    complexity="O(1) for each subcommand specified", find_keys=bitfield_keys,
)  # fmt: skip
def bitfield(ctx: Context, argv: list[bytes]) -> bytes:
    """Reads, sets and increments integers of any width anywhere in a string."""
    return bitfield_reply(ctx, argv, False)


@bitmaps.command(
    "BITFIELD_RO", arity=-2, flags=READONLY | FAST, keys=first_key("RO access"), since="6.0.0",
    syntax="key [GET... get-block:(encoding offset)]", complexity="O(1) for each subcommand specified",
)  # fmt: skip
def bitfield_ro(ctx: Context, argv: list[bytes]) -> bytes:
    """Reads integers of any width anywhere in a string."""
    return bitfield_reply(ctx, argv, True)
