"""How true MEMORY USAGE and `used_memory` are: their growth with many keys beside that of the resident memory.

    python -m scripts.check_memory_usage [--command "pyredis --port {port}"] [kind ...]

A fresh server, with a memory limit that is far, is filled with keys of one kind; a tenth of them is asked for its size,
every element counted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from benchmarks.compare.contenders import command_contender
from benchmarks.compare.footprint import POPULATIONS, Command, Population
from tests.support.process import ServerProcess
from tests.support.servers import PyredisServer

SETTLE_SECONDS = 0.3
STEP = 10
ELEMENTS = 100_000


def large(name: str, count: int) -> Iterator[list[Command]]:
    """The commands that fill one large collection."""
    for start in range(0, count, 100):
        numbers = range(start, start + 100)
        if name == "large list":
            yield [("RPUSH", "key", *(f"element:{i}" for i in numbers))]
        elif name == "large set":
            yield [("SADD", "key", *(f"member:{i}" for i in numbers))]
        elif name == "large hash":
            yield [("HSET", "key", *(word for i in numbers for word in (f"field:{i}", f"value:{i}")))]
        elif name == "large sorted set":
            yield [
                ("ZADD", "key", *(word for i in numbers for word in (str(i * 7919 % count), f"member:{i}")))
            ]
        elif name == "large stream":
            yield [("XADD", "key", f"{i + 1}-0", "event", f"value:{i}") for i in numbers]
        elif name == "pending entries":
            yield [("XADD", "key", f"{i + 1}-0", "event", f"value:{i}") for i in numbers]
            yield [("XREADGROUP", "GROUP", "g", "c", "COUNT", "100", "STREAMS", "key", ">")]
        else:
            raise SystemExit(f"unknown kind {name}")


LARGE = ("large list", "large set", "large hash", "large sorted set", "large stream", "pending entries")


def load(process: ServerProcess, commands: Iterator[list[Command]]) -> None:
    """Runs all commands."""
    with process.connect(timeout=60.0) as connection:
        batch: list[Command] = []
        for some in commands:
            batch += some
            if len(batch) >= 200:
                connection.pipeline(batch)
                batch = []
        connection.pipeline(batch)


def limit(process: ServerProcess) -> None:
    """Has the server keep its sum of what is used."""
    with process.connect() as connection:
        connection.command("CONFIG", "SET", "maxmemory", "1000gb")


def used(process: ServerProcess) -> int:
    """The sum."""
    with process.connect() as connection:
        return int(connection.command("INFO", "memory").split(b"used_memory:")[1].split(b"\r\n")[0])


def report(process: ServerProcess, name: str, keys: int, before: tuple[int, int]) -> None:
    """Compares the sizes that some keys are said to have, and the sum, with the growth."""
    time.sleep(SETTLE_SECONDS)
    grown = (process.rss_bytes() - before[0]) / keys
    counted = (used(process) - before[1]) / keys
    with process.connect(timeout=60.0) as connection:
        names = [f"key:{i:012d}" for i in range(0, keys, STEP)] if keys > 1 else ["key"]
        replies = connection.pipeline([("MEMORY", "USAGE", key, "SAMPLES", "0") for key in names])
        sampled = connection.command("MEMORY", "USAGE", names[0])
    said = sum(int(reply[1:]) for reply in replies) / len(replies)
    last = f", with 5 samples {int(sampled[1:])}" if keys == 1 else ""
    print(
        f"{name:24} grew by {grown:12.0f}  said {said:12.0f}  {said / grown:5.2f}  "
        f"counted {counted:12.0f}  {counted / grown:5.2f}{last}",
        flush=True,
    )


def server(command: str | None) -> ServerProcess:
    """A server that is not started yet."""
    return command_contender(command, None).make() if command else PyredisServer()


def check_small(command: str | None, population: Population) -> None:
    """Many keys of one kind."""
    keys = population.keys
    with server(command) as process:
        limit(process)
        load(process, (population.make(i) for i in range(keys, keys + 500)))
        time.sleep(SETTLE_SECONDS)
        before = process.rss_bytes(), used(process)
        load(process, (population.make(i) for i in range(keys)))
        report(process, population.name, keys, before)


def check_large(command: str | None, name: str) -> None:
    """One key with many elements."""
    with server(command) as process:
        if name == "pending entries":
            with process.connect() as connection:
                connection.command("XGROUP", "CREATE", "key", "g", "0", "MKSTREAM")
        limit(process)
        before = process.rss_bytes(), used(process)
        load(process, large(name, ELEMENTS))
        report(process, name, 1, before)


def main() -> None:
    """Measures the kinds that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m scripts.check_memory_usage")
    parser.add_argument("--command", help="the server to examine; {port} is replaced")
    parser.add_argument("kinds", nargs="*")
    options = parser.parse_args()
    for population in POPULATIONS:
        if not options.kinds or population.name in options.kinds:
            check_small(options.command, population)
    for name in LARGE:
        if not options.kinds or name in options.kinds:
            check_large(options.command, name)


main()
