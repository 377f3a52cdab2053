"""Access times and frequencies, against a dict that remembers exactly."""

from __future__ import annotations

import random

import pytest
from librt.random import seed

from pyredis.clock import ManualClock
from pyredis.keyspace.access import CHUNK_SLOTS, KEYS_A_CHUNK, AccessPolicy, AccessTable

Table = tuple[AccessTable, ManualClock, AccessPolicy]


def make(is_exact: bool) -> Table:
    clock = ManualClock()
    policy = AccessPolicy(clock)
    return AccessTable(policy, is_exact), clock, policy


@pytest.fixture(params=[False, True], ids=["slots", "exact"])
def table(request: pytest.FixtureRequest) -> Table:
    """Both forms, whichever the build would choose."""
    return make(request.param)


@pytest.fixture
def slots() -> Table:
    return make(False)


def test_idle_time_counts_whole_seconds_of_the_clock(table: Table) -> None:
    access, clock, _ = table
    clock.advance(-(clock.now_ms % 1000))
    access.begin(b"k", 1)
    clock.advance(999)
    assert access.idle_seconds(b"k") == 0
    clock.advance(1)
    assert access.idle_seconds(b"k") == 1
    clock.advance(100_000_000)
    assert access.idle_seconds(b"k") == 100_001
    access.mark(b"k")
    assert access.idle_seconds(b"k") == 0


def test_a_clock_set_back_makes_no_idle_time_negative(table: Table) -> None:
    access, clock, _ = table
    access.begin(b"k", 1)
    clock.advance(-5000)
    assert access.idle_seconds(b"k") == 0


def test_idle_time_can_be_set_and_carried(table: Table) -> None:
    access, clock, policy = table
    other = AccessTable(policy, access.is_exact)
    access.begin(b"k", 1)
    access.set_idle(b"k", 77)
    assert access.idle_seconds(b"k") == 77
    other.begin(b"n", 1)
    other.carry(b"n", access, b"k")
    clock.advance(3000)
    assert other.idle_seconds(b"n") == 80


