"""Runs inside callgrind: a server without sockets, and the bytes that it is fed.

    python player.py LIBRARY PLAN RECORD

The library is `steady.c`, compiled; the plan has the cells, pickled as plain tuples; into the record goes what this
server was made with. Nothing but the installed package is imported: a module of the tree would be found before the
compiled one.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import importlib.metadata
import importlib.util
import json
import os
import pickle
import platform
import random
import re
import sys
import time
import zlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from librt import random as native_random

if TYPE_CHECKING:
    from pyredis.server.app import App
    from pyredis.server.transport import Connection

Cell = tuple[str, int, list[bytes], list[bytes], list[bytes]]
"""`workloads.Cell`, without its name."""

Begin = Callable[[], Any]
End = Callable[[bytes], Any]

SEED: Final = 1
STEP_NS: Final = 100
"""Between two looks at the clock, says `steady.c`."""
MADE_WITH: Final = ("mypy", "librt", "lupa")


class Nowhere:
    """A transport, and the socket under it: what is written is gone."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def get_extra_info(self, name: str) -> Nowhere:
        """The socket."""
        return self

    def fileno(self) -> int:
        """Of /dev/null."""
        return self.fd

    def is_closing(self) -> bool:
        """Never."""
        return False

    def write(self, data: bytes) -> None:
        """Nobody comes here: /dev/null takes all."""

    def close(self) -> None:
        """Nothing is open."""

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """Nothing is read."""

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0


def connect(app: App, fd: int) -> Connection:
    """A client on the server's own transport code, as on uvloop: writes go around the transport."""
    from pyredis.server.transport import Connection

    connection = Connection(app, "unix")
    connection.connection_made(Nowhere(fd))
    return connection


def feed(client: Connection, packets: list[bytes]) -> None:
    """Sends all. By the machine's clock a slice of time may end meanwhile; then it goes on at once."""
    deque(map(client.data_received, packets), maxlen=0)  # a loop without a line of Python in it
    while client.session is not None and client.session.hold:
        client.session.resume()


def play(app: App, fd: int, plan: list[Cell], begin: Begin, end: End) -> None:
    """Feeds every cell, on an empty server; what stands between `begin` and `end` counts."""
    client = connect(app, fd)
    for name, subscribers, preload, warm_up, packets in plan:
        native_random.seed(SEED)
        feed(client, [b"FLUSHALL SYNC\r\n"])
        listeners = [connect(app, fd) for _ in range(subscribers)]
        for listener in listeners:
            feed(listener, [b"SUBSCRIBE news\r\n"])
        feed(client, preload + warm_up)
        begin()
        feed(client, packets)
        end(name.encode())
        for listener in listeners:
            listener.connection_lost(None)
        if app.engine.error_replies:
            raise SystemExit(f"{name}: {app.engine.error_counts}")


async def serve(plan: list[Cell], begin: Begin, end: End) -> None:
    """A server that listens nowhere, with the garbage collector where a running server has it."""
    from pyredis.config import Config
    from pyredis.server.app import App

    app = App(Config())
    app.engine.apply_config()
    app.bypasses_transports = True
    gc.collect()
    gc.freeze()
    gc.disable()
    fd = os.open(os.devnull, os.O_WRONLY)
    try:
        play(app, fd, plan, begin, end)
    finally:
        os.close(fd)
        gc.unfreeze()
        gc.enable()


def facts() -> dict[str, str]:
    """What the numbers depend on: the interpreter, and what the package was compiled with."""
    spec = importlib.util.find_spec("pyredis__mypyc")
    compilers: list[str] = []
    if spec is not None and spec.origin:
        found = re.findall(rb"GCC: \([^)]*\) [\d.]+|clang version [\d.]+", Path(spec.origin).read_bytes())
        compilers = sorted({text.decode() for text in found})
    return {
        "form": "compiled" if spec is not None else "interpreted",
        "machine": platform.machine(),
        "python": f"{platform.python_implementation()} {platform.python_version()}, {platform.python_compiler()}",
        "compiler": ", ".join(compilers) or "none",
        "libraries": ", ".join(_libraries()),
        **{name: _version(name) for name in MADE_WITH},
    }


def _libraries() -> list[str]:
    """The builds of Python and of the C library that run here: names and checksums."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    paths = sorted(set(re.findall(r"(?m)\s(/\S*/(?:python3[\d.]*|libpython3\S*|libc[.-]\S*))$", maps)))
    return [f"{Path(path).name} {zlib.crc32(Path(path).read_bytes()):08x}" for path in paths]


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def main() -> None:
    """See the module's text."""
    library, plan, record = sys.argv[1:]
    began = time.time_ns()
    if time.time_ns() - began != STEP_NS:
        raise SystemExit("the clock is the machine's, not that of steady.c")
    native_random.seed(SEED)  # before the package is imported, which draws its own seeds from here
    random.seed(SEED)
    Path(record).write_text(json.dumps(facts()), encoding="utf-8")
    marks = ctypes.CDLL(library)
    cells: list[Cell] = pickle.loads(Path(plan).read_bytes())
    asyncio.run(serve(cells, marks.count_from_here, marks.count_until_here))


if __name__ == "__main__":
    main()
