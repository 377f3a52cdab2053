"""MONITOR: the line of each request, what is hidden, and how it ends."""

from __future__ import annotations

import re

import pytest

from pyredis.engine.engine import GATE_LISTENING
from tests.support.inprocess import Client, InProcess


def watched(protocol: int = 2) -> tuple[InProcess, Client, Client]:
    """A server, a client that monitors and one that works."""
    server = InProcess()
    monitor = server.client(protocol)
    user = server.client()
    assert monitor.command("MONITOR") == b"+OK\r\n"
    return server, monitor, user


def shown(monitor: Client) -> list[str]:
    """The lines without time and address."""
    found = []
    for line in monitor.received().split(b"\r\n")[:-1]:
        match = re.fullmatch(rb"\+\d+\.\d{6} \[(\d+) [^\]]+\] (.*)", line)
        assert match, line
        found.append(f"{match[1].decode()} {match[2].decode()}")
    return found


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_line(protocol: int) -> None:
    server, monitor, user = watched(protocol)
    user.command("get", "k")
    address = user.session.address.encode()
    seconds = b"%d" % (server.clock.now_ms // 1000)
    assert monitor.received() == b"+" + seconds + b".000000 [0 " + address + b'] "get" "k"\r\n'


def test_quoting() -> None:
    _, monitor, user = watched()
    user.command("SET", "k", b'a"b\\\n\r\t\a\b\x00\x7f\xff ~')
    assert shown(monitor) == [r'0 "SET" "k" "a\"b\\\n\r\t\a\b\x00\x7f\xff ~"']


def test_the_database_is_that_after_the_command() -> None:
    _, monitor, user = watched()
    user.command("SELECT", "5")
    user.command("PING")
    assert shown(monitor) == ['5 "SELECT" "5"', '5 "PING"']


def test_administration_and_what_did_not_run_is_not_shown() -> None:
    _, monitor, user = watched()
    user.command("CONFIG", "GET", "port")
    user.command("SLOWLOG", "LEN")
    user.command("NOSUCH")
    user.command("GET")
    assert shown(monitor) == []
    user.command("HSET", "k", "f", "v")
    user.command("GET", "k")  # failed, but ran
    assert shown(monitor) == ['0 "HSET" "k" "f" "v"', '0 "GET" "k"']


def test_secrets() -> None:
    _, monitor, user = watched()
    user.command("AUTH", "me", "secret")
    user.command("HELLO", "2", "AUTH", "me", "secret")
    assert shown(monitor) == [
        '0 "AUTH" "(redacted)" "(redacted)"',
        '0 "HELLO" "2" "AUTH" "(redacted)" "(redacted)"',
    ]


def test_a_transaction_is_shown_when_it_runs() -> None:
    _, monitor, user = watched()
    user.send(b"MULTI\r\nGET a\r\nINCR b\r\n")
    assert shown(monitor) == ['0 "MULTI"']
    user.command("EXEC")
    assert shown(monitor) == ['0 "GET" "a"', '0 "INCR" "b"', '0 "EXEC"']


def test_a_monitor_sees_itself_behind_the_reply_and_may_not_touch_data() -> None:
    _, monitor, _ = watched()
    received = monitor.command("PING")
    assert received.startswith(b"+PONG\r\n+")
    assert received.endswith(b'] "PING"\r\n')
    for line in ("GET k", "SET k v", "PUBLISH c m"):
        assert monitor.command(*line.split()) == b"-ERR Replica can't interact with the keyspace\r\n"
    # The second time there is no answer at all.
    assert monitor.send(b"MONITOR\r\nPING\r\n").startswith(b"+PONG\r\n")


def test_the_flag_of_client_list() -> None:
    _, monitor, user = watched()
    lines = user.command("CLIENT", "LIST").split(b"\n")
    assert sum(b" flags=O " in line for line in lines) == 1
    monitor.command("RESET")
    assert b" flags=O " not in user.command("CLIENT", "LIST")


@pytest.mark.parametrize("how", ["reset", "quit", "disconnect"])
def test_the_end(how: str) -> None:
    server, monitor, user = watched()
    assert server.engine.gates & GATE_LISTENING
    if how == "disconnect":
        monitor.disconnect()
    else:
        monitor.command(how)
        if how == "quit":
            monitor.disconnect()
    monitor.received()
    assert not server.engine.gates & GATE_LISTENING
    assert not server.engine.monitors.clients
    user.command("SET", "k", "v")
    assert monitor.received() == b""
    if how == "reset":
        assert monitor.command("GET", "k") == b"$1\r\nv\r\n"


def test_not_in_a_transaction() -> None:
    client = InProcess().client()
    client.send(b"MULTI\r\nMONITOR\r\n")
    assert client.command("EXEC") == b"*1\r\n-ERR MONITOR isn't allowed for DENY BLOCKING client\r\n"


def test_a_script_is_shown_before_what_it_calls() -> None:
    _, monitor, user = watched()
    user.command("SELECT", "2")
    monitor.received()
    script = "redis.call('get', KEYS[1])"
    user.command("EVAL", script, "1", "k")
    lines = monitor.received().split(b"\r\n")
    assert lines[0].endswith(b'] "EVAL" "%b" "1" "k"' % script.encode())
    assert lines[1].endswith(b' [2 lua] "get" "k"')
    assert lines[2:] == [b""]


def test_several_monitors() -> None:
    server, monitor, user = watched()
    other = server.client()
    other.command("MONITOR")
    user.command("PING")
    assert shown(monitor) == shown(other) == ['0 "PING"']
