"""The longest common subsequence, beside the textbook's table walked back as Redis walks it."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from pyredis.datatypes.common_subsequence import common_length, common_matches

Runs = list[tuple[int, int, int]]

NARROW = st.binary(max_size=40).map(lambda text: bytes(byte & 3 for byte in text))
WIDE = st.binary(max_size=40)


def runs(first: bytes, second: bytes) -> Runs:
    return [(match.first_start, match.second_start, match.length) for match in common_matches(first, second)]


def runs_by_table(first: bytes, second: bytes) -> tuple[int, Runs]:
    """The length and the runs, cell by cell."""
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, a in enumerate(first, 1):
        for j, b in enumerate(second, 1):
            table[i][j] = table[i - 1][j - 1] + 1 if a == b else max(table[i - 1][j], table[i][j - 1])
    found: Runs = []
    i, j = len(first), len(second)
    while i and j:
        if first[i - 1] == second[j - 1]:
            i, j = i - 1, j - 1
            if found and found[-1][:2] == (i + 1, j + 1):
                found[-1] = (i, j, found[-1][2] + 1)
            else:
                found.append((i, j, 1))
        elif table[i - 1][j] > table[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return table[-1][-1], found


def test_an_example() -> None:
    assert common_length(b"ohmytext", b"mynewtext") == 6
    assert runs(b"ohmytext", b"mynewtext") == [(4, 5, 4), (2, 0, 2)]
    assert runs(b"mynewtext", b"ohmytext") == [(5, 4, 4), (0, 2, 2)]


def test_nothing_in_common() -> None:
    for first, second in ((b"", b""), (b"", b"abc"), (b"abc", b""), (b"abc", b"xyz")):
        assert common_length(first, second) == 0
        assert runs(first, second) == []


def test_all_in_common() -> None:
    text = bytes(range(256)) * 2
    assert common_length(text, text) == 512
    assert runs(text, text) == [(0, 0, 512)]


@given(st.one_of(st.tuples(NARROW, NARROW), st.tuples(WIDE, WIDE)))
@example((b"a" * 40, b"a"))
@example((b"a", b"a" * 40))
@example((b"abcbdab", b"bdcaba"))
def test_equals_the_table(texts: tuple[bytes, bytes]) -> None:
    length, found = runs_by_table(*texts)
    assert common_length(*texts) == length
    assert runs(*texts) == found


def test_large_tables_take_no_time_per_cell() -> None:
    first = b"ab" * 5790
    second = b"ba" * 5790
    matches = common_matches(first, second)
    assert common_length(first, second) == sum(match.length for match in matches) == 11579
    assert runs(b"a", b"x" * 1_000_000 + b"a") == [(0, 1_000_000, 1)]
