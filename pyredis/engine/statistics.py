"""What an engine counts beyond its commands: traffic, rates, memory, limits that closed a connection.

Connections count their own bytes; a total is the sum over those that have ended, kept here, and those that
live. Rates are Redis's `instantaneous_*`: a ring of samples taken by the cron, whose mean is reported. CONFIG
RESETSTAT zeroes everything that Redis zeroes, which the peak of the memory is not part of.

The event loop belongs to a library and counts nothing. What is reported of it costs the data path nothing: a cycle is
a turn that one client had (what it sent was taken, or its pipeline went on) or a tick of the cron, and its duration is
processor time of the loop's thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from pyredis.engine.pauses import Pauses
from pyredis.engine.process import resident_bytes, thread_seconds

if TYPE_CHECKING:
    from pyredis.engine.context import Context
    from pyredis.engine.engine import Engine
    from pyredis.engine.memory_limit import MemoryLimit

SAMPLES: Final = 16
SAMPLE_MS: Final = 100
"""The least time between two samples; the cron of a small `hz` makes it longer, and the rates stay true."""


class Rate:
    """How fast a counter grows, per second, as the mean of the last samples.

    The first sample sets the mark, unless the counter is known to have been zero at a time.
    """

    def __init__(self, zero_ms: i64 = 0) -> None:
        self.samples: list[int] = [0] * SAMPLES
        self.next: int = 0
        self.last_value: int = 0
        self.last_ms: i64 = zero_ms

    def sample(self, value: int, now_ms: i64) -> None:
        """Adds a sample."""
        if self.last_ms > 0 and now_ms > self.last_ms:
            self.samples[self.next] = max(value - self.last_value, 0) * 1000 // (now_ms - self.last_ms)
            self.next = (self.next + 1) % SAMPLES
        self.last_value = value
        self.last_ms = now_ms

    def per_second(self) -> int:
        """The mean."""
        return sum(self.samples) // SAMPLES


class Traffic:
    """Bytes and calls in both directions, of one moment."""

    def __init__(self) -> None:
        self.input_bytes: i64 = 0
        self.output_bytes: i64 = 0
        self.reads: i64 = 0
        self.writes: i64 = 0

    def add(self, ctx: Context) -> None:
        """Adds what one connection has counted."""
        self.input_bytes += ctx.input_bytes
        self.output_bytes += ctx.output_bytes
        self.reads += ctx.reads
        self.writes += ctx.writes


class Statistics:
    """See the module's text."""

    def __init__(self) -> None:
        self.ended: Traffic = Traffic()
        self.discounted: Traffic = Traffic()
        self.operations: Rate = Rate()
        self.input: Rate = Rate()
        self.output: Rate = Rate()
        self.cycles: Rate = Rate()
        self.busy_us: Rate = Rate()
        # Turns of the loop that took nothing from a connection, and the thread's processor time at the last reset.
        self.other_turns: i64 = 0
        self.thread_before: float = thread_seconds()
        self.loop_lag: Pauses = Pauses()
        self.collections: Pauses = Pauses()
        self.next_sample_ms: i64 = 0
        self.limit: MemoryLimit | None = None
        self.startup_memory: int = 0
        self.peak_memory: int = 0
        # How often expiry gave way with keys still due, and the time that it took in all.
        self.expiry_cuts: int = 0
        self.expiry_seconds: float = 0.0
        self.query_limit_closed: int = 0
        self.output_limit_closed: int = 0

    def reset(self, engine: Engine) -> None:
        """Zeroes what CONFIG RESETSTAT zeroes."""
        discounted = self._traffic_since(Traffic())
        for ctx in engine.clients.values():
            discounted.add(ctx)
        self.discounted = discounted
        now_ms = engine.clock.now_ms
        self.operations = Rate(now_ms)
        self.input = Rate(now_ms)
        self.output = Rate(now_ms)
        self.cycles = Rate(now_ms)
        self.busy_us = Rate(now_ms)
        self.other_turns = 0
        self.thread_before = thread_seconds()
        self.expiry_cuts = 0
        self.expiry_seconds = 0.0
        self.query_limit_closed = 0
        self.output_limit_closed = 0

    def connection_ended(self, ctx: Context) -> None:
        """Keeps the counts of a connection that goes."""
        self.ended.add(ctx)

    def _traffic_since(self, start: Traffic) -> Traffic:
        """What connections that have ended had counted, beyond a start."""
        total = Traffic()
        ended = self.ended
        total.input_bytes = ended.input_bytes - start.input_bytes
        total.output_bytes = ended.output_bytes - start.output_bytes
        total.reads = ended.reads - start.reads
        total.writes = ended.writes - start.writes
        return total

    def traffic_of_ended(self) -> Traffic:
        """What to add the connections there are to, for everything since the last reset."""
        return self._traffic_since(self.discounted)

    def traffic(self, engine: Engine) -> Traffic:
        """What has gone over the connections since the last reset. O(clients)."""
        total = self.traffic_of_ended()
        for ctx in engine.clients.values():
            total.add(ctx)
        return total

    def sample(self, engine: Engine) -> None:
        """Takes one sample of every rate and of the memory, if the last one is old enough. O(clients)."""
        now_ms = engine.clock.now_ms
        if now_ms < self.next_sample_ms <= now_ms + SAMPLE_MS:
            return
        self.next_sample_ms = now_ms + SAMPLE_MS
        traffic = self.traffic(engine)
        self.operations.sample(total_calls(engine), now_ms)
        self.input.sample(traffic.input_bytes, now_ms)
        self.output.sample(traffic.output_bytes, now_ms)
        self.cycles.sample(self.loop_cycles(traffic), now_ms)
        self.busy_us.sample(self.loop_microseconds(), now_ms)
        self.used_memory()

    def loop_cycles(self, traffic: Traffic) -> int:
        """Turns of the loop since the last reset; see the module's text."""
        return int(traffic.reads + self.other_turns)

    def loop_microseconds(self) -> int:
        """What they took since the last reset."""
        return int((thread_seconds() - self.thread_before) * 1e6)

    def used_memory(self) -> int:
        """Memory in use: what the system says is resident, or the sum that is kept while there is a limit.

        Remembers the first and the highest.
        """
        limit = self.limit
        used = resident_bytes() if limit is None else limit.used()
        if self.startup_memory == 0:
            self.startup_memory = used
        self.peak_memory = max(self.peak_memory, used)
        return used


def total_calls(engine: Engine) -> int:
    """Commands run since the last reset. O(commands there are)."""
    total: i64 = 0
    for command in engine.all_commands:
        total += command.calls
    return total
