"""How the time of a command grows with the size of the value: what is promised to be O(1) or O(log n), is it?"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from tests.support.wire import encode

if TYPE_CHECKING:
    from tests.support.process import ServerProcess
    from tests.support.wire import RawConnection

Command: TypeAlias = tuple[str, ...]

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
COMMANDS: Final = 2_000
REPEATS: Final = 3
LOAD_BATCH: Final = 500
WINDOW: Final = 100
SEED: Final = 5


@dataclass(frozen=True)
class Operation:
    """A command with a promised bound; `make` gets the size and a random number below it."""

    name: str
    bound: str
    make: Callable[[int, int], list[Command]]


OPERATIONS: Final = [
    Operation("GET", "1", lambda size, n: [("GET", f"key:{n}")]),
    Operation("RANDOMKEY", "1", lambda size, n: [("RANDOMKEY",)]),
    Operation("LPUSH + RPOP", "1", lambda size, n: [("LPUSH", "list", "x"), ("RPOP", "list")]),
    Operation("LRANGE 0 9", "1", lambda size, n: [("LRANGE", "list", "0", "9")]),
    Operation("LINDEX, middle", "n", lambda size, n: [("LINDEX", "list", str(size // 2))]),
    Operation("HGET", "1", lambda size, n: [("HGET", "hash", f"field:{n}")]),
    Operation("HSET + HDEL", "1", lambda size, n: [("HSET", "hash", "new", "x"), ("HDEL", "hash", "new")]),
    Operation("HRANDFIELD", "1", lambda size, n: [("HRANDFIELD", "hash")]),
    Operation("SISMEMBER", "1", lambda size, n: [("SISMEMBER", "set", f"member:{n}")]),
    Operation("SADD + SREM", "1", lambda size, n: [("SADD", "set", "new"), ("SREM", "set", "new")]),
    Operation("SRANDMEMBER", "1", lambda size, n: [("SRANDMEMBER", "set")]),
    Operation("SSCAN COUNT 10", "1", lambda size, n: [("SSCAN", "set", "0", "COUNT", "10")]),
    Operation("ZSCORE", "1", lambda size, n: [("ZSCORE", "zset", f"member:{n}")]),
    Operation("ZADD", "log n", lambda size, n: [("ZADD", "zset", str(n + 0.5), f"member:{n}")]),
    Operation("ZADD + ZREM", "log n", lambda size, n: [("ZADD", "zset", str(n), "new"), ("ZREM", "zset", "new")]),
    Operation("ZRANK", "log n", lambda size, n: [("ZRANK", "zset", f"member:{n}")]),
    Operation("ZRANGE, 10 anywhere", "log n", lambda size, n: [("ZRANGE", "zset", str(n), str(n + 9))]),
    Operation(
        "ZRANGE BYSCORE LIMIT 10", "log n",
        lambda size, n: [("ZRANGE", "zset", str(n), "inf", "BYSCORE", "LIMIT", "0", "10")],
    ),
    Operation("ZCOUNT", "log n", lambda size, n: [("ZCOUNT", "zset", str(n), "inf")]),
    Operation("ZPOPMIN + ZADD", "log n", lambda size, n: [("ZPOPMIN", "zset"), ("ZADD", "zset", "0", f"again:{n}")]),
    Operation("XADD", "1", lambda size, n: [("XADD", "stream", "*", "field", "value")]),
    Operation("XRANGE, 10 anywhere", "log n", lambda size, n: [("XRANGE", "stream", f"{n + 1}", "+", "COUNT", "10")]),
    Operation("XREVRANGE, 10 newest", "1", lambda size, n: [("XREVRANGE", "stream", "+", "-", "COUNT", "10")]),
]  # fmt: skip
"""In the order in which they run; those that add to a value come behind those that must find it as it was."""


@dataclass
class Growth:
    """Microseconds of processor time by operation and server, one for each size."""

    sizes: tuple[int, ...] = SIZES
    times: dict[tuple[str, str], list[float]] = field(default_factory=dict)


def _filling(size: int) -> Iterator[list[Command]]:
    for start in range(0, size, LOAD_BATCH):
        numbers = range(start, min(start + LOAD_BATCH, size))
        yield [
            ("MSET", *(word for n in numbers for word in (f"key:{n}", "x"))),
            ("RPUSH", "list", *(f"element:{n}" for n in numbers)),
            ("HSET", "hash", *(word for n in numbers for word in (f"field:{n}", "x"))),
            ("SADD", "set", *(f"member:{n}" for n in numbers)),
            ("ZADD", "zset", *(word for n in numbers for word in (str(n), f"member:{n}"))),
            *(("XADD", "stream", f"{n + 1}-0", "field", "value") for n in numbers),
        ]


def _exchange(connection: RawConnection, commands: list[Command]) -> None:
    data = [encode(*command) for command in commands]
    for start in range(0, len(data), WINDOW):
        batch = data[start : start + WINDOW]
        connection.send(b"".join(batch))
        for _ in batch:
            reply = connection.read_reply()
            if reply.startswith(b"-"):
                raise SystemExit(f"{commands[0]}: {reply!r}")


def _time(process: ServerProcess, connection: RawConnection, operation: Operation, size: int) -> float:
    best = float("inf")
    for repeat in range(REPEATS):
        draw = random.Random(SEED + repeat)
        commands = [c for _ in range(COMMANDS // REPEATS) for c in operation.make(size, draw.randrange(size))]
        before = process.cpu_time_ns()
        _exchange(connection, commands)
        best = min(best, (process.cpu_time_ns() - before) / 1000 / len(commands))
    return best


def measure(servers: dict[str, ServerProcess], sizes: tuple[int, ...] = SIZES) -> Growth:
    """Fills every server with one value of each type, at each size, and times every operation."""
    growth = Growth(sizes)
    for size in sizes:
        for name, process in servers.items():
            with process.connect(timeout=120.0) as connection:
                connection.command("FLUSHALL")
                for commands in _filling(size):
                    _exchange(connection, commands)
                for operation in OPERATIONS:
                    time = _time(process, connection, operation, size)
                    growth.times.setdefault((operation.name, name), []).append(time)
                connection.command("FLUSHALL")
    return growth
