"""Elements of runs: their size, and what stands at a place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.datatypes.bulk_strings import is_at, pack, packed_size


@pytest.mark.parametrize("length", [0, 1, 9, 10, 99, 100, 999, 1000, 1023, 1024, 9999, 10_000, 123_456])
def test_packed_size(length: int) -> None:
    element = pack(b"x" * length)
    assert element == b"$%d\r\n%b\r\n" % (length, b"x" * length)
    assert packed_size(length) == len(element)


@given(st.binary(max_size=40), st.binary(max_size=20), st.binary(max_size=20), st.integers(0, 39))
def test_is_at(value: bytes, before: bytes, after: bytes, place: int) -> None:
    run = before + value + after
    assert is_at(run, len(before), value)
    if place < len(value):
        other = value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]
        assert not is_at(run, len(before), other)
