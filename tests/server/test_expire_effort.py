"""`active-expire-effort`: how long the server stays with overdue keys before it serves others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from pyredis.server.cron import SLICE_SECONDS, expiry_seconds
from tests.support.servers import PyredisServer
from tests.support.wire import encode

if TYPE_CHECKING:
    from tests.support.wire import RawConnection

KEYS = 40_000


def cuts(client: RawConnection) -> int:
    """How many slices of expiry ended before their work did."""
    found = re.search(rb"expired_time_cap_reached_count:(\d+)", client.command("INFO", "stats"))
    assert found is not None
    return int(found[1])


def expire_all(client: RawConnection, effort: int) -> int:
    """Lets many keys be overdue at once; how many slices it takes to remove them."""
    assert client.command("CONFIG", "SET", "active-expire-effort", effort) == b"+OK\r\n"
    assert client.command("DEBUG", "SET-ACTIVE-EXPIRE", 0) == b"+OK\r\n"
    assert client.command("CONFIG", "RESETSTAT") == b"+OK\r\n"
    client.send(b"".join([encode("SET", f"k{number}", "v", "PX", 1) for number in range(KEYS)]))
    for _ in range(KEYS):
        assert client.read_reply() == b"+OK\r\n"
    assert client.command("DEBUG", "SET-ACTIVE-EXPIRE", 1) == b"+OK\r\n"
    while client.command("DBSIZE") != b":0\r\n":
        pass
    return cuts(client)


def test_slices_are_one_to_three_milliseconds() -> None:
    assert expiry_seconds(1) == SLICE_SECONDS
    assert expiry_seconds(10) == pytest.approx(3 * SLICE_SECONDS)


def test_more_effort_takes_fewer_and_longer_slices() -> None:
    with PyredisServer("--save", "", "--enable-debug-command", "yes") as server, server.connect(30) as client:
        little, much = expire_all(client, 1), expire_all(client, 10)
    assert little > 1.5 * much
