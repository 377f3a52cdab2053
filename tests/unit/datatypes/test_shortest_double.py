"""The digits of Grisu2, beside those of the shortest text and of a second way to the same result."""

from __future__ import annotations

import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyredis.datatypes import shortest_double
from pyredis.datatypes.shortest_double import shortest_digits, shortest_text

LEAST_NORMAL = sys.float_info.min
POSITIVE = st.floats(min_value=5e-324, allow_infinity=False)
DECIMAL = st.builds(lambda number, places: number / 10**places, st.integers(1, 10**16), st.integers(0, 20))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, b"0.1"),
        (1 / 3, b"0.3333333333333333"),
        (-4.35, b"-4.35"),
        (0.0001, b"0.0001"),
        (1e-5, b"0.00001"),
        (1e-7, b"1e-7"),
        (1.23e-8, b"1.23e-8"),
        (5e18, b"5e+18"),
        (1e21, b"1e+21"),
        (1e100, b"1e+100"),
        (-1.25e-300, b"-1.25e-300"),
        (1.2345678901234568e20, b"123456789012345680000"),
        (2.0**70, b"1180591620717411300000"),
        # From seven decimals on the exponent form is taken even for ordinary numbers.
        (46590.7106649, b"4.65907106649e+4"),
        (1234.5678901, b"1234.5678901"),
        (634390.351623359, b"6.34390351623359e+5"),
        # Where Grisu2 misses the shortest text, or the nearest one of the same length.
        (4.47702, b"4.4770200000000004"),
        (5.35141, b"5.3514099999999996"),
        (0.891931660095237, b"0.8919316600952371"),
        (1e23, b"99999999999999990000000"),
        # The ends of the range, and where the distance to the neighbours changes.
        (5e-324, b"5e-324"),
        (1.5e-323, b"1.5e-323"),
        (2.225073858507201e-308, b"2.225073858507201e-308"),
        (LEAST_NORMAL, b"2.2250738585072014e-308"),
        (sys.float_info.max, b"1.7976931348623157e+308"),
    ],
)
def test_text(value: float, text: bytes) -> None:
    assert shortest_text(value) == text


@given(st.one_of(POSITIVE, DECIMAL))
@example(5e-324)
@example(LEAST_NORMAL)
@example(sys.float_info.max)
def test_reads_back(value: float) -> None:
    assert float(shortest_text(value)) == value
    assert float(shortest_text(-value)) == -value


@given(st.one_of(POSITIVE, DECIMAL))
def test_is_never_shorter_than_the_shortest(value: float) -> None:
    digits, _ = shortest_digits(value)
    shortest = repr(value).partition("e")[0].replace(".", "").strip("0")
    assert len(shortest) <= len(str(digits).rstrip("0")) <= 17


@given(st.one_of(st.floats(min_value=LEAST_NORMAL, allow_infinity=False), DECIMAL))
@example(4.47702)
@example(5.35141)
@example(1e23)
@example(1.0)
@example(2.0**-1022)
def test_both_ways_to_the_digits_agree(value: float) -> None:
    top, room, distance, shift, power, step = shortest_double._interval(value)
    assert step == 1
    guess = shortest_double._last_place(value) + power
    assert shortest_double._generate(top, room, distance, shift) == shortest_double._generate_from(
        guess, top, room, distance, shift
    )


def test_powers_of_ten() -> None:
    assert len(shortest_double._TABLE) == shortest_double.POWERS
    for index, (mantissa, exponent) in enumerate(shortest_double._TABLE):
        power = shortest_double.FIRST_POWER + shortest_double.POWER_STEP * index
        assert mantissa.bit_length() == 64
        # The exact power lies within half a unit of the last place; both sides are made integers.
        exact = 10 ** max(power, 0) << max(-exponent, 0)
        ours = mantissa * 10 ** max(-power, 0) << max(exponent, 0)
        unit = 10 ** max(-power, 0) << max(exponent, 0)
        assert 2 * abs(exact - ours) <= unit
