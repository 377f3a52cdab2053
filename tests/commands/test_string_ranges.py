"""APPEND, SETRANGE and GETRANGE, in process."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.datatypes.value import Value, encoding_name
from tests.support.inprocess import InProcess
from tests.support.observed import Observed

WRONG_TYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
NOT_AN_INTEGER = b"-ERR value is not an integer or out of range\r\n"
TOO_LONG = b"-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n"
OFFSET_OUT_OF_RANGE = b"-ERR offset is out of range\r\n"
EMPTY = b"$0\r\n\r\n"

index = st.integers(-12, 12)


def encoding(server: InProcess, key: bytes = b"k") -> bytes:
    return encoding_name(server.engine.keyspace.databases[0].values.get(key))


class TestAppend:
    def test_grows(self) -> None:
        server = Observed()
        assert server.run("APPEND k 12") == b":2\r\n"
        assert encoding(server) == b"int"
        assert server.run("APPEND k 3") == b":3\r\n"
        assert encoding(server) == b"raw"
        assert server.run("APPEND k ''") == b":3\r\n"
        assert server.run("GET k") == b"$3\r\n123\r\n"
        assert server.run("INCR k") == b":124\r\n"
        assert server.run("APPEND k x") == b":4\r\n"
        assert server.run("GET k") == b"$4\r\n124x\r\n"
        assert server.logged() == [
            "APPEND k 12", "APPEND k 3", "APPEND k ", "INCR k", "APPEND k x"
        ]  # fmt: skip
        assert server.heard() == ["new k", "append k", "append k", "append k", "incrby k", "append k"]

    def test_nothing_to_a_missing_key(self) -> None:
        server = Observed()
        assert server.run("APPEND k ''") == b":0\r\n"
        assert server.run("GET k") == EMPTY

    def test_keeps_the_deadline(self) -> None:
        server = Observed()
        server.run("SET k a EX 10")
        server.run("APPEND k b")
        server.clock.advance(9_999)
        assert server.run("GET k") == b"$2\r\nab\r\n"
        server.clock.advance(1)
        assert server.run("APPEND k c") == b":1\r\n"

    def test_what_was_set_is_left_alone(self) -> None:
        client = InProcess().client()
        value = b"v" * 50
        client.command("SET", "a", value)
        reply = client.command("GET", "a")
        client.command("APPEND", "a", "w")
        assert reply == b"$50\r\n" + value + b"\r\n"
        assert client.command("GET", "a") == b"$51\r\n" + value + b"w\r\n"

    def test_in_place(self) -> None:
        server = InProcess()
        client = server.client()
        client.command("APPEND", "k", "x" * 100)
        client.command("APPEND", "k", "y")
        buffer = server.engine.keyspace.databases[0].values.get(b"k")
        for _ in range(100):
            client.command("APPEND", "k", "y")
        assert server.engine.keyspace.databases[0].values.get(b"k") is buffer
        assert len(buffer) == 201

    def test_limit(self) -> None:
        server = Observed((b"proto-max-bulk-len", b"1048576"))
        server.user.command("SET", "k", b"x" * 1_048_575)
        assert server.run("APPEND k y") == b":1048576\r\n"
        assert server.run("APPEND k y") == TOO_LONG
        assert server.run("APPEND k ''") == b":1048576\r\n"

    def test_other_type(self) -> None:
        server = Observed()
        server.engine.keyspace.databases[0].store(b"other", Value())
        assert server.run("APPEND other x") == WRONG_TYPE


class TestSetrange:
    def test_overwrites_and_grows(self) -> None:
        server = Observed()
        server.run("SET k hello")
        server.forget()
        assert server.run("SETRANGE k 1 EL") == b":5\r\n"
        assert server.run("SETRANGE k 4 OO") == b":6\r\n"
        assert server.run("SETRANGE k 8 x") == b":9\r\n"
        assert server.run("GET k") == b"$9\r\nhELlOO\0\0x\r\n"
        assert encoding(server) == b"raw"
        assert server.heard() == ["setrange k"] * 3
        assert server.logged() == ["SETRANGE k 1 EL", "SETRANGE k 4 OO", "SETRANGE k 8 x"]

    def test_creates(self) -> None:
        server = Observed()
        assert server.run("SETRANGE k 3 abc") == b":6\r\n"
        assert server.run("GET k") == b"$6\r\n\0\0\0abc\r\n"
        assert server.heard() == ["new k", "setrange k"]

    def test_with_nothing(self) -> None:
        server = Observed()
        assert server.run("SETRANGE k 5 ''") == b":0\r\n"
        assert server.run("GET k") == b"$-1\r\n"
        server.run("INCRBY k 10")
        server.forget()
        assert server.run("SETRANGE k 9223372036854775807 ''") == b":2\r\n"
        assert (server.logged(), server.heard()) == ([], [])
        assert encoding(server) == b"int"

    def test_on_an_integer(self) -> None:
        server = Observed()
        server.run("INCRBY k 1234")
        assert server.run("SETRANGE k 1 0") == b":4\r\n"
        assert server.run("INCR k") == b":1035\r\n"

    def test_keeps_the_deadline(self) -> None:
        server = Observed()
        server.run("SET k abc PX 10")
        server.run("SETRANGE k 0 x")
        server.clock.advance(10)
        assert server.run("GET k") == b"$-1\r\n"

    def test_errors(self) -> None:
        server = Observed()
        server.engine.keyspace.databases[0].store(b"other", Value())
        assert server.run("SETRANGE k -1 x") == OFFSET_OUT_OF_RANGE
        assert server.run("SETRANGE other -1 x") == OFFSET_OUT_OF_RANGE
        assert server.run("SETRANGE k one x") == NOT_AN_INTEGER
        assert server.run("SETRANGE k 536870911 xx") == TOO_LONG
        assert server.run("SETRANGE k 9223372036854775807 x") == TOO_LONG
        assert server.run("SETRANGE other 0 x") == WRONG_TYPE
        assert server.run("SETRANGE other 0 ''") == WRONG_TYPE
        assert server.run("GET k") == b"$-1\r\n"

    @given(st.binary(max_size=20), st.integers(0, 30), st.binary(max_size=10))
    def test_is_slice_assignment(self, old: bytes, offset: int, patch: bytes) -> None:
        client = InProcess().client()
        client.command("SET", "k", old)
        expected = old
        if patch:
            expected = old.ljust(offset, b"\0")[:offset] + patch + old[offset + len(patch) :]
        assert client.command("SETRANGE", "k", offset, patch) == b":%d\r\n" % len(expected)
        assert client.command("GET", "k") == b"$%d\r\n%b\r\n" % (len(expected), expected)


class TestGetrange:
    @pytest.mark.parametrize("name", ["GETRANGE", "SUBSTR"])
    @pytest.mark.parametrize(
        ("start", "end", "part"),
        [
            (0, 3, b"This"), (-3, -1, b"ing"), (0, -1, b"This is a string"), (10, 100, b"string"),
            (0, 0, b"T"),
            (16, 20, b""), (5, 4, b""), (-1, -5, b""), (-100, -99, b"T"), (-100, 2, b"Thi"), (0, -100, b"T"),
            (1, -100, b""), (-(1 << 63), (1 << 63) - 1, b"This is a string"),
        ],
    )  # fmt: skip
    def test_ranges(self, name: str, start: int, end: int, part: bytes) -> None:
        client = InProcess().client()
        client.command("SET", "k", "This is a string")
        assert client.command(name, "k", start, end) == b"$%d\r\n%b\r\n" % (len(part), part)

    def test_forms(self) -> None:
        server = Observed()
        server.run("INCRBY n -123")
        server.run("APPEND r ab")
        server.run("APPEND r cd")
        assert server.run("GETRANGE n 1 2") == b"$2\r\n12\r\n"
        assert server.run("GETRANGE r 1 2") == b"$2\r\nbc\r\n"
        assert encoding(server, b"n") == b"int"

    def test_nothing_there(self) -> None:
        server = Observed(protocol=3)
        assert server.run("GETRANGE k 0 -1") == EMPTY
        server.run("SET k ''")
        assert server.run("GETRANGE k 0 -1") == EMPTY
        assert server.run("GETRANGE k 0 -100") == EMPTY

    def test_errors(self) -> None:
        server = Observed()
        server.engine.keyspace.databases[0].store(b"other", Value())
        for arguments in ("k x 1", "k 1 x", "k 1 ''", "other 0 9223372036854775808"):
            assert server.run("GETRANGE " + arguments) == NOT_AN_INTEGER
            assert server.run("SUBSTR " + arguments) == NOT_AN_INTEGER
        assert server.run("GETRANGE other 0 1") == WRONG_TYPE

    @given(st.binary(max_size=8), index, index)
    def test_clips_like_redis(self, text: bytes, start: int, end: int) -> None:
        client = InProcess().client()
        client.command("SET", "k", text)
        first = start + len(text) if start < 0 else start
        last = end + len(text) if end < 0 else end
        part = b""
        if text and not (start < 0 and end < 0 and start > end):
            part = text[max(first, 0) : min(max(last, 0), len(text) - 1) + 1]
        assert client.command("GETRANGE", "k", start, end) == b"$%d\r\n%b\r\n" % (len(part), part)
