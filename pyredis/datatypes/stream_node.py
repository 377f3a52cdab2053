"""One node of a stream: up to about a hundred entries in a listpack, as in Redis.

The fields of its first entry, the *master* fields, stand at its beginning once, and so does that entry's ID;
entries with the same fields hold only values, and each ID is a difference. Deleting marks an entry, which
stays as a *tombstone*: it counts for what a node may hold, and the node goes when nothing else is left in it.

An entry is encoded as `flags, ms difference, sequence difference, [number of fields, fields and] values,
number of elements`. The node takes what Redis's does plus four bytes an entry, by which an ID is found in
O(log n) instead of by walking. The last node of a stream grows in a `BytesWriter`; `close` packs it.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from librt.vecs import append, vec
from mypy_extensions import i32, i64, mypyc_attr, u8

from pyredis.datatypes.footprint import bytes_block, instance_size, size_of, vector_block
from pyredis.datatypes.listpack import (
    OVERHEAD,
    assemble,
    integer_size,
    read_integer,
    read_text,
    skip,
    skip_many,
    write_integer,
    write_text,
)
from pyredis.datatypes.stream_ids import PART_MAX, SMALL_MAX, id_ms, id_seq, join_id

WRITER_INSIDE: Final = 256
"""Bytes that a `BytesWriter` has room for itself."""

DELETED: Final[i64] = 1
SAME_FIELDS: Final[i64] = 2

_WRAP: Final = 1 << 64
_HALF: Final = 1 << 63


def signed_difference(value: int, base: int) -> int:
    """The difference of two unsigned 64-bit numbers as a signed one, wrapping around."""
    difference = value - base
    if -SMALL_MAX <= difference <= SMALL_MAX:
        return difference
    if -_HALF <= difference < _HALF:
        return difference
    return difference - _WRAP if difference > 0 else difference + _WRAP


def add_difference(base: int, difference: int) -> int:
    """The reverse of `signed_difference`."""
    value = base + difference
    if 0 <= value <= SMALL_MAX:
        return value
    return value & PART_MAX


def fields_memory(fields: list[bytes]) -> int:
    """Bytes of the names of fields."""
    return size_of(fields) + sum([size_of(field) for field in fields])


@mypyc_attr(acyclic=True)
class StreamNode:
    """See the module's text. `fields` is shared by the nodes of a stream that have the same.

    `offsets` are the places of all entries, tombstones included, in `image()`, the encoded entries.
    """

    def __init__(self, ms: int, seq: int, fields: list[bytes]) -> None:
        self.ms: int = ms
        self.seq: int = seq
        self.fields: list[bytes] = fields
        self.live: i64 = 0
        self.deleted: i64 = 0
        self.offsets: vec[i32] = vec[i32]()
        # While the node is open, `packed` is what `image` last made of the writer, or empty.
        self.writer: BytesWriter | None = BytesWriter()
        self.packed: bytes = b""
        self.master_size: i64 = 0
        self.master_size = len(self._master())

    def master_id(self) -> int:
        """The ID that all others of the node refer to."""
        return join_id(self.ms, self.seq)

    def count(self) -> i64:
        """How many entries there are, tombstones included."""
        return len(self.offsets)

    def size(self) -> i64:
        """Bytes of Redis's listpack for the node."""
        writer = self.writer
        entries: i64 = len(self.packed) if writer is None else len(writer)
        return OVERHEAD + integer_size(self.live) + integer_size(self.deleted) + self.master_size + entries

    def memory_usage(self) -> int:
        """About how many bytes it takes, without its fields, which others share."""
        total = instance_size(self) + size_of(self.packed) + vector_block(len(self.offsets), 4)
        writer = self.writer
        if writer is None:
            return total
        outside = bytes_block(len(writer)) if len(writer) > WRITER_INSIDE else 0
        return total + size_of(writer) + outside

    def image(self) -> bytes:
        """The encoded entries, one behind the other."""
        writer = self.writer
        if writer is not None and len(self.packed) != len(writer):
            self.packed = writer.getvalue()
        return self.packed

    def close(self) -> None:
        """Packs a node that will not grow any more."""
        image = self.image()
        self.writer = None
        self.packed = image

    def _master(self) -> bytes:
        """The encoded number of fields, the fields, and the end of the master entry."""
        writer = BytesWriter()
        write_integer(writer, len(self.fields))
        for field in self.fields:
            write_text(writer, field)
        write_integer(writer, 0)
        return writer.getvalue()

    # Growing.

    def add(self, ms: int, seq: int, argv: list[bytes], start: i64) -> None:
        """Appends an entry with the fields and values of `argv` from `start` on. O(size of the entry)."""
        writer = self.writer
        if writer is None:
            writer = BytesWriter()
            writer.write(self.packed)
            self.writer = writer
        self.offsets = append(self.offsets, i32(len(writer)))
        end: i64 = len(argv)
        fields: i64 = (end - start) >> 1
        is_same = self._has_fields(argv, start)
        writer.append(2 if is_same else 0)
        writer.append(1)
        write_integer(writer, signed_difference(ms, self.ms))
        write_integer(writer, signed_difference(seq, self.seq))
        position: i64 = start
        if is_same:
            while position < end:
                write_text(writer, argv[position + 1])
                position += 2
            write_integer(writer, fields + 3)
        else:
            write_integer(writer, fields)
            while position < end:
                write_text(writer, argv[position])
                position += 1
            write_integer(writer, 2 * fields + 4)
        self.live += 1

    def _has_fields(self, argv: list[bytes], start: i64) -> bool:
        """Whether the fields in `argv` are the master fields."""
        fields = self.fields
        count: i64 = len(fields)
        if i64(len(argv)) - start != 2 * count:
            return False
        i: i64 = 0
        while i < count:
            if fields[i] != argv[start + 2 * i]:
                return False
            i += 1
        return True

    # Finding. Entries are numbered from 0, tombstones included.

    def id_at(self, index: i64) -> int:
        """The ID of an entry."""
        image = self.image()
        position = i64(self.offsets[index]) + 2
        ms = add_difference(self.ms, read_integer(image, position))
        return join_id(ms, add_difference(self.seq, read_integer(image, skip(image, position))))

    def last_id(self) -> int:
        """The ID of the last entry, be it a tombstone."""
        return self.id_at(len(self.offsets) - 1)

    def first_from(self, entry_id: int) -> i64:
        """The number of the first entry that is not before `entry_id`; `count()` if there is none. O(log n)."""
        low: i64 = 0
        high: i64 = len(self.offsets)
        if high == 0 or self.last_id() < entry_id:
            return high
        ms, seq = id_ms(entry_id), id_seq(entry_id)
        image = self.image()
        while low < high:
            middle = (low + high) >> 1
            position = i64(self.offsets[middle]) + 2
            there = add_difference(self.ms, read_integer(image, position))
            if there == ms:
                is_before = add_difference(self.seq, read_integer(image, skip(image, position))) < seq
            else:
                is_before = there < ms
            if is_before:
                low = middle + 1
            else:
                high = middle
        return low

    def is_deleted(self, index: i64) -> bool:
        """Whether an entry is a tombstone."""
        flags: i64 = self.image()[self.offsets[index]]
        return flags & DELETED != 0

    def delete(self, index: i64) -> None:
        """Makes an entry, which must not be one yet, a tombstone. O(size of the node)."""
        self.delete_many(index, index + 1)

    def delete_many(self, start: i64, stop: i64) -> i64:
        """Makes tombstones of the entries from `start` up to `stop`; returns how many were none yet."""
        writer = BytesWriter()
        writer.write(self.image())
        removed: i64 = 0
        while start < stop:
            place = i64(self.offsets[start])
            flags = i64(writer[place])
            if flags & DELETED == 0:
                writer[place] = u8(flags | DELETED)
                removed += 1
            start += 1
        self.live -= removed
        self.deleted += removed
        self.packed = writer.getvalue()
        if self.writer is not None:
            self.writer = writer
        return removed

    # Reading.

    def parts_at(self, index: i64) -> tuple[int, int]:
        """Milliseconds and sequence number of an entry."""
        image = self.image()
        position = i64(self.offsets[index]) + 2
        ms = add_difference(self.ms, read_integer(image, position))
        return ms, add_difference(self.seq, read_integer(image, skip(image, position)))

    def content(self, index: i64) -> list[bytes]:
        """Fields and values of an entry, in turn. O(size of the entry)."""
        image = self.image()
        position = i64(self.offsets[index])
        flags: i64 = image[position]
        position = skip_many(image, position, 3)
        found: list[bytes] = []
        if flags & SAME_FIELDS:
            for field in self.fields:
                found.append(field)
                found.append(read_text(image, position))
                position = skip(image, position)
            return found
        words: i64 = 2 * read_integer(image, position)
        while words > 0:
            position = skip(image, position)
            found.append(read_text(image, position))
            words -= 1
        return found

    # Whole nodes.

    def copy(self) -> StreamNode:
        """An independent copy. O(size)."""
        other = StreamNode(self.ms, self.seq, self.fields)
        other.live = self.live
        other.deleted = self.deleted
        other.packed = self.image()
        other.writer = None
        offsets = vec[i32](capacity=len(self.offsets))
        for offset in self.offsets:
            offsets = append(offsets, offset)
        other.offsets = offsets
        return other

    def listpack(self) -> bytes:
        """The node as Redis has it in memory and in RDB files. O(size)."""
        writer = BytesWriter()
        write_integer(writer, self.live)
        write_integer(writer, self.deleted)
        writer.write(self._master())
        head = writer.getvalue()
        image = self.image()
        elements: i64 = 4 + len(self.fields)
        for index in range(len(self.offsets)):
            elements += self._elements(image, i64(self.offsets[index]))
        return assemble(head + image, elements)

    def _elements(self, image: bytes, place: i64) -> i64:
        """How many elements the entry at a place consists of."""
        flags: i64 = image[place]
        if flags & SAME_FIELDS:
            return i64(len(self.fields)) + 4
        return 2 * read_integer(image, skip_many(image, place, 3)) + 5

    def check(self) -> None:
        """Asserts the rules of the structure; O(n), for tests."""
        image = self.image()
        position: i64 = 0
        live: i64 = 0
        before = -1
        for index in range(len(self.offsets)):
            assert self.offsets[index] == position
            assert before < self.id_at(index)
            before = self.id_at(index)
            live += not self.is_deleted(index)
            elements = self._elements(image, position)
            end = skip_many(image, position, elements - 1)
            assert read_integer(image, end) == elements - 1
            position = skip(image, end)
        assert position == len(image)
        assert self.live == live
        assert self.live + self.deleted == len(self.offsets)
        assert len(self.offsets) > 0
        assert self.id_at(0) == self.master_id()
        assert self.size() == len(self.listpack())


def node_from_listpack(master_id: int, data: bytes) -> StreamNode:
    """The node that a listpack of Redis holds; ValueError or IndexError for one that makes no sense. O(size)."""
    position: i64 = OVERHEAD - 1
    live = read_integer(data, position)
    position = skip(data, position)
    deleted = read_integer(data, position)
    position = skip(data, position)
    count = read_integer(data, position)
    position = skip(data, position)
    fields: list[bytes] = []
    while count > 0:
        fields.append(read_text(data, position))
        position = skip(data, position)
        count -= 1
    position = skip(data, position)
    node = StreamNode(id_ms(master_id), id_seq(master_id), fields)
    end: i64 = len(data) - 1
    node.packed = image = data[position:end]
    node.writer = None
    node.live = live
    node.deleted = deleted
    place: i64 = 0
    size: i64 = len(image)
    while place < size:
        node.offsets = append(node.offsets, i32(place))
        place = skip_many(image, place, node._elements(image, place))
    if place != size or len(node.offsets) != live + deleted:
        raise ValueError("a damaged listpack of a stream")
    return node
