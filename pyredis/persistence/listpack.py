"""The listpack: small elements in one piece of memory, as RDB files and DUMP payloads hold them.

    total bytes (4), number of elements (2, 65535 for "count them"), elements, 0xff

An element is an encoding byte with a length or an integer, the bytes, and the size of both once more, in groups of
seven bits, for walking backwards. Whatever reads like a canonical integer is stored as one.

`decode` believes nothing: every length is compared with what is left, every size at the end of an element with the
element, and both totals of the header with what was found.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter, read_i16_le, read_i32_le, read_i64_le
from mypy_extensions import i64

from pyredis.datatypes.listpack import assemble, write_text
from pyredis.persistence.errors import MalformedError

HEADER: Final[i64] = 6
MANY: Final[i64] = 65535
END: Final[i64] = 0xFF


def decode(data: bytes) -> list[bytes]:
    """The elements, integers as text; `MalformedError` for anything that is no listpack. O(n)."""
    last = _check_header(data)
    found: list[bytes] = []
    place: i64 = HEADER
    while place < last:
        start = place
        code: i64 = data[place]
        size: i64
        if code < 0x80:
            found.append(b"%d" % code)
            size = 1
        elif code < 0xC0:
            size = 1 + (code & 63)
            if size > last - place:
                raise MalformedError("the bytes of an element", place)
            found.append(data[place + 1 : place + size])
        else:
            size = _header_size(data, place, last)
            found.append(_long_element(data, place, size))
        place += size
        # Nearly every element is shorter than 128 bytes.
        if size < 128:
            if place >= last or i64(data[place]) != size:
                raise MalformedError("the size of an element", place)
            place += 1
        else:
            place = _check_backlen(data, start, place, size, last)
    count: i64 = i64(read_i16_le(data, 4)) & MANY
    if count not in (MANY, len(found)):
        raise MalformedError(f"{len(found)} as the number of elements", 4)
    return found


def _check_header(data: bytes) -> i64:
    """Returns where the end mark stands."""
    length: i64 = len(data)
    if length < HEADER + 1:
        raise MalformedError("a header of six bytes and an end", length)
    if i64(read_i32_le(data, 0)) != length:
        raise MalformedError(f"{length} as the total size", 0)
    if i64(data[length - 1]) != END:
        raise MalformedError("the end mark", length - 1)
    return length - 1


def _header_size(data: bytes, place: i64, last: i64) -> i64:
    """How long a longer element is with its encoding, without its size at the end."""
    code: i64 = data[place]
    left = last - place
    size: i64
    if code < 0xE0:
        size = 2
    elif code < 0xF0:
        if left < 2:
            raise MalformedError("the length of an element", place)
        size = 2 + (((code & 15) << 8) | i64(data[place + 1]))
    elif code == 0xF0:
        if left < 5:
            raise MalformedError("the length of an element", place)
        size = 5 + (i64(read_i32_le(data, place + 1)) & 0xFFFFFFFF)
    elif code <= 0xF3:
        size = code - 0xEE
    elif code == 0xF4:
        size = 9
    else:
        raise MalformedError("a known encoding", place)
    if size > left:
        raise MalformedError("the bytes of an element", place)
    return size


def _long_element(data: bytes, place: i64, size: i64) -> bytes:
    """A longer element, whose bytes are all there."""
    code: i64 = data[place]
    number: i64
    if code < 0xE0:
        number = ((code & 31) << 8) | i64(data[place + 1])
        return b"%d" % (number - 8192 if number >= 4096 else number)
    if code < 0xF0:
        return data[place + 2 : place + size]
    if code == 0xF0:
        return data[place + 5 : place + size]
    if code == 0xF1:
        number = i64(read_i16_le(data, place + 1))
    elif code == 0xF2:
        number = (i64(read_i16_le(data, place + 1)) & 0xFFFF) | (i64(data[place + 3]) << 16)
        if number >= 0x800000:
            number -= 0x1000000
    elif code == 0xF3:
        number = i64(read_i32_le(data, place + 1))
    else:
        number = read_i64_le(data, place + 1)
    return b"%d" % number


def _check_backlen(data: bytes, start: i64, place: i64, size: i64, last: i64) -> i64:
    """Where the next element starts, when the size of a long one stands behind it."""
    width = backlen_width(size)
    if width > last - place:
        raise MalformedError("the size of an element", place)
    shift = 7 * (width - 1)
    mark: i64 = 0
    while shift >= 0:
        if i64(data[place]) != ((size >> shift) & 127) | mark:
            raise MalformedError(f"{size} as the size of the element at byte {start}", place)
        mark = 128
        place += 1
        shift -= 7
    return place


def backlen_width(size: i64) -> i64:
    """Bytes of the size behind an element."""
    if size < 128:
        return 1
    if size < 16383:
        return 2
    if size < 2097151:
        return 3
    return 4 if size < 268435455 else 5


def encode(values: list[bytes]) -> bytes:
    """A listpack of these elements. O(n)."""
    out = BytesWriter()
    for value in values:
        write_text(out, value)
    return assemble(out.getvalue(), len(values))
