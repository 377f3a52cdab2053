"""Where the server listens, whom it turns away at the door, and what it says when it cannot listen."""

from __future__ import annotations

import socket
import stat
from typing import TYPE_CHECKING

import pytest

from tests.server.network import eventually, free_port, has_ipv6, info, outside_address, run_to_exit
from tests.support.process import SOCKET_NAME
from tests.support.servers import PyredisServer
from tests.support.wire import RawConnection

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTSIDE = outside_address()
needs_outside = pytest.mark.skipif(OUTSIDE is None, reason="this machine has only loopback addresses")
needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")

DENIED = b"-DENIED Redis is running in protected mode because protected mode is enabled"


@pytest.fixture(scope="module")
def server() -> Iterator[PyredisServer]:
    with PyredisServer("--bind", "0.0.0.0") as server:
        yield server


def test_the_unix_socket_has_the_permissions_asked_for_and_goes_when_the_server_does() -> None:
    with PyredisServer("--unixsocketperm", "700", unix_socket=True) as server:
        path = server.directory / SOCKET_NAME
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        with server.connect_unix() as client, server.connect() as other:
            assert client.command("SET", "k", "v") == b"+OK\r\n"
            assert other.command("GET", "k") == b"$1\r\nv\r\n"
        server.stop()
        assert not path.exists()
        assert "Ready to accept connections unix" in server.log()


def test_a_unix_socket_left_by_a_crash_is_replaced() -> None:
    with PyredisServer(unix_socket=True) as server:
        server.kill()
        assert (server.directory / SOCKET_NAME).exists()
        server.start()
        with server.connect_unix() as client:
            assert client.command("PING") == b"+PONG\r\n"


def test_without_tcp_the_unix_socket_serves_alone() -> None:
    with PyredisServer(unix_socket=True) as server, server.connect_unix() as client:
        assert client.command("CONFIG", "SET", "port", "0") == b"+OK\r\n"
        with pytest.raises(ConnectionRefusedError):
            server.connect()
        assert client.command("PING") == b"+PONG\r\n"
        assert client.command("CONFIG", "SET", "port", server.port) == b"+OK\r\n"
        with server.connect() as other:
            assert other.command("PING") == b"+PONG\r\n"


@needs_ipv6
def test_several_addresses_are_bound_and_a_missing_optional_one_is_not_missed() -> None:
    with PyredisServer("--bind", "127.0.0.1", "::1", "-192.0.2.199") as server:
        with RawConnection("::1", server.port) as six, RawConnection("127.0.0.1", server.port) as four:
            assert b" addr=[::1]:%d " % six.local_port in six.command("CLIENT", "INFO")
            assert b" addr=127.0.0.1:%d " % four.local_port in four.command("CLIENT", "INFO")
        if OUTSIDE is not None:
            with pytest.raises(ConnectionRefusedError):
                RawConnection(OUTSIDE, server.port)


def test_an_address_that_is_not_ours_ends_the_start() -> None:
    port = free_port()
    ended = run_to_exit("--port", str(port), "--bind", "192.0.2.199")
    assert ended.code == 1
    assert (
        f"Warning: Could not create server TCP listening socket 192.0.2.199:{port}: "
        "bind: Cannot assign requested address" in ended.stdout
    )
    assert f"Failed listening on port {port} (tcp), aborting." in ended.stdout


def test_a_port_in_use_ends_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run_to_exit("--port", str(port), "--bind", "127.0.0.1")
    assert ended.code == 1
    assert (
        f"Warning: Could not create server TCP listening socket 127.0.0.1:{port}: "
        "bind: Address already in use" in ended.stdout
    )
    assert f"Failed listening on port {port} (tcp), aborting." in ended.stdout


def test_a_unix_socket_that_cannot_be_made_ends_the_start() -> None:
    ended = run_to_exit("--port", str(free_port()), "--unixsocket", "/nonexistent/redis.sock")
    assert ended.code == 1
    assert "Failed opening Unix socket: bind: No such file or directory" in ended.stdout


class TestProtectedMode:
    """Without a password, only this machine is served."""

    @needs_outside
    def test_strangers_are_told_why_and_closed(self, server: PyredisServer) -> None:
        assert OUTSIDE is not None
        with server.connect() as local:
            before = int(info(local, "rejected_connections"))
            with RawConnection(OUTSIDE, server.port) as stranger:
                text = stranger.read_until_close()
            assert text.startswith(DENIED)
            assert text.endswith(
                b"NOTE: You only need to do one of the above things in order for the server to start "
                b"accepting connections from the outside.\r\n"
            )
            assert text.count(b"\r\n") == 1
            assert int(info(local, "rejected_connections")) == before + 1
            eventually(lambda: info(local, "connected_clients") == "1", "the stranger is forgotten")

    @needs_outside
    def test_the_mode_can_be_turned_off_while_running(self, server: PyredisServer) -> None:
        assert OUTSIDE is not None
        with server.connect() as local:
            assert local.command("CONFIG", "SET", "protected-mode", "no") == b"+OK\r\n"
            with RawConnection(OUTSIDE, server.port) as stranger:
                assert stranger.command("PING") == b"+PONG\r\n"
                assert local.command("CONFIG", "SET", "protected-mode", "yes") == b"+OK\r\n"
                assert stranger.command("PING") == b"+PONG\r\n"  # only new connections are judged
            with RawConnection(OUTSIDE, server.port) as stranger:
                assert stranger.read_until_close().startswith(DENIED)

    @needs_outside
    def test_a_password_protects_as_well(self, server: PyredisServer) -> None:
        assert OUTSIDE is not None
        with server.connect() as local:
            assert local.command("CONFIG", "SET", "requirepass", "secret") == b"+OK\r\n"
            with RawConnection(OUTSIDE, server.port) as stranger:
                assert stranger.command("PING") == b"-NOAUTH Authentication required.\r\n"
                assert stranger.command("AUTH", "secret") == b"+OK\r\n"
                assert stranger.command("PING") == b"+PONG\r\n"
            assert local.command("CONFIG", "SET", "requirepass", "") == b"+OK\r\n"

    def test_loopback_is_always_served(self, server: PyredisServer) -> None:
        with RawConnection("127.0.0.1", server.port) as local:
            assert local.command("PING") == b"+PONG\r\n"
