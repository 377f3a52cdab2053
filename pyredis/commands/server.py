"""Server commands: CONFIG INFO TIME SHUTDOWN and the like."""

from __future__ import annotations

from typing import Final

from pyredis.commands.registry import CommandGroup

server: Final = CommandGroup("server")
