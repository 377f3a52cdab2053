"""A full server beside a real one: the same requests, the same raw replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.servers import PyredisServer, RedisServer, find_redis_server
from tests.support.wire import RawConnection

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(find_redis_server() is None, reason="redis-server is not installed")

LIBRARY = """#!lua name=l
local function set() return redis.call('set', 'x', '1') end
redis.register_function{function_name='w', callback=set}
redis.register_function{function_name='o', callback=set, flags={'allow-oom'}}
redis.register_function{function_name='n', callback=function() return 1 end, flags={'no-writes'}}
"""
WRITE = "return redis.call('set', 'x', '1')"
FULL = "CONFIG SET maxmemory 1"
ROOM = "CONFIG SET maxmemory 0"
POLICIES = ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"]
POLICIES += ["allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction"]

REFUSED = [
    FULL, "SET b 1", "GET a", "APPEND a x", "INCR a", "LPUSH l 1", "RPOP l", "HSET h f v", "HDEL h f", "SADD s 1",
    "ZADD z 1 a", "XADD x * f v", "SETBIT a 1 1", "PFADD p a", "GEOADD g 1 1 a", "SORT a STORE b", "COPY a b",
    "RENAME a b", "RENAME b a", "EXPIRE a 100", "PERSIST a", "SETEX b 10 v", "GETEX a", "GETDEL nokey", "DEL nokey",
    "UNLINK nokey", "MSET b 1", "PUBLISH c m", "SUBSCRIBE c", "UNSUBSCRIBE c", "PING", "SELECT 1", "SELECT 0",
    "SCRIPT FLUSH", "BITOP NOT b a", "RESTORE b 0 x", "FLUSHDB", "SWAPDB 0 1", "SWAPDB 0 1", "MOVE a 1", "DBSIZE",
    "OBJECT IDLETIME nokey", "OBJECT FREQ nokey", "LMOVE l l LEFT LEFT", "BLPOP nokey 0.01",
    "BLMOVE l l LEFT LEFT 0.01",
]  # fmt: skip
QUEUED = [
    "SET a 1", FULL,
    "MULTI", "GET a", "EXEC", "MULTI", "SET a 2", "EXEC", "MULTI", "PING", "DISCARD", "MULTI", "WATCH a", "EXEC",
    "MULTI", "MULTI", "EXEC", "MULTI", "NOSUCH", "DISCARD", "MULTI", "GET", "EXEC", "EXEC", "DISCARD", "MULTI", "RESET",
    ROOM, "MULTI", "SET a 3", FULL, "SET a 4", "EXEC", "GET a", "WATCH a", "UNWATCH",
    "MULTI", "EXEC",
]  # fmt: skip


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[RawConnection, RawConnection]]:
    with (
        PyredisServer("--save", "") as ours,
        RedisServer() as real,
        ours.connect(timeout=20) as one,
        real.connect(timeout=20) as other,
    ):
        yield one, other


def same(pair: tuple[RawConnection, RawConnection], *argv: str) -> bytes:
    reply, expected = (connection.command(*argv) for connection in pair)
    assert reply == expected, argv
    return reply


def prepare(pair: tuple[RawConnection, RawConnection], policy: str = "noeviction") -> None:
    for argv in (
        ["CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", policy], ["FLUSHALL"], ["FUNCTION", "FLUSH"],
        ["CONFIG", "RESETSTAT"], ["FUNCTION", "LOAD", LIBRARY], ["SET", "a", "1"], ["RPUSH", "l", "1", "2"],
        ["HSET", "h", "f", "v"],
    ):  # fmt: skip
        same(pair, *argv)


def statistics(connection: RawConnection) -> dict[str, str]:
    """What INFO counts of errors, of commands and of what has gone."""
    text = b"".join(
        connection.command("INFO", section) for section in ("errorstats", "commandstats", "stats")
    )
    found: dict[str, str] = {}
    for line in text.decode().split("\r\n"):
        name, _, value = line.partition(":")
        if name.startswith("errorstat_") or name in ("evicted_keys", "evicted_clients", "expired_keys"):
            found[name] = value
        elif name.startswith("cmdstat_") and name != "cmdstat_info":
            found[name] = ",".join(part for part in value.split(",") if not part.startswith("usec"))
    return found


@pytest.mark.parametrize("requests", [REFUSED, QUEUED], ids=["alone", "in transactions"])
def test_requests(pair: tuple[RawConnection, RawConnection], requests: list[str]) -> None:
    prepare(pair)
    for line in requests:
        same(pair, *line.split())
    ours, real = (statistics(connection) for connection in pair)
    assert ours == real


@pytest.mark.parametrize("policy", POLICIES)
def test_policies(pair: tuple[RawConnection, RawConnection], policy: str) -> None:
    prepare(pair, policy)
    same(pair, "SET", "v", "1", "EX", "1000")
    same(pair, *FULL.split())
    same(pair, "PING")
    for line in ("DBSIZE", "GET v", "GET a", "SET c 1", "DBSIZE", "DEL a", "EVAL " + "return{} 0"):
        same(pair, *line.split())
    ours, real = (statistics(connection) for connection in pair)
    assert ours == real


@pytest.mark.parametrize(
    "script",
    [
        WRITE,
        "return redis.pcall('set', 'x', '1')",
        "return redis.pcall('set', 'x', '1')['err']",
        "redis.call('del', 'x'); " + WRITE,
        "redis.call('get', 'x'); " + WRITE,
        "redis.pcall('set', 'x', '1'); return redis.call('del', 'x')",
        "return redis.call('get', 'x')",
        "return redis.call('publish', 'c', 'm')",
        "#!lua\n" + WRITE,
        "#!lua\nreturn 1",
        "#!lua flags=allow-oom\n" + WRITE,
        "#!lua flags=no-writes\nreturn redis.call('get', 'x')",
        "#!lua flags=no-writes\n" + WRITE,
        "#!lua flags=no-writes,allow-oom\n" + WRITE,
    ],
)
def test_scripts(pair: tuple[RawConnection, RawConnection], script: str) -> None:
    prepare(pair)
    same(pair, *FULL.split())
    for command in ("EVAL", "EVAL_RO"):
        same(pair, command, script, "0")
    # Not 0: Redis would go on believing what it found before, and refuse scripts once there is a limit again.
    same(pair, "CONFIG", "SET", "maxmemory", "1000gb")
    same(pair, "PING")
    same(pair, "MULTI")
    same(pair, "EVAL", script, "0")
    same(pair, *FULL.split())
    same(pair, "EVAL", script, "0")
    same(pair, "EXEC")
    ours, real = (statistics(connection) for connection in pair)
    assert ours == real


@pytest.mark.parametrize("command", ["FCALL", "FCALL_RO"])
@pytest.mark.parametrize("name", ["w", "o", "n"])
def test_functions(pair: tuple[RawConnection, RawConnection], command: str, name: str) -> None:
    prepare(pair)
    same(pair, *FULL.split())
    same(pair, command, name, "0")
    same(pair, *ROOM.split())
    same(pair, command, name, "0")
