"""HyperLogLog commands, in process: replies, the bytes that Redis stores, errors, events, and what is logged."""

from __future__ import annotations

import pytest

from tests.commands.test_bitmaps import DONE, FAILED, bulk, dirty, encoding, integer, value, watching
from tests.support.observed import Observed
from tests.support.wire import decode

OK, ZERO, ONE = b"+OK\r\n", b":0\r\n", b":1\r\n"
WRONG_TYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
NOT_HYPERLOGLOG = b"-WRONGTYPE Key is not a valid HyperLogLog string value.\r\n"
CORRUPT = b"-INVALIDOBJ Corrupted HLL object detected\r\n"

HEADER = b"HYLL\x01\x00\x00\x00"
UNKNOWN = bytes(7) + b"\x80"
"""In the place of an estimate that is no longer right."""

EMPTY = HEADER + UNKNOWN + b"\x7f\xff"
OF_A = HEADER + UNKNOWN + b"\x71\xa6\x84\x4eW"
OF_ABCD = HEADER + UNKNOWN + b"\\{\x80Dv\x80P\xb1\x84K\xfb\x80BZ"
"""What redis-server stores for the elements a, and a to d."""

BROKEN = HEADER + UNKNOWN + b"\x00"
"""Registers that end too early."""

DENSE_SIZE = 16 + 16384 * 6 // 8


def holding(*lines: str) -> Observed:
    """A server with a string `s`, an integer `n`, a list `l` and a broken HyperLogLog `c`."""
    server = Observed()
    for line in ("SET s text", "SET n 1", "RPUSH l a", *lines):
        assert not server.run(line).startswith(b"-"), line
    server.user.command("SET", "c", BROKEN)
    server.forget()
    return server


def many(count: int) -> str:
    return " ".join(f"element:{number}" for number in range(count))


class TestPfadd:
    def test_stores_what_redis_stores(self) -> None:
        server = holding()
        assert server.run("PFADD k") == ONE
        assert value(server) == EMPTY
        assert server.run("PFADD k a") == ONE
        assert value(server) == OF_A
        assert server.run("PFADD k b a c d") == ONE
        assert value(server) == OF_ABCD
        assert encoding(server) == bulk(b"raw")
        assert server.run("TYPE k") == b"+string\r\n"

    def test_tells_of_changes_only(self) -> None:
        server = holding()
        before = dirty(server)
        server.run("PFADD k a b")
        assert dirty(server) == before + 3
        assert server.heard() == ["new k", "pfadd k"]
        assert server.logged() == ["PFADD k a b"]
        other = watching(server)
        assert server.run("PFADD k") == server.run("PFADD k a b b") == ZERO
        assert dirty(server) == before + 3
        assert server.heard() == server.logged() == []
        assert other.command("EXEC") == DONE
        other = watching(server)
        assert server.run("PFADD k a c") == ONE
        assert dirty(server) == before + 4
        assert other.command("EXEC") == FAILED

    def test_an_element_may_be_empty_or_binary(self) -> None:
        server = holding()
        assert server.user.command("PFADD", "k", b"", b"\x00\xff") == ONE
        assert server.user.command("PFADD", "k", b"\x00\xff", b"") == ZERO
        assert server.run("PFCOUNT k") == integer(2)

    def test_becomes_dense_beyond_the_limit(self) -> None:
        server = holding("CONFIG SET hll-sparse-max-bytes 20")
        assert server.run("PFADD k a b c d e f g") == ONE
        assert server.run("STRLEN k") == integer(DENSE_SIZE)
        assert server.run("PFDEBUG ENCODING k") == b"+dense\r\n"
        assert server.run("PFCOUNT k") == integer(7)
        assert server.run("PFADD k a g") == ZERO
        assert server.run("PFADD k h") == ONE

    def test_keeps_the_deadline(self) -> None:
        server = holding("PFADD k a", "EXPIRE k 100")
        server.run("PFADD k b")
        assert server.run("TTL k") == integer(100)

    @pytest.mark.parametrize(
        ("key", "error"), [("s", NOT_HYPERLOGLOG), ("n", NOT_HYPERLOGLOG), ("l", WRONG_TYPE), ("c", CORRUPT)]
    )
    def test_errors(self, key: str, error: bytes) -> None:
        server = holding()
        assert server.run(f"PFADD {key} a") == error
        assert server.heard() == []
        assert server.run("PFADD") == b"-ERR wrong number of arguments for 'pfadd' command\r\n"

    @pytest.mark.parametrize(
        "data",
        [b"", b"HYLL", EMPTY[:15], b"hyll" + EMPTY[4:], b"HYLL\x02" + EMPTY[5:], b"HYLL\x00" + EMPTY[5:]],
    )
    def test_what_does_not_look_like_one(self, data: bytes) -> None:
        server = holding()
        server.user.command("SET", "k", data)
        for line in (
            "PFADD k a",
            "PFCOUNT k",
            "PFCOUNT missing k",
            "PFMERGE other k",
            "PFMERGE k",
            "PFDEBUG ENCODING k",
        ):
            assert server.run(line) == NOT_HYPERLOGLOG
        assert value(server) == data


