"""INFO: what an engine tells about itself, as lines of `name:value` in titled sections.

Every field that clients and exporters read is here under Redis's name and with a true value; the lines are in
`info_*.py`, a module for each group of sections. Three kinds are not what they are in Redis:

* Memory, see `info_memory`.
* Features that this version lacks report what a Redis that has never used them reports.
* `eventloop_*`, see `statistics`: the loop counts nothing, so a cycle is the turn of one client.

Costs O(clients + commands).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyredis.engine.info_keyspace import cluster_lines, keyspace_lines
from pyredis.engine.info_memory import memory_lines
from pyredis.engine.info_persistence import persistence_lines, replication_lines
from pyredis.engine.info_report import Report
from pyredis.engine.info_server import clients_lines, cpu_lines, modules_lines, server_lines
from pyredis.engine.info_stats import commandstats_lines, errorstats_lines, latencystats_lines, stats_lines

if TYPE_CHECKING:
    from pyredis.engine.engine import Engine

Section = tuple[str, str, Callable[[Report], list[str]]]

SECTIONS: Final[list[Section]] = [
    ("server", "Server", server_lines),
    ("clients", "Clients", clients_lines),
    ("memory", "Memory", memory_lines),
    ("persistence", "Persistence", persistence_lines),
    ("stats", "Stats", stats_lines),
    ("replication", "Replication", replication_lines),
    ("cpu", "CPU", cpu_lines),
    ("modules", "Modules", modules_lines),
    ("commandstats", "Commandstats", commandstats_lines),
    ("errorstats", "Errorstats", errorstats_lines),
    ("latencystats", "Latencystats", latencystats_lines),
    ("cluster", "Cluster", cluster_lines),
    ("keyspace", "Keyspace", keyspace_lines),
]
"""Every section: its name, its title and what gives its lines, in the order in which INFO shows them."""

DEFAULT_SECTIONS: Final = frozenset(
    (
        "server", "clients", "memory", "persistence", "stats", "replication", "cpu", "modules", "errorstats",
        "cluster", "keyspace",
    )
)  # fmt: skip
"""What INFO shows without arguments."""


def info_text(engine: Engine, arguments: list[bytes]) -> bytes:
    """The sections that the arguments of INFO name, in Redis's order; unknown names are nothing."""
    wanted = {argument.lower().decode("latin-1") for argument in arguments}
    if not wanted or "default" in wanted:
        wanted |= DEFAULT_SECTIONS
    is_all = "all" in wanted or "everything" in wanted
    report = Report(engine)
    parts: list[str] = []
    for name, title, lines in SECTIONS:
        if is_all or name in wanted or (name == "modules" and "module_list" in wanted):
            parts.append("\r\n".join([f"# {title}", *lines(report), ""]))
    return "\r\n".join(parts).encode("utf-8", "surrogateescape")
