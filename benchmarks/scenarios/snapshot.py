"""A snapshot of a million strings and a hundred thousand small collections, seen by a client that pings.

Another client writes all the while, so that a fork has pages to copy, and a snapshot in slices has keys to write
before they change.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator

from benchmarks.scenarios.background import Background
from benchmarks.scenarios.pinger import Pinger
from tests.support.process import ServerProcess
from tests.support.wire import RawConnection, encode

STRINGS = 1_000_000
COLLECTIONS = 100_000
BATCH = 5_000
PING_INTERVAL = 0.0005
WRITES_A_BATCH = 20


def requests() -> Iterator[bytes]:
    """What fills the server."""
    for number in range(STRINGS):
        yield encode(b"SET", b"key:%09d" % number, b"value:%014d" % number)
    for number in range(COLLECTIONS):
        name = b"c:%09d" % number
        words = [b"a%d" % number, b"b", b"c%d" % number, b"d"]
        if number % 4 == 0:
            yield encode(b"RPUSH", name, *words)
        elif number % 4 == 1:
            yield encode(b"SADD", name, *words)
        elif number % 4 == 2:
            yield encode(b"HSET", name, *words)
        else:
            yield encode(b"ZADD", name, b"1", words[0], b"2", words[1])


def fill(client: RawConnection) -> None:
    """Sends all of it."""
    batch: list[bytes] = []
    for request in requests():
        batch.append(request)
        if len(batch) == BATCH:
            client.send(b"".join(batch))
            for _ in batch:
                client.read_reply()
            batch = []


class Writer(Background):
    """Changes random keys without pause."""

    def __init__(self, server: ServerProcess) -> None:
        super().__init__()
        self.server = server
        self.writes = 0

    def run(self) -> None:
        """In batches, with a break of a millisecond."""
        chance = random.Random(1)
        with self.server.connect(timeout=60) as client:
            while not self.stopping.is_set():
                batch = [
                    encode(b"APPEND", b"key:%09d" % chance.randrange(STRINGS), b"x")
                    for _ in range(WRITES_A_BATCH)
                ]
                client.send(b"".join(batch))
                for _ in batch:
                    client.read_reply()
                self.writes += len(batch)
                time.sleep(0.001)


def measure_snapshot(server: ServerProcess) -> Iterator[str]:
    """Fills, saves with and without others being served, and loads."""
    with server.connect(timeout=600) as client:
        client.command("CONFIG", "SET", "save", "")
        started = time.perf_counter()
        fill(client)
        yield f"filled in {time.perf_counter() - started:.1f} s, RSS {server.rss_bytes() >> 20} MB"
        with Writer(server), Pinger(server.port, PING_INTERVAL) as pinger:
            time.sleep(3)
        yield f"without a snapshot: {pinger.summary()}"
        with Writer(server) as writer, Pinger(server.port, PING_INTERVAL) as pinger:
            time.sleep(0.5)
            before, started = writer.writes, time.perf_counter()
            client.command("BGSAVE")
            while b"rdb_bgsave_in_progress:1" in client.command("INFO", "persistence"):
                time.sleep(0.05)
            seconds = time.perf_counter() - started
            writes = writer.writes - before
        yield f"BGSAVE in {seconds:.2f} s, {writes / seconds:.0f} writes/s meanwhile"
        yield f"during BGSAVE: {pinger.summary()}"
        persistence = client.command("INFO", "persistence") + client.command("INFO", "stats")
        copied = int(re.findall(rb"rdb_last_cow_size:(\d+)", persistence)[0])
        fork = int(re.findall(rb"latest_fork_usec:(\d+)", persistence)[0])
        yield f"fork {fork / 1000:.1f} ms, copied {copied >> 20} MB"
        yield from re.findall(r"DB saved on disk, (.*)", server.log())
        started = time.perf_counter()
        client.command("SAVE")
        yield f"SAVE {time.perf_counter() - started:.2f} s"
    server.restart()
    deadline = time.monotonic() + 120
    while not (found := re.findall(r"DB loaded from disk: ([\d.]+) seconds", server.log())):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield f"loading {float(found[-1]):.2f} s"
