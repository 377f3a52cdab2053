"""List commands that answer at once, in process: replies, errors, events, and what is logged."""

from __future__ import annotations

import pytest

from pyredis.datatypes.list_value import ListValue
from tests.support.observed import Observed

OK, ZERO, ONE, NULL, NULL_ARRAY, EMPTY = b"+OK\r\n", b":0\r\n", b":1\r\n", b"$-1\r\n", b"*-1\r\n", b"*0\r\n"
NULL3 = b"_\r\n"
WRONG_TYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
SYNTAX = b"-ERR syntax error\r\n"
NOT_AN_INTEGER = b"-ERR value is not an integer or out of range\r\n"
NOT_POSITIVE = b"-ERR value is out of range, must be positive\r\n"


def integer(value: int) -> bytes:
    return b":%d\r\n" % value


def bulk(text: str) -> bytes:
    return f"${len(text)}\r\n{text}\r\n".encode()


def array(*texts: str) -> bytes:
    return b"*%d\r\n" % len(texts) + b"".join(map(bulk, texts))


def popped(key: str, *elements: str) -> bytes:
    return b"*2\r\n" + bulk(key) + array(*elements)


def content(server: Observed, key: str = "l") -> list[str]:
    """The elements at a key, the structure having been checked."""
    value = server.engine.keyspace.databases[0].peek(key.encode())
    if value is None:
        return []
    assert isinstance(value, ListValue)
    value.check()
    return [element.decode() for element in value.values()]


def holding(*elements: str, protocol: int = 2) -> Observed:
    """A server with a list `l` and a string `s`."""
    server = Observed(protocol=protocol)
    server.run("SET s string")
    if elements:
        server.run("RPUSH l " + " ".join(elements))
    server.forget()
    return server


def dirty(server: Observed) -> int:
    return server.engine.keyspace.dirty


class TestPush:
    def test_head_takes_elements_one_after_the_other(self) -> None:
        server = holding()
        assert server.run("LPUSH l a b c") == integer(3)
        assert server.run("RPUSH l d e") == integer(5)
        assert content(server) == ["c", "b", "a", "d", "e"]
        assert server.logged() == ["LPUSH l a b c", "RPUSH l d e"]
        assert server.heard() == ["new l", "lpush l", "rpush l"]

    def test_counts_every_element_as_a_change(self) -> None:
        server = holding()
        before = dirty(server)
        server.run("RPUSH l a b c")
        server.run("LPUSH l d e")
        assert dirty(server) == before + 5

    @pytest.mark.parametrize("command", ["LPUSHX", "RPUSHX"])
    def test_needs_a_list_with_x(self, command: str) -> None:
        server = holding()
        assert server.run(f"{command} l a") == ZERO
        assert server.logged() == server.heard() == []
        server.run("RPUSH l a")
        assert server.run(f"{command} l b c") == integer(3)
        assert content(server) == (["c", "b", "a"] if command == "LPUSHX" else ["a", "b", "c"])

    @pytest.mark.parametrize("command", ["LPUSH", "RPUSH", "LPUSHX", "RPUSHX"])
    def test_refuses_other_types(self, command: str) -> None:
        server = holding()
        assert server.run(f"{command} s a") == WRONG_TYPE
        name = command.lower().encode()
        assert server.run(f"{command} l") == b"-ERR wrong number of arguments for '" + name + b"' command\r\n"

    def test_keeps_a_deadline(self) -> None:
        server = holding("a")
        server.run("PEXPIREAT l 1700000100000")
        server.run("RPUSH l b")
        assert server.engine.keyspace.databases[0].deadline(b"l") == 1_700_000_100_000

    def test_any_bytes(self) -> None:
        server = holding()
        for element in (b"", b"\r\n", b"$1\r\na\r\n", b"\x00\xff", b"x" * 100_000):
            server.user.command("RPUSH", "l", element)
            assert server.user.command("LINDEX", "l", "-1") == b"$%d\r\n%b\r\n" % (len(element), element)


