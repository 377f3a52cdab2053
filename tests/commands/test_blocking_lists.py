"""List commands that wait, in process: who gets what, when, and what is logged for it."""

from __future__ import annotations

import time

import pytest

from tests.commands.test_lists import (
    EMPTY,
    NULL,
    NULL3,
    NULL_ARRAY,
    OK,
    SYNTAX,
    WRONG_TYPE,
    array,
    bulk,
    content,
    holding,
    integer,
    popped,
)
from tests.support.inprocess import Client
from tests.support.observed import Observed

NEGATIVE = b"-ERR timeout is negative\r\n"
NOT_A_FLOAT = b"-ERR timeout is not a float or out of range\r\n"
OUT_OF_RANGE = b"-ERR timeout is out of range\r\n"
UNBLOCKED = b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"


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
    """Whether nothing is left of any wait."""
    blocking = server.engine.blocking
    return not blocking.operations and not any(db.blocked for db in server.engine.keyspace.databases)


class TestAtOnce:
    """With something there, they do what the plain commands do, and are logged as these."""

    @pytest.mark.parametrize(
        ("line", "reply", "logged", "left"),
        [
            ("BLPOP none l 0", array("l", "a"), "LPOP l", "bc"),
            ("BRPOP l none 0", array("l", "c"), "RPOP l", "ab"),
            ("BLMPOP 0 2 none l LEFT", popped("l", "a"), "LPOP l 1", "bc"),
            ("BLMPOP 0 1 l RIGHT COUNT 2", popped("l", "c", "b"), "RPOP l 2", "a"),
            ("BLMPOP 0 1 l LEFT COUNT 9", popped("l", "a", "b", "c"), "LPOP l 3", ""),
            ("BLMOVE l l left RIGHT 0", bulk("a"), "LMOVE l l left RIGHT", "bca"),
            ("BRPOPLPUSH l l 0", bulk("c"), "RPOPLPUSH l l", "cab"),
        ],
    )
    def test_pops(self, line: str, reply: bytes, logged: str, left: str) -> None:
        server = holding(*"abc")
        assert server.run(line) == reply
        assert server.logged() == [logged]
        assert content(server) == list(left)
        assert nobody_waits(server)

    @pytest.mark.parametrize(
        "line",
        [
            "BLPOP s l 0", "BRPOP s l 0", "BLMPOP 0 2 s l LEFT", "BLMOVE s l LEFT LEFT 0", "BLMOVE l s LEFT LEFT 0",
            "BRPOPLPUSH s l 0", "BRPOPLPUSH l s 0",
        ],
    )  # fmt: skip
    def test_other_types(self, line: str) -> None:
        server = holding(*"abc")
        assert server.run(line) == WRONG_TYPE
        assert content(server) == ["a", "b", "c"]
        assert server.logged() == []

    def test_another_type_behind_a_list_does_not_matter(self) -> None:
        assert holding("a").run("BLPOP l s 0") == array("l", "a")


