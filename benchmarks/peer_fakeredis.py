"""Serves fakeredis over TCP: `python -m benchmarks.peer_fakeredis PORT`, until SIGTERM."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

from fakeredis import TcpFakeServer


def _stop(number: int, frame: object) -> NoReturn:
    # Its handler threads wait for clients to leave; a benchmark does not wait for them.
    os._exit(0)


def main() -> None:
    """Serves the port given as the only argument."""
    signal.signal(signal.SIGTERM, _stop)
    TcpFakeServer(("127.0.0.1", int(sys.argv[1])), server_type="redis").serve_forever()


if __name__ == "__main__":
    main()
