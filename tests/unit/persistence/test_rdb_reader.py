"""Reading RDB files: every type and opcode of every version, and everything that has to be refused."""

from __future__ import annotations

import gc
import random
import struct
import tracemalloc
from typing import Any

import pytest

from pyredis.datatypes.hash_value import HashValue
from pyredis.datatypes.stream import Stream
from pyredis.persistence import rdb_format as rdb
from pyredis.persistence.errors import RdbError
from pyredis.persistence.rdb_input import ByteSource, NoSource, RdbInput
from pyredis.persistence.rdb_loader import RdbLoader
from pyredis.persistence.rdb_reader import RdbReader, module_name
from tests.support.inprocess import InProcess
from tests.support.rdb_bytes import file, length, packed_list, string, u16, u32, u64, value, zip_list

NOW_MS = 1_700_000_000_000
LIBRARY = b"#!lua name=mylib\nredis.register_function('f', function() return 1 end)"


class Pieces(ByteSource):
    """Gives the data in pieces of one size; its end is known or not."""

    def __init__(self, data: bytes, size: int, is_known: bool) -> None:
        self.data = data
        self.size = size
        self.is_known = is_known
        self.place = 0

    def read(self, size: int) -> bytes:
        part = self.data[self.place : self.place + min(size, self.size)]
        self.place += len(part)
        return part

    def remaining(self) -> int:
        return len(self.data) - self.place if self.is_known else -1


class Loaded:
    """An engine with the keys of a file."""

    def __init__(self, data: bytes, source: ByteSource | None = None, sums: bool = True) -> None:
        self.server = InProcess()
        self.client = self.server.client()
        self.loader = RdbLoader(self.server.engine)
        given = RdbInput(NoSource(), data, sums) if source is None else RdbInput(source, b"", sums)
        self.reader = RdbReader(given, self.loader, self.server.engine)
        self.reader.begin()
        while self.reader.step(2):
            pass
        for database in self.server.engine.keyspace.databases:
            database.check()

    def value(self, key: bytes = b"k") -> Any:
        stored = self.server.engine.keyspace.databases[0].values.get(key)
        if hasattr(stored, "check"):
            stored.check()
        return stored


def stored(kind: int, body: bytes) -> Any:
    """What a value of a type is read as."""
    return Loaded(file(value(kind, body))).value()


def refused(data: bytes, source: ByteSource | None = None) -> RdbError:
    with pytest.raises(RdbError) as caught:
        Loaded(data, source)
    return caught.value


def double(number: float) -> bytes:
    return struct.pack("<d", number)


# Strings and lengths.


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"\x00", b""),
        (b"\x03abc", b"abc"),
        (b"\x40\x03abc", b"abc"),
        (b"\x80\x00\x00\x00\x03abc", b"abc"),
        (b"\x81" + b"\x00" * 7 + b"\x03abc", b"abc"),
        (string(b"x" * 63), b"x" * 63),
        (string(b"x" * 64), b"x" * 64),
        (string(b"x" * 16383), b"x" * 16383),
        (string(b"x" * 300_000), b"x" * 300_000),
        (b"\xc0\x80", b"-128"),
        (b"\xc0\x7f", b"127"),
        (b"\xc1\x00\x80", b"-32768"),
        (b"\xc2\x00\x00\x00\x80", b"-2147483648"),
        (b"\xc2\xff\xff\xff\x7f", b"2147483647"),
        (b"\xc3\x04\x10\x00a\xe0\x06\x00"[:1] + b"\x05\x10" + b"\x00a\xe0\x06\x00", b"a" * 16),
    ],
)
def test_strings(body: bytes, text: bytes) -> None:
    assert stored(rdb.STRING, body) == text


