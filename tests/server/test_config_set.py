"""CONFIG SET where only a running process can follow: sockets, log, limits of the system; and SHUTDOWN."""

from __future__ import annotations

import resource
import socket
from typing import TYPE_CHECKING

import pytest

from pyredis.server.app import RESERVED_FILES
from tests.server.network import free_port, outside_address
from tests.support.servers import PyredisServer
from tests.support.wire import RawConnection, decode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server() -> Iterator[PyredisServer]:
    with PyredisServer() as running:
        yield running


def can_connect(host: str, port: int) -> bool:
    try:
        with RawConnection(host, port, timeout=5.0) as connection:
            return connection.command("PING") == b"+PONG\r\n"
    except OSError:
        return False


def listeners(connection: RawConnection) -> list[str]:
    info = decode(connection.command("INFO", "server"))
    assert isinstance(info, bytes)
    return [line for line in info.decode().split("\r\n") if line.startswith(("listener", "tcp_port"))]


class TestPort:
    def test_moves_while_connections_live_on(self, server: PyredisServer) -> None:
        port = free_port()
        with server.connect() as connection:
            assert connection.command("CONFIG", "SET", "port", port) == b"+OK\r\n"
            assert can_connect("127.0.0.1", port)
            assert not can_connect("127.0.0.1", server.port)
            assert listeners(connection) == [
                f"tcp_port:{port}",
                f"listener0:name=tcp,bind=*,bind=-::*,port={port}",
            ]
            assert connection.command("CONFIG", "SET", "port", server.port) == b"+OK\r\n"
            assert can_connect("127.0.0.1", server.port)
            assert not can_connect("127.0.0.1", port)

    def test_stays_when_the_other_one_is_taken(self, server: PyredisServer) -> None:
        with socket.socket() as taken, server.connect() as connection:
            taken.bind(("0.0.0.0", 0))
            taken.listen()
            port = taken.getsockname()[1]
            assert connection.command("CONFIG", "SET", "port", port) == (
                b"-ERR CONFIG SET failed (possibly related to argument 'port')"
                b" - Unable to listen on this port. Check server logs.\r\n"
            )
            assert can_connect("127.0.0.1", server.port)
            assert decode(connection.command("CONFIG", "GET", "port")) == [b"port", str(server.port).encode()]

    def test_zero_ends_tcp(self) -> None:
        with PyredisServer(unix_socket=True) as server:
            with server.connect() as connection:
                assert connection.command("CONFIG", "SET", "port", "0") == b"+OK\r\n"
                assert connection.command("PING") == b"+PONG\r\n"
            assert not can_connect("127.0.0.1", server.port)
            with server.connect_unix() as connection:
                assert [line.split(",")[0] for line in listeners(connection)] == [
                    "tcp_port:0",
                    "listener1:name=unix",
                ]
                assert connection.command("CONFIG", "SET", "port", server.port) == b"+OK\r\n"
            assert can_connect("127.0.0.1", server.port)

    def test_many_changes_in_one_pipeline(self, server: PyredisServer) -> None:
        port = free_port()
        moves = [("CONFIG", "SET", "port", value) for value in (port, server.port) * 10]
        with server.connect() as connection:
            assert connection.pipeline(moves) == [b"+OK\r\n"] * 20
            assert can_connect("127.0.0.1", server.port)
            assert not can_connect("127.0.0.1", port)


class TestBind:
    def test_fewer_and_more_addresses(self, server: PyredisServer) -> None:
        outside = outside_address()
        if outside is None:
            pytest.skip("no address beside loopback")
        with server.connect() as connection:
            connection.command("CONFIG", "SET", "protected-mode", "no")
            assert can_connect(outside, server.port)
            assert connection.command("CONFIG", "SET", "bind", "127.0.0.1") == b"+OK\r\n"
            assert not can_connect(outside, server.port)
            assert can_connect("127.0.0.1", server.port)
            assert connection.command("CONFIG", "SET", "bind", f"127.0.0.1 {outside}") == b"+OK\r\n"
            assert can_connect(outside, server.port)
            assert can_connect("127.0.0.1", server.port)

    def test_stays_when_an_address_is_not_ours(self, server: PyredisServer) -> None:
        with server.connect() as connection:
            assert connection.command("CONFIG", "SET", "bind", "127.0.0.1 192.0.2.1") == (
                b"-ERR CONFIG SET failed (possibly related to argument 'bind')"
                b" - Failed to bind to specified addresses.\r\n"
            )
            assert can_connect("127.0.0.1", server.port)
            assert decode(connection.command("CONFIG", "GET", "bind")) == [b"bind", b"* -::*"]

    def test_both_at_once(self, server: PyredisServer) -> None:
        port = free_port()
        with server.connect() as connection:
            assert connection.command("CONFIG", "SET", "bind", "127.0.0.1", "port", port) == b"+OK\r\n"
            assert listeners(connection) == [
                f"tcp_port:{port}",
                f"listener0:name=tcp,bind=127.0.0.1,port={port}",
            ]
            assert can_connect("127.0.0.1", port)


def test_loglevel(server: PyredisServer) -> None:
    with server.connect() as connection:
        connection.command("CONFIG", "SET", "loglevel", "warning")
        connection.command("CONFIG", "REWRITE")
        connection.command("CONFIG", "SET", "loglevel", "debug", "timeout", "1")
    assert "CONFIG REWRITE failed" in server.log()


def test_maxclients_beyond_the_system(server: PyredisServer) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY:
        pytest.skip("there is no limit of open files")
    with server.connect() as connection:
        assert connection.command("CONFIG", "SET", "maxclients", hard) == (
            b"-ERR CONFIG SET failed (possibly related to argument 'maxclients')"
            b" - The operating system is not able to handle the specified number of clients, try with %d\r\n"
            % (hard - RESERVED_FILES)
        )
        assert connection.command("CONFIG", "SET", "maxclients", "2") == b"+OK\r\n"
        with server.connect() as second, server.connect() as third:
            assert second.command("PING") == b"+PONG\r\n"
            assert third.read_until_close() == b"-ERR max number of clients reached\r\n"


def test_shutdown_save_is_refused_while_nothing_can_be_saved(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    with PyredisServer("--dir", str(gone)) as server, server.connect() as connection:
        gone.rmdir()
        reply = b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n"
        assert connection.command("SHUTDOWN", "SAVE") == reply
        assert connection.command("PING") == b"+PONG\r\n"
        connection.send(b"*3\r\n$8\r\nSHUTDOWN\r\n$4\r\nSAVE\r\n$5\r\nFORCE\r\n")
        assert connection.read_until_close() == b""
        assert server.wait() == 0
