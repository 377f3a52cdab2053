"""HyperLogLogs against a model that keeps one number a register, and against values that Redis made."""

from __future__ import annotations

import hashlib
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis.datatypes import fast_hyperloglog
from pyredis.datatypes import hyperloglog as hll
from pyredis.datatypes.hyperloglog import CorruptError

MASK = (1 << 64) - 1
NO_LIMIT = 1 << 20
ELEMENTS = st.lists(
    st.one_of(st.binary(max_size=40), st.integers(0, 300).map(lambda n: b"%d" % n)), max_size=60
)


def naive_hash(data: bytes) -> int:
    """MurmurHash64A, in plain integers."""
    factor = 0xC6A4A7935BD1E995
    result = 0xADC83B19 ^ (len(data) * factor & MASK)
    whole = len(data) // 8 * 8
    for start in range(0, whole, 8):
        word = int.from_bytes(data[start : start + 8], "little") * factor & MASK
        word = (word ^ word >> 47) * factor & MASK
        result = (result ^ word) * factor & MASK
    if whole < len(data):
        result = (result ^ int.from_bytes(data[whole:], "little")) * factor & MASK
    result = (result ^ result >> 47) * factor & MASK
    return result ^ result >> 47


def naive_registers(elements: list[bytes]) -> list[int]:
    registers = [0] * hll.REGISTERS
    for element in elements:
        hashed = naive_hash(element)
        rest = hashed >> 14
        run = 51 if rest == 0 else (rest & -rest).bit_length()
        index = hashed & 16383
        registers[index] = max(registers[index], run)
    return registers


def built(elements: list[bytes], limit: int = NO_LIMIT) -> bytearray:
    value = bytearray(hll.EMPTY)
    for element in elements:
        hll.add(value, element, limit)
    return value


def dense(registers: list[int]) -> bytes:
    """The dense value that holds `registers`, packed bit by bit."""
    number = 0
    for index, register in enumerate(registers):
        number |= register << 6 * index
    return b"HYLL\0" + bytes(10) + b"\x80" + number.to_bytes(hll.DENSE_BYTES, "little")


def numbered(count: int) -> list[bytes]:
    return [b"element:%d" % number for number in range(count)]


@settings(deadline=None)
@given(st.binary(max_size=70))
def test_hash(data: bytes) -> None:
    assert hll.hash_element(data) & MASK == naive_hash(data)


@settings(deadline=None)
@given(ELEMENTS)
def test_sparse_registers_are_those_of_the_model(elements: list[bytes]) -> None:
    value = built(elements)
    assert not hll.is_dense(value)
    assert list(hll.registers_of(value)) == naive_registers(elements)


@settings(deadline=None)
@given(ELEMENTS)
def test_dense_registers_are_those_of_the_model(elements: list[bytes]) -> None:
    value = bytearray(hll.EMPTY)
    assert hll.make_dense(value)
    changes = [hll.add(value, element, 0) for element in elements]
    assert bytes(value[16:]) == dense(naive_registers(elements))[16:]
    assert not any(hll.add(value, element, 0) for element in elements)
    assert any(changes) == bool(elements)


@settings(deadline=None)
@given(ELEMENTS)
def test_making_a_value_dense_keeps_registers_and_header(elements: list[bytes]) -> None:
    value = built(elements)
    value[5:16] = b"unused-rest"
    registers = hll.registers_of(value)
    assert hll.make_dense(value)
    assert value[:5] == b"HYLL\0"
    assert value[5:16] == b"unused-rest"
    assert hll.registers_of(value) == registers
    assert not hll.make_dense(value)


def test_a_value_becomes_dense_beyond_the_limit() -> None:
    value = bytearray(hll.EMPTY)
    limit = 100
    for element in numbered(100):
        hll.add(value, element, limit)
        assert hll.is_dense(value) or len(value) <= limit
    assert hll.is_dense(value)
    assert list(hll.registers_of(value)) == naive_registers(numbered(100))


def test_the_steps_that_redis_takes() -> None:
    """Recorded from redis-server 7.0.15: PFADD of these elements one by one, then GET."""
    value = built([b"a", b"b", b"c"])
    hll.invalidate(value)
    assert value == b"HYLL\x01" + bytes(10) + b"\x80\x60\xf3\x80P\xb1\x84K\xfb\x80BZ"


def digest(value: bytes | bytearray) -> str:
    return hashlib.sha256(value).hexdigest()[:16]


def crowded() -> list[bytes]:
    """Elements of the first 48 registers only, so that runs split and join all the time."""
    return [b"%d" % number for number in range(60_000) if naive_hash(b"%d" % number) & 16383 < 48]