class TestPfcount:
    def test_keeps_the_estimate_of_one_key(self) -> None:
        server = holding("PFADD k a b c d")
        before = dirty(server)
        other = watching(server)
        assert server.run("PFCOUNT k") == integer(4)
        assert value(server)[8:16] == (4).to_bytes(8, "little")
        assert value(server)[16:] == OF_ABCD[16:]
        assert dirty(server) == before + 1
        assert server.logged() == ["PFCOUNT k"]
        assert other.command("EXEC") == FAILED
        other = watching(server)
        assert server.run("PFCOUNT k") == integer(4)
        assert dirty(server) == before + 1
        assert server.logged() == server.heard() == []
        assert other.command("EXEC") == DONE
        server.run("PFADD k e")
        assert value(server)[15] == 0x80
        assert server.run("PFCOUNT k") == integer(5)

    def test_trusts_a_kept_estimate(self) -> None:
        server = holding()
        server.user.command("SET", "k", HEADER + (77).to_bytes(8, "little") + b"\x7f\xff")
        assert server.run("PFCOUNT k") == integer(77)
        assert server.run("PFCOUNT k missing") == ZERO

    def test_of_several(self) -> None:
        server = holding("PFADD x a b c", "PFADD y c d", "PFADD z")
        assert server.run("PFCOUNT x y z missing") == integer(4)
        assert server.run("PFCOUNT x x") == integer(3)
        assert server.run("PFCOUNT missing") == server.run("PFCOUNT missing missing") == ZERO
        assert server.logged() == []
        assert value(server, "x")[15] == 0x80

    @pytest.mark.parametrize("count", [100, 1000, 20_000])
    def test_is_nearly_right(self, count: int) -> None:
        """The standard error is 0.81 %; the elements are always the same, so this fails always or never."""
        server = holding()
        server.run(f"PFADD k {many(count)}")
        reply = decode(server.run("PFCOUNT k"))
        assert isinstance(reply, int)
        assert abs(reply - count) <= 0.025 * count
        assert decode(server.run("PFCOUNT k missing")) == reply
        server.run("PFDEBUG TODENSE k")
        assert decode(server.run("PFCOUNT k missing")) == reply

    @pytest.mark.parametrize(
        ("key", "error"), [("s", NOT_HYPERLOGLOG), ("n", NOT_HYPERLOGLOG), ("l", WRONG_TYPE), ("c", CORRUPT)]
    )
    def test_errors(self, key: str, error: bytes) -> None:
        server = holding("PFADD k a")
        assert server.run(f"PFCOUNT {key}") == error
        assert server.run(f"PFCOUNT k {key}") == error
        assert server.logged() == []


