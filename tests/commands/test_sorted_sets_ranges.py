"""Ranges of sorted sets, in process: replies, errors, events, and what is logged."""

from __future__ import annotations

import pytest

from tests.commands.test_sorted_sets import (
    BOTH_FORMS,
    EMPTY,
    NOT_AN_INTEGER,
    ONE,
    SYNTAX,
    WRONG_TYPE,
    ZERO,
    array,
    bulk,
    content,
    dirty,
    holding,
    integer,
    is_gone,
    pairs,
)

NOT_A_SCORE_RANGE = b"-ERR min or max is not a float\r\n"
NOT_A_LEX_RANGE = b"-ERR min or max not valid string range item\r\n"

LETTERS = "1 a 2 b 3 c 4 d 5 e"
EQUAL = "0 a 0 b 0 c 0 d 0 e"


class TestByRank:
    @BOTH_FORMS
    @pytest.mark.parametrize(
        ("ranks", "members"),
        [
            ("0 -1", "abcde"), ("1 2", "bc"), ("-2 -1", "de"), ("-100 0", "a"), ("3 100", "de"), ("2 1", ""),
            ("5 9", ""), ("-1 -2", ""), ("-9 -6", ""), ("0 9223372036854775807", "abcde"),
            ("-9223372036854775808 -9223372036854775808", ""), ("-9223372036854775808 9223372036854775807", "abcde"),
        ],
    )  # fmt: skip
    def test_ranks(self, limit: int, ranks: str, members: str) -> None:
        server = holding(LETTERS, limit=limit)
        assert server.run(f"ZRANGE z {ranks}") == array(*members)
        backwards = str.maketrans("abcde", "edcba")
        assert server.run(f"ZREVRANGE z {ranks}") == array(*members.translate(backwards))
        assert server.run(f"ZRANGE z {ranks} REV") == server.run(f"ZREVRANGE z {ranks}")

    def test_with_scores(self) -> None:
        server = holding("1 a 2.5 b")
        assert server.run("ZRANGE z 0 -1 WITHSCORES") == array("a", "1", "b", "2.5")
        assert server.run("ZREVRANGE z 0 -1 withscores") == array("b", "2.5", "a", "1")
        server = holding("1 a 2.5 b", protocol=3)
        assert server.run("ZRANGE z 0 -1 WITHSCORES") == pairs(("a", "1"), ("b", "2.5"))
        assert server.run("ZREVRANGE z 0 0 WITHSCORES") == pairs(("b", "2.5"))
        assert server.run("ZRANGE z 0 -1") == array("a", "b")

    def test_errors(self) -> None:
        server = holding("1 a")
        assert server.run("ZRANGE z 0 x") == server.run("ZREVRANGE s 1.5 0") == NOT_AN_INTEGER
        assert server.run("ZRANGE s 0 -1") == WRONG_TYPE
        assert server.run("ZRANGE missing 0 -1") == server.run("ZREVRANGE missing 0 -1") == EMPTY
        for options in ("REV REV", "BYSCORE BYLEX", "x", "LIMIT 1", "WITHSCORE"):
            assert server.run(f"ZRANGE z 0 -1 {options}") == SYNTAX
        assert server.run("ZREVRANGE z 0 -1 REV") == server.run("ZREVRANGE z 0 -1 BYSCORE") == SYNTAX
        limit = b"-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX\r\n"
        assert server.run("ZRANGE z 0 -1 LIMIT 0 1") == server.run("ZREVRANGE z 0 -1 LIMIT 0 1") == limit
        assert server.run("ZRANGE z 0 -1 LIMIT 5 -1") == array("a")
        assert server.run("ZRANGE z 0 -1 LIMIT 0 x") == NOT_AN_INTEGER

    def test_of_a_very_large_set(self) -> None:
        server = holding(" ".join(f"{n} m{n}" for n in range(5000)))
        for start in (0, 1, 127, 128, 1500, 2500, 4998):
            assert server.run(f"ZRANGE z {start} {start + 1}") == array(f"m{start}", f"m{start + 1}")
            assert server.run(f"ZRANK z m{start}") == integer(start)


