"""What is known of the snapshots of one engine: the last one, the one that runs, and the last load."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

UNKNOWN: Final = -1


class SaveState:
    """Kept by whoever saves and loads; INFO tells most of it. Times are in seconds since the epoch."""

    def __init__(self, now: int) -> None:
        self.saved_at: int = now
        self.tried_at: int = 0
        self.was_last_good: bool = True
        self.last_seconds: int = UNKNOWN
        self.saves: int = 0
        self.copied_bytes: int = 0
        # A save in the background: when it began, and what `Keyspace.dirty` was.
        self.started_at: int = UNKNOWN
        self.dirty_before: i64 = 0
        # Of whatever is saved in the background, as of `Host.measure_log`: keys, those that have been written, and
        # what the child copied.
        self.keys_total: int = 0
        self.keys_saved: int = 0
        self.current_copied_bytes: int = 0
        self.current_copied_peak: int = 0
        self.current_copied_age: int = 0
        # BGSAVE has to wait for another child process.
        self.is_scheduled: bool = False
        self.forks: int = 0
        self.fork_us: int = 0
        # Loading: when it began, and bytes of the file.
        self.load_started_at: int = 0
        self.load_bytes: int = 0
        self.loaded_bytes: int = 0
        # Memory in use when the file was written, as the file says; 0 when it does not.
        self.load_used_memory: int = 0
        self.loaded_keys: int = 0
        self.expired_keys: int = 0

    def is_running(self) -> bool:
        """Whether a save in the background is under way."""
        return self.started_at != UNKNOWN

    def begin_load(self, now: int, size: int) -> None:
        """Loading has begun, from files of so many bytes."""
        self.load_started_at = now
        self.load_bytes = size
        self.loaded_bytes = 0
        self.load_used_memory = 0

    def begin(self, now: int, dirty: i64) -> None:
        """A save in the background has begun."""
        self.started_at = now
        self.tried_at = now
        self.dirty_before = dirty

    def succeed(self, now: int) -> None:
        """A save has ended well."""
        self.saved_at = now
        self.was_last_good = True

    def end(self, now: int) -> None:
        """The save in the background has ended, well or not."""
        self.last_seconds = now - self.started_at
        self.started_at = UNKNOWN
