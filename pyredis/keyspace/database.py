"""One database: keys, values, deadlines, and who watches them.

A key past its deadline is already gone, whether or not it still takes up memory: every lookup checks, and
removes what it meets. Nothing here reads the clock of the machine; `Clock.now_ms` is the snapshot that the
running command sees.

What holds for the shared `Keyspace` object: `dirty` counts changes since the last save, `lookup_*` are the
only ways to a value, and every change goes through `store`, `delete` or `signal`, so that WATCH, tracking and
persistence hear it.
"""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import i64, mypyc_attr

from pyredis.clock import Clock
from pyredis.datatypes.hash_table import HashTable, shard_hash
from pyredis.datatypes.hash_value import HashValue
from pyredis.errors import WRONG_TYPE, CommandError
from pyredis.keyspace import events
from pyredis.keyspace.access import AccessPolicy, AccessTable
from pyredis.keyspace.expiry import ExpiryQueue
from pyredis.keyspace.keeper import KeyKeeper
from pyredis.keyspace.lazy_free import LazyFree
from pyredis.keyspace.watch import KeyWatch, WatchedKey, replace_all

NO_DEADLINE: Final = -1

TIDY_STEP: Final = 1024
"""Stale entries of the expiry queue that one call of `expire_due` may look at, some 60 us worth."""


@mypyc_attr(allow_interpreted_subclasses=True)
class KeyWaiter:
    """Something that waits for a key to change; see `pyredis.engine.blocking`."""


@mypyc_attr(allow_interpreted_subclasses=True)
class KeyspaceListener:
    """What the outside wants to hear from a database; every method here does nothing."""

    def key_changed(self, database: Database, key: bytes) -> None:
        """A key was modified, created or removed."""

    def key_expired(self, database: Database, key: bytes) -> None:
        """A key was removed because its deadline had passed; its event and signal have been given."""

    def field_expired(self, database: Database, key: bytes, field: bytes) -> None:
        """A field of a hash was removed because its deadline had passed; events and signal follow."""

    def database_flushed(self, database: Database) -> None:
        """All keys of a database went at once."""

    def event(self, kind: int, name: bytes, key: bytes, database: Database) -> None:
        """A keyspace event; see `pyredis.keyspace.events`."""


class Keyspace:
    """All databases and what they count together."""

    def __init__(self, count: int, clock: Clock) -> None:
        self.clock: Clock = clock
        self.dirty: i64 = 0
        self.hits: i64 = 0
        self.misses: i64 = 0
        self.expired: i64 = 0
        self.expired_fields: i64 = 0
        self.active_expire: bool = True
        # While true, keys past their deadline are hidden, yet stay until somebody else decides: a primary, or
        # the end of a pause in which nothing may change.
        self.keeps_expired: bool = False
        # While true no deadline has passed: a log is replayed, in which the end of a key is a command of its own.
        self.is_replaying: bool = False
        self.lazy_free: LazyFree = LazyFree()
        self.lazy_expire: bool = False
        self.lazy_server_del: bool = False
        self.lazy_user_del: bool = False
        self.access_policy: AccessPolicy = AccessPolicy(clock)
        self.event_mask: i64 = 0
        self.listener: KeyspaceListener | None = None
        # Who hears of keys before they change: a snapshot, and what measures memory.
        self.saver: KeyKeeper | None = None
        self.meter: KeyKeeper | None = None
        # Keys that changed while somebody waited for them.
        self.ready: list[tuple[Database, bytes]] = []
        self.databases: list[Database] = []
        for index in range(count):
            self.databases.append(Database(index, self))

    def swap(self, first: int, second: int) -> None:
        """Exchanges the contents of two databases; watched keys that differ between them count as changed."""
        one, two = self.databases[first], self.databases[second]
        if one is two:
            return
        replace_all(one, two)
        replace_all(two, one)
        one.values, two.values = two.values, one.values
        one.expires, two.expires = two.expires, one.expires
        one.expiry, two.expiry = two.expiry, one.expiry
        one.field_expires, two.field_expires = two.field_expires, one.field_expires
        one.field_expiry, two.field_expiry = two.field_expiry, one.field_expiry
        one.access, two.access = two.access, one.access
        for database in (one, two):
            self.ready += [(database, key) for key in database.blocked]
        if one.keeper is not None:
            one.keeper.swapped(first, second)

    def is_past(self, deadline_ms: int) -> bool:
        """Whether a key with this deadline is gone."""
        return deadline_ms <= self.clock.now_ms and not self.is_replaying

    def count_frequency(self, counts_frequency: bool) -> None:
        """Follows a change between LFU policies and the others; histories of the other kind are forgotten."""
        if counts_frequency != self.access_policy.counts_frequency:
            self.access_policy.counts_frequency = counts_frequency
            for database in self.databases:
                database.access.restart()

    def set_keeper(self, keeper: KeyKeeper | None) -> None:
        """Has all databases tell a snapshot of keys before they change, or nobody."""
        self.saver = keeper
        self._follow_keepers()

    def set_meter(self, meter: KeyKeeper | None) -> None:
        """The same for what measures memory, beside a snapshot."""
        self.meter = meter
        self._follow_keepers()

    def _follow_keepers(self) -> None:
        keeper = self.saver
        if self.meter is not None:
            self.meter.pass_on_to(keeper)
            keeper = self.meter
        self.access_policy.allows_plain = keeper is None
        for database in self.databases:
            database.keeper = keeper
            database.access.follow()

    def set_touching(self, is_touching: bool) -> None:
        """Says whether lookups count as accesses."""
        self.access_policy.is_touching = is_touching
        for database in self.databases:
            database.access.follow()


