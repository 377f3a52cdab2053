"""What a server costs before it serves anything, and what each key costs after.

Memory is resident memory as the kernel counts it, so it includes what an
allocator keeps back: the price that the machine pays, not the one that a
server computes about itself.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from tests.support.wire import RawConnection, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.compare.contenders import Contender
    from tests.support.process import ServerProcess

Command: TypeAlias = tuple[str, ...]

STRINGS: Final = 200_000
COLLECTIONS: Final = 50_000
BATCH: Final = 500
SETTLE_SECONDS: Final = 0.3
SAMPLED_KEYS: Final = 1000


def _short_string(i: int) -> list[Command]:
    return [("SET", f"key:{i:012d}", "v" * (8 + i % 9))]


def _integer(i: int) -> list[Command]:
    return [("SET", f"key:{i:012d}", str(i * 7919))]


def _expiring(i: int) -> list[Command]:
    return [("SET", f"key:{i:012d}", "v" * (8 + i % 9), "EX", str(3600 + i % 3600))]


def _long_string(i: int) -> list[Command]:
    return [("SET", f"key:{i:012d}", f"{i:0200d}")]


def _hash(fields: int) -> Callable[[int], list[Command]]:
    def make(i: int) -> list[Command]:
        pairs = (word for field in range(fields) for word in (f"field{field}", f"{i}-{field}"))
        return [("HSET", f"key:{i:012d}", *pairs)]

    return make


def _list(i: int) -> list[Command]:
    return [("RPUSH", f"key:{i:012d}", *(f"{i}-{element}" for element in range(5)))]


def _set(i: int) -> list[Command]:
    return [("SADD", f"key:{i:012d}", *(f"{i}-{member}" for member in range(5)))]


def _integer_set(i: int) -> list[Command]:
    return [("SADD", f"key:{i:012d}", *(str(i + member) for member in range(5)))]


def _sorted_set(i: int) -> list[Command]:
    pairs = (word for member in range(5) for word in (str(i + member), f"{i}-{member}"))
    return [("ZADD", f"key:{i:012d}", *pairs)]


def _stream(i: int) -> list[Command]:
    return [("XADD", f"key:{i:012d}", f"{entry + 1}-0", "event", f"{i}-{entry}") for entry in range(3)]


@dataclass(frozen=True)
class Population:
    """Keys of one kind: how many, and the commands that make the i-th."""

    name: str
    keys: int
    make: Callable[[int], list[Command]]


POPULATIONS: Final = [
    Population("string, 8 to 16 bytes", STRINGS, _short_string),
    Population("string, integer", STRINGS, _integer),
    Population("string, expiring", STRINGS, _expiring),
    Population("string, 200 bytes", COLLECTIONS, _long_string),
    Population("hash of 3", COLLECTIONS, _hash(3)),
    Population("hash of 10", COLLECTIONS, _hash(10)),
    Population("list of 5", COLLECTIONS, _list),
    Population("set of 5", COLLECTIONS, _set),
    Population("set of 5 integers", COLLECTIONS, _integer_set),
    Population("sorted set of 5", COLLECTIONS, _sorted_set),
    Population("stream of 3", COLLECTIONS, _stream),
]


@dataclass(frozen=True)
class BytesPerKey:
    """Resident bytes per key by server, or why a server has none."""

    population: Population
    keys: int
    measured: dict[str, float]
    unsupported: dict[str, str]


def start_up(contenders: list[Contender], runs: int) -> dict[str, float]:
    """The median seconds from spawn to the first PONG, servers taking turns; the first does not count."""
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(runs + 1):
        for contender in contenders:
            process = contender.make()
            try:
                process.start()
            finally:
                process.close()
            if number:  # the first one pays for a cold page cache and for compiling bytecode
                seconds[contender.name].append(process.startup_seconds)
    return {name: statistics.median(values) for name, values in seconds.items()}


def idle_memory(contenders: list[Contender]) -> dict[str, int]:
    """Resident bytes of a server that has just started."""
    found: dict[str, int] = {}
    for contender in contenders:
        process = contender.make()
        try:
            process.start()
            time.sleep(SETTLE_SECONDS)
            found[contender.name] = process.rss_bytes()
        finally:
            process.close()
    return found


def _batches(population: Population, keys: int) -> Iterator[tuple[bytes, int]]:
    """The commands that make a population, encoded, and how many each batch holds."""
    for start in range(0, keys, BATCH):
        commands = [command for i in range(start, min(start + BATCH, keys)) for command in population.make(i)]
        yield b"".join(encode(*command) for command in commands), len(commands)


def _growth(process: ServerProcess, population: Population, keys: int) -> tuple[int, str | None]:
    """How many bytes a fresh server grows by, or the error that stopped it."""
    with process.connect(timeout=60.0) as connection:
        # What the first command of a kind allocates once is no key's cost.
        for command in population.make(keys):
            reply = connection.command(*command)
            if reply.startswith(b"-"):
                return 0, reply.decode(errors="replace").strip()
        time.sleep(SETTLE_SECONDS)
        before = process.rss_bytes()
        for batch, count in _batches(population, keys):
            connection.send(batch)
            for _ in range(count):
                reply = connection.read_reply()
                if reply.startswith(b"-"):
                    return 0, reply.decode(errors="replace").strip()
        time.sleep(SETTLE_SECONDS)
        grown = process.rss_bytes() - before
        return grown, _lost_keys(connection, population, keys)


def _lost_keys(connection: RawConnection, population: Population, keys: int) -> str | None:
    """A complaint when keys that were acknowledged are not there: what a server forgets costs it nothing."""
    sample = [population.make(i)[0][1] for i in range(0, keys, max(1, keys // SAMPLED_KEYS))]
    lost = connection.pipeline([("EXISTS", key) for key in sample]).count(b":0\r\n")
    return f"{lost} of {len(sample)} keys looked for are missing" if lost else None


def bytes_per_key(
    contenders: list[Contender], population: Population, shares: dict[str, float]
) -> BytesPerKey:
    """Loads each contender's share of a population into a fresh server; the first one's is recorded."""
    result = BytesPerKey(population, int(population.keys * shares[contenders[0].name]), {}, {})
    for contender in contenders:
        keys = max(1, int(population.keys * shares[contender.name]))
        process = contender.make()
        try:
            process.start()
            grown, error = _growth(process, population, keys)
        finally:
            process.close()
        if error is None:
            result.measured[contender.name] = grown / keys
        else:
            result.unsupported[contender.name] = error
    return result
