"""Strings as numbers, in process."""

from __future__ import annotations

import pytest

from pyredis.datatypes.value import Value, encoding_name
from tests.support.inprocess import InProcess
from tests.support.observed import Observed

WRONG_TYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
NOT_AN_INTEGER = b"-ERR value is not an integer or out of range\r\n"
NOT_A_FLOAT = b"-ERR value is not a valid float\r\n"
OVERFLOW = b"-ERR increment or decrement would overflow\r\n"
HIGHEST, LOWEST = "9223372036854775807", "-9223372036854775808"


def encoding(server: InProcess) -> bytes:
    return encoding_name(server.engine.keyspace.databases[0].values.get(b"k"))


class TestIntegers:
    def test_counting(self) -> None:
        server = Observed()
        assert server.run("INCR k") == b":1\r\n"
        assert server.run("INCRBY k 41") == b":42\r\n"
        assert server.run("DECR k") == b":41\r\n"
        assert server.run("DECRBY k 50") == b":-9\r\n"
        assert server.run("INCRBY k -1") == b":-10\r\n"
        assert server.run("DECRBY k -10") == b":0\r\n"
        assert server.run("GET k") == b"$1\r\n0\r\n"
        assert server.logged() == [
            "INCR k", "INCRBY k 41", "DECR k", "DECRBY k 50", "INCRBY k -1", "DECRBY k -10"
        ]  # fmt: skip
        assert server.heard() == ["new k"] + ["incrby k"] * 6
        assert encoding(server) == b"int"

    def test_counts_from_nothing_downwards(self) -> None:
        server = Observed()
        assert server.run("DECR k") == b":-1\r\n"
        assert server.run("DECRBY j 5") == b":-5\r\n"

    def test_reads_text_and_edited_text(self) -> None:
        server = Observed()
        server.run("SET k -7")
        assert server.run("INCR k") == b":-6\r\n"
        server.run("APPEND k 0")
        assert server.run("INCR k") == b":-59\r\n"

    def test_keeps_the_deadline(self) -> None:
        server = Observed()
        server.run("SET k 1 EX 10")
        server.run("INCR k")
        server.clock.advance(10_000)
        assert server.run("INCR k") == b":1\r\n"

    @pytest.mark.parametrize(
        "text", ["", "a", "1a", " 1", "01", "+1", "-0", "1.0", "1e3", "9223372036854775808", "1" * 5000]
    )
    def test_no_integers(self, text: str) -> None:
        server = Observed()
        server.user.command("SET", "k", text)
        server.forget()
        for command in ("INCR k", "DECR k", "INCRBY k 1", "DECRBY k 1"):
            assert server.run(command) == NOT_AN_INTEGER
        assert server.user.command("INCRBY", "j", text) == NOT_AN_INTEGER
        assert server.user.command("DECRBY", "j", text) == NOT_AN_INTEGER
        assert (server.logged(), server.heard()) == ([], [])

    def test_long_edited_text_is_no_integer(self) -> None:
        server = Observed()
        server.run("APPEND k 1")
        server.user.command("APPEND", "k", "1" * 50)
        assert server.run("INCR k") == NOT_AN_INTEGER

    def test_limits(self) -> None:
        server = Observed()
        server.run("SET k " + HIGHEST)
        assert server.run("INCR k") == OVERFLOW
        assert server.run(f"INCRBY k {HIGHEST}") == OVERFLOW
        assert server.run(f"DECRBY k -{HIGHEST}") == OVERFLOW
        assert server.run("INCRBY k 0") == f":{HIGHEST}\r\n".encode()
        assert server.run(f"INCRBY k {LOWEST}") == b":-1\r\n"
        assert server.run(f"INCRBY k -{HIGHEST}") == f":{LOWEST}\r\n".encode()
        assert server.run("DECR k") == OVERFLOW
        assert server.run(f"INCRBY k {LOWEST}") == OVERFLOW
        assert server.run(f"DECRBY k {HIGHEST}") == OVERFLOW
        assert server.run(f"DECRBY k {LOWEST}") == b"-ERR decrement would overflow\r\n"
        assert server.run("GET k") == f"$20\r\n{LOWEST}\r\n".encode()

    def test_the_amount_comes_before_the_type(self) -> None:
        server = Observed()
        server.engine.keyspace.databases[0].store(b"k", Value())
        assert server.run("INCRBY k x") == NOT_AN_INTEGER
        assert server.run("DECRBY k " + LOWEST) == b"-ERR decrement would overflow\r\n"
        for command in ("INCR k", "DECR k", "INCRBY k 1", "DECRBY k 1", "INCRBYFLOAT k x"):
            assert server.run(command) == WRONG_TYPE


