"""Many clients at once: all are served, and none can make the others wait for its own long work."""

from __future__ import annotations

import contextlib
import resource
import socket

import pytest

from tests.server.network import PATIENCE, eventually, info
from tests.support.servers import PyredisServer
from tests.support.wire import encode, parse_replies

CONNECTIONS = 2000
PIPELINE = 300_000
MEGABYTE = 1 << 20


def _room_for_files(wanted: int) -> bool:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted <= hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted <= max(soft, hard)


def test_two_thousand_connections_are_served() -> None:
    if not _room_for_files(CONNECTIONS + 200):
        pytest.skip(f"fewer than {CONNECTIONS + 200} open files are allowed")
    with PyredisServer() as server:
        sockets: list[socket.socket] = []
        try:
            for _ in range(CONNECTIONS):
                sockets.append(socket.create_connection(("127.0.0.1", server.port), PATIENCE))  # noqa: PERF401
            for number, sock in enumerate(sockets):
                sock.sendall(encode("SET", f"key{number}", number) + encode("GET", f"key{number}"))
            for number, sock in enumerate(sockets):
                text = b"%d" % number
                expected = b"+OK\r\n$%d\r\n%b\r\n" % (len(text), text)
                received = b""
                while len(received) < len(expected):
                    received += sock.recv(100)
                assert received == expected
            with server.connect() as control:
                assert info(control, "connected_clients") == str(CONNECTIONS + 1)
                for sock in sockets:
                    sock.close()
                eventually(lambda: info(control, "connected_clients") == "1", "all have left")
        finally:
            for sock in sockets:
                sock.close()


def test_a_huge_pipeline_does_not_starve_another_client() -> None:
    """Judged by order, not by time: the other client sees the counter at many points on its way."""
    with PyredisServer() as server, server.connect() as other:
        busy = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        busy.setblocking(False)
        unsent = memoryview(encode("INCR", "counter") * PIPELINE)
        expected = b"".join([b":%d\r\n" % number for number in range(1, PIPELINE + 1)])
        received = bytearray()
        seen: set[bytes] = set()
        while len(received) < len(expected):
            if unsent:
                with contextlib.suppress(BlockingIOError):
                    unsent = unsent[busy.send(unsent[:MEGABYTE]) :]
            reply = other.command("GET", "counter")
            assert reply.startswith(b"$"), reply
            seen.add(reply)
            with contextlib.suppress(BlockingIOError):
                received += busy.recv(MEGABYTE)
        busy.close()
        assert received == expected
        assert len(seen) > 10


def test_a_slow_command_in_a_pipeline_lets_others_in_between() -> None:
    """One read of the socket can hold thousands of requests; they run in slices."""
    with PyredisServer() as server, server.connect(60) as busy, server.connect() as other:
        busy.command("MSET", *(word for number in range(3000) for word in (f"key{number}", "v")))
        busy.send(encode("KEYS", "*nothing*") * 300 + encode("SET", "done", "1"))
        steps = 0
        while other.command("GET", "done") == b"$-1\r\n":
            steps += 1
        assert busy.read_reply() == b"*0\r\n"
        assert steps > 20


def test_pipelined_replies_of_many_clients_do_not_mix() -> None:
    with PyredisServer() as server:
        clients = [server.connect() for _ in range(20)]
        for round_number in range(5):
            for number, client in enumerate(clients):
                client.send(b"".join([encode("ECHO", f"{number}-{round_number}-{i}") for i in range(200)]))
            for number, client in enumerate(clients):
                for i in range(200):
                    text = f"{number}-{round_number}-{i}".encode()
                    assert client.read_reply() == b"$%d\r\n%b\r\n" % (len(text), text)
        for client in clients:
            client.close()


def test_a_client_that_leaves_in_the_middle_harms_nobody() -> None:
    with PyredisServer() as server, server.connect() as other:
        for size in (1, 10, 1000, 20_000):
            with server.connect() as client:
                client.send((encode("INCR", "n") * size)[:-3])
        eventually(lambda: info(other, "connected_clients") == "1", "all have left")
        assert parse_replies(other.command("PING")) == [b"+PONG\r\n"]
