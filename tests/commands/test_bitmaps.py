"""Bitmap commands, in process: replies, errors, events, encodings, and what is logged."""

from __future__ import annotations

import pytest

from tests.support.inprocess import Client
from tests.support.observed import Observed

OK, ZERO, ONE, MINUS_ONE, NULL, NULL3 = b"+OK\r\n", b":0\r\n", b":1\r\n", b":-1\r\n", b"$-1\r\n", b"_\r\n"
WRONG_TYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
SYNTAX = b"-ERR syntax error\r\n"
NOT_AN_INTEGER = b"-ERR value is not an integer or out of range\r\n"
BAD_OFFSET = b"-ERR bit offset is not an integer or out of range\r\n"
BAD_BIT = b"-ERR bit is not an integer or out of range\r\n"
BAD_FIELD_TYPE = (
    b"-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.\r\n"
)
BAD_OVERFLOW = b"-ERR Invalid OVERFLOW type specified\r\n"
READ_ONLY = b"-ERR BITFIELD_RO only supports the GET subcommand\r\n"

OFFSETS = ["-1", "x", "''", "1.5", "01", "4294967296", "9223372036854775808"]
"""No bit of a string stands there, while strings may have 512 MB."""


def integer(value: int) -> bytes:
    return b":%d\r\n" % value


def bulk(data: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(data), data)


def integers(*values: int | None, null: bytes = NULL) -> bytes:
    return b"*%d\r\n" % len(values) + b"".join(null if value is None else integer(value) for value in values)


def holding(data: bytes | None = None, protocol: int = 2) -> Observed:
    """A server with a string `k`, a list `l` and an integer `n`."""
    server = Observed(protocol=protocol)
    server.run("RPUSH l a")
    server.run("SET n 1234")
    if data is not None:
        server.user.command("SET", "k", data)
    server.forget()
    return server


def value(server: Observed, key: str = "k") -> bytes:
    reply = server.user.command("GET", key)
    assert reply.startswith(b"$")
    return reply.partition(b"\r\n")[2][:-2]


def encoding(server: Observed, key: str = "k") -> bytes:
    return server.run(f"OBJECT ENCODING {key}")


def dirty(server: Observed) -> int:
    return server.engine.keyspace.dirty


def watching(server: Observed, key: str = "k") -> Client:
    """A client in a transaction that fails once the key has changed."""
    client = server.client()
    client.command("WATCH", key)
    client.command("MULTI")
    return client


FAILED, DONE = b"*-1\r\n", b"*0\r\n"


class TestSetbit:
    def test_counts_bits_from_the_left(self) -> None:
        server = holding()
        for bit in (0, 7, 9, 23):
            assert server.run(f"SETBIT k {bit} 1") == ZERO
        assert value(server) == b"\x81\x40\x01"
        assert server.run("SETBIT k 7 1") == ONE
        assert server.run("SETBIT k 7 0") == ONE
        assert server.run("SETBIT k 7 0") == ZERO
        assert value(server) == b"\x80\x40\x01"

    def test_creates_and_grows_with_zeros(self) -> None:
        server = holding()
        assert server.run("SETBIT k 17 0") == ZERO
        assert value(server) == bytes(3)
        assert server.run("SETBIT k 33 1") == ZERO
        assert value(server) == b"\0\0\0\0\x40"
        assert encoding(server) == bulk(b"raw")

    def test_the_farthest_bit(self) -> None:
        server = holding()
        server.run("CONFIG SET proto-max-bulk-len 1mb")
        assert server.run("SETBIT k 8388607 1") == ZERO
        assert server.run("STRLEN k") == integer(1 << 20)
        assert server.run("SETBIT k 8388608 1") == server.run("GETBIT k 8388608") == BAD_OFFSET

    def test_tells_of_changes_only(self) -> None:
        server = holding(b"\x80")
        before = dirty(server)
        other = watching(server)
        assert server.run("SETBIT k 0 1") == ONE
        assert server.run("SETBIT k 7 0") == ZERO
        assert (dirty(server), server.logged(), server.heard()) == (before, [], [])
        assert other.command("EXEC") == DONE
        other = watching(server)
        server.run("SETBIT k 7 1")
        server.run("SETBIT k 15 0")
        assert dirty(server) == before + 2
        assert server.logged() == ["SETBIT k 7 1", "SETBIT k 15 0"]
        assert server.heard() == ["setbit k", "setbit k"]
        assert other.command("EXEC") == FAILED

    def test_a_new_key(self) -> None:
        server = holding()
        before = dirty(server)
        server.run("SETBIT k 0 0")
        assert dirty(server) == before + 1
        assert server.heard() == ["new k", "setbit k"]

    def test_keeps_the_deadline(self) -> None:
        server = holding(b"a")
        server.run("EXPIRE k 100")
        server.run("SETBIT k 0 1")
        assert server.run("TTL k") == integer(100)

    def test_of_a_number(self) -> None:
        server = holding()
        assert encoding(server, "n") == bulk(b"int")
        assert server.run("SETBIT n 6 0") == ZERO
        assert encoding(server, "n") == bulk(b"raw")
        assert server.run("SETBIT n 6 1") == ZERO
        assert value(server, "n") == b"3234"
        assert server.run("INCR n") == integer(3235)

    @pytest.mark.parametrize("offset", OFFSETS)
    def test_offsets(self, offset: str) -> None:
        server = holding(b"a")
        assert server.run(f"SETBIT k {offset} 1") == server.run(f"GETBIT k {offset}") == BAD_OFFSET

    @pytest.mark.parametrize("bit", ["2", "-1", "x", "''", "01", "9223372036854775808"])
    def test_bits(self, bit: str) -> None:
        assert holding(b"a").run(f"SETBIT k 0 {bit}") == BAD_BIT

    def test_errors_come_in_order(self) -> None:
        server = holding()
        assert server.run("SETBIT l 0 1") == WRONG_TYPE
        assert server.run("SETBIT l 0 2") == BAD_BIT
        assert server.run("SETBIT l x 2") == BAD_OFFSET
        assert server.run("SETBIT k 0") == b"-ERR wrong number of arguments for 'setbit' command\r\n"


