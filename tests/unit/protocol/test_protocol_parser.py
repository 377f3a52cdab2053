"""The reference parser beyond its vectors: limits, accounting, memory, and time that must stay linear."""

from __future__ import annotations

import random
import sys
import time
import tracemalloc

import pytest

from pyredis.protocol.parser import DEFAULT_MAX_BULK, ProtocolError, RequestParser, parse_long_long
from tests.protocol.request_vectors import encode

MB = 1024 * 1024


def fed(*pieces: bytes) -> RequestParser:
    parser = RequestParser()
    for piece in pieces:
        parser.feed(piece)
    return parser


def fails(parser: RequestParser) -> bytes:
    with pytest.raises(ProtocolError) as caught:
        parser.next_request()
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"0", 0),
        (b"7", 7),
        (b"-1", -1),
        (b"10", 10),
        (b"9223372036854775807", 2**63 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"9223372036854775808", None),
        (b"-9223372036854775809", None),
        (b"99999999999999999999", None),
        (b"1" * 5000, None),
        (b"", None),
        (b"-", None),
        (b"--1", None),
        (b"+1", None),
        (b"-0", None),
        (b"00", None),
        (b"01", None),
        (b" 1", None),
        (b"1 ", None),
        (b"1_0", None),
        (b"0x1", None),
        (b"\xd9\xa1", None),
    ],
)
def test_parse_long_long(text: bytes, value: int | None) -> None:
    assert parse_long_long(text) == value


def test_a_new_parser_holds_nothing() -> None:
    parser = RequestParser()
    assert parser.next_request() is None
    assert parser.next_request() is None
    assert (parser.buffered(), parser.argv_bytes()) == (0, 0)
    assert (parser.max_bulk, parser.authenticated) == (DEFAULT_MAX_BULK, True)


def test_the_bulk_limit_applies_to_the_next_length_read() -> None:
    parser = RequestParser()
    parser.max_bulk = 20_000
    parser.feed(encode(b"a", b"x" * 20_000))
    assert parser.next_request() == [b"a", b"x" * 20_000]
    parser.feed(b"*2\r\n$1\r\na\r\n$20001")
    assert parser.next_request() is None
    parser.max_bulk = 20_001
    parser.feed(b"\r\n")
    assert parser.next_request() is None
    parser.max_bulk = 10  # too late for the one begun
    parser.feed(b"x" * 20_001 + b"\r\n" + encode(b"b"))
    assert parser.next_request() == [b"a", b"x" * 20_001]
    assert parser.next_request() == [b"b"]


def test_authentication_between_two_pipelined_requests() -> None:
    parser = RequestParser()
    parser.authenticated = False
    eleven = [b"%d" % n for n in range(11)]
    parser.feed(encode(b"AUTH") + encode(*eleven) + encode(b"RESET") + encode(*eleven))
    assert parser.next_request() == [b"AUTH"]
    parser.authenticated = True
    assert parser.next_request() == eleven
    assert parser.next_request() == [b"RESET"]
    parser.authenticated = False
    assert fails(parser) == b"Protocol error: unauthenticated multibulk length"


def test_a_dead_parser_stays_dead_and_takes_no_memory() -> None:
    parser = fed(encode(b"PING") + b"*1\r\n:5\r\n" + encode(b"PING"))
    assert parser.next_request() == [b"PING"]
    message = fails(parser)
    parser.feed(b"x" * MB)
    assert fails(parser) == message == b"Protocol error: expected '$', got ':'"
    assert (parser.buffered(), parser.argv_bytes()) == (0, 0)


