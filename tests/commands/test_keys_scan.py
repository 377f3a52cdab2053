"""KEYS and SCAN, in process."""

from __future__ import annotations

import random

import pytest

from pyredis.commands.scanning import scan_cursor, scan_options
from pyredis.errors import CommandError
from tests.commands.test_keys import NOT_AN_INTEGER, SYNTAX, make_large
from tests.support.inprocess import Client, InProcess
from tests.support.wire import decode


def scan(client: Client, cursor: int, *options: str | int) -> tuple[int, list[bytes]]:
    reply = decode(client.command("SCAN", cursor, *options))
    assert isinstance(reply, list)
    following, found = reply
    assert isinstance(following, bytes)
    assert isinstance(found, list)
    return int(following), found  # type: ignore[return-value]


def scan_all(client: Client, *options: str | int) -> list[bytes]:
    cursor, found = scan(client, 0, *options)
    while cursor:
        cursor, more = scan(client, cursor, *options)
        found += more
    return found


def listed(client: Client, pattern: str | bytes) -> set[bytes]:
    found = decode(client.command("KEYS", pattern))
    assert isinstance(found, list)
    assert len(found) == len(set(found))
    return set(found)  # type: ignore[arg-type]


@pytest.fixture
def server() -> InProcess:
    return InProcess()


@pytest.fixture
def client(server: InProcess) -> Client:
    client = server.client()
    for key in ("", "hello", "hallo", "hxllo", "heeeello", "other"):
        client.command("SET", key, "v")
    return client


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", {"", "hello", "hallo", "hxllo", "heeeello", "other"}),
        ("h?llo", {"hello", "hallo", "hxllo"}),
        ("h*llo", {"hello", "hallo", "hxllo", "heeeello"}),
        ("h[ae]llo", {"hello", "hallo"}),
        ("h[^e]llo", {"hallo", "hxllo"}),
        ("hello", {"hello"}),
        ("", {""}),
        ("**", {"hello", "hallo", "hxllo", "heeeello", "other"}),
        ("nothing*", set()),
    ],
)
def test_patterns(client: Client, pattern: str, found: set[str]) -> None:
    expected = {key.encode() for key in found}
    assert listed(client, pattern) == expected
    assert set(scan_all(client, "MATCH", pattern)) == expected


def test_keys_and_scan_hide_expired_keys_and_scan_removes_them(server: InProcess, client: Client) -> None:
    client.command("SET", "gone", "v", "PX", 1)
    server.clock.advance(1)
    assert b"gone" not in listed(client, "*")
    assert client.command("DBSIZE") == b":7\r\n"
    assert b"gone" not in scan_all(client)
    assert client.command("DBSIZE") == b":6\r\n"


def test_scan_by_type_counts_as_looking(server: InProcess, client: Client) -> None:
    make_large(client, "large")
    client.command("SET", "gone", "v", "PX", 1)
    server.clock.advance(1)
    assert scan_all(client, "TYPE", "zset") == [b"large"]
    keyspace = server.engine.keyspace
    assert (keyspace.hits, keyspace.misses) == (7, 1)
    assert set(scan_all(client, "TYPE", "STRING", "MATCH", "o*")) == {b"other"}
    assert scan_all(client, "TYPE", "nosuchtype") == []


def test_scan_returns_about_as_many_as_asked(client: Client) -> None:
    for n in range(2000):
        client.command("SET", f"key:{n}", "v")
    cursor, found = scan(client, 0, "COUNT", 50)
    assert len(found) == 50
    assert cursor != 0
    assert len(set(scan_all(client, "COUNT", 7))) == 2006
    assert len(scan_all(client, "COUNT", 100_000)) == 2006


def test_scan_misses_no_key_that_stays(client: Client) -> None:
    choose = random.Random(8)
    for n in range(3000):
        client.command("SET", f"stay:{n}", "v")
    cursor, seen, calls = 0, set(), 0
    while calls == 0 or cursor:
        cursor, found = scan(client, cursor, "COUNT", 20)
        seen |= set(found)
        calls += 1
        for _ in range(30):
            name = f"pass:{choose.randrange(3000)}"
            client.command(*(("SET", name, "v") if choose.random() < 0.6 else ("DEL", name)))
        assert calls < 2000
    assert {b"stay:%d" % n for n in range(3000)} <= seen


@pytest.mark.parametrize(
    ("argv", "reply"),
    [
        (["abc"], b"-ERR invalid cursor\r\n"),
        (["18446744073709551616"], b"-ERR invalid cursor\r\n"),
        (["abc", "WHAT"], b"-ERR invalid cursor\r\n"),
        (["0", "COUNT", "0"], SYNTAX),
        (["0", "COUNT", "-5"], SYNTAX),
        (["0", "COUNT", "x"], NOT_AN_INTEGER),
        (["0", "COUNT"], SYNTAX),
        (["0", "MATCH"], SYNTAX),
        (["0", "TYPE"], SYNTAX),
        (["0", "NOVALUES"], b"-ERR NOVALUES option can only be used in HSCAN\r\n"),
        (["0", "NOVALUES", "COUNT", "0"], b"-ERR NOVALUES option can only be used in HSCAN\r\n"),
        (["0", "COUNT", "0", "NOVALUES"], SYNTAX),
        (["0", "COUNT", "5", "WHAT", "x"], SYNTAX),
        ([], b"-ERR wrong number of arguments for 'scan' command\r\n"),
    ],
)
def test_scan_errors(client: Client, argv: list[str], reply: bytes) -> None:
    assert client.command("SCAN", *argv) == reply


@pytest.mark.parametrize(
    ("text", "cursor"),
    [
        (b"0", 0),
        (b"18446744073709551615", (1 << 64) - 1),
        (b"007", 7),
        (b"+5", 5),
        (b" \t5", 5),
        (b"-0", 0),
        (b"-05", (1 << 64) - 5),
        (b"12\0rest", 12),
    ],
)
def test_cursors_are_read_as_generously_as_by_redis(text: bytes, cursor: int) -> None:
    assert scan_cursor(text) == cursor


@pytest.mark.parametrize(
    "text", [b"", b"-1", b"5 ", b"5x", b"x", b"+", b"--5", b"0x5", b"1.0", b"9" * 2000, b"\0"]
)
def test_other_cursors_are_invalid(text: bytes) -> None:
    with pytest.raises(CommandError, match="invalid cursor"):
        scan_cursor(text)


def test_options_of_the_other_scans() -> None:
    options = scan_options(
        [b"HSCAN", b"k", b"0", b"match", b"a*", b"NOVALUES", b"COUNT", b"3"], 3, False, True
    )
    assert (options.pattern, options.count, options.no_values) == (b"a*", 3, True)
    with pytest.raises(CommandError):
        scan_options([b"SSCAN", b"k", b"0", b"TYPE", b"set"], 3, False, False)
