"""Streams as logs, in process: XADD XLEN XRANGE XREVRANGE XDEL XTRIM XSETID."""

from __future__ import annotations

import pytest

from pyredis.datatypes.stream import Stream, StreamCursor
from pyredis.datatypes.stream_ids import ID_MAX, id_text
from tests.support.observed import Observed

OK, ZERO, ONE, NULL, NULL_ARRAY, EMPTY = b"+OK\r\n", b":0\r\n", b":1\r\n", b"$-1\r\n", b"*-1\r\n", b"*0\r\n"
NULL3 = b"_\r\n"
WRONG_TYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
SYNTAX = b"-ERR syntax error\r\n"
NOT_AN_INTEGER = b"-ERR value is not an integer or out of range\r\n"
INVALID_ID = b"-ERR Invalid stream ID specified as stream command argument\r\n"
SMALL_ID = b"-ERR The ID specified in XADD is equal or smaller than the target stream top item\r\n"
NO_KEY = b"-ERR no such key\r\n"
LAST = "18446744073709551615"


def integer(value: int) -> bytes:
    return b":%d\r\n" % value


def bulk(text: str) -> bytes:
    return f"${len(text)}\r\n{text}\r\n".encode()


def array(*items: bytes) -> bytes:
    return b"*%d\r\n" % len(items) + b"".join(items)


def entry(entry_id: str, *words: str) -> bytes:
    return array(bulk(entry_id), array(*map(bulk, words or ("f", "v"))))


def entries(*ids: str) -> bytes:
    return array(*map(entry, ids))


def stream_at(server: Observed, key: str = "s") -> Stream:
    value = server.engine.keyspace.databases[0].peek(key.encode())
    assert isinstance(value, Stream)
    value.check()
    return value


def content(server: Observed, key: str = "s") -> str:
    """The IDs in a stream, its structure having been checked; `-` when there is none."""
    value = server.engine.keyspace.databases[0].peek(key.encode())
    if value is None:
        return "-"
    cursor = StreamCursor(stream_at(server, key), 0, ID_MAX, False)
    found = []
    while cursor.advance():
        found.append(id_text(cursor.entry_id()).decode())
    return " ".join(found)


def holding(*ids: str, node_entries: int = 100, protocol: int = 2) -> Observed:
    """A server with a stream `s` of these entries, and a string `t`."""
    server = Observed((b"stream-node-max-entries", b"%d" % node_entries), protocol=protocol)
    server.run("SET t string")
    for entry_id in ids:
        assert server.run(f"XADD s {entry_id} f v").startswith(b"$")
    server.forget()
    return server