@pytest.mark.parametrize(
    ("count", "expected"), [(100, "28e31e2547b980be"), (300, "33c3ac2a7327fc61"), (1200, "3d0db1d9f8031f9d")]
)
def test_redis_has_the_same_bytes(count: int, expected: str) -> None:
    """Recorded from redis-server 7.0.15: one PFADD for each element, then GET."""
    assert digest(built(numbered(count), 3000)) == expected


def test_redis_has_the_same_bytes_when_runs_join() -> None:
    """Recorded likewise; then PFMERGE of two halves, and of a crowded and a wide value into a new one."""
    elements = crowded()
    assert digest(built(elements, 3000)) == "e3f6497fbb1be962"
    first, second = built(elements[::2], 3000), built(elements[1::2], 3000)
    assert digest(merged(first, [first, second])) == "e3f6497fbb1be962"
    assert digest(merged(bytearray(hll.EMPTY), [first, built(numbered(1200))])) == "ba82c5dfa3e9e434"


def merged(target: bytearray, values: list[bytearray]) -> bytearray:
    union = hll.make_union()
    for value in values:
        union.add(value)
    hll.store_registers(target, union.registers(), False, 3000)
    return target


REGISTERS = st.lists(st.integers(0, 3), min_size=14, max_size=14)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 13), st.integers(1, 3)), max_size=30), REGISTERS)
def test_a_writer_that_goes_on_equals_one_that_starts_anew(
    before: list[tuple[int, int]], later: list[int]
) -> None:
    """Neighbouring registers behind a long run, which is not near enough to be joined."""
    value = bytearray(hll.EMPTY)
    model = [0] * hll.REGISTERS
    for index, count in before:
        assert hll.SparseWriter(value, NO_LIMIT).set(9000 + index, count) == (count > model[9000 + index])
        model[9000 + index] = max(model[9000 + index], count)
    assert list(hll.registers_of(value)) == model
    again = bytearray(value)
    writer = hll.SparseWriter(value, NO_LIMIT)
    for index, count in enumerate(later):
        if count:
            assert writer.set(9000 + index, count) == hll.SparseWriter(again, NO_LIMIT).set(
                9000 + index, count
            )
            model[9000 + index] = max(model[9000 + index], count)
            assert value == again
    assert list(hll.registers_of(value)) == model


def test_a_high_register_needs_the_dense_form() -> None:
    value = bytearray(hll.EMPTY)
    assert hll.SparseWriter(value, NO_LIMIT).set(77, 33)
    assert hll.is_dense(value)
    assert hll.registers_of(value)[77] == 33


CORRUPT = (
    b"",  # no register at all
    b"\x7f\xfe",  # one too few
    b"\x7f\xff\x00",  # a ZERO too many
    b"\x7f\xff\x80",  # a VAL too many
    b"\x7f\xff\x7f\xff",
    b"\x7f\xff\x40",  # an XZERO too many, whose second byte is missing
)


@pytest.mark.parametrize("opcodes", CORRUPT)
def test_corrupt_opcodes_are_found(opcodes: bytes) -> None:
    value = bytearray(hll.EMPTY[:16] + opcodes)
    assert hll.is_hyperloglog(value)
    with pytest.raises(CorruptError):
        hll.registers_of(value)
    with pytest.raises(CorruptError):
        hll.histogram_of(value)
    with pytest.raises(CorruptError):
        hll.make_dense(value)
    with pytest.raises(CorruptError):
        hll.make_union().add(value)
    assert value == hll.EMPTY[:16] + opcodes


@pytest.mark.parametrize("opcodes", [b"", b"\x00", b"\x7f\xfe\x40"])
def test_a_register_that_no_opcode_has_cannot_be_set(opcodes: bytes) -> None:
    value = bytearray(hll.EMPTY[:16] + opcodes)
    with pytest.raises(CorruptError):
        hll.SparseWriter(value, NO_LIMIT).set(16383, 1)
    assert value == hll.EMPTY[:16] + opcodes


def test_a_missing_second_byte_reads_as_nul() -> None:
    value = hll.EMPTY[:16] + b"\x7f\xfe\x40"
    assert hll.registers_of(value) == bytes(hll.REGISTERS)
    assert hll.histogram_of(value)[0] == hll.REGISTERS
    assert hll.describe(value) == b"Z:16383 Z:1"


def test_what_looks_like_a_hyperloglog() -> None:
    assert hll.is_hyperloglog(hll.EMPTY)
    assert hll.is_hyperloglog(bytearray(dense([0] * hll.REGISTERS)))
    assert not hll.is_hyperloglog(b"")
    assert not hll.is_hyperloglog(hll.EMPTY[:15])
    assert not hll.is_hyperloglog(hll.EMPTY.lower())
    assert not hll.is_hyperloglog(b"HYLL\x02" + hll.EMPTY[5:])
    assert not hll.is_hyperloglog(dense([0] * hll.REGISTERS) + b"x")
    assert not hll.is_hyperloglog(b"HYLL\0" + hll.EMPTY[5:])


