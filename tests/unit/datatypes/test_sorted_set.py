"""The sorted set beside a naive model: a dict and a sort."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pyredis.datatypes import packed_scores
from pyredis.datatypes.digest import Digest
from pyredis.datatypes.score_index import CHUNK_LIMIT, ScoreIndex, in_order, insert_double
from pyredis.datatypes.sorted_set import ADDED, NOT_THERE, UNCHANGED, UPDATED, LexRange, SortedSet, from_pairs

MEMBERS = st.one_of(
    st.integers(0, 40).map(lambda n: b"member:%d" % n),
    st.sampled_from([b"", b"a", b"b", b"\x00", b"\xff" * 8, b"\x08member:1", b"x" * 70, b"y" * 64]),
    st.binary(max_size=9),
)
SCORES = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 1.5, -1.0, float("inf"), float("-inf"), 1e300, 5e-324]),
    st.integers(-5, 5).map(float),
    st.floats(allow_nan=False),
)


class Model:
    """What a sorted set means, without any care for speed."""

    def __init__(self) -> None:
        self.pairs: dict[bytes, float] = {}

    def entries(self) -> list[tuple[float, bytes]]:
        return sorted((score, member) for member, score in self.pairs.items())


class SortedSetMachine(RuleBasedStateMachine):
    """One set that may be a listpack of up to `max_entries` members, changed step by step."""

    max_entries = 8
    max_value = 64

    def __init__(self) -> None:
        super().__init__()
        self.zset = SortedSet()
        self.model = Model()
        self.was_large = False

    @rule(member=MEMBERS, score=SCORES)
    def put(self, member: bytes, score: float) -> None:
        known = self.model.pairs.get(member)
        expected = ADDED if known is None else UNCHANGED if known == score else UPDATED
        assert self.zset.put(member, score, self.max_entries, self.max_value) == expected
        if expected != UNCHANGED:
            self.model.pairs[member] = score
        if len(self.model.pairs) > self.max_entries or len(member) > self.max_value:
            self.was_large = True

    @rule(start=st.integers(0, 60), count=st.integers(1, 40), step=SCORES)
    def put_many(self, start: int, count: int, step: float) -> None:
        for number in range(start, start + count):
            self.put(b"member:%d" % number, step * number if step * number == step * number else 0.0)

    @rule(member=MEMBERS)
    def remove(self, member: bytes) -> None:
        assert self.zset.remove(member) == (self.model.pairs.pop(member, None) is not None)

    @precondition(lambda self: self.model.pairs)
    @rule(data=st.data())
    def remove_ranks(self, data: st.DataObject) -> None:
        start, stop = self.ranks(data)
        for _, member in self.model.entries()[start:stop]:
            del self.model.pairs[member]
        self.zset.remove_ranks(start, stop)

    @rule(data=st.data())
    def ranges(self, data: st.DataObject) -> None:
        start, stop = self.ranks(data)
        entries = self.model.entries()[start:stop]
        assert self.zset.members(start, stop) == [member for _, member in entries]
        assert list(self.zset.scores(start, stop)) == [score for score, _ in entries]

    @rule(score=SCORES)
    def count_below(self, score: float) -> None:
        values = list(self.model.pairs.values())
        assert self.zset.count_below(score, False) == sum(value < score for value in values)
        assert self.zset.count_below(score, True) == sum(value <= score for value in values)

    @rule(member=MEMBERS)
    def look_up(self, member: bytes) -> None:
        assert self.zset.score(member) == self.model.pairs.get(member)
        score = self.model.pairs.get(member)
        rank = NOT_THERE if score is None else self.model.entries().index((score, member))
        assert self.zset.rank(member) == rank

    @rule()
    def copy(self) -> None:
        before = self.zset
        self.zset = before.copy()
        self.zset.put(b"only in the copy", 1.0, self.max_entries, self.max_value)
        self.zset.remove(b"only in the copy")
        before.check()
        assert before.pairs() == self.model.pairs
        self.was_large = self.zset.encoding() == b"skiplist"

    @rule()
    def rebuild(self) -> None:
        self.zset = from_pairs(self.model.pairs, self.max_entries, self.max_value)
        sizes = [
            len(self.model.pairs) - self.max_entries,
            *(len(m) - self.max_value for m in self.model.pairs),
        ]
        self.was_large = max(sizes) > 0

    def ranks(self, data: st.DataObject) -> tuple[int, int]:
        start = data.draw(st.integers(0, len(self.model.pairs)))
        return start, data.draw(st.integers(start, len(self.model.pairs)))

    @invariant()
    def agrees(self) -> None:
        self.zset.check()
        assert self.zset.size() == len(self.model.pairs)
        assert self.zset.pairs() == self.model.pairs
        assert list(self.zset.pairs()) == [member for _, member in self.model.entries()]
        assert self.zset.encoding() == (b"skiplist" if self.was_large else b"listpack")


TestSortedSet = SortedSetMachine.TestCase
TestSortedSet.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class LargeListpackMachine(SortedSetMachine):
    """Limits beyond what a packed set takes: it is a listpack by name and an index inside."""

    max_entries = 10_000
    max_value = 10_000


TestLargeListpack = LargeListpackMachine.TestCase
TestLargeListpack.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("limit", [2, 3, 4, 5, 8])
def test_index_with_tiny_chunks(limit: int) -> None:
    rng = random.Random(limit)
    index = ScoreIndex(limit)
    pairs: dict[bytes, float] = {}
    for step in range(1500):
        member = b"m%d" % rng.randrange(80 if step < 1000 else 400)
        score = float(rng.choice([0, 1, rng.randrange(30), rng.random()]))
        known = pairs.get(member)
        if rng.random() < 0.3:
            if known is not None:
                assert index.remove(member)
                del pairs[member]
        elif known is None:
            index.insert(member, score)
            pairs[member] = score
        else:
            index.update(member, known, score)
            pairs[member] = score
        if step % 7 == 0:
            index.check()
        if rng.random() < 0.03:
            entries = sorted((s, m) for m, s in pairs.items())
            start = rng.randrange(len(entries) + 1)
            stop = rng.randrange(start, len(entries) + 1)
            index.remove_ranks(start, stop)
            for _, gone in entries[start:stop]:
                del pairs[gone]
            index.check()
        entries = sorted((s, m) for m, s in pairs.items())
        assert index.members(0, index.size) == [m for _, m in entries]
        if entries:
            rank = rng.randrange(len(entries))
            assert index.rank(entries[rank][1], entries[rank][0]) == rank
            assert index.members(rank, rank + 1) == [entries[rank][1]]


def test_index_of_many_chunks_counts_with_the_tree() -> None:
    rng = random.Random(5)
    numbers = list(range(20_000))
    rng.shuffle(numbers)
    index = ScoreIndex()
    for number in numbers:
        index.insert(b"%d" % number, float(number))
    assert not index.is_counted
    for rank in (0, 1, 5_000, 9_999, 10_000, 19_999):
        assert index.members(rank, rank + 1) == [b"%d" % rank]
        assert index.rank(b"%d" % rank, float(rank)) == rank
        assert index.count_below(float(rank), False) == rank
    assert index.is_counted
    index.insert(b"between", 9_999.5)
    assert index.remove(b"5000")
    assert not index.remove(b"5000")
    assert index.rank(b"between", 9_999.5) == 9_999
    index.check()
    twin = index.copy()
    twin.check()
    assert twin.members(0, twin.size) == index.members(0, index.size)


def test_growing_scores_fill_their_chunks() -> None:
    index = ScoreIndex()
    for number in range(10 * CHUNK_LIMIT):
        index.insert(b"%d" % number, float(number))
    assert len(index.chunks) == 10
    index.check()


def test_release_takes_an_index_apart() -> None:
    zset = from_pairs({b"%d" % number: float(number) for number in range(5_000)}, 128, 64)
    assert zset.free_effort() == 5_000
    steps = 0
    while zset.release(512):
        steps += 1
    assert 5 < steps < 50
    assert not SortedSet().release(10)


@given(st.dictionaries(MEMBERS, SCORES, max_size=30))
def test_from_pairs(pairs: dict[bytes, float]) -> None:
    for max_entries in (0, 5, 100):
        zset = from_pairs(pairs, max_entries, 64)
        zset.check()
        assert zset.pairs() == pairs
        is_small = len(pairs) <= max_entries and all(len(member) <= 64 for member in pairs)
        assert zset.encoding() == (b"listpack" if is_small else b"skiplist")


def naive_lex(members: list[bytes], lex: LexRange) -> list[bytes]:
    """The walk of a listpack: from the first that fits to the next that does not."""
    if lex.is_empty or not members or not lex.is_above_low(members[-1]) or not lex.is_below_high(members[0]):
        return []
    start = next((i for i, member in enumerate(members) if lex.is_above_low(member)), len(members))
    found: list[bytes] = []
    for member in members[start:]:
        if not lex.is_below_high(member):
            break
        found.append(member)
    return found


@st.composite
def lex_ranges(draw: st.DrawFn) -> LexRange:
    lex = LexRange()
    lex.low, lex.high = draw(MEMBERS), draw(MEMBERS)
    lex.is_low_exclusive, lex.is_high_exclusive = draw(st.booleans()), draw(st.booleans())
    lex.has_low, lex.has_high = draw(st.integers(0, 3)) > 0, draw(st.integers(0, 3)) > 0
    lex.is_empty = draw(st.integers(0, 9)) == 0
    return lex


@given(st.sets(MEMBERS, max_size=40), lex_ranges(), st.booleans())
def test_lex_ranges_of_equal_scores(members: set[bytes], lex: LexRange, is_small: bool) -> None:
    limit = 1000 if is_small else 0
    zset = from_pairs(dict.fromkeys(members, 1.0), limit, 1000)
    expected = [
        member for member in sorted(members) if lex.is_above_low(member) and lex.is_below_high(member)
    ]
    start = zset.lex_start(lex)
    if not expected or lex.is_empty:
        assert start == zset.size()
        assert zset.lex_last(lex) == NOT_THERE
        return
    assert zset.members(start, zset.lex_stop(start, lex)) == expected
    last = zset.lex_last(lex)
    assert zset.members(zset.lex_bottom(last, lex), last + 1) == expected


@given(st.dictionaries(MEMBERS, SCORES, max_size=12), lex_ranges())
def test_lex_ranges_of_a_small_set_walk(pairs: dict[bytes, float], lex: LexRange) -> None:
    zset = from_pairs(pairs, 100, 100)
    start = zset.lex_start(lex)
    members = list(zset.pairs())
    found = zset.members(start, zset.lex_stop(start, lex)) if start < zset.size() else []
    assert found == naive_lex(members, lex)


def test_scan_returns_every_member_that_stays() -> None:
    zset = from_pairs({b"%d" % number: float(number % 7) for number in range(4_000)}, 128, 64)
    seen: set[bytes] = set()
    cursor, members = zset.scan(0, 10)
    rounds = 0
    while True:
        seen.update(members)
        for number in range(rounds * 3, rounds * 3 + 3):
            zset.put(b"%d" % number, float(rounds), 128, 64)
        zset.put(b"new %d" % rounds, 0.0, 128, 64)
        zset.remove(b"new %d" % (rounds - 5))
        if cursor == 0:
            break
        cursor, members = zset.scan(cursor, 10)
        rounds += 1
    assert seen >= {b"%d" % number for number in range(4_000)}


def test_scan_of_a_small_set_is_one_piece() -> None:
    zset = from_pairs({b"b": 1.0, b"a": 2.0}, 128, 64)
    assert zset.scan(0, 1) == (0, [b"b", b"a"])


def test_a_packed_set_finds_what_looks_like_an_entry_inside_another() -> None:
    zset = SortedSet()
    decoy = b"\x00" * 8 + b"\x09member:10"
    for number, member in enumerate((decoy, b"member:10", b"member:1")):
        zset.put(member, float(number), 128, 64)
    assert [zset.rank(member) for member in (decoy, b"member:10", b"member:1")] == [0, 1, 2]
    assert zset.rank(b"ember:1") == NOT_THERE


def test_packed_bytes() -> None:
    packed = packed_scores.insert(b"", 0, 1.5, b"abc")
    assert packed == bytes.fromhex("000000000000f83f03") + b"abc"
    packed = packed_scores.insert(packed, len(packed), 2.0, b"d" * 20)
    assert packed_scores.find(packed, b"d" * 20) == 12
    assert packed_scores.find(packed, b"d" * 19 + b"e") == -1
    assert packed_scores.remove(packed, 0) == packed[12:]
    assert packed_scores.remove(packed, 12) == packed[:12]


@given(st.lists(st.floats(allow_nan=False)), st.floats(allow_nan=False), st.integers(0, 50))
def test_insert_double(values: list[float], value: float, at: int) -> None:
    at = min(at, len(values))
    _, doubles = in_order([])
    for position, item in enumerate(values):
        doubles = insert_double(doubles, position, item)
    doubles = insert_double(doubles, at, value)
    values.insert(at, value)
    assert list(doubles) == values


def test_minus_zero_is_zero_to_a_listpack() -> None:
    zset = SortedSet()
    zset.put(b"a", -0.0, 128, 64)
    assert zset.put(b"a", 0.0, 128, 64) == UNCHANGED
    assert str(zset.score(b"a")) == "0.0"
    large = SortedSet()
    large.put(b"a", -0.0, 0, 64)
    assert large.put(b"a", 0.0, 0, 64) == UNCHANGED
    assert str(large.score(b"a")) == "-0.0"
    assert str(from_pairs({b"a": -0.0}, 128, 64).score(b"a")) == "0.0"
    assert str(from_pairs({b"a": -0.0}, 0, 64).score(b"a")) == "-0.0"
    zset.put(b"b", 0.0, 128, 64)
    zset.put(b"A", 0.0, 128, 64)
    assert zset.members(0, 3) == [b"A", b"a", b"b"]


def test_digest_does_not_depend_on_the_form() -> None:
    pairs = {b"a": 1.0, b"b": 0.1, b"c": float("inf")}
    digests = []
    for limit in (0, 128):
        digest = Digest()
        from_pairs(pairs, limit, 64).mix_digest(digest)
        digests.append(digest.hex())
    assert digests[0] == digests[1] != Digest().hex()
