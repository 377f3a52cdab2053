"""What objects take in memory: the sizes that MEMORY USAGE adds up.

CPython's own `sys.getsizeof` tells what an object asked for; the allocator gives a little more. Small blocks come
in steps of 16 bytes from pymalloc, large ones from the C library with a header of 8. Vectors of `librt`, which are
no objects, are computed. All of it is an estimate: the share of half-empty pools is nobody's, so the resident
memory of a process grows by some 5 % more.
"""

from __future__ import annotations

from sys import getsizeof
from typing import Any, Final

from pyredis.form import COMPILED

SMALL_BLOCK: Final = 512
"""The largest block that pymalloc hands out itself."""

BYTES_HEADER: Final = 33
VECTOR_HEADER: Final = 24
POINTER: Final = 8
INTEGER: Final = 32
"""An int of up to 60 bits, in its block; the same for a float."""

ATTRIBUTE: Final = 16
"""What an attribute takes beside its value where objects are not native: its slot, and often a small object."""

_attributes: Final[dict[type, int]] = {}


def block(size: int) -> int:
    """What the allocator takes for a request of `size` bytes."""
    if size > SMALL_BLOCK:
        size += POINTER
    return (size + 15) & ~15


def size_of(thing: Any) -> int:
    """The block of one object, without what it refers to."""
    return block(getsizeof(thing))


def bytes_block(length: int) -> int:
    """The block of a bytes object."""
    return block(BYTES_HEADER + length)


def vector_block(length: int, item: int) -> int:
    """The buffer of a vector of `length` items of `item` bytes; grown by appending it has a quarter to spare."""
    return block(VECTOR_HEADER + length * item) if length else 0


def instance_size(thing: object) -> int:
    """The block of an instance of one of our classes, without the objects in its attributes."""
    if COMPILED:
        return size_of(thing)
    kind = type(thing)
    attributes = _attributes.get(kind)
    if attributes is None:
        # Asked of one instance alone: `vars` gives it a dict for good, which would make all of them larger.
        attributes = _attributes[kind] = len(vars(thing))
    return size_of(thing) + ATTRIBUTE * attributes


def scaled(total: int, looked_at: int, count: int) -> int:
    """The sum over `count` things of which `looked_at` came to `total`."""
    return total if looked_at >= count else total * count // max(looked_at, 1)
