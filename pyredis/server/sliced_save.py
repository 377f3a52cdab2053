"""Saving in the background without another process, where there is no fork: a bit at a time from the event loop.

What makes this a snapshot is `pyredis.persistence.keyspace_walk`. Rules kept here:

* A slice ends with the shard, some hundred keys, in which a millisecond has passed; each is followed by a break
  of its own length, in which clients are served.
* The loop touches no file once the save has begun: a thread of its own writes, syncs and renames. When the disk
  falls behind, slices wait for it; what is written because it is about to change cannot wait, and gathers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from typing import TYPE_CHECKING, Final

from pyredis.persistence.disk import AppendFile, Disk
from pyredis.persistence.keyspace_walk import KeyspaceWalk
from pyredis.persistence.rdb_file import FileSink
from pyredis.persistence.rdb_output import ByteSink

if TYPE_CHECKING:
    from pyredis.engine.engine import Engine

SLICE_SECONDS: Final = 0.001
PIECES_WAITING: Final = 16
"""Pieces of a quarter of a megabyte that may wait for the disk before the walk does."""


class ThreadSink(ByteSink):
    """Has a thread write to a file, in order."""

    def __init__(self, file: AppendFile, syncs_early: bool) -> None:
        self.sink: FileSink = FileSink(file, syncs_early)
        self.executor: ThreadPoolExecutor = ThreadPoolExecutor(1, "save")
        self.waiting: deque[Future[None]] = deque()

    def write(self, data: bytes) -> None:
        """Has a piece written."""
        self.waiting.append(self.executor.submit(self.sink.write, data))

    def is_behind(self) -> bool:
        """Whether much is still to be written; raises `OSError` when a piece could not be."""
        waiting = self.waiting
        while waiting and waiting[0].done():
            error = waiting.popleft().exception()
            if error is not None:
                raise error
        return len(waiting) > PIECES_WAITING


class SlicedSave:
    """One save of an engine to a path; `done` gets an error text, empty if all went well."""

    def __init__(
        self, engine: Engine, path: str, disk: Disk, is_aof_base: bool, done: Callable[[str], None]
    ) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.path: str = path
        self.disk: Disk = disk
        self.temporary: str = os.path.join(os.path.dirname(path), f"temp-slices-{os.getpid()}.rdb")
        self.done: Callable[[str], None] = done
        config = engine.config
        self.delay_seconds: float = config.get_int("rdb-key-save-delay") / 1e6
        if disk.exists(self.temporary):
            disk.remove(self.temporary)
        self.file: AppendFile = disk.open_append(self.temporary)
        self.sink: ThreadSink = ThreadSink(self.file, config.get_bool("rdb-save-incremental-fsync"))
        self.walk: KeyspaceWalk = KeyspaceWalk(engine, self.sink, is_aof_base)
        self.is_over: bool = False
        self.slices: int = 0
        self.longest_slice: float = 0.0
        self.timer: asyncio.TimerHandle = self.loop.call_later(SLICE_SECONDS, self._slice)

    def keys(self) -> int:
        """How many keys have been written."""
        return self.walk.writer.keys

    def summary(self) -> str:
        """What the log tells of a save that went well."""
        longest, copied = self.longest_slice * 1000, self.walk.copied
        return f"{self.slices} slices, the longest {longest:.1f} ms, {copied} keys written because they were to change"

    def cancel(self) -> None:
        """Ends the save at once, leaving nothing behind; `done` is not called."""
        if not self.is_over:
            self._stop()

    def _slice(self) -> None:
        started = perf_counter()
        keys = self.walk.writer.keys
        try:
            goes_on = True
            while goes_on and not self.sink.is_behind():
                goes_on = self.walk.step()
                if perf_counter() - started >= SLICE_SECONDS:
                    break
        except OSError as error:
            self._fail(error)
            return
        self.slices += 1
        self.longest_slice = max(self.longest_slice, perf_counter() - started)
        if goes_on:
            pause = max(self.delay_seconds * float(self.walk.writer.keys - keys), SLICE_SECONDS)
            self.timer = self.loop.call_later(pause, self._slice)
        else:
            self.sink.executor.submit(self._put_in_place).add_done_callback(self._placed)

    def _put_in_place(self) -> None:
        """Runs in the thread, behind all pieces."""
        for piece in list(self.sink.waiting):
            piece.result()
        self.file.sync()
        self.disk.rename(self.temporary, self.path)
        self.disk.sync_directory(os.path.dirname(self.path))

    def _placed(self, future: Future[None]) -> None:
        """Runs in the thread."""
        if not future.cancelled():
            self.loop.call_soon_threadsafe(self._finish, future.exception())

    def _finish(self, error: BaseException | None) -> None:
        if self.is_over:
            return
        if error is not None:
            self._fail(error)
            return
        self._stop()
        self.done("")

    def _fail(self, error: BaseException) -> None:
        self._stop()
        text = error.strerror if isinstance(error, OSError) else None
        self.done(text or str(error))

    def _stop(self) -> None:
        """Lets go of everything; the temporary file is gone already if it has been put in its place."""
        self.is_over = True
        self.timer.cancel()
        self.walk.abandon()
        self.sink.executor.shutdown(wait=True, cancel_futures=True)
        self.file.close()
        with contextlib.suppress(OSError):
            if self.disk.exists(self.temporary):
                self.disk.remove(self.temporary)
