"""Which keys are due: deadlines in a min-heap of buckets.

A heap of (deadline, key) pairs costs a tuple and a dozen comparisons per key, and grows with each overwritten
deadline. Here keys whose deadlines lie close together share a bucket, a list, and the heap orders the buckets. The
further away a deadline is, the wider its bucket (0.1 s, a minute, a quarter of an hour), so there are never more
than some 30,000 of them. Adding and removing are O(1) but for the heap of distinct buckets.

Rules kept:

* Every key that has a deadline stands in a bucket no later than it; the deadline itself is only in the database's
  `expires` table, which decides. So a later deadline costs nothing: the key is met in its old bucket when that is
  due, and moved.
* What was overwritten, persisted or deleted stays behind as a stale entry. When those outnumber the live ones a sweep
  rebuilds one slice of a bucket with each call of `add`, so that memory stays proportional to the keys with
  deadlines and no call is long.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Final

from mypy_extensions import i64

from pyredis.datatypes.hash_table import HashTable

BUCKET_BITS: Final[i64] = 7
MINUTE_BITS: Final[i64] = 16
QUARTER_BITS: Final[i64] = 20
HOUR_MS: Final[i64] = 3_600_000
DAY_MS: Final[i64] = 24 * HOUR_MS
HORIZON_MS: Final[i64] = 30 * DAY_MS
SWEEP_SLACK: Final[i64] = 1024
SWEEP_STEP: Final[i64] = 8


def bucket_of(deadline_ms: i64, now_ms: i64) -> int:
    """The number of the bucket for a deadline: its start in units of `1 << BUCKET_BITS` ms, at or before it."""
    distance = deadline_ms - now_ms
    if distance > HORIZON_MS:
        deadline_ms = now_ms + HORIZON_MS
    if distance > DAY_MS:
        deadline_ms = (deadline_ms >> QUARTER_BITS) << QUARTER_BITS
    elif distance > HOUR_MS:
        deadline_ms = (deadline_ms >> MINUTE_BITS) << MINUTE_BITS
    return deadline_ms >> BUCKET_BITS


class ExpiryQueue:
    """The keys of one database that have a deadline, by the time at which to look at them."""

    def __init__(self, expires: HashTable) -> None:
        self.expires: HashTable = expires
        self.buckets: dict[int, list[bytes]] = {}
        self.heap: list[int] = []
        self.entries: i64 = 0
        self.sweep_order: list[int] = []
        self.sweep_bucket: int = -1
        self.sweep_kept: list[bytes] = []
        self.sweep_seen: set[bytes] = set()
        self.sweep_position: i64 = 0

    def add(self, key: bytes, deadline_ms: i64, now_ms: i64) -> None:
        """Notes a deadline that is new, or earlier than the one it replaces."""
        self._append(bucket_of(deadline_ms, now_ms), key)
        self.entries += 1
        if self.entries > 2 * self.expires.size + SWEEP_SLACK:
            self._sweep(now_ms)

    def _append(self, number: int, key: bytes) -> None:
        bucket = self.buckets.get(number)
        if bucket is None:
            self.buckets[number] = [key]
            heappush(self.heap, number)
        else:
            bucket.append(key)

    def due(self, now_ms: i64, limit: int) -> list[bytes]:
        """Takes out up to `limit` entries of buckets that have begun.

        The caller looks up each key's deadline: past ones it expires, others it adds again. A bucket is taken when
        all of its narrowest width has passed, so an entry that was not moved is due.
        """
        taken: list[bytes] = []
        now_bucket: int = now_ms >> BUCKET_BITS
        while self.heap and self.heap[0] < now_bucket and len(taken) < limit:
            number = self.heap[0]
            if number == self.sweep_bucket:
                self._stop_sweep()
            bucket = self.buckets[number]
            room = limit - len(taken)
            if len(bucket) <= room:
                taken.extend(bucket)
                del self.buckets[number]
                heappop(self.heap)
            else:
                taken.extend(bucket[-room:])
                del bucket[-room:]
        self.entries -= len(taken)
        return taken

    def backlog(self, now_ms: i64) -> int:
        """How many entries of the first bucket are overdue: a measure of how hard to work."""
        if self.heap and self.heap[0] < now_ms >> BUCKET_BITS:
            return len(self.buckets[self.heap[0]])
        return 0

    def clear(self) -> None:
        """Forgets every entry."""
        self.buckets = {}
        self.heap = []
        self.entries = 0
        self._stop_sweep()
        self.sweep_order = []

    def _stop_sweep(self) -> None:
        """Ends or abandons the sweep of a bucket: what was kept and what was not reached is the bucket."""
        bucket = self.buckets.get(self.sweep_bucket)
        if bucket is not None:
            self.buckets[self.sweep_bucket] = self.sweep_kept + bucket[self.sweep_position :]
        self.sweep_bucket = -1
        self.sweep_kept = []
        self.sweep_seen = set()
        self.sweep_position = 0

    def _sweep(self, now_ms: i64) -> None:
        """Filters a few entries: stale and repeated ones go, those of a later bucket move to it."""
        if self.sweep_bucket < 0 and not self._next_sweep():
            return
        number = self.sweep_bucket
        bucket = self.buckets[number]
        end: i64 = min(self.sweep_position + SWEEP_STEP, len(bucket))
        while self.sweep_position < end:
            key = bucket[self.sweep_position]
            self.sweep_position += 1
            deadline = self.expires.get(key)
            proper = -1 if deadline is None else bucket_of(deadline, now_ms)
            if proper < number or (proper == number and key in self.sweep_seen):
                self.entries -= 1
            elif proper > number:
                self._append(proper, key)
            else:
                self.sweep_seen.add(key)
                self.sweep_kept.append(key)
        if end == len(bucket):
            self._stop_sweep()

    def _next_sweep(self) -> bool:
        """Chooses the next bucket to sweep: each once, the latest first; false when a round found none."""
        while True:
            if not self.sweep_order:
                self.sweep_order = sorted(self.buckets)
                if not self.sweep_order:
                    return False
            number = self.sweep_order.pop()
            if number in self.buckets:
                self.sweep_bucket = number
                return True

    def check(self) -> None:
        """Asserts the rules; O(n), for tests."""
        assert sorted(self.heap) == sorted(self.buckets)
        assert sum(map(len, self.buckets.values())) == self.entries
        earliest: dict[bytes, int] = {}
        for number in sorted(self.buckets, reverse=True):
            for key in self.buckets[number]:
                earliest[key] = number
        for key, deadline in self.expires.items():
            assert earliest[key] <= deadline >> BUCKET_BITS
