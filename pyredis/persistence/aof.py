"""The append only file as a whole: its manifest, the file that is being written, and its rewriting.

Follows the multi-part design of Redis 7's aof.c. A rewrite opens a new increment at once, so that the base which a
child process then writes and that increment make up the new log together; until the manifest names the new base,
the old files are still complete.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from pyredis.persistence.aof_manifest import LogFile, Manifest, ManifestError, parse_manifest

if TYPE_CHECKING:
    from pyredis.engine.engine import Engine
    from pyredis.persistence.aof_log import AofLog
    from pyredis.persistence.disk import Disk

log = logging.getLogger("pyredis")


class AofError(Exception):
    """The log cannot be used; the text says why."""


class AppendOnlyFile:
    """See the module's text. Every method that changes a name returns once the change is on disk."""

    def __init__(self, engine: Engine, disk: Disk, writer: AofLog) -> None:
        self.engine: Engine = engine
        self.disk: Disk = disk
        self.log: AofLog = writer
        self.prefix: str = engine.config.get_str("appendfilename")
        self.parent: str = engine.config.get_str("dir")
        self.directory: str = os.path.join(self.parent, engine.config.get_str("appenddirname"))
        self.manifest: Manifest = Manifest()
        # Bytes of the files that the manifest names without the one being written, and of the base among them.
        self.older_bytes: int = 0
        self.base_bytes: int = 0
        # What the whole log measured after the last rewrite, or at the start.
        self.rewritten_bytes: int = 0
        # While a log that was turned on late has no base yet, its increment is not in the manifest.
        self.is_temporary: bool = False

    def forget(self) -> None:
        """Begins anew with what is on disk."""
        self.manifest = Manifest()
        self.is_temporary = False

    def path(self, name: str) -> str:
        """Where a file of the log is."""
        return os.path.join(self.directory, name)

    def read_manifest(self) -> None:
        """Finds the log that is there, one file of an older version included; raises `AofError`."""
        path = self.path(self.prefix + ".manifest")
        if self.disk.exists(path):
            try:
                self.manifest = parse_manifest(self.disk.read(path))
            except ManifestError as error:
                raise AofError(
                    f"*** FATAL AOF MANIFEST FILE ERROR *** Reading the manifest file, at line {error.number} >>> "
                    f"'{error.line}' {error.reason}"
                ) from error
            except OSError as failure:
                raise AofError(
                    f"Fatal error: can't open the AOF manifest file {path} for reading: {failure.strerror}"
                ) from failure
        else:
            self.manifest = Manifest()
        self._upgrade()

    def _upgrade(self) -> None:
        """Makes the single file of Redis 6 and before the base of a log of several.

        Where a crash came between, the manifest names a base that is still the file outside.
        """
        old = os.path.join(self.parent, self.prefix)
        files = self.manifest.files()
        is_begun = (
            len(files) == 1 and files[0].name == self.prefix and not self.disk.exists(self.path(self.prefix))
        )
        if (files and not is_begun) or not self.disk.exists(old):
            return
        self.disk.make_directory(self.directory)
        manifest = Manifest()
        manifest.base = LogFile(self.prefix, 1, "b")
        manifest.base_sequence = 1
        # The manifest first: without it the file would be lost sight of.
        self._write_manifest(manifest)
        self.disk.rename(old, self.path(self.prefix))
        self.disk.sync_directory(self.directory)
        self.disk.sync_directory(self.parent)
        text = "Successfully migrated an old-style AOF file (%s) into the AOF directory (%s)."
        log.info(text, self.prefix, os.path.basename(self.directory))

    def open(self) -> None:
        """Begins to write at the end of the last increment, which is created with the log when it is missing."""
        manifest = self.manifest.copy()
        self.disk.make_directory(self.directory)
        self.disk.sync_directory(self.parent)
        if manifest.increments:
            name = manifest.increments[-1].name
            log.info("Opening AOF incr file %s on server start", name)
        else:
            name = manifest.add_increment(self.prefix).name
            log.info("Creating AOF incr file %s on server start", name)
        self.log.change_file(self.disk.open_append(self.path(name)))
        self.disk.sync_directory(self.directory)
        self._write_manifest(manifest)
        self._measure()
        self.rewritten_bytes = self.current_bytes()
        self.remove_history()

    def open_temporary(self) -> None:
        """Begins an increment that becomes part of the log with the end of the first rewrite."""
        self.disk.make_directory(self.directory)
        self.disk.sync_directory(self.parent)
        self.is_temporary = True
        self._open_temporary()

    def _open_temporary(self) -> None:
        name = f"temp-{self.prefix}.incr"
        log.info("Creating AOF incr file %s on background rewrite", name)
        if self.disk.exists(self.path(name)):
            self.disk.remove(self.path(name))
        self.log.change_file(self.disk.open_append(self.path(name)))
        self._measure()

    def begin_rewrite(self) -> None:
        """Opens the increment that follows the base to be written now; raises `OSError`, and then nothing changed.

        What was written before is synced first, whatever the policy: a power loss must not take the end of one
        increment and spare the next. Under `everysec` that is at most what the last second has brought.
        """
        if self.is_temporary:
            if self.log.file is not None and self.log.file.size + self.log.pending() > 0:
                self.log.drop()
                self._open_temporary()
            return
        manifest = self.manifest.copy()
        name = manifest.add_increment(self.prefix).name
        log.info("Creating AOF incr file %s on background rewrite", name)
        file = self.disk.open_append(self.path(name))
        try:
            if not self.log.write_all() or not self.log.sync():
                raise OSError(self.log.write_error or "the log cannot be written")
            self.disk.sync_directory(self.directory)
            self._write_manifest(manifest)
        except OSError:
            file.close()
            raise
        self.log.change_file(file)
        self._measure()

    def finish_rewrite(self, temporary: str, is_rdb: bool, is_on: bool) -> None:
        """Makes the file that a child has written the base, and everything before it history."""
        manifest = self.manifest.copy()
        base = manifest.add_base(self.prefix, is_rdb)
        self.disk.rename(temporary, self.path(base.name))
        log.info(
            "Successfully renamed the temporary AOF base file %s into %s",
            os.path.basename(temporary),
            base.name,
        )
        if self.is_temporary:
            increment = manifest.add_increment(self.prefix).name
            name = f"temp-{self.prefix}.incr"
            self.disk.rename(self.path(name), self.path(increment))
            log.info("Successfully renamed the temporary AOF incr file %s into %s", name, increment)
        self.disk.sync_directory(self.directory)
        manifest.retire_increments(keep=1 if is_on else 0)
        self._write_manifest(manifest)
        self.is_temporary = False
        self._measure()
        self.rewritten_bytes = self.current_bytes()

    def create_base(self, temporary: str, is_rdb: bool) -> None:
        """Makes a file the base of a log that has none."""
        manifest = self.manifest.copy()
        base = manifest.add_base(self.prefix, is_rdb)
        log.info("Creating AOF base file %s on server start", base.name)
        self.disk.make_directory(self.directory)
        self.disk.rename(temporary, self.path(base.name))
        self.disk.sync_directory(self.directory)
        self._write_manifest(manifest)

    def remove_history(self) -> None:
        """Removes the files that are no longer part of the log, and then their names from the manifest."""
        if not self.manifest.history or self.engine.config.get_bool("aof-disable-auto-gc"):
            return
        manifest = self.manifest.copy()
        for file in manifest.history:
            log.info("Removing the history file %s in the background", file.name)
            if self.disk.exists(self.path(file.name)):
                self.disk.remove(self.path(file.name))
        manifest.history = []
        self._write_manifest(manifest)

    def close(self) -> bool:
        """Writes and syncs what waits, and stops writing; false when not everything went to disk."""
        is_done = self.log.write_all() and self.log.sync()
        self.engine.release_replies()
        file = self.log.file
        self.log.file = None
        if file is not None:
            file.close()
        return is_done

    def current_bytes(self) -> int:
        """What the log measures."""
        file = self.log.file
        return self.older_bytes + (file.size if file is not None else 0)

    def _write_manifest(self, manifest: Manifest) -> None:
        self.disk.replace(self.path(self.prefix + ".manifest"), manifest.encode())
        self.manifest = manifest

    def _measure(self) -> None:
        base = self.manifest.base
        self.base_bytes = self._size(base.name) if base is not None else 0
        self.older_bytes = self.base_bytes
        older = self.manifest.increments if self.is_temporary else self.manifest.increments[:-1]
        for file in older:
            self.older_bytes += self._size(file.name)

    def _size(self, name: str) -> int:
        path = self.path(name)
        return self.disk.size(path) if self.disk.exists(path) else 0
