"""The command line: what redis-server accepts, and a few options of our own."""

from __future__ import annotations

import asyncio
import sys

from pyredis import REDIS_VERSION, __version__
from pyredis.config import Config, ConfigError, load_arguments
from pyredis.form import COMPILED


def main() -> None:
    """Entry point of `pyredis` and `python -m pyredis`."""
    sys.exit(run(sys.argv[1:]))


def run(argv: list[str]) -> int:
    """Runs the command line and returns the exit code."""
    if argv and argv[0] in ("--version", "-v"):
        form = "compiled" if COMPILED else "pure Python"
        print(f"pyredis {__version__} ({form}), Redis {REDIS_VERSION}, Python {sys.version.split()[0]}")
        return 0
    try:
        config = load_arguments(argv)
    except ConfigError as error:
        print(error.format(REDIS_VERSION), file=sys.stderr)
        return 1
    return serve_forever(config)


def serve_forever(config: Config) -> int:
    """Serves on the fastest event loop there is."""
    from pyredis.server.app import serve

    try:
        import uvloop
    except ImportError:
        return asyncio.run(serve(config))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve(config))
