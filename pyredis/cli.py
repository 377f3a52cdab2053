"""The command line: everything redis-server accepts, and a few options of our own.

`pyredis [redis.conf] [--port 7000 --save "" ...]` starts the server. What starts with one of `TOOLS` is for click,
which is imported only then: a server has to be ready in a blink.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from pyredis import REDIS_VERSION, __version__

if TYPE_CHECKING:
    from collections.abc import Coroutine

TOOLS: Final = frozenset(
    (
        "--version", "-v", "--help", "-h", "--check-system",
        "check-rdb", "check-aof", "rdb", "top", "doctor", "completion", "bench",
    )
)  # fmt: skip


def main() -> None:
    """Entry point of `pyredis`, `pyredis-server` and `python -m pyredis`."""
    sys.exit(run(sys.argv[1:]))


def run(argv: list[str]) -> int:
    """Runs a command line and returns the exit code."""
    if argv and argv[0] in TOOLS:
        from pyredis.tools.command_line import run_tool

        run_tool(argv)
        return 0
    from pyredis.config import ConfigError, load_arguments

    try:
        config = load_arguments(argv)
    except ConfigError as error:
        print(error.format(REDIS_VERSION), end="", file=sys.stderr if error.banner else sys.stdout)
        return 1
    if config.get_bool("daemonize"):
        from pyredis.server.daemon import becomes_daemon, daemonize

        if becomes_daemon(config) and not daemonize():
            print("This system cannot start daemons: run the server as a service.", file=sys.stderr)
            return 1
    from pyredis.server.app import serve

    try:
        return run_loop(to_the_end(serve(config)))
    except ConfigError as error:  # a line that only the running server could judge
        print(error.format(REDIS_VERSION), end="", file=sys.stderr)
        return 1


def run_loop(server: Coroutine[object, object, int]) -> int:
    """Runs the server on the fastest event loop installed; PYREDIS_LOOP=asyncio or `debug` chooses the plain one."""
    choice = os.environ.get("PYREDIS_LOOP", "uvloop")
    if choice == "uvloop":
        try:
            if sys.platform == "win32":
                import winloop as uvloop
            else:
                import uvloop
        except ImportError:
            pass
        else:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(server)
    return asyncio.run(server, debug=choice == "debug")


async def to_the_end(server: Coroutine[object, object, int]) -> int:
    """Runs the server; a signal that comes when it has ended, while Python cleans up, does not change the exit code."""
    try:
        return await server
    finally:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))


def version_text() -> str:
    """One line: versions and form."""
    from pyredis.form import COMPILED

    form = "compiled" if COMPILED else "pure Python"
    python = ".".join(map(str, sys.version_info[:3]))
    return f"pyredis {__version__} ({form}), Redis {REDIS_VERSION}, Python {python}"
