"""What the fast parser takes as a batch, and what it leaves to the reference."""

from __future__ import annotations

import importlib.util
import sys
import tracemalloc

import pytest

from pyredis.form import COMPILED
from pyredis.protocol import fast_parser
from pyredis.protocol.fast_parser import HAVE_HIREDIS, FastParser, make_parser
from pyredis.protocol.parser import ProtocolError, RequestParser
from tests.protocol.request_vectors import encode

needs_hiredis = pytest.mark.skipif(not HAVE_HIREDIS, reason="hiredis is not installed")

SET = [b"SET", b"key:000000000001", b"value"]
SMALL_BATCH = encode(*SET) * 16


def batch_sizes(parser: FastParser, data: bytes) -> tuple[list[list[bytes]], list[int]]:
    """The requests, and how many were parsed ahead at each."""
    parser.feed(data)
    requests = []
    ahead = []
    while (argv := parser.next_request()) is not None:
        requests.append(argv)
        ahead.append(len(parser.ready))
    return requests, ahead


def test_make_parser_chooses_by_form() -> None:
    interpreted = HAVE_HIREDIS and sys.implementation.name == "cpython" and not COMPILED
    assert type(make_parser()) is (FastParser if interpreted else RequestParser)


@pytest.mark.skipif(COMPILED, reason="a compiled module cannot be loaded a second time")
def test_without_hiredis_the_reference_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hiredis", None)
    spec = importlib.util.spec_from_file_location("fast_parser_without_hiredis", fast_parser.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert not module.HAVE_HIREDIS
    assert type(module.make_parser()) is RequestParser


@needs_hiredis
def test_a_pipeline_is_one_batch() -> None:
    requests, ahead = batch_sizes(FastParser(), SMALL_BATCH)
    assert requests == [SET] * 16
    assert ahead == list(range(15, -1, -1))


@needs_hiredis
def test_a_single_request_is_no_batch() -> None:
    assert batch_sizes(FastParser(), encode(*SET)) == ([SET], [0])


@needs_hiredis
def test_the_end_of_a_cut_pipeline_is_not_part_of_the_batch() -> None:
    parser = FastParser()
    whole = SMALL_BATCH * 2
    requests, ahead = batch_sizes(parser, whole[:-20])
    assert requests == [SET] * 31
    assert ahead == list(range(30, -1, -1))
    # The next feed completes the request begun, and its rest is a batch again.
    requests, ahead = batch_sizes(parser, whole[-20:] + SMALL_BATCH)
    assert requests == [SET] * 17
    assert ahead == [0, *range(15, -1, -1)]
    assert parser.buffered() == 0


@needs_hiredis
def test_a_long_pipeline_is_many_batches() -> None:
    requests, ahead = batch_sizes(FastParser(), SMALL_BATCH * 200)
    assert requests == [SET] * 3200
    assert max(ahead) < 500
    assert ahead.count(0) < 15


@needs_hiredis
@pytest.mark.parametrize("odd", [b"PING\r\n", b"*2\r\n$4\r\nPING\r\n+OK\r\n", b"*999999\r\n"])
def test_a_failed_proof_is_not_tried_again_in_the_same_bytes(odd: bytes) -> None:
    parser = FastParser()
    parser.feed(SMALL_BATCH + odd + SMALL_BATCH)
    for _ in range(16):
        assert parser.next_request() == SET
        assert parser.ready == []
        assert not parser._hopeful


@needs_hiredis
def test_a_failed_proof_spoils_no_other() -> None:
    for odd in (b"*2\r\n$4\r\nPING\r\n", b"*2\r\n$4\r\nPING\r\n:5\r\n", b"PING\r\n", b"*1\r\n$4\r\nPING**"):
        batch_parser = FastParser()
        batch_parser.feed(SMALL_BATCH + odd)
        assert batch_parser.next_request() == SET
        assert batch_sizes(FastParser(), SMALL_BATCH)[1] == list(range(15, -1, -1))


@needs_hiredis
def test_long_values_are_left_to_the_reference() -> None:
    value = b"x" * 2000
    parser = FastParser()
    requests, ahead = batch_sizes(parser, encode(b"SET", b"k", value) * 3 + SMALL_BATCH)
    assert requests == [[b"SET", b"k", value]] * 3 + [SET] * 16
    assert ahead == [0, 0, 0, *range(15, -1, -1)]


@needs_hiredis
def test_stars_in_values_hide_where_the_last_request_begins() -> None:
    stars = b"*" * 50
    batch = encode(b"SET", b"k", stars) * 10
    requests, ahead = batch_sizes(FastParser(), batch + b"*1\r\n$4\r\nP*")
    assert requests == [[b"SET", b"k", stars]] * 10
    assert max(ahead) == 9
    requests, ahead = batch_sizes(FastParser(), batch + b"*2\r\n$60\r\n" + stars)
    assert requests == [[b"SET", b"k", stars]] * 10
    assert max(ahead) == 0


@needs_hiredis
def test_the_bulk_limit_is_kept() -> None:
    parser = FastParser()
    parser.max_bulk = 20_000
    parser.feed(SMALL_BATCH + b"*2\r\n$3\r\nGET\r\n$20001\r\n")
    for _ in range(16):
        assert parser.next_request() == SET
    with pytest.raises(ProtocolError, match="invalid bulk length"):
        parser.next_request()


@needs_hiredis
def test_requests_parsed_ahead_obey_a_limit_that_comes_between() -> None:
    eleven = [b"%d" % n for n in range(11)]
    parser = FastParser()
    parser.feed(encode(b"RESET") + encode(b"PING") + encode(*eleven) * 3)
    assert parser.next_request() == [b"RESET"]
    assert len(parser.ready) == 4
    parser.authenticated = False
    assert parser.next_request() == [b"PING"]
    for _ in range(2):
        with pytest.raises(ProtocolError, match="unauthenticated multibulk length"):
            parser.next_request()
    assert parser.buffered() == 0


@needs_hiredis
@pytest.mark.parametrize("opening", [b"", b"*2\r\n", b"*1\r\n$4\r\nPING++"])
def test_no_length_makes_hiredis_reserve_memory(opening: bytes) -> None:
    parser = FastParser()
    parser.feed(SMALL_BATCH + opening + b"*99999999\r\n" + b"$1\r\na\r\n" * 20)
    tracemalloc.start()
    try:
        assert parser.next_request() == SET
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()
