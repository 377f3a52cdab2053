"""WATCH: which clients' transactions fail when a key changes.

Both sides know each other, so that everything but the change of a whole database is O(1) for a key and a
client: the watch lists its keys, and the database has, for each key, a dict from watch to watched key. As in
Redis, a watch that has failed lets go of its keys: nothing can change its verdict any more but EXEC, DISCARD
and UNWATCH.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis.keyspace.database import Database


class KeyWatch:
    """One client's interest in some keys, `dirty` once any of them has changed."""

    def __init__(self) -> None:
        self.dirty: bool = False
        self.keys: list[WatchedKey] = []

    def add(self, database: Database, key: bytes) -> None:
        """Registers interest in `key`, once."""
        watchers = database.watchers.get(key)
        if watchers is None:
            watchers = {}
            database.watchers[key] = watchers
        elif self in watchers:
            return
        watched = WatchedKey(self, database, key)
        watchers[self] = watched
        self.keys.append(watched)

    def clear(self) -> None:
        """Forgets the keys and what became of them."""
        self._let_go()
        self.dirty = False

    def fail(self) -> None:
        """Remembers that a key has changed."""
        self._let_go()
        self.dirty = True

    def has_expired(self) -> bool:
        """Whether a watched key has passed its deadline since it was watched."""
        return any(not watched.expired and watched.database.is_due(watched.key) for watched in self.keys)

    def _let_go(self) -> None:
        for watched in self.keys:
            table = watched.database.watchers
            watchers = table.get(watched.key)
            if watchers is not None:
                watchers.pop(self, None)
                if not watchers:
                    del table[watched.key]
        self.keys = []


class WatchedKey:
    """A key that a client watches; `expired` while it is past its deadline, yet stored, since before it was
    watched.

    To the client such a key does not exist, so its removal is no change.
    """

    def __init__(self, watch: KeyWatch, database: Database, key: bytes) -> None:
        self.watch: KeyWatch = watch
        self.database: Database = database
        self.key: bytes = key
        self.expired: bool = database.is_due(key)

    def touch(self) -> None:
        """The key has changed or is gone."""
        if self.expired and not self.database.values.contains(self.key):
            self.expired = False
        else:
            self.watch.fail()

    def replace(self, other: Database | None) -> None:
        """The key's database is about to be emptied, or to get the contents of another one."""
        is_there = self.database.values.contains(self.key)
        will_be_there = other is not None and other.values.contains(self.key)
        if not is_there and not will_be_there:
            return
        will_be_due = other is not None and other.is_due(self.key)
        if self.expired and not will_be_there:
            self.expired = False
        elif not will_be_due or (is_there and not self.expired):
            self.watch.fail()
        else:
            self.expired = True


def replace_all(database: Database, other: Database | None) -> None:
    """Tells every watcher of a database that it is about to be emptied, or to get another one's contents."""
    for watchers in list(database.watchers.values()):
        for watched in list(watchers.values()):
            watched.replace(other)
