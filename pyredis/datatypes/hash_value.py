"""The hash: fields with values, some of which may expire.

A small hash is one bytes object (`packed_hash`), a large one, or one with a large value, a `HashTable`; which of
them, a hash decides by its own limits, and it never goes back. What OBJECT ENCODING says follows the limits of
the configuration instead, as in Redis: a hash is a `listpack` until it once held more fields, or a longer field
or value, than those allow. As long as it is one, its fields are in the order in which they were added.

The first command about the expiry of its fields gives a hash `deadlines`, which it keeps, and makes a listpack
a `listpackex`: fields that expire come first there, in the order of their deadlines. A run is kept in that
order; of a table it is made when somebody asks.

A hash knows no clock, so a field past its deadline is still there until somebody removes it (see
`Database.expire_fields`); whoever looks passes the time, or has asked `is_due` before. A caller that changes
deadlines tells the database, by `Database.schedule_fields`.

To read everything: `flat_pairs`, and `deadlines`. To build in bulk: `from_pairs`, and then `set_deadline`; a
hash with deadlines becomes a key by `Database.add`.
"""

from __future__ import annotations

from typing import Final

from librt.random import randrange
from mypy_extensions import i64, mypyc_attr

from pyredis.datatypes import packed_hash
from pyredis.datatypes.bulk_strings import element_end, pack, skip, unpack, unpack_all
from pyredis.datatypes.digest import Digest
from pyredis.datatypes.field_deadlines import NO_DEADLINE, FieldDeadlines
from pyredis.datatypes.footprint import instance_size, size_of
from pyredis.datatypes.hash_table import SPLIT_AT, HashTable
from pyredis.datatypes.packed_hash import NOT_THERE
from pyredis.datatypes.value import Value

NEVER_SPLIT: Final[i64] = 1 << 40
"""The table of a listpack stays one dict, whatever its size, for the sake of the order."""

EXPIRES: Final = b"!!hexpire!!"
"""What the digest of a field takes in when the field has a deadline, whichever."""

FIELDS: Final = 0
VALUES: Final = 1
PAIRS: Final = 2
"""What of a hash is asked for."""


