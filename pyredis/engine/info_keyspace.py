"""INFO keyspace and cluster: how many keys each database has, and how long they will live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis.engine.info_report import Report

if TYPE_CHECKING:
    from pyredis.engine.engine import Engine
    from pyredis.keyspace.database import Database

TTL_SAMPLES: Final = 16
"""Deadlines looked at for the mean time to live of a database."""


def keyspace_lines(report: Report) -> list[str]:
    """Size of each database that is not empty."""
    engine = report.engine
    lines: list[str] = []
    for database in engine.keyspace.databases:
        if len(database):
            mean, _ = _sample_ttls(database)
            counts = f"keys={len(database)},expires={database.expires.size}"
            subexpiry = database.field_expires.size
            lines.append(f"db{database.index}:{counts},avg_ttl={mean},subexpiry={subexpiry}")
    return lines


def cluster_lines(report: Report) -> list[str]:
    """There is no cluster."""
    return ["cluster_enabled:0"]


def mean_ttl(database: Database) -> int:
    """The mean time to live in milliseconds of the keys that have one, from a sample."""
    return _sample_ttls(database)[0]


def stale_percentage(engine: Engine) -> float:
    """The share of keys with a deadline that are past it and not yet removed, from samples."""
    stale = sampled = 0.0
    for database in engine.keyspace.databases:
        size = database.expires.size
        if size:
            stale += _sample_ttls(database)[1] * int(size)
            sampled += int(size)
    return stale * 100 / sampled if sampled else 0.0


def _sample_ttls(database: Database) -> tuple[int, float]:
    """The mean time to live in milliseconds of some keys that have one, and the share of those due."""
    expires = database.expires
    if expires.size == 0:
        return 0, 0.0
    if expires.size <= TTL_SAMPLES:
        keys = expires.keys()
    else:
        keys = [expires.random_key() for _ in range(TTL_SAMPLES)]
    now_ms = database.clock.now_ms
    total = alive = 0
    for key in keys:
        left_ms = database.deadline(key) - now_ms
        if left_ms > 0:
            total += left_ms
            alive += 1
    return total // max(alive, 1), 1.0 - alive / len(keys)
