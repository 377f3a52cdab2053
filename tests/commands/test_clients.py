"""The CLIENT command, in process."""

from __future__ import annotations

import re

import pytest

from pyredis.engine.engine import Host
from tests.support.inprocess import Client, InProcess, encode_command

OK = b"+OK\r\n"
SYNTAX = b"-ERR syntax error\r\n"


class TimerHost(Host):
    """Remembers what was asked to be called later."""

    def __init__(self) -> None:
        self.timers: dict[str, float] = {}

    def call_later(self, seconds: float, what: str) -> None:
        self.timers[what] = seconds


def fields(line: bytes) -> dict[str, str]:
    return dict(field.split("=", 1) for field in line.decode().split(" "))


def lines(reply: bytes) -> list[dict[str, str]]:
    """The clients in a reply of CLIENT LIST or INFO."""
    kind, _, rest = reply.partition(b"\r\n")
    assert kind.startswith((b"$", b"="))
    body = rest.removesuffix(b"\r\n")
    assert int(kind[1:]) == len(body)
    text = body.removeprefix(b"txt:") if kind.startswith(b"=") else body
    assert text == b"" or text.endswith(b"\n")
    return [fields(line) for line in text.splitlines()]


def info(client: Client) -> dict[str, str]:
    [only] = lines(client.command("CLIENT", "INFO"))
    return only


