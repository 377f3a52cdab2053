"""Whole strings, in process: replies, deadlines, events, and what is logged."""

from __future__ import annotations

import pytest

from pyredis.datatypes.value import Value, encoding_name
from tests.support.inprocess import InProcess
from tests.support.observed import Observed

OK, ZERO, ONE, NULL = b"+OK\r\n", b":0\r\n", b":1\r\n", b"$-1\r\n"
WRONG_TYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
SYNTAX = b"-ERR syntax error\r\n"
NOT_AN_INTEGER = b"-ERR value is not an integer or out of range\r\n"
START_MS = 1_700_000_000_000


def invalid_expire(name: str) -> bytes:
    return f"-ERR invalid expire time in '{name}' command\r\n".encode()


def bulk(text: str) -> bytes:
    return f"${len(text)}\r\n{text}\r\n".encode()


def with_other_type(server: Observed) -> None:
    """Puts something at `other` that is no string."""
    server.engine.keyspace.databases[0].store(b"other", Value())


def ttl_ms(server: InProcess, key: bytes = b"k") -> int:
    """The time to live of a key; negative when it has none."""
    deadline = server.engine.keyspace.databases[0].deadline(key)
    return deadline if deadline < 0 else deadline - server.clock.now_ms


class TestSet:
    def test_plain(self) -> None:
        server = Observed()
        assert server.run("SET k v") == OK
        assert server.run("GET k") == bulk("v")
        assert server.run("GET missing") == NULL
        assert server.logged() == ["SET k v"]

    def test_any_bytes(self) -> None:
        client = InProcess().client()
        for value in (b"", b"\x00\r\n\xff", b"x" * 100_000):
            assert client.command("SET", value, value) == OK
            assert client.command("GET", value) == b"$%d\r\n%b\r\n" % (len(value), value)

    def test_replaces_any_type_and_deadline(self) -> None:
        server = Observed()
        with_other_type(server)
        assert server.run("SET other v EX 10") == OK
        assert server.run("SET other w") == OK
        assert server.run("GET other") == bulk("w")
        assert ttl_ms(server, b"other") == -1

    @pytest.mark.parametrize(
        ("options", "left_ms"),
        [("EX 10", 10_000), ("px 1500", 1500), ("EXAT 1700000005", 5000), ("PXAT 1700000000007", 7)],
    )
    def test_deadlines(self, options: str, left_ms: int) -> None:
        server = Observed()
        assert server.run("SET k v " + options) == OK
        assert ttl_ms(server) == left_ms
        server.clock.advance(left_ms - 1)
        assert server.run("GET k") == bulk("v")
        server.clock.advance(1)
        assert server.run("GET k") == NULL

    def test_keepttl(self) -> None:
        server = Observed()
        server.run("SET k v PX 100")
        assert server.run("SET k w KEEPTTL") == OK
        assert ttl_ms(server) == 100
        server.clock.advance(100)
        assert server.run("SET k x KEEPTTL") == OK
        assert ttl_ms(server) == -1
        assert server.logged() == [
            f"SET k v PXAT {START_MS + 100}", "SET k w KEEPTTL", "DEL k", "SET k x KEEPTTL"
        ]  # fmt: skip

    def test_a_deadline_that_is_over_stores_a_key_that_is_gone(self) -> None:
        server = Observed()
        assert server.run("SET k v PXAT 1") == OK
        assert server.heard() == ["new k", "set k", "expire k"]
        assert server.run("GET k") == NULL
        assert server.logged() == ["SET k v PXAT 1", "DEL k"]
        assert server.heard() == ["expired k", "keymiss k"]

    def test_conditions(self) -> None:
        server = Observed()
        assert server.run("SET k 1 XX") == NULL
        assert server.run("SET k 1 NX") == OK
        assert server.run("SET k 2 NX") == NULL
        assert server.run("SET k 2 XX") == OK
        assert server.run("GET k") == bulk("2")
        assert server.logged() == ["SET k 1 NX", "SET k 2 XX"]

    def test_get(self) -> None:
        server = Observed()
        assert server.run("SET k 1 GET") == NULL
        assert server.run("SET k 2 get") == bulk("1")
        assert server.run("SET k 3 GET NX") == bulk("2")
        assert server.run("SET k 3 XX GET") == bulk("2")
        assert server.run("SET new 1 XX GET") == NULL
        assert server.run("SET new 1 NX GET GET") == NULL
        assert server.run("SET k 4 GET EX 1") == bulk("3")
        assert server.logged() == [
            "SET k 1", "SET k 2", "SET k 3 XX", "SET new 1 NX", f"SET k 4 PXAT {START_MS + 1000}"
        ]  # fmt: skip

    def test_get_of_another_type_sets_nothing(self) -> None:
        server = Observed()
        with_other_type(server)
        assert server.run("SET other v GET") == WRONG_TYPE
        assert server.run("GET other") == WRONG_TYPE

    def test_repeated_options(self) -> None:
        server = Observed()
        assert server.run("SET k v EX 10 EX 20 NX NX GET GET") == NULL
        assert ttl_ms(server) == 20_000
        assert server.run("SET k v KEEPTTL KEEPTTL XX XX") == OK

    @pytest.mark.parametrize(
        "options",
        [
            "junk", "EX", "NX XX", "XX NX", "EX 1 PX 1", "EX 1 EXAT 1", "PX 1 KEEPTTL", "KEEPTTL PXAT 1",
            "PERSIST",
            "EX 1 junk", "GET PX", "KEEPTTL EX 0", "10", "''",
        ],
    )  # fmt: skip
    def test_syntax(self, options: str) -> None:
        server = Observed()
        assert server.run("SET k v " + options) == SYNTAX
        assert server.run("GET k") == NULL

    @pytest.mark.parametrize("option", ["EX", "PX", "EXAT", "PXAT"])
    def test_times(self, option: str) -> None:
        server = Observed()
        for time in ("0", "-1", "-9223372036854775808"):
            assert server.run(f"SET k v {option} {time}") == invalid_expire("set")
        for time in ("x", "''", "1.5", "9223372036854775808"):
            assert server.run(f"SET k v {option} {time}") == NOT_AN_INTEGER
        huge = server.run(f"SET k v {option} 9223372036854775807")
        assert huge == (OK if option == "PXAT" else invalid_expire("set"))

    def test_seconds_that_overflow_as_milliseconds(self) -> None:
        server = Observed()
        assert server.run("SET k v EXAT 9223372036854775") == OK
        assert server.run("SET k v EXAT 9223372036854776") == invalid_expire("set")
        assert server.run("SET k v EX 9223372036854775") == invalid_expire("set")
        assert server.run("SET k v PX 9223372036854775807") == invalid_expire("set")

    def test_a_bad_time_comes_before_the_type(self) -> None:
        server = Observed()
        with_other_type(server)
        assert server.run("SET other v GET EX 0") == invalid_expire("set")

    def test_events(self) -> None:
        server = Observed()
        server.run("SET k v")
        assert server.heard() == ["new k", "set k"]
        server.run("SET k v EX 10")
        assert server.heard() == ["set k", "expire k"]
        server.clock.advance(10_000)
        server.run("SET k v")
        assert server.heard() == ["expired k", "new k", "set k"]
        server.run("SET k w GET")
        server.run("SET missing w XX GET")
        assert server.heard() == ["set k", "keymiss missing"]

    def test_an_overwritten_key_that_had_expired_is_logged_as_gone(self) -> None:
        server = Observed()
        server.run("SET k v PX 1")
        server.clock.advance(1)
        server.run("SET k w")
        assert server.logged() == [f"SET k v PXAT {START_MS + 1}", "DEL k", "SET k w"]
        assert server.engine.keyspace.expired == 1


