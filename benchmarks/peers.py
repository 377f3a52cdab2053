"""Other Redis look-alikes that can be measured beside pyredis; each is started as a process of its own."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.process import ServerProcess

REPOSITORY: Final = Path(__file__).resolve().parents[1]


class Peer(NamedTuple):
    """A peer: the distribution that provides it and the module of ours that starts it on a port."""

    distribution: str
    module: str

    @property
    def version(self) -> str | None:
        """The installed version, or None when it is not installed."""
        try:
            return importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            return None

    def process(self, cpu: int | None) -> ServerProcess:
        """A server of this peer, not yet started."""
        command = [sys.executable, "-m", self.module, "{port}"]
        return ServerProcess(command, env={"PYTHONPATH": str(REPOSITORY)}, cpu=cpu)


PEERS: Final[dict[str, Peer]] = {"fakeredis": Peer("fakeredis", "benchmarks.peer_fakeredis")}
