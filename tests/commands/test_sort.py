"""SORT and SORT_RO, in process: orders, patterns, errors, events, and what is stored and logged."""

from __future__ import annotations

import pytest

from pyredis.commands.sort import Pattern, SortOptions, number_of
from tests.commands.test_sets import (
    EMPTY,
    NOT_AN_INTEGER,
    SYNTAX,
    WRONG_TYPE,
    ZERO,
    array,
    bulk,
    dirty,
    integer,
)
from tests.support.observed import Observed

NOT_A_NUMBER = b"-ERR One or more scores can't be converted into double\r\n"


def holding(*lines: str, protocol: int = 2) -> Observed:
    """A server with a list `l`, a set `x`, a sorted set `z`, weights `w_*` and hashes `h_*`."""
    server = Observed(protocol=protocol)
    for line in (
        "SET s string",
        "RPUSH l 3 10 1 2",
        "SADD x 3 10 1 2",
        "ZADD z 4 a 3 b 2 c 1 d",
        "MSET w_1 30 w_2 20 w_3 10",
        "HSET h_1 f one g 5",
        "HSET h_2 f two g 6",
        "HSET h_10 f ten g 4",
        *lines,
    ):
        assert not server.run(line).startswith(b"-"), line
    server.forget()
    return server


class TestOrder:
    @pytest.mark.parametrize("name", ["SORT", "SORT_RO"])
    @pytest.mark.parametrize("key", ["l", "x"])
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ("", "1 2 3 10"),
            ("ASC", "1 2 3 10"),
            ("DESC", "10 3 2 1"),
            ("desc asc", "1 2 3 10"),
            ("ALPHA", "1 10 2 3"),
            ("ALPHA DESC", "3 2 10 1"),
            ("LIMIT 1 2", "2 3"),
            ("LIMIT 1 2 DESC", "3 2"),
            ("LIMIT 0 0", ""),
            ("LIMIT 1 -1", "2 3 10"),
            ("LIMIT 1 -7", "2 3 10"),
            ("LIMIT -5 2", "1 2"),
            ("LIMIT 3 100", "10"),
            ("LIMIT 4 1", ""),
            ("LIMIT 9223372036854775807 9223372036854775807", ""),
            ("LIMIT 1 9223372036854775807", "2 3 10"),
            ("LIMIT 0 1 LIMIT 1 1", "2"),
        ],
    )
    def test_of_numbers_and_texts(self, name: str, key: str, options: str, expected: str) -> None:
        server = holding()
        assert server.run(f"{name} {key} {options}") == array(*expected.split())
        assert server.logged() == server.heard() == []

    def test_of_equal_numbers(self) -> None:
        server = holding("RPUSH e 1 01 +1 1.0 0 -0 00")
        assert server.run("SORT e") == array("-0", "0", "00", "+1", "01", "1", "1.0")
        assert server.run("SORT e DESC") == array("1.0", "1", "01", "+1", "00", "0", "-0")

    def test_of_a_sorted_set(self) -> None:
        server = holding("ZADD n 1 10 2 9 3 -1")
        assert server.run("SORT n") == array("-1", "9", "10")
        assert server.run("SORT z ALPHA DESC") == array("d", "c", "b", "a")

    def test_of_texts_ends_at_a_nul(self) -> None:
        """As in C; only what is stored is compared whole."""
        server = holding()
        server.user.command("RPUSH", "n", b"b\x00a", b"a", b"b\x00", b"ab")
        assert server.run("SORT n ALPHA") == array("a", "ab", "b\x00a", "b\x00")
        server.run("SORT n ALPHA STORE stored")
        assert server.run("LRANGE stored 0 -1") == array("a", "ab", "b\x00", "b\x00a")

    def test_of_nothing(self) -> None:
        server = holding()
        assert server.run("SORT missing") == server.run("SORT_RO missing BY w_* GET #") == EMPTY


