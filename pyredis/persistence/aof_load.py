"""Replaying an append only file, piece by piece, so that clients can be answered meanwhile.

Follows `loadAppendOnlyFiles` of Redis's aof.c. The commands run as they came, without counting and without any key
expiring, as the end of a key is a command of its own in the log. A transaction takes effect with its EXEC; where the
log ends before, it never happened.
"""

from __future__ import annotations

import logging
import os
from typing import BinaryIO, Final

from librt.time import time

from pyredis.commands.dispatch import find_command
from pyredis.engine.context import Context
from pyredis.engine.engine import Engine
from pyredis.errors import CommandError
from pyredis.persistence.aof_commands import AofFormatError, CommandReader
from pyredis.persistence.aof_manifest import Manifest
from pyredis.persistence.disk import Disk
from pyredis.persistence.errors import RdbError
from pyredis.persistence.rdb_input import ByteSource, RdbInput
from pyredis.persistence.rdb_loader import RdbLoader
from pyredis.persistence.rdb_reader import RdbReader

PIECE_BYTES: Final = 256 * 1024
BATCH: Final = 64
"""Commands, or keys of a snapshot, between two looks at the clock."""

RDB_MAGIC: Final = b"REDIS"

log = logging.getLogger("pyredis")


class AofLoadError(Exception):
    """The log cannot be loaded; the text says which file, where, and what to do."""


