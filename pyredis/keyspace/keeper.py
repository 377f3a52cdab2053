"""Who keeps keys as they are: a snapshot that is taken while clients are served. Memory is measured the same way.

A database tells its keeper of every key just before that changes in any way: its value, which may be edited in
place, its deadline, or whether it is there at all. It may tell of one key any number of times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyredis.keyspace.database import Database


class KeyKeeper:
    """See the module's text, and `Keyspace.set_keeper`."""

    def pass_on_to(self, keeper: KeyKeeper | None) -> None:
        """Has another keeper, or nobody, told of everything, too."""
        raise NotImplementedError

    def keep(self, database: Database, key: bytes) -> None:
        """The key is about to change, to go, or to come."""
        raise NotImplementedError

    def takes_over(self, database: Database) -> bool:
        """All keys of a database are about to go; whether its tables are still needed, and must not be emptied."""
        raise NotImplementedError

    def swapped(self, first: int, second: int) -> None:
        """Two databases have exchanged their tables."""
        raise NotImplementedError