class TestNoOrder:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("SORT l BY nosort", "3 10 1 2"),
            ("SORT l BY nosort DESC", "2 1 10 3"),
            ("SORT l BY nosort LIMIT 1 2", "10 1"),
            ("SORT l BY nosort LIMIT 1 2 DESC", "1 10"),
            ("SORT l BY nosort ALPHA", "3 10 1 2"),
            ("SORT l BY ''", "3 10 1 2"),
            ("SORT l BY #", "3 10 1 2"),
            ("SORT l BY nosort BY w_*", "3 10 1 2"),
            ("SORT l BY w_* BY nosort", "3 10 1 2"),
            ("SORT z BY nosort", "d c b a"),
            ("SORT z BY nosort DESC", "a b c d"),
            ("SORT z BY nosort LIMIT 1 2", "c b"),
            ("SORT z BY nosort LIMIT 1 2 DESC", "b c"),
            ("SORT z BY nosort LIMIT 4 2 DESC", ""),
            ("SORT x BY nosort", "1 2 3 10"),
            ("SORT x BY nosort DESC", "1 2 3 10"),
        ],
    )
    def test_keeps_what_there_is(self, line: str, expected: str) -> None:
        assert holding().run(line) == array(*expected.split())

    def test_a_set_that_is_stored_is_sorted_by_its_bytes(self) -> None:
        server = holding()
        server.run("SORT x BY nosort STORE stored")
        assert server.run("LRANGE stored 0 -1") == array("1", "10", "2", "3")
        server.run("SORT x BY nosort DESC STORE stored")
        assert server.run("LRANGE stored 0 -1") == array("3", "2", "10", "1")


class TestBy:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            # 10 has no weight, which counts as 0.
            ("SORT l BY w_*", "10 3 2 1"),
            ("SORT l BY w_* DESC", "1 2 3 10"),
            ("SORT l BY w_* LIMIT 1 2", "3 2"),
            ("SORT l BY h_*->g", "3 10 1 2"),
            ("SORT l BY h_*->f ALPHA", "3 1 10 2"),
            ("SORT l BY h_*->f ALPHA DESC", "2 10 1 3"),
            ("SORT l BY h_*->missing", "1 10 2 3"),
            ("SORT l BY none_*", "1 10 2 3"),
            ("SORT l BY *", "1 10 2 3"),
            ("SORT l BY none_* ALPHA", "3 10 1 2"),
        ],
    )
    def test_weights(self, line: str, expected: str) -> None:
        assert holding().run(line) == array(*expected.split())

    def test_of_other_types_count_as_missing(self) -> None:
        server = holding("DEL w_1", "RPUSH w_1 100", "SADD h_3 f")
        assert server.run("SORT l BY w_*") == array("1", "10", "3", "2")
        assert server.run("SORT l BY h_*") == array("1", "10", "2", "3")
        assert server.run("SORT l BY w_*->f") == array("1", "10", "2", "3")

    def test_strings_in_all_forms(self) -> None:
        server = holding("DEL w_1", "INCRBY w_1 25", "APPEND w_2 0", "SETRANGE w_3 1 1")
        assert server.run("SORT l BY w_* GET w_*") == (
            b"*4\r\n$-1\r\n" + bulk("11") + bulk("25") + bulk("200")
        )

    def test_lookups_count(self) -> None:
        server = holding()
        server.run("SORT l BY w_* GET h_*->f")
        keyspace = server.engine.keyspace
        assert (keyspace.hits, keyspace.misses) == (1 + 3 + 3, 1 + 1)
        assert server.heard() == ["keymiss w_10", "keymiss h_3"]

    def test_a_weight_that_has_expired_is_gone(self) -> None:
        server = holding("PEXPIRE w_1 10")
        server.clock.advance(10)
        assert server.run("SORT l BY w_*") == array("1", "10", "3", "2")
        assert "DEL w_1" in server.logged()

    def test_a_field_that_has_expired_is_gone(self) -> None:
        server = holding("HPEXPIRE h_2 10 FIELDS 1 g")
        server.clock.advance(10)
        assert server.run("SORT l BY h_*->g GET h_*->f GET h_*->g") == (
            b"*8\r\n"
            + bulk("two")
            + b"$-1\r\n"
            + b"$-1\r\n$-1\r\n"
            + bulk("ten")
            + bulk("4")
            + bulk("one")
            + bulk("5")
        )


class TestGet:
    @pytest.mark.parametrize(("protocol", "null"), [(2, b"$-1\r\n"), (3, b"_\r\n")])
    def test_several(self, protocol: int, null: bytes) -> None:
        server = holding(protocol=protocol)
        assert server.run("SORT l LIMIT 0 2 GET # GET w_* GET h_*->f GET none_* get constant") == (
            b"*10\r\n"
            + (bulk("1") + bulk("30") + bulk("one") + null + null)
            + (bulk("2") + bulk("20") + bulk("two") + null + null)
        )

    def test_a_reply_is_an_array_in_resp3(self) -> None:
        assert holding(protocol=3).run("SORT x") == array("1", "2", "3", "10")


