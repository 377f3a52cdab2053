"""The CPU time of a server, and the core that its clients keep to."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.process import ServerProcess


def cpu_clock(process: ServerProcess) -> tuple[int, int]:
    """CPU nanoseconds so far: by the fine clock of living threads, by the coarse one of all threads."""
    return process.cpu_time_ns(), int(process.cpu_time() * 1e9)


def cpu_between(before: tuple[int, int], after: tuple[int, int]) -> int:
    """Nanoseconds between two clocks: the fine one, unless threads that have ended took much of the time."""
    fine = after[0] - before[0]
    coarse = after[1] - before[1]
    # The coarse clock is off by up to a tick (10 ms) at either end; beyond that, threads have ended.
    return coarse if coarse > fine + 20_000_000 else fine


@contextlib.contextmanager
def keeping_to(cpu: int | None) -> Iterator[None]:
    """Keeps this thread on a core, and the garbage collector out of its way."""
    allowed = os.sched_getaffinity(0)
    was_collecting = gc.isenabled()
    gc.disable()
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
        if was_collecting:
            gc.enable()
