"""Stream IDs: two unsigned 64-bit numbers, milliseconds and a sequence number, as one integer of 128 bits.

As such they compare, sort and count on by themselves: the next ID is `entry_id + 1`, carry included. Only
what runs for every entry keeps the two parts apart, because small integers are cheaper than large ones.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from pyredis.datatypes.numbers import parse_int64
from pyredis.form import COMPILED

ID_MAX: Final = (1 << 128) - 1
PART_MAX: Final = (1 << 64) - 1
SMALL_MAX: Final = (1 << 62) - 1
"""The largest number that compiled code compares without making objects."""
_SHIFT: Final = 64
_LONGEST: Final = 127
_SAFE_DIGITS: Final[i64] = 18
_STAR: Final[i64] = 42
_DASH: Final[i64] = 45
_ZERO: Final[i64] = 48
_BLANKS: Final = b" \t\n\v\f\r"


def join_id(ms: int, seq: int) -> int:
    """The ID of two parts."""
    return (ms << _SHIFT) | seq


def id_ms(entry_id: int) -> int:
    """The milliseconds of an ID."""
    return entry_id >> _SHIFT


def id_seq(entry_id: int) -> int:
    """The sequence number of an ID."""
    return entry_id & PART_MAX


class LastMoment:
    """The milliseconds that were written last, and how: entries come in flocks."""

    def __init__(self) -> None:
        self.ms: int = 0
        self.text: bytes = b"0"


_MOMENT: Final = LastMoment()
_SEQUENCES: Final = [b"-%d" % number for number in range(1000)]


def parts_text(ms: int, seq: int) -> bytes:
    """An ID as clients see it."""
    moment = _MOMENT
    if moment.ms != ms:
        moment.text = f"{ms}".encode()
        moment.ms = ms
    if seq < 1000:
        return moment.text + _SEQUENCES[seq]
    return moment.text + f"-{seq}".encode()


def id_text(entry_id: int) -> bytes:
    """An ID as clients see it."""
    return parts_text(entry_id >> _SHIFT, entry_id & PART_MAX)


class PartialId:
    """An ID as XADD takes it: with `has_seq` false it was `<ms>-*`, and the sequence number is chosen later."""

    def __init__(self, ms: int, seq: int, has_seq: bool) -> None:
        self.ms: int = ms
        self.seq: int = seq
        self.has_seq: bool = has_seq


def parse_id(text: bytes, missing_seq: int, is_strict: bool) -> int | None:
    """`<ms>-<seq>`, or `<ms>` with `missing_seq`; `-` and `+` unless `is_strict`; None for anything else.

    Read as a C string by Redis, hence up to a NUL.
    """
    if COMPILED:
        plain = parse_plain(text)
        if plain is not None and plain.has_seq:
            return join_id(plain.ms, plain.seq)
    if len(text) > _LONGEST:
        return None
    if 0 in text:
        text = text[: text.index(0)]
    if text == b"-" or text == b"+":
        if is_strict:
            return None
        return 0 if text == b"-" else ID_MAX
    ms_text, dash, seq_text = text.partition(b"-")
    ms = parse_unsigned(ms_text)
    if ms is None:
        return None
    if not dash:
        return join_id(ms, missing_seq)
    seq = parse_unsigned(seq_text)
    return None if seq is None else join_id(ms, seq)


def parse_partial_id(text: bytes) -> PartialId | None:
    """An ID for XADD: as `parse_id`, strictly, or `<ms>-*`."""
    if COMPILED:
        plain = parse_plain(text)
        if plain is not None:
            return plain
    if len(text) > _LONGEST:
        return None
    if 0 in text:
        text = text[: text.index(0)]
    ms_text, dash, seq_text = text.partition(b"-")
    ms = parse_unsigned(ms_text)
    if ms is None:
        return None
    if not dash:
        return PartialId(ms, 0, True)
    if seq_text == b"*":
        return PartialId(ms, 0, False)
    seq = parse_unsigned(seq_text)
    return None if seq is None else PartialId(ms, seq, True)


def parse_plain(text: bytes) -> PartialId | None:
    """`<ms>-<seq>` or `<ms>-*` of nothing but a few digits, as nearly all are; None does not say that it is wrong.

    A loop over the bytes, 40 ns compiled; what it leaves takes five times as long.
    """
    length: i64 = len(text)
    position: i64 = 0
    ms: i64 = 0
    seq: i64 = 0
    digit: i64
    while position < length and position < _SAFE_DIGITS:
        digit = text[position] - _ZERO
        if digit < 0 or digit > 9:
            break
        ms = ms * 10 + digit
        position += 1
    if position == 0 or position >= length - 1 or text[position] != _DASH:
        return None
    position += 1
    if length - position > _SAFE_DIGITS:
        return None
    if position == length - 1 and text[position] == _STAR:
        return PartialId(ms, 0, False)
    while position < length:
        digit = text[position] - _ZERO
        if digit < 0 or digit > 9:
            return None
        seq = seq * 10 + digit
        position += 1
    return PartialId(ms, seq, True)


def parse_unsigned(text: bytes) -> int | None:
    """An unsigned 64-bit integer as Redis's `string2ull` takes it, or None.

    What is no canonical integer goes to `strtoull`, which allows blanks before, a sign and leading zeros, and
    lets a negative number wrap around.
    """
    value = parse_int64(text)
    if value is not None:
        return value if value >= 0 else None
    stripped = text.lstrip(_BLANKS)
    digits = stripped[1:] if stripped[:1] in (b"-", b"+") else stripped
    if not digits.isdigit():
        return None
    number = int(digits)
    if number > PART_MAX:
        return None
    return -number & PART_MAX if stripped[0] == 45 else number
