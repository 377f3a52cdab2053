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
from typing import Final

HAVE_FORK: Final = hasattr(os, "fork")

_PR_SET_PDEATHSIG: Final = 1
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
        self._report: bytes = b""
        self._done: Callable[[ChildResult], None] | None = None

    def start(self, purpose: str, work: Callable[[], None], done: Callable[[ChildResult], None]) -> int:
        """Forks; the child runs `work` and exits with 0, or 1 when that raises. `done` is called in the loop.

        Returns the process id. Raises `OSError` when the system refuses.
        """
        reader, writer = os.pipe()
        parent = os.getpid()
        try:
            with warnings.catch_warnings():
                # There may be a thread, but only one that syncs files, and it holds nothing that the child needs.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
        except OSError:
            os.close(reader)
            os.close(writer)
            raise
        if pid == 0:
            _run_child(work, purpose, writer, parent)
        os.close(writer)
        self.pid = pid
        self.purpose = purpose
        self._reader = reader
        self._report = b""
        self._done = done
        self.loop.add_reader(reader, self._readable)
        return pid

    def kill(self) -> None:
        """Ends the child at once, if there is one; what it has written so far is left to `done`'s clean-up."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._end()

    def _readable(self) -> None:
        """The child has reported, or its end of the pipe has closed because it is gone."""
        data = os.read(self._reader, 4096)
        if data:
            self._report += data
        else:
            self._end()

    def _end(self) -> None:
        self.loop.remove_reader(self._reader)
        os.close(self._reader)
        _, raw_status = os.waitpid(self.pid, 0)
        status = os.waitstatus_to_exitcode(raw_status)
        copied = int(self._report) if self._report.isdigit() else 0
        done = self._done
        self.pid = 0
        self.purpose = ""
        self._done = None
        if done is not None:
            done(ChildResult(status, copied))


def _run_child(work: Callable[[], None], purpose: str, writer: int, parent: int) -> None:
    """The child's whole life; never returns."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _die_with(parent)
        _close_descriptors({writer, *_log_descriptors()})
        work()
        copied = private_dirty_bytes()
        log.info("Fork CoW for %s: current %d MB", purpose, copied // _MEBIBYTE)
        with contextlib.suppress(BrokenPipeError):
            os.write(writer, b"%d" % copied)
        status = 0
    except BaseException:
        log.exception("The child process failed: %s", purpose)
    finally:
        os._exit(status)


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