class TestFloats:
    def test_adding(self) -> None:
        server = Observed()
        server.run("SET k 10.50 EX 100")
        server.forget()
        assert server.run("INCRBYFLOAT k 0.1") == b"$4\r\n10.6\r\n"
        assert server.run("INCRBYFLOAT k -5.6") == b"$1\r\n5\r\n"
        assert server.run("INCRBYFLOAT k 5.0e3") == b"$4\r\n5005\r\n"
        assert server.run("INCRBYFLOAT new 3e-1") == b"$3\r\n0.3\r\n"
        assert server.logged() == [
            "SET k 10.6 KEEPTTL", "SET k 5 KEEPTTL", "SET k 5005 KEEPTTL", "SET new 0.3 KEEPTTL"
        ]  # fmt: skip
        assert server.heard() == ["incrbyfloat k"] * 3 + ["new new", "incrbyfloat new"]
        server.clock.advance(100_000)
        assert server.run("GET k") == b"$-1\r\n"

    def test_reads_every_form(self) -> None:
        server = Observed()
        server.run("INCRBY k 3")
        assert server.run("INCRBYFLOAT k 0.5") == b"$3\r\n3.5\r\n"
        server.run("APPEND k 5")
        assert server.run("INCRBYFLOAT k 1") == b"$4\r\n4.55\r\n"
        assert server.run("INCRBYFLOAT k 0x10") == b"$5\r\n20.55\r\n"

    def test_a_whole_result_is_still_text(self) -> None:
        server = Observed()
        server.run("SET k 1.5")
        assert server.run("INCRBYFLOAT k 1.5") == b"$1\r\n3\r\n"
        assert encoding(server) == b"embstr"
        assert server.run("GET k") == b"$1\r\n3\r\n"
        assert server.run("STRLEN k") == b":1\r\n"
        assert server.run("INCR k") == b":4\r\n"
        assert encoding(server) == b"int"

    @pytest.mark.parametrize("text", ["abc", " 1", "1 ", "nan", "1e5000", "1e-5000", "1,5", "", "1" * 5120])
    def test_no_floats(self, text: str) -> None:
        server = Observed()
        assert server.user.command("INCRBYFLOAT", "k", text) == NOT_A_FLOAT
        server.user.command("SET", "k", text)
        server.forget()
        assert server.run("INCRBYFLOAT k 1") == NOT_A_FLOAT
        assert (server.logged(), server.heard()) == ([], [])

    def test_infinity(self) -> None:
        server = Observed()
        infinite = b"-ERR increment would produce NaN or Infinity\r\n"
        assert server.run("INCRBYFLOAT k inf") == infinite
        server.run("SET k -inf")
        assert server.run("INCRBYFLOAT k inf") == infinite
        assert server.run("INCRBYFLOAT k 1") == infinite
        server.run("SET k 1e4932")
        assert server.run("INCRBYFLOAT k 1e4932") == infinite
        assert server.run("GET k") == b"$6\r\n1e4932\r\n"

    def test_resp3_answers_a_bulk_string_too(self) -> None:
        assert Observed(protocol=3).run("INCRBYFLOAT k 1.5") == b"$3\r\n1.5\r\n"
