"""The end of the append only file that is being written: what waits, what is written, what is on disk.

Follows `flushAppendOnlyFile` of Redis's aof.c, with one difference in when: all that the commands of one round of
the event loop changed is written in one piece (group commit), and their replies wait for it. So a reply never
leaves before its change has reached the file, and under `always` the disk.

* `always` syncs before the replies leave, `everysec` once a second in another thread, `no` never.
* While a sync runs, writing to the same file may stall: under `everysec` what comes meanwhile waits, up to
  `POSTPONED_SECONDS`, and its replies do not.
* When a write fails, whatever part went in is cut off again, writes are refused with MISCONF, and each tick tries
  again. Under `always` the clients whose changes could not be written are disconnected instead of answered, where
  Redis exits.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from librt.strings import BytesWriter
from librt.time import time
from mypy_extensions import mypyc_attr

from pyredis.engine.engine import PropagationSink
from pyredis.persistence.aof_commands import command_bytes, write_command

if TYPE_CHECKING:
    from mypy_extensions import i64

    from pyredis.engine.engine import Engine
    from pyredis.persistence.disk import AppendFile

ALWAYS: Final = "always"
EVERY_SECOND: Final = "everysec"
NEVER: Final = "no"

POSTPONED_SECONDS: Final = 2.0
SYNC_SECONDS: Final = 1.0

_MULTI: Final = command_bytes(b"MULTI")
_EXEC: Final = command_bytes(b"EXEC")

log = logging.getLogger("pyredis")


@mypyc_attr(allow_interpreted_subclasses=True)
class LogHost:
    """What the log needs from the event loop."""

    def commit_soon(self) -> None:
        """Calls `AofLog.commit` once the connections that are readable now have had their turn."""

    def sync_in_thread(self, file: AppendFile) -> None:
        """Syncs a file elsewhere and then calls `AofLog.sync_ended`."""

    def close_in_thread(self, file: AppendFile) -> None:
        """Closes a file elsewhere, after what was asked before: freeing its blocks may take a while."""


class AofLog(PropagationSink):
    """Receives changes and writes them to one file after the other; see the module's text."""

    def __init__(self, engine: Engine, host: LogHost) -> None:
        self.engine: Engine = engine
        self.host: LogHost = host
        self.file: AppendFile | None = None
        self.policy: str = EVERY_SECOND
        self.writes_timestamps: bool = False
        # While a child process works and the configuration says so, nothing is synced.
        self.is_sync_suspended: bool = False
        self.writer: BytesWriter = BytesWriter()
        self.is_scheduled: bool = False
        # The database that the last written command was for; -1 makes the next one say it.
        self.database: int = -1
        self.timestamp: i64 = 0
        # Output that a failed or postponed write left over, in front of what `writer` holds.
        self.backlog: bytes = b""
        self.postponed_since: float = 0.0
        self.is_syncing: bool = False
        # Whether anything was written after the last sync began, and when that was.
        self.is_unsynced: bool = False
        self.synced_at: float = 0.0
        self.delayed_syncs: int = 0
        # Why the last write, and the last sync in a thread, failed; empty when it did not.
        self.write_error: str = ""
        self.sync_error: str = ""
        # Bytes written to all files so far, which tells automatic rewriting how much came since.
        self.written: i64 = 0

    def change_file(self, file: AppendFile) -> None:
        """Goes on in another file; the caller has written and synced everything in the old one."""
        old = self.file
        self.file = file
        self.database = -1
        self.timestamp = 0
        if old is not None:
            self.host.close_in_thread(old)
        self.is_unsynced = False

    def write(self, commands: list[tuple[int, list[bytes]]]) -> None:
        """Takes the changes of one command; several are one transaction. Linear in their size."""
        if not self.is_scheduled:
            self.is_scheduled = True
            self.engine.hold_replies()
            self.host.commit_soon()
        writer = self.writer
        if self.writes_timestamps:
            self._write_timestamp(writer)
        is_transaction = len(commands) > 1
        if is_transaction:
            writer.write(_MULTI)
        for index, argv in commands:
            if index != self.database:
                self.database = index
                write_command(writer, [b"SELECT", b"%d" % index])
            write_command(writer, argv)
        if is_transaction:
            writer.write(_EXEC)

    def pending(self) -> int:
        """Bytes that wait to be written."""
        return len(self.backlog) + len(self.writer)

    def commit(self) -> None:
        """Writes what waits, syncs it if that is the policy, and lets the replies go that waited for it."""
        self.is_scheduled = False
        is_written = self._flush(False)
        if self.policy == ALWAYS and (not is_written or not self.sync()):
            self._disconnect_held()
        self.engine.release_replies()

    def drop(self) -> None:
        """Forgets what waits: a base that is about to be written has it."""
        self.writer = BytesWriter()
        self.backlog = b""

    def write_all(self) -> bool:
        """Writes everything that waits, whatever runs; false when that failed."""
        return self._flush(True)

    def tick(self) -> None:
        """Several times a second: a sync when one is due, and another try at what could not be written."""
        if self.policy == ALWAYS:
            # A sync that failed is tried again, too.
            if (self.write_error or self.backlog) and self._flush(False):
                self.sync()
            return
        if self.backlog:
            self._flush(False)
        if self.policy == EVERY_SECOND and self.is_unsynced and not self.is_syncing:
            file = self.file
            now: float = time()
            if file is not None and now - self.synced_at >= SYNC_SECONDS and not self.is_sync_suspended:
                self.synced_at = now
                self.is_unsynced = False
                self.is_syncing = True
                self.host.sync_in_thread(file)

    def sync_ended(self, error: str) -> None:
        """The sync in the other thread has ended; `error` is empty when it succeeded."""
        self.is_syncing = False
        if error and not self.sync_error:
            log.warning("Fail to fsync the AOF file: %s", error)
        self.sync_error = error
        if error:
            self.is_unsynced = True
        self._report()
        if self.backlog:
            self._flush(False)

    def _flush(self, at_once: bool) -> bool:
        """Writes what waits, unless a running sync is a reason to put it off; whether nothing is left over."""
        if len(self.writer):
            data = self.writer.getvalue()
            self.writer = BytesWriter()
            self.backlog = self.backlog + data if self.backlog else data
        if not self.backlog:
            return True
        if self.policy == EVERY_SECOND and self.is_syncing and not at_once:
            now: float = time()
            if self.postponed_since == 0.0:
                self.postponed_since = now
            if now - self.postponed_since < POSTPONED_SECONDS:
                return True
            self.delayed_syncs += 1
            log.info(
                "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting "
                "for fsync to complete, this may slow down Redis."
            )
        self.postponed_since = 0.0
        return self._write_backlog()

    def _write_backlog(self) -> bool:
        """Writes the backlog to the file, whole or not at all where that can be had."""
        file = self.file
        if file is None:
            return False
        before = file.size
        started: float = time()
        try:
            left = self.backlog
            while left:
                written = file.write(left)
                if written == len(left):
                    break
                left = left[written:]
        except OSError as error:
            self._write_failed(file, before, error.strerror or str(error))
            return False
        self._note_write(time() - started)
        self.written += len(self.backlog)
        self.backlog = b""
        self.is_unsynced = True
        if self.write_error:
            log.warning("AOF write error looks solved. The server can write again.")
            self.write_error = ""
            self._report()
        return True

    def _note_write(self, seconds: float) -> None:
        """Tells the latency monitor how long a write took, and what else went on."""
        event = b"aof-write-alone"
        if self.is_syncing:
            event = b"aof-write-pending-fsync"
        elif self.engine.host.child_purpose():
            event = b"aof-write-active-child"
        self.engine.note_latency(event, seconds)
        self.engine.note_latency(b"aof-write", seconds)

    def _write_failed(self, file: AppendFile, before: int, error: str) -> None:
        """Cuts a partial write off again; where that fails, too, what is in the file stays there."""
        if not self.write_error:
            log.warning("Error writing to the AOF file: %s", error)
        if file.size != before:
            try:
                file.truncate(before)
            except OSError as failure:
                log.warning("Could not remove short write from the append-only file: %s", failure.strerror)
                self.backlog = self.backlog[file.size - before :]
                self.is_unsynced = True
        self.write_error = error
        self._report()

    def sync(self) -> bool:
        """Syncs now, in this thread; false when that failed."""
        file = self.file
        if file is None:
            return False
        if not self.is_unsynced:
            return True
        started: float = time()
        try:
            file.sync()
        except OSError as error:
            if not self.write_error:
                log.warning("Can't persist AOF for fsync error: %s", error.strerror or str(error))
            self.write_error = error.strerror or str(error)
            self._report()
            return False
        self.is_unsynced = False
        self.synced_at = time()
        self.engine.note_latency(b"aof-fsync-always", self.synced_at - started)
        if self.write_error and not self.backlog:
            self.write_error = ""
            self._report()
        return True

    def _report(self) -> None:
        """Tells the engine whether commands that write are to be refused."""
        self.engine.set_log_error(self.write_error or self.sync_error)

    def _disconnect_held(self) -> None:
        """Ends the connections that wait for a change to be on disk, which it will not be soon."""
        for ctx in list(self.engine.held):
            ctx.close(False)

    def _write_timestamp(self, writer: BytesWriter) -> None:
        """Notes the time, when it is another second than at the last note."""
        seconds = self.engine.clock.now_ms // 1000
        if seconds > self.timestamp:
            self.timestamp = seconds
            writer.write(b"#TS:%d\r\n" % int(seconds))
