"""One database: keys, values, deadlines, and who watches them.

A key past its deadline is already gone, whether or not it still takes up memory: every lookup checks, and removes what
it meets. Nothing here reads the clock of the machine; `Clock.now_ms` is the snapshot that the running command sees.

What holds for the shared `Keyspace` object: `dirty` counts changes since the last save, `lookup_*` are the only ways to
a value, and every change goes through `store`, `delete` or `signal`, so that WATCH, tracking and persistence hear it.
"""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import i64

from pyredis.clock import Clock
from pyredis.datatypes.hash_table import HashTable
from pyredis.errors import WRONG_TYPE, CommandError
from pyredis.keyspace.expiry import ExpiryQueue

NO_DEADLINE: Final = -1


class KeyWaiter:
    """Something that waits for a key to change; see `pyredis.engine.blocking`."""


class WatchedKey:
    """One watched key; `expired` while it was past its deadline, yet stored, when WATCH named it."""

    def __init__(self, database: Database, key: bytes, expired: bool) -> None:
        self.database: Database = database
        self.key: bytes = key
        self.expired: bool = expired


class KeyWatch:
    """A WATCH: one client's interest in some keys, `dirty` once any of them changed.

    Sessions own it; databases only hold it by key and set the flag, so they need not know what a client is.
    """

    def __init__(self) -> None:
        self.dirty: bool = False
        self.keys: list[WatchedKey] = []

    def add(self, database: Database, key: bytes) -> None:
        """Registers interest in `key`, once. O(keys watched)."""
        for watched in self.keys:
            if watched.database is database and watched.key == key:
                return
        self.keys.append(WatchedKey(database, key, database.is_due(key)))
        database.watchers.setdefault(key, []).append(self)

    def clear(self) -> None:
        """Takes the watch out of every database."""
        for watched in self.keys:
            watchers = watched.database.watchers.get(watched.key)
            if watchers is not None and self in watchers:
                watchers.remove(self)
                if not watchers:
                    del watched.database.watchers[watched.key]
        self.keys = []
        self.dirty = False

    def touch(self, database: Database, key: bytes) -> None:
        """Marks the watch dirty, unless the change only removed what had expired before it was watched."""
        for watched in self.keys:
            if watched.database is database and watched.key == key:
                if watched.expired and not database.values.contains(key):
                    watched.expired = False
                else:
                    self.dirty = True
                return

    def has_expired(self) -> bool:
        """Whether a watched key has passed its deadline since it was watched."""
        return any(
            not watched.expired and watched.database.is_due(watched.key) for watched in self.keys
        )


class KeyspaceListener:
    """What the outside wants to hear from a database; every method here does nothing."""

    def key_changed(self, database: Database, key: bytes) -> None:
        """A key was modified, created or removed."""

    def key_expired(self, database: Database, key: bytes) -> None:
        """A key was removed because its deadline had passed; called before `notify`."""

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
        self.active_expire: bool = True
        self.event_mask: i64 = 0
        self.listener: KeyspaceListener | None = None
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
        one.values, two.values = two.values, one.values
        one.expires, two.expires = two.expires, one.expires
        one.expiry, two.expiry = two.expiry, one.expiry
        for database, other in ((one, two), (two, one)):
            for key in list(database.watchers):
                if database.values.contains(key) or other.values.contains(key):
                    database.touch_watchers(key)
            self.ready += [(database, key) for key in database.blocked]


