"""What one client may not do to the others: take all connections, all memory, or sit there for ever."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.server.network import PATIENCE, answer, eventually, info, is_closed, slow_reader
from tests.support.servers import PyredisServer
from tests.support.wire import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

MEGABYTE = 1 << 20
UNREAD_MEGABYTES = 256
"""The backstop of pyredis/server/session.py for clients without a limit of their own."""


@pytest.fixture(scope="module")
def server() -> Iterator[PyredisServer]:
    with PyredisServer() as server:
        yield server


@pytest.fixture(scope="module")
def locked() -> Iterator[PyredisServer]:
    with PyredisServer("--requirepass", "secret") as server:
        yield server


def test_maxclients_turns_the_next_one_away() -> None:
    with PyredisServer("--maxclients", "3") as server:
        first, second, third = (server.connect() for _ in range(3))
        for client in (first, second, third):
            assert client.command("PING") == b"+PONG\r\n"
        with server.connect() as fourth:
            assert fourth.read_until_close() == b"-ERR max number of clients reached\r\n"
        assert info(first, "rejected_connections") == "1"
        third.close()
        eventually(lambda: info(first, "connected_clients") == "2", "the third has left")
        with server.connect() as fourth:
            assert fourth.command("PING") == b"+PONG\r\n"
        assert first.command("CONFIG", "SET", "maxclients", 1) == b"+OK\r\n"
        assert second.command("PING") == b"+PONG\r\n"  # nobody is thrown out
        with server.connect() as fourth:
            assert fourth.read_until_close() == b"-ERR max number of clients reached\r\n"
        first.close()
        second.close()


def test_timeout_closes_idle_clients_but_no_subscribers(server: PyredisServer) -> None:
    with (
        server.connect(PATIENCE) as idle,
        server.connect(PATIENCE) as subscriber,
        server.connect() as control,
    ):
        assert idle.command("PING") == b"+PONG\r\n"
        assert subscriber.command("SUBSCRIBE", "c").startswith(b"*3\r\n$9\r\nsubscribe")
        assert control.command("CONFIG", "SET", "timeout", 1) == b"+OK\r\n"
        eventually(
            lambda: b" cmd=ping " not in control.command("CLIENT", "LIST"), "the idle client is closed"
        )
        assert idle.read_until_close() == b""
        assert control.command("PUBLISH", "c", "m") == b":1\r\n"
        assert subscriber.read_reply() == b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n"
        assert control.command("CONFIG", "SET", "timeout", 0) == b"+OK\r\n"


class TestBeforeAuthentication:
    """A stranger gets little memory: ten arguments of 16 KB."""

    def test_many_arguments(self, locked: PyredisServer) -> None:
        with locked.connect() as client:
            assert answer(client, b"*11\r\n") == b"-ERR Protocol error: unauthenticated multibulk length\r\n"

    def test_a_large_argument(self, locked: PyredisServer) -> None:
        with locked.connect() as client:
            data = b"*2\r\n$4\r\nECHO\r\n$16385\r\n"
            assert answer(client, data) == b"-ERR Protocol error: unauthenticated bulk length\r\n"

    def test_both_are_allowed_afterwards(self, locked: PyredisServer) -> None:
        with locked.connect() as client:
            assert client.command("GET", "k") == b"-NOAUTH Authentication required.\r\n"
            assert client.command("AUTH", "wrong").startswith(b"-WRONGPASS ")
            assert client.command("AUTH", "secret") == b"+OK\r\n"
            assert client.command("ECHO", "x" * 20_000) == b"$20000\r\n" + b"x" * 20_000 + b"\r\n"
            assert client.command("MGET", *["k"] * 20).startswith(b"*20\r\n")

    def test_the_password_is_checked_within_a_pipeline(self, locked: PyredisServer) -> None:
        with locked.connect() as client:
            client.send(
                encode("PING") + encode("AUTH", "secret") + encode("PING") + encode("ECHO", "x" * 20_000)
            )
            assert client.read_reply() == b"-NOAUTH Authentication required.\r\n"
            assert client.read_reply() == b"+OK\r\n"
            assert client.read_reply() == b"+PONG\r\n"
            assert client.read_reply().startswith(b"$20000\r\n")


class TestInput:
    """What is announced or begun and never finished."""

    def test_an_argument_of_two_gigabytes_is_refused(self, server: PyredisServer) -> None:
        with server.connect() as client:
            data = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2147483648\r\n"
            assert answer(client, data) == b"-ERR Protocol error: invalid bulk length\r\n"

    def test_an_announced_argument_takes_no_memory(self, server: PyredisServer) -> None:
        with server.connect() as control:
            assert control.command("CONFIG", "SET", "proto-max-bulk-len", "4gb") == b"+OK\r\n"
            before = server.rss_bytes()
            clients = [server.connect() for _ in range(50)]
            for client in clients:
                client.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2147483648\r\n" + b"x" * 1000)
            assert control.command("PING") == b"+PONG\r\n"
            assert server.rss_bytes() - before < 16 * MEGABYTE
            for client in clients:
                client.close()
            assert control.command("CONFIG", "SET", "proto-max-bulk-len", "512mb") == b"+OK\r\n"

    def test_the_query_buffer_limit_ends_a_request_that_never_ends(self, server: PyredisServer) -> None:
        with server.connect() as control:
            assert control.command("CONFIG", "SET", "client-query-buffer-limit", "1mb") == b"+OK\r\n"
            with server.connect(PATIENCE) as client:
                assert answer(client, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9000000\r\n" + b"x" * 3_000_000) == b""
            assert "Closing client that reached max query buffer length" in server.log()
            assert control.command("CONFIG", "SET", "client-query-buffer-limit", "1gb") == b"+OK\r\n"

    def test_a_line_without_an_end(self, server: PyredisServer) -> None:
        with server.connect() as client:
            assert answer(client, b"x" * 70_000) == b"-ERR Protocol error: too big inline request\r\n"

    def test_one_byte_at_a_time(self, server: PyredisServer) -> None:
        with server.connect() as client:
            for byte in encode("SET", "slow", "v\r\n") + encode("GET", "slow") + b"PING\r\n":
                client.send(bytes([byte]))
            assert client.read_reply() == b"+OK\r\n"
            assert client.read_reply() == b"$3\r\nv\r\n\r\n"
            assert client.read_reply() == b"+PONG\r\n"

    def test_everything_sent_before_the_end_of_input_is_answered(self, server: PyredisServer) -> None:
        with server.connect(PATIENCE) as client:
            client.send(b"PING\r\n" * 30_000)
            client.close_sending()
            assert client.read_until_close() == b"+PONG\r\n" * 30_000


class TestOutput:
    """Clients that ask and listen but never read."""

    def test_a_subscriber_over_the_hard_limit_is_closed(self, server: PyredisServer) -> None:
        limit = "pubsub 1mb 0 0"
        with server.connect() as control, slow_reader(server) as subscriber:
            assert control.command("CONFIG", "SET", "client-output-buffer-limit", limit) == b"+OK\r\n"
            subscriber.sendall(encode("SUBSCRIBE", "flood"))
            eventually(lambda: control.command("PUBLISH", "flood", "x") == b":1\r\n", "the subscription")
            before = server.rss_bytes()
            message = encode("PUBLISH", "flood", b"x" * 100_000)
            for _ in range(400):
                control.send(message)
                if control.read_reply() == b":0\r\n":
                    break
            else:
                raise AssertionError("the subscriber is still there after 40 MB")
            assert is_closed(subscriber)
            assert server.rss_bytes() - before < 24 * MEGABYTE
            log = server.log()
            assert "closed for overcoming of output buffer limits." in log
            assert (
                control.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60")
                == b"+OK\r\n"
            )

    def test_a_subscriber_over_the_soft_limit_has_some_seconds(self, server: PyredisServer) -> None:
        with server.connect() as control, slow_reader(server) as subscriber:
            limit = "pubsub 0 64kb 1"
            assert control.command("CONFIG", "SET", "client-output-buffer-limit", limit) == b"+OK\r\n"
            subscriber.sendall(encode("SUBSCRIBE", "trickle"))
            eventually(lambda: control.command("PUBLISH", "trickle", "x") == b":1\r\n", "the subscription")
            for _ in range(100):
                assert control.command("PUBLISH", "trickle", b"x" * 100_000) == b":1\r\n"
            eventually(lambda: control.command("PUBLISH", "trickle", "x") == b":0\r\n", "the close")
            assert is_closed(subscriber)
            assert (
                control.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 32mb 8mb 60")
                == b"+OK\r\n"
            )

    def test_a_limit_for_normal_clients(self, server: PyredisServer) -> None:
        with server.connect() as control, slow_reader(server) as reader:
            assert (
                control.command("CONFIG", "SET", "client-output-buffer-limit", "normal 8mb 0 0") == b"+OK\r\n"
            )
            assert control.command("SET", "big", b"x" * MEGABYTE) == b"+OK\r\n"
            reader.sendall(encode("GET", "big") * 60)
            eventually(lambda: info(control, "connected_clients") == "1", "the close")
            assert is_closed(reader)
            assert (
                control.command("CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0") == b"+OK\r\n"
            )

    def test_a_reply_over_the_hard_limit_is_not_sent_even_to_a_reader(self, server: PyredisServer) -> None:
        limits = "normal 200000 0 0 pubsub 100000 0 0"
        with server.connect() as control, server.connect() as reader, server.connect() as subscriber:
            control.command("SET", "big", b"x" * 150_000)
            assert control.command("CONFIG", "SET", "client-output-buffer-limit", limits) == b"+OK\r\n"
            assert len(reader.command("GET", "big")) == 150_011
            reader.send(encode("MULTI") + encode("GET", "big") * 2 + encode("EXEC"))
            assert reader.read_until_close() == b""
            subscriber.command("SUBSCRIBE", "loud")
            assert control.command("PUBLISH", "loud", b"x" * 99_000) == b":1\r\n"
            assert len(subscriber.read_reply()) > 99_000
            assert control.command("PUBLISH", "loud", b"x" * 120_000) == b":1\r\n"
            assert subscriber.read_until_close() == b""
            assert info(control, "client_output_buffer_limit_disconnections") != "0"
            limits = "normal 0 0 0 pubsub 32mb 8mb 60"
            assert control.command("CONFIG", "SET", "client-output-buffer-limit", limits) == b"+OK\r\n"

    def test_without_a_limit_requests_wait_for_the_reader(self) -> None:
        count = UNREAD_MEGABYTES + 150
        with PyredisServer() as server, server.connect() as control, slow_reader(server) as reader:
            assert control.command("SET", "big", b"x" * MEGABYTE) == b"+OK\r\n"
            before = server.rss_bytes()
            reader.sendall(encode("GET", "big") * count + encode("SET", "done", "1"))
            eventually(lambda: server.rss_bytes() - before > 100 * MEGABYTE, "output gathers")
            peak = 0
            for _ in range(50):  # the others are served meanwhile, and the last request stays unrun
                assert control.command("GET", "done") == b"$-1\r\n"
                peak = max(peak, server.rss_bytes() - before)
            assert peak < (UNREAD_MEGABYTES + 48) * MEGABYTE
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * MEGABYTE)  # now it is in a hurry
            assert _receive(reader, count * (MEGABYTE + 12) + 5).endswith(b"\r\n+OK\r\n")
            assert control.command("GET", "done") == b"$1\r\n1\r\n"


def _receive(sock: socket.socket, size: int) -> bytes:
    """Reads exactly so many bytes and returns the last of them."""
    tail = b""
    while size > 0:
        data = sock.recv(min(size, 4 * MEGABYTE))
        assert data, f"closed with {size} bytes missing"
        size -= len(data)
        tail = (tail + data)[-20:]
    return tail
