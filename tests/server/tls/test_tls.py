"""TLS: who gets in, what crosses, and what slow and hostile peers cause."""

from __future__ import annotations

import contextlib
import random
import shutil
import socket
import ssl
import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest
import redis

from tests.server.network import PATIENCE, eventually, info, outside_address
from tests.server.tls_server import TlsServer, World, needs_openssl
from tests.support.tls import RSA, Authority, PacedClient, TlsConnection, find_openssl, run_openssl
from tests.support.wire import RawConnection, encode

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_openssl

OUTSIDE = outside_address()
MEGABYTE: Final = 1 << 20


class TestServing:
    """A session behind TLS is a session like any other."""

    def test_commands(self, server: TlsServer) -> None:
        with server.connect_tls() as client, server.connect() as other:
            assert client.command("SET", "k", "v") == b"+OK\r\n"
            assert other.command("GET", "k") == b"$1\r\nv\r\n"
            assert client.command("HELLO", "3").startswith(b"%7\r\n")

    def test_where_it_listens_and_who_is_connected(self, server: TlsServer) -> None:
        assert "Ready to accept connections tls" in server.log()
        with server.connect_tls() as client:
            assert info(client, "listener2") == f"name=tls,bind=*,bind=-::*,port={server.tls_port}"
            assert info(client, "tcp_port") == str(server.port)
            line = client.command("CLIENT", "INFO")
            assert b" addr=127.0.0.1:%d laddr=127.0.0.1:%d " % (client.local_port, server.tls_port) in line

    def test_without_a_plain_port(self, world: World) -> None:
        with TlsServer(world) as server, server.connect_tls() as client:
            assert client.command("CONFIG", "SET", "port", "0") == b"+OK\r\n"
            with pytest.raises(ConnectionRefusedError):
                server.connect()
            with server.connect_tls() as other:
                assert info(other, "tcp_port") == str(server.tls_port)

    def test_started_without_a_plain_port(self, world: World, tmp_path: Path) -> None:
        with TlsServer(world) as model:
            program = model.command[: model.command.index("--port")]
            arguments = [
                "--port",
                "0",
                *model.command[model.command.index("--tls-port") :],
                "--dir",
                str(tmp_path),
            ]
            model.stop()
            with subprocess.Popen([*program, *arguments], env=model.env, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                try:
                    lines = iter(process.stdout.readline, b"")
                    ready = next(line for line in lines if b"Ready to accept" in line)
                    assert ready.endswith(b"connections tls\n")
                    with model.connect_tls() as client:
                        assert client.command("PING") == b"+PONG\r\n"
                finally:
                    process.terminate()
                    process.stdout.read()
                assert process.wait(PATIENCE) == 0

    def test_a_long_pipeline_and_its_replies(self, server: TlsServer) -> None:
        value = random.Random(1).randbytes(1000)
        with server.connect_tls() as client:
            commands = [("SET", f"p:{i}", value) for i in range(3000)] + [
                ("GET", f"p:{i}") for i in range(3000)
            ]
            replies = client.pipeline(commands, window=1500)
            assert replies[:3000] == [b"+OK\r\n"] * 3000
            assert replies[3000:] == [b"$1000\r\n" + value + b"\r\n"] * 3000

    def test_50_megabytes_there_and_back(self, server: TlsServer) -> None:
        value = random.Random(2).randbytes(50 * MEGABYTE)
        with server.connect_tls() as client:
            assert client.command("SET", "large", value) == b"+OK\r\n"
            assert client.command("GET", "large") == b"$%d\r\n%b\r\n" % (len(value), value)
            assert client.command("DEL", "large") == b":1\r\n"

    def test_messages(self, server: TlsServer) -> None:
        with server.connect_tls() as subscriber, server.connect_tls() as publisher:
            subscriber.command("SUBSCRIBE", "c")
            assert publisher.command("PUBLISH", "c", "m") == b":1\r\n"
            assert subscriber.read_reply() == b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n"

    @pytest.mark.parametrize("protocol", [2, 3])
    def test_redis_py(self, server: TlsServer, protocol: int) -> None:
        world = server.world
        client = redis.Redis(
            port=server.tls_port, ssl=True, ssl_certfile=str(world.client.certificate),
            ssl_keyfile=str(world.client.key), ssl_ca_certs=str(world.authority.own.certificate),
            protocol=protocol,
        )  # fmt: skip
        with client:
            assert client.hset("h", mapping={"f": "v"}) in (0, 1)
            with client.pipeline() as pipeline:
                for i in range(2000):
                    pipeline.set(f"r:{i}", "x" * 1000).get(f"r:{i}")
                assert pipeline.execute() == [True, b"x" * 1000] * 2000
            with client.pubsub() as messages:
                messages.subscribe("news")
                assert messages.get_message(timeout=PATIENCE)["type"] == "subscribe"  # type: ignore[index]
                client.publish("news", "hello")
                assert messages.get_message(timeout=PATIENCE)["data"] == b"hello"  # type: ignore[index]

    @pytest.mark.skipif(shutil.which("redis-cli") is None, reason="redis-cli is not installed")
    def test_redis_cli(self, server: TlsServer) -> None:
        world = server.world
        command = [
            "redis-cli",
            "--tls",
            "-p",
            str(server.tls_port),
            "--cacert",
            str(world.authority.own.certificate),
        ]
        command += ["--cert", str(world.client.certificate), "--key", str(world.client.key)]
        if (
            "--tls"
            not in subprocess.run(["redis-cli", "--help"], capture_output=True, text=True, check=False).stdout
        ):
            pytest.skip("this redis-cli was built without TLS")
        ended = subprocess.run([*command, "ECHO", "hi"], capture_output=True, timeout=PATIENCE, check=False)
        assert ended.stdout == b"hi\n"


class TestRecords:
    """Records need not arrive in one piece, nor one at a time."""

    def test_byte_by_byte(self, server: TlsServer) -> None:
        client = PacedClient(server.tls_port, server.world.context())
        client.shake_hands(1)
        client.write(encode("SET", "k", "v"))
        client.write(encode("GET", "k"))
        client.send_records(1)
        assert client.read(12) == b"+OK\r\n$1\r\nv\r\n"
        client.socket.close()

    @pytest.mark.parametrize("size", [10, 3_000_000])
    def test_requests_behind_the_last_message_of_the_handshake(self, server: TlsServer, size: int) -> None:
        client = PacedClient(server.tls_port, server.world.context())
        with pytest.raises(ssl.SSLWantReadError):
            client.tls.do_handshake()
        client.send_records()
        while True:
            client.incoming.write(client.socket.recv(65536))
            try:
                client.tls.do_handshake()
            except ssl.SSLWantReadError:
                continue
            break
        client.write(encode("ECHO", "x" * size))
        client.send_records()  # the client's Finished and the request leave together
        reply = b"$%d\r\n%b\r\n" % (size, b"x" * size)
        assert client.read(len(reply)) == reply
        client.socket.close()

    def test_everything_before_the_farewell_is_run(self, server: TlsServer) -> None:
        with server.connect() as control:
            control.command("DEL", "n")
            client = PacedClient(server.tls_port, server.world.context())
            client.shake_hands()
            for _ in range(100):
                client.write(encode("INCR", "n") * 500)
            client.say_farewell()
            client.send_records()
            eventually(lambda: control.command("GET", "n") == b"$5\r\n50000\r\n", "all requests are run")
            # The replies come, then the server's own farewell.
            size = sum(len(f":{i}\r\n") for i in range(1, 50_001))
            assert client.read(size).endswith(b":50000\r\n")
            client.socket.close()

    def test_quit_ends_with_a_farewell(self, server: TlsServer) -> None:
        with server.connect_tls() as client:
            assert client.command("QUIT") == b"+OK\r\n"
            assert client.read_until_close() == b""  # a cut would be an SSLEOFError

    def test_new_keys_on_the_way(self, server: TlsServer) -> None:
        world = server.world
        program = find_openssl()
        assert program is not None
        command = [program, "s_client", "-connect", f"127.0.0.1:{server.tls_port}", "-tls1_3"]
        command += ["-CAfile", str(world.authority.own.certificate)]
        command += ["-cert", str(world.client.certificate), "-key", str(world.client.key)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as tool:
            assert tool.stdin is not None
            assert tool.stdout is not None
            for said, awaited in ((b"ECHO one\n", b"one"), (b"K\n", b"KEYUPDATE"), (b"ECHO two\n", b"two")):
                tool.stdin.write(said)
                tool.stdin.flush()
                line = b""
                while line.strip() != awaited:
                    line = tool.stdout.readline()
                    assert line, f"the connection ended before {awaited!r}"
            tool.stdin.close()
            tool.stdout.read()


class TestSlowReaders:
    """What a peer does not read waits unencrypted, within the limits of its class, and arrives whole."""

    def test_it_all_arrives_in_order(self, server: TlsServer) -> None:
        value = random.Random(3).randbytes(300_000)
        with server.connect() as control, server.connect_tls() as client:
            control.command("SET", "v", value)
            reply = b"$%d\r\n%b\r\n" % (len(value), value)
            client.send((encode("GET", "v") + encode("PING")) * 60 + encode("QUIT"))
            eventually(lambda: waiting(control, client.local_port) > 5 * MEGABYTE, "output waits")
            received = client.read_until_close()
            assert received == (reply + b"+PONG\r\n") * 60 + b"+OK\r\n"

    def test_a_subscriber_over_its_limit_is_closed(self, server: TlsServer) -> None:
        with server.connect() as control, server.connect_tls() as subscriber:
            limit = f"pubsub {4 * MEGABYTE} 0 0"
            assert control.command("CONFIG", "SET", "client-output-buffer-limit", limit) == b"+OK\r\n"
            subscriber.command("SUBSCRIBE", "flood")
            for _ in range(100):
                if control.command("PUBLISH", "flood", b"x" * MEGABYTE) == b":0\r\n":
                    break
            else:
                pytest.fail("the subscriber stays")
            assert int(info(control, "client_output_buffer_limit_disconnections")) == 1

    def test_many_small_messages(self, server: TlsServer) -> None:
        with server.connect() as control, server.connect_tls() as subscriber:
            control.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0")
            subscriber.command("SUBSCRIBE", "drops")
            request = encode("PUBLISH", "drops", b"y" * 100)
            for _ in range(120):
                control.send(request * 1000)
                for _ in range(1000):
                    assert control.read_reply() == b":1\r\n"
            message = b"*3\r\n$7\r\nmessage\r\n$5\r\ndrops\r\n$100\r\n" + b"y" * 100 + b"\r\n"
            for _ in range(120_000):
                assert subscriber.read_reply() == message


def waiting(control: RawConnection, port: int) -> int:
    """Bytes of output that wait for the client at that port."""
    for line in control.command("CLIENT", "LIST").split(b"\n"):
        if b":%d laddr" % port in line:
            return int(line.split(b" omem=")[1].split()[0])
    return 0


class TestWhoGetsIn:
    """tls-auth-clients, and what the log says of those who stay out."""

    def test_a_client_without_certificate(self, server: TlsServer) -> None:
        assert server.refuses(server.world.authority.client_context())
        text = "Error accepting a client connection: SSL routines::peer did not return a certificate (addr=127.0.0.1:"
        eventually(lambda: text in server.log(), "the log says why")
        assert f" laddr=127.0.0.1:{server.tls_port})" in server.log()

    def test_a_certificate_of_somebody_else(self, server: TlsServer, tmp_path: Path) -> None:
        stranger = Authority(tmp_path, "stranger").issue("client")
        assert server.refuses(server.world.authority.client_context(stranger))
        eventually(
            lambda: "certificate verify failed (unable to get local issuer" in server.log(),
            "the log says why",
        )

    def test_an_expired_certificate(self, server: TlsServer) -> None:
        expired = server.world.authority.issue("expired", days=-1)
        assert server.refuses(server.world.authority.client_context(expired))
        eventually(
            lambda: "certificate verify failed (certificate has expired)" in server.log(), "the log says why"
        )

    def test_a_client_that_does_not_trust_the_server(self, server: TlsServer, tmp_path: Path) -> None:
        assert server.refuses(Authority(tmp_path, "stranger").client_context(server.world.client))
        eventually(lambda: "alert unknown ca" in server.log(), "the log says why")

    def test_certificates_may_be_optional_or_not_asked_for(self, world: World, tmp_path: Path) -> None:
        stranger = Authority(tmp_path, "stranger").issue("client")
        nobody, known = world.authority.client_context(), world.context()
        unknown = world.authority.client_context(stranger)
        with TlsServer(world, "--tls-auth-clients", "optional") as server, server.connect() as control:
            assert [server.refuses(context) for context in (nobody, known, unknown)] == [False, False, True]
            assert control.command("CONFIG", "SET", "tls-auth-clients", "no") == b"+OK\r\n"
            assert [server.refuses(context) for context in (nobody, known, unknown)] == [False, False, False]
            assert control.command("CONFIG", "SET", "tls-auth-clients", "yes") == b"+OK\r\n"
            assert [server.refuses(context) for context in (nobody, known, unknown)] == [True, False, True]

    def test_authorities_in_a_directory(self, world: World) -> None:
        found = run_openssl("x509", "-hash", "-noout", "-in", str(world.authority.own.certificate))
        (world.directory / "authorities").mkdir()
        name = world.directory / "authorities" / f"{found.decode().strip()}.0"
        shutil.copy(world.authority.own.certificate, name)
        with TlsServer(world) as server, server.connect() as control:
            settings = ["tls-ca-cert-file", "", "tls-ca-cert-dir", str(name.parent)]
            assert control.command("CONFIG", "SET", *settings) == b"+OK\r\n"
            assert not server.refuses(world.context())

    @pytest.mark.skipif(OUTSIDE is None, reason="this machine has only loopback addresses")
    def test_protected_mode(self, server: TlsServer) -> None:
        assert OUTSIDE is not None
        with TlsConnection(server.tls_port, server.world.context(), host=OUTSIDE) as stranger:
            assert stranger.read_until_close().startswith(b"-DENIED Redis is running in protected mode")


class TestProtocols:
    """Versions and ciphers."""

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_only_one_version(self, server: TlsServer, version: ssl.TLSVersion) -> None:
        name = version.name.replace("_", ".")
        with server.connect() as control:
            assert control.command("CONFIG", "SET", "tls-protocols", name) == b"+OK\r\n"
            for other in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context = server.world.context()
                context.minimum_version = context.maximum_version = other
                assert server.refuses(context) == (other != version)
            assert control.command("CONFIG", "SET", "tls-protocols", "") == b"+OK\r\n"

    def test_ciphers_of_tls_1_2(self, server: TlsServer) -> None:
        context = server.world.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        weak, strong = "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"
        with server.connect() as control:
            for ciphers, own_order, chosen in (
                (weak, "no", weak),
                (f"{weak}:{strong}", "no", strong),
                (f"{weak}:{strong}", "yes", weak),
            ):
                settings = ["tls-ciphers", ciphers, "tls-prefer-server-ciphers", own_order]
                assert control.command("CONFIG", "SET", *settings) == b"+OK\r\n"
                context.set_ciphers(f"{strong}:{weak}")
                with server.connect_tls(context) as client:
                    assert client.tls.cipher() is not None
                    assert client.tls.cipher()[0] == chosen  # type: ignore[index]
            settings = ["tls-ciphers", "", "tls-prefer-server-ciphers", "no"]
            assert control.command("CONFIG", "SET", *settings) == b"+OK\r\n"

    def test_parameters_for_diffie_and_hellman(self, world: World) -> None:
        file = world.directory / "dh.pem"
        file.write_bytes(
            run_openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048")
        )
        pair = world.authority.issue("rsa", kind=RSA)
        context = world.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("DHE-RSA-AES256-GCM-SHA384")
        with TlsServer(world) as server, server.connect() as control:
            assert control.command("CONFIG", "SET", *pair.settings) == b"+OK\r\n"
            assert server.refuses(context)
            assert control.command("CONFIG", "SET", "tls-dh-params-file", str(file)) == b"+OK\r\n"
            assert not server.refuses(context)

    def test_sessions_are_resumed_if_wanted(self, server: TlsServer) -> None:
        with server.connect() as control:
            for caching, is_resumed in (("yes", True), ("no", False)):
                assert control.command("CONFIG", "SET", "tls-session-caching", caching) == b"+OK\r\n"
                for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                    context = server.world.context()
                    context.minimum_version = context.maximum_version = version
                    with server.connect_tls(context) as first:
                        assert first.command("PING") == b"+PONG\r\n"
                        session = first.tls.session
                    with TlsConnection(server.tls_port, context, session=session) as second:
                        assert second.command("PING") == b"+PONG\r\n"
                        assert second.tls.session_reused is is_resumed
            control.command("CONFIG", "SET", "tls-session-caching", "yes")


class TestHostilePeers:
    """What is no TLS, or never becomes a connection."""

    def test_plain_text_on_the_tls_port(self, server: TlsServer) -> None:
        with RawConnection("127.0.0.1", server.tls_port) as client:
            client.send(b"PING\r\n")
            assert not client.read_until_close().startswith(b"+")
        eventually(lambda: "SSL routines::wrong version number" in server.log(), "the log says why")

    def test_tls_on_the_plain_port(self, server: TlsServer) -> None:
        context = server.world.context()
        with pytest.raises((ssl.SSLError, ConnectionError, TimeoutError)):
            TlsConnection(server.port, context, timeout=1)
        assert not server.refuses(context)

    def test_rubbish(self, server: TlsServer) -> None:
        choose = random.Random(4)
        for i in range(60):
            with RawConnection("127.0.0.1", server.tls_port) as client:
                # Some of it begins like a record of the handshake.
                begin = b"\x16\x03\x01" + choose.randbytes(2) if i % 2 else b""
                client.send(begin + choose.randbytes(choose.randrange(1, 3000)))
        with RawConnection("127.0.0.1", server.tls_port) as client, contextlib.suppress(ConnectionError):
            client.send(b"\x16\x03\x01\x40\x00" + b"\x01\xff\xff\xff" + b"x" * MEGABYTE)
        assert not server.refuses(server.world.context())

    def test_rubbish_within_a_connection(self, server: TlsServer) -> None:
        client = PacedClient(server.tls_port, server.world.context())
        client.shake_hands()
        client.write(encode("PING"))
        client.send_records()
        assert client.read(7) == b"+PONG\r\n"
        client.socket.sendall(b"PING\r\n" * 10)
        while data := receive(client.socket):
            assert b"PONG" not in data
        client.socket.close()

    def test_handshakes_take_places_of_clients_and_their_time_is_limited(self, world: World) -> None:
        with TlsServer(world, "--maxclients", "3") as server, server.connect() as control:
            silent = [RawConnection("127.0.0.1", server.tls_port, timeout=PATIENCE) for _ in range(2)]
            eventually(lambda: server.refuses(world.context()), "all places are taken")
            with server.connect() as plain:
                assert plain.read_until_close() == b"-ERR max number of clients reached\r\n"
            assert int(info(control, "rejected_connections")) >= 2
            assert int(info(control, "connected_clients")) == 1
            assert control.command("CONFIG", "SET", "timeout", 1) == b"+OK\r\n"
            for client in silent:
                assert client.read_until_close() == b""
                client.close()
            assert "the handshake took longer than 1 seconds" in server.log()
            with server.connect() as again:  # `timeout` has closed the first one too
                again.command("CONFIG", "SET", "timeout", 0)
            assert not server.refuses(world.context())

    def test_who_leaves_during_the_handshake_is_forgotten(self, world: World) -> None:
        with TlsServer(world, "--maxclients", "9") as server:
            for gone in (8, 16):  # twice as many as there are places
                for _ in range(8):
                    RawConnection("127.0.0.1", server.tls_port).close()
                eventually(
                    partial(is_logged, server, "unexpected eof while reading", gone), "all are noticed"
                )
            assert not server.refuses(world.context())

    def test_a_shutdown_does_not_wait_for_handshakes(self, world: World) -> None:
        with TlsServer(world) as server, RawConnection("127.0.0.1", server.tls_port):
            began = time.monotonic()
            server.stop()
            assert time.monotonic() - began < PATIENCE / 2


def receive(sock: socket.socket) -> bytes:
    """What comes next; empty after the end, a reset being one."""
    try:
        return sock.recv(65536)
    except ConnectionError:
        return b""


def is_logged(server: TlsServer, text: str, times: int) -> bool:
    return server.log().count(text) == times
