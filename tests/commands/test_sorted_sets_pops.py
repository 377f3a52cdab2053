"""Pops from sorted sets, in process: replies, errors, events, what is logged, and who waits."""

from __future__ import annotations

import pytest

from tests.commands.test_sorted_sets import (
    BOTH_FORMS,
    EMPTY,
    NULL3,
    NULL_ARRAY,
    SYNTAX,
    WRONG_TYPE,
    array,
    bulk,
    content,
    dirty,
    holding,
    is_gone,
    pairs,
)

NOT_POSITIVE = b"-ERR value is out of range, must be positive\r\n"


class TestZpop:
    @BOTH_FORMS
    def test_takes_from_either_end(self, limit: int) -> None:
        server = holding("1 a 2 b 3 c 4 d", limit=limit)
        before = dirty(server)
        assert server.run("ZPOPMIN z") == array("a", "1")
        assert server.run("ZPOPMAX z") == array("d", "4")
        assert content(server) == {"b": 2, "c": 3}
        assert server.heard() == ["zpopmin z", "zpopmax z"]
        assert server.logged() == ["ZPOPMIN z", "ZPOPMAX z"]
        assert dirty(server) == before + 2

    @BOTH_FORMS
    def test_takes_several(self, limit: int) -> None:
        server = holding("1 a 2 b 3 c 4 d 5 e", limit=limit)
        assert server.run("ZPOPMAX z 2") == array("e", "5", "d", "4")
        assert server.run("ZPOPMIN z 2") == array("a", "1", "b", "2")
        assert server.run("ZPOPMIN z 10") == array("c", "3")
        assert server.heard() == ["zpopmax z", "zpopmin z", "zpopmin z", "del z"]
        assert is_gone(server)

    def test_resp3_nests_only_when_a_count_is_given(self) -> None:
        server = holding("1 a 2 b 3 c", protocol=3)
        assert server.run("ZPOPMIN z") == b"*2\r\n" + bulk("a") + b",1\r\n"
        assert server.run("ZPOPMAX z 1") == pairs(("c", "3"))

    def test_nothing_to_take(self) -> None:
        server = holding("1 a")
        assert server.run("ZPOPMIN missing") == server.run("ZPOPMAX z 0") == EMPTY
        assert server.run("ZPOPMIN s") == WRONG_TYPE
        assert server.run("ZPOPMIN z -1") == server.run("ZPOPMIN z x") == NOT_POSITIVE
        assert server.run("ZPOPMIN z 1 2") == SYNTAX
        assert server.logged() == server.heard() == []


class TestZmpop:
    @BOTH_FORMS
    def test_takes_from_the_first_that_is_there(self, limit: int) -> None:
        server = holding("1 a 2 b 3 c", limit=limit)
        nested = (
            b"*2\r\n"
            + bulk("z")
            + b"*2\r\n*2\r\n"
            + bulk("c")
            + bulk("3")
            + b"*2\r\n"
            + bulk("b")
            + bulk("2")
        )
        assert server.run("ZMPOP 2 missing z MAX COUNT 2") == nested
        assert server.run("ZMPOP 2 missing z min") == b"*2\r\n" + bulk("z") + b"*1\r\n*2\r\n" + bulk(
            "a"
        ) + bulk("1")
        assert server.logged() == ["ZPOPMAX z 2", "ZPOPMIN z 1"]
        assert server.heard() == ["zpopmax z", "zpopmin z", "del z"]
        assert server.run("ZMPOP 1 z MIN") == NULL_ARRAY

    def test_resp3(self) -> None:
        server = holding("1 a", protocol=3)
        assert server.run("ZMPOP 1 z MIN") == b"*2\r\n" + bulk("z") + pairs(("a", "1"))
        assert server.run("ZMPOP 1 z MIN") == NULL3

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("0 z MIN", "ERR numkeys should be greater than 0"),
            ("x z MIN", "ERR numkeys should be greater than 0"),
            ("2 z MIN", "ERR syntax error"),
            ("1 z LEFT", "ERR syntax error"),
            ("1 z MIN COUNT 0", "ERR count should be greater than 0"),
            ("1 z MIN COUNT x", "ERR count should be greater than 0"),
            ("1 z MIN COUNT", "ERR syntax error"),
            ("1 z MIN COUNT 1 COUNT 1", "ERR syntax error"),
            ("1 z MIN LIMIT 1", "ERR syntax error"),
            ("1 s MIN", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ],
    )
    def test_errors(self, arguments: str, error: str) -> None:
        server = holding("1 a")
        assert server.run(f"ZMPOP {arguments}") == f"-{error}\r\n".encode()
        assert content(server) == {"a": 1}


