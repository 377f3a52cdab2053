"""The log: lines as Redis writes them, or JSON objects, to standard output or a file, and to syslog besides.

    12345:M 05 Jan 2026 10:11:12.345 * Ready to accept connections tcp
    {"ts": "2026-01-05T10:11:12.345Z", "level": "notice", "pid": 12345, "role": "master", "msg": "Ready to ..."}

Levels: `.` debug, `-` verbose, `*` notice, `#` warning. The letter is `M` for a master, `S` for a replica and `C` for
a child process. Nothing on the data path logs.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import Final

from pyredis.config import Config
from pyredis.server.log_file import LogFile

VERBOSE: Final = 15

_LEVELS: Final = {"debug": 10, "verbose": 15, "notice": 20, "warning": 30, "nothing": 100}
_MARKS: Final = ((30, "#"), (20, "*"), (15, "-"))
_NAMES: Final = ((40, "error"), (30, "warning"), (20, "notice"), (15, "verbose"))
_ROLES: Final = {"M": "master", "S": "replica", "C": "child"}
SYSLOG_SOCKETS: Final = ["/dev/log", "/var/run/syslog", "/var/run/log"]

log = logging.getLogger("pyredis")


class Process:
    """Whose lines are written: the server, whose part in replication may change, or a child of it."""

    def __init__(self) -> None:
        self.pid: int = os.getpid()
        self.letter: str = "M"

    def role(self) -> str:
        """The letter of the process that asks."""
        return self.letter if os.getpid() == self.pid else "C"


process: Final = Process()


class RedisFormatter(logging.Formatter):
    """Formats a record as Redis would."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for one record, with the traceback after it when there is one."""
        mark = next((mark for level, mark in _MARKS if record.levelno >= level), ".")
        now = time.localtime(record.created)
        stamp = time.strftime("%d %b %Y %H:%M:%S", now)
        head = f"{os.getpid()}:{process.role()} {stamp}.{int(record.msecs):03d}"
        line = f"{head} {mark} {record.getMessage()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object on one line, whatever the message contains."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for one record; a traceback is the member `error`."""
        import json  # 3 ms at the start of servers that write text

        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields: dict[str, object] = {
            "ts": f"{stamp}.{int(record.msecs):03d}Z",
            "level": next((name for level, name in _NAMES if record.levelno >= level), "debug"),
            "pid": os.getpid(),
            "role": _ROLES[process.role()],
            "msg": record.getMessage(),
        }
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields)


def configure_log(config: Config) -> None:
    """Sends the log where the configuration says; replaces what was configured before. Raises `OSError`."""
    logging.addLevelName(VERBOSE, "VERBOSE")
    process.pid = os.getpid()
    path = config.get_str("logfile")
    handler: logging.Handler = logging.StreamHandler(
        LogFile(config.resolve_path(path)) if path else sys.stdout
    )
    for old in list(log.handlers):
        log.removeHandler(old)
        old.close()
    log.addHandler(handler)
    log.propagate = False
    # A full disk, or a reader of our output that has gone, is no reason to fill standard error with tracebacks.
    logging.raiseExceptions = False
    follow_config(config)
    if config.get_bool("syslog-enabled"):
        _add_syslog(config.get_str("syslog-ident"), config.get_str("syslog-facility"))


def follow_config(config: Config) -> None:
    """Takes over the directives that may change while the server runs."""
    log.setLevel(_LEVELS[config.get_str("loglevel")])
    formatter = JsonFormatter() if config.get_str("log-format") == "json" else RedisFormatter()
    for handler in log.handlers:
        if not isinstance(handler, logging.StreamHandler):
            continue
        handler.setFormatter(formatter)
        file = handler.stream
        if isinstance(file, LogFile):
            file.max_bytes = config.get_int("logfile-max-size")
            file.period_seconds = config.get_int("logfile-rotate-seconds")
            file.keep = config.get_int("logfile-keep")


def reopen_log() -> None:
    """Opens the log file anew, as a tool that has moved it away asks by SIGHUP."""
    for handler in log.handlers:
        if isinstance(handler, logging.StreamHandler) and isinstance(handler.stream, LogFile):
            handler.acquire()
            handler.stream.reopen()
            handler.release()
            log.info("Received SIGHUP, the log file has been opened anew.")


def log_descriptor() -> int:
    """Where bytes can be written that Python has no part in; -1 for nowhere."""
    for handler in log.handlers:
        if isinstance(handler, logging.StreamHandler):
            try:
                return int(handler.stream.fileno())
            except (OSError, ValueError, AttributeError):
                return -1
    return -1


def _add_syslog(ident: str, facility: str) -> None:
    """Has the system's log get the lines as well."""
    from pyredis.server.log_syslog import open_syslog

    where = next((path for path in SYSLOG_SOCKETS if os.path.exists(path)), "")
    try:
        log.addHandler(open_syslog(where, ident, facility))
    except OSError as error:
        log.warning("The system's log cannot be reached: %s", error)
