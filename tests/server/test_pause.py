"""CLIENT PAUSE on a live server: the end of a pause is a timer of the loop, and clients go on in order."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from tests.server.network import eventually
from tests.support.servers import PyredisServer
from tests.support.wire import RawConnection, encode

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[PyredisServer]:
    with PyredisServer("--hz", "1") as server:  # the cron alone would be too late
        yield server


def wait_until_held(observer: RawConnection, port: int) -> None:
    def is_held() -> bool:
        listing = observer.command("CLIENT", "LIST")
        return any(b":%d " % port in line and b" flags=b " in line for line in listing.splitlines())

    eventually(is_held, "the request is held back")


def test_a_pause_ends_on_time(server: PyredisServer) -> None:
    with server.connect() as one, server.connect() as other:
        assert one.command("CLIENT", "PAUSE", 150) == b"+OK\r\n"
        began = time.monotonic()
        assert other.command("PING") == b"+PONG\r\n"
        assert 0.1 < time.monotonic() - began < 0.9


def test_clients_go_on_in_the_order_in_which_they_were_held(server: PyredisServer) -> None:
    with server.connect() as one, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(5)]
        one.command("CLIENT", "PAUSE", 60_000, "WRITE")
        for index in (3, 1, 4, 0, 2):
            clients[index].send(encode("APPEND", "order", index))
            wait_until_held(one, clients[index].local_port)
        assert one.command("CLIENT", "UNPAUSE") == b"+OK\r\n"
        for client in clients:
            assert client.read_reply().startswith(b":")
        assert one.command("GET", "order") == b"$5\r\n31402\r\n"


def test_a_held_client_that_hangs_up_is_noticed(server: PyredisServer) -> None:
    with server.connect() as one:
        one.command("CLIENT", "PAUSE", 60_000, "WRITE")
        with server.connect() as held:
            held.send(encode("SET", "gone", "v"))
            wait_until_held(one, held.local_port)
            port = held.local_port
        eventually(lambda: b":%d " % port not in one.command("CLIENT", "LIST"), "the end is noticed")
        one.command("CLIENT", "UNPAUSE")
        assert one.command("EXISTS", "gone") == b":0\r\n"
