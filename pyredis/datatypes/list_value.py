"""The list: one run of packed elements while it is short, `ListChunks` beyond.

All elements go in and out *packed*, as bulk strings of the wire (see `bulk_strings`), so that a popped one
is the reply. A short list is this object and one bytes object: 100 bytes besides its elements. The bytes are
copied on every change, which up to `Sizes.run_bytes` costs about as much as keeping the elements apart, and
saves half of the memory.

What Redis calls the list's encoding is a fact of its own, which does not depend on the form here: a list is
a listpack until its elements would take more bytes there than `list-max-listpack-size` allows, or are more
than that, and becomes one again when it has shrunk to half. Growing is decided as in Redis 7.4, to the byte.
Shrinking is decided by the elements alone, while Redis also waits until they stand in one node of its
quicklist; and an integer counts with the length of its text.

The owner removes a list that has become empty.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from pyredis.datatypes.bulk_strings import (
    LISTPACK_OVERHEAD,
    element_end,
    find_all,
    listpack_size,
    pack,
    run_listpack_size,
    skip,
    split,
    unpack_all,
    without,
)
from pyredis.datatypes.digest import Digest
from pyredis.datatypes.footprint import instance_size, size_of
from pyredis.datatypes.list_chunks import SIZES, ListChunks
from pyredis.datatypes.value import Value

NO_LIMIT: Final[i64] = (1 << 62) - 1
SAFE_BYTES: Final[i64] = 8192
"""A limit on the number of elements holds only up to so many bytes."""


class ListLimits:
    """What `list-max-listpack-size` says: how large a list may be that is called a listpack."""

    def __init__(self, directive: int = -2) -> None:
        self.elements: i64 = 0
        self.bytes: i64 = 0
        self.shrunk_elements: i64 = 0
        self.shrunk_bytes: i64 = 0
        # From which size on an element has a node of its own in a snapshot; 0 where `bytes` decides.
        self.plain_from: i64 = 0
        self.set(directive)

    def set(self, directive: int) -> None:
        """Takes over a value of the directive: a number of elements, or -1 to -5 for 4 to 64 KB."""
        if directive < 0:
            self.elements = self.shrunk_elements = NO_LIMIT
            self.bytes = 4096 << (min(-directive, 5) - 1)
            self.shrunk_bytes = self.bytes // 2
        else:
            self.elements = max(directive, 1)
            self.shrunk_elements = self.elements // 2
            self.bytes = SAFE_BYTES
            self.shrunk_bytes = NO_LIMIT


@mypyc_attr(acyclic=True)
class ListValue(Value):
    """See the module's text. `run` is everything while `chunks` is None, else empty."""

    def __init__(self) -> None:
        self.count: i64 = 0
        self.run: bytes = b""
        self.chunks: ListChunks | None = None
        self.is_quicklist: bool = False

    def type_name(self) -> bytes:
        """`list`."""
        return b"list"

    def encoding(self) -> bytes:
        """`listpack` or `quicklist`."""
        return b"quicklist" if self.is_quicklist else b"listpack"

    def size(self) -> int:
        """How many elements there are."""
        return self.count

    def copy(self) -> ListValue:
        """An independent copy. O(chunks)."""
        other = ListValue()
        other.count = self.count
        other.run = self.run
        other.is_quicklist = self.is_quicklist
        if self.chunks is not None:
            other.chunks = self.chunks.copy()
        return other

    def memory_usage(self, samples: int) -> int:
        """About how many bytes it takes. O(1): the sizes are known."""
        total = instance_size(self) + size_of(self.run)
        return total if self.chunks is None else total + self.chunks.memory_usage()

    # Growing. `reserve` must come first, once for all elements of a command, as that is how Redis decides.

    def reserve(self, limits: ListLimits, added_bytes: i64, added: i64) -> None:
        """Decides on the encoding before `added` elements come whose values have `added_bytes` in all."""
        if self.is_quicklist:
            return
        chunks = self.chunks
        known = len(self.run) if chunks is None else chunks.weight
        if self.count + added <= limits.elements and LISTPACK_OVERHEAD + known + added_bytes <= limits.bytes:
            return
        if chunks is None:  # its length was only the most that it could be
            known = run_listpack_size(self.run)
        if self.count + added > limits.elements or LISTPACK_OVERHEAD + known + added_bytes > limits.bytes:
            self.is_quicklist = True

    def push_left(self, element: bytes) -> None:
        """Adds an element before the first. O(1) amortised."""
        self.count += 1
        chunks = self.chunks
        if chunks is None:
            self.run = element + self.run
            if len(self.run) > SIZES.run_bytes:
                self._unfold()
            return
        chunks.head.append(element)
        chunks.size += len(element)
        if len(chunks.head) >= SIZES.hot:
            chunks.cool_head()
        if not self.is_quicklist:
            chunks.weight += listpack_size(element)

    def push_right(self, element: bytes) -> None:
        """Adds an element behind the last. O(1) amortised."""
        self.count += 1
        chunks = self.chunks
        if chunks is None:
            self.run += element
            if len(self.run) > SIZES.run_bytes:
                self._unfold()
            return
        chunks.tail.append(element)
        chunks.size += len(element)
        if len(chunks.tail) >= SIZES.hot:
            chunks.cool_tail()
        if not self.is_quicklist:
            chunks.weight += listpack_size(element)

    def insert(self, pivot: bytes, element: bytes, is_after: bool) -> bool:
        """Adds `element` beside the first `pivot`; false when there is none. O(n)."""
        chunks = self.chunks
        if chunks is None:
            offsets = find_all(self.run, pivot).offsets
            if not offsets:
                return False
            offset: i64 = offsets[0]
            if is_after:
                offset += len(pivot)
            self.run = self.run[:offset] + element + self.run[offset:]
            self.count += 1
            if len(self.run) > SIZES.run_bytes:
                self._unfold()
            return True
        if not chunks.insert(pivot, element, is_after):
            return False
        self.count += 1
        if not self.is_quicklist:
            chunks.weight += listpack_size(element)
        return True

    # Shrinking.

    def pop_left(self, limits: ListLimits) -> bytes:
        """Removes the first element and returns it; the list must not be empty. O(1) amortised."""
        self.count -= 1
        chunks = self.chunks
        if chunks is None:
            run = self.run
            end = element_end(run, 0)
            self.run = run[end:]
            if self.is_quicklist:
                self._shrunk(limits)
            return run[:end]
        if not chunks.head:
            chunks.refill_head()
        element = chunks.head.pop()
        chunks.size -= len(element)
        if not self.is_quicklist:
            chunks.weight -= listpack_size(element)
        if self.count <= SIZES.run_pops // 2 or (self.is_quicklist and chunks.size <= limits.shrunk_bytes):
            self._shrunk(limits)
        return element

    def pop_right(self, limits: ListLimits) -> bytes:
        """Removes the last element and returns it; the list must not be empty. O(1) amortised."""
        chunks = self.chunks
        if chunks is None and self.count > SIZES.run_pops:
            self._unfold()
            chunks = self.chunks
        self.count -= 1
        if chunks is None:
            run = self.run
            start = skip(run, 0, self.count)
            self.run = run[:start]
            if self.is_quicklist:
                self._shrunk(limits)
            return run[start:]
        if not chunks.tail:
            chunks.refill_tail()
        element = chunks.tail.pop()
        chunks.size -= len(element)
        if not self.is_quicklist:
            chunks.weight -= listpack_size(element)
        if self.count <= SIZES.run_pops // 2 or (self.is_quicklist and chunks.size <= limits.shrunk_bytes):
            self._shrunk(limits)
        return element

    def pop_many(self, count: i64, is_right: bool, limits: ListLimits) -> list[bytes]:
        """Removes `count` elements from one end; returns runs of them, in the order of removal."""
        if not is_right:
            parts = self.between(0, count - 1)
            self.trim(count, self.count - 1, limits)
            return parts
        parts = split(b"".join(self.between(self.count - count, self.count - 1)))
        parts.reverse()
        self.trim(0, self.count - count - 1, limits)
        return parts

    def trim(self, start: i64, stop: i64, limits: ListLimits) -> None:
        """Keeps the elements from `start` to `stop`, inclusive, if any. O(chunks removed)."""
        chunks = self.chunks
        kept: i64 = max(stop - start + 1, 0)
        if kept == 0:
            self.run = b""
            self.chunks = None
        elif kept == self.count:
            return
        elif chunks is None:
            begin = skip(self.run, 0, start)
            self.run = self.run[begin : skip(self.run, begin, kept)]
        else:
            if not self.is_quicklist:
                chunks.weight -= self._weight(0, start - 1) + self._weight(stop + 1, self.count - 1)
            chunks.drop_left(start)
            chunks.drop_right(self.count - stop - 1)
        self.count = kept
        self._shrunk(limits)

    def remove(self, element: bytes, wanted: i64, is_backwards: bool, limits: ListLimits) -> i64:
        """Removes up to `wanted` elements equal to `element`, from one end on; returns how many. O(n)."""
        chunks = self.chunks
        removed: i64
        if chunks is None:
            offsets = find_all(self.run, element).offsets
            if wanted < len(offsets):
                offsets = offsets[len(offsets) - wanted :] if is_backwards else offsets[:wanted]
            removed = len(offsets)
            if removed == 0:
                return 0
            self.run = without(self.run, offsets, len(element))
        else:
            removed = chunks.remove(element, wanted, is_backwards)
            if removed == 0:
                return 0
            if not self.is_quicklist:
                chunks.weight -= removed * listpack_size(element)
        self.count -= removed
        self._shrunk(limits)
        return removed

    # Access. An index counts from 0 and must be within the list.

    def get(self, index: i64) -> bytes:
        """The element at `index`. O(chunks), O(1) near the ends."""
        chunks = self.chunks
        if chunks is not None:
            return chunks.get(index)
        start = skip(self.run, 0, index)
        return self.run[start : element_end(self.run, start)]

    def set(self, index: i64, element: bytes, limits: ListLimits) -> None:
        """Replaces the element at `index`. O(chunks), O(1) near the ends."""
        chunks = self.chunks
        if chunks is None:
            start = skip(self.run, 0, index)
            self.run = self.run[:start] + element + self.run[element_end(self.run, start) :]
            if len(self.run) > SIZES.run_bytes:
                self._unfold()
        else:
            old = chunks.set(index, element)
            if not self.is_quicklist:
                chunks.weight += listpack_size(element) - listpack_size(old)
        self._shrunk(limits)

    def between(self, start: i64, stop: i64) -> list[bytes]:
        """Runs that together are the elements from `start` to `stop`, inclusive. O(chunks) and O(parts)."""
        chunks = self.chunks
        if chunks is None:
            if stop - start + 1 == self.count:
                return [self.run]
            begin = skip(self.run, 0, start)
            return [self.run[begin : skip(self.run, begin, stop - start + 1)]]
        parts: list[bytes] = []
        chunks.collect(start, stop, parts)
        return parts

    def _weight(self, start: i64, stop: i64) -> i64:
        """What the elements from `start` to `stop`, if any, take in a listpack."""
        weight = i64(0)
        if start <= stop:
            for run in self.between(start, stop):
                weight += run_listpack_size(run)
        return weight

    def find(self, element: bytes, wanted: i64, limit: i64, is_backwards: bool) -> list[int]:
        """Numbers of up to `wanted` elements equal to `element`, among the first or last `limit`. O(n)."""
        chunks = self.chunks
        if chunks is not None:
            if is_backwards:
                return chunks.find_backwards(element, wanted, limit)
            return chunks.find(element, wanted, limit)
        found = find_all(self.run, element).indexes
        if is_backwards:
            found.reverse()
            lowest: i64 = self.count - limit
            found = [index for index in found if index >= lowest]
        else:
            found = [index for index in found if index < limit]
        return found[:wanted]

    def runs(self) -> list[bytes]:
        """All elements, as runs in order."""
        return [self.run] if self.chunks is None else self.chunks.runs()

    def values(self) -> list[bytes]:
        """All elements as plain values. O(n)."""
        return unpack_all(b"".join(self.runs()))

    def extend(self, values: list[bytes], limits: ListLimits) -> None:
        """Adds plain values behind the last element, one by one: for loading."""
        for value in values:
            self.reserve(limits, len(value), 1)
            self.push_right(pack(value))

    def free_effort(self) -> int:
        """How many objects have to be freed."""
        return 1 if self.chunks is None else self.chunks.parts()

    def release(self, limit: int) -> bool:
        """Frees up to `limit` chunks; false when the rest is cheap to drop."""
        chunks = self.chunks
        if chunks is None:
            return False
        del chunks.chunks[-limit:]
        return bool(chunks.chunks)

    def mix_digest(self, digest: Digest) -> None:
        """Mixes all elements into a digest, in order."""
        for value in self.values():
            digest.mix(value)

    def _unfold(self) -> None:
        """Goes over from one run to chunks."""
        chunks = ListChunks()
        chunks.tail = split(self.run)
        chunks.size = len(self.run)
        self.chunks = chunks
        self.run = b""
        if not self.is_quicklist:
            chunks.weigh()

    def _shrunk(self, limits: ListLimits) -> None:
        """Decides on form and encoding after elements have gone."""
        chunks = self.chunks
        size: i64 = len(self.run) if chunks is None else chunks.size
        if self.is_quicklist and self.count <= limits.shrunk_elements and size <= limits.shrunk_bytes:
            self.is_quicklist = False
            if chunks is not None:
                chunks.weigh()
        if chunks is not None and size * 2 <= SIZES.run_bytes:
            self.run = b"".join(chunks.runs())
            self.chunks = None

    def check(self) -> None:
        """Asserts the rules of the structure; O(n), for tests."""
        chunks = self.chunks
        if chunks is None:
            assert len(self.run) <= SIZES.run_bytes
            assert len(split(self.run)) == self.count
            assert b"".join(split(self.run)) == self.run
            return
        assert self.run == b""
        assert self.count > 0
        chunks.check(self.count)
        if not self.is_quicklist:
            weight = chunks.weight
            assert weight == chunks.weigh()