class TestAdd:
    def test_the_clock_gives_the_id(self) -> None:
        server = holding()
        assert server.run("XADD s * f v g w") == bulk("1700000000000-0")
        assert server.run("XADD s * f v") == bulk("1700000000000-1")
        server.clock.advance(5)
        assert server.run("XADD s * f v") == bulk("1700000000005-0")
        server.clock.advance(-100)
        assert server.run("XADD s * f v") == bulk("1700000000005-1")
        assert server.logged()[:2] == ["XADD s 1700000000000-0 f v g w", "XADD s 1700000000000-1 f v"]
        assert server.heard() == ["new s", "xadd s", "xadd s", "xadd s", "xadd s"]

    @pytest.mark.parametrize(
        ("before", "given", "chosen"),
        [
            ("", "5", "5-0"), ("", "0-*", "0-1"), ("", "5-*", "5-0"), ("5-3", "5-*", "5-4"),
            ("5-3", "6-*", "6-0"),
            ("5-3", "5-4", "5-4"), ("5-3", "07-1", "7-1"), (f"5-{LAST}", "6", "6-0"),
            (f"{LAST}-7", "*", f"{LAST}-8"),
            (f"9700000000000-{LAST}", "*", "9700000000001-0"),
        ],
    )  # fmt: skip
    def test_given_ids(self, before: str, given: str, chosen: str) -> None:
        server = holding(*before.split())
        assert server.run(f"XADD s {given} f v") == bulk(chosen)
        assert content(server) == f"{before} {chosen}".strip()
        logged = chosen if "*" in given else given
        assert server.logged() == [f"XADD s {logged} f v"]

    @pytest.mark.parametrize(
        ("before", "given", "error"),
        [
            ("", "0-0", b"-ERR The ID specified in XADD must be greater than 0-0\r\n"),
            ("", "0", b"-ERR The ID specified in XADD must be greater than 0-0\r\n"),
            ("5-3", "5-3", SMALL_ID), ("5-3", "5-2", SMALL_ID), ("5-3", "5", SMALL_ID),
            ("5-3", "4-*", SMALL_ID),
            (f"5-{LAST}", "5-*", SMALL_ID), ("", "x", INVALID_ID), ("", "-", INVALID_ID), ("", "+", INVALID_ID),
            ("", "5-", INVALID_ID), ("", "**", INVALID_ID),
            (
                f"{LAST}-{LAST}", "*",
                b"-ERR The stream has exhausted the last possible ID, unable to add more items\r\n",
            ),
            (
                f"{LAST}-{LAST}", "5-1",
                b"-ERR The stream has exhausted the last possible ID, unable to add more items\r\n",
            ),
        ],
    )  # fmt: skip
    def test_refused_ids(self, before: str, given: str, error: bytes) -> None:
        server = holding(*before.split())
        assert server.run(f"XADD s {given} f v") == error
        assert content(server) == (before or "-")
        assert (server.logged(), server.heard()) == ([], [])

    @pytest.mark.parametrize("protocol", [2, 3])
    def test_nomkstream(self, protocol: int) -> None:
        server = holding(protocol=protocol)
        assert server.run("XADD s NOMKSTREAM * f v") == (NULL if protocol == 2 else NULL3)
        assert content(server) == "-"
        server.run("XADD s 1 f v")
        assert server.run("XADD s nomkstream 2 f v") == bulk("2-0")

    @pytest.mark.parametrize(
        "line",
        ["XADD s * f", "XADD s * f v g", "XADD s 1-1 f", "XADD s MAXLEN ~ 5 *", "XADD s MAXLEN = 5 * f"],
    )
    def test_fields_without_values(self, line: str) -> None:
        server = holding()
        assert server.run(line) == b"-ERR wrong number of arguments for 'xadd' command\r\n"

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ("MAXLEN x", NOT_AN_INTEGER), ("MAXLEN -1", b"-ERR The MAXLEN argument must be >= 0.\r\n"),
            ("MINID x", INVALID_ID), ("MINID ~ -", INVALID_ID), ("MAXLEN ~ 1 LIMIT x", NOT_AN_INTEGER),
            ("MAXLEN ~ 1 LIMIT -1", b"-ERR The LIMIT argument must be >= 0.\r\n"),
            ("MAXLEN 1 MINID 1",
             b"-ERR syntax error, MAXLEN and MINID options at the same time are not compatible\r\n"),
            ("MAXLEN 1 LIMIT 5", b"-ERR syntax error, LIMIT cannot be used without the special ~ option\r\n"),
            ("LIMIT 5", b"-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy\r\n"),
        ],
    )  # fmt: skip
    def test_refused_trimming(self, options: str, error: bytes) -> None:
        server = holding("1-0")
        assert server.run(f"XADD s {options} * f v") == error
        assert server.run(f"XTRIM s {options}") == (SYNTAX if options == "LIMIT 5 x" else error)
        assert content(server) == "1-0"

    def test_another_type(self) -> None:
        assert holding().run("XADD t * f v") == WRONG_TYPE

    def test_watched_and_waited_for(self) -> None:
        server = holding("1-0")
        server.run("WATCH s")
        server.client().command("XADD", "s", "2-0", "f", "v")
        server.run("MULTI")
        server.run("PING")
        assert server.run("EXEC") == NULL_ARRAY


