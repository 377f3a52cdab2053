"""Arguments of an inline request, corner by corner."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis.protocol.inline import split_args
from pyredis.protocol.parser import ProtocolError, RequestParser

CASES = [
    (b"", []),
    (b"  \t ", []),
    (b"PING", [b"PING"]),
    (b"  SET a\tb  ", [b"SET", b"a", b"b"]),
    (b"a\rb\nc", [b"a", b"b", b"c"]),
    # The other blanks separate nothing, but are skipped in front of an argument and may follow a quote.
    (b"a\vb\fc", [b"a\vb\fc"]),
    (b"\v\fa \vb", [b"a", b"b"]),
    (b'"a"\vb', [b"a", b"b"]),
    (b"\v\f", []),
    (b'\v"\f"', [b"\f"]),
    # Double quotes.
    (b'""', [b""]),
    (b'a "" b', [b"a", b"", b"b"]),
    (b'"a b" c', [b"a b", b"c"]),
    (b'"\\n\\r\\t\\b\\a"', [b"\n\r\t\b\a"]),
    (b'"\\x41\\xfF\\x00"', [b"A\xff\0"]),
    (b'"\\x4" "\\xg1" "\\x"', [b"x4", b"xg1", b"x"]),
    (b'"\\x4', None),
    (b'"\\q\\"\\\\"', [b'q"\\']),
    (b'"it\'s"', [b"it's"]),
    # Single quotes.
    (b"''", [b""]),
    (b"'a b'", [b"a b"]),
    (b"'it\\'s'", [b"it's"]),
    (b"'\\n\\\\ \"'", [b'\\n\\\\ "']),
    # A quote within an argument.
    (b'a"b c"', [b"ab c"]),
    (b"a'b c' d", [b"ab c", b"d"]),
    (b'a\\"b"', [b"a\\b"]),
    # Unbalanced.
    (b'"', None),
    (b"'", None),
    (b'"a', None),
    (b'"a\\', None),
    (b'"a\\"', None),
    (b"'a\\'", None),
    (b"'a\\", None),
    (b'"a"b', None),
    (b"'a'b", None),
    (b"\"a\"'b'", None),
    (b'"a"\xa0', None),
    # A NUL ends the line.
    (b"a b\0c", [b"a", b"b"]),
    (b'a\0"', [b"a"]),
    (b'"a\0"', None),
    # Bytes are only bytes.
    (b"\xff\x85\xa0", [b"\xff\x85\xa0"]),
]


@pytest.mark.parametrize(("line", "argv"), CASES)
def test_split(line: bytes, argv: list[bytes] | None) -> None:
    assert split_args(line) == argv


def escape(argument: bytes) -> bytes:
    return b'"' + b"".join(b"\\x%02x" % byte for byte in argument) + b'"'


@given(st.lists(st.binary(max_size=20)))
def test_quoted_arguments_come_back(argv: list[bytes]) -> None:
    assert split_args(b" ".join(escape(argument) for argument in argv)) == argv


@given(st.lists(st.binary(max_size=12).filter(lambda a: b"\0" not in a)))
def test_single_quoted_arguments_come_back(argv: list[bytes]) -> None:
    # A backslash in front of a quote would escape it, so those are left out.
    plain = [argument.replace(b"\\", b"/") for argument in argv]
    line = b" ".join(b"'" + argument.replace(b"'", b"\\'") + b"'" for argument in plain)
    assert split_args(line) == plain


@given(st.lists(st.text("abc'\"\\ \t\v\fx41\0", max_size=10)))
def test_quotes_change_nothing_in_lines_without_them(words: list[str]) -> None:
    """The short cut for lines without quotes agrees with the long way."""
    line = "".join(words).replace("'", "").replace('"', "").encode()
    plain = split_args(line)
    assert plain is not None
    if b"\0" not in line:
        assert split_args(line + b" ''") == [*plain, b""]


@settings(max_examples=500)
@given(st.lists(st.text("PING\t \r\v\f\\\"'\x01\x80\xa0x1", max_size=9), max_size=4), st.integers(0, 200))
def test_the_short_way_of_the_parser_reads_the_same(lines: list[str], padding: int) -> None:
    texts = [line.encode("latin-1") + b"x" * padding for line in lines]
    parser = RequestParser()
    parser.feed(b"".join([text + b"\n" for text in texts]))
    for text in texts:
        expected = split_args(text.removesuffix(b"\r"))
        if expected is None:
            with pytest.raises(ProtocolError):
                parser.next_request()
            return
        if expected:
            assert parser.next_request() == expected
    assert parser.next_request() is None
