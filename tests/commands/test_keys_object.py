"""OBJECT, in process."""

from __future__ import annotations

import pytest

from tests.commands.test_keys import make_large
from tests.support.inprocess import Client, InProcess

SWITCHING = (
    b" Please note that when switching between policies at runtime LRU and LFU data will take some time to "
    b"adjust.\r\n"
)


@pytest.fixture
def server() -> InProcess:
    return InProcess()


@pytest.fixture
def client(server: InProcess) -> Client:
    return server.client()


@pytest.mark.parametrize(
    ("value", "encoding"),
    [
        ("", b"embstr"),
        ("a", b"embstr"),
        ("0", b"int"),
        ("-9223372036854775808", b"int"),
        ("9223372036854775807", b"int"),
        ("9223372036854775808", b"embstr"),
        ("007", b"embstr"),
        ("-0", b"embstr"),
        ("1.5", b"embstr"),
        ("x" * 44, b"embstr"),
        ("x" * 45, b"raw"),
    ],
)
def test_encodings_of_strings(client: Client, value: str, encoding: bytes) -> None:
    client.command("SET", "k", value)
    assert client.command("OBJECT", "ENCODING", "k") == b"$%d\r\n%b\r\n" % (len(encoding), encoding)


def test_encodings_after_changes(client: Client) -> None:
    client.command("INCR", "n")
    assert client.command("OBJECT", "ENCODING", "n") == b"$3\r\nint\r\n"
    client.command("APPEND", "n", "1")
    assert client.command("OBJECT", "ENCODING", "n") == b"$3\r\nraw\r\n"
    make_large(client, "large")
    assert client.command("object", "encoding", "large") == b"$8\r\nskiplist\r\n"


def test_looking_at_objects_counts_and_is_no_access(server: InProcess, client: Client) -> None:
    client.command("SET", "k", "v")
    server.clock.advance(7000)
    for subcommand in ("ENCODING", "REFCOUNT", "IDLETIME"):
        assert not client.command("OBJECT", subcommand, "k").startswith(b"-")
        assert client.command("OBJECT", subcommand, "absent") == b"$-1\r\n"
    assert (server.engine.keyspace.hits, server.engine.keyspace.misses) == (3, 3)
    assert client.command("OBJECT", "IDLETIME", "k") == b":7\r\n"
    assert server.client(3).command("OBJECT", "ENCODING", "absent") == b"_\r\n"


def test_what_ends_idleness(server: InProcess, client: Client) -> None:
    for argv in (
        ["GET", "k"],
        ["SET", "k", "w"],
        ["APPEND", "k", "x"],
        ["EXPIRE", "k", "100"],
        ["STRLEN", "k"],
    ):
        client.command("SET", "k", "v")
        server.clock.advance(9000)
        client.command(*argv)
        assert client.command("OBJECT", "IDLETIME", "k") == b":0\r\n", argv


def test_frequency_and_idle_time_exclude_each_other(client: Client) -> None:
    client.command("SET", "k", "v")
    assert client.command("OBJECT", "FREQ", "k") == (
        b"-ERR An LFU maxmemory policy is not selected, access frequency not tracked." + SWITCHING
    )
    assert client.command("OBJECT", "FREQ", "absent") == b"$-1\r\n"
    client.command("CONFIG", "SET", "maxmemory-policy", "volatile-lfu", "lfu-log-factor", "0")
    assert client.command("OBJECT", "IDLETIME", "k") == (
        b"-ERR An LFU maxmemory policy is selected, idle time not tracked." + SWITCHING
    )
    assert client.command("OBJECT", "IDLETIME", "absent") == b"$-1\r\n"
    assert client.command("OBJECT", "FREQ", "k") == b":5\r\n"
    client.command("GET", "k")
    assert client.command("OBJECT", "FREQ", "k") == b":6\r\n"
    client.command("SET", "k", "w")
    assert client.command("OBJECT", "FREQ", "k") == b":7\r\n"
    client.command("DEL", "k")
    client.command("SET", "k", "w")
    assert client.command("OBJECT", "FREQ", "k") == b":5\r\n"
    client.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert client.command("OBJECT", "IDLETIME", "k") == b":0\r\n"


@pytest.mark.parametrize(
    ("value", "count"),
    [("0", 2147483647), ("9999", 2147483647), ("10000", 1), ("-1", 1), ("a", 1), ("01", 1)],
)
def test_reference_counts(client: Client, value: str, count: int) -> None:
    client.command("SET", "k", value)
    assert client.command("OBJECT", "REFCOUNT", "k") == b":%d\r\n" % count


def test_integers_are_not_shared_when_their_use_is_tracked(client: Client) -> None:
    client.command("SET", "k", "5")
    client.command("CONFIG", "SET", "maxmemory", "100gb", "maxmemory-policy", "allkeys-lru")
    assert client.command("OBJECT", "REFCOUNT", "k") == b":1\r\n"


def test_help_and_errors(client: Client) -> None:
    assert client.command("OBJECT", "HELP").startswith(
        b"*15\r\n+OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n+ENCODING <key>\r\n"
    )
    assert (
        client.command("OBJECT", "NOSUCH", "k") == b"-ERR unknown subcommand 'NOSUCH'. Try OBJECT HELP.\r\n"
    )
    assert client.command("OBJECT", "FREQ") == b"-ERR wrong number of arguments for 'object|freq' command\r\n"
    assert client.command("OBJECT") == b"-ERR wrong number of arguments for 'object' command\r\n"
