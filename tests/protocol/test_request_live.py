"""Vectors and random input, sent to a real redis-server: it answers exactly what the parser sees."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from pyredis.protocol.parser import ProtocolError, RequestParser
from tests.protocol.request_strategies import streams
from tests.protocol.request_vectors import (
    LARGE,
    SMALL,
    Vector,
    parse,
)
from tests.support.servers import RedisServer, find_redis_server
from tests.support.wire import parse_replies

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(find_redis_server() is None, reason="redis-server is not installed")


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def protected_redis() -> Iterator[RedisServer]:
    with RedisServer("--requirepass", "secret") as server:
        yield server


def exchange(server: RedisServer, data: bytes) -> list[bytes]:
    """All replies to these bytes, which are followed by the end of the input."""
    with server.connect() as connection:
        # The server may have closed already, which is part of its answer.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, OSError):
            connection.send(data)
            connection.close_sending()
        return parse_replies(connection.read_until_close())


def bulk(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


def check(server: RedisServer, vector: Vector) -> None:
    """Compares what redis-server answers with what the requests of the vector must be answered."""
    replies = exchange(server, vector.data)
    if vector.error is not None:
        assert replies.pop() == b"-ERR " + vector.error + b"\r\n"
    assert len(replies) == len(vector.requests)
    for argv, reply in zip(vector.requests, replies, strict=True):
        known = {b"PING": (1, 2), b"ECHO": (2,)}.get(argv[0].upper())
        if known is None:
            assert reply.startswith(b"-ERR unknown command")
        elif not vector.authenticated:
            # Whether the arity is looked at before depends on the command.
            assert reply.startswith((b"-NOAUTH", b"-ERR wrong number of arguments"))
        elif len(argv) not in known:
            assert reply.startswith(b"-ERR wrong number of arguments")
        else:
            assert reply == (b"+PONG\r\n" if len(argv) == 1 else bulk(argv[1]))


@pytest.mark.parametrize("vector", [v for v in [*SMALL, *LARGE] if v.authenticated], ids=str)
def test_vector(redis: RedisServer, vector: Vector) -> None:
    check(redis, vector)


@pytest.mark.parametrize("vector", [v for v in SMALL if not v.authenticated], ids=str)
def test_vector_before_authentication(protected_redis: RedisServer, vector: Vector) -> None:
    check(protected_redis, vector)


def test_authentication_lifts_the_limits_within_a_pipeline(protected_redis: RedisServer) -> None:
    authenticate = b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n"
    eleven = b"*11\r\n" + b"$4\r\nPING\r\n" * 11
    reset = b"*1\r\n$5\r\nRESET\r\n"
    data = eleven.replace(b"*11", b"*10", 1)[:-10] + authenticate + eleven + reset + eleven
    replies = exchange(protected_redis, data)

    parser = RequestParser()
    parser.authenticated = False
    parser.feed(data)
    for _ in replies[:-1]:
        argv = parser.next_request()
        assert argv is not None
        if argv[0] in (b"AUTH", b"RESET"):
            parser.authenticated = argv[0] == b"AUTH"
    assert len(replies) == 5
    with pytest.raises(ProtocolError) as caught:
        parser.next_request()
    assert replies[-1] == b"-ERR " + caught.value.message + b"\r\n"


@settings(max_examples=300, deadline=None)
@given(streams())
def test_random_input(redis: RedisServer, stream: bytes) -> None:
    parsed = parse(RequestParser(), [stream])
    check(redis, Vector(stream, parsed.requests, parsed.error))


@settings(max_examples=100, deadline=None)
@given(streams())
def test_random_input_before_authentication(protected_redis: RedisServer, stream: bytes) -> None:
    parser = RequestParser()
    parser.authenticated = False
    parsed = parse(parser, [stream])
    check(protected_redis, Vector(stream, parsed.requests, parsed.error, authenticated=False))
