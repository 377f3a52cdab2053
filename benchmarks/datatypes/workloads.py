"""The commands of the data types under load, and the data that each works on."""

from __future__ import annotations

import math
from typing import Final

from benchmarks.compare.situations import twenty_fields
from benchmarks.compare.workloads import (
    ELEMENT,
    KEYSPACE,
    VALUE,
    Commands,
    Workload,
    list_to_pop,
    list_to_range,
    set_to_pop,
)

LARGE: Final = 1_000_000
POINTS: Final = 10_000
MEMBERS: Final = 1_000
BATCH: Final = 500
MEGABYTE: Final = 1 << 20
SPIRAL: Final = math.pi * (3 - math.sqrt(5))


def _sorted_set(count: int) -> Commands:
    for start in range(0, count, BATCH):
        members = (word for i in range(start, start + BATCH) for word in (str(i), f"element:{i:012d}"))
        yield ("ZADD", "myzset", *members)


def _sortedset_to_pop(requests: int) -> Commands:
    return _sorted_set(requests)


def _hundred(requests: int) -> Commands:
    return _sorted_set(BATCH)


def _many_members(requests: int) -> Commands:
    return _sorted_set(KEYSPACE)


def _a_million(requests: int) -> Commands:
    return _sorted_set(LARGE)


def _two_sets(requests: int) -> Commands:
    yield ("SADD", "one", *(f"member:{i}" for i in range(MEMBERS)))
    yield ("SADD", "two", *(f"member:{i}" for i in range(MEMBERS // 2, MEMBERS + MEMBERS // 2)))


def _megabyte(requests: int) -> Commands:
    yield ("SET", "bits", "\x5a" * MEGABYTE)


def _points(requests: int) -> Commands:
    """Points on a spiral around a city, evenly spread over a disk of about 100 km."""
    for start in range(0, POINTS, BATCH):
        words: list[str] = []
        for i in range(start, start + BATCH):
            radius = math.sqrt(i / POINTS)
            longitude = 15.0 + 1.2 * radius * math.cos(i * SPIRAL)
            latitude = 40.0 + 0.9 * radius * math.sin(i * SPIRAL)
            words += [f"{longitude:.6f}", f"{latitude:.6f}", f"point:{i}"]
        yield ("GEOADD", "places", *words)


def _lrange(count: int) -> Workload:
    return Workload(
        f"LRANGE_{count}", "data", ("LRANGE", "mylist", "0", str(count - 1)), preload=list_to_range, cost=4
    )


WORKLOADS: Final = [
    Workload("LPUSH", "data", ("LPUSH", "mylist", VALUE), is_used_up=True),
    Workload("RPOP", "data", ("RPOP", "mylist"), preload=list_to_pop, is_used_up=True),
    Workload("SADD", "data", ("SADD", "myset", ELEMENT), KEYSPACE),
    Workload("SPOP", "data", ("SPOP", "myset"), preload=set_to_pop, is_used_up=True),
    Workload("HSET", "data", ("HSET", "myhash", ELEMENT, VALUE), KEYSPACE),
    Workload("HGETALL (20 fields)", "data", ("HGETALL", "myhash"), preload=twenty_fields, cost=2),
    Workload("ZADD", "data", ("ZADD", "myzset", "0", ELEMENT), KEYSPACE),
    Workload("ZPOPMIN", "data", ("ZPOPMIN", "myzset"), preload=_sortedset_to_pop, is_used_up=True),
    Workload("ZRANGE (100)", "data", ("ZRANGE", "myzset", "0", "99"), preload=_hundred, cost=4),
    _lrange(100),
    _lrange(300),
    _lrange(500),
    _lrange(600),
    Workload("ZINCRBY", "data", ("ZINCRBY", "myzset", "1", ELEMENT), KEYSPACE, _many_members),
    Workload("XADD", "data", ("XADD", "mystream", "*", "field", VALUE), is_used_up=True),
    Workload("SINTER (2 x 1000)", "data", ("SINTER", "one", "two"), preload=_two_sets, cost=32),
    Workload("BITCOUNT (1 MB)", "data", ("BITCOUNT", "bits"), preload=_megabyte, cost=32),
    Workload(
        "GEOSEARCH (10,000 points)", "data",
        ("GEOSEARCH", "places", "FROMLONLAT", "15", "40", "BYRADIUS", "10", "km", "ASC"),
        preload=_points, cost=32,
    ),
    Workload("PFADD", "data", ("PFADD", "hll", ELEMENT), KEYSPACE),
]  # fmt: skip
"""The list whose geometric mean counts."""

MILLION: Final = [
    Workload("ZADD (1,000,000)", "million", ("ZADD", "myzset", "5", ELEMENT), LARGE, _a_million),
    Workload("ZINCRBY (1,000,000)", "million", ("ZINCRBY", "myzset", "1", ELEMENT), LARGE, _a_million),
    Workload(
        "ZRANGE (100 of 1,000,000)",
        "million",
        ("ZRANGE", "myzset", "500000", "500099"),
        preload=_a_million,
        cost=4,
    ),
]
"""Sorted sets that are large; filling them takes longer than the measurement."""
