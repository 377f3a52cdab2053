"""The functions of Lua's libraries that are written in Python."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.scripting import natives

doubles = st.floats(allow_nan=True, allow_infinity=True)
words = st.integers(-(1 << 31), (1 << 31) - 1)


@given(words, words)
def test_bit_operations_are_those_of_32_bit_integers(a: int, b: int) -> None:
    assert natives.bit_band(a, b) == a & b
    assert natives.bit_bor(a, b) == a | b
    assert natives.bit_bxor(a, b) == a ^ b
    assert natives.bit_bnot(a) == ~a
    assert natives.bit_bswap(natives.bit_bswap(a)) == a
    assert natives.bit_ror(natives.bit_rol(a, b), b) == a
    assert natives.bit_arshift(a, b) == a >> (b & 31)
    assert natives.bit_rshift(a, 0) == a


@given(doubles)
def test_any_double_has_32_bits(value: float) -> None:
    assert -(1 << 31) <= natives.bit_tobit(value) < 1 << 31


@given(st.integers(-(1 << 50), 1 << 50))
def test_integers_and_equal_doubles_have_the_same_bits(value: int) -> None:
    assert natives.bits(value) == natives.bits(float(value)) == value & 0xFFFFFFFF


@given(st.integers(-(1 << 53), 1 << 53), st.integers(1, 8), st.booleans())
def test_integers_come_back(value: int, size: int, is_little: bool) -> None:
    data = natives.write_integer(value, size, is_little)
    assert len(data) == size
    half = 1 << (8 * size - 1)
    if -half <= value < half:
        assert natives.read_integer(data, True, is_little) == value
    if 0 <= value < 2 * half:
        assert natives.read_integer(data, False, is_little) == value


@given(doubles, st.booleans())
def test_floats_come_back(value: float, is_little: bool) -> None:
    again = natives.read_float(natives.write_float(value, 8, is_little), is_little)
    assert again == value or (math.isnan(again) and math.isnan(value))
    natives.write_float(value, 4, is_little)


@given(doubles)
def test_the_shorter_float_is_taken_when_it_loses_nothing(value: float) -> None:
    data = natives.float_bytes(value)
    if data[0] == 0xCA:
        assert struct.unpack(">f", data[1:])[0] == value
    else:
        assert data[0] == 0xCB
        assert data[1:] == struct.pack(">d", value)


@pytest.mark.parametrize(
    ("text", "value", "length"),
    [
        (b"1", 1.0, 1), (b"-1.5e3,", -1500.0, 6), (b"1.", 1.0, 2), (b"1e", 1.0, 1), (b"0x1Fg", 31.0, 4),
        (b"0x1p4", 16.0, 5), (b"-", 0.0, 0), (b"x", 0.0, 0), (b"inf]", math.inf, 3), (b"-Infinity", -math.inf, 9),
        (b"1e999", math.inf, 5), (b"+7", 7.0, 2), (b"0x", 0.0, 1),
    ],
)  # fmt: skip
def test_numbers_are_read_as_by_strtod(text: bytes, value: float, length: int) -> None:
    assert natives.parse_number(text) == (value, length)


def test_a_number_that_is_none() -> None:
    value, length = natives.parse_number(b"nan,1")
    assert math.isnan(value)
    assert length == 3


@given(doubles)
def test_doubles_become_integers_as_in_c(value: float) -> None:
    number = natives.integral(value)
    assert -(1 << 63) <= number < 1 << 63
    if abs(value) < 1 << 62:
        assert number == int(value)


def test_numbers_become_text_as_in_lua() -> None:
    for value, text in (
        (1, b"1"),
        (1e15, b"1e+15"),
        (0.1, b"0.1"),
        (10**14, b"1e+14"),
        (99_999_999_999_999, b"99999999999999"),
    ):
        assert natives.number_text(value) == text
