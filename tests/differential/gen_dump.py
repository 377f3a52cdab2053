"""Random DUMP and RESTORE: payloads of every type, whole and damaged, and values whose payloads are compared.

Values are such that both servers give them the same bytes: no scores with many digits, whose text changed in 7.2, no
plain nodes, which 7.4 chooses otherwise, and hardly a hash table, which has an order of its own. A payload that is too
short for what it says is refused here, while Redis reads its version and checksum as data.
"""

from __future__ import annotations

from hypothesis import strategies as st

from pyredis.persistence.crc64 import crc64
from tests.support.rdb_bytes import length, packed_list, string, u16, u32, u64, zip_list

KEYS = st.sampled_from([b"k1", b"k2", b"k3", b"k4", b"k5"])
FOREVER = b"4000000000000"


def sealed(body: bytes, version: int = 9) -> bytes:
    """A payload with its version and checksum."""
    body += u16(version)
    return body + crc64(0, body).to_bytes(8, "little")


BODIES = (
    b"\x00\x03abc",
    b"\x00\xc0\x05",
    b"\x00\xc3\x05\x10\x00a\xe0\x06\x00",
    b"\x01" + length(2) + string(b"a") + string(b"b"),
    b"\x0a" + string(zip_list(b"a", b"bb")),
    b"\x0e" + length(1) + string(zip_list(b"a", b"bb")),
    b"\x12" + length(1) + b"\x02" + string(packed_list(b"a", b"bb", b"")),
    b"\x02" + length(1) + string(b"a"),
    b"\x0b" + string(u32(2) + u32(2) + u16(3) + u16(5)),
    b"\x03" + length(1) + string(b"a") + b"\x031.5",
    b"\x05" + length(2) + string(b"a") + bytes(8) + string(b"b") + bytes(6) + b"\xf0\x3f",
    b"\x0c" + string(zip_list(b"a", b"1", b"b", b"2")),
    b"\x11" + string(packed_list(b"a", b"1.5", b"b", b"2.5")),
    b"\x04" + length(1) + string(b"f") + string(b"v"),
    b"\x09" + string(b"\x01\x01f\x01\x00v\xff"),
    b"\x0d" + string(zip_list(b"f", b"v")),
    b"\x10" + string(packed_list(b"f", b"v")),
    b"\x13" + length(0) * 10,
    b"\x13" + length(0) * 9 + length(1) + string(b"g") + length(0) * 3 + u64(0)[:0] + length(0) * 2,
)
WHOLE = st.sampled_from(BODIES).map(sealed)
EMPTY = st.sampled_from([b"\x01\x00", b"\x02\x00", b"\x04\x00", b"\x05\x00", b"\x12\x00", b""]).map(sealed)
BROKEN = st.sampled_from(
    [b"", b"short", sealed(b"\x00\x03abc", 200), sealed(b"\x00\x03abc")[:-1] + b"?", sealed(b"\xfa\x03abc")]
)
PAYLOADS = st.one_of(WHOLE, WHOLE, WHOLE, EMPTY, BROKEN)
TTLS = st.sampled_from([b"0", b"0", b"100000", b"-1", b"x", b"9223372036854775807"])
OPTIONS = st.lists(
    st.sampled_from(
        [
            [b"REPLACE"], [b"REPLACE"], [b"replace"], [b"ABSTTL"], [b"IDLETIME", b"10"], [b"IDLETIME", b"-1"],
            [b"FREQ", b"5"], [b"FREQ", b"256"], [b"FREQ", b"x"], [b"IDLETIME"], [b"WHAT"],
        ]
    ),
    max_size=3,
).map(lambda words: [word for option in words for word in option])  # fmt: skip
SHORT = st.sampled_from([b"", b"abc", b"x" * 60, b"ab" * 20, b"-129", b"65536", b"2147483648", b"0.5"])
TEXTS = st.one_of(
    st.sampled_from([b"", b"abc", b"x" * 70, b"ab" * 40, b"-129", b"65536", b"2147483648", b"0.5"]),
    st.binary(max_size=30),
    st.integers(-100_000, 100_000).map(lambda number: b"%d" % number),
)


def commands() -> st.SearchStrategy[list[bytes]]:
    """One command of the group, or one that makes or shows a value."""
    number = st.integers(-70_000, 70_000).map(lambda drawn: b"%d" % drawn)
    return st.one_of(
        KEYS.map(lambda key: [b"DUMP", key]),
        KEYS.map(lambda key: [b"DUMP", key]),
        st.tuples(KEYS, TTLS, PAYLOADS, OPTIONS).map(lambda drawn: [b"RESTORE", *drawn[:3], *drawn[3]]),
        st.tuples(KEYS, PAYLOADS).map(lambda drawn: [b"RESTORE", drawn[0], b"0", drawn[1], b"REPLACE"]),
        st.tuples(KEYS, PAYLOADS).map(lambda drawn: [b"RESTORE", drawn[0], FOREVER, drawn[1], b"ABSTTL"]),
        st.tuples(st.just(b"SET"), KEYS, TEXTS).map(list),
        st.tuples(KEYS, st.lists(TEXTS, min_size=1, max_size=6)).map(
            lambda drawn: [b"RPUSH", drawn[0], *drawn[1]]
        ),
        st.tuples(st.just(b"SADD"), KEYS, number).map(list),
        st.tuples(st.just(b"HSET"), KEYS, SHORT, SHORT).map(list),
        st.tuples(st.just(b"ZADD"), KEYS, st.sampled_from([b"1", b"-3.5", b"inf", b"0"]), SHORT).map(list),
        st.tuples(st.sampled_from([b"DEL", b"TYPE", b"PEXPIRETIME", b"PERSIST"]), KEYS).map(list),
        st.tuples(st.sampled_from([[b"OBJECT", b"ENCODING"], [b"RESTORE"], [b"DUMP"]]), KEYS).map(
            lambda drawn: [*drawn[0], drawn[1]]
        ),
    )
