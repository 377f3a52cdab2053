"""Consumer groups, in process: XGROUP XACK XPENDING XCLAIM XAUTOCLAIM."""

from __future__ import annotations

import pytest

from tests.commands.test_streams import (
    EMPTY,
    INVALID_ID,
    NOT_AN_INTEGER,
    NULL,
    NULL3,
    NULL_ARRAY,
    OK,
    ONE,
    SYNTAX,
    WRONG_TYPE,
    ZERO,
    array,
    bulk,
    content,
    entries,
    holding,
    integer,
    stream_at,
)
from tests.commands.test_streams_reads import NOW, claimed, grouped, pending
from tests.support.observed import Observed

NEEDS_KEY = (
    b"-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM "
    b"option to create an empty stream automatically.\r\n"
)
NO_GROUP = b"-NOGROUP No such consumer group 'h' for key name 's'\r\n"
NO_KEY_OR_GROUP = b"-NOGROUP No such key 's' or consumer group 'h'\r\n"
LAST = "18446744073709551615"


def wrong(subcommand: str) -> bytes:
    text = f"-ERR unknown subcommand or wrong number of arguments for '{subcommand}'. Try XGROUP HELP.\r\n"
    return text.encode()


def delivered(*ids: str, protocol: int = 2) -> Observed:
    """A server with a stream `s` whose entries have all been delivered to `c`, in the group `g`."""
    server = grouped(*ids, protocol=protocol)
    server.run("XREADGROUP GROUP g c STREAMS s >")
    server.forget()
    return server


class TestCreate:
    @pytest.mark.parametrize(
        ("arguments", "last_id", "entries_read"),
        [
            ("0", 0, -1), ("$", 2 << 64, -1), ("1-5", (1 << 64) + 5, -1), ("0 ENTRIESREAD 7", 0, 7),
            ("0 entriesread -1 mkstream", 0, -1), ("9", 9 << 64, -1),
        ],
    )  # fmt: skip
    def test_creates(self, arguments: str, last_id: int, entries_read: int) -> None:
        server = holding("1", "2")
        assert server.run(f"XGROUP CREATE s g {arguments}") == OK
        group = stream_at(server).groups[b"g"]
        assert (group.last_id, group.entries_read) == (last_id, entries_read)
        assert server.heard() == ["xgroup-create s"]
        assert server.logged() == [f"XGROUP CREATE s g {arguments}"]

    def test_makes_a_stream(self) -> None:
        server = holding()
        assert server.run("XGROUP CREATE s g $ MKSTREAM") == OK
        assert content(server) == ""
        assert server.heard() == ["new s", "xgroup-create s"]
        assert server.logged() == ["XGROUP CREATE s g $ MKSTREAM"]

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("s g 0", b"-BUSYGROUP Consumer Group name already exists\r\n"),
            ("s g 0 MKSTREAM", b"-BUSYGROUP Consumer Group name already exists\r\n"),
            ("s h x", INVALID_ID), ("s h +", INVALID_ID), ("s h 0 x", wrong("CREATE")), ("t h 0", WRONG_TYPE),
            ("s h 0 ENTRIESREAD", wrong("CREATE")), ("s h 0 ENTRIESREAD x", NOT_AN_INTEGER),
            ("none h 0", NEEDS_KEY),
            ("s h 0 ENTRIESREAD -2", b"-ERR value for ENTRIESREAD must be positive or -1\r\n"),
            ("s h 0 ENTRIESREAD 1 ENTRIESREAD 1", wrong("CREATE")), ("none h x MKSTREAM", INVALID_ID),
        ],
    )  # fmt: skip
    def test_errors(self, arguments: str, error: bytes) -> None:
        server = grouped("1")
        assert server.run(f"XGROUP CREATE {arguments}") == error
        assert (server.logged(), server.heard()) == ([], [])
        assert content(server, "none") == "-"