@pytest.mark.parametrize(
    "body",
    [
        b"\xc4",
        b"\x82",
        b"\xbf",
        b"\x05abcd",
        b"\x81\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xc3\x05\x11\x00a\xe0\x06\x00",
        b"\xc3\x05\x80\xff\xff\xff\xff\x00a\xe0\x06\x00",
        b"\xc3\x80\xff\xff\xff\xff\x10",
    ],
)
def test_damaged_strings(body: bytes) -> None:
    refused(file(value(rdb.STRING, body)))


# Lists.


def list_of(loaded: Any) -> list[bytes]:
    found: list[bytes] = loaded.values()
    return found


def test_lists() -> None:
    three = [b"a", b"", b"ccc"]
    plain = length(3) + b"".join(map(string, three))
    assert list_of(stored(rdb.LIST, plain)) == three
    assert list_of(stored(rdb.LIST_ZIPLIST, string(zip_list(*three)))) == three
    nodes = length(2) + string(zip_list(b"a", b"")) + string(zip_list(b"ccc"))
    assert list_of(stored(rdb.LIST_QUICKLIST, nodes)) == three
    nodes = length(3) + b"\x02" + string(packed_list(b"a")) + b"\x01" + string(b"") + b"\x02"
    assert list_of(stored(rdb.LIST_QUICKLIST_2, nodes + string(packed_list(b"ccc")))) == three


def test_a_list_with_a_node_of_another_kind() -> None:
    assert "the kind of a node, found 3" in refused(file(value(18, b"\x01\x03\x01a"))).reason


# Sets.


def test_sets() -> None:
    loaded = Loaded(file(value(rdb.SET, length(3) + string(b"a") + b"\xc0\x05" + string(b"c"))))
    assert sorted(loaded.value().members()) == [b"5", b"a", b"c"]
    assert loaded.value().encoding() == b"listpack"
    numbers = stored(rdb.SET, length(2) + b"\xc0\x05\xc0\x03")
    assert numbers.members() == [b"3", b"5"]
    assert numbers.encoding() == b"intset"
    numbers = stored(rdb.SET_INTSET, string(u32(2) + u32(2) + u16(3) + u16(5)))
    assert numbers.members() == [b"3", b"5"]
    packed = stored(rdb.SET_LISTPACK, string(packed_list(b"x", b"y")))
    assert sorted(packed.members()) == [b"x", b"y"]
    many = [b"%d" % number for number in range(600)]
    assert stored(rdb.SET, length(600) + b"".join(map(string, many))).encoding() == b"hashtable"


@pytest.mark.parametrize("count", [2, 200])
def test_a_member_twice(count: int) -> None:
    members = [b"m%d" % number for number in range(count - 1)] + [b"m0"]
    body = length(count) + b"".join(map(string, members))
    assert "a member twice" in refused(file(value(rdb.SET, body))).reason
    body = length(count) + b"".join(string(member) + double(1.0) for member in members)
    assert "a member twice" in refused(file(value(rdb.ZSET_2, body))).reason
    body = length(count) + b"".join(string(member) + b"\x01v" for member in members)
    assert "a field twice" in refused(file(value(rdb.HASH, body))).reason


# Sorted sets.


def test_sorted_sets() -> None:
    expected = {b"b": -1.5, b"a": 0.0, b"c": float("inf")}
    body = length(3) + string(b"c") + b"\xfe" + string(b"b") + b"\x04-1.5" + string(b"a") + b"\x010"
    assert stored(rdb.ZSET, body).pairs() == expected
    body = length(3) + b"".join(string(member) + double(score) for member, score in expected.items())
    assert stored(rdb.ZSET_2, body).pairs() == expected
    words = (b"b", b"-1.5", b"a", b"0", b"c", b"inf")
    assert stored(rdb.ZSET_ZIPLIST, string(zip_list(*words))).pairs() == expected
    assert stored(rdb.ZSET_LISTPACK, string(packed_list(*words))).pairs() == expected
    assert stored(rdb.ZSET, length(1) + string(b"a") + b"\xff").pairs() == {b"a": float("-inf")}


