"""What goes on in a thread of its own while a scenario does something else."""

from __future__ import annotations

import threading
from typing import Self


class Background:
    """Runs between `with` and its end; `run` looks at `stopping` as often as it can."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stopping.set()
        self._thread.join()

    def run(self) -> None:
        """The work."""
        raise NotImplementedError