class TestPop:
    def test_one(self) -> None:
        server = holding("a", "b", "c")
        assert server.run("LPOP l") == bulk("a")
        assert server.run("RPOP l") == bulk("c")
        assert server.heard() == ["lpop l", "rpop l"]
        assert server.run("RPOP l") == bulk("b")
        assert server.heard() == ["rpop l", "del l"]
        assert server.run("EXISTS l") == ZERO
        assert server.logged() == ["LPOP l", "RPOP l", "RPOP l"]

    @pytest.mark.parametrize("command", ["LPOP", "RPOP"])
    def test_nothing(self, command: str) -> None:
        server = holding()
        assert server.run(f"{command} l") == NULL
        assert server.run(f"{command} l 2") == NULL_ARRAY
        assert server.run(f"{command} l 0") == NULL_ARRAY
        assert server.run(f"{command} s") == server.run(f"{command} s 1") == WRONG_TYPE
        assert server.logged() == []
        assert holding(protocol=3).run(f"{command} l 2") == holding(protocol=3).run(f"{command} l") == NULL3

    def test_many(self) -> None:
        server = holding("a", "b", "c", "d", "e")
        before = dirty(server)
        assert server.run("LPOP l 2") == array("a", "b")
        assert server.run("RPOP l 2") == array("e", "d")
        assert server.run("RPOP l 0") == EMPTY
        assert server.run("LPOP l 99") == array("c")
        assert server.heard() == ["lpop l", "rpop l", "lpop l", "del l"]
        assert server.logged() == ["LPOP l 2", "RPOP l 2", "LPOP l 99"]
        assert dirty(server) == before + 5

    def test_wrong_counts(self) -> None:
        server = holding("a")
        for count in ("-1", "x", "1.5", "9223372036854775808", "''"):
            assert server.run(f"LPOP l {count}") == NOT_POSITIVE
        assert server.run("LPOP l 1 2") == b"-ERR wrong number of arguments for 'lpop' command\r\n"
        assert server.run("RPOP l 1 2") == b"-ERR wrong number of arguments for 'rpop' command\r\n"

    def test_many_of_a_long_list(self) -> None:
        elements = [f"e{number}" for number in range(1000)]
        server = holding(*elements)
        assert server.run("LPOP l 300") == array(*elements[:300])
        assert server.run("RPOP l 300") == array(*reversed(elements[700:]))
        assert content(server) == elements[300:700]


class TestLmpop:
    def test_takes_from_the_first_list(self) -> None:
        server = holding("a", "b", "c")
        assert server.run("LMPOP 2 none l LEFT") == popped("l", "a")
        assert server.run("LMPOP 1 l right COUNT 5") == popped("l", "c", "b")
        assert server.run("LMPOP 2 none l LEFT") == NULL_ARRAY
        assert server.logged() == ["LPOP l 1", "RPOP l 2"]
        assert server.heard() == ["lpop l", "rpop l", "del l"]
        assert holding(protocol=3).run("LMPOP 1 l LEFT") == NULL3

    def test_counts_what_it_took(self) -> None:
        server = holding("a", "b", "c")
        before = dirty(server)
        server.run("LMPOP 1 l LEFT COUNT 2")
        assert dirty(server) == before + 2

    def test_stops_at_another_type(self) -> None:
        assert holding("a").run("LMPOP 2 s l LEFT") == WRONG_TYPE
        assert holding("a").run("LMPOP 2 l s LEFT") == popped("l", "a")

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("0 l LEFT", b"-ERR numkeys should be greater than 0\r\n"),
            ("-1 l LEFT", b"-ERR numkeys should be greater than 0\r\n"),
            ("x l LEFT", b"-ERR numkeys should be greater than 0\r\n"),
            ("2 l LEFT", SYNTAX),
            ("9223372036854775807 l LEFT", SYNTAX),
            ("1 l UP", SYNTAX),
            ("1 l LEFT COUNT", SYNTAX),
            ("1 l LEFT FOO 1", SYNTAX),
            ("1 l LEFT COUNT 0", b"-ERR count should be greater than 0\r\n"),
            ("1 l LEFT COUNT x", b"-ERR count should be greater than 0\r\n"),
            ("1 l LEFT COUNT 1 COUNT 2", SYNTAX),
            ("1 l LEFT COUNT 0 COUNT 2", b"-ERR count should be greater than 0\r\n"),
        ],
    )
    def test_errors(self, arguments: str, error: bytes) -> None:
        assert holding("a").run("LMPOP " + arguments) == error


