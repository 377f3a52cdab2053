"""Snapshots of a running server: loaded at the start, saved in a child process by the rules of `save`, and at the
end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
from collections.abc import Callable
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Final

from pyredis.persistence.rdb_file import rdb_path
from pyredis.persistence.snapshot import SnapshotLoad, due_rule, may_try, now_seconds, save_now
from pyredis.server.child import HAVE_FORK, Child, ChildResult

if TYPE_CHECKING:
    from pyredis.engine.engine import Engine

LOAD_SECONDS: Final = 0.02
"""How long loading goes on before clients get their turn."""

PURPOSE: Final = "RDB"

log = logging.getLogger("pyredis")


class Snapshots:
    """The snapshots of one server; `child` is shared with whatever else works in the background."""

    def __init__(self, engine: Engine, child: Child) -> None:
        self.engine: Engine = engine
        self.child: Child = child
        self.saving_pid: int = 0
        # The child is being killed because what it saves is not wanted any more, which is no failure.
        self.is_stopping: bool = False

    async def load(self) -> bool:
        """Loads the snapshot, if there is one; false when it is damaged, and the log says why."""
        engine = self.engine
        loading = SnapshotLoad(engine)
        if loading.open():
            engine.begin_loading()
            # Nothing that is made here is garbage; the cron collects on its own terms afterwards.
            gc.disable()
            try:
                deadline = perf_counter() + LOAD_SECONDS
                while loading.step():
                    if perf_counter() >= deadline:
                        await asyncio.sleep(0)
                        deadline = perf_counter() + LOAD_SECONDS
            finally:
                engine.end_loading()
        if loading.error:
            log.warning("%s: %s", loading.path, loading.error)
            log.warning("Fatal error loading the DB, check server logs. Exiting.")
            return False
        return True

    def tick(self) -> None:
        """Several times a second: begins a save that is due by a rule, or was put off."""
        engine = self.engine
        if self.child.purpose:
            return
        rule = due_rule(engine)
        if rule is not None:
            log.info("%d changes in %d seconds. Saving...", rule[1], rule[0])
            self.save_in_background()
        elif engine.saving.is_scheduled and may_try(engine):
            self.save_in_background()

    def save_in_background(self) -> bool:
        """Begins to save in a child process; false when that cannot be, and the log says why."""
        engine = self.engine
        saving = engine.saving
        if self.child.purpose:
            return False
        now = now_seconds(engine)
        saving.tried_at = now
        started = perf_counter()
        try:
            how = self.child.save(PURPOSE, engine, rdb_path(engine), False, self._saved)
        except OSError as error:
            what = "fork: " if HAVE_FORK else ""
            log.warning("Can't save in background: %s%s", what, error.strerror)
            saving.was_last_good = False
            engine.update_disk_gate()
            return False
        self.saving_pid = self.child.pid
        if self.child.pid:
            saving.fork_us = int((perf_counter() - started) * 1e6)
            saving.forks += 1
        saving.saves += 1
        saving.is_scheduled = False
        saving.begin(now, engine.keyspace.dirty)
        log.info("Background saving started %s", how)
        return True

    def measure(self) -> None:
        """Brings what INFO tells of work under way up to date."""
        saving, child = self.engine.saving, self.child
        saving.keys_total = child.keys_total
        saving.keys_saved = child.keys_saved()
        saving.current_copied_bytes = child.copied_bytes
        saving.current_copied_peak = child.copied_peak
        saving.current_copied_age = int(monotonic() - child.told_at) if child.pid else 0

    def _saved(self, result: ChildResult) -> None:
        """The child has ended."""
        engine = self.engine
        saving = engine.saving
        engine.clock.refresh()
        now = now_seconds(engine)
        if result.status == 0:
            log.info("Background saving terminated with success")
            engine.keyspace.dirty = max(engine.keyspace.dirty - saving.dirty_before, 0)
            saving.succeed(now)
        else:
            if result.status > 0:
                log.warning("Background saving error")
            else:
                log.warning("Background saving terminated by signal %d", -result.status)
            saving.was_last_good = saving.was_last_good and self.is_stopping
            self._remove_temporary()
        saving.copied_bytes = result.copied_bytes
        saving.end(now)
        engine.update_disk_gate()

    def _remove_temporary(self) -> None:
        """Removes what a child has left that did not come to its end."""
        directory = os.path.dirname(rdb_path(self.engine))
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(directory, f"temp-{self.saving_pid}.rdb"))

    def stop_saving(self) -> None:
        """Ends a save in the background, which is no use any more."""
        if self.engine.saving.is_running():
            log.info("There is a child saving an .rdb. Killing it!")
            self.is_stopping = True
            self.child.kill()
            self.is_stopping = False

    def flushed(self) -> None:
        """All databases have been emptied: so is the file, unless nothing is to be saved."""
        self.stop_saving()
        if self.engine.config.save_rules():
            save_now(self.engine)

    def save_at_end(self, wanted: bool | None, is_forced: bool, between: Callable[[], None]) -> bool:
        """Saves before the server stops, if `wanted` or, by default, if there are rules; false forbids to stop."""
        if wanted is None:
            wanted = len(self.engine.config.save_rules()) > 0
        self.stop_saving()
        if not wanted:
            return True
        log.info("Saving the final RDB snapshot before exiting.")
        if save_now(self.engine, between):
            return True
        if is_forced:
            log.warning("Error trying to save the DB, but the server stops as it was told to.")
            return True
        log.warning("Error trying to save the DB, can't exit.")
        return False
