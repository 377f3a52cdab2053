"""MULTI EXEC DISCARD WATCH UNWATCH."""

from __future__ import annotations

from typing import Final

from pyredis.commands.registry import CommandGroup

transactions: Final = CommandGroup("transactions", acl=("transaction",))
