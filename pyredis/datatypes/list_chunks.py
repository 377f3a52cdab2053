"""A long list: unpacked at both ends, where pushes and pops happen, and packed in between.

`head` and `tail` are Python lists of packed elements (see `bulk_strings`), `head` in reverse, so that both
ends are pushed and popped in O(1). When one of them grows to `Sizes.hot` elements, its inner half is joined
into a *chunk*, a run of at most `chunk_elements` elements and about `chunk_bytes` bytes; when one is empty,
the nearest chunk is split up into it. So a million elements are some ten thousand objects, of which six are
containers that the garbage collector has to visit, and an element takes its own bytes plus six.

Rules kept:

* The list is reversed(head) + chunks[first:] + tail. `chunks[:first]` is a gap of empty chunks, so that both
  ends of that list, too, grow and shrink in O(1) amortised.
* `counts` says how many elements each chunk has; never none, outside of the gap. `middle` is their sum.
* `size` is the length of everything packed. `weight` is what the elements would take in a listpack; it is
  kept only where the owner asks for it.
* A chunk has more than one element only within the limits.

Finding an element by its number walks the counts from the nearer end, 1 ns a chunk, then one chunk: in the
middle of a million elements about 5 us compiled, as in Redis."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64, mypyc_attr

from pyredis.datatypes.bulk_strings import element_end, find_all, run_listpack_size, skip, split, without
from pyredis.datatypes.footprint import BYTES_HEADER, instance_size, size_of


class Sizes:
    """The bounds of the structure, which tests make small."""

    def __init__(self) -> None:
        self.hot: i64 = 64
        self.chunk_elements: i64 = 128
        self.chunk_bytes: i64 = 8192
        # A list of at most so many packed bytes is one run (see `ListValue`), and again below half of them.
        self.run_bytes: i64 = 4096
        # A run with more elements is not popped from the right, where every pop would have to walk it.
        self.run_pops: i64 = 16


SIZES: Final = Sizes()


@mypyc_attr(acyclic=True)
class ListChunks:
    """See the module's text. Numbers of elements are not checked: the owner knows how many there are."""

    def __init__(self) -> None:
        self.head: list[bytes] = []
        self.tail: list[bytes] = []
        self.chunks: list[bytes] = []
        self.counts: list[int] = []
        self.first: i64 = 0
        self.middle: i64 = 0
        self.size: i64 = 0
        self.weight: i64 = 0

    def copy(self) -> ListChunks:
        """An independent copy, sharing the packed bytes. O(chunks)."""
        other = ListChunks()
        other.head = self.head[:]
        other.tail = self.tail[:]
        other.chunks = self.chunks[:]
        other.counts = self.counts[:]
        other.first = self.first
        other.middle = self.middle
        other.size = self.size
        other.weight = self.weight
        return other

    def memory_usage(self) -> int:
        """About how many bytes it takes. O(1)."""
        loose = len(self.head) + len(self.tail)
        runs = len(self.chunks) - self.first
        lists = size_of(self.head) + size_of(self.tail) + size_of(self.chunks) + size_of(self.counts)
        # A block is on average half a step longer than what is in it.
        blocks = loose * (BYTES_HEADER + 8) + runs * (BYTES_HEADER + 16)
        return instance_size(self) + lists + self.size + blocks

    # Both ends. The owner pushes and pops there itself, and keeps `size` and `weight`: it saves a call each time.

    def cool_head(self) -> None:
        """Packs the inner half of a head that has grown to its limit."""
        self._seal_head(len(self.head) // 2)

    def cool_tail(self) -> None:
        """Packs the inner half of a tail that has grown to its limit."""
        self._seal_tail(len(self.tail) // 2)

    def refill_head(self) -> None:
        """Unpacks the first chunk into the empty head; without chunks, takes half of the tail."""
        if self.middle > 0:
            run = self.chunks[self.first]
            self.head = [run] if self.counts[self.first] == 1 else split(run)
            self._drop_first_chunk()
        else:
            half = (len(self.tail) + 1) // 2
            self.head = self.tail[:half]
            del self.tail[:half]
        self.head.reverse()

    def refill_tail(self) -> None:
        """Unpacks the last chunk into the empty tail; without chunks, takes half of the head."""
        if self.middle > 0:
            run = self.chunks[-1]
            self.tail = [run] if self.counts[-1] == 1 else split(run)
            self._drop_last_chunk()
        else:
            half = (len(self.head) + 1) // 2
            self.tail = self.head[:half]
            del self.head[:half]
            self.tail.reverse()

    def drop_left(self, count: i64) -> None:
        """Removes the first `count` elements. O(chunks dropped)."""
        ready: i64 = len(self.head)
        taken: i64 = min(count, ready)
        self.size -= _total(self.head, ready - taken, ready)
        del self.head[ready - taken :]
        count -= taken
        while count > 0 and self.middle > 0:
            taken = self.counts[self.first]
            run = self.chunks[self.first]
            if taken <= count:
                self.size -= len(run)
                self._drop_first_chunk()
            else:
                taken = count
                end = skip(run, 0, taken)
                self.size -= end
                self.chunks[self.first] = run[end:]
                self.counts[self.first] -= taken
                self.middle -= taken
            count -= taken
        if count > 0:
            self.size -= _total(self.tail, 0, count)
            del self.tail[:count]

    def drop_right(self, count: i64) -> None:
        """Removes the last `count` elements. O(chunks dropped)."""
        ready: i64 = len(self.tail)
        taken: i64 = min(count, ready)
        self.size -= _total(self.tail, ready - taken, ready)
        del self.tail[ready - taken :]
        count -= taken
        while count > 0 and self.middle > 0:
            taken = self.counts[-1]
            run = self.chunks[-1]
            if taken <= count:
                self.size -= len(run)
                self._drop_last_chunk()
            else:
                end = skip(run, 0, taken - count)
                taken = count
                self.size -= len(run) - end
                self.chunks[-1] = run[:end]
                self.counts[-1] -= taken
                self.middle -= taken
            count -= taken
        if count > 0:
            self.size -= _total(self.head, 0, count)
            del self.head[:count]

    # Access by number.

    def get(self, index: i64) -> bytes:
        """The element at `index`. O(chunks), O(1) near the ends."""
        ready: i64 = len(self.head)
        if index < ready:
            return self.head[ready - 1 - index]
        index -= ready
        if index >= self.middle:
            return self.tail[index - self.middle]
        place, within = self._locate(index)
        run = self.chunks[place]
        start = skip(run, 0, within)
        return run[start : element_end(run, start)]

    def set(self, index: i64, element: bytes) -> bytes:
        """Replaces the element at `index` and returns the old one. O(chunks), O(1) near the ends."""
        ready: i64 = len(self.head)
        if index < ready:
            old = self.head[ready - 1 - index]
            self.head[ready - 1 - index] = element
        elif index - ready >= self.middle:
            old = self.tail[index - ready - self.middle]
            self.tail[index - ready - self.middle] = element
        else:
            place, within = self._locate(index - ready)
            run = self.chunks[place]
            start = skip(run, 0, within)
            end = element_end(run, start)
            old = run[start:end]
            self._store(place, run[:start] + element + run[end:], self.counts[place])
        self.size += len(element) - len(old)
        return old

    def collect(self, start: i64, stop: i64, parts: list[bytes]) -> None:
        """Appends runs to `parts` that together are the elements from `start` to `stop`, inclusive."""
        ready: i64 = len(self.head)
        if start < ready:
            section = self.head[max(ready - 1 - stop, 0) : ready - start]
            section.reverse()
            parts += section
        low: i64 = max(start - ready, 0)
        left: i64 = min(stop - ready, self.middle - 1) - low + 1
        if left > 0:
            place, within = self._locate(low)
            while left > 0:
                run = self.chunks[place]
                count: i64 = self.counts[place] - within
                if within > 0 or count > left:
                    count = min(count, left)
                    begin = skip(run, 0, within)
                    run = run[begin : skip(run, begin, count)]
                    within = 0
                parts.append(run)
                left -= count
                place += 1
        stop -= ready + self.middle
        if stop >= 0:
            parts += self.tail[max(start - ready - self.middle, 0) : stop + 1]

    def runs(self) -> list[bytes]:
        """The whole list as runs, in order."""
        section = self.head[:]
        section.reverse()
        return [b"".join(section), *self.chunks[self.first :], b"".join(self.tail)]

    # Search.

    def find(self, element: bytes, wanted: i64, limit: i64) -> list[int]:
        """Numbers of up to `wanted` elements equal to `element`, among the first `limit`. O(n)."""
        found: list[int] = []
        base: i64 = 0
        place: i64 = self.first - 1
        last: i64 = len(self.chunks)
        while place <= last and base < limit and len(found) < wanted:
            run = self._run(place)
            for index in find_all(run, element).indexes:
                if base + index < limit and len(found) < wanted:
                    found.append(base + index)
            base += self._count(place)
            place += 1
        return found

    def find_backwards(self, element: bytes, wanted: i64, limit: i64) -> list[int]:
        """As `find`, from the end: among the last `limit` elements, the highest numbers first."""
        found: list[int] = []
        base: i64 = len(self.head) + self.middle + len(self.tail)
        lowest: i64 = base - limit
        place: i64 = len(self.chunks)
        while place >= self.first - 1 and base > lowest and len(found) < wanted:
            run = self._run(place)
            base -= self._count(place)
            for index in reversed(find_all(run, element).indexes):
                if base + index >= lowest and len(found) < wanted:
                    found.append(base + index)
            place -= 1
        return found

    def insert(self, pivot: bytes, element: bytes, is_after: bool) -> bool:
        """Adds `element` beside the first `pivot`; false when there is none. O(n)."""
        self.seal()
        place: i64 = self.first
        while place < len(self.chunks):
            run = self.chunks[place]
            offsets = find_all(run, pivot).offsets
            if offsets:
                offset: i64 = offsets[0]
                if is_after:
                    offset += len(pivot)
                self.middle += 1
                self.size += len(element)
                self._store(place, run[:offset] + element + run[offset:], self.counts[place] + 1)
                return True
            place += 1
        return False

    def remove(self, element: bytes, wanted: i64, is_backwards: bool) -> i64:
        """Removes up to `wanted` elements equal to `element`, from one end on; returns how many. O(n)."""
        self.seal()
        removed: i64 = 0
        low: i64 = len(self.chunks)
        high: i64 = -1
        place: i64 = len(self.chunks) - 1 if is_backwards else self.first
        while self.first <= place < len(self.chunks) and removed < wanted:
            offsets = find_all(self.chunks[place], element).offsets
            if offsets:
                left: i64 = wanted - removed
                if left < len(offsets):
                    offsets = offsets[len(offsets) - left :] if is_backwards else offsets[:left]
                self.chunks[place] = without(self.chunks[place], offsets, len(element))
                self.counts[place] -= len(offsets)
                removed += len(offsets)
                low = min(low, place)
                high = max(high, place)
            place += -1 if is_backwards else 1
        if removed > 0:
            self.middle -= removed
            self.size -= removed * len(element)
            self._tidy(low, high)
        return removed

    def seal(self) -> None:
        """Packs both ends."""
        if self.head:
            self._seal_head(len(self.head))
        if self.tail:
            self._seal_tail(len(self.tail))

    def parts(self) -> int:
        """How many objects there are to be freed."""
        return len(self.head) + len(self.tail) + len(self.chunks)

    def weigh(self) -> i64:
        """Computes what the elements take in a listpack. O(n)."""
        self.weight = 0
        for run in self.runs():
            self.weight += run_listpack_size(run)
        return self.weight

    # The chunks. A place is an index of `chunks`; `first - 1` and `len(chunks)` stand for the two ends.

    def _run(self, place: i64) -> bytes:
        if place < self.first:
            section = self.head[:]
            section.reverse()
            return b"".join(section)
        return self.chunks[place] if place < len(self.chunks) else b"".join(self.tail)

    def _count(self, place: i64) -> i64:
        if place < self.first:
            return len(self.head)
        return self.counts[place] if place < len(self.chunks) else len(self.tail)

    def _locate(self, index: i64) -> tuple[i64, i64]:
        """The chunk that holds element `index` of the middle, and the element's number in it."""
        counts = self.counts
        place: i64
        count: i64
        if index * 2 < self.middle:
            place = self.first
            count = counts[place]
            while index >= count:
                index -= count
                place += 1
                count = counts[place]
            return place, index
        behind: i64 = self.middle - index
        place = len(counts) - 1
        count = counts[place]
        while behind > count:
            behind -= count
            place -= 1
            count = counts[place]
        return place, count - behind

    def _store(self, place: i64, run: bytes, count: i64) -> None:
        """Replaces a chunk, cutting it up when it is too large."""
        if count == 1 or (count <= SIZES.chunk_elements and len(run) <= SIZES.chunk_bytes):
            self.chunks[place] = run
            self.counts[place] = count
            return
        half = count // 2
        cut = skip(run, 0, half)
        self.chunks.insert(place, b"")
        self.counts.insert(place, 0)
        self._store(place + 1, run[cut:], count - half)
        self._store(place, run[:cut], half)

    def _tidy(self, low: i64, high: i64) -> None:
        """Drops empty chunks from `low` to `high`, and joins small ones there with their neighbours."""
        low = max(low - 1, self.first)
        high = min(high + 2, len(self.chunks))
        chunks: list[bytes] = []
        counts: list[int] = []
        for place in range(low, high):
            run, count = self.chunks[place], self.counts[place]
            if count == 0:
                continue
            if (
                chunks
                and (counts[-1] + count) * 2 <= SIZES.chunk_elements
                and (len(chunks[-1]) + len(run)) * 2 <= SIZES.chunk_bytes
            ):
                chunks[-1] += run
                counts[-1] += count
            else:
                chunks.append(run)
                counts.append(count)
        self.chunks[low:high] = chunks
        self.counts[low:high] = counts

    def _seal_head(self, count: i64) -> None:
        """Packs the innermost `count` elements of the head."""
        section = self.head[:count]
        section.reverse()
        del self.head[:count]
        self._prepend(section)

    def _seal_tail(self, count: i64) -> None:
        """Packs the innermost `count` elements of the tail."""
        section = self.tail[:count]
        del self.tail[:count]
        self._append(section)

    def _prepend(self, elements: list[bytes]) -> None:
        """Adds elements before the chunks: to the first one where they fit."""
        run = b"".join(elements)
        count: i64 = len(elements)
        if count > 1 and (len(run) > SIZES.chunk_bytes or count > SIZES.chunk_elements):
            half = count // 2
            self._prepend(elements[half:])
            self._prepend(elements[:half])
            return
        first = self.first
        if self.middle > 0 and self._fits(first, run, count):
            self.chunks[first] = run + self.chunks[first]
            self.counts[first] += count
        else:
            if first == 0:
                first = len(self.chunks) // 2 + 4
                self.chunks[:0] = [b""] * first
                self.counts[:0] = [0] * first
            first -= 1
            self.first = first
            self.chunks[first] = run
            self.counts[first] = count
        self.middle += count

    def _append(self, elements: list[bytes]) -> None:
        """Adds elements behind the chunks: to the last one where they fit."""
        run = b"".join(elements)
        count: i64 = len(elements)
        if count > 1 and (len(run) > SIZES.chunk_bytes or count > SIZES.chunk_elements):
            half = count // 2
            self._append(elements[:half])
            self._append(elements[half:])
            return
        if self.middle > 0 and self._fits(len(self.chunks) - 1, run, count):
            self.chunks[-1] += run
            self.counts[-1] += count
        else:
            self.chunks.append(run)
            self.counts.append(count)
        self.middle += count

    def _fits(self, place: i64, run: bytes, count: i64) -> bool:
        if self.counts[place] + count > SIZES.chunk_elements:
            return False
        return len(self.chunks[place]) + len(run) <= SIZES.chunk_bytes

    def _drop_first_chunk(self) -> None:
        self.middle -= self.counts[self.first]
        self.chunks[self.first] = b""
        self.counts[self.first] = 0
        self.first += 1
        if self.first * 2 > len(self.chunks) + 16 or self.middle == 0:
            del self.chunks[: self.first]
            del self.counts[: self.first]
            self.first = 0

    def _drop_last_chunk(self) -> None:
        self.middle -= self.counts.pop()
        self.chunks.pop()
        if self.middle == 0:
            self.chunks = []
            self.counts = []
            self.first = 0

    def check(self, count: int) -> None:
        """Asserts the rules of the module's text; O(n), for tests."""
        gap = self.first
        assert len(self.chunks) == len(self.counts)
        assert gap <= len(self.chunks)
        assert not any(self.chunks[:gap])
        assert not any(self.counts[:gap])
        assert sum(self.counts) == self.middle
        assert count == len(self.head) + self.middle + len(self.tail)
        for place in range(gap, len(self.chunks)):
            run = self.chunks[place]
            elements = split(run)
            assert b"".join(elements) == run
            assert len(elements) == self.counts[place] > 0
            if len(elements) > 1:
                assert len(elements) <= SIZES.chunk_elements
                assert len(run) <= SIZES.chunk_bytes
        for element in self.head + self.tail:
            assert element_end(element, 0) == len(element)
        assert self.size == sum(len(run) for run in self.runs())


def _total(elements: list[bytes], start: i64, stop: i64) -> i64:
    """The bytes of the elements from `start` up to `stop`."""
    total: i64 = 0
    while start < stop:
        total += len(elements[start])
        start += 1
    return total
