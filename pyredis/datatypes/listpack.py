"""The elements of Redis's listpacks: written, skipped, and read back.

A stream keeps its entries in this form, byte for byte as Redis does: it is compact, decides when a node of
the stream is full, and is what RDB files hold. An element is an encoding byte, its data, and the length of
both once more behind it, for reading backwards; a text that is the canonical form of an integer is stored as
that integer.

Measured compiled: writing an element 15 to 30 ns, skipping one 3 ns.
"""

from __future__ import annotations

from typing import Final

from librt.strings import (
    BytesWriter,
    read_i16_le,
    read_i32_le,
    read_i64_le,
    write_i32_le,
    write_i64_le,
)
from mypy_extensions import i32, i64

from pyredis.datatypes.numbers import LONGEST_INT64, parse_int64

END: Final = b"\xff"
OVERHEAD: Final[i64] = 7
"""Bytes of a listpack without elements: its header and its end."""

MANY: Final[i64] = 65535
"""What the header says of more elements than it can count."""

_STRING_6: Final = 0x80
_INTEGER_13: Final = 0xC0
_STRING_12: Final = 0xE0
_STRING_32: Final = 0xF0
_INTEGER_16: Final = 0xF1
_INTEGER_24: Final = 0xF2
_INTEGER_32: Final = 0xF3
_INTEGER_64: Final = 0xF4

_NINE: Final[i64] = 57


def integer_size(value: i64) -> i64:
    """Bytes that an integer takes."""
    if value < 4096 and value >= -4096:
        return 2 if 0 <= value < 128 else 3
    if -32768 <= value <= 32767:
        return 4
    if -8388608 <= value <= 8388607:
        return 5
    return 6 if -2147483648 <= value <= 2147483647 else 10


def write_integer(writer: BytesWriter, value: i64) -> None:
    """Appends an integer.

    Bytes go through an `int`, here and below: with an `i64`, `append` would be a call of Python's.
    """
    low: int = value & 255
    second: int = (value >> 8) & 255
    if 0 <= value < 128:
        writer.append(low)
        writer.append(1)
    elif -4096 <= value < 4096:
        writer.append(_INTEGER_13 | (second & 31))
        writer.append(low)
        writer.append(2)
    elif -32768 <= value <= 32767:
        writer.append(_INTEGER_16)
        writer.append(low)
        writer.append(second)
        writer.append(3)
    elif -2147483648 <= value <= 2147483647:
        third: int = (value >> 16) & 255
        is_short = -8388608 <= value <= 8388607
        writer.append(_INTEGER_24 if is_short else _INTEGER_32)
        writer.append(low)
        writer.append(second)
        writer.append(third)
        if is_short:
            writer.append(4)
            return
        fourth: int = (value >> 24) & 255
        writer.append(fourth)
        writer.append(5)
    else:
        writer.append(_INTEGER_64)
        write_i64_le(writer, value)
        writer.append(9)


def write_text(writer: BytesWriter, text: bytes) -> None:
    """Appends a text, as an integer if it reads like one."""
    length: i64 = len(text)
    if length <= LONGEST_INT64 and length > 0 and text[0] <= _NINE:
        value = parse_int64(text)
        if value is not None:
            write_integer(writer, value)
            return
    head: int
    if length < 64:
        head = _STRING_6 | length
        writer.append(head)
        writer.write(text)
        head = length + 1
        writer.append(head)
        return
    size: i64
    if length < 4096:
        head = _STRING_12 | (length >> 8)
        low: int = length & 255
        writer.append(head)
        writer.append(low)
        size = length + 2
    else:
        head = _STRING_32
        writer.append(head)
        write_i32_le(writer, i32(length))
        size = length + 5
    writer.write(text)
    _write_backlen(writer, size)


def _write_backlen(writer: BytesWriter, size: i64) -> None:
    """Appends the length of what stands before it: seven bits a byte, the highest first."""
    count = _backlen_size(size)
    shift: i64 = 7 * (count - 1)
    part: int = size >> shift
    writer.append(part)
    while shift > 0:
        shift -= 7
        part = ((size >> shift) & 127) | 128
        writer.append(part)


def _backlen_size(size: i64) -> i64:
    if size <= 127:
        return 1
    if size < 16383:
        return 2
    if size < 2097151:
        return 3
    return 4 if size < 268435455 else 5


def skip(data: bytes, position: i64) -> i64:
    """Where the element that begins at `position` ends."""
    first: i64 = data[position]
    if first < _STRING_6:
        return position + 2
    if first < _INTEGER_13:
        return position + 2 + (first & 63)
    if first < _STRING_12:
        return position + 3
    if first >= _INTEGER_16:
        if first == _INTEGER_16:
            return position + 4
        if first == _INTEGER_24:
            return position + 5
        return position + 6 if first == _INTEGER_32 else position + 10
    size = _long_header(first) + _long_length(data, position, first)
    return position + size + _backlen_size(size)


def skip_many(data: bytes, position: i64, count: i64) -> i64:
    """Where `count` elements from `position` on end."""
    while count > 0:
        position = skip(data, position)
        count -= 1
    return position


def _long_header(first: i64) -> i64:
    return 5 if first == _STRING_32 else 2


def _long_length(data: bytes, position: i64, first: i64) -> i64:
    """The length of a text of 64 bytes or more."""
    if first != _STRING_32:
        second: i64 = data[position + 1]
        return ((first & 15) << 8) | second
    length = i64(read_i32_le(data, position + 1))
    return length if length >= 0 else length + 4294967296


def read_integer(data: bytes, position: i64) -> i64:
    """The integer at `position`; there must be one."""
    first: i64 = data[position]
    if first < _STRING_6:
        return first
    second: i64
    if first < _STRING_12:
        second = data[position + 1]
        value: i64 = ((first & 31) << 8) | second
        return value if value < 4096 else value - 8192
    if first == _INTEGER_16:
        return i64(read_i16_le(data, position + 1))
    if first == _INTEGER_24:
        second = data[position + 3]
        low: i64 = data[position + 1]
        middle: i64 = data[position + 2]
        value = (second << 16) | (middle << 8) | low
        return value if value < 8388608 else value - 16777216
    if first == _INTEGER_32:
        return i64(read_i32_le(data, position + 1))
    if first != _INTEGER_64:
        raise ValueError("no integer in a listpack where there has to be one")
    return read_i64_le(data, position + 1)


def read_text(data: bytes, position: i64) -> bytes:
    """The text of the element at `position`."""
    first: i64 = data[position]
    if _STRING_6 <= first < _INTEGER_13:
        return data[position + 1 : position + 1 + (first & 63)]
    if _STRING_12 <= first <= _STRING_32:
        start = position + _long_header(first)
        return data[start : start + _long_length(data, position, first)]
    return str(read_integer(data, position)).encode()


def assemble(elements: bytes, count: i64) -> bytes:
    """A whole listpack of elements that are encoded already."""
    writer = BytesWriter()
    size: i64 = len(elements) + OVERHEAD
    write_i32_le(writer, i32(size))
    if count >= MANY:
        writer.append(255)
        writer.append(255)
    else:
        writer.append(count & 255)
        writer.append(count >> 8)
    writer.write(elements)
    writer.write(END)
    return writer.getvalue()
