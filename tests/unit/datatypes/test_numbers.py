"""Integers and doubles as text: what is accepted, what is refused, and how doubles are printed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.datatypes import numbers
from pyredis.datatypes.numbers import INT64_MAX, INT64_MIN, format_double, parse_double, parse_int64

NUMERIC_TEXT = st.text("0123456789-+. eEx_inf", max_size=22).map(str.encode)


class TestParseInt64:
    @pytest.mark.parametrize("value", [0, 1, -1, 9, 10, -10, 10**17, 10**18, -(10**18), INT64_MAX, INT64_MIN])
    def test_canonical_text(self, value: int) -> None:
        assert parse_int64(b"%d" % value) == value

    @pytest.mark.parametrize(
        "text",
        [
            b"", b"-", b"+1", b"01", b"-0", b"-01", b" 1", b"1 ", b"1\n", b"1.0", b"1e3", b"0x1", b"1_000",
            b"--1",
            b"9223372036854775808", b"-9223372036854775809", b"99999999999999999999", b"1" * 21, b"1" * 5000,
            b"12345678901234567a", b"a", b"1\x00", "\u0661".encode(), b"123456789012345678-",
        ],
    )  # fmt: skip
    def test_everything_else_is_refused(self, text: bytes) -> None:
        assert parse_int64(text) is None

    @given(st.one_of(NUMERIC_TEXT, st.integers(-(1 << 65), 1 << 65).map(lambda n: b"%d" % n)))
    def test_the_fast_form_agrees_with_the_plain_one(self, text: bytes) -> None:
        assert numbers._parse_by_byte(text) == numbers._parse_at_once(text)

    @given(st.binary(max_size=22))
    def test_any_bytes(self, text: bytes) -> None:
        value = parse_int64(text)
        assert value is None or b"%d" % value == text


class TestParseDouble:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            (b"1", 1.0), (b"-1.5", -1.5), (b"+.5", 0.5), (b"5.", 5.0), (b"1e3", 1000.0), (b"1E-3", 0.001),
            (b"0e999999999999", 0.0), (b"007", 7.0), (b"0x10", 16.0), (b"0X1.8p1", 3.0), (b"-0x.8", -0.5),
            (b"0x1p-1074", 5e-324), (b"0x0p99999999999", 0.0), (b"inf", math.inf), (b"-INF", -math.inf),
            (b"+Infinity", math.inf), (b"4.9e-324", 5e-324), (b"2.5e-324", 5e-324),
            (b"1.7976931348623158e308", 1.7976931348623157e308), (b"1" + b"0" * 300, 1e300),
            (b"0x1.fffffffffffff7p1023", 1.7976931348623157e308),
        ],
    )  # fmt: skip
    def test_accepted(self, text: bytes, value: float) -> None:
        assert parse_double(text) == value

    @pytest.mark.parametrize(
        "text",
        [
            b"", b" 1", b"1 ", b"\t1", b"1\n", b"nan", b"-NaN", b"nan(1)", b".", b"-", b"e5", b"1e", b"1e+",
            b"1,5",
            b"1_0", b"0_0", b"1e5.5", b"0x", b"0x.", b"0xp1", b"0x1p", b"0x1g", b"1f", b"--1", b"infi",
            b"1\x00",
            b"1e309", b"-1e309", b"2e-324", b"1e-400", b"0x1p1024", b"0x1p-1075", b"\xd9\xa3", b"0b1",
            b"inf ",
        ],
    )  # fmt: skip
    def test_refused(self, text: bytes) -> None:
        assert parse_double(text) is None

    def test_negative_zero_keeps_its_sign(self) -> None:
        for text in (b"-0", b"-0.0", b"-0e5", b"-0x0"):
            value = parse_double(text)
            assert value == 0.0
            assert math.copysign(1.0, value) == -1.0

    @given(st.floats(allow_nan=False))
    def test_reads_what_python_prints(self, value: float) -> None:
        assert parse_double(repr(value).encode()) == value

    @given(NUMERIC_TEXT)
    def test_accepts_no_more_than_python(self, text: bytes) -> None:
        value = parse_double(text)
        if value is not None and b"x" not in text:
            assert float(text) == value


class TestFormatDouble:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (0.0, b"0"), (-0.0, b"-0"), (1.0, b"1"), (-17.0, b"-17"), (1e6, b"1000000"), (0.1, b"0.1"),
            (-2.5, b"-2.5"), (math.inf, b"inf"), (-math.inf, b"-inf"), (math.nan, b"nan"),
            (1e18, b"1000000000000000000"), (4611686018427387904.0, b"4611686018427387904"), (5e18, b"5e+18"),
            (-4611686018427387904.0, b"-4611686018427387904"),
            (9223372036854775807.0, b"9223372036854776000"),
            (3.0000000000000004, b"3.0000000000000004"), (1700000000.123, b"1700000000.123"),
        ],
    )  # fmt: skip
    def test_values(self, value: float, text: bytes) -> None:
        assert format_double(value) == text

    @given(st.floats(allow_nan=False))
    def test_reads_back(self, value: float) -> None:
        read = parse_double(format_double(value))
        assert read == value
        assert math.copysign(1.0, read) == math.copysign(1.0, value)

    @given(st.integers(-(1 << 53), 1 << 53))
    def test_integers(self, value: int) -> None:
        assert format_double(float(value)) == b"%d" % value
