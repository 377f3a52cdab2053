"""The set beside Python's own, in every form and with the encodings that Redis 7.4 would tell."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from librt.random import seed

from pyredis.datatypes import packed_integers, packed_members
from pyredis.datatypes.bulk_strings import pack, unpack_all
from pyredis.datatypes.digest import Digest
from pyredis.datatypes.numbers import parse_int64
from pyredis.datatypes.set_operations import difference, intersection, union
from pyredis.datatypes.set_value import (
    HASHTABLE,
    INTEGER_ENTRIES,
    INTSET,
    LISTPACK,
    RUN_ENTRIES,
    RUN_MEMBER,
    SetLimits,
    SetValue,
    from_members,
    kind_of,
)

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
INTEGERS = st.one_of(
    st.integers(-20, 60),
    st.sampled_from(
        [sign * (1 << bits) + off for bits in (7, 15, 31, 62) for sign in (-1, 1) for off in (-1, 0, 1)]
    ),
    INT64,
).map(b"%d".__mod__)
TEXTS = st.one_of(
    st.integers(0, 40).map(lambda n: b"member:%d" % n),
    st.sampled_from(
        [b"", b"a", b"01", b"-0", b"9223372036854775808", b"\r\n", b"x$8", b"$3\r\nabc", b"abc", b"1\r\n$1"]
    ),
    st.sampled_from([b"x" * 10, b"x" * 11, b"y" * 255, b"y" * 256]),
    st.binary(max_size=9),
)
MEMBERS = st.one_of(INTEGERS, TEXTS)
NAMES = {INTSET: b"intset", LISTPACK: b"listpack", HASHTABLE: b"hashtable"}


def build(members: list[bytes], limits: SetLimits | None = None) -> SetValue:
    """A set that was made by one SADD."""
    limits = limits or SetLimits()
    value = SetValue()
    value.begin(members[0], len(members), limits)
    for member in members:
        value.add(member, limits)
    value.check()
    return value


class SetMachine(RuleBasedStateMachine):
    """One set with small limits, changed step by step; `kind` follows the rules of Redis."""

    limits = SetLimits(6, 4, 10)

    def __init__(self) -> None:
        super().__init__()
        seed(1)  # a program that Hypothesis repeats must draw the same members again
        self.value = SetValue()
        self.model: set[bytes] = set()
        self.kind = LISTPACK

    @initialize(first=MEMBERS, expected=st.integers(1, 8))
    def begin(self, first: bytes, expected: int) -> None:
        self.value.begin(first, expected, self.limits)
        if parse_int64(first) is not None and expected <= self.limits.intset_entries:
            self.kind = INTSET
        else:
            self.kind = LISTPACK if expected <= self.limits.listpack_entries else HASHTABLE

    @rule(expected=st.integers(1, 8))
    def expect(self, expected: int) -> None:
        self.value.expect(expected, self.limits)
        most = {INTSET: self.limits.intset_entries, LISTPACK: self.limits.listpack_entries}
        if expected > most.get(self.kind, expected):
            self.kind = HASHTABLE

    @rule(member=MEMBERS)
    def add(self, member: bytes) -> None:
        is_new = member not in self.model
        assert self.value.add(member, self.limits) == is_new
        if not is_new:
            return
        longest = max(map(len, [*self.model, member])) if self.kind == INTSET else len(member)
        if self.kind == INTSET and parse_int64(member) is not None:
            if len(self.model) >= self.limits.intset_entries:
                self.kind = HASHTABLE
        elif self.kind != HASHTABLE:
            fits = len(self.model) < self.limits.listpack_entries and longest <= self.limits.listpack_value
            self.kind = LISTPACK if fits else HASHTABLE
        self.model.add(member)

    @rule(
        start=st.integers(-500, 40_000),
        count=st.sampled_from([3, 5, 8, 40, 140]),
        pattern=st.sampled_from([b"%d", b"m%d"]),
    )
    def add_many(self, start: int, count: int, pattern: bytes) -> None:
        for number in range(start, start + count):
            self.add(pattern % number)

    @rule(member=MEMBERS)
    def remove(self, member: bytes) -> None:
        assert self.value.remove(member) == (member in self.model)
        self.model.discard(member)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove_one(self, data: st.DataObject) -> None:
        self.remove(data.draw(st.sampled_from(sorted(self.model))))

    @precondition(lambda self: self.model)
    @rule(count=st.integers(1, 30))
    def pop(self, count: int) -> None:
        for _ in range(min(count, len(self.model))):
            assert self.value.random_member() in self.model
            self.model.remove(self.value.pop_random())

    @rule(member=MEMBERS)
    def look_up(self, member: bytes) -> None:
        assert self.value.contains(member) == (member in self.model)

    @rule()
    def copy(self) -> None:
        before = self.value
        self.value = before.copy()
        if self.value.add(b"only in the copy", self.limits):
            self.value.remove(b"only in the copy")
        before.check()
        assert set(before.members()) == self.model
        self.value = before.copy()

    @rule(is_gradual=st.booleans())
    def rebuild(self, is_gradual: bool) -> None:
        self.kind = kind_of(self.value.members(), self.limits, is_gradual)
        self.value = from_members(self.value.members(), self.kind)

    @invariant()
    def agrees(self) -> None:
        self.value.check()
        members = self.value.members()
        assert len(members) == self.value.size() == len(self.model)
        assert set(members) == self.model
        assert self.value.encoded() == b"".join(map(pack, members))
        assert self.value.encoding() == NAMES[self.kind]
        for member in list(self.model)[:5]:
            assert self.value.contains(member)
        expected = Digest()
        for member in self.model:
            expected.add(member)
        digest = Digest()
        self.value.mix_digest(digest)
        assert digest.hex() == expected.hex()


TestSet = SetMachine.TestCase
TestSet.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class LargeLimitsMachine(SetMachine):
    """Limits beyond the own ones: an intset or a listpack by name, and a hash table inside."""

    limits = SetLimits(1 << 62, 1 << 62, 1 << 62)


TestLargeLimits = LargeLimitsMachine.TestCase
TestLargeLimits.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)


class TestEncodings:
    """With the limits that Redis starts with."""

    def test_integers_are_an_intset_up_to_the_limit(self) -> None:
        limits = SetLimits()
        value = build([b"%d" % n for n in range(512)])
        assert value.encoding() == b"intset"
        value.add(b"512", limits)
        value.check()
        assert value.encoding() == b"hashtable"

    def test_a_text_makes_a_small_intset_a_listpack(self) -> None:
        for count, name in ((127, b"listpack"), (128, b"hashtable"), (300, b"hashtable")):
            value = build([b"%d" % n for n in range(count)])
            assert value.encoding() == b"intset"
            assert value.add(b"text", SetLimits())
            value.check()
            assert value.encoding() == name

    def test_a_long_text_makes_an_intset_a_hashtable(self) -> None:
        value = build([b"1"])
        value.add(b"x" * 65, SetLimits())
        assert value.encoding() == b"hashtable"

    def test_integers_longer_than_a_listpack_allows(self) -> None:
        limits = SetLimits(listpack_value=3)
        for first, name in ((b"123", b"listpack"), (b"-123", b"hashtable"), (b"1234", b"hashtable")):
            value = build([first], limits)
            value.add(b"abc", limits)
            assert value.encoding() == name

    def test_a_listpack_up_to_the_limits(self) -> None:
        texts = [b"t%d" % n for n in range(128)]
        assert build(texts).encoding() == b"listpack"
        assert build([*texts, b"more"]).encoding() == b"hashtable"
        assert build([b"x" * 64]).encoding() == b"listpack"
        assert build([b"x" * 65]).encoding() == b"hashtable"

    def test_the_number_of_arguments_decides_at_once(self) -> None:
        assert build([b"1"] * 513).encoding() == b"hashtable"
        assert build([b"a"] * 129).encoding() == b"hashtable"
        limits = SetLimits(intset_entries=2)
        assert build([b"1"] * 3, limits).encoding() == b"listpack"

    def test_a_set_never_goes_back(self) -> None:
        value = build([b"t%d" % n for n in range(200)])
        for n in range(199):
            assert value.remove(b"t%d" % n)
        value.check()
        assert value.encoding() == b"hashtable"
        assert value.members() == [b"t199"]

    @pytest.mark.parametrize(
        ("members", "gradual", "at_once"),
        [
            ([b"2", b"1"], INTSET, INTSET),
            ([b"1", b"2", b"3"], HASHTABLE, LISTPACK),
            ([b"1", b"2", b"3", b"a"], HASHTABLE, LISTPACK),
            ([b"a", b"1", b"2", b"3"], LISTPACK, LISTPACK),
            ([b"a", b"1", b"2", b"3", b"4"], HASHTABLE, HASHTABLE),
            ([b"1", b"x" * 11], HASHTABLE, HASHTABLE),
            ([], INTSET, INTSET),
        ],
    )
    def test_results(self, members: list[bytes], gradual: int, at_once: int) -> None:
        limits = SetLimits(2, 4, 10)
        assert kind_of(members, limits, True) == gradual
        assert kind_of(members, limits, False) == at_once
        for kind in (gradual, at_once):
            value = from_members(members, kind)
            value.check()
            assert value.encoding() == NAMES[kind]
            assert sorted(value.members()) == sorted(members)


class TestForms:
    def test_an_intset_is_in_ascending_order_in_all_forms(self) -> None:
        limits = SetLimits(intset_entries=1 << 40)
        for count in (5, INTEGER_ENTRIES, 3 * INTEGER_ENTRIES):
            numbers = list(range(-count // 2, count - count // 2))
            random.Random(count).shuffle(numbers)
            value = build([b"%d" % number for number in numbers], limits)
            assert value.members() == [b"%d" % number for number in sorted(numbers)]
            assert unpack_all(value.encoded()) == value.members()
            assert (value.table is None) == (count <= INTEGER_ENTRIES)

    def test_the_width_grows_with_the_numbers(self) -> None:
        value = build([b"1", b"32767"])
        assert value.width == 2
        value.add(b"-32769", SetLimits())
        assert value.width == 4
        value.add(b"2147483648", SetLimits())
        assert value.width == 8
        value.check()
        assert value.members() == [b"-32769", b"1", b"32767", b"2147483648"]
        assert not value.contains(b"01")
        assert not value.remove(b"+1")

    def test_long_members_and_many_are_a_table(self) -> None:
        assert build([b"x" * RUN_MEMBER]).table is None
        assert build([b"x" * (RUN_MEMBER + 1)]).table is not None
        texts = [b"t%d" % n for n in range(RUN_ENTRIES)]
        value = build(texts)
        assert value.table is None
        value.add(b"one more", SetLimits())
        assert value.table is not None
        value.check()

    def test_a_table_that_redis_would_not_have_yet(self) -> None:
        """A listpack, then an intset, by name: what comes on top has the same effect as in the small forms."""
        limits = SetLimits(2000, 300, 10)
        value = build([b"t%d" % n for n in range(200)], limits)
        assert (value.encoding(), value.table is None) == (b"listpack", False)
        assert not value.add(b"t0", limits)
        long_one = value.copy()
        assert long_one.add(b"x" * 11, limits)
        assert long_one.encoding() == b"hashtable"
        for number in range(100, 200):
            value.add(b"more%d" % number, limits)
        assert value.encoding() == b"listpack"
        value.add(b"one more", limits)
        assert value.encoding() == b"hashtable"
        limits = SetLimits(1500, 2000, 4)
        numbers = [b"%d" % n for n in range(1500)]
        for member, name in (
            (b"7", b"intset"),
            (b"1500", b"hashtable"),
            (b"text", b"listpack"),
            (b"texts", b"hashtable"),
        ):
            value = build(numbers, limits)
            assert (value.encoding(), value.table is None) == (b"intset", False)
            assert value.add(member, limits) == (member != b"7")
            value.check()
            assert value.encoding() == name

    def test_many_are_expected(self) -> None:
        limits = SetLimits()
        value = SetValue()
        value.begin(b"text", 1000, limits)
        assert (value.encoding(), value.size()) == (b"hashtable", 0)
        value.add(b"text", limits)
        value.check()
        value = build([b"1", b"2"])
        value.expect(600, limits)
        value.check()
        assert (value.encoding(), value.members()) == (b"hashtable", [b"1", b"2"])
        value = build([b"%d" % n for n in range(400)])
        value.expect(600, limits)
        value.check()
        assert (value.encoding(), value.size()) == (b"hashtable", 400)
        value = build([b"a"])
        value.expect(128, limits)
        assert value.encoding() == b"listpack"
        value.expect(129, limits)
        assert value.encoding() == b"hashtable"

    def test_very_long_members(self) -> None:
        members = [b"x" * 10_000, b"y" * 600, b"z"]
        value = build(members)
        assert sorted(unpack_all(value.encoded())) == members
        assert pack(members[0]) == b"$%d\r\n%b\r\n" % (len(members[0]), members[0])

    def test_members_that_look_like_runs(self) -> None:
        value = build([b"x$8", b"abc"])
        assert not value.contains(b"$3\r\nabc")
        assert value.add(b"$3\r\nabc", SetLimits())
        assert not value.contains(b"\r\n")
        assert value.remove(b"abc")
        assert value.members() == [b"x$8", b"$3\r\nabc"]
        assert not value.contains(b"abc")


class TestScan:
    def test_a_small_set_comes_in_one_piece(self) -> None:
        for members in ([b"3", b"1"], [b"a", b"b", b"c"], [b"x" * 100, b"y"]):
            value = build(members)
            assert value.scan(0, 1) == (0, value.members())
            assert value.scan(77, 1) == (0, value.members())

    def test_what_is_a_listpack_by_name_too(self) -> None:
        limits = SetLimits(listpack_entries=10_000)
        value = build([b"t%d" % n for n in range(1000)], limits)
        assert value.table is not None
        cursor, members = value.scan(0, 10)
        assert cursor == 0
        assert len(members) == 1000

    def test_a_hashtable_comes_in_steps_and_misses_nothing(self) -> None:
        rng = random.Random(3)
        stays = {b"stays%d" % n for n in range(2000)}
        limits = SetLimits()
        value = build(sorted(stays))
        cursor = -1
        seen: set[bytes] = set()
        calls = 0
        while cursor != 0:
            cursor, members = value.scan(max(cursor, 0), 10)
            seen.update(members)
            calls += 1
            for _ in range(5):
                value.add(b"comes%d" % rng.randrange(3000), limits)
                value.remove(b"comes%d" % rng.randrange(3000))
        assert stays <= seen
        assert calls > 100


class TestChance:
    @pytest.mark.parametrize("pattern", [b"%d", b"t%d", b"%0300d"])
    @pytest.mark.parametrize("size", [7, 40])
    def test_members_are_drawn_uniformly(self, pattern: bytes, size: int) -> None:
        value = build([pattern % n for n in range(size)])
        draws = 400 * size
        counts = Counter(value.random_member() for _ in range(draws))
        assert len(counts) == size
        # Six standard deviations of a binomial count of 400: a failure by chance is one in a million runs.
        assert all(abs(count - 400) < 6 * 20 for count in counts.values())

    def test_large_sets_are_drawn_uniformly(self) -> None:
        value = build([b"t%d" % n for n in range(2000)])
        counts = Counter(int(value.random_member()[1:]) // 200 for _ in range(20_000))
        assert all(abs(count - 2000) < 6 * 45 for count in counts.values())

    def test_popping_is_uniform_too(self) -> None:
        firsts: Counter[bytes] = Counter()
        for _ in range(2000):
            firsts[build([b"a", b"b", b"c", b"d"]).pop_random()] += 1
        assert all(abs(count - 500) < 6 * 20 for count in firsts.values())


class TestFreeing:
    def test_a_small_set_is_one_part(self) -> None:
        value = build([b"a", b"b"])
        assert value.free_effort() == 1
        assert not value.release(1)

    def test_a_large_set_goes_bit_by_bit(self) -> None:
        value = build([b"t%d" % n for n in range(5000)])
        assert value.free_effort() == 5000
        steps = 0
        while value.release(100):
            steps += 1
        assert steps > 5


class TestPackedIntegers:
    @given(st.sets(INT64, max_size=40), INT64)
    def test_beside_a_sorted_list(self, numbers: set[int], other: int) -> None:
        ordered = sorted(numbers)
        width = max([packed_integers.width_of(number) for number in [*ordered, other]])
        packed = packed_integers.pack_values(ordered, width)
        assert packed_integers.values(packed, width) == ordered
        place = packed_integers.place_of(packed, width, other)
        assert place == sum(number < other for number in ordered)
        assert packed_integers.contains(packed, width, other) == (other in numbers)
        if other not in numbers:
            grown = packed_integers.insert(packed, width, place, other)
            assert packed_integers.values(grown, width) == sorted([*ordered, other])
            assert packed_integers.remove(grown, width, place) == packed

    @pytest.mark.parametrize(
        ("number", "width"),
        [
            (0, 2), (32767, 2), (-32768, 2), (32768, 4), (-32769, 4), (2147483647, 4), (-2147483648, 4),
            (2147483648, 8), (-2147483649, 8), ((1 << 63) - 1, 8), (-(1 << 63), 8),
        ],
    )  # fmt: skip
    def test_widths(self, number: int, width: int) -> None:
        assert packed_integers.width_of(number) == width


@given(st.lists(TEXTS, unique=True, max_size=30), TEXTS)
def test_both_searches_find_members_and_nothing_else(members: list[bytes], other: bytes) -> None:
    run = packed_members.pack_all(members)
    starts = {member: len(packed_members.pack_all(members[:at])) for at, member in enumerate(members)}
    for member in [*members, other]:
        expected = starts.get(member, -1)
        assert packed_members._find_walking(run, member) == expected
        assert packed_members._find_searching(run, member, len(members)) == expected


SETS = st.lists(
    st.one_of(
        st.sets(MEMBERS, min_size=1, max_size=12),
        st.sets(st.integers(0, 30).map(b"%d".__mod__), min_size=1),
        st.tuples(
            st.integers(0, 900), st.sampled_from([100, 400, 2500]), st.sampled_from([b"%d", b"t%d"])
        ).map(lambda drawn: {drawn[2] % n for n in range(drawn[0], drawn[0] + drawn[1])}),
    ),
    min_size=1,
    max_size=4,
)


class TestOperations:
    @settings(deadline=None)
    @given(SETS)
    def test_beside_python(self, models: list[set[bytes]]) -> None:
        values = [build(sorted(model)) for model in models]
        assert_same(union(values), set.union(*models))
        common = set.intersection(*models)
        assert_same(intersection(values, 0), common)
        assert len(intersection(values, 3)) == min(3, len(common))
        assert set(intersection(values, 3)) <= common
        assert_same(difference(values[0], values[1:]), models[0].difference(*models[1:]))
        assert_same(intersection([values[0], values[0]], 0), models[0])

    def test_integers_stay_in_order(self) -> None:
        one, two = build([b"10", b"9", b"-3", b"100"]), build([b"9", b"11", b"10", b"-3"])
        assert union([one, two]) == [b"-3", b"9", b"10", b"11", b"100"]
        assert intersection([one, two], 0) == [b"-3", b"9", b"10"]
        assert intersection([one, two], 2) == [b"-3", b"9"]
        assert difference(one, [two]) == [b"100"]
        assert difference(one, []) == [b"-3", b"9", b"10", b"100"]

    def test_tables_that_were_split_differently(self) -> None:
        """Removals leave shards unmerged here and there, so the tables are no mirror of each other."""
        rng = random.Random(9)
        limits = SetLimits()
        for _ in range(20):
            models: list[set[bytes]] = []
            values: list[SetValue] = []
            for size in rng.sample([300, 600, 620, 1500, 1550, 1600, 5000], 2):
                members = [b"t%d" % n for n in rng.sample(range(6000), size)]
                value = build(members)
                gone = rng.sample(members, rng.choice([0, size // 2, size * 9 // 10]))
                for member in gone:
                    value.remove(member)
                for member in gone[:50]:
                    value.add(member, limits)
                values.append(value)
                models.append(set(members) - set(gone[50:]))
            assert_same(intersection(values, 0), models[0] & models[1])
            assert_same(union(values), models[0] | models[1])
            assert_same(difference(values[0], values[1:]), models[0] - models[1])


def assert_same(found: list[bytes], expected: set[bytes]) -> None:
    assert len(found) == len(expected)
    assert set(found) == expected
