"""The stream: nodes of entries in order of their IDs, and the consumer groups that read them.

`StreamNode`s hold the entries; they fill up, and lose entries, exactly as the listpacks in Redis's radix tree
do, because trimming with `~` only drops whole nodes, and what it leaves has to be the same. A list of the
nodes' first IDs leads to any entry in O(log n); adding one at the end is O(1).

IDs are integers of 128 bits (see `stream_ids`). `first_id` is that of the first entry that is no tombstone, 0
without any; `last_ms` and `last_seq` are the ID that the next one has to exceed, which need not be there.
Unlike other containers a stream stays when it has become empty.

For saving and loading: `nodes` with `master_id()` and `listpack()`, `groups`, the attributes above;
`node_from_listpack` and `append_node` build a stream from what was saved.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from mypy_extensions import i64, mypyc_attr

from pyredis.datatypes.digest import Digest
from pyredis.datatypes.footprint import instance_size, scaled, size_of
from pyredis.datatypes.numbers import INT64_MAX
from pyredis.datatypes.stream_groups import Group
from pyredis.datatypes.stream_ids import PART_MAX, id_ms, id_seq, join_id
from pyredis.datatypes.stream_node import StreamNode, fields_memory
from pyredis.datatypes.value import Value

LISTPACK_MAX: Final[i64] = 1 << 30
"""Bytes that the values of one entry, or a node, may have at most."""

LARGE_ID: Final = 48
"""What an ID takes as an int."""

UNKNOWN: Final = -1
"""How many entries a group has read, when that cannot be told."""


class StreamLimits:
    """What `stream-node-max-bytes` and `stream-node-max-entries` say; 0 entries is no limit."""

    def __init__(self, node_bytes: int = 4096, node_entries: int = 100) -> None:
        self.bytes: i64 = 0
        self.entries: i64 = 0
        self.set(node_bytes, node_entries)

    def set(self, node_bytes: int, node_entries: int) -> None:
        """Takes over values of the directives."""
        self.bytes = node_bytes if 0 < node_bytes <= LISTPACK_MAX else LISTPACK_MAX
        self.entries = node_entries


@mypyc_attr(acyclic=True)
class Stream(Value):
    """See the module's text."""

    def __init__(self) -> None:
        self.length: i64 = 0
        self.nodes: list[StreamNode] = []
        self.masters: list[int] = []
        self.first_id: int = 0
        self.last_ms: int = 0
        self.last_seq: int = 0
        self.max_deleted_id: int = 0
        self.entries_added: int = 0
        self.groups: dict[bytes, Group] = {}

    def type_name(self) -> bytes:
        """`stream`."""
        return b"stream"

    def encoding(self) -> bytes:
        """`stream`."""
        return b"stream"

    def size(self) -> int:
        """How many entries there are."""
        return self.length

    def memory_usage(self, samples: int) -> int:
        """About how many bytes it takes. O(samples + groups + consumers)."""
        nodes = self.nodes
        looked_at = min(samples, len(nodes))
        total = 0
        if nodes:
            fields = nodes[0].fields
            for node in nodes[:looked_at]:
                total += node.memory_usage()
                if node.fields is not fields:
                    total += fields_memory(node.fields)
            total = scaled(total, looked_at, len(nodes)) + fields_memory(fields)
        total += instance_size(self) + size_of(nodes) + size_of(self.masters) + LARGE_ID * len(self.masters)
        total += size_of(self.groups)
        for group in self.groups.values():
            total += group.memory_usage()
        return total

    def last_id(self) -> int:
        """The ID that the next entry has to exceed."""
        return join_id(self.last_ms, self.last_seq)

    def set_last_id(self, entry_id: int) -> None:
        """Changes the ID that the next entry has to exceed."""
        self.last_ms = id_ms(entry_id)
        self.last_seq = id_seq(entry_id)

    # Growing.

    def is_after_last(self, ms: int, seq: int) -> bool:
        """Whether an entry may have this ID."""
        return ms > self.last_ms or (ms == self.last_ms and seq > self.last_seq)

    def add(self, ms: int, seq: int, argv: list[bytes], start: i64, size: i64, limits: StreamLimits) -> None:
        """Appends an entry whose ID is new, with the fields and values of `argv` from `start` on.

        `size` is the sum of their lengths. O(size of the entry).
        """
        node: StreamNode | None = None
        if self.nodes:
            node = self.nodes[-1]
            if node.size() + size >= limits.bytes or 0 < limits.entries <= node.count():
                node.close()
                node = None
        if node is None:
            node = StreamNode(ms, seq, self._shared_fields(argv[start::2]))
            self.append_node(node)
        node.add(ms, seq, argv, start)
        self.length += 1
        self.entries_added += 1
        self.last_ms = ms
        self.last_seq = seq
        if self.length == 1:
            self.first_id = join_id(ms, seq)

    def _shared_fields(self, fields: list[bytes]) -> list[bytes]:
        """These fields, as the object that the last node has, if they are the same."""
        if self.nodes and self.nodes[-1].fields == fields:
            return self.nodes[-1].fields
        return fields

    def append_node(self, node: StreamNode) -> None:
        """Adds a node at the end; the caller sees to the other attributes."""
        self.nodes.append(node)
        self.masters.append(node.master_id())

    # Shrinking.

    def delete(self, entry_id: int) -> bool:
        """Removes an entry; false when there is none. The caller then calls `note_deleted`. O(log n)."""
        cursor = StreamCursor(self, entry_id, entry_id, False)
        if not cursor.advance():
            return False
        node = cursor.node()
        if node.live == 1:
            at = cursor.place
            del self.nodes[at], self.masters[at]
        else:
            node.delete(cursor.index)
        self.length -= 1
        if entry_id > self.max_deleted_id:
            self.max_deleted_id = entry_id
        return True

    def find_first(self) -> None:
        """Brings `first_id` up to date, once entries have been removed."""
        self.first_id = self.edge_id(False) if self.length > 0 else 0

    def trim_length(self, maximum: int, is_approximate: bool, limit: int) -> int:
        """Removes the oldest entries until there are `maximum`; returns how many went.

        Approximately: only whole nodes. `limit`, when not 0, is how many entries may be removed.
        """
        removed = 0
        whole: i64 = 0
        while whole < len(self.nodes) and self.length > maximum:
            node = self.nodes[whole]
            if limit and removed + node.live > limit:
                break
            if self.length - node.live < maximum:
                if not is_approximate:
                    removed += self._trim_node(node, node.count(), self.length - maximum)
                break
            self.length -= node.live
            removed += node.live
            whole += 1
        self._drop_nodes(whole, removed)
        return removed

    def trim_before(self, minimum: int, is_approximate: bool, limit: int) -> int:
        """Removes the entries before an ID, as `trim_length` does."""
        removed = 0
        whole: i64 = 0
        while whole < len(self.nodes):
            node = self.nodes[whole]
            if limit and removed + node.live > limit:
                break
            if node.last_id() >= minimum:
                if not is_approximate:
                    removed += self._trim_node(node, node.first_from(minimum), self.length)
                break
            self.length -= node.live
            removed += node.live
            whole += 1
        self._drop_nodes(whole, removed)
        return removed

    def _trim_node(self, node: StreamNode, stop: i64, wanted: i64) -> i64:
        """Makes tombstones of the entries of a node up to `stop`, but only of `wanted` that are none."""
        end: i64 = 0
        while end < stop and wanted > 0:
            wanted -= not node.is_deleted(end)
            end += 1
        removed = node.delete_many(0, end)
        self.length -= removed
        return removed

    def _drop_nodes(self, count: i64, removed: int) -> None:
        del self.nodes[:count], self.masters[:count]
        if removed or self.length == 0:
            self.find_first()

    # Finding.

    def place_of(self, entry_id: int) -> i64:
        """The number of the node where an entry with this ID would be; -1 before the first. O(log n)."""
        return bisect_right(self.masters, entry_id) - 1

    def has(self, entry_id: int) -> bool:
        """Whether there is an entry with this ID. O(log n)."""
        return StreamCursor(self, entry_id, entry_id, False).advance()

    def edge_id(self, is_last: bool) -> int:
        """The ID of the first or the last entry, of which there must be one. O(tombstones beyond it)."""
        nodes = self.nodes
        place: i64 = len(nodes) - 1 if is_last else 0
        step: i64 = -1 if is_last else 1
        while True:
            node = nodes[place]
            if node.live > 0:
                index: i64 = node.count() - 1 if is_last else 0
                while node.is_deleted(index):
                    index += step
                return node.id_at(index)
            place += step

    def has_after(self, entry_id: int) -> bool:
        """Whether there is an entry behind an ID."""
        return self.length > 0 and self.last_id() > entry_id and self.edge_id(True) > entry_id

    def tree_size(self) -> i64:
        """How many nodes a radix tree with the nodes' first IDs has, as Redis counts them. O(nodes)."""
        return _radix_nodes(self.masters)

    # What groups know of their progress.

    def has_tombstones_after(self, entry_id: int) -> bool:
        """Whether an entry may have been deleted from among others at or behind an ID."""
        return self.length > 0 and self.max_deleted_id > 0 and entry_id <= self.max_deleted_id

    def entries_before(self, entry_id: int) -> int:
        """How many entries were ever added up to an ID, `UNKNOWN` where that cannot be told."""
        if self.entries_added == 0:
            return 0
        last_id = self.last_id()
        if self.length == 0 and entry_id <= last_id:
            return self.entries_added
        if entry_id != 0 and entry_id < self.max_deleted_id:
            return UNKNOWN
        if entry_id >= last_id:
            return self.entries_added if entry_id == last_id else UNKNOWN
        if self.max_deleted_id == 0 or self.max_deleted_id < self.first_id:
            if entry_id < self.first_id:
                return self.entries_added - int(self.length)
            if entry_id == self.first_id:
                return self.entries_added - int(self.length) + 1
        return UNKNOWN

    def lag_of(self, group: Group) -> int | None:
        """How many entries a group has not been given yet, None where that cannot be told.

        Negative for a group that XGROUP SETID credits with more entries than there were.
        """
        if self.entries_added == 0 or self.length == 0:
            return 0
        if group.last_id < self.first_id and self.max_deleted_id < self.first_id:
            return self.length
        if group.entries_read != UNKNOWN and not self.has_tombstones_after(group.last_id):
            return self.entries_added - group.entries_read
        entries_read = self.entries_before(group.last_id)
        return None if entries_read == UNKNOWN else self.entries_added - entries_read

    def note_delivered(self, group: Group, entry_id: int) -> None:
        """Moves a group on to an entry behind its last one, and counts it as read."""
        if (
            group.entries_read != UNKNOWN
            and group.last_id >= self.first_id
            and not self.has_tombstones_after(group.last_id)
        ):
            group.entries_read = min(group.entries_read + 1, INT64_MAX)
        elif self.entries_added:
            group.entries_read = self.entries_before(entry_id)
        group.last_id = entry_id

    # Whole streams.

    def copy(self) -> Stream:
        """An independent copy, groups included. O(n)."""
        other = Stream()
        other.length = self.length
        for node in self.nodes:
            other.append_node(node.copy())
        other.first_id = self.first_id
        other.last_ms = self.last_ms
        other.last_seq = self.last_seq
        other.max_deleted_id = self.max_deleted_id
        other.entries_added = self.entries_added
        for name, group in self.groups.items():
            other.groups[name] = group.copy()
        return other

    def free_effort(self) -> int:
        """How many parts have to be freed one by one."""
        effort = len(self.nodes)
        for group in self.groups.values():
            effort += 1 + len(group.pending)
        return effort

    def release(self, limit: int) -> bool:
        """Frees up to `limit` parts of a stream that nobody needs any more; false when little is left."""
        if self.nodes:
            del self.nodes[-limit:]
            return True
        return any(group.release(limit) for group in self.groups.values())

    def mix_digest(self, digest: Digest) -> None:
        """Mixes all entries into a digest, in order; groups do not count."""
        cursor = StreamCursor(self, 0, join_id(PART_MAX, PART_MAX), False)
        while cursor.advance():
            ms, seq = cursor.node().parts_at(cursor.index)
            digest.mix(b"%d.%d" % (ms, seq))
            for word in cursor.node().content(cursor.index):
                digest.mix(word)

    def check(self) -> None:
        """Asserts the rules of the structure; O(n), for tests."""
        assert self.masters == [node.master_id() for node in self.nodes]
        assert self.length == sum([node.live for node in self.nodes])
        before = 0
        for node in self.nodes:
            node.check()
            assert node.master_id() > before
            before = node.last_id()
        assert self.last_id() >= self.max_deleted_id
        assert self.first_id == (self.edge_id(False) if self.length > 0 else 0)
        if self.length > 0:
            assert self.last_id() >= self.edge_id(True)
        for name, group in self.groups.items():
            assert group.name == name
            group.check()


