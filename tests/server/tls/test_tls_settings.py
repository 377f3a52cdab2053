"""TLS settings that cannot be used, and settings that change while connections exist."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING, Final

import pytest

from tests.server.network import free_port, info, run_to_exit
from tests.server.tls_server import TlsServer, World, needs_openssl
from tests.support.process import reserve_port
from tests.support.tls import PASSWORD, Pair

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_openssl

NO_RECONFIGURATION: Final = b" - Unable to update TLS configuration. Check server logs.\r\n"


class TestRefusedSettings:
    """Redis's answer, the reason in the log, and everything as before."""

    @pytest.mark.parametrize(
        ("setting", "reason"),
        [
            (
                ("tls-cert-file", "/nonexistent"),
                "Failed to load certificate: /nonexistent: No such file or directory",
            ),
            (("tls-cert-file", "{ca}.key"), "Failed to load certificate: {ca}.key: "),
            (("tls-key-file", "{ca}.crt"), "Failed to load private key: {ca}.crt: "),
            (
                ("tls-key-file", "{ca}.key"),
                "Failed to load private key: {ca}.key: X509 routines::key values mismatch",
            ),
            (("tls-cert-file", ""), "No tls-cert-file configured!"),
            (("tls-key-file", ""), "No tls-key-file configured!"),
            (("tls-ca-cert-file", "{ca}.key"), "Failed to configure CA certificate(s) file/directory: "),
            (("tls-ca-cert-file", ""), "Either tls-ca-cert-file or tls-ca-cert-dir must be specified"),
            (
                ("tls-protocols", "TLSv1.2,TLSv1.3"),
                "Invalid tls-protocols specified. Use a combination of 'TLSv1',",
            ),
            (("tls-protocols", "TLSv1.2  TLSv1.3"), "Invalid tls-protocols specified."),
            (("tls-ciphers", "nonsense"), "Failed to configure ciphers: nonsense"),
            (("tls-ciphersuites", "nonsense"), "Failed to configure ciphersuites: nonsense"),
            (("tls-dh-params-file", "{ca}.key"), "{ca}.key: failed to read DH params."),
            (("tls-session-cache-size", "1"), "Python cannot change tls-session-cache-size"),
            (("tls-session-cache-timeout", "1"), "Python cannot change tls-session-cache-size"),
            (
                ("tls-client-cert-file", "{ca}.key", "tls-client-key-file", "{ca}.key"),
                "Failed to load certificate: {ca}.key: ",
            ),
        ],
    )
    def test_refused(self, server: TlsServer, setting: tuple[str, ...], reason: str) -> None:
        root = str(server.world.authority.own.certificate).removesuffix(".crt")
        reason = reason.replace("{ca}", root)
        before = server.log().count(reason)
        with server.connect() as control:
            was = control.command("CONFIG", "GET", setting[0])
            reply = control.command("CONFIG", "SET", *[word.replace("{ca}", root) for word in setting])
            start = b"-ERR CONFIG SET failed (possibly related to argument '%s')" % setting[0].encode()
            assert reply == start + NO_RECONFIGURATION
            assert control.command("CONFIG", "GET", setting[0]) == was
        assert server.log().count(reason) == before + 1
        assert not server.refuses(server.world.context())

    def test_a_cache_that_is_not_used_may_have_any_size(self, server: TlsServer) -> None:
        with server.connect() as control:
            settings = ["tls-session-caching", "no", "tls-session-cache-size", "1"]
            assert control.command("CONFIG", "SET", *settings) == b"+OK\r\n"
            settings = ["tls-session-caching", "yes", "tls-session-cache-size", "20480"]
            assert control.command("CONFIG", "SET", *settings) == b"+OK\r\n"

    def test_a_key_with_a_password(self, world: World) -> None:
        pair = world.authority.issue("secret", password=PASSWORD)
        with TlsServer(world) as server, server.connect() as control:
            reply = control.command("CONFIG", "SET", *pair.settings)
            assert reply.endswith(NO_RECONFIGURATION)
            reply = control.command("CONFIG", "SET", *pair.settings, "tls-key-file-pass", "wrong")
            assert reply.endswith(NO_RECONFIGURATION)
            reply = control.command("CONFIG", "SET", *pair.settings, "tls-key-file-pass", PASSWORD)
            assert reply == b"+OK\r\n"
            with server.connect_tls() as client:
                assert client.server_name == "secret"
            assert PASSWORD not in server.log()

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            ([], "No tls-cert-file configured!"),
            (
                ["--tls-cert-file", "/nonexistent", "--tls-key-file", "x"],
                "Either tls-ca-cert-file or tls-ca-cert-dir",
            ),
            (
                ["--tls-cert-file", "/nonexistent", "--tls-key-file", "x", "--tls-auth-clients", "no"],
                "Failed to load certificate: /nonexistent: No such file or directory",
            ),
        ],
    )
    def test_no_start(self, arguments: list[str], reason: str, tmp_path: Path) -> None:
        ports = ["--port", "0", "--tls-port", str(free_port()), "--dir", str(tmp_path)]
        ended = run_to_exit(*ports, *arguments)
        assert ended.code == 1
        assert reason in ended.stdout
        assert "Failed to configure TLS. Check logs for more info." in ended.stdout

    def test_no_start_on_a_port_in_use(self, world: World, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            ports = ["--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path)]
            ended = run_to_exit(*ports, *world.arguments)
        assert ended.code == 1
        assert f"Failed listening on port {port} (tls), aborting." in ended.stdout


class TestReload:
    """CONFIG SET takes the files as they are now, for connections to come."""

    def test_a_new_certificate(self, world: World) -> None:
        other = world.authority.issue("other")
        with TlsServer(world) as server, server.connect_tls() as old:
            assert old.command("CONFIG", "SET", *other.settings) == b"+OK\r\n"
            with server.connect_tls() as new:
                assert new.server_name == "other"
                assert new.command("PING") == b"+PONG\r\n"
            assert old.server_name == "server"
            assert old.command("PING") == b"+PONG\r\n"

    def test_a_file_with_new_content(self, world: World) -> None:
        pair = Pair(world.directory / "renewed.crt", world.directory / "renewed.key")
        copy(world.server, pair)
        with TlsServer(world, *pair.arguments) as server, server.connect() as control:
            copy(world.authority.issue("second"), pair)
            with server.connect_tls() as client:
                assert client.server_name == "server"  # nobody has asked for it yet
            assert control.command("CONFIG", "SET", *pair.settings) == b"+OK\r\n"
            with server.connect_tls() as client:
                assert client.server_name == "second"
            pair.certificate.write_text("rubbish")
            assert control.command("CONFIG", "SET", *pair.settings).endswith(NO_RECONFIGURATION)
            with server.connect_tls() as client:
                assert client.server_name == "second"

    def test_what_fails_with_something_else_is_undone(self, world: World) -> None:
        other = world.authority.issue("other")
        copied = Pair(world.directory / "copied.crt", world.directory / "copied.key")
        copy(world.server, copied)
        with (
            TlsServer(world, *copied.arguments) as server,
            server.connect() as control,
            socket.create_server(("0.0.0.0", 0)) as taken,
        ):
            copied.certificate.write_text("rubbish")  # so the old state cannot be had from the files
            reply = control.command("CONFIG", "SET", *other.settings, "port", str(taken.getsockname()[1]))
            assert b"Unable to listen on this port" in reply
            with server.connect_tls() as client:
                assert client.server_name == "server"

    def test_the_port_moves_comes_and_goes(self, world: World) -> None:
        moved, holder = reserve_port()
        with TlsServer(world) as server, server.connect_tls() as client:
            assert client.command("CONFIG", "SET", "tls-port", moved) == b"+OK\r\n"
            with server.connect_tls(port=moved) as other:
                assert other.command("PING") == b"+PONG\r\n"
            with pytest.raises(ConnectionRefusedError):
                server.connect_tls()
            assert client.command("CONFIG", "SET", "tls-port", server.port) == (
                b"-ERR CONFIG SET failed (possibly related to argument 'tls-port')"
                b" - Unable to listen on this port. Check server logs.\r\n"
            )
            with server.connect_tls(port=moved) as other:
                assert other.command("PING") == b"+PONG\r\n"
            assert client.command("CONFIG", "SET", "tls-port", 0) == b"+OK\r\n"
            with pytest.raises(ConnectionRefusedError):
                server.connect_tls(port=moved)
            assert (
                client.command("CONFIG", "SET", "tls-cert-file", "rubbish") == b"+OK\r\n"
            )  # nobody needs it
            reply = client.command("CONFIG", "SET", "tls-port", moved)
            assert reply.endswith(NO_RECONFIGURATION)
            settings = [*world.server.settings, "tls-port", str(moved)]
            assert client.command("CONFIG", "SET", *settings) == b"+OK\r\n"
            with server.connect_tls(port=moved) as other:
                assert other.command("PING") == b"+PONG\r\n"
        if holder is not None:
            holder.close()

    def test_the_addresses_change(self, world: World) -> None:
        with TlsServer(world, "--bind", "127.0.0.1") as server, server.connect_tls() as client:
            assert client.command("CONFIG", "SET", "bind", "127.0.0.1 -::1") == b"+OK\r\n"
            with server.connect_tls() as other:
                assert info(other, "listener2") == f"name=tls,bind=127.0.0.1,bind=-::1,port={server.tls_port}"


def copy(source: Pair, target: Pair) -> None:
    shutil.copy(source.certificate, target.certificate)
    shutil.copy(source.key, target.key)