class Database:
    """See the module's text.

    Keys are bytes. A string is stored as bytes; as int once it has been counted with; as bytearray once it has been
    edited in place (what Redis calls the encodings embstr or raw, int, and raw). Other types are objects of their own.
    """

    def __init__(self, index: int, keyspace: Keyspace) -> None:
        self.index: int = index
        self.keyspace: Keyspace = keyspace
        self.clock: Clock = keyspace.clock
        self.values: HashTable = HashTable()
        self.expires: HashTable = HashTable()
        self.expiry: ExpiryQueue = ExpiryQueue(self.expires)
        self.watchers: dict[bytes, list[KeyWatch]] = {}
        self.blocked: dict[bytes, dict[KeyWaiter, None]] = {}

    def __len__(self) -> int:
        return self.values.size

    def lookup_read(self, key: bytes) -> Any:
        """The value at `key` or None, counted as a hit or a miss. O(1)."""
        value = self.values.get(key)
        if value is not None and (self.expires.size == 0 or not self.expire_if_due(key)):
            self.keyspace.hits += 1
            return value
        self.keyspace.misses += 1
        return None

    def lookup(self, key: bytes) -> Any:
        """The value at `key` or None, not counted. O(1)."""
        value = self.values.get(key)
        if value is None or (self.expires.size != 0 and self.expire_if_due(key)):
            return None
        return value

    def exists(self, key: bytes) -> bool:
        """Whether `key` is there and not past its deadline."""
        return self.lookup(key) is not None

    def expire_if_due(self, key: bytes) -> bool:
        """Removes `key` when its deadline has passed; says whether it did."""
        deadline = self.expires.get(key)
        if deadline is None or deadline > self.clock.now_ms:
            return False
        self.expire(key)
        return True

    def expire(self, key: bytes) -> None:
        """Removes a key whose deadline has passed, telling the listener."""
        self.values.pop(key)
        self.expires.pop(key)
        self.keyspace.expired += 1
        listener = self.keyspace.listener
        if listener is not None:
            listener.key_expired(self, key)
        if self.watchers:
            self.touch_watchers(key)

    def store(self, key: bytes, value: Any) -> None:
        """Sets `key` to `value` without a deadline and signals the change."""
        self.values.set(key, value)
        if self.expires.size != 0:
            self.expires.pop(key)
        self.keyspace.dirty += 1
        if self.watchers or self.blocked or self.keyspace.listener is not None:
            self.signal(key)

    def replace(self, key: bytes, value: Any) -> None:
        """Sets `key` to `value`, keeping its deadline, and signals the change."""
        self.values.set(key, value)
        self.keyspace.dirty += 1
        if self.watchers or self.blocked or self.keyspace.listener is not None:
            self.signal(key)

    def delete(self, key: bytes) -> bool:
        """Removes `key`; false when it was not there. Signals the change."""
        if self.expires.size != 0:
            if self.expire_if_due(key):
                return False
            self.expires.pop(key)
        if self.values.pop(key) is None:
            return False
        self.keyspace.dirty += 1
        self.signal(key)
        return True

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
        return NO_DEADLINE if deadline is None else deadline

    def set_deadline(self, key: bytes, deadline_ms: int) -> None:
        """Gives an existing key a deadline. O(1)."""
        known = self.expires.get(key)
        self.expires.set(key, deadline_ms)
        if known is None or deadline_ms < known:
            self.expiry.add(key, deadline_ms, self.clock.now_ms)

    def remove_deadline(self, key: bytes) -> bool:
        """Makes `key` persistent; false when it had no deadline."""
        return self.expires.size != 0 and self.expires.pop(key) is not None

    def expire_due(self, limit: int) -> int:
        """Looks at up to `limit` entries that are due and expires those keys; returns how many entries it saw."""
        now_ms = self.clock.now_ms
        entries = self.expiry.due(now_ms, limit)
        for key in entries:
            deadline = self.expires.get(key)
            if deadline is None:
                continue
            if deadline <= now_ms:
                self.expire(key)
            else:
                self.expiry.add(key, deadline, now_ms)
        return len(entries)

    def flush(self) -> HashTable:
        """Empties the database and returns the old values, for the caller to free at leisure."""
        for key in list(self.watchers):
            if self.values.contains(key):
                self.touch_watchers(key)
        values = self.values
        self.keyspace.dirty += values.size
        self.values = HashTable()
        self.expires = HashTable()
        self.expiry = ExpiryQueue(self.expires)
        listener = self.keyspace.listener
        if listener is not None:
            listener.database_flushed(self)
        return values

    def is_due(self, key: bytes) -> bool:
        """Whether `key` is stored but past its deadline."""
        deadline = self.deadline(key)
        return deadline != NO_DEADLINE and deadline <= self.clock.now_ms

    def touch_watchers(self, key: bytes) -> None:
        """Marks every transaction that watches `key` as failed."""
        for watch in self.watchers.get(key, ()):
            watch.touch(self, key)

    def check(self) -> None:
        """Asserts the rules between the tables; O(n), for tests."""
        self.values.check()
        self.expires.check()
        self.expiry.check()
        assert self.expiry.expires is self.expires
        for key, _ in self.expires.items():
            assert self.values.contains(key)


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
