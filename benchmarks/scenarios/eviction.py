"""A server at its memory limit: how much it holds, what it throws away, and what that costs.

* Ten connections write three times the limit in keys of all types, with values of 64 bytes to 64 KB; resident memory is
  to stay within 1.25 times the limit.
* Keys are read as Zipf's law has it through a cache that holds a fifth of them, and are written back when they were
  not found: the share that is found, under LRU and LFU. Run it for both servers; each is given the limit at which it
  holds so many keys.
* CPU per SET of a new key, without a limit and at it.
"""

from __future__ import annotations

import bisect
import itertools
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack

from tests.support.process import ServerProcess
from tests.support.wire import RawConnection, encode

LIMIT = 200 << 20
CONNECTIONS = 10
WRITTEN = 3 * LIMIT
BATCH = 20
SIZES = (64, 256, 1024, 4096, 16_384, 65_536)
SIZE_WEIGHTS = (400, 300, 150, 80, 30, 10)
ALLOWED = 1.25

CACHE_KEYS = 20_000
READS = 400_000
EXPONENT = 1.0
CACHED_BYTES = 400
PIPELINE = 50

SETS = 60_000
SET_BYTES = 200


def field(server: RawConnection, section: str, name: str) -> int:
    """A number that INFO tells."""
    text = server.command("INFO", section).decode("latin-1")
    return int(text.split(f"{name}:")[1].split("\r\n")[0])