class TestGetbit:
    def test_beyond_the_end_all_is_zero(self) -> None:
        server = holding(b"\x01\x80")
        assert [server.run(f"GETBIT k {bit}") for bit in (0, 7, 8, 9, 15, 16, 4294967295)] == [
            ZERO, ONE, ONE, ZERO, ZERO, ZERO, ZERO,
        ]  # fmt: skip
        assert server.run("GETBIT missing 0") == ZERO
        assert server.heard() == ["keymiss missing"]
        assert server.logged() == []

    def test_of_a_number(self) -> None:
        server = holding()
        assert [server.run(f"GETBIT n {bit}") for bit in range(8)] == [
            ZERO,
            ZERO,
            ONE,
            ONE,
            ZERO,
            ZERO,
            ZERO,
            ONE,
        ]
        assert encoding(server, "n") == bulk(b"int")

    def test_of_a_list(self) -> None:
        assert holding().run("GETBIT l 0") == WRONG_TYPE


class TestBitcount:
    @pytest.mark.parametrize(
        ("arguments", "count"),
        [
            # foobar: 4 6 6 3 3 4 bits
            ("", 26),
            ("0 0", 4),
            ("1 1", 6),
            ("0 -1", 26),
            ("0 -5", 10),
            ("-2 -1", 7),
            ("-100 1", 10),
            ("1 100", 22),
            ("5 5", 4),
            ("6 7", 0),
            ("3 2", 0),
            ("-1 -2", 0),
            ("-200 -100", 4),
            ("-100 -200", 0),
            ("1 1 BYTE", 6),
            ("5 30 BIT", 17),
            ("5 5 bit", 1),
            ("0 -1 BIT", 26),
            ("-1 -1 BIT", 0),
            ("-7 -5 BIT", 3),
            ("47 1000 BIT", 0),
            ("48 1000 BIT", 0),
            ("9223372036854775807 9223372036854775807", 0),
            ("-9223372036854775808 9223372036854775807", 26),
        ],
    )
    def test_of_a_range(self, arguments: str, count: int) -> None:
        server = holding(b"foobar")
        assert server.run(f"BITCOUNT k {arguments}") == integer(count)
        assert server.logged() == server.heard() == []

    def test_of_nothing(self) -> None:
        server = holding(b"")
        for key in ("missing", "k"):
            for arguments in ("", "0 -1", "0 0 BIT", "-5 -1"):
                assert server.run(f"BITCOUNT {key} {arguments}") == ZERO

    def test_of_a_number(self) -> None:
        assert holding().run("BITCOUNT n") == integer(3 + 3 + 4 + 3)

    def test_of_long_strings(self) -> None:
        server = holding(b"\xff\x0f" * 5000)
        assert server.run("BITCOUNT k") == integer(60_000)
        assert server.run("BITCOUNT k 1 -2") == integer(60_000 - 12)
        assert server.run("BITCOUNT k 1 -2 BIT") == integer(60_000 - 2)

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("0", SYNTAX),
            ("0 1 BITS", SYNTAX),
            ("0 1 BIT more", SYNTAX),
            ("x 1", NOT_AN_INTEGER),
            ("0 x", NOT_AN_INTEGER),
            ("0 9223372036854775808", NOT_AN_INTEGER),
        ],
    )
    def test_errors_come_before_the_key(self, arguments: str, error: bytes) -> None:
        server = holding(b"a")
        for key in ("k", "missing", "l"):
            assert server.run(f"BITCOUNT {key} {arguments}") == error

    def test_of_a_list(self) -> None:
        server = holding()
        assert server.run("BITCOUNT l") == server.run("BITCOUNT l 0 1") == WRONG_TYPE