class TestTrim:
    """With nodes of three entries: 1 2 3 | 4 5 6 | 7 8."""

    IDS = tuple(f"{number}-0" for number in range(1, 9))

    @pytest.mark.parametrize(
        ("options", "removed", "left", "logged"),
        [
            ("MAXLEN 5", 3, "45678", "MAXLEN 5"), ("MAXLEN = 4", 4, "5678", "MAXLEN = 4"),
            ("MAXLEN 0", 8, "", "MAXLEN 0"),
            ("MAXLEN ~ 6", 0, "12345678", ""), ("MAXLEN ~ 4", 3, "45678", "MAXLEN = 5"),
            ("MAXLEN ~ 0 LIMIT 6", 6, "78", "MAXLEN = 2"), ("MAXLEN ~ 0 LIMIT 2", 0, "12345678", ""),
            ("MAXLEN ~ 0 LIMIT 0", 8, "", "MAXLEN = 0"), ("MINID 3", 2, "345678", "MINID 3"),
            ("MINID 4", 3, "45678", "MINID 4"), ("MINID ~ 3", 0, "12345678", ""),
            ("MINID ~ 6", 3, "45678", "MINID = 4-0"),
            ("MINID ~ 99", 8, "", f"MINID = {LAST}-{LAST}"), ("MINID 4-1", 4, "5678", "MINID 4-1"),
            ("MINID ~ 99 LIMIT 5", 3, "45678", "MINID = 4-0"),
        ],
    )  # fmt: skip
    def test_xtrim(self, options: str, removed: int, left: str, logged: str) -> None:
        server = holding(*self.IDS, node_entries=3)
        assert server.run(f"XTRIM s {options}") == integer(removed)
        assert content(server).replace("-0", "").replace(" ", "") == left
        assert server.logged() == ([f"XTRIM s {logged}"] if logged else [])
        assert server.heard() == (["xtrim s"] if removed else [])

    @pytest.mark.parametrize(
        ("options", "left", "logged"),
        [
            ("MAXLEN 2", "89", "MAXLEN 2"), ("MAXLEN ~ 4", "456789", "MAXLEN = 6"),
            ("MAXLEN ~ 50", "123456789", "MAXLEN = 9"),
            ("MINID ~ 5", "456789", "MINID = 4-0"), ("MAXLEN ~ 0 LIMIT 3", "456789", "MAXLEN = 6"),
            ("LIMIT 3 MAXLEN ~ 0", "456789", "MAXLEN = 6"),
            ("NOMKSTREAM MAXLEN ~ 1", "789", "NOMKSTREAM MAXLEN = 3"),
        ],
    )  # fmt: skip
    def test_xadd(self, options: str, left: str, logged: str) -> None:
        server = holding(*self.IDS, node_entries=3)
        assert server.run(f"XADD s {options} 9-* f v") == bulk("9-0")
        assert content(server).replace("-0", "").replace(" ", "") == left
        assert server.logged() == [f"XADD s {logged} 9-0 f v"]
        assert server.heard() == ["xadd s"] + ["xtrim s"] * (len(left) < 9)

    def test_a_limit_is_set_where_none_is_given(self) -> None:
        server = holding(*(str(number) for number in range(1, 251)), node_entries=1)
        assert server.run("XTRIM s MAXLEN ~ 0") == integer(100)
        server.run("CONFIG SET stream-node-max-entries 0")
        assert server.run("XTRIM s MAXLEN ~ 0") == integer(150)

    def test_a_log_knows_its_limits(self) -> None:
        server = holding(*self.IDS, node_entries=3)
        server.engine.keyspace.is_replaying = True
        assert server.run("XADD s MAXLEN = 5 LIMIT 1 9 f v") == bulk("9-0")
        assert content(server) == "5-0 6-0 7-0 8-0 9-0"

    def test_a_node_of_tombstones_stays(self) -> None:
        server = holding("1", "2", "3", node_entries=10)
        server.run("XDEL s 3")
        assert server.run("XTRIM s MINID 3") == integer(2)
        assert content(server) == ""
        assert len(stream_at(server).nodes) == 1
        assert server.run("XADD s 4 f v") == bulk("4-0")
        assert len(stream_at(server).nodes) == 1

    def test_errors(self) -> None:
        server = holding("1")
        assert server.run("XTRIM s NOMKSTREAM MAXLEN 0") == SYNTAX
        assert server.run("XTRIM t MAXLEN 0") == WRONG_TYPE
        assert server.run("XTRIM none MAXLEN 0") == ZERO
        assert (
            server.run("XTRIM s LIMIT 0")
            == b"-ERR syntax error, XTRIM must be called with a trimming strategy\r\n"
        )