class TestArguments:
    @pytest.mark.parametrize(
        ("timeout", "reply"),
        [
            ("-1", NEGATIVE), ("-0.002", NEGATIVE), ("-1e30", NEGATIVE), ("-inf", NEGATIVE), ("x", NOT_A_FLOAT),
            ("''", NOT_A_FLOAT), ("nan", NOT_A_FLOAT), ("1x", NOT_A_FLOAT), ("1,5", NOT_A_FLOAT),
            ("inf", OUT_OF_RANGE), ("1e20", OUT_OF_RANGE), ("9223372036854775.808", OUT_OF_RANGE),
            ("9223372036854775", OUT_OF_RANGE), ("1e400", OUT_OF_RANGE), ("9223372036854775807", OUT_OF_RANGE),
            ("9223372036854775808", OUT_OF_RANGE),
        ],
    )  # fmt: skip
    def test_timeouts_refused(self, timeout: str, reply: bytes) -> None:
        server = holding("a")
        for line in (
            f"BLPOP l {timeout}", f"BRPOP l {timeout}", f"BLMPOP {timeout} 1 l LEFT",
            f"BLMOVE l l LEFT LEFT {timeout}", f"BRPOPLPUSH l l {timeout}",
        ):  # fmt: skip
            assert server.run(line) == reply

    @pytest.mark.parametrize(
        ("timeout", "milliseconds"),
        [
            ("1", 1000), ("0.5", 500), ("1.5e-1", 150), ("0.0001", 1), ("0.001", 1), ("0.0011", 2), ("0x1", 1000),
            ("1e-4000", 1), (".25", 250), ("+2", 2000),
        ],
    )  # fmt: skip
    def test_timeouts_are_rounded_up(self, timeout: str, milliseconds: int) -> None:
        server = holding()
        client = waiting(server, f"BLPOP l {timeout}")
        elapse(server, milliseconds - 1)
        assert client.received() == b""
        elapse(server, 1)
        assert client.received() == NULL_ARRAY

    @pytest.mark.parametrize("timeout", ["0", "0.0", "-0", "-0.0001", "-0.001", "0e9", "9223370000000000"])
    def test_timeouts_that_never_come(self, timeout: str) -> None:
        server = holding()
        client = waiting(server, f"BLPOP l {timeout}")
        elapse(server, 1 << 40)
        assert client.received() == b""
        assert not nobody_waits(server)

    @pytest.mark.parametrize(
        ("line", "reply"),
        [
            ("BLMPOP x 0 l LEFT", b"-ERR numkeys should be greater than 0\r\n"),
            ("BLMPOP x 1 l UP", SYNTAX),
            ("BLMPOP x 1 l LEFT COUNT 0", b"-ERR count should be greater than 0\r\n"),
            ("BLMPOP 0 1 l LEFT COUNT 1 COUNT 2", SYNTAX),
            ("BLMPOP x 1 l LEFT", NOT_A_FLOAT),
            ("BLMOVE l l UP LEFT x", SYNTAX),
            ("BLMOVE l l LEFT DOWN x", SYNTAX),
            ("BLPOP 0", b"-ERR wrong number of arguments for 'blpop' command\r\n"),
        ],
    )
    def test_the_order_of_the_checks(self, line: str, reply: bytes) -> None:
        assert holding("a").run(line) == reply