class TestPfmerge:
    def test_stores_what_redis_stores(self) -> None:
        server = holding("PFADD x a", "PFADD y b c d")
        before = dirty(server)
        assert server.run("PFMERGE k x y missing") == OK
        assert value(server) == OF_ABCD
        assert dirty(server) == before + 1
        assert server.logged() == ["PFMERGE k x y missing"]
        assert server.heard() == ["keymiss k", "keymiss missing", "new k", "pfadd k"]

    def test_into_one_that_exists(self) -> None:
        server = holding("PFADD x a b", "PFADD k c d", "EXPIRE k 100")
        assert server.run("PFMERGE k x") == OK
        assert value(server) == OF_ABCD
        assert server.run("TTL k") == integer(100)
        before = dirty(server)
        assert server.run("PFMERGE k") == OK
        assert value(server) == OF_ABCD
        assert dirty(server) == before + 1

    def test_of_nothing(self) -> None:
        server = holding()
        assert server.run("PFMERGE k") == OK
        assert value(server) == EMPTY

    def test_is_dense_when_a_source_is(self) -> None:
        server = holding("PFADD x a", "PFADD y b", "PFDEBUG TODENSE y")
        server.run("PFMERGE k x y")
        assert server.run("PFDEBUG ENCODING k") == b"+dense\r\n"
        assert server.run("PFCOUNT k") == integer(2)
        server.run("PFMERGE y x")
        assert server.run("PFCOUNT y") == integer(2)

    @pytest.mark.parametrize(
        ("key", "error"), [("s", NOT_HYPERLOGLOG), ("n", NOT_HYPERLOGLOG), ("l", WRONG_TYPE), ("c", CORRUPT)]
    )
    def test_errors(self, key: str, error: bytes) -> None:
        server = holding("PFADD x a")
        assert server.run(f"PFMERGE k x {key}") == error
        assert server.run(f"PFMERGE {key} x") == error
        assert server.run("EXISTS k") == ZERO
        assert server.logged() == []


class TestPfdebug:
    def test_shows_the_opcodes(self) -> None:
        server = holding("PFADD k a")
        assert server.run("PFDEBUG DECODE k") == bulk(b"Z:12711 v:2,1 Z:3672")
        assert server.run("PFDEBUG decode k") == bulk(b"Z:12711 v:2,1 Z:3672")
        assert server.run("PFDEBUG ENCODING k") == b"+sparse\r\n"
        assert server.logged() == []

    def test_makes_dense(self) -> None:
        server = holding("PFADD k a b c")
        before = dirty(server)
        assert server.run("PFDEBUG TODENSE k") == ONE
        assert dirty(server) == before + 1
        assert server.logged() == ["PFDEBUG TODENSE k"]
        assert server.run("PFDEBUG TODENSE k") == ZERO
        assert server.logged() == []
        assert server.run("STRLEN k") == integer(DENSE_SIZE)
        assert server.run("PFDEBUG ENCODING k") == b"+dense\r\n"
        assert server.run("PFDEBUG DECODE k") == b"-ERR HLL encoding is not sparse\r\n"
        assert server.run("PFCOUNT k") == integer(3)

    def test_shows_the_registers(self) -> None:
        server = holding("PFADD k a")
        registers = decode(server.run("PFDEBUG GETREG k"))
        assert isinstance(registers, list)
        assert len(registers) == 16384
        assert {place: register for place, register in enumerate(registers) if register} == {12711: 2}
        assert server.run("PFDEBUG ENCODING k") == b"+dense\r\n"

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("ENCODING missing", b"-ERR The specified key does not exist\r\n"),
            ("FOO missing", b"-ERR The specified key does not exist\r\n"),
            ("FOO k", b"-ERR Unknown PFDEBUG subcommand 'FOO'\r\n"),
            ("ENCODING s", NOT_HYPERLOGLOG),
            ("ENCODING l", WRONG_TYPE),
            ("TODENSE c", CORRUPT),
            ("GETREG c", CORRUPT),
            ("k", b"-ERR wrong number of arguments for 'pfdebug' command\r\n"),
            ("DECODE k more", b"-ERR wrong number of arguments for 'pfdebug' command\r\n"),
        ],
    )
    def test_errors(self, arguments: str, error: bytes) -> None:
        server = holding("PFADD k a")
        assert server.run(f"PFDEBUG {arguments}") == error
        assert server.logged() == []


class TestPfselftest:
    def test_passes(self) -> None:
        server = holding()
        assert server.run("PFSELFTEST") == OK
        assert server.run("PFSELFTEST x") == b"-ERR wrong number of arguments for 'pfselftest' command\r\n"


class TestMovement:
    def test_a_value_travels_as_a_string(self) -> None:
        server = holding("PFADD k a b c d")
        server.user.command("SET", "copy", value(server))
        assert server.run("PFCOUNT copy") == integer(4)
        assert server.run("PFADD copy a d") == ZERO
        assert server.run("PFCOUNT copy k") == integer(4)
