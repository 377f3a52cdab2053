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


class Server(TcpFakeServer):
    """With room for a crowd of clients that come at once: what does not fit waits for seconds to try again."""

    request_queue_size = 128


def main() -> None:
    """Serves the port given as the only argument."""
    signal.signal(signal.SIGTERM, _stop)
    Server(("127.0.0.1", int(sys.argv[1])), server_type="redis").serve_forever()


if __name__ == "__main__":
    main()
