"""The request parser of the interpreted form: hiredis for whole pipelines, the reference for the rest.

To the C parser that redis-py uses for replies, a pipeline of requests is a sequence of replies. But it is
laxer than Redis, so its verdict is taken only where it can be proved to be the strict one:

* Aggregates announced longer than any batch are kept from it, as it would reserve memory for them.
* An exception, a reply that is no list or an argument that is not bytes (`:5`, a null, a list) is not a
  request.
* Status replies, big numbers and verbatim strings come out as bytes as well, sets, pushes and attributes
  as lists, and behind an `XX` in place of a line end any of them may stand anywhere. But whatever is not
  in an argument is header or line end: a type byte that occurs as often in the arguments as in the input
  occurs in no header.
* By the same count there are as many `*` outside the arguments as requests, so that no list is left
  begun.

What fails the proof is parsed again by the reference, from the same bytes, which finds the exact error or
the requests that Redis would see. So is an incomplete request at the end of a batch.

Measured when this was written, interpreted (CPython 3.11), ns per request; `hiredis` is `feed` and `gets`
alone:

    request        depth   reference   this   hiredis
    SET key xxx        1        1090   1290       180
                      16        1000    360       103
                     400        1030    260       110
    GET key           16         840    320        87
                     400         830    210        85
    MSET, 10 pairs    16        5270   1130       480
    SET, 4 KB         16        1400   1700       500

Values of 4 KB are left to the reference, and the difference is what asking costs. Compiled, the reference
is quicker than hiredis alone (see `parser`), and this module is not used.
"""

from __future__ import annotations

import platform
import re
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from pyredis.form import COMPILED
from pyredis.protocol.parser import UNAUTHENTICATED_MAX_COUNT, RequestParser

try:
    from hiredis import HiredisError, Reader
except ImportError:
    HAVE_HIREDIS = False
else:
    HAVE_HIREDIS = True

if TYPE_CHECKING:
    from mypy_extensions import i64

_LF: Final = 10
_CR: Final = 13
_STAR: Final = 42

_GUESSES: Final = 8

_WINDOW: Final = 16 * 1024
"""hiredis moves the rest of its buffer down after every few replies: quadratic in what it is fed at once."""

_SMALLEST: Final = 128
"""Below this, proving hiredis right costs more than the reference takes."""

_LARGE: Final = 1024
"""From this size on, one request is quicker parsed by the reference: the proof looks at every byte of it."""

_LONG_AGGREGATE: Final = re.compile(rb"\*\d{6}")
_LOOSE_TYPES: Final = tuple(b"+=(%~>|")
"""Headers of what hiredis could pass off as an argument or a request, or leave begun."""

_INCOMPLETE: Final = object()


class _Batches:
    """One hiredis reader for all connections: between two calls it is empty."""

    def __init__(self) -> None:
        self._reader: Any = None

    def parse(self, window: bytes) -> list[list[bytes]] | None:
        """The requests, maybe empty ones, that `window` consists of; None where that is not proved."""
        if _LONG_AGGREGATE.search(window):
            return None
        reader = self._reader
        if reader is None:
            reader = Reader(notEnoughData=_INCOMPLETE)
        self._reader = None
        try:
            reader.feed(window)
            requests: list[list[bytes]] = list(iter(reader.gets, _INCOMPLETE))
            if not requests or reader.has_data():
                return None
            if not all(requests):
                return None  # empty ones are no requests, and what is no list may be one to `chain`
            values = b"".join(chain.from_iterable(requests))
        except (HiredisError, TypeError):
            return None
        if window.count(b"*") - values.count(b"*") != len(requests):
            return None
        for kind in _LOOSE_TYPES:
            if kind in window and window.count(kind) != values.count(kind):
                return None
        self._reader = reader
        return requests


_BATCHES: Final = _Batches()


def _last_request(window: bytes) -> i64:
    """Where the last request seems to begin; 0 where that is not found quickly."""
    start: i64 = len(window)
    # Bounded, as values may be full of stars; byte by byte, as a backward search for three bytes is slow.
    for _ in range(_GUESSES):
        start = window.rfind(b"*", 0, start)
        if start < 2:
            return 0
        if window[start - 1] == _LF and window[start - 2] == _CR:
            return start
    return 0


class FastParser(RequestParser):
    """A `RequestParser` that is quicker for pipelines when interpreted, and otherwise the same."""

    def __init__(self) -> None:
        super().__init__()
        # Whether a batch is worth trying: not again in bytes that have failed a proof.
        self._hopeful: bool = False

    def feed(self, data: bytes) -> None:
        """Takes what arrived. Amortised linear; nothing is parsed here."""
        self._hopeful = True
        RequestParser.feed(self, data)

    def next_request(self) -> list[bytes] | None:
        """The next complete request, never empty, or None when more bytes are needed."""
        while True:
            ready = self.ready
            if ready:
                argv = ready.pop()
                if self.authenticated or len(argv) <= UNAUTHENTICATED_MAX_COUNT:
                    return argv
                ready.clear()
                raise self._fail(b"Protocol error: unauthenticated multibulk length")
            if not self._hopeful or self._waiting or not self._parse_batch():
                return RequestParser.next_request(self)

    def buffered(self) -> int:
        """Bytes held that belong to no argument yet, or to requests parsed ahead; linear in those."""
        ahead = 0
        for argv in self.ready:
            ahead += len(b"*%d\r\n" % len(argv))
            for argument in argv:
                size = len(argument)
                ahead += len(b"$%d\r\n\r\n" % size) + size
        return ahead + super().buffered()

    def _parse_batch(self) -> bool:
        """Parses requests ahead; False when the reference must have the next one."""
        pos: i64 = self._pos
        end: i64 = self._end
        if end - pos > _LARGE and self._data.find(b"*", pos + 1, pos + _LARGE) < 0:
            return False
        self._hopeful = False
        if end - pos < _SMALLEST or self._data[pos] != _STAR:
            return False
        window = self._data[pos : pos + _WINDOW]
        size: i64 = len(window)
        requests: list[list[bytes]] | None = None
        if pos + size == end and window.endswith(b"\r\n"):
            requests = _BATCHES.parse(window)
        if requests is None:
            size = _last_request(window)
            if size < _SMALLEST:
                return False
            requests = _BATCHES.parse(window[:size])
            if requests is None:
                return False
        requests.reverse()
        self.ready += requests
        self._pos = pos + size
        self._hopeful = pos + size < end
        return True


def make_parser() -> RequestParser:
    """The quickest parser for the form that runs."""
    if COMPILED or not HAVE_HIREDIS or platform.python_implementation() != "CPython":
        return RequestParser()
    return FastParser()
