"""What one INFO works with: the engine, what several sections need of it, and how sizes are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis.engine.statistics import Traffic

if TYPE_CHECKING:
    from pyredis.engine.context import Context
    from pyredis.engine.engine import Engine


class ClientTotals:
    """What the connections amount to together, once each has been added; those that have ended count in `traffic`."""

    def __init__(self, engine: Engine) -> None:
        self.traffic: Traffic = engine.statistics.traffic_of_ended()
        self.input_max: int = 0
        self.output_max: int = 0
        self.buffered: int = 0
        self.blocked: int = 0
        self.subscribed: int = 0
        self.watching: int = 0

    def add(self, ctx: Context) -> None:
        """Adds a connection. About 1 us interpreted."""
        waiting, unsent = ctx.query_buffer()[0], ctx.output_buffer()[1]
        self.input_max = max(self.input_max, waiting)
        self.output_max = max(self.output_max, unsent)
        self.buffered += waiting + unsent
        if ctx.is_blocked:
            self.blocked += 1
        if ctx.channels or ctx.patterns or ctx.shard_channels:
            self.subscribed += 1
        if ctx.watch.keys:
            self.watching += 1
        self.traffic.add(ctx)


def client_totals(engine: Engine) -> ClientTotals:
    """All connections together. O(clients)."""
    totals = ClientTotals(engine)
    for ctx in engine.clients.values():
        totals.add(ctx)
    return totals


class Report:
    """One INFO: the engine, and what several sections need of it."""

    def __init__(self, engine: Engine, clients: ClientTotals | None = None) -> None:
        self.engine: Engine = engine
        self._clients: ClientTotals | None = clients
        # What the clients take up, where that is known already.
        self.client_bytes: int = -1

    def clients(self) -> ClientTotals:
        """The connections, looked at once."""
        if self._clients is None:
            self._clients = client_totals(self.engine)
        return self._clients


def bytes_lines(name: str, size: int) -> list[str]:
    """A size twice: in bytes and for people."""
    return [f"{name}:{size}", f"{name}_human:{human_bytes(size)}"]


def human_bytes(size: int) -> str:
    """A size as Redis shows it to people: `1.50M`."""
    if size < 1024:
        return f"{size}B"
    amount = float(size)
    for unit in "KMGTP":
        amount /= 1024
        if amount < 1024:
            return f"{amount:.2f}{unit}"
    return f"{size}B"
