"""Expiry beside a naive model: no key is lost, none goes early, and stale entries never pile up."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pyredis.clock import ManualClock
from pyredis.keyspace.database import NO_DEADLINE, Database, Keyspace, KeyspaceListener
from pyredis.keyspace.expiry import HOUR_MS, SWEEP_SLACK, bucket_of, is_in_bucket

KEYS = st.integers(0, 30).map(lambda n: b"k%d" % n)
DISTANCES = st.one_of(
    st.integers(1, 500),
    st.integers(1, 10_000_000),
    st.integers(1, 100_000_000_000),
    st.sampled_from([1, 127, 128, 129, 3_600_000, 3_600_001, 86_400_000, 86_400_001, 30 * 86_400_000 + 1]),
)
SLOWEST_BUCKET_MS = 256


class ExpiredKeys(KeyspaceListener):
    """Collects what expired."""

    def __init__(self) -> None:
        self.keys: list[bytes] = []

    def key_expired(self, database: Database, key: bytes) -> None:
        self.keys.append(key)


class DatabaseBesideModel(RuleBasedStateMachine):
    """A database, a clock, and a dict of deadlines."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.keyspace = Keyspace(1, self.clock)
        self.database = self.keyspace.databases[0]
        self.listener = ExpiredKeys()
        self.keyspace.listener = self.listener
        self.model: dict[bytes, int | None] = {}

    def lapse(self, key: bytes) -> None:
        """What the model does before each look at a key."""
        deadline = self.model.get(key)
        if deadline is not None and deadline <= self.clock.now_ms:
            del self.model[key]

    @rule(key=KEYS)
    def store(self, key: bytes) -> None:
        self.database.store(key, b"v")
        self.model[key] = None

    @rule(key=KEYS, distance=DISTANCES)
    def store_until(self, key: bytes, distance: int) -> None:
        deadline = self.clock.now_ms + distance
        self.database.store_until(key, b"v", deadline)
        self.model[key] = deadline

    @rule(key=KEYS, distance=DISTANCES)
    def set_deadline(self, key: bytes, distance: int) -> None:
        self.lapse(key)
        assert self.database.exists(key) == (key in self.model)
        if key in self.model:
            self.database.set_deadline(key, self.clock.now_ms + distance)
            self.model[key] = self.clock.now_ms + distance

    @rule(key=KEYS)
    def persist(self, key: bytes) -> None:
        self.lapse(key)
        if self.database.exists(key):
            assert self.database.remove_deadline(key) == (self.model[key] is not None)
            self.model[key] = None

    @rule(key=KEYS)
    def delete(self, key: bytes) -> None:
        self.lapse(key)
        assert self.database.delete(key) == (key in self.model)
        self.model.pop(key, None)

    @rule(key=KEYS)
    def look(self, key: bytes) -> None:
        self.lapse(key)
        assert (self.database.lookup_read(key) is not None) == (key in self.model)
        deadline = self.model.get(key)
        assert self.database.deadline(key) == (NO_DEADLINE if deadline is None else deadline)

    @rule(key=KEYS, first=DISTANCES, second=DISTANCES, times=st.integers(1, 60))
    def alternate(self, key: bytes, first: int, second: int, times: int) -> None:
        for _ in range(times):
            self.store(key)
            self.set_deadline(key, first)
            self.set_deadline(key, second)

    @rule(milliseconds=st.one_of(DISTANCES, st.integers(-5_000_000, -1)))
    def pass_time(self, milliseconds: int) -> None:
        self.clock.advance(milliseconds)

    @rule(limit=st.integers(1, 8))
    def expire_some(self, limit: int) -> None:
        self.listener.keys.clear()
        assert self.database.expire_due(limit) <= limit
        for key in self.listener.keys:
            assert self.model.pop(key) <= self.clock.now_ms  # type: ignore[operator]

    @rule()
    def expire_all(self) -> None:
        for _ in range(10_000):
            if not self.database.expire_due(7):
                break
        else:
            raise AssertionError("expiring does not finish")
        for key in list(self.model):
            deadline = self.model[key]
            if deadline is not None and deadline <= self.clock.now_ms - SLOWEST_BUCKET_MS:
                assert not self.database.values.contains(key)
                del self.model[key]
        self.forget_expired()

    def forget_expired(self) -> None:
        """Keys past their deadline may or may not have been met."""
        for key in list(self.model):
            if not self.database.values.contains(key):
                self.lapse(key)
                assert key not in self.model

    @invariant()
    def rules_hold(self) -> None:
        self.database.check()
        assert set(self.model).issuperset(self.database.values.keys())
        assert self.database.expiry.entries <= 3 * 31 + 2 * SWEEP_SLACK


TestDatabaseBesideModel = DatabaseBesideModel.TestCase
TestDatabaseBesideModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def database() -> tuple[Database, ManualClock]:
    clock = ManualClock()
    return Keyspace(1, clock).databases[0], clock


def bound(peak: int, buckets: int) -> int:
    """The queue is tidied from two entries a key on; what is added during the rounds comes on top."""
    return 3 * peak + 2 * SWEEP_SLACK + buckets // 2


