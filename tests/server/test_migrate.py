"""MIGRATE between two servers of ours, and to and from a real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyredis.commands.migrate import KEPT_SECONDS, targets_of
from tests.server.network import free_port
from tests.support.inprocess import InProcess
from tests.support.process import ServerProcess
from tests.support.servers import PyredisServer, RedisServer, find_redis_server
from tests.support.wire import RawConnection

OK = b"+OK\r\n"
OPTIONS = ("--enable-debug-command", "yes", "--save", "")

needs_redis = pytest.mark.skipif(find_redis_server() is None, reason="no redis-server to compare with")


@pytest.fixture
def source() -> Iterator[PyredisServer]:
    with PyredisServer(*OPTIONS) as server:
        yield server


@pytest.fixture
def target() -> Iterator[PyredisServer]:
    with PyredisServer(*OPTIONS) as server:
        yield server


def fill(connection: RawConnection) -> list[str]:
    """A key of every type."""
    lines = {
        "string": "SET string value", "number": "SET number 12345", "list": "RPUSH list a b c",
        "hash": "HSET hash f v g w", "set": "SADD set x y z", "ints": "SADD ints 1 2 3",
        "zset": "ZADD zset 1 a 2.5 b", "stream": "XADD stream 1-1 f v",
    }  # fmt: skip
    for line in lines.values():
        assert not connection.command(*line.split()).startswith(b"-")
    return list(lines)


def move_everything(source: ServerProcess, target: ServerProcess) -> None:
    with source.connect() as one, target.connect() as other:
        keys = fill(one)
        one.command("PEXPIRE", "string", "100000")
        before = one.command("DEBUG", "DIGEST-VALUE", *keys)
        assert one.command("MIGRATE", "127.0.0.1", target.port, "", "0", "5000", "KEYS", *keys, "none") == OK
        assert one.command("DBSIZE") == b":0\r\n"
        assert other.command("DEBUG", "DIGEST-VALUE", *keys) == before
        assert 0 < int(other.command("PTTL", "string")[1:]) <= 100_000


def test_between_two_of_ours(source: PyredisServer, target: PyredisServer) -> None:
    move_everything(source, target)


@needs_redis
def test_to_redis(source: PyredisServer) -> None:
    with RedisServer() as redis:
        move_everything(source, redis)


@needs_redis
def test_from_redis(target: PyredisServer) -> None:
    with RedisServer() as redis:
        move_everything(redis, target)


def test_copy_replace_and_databases(source: PyredisServer, target: PyredisServer) -> None:
    with source.connect() as one, target.connect() as other:
        one.command("SET", "k", "v")
        move = ("MIGRATE", "127.0.0.1", target.port, "k", "3", "1000")
        assert one.command(*move, "COPY") == OK
        assert one.command("GET", "k") == b"$1\r\nv\r\n"
        assert one.command(*move) == (
            b"-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n"
        )
        assert one.command("EXISTS", "k") == b":1\r\n"
        assert one.command(*move, "REPLACE") == OK
        assert one.command("EXISTS", "k") == b":0\r\n"
        assert one.command(*move) == b"+NOKEY\r\n"
        assert other.command("EXISTS", "k") == b":0\r\n"
        other.command("SELECT", "3")
        assert other.command("GET", "k") == b"$1\r\nv\r\n"


def test_some_keys_fail(source: PyredisServer, target: PyredisServer) -> None:
    with source.connect() as one, target.connect() as other:
        for key in ("a", "b", "c"):
            one.command("SET", key, "new")
        other.command("SET", "b", "old")
        reply = one.command("MIGRATE", "127.0.0.1", target.port, "", "0", "1000", "KEYS", "a", "b", "c")
        assert reply.startswith(b"-ERR Target instance replied with error: BUSYKEY")
        assert one.command("EXISTS", "a", "b", "c") == b":1\r\n"
        assert other.command("MGET", "a", "b", "c") == b"*3\r\n$3\r\nnew\r\n$3\r\nold\r\n$3\r\nnew\r\n"


def test_passwords(source: PyredisServer) -> None:
    with (
        PyredisServer(*OPTIONS, "--requirepass", "secret") as target,
        source.connect() as one,
        target.connect() as other,
    ):
        one.command("SET", "k", "v")
        move = ("MIGRATE", "127.0.0.1", target.port, "k", "0", "1000")
        refused = b"-ERR Target instance replied with error: "
        assert one.command(*move).startswith(refused + b"NOAUTH")
        assert one.command(*move, "AUTH", "wrong").startswith(refused + b"WRONGPASS")
        assert one.command(*move, "COPY", "AUTH", "secret") == OK
        assert one.command(*move, "REPLACE", "AUTH2", "default", "secret") == OK
        other.command("AUTH", "secret")
        assert other.command("GET", "k") == b"$1\r\nv\r\n"


def test_a_target_that_comes_back(source: PyredisServer, target: PyredisServer) -> None:
    with source.connect() as one:
        move = ("MIGRATE", "127.0.0.1", target.port, "k", "0", "1000")
        one.command("SET", "k", "v")
        assert one.command(*move) == OK
        target.stop()
        one.command("SET", "k", "v")
        assert one.command(*move).startswith(b"-IOERR error or timeout")
        assert one.command("GET", "k") == b"$1\r\nv\r\n"
        target.start()
        assert one.command(*move) == OK
        assert one.command("EXISTS", "k") == b":0\r\n"


def test_errors(source: PyredisServer) -> None:
    with source.connect() as one:
        one.command("SET", "k", "v")
        port = free_port()
        connecting = b"-IOERR error or timeout connecting to the client\r\n"
        assert one.command("MIGRATE", "127.0.0.1", port, "k", "0", "10") == connecting
        assert one.command("MIGRATE", "127.0.0.1", "x", "k", "0", "10") == connecting
        assert one.command("MIGRATE", "127.0.0.1", port, "k", "x", "10") == (
            b"-ERR value is not an integer or out of range\r\n"
        )
        assert one.command("MIGRATE", "127.0.0.1", port, "k", "0", "10", "WHAT") == b"-ERR syntax error\r\n"
        assert one.command("MIGRATE", "127.0.0.1", port, "k", "0", "10", "AUTH") == b"-ERR syntax error\r\n"
        assert one.command("MIGRATE", "127.0.0.1", port, "k", "0", "10", "KEYS", "a") == (
            b"-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string\r\n"
        )
        assert one.command("COMMAND", "GETKEYS", "MIGRATE", "h", "1", "", "0", "1", "KEYS", "a", "b") == (
            b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"
        )


def test_connections_are_kept_for_a_while_and_counted(source: PyredisServer, target: PyredisServer) -> None:
    with source.connect() as one, target.connect() as other:
        assert b"\r\nmigrate_cached_sockets:0\r\n" in one.command("INFO", "stats")
        for key in ("a", "b"):
            one.command("SET", key, "v")
            assert one.command("MIGRATE", "127.0.0.1", target.port, key, "0", "5000") == OK
        assert b"\r\nmigrate_cached_sockets:1\r\n" in one.command("INFO", "stats")
        assert b"\r\nconnected_clients:2\r\n" in other.command("INFO", "clients")


def test_the_cron_closes_those_that_nobody_uses(target: PyredisServer) -> None:
    engine = InProcess().engine
    assert engine.outgoing.count() == 0
    engine.outgoing.close_idle()
    targets = targets_of(engine)
    assert targets_of(engine) is engine.outgoing is targets
    port = str(target.port).encode()
    kept, is_old = targets.open(b"127.0.0.1", port, 1000)
    assert not is_old
    assert targets.open(b"127.0.0.1", port, 1000) == (kept, True)
    kept.used_at -= KEPT_SECONDS - 1
    engine.outgoing.close_idle()
    assert targets.count() == 1
    kept.used_at -= 2
    engine.outgoing.close_idle()
    assert targets.count() == 0
    assert kept.connection.fileno() == -1
    targets.open(b"127.0.0.1", port, 1000)
    engine.outgoing.close_all()
    assert targets.count() == 0
