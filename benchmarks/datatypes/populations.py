"""Keys of every type and size, to be weighed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from benchmarks.compare.footprint import Command, Population

SMALL: Final = 50_000
LARGE: Final = 30
BATCH: Final = 100


def _string(length: int) -> Callable[[int], list[Command]]:
    def make(i: int) -> list[Command]:
        return [("SET", f"key:{i:012d}", f"{i:0{length}d}"[:length].replace("0", "v"))]

    return make


def _integer(i: int) -> list[Command]:
    return [("SET", f"key:{i:012d}", str(i * 7919))]


def _collection(kind: str, count: int) -> Callable[[int], list[Command]]:
    """Keys that hold `count` elements, as texts of some ten bytes."""

    def make(i: int) -> list[Command]:
        key = f"key:{i:012d}"
        commands: list[Command] = []
        for start in range(0, count, BATCH):
            numbers = range(start, min(start + BATCH, count))
            if kind == "hash":
                pairs = (word for n in numbers for word in (f"field{n}", f"{i}-{n}"))
                commands.append(("HSET", key, *pairs))
            elif kind == "list":
                commands.append(("RPUSH", key, *(f"{i}-{n}" for n in numbers)))
            elif kind == "set":
                commands.append(("SADD", key, *(f"{i}-{n}" for n in numbers)))
            elif kind == "set of integers":
                commands.append(("SADD", key, *(str(i + n) for n in numbers)))
            elif kind == "sorted set":
                pairs = (word for n in numbers for word in (str(i + n * 7919 % 1000), f"{i}-{n}"))
                commands.append(("ZADD", key, *pairs))
            else:
                commands += [("XADD", key, f"{n + 1}-0", "event", f"{i}-{n}") for n in numbers]
        return commands

    return make


KINDS: Final = ("hash", "list", "set", "set of integers", "sorted set", "stream")

POPULATIONS: Final = [
    *(Population(f"string of {length}", 2 * SMALL, _string(length)) for length in (3, 10, 30, 100, 1000)),
    Population("string, integer", 2 * SMALL, _integer),
    Population("hash of 3", SMALL, _collection("hash", 3)),
    *(Population(f"{kind} of 10", SMALL, _collection(kind, 10)) for kind in KINDS),
    *(Population(f"{kind} of 10,000", LARGE, _collection(kind, 10_000)) for kind in KINDS),
]
