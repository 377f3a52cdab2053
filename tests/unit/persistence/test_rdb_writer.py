"""Writing RDB files: what is written is read back equal, and is what a real server writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis.datatypes.value import Value, encoding_name
from pyredis.persistence import rdb_format as rdb
from pyredis.persistence.dump_payload import dump, is_intact, restore
from pyredis.persistence.keyspace_snapshot import KeyspaceSnapshot, write_all
from pyredis.persistence.rdb_input import NoSource, RdbInput
from pyredis.persistence.rdb_loader import load_all
from pyredis.persistence.rdb_output import ByteSink, RdbOutput
from tests.support.inprocess import InProcess
from tests.unit.persistence.test_rdb_reader import Pieces

if TYPE_CHECKING:
    from tests.support.inprocess import Client

NOW_MS = 1_700_000_000_000


class Memory(ByteSink):
    def __init__(self) -> None:
        self.data = b""
        self.writes = 0

    def write(self, data: bytes) -> None:
        self.data += data
        self.writes += 1


def server() -> InProcess:
    made = InProcess()
    made.config.assign("enable-debug-command", "yes")
    return made


def written(made: InProcess) -> bytes:
    sink = Memory()
    write_all(made.engine, sink)
    return sink.data


def reloaded(made: InProcess) -> InProcess:
    other = server()
    load_all(other.engine, Pieces(written(made), 100, True))
    for database in other.engine.keyspace.databases:
        database.check()
        for value in database.values.items():
            if isinstance(value[1], Value):
                value[1].check()
    return other


def digest(made: InProcess) -> bytes:
    return made.client().command("DEBUG", "DIGEST")


def fill(client: Client) -> None:
    """Every type in every encoding, around the limits."""
    for size in (1, 2, 3, 31, 32, 33, 127, 128, 129, 511, 512, 513, 1500):
        client.command("RPUSH", f"l{size}", *[f"e{number}" for number in range(size)])
        client.command("RPUSH", f"n{size}", *[number * number - 50 for number in range(size)])
        client.command("SADD", f"s{size}", *[f"m{number}" for number in range(size)])
        client.command("SADD", f"i{size}", *[(-7) ** (number % 22) + number for number in range(size)])
        scores = [part for number in range(size) for part in (number / 7, f"m{number}")]
        client.command("ZADD", f"z{size}", *scores)
        client.command(
            "HSET", f"h{size}", *[part for number in range(size) for part in (f"f{number}", number)]
        )
    for length in (63, 64, 65, 4095, 4096, 8200, 20_000):
        text = "x" * length
        client.command("SET", f"s:{length}", text)
        client.command("RPUSH", f"l:{length}", "a", text, "b")
        client.command("SADD", f"set:{length}", text, "b")
        client.command("ZADD", f"z:{length}", 1, text, "inf", "b")
        client.command("HSET", f"h:{length}", text, "v", "f", text)
    for number in range(250):
        client.command("XADD", "stream", f"{number + 1}-{number}", "a", number, "b", "x" * (number % 30))
    client.command("XDEL", "stream", "5-4", "100-99")
    client.command("XGROUP", "CREATE", "stream", "g", "3-2")
    client.command("XREADGROUP", "GROUP", "g", "alice", "COUNT", 7, "STREAMS", "stream", ">")
    client.command("XREADGROUP", "GROUP", "g", "bob", "COUNT", 3, "STREAMS", "stream", ">")
    client.command("XGROUP", "CREATECONSUMER", "stream", "g", "idle")
    client.command("XADD", "empty stream", "1-1", "a", "b")
    client.command("XDEL", "empty stream", "1-1")
    client.command("SET", "counted", 5)
    client.command("INCRBY", "counted", 1 << 40)
    client.command("APPEND", "edited", "12345")
    client.command("SET", "volatile", "v", "PXAT", NOW_MS + 5000)
    client.command("SELECT", 3)
    client.command("SET", "elsewhere", "v", "PXAT", NOW_MS + 5000)
    client.command("SELECT", 0)


def test_everything_comes_back() -> None:
    made = server()
    client = made.client()
    fill(client)
    other = reloaded(made)
    assert digest(other) == digest(made)
    for database, twin in zip(made.engine.keyspace.databases, other.engine.keyspace.databases, strict=True):
        for key, value in database.values.items():
            # A short string that was edited in place is raw until it is saved; a list that has grown at once may be
            # a larger listpack than one that is loaded.
            if key not in (b"edited", b"l1500", b"n1500"):
                assert encoding_name(twin.values.get(key)) == encoding_name(value), key
            assert twin.deadline(key) == database.deadline(key)
    for argv in (("XINFO", "STREAM", "stream"), ("XPENDING", "stream", "g", "-", "+", 20)):
        assert other.client().command(*argv) == client.command(*argv)
    assert written(made)[:9] == b"REDIS0010"


def test_deadlines_of_fields_need_a_newer_version() -> None:
    made = server()
    client = made.client()
    client.command("HSET", "small", "f", "v", "g", "w")
    client.command("HPEXPIREAT", "small", NOW_MS + 5000, "FIELDS", 1, "f")
    fields = [f"f{number}" for number in range(600)]
    client.command("HSET", "large", *[part for field in fields for part in (field, "v")])
    client.command("HPEXPIREAT", "large", NOW_MS + 7000, "FIELDS", 2, "f7", "f8")
    client.command("HPEXPIREAT", "large", NOW_MS + 6000, "FIELDS", 1, "f9")
    client.command("XADD", "stream", "1-1", "a", "b")
    client.command("XGROUP", "CREATE", "stream", "g", "0")
    client.command("XGROUP", "CREATECONSUMER", "stream", "g", "idle")
    other = reloaded(made)
    assert written(made)[:9] == b"REDIS0012"
    assert digest(other) == digest(made)
    twin = other.client()
    for argv in (
        ("HPEXPIRETIME", "small", "FIELDS", 2, "f", "g"),
        ("HPEXPIRETIME", "large", "FIELDS", 4, "f6", "f7", "f8", "f9"),
        ("OBJECT", "ENCODING", "small"),
        ("OBJECT", "ENCODING", "large"),
        ("XINFO", "CONSUMERS", "stream", "g"),
    ):
        assert twin.command(*argv) == client.command(*argv)
    client.command("HPERSIST", "small", "FIELDS", 1, "f")
    client.command("HPERSIST", "large", "FIELDS", 3, "f7", "f8", "f9")
    assert written(made)[:9] == b"REDIS0010"


def test_what_is_noted_of_accesses_follows_the_policy() -> None:
    for policy, record in (
        (b"noeviction", b""),
        (b"allkeys-lru", b"\xf8\x05"),
        (b"volatile-lfu", b"\xf9\x05"),
    ):
        made = InProcess((b"maxmemory-policy", policy))
        made.client().command("SET", "k", "v")
        if policy == b"allkeys-lru":
            made.clock.advance(5000)
        assert b"\xfb\x01\x00" + record + b"\x00\x01k\x01v\xff" in written(made)


def test_compression_and_checksum_can_be_left_out() -> None:
    made = server()
    made.client().command("SET", "k", "a" * 100)
    assert b"\xc3" in written(made)
    made.config.assign("rdbcompression", False)
    assert b"\x00\x01k\x40\x64" + b"a" * 100 + b"\xff" in written(made)
    made.config.assign("rdbchecksum", False)
    assert written(made)[-8:] == b"\0" * 8
    assert digest(reloaded(made)) == digest(made)


def test_a_large_value_is_passed_on_in_parts() -> None:
    made = server()
    made.config.assign("rdbcompression", False)
    made.client().command("SADD", "k", *["m" * 1000 + str(number) for number in range(1000)])
    sink = Memory()
    snapshot = KeyspaceSnapshot(made.engine, sink)
    while snapshot.step():
        pass
    assert snapshot.writer.keys == 1
    assert sink.writes > 3


NUMBERS = st.one_of(
    st.integers(-(1 << 70), 1 << 70),
    st.integers(-200, 200),
    st.sampled_from([1 << 15, -(1 << 15), 1 << 31, -(1 << 31), 1 << 63, -(1 << 63)]),
)
TEXTS = st.one_of(st.binary(max_size=100), NUMBERS.map(lambda number: b"%d" % number), st.just(b"ab" * 300))


@given(TEXTS, st.booleans())
def test_strings_there_and_back(text: bytes, compresses: bool) -> None:
    out = RdbOutput(None, compresses, False)
    out.string(text)
    assert RdbInput(NoSource(), out.out.getvalue()).string("a string") == text


@given(st.integers(0, (1 << 64) - 1))
def test_numbers_there_and_back(number: int) -> None:
    out = RdbOutput(None, False, False)
    out.unsigned(number)
    data = out.out.getvalue()
    assert RdbInput(NoSource(), data).unsigned("a number") == number
    if number < 1 << 63:
        assert RdbInput(NoSource(), data).length("a number") == number


@settings(max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=60), st.sampled_from([-5, -1, 1, 2, 50]))
def test_collections_there_and_back(texts: list[bytes], directive: int) -> None:
    made = server()
    made.config.set_many([(b"list-max-listpack-size", b"%d" % directive)])
    client = made.client()
    client.command("RPUSH", "list", *texts)
    client.command("SADD", "set", *texts)
    client.command("HSET", "hash", *[part for text in texts for part in (text, text[::-1])])
    client.command("ZADD", "zset", *[part for text in texts for part in (len(text) * 0.37, text)])
    assert digest(reloaded(made)) == digest(made)


# Payloads of DUMP, as a real server gives them.


def payload(client: Client, made: InProcess, *argv: bytes | str | int) -> bytes:
    client.command("DEL", "k")
    client.command(*argv)
    return dump(made.engine, made.engine.keyspace.databases[0].values.get(b"k"))


def test_payloads_of_a_real_server() -> None:
    """Taken from redis-server 7.0.15."""
    made = server()
    client = made.client()
    assert payload(client, made, "SET", "k", 780) == bytes.fromhex("00c10c030a004f439bd9d4057587")
    assert payload(client, made, "SET", "k", "abc")[:-8] == b"\x00\x03abc\x0a\x00"
    assert payload(client, made, "RPUSH", "k", "a", 1)[:-8] == (
        b"\x12\x01\x02\x0c\x0c\x00\x00\x00\x02\x00\x81a\x02\x01\x01\xff\x0a\x00"
    )
    assert payload(client, made, "ZADD", "k", "1.5", "m")[:-8] == (
        b"\x11\x0f\x0f\x00\x00\x00\x02\x00\x81m\x02\x831.5\x04\xff\x0a\x00"
    )
    assert payload(client, made, "SADD", "k", 1, 2)[:-8] == (
        b"\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00\x0a\x00"
    )


def test_every_damaged_payload_is_noticed() -> None:
    made = server()
    good = payload(made.client(), made, "HSET", "k", "f", "v")
    assert is_intact(made.engine, good)
    assert restore(made.engine, good).flat_pairs() == [b"f", b"v"]
    for place in range(len(good)):
        damaged = good[:place] + bytes([good[place] ^ 4]) + good[place + 1 :]
        assert not is_intact(made.engine, damaged)
        assert not is_intact(made.engine, good[:place])


@pytest.mark.parametrize("kind", [rdb.STRING, 8, 26, 255])
def test_a_payload_that_makes_no_sense(kind: int) -> None:
    assert restore(server().engine, bytes([kind]) + b"\x05ab" + b"\0" * 10) is None