class TestServed:
    def test_by_a_push(self) -> None:
        server = holding()
        client = waiting(server, "BLPOP none l 0")
        assert server.run("RPUSH l a b") == integer(2)
        assert client.received() == array("l", "a")
        assert server.logged() == ["RPUSH l a b", "LPOP l"]
        assert server.heard() == ["new l", "rpush l", "lpop l"]
        assert content(server) == ["b"]
        assert nobody_waits(server)

    @pytest.mark.parametrize(
        ("line", "reply", "effect"),
        [
            ("BRPOP l 0", array("l", "c"), "RPOP l"),
            ("BLMPOP 0 1 l LEFT COUNT 2", popped("l", "a", "b"), "LPOP l 2"),
            ("BLMPOP 0 1 l RIGHT COUNT 9", popped("l", "c", "b", "a"), "RPOP l 3"),
            ("BLMOVE l m RIGHT left 0", bulk("c"), "LMOVE l m RIGHT left"),
            ("BRPOPLPUSH l l 0", bulk("c"), "RPOPLPUSH l l"),
        ],
    )
    def test_every_command(self, line: str, reply: bytes, effect: str) -> None:
        server = holding()
        client = waiting(server, line)
        server.run("RPUSH l a b c")
        assert client.received() == reply
        assert server.logged() == ["RPUSH l a b c", effect]

    def test_first_come_first_served(self) -> None:
        server = holding()
        clients = [waiting(server, "BLPOP l 0") for _ in range(5)]
        server.run("RPUSH l a b")
        assert [client.received() for client in clients] == [array("l", "a"), array("l", "b"), b"", b"", b""]
        server.run("RPUSH l c")
        server.run("RPUSH l d")
        assert [client.received() for client in clients[2:]] == [array("l", "c"), array("l", "d"), b""]

    def test_who_waits_again_stands_at_the_end(self) -> None:
        server = holding()
        one, two = waiting(server, "BLPOP l 0"), waiting(server, "BLPOP l 0")
        server.run("RPUSH l a")
        assert one.received() == array("l", "a")
        assert one.command("BLPOP", "l", 0) == b""
        server.run("RPUSH l b")
        assert (one.received(), two.received()) == (b"", array("l", "b"))

    def test_once_though_several_keys_are_there(self) -> None:
        server = holding()
        client = waiting(server, "BLPOP k1 k2 k1 0")
        other = waiting(server, "BLPOP k2 0")
        server.run("MULTI")
        server.run("RPUSH k2 b")
        server.run("RPUSH k1 a")
        server.run("EXEC")
        # It starts over, in the order of its keys, though k2 was there first; what it leaves goes to the next.
        assert client.received() == array("k1", "a")
        assert other.received() == array("k2", "b")
        assert nobody_waits(server)

    def test_not_before_the_transaction_has_ended(self) -> None:
        server = holding()
        client = waiting(server, "BLPOP l 0")
        server.run("MULTI")
        server.run("RPUSH l a")
        server.run("LLEN l")
        server.run("LPUSH l b")
        assert server.run("EXEC") == b"*3\r\n:1\r\n:1\r\n:2\r\n"
        assert client.received() == array("l", "b")
        assert server.logged() == ["RPUSH l a", "LPUSH l b", "LPOP l"]

    def test_not_by_what_a_transaction_takes_back(self) -> None:
        server = holding()
        client = waiting(server, "BLPOP l 0")
        for lines in (["RPUSH l a", "DEL l"], ["RPUSH l a", "LPOP l"], ["RPUSH l a", "DEL l", "SET l x"]):
            server.run("MULTI")
            for line in lines:
                server.run(line)
            server.run("EXEC")
            assert client.received() == b""

    @pytest.mark.parametrize(
        "lines",
        [
            ["RPUSH m a", "RENAME m l"],
            ["RPUSH m a", "RENAMENX m l"],
            ["RPUSH m a", "COPY m l"],
            ["RPUSH m a", "LMOVE m l LEFT LEFT"],
            ["RPUSH m a", "RPOPLPUSH m l"],
            ["SELECT 1", "RPUSH l a", "MOVE l 0"],
            ["SELECT 1", "RPUSH l a", "SWAPDB 0 1"],
            ["SELECT 1", "RPUSH l a", "COPY l l DB 0"],
        ],
    )
    def test_by_whatever_makes_the_list(self, lines: list[str]) -> None:
        server = holding()
        client = waiting(server, "BLPOP l 0")
        for line in lines:
            assert client.received() == b""
            server.run(line)
        assert client.received() == array("l", "a")

    def test_in_its_own_database(self) -> None:
        server = holding()
        client = waiting(server, "BLPOP l 0")
        server.run("SELECT 1")
        server.run("RPUSH l a")
        assert client.received() == b""
        server.run("SELECT 0")
        server.run("RPUSH l b")
        assert client.received() == array("l", "b")

    def test_chain_of_moves(self) -> None:
        server = holding()
        one = waiting(server, "BLMOVE k1 k2 LEFT RIGHT 0")
        two = waiting(server, "BLMOVE k2 k3 LEFT RIGHT 0")
        three = waiting(server, "BRPOPLPUSH k3 k4 0")
        last = waiting(server, "BLPOP k4 0")
        assert server.run("RPUSH k1 a") == integer(1)
        assert [client.received() for client in (one, two, three)] == [bulk("a")] * 3
        assert last.received() == array("k4", "a")
        assert server.logged() == [
            "RPUSH k1 a", "LMOVE k1 k2 LEFT RIGHT", "LMOVE k2 k3 LEFT RIGHT", "RPOPLPUSH k3 k4", "LPOP k4",
        ]  # fmt: skip
        assert server.run("DBSIZE") == integer(1)
        assert nobody_waits(server)

    def test_circle_of_moves(self) -> None:
        server = holding()
        one = waiting(server, "BLMOVE k1 k2 LEFT RIGHT 0")
        two = waiting(server, "BLMOVE k2 k1 LEFT RIGHT 0")
        server.run("RPUSH k1 a")
        assert one.received() == two.received() == bulk("a")
        assert content(server, "k1") == ["a"]

    def test_moves_within_a_list_let_the_next_have_it(self) -> None:
        server = holding()
        movers = [waiting(server, "BLMOVE l l LEFT RIGHT 0") for _ in range(3)]
        client = waiting(server, "BLPOP l 0")
        server.run("RPUSH l a")
        assert [mover.received() for mover in movers] == [bulk("a")] * 3
        assert client.received() == array("l", "a")

    def test_moves_to_another_type_fail_and_leave_it_to_the_next(self) -> None:
        server = holding()
        mover = waiting(server, "BLMOVE l s LEFT LEFT 0")
        client = waiting(server, "BLPOP l 0")
        server.run("RPUSH l a")
        assert mover.received() == WRONG_TYPE
        assert client.received() == array("l", "a")
        assert server.logged() == ["RPUSH l a", "LPOP l"]

    def test_another_type_at_the_key_serves_nobody(self) -> None:
        server = holding()
        clients = [waiting(server, "BLPOP l 0"), waiting(server, "BLMOVE l m LEFT LEFT 0")]
        server.run("SET l string")
        server.run("APPEND l x")
        server.run("ZADD z 1 a")
        server.run("RENAME z l")
        assert [client.received() for client in clients] == [b"", b""]
        server.run("DEL l")
        server.run("RPUSH l a b")
        assert [client.received() for client in clients] == [array("l", "a"), bulk("b")]

    def test_another_type_at_an_earlier_key_is_an_error(self) -> None:
        server = holding()
        client = waiting(server, "BLPOP k1 k2 0")
        server.run("SET k1 string")
        assert client.received() == b""
        server.run("RPUSH k2 a")
        assert client.received() == WRONG_TYPE
        assert content(server, "k2") == ["a"]

    def test_clients_that_wait_for_other_types_are_passed_over(self) -> None:
        server = holding()
        zset = waiting(server, "BZPOPMIN k 0")
        first, second = waiting(server, "BLPOP k 0"), waiting(server, "BLPOP k 0")
        server.run("RPUSH k a b")
        assert (zset.received(), first.received(), second.received()) == (
            b"",
            array("k", "a"),
            array("k", "b"),
        )
        server.run("ZADD k 1 m")
        assert zset.received() == b"*3\r\n$1\r\nk\r\n$1\r\nm\r\n$1\r\n1\r\n"

    def test_a_list_past_its_deadline_serves_nobody(self) -> None:
        server = holding("a")
        server.run("PEXPIREAT l 1700000001000")
        server.clock.advance(1000)
        client = waiting(server, "BLPOP l 0")
        server.run("RPUSH l b")
        assert client.received() == array("l", "b")

    def test_replies_in_the_protocol_of_the_client(self) -> None:
        server = holding()
        client = waiting(server, "BLMPOP 1 1 l LEFT", protocol=3)
        elapse(server, 1000)
        assert client.received() == NULL3

    def test_requests_behind_it_wait(self) -> None:
        server = holding()
        client = server.client()
        blpop = b"*3\r\n$5\r\nBLPOP\r\n$1\r\nl\r\n$1\r\n0\r\n"
        assert client.send(b"PING\r\n" + blpop + b"PING\r\nRPUSH m x\r\n") == b"+PONG\r\n"
        assert client.send(b"ECHO more\r\n") == b""
        assert server.run("EXISTS m") == integer(0)
        server.run("RPUSH l a")
        assert client.received() == array("l", "a") + b"+PONG\r\n:1\r\n" + bulk("more")

    def test_a_served_client_may_serve_another(self) -> None:
        server = holding()
        one, two = server.client(), waiting(server, "BLPOP m 0")
        one.send(b"BLPOP l 0\r\nRPUSH m x\r\n")
        server.run("RPUSH l a")
        assert one.received() == array("l", "a") + integer(1)
        assert two.received() == array("m", "x")

    def test_reply_modes_hold(self) -> None:
        server = holding()
        client = server.client()
        client.send(b"CLIENT REPLY OFF\r\nBLPOP l 0\r\n")
        server.run("RPUSH l a")
        assert client.received() == b""
        assert client.command("CLIENT", "REPLY", "ON") == OK


