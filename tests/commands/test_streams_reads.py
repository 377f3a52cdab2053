"""Reading on, in process: XREAD and XREADGROUP, at once and after a wait."""

from __future__ import annotations

import pytest

from tests.commands.test_streams import (
    INVALID_ID,
    NOT_AN_INTEGER,
    NULL3,
    NULL_ARRAY,
    OK,
    SYNTAX,
    WRONG_TYPE,
    array,
    bulk,
    content,
    entries,
    entry,
    holding,
    integer,
    stream_at,
)
from tests.support.inprocess import Client
from tests.support.observed import Observed

NOW = 1_700_000_000_000
UNBLOCKED = b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"


def no_group(key: str, group: str = "g") -> bytes:
    text = f"-NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with GROUP option\r\n"
    return text.encode()


def read(*streams: tuple[str, bytes]) -> bytes:
    return array(*(array(bulk(key), found) for key, found in streams))


def read3(*streams: tuple[str, bytes]) -> bytes:
    return b"%%%d\r\n" % len(streams) + b"".join(bulk(key) + found for key, found in streams)


def grouped(*ids: str, protocol: int = 2) -> Observed:
    """A server with a stream `s`, which has a group `g` that has read nothing."""
    server = holding(*ids, protocol=protocol)
    server.run("XGROUP CREATE s g 0 MKSTREAM")
    server.forget()
    return server


def pending(server: Observed, consumer: str = "") -> str:
    """What is pending in the group, as `id consumer deliveries`, the structure having been checked."""
    group = stream_at(server).groups[b"g"]
    found = []
    for entry_id in group.order.between(0, 1 << 128, -1):
        each = group.pending[entry_id]
        found.append(f"{entry_id >> 64}{each.consumer.name.decode()}{each.deliveries}")
    return " ".join(found)


def claimed(entry_id: str, last_id: str = "", consumer: str = "c", count: int = 1, time: int = NOW) -> str:
    last = last_id or entry_id
    return f"XCLAIM s g {consumer} 0 {entry_id} TIME {time} RETRYCOUNT {count} FORCE JUSTID LASTID {last}"


class TestXread:
    def test_what_is_behind_an_id(self) -> None:
        server = holding("1", "2", "3")
        server.run("XADD r 5 f v")
        assert server.run("XREAD STREAMS s 1") == read(("s", entries("2-0", "3-0")))
        assert server.run("XREAD COUNT 1 STREAMS s r 0 0") == read(
            ("s", entries("1-0")), ("r", entries("5-0"))
        )
        assert server.run("XREAD COUNT 0 STREAMS s 2") == read(("s", entries("3-0")))
        assert server.run("XREAD COUNT -1 STREAMS s s 2 1-5") == read(
            ("s", entries("3-0")), ("s", entries("2-0", "3-0"))
        )
        assert server.run("XREAD STREAMS s r none 3 0 0") == read(("r", entries("5-0")))

    @pytest.mark.parametrize("ids", ["3", "9-9", "$", "18446744073709551615-18446744073709551615"])
    @pytest.mark.parametrize("protocol", [2, 3])
    def test_nothing(self, ids: str, protocol: int) -> None:
        server = holding("1", "2", "3", protocol=protocol)
        assert server.run(f"XREAD STREAMS s {ids}") == (NULL_ARRAY if protocol == 2 else NULL3)
        assert server.run("XREAD STREAMS none 0") == (NULL_ARRAY if protocol == 2 else NULL3)

    def test_resp3_is_a_map(self) -> None:
        server = holding("1", protocol=3)
        server.run("XADD r 5 f v")
        assert server.run("XREAD STREAMS s r 0 0") == read3(("s", entries("1-0")), ("r", entries("5-0")))

    def test_the_last_entry(self) -> None:
        server = holding("1", "2", "3")
        assert server.run("XREAD COUNT 9 STREAMS s +") == read(("s", entries("3-0")))
        server.run("XDEL s 3")
        assert server.run("XREAD STREAMS s +") == read(("s", entries("2-0")))
        server.run("XTRIM s MAXLEN 0")
        assert server.run("XREAD STREAMS s none + +") == NULL_ARRAY

    @pytest.mark.parametrize(
        ("line", "error"),
        [
            ("XREAD STREAMS s s 0",
             b"-ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.\r\n"),
            ("XREADGROUP GROUP g c STREAMS s s 0",
             b"-ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.\r\n"),
            ("XREAD COUNT 1 s 0", SYNTAX), ("XREAD COUNT 1 COUNT 2", SYNTAX),
            ("XREAD COUNT x STREAMS s 0", NOT_AN_INTEGER),
            ("XREAD GROUP g c STREAMS s 0",
             b"-ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.\r\n"),
            ("XREAD NOACK STREAMS s 0",
             b"-ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.\r\n"),
            ("XREADGROUP COUNT 1 NOACK STREAMS s 0", b"-ERR Missing GROUP option for XREADGROUP\r\n"),
            ("XREAD STREAMS s x", INVALID_ID), ("XREAD STREAMS s -", INVALID_ID),
            ("XREAD STREAMS t 0", WRONG_TYPE),
            ("XREAD STREAMS s >",
             b"-ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> "
             b"option.\r\n"),
            ("XREAD BLOCK x STREAMS s $", b"-ERR timeout is not an integer or out of range\r\n"),
            ("XREAD BLOCK -1 STREAMS s $", b"-ERR timeout is negative\r\n"),
            ("XREAD BLOCK 9223372036854775807 STREAMS s $", b"-ERR timeout is out of range\r\n"),
        ],
    )  # fmt: skip
    def test_errors(self, line: str, error: bytes) -> None:
        assert holding("1").run(line) == error

    @pytest.mark.parametrize("sign", ["$", "+"])
    def test_ids_that_mean_nothing_to_groups(self, sign: str) -> None:
        error = grouped("1").run(f"XREADGROUP GROUP g c STREAMS s {sign}").decode()
        assert error == (
            f"-ERR The {sign} ID is meaningless in the context of XREADGROUP: you want to read the history of this "
            "consumer by specifying a proper ID, or use the > ID to get new messages. "
            f"The {sign} ID would just return an empty result set.\r\n"
        )


