"""Becoming a daemon, and the pid file. Nothing here may be called once there is a thread or an event loop."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Final

from pyredis.config import Config

DEFAULT_PID_FILE: Final = "/var/run/redis.pid"
MODE: Final = 0o644


def is_supervised(config: Config) -> bool:
    """Whether a supervisor is configured, and there: it expects the process that it has started, no daemon."""
    wanted = config.get_str("supervised")
    if wanted == "auto":
        return bool(os.environ.get("UPSTART_JOB") or os.environ.get("NOTIFY_SOCKET"))
    return wanted != "no"


def becomes_daemon(config: Config) -> bool:
    """Whether the server goes to the background."""
    return config.get_bool("daemonize") and not is_supervised(config)


def daemonize() -> bool:
    """Goes on in a grandchild that has no terminal and can get none; the process that was started exits with 0.

    Working directory and umask stay. What goes to the standard streams from now on is lost. False where there is no
    fork.
    """
    if not hasattr(os, "fork"):
        return False
    sys.stdout.flush()
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    if null > 2:
        os.close(null)
    return True


def pid_path(config: Config) -> str:
    """Where the pid file belongs; empty when there is to be none."""
    name = config.get_str("pidfile")
    if not name and not becomes_daemon(config):
        return ""
    return config.resolve_path(name or DEFAULT_PID_FILE)


def write_pid_file(path: str) -> None:
    """Raises `OSError`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE)
    try:
        os.write(descriptor, b"%d\n" % os.getpid())
    finally:
        os.close(descriptor)


def remove_pid_file(path: str) -> None:
    """Removes it, unless somebody has done so already."""
    with contextlib.suppress(OSError):
        os.unlink(path)
