"""`maxmemory`: when room has to be made, how long that may take, and what is refused when it cannot be.

Before each command `make_room` compares what is used with the limit, as `performEvictions` does in Redis, and evicts
keys until it fits: for `maxmemory-eviction-tenacity` at most, by Redis's formula, and then further on from a timer,
commands running meanwhile. Only when no key may go, commands that could take more memory are refused.

What is used is the sum of what the process took before the first key, what the keys take (`keyspace.memory`), and what
clients and scripts take, which is measured again with each tick of the cron. All of it exists only while there is a
limit: a gate then has every command pass here.

Resident memory is more than that sum, where freed blocks lie between used ones. When it exceeds the limit by more than
`TOLERANCE`, the C library is asked to give back what it can, rarely, because that takes tens of milliseconds; and what
remains is taken off the limit, but for no more than an eighth of it: what Python's allocator holds for blocks of one
size does not come back by throwing away ever more keys. See docs/design/0016.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from librt.time import time
from mypy_extensions import i64

from pyredis.engine.process import release_free_memory, resident_bytes
from pyredis.keyspace.events import EVICTED
from pyredis.keyspace.eviction import NOTHING, Candidate, Evictor
from pyredis.keyspace.memory import MemoryMeter

if TYPE_CHECKING:
    from pyredis.config import Config
    from pyredis.engine.engine import Engine

EVICTION_TIMER: Final = "eviction"

ROOM: Final = 0
"""What is used is within the limit, or nothing may be evicted at present."""
AT_WORK: Final = 1
"""It is not, but keys are being evicted."""
FULL: Final = 2
"""It is not, and no key may go."""

CLOCK_MASK: Final[i64] = 15
"""The clock is read when so many keys more have gone."""

LARGEST_LIMIT: Final = 1 << 60
"""No machine has more, and sums with it fit 64 bits."""

LAZY_BACKLOG: Final = 64
"""Values waiting to be freed beyond which each eviction frees a part of one: their memory is not counted any more."""

EXCESS_PATIENCE: Final = 100.0
"""How many rounds' time is added when twice the limit is used: with 5 % too much, one takes six times as long."""

TOLERANCE: Final = 1.15
"""How many times the limit may be resident before anything is done about it."""
SQUEEZE_SHIFT: Final[i64] = 3
PRESSURE_MS: Final = 100
"""How often that is looked at."""
TRIM_MS: Final = 1000
"""How long after a request to the C library the next may come; sooner if the process has grown by an eighth."""
TRIM_WAIT_MS: Final = 64_000
"""The most, when they are of little use."""
TRIM_WORTH_SHIFT: Final[i64] = 5

STARTUP_SHARE: Final = 4
"""The part of a limit that counts as the interpreter's, where that alone takes more than the limit."""

NO_LIMIT: Final = 1e300
LINEAR_TENACITY: Final = 10
FULL_TENACITY: Final = 100

log = logging.getLogger("pyredis")


def tenacity_seconds(tenacity: int) -> float:
    """How long one round of eviction may take: Redis's formula."""
    if tenacity <= LINEAR_TENACITY:
        return 50e-6 * tenacity
    if tenacity < FULL_TENACITY:
        return float(500e-6 * 1.15 ** (tenacity - LINEAR_TENACITY))
    return NO_LIMIT


