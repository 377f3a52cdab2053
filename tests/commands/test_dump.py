"""DUMP RESTORE RESTORE-ASKING: replies, errors in Redis's order, deadlines, histories, events and effects."""

from __future__ import annotations

import pytest

from pyredis.persistence.crc64 import crc64
from tests.support.observed import Observed

NOW_MS = 1_700_000_000_000
OK = b"+OK\r\n"
HELLO = bytes.fromhex("000568656c6c6f0a00") + crc64(0, bytes.fromhex("000568656c6c6f0a00")).to_bytes(
    8, "little"
)
"""What redis-server 7.0.15 answers to DUMP of `hello`."""


def sealed(body: bytes, version: int = 10) -> bytes:
    """A payload with a right version and checksum."""
    body += version.to_bytes(2, "little")
    return body + crc64(0, body).to_bytes(8, "little")


@pytest.fixture
def server() -> Observed:
    return Observed()


def restore(server: Observed, *argv: bytes | str | int) -> bytes:
    return server.user.command("RESTORE", *argv)


def test_dump(server: Observed) -> None:
    assert server.run("DUMP k") == b"$-1\r\n"
    server.run("SET k hello")
    assert server.run("DUMP k") == b"$%d\r\n%b\r\n" % (len(HELLO), HELLO)
    assert Observed(protocol=3).run("DUMP k") == b"_\r\n"
    server.run("PEXPIREAT k 1")
    assert server.run("DUMP k") == b"$-1\r\n"


def test_restore_creates_a_key(server: Observed) -> None:
    assert restore(server, "k", 0, HELLO) == OK
    assert server.run("GET k") == b"$5\r\nhello\r\n"
    assert server.run("PEXPIRETIME k") == b":-1\r\n"


@pytest.mark.parametrize(
    "line",
    [
        "SET k hello",
        "SET k 12345",
        "RPUSH k a 1 b",
        "SADD k 1 2 3",
        "SADD k a b",
        "ZADD k 1.5 a inf b",
        "HSET k f v",
        "XADD k 1-1 f v",
        "GEOADD k 1 2 here",
        "PFADD k a b c",
        "SETBIT k 100 1",
    ],
)
def test_what_is_dumped_is_restored(server: Observed, line: str) -> None:
    server.run(line)
    payload = server.run("DUMP k").split(b"\r\n", 1)[1][:-2]
    assert restore(server, "copy", 0, payload) == OK
    server.config.assign("enable-debug-command", "yes")
    one, two = (server.run(f"DEBUG DIGEST-VALUE {key}") for key in ("k", "copy"))
    assert one == two
    # Strings that were edited in place are raw until they are stored again.
    if line.split()[0] not in ("SETBIT", "PFADD"):
        assert server.run("OBJECT ENCODING copy") == server.run("OBJECT ENCODING k")


def test_deadlines_of_fields_travel(server: Observed) -> None:
    server.run("HSET k f v g w")
    server.run(f"HPEXPIREAT k {NOW_MS + 500} FIELDS 1 f")
    payload = server.run("DUMP k").split(b"\r\n", 1)[1][:-2]
    assert payload[-10:-8] == b"\x0c\x00"
    assert restore(server, "copy", 0, payload) == OK
    assert server.run("HPEXPIRETIME copy FIELDS 2 f g") == b"*2\r\n:%d\r\n:-1\r\n" % (NOW_MS + 500)
    server.clock.advance(1000)
    assert restore(server, "later", 0, payload) == OK
    assert server.run("HGETALL later") == b"*2\r\n$1\r\ng\r\n$1\r\nw\r\n"
    assert server.run("HGETALL copy") == b"*2\r\n$1\r\ng\r\n$1\r\nw\r\n"


def test_deadlines(server: Observed) -> None:
    assert restore(server, "k", 500, HELLO) == OK
    assert server.run("PEXPIRETIME k") == b":%d\r\n" % (NOW_MS + 500)
    assert restore(server, "l", NOW_MS + 700, HELLO, "absttl") == OK
    assert server.run("PEXPIRETIME l") == b":%d\r\n" % (NOW_MS + 700)
    # Past already, or so far ahead that a 64-bit time wraps around.
    for ttl, option in ((NOW_MS, "ABSTTL"), (1, "ABSTTL"), ((1 << 63) - 1, "REPLACE")):
        assert restore(server, "m", ttl, HELLO, option) == OK
        assert server.run("EXISTS m") == b":0\r\n"


def test_an_existing_key_is_only_replaced_on_demand(server: Observed) -> None:
    server.run(f"SET k old PXAT {NOW_MS + 99}")
    assert restore(server, "k", 0, HELLO) == b"-BUSYKEY Target key name already exists.\r\n"
    assert restore(server, "k", 0, HELLO, "Replace") == OK
    assert server.run("GET k") == b"$5\r\nhello\r\n"
    assert server.run("PEXPIRETIME k") == b":-1\r\n"


