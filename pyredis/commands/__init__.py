"""Every command: one module a group, all declared through `registry`."""

from __future__ import annotations

from pyredis.commands import (
    bitmaps,
    blocking_lists,
    clients,
    config_commands,
    connection,
    counters,
    databases,
    debug,
    expiration,
    geo,
    geo_search,
    hyperloglog,
    introspection,
    keys,
    lcs,
    lists,
    lolwut,
    object_commands,
    pubsub,
    scanning,
    server,
    sorted_set_algebra,
    sorted_set_pops,
    sorted_set_ranges,
    sorted_sets,
    string_ranges,
    strings,
    transactions,
)
from pyredis.commands.registry import SPECS
from pyredis.engine.command import CommandSpec

MODULES = (
    connection, clients, databases, keys, scanning, object_commands, expiration,
    strings, string_ranges, counters, lcs, bitmaps, hyperloglog,
    lists, blocking_lists,
    sorted_sets, sorted_set_ranges, sorted_set_pops, sorted_set_algebra, geo, geo_search,
    pubsub, transactions,
    server, config_commands, lolwut, introspection, debug,
)  # fmt: skip
"""The modules that declare commands, in the order of the documentation."""


def all_specs() -> list[CommandSpec]:
    """Every declared command; importing this package has declared them."""
    return SPECS