class TestMove:
    @pytest.mark.parametrize(
        ("sides", "moved", "source", "destination", "events"),
        [
            ("LEFT LEFT", "a", ["b", "c"], ["a", "x"], ["lpush m", "lpop l"]),
            ("LEFT RIGHT", "a", ["b", "c"], ["x", "a"], ["rpush m", "lpop l"]),
            ("RIGHT LEFT", "c", ["a", "b"], ["c", "x"], ["lpush m", "rpop l"]),
            ("right Right", "c", ["a", "b"], ["x", "c"], ["rpush m", "rpop l"]),
        ],
    )
    def test_between_lists(
        self, sides: str, moved: str, source: list[str], destination: list[str], events: list[str]
    ) -> None:
        server = holding("a", "b", "c")
        server.run("RPUSH m x")
        server.forget()
        before = dirty(server)
        assert server.run("LMOVE l m " + sides) == bulk(moved)
        assert (content(server), content(server, "m")) == (source, destination)
        assert server.heard() == events
        assert server.logged() == ["LMOVE l m " + sides]
        assert dirty(server) == before + 1

    def test_makes_and_empties_lists(self) -> None:
        server = holding("a")
        before = dirty(server)
        assert server.run("RPOPLPUSH l m") == bulk("a")
        assert server.heard() == ["new m", "lpush m", "rpop l", "del l"]
        assert server.logged() == ["RPOPLPUSH l m"]
        assert dirty(server) == before + 1
        assert (content(server), content(server, "m")) == ([], ["a"])

    def test_within_a_list(self) -> None:
        server = holding("a", "b", "c")
        assert server.run("LMOVE l l LEFT RIGHT") == bulk("a")
        assert server.run("RPOPLPUSH l l") == bulk("a")
        assert server.run("LMOVE l l RIGHT RIGHT") == bulk("c")
        assert content(server) == ["a", "b", "c"]
        single = holding("a")
        assert single.run("LMOVE l l LEFT RIGHT") == bulk("a")
        assert single.heard() == ["rpush l", "lpop l"]
        assert content(single) == ["a"]

    def test_nothing_and_other_types(self) -> None:
        server = holding("a")
        assert server.run("LMOVE none l LEFT LEFT") == server.run("RPOPLPUSH none s") == NULL
        assert server.run("LMOVE l s LEFT LEFT") == server.run("LMOVE s l LEFT LEFT") == WRONG_TYPE
        assert server.run("RPOPLPUSH l s") == WRONG_TYPE
        assert server.run("LMOVE l l UP LEFT") == server.run("LMOVE none l LEFT DOWN") == SYNTAX
        assert content(server) == ["a"]
        assert server.logged() == []


