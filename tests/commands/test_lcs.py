"""LCS, in process."""

from __future__ import annotations

import pytest

from pyredis.datatypes.value import Value
from tests.support.observed import Observed

NOT_AN_INTEGER = b"-ERR value is not an integer or out of range\r\n"
SYNTAX = b"-ERR syntax error\r\n"

MATCHES = (
    b"$7\r\nmatches\r\n*2\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n*2\r\n*2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n"
    b"$3\r\nlen\r\n:6\r\n"
)


@pytest.fixture
def server() -> Observed:
    server = Observed()
    server.run("MSET key1 ohmytext key2 mynewtext")
    return server


def test_text_and_length(server: Observed) -> None:
    assert server.run("LCS key1 key2") == b"$6\r\nmytext\r\n"
    assert server.run("LCS key2 key1") == b"$6\r\nmytext\r\n"
    assert server.run("LCS key1 key2 len") == b":6\r\n"
    assert server.run("LCS key1 key2 MINMATCHLEN 4 WITHMATCHLEN") == b"$6\r\nmytext\r\n"
    assert server.run("LCS key1 key1") == b"$8\r\nohmytext\r\n"


def test_indexes(server: Observed) -> None:
    assert server.run("LCS key1 key2 IDX") == b"*4\r\n" + MATCHES
    server.user.session.set_protocol(3)
    assert server.run("LCS key1 key2 IDX") == b"%2\r\n" + MATCHES


@pytest.mark.parametrize("least", ["3", "4"])
def test_only_long_matches_with_their_length(server: Observed, least: str) -> None:
    assert server.run(f"LCS key1 key2 IDX WITHMATCHLEN MINMATCHLEN 9 MINMATCHLEN {least}") == (
        b"*4\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n$3\r\nlen\r\n:6\r\n"
    )


def test_none_long_enough(server: Observed) -> None:
    assert server.run("LCS key1 key2 IDX MINMATCHLEN 5") == (
        b"*4\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:6\r\n"
    )
    assert server.run("LCS key1 key2 IDX MINMATCHLEN -5") == b"*4\r\n" + MATCHES


def test_missing_and_other_forms_of_strings(server: Observed) -> None:
    assert server.run("LCS key1 none") == b"$0\r\n\r\n"
    assert server.run("LCS none none LEN") == b":0\r\n"
    assert server.run("LCS none key1 IDX") == b"*4\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:0\r\n"
    server.run("INCRBY n 123")
    server.run("APPEND r 12")
    server.run("APPEND r 3")
    assert server.run("LCS n r") == b"$3\r\n123\r\n"


def test_errors(server: Observed) -> None:
    server.engine.keyspace.databases[0].store(b"other", Value())
    both = b"-ERR If you want both the length and indexes, please just use IDX.\r\n"
    assert server.run("LCS key1 key2 LEN IDX") == both
    assert server.run("LCS key1 key2 IDX LEN") == both
    for options in ("junk", "MINMATCHLEN", "LEN junk", "IDX MINMATCHLEN"):
        assert server.run("LCS key1 key2 " + options) == SYNTAX
    assert server.run("LCS key1 key2 MINMATCHLEN x") == NOT_AN_INTEGER
    no_strings = b"-ERR The specified keys must contain string values\r\n"
    assert server.run("LCS key1 other junk") == no_strings
    assert server.run("LCS other none") == no_strings


def test_refuses_what_would_take_redis_too_much_memory() -> None:
    server = Observed()
    for key, length in (("a", 11_584), ("b", 11_585), ("c", 1), ("d", 67_108_863), ("e", 67_108_864)):
        server.user.command("SET", key, b"x" * length)
    too_large = b"-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n"
    assert server.run("LCS a a LEN") == b":11584\r\n"
    assert server.run("LCS a b LEN") == too_large
    assert server.run("LCS c e") == too_large
    assert server.run("LCS e c IDX") == too_large
