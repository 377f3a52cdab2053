"""ACL, and what its rules do to other commands, in process."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from pyredis.acl.permissions import check
from tests.support.acl import command as command_of
from tests.support.inprocess import Client, InProcess, encode_command
from tests.support.wire import decode

if TYPE_CHECKING:
    from pathlib import Path

OK = b"+OK\r\n"
NO_KEY = b"-NOPERM No permissions to access a key\r\n"
NO_CHANNEL = b"-NOPERM No permissions to access a channel\r\n"
A = b"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
CHANGED = (
    b"-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. "
    b"This command is no longer allowed for the following reason: no permission to "
)
NO_FILE = (
    b"-ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL "
    b"SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order "
    b"to store users in the Redis configuration.\r\n"
)


def bulk(text: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(text), text)


def no_command(name: bytes, user: bytes = b"u") -> bytes:
    return b"-NOPERM User " + user + b" has no permissions to run the '" + name + b"' command\r\n"


class Pair:
    """The server, an administrator, and a client who is user `u`."""

    def __init__(self, *rules: str, protocol: int = 2) -> None:
        self.server = InProcess()
        self.admin = self.server.client(protocol)
        self.set(*rules)
        self.client = self.login("u", protocol)

    def set(self, *rules: str) -> None:
        assert self.admin.command("ACL", "SETUSER", "u", "on", "nopass", *rules) == OK

    def login(self, name: str, protocol: int = 2) -> Client:
        client = self.server.client(protocol)
        assert client.command("AUTH", name, "x") == OK
        return client

    def log(self) -> list[dict[object, object]]:
        entries = decode(self.admin.command("ACL", "LOG"))
        assert isinstance(entries, list)
        return [
            dict(zip(entry[::2], entry[1::2], strict=True)) for entry in entries if isinstance(entry, list)
        ]


class TestSetUser:
    def test_makes_and_changes(self) -> None:
        client = InProcess().client()
        assert client.command("ACL", "SETUSER", "u") == OK
        assert client.command("ACL", "setuser", "u", "on", ">a", "+get", "(~k", "+set)") == OK
        assert client.command("ACL", "LIST") == b"*2\r\n" + bulk(
            b"user default on nopass sanitize-payload ~* &* +@all"
        ) + bulk(
            b"user u on sanitize-payload #" + A + b" resetchannels -@all +get (~k resetchannels -@all +set)"
        )
        assert client.command("ACL", "USERS") == b"*2\r\n" + bulk(b"default") + bulk(b"u")

    def test_says_what_is_wrong(self) -> None:
        client = InProcess().client()
        assert client.command("ACL", "SETUSER", "a b") == (
            b"-ERR Usernames can't contain spaces or null characters\r\n"
        )
        assert client.command("ACL", "SETUSER", b"a\0") == (
            b"-ERR Usernames can't contain spaces or null characters\r\n"
        )
        assert client.command("ACL", "SETUSER", "u", "on", "nosuch\r\nrule") == (
            b"-ERR Error in ACL SETUSER modifier 'nosuch  rule': Syntax error\r\n"
        )
        assert client.command("ACL", "SETUSER", "u", "(+get", "+set") == (
            b"-ERR Unmatched parenthesis in acl selector starting at '(+get'.\r\n"
        )
        assert client.command("ACL", "USERS") == b"*1\r\n" + bulk(b"default")

    def test_the_default_for_channels(self) -> None:
        server = InProcess((b"acl-pubsub-default", b"allchannels"))
        client = server.client()
        client.command("ACL", "SETUSER", "u")
        client.command("CONFIG", "SET", "acl-pubsub-default", "resetchannels")
        client.command("ACL", "SETUSER", "v")
        lines = decode(client.command("ACL", "LIST"))
        assert isinstance(lines, list)
        assert lines[1:] == [
            b"user u off sanitize-payload &* -@all",
            b"user v off sanitize-payload resetchannels -@all",
        ]

    def test_reaches_clients_at_once(self) -> None:
        pair = Pair("+get", "~*")
        assert pair.client.command("SET", "k", "v") == no_command(b"set")
        pair.set("+set")
        assert pair.client.command("SET", "k", "v") == OK
        pair.set("+@all", "allchannels")
        assert pair.client.session.gates == 0
        pair.set("-get")
        assert pair.client.command("GET", "k") == no_command(b"get")

    def test_off_lets_those_stay_who_are_in(self) -> None:
        pair = Pair("+ping")
        pair.admin.command("ACL", "SETUSER", "u", "off")
        assert pair.client.command("PING") == b"+PONG\r\n"
        assert pair.server.client().command("AUTH", "u", "x").startswith(b"-WRONGPASS ")


class TestGetUser:
    def test_resp2(self) -> None:
        client = InProcess().client()
        client.command(
            "ACL",
            "SETUSER",
            "u",
            "on",
            ">a",
            "~k*",
            "%R~r",
            "&c",
            "+get",
            "-@hash",
            "(+set %W~w allchannels)",
        )
        assert client.command("ACL", "GETUSER", "u") == (
            b"*12\r\n" + bulk(b"flags") + b"*2\r\n" + bulk(b"on") + bulk(b"sanitize-payload")
            + bulk(b"passwords") + b"*1\r\n" + bulk(A)
            + bulk(b"commands") + bulk(b"-@all +get -@hash")
            + bulk(b"keys") + bulk(b"~k* %R~r")
            + bulk(b"channels") + bulk(b"&c")
            + bulk(b"selectors") + b"*1\r\n*6\r\n"
            + bulk(b"commands") + bulk(b"-@all +set") + bulk(b"keys") + bulk(b"%W~w") + bulk(b"channels") + bulk(b"&*")
        )  # fmt: skip

    def test_resp3(self) -> None:
        client = InProcess().client(3)
        client.command("ACL", "SETUSER", "default", "(+get)")
        assert client.command("ACL", "GETUSER", "default") == (
            b"%6\r\n" + bulk(b"flags") + b"~3\r\n" + bulk(b"on") + bulk(b"nopass") + bulk(b"sanitize-payload")
            + bulk(b"passwords") + b"*0\r\n"
            + bulk(b"commands") + bulk(b"+@all") + bulk(b"keys") + bulk(b"~*") + bulk(b"channels") + bulk(b"&*")
            + bulk(b"selectors") + b"*1\r\n%3\r\n"
            + bulk(b"commands") + bulk(b"-@all +get") + bulk(b"keys") + bulk(b"") + bulk(b"channels") + bulk(b"")
        )  # fmt: skip

    def test_nobody(self) -> None:
        server = InProcess()
        assert server.client().command("ACL", "GETUSER", "nobody") == b"$-1\r\n"
        assert server.client(3).command("ACL", "GETUSER", "nobody") == b"_\r\n"


class TestDelUser:
    def test_counts(self) -> None:
        client = InProcess().client()
        client.command("ACL", "SETUSER", "u")
        assert client.command("ACL", "DELUSER", "u", "nobody", "u") == b":1\r\n"

    def test_default_stays_and_then_nobody_goes(self) -> None:
        client = InProcess().client()
        client.command("ACL", "SETUSER", "u")
        assert client.command("ACL", "DELUSER", "u", "default") == (
            b"-ERR The 'default' user cannot be removed\r\n"
        )
        assert client.command("ACL", "GETUSER", "u").startswith(b"*12")

    def test_ends_the_connections(self) -> None:
        pair = Pair("+@all", "~*")
        other = pair.server.client()
        pair.admin.command("ACL", "DELUSER", "u")
        assert pair.client.wire.is_aborted
        assert other.command("PING") == b"+PONG\r\n"
        assert pair.admin.command("PING") == b"+PONG\r\n"

    def test_lets_the_caller_read_the_reply(self) -> None:
        pair = Pair("+@all", "~*")
        assert pair.client.send(encode_command("ACL", "DELUSER", "u") + encode_command("PING")) == b":1\r\n"
        assert pair.client.wire.is_closed
        assert not pair.client.wire.is_aborted


class TestLists:
    def test_categories(self) -> None:
        client = InProcess().client()
        found = decode(client.command("ACL", "CAT"))
        assert isinstance(found, list)
        assert len(found) == 21
        assert found[:3] == [b"keyspace", b"read", b"write"]
        members = decode(client.command("ACL", "CAT", "HyperLogLog"))
        assert isinstance(members, list)
        assert sorted(map(bytes, (m for m in members if isinstance(m, bytes)))) == [
            b"pfadd", b"pfcount", b"pfdebug", b"pfmerge", b"pfselftest",
        ]  # fmt: skip
        assert client.command("ACL", "CAT", "nosuch") == b"-ERR Unknown category 'nosuch'\r\n"
        assert client.command("ACL", "CAT", "a", "b") == (
            b"-ERR unknown subcommand or wrong number of arguments for 'CAT'. Try ACL HELP.\r\n"
        )

    def test_whoami(self) -> None:
        pair = Pair("+acl|whoami")
        assert pair.admin.command("ACL", "WHOAMI") == bulk(b"default")
        assert pair.client.command("ACL", "WHOAMI") == bulk(b"u")
        pair.client.command("RESET")
        assert pair.client.command("ACL", "WHOAMI") == bulk(b"default")

    def test_help(self) -> None:
        lines = InProcess().client().command("ACL", "HELP").split(b"\r\n")
        assert lines[0] == b"*29"
        assert lines[1] == b"+ACL <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"

    def test_clients_show_their_user(self) -> None:
        pair = Pair("+client|info")
        assert b" user=u " in pair.client.command("CLIENT", "INFO")
        assert pair.admin.command("CLIENT", "LIST").count(b" user=u ") == 1

    def test_genpass(self) -> None:
        client = InProcess().client()
        for arguments, digits in (((), 64), (("1",), 1), (("5",), 2), (("4096",), 1024)):
            reply = decode(client.command("ACL", "GENPASS", *arguments))
            assert isinstance(reply, bytes)
            assert re.fullmatch(rb"[0-9a-f]{%d}" % digits, reply)
        assert client.command("ACL", "GENPASS") != client.command("ACL", "GENPASS")
        for bits in ("0", "-1", "4097"):
            assert client.command("ACL", "GENPASS", bits) == (
                b"-ERR ACL GENPASS argument must be the number of bits for the output password, a positive "
                b"number up to 4096\r\n"
            )
        assert client.command("ACL", "GENPASS", "x") == b"-ERR value is not an integer or out of range\r\n"
        assert client.command("ACL", "GENPASS", "1", "2").startswith(
            b"-ERR unknown subcommand or wrong number"
        )


class TestDryRun:
    def test_tells_what_would_be(self) -> None:
        pair = Pair("+get", "+publish", "+config|get", "~k*")

        def run(*argv: str) -> bytes:
            return pair.admin.command("ACL", "DRYRUN", "u", *argv)

        assert run("GET", "k1") == OK
        assert run("get", "x") == bulk(b"User u has no permissions to access the 'x' key")
        assert run("publish", "c", "m") == bulk(b"User u has no permissions to access the 'c' channel")
        assert run("set", "k", "v") == bulk(b"User u has no permissions to run the 'set' command")
        assert run("config", "get", "x") == OK
        assert run("config", "set", "x", "y") == bulk(
            b"User u has no permissions to run the 'config|set' command"
        )
        assert run("get") == b"-ERR wrong number of arguments for 'get' command\r\n"
        assert run("config") == b"-ERR wrong number of arguments for 'config' command\r\n"
        assert run("nosuch", "x") == b"-ERR Command 'nosuch' not found\r\n"
        assert run("config", "nosuch") == b"-ERR Command 'config' not found\r\n"
        assert (
            pair.admin.command("ACL", "DRYRUN", "nobody", "get", "k") == b"-ERR User 'nobody' not found\r\n"
        )
        assert pair.log() == []


class TestLogin:
    def test_with_one_of_several_passwords(self) -> None:
        server = InProcess()
        client = server.client()
        client.command("ACL", "SETUSER", "u", "on", ">a", ">b", "+ping")
        for password, is_right in (("a", True), ("b", True), ("c", False), ("", False)):
            reply = server.client().command("AUTH", "u", password)
            assert reply == OK if is_right else reply.startswith(b"-WRONGPASS ")

    def test_a_failure_leaves_the_user(self) -> None:
        pair = Pair("+acl|whoami")
        assert pair.client.command("AUTH", "nobody", "x").startswith(b"-WRONGPASS ")
        assert pair.client.command("ACL", "WHOAMI") == bulk(b"u")

    def test_with_the_greeting(self) -> None:
        pair = Pair("+acl|whoami")
        client = pair.server.client()
        assert client.command("HELLO", "3", "AUTH", "u", "x").startswith(b"%7")
        assert client.command("ACL", "WHOAMI") == bulk(b"u")
        assert client.command("HELLO", "2", "AUTH", "nobody", "x").startswith(b"-WRONGPASS ")
        assert client.session.resp3

    def test_requirepass_is_the_password_of_default(self) -> None:
        server = InProcess((b"requirepass", b"a"))
        client = server.client()
        assert client.command("PING").startswith(b"-NOAUTH ")
        assert client.command("AUTH", "a") == OK
        assert b"user default on sanitize-payload #" + A in client.command("ACL", "LIST")
        client.command("ACL", "SETUSER", "default", ">b")
        assert server.client().command("AUTH", "b") == OK
        assert client.command("CONFIG", "GET", "requirepass") == b"*2\r\n" + bulk(b"requirepass") + bulk(b"a")

    def test_clients_in_front_of_the_door_are_let_in_when_it_opens(self) -> None:
        server = InProcess((b"requirepass", b"a"))
        admin, stranger = server.client(), server.client()
        admin.command("AUTH", "a")
        assert stranger.command("PING").startswith(b"-NOAUTH ")
        admin.command("CONFIG", "SET", "requirepass", "")
        assert stranger.command("PING") == b"+PONG\r\n"
        assert stranger.command("HELLO").startswith(b"-NOAUTH HELLO ")  # it never logged in, as in Redis
        admin.command("ACL", "SETUSER", "default", "off")
        assert stranger.command("PING").startswith(b"-NOAUTH ")
        assert admin.command("PING") == b"+PONG\r\n"

    def test_default_without_permissions(self) -> None:
        server = InProcess()
        admin = server.client()
        admin.command("ACL", "SETUSER", "boss", "on", "nopass", "+@all", "~*", "&*")
        admin.command("AUTH", "boss", "x")
        admin.command("ACL", "SETUSER", "default", "-@all")
        assert server.client().command("GET", "k") == no_command(b"get", b"default")
        assert admin.command("GET", "k") == b"$-1\r\n"

    def test_reset_returns_to_default(self) -> None:
        pair = Pair()
        assert pair.client.command("PING") == no_command(b"ping")
        assert pair.client.command("RESET") == b"+RESET\r\n"
        assert pair.client.command("PING") == b"+PONG\r\n"


class TestRefusals:
    def test_commands_keys_and_channels(self) -> None:
        pair = Pair("+get", "+mget", "+publish", "~k*", "&c*")
        assert pair.client.command("GET", "k1") == b"$-1\r\n"
        assert pair.client.command("GET", "x") == NO_KEY
        assert pair.client.command("MGET", "k1", "x") == NO_KEY
        assert pair.client.command("PUBLISH", "c1", "m") == b":0\r\n"
        assert pair.client.command("PUBLISH", "x", "m") == NO_CHANNEL
        assert pair.client.command("CONFIG", "GET", "x") == no_command(b"config|get")

    def test_other_errors_come_first(self) -> None:
        pair = Pair()
        assert pair.client.command("NOSUCH").startswith(b"-ERR unknown command")
        assert pair.client.command("GET") == b"-ERR wrong number of arguments for 'get' command\r\n"
        assert pair.client.command("GET", "k") == no_command(b"get")

    def test_a_script_or_another_caller_can_ask(self) -> None:
        pair = Pair("+get", "~k*")
        user = pair.client.session.user
        assert check(user, command_of(user, b"get"), [b"get", b"k"]) is None
        assert check(user, command_of(user, b"get"), [b"get", b"x"]) is not None

    def test_are_counted(self) -> None:
        pair = Pair("+get", "+publish")
        for argv in (
            ("SET", "k", "v"),
            ("GET", "k"),
            ("GET", "k"),
            ("PUBLISH", "c", "m"),
            ("AUTH", "u2", "x"),
        ):
            assert pair.client.command(*argv).startswith(b"-")
        info = pair.admin.command("INFO", "stats")
        for line in (b"auth:1", b"cmd:1", b"key:2", b"channel:1"):
            assert b"\r\nacl_access_denied_" + line + b"\r\n" in info
        errors = pair.admin.command("INFO", "errorstats")
        assert b"errorstat_NOPERM:count=4\r\n" in errors
        assert b"rejected_calls=1" in pair.admin.command("INFO", "commandstats").split(b"cmdstat_set")[1]

    def test_sort_with_keys_of_its_own_making(self) -> None:
        pair = Pair("+@all", "~l", "%W~to")
        pair.admin.command("RPUSH", "l", "1")
        by = b"-ERR BY option of SORT denied due to insufficient ACL permissions.\r\n"
        get = b"-ERR GET option of SORT denied due to insufficient ACL permissions.\r\n"
        assert pair.client.command("SORT", "l", "STORE", "to") == b":1\r\n"
        assert pair.client.command("SORT", "l", "BY", "constant") == b"*1\r\n$1\r\n1\r\n"
        assert pair.client.command("SORT", "l", "BY", "k*") == by
        assert pair.client.command("SORT", "l", "GET", "#") == get
        assert pair.client.command("SORT_RO", "l", "BY", "k*") == by
        pair.set("%R~*")
        assert pair.client.command("SORT", "l", "BY", "k*", "GET", "#") == b"*1\r\n$1\r\n1\r\n"


class TestTransactions:
    def test_a_refused_command_dooms_it(self) -> None:
        pair = Pair("+multi", "+exec", "+get", "~k*")
        assert pair.client.command("MULTI") == OK
        assert pair.client.command("SET", "k", "v") == no_command(b"set")
        assert pair.client.command("GET", "k") == b"+QUEUED\r\n"
        assert pair.client.command("EXEC") == (
            b"-EXECABORT Transaction discarded because of previous errors.\r\n"
        )

    def test_a_refused_exec_ends_it(self) -> None:
        pair = Pair("+multi")
        pair.client.command("MULTI")
        assert pair.client.command("EXEC") == (
            b"-EXECABORT Transaction discarded because of: " + no_command(b"exec")[1:]
        )
        assert pair.client.command("MULTI") == OK

    def test_rules_that_changed_meanwhile(self) -> None:
        pair = Pair("+@all", "~*", "&*")
        for argv in (("MULTI",), ("SET", "k", "v"), ("GET", "k"), ("PUBLISH", "c", "m"), ("PING",)):
            pair.client.command(*argv)
        pair.set("resetkeys", "-get", "resetchannels")
        assert pair.client.command("EXEC") == (
            b"*4\r\n" + CHANGED + b"touch the specified keys\r\n"
            + CHANGED + b"execute the command or subcommand\r\n"
            + CHANGED + b"access one of the channels used as arguments\r\n+PONG\r\n"
        )  # fmt: skip
        assert pair.admin.command("EXISTS", "k") == b":0\r\n"
        assert [entry[b"context"] for entry in pair.log()] == [b"multi"] * 3

    def test_rules_that_change_within(self) -> None:
        pair = Pair("+@all", "~*", "&*")
        for argv in (("MULTI",), ("SET", "k", "v"), ("ACL", "SETUSER", "u", "-set"), ("SET", "k", "w")):
            pair.client.command(*argv)
        reply = pair.client.command("EXEC")
        assert reply == b"*3\r\n+OK\r\n+OK\r\n" + CHANGED + b"execute the command or subcommand\r\n"

    def test_another_user_within(self) -> None:
        pair = Pair("+@all", "~*", "&*")
        pair.admin.command("ACL", "SETUSER", "v", "on", "nopass", "+get", "~k")
        for argv in (("MULTI",), ("AUTH", "v", "x"), ("GET", "k"), ("GET", "x"), ("AUTH", "v2", "x")):
            pair.client.command(*argv)
        assert pair.client.command("EXEC").startswith(
            b"*4\r\n+OK\r\n$-1\r\n" + CHANGED + b"touch the specified keys"
        )
        assert [(entry[b"reason"], entry[b"context"]) for entry in pair.log()] == [
            (b"auth", b"multi"),
            (b"key", b"multi"),
        ]


class TestSubscribers:
    def test_listen_only_where_allowed(self) -> None:
        pair = Pair("+@all", "&c*", "&d", protocol=3)
        assert pair.client.command("SUBSCRIBE", "c1", "x") == NO_CHANNEL
        assert pair.client.command("PSUBSCRIBE", "c1") == NO_CHANNEL
        assert pair.client.command("SSUBSCRIBE", "x") == NO_CHANNEL
        assert pair.client.command("PSUBSCRIBE", "c*").startswith(b">3")
        assert pair.client.command("SUBSCRIBE", "c1", "d").startswith(b">3")
        assert pair.client.command("UNSUBSCRIBE", "x").startswith(b">3")

    @pytest.mark.parametrize(
        ("subscription", "rules", "is_closed"),
        [
            (("SUBSCRIBE", "c1"), ("resetchannels", "&d"), True),
            (("SUBSCRIBE", "c1"), ("resetchannels", "&c1"), False),
            (("SUBSCRIBE", "c1"), ("resetchannels", "(&c1)"), False),
            (("PSUBSCRIBE", "c*"), ("resetchannels", "&c1"), True),
            (("PSUBSCRIBE", "c*"), ("resetchannels", "&c*"), False),
            (("SSUBSCRIBE", "c1"), ("resetchannels", "&d"), True),
            (("SUBSCRIBE", "c1"), ("-@all",), False),
            (("SUBSCRIBE", "c1"), ("&x",), False),
            (("SUBSCRIBE", "c1"), ("reset",), True),
            (("PING",), ("resetchannels",), False),
        ],
    )
    def test_are_disconnected_when_they_lose_a_channel(
        self, subscription: tuple[str, ...], rules: tuple[str, ...], is_closed: bool
    ) -> None:
        pair = Pair("+@all", "~*", "&c*", "&c1")
        other = pair.server.client()
        other.command("SUBSCRIBE", "c1")
        pair.client.command(*subscription)
        pair.admin.command("ACL", "SETUSER", "u", *rules)
        assert pair.client.wire.is_closed == is_closed
        assert not other.wire.is_closed


class TestLog:
    def test_tells_everything(self) -> None:
        pair = Pair("+get", "~k*")
        pair.client.command("GET", "x")
        created = pair.server.clock.now_ms
        pair.server.clock.advance(1500)
        pair.client.command("GET", "x")
        pair.server.clock.advance(250)
        (entry,) = pair.log()
        client = entry.pop(b"client-info")
        assert isinstance(client, bytes)
        assert client.startswith(b"id=%d addr=127.0.0.1:" % pair.client.session.client_id)
        assert b" cmd=get user=u " in client
        assert entry == {
            b"count": 2, b"reason": b"key", b"context": b"toplevel", b"object": b"x", b"username": b"u",
            b"age-seconds": b"0.25", b"entry-id": 0, b"timestamp-created": created,
            b"timestamp-last-updated": created + 1500,
        }  # fmt: skip

    def test_resp3(self) -> None:
        pair = Pair(protocol=3)
        pair.client.command("PING")
        reply = pair.admin.command("ACL", "LOG")
        assert reply.startswith(b"*1\r\n%10\r\n$5\r\ncount\r\n:1\r\n")
        assert b"$11\r\nage-seconds\r\n,0\r\n" in reply

    def test_each_kind(self) -> None:
        pair = Pair("+get", "+publish", "+multi", "~k")
        for argv in (
            ("CONFIG", "GET", "x"),
            ("GET", "x"),
            ("PUBLISH", "c", "m"),
            ("Auth", "v", "x"),
            ("MULTI",),
            ("EXEC",),
        ):
            pair.client.command(*argv)
        pair.client.command("hello", "3", "auth", "v", "x")
        fields = (b"reason", b"context", b"object", b"username")
        assert [tuple(entry[field] for field in fields) for entry in pair.log()] == [
            (b"auth", b"toplevel", b"hello", b"v"),
            (b"command", b"multi", b"exec", b"u"),
            (b"auth", b"toplevel", b"Auth", b"v"),
            (b"channel", b"toplevel", b"c", b"u"),
            (b"key", b"toplevel", b"x", b"u"),
            (b"command", b"toplevel", b"config|get", b"u"),
        ]
        assert b" cmd=hello " in bytes(str(pair.log()[0][b"client-info"]), "latin-1")

    def test_shows_ten_or_as_many_as_asked_for(self) -> None:
        pair = Pair()
        for number in range(12):
            pair.admin.command("AUTH", f"n{number}", "x")
        assert len(pair.log()) == 10
        for count, length in (("3", 3), ("100", 12), ("-1", 0)):
            assert pair.admin.command("ACL", "LOG", count).startswith(b"*%d\r\n" % length)
        assert pair.admin.command("ACL", "LOG", "x") == b"-ERR value is not an integer or out of range\r\n"
        assert pair.admin.command("ACL", "LOG", "1", "2").startswith(
            b"-ERR unknown subcommand or wrong number"
        )

    def test_can_be_cleared(self) -> None:
        pair = Pair()
        pair.client.command("PING")
        assert pair.admin.command("ACL", "LOG", "Reset") == OK
        assert pair.admin.command("ACL", "LOG") == b"*0\r\n"

    def test_follows_its_limit(self) -> None:
        pair = Pair()
        pair.admin.command("CONFIG", "SET", "acllog-max-len", "1")
        pair.client.command("PING")
        pair.client.command("GET", "k")
        assert [entry[b"object"] for entry in pair.log()] == [b"get"]
        pair.admin.command("CONFIG", "SET", "acllog-max-len", "0")
        pair.client.command("SET", "k", "v")
        assert pair.log() == []


class TestKilling:
    def test_by_user(self) -> None:
        pair = Pair("+@all", "~*")
        assert pair.admin.command("CLIENT", "KILL", "USER", "nobody") == b"-ERR No such user 'nobody'\r\n"
        assert pair.admin.command("CLIENT", "KILL", "USER", "u") == b":1\r\n"
        assert pair.client.wire.is_aborted
        assert pair.admin.command("CLIENT", "KILL", "USER", "default") == b":0\r\n"


class TestFile:
    def test_without_one(self) -> None:
        client = InProcess().client()
        assert client.command("ACL", "LOAD") == client.command("ACL", "SAVE") == NO_FILE

    def test_saving_and_loading(self, tmp_path: Path) -> None:
        pair, path = self.with_file(tmp_path)
        pair.set("+get", "~k*")
        assert pair.admin.command("ACL", "SAVE") == OK
        assert path.read_bytes() == (
            b"user default on nopass sanitize-payload ~* &* +@all\n"
            b"user u on nopass sanitize-payload ~k* resetchannels -@all +get\n"
        )
        pair.admin.command("ACL", "SETUSER", "u", "+set")
        pair.admin.command("ACL", "SETUSER", "v")
        assert pair.client.command("SET", "k", "v") == OK
        assert pair.admin.command("ACL", "LOAD") == OK
        assert pair.client.command("SET", "k", "v") == no_command(b"set")
        assert pair.admin.command("ACL", "USERS") == b"*2\r\n" + bulk(b"default") + bulk(b"u")

    def test_loading_ends_who_is_gone_or_listens_in_vain(self, tmp_path: Path) -> None:
        pair, path = self.with_file(tmp_path)
        pair.set("+@all", "&*")
        pair.admin.command("ACL", "SETUSER", "v", "on", "nopass", "+@all")
        gone, listener = pair.login("v"), pair.login("u")
        listener.command("SUBSCRIBE", "c")
        path.write_bytes(b"user u on nopass +@all &d\n")
        assert pair.admin.command("ACL", "LOAD") == OK
        assert gone.wire.is_aborted
        assert listener.wire.is_aborted
        assert pair.client.command("GET", "k") == NO_KEY
        assert pair.admin.command("ACL", "LIST").endswith(
            bulk(b"user u on nopass sanitize-payload resetchannels &d +@all")
        )

    def test_loading_may_end_the_caller_after_the_reply(self, tmp_path: Path) -> None:
        pair, path = self.with_file(tmp_path)
        pair.set("+@all")
        path.write_bytes(b"")
        assert pair.client.command("ACL", "LOAD") == OK
        assert pair.client.wire.is_closed
        assert not pair.client.wire.is_aborted

    def test_a_bad_file_changes_nothing(self, tmp_path: Path) -> None:
        pair, path = self.with_file(tmp_path)
        before = pair.admin.command("ACL", "LIST")
        path.write_bytes(b"user x on\nuser u secret\n")
        shown = str(path).encode()
        assert pair.admin.command("ACL", "LOAD") == (
            b"-ERR " + shown + b":2: Syntax error. WARNING: ACL errors detected, no change to the previously "
            b"active ACL rules was performed\r\n"
        )
        path.unlink()
        assert pair.admin.command("ACL", "LOAD") == (
            b"-ERR Error loading ACLs, opening file '" + shown + b"': No such file or directory\r\n"
        )
        assert pair.admin.command("ACL", "LIST") == before

    def test_a_file_that_cannot_be_written(self, tmp_path: Path) -> None:
        pair, _ = self.with_file(tmp_path / "nosuch")
        assert pair.admin.command("ACL", "SAVE") == (
            b"-ERR There was an error trying to save the ACLs. Please check the server logs for more information\r\n"
        )

    def with_file(self, directory: Path) -> tuple[Pair, Path]:
        pair = Pair()
        path = directory / "users.acl"
        pair.server.config.assign("aclfile", str(path).encode())
        return pair, path


class TestScripts:
    def test_may_do_what_the_caller_may(self) -> None:
        pair = Pair("+eval", "+get", "+set", "~k*")
        refused = b"-ERR ACL failure in script: "
        assert pair.client.command("EVAL", "return redis.call('get', 'k1')", "0") == b"$-1\r\n"
        assert pair.client.command("EVAL", "return redis.pcall('get', 'x')", "0") == (
            refused + b"No permissions to access a key\r\n"
        )
        assert pair.client.command("EVAL", "return redis.call('del', 'k1')", "0").startswith(
            refused + b"User u has no permissions to run the 'del' command script: "
        )
        assert pair.client.command("EVAL", "return 1", "1", "x") == NO_KEY
        assert [(entry[b"context"], entry[b"object"]) for entry in pair.log()] == [
            (b"toplevel", b"x"),
            (b"lua", b"del"),
            (b"lua", b"x"),
        ]
        assert pair.admin.command("EVAL", "return redis.call('get', 'x')", "0") == b"$-1\r\n"

    def test_can_ask_first(self) -> None:
        pair = Pair("+eval", "+get", "~k*")
        questions = ("'get', 'k1'", "'get', 'x'", "'set', 'k1', 'v'")
        answers = ", ".join(f"redis.acl_check_cmd({words}) and 1 or 0" for words in questions)
        script = "return {" + answers + "}"
        assert pair.client.command("EVAL", script, "0") == b"*3\r\n:1\r\n:0\r\n:0\r\n"
        assert pair.admin.command("EVAL", script, "0") == b"*3\r\n:1\r\n:1\r\n:1\r\n"
        assert pair.log() == []


class TestBlockedClients:
    @pytest.mark.parametrize(
        ("rules", "reply"),
        [
            (("resetkeys",), NO_KEY),
            (("-blpop",), no_command(b"blpop")),
            (("%R~l", "-get"), b"*2\r\n$1\r\nl\r\n$1\r\na\r\n"),
        ],
    )
    def test_are_judged_by_the_rules_of_the_moment(self, rules: tuple[str, ...], reply: bytes) -> None:
        pair = Pair("+@all", "~l", "allchannels")
        assert pair.client.command("BLPOP", "l", "0") == b""
        pair.admin.command("ACL", "SETUSER", "u", *rules)
        pair.admin.command("RPUSH", "l", "a")
        assert pair.client.received() == reply
        assert pair.admin.command("EXISTS", "l") == (b":1\r\n" if reply.startswith(b"-") else b":0\r\n")
        assert len(pair.log()) == reply.startswith(b"-")
        assert pair.client.command("PING") == b"+PONG\r\n"

    def test_let_others_have_what_they_may_not(self) -> None:
        pair = Pair("+@all", "~l")
        pair.client.command("BLPOP", "l", "0")
        other = pair.server.client()
        other.command("BLPOP", "l", "0")
        pair.admin.command("ACL", "SETUSER", "u", "-@all")
        pair.admin.command("RPUSH", "l", "a")
        assert pair.client.received() == no_command(b"blpop")
        assert other.received() == b"*2\r\n$1\r\nl\r\n$1\r\na\r\n"
