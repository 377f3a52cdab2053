"""SELECT, SWAPDB, DBSIZE and the flushes, in process."""

from __future__ import annotations

import pytest

from tests.commands.test_keys import NO_SUCH_DATABASE, NOT_AN_INT, NOT_AN_INTEGER, OK, SYNTAX, Log
from tests.support.inprocess import InProcess


def test_select_chooses_the_database_of_one_client() -> None:
    server = InProcess()
    one, two = server.client(), server.client()
    assert one.command("SELECT", 9) == OK
    one.command("SET", "k", "nine")
    assert two.command("GET", "k") == b"$-1\r\n"
    two.command("SELECT", 9)
    assert two.command("GET", "k") == b"$4\r\nnine\r\n"


@pytest.mark.parametrize(
    ("index", "reply"),
    [
        ("x", NOT_AN_INTEGER),
        ("", NOT_AN_INTEGER),
        ("1.0", NOT_AN_INTEGER),
        ("16", NO_SUCH_DATABASE),
        ("-1", NO_SUCH_DATABASE),
        ("99999999999", NOT_AN_INT),
        ("99999999999999999999", NOT_AN_INTEGER),
    ],
)
def test_select_errors(index: str, reply: bytes) -> None:
    assert InProcess().client().command("SELECT", index) == reply


def test_swapdb_exchanges_two_databases_for_everybody() -> None:
    server = InProcess()
    one, two = server.client(), server.client()
    two.command("SELECT", 1)
    one.command("SET", "a", "zero", "PX", 1000)
    two.command("SET", "b", "one")
    watcher = server.client()
    watcher.command("WATCH", "a")
    watcher.command("MULTI")
    dirty = server.engine.keyspace.dirty
    assert one.command("SWAPDB", 0, 1) == OK
    assert server.engine.keyspace.dirty == dirty + 1
    assert one.command("GET", "b") == b"$3\r\none\r\n"
    assert two.command("PTTL", "a") == b":1000\r\n"
    assert watcher.command("EXEC") == b"*-1\r\n"
    assert one.command("SWAPDB", 5, 5) == OK


@pytest.mark.parametrize(
    ("first", "second", "reply"),
    [
        ("x", "y", b"-ERR invalid first DB index\r\n"),
        ("99999999999", "0", b"-ERR invalid first DB index\r\n"),
        ("0", "y", b"-ERR invalid second DB index\r\n"),
        ("0", "99999999999", b"-ERR invalid second DB index\r\n"),
        ("0", "16", NO_SUCH_DATABASE),
        ("-1", "0", NO_SUCH_DATABASE),
    ],
)
def test_swapdb_errors(first: str, second: str, reply: bytes) -> None:
    assert InProcess().client().command("SWAPDB", first, second) == reply


def test_dbsize_counts_expired_keys_that_nobody_has_met() -> None:
    server = InProcess()
    client = server.client()
    client.command("SET", "a", "v")
    client.command("SET", "b", "v", "PX", 1)
    server.clock.advance(1)
    assert client.command("DBSIZE") == b":2\r\n"
    client.command("GET", "b")
    assert client.command("DBSIZE") == b":1\r\n"


@pytest.mark.parametrize("mode", [[], ["SYNC"], ["async"], ["ASYNC"]])
def test_flushdb_empties_one_database_and_flushall_all(mode: list[str]) -> None:
    server = InProcess()
    client = server.client()
    log = Log()
    server.engine.add_sink(log)
    for index in (0, 1, 2):
        client.command("SELECT", index)
        for n in range(3):
            client.command("SET", n, "v", "PX", 1000)
    log.take()
    dirty = server.engine.keyspace.dirty
    assert client.command("FLUSHDB", *mode) == OK
    assert server.engine.keyspace.dirty == dirty + 3
    assert client.command("FLUSHALL", *mode) == OK
    assert server.engine.keyspace.dirty == dirty + 9
    words = [word.encode() for word in mode]
    assert log.take() == [[b"FLUSHDB", *words], [b"FLUSHALL", *words]]
    for database in server.engine.keyspace.databases:
        assert len(database) == 0
        database.check()
    assert server.engine.keyspace.lazy_free.pending == (9 if mode and mode[0].upper() == "ASYNC" else 0)


def test_a_flush_is_logged_even_when_there_was_nothing() -> None:
    server = InProcess()
    log = Log()
    server.engine.add_sink(log)
    server.client().command("FLUSHALL")
    assert log.take() == [[b"FLUSHALL"]]


@pytest.mark.parametrize("tail", [["x"], ["SYNC", "ASYNC"], ["SYNC", "SYNC"], [""]])
def test_flush_errors(tail: list[str]) -> None:
    client = InProcess().client()
    client.command("SET", "k", "v")
    assert client.command("FLUSHDB", *tail) == SYNTAX
    assert client.command("FLUSHALL", *tail) == SYNTAX
    assert client.command("DBSIZE") == b":1\r\n"
