"""Splits an inline request, or a line of a configuration file, into arguments.

The rules are those of Redis's sdssplitargs, corners included: people type them into telnet and into
redis.conf.

* Blanks separate arguments. All six ASCII blanks are skipped in front of an argument, but only space,
  tab, CR and LF end a bare one: a vertical tab or form feed in its middle belongs to it.
* A quote may open in the middle of an argument (`a"b c"` is one), but a blank or the end must follow
  where it closes.
* Double quotes know `\\xHH`, `\\n`, `\\r`, `\\t`, `\\b`, `\\a`; any other escaped byte stands for itself.
  Single quotes know `\\'` only.
* A NUL ends the line, as the original works on C strings.

Linear in the length of the line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_extensions import i64

_NUL: Final = 0
_DOUBLE_QUOTE: Final = 34
_SINGLE_QUOTE: Final = 39
_BACKSLASH: Final = 92
_LOWER_X: Final = 120

_BLANKS: Final = b" \t\n\v\f\r"
_ENDS_BARE: Final = b" \t\n\r"
_HEX_DIGITS: Final = b"0123456789abcdefABCDEF"
_ESCAPES: Final = {110: 10, 114: 13, 116: 9, 98: 8, 97: 7}
"""What follows a backslash in double quotes, and what it stands for: n, r, t, b, a."""


def split_args(line: bytes) -> list[bytes] | None:
    """The arguments of a line, or None when a quote does not close or something follows where it does.

    >>> split_args(b'SET "a key" \\'it\\\\\\'s\\'')
    [b'SET', b'a key', b"it's"]
    """
    nul = line.find(b"\0")
    if nul >= 0:
        line = line[:nul]
    if b'"' not in line and b"'" not in line and b"\v" not in line and b"\f" not in line:
        return line.split()  # without quotes, this splits at the very same bytes
    argv: list[bytes] = []
    end: i64 = len(line)
    pos: i64 = 0
    while True:
        while pos < end and line[pos] in _BLANKS:
            pos += 1
        if pos >= end:
            return argv
        arg = bytearray()
        pos = _read_argument(line, pos, end, arg)
        if pos < 0:
            return None
        argv.append(bytes(arg))


def _read_argument(line: bytes, pos: i64, end: i64, arg: bytearray) -> i64:
    """Reads one argument into `arg`; answers where it ended, or -1 when its quotes are unbalanced."""
    while pos < end:
        byte = line[pos]
        if byte in _ENDS_BARE:
            return pos
        pos += 1
        if byte == _DOUBLE_QUOTE:
            pos = _read_double_quoted(line, pos, end, arg)
        elif byte == _SINGLE_QUOTE:
            pos = _read_single_quoted(line, pos, end, arg)
        else:
            arg.append(byte)
            continue
        # A closing quote ends the argument, whatever blank comes next.
        return -1 if pos < 0 or (pos < end and line[pos] not in _BLANKS) else pos
    return pos


def _read_double_quoted(line: bytes, pos: i64, end: i64, arg: bytearray) -> i64:
    """Reads up to and past the closing double quote; -1 when there is none."""
    while pos < end:
        byte = line[pos]
        if byte == _DOUBLE_QUOTE:
            return pos + 1
        if byte != _BACKSLASH or pos + 1 >= end:
            arg.append(byte)
            pos += 1
            continue
        escaped = line[pos + 1]
        if (
            escaped == _LOWER_X
            and pos + 3 < end
            and line[pos + 2] in _HEX_DIGITS
            and line[pos + 3] in _HEX_DIGITS
        ):
            arg.append(int(line[pos + 2 : pos + 4], 16))
            pos += 4
        else:
            arg.append(_ESCAPES.get(escaped, escaped))
            pos += 2
    return -1


def _read_single_quoted(line: bytes, pos: i64, end: i64, arg: bytearray) -> i64:
    """Reads up to and past the closing single quote; -1 when there is none."""
    while pos < end:
        byte = line[pos]
        if byte == _SINGLE_QUOTE:
            return pos + 1
        if byte == _BACKSLASH and pos + 1 < end and line[pos + 1] == _SINGLE_QUOTE:
            byte = _SINGLE_QUOTE
            pos += 1
        arg.append(byte)
        pos += 1
    return -1
