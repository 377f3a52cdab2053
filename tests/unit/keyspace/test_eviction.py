"""The choice of keys: fair samples, a pool that keeps the best, every key found in the end."""

from __future__ import annotations

from collections import Counter

import pytest

from pyredis.clock import ManualClock
from pyredis.datatypes.hash_table import HashTable
from pyredis.keyspace.database import NO_DEADLINE, Database, Keyspace
from pyredis.keyspace.eviction import KINDS, POOL_SIZE, Evictor, Sampler

KEYS = 3000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def keyspace(clock: ManualClock) -> Keyspace:
    return Keyspace(3, clock)


def evictor(keyspace: Keyspace, policy: str, samples: int = 5) -> Evictor:
    made = Evictor(keyspace.databases)
    made.follow(policy)
    made.samples = samples
    return made


def evict(chooser: Evictor, count: int) -> list[tuple[int, bytes]]:
    gone: list[tuple[int, bytes]] = []
    for _ in range(count):
        candidate = chooser.choose()
        assert candidate is not None
        assert candidate.database.remove(candidate.key) is not None
        gone.append((candidate.database.index, candidate.key))
        scores = [other.score for other in chooser.pool]
        assert scores == sorted(scores)
        assert len(scores) <= POOL_SIZE
    return gone


def fill(database: Database, clock: ManualClock, count: int = KEYS, every_ms: int = 1000) -> None:
    for number in range(count):
        database.store(b"%d" % number, b"v")
        clock.advance(every_ms)


def test_samples_are_fair() -> None:
    table = HashTable()
    for number in range(2000):
        table.set(b"%d" % number, True)
    sampler = Sampler(table)
    seen = Counter(key for _ in range(20_000) for key in sampler.take(5))
    assert len(seen) == 2000
    mean = seen.total() / 2000
    assert mean >= 45
    # Whole shards are drawn, so the counts of keys vary as those of shards do.
    assert max(seen.values()) < 3 * mean
    assert min(seen.values()) > mean / 3


def test_samples_have_keys_of_all_ages() -> None:
    table = HashTable()
    for number in range(300):
        table.set(b"%d" % number, True)
    sampler = Sampler(table)
    for _ in range(60):
        ages = [int(key) // 60 for key in sampler.take(5)]
        assert sorted(ages) == [0, 1, 2, 3, 4]


def test_a_sample_never_has_a_key_that_is_gone() -> None:
    table = HashTable()
    for number in range(1000):
        table.set(b"%d" % number, True)
    sampler = Sampler(table)
    while table.size:
        for key in sampler.take(5):
            assert table.pop(key)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru", "volatile-ttl", "allkeys-fifo"])
def test_old_keys_go_first(keyspace: Keyspace, clock: ManualClock, policy: str) -> None:
    database = keyspace.databases[1]
    fill(database, clock)
    for number in range(KEYS):
        database.set_deadline(b"%d" % number, clock.now_ms + 1_000_000 + number)
    gone = [int(key) for _, key in evict(evictor(keyspace, policy), KEYS // 4)]
    # A few samples find no exact order, but no key of the younger half should be among them.
    assert sum(number > KEYS // 2 for number in gone) < 5
    assert sum(gone) / len(gone) < KEYS * 0.2


def test_more_samples_choose_better(keyspace: Keyspace, clock: ManualClock) -> None:
    means: list[float] = []
    for samples in (1, 10):
        keyspace.databases[0].flush()
        fill(keyspace.databases[0], clock)
        gone = [int(key) for _, key in evict(evictor(keyspace, "allkeys-lru", samples), KEYS // 4)]
        means.append(sum(gone) / len(gone))
    assert means[1] < means[0]


def test_rarely_used_keys_go_first(keyspace: Keyspace, clock: ManualClock) -> None:
    keyspace.access_policy.log_factor = 0.0
    keyspace.count_frequency(True)
    database = keyspace.databases[0]
    fill(database, clock, every_ms=0)
    for number in range(KEYS // 2):
        for _ in range(3):
            database.lookup_read(b"%d" % number)
    gone = [int(key) for _, key in evict(evictor(keyspace, "allkeys-lfu"), KEYS // 4)]
    assert sum(number < KEYS // 2 for number in gone) < 25


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random", "allkeys-fifo"])
def test_everything_goes_in_the_end(keyspace: Keyspace, clock: ManualClock, policy: str) -> None:
    keyspace.count_frequency(policy.endswith("lfu"))
    for index in (0, 2):
        fill(keyspace.databases[index], clock, 700, 10)
    chooser = evictor(keyspace, policy)
    gone = evict(chooser, 1400)
    assert len(set(gone)) == 1400
    assert chooser.choose() is None


@pytest.mark.parametrize("policy", ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"])
def test_keys_without_a_deadline_stay(keyspace: Keyspace, clock: ManualClock, policy: str) -> None:
    keyspace.count_frequency(policy.endswith("lfu"))
    database = keyspace.databases[0]
    fill(database, clock, 600, 10)
    for number in range(0, 600, 2):
        database.set_deadline(b"%d" % number, clock.now_ms + 1000 + number)
    chooser = evictor(keyspace, policy)
    gone = evict(chooser, 300)
    assert all(int(key) % 2 == 0 for _, key in gone)
    assert chooser.choose() is None
    assert all(database.deadline(key) == NO_DEADLINE for key in database.values.keys())  # noqa: SIM118 - no dict


def test_nothing_goes_under_noeviction(keyspace: Keyspace, clock: ManualClock) -> None:
    fill(keyspace.databases[0], clock, 10)
    assert evictor(keyspace, "noeviction").choose() is None
    assert set(KINDS) == {"noeviction", "random", "lru", "lfu", "ttl", "fifo"}


def test_emptied_and_exchanged_databases_are_no_trouble(keyspace: Keyspace, clock: ManualClock) -> None:
    fill(keyspace.databases[0], clock, 600, 10)
    chooser = evictor(keyspace, "allkeys-lru")
    evict(chooser, 3)
    keyspace.swap(0, 1)
    assert {index for index, _ in evict(chooser, 3)} == {1}
    keyspace.databases[1].flush()
    assert chooser.choose() is None
    fill(keyspace.databases[2], clock, 3)
    assert {index for index, _ in evict(chooser, 3)} == {2}


def test_first_in_first_out_is_exact_while_there_is_one_shard(keyspace: Keyspace, clock: ManualClock) -> None:
    fill(keyspace.databases[0], clock, 200)
    gone = evict(evictor(keyspace, "allkeys-fifo"), 200)
    assert [int(key) for _, key in gone] == list(range(200))
