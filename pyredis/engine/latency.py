"""How long things take: a histogram for each command, and the history of latency spikes by event.

The unit of a `Histogram` is a tick of 256 ns, about the resolution of the clock; up to 64 ticks each has a bucket
of its own, beyond that an octave has 32, so a percentile is off by 3 % at most. It takes 4.6 KB for a command that
was called, nothing for others. Compiled every call is counted, which takes 5 to 10 ns. Interpreted it would take
160 ns, as long as half of a GET; so after 1,024 calls of a command only every 16th is, for 16.

A `LatencyMonitor` keeps, for each event that took at least `latency-monitor-threshold` milliseconds, the last 160
samples, one a second, as Redis does.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

from librt.vecs import vec
from mypy_extensions import i64

TICKS_PER_SECOND: Final = 3_906_250.0
TICK_NS: Final = 256
LINEAR: Final[i64] = 64
HALF: Final[i64] = 32
OCTAVES: Final[i64] = 16
TICKS_MAX: Final[i64] = 3_906_250
"""Longer times count as a second."""

BUCKETS: Final = 64 + 16 * 32

LEVELS: Final = range(10, 31)
"""The powers of two, in nanoseconds, that LATENCY HISTOGRAM reports."""

EXACT_CALLS: Final[i64] = 1024
SAMPLE_MASK: Final[i64] = 15
"""Which calls are counted in the interpreted form: the first ones, then those whose number has none of these bits."""

SAMPLES_MAX: Final = 160


class Histogram:
    """How often something took how long."""

    def __init__(self) -> None:
        self.counts: vec[i64] = vec[i64]([0] * BUCKETS)

    def add(self, seconds: float, weight: i64) -> None:
        """Counts a duration, for so many calls. O(1) up to 16 us, then O(log)."""
        ticks: i64 = int(seconds * TICKS_PER_SECOND)
        if ticks < LINEAR:
            self.counts[ticks] += weight
        else:
            self._add_long(ticks, weight)

    def _add_long(self, ticks: i64, weight: i64) -> None:
        if ticks > TICKS_MAX:
            ticks = TICKS_MAX
        start: i64 = LINEAR
        while ticks >= LINEAR:
            ticks >>= 1
            start += HALF
        # `ticks` lies between 32 and 63 now, and the first octave has been shifted once.
        self.counts[start - HALF + ticks - HALF] += weight

    def total(self) -> int:
        """How many durations were counted."""
        return int(sum(list(self.counts)))  # a list is summed up ten times as fast

    def levels(self) -> list[tuple[int, int]]:
        """Microseconds and how many took no longer, for each power of two that adds to the number before."""
        found: list[tuple[int, int]] = []
        counted = position = 0
        for level in LEVELS:
            before = counted
            end = _bucket_end(1 << (level - 8))
            while position < end:
                counted += int(self.counts[position])
                position += 1
            if counted > before:
                found.append((_shown_microseconds(level), counted))
        return found

    def cumulative(self) -> tuple[list[int], int]:
        """How many took up to each of `LEVELS`, and how many there are."""
        buckets = list(self.counts)  # of which slices are summed up ten times as fast as bucket by bucket
        counts: list[int] = []
        counted = position = 0
        for level in LEVELS:
            end = _bucket_end(1 << (level - 8))
            counted += int(sum(buckets[position:end]))
            position = end
            counts.append(counted)
        return counts, counted + int(sum(buckets[position:]))

    def percentile(self, percent: float) -> float:
        """The duration in microseconds that so many per cent of all did not exceed."""
        counts = list(self.counts)
        wanted = max(int(percent / 100 * int(sum(counts)) + 0.5), 1)
        counted = 0
        for position, count in enumerate(counts):
            counted += int(count)
            if counted >= wanted:
                return (_upper_ticks(position) * TICK_NS - 1) / 1000
        return 0.0


def _bucket_end(ticks: int) -> int:
    """How many buckets lie below a power of two of ticks."""
    if ticks <= 64:
        return ticks
    return 64 + (ticks.bit_length() - 7) * 32


def _upper_ticks(position: int) -> int:
    """The first tick above a bucket."""
    if position < 64:
        return position + 1
    octave, place = divmod(position - 64, 32)
    return (32 + place + 1) << (octave + 1)


def _shown_microseconds(level: int) -> int:
    """The end of a level as Redis prints it: its histogram has 128 buckets an octave, and shows the end of one."""
    if level == LEVELS[-1]:
        return (1 << level) // 1000
    return ((1 << level) + (1 << (level - 7)) - 1) // 1000


class LatencySeries:
    """The spikes of one event: (second, milliseconds), the oldest first."""

    def __init__(self) -> None:
        self.samples: list[tuple[int, int]] = []
        self.highest: int = 0

    def add(self, second: int, milliseconds: int) -> None:
        """Adds a spike; of several in one second the longest counts."""
        self.highest = max(self.highest, milliseconds)
        if self.samples and self.samples[-1][0] == second:
            self.samples[-1] = (second, max(self.samples[-1][1], milliseconds))
            return
        self.samples.append((second, milliseconds))
        if len(self.samples) > SAMPLES_MAX:
            del self.samples[0]

    def mean(self) -> float:
        """The mean of the samples in milliseconds."""
        return sum([sample[1] for sample in self.samples]) / len(self.samples)

    def deviation(self) -> float:
        """Their standard deviation."""
        mean = self.mean()
        return sqrt(sum([(sample[1] - mean) ** 2 for sample in self.samples]) / len(self.samples))


class LatencyMonitor:
    """The latency spikes of one engine; `threshold` is in milliseconds, 0 while nothing is recorded."""

    def __init__(self) -> None:
        self.threshold: i64 = 0
        self.events: dict[bytes, LatencySeries] = {}

    def add(self, event: bytes, second: int, seconds: float) -> None:
        """Notes how long something took, if that was long enough."""
        if self.threshold == 0:
            return
        milliseconds = int(seconds * 1000)
        if milliseconds < self.threshold:
            return
        series = self.events.get(event)
        if series is None:
            series = LatencySeries()
            self.events[event] = series
        series.add(second, milliseconds)

    def reset(self, events: list[bytes]) -> int:
        """Forgets some events, all when none is named; returns how many there were."""
        if not events:
            known = len(self.events)
            self.events = {}
            return known
        return sum([self.events.pop(event, None) is not None for event in events])
