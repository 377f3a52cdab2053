"""The session alone, on a wire in memory: order, slices, waiting, limits, ends."""

from __future__ import annotations

import pytest

from pyredis.engine.context import Context
from pyredis.server.session import HOLD_BLOCKED, HOLD_DRAIN, HOLD_NONE, HOLD_PAUSED, HOLD_SLICE, UNREAD_BYTES
from tests.support.inprocess import Client, InProcess, encode_command

PING = encode_command("PING")
PONG = b"+PONG\r\n"
MEGABYTE = 1 << 20


def message(text: bytes) -> bytes:
    return b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$%d\r\n%b\r\n" % (len(text), text)


def subscriber(server: InProcess) -> Client:
    client = server.client()
    client.command("SUBSCRIBE", "a")
    return client


def broken(ctx: Context, argv: list[bytes]) -> bytes:
    raise RuntimeError("broken on purpose")


def publishes_and_breaks(ctx: Context, argv: list[bytes]) -> bytes:
    ctx.engine.pubsub.publish(b"a", b"1")
    raise RuntimeError("broken on purpose")


def waiting(ctx: Context, argv: list[bytes]) -> None:
    """A handler whose reply comes later."""


class TestPipelining:
    def test_replies_come_in_order_and_in_one_write(self) -> None:
        client = InProcess().client()
        requests = [encode_command("SET", "k", n) + encode_command("GET", "k") for n in range(50)]
        expected = b"".join(b"+OK\r\n$%d\r\n%d\r\n" % (len(str(n)), n) for n in range(50))
        assert client.send(b"".join(requests)) == expected
        assert client.session.writes == 1 + client.wire.slices  # a busy machine may cut it into slices

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
    def test_however_the_bytes_are_cut(self, size: int) -> None:
        client = InProcess().client()
        data = encode_command("SET", "k", b"\r\n$5\r\n") + encode_command("GET", "k") + b"PING\r\n"
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        assert b"".join(client.send(piece) for piece in pieces) == b"+OK\r\n$6\r\n\r\n$5\r\n\r\n+PONG\r\n"

    def test_nothing_to_say_is_no_write(self) -> None:
        client = InProcess().client()
        client.send(b"\r\n*0\r\n*1\r\n$4\r\nPI")
        client.send(b"N")
        assert client.session.writes == 0

    def test_large_replies_leave_before_the_batch_ends(self) -> None:
        server = InProcess()
        client = server.client()
        client.command("SET", "k", b"x" * MEGABYTE)
        writes = client.session.writes
        client.send(encode_command("GET", "k") * 4)
        assert client.session.writes >= writes + 3


class TestSlices:
    REQUESTS = 200_000

    def test_a_huge_pipeline_gives_way(self) -> None:
        client = InProcess().client()
        client.session.receive(b"PING\r\n" * self.REQUESTS)
        done = len(client.wire.sent) // len(PONG)
        assert 0 < done < self.REQUESTS
        assert client.session.hold == HOLD_SLICE
        assert client.wire.wants_slice
        assert not client.wire.is_reading

    def test_and_goes_on_to_the_end(self) -> None:
        client = InProcess().client()
        assert client.send(b"PING\r\n" * self.REQUESTS) == PONG * self.REQUESTS
        assert client.session.hold == HOLD_NONE
        assert client.wire.is_reading

    def test_others_are_served_in_between(self) -> None:
        server = InProcess()
        busy, other = server.client(), server.client()
        busy.session.receive(encode_command("SET", "k", "v") * self.REQUESTS)
        assert other.command("GET", "k") == b"$1\r\nv\r\n"
        assert busy.wire.wants_slice

    def test_what_arrives_meanwhile_waits_its_turn(self) -> None:
        client = InProcess().client()
        client.session.receive(b"PING\r\n" * self.REQUESTS)
        client.session.receive(b"ECHO last\r\n")
        assert client.received().endswith(PONG + b"$4\r\nlast\r\n")

    def test_a_client_that_goes_meanwhile_stays_gone(self) -> None:
        server = InProcess()
        busy = server.client()
        busy.session.receive(b"PING\r\n" * self.REQUESTS)
        server.client().command("CLIENT", "KILL", "ID", 1)
        sent = len(busy.wire.sent)
        busy.session.resume()
        assert len(busy.wire.sent) == sent


