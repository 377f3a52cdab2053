"""TIME, ROLE, SHUTDOWN, MODULE, LOLWUT and CONFIG, in process; HELP texts beside a real redis-server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from pyredis.commands import lolwut
from pyredis.engine.engine import Host
from tests.support.inprocess import Client, InProcess
from tests.support.servers import RedisServer, find_redis_server
from tests.support.wire import RawConnection, decode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SYNTAX: Final = b"-ERR syntax error\r\n"


class RecordingHost(Host):
    """Remembers what it was asked for; `answer` says whether that works."""

    def __init__(self, answer: bool = True) -> None:
        self.asked: list[tuple[bool | None, bool, bool]] = []
        self.aborted = 0
        self.answer = answer

    def request_shutdown(self, save: bool | None, now: bool, force: bool) -> bool:
        self.asked.append((save, now, force))
        return self.answer

    def abort_shutdown(self) -> bool:
        self.aborted += 1
        return self.answer


@pytest.fixture
def server() -> InProcess:
    return InProcess()


@pytest.fixture
def client(server: InProcess) -> Client:
    return server.client()


@pytest.fixture(scope="module")
def oracle() -> Iterator[RawConnection]:
    if find_redis_server() is None:
        pytest.skip("redis-server is not installed")
    with RedisServer() as server, server.connect() as connection:
        yield connection


def test_time(server: InProcess, client: Client) -> None:
    assert client.command("TIME") == b"*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n"
    server.clock.manual_us += 1_000_042
    assert client.command("TIME") == b"*2\r\n$10\r\n1700000001\r\n$2\r\n42\r\n"


def test_role(client: Client) -> None:
    assert client.command("ROLE") == b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"


class TestShutdown:
    @pytest.mark.parametrize(
        ("words", "asked"),
        [
            ("", (None, False, False)),
            ("NOSAVE", (False, False, False)),
            ("save NOW", (True, True, False)),
            ("force nosave force", (False, False, True)),
            ("NOW FORCE", (None, True, True)),
        ],
    )
    def test_asks_the_host_and_says_nothing(self, words: str, asked: tuple[bool | None, bool, bool]) -> None:
        host = RecordingHost()
        client = InProcess(host=host).client()
        assert client.command("SHUTDOWN", *words.split()) == b""
        assert host.asked == [asked]
        assert client.session.is_blocked
        assert client.command("PING") == b""

    @pytest.mark.parametrize("words", ["SAVE NOSAVE", "ABORT NOW", "ABORT SAVE", "NOSUCH", "NOSAVE x"])
    def test_options_that_do_not_go_together(self, words: str) -> None:
        host = RecordingHost()
        assert InProcess(host=host).client().command("SHUTDOWN", *words.split()) == SYNTAX
        assert not host.asked

    def test_an_error_when_it_fails(self) -> None:
        client = InProcess(host=RecordingHost(False)).client()
        assert client.command("SHUTDOWN", "SAVE") == b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n"
        assert client.command("PING") == b"+PONG\r\n"

    def test_abort(self) -> None:
        host = RecordingHost()
        client = InProcess(host=host).client()
        assert client.command("SHUTDOWN", "ABORT") == b"+OK\r\n"
        host.answer = False
        assert client.command("SHUTDOWN", "abort", "ABORT") == b"-ERR No shutdown in progress.\r\n"
        assert host.aborted == 2

    def test_not_in_a_transaction(self) -> None:
        host = RecordingHost()
        client = InProcess(host=host).client()
        client.command("MULTI")
        assert client.command("SHUTDOWN") == b"-ERR Command not allowed inside a transaction\r\n"
        assert client.command("EXEC").startswith(b"-EXECABORT ")
        assert not host.asked


class TestModule:
    def test_there_are_none(self, client: Client) -> None:
        assert client.command("MODULE", "LIST") == b"*0\r\n"
        client.session.set_protocol(3)
        assert client.command("MODULE", "LIST") == b"*0\r\n"

    def test_none_can_be_loaded(self, server: InProcess, client: Client) -> None:
        assert client.command("MODULE", "LOAD", "x").startswith(b"-ERR MODULE command not allowed.")
        server.config.assign("enable-module-command", "yes")
        assert client.command("MODULE", "LOAD", "x") == (
            b"-ERR Error loading the extension. Please check the server logs.\r\n"
        )

    def test_help(self, client: Client) -> None:
        reply = client.command("MODULE", "HELP")
        assert reply.startswith(
            b"*11\r\n+MODULE <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n+LIST\r\n"
        )

    def test_needs_a_subcommand(self, client: Client) -> None:
        assert client.command("MODULE") == b"-ERR wrong number of arguments for 'module' command\r\n"


class TestLolwut:
    @pytest.mark.parametrize("words", ["", "VERSION", "VERSION 7", "VERSION 50", "VERSION -5", "5", "x y"])
    def test_the_version_alone(self, client: Client, words: str) -> None:
        assert client.command("LOLWUT", *words.split()) == b"$17\r\nRedis ver. 7.4.0\n\r\n"

    def test_resp3_is_a_verbatim_string(self, client: Client) -> None:
        client.session.set_protocol(3)
        assert client.command("LOLWUT") == b"=21\r\ntxt:Redis ver. 7.4.0\n\r\n"

    @pytest.mark.parametrize("words", ["VERSION x", "VERSION 5 x", "version 5 1 1 x", "VERSION 6 1 x"])
    def test_errors(self, client: Client, words: str) -> None:
        error = b"-ERR value is not an integer or out of range\r\n"
        assert client.command("LOLWUT", *words.split()) == error

    def picture(self, client: Client, words: str) -> list[str]:
        """The lines of the art, without the last two: an empty one and the one about the version."""
        tree = decode(client.command("LOLWUT", *words.split()))
        assert isinstance(tree, bytes)
        *lines, empty, version, end = tree.decode().split("\n")
        assert (empty, end) == ("", "")
        assert version.endswith(". Redis ver. 7.4.0")
        return lines

    @pytest.mark.parametrize(
        ("words", "columns", "rows"),
        [("", 66, 50), ("40 4 2", 40, 10), ("40 4", 40, 60), ("10 1 1", 10, 5), ("-3 1 1", 1, 1)],
    )
    def test_version_5_has_the_size_asked_for(
        self, client: Client, words: str, columns: int, rows: int
    ) -> None:
        lines = self.picture(client, "VERSION 5 " + words)
        assert [len(line) for line in lines] == [columns] * rows
        assert all("\u2800" <= dot <= "\u28ff" for line in lines for dot in line)

    def test_version_5_is_in_order_at_the_top_alone(self, client: Client) -> None:
        pictures = [self.picture(client, "VERSION 5 32 16 30") for _ in range(6)]
        assert len({picture[0] for picture in pictures}) == 1
        assert len({"".join(picture) for picture in pictures}) > 1

    @pytest.mark.parametrize(("words", "columns", "rows"), [("", 80, 20), ("12 3", 12, 3), ("0 0", 1, 1)])
    def test_version_6_has_the_size_asked_for(
        self, client: Client, words: str, columns: int, rows: int
    ) -> None:
        lines = self.picture(client, "VERSION 6 " + words)
        assert all(line.endswith("\x1b[0m") for line in lines)
        assert [len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines] == [columns] * rows

    def test_no_picture_is_too_large(self, client: Client) -> None:
        lines = self.picture(client, "VERSION 5 99999 99999 1")
        assert len(lines[0]) == lolwut.COLUMNS_MAX
        lines = self.picture(client, "VERSION 6 1 99999")
        assert len(lines) == lolwut.ROWS_MAX

    def test_a_version_is_a_c_unsigned_int(self, client: Client) -> None:
        assert len(self.picture(client, f"VERSION {2**32 + 5} 1 1 1")) == 1


class TestConfig:
    def test_get(self, client: Client) -> None:
        reply = b"$4\r\nport\r\n$4\r\n6379\r\n$9\r\nDATABASES\r\n$2\r\n16\r\n"
        assert client.command("CONFIG", "GET", "port", "DATABASES", "nosuch", "port") == b"*4\r\n" + reply
        client.session.set_protocol(3)
        assert client.command("CONFIG", "GET", "port", "DATABASES") == b"%2\r\n" + reply
        assert client.command("CONFIG", "GET", "nosuch*") == b"%0\r\n"

    def test_get_by_pattern(self, client: Client) -> None:
        reply = client.command("CONFIG", "GET", "maxmemory-p*", "*-policy")
        assert reply == b"*2\r\n$16\r\nmaxmemory-policy\r\n$10\r\nnoeviction\r\n"

    @pytest.mark.parametrize(
        "words",
        [
            "nosuch 1",
            "maxclients 100 maxclients 200",
            "maxclients 0",
            "port 70000",
            "databases 5",
            "enable-debug-command yes",
            "unixsocketperm 777",
            "timeout abc",
            "timeout 1 nosuch 2",
            "appendfsync sometimes",
            "save 1",
            "client-output-buffer-limit normal",
            "client-query-buffer-limit 10",
            "proto-max-bulk-len 1",
            "hz x",
        ],
    )
    def test_errors_are_those_of_redis(self, client: Client, oracle: RawConnection, words: str) -> None:
        reply = client.command("CONFIG", "SET", *words.split())
        assert reply.startswith(b"-")
        assert reply == oracle.command("CONFIG", "SET", *words.split())

    def test_a_pair_without_a_value(self, client: Client) -> None:
        assert client.command("CONFIG", "SET", "hz", "20", "timeout") == SYNTAX
        arity = b"-ERR wrong number of arguments for 'config|set' command\r\n"
        assert client.command("CONFIG", "SET", "hz") == arity

    def test_all_or_nothing(self, server: InProcess, client: Client) -> None:
        assert client.command("CONFIG", "SET", "timeout", "7", "maxclients", "x").startswith(
            b"-ERR CONFIG SET failed"
        )
        assert server.engine.idle_timeout == 0
        assert server.config.get_int("timeout") == 0

    def test_a_log_needs_a_host_with_files(self, server: InProcess, client: Client) -> None:
        assert client.command("CONFIG", "SET", "appendonly", "yes") == (
            b"-ERR CONFIG SET failed (possibly related to argument 'appendonly')"
            b" - Unable to turn on AOF. Check server logs.\r\n"
        )
        assert client.command("CONFIG", "SET", "appendonly", "no") == b"+OK\r\n"
        assert not server.config.get_bool("appendonly")

    def test_rewrite_needs_a_file(self, client: Client) -> None:
        reply = b"-ERR The server is running without a config file\r\n"
        assert client.command("CONFIG", "REWRITE") == reply

    def test_rewrite(self, server: InProcess, client: Client, tmp_path: Path) -> None:
        path = tmp_path / "redis.conf"
        path.write_text("# mine\nhz 10\n")
        server.config.config_file = str(path)
        client.command("CONFIG", "SET", "hz", "20", "maxmemory", "1mb")
        assert client.command("CONFIG", "REWRITE") == b"+OK\r\n"
        lines = path.read_text().splitlines()
        assert lines[:2] == ["# mine", "hz 20"]
        assert "maxmemory 1mb" in lines

    def test_rewrite_that_fails(self, server: InProcess, client: Client, tmp_path: Path) -> None:
        server.config.config_file = str(tmp_path / "nosuch" / "redis.conf")
        reply = b"-ERR Rewriting config file: No such file or directory\r\n"
        assert client.command("CONFIG", "REWRITE") == reply

    def test_help_equals_that_of_redis(self, client: Client, oracle: RawConnection) -> None:
        assert client.command("CONFIG", "HELP") == oracle.command("CONFIG", "HELP")

    def test_in_a_transaction(self, client: Client) -> None:
        client.command("MULTI")
        client.command("CONFIG", "SET", "hz", "30")
        client.command("CONFIG", "GET", "hz")
        assert client.command("EXEC") == b"*2\r\n+OK\r\n*2\r\n$2\r\nhz\r\n$2\r\n30\r\n"


class TestDirectivesTakeEffect:
    def set(self, client: Client, *words: str) -> None:
        assert client.command("CONFIG", "SET", *words) == b"+OK\r\n"

    def test_requirepass(self, server: InProcess, client: Client) -> None:
        self.set(client, "requirepass", "secret")
        assert client.command("PING") == b"+PONG\r\n", "who is in stays in"
        other = server.client()
        assert other.command("PING") == b"-NOAUTH Authentication required.\r\n"
        assert other.command("AUTH", "secret") == b"+OK\r\n"
        self.set(other, "requirepass", "")
        assert server.client().command("PING") == b"+PONG\r\n"

    def test_timeout(self, server: InProcess, client: Client) -> None:
        self.set(client, "timeout", "10")
        server.clock.advance(11_000)
        client.session.check_limits()
        assert client.wire.is_closed

    def test_proto_max_bulk_len(self, server: InProcess, client: Client) -> None:
        other = server.client()
        self.set(client, "proto-max-bulk-len", "1mb")
        request = b"*2\r\n$4\r\nECHO\r\n$1048577\r\n"
        for each in (client, other, server.client()):
            assert each.send(request) == b"-ERR Protocol error: invalid bulk length\r\n"

    def test_client_query_buffer_limit(self, server: InProcess, client: Client) -> None:
        self.set(client, "client-query-buffer-limit", "1mb")
        client.send(b"*2\r\n$4\r\nECHO\r\n$2000000\r\n" + b"x" * 1_100_000)
        assert client.wire.is_closed

    def test_client_output_buffer_limit(self, server: InProcess, client: Client) -> None:
        self.set(client, "client-output-buffer-limit", "normal 100 0 0")
        client.session.is_congested = True
        client.wire.pending = 101
        client.command("PING")
        assert client.wire.is_closed

    def test_maxclients_and_keepalive_reach_the_engine(self, server: InProcess, client: Client) -> None:
        self.set(client, "maxclients", "5", "tcp-keepalive", "60", "protected-mode", "no")
        engine = server.engine
        assert (engine.max_clients, engine.tcp_keepalive, engine.access.is_protected()) == (5, 60, False)
