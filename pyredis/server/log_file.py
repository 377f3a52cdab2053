"""The log file: every line is in the file that has the configured name now, whoever moved, cut or removed it.

Redis opens its file anew for each line, so that `mv` and a tool like logrotate need no signal. Here a `stat` for each
line does the same: 2 us, and nothing on the data path logs. When the file is another one, it is opened under the old
descriptor, which therefore stays valid for whoever writes to it below Python (`faulthandler`).

Rotation renames: `redis.log` becomes `redis.log.1`, that becomes `redis.log.2`, and so on. A line is written whole or
not at all, with the file opened for appending: lines of child processes stand between ours, not inside them. What
cannot be renamed or opened leaves the file as it is, too long but complete.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import Final

from mypy_extensions import i64

MODE: Final = 0o644


class LogFile:
    """A file for `logging.StreamHandler`, which holds a lock while it writes."""

    def __init__(self, path: str) -> None:
        self.path: str = path
        # The rules of rotation; 0 means never. Periods begin at multiples of their length, of local time.
        self.max_bytes: i64 = 0
        self.period_seconds: int = 0
        self.keep: int = 1
        # A child process writes here, too, but does not rotate.
        self.owner: int = os.getpid()
        self.descriptor: int = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, MODE)
        self.size: i64 = 0
        self.inode: int = 0
        self.device: int = 0
        # When the last line was written: that of another run counts as well.
        self.written_at: float = time.time()
        self._look(os.fstat(self.descriptor))
        if self.size:
            self.written_at = os.fstat(self.descriptor).st_mtime

    def fileno(self) -> int:
        """The descriptor; it is the same for as long as the process lives."""
        return self.descriptor

    def flush(self) -> None:
        """Nothing is kept back."""

    def write(self, text: str) -> None:
        """Writes a line, or lines that belong together; raises `OSError` when the disk does not take them."""
        data = text.encode("utf-8", "backslashreplace")
        self.follow()
        if self._is_full(len(data)):
            self.rotate()
        while data:
            written = os.write(self.descriptor, data)
            self.size += written
            data = data[written:]
        self.written_at = time.time()

    def follow(self) -> None:
        """Opens the file anew if another one, or none, has its name."""
        try:
            status = os.stat(self.path)
        except OSError:
            self.reopen()
            return
        if status.st_ino != self.inode or status.st_dev != self.device:
            self.reopen()
        else:
            self.size = status.st_size

    def reopen(self) -> None:
        """Opens the file that has the name now, creating it when there is none; else stays with the old one."""
        with contextlib.suppress(OSError):
            opened = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, MODE)
            os.dup2(opened, self.descriptor, False)
            os.close(opened)
            self._look(os.fstat(self.descriptor))

    def rotate(self) -> None:
        """Moves the file away, and what was moved away before, and begins a new one."""
        if sys.platform == "win32":  # an open file cannot be renamed there
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.descriptor, False)
            os.close(null)
        with contextlib.suppress(OSError):
            for number in range(self.keep - 1, 0, -1):
                older = f"{self.path}.{number}"
                if os.path.exists(older):
                    os.replace(older, f"{self.path}.{number + 1}")
            os.replace(self.path, self.path + ".1")
        self.reopen()

    def close(self) -> None:
        """Closes the file."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _look(self, status: os.stat_result) -> None:
        self.inode = status.st_ino
        self.device = status.st_dev
        self.size = status.st_size

    def _is_full(self, more: int) -> bool:
        """Whether a new file is due before so many bytes are written."""
        if self.size == 0 or (self.max_bytes == 0 and self.period_seconds == 0) or os.getpid() != self.owner:
            return False
        if self.max_bytes and self.size + more > self.max_bytes:
            return True
        return self.period_seconds > 0 and self._period(time.time()) != self._period(self.written_at)

    def _period(self, when: float) -> int:
        """The number of the period that a time belongs to."""
        return (int(when) + time.localtime(when).tm_gmtoff) // self.period_seconds