def some_command(rng: random.Random, number: int) -> tuple[bytes, int]:
    """A request that writes a new key of a random type, and about how many bytes it carries."""
    size = rng.choices(SIZES, SIZE_WEIGHTS)[0]
    size = rng.randrange(size // 2, size + 1)
    key = b"key:%012d" % number
    kind = rng.randrange(8)
    if kind >= 5:
        if kind == 7:
            return encode("SET", key, rng.randbytes(size), "EX", "3600"), size
        return encode("SET", key, rng.randbytes(size)), size
    count = rng.choice((1, 3, 10, 200))
    part = max(size // count, 8)
    elements = [rng.randbytes(part) for _ in range(count)]
    if kind == 0:
        request = encode("RPUSH", key, *elements)
    elif kind == 1:
        request = encode("SADD", key, *elements)
    elif kind == 2:
        pairs = itertools.chain.from_iterable((b"f%d" % i, value) for i, value in enumerate(elements))
        request = encode("HSET", key, *pairs)
    elif kind == 3:
        pairs = itertools.chain.from_iterable((str(rng.random()), value) for value in elements)
        request = encode("ZADD", key, *pairs)
    else:
        pairs = itertools.chain.from_iterable((b"f%d" % i, value) for i, value in enumerate(elements))
        request = encode("XADD", key, "*", *pairs)
    return request, part * count


def measure_room(server: ServerProcess, policy: str) -> Iterator[str]:
    """Writes three times the limit; the highest resident memory."""
    rng = random.Random(1)
    with ExitStack() as stack:
        clients = [stack.enter_context(server.connect(timeout=60)) for _ in range(CONNECTIONS)]
        first = clients[0]
        first.command("FLUSHALL")
        first.command("CONFIG", "SET", "maxmemory", str(LIMIT), "maxmemory-policy", policy)
        written = number = refused = 0
        highest = 0.0
        cpu, started = server.cpu_time(), time.perf_counter()
        while written < WRITTEN:
            for client in clients:
                requests: list[bytes] = []
                for _ in range(BATCH):
                    request, size = some_command(rng, number)
                    number += 1
                    written += size
                    requests.append(request)
                client.send(b"".join(requests))
            for client in clients:
                for _ in range(BATCH):
                    refused += client.read_reply().startswith(b"-")
            highest = max(highest, server.rss_bytes() / LIMIT)
        seconds, cpu = time.perf_counter() - started, server.cpu_time() - cpu
        used = field(first, "memory", "used_memory")
        keys = int(first.command("DBSIZE")[1:])
        evicted = field(first, "stats", "evicted_keys")
        verdict = "ok" if highest <= ALLOWED else "TOO MUCH"
        yield (
            f"{policy}: {written >> 20} MB in {number} keys, {keys} held, {evicted} evicted, {refused} refused; "
            f"used {used / LIMIT:.2f}, resident at most {highest:.2f}, at the end {server.rss_bytes() / LIMIT:.2f} "
            f"of the limit: {verdict}; {seconds:.1f} s, CPU {cpu / number * 1e6:.0f} us a command"
        )
        first.command("CONFIG", "SET", "maxmemory", "0")
        first.command("FLUSHALL")


def zipf_weights() -> list[float]:
    """The sums of the frequencies of all keys, in the order of their rank."""
    return list(itertools.accumulate(1.0 / (rank**EXPONENT) for rank in range(1, 5 * CACHE_KEYS + 1)))


def measure_hits(server: ServerProcess, policy: str) -> Iterator[str]:
    """The share of reads that find their key, once the cache is warm."""
    rng = random.Random(2)
    sums = zipf_weights()
    names = [b"item:%08d" % number for number in range(len(sums))]
    rng.shuffle(names)
    value = b"v" * CACHED_BYTES
    with server.connect(timeout=60) as client:
        client.command("FLUSHALL")
        client.command("CONFIG", "SET", "maxmemory-policy", policy, "maxmemory", str(1 << 40))
        client.pipeline([("SET", b"fill:%08d" % number, value) for number in range(CACHE_KEYS)])
        client.command("CONFIG", "SET", "maxmemory", str(field(client, "memory", "used_memory")))
        hits = reads = 0
        for done in range(0, READS, PIPELINE):
            drawn = {names[bisect.bisect(sums, rng.random() * sums[-1])] for _ in range(PIPELINE)}
            replies = client.pipeline([("GET", name) for name in drawn])
            missed = [name for name, reply in zip(drawn, replies, strict=True) if reply == b"$-1\r\n"]
            if missed:
                client.pipeline([("SET", name, value) for name in missed])
            if done >= READS // 2:
                reads += len(drawn)
                hits += len(drawn) - len(missed)
        held = int(client.command("DBSIZE")[1:])
        yield f"{policy}: {hits / reads * 100:.1f} % of {reads} reads found their key, {held} keys held"
        client.command("CONFIG", "SET", "maxmemory", "0")
        client.command("FLUSHALL")


def measure_cost(server: ServerProcess, policy: str) -> Iterator[str]:
    """CPU per SET of a new key, without a limit, with one that is far, and at the limit."""
    value = b"v" * SET_BYTES
    with server.connect(timeout=60) as client:
        number = 0
        cells: list[str] = []
        for name in ("no limit", "far from it", "at it"):
            if name != "at it":
                client.command("FLUSHALL")
            limit = {"no limit": 0, "far from it": 1 << 40, "at it": field(client, "memory", "used_memory")}
            client.command("CONFIG", "SET", "maxmemory-policy", policy, "maxmemory", str(limit[name]))
            cpu = server.cpu_time()
            for _ in range(0, SETS, 500):
                client.send(b"".join(encode("SET", b"new:%010d" % (number + i), value) for i in range(500)))
                for _ in range(500):
                    client.read_reply()
                number += 500
            cells.append(f"{name} {(server.cpu_time() - cpu) / SETS * 1e6:.2f}")
        evicted = field(client, "stats", "evicted_keys")
        yield f"{policy}: CPU us a SET: {', '.join(cells)}; {evicted} evicted"
        client.command("CONFIG", "SET", "maxmemory", "0")
        client.command("FLUSHALL")


def measure_eviction(server: ServerProcess) -> Iterator[str]:
    """See the module's text."""
    for policy in ("allkeys-lru", "allkeys-lfu"):
        yield from measure_cost(server, policy)
        yield from measure_hits(server, policy)
    yield from measure_room(server, "allkeys-lru")