class TestRead:
    def test_length(self) -> None:
        server = holding("a", "b")
        assert server.run("LLEN l") == integer(2)
        assert server.run("LLEN none") == ZERO
        assert server.run("LLEN s") == WRONG_TYPE

    @pytest.mark.parametrize(
        ("index", "reply"),
        [
            ("0", bulk("a")), ("2", bulk("c")), ("3", NULL), ("-1", bulk("c")), ("-3", bulk("a")), ("-4", NULL),
            ("9223372036854775807", NULL), ("-9223372036854775808", NULL), ("x", NOT_AN_INTEGER),
            ("9223372036854775808", NOT_AN_INTEGER),
        ],
    )  # fmt: skip
    def test_index(self, index: str, reply: bytes) -> None:
        assert holding("a", "b", "c").run("LINDEX l " + index) == reply

    def test_index_without_a_list(self) -> None:
        server = holding()
        assert server.run("LINDEX none x") == NULL
        assert server.run("LINDEX s x") == WRONG_TYPE
        assert holding(protocol=3).run("LINDEX none 0") == NULL3

    @pytest.mark.parametrize(
        ("bounds", "texts"),
        [
            ("0 -1", "abcde"), ("1 3", "bcd"), ("-3 -2", "cd"), ("-99 99", "abcde"), ("3 1", ""), ("5 9", ""),
            ("0 -6", ""), ("4 4", "e"), ("-9223372036854775808 9223372036854775807", "abcde"),
            ("9223372036854775807 -1", ""), ("0 -9223372036854775808", ""),
        ],
    )  # fmt: skip
    def test_range(self, bounds: str, texts: str) -> None:
        assert holding(*"abcde").run("LRANGE l " + bounds) == array(*texts)

    def test_range_errors(self) -> None:
        server = holding()
        assert server.run("LRANGE none x 0") == server.run("LRANGE s 0 x") == NOT_AN_INTEGER
        assert server.run("LRANGE none 0 -1") == EMPTY
        assert server.run("LRANGE s 0 -1") == WRONG_TYPE

    def test_ranges_of_a_long_list(self) -> None:
        elements = [f"e{number}" for number in range(2000)]
        server = holding()
        server.run("RPUSH l " + " ".join(elements[1000:]))
        server.run("LPUSH l " + " ".join(reversed(elements[:1000])))
        for start, stop in ((0, 1999), (0, 99), (5, 5), (1990, 1999), (300, 899), (63, 64), (1936, 1940)):
            assert server.run(f"LRANGE l {start} {stop}") == array(*elements[start : stop + 1])
        assert [server.run(f"LINDEX l {number}") for number in range(2000)] == list(map(bulk, elements))

    def test_reads_count_as_hits_and_misses(self) -> None:
        server = holding("a")
        keyspace = server.engine.keyspace
        before = keyspace.hits, keyspace.misses
        for line in ("LLEN l", "LINDEX l 0", "LRANGE l 0 -1", "LPOS l a", "LPOP l", "LLEN l", "LPOP l"):
            server.run(line)
        assert (keyspace.hits - before[0], keyspace.misses - before[1]) == (4, 1)


class TestLpos:
    @pytest.mark.parametrize(
        ("options", "found"),
        [
            ("", 0), ("RANK 2", 2), ("RANK 4", None), ("RANK -1", 5), ("RANK -3", 0), ("RANK -4", None),
            ("MAXLEN 1", 0), ("RANK 2 MAXLEN 2", None), ("RANK 2 MAXLEN 3", 2), ("RANK -1 MAXLEN 1", 5),
            ("RANK -2 MAXLEN 3", None), ("RANK -2 MAXLEN 4", 2), ("RANK 1 RANK 2", 2), ("maxlen 0", 0),
            ("RANK 9223372036854775807", None), ("RANK -9223372036854775807", None),
        ],
    )  # fmt: skip
    def test_one(self, options: str, found: int | None) -> None:
        reply = NULL if found is None else integer(found)
        assert holding(*"abacba").run("LPOS l a " + options) == reply

    @pytest.mark.parametrize(
        ("options", "found"),
        [
            ("COUNT 0", [0, 2, 5]), ("COUNT 2", [0, 2]), ("COUNT 9", [0, 2, 5]), ("COUNT 0 RANK 2", [2, 5]),
            ("COUNT 0 RANK -1", [5, 2, 0]), ("COUNT 2 RANK -2", [2, 0]), ("COUNT 0 RANK 9", []),
            ("COUNT 0 MAXLEN 3", [0, 2]), ("COUNT 0 RANK -1 MAXLEN 4", [5, 2]), ("COUNT 1 COUNT 2", [0, 2]),
            ("COUNT 9223372036854775807 RANK 2", [2, 5]), ("COUNT 1 RANK 9223372036854775807", []),
        ],
    )  # fmt: skip
    def test_several(self, options: str, found: list[int]) -> None:
        reply = b"*%d\r\n" % len(found) + b"".join(map(integer, found))
        assert holding(*"abacba").run("LPOS l a " + options) == reply

    def test_nothing(self) -> None:
        server = holding("a")
        assert server.run("LPOS l b") == server.run("LPOS none a") == NULL
        assert server.run("LPOS l b COUNT 1") == server.run("LPOS none a COUNT 0") == EMPTY
        assert server.run("LPOS s a") == WRONG_TYPE
        assert holding(protocol=3).run("LPOS none a") == NULL3

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            (
                "RANK 0",
                b"-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use "
                b"negative to start from the end of the list\r\n",
            ),
            ("RANK x", NOT_AN_INTEGER),
            (
                "RANK -9223372036854775808",
                b"-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807\r\n",
            ),
            ("COUNT -1", b"-ERR COUNT can't be negative\r\n"),
            ("COUNT x", b"-ERR COUNT can't be negative\r\n"),
            ("MAXLEN -1", b"-ERR MAXLEN can't be negative\r\n"),
            ("MAXLEN", SYNTAX),
            ("FIRST 1", SYNTAX),
            ("COUNT 1 RANK", SYNTAX),
        ],
    )
    def test_errors(self, options: str, error: bytes) -> None:
        assert holding("a").run("LPOS none a " + options) == error


