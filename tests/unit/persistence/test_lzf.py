"""LZF: there and back, damaged data, and bounds."""

from __future__ import annotations

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.persistence import lzf

REPETITIVE = st.lists(
    st.sampled_from([b"a", b"bc", b"abcabc", b"x" * 40, b"\0", b"hello world "]), max_size=60
).map(b"".join)


@given(st.one_of(REPETITIVE, st.binary(max_size=400)))
def test_there_and_back(data: bytes) -> None:
    packed = lzf.compress(data, len(data) - 4)
    if packed:
        assert len(packed) <= len(data) - 4
        assert lzf.decompress(packed, len(data)) == data


@pytest.mark.parametrize(
    "size", [3, 5, 18, 19, 20, 21, 22, 264, 265, 266, 270, 290, 8191, 8192, 8200, 70_000]
)
def test_runs_of_one_byte(size: int) -> None:
    data = b"a" * size
    packed = lzf.compress(data, size)
    if packed:
        assert lzf.decompress(packed, size) == data
    assert packed or size < 10


def test_what_a_real_server_makes_of_it() -> None:
    # DUMP of these strings by redis-server 7.0.15, without header and footer.
    text = b"CBBBABABABAAACCBCBBCACCACCBBCCCBBBABABABAAACCCBBBABABABAAACCBCBBCACCACCBBCC"
    expected = b"\x04CBBBA\x80\x01\x08AACCBCBBC \x07 \x02 \x08@\x04\x80\x1b\x80\x1d \x13@\n@\x01\xe0\n,"
    assert lzf.compress(text, len(text) - 4) == expected
    assert lzf.decompress(expected, len(text)) == text


def test_random_data_does_not_shrink() -> None:
    data = random.Random(1).randbytes(5000)
    assert lzf.compress(data, len(data) - 4) == b""


def test_the_table_is_clean_for_every_string() -> None:
    one, two = b"abcdefgh" * 20, b"abcdefghabcdefgh" + b"z" * 30
    alone = lzf.compress(two, len(two))
    for _ in range(3):
        lzf.compress(one, len(one))
        assert lzf.compress(two, len(two)) == alone


@pytest.mark.parametrize(
    ("packed", "size"),
    [
        (b"\x02ab", 3),  # literals cut short
        (b"\x00a", 2),  # too few
        (b"\x01ab", 1),  # too many
        (b"\x20", 3),  # a reference without its distance
        (b"\xe0\x01", 10),  # a long one without its distance
        (b"\xe0", 10),
        (b"\x20\x00", 3),  # before the beginning
        (b"\x00a\x20\x01", 4),
        (b"\x00a\xe0\xff\x00", 10),  # more than was promised
        (b"", 1),
    ],
)
def test_damaged_data_is_refused(packed: bytes, size: int) -> None:
    with pytest.raises(lzf.LzfError):
        lzf.decompress(packed, size)


@given(st.binary(max_size=60), st.integers(0, 300))
def test_no_data_does_harm(packed: bytes, size: int) -> None:
    with contextlib.suppress(lzf.LzfError):
        assert len(lzf.decompress(packed, size)) == size