class OpenFileSource(ByteSource):
    """A snapshot at the beginning of an open file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file: BinaryIO = file
        self.size: int = size
        self.left: int = size

    def read(self, size: int) -> bytes:
        """The next bytes."""
        data = self.file.read(size)
        self.left -= len(data)
        return data

    def remaining(self) -> int:
        """How many bytes are still to come."""
        return max(self.left, 0)


class AofLoader:
    """Loads the files of a manifest, in order; `step` until it returns true."""

    def __init__(self, engine: Engine, disk: Disk, directory: str, manifest: Manifest) -> None:
        self.engine: Engine = engine
        self.disk: Disk = disk
        self.directory: str = directory
        self.may_truncate: bool = engine.config.get_bool("aof-load-truncated")
        self.names: list[str] = [file.name for file in manifest.files()]
        self.base_name: str = manifest.base.name if manifest.base is not None else ""
        self.total_bytes: int = 0
        for name in self.names:
            self.total_bytes += self._size(name)
        # Bytes of what has been read; of a snapshot that is being loaded, once that is done.
        self.loaded_bytes: int = 0
        engine.saving.begin_load(engine.clock.now_ms // 1000, self.total_bytes)
        self.commands_run: int = 0
        self.started: float = time()
        # The file being loaded.
        self.position: int = 0
        self.file: BinaryIO | None = None
        self.file_started: float = 0.0
        self.reader: CommandReader = CommandReader()
        # The snapshot at its beginning, while that is loaded.
        self.snapshot: RdbReader | None = None
        self.source: OpenFileSource | None = None
        self.keys: RdbLoader | None = None
        self.ctx: Context = _loading_context(engine)
        # Commands since MULTI, and the offset where that began.
        self.transaction: list[list[bytes]] | None = None
        self.transaction_offset: int = 0

    def step(self, seconds: float) -> bool:
        """Goes on loading for about so long; true when everything is loaded. Raises `AofLoadError`."""
        self.engine.keyspace.is_replaying = True
        try:
            return self._step(time() + seconds)
        finally:
            self.engine.keyspace.is_replaying = False
            self._report_progress()

    def _step(self, deadline: float) -> bool:
        while self.position < len(self.names):
            file = self.file
            if file is None:
                file = self._begin()
            while self._load_batch():
                if time() >= deadline:
                    return False
            piece = file.read(PIECE_BYTES)
            self.loaded_bytes += len(piece)
            if piece:
                self.reader.feed(piece)
            else:
                self._end()
        if self.names:
            log.info("DB loaded from append only file: %.3f seconds", time() - self.started)
        return True

    def _report_progress(self) -> None:
        """Has INFO say how far loading has come."""
        loaded = self.loaded_bytes
        if self.source is not None:
            loaded += self.source.size - self.source.left
        self.engine.saving.loaded_bytes = loaded

    def close(self) -> None:
        """Closes the file at hand, when loading was given up."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def _size(self, name: str) -> int:
        try:
            return self.disk.size(self._path(name))
        except OSError as error:
            text = f"Fatal error: can't open the append log file {name} for reading: {error.strerror}"
            raise AofLoadError(text) from error

    def _path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def _begin(self) -> BinaryIO:
        """Opens the next file, and loads the snapshot at its beginning if there is one."""
        name = self.names[self.position]
        file = self.disk.open_read(self._path(name))
        self.file = file
        self.file_started = time()
        self.reader = CommandReader()
        self.ctx.select(0)
        has_snapshot = file.read(len(RDB_MAGIC)) == RDB_MAGIC
        file.seek(0)
        if has_snapshot:
            log.info("Reading RDB base file on AOF loading...")
            source = OpenFileSource(file, self._size(name))
            self.source = source
            engine = self.engine
            self.keys = RdbLoader(engine)
            self.snapshot = RdbReader(RdbInput(source, b"", engine.checks_sums()), self.keys, engine)
            try:
                self.snapshot.begin()
            except RdbError as error:
                raise self._broken_snapshot(error) from error
        return file

    def _load_batch(self) -> bool:
        """Loads a little of the file at hand; false when more of its commands have to be read first."""
        snapshot = self.snapshot
        if snapshot is None:
            return self._run_batch()
        try:
            if snapshot.step(BATCH):
                return True
        except RdbError as error:
            raise self._broken_snapshot(error) from error
        self._end_snapshot(snapshot)
        return True

    def _end_snapshot(self, snapshot: RdbReader) -> None:
        """Goes on with the commands behind the snapshot, if there are any."""
        end = int(snapshot.end)
        if self.file is not None:
            self.file.seek(end)
        self.loaded_bytes += end
        self.reader = CommandReader(end)
        self.snapshot = None
        self.source = None
        if self.keys is not None:
            loaded, expired = int(self.keys.loaded), int(self.keys.expired)
            saving = self.engine.saving
            saving.loaded_keys, saving.expired_keys = loaded, expired
            log.info("Done loading RDB, keys loaded: %d, keys expired: %d.", loaded, expired)

    def _broken_snapshot(self, error: RdbError) -> AofLoadError:
        name = self.names[self.position]
        return AofLoadError(
            f"Error reading the RDB preamble of the AOF file {name}, AOF loading aborted: {error}"
        )

    def _run_batch(self) -> bool:
        """Runs a few commands; false when more of the file has to be read first."""
        reader = self.reader
        try:
            for _ in range(BATCH):
                begin = reader.offset
                argv = reader.next_command()
                if argv is None:
                    return False
                self._run(argv, begin)
        except AofFormatError as error:
            name = self.names[self.position]
            raise AofLoadError(
                f"Bad file format reading the append only file {name}: make a backup of your AOF file, then use "
                f"pyredis check-aof --fix <filename.manifest>: at offset {error.offset}, expected {error.expected}"
            ) from error
        return True

    def _run(self, argv: list[bytes], offset: int) -> None:
        """Runs one command, or keeps it for the end of its transaction."""
        name = argv[0].lower()
        if name == b"multi":
            self.transaction = []
            self.transaction_offset = offset
        elif name == b"exec":
            queued = self.transaction
            self.transaction = None
            if queued is not None:
                for each in queued:
                    self._call(each)
        elif self.transaction is not None:
            self.transaction.append(argv)
        else:
            self._call(argv)

    def _call(self, argv: list[bytes]) -> None:
        ctx = self.ctx
        try:
            command = find_command(self.engine, argv)
        except CommandError as error:
            shown = argv[0].decode("latin-1")
            raise AofLoadError(
                f"Unknown command '{shown}' reading the append only file {self.names[self.position]}"
            ) from error
        self.commands_run += 1
        try:
            if command.min_args <= len(argv) <= command.max_args:
                command.handler(ctx, argv)
        except CommandError as error:
            # Redis ignores these as well: what failed when it ran fails again in the same way.
            log.debug("A command of the append only file answered %s", error.message)

    def _end(self) -> None:
        """The file has been read to its end."""
        good = self.reader.offset
        name = self.names[self.position]
        is_whole = self.reader.is_at_end()
        if self.transaction is not None:
            log.warning("Revert incomplete MULTI/EXEC transaction in AOF file %s", name)
            good = self.transaction_offset
            self.transaction = None
            is_whole = False
        self.close()
        if not is_whole:
            self._truncate(name, good)
        kind = "base" if name == self.base_name else "incr"
        log.info("DB loaded from %s file %s: %.3f seconds", kind, name, time() - self.file_started)
        self.position += 1

    def _truncate(self, name: str, good: int) -> None:
        """Cuts off what a crash left unfinished at the end of the last file."""
        if not self.may_truncate:
            raise AofLoadError(
                f"Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF "
                "file, then use pyredis check-aof --fix <filename.manifest>. 2) Alternatively you can set the "
                "'aof-load-truncated' configuration option to yes and restart the server."
            )
        if self.position != len(self.names) - 1:
            raise AofLoadError(
                f"Fatal error: the truncated file is not the last file ({name}). Make a backup of your AOF files, "
                "then use pyredis check-aof --fix <filename.manifest>."
            )
        log.warning("!!! Warning: short read while loading the AOF file %s!!!", name)
        log.warning("!!! Truncating the AOF %s at offset %d !!!", name, good)
        file = self.disk.open_append(self._path(name))
        try:
            file.truncate(good)
            file.sync()
        finally:
            file.close()
        log.warning("AOF %s loaded anyway because aof-load-truncated is enabled", name)


def _loading_context(engine: Engine) -> Context:
    """A client that nobody knows of."""
    last = engine.last_client_id
    ctx = Context(engine)
    engine.last_client_id = last
    return ctx