class TestXreadgroup:
    def test_delivers_each_entry_once(self) -> None:
        server = grouped("1", "2", "3")
        assert server.run("XREADGROUP GROUP g c COUNT 2 STREAMS s >") == read(("s", entries("1-0", "2-0")))
        assert server.logged() == [
            claimed("1-0", "1-0"), claimed("2-0", "2-0"), "XGROUP SETID s g 2-0 ENTRIESREAD 2",
        ]  # fmt: skip
        assert server.heard() == ["xgroup-createconsumer s"]
        assert server.run("XREADGROUP GROUP g d STREAMS s >") == read(("s", entries("3-0")))
        assert pending(server) == "1c1 2c1 3d1"
        server.forget()
        assert server.run("XREADGROUP GROUP g c STREAMS s >") == NULL_ARRAY
        assert (server.logged(), server.heard()) == ([], [])

    def test_a_consumer_that_gets_nothing_comes_into_being(self) -> None:
        server = grouped()
        assert server.run("XREADGROUP GROUP g c STREAMS s >") == NULL_ARRAY
        assert b"c" in stream_at(server).groups[b"g"].consumers
        assert server.heard() == ["xgroup-createconsumer s"]
        assert server.logged() == ["XGROUP CREATECONSUMER s g c"]
        assert server.run("XREADGROUP GROUP g d STREAMS s 0") == read(("s", array()))
        assert server.logged() == ["XGROUP CREATECONSUMER s g d"]

    def test_noack(self) -> None:
        server = grouped("1", "2")
        assert server.run("XREADGROUP GROUP g c NOACK STREAMS s >") == read(("s", entries("1-0", "2-0")))
        assert pending(server) == ""
        assert server.logged() == ["XGROUP CREATECONSUMER s g c", "XGROUP SETID s g 2-0 ENTRIESREAD 2"]
        assert server.run("XREADGROUP GROUP g c STREAMS s >") == NULL_ARRAY

    def test_the_history_of_a_consumer(self) -> None:
        server = grouped("1", "2", "3", "4")
        server.run("XREADGROUP GROUP g c COUNT 3 STREAMS s >")
        server.run("XREADGROUP GROUP g d STREAMS s >")
        server.run("XDEL s 2")
        server.forget()
        assert server.run("XREADGROUP GROUP g c STREAMS s 0") == read(
            ("s", array(entry("1-0"), array(bulk("2-0"), NULL_ARRAY), entry("3-0")))
        )
        assert pending(server) == "1c2 2c1 3c2 4d1"
        assert server.run("XREADGROUP GROUP g c COUNT 1 STREAMS s 1") == read(
            ("s", array(array(bulk("2-0"), NULL_ARRAY)))
        )
        assert server.run("XREADGROUP GROUP g c STREAMS s 3") == read(("s", array()))
        assert (server.logged(), server.heard()) == ([], [])

    def test_resp3(self) -> None:
        server = grouped("1", protocol=3)
        assert server.run("XREADGROUP GROUP g c STREAMS s >") == read3(("s", entries("1-0")))
        server.run("XDEL s 1")
        assert server.run("XREADGROUP GROUP g c STREAMS s 0") == read3(
            ("s", array(array(bulk("1-0"), NULL3)))
        )

    def test_an_entry_delivered_again_after_setid(self) -> None:
        server = grouped("1", "2")
        server.run("XREADGROUP GROUP g c STREAMS s >")
        server.run("XREADGROUP GROUP g c STREAMS s 0")
        server.run("XGROUP SETID s g 1")
        server.clock.advance(7)
        server.forget()
        assert server.run("XREADGROUP GROUP g d STREAMS s >") == read(("s", entries("2-0")))
        assert pending(server) == "1c2 2d1"
        assert server.logged() == [
            claimed("2-0", "2-0", "d", 1, NOW + 7), "XGROUP SETID s g 2-0 ENTRIESREAD 2",
        ]  # fmt: skip

    def test_several_streams(self) -> None:
        server = grouped("1", "2")
        server.run("XGROUP CREATE r g $ MKSTREAM")
        server.run("XADD r 5 f v")
        assert server.run("XREADGROUP GROUP g c COUNT 1 STREAMS s r > >") == read(
            ("s", entries("1-0")), ("r", entries("5-0"))
        )
        assert server.run("XREADGROUP GROUP g c STREAMS r s > 0") == read(("s", entries("1-0")))

    @pytest.mark.parametrize("line", ["s none > >", "none >", "r >"])
    def test_without_a_group(self, line: str) -> None:
        server = grouped("1")
        server.run("XADD r 1 f v")
        missing = "r" if line == "r >" else "none"
        assert server.run(f"XREADGROUP GROUP g c STREAMS {line}") == no_group(missing)
        assert server.run("XREADGROUP GROUP other c STREAMS s >") == no_group("s", "other")
        assert server.run("XREADGROUP GROUP g c STREAMS t >") == WRONG_TYPE
        assert stream_at(server).groups[b"g"].consumers == {}

    def test_progress_is_counted(self) -> None:
        server = grouped("1", "2", "3", "4")
        server.run("XDEL s 2")
        server.forget()
        server.run("XREADGROUP GROUP g c COUNT 1 STREAMS s >")
        assert server.logged()[-1] == "XGROUP SETID s g 1-0 ENTRIESREAD -1"
        server.run("XREADGROUP GROUP g c STREAMS s >")
        assert server.logged()[-1] == "XGROUP SETID s g 4-0 ENTRIESREAD 4"


