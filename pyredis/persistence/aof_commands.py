"""Commands as an append only file holds them: requests in RESP, between them lines that begin with `#`.

The reader is strict where the parser of the network is lax, as what it reads was written by a server: whatever is
no complete request ends the file there (a torn last write) or is an error. Both know the offset.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter

from pyredis.protocol.encode import array_header, write_bulk

COUNT_MAX: Final = 1024 * 1024 * 1024
BULK_MAX: Final = (1 << 63) - 1
LINE_MAX: Final = 128
"""No line is longer: a count, a length, or a time stamp."""

_HASH: Final = 35
_STAR: Final = 42
_DOLLAR: Final = 36


class AofFormatError(Exception):
    """Bytes that no server wrote, at an offset from the beginning of the file."""

    def __init__(self, offset: int, expected: str) -> None:
        super().__init__(f"offset {offset}: expected {expected}")
        self.offset: int = offset
        self.expected: str = expected


def write_command(writer: BytesWriter, argv: list[bytes]) -> None:
    """Appends one command. Linear in its size."""
    writer.write(array_header(len(argv)))
    for argument in argv:
        write_bulk(writer, argument)


def command_bytes(*argv: bytes) -> bytes:
    """One command, encoded."""
    writer = BytesWriter()
    write_command(writer, list(argv))
    return writer.getvalue()


class CommandReader:
    """Commands from the pieces of a file. Time is linear in the bytes; at most one command is held back.

    `offset` is where the last command returned ends, which is how much of the file is good. `timestamp` is the last
    one seen, in seconds since the epoch, 0 before the first.
    """

    def __init__(self, offset: int = 0) -> None:
        self.offset: int = offset
        self.timestamp: int = 0
        self._data: bytes = b""
        self._pos: int = 0
        # What was fed since, and how many bytes have to be there in all before looking again is worth it.
        self._pieces: list[bytes] = []
        self._held: int = 0
        self._wanted: int = 0

    def feed(self, data: bytes) -> None:
        """Takes the next piece of the file."""
        self._pieces.append(data)
        self._held += len(data)

    def next_command(self) -> list[bytes] | None:
        """The next complete command, or None when more bytes are needed; raises `AofFormatError`."""
        if self._held < self._wanted:
            return None
        if self._pieces:
            self._data = b"".join([self._data[self._pos :], *self._pieces])
            self._pieces.clear()
            self._pos = 0
        data = self._data
        while True:
            pos = self._pos
            if pos == len(data):
                return None
            if data[pos] != _HASH:
                break
            end = self._line_end(pos)
            if end < 0:
                return None
            self._note(data[pos:end])
            self._advance(end)
        count_end = self._number_end(pos, _STAR, "a command, which begins with '*'")
        if count_end < 0:
            return None
        count = self._number(pos, count_end)
        if not 0 < count <= COUNT_MAX:
            raise AofFormatError(self.offset, "a positive number of arguments")
        return self._arguments(count, count_end)

    def is_at_end(self) -> bool:
        """Whether everything fed has been returned: no part of a command is left."""
        return self._held == 0

    def _arguments(self, count: int, pos: int) -> list[bytes] | None:
        """The arguments behind the header that ends at `pos`; None when the last of them is incomplete."""
        data = self._data
        argv: list[bytes] = []
        for _ in range(count):
            start = self._number_end(pos, _DOLLAR, "the length of an argument, which begins with '$'")
            if start < 0:
                return None
            length = self._number(pos, start)
            end = start + length
            if end + 2 > len(data):
                self._wanted = end + 2 - self._pos
                return None
            if data[end : end + 2] != b"\r\n":
                raise AofFormatError(self.offset + end - self._pos, "the end of an argument")
            argv.append(data[start:end])
            pos = end + 2
        self._wanted = 0
        self._advance(pos)
        return argv

    def _advance(self, pos: int) -> None:
        self.offset += pos - self._pos
        self._held -= pos - self._pos
        self._pos = pos

    def _line_end(self, pos: int) -> int:
        """Behind the line break of the line at `pos`; -1 when it has not come."""
        end = self._data.find(b"\n", pos, pos + LINE_MAX)
        if end < 0:
            if len(self._data) - pos >= LINE_MAX:
                raise AofFormatError(self.offset + pos - self._pos, "the end of a line")
            return -1
        return end + 1

    def _number_end(self, pos: int, kind: int, expected: str) -> int:
        """Behind the line at `pos`, which has to begin with `kind`; -1 when it is incomplete."""
        if pos == len(self._data):
            return -1
        if self._data[pos] != kind:
            raise AofFormatError(self.offset + pos - self._pos, expected)
        return self._line_end(pos)

    def _number(self, pos: int, end: int) -> int:
        """The number in the line from `pos` to `end`."""
        # Compiled, a slice that ends before it begins is an error, not empty.
        digits = self._data[pos + 1 : end - 2] if end - pos > 3 else b""
        if self._data[end - 2 : end] != b"\r\n" or not digits.isdigit() or len(digits) > 18:
            raise AofFormatError(self.offset + pos - self._pos, "a number and CR LF")
        return int(digits)

    def _note(self, line: bytes) -> None:
        """Takes over the time of a line such as `#TS:1700000000`; others are remarks."""
        digits = line[4:].rstrip(b"\r\n")
        if line.startswith(b"#TS:") and digits.isdigit():
            self.timestamp = int(digits)
