"""Unions, intersections and differences of sorted sets, in process: replies, errors, events, and what is logged."""

from __future__ import annotations

import pytest

from tests.commands.test_sorted_sets import (
    BOTH_FORMS,
    EMPTY,
    SYNTAX,
    WRONG_TYPE,
    ZERO,
    array,
    bulk,
    content,
    dirty,
    holding,
    integer,
    pairs,
)
from tests.support.observed import Observed

INFINITE = float("inf")


def two_sets(limit: int = 128, protocol: int = 2) -> Observed:
    """A server with the sorted sets `x` and `y`, which share b and c, and a string `s`."""
    server = holding(limit=limit, protocol=protocol)
    server.run("ZADD x 1 a 2 b 3 c")
    server.run("ZADD y 10 b 20 c 30 d 40 e")
    server.forget()
    return server


class TestAnswers:
    @BOTH_FORMS
    @pytest.mark.parametrize(
        ("command", "entries"),
        [
            ("ZUNION 2 x y", "a 1 b 12 c 23 d 30 e 40"),
            ("ZUNION 2 x y AGGREGATE MIN", "a 1 b 2 c 3 d 30 e 40"),
            ("ZUNION 2 y x aggregate max", "a 1 b 10 c 20 d 30 e 40"),
            ("ZUNION 2 x y WEIGHTS 10 0.5", "a 10 d 15 e 20 b 25 c 40"),
            ("ZUNION 3 x x missing", "a 2 b 4 c 6"),
            ("ZUNION 1 missing", ""),
            ("ZINTER 2 x y", "b 12 c 23"),
            ("ZINTER 2 y x WEIGHTS 1 -10", "b -10 c -10"),
            ("ZINTER 3 x y x AGGREGATE MAX", "b 10 c 20"),
            ("ZINTER 2 x x", "a 2 b 4 c 6"),
            ("ZINTER 2 x missing", ""),
            ("ZDIFF 2 x y", "a 1"),
            ("ZDIFF 2 y x", "d 30 e 40"),
            ("ZDIFF 3 x missing x", ""),
            ("ZDIFF 1 x", "a 1 b 2 c 3"),
            ("ZDIFF 2 missing x", ""),
        ],
    )
    def test_results(self, limit: int, command: str, entries: str) -> None:
        server = two_sets(limit)
        words = entries.split()
        assert server.run(command) == array(*words[::2])
        assert server.run(f"{command} WITHSCORES") == array(*words)
        name, rest = command.split(" ", 1)
        assert server.run(f"{name}STORE z {rest}") == integer(len(words) // 2)
        assert content(server) == dict(zip(words[::2], map(float, words[1::2]), strict=True))

    def test_resp3(self) -> None:
        server = two_sets(protocol=3)
        assert server.run("ZUNION 1 x WITHSCORES") == pairs(("a", "1"), ("b", "2"), ("c", "3"))
        assert server.run("ZINTER 2 x y") == array("b", "c")

    def test_infinities(self) -> None:
        server = holding("inf a 1 b")
        server.run("ZADD y -inf a 2 b")
        server.forget()
        assert server.run("ZUNION 2 z y WITHSCORES") == array("a", "0", "b", "3")
        assert server.run("ZINTER 2 z y WITHSCORES") == array("a", "0", "b", "3")
        assert server.run("ZUNION 1 z WEIGHTS 0 WITHSCORES") == array("a", "0", "b", "0")
        assert server.run("ZINTER 2 z y WEIGHTS 0 1 AGGREGATE MAX WITHSCORES") == array("a", "0", "b", "2")
        assert server.run("ZUNION 2 z y WEIGHTS inf -inf AGGREGATE MIN WITHSCORES") == array(
            "b", "-inf", "a", "inf"
        )

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("0 x", "ERR at least 1 input key is needed for '{}' command"),
            ("-1 x", "ERR at least 1 input key is needed for '{}' command"),
            ("x x", "ERR value is not an integer or out of range"),
            ("3 x y", "ERR syntax error"),
            ("1 s", "WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("1 s x", "WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("1 x nonsense", "ERR syntax error"),
            ("1 x LIMIT 1", "ERR syntax error"),
        ],
    )
    def test_errors(self, arguments: str, error: str) -> None:
        server = two_sets()
        for name in ("zunion", "zinter", "zdiff"):
            assert server.run(f"{name} {arguments}") == f"-{error.format(name)}\r\n".encode()
            name += "store"
            assert server.run(f"{name} z {arguments}") == f"-{error.format(name)}\r\n".encode()

    def test_errors_of_options(self) -> None:
        server = two_sets()
        assert server.run("ZUNION 2 x y WEIGHTS 1 x") == b"-ERR weight value is not a float\r\n"
        for options in ("WEIGHTS 1", "AGGREGATE", "AGGREGATE AVG"):
            assert server.run(f"ZUNION 2 x y {options}") == SYNTAX
        assert server.run("ZDIFF 2 x y WEIGHTS 1 1") == server.run("ZDIFF 2 x y AGGREGATE SUM") == SYNTAX
        assert server.run("ZUNIONSTORE z 2 x y WITHSCORES") == SYNTAX