class TestSetId:
    @pytest.mark.parametrize(
        ("arguments", "last_id", "entries_read"),
        [
            ("1-5", (1 << 64) + 5, -1), ("$", 2 << 64, -1), ("+ ENTRIESREAD 3", (1 << 128) - 1, 3),
            ("- entriesread 0", 0, 0),
        ],
    )  # fmt: skip
    def test_sets(self, arguments: str, last_id: int, entries_read: int) -> None:
        server = delivered("1", "2")
        assert server.run(f"XGROUP SETID s g {arguments}") == OK
        group = stream_at(server).groups[b"g"]
        assert (group.last_id, group.entries_read) == (last_id, entries_read)
        assert server.heard() == ["xgroup-setid s"]
        assert server.logged() == [f"XGROUP SETID s g {arguments}"]

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("s h 0", NO_GROUP), ("none g 0", NEEDS_KEY), ("t g 0", WRONG_TYPE), ("s g x", INVALID_ID),
            ("s g 0 MKSTREAM", wrong("SETID")), ("s g 0 ENTRIESREAD 1 ENTRIESREAD 2", wrong("SETID")),
        ],
    )  # fmt: skip
    def test_errors(self, arguments: str, error: bytes) -> None:
        assert grouped("1").run(f"XGROUP SETID {arguments}") == error

    def test_touches_no_watched_key(self) -> None:
        server = grouped("1")
        server.run("WATCH s")
        for line in (
            "XGROUP SETID s g 1",
            "XGROUP CREATE s h 0",
            "XGROUP CREATECONSUMER s h c",
            "XGROUP DESTROY s h",
        ):
            server.client().command(*line.split())
        server.run("MULTI")
        assert server.run("EXEC") == EMPTY


class TestConsumers:
    def test_created_and_removed(self) -> None:
        server = grouped("1", "2")
        assert server.run("XGROUP CREATECONSUMER s g c") == ONE
        assert server.run("XGROUP CREATECONSUMER s g c") == ZERO
        assert server.heard() == ["xgroup-createconsumer s"]
        assert server.logged() == ["XGROUP CREATECONSUMER s g c"]
        server.run("XREADGROUP GROUP g c COUNT 1 STREAMS s >")
        server.run("XREADGROUP GROUP g d STREAMS s >")
        server.forget()
        assert server.run("XGROUP DELCONSUMER s g c") == ONE
        assert pending(server) == "2d1"
        assert server.run("XGROUP DELCONSUMER s g c") == ZERO
        assert server.heard() == ["xgroup-delconsumer s"]
        assert server.logged() == ["XGROUP DELCONSUMER s g c"]

    @pytest.mark.parametrize("subcommand", ["CREATECONSUMER", "DELCONSUMER"])
    def test_errors(self, subcommand: str) -> None:
        server = grouped("1")
        assert server.run(f"XGROUP {subcommand} s h c") == NO_GROUP
        assert server.run(f"XGROUP {subcommand} none g c") == NEEDS_KEY
        assert server.run(f"XGROUP {subcommand} t g c") == WRONG_TYPE

    def test_destroy(self) -> None:
        server = delivered("1")
        assert server.run("XGROUP DESTROY s h") == ZERO
        assert (server.logged(), server.heard()) == ([], [])
        assert server.run("XGROUP DESTROY s g") == ONE
        assert server.heard() == ["xgroup-destroy s"]
        assert server.logged() == ["XGROUP DESTROY s g"]
        assert server.run("XGROUP DESTROY none g") == NEEDS_KEY
        assert server.run("XPENDING s g").startswith(b"-NOGROUP")

    def test_help(self) -> None:
        reply = grouped().run("XGROUP HELP")
        assert reply.startswith(
            b"*17\r\n+XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n+CREATE "
        )


class TestAcknowledge:
    def test_what_is_pending(self) -> None:
        server = delivered("1", "2", "3")
        assert server.run("XACK s g 1 3-0 3-0 9") == integer(2)
        assert pending(server) == "2c1"
        assert server.logged() == ["XACK s g 1 3-0 3-0 9"]
        assert server.run("XACK s g 1") == ZERO
        assert server.run("XACK s g 2") == ONE
        assert server.logged() == ["XACK s g 2"]
        assert server.heard() == []

    def test_errors(self) -> None:
        server = delivered("1")
        assert server.run("XACK s g 1 x") == INVALID_ID
        assert pending(server) == "1c1"
        assert server.run("XACK s h x") == server.run("XACK none g x") == ZERO
        assert server.run("XACK t g x") == WRONG_TYPE