@pytest.mark.parametrize("order", ["up", "down", "mixed"])
def test_large_sorted_sets_in_any_order(order: str) -> None:
    entries = [(b"m%d" % number, number / 3) for number in range(300)]
    if order == "down":
        entries.reverse()
    elif order == "mixed":
        random.Random(1).shuffle(entries)
    body = length(300) + b"".join(string(member) + double(score) for member, score in entries)
    made = stored(rdb.ZSET_2, body)
    assert made.pairs() == dict(entries)
    assert made.encoding() == b"skiplist"


@pytest.mark.parametrize(
    "record",
    [
        value(rdb.ZSET, length(1) + string(b"a") + b"\xfd"),
        value(rdb.ZSET, length(1) + string(b"a") + b"\x03abc"),
        value(rdb.ZSET_2, length(1) + string(b"a") + double(float("nan"))),
        value(rdb.ZSET_LISTPACK, string(packed_list(b"a"))),
        value(rdb.ZSET_LISTPACK, string(packed_list(b"a", b"nan"))),
    ],
)
def test_scores_that_are_none(record: bytes) -> None:
    refused(file(record))


# Hashes.


def pairs_of(loaded: HashValue) -> dict[bytes, bytes]:
    flat = loaded.flat_pairs()
    return dict(zip(flat[::2], flat[1::2], strict=True))


def test_hashes() -> None:
    expected = {b"f": b"v", b"g": b"w"}
    body = length(2) + b"".join(string(field) + string(text) for field, text in expected.items())
    assert pairs_of(stored(rdb.HASH, body)) == expected
    zipmap = b"\x02\x01f\x01\x00v\x01g\x01\x00w\xff"
    assert pairs_of(stored(rdb.HASH_ZIPMAP, string(zipmap))) == expected
    assert pairs_of(stored(rdb.HASH_ZIPLIST, string(zip_list(b"f", b"v", b"g", b"w")))) == expected
    assert pairs_of(stored(rdb.HASH_LISTPACK, string(packed_list(b"f", b"v", b"g", b"w")))) == expected


def test_hashes_with_deadlines() -> None:
    soon = NOW_MS + 5000
    body = (
        u64(soon)
        + length(3)
        + length(1)
        + b"\x01f\x01v"
        + length(0)
        + b"\x01g\x01w"
        + length(1001)
        + b"\x01h\x01x"
    )
    made = stored(rdb.HASH_METADATA, body)
    assert pairs_of(made) == {b"f": b"v", b"g": b"w", b"h": b"x"}
    assert [made.deadline(field) for field in (b"f", b"g", b"h")] == [soon, -1, soon + 1000]
    body = length(2) + length(soon) + b"\x01f\x01v" + length(0) + b"\x01g\x01w"
    made = stored(rdb.HASH_METADATA_PRE_GA, body)
    assert [made.deadline(field) for field in (b"f", b"g")] == [soon, -1]
    packed = string(packed_list(b"f", b"v", b"%d" % soon, b"g", b"w", b"0"))
    for kind, head in ((rdb.HASH_LISTPACK_EX, u64(soon)), (rdb.HASH_LISTPACK_EX_PRE_GA, b"")):
        made = stored(kind, head + packed)
        assert pairs_of(made) == {b"f": b"v", b"g": b"w"}
        assert [made.deadline(field) for field in (b"f", b"g")] == [soon, -1]
        assert made.encoding() == b"listpackex"


def test_fields_past_their_deadline_are_gone() -> None:
    packed = string(packed_list(b"f", b"v", b"%d" % (NOW_MS - 1), b"g", b"w", b"0"))
    assert pairs_of(stored(rdb.HASH_LISTPACK_EX, u64(5) + packed)) == {b"g": b"w"}
    packed = string(packed_list(b"f", b"v", b"%d" % (NOW_MS - 1)))
    assert stored(rdb.HASH_LISTPACK_EX, u64(5) + packed) is None


