"""When a key was last used, or how often: what OBJECT IDLETIME and FREQ tell and eviction decides by.

Redis keeps 24 bits beside every value. A Python value has no room for them, and a dict of them would cost more
than many a value; so compiled they stand in a table of 32-bit slots, chosen by the hash of the key. Keys that
share a slot share its history: a key that nobody uses can look as fresh as a neighbour, never the other way
round. There are 65,536 slots for up to 32,768 keys, where sharing is rare, and two for each key beyond, where
one key in three has company. The table grows by linear hashing, one chunk of 256 KB at a time, so that it never
stalls.

Interpreted, finding a slot would cost a third of a GET, and a dict entry a twelfth; so there it is a dict, and
exact. Where nothing else is to be done than to note the time, `plain` is that dict, for lookups to write to.

A slot holds the second of the last access, or under an LFU policy the counter and the minute of its last change,
packed as in Redis. Measured for GET: 5 ns of 500 compiled, 50 ns of 650 interpreted.
"""

from __future__ import annotations

from typing import Final

from librt.random import random
from librt.vecs import append, vec
from mypy_extensions import i32, i64

from pyredis.clock import Clock
from pyredis.datatypes.hash_table import shard_hash
from pyredis.form import COMPILED

CHUNK_SLOTS: Final[i64] = 1 << 16
SLOT_MASK: Final[i64] = CHUNK_SLOTS - 1
KEYS_A_CHUNK: Final[i64] = CHUNK_SLOTS // 2
SLOT_SHIFT: Final[i64] = 20
CHUNK_SHIFT: Final[i64] = 40
"""Which bits of the hash choose the slot and the chunk; the lowest choose the shard of the hash table."""

EPOCH_SECONDS: Final[i64] = 1_600_000_000
"""What slots count seconds from, so that 31 bits last until 2088."""

INITIAL_FREQUENCY: Final[i64] = 5
HIGHEST_FREQUENCY: Final[i64] = 255
MINUTE_MASK: Final[i64] = 0xFFFF
LRU_CLOCK_MASK: Final[i64] = 0xFFFFFF


