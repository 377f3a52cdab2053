"""The soak's troublemakers: clients that break off in every state, and an operator who never rests."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from typing import Final, TypeAlias

import hiredis

from benchmarks.scenarios.soak_client import Account, Broken, Client
from benchmarks.scenarios.soak_load import pick
from tests.support.wire import encode

Ways: TypeAlias = tuple[Callable[[Client, random.Random], None], ...]


def half_request(client: Client, chance: random.Random) -> None:
    """Ends within a request."""
    data = encode("SET", pick(b"s", chance), b"x" * chance.choice((5, 50_000)))
    client.send(data[: chance.randrange(1, len(data))])


def many_requests(client: Client, chance: random.Random) -> None:
    """Ends before the answers come."""
    client.send(encode("GET", pick(b"s", chance)) * chance.choice((1, 1000)))


def within_transaction(client: Client, chance: random.Random) -> None:
    """Ends between MULTI and EXEC, a key being watched."""
    client.send(encode("WATCH", pick(b"s", chance)) + encode("MULTI") + encode("GET", "a"))


def blocked(client: Client, chance: random.Random) -> None:
    """Ends while it waits."""
    words = chance.choice(
        (
            ("BLPOP", "q:never", "0"),
            ("BZPOPMAX", "q:never2", "0"),
            ("XREAD", "BLOCK", "0", "STREAMS", "n", "$"),
        )
    )
    client.send(encode(*words) + encode("PING"))


def subscribed(client: Client, chance: random.Random) -> None:
    """Ends subscribed, tracking or monitoring."""
    client.send(
        chance.choice(
            (
                encode("SUBSCRIBE", "news:1", "b") + encode("PSUBSCRIBE", "news:*"),
                encode("CLIENT", "TRACKING", "ON", "BCAST") + encode("SSUBSCRIBE", "shard:1"),
                encode("CLIENT", "TRACKING", "ON") + encode("MGET", *[pick(b"s", chance) for _ in range(50)]),
                encode("MONITOR"),
            )
        )
    )
    time.sleep(chance.random() * 0.5)


def never_reads(client: Client, chance: random.Random) -> None:
    """Asks for megabytes and reads none."""
    client.sock.settimeout(0.5)
    try:
        for _ in range(50):
            client.sock.sendall(encode("GET", pick(b"B", chance, 10)) * 5)
    except OSError:
        return
    time.sleep(chance.random())


def reads_slowly(client: Client, chance: random.Random) -> None:
    """Takes a big value, a little at a time, or what MONITOR and a busy channel send."""
    client.send(chance.choice((encode("GET", "B:00001"), encode("MONITOR"), encode("PSUBSCRIBE", "*"))))
    client.sock.settimeout(0.2)
    for _ in range(20):
        try:
            client.sock.recv(4096)
        except OSError:
            return
        time.sleep(0.05)


def nonsense(client: Client, chance: random.Random) -> None:
    """Breaks the protocol."""
    client.send(
        chance.choice(
            (b"*1\r\n$-5\r\n", b"*99999999\r\n", b"*2\r\n:1\r\n", b"GET '\r\n", chance.randbytes(200))
        )
    )
    time.sleep(0.02)


def nothing(client: Client, chance: random.Random) -> None:
    """Ends at once."""


WAYS: Final[Ways] = (
    half_request, many_requests, within_transaction, blocked, subscribed, never_reads, reads_slowly, nonsense,
    nothing,
)  # fmt: skip


def break_off(port: int, account: Account, number: int, until: float) -> None:
    """Connects, misbehaves, and goes with an RST or a close, until the time comes."""
    chance = random.Random(number)
    while time.perf_counter() < until:
        way = WAYS[chance.randrange(len(WAYS))]
        try:
            client = Client(port, account, chance.choice((2, 3)))
        except (Broken, OSError):
            time.sleep(0.05)
            continue
        with contextlib.suppress(Broken):
            way(client, chance)
        account.seen["connections broken off"] += 1
        (client.reset if chance.randrange(2) else client.close)()
        time.sleep(chance.random() * 0.02)


SETTINGS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("maxclients", ("500", "10000")),
    ("hz", ("1", "10", "100")),
    ("save", ("", "3600 1 60 1000", "5 100")),
    ("appendfsync", ("everysec", "no", "always")),
    ("notify-keyspace-events", ("", "KEA", "Ex")),
    ("timeout", ("0", "300")),
    ("tracking-table-max-keys", ("100", "1000000")),
    ("slowlog-log-slower-than", ("0", "10000")),
    ("slowlog-max-len", ("10", "128")),
    ("latency-monitor-threshold", ("0", "1")),
    ("list-max-listpack-size", ("-2", "8")),
    ("hash-max-listpack-entries", ("4", "128")),
    ("set-max-intset-entries", ("4", "512")),
    ("zset-max-listpack-entries", ("4", "128")),
    ("lazyfree-lazy-user-del", ("yes", "no")),
    ("lazyfree-lazy-expire", ("yes", "no")),
    ("maxmemory-clients", ("0", "100mb")),
    ("active-expire-effort", ("1", "10")),
    ("aof-use-rdb-preamble", ("yes",)),
    ("auto-aof-rewrite-percentage", ("0", "50")),
    ("loglevel", ("notice", "verbose")),
    ("tcp-keepalive", ("0", "300")),
    ("rdbcompression", ("yes", "no")),
    ("no-appendfsync-on-rewrite", ("yes", "no")),
    ("client-query-buffer-limit", ("32mb", "1gb")),
    ("client-output-buffer-limit", ("normal 32mb 16mb 10", "pubsub 32mb 8mb 60")),
)
AT_REST: Final = (
    ("maxmemory", "0"), ("maxclients", "10000"), ("hz", "10"), ("slowlog-max-len", "128"), ("timeout", "0"),
    ("maxmemory-policy", "noeviction"), ("loglevel", "notice"), ("notify-keyspace-events", ""),
)  # fmt: skip
"""What is measured with."""
STEADY_POLICIES: Final = ("volatile-lru", "volatile-ttl", "noeviction")
WILD_POLICIES: Final = ("allkeys-lru", "allkeys-lfu", "allkeys-random")
EXPECTED_ERRORS: Final = (
    "Background save already in progress", "Background append only file rewriting already in progress",
    "Another child process is active", "No such client", "Can't BGSAVE while AOF", "BUSY", "is in progress",
)  # fmt: skip
OPERATOR_PAUSE: Final = 0.2


class Operator:
    """One connection that administers; `stops` are the spans in which the server was asked to serve nobody."""

    def __init__(self, port: int, account: Account, is_wild: bool, is_reloading: bool, seed: int) -> None:
        self.client = Client(port, account)
        self.account = account
        self.chance = random.Random(seed)
        self.is_wild = is_wild
        self.stops: list[tuple[float, float]] = []
        self.acts: list[tuple[Callable[[], None], int]] = [
            (self.configure, 30), (self.limit_memory, 8), (self.kill, 12), (self.pause, 4), (self.look, 20),
            (self.forget, 6), (self.change_users, 6), (self.background, 6), (self.switch_log, 1),
            (self.flush, 3 if is_wild else 1), (self.reload, 2 if is_reloading else 0),
        ]  # fmt: skip

    def run(self, until: float) -> None:
        """Does one thing after the other."""
        acts, weights = [act for act, _ in self.acts], [weight for _, weight in self.acts]
        while time.perf_counter() < until:
            self.chance.choices(acts, weights)[0]()
            self.account.seen["acts of the operator"] += 1
            time.sleep(self.chance.random() * 2 * OPERATOR_PAUSE)
        for name, value in AT_REST:
            self.tell("CONFIG", "SET", name, value)
        self.client.close()

    def tell(self, *words: str | int) -> object:
        """Sends a command whose errors are judged."""
        reply: object = self.client.command(*words)
        if isinstance(reply, hiredis.ReplyError) and not any(text in str(reply) for text in EXPECTED_ERRORS):
            self.account.fail(f"{' '.join(map(str, words))} was answered -{reply}")
        return reply

    def configure(self) -> None:
        """CONFIG SET of something."""
        name, values = self.chance.choice(SETTINGS)
        self.tell("CONFIG", "SET", name, self.chance.choice(values))

    def limit_memory(self) -> None:
        """A limit below what is used, or none."""
        policy = self.chance.choice(WILD_POLICIES if self.is_wild else STEADY_POLICIES)
        info = bytes(self.client.command("INFO", "memory"))
        used = int(info.split(b"used_memory:")[1].split(b"\r\n")[0])
        limit = int(used * self.chance.choice((0.8, 0.95, 1.2)))
        self.tell("CONFIG", "SET", "maxmemory-policy", policy, "maxmemory", limit)
        time.sleep(1)
        self.tell("CONFIG", "SET", "maxmemory", 0)

    def kill(self) -> None:
        """CLIENT KILL of somebody who did not ask to be kept."""
        kinds = self.chance.randrange(10)
        if kinds == 0:
            self.tell("CLIENT", "KILL", "TYPE", "pubsub")
            return
        lines = bytes(self.client.command("CLIENT", "LIST")).split(b"\n")
        others = [
            line
            for line in lines
            if b"id=" in line and b" name=keep " not in line and b"cmd=client" not in line
        ]
        for line in self.chance.sample(others, min(len(others), 3)):
            number = int(line.split(b"id=")[1].split(b" ")[0])
            if kinds < 3:
                self.tell("CLIENT", "UNBLOCK", number, "ERROR")
            else:
                self.account.seen["clients killed"] += int(
                    str(self.tell("CLIENT", "KILL", "ID", number)) == "1"
                )

    def pause(self) -> None:
        """CLIENT PAUSE for a moment."""
        began = time.perf_counter()
        self.tell("CLIENT", "PAUSE", self.chance.choice((20, 100)), self.chance.choice(("WRITE", "ALL")))
        time.sleep(0.15)
        self.tell("CLIENT", "UNPAUSE")
        self.stops.append((began, time.perf_counter()))

    def look(self) -> None:
        """Everything that reports."""
        words = self.chance.choice(
            (
                "INFO everything", "CLIENT LIST", "MEMORY STATS", "MEMORY DOCTOR", "SLOWLOG GET 10", "LATENCY LATEST",
                "LATENCY DOCTOR", "COMMAND COUNT", "CONFIG GET *", "ACL LIST", "ACL LOG", "LATENCY HISTOGRAM",
                "PUBSUB CHANNELS", "FUNCTION LIST", "DBSIZE", "CLIENT INFO", "OBJECT HELP", "ROLE", "COMMAND DOCS GET",
            )
        )  # fmt: skip
        self.tell(*words.split())

    def forget(self) -> None:
        """Everything that is kept for reports, and scripts."""
        words = self.chance.choice(
            (
                "SCRIPT FLUSH", "SCRIPT FLUSH ASYNC", "FUNCTION FLUSH", "SLOWLOG RESET", "LATENCY RESET",
                "CONFIG RESETSTAT", "MEMORY PURGE", "ACL LOG RESET",
            )
        )  # fmt: skip
        self.tell(*words.split())

    def change_users(self) -> None:
        """Users come, are used, and go."""
        name = f"user{self.chance.randrange(20)}"
        self.tell("ACL", "SETUSER", name, "on", ">secret", "~s:*", "&news:*", "+@all", "-@dangerous")
        try:
            guest = Client(self.client.port, self.account)
        except (Broken, OSError):
            return
        try:
            guest.command("AUTH", name, "secret")
            refused = str(guest.command("FLUSHALL"))
            if not refused.startswith("NOPERM"):
                self.account.fail(f"FLUSHALL of {name} was answered {refused}")
            guest.command("GET", "forbidden")
            self.tell("ACL", "DELUSER", name)
            guest.command("PING")  # it is disconnected
        except Broken:
            self.account.seen["users deleted"] += 1
        guest.close()

    def background(self) -> None:
        """Snapshots and rewrites."""
        self.tell(self.chance.choice(("BGSAVE", "BGREWRITEAOF", "BGREWRITEAOF")))

    def switch_log(self) -> None:
        """The log off and on."""
        self.tell("CONFIG", "SET", "appendonly", "no")
        time.sleep(0.2)
        self.tell("CONFIG", "SET", "appendonly", "yes")

    def flush(self) -> None:
        """Empties the database that most keys are in."""
        self.tell("FLUSHDB", self.chance.choice(("ASYNC", "SYNC")))

    def reload(self) -> None:
        """Saves and loads all, while nobody is served."""
        began = time.perf_counter()
        self.tell(*self.chance.choice((("DEBUG", "RELOAD"), ("SAVE",))))
        self.stops.append((began, time.perf_counter()))
