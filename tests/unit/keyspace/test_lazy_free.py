"""Freeing bit by bit, seen through the two counters and through weak references."""

from __future__ import annotations

import weakref

from pyredis.clock import ManualClock
from pyredis.datatypes.hash_table import HashTable
from pyredis.datatypes.sorted_set import SortedSet
from pyredis.keyspace.database import Database, Keyspace
from pyredis.keyspace.expiry import ExpiryQueue
from pyredis.keyspace.lazy_free import VALUE_SLICE, LazyFree


def heap(parts: int) -> SortedSet:
    """A value of so many parts that can be freed in slices."""
    value = SortedSet()
    for number in range(parts):
        value.put(b"member:%d" % number, float(number), 0, 0)
    assert value.free_effort() == parts
    return value


def database() -> Database:
    return Keyspace(1, ManualClock()).databases[0]


def drain(lazy_free: LazyFree) -> int:
    steps = 0
    while lazy_free.has_work():
        lazy_free.step()
        steps += 1
        assert steps < 10_000
    return steps


def test_small_values_are_freed_at_once_and_not_counted() -> None:
    lazy_free = LazyFree()
    for value in (b"x" * 1000, bytearray(b"y" * 1000), 5, None, heap(64)):
        lazy_free.add_value(value)
    assert not lazy_free.has_work()
    assert (lazy_free.pending, lazy_free.freed) == (0, 0)


def test_a_large_value_is_freed_in_slices() -> None:
    lazy_free = LazyFree()
    lazy_free.add_value(heap(5 * VALUE_SLICE))
    assert (lazy_free.pending, lazy_free.freed) == (1, 0)
    assert drain(lazy_free) >= 5
    assert (lazy_free.pending, lazy_free.freed) == (0, 1)


def test_a_flushed_database_is_freed_shard_by_shard() -> None:
    base = database()
    for n in range(5000):
        base.store_until(b"k%d" % n, b"v", base.clock.now_ms + 1000 * n + 1)
    lazy_free = base.keyspace.lazy_free
    values, expires, queue = (
        map(weakref.ref, (base.values, base.expires, base.expiry)) if weakrefs() else (None,) * 3
    )
    assert base.flush(True) == 5000
    assert len(base) == 0
    assert (lazy_free.pending, lazy_free.freed) == (5000, 0)
    freed = [0]
    while lazy_free.step():
        assert lazy_free.pending + lazy_free.freed == 5000
        assert lazy_free.freed - freed[-1] <= 400
        freed.append(int(lazy_free.freed))
    assert len(freed) > 15
    assert (lazy_free.pending, lazy_free.freed) == (0, 5000)
    for reference in (values, expires, queue):
        assert reference is None or reference() is None
    base.check()


def weakrefs() -> bool:
    """Whether the tables can be referred to weakly: not when they are compiled."""
    try:
        weakref.ref(HashTable())
    except TypeError:
        return False
    return True


def test_large_values_of_a_flushed_database_are_freed_in_slices_too() -> None:
    base = database()
    base.store(b"large", heap(3 * VALUE_SLICE))
    base.store(b"small", heap(3))
    base.store(b"string", b"v")
    lazy_free = base.keyspace.lazy_free
    base.flush(True)
    assert lazy_free.pending == 3
    assert drain(lazy_free) >= 4
    assert (lazy_free.pending, lazy_free.freed) == (0, 3)


def test_flushing_at_once_queues_nothing() -> None:
    base = database()
    base.store(b"k", heap(1000))
    assert base.flush() == 1
    assert not base.keyspace.lazy_free.has_work()


def test_an_empty_database_queues_nothing() -> None:
    base = database()
    assert base.flush(True) == 0
    assert not base.keyspace.lazy_free.has_work()


def test_stale_entries_of_the_expiry_queue_are_freed() -> None:
    queue = ExpiryQueue(HashTable())
    for n in range(5000):
        queue.add(b"k%d" % n, 10_000_000 + n * 50, 0)
    steps = 1
    while queue.release():
        steps += 1
    assert steps >= 5
    assert not queue.buckets


def test_unlink_expiry_and_delete_queue_what_they_are_told_to() -> None:
    base = database()
    lazy_free = base.keyspace.lazy_free
    base.store(b"a", heap(100))
    assert base.delete(b"a")
    assert lazy_free.pending == 0
    base.store(b"a", heap(100))
    assert base.delete(b"a", True)
    assert lazy_free.pending == 1
    base.store_until(b"b", heap(100), base.clock.now_ms - 1)
    assert base.peek(b"b") is None
    assert lazy_free.pending == 1
    base.keyspace.lazy_expire = True
    base.store_until(b"b", heap(100), base.clock.now_ms - 1)
    assert base.peek(b"b") is None
    assert lazy_free.pending == 2
