"""What every stored value can say of itself.

Strings are plain `bytes`, `int` or `bytearray`, because that is what makes them fast; everything else is a subclass of
`Value`. The functions here answer for both.
"""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import i64

from pyredis.datatypes.numbers import parse_int64

EMBSTR_LIMIT: Final[i64] = 44
"""Longest string that Redis keeps in one allocation with its object header."""


class Value:
    """A list, hash, set, sorted set or stream."""

    def type_name(self) -> bytes:
        """The name that TYPE answers, such as `list`."""
        raise AssertionError

    def encoding(self) -> bytes:
        """The name that OBJECT ENCODING answers for the same data in Redis."""
        raise AssertionError

    def size(self) -> int:
        """How many elements it has."""
        raise AssertionError

    def copy(self) -> Value:
        """An independent copy. O(n)."""
        raise AssertionError

    def check(self) -> None:
        """Asserts the rules of the structure; for tests."""


def type_name(value: Any) -> bytes:
    """The name that TYPE answers for a stored value."""
    if isinstance(value, Value):
        return value.type_name()
    return b"string"


def encoding_name(value: Any) -> bytes:
    """The name that OBJECT ENCODING answers for a stored value."""
    if isinstance(value, Value):
        return value.encoding()
    if isinstance(value, bytearray):
        return b"raw"
    if isinstance(value, int) or (len(value) <= 20 and parse_int64(value) is not None):
        return b"int"
    return b"embstr" if len(value) <= EMBSTR_LIMIT else b"raw"


def copy_value(value: Any) -> Any:
    """A copy that shares nothing that can change."""
    if isinstance(value, Value):
        return value.copy()
    return bytearray(value) if isinstance(value, bytearray) else value
