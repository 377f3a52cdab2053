"""Connection commands, in process: PING ECHO AUTH HELLO QUIT RESET."""

from __future__ import annotations

import pytest

from pyredis.engine.context import REPLY_OFF
from tests.support.inprocess import Client, InProcess, encode_command

PASSWORD = b"sekret"
WRONG_PASS = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
NO_AUTH = b"-NOAUTH Authentication required.\r\n"


def greeting(client: Client, protocol: int) -> bytes:
    header = b"%7\r\n" if protocol == 3 else b"*14\r\n"
    return (
        header
        + b"$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.4.0\r\n$5\r\nproto\r\n:%d\r\n" % protocol
        + b"$2\r\nid\r\n:%d\r\n" % client.session.client_id
        + b"$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"
    )


class TestPing:
    def test_answers_pong_or_the_message(self) -> None:
        client = InProcess().client()
        assert client.command("PING") == b"+PONG\r\n"
        assert client.command("PING", b"\x00\r\n") == b"$3\r\n\x00\r\n\r\n"
        assert client.command("PING", "a", "b") == b"-ERR wrong number of arguments for 'ping' command\r\n"

    def test_looks_like_a_message_to_a_resp2_subscriber(self) -> None:
        client = InProcess().client()
        client.command("SUBSCRIBE", "a")
        assert client.command("PING") == b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"
        assert client.command("PING", "x") == b"*2\r\n$4\r\npong\r\n$1\r\nx\r\n"
        assert client.command("PING", "x", "y") == b"-ERR wrong number of arguments for 'ping' command\r\n"

    def test_stays_itself_to_a_resp3_subscriber(self) -> None:
        client = InProcess().client(3)
        client.command("SUBSCRIBE", "a")
        assert client.command("PING") == b"+PONG\r\n"
        assert client.command("PING", "x") == b"$1\r\nx\r\n"


def test_echo_returns_the_message() -> None:
    client = InProcess().client()
    assert client.command("ECHO", b"\xff\x00") == b"$2\r\n\xff\x00\r\n"
    assert client.command("ECHO") == b"-ERR wrong number of arguments for 'echo' command\r\n"


class TestAuthWithoutPassword:
    def test_one_argument_is_a_mistake(self) -> None:
        client = InProcess().client()
        assert client.command("AUTH", "x") == (
            b"-ERR AUTH <password> called without any password configured for the default user. Are you sure "
            b"your configuration is correct?\r\n"
        )

    def test_any_password_is_right_for_the_default_user(self) -> None:
        client = InProcess().client()
        assert client.command("AUTH", "default", "anything") == b"+OK\r\n"
        assert client.command("AUTH", "nobody", "anything") == WRONG_PASS
        assert client.command("AUTH", "a", "b", "c") == b"-ERR syntax error\r\n"
        assert client.command("AUTH") == b"-ERR wrong number of arguments for 'auth' command\r\n"


