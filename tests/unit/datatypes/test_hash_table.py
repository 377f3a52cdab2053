"""The hash table beside a dict, with shards so small that every structural change happens all the time."""

from __future__ import annotations

import random
from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from librt.random import seed

from pyredis.datatypes.footprint import size_of
from pyredis.datatypes.hash_table import POINTS, SHARDS_MEASURED, SPLIT_AT, HashTable, point_of, shard_hash

KEYS = st.integers(0, 400).map(lambda n: b"key:%d" % n)


class TableBesideDict(RuleBasedStateMachine):
    """The table does what a dict does, and a scan returns every key that stays from its start to its end."""

    def __init__(self) -> None:
        super().__init__()
        seed(23)  # what is drawn follows from the steps, so that they can be repeated
        self.table = HashTable(4)
        self.model: dict[bytes, int] = {}
        self.cursor = 0
        self.owed: set[bytes] = set()
        self.known: set[bytes] = set()

    @initialize(split_at=st.sampled_from([4, 12, 32]), expected=st.sampled_from([0, 0, 20, 300]))
    def choose_size(self, split_at: int, expected: int) -> None:
        self.table = HashTable(split_at)
        self.table.reserve(expected)
        self.has_room = expected > 0

    @rule(key=KEYS, value=st.integers())
    def put(self, key: bytes, value: int) -> None:
        assert self.table.set(key, value) == (key not in self.model)
        self.model[key] = value
        self.known.add(key)

    @rule(first=st.integers(0, 400), count=st.integers(1, 80), value=st.integers())
    def put_many(self, first: int, count: int, value: int) -> None:
        for number in range(first, first + count):
            self.put(b"key:%d" % number, value)

    @rule(key=KEYS)
    def take(self, key: bytes) -> None:
        assert self.table.pop(key) == self.model.pop(key, None)
        self.owed.discard(key)

    @rule(first=st.integers(0, 400), count=st.integers(1, 200))
    def take_many(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            self.take(b"key:%d" % number)

    @rule(key=KEYS)
    def look(self, key: bytes) -> None:
        assert self.table.get(key) == self.model.get(key)
        assert self.table.contains(key) == (key in self.model)

    @precondition(lambda self: self.cursor == 0)
    @rule(count=st.integers(1, 12))
    def begin_scan(self, count: int) -> None:
        self.owed = set(self.model)
        self.known = set(self.model)
        self.scan(count)

    @precondition(lambda self: self.cursor != 0)
    @rule(count=st.integers(1, 12))
    def go_on_scanning(self, count: int) -> None:
        self.scan(count)

    def scan(self, count: int) -> None:
        self.cursor, found = self.table.scan(self.cursor, count)
        assert len(found) <= count
        assert self.known.issuperset(found)
        self.owed.difference_update(found)
        if self.cursor == 0:
            assert not self.owed

    @precondition(lambda self: self.model)
    @rule()
    def draw(self) -> None:
        assert self.table.random_key() in self.model

    @precondition(lambda self: self.model)
    @rule(count=st.integers(1, 60))
    def pop_random(self, count: int) -> None:
        for _ in range(min(count, len(self.model))):
            key = self.table.pop_random()
            del self.model[key]
            self.owed.discard(key)

    @rule(count=st.integers(1, 9))
    def sample(self, count: int) -> None:
        items = self.table.some_items(count)
        assert bool(items) == bool(self.model)
        assert len(items) <= count
        assert all(self.model[key] == value for key, value in items)

    @invariant()
    def agrees(self) -> None:
        self.table.check()
        assert len(self.table) == len(self.model)
        assert dict(self.table.items()) == self.model
        assert sorted(self.table.keys()) == sorted(self.model)

    def teardown(self) -> None:
        for key in list(self.model):
            self.take(key)
        self.table.check()
        assert len(self.table.directory) == 1 or self.has_room  # where no key ever was, nothing shrinks
        while self.cursor:
            self.scan(3)


TestTableBesideDict = TableBesideDict.TestCase
TestTableBesideDict.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def filled(count: int, split_at: int = SPLIT_AT) -> HashTable:
    table = HashTable(split_at)
    for number in range(count):
        table.set(b"key:%012d" % number, number)
    return table


def scan_all(table: HashTable, count: int) -> list[bytes]:
    cursor, found = table.scan(0, count)
    calls = 1
    while cursor:
        cursor, more = table.scan(cursor, count)
        found += more
        calls += 1
        assert calls <= 4 * table.size // count + 4 * len(table.directory) + 4
    return found


@pytest.mark.parametrize("count", [1, 10, 1000, 10**18])
def test_a_scan_of_a_resting_table_returns_each_key_once(count: int) -> None:
    table = filled(3000, 64)
    found = scan_all(table, count)
    assert sorted(found) == sorted(table.keys())


def test_any_number_is_a_cursor() -> None:
    table = filled(500, 16)
    choose = random.Random(1)
    for _ in range(500):
        cursor, found = table.scan(choose.getrandbits(64), 10)
        assert 0 <= cursor < 1 << 64
        assert all(table.contains(key) for key in found)


def test_cursors_of_even_tables_are_exact_as_doubles() -> None:
    table = filled(20_000)
    cursor = 1
    largest = 0
    while cursor:
        cursor, _ = table.scan(0 if cursor == 1 else cursor, 100)
        largest = max(largest, cursor)
    assert 0 < largest < 1 << 53


def test_scanning_an_emptied_table_gives_way_after_a_bounded_number_of_shards() -> None:
    table = filled(4000, 8)
    for number in range(4000):
        if shard_hash(b"key:%012d" % number) & 7:
            table.pop(b"key:%012d" % number)
    cursor, calls = table.scan(0, 1)[0], 1
    while cursor:
        cursor, found = table.scan(cursor, 1)
        calls += 1
        assert len(found) <= 1
    assert calls <= len(table) + len(table.directory)


@pytest.mark.parametrize("number", range(40))
def test_a_scan_misses_nothing_while_the_table_swells_and_shrinks(number: int) -> None:
    """Between any two calls thousands of keys may come and go; those that stay are all returned."""
    choose = random.Random(number)
    table = HashTable(choose.choice([8, 16, 32]))
    staying = {b"stay:%d" % n for n in range(choose.choice([5, 40, 200]))}
    passing = [b"pass:%d" % n for n in range(1500)]
    arrivals = [*staying, *passing[:600]]
    choose.shuffle(arrivals)
    for key in arrivals:
        table.set(key, 1)
    merges = table.merges
    for count in (1, 3, 10):
        cursor, missing, calls = 0, set(staying), 0
        while calls == 0 or cursor:
            cursor, found = table.scan(cursor, count)
            missing.difference_update(found)
            calls += 1
            # Changes stop after a while, or a scan of one key at a time would never outrun them.
            if calls < 400 and choose.random() < 0.5:
                act = table.pop if choose.random() < 0.5 else lambda key: table.set(key, 1)
                for key in choose.sample(passing, choose.choice([5, 200, 1500])):
                    act(key)
        assert not missing
        table.check()
    assert table.merges > merges


def chi_square(drawn: Counter[bytes], keys: list[bytes]) -> float:
    expected = sum(drawn.values()) / len(keys)
    return sum((drawn[key] - expected) ** 2 / expected for key in keys)


def draw(table: HashTable, count: int) -> Counter[bytes]:
    return Counter([table.random_key() for _ in range(count)])


def limit(freedom: int) -> float:
    """More than eight standard deviations above the mean: never by chance."""
    return freedom + 8 * (2 * freedom) ** 0.5


@pytest.mark.parametrize(("count", "split_at"), [(40, SPLIT_AT), (400, 4), (400, 32), (3000, SPLIT_AT)])
def test_random_keys_are_uniform(count: int, split_at: int) -> None:
    seed(20)
    table = filled(count, split_at)
    assert chi_square(draw(table, 40 * count), table.keys()) < limit(count - 1)


def test_random_keys_are_uniform_in_an_uneven_table() -> None:
    seed(21)
    table = filled(2000, 8)
    for number in range(2000):
        if shard_hash(b"key:%012d" % number) & 15:
            table.pop(b"key:%012d" % number)
    table.check()
    assert len(table.directory) > 16
    assert chi_square(draw(table, 60 * len(table)), table.keys()) < limit(len(table) - 1)


def test_room_for_as_many_keys_as_expected_needs_no_split() -> None:
    table = HashTable()
    table.reserve(30_000)
    shards = len(table.shards())
    for number in range(30_000):
        table.set(b"key:%d" % number, number)
    table.check()
    assert len(table.shards()) == shards < 300
    table.reserve(1_000_000)  # too late: nothing happens
    assert len(table.shards()) == shards


def test_a_table_that_is_emptied_at_random_is_emptied_evenly_and_draws_stay_cheap() -> None:
    seed(22)
    gone = Counter[bytes]()
    for _ in range(40):
        table = filled(500, 16)
        gone.update(table.pop_random() for _ in range(400))
        assert table.size == 100
        table.check()
        assert table.bound < 16
        for key in gone:
            table.set(key, 1)
        table.check()
    assert chi_square(gone, filled(500, 16).keys()) < limit(499)


def colliding_keys(count: int, bits: int) -> list[bytes]:
    """Keys that agree in the low bits of their hash, as somebody who wished us ill might send."""
    mask = (1 << bits) - 1
    wanted = shard_hash(b"0") & mask
    found: list[bytes] = []
    number = 0
    while len(found) < count:
        key = b"%d" % number
        if shard_hash(key) & mask == wanted:
            found.append(key)
        number += 1
    return found


def test_colliding_keys_bloat_no_directory_and_can_still_be_drawn() -> None:
    seed(22)
    table = HashTable(4)
    keys = colliding_keys(60, 9)
    for key in keys:
        table.set(key, 1)
        table.check()
    assert len(table.directory) <= 16 * len(keys)
    assert max(map(len, table.shards())) > 4
    assert sorted(scan_all(table, 7)) == sorted(keys)
    assert chi_square(draw(table, 3000), keys) < limit(len(keys) - 1)
    for key in keys[1:]:
        table.pop(key)
        table.check()
    assert table.random_key() == keys[0]


def test_the_bound_of_random_draws_recovers_when_a_large_shard_has_gone() -> None:
    table = HashTable(4)
    keys = colliding_keys(40, 9)
    for key in keys:
        table.set(key, 1)
    for key in keys:
        table.pop(key)
    table.set(b"a", 1)
    table.set(b"b", 1)
    table.bound = 1_000_000
    for number in range(30):
        table.set(b"other:%d" % number, 1)
    table.random_key()
    assert table.bound < 1_000_000
    table.check()


def test_taking_shards_frees_every_key_once() -> None:
    table = filled(1000, 8)
    freed: list[bytes] = []
    while table.directory:
        freed += table.take_shard()
    assert sorted(freed) == [b"key:%012d" % number for number in range(1000)]
    assert table.size == 0


def test_taking_shards_skips_empty_ones() -> None:
    table = filled(64, 8)
    for number in range(60):
        table.pop(b"key:%012d" % number)
    freed: list[bytes] = []
    while table.directory:
        freed += table.take_shard()
    assert len(freed) == 4


FAMILIES = {
    "redis-benchmark": [b"key:%012d" % n for n in range(20_000)],
    "small integers": [b"%d" % n for n in range(20_000)],
    "prefix and number": [b"user:%d" % n for n in range(20_000)],
    "same ends": [b"session:%08d:attributes:profile:v1" % n for n in range(20_000)],
    "number, long suffix": [b"%d:the/same/rather/long/suffix/for/all/of/them" % n for n in range(20_000)],
    "long prefix": [b"application:production:eu-west-1:cache:page:%d" % n for n in range(20_000)],
    "binary counters": [n.to_bytes(8, "big") for n in range(20_000)],
    "binary counters, little": [n.to_bytes(4, "little") for n in range(20_000)],
    "steps of a power of two": [(n << 32).to_bytes(8, "little") for n in range(20_000)],
    "lengths": [b"x" * n for n in range(4000)],
    "zeros": [b"\0" * n for n in range(4000)],
}


def uuids() -> list[bytes]:
    choose = random.Random(5)
    return [b"user:" + str(UUID(int=choose.getrandbits(128))).encode() for _ in range(20_000)]


@pytest.mark.parametrize("name", [*FAMILIES, "uuid"])
@pytest.mark.parametrize("shift", [0, 16, 32])
def test_hashes_of_common_keys_are_even(name: str, shift: int) -> None:
    keys = uuids() if name == "uuid" else FAMILIES[name]
    buckets = Counter([(shard_hash(key) >> shift) & 63 for key in keys])
    expected = len(keys) / 64
    assert sum((buckets[n] - expected) ** 2 / expected for n in range(64)) < limit(63)


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_hash_follows_equality(one: bytes, two: bytes) -> None:
    assert shard_hash(one) == shard_hash(bytes(bytearray(one)))
    if one != two:
        assert shard_hash(one) != shard_hash(two)


def test_a_prefix_does_not_hash_like_its_extension_by_zeros() -> None:
    assert len({shard_hash(b"k" + b"\0" * n) for n in range(100)}) == 100


def test_a_walk_by_points_takes_every_key_once() -> None:
    table = HashTable(4)
    for number in range(500):
        table.set(b"%d" % number, number)
    point = 0
    taken: list[bytes] = []
    while point < POINTS:
        start, end, shard = table.shard_at(point)
        assert start == point < end
        assert all(start <= point_of(key) < end for key in shard)
        taken += shard
        point = end
    assert sorted(taken) == sorted(table.keys())


def test_the_size_of_many_shards_is_estimated() -> None:
    table = HashTable(8)
    for number in range(30_000):
        table.set(b"key:%d" % number, b"v")
    assert table.mask >= SHARDS_MEASURED
    exact = sum(size_of(shard) for shard in table.shards())
    assert 0.95 * exact < table._estimated_shards() < 1.05 * exact
    assert table.overhead() > 0.95 * exact