def test_idle_times_are_never_longer_than_the_truth_and_seldom_shorter(slots: Table) -> None:
    access, clock, _ = slots
    choose = random.Random(1)
    keys = [b"key:%d" % n for n in range(3000)]
    last: dict[bytes, int] = {}
    for count, key in enumerate(keys):
        access.begin(key, count + 1)
        last[key] = clock.now_ms // 1000
    for _ in range(6000):
        key = choose.choice(keys)
        access.mark(key)
        last[key] = clock.now_ms // 1000
        clock.advance(500)
    truth = {key: clock.now_ms // 1000 - second for key, second in last.items()}
    told = {key: access.idle_seconds(key) for key in keys}
    assert all(told[key] <= truth[key] for key in keys)
    wrong = sum(told[key] != truth[key] for key in keys)
    assert wrong < 300  # each shares its slot with one in 22 others, at most


def test_growing_forgets_nothing(slots: Table) -> None:
    access, _, _ = slots
    count = KEYS_A_CHUNK * 5 + 17
    marked = set(range(0, count, 97))
    for n in range(count):
        access.begin(b"key:%d" % n, n + 1)
        if n in marked:
            access.set_idle(b"key:%d" % n, 1000)
    assert access.count == 6
    assert len(access.chunks) == 6
    told = [access.idle_seconds(b"key:%d" % n) for n in marked]
    assert set(told) <= {0, 1000}
    assert told.count(1000) > len(told) // 2


def test_slots_are_used_evenly(slots: Table) -> None:
    access, clock, _ = slots
    clock.advance(1_000_000)
    for n in range(KEYS_A_CHUNK * 3):
        access.begin(b"key:%d" % n, n + 1)
    for chunk in access.chunks:
        used = sum(slot != 0 for slot in chunk)
        assert used > CHUNK_SLOTS // 4


def test_a_client_that_leaves_no_trace(table: Table) -> None:
    access, clock, policy = table
    access.begin(b"k", 1)
    clock.advance(5000)
    policy.is_touching = False
    access.mark(b"k")
    assert access.idle_seconds(b"k") == 5
    access.mark_anyway(b"k")
    assert access.idle_seconds(b"k") == 0


def test_frequency_begins_at_five_and_grows_ever_more_slowly(table: Table) -> None:
    seed(7)
    access, _, policy = table
    policy.counts_frequency = True
    access.begin(b"k", 1)
    assert access.frequency(b"k") == 5
    access.mark(b"k")
    assert access.frequency(b"k") == 6
    grown: list[int] = []
    for _ in range(3):
        for _ in range(1000):
            access.mark(b"k")
        grown.append(access.frequency(b"k"))
    assert 10 < grown[0] < 30
    assert grown[2] - grown[1] < grown[0]


def test_without_a_factor_every_access_counts_up_to_the_highest(table: Table) -> None:
    access, _, policy = table
    policy.counts_frequency = True
    policy.log_factor = 0.0
    access.begin(b"k", 1)
    for _ in range(300):
        access.mark(b"k")
    assert access.frequency(b"k") == 255


@pytest.mark.parametrize(
    ("decay", "minutes", "left"), [(1, 10, 90), (5, 10, 98), (0, 10_000, 100), (1, 200, 0)]
)
def test_frequency_decays(table: Table, decay: int, minutes: int, left: int) -> None:
    access, clock, policy = table
    policy.counts_frequency = True
    policy.decay_minutes = decay
    access.begin(b"k", 1)
    access.set_frequency(b"k", 100)
    clock.advance(minutes * 60_000)
    assert access.frequency(b"k") == left


def test_frequency_survives_the_wrap_of_the_minutes(table: Table) -> None:
    access, clock, policy = table
    policy.counts_frequency = True
    clock.advance((0xFFFF - (clock.now_ms // 60_000) % 0x10000) * 60_000)
    access.begin(b"k", 1)
    access.set_frequency(b"k", 50)
    clock.advance(3 * 60_000)
    assert access.frequency(b"k") == 48


def test_a_new_value_is_fresh_but_as_often_used_as_the_old_one(table: Table) -> None:
    access, clock, policy = table
    access.begin(b"k", 1)
    clock.advance(9000)
    access.renew(b"k")
    assert access.idle_seconds(b"k") == 0
    clock.advance(9000)
    access.refresh(b"k")
    assert access.idle_seconds(b"k") == 0
    policy.counts_frequency = True
    policy.log_factor = 0.0
    access.set_frequency(b"k", 40)
    access.refresh(b"k")
    assert access.frequency(b"k") == 40
    access.renew(b"k")
    assert access.frequency(b"k") == 41


def test_the_field_of_debug_object_is_that_of_redis(table: Table) -> None:
    access, clock, policy = table
    access.begin(b"k", 1)
    assert access.lru_field(b"k") == clock.now_ms // 1000 & 0xFFFFFF
    policy.counts_frequency = True
    access.begin(b"k", 1)
    assert access.lru_field(b"k") == (clock.now_ms // 60_000 & 0xFFFF) << 8 | 5


def test_a_change_of_policy_starts_all_histories_anew(table: Table) -> None:
    access, clock, policy = table
    access.begin(b"k", 1)
    clock.advance(50_000)
    policy.counts_frequency = True
    access.restart()
    assert access.frequency(b"k") == 5
    policy.counts_frequency = False
    access.restart()
    assert access.idle_seconds(b"k") == 0


def test_lookups_may_write_the_time_themselves_where_nothing_else_is_to_be_done() -> None:
    access, clock, policy = make(True)
    assert access.plain is access.exact
    access.plain[b"k"] = clock.now_ms
    clock.advance(4000)
    assert access.idle_seconds(b"k") == 4
    policy.is_touching = False
    access.follow()
    assert access.plain is None
    policy.is_touching = True
    policy.counts_frequency = True
    access.restart()
    assert access.plain is None
    assert access.frequency(b"k") == 5
    policy.counts_frequency = False
    access.restart()
    assert access.plain is access.exact
    access.forget(b"k")
    assert not access.exact
    assert make(False)[0].plain is None