@mypyc_attr(acyclic=True)
class HashValue(Value):
    """See the module's text. An empty one may exist only between two lines of a command."""

    def __init__(self) -> None:
        self.run: bytes = b""
        self.table: HashTable | None = None
        self.deadlines: FieldDeadlines | None = None
        self.run_count: i64 = 0
        self.is_listpack: bool = True

    def type_name(self) -> bytes:
        """The name that TYPE answers."""
        return b"hash"

    def encoding(self) -> bytes:
        """The name that OBJECT ENCODING answers."""
        if not self.is_listpack:
            return b"hashtable"
        return b"listpack" if self.deadlines is None else b"listpackex"

    def size(self) -> int:
        """How many fields there are, those past their deadline included. O(1)."""
        table = self.table
        return self.run_count if table is None else table.size

    def live_size(self, now_ms: i64) -> int:
        """How many fields there are that have not expired. O(1), or O(n) while some have."""
        deadlines = self.deadlines
        if deadlines is None:
            return self.size()
        return self.size() - deadlines.count_due(now_ms)

    def copy(self) -> HashValue:
        """An independent copy; O(1) for a small hash, O(n) for a large one."""
        other = HashValue()
        other.run = self.run
        other.run_count = self.run_count
        other.is_listpack = self.is_listpack
        table = self.table
        if table is not None:
            twin = HashTable(table.split_at)
            for field, value in table.items():
                twin.set(field, value)
            other.table = twin
        if self.deadlines is not None:
            other.deadlines = self.deadlines.copy()
        return other

    def memory_usage(self, samples: int) -> int:
        """About how many bytes it takes. O(samples), and one step for some hundred fields."""
        total = instance_size(self) + size_of(self.run)
        if self.table is not None:
            total += self.table.memory_usage(samples)
        if self.deadlines is not None:
            total += self.deadlines.memory_usage()
        return total

    # Fields.

    def get(self, field: bytes) -> bytes | None:
        """The value of a field, or None. O(1), small hashes O(n)."""
        table = self.table
        if table is not None:
            value: bytes | None = table.get(field)
            return value
        run = self.run
        place = packed_hash.find(run, field)
        return None if place == NOT_THERE else packed_hash.value_of(run, place)

    def get_packed(self, field: bytes) -> bytes | None:
        """The value of a field as a bulk string, or None. O(1), small hashes O(n)."""
        table = self.table
        if table is not None:
            value: bytes | None = table.get(field)
            return None if value is None else pack(value)
        run = self.run
        place = packed_hash.find(run, field)
        return None if place == NOT_THERE else packed_hash.packed_value_of(run, place)

    def has(self, field: bytes) -> bool:
        """Whether a field is there. O(1), small hashes O(n)."""
        table = self.table
        if table is not None:
            return table.contains(field)
        return packed_hash.find(self.run, field) != NOT_THERE

    def put(
        self, field: bytes, value: bytes, max_entries: i64, max_value: i64, keeps_deadline: bool = False
    ) -> bool:
        """Sets a field; whether it is new. O(1), small hashes O(n). A deadline is lost, unless told otherwise.

        `max_entries` and `max_value` are the configured limits of a listpack.
        """
        if self.is_listpack and (len(field) > max_value or len(value) > max_value):
            self._leave_listpack()
        table = self.table
        is_new = self._put_packed(field, value) if table is None else table.set(field, value)
        if not is_new and self.deadlines is not None and not keeps_deadline:
            self.persist(field)
        if self.is_listpack and self.size() > max_entries:  # the limit may be lower than it was
            self._leave_listpack()
        return is_new

    def expect(self, texts: list[bytes], position: i64, max_entries: i64, max_value: i64) -> None:
        """Takes notice of fields and values to come: too many, or too long a one, are the end of a listpack,
        though some of them may be there already."""
        count = (len(texts) - position) // 2
        if self.is_listpack and (count > max_entries or longest(texts, position) > max_value):
            self._leave_listpack()

    def put_all(self, texts: list[bytes], position: i64, max_entries: i64, max_value: i64) -> i64:
        """Sets fields to values, given in turn from a position in a list on; answers how many are new.

        As by one `put` after the other, but in O(n) for a small hash.
        """
        count = (len(texts) - position) // 2
        self.expect(texts, position, max_entries, max_value)
        before = self.run_count
        if self.table is None and self.deadlines is None and 4 * count >= before:
            if count == before and packed_hash.has_fields(self.run, texts, position):
                self._take_run(packed_hash.pack_from(texts, position), count)
                return 0  # and `expect` has looked at the limits
            return self._put_packed_all(texts, position, max_entries)
        added: i64 = 0
        while position < len(texts):
            if self.put(texts[position], texts[position + 1], max_entries, max_value):
                added += 1
            position += 2
        return added

    def _put_packed_all(self, texts: list[bytes], position: i64, max_entries: i64) -> i64:
        pairs = run_pairs(self.run)
        before: i64 = len(pairs)
        while position < len(texts):
            pairs[texts[position]] = texts[position + 1]
            position += 2
        count: i64 = len(pairs)
        self._take_run(packed_hash.pack_pairs(pairs), count)
        if self.is_listpack and count > max_entries:
            self._leave_listpack()
        return count - before

    def _take_run(self, run: bytes, count: i64) -> None:
        """Makes a run of all fields the content of a small hash, or of a table if the run is too large."""
        if packed_hash.fits(run, count, self.is_listpack):
            self.run = run
            self.run_count = count
        else:
            self._fill_table(unpack_all(run))

    def _put_packed(self, field: bytes, value: bytes) -> bool:
        run = self.run
        count = self.run_count
        place = packed_hash.find(run, field)
        if place == NOT_THERE:
            run = packed_hash.with_pair(run, field, value)
            count += 1
        else:
            run = packed_hash.with_value(run, place, value)
        if (
            packed_hash.is_small(run, count, self.is_listpack)
            and packed_hash.is_plain(field)
            and packed_hash.is_plain(value)
        ):
            self.run = run
            self.run_count = count
        else:
            self._fill_table(unpack_all(run))
        return place == NOT_THERE

    def _fill_table(self, flat: list[bytes]) -> HashTable:
        """Becomes a large hash, for good, with the fields and values of a list."""
        table = HashTable(NEVER_SPLIT if self.is_listpack else SPLIT_AT)
        for i in range(0, len(flat), 2):
            table.set(flat[i], flat[i + 1])
        self.table = table
        self.run = b""
        self.run_count = 0
        return table

    def _leave_listpack(self) -> None:
        """Exceeds the limits of a listpack, for good. Shards of a table then split as they grow."""
        self.is_listpack = False
        table = self.table
        if table is not None:
            self._fill_table(flat_items(table))
        elif not packed_hash.fits(self.run, self.run_count, False):
            self._fill_table(unpack_all(self.run))

    def remove(self, field: bytes) -> bool:
        """Takes out a field; false when it is not there. O(1), small hashes O(n)."""
        table = self.table
        if table is not None:
            if table.pop(field) is None:
                return False
        else:
            place = packed_hash.find(self.run, field)
            if place == NOT_THERE:
                return False
            self.run = packed_hash.without(self.run, place)
            self.run_count -= 1
        if self.deadlines is not None:
            self.deadlines.drop(field)
        return True

    # Deadlines.

    def extend(self) -> FieldDeadlines:
        """The deadlines of the fields, from now on."""
        deadlines = self.deadlines
        if deadlines is None:
            deadlines = FieldDeadlines()
            self.deadlines = deadlines
        return deadlines

    def deadline(self, field: bytes) -> i64:
        """The deadline of a field, or NO_DEADLINE."""
        deadlines = self.deadlines
        return NO_DEADLINE if deadlines is None else deadlines.get(field)

    def next_deadline(self) -> i64:
        """The earliest deadline of all fields, or NO_DEADLINE."""
        deadlines = self.deadlines
        return NO_DEADLINE if deadlines is None else deadlines.earliest()

    def is_due(self, field: bytes, now_ms: i64) -> bool:
        """Whether a field is past its deadline."""
        deadlines = self.deadlines
        return deadlines is not None and deadlines.is_due(field, now_ms)

    def set_deadline(self, field: bytes, deadline_ms: i64) -> None:
        """Gives a field that is there a deadline. O(log n), small hashes O(n)."""
        deadlines = self.extend()
        deadlines.put(field, deadline_ms)
        if self.table is None:
            # The field itself counts in neither way: its deadline is not before itself.
            self._move(field, deadlines.count_before(deadline_ms))

    def persist(self, field: bytes) -> bool:
        """Takes the deadline from a field, which moves behind all others; false when it has none."""
        deadlines = self.deadlines
        if deadlines is None or not deadlines.drop(field):
            return False
        table = self.table
        if table is None:
            self._move(field, self.run_count - 1)
        elif self.is_listpack:
            table.set(field, table.pop(field))
        return True

    def _move(self, field: bytes, index: i64) -> None:
        """Puts a field of a run where `index` others stand before it."""
        place = packed_hash.find(self.run, field)
        self.run = packed_hash.moved(self.run, place, index)

    # Whole hashes.

    def flat_pairs(self) -> list[bytes]:
        """Fields and values in turn, in order. O(n)."""
        table = self.table
        if table is None:
            return unpack_all(self.run)
        deadlines = self.deadlines
        if deadlines is None or not deadlines.table or not self.is_listpack:
            return flat_items(table)
        flat: list[bytes] = []
        for field in deadlines.in_order():
            flat.append(field)
            flat.append(table.get(field))
        for field, value in table.items():
            if field not in deadlines.table:
                flat.append(field)
                flat.append(value)
        return flat

    def packed(self, what: int, now_ms: i64) -> bytes:
        """The fields, values or pairs that have not expired, as bulk strings; `live_size` tells how many. O(n)."""
        deadlines = self.deadlines
        table = self.table
        if deadlines is not None and deadlines.is_any_due(now_ms):
            return packed_hash.pack_all(self.live(what, now_ms))
        if table is None:
            return self.run if what == PAIRS else packed_hash.every_second_packed(self.run, what == VALUES)
        if what == PAIRS and deadlines is None:
            return packed_hash.pack_shards(table.shards())
        return packed_hash.pack_all(self.live(what, now_ms))

    def live(self, what: int, now_ms: i64) -> list[bytes]:
        """The fields, values or pairs that have not expired. O(n)."""
        flat = self.flat_pairs()
        deadlines = self.deadlines
        if deadlines is not None and deadlines.is_any_due(now_ms):
            kept: list[bytes] = []
            for i in range(0, len(flat), 2):
                if not deadlines.is_due(flat[i], now_ms):
                    kept.append(flat[i])
                    kept.append(flat[i + 1])
            flat = kept
        if what == PAIRS:
            return flat
        return flat[::2] if what == FIELDS else flat[1::2]

    def random_field(self) -> bytes:
        """A field chosen uniformly, whether it has expired or not. O(1), small hashes O(n)."""
        table = self.table
        if table is not None:
            return table.random_key()
        place = skip(self.run, 0, 2 * randrange(self.run_count))
        return unpack(self.run[place : element_end(self.run, place)])

    def is_walked_at_once(self) -> bool:
        """Whether `scan` gives everything in one piece."""
        return self.table is None or self.is_listpack

    def scan(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """The next cursor and some fields; 0 starts and 0 ends. A small hash comes in one piece."""
        table = self.table
        if table is None or self.is_walked_at_once():
            return 0, self.flat_pairs()[::2]
        return table.scan(cursor, count)

    def free_effort(self) -> int:
        """How many parts have to be freed one by one; a small hash is one."""
        table = self.table
        return 1 if table is None else table.size

    def release(self, limit: int) -> bool:
        """Frees some fields of a hash that nobody needs any more; false when little is left."""
        table = self.table
        if table is None or not table.directory:
            return False
        table.take_shard()
        return True

    def mix_digest(self, digest: Digest) -> None:
        """Mixes the contents into a digest, as DEBUG DIGEST does in Redis."""
        flat = self.flat_pairs()
        for i in range(0, len(flat), 2):
            entry = Digest()
            entry.mix(flat[i])
            entry.mix(flat[i + 1])
            if self.deadline(flat[i]) != NO_DEADLINE:
                entry.add(EXPIRES)
            digest.add(entry.digest())

    def check(self) -> None:
        """Asserts the rules; O(n), for tests."""
        table = self.table
        flat = self.flat_pairs()
        fields = flat[::2]
        assert len(flat) == 2 * self.size()
        assert len(set(fields)) == len(fields)
        if table is None:
            assert packed_hash.fits(self.run, self.run_count, self.is_listpack)
        else:
            assert self.run == b""
            assert self.run_count == 0
            assert table.split_at == (NEVER_SPLIT if self.is_listpack else SPLIT_AT)
            table.check()
        deadlines = self.deadlines
        if deadlines is not None:
            deadlines.check()
            assert set(deadlines.table) <= set(fields)
            if table is None or self.is_listpack:
                assert fields[: len(deadlines)] == deadlines.in_order()


def longest(texts: list[bytes], position: i64) -> i64:
    """The length of the longest text from a position on."""
    most: i64 = 0
    while position < len(texts):
        length: i64 = len(texts[position])
        most = max(most, length)
        position += 1
    return most


def run_pairs(run: bytes) -> dict[bytes, bytes]:
    """The pairs of a run, in order."""
    pairs: dict[bytes, bytes] = {}
    flat = unpack_all(run)
    for i in range(0, len(flat), 2):
        pairs[flat[i]] = flat[i + 1]
    return pairs


def flat_items(table: HashTable) -> list[bytes]:
    """The fields and values of a table in turn."""
    flat: list[bytes] = []
    for shard in table.shards():
        for field, value in shard.items():
            flat.append(field)
            flat.append(value)
    return flat


def from_pairs(texts: list[bytes], max_entries: i64, max_value: i64) -> HashValue:
    """A hash of fields and values given in turn. O(n)."""
    made = HashValue()
    made.put_all(texts, 0, max_entries, max_value)
    return made