class TestByScore:
    @BOTH_FORMS
    @pytest.mark.parametrize(
        ("bounds", "members"),
        [
            ("-inf +inf", "abcde"), ("2 4", "bcd"), ("(2 4", "cd"), ("2 (4", "bc"), ("(2 (3", ""), ("3 3", "c"),
            ("(3 3", ""), ("4 2", ""), ("2.5 inf", "cde"), ("-Infinity 1", "a"), ("6 9", ""), ("(-inf (inf", "abcde"),
            ("'' 1", "a"), ("0x2 3", "bc"), ("1e999 1e999", ""), ("-1e999 2", "ab"), ("1e-999 1", "a"), ("( 1", "a"),
        ],
    )  # fmt: skip
    def test_bounds(self, limit: int, bounds: str, members: str) -> None:
        server = holding(LETTERS, limit=limit)
        low, high = bounds.split()
        assert server.run(f"ZRANGEBYSCORE z {bounds}") == array(*members)
        assert server.run(f"ZREVRANGEBYSCORE z {high} {low}") == array(*reversed(members))
        assert server.run(f"ZRANGE z {bounds} BYSCORE") == array(*members)
        assert server.run(f"ZRANGE z {high} {low} BYSCORE REV") == array(*reversed(members))
        assert server.run(f"ZCOUNT z {bounds}") == integer(len(members))

    @BOTH_FORMS
    @pytest.mark.parametrize(
        ("limits", "members"),
        [
            ("0 2", "bc"), ("1 2", "cd"), ("2 9", "d"), ("3 1", ""), ("0 0", ""), ("0 -1", "bcd"), ("1 -5", "cd"),
            ("-1 2", ""), ("9223372036854775807 1", ""), ("0 9223372036854775807", "bcd"),
        ],
    )  # fmt: skip
    def test_limit(self, limit: int, limits: str, members: str) -> None:
        server = holding(LETTERS, limit=limit)
        assert server.run(f"ZRANGEBYSCORE z 2 4 LIMIT {limits}") == array(*members)
        backwards = str.maketrans("bcd", "dcb")
        assert server.run(f"ZREVRANGEBYSCORE z 4 2 LIMIT {limits}") == array(*members.translate(backwards))

    def test_with_scores(self) -> None:
        server = holding(LETTERS, protocol=3)
        assert server.run("ZRANGEBYSCORE z 2 4 LIMIT 1 1 WITHSCORES") == pairs(("c", "3"))
        assert server.run("ZREVRANGEBYSCORE z 4 2 WITHSCORES LIMIT 0 2") == pairs(("d", "4"), ("c", "3"))

    @pytest.mark.parametrize("bound", ["x", "nan", "(", "[1", "1_0", "((1", "1e", "0x", "-nan(1)"])
    def test_no_bounds(self, bound: str) -> None:
        server = holding(LETTERS)
        expected = b"*5\r\n" if bound == "(" else NOT_A_SCORE_RANGE
        assert server.run(f"ZRANGEBYSCORE z {bound} 9").startswith(expected)
        assert server.run(f"ZCOUNT z {bound} 9").startswith(b":5" if bound == "(" else NOT_A_SCORE_RANGE)
        if bound != "(":
            assert server.run(f"ZREMRANGEBYSCORE missing 0 {bound}") == NOT_A_SCORE_RANGE

    def test_blanks_before_a_bound_are_read_over_and_behind_are_not(self) -> None:
        server = holding(LETTERS)
        assert server.user.command("ZCOUNT", "z", " 2", "\t\n4") == integer(3)
        assert server.user.command("ZCOUNT", "z", "2 ", "4") == NOT_A_SCORE_RANGE
        assert server.user.command("ZCOUNT", "z", " ", "4") == NOT_A_SCORE_RANGE
        assert server.user.command("ZCOUNT", "z", "2\x00x", "4") == integer(3)
        assert server.user.command("ZCOUNT", "z", "-0x1p5000", "0x1p5000") == integer(5)

    def test_errors(self) -> None:
        server = holding("1 a")
        assert server.run("ZCOUNT s 0 1") == server.run("ZRANGEBYSCORE s 0 1") == WRONG_TYPE
        assert server.run("ZCOUNT missing 0 1") == ZERO
        assert server.run("ZRANGEBYSCORE missing 0 1") == EMPTY
        assert server.run("ZRANGEBYSCORE z 0 1 REV") == server.run("ZRANGEBYSCORE z 0 1 LIMIT 0") == SYNTAX


