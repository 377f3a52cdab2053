"""Keyspace events: the classes of `notify-keyspace-events` and where an event goes.

A handler reports each change with `database.notify`; that costs one comparison while nobody listens.
"""

from __future__ import annotations

from typing import Final

KEYSPACE: Final = 1 << 0
KEYEVENT: Final = 1 << 1
GENERIC: Final = 1 << 2
STRING: Final = 1 << 3
LIST: Final = 1 << 4
SET: Final = 1 << 5
HASH: Final = 1 << 6
ZSET: Final = 1 << 7
EXPIRED: Final = 1 << 8
EVICTED: Final = 1 << 9
STREAM: Final = 1 << 10
KEY_MISS: Final = 1 << 11
MODULE: Final = 1 << 13
NEW: Final = 1 << 14
