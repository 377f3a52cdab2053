"""Workloads beyond one command on many keys: what applications do, and what features cost.

A group that prices a feature compares a workload with its `baseline`.
"""

from __future__ import annotations

import hashlib
from typing import Final

from benchmarks.compare.traffic import (
    SUBSCRIBERS,
    Request,
    closed,
    fan_out,
    mix,
    ping_pong,
    waiting_workers,
)
from benchmarks.compare.workloads import (
    CLIENTS,
    CORE,
    DEFAULT_LIST,
    KEY,
    KEYSPACE,
    VALUE,
    Commands,
    Preload,
    Workload,
    string_keys,
)
from tests.support.wire import encode

MANY_CLIENTS: Final = 1_000
ONCE: Final = (1,)
ENTRIES: Final = 10
"""Entries of a stream that are read or acknowledged at once."""

INCREMENT: Final = "return redis.call('INCR', KEYS[1])"
FIVE_COMMANDS: Final = """
local count = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], 60)
redis.call('HSET', KEYS[2], ARGV[1], count)
redis.call('LPUSH', KEYS[3], ARGV[1])
redis.call('LTRIM', KEYS[3], 0, 9)
return count
"""
FILL_STREAM: Final = """
for number = tonumber(ARGV[1]), tonumber(ARGV[2]) do
    redis.call('XADD', KEYS[1], number .. '-0', 'field', 'xxx')
end
"""
READ_STREAM: Final = (
    "redis.call('XREADGROUP', 'GROUP', 'workers', 'one', 'COUNT', ARGV[1], 'STREAMS', KEYS[1], '>')"
)
STEP: Final = 1_000


def _expiring_keys(requests: int) -> Commands:
    for number in range(KEYSPACE):
        yield ("SET", f"key:{number:012d}", VALUE, "EX", "3600")


def twenty_fields(requests: int) -> Commands:
    """A hash."""
    yield ("HSET", "myhash", *(word for i in range(20) for word in (f"field{i}", f"value:{i}")))


def _hundred_members(requests: int) -> Commands:
    yield ("ZADD", "myzset", *(word for i in range(100) for word in (f"{i}.5", f"element:{i}")))


def _large(length: int) -> Preload:
    def make(requests: int) -> Commands:
        yield ("SET", "large", "x" * length)

    return make


def _loaded(script: str) -> Preload:
    def make(requests: int) -> Commands:
        yield ("SCRIPT", "LOAD", script)

    return make


def _evalsha(script: str, *words: str) -> tuple[str, ...]:
    return ("EVALSHA", hashlib.sha1(script.encode()).hexdigest(), *words)


def _stream(requests: int) -> Commands:
    """A stream with entries for so many reads, and a group that has read none."""
    for start in range(1, requests * ENTRIES + 1, STEP):
        yield ("EVAL", FILL_STREAM, "1", "events", str(start), str(start + STEP - 1))
    yield ("XGROUP", "CREATE", "events", "workers", "0")


def _read_stream(requests: int) -> Commands:
    """The same, all entries read and none acknowledged."""
    yield from _stream(requests)
    yield ("EVAL", READ_STREAM, "1", "events", str((requests + STEP) * ENTRIES))


def _acknowledgements(count: int) -> list[Request]:
    return [
        Request(encode("XACK", "events", "workers", *(f"{i}-0" for i in range(first, first + ENTRIES))), 1)
        for first in range(1, count * ENTRIES + 1, ENTRIES)
    ]


def _sizes(name: str, length: int, cost: int) -> list[Workload]:
    return [
        Workload(
            f"SET {name}",
            "values",
            ("SET", KEY, VALUE),
            builtin="set",
            value_bytes=length,
            depths=ONCE,
            cost=cost,
        ),
        Workload(f"GET {name}", "values", ("GET", "large"), preload=_large(length), depths=ONCE, cost=cost),
    ]


def _mixed(
    name: str, reads: float, exponent: float = 0.0, clients: int = CLIENTS, group: str = "mixed"
) -> Workload:
    """GETs and SETs over all connections at once."""
    driver = closed(mix(reads, VALUE, KEYSPACE, exponent), clients)
    return Workload(name, group, ("GET", KEY), KEYSPACE, string_keys, clients=clients, driver=driver)


