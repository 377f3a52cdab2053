"""No command that works on data is missing, beside the list of what Redis 7.4 has."""

from __future__ import annotations

from typing import Final

import pytest

from scripts.command_coverage import additional, listed, missing
from tests.support.servers import RedisServer, find_redis_server
from tests.support.wire import decode

DATA_GROUPS: Final = (
    "string", "list", "set", "sorted-set", "hash", "stream", "bitmap", "hyperloglog", "geo", "generic",
    "pubsub", "transactions", "connection",
)  # fmt: skip
OF_REPLICATION: Final = frozenset(("WAIT", "WAITAOF", "MIGRATE"))
"""What the group `generic` has that is about other servers, and may come later than the data commands."""

NEWER: Final = ("HGETDEL", "HGETEX", "HSETEX")
"""Commands of Redis 8 that are here on purpose."""


@pytest.mark.parametrize("group", DATA_GROUPS)
def test_no_data_command_is_missing(group: str) -> None:
    assert not set(missing().get(group, [])) - OF_REPLICATION


def test_nothing_was_made_up() -> None:
    assert additional() == list(NEWER)


def test_the_list_has_no_doubles() -> None:
    names = [name for names in listed().values() for name in names]
    assert len(names) == len(set(names)) > 370


@pytest.mark.skipif(find_redis_server() is None, reason="redis-server is not installed")
def test_the_list_has_what_an_older_redis_has() -> None:
    with RedisServer() as server, server.connect() as connection:
        names = decode(connection.command("COMMAND", "LIST"))
    assert isinstance(names, list)
    known = {name.lower().replace(" ", "|") for names in listed().values() for name in names}
    assert {name.decode() for name in names if isinstance(name, bytes)} <= known
