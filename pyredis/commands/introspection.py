"""The COMMAND command: everything it tells is derived from the declarations."""

from __future__ import annotations

from typing import Final

from pyredis.commands.registry import CommandGroup

server: Final = CommandGroup("server")