MIXED: Final = [
    _mixed("GET 90 %, SET 10 %", 0.9),
    _mixed("GET 50 %, SET 50 %", 0.5),
    _mixed("GET 90 %, Zipf's law", 0.9, 0.99),
]
PIPELINED: Final = [
    Workload("PING", "deep", ("PING",), depths=(128,)),
    Workload("SET", "deep", ("SET", KEY, VALUE), KEYSPACE, depths=(128,)),
    Workload("GET", "deep", ("GET", KEY), KEYSPACE, string_keys, depths=(128,)),
    Workload("INCR", "deep", ("INCR", KEY), KEYSPACE, depths=(128,)),
]
LARGE_VALUES: Final = [
    *_sizes("10 KB", 10 << 10, 2),
    *_sizes("100 KB", 100 << 10, 8),
    *_sizes("1 MB", 1 << 20, 64),
]
CROWDED: Final = [_mixed("GET 90 %, SET 10 %", 0.9, clients=MANY_CLIENTS, group="crowd")]
RESP3: Final = [
    Workload("GET", "resp3", ("GET", KEY), KEYSPACE, string_keys, is_resp3=True),
    Workload("HGETALL (20 fields)", "resp3", ("HGETALL", "myhash"), preload=twenty_fields, is_resp3=True, cost=2),
    Workload(
        "ZRANGE WITHSCORES (100)", "resp3", ("ZRANGE", "myzset", "0", "-1", "WITHSCORES"),
        preload=_hundred_members, is_resp3=True, cost=4,
    ),
]  # fmt: skip
LOG_ON: Final = (("auto-aof-rewrite-percentage", "0"), ("appendfsync", "everysec"), ("appendonly", "yes"))
LOG_OFF: Final = (("appendonly", "no"),)
LOGGED: Final = [
    Workload("SET, no log", "log", ("SET", KEY, VALUE), KEYSPACE),
    Workload(
        "SET, everysec", "log", ("SET", KEY, VALUE), KEYSPACE,
        baseline="SET, no log", settings=LOG_ON, undone=LOG_OFF,
    ),
]  # fmt: skip
EXPIRY: Final = [
    Workload("GET, no expiry", "expiry", ("GET", KEY), KEYSPACE, string_keys),
    Workload(
        "GET, all expiring", "expiry", ("GET", KEY), KEYSPACE, _expiring_keys, baseline="GET, no expiry"
    ),
    Workload("SET", "expiry", ("SET", KEY, VALUE), KEYSPACE),
    Workload("SET PX 100, keys expire", "expiry", ("SET", KEY, VALUE, "PX", "100"), KEYSPACE, baseline="SET"),
]
SCRIPTS: Final = [
    Workload("EVALSHA, INCR", "scripts", _evalsha(INCREMENT, "1", KEY), KEYSPACE, _loaded(INCREMENT)),
    Workload(
        "EVALSHA, five commands", "scripts", _evalsha(FIVE_COMMANDS, "3", KEY, "hash", "list", "member"),
        KEYSPACE, _loaded(FIVE_COMMANDS), cost=4,
    ),
]  # fmt: skip
MESSAGES: Final = [
    Workload(
        f"PUBLISH to {SUBSCRIBERS:,} (each)", "messages", ("PUBLISH", "news", VALUE),
        clients=SUBSCRIBERS, depths=ONCE, driver=fan_out,
    ),
    Workload(
        "LPUSH, BLPOP: ping-pong", "messages", ("LPUSH", "other", VALUE), clients=2, depths=ONCE, driver=ping_pong
    ),
    Workload(
        "LPUSH to 100 in BLPOP", "messages", ("LPUSH", "other", VALUE),
        clients=100, depths=ONCE, driver=waiting_workers,
    ),
]  # fmt: skip
STREAMS: Final = [
    Workload("XADD", "streams", ("XADD", "mystream", "*", "field", VALUE), is_used_up=True),
    Workload(
        "XREADGROUP (10 entries)", "streams",
        ("XREADGROUP", "GROUP", "workers", "one", "COUNT", str(ENTRIES), "STREAMS", "events", ">"),
        preload=_stream, is_used_up=True, depths=ONCE, cost=4, share=0.4,
    ),
    Workload(
        "XACK (10 entries)", "streams", ("XACK", "events", "workers", "1-0"),
        preload=_read_stream, is_used_up=True, depths=ONCE, cost=4, share=0.4,
        driver=closed(_acknowledgements, CLIENTS, is_repeated=False),
    ),
]  # fmt: skip
SITUATIONS: Final = [
    *MIXED, *PIPELINED, *LARGE_VALUES, *CROWDED, *RESP3, *LOGGED, *EXPIRY, *SCRIPTS, *MESSAGES, *STREAMS,
]  # fmt: skip
WORKLOADS: Final = [*CORE, *DEFAULT_LIST, *SITUATIONS]
