"""The CLIENT command."""

from __future__ import annotations

from typing import Final

from pyredis.commands.registry import CommandGroup

connection: Final = CommandGroup("connection", acl=("connection",))
