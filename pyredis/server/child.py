"""A child process that works on the memory as it was at the fork: saving and rewriting in the background.

The system copies only what the parent changes meanwhile. (CPython counts references inside the objects, so what the
child merely looks at is copied as well: expect the values to be duplicated while a child runs.) The child shares
nothing else: it drops all sockets at once, so that the port is free should the parent die, and leaves without
cleaning up. Where the system allows it dies with its parent: a server that is started again must not find its new
files replaced by an older snapshot.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from pyredis.persistence.disk import Disk
from pyredis.persistence.rdb_file import RdbSaver
from pyredis.server.sliced_save import SlicedSave

if TYPE_CHECKING:
    from pyredis.engine.engine import Engine

HAVE_FORK: Final = hasattr(os, "fork") and os.environ.get("PYREDIS_FORK", "1") != "0"
"""Whether work in the background is done by a child process; without, it is done in slices."""

_PR_SET_PDEATHSIG: Final = 1
NICENESS: Final = 10
"""By how much a child steps back: where it has to share a core with the server, it gets a tenth of it at least, and
the server all that it needs up to the rest."""

TELL_SECONDS: Final = 1.0
"""The time between two words of a child about its progress."""

_MEBIBYTE: Final = 1 << 20
_FIRST_DESCRIPTOR: Final = 3

log = logging.getLogger("pyredis")


class ChildResult:
    """How a child ended: `status` is its exit code, negative for a signal; `copied_bytes` what was duplicated."""

    def __init__(self, status: int, copied_bytes: int) -> None:
        self.status: int = status
        self.copied_bytes: int = copied_bytes


class Child:
    """At most one child process; `purpose` says what it does, empty when there is none."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop: asyncio.AbstractEventLoop = loop
        self.pid: int = 0
        self.purpose: str = ""
        self._reader: int = -1
        self._writer: int = -1
        self._report: bytes = b""
        # What the child has told of its progress: keys, bytes that were copied, and the most of them; and when.
        self._keys: int = 0
        self.keys_total: int = 0
        self.copied_bytes: int = 0
        self.copied_peak: int = 0
        self.told_at: float = 0.0
        # Called with the purpose in a new child process, before its work.
        self.prepare: Callable[[str], None] | None = None
        self._done: Callable[[ChildResult], None] | None = None
        # What plays the part of the process where there is no fork.
        self.slices: SlicedSave | None = None

    def save(
        self, purpose: str, engine: Engine, path: str, is_aof_base: bool, done: Callable[[ChildResult], None]
    ) -> str:
        """Begins to save everything to a path; says who does it. Raises `OSError`."""
        self.keys_total = sum([len(database) for database in engine.keyspace.databases])
        if HAVE_FORK:
            work = partial(_save_in_child, self, engine, path, is_aof_base)
            started = monotonic()
            pid = self.start(purpose, work, done)
            engine.note_latency(b"fork", monotonic() - started)
            return f"by pid {pid}"
        self.slices = SlicedSave(engine, path, Disk(), is_aof_base, self._sliced)
        self.purpose = purpose
        self._done = done
        return "in slices"

    def keys_saved(self) -> int:
        """How many keys have been written, as far as is known."""
        return self._keys if self.slices is None else self.slices.keys()

    def start(self, purpose: str, work: Callable[[], None], done: Callable[[ChildResult], None]) -> int:
        """Forks; the child runs `work` and exits with 0, or 1 when that raises. `done` is called in the loop.

        Returns the process id. Raises `OSError` when the system refuses.
        """
        reader, writer = os.pipe()
        parent = os.getpid()
        # Until the child has its own handlers, a signal to it would wake the parent's loop, which would stop.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
        try:
            with warnings.catch_warnings():
                # There may be a thread, but only one that syncs files, and it holds nothing that the child needs.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
        except OSError:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            os.close(reader)
            os.close(writer)
            raise
        if pid == 0:
            self._writer = writer
            _run_child(self, work, purpose, parent, blocked)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        os.close(writer)
        self.pid = pid
        self.purpose = purpose
        self._reader = reader
        self._report = b""
        self._keys = self.copied_bytes = self.copied_peak = 0
        self.told_at = monotonic()
        self._done = done
        self.loop.add_reader(reader, self._readable)
        return pid

    def kill(self) -> None:
        """Ends the child at once, if there is one; what it has written so far is left to `done`'s clean-up."""
        slices = self.slices
        if slices is not None:
            slices.cancel()
            self._end_with(ChildResult(-int(signal.SIGTERM), 0))
        elif self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._end()

    def _readable(self) -> None:
        """The child has reported, or its end of the pipe has closed because it is gone."""
        data = os.read(self._reader, 4096)
        if data:
            *lines, self._report = (self._report + data).split(b"\n")
            for line in lines:
                keys, copied = line.split()
                self._keys = int(keys)
                self.copied_bytes = int(copied)
                self.copied_peak = max(self.copied_peak, self.copied_bytes)
                self.told_at = monotonic()
        else:
            self._end()

    def _end(self) -> None:
        self.loop.remove_reader(self._reader)
        os.close(self._reader)
        _, raw_status = os.waitpid(self.pid, 0)
        status = os.waitstatus_to_exitcode(raw_status)
        self.pid = 0
        self._end_with(ChildResult(status, self.copied_bytes))

    def _sliced(self, error: str) -> None:
        """A save in slices has ended."""
        if error:
            log.warning("Error saving DB on disk: %s", error)
        elif self.slices is not None:
            log.info("DB saved on disk, %s", self.slices.summary())
        self._end_with(ChildResult(1 if error else 0, 0))

    def _end_with(self, result: ChildResult) -> None:
        done = self._done
        self.slices = None
        self.purpose = ""
        self._keys = self.keys_total = self.copied_bytes = self.copied_peak = 0
        self._done = None
        if done is not None:
            done(result)

    def tell(self, keys: int) -> None:
        """Called in the child: tells the parent how far it has come."""
        self._keys = keys
        self.copied_bytes = private_dirty_bytes()
        self.copied_peak = max(self.copied_peak, self.copied_bytes)
        with contextlib.suppress(BrokenPipeError):
            os.write(self._writer, b"%d %d\n" % (keys, self.copied_bytes))


