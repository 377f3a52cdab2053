"""The fast parser is the reference, and the reference does not depend on how its input was cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis.protocol.fast_parser import HAVE_HIREDIS, FastParser
from pyredis.protocol.parser import ProtocolError, RequestParser
from tests.protocol.request_strategies import cut, streams
from tests.protocol.request_vectors import parse

needs_hiredis = pytest.mark.skipif(not HAVE_HIREDIS, reason="hiredis is not installed")

Event = tuple[object, ...]


def transcript(parser: RequestParser, pieces: list[bytes], changes: dict[int, bool]) -> list[Event]:
    """All that a session sees; `changes` sets `authenticated` after so many requests, as AUTH does."""
    events: list[Event] = []
    taken = 0
    try:
        for piece in pieces:
            parser.feed(piece)
            events.append((parser.buffered(), parser.argv_bytes()))
            while (argv := parser.next_request()) is not None:
                events.append((argv, parser.buffered(), parser.argv_bytes()))
                taken += 1
                if taken in changes:
                    parser.authenticated = changes[taken]
            events.append((parser.buffered(), parser.argv_bytes()))
    except ProtocolError as error:
        events.append((error.message, parser.buffered()))
    return events


@needs_hiredis
@settings(max_examples=400, deadline=None)
@given(st.data(), streams(), st.booleans(), st.dictionaries(st.integers(1, 12), st.booleans(), max_size=3))
def test_the_fast_parser_equals_the_reference(
    data: st.DataObject, stream: bytes, authenticated: bool, changes: dict[int, bool]
) -> None:
    pieces = data.draw(cut(stream))
    reference, fast = RequestParser(), FastParser()
    reference.authenticated = fast.authenticated = authenticated
    assert transcript(fast, pieces, changes) == transcript(reference, pieces, changes)


@needs_hiredis
@settings(max_examples=200, deadline=None)
@given(st.data(), streams())
def test_a_session_that_takes_requests_late(data: st.DataObject, stream: bytes) -> None:
    """A blocked client's input piles up; afterwards it is taken, maybe between two pieces, maybe in part."""
    pieces = data.draw(cut(stream))
    takes = [data.draw(st.integers(0, 4)) for _ in pieces]

    def run(parser: RequestParser) -> list[Event]:
        events: list[Event] = []
        try:
            for piece, take in zip(pieces, takes, strict=True):
                parser.feed(piece)
                events += [(parser.next_request(), parser.buffered()) for _ in range(take)]
            while (argv := parser.next_request()) is not None:
                events.append((argv, parser.buffered()))
        except ProtocolError as error:
            events.append((error.message,))
        return events

    assert run(FastParser()) == run(RequestParser())


@settings(max_examples=200, deadline=None)
@given(st.data(), streams())
def test_cutting_changes_nothing(data: st.DataObject, stream: bytes) -> None:
    assert parse(RequestParser(), data.draw(cut(stream))) == parse(RequestParser(), [stream])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=5), max_size=20), st.data())
def test_requests_survive_the_wire(requests: list[list[bytes]], data: st.DataObject) -> None:
    stream = b"".join(
        b"*%d\r\n" % len(argv) + b"".join(b"$%d\r\n%b\r\n" % (len(a), a) for a in argv) for argv in requests
    )
    parsed = parse(RequestParser(), data.draw(cut(stream)))
    assert parsed.requests == requests
    assert (parsed.error, parsed.rest) == (None, 0)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.data())
def test_any_bytes_give_requests_an_error_or_a_wait(stream: bytes, data: st.DataObject) -> None:
    parsed = parse(RequestParser(), data.draw(cut(stream)))
    assert all(parsed.requests)
    assert parsed.error is None or parsed.error.startswith(b"Protocol error: ")
    assert 0 <= parsed.rest <= len(stream)