def waiting(server: Observed, line: str, protocol: int = 2) -> Client:
    """A client that waits in a command."""
    client = server.client()
    client.session.set_protocol(protocol)
    assert client.command(*line.split()) == b""
    return client


def elapse(server: Observed, milliseconds: int) -> None:
    server.clock.advance(milliseconds)
    server.engine.timer_fired("blocking")


def nobody_waits(server: Observed) -> bool:
    blocking = server.engine.blocking
    return not blocking.operations and not any(db.blocked for db in server.engine.keyspace.databases)


class TestWaiting:
    def test_everybody_gets_a_new_entry(self) -> None:
        server = holding("1")
        first = waiting(server, "XREAD BLOCK 0 STREAMS s $")
        second = waiting(server, "XREAD BLOCK 0 STREAMS none s 0 $", 3)
        assert server.run("XADD s 2 f v") == bulk("2-0")
        assert first.received() == read(("s", entries("2-0")))
        assert second.received() == read3(("s", entries("2-0")))
        assert nobody_waits(server)
        assert server.logged() == ["XADD s 2 f v"]

    def test_a_dollar_stays_what_it_was(self) -> None:
        server = holding("1")
        client = waiting(server, "XREAD BLOCK 0 COUNT 1 STREAMS none s $ $")
        server.run("MULTI")
        server.run("XADD s 2 f v")
        server.run("XADD s 3 f v")
        server.run("EXEC")
        assert client.received() == read(("s", entries("2-0")))

    def test_a_dollar_of_a_missing_key(self) -> None:
        server = holding()
        client = waiting(server, "XREAD BLOCK 0 STREAMS s $")
        server.run("XADD s 1 f v")
        assert client.received() == read(("s", entries("1-0")))

    def test_the_next_last_entry(self) -> None:
        server = holding()
        client = waiting(server, "XREAD BLOCK 0 STREAMS s +")
        server.run("XADD s 1 f v")
        assert client.received() == read(("s", entries("1-0")))

    def test_time_runs_out(self) -> None:
        server = holding("1")
        client = waiting(server, "XREAD BLOCK 100 STREAMS s $")
        elapse(server, 99)
        assert client.received() == b""
        elapse(server, 1)
        assert client.received() == NULL_ARRAY
        assert nobody_waits(server)

    def test_unblocked(self) -> None:
        server = holding("1")
        client = waiting(server, "XREAD BLOCK 0 STREAMS s $")
        assert server.run(f"CLIENT UNBLOCK {client.session.client_id} ERROR") == integer(1)
        assert client.received() == UNBLOCKED

    @pytest.mark.parametrize(
        "line", ["XREAD BLOCK 0 STREAMS s $", "XREADGROUP GROUP g c BLOCK 0 STREAMS s >"]
    )
    def test_a_transaction_does_not_wait(self, line: str) -> None:
        server = grouped()
        server.run("MULTI")
        server.run(line)
        assert server.run("EXEC") == array(NULL_ARRAY)
        assert nobody_waits(server)

    def test_nothing_new(self) -> None:
        """A change that brings nothing, or another type, leaves a reader waiting."""
        server = holding("1", "2")
        client = waiting(server, "XREAD BLOCK 0 STREAMS s $")
        for line in ("XDEL s 1", "XTRIM s MAXLEN 0", "DEL s", "RPUSH s x", "DEL s", "XADD s 1 f v"):
            server.run(line)
            assert client.received() == b""
        server.run("XADD s 3 f v")
        assert client.received() == read(("s", entries("3-0")))

    def test_another_of_the_keys_is_of_another_type(self) -> None:
        server = holding("1")
        client = waiting(server, "XREAD BLOCK 0 STREAMS s r $ $")
        server.run("SET r string")
        server.run("XADD s 2 f v")
        assert client.received() == WRONG_TYPE

    def test_consumers_are_served_in_turn(self) -> None:
        server = grouped()
        first = waiting(server, "XREADGROUP GROUP g a BLOCK 0 STREAMS s >")
        second = waiting(server, "XREADGROUP GROUP g b BLOCK 0 STREAMS s >")
        server.forget()
        server.run("XADD s 1 f v")
        assert (first.received(), second.received()) == (read(("s", entries("1-0"))), b"")
        assert server.logged() == [
            "XADD s 1 f v",
            claimed("1-0", "1-0", "a"),
            "XGROUP SETID s g 1-0 ENTRIESREAD 1",
        ]
        server.run("XADD s 2 f v")
        assert second.received() == read(("s", entries("2-0")))
        assert pending(server) == "1a1 2b1"
        assert nobody_waits(server)

    def test_another_group_is_served_too(self) -> None:
        server = grouped()
        server.run("XGROUP CREATE s h 0")
        clients = [
            waiting(server, f"XREADGROUP GROUP {name} a BLOCK 0 STREAMS s >") for name in ("g", "g", "h")
        ]
        server.run("XADD s 1 f v")
        assert [bool(client.received()) for client in clients] == [True, False, True]

    def test_history_does_not_wait(self) -> None:
        assert grouped().run("XREADGROUP GROUP g c BLOCK 0 STREAMS s 0") == read(("s", array()))

    @pytest.mark.parametrize(
        "line", ["XGROUP DESTROY s g", "DEL s", "UNLINK s", "FLUSHALL", "RENAME s other"]
    )
    def test_the_group_goes(self, line: str) -> None:
        server = grouped("1")
        server.run("XGROUP SETID s g $")
        client = waiting(server, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >")
        server.run(line)
        assert client.received() == no_group("s")
        assert nobody_waits(server)

    def test_another_type_takes_the_place(self) -> None:
        server = grouped()
        client = waiting(server, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >")
        server.run("SET s string")
        assert client.received() == WRONG_TYPE

    def test_the_key_expires(self) -> None:
        server = grouped()
        client = waiting(server, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >")
        server.run("PEXPIRE s 10")
        server.clock.advance(10)
        server.run("EXISTS s")
        assert client.received() == no_group("s")

    def test_another_group_destroyed_is_nothing_new(self) -> None:
        server = grouped()
        server.run("XGROUP CREATE s h 0")
        client = waiting(server, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >")
        assert server.run("XGROUP DESTROY s h") == integer(1)
        assert client.received() == b""

    def test_setid_serves_nobody_until_an_entry_comes(self) -> None:
        server = grouped("1")
        server.run("XGROUP SETID s g $")
        client = waiting(server, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >")
        for line in ("XGROUP SETID s g 0", "XDEL s 5"):
            server.run(line)
            assert client.received() == b""
        server.run("XADD s 2 f v")
        assert client.received() == read(("s", entries("1-0", "2-0")))

    def test_a_moved_stream_serves(self) -> None:
        server = holding("1")
        client = waiting(server, "XREAD BLOCK 0 STREAMS r 0")
        assert server.run("RENAME s r") == OK
        assert client.received() == read(("r", entries("1-0")))
        assert content(server, "r") == "1-0"