class TestTransactions:
    def test_they_do_not_wait(self) -> None:
        server = holding()
        lines = (
            "BLPOP none 0", "BRPOP none 0", "BLMPOP 0 1 none LEFT", "BLMOVE none m LEFT LEFT 0",
            "BRPOPLPUSH none m 0",
        )  # fmt: skip
        server.run("MULTI")
        for line in lines:
            assert server.run(line) == b"+QUEUED\r\n"
        assert server.run("EXEC") == b"*5\r\n" + NULL_ARRAY * 3 + NULL * 2
        assert nobody_waits(server)

    def test_they_take_what_is_there(self) -> None:
        server = holding("a", "b")
        server.run("MULTI")
        server.run("BLPOP l 0")
        server.run("BLMOVE l m LEFT LEFT 0")
        server.run("BLPOP l 0")
        assert server.run("EXEC") == b"*3\r\n" + array("l", "a") + bulk("b") + NULL_ARRAY
        assert server.logged() == ["LPOP l", "LMOVE l m LEFT LEFT"]

    def test_a_transaction_of_the_served_client_follows(self) -> None:
        server = holding()
        client = server.client()
        client.send(b"BLPOP l 0\r\nMULTI\r\nLRANGE l 0 -1\r\nEXEC\r\n")
        server.run("RPUSH l a")
        assert client.received() == array("l", "a") + b"+OK\r\n+QUEUED\r\n*1\r\n" + EMPTY


