"""How long nobody was served: lateness of the event loop, and collections of garbage.

The cron knows when it wanted to be called and when it was: the difference is what any other client would have waited.
Both are histograms with fixed bounds, as a monitoring system wants them; they count since the start, whatever CONFIG
RESETSTAT does.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the buckets in seconds, each included; one more bucket has no end."""


class Pauses:
    """Durations of one kind of pause."""

    def __init__(self) -> None:
        self.counts: list[int] = [0] * (len(BOUNDS) + 1)
        self.seconds: float = 0.0
        self.longest: float = 0.0

    def add(self, seconds: float) -> None:
        """Counts one pause; a negative duration, from a clock that is coarse, is none at all."""
        seconds = max(seconds, 0.0)
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds
        self.longest = max(self.longest, seconds)

    def total(self) -> int:
        """How many there were."""
        return sum(self.counts)