class TestSetVariants:
    def test_setnx(self) -> None:
        server = Observed()
        assert server.run("SETNX k 1") == ONE
        assert server.run("SETNX k 2") == ZERO
        assert server.run("GET k") == bulk("1")
        assert server.logged() == ["SETNX k 1"]
        assert server.heard() == ["new k", "set k"]

    @pytest.mark.parametrize(("name", "unit"), [("SETEX", 1000), ("PSETEX", 1)])
    def test_setex(self, name: str, unit: int) -> None:
        server = Observed()
        assert server.run(f"{name} k 10 v") == OK
        assert ttl_ms(server) == 10 * unit
        assert server.logged() == [f"SET k v PXAT {START_MS + 10 * unit}"]
        assert server.heard() == ["new k", "set k", "expire k"]
        assert server.run(f"{name} k 0 v") == invalid_expire(name.lower())
        assert server.run(f"{name} k 9223372036854775807 v") == invalid_expire(name.lower())
        assert server.run(f"{name} k ten v") == NOT_AN_INTEGER
        assert server.logged() == []

    def test_getset(self) -> None:
        server = Observed()
        assert server.run("GETSET k 1") == NULL
        server.run("SETEX k 10 2")
        assert server.run("GETSET k 3") == bulk("2")
        assert ttl_ms(server) == -1
        assert server.logged() == ["SET k 1", f"SET k 2 PXAT {START_MS + 10_000}", "SET k 3"]
        with_other_type(server)
        assert server.run("GETSET other 1") == WRONG_TYPE

    def test_mset(self) -> None:
        server = Observed()
        server.run("SETEX a 10 0")
        server.heard()
        assert server.run("MSET a 1 b 2 a 3") == OK
        assert server.heard() == ["set a", "new b", "set b", "set a"]
        assert server.run("MGET a b") == b"*2\r\n" + bulk("3") + bulk("2")
        assert ttl_ms(server, b"a") == -1
        assert server.run("MSET a 1 b") == b"-ERR wrong number of arguments for 'mset' command\r\n"

    def test_msetnx(self) -> None:
        server = Observed()
        assert server.run("MSETNX a 1 b 2") == ONE
        assert server.run("MSETNX c 1 b 2") == ZERO
        assert server.run("GET c") == NULL
        assert server.run("MSETNX d 1 d 2") == ONE
        assert server.run("GET d") == bulk("2")
        assert server.logged() == ["MSETNX a 1 b 2", "MSETNX d 1 d 2"]
        assert server.run("MSETNX a 1 b") == b"-ERR wrong number of arguments for 'msetnx' command\r\n"


