"""What is known of the append only file of one engine, for INFO."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

UNKNOWN: Final = -1


class LogState:
    """Kept by whoever writes the log. Times are in seconds since the epoch, sizes in bytes."""

    def __init__(self) -> None:
        self.is_on: bool = False
        # A rewrite: whether it has to wait, when it began, and how the last one went.
        self.is_rewrite_scheduled: bool = False
        self.rewrite_started_at: int = UNKNOWN
        self.last_rewrite_seconds: int = UNKNOWN
        self.was_last_rewrite_good: bool = True
        self.rewrites: int = 0
        self.failures_in_a_row: int = 0
        self.copied_bytes: int = 0
        # As of `Host.measure_log`.
        self.was_last_write_good: bool = True
        self.current_bytes: i64 = 0
        self.base_bytes: i64 = 0
        self.buffered_bytes: i64 = 0
        self.pending_syncs: int = 0
        self.delayed_syncs: int = 0

    def is_rewriting(self) -> bool:
        """Whether a rewrite is under way."""
        return self.rewrite_started_at != UNKNOWN
