"""The set: unique members in one of three forms, and what Redis calls its encoding.

A set of integers is a sorted array (`packed_integers`), a small set one run of bulk strings
(`packed_members`), a large one a `HashTable` of its members. Which form, a set decides by its own limits; it
never goes back to a smaller one.

The encoding, which OBJECT ENCODING tells, is a fact of its own that follows the configured limits as in Redis
7.4: `intset` while all members are integers and few enough, `listpack` while there are few and short ones,
`hashtable` from then on. Only a set that is a `hashtable` is scanned in steps, and an `intset` lists its
members in ascending order in all forms.

The owner removes a set that has become empty. A file is loaded with `from_members` and written from
`members`.
"""

from __future__ import annotations

from typing import Final

from librt.random import randrange
from librt.strings import BytesWriter
from mypy_extensions import i16, i64, mypyc_attr

from pyredis.datatypes import packed_integers, packed_members
from pyredis.datatypes.bulk_strings import (
    element_end,
    pack,
    packed_size,
    skip,
    unpack,
    unpack_all,
    write_packed,
)
from pyredis.datatypes.digest import Digest
from pyredis.datatypes.footprint import instance_size, size_of
from pyredis.datatypes.hash_table import HashTable
from pyredis.datatypes.numbers import parse_int64
from pyredis.datatypes.value import Value
from pyredis.form import COMPILED

INTSET: Final[i64] = 0
LISTPACK: Final[i64] = 1
HASHTABLE: Final[i64] = 2

_NAMES: Final = (b"intset", b"listpack", b"hashtable")

RUN_ENTRIES: Final[i64] = 128 if COMPILED else 32
RUN_MEMBER: Final[i64] = 255
"""Most members of a run, and the longest."""
INTEGER_ENTRIES: Final[i64] = 1024
"""Most integers of a sorted array: beyond, an insertion copies more than a hash table costs."""

SPLIT_AT: Final[i64] = 85
"""Members at which a shard of the hash table is split, which fill a dict of 128 slots. Smaller shards than
those of the keyspace make a random member cheaper: it is reached by walking over half a shard."""

INTSET_MOST: Final[i64] = 1 << 30
"""More integers than this are no intset, whatever is configured."""


class SetLimits:
    """What the directives `set-max-...` say: how large a set may be that is an intset or a listpack."""

    def __init__(
        self, intset_entries: int = 512, listpack_entries: int = 128, listpack_value: int = 64
    ) -> None:
        self.intset_entries: i64 = 0
        self.listpack_entries: i64 = 0
        self.listpack_value: i64 = 0
        self.set(intset_entries, listpack_entries, listpack_value)

    def set(self, intset_entries: int, listpack_entries: int, listpack_value: int) -> None:
        """Takes over values of the directives."""
        self.intset_entries = min(intset_entries, INTSET_MOST)
        self.listpack_entries = listpack_entries
        self.listpack_value = listpack_value