class TestRange:
    @pytest.mark.parametrize(
        ("bounds", "ids"),
        [
            ("- +", "1-1 1-2 2-0 3-5"), ("1 2", "1-1 1-2 2-0"), ("1-2 +", "1-2 2-0 3-5"), ("(1-2 +", "2-0 3-5"),
            ("- (2", "1-1 1-2 2-0"), ("- (2-0", "1-1 1-2"), ("(1 (3", "1-1 1-2 2-0 3-5"), ("3 2", ""),
            ("4 9", ""),
            ("- + COUNT 2", "1-1 1-2"), ("- + COUNT 1 count 3", "1-1 1-2 2-0"), ("0 0", ""),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("node_entries", [1, 2, 100])
    def test_both_ways(self, bounds: str, ids: str, node_entries: int) -> None:
        server = holding("1-1", "1-2", "2-0", "3-5", node_entries=node_entries)
        assert server.run(f"XRANGE s {bounds}") == entries(*ids.split())
        low, high, *rest = bounds.split()
        found = server.run(f"XREVRANGE s {high} {low} {' '.join(rest)}")
        assert found == entries(*(["3-5", "2-0", "1-2"][: int(rest[-1])] if rest else ids.split()[::-1]))

    @pytest.mark.parametrize("protocol", [2, 3])
    def test_no_entries(self, protocol: int) -> None:
        server = holding("1", protocol=protocol)
        nothing = NULL_ARRAY if protocol == 2 else NULL3
        assert server.run("XRANGE s - + COUNT 0") == nothing
        assert server.run("XREVRANGE s + - COUNT -5") == nothing
        assert server.run("XRANGE none - + COUNT 0") == EMPTY
        server.run("XDEL s 1")
        assert server.run("XRANGE s - +") == EMPTY

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("x +", INVALID_ID), ("- x", INVALID_ID), ("(- +", INVALID_ID), ("- (+", INVALID_ID),
            ("( +", INVALID_ID),
            (f"({LAST}-{LAST} +", b"-ERR invalid start ID for the interval\r\n"),
            ("- (0-0", b"-ERR invalid end ID for the interval\r\n"),
            ("- + COUNT", SYNTAX), ("- + LIMIT 5", SYNTAX), ("- + COUNT x", NOT_AN_INTEGER),
        ],
    )  # fmt: skip
    def test_errors(self, arguments: str, error: bytes) -> None:
        server = holding("1")
        assert server.run(f"XRANGE s {arguments}") == error

    def test_another_type(self) -> None:
        server = holding()
        assert server.run("XRANGE t - +") == WRONG_TYPE
        assert server.run("XREVRANGE t + -") == WRONG_TYPE
        assert server.run("XLEN t") == WRONG_TYPE

    def test_values_of_all_forms(self) -> None:
        server = holding()
        values = [
            b"",
            b"0",
            b"-1",
            b"127",
            b"128",
            b"5000",
            b"-70000",
            b"1" * 19,
            b"1" * 20,
            b"01",
            b"\r\n",
            b"x" * 5000,
        ]
        for number, value in enumerate(values, 1):
            server.user.command("XADD", "s", str(number), "f", value)
        for number, value in enumerate(values, 1):
            reply = server.run(f"XRANGE s {number} {number}")
            expected = b"$1\r\nf\r\n$%d\r\n%b\r\n" % (len(value), value)
            assert reply == array(array(bulk(f"{number}-0"), b"*2\r\n" + expected))

    def test_entries_with_other_fields(self) -> None:
        server = holding("1")
        for number, words in enumerate(("f v g w", "g w", "5 6", "f w"), 2):
            server.run(f"XADD s {number} {words}")
        assert server.run("XRANGE s 2 +") == array(
            entry("2-0", *"fvgw"), entry("3-0", *"gw"), entry("4-0", *"56"), entry("5-0", *"fw")
        )

    def test_xlen(self) -> None:
        server = holding("1", "2", "3")
        assert server.run("XLEN s") == integer(3)
        server.run("XDEL s 2")
        assert server.run("XLEN s") == integer(2)
        assert server.run("XLEN none") == ZERO