class TestInfoAndList:
    def test_the_fields_and_their_order_are_those_of_7_4(self) -> None:
        client = InProcess().client()
        assert client.command("CLIENT", "INFO") == (
            b"$282\r\nid=1 addr=127.0.0.1:50001 laddr=127.0.0.1:6379 fd=-1 name= age=0 idle=0 flags=N db=0 "
            b"sub=0 psub=0 ssub=0 multi=-1 watch=0 qbuf=0 qbuf-free=0 argv-mem=10 multi-mem=0 rbs=0 rbp=0 "
            b"obl=0 oll=0 omem=0 tot-mem=2010 events=r cmd=client|info user=default redir=-1 resp=2 "
            b"lib-name= lib-ver=\n\r\n"
        )

    def test_is_a_verbatim_string_in_resp3(self) -> None:
        client = InProcess().client(3)
        assert client.command("CLIENT", "INFO").startswith(b"=286\r\ntxt:id=1 ")
        assert client.command("CLIENT", "LIST").startswith(b"=286\r\ntxt:id=1 ")
        assert info(client)["resp"] == "3"

    def test_list_is_in_the_order_of_connection(self) -> None:
        server = InProcess()
        first, second, third = server.client(), server.client(), server.client()
        second.disconnect()
        fourth = server.client()
        ids = [client["id"] for client in lines(first.command("CLIENT", "LIST"))]
        assert ids == [str(c.session.client_id) for c in (first, third, fourth)]

    def test_age_and_idle_count_seconds(self) -> None:
        server = InProcess()
        one, other = server.client(), server.client()
        server.clock.advance(5_000)
        other.command("PING")
        server.clock.advance(7_500)
        described = {client["id"]: client for client in lines(one.command("CLIENT", "LIST"))}
        assert (described["1"]["age"], described["1"]["idle"]) == ("12", "0")
        assert (described["2"]["age"], described["2"]["idle"]) == ("12", "7")

    def test_a_message_received_counts_as_activity(self) -> None:
        server = InProcess()
        one, other = server.client(), server.client()
        other.command("SUBSCRIBE", "a")
        server.clock.advance(5_000)
        one.command("PUBLISH", "a", "m")
        assert lines(one.command("CLIENT", "LIST"))[1]["idle"] == "0"

    def test_counts_what_the_client_holds(self) -> None:
        server = InProcess()
        client = server.client(3)
        client.session.select(7)
        client.command("CLIENT", "SETNAME", "me")
        client.command("CLIENT", "SETINFO", "LIB-NAME", "lib")
        client.command("CLIENT", "SETINFO", "lib-ver", "1.2")
        client.command("SUBSCRIBE", "a", "b", "c")
        client.command("PSUBSCRIBE", "a", "b")
        client.command("SSUBSCRIBE", "a")
        client.command("WATCH", "k", "l", "k")
        client.command("MULTI")
        client.command("GET", "k")
        client.command("SET", "k", "v")
        [seen] = [c for c in lines(server.client().command("CLIENT", "LIST")) if c["id"] == "1"]
        expected = {
            "name": "me", "flags": "Px", "db": "7", "sub": "3", "psub": "2", "ssub": "1", "multi": "2",
            "watch": "2", "cmd": "set", "user": "default", "resp": "3", "lib-name": "lib", "lib-ver": "1.2",
        }  # fmt: skip
        assert {name: seen[name] for name in expected} == expected
        assert int(seen["multi-mem"]) > 9

    def test_a_transaction_that_cannot_succeed_stops_counting(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        client.command("WATCH", "k")
        other.command("SET", "k", "v")
        seen = info(client)
        assert (seen["watch"], seen["flags"]) == ("0", "d")
        client.command("MULTI")
        client.command("GET", "k")
        client.command("GET", "k")
        seen = lines(other.command("CLIENT", "LIST"))[0]
        assert (seen["multi"], seen["flags"]) == ("0", "xd")

    def test_shows_the_flags_of_the_connection(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        client.session.is_unix = True
        client.command("CLIENT", "NO-EVICT", "on")
        client.command("CLIENT", "NO-TOUCH", "on")
        assert info(client)["flags"] == "UeT"
        server.engine.pause(1, server.clock.now_ms + 1000)
        client.command("SET", "k", "value")
        seen = lines(other.command("CLIENT", "LIST"))[0]
        assert (seen["flags"], seen["cmd"], seen["argv-mem"]) == ("bUeT", "set", "9")

    def test_shows_what_is_about_to_happen_to_the_connection(self) -> None:
        server = InProcess()
        leaving, held, other = server.client(), server.client(), server.client()
        leaving.command("QUIT")
        other.command("CLIENT", "PAUSE", 1000, "WRITE")
        held.command("SET", "k", "v")
        for words in (["MULTI"], ["CLIENT", "UNPAUSE"], ["CLIENT", "LIST"]):
            other.command(*words)
        reply = other.command("EXEC").removeprefix(b"*2\r\n" + OK)
        described = {client["id"]: client for client in lines(reply)}
        assert described["1"]["flags"] == "c"
        assert described["2"]["flags"] == "u"
        held.received()
        assert lines(other.command("CLIENT", "LIST", "ID", 2))[0]["flags"] == "N"

    def test_shows_the_last_command_even_one_that_failed(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()

        def last() -> str:
            return lines(other.command("CLIENT", "LIST"))[0]["cmd"]

        assert last() == "NULL"
        client.command("PING")
        assert last() == "ping"
        client.command("config", "get")
        assert last() in ("config|get", "NULL")
        client.command("GET")
        assert last() == "get"
        client.command("NOSUCH")
        assert last() == "NULL"
        client.command("CLIENT", "NOSUCH")
        assert last() == "NULL"

    def test_inside_a_transaction_the_command_is_exec(self) -> None:
        client = InProcess().client()
        client.command("MULTI")
        client.command("PING")
        client.command("CLIENT", "INFO")
        reply = client.command("EXEC")
        assert b" flags=x " in reply
        assert b" multi=2 " in reply
        assert b" cmd=exec " in reply

    def test_shows_what_waits_to_be_sent_and_run(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        client.wire.pending = 77
        client.send(b"*2\r\n$4\r\nPING\r\n$10\r\nhal")
        seen = lines(other.command("CLIENT", "LIST"))[0]
        assert (seen["omem"], seen["events"]) == ("77", "rw")
        assert (seen["qbuf"], seen["argv-mem"]) == ("3", "4")
        assert int(seen["tot-mem"]) == 2000 + 77 + 3 + 4

    def test_list_can_be_narrowed(self) -> None:
        server = InProcess()
        one, two, three = server.client(), server.client(3), server.client(3)
        two.command("SUBSCRIBE", "a")
        three.command("SSUBSCRIBE", "a")

        def ids(*words: str | int) -> list[str]:
            return [client["id"] for client in lines(one.command("CLIENT", "LIST", *words))]

        assert ids("TYPE", "normal") == ["1"]
        assert ids("type", "PubSub") == ["2", "3"]
        assert ids("TYPE", "master") == ids("TYPE", "replica") == ids("TYPE", "slave") == []
        assert ids("ID", 3, 1, 99, 3, 0, -1) == ["3", "1", "3"]
        two.command("RESET")
        three.command("SUNSUBSCRIBE")
        assert ids("TYPE", "normal") == ["1", "2", "3"]

    @pytest.mark.parametrize(
        ("words", "error"),
        [
            (["TYPE"], b"ERR syntax error"),
            (["TYPE", "foo"], b"ERR Unknown client type 'foo'"),
            (["TYPE", b"fo\x00o"], b"ERR Unknown client type 'fo'"),
            (["TYPE", "normal", "foo"], b"ERR syntax error"),
            (["ID"], b"ERR syntax error"),
            (["ID", "x"], b"ERR Invalid client ID"),
            (["ID", "1", "1.5"], b"ERR Invalid client ID"),
            (["FOO"], b"ERR syntax error"),
            (["FOO", "bar"], b"ERR syntax error"),
        ],
    )
    def test_list_refuses(self, words: list[str | bytes], error: bytes) -> None:
        assert InProcess().client().command("CLIENT", "LIST", *words) == b"-" + error + b"\r\n"


class TestNames:
    def test_id_is_the_own_one(self) -> None:
        server = InProcess()
        assert server.client().command("CLIENT", "ID") == b":1\r\n"
        assert server.client().command("CLIENT", "ID") == b":2\r\n"
        assert server.client().command("CLIENT", "ID", "x") == (
            b"-ERR wrong number of arguments for 'client|id' command\r\n"
        )

    @pytest.mark.parametrize("protocol", [2, 3])
    def test_setname_and_getname(self, protocol: int) -> None:
        client = InProcess().client(protocol)
        null = b"_\r\n" if protocol == 3 else b"$-1\r\n"
        assert client.command("CLIENT", "GETNAME") == null
        assert client.command("CLIENT", "SETNAME", "worker:1") == OK
        assert client.command("CLIENT", "GETNAME") == b"$8\r\nworker:1\r\n"
        assert client.command("CLIENT", "SETNAME", "") == OK
        assert client.command("CLIENT", "GETNAME") == null

    @pytest.mark.parametrize("name", [b"a b", b"a\n", b"\x7f", b"\xc3\xa9", b" "])
    def test_names_that_would_break_the_list_are_refused(self, name: bytes) -> None:
        client = InProcess().client()
        assert client.command("CLIENT", "SETNAME", name) == (
            b"-ERR Client names cannot contain spaces, newlines or special characters.\r\n"
        )
        for attribute in (b"LIB-NAME", b"lib-ver"):
            assert client.command("CLIENT", "SETINFO", attribute, name) == (
                b"-ERR " + attribute + b" cannot contain spaces, newlines or special characters.\r\n"
            )

    def test_setinfo_sets_and_clears(self) -> None:
        client = InProcess().client()
        assert client.command("CLIENT", "SETINFO", "LIB-NAME", "redis-py(x_v1.0)") == OK
        assert client.command("CLIENT", "SETINFO", "LIB-VER", "8.1.0") == OK
        assert info(client)["lib-name"] == "redis-py(x_v1.0)"
        assert info(client)["lib-ver"] == "8.1.0"
        assert client.command("CLIENT", "SETINFO", "lib-name", "") == OK
        assert info(client)["lib-name"] == ""

    def test_setinfo_refuses_what_it_does_not_know(self) -> None:
        client = InProcess().client()
        assert (
            client.command("CLIENT", "SETINFO", "LIB-FOO", "x") == b"-ERR Unrecognized option 'LIB-FOO'\r\n"
        )
        assert client.command("CLIENT", "SETINFO", "LIB-NAME") == (
            b"-ERR wrong number of arguments for 'client|setinfo' command\r\n"
        )


class TestReply:
    def test_off_silences_until_on(self) -> None:
        client = InProcess().client()
        assert client.command("CLIENT", "REPLY", "OFF") == b""
        assert client.command("PING") == b""
        assert client.command("NOSUCH") == b""
        assert client.command("CLIENT", "REPLY", "SKIP") == b""
        assert client.command("CLIENT", "REPLY", "OFF") == b""
        assert client.command("CLIENT", "REPLY", "ON") == OK
        assert client.command("PING") == b"+PONG\r\n"

    def test_skip_silences_itself_and_the_next(self) -> None:
        client = InProcess().client()
        assert client.command("CLIENT", "REPLY", "SKIP") == b""
        assert client.command("PING") == b""
        assert client.command("PING") == b"+PONG\r\n"
        assert client.command("CLIENT", "REPLY", "skip") == b""
        assert client.command("CLIENT", "REPLY", "skip") == b""
        assert client.command("PING") == b""
        assert client.command("PING") == b"+PONG\r\n"
        client.command("CLIENT", "REPLY", "SKIP")
        assert client.command("CLIENT", "REPLY", "ON") == OK

    def test_a_wrong_mode_is_an_error_and_changes_nothing(self) -> None:
        client = InProcess().client()
        assert client.command("CLIENT", "REPLY", "foo") == SYNTAX
        assert client.command("PING") == b"+PONG\r\n"
        client.command("CLIENT", "REPLY", "SKIP")
        assert client.command("CLIENT", "REPLY", "foo") == b""
        assert client.command("PING") == b"+PONG\r\n"

    def test_messages_and_confirmations_come_all_the_same(self) -> None:
        server = InProcess()
        client, other = server.client(3), server.client()
        client.command("CLIENT", "REPLY", "OFF")
        assert client.command("SUBSCRIBE", "a") == b">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
        assert client.command("PING") == b""
        other.command("PUBLISH", "a", "m")
        message = b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nm\r\n"
        assert client.received() == message
        assert client.command("PUBLISH", "a", "m") == message
        client.command("CLIENT", "REPLY", "ON")
        skipped = (
            encode_command("CLIENT", "REPLY", "SKIP")
            + encode_command("PSUBSCRIBE", "b")
            + encode_command("PING")
        )
        assert client.send(skipped) == b">3\r\n$10\r\npsubscribe\r\n$1\r\nb\r\n:2\r\n+PONG\r\n"

    @pytest.mark.parametrize(
        ("before", "queued", "reply", "after"),
        [
            ("ON", "OFF", b"*3\r\n+PONG\r\n", b""),
            ("ON", "SKIP", b"*3\r\n+PONG\r\n+PONG\r\n", b""),
            ("ON", "ON", b"*3\r\n+PONG\r\n+OK\r\n+PONG\r\n", b"+PONG\r\n"),
            ("OFF", "ON", b"+OK\r\n+PONG\r\n", b"+PONG\r\n"),
            ("OFF", "OFF", b"", b""),
            ("OFF", "SKIP", b"", b""),
        ],
    )
    def test_within_a_transaction_each_reply_is_judged_by_itself(
        self, before: str, queued: str, reply: bytes, after: bytes
    ) -> None:
        client = InProcess().client()
        client.command("CLIENT", "REPLY", before)
        for words in (["MULTI"], ["PING"], ["CLIENT", "REPLY", queued], ["PING"]):
            client.command(*words)
        assert client.command("EXEC") == reply
        assert client.command("PING") == after

    def test_a_skip_within_a_transaction_outlives_an_on(self) -> None:
        client = InProcess().client()
        for words in (["MULTI"], ["CLIENT", "REPLY", "SKIP"], ["CLIENT", "REPLY", "ON"], ["PING"]):
            client.command(*words)
        assert client.command("EXEC") == b"*3\r\n+OK\r\n+PONG\r\n"
        assert client.command("PING") == b""
        assert client.command("PING") == b"+PONG\r\n"

    def test_subscribing_within_a_silent_transaction_is_confirmed(self) -> None:
        client = InProcess().client(3)
        client.command("CLIENT", "REPLY", "OFF")
        for words in (["MULTI"], ["PING"], ["SUBSCRIBE", "a"], ["PING"]):
            client.command(*words)
        assert client.command("EXEC") == b">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
        assert client.command("PING") == b""


class TestKill:
    def test_the_old_form_names_an_address(self) -> None:
        server = InProcess()
        one, two = server.client(), server.client()
        assert one.command("CLIENT", "KILL", "127.0.0.1:50002") == OK
        assert two.wire.is_aborted
        assert one.command("CLIENT", "KILL", "127.0.0.1:50002") == b"-ERR No such client\r\n"
        assert one.command("CLIENT", "KILL", "ID") == b"-ERR No such client\r\n"
        assert one.command("CLIENT", "KILL", "127.0.0.1:50001") == OK
        assert one.wire.is_closed
        assert not one.wire.is_aborted

    def test_others_go_at_once_with_all_they_had(self) -> None:
        server = InProcess()
        one, two = server.client(), server.client(3)
        two.command("SUBSCRIBE", "a")
        two.command("WATCH", "k")
        for words in (
            ["MULTI"],  # so that all of it happens in one slice
            ["PUBLISH", "a", "lost"],
            ["CLIENT", "KILL", "ID", "2"],
            ["PUBLISH", "a", "unheard"],
            ["CLIENT", "LIST"],
        ):
            one.command(*words)
        reply = one.command("EXEC")
        assert reply.startswith(b"*4\r\n:1\r\n:1\r\n:0\r\n$")
        assert reply.count(b"id=") == 1
        assert two.received() == b""
        assert two.wire.is_aborted
        assert not any(database.watchers for database in server.engine.keyspace.databases)

    def test_the_own_connection_closes_after_the_reply(self) -> None:
        client = InProcess().client()
        request = encode_command("CLIENT", "KILL", "SKIPME", "no", "ID", 1) + encode_command("PING")
        assert client.send(request) == b":1\r\n"
        assert client.wire.is_closed

    def test_in_a_transaction_nothing_is_sent_behind_the_own_end(self) -> None:
        server = InProcess()
        client = server.client()
        for words in (["MULTI"], ["CLIENT", "KILL", "ID", "1", "SKIPME", "no"], ["SET", "k", "v"]):
            client.command(*words)
        assert client.command("EXEC") == b"*2\r\n:1\r\n"
        assert client.wire.is_closed
        assert server.client().command("GET", "k") == b"$1\r\nv\r\n"

    @pytest.mark.parametrize(
        ("words", "killed"),
        [
            (["ID", "2"], [2]),
            (["ID", "1"], []),
            (["ID", "1", "SKIPME", "yes"], []),
            (["ID", "99"], []),
            (["ADDR", "127.0.0.1:50003"], [3]),
            (["LADDR", "127.0.0.1:6379"], [2, 3, 4]),
            (["LADDR", "127.0.0.1:6380"], []),
            (["TYPE", "pubsub"], [3]),
            (["TYPE", "normal", "SKIPME", "YES"], [2, 4]),
            (["TYPE", "replica"], []),
            (["TYPE", "master"], []),
            (["USER", "default"], [2, 3, 4]),
            (["USER", "default", "ID", "4"], [4]),
            (["TYPE", "normal", "ID", "3"], []),
            (["TYPE", "pubsub", "ID", "3", "ADDR", "127.0.0.1:50003"], [3]),
            (["ID", "3", "ID", "2"], [2]),
            (["MAXAGE", "10"], [2, 3]),
            (["MAXAGE", "11"], []),
            (["maxage", "10", "type", "pubsub"], [3]),
            (["SKIPME", "yes"], [2, 3, 4]),
        ],
    )
    def test_filters(self, words: list[str], killed: list[int]) -> None:
        server = InProcess()
        clients = [server.client() for _ in range(3)]
        clients[2].command("SUBSCRIBE", "a")
        server.clock.advance(10_000)
        clients.append(server.client())
        assert clients[0].command("CLIENT", "KILL", *words) == b":%d\r\n" % len(killed)
        assert [client.session.client_id for client in clients if client.wire.is_aborted] == killed

    @pytest.mark.parametrize(
        ("words", "error"),
        [
            ([], b"wrong number of arguments for 'client|kill' command"),
            (["ID", "x"], b"client-id should be greater than 0"),
            (["ID", "0"], b"client-id should be greater than 0"),
            (["ID", "-1"], b"client-id should be greater than 0"),
            (["ID", "0", "FOO"], b"client-id should be greater than 0"),
            (["MAXAGE", "x"], b"maxage is not an integer or out of range"),
            (["MAXAGE", "0"], b"maxage should be greater than 0"),
            (["MAXAGE", "-5"], b"maxage should be greater than 0"),
            (["TYPE", "foo"], b"Unknown client type 'foo'"),
            (["USER", "foo"], b"No such user 'foo'"),
            (["SKIPME", "foo"], b"syntax error"),
            (["FOO", "bar"], b"syntax error"),
            (["ID", "1", "FOO"], b"syntax error"),
        ],
    )
    def test_refuses_and_kills_nobody(self, words: list[str], error: bytes) -> None:
        server = InProcess()
        one, two = server.client(), server.client()
        assert one.command("CLIENT", "KILL", *words) == b"-ERR " + error + b"\r\n"
        assert not one.wire.is_closed
        assert not two.wire.is_closed


class TestPause:
    def test_write_holds_back_what_may_write(self) -> None:
        server = InProcess()
        one, two = server.client(), server.client()
        assert one.command("CLIENT", "PAUSE", 1000, "WRITE") == OK
        assert one.command("GET", "k") == b"$-1\r\n"
        assert one.command("MULTI") == OK
        assert one.command("GET", "k") == b"+QUEUED\r\n"
        assert one.command("EXEC") == b"*1\r\n$-1\r\n"
        assert two.command("SET", "k", "v") == b""
        assert two.command("GET", "k") == b""
        assert server.client().command("PUBLISH", "a", "m") == b""
        assert server.client().command("SPUBLISH", "a", "m") == b""
        assert one.command("CLIENT", "UNPAUSE") == OK
        assert two.received() == b"+OK\r\n$1\r\nv\r\n"

    def test_all_holds_back_even_unpause(self) -> None:
        server = InProcess()
        one, two = server.client(), server.client()
        assert one.command("CLIENT", "PAUSE", 1000) == OK
        assert one.command("PING") == b""
        assert two.command("CLIENT", "UNPAUSE") == b""
        server.clock.advance(999)
        server.engine.timer_fired("pause")
        assert one.received() == b""
        server.clock.advance(1)
        server.engine.timer_fired("pause")
        assert one.received() == b"+PONG\r\n"
        assert two.received() == OK

    def test_a_pause_that_has_run_out_is_noticed_by_any_command(self) -> None:
        server = InProcess()
        one, two = server.client(), server.client()
        one.command("CLIENT", "PAUSE", 1000, "WRITE")
        one.command("SET", "k", "1")
        server.clock.advance(1000)
        assert two.command("SET", "k", "2") == OK
        assert one.received() == OK

    def test_clients_go_on_in_the_order_in_which_they_were_held(self) -> None:
        server = InProcess()
        clients = [server.client() for _ in range(4)]
        clients[0].command("CLIENT", "PAUSE", 1000, "WRITE")
        order = [3, 1, 2]
        for index in order:
            clients[index].command("SET", "k", str(index))
        clients[0].command("CLIENT", "UNPAUSE")
        assert clients[0].command("GET", "k") == b"$-1\r\n"
        for index in order:
            assert clients[index].received() == OK
            assert clients[0].command("GET", "k") == b"$1\r\n%d\r\n" % index

    def test_who_waits_longest_is_woken_first(self) -> None:
        server = InProcess()
        clients = [server.client() for _ in range(4)]
        clients[0].command("CLIENT", "PAUSE", 1000)
        for index in (2, 3, 1):
            clients[index].command("PING")
        assert [ctx.client_id for ctx in server.engine.postponed] == [3, 4, 2]
        server.engine.unpause()
        assert [client.wire.wants_slice for client in clients] == [False, True, True, True]
        assert not server.engine.postponed

    def test_the_stricter_kind_and_the_later_end_win(self) -> None:
        server = InProcess()
        one = server.client()
        one.command("CLIENT", "PAUSE", 1000, "WRITE")
        one.command("CLIENT", "PAUSE", 10, "ALL")
        assert one.command("PING") == b""
        server.clock.advance(999)
        assert server.engine.is_paused()
        server.clock.advance(1)
        assert not server.engine.is_paused()
        assert one.received() == b"+PONG\r\n"
        one.command("CLIENT", "PAUSE", 100, "ALL")
        two = server.client()
        assert two.command("CLIENT", "PAUSE", 1000, "WRITE") == b""

    def test_a_transaction_counts_as_what_it_queued(self) -> None:
        server = InProcess()
        one, two = server.client(), server.client()
        one.command("MULTI")
        one.command("SET", "k", "v")
        two.command("CLIENT", "PAUSE", 1000, "WRITE")
        assert one.command("EXEC") == b""
        two.command("CLIENT", "UNPAUSE")
        assert one.received() == b"*1\r\n+OK\r\n"

    def test_a_pause_within_a_transaction_does_not_hold_its_rest(self) -> None:
        server = InProcess()
        one = server.client()
        for words in (["MULTI"], ["CLIENT", "PAUSE", "1000"], ["SET", "k", "v"]):
            one.command(*words)
        assert one.command("EXEC") == b"*2\r\n+OK\r\n+OK\r\n"
        assert one.command("PING") == b""

    def test_while_queueing_writes_wait_too(self) -> None:
        server = InProcess()
        one, two = server.client(), server.client()
        two.command("CLIENT", "PAUSE", 1000, "WRITE")
        assert one.command("MULTI") == OK
        assert one.command("SET", "k", "v") == b""
        assert one.command("EXEC") == b""
        two.command("CLIENT", "UNPAUSE")
        assert one.received() == b"+QUEUED\r\n*1\r\n+OK\r\n"

    def test_a_killed_client_is_not_woken(self) -> None:
        server = InProcess()
        one, two = server.client(), server.client()
        one.command("CLIENT", "PAUSE", 1000, "WRITE")
        two.command("SET", "k", "v")
        assert one.command("CLIENT", "KILL", "ID", 2) == b":1\r\n"
        one.command("CLIENT", "UNPAUSE")
        assert not two.wire.wants_slice
        assert one.command("GET", "k") == b"$-1\r\n"

    def test_the_host_is_asked_for_a_timer(self) -> None:
        host = TimerHost()
        server = InProcess(host=host)
        one = server.client()
        one.command("CLIENT", "PAUSE", 1500, "WRITE")
        assert host.timers == {"pause": 1.5}
        server.clock.advance(1490)
        server.engine.timer_fired("pause")
        assert host.timers == {"pause": 0.01}

    @pytest.mark.parametrize(
        ("words", "error"),
        [
            ([], b"wrong number of arguments for 'client|pause' command"),
            (["x"], b"timeout is not an integer or out of range"),
            (["1.5"], b"timeout is not an integer or out of range"),
            (["99999999999999999999"], b"timeout is not an integer or out of range"),
            (["9223372036854775807"], b"timeout is out of range"),
            (["-1"], b"timeout is negative"),
            (["1", "foo"], b"CLIENT PAUSE mode must be WRITE or ALL"),
            (["x", "foo"], b"CLIENT PAUSE mode must be WRITE or ALL"),
            (
                ["1", "WRITE", "x"],
                b"unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP.",
            ),
        ],
    )
    def test_refuses(self, words: list[str], error: bytes) -> None:
        server = InProcess()
        assert server.client().command("CLIENT", "PAUSE", *words) == b"-ERR " + error + b"\r\n"
        assert not server.engine.is_paused()

    def test_no_time_is_no_pause(self) -> None:
        server = InProcess()
        client = server.client()
        assert client.command("CLIENT", "PAUSE", 0) == OK
        assert client.command("SET", "k", "v") == OK
        assert client.command("CLIENT", "UNPAUSE") == OK


class TestTheRest:
    @pytest.mark.parametrize("subcommand", ["NO-EVICT", "NO-TOUCH"])
    def test_switches(self, subcommand: str) -> None:
        client = InProcess().client()
        assert client.command("CLIENT", subcommand, "ON") == OK
        assert info(client)["flags"] in ("e", "T")
        assert client.command("CLIENT", subcommand, "off") == OK
        assert info(client)["flags"] == "N"
        assert client.command("CLIENT", subcommand, "x") == SYNTAX

    @pytest.mark.parametrize(
        ("words", "reply"),
        [
            (["99"], b":0\r\n"),
            (["1"], b":0\r\n"),
            (["99", "timeout"], b":0\r\n"),
            (["99", "ERROR"], b":0\r\n"),
            (["x"], b"-ERR value is not an integer or out of range\r\n"),
            (["x", "foo"], b"-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n"),
            (
                ["1", "ERROR", "x"],
                b"-ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.\r\n",
            ),
        ],
    )
    def test_unblock(self, words: list[str], reply: bytes) -> None:
        assert InProcess().client().command("CLIENT", "UNBLOCK", *words) == reply

    def test_unblock_leaves_a_paused_client_alone(self) -> None:
        server = InProcess()
        one, two = server.client(), server.client()
        one.command("CLIENT", "PAUSE", 1000, "WRITE")
        two.command("SET", "k", "v")
        assert one.command("CLIENT", "UNBLOCK", 2) == b":0\r\n"
        one.command("CLIENT", "UNPAUSE")
        assert two.received() == OK

    def test_getredir_without_tracking(self) -> None:
        assert InProcess().client().command("CLIENT", "GETREDIR") == b":-1\r\n"

    def test_help_is_an_array_of_status_lines(self) -> None:
        reply = InProcess().client().command("CLIENT", "HELP")
        assert reply.startswith(
            b"*58\r\n+CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n"
        )
        assert reply.endswith(b"+HELP\r\n+    Prints this help.\r\n")
        assert len(re.findall(rb"\+[^\r\n]*\r\n", reply)) == 58

    def test_unknown_subcommands(self) -> None:
        client = InProcess().client()
        assert client.command("CLIENT", "FOO", "x") == (
            b"-ERR unknown subcommand 'FOO'. Try CLIENT HELP.\r\n"
        )
        assert client.command("CLIENT") == b"-ERR wrong number of arguments for 'client' command\r\n"
