"""Every command: one module a group, all declared through `registry`."""

from __future__ import annotations

from pyredis.commands import (
    acl,
    bitmaps,
    blocking_lists,
    client_tracking,
    clients,
    cluster,
    config_commands,
    connection,
    counters,
    databases,
    debug,
    dump,
    expiration,
    functions,
    geo,
    geo_search,
    hash_expiry,
    hash_field_options,
    hashes,
    hyperloglog,
    introspection,
    keys,
    latency,
    lcs,
    lists,
    lolwut,
    memory,
    migrate,
    modules,
    monitor,
    object_commands,
    persistence,
    pubsub,
    scanning,
    scripting,
    server,
    set_algebra,
    sets,
    slow_log,
    sort,
    sorted_set_algebra,
    sorted_set_pops,
    sorted_set_ranges,
    sorted_sets,
    stream_claims,
    stream_groups,
    stream_info,
    stream_reads,
    streams,
    string_ranges,
    strings,
    transactions,
)
from pyredis.commands.registry import SPECS
from pyredis.engine.command import CommandSpec

MODULES = (
    connection, clients, client_tracking, databases,
    keys, scanning, object_commands, expiration, sort, dump, migrate,
    strings, string_ranges, counters, lcs, bitmaps, hyperloglog,
    lists, blocking_lists, sets, set_algebra,
    hashes, hash_expiry, hash_field_options,
    sorted_sets, sorted_set_ranges, sorted_set_pops, sorted_set_algebra, geo, geo_search,
    streams, stream_reads, stream_groups, stream_claims, stream_info,
    pubsub, transactions, scripting, functions,
    server, slow_log, latency, monitor, modules, cluster,
    persistence, config_commands, acl, memory, lolwut, introspection, debug,
)  # fmt: skip
"""The modules that declare commands, in the order of the documentation."""


def all_specs() -> list[CommandSpec]:
    """Every declared command; importing this package has declared them."""
    return SPECS
