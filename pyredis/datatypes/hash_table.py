"""A dict from bytes to any object that can also be scanned, sampled and grown without a pause.

A Python dict is the fastest map there is here, but one dict of a million keys stalls for tens of milliseconds when
it grows, has no stable position to scan from, and cannot pick a random key. `HashTable` is extendible hashing over
small dicts, the *shards*: `directory[h & mask]` is the shard of a key whose hash is `h`; a shard that outgrows
`SPLIT_AT` is split in two by one more bit of the hash, the directory doubling when it must. Up to `SPLIT_AT` keys
it is one plain dict.

Rules kept:

* A shard of depth `d` holds exactly the keys that agree in the low `d` bits of their hash, and stands in the
  directory at every index that ends in those bits.
* A dict keeps insertion order, also when it is resized, split or rebuilt. So the position of a key in its shard only
  ever falls, except when two shards merge; a scan from the last position to the first misses no key that stays.
* Merging counts an epoch, which cursors carry: a scan that meets a newer epoch starts its shard afresh.

Measured beside one flat dict (compiled, 1,000,000 keys): the same time per lookup, 30 ns with a warm cache; the
longest pause while filling falls from 75 ms to 0.2 ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from librt.random import randrange
from librt.strings import read_i64_le
from mypy_extensions import i64

from pyredis.form import COMPILED

SPLIT_AT: Final[i64] = 1365
"""Keys in a shard before it is split: what fits a dict of 2,048 slots at CPython's load factor of two thirds."""

MAX_DEPTH: Final[i64] = 20
POINT_MASK: Final = (1 << 20) - 1
EPOCH_MASK: Final = 0xFF
EPOCH_SHIFT: Final = 20
POSITION_SHIFT: Final = 28

_FACTOR: Final[i64] = 0x1E3779B97F4A7C15


def shard_hash(key: bytes) -> i64:
    """A hash whose low bits choose the shard.

    CPython's own hash of bytes is better, but compiled code pays 60 ns for it, because a 64-bit result has to pass
    through an int object; mixing the ends of the key costs 3 ns. Keys chosen to collide only make one large shard,
    which is still a dict with CPython's keyed hash.
    """
    if not COMPILED:
        return hash(key)
    n: i64 = len(key)
    h: i64 = n
    if n >= 16:
        h ^= read_i64_le(key, n - 8) * _FACTOR
        h ^= h >> 29
        h += read_i64_le(key, n - 16)
    if n >= 8:
        h ^= read_i64_le(key, 0)
        h *= _FACTOR
        h ^= h >> 32
        h += read_i64_le(key, n - 8)
    else:
        i: i64 = 0
        while i < n:
            h = (h << 8) ^ key[i]
            i += 1
    h *= _FACTOR
    h ^= h >> 29
    h *= _FACTOR
    return h ^ (h >> 32)


def _reverse(bits: int, width: int) -> int:
    """The low `width` bits of `bits` in reverse order."""
    return int(format(bits, f"0{width}b")[::-1], 2) if width else 0


