"""What the log says when the server ends by a fault of its own.

A fault that Python can report (an exception that ends the server, DEBUG PANIC) gets a report framed as Redis's: what
was running, the stacks of all threads, INFO, the clients. A fatal signal leaves no Python to run: `faulthandler` then
writes the stacks straight to the log's descriptor, before the signal ends the process as it would have anyway.
Functions that mypyc has compiled do not appear in stacks. Passwords do not appear at all: requests are redacted as
for MONITOR.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import traceback
from typing import Final

from pyredis import REDIS_VERSION, __version__
from pyredis.commands.dispatch import find_command
from pyredis.config import Config
from pyredis.engine.client_info import client_line
from pyredis.engine.engine import Engine
from pyredis.engine.info import info_text
from pyredis.engine.redaction import redacted
from pyredis.errors import CommandError
from pyredis.form import COMPILED
from pyredis.server.log import log, log_descriptor

CLIENTS_MAX: Final = 1000
ARGUMENTS_MAX: Final = 32
ARGUMENT_BYTES_MAX: Final = 128

REPORT_START: Final = "=== REDIS BUG REPORT START: Cut & paste starting from here ==="
REPORT_END: Final = "=== REDIS BUG REPORT END. Make sure to include from START to END. ==="


def follow_config(config: Config) -> None:
    """Has fatal signals reported to the log, if `crash-log-enabled` says so."""
    descriptor = log_descriptor()
    if config.get_bool("crash-log-enabled") and descriptor >= 0:
        faulthandler.enable(descriptor)
    else:
        faulthandler.disable()


def report(engine: Engine, reason: str, argv: list[bytes] | None, error: BaseException | None) -> None:
    """Writes the report of a crash to the log."""
    if not engine.config.get_bool("crash-log-enabled"):
        log.critical("%s", reason)
        return
    sections = [
        _section("BUILD", _build()),
        _section("CURRENT COMMAND", _command(engine, argv)),
        _section("STACK TRACE", _stacks(error)),
        _section("INFO OUTPUT", _info(engine)),
        _section("CLIENT LIST OUTPUT", _clients(engine)),
    ]
    log.critical("%s", "\n".join(["", "", REPORT_START, f"Crashed: {reason}", *sections, REPORT_END]))


def _section(title: str, text: str) -> str:
    return f"\n------ {title} ------\n{text.rstrip()}"


def _build() -> str:
    import platform

    form = "compiled" if COMPILED else "pure Python"
    return (
        f"pyredis {__version__} ({form}), Redis {REDIS_VERSION}, Python {sys.version.split()[0]}, "
        f"{platform.platform()}, pid {os.getpid()}"
    )


def _command(engine: Engine, argv: list[bytes] | None) -> str:
    if not argv:
        return "none"
    try:
        command = find_command(engine, argv)
    except CommandError:
        return f"{shown(argv[0])}, unknown, {len(argv) - 1} arguments"
    if engine.config.get_bool("hide-user-data-from-log"):
        return f"{shown(command.full_name)}, {len(argv) - 1} arguments"
    safe = [shown(word) for word in redacted(command, argv)[:ARGUMENTS_MAX]]
    return "\n".join([f"argv[{place}]: {word}" for place, word in enumerate(safe)])


def shown(word: bytes) -> str:
    """An argument that cannot break out of its line, cut off when it is long."""
    more = f"... ({len(word)} bytes)" if len(word) > ARGUMENT_BYTES_MAX else ""
    return repr(word[:ARGUMENT_BYTES_MAX])[2:-1] + more


def _stacks(error: BaseException | None) -> str:
    """The stack of the error, or of this thread, and those of all others."""
    parts: list[str] = []
    if error is not None:
        parts += traceback.format_exception(error)
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        parts.append(f"Thread {names.get(ident, '?')} ({ident}):\n")
        parts += traceback.format_stack(frame)
    return "".join(parts)


def _info(engine: Engine) -> str:
    try:
        return info_text(engine, []).decode(errors="backslashreplace").replace("\r\n", "\n")
    except Exception as error:
        return f"not available: {error!r}"


def _clients(engine: Engine) -> str:
    try:
        lines = [client_line(ctx).decode(errors="backslashreplace") for ctx in engine.clients.values()]
    except Exception as error:
        return f"not available: {error!r}"
    if len(lines) > CLIENTS_MAX:
        lines[CLIENTS_MAX:] = [f"... and {len(lines) - CLIENTS_MAX} more"]
    return "\n".join(lines) or "none"
