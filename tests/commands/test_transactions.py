"""Transactions, in process: queueing, running, failing, watching, and what is handed to the log."""

from __future__ import annotations

import pytest

from pyredis.engine.command import NO_MULTI
from pyredis.engine.engine import PropagationSink
from tests.support.inprocess import Client, InProcess

OK = b"+OK\r\n"
QUEUED = b"+QUEUED\r\n"
ABORTED = b"-EXECABORT Transaction discarded because of previous errors.\r\n"
NO_TRANSACTION = b"-ERR EXEC without MULTI\r\n"


class RecordingSink(PropagationSink):
    """Keeps every unit that it was handed."""

    def __init__(self) -> None:
        self.units: list[list[tuple[int, list[bytes]]]] = []

    def write(self, commands: list[tuple[int, list[bytes]]]) -> None:
        self.units.append(commands)


def run(client: Client, *commands: str) -> list[bytes]:
    return [client.command(*command.split()) for command in commands]


class TestQueueing:
    def test_runs_everything_and_answers_in_one_array(self) -> None:
        client = InProcess().client()
        assert run(client, "MULTI", "SET k v", "GET k", "PING", "EXEC") == [
            OK, QUEUED, QUEUED, QUEUED, b"*3\r\n+OK\r\n$1\r\nv\r\n+PONG\r\n",
        ]  # fmt: skip
        assert run(client, "EXEC") == [NO_TRANSACTION]

    def test_an_empty_transaction(self) -> None:
        assert run(InProcess().client(), "MULTI", "EXEC") == [OK, b"*0\r\n"]

    def test_nothing_happens_before_exec(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        run(client, "MULTI", "SET k v")
        assert run(other, "GET k") == [b"$-1\r\n"]
        assert run(client, "DISCARD", "GET k") == [OK, b"$-1\r\n"]

    def test_nesting_is_an_error_that_dooms_nothing(self) -> None:
        client = InProcess().client()
        assert run(client, "MULTI", "MULTI", "WATCH k", "PING", "EXEC") == [
            OK,
            b"-ERR MULTI calls can not be nested\r\n",
            b"-ERR WATCH inside MULTI is not allowed\r\n",
            QUEUED,
            b"*1\r\n+PONG\r\n",
        ]

    def test_outside_of_one(self) -> None:
        client = InProcess().client()
        assert run(client, "EXEC", "DISCARD", "UNWATCH") == [
            NO_TRANSACTION, b"-ERR DISCARD without MULTI\r\n", OK,
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("mistake", "error"),
        [
            ("GET", b"-ERR wrong number of arguments for 'get' command\r\n"),
            ("NOSUCH", b"-ERR unknown command 'NOSUCH', with args beginning with: \r\n"),
            ("CLIENT NOSUCH", b"-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.\r\n"),
            ("MULTI x", b"-ERR wrong number of arguments for 'multi' command\r\n"),
            ("WATCH", b"-ERR wrong number of arguments for 'watch' command\r\n"),
        ],
    )
    def test_a_mistake_while_queueing_dooms_the_whole(self, mistake: str, error: bytes) -> None:
        client = InProcess().client()
        assert run(client, "MULTI", "SET k v", mistake, "SET k w", "EXEC", "GET k") == [
            OK, QUEUED, error, QUEUED, ABORTED, b"$-1\r\n",
        ]  # fmt: skip
        assert run(client, "MULTI", "PING", "EXEC") == [OK, QUEUED, b"*1\r\n+PONG\r\n"]

    def test_some_commands_are_not_allowed_inside(self) -> None:
        server = InProcess()
        client = server.client()
        server.engine.commands[b"ping"].flags |= NO_MULTI
        assert run(client, "PING", "MULTI", "PING", "EXEC") == [
            b"+PONG\r\n", OK, b"-ERR Command not allowed inside a transaction\r\n", ABORTED,
        ]  # fmt: skip

    def test_a_wrong_exec_ends_the_transaction_with_its_reason(self) -> None:
        client = InProcess().client()
        reason = (
            b"-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n"
        )
        assert run(client, "EXEC x", "MULTI", "SET k v", "EXEC x", "EXEC", "GET k") == [
            reason, OK, QUEUED, reason, NO_TRANSACTION, b"$-1\r\n",
        ]  # fmt: skip

    def test_a_wrong_exec_even_forgets_what_was_watched(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        run(client, "WATCH k", "EXEC x")
        run(other, "SET k v")
        assert run(client, "MULTI", "PING", "EXEC")[-1] == b"*1\r\n+PONG\r\n"

    def test_errors_while_running_are_replies_like_others(self) -> None:
        client = InProcess().client()
        assert run(client, "MULTI", "SET k v FOO", "SET k v", "HELLO 9", "GET k", "EXEC")[-1] == (
            b"*4\r\n-ERR syntax error\r\n+OK\r\n-NOPROTO unsupported protocol version\r\n$1\r\nv\r\n"
        )

    @pytest.mark.parametrize(
        ("last", "failures"), [("SET k v", b"failed_calls=1"), ("PING", b"failed_calls=0")]
    )
    def test_a_refusal_that_came_last_counts_as_a_failure_of_exec(self, last: str, failures: bytes) -> None:
        server = InProcess()
        client = server.client()
        run(client, "ACL SETUSER u on nopass +ping +auth")
        replies = run(client, "MULTI", "AUTH u x", "SET k v", last, "EXEC")
        assert b"-NOPERM" in replies[-1]
        stats = server.client().command("INFO", "commandstats").split(b"\r\n")
        (line,) = [line for line in stats if line.startswith(b"cmdstat_exec:")]
        assert failures in line

    def test_switching_the_protocol_inside(self) -> None:
        client = InProcess().client()
        reply = run(client, "MULTI", "GET k", "HELLO 3", "GET k", "EXEC")[-1]
        assert reply.startswith(b"*3\r\n$-1\r\n%7\r\n")
        assert reply.endswith(b"_\r\n")

    def test_the_size_of_what_is_queued_is_known(self) -> None:
        client = InProcess().client()
        run(client, "MULTI", "SET key value", "GET key")
        assert client.session.queued_bytes == 3 + 3 + 5 + 3 + 3
        run(client, "DISCARD")
        assert client.session.queued_bytes == 0

    def test_a_doomed_transaction_keeps_nothing(self) -> None:
        client = InProcess().client()
        assert run(client, "MULTI", "GET", "SET k v") == [
            OK, b"-ERR wrong number of arguments for 'get' command\r\n", QUEUED,
        ]  # fmt: skip
        assert client.session.queue == []

    def test_the_time_of_exec_is_that_of_all_it_ran(self) -> None:
        server = InProcess()
        client = server.client()
        run(client, "MULTI", *["SET k v"] * 50, "EXEC")
        commands = server.engine.commands
        assert commands[b"exec"].calls == 1
        assert commands[b"set"].calls == 50
        assert commands[b"exec"].seconds >= commands[b"set"].seconds > 0


class TestWatching:
    @pytest.mark.parametrize(("protocol", "null"), [(2, b"*-1\r\n"), (3, b"_\r\n")])
    def test_a_changed_key_makes_exec_answer_null(self, protocol: int, null: bytes) -> None:
        server = InProcess()
        client, other = server.client(protocol), server.client()
        run(client, "WATCH a b", "MULTI", "SET mine v")
        run(other, "SET b 1")
        assert run(client, "EXEC", "GET mine")[0] == null
        assert run(client, "MULTI", "PING", "EXEC")[-1] == b"*1\r\n+PONG\r\n"

    def test_other_keys_and_reads_do_no_harm(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        run(other, "SET a 1")
        run(client, "WATCH a")
        run(other, "GET a", "SET b 1", "SET a 2 NX")
        assert run(client, "MULTI", "PING", "EXEC")[-1] == b"*1\r\n+PONG\r\n"

    def test_the_own_changes_count_before_multi_and_not_inside(self) -> None:
        client = InProcess().client()
        assert run(client, "WATCH a", "SET a 1", "MULTI", "PING", "EXEC")[-1] == b"*-1\r\n"
        assert run(client, "WATCH a", "MULTI", "SET a 1", "GET a", "EXEC")[-1] == b"*2\r\n+OK\r\n$1\r\n1\r\n"

    @pytest.mark.parametrize("forget", ["UNWATCH", "DISCARD", "EXEC", "RESET"])
    def test_forgetting(self, forget: str) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        run(client, "WATCH a")
        if forget != "UNWATCH":
            run(client, "MULTI")
        run(client, forget)
        run(other, "SET a 1")
        assert run(client, "MULTI", "PING", "EXEC")[-1] == b"*1\r\n+PONG\r\n"
        assert not server.engine.keyspace.databases[0].watchers

    def test_unwatch_forgives_what_has_happened(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        run(client, "WATCH a")
        run(other, "SET a 1")
        assert run(client, "UNWATCH", "MULTI", "PING", "EXEC")[-1] == b"*1\r\n+PONG\r\n"

    def test_watching_more_forgives_nothing(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        run(client, "WATCH a")
        run(other, "SET a 1")
        assert run(client, "WATCH b", "MULTI", "PING", "EXEC")[-1] == b"*-1\r\n"

    def test_a_mistake_outranks_a_changed_key(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        run(client, "WATCH a", "MULTI", "NOSUCH")
        run(other, "SET a 1")
        assert run(client, "EXEC") == [ABORTED]

    def test_keys_of_several_databases(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        run(client, "WATCH a")
        client.session.select(1)
        run(client, "WATCH a")
        other.session.select(2)
        run(other, "SET a 1")
        assert run(client, "MULTI", "PING", "EXEC")[-1] == b"*1\r\n+PONG\r\n"
        run(client, "WATCH a")
        client.session.select(0)
        other.session.select(1)
        run(other, "SET a 1")
        assert run(client, "MULTI", "PING", "EXEC")[-1] == b"*-1\r\n"

    def test_many_watchers_of_a_key(self) -> None:
        server = InProcess()
        clients = [server.client() for _ in range(4)]
        for client in clients:
            run(client, "WATCH a", "MULTI", "PING")
        run(clients[1], "DISCARD", "SET a 1", "MULTI")
        replies = [run(client, "EXEC")[0] for client in clients]
        assert replies == [b"*-1\r\n", b"*0\r\n", b"*-1\r\n", b"*-1\r\n"]

    def test_the_end_of_a_connection_ends_its_watch(self) -> None:
        server = InProcess()
        client = server.client()
        run(client, "WATCH a b", "MULTI", "PING")
        client.disconnect()
        assert not server.engine.keyspace.databases[0].watchers

    def test_watching_very_many_keys_takes_linear_time(self) -> None:
        server = InProcess()
        client = server.client()
        keys = [b"key:%d" % n for n in range(20_000)]
        assert client.command("WATCH", *keys) == OK
        assert client.command("WATCH", *keys) == OK
        assert len(client.session.watch.keys) == 20_000
        assert client.command("UNWATCH") == OK
        assert not server.engine.keyspace.databases[0].watchers


class TestExpiryOfWatchedKeys:
    def test_a_key_that_expires_has_changed(self) -> None:
        server = InProcess()
        client = server.client()
        run(client, "SET a 1 PX 100", "WATCH a")
        server.clock.advance(99)
        assert run(client, "MULTI", "PING", "EXEC")[-1] == b"*1\r\n+PONG\r\n"
        run(client, "WATCH a", "MULTI", "PING")
        server.clock.advance(1)
        assert run(client, "EXEC") == [b"*-1\r\n"]

    def test_removing_the_expired_key_is_the_same_change(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        run(client, "SET a 1 PX 100", "WATCH a")
        server.clock.advance(100)
        run(other, "GET a")
        assert run(client, "MULTI", "PING", "EXEC")[-1] == b"*-1\r\n"

    def test_a_key_that_was_expired_before_does_not_exist(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        run(client, "SET a 1 PX 100")
        server.clock.advance(100)
        run(client, "WATCH a", "MULTI", "PING")
        run(other, "GET a")
        assert run(client, "EXEC") == [b"*1\r\n+PONG\r\n"]

    def test_creating_it_anew_is_a_change(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        run(client, "SET a 1 PX 100")
        server.clock.advance(100)
        run(client, "WATCH a", "MULTI", "PING")
        run(other, "SET a 2")
        assert run(client, "EXEC") == [b"*-1\r\n"]


class TestWholeDatabases:
    """FLUSHDB and SWAPDB, by what they do to a database."""

    def test_emptying_changes_only_the_keys_that_were_there(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        run(other, "SET a 1")
        run(client, "WATCH nope", "MULTI", "PING")
        server.engine.keyspace.databases[0].flush()
        assert run(client, "EXEC") == [b"*1\r\n+PONG\r\n"]
        run(other, "SET a 1")
        run(client, "WATCH a", "MULTI", "PING")
        server.engine.keyspace.databases[1].flush()
        server.engine.keyspace.databases[0].flush()
        assert run(client, "EXEC") == [b"*-1\r\n"]

    def test_emptying_removes_an_expired_key_without_a_change(self) -> None:
        server = InProcess()
        client = server.client()
        run(client, "SET a 1 PX 100")
        server.clock.advance(100)
        run(client, "WATCH a", "MULTI", "PING")
        server.engine.keyspace.databases[0].flush()
        assert run(client, "EXEC") == [b"*1\r\n+PONG\r\n"]

    @pytest.mark.parametrize(
        ("here", "there", "changed"),
        [("", "", False), ("1", "", True), ("", "1", True), ("1", "1", True)],
    )
    def test_swapping_changes_a_key_that_is_in_either(self, here: str, there: str, changed: bool) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        other.session.select(1)
        if here:
            run(client, "SET a " + here)
        if there:
            run(other, "SET a " + there)
        run(client, "WATCH a", "MULTI", "PING")
        server.engine.keyspace.swap(0, 1)
        assert run(client, "EXEC") == [b"*-1\r\n" if changed else b"*1\r\n+PONG\r\n"]

    def test_swapping_with_oneself_changes_nothing(self) -> None:
        server = InProcess()
        client = server.client()
        run(client, "SET a 1", "WATCH a", "MULTI", "PING")
        server.engine.keyspace.swap(0, 0)
        assert run(client, "EXEC") == [b"*1\r\n+PONG\r\n"]

    def test_swapping_expired_keys(self) -> None:
        server = InProcess()
        watcher, client, other = server.client(), server.client(), server.client()
        other.session.select(1)
        run(other, "SET a 1 PX 100", "SET b 1 PX 100")
        run(client, "SET b 1 PX 100", "SET c 1 PX 100")
        server.clock.advance(100)
        # Absent becomes expired, expired stays expired, expired goes: to a client all of it is nothing.
        run(watcher, "WATCH a b c", "MULTI", "PING")
        server.engine.keyspace.swap(0, 1)
        run(client, "GET a", "GET b", "GET c")
        assert run(watcher, "EXEC") == [b"*1\r\n+PONG\r\n"]

    def test_swapping_in_a_live_key_for_an_expired_one(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        other.session.select(1)
        run(client, "SET a 1 PX 100")
        run(other, "SET a 2")
        server.clock.advance(100)
        run(client, "WATCH a", "MULTI", "PING")
        server.engine.keyspace.swap(0, 1)
        assert run(client, "EXEC") == [b"*-1\r\n"]


class TestPropagation:
    @pytest.fixture
    def server(self) -> InProcess:
        return InProcess()

    @pytest.fixture
    def sink(self, server: InProcess) -> RecordingSink:
        sink = RecordingSink()
        server.engine.add_sink(sink)
        return sink

    def test_what_a_transaction_changed_is_one_unit(self, server: InProcess, sink: RecordingSink) -> None:
        run(server.client(), "MULTI", "SET a 1", "GET a", "SET b 2", "EXEC")
        assert sink.units == [[(0, [b"SET", b"a", b"1"]), (0, [b"SET", b"b", b"2"])]]

    def test_reading_is_not_logged(self, server: InProcess, sink: RecordingSink) -> None:
        run(
            server.client(),
            "WATCH a",
            "MULTI",
            "GET a",
            "PING",
            "EXEC",
            "MULTI",
            "EXEC",
            "MULTI",
            "SET a",
            "EXEC",
        )
        assert sink.units == []

    def test_effects_stand_for_their_commands(self, server: InProcess, sink: RecordingSink) -> None:
        deadline = server.clock.now_ms + 5000
        run(server.client(), "MULTI", "SET a 1 PX 5000", "SET b 2", "EXEC")
        assert sink.units == [
            [(0, [b"SET", b"a", b"1", b"PXAT", b"%d" % deadline]), (0, [b"SET", b"b", b"2"])]
        ]

    def test_errors_while_running_leave_no_trace(self, server: InProcess, sink: RecordingSink) -> None:
        run(server.client(), "MULTI", "SET a 1", "SET a 2 FOO", "SET b 2", "EXEC")
        assert sink.units == [[(0, [b"SET", b"a", b"1"]), (0, [b"SET", b"b", b"2"])]]

    def test_a_key_found_expired_inside_is_part_of_the_unit(
        self, server: InProcess, sink: RecordingSink
    ) -> None:
        client = server.client()
        run(client, "SET a 1 PX 100")
        sink.units.clear()
        server.clock.advance(100)
        run(client, "MULTI", "GET a", "SET b 1", "EXEC")
        assert sink.units == [[(0, [b"DEL", b"a"]), (0, [b"SET", b"b", b"1"])]]

    def test_after_an_internal_error_the_log_goes_on(self, server: InProcess, sink: RecordingSink) -> None:
        client, other = server.client(), server.client()
        command = server.engine.commands[b"get"]
        original = command.handler

        def broken(ctx: object, argv: list[bytes]) -> bytes:
            raise RuntimeError("broken on purpose")

        command.handler = broken
        run(client, "MULTI", "SET a 1", "GET a")
        assert run(client, "EXEC") == [b"-ERR internal error\r\n"]
        assert client.wire.is_closed
        command.handler = original
        run(other, "SET b 2")
        assert sink.units[-1][-1] == (0, [b"SET", b"b", b"2"])
        assert server.engine.propagation_depth == 0

    def test_without_a_log_effects_are_not_kept(self) -> None:
        client = InProcess().client()
        run(client, *["SET a 1 PX 5000"] * 3, "MULTI", "SET a 1 PX 1", "EXEC")
        assert not client.session.effects