class TestStore:
    def test_reports_and_logs(self) -> None:
        server = two_sets()
        before = dirty(server)
        server.run("ZUNIONSTORE z 2 x y")
        server.run("ZINTERSTORE z 2 x y")
        server.run("ZDIFFSTORE z 2 x y")
        assert server.heard() == ["new z", "zunionstore z", "zinterstore z", "zdiffstore z"]
        assert server.logged() == ["ZUNIONSTORE z 2 x y", "ZINTERSTORE z 2 x y", "ZDIFFSTORE z 2 x y"]
        assert dirty(server) == before + 3

    def test_may_replace_a_source_and_any_type(self) -> None:
        server = two_sets()
        server.run("EXPIRE x 100")
        assert server.run("ZUNIONSTORE x 2 x y") == integer(5)
        assert server.run("TTL x") == integer(-1)
        assert server.run("ZINTERSTORE s 1 y") == integer(4)
        assert server.run("TYPE s") == b"+zset\r\n"

    def test_an_empty_result_deletes(self) -> None:
        server = two_sets()
        assert server.run("ZINTERSTORE s 2 x missing") == ZERO
        assert "del s" in server.heard()
        assert server.logged() == ["ZINTERSTORE s 2 x missing"]
        assert server.run("ZINTERSTORE nothing 2 x missing") == ZERO
        assert server.logged() == []

    def test_the_encoding_follows_the_size(self) -> None:
        server = two_sets(limit=4)
        server.run("ZUNIONSTORE w 2 x y")
        server.run("ZUNIONSTORE v 1 y")
        assert server.run("OBJECT ENCODING w") == bulk("skiplist")
        assert server.run("OBJECT ENCODING v") == bulk("listpack")


class TestZintercard:
    def test_counts(self) -> None:
        server = two_sets()
        assert server.run("ZINTERCARD 2 x y") == integer(2)
        assert server.run("ZINTERCARD 2 x y LIMIT 1") == integer(1)
        assert server.run("ZINTERCARD 2 x y limit 0") == integer(2)
        assert server.run("ZINTERCARD 1 y LIMIT 9") == integer(4)
        assert server.run("ZINTERCARD 2 x missing") == ZERO
        assert server.run("ZINTER 1 missing") == EMPTY

    def test_errors(self) -> None:
        server = two_sets()
        negative = b"-ERR LIMIT can't be negative\r\n"
        assert server.run("ZINTERCARD 1 x LIMIT -1") == server.run("ZINTERCARD 1 x LIMIT x") == negative
        assert server.run("ZINTERCARD 1 x LIMIT") == server.run("ZINTERCARD 1 x WITHSCORES") == SYNTAX
        assert server.run("ZINTERCARD 1 s") == WRONG_TYPE
        at_least = b"-ERR at least 1 input key is needed for 'zintercard' command\r\n"
        assert server.run("ZINTERCARD 0 x") == at_least


def test_sums_go_from_the_smallest_source_to_the_largest() -> None:
    server = holding()
    server.run("ZADD big 1e16 a 1 b 1 c")
    server.run("ZADD middle 1 a 1 b")
    server.run("ZADD small 1 a")
    for order in ("big middle small", "small middle big", "middle big small"):
        assert server.run(f"ZUNION 3 {order} WITHSCORES").endswith(bulk("a") + bulk("10000000000000002"))
