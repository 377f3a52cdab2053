"""Keyspace notifications: which events are published, to whom, when and in which order."""

from __future__ import annotations

import pytest

from tests.support.inprocess import Client, InProcess
from tests.support.observed import Log
from tests.support.wire import decode, parse_replies


class Listening(InProcess):
    """A server with a client that listens to everything and one that works."""

    def __init__(self, flags: str, pattern: str = "__key*__:*") -> None:
        super().__init__((b"notify-keyspace-events", flags.encode()))
        self.ear = self.client()
        self.ear.command("PSUBSCRIBE", pattern)
        self.user = self.client()

    def heard(self) -> list[str]:
        """Channel and message of what came since the last look."""
        return messages(self.ear.received())


def messages(data: bytes) -> list[str]:
    """`channel message` for each message of a pattern in a stream of replies."""
    found = []
    for reply in parse_replies(data):
        tree = decode(reply)
        items = tree[1] if isinstance(tree, tuple) else tree
        if isinstance(items, list) and items[0] == b"pmessage":
            found.append(b" ".join(item for item in items[2:] if isinstance(item, bytes)).decode())
    return found


def run(client: Client, line: str) -> bytes:
    return client.command(*line.split())


def test_nothing_is_published_by_default() -> None:
    server = Listening("")
    run(server.user, "SET k v")
    assert server.heard() == []
    assert server.engine.keyspace.listener is None


def test_an_event_goes_to_the_channel_of_its_key_and_then_to_its_own() -> None:
    server = Listening("KEA")
    run(server.user, "SELECT 3")
    run(server.user, "SET k v")
    assert server.heard() == ["__keyspace@3__:k set", "__keyevent@3__:set k"]


@pytest.mark.parametrize(
    ("flags", "line", "events"),
    [
        ("E$", "SET s v EX 10", ["set s"]),
        ("Eg", "SET s v EX 10", ["expire s"]),
        ("E$g", "SET s v EX 10", ["set s", "expire s"]),
        ("Eg", "DEL s0 l0", ["del s0", "del l0"]),
        ("El", "LPUSH l 1", ["lpush l"]),
        ("Es", "SADD s 1", ["sadd s"]),
        ("Eh", "HSET h f v", ["hset h"]),
        ("Ez", "ZADD z 1 m", ["zadd z"]),
        ("Et", "XADD x 1-1 f v", ["xadd x"]),
        ("Em", "GET nosuch", ["keymiss nosuch"]),
        ("En", "SET fresh v", ["new fresh"]),
        ("En", "SET s0 v", []),
        ("EA", "GET nosuch", []),
        ("EA", "SET fresh v", ["set fresh"]),
        ("EAmn", "SET fresh v", ["new fresh", "set fresh"]),
        ("Eglshzxetd", "SET s v", []),
        ("E$", "LPUSH l 1", []),
        ("$g", "SET s v", []),
    ],
)
def test_classes(flags: str, line: str, events: list[str]) -> None:
    server = Listening(flags)
    run(server.user, "SET s0 v")
    run(server.user, "LPUSH l0 v")
    server.heard()
    run(server.user, line)
    assert server.heard() == [f"__keyevent@0__:{event}" for event in events]


def test_config_shows_the_canonical_flags() -> None:
    server = InProcess()
    client = server.client()
    for given, shown in (("lgAKE", "AKE"), ("tEK", "tKE"), ("g$lshzxetd", "A"), ("", ""), ("Km", "Km")):
        assert client.command("CONFIG", "SET", "notify-keyspace-events", given) == b"+OK\r\n"
        reply = decode(client.command("CONFIG", "GET", "notify-keyspace-events"))
        assert reply == [b"notify-keyspace-events", shown.encode()]
    reply = client.command("CONFIG", "SET", "notify-keyspace-events", "q")
    assert b"Invalid event class character" in reply


def test_turning_it_off_stops_the_databases_from_reporting() -> None:
    server = Listening("KEA")
    assert server.engine.keyspace.listener is server.engine
    run(server.user, "SET k v")
    assert len(server.heard()) == 2
    server.user.command("CONFIG", "SET", "notify-keyspace-events", "")
    run(server.user, "SET k v")
    assert server.heard() == []
    assert server.engine.keyspace.listener is None


def test_a_key_that_is_met_after_its_time_has_expired_before_the_miss() -> None:
    server = Listening("Exm")
    run(server.user, "SET k v PX 5")
    server.clock.advance(10)
    run(server.user, "GET k")
    assert server.heard() == ["__keyevent@0__:expired k", "__keyevent@0__:keymiss k"]


def test_a_key_that_expires_in_the_background_is_reported_at_once() -> None:
    server = Listening("Ex")
    run(server.user, "SET k v PX 5")
    server.clock.advance(1000)
    assert server.heard() == []
    assert server.engine.keyspace.databases[0].expire_due(10) > 0
    assert server.heard() == ["__keyevent@0__:expired k"]


def test_a_listener_hears_of_its_own_command_behind_the_reply() -> None:
    server = InProcess((b"notify-keyspace-events", b"KEA"))
    client = server.client(3)
    client.command("PSUBSCRIBE", "__keyevent@*")
    received = client.command("SET", "k", "v")
    assert received.startswith(b"+OK\r\n>4\r\n")
    assert messages(received) == ["__keyevent@0__:set k"]


def test_a_script_reports_while_it_runs() -> None:
    server = Listening("E$g")
    server.user.command("EVAL", "redis.call('set', 'a', 1) redis.call('del', 'a')", "0")
    assert server.heard() == ["__keyevent@0__:set a", "__keyevent@0__:del a"]


def test_a_transaction_reports_while_it_runs() -> None:
    server = Listening("E$g")
    server.user.send(b"MULTI\r\nSET a 1\r\nDEL a\r\nINCR b\r\n")
    assert server.heard() == []
    run(server.user, "EXEC")
    assert server.heard() == ["__keyevent@0__:set a", "__keyevent@0__:del a", "__keyevent@0__:incrby b"]


def test_a_push_that_serves_a_waiting_client_reports_both() -> None:
    server = Listening("EAl")
    waiting = server.client()
    run(waiting, "BLPOP l 0")
    run(server.user, "RPUSH l 1")
    assert server.heard() == [
        "__keyevent@0__:rpush l",
        "__keyevent@0__:lpop l",
        "__keyevent@0__:del l",
    ]


def test_the_log_is_written_as_well() -> None:
    server = Listening("KEA")
    log = Log()
    server.engine.add_sink(log)
    run(server.user, "SET k v")
    assert log.commands == [[b"SET", b"k", b"v"]]
    server.engine.remove_sink(log)
    run(server.user, "SET k v")
    assert len(server.heard()) == 4
    assert server.engine.keyspace.listener is server.engine