@pytest.mark.parametrize(
    "record",
    [
        value(rdb.HASH_LISTPACK, string(packed_list(b"f"))),
        value(rdb.HASH_LISTPACK, string(packed_list(b"f", b"v", b"f", b"w"))),
        value(rdb.HASH_LISTPACK_EX, u64(1) + string(packed_list(b"f", b"v"))),
        value(rdb.HASH_LISTPACK_EX, u64(1) + string(packed_list(b"f", b"v", b"soon"))),
        value(rdb.HASH_METADATA, u64(1 << 60) + length(1) + length(1) + b"\x01f\x01v"),
        value(rdb.HASH_METADATA_PRE_GA, length(1) + length(1 << 50) + b"\x01f\x01v"),
    ],
)
def test_damaged_hashes(record: bytes) -> None:
    refused(file(record))


# Streams.


def stream_node(*entries: tuple[int, list[bytes]], master: tuple[int, int] = (5, 1)) -> bytes:
    """A node with entries of other fields than the master's, which has the field `a`."""
    deleted = sum(flags & 1 for flags, _ in entries)
    words = [len(entries) - deleted, deleted, 1, b"a", 0]
    for number, (flags, fields) in enumerate(entries):
        if flags & 2:
            words += [flags, number, 0, *fields, len(fields) + 3]
        else:
            words += [flags, number, 0, len(fields) // 2, *fields, len(fields) + 4]
    texts = [word if isinstance(word, bytes) else b"%d" % word for word in words]
    key = master[0].to_bytes(8, "big") + master[1].to_bytes(8, "big")
    return string(key) + string(packed_list(*texts))


NODE = stream_node((2, [b"1"]), (3, [b"2"]), (0, [b"b", b"3"]))


def stream_body(kind: int) -> bytes:
    body = length(1) + NODE + length(2) + length(7) + length(1)
    if kind != rdb.STREAM_LISTPACKS:
        body += length(5) + length(1) + length(6) + length(1) + length(3)
    body += length(1) + string(b"group") + length(5) + length(1)
    if kind != rdb.STREAM_LISTPACKS:
        body += length(1)
    entry = (5).to_bytes(8, "big") + (1).to_bytes(8, "big")
    body += length(1) + entry + u64(1000) + length(4)
    body += length(2) + string(b"alice") + u64(2000) + (u64(1500) if kind == rdb.STREAM_LISTPACKS_3 else b"")
    body += length(1) + entry
    return (
        body + string(b"bob") + u64(3000) + (u64(-1) if kind == rdb.STREAM_LISTPACKS_3 else b"") + length(0)
    )


@pytest.mark.parametrize("kind", [rdb.STREAM_LISTPACKS, rdb.STREAM_LISTPACKS_2, rdb.STREAM_LISTPACKS_3])
def test_streams(kind: int) -> None:
    made = stored(kind, stream_body(kind))
    assert isinstance(made, Stream)
    assert made.length == 2
    assert made.first_id == 5 << 64 | 1
    assert made.last_id() == 7 << 64 | 1
    assert made.entries_added == (2 if kind == rdb.STREAM_LISTPACKS else 3)
    assert made.max_deleted_id == (0 if kind == rdb.STREAM_LISTPACKS else 6 << 64 | 1)
    group = made.groups[b"group"]
    group.check()
    assert group.entries_read == 1
    assert list(group.consumers) == [b"alice", b"bob"]
    alice = group.consumers[b"alice"]
    assert (alice.seen_ms, alice.active_ms) == (2000, 1500 if kind == rdb.STREAM_LISTPACKS_3 else 2000)
    pending = group.pending[5 << 64 | 1]
    assert (pending.consumer, pending.delivered_ms, pending.deliveries) == (alice, 1000, 4)


def test_an_empty_stream_is_a_value() -> None:
    made = stored(rdb.STREAM_LISTPACKS_2, length(0) * 10)
    assert isinstance(made, Stream)
    assert made.length == 0


ONE = stream_node((2, [b"1"]))
AFTER = length(1) + length(9) + length(0) + length(0) * 6


@pytest.mark.parametrize(
    "body",
    [
        length(1) + string(b"short") + string(packed_list()) + AFTER,
        length(1) + string(b"i" * 16) + string(packed_list()) + AFTER,
        length(1) + string(b"i" * 16) + string(packed_list(b"1", b"0", b"9", b"a", b"0")) + AFTER,
        length(1) + string(b"i" * 16) + string(packed_list(b"1", b"0", b"-3", b"a", b"0")) + AFTER,
        length(1) + string(b"i" * 16) + string(packed_list(b"1", b"0", b"x", b"a", b"0")) + AFTER,
        length(1) + string(b"i" * 16) + string(packed_list(*b"1 0 0 0 0 0 0 -3 -1".split())) + AFTER,
        length(1) + string(b"i" * 16) + string(packed_list(*b"1 0 0 0 4 0 0 0 4".split())) + AFTER,
        length(1) + string(b"i" * 16) + string(packed_list(*b"2 0 0 0 0 0 0 0 4".split())) + AFTER,
        length(1) + string(b"i" * 16) + string(packed_list(*b"1 0 0 0 0 5 0 0 4".split())) + AFTER,
        length(1) + string(b"i" * 16) + string(packed_list(*b"2 0 0 0 0 0 0 0 4 0 0 0 0 4".split())) + AFTER,
        length(2) + ONE + ONE + length(2) + AFTER[1:],
        length(1) + ONE + length(2) + AFTER[1:],
        length(1) + ONE + length(1) + length(4) + length(0) + length(0) * 6,
        stream_body(rdb.STREAM_LISTPACKS)[:-7] + b"\x00" * 3 + length(1) + b"i" * 16,
    ],
)
def test_damaged_streams(body: bytes) -> None:
    refused(file(value(rdb.STREAM_LISTPACKS_2, body)))


# Files.


def test_a_file_with_everything_around_keys() -> None:
    loaded = Loaded(
        file(
            b"\xfa" + string(b"redis-ver") + string(b"7.0.15"),
            b"\xfa" + string(b"redis-bits") + b"\xc0\x40",
            b"\xf5" + string(LIBRARY),
            b"\xf7" + b"\x81" + u64(0x1234)[::-1] + b"\x02\x01" + b"\x05" + string(b"blob") + b"\x01\x07\x00",
            b"\xf7" + b"\x07" + b"\x02\x01" + b"\x03" + b"\x00" * 4 + b"\x04" + b"\x00" * 8 + b"\x00",
            b"\xfe\x00",
            b"\xfb\x04\x02",
            b"\xf4" + length(5) + length(4) + length(2),
            b"\xfc" + u64(NOW_MS + 1000) + b"\xf8" + length(70) + value(0, string(b"v"), b"a"),
            b"\xfd" + u32(NOW_MS // 1000 + 5) + b"\xf9\x07" + value(0, string(b"v"), b"b"),
            b"\xfc" + u64(NOW_MS - 1) + value(0, string(b"v"), b"gone"),
            value(0, string(b"v"), b"c"),
            b"\xfe\x03",
            value(0, string(b"w"), b"a"),
        )
    )
    databases = loaded.server.engine.keyspace.databases
    assert sorted(databases[0].values.keys()) == [b"a", b"b", b"c"]
    assert [databases[0].deadline(key) for key in (b"a", b"b", b"c")] == [NOW_MS + 1000, NOW_MS + 5000, -1]
    assert databases[0].access.idle_seconds(b"a") == 70
    assert databases[0].access.idle_seconds(b"c") == 0
    assert databases[3].values.get(b"a") == b"w"
    assert loaded.loader.facts == {b"redis-ver": b"7.0.15", b"redis-bits": b"64"}
    assert loaded.loader.libraries == [LIBRARY]
    assert (loaded.loader.loaded, loaded.loader.expired) == (4, 1)


def test_frequencies_count_under_a_policy_that_counts_them() -> None:
    server = InProcess((b"maxmemory-policy", b"allkeys-lfu"))
    data = RdbInput(NoSource(), file(b"\xf9\x63" + value(0, string(b"v"))))
    reader = RdbReader(data, RdbLoader(server.engine), server.engine)
    reader.begin()
    assert not reader.step(9)
    assert server.client().command("OBJECT", "FREQ", "k") == b":99\r\n"


@pytest.mark.parametrize("version", range(1, 13))
def test_every_version(version: int) -> None:
    assert Loaded(file(value(0, string(b"v")), version=version)).value() == b"v"


def test_collections_without_elements_are_left_out() -> None:
    empty = [(1, length(0)), (2, length(0)), (5, length(0)), (4, length(0)), (18, length(0)), (14, length(0))]
    empty += [(16, string(packed_list())), (17, string(packed_list())), (20, string(packed_list()))]
    empty += [(11, string(u32(2) + u32(0))), (10, string(zip_list()))]
    for kind, body in empty:
        loaded = Loaded(file(value(kind, body), value(0, string(b"v"), b"other")))
        assert loaded.loader.empty == 1
        assert loaded.server.engine.keyspace.databases[0].values.keys() == [b"other"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"RUDIS0011" + b"\xff" * 9, "Wrong signature trying to load DB from file"),
        (b"REDIS0013" + b"\xff" * 9, "Can't handle RDB format version 0013"),
        (b"REDIS0000" + b"\xff" * 9, "RDB format version 0000"),
        (b"REDISabcd" + b"\xff" * 9, "RDB format version abcd"),
        (file(b"\x1a"), "the type of a record, found 26"),
        (file(value(8, b"")), "the type of a value, found 8"),
        (file(value(7, b"\x00" * 9)), "a module"),
        (file(b"\xf6\x00"), "before 7.0.0"),
        (file(b"\xfe\x10"), "16 databases, found the number 16"),
        (file(value(0, b"\x01a"), value(0, b"\x01b")), "not there yet, found b'k'"),
        (file(b"\xf7\x01\x09"), "a part of a module's data, found 9"),
    ],
)
def test_what_is_refused_is_named(data: bytes, reason: str) -> None:
    assert reason in refused(data).reason


