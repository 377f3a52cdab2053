"""Deadlines: EXPIRE and its forms, TTL and its forms, PERSIST."""

from __future__ import annotations

from typing import Final

from pyredis.commands.registry import CommandGroup

generic: Final = CommandGroup("generic", acl=("keyspace",))
