"""Consumer groups: what has been delivered to whom and not been acknowledged yet.

An entry that a group has delivered is *pending*: the group finds it by ID in a dict, in order in an
`IdList`, and its consumer has it in a list of its own. Groups and consumers are kept in the order of their
creation; Redis shows them in the order of their names.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import Final

from mypy_extensions import i64, mypyc_attr

from pyredis.datatypes.footprint import instance_size, size_of
from pyredis.datatypes.numbers import INT64_MAX, INT64_MIN

CHUNK: Final = 1024


@mypyc_attr(acyclic=True)
class IdList:
    """IDs in order, in chunks of up to `CHUNK`; adding behind the last is O(1), else O(log n + CHUNK)."""

    def __init__(self) -> None:
        self.chunks: list[list[int]] = []
        # A bound below which no ID of the chunk is; its first ID, until that is removed.
        self.lows: list[int] = []
        self.size: i64 = 0

    def add(self, entry_id: int) -> None:
        """Adds an ID that is not there."""
        self.size += 1
        if not self.chunks:
            self.chunks.append([entry_id])
            self.lows.append(entry_id)
            return
        last = self.chunks[-1]
        if entry_id > last[-1]:
            if len(last) < CHUNK:
                last.append(entry_id)
            else:
                self.chunks.append([entry_id])
                self.lows.append(entry_id)
            return
        place = max(bisect_right(self.lows, entry_id) - 1, 0)
        chunk = self.chunks[place]
        insort(chunk, entry_id)
        self.lows[place] = min(self.lows[place], entry_id)
        if len(chunk) > CHUNK:
            upper = chunk[CHUNK // 2 :]
            del chunk[CHUNK // 2 :]
            self.chunks.insert(place + 1, upper)
            self.lows.insert(place + 1, upper[0])

    def remove(self, entry_id: int) -> None:
        """Removes an ID that is there."""
        self.size -= 1
        chunk = self.chunks[0]
        if chunk[0] == entry_id and len(chunk) > 1:  # the oldest is the one most often acknowledged
            del chunk[0]
            return
        place = bisect_right(self.lows, entry_id) - 1
        chunk = self.chunks[place]
        del chunk[bisect_left(chunk, entry_id)]
        if not chunk:
            del self.chunks[place], self.lows[place]

    def first(self) -> int:
        """The lowest ID; there must be one."""
        return self.chunks[0][0]

    def last(self) -> int:
        """The highest ID; there must be one."""
        return self.chunks[-1][-1]

    def between(self, start: int, end: int, limit: i64) -> list[int]:
        """Up to `limit` IDs from `start` to `end`, both included; all without a limit (-1). O(result)."""
        found: list[int] = []
        place = max(bisect_right(self.lows, start) - 1, 0)
        while place < len(self.chunks) and limit != 0:
            chunk = self.chunks[place]
            begin = bisect_left(chunk, start)
            stop = len(chunk)
            if chunk[-1] > end:
                stop = bisect_right(chunk, end)
            if limit >= 0 and stop - begin > limit:
                stop = begin + int(limit)
            if stop > begin:
                found += chunk[begin:stop]
                if limit >= 0:
                    limit -= stop - begin
            if stop < len(chunk):
                break
            place += 1
        return found

    def memory_usage(self) -> int:
        """About how many bytes it takes, without the IDs, which somebody else has, too. O(chunks)."""
        total = instance_size(self) + size_of(self.chunks) + size_of(self.lows)
        return total + sum([size_of(chunk) for chunk in self.chunks])

    def copy(self) -> IdList:
        """An independent copy."""
        other = IdList()
        other.chunks = [chunk[:] for chunk in self.chunks]
        other.lows = self.lows[:]
        other.size = self.size
        return other

    def check(self) -> None:
        """Asserts the rules; O(n), for tests."""
        assert len(self.chunks) == len(self.lows)
        assert self.size == sum([len(chunk) for chunk in self.chunks])
        before = -1
        for chunk, low in zip(self.chunks, self.lows, strict=True):
            assert 0 < len(chunk) <= CHUNK
            assert before < low <= chunk[0]
            assert chunk == sorted(set(chunk))
            before = chunk[-1]


@mypyc_attr(acyclic=True)
class Consumer:
    """One consumer; `active_ms` is -1 until something is delivered to it."""

    def __init__(self, name: bytes, now_ms: i64) -> None:
        self.name: bytes = name
        self.seen_ms: i64 = now_ms
        self.active_ms: i64 = -1
        self.pending: IdList = IdList()


@mypyc_attr(acyclic=True)
class Pending:
    """One entry that was delivered and not acknowledged."""

    def __init__(self, consumer: Consumer, delivered_ms: i64, deliveries: i64) -> None:
        self.consumer: Consumer = consumer
        self.delivered_ms: i64 = delivered_ms
        self.deliveries: i64 = deliveries

    def count_delivery(self) -> None:
        """Counts one delivery more; RETRYCOUNT may have set the number so high that it wraps around."""
        self.deliveries = self.deliveries + 1 if self.deliveries < INT64_MAX else INT64_MIN


@mypyc_attr(acyclic=True)
class Group:
    """One group; `last_id` is that of the last entry delivered, `entries_read` its number, or -1 if unknown."""

    def __init__(self, name: bytes, last_id: int, entries_read: int) -> None:
        self.name: bytes = name
        self.last_id: int = last_id
        self.entries_read: int = entries_read
        self.consumers: dict[bytes, Consumer] = {}
        self.pending: dict[int, Pending] = {}
        self.order: IdList = IdList()

    def add_consumer(self, name: bytes, now_ms: i64) -> Consumer:
        """Creates a consumer."""
        consumer = Consumer(name, now_ms)
        self.consumers[name] = consumer
        return consumer

    def remove_consumer(self, consumer: Consumer) -> None:
        """Removes a consumer and what is pending for it."""
        for entry_id in (
            consumer.pending.between(0, consumer.pending.last(), -1) if consumer.pending.size else []
        ):
            del self.pending[entry_id]
            self.order.remove(entry_id)
        del self.consumers[consumer.name]

    def add_pending(self, entry_id: int, consumer: Consumer, delivered_ms: i64, deliveries: i64) -> Pending:
        """Makes an entry pending that is not yet. O(1) for one behind all others."""
        pending = Pending(consumer, delivered_ms, deliveries)
        self.pending[entry_id] = pending
        self.order.add(entry_id)
        consumer.pending.add(entry_id)
        return pending

    def assign(self, entry_id: int, pending: Pending, consumer: Consumer) -> None:
        """Gives a pending entry to a consumer, who may be the one that has it."""
        if pending.consumer is not consumer:
            pending.consumer.pending.remove(entry_id)
            consumer.pending.add(entry_id)
            pending.consumer = consumer

    def acknowledge(self, entry_id: int) -> bool:
        """Forgets a pending entry; false when there is none. O(log n)."""
        pending = self.pending.pop(entry_id, None)
        if pending is None:
            return False
        self.order.remove(entry_id)
        pending.consumer.pending.remove(entry_id)
        return True

    def memory_usage(self) -> int:
        """About how many bytes it takes. O(consumers)."""
        total = instance_size(self) + size_of(self.name) + size_of(self.consumers) + size_of(self.pending)
        total += self.order.memory_usage()
        for consumer in self.consumers.values():
            total += instance_size(consumer) + size_of(consumer.name) + consumer.pending.memory_usage()
        for entry_id, pending in self.pending.items():
            return total + len(self.pending) * (size_of(entry_id) + instance_size(pending))
        return total

    def copy(self) -> Group:
        """An independent copy. O(n)."""
        other = Group(self.name, self.last_id, self.entries_read)
        for name, consumer in self.consumers.items():
            twin = other.add_consumer(name, consumer.seen_ms)
            twin.active_ms = consumer.active_ms
            twin.pending = consumer.pending.copy()
        for entry_id, pending in self.pending.items():
            owner = other.consumers[pending.consumer.name]
            other.pending[entry_id] = Pending(owner, pending.delivered_ms, pending.deliveries)
        other.order = self.order.copy()
        return other

    def release(self, limit: int) -> bool:
        """Frees up to `limit` pending entries of a group that nobody needs any more."""
        while limit > 0 and self.pending:
            self.pending.popitem()
            limit -= 1
        return bool(self.pending)

    def check(self) -> None:
        """Asserts the rules; O(n), for tests."""
        self.order.check()
        assert self.order.between(0, 1 << 128, -1) == sorted(self.pending)
        total: i64 = 0
        for name, consumer in self.consumers.items():
            assert consumer.name == name
            consumer.pending.check()
            total += consumer.pending.size
            for entry_id in consumer.pending.between(0, 1 << 128, -1):
                assert self.pending[entry_id].consumer is consumer
        assert total == len(self.pending)


def in_name_order(names: dict[bytes, Group] | dict[bytes, Consumer]) -> list[bytes]:
    """The names of groups or consumers in the order in which replies list them."""
    return sorted(names)