def test_what_is_held_is_told_apart() -> None:
    parser = fed(b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nab")
    assert parser.buffered() == 28
    assert parser.next_request() is None
    assert (parser.buffered(), parser.argv_bytes()) == (2, 6)
    parser.feed(b"cde\r")
    assert parser.next_request() is None
    assert (parser.buffered(), parser.argv_bytes()) == (6, 6)
    parser.feed(b"\n" + encode(b"PING"))
    assert parser.buffered() == 7 + 14
    assert parser.next_request() == [b"SET", b"key", b"abcde"]
    assert (parser.buffered(), parser.argv_bytes()) == (14, 0)
    assert parser.next_request() == [b"PING"]
    assert parser.buffered() == 0


def test_the_bytes_taken_tell_the_offset_in_a_replication_stream() -> None:
    requests = [encode(b"SET", b"k", b"v" * n) for n in (0, 1, 9, 10, 17_000, 3)]
    stream = b"".join(requests)
    parser = RequestParser()
    offset = 0
    offsets = []
    for at in range(0, len(stream), 7):
        parser.feed(stream[at : at + 7])
        while parser.next_request() is not None:
            offset = at + len(stream[at : at + 7]) - parser.buffered()
            offsets.append(offset)
    assert offsets == [sum(map(len, requests[: n + 1])) for n in range(len(requests))]


def test_input_that_piles_up_before_it_is_taken() -> None:
    requests = [[b"SET", b"key:%d" % n, b"x" * (n % 40)] for n in range(2000)]
    stream = b"".join(encode(*argv) for argv in requests)
    parser = fed(*[stream[at : at + 100] for at in range(0, len(stream), 100)])
    assert parser.buffered() == len(stream)
    taken = [parser.next_request() for _ in range(10)]
    parser.feed(encode(b"LAST"))
    while (argv := parser.next_request()) is not None:
        taken.append(argv)
    assert taken == [*requests, [b"LAST"]]


def test_names_are_shared_and_exact() -> None:
    parser = fed(encode(b"GeT", b"a") + encode(b"GeT", b"a") + encode(b"get", b"a"))
    first, second, third = (parser.next_request() for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    assert first[0] is second[0]
    assert (first[0], third[0]) == (b"GeT", b"get")
    assert first is not second


def test_names_that_collide() -> None:
    source = random.Random(1)
    names = [bytes(source.choices(b"ABab\0\xff", k=source.randint(0, 20))) for _ in range(3000)]
    parser = fed(b"".join(encode(name, b"x") for name in names))
    assert [parser.next_request() for _ in names] == [[name, b"x"] for name in names]


def test_a_parser_at_rest_lets_go_of_its_input() -> None:
    data = encode(b"PING") * 1000
    before = sys.getrefcount(data)
    parser = fed(data)
    while parser.next_request() is not None:
        pass
    assert sys.getrefcount(data) == before
    longer = data + b"*1\r\n$4\r\nPI"
    before = sys.getrefcount(longer)
    parser.feed(longer)
    while parser.next_request() is not None:
        pass
    assert sys.getrefcount(longer) == before
    assert parser.buffered() == 2


def peak(parser: RequestParser, pieces: list[bytes]) -> tuple[list[list[bytes]], int]:
    """The requests in these pieces, and the most memory that was taken meanwhile."""
    requests = []
    tracemalloc.start()
    try:
        for piece in pieces:
            parser.feed(piece)
            while (argv := parser.next_request()) is not None:
                requests.append(argv)
        return requests, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_announced_lengths_reserve_nothing() -> None:
    requests, taken = peak(RequestParser(), [b"*2147483647\r\n$536870912\r\n", b"abc"])
    assert requests == []
    assert taken < 10_000


def test_a_big_value_is_copied_once() -> None:
    value = random.Random(2).randbytes(16 * MB)
    data = encode(b"SET", b"k", value)
    pieces = [data[at : at + 65536] for at in range(0, len(data), 65536)]
    requests, taken = peak(RequestParser(), pieces)
    assert requests == [[b"SET", b"k", value]]
    assert taken < 16 * MB * 1.1  # the pieces exist already; the value is all that is added


def test_a_big_value_takes_linear_time() -> None:
    piece = b"x" * 65536
    parser = fed(b"*2\r\n$3\r\nSET\r\n$%d\r\n" % (128 * MB))
    began = time.perf_counter()
    for _ in range(2048):
        assert parser.next_request() is None
        parser.feed(piece)
    parser.feed(b"\r\n")
    argv = parser.next_request()
    assert argv is not None
    assert len(argv[1]) == 128 * MB
    # Joining at every piece would move 128 GB.
    assert time.perf_counter() - began < 3


def test_a_trickle_costs_neither_time_nor_an_object_for_each_byte() -> None:
    value = random.Random(3).randbytes(300_000)
    data = encode(b"SET", b"k", value)
    began = time.perf_counter()
    requests, taken = peak(RequestParser(), [data[at : at + 1] for at in range(len(data))])
    assert requests == [[b"SET", b"k", value]]
    assert taken < 3 * len(value)
    assert time.perf_counter() - began < 8


def test_pieces_of_any_size_are_joined_in_order() -> None:
    source = random.Random(4)
    for _ in range(50):
        value = source.randbytes(source.randint(0, 300_000))
        data = encode(b"SET", value) + encode(b"PING")
        parser = RequestParser()
        requests = []
        at = 0
        while at < len(data):
            size = source.choice([1, 2, 3, 50, 700, 5000, 65535, 65536, 70_000])
            parser.feed(data[at : at + size])
            parser.feed(b"")
            at += size
            if source.random() < 0.8:
                while (argv := parser.next_request()) is not None:
                    requests.append(argv)
        while (argv := parser.next_request()) is not None:
            requests.append(argv)
        assert requests == [[b"SET", value], [b"PING"]]


def test_a_long_pipeline_takes_linear_time() -> None:
    data = encode(b"SET", b"key", b"value") * 100_000
    parser = fed(data)
    began = time.perf_counter()
    count = 0
    while parser.next_request() is not None:
        count += 1
    assert count == 100_000
    # Dropping the prefix at every request would move 165 GB.
    assert time.perf_counter() - began < 5


def test_a_request_of_many_arguments_takes_linear_time() -> None:
    count = 200_000
    data = b"*%d\r\n" % count + b"$1\r\na\r\n" * count
    parser = RequestParser()
    began = time.perf_counter()
    for at in range(0, len(data), 1000):
        assert parser.next_request() is None
        parser.feed(data[at : at + 1000])
    argv = parser.next_request()
    assert argv == [b"a"] * count
    assert time.perf_counter() - began < 8


def test_the_error_shows_its_message() -> None:
    error = ProtocolError(b"Protocol error: invalid bulk length")
    assert error.message == b"Protocol error: invalid bulk length"
    assert error.args == (error.message,)