class TestReading:
    def test_get_of_another_type(self) -> None:
        server = Observed()
        with_other_type(server)
        for command in ("GET", "GETDEL", "GETEX", "STRLEN"):
            assert server.run(command + " other") == WRONG_TYPE

    @pytest.mark.parametrize(("protocol", "null"), [(2, b"$-1\r\n"), (3, b"_\r\n")])
    def test_nothing(self, protocol: int, null: bytes) -> None:
        server = Observed(protocol=protocol)
        for command in ("GET k", "GETDEL k", "GETEX k EX 10", "SET k v XX", "SET k v XX GET"):
            assert server.run(command) == null
        assert server.run("MGET k k") == b"*2\r\n" + null * 2
        assert server.run("STRLEN k") == ZERO
        assert server.logged() == []

    def test_mget(self) -> None:
        server = Observed()
        with_other_type(server)
        server.run("MSET a 1 b ''")
        server.run("INCR n")
        server.run("APPEND r x")
        server.run("APPEND r y")
        server.user.command("SET", "long", "x" * 5000)
        assert server.run("MGET a b none other n r long a") == (
            b"*8\r\n$1\r\n1\r\n$0\r\n\r\n$-1\r\n$-1\r\n$1\r\n1\r\n$2\r\nxy\r\n$5000\r\n" + b"x" * 5000
            + b"\r\n$1\r\n1\r\n"
        )  # fmt: skip
        keyspace = server.engine.keyspace
        assert (keyspace.hits, keyspace.misses) == (7, 1)

    def test_strlen(self) -> None:
        server = Observed()
        server.run("SET k hello")
        server.run("INCRBY n -100")
        server.run("APPEND r ab")
        server.run("APPEND r c")
        assert [server.run("STRLEN " + key) for key in "knr"] == [b":5\r\n", b":4\r\n", b":3\r\n"]

    def test_getdel(self) -> None:
        server = Observed()
        server.run("SETEX k 10 v")
        server.forget()
        assert server.run("GETDEL k") == bulk("v")
        assert server.run("GETDEL k") == NULL
        assert server.logged() == ["DEL k"]
        assert server.heard() == ["del k", "keymiss k"]
        assert ttl_ms(server) == -1