def test_errors_come_in_the_order_of_redis(server: Observed) -> None:
    bad = b"-ERR DUMP payload version or checksum are wrong\r\n"
    assert server.run("RESTORE k 0") == b"-ERR wrong number of arguments for 'restore' command\r\n"
    assert restore(server, "k", "x", b"", "WHAT") == b"-ERR syntax error\r\n"
    assert restore(server, "k", "x", b"", "IDLETIME") == b"-ERR syntax error\r\n"
    assert restore(server, "k", "x", b"", "IDLETIME", 1, "FREQ", 1) == b"-ERR syntax error\r\n"
    assert restore(server, "k", "x", b"", "FREQ", 1, "IDLETIME", 1) == b"-ERR syntax error\r\n"
    assert restore(server, "k", 0, b"", "IDLETIME", -1) == b"-ERR Invalid IDLETIME value, must be >= 0\r\n"
    assert (
        restore(server, "k", 0, b"", "FREQ", 256) == b"-ERR Invalid FREQ value, must be >= 0 and <= 255\r\n"
    )
    assert restore(server, "k", 0, b"", "FREQ", "x") == b"-ERR value is not an integer or out of range\r\n"
    assert restore(server, "k", "x", b"") == b"-ERR value is not an integer or out of range\r\n"
    assert restore(server, "k", -1, b"") == b"-ERR Invalid TTL value, must be >= 0\r\n"
    assert restore(server, "k", 0, b"") == bad
    assert restore(server, "k", 0, HELLO[:-1] + b"x") == bad
    assert restore(server, "k", 0, sealed(b"\x00\x01a", 13)) == bad
    assert restore(server, "k", 0, sealed(b"\x00\x01a", 12)) == OK
    for body in (b"", b"\x00", b"\x00\x05abc", b"\x06", b"\x01\x00", b"\xff", b"\x13" + b"\x01" * 30):
        assert restore(server, "l", 0, sealed(body)) == b"-ERR Bad data format\r\n"
    server.run("SET k v")
    assert restore(server, "k", "x", b"") == b"-BUSYKEY Target key name already exists.\r\n"
    assert restore(server, "k", "x", b"", "REPLACE") == b"-ERR value is not an integer or out of range\r\n"


def test_histories(server: Observed) -> None:
    assert restore(server, "k", 0, HELLO, "IDLETIME", 1000) == OK
    assert server.run("OBJECT IDLETIME k") == b":1000\r\n"
    assert restore(server, "l", 0, HELLO, "FREQ", 77) == OK
    assert server.run("OBJECT IDLETIME l") == b":0\r\n"
    frequent = Observed((b"maxmemory-policy", b"allkeys-lfu"))
    assert restore(frequent, "k", 0, HELLO, "FREQ", 77) == OK
    assert frequent.run("OBJECT FREQ k") == b":77\r\n"
    assert restore(frequent, "l", 0, HELLO, "IDLETIME", 77) == OK
    assert frequent.run("OBJECT FREQ l") == b":5\r\n"


def payload_text() -> str:
    return HELLO.decode("latin-1")


def test_events_and_effects(server: Observed) -> None:
    restore(server, "k", 0, HELLO)
    assert server.heard() == ["new k", "restore k"]
    assert server.logged() == [f"RESTORE k 0 {payload_text()}"]
    restore(server, "k", 500, HELLO, "REPLACE", "IDLETIME", 5)
    assert server.heard() == ["new k", "restore k"]
    assert server.logged() == [f"RESTORE k {NOW_MS + 500} {payload_text()} REPLACE IDLETIME 5 ABSTTL"]
    restore(server, "k", NOW_MS + 500, HELLO, "REPLACE", "ABSTTL")
    assert server.logged() == [f"RESTORE k {NOW_MS + 500} {payload_text()} REPLACE ABSTTL"]
    server.forget()
    restore(server, "k", 1, HELLO, "REPLACE", "ABSTTL")
    assert server.heard() == ["del k"]
    assert server.logged() == ["DEL k"]
    restore(server, "k", 1, HELLO, "REPLACE", "ABSTTL")
    assert (server.heard(), server.logged()) == ([], [])
    server.user.command("RESTORE-ASKING", "k", 5, HELLO)
    assert server.logged() == [f"RESTORE-ASKING k {NOW_MS + 5} {payload_text()} ABSTTL"]


def test_a_lazy_server_unlinks() -> None:
    server = Observed((b"lazyfree-lazy-server-del", b"yes"))
    server.run("RPUSH k " + " ".join(map(str, range(5000))))
    server.forget()
    restore(server, "k", 1, HELLO, "REPLACE", "ABSTTL")
    assert server.logged() == ["UNLINK k"]
    assert server.engine.keyspace.lazy_free.pending == 1


def test_watchers_and_waiters_hear_of_it(server: Observed) -> None:
    server.run("WATCH k")
    restore(server, "k", 0, HELLO)
    server.run("MULTI")
    server.run("PING")
    assert server.run("EXEC") == b"*-1\r\n"
    server.run("RPUSH list a")
    payload = server.run("DUMP list").split(b"\r\n", 1)[1][:-2]
    waiting = server.client()
    assert waiting.command("BLPOP", "other", 0) == b""
    restore(server, "other", 0, payload)
    assert waiting.received() == b"*2\r\n$5\r\nother\r\n$1\r\na\r\n"
