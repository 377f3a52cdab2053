"""80-bit arithmetic: against exact fractions, and against answers noted from a real server on x86."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyredis.datatypes.long_double import (
    INFINITE_BITS,
    LEAST_EXPONENT,
    LongDouble,
    add,
    format_long_double,
    parse_long_double,
)

LARGEST = b"0x1.fffffffffffffffep16383"
DIGITS = st.text("0123456789", max_size=25)
DECIMAL = st.builds(
    lambda sign, whole, decimals, power: f"{sign}{whole}.{decimals}e{power}",
    st.sampled_from(["", "-", "+"]), DIGITS.filter(bool), DIGITS, st.integers(-5000, 4960),
)  # fmt: skip
SIMPLE = st.builds(
    lambda number, places: f"{number / 10**places:.{places}f}",
    st.integers(-(10**18), 10**18), st.integers(0, 12),
)  # fmt: skip


def parse(text: str | bytes) -> LongDouble:
    number = parse_long_double(text.encode() if isinstance(text, str) else text)
    assert number is not None, text
    return number


def exact(number: LongDouble) -> Fraction:
    assert not number.is_infinite
    return number.mantissa * Fraction(2) ** number.exponent


def is_nearest(number: LongDouble, value: Fraction) -> bool:
    """Whether no other long double is nearer to `value`, and of two as near the even one was taken."""
    unit = Fraction(2) ** number.exponent
    while 0 < abs(number.mantissa) < 1 << 63 and number.exponent > LEAST_EXPONENT:
        unit /= 2
        number = LongDouble(number.mantissa * 2, number.exponent - 1)
    error = abs(exact(number) - value)
    return error < unit / 2 or (error == unit / 2 and number.mantissa % 2 == 0)


class TestParsing:
    @pytest.mark.parametrize(
        "text",
        [
            b"", b" 1", b"1 ", b"\t1", b"1\n", b"nan", b"-nan", b"nan(1)", b".", b"-", b"+", b"+-1", b"e5",
            b"1e", b"1e+",
            b"1e5.5", b"1,5", b"1_0", b"0x", b"0x.", b"0xp1", b"0x1p", b"0x1p+", b"0x1g", b"infi",
            b"infinityx", b"1f",
            b"1L", b"--1", b"1\x00", b"\xd9\xa3", b"0b1", b"1" * 5120, b"0." + b"0" * 5118,
            b"1e4933", b"-1e4933", b"1.19e4932", b"1e-4952", b"0x1p16384", b"0x1p-16446",
            b"1e999999999999999999",
            b"1e-99999999999999999999", b"0x1.ffffffffffffffffp16383", b"1e" + b"9" * 5000,
        ],
    )  # fmt: skip
    def test_refused(self, text: bytes) -> None:
        assert parse_long_double(text) is None

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            (b"1", 1), (b"-0", 0), (b"+7", 7), (b"007", 7), (b".5", Fraction(1, 2)), (b"-5.", -5),
            (b"25e-2", Fraction(1, 4)), (b"1E3", 1000), (b"0xff", 255), (b"-0X.8", Fraction(-1, 2)),
            (b"0x1P3", 8),
            (b"0x1p-3", Fraction(1, 8)), (b"0x1.8", Fraction(3, 2)), (b"0e99999999999999999999", 0),
            (b"0x0p99999999999", 0), (b"18446744073709551615", 2**64 - 1), (b"18446744073709551617", 2**64),
            (b"18446744073709551619", 2**64 + 4), (b"0x1.0000000000000001", 1),
            (b"0x1.0000000000000003", 1 + Fraction(1, 2**62)), (b"0x1p-16445", Fraction(1, 2**16445)),
            (b"0x1.00001p-16446", Fraction(1, 2**16445)), (LARGEST, (2**64 - 1) * 2**16320),
            (b"0." + b"0" * 5000 + b"1e5001", 1),
        ],
        ids=lambda value: repr(value)[:30] if isinstance(value, bytes) else "",
    )  # fmt: skip
    def test_accepted(self, text: bytes, value: int | Fraction) -> None:
        assert exact(parse(text)) == value

    def test_more_digits_than_python_converts(self) -> None:
        assert is_nearest(parse(b"1" + b"0" * 4900), Fraction(10**4900))
        assert is_nearest(parse(b"0." + b"3" * 5000), Fraction(1, 3))

    @pytest.mark.parametrize("text", [b"inf", b"-inf", b"+INF", b"Infinity", b"-iNfInItY"])
    def test_infinite(self, text: bytes) -> None:
        number = parse(text)
        assert number.is_infinite
        assert (number.mantissa < 0) == text.startswith(b"-")

    @given(DECIMAL)
    @example("1.7e-4951")
    @example("3.3621031431120935063e-4932")
    def test_rounds_to_nearest(self, text: str) -> None:
        mantissa, _, power = text.partition("e")
        value = Fraction(mantissa) * Fraction(10) ** int(power)
        number = parse_long_double(text.encode())
        if number is None:
            least = Fraction(2) ** LEAST_EXPONENT
            assert 0 < abs(value) <= least / 2 or abs(value) >= (2**65 - 1) * 2**16319
        else:
            assert is_nearest(number, value)


class TestAdding:
    @given(DECIMAL, DECIMAL)
    @example("0x1p0", "0x1p-64")
    @example("0x1.8p0", "0x1p-63")
    @example("0x1p0", "0x1.8p-63")
    @example("18446744073709551615", "0x1p-1")
    def test_rounds_to_nearest(self, one: str, other: str) -> None:
        left, right = parse_long_double(one.encode()), parse_long_double(other.encode())
        if left is None or right is None:
            return
        total = add(left, right)
        value = exact(left) + exact(right)
        if total.is_infinite:
            assert abs(value) >= (2**65 - 1) * 2**16319
        else:
            assert is_nearest(total, value)
            assert abs(total.mantissa) <= 1 << 64

    def test_overflow(self) -> None:
        largest = parse(LARGEST)
        assert add(largest, largest).is_infinite
        assert add(largest, parse("0x1p16319")).is_infinite
        assert not add(largest, parse("0x1p16318")).is_infinite
        assert abs(largest.mantissa).bit_length() + largest.exponent == INFINITE_BITS

    @pytest.mark.parametrize(
        ("one", "other"), [("inf", "1"), ("1", "-inf"), ("inf", "-inf"), ("-inf", "-inf")]
    )
    def test_infinity(self, one: str, other: str) -> None:
        assert add(parse(one), parse(other)).is_infinite


class TestPrinting:
    @pytest.mark.parametrize(
        ("one", "other", "text"),
        [
            ("10.50", "0.1", b"10.6"),
            ("5.0e3", "2.0e2", b"5200"),
            ("0.1", "0.2", b"0.3"),
            ("3", "1.1", b"4.1"),
            ("-0.0", "-0", b"0"),
            ("1e-17", "0", b"0.00000000000000001"),
            ("5e-18", "0", b"0"),
            ("6e-18", "0", b"0.00000000000000001"),
            ("4e-18", "0", b"0"),
            ("-4e-18", "0", b"0"),
            ("9223372036854775807", "0.5", b"9223372036854775807.5"),
            ("18446744073709551615", "0.5", b"18446744073709551616"),
            ("1e20", "0.01", b"100000000000000000000"),
            ("-1e30", "1", b"-1000000000000000000024696061952"),
            ("0x1p-18", "0", b"0.00000381469726562"),
            ("0x3p-18", "0", b"0.00001144409179688"),
            ("3.0e3", "1.123456789012345678", b"3001.12345678901234569"),
        ],
    )
    def test_sums(self, one: str, other: str, text: bytes) -> None:
        assert format_long_double(add(parse(one), parse(other))) == text

    def test_thousands_of_digits(self) -> None:
        text = format_long_double(parse(LARGEST))
        assert len(text) == 4933
        assert text.startswith(b"1189731495357231765021263853030970205169063322294624200440323733891737")
        assert text == format_long_double(parse(text))
        assert format_long_double(parse("-1e4000")).startswith(b"-999999999999999999996546387309962378493")
        for number in (parse("1.00001e4002"), parse("0x1p13288"), parse(LARGEST)):
            text = format_long_double(number)
            assert int(text[:-4000]) * 10**4000 + int(text[-4000:]) == exact(number)

    @given(st.one_of(DECIMAL, SIMPLE))
    def test_has_17_decimals(self, text: str) -> None:
        number = parse_long_double(text.encode())
        if number is None:
            return
        printed = format_long_double(number)
        assert b"e" not in printed
        assert printed != b"-0"
        if len(printed) < 4000:
            whole, _, decimals = printed.partition(b".")
            units = Fraction(int(whole + decimals), 10 ** len(decimals))
            error = abs(units - exact(number)) * 10**17
            assert error <= Fraction(1, 2)
            if error == Fraction(1, 2):
                assert units * 10**17 % 2 == 0
            assert not decimals.endswith(b"0")
            assert len(decimals) <= 17
