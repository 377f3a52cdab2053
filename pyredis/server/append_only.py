"""The append only file of a running server: when it is written, synced, rewritten and loaded.

What a log is stands in `pyredis.persistence`; here are the event loop, the thread that syncs and the child process.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from pyredis.engine.log_state import UNKNOWN, LogState
from pyredis.persistence.aof import AofError, AppendOnlyFile
from pyredis.persistence.aof_load import AofLoader, AofLoadError
from pyredis.persistence.aof_log import AofLog, LogHost
from pyredis.persistence.disk import AppendFile, Disk
from pyredis.persistence.rdb_file import save
from pyredis.persistence.snapshot import forget_everything
from pyredis.server.child import Child, ChildResult
from pyredis.server.process_settings import bind_cpus

if TYPE_CHECKING:
    from pyredis.engine.engine import Engine

LOAD_SECONDS: Final = 0.05
"""How long loading goes on before clients get their turn."""

RETRY_FAILURES: Final = 3
RETRY_SECONDS: Final = 60
"""After so many failures in a row automatic rewrites wait, twice as long each time, up to an hour."""

PURPOSE: Final = "AOF rewrite"

log = logging.getLogger("pyredis")


class AppendOnly(LogHost):
    """The log of one server."""

    def __init__(self, engine: Engine, loop: asyncio.AbstractEventLoop, child: Child) -> None:
        self.engine: Engine = engine
        self.loop: asyncio.AbstractEventLoop = loop
        self.child: Child = child
        self.disk: Disk = Disk()
        self.state: LogState = engine.logging
        self.log: AofLog = AofLog(engine, self)
        self.files: AppendOnlyFile = AppendOnlyFile(engine, self.disk, self.log)
        self.executor: ThreadPoolExecutor | None = None
        self.temporary: str = ""
        # Whether the base being written is a snapshot, or commands.
        self.is_rdb: bool = True
        self.retry_at: int = 0

    async def load(self) -> None:
        """Replays the log; raises `AofError` or `AofLoadError`."""
        self.files.read_manifest()
        loader = AofLoader(self.engine, self.disk, self.files.directory, self.files.manifest)
        try:
            while True:
                if loader.step(LOAD_SECONDS):
                    break
                await asyncio.sleep(0)
        finally:
            loader.close()

    def reload(self) -> str:
        """Empties everything and replays what the log holds, while nobody is served; an error text if there is none.

        Where the log cannot be loaded the process ends, as in Redis: half of the data must not become the whole.
        """
        files = self.files
        try:
            if not self.state.is_on:
                files.read_manifest()
            elif not self.log.write_all():
                return self.log.write_error
            if not files.manifest.files():
                return "there is no append only file"
            loader = AofLoader(self.engine, self.disk, files.directory, files.manifest)
        except (OSError, AofError, AofLoadError) as error:
            return str(error)
        forget_everything(self.engine)
        try:
            while not loader.step(LOAD_SECONDS):
                pass
        except (OSError, AofLoadError) as damage:
            log.warning("%s", damage)
            os._exit(1)
        self.engine.keyspace.dirty = 0
        return ""

    def start(self) -> None:
        """Begins to log every change to what was loaded; raises `AofError` or `OSError`."""
        try:
            self.disk.make_directory(self.files.directory)
        except OSError as error:
            # That a file is in the way is how Python says it; whoever wants a directory misses one.
            why = os.strerror(errno.ENOTDIR) if error.errno == errno.EEXIST else error.strerror
            name = os.path.basename(self.files.directory)
            raise AofError(f"Can't open or create append-only dir {name}: {why}") from error
        self._prepare()
        if not self.files.manifest.files():
            temporary = self._temporary_path()
            save(self.engine, temporary, self.disk, is_aof_base=True)
            self.files.create_base(temporary, self.engine.config.get_bool("aof-use-rdb-preamble"))
        self.files.open()
        self.engine.add_sink(self.log)
        self.state.is_on = True

    def turn_on(self) -> bool:
        """Begins to log while the server runs; the log is complete once a rewrite has ended. False on failure."""
        if self.state.is_on:
            return True
        try:
            self.files.forget()
            self.files.read_manifest()
            self._prepare()
            self.files.open_temporary()
        except (OSError, AofError) as error:
            log.warning("Can't open the append-only file: %s", error)
            self._release_thread()
            return False
        self.engine.add_sink(self.log)
        self.state.is_on = True
        if self.child.purpose:
            self.state.is_rewrite_scheduled = True
            log.warning(
                "AOF was enabled but there is already another background operation: a rewrite follows."
            )
        elif not self.rewrite():
            self.turn_off()
            return False
        return True

    def turn_off(self) -> bool:
        """Writes and syncs what waits, and logs no more; false when that failed."""
        if not self.state.is_on:
            return True
        if self.child.purpose == PURPOSE:
            log.info("Killing running AOF rewrite child: %d", self.child.pid)
            self.child.kill()
        if self.log.pending() or self.log.is_unsynced:
            log.info("Calling fsync() on the AOF file.")
        self.state.is_on = False
        self.state.is_rewrite_scheduled = False
        self.engine.remove_sink(self.log)
        self._release_thread()
        return self.files.close()

    def sync_now(self) -> None:
        """Writes and syncs what waits, because something that takes long comes next; failures are told at the end."""
        if self.state.is_on and self.log.write_all():
            log.info("Calling fsync() on the AOF file.")
            self.log.sync()

    def follow_config(self) -> None:
        """Takes over the directives that may change while the server runs."""
        config = self.engine.config
        self.log.policy = config.get_str("appendfsync")
        self.log.writes_timestamps = config.get_bool("aof-timestamp-enabled")

    def tick(self) -> None:
        """Several times a second: syncs, and rewrites that are due."""
        if not self.child.purpose and self._is_rewrite_due():
            self.rewrite()
        self.tick_log()

    def tick_log(self) -> None:
        """The part of `tick` that is due even while nothing may change: syncs."""
        if self.state.is_on:
            suspends = self.engine.config.get_bool("no-appendfsync-on-rewrite")
            self.log.is_sync_suspended = suspends and self.child.purpose != ""
            self.log.tick()

    def measure(self) -> None:
        """Brings what INFO tells up to date."""
        state = self.state
        state.was_last_write_good = not self.log.write_error and not self.log.sync_error
        state.current_bytes = self.files.current_bytes()
        state.base_bytes = self.files.rewritten_bytes
        state.buffered_bytes = self.log.pending()
        state.pending_syncs = int(self.log.is_syncing)
        state.delayed_syncs = self.log.delayed_syncs

    def rewrite(self) -> bool:
        """Begins to write a new base in a child process; false when that cannot be, and the log says why."""
        state = self.state
        state.is_rewrite_scheduled = False
        temporary = self._temporary_path()
        try:
            self.disk.make_directory(self.files.directory)
            if state.is_on:
                self.files.begin_rewrite()
            else:
                self.files.read_manifest()
            how = self.child.save(PURPOSE, self.engine, temporary, True, self._rewritten)
        except (OSError, AofError) as error:
            log.warning("Can't rewrite append only file in background: %s", error)
            self._failed()
            return False
        self.temporary = temporary
        self.is_rdb = self.engine.config.get_bool("aof-use-rdb-preamble")
        state.rewrite_started_at = self._now()
        log.info("Background append only file rewriting started %s", how)
        return True

    def commit_soon(self) -> None:
        """In the loop's next round."""
        self.loop.call_soon(self.log.commit)

    def sync_in_thread(self, file: AppendFile) -> None:
        """Once a second at most."""
        if self.executor is not None:
            self.executor.submit(file.sync).add_done_callback(self._synced)

    def close_in_thread(self, file: AppendFile) -> None:
        """After a rewrite has begun."""
        if self.executor is not None:
            self.executor.submit(file.close)

    def _prepare(self) -> None:
        cpus = self.engine.config.get_str("bio-cpulist")
        self.executor = ThreadPoolExecutor(1, "aof", bind_cpus, (cpus,))
        self.follow_config()

    def _release_thread(self) -> None:
        if self.executor is not None:
            self.executor.shutdown(wait=True)
            self.executor = None

    def _synced(self, future: Future[None]) -> None:
        """Runs in the thread."""
        error = future.exception()
        text = (
            ""
            if error is None
            else (error.strerror or str(error))
            if isinstance(error, OSError)
            else str(error)
        )
        self.loop.call_soon_threadsafe(self.log.sync_ended, text)

    def _temporary_path(self) -> str:
        return os.path.join(self.files.parent, f"temp-rewriteaof-bg-{os.getpid()}.aof")

    def _rewritten(self, result: ChildResult) -> None:
        """The child has ended."""
        state = self.state
        state.last_rewrite_seconds = self._now() - state.rewrite_started_at
        state.rewrite_started_at = UNKNOWN
        state.copied_bytes = result.copied_bytes
        if result.status != 0:
            log.warning("Background AOF rewrite terminated with status %d", result.status)
            self._discard_temporary()
            self._failed()
            return
        log.info("Background AOF rewrite terminated with success")
        try:
            self.files.finish_rewrite(self.temporary, self.is_rdb, state.is_on)
        except OSError as error:
            log.warning("Can't put the rewritten append only file in place: %s", error)
            self._discard_temporary()
            self._failed()
            return
        state.was_last_rewrite_good = True
        state.failures_in_a_row = 0
        state.rewrites += 1
        self.files.remove_history()
        log.info("Background AOF rewrite finished successfully")

    def _failed(self) -> None:
        state = self.state
        state.was_last_rewrite_good = False
        state.failures_in_a_row += 1
        excess = state.failures_in_a_row - RETRY_FAILURES
        self.retry_at = self._now() + (min(RETRY_SECONDS << min(excess, 6), 3600) if excess >= 0 else 1)

    def _discard_temporary(self) -> None:
        if self.disk.exists(self.temporary):
            self.disk.remove(self.temporary)

    def _is_rewrite_due(self) -> bool:
        state = self.state
        if state.is_rewrite_scheduled:
            return True
        if not state.is_on or self._now() < self.retry_at:
            return False
        if self.files.is_temporary:
            return True
        config = self.engine.config
        percentage = config.get_int("auto-aof-rewrite-percentage")
        size = self.files.current_bytes()
        if percentage == 0 or size <= config.get_int("auto-aof-rewrite-min-size"):
            return False
        growth = size * 100 // max(self.files.rewritten_bytes, 1) - 100
        if growth < percentage:
            return False
        log.info("Starting automatic rewriting of AOF on %d%% growth", growth)
        return True

    def _now(self) -> int:
        return int(self.engine.clock.now_ms // 1000)
