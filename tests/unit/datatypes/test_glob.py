"""Globs against a reading of the rules that tries everything, and against what Redis is known to answer."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyredis.datatypes.glob import glob_match, literal_prefix

PATTERNS = st.lists(
    st.sampled_from(
        [b"a", b"b", b"B", b"*", b"?", b"[", b"]", b"^", b"-", b"\\", b"\xff", b"\x80", b"[ab]", b"[^a]"]
    ),
    max_size=9,
).map(b"".join)
TEXTS = st.lists(st.sampled_from([b"a", b"b", b"B", b"]", b"-", b"\\", b"\xff", b"^"]), max_size=7).map(
    b"".join
)


def signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def lower(byte: int) -> int:
    return byte + 32 if 65 <= byte <= 90 else byte


def naive_class(pattern: bytes, byte: int, nocase: bool) -> tuple[bool, bytes]:
    """Whether the class at the front of `pattern`, without its bracket, has `byte`; and what follows it."""
    negated = pattern[:1] == b"^"
    rest = pattern[negated:]
    found = False
    while rest:
        if rest[:1] == b"\\" and len(rest) > 1:
            found |= rest[1] == byte
            rest = rest[2:]
        elif rest[:1] == b"]":
            break
        elif len(rest) > 2 and rest[1:2] == b"-":
            low, high = sorted((signed(rest[0]), signed(rest[2])))
            wanted = signed(byte)
            if nocase:
                low, high, wanted = lower(low), lower(high), lower(wanted)
            found |= low <= wanted <= high
            rest = rest[3:]
        else:
            found |= rest[0] == byte or (nocase and lower(rest[0]) == lower(byte))
            rest = rest[1:]
    return found != negated, rest[1:]


def naive_match(pattern: bytes, text: bytes, nocase: bool) -> bool:
    """Tries every length for every star."""
    if not text:
        return not pattern.strip(b"*")
    if not pattern:
        return False
    head, rest = pattern[0], pattern[1:]
    if head == ord("*"):
        return any(naive_match(rest, text[n:], nocase) for n in range(len(text) + 1))
    if head == ord("["):
        found, rest = naive_class(rest, text[0], nocase)
        return found and naive_match(rest, text[1:], nocase)
    if head == ord("\\") and rest:
        head, rest = rest[0], rest[1:]
    elif head == ord("?"):
        return naive_match(rest, text[1:], nocase)
    same = head == text[0] or (nocase and lower(head) == lower(text[0]))
    return same and naive_match(rest, text[1:], nocase)


@given(PATTERNS, TEXTS, st.booleans())
@settings(max_examples=1500)
@example(b"[", b"[", False)
@example(b"[^", b"a", False)
@example(b"[a-", b"-", False)
@example(b"[B-a]", b"b", True)
@example(b"[\\B]", b"b", True)
def test_agrees_with_trying_everything(pattern: bytes, text: bytes, nocase: bool) -> None:
    expected = naive_match(pattern, text, nocase) if text else not pattern
    assert glob_match(pattern, text, nocase) == expected


@given(PATTERNS, TEXTS)
def test_a_match_begins_with_the_literal_prefix(pattern: bytes, text: bytes) -> None:
    if glob_match(pattern, text, False):
        assert text.startswith(literal_prefix(pattern))


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (b"*", b"anything", True),
        (b"h?llo", b"hello", True),
        (b"h?llo", b"hllo", False),
        (b"h*llo", b"hllo", True),
        (b"h[ae]llo", b"hillo", False),
        (b"h[^e]llo", b"hallo", True),
        (b"h[a-b]llo", b"hbllo", True),
        (b"h[b-a]llo", b"hallo", True),
        (b"\\*", b"*", True),
        (b"\\*", b"a", False),
        (b"a\\", b"a\\", True),
        (b"[]", b"]", False),
        (b"[^]", b"x", True),
        (b"[\\]]", b"]", True),
        (b"[\x80-\x02]", b"\xff", True),
        (b"[\x02-\x80]", b"\x03", False),
        (b"a\0*", b"a\0b", True),
        (b"", b"", True),
        (b"*", b"", False),
        (b"**", b"", False),
        (b"a**", b"a", True),
        (b"[a", b"a", True),
        (b"[a-z", b"q", True),
        (b"[a-", b"-", True),
    ],
)
def test_known_answers(pattern: bytes, text: bytes, matches: bool) -> None:
    assert glob_match(pattern, text, False) == matches


def test_case_is_ignored_only_where_redis_ignores_it() -> None:
    assert glob_match(b"MaxMem*", b"maxmemory", True)
    assert glob_match(b"[A-C]x", b"bX", True)
    assert not glob_match(b"[\\B]", b"b", True)
    assert not glob_match(b"[Z-a]", b"m", True)
    assert not glob_match(b"\xc4", b"\xe4", True)


def test_abusive_patterns_take_no_time() -> None:
    started = perf_counter()
    assert not glob_match(b"a*" * 60 + b"b", b"a" * 300, False)
    assert perf_counter() - started < 0.5
