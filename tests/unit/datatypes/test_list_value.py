"""The list beside a Python list, with chunks so small that every structural change happens all the time."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pyredis.datatypes.bulk_strings import (
    find_all,
    listpack_size,
    pack,
    run_listpack_size,
    skip,
    split,
    uniform_size,
    unpack,
    unpack_all,
    without,
)
from pyredis.datatypes.digest import Digest
from pyredis.datatypes.list_chunks import SIZES
from pyredis.datatypes.list_value import ListLimits, ListValue

if TYPE_CHECKING:
    from collections.abc import Iterator

TINY: Final = (
    (2, 3, 40, 30, 2),
    (4, 6, 60, 60, 4),
    (3, 2, 25, 10, 1),
    (8, 5, 1000, 100, 6),
    (64, 128, 8192, 4096, 16),
)
"""hot, chunk_elements, chunk_bytes, run_bytes, run_pops"""

VALUES = st.one_of(
    st.sampled_from([b"", b"a", b"b", b"\r\n", b"$1\r\na\r\n", b"$0\r\n\r\n", b"x" * 9, b"y" * 70]),
    st.integers(-5000, 5000).map(lambda number: b"%d" % number),
    st.binary(max_size=12),
)


def set_sizes(sizes: tuple[int, int, int, int, int]) -> None:
    SIZES.hot, SIZES.chunk_elements, SIZES.chunk_bytes, SIZES.run_bytes, SIZES.run_pops = sizes


@pytest.fixture(autouse=True)
def _sizes() -> Iterator[None]:
    yield
    set_sizes(TINY[-1])


class ListBesideModel(RuleBasedStateMachine):
    """Every operation does what it does to a Python list, whatever the bounds of the structure are."""

    def __init__(self) -> None:
        super().__init__()
        self.value = ListValue()
        self.model: list[bytes] = []
        self.limits = ListLimits()

    @initialize(sizes=st.sampled_from(TINY[:-1]), directive=st.sampled_from([-2, 0, 3, 9]))
    def choose(self, sizes: tuple[int, int, int, int, int], directive: int) -> None:
        set_sizes(sizes)
        self.limits = ListLimits(directive)

    def teardown(self) -> None:
        set_sizes(TINY[-1])

    @rule(values=st.lists(VALUES, min_size=1, max_size=12))
    def push_left(self, values: list[bytes]) -> None:
        self.value.reserve(self.limits, sum(map(len, values)), len(values))
        for value in values:
            self.value.push_left(pack(value))
            self.model.insert(0, value)

    @rule(values=st.lists(VALUES, min_size=1, max_size=12))
    def push_right(self, values: list[bytes]) -> None:
        self.value.reserve(self.limits, sum(map(len, values)), len(values))
        for value in values:
            self.value.push_right(pack(value))
            self.model.append(value)

    @rule(values=st.lists(VALUES, max_size=12))
    def extend(self, values: list[bytes]) -> None:
        self.value.extend(values, self.limits)
        self.model += values

    @precondition(lambda self: self.model)
    @rule(count=st.integers(1, 15))
    def pop_left(self, count: int) -> None:
        for _ in range(min(count, len(self.model))):
            assert self.value.pop_left(self.limits) == pack(self.model.pop(0))
            self.value.check()

    @precondition(lambda self: self.model)
    @rule(count=st.integers(1, 15))
    def pop_right(self, count: int) -> None:
        for _ in range(min(count, len(self.model))):
            assert self.value.pop_right(self.limits) == pack(self.model.pop())
            self.value.check()

    @precondition(lambda self: self.model)
    @rule(count=st.integers(1, 15), is_right=st.booleans())
    def pop_many(self, count: int, is_right: bool) -> None:
        count = min(count, len(self.model))
        popped = unpack_all(b"".join(self.value.pop_many(count, is_right, self.limits)))
        if is_right:
            assert popped == self.model[::-1][:count]
            del self.model[-count:]
        else:
            assert popped == self.model[:count]
            del self.model[:count]

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def trim(self, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, len(self.model) - 1))
        stop = data.draw(st.integers(start - 1, len(self.model) - 1))
        self.value.trim(start, stop, self.limits)
        self.model = self.model[start : stop + 1]

    @precondition(lambda self: self.model)
    @rule(data=st.data(), value=VALUES)
    def put(self, data: st.DataObject, value: bytes) -> None:
        index = data.draw(st.integers(0, len(self.model) - 1))
        self.value.reserve(self.limits, len(value), 1)
        self.value.set(index, pack(value), self.limits)
        self.model[index] = value

    @rule(data=st.data(), value=VALUES, is_after=st.booleans())
    def insert(self, data: st.DataObject, value: bytes, is_after: bool) -> None:
        pivot = data.draw(st.one_of(VALUES, st.sampled_from(self.model or [b""])))
        self.value.reserve(self.limits, len(value), 1)
        assert self.value.insert(pack(pivot), pack(value), is_after) == (pivot in self.model)
        if pivot in self.model:
            self.model.insert(self.model.index(pivot) + is_after, value)

    @rule(data=st.data(), wanted=st.sampled_from([1, 2, 3, 1 << 62]), is_backwards=st.booleans())
    def remove(self, data: st.DataObject, wanted: int, is_backwards: bool) -> None:
        value = data.draw(st.one_of(VALUES, st.sampled_from(self.model or [b""])))
        numbers = [number for number, other in enumerate(self.model) if other == value]
        numbers = (numbers[::-1] if is_backwards else numbers)[:wanted]
        assert self.value.remove(pack(value), wanted, is_backwards, self.limits) == len(numbers)
        for number in sorted(numbers, reverse=True):
            del self.model[number]

    @rule(data=st.data(), wanted=st.integers(1, 9), limit=st.integers(0, 99), is_backwards=st.booleans())
    def find(self, data: st.DataObject, wanted: int, limit: int, is_backwards: bool) -> None:
        value = data.draw(st.one_of(VALUES, st.sampled_from(self.model or [b""])))
        numbers = list(range(len(self.model)))
        numbers = (numbers[::-1] if is_backwards else numbers)[:limit]
        expected = [number for number in numbers if self.model[number] == value][:wanted]
        assert self.value.find(pack(value), wanted, limit, is_backwards) == expected

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, len(self.model) - 1))
        stop = data.draw(st.integers(start, len(self.model) - 1))
        assert self.value.get(start) == pack(self.model[start])
        assert unpack_all(b"".join(self.value.between(start, stop))) == self.model[start : stop + 1]

    @rule()
    def go_on_with_a_copy(self) -> None:
        original = self.value
        self.value = original.copy()
        assert self.value.encoding() == original.encoding()
        original.push_left(pack(b"not in the copy"))
        original.push_right(pack(b"not in the copy"))
        original.remove(pack(b"a"), 1 << 62, False, self.limits)
        original.trim(0, -1, self.limits)

    @rule()
    def pack_the_ends(self) -> None:
        if self.value.chunks is not None:
            self.value.chunks.seal()

    @invariant()
    def is_the_same(self) -> None:
        self.value.check()
        assert self.value.size() == len(self.model)
        assert self.value.values() == self.model

    @invariant()
    def has_a_possible_encoding(self) -> None:
        weight = 7 + run_listpack_size(b"".join(map(pack, self.model)))
        if self.value.encoding() == b"listpack":
            assert len(self.model) <= self.limits.elements
            assert weight <= max(self.limits.bytes, 7)


TestListBesideModel = ListBesideModel.TestCase
TestListBesideModel.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)


def filled(values: list[bytes], limits: ListLimits) -> ListValue:
    value = ListValue()
    value.extend(values, limits)
    return value


def encodings_while_growing(values: list[bytes], directive: int) -> list[bytes]:
    limits = ListLimits(directive)
    value = ListValue()
    seen = []
    for element in values:
        value.extend([element], limits)
        seen.append(value.encoding())
    return seen


@pytest.mark.parametrize(
    ("directive", "limit"), [(-1, 4096), (-2, 8192), (-3, 16384), (-4, 32768), (-5, 65536)]
)
def test_the_encoding_follows_the_bytes_of_a_listpack(directive: int, limit: int) -> None:
    # A listpack of n strings of 10 bytes has 7 + 12 n bytes; the next one is counted without its overhead.
    seen = encodings_while_growing([b"abcdefghij"] * 6000, directive)
    first = seen.index(b"quicklist")
    assert 7 + 12 * first + 10 > limit >= 7 + 12 * (first - 1) + 10
    assert set(seen[first:]) == {b"quicklist"}


def test_integers_count_with_their_binary_form() -> None:
    seen = encodings_while_growing([b"%d" % (n % 100) for n in range(5000)], -2)
    # Two bytes each; the next one is counted with the length of its text.
    assert seen.index(b"quicklist") == (8192 - 7 - 2) // 2 + 1


@pytest.mark.parametrize(("directive", "first"), [(0, 1), (1, 1), (4, 4), (128, 128)])
def test_the_encoding_follows_the_number_of_elements(directive: int, first: int) -> None:
    assert encodings_while_growing([b"a"] * 200, directive).index(b"quicklist") == first


def test_a_limit_on_elements_holds_up_to_eight_kilobytes() -> None:
    assert encodings_while_growing([b"a" * 5000] * 2, 100) == [b"listpack", b"quicklist"]
    assert encodings_while_growing([b"a" * 9000], 100) == [b"quicklist"]


@pytest.mark.parametrize("is_right", [False, True])
@pytest.mark.parametrize("directive", [-2, 100])
def test_the_encoding_goes_back_at_half_of_the_limit(is_right: bool, directive: int) -> None:
    limits = ListLimits(directive)
    value = filled([b"abcdefghijklmnopqrstuvwx"] * 1000, limits)
    assert value.encoding() == b"quicklist"
    while value.encoding() == b"quicklist":
        if is_right:
            value.pop_right(limits)
        else:
            value.pop_left(limits)
    value.check()
    assert value.size() == (50 if directive > 0 else 4096 // len(pack(b"abcdefghijklmnopqrstuvwx")))


def test_the_directive_is_cut_off_at_its_largest_size() -> None:
    assert ListLimits(-9).bytes == 65536


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (b"0", 2), (b"127", 2), (b"-1", 3), (b"128", 3), (b"4095", 3), (b"-4096", 3), (b"4096", 4),
        (b"-4097", 4), (b"32767", 4), (b"-32769", 5), (b"8388607", 5), (b"8388608", 6), (b"2147483647", 6),
        (b"-2147483649", 10), (b"9223372036854775807", 10), (b"9223372036854775808", 21), (b"01", 4),
        (b"-", 3), (b"-0", 4), (b"", 2), (b"a" * 63, 65), (b"a" * 64, 67), (b"a" * 125, 128),
        (b"a" * 126, 130), (b"a" * 4095, 4099), (b"a" * 4096, 4103), (b"a" * 16380, 16388),
        (b"a" * 2097152, 2097161),
    ],
)  # fmt: skip
def test_size_in_a_listpack(value: bytes, size: int) -> None:
    assert listpack_size(pack(value)) == size


@given(st.lists(VALUES, max_size=20))
def test_a_run_holds_what_was_packed(values: list[bytes]) -> None:
    run = b"".join(map(pack, values))
    assert split(run) == [pack(value) for value in values]
    assert unpack_all(run) == values == [unpack(element) for element in split(run)]
    assert skip(run, 0, len(values)) == len(run)


@given(st.lists(st.one_of(VALUES, st.binary(min_size=2, max_size=2)), max_size=9), st.integers(0, 3))
def test_elements_of_one_size_are_known_for_it(values: list[bytes], passed: int) -> None:
    run = b"".join(map(pack, values))
    position = skip(run, 0, min(passed, len(values)))
    sizes = {len(pack(value)) for value in values[passed:]}
    assert uniform_size(run, position) == (sizes.pop() if len(sizes) == 1 else 0)


def test_elements_of_one_size_are_found_by_counting() -> None:
    values = [b"%03d" % number for number in range(500)]
    run = b"".join(map(pack, values))
    assert [skip(run, 0, count) for count in (0, 5, 100, 500)] == [0, 45, 900, 4500]
    assert skip(run, 90, 100) == 990
    assert split(run) == list(map(pack, values))


@given(st.lists(VALUES, max_size=20), VALUES)
def test_matches_are_elements(values: list[bytes], value: bytes) -> None:
    run = b"".join(map(pack, values))
    matches = find_all(run, pack(value))
    assert matches.indexes == [number for number, other in enumerate(values) if other == value]
    assert matches.offsets == [skip(run, 0, number) for number in matches.indexes]
    rest = [other for other in values if other != value]
    assert unpack_all(without(run, matches.offsets, len(pack(value)))) == rest


def test_a_large_list_is_few_objects() -> None:
    value = filled([b"%07d" % number for number in range(100_000)], ListLimits())
    chunks = value.chunks
    assert chunks is not None
    value.check()
    assert len(chunks.chunks) - chunks.first < 100_000 / 100
    assert len(chunks.head) + len(chunks.tail) < 200
    assert value.get(50_000) == pack(b"0050000")


def test_a_list_at_rest_stays_one_run() -> None:
    value = filled([b"%d" % number for number in range(200)], ListLimits())
    assert value.chunks is None
    assert value.free_effort() == 1
    assert not value.release(10)


def test_a_list_popped_from_the_right_is_unpacked_only_while_it_is_long() -> None:
    limits = ListLimits()
    value = filled([b"%d" % number for number in range(200)], limits)
    value.pop_right(limits)
    assert value.chunks is not None
    while value.size() > 5:
        value.pop_right(limits)
    assert value.chunks is None
    assert value.values() == [b"0", b"1", b"2", b"3", b"4"]


def test_removing_much_leaves_no_crowd_of_small_chunks() -> None:
    limits = ListLimits()
    rng = random.Random(1)
    value = filled([b"keep" if rng.random() < 0.05 else b"drop" for _ in range(50_000)], limits)
    kept = value.values().count(b"keep")
    assert value.remove(pack(b"drop"), 1 << 62, False, limits) == 50_000 - kept
    value.check()
    assert value.values() == [b"keep"] * kept
    assert value.free_effort() < 100


def test_a_failed_insertion_may_change_the_encoding_of_a_run() -> None:
    limits = ListLimits(-1)
    value = filled([b"x" * 60] * 55, limits)
    assert (value.chunks, value.encoding()) == (None, b"listpack")
    value.reserve(limits, 1000, 1)
    assert not value.insert(pack(b"none"), pack(b"y" * 1000), True)
    assert (value.chunks, value.encoding()) == (None, b"quicklist")
    while value.encoding() == b"quicklist":
        value.pop_left(limits)
    assert len(value.run) <= 2048 < len(value.run) + len(pack(b"x" * 60))


def test_elements_larger_than_a_chunk_stand_alone() -> None:
    limits = ListLimits()
    values = [bytes([65 + number % 26]) * 10_000 for number in range(500)]
    value = filled(values, limits)
    value.set(250, pack(b"x" * 100_000), limits)
    values[250] = b"x" * 100_000
    value.check()
    assert value.values() == values
    while value.count:
        assert value.pop_right(limits) == pack(values.pop())


def test_release_frees_a_large_list_in_steps() -> None:
    value = filled([b"x" * 100] * 10_000, ListLimits())
    steps = 0
    while value.release(50):
        steps += 1
    assert steps == (value.size() // 64 - 1) // 50 or steps > 1


def test_the_digest_depends_on_the_order() -> None:
    digests = set()
    for values in ([b"a", b"b"], [b"b", b"a"], [b"ab"]):
        digest = Digest()
        filled(values, ListLimits()).mix_digest(digest)
        digests.add(digest.hex())
    assert len(digests) == 3


def test_type_and_encoding_names() -> None:
    value = ListValue()
    assert value.type_name() == b"list"
    assert value.encoding() == b"listpack"
