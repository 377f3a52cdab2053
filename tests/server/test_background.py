"""What the cron does while nobody asks: expiring keys, and freeing what was deleted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.server.network import PATIENCE
from tests.support.servers import PyredisServer

if TYPE_CHECKING:
    from tests.support.wire import RawConnection


def eventually(condition: Callable[[], bool]) -> None:
    """Asks again and again until the answer is yes."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline


def info(client: RawConnection, name: str) -> int:
    found = re.search(rb"%b:(\d+)" % name.encode(), client.command("INFO"))
    assert found is not None
    return int(found[1])


def test_keys_expire_though_nobody_looks_at_them() -> None:
    with PyredisServer() as server, server.connect(PATIENCE) as client:
        for n in range(500):
            client.command("SET", f"k{n}", "v", "PX", str(50 + n % 100))
        client.command("SELECT", "9")
        client.command("SET", "k", "v", "PX", "20")
        client.command("SET", "stays", "v", "EX", "1000")
        eventually(lambda: info(client, "expired_keys") == 501)
        assert client.command("DBSIZE") == b":1\r\n"


def test_expiring_in_the_background_can_be_switched_off() -> None:
    arguments = ("--enable-debug-command", "yes", "--hz", "500")
    with PyredisServer(*arguments) as server, server.connect(PATIENCE) as client:
        assert client.command("DEBUG", "SET-ACTIVE-EXPIRE", "0") == b"+OK\r\n"
        client.command("SET", "k", "v", "PX", "5")
        for _ in range(20):  # chances for the cron
            client.command("DEBUG", "SLEEP", "0.005")
        assert client.command("DBSIZE") == b":1\r\n"
        client.command("DEBUG", "SET-ACTIVE-EXPIRE", "1")
        eventually(lambda: client.command("DBSIZE") == b":0\r\n")


def test_what_was_flushed_or_unlinked_is_freed_later() -> None:
    with PyredisServer("--enable-debug-command", "yes") as server, server.connect(PATIENCE) as client:
        client.command("DEBUG", "POPULATE", "20000")
        assert client.command("FLUSHALL", "ASYNC") == b"+OK\r\n"
        assert client.command("DBSIZE") == b":0\r\n"
        eventually(lambda: info(client, "lazyfreed_objects") == 20_000)
        assert info(client, "lazyfree_pending_objects") == 0
        pairs = [word for n in range(2000) for word in (str(n), f"member:{n}")]
        client.command("ZADD", "z", *pairs)
        assert client.command("UNLINK", "z") == b":1\r\n"
        eventually(lambda: info(client, "lazyfreed_objects") == 20_001)
        client.command("CONFIG", "RESETSTAT")
        assert info(client, "lazyfreed_objects") == 0


def test_paused_cron_expires_nothing() -> None:
    with PyredisServer("--enable-debug-command", "yes", "--hz", "100") as server, server.connect() as client:
        assert client.command("DEBUG", "PAUSE-CRON", "1") == b"+OK\r\n"
        client.command("SET", "k", "v", "PX", "1")
        for _ in range(3):  # each a tick and more
            assert client.command("DEBUG", "SLEEP", "0.02") == b"+OK\r\n"
        assert client.command("DBSIZE") == b":1\r\n"
        assert client.command("DEBUG", "PAUSE-CRON", "0") == b"+OK\r\n"
        eventually(lambda: client.command("DBSIZE") == b":0\r\n")