@pytest.mark.parametrize("seed", range(5))
def test_unions_hold_the_highest_registers(seed: int) -> None:
    rng = random.Random(seed)
    several = [
        [rng.choice((0, 0, 1, 32, 63, rng.randrange(64))) for _ in range(hll.REGISTERS)] for _ in range(3)
    ]
    highest = [max(values) for values in zip(*several, built_list(seed), strict=True)]
    for union in (hll.make_union(), hll.CompiledUnion(), hll.InterpretedUnion()):
        for registers in several:
            union.add(dense(registers))
        union.add(built(numbered(200 + seed)))
        assert list(union.registers()) == highest
        value = bytearray(hll.EMPTY)
        hll.store_registers(value, union.registers(), True, 0)
        assert bytes(value) == dense(highest)
    assert fast_hyperloglog.pack(bytes(highest)) == dense(highest)[16:]


def built_list(seed: int) -> list[int]:
    return naive_registers(numbered(200 + seed))


def test_storing_a_union_keeps_it_sparse_as_long_as_it_fits() -> None:
    one, other = built(numbered(300)), built([b"x%d" % number for number in range(300)])
    union = hll.make_union()
    union.add(one)
    union.add(other)
    expected = bytearray(one)
    for index, register in enumerate(hll.registers_of(other)):
        if register:
            hll.SparseWriter(expected, NO_LIMIT).set(index, register)
    target = bytearray(one)
    hll.store_registers(target, union.registers(), False, NO_LIMIT)
    hll.invalidate(expected)
    assert target == expected
    target = bytearray(one)
    hll.store_registers(target, union.registers(), False, len(one) + 10)
    assert hll.is_dense(target)
    assert hll.registers_of(target) == union.registers()


@pytest.mark.parametrize("registers", [[0] * 16384, [63] * 16384, [number % 64 for number in range(16384)]])
def test_every_way_of_counting_registers_agrees(registers: list[int]) -> None:
    expected = [registers.count(value) for value in range(64)]
    raw = bytes(registers)
    assert hll.histogram_of(dense(registers)) == expected
    assert hll.count_values(raw) == expected
    assert fast_hyperloglog.count_raw(raw) == expected
    assert fast_hyperloglog.count_packed(dense(registers), 16) == expected


@settings(deadline=None)
@given(ELEMENTS)
def test_sparse_histogram(elements: list[bytes]) -> None:
    registers = naive_registers(elements)
    assert hll.histogram_of(built(elements)) == [registers.count(value) for value in range(64)]


@pytest.mark.parametrize("count", [0, 1, 10, 100, 1000, 3000, 30_000])
def test_the_estimate_is_close_and_the_same_in_both_forms(count: int) -> None:
    elements = numbered(count)
    sparse = built(elements, 3000)
    value = bytearray(hll.EMPTY)
    hll.make_dense(value)
    for element in elements:
        hll.add(value, element, 0)
    estimate = hll.update_cardinality(sparse)
    assert estimate == hll.update_cardinality(value)
    assert abs(estimate - count) <= math.ceil(4 * 1.04 / 128 * count)


@pytest.mark.parametrize(
    ("register", "expected"),
    [
        (0, 0), (1, 23637), (5, 378194), (32, 50760319129350), (45, 415828534307635072),
        (48, 3326628274461080576), (49, 6653256548922161152), (50, 1 << 63), (51, 1 << 63), (63, 1 << 63),
    ],
)  # fmt: skip
def test_estimates_of_equal_registers_as_redis_gives_them(register: int, expected: int) -> None:
    assert hll.update_cardinality(bytearray(dense([register] * hll.REGISTERS))) == expected


def test_the_estimate_is_stored_until_something_changes() -> None:
    value = built(numbered(10))
    assert hll.cached_cardinality(value) is None
    assert hll.update_cardinality(value) == 10
    assert hll.cached_cardinality(value) == 10
    assert not hll.add(value, numbered(1)[0], NO_LIMIT)
    assert hll.cached_cardinality(value) == 10
    assert hll.add(value, b"another", NO_LIMIT)
    assert hll.cached_cardinality(value) is None


def test_describe() -> None:
    value = bytearray(hll.EMPTY)
    writer = hll.SparseWriter(value, NO_LIMIT)
    for index, count in ((70, 3), (71, 3), (75, 32)):
        writer.set(index, count)
    assert hll.describe(value) == b"Z:70 v:3,2 z:3 v:32,1 Z:16308"
