"""The workloads, as data: a command for redis-benchmark and the data that it needs beforehand.

Two groups make the figures that matter. `core` spreads six commands over 100,000
random keys. `list` is redis-benchmark's own default list, sent as it sends it,
with one difference: pops find a collection large enough to pop from, where the
original mostly pops from an empty one. `benchmarks.compare.situations` has the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from benchmarks.compare.traffic import Driver

Commands: TypeAlias = Iterator[tuple[str, ...]]
Preload: TypeAlias = Callable[[int], Commands]

DEPTHS: Final = (1, 16)
CLIENTS: Final = 50
KEYSPACE: Final = 100_000
VALUE: Final = "xxx"  # redis-benchmark's default payload
BATCH: Final = 1000
RANDOM: Final = "__rand_int__"
FEWEST_REQUESTS: Final = 5_000


def nothing(requests: int) -> Commands:
    """No data."""
    return iter(())


def string_keys(requests: int) -> Commands:
    """Every key that a random number of the keyspace names."""
    for start in range(0, KEYSPACE, BATCH):
        yield ("MSET", *(word for i in range(start, start + BATCH) for word in (f"key:{i:012d}", VALUE)))


def _one_key(requests: int) -> Commands:
    yield ("SET", f"key:{RANDOM}", VALUE)


def list_to_range(requests: int) -> Commands:
    """A list longer than any range."""
    yield ("RPUSH", "mylist", *[VALUE] * 1000)


def list_to_pop(requests: int) -> Commands:
    """A list that lasts for so many requests."""
    for _ in range(0, requests, BATCH):
        yield ("RPUSH", "mylist", *[VALUE] * BATCH)


def set_to_pop(requests: int) -> Commands:
    """A set that lasts for so many requests."""
    for start in range(0, requests, BATCH):
        yield ("SADD", "myset", *(f"element:{i:012d}" for i in range(start, start + BATCH)))


def _zset_to_pop(requests: int) -> Commands:
    for start in range(0, requests, BATCH):
        members = (word for i in range(start, start + BATCH) for word in (str(i), f"element:{i:012d}"))
        yield ("ZADD", "myzset", *members)


@dataclass(frozen=True)
class Workload:
    """One command under load.

    `keyspace` is how many values redis-benchmark's `__rand_int__` takes; 0 leaves
    the text as it is, as redis-benchmark does by default. `preload` is told the
    number of requests to come. `is_used_up` asks for a flush and a new preload
    before every run. `builtin` names a redis-benchmark test instead of `argv`, with values of `value_bytes` if that is
    given. `cost` is how many times as expensive as a GET the command is, roughly: trial runs are shorter by so much.
    `settings` are made with CONFIG SET before the workload and `undone` behind it. A `driver` is a load of our own in
    place of redis-benchmark's; `argv` then only tells whether a server knows the command. `share` shortens every run,
    of workloads whose data takes long to make.
    """

    name: str
    group: str
    argv: tuple[str, ...]
    keyspace: int = 0
    preload: Preload = nothing
    is_used_up: bool = False
    builtin: str = ""
    baseline: str = ""
    clients: int = CLIENTS
    depths: tuple[int, ...] = DEPTHS
    cost: int = 1
    value_bytes: int = 0
    is_resp3: bool = False
    settings: tuple[tuple[str, str], ...] = ()
    undone: tuple[tuple[str, str], ...] = ()
    driver: Driver | None = None
    share: float = 1.0

    @property
    def fewest_requests(self) -> int:
        """What a run has at least: every client sends something, and the clock has something to tell."""
        return max(int(FEWEST_REQUESTS * self.share) // self.cost, 2 * self.clients)

    def benchmark_arguments(self) -> list[str]:
        """What follows redis-benchmark's connection options."""
        options = ["-r", str(self.keyspace)] if self.keyspace else []
        options += ["-d", str(self.value_bytes)] if self.value_bytes else []
        options += ["-3"] if self.is_resp3 else []
        return [*options, "-t", self.builtin] if self.builtin else [*options, *self.argv]

    def sample_command(self) -> tuple[str, ...]:
        """The command as one client would send it once."""
        return tuple(word.replace(RANDOM, "0" * 12) if self.keyspace else word for word in self.argv)


KEY: Final = f"key:{RANDOM}"
ELEMENT: Final = f"element:{RANDOM}"
TEN_PAIRS: Final = (KEY, VALUE) * 10

CORE: Final = [
    Workload("PING", "core", ("PING",)),
    Workload("SET", "core", ("SET", KEY, VALUE), KEYSPACE),
    Workload("GET", "core", ("GET", KEY), KEYSPACE, string_keys),
    Workload("INCR", "core", ("INCR", f"counter:{RANDOM}"), KEYSPACE),
    Workload("MGET (10 keys)", "core", ("MGET", *[KEY] * 10), KEYSPACE, string_keys),
    Workload("MSET (10 keys)", "core", ("MSET", *TEN_PAIRS), KEYSPACE),
]
DEFAULT_LIST: Final = [
    Workload("PING_INLINE", "list", ("PING",), builtin="ping_inline"),
    Workload("PING_MBULK", "list", ("PING",)),
    Workload("SET", "list", ("SET", KEY, VALUE)),
    Workload("GET", "list", ("GET", KEY), preload=_one_key),
    Workload("INCR", "list", ("INCR", f"counter:{RANDOM}")),
    Workload("LPUSH", "list", ("LPUSH", "mylist", VALUE), is_used_up=True),
    Workload("RPUSH", "list", ("RPUSH", "mylist", VALUE), is_used_up=True),
    Workload("LPOP", "list", ("LPOP", "mylist"), preload=list_to_pop, is_used_up=True),
    Workload("RPOP", "list", ("RPOP", "mylist"), preload=list_to_pop, is_used_up=True),
    Workload("SADD", "list", ("SADD", "myset", ELEMENT)),
    Workload("HSET", "list", ("HSET", "myhash", ELEMENT, VALUE)),
    Workload("SPOP", "list", ("SPOP", "myset"), preload=set_to_pop, is_used_up=True),
    Workload("ZADD", "list", ("ZADD", "myzset", "0", ELEMENT)),
    Workload("ZPOPMIN", "list", ("ZPOPMIN", "myzset"), preload=_zset_to_pop, is_used_up=True),
    Workload("LRANGE_100", "list", ("LRANGE", "mylist", "0", "99"), preload=list_to_range),
    Workload("LRANGE_300", "list", ("LRANGE", "mylist", "0", "299"), preload=list_to_range),
    Workload("LRANGE_500", "list", ("LRANGE", "mylist", "0", "499"), preload=list_to_range),
    Workload("LRANGE_600", "list", ("LRANGE", "mylist", "0", "599"), preload=list_to_range),
    Workload("MSET (10 keys)", "list", ("MSET", *TEN_PAIRS)),
]
