"""The log in Redis's format: `12345:M 05 Jan 2026 10:11:12.345 * Ready to accept connections tcp`.

Levels: `.` debug, `-` verbose, `*` notice, `#` warning. Nothing on the data path logs.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import Final

VERBOSE: Final = 15

_LEVELS: Final = {"debug": 10, "verbose": 15, "notice": 20, "warning": 30, "nothing": 100}
_MARKS: Final = ((30, "#"), (20, "*"), (15, "-"))

log = logging.getLogger("pyredis")


class RedisFormatter(logging.Formatter):
    """Formats a record as Redis would; the role letter is `M` for a master."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for one record, with the traceback after it when there is one."""
        mark = next((mark for level, mark in _MARKS if record.levelno >= level), ".")
        now = time.localtime(record.created)
        stamp = time.strftime("%d %b %Y %H:%M:%S", now)
        line = f"{os.getpid()}:M {stamp}.{int(record.msecs):03d} {mark} {record.getMessage()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def configure_log(level: str, path: str) -> None:
    """Sends the log to `path`, or to standard output when it is empty; replaces what was configured before."""
    handler: logging.Handler = logging.FileHandler(path) if path else logging.StreamHandler(sys.stdout)
    handler.setFormatter(RedisFormatter())
    for old in list(log.handlers):
        log.removeHandler(old)
        old.close()
    log.addHandler(handler)
    log.propagate = False
    # A full disk, or a reader of our output that has gone, is no reason to fill standard error with tracebacks.
    logging.raiseExceptions = False
    set_level(level)


def set_level(level: str) -> None:
    """Applies `loglevel`."""
    log.setLevel(_LEVELS[level])