class HashTable:
    """See the module's text. `get`, `set`, `pop` are O(1), `scan` is O(count), `random_key` O(1) expected."""

    def __init__(self, split_at: i64 = SPLIT_AT) -> None:
        self.split_at: i64 = split_at
        self.first: dict[bytes, Any] = {}
        self.directory: list[dict[bytes, Any]] = [self.first]
        self.depths: list[int] = [0]
        self.mask: i64 = 0
        self.size: i64 = 0
        self.epoch: int = 0
        self.bound: i64 = split_at

    def __len__(self) -> int:
        return self.size

    def get(self, key: bytes) -> Any:
        """The value stored at `key`, or None."""
        if self.mask == 0:
            return self.first.get(key)
        return self.directory[shard_hash(key) & self.mask].get(key)

    def contains(self, key: bytes) -> bool:
        """Whether `key` is present."""
        return key in self.directory[shard_hash(key) & self.mask]

    def set(self, key: bytes, value: Any) -> None:
        """Stores `value` at `key`, keeping the position of a key that is present."""
        index: i64 = 0
        if self.mask != 0:
            index = shard_hash(key) & self.mask
        shard = self.directory[index]
        before: i64 = len(shard)
        shard[key] = value
        if len(shard) != before:
            self.size += 1
            if before >= self.split_at:
                self._split(index)

    def pop(self, key: bytes) -> Any:
        """Removes `key` and returns its value, or None when it is absent."""
        index: i64 = shard_hash(key) & self.mask
        shard = self.directory[index]
        if key not in shard:
            return None
        value = shard.pop(key)
        self.size -= 1
        left: i64 = len(shard)
        if left & 15 == 0 and self.mask != 0 and left * 8 <= self.split_at:
            self._merge(index)
        return value

    def clear(self) -> None:
        """Drops every key; cursors handed out before finish at once or start their shard afresh."""
        epoch = self.epoch
        self.__init__(self.split_at)  # type: ignore[misc]
        self.epoch = (epoch + 1) & EPOCH_MASK

    def shards(self) -> list[dict[bytes, Any]]:
        """Every shard once, in the order of a scan's directory."""
        return [
            shard
            for index, shard in enumerate(self.directory)
            if index >> self.depths[index] == 0
        ]

    def keys(self) -> list[bytes]:
        """All keys, as a list of its own; O(n)."""
        if self.mask == 0:
            return list(self.first)
        found: list[bytes] = []
        for shard in self.shards():
            found.extend(shard)
        return found

    def items(self) -> Iterator[tuple[bytes, Any]]:
        """Every key with its value; the table must not change meanwhile."""
        for shard in self.shards():
            yield from shard.items()

    def scan(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """Returns the next cursor and about `count` keys; 0 starts and 0 ends.

        A key present from the first call to the last is returned at least once, whatever is added and removed
        between the calls. The cursor holds all of the scan's state: the point reached in the space of reversed
        hashes, the merge epoch, and the keys of the current shard that are still to come.
        """
        found: list[bytes] = []
        point = cursor & POINT_MASK
        position = cursor >> POSITION_SHIFT
        if (cursor >> EPOCH_SHIFT) & EPOCH_MASK != self.epoch:
            position = 0
        visits = 10 * count
        while True:
            index = _reverse(point, MAX_DEPTH) & self.mask
            shard = self.directory[index]
            span = 1 << (MAX_DEPTH - self.depths[index])
            start = point & -span
            length = len(shard)
            if position == 0 or position > length or start != point:
                position = length
            take = min(count - len(found), position)
            found.extend(islice(shard, position - take, position))
            position -= take
            point = start
            if position == 0:
                point += span
                if point > POINT_MASK:
                    return 0, found
            visits -= 1
            if len(found) >= count or visits <= 0:
                return (position << POSITION_SHIFT) | (self.epoch << EPOCH_SHIFT) | point, found

    def random_key(self) -> bytes:
        """A key chosen uniformly; the table must not be empty.

        A slot of the directory is drawn, then a position below the most that any slot's share of keys can be; a
        position that the shard does not have is drawn again. Expected O(1).
        """
        if self.mask == 0:
            return self._at(self.first, randrange(self.size))
        slots: i64 = len(self.directory)
        while True:
            index: i64 = randrange(slots)
            shard = self.directory[index]
            position: i64 = randrange(self.bound * (slots >> self.depths[index]))
            if position < len(shard):
                return self._at(shard, position)

    def _at(self, shard: dict[bytes, Any], position: i64) -> bytes:
        key: bytes = next(islice(shard, position, None))
        return key

    def _split(self, index: i64) -> None:
        """Splits the shard at `index` in two by one more bit of its keys' hashes."""
        depth = self.depths[index]
        shard = self.directory[index]
        if depth >= MAX_DEPTH:
            self.bound = max(self.bound, len(shard))
            return
        bit: i64 = 1 << depth
        index &= bit - 1
        if bit > self.mask:
            self.directory += self.directory
            self.depths += self.depths
            self.mask = self.mask * 2 + 1
        stay: dict[bytes, Any] = {}
        move: dict[bytes, Any] = {}
        for key, value in shard.items():
            if shard_hash(key) & bit:
                move[key] = value
            else:
                stay[key] = value
        self._place(index, depth + 1, stay)
        self._place(index ^ bit, depth + 1, move)

    def _merge(self, index: i64) -> None:
        """Joins the shard at `index` with its other half when both are nearly empty."""
        depth = self.depths[index]
        if depth == 0:
            return
        other: i64 = index ^ (1 << (depth - 1))
        if self.depths[other] != depth:
            return
        low, high = self.directory[index], self.directory[other]
        if (len(low) + len(high)) * 4 > self.split_at:
            return
        self._place(index, depth - 1, {**low, **high})
        self.epoch = (self.epoch + 1) & EPOCH_MASK
        while self.mask != 0 and 1 << depth == self.mask + 1 and max(self.depths) < depth:
            depth -= 1
            self.mask >>= 1
            del self.directory[self.mask + 1 :]
            del self.depths[self.mask + 1 :]
        self.first = self.directory[0]

    def _place(self, index: i64, depth: int, shard: dict[bytes, Any]) -> None:
        """Makes `shard` the one for all hashes that end in the low `depth` bits of `index`."""
        step: i64 = 1 << depth
        slot: i64 = index & (step - 1)
        while slot <= self.mask:
            self.directory[slot] = shard
            self.depths[slot] = depth
            slot += step
        self.first = self.directory[0]

    def check(self) -> None:
        """Asserts every rule of the module's text; O(n), for tests."""
        assert len(self.directory) == len(self.depths) == self.mask + 1
        assert self.first is self.directory[0]
        for index, shard in enumerate(self.directory):
            depth = self.depths[index]
            suffix = index & ((1 << depth) - 1)
            assert (1 << depth) <= self.mask + 1
            assert self.directory[suffix] is shard
            for key in shard:
                assert shard_hash(key) & ((1 << depth) - 1) == suffix
        assert sum(len(shard) for shard in self.shards()) == self.size
