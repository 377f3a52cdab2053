"""Generic key commands: DEL EXISTS TYPE KEYS SCAN RANDOMKEY RENAME COPY MOVE OBJECT and the like."""

from __future__ import annotations

from typing import Final

from pyredis.commands.registry import CommandGroup

generic: Final = CommandGroup("generic", acl=("keyspace",))
