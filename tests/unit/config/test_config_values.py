"""Text to numbers and back: C's corners one by one, and that what is printed reads back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.config.values import (
    LONG_MAX,
    LONG_MIN,
    ULONG_MAX,
    c_string,
    format_memory,
    format_percentile,
    parse_c_integer,
    parse_double,
    parse_memory,
    quote,
    read_c_integer,
    wrap,
)
from pyredis.protocol.inline import split_args


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", 0),
        (b"0", 0),
        (b"12", 12),
        (b" \t12", 12),
        (b"+12", 12),
        (b"-12", -12),
        (b"012", 12),
        (b"12\0x", 12),
        (b"99999999999999999999", LONG_MAX),
        (b"-99999999999999999999", LONG_MIN),
        (b" ", None),
        (b"+", None),
        (b"+-1", None),
        (b"12 ", None),
        (b"1x", None),
        (b"1_0", None),
    ],
)
def test_c_integers(text: bytes, expected: int | None) -> None:
    assert parse_c_integer(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [(b"755", 0o755), (b"0755", 0o755), (b"8", None), (b"-1", -1), (b"7" * 22, 8**22 - 1)],
)
def test_octal_integers(text: bytes, expected: int | None) -> None:
    assert read_c_integer(text, 8) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", 0),
        (b"kb", 0),
        (b"5", 5),
        (b"5B", 5),
        (b"5k", 5000),
        (b"5KB", 5120),
        (b"5m", 5_000_000),
        (b"5mb", 5 << 20),
        (b"5g", 5_000_000_000),
        (b"5Gb", 5 << 30),
        (b"5\0x", 5),
        (b"18446744073709551615", ULONG_MAX),
        (b"18446744073709551616", ULONG_MAX),
        (b"20000000000gb", 3028092406290448384),
        (b"1" * 127, ULONG_MAX),
        (b"0" * 127 + b"1", None),
        (b"-1", None),
        (b"+5", None),
        (b" 5", None),
        (b"5 kb", None),
        (b"1.5gb", None),
        (b"0x10", None),
        (b"5t", None),
    ],
)
def test_memory_sizes(text: bytes, expected: int | None) -> None:
    assert parse_memory(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"99.9", 99.9),
        (b"+5", 5.0),
        (b".5", 0.5),
        (b"5.", 5.0),
        (b"1e1", 10.0),
        (b"0x10", 16.0),
        (b"0x.8p1", 1.0),
        (b"0e5", 0.0),
        (b"inf", math.inf),
        (b"-Infinity", -math.inf),
        (b"", None),
        (b" 1", None),
        (b"1 ", None),
        (b"1_0", None),
        (b"nan", None),
        (b"5x", None),
        (b"1e999", None),
        (b"1e-400", None),
        (b"0x1p99999", None),
        (b"\xc2\xb2", None),
    ],
)
def test_doubles(text: bytes, expected: float | None) -> None:
    assert parse_double(text) == expected


def test_percentiles_lose_the_zeros_that_end_them() -> None:
    assert [format_percentile(number) for number in (50.0, 99.9, 0.1234567, 100.0, -0.0)] == [
        b"50",
        b"99.9",
        b"0.123457",
        b"100",
        b"-0",
    ]


@given(st.integers(0, ULONG_MAX))
def test_memory_round_trip(value: int) -> None:
    assert parse_memory(format_memory(value)) == value


@pytest.mark.parametrize(
    ("value", "text"), [(0, b"0"), (1000, b"1000"), (1024, b"1kb"), (3 << 20, b"3mb"), (1 << 30, b"1gb")]
)
def test_memory_is_printed_with_the_largest_exact_unit(value: int, text: bytes) -> None:
    assert format_memory(value) == text


@given(st.binary())
def test_quote_round_trip(value: bytes) -> None:
    assert split_args(quote(value)) == [value]


def test_quote_is_printable() -> None:
    assert quote(b'a "b"\\\n\r\t\a\b\0\xff') == b'"a \\"b\\"\\\\\\n\\r\\t\\a\\b\\x00\\xff"'


@given(st.integers(), st.sampled_from([32, 64]))
def test_wrap_keeps_the_low_bits(value: int, bits: int) -> None:
    wrapped = wrap(value, bits)
    assert -(1 << bits - 1) <= wrapped < 1 << bits - 1
    assert (wrapped - value) % (1 << bits) == 0


def test_c_string_ends_at_the_first_nul() -> None:
    assert c_string(b"a\0b\0") == b"a"
    assert c_string(b"ab") == b"ab"
