"""Glob patterns as KEYS, SCAN MATCH, PSUBSCRIBE and CONFIG GET understand them.

`*` any bytes, `?` any byte, `[a-z^]` classes, `\\` takes the next byte as it is. The reading of malformed
classes, of bytes above 127 in ranges (they compare as signed characters), of letters whose case is ignored,
and of an empty text (only the empty pattern matches it, `*` does not) follows `stringmatchlen` in Redis's
util.c. Only the last `*` is ever revisited, so a match costs at most O(len(pattern) * len(text)), whatever
the pattern.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

_STAR: Final[i64] = 42
_QUESTION: Final[i64] = 63
_OPEN: Final[i64] = 91
_BACKSLASH: Final[i64] = 92
_CLOSE: Final[i64] = 93
_CARET: Final[i64] = 94
_DASH: Final[i64] = 45


def glob_match(pattern: bytes, text: bytes, nocase: bool) -> bool:
    """Whether all of `text` matches `pattern`; `nocase` ignores the case of ASCII letters."""
    p: i64 = 0
    t: i64 = 0
    p_len: i64 = len(pattern)
    t_len: i64 = len(text)
    if t_len == 0:
        return p_len == 0
    star: i64 = -1
    star_t: i64 = 0
    while t < t_len:
        if p < p_len and pattern[p] == _STAR:
            p += 1
            if p == p_len:
                return True
            star = p
            star_t = t
            continue
        after = _match_one(pattern, p, p_len, text[t], nocase) if p < p_len else -1
        if after >= 0:
            p = after
            t += 1
        elif star >= 0:
            star_t += 1
            t = star_t
            p = star
        else:
            return False
    while p < p_len and pattern[p] == _STAR:
        p += 1
    return p == p_len


def literal_prefix(pattern: bytes) -> bytes:
    """The bytes with which every text that matches `pattern` begins: a quick test before the match."""
    end: i64 = 0
    length: i64 = len(pattern)
    while end < length and pattern[end] not in b"*?[\\":
        end += 1
    return pattern[:end]


def _match_one(pattern: bytes, p: i64, p_len: i64, byte: i64, nocase: bool) -> i64:
    """Matches one byte against the item at `p`: the position after the item, or -1."""
    wanted: i64 = pattern[p]
    if wanted == _QUESTION:
        return p + 1
    if wanted == _OPEN:
        return _match_class(pattern, p + 1, p_len, byte, nocase)
    if wanted == _BACKSLASH and p + 1 < p_len:
        p += 1
        wanted = pattern[p]
    if wanted == byte or (nocase and _lower(wanted) == _lower(byte)):
        return p + 1
    return -1


def _match_class(pattern: bytes, p: i64, p_len: i64, byte: i64, nocase: bool) -> i64:
    """Matches one byte against the class whose `[` was passed; an unclosed class ends with the pattern."""
    negated = p < p_len and pattern[p] == _CARET
    if negated:
        p += 1
    matched = False
    while p < p_len:
        item: i64 = pattern[p]
        if item == _BACKSLASH and p + 1 < p_len:
            p += 1
            if pattern[p] == byte:
                matched = True
        elif item == _CLOSE:
            break
        elif p + 2 < p_len and pattern[p + 1] == _DASH:
            if _in_range(_signed(item), _signed(pattern[p + 2]), _signed(byte), nocase):
                matched = True
            p += 2
        elif item == byte or (nocase and _lower(item) == _lower(byte)):
            matched = True
        p += 1
    if p < p_len:
        p += 1
    return p if matched != negated else -1


def _in_range(low: i64, high: i64, byte: i64, nocase: bool) -> bool:
    """Whether a byte is in a range; the ends are put in order before their case is dropped, as Redis does."""
    if low > high:
        low, high = high, low
    if nocase:
        low, high, byte = _lower(low), _lower(high), _lower(byte)
    return low <= byte <= high


def _signed(byte: i64) -> i64:
    return byte - 256 if byte > 127 else byte


def _lower(byte: i64) -> i64:
    return byte + 32 if 65 <= byte <= 90 else byte
