"""The request parser: bytes from a client in, argument lists out.

Follows `processInputBuffer`, `processInlineBuffer` and `processMultibulkBuffer` of Redis's networking.c,
down to what they let pass:

* A count or length ends at the first CR; the byte after it is skipped unread, and so are the two bytes
  behind a bulk string. `$3\\r\\nfooXX` is the argument `foo`.
* The searches for CR and LF are C string searches: a NUL hides the end of its line for ever, and the
  connection waits until the limit of 64 KB breaks it.
* That limit is looked at only while the end of the line is missing, so a longer line that has arrived
  whole passes.
* The whole line is awaited before its first byte is judged, then the type, then the number.
* `*0`, `*-5` and blank inline lines are no requests and are skipped without an answer.

Two layers. `next_request` parses a complete canonical request straight from the buffer and changes
nothing until it has all of it; whatever is not that (incomplete, inline, long, wrong) goes to
`_next_strict`, which keeps its progress argument by argument and knows every rule. Both take time linear
in the bytes however these are cut, except that an unfinished line (64 KB at most) is searched again at every
arrival, as Redis does. No length that a client announces reserves memory.

Digits are read byte by byte because mypyc turns `data[pos]` into a load, while `find` and `int` are
Python calls. Measured when this was written, compiled (mypyc 2.4, CPython 3.11), ns per request in
pipelines of 16; `hiredis` is `Reader.feed` and `gets` called from the same compiled loop, and `split`
checks nothing:

    request       this   no name table   unrolled for 3   split   find and int   hiredis
    SET key xxx     53              63               56     151            560        99
    GET key         39              47               39     111            413        80
    PING            26              32               25      73            234        61
    MSET, 10 pairs 347             354              404       -              -       459

Unpipelined (feed, request, None): SET 64, GET 51, PING 38; hiredis 164, 146, 125. The name table saves
another 3 ns where the command is looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis.protocol.inline import split_args

if TYPE_CHECKING:
    from mypy_extensions import i64

DEFAULT_MAX_BULK: Final = 512 * 1024 * 1024
MAX_COUNT: Final = 2**31 - 1
MAX_LINE: Final = 64 * 1024
"""How much may be buffered of a line whose end has not come (PROTO_INLINE_MAX_SIZE)."""
UNAUTHENTICATED_MAX_COUNT: Final = 10
UNAUTHENTICATED_MAX_BULK: Final = 16384

_TAB: Final = 9
_LF: Final = 10
_CR: Final = 13
_BLANK: Final = 32
_QUOTE: Final = 34
_DOLLAR: Final = 36
_APOSTROPHE: Final = 39
_STAR: Final = 42
_ZERO: Final = 48

PLAIN_LINE: Final = 128
"""How far a plain inline request is looked for; longer ones are parsed as those with quotes are."""

_LONG_LONG_CHARS: Final = 20
_MERGE_BELOW: Final = 64 * 1024
_EMPTY: Final = b""

BLANKS_MAX: Final = 32
_BLANKS: Final[list[list[bytes]]] = [[b""] * count for count in range(BLANKS_MAX)]
"""Lists to copy, so that a request's list has its size from the beginning."""

_NAME_SLOTS: Final = 64
_NAME_MAX: Final = 16
_NAMES: Final[list[bytes]] = [b""] * _NAME_SLOTS
"""Command names seen lately, by a cheap hash of their bytes: see `_command_name`."""


class ProtocolError(Exception):
    """The client broke the protocol; `message` is what Redis sends behind `-ERR ` before it closes."""

    def __init__(self, message: bytes) -> None:
        super().__init__(message)
        self.message: bytes = message


def _command_name(data: bytes, pos: i64, size: i64) -> bytes:
    """The first argument, as the object handed out for it last time where that is still known.

    Saves an allocation and, as bytes objects keep their hash, hashing the name again for the command table.
    `_NAMES` is shared by all parsers, bounded, and holds only short names.
    """
    if size < 1 or size > _NAME_MAX:
        return data[pos : pos + size]
    slot: i64 = (data[pos] + 3 * data[pos + size - 1] + 7 * size) & (_NAME_SLOTS - 1)
    name = _NAMES[slot]
    i: i64 = 0
    if len(name) == size:
        while i < size and data[pos + i] == name[i]:
            i += 1
    if i != size:
        name = data[pos : pos + size]
        _NAMES[slot] = name
    return name


