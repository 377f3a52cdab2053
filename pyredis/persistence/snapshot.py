"""Saving and loading the snapshot of an engine, with everything that is told about it: log lines and `SaveState`."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from time import perf_counter
from typing import Final

from pyredis.engine.engine import Engine
from pyredis.persistence.disk import Disk
from pyredis.persistence.errors import RdbError
from pyredis.persistence.rdb_file import RdbFileLoad, rdb_path, save

RETRY_SECONDS: Final = 5
"""After a failure, automatic saves wait for so long."""

KEYS_A_STEP: Final = 500

log = logging.getLogger("pyredis")


def now_seconds(engine: Engine) -> int:
    """The time of an engine."""
    return engine.clock.now_ms // 1000


def save_now(engine: Engine, between: Callable[[], None] | None = None) -> bool:
    """Saves everything while nobody is served; false when that failed, and the log says why."""
    engine.saving.saves += 1
    try:
        save(engine, rdb_path(engine), Disk(), False, between)
    except OSError as error:
        log.warning("Error saving DB on disk: %s", error.strerror or error)
        return False
    log.info("DB saved on disk")
    engine.keyspace.dirty = 0
    engine.saving.succeed(now_seconds(engine))
    engine.update_disk_gate()
    return True


def due_rule(engine: Engine) -> tuple[int, int] | None:
    """The rule of `save` that asks for a snapshot now, as (seconds, changes)."""
    saving = engine.saving
    if not may_try(engine):
        return None
    elapsed = now_seconds(engine) - saving.saved_at
    for seconds, changes in engine.config.save_rules():
        if engine.keyspace.dirty >= changes and elapsed > seconds:
            return seconds, changes
    return None


def may_try(engine: Engine) -> bool:
    """Whether an automatic save may begin, as far as the last one is concerned."""
    saving = engine.saving
    return saving.was_last_good or now_seconds(engine) - saving.tried_at > RETRY_SECONDS


class SnapshotLoad:
    """Loads the snapshot of an engine a few keys at a time, if there is one."""

    def __init__(self, engine: Engine) -> None:
        self.engine: Engine = engine
        self.path: str = rdb_path(engine)
        self.load: RdbFileLoad | None = None
        self.started: float = perf_counter()
        self.error: str = ""

    def open(self) -> bool:
        """Opens the file; false when there is none, or none that can be read (see `error`)."""
        try:
            self.load = RdbFileLoad(self.engine, self.path)
        except FileNotFoundError:
            return False
        except OSError as failure:
            self.error = failure.strerror or str(failure)
            return False
        self.engine.saving.begin_load(now_seconds(self.engine), self.load.source.size)
        return True

    def step(self) -> bool:
        """Loads some keys; false at the end, with `error` when that is not the end of the data."""
        load = self.load
        if load is None:
            return False
        try:
            if load.step(KEYS_A_STEP):
                self.engine.saving.loaded_bytes = load.loaded_bytes()
                return True
        except RdbError as error:
            self.error = str(error)
        except OSError as failure:
            self.error = failure.strerror or str(failure)
        load.close()
        if not self.error:
            self._report(load)
        return False

    def _report(self, load: RdbFileLoad) -> None:
        loader, saving = load.loader, self.engine.saving
        saving.loaded_keys = loader.loaded
        saving.expired_keys = loader.expired
        log.info("Done loading RDB, keys loaded: %d, keys expired: %d.", loader.loaded, loader.expired)
        log.info("DB loaded from disk: %.3f seconds", perf_counter() - self.started)


def forget_everything(engine: Engine) -> None:
    """Empties all databases and removes the functions, before something else is loaded. No change, and not logged."""
    for database in engine.keyspace.databases:
        database.flush()
    engine.scripting.flush_libraries()
    engine.tracking.flushed()


def load_now(engine: Engine, replaces: bool = False) -> str:
    """Loads the snapshot while nobody is served, into what there is; an error text when that failed."""
    loading = SnapshotLoad(engine)
    if not loading.open():
        return loading.error or os.strerror(2)
    if loading.load is not None:
        loading.load.loader.replaces = replaces
    while loading.step():
        pass
    if loading.error:
        log.warning("Error trying to load the RDB dump: %s", loading.error)
    return loading.error
