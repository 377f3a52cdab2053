"""Bytes that a client may send, and the requests or the error that they are.

The table is what the parsers are held to; `test_request_live` holds the table to a real server.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pyredis.protocol.fast_parser import HAVE_HIREDIS, FastParser
from pyredis.protocol.parser import ProtocolError, RequestParser

if TYPE_CHECKING:
    from collections.abc import Iterable

PARSERS: Final[list[type[RequestParser]]] = [RequestParser, *([FastParser] if HAVE_HIREDIS else [])]
KB: Final = 1024


def encode(*argv: bytes) -> bytes:
    """One request as clients send it."""
    return b"*%d\r\n" % len(argv) + b"".join(b"$%d\r\n%b\r\n" % (len(arg), arg) for arg in argv)


@dataclass(frozen=True)
class Vector:
    """An input, the requests in it, the error behind them if any, and how many bytes remain unparsed."""

    data: bytes
    requests: list[list[bytes]] = field(default_factory=list)
    error: bytes | None = None
    rest: int = 0
    authenticated: bool = True
    begun: bool = False
    """Whether it ends within a request of which no byte remains unparsed."""

    def __str__(self) -> str:
        text = repr(self.data)[2:-1]
        shown = text if len(text) <= 50 else f"{text[:30]}...{len(self.data)}"
        return shown if self.authenticated else f"{shown} (not authenticated)"


@dataclass
class Parsed:
    """What a parser made of its input."""

    requests: list[list[bytes]] = field(default_factory=list)
    error: bytes | None = None
    rest: int = 0


def parse(parser: RequestParser, pieces: Iterable[bytes]) -> Parsed:
    """Feeds the pieces one by one, taking out all requests after each, until the end or an error."""
    result = Parsed()
    try:
        for piece in pieces:
            parser.feed(piece)
            while (argv := parser.next_request()) is not None:
                result.requests.append(argv)
    except ProtocolError as error:
        result.error = error.message
    result.rest = parser.buffered()
    return result


PING: Final = [b"PING"]
COUNT: Final = b"Protocol error: invalid multibulk length"
BULK: Final = b"Protocol error: invalid bulk length"
QUOTES: Final = b"Protocol error: unbalanced quotes in request"
BIG_INLINE: Final = b"Protocol error: too big inline request"
BIG_COUNT: Final = b"Protocol error: too big mbulk count string"
BIG_BULK: Final = b"Protocol error: too big bulk count string"
NO_AUTH_COUNT: Final = b"Protocol error: unauthenticated multibulk length"
NO_AUTH_BULK: Final = b"Protocol error: unauthenticated bulk length"


def expected(kind: bytes) -> bytes:
    """The error for an argument that is no bulk string."""
    return b"Protocol error: expected '$', got '" + kind + b"'"


REQUESTS: Final = [
    Vector(b"*1\r\n$4\r\nPING\r\n", [PING]),
    Vector(b"*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n", [[b"ECHO", b"hi"]]),
    Vector(b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", [[b"ECHO", b""]]),
    Vector(b"*1\r\n$0\r\n\r\n", [[b""]]),
    Vector(b"*2\r\n$4\r\nECHO\r\n$7\r\n\0a\r\n$b*\r\n", [[b"ECHO", b"\0a\r\n$b*"]]),
    Vector(encode(b"ECHO", b"*1\r\n$4\r\nPING\r\n+OK\r"), [[b"ECHO", b"*1\r\n$4\r\nPING\r\n+OK\r"]]),
    Vector(encode(b"ECHO", b"x" * 123), [[b"ECHO", b"x" * 123]]),
    Vector(encode(*[b"%d" % n for n in range(12)]), [[b"%d" % n for n in range(12)]]),
    Vector(encode(b"PING") * 3, [PING] * 3),
    Vector(encode(b"PING") + encode(b"ECHO", b"a") + b"PING\r\n", [PING, [b"ECHO", b"a"], PING]),
]
"""What clients send."""

LOOSE: Final = [
    # Nobody looks at the byte after a CR, nor at the two behind a bulk string.
    Vector(b"*1\rX$4\rYPINGZZPING\r\n", [PING, PING]),
    Vector(b"*1\r\n$4\r\nPINGXX*1\r\n$4\r\nPING\r\n", [PING, PING]),
    Vector(b"*1\r\n$4\r\nPING\n\r\n", [PING]),
    Vector(b"*2\r\n$3\r\nfooXX+bar\r\n", [], expected(b"+")),
    Vector(b"*2\r\n$3\r\nfooXX=7\r\ntxt:bar\r\n", [], expected(b"=")),
    # No requests: skipped without an answer.
    Vector(b"*0\r\n", []),
    Vector(b"*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n", [PING]),
    Vector(b"*-9223372036854775808\r\nPING\r\n", [PING]),
    Vector(b"\r\n\n \t\r\n\v\f\nPING\r\n", [PING]),
    Vector(b"\r\n" * 5, []),
]

INLINE: Final = [
    Vector(b"PING\r\n", [PING]),
    Vector(b"PING\n", [PING]),
    Vector(b"\rPING\r\r\n", [PING]),
    Vector(b"PING", [], rest=4),
    Vector(b"PING\r", [], rest=5),
    Vector(b" ECHO   hi \r\nPING\n", [[b"ECHO", b"hi"], PING]),
    Vector(b"ECHO a\rb\n", [[b"ECHO", b"a", b"b"]]),
    Vector(b'ECHO "a b\\x41\\n"\r\n', [[b"ECHO", b"a bA\n"]]),
    Vector(b"ECHO 'it\\'s'\r\n", [[b"ECHO", b"it's"]]),
    Vector(b'ECHO ""\r\n', [[b"ECHO", b""]]),
    Vector(b'""\r\n', [[b""]]),
    Vector(b"$4\r\nPING\r\n", [[b"$4"], PING]),
    Vector(b"+OK\r\n:5\r\n$-1\r\n", [[b"+OK"], [b":5"], [b"$-1"]]),
    Vector(b"\xff\xfe\r\n", [[b"\xff\xfe"]]),
    Vector(b'PING "abc\r\n', [], QUOTES),
    Vector(b"PING 'abc\r\n", [], QUOTES),
    Vector(b'PING\r\nECHO "a"b\r\nPING\r\n', [PING], QUOTES),
    # A NUL hides the end of its line.
    Vector(b"PI\0NG\r\nPING\r\n", [], rest=13),
    Vector(b"\0\r\nPING\r\n", [], rest=9),
]

ERRORS: Final = [
    Vector(b"*\r\n", [], COUNT),
    Vector(b"*x\r\n", [], COUNT),
    Vector(b"* 1\r\n", [], COUNT),
    Vector(b"*1 \r\n", [], COUNT),
    Vector(b"*+1\r\n", [], COUNT),
    Vector(b"*01\r\n", [], COUNT),
    Vector(b"*00\r\n", [], COUNT),
    Vector(b"*-0\r\n", [], COUNT),
    Vector(b"*-\r\n", [], COUNT),
    Vector(b"*1a\r\n", [], COUNT),
    Vector(b"*1\n\r\n", [], COUNT),
    Vector(b"*2147483648\r\n", [], COUNT),
    Vector(b"*9223372036854775808\r\n", [], COUNT),
    Vector(b"*-9223372036854775809\r\n", [], COUNT),
    Vector(b"*2147483647\r\n", []),
    Vector(b"*1048577\r\n", []),
    Vector(b"*1\r\n$\r\n", [], BULK),
    Vector(b"*1\r\n$-1\r\n", [], BULK),
    Vector(b"*1\r\n$-0\r\n", [], BULK),
    Vector(b"*1\r\n$+4\r\n", [], BULK),
    Vector(b"*1\r\n$04\r\nPING\r\n", [], BULK),
    Vector(b"*1\r\n$4 \r\nPING\r\n", [], BULK),
    Vector(b"*1\r\n$536870913\r\n", [], BULK),
    Vector(b"*1\r\n$99999999999999999999\r\n", [], BULK),
    Vector(b"*1\r\n$536870912\r\nab", [], rest=2),
    Vector(b"*1\r\n:5\r\n", [], expected(b":")),
    Vector(b"*1\r\n*1\r\n$4\r\nPING\r\n", [], expected(b"*")),
    Vector(b"*2\r\n$4\r\nECHO\r\n+hi\r\n", [], expected(b"+")),
    Vector(b"*1\r\n\r\n", [], expected(b" ")),
    Vector(b"*1\r\n\n\r\n", [], expected(b" ")),
    Vector(b"*1\r\n\x01\r\n", [], expected(b"\x01")),
    Vector(b"*1\r\n\xff\r\n", [], expected(b"\xff")),
    Vector(b"*1\r\nPING\r\n", [], expected(b"P")),
    # The whole line is awaited before its first byte is judged.
    Vector(b"*1\r\n:5", [], rest=2),
    Vector(b"*1\r\n:5\r", [], rest=3),
    Vector(b"*x\r", [], rest=3),
    Vector(b"*1\n$4\nPING\n", [], rest=11),
    Vector(b"*1\0\r\n", [], rest=5),
    Vector(b"*1\r\n$4\0\r\nPING\r\n", [], rest=11),
    # What was complete before the error is answered.
    Vector(b"*1\r\n$4\r\nPING\r\n*x\r\n*1\r\n$4\r\nPING\r\n", [PING], COUNT),
    Vector(b"PING\r\n*1\r\n$x\r\n", [PING], BULK),
]

INCOMPLETE: Final = [
    Vector(b"", []),
    Vector(b"*", [], rest=1),
    Vector(b"*1", [], rest=2),
    Vector(b"*1\r", [], rest=3),
    Vector(b"*1\r\n", []),
    Vector(b"*1\r\n$", [], rest=1),
    Vector(b"*1\r\n$4\r", [], rest=3),
    Vector(b"*1\r\n$4\r\n", []),
    Vector(b"*1\r\n$4\r\nPING", [], rest=4),
    Vector(b"*1\r\n$4\r\nPING\r", [], rest=5),
    Vector(b"*2\r\n$4\r\nECHO\r\n", []),
    Vector(b"*2\r\n$4\r\nECHO\r\n$5\r\nabc", [], rest=3),
    Vector(b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPI", [PING], rest=2),
]

NOT_AUTHENTICATED: Final = [
    Vector(encode(*[b"a"] * 10), [[b"a"] * 10], authenticated=False),
    Vector(b"*11\r\n", [], NO_AUTH_COUNT, authenticated=False),
    Vector(b"*2147483648\r\n", [], COUNT, authenticated=False),
    Vector(encode(b"PING") + encode(*[b"a"] * 11), [PING], NO_AUTH_COUNT, authenticated=False),
    Vector(b"*1\r\n$16384\r\n", [], authenticated=False),
    Vector(b"*1\r\n$16385\r\n", [], NO_AUTH_BULK, authenticated=False),
    Vector(b"*1\r\n$536870913\r\n", [], BULK, authenticated=False),
    Vector(b"*2\r\n$4\r\nPING\r\n$16385\r\nabc", [], NO_AUTH_BULK, authenticated=False),
    Vector(b"a " * 20 + b"\r\n", [[b"a"] * 20], authenticated=False),
]

REPLIES: Final = [
    # Valid RESP, so that a parser of replies takes it; to Redis these are inline requests or errors.
    Vector(b":0\r\n", [[b":0"]]),
    Vector(b"#f\r\n", [[b"#f"]]),
    Vector(b"_\r\n", [[b"_"]]),
    Vector(b",1.5\r\n", [[b",1.5"]]),
    Vector(b"-ERR no\r\n", [[b"-ERR", b"no"]]),
    Vector(b"(12\r\n", [[b"(12"]]),
    Vector(b"+\r\n", [[b"+"]]),
    Vector(b"$0\r\n\r\n", [[b"$0"]]),
    Vector(b"$5\r\nab\r\n", [[b"$5"], [b"ab"]]),
    Vector(b"=7\r\ntxt:abc\r\n", [[b"=7"], [b"txt:abc"]]),
    Vector(b"%0\r\n", [[b"%0"]]),
    Vector(b"%1\r\n", [[b"%1"]]),
    Vector(b"%1\r\n$1\r\na\r\n$1\r\nb\r\n", [[b"%1"], [b"$1"], [b"a"], [b"$1"], [b"b"]]),
    Vector(b"~1\r\n$1\r\na\r\n", [[b"~1"], [b"$1"], [b"a"]]),
    Vector(b">1\r\n$1\r\na\r\n", [[b">1"], [b"$1"], [b"a"]]),
    Vector(b"|1\r\n$1\r\na\r\n$1\r\nb\r\n", [[b"|1"], [b"$1"], [b"a"], [b"$1"], [b"b"]]),
    # Behind them an array begun, which makes up for the array that they are not.
    Vector(b"~1\r\n$1\r\na\r\n*2\r\n", [[b"~1"], [b"$1"], [b"a"]], begun=True),
    Vector(b">1\r\n$1\r\na\r\n*2\r\n", [[b">1"], [b"$1"], [b"a"]], begun=True),
    Vector(b"|1\r\n$1\r\na\r\n$1\r\nb\r\n*2\r\n", [[b"|1"], [b"$1"], [b"a"], [b"$1"], [b"b"]], begun=True),
    Vector(b"$0\r\n\r\n*2\r\n", [[b"$0"]], begun=True),
    Vector(b"*1\r\n(12\r\n", [], expected(b"(")),
    Vector(b"*1\r\n=7\r\ntxt:abc\r\n", [], expected(b"=")),
    Vector(b"*1\r\n_\r\n", [], expected(b"_")),
    Vector(b"*1\r\n#t\r\n", [], expected(b"#")),
    Vector(b"*1\r\n,1\r\n", [], expected(b",")),
    Vector(b"*1\r\n-E\r\n", [], expected(b"-")),
    Vector(b"*1\r\n~1\r\n$1\r\na\r\n", [], expected(b"~")),
    Vector(b"*1\r\n%1\r\n$1\r\na\r\n$1\r\nb\r\n", [], expected(b"%")),
    Vector(b"*2\r\n*999999999\r\n", [], expected(b"*")),
]

SMALL: Final = [*REQUESTS, *LOOSE, *REPLIES, *INLINE, *ERRORS, *INCOMPLETE, *NOT_AUTHENTICATED]
"""Short enough to be cut at every byte; none depends on where."""

LARGE: Final = [
    Vector(encode(b"ECHO", b"x" * 16384), [[b"ECHO", b"x" * 16384]]),
    Vector(encode(b"ECHO", b"x" * 16385), [[b"ECHO", b"x" * 16385]]),
    Vector(encode(b"a", b"x" * 16384), [[b"a", b"x" * 16384]], authenticated=False),
    Vector(encode(b"a", b"x" * 16385), [], NO_AUTH_BULK, authenticated=False),
    Vector(encode(b"ECHO", b"x" * 100_000) + b"PING\r\n", [[b"ECHO", b"x" * 100_000], PING]),
    Vector(encode(b"PING") * 5000, [PING] * 5000),
    Vector(b"a" * (64 * KB), [], rest=64 * KB),
    Vector(b"a" * (64 * KB + 1), [], BIG_INLINE),
    Vector(b"PING\0" + b"\r\n" * 40_000, [], BIG_INLINE),
    Vector(b"*" + b"1" * (64 * KB - 1), [], rest=64 * KB),
    Vector(b"*" + b"1" * (64 * KB), [], BIG_COUNT),
    Vector(b"*1\r\n$" + b"1" * (64 * KB - 1), [], rest=64 * KB),
    Vector(b"*1\r\n$" + b"1" * (64 * KB), [], BIG_BULK),
    Vector(b"*1\r\n" + b"x" * (64 * KB + 1), [], BIG_BULK),
]
"""Whole, or cut into pieces that do not put the end of a long line apart from its beginning."""

LONG_LINES: Final = [
    Vector(b"PING " + b"a" * (64 * KB) + b"\r\n", [[b"PING", b"a" * (64 * KB)]]),
    Vector(b"*" + b"1" * (64 * KB) + b"\r\n", [], COUNT),
    Vector(b"*1\r\n$" + b"1" * (64 * KB) + b"\r\n", [], BULK),
]
"""Over the limit, but with their end there at the first look."""