class TestPattern:
    @pytest.mark.parametrize(
        ("text", "prefix", "suffix", "field"),
        [
            (b"w_*", b"w_", b"", None),
            (b"*", b"", b"", None),
            (b"a*b*c", b"a", b"b*c", None),
            (b"h_*->f", b"h_", b"", b"f"),
            (b"h_*_x->f->g", b"h_", b"_x", b"f->g"),
            (b"h_*->", b"h_", b"->", None),
            (b"h->_*", b"h->_", b"", None),
            (b"h_*->->", b"h_", b"", b"->"),
            (b"h_*\x00->f", b"h_", b"\x00->f", None),
            (b"h_*->\x00f", b"h_", b"->\x00f", None),
            (b"h_*->f\x00g", b"h_", b"", b"f\x00g"),
        ],
    )
    def test_parts(self, text: bytes, prefix: bytes, suffix: bytes, field: bytes | None) -> None:
        pattern = Pattern(text)
        assert not pattern.is_constant
        assert not pattern.is_element
        assert (pattern.prefix, pattern.suffix, pattern.field) == (prefix, suffix, field)

    def test_constants(self) -> None:
        for text in (b"nosort", b"", b"##", b"a\x00*"):
            assert Pattern(text).is_constant
            assert not Pattern(text).is_element
        assert Pattern(b"#").is_element
        assert Pattern(b"#\x00*").is_element


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "number"),
        [
            (b"1", 1.0), (b"", 0.0), (b" 5", 5.0), (b"\t\n-5", -5.0), (b"+7", 7.0), (b"007", 7.0), (b".5", 0.5),
            (b"5.", 5.0), (b"1e3", 1000.0), (b"0x10", 16.0), (b"0x1p-2", 0.25), (b"inf", float("inf")),
            (b"-Infinity", float("-inf")), (b"5\x00junk", 5.0), (b"\x00junk", 0.0), (b"-0", 0.0),
            (b"123456789012345678901234567890", 123456789012345678901234567890.0), (b"0e-999", 0.0),
            (b"2.2250738585072014e-308", 2.2250738585072014e-308), (b"0x1p-1074", 5e-324),
        ],
    )  # fmt: skip
    def test_what_strtod_reads(self, text: bytes, number: float) -> None:
        assert number_of(text) == number

    @pytest.mark.parametrize(
        "text",
        [
            b"abc", b"5x", b"5 ", b" ", b"nan", b"-nan", b"1_0", b"0x", b"--1", b"1e", b"1e999", b"-1e999", b"1e-310",
            b"1e-999", b"5e-324", b"1,5", b"\xff",
        ],
    )  # fmt: skip
    def test_what_it_does_not(self, text: bytes) -> None:
        assert number_of(text) is None

    def test_one_wrong_number_is_an_error(self) -> None:
        server = holding("RPUSH l abc", "SET w_2 x")
        assert server.run("SORT l") == NOT_A_NUMBER
        assert server.run("SORT l BY w_*") == NOT_A_NUMBER
        assert server.run("SORT l STORE stored") == NOT_A_NUMBER
        assert server.run("SORT l BY w_* GET none_*") == NOT_A_NUMBER
        assert server.run("SORT l LIMIT 0 1") == NOT_A_NUMBER
        assert server.run("EXISTS stored") == ZERO
        assert server.logged() == []


