"""Bytes, lengths and strings of RDB data, from a source that is read piece by piece.

Nothing is believed: a length beyond what the source still has is refused before memory is taken for it, and where
nobody knows how much is left, memory grows only with what has really come. Every refusal is an `RdbError` with the
offset at which it was noticed.

The checksum is taken of everything consumed, at the latest when a piece is given up for the next one.
"""

from __future__ import annotations

from typing import Final, NoReturn

from librt.strings import (
    read_f32_le,
    read_f64_le,
    read_i16_le,
    read_i32_be,
    read_i32_le,
    read_i64_be,
    read_i64_le,
)
from mypy_extensions import i64, mypyc_attr

from pyredis.persistence.crc64 import crc64
from pyredis.persistence.errors import RdbError
from pyredis.persistence.lzf import LzfError, decompress
from pyredis.persistence.rdb_format import INT_8, INT_16, INT_32, LENGTH_32, LENGTH_64, LZF

PIECE: Final[i64] = 1 << 17
"""Bytes that are read at once."""

UNKNOWN: Final = -1

LZF_GAIN: Final[i64] = 88
"""The most bytes that one compressed byte can stand for: three bytes refer to 264."""


@mypyc_attr(allow_interpreted_subclasses=True)
class ByteSource:
    """Where RDB data comes from."""

    def read(self, size: int) -> bytes:
        """The next bytes, up to `size`; none at the end."""
        raise NotImplementedError

    def remaining(self) -> int:
        """How many bytes are still to come, or UNKNOWN."""
        return UNKNOWN


class NoSource(ByteSource):
    """Nothing beyond what the input was given to begin with."""

    def read(self, size: int) -> bytes:
        """The end."""
        return b""

    def remaining(self) -> int:
        """None."""
        return 0