class TestByLex:
    @BOTH_FORMS
    @pytest.mark.parametrize(
        ("bounds", "members"),
        [
            ("- +", "abcde"), ("[b [d", "bcd"), ("(b [d", "cd"), ("[b (d", "bc"), ("(b (c", ""), ("[c [c", "c"),
            ("[c (c", ""), ("[d [b", ""), ("+ -", ""), ("- -", ""), ("+ +", ""), ("[bb +", "cde"), ("- (a", ""),
            ("[ +", "abcde"), ("- [", ""), ("[x [z", ""), ("- [bb", "ab"), ("[c +", "cde"), ("(e +", ""),
        ],
    )  # fmt: skip
    def test_bounds(self, limit: int, bounds: str, members: str) -> None:
        server = holding(EQUAL, limit=limit)
        low, high = bounds.split()
        assert server.run(f"ZRANGEBYLEX z {bounds}") == array(*members)
        assert server.run(f"ZREVRANGEBYLEX z {high} {low}") == array(*reversed(members))
        assert server.run(f"ZRANGE z {bounds} BYLEX") == array(*members)
        assert server.run(f"ZRANGE z {high} {low} REV BYLEX") == array(*reversed(members))
        assert server.run(f"ZLEXCOUNT z {bounds}") == integer(len(members))

    @BOTH_FORMS
    @pytest.mark.parametrize(
        ("limits", "members"),
        [("0 2", "bc"), ("1 2", "cd"), ("2 9", "d"), ("3 1", ""), ("0 0", ""), ("0 -1", "bcd"), ("-1 2", "")],
    )
    def test_limit(self, limit: int, limits: str, members: str) -> None:
        server = holding(EQUAL, limit=limit)
        assert server.run(f"ZRANGEBYLEX z [b [d LIMIT {limits}") == array(*members)
        backwards = str.maketrans("bcd", "dcb")
        assert server.run(f"ZREVRANGEBYLEX z [d [b LIMIT {limits}") == array(*members.translate(backwards))

    def test_a_listpack_of_unequal_scores_is_walked(self) -> None:
        server = holding("1 b 2 z 3 c 4 y")
        assert server.run("ZRANGEBYLEX z [a [d") == array("b")
        assert server.run("ZRANGEBYLEX z [a [d LIMIT 2 5") == array("c")
        assert server.run("ZLEXCOUNT z [a [d") == ONE
        assert server.run("ZRANGEBYLEX z [z +") == EMPTY
        assert server.run("ZREVRANGEBYLEX z + [c") == array("y", "c", "z")
        assert server.run("ZREMRANGEBYLEX z [a [d") == ONE
        assert list(content(server)) == ["z", "c", "y"]

    @pytest.mark.parametrize("bound", ["x", "''", "a", "1", "-x", "++"])
    def test_no_bounds(self, bound: str) -> None:
        server = holding(EQUAL)
        for command in ("ZRANGEBYLEX z", "ZLEXCOUNT z", "ZREMRANGEBYLEX missing", "ZRANGEBYLEX s"):
            assert server.run(f"{command} {bound} +") == NOT_A_LEX_RANGE
            assert server.run(f"{command} [a {bound}") == NOT_A_LEX_RANGE

    def test_errors(self) -> None:
        server = holding("0 a")
        message = b"-ERR syntax error, WITHSCORES not supported in combination with BYLEX\r\n"
        assert server.run("ZRANGE z - + BYLEX WITHSCORES") == message
        assert server.run("ZRANGEBYLEX z - + WITHSCORES") == message
        assert server.run("ZLEXCOUNT s - +") == WRONG_TYPE
        assert server.run("ZLEXCOUNT missing - +") == ZERO