class TestPausedAndBlocked:
    def test_a_postponed_request_keeps_what_follows(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        other.command("CLIENT", "PAUSE", 1000, "WRITE")
        assert client.send(PING + encode_command("SET", "k", "v") + PING) == PONG
        assert client.session.hold == HOLD_PAUSED
        assert client.send(PING) == b""
        assert client.wire.is_reading  # else nobody would notice that the peer has gone
        other.command("CLIENT", "UNPAUSE")
        assert client.received() == b"+OK\r\n" + PONG * 2
        assert client.session.hold == HOLD_NONE

    def test_a_request_may_be_postponed_again(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        other.command("CLIENT", "PAUSE", 1000, "WRITE")
        client.command("SET", "k", "v")
        server.engine.unpause()
        other.command("CLIENT", "PAUSE", 1000, "WRITE")
        assert client.received() == b""
        assert client.session.is_blocked
        other.command("CLIENT", "UNPAUSE")
        assert client.received() == b"+OK\r\n"
        assert not client.session.is_blocked

    def test_the_arguments_of_a_postponed_request_are_accounted_for(self) -> None:
        server = InProcess()
        client = server.client()
        server.engine.pause(2, server.clock.now_ms + 1000)
        client.command("SET", "key", "value")
        assert client.session.argv_bytes() == 11

    def test_a_blocked_request_keeps_what_follows_until_its_reply_comes(self) -> None:
        server = InProcess()
        client = server.client()
        server.engine.commands[b"get"].handler = waiting  # type: ignore[assignment]
        assert client.send(PING + encode_command("GET", "k") + PING) == PONG
        assert client.session.hold == HOLD_BLOCKED
        client.session.resume()
        client.session.drained()
        assert client.send(PING) == b""
        client.session.unblocked(b"$4\r\nlate\r\n")
        assert client.received() == b"$4\r\nlate\r\n" + PONG * 2
        assert client.session.hold == HOLD_NONE

    def test_a_late_reply_respects_the_reply_mode(self) -> None:
        server = InProcess()
        client = server.client()
        server.engine.commands[b"get"].handler = waiting  # type: ignore[assignment]
        client.command("CLIENT", "REPLY", "SKIP")
        client.command("GET", "k")
        client.session.unblocked(b"$4\r\nlate\r\n")
        assert client.received() == b""
        assert client.command("PING") == PONG


class TestMessages:
    def test_outside_of_requests_they_leave_at_once(self) -> None:
        server = InProcess()
        client = subscriber(server)
        server.engine.pubsub.publish(b"a", b"1")
        assert client.received() == message(b"1")
        assert server.engine.unsent == []

    def test_within_a_slice_they_gather(self) -> None:
        server = InProcess()
        client, publisher = subscriber(server), server.client()
        writes = client.session.writes
        publisher.send(b"PUBLISH a 1\r\n" + PING + b"PUBLISH a 2\r\n")
        assert client.received() == message(b"1") + message(b"2")
        assert client.session.writes == writes + 1 + publisher.wire.slices

    def test_much_of_them_does_not_wait_for_the_end(self) -> None:
        server = InProcess()
        client, publisher = subscriber(server), server.client()
        writes = client.session.writes
        body = b"x" * (MEGABYTE // 2)
        publisher.send(b"".join([b"MULTI\r\n", *[encode_command("PUBLISH", "a", body)] * 6, b"EXEC\r\n"]))
        assert client.received() == message(body) * 6
        assert client.session.writes == writes + 3

    def test_stand_between_the_replies_of_a_client_that_is_held(self) -> None:
        server = InProcess()
        client, publisher = server.client(3), server.client()
        client.command("SUBSCRIBE", "a")
        publisher.command("CLIENT", "PAUSE", 1000, "WRITE")
        assert client.send(PING + encode_command("SET", "k", "v") + PING) == PONG
        server.engine.pubsub.publish(b"a", b"1")
        assert client.received() == b">" + message(b"1")[1:]
        publisher.command("CLIENT", "UNPAUSE")
        assert client.received() == b"+OK\r\n" + PONG

    def test_a_subscriber_over_its_limit_goes_and_the_others_hear_on(self) -> None:
        server = InProcess((b"client-output-buffer-limit", b"pubsub 1000 0 0"))
        clients = [subscriber(server) for _ in range(3)]
        publisher = server.client()
        clients[1].session.is_congested = True
        clients[1].wire.pending = 1001
        assert publisher.command("PUBLISH", "a", "1") == b":3\r\n"
        assert clients[1].wire.is_aborted
        assert publisher.command("PUBLISH", "a", "2") == b":2\r\n"
        assert clients[0].received() == clients[2].received() == message(b"1") + message(b"2")

    def test_messages_to_a_dead_client_are_dropped(self) -> None:
        server = InProcess()
        client = subscriber(server)
        publisher = server.client()
        publisher.send(b"MULTI\r\nPUBLISH a 1\r\nCLIENT KILL TYPE pubsub SKIPME yes\r\nEXEC\r\n")
        assert client.received() == b""
        client.session.push(message(b"2"))
        assert client.received() == b""


class TestProtocolErrors:
    ERROR = b"-ERR Protocol error: invalid multibulk length\r\n"

    def test_what_came_before_is_answered(self) -> None:
        client = InProcess().client()
        assert client.send(PING + PING + b"*x\r\n" + PING) == PONG + PONG + self.ERROR
        assert client.wire.is_closed
        assert not client.wire.is_aborted
        assert client.send(PING) == b""

    def test_is_counted_as_an_error(self) -> None:
        server = InProcess()
        server.client().send(b"*x\r\n")
        assert server.engine.error_counts == {b"ERR": 1}

    @pytest.mark.parametrize("mode", ["OFF", "SKIP"])
    def test_silenced_clients_are_only_closed(self, mode: str) -> None:
        client = InProcess().client()
        client.command("CLIENT", "REPLY", mode)
        assert client.send(b"*x\r\n") == b""
        assert client.wire.is_closed

    def test_waits_behind_a_postponed_request(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        other.command("CLIENT", "PAUSE", 1000, "WRITE")
        assert client.send(encode_command("SET", "k", "v") + b"*x\r\n") == b""
        other.command("CLIENT", "UNPAUSE")
        assert client.received() == b"+OK\r\n" + self.ERROR
        assert client.wire.is_closed


class TestEnds:
    def test_nothing_is_read_after_quit(self) -> None:
        server = InProcess()
        client = server.client()
        assert client.send(encode_command("QUIT") + encode_command("SET", "k", "v")) == b"+OK\r\n"
        client.send(encode_command("SET", "k", "v"))
        assert server.client().command("GET", "k") == b"$-1\r\n"

    def test_an_internal_error_ends_one_connection_only(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        server.engine.commands[b"get"].handler = broken
        assert client.send(PING + encode_command("GET", "k") + PING) == PONG + b"-ERR internal error\r\n"
        assert client.wire.is_closed
        assert not server.engine.is_busy
        assert other.command("PING") == PONG

    def test_an_internal_error_loses_no_message(self) -> None:
        server = InProcess()
        client = server.client(3)
        client.command("SUBSCRIBE", "a")
        server.engine.commands[b"get"].handler = publishes_and_breaks
        assert client.send(encode_command("GET", "k")) == b"-ERR internal error\r\n>" + message(b"1")[1:]

    def test_an_internal_error_within_a_transaction_leaves_no_transaction(self) -> None:
        server = InProcess()
        client = server.client()
        server.engine.commands[b"get"].handler = broken
        client.send(b"MULTI\r\nGET k\r\nEXEC\r\n")
        assert client.wire.is_closed
        assert client.session.queue is None
        assert not client.session.in_exec

    def test_a_killed_client_is_forgotten_at_once(self) -> None:
        server = InProcess()
        client = subscriber(server)
        client.command("WATCH", "k")
        client.session.close(False)
        assert server.engine.clients == {}
        assert server.engine.pubsub.channels.listeners == {}
        client.disconnect()  # the transport says so later
        assert server.engine.clients == {}

    def test_closing_after_the_reply_sends_what_there_is(self) -> None:
        client = InProcess().client()
        client.session.out.append(PONG)
        client.session.close(True)
        assert bytes(client.wire.sent) == PONG
        assert client.wire.is_closed
        assert not client.wire.is_aborted


class TestLimits:
    def test_a_query_buffer_over_its_limit(self) -> None:
        server = InProcess((b"client-query-buffer-limit", b"1mb"))
        client = server.client()
        client.send(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (4 * MEGABYTE))
        client.send(b"x" * MEGABYTE)
        assert not client.wire.is_closed
        client.send(b"x")
        assert client.wire.is_aborted
        assert server.engine.statistics.query_limit_closed == 1
        assert server.engine.clients == {}

    def test_what_multi_has_queued_counts(self) -> None:
        server = InProcess((b"client-query-buffer-limit", b"1mb"))
        client = server.client()
        client.command("MULTI")
        for _ in range(15):
            assert client.command("SET", "k", b"x" * (MEGABYTE // 16)) == b"+QUEUED\r\n"
        client.command("SET", "k", b"x" * (MEGABYTE // 16))
        assert client.wire.is_aborted

    def test_strangers_may_send_a_megabyte(self) -> None:
        server = InProcess((b"requirepass", b"sekret"))
        client = server.client()
        client.session.parser.authenticated = True  # the parser's own limits for strangers come first
        client.send(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (4 * MEGABYTE))
        client.send(b"x" * MEGABYTE)
        assert not client.wire.is_closed
        client.send(b"x")
        assert client.wire.is_aborted
        assert server.engine.statistics.query_limit_closed == 1

    def test_the_longest_bulk_follows_the_configuration(self) -> None:
        server = InProcess()
        client = server.client()
        server.config.set_many([(b"proto-max-bulk-len", b"1mb")])
        assert client.send(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (MEGABYTE + 1)) == (
            b"-ERR Protocol error: invalid bulk length\r\n"
        )

    def test_unread_output_over_the_hard_limit(self) -> None:
        server = InProcess((b"client-output-buffer-limit", b"normal 1000 0 0"))
        client = server.client()
        client.session.is_congested = True
        client.wire.pending = 1000
        assert client.command("PING") == PONG
        client.wire.pending = 1001
        client.command("PING")
        assert client.wire.is_aborted
        assert server.engine.statistics.output_limit_closed == 1

    def test_unread_output_over_the_soft_limit_for_too_long(self) -> None:
        server = InProcess((b"client-output-buffer-limit", b"normal 0 1000 10"))
        client = server.client()
        client.session.is_congested = True
        client.wire.pending = 2000
        client.session.check_limits()
        server.clock.advance(9_999)
        client.session.check_limits()
        assert not client.wire.is_closed
        client.wire.pending = 0
        client.session.check_limits()
        client.wire.pending = 2000
        server.clock.advance(9_999)
        client.session.check_limits()
        assert not client.wire.is_closed
        server.clock.advance(10_000)
        client.session.check_limits()
        assert client.wire.is_aborted

    def test_who_does_not_read_waits(self) -> None:
        client = InProcess().client()
        client.session.is_congested = True
        client.wire.pending = UNREAD_BYTES + 1
        assert client.command("PING") == PONG
        assert client.session.hold == HOLD_DRAIN
        assert not client.wire.is_reading
        assert client.command("PING") == b""
        client.session.resume()
        assert client.received() == b""
        client.wire.pending = 0
        client.session.drained()
        assert client.received() == PONG
        assert client.wire.is_reading

    def test_who_does_not_read_waits_in_the_middle_of_a_pipeline(self) -> None:
        server = InProcess()
        client = server.client()
        client.command("SET", "k", b"x" * MEGABYTE)
        client.session.is_congested = True
        client.wire.pending = UNREAD_BYTES + 1
        reply = client.send(encode_command("GET", "k") * 3)
        assert len(reply) < 2 * MEGABYTE
        client.wire.pending = 0
        client.session.drained()
        assert len(reply + client.received()) == 3 * len(b"$1048576\r\n" + b"x" * MEGABYTE + b"\r\n")


class TestIdleClients:
    @pytest.fixture
    def server(self) -> InProcess:
        return InProcess((b"timeout", b"10"))

    def test_are_closed(self, server: InProcess) -> None:
        idle, busy = server.client(), server.client()
        server.clock.advance(10_000)
        busy.command("PING")
        server.clock.advance(1)
        for client in (idle, busy):
            client.session.check_limits()
        assert idle.wire.is_aborted
        assert not busy.wire.is_closed

    @pytest.mark.parametrize("subscribe", ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"])
    def test_unless_they_subscribe(self, server: InProcess, subscribe: str) -> None:
        client = server.client()
        client.command(subscribe, "a")
        server.clock.advance(100_000)
        client.session.check_limits()
        assert not client.wire.is_closed

    def test_unless_they_are_held(self, server: InProcess) -> None:
        client = server.client()
        server.engine.pause(2, server.clock.now_ms + 1_000_000)
        client.command("PING")
        server.clock.advance(100_000)
        client.session.check_limits()
        assert not client.wire.is_closed