def _run_child(child: Child, work: Callable[[], None], purpose: str, parent: int, blocked: set[int]) -> None:
    """The child's whole life; never returns."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        _die_with(parent)
        os.nice(NICENESS)
        _close_descriptors({child._writer, *_log_descriptors()})
        if child.prepare is not None:
            child.prepare(purpose)
        work()
        child.tell(child._keys)
        current, peak = child.copied_bytes // _MEBIBYTE, child.copied_peak // _MEBIBYTE
        log.info("Fork CoW for %s: current %d MB, peak %d MB", purpose, current, peak)
        status = 0
    except BaseException:
        log.exception("The child process failed: %s", purpose)
    finally:
        os._exit(status)


def _save_in_child(child: Child, engine: Engine, path: str, is_aof_base: bool) -> None:
    """What a child that saves does."""
    saver = RdbSaver(engine, path, Disk(), is_aof_base)
    next_word = monotonic() + TELL_SECONDS
    try:
        while saver.step():
            if monotonic() >= next_word:
                child.tell(saver.snapshot.writer.keys)
                next_word = monotonic() + TELL_SECONDS
    except OSError as error:
        saver.abandon()
        log.warning("Error saving DB on disk: %s", error.strerror or error)
        os._exit(1)
    child._keys = saver.snapshot.writer.keys
    log.info("DB saved on disk")


def _die_with(parent: int) -> None:
    """Has the kernel end this process when its parent ends, as Linux can."""
    if sys.platform != "linux":
        return
    import ctypes  # only here: no server needs it to start

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(1)


def _close_descriptors(kept: set[int]) -> None:
    """Closes everything but the standard streams and `kept`."""
    first = _FIRST_DESCRIPTOR
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, max(os.sysconf("SC_OPEN_MAX"), first))


def _log_descriptors() -> set[int]:
    found: set[int] = set()
    for handler in log.handlers:
        if isinstance(handler, logging.StreamHandler):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                found.add(handler.stream.fileno())
    return {descriptor for descriptor in found if descriptor >= _FIRST_DESCRIPTOR}


def private_dirty_bytes() -> int:
    """Memory of this process that it shares with no other, as far as the system tells; else 0."""
    with contextlib.suppress(OSError), open("/proc/self/smaps_rollup", "rb") as file:
        for line in file:
            if line.startswith(b"Private_Dirty:"):
                return int(line.split()[1]) * 1024
    return 0