class TestBitpos:
    @pytest.mark.parametrize(
        ("data", "arguments", "position"),
        [
            (b"\xff\xf0\x00", "0", 12),
            (b"\x00\xff\xf0", "1", 8),
            (b"\x00\xff\xf0", "1 0", 8),
            (b"\x00\xff\xf0", "1 2", 16),
            (b"\x00\xff\xf0", "1 2 -1 BYTE", 16),
            (b"\x00\xff\xf0", "1 7 15 BIT", 8),
            (b"\x00\xff\xf0", "1 7 -3 bit", 8),
            (b"\x00\xff\xf0", "0 8 15 BIT", -1),
            (b"\x00\xff\xf0", "0 9 -1 BIT", 20),
            (b"\x00\x00\x00", "1", -1),
            (b"\x00\x00\x00", "1 0 -1", -1),
            # Without an end a string of ones is followed by zeros, with one it is not.
            (b"\xff\xff\xff", "0", 24),
            (b"\xff\xff\xff", "0 0", 24),
            (b"\xff\xff\xff", "0 -1", 24),
            (b"\xff\xff\xff", "0 0 -1", -1),
            (b"\xff\xff\xff", "0 0 -1 BIT", -1),
            (b"\xff\xff\xff", "0 3", -1),
            (b"\xff\xff\xff", "0 100", -1),
            (b"\xff\xff\xff", "1 -100 100", 0),
            (b"\xff\xff\xff", "1 2 1", -1),
            (b"\xff\xff\xff", "1 -1 -2", -1),
            (b"\x00\x80", "1 -1", 8),
            (b"", "0", -1),
            (b"", "1", -1),
            (b"", "0 0 -1", -1),
            (b"\xff" * 1000 + b"\x7f", "0", 8000),
            (b"\x00" * 1000 + b"\x01", "1 3", 8007),
        ],
    )
    def test_of_a_range(self, data: bytes, arguments: str, position: int) -> None:
        server = holding(data)
        assert server.run(f"BITPOS k {arguments}") == integer(position)
        assert server.logged() == server.heard() == []

    def test_of_nothing(self) -> None:
        server = holding()
        for arguments in ("", "0", "5 9", "0 -1 BIT"):
            assert server.run(f"BITPOS missing 1 {arguments}") == MINUS_ONE
            assert server.run(f"BITPOS missing 0 {arguments}") == ZERO

    def test_of_a_number(self) -> None:
        assert holding().run("BITPOS n 1") == integer(2)

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("2", b"-ERR The bit argument must be 1 or 0.\r\n"),
            ("-1", b"-ERR The bit argument must be 1 or 0.\r\n"),
            ("x", NOT_AN_INTEGER),
            ("1 x", NOT_AN_INTEGER),
            ("1 0 x", NOT_AN_INTEGER),
            ("1 0 1 BITS", SYNTAX),
            ("1 0 1 BIT more", SYNTAX),
        ],
    )
    def test_errors_come_before_the_key(self, arguments: str, error: bytes) -> None:
        server = holding(b"a")
        for key in ("k", "missing", "l"):
            assert server.run(f"BITPOS {key} {arguments}") == error

    def test_of_a_list(self) -> None:
        assert holding().run("BITPOS l 1") == WRONG_TYPE


