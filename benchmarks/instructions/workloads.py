"""The commands whose instructions are counted, and the data that they find.

A thousand keys, not more: callgrind is slow, and what a larger keyspace costs beyond that is waiting for memory, which
is no instruction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeAlias

from tests.support.wire import encode

Command: TypeAlias = tuple[str, ...]
Commands: TypeAlias = Iterable[Command]

DEPTHS: Final = (1, 16)
COMMANDS: Final = 1_600
"""What is counted, of every workload at every depth."""
WARM_UP: Final = 320
"""What comes before: caches fill, and what is made at the first use is made."""

KEYS: Final = 1_000
STRIDE: Final = 617
"""Has no factor in common with KEYS: all keys come, in no order that a table could profit from."""
VALUE: Final = "xxx"
SUBSCRIBERS: Final = 10
TO_POP: Final = COMMANDS + WARM_UP
LARGE: Final = 600
"""Members that a collection has before others are added: it is a table, no longer packed."""
INCREMENT: Final = "return redis.call('INCR', KEYS[1])"


def _scattered(number: int) -> int:
    return number * STRIDE % KEYS


def _key(number: int) -> str:
    return f"key:{_scattered(number):012d}"


def _element(number: int) -> str:
    return f"element:{_scattered(number):012d}"


class Workload(NamedTuple):
    """A command, made from the number of the request; what is loaded before; who listens to `news`."""

    name: str
    request: Callable[[int], Command]
    preload: Callable[[], Commands] = tuple
    subscribers: int = 0


def _strings() -> Commands:
    return [("SET", _key(number), VALUE) for number in range(KEYS)]


def _expiring_strings() -> Commands:
    return [("SET", _key(number), VALUE, "EX", "3600") for number in range(KEYS)]


def _list() -> Commands:
    return [("RPUSH", "mylist", *[VALUE] * TO_POP)]


def _set() -> Commands:
    return [("SADD", "myset", *(f"element:{number:012d}" for number in range(TO_POP)))]


def _sorted_set() -> Commands:
    return [("ZADD", "myzset", *(word for i in range(TO_POP) for word in (str(i), f"element:{i:012d}")))]


def _large_set() -> Commands:
    return [("SADD", "myset", *(_element(number) for number in range(LARGE)))]


def _large_sorted_set() -> Commands:
    return [("ZADD", "myzset", *(word for number in range(LARGE) for word in ("0", _element(number))))]


def _large_hash() -> Commands:
    return [("HSET", "myhash", *(word for number in range(LARGE) for word in (_element(number), VALUE)))]


def _hash() -> Commands:
    return [("HSET", "myhash", *(word for i in range(20) for word in (f"field{i}", f"value:{i}")))]


WORKLOADS: Final = [
    Workload("PING", lambda n: ("PING",)),
    Workload("GET", lambda n: ("GET", _key(n)), _strings),
    Workload("GET, all expiring", lambda n: ("GET", _key(n)), _expiring_strings),
    Workload("SET", lambda n: ("SET", _key(n), VALUE)),
    Workload("INCR", lambda n: ("INCR", _key(n))),
    Workload("MGET (10 keys)", lambda n: ("MGET", *(_key(10 * n + i) for i in range(10))), _strings),
    Workload("MSET (10 keys)", lambda n: ("MSET", *(w for i in range(10) for w in (_key(10 * n + i), VALUE)))),
    Workload("LPUSH", lambda n: ("LPUSH", "mylist", VALUE)),
    Workload("LPOP", lambda n: ("LPOP", "mylist"), _list),
    Workload("LRANGE_100", lambda n: ("LRANGE", "mylist", "0", "99"), _list),
    Workload("SADD", lambda n: ("SADD", "myset", _element(n)), _large_set),
    Workload("SPOP", lambda n: ("SPOP", "myset"), _set),
    Workload("HSET", lambda n: ("HSET", "myhash", _element(n), VALUE), _large_hash),
    Workload("HGETALL (20 fields)", lambda n: ("HGETALL", "myhash"), _hash),
    Workload("ZADD", lambda n: ("ZADD", "myzset", "0", _element(n)), _large_sorted_set),
    Workload("ZPOPMIN", lambda n: ("ZPOPMIN", "myzset"), _sorted_set),
    Workload("XADD", lambda n: ("XADD", "mystream", "*", "field", VALUE)),
    Workload("EVAL, INCR", lambda n: ("EVAL", INCREMENT, "1", _key(n))),
    Workload(f"PUBLISH to {SUBSCRIBERS}", lambda n: ("PUBLISH", "news", VALUE), subscribers=SUBSCRIBERS),
]  # fmt: skip


class Cell(NamedTuple):
    """A workload at a pipeline depth, as bytes: each packet holds `depth` requests."""

    name: str
    subscribers: int
    preload: list[bytes]
    warm_up: list[bytes]
    packets: list[bytes]


def cell(workload: Workload, depth: int) -> Cell:
    """All that is sent, made before anything is counted."""
    requests = [encode(*workload.request(number)) for number in range(WARM_UP + COMMANDS)]
    packets = [b"".join(requests[start : start + depth]) for start in range(0, len(requests), depth)]
    first = WARM_UP // depth
    return Cell(
        f"{workload.name}, pipeline {depth}",
        workload.subscribers,
        [encode(*command) for command in workload.preload()],
        packets[:first],
        packets[first:],
    )


def cells() -> list[Cell]:
    """Every workload at every depth."""
    return [cell(workload, depth) for depth in DEPTHS for workload in WORKLOADS]
