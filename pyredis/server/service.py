"""What a server owes the system it runs on and whoever operates it: signals, supervisor, pid file, settings, crashes.

SIGTERM and SIGINT stop the server, after saving where that is configured; a save that fails keeps it running. A
second SIGINT ends it at once. SIGHUP opens the log file anew and never ends a server: the terminal it was started
from may close.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from pyredis.config import Config
from pyredis.engine.engine import GATE_BUSY, GATE_LOADING
from pyredis.persistence.rdb_file import rdb_path, temporary_path
from pyredis.server import crash, daemon
from pyredis.server.log import configure_log, log, log_descriptor, reopen_log
from pyredis.server.log import follow_config as log_follow_config
from pyredis.server.process_settings import (
    ROLE_CHILD,
    ROLE_PRIMARY,
    TITLE,
    OomScore,
    bind_cpus,
    fit_memory,
    set_title,
    warn_of_backlog,
)
from pyredis.server.snapshots import PURPOSE as SNAPSHOT
from pyredis.server.supervision import Supervision

if TYPE_CHECKING:
    from pyredis.server.app import App

SHUTDOWN_RETRY_SECONDS: Final = 0.1
OOM_FAILED: Final = "Failed to set current oom_score_adj. Check server logs."

LOG_DIRECTIVES: Final = (
    "loglevel",
    "log-format",
    "logfile-max-size",
    "logfile-rotate-seconds",
    "logfile-keep",
)


def begin_log(config: Config) -> bool:
    """Opens the log, before anything can go wrong that belongs there; false when that cannot be."""
    if hasattr(signal, "SIGHUP"):
        with contextlib.suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        configure_log(config)
    except OSError as error:
        sys.stderr.write(f"Can't open the log file: {error.strerror}\n")
        return False
    return True


def check_signals() -> None:
    """Runs what handles signals that have arrived: compiled code that never waits gives Python no chance to."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, ())