class TestSet:
    def test_replaces(self) -> None:
        server = holding("a", "b", "c")
        assert server.run("LSET l 0 x") == server.run("LSET l -1 z") == OK
        assert content(server) == ["x", "b", "z"]
        assert server.heard() == ["lset l", "lset l"]
        assert server.logged() == ["LSET l 0 x", "LSET l -1 z"]

    def test_errors(self) -> None:
        server = holding("a")
        assert server.run("LSET none x y") == b"-ERR no such key\r\n"
        assert server.run("LSET s x y") == WRONG_TYPE
        assert server.run("LSET l x y") == NOT_AN_INTEGER
        for index in ("1", "-2", "9223372036854775807", "-9223372036854775808"):
            assert server.run(f"LSET l {index} y") == b"-ERR index out of range\r\n"
        assert server.logged() == server.heard() == []

    def test_everywhere_in_a_long_list(self) -> None:
        elements = [f"e{number}" for number in range(600)]
        server = holding(*elements)
        for index in range(0, 600, 7):
            elements[index] = "x" * (index * 20)
            assert server.user.command("LSET", "l", index, elements[index]) == OK
        assert content(server) == elements


class TestInsert:
    def test_beside_the_first(self) -> None:
        server = holding("a", "b", "a")
        assert server.run("LINSERT l BEFORE a x") == integer(4)
        assert server.run("LINSERT l after a y") == integer(5)
        assert content(server) == ["x", "a", "y", "b", "a"]
        assert server.heard() == ["linsert l", "linsert l"]
        assert server.logged() == ["LINSERT l BEFORE a x", "LINSERT l after a y"]

    def test_not_at_all(self) -> None:
        server = holding("a")
        assert server.run("LINSERT l BEFORE b x") == integer(-1)
        assert server.run("LINSERT none BEFORE b x") == ZERO
        assert server.run("LINSERT s BEFORE b x") == WRONG_TYPE
        assert server.run("LINSERT s AT b x") == SYNTAX
        assert server.logged() == server.heard() == []

    def test_within_a_long_list(self) -> None:
        elements = [f"e{number}" for number in range(900)]
        server = holding(*elements)
        for pivot in (0, 899, 450, 450, 100):
            assert server.run(f"LINSERT l BEFORE e{pivot} new") == integer(len(elements) + 1)
            elements.insert(elements.index(f"e{pivot}"), "new")
        assert content(server) == elements


class TestRemove:
    @pytest.mark.parametrize(
        ("count", "removed", "left"),
        [
            ("0", 3, "bcb"), ("1", 1, "bacba"), ("2", 2, "bcba"), ("-1", 1, "abacb"), ("-2", 2, "abcb"),
            ("9", 3, "bcb"), ("-9223372036854775808", 3, "bcb"), ("9223372036854775807", 3, "bcb"),
        ],
    )  # fmt: skip
    def test_count(self, count: str, removed: int, left: str) -> None:
        server = holding(*"abacba")
        before = dirty(server)
        assert server.run(f"LREM l {count} a") == integer(removed)
        assert content(server) == list(left)
        assert server.heard() == ["lrem l"]
        assert dirty(server) == before + removed

    def test_the_last_ones(self) -> None:
        server = holding("a", "a")
        assert server.run("LREM l 0 a") == integer(2)
        assert server.heard() == ["lrem l", "del l"]
        assert server.run("EXISTS l") == ZERO

    def test_nothing(self) -> None:
        server = holding("a")
        assert server.run("LREM l 0 b") == server.run("LREM none 0 b") == ZERO
        assert server.run("LREM s 0 b") == WRONG_TYPE
        assert server.run("LREM none x b") == NOT_AN_INTEGER
        assert server.logged() == server.heard() == []