class TestAuthWithPassword:
    @pytest.fixture
    def server(self) -> InProcess:
        return InProcess((b"requirepass", PASSWORD))

    def test_nothing_else_is_allowed_before(self, server: InProcess) -> None:
        client = server.client()
        assert client.command("PING") == NO_AUTH
        assert client.command("SUBSCRIBE", "a") == NO_AUTH
        assert client.command("MULTI") == NO_AUTH
        assert client.command("EXEC") == (
            b"-EXECABORT Transaction discarded because of: NOAUTH Authentication required.\r\n"
        )

    def test_mistakes_are_told_even_to_strangers(self, server: InProcess) -> None:
        client = server.client()
        assert client.command("NOSUCH") == b"-ERR unknown command 'NOSUCH', with args beginning with: \r\n"
        assert client.command("GET") == b"-ERR wrong number of arguments for 'get' command\r\n"

    @pytest.mark.parametrize("words", [(PASSWORD,), (b"default", PASSWORD)])
    def test_lets_in(self, server: InProcess, words: tuple[bytes, ...]) -> None:
        client = server.client()
        assert client.command("AUTH", *words) == b"+OK\r\n"
        assert client.command("PING") == b"+PONG\r\n"

    @pytest.mark.parametrize(
        "words",
        [
            (b"",),
            (b"sekre",),
            (b"sekrets",),
            (b"SEKRET",),
            (b"default", b"x"),
            (b"nobody", PASSWORD),
            (b"", PASSWORD),
        ],
    )
    def test_keeps_out(self, server: InProcess, words: tuple[bytes, ...]) -> None:
        client = server.client()
        assert client.command("AUTH", *words) == WRONG_PASS
        assert client.command("PING") == NO_AUTH

    def test_a_failure_does_not_throw_out(self, server: InProcess) -> None:
        client = server.client()
        client.command("AUTH", PASSWORD)
        assert client.command("AUTH", "wrong") == WRONG_PASS
        assert client.command("PING") == b"+PONG\r\n"

    def test_a_new_password_does_not_throw_out(self, server: InProcess) -> None:
        client = server.client()
        client.command("AUTH", PASSWORD)
        server.config.set_many([(b"requirepass", b"other")])
        assert client.command("PING") == b"+PONG\r\n"
        assert server.client().command("AUTH", PASSWORD) == WRONG_PASS

    def test_strangers_may_send_little(self, server: InProcess) -> None:
        error = b"-ERR Protocol error: unauthenticated multibulk length\r\n"
        client = server.client()
        assert client.send(b"*11\r\n") == error
        client = server.client()
        assert client.command("AUTH", PASSWORD) == b"+OK\r\n"
        assert client.command("PING", *["x"] * 20) == b"-ERR wrong number of arguments for 'ping' command\r\n"
        assert client.command("RESET") == b"+RESET\r\n"
        assert client.send(b"*11\r\n") == error

    def test_hello_needs_authentication(self, server: InProcess) -> None:
        client = server.client()
        refusal = (
            b"-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
            b"<proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP "
            b"protocol version at the same time\r\n"
        )
        assert client.command("HELLO") == refusal
        assert client.command("HELLO", 3) == refusal
        assert client.command("HELLO", 3, "SETNAME", "x") == refusal
        assert client.command("HELLO", 3, "AUTH", "default", "wrong") == WRONG_PASS
        assert client.command("HELLO", 4) == b"-NOPROTO unsupported protocol version\r\n"
        assert client.session.name == b""

    def test_hello_authenticates_and_names(self, server: InProcess) -> None:
        client = server.client()
        reply = client.command("HELLO", 3, "SETNAME", "me", "AUTH", "default", PASSWORD)
        assert reply == greeting(client, 3)
        assert client.command("CLIENT", "GETNAME") == b"$2\r\nme\r\n"


class TestHello:
    @pytest.mark.parametrize("protocol", [2, 3])
    def test_reports_and_switches(self, protocol: int) -> None:
        client = InProcess().client()
        assert client.command("HELLO") == greeting(client, 2)
        assert client.command("HELLO", protocol) == greeting(client, protocol)
        assert client.command("hello") == greeting(client, protocol)
        assert client.command("GET", "missing") == (b"_\r\n" if protocol == 3 else b"$-1\r\n")

    @pytest.mark.parametrize(
        ("words", "error"),
        [
            (["1"], b"NOPROTO unsupported protocol version"),
            (["4"], b"NOPROTO unsupported protocol version"),
            (["x"], b"ERR Protocol version is not an integer or out of range"),
            (["99999999999999999999"], b"ERR Protocol version is not an integer or out of range"),
            (["3", "NOSUCH"], b"ERR Syntax error in HELLO option 'NOSUCH'"),
            (["3", "AUTH"], b"ERR Syntax error in HELLO option 'AUTH'"),
            (["3", "AUTH", "default"], b"ERR Syntax error in HELLO option 'AUTH'"),
            (["3", "SETNAME"], b"ERR Syntax error in HELLO option 'SETNAME'"),
            (
                ["3", "SETNAME", "a b"],
                b"ERR Client names cannot contain spaces, newlines or special characters.",
            ),
            (["3", "AUTH", "nobody", "x"], WRONG_PASS[1:-2]),
            (["5", "SETNAME", "a b"], b"NOPROTO unsupported protocol version"),
        ],
    )
    def test_refuses_and_leaves_everything_as_it_was(self, words: list[str], error: bytes) -> None:
        client = InProcess().client()
        assert client.command("HELLO", *words) == b"-" + error + b"\r\n"
        assert not client.session.resp3
        assert client.session.name == b""

    def test_names_nobody_before_all_options_are_read(self) -> None:
        client = InProcess().client()
        error = b"-ERR Syntax error in HELLO option 'FOO'\r\n"
        assert client.command("HELLO", "3", "SETNAME", "me", "FOO") == error
        assert client.command("HELLO", "3", "SETNAME", "me", "AUTH", "nobody", "x") == WRONG_PASS
        assert client.command("CLIENT", "GETNAME") == b"$-1\r\n"

    def test_the_last_of_repeated_options_counts(self) -> None:
        client = InProcess().client()
        assert client.command("HELLO", 2, "setname", "a", "SETNAME", "b").startswith(b"*14")
        assert client.command("CLIENT", "GETNAME") == b"$1\r\nb\r\n"
        assert client.command("HELLO", 2, "SETNAME", "").startswith(b"*14")
        assert client.command("CLIENT", "GETNAME") == b"$-1\r\n"

    def test_a_subscriber_who_goes_back_to_resp2_is_restricted(self) -> None:
        server = InProcess()
        client = server.client(3)
        client.command("SUBSCRIBE", "a")
        assert client.command("HELLO", 2) == greeting(client, 2)
        assert client.command("GET", "k").startswith(b"-ERR Can't execute 'get'")
        server.client().command("PUBLISH", "a", "m")
        assert client.received() == b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nm\r\n"


