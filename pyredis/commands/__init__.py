"""Every command: one module a group, all declared through `registry`."""

from __future__ import annotations

from pyredis.commands import (
    bitmaps,
    clients,
    config_commands,
    connection,
    counters,
    debug,
    expiration,
    hyperloglog,
    introspection,
    keys,
    lcs,
    lolwut,
    pubsub,
    server,
    string_ranges,
    strings,
    transactions,
)
from pyredis.commands.registry import SPECS
from pyredis.engine.command import CommandSpec

MODULES = (
    connection, clients, keys, expiration, strings, string_ranges, counters, lcs, bitmaps, hyperloglog,
    pubsub, transactions,
    server, config_commands, lolwut, introspection, debug,
)  # fmt: skip
"""The modules that declare commands, in the order of the documentation."""


def all_specs() -> list[CommandSpec]:
    """Every declared command; importing this package has declared them."""
    return SPECS
