"""RDB files on disk: written beside their place and put there when they are complete, or loaded.

What stands under the file's own name is at any moment either the old file or the new one, whole and synced.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from pyredis.engine.engine import Engine
from pyredis.persistence.disk import AppendFile, Disk
from pyredis.persistence.errors import RdbError
from pyredis.persistence.keyspace_snapshot import KeyspaceSnapshot
from pyredis.persistence.rdb_input import ByteSource, RdbInput
from pyredis.persistence.rdb_loader import RdbLoader
from pyredis.persistence.rdb_output import ByteSink
from pyredis.persistence.rdb_reader import RdbReader

SYNC_EVERY: Final[i64] = 4 << 20
"""Bytes after which a file that grows is synced, under `rdb-save-incremental-fsync`: no long wait at the end."""

log = logging.getLogger("pyredis")


class FileSink(ByteSink):
    """Writes to a file."""

    def __init__(self, file: AppendFile, syncs_early: bool) -> None:
        self.file: AppendFile = file
        self.syncs_early: bool = syncs_early
        self.unsynced: i64 = 0

    def write(self, data: bytes) -> None:
        """Writes all of it, or raises `OSError`."""
        left = data
        while left:
            left = left[self.file.write(left) :]
        self.unsynced += len(data)
        if self.syncs_early and self.unsynced >= SYNC_EVERY:
            self.file.sync()
            self.unsynced = 0


class FileSource(ByteSource):
    """Reads from a file; its size is that at the beginning."""

    def __init__(self, path: str) -> None:
        self.descriptor: int = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self.size: i64 = os.fstat(self.descriptor).st_size
        self.place: i64 = 0

    def read(self, size: int) -> bytes:
        """The next bytes."""
        data = os.read(self.descriptor, size)
        self.place += len(data)
        return data

    def remaining(self) -> int:
        """How many bytes are still to come."""
        return max(self.size - self.place, 0)

    def close(self) -> None:
        """Closes the file."""
        os.close(self.descriptor)


def rdb_path(engine: Engine) -> str:
    """Where the snapshot of an engine belongs."""
    return engine.config.resolve_path(engine.config.get_str("dbfilename"))


def temporary_path(path: str) -> str:
    """Where a snapshot is written before it takes its place."""
    return os.path.join(os.path.dirname(path), f"temp-{os.getpid()}.rdb")


class RdbSaver:
    """Saves an engine to a path, a few keys at a time; any `OSError` leaves the old file as it is."""

    def __init__(self, engine: Engine, path: str, disk: Disk, is_aof_base: bool = False) -> None:
        self.path: str = path
        self.disk: Disk = disk
        self.temporary: str = temporary_path(path)
        if disk.exists(self.temporary):
            disk.remove(self.temporary)
        self.file: AppendFile = disk.open_append(self.temporary)
        sink = FileSink(self.file, engine.config.get_bool("rdb-save-incremental-fsync"))
        self.snapshot: KeyspaceSnapshot = KeyspaceSnapshot(engine, sink, is_aof_base)
        self.is_open: bool = True

    def step(self) -> bool:
        """Writes a little; false when the file is complete and in its place."""
        if self.snapshot.step():
            return True
        self.file.sync()
        self.close()
        self.disk.rename(self.temporary, self.path)
        self.disk.sync_directory(os.path.dirname(self.path))
        return False

    def close(self) -> None:
        """Closes the file."""
        if self.is_open:
            self.is_open = False
            self.file.close()

    def abandon(self) -> None:
        """Gives up, leaving nothing behind."""
        self.close()
        if self.disk.exists(self.temporary):
            self.disk.remove(self.temporary)


def save(
    engine: Engine,
    path: str,
    disk: Disk,
    is_aof_base: bool = False,
    between: Callable[[], None] | None = None,
) -> int:
    """Saves everything to a path at once; returns the number of keys, or raises `OSError`.

    `between` is called now and then, and may end the process.
    """
    saver = RdbSaver(engine, path, disk, is_aof_base)
    try:
        while saver.step():
            if between is not None:
                between()
    except OSError:
        saver.abandon()
        raise
    return saver.snapshot.writer.keys


class RdbFileLoad:
    """Loads a file, a few keys at a time."""

    def __init__(self, engine: Engine, path: str, replaces: bool = False) -> None:
        self.source: FileSource = FileSource(path)
        self.loader: RdbLoader = RdbLoader(engine, replaces)
        data = RdbInput(self.source, b"", engine.checks_sums())
        self.reader: RdbReader = RdbReader(data, self.loader, engine)
        self.has_begun: bool = False

    def step(self, keys: i64) -> bool:
        """Loads up to so many keys; false when the end has been reached. Raises `RdbError` or `OSError`."""
        if not self.has_begun:
            self.has_begun = True
            self.reader.begin()
        if self.reader.step(keys):
            return True
        self.close()
        return False

    def loaded_bytes(self) -> int:
        """How much of the file has been loaded."""
        return self.reader.data.offset()

    def close(self) -> None:
        """Closes the file."""
        if self.source.descriptor >= 0:
            self.source.close()
            self.source.descriptor = -1


def load(engine: Engine, path: str, replaces: bool = False) -> RdbLoader:
    """Loads a file at once; raises `RdbError` or `OSError`."""
    loading = RdbFileLoad(engine, path, replaces)
    try:
        while loading.step(1 << 20):
            pass
    except RdbError as error:
        log.warning("%s: %s", path, error)
        raise
    finally:
        loading.close()
    log.info(
        "Done loading RDB, keys loaded: %d, keys expired: %d.", loading.loader.loaded, loading.loader.expired
    )
    return loading.loader
