"""Which key goes when memory is full: the choice alone, as `evict.c` makes it.

LRU, LFU and TTL policies look at a few keys at a time, `maxmemory-samples` of each database, and keep the best
candidates found so far in a pool of 16, so that the choice gets better with every look. Redis takes neighbours
of a random place for its samples. Here they come from a shard, which holds a random part of the keys in the order
of their arrival: its keys are listed once and then taken in steps across the list, so that every sample has keys of
all ages and a look costs as much as the keys that it sees. A key that has gone meanwhile is passed over. Shards come
in turn: drawn at random, one that comes up often would lose young keys while another keeps its old ones.

`allkeys-fifo` is our own: the first key of each shard in turn. A shard is a random part of the keys, so its oldest
is about as old as the oldest of all; nothing has to be noted for it.
"""

from __future__ import annotations

from typing import Final

from librt.random import randrange
from mypy_extensions import i64

from pyredis.datatypes.hash_table import HashTable
from pyredis.keyspace.access import HIGHEST_FREQUENCY
from pyredis.keyspace.database import Database

POOL_SIZE: Final[i64] = 16

NOTHING: Final = 0
RANDOM: Final = 1
LRU: Final = 2
LFU: Final = 3
TTL: Final = 4
FIFO: Final = 5

KINDS: Final[dict[str, int]] = {
    "noeviction": NOTHING,
    "random": RANDOM,
    "lru": LRU,
    "lfu": LFU,
    "ttl": TTL,
    "fifo": FIFO,
}
"""What the last word of a policy's name means."""


class Candidate:
    """A key of the pool; the higher the score, the sooner it goes."""

    def __init__(self, score: i64, database: Database, key: bytes) -> None:
        self.score: i64 = score
        self.database: Database = database
        self.key: bytes = key


class Sampler:
    """Keys of one table at random, a few at a time; see the module's text."""

    def __init__(self, table: HashTable) -> None:
        self.table: HashTable = table
        self.slot: i64 = randrange(table.mask + 1)
        self.keys: list[bytes] = []
        self.stride: i64 = 0
        self.next: i64 = 0

    def take(self, count: i64) -> list[bytes]:
        """About `count` keys, fewer if some have gone; at least one. The table must not be empty."""
        table = self.table
        found: list[bytes] = []
        while not found:
            if self.next >= self.stride:
                self.slot = table.next_shard(self.slot)
                self.keys = list(table.directory[self.slot])
                self.stride = max(len(self.keys) // count, 1)
                self.next = 0
            found = [key for key in self.keys[self.next :: self.stride] if table.contains(key)]
            self.next += 1
        return found


class Evictor:
    """Chooses keys for one policy after the other; `samples` and the policy may change at any time."""

    def __init__(self, databases: list[Database]) -> None:
        self.databases: list[Database] = databases
        self.kind: int = NOTHING
        self.is_volatile: bool = False
        self.samples: i64 = 5
        self.pool: list[Candidate] = []
        self.samplers: dict[int, Sampler] = {}
        self.next_database: i64 = 0
        self.next_slot: i64 = 0

    def follow(self, policy: str) -> None:
        """Takes a policy by its name."""
        kind = KINDS[policy.rpartition("-")[2]]
        is_volatile = policy.startswith("volatile-")
        if kind != self.kind or is_volatile != self.is_volatile:
            self.kind = kind
            self.is_volatile = is_volatile
            self.forget()

    def forget(self) -> None:
        """Drops what it knows of keys."""
        self.pool.clear()
        self.samplers.clear()

    def choose(self) -> Candidate | None:
        """The key that goes next; None when no key may. O(databases + samples)."""
        kind = self.kind
        if kind == NOTHING:
            return None
        if kind in (RANDOM, FIFO):
            return self._choose_blindly()
        while True:
            if not self._look():
                return None
            pool = self.pool
            while pool:
                candidate = pool.pop()
                if self._table(candidate.database).contains(candidate.key):
                    return candidate

    def _table(self, database: Database) -> HashTable:
        """The keys of a database that may go."""
        return database.expires if self.is_volatile else database.values

    def _choose_blindly(self) -> Candidate | None:
        """The next database in turn that has keys, and one of them."""
        databases = self.databases
        for _ in range(len(databases)):
            database = databases[self.next_database % len(databases)]
            self.next_database += 1
            table = self._table(database)
            if table.size != 0:
                key = table.random_key() if self.kind == RANDOM else self._first_key(table)
                return Candidate(0, database, key)
        return None

    def _first_key(self, table: HashTable) -> bytes:
        """The oldest key of the next shard that has one."""
        while True:
            key = table.first_key_of(self.next_slot)
            self.next_slot += 1
            if key is not None:
                return key

    def _look(self) -> bool:
        """Adds samples of every database to the pool; false when there are no keys."""
        has_keys = False
        is_volatile = self.is_volatile
        for database in self.databases:
            table = database.expires if is_volatile else database.values
            if table.size != 0:
                has_keys = True
                sampler = self.samplers.get(database.index)
                if sampler is None or sampler.table is not table:
                    sampler = Sampler(table)
                    self.samplers[database.index] = sampler
                keys = sampler.take(self.samples)
                scores = self._scores(database, keys)
                for number in range(len(keys)):
                    self._consider(database, keys[number], scores[number])
        return has_keys

    def _scores(self, database: Database, keys: list[bytes]) -> list[int]:
        """How much each key should go."""
        if self.kind == LRU:
            return database.access.idle_times(keys)
        if self.kind == LFU:
            return [HIGHEST_FREQUENCY - database.access.frequency(key) for key in keys]
        return [-database.deadline(key) for key in keys]

    def _consider(self, database: Database, key: bytes, score: i64) -> None:
        """Puts a key in its place in the pool, if it is better than the worst or there is room."""
        pool = self.pool
        size: i64 = len(pool)
        if size == POOL_SIZE:
            if score <= pool[0].score:
                return
            pool.pop(0)
            size -= 1
        place: i64 = size
        while place > 0 and pool[place - 1].score >= score:
            place -= 1
        pool.insert(place, Candidate(score, database, key))
