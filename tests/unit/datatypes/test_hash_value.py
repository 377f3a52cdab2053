"""The hash beside a naive model: a list of pairs with deadlines."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pyredis.datatypes import packed_hash
from pyredis.datatypes.digest import Digest
from pyredis.datatypes.field_deadlines import HEAP_FROM, NO_DEADLINE, FieldDeadlines
from pyredis.datatypes.hash_value import FIELDS, PAIRS, VALUES, HashValue, from_pairs
from pyredis.datatypes.packed_hash import MAX_BYTES, MAX_FIELDS, MAX_TABLE_FIELDS, NOT_THERE, pack

TRICKY = [
    b"", b"a", b"$", b"$2", b"$1\r\na", b"\r\n", b"\n", b"$1\r\na\r\n", b"x$2", b"\x00", b"ab", b"x" * 7, b"x" * 8,
]  # fmt: skip
FIELD = st.one_of(
    st.integers(0, 25).map(lambda n: b"field:%d" % n),
    st.sampled_from([*TRICKY, b"y" * 64, b"y" * 65]),
    st.binary(max_size=9),
)
VALUE = st.one_of(
    st.sampled_from([*TRICKY, b"field:1", b"z" * 64, b"z" * 65, b"z" * 1200]), st.binary(max_size=20)
)
DEADLINE = st.integers(1, 30)


class Model:
    """What a hash means: pairs in the order of a listpack, and deadlines with the turn in which they were set."""

    def __init__(self) -> None:
        self.pairs: dict[bytes, bytes] = {}
        self.deadlines: dict[bytes, tuple[int, int]] = {}
        self.turn = 0

    def put(self, field: bytes, value: bytes, keeps: bool = False) -> bool:
        is_new = field not in self.pairs
        self.pairs[field] = value
        if not keeps:
            self.persist(field)
        return is_new

    def persist(self, field: bytes) -> bool:
        if field not in self.deadlines:
            return False
        del self.deadlines[field]
        self.pairs[field] = self.pairs.pop(field)
        return True

    def expire_at(self, field: bytes, deadline: int) -> None:
        self.turn += 1
        self.deadlines[field] = (deadline, -self.turn)

    def remove(self, field: bytes) -> bool:
        self.deadlines.pop(field, None)
        return self.pairs.pop(field, None) is not None

    def ordered(self) -> list[tuple[bytes, bytes]]:
        first = sorted(self.deadlines, key=lambda field: self.deadlines[field])
        rest = [field for field in self.pairs if field not in self.deadlines]
        return [(field, self.pairs[field]) for field in first + rest]


class HashMachine(RuleBasedStateMachine):
    """One hash that may be a listpack of up to `max_entries` fields, changed step by step."""

    max_entries = 8
    max_value = 64

    def __init__(self) -> None:
        super().__init__()
        self.value = HashValue()
        self.model = Model()
        self.was_large = False
        self.was_extended = False

    def noted(self, *texts: bytes) -> None:
        """Follows the limits of a listpack."""
        longest = max(map(len, texts))
        self.was_large |= longest > self.max_value or len(self.model.pairs) > self.max_entries

    @rule(field=FIELD, text=VALUE, keeps=st.booleans())
    def put(self, field: bytes, text: bytes, keeps: bool) -> None:
        is_new = self.model.put(field, text, keeps)
        assert self.value.put(field, text, self.max_entries, self.max_value, keeps) == is_new
        self.noted(field, text)

    @rule(pairs=st.lists(st.tuples(FIELD, VALUE), min_size=1, max_size=12), skipped=st.integers(0, 2))
    def put_all(self, pairs: list[tuple[bytes, bytes]], skipped: int) -> None:
        texts = [b"?"] * skipped + [text for pair in pairs for text in pair]
        added = sum([self.model.put(*pair) for pair in pairs])
        assert self.value.put_all(texts, skipped, self.max_entries, self.max_value) == added
        self.was_large |= len(pairs) > self.max_entries
        self.noted(*texts[skipped:])

    @rule(data=st.data())
    def put_the_same_fields(self, data: st.DataObject) -> None:
        pairs = [(field, data.draw(VALUE)) for field, _ in self.model.ordered()]
        if pairs:
            self.put_all(pairs, 0)

    @rule(start=st.integers(0, 200), count=st.integers(1, 40))
    def put_many(self, start: int, count: int) -> None:
        for number in range(start, start + count):
            self.put(b"many:%d" % number, b"%d" % number, False)

    @rule(field=FIELD)
    def remove(self, field: bytes) -> None:
        assert self.value.remove(field) == self.model.remove(field)

    @rule(field=FIELD, deadline=DEADLINE)
    def set_deadline(self, field: bytes, deadline: int) -> None:
        if field in self.model.pairs:
            self.value.set_deadline(field, deadline)
            self.model.expire_at(field, deadline)
            self.was_extended = True

    @rule(deadline=DEADLINE, step=st.integers(0, 3))
    def set_deadline_of_all(self, deadline: int, step: int) -> None:
        for field in list(self.model.pairs):
            self.set_deadline(field, deadline)
            deadline += step

    @rule(field=FIELD)
    def persist(self, field: bytes) -> None:
        assert self.value.persist(field) == self.model.persist(field)

    @rule()
    def extend(self) -> None:
        self.value.extend()
        self.was_extended = True

    @rule(now=DEADLINE, limit=st.integers(1, 50))
    def expire(self, now: int, limit: int) -> None:
        deadlines = self.value.extend()
        self.was_extended = True
        due = deadlines.due(now, limit)
        expected = sorted(at for at, _ in self.model.deadlines.values() if at <= now)
        assert [self.model.deadlines[field][0] for field in due] == expected[:limit]
        assert len(set(due)) == len(due)
        for field in due:
            assert self.value.remove(field)
            self.model.remove(field)

    @rule(field=FIELD)
    def look_up(self, field: bytes) -> None:
        known = self.model.pairs.get(field)
        assert self.value.get(field) == known
        assert self.value.get_packed(field) == (None if known is None else pack(known))
        assert self.value.has(field) == (known is not None)
        assert self.value.deadline(field) == self.model.deadlines.get(field, (NO_DEADLINE, 0))[0]

    @rule(now=DEADLINE)
    def what_is_alive(self, now: int) -> None:
        alive = [
            (field, text)
            for field, text in self.model.ordered()
            if self.model.deadlines.get(field, (99, 0))[0] > now
        ]
        assert self.value.live_size(now) == len(alive)
        flat = [text for pair in alive for text in pair]
        if self.was_large:
            found = self.value.live(PAIRS, now)
            assert sorted(zip(found[::2], found[1::2], strict=True)) == sorted(alive)
            flat = found
        assert self.value.live(PAIRS, now) == flat
        for what, expected in ((PAIRS, flat), (FIELDS, flat[::2]), (VALUES, flat[1::2])):
            assert self.value.packed(what, now) == b"".join(map(pack, expected))
            assert self.value.live(what, now) == expected

    @rule()
    def pick(self) -> None:
        if self.model.pairs:
            assert self.value.random_field() in self.model.pairs

    @rule()
    def copy(self) -> None:
        before = self.value
        self.value = before.copy()
        assert self.value.encoding() == before.encoding()
        self.value.put(b"only in the copy", b"", 1 << 20, 1 << 20)
        self.value.set_deadline(b"only in the copy", 7)
        before.check()
        assert before.size() == len(self.model.pairs)
        assert before.deadline(b"only in the copy") == NO_DEADLINE
        self.value.remove(b"only in the copy")
        self.was_extended = True

    @invariant()
    def agrees(self) -> None:
        self.value.check()
        assert self.value.size() == len(self.model.pairs)
        earliest = min((at for at, _ in self.model.deadlines.values()), default=NO_DEADLINE)
        assert self.value.next_deadline() == earliest
        flat = self.value.flat_pairs()
        pairs = list(zip(flat[::2], flat[1::2], strict=True))
        if self.was_large:
            assert sorted(pairs) == sorted(self.model.pairs.items())
        else:
            assert pairs == self.model.ordered()
        small = b"listpackex" if self.was_extended else b"listpack"
        assert self.value.encoding() == (b"hashtable" if self.was_large else small)


TestHash = HashMachine.TestCase
TestHash.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


class LargeListpackMachine(HashMachine):
    """Limits beyond what a run takes: a listpack by name and a table inside, in the order of a listpack."""

    max_entries = 10_000
    max_value = 10_000


TestLargeListpack = LargeListpackMachine.TestCase
TestLargeListpack.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.lists(st.tuples(st.sampled_from(TRICKY), st.sampled_from(TRICKY)), unique_by=lambda pair: pair[0]))
def test_both_searches_find_what_looks_like_a_field_inside_another(pairs: list[tuple[bytes, bytes]]) -> None:
    run = b"".join([pack(field) + pack(text) for field, text in pairs])
    place = 0
    places = dict.fromkeys(TRICKY, int(NOT_THERE))
    for field, text in pairs:
        places[field] = place
        place += len(pack(field)) + len(pack(text))
    for field in TRICKY:
        assert packed_hash._find_by_walking(run, field) == places[field]
        if not any(b"\n" in text for pair in pairs for text in pair):
            assert packed_hash._find_by_search(run, field) == places[field]


@given(st.lists(FIELD, unique=True, max_size=6), st.lists(FIELD, unique=True, max_size=6))
def test_has_fields(fields: list[bytes], others: list[bytes]) -> None:
    run = b"".join([pack(field) + pack(b"value") for field in fields])
    for asked in (fields, others, fields[:-1], [*fields, b"more"], fields[::-1]):
        texts = [b"HSET", b"key", *[text for field in asked for text in (field, b"other")]]
        assert packed_hash.has_fields(run, texts, 2) == (asked == fields)


@given(st.lists(VALUE, max_size=8), st.integers(0, 3))
def test_both_ways_to_pack(texts: list[bytes], position: int) -> None:
    run = b"".join(map(pack, texts[position:]))
    assert packed_hash.pack_from(texts, position) == packed_hash._pack_compiled(texts, position) == run


def test_limits_of_a_run() -> None:
    value = HashValue()
    for number in range(MAX_FIELDS):
        value.put(b"%d" % number, b"v", 1000, 64)
    assert value.table is None
    value.put(b"one more", b"v", 1000, 64)
    assert value.table is not None
    assert value.encoding() == b"listpack"
    assert value.flat_pairs()[::2][-2:] == [b"%d" % (MAX_FIELDS - 1), b"one more"]
    long = from_pairs([b"f", b"v" * (MAX_BYTES // 2), b"g", b"v" * (MAX_BYTES // 3)], 512, 64)
    assert long.table is None
    assert long.encoding() == b"hashtable"
    long.put(b"f", b"v" * MAX_BYTES, 512, 64)
    assert long.table is not None
    long.check()


@pytest.mark.parametrize("excess", [0, 1])
def test_limits_of_what_is_no_listpack(excess: int) -> None:
    value = HashValue()
    for number in range(MAX_TABLE_FIELDS + excess):
        value.put(b"%d" % number, b"v", 1000, 64)
    value.put(b"0", b"v" * 65, 1000, 64)
    assert (value.table is None) == (excess == 0)
    value.put(b"1", b"v", 1000, 64)
    assert (value.table is None) == (excess == 0)
    value.check()


def test_a_listpack_of_thousands_keeps_its_order_and_a_table_splits() -> None:
    value = from_pairs([b"%d" % (number // 2) for number in range(4_000)], 2_000, 64)
    value.check()
    assert value.encoding() == b"listpack"
    assert value.flat_pairs()[::2] == [b"%d" % number for number in range(2_000)]
    value.put(b"last", b"straw", 2_000, 64)
    assert value.encoding() == b"hashtable"
    assert value.table is not None
    assert len(value.table.shards()) > 4
    value.check()


@given(st.lists(st.tuples(FIELD, VALUE), max_size=30), st.integers(0, 20))
def test_from_pairs(pairs: list[tuple[bytes, bytes]], max_entries: int) -> None:
    value = from_pairs([text for pair in pairs for text in pair], max_entries, 64)
    value.check()
    flat = value.flat_pairs()
    assert dict(zip(flat[::2], flat[1::2], strict=True)) == dict(pairs)
    is_small = len(pairs) <= max_entries and all(len(text) <= 64 for pair in pairs for text in pair)
    assert value.encoding() == (b"listpack" if is_small else b"hashtable")


@pytest.mark.parametrize("limit", [512, 0])
def test_random_field_is_uniform(limit: int) -> None:
    value = from_pairs([b"%d" % (number // 2) for number in range(20)], limit, 64)
    counts = dict.fromkeys(value.flat_pairs()[::2], 0)
    for _ in range(4_000):
        counts[value.random_field()] += 1
    assert len(counts) == 10
    assert min(counts.values()) > 250
    assert max(counts.values()) < 560


def test_scan_returns_every_field_that_stays() -> None:
    value = from_pairs([b"%d" % (number // 2) for number in range(8_000)], 512, 64)
    seen: set[bytes] = set()
    cursor, fields = value.scan(0, 10)
    rounds = 0
    while True:
        seen.update(fields)
        for number in range(rounds * 3, rounds * 3 + 3):
            value.put(b"%d" % number, b"again", 512, 64)
        value.put(b"new %d" % rounds, b"", 512, 64)
        value.remove(b"new %d" % (rounds - 5))
        if cursor == 0:
            break
        cursor, fields = value.scan(cursor, 10)
        rounds += 1
    assert rounds > 100
    assert seen >= {b"%d" % number for number in range(4_000)}
    assert from_pairs([b"b", b"1", b"a", b"2"], 512, 64).scan(0, 1) == (0, [b"b", b"a"])


def test_release_takes_a_table_apart() -> None:
    value = from_pairs([b"%d" % (number // 2) for number in range(10_000)], 512, 64)
    assert value.free_effort() == 5_000
    steps = 0
    while value.release(512):
        steps += 1
    assert 10 < steps < 64
    assert not HashValue().release(10)
    assert from_pairs([b"f", b"v"], 512, 64).free_effort() == 1


def test_digest_tells_deadlines_and_not_the_form() -> None:
    digests = []
    for limit in (0, 512):
        for deadline in (0, 5, 6):
            value = from_pairs([b"a", b"1", b"b", b"2"], limit, 64)
            if deadline:
                value.set_deadline(b"b", deadline)
            digest = Digest()
            value.mix_digest(digest)
            digests.append(digest.hex())
    assert digests[:3] == digests[3:]
    assert digests[1] == digests[2] != digests[0]


@pytest.mark.parametrize("size", [5, HEAP_FROM, HEAP_FROM + 1, 400])
def test_deadlines_with_and_without_a_heap(size: int) -> None:
    rng = random.Random(size)
    deadlines = FieldDeadlines()
    model: dict[bytes, int] = {}
    for step in range(3_000):
        field = b"%d" % rng.randrange(size)
        if rng.random() < 0.3:
            assert deadlines.drop(field) == (model.pop(field, None) is not None)
        else:
            model[field] = 1 + rng.randrange(50)
            deadlines.put(field, model[field])
        if step % 40 == 0:
            now = rng.randrange(20)
            due = deadlines.due(now, 7)
            assert [model[name] for name in due] == sorted(at for at in model.values() if at <= now)[:7]
            for name in due:
                deadlines.drop(name)
                del model[name]
        assert deadlines.table == model
        assert deadlines.count_due(10) == sum(at <= 10 for at in model.values())
        if step % 10 == 0:
            deadlines.check()
            deadlines.copy().check()
    for name in list(model):
        deadlines.drop(name)
        deadlines.check()
    assert deadlines.heap is None
    assert not deadlines.is_any_due(100)
