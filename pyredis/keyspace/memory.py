"""What the keys of all databases take: a running total, kept only while there is a limit to memory.

The allocator keeps no total, and resident memory never falls when Python frees small objects, so neither can
drive eviction. The meter therefore weighs each key before and after it changes and adds the difference. It hears
of changes as snapshots do, as the databases' `KeyKeeper`, so that nothing is paid while there is no limit; and it
weighs the keys that a command has touched once, after the command (`settle`).

* A string's weight is exact, but for what the allocator rounds. A key has constants for its place in the tables.
* A collection remembers its weight and how many elements may still come and go before it is weighed again: a
  sixteenth of what it has. So the cost is O(1) amortised, and small ones are weighed after each change.
* What was there when the meter began is weighed, too, up to `WALK_KEYS` keys; with more, their sum is what the
  process has grown by, and each collection is weighed just before it first changes.

Invariant after `settle`: `total` is the sum of `Account.bytes`, and an account of an empty database has 0.
"""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import i64

from pyredis.datatypes.footprint import size_of
from pyredis.datatypes.value import Value
from pyredis.form import COMPILED
from pyredis.keyspace.database import Database
from pyredis.keyspace.keeper import KeyKeeper

ENTRY_BYTES: Final[i64] = 44
"""A key's place in its shard, which is between half full and full, and in the directory."""

ACCESS_BYTES: Final[i64] = 8 if COMPILED else 76
"""What tells when a key was used last."""

DEADLINE_BYTES: Final[i64] = 96
"""A deadline: the number, its place in a table of its own, and in the queue."""

BYTES_AND_POINTER: Final[i64] = 41
"""The header of a bytes object, and what the C library adds to a large block."""
BYTES_OBJECT: Final[i64] = 33
SMALL_BYTES: Final[i64] = 479
"""The longest bytes object, without its header, that pymalloc serves."""
INTEGER_BYTES: Final[i64] = 32

SAMPLES: Final = 32
"""Elements looked at to weigh a large collection."""
PATIENCE_SHIFT: Final[i64] = 4
PATIENCE_MAX: Final[i64] = (1 << 20) - 1
EPOCH_SHIFT: Final[i64] = 20
EPOCH_MASK: Final[i64] = 15
WEIGHT_SHIFT: Final[i64] = 24
"""`Value.weight`: from the lowest bit, the patience left, the meter's epoch, and bytes up to half a terabyte."""

WALK_KEYS: Final = 200_000
"""Keys that are weighed one by one when the meter begins; 0.1 s compiled."""


class Account:
    """What is known of one database: the bytes of its keys, and what those weighed that are changing."""

    def __init__(self, database: Database) -> None:
        self.database: Database = database
        self.bytes: i64 = 0
        self.pending: dict[bytes, int] = {}
        # How many elements the collections among them had.
        self.sizes: dict[bytes, int] = {}