def test_the_checksum() -> None:
    good = file(value(0, string(b"value")))
    damaged = good.replace(b"value", b"vague")
    assert "Wrong RDB checksum expected: (" in refused(damaged).reason
    assert Loaded(damaged, sums=False).value() == b"vague"
    assert Loaded(file(value(0, string(b"value")), checksum=False)).value() == b"value"


def test_the_reader_stops_at_the_end() -> None:
    data = file(value(0, string(b"v")))
    loaded = Loaded(data + b"*1\r\n$4\r\nPING\r\n")
    assert loaded.reader.end == len(data)
    assert loaded.reader.data.buffer[loaded.reader.data.place :] == b"*1\r\n$4\r\nPING\r\n"


SAMPLE = file(
    b"\xfa" + string(b"redis-ver") + string(b"7.4.0"),
    b"\xfe\x00\xfb\x09\x01",
    b"\xfc" + u64(NOW_MS + 1000) + value(0, b"\xc3\x05\x10\x00a\xe0\x06\x00", b"string"),
    value(rdb.LIST_QUICKLIST_2, length(1) + b"\x02" + string(packed_list(b"a", b"bb")), b"list"),
    value(rdb.LIST_ZIPLIST, string(zip_list(b"a", b"bb")), b"old list"),
    value(rdb.HASH_LISTPACK_EX, u64(5) + string(packed_list(b"f", b"v", b"%d" % (NOW_MS + 9))), b"hash"),
    value(rdb.HASH_METADATA, u64(NOW_MS + 9) + length(1) + length(1) + b"\x01f\x01v", b"large hash"),
    value(rdb.HASH_ZIPMAP, string(b"\x01\x01f\x01\x00v\xff"), b"old hash"),
    value(rdb.SET_INTSET, string(u32(2) + u32(2) + u16(3) + u16(5)), b"numbers"),
    value(rdb.SET, length(2) + string(b"a") + b"\xc0\x05", b"set"),
    value(rdb.ZSET_2, length(1) + string(b"a") + double(1.5), b"zset"),
    value(rdb.ZSET, length(1) + string(b"a") + b"\x031.5", b"old zset"),
    value(rdb.STREAM_LISTPACKS_3, stream_body(rdb.STREAM_LISTPACKS_3), b"stream"),
)


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("size", [1, 7, 100, 1 << 20])
def test_data_in_pieces(size: int, is_known: bool) -> None:
    whole = Loaded(SAMPLE)
    pieces = Loaded(b"", Pieces(SAMPLE, size, is_known))
    for loaded in (whole, pieces):
        loaded.server.config.assign("enable-debug-command", "yes")
    assert pieces.loader.loaded == whole.loader.loaded == 11
    assert pieces.client.command("DEBUG", "DIGEST") == whole.client.command("DEBUG", "DIGEST")