class TestBitop:
    @pytest.mark.parametrize(
        ("operation", "sources", "result"),
        [
            ("AND", [b"\x0f\xff", b"\x3c\x81"], b"\x0c\x81"),
            ("OR", [b"\x0f\xff", b"\x3c\x81"], b"\x3f\xff"),
            ("XOR", [b"\x0f\xff", b"\x3c\x81"], b"\x33\x7e"),
            ("NOT", [b"\x0f\xff"], b"\xf0\x00"),
            ("and", [b"\xff\xff\xff", b"\x0f"], b"\x0f\x00\x00"),
            ("or", [b"\x01", b"\x02\x03"], b"\x03\x03"),
            ("xor", [b"\x01", b"\x03\x03", b"\x04"], b"\x06\x03"),
            ("AND", [b"abc"], b"abc"),
            ("XOR", [b"abc", b"abc"], bytes(3)),
            ("OR", [b"", b"\x01"], b"\x01"),
            ("AND", [b"\xf0" * 1000, b"\x3c" * 999], b"\x30" * 999 + b"\0"),
        ],
    )
    def test_stores(self, operation: str, sources: list[bytes], result: bytes) -> None:
        server = holding(b"old")
        keys = [f"source{number}" for number in range(len(sources))]
        for key, source in zip(keys, sources, strict=True):
            server.user.command("SET", key, source)
        server.run("EXPIRE k 100")
        server.forget()
        before = dirty(server)
        line = f"BITOP {operation} k {' '.join(keys)}"
        assert server.run(line) == integer(len(result))
        assert value(server) == result
        assert server.run("TTL k") == MINUS_ONE
        assert dirty(server) == before + 1
        assert server.logged() == [line]
        assert server.heard() == ["set k"]

    def test_a_missing_source_is_empty(self) -> None:
        server = holding(b"\xff")
        assert server.run("BITOP AND r k missing") == ONE
        assert value(server, "r") == b"\0"
        assert server.run("BITOP OR r missing k") == ONE
        assert value(server, "r") == b"\xff"

    def test_an_empty_result_deletes(self) -> None:
        server = holding(b"old")
        before = dirty(server)
        for operation in ("AND", "OR", "XOR", "NOT"):
            assert server.run(f"BITOP {operation} k missing") == ZERO
        assert server.run("EXISTS k") == ZERO
        assert dirty(server) == before + 1
        assert server.logged() == ["BITOP AND k missing"]
        assert server.heard()[:2] == ["keymiss missing", "del k"]

    def test_over_its_own_source(self) -> None:
        server = holding(b"\x0f")
        assert server.run("BITOP NOT k k") == ONE
        assert value(server) == b"\xf0"

    def test_of_numbers(self) -> None:
        server = holding()
        assert server.run("BITOP OR k n") == integer(4)
        assert value(server) == b"1234"
        assert encoding(server) == bulk(b"raw")

    def test_errors(self) -> None:
        server = holding(b"a")
        assert server.run("BITOP NOT r k k") == b"-ERR BITOP NOT must be called with a single source key.\r\n"
        assert server.run("BITOP NAND r k") == SYNTAX
        assert server.run("BITOP NAND r l") == SYNTAX
        assert server.run("BITOP AND r k l") == server.run("BITOP NOT r l") == WRONG_TYPE
        assert server.run("BITOP AND l k") == ONE
        assert server.run("TYPE l") == b"+string\r\n"
        assert server.run("BITOP AND r") == b"-ERR wrong number of arguments for 'bitop' command\r\n"


