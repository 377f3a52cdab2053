"""Random bitmap commands, right and wrong."""

from __future__ import annotations

from hypothesis import strategies as st

KEYS = st.sampled_from([b"k1", b"k2", b"k3", b"k4", b"k5"])
WRONG_NUMBERS = st.sampled_from(
    [
        b"", b"x", b"1.5", b"-0", b"01", b" 1", b"+1", b"1\x00", b"9223372036854775807", b"9223372036854775808",
        b"-9223372036854775808", b"-9223372036854775809", b"4294967296",
    ]
)  # fmt: skip
OFFSETS = st.one_of(
    st.integers(0, 30).map(lambda n: b"%d" % n),
    st.integers(0, 300).map(lambda n: b"%d" % n),
    st.integers(0, 70_000).map(lambda n: b"%d" % n),
    WRONG_NUMBERS,
)
POSITIONS = st.one_of(
    st.integers(-20, 20).map(lambda n: b"%d" % n),
    st.integers(-3000, 9000).map(lambda n: b"%d" % n),
    WRONG_NUMBERS,
)
BITS = st.sampled_from([b"0", b"1", b"0", b"1", b"2", b"-1", b"x"])
UNITS = st.sampled_from([b"BIT", b"BYTE", b"bit", b"byte", b"bits"])
RUNS = st.tuples(
    st.sampled_from([b"\0", b"\xff"]),
    st.sampled_from([0, 1, 7, 8, 63, 64, 65, 255, 256, 257, 8191, 8192, 8193]),
).map(lambda run: run[0] * run[1])
VALUES = st.one_of(
    st.binary(max_size=30),
    st.tuples(RUNS, st.binary(max_size=3)).map(b"".join),
    st.integers(-(10**18), 10**18).map(lambda n: b"%d" % n),
)

FIELD_TYPES = st.one_of(
    st.tuples(st.sampled_from([b"u", b"i"]), st.integers(1, 63)).map(lambda parts: b"%b%d" % parts),
    st.sampled_from([b"u8", b"i8", b"u1", b"i1", b"u63", b"i64", b"i63"]),
    st.sampled_from([b"u64", b"i65", b"u0", b"x8", b"u", b"", b"U8", b"u08", b"i-1", b"u8\x00x"]),
)
FIELD_OFFSETS = st.one_of(
    OFFSETS,
    st.integers(0, 100).map(lambda n: b"#%d" % n),
    st.sampled_from(
        [b"#-1", b"#", b"##1", b"#4611686018427387904", b"#2305843009213693952", b"#9223372036854775807"]
    ),
)
FIELD_VALUES = st.one_of(
    st.integers(-3, 300).map(lambda n: b"%d" % n),
    st.integers(-(1 << 63), (1 << 63) - 1).map(lambda n: b"%d" % n),
    st.tuples(st.sampled_from([-1, 1]), st.integers(0, 62), st.integers(-1, 1)).map(
        lambda parts: b"%d" % (parts[0] * (1 << parts[1]) + parts[2])
    ),
    WRONG_NUMBERS,
)
READS = st.tuples(st.sampled_from([b"GET", b"get"]), FIELD_TYPES, FIELD_OFFSETS).map(list)
WRITES = st.tuples(
    st.sampled_from([b"SET", b"INCRBY", b"incrby"]), FIELD_TYPES, FIELD_OFFSETS, FIELD_VALUES
).map(list)
# FAIL without anything that could fail first: when all writes fail, Redis grows the string behind the back of WATCH.
OVERFLOWS = st.tuples(
    st.just(b"OVERFLOW"), st.sampled_from([b"WRAP", b"SAT", b"FAIL", b"sat", b"fail", b"NO"])
).map(list)


def _request(name: bytes, *parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    return st.tuples(st.just(name), *parts).map(list)


def _with_lists(
    name: bytes, parts: st.SearchStrategy[list[bytes]], most: int
) -> st.SearchStrategy[list[bytes]]:
    return st.tuples(KEYS, st.lists(parts, max_size=most)).map(
        lambda drawn: [name, drawn[0], *[word for part in drawn[1] for word in part]]
    )


def commands() -> st.SearchStrategy[list[bytes]]:
    """One command of the group, or a SET for it to work on."""
    return st.one_of(
        _request(b"SET", KEYS, VALUES),
        _request(b"SETBIT", KEYS, OFFSETS, BITS),
        _request(b"GETBIT", KEYS, OFFSETS),
        _request(b"BITCOUNT", KEYS),
        _request(b"BITCOUNT", KEYS, POSITIONS, POSITIONS),
        _request(b"BITCOUNT", KEYS, POSITIONS, POSITIONS, UNITS),
        _request(b"BITCOUNT", KEYS, POSITIONS),
        _request(b"BITPOS", KEYS, BITS),
        _request(b"BITPOS", KEYS, BITS, POSITIONS),
        _request(b"BITPOS", KEYS, BITS, POSITIONS, POSITIONS),
        _request(b"BITPOS", KEYS, BITS, POSITIONS, POSITIONS, UNITS),
        st.tuples(
            st.sampled_from([b"AND", b"OR", b"XOR", b"and", b"NAND"]),
            KEYS,
            st.lists(KEYS, min_size=1, max_size=4),
        ).map(lambda drawn: [b"BITOP", drawn[0], drawn[1], *drawn[2]]),
        st.tuples(KEYS, st.lists(KEYS, min_size=1, max_size=2)).map(
            lambda drawn: [b"BITOP", b"NOT", drawn[0], *drawn[1]]
        ),
        _with_lists(b"BITFIELD", st.one_of(READS, WRITES, WRITES, OVERFLOWS), 5),
        _with_lists(b"BITFIELD_RO", READS, 3),
        _with_lists(b"BITFIELD_RO", st.one_of(READS, WRITES), 2),
    )