class StreamCursor:
    """Goes over the entries between two IDs, both included, forwards or backwards, tombstones left out.

    After `advance` has answered true, `node()` and `index` are the entry. O(log n) to begin, then O(1) an
    entry; the stream must not change meanwhile.
    """

    def __init__(self, stream: Stream, start: int, end: int, is_reverse: bool) -> None:
        self.nodes: list[StreamNode] = stream.nodes
        self.is_reverse: bool = is_reverse
        # The entry at hand, at first the one before the first, and the last one to come.
        self.place: i64 = 0
        self.index: i64 = 0
        self.last_place: i64 = 0
        self.last_index: i64 = 0
        low_place = stream.place_of(start)
        low_index: i64 = 0
        if low_place >= 0:
            low_index = stream.nodes[low_place].first_from(start)
        else:
            low_place = 0
        high_place = low_place if end == start else stream.place_of(end)
        high_index: i64 = -1
        if high_place >= 0 and high_place < len(stream.nodes):
            high_index = stream.nodes[high_place].first_from(end + 1) - 1
        if is_reverse:
            self.place, self.index = high_place, high_index + 1
            self.last_place, self.last_index = low_place, low_index
        else:
            self.place, self.index = low_place, low_index - 1
            self.last_place, self.last_index = high_place, high_index

    def node(self) -> StreamNode:
        """The node of the entry at hand."""
        return self.nodes[self.place]

    def entry_id(self) -> int:
        """The ID of the entry at hand."""
        return self.nodes[self.place].id_at(self.index)

    def advance(self) -> bool:
        """Goes on to the next entry; false when there is none."""
        return self._back() if self.is_reverse else self._forth()

    def _forth(self) -> bool:
        nodes = self.nodes
        count: i64 = len(nodes)
        while self.place < self.last_place or (
            self.place == self.last_place and self.index < self.last_index and self.place < count
        ):
            node = nodes[self.place]
            if self.index + 1 >= node.count():
                self.place += 1
                self.index = -1
                continue
            self.index += 1
            if node.deleted == 0 or not node.is_deleted(self.index):
                return True
        return False

    def _back(self) -> bool:
        nodes = self.nodes
        while self.place > self.last_place or (
            self.place == self.last_place and self.index > self.last_index
        ):
            if self.index <= 0:
                self.place -= 1
                if self.place < 0:
                    return False
                self.index = nodes[self.place].count()
                continue
            self.index -= 1
            if not nodes[self.place].is_deleted(self.index):
                return True
        return False


_KEY_BYTES: Final = 16


def _radix_nodes(keys: list[int]) -> i64:
    """Nodes of a compressed radix tree of 16-byte keys that are in order.

    One for each key, one for each fork, and one for each run of bytes without a fork in between.
    """
    if not keys:
        return 1
    count: i64 = 0
    forks: list[int] = []  # depths of the forks above the key at hand
    before = keys[0]
    depth = _KEY_BYTES  # where what hangs below the last fork begins: at a key
    count = len(keys)
    for key in keys[1:]:
        shared = _KEY_BYTES - ((before ^ key).bit_length() + 7) // 8
        below = _KEY_BYTES
        while forks and forks[-1] > shared:
            fork = forks.pop()
            count += below > fork + 1
            below = fork
        if not forks or forks[-1] < shared:
            forks.append(shared)
            count += 1
        count += below > shared + 1
        before = key
    below = depth
    while forks:
        fork = forks.pop()
        count += below > fork + 1
        below = fork
    return count + (below > 0)
