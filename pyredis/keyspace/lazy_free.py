"""Freeing memory later, a little at a time: what UNLINK and FLUSHALL ASYNC leave behind.

Redis hands large values to a thread. Here the dead wait in a queue, and the cron frees a few of them whenever
it comes round: a table shard by shard, a large value slice by slice. Nobody can reach them any more; only
memory, and the two counters that INFO shows, tell that they exist. As in Redis they count objects: each key
of a flushed database, and each large value unlinked.
"""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import i64

from pyredis.datatypes.hash_table import HashTable
from pyredis.datatypes.value import Value
from pyredis.keyspace.expiry import ExpiryQueue

EFFORT_THRESHOLD: Final[i64] = 64
"""Parts beyond which freeing a value is put off; what has fewer is freed faster than it is queued."""

VALUE_SLICE: Final[i64] = 512
"""Elements of a large value that are freed at a time."""


class LazyFree:
    """The queue of one keyspace; `pending` and `freed` are what INFO tells."""

    def __init__(self) -> None:
        self.pending: i64 = 0
        self.freed: i64 = 0
        self.values: list[Value] = []
        self.tables: list[HashTable] = []
        self.deadlines: list[HashTable] = []
        self.queues: list[ExpiryQueue] = []

    def add_value(self, value: Any) -> None:
        """Takes over a value that was removed, if freeing it at once would be felt; the caller forgets it."""
        if isinstance(value, Value) and value.free_effort() > EFFORT_THRESHOLD:
            self.pending += 1
            self.values.append(value)

    def add_database(self, values: HashTable, expires: HashTable, queue: ExpiryQueue) -> None:
        """Takes over the tables of a database that has been flushed."""
        if values.size:
            self.pending += values.size
            self.tables.append(values)
        if expires.size:
            self.deadlines.append(expires)
        if queue.entries:
            self.queues.append(queue)

    def has_work(self) -> bool:
        """Whether anything waits."""
        return bool(self.values or self.tables or self.deadlines or self.queues)

    def step(self) -> bool:
        """Frees a little, up to a few hundred objects or 50 us worth; false when nothing is left."""
        if self.queues:
            if not self.queues[-1].release():
                self.queues.pop()
        elif self.deadlines:
            self.deadlines[-1].take_shard()
            if not self.deadlines[-1].directory:
                self.deadlines.pop()
        elif self.values:
            if not self.values[-1].release(VALUE_SLICE):
                self.values.pop()
                self._count(1)
        elif self.tables:
            self._release_shard(self.tables[-1])
        return self.has_work()

    def _release_shard(self, table: HashTable) -> None:
        """Frees a shard of values but for the large ones, which join the queue."""
        shard = table.take_shard()
        if not table.directory:
            self.tables.pop()
        kept = [
            value
            for value in shard.values()
            if isinstance(value, Value) and value.free_effort() > EFFORT_THRESHOLD
        ]
        self.values += kept
        self._count(len(shard) - len(kept))

    def _count(self, objects: i64) -> None:
        self.pending -= objects
        self.freed += objects
