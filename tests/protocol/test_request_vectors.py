"""Every vector, through every parser, cut every way."""

from __future__ import annotations

import pytest

from pyredis.protocol.parser import RequestParser
from tests.protocol.request_vectors import (
    LARGE,
    LONG_LINES,
    PARSERS,
    SMALL,
    Vector,
    encode,
    parse,
)

pytestmark = pytest.mark.parametrize("make", PARSERS)

PIPELINE = [[b"SET", b"key:%d" % n, b"value"] for n in range(20)]
PIPELINED = b"".join(encode(*argv) for argv in PIPELINE)


def check(make: type[RequestParser], vector: Vector, pieces: list[bytes]) -> None:
    parser = make()
    parser.authenticated = vector.authenticated
    parsed = parse(parser, pieces)
    assert parsed.requests == vector.requests
    assert parsed.error == vector.error
    assert parsed.rest == vector.rest
    assert all(type(argument) is bytes for argv in parsed.requests for argument in argv)


@pytest.mark.parametrize("vector", [*SMALL, *LARGE, *LONG_LINES], ids=str)
def test_whole(make: type[RequestParser], vector: Vector) -> None:
    check(make, vector, [vector.data])


@pytest.mark.parametrize("vector", SMALL, ids=str)
def test_every_split_point(make: type[RequestParser], vector: Vector) -> None:
    for at in range(len(vector.data) + 1):
        check(make, vector, [vector.data[:at], vector.data[at:]])


@pytest.mark.parametrize("vector", SMALL, ids=str)
def test_byte_by_byte(make: type[RequestParser], vector: Vector) -> None:
    check(make, vector, [vector.data[at : at + 1] for at in range(len(vector.data))])


@pytest.mark.parametrize("size", [1000, 16 * 1024, 65_000])
@pytest.mark.parametrize("vector", LARGE, ids=str)
def test_large_in_pieces(make: type[RequestParser], vector: Vector, size: int) -> None:
    check(make, vector, [vector.data[at : at + size] for at in range(0, len(vector.data), size)])


@pytest.mark.parametrize("vector", SMALL, ids=str)
def test_within_a_pipeline(make: type[RequestParser], vector: Vector) -> None:
    """Long enough for the fast parser to take it as a batch, with each part of the vector in or out of it."""
    for at in {0, len(vector.data) // 3, len(vector.data)}:
        parser = make()
        parser.authenticated = vector.authenticated
        parsed = parse(parser, [PIPELINED + vector.data[:at], vector.data[at:]])
        assert parsed.requests == PIPELINE + vector.requests
        assert parsed.error == vector.error
        assert parsed.rest == vector.rest


FINISHED = [v for v in SMALL if v.error is None and v.requests and not v.rest and not v.begun]


@pytest.mark.parametrize("vector", FINISHED, ids=str)
def test_before_a_pipeline(make: type[RequestParser], vector: Vector) -> None:
    parser = make()
    parser.authenticated = vector.authenticated
    parsed = parse(parser, [vector.data + PIPELINED])
    assert parsed.requests == vector.requests + PIPELINE
    assert parsed.error is None
    assert parsed.rest == 0