PATTERNS = {
    "stored again for the same time": lambda n: (n % 1000, 60_000, True),
    "one key for ever": lambda n: (0, 60_000, True),
    "shorter each time": lambda n: (n % 100, 50_000_000 - n, False),
    "longer each time": lambda n: (n % 100, 1000 + n, False),
    "alternating far and near": lambda n: (n % 1000, 80_000_000 if n // 1000 % 2 else 1_000, True),
    "alternating within a minute": lambda n: (n % 1000, 7_200_000 + (n * 7919) % 60_000, True),
    "scattered": lambda n: (n * 31 % 1000, (n * 7919) % 100_000_000 + 1, True),
}


def test_deadlines_that_are_put_off_after_each_store_do_not_pile_up() -> None:
    base, clock = database()
    for n in range(30_000):
        key = b"k%d" % (n % 200)
        base.store(key, b"v")
        base.set_deadline(key, clock.now_ms + 40_000 + n)
        base.set_deadline(key, clock.now_ms + 4_000_000 + n * 130)
        clock.advance(1)
        assert base.expiry.entries <= bound(200, len(base.expiry.buckets))
        if n % 1000 == 0:
            base.check()


@pytest.mark.parametrize("name", PATTERNS)
def test_the_queue_never_outgrows_the_keys(name: str) -> None:
    base, clock = database()
    pattern = PATTERNS[name]
    peak = 0
    for n in range(30_000):
        number, distance, overwrites = pattern(n)
        key = b"k%d" % number
        if overwrites or not base.exists(key):
            base.store(key, b"v")
        base.set_deadline(key, clock.now_ms + distance)
        peak = max(peak, len(base.expires))
        assert base.expiry.entries <= bound(peak, len(base.expiry.buckets))
        if n % 64 == 0:
            clock.advance(5)
    base.check()


def test_storing_for_longer_again_and_again_adds_no_entries() -> None:
    base, clock = database()
    for _ in range(5000):
        base.store_until(b"k", b"v", clock.now_ms + 60_000)
        clock.advance(10)
    assert base.expiry.entries == 1
    base.check()


def test_persisted_keys_leave_the_queue_without_further_deadlines() -> None:
    base, clock = database()
    for n in range(5000):
        base.store_until(b"k%d" % n, b"v", clock.now_ms + 3_000_000 + n)
    for n in range(5000):
        assert base.remove_deadline(b"k%d" % n)
    for _ in range(20):
        assert base.expire_due(64) == 0
    assert base.expiry.entries <= SWEEP_SLACK
    base.check()


def test_every_key_goes_when_its_time_comes() -> None:
    base, clock = database()
    choose = random.Random(3)
    deadlines: dict[bytes, int] = {}
    for n in range(3000):
        key = b"k%d" % n
        deadlines[key] = clock.now_ms + int(10 ** choose.uniform(1, 10.2))
        base.store_until(key, b"v", deadlines[key])
    for deadline in sorted(deadlines.values())[::37]:
        clock.advance(max(0, deadline - clock.now_ms))
        while base.expire_due(50):
            pass
        for key, due_ms in deadlines.items():
            if due_ms > clock.now_ms:
                assert base.values.contains(key)
            elif due_ms <= clock.now_ms - SLOWEST_BUCKET_MS:
                assert not base.values.contains(key)
    base.check()
    clock.advance(max(deadlines.values()) - clock.now_ms + SLOWEST_BUCKET_MS)
    while base.expire_due(50):
        pass
    assert len(base) == 0
    assert base.expiry.entries == 0
    assert not base.expiry.heap


def test_a_clock_set_back_loses_no_key() -> None:
    base, clock = database()
    for n in range(2000):
        base.store(b"k%d" % (n % 500), b"v")
        base.set_deadline(b"k%d" % (n % 500), clock.now_ms + 600_000 + n)
    clock.advance(-3 * 3_600_000)
    for n in range(4000):
        base.store(b"other", b"v")
        base.set_deadline(b"other", clock.now_ms + 1000 + n)
        if n % 100 == 0:
            base.check()
    clock.advance(4 * 3_600_000)
    while base.expire_due(100):
        pass
    assert len(base) == 0


def test_kept_keys_are_hidden_and_go_when_keeping_ends() -> None:
    base, clock = database()
    base.store_until(b"k", b"v", clock.now_ms + 10)
    base.keyspace.keeps_expired = True
    clock.advance(1000)
    assert base.lookup(b"k") is None
    assert base.lookup_read(b"k") is None
    assert not base.delete(b"k")
    assert base.expire_due(10) == 0
    assert base.values.contains(b"k")
    base.keyspace.keeps_expired = False
    assert base.expire_due(10) == 1
    assert not base.values.contains(b"k")


@pytest.mark.parametrize(
    "distance", [1, 127, *(1 << bits for bits in range(8, 63)), *(3 << bits for bits in range(8, 61))]
)
def test_buckets_begin_after_now_and_not_after_the_deadline(distance: int) -> None:
    now = 1_700_000_000_123
    for deadline in (now + distance, now + distance - 1, now + distance + 1):
        number = bucket_of(deadline, now)
        assert now >> 7 <= number <= deadline >> 7
        assert is_in_bucket(number, deadline)


def test_there_are_few_buckets() -> None:
    base, clock = database()
    choose = random.Random(4)
    for n in range(60_000):
        distance = choose.randrange(1, choose.choice([HOUR_MS, 1 << 33, 1 << 45, 1 << 62]))
        base.store_until(b"k%d" % n, b"v", clock.now_ms + distance)
    assert len(base.expiry.buckets) < 41_000
