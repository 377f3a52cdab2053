"""Bit operations against models that look at one bit after the other."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyredis.datatypes import bits, fast_bits

RUNS = st.tuples(
    st.sampled_from([b"\0", b"\xff", b"\x55", b"\x80", b"\x01"]),
    st.sampled_from([0, 1, 2, 7, 8, 9, 63, 64, 65, 255, 256, 257, 8191, 8192, 8193]),
).map(lambda run: run[0] * run[1])
DATA = st.lists(st.one_of(RUNS, st.binary(max_size=20)), max_size=4).map(b"".join)
STRINGS = st.one_of(DATA, DATA.map(bytearray))
FIELDS = st.tuples(st.integers(0, 200), st.integers(1, 64), st.booleans())
INT64 = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.builds(
        lambda power, sign, delta: max(-(1 << 63), min(sign * (1 << power) + delta, (1 << 63) - 1)),
        st.integers(0, 63), st.sampled_from((-1, 1)), st.integers(-1, 1),
    ),
)  # fmt: skip
OVERFLOWS = st.sampled_from((bits.WRAP, bits.SATURATE, bits.FAIL))


def text(data: bytes | bytearray) -> str:
    """The bits as a string of digits."""
    return "".join(f"{byte:08b}" for byte in data)


@settings(deadline=None)
@given(STRINGS)
def test_count_ones_counts_ones(data: bytes | bytearray) -> None:
    assert bits.count_ones(data) == text(data).count("1")


@settings(deadline=None)
@given(st.binary(max_size=70).map(lambda data: data * 3))
def test_both_ways_of_counting_agree(data: bytes) -> None:
    assert fast_bits.count_ones(data) == int.from_bytes(data, "big").bit_count()


def test_count_ones_of_a_full_string() -> None:
    assert bits.count_ones(b"\xff" * 100_003) == 800_024


@settings(deadline=None)
@given(st.data(), STRINGS.filter(len))
def test_count_ones_between(draw: st.DataObject, data: bytes | bytearray) -> None:
    first = draw.draw(st.integers(0, len(data) * 8 - 1))
    last = draw.draw(st.integers(first, len(data) * 8 - 1))
    assert bits.count_ones_between(data, first, last) == text(data)[first : last + 1].count("1")


@settings(deadline=None)
@given(st.data(), STRINGS.filter(len), st.integers(0, 1))
def test_find_bit(draw: st.DataObject, data: bytes | bytearray, bit: int) -> None:
    first = draw.draw(st.integers(0, len(data) * 8 - 1))
    last = draw.draw(st.integers(first, len(data) * 8 - 1))
    assert bits.find_bit(data, bit, first, last) == text(data).find(str(bit), first, last + 1)


@pytest.mark.parametrize("length", [0, 1, 255, 256, 257, 8191, 8192, 8193, 8448, 20000])
@pytest.mark.parametrize("bit", [0, 1])
def test_find_bit_behind_a_long_run(length: int, bit: int) -> None:
    fill, odd = (b"\0", b"\x08") if bit else (b"\xff", b"\xf7")
    data = fill * length + odd + fill * 3
    last = len(data) * 8 - 1
    assert bits.find_bit(data, bit, 0, last) == length * 8 + 4
    assert bits.find_bit(data, bit, 0, length * 8 + 4) == length * 8 + 4
    assert bits.find_bit(data, bit, length * 8 + 5, last) == -1
    if length:
        assert bits.find_bit(data, bit, 0, length * 8 - 1) == -1


def naive_combine(operation: int, values: list[bytes | bytearray]) -> bytes:
    length = max(map(len, values))
    result = bytearray(values[0].ljust(length, b"\0"))
    for value in values[1:]:
        for index, byte in enumerate(value.ljust(length, b"\0")):
            if operation == bits.AND:
                result[index] &= byte
            elif operation == bits.OR:
                result[index] |= byte
            else:
                result[index] ^= byte
    return bytes(result)


SHORT = st.one_of(st.binary(max_size=20), st.binary(max_size=30).map(lambda data: bytearray(data * 9)))


@settings(deadline=None)
@given(st.sampled_from((bits.AND, bits.OR, bits.XOR)), st.lists(SHORT, min_size=1, max_size=4))
@example(bits.AND, [b"", b"\xff" * 80])
@example(bits.XOR, [b"\xff" * 80, b"", b"\xff" * 65])
def test_combine(operation: int, values: list[bytes | bytearray]) -> None:
    before = [bytes(value) for value in values]
    assert bits.combine(operation, values) == naive_combine(operation, values)
    assert values == before


@settings(deadline=None)
@given(st.sampled_from((bits.AND, bits.OR, bits.XOR)), st.lists(SHORT, min_size=1, max_size=4))
def test_both_ways_of_combining_agree(operation: int, values: list[bytes | bytearray]) -> None:
    values.sort(key=len, reverse=True)
    size = len(values[0])
    if operation != bits.AND:
        assert fast_bits.combine(operation, values, size) == naive_combine(operation, values)
    size = len(values[-1])
    assert fast_bits.combine(operation, values, size) == naive_combine(
        operation, [value[:size] for value in values]
    )


@settings(deadline=None)
@given(SHORT)
def test_invert(value: bytes | bytearray) -> None:
    expected = bytes(255 - byte for byte in value)
    assert bits.invert(value) == expected
    assert fast_bits.invert(value) == expected


def test_grow_fills_up_with_zeros() -> None:
    data = bytearray(b"x")
    assert not bits.grow(data, 1)
    assert bits.grow(data, 3)
    assert data == b"x\0\0"
    assert bits.grow(data, (3 << 20) + 5)
    assert data == b"x" + bytes((3 << 20) + 4)


@settings(deadline=None)
@given(STRINGS, FIELDS)
def test_get_field(data: bytes | bytearray, field: tuple[int, int, bool]) -> None:
    offset, width, is_signed = field
    digits = (text(data) + "0" * (offset + width))[offset : offset + width]
    expected = int(digits, 2)
    if is_signed and digits[0] == "1":
        expected -= 1 << width
    assert bits.get_field(data, offset, width, is_signed) == expected


@settings(deadline=None)
@given(st.binary(min_size=34, max_size=40), FIELDS, INT64)
def test_set_field(data: bytes, field: tuple[int, int, bool], value: int) -> None:
    offset, width, _ = field
    digits = text(data)
    expected = digits[:offset] + f"{value & ((1 << width) - 1):0{width}b}" + digits[offset + width :]
    edited = bytearray(data)
    bits.set_field(edited, offset, width, value)
    assert text(edited) == expected


@settings(deadline=None)
@given(INT64, FIELDS, OVERFLOWS)
def test_fit(value: int, field: tuple[int, int, bool], overflow: int) -> None:
    _, width, is_signed = field
    low, high = (-(1 << width - 1), (1 << width - 1) - 1) if is_signed else (0, (1 << width) - 1)
    fitted = bits.fit(value, width, is_signed, overflow)
    if low <= value <= high:
        assert fitted == value
    elif overflow == bits.FAIL:
        assert fitted is None
    elif overflow == bits.SATURATE:
        assert fitted == (low if value < low else high)
    else:
        assert fitted is not None
        assert low <= fitted <= high
        assert (fitted - value) % (1 << width) == 0
