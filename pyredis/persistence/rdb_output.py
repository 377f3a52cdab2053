"""Bytes, lengths and strings of RDB data, on their way to a sink.

What is written gathers in a buffer; `spill` passes it on once it is large, with its part of the checksum. Strings
are written as Redis writes them: as integers of up to 32 bits if they are short and read like one, else compressed
if they are longer than 20 bytes and it saves at least four.
"""

from __future__ import annotations

from typing import Final

from librt.strings import (
    BytesWriter,
    write_f64_le,
    write_i16_le,
    write_i32_be,
    write_i32_le,
    write_i64_be,
    write_i64_le,
)
from mypy_extensions import i16, i32, i64, mypyc_attr

from pyredis.datatypes.numbers import parse_int64
from pyredis.persistence.crc64 import crc64
from pyredis.persistence.lzf import compress
from pyredis.persistence.rdb_format import INT_8, INT_16, INT_32, LENGTH_32, LENGTH_64, LZF

SPILL: Final[i64] = 1 << 18
"""Bytes that gather before they are passed on."""

LONGEST_INTEGER: Final[i64] = 11
"""Longer strings are no integers of 32 bits."""

COMPRESSED_FROM: Final[i64] = 21
SAVING: Final[i64] = 4

_MINUS: Final[i64] = 45
_ZERO: Final[i64] = 48
_NINE: Final[i64] = 57


@mypyc_attr(allow_interpreted_subclasses=True)
class ByteSink:
    """Where RDB data goes."""

    def write(self, data: bytes) -> None:
        """Takes all of the data, or raises."""
        raise NotImplementedError


class RdbOutput:
    """See the module's text. Without a sink everything stays in `out`."""

    def __init__(self, sink: ByteSink | None, compresses: bool, sums: bool) -> None:
        self.sink: ByteSink | None = sink
        self.compresses: bool = compresses
        self.sums: bool = sums
        self.out: BytesWriter = BytesWriter()
        self.sum: int = 0
        # Bytes passed on so far.
        self.passed: i64 = 0

    def spill(self) -> None:
        """Passes the buffer on if it is large; called between parts of large values."""
        if self.sink is not None and i64(len(self.out)) >= SPILL:
            self.flush()

    def flush(self) -> None:
        """Passes on whatever there is."""
        sink = self.sink
        if sink is None:
            return
        data = self.out.getvalue()
        self.out = BytesWriter()
        if self.sums:
            self.sum = crc64(self.sum, data)
        self.passed += len(data)
        sink.write(data)

    def byte(self, value: i64) -> None:
        """One byte."""
        self.out.append(value)

    def integer_64(self, value: i64) -> None:
        """Eight bytes with a sign, the lowest first."""
        write_i64_le(self.out, value)

    def double(self, value: float) -> None:
        """Eight bytes."""
        write_f64_le(self.out, value)

    def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self.out.write(data)

    def length(self, value: i64) -> None:
        """A length, or a number in that form; a negative one is taken as unsigned."""
        out = self.out
        if value < 0:
            out.append(LENGTH_64)
            write_i64_be(out, value)
        elif value < 64:
            out.append(value)
        elif value < 16384:
            out.append(0x40 | (value >> 8))
            out.append(value & 255)
        elif value < 4294967296:
            out.append(LENGTH_32)
            write_i32_be(out, i32(value if value < 2147483648 else value - 4294967296))
        else:
            out.append(LENGTH_64)
            write_i64_be(out, value)

    def unsigned(self, value: int) -> None:
        """A number of up to 64 bits in the form of a length."""
        self.length(value if value < 1 << 63 else value - (1 << 64))

    def number(self, value: int) -> None:
        """A string that is an integer."""
        if -2147483648 <= value <= 2147483647:
            self._integer(value)
        else:
            text = b"%d" % value
            self.out.append(len(text))
            self.out.write(text)

    def _integer(self, value: i64) -> None:
        out = self.out
        if -128 <= value <= 127:
            out.append(INT_8)
            out.append(value & 255)
        elif -32768 <= value <= 32767:
            out.append(INT_16)
            write_i16_le(out, i16(value))
        else:
            out.append(INT_32)
            write_i32_le(out, i32(value))

    def string(self, text: bytes) -> None:
        """A string in the encoding that Redis chooses."""
        size: i64 = len(text)
        if 0 < size <= LONGEST_INTEGER:
            first: i64 = text[0]
            if first == _MINUS or _ZERO <= first <= _NINE:
                value = parse_int64(text)
                if value is not None and -2147483648 <= value <= 2147483647:
                    self._integer(value)
                    return
        elif size >= COMPRESSED_FROM and self.compresses:
            packed = compress(text, size - SAVING)
            if packed:
                self.out.append(LZF)
                self.length(len(packed))
                self.length(size)
                self.out.write(packed)
                return
        if size < 64:
            self.out.append(size)
        else:
            self.length(size)
        self.out.write(text)
