"""Publish and subscribe."""

from __future__ import annotations

from typing import Final

from pyredis.commands.registry import CommandGroup

pubsub: Final = CommandGroup("pubsub")