class TestPending:
    def detail(self, entry_id: str, consumer: str, idle: int, deliveries: int) -> bytes:
        return array(bulk(entry_id), bulk(consumer), integer(idle), integer(deliveries))

    def test_the_summary(self) -> None:
        server = delivered("1", "2", "3")
        server.run("XGROUP CREATECONSUMER s g b")
        server.run("XCLAIM s g a 0 2")
        owners = array(array(bulk("a"), bulk("1")), array(bulk("c"), bulk("2")))
        assert server.run("XPENDING s g") == array(integer(3), bulk("1-0"), bulk("3-0"), owners)

    @pytest.mark.parametrize("protocol", [2, 3])
    def test_nothing_pending(self, protocol: int) -> None:
        null, nulls = (NULL, NULL_ARRAY) if protocol == 2 else (NULL3, NULL3)
        server = grouped("1", protocol=protocol)
        assert server.run("XPENDING s g") == array(ZERO, null, null, nulls)
        assert server.run("XPENDING s g - + 10") == EMPTY

    def test_one_by_one(self) -> None:
        server = delivered("1", "2", "3")
        server.clock.advance(50)
        server.run("XCLAIM s g d 0 2")
        server.clock.advance(5)
        one, two, three = (
            self.detail("1-0", "c", 55, 1), self.detail("2-0", "d", 5, 2), self.detail("3-0", "c", 55, 1),
        )  # fmt: skip
        for line, found in (
            ("- + 10", [one, two, three]), ("- + 2", [one, two]), ("(1 + 9", [two, three]),
            ("- (3-0 9", [one, two]),
            ("- + 10 c", [one, three]), ("- + 10 d", [two]), ("- + 10 nobody", []), ("- + 0", []),
            ("- + -5", []),
            ("IDLE 50 - + 10", [one, three]), ("idle 50 - + 1", [one]), ("IDLE 50 - + 10 d", []),
            ("IDLE -1 - + 9", [one, two, three]), ("IDLE -9223372036854775808 - + 9", [one, two, three]),
            ("3 1 9", []), ("- + 9 d extra", [two]),
        ):  # fmt: skip
            assert server.run(f"XPENDING s g {line}") == array(*found), line

    def test_a_clock_that_went_back(self) -> None:
        server = delivered("1")
        server.clock.advance(-50)
        assert server.run("XPENDING s g - + 10") == array(self.detail("1-0", "c", 0, 1))

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("s h", NO_KEY_OR_GROUP), ("s h - + 1", NO_KEY_OR_GROUP), ("t g", WRONG_TYPE),
            ("s g -", SYNTAX), ("s g - +", SYNTAX),
            ("s g - + x", NOT_AN_INTEGER), ("s g x + 1", INVALID_ID), ("s g - x 1", INVALID_ID),
            ("s g IDLE 5 - +", SYNTAX), ("s g IDLE x - + 1", NOT_AN_INTEGER), ("s g - + 1 2 3 4 5", SYNTAX),
            (f"s g ({LAST}-{LAST} + 1", b"-ERR invalid start ID for the interval\r\n"),
            ("s g - (0-0 1", b"-ERR invalid end ID for the interval\r\n"),
        ],
    )  # fmt: skip
    def test_errors(self, arguments: str, error: bytes) -> None:
        assert grouped("1").run(f"XPENDING {arguments}") == error

    def test_a_partial_upper_bound_is_the_highest(self) -> None:
        server = delivered("1-5", "2")
        assert server.run("XPENDING s g - 1 9") == array(self.detail("1-5", "c", 0, 1))