class TestStore:
    def test_stores_a_list(self) -> None:
        server = holding("EXPIRE s 100")
        before = dirty(server)
        assert server.run("SORT l DESC STORE s") == integer(4)
        assert server.run("LRANGE s 0 -1") == array("10", "3", "2", "1")
        assert server.run("TYPE s") == b"+list\r\n"
        assert server.run("TTL s") == integer(-1)
        assert server.heard() == ["sortstore s"]
        assert server.logged() == ["SORT l DESC STORE s"]
        assert dirty(server) == before + 4

    def test_over_its_own_source(self) -> None:
        server = holding()
        assert server.run("SORT l STORE l") == integer(4)
        assert server.run("LRANGE l 0 -1") == array("1", "2", "3", "10")

    def test_what_is_missing_becomes_an_empty_text(self) -> None:
        server = holding()
        assert server.run("SORT l LIMIT 2 2 GET # GET w_* GET none_* STORE stored") == integer(6)
        assert server.run("LRANGE stored 0 -1") == array("3", "10", "", "10", "", "")

    def test_of_the_last_of_several(self) -> None:
        server = holding()
        server.run("SORT l STORE one STORE two")
        assert server.run("EXISTS one two") == integer(1)
        assert server.run("LLEN two") == integer(4)

    @pytest.mark.parametrize(
        "line", ["SORT missing STORE s", "SORT l LIMIT 0 0 STORE s", "SORT l LIMIT 9 1 GET # STORE s"]
    )
    def test_nothing_deletes_the_destination(self, line: str) -> None:
        server = holding()
        before = dirty(server)
        assert server.run(line) == ZERO
        assert server.run("EXISTS s") == ZERO
        assert [event for event in server.heard() if not event.startswith("keymiss")] == ["del s"]
        assert server.logged() == [line]
        assert dirty(server) == before + 1
        assert server.run(line) == ZERO
        assert server.logged() == []

    def test_a_long_result_is_a_quicklist(self) -> None:
        server = holding("RPUSH long " + " ".join(f"{number:0300}" for number in range(100)))
        server.run("SORT long STORE stored")
        assert server.run("OBJECT ENCODING stored") == bulk("quicklist")
        server.run("SORT l STORE stored")
        assert server.run("OBJECT ENCODING stored") == bulk("listpack")


class TestErrors:
    @pytest.mark.parametrize(
        "options",
        ["junk", "LIMIT", "LIMIT 1", "BY", "GET", "STORE", "GET # GET", "ASC junk", "1"],
    )
    def test_of_syntax(self, options: str) -> None:
        assert holding().run(f"SORT l {options}") == SYNTAX

    def test_of_limits(self) -> None:
        server = holding()
        for options in ("LIMIT x 1", "LIMIT 1 x", "LIMIT 1 9223372036854775808", "LIMIT '' 1"):
            assert server.run(f"SORT l {options}") == NOT_AN_INTEGER

    def test_the_read_only_form_does_not_store(self) -> None:
        server = holding()
        assert server.run("SORT_RO l STORE stored") == SYNTAX
        assert server.run("EXISTS stored") == ZERO

    def test_of_types_come_after_those_of_syntax(self) -> None:
        server = holding()
        assert server.run("SORT s") == server.run("SORT_RO s") == server.run("SORT h_1") == WRONG_TYPE
        assert server.run("SORT s junk") == SYNTAX


class TestSideEffects:
    @pytest.mark.parametrize("line", ["SORT z ALPHA", "SORT_RO z ALPHA", "SORT z BY nosort"])
    def test_a_sorted_set_becomes_a_skiplist(self, line: str) -> None:
        server = holding()
        assert server.run("OBJECT ENCODING z") == bulk("listpack")
        server.run(line)
        assert server.run("OBJECT ENCODING z") == bulk("skiplist")
        assert server.run("ZRANGE z 0 -1 WITHSCORES") == array("d", "1", "c", "2", "b", "3", "a", "4")
        server.run("ZADD z 2.5 e")
        assert server.run("ZRANGE z 0 -1") == array("d", "c", "e", "b", "a")
        assert server.logged() == ["ZADD z 2.5 e"]

    def test_bounds_do_not_change_the_options(self) -> None:
        options = SortOptions()
        options.parse([b"SORT", b"l", b"LIMIT", b"2", b"3"], True)
        assert [options.bounds(length) for length in (0, 2, 3, 5, 9)] == [
            (0, 0),
            (2, 2),
            (2, 3),
            (2, 5),
            (2, 5),
        ]


class TestKeys:
    @pytest.mark.parametrize(
        ("request_", "keys"),
        [
            ("SORT l", "l"),
            ("SORT l STORE d", "l d"),
            ("SORT l STORE d store e", "l e"),
            ("SORT l STORE", "l"),
            ("SORT l BY STORE GET STORE LIMIT STORE STORE STORE d", "l d"),
            ("SORT l GET", "l"),
            ("SORT_RO l STORE d", "l"),
        ],
    )
    def test_are_found(self, request_: str, keys: str) -> None:
        assert holding().run(f"COMMAND GETKEYS {request_}") == array(*keys.split())

    def test_have_flags(self) -> None:
        assert holding(protocol=3).run("COMMAND GETKEYSANDFLAGS SORT l STORE d") == (
            b"*2\r\n*2\r\n$1\r\nl\r\n~2\r\n+RO\r\n+access\r\n*2\r\n$1\r\nd\r\n~2\r\n+OW\r\n+update\r\n"
        )