@mypyc_attr(acyclic=True)
class SetValue(Value):
    """See the module's text.

    With a `table`, that is everything. Else `packed` holds `count` members: integers of `width` bytes, or,
    where `width` is 0, a run. An integer array is always an intset.
    """

    def __init__(self) -> None:
        self.packed: bytes = b""
        self.table: HashTable | None = None
        self.count: i16 = 0
        self.width: i16 = 0
        self.kind: i16 = 1

    def type_name(self) -> bytes:
        """The name that TYPE answers."""
        return b"set"

    def encoding(self) -> bytes:
        """The name that OBJECT ENCODING answers."""
        return _NAMES[self.kind]

    def size(self) -> int:
        """How many members there are. O(1)."""
        table = self.table
        return i64(self.count) if table is None else table.size

    def memory_usage(self, samples: int) -> int:
        """About how many bytes it takes. O(samples), and one step for some hundred members."""
        total = instance_size(self) + size_of(self.packed)
        return total if self.table is None else total + self.table.memory_usage(samples)

    def copy(self) -> SetValue:
        """An independent copy; O(1) for a small set, O(n) for a large one."""
        other = SetValue()
        other.packed = self.packed
        other.count = self.count
        other.width = self.width
        other.kind = self.kind
        table = self.table
        if table is not None:
            copied = HashTable(SPLIT_AT)
            for shard in table.shards():
                for member in shard:
                    copied.set(member, True)
            other.table = copied
        return other

    # Growing. An empty set begins with `begin`, another one with `expect`, once for all members of a command,
    # since that is how Redis decides on the encoding.

    def begin(self, first: bytes, expected: i64, limits: SetLimits) -> None:
        """Chooses the encoding of an empty set that gets `first` and is to have up to `expected` members."""
        if expected <= limits.intset_entries and parse_int64(first) is not None:
            self.kind = i16(INTSET)
            self.width = 2
        elif expected > limits.listpack_entries:
            self.kind = i16(HASHTABLE)
            if expected > RUN_ENTRIES:
                self.table = HashTable(SPLIT_AT)

    def expect(self, expected: i64, limits: SetLimits) -> None:
        """Chooses the encoding anew before a command adds up to `expected` members."""
        kind = i64(self.kind)
        if kind == INTSET:
            if expected > limits.intset_entries:
                self._become_hashtable()
        elif kind == LISTPACK and expected > limits.listpack_entries:
            self._become_hashtable()

    def add(self, member: bytes, limits: SetLimits) -> bool:
        """Adds a member; false when it is there already. O(1), small sets O(n)."""
        table = self.table
        if table is not None:
            if i64(self.kind) == HASHTABLE:
                return table.set(member, True)
            return self._add_to_small_table(table, member, limits)
        if self.width != 0:
            number = parse_int64(member)
            if number is not None:
                return self._add_integer(number, limits)
            self._leave_integers(member, limits)
            table = self.table
            if table is not None:
                return table.set(member, True)
        return self._add_to_run(member, limits)

    def _add_integer(self, number: i64, limits: SetLimits) -> bool:
        """Adds to a sorted array."""
        width = i64(self.width)
        needed = packed_integers.width_of(number)
        if needed > width:
            numbers = packed_integers.values(self.packed, width)
            self.packed = packed_integers.pack_values(numbers, needed)
            self.width = i16(needed)
            width = needed
        packed = self.packed
        count = i64(self.count)
        place = packed_integers.place_of(packed, width, number)
        if place < count and packed_integers.at(packed, width, place) == number:
            return False
        self.packed = packed_integers.insert(packed, width, place, number)
        self.count += 1
        count += 1
        if count > limits.intset_entries:
            self._become_hashtable()
        elif count > INTEGER_ENTRIES:
            self._use_table()
        return True

    def _leave_integers(self, member: bytes, limits: SetLimits) -> None:
        """Turns a sorted array, to which a text is added, into something else."""
        count = i64(self.count)
        self.kind = i16(LISTPACK if self._suits_listpack(count, member, limits) else HASHTABLE)
        if count < RUN_ENTRIES:
            self.packed = packed_members.pack_all(self.members())
            self.width = 0
        else:
            self._use_table()

    def _suits_listpack(self, count: i64, member: bytes, limits: SetLimits) -> bool:
        """Whether a listpack may take the integers of an intset, and a text with them."""
        if count >= limits.listpack_entries or i64(len(member)) > limits.listpack_value:
            return False
        if limits.listpack_value >= 20 or count == 0:
            return True
        return i64(max(map(len, self.members()))) <= limits.listpack_value

    def _add_to_run(self, member: bytes, limits: SetLimits) -> bool:
        run = self.packed
        count = i64(self.count)
        length: i64 = len(member)
        if count > 0 and packed_members.find(run, member, count) >= 0:
            return False
        if i64(self.kind) == LISTPACK and (
            count >= limits.listpack_entries or length > limits.listpack_value
        ):
            self.kind = i16(HASHTABLE)
        if count >= RUN_ENTRIES or length > RUN_MEMBER:
            self._use_table().set(member, True)
        else:
            self.packed = run + pack(member)
            self.count += 1
        return True

    def _add_to_small_table(self, table: HashTable, member: bytes, limits: SetLimits) -> bool:
        """Adds to a table that Redis would not have yet."""
        if table.contains(member):
            return False
        count = table.size
        if i64(self.kind) == LISTPACK:
            if count >= limits.listpack_entries or i64(len(member)) > limits.listpack_value:
                self.kind = i16(HASHTABLE)
        elif parse_int64(member) is not None:
            if count >= limits.intset_entries:
                self.kind = i16(HASHTABLE)
        else:
            self.kind = i16(LISTPACK if self._suits_listpack(count, member, limits) else HASHTABLE)
        return table.set(member, True)

    def _become_hashtable(self) -> None:
        """Takes on the encoding of large sets, and a form that goes with it."""
        self.kind = i16(HASHTABLE)
        if self.width != 0:
            if i64(self.count) <= RUN_ENTRIES:
                self.packed = packed_members.pack_all(self.members())
                self.width = 0
            else:
                self._use_table()

    def _use_table(self) -> HashTable:
        """Turns a small set into a large one, for good."""
        table = HashTable(SPLIT_AT)
        for member in self.members():
            table.set(member, True)
        self.table = table
        self.packed = b""
        self.count = 0
        self.width = 0
        return table

    # Shrinking, and questions.

    def remove(self, member: bytes) -> bool:
        """Takes out a member; false when it is not there. O(1), small sets O(n)."""
        table = self.table
        if table is not None:
            return table.pop(member) is not None
        packed = self.packed
        width = i64(self.width)
        if width != 0:
            number = parse_int64(member)
            if number is None:
                return False
            place = packed_integers.place_of(packed, width, number)
            if place >= i64(self.count) or packed_integers.at(packed, width, place) != number:
                return False
            self.packed = packed_integers.remove(packed, width, place)
        else:
            start = packed_members.find(packed, member, i64(self.count))
            if start < 0:
                return False
            self.packed = packed[:start] + packed[start + packed_size(len(member)) :]
        self.count -= 1
        return True

    def contains(self, member: bytes) -> bool:
        """Whether a member is there. O(1), small sets O(log n) or O(n)."""
        table = self.table
        if table is not None:
            return table.contains(member)
        if self.width != 0:
            number = parse_int64(member)
            return number is not None and packed_integers.contains(self.packed, i64(self.width), number)
        count = i64(self.count)
        return count > 0 and packed_members.find(self.packed, member, count) >= 0

    def random_member(self) -> bytes:
        """A member chosen uniformly; the set must not be empty. Expected O(1), small sets O(n)."""
        table = self.table
        if table is not None:
            return table.random_key()
        return self._member_at(randrange(i64(self.count)))

    def pop_random(self) -> bytes:
        """Takes out a member chosen uniformly; the set must not be empty. Expected O(1), small sets O(n)."""
        table = self.table
        if table is not None:
            return table.pop_random()
        packed = self.packed
        place: i64 = randrange(i64(self.count))
        width = i64(self.width)
        self.count -= 1
        if width != 0:
            member = b"%d" % packed_integers.at(packed, width, place)
            self.packed = packed_integers.remove(packed, width, place)
            return member
        start = skip(packed, 0, place)
        end = element_end(packed, start)
        self.packed = packed[:start] + packed[end:]
        return unpack(packed[start:end])

    def _member_at(self, place: i64) -> bytes:
        packed = self.packed
        width = i64(self.width)
        if width != 0:
            return b"%d" % packed_integers.at(packed, width, place)
        start = skip(packed, 0, place)
        return unpack(packed[start : element_end(packed, start)])

    # Whole sets.

    def members(self) -> list[bytes]:
        """All members: those of an intset in ascending order, others in any. O(n)."""
        table = self.table
        if table is not None:
            found = table.keys()
            if i64(self.kind) == INTSET:
                found.sort(key=int)
            return found
        if self.width != 0:
            return [b"%d" % number for number in packed_integers.values(self.packed, i64(self.width))]
        return unpack_all(self.packed)

    def encoded(self) -> bytes:
        """All members as bulk strings, in the order of `members`. O(n)."""
        table = self.table
        if table is None and self.width == 0:
            return self.packed
        if table is None:
            return packed_integers.encoded(self.packed, i64(self.width))
        writer = BytesWriter()
        if i64(self.kind) == INTSET:
            for member in self.members():
                write_packed(writer, member)
        else:
            for shard in table.shards():
                for key in shard:
                    write_packed(writer, key)
        return writer.getvalue()

    def scan(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """The next cursor and some members; 0 starts and 0 ends. A small set comes in one piece."""
        table = self.table
        if table is None or i64(self.kind) != HASHTABLE:
            return 0, self.members()
        return table.scan(cursor, count)

    def free_effort(self) -> int:
        """How many parts have to be freed one by one; a small set is one."""
        table = self.table
        return 1 if table is None else table.size

    def release(self, limit: int) -> bool:
        """Frees about `limit` members of a set that nobody needs any more; false when little is left."""
        table = self.table
        if table is None:
            return False
        while limit > 0 and table.directory:
            limit -= len(table.take_shard())
        return len(table.directory) > 0

    def mix_digest(self, digest: Digest) -> None:
        """Mixes the members into a digest, as DEBUG DIGEST does in Redis."""
        for member in self.members():
            digest.add(member)

    def check(self) -> None:
        """Asserts the rules of the structure; O(n), for tests."""
        members = self.members()
        assert len(members) == len(set(members)) == self.size()
        table = self.table
        if table is not None:
            assert self.packed == b""
            assert self.count == self.width == 0
            table.check()
        elif self.width != 0:
            assert i64(self.kind) == INTSET
            assert 0 <= i64(self.count) <= INTEGER_ENTRIES
            assert len(self.packed) == i64(self.count) * i64(self.width)
            numbers = packed_integers.values(self.packed, i64(self.width))
            assert numbers == sorted(numbers)
        else:
            assert i64(self.kind) != INTSET
            assert 0 <= i64(self.count) <= RUN_ENTRIES
            assert all(len(member) <= RUN_MEMBER for member in members)
        if i64(self.kind) == INTSET:
            assert [int(member) for member in members] == sorted(map(int, members))


def kind_of(members: list[bytes], limits: SetLimits, is_gradual: bool) -> i64:
    """The encoding of a set of these members.

    `is_gradual` says that Redis would have started with an intset and added one member after the other: then
    too many integers make it a hash table before a text could make it a listpack.
    """
    count: i64 = len(members)
    leading: i64 = 0
    for member in members:
        if parse_int64(member) is None:
            break
        leading += 1
        if leading > limits.intset_entries:
            break
    if leading > limits.intset_entries:
        if is_gradual:
            return HASHTABLE
    elif leading == count:
        return INTSET
    if count > limits.listpack_entries:
        return HASHTABLE
    for member in members:
        if i64(len(member)) > limits.listpack_value:
            return HASHTABLE
    return LISTPACK


def from_members(members: list[bytes], kind: i64) -> SetValue:
    """A set of unique members with an encoding, such as `kind_of` tells. O(n), O(n log n) for an intset."""
    value = SetValue()
    value.kind = i16(kind)
    count: i64 = len(members)
    if kind == INTSET and count <= INTEGER_ENTRIES:
        numbers = sorted(map(int, members))
        width: i64 = 2
        if count > 0:
            width = max(packed_integers.width_of(numbers[0]), packed_integers.width_of(numbers[count - 1]))
        value.packed = packed_integers.pack_values(numbers, width)
        value.width = i16(width)
        value.count = i16(count)
        return value
    longest: i64 = 0
    if count <= RUN_ENTRIES:
        for member in members:
            longest = max(longest, i64(len(member)))
    if kind == INTSET or count > RUN_ENTRIES or longest > RUN_MEMBER:
        table = HashTable(SPLIT_AT)
        for member in members:
            table.set(member, True)
        value.table = table
    else:
        value.packed = packed_members.pack_all(members)
        value.count = i16(count)
    return value
