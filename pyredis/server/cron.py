"""Background work: expiring keys, closing idle clients, collecting garbage.

Rules kept: no piece of work runs longer than about a millisecond before other clients get their turn, unless
`active-expire-effort` asks for more; the effort follows the backlog; with nothing to do, the process sleeps between
ticks of `1 / hz` seconds.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Final

from pyredis.engine.engine import GATE_BUSY, Engine

if TYPE_CHECKING:
    from pyredis.server.app import App

SLICE_SECONDS: Final = 0.001
SLICE_GROWTH: Final = 2.0 / 9.0
"""What each step of `active-expire-effort` adds to a slice of expiry, in slices: 10 makes them three times as long."""
EXPIRE_BATCH: Final = 64
"""Keys looked at between two readings of the clock; removing that many takes some 30 us."""

YOUNG_OBJECTS: Final = 20_000


class Cron:
    """The timers of one running server."""

    def __init__(self, app: App) -> None:
        self.app: App = app
        self.engine: Engine = app.engine
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.timer: asyncio.TimerHandle | None = None
        self.is_expiring: bool = False
        self.is_freeing: bool = False
        # DEBUG PAUSE-CRON: nothing is done but the clock kept.
        self.is_paused: bool = False
        self.next_database: int = 0
        # When the next tick is due, and when the collection of garbage under way began; of `perf_counter`.
        self.due: float = 0.0
        self.collecting_since: float = 0.0
        self.gc_watcher: Callable[[str, dict[str, int]], None] = self.note_collection

    def start(self) -> None:
        """Begins ticking."""
        gc.collect()
        gc.freeze()
        gc.disable()
        gc.callbacks.append(self.gc_watcher)
        self.tick()

    def stop(self) -> None:
        """Ends ticking."""
        if self.timer is not None:
            self.timer.cancel()
        if self.gc_watcher in gc.callbacks:
            gc.callbacks.remove(self.gc_watcher)

    def note_collection(self, phase: str, _figures: dict[str, int]) -> None:
        """Python's garbage collector calls this when it starts and when it stops."""
        if phase == "start":
            self.collecting_since = perf_counter()
        else:
            self.engine.statistics.collections.add(perf_counter() - self.collecting_since)

    def note_lateness(self, delay: float) -> None:
        """Notes how late this tick is, and when the next is due."""
        now = perf_counter()
        statistics = self.engine.statistics
        statistics.other_turns += 1
        if self.due > 0.0:
            statistics.loop_lag.add(now - self.due)
        self.due = now + delay

    def tick(self) -> None:
        """One round; schedules the next."""
        delay = 1.0 / self.engine.config.get_int("hz")
        self.timer = self.loop.call_later(delay, self.tick)
        self.note_lateness(delay)
        self.engine.clock.refresh()
        if self.is_paused:
            return
        self.engine.sample()
        self.engine.outgoing.close_idle()
        if self.engine.gates & GATE_BUSY:  # nothing may change or be saved while a script is suspended
            self.app.append_only.tick_log()
            self.app.check_clients()
            return
        self.app.append_only.tick()
        self.app.snapshots.tick()
        if not self.is_freeing:
            self.free_slice()
        if self.engine.is_paused():
            self.app.check_clients()
            return
        if not self.is_expiring and self.engine.keyspace.active_expire:
            self.expire_slice()
        self.app.check_clients()
        if gc.get_count()[0] > YOUNG_OBJECTS:
            collect_young()

    def expire_slice(self) -> None:
        """Expires due keys for one slice; with more to do, comes back after giving way.

        While keys are overdue the share of time spent is at most a half, and with the greatest effort three quarters:
        each slice of 1 to 3 ms is followed by a break of a millisecond, in which waiting clients are served.
        """
        self.is_expiring = False
        if self.is_paused or not self.engine.keyspace.active_expire or self.engine.gates & GATE_BUSY:
            return
        self.engine.clock.refresh()
        databases = self.engine.keyspace.databases
        statistics = self.engine.statistics
        started = perf_counter()
        deadline = started + expiry_seconds(self.engine.config.get_int("active-expire-effort"))
        for _ in range(len(databases)):
            database = databases[self.next_database % len(databases)]
            while database.has_deadlines() and database.expire_due(EXPIRE_BATCH):
                if perf_counter() >= deadline:
                    self.is_expiring = True
                    statistics.expiry_cuts += 1
                    self._end_expiry(started)
                    self.loop.call_later(SLICE_SECONDS, self.expire_slice)
                    return
            self.next_database += 1
        self._end_expiry(started)

    def _end_expiry(self, started: float) -> None:
        """Hands over what a slice has changed, and counts its time."""
        self.engine.end_background_work()
        seconds = perf_counter() - started
        self.engine.statistics.expiry_seconds += seconds
        self.engine.note_latency(b"expire-cycle", seconds)

    def free_slice(self) -> None:
        """Frees for one slice what UNLINK and FLUSHALL ASYNC have left; with more to do, comes back soon."""
        self.is_freeing = False
        lazy_free = self.engine.keyspace.lazy_free
        deadline = perf_counter() + SLICE_SECONDS
        while lazy_free.has_work():
            lazy_free.step()
            if perf_counter() >= deadline:
                self.is_freeing = True
                self.loop.call_later(SLICE_SECONDS, self.free_slice)
                return


def expiry_seconds(effort: int) -> float:
    """How long a slice of expiry may last with `active-expire-effort` 1 to 10."""
    return SLICE_SECONDS * (1.0 + SLICE_GROWTH * (effort - 1))


def collect_young() -> None:
    """Collects cycles among recently made objects and never looks at the survivors again.

    A full collection over millions of containers would stop the server for hundreds of milliseconds. The data holds
    no cycles, and connections break theirs when they close, so only young objects are worth a look.
    """
    gc.collect(1)
    gc.freeze()
