"""What ACL LOG shows: requests and logins that were refused, the latest first.

An event like one of the last ten, less than a minute ago, counts as the same once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis.acl.permissions import DENIED_AUTH, DENIED_CHANNEL, DENIED_COMMAND, DENIED_KEY

if TYPE_CHECKING:
    from mypy_extensions import i64

TOP_LEVEL: Final = b"toplevel"
IN_MULTI: Final = b"multi"
IN_SCRIPT: Final = b"lua"
"""Where a request came from that was refused."""

REASONS: Final = {
    DENIED_COMMAND: b"command",
    DENIED_KEY: b"key",
    DENIED_CHANNEL: b"channel",
    DENIED_AUTH: b"auth",
}

GROUPED_MS: Final = 60_000
GROUPED_ENTRIES: Final = 10


class LogEntry:
    """An event and how often it has been seen; `object` is the command, key or channel that was refused."""

    def __init__(self, reason: int, context: bytes, refused: bytes, user: bytes) -> None:
        self.count: int = 1
        self.reason: int = reason
        self.context: bytes = context
        self.object: bytes = refused
        self.user: bytes = user
        self.client: bytes = b""
        self.entry_id: int = 0
        self.created_ms: i64 = 0
        self.updated_ms: i64 = 0

    def is_like(self, other: LogEntry) -> bool:
        """Whether another event, just seen, is the same as this one."""
        return (
            self.reason == other.reason
            and self.context == other.context
            and -GROUPED_MS <= self.updated_ms - other.updated_ms <= GROUPED_MS
            and self.object == other.object
            and self.user == other.user
        )


class AclLog:
    """The events, and counters for INFO that nothing resets."""

    def __init__(self) -> None:
        self.entries: list[LogEntry] = []
        self.next_id: int = 0
        self.denied_auth: int = 0
        self.denied_command: int = 0
        self.denied_key: int = 0
        self.denied_channel: int = 0

    def count(self, reason: int) -> None:
        """Counts an event for INFO."""
        if reason == DENIED_AUTH:
            self.denied_auth += 1
        elif reason == DENIED_COMMAND:
            self.denied_command += 1
        elif reason == DENIED_KEY:
            self.denied_key += 1
        else:
            self.denied_channel += 1

    def add(self, entry: LogEntry, now_ms: i64, max_len: int) -> None:
        """Keeps an event, of which `max_len` stay; O(entries)."""
        if max_len > 0:
            entry.created_ms = entry.updated_ms = now_ms
            for position, known in enumerate(self.entries[:GROUPED_ENTRIES]):
                if known.is_like(entry):
                    known.count += 1
                    known.updated_ms = now_ms
                    known.client = entry.client
                    self.entries.insert(0, self.entries.pop(position))
                    return
            entry.entry_id = self.next_id
            self.next_id += 1
            self.entries.insert(0, entry)
        del self.entries[max_len:]

    def clear(self) -> None:
        """Forgets all events; identifiers go on from where they were."""
        self.entries.clear()
