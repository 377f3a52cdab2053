"""Text to numbers and back, as Redis's configuration reads and prints them.

Much of this is C showing through: `strtoll` accepts blanks, signs and the empty string, memory sizes wrap at
64 bits, and what a directive stores as a C string ends at its first NUL byte. Files written for Redis depend
on the result.
"""

from __future__ import annotations

from typing import Final

INT_MAX: Final = (1 << 31) - 1
INT_MIN: Final = -(1 << 31)
UINT_MAX: Final = (1 << 32) - 1
LONG_MAX: Final = (1 << 63) - 1
LONG_MIN: Final = -(1 << 63)
ULONG_MAX: Final = (1 << 64) - 1

KIB: Final = 1024
MIB: Final = 1024 * 1024
GIB: Final = 1024 * 1024 * 1024

_UNITS: Final[dict[bytes, int]] = {
    b"": 1,
    b"b": 1,
    b"k": 1000,
    b"kb": KIB,
    b"m": 1000 * 1000,
    b"mb": MIB,
    b"g": 1000 * 1000 * 1000,
    b"gb": GIB,
}
_MEMORY_DIGITS_MAX: Final = 127
_BLANKS: Final = b" \t\n\v\f\r"
_QUOTED: Final[dict[int, bytes]] = {
    ord("\\"): b"\\\\",
    ord('"'): b'\\"',
    ord("\n"): b"\\n",
    ord("\r"): b"\\r",
    ord("\t"): b"\\t",
    ord("\a"): b"\\a",
    ord("\b"): b"\\b",
}


def c_string(value: bytes) -> bytes:
    """The part before the first NUL byte."""
    end = value.find(b"\0")
    return value if end < 0 else value[:end]


def wrap(value: int, bits: int) -> int:
    """The signed integer of `bits` bits that a C assignment keeps of `value`."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def parse_c_integer(text: bytes) -> int | None:
    """What `strtoll` makes of all of `text`, or None; the empty string is 0 and overflow saturates."""
    value = read_c_integer(text, 10)
    return None if value is None else max(LONG_MIN, min(value, LONG_MAX))


def read_c_integer(text: bytes, base: int) -> int | None:
    """As `parse_c_integer`, for a base up to ten and without a limit."""
    text = c_string(text)
    if text == b"":
        return 0
    digits = text.lstrip(_BLANKS)
    negative = digits.startswith(b"-")
    if negative or digits.startswith(b"+"):
        digits = digits[1:]
    if not digits.isdigit() or max(digits) >= ord("0") + base:
        return None
    return -int(digits, base) if negative else int(digits, base)


def parse_memory(text: bytes) -> int | None:
    """A number of bytes with an optional unit (`k` is 1000, `kb` 1024, ...), from 0 to 2**64 - 1, or None.

    No digits mean 0, and the product wraps at 64 bits; both are Redis's.
    """
    text = c_string(text)
    length = 0
    while length < len(text) and text[length : length + 1].isdigit():
        length += 1
    multiplier = _UNITS.get(text[length:].lower())
    if multiplier is None or length > _MEMORY_DIGITS_MAX:
        return None
    value = int(text[:length]) if length else 0
    return min(value, ULONG_MAX) * multiplier & ULONG_MAX


def format_memory(value: int) -> bytes:
    """The shortest exact form with a binary unit, as CONFIG REWRITE prints sizes."""
    if value > 0:
        for unit, size in ((b"gb", GIB), (b"mb", MIB), (b"kb", KIB)):
            if value % size == 0:
                return b"%d%s" % (value // size, unit)
    return b"%d" % value


def parse_double(text: bytes) -> float | None:
    """A decimal or C hexadecimal number or infinity, or None, also for what overflows or vanishes."""
    lowered = text.lower()
    if not lowered or lowered[0] in _BLANKS or lowered[-1] in _BLANKS or b"_" in lowered or b"nan" in lowered:
        return None
    is_hex = lowered.lstrip(b"+-").startswith(b"0x")
    try:
        source = lowered.decode("ascii")
        value = float.fromhex(source) if is_hex else float(source)
    except (ValueError, OverflowError):
        return None
    if value in (float("inf"), float("-inf")):
        return value if b"inf" in lowered else None
    mantissa = lowered.lstrip(b"+-").removeprefix(b"0x").partition(b"p" if is_hex else b"e")[0]
    if value == 0 and mantissa.strip(b"0."):
        return None
    return value


def format_percentile(value: float) -> bytes:
    """At most six decimals, without the zeros that end them."""
    text = b"%f" % value
    return text.rstrip(b"0").rstrip(b".")


def quote(value: bytes) -> bytes:
    """`value` in double quotes, escaped so that a configuration line gives the same bytes back."""
    parts = [b'"']
    for byte in value:
        escaped = _QUOTED.get(byte)
        if escaped is not None:
            parts.append(escaped)
        elif 32 <= byte <= 126:
            parts.append(b"%c" % byte)
        else:
            parts.append(b"\\x%02x" % byte)
    parts.append(b'"')
    return b"".join(parts)