class TestEndOfWait:
    @pytest.mark.parametrize(
        "line",
        ["BLPOP a b 1", "BRPOP a 1", "BLMPOP 1 1 a LEFT", "BLMOVE a b LEFT LEFT 1", "BRPOPLPUSH a b 1"],
    )
    def test_time_up(self, line: str) -> None:
        server = holding()
        client = waiting(server, line)
        elapse(server, 1000)
        assert client.received() == NULL_ARRAY
        assert client.command("PING") == b"+PONG\r\n"
        assert nobody_waits(server)
        server.run("RPUSH a x")
        assert client.received() == b""
        assert server.logged() == ["RPUSH a x"]

    @pytest.mark.parametrize(
        ("how", "reply"), [("", NULL_ARRAY), ("TIMEOUT", NULL_ARRAY), ("error", UNBLOCKED)]
    )
    def test_unblocked(self, how: str, reply: bytes) -> None:
        server = holding()
        client = waiting(server, "BLMOVE a b LEFT LEFT 0")
        number = client.session.client_id
        assert server.run(f"CLIENT UNBLOCK {number} {how}") == integer(1)
        assert client.received() == reply
        assert server.run(f"CLIENT UNBLOCK {number} {how}") == integer(0)
        assert nobody_waits(server)

    def test_disconnected(self) -> None:
        server = holding()
        clients = [waiting(server, "BLPOP l m 7") for _ in range(3)]
        clients[0].disconnect()
        server.run("RPUSH l a")
        assert [client.received() for client in clients] == [b"", array("l", "a"), b""]
        server.run(f"CLIENT KILL ID {clients[2].session.client_id}")
        assert nobody_waits(server)
        server.run("RPUSH m b")
        elapse(server, 10_000)
        assert clients[0].received() == clients[2].received() == b""
        assert content(server, "m") == ["b"]

    def test_commands_count_when_they_end(self) -> None:
        server = holding()
        command = server.engine.commands[b"BLPOP"]
        waiting(server, "BLPOP l 0")
        assert command.calls == 0
        server.run("RPUSH l a")
        assert (command.calls, command.failed) == (1, 0)
        waiting(server, "BLPOP l 1")
        elapse(server, 1000)
        assert (command.calls, command.failed) == (2, 0)
        client = waiting(server, "BLPOP l 1")
        server.run(f"CLIENT UNBLOCK {client.session.client_id} ERROR")
        assert (command.calls, command.failed) == (3, 1)
        assert server.engine.error_counts == {b"UNBLOCKED": 1}
        waiting(server, "BLPOP l 1").disconnect()
        assert (command.calls, command.failed) == (3, 1)


def test_watch_sees_what_serving_changes() -> None:
    server = holding()
    waiting(server, "BLMOVE l m LEFT LEFT 0")
    watcher = server.client()
    watcher.command("WATCH", "m")
    server.run("RPUSH l a")
    watcher.command("MULTI")
    assert watcher.command("EXEC") == NULL_ARRAY


def seconds_per_push(waiters: int) -> float:
    """How long a push takes that serves the first of many clients, which then waits again; the median."""
    server = Observed()
    clients = [waiting(server, "BLPOP l 0") for _ in range(waiters)]
    times = []
    for turn in range(600):
        began = time.perf_counter()
        server.run("RPUSH l a")
        times.append(time.perf_counter() - began)
        client = clients[turn % waiters]
        assert client.received() == array("l", "a")
        assert client.command("BLPOP", "l", 0) == b""
    return sorted(times)[300]


def test_a_push_wakes_only_the_first_of_five_thousand() -> None:
    few, many = seconds_per_push(5), seconds_per_push(5000)
    assert many < 4 * few


def test_five_thousand_clients_are_served_in_order() -> None:
    server = holding()
    clients = [waiting(server, "BLPOP none l 0") for _ in range(5000)]
    for start in range(0, 5000, 1000):
        server.run("RPUSH l " + " ".join(f"e{number}" for number in range(start, start + 1000)))
    assert [client.received() for client in clients] == [array("l", f"e{number}") for number in range(5000)]
    assert nobody_waits(server)