class TestGetex:
    @pytest.mark.parametrize(
        ("options", "left_ms"),
        [
            ("EX 10", 10_000),
            ("PX 10", 10),
            ("exat 1700000010", 10_000),
            ("PXAT 1700000000500", 500),
            ("EX 1 EX 2", 2000),
        ],
    )
    def test_deadlines(self, options: str, left_ms: int) -> None:
        server = Observed()
        server.run("SET k v")
        server.forget()
        assert server.run("GETEX k " + options) == bulk("v")
        assert ttl_ms(server) == left_ms
        assert server.logged() == [f"PEXPIREAT k {START_MS + left_ms}"]
        assert server.heard() == ["expire k"]

    def test_without_options_changes_nothing(self) -> None:
        server = Observed()
        server.run("SETEX k 10 v")
        server.logged()
        assert server.run("GETEX k") == bulk("v")
        assert ttl_ms(server) == 10_000
        assert server.logged() == []

    def test_persist(self) -> None:
        server = Observed()
        server.run("SETEX k 10 v")
        server.forget()
        assert server.run("GETEX k PERSIST") == bulk("v")
        assert server.run("GETEX k PERSIST") == bulk("v")
        assert ttl_ms(server) == -1
        assert server.logged() == ["PERSIST k"]
        assert server.heard() == ["persist k"]

    @pytest.mark.parametrize("options", ["EXAT 1", "PXAT 1", "PXAT 1700000000000", "EXAT 1700000000"])
    def test_a_deadline_that_is_over_deletes(self, options: str) -> None:
        server = Observed()
        server.run("SET k v")
        server.forget()
        assert server.run("GETEX k " + options) == bulk("v")
        assert server.logged() == ["DEL k"]
        assert server.heard() == ["del k"]
        assert len(server.engine.keyspace.databases[0]) == 0

    def test_deletes_lazily_when_told_so(self) -> None:
        server = Observed((b"lazyfree-lazy-expire", b"yes"))
        server.run("SET k v")
        server.logged()
        server.run("GETEX k PXAT 1")
        assert server.logged() == ["UNLINK k"]

    def test_errors(self) -> None:
        server = Observed()
        server.run("SET k v")
        for options in ("EX", "PERSIST EX 1", "EX 1 PERSIST", "EX 1 PX 1", "KEEPTTL", "NX", "GET", "EX 1 x"):
            assert server.run("GETEX k " + options) == SYNTAX
        for options in ("EX 0", "PX -1", "EX 9223372036854775807", "PX 9223372036854775807"):
            assert server.run("GETEX k " + options) == invalid_expire("getex")
        assert server.run("GETEX k EX x") == NOT_AN_INTEGER
        assert server.run("GETEX missing EX 0") == NULL
        assert ttl_ms(server) == -1


def test_encodings() -> None:
    server = Observed()
    values = server.engine.keyspace.databases[0].values
    for value, encoding in (
        ("", b"embstr"), ("x" * 44, b"embstr"), ("x" * 45, b"raw"), ("12", b"int"),
        ("-9223372036854775808", b"int"),
        ("9223372036854775808", b"embstr"), ("012", b"embstr"), ("1.0", b"embstr"),
    ):  # fmt: skip
        server.user.command("SET", "k", value)
        assert encoding_name(values.get(b"k")) == encoding