def parse_long_long(text: bytes) -> int | None:
    """What Redis's string2ll reads: 64 bits, no plus sign, no leading zeros, no `-0`, no blanks."""
    if text == b"0":
        return 0
    digits = text[1:] if text.startswith(b"-") else text
    if not digits.isdigit() or digits.startswith(b"0") or len(text) > _LONG_LONG_CHARS:
        return None
    value = int(text)
    return value if -(2**63) <= value < 2**63 else None


class RequestParser:
    """Turns what one client sends into requests, strictly as Redis does.

    `feed` what arrived, then call `next_request` until it answers None. The session sets the two limits that
    depend on the client, which apply from the next length read on: `authenticated`, and `max_bulk`
    (proto-max-bulk-len: at least 16 KB here, at least 1 MB in Redis). After a ProtocolError the parser is
    dead: it drops what it is fed and raises the same error again.
    """

    def __init__(self) -> None:
        self.max_bulk: int = DEFAULT_MAX_BULK
        self.authenticated: bool = True
        # Requests parsed ahead, the next one last, none of them empty: only in a `FastParser`. Who is authenticated
        # may take them without asking `next_request`.
        self.ready: list[list[bytes]] = []
        # Held are _data[_pos:_end] and then _chunks. A parser at rest between requests holds nothing.
        self._data: bytes = b""
        self._pos: i64 = 0
        self._end: i64 = 0
        self._chunks: list[bytes] = []
        self._chunked: i64 = 0
        # True while more than _data[_pos:_end] matters: chunks, a request begun, or what killed us.
        self._waiting: bool = False
        # The request begun: its arguments so far, how many are missing, the size of the next one once known.
        self._argv: list[bytes] = []
        self._missing: i64 = 0
        self._bulk: i64 = -1
        self._argv_bytes: i64 = 0
        self._failure: bytes = b""

    def feed(self, data: bytes) -> None:
        """Takes what arrived. Amortised linear; nothing is parsed here."""
        if self._waiting or self._pos < self._end:
            self._append_chunk(data)
            return
        self._data = data
        self._pos = 0
        self._end = len(data)

    def next_request(self) -> list[bytes] | None:
        """The next complete request, never empty, or None when more bytes are needed.

        Raises ProtocolError once everything in front of the offending bytes has been handed out.
        """
        pos: i64 = self._pos
        end: i64 = self._end
        if pos >= end and not self._waiting:
            self._data = _EMPTY
            self._pos = 0
            self._end = 0
            return None
        data = self._data
        if pos + 3 >= end or data[pos] != _STAR:
            return self._next_strict()
        byte: i64 = data[pos + 1]
        count: i64 = byte - _ZERO
        if count < 1 or count > 9:
            return self._next_strict()
        pos += 2
        byte = data[pos]
        while byte != _CR:
            pos += 1
            if byte < _ZERO or byte > 57 or count > MAX_LINE or pos >= end:
                return self._next_strict()
            count = count * 10 + (byte - _ZERO)
            byte = data[pos]
        if count > UNAUTHENTICATED_MAX_COUNT and not self.authenticated:
            return self._next_strict()
        pos += 2
        if count * 6 > end - pos:
            return self._next_strict()
        argv = _BLANKS[count][:] if count < BLANKS_MAX else [_EMPTY] * count
        taken: i64 = 0
        while True:
            # The shortest argument is `$0` with its two line ends: six bytes.
            if pos + 6 > end or data[pos] != _DOLLAR:
                return self._next_strict()
            byte = data[pos + 1]
            size: i64 = byte - _ZERO
            if size < 0 or size > 9:
                return self._next_strict()
            byte = data[pos + 2]
            if byte == _CR:
                pos += 4
            else:
                pos += 2
                # Sizes that the limits could concern are left to the strict layer.
                while byte != _CR:
                    pos += 1
                    if byte < _ZERO or byte > 57 or size == 0 or pos >= end:
                        return self._next_strict()
                    size = size * 10 + (byte - _ZERO)
                    if size > UNAUTHENTICATED_MAX_BULK:
                        return self._next_strict()
                    byte = data[pos]
                pos += 2
            stop: i64 = pos + size
            if stop + 2 > end:
                return self._next_strict()
            argv[taken] = data[pos:stop] if taken != 0 else _command_name(data, pos, size)
            pos = stop + 2
            taken += 1
            if taken == count:
                self._pos = pos
                return argv

    def buffered(self) -> int:
        """Bytes held that belong to no argument yet. O(1).

        Between two requests, all that was fed minus this is what the requests so far have taken.
        """
        return self._end - self._pos + self._chunked

    def argv_bytes(self) -> int:
        """Bytes of the arguments already taken out of the buffer for a request still incomplete. O(1)."""
        return self._argv_bytes

    def _next_strict(self) -> list[bytes] | None:
        """Every rule, every state: what `next_request` does not recognise at once."""
        if self._failure:
            raise ProtocolError(self._failure)
        if self._chunks and not self._gather():
            return None
        while True:
            if self._missing > 0 and not self._parse_arguments():
                break
            if self._argv:
                argv = self._argv
                self._argv = []
                self._argv_bytes = 0
                self._waiting = False
                return argv
            if self._pos >= self._end:
                break
            if self._data[self._pos] == _STAR:
                if not self._parse_count():
                    break
                continue
            inline = self._parse_inline()
            if inline is None:
                break
            if inline:
                self._waiting = False
                return inline
        self._hold()
        return None

    def _hold(self) -> None:
        """Waits for more: only the unparsed rest stays in memory."""
        rest = self._data[self._pos :]
        if rest:
            self._chunks.append(rest)
            self._chunked = len(rest)
        self._waiting = self._missing > 0 or self._chunked > 0
        self._data = _EMPTY
        self._pos = 0
        self._end = 0

    def _append_chunk(self, data: bytes) -> None:
        """Queues bytes behind those held.

        A bulk string in progress is a list of what arrived, joined once when complete. Small pieces are
        merged on the way like the digits of a binary counter, so that a trickle of single bytes does not
        cost an object each: a byte moves at most log2(_MERGE_BELOW) times.
        """
        if self._failure or not data:
            return
        chunks = self._chunks
        size: i64 = len(data)
        self._chunked += size
        self._waiting = True
        while size < _MERGE_BELOW and chunks and len(chunks[-1]) <= size:
            data = chunks.pop() + data
            size = len(data)
        chunks.append(data)

    def _gather(self) -> bool:
        """Brings the chunks into `_data`; False while the bulk string in progress lacks bytes."""
        chunks = self._chunks
        if self._pos < self._end:
            chunks.insert(0, self._data[self._pos :])
            self._chunked += self._end - self._pos
        self._pos = 0
        size: i64 = self._bulk
        if size < 0:
            self._data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        elif self._chunked < size + 2:
            self._data = _EMPTY
            self._end = 0
            return False
        else:
            self._data = self._take_bulk(size)
        self._end = len(self._data)
        self._chunks = []
        self._chunked = 0
        return True

    def _take_bulk(self, size: i64) -> bytes:
        """Joins the bulk string in progress, copying it once, and answers what follows it in the chunks."""
        pieces: list[bytes] = []
        rest: list[bytes] = []
        wanted: i64 = size
        for chunk in self._chunks:
            length: i64 = len(chunk)
            if length <= wanted:
                pieces.append(chunk)
                wanted -= length
            else:
                if wanted > 0:
                    pieces.append(chunk[:wanted])
                rest.append(chunk[wanted:])
                wanted = 0
        self._add_argument(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        self._pos = 2  # the line end, which nobody looks at
        return rest[0] if len(rest) == 1 else b"".join(rest)

    def _add_argument(self, argument: bytes) -> None:
        self._argv.append(argument)
        self._argv_bytes += len(argument)
        self._missing -= 1
        self._bulk = -1

    def _parse_inline(self) -> list[bytes] | None:
        """Parses an inline request, maybe an empty one; None while its end is missing."""
        words = self._parse_words()
        if words is not None:
            return words
        stop: i64 = self._find_line_end(b"\n", b"Protocol error: too big inline request")
        if stop < 0:
            return None
        line = self._data[self._pos : stop]
        argv = split_args(line[:-1] if line.endswith(b"\r") else line)
        if argv is None:
            raise self._fail(b"Protocol error: unbalanced quotes in request")
        self._pos = stop + 1
        return argv

    def _parse_words(self) -> list[bytes] | None:
        """Parses an inline request that is short and plain, and here to its end; None for any other."""
        data = self._data
        pos: i64 = self._pos
        limit: i64 = pos + PLAIN_LINE
        if limit > self._end:
            limit = self._end
        words: list[bytes] = []
        start: i64 = -1
        while pos < limit:
            byte: i64 = data[pos]
            if byte > _BLANK and byte != _QUOTE and byte != _APOSTROPHE:
                if start < 0:
                    start = pos
            # A membership test of a tuple takes half as long again, compiled.
            elif byte == _BLANK or byte == _CR or byte == _LF or byte == _TAB:  # noqa: SIM109
                if start >= 0:
                    words.append(data[start:pos] if words else _command_name(data, start, pos - start))
                    start = -1
                if byte == _LF:
                    self._pos = pos + 1
                    return words
            else:
                return None
            pos += 1
        return None

    def _parse_count(self) -> bool:
        """Parses `*3` and its line end; False while that is missing. Below 1 there is nothing more to it."""
        stop: i64 = self._find_line_end(b"\r", b"Protocol error: too big mbulk count string")
        if stop < 0 or stop + 2 > self._end:
            return False
        count = parse_long_long(self._data[self._pos + 1 : stop])
        if count is None or count > MAX_COUNT:
            raise self._fail(b"Protocol error: invalid multibulk length")
        if count > UNAUTHENTICATED_MAX_COUNT and not self.authenticated:
            raise self._fail(b"Protocol error: unauthenticated multibulk length")
        self._pos = stop + 2
        self._missing = max(count, 0)
        return True

    def _parse_arguments(self) -> bool:
        """Parses arguments as far as the buffer goes; True when the request is complete."""
        while self._missing > 0:
            if self._bulk < 0 and not self._parse_bulk_size():
                return False
            stop: i64 = self._pos + self._bulk
            if stop + 2 > self._end:
                return False
            self._add_argument(self._data[self._pos : stop])
            self._pos = stop + 2
        return True

    def _parse_bulk_size(self) -> bool:
        """Parses `$3` and its line end; False while that is missing."""
        stop: i64 = self._find_line_end(b"\r", b"Protocol error: too big bulk count string")
        if stop < 0 or stop + 2 > self._end:
            return False
        pos: i64 = self._pos
        if self._data[pos] != _DOLLAR:
            kind = self._data[pos : pos + 1]
            if kind in b"\r\n":
                kind = b" "  # as in every error reply
            raise self._fail(b"Protocol error: expected '$', got '" + kind + b"'")
        size = parse_long_long(self._data[pos + 1 : stop])
        if size is None or size < 0 or size > self.max_bulk:
            raise self._fail(b"Protocol error: invalid bulk length")
        if size > UNAUTHENTICATED_MAX_BULK and not self.authenticated:
            raise self._fail(b"Protocol error: unauthenticated bulk length")
        self._bulk = size
        self._pos = stop + 2
        return True

    def _find_line_end(self, terminator: bytes, too_big: bytes) -> i64:
        """Where the line at `_pos` ends, or -1 while that is missing; fails when it is too long by then."""
        pos: i64 = self._pos
        stop: i64 = self._data.find(terminator, pos)
        if stop >= 0 and self._data.find(b"\0", pos, stop) >= 0:
            stop = -1
        if stop < 0 and self._end - pos > MAX_LINE:
            raise self._fail(too_big)
        return stop

    def _fail(self, message: bytes) -> ProtocolError:
        """Kills the parser and builds the error to raise."""
        self._failure = message
        self._waiting = True
        self._data = _EMPTY
        self._pos = 0
        self._end = 0
        self._chunks = []
        self._chunked = 0
        self._argv = []
        self._argv_bytes = 0
        self._missing = 0
        self._bulk = -1
        return ProtocolError(message)