class AccessPolicy:
    """What the databases of a keyspace note about accesses, and how; `Keyspace` changes it.

    `is_touching` is false while a client runs that asked to leave no trace (CLIENT NO-TOUCH), `allows_plain`
    while changes have to come by where `AccessTable.plain` would be a short cut.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock: Clock = clock
        self.is_touching: bool = True
        self.allows_plain: bool = True
        self.counts_frequency: bool = False
        self.log_factor: float = 10.0
        self.decay_minutes: i64 = 1


class AccessTable:
    """The histories of one database; see the module's text. Methods are O(1) where they say nothing else."""

    def __init__(self, policy: AccessPolicy, is_exact: bool = not COMPILED) -> None:
        self.policy: AccessPolicy = policy
        self.clock: Clock = policy.clock
        self.is_exact: bool = is_exact
        # Of slots, in an exact table: by key what a slot would hold, but times in milliseconds.
        self.exact: dict[bytes, int] = {}
        self.plain: dict[bytes, int] | None = None
        self.chunks: vec[vec[i32]] = vec[vec[i32]]()
        self.count: i64 = 0
        self.mask: i64 = 0
        self.follow()

    def follow(self) -> None:
        """Takes notice of a change of the policy."""
        policy = self.policy
        is_plain = (
            self.is_exact and policy.is_touching and not policy.counts_frequency and policy.allows_plain
        )
        self.plain = self.exact if is_plain else None

    def begin(self, key: bytes, keys: i64) -> None:
        """Starts the history of a new key; `keys` is how many there are now."""
        if not self.is_exact and keys > self.count * KEYS_A_CHUNK:
            self._grow()
        self._put(key, self._fresh())

    def forget(self, key: bytes) -> None:
        """Ends the history of a key that is gone."""
        if self.is_exact:
            self.exact.pop(key, None)

    def mark(self, key: bytes) -> None:
        """Notes an access to a key that `begin` has seen."""
        policy = self.policy
        if not policy.is_touching:
            return
        if policy.counts_frequency or self.is_exact:
            self.mark_anyway(key)
        else:
            self._mark_hashed(shard_hash(key))

    def mark_hashed(self, key: bytes, h: i64) -> None:
        """As `mark` for who knows the key's `shard_hash`."""
        policy = self.policy
        if not policy.is_touching:
            return
        if policy.counts_frequency or self.is_exact:
            self.mark_anyway(key)
        else:
            self._mark_hashed(h)

    def _mark_hashed(self, h: i64) -> None:
        now: int = self.policy.clock.now_ms // 1000 - EPOCH_SECONDS
        if self.mask == 0:
            self.chunks[0][(h >> SLOT_SHIFT) & SLOT_MASK] = now
        else:
            self.chunks[self._chunk(h)][(h >> SLOT_SHIFT) & SLOT_MASK] = now

    def mark_anyway(self, key: bytes) -> None:
        """As `mark`, whatever the client asked for."""
        if self.policy.counts_frequency:
            self._put(key, self._packed(self._incremented(self.frequency(key))))
        else:
            self._put(key, self._second())

    def renew(self, key: bytes) -> None:
        """The key has got another value unseen: as fresh as a new key's, and used once more than the old."""
        if self.policy.counts_frequency:
            self.mark(key)
        else:
            self._put(key, self._second())

    def renew_hashed(self, key: bytes, h: i64) -> None:
        """As `renew` for who knows the key's `shard_hash`."""
        if self.policy.counts_frequency or self.is_exact:
            self.renew(key)
        else:
            self._mark_hashed(h)

    def refresh(self, key: bytes) -> None:
        """The key has got another value after a lookup, which has been counted."""
        if not self.policy.counts_frequency:
            self._put(key, self._second())

    def refresh_hashed(self, key: bytes, h: i64) -> None:
        """As `refresh` for who knows the key's `shard_hash`."""
        if self.policy.counts_frequency or self.is_exact:
            self.refresh(key)
        else:
            self._mark_hashed(h)

    def idle_seconds(self, key: bytes) -> int:
        """Seconds since the last access; only while times are tracked."""
        return max(self._second() - self._get(key), 0)

    def idle_times(self, keys: list[bytes]) -> list[int]:
        """`idle_seconds` of several keys, for eviction."""
        if self.is_exact:
            now = self.clock.now_ms // 1000
            exact = self.exact
            return [now - exact.get(key, 0) // 1000 for key in keys]
        return [self.idle_seconds(key) for key in keys]

    def set_idle(self, key: bytes, seconds: i64) -> None:
        """Makes `key` look unused for so long."""
        self._put(key, max(self._second() - seconds, 0))

    def frequency(self, key: bytes) -> int:
        """The access counter, 0 to 255, less what it has lost with time; only while they are counted."""
        packed = self._get(key)
        counter: i64 = packed & HIGHEST_FREQUENCY
        decay = self.policy.decay_minutes
        if decay == 0:
            return counter
        elapsed: i64 = self._minute() - (packed >> 8)
        if elapsed < 0:
            elapsed += MINUTE_MASK
        return max(counter - elapsed // decay, 0)

    def set_frequency(self, key: bytes, counter: i64) -> None:
        """Sets the access counter."""
        self._put(key, self._packed(counter))

    def lru_field(self, key: bytes) -> int:
        """The 24 bits that Redis would keep beside the value, as DEBUG OBJECT shows them."""
        slot = self._get(key)
        return slot if self.policy.counts_frequency else (slot + EPOCH_SECONDS) & LRU_CLOCK_MASK

    def carry(self, key: bytes, source: AccessTable, source_key: bytes) -> None:
        """Gives `key`, which has begun, the history of a key here or in another database."""
        self._put(key, source._get(source_key))

    def restart(self) -> None:
        """Makes all keys look as if they had just been stored, when other things are counted. O(slots)."""
        self.follow()
        fresh: int = self._fresh()
        for key in list(self.exact):
            self._put(key, fresh)
        number: i64 = 0
        while number < self.count:
            chunk = self.chunks[number]
            slot: i64 = 0
            while slot < CHUNK_SLOTS:
                chunk[slot] = fresh
                slot += 1
            number += 1

    def _fresh(self) -> i64:
        return self._packed(INITIAL_FREQUENCY) if self.policy.counts_frequency else self._second()

    def _second(self) -> i64:
        return self.clock.now_ms // 1000 - EPOCH_SECONDS

    def _minute(self) -> i64:
        return (self.clock.now_ms // 60_000) & MINUTE_MASK

    def _packed(self, counter: i64) -> i64:
        return (self._minute() << 8) | counter

    def _incremented(self, counter: i64) -> i64:
        """The counter after one more access: the higher it is, the less likely it grows."""
        if counter >= HIGHEST_FREQUENCY:
            return counter
        above: i64 = max(counter - INITIAL_FREQUENCY, 0)
        if random() * (float(above) * self.policy.log_factor + 1.0) < 1.0:
            return counter + 1
        return counter

    def _chunk(self, h: i64) -> i64:
        """Linear hashing: the chunks that have not been doubled yet are found with one bit less."""
        number: i64 = (h >> CHUNK_SHIFT) & self.mask
        if number >= self.count:
            number &= self.mask >> 1
        return number

    def _get(self, key: bytes) -> i64:
        if self.is_exact:
            value = self.exact.get(key, 0)
            return value if self.policy.counts_frequency else value // 1000 - EPOCH_SECONDS
        h = shard_hash(key)
        return i64(self.chunks[self._chunk(h)][(h >> SLOT_SHIFT) & SLOT_MASK])

    def _put(self, key: bytes, value: i64) -> None:
        if self.is_exact:
            self.exact[key] = value if self.policy.counts_frequency else (value + EPOCH_SECONDS) * 1000
        else:
            h = shard_hash(key)
            self.chunks[self._chunk(h)][(h >> SLOT_SHIFT) & SLOT_MASK] = i32(value)

    def _grow(self) -> None:
        """Adds a chunk: a copy of the one whose keys it will share, so that no key loses its history."""
        if self.count == 0:
            self.chunks = append(self.chunks, vec[i32]([0] * CHUNK_SLOTS))
        else:
            if self.count > self.mask:
                self.mask = 2 * self.mask + 1
            self.chunks = append(self.chunks, self.chunks[self.count & (self.mask >> 1)][:])
        self.count += 1
