"""Stream IDs as text, in all the forms that Redis's parsing allows."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyredis.datatypes.stream_ids import (
    ID_MAX,
    PART_MAX,
    id_ms,
    id_seq,
    id_text,
    join_id,
    parse_id,
    parse_partial_id,
    parse_plain,
    parse_unsigned,
    parts_text,
)


@given(st.integers(0, PART_MAX), st.integers(0, PART_MAX))
def test_text_and_back(ms: int, seq: int) -> None:
    entry_id = join_id(ms, seq)
    assert (id_ms(entry_id), id_seq(entry_id)) == (ms, seq)
    assert id_text(entry_id) == parts_text(ms, seq) == b"%d-%d" % (ms, seq)
    assert parse_id(id_text(entry_id), 0, True) == entry_id
    assert parse_id(b"%d" % ms, seq, True) == entry_id
    partial = parse_partial_id(b"%d-%d" % (ms, seq))
    assert partial is not None
    assert (partial.ms, partial.seq, partial.has_seq) == (ms, seq, True)


def test_the_order_of_ids_is_that_of_integers() -> None:
    assert join_id(1, PART_MAX) + 1 == join_id(2, 0)
    assert join_id(PART_MAX, PART_MAX) == ID_MAX


@pytest.mark.parametrize(
    ("text", "ms", "seq"),
    [
        (b"5", 5, 9), (b"5-1", 5, 1), (b"007-1", 7, 1), (b" 5-1", 5, 1), (b"+5-+1", 5, 1), (b"5- 1", 5, 1),
        (b"5--01", 5, PART_MAX), (b"5--0", 5, 0), (b"5-1\x00junk", 5, 1), (b"5\x00-1", 5, 9),
        (b"18446744073709551615-0", PART_MAX, 0),
    ],
)  # fmt: skip
def test_what_is_accepted(text: bytes, ms: int, seq: int) -> None:
    assert parse_id(text, 9, True) == join_id(ms, seq)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"x", b"5-", b"-5", b"-5-1", b"5-1-1", b"5-x", b"5x-1", b"5-*", b"*", b"$", b"5--1", b"5 -1", b"5-1 ",
        b"18446744073709551616", b"5-18446744073709551616", b"5-" + b"0" * 126,
    ],
)  # fmt: skip
def test_what_is_not(text: bytes) -> None:
    assert parse_id(text, 0, False) is None


def test_the_ends_of_a_stream() -> None:
    assert parse_id(b"-", 0, False) == 0
    assert parse_id(b"+", 0, False) == ID_MAX
    for text in (b"-", b"+", b"+\x00x"):
        assert parse_id(text, 0, True) is None


def test_an_id_without_its_sequence_number() -> None:
    partial = parse_partial_id(b"5-*")
    assert partial is not None
    assert (partial.ms, partial.has_seq) == (5, False)
    bare = parse_partial_id(b"7\x00")
    assert bare is not None
    assert (bare.ms, bare.seq, bare.has_seq) == (7, 0, True)
    for text in (b"*", b"5-**", b"-*", b"+", b"1" * 128):
        assert parse_partial_id(text) is None


@given(st.one_of(st.from_regex(rb"\A[0-9]{0,20}-?[0-9*]{0,20}\Z"), st.text("0123-*+ x").map(str.encode)))
@example(b"1-18446744073709551615")
@example(b"999999999999999999-999999999999999999")
def test_the_fast_way_agrees(text: bytes) -> None:
    plain = parse_plain(text)
    if plain is None:
        return
    ms, dash, seq = text.partition(b"-")
    assert dash
    assert plain.has_seq == (seq != b"*")
    assert (plain.ms, plain.seq) == (parse_unsigned(ms), parse_unsigned(seq) if plain.has_seq else 0)


@given(st.integers(0, 10**18 - 1), st.integers(0, 10**18 - 1))
def test_the_fast_way_is_taken(ms: int, seq: int) -> None:
    plain = parse_plain(b"%d-%d" % (ms, seq))
    assert plain is not None
    assert (plain.ms, plain.seq) == (ms, seq)
    assert parse_plain(b"%d-*" % ms) is not None
