"""What well-behaved clients of the soak do: all data types on keys of a bounded number, each answer checked.

Names and contents are chosen so that an answer can be judged alone: every element of a key carries the key's name.
Each kind of work is a function that does one round on a client; `WORK` is the list of them.
"""

from __future__ import annotations

import random
import time
from typing import Final

import hiredis

from benchmarks.scenarios.soak_client import Broken, Client, Reply, Step, Work
from tests.support.wire import encode

KEYS: Final = 2_000
MEMBERS: Final = 200
BIG_KEYS: Final = 10
COUNTING_DATABASE: Final = 9
"""Flushes of the operator leave this database alone."""
SCRIPT: Final = "redis.call('SET', KEYS[2], ARGV[1]); return redis.call('INCR', KEYS[1])"


def anything(reply: Reply) -> bool:
    """Any answer that is no error."""
    return True


def done(reply: Reply) -> bool:
    """OK."""
    return bool(reply == b"OK")


def number(reply: Reply) -> bool:
    """A whole number."""
    return isinstance(reply, int)


class Of:
    """Nothing, or an element of this key, or any nesting of these."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def __call__(self, reply: Reply) -> bool:
        """Judges an answer."""
        if isinstance(reply, (list, set, frozenset)):
            return all(self(one) for one in reply)
        if isinstance(reply, dict):
            return all(self(one) for one in reply.values())
        return reply is None or (isinstance(reply, bytes) and reply.startswith(self.key))


def pick(kind: bytes, chance: random.Random, count: int = KEYS) -> bytes:
    """A key of a kind."""
    return b"%b:%05d" % (kind, chance.randrange(count))


def element(key: bytes, chance: random.Random) -> bytes:
    """One of the elements that a key may have."""
    return b"%b-%03d" % (key, chance.randrange(MEMBERS)) + b"." * chance.choice((0, 3, 20, 100))


def strings(client: Client, chance: random.Random, own: int) -> None:
    """Strings, expiring ones among them."""
    steps: list[Step] = []
    for _ in range(chance.choice((1, 10, 50))):
        key = pick(b"s", chance)
        value = key + b"v" * chance.choice((0, 5, 60, 400))
        choices: tuple[list[Step], ...] = (
            [(encode("SET", key, value), done)],
            [(encode("GET", key), Of(key))],
            [(encode("SET", key, value, "PX", chance.randrange(1, 3000)), done)],
            [(encode("APPEND", key, key), number), (encode("STRLEN", key), number)],
            [(encode("GETEX", key, "PX", 500), Of(key))],
            [(encode("MGET", key, key), Of(key)), (encode("DEL", key), number)],
            [(encode("SET", key, value, "GET"), Of(key)), (encode("TTL", key), number)],
            [(encode("SETRANGE", key, 0, key), number), (encode("GETDEL", key), Of(key))],
            [(encode("COPY", key, key + b"c", "REPLACE"), number)],
            [(encode("UNLINK", key, key + b"c"), number), (encode("EXISTS", key), number)],
        )
        steps += chance.choice(choices)
    client.run(steps)


def bits(client: Client, chance: random.Random, own: int) -> None:
    """Bitmaps, HyperLogLogs, places."""
    key, place = pick(b"b", chance, 50), pick(b"g", chance, 50)
    log, at = pick(b"p", chance, 50), (chance.uniform(-170, 170), chance.uniform(-80, 80))
    client.run(
        [
            (encode("SETBIT", key, chance.randrange(20_000), chance.randrange(2)), number),
            (encode("BITCOUNT", key), number),
            (encode("BITFIELD", key, "INCRBY", "u8", "#3", 1, "GET", "i16", 0), anything),
            (encode("PFADD", log, *[chance.randrange(100_000) for _ in range(20)]), number),
            (encode("PFCOUNT", log, pick(b"p", chance, 50)), number),
            (encode("GEOADD", place, *at, element(place, chance)), number),
            (encode("GEOSEARCH", place, "FROMLONLAT", 0, 0, "BYRADIUS", 9000, "km"), Of(place)),
            (encode("EXPIRE", place, 5), number),
        ]
    )  # fmt: skip


def lists(client: Client, chance: random.Random, own: int) -> None:
    """Lists, trimmed to a bounded length."""
    steps: list[Step] = []
    for _ in range(chance.choice((1, 5, 20))):
        key = pick(b"l", chance, 300)
        some = [element(key, chance) for _ in range(chance.choice((1, 3, 30)))]
        steps += [
            (encode(chance.choice(("LPUSH", "RPUSH")), key, *some), number),
            (encode("LRANGE", key, chance.randrange(-50, 50), chance.randrange(-50, 50)), Of(key)),
            (encode("LINSERT", key, "BEFORE", some[0], some[-1]), number),
            (encode("LREM", key, 1, some[-1]), number),
            (encode("LMOVE", key, key, "LEFT", "RIGHT"), Of(key)),
            (encode(chance.choice(("LPOP", "RPOP")), key), Of(key)),
            (encode("LTRIM", key, 0, 400), done),
        ]
    client.run(steps)


def hashes(client: Client, chance: random.Random, own: int) -> None:
    """Hashes, fields of which expire."""
    steps: list[Step] = []
    for _ in range(chance.choice((1, 5, 20))):
        key = pick(b"h", chance, 500)
        name = b"f%d" % chance.randrange(MEMBERS)
        steps += [
            (encode("HSET", key, name, element(key, chance), "f1", element(key, chance)), number),
            (encode("HGET", key, name), Of(key)),
            (encode("HGETALL", key), Of(key) if client.protocol == 3 else anything),
            (encode("HMGET", key, "f1", "f2", name), Of(key)),
            (encode("HDEL", key, b"f%d" % chance.randrange(MEMBERS)), number),
            (encode("HPEXPIRE", key, chance.randrange(1, 2000), "FIELDS", 1, name), anything),
            (encode("HSCAN", key, 0), anything),
        ]
    client.run(steps)


def sets(client: Client, chance: random.Random, own: int) -> None:
    """Sets, of numbers and of texts."""
    key, ints = pick(b"e", chance, 300), pick(b"i", chance, 100)
    client.run(
        [
            (encode("SADD", key, *[element(key, chance) for _ in range(chance.choice((1, 10, 100)))]), number),
            (encode("SADD", ints, *[chance.randrange(1000) for _ in range(20)]), number),
            (encode("SINTERSTORE", ints + b"x", ints, pick(b"i", chance, 100)), number),
            (encode("EXPIRE", ints + b"x", 2), number),
            (encode("SRANDMEMBER", key, -5), Of(key)),
            (encode("SPOP", key, 3), Of(key)),
            (encode("SMEMBERS", key), Of(key)),
            (encode("SORT", ints, "LIMIT", 0, 5, "DESC"), anything),
            (encode("SREM", key, element(key, chance)), number),
        ]
    )  # fmt: skip


def sorted_sets(client: Client, chance: random.Random, own: int) -> None:
    """Sorted sets."""
    key, other = pick(b"z", chance, 200), pick(b"z", chance, 200)
    pairs: list[bytes | float] = []
    for _ in range(chance.choice((1, 10, 100))):
        pairs += [chance.uniform(-1000, 1000), element(key, chance)]
    client.run(
        [
            (encode("ZADD", key, *pairs), number),
            (encode("ZRANGE", key, 0, 20, "REV"), Of(key)),
            (encode("ZRANGEBYSCORE", key, "-inf", "(0", "LIMIT", 0, 10), Of(key)),
            (encode("ZINCRBY", key, 1.5, pairs[1]), lambda reply: isinstance(reply, (bytes, float))),
            (encode("ZPOPMIN", key), anything),
            (encode("ZUNIONSTORE", b"zu", 2, key, other), number),
            (encode("EXPIRE", b"zu", 3), number),
            (encode("ZREMRANGEBYRANK", key, 300, -1), number),
        ]
    )


def streams(client: Client, chance: random.Random, own: int) -> None:
    """Streams that groups read."""
    key, group, reader = pick(b"x", chance, 20), b"group%d" % (own % 3), b"reader%d" % own
    entry = (b"a", element(key, chance), b"b", element(key, chance))
    client.run(
        [
            (encode("XGROUP", "CREATE", key, group, "$", "MKSTREAM"), anything),
            *[(encode("XADD", key, "MAXLEN", "~", 500, "*", *entry), anything)] * chance.choice((1, 10)),
        ]
    )
    steps: list[Step] = [
        (encode("XREADGROUP", "GROUP", group, reader, "COUNT", 8, "STREAMS", key, ">"), anything)
    ]
    found = client.run(steps)[0]
    ids: list[bytes] = []
    if isinstance(found, dict):
        found = list(found.items())
    if isinstance(found, list):
        ids = [one[0] for one in found[0][1]]
        if not all(Of(key)(one[1][1::2]) for one in found[0][1]):
            client.account.fail(f"XREADGROUP of {key!r} answered {repr(found)[:300]}")
    acknowledge: list[Step] = [(encode("XACK", key, group, *ids), number)] if ids else []
    client.run(
        [
            *acknowledge,
            (encode("XAUTOCLAIM", key, group, reader, 1000, 0, "COUNT", 5, "JUSTID"), anything),
            (encode("XLEN", key), number),
            (encode("XRANGE", key, "-", "+", "COUNT", 3), anything),
            (encode("XINFO", "STREAM", key), anything),  # an operator's flush may have come before
        ]
    )


def big(client: Client, chance: random.Random, own: int) -> None:
    """Values from 64 KB to 2 MB, and their serialised form."""
    key = pick(b"B", chance, BIG_KEYS)
    value = key + chance.randbytes(1024) * chance.choice((64, 500, 2000))
    client.run([(encode("SET", key, value, "EX", 20), done), (encode("GET", key), Of(key))])
    dumped = client.command("DUMP", key)
    if isinstance(dumped, bytes):
        client.run([(encode("RESTORE", key + b"r", 3000, dumped, "REPLACE"), done)])
        reply = client.command("GETRANGE", key + b"r", 0, len(key) - 1)
        if reply not in (key, b""):
            client.account.fail(f"the restored copy of {key!r} begins {reply!r}")


def count(client: Client, chance: random.Random, own: int) -> None:
    """Increments a counter of its own: one by one, in pipelines, in transactions, by script."""
    name = f"count:{own}"
    client.run([(encode("SELECT", COUNTING_DATABASE), done)])
    kind = chance.randrange(4)
    many = chance.randrange(2, 30) if kind else 1
    account = client.account
    account.uncertain[name] += many
    script = encode("EVAL", SCRIPT, 2, name, f"noise:{own}", "x")
    if kind == 2:
        incr: Step = (encode("INCR", name), lambda reply: reply == b"QUEUED")
        replies = client.run([(encode("MULTI"), done), *[incr] * many, (encode("EXEC"), anything)])[-1]
    else:
        replies = client.run([(script if kind == 3 else encode("INCR", name), number)] * many)
    numbers = [one for one in replies if type(one) is int] if isinstance(replies, list) else []
    if numbers and numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        account.fail(f"{name} went {numbers[:40]}")
    account.uncertain[name] -= many
    account.acknowledged[name] += len(numbers)
    client.run([(encode("SELECT", 0), done)])


def optimistic(client: Client, chance: random.Random, own: int) -> None:
    """Increments a counter that several share, under WATCH."""
    client.run([(encode("SELECT", COUNTING_DATABASE), done), (encode("WATCH", "shared"), done)])
    before = int(client.command("GET", "shared") or 0)
    client.account.uncertain["shared"] += 1
    replies = client.run(
        [
            (encode("MULTI"), done),
            (encode("SET", "shared", before + 1), lambda reply: reply == b"QUEUED"),
            (encode("EXEC"), anything),
        ]
    )
    client.account.uncertain["shared"] -= 1
    client.account.acknowledged["shared"] += replies[-1] == [b"OK"]
    client.account.seen["EXEC refused by WATCH"] += replies[-1] is None
    client.run([(encode("SELECT", 0), done)])


def scripts(client: Client, chance: random.Random, own: int) -> None:
    """Scripts by their hash, whose cache may have been flushed; functions."""
    steps: list[Step] = []
    key = pick(b"s", chance)
    body = f"return redis.call('GET', KEYS[1]) or redis.call('SET', KEYS[1], KEYS[1] .. '{own % 7}')"
    sha = client.command("SCRIPT", "LOAD", body)
    if isinstance(sha, bytes):
        steps += [(encode("EVALSHA", sha, 1, key), lambda reply: done(reply) or Of(key)(reply))] * 5
    library = (
        f"#!lua name=soak{own % 5}\nredis.register_function('soak{own % 5}', function(k, a) return #a end)"
    )
    steps += [
        (encode("FUNCTION", "LOAD", "REPLACE", library), anything),
        (
            encode("EVAL", "local t = {} for i = 1, 2000 do t[i] = i end return #t", 0),
            lambda reply: reply == 2000,
        ),
    ]
    client.run(steps)
    reply = client.command("FCALL", f"soak{own % 5}", 0, "a", "b")
    if isinstance(reply, hiredis.ReplyError):
        client.refused(b"FCALL", str(reply))
    elif reply != 2:
        client.account.fail(f"FCALL answered {reply!r}")


def scan(client: Client, chance: random.Random, own: int) -> None:
    """Goes through the keyspace."""
    cursor = b"0"
    for _ in range(50):
        reply = client.command("SCAN", cursor, "COUNT", 200)
        if not isinstance(reply, list) or len(reply) != 2:
            client.account.fail(f"SCAN answered {repr(reply)[:200]}")
            return
        cursor = reply[0]
        if cursor == b"0":
            return
        for key in reply[1][:3]:
            client.run([(encode("TYPE", key), anything), (encode("MEMORY", "USAGE", key), anything)])


def track(client: Client, chance: random.Random, own: int) -> None:
    """Reads with invalidations."""
    mode = chance.choice((("ON",), ("ON", "BCAST", "PREFIX", "s:"), ("OFF",), ("ON", "NOLOOP")))
    client.run([(encode("CLIENT", "TRACKING", "OFF"), done), (encode("CLIENT", "TRACKING", *mode), done)])
    for _ in range(20):
        key = pick(b"s", chance)
        client.run([(encode("GET", key), Of(key))])
    client.account.seen["invalidations"] += len(client.pushes)
    client.pushes.clear()


def publish(client: Client, chance: random.Random, own: int) -> None:
    """Numbered messages; a connection that broke may have lost some, so each connection has its channel."""
    channel = f"news:{own}:{client.account.reconnects}"
    steps: list[Step] = []
    for _ in range(20):
        client.account.seen[channel] += 1
        steps.append((encode("PUBLISH", channel, client.account.seen[channel]), number))
        steps.append((encode("SPUBLISH", f"shard:{own}", "x" * 200), number))
    client.run(steps)


def subscribe(client: Client, chance: random.Random, own: int) -> None:
    """Receives for two seconds; numbers must come without a gap from each publisher."""
    client.send(
        encode("PSUBSCRIBE", "news:*") + encode("SUBSCRIBE", "other") + encode("SSUBSCRIBE", "shard:1")
    )
    last: dict[bytes, int] = {}
    until = time.perf_counter() + 2
    while time.perf_counter() < until:
        message = client.read_waiting(0.5)
        if message is None or message[0] != b"pmessage":
            continue
        channel, value = message[2], int(message[3])
        if channel in last and value != last[channel] + 1:
            client.account.fail(f"{channel!r} came as {last[channel]} and then {value}")
        last[channel] = value
        client.account.seen["messages"] += 1
    raise Broken  # a new connection for the next round


def block(client: Client, chance: random.Random, own: int) -> None:
    """Waits for elements that `feed` pushes."""
    key = pick(b"q", chance, 5)
    words: tuple[str | bytes | float, ...] = chance.choice(
        (
            ("BLPOP", key, 0.3),
            ("BRPOP", b"q:none", key, 0.3),
            ("BLMOVE", key, b"q:done", "LEFT", "RIGHT", 0.3),
            ("BLMPOP", 0.3, 1, key, "LEFT", "COUNT", 3),
            ("BZPOPMIN", b"Z" + key, 0.3),
            ("XREAD", "BLOCK", 300, "STREAMS", b"x:00001", "$"),
        )
    )
    reply = client.command(*words)
    client.account.seen["woken" if reply is not None else "waited in vain"] += 1
    if isinstance(reply, hiredis.ReplyError):
        client.refused(repr(words).encode(), str(reply))
    elif words[0] in ("BLPOP", "BRPOP") and reply is not None and reply[0] != key:
        client.account.fail(f"{words!r} was answered {reply!r}")


def feed(client: Client, chance: random.Random, own: int) -> None:
    """Feeds those who wait."""
    key = pick(b"q", chance, 5)
    client.run(
        [
            (encode("RPUSH", key, "a", "b"), number),
            (encode("LTRIM", key, -50, -1), done),
            (encode("LTRIM", "q:done", -50, -1), done),
            (encode("ZADD", b"Z" + key, 1, "m"), number),
        ]
    )


WORK: Final[tuple[Work, ...]] = (
    strings, count, lists, hashes, sets, sorted_sets, streams, block, feed, optimistic,
    scripts, publish, subscribe, track, big, bits, scan, strings, count, block,
)  # fmt: skip
"""Client number n does what stands at n modulo the length."""
NEEDS_RESP3: Final = (track,)
