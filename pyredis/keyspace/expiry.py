"""Which keys are due: deadlines in a min-heap of buckets.

A heap of (deadline, key) pairs costs a tuple and a dozen comparisons per key, and grows with each overwritten
deadline. Here keys whose deadlines lie close together share a bucket, a list, and the heap orders the
buckets. The further away a deadline is, the wider its bucket (0.1 s, a minute, a quarter of an hour, ...), so
there are never more than some 40,000 of them; an entry moves to a narrower one as its time comes near. Adding
and removing are O(1) but for the heap of distinct buckets.

The deadlines themselves are in the database's `expires` table, which decides. Rules kept:

* A deadline that is positive there has an entry of its own in one of the buckets that it lies in, one for
  each width. So an entry anywhere else is stale, left behind by a deadline that was overwritten, and can be
  dropped whenever it is met.
* A negative one is a deadline that was put off: minus the later time. Its key is met in the bucket of the
  earlier deadline, and moved. So a key that is given more time again and again keeps its one entry.
* When stale entries outnumber the others, each call of `add` sweeps a few entries of a bucket, and so does
  the cron; so memory stays proportional to the keys with deadlines, and no call is long.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Final

from mypy_extensions import i64

from pyredis.datatypes.hash_table import HashTable

BUCKET_BITS: Final[i64] = 7
HOUR_MS: Final[i64] = 3_600_000
DAY_MS: Final[i64] = 24 * HOUR_MS
SWEEP_SLACK: Final[i64] = 1024
SWEEP_STEP: Final[i64] = 4
"""Entries that one `add` sweeps; as a stale entry is dropped when it is met, two would just do."""

RELEASE_STEP: Final[i64] = 1024

NEVER_MS: Final[i64] = 1 << 62


def bucket_of(deadline_ms: i64, now_ms: i64) -> int:
    """The number of the bucket for a deadline: its start in units of `1 << BUCKET_BITS` ms, at or before it.

    A bucket is never wider than its distance, so the bucket of a deadline to come begins after `now_ms`.
    """
    distance = deadline_ms - now_ms
    if distance <= HOUR_MS:
        return deadline_ms >> 7
    if distance <= DAY_MS:
        return (deadline_ms >> 16) << 9
    if distance < 1 << 32:
        return (deadline_ms >> 20) << 13
    if distance < 1 << 40:
        return (deadline_ms >> 30) << 23
    if distance < 1 << 52:
        return (deadline_ms >> 40) << 33
    return (deadline_ms >> 52) << 45


def is_in_bucket(number: i64, deadline_ms: i64) -> bool:
    """Whether `bucket_of` may have put an entry for this deadline there, at whatever time."""
    return (
        number == deadline_ms >> 7
        or number == (deadline_ms >> 16) << 9
        or number == (deadline_ms >> 20) << 13
        or number == (deadline_ms >> 30) << 23
        or number == (deadline_ms >> 40) << 33
        or number == (deadline_ms >> 52) << 45
    )


class ExpiryQueue:
    """The keys of one database that have a deadline, by the time at which to look at them."""

    def __init__(self, expires: HashTable) -> None:
        self.expires: HashTable = expires
        self.buckets: dict[int, list[bytes]] = {}
        self.heap: list[int] = []
        # No deadline is before this: the start of the first bucket. Until then nobody has to look for one.
        self.earliest_ms: i64 = NEVER_MS
        self.entries: i64 = 0
        # The sweep: buckets still to come in this round, and the progress within one of them.
        self.sweep_order: list[int] = []
        self.sweep_bucket: int = -1
        self.sweep_kept: list[bytes] = []
        self.sweep_seen: set[bytes] = set()
        self.sweep_position: i64 = 0

    def add(self, key: bytes, deadline_ms: i64, now_ms: i64) -> None:
        """Notes a deadline that is new, or earlier than the one it replaces."""
        self._append(bucket_of(deadline_ms, now_ms), key)
        self.entries += 1
        if self.is_bloated():
            self.sweep(SWEEP_STEP, now_ms)

    def is_bloated(self) -> bool:
        """Whether stale entries outnumber the others by enough to be worth looking for."""
        return self.entries > 2 * self.expires.size + SWEEP_SLACK

    def take_due(self, now_ms: i64, limit: i64) -> tuple[int, list[bytes]]:
        """Looks at up to `limit` entries of buckets that have begun: how many there were, and the keys past
        due.

        The caller removes those keys. Buckets are opened when all of the narrowest width has passed, so a key
        goes up to a fifth of a second late.
        """
        due: list[bytes] = []
        left = limit
        now_bucket: int = now_ms >> BUCKET_BITS
        while left > 0 and self.heap and self.heap[0] < now_bucket:
            number = self.heap[0]
            if number == self.sweep_bucket:
                self._stop_sweep()
            bucket = self.buckets[number]
            size: i64 = min(left, len(bucket))
            taken = bucket[len(bucket) - size :]
            del bucket[len(bucket) - size :]
            self.entries -= size
            left -= max(size, 1)
            for key in taken:
                deadline = self.expires.get(key)
                if deadline is None:
                    continue
                if abs(deadline) <= now_ms:
                    due.append(key)
                elif deadline < 0 or is_in_bucket(number, deadline):
                    self._move(key, deadline, now_ms)
                    self.entries += 1
            if not bucket:
                del self.buckets[number]
                heappop(self.heap)
                self._note_earliest()
        return limit - left, due

    def sweep(self, limit: i64, now_ms: i64) -> None:
        """Looks at up to `limit` entries and drops those that are stale or repeated.

        A round takes each bucket once. New entries may join a bucket while it is swept; they come after the
        rest.
        """
        while limit > 0 and (self.sweep_bucket >= 0 or self._next_sweep()):
            bucket = self.buckets[self.sweep_bucket]
            end: i64 = min(self.sweep_position + limit, len(bucket))
            limit -= max(end - self.sweep_position, 1)
            while self.sweep_position < end:
                self._sweep_entry(bucket[self.sweep_position], now_ms)
                self.sweep_position += 1
            if end == len(bucket):
                self._stop_sweep()

    def release(self) -> bool:
        """Frees some entries, for dropping a large queue bit by bit; false when none is left."""
        self._stop_sweep()
        for number, bucket in self.buckets.items():
            del bucket[-RELEASE_STEP:]
            if not bucket:
                del self.buckets[number]
            break
        return bool(self.buckets)

    def _append(self, number: int, key: bytes) -> None:
        bucket = self.buckets.get(number)
        if bucket is None:
            self.buckets[number] = [key]
            heappush(self.heap, number)
            self._note_earliest()
        else:
            bucket.append(key)

    def _note_earliest(self) -> None:
        if self.heap:
            number: i64 = self.heap[0]
            self.earliest_ms = number << BUCKET_BITS
        else:
            self.earliest_ms = NEVER_MS

    def _move(self, key: bytes, deadline: int, now_ms: i64) -> None:
        """Puts an entry where its deadline belongs, as seen from now."""
        if deadline < 0:
            deadline = -deadline
            self.expires.set(key, deadline)
        self._append(bucket_of(deadline, now_ms), key)

    def _sweep_entry(self, key: bytes, now_ms: i64) -> None:
        """Keeps, moves or drops one entry of the bucket that is swept."""
        number = self.sweep_bucket
        deadline = self.expires.get(key)
        if deadline is None or key in self.sweep_seen:
            self.entries -= 1
        elif deadline < 0:
            self._move(key, deadline, now_ms)
        elif is_in_bucket(number, deadline):
            self.sweep_seen.add(key)
            self.sweep_kept.append(key)
        else:
            self.entries -= 1

    def _next_sweep(self) -> bool:
        """Chooses the next bucket to sweep; false when there is none."""
        if not self.sweep_order:
            self.sweep_order = list(self.buckets)
        while self.sweep_order:
            number = self.sweep_order.pop()
            if number in self.buckets:
                self.sweep_bucket = number
                return True
        return False

    def _stop_sweep(self) -> None:
        """Ends or abandons the sweep of a bucket: what was kept and what was not reached is the bucket."""
        bucket = self.buckets.get(self.sweep_bucket)
        if bucket is not None:
            bucket[: self.sweep_position] = self.sweep_kept
        self.sweep_bucket = -1
        self.sweep_kept = []
        self.sweep_seen = set()
        self.sweep_position = 0

    def check(self) -> None:
        """Asserts the rules; O(n), for tests."""
        assert sorted(self.heap) == sorted(self.buckets)
        assert all(abs(deadline) >= self.earliest_ms for _, deadline in self.expires.items())
        assert self.earliest_ms == min([number << BUCKET_BITS for number in self.heap], default=NEVER_MS)
        # Entries that the sweep has dropped or moved still stand in the part of its bucket that it passed.
        passed = self.sweep_position - len(self.sweep_kept)
        assert sum(map(len, self.buckets.values())) - passed == self.entries
        places: dict[bytes, set[int]] = {}
        for number, bucket in self.buckets.items():
            if number == self.sweep_bucket:
                bucket = self.sweep_kept + bucket[self.sweep_position :]
            for key in bucket:
                places.setdefault(key, set()).add(number)
        for key, deadline in self.expires.items():
            if deadline > 0:
                assert any(is_in_bucket(number, deadline) for number in places[key])
            else:
                assert min(places[key]) <= -deadline >> BUCKET_BITS