class MemoryLimit:
    """The limit of one engine; see the module's text."""

    def __init__(self, engine: Engine) -> None:
        self.engine: Engine = engine
        self.limit: i64 = 0
        self.meter: MemoryMeter = MemoryMeter(engine.keyspace.databases)
        self.evictor: Evictor = Evictor(engine.keyspace.databases)
        self.is_metering: bool = False
        self.is_lazy: bool = False
        self.seconds: float = tenacity_seconds(LINEAR_TENACITY)
        # What is used beside the keys, and counts.
        self.fixed: i64 = 0
        # What the process took before the first key, as far as it does not count.
        self.uncounted: i64 = 0
        # The limit that keys are evicted for: a little less when the process takes more than was counted.
        self.target: i64 = 0
        self.next_look_ms: i64 = 0
        self.next_trim_ms: i64 = 0
        self.trim_wait_ms: i64 = TRIM_MS
        # What was resident after the last request to the C library.
        self.after_trim: i64 = 0
        # Whether a command found no room when it began: what its script writes depends on it.
        self.was_full: bool = False
        self.is_timer_set: bool = False
        self.evicted: int = 0
        # Since when there is no room, in seconds of the machine's clock, 0 while there is; and how long in all.
        self.exceeded_since: float = 0.0
        self.exceeded_seconds: float = 0.0

    def follow(self, config: Config) -> None:
        """Takes the directives, now and after every CONFIG SET."""
        for name in (
            "maxmemory",
            "maxmemory-policy",
            "maxmemory-samples",
            "maxmemory-eviction-tenacity",
            "lazyfree-lazy-eviction",
        ):
            config.on_change(name, self._apply)
        self._apply(config)

    def _apply(self, config: Config) -> str | None:
        before = self.limit
        self.limit = min(config.get_int("maxmemory"), LARGEST_LIMIT)
        self.target = self.limit
        self.evictor.follow(config.get_str("maxmemory-policy"))
        self.evictor.samples = config.get_int("maxmemory-samples")
        self.seconds = tenacity_seconds(config.get_int("maxmemory-eviction-tenacity"))
        self.is_lazy = config.get_bool("lazyfree-lazy-eviction")
        self.engine.set_limited(self.limit > 0)
        if self.limit == 0:
            self._cease()
            return None
        if self.is_metering:
            self.refresh()
        elif not self.engine.is_loading():
            self.begin()
        if self.limit != before:
            used = self.used()
            if used > self.limit:
                log.warning(
                    "WARNING: the memory limit of %d bytes is smaller than the current memory usage (%d). Depending "
                    "on maxmemory-policy this evicts keys, refuses commands that write, or both.",
                    self.limit,
                    used,
                )
            if self.evictor.kind != NOTHING:
                self._set_timer()
        return None

    def begin(self) -> None:
        """Begins to measure: what is there, and from now on what changes. Not while data is loaded."""
        if self.limit == 0:
            return
        engine = self.engine
        self.is_metering = True
        self.refresh()
        engine.keyspace.set_meter(self.meter)
        self.meter.begin(max(resident_bytes() - int(self.fixed + self.uncounted), 0))

    def _cease(self) -> None:
        """Nobody wants to know any more."""
        self._end_exceeding()
        self.was_full = False
        self.suspend()
        self.evictor.forget()

    def suspend(self) -> None:
        """Ceases to measure for a while; `begin` goes on."""
        if self.is_metering:
            self.is_metering = False
            self.engine.keyspace.set_meter(None)

    def refresh(self) -> None:
        """Measures again what is used beside the keys. O(clients)."""
        engine = self.engine
        figures = engine.scripting.figures()
        startup = engine.statistics.startup_memory
        fixed = self.startup_bytes() + figures.eval_vm + figures.eval_bytes
        self.uncounted = startup - self.startup_bytes()
        fixed += figures.function_vm + figures.function_bytes
        self.fixed = fixed + self.clients_bytes()

    def startup_bytes(self) -> int:
        """What counts of the memory that the process took before the first key: all of it, unless the limit is less.

        Then it was set with Redis in mind, where 10 MB are room enough, and a part of the limit counts instead.
        """
        startup = self.engine.statistics.startup_memory
        return int(self.limit) // STARTUP_SHARE if 0 < self.limit < startup else startup

    def clients_bytes(self) -> int:
        """What all connections take up. O(clients)."""
        total = 0
        for ctx in self.engine.clients.values():
            total += ctx.memory()
        return total

    def tick(self) -> None:
        """Called by the cron, many times a second."""
        if self.is_metering:
            self.meter.settle()
            self.refresh()
            now_ms = self.engine.clock.now_ms
            if now_ms >= self.next_look_ms or self.next_look_ms > now_ms + PRESSURE_MS:
                self.next_look_ms = now_ms + PRESSURE_MS
                self._relieve(now_ms)

    def _relieve(self, now_ms: i64) -> None:
        """Does something about a process that takes much more than the limit."""
        resident: i64 = resident_bytes() - self.uncounted
        tolerated: i64 = int(float(self.limit) * TOLERANCE)
        has_grown = resident - self.after_trim >= self.limit >> SQUEEZE_SHIFT
        if resident > tolerated and (has_grown or now_ms >= self.next_trim_ms):
            started: float = time()
            release_free_memory()
            self.engine.note_latency(b"malloc-trim", time() - started)
            left: i64 = resident_bytes() - self.uncounted
            if resident - left >= self.limit >> TRIM_WORTH_SHIFT:
                self.trim_wait_ms = TRIM_MS
            elif self.trim_wait_ms < TRIM_WAIT_MS:
                self.trim_wait_ms *= 2
            self.next_trim_ms = now_ms + self.trim_wait_ms
            self.after_trim = left
            resident = left
        excess: i64 = resident - tolerated
        if excess <= 0 or self.evictor.kind == NOTHING:
            excess = 0
        elif excess > self.limit >> SQUEEZE_SHIFT:
            excess = self.limit >> SQUEEZE_SHIFT
        self.target = self.limit - excess

    def used(self) -> int:
        """What is used, as INFO tells it: with the buffer of the log, which eviction does not count."""
        if not self.is_metering:
            return resident_bytes()
        self.meter.settle()
        return self.fixed + self.meter.total + self.not_counted()

    def not_counted(self) -> int:
        """What eviction does not count, because it would only grow: each eviction is logged."""
        return self.engine.logging.buffered_bytes

    def make_room(self) -> i64:
        """Evicts keys if what is used is over the limit; returns `ROOM`, `AT_WORK` or `FULL`."""
        if not self.is_metering:
            return ROOM
        meter = self.meter
        if meter.touched:
            meter.settle()
        if self.fixed + meter.total <= self.target:
            if self.exceeded_since != 0.0:
                self._end_exceeding()
            return ROOM
        if not self.engine.may_evict():
            return ROOM
        return self._evict()

    def _evict(self) -> i64:
        """Evicts until what is used is within the limit, or the time is up, or no key may go."""
        engine = self.engine
        meter = self.meter
        started: float = time()
        seconds = self._patience()
        # That a key goes is no client's doing.
        running = engine.current
        engine.current = None
        result: i64 = ROOM
        removed: i64 = 0
        while self.fixed + meter.total > self.target:
            candidate = self.evictor.choose()
            if candidate is None:
                result = FULL
                break
            self._remove(candidate)
            meter.settle()
            removed += 1
            if removed & CLOCK_MASK == 0 and time() - started > seconds:
                self._set_timer()
                result = AT_WORK
                break
        engine.current = running
        ended: float = time()
        if removed:
            engine.note_latency(b"eviction-cycle", ended - started)
            engine.tick = ended
        if result == ROOM:
            self._end_exceeding()
        elif self.exceeded_since == 0.0:
            self.exceeded_since = ended
        return result

    def _patience(self) -> float:
        """How long this round may take: the longer, the further the limit has been exceeded.

        Redis frees half a megabyte of small keys in the time that its formula allows, and so keeps up with any
        writer. We free a tenth of that, and have to take more time when values of another size come in.
        """
        excess = float(self.fixed + self.meter.total - self.target) / float(self.limit)
        return self.seconds * (1.0 + EXCESS_PATIENCE * excess)

    def _remove(self, candidate: Candidate) -> None:
        """Evicts one key, telling everybody."""
        engine = self.engine
        database, key = candidate.database, candidate.key
        is_timed = engine.latency.threshold > 0
        started: float = time() if is_timed else 0.0
        value = database.remove(key)
        if self.is_lazy:
            lazy_free = engine.keyspace.lazy_free
            lazy_free.add_value(value)
            if len(lazy_free.values) > LAZY_BACKLOG:  # the cron does not keep up
                lazy_free.step()
        value = None  # here, so that its end is timed
        if is_timed:
            engine.note_latency(b"eviction-del", time() - started)
        self.evicted += 1
        database.signal(key)
        database.notify(EVICTED, b"evicted", key)
        engine.key_evicted(database, key, self.is_lazy)

    def _end_exceeding(self) -> None:
        if self.exceeded_since != 0.0:
            self.exceeded_seconds += max(time() - self.exceeded_since, 0.0)
            self.exceeded_since = 0.0

    def exceeding_ms(self) -> int:
        """For how long there has been no room; 0 when there is some."""
        return 0 if self.exceeded_since == 0.0 else int(max(time() - self.exceeded_since, 0.0) * 1000.0)

    def exceeded_ms(self) -> int:
        """For how long there was none in all."""
        return int(self.exceeded_seconds * 1000.0) + self.exceeding_ms()

    def _set_timer(self) -> None:
        if not self.is_timer_set:
            self.is_timer_set = True
            self.engine.host.call_later(0.0, EVICTION_TIMER)

    def timer_fired(self) -> None:
        """Goes on evicting, which commands that ran meanwhile may have made unnecessary."""
        self.is_timer_set = False
        if self.make_room() == AT_WORK:
            self._set_timer()
        self.engine.end_background_work()

    def reset(self) -> None:
        """Zeroes what CONFIG RESETSTAT zeroes."""
        self.evicted = 0
        self.exceeded_seconds = 0.0
        self.exceeded_since = 0.0
