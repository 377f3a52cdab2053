"""`maxmemory-clients`: the largest connections end when all together take too much.

While there is a limit, each connection is weighed after what it sent has been run and while its peer reads too slowly,
and all of them with each tick of the cron; the sum is kept, so that weighing one is O(1). Over the limit the largest
goes, found by looking at all: that happens rarely, and Redis's buckets would cost every request. CLIENT NO-EVICT
protects a connection, whose memory counts nevertheless.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

if TYPE_CHECKING:
    from pyredis.config import Config
    from pyredis.engine.context import Context
    from pyredis.engine.engine import Engine

LEAST_LIMIT: Final = 128 << 10
"""A lower limit would make it impossible to talk to the server."""

LARGEST_LIMIT: Final = 1 << 60

log = logging.getLogger("pyredis")


class ClientLimit:
    """The limit of one engine; see the module's text. `limit` is 0 when there is none."""

    def __init__(self, engine: Engine) -> None:
        self.engine: Engine = engine
        self.limit: i64 = 0
        self.total: i64 = 0
        self.evicted: int = 0

    def follow(self, config: Config) -> None:
        """Takes the directives, now and after every CONFIG SET."""
        config.on_change("maxmemory-clients", self._apply)
        config.on_change("maxmemory", self._apply)
        self._apply(config)

    def _apply(self, config: Config) -> str | None:
        limit = config.get_int("maxmemory-clients")
        if limit < 0:
            limit = config.get_int("maxmemory") * -limit // 100
        self.limit = min(max(limit, LEAST_LIMIT), LARGEST_LIMIT) if limit > 0 else 0
        return None

    def note(self, ctx: Context) -> None:
        """Weighs a connection, and ends some if that makes too much. O(1), else O(clients)."""
        self._weigh(ctx)
        if self.total > self.limit:
            self._enforce()

    def _weigh(self, ctx: Context) -> None:
        weight: i64 = ctx.memory()
        self.total += weight - ctx.counted_bytes
        ctx.counted_bytes = weight

    def forget(self, ctx: Context) -> None:
        """A connection has ended."""
        self.total -= ctx.counted_bytes
        ctx.counted_bytes = 0

    def tick(self) -> None:
        """Weighs all connections. O(clients)."""
        if self.limit == 0:
            return
        for ctx in self.engine.clients.values():
            self._weigh(ctx)
        if self.total > self.limit:
            self._enforce()

    def _enforce(self) -> None:
        # Here, because what describes clients knows contexts, which know the engine, which knows this module.
        from pyredis.engine.client_info import client_line

        while self.total > self.limit:
            largest: Context | None = None
            for ctx in self.engine.clients.values():
                if not ctx.no_evict and (largest is None or ctx.counted_bytes > largest.counted_bytes):
                    largest = ctx
            if largest is None:
                log.warning("Over client maxmemory after evicting all evictable clients")
                return
            log.info("Evicting client: %s", client_line(largest).decode(errors="backslashreplace"))
            self.evicted += 1
            largest.close(False)
            if largest.client_id in self.engine.clients:  # a context without a connection
                largest.release()