class RdbInput:
    """See the module's text. `data` is what stands before the source."""

    def __init__(self, source: ByteSource, data: bytes = b"", sums: bool = True) -> None:
        self.source: ByteSource = source
        self.sums: bool = sums
        self.buffer: bytes = data
        self.place: i64 = 0
        self.end: i64 = len(data)
        # The offset of the buffer, and how much of it is in the checksum.
        self.base: i64 = 0
        self.summed: i64 = 0
        self.sum: int = 0

    def offset(self) -> i64:
        """How many bytes have been consumed."""
        return self.base + self.place

    def fail(self, reason: str) -> NoReturn:
        """Refuses the data, from where it stands."""
        raise RdbError(reason, self.offset())

    def left(self) -> i64:
        """How many bytes are still to come, or UNKNOWN."""
        more: i64 = self.source.remaining()
        return UNKNOWN if more < 0 else more + self.end - self.place

    def checksum(self) -> int:
        """The checksum of everything consumed."""
        if self.sums and self.place > self.summed:
            self.sum = crc64(self.sum, self.buffer[self.summed : self.place])
            self.summed = self.place
        return self.sum

    def fill(self, size: i64, what: str) -> None:
        """Makes sure that `size` bytes lie in the buffer, or fails naming `what` was expected."""
        left = self.left()
        if size < 0 or (left != UNKNOWN and size > left):
            self.fail(f"expected {what}, {size} bytes, found {left} before the end")
        self.checksum()
        parts = [self.buffer[self.place :]]
        known: i64 = self.end - self.place
        while known < size:
            # Where the end is not known, a large size is no reason to ask for it at once.
            wanted = PIECE if left == UNKNOWN or size - known < PIECE else size - known
            part = self.source.read(wanted)
            if not part:
                self.fail(f"expected {what}, {size} bytes, found {known} before the end")
            parts.append(part)
            known += len(part)
        self.base += self.place
        self.buffer = b"".join(parts)
        self.place = 0
        self.summed = 0
        self.end = known

    def take(self, size: i64, what: str) -> bytes:
        """The next `size` bytes."""
        place = self.place
        if size < 0 or size > self.end - place:
            self.fill(size, what)
            place = self.place
        self.place = place + size
        return self.buffer[place : place + size]

    def byte(self, what: str) -> i64:
        """One byte."""
        if self.place >= self.end:
            self.fill(1, what)
        value: i64 = self.buffer[self.place]
        self.place += 1
        return value

    def integer_32(self, what: str) -> i64:
        """Four bytes with a sign, the lowest first."""
        if self.end - self.place < 4:
            self.fill(4, what)
        self.place += 4
        return i64(read_i32_le(self.buffer, self.place - 4))

    def integer_64(self, what: str) -> i64:
        """Eight bytes with a sign, the lowest first."""
        if self.end - self.place < 8:
            self.fill(8, what)
        self.place += 8
        return read_i64_le(self.buffer, self.place - 8)

    def double(self, what: str) -> float:
        """Eight bytes of a double."""
        if self.end - self.place < 8:
            self.fill(8, what)
        self.place += 8
        return read_f64_le(self.buffer, self.place - 8)

    def single(self, what: str) -> float:
        """Four bytes of a float."""
        if self.end - self.place < 4:
            self.fill(4, what)
        self.place += 4
        return read_f32_le(self.buffer, self.place - 4)

    def length(self, what: str) -> i64:
        """A length or a number in that form; above 2**63 it is refused."""
        code = self.byte(what)
        if code < 0x40:
            return code
        if code < 0x80:
            return ((code & 63) << 8) | self.byte(what)
        return self._long_length(code, what)

    def _long_length(self, code: i64, what: str) -> i64:
        value: i64
        if code == LENGTH_32:
            if self.end - self.place < 4:
                self.fill(4, what)
            self.place += 4
            return i64(read_i32_be(self.buffer, self.place - 4)) & 0xFFFFFFFF
        if code == LENGTH_64:
            if self.end - self.place < 8:
                self.fill(8, what)
            value = read_i64_be(self.buffer, self.place)
            if value < 0:
                self.fail(f"expected {what}, found a length of 2**63 or more")
            self.place += 8
            return value
        self.place -= 1
        self.fail(f"expected {what}, found the byte {code:#04x}")

    def unsigned(self, what: str) -> int:
        """A number in the form of a length, with all of its 64 bits: half of a stream's ID."""
        if self.end - self.place < 9 and self.left() >= 9:
            self.fill(9, what)
        if self.end - self.place >= 9 and i64(self.buffer[self.place]) == LENGTH_64:
            self.place += 9
            value: int = read_i64_be(self.buffer, self.place - 8)
            return value if value >= 0 else value + (1 << 64)
        return self.length(what)

    def count(self, what: str) -> i64:
        """How many parts follow, each of which takes a byte at least."""
        value = self.length(what)
        left = self.left()
        if left != UNKNOWN and value > left:
            self.fail(f"expected {what}, found {value}, more than the {left} bytes before the end")
        return value

    def string(self, what: str) -> bytes:
        """A string in any of its encodings."""
        code = self.byte(what)
        if code < 0x40:
            return self.take(code, what)
        if code < 0x80:
            return self.take(((code & 63) << 8) | self.byte(what), what)
        if code < INT_8:
            return self.take(self._long_length(code, what), what)
        if code == LZF:
            return self._compressed(what)
        if code == INT_8:
            value = self.byte(what)
            return b"%d" % (value - 256 if value >= 128 else value)
        if code == INT_16:
            if self.end - self.place < 2:
                self.fill(2, what)
            self.place += 2
            return b"%d" % read_i16_le(self.buffer, self.place - 2)
        if code == INT_32:
            return b"%d" % self.integer_32(what)
        self.place -= 1
        self.fail(f"expected {what}, found the unknown encoding {code:#04x}")

    def _compressed(self, what: str) -> bytes:
        packed_size = self.length(what)
        size = self.length(what)
        if size // LZF_GAIN > packed_size:
            self.fail(f"expected {what}, found {packed_size} bytes that cannot have been {size}")
        packed = self.take(packed_size, what)
        try:
            return decompress(packed, size)
        except LzfError:
            self.fail(f"expected {what}, found data that is not compressed as it says")