class TestClaim:
    @pytest.mark.parametrize(
        ("arguments", "reply", "left", "logged"),
        [
            ("0 1 9", entries("1-0"), "1d2 2c1 3c1", [("1", 2, NOW)]),
            ("0 1 2-0 JUSTID", array(bulk("1-0"), bulk("2-0")), "1d1 2d1 3c1", [("1", 1, NOW),
            ("2-0", 1, NOW)]),
            ("0 1 RETRYCOUNT 7", entries("1-0"), "1d7 2c1 3c1", [("1", 7, NOW)]),
            ("0 1 RETRYCOUNT -7", entries("1-0"), "1d2 2c1 3c1", [("1", 2, NOW)]),
            ("0 1 IDLE 1000", entries("1-0"), "1d2 2c1 3c1", [("1", 2, NOW - 1000)]),
            ("0 1 TIME 123", entries("1-0"), "1d2 2c1 3c1", [("1", 2, 123)]),
            ("0 1 TIME -1", entries("1-0"), "1d2 2c1 3c1", [("1", 2, NOW)]),
            ("0 1 IDLE -5", entries("1-0"), "1d2 2c1 3c1", [("1", 2, NOW)]),
            ("-9 1", entries("1-0"), "1d2 2c1 3c1", [("1", 2, NOW)]),
        ],
    )  # fmt: skip
    def test_claims(
        self, arguments: str, reply: bytes, left: str, logged: list[tuple[str, int, int]]
    ) -> None:
        server = delivered("1", "2", "3")
        assert server.run(f"XCLAIM s g d {arguments}") == reply
        assert pending(server) == left
        assert server.logged() == [
            claimed(entry_id, "3-0", "d", count, time) for entry_id, count, time in logged
        ]
        assert server.heard() == ["xgroup-createconsumer s"]

    def test_only_what_is_idle(self) -> None:
        server = delivered("1", "2")
        server.clock.advance(9)
        assert server.run("XCLAIM s g d 10 1") == EMPTY
        assert server.logged() == ["XGROUP CREATECONSUMER s g d"]
        server.clock.advance(1)
        assert server.run("XCLAIM s g d 10 1") == entries("1-0")
        assert server.run("XCLAIM s g c 10 1") == EMPTY
        assert server.logged() == [claimed("1", "2-0", "d", 2, NOW + 10)]

    def test_force(self) -> None:
        server = grouped("1", "2")
        server.run("XGROUP CREATECONSUMER s g c")
        server.forget()
        assert server.run("XCLAIM s g c 0 1") == EMPTY
        assert server.run("XCLAIM s g c 99 1 5 FORCE") == entries("1-0")
        assert server.run("XCLAIM s g c 99 2 FORCE JUSTID") == array(bulk("2-0"))
        assert pending(server) == "1c2 2c1"
        assert server.logged() == [claimed("1", "0-0", "c", 2), claimed("2", "0-0", "c", 1)]

    def test_deleted_entries_are_dropped(self) -> None:
        server = delivered("1", "2")
        server.run("XDEL s 1")
        server.forget()
        assert server.run("XCLAIM s g d 0 1 2") == entries("2-0")
        assert pending(server) == "2d2"
        assert server.logged() == [claimed("1", "2-0", "c", 1), claimed("2", "2-0", "d", 2)]

    def test_lastid(self) -> None:
        server = delivered("1", "2")
        assert server.run("XCLAIM s g c 0 9 LASTID 5-5") == EMPTY
        assert stream_at(server).groups[b"g"].last_id == (5 << 64) + 5
        assert server.logged() == ["XGROUP SETID s g 5-5 ENTRIESREAD 2"]
        assert server.run("XCLAIM s g c 0 1 LASTID 6") == entries("1-0")
        assert server.logged() == [claimed("1", "6-0", "c", 2)]
        assert server.run("XCLAIM s g c 0 9 LASTID 1") == EMPTY
        assert server.logged() == []

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("s h c 0 1", NO_KEY_OR_GROUP), ("s h c x 1", NO_KEY_OR_GROUP), ("t g c 0 1", WRONG_TYPE),
            ("s g c x 1", b"-ERR Invalid min-idle-time argument for XCLAIM\r\n"),
            ("s g c 0 1 x", b"-ERR Unrecognized XCLAIM option 'x'\r\n"),
            ("s g c 0 +", b"-ERR Unrecognized XCLAIM option '+'\r\n"),
            ("s g c 0 1 IDLE", b"-ERR Unrecognized XCLAIM option 'IDLE'\r\n"),
            ("s g c 0 1 IDLE x", b"-ERR Invalid IDLE option argument for XCLAIM\r\n"),
            ("s g c 0 1 TIME x", b"-ERR Invalid TIME option argument for XCLAIM\r\n"),
            ("s g c 0 1 RETRYCOUNT x", b"-ERR Invalid RETRYCOUNT option argument for XCLAIM\r\n"),
            ("s g c 0 1 LASTID x", INVALID_ID),
        ],
    )  # fmt: skip
    def test_errors(self, arguments: str, error: bytes) -> None:
        server = grouped("1")
        assert server.run(f"XCLAIM {arguments}") == error
        assert (server.logged(), server.heard()) == ([], [])