class Service:
    """See the module's text."""

    def __init__(self, app: App) -> None:
        self.app: App = app
        self.config: Config = app.config
        self.loop: asyncio.AbstractEventLoop = app.loop
        self.supervision: Supervision = Supervision(app.engine, app.loop)
        self.oom: OomScore = OomScore()
        self.pid_path: str = ""
        # Somebody has asked by a signal to stop; the next SIGINT means it.
        self.is_asked: bool = False
        self.watchdog: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """The process is about to become a server."""
        config = self.config
        self.supervision.begin(config.get_str("supervised"))
        bind_cpus(config.get_str("server-cpulist"))
        set_title(config, TITLE)
        crash.follow_config(config)
        self._watch()
        fit_memory(config)
        warn_of_backlog(config)
        self.oom.apply(config, ROLE_PRIMARY)
        self.app.child.prepare = self._in_child
        self.loop.set_exception_handler(self._unhandled)
        for name in LOG_DIRECTIVES:
            config.on_change(name, self._change_log)
        config.on_change("crash-log-enabled", self._change_crash)
        config.on_change("watchdog-period", self._change_crash)
        config.on_change("proc-title-template", self._change_title)
        for name in ("oom-score-adj", "oom-score-adj-values"):
            config.on_change(name, self._change_oom)

    def own_files_and_signals(self) -> None:
        """Writes the pid file and listens to signals; the sockets are open."""
        path = daemon.pid_path(self.config)
        if path:
            try:
                daemon.write_pid_file(path)
                self.pid_path = path
            except OSError as error:
                log.warning("Failed to write PID file: %s", error)
        self._listen_to_signals()
        if hasattr(signal, "SIGHUP"):
            with contextlib.suppress(NotImplementedError, RuntimeError):
                self.loop.add_signal_handler(signal.SIGHUP, reopen_log)

    def end(self) -> None:
        """The process is about to exit in good order."""
        faulthandler.cancel_dump_traceback_later()
        if self.watchdog is not None:
            self.watchdog.cancel()
        self.supervision.stopping()
        if self.pid_path:
            log.info("Removing the pid file.")
            daemon.remove_pid_file(self.pid_path)

    def crashed(self, reason: str, argv: list[bytes] | None, error: BaseException | None) -> None:
        """Reports a fault that the server does not survive."""
        crash.report(self.app.engine, reason, argv, error)
        if self.pid_path:
            daemon.remove_pid_file(self.pid_path)

    def panic(self, reason: str, argv: list[bytes]) -> None:
        """Reports a fault and ends the process: by SIGABRT, so that there may be a core, or with code 1."""
        self.crashed(reason, argv, None)
        if self.config.get_bool("use-exit-on-panic"):
            os._exit(1)
        faulthandler.disable()  # the report has said it all
        os.abort()

    def _listen_to_signals(self) -> None:
        signals: list[tuple[int, str]] = [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT")]
        if hasattr(signal, "SIGBREAK"):  # what service wrappers on Windows send
            signals.append((signal.SIGBREAK, "SIGTERM"))
        for number, name in signals:
            try:
                self.loop.add_signal_handler(number, self._signalled, name)
            except (NotImplementedError, RuntimeError):  # Windows, or not the main thread
                with contextlib.suppress(ValueError):
                    signal.signal(number, self._interrupted)

    def _interrupted(self, number: int, _frame: object) -> None:
        self.loop.call_soon_threadsafe(self._signalled, "SIGINT" if number == signal.SIGINT else "SIGTERM")

    def _signalled(self, name: str) -> None:
        """A signal has asked to stop."""
        if self.is_asked:
            if name == "SIGINT":
                self._insisted(int(signal.SIGINT), None)
            return
        self.is_asked = True
        if self.app.engine.gates & GATE_LOADING:
            log.warning("Received shutdown signal during loading, scheduling shutdown.")
        else:
            log.warning("Received %s scheduling shutdown...", name)
        self._shut_down(name)

    def _shut_down(self, name: str) -> None:
        if self.app.engine.gates & GATE_BUSY:  # what a script has half done must not be saved
            self.loop.call_later(SHUTDOWN_RETRY_SECONDS, self._shut_down, name)
            return
        words = self.config.get_str("shutdown-on-" + name.lower()).split()
        save = True if "save" in words else False if "nosave" in words else None
        # The loop does not see signals while the save keeps it from going round.
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGINT, self._insisted)
        if self.app.request_shutdown(save, "now" in words, "force" in words):
            return
        log.warning("%s received but errors trying to shut down the server, check the logs", name)
        self.is_asked = False
        self._listen_to_signals()

    def _insisted(self, _number: int, _frame: object) -> None:
        """SIGINT again: ends the process without what was still to be done."""
        log.warning("You insist... exiting now.")
        self.app.child.kill()
        with contextlib.suppress(OSError):
            os.unlink(temporary_path(rdb_path(self.app.engine)))
        if self.pid_path:
            daemon.remove_pid_file(self.pid_path)
        os._exit(1)

    def _in_child(self, purpose: str) -> None:
        """Runs in a child process before its work: it is the first to be killed when memory runs out."""
        is_snapshot = purpose == SNAPSHOT
        self.oom.apply(self.config, ROLE_CHILD)
        bind_cpus(self.config.get_str("bgsave-cpulist" if is_snapshot else "aof-rewrite-cpulist"))
        set_title(self.config, "redis-rdb-bgsave" if is_snapshot else "redis-aof-rewrite")

    def _unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """A callback of the loop has failed; the loop goes on."""
        error = context.get("exception")
        exc_info = (type(error), error, error.__traceback__) if isinstance(error, BaseException) else None
        log.error("Unhandled error in the event loop: %s", context.get("message"), exc_info=exc_info)

    def _change_log(self, config: Config) -> str | None:
        log_follow_config(config)
        return None

    def _change_crash(self, config: Config) -> str | None:
        crash.follow_config(config)
        self._watch()
        return None

    def _change_title(self, config: Config) -> str | None:
        set_title(config, TITLE)
        return None

    def _change_oom(self, config: Config) -> str | None:
        return None if self.oom.apply(config, ROLE_PRIMARY) else OOM_FAILED

    def _watch(self) -> None:
        """Has the stacks of all threads logged when the loop stands still for `watchdog-period` milliseconds."""
        if self.watchdog is not None:
            self.watchdog.cancel()
            self.watchdog = None
        faulthandler.cancel_dump_traceback_later()
        seconds = self.config.get_int("watchdog-period") / 1000
        descriptor = log_descriptor()
        if seconds > 0 and descriptor >= 0:
            faulthandler.dump_traceback_later(seconds, file=descriptor)
            self.watchdog = self.loop.call_later(seconds / 3, self._watch)