@pytest.mark.parametrize("is_known", [True, False])
def test_every_prefix_is_refused(is_known: bool) -> None:
    for size in range(len(SAMPLE)):
        error = refused(b"", Pieces(SAMPLE[:size], 64, is_known))
        assert error.offset <= size
        assert "before the end" in error.reason or "expected" in error.reason


def test_random_damage_raises_nothing_else() -> None:
    dice = random.Random(11)
    outcomes = [0, 0]
    tracemalloc.start()
    for number in range(3000):
        if number % 200 == 0:
            gc.collect()  # the collector may be off: whole engines are garbage here
        damaged = bytearray(SAMPLE)
        for _ in range(dice.randint(1, 5)):
            damaged[dice.randrange(9, len(damaged))] = dice.choice(
                (dice.randrange(256), 0x80, 0x81, 0xFF, 0xC3)
            )
        try:
            Loaded(bytes(damaged), sums=False)
            outcomes[0] += 1
        except RdbError:
            outcomes[1] += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert outcomes[1] > 1000
    assert peak < 20 << 20


@pytest.mark.parametrize("is_known", [True, False])
def test_a_claimed_length_takes_no_memory(is_known: bool) -> None:
    claims = [
        b"\x00\x01k\x81\x00\x00\x01" + b"\x00" * 5,
        b"\x00\x01k\xc3\x40\x00\x81\x00\x00\x01" + b"\x00" * 5,
        *[
            bytes([kind]) + b"\x01k\x81\x00\x00\x01" + b"\x00" * 5
            for kind in (1, 2, 3, 4, 5, 14, 15, 18, 19, 21)
        ],
    ]
    for claim in claims:
        tracemalloc.start()
        refused(b"", Pieces(file(claim + b"\x01" * 50), 64, is_known))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 64 << 20  # of the terabyte that was claimed


def test_the_name_of_a_module() -> None:
    assert module_name(0) == "AAAAAAAAA"
    assert module_name((1 << 64) - 1) == "_" * 9


def test_no_room_is_made_for_keys_that_there_is_no_data_for() -> None:
    def slots(promised: int, there: int) -> int:
        keys = b"".join(b"\x00\x03%03d\x01v" % number for number in range(there))
        file = (
            b"REDIS0011\xfe\x00\xfb\x80" + promised.to_bytes(4, "big") + b"\x00" + keys + b"\xff" + bytes(8)
        )
        return len(Loaded(file).server.engine.keyspace.databases[0].values.directory)

    assert slots(900, 900) == 4
    assert slots(0, 900) == 4
    assert slots((1 << 32) - 1, 300) == 4
    assert slots((1 << 32) - 1, 1) == 1
