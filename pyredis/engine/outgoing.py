"""Connections that commands open to other servers and keep for a while: MIGRATE's, so far."""

from __future__ import annotations


class Outgoing:
    """The connections of one engine; whoever opens the first puts its own kind in the place of this one."""

    def count(self) -> int:
        """How many are open."""
        return 0

    def close_idle(self) -> None:
        """Closes those that have not been used for a while; called by the cron."""

    def close_all(self) -> None:
        """Closes every connection; the server ends."""