class TestBitfield:
    @pytest.mark.parametrize(
        ("arguments", "reply"),
        [
            # k is 0x85 0x7f 0x00
            ("GET u8 0", [0x85]),
            ("GET i8 0", [-123]),
            ("get u1 0 GET i1 0 GET u1 1", [1, -1, 0]),
            ("GET u4 4 GET i4 4 GET u12 0", [5, 5, 0x857]),
            ("GET u8 #1 GET u4 #1 GET i5 #1", [0x7F, 5, -11]),
            ("GET u63 0 GET i64 0", [0x857F << 47, (0x857F << 48) - (1 << 64)]),
            ("GET u8 16 GET u8 20 GET u8 1000", [0, 0, 0]),
            ("", []),
            ("OVERFLOW FAIL", []),
        ],
    )
    def test_get(self, arguments: str, reply: list[int]) -> None:
        server = holding(b"\x85\x7f\x00")
        assert server.run(f"BITFIELD k {arguments}") == integers(*reply)
        assert server.logged() == server.heard() == []
        if "OVERFLOW" not in arguments:
            assert server.run(f"BITFIELD_RO k {arguments}") == integers(*reply)

    def test_get_of_nothing(self) -> None:
        server = holding()
        assert server.run("BITFIELD missing GET u8 0 GET i64 #3") == integers(0, 0)
        assert server.run("BITFIELD_RO missing GET u8 0") == integers(0)
        assert server.run("EXISTS missing") == ZERO

    def test_get_of_a_number(self) -> None:
        server = holding()
        assert server.run("BITFIELD n GET u8 #2") == integers(ord("3"))
        assert encoding(server, "n") == bulk(b"int")

    @pytest.mark.parametrize(
        ("arguments", "reply", "result"),
        [
            ("SET u8 0 255", [0x85], b"\xff\x7f\x00"),
            ("SET i8 0 -1", [-123], b"\xff\x7f\x00"),
            ("SET u4 4 0", [5], b"\x80\x7f\x00"),
            ("SET u12 6 4095", [0x5FC], b"\x87\xff\xc0"),
            ("SET u8 #4 1", [0], b"\x85\x7f\x00\x00\x01"),
            ("SET u8 0 257", [0x85], b"\x01\x7f\x00"),
            ("SET u8 0 -1", [0x85], b"\xff\x7f\x00"),
            ("SET i8 0 128", [-123], b"\x80\x7f\x00"),
            ("OVERFLOW SAT SET u8 0 257", [0x85], b"\xff\x7f\x00"),
            ("OVERFLOW SAT SET i8 0 128", [-123], b"\x7f\x7f\x00"),
            ("OVERFLOW SAT SET i8 0 -129", [-123], b"\x80\x7f\x00"),
            ("OVERFLOW FAIL SET u8 0 257", [None], b"\x85\x7f\x00"),
            ("SET u8 0 1 GET u8 0 SET u8 0 2", [0x85, 1, 1], b"\x02\x7f\x00"),
            ("INCRBY u8 0 1", [0x86], b"\x86\x7f\x00"),
            ("INCRBY u8 0 123", [0], b"\x00\x7f\x00"),
            ("INCRBY i8 8 1", [-128], b"\x85\x80\x00"),
            ("INCRBY i8 8 -1", [126], b"\x85\x7e\x00"),
            ("INCRBY u2 22 5", [1], b"\x85\x7f\x01"),
            ("overflow sat incrby i8 8 1", [127], b"\x85\x7f\x00"),
            ("OVERFLOW SAT INCRBY u8 16 -1", [0], b"\x85\x7f\x00"),
            ("OVERFLOW SAT INCRBY i8 0 -100", [-128], b"\x80\x7f\x00"),
            ("OVERFLOW FAIL INCRBY i8 8 1", [None], b"\x85\x7f\x00"),
            ("OVERFLOW FAIL INCRBY i8 8 1 INCRBY u8 0 1", [None, 0x86], b"\x86\x7f\x00"),
            ("OVERFLOW SAT OVERFLOW WRAP INCRBY i8 8 1", [-128], b"\x85\x80\x00"),
            ("OVERFLOW SAT INCRBY i8 8 1 OVERFLOW WRAP INCRBY i8 8 1", [127, -128], b"\x85\x80\x00"),
            ("INCRBY i8 #3 9223372036854775807", [-1], b"\x85\x7f\x00\xff"),
        ],
    )
    def test_writes(self, arguments: str, reply: list[int | None], result: bytes) -> None:
        server = holding(b"\x85\x7f\x00")
        assert server.run(f"BITFIELD k {arguments}") == integers(*reply)
        assert value(server) == result

    def test_64_bits(self) -> None:
        server = holding()
        assert server.run("BITFIELD k SET i64 0 9223372036854775807 INCRBY i64 0 1") == integers(
            0, -(1 << 63)
        )
        assert server.run("BITFIELD k OVERFLOW SAT INCRBY i64 0 -1") == integers(-(1 << 63))
        assert server.run("BITFIELD k SET u63 0 9223372036854775807 INCRBY u63 0 1") == integers(1 << 62, 0)

    def test_null_in_resp3(self) -> None:
        server = holding(b"\xff", protocol=3)
        assert server.run("BITFIELD k OVERFLOW FAIL INCRBY u8 0 1") == integers(None, null=NULL3)

    def test_tells_of_changes(self) -> None:
        server = holding(b"\x85\x7f\x00")
        before = dirty(server)
        server.run("BITFIELD k SET u8 0 1 INCRBY u8 0 1 GET u8 0")
        assert dirty(server) == before + 2
        assert server.heard() == ["setbit k"]
        assert server.logged() == ["BITFIELD k SET u8 0 1 INCRBY u8 0 1 GET u8 0"]

    def test_tells_nobody_when_nothing_changes(self) -> None:
        server = holding(b"\x85\x7f\x00")
        before = dirty(server)
        other = watching(server)
        server.run("BITFIELD k SET u8 0 133 INCRBY u8 0 0 OVERFLOW FAIL INCRBY u8 0 200")
        assert (dirty(server), server.logged(), server.heard()) == (before, [], [])
        assert other.command("EXEC") == DONE
        assert encoding(server) == bulk(b"raw")

    def test_a_new_key(self) -> None:
        server = holding()
        before = dirty(server)
        assert server.run("BITFIELD k SET u8 #2 0") == integers(0)
        assert value(server) == bytes(3)
        assert dirty(server) == before + 1
        assert server.heard() == ["new k", "setbit k"]

    def test_growing_in_vain_is_logged(self) -> None:
        """Redis grows the string in silence; then a replica would not have what is here."""
        server = holding(b"\xff")
        other = watching(server)
        assert server.run("BITFIELD k OVERFLOW FAIL INCRBY u8 0 1 SET u8 #3 256") == integers(None, None)
        assert value(server) == b"\xff\0\0\0"
        assert server.heard() == []
        assert len(server.logged()) == 1
        assert other.command("EXEC") == FAILED

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("GET u64 0", BAD_FIELD_TYPE),
            ("GET i65 0", BAD_FIELD_TYPE),
            ("GET u0 0", BAD_FIELD_TYPE),
            ("GET 8 0", BAD_FIELD_TYPE),
            ("GET U8 0", BAD_FIELD_TYPE),
            ("GET u08 0", BAD_FIELD_TYPE),
            ("GET '' 0", BAD_FIELD_TYPE),
            ("GET u8 -1", BAD_OFFSET),
            ("GET u8 #", BAD_OFFSET),
            ("GET u8 #-1", BAD_OFFSET),
            ("GET u8 x", BAD_OFFSET),
            ("GET u8 4294967296", BAD_OFFSET),
            ("GET u8 #536870912", BAD_OFFSET),
            ("SET u8 0 x", NOT_AN_INTEGER),
            ("SET u8 0 9223372036854775808", NOT_AN_INTEGER),
            ("INCRBY u8 0 ''", NOT_AN_INTEGER),
            ("OVERFLOW NEVER", BAD_OVERFLOW),
            ("OVERFLOW", SYNTAX),
            ("GET u8", SYNTAX),
            ("SET u8 0", SYNTAX),
            ("INCRBY u8 0", SYNTAX),
            ("DECRBY u8 0 1", SYNTAX),
            ("SET u8 0 1 GET", SYNTAX),
        ],
    )
    def test_errors_come_before_any_change(self, arguments: str, error: bytes) -> None:
        server = holding(b"a")
        assert server.run(f"BITFIELD k {arguments}") == error
        assert value(server) == b"a"
        assert server.run(f"BITFIELD l {arguments}") == error
        assert server.logged() == []

    def test_the_read_only_form(self) -> None:
        server = holding(b"a")
        for arguments in ("SET u8 0 1", "INCRBY u8 0 1", "GET u8 0 SET u8 0 1"):
            assert server.run(f"BITFIELD_RO k {arguments}") == READ_ONLY
        assert server.run("BITFIELD_RO k SET u8 0 x") == NOT_AN_INTEGER
        assert server.run("BITFIELD_RO k OVERFLOW WRAP GET u8 0") == integers(ord("a"))
        assert value(server) == b"a"

    def test_of_a_list(self) -> None:
        server = holding()
        for line in ("BITFIELD l GET u8 0", "BITFIELD l SET u8 0 1", "BITFIELD_RO l GET u8 0"):
            assert server.run(line) == WRONG_TYPE

    def test_keys(self) -> None:
        server = holding(protocol=3)
        read = b"*1\r\n*2\r\n$1\r\nk\r\n~2\r\n+RO\r\n+access\r\n"
        written = b"*1\r\n*2\r\n$1\r\nk\r\n~3\r\n+RW\r\n+access\r\n+update\r\n"
        asked = "COMMAND GETKEYSANDFLAGS BITFIELD k"
        assert server.run(f"{asked} GET u8 0") == server.run(f"{asked} OVERFLOW SAT GET u8 0") == read
        assert server.run(f"{asked} GET u8 0 SET u8 0 1") == server.run(f"{asked} nonsense") == written