class TestDelete:
    def test_entries_that_are_there(self) -> None:
        server = holding("1", "2", "3", "4", node_entries=2)
        assert server.run("XDEL s 2 9 1-1 2 3-0") == integer(2)
        assert content(server) == "1-0 4-0"
        assert server.logged() == ["XDEL s 2 9 1-1 2 3-0"]
        assert server.heard() == ["xdel s"]
        assert server.run("XDEL s 2") == ZERO
        assert (server.logged(), server.heard()) == ([], [])

    def test_the_last_one_leaves_an_empty_stream(self) -> None:
        server = holding("1")
        assert server.run("XDEL s 1") == ONE
        assert content(server) == ""
        assert server.heard() == ["xdel s"]
        assert server.run("TYPE s") == b"+stream\r\n"
        assert server.run("XADD s 1 f v") == SMALL_ID

    def test_errors(self) -> None:
        server = holding("1")
        assert server.run("XDEL s 1 x") == INVALID_ID
        assert content(server) == "1-0"
        assert server.run("XDEL t 1") == WRONG_TYPE
        assert server.run("XDEL none x") == ZERO

    def test_fails_a_transaction(self) -> None:
        server = holding("1")
        server.run("WATCH s")
        server.client().command("XDEL", "s", "1")
        server.run("MULTI")
        assert server.run("EXEC") == NULL_ARRAY


class TestSetId:
    def test_all_three_values(self) -> None:
        server = holding("1", "5")
        assert server.run("XSETID s 7-3 ENTRIESADDED 9 MAXDELETEDID 6-2") == OK
        stream = stream_at(server)
        assert (id_text(stream.last_id()), id_text(stream.max_deleted_id)) == (b"7-3", b"6-2")
        assert stream.entries_added == 9
        assert server.run("XADD s 7-* f v") == bulk("7-4")
        assert server.heard() == ["xsetid s", "xadd s"]
        assert server.logged() == ["XSETID s 7-3 ENTRIESADDED 9 MAXDELETEDID 6-2", "XADD s 7-4 f v"]

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("x", INVALID_ID), ("+", INVALID_ID), ("9 ENTRIESADDED x", NOT_AN_INTEGER),
            ("9 MAXDELETEDID x", INVALID_ID),
            ("9 ENTRIESADDED -1", b"-ERR entries_added must be positive\r\n"),
            ("9 MAXDELETEDID 9-1",
             b"-ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id\r\n"),
            ("3", b"-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id\r\n"),
            ("5-1", b"-ERR The ID specified in XSETID is smaller than the target stream top item\r\n"),
            ("9 ENTRIESADDED 1",
             b"-ERR The entries_added specified in XSETID is smaller than the target stream length\r\n"),
            ("9 ENTRIESADDED", SYNTAX), ("9 5", SYNTAX),
        ],
    )  # fmt: skip
    def test_errors(self, arguments: str, error: bytes) -> None:
        server = holding("1", "4", "6")
        server.run("XDEL s 4")
        server.run("XADD s 7 f v")
        assert server.run(f"XSETID s {arguments}") == error

    def test_without_a_stream(self) -> None:
        server = holding()
        assert server.run("XSETID none 5") == NO_KEY
        assert server.run("XSETID t 5") == WRONG_TYPE


def test_a_copy_has_groups_of_its_own() -> None:
    server = holding("1-1")
    server.run("XGROUP CREATE s g 0")
    server.run("XREADGROUP GROUP g c STREAMS s >")
    assert server.run("COPY s copy") == ONE
    assert content(server, "copy") == "1-1"
    assert server.run("XPENDING copy g") == server.run("XPENDING s g")
    server.run("XACK s g 1-1")
    assert server.run("XPENDING copy g").startswith(b"*4\r\n:1\r\n")
    assert server.run("OBJECT ENCODING s") == bulk("stream")
    server.run("XDEL s 1-1")
    assert content(server, "copy") == "1-1"


def test_the_size_of_a_node_can_be_changed() -> None:
    server = holding("1", "2")
    server.run("CONFIG SET stream-node-max-bytes 1")
    server.run("XADD s 3 f v")
    server.run("XADD s 4 f v")
    assert [node.count() for node in stream_at(server).nodes] == [2, 1, 1]
