"""DEBUG: subcommands that tests of Redis behaviour use."""

from __future__ import annotations

from typing import Final

from pyredis.commands.registry import CommandGroup

server: Final = CommandGroup("server")
