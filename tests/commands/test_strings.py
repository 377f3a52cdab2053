"""String commands, in process."""

from __future__ import annotations

from tests.support.inprocess import InProcess


def test_set_with_expiry_lapses() -> None:
    server = InProcess()
    client = server.client()
    assert client.command("SET", "k", "v", "EX", 10) == b"+OK\r\n"
    assert client.command("GET", "k") == b"$1\r\nv\r\n"
    server.clock.advance(10_000)
    assert client.command("GET", "k") == b"$-1\r\n"