class Database:
    """See the module's text.

    Keys are bytes. A string is stored as bytes; as int once it has been counted with; as bytearray once it
    has been edited in place (what Redis calls the encodings embstr or raw, int, and raw).
    `value.encoding_name` tells what Redis would call a string that was stored as bytes. Other types are
    objects of their own.

    Who edits a value in place has it from `lookup`, or says so before with `keep`. While there is a keeper,
    `access.plain` is None: the hot methods look for a keeper only there, where interpreted code does not come
    otherwise. (Compiled code does; the look costs it a nanosecond.)
    """

    def __init__(self, index: int, keyspace: Keyspace) -> None:
        self.index: int = index
        self.keyspace: Keyspace = keyspace
        self.clock: Clock = keyspace.clock
        self.values: HashTable = HashTable()
        # Deadlines in milliseconds, some of them negative; see `pyredis.keyspace.expiry`.
        self.expires: HashTable = HashTable()
        self.expiry: ExpiryQueue = ExpiryQueue(self.expires)
        # The same for hashes with fields that expire: when to look at them next.
        self.field_expires: HashTable = HashTable()
        self.field_expiry: ExpiryQueue = ExpiryQueue(self.field_expires)
        self.access: AccessTable = AccessTable(keyspace.access_policy)
        self.watchers: dict[bytes, dict[KeyWatch, WatchedKey]] = {}
        self.blocked: dict[bytes, dict[KeyWaiter, None]] = {}
        self.keeper: KeyKeeper | None = None

    def __len__(self) -> int:
        return self.values.size

    def lookup_read(self, key: bytes) -> Any:
        """The value at `key` or None, to read it: counted as a hit or a miss, and as an access. O(1)."""
        plain = self.access.plain
        if plain is not None:  # interpreted: the table's `get` without its call
            values = self.values
            if values.mask == 0:
                value = values.first.get(key)
            else:
                value = values.directory[shard_hash(key) & values.mask].get(key)
            if value is not None and (self.expires.size == 0 or not self.expire_if_due(key)):
                self.keyspace.hits += 1
                plain[key] = self.clock.now_ms
                return value
        else:
            h = shard_hash(key)
            value = self.values.get_hashed(key, h)
            if value is not None and (self.expires.size == 0 or not self.expire_if_due(key)):
                self.keyspace.hits += 1
                self.access.mark_hashed(key, h)
                return value
        self.keyspace.misses += 1
        if self.keyspace.event_mask != 0:
            self.notify(events.KEY_MISS, b"keymiss", key)
        return None

    def read_all(self, keys: list[bytes], first: i64) -> list[Any]:
        """`lookup_read` of each key from position `first` on, at less cost. O(keys)."""
        found: list[Any] = []
        plain = self.access.plain
        position: i64 = first
        if plain is None or self.expires.size != 0 or self.keyspace.event_mask != 0:
            while position < len(keys):
                found.append(self.lookup_read(keys[position]))
                position += 1
            return found
        values = self.values
        now_ms = self.clock.now_ms
        for key in keys[position:]:
            value = values.directory[shard_hash(key) & values.mask].get(key)
            found.append(value)
            if value is not None:
                plain[key] = now_ms
        missing = found.count(None)
        self.keyspace.misses += missing
        self.keyspace.hits += len(found) - missing
        return found

    def lookup(self, key: bytes) -> Any:
        """The value at `key` or None, to change it: an access, but neither hit nor miss. O(1)."""
        plain = self.access.plain
        if plain is not None:  # as in `lookup_read`
            values = self.values
            if values.mask == 0:
                value = values.first.get(key)
            else:
                value = values.directory[shard_hash(key) & values.mask].get(key)
            if value is None or (self.expires.size != 0 and self.expire_if_due(key)):
                return None
            plain[key] = self.clock.now_ms
            return value
        h = shard_hash(key)
        value = self.values.get_hashed(key, h)
        if value is None or (self.expires.size != 0 and self.expire_if_due(key)):
            return None
        if self.keeper is not None:
            self.keeper.keep(self, key)
        self.access.mark_hashed(key, h)
        return value

    def keep(self, key: bytes) -> None:
        """Says that a value which was looked up to be read is about to be edited."""
        if self.keeper is not None:
            self.keeper.keep(self, key)

    def inspect(self, key: bytes) -> Any:
        """As `lookup_read` for commands that only look at a key from outside, such as TTL: no access."""
        value = self.examine(key)
        if value is None:
            self.notify(events.KEY_MISS, b"keymiss", key)
        return value

    def examine(self, key: bytes) -> Any:
        """As `inspect` without an event for a miss, for commands about the insides of a key: OBJECT."""
        value = self.peek(key)
        if value is None:
            self.keyspace.misses += 1
        else:
            self.keyspace.hits += 1
        return value

    def peek(self, key: bytes) -> Any:
        """The value at `key` or None, leaving no trace. O(1)."""
        value = self.values.get(key)
        if value is None or (self.expires.size != 0 and self.expire_if_due(key)):
            return None
        return value

    def exists(self, key: bytes) -> bool:
        """Whether `key` is there and not past its deadline; leaves no trace."""
        return self.peek(key) is not None

    def expire_if_due(self, key: bytes) -> bool:
        """Removes `key` when its deadline has passed, or hides it while such keys are kept; true if so."""
        if self.clock.now_ms < self.expiry.earliest_ms:
            return False
        deadline = self.expires.get(key)
        if deadline is None or abs(deadline) > self.clock.now_ms:
            return False
        keyspace = self.keyspace
        if keyspace.is_replaying:
            return False
        if not keyspace.keeps_expired:
            self.expire(key)
        return True

    def expire(self, key: bytes) -> None:
        """Removes a key whose deadline has passed, telling everybody."""
        keyspace = self.keyspace
        value = self.remove(key)
        keyspace.expired += 1
        if keyspace.lazy_expire:
            keyspace.lazy_free.add_value(value)
        self.notify(events.EXPIRED, b"expired", key)
        self.signal(key)
        listener = keyspace.listener
        if listener is not None:
            listener.key_expired(self, key)

    def store(self, key: bytes, value: Any) -> None:
        """Sets `key` to `value` without a deadline and signals the change."""
        if self.expires.size != 0:
            deadline = self.expires.get(key)
            if deadline is not None and not self.expire_if_due(key):
                self.remove_deadline(key)
        if self.field_expires.size != 0:
            self.field_expires.pop(key)
        # What follows is `_put`, once more: a call less for every SET.
        access = self.access
        if access.plain is not None:
            access.plain[key] = self.clock.now_ms
            # The table's `set` without its call, for a key that is there.
            values = self.values
            shard = values.first if values.mask == 0 else values.directory[shard_hash(key) & values.mask]
            is_new = key not in shard
            if is_new:
                values.set(key, value)
            else:
                shard[key] = value
        else:
            if self.keeper is not None:
                self.keeper.keep(self, key)
            h = shard_hash(key)
            is_new = self.values.set_hashed(key, value, h)
            if is_new:
                access.begin(key, self.values.size)
            else:
                access.renew_hashed(key, h)
        if is_new and self.keyspace.event_mask != 0:
            self.notify(events.NEW, b"new", key)
        self.keyspace.dirty += 1
        if self.watchers or self.blocked or self.keyspace.listener is not None:
            self.signal(key)

    def store_pairs(self, words: list[bytes], first: i64) -> None:
        """`store` of each key and value from position `first` on, as strings, with their events, at less cost.
        O(words)."""
        plain = self.access.plain
        position: i64 = first
        if (
            plain is None
            or self.expires.size != 0
            or self.field_expires.size != 0
            or self.keyspace.event_mask != 0
            or self.watchers
            or self.blocked
            or self.keyspace.listener is not None
        ):
            while position < len(words):
                self.store(words[position], words[position + 1])
                self.notify(events.STRING, b"set", words[position])
                position += 2
            return
        values = self.values
        now_ms = self.clock.now_ms
        while position < len(words):
            key = words[position]
            plain[key] = now_ms
            shard = values.directory[shard_hash(key) & values.mask]
            if key in shard:
                shard[key] = words[position + 1]
            else:
                values.set(key, words[position + 1])
            position += 2
        self.keyspace.dirty += (position - first) // 2

    def store_until(self, key: bytes, value: Any, deadline_ms: int) -> None:
        """Sets `key` to `value` with a deadline and signals the change: `store` and `set_deadline` at less
        cost.

        A key that is stored again and again, each time for longer, keeps its one entry in the expiry queue.
        """
        if self.expires.size != 0:
            self.expire_if_due(key)
        self.set_deadline(key, deadline_ms)
        self._put(key, value)

    def _put(self, key: bytes, value: Any) -> None:
        if self.keeper is not None:
            self.keeper.keep(self, key)
        if self.field_expires.size != 0:
            self.field_expires.pop(key)
        if self.values.set(key, value):
            self.access.begin(key, self.values.size)
            if self.keyspace.event_mask != 0:
                self.notify(events.NEW, b"new", key)
        else:
            self.access.renew(key)
        self.keyspace.dirty += 1
        if self.watchers or self.blocked or self.keyspace.listener is not None:
            self.signal(key)

    def replace(self, key: bytes, value: Any) -> None:
        """Sets a key that was looked up to `value`, keeping its deadline, and signals the change."""
        if self.field_expires.size != 0:
            self.field_expires.pop(key)
        access = self.access
        if access.plain is not None:
            access.plain[key] = self.clock.now_ms
            values = self.values
            shard = values.first if values.mask == 0 else values.directory[shard_hash(key) & values.mask]
            is_new = key not in shard
            if is_new:
                values.set(key, value)
            else:
                shard[key] = value
        else:
            if self.keeper is not None:
                self.keeper.keep(self, key)
            h = shard_hash(key)
            is_new = self.values.set_hashed(key, value, h)
            if is_new:
                access.begin(key, self.values.size)
            else:
                access.refresh_hashed(key, h)
        if is_new and self.keyspace.event_mask != 0:
            self.notify(events.NEW, b"new", key)
        self.keyspace.dirty += 1
        if self.watchers or self.blocked or self.keyspace.listener is not None:
            self.signal(key)

    def overwrite(self, key: bytes, value: Any) -> None:
        """`replace` for a string that `lookup` has found a moment ago: the access and the keeper know of it."""
        values = self.values
        if values.mask == 0:
            values.first[key] = value
        else:
            values.directory[shard_hash(key) & values.mask][key] = value
        self.keyspace.dirty += 1
        if self.watchers or self.blocked or self.keyspace.listener is not None:
            self.signal(key)

    def delete(self, key: bytes, lazy: bool = False) -> bool:
        """Removes `key` with a signal; false when it was not there. `lazy` puts off freeing a large value."""
        if self.expires.size != 0 and self.expire_if_due(key):
            return False
        value = self.remove(key)
        if value is None:
            return False
        if lazy:
            self.keyspace.lazy_free.add_value(value)
        self.keyspace.dirty += 1
        self.signal(key)
        return True

    def add(self, key: bytes, value: Any, deadline_ms: int) -> None:
        """Creates a key, with a deadline or `NO_DEADLINE`; the caller signals and counts it."""
        if self.keeper is not None:
            self.keeper.keep(self, key)
        self.values.set(key, value)
        self.access.begin(key, self.values.size)
        if deadline_ms != NO_DEADLINE:
            self.set_deadline(key, deadline_ms)
        if isinstance(value, HashValue) and value.deadlines is not None:
            self.schedule_fields(key, value)
        self.notify(events.NEW, b"new", key)

    def remove(self, key: bytes) -> Any:
        """Takes `key` out and returns its value, or None; the caller signals and counts it."""
        if self.keeper is not None:
            self.keeper.keep(self, key)
        if self.expires.size != 0:
            self.expires.pop(key)
        if self.field_expires.size != 0:
            self.field_expires.pop(key)
        self.access.forget(key)
        return self.values.pop(key)

    def signal(self, key: bytes) -> None:
        """Tells watchers, waiters and the listener that the value at `key` changed."""
        if self.watchers:
            self.touch_watchers(key)
        if self.blocked and key in self.blocked:
            self.keyspace.ready.append((self, key))
        listener = self.keyspace.listener
        if listener is not None:
            listener.key_changed(self, key)

    def notify(self, kind: int, name: bytes, key: bytes) -> None:
        """Reports a keyspace event when its class is listened for."""
        if self.keyspace.event_mask & kind:
            listener = self.keyspace.listener
            if listener is not None:
                listener.event(kind, name, key, self)

    def deadline(self, key: bytes) -> int:
        """When `key` expires, in milliseconds since the epoch; `NO_DEADLINE` when never or absent."""
        if self.expires.size == 0:
            return NO_DEADLINE
        deadline = self.expires.get(key)
        return NO_DEADLINE if deadline is None else abs(deadline)

    def set_deadline(self, key: bytes, deadline_ms: int) -> None:
        """Gives a key that is there, or will be in a moment, a deadline. O(1)."""
        if self.keeper is not None:
            self.keeper.keep(self, key)
        known = self.expires.get(key)
        if known is None or deadline_ms < abs(known):
            self.expires.set(key, deadline_ms)
            self.expiry.add(key, deadline_ms, self.clock.now_ms)
        elif deadline_ms > abs(known):
            self.expires.set(key, -deadline_ms)

    def remove_deadline(self, key: bytes) -> bool:
        """Makes `key` persistent; false when it had no deadline."""
        if self.expires.size == 0:
            return False
        if self.keeper is not None:
            self.keeper.keep(self, key)
        return self.expires.pop(key) is not None

    def expire_due(self, limit: int) -> int:
        """Looks at up to `limit` entries that are due and expires those keys; returns how many entries it
        saw.

        With nothing due it tidies the queue a little, if that has grown out of proportion.
        """
        if self.keyspace.keeps_expired:
            return 0
        now_ms = self.clock.now_ms
        seen, due = self.expiry.take_due(now_ms, limit)
        for key in due:
            if self.expires.contains(key):  # a key can have several entries
                self.expire(key)
        if seen == 0 and self.expiry.is_bloated():
            self.expiry.sweep(TIDY_STEP, now_ms)
        if self.field_expiry.entries:
            seen += self._expire_due_fields(limit)
        return seen

    def has_deadlines(self) -> bool:
        """Whether `expire_due` may find anything."""
        return self.expiry.entries != 0 or self.field_expiry.entries != 0

    def _expire_due_fields(self, limit: int) -> int:
        """`expire_due` for the fields of hashes: looks at up to `limit` hashes, and as many fields of each."""
        now_ms = self.clock.now_ms
        seen, due = self.field_expiry.take_due(now_ms, limit)
        for key in due:
            if self.field_expires.pop(key) is None:  # a key can have several entries
                continue
            value = self.values.get(key)
            if not isinstance(value, HashValue):
                continue
            fields = [] if value.deadlines is None else value.deadlines.due(now_ms, limit)
            if fields:
                self.expire_fields(key, value, fields)
            else:
                self.schedule_fields(key, value)
        if seen == 0 and self.field_expiry.is_bloated():
            self.field_expiry.sweep(TIDY_STEP, now_ms)
        return seen

    def is_field_due(self, value: HashValue, field: bytes) -> bool:
        """Whether a field of a hash is stored but past its deadline."""
        return value.is_due(field, self.clock.now_ms) and not self.keyspace.is_replaying

    def expire_named(self, key: bytes, value: HashValue, fields: list[bytes]) -> None:
        """Removes those of some fields of a hash that are past their deadlines; the last one takes the key along."""
        deadlines = value.deadlines
        if deadlines is None or not deadlines.is_any_due(self.clock.now_ms):
            return
        if self.keyspace.keeps_expired or self.keyspace.is_replaying:
            return
        due: dict[bytes, None] = {}
        for field in fields:
            if deadlines.is_due(field, self.clock.now_ms):
                due[field] = None
        if due:
            self.expire_fields(key, value, list(due))

    def expire_fields(self, key: bytes, value: HashValue, fields: list[bytes]) -> None:
        """Removes fields whose deadlines have passed, and the key with the last field, telling everybody."""
        if self.keeper is not None:
            self.keeper.keep(self, key)
        keyspace = self.keyspace
        listener = keyspace.listener
        for field in fields:
            value.remove(field)
            keyspace.expired_fields += 1
            if listener is not None:
                listener.field_expired(self, key, field)
        self.notify(events.HASH, b"hexpired", key)
        if value.size() == 0:
            self.remove(key)
            self.notify(events.GENERIC, b"del", key)
        else:
            self.schedule_fields(key, value)
        self.signal(key)

    def schedule_fields(self, key: bytes, value: HashValue) -> None:
        """Takes notice of the deadlines of a hash's fields, when they have changed. O(1)."""
        deadline_ms = value.next_deadline()
        if deadline_ms == NO_DEADLINE:
            if self.field_expires.size != 0:
                self.field_expires.pop(key)
            return
        known = self.field_expires.get(key)
        if known is None or deadline_ms < abs(known):
            self.field_expires.set(key, deadline_ms)
            self.field_expiry.add(key, deadline_ms, self.clock.now_ms)
        elif deadline_ms > abs(known):
            self.field_expires.set(key, -deadline_ms)

    def flush(self, lazy: bool = False) -> int:
        """Empties the database and returns how many keys it had; `lazy` leaves the freeing to the cron."""
        replace_all(self, None)
        keyspace = self.keyspace
        keyspace.ready += [(self, key) for key in self.blocked if self.values.contains(key)]
        removed = self.values.size
        keyspace.dirty += removed
        if self.keeper is not None and self.keeper.takes_over(self):
            lazy = False
        if lazy:
            keyspace.lazy_free.add_database(self.values, self.expires, self.expiry)
            keyspace.lazy_free.add_database(HashTable(), self.field_expires, self.field_expiry)
        self.values = HashTable()
        self.expires = HashTable()
        self.expiry = ExpiryQueue(self.expires)
        self.field_expires = HashTable()
        self.field_expiry = ExpiryQueue(self.field_expires)
        self.access = AccessTable(keyspace.access_policy)
        listener = keyspace.listener
        if listener is not None:
            listener.database_flushed(self)
        return removed

    def is_due(self, key: bytes) -> bool:
        """Whether `key` is stored but past its deadline."""
        deadline = self.deadline(key)
        return deadline != NO_DEADLINE and self.keyspace.is_past(deadline)

    def touch_watchers(self, key: bytes) -> None:
        """Marks every transaction that watches `key` as failed."""
        watchers = self.watchers.get(key)
        if watchers is not None:
            for watched in list(watchers.values()):
                watched.touch()

    def check(self) -> None:
        """Asserts the rules between the tables; O(n), for tests."""
        self.values.check()
        self.expires.check()
        self.expiry.check()
        assert self.expiry.expires is self.expires
        for key in self.expires.keys():  # noqa: SIM118 - no dict
            assert self.values.contains(key)
        self.field_expires.check()
        self.field_expiry.check()
        assert self.field_expiry.expires is self.field_expires
        for key, deadline in self.field_expires.items():
            value = self.values.get(key)
            assert isinstance(value, HashValue)
            assert value.next_deadline() == abs(deadline)


def expect_string(value: Any) -> bytes | bytearray | int:
    """Narrows a value to one of the stored forms of a string, or raises WRONGTYPE."""
    if isinstance(value, (bytes, bytearray, int)):
        return value
    raise CommandError(WRONG_TYPE)


def string_bytes(value: Any) -> bytes:
    """The text of a string in whichever form it is stored, or WRONGTYPE."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, int):
        return b"%d" % value
    raise CommandError(WRONG_TYPE)


def editable_string(database: Database, key: bytes, value: Any) -> bytearray:
    """The string `value`, stored at `key`, as a bytearray that is stored there now, to be edited in place.

    The caller signals the change, if there is one: becoming editable is none, though the encoding is raw from
    then on.
    """
    database.keep(key)
    if isinstance(value, bytearray):
        return value
    editable = bytearray(string_bytes(value))
    database.values.set(key, editable)
    return editable