class TestQuit:
    def test_answers_and_closes(self) -> None:
        client = InProcess().client()
        assert client.send(encode_command("PING") + encode_command("QUIT") + encode_command("PING")) == (
            b"+PONG\r\n+OK\r\n"
        )
        assert client.wire.is_closed

    def test_takes_any_arguments_and_runs_inside_a_transaction(self) -> None:
        client = InProcess((b"requirepass", PASSWORD)).client()
        assert client.command("QUIT", "a", "b") == b"+OK\r\n"
        assert client.wire.is_closed
        client = InProcess().client()
        client.command("MULTI")
        assert client.command("QUIT") == b"+OK\r\n"
        assert client.wire.is_closed


class TestReset:
    def test_returns_to_the_state_of_a_new_connection(self) -> None:
        server = InProcess()
        other = server.client()
        client = server.client(3)
        client.session.select(3)
        client.command("CLIENT", "SETNAME", "me")
        client.command("CLIENT", "SETINFO", "LIB-NAME", "lib")
        client.command("CLIENT", "NO-EVICT", "on")
        client.command("CLIENT", "NO-TOUCH", "on")
        client.command("SUBSCRIBE", "a")
        client.command("PSUBSCRIBE", "a")
        client.command("SSUBSCRIBE", "a")
        client.command("WATCH", "k")
        client.command("MULTI")
        assert client.command("RESET") == b"+RESET\r\n"
        session = client.session
        assert (session.resp3, session.db.index, session.name, session.gates) == (False, 0, b"", 0)
        assert (session.no_evict, session.no_touch, session.lib_name) == (False, False, b"lib")
        assert (session.is_subscriber(), session.watch.keys, session.queue) == (False, [], None)
        assert other.command("PUBLISH", "a", "m") == b":0\r\n"
        assert other.command("SPUBLISH", "a", "m") == b":0\r\n"
        assert client.received() == b""

    def test_takes_no_arguments(self) -> None:
        assert InProcess().client().command("RESET", "x") == (
            b"-ERR wrong number of arguments for 'reset' command\r\n"
        )

    def test_asks_for_the_password_again(self) -> None:
        client = InProcess((b"requirepass", PASSWORD)).client()
        client.command("AUTH", PASSWORD)
        assert client.command("RESET") == b"+RESET\r\n"
        assert client.command("PING") == NO_AUTH

    def test_is_answered_though_replies_were_off(self) -> None:
        client = InProcess().client()
        client.command("CLIENT", "REPLY", "OFF")
        assert client.session.reply_mode == REPLY_OFF
        assert client.command("RESET") == b"+RESET\r\n"
        assert client.command("PING") == b"+PONG\r\n"

    def test_may_be_the_one_that_is_skipped(self) -> None:
        client = InProcess().client()
        client.command("CLIENT", "REPLY", "SKIP")
        assert client.command("RESET") == b""
        assert client.command("PING") == b"+PONG\r\n"
