"""The slow log: the latest requests that took longer than `slowlog-log-slower-than` microseconds.

Dispatch compares the time of each command with one number (`Engine.slow_seconds`), so nothing here runs for
commands that are fast enough. What is kept of a request is bounded: 32 arguments of 128 bytes.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from mypy_extensions import i64

ARGUMENTS_MAX: Final = 32
BYTES_MAX: Final = 128


class SlowEntry:
    """One slow request."""

    def __init__(self, number: int, at: int, microseconds: int, argv: list[bytes]) -> None:
        self.number: int = number
        self.at: int = at
        self.microseconds: int = microseconds
        self.argv: list[bytes] = argv
        self.address: bytes = b""
        self.name: bytes = b""


class SlowLog:
    """The entries, the latest first. `slower_than` is in microseconds, negative for never."""

    def __init__(self) -> None:
        self.entries: deque[SlowEntry] = deque()
        self.last_number: int = 0
        self.slower_than: i64 = 10_000
        self.length_max: i64 = 128

    def is_on(self) -> bool:
        """Whether anything can be logged."""
        return self.slower_than >= 0 and self.length_max > 0

    def add(self, at: int, microseconds: int, argv: list[bytes], address: bytes, name: bytes) -> None:
        """Notes a request; the oldest goes when there are too many. `at` is in seconds since the epoch."""
        entry = SlowEntry(self.last_number, at, microseconds, shortened(argv))
        entry.address = address
        entry.name = name
        self.last_number += 1
        self.entries.appendleft(entry)
        self.trim()

    def trim(self) -> None:
        """Drops the oldest entries above the limit."""
        while len(self.entries) > self.length_max:
            self.entries.pop()


def shortened(argv: list[bytes]) -> list[bytes]:
    """Arguments as the log keeps them; what was cut off is told in Redis's words."""
    kept: list[bytes] = []
    shown = len(argv) if len(argv) <= ARGUMENTS_MAX else ARGUMENTS_MAX - 1
    for argument in argv[:shown]:
        if len(argument) > BYTES_MAX:
            more = b"... (%d more bytes)" % (len(argument) - BYTES_MAX)
            kept.append(argument[:BYTES_MAX] + more)
        else:
            kept.append(argument)
    if shown < len(argv):
        kept.append(b"... (%d more arguments)" % (len(argv) - shown))
    return kept