class TestBlocking:
    def test_answers_at_once_when_it_can(self) -> None:
        server = holding("1 a 2 b 3 c")
        assert server.run("BZPOPMIN missing z 0") == array("z", "a", "1")
        assert server.run("BZPOPMAX z 0") == array("z", "c", "3")
        reply = b"*2\r\n" + bulk("z") + b"*1\r\n*2\r\n" + bulk("b") + bulk("2")
        assert server.run("BZMPOP 0 1 z MAX COUNT 5") == reply
        assert server.logged() == ["ZPOPMIN z", "ZPOPMAX z", "ZPOPMAX z 1"]

    def test_waits_for_a_key(self) -> None:
        server = holding(protocol=3)
        other = server.client()
        assert server.run("BZPOPMIN y z 0") == b""
        assert other.command("ZADD", "z", "1", "a", "2", "b") == b":2\r\n"
        assert server.user.received() == b"*3\r\n" + bulk("z") + bulk("a") + b",1\r\n"
        assert server.logged() == ["ZADD z 1 a 2 b", "ZPOPMIN z"]
        assert content(server) == {"b": 2}

    def test_clients_are_served_in_the_order_in_which_they_came(self) -> None:
        server = holding()
        first, second, third = server.client(), server.client(), server.client()
        assert first.command("BZPOPMAX", "z", "0") == second.command("BZMPOP", "0", "1", "z", "MIN") == b""
        third.command("ZADD", "z", "1", "a", "2", "b", "3", "c")
        assert first.received() == array("z", "c", "3")
        assert second.received() == b"*2\r\n" + bulk("z") + b"*1\r\n*2\r\n" + bulk("a") + bulk("1")
        assert content(server) == {"b": 2}

    def test_what_a_result_stores_serves_as_well(self) -> None:
        server = holding("1 a")
        waiting = server.client()
        waiting.command("BZPOPMIN", "y", "0")
        server.run("ZUNIONSTORE y 1 z")
        assert waiting.received() == array("y", "a", "1")

    def test_another_type_does_not_serve(self) -> None:
        server = holding()
        waiting = server.client()
        waiting.command("BZPOPMIN", "y", "0")
        server.run("SET y 1")
        assert waiting.received() == b""
        server.run("DEL y")
        server.run("ZADD y 1 a")
        assert waiting.received() == array("y", "a", "1")

    def test_times_out(self) -> None:
        server = holding()
        waiting = server.client()
        waiting.command("BZPOPMIN", "y", "0.5")
        server.clock.advance(499)
        server.engine.blocking.expire()
        assert waiting.received() == b""
        server.clock.advance(1)
        server.engine.blocking.expire()
        assert waiting.received() == NULL_ARRAY

    def test_does_not_wait_in_a_transaction(self) -> None:
        server = holding()
        server.run("MULTI")
        server.run("BZPOPMIN z 0")
        server.run("BZMPOP 0 1 z MIN")
        assert server.run("EXEC") == b"*2\r\n" + NULL_ARRAY + NULL_ARRAY

    @pytest.mark.parametrize(
        ("request_", "error"),
        [
            ("BZPOPMIN z -1", "ERR timeout is negative"),
            ("BZPOPMIN z x", "ERR timeout is not a float or out of range"),
            ("BZMPOP -1 1 z MIN", "ERR timeout is negative"),
            ("BZMPOP 0 0 z MIN", "ERR numkeys should be greater than 0"),
            ("BZMPOP 0 1 z", "ERR wrong number of arguments for 'bzmpop' command"),
            ("BZPOPMIN s 0", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ],
    )
    def test_errors(self, request_: str, error: str) -> None:
        assert holding("1 a").run(request_) == f"-{error}\r\n".encode()
