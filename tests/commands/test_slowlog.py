"""SLOWLOG: what is logged, in which form, and what is kept out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.inprocess import Client, InProcess
from tests.support.wire import decode


def logging_server(*directives: tuple[bytes, bytes]) -> tuple[InProcess, Client]:
    server = InProcess((b"slowlog-log-slower-than", b"0"), *directives)
    client = server.client()
    client.command("CLIENT", "SETNAME", "me")
    client.command("SLOWLOG", "RESET")
    return server, client


def entries(client: Client, count: str = "-1") -> list[Any]:
    reply = decode(client.command("SLOWLOG", "GET", count))
    assert isinstance(reply, list)
    return reply


def test_nothing_is_slow_by_default() -> None:
    client = InProcess().client()
    client.command("SET", "k", "v")
    assert client.command("SLOWLOG", "LEN") == b":0\r\n"
    assert client.command("SLOWLOG", "GET") == b"*0\r\n"


def test_an_entry() -> None:
    server, client = logging_server()
    client.command("SET", "k", "v")
    number, at, microseconds, argv, address, name = entries(client)[0]
    assert number == 2  # CLIENT SETNAME and SLOWLOG RESET came before
    assert at == server.clock.now_ms // 1000
    assert 0 <= microseconds < 1_000_000
    assert argv == [b"SET", b"k", b"v"]
    assert address == client.session.address.encode()
    assert name == b"me"


def test_resetting_keeps_the_numbers() -> None:
    _, client = logging_server()
    assert client.command("SLOWLOG", "RESET") == b"+OK\r\n"
    # The reset is logged when it has ended.
    assert [entry[3] for entry in entries(client)] == [[b"SLOWLOG", b"RESET"]]
    assert entries(client)[-1][0] == 2


def test_count() -> None:
    _, client = logging_server()
    for number in range(15):
        client.command("SET", "k", number)
    assert len(entries(client, "3")) == 3
    reply = decode(client.command("SLOWLOG", "GET"))
    assert isinstance(reply, list)
    assert len(reply) == 10
    assert entries(client, "0") == []
    for wrong in ("-2", "x", "1.5"):
        reply = client.command("SLOWLOG", "GET", wrong)
        assert reply == b"-ERR count should be greater than or equal to -1\r\n"
    reply = client.command("SLOWLOG", "GET", "1", "2")
    assert reply == b"-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.\r\n"


def test_long_requests_are_cut() -> None:
    _, client = logging_server()
    client.command("SET", "k", b"x" * 200)
    assert entries(client)[0][3] == [b"SET", b"k", b"x" * 128 + b"... (72 more bytes)"]
    client.command("SET", "k", b"x" * 128)
    assert entries(client)[0][3][2] == b"x" * 128
    client.command("DEL", *[f"k{number}" for number in range(31)])
    assert len(entries(client)[0][3]) == 32
    client.command("DEL", *[f"k{number}" for number in range(32)])
    argv = entries(client)[0][3]
    assert len(argv) == 32
    assert argv[-1] == b"... (2 more arguments)"


@pytest.mark.parametrize(
    ("request_line", "shown"),
    [
        ("AUTH secret", "AUTH (redacted)"),
        ("AUTH me secret", "AUTH (redacted) (redacted)"),
        ("HELLO 2 AUTH me secret SETNAME q", "HELLO 2 AUTH (redacted) (redacted) SETNAME q"),
        ("HELLO 2 SETNAME auth", "HELLO 2 SETNAME auth"),
        ("HELLO 2 SETNAME auth AUTH me secret", "HELLO 2 SETNAME auth AUTH (redacted) (redacted)"),
        ("MIGRATE h 1 nokey 0 9 COPY AUTH secret", "MIGRATE h 1 nokey 0 9 COPY AUTH (redacted)"),
        ("MIGRATE h 1 nokey 0 9 AUTH2 auth secret", "MIGRATE h 1 nokey 0 9 AUTH2 (redacted) (redacted)"),
        ("MIGRATE h 1 '' 0 9 KEYS auth nokey", "MIGRATE h 1 '' 0 9 KEYS auth nokey"),
        ("CONFIG SET masterauth secret timeout 0", "CONFIG SET masterauth (redacted) timeout 0"),
        ("CONFIG SET RequirePass secret", "CONFIG SET RequirePass (redacted)"),
        ("CONFIG SET nosuch x masteruser y", "CONFIG SET nosuch x masteruser (redacted)"),
        ("ACL SETUSER bob >secret on", "ACL SETUSER (redacted) (redacted) (redacted)"),
        ("ACL GETUSER bob", "ACL GETUSER (redacted)"),
        ("ACL DELUSER bob", "ACL DELUSER (redacted)"),
        ("ACL WHOAMI", "ACL WHOAMI"),
    ],
)
def test_secrets_are_not_shown(request_line: str, shown: str) -> None:
    _, client = logging_server()
    client.command(*request_line.split())
    assert entries(client)[0][3] == shown.encode().split()


def test_what_is_logged_of_a_transaction() -> None:
    _, client = logging_server()
    client.send(b"MULTI\r\nSET k v\r\nGET k\r\nEXEC\r\n")
    shown = [entry[3] for entry in entries(client)]
    assert shown[:3] == [[b"GET", b"k"], [b"SET", b"k", b"v"], [b"MULTI"]]
    assert [b"EXEC"] not in shown


def test_what_a_script_calls_has_no_client() -> None:
    _, client = logging_server()
    client.command("EVAL", "redis.call('get', 'k')", "0")
    script, call = entries(client)[:2]
    assert script[3][0] == b"EVAL"
    assert script[4:] == [client.session.address.encode(), b"me"]
    assert call[3:] == [[b"get", b"k"], b"?:0", b""]


def test_refused_requests_are_not_logged() -> None:
    _, client = logging_server()
    client.command("GET")
    client.command("NOSUCH")
    client.command("LPUSH", "l", "1")
    client.command("GET", "l")  # an error of the command itself
    assert [entry[3][0] for entry in entries(client)] == [b"GET", b"LPUSH", b"SLOWLOG"]


def test_the_oldest_entries_go() -> None:
    _, client = logging_server((b"slowlog-max-len", b"3"))
    for number in range(5):
        client.command("SET", "k", number)
    assert [entry[3][-1] for entry in entries(client)] == [b"4", b"3", b"2"]
    client.command("CONFIG", "SET", "slowlog-max-len", "1")
    assert client.command("SLOWLOG", "LEN") == b":1\r\n"


def test_turned_off() -> None:
    server, client = logging_server()
    for name, value in (("slowlog-max-len", "0"), ("slowlog-log-slower-than", "-1")):
        client.command("CONFIG", "SET", name, value)
        server.engine.slow_log.entries.clear()
        client.command("SET", "k", "v")
        assert client.command("SLOWLOG", "LEN") == b":0\r\n"
        client.command("CONFIG", "SET", "slowlog-max-len", "128")
    client.command("CONFIG", "SET", "slowlog-log-slower-than", "100000000")
    server.engine.slow_log.entries.clear()
    client.command("SET", "k", "v")
    assert client.command("SLOWLOG", "LEN") == b":0\r\n"


def test_help_and_unknown_subcommands() -> None:
    client = InProcess().client()
    assert client.command("SLOWLOG", "HELP").startswith(b"*12\r\n+SLOWLOG <subcommand>")
    assert client.command("SLOWLOG", "X") == b"-ERR unknown subcommand 'X'. Try SLOWLOG HELP.\r\n"