class MemoryMeter(KeyKeeper):
    """See the module's text. It passes on what it hears to the keeper of a snapshot, if there is one."""

    def __init__(self, databases: list[Database]) -> None:
        self.accounts: list[Account] = [Account(database) for database in databases]
        self.touched: list[Account] = []
        self.total: i64 = 0
        self.epoch: i64 = 0
        self.saver: KeyKeeper | None = None

    def pass_on_to(self, keeper: KeyKeeper | None) -> None:
        """Has a snapshot told of everything, too."""
        self.saver = keeper

    def keep(self, database: Database, key: bytes) -> None:
        """Weighs a key that is about to change, unless it has been since the last `settle`. O(1)."""
        account = self.accounts[database.index]
        pending = account.pending
        if key not in pending:
            if not pending:
                self.touched.append(account)
            value = database.values.get(key)
            if value is None:
                pending[key] = 0
            else:
                if isinstance(value, Value):
                    account.sizes[key] = value.size()
                    weight = self._weight(value)
                else:
                    weight = text_bytes(value)
                pending[key] = weight + key_bytes(database, key)
        if self.saver is not None:
            self.saver.keep(database, key)

    def takes_over(self, database: Database) -> bool:
        """All keys of a database are about to go."""
        account = self.accounts[database.index]
        self.total -= account.bytes
        account.bytes = 0
        account.pending.clear()
        account.sizes.clear()
        if account in self.touched:
            self.touched.remove(account)
        return self.saver is not None and self.saver.takes_over(database)

    def swapped(self, first: int, second: int) -> None:
        """Two databases have exchanged their tables, so their accounts change places."""
        accounts = self.accounts
        one, two = accounts[first], accounts[second]
        one.database, two.database = two.database, one.database
        accounts[first], accounts[second] = two, one
        if self.saver is not None:
            self.saver.swapped(first, second)

    def settle(self) -> None:
        """Weighs the keys that have changed; no command may be in the middle of its changes. O(keys touched)."""
        if not self.touched:
            return
        for account in self.touched:
            database = account.database
            change: i64 = 0
            for key, before in account.pending.items():
                change -= before
                value = database.values.get(key)
                if value is not None:
                    change += key_bytes(database, key)
                    if isinstance(value, Value):
                        change += self._weight_after(value, account.sizes.get(key, 0))
                    else:
                        change += text_bytes(value)
            account.pending.clear()
            if account.sizes:
                account.sizes.clear()
            account.bytes += change
            if account.bytes < 0 or len(database) == 0:
                change -= account.bytes
                account.bytes = 0
            self.total += change
        self.touched.clear()

    def begin(self, grown: int) -> None:
        """Starts afresh; `grown` is what the process has grown by, for more keys than can be weighed."""
        self.epoch = (self.epoch + 1) & EPOCH_MASK
        self.touched.clear()
        self.total = 0
        keys: i64 = 0
        for account in self.accounts:
            keys += account.database.values.size
        for account in self.accounts:
            account.pending.clear()
            account.sizes.clear()
            size: i64 = account.database.values.size
            if keys <= WALK_KEYS:
                account.bytes = self._walk(account.database)
            else:
                account.bytes = int(grown * (float(size) / float(keys)))
            self.total += account.bytes

    def _walk(self, database: Database) -> i64:
        """The weight of all keys of a database. O(n)."""
        total: i64 = 0
        for key, value in database.values.items():
            total += key_bytes(database, key)
            total += self._measure(value) if isinstance(value, Value) else text_bytes(value)
        return total

    def _weight(self, value: Value) -> i64:
        """What a collection was found to weigh; one that has not been looked at is weighed now."""
        weight: i64 = value.weight
        if (weight >> EPOCH_SHIFT) & EPOCH_MASK != self.epoch or weight == 0:
            return self._measure(value)
        return weight >> WEIGHT_SHIFT

    def _weight_after(self, value: Value, size_before: i64) -> i64:
        """What a collection weighs after a change, as far as that makes a difference."""
        weight: i64 = value.weight
        if (weight >> EPOCH_SHIFT) & EPOCH_MASK != self.epoch or weight == 0:
            return self._measure(value)
        size: i64 = value.size()
        moved: i64 = size - size_before if size > size_before else size_before - size
        left: i64 = (weight & PATIENCE_MAX) - moved - 1
        if left < 0:
            return self._measure(value)
        value.weight = (weight & ~PATIENCE_MAX) | left
        return weight >> WEIGHT_SHIFT

    def _measure(self, value: Value) -> i64:
        value.weight = 1  # interpreted, the attribute takes room only once it has been set
        measured: i64 = value.memory_usage(SAMPLES)
        size: i64 = value.size()
        patience: i64 = size >> PATIENCE_SHIFT
        if patience > PATIENCE_MAX:
            patience = PATIENCE_MAX
        value.weight = (measured << WEIGHT_SHIFT) | (self.epoch << EPOCH_SHIFT) | patience
        return measured

    def check(self, is_exact: bool = True) -> None:
        """Asserts that every account is the sum of what its keys weigh; O(n), for tests.

        Only for a meter that began with few keys. A collection weighs what was noted; `is_exact` asserts that a
        small one was noted with what it takes, which no command may have changed that only reads.
        """
        assert not self.touched
        total: i64 = 0
        for index, account in enumerate(self.accounts):
            database = account.database
            assert database.index == index
            assert not account.pending
            assert not account.sizes
            found: i64 = 0
            for key, value in database.values.items():
                found += key_bytes(database, key)
                if isinstance(value, Value):
                    weight: i64 = value.weight
                    assert (weight >> EPOCH_SHIFT) & EPOCH_MASK == self.epoch, key
                    found += weight >> WEIGHT_SHIFT
                    if is_exact and value.size() < 1 << PATIENCE_SHIFT:
                        assert weight >> WEIGHT_SHIFT == value.memory_usage(SAMPLES), key
                else:
                    found += text_bytes(value)
            assert found == account.bytes, (index, found, account.bytes)
            total += found
        assert total == self.total


def key_bytes(database: Database, key: bytes) -> i64:
    """A key that is there without its value."""
    length: i64 = len(key)
    total: i64 = ((length + BYTES_OBJECT + 15) & ~15) + ENTRY_BYTES + ACCESS_BYTES
    if database.expires.size != 0 and database.expires.contains(key):
        total += DEADLINE_BYTES
    return total


def text_bytes(value: Any) -> i64:
    """A string in any of its stored forms."""
    if isinstance(value, bytes):
        length: i64 = len(value)
        if length > SMALL_BYTES:
            return (length + BYTES_AND_POINTER + 15) & ~15
        return (length + BYTES_OBJECT + 15) & ~15
    if isinstance(value, int):
        return INTEGER_BYTES
    return size_of(value)