class TestAutoclaim:
    @pytest.mark.parametrize(
        ("arguments", "cursor", "claims", "left"),
        [
            ("0 -", "0-0", "123", "1d2 2d2 3d2"), ("0 0 COUNT 2", "3-0", "12", "1d2 2d2 3c1"),
            ("0 2 COUNT 1", "3-0", "2", "1c1 2d2 3c1"), ("0 (2", "0-0", "3", "1c1 2c1 3d2"),
            ("0 - COUNT 3", "0-0", "123", "1d2 2d2 3d2"), ("99 -", "0-0", "", "1c1 2c1 3c1"),
            ("-1 9", "0-0", "", "1c1 2c1 3c1"),
        ],
    )  # fmt: skip
    def test_claims(self, arguments: str, cursor: str, claims: str, left: str) -> None:
        server = delivered("1", "2", "3")
        ids = [f"{number}-0" for number in claims]
        assert server.run(f"XAUTOCLAIM s g d {arguments}") == array(bulk(cursor), entries(*ids), array())
        assert pending(server) == left
        created = [] if claims else ["XGROUP CREATECONSUMER s g d"]
        assert server.logged() == [claimed(entry_id, "3-0", "d", 2) for entry_id in ids] + created

    def test_justid_and_deleted_entries(self) -> None:
        server = delivered("1", "2", "3", "4")
        server.run("XDEL s 1 3")
        server.forget()
        assert server.run("XAUTOCLAIM s g d 0 - COUNT 3 JUSTID") == array(
            bulk("4-0"), array(bulk("2-0")), array(bulk("1-0"), bulk("3-0"))
        )
        assert pending(server) == "2d1 4c1"
        assert server.logged() == [
            claimed("1-0", "4-0", "c", 1), claimed("2-0", "4-0", "d", 1), claimed("3-0", "4-0", "c", 1),
        ]  # fmt: skip

    def test_looks_at_ten_times_as_many(self) -> None:
        server = delivered(*(str(number) for number in range(1, 26)))
        server.clock.advance(100)
        server.run("XCLAIM s g c 0 " + " ".join(str(number) for number in range(1, 25)))
        assert server.run("XAUTOCLAIM s g d 50 - COUNT 1") == array(bulk("11-0"), array(), array())
        assert server.run("XAUTOCLAIM s g d 50 11 COUNT 1") == array(bulk("21-0"), array(), array())
        assert server.run("XAUTOCLAIM s g d 50 21 COUNT 1") == array(bulk("0-0"), entries("25-0"), array())

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("s h c 0 -", NO_KEY_OR_GROUP), ("t g c 0 -", WRONG_TYPE),
            ("t g c x -", b"-ERR Invalid min-idle-time argument for XAUTOCLAIM\r\n"),
            ("s g c 0 x", INVALID_ID), ("s g c 0 - COUNT", SYNTAX), ("s g c 0 - x", SYNTAX),
            ("s g c 0 - COUNT 0", b"-ERR COUNT must be > 0\r\n"),
            ("s g c 0 - COUNT x", b"-ERR COUNT must be > 0\r\n"),
            ("s g c 0 - COUNT 576460752303423488", b"-ERR COUNT must be > 0\r\n"),
            (f"s g c 0 ({LAST}-{LAST}", b"-ERR invalid start ID for the interval\r\n"),
        ],
    )  # fmt: skip
    def test_errors(self, arguments: str, error: bytes) -> None:
        server = grouped("1")
        assert server.run(f"XAUTOCLAIM {arguments}") == error
        assert (server.logged(), server.heard()) == ([], [])

    def test_a_very_large_count(self) -> None:
        server = delivered("1")
        assert server.run("XAUTOCLAIM s g d 0 - COUNT 576460752303423487") == array(
            bulk("0-0"), entries("1-0"), array()
        )


def test_pending_entries_far_behind_others() -> None:
    server = delivered(*(str(number) for number in range(1, 2501)))
    server.clock.advance(100)
    server.run("XCLAIM s g c 0 " + " ".join(str(number) for number in range(1, 2401)))
    found = server.run("XPENDING s g IDLE 50 - + 3")
    assert found == array(
        *(array(bulk(f"{number}-0"), bulk("c"), integer(100), integer(1)) for number in range(2401, 2404))
    )
    assert server.run("XPENDING s g - + 5000").startswith(b"*2500\r\n")
