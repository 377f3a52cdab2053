"""What every stored value can say of itself.

Strings are plain `bytes`, `int` or `bytearray`, because that is what makes them fast; everything else is a subclass of
`Value`. The functions here answer for both.
"""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import i64, mypyc_attr

from pyredis.datatypes.digest import Digest
from pyredis.datatypes.footprint import size_of
from pyredis.datatypes.numbers import parse_int64

EMBSTR_LIMIT: Final[i64] = 44
"""Longest string that Redis keeps in one allocation with its object header."""


@mypyc_attr(native_class=False)
class PlainText(bytes):
    """A string that reads like an integer, yet has the encoding `embstr`: what INCRBYFLOAT leaves behind."""


@mypyc_attr(acyclic=True)
class Value:
    """A list, hash, set, sorted set or stream.

    Subclasses that repeat `acyclic` are not tracked by the cyclic garbage collector: 16 bytes less a value, and
    millions of objects less to look at. A value can be no part of a cycle, because it refers to no other.

    `weight` is the note of `pyredis.keyspace.memory`, 0 while there is none; copies begin without.
    """

    weight: i64 = 0

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

    def free_effort(self) -> int:
        """How many parts have to be freed one by one; what has many is freed bit by bit after UNLINK."""
        return self.size()

    def release(self, limit: int) -> bool:
        """Frees up to `limit` parts of a value that nobody needs any more; false when the rest is cheap to drop."""
        return False

    def memory_usage(self, samples: int) -> int:
        """About how many bytes it takes, from a look at up to `samples` of its parts where they differ in size."""
        raise AssertionError

    def mix_digest(self, digest: Digest) -> None:
        """Mixes the contents into a digest, as DEBUG DIGEST does in Redis."""
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
    if isinstance(value, PlainText):
        return b"embstr"
    if isinstance(value, int) or (len(value) <= 20 and parse_int64(value) is not None):
        return b"int"
    return b"embstr" if len(value) <= EMBSTR_LIMIT else b"raw"


def memory_usage(value: Any, samples: int) -> int:
    """About how many bytes a stored value takes."""
    return value.memory_usage(samples) if isinstance(value, Value) else size_of(value)


def copy_value(value: Any) -> Any:
    """A copy that shares nothing that can change."""
    if isinstance(value, Value):
        return value.copy()
    return bytearray(value) if isinstance(value, bytearray) else value