class TestZrangestore:
    @BOTH_FORMS
    def test_stores(self, limit: int) -> None:
        server = holding(LETTERS, limit=limit)
        before = dirty(server)
        assert server.run("ZRANGESTORE y z 1 2") == integer(2)
        assert content(server, "y") == {"b": 2, "c": 3}
        assert server.run("ZRANGESTORE y z 5 2 BYSCORE REV LIMIT 0 3") == integer(3)
        assert content(server, "y") == {"c": 3, "d": 4, "e": 5}
        assert server.run("ZRANGESTORE y z - + BYLEX LIMIT 0 1") == ONE
        assert server.heard() == ["new y", "zrangestore y", "zrangestore y", "zrangestore y"]
        assert server.logged()[0] == "ZRANGESTORE y z 1 2"
        assert dirty(server) == before + 3

    def test_replaces_any_type_and_deadline(self) -> None:
        server = holding(LETTERS)
        server.run("EXPIRE s 100")
        assert server.run("ZRANGESTORE s z 0 0") == ONE
        assert server.run("TTL s") == integer(-1)
        assert server.run("ZRANGESTORE z z 0 1") == integer(2)
        assert content(server) == {"a": 1, "b": 2}

    def test_an_empty_result_deletes(self) -> None:
        server = holding(LETTERS)
        assert server.run("ZRANGESTORE s z 7 9") == ZERO
        assert server.heard() == ["del s"]
        assert server.logged() == ["ZRANGESTORE s z 7 9"]
        assert server.run("ZRANGESTORE y missing 0 -1") == ZERO
        assert server.logged() == []

    def test_errors(self) -> None:
        server = holding(LETTERS)
        assert server.run("ZRANGESTORE y z 0 -1 WITHSCORES") == SYNTAX
        assert server.run("ZRANGESTORE y s 0 -1") == WRONG_TYPE
        assert server.run("ZRANGESTORE y z 0 x") == NOT_AN_INTEGER

    def test_the_encoding_follows_the_size(self) -> None:
        server = holding(LETTERS, limit=3)
        server.run("ZRANGESTORE y z 0 2")
        server.run("ZRANGESTORE x z 0 3")
        assert server.run("OBJECT ENCODING y") == bulk("listpack")
        assert server.run("OBJECT ENCODING x") == bulk("skiplist")


class TestRemoval:
    @BOTH_FORMS
    @pytest.mark.parametrize(
        ("command", "left", "event"),
        [
            ("ZREMRANGEBYRANK z 1 2", "ade", "zremrangebyrank"),
            ("ZREMRANGEBYRANK z -2 -1", "abc", "zremrangebyrank"),
            ("ZREMRANGEBYSCORE z (0 (3", "cde", "zremrangebyscore"),
            ("ZREMRANGEBYSCORE z 4 inf", "abc", "zremrangebyscore"),
            ("ZREMRANGEBYLEX z [b [c", "ade", "zremrangebylex"),
        ],
    )
    def test_removes(self, limit: int, command: str, left: str, event: str) -> None:
        server = holding(LETTERS, limit=limit)
        before = dirty(server)
        removed = 5 - len(left)
        assert server.run(command) == integer(removed)
        assert "".join(content(server)) == left
        assert server.heard() == [f"{event} z"]
        assert server.logged() == [command]
        assert dirty(server) == before + removed

    @BOTH_FORMS
    @pytest.mark.parametrize("command", ["RANK z 0 -1", "SCORE z -inf +inf", "LEX z - +"])
    def test_the_last_takes_the_key_with_it(self, limit: int, command: str) -> None:
        server = holding(LETTERS, limit=limit)
        assert server.run(f"ZREMRANGEBY{command}") == integer(5)
        assert is_gone(server)
        assert server.heard()[-1] == "del z"

    def test_nothing_to_remove(self) -> None:
        server = holding(LETTERS)
        for command in ("RANK z 9 10", "SCORE z 7 6", "LEX z [x +", "RANK missing 0 1", "SCORE missing 0 1"):
            assert server.run(f"ZREMRANGEBY{command}") == ZERO
        assert server.run("ZREMRANGEBYLEX missing - +") == ZERO
        assert server.logged() == server.heard() == []
        assert server.run("ZREMRANGEBYRANK s 0 1") == server.run("ZREMRANGEBYLEX s - +") == WRONG_TYPE
        assert server.run("ZREMRANGEBYRANK missing 0 x") == NOT_AN_INTEGER
        assert server.run("ZREMRANGEBYSCORE s 0 1") == WRONG_TYPE