class TestTrim:
    @pytest.mark.parametrize(
        ("bounds", "left"),
        [
            ("0 -1", "abcde"), ("1 3", "bcd"), ("-2 -1", "de"), ("0 99", "abcde"), ("-99 1", "ab"), ("3 1", ""),
            ("5 9", ""), ("0 -6", ""), ("9223372036854775807 -9223372036854775808", ""),
            ("-9223372036854775808 9223372036854775807", "abcde"),
        ],
    )  # fmt: skip
    def test_keeps_a_range(self, bounds: str, left: str) -> None:
        server = holding(*"abcde")
        before = dirty(server)
        assert server.run("LTRIM l " + bounds) == OK
        assert content(server) == list(left)
        assert server.heard() == (["ltrim l"] if left else ["ltrim l", "del l"])
        assert dirty(server) == before + 5 - len(left)
        assert server.logged() == ([] if left == "abcde" else ["LTRIM l " + bounds])

    def test_nothing_and_errors(self) -> None:
        server = holding()
        assert server.run("LTRIM none 0 0") == OK
        assert server.run("LTRIM s 0 0") == WRONG_TYPE
        assert server.run("LTRIM none x 0") == server.run("LTRIM none 0 x") == NOT_AN_INTEGER
        assert server.heard() == []

    def test_a_list_kept_short(self) -> None:
        server = holding()
        for number in range(500):
            server.run(f"LPUSH l e{number}")
            server.run("LTRIM l 0 99")
        assert content(server) == [f"e{number}" for number in range(499, 399, -1)]


def test_watched_lists_notice_every_change() -> None:
    for change in (
        "LPUSH l x", "RPUSH l x", "LPOP l", "RPOP l 2", "LMPOP 1 l LEFT", "LMOVE l m LEFT LEFT", "RPOPLPUSH l l",
        "LMOVE m l LEFT LEFT", "LSET l 0 x", "LINSERT l BEFORE a x", "LREM l 0 a", "LTRIM l 1 1", "LTRIM l 0 -1",
        "BLPOP l 0", "BLMOVE l m LEFT LEFT 0",
    ):  # fmt: skip
        server = holding(*"abc")
        server.run("RPUSH m y")
        watcher = server.client()
        watcher.command("WATCH", "l")
        server.run(change)
        watcher.command("MULTI")
        assert watcher.command("EXEC") == NULL_ARRAY, change
    server = holding(*"abc")
    watcher = server.client()
    watcher.command("WATCH", "l")
    for line in (
        "LREM l 0 x", "LINSERT l BEFORE x y", "LPOP l 0", "LRANGE l 0 -1", "LSET l 9 x", "LMOVE none l LEFT LEFT",
    ):  # fmt: skip
        server.run(line)
    watcher.command("MULTI")
    assert watcher.command("EXEC") == EMPTY


def test_the_encoding_follows_the_configuration() -> None:
    server = holding(*"abc")

    def encoding() -> bytes:
        return server.run("OBJECT ENCODING l")

    assert encoding() == bulk("listpack")
    server.run("CONFIG SET list-max-listpack-size 3")
    assert encoding() == bulk("listpack")
    server.run("LINSERT l BEFORE x y")  # decided before it is known that there is no pivot
    assert encoding() == bulk("quicklist")
    server.run("LPOP l")
    assert encoding() == bulk("quicklist")
    server.run("LPOP l")
    assert encoding() == bulk("listpack")
    server.run("CONFIG SET list-max-listpack-size -2")
    server.user.command("RPUSH", "l", b"x" * 8200)
    assert encoding() == bulk("quicklist")
    server.run("LSET l -1 small")
    assert encoding() == bulk("listpack")


def test_a_copy_is_independent() -> None:
    server = holding(*(f"e{number}" for number in range(1000)))
    server.run("COPY l m")
    server.run("LTRIM l 0 9")
    assert len(content(server, "m")) == 1000
    assert content(server) == [f"e{number}" for number in range(10)]
