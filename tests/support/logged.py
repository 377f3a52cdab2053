"""An engine in process with an append only file on a disk in memory, driven step by step."""

from __future__ import annotations

from pyredis.persistence.aof import AppendOnlyFile
from pyredis.persistence.aof_load import AofLoader
from pyredis.persistence.aof_log import AofLog, LogHost
from pyredis.persistence.disk import AppendFile
from pyredis.persistence.rdb_file import save
from tests.support.disk import FakeDisk
from tests.support.inprocess import Client, InProcess

TEMPORARY = "temp-rewriteaof-bg-1.aof"


class StepHost(LogHost):
    """Does what the event loop and the thread would do, when a test says so."""

    def __init__(self) -> None:
        self.wants_commit = False
        self.syncing: AppendFile | None = None
        self.closing: list[AppendFile] = []

    def commit_soon(self) -> None:
        self.wants_commit = True

    def sync_in_thread(self, file: AppendFile) -> None:
        self.syncing = file

    def close_in_thread(self, file: AppendFile) -> None:
        self.closing.append(file)


class LoggedServer:
    """A server that has loaded the log on `disk` and goes on writing it."""

    def __init__(self, disk: FakeDisk, *directives: tuple[bytes, bytes]) -> None:
        self.disk = disk
        self.server = InProcess(*directives)
        engine = self.server.engine
        self.host = StepHost()
        self.log = AofLog(engine, self.host)
        self.log.policy = engine.config.get_str("appendfsync")
        self.log.writes_timestamps = engine.config.get_bool("aof-timestamp-enabled")
        self.files = AppendOnlyFile(engine, disk, self.log)
        engine.begin_loading()
        self.files.read_manifest()
        loader = AofLoader(engine, disk, self.files.directory, self.files.manifest)
        while not loader.step(1.0):
            pass
        engine.end_loading()
        if not self.files.manifest.files():
            save(engine, TEMPORARY, disk, is_aof_base=True)
            self.files.create_base(TEMPORARY, engine.config.get_bool("aof-use-rdb-preamble"))
        self.files.open()
        engine.add_sink(self.log)

    def client(self) -> Client:
        return self.server.client()

    def round(self) -> None:
        """The event loop's next round."""
        if self.host.wants_commit:
            self.host.wants_commit = False
            self.log.commit()

    def end_sync(self) -> None:
        """The thread finishes what it was asked."""
        file, self.host.syncing = self.host.syncing, None
        if file is not None:
            error = ""
            try:
                file.sync()
            except OSError as failure:
                error = str(failure.strerror)
            self.log.sync_ended(error)
        for old in self.host.closing:
            old.close()
        self.host.closing = []

    def rewrite(self) -> None:
        """A whole rewrite; what happens between its steps is up to the caller of `begin` and `end`."""
        self.begin_rewrite()
        self.end_rewrite()

    def begin_rewrite(self) -> None:
        """The fork: the base holds what is there now."""
        if self.disk.exists(TEMPORARY):
            self.disk.remove(TEMPORARY)
        self.files.begin_rewrite()
        save(self.server.engine, TEMPORARY, self.disk, is_aof_base=True)

    def end_rewrite(self) -> None:
        """The child has ended."""
        is_rdb = self.server.engine.config.get_bool("aof-use-rdb-preamble")
        self.files.finish_rewrite(TEMPORARY, is_rdb, True)
        self.files.remove_history()

    def text(self) -> bytes:
        """What the increments hold."""
        return b"".join(
            [self.disk.read(self.files.path(file.name)) for file in self.files.manifest.increments]
        )
