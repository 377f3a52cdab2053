"""The one source of time: every deadline, idle time and log line reads a `Clock`.

`now_ms` is a snapshot, refreshed by the session once per batch and after any slow command, so that all keys a
command touches agree on what has expired. Latency statistics read the machine's clock themselves, once per command.
"""

from __future__ import annotations

from librt.time import time
from mypy_extensions import i64


class Clock:
    """Wall-clock time, in milliseconds since the epoch, as a snapshot that `refresh` renews."""

    def __init__(self) -> None:
        self.now_ms: i64 = 0
        self.refresh()

    def read_us(self) -> i64:
        """The current wall-clock time in microseconds; the only place that asks the operating system."""
        return int(time() * 1e6)

    def refresh(self) -> None:
        """Renews the snapshot."""
        self.now_ms = self.read_us() // 1000

    def update(self, seconds: float) -> None:
        """Renews the snapshot from a reading of the machine's clock that the caller just took."""
        self.now_ms = int(seconds * 1000.0)


class ManualClock(Clock):
    """A clock that moves only when it is told to; a test ages a million keys without waiting."""

    def __init__(self, now_ms: i64 = 1_700_000_000_000) -> None:
        self.manual_us: i64 = now_ms * 1000
        super().__init__()

    def read_us(self) -> i64:
        """The time last set."""
        return self.manual_us

    def update(self, seconds: float) -> None:
        """Ignores the machine's clock."""
        self.refresh()

    def advance(self, milliseconds: i64) -> None:
        """Moves the time forward (or back, for a negative number) and renews the snapshot."""
        self.manual_us += milliseconds * 1000
        self.refresh()
