"""When the fields of one hash expire.

The table decides. Up to `HEAP_FROM` fields the earliest deadline is found by looking at all of them, and
remembered; with more of them a heap of (deadline, field) leads there, in which entries that were overtaken
stay until they come to the top, or until they outnumber the others.

The table keeps the order in which deadlines were set, the latest last.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Final

from mypy_extensions import i64, mypyc_attr

from pyredis.datatypes.footprint import INTEGER, instance_size, size_of

NO_DEADLINE: Final[i64] = -1

HEAP_FROM: Final = 64

_UNKNOWN: Final[i64] = -2


@mypyc_attr(acyclic=True)
class FieldDeadlines:
    """Deadlines in milliseconds since the epoch, by field; see the module's text."""

    def __init__(self) -> None:
        self.table: dict[bytes, int] = {}
        self.heap: list[tuple[int, bytes]] | None = None
        self.known_earliest: i64 = _UNKNOWN

    def __len__(self) -> int:
        return len(self.table)

    def memory_usage(self) -> int:
        """About how many bytes it takes beside the fields, which the hash has, too. O(1)."""
        total = instance_size(self) + size_of(self.table) + INTEGER * len(self.table)
        heap = self.heap
        if heap is not None:
            total += size_of(heap) + len(heap) * size_of((0, b""))
        return total

    def get(self, field: bytes) -> i64:
        """The deadline of a field, or NO_DEADLINE."""
        return self.table.get(field, -1)

    def put(self, field: bytes, deadline_ms: i64) -> None:
        """Gives a field a deadline. O(log n)."""
        old: i64 = self.table.pop(field, -1)
        self.table[field] = deadline_ms
        if self.known_earliest != _UNKNOWN:
            if len(self.table) == 1 or deadline_ms < self.known_earliest:
                self.known_earliest = deadline_ms
            elif old == self.known_earliest and old != deadline_ms:
                self.known_earliest = _UNKNOWN
        heap = self.heap
        if heap is not None:
            if len(heap) > 2 * len(self.table) + HEAP_FROM:
                self._build_heap()
            else:
                heappush(heap, (deadline_ms, field))
        elif len(self.table) > HEAP_FROM:
            self._build_heap()

    def drop(self, field: bytes) -> bool:
        """Takes the deadline from a field; false when it had none. O(1)."""
        old: i64 = self.table.pop(field, -1)
        if old == NO_DEADLINE:
            return False
        if old == self.known_earliest:
            self.known_earliest = _UNKNOWN
        heap = self.heap
        if heap is not None:
            if not self.table:
                self.heap = None
            elif len(heap) > 2 * len(self.table) + HEAP_FROM:
                self._build_heap()
        return True

    def earliest(self) -> i64:
        """The earliest deadline, or NO_DEADLINE when there is none. O(1) most of the time."""
        if not self.table:
            return NO_DEADLINE
        if self.known_earliest == _UNKNOWN:
            heap = self.heap
            if heap is None:
                self.known_earliest = min(self.table.values())
            else:
                while self.table.get(heap[0][1]) != heap[0][0]:
                    heappop(heap)
                self.known_earliest = heap[0][0]
        return self.known_earliest

    def is_any_due(self, now_ms: i64) -> bool:
        """Whether some field is past its deadline."""
        earliest = self.earliest()
        return earliest != NO_DEADLINE and earliest <= now_ms

    def is_due(self, field: bytes, now_ms: i64) -> bool:
        """Whether a field is past its deadline."""
        deadline = self.get(field)
        return deadline != NO_DEADLINE and deadline <= now_ms

    def due(self, now_ms: i64, limit: i64) -> list[bytes]:
        """Up to `limit` fields that are past their deadlines, the earliest first, which stay in the table.

        O(log n) for each, and up to O(n) where there is no heap.
        """
        heap = self.heap
        found: list[bytes] = []
        if heap is None:
            entries = sorted([(at, field) for field, at in self.table.items() if at <= now_ms])
            found = [field for _, field in entries[:limit]]
            return found
        taken: list[tuple[int, bytes]] = []
        seen: set[bytes] = set()
        while heap and heap[0][0] <= now_ms and i64(len(found)) < limit:
            entry = heappop(heap)
            if self.table.get(entry[1]) == entry[0] and entry[1] not in seen:
                seen.add(entry[1])
                found.append(entry[1])
                taken.append(entry)
        for entry in taken:
            heappush(heap, entry)
        return found

    def count_due(self, now_ms: i64) -> i64:
        """How many fields are past their deadlines; O(n) if any is."""
        if not self.is_any_due(now_ms):
            return 0
        count: i64 = 0
        for deadline in self.table.values():
            if deadline <= now_ms:
                count += 1
        return count

    def count_before(self, deadline_ms: i64) -> i64:
        """How many fields have an earlier deadline. O(n)."""
        count: i64 = 0
        for deadline in self.table.values():
            if deadline < deadline_ms:
                count += 1
        return count

    def copy(self) -> FieldDeadlines:
        """An independent copy. O(n)."""
        other = FieldDeadlines()
        other.table = dict(self.table)
        if self.heap is not None:
            other._build_heap()
        return other

    def in_order(self) -> list[bytes]:
        """All fields by deadline, among equal ones the one that was set last first: the order of a listpack."""
        entries = list(self.table.items())
        entries.reverse()
        entries.sort(key=_deadline_of)
        return [field for field, _ in entries]

    def _build_heap(self) -> None:
        heap = [(deadline, field) for field, deadline in self.table.items()]
        heapify(heap)
        self.heap = heap

    def check(self) -> None:
        """Asserts the rules; O(n), for tests."""
        assert all(deadline > 0 for deadline in self.table.values())
        if self.table:
            assert self.earliest() == min(self.table.values())
        else:
            assert self.earliest() == NO_DEADLINE
            assert self.heap is None
        if self.heap is not None:
            entries = set(self.heap)
            assert all((deadline, field) in entries for field, deadline in self.table.items())
            assert len(self.heap) <= 2 * len(self.table) + HEAP_FROM + 1


def _deadline_of(entry: tuple[bytes, int]) -> int:
    return entry[1]
