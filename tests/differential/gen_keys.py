"""Random requests about keys and databases: colliding names, several databases, patterns meant to hurt."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

Argv = list[bytes]

KEYS: Final = (b"k1", b"k2", b"k3", b"k4", b"k5")

VALUES: Final = (
    b"", b"a", b"0", b"1", b"-1", b"007", b"9999", b"10000", b"1.5", b"9223372036854775807",
    b"9223372036854775808", b"-9223372036854775808", b"-0", b" 1", b"x" * 20, b"y" * 44, b"z" * 45,
    b"1" * 19, b"1" * 20, b"-" + b"1" * 19, b"\x00\xff\r\n",
)  # fmt: skip

INDEXES: Final = (
    b"0", b"1", b"2", b"0", b"1", b"15", b"16", b"-1", b"abc", b"", b"1.0", b"01", b"2147483647",
    b"2147483648", b"-2147483649", b"9223372036854775808",
)  # fmt: skip

PATTERN_PARTS: Final = (
    b"*", b"?", b"k", b"1", b"[12]", b"[^1]", b"[1-3]", b"[3-1]", b"[", b"]", b"^", b"-", b"\\", b"\\k",
    b"[\\1]", b"[k", b"[1-", b"[^", b"\xff", b"[\x80-\xff]",
)  # fmt: skip

COUNTS: Final = (
    b"1",
    b"2",
    b"10",
    b"1000",
    b"0",
    b"-1",
    b"abc",
    b"",
    b"9223372036854775807",
    b"9223372036854775808",
)
TYPES: Final = (
    b"string",
    b"STRING",
    b"list",
    b"set",
    b"zset",
    b"hash",
    b"stream",
    b"",
    b"nosuchtype",
    b"none",
)
CURSORS: Final = (b"0", b"0", b"00", b"+0", b"abc", b"0x0", b"1 ", b"18446744073709551616", b"0\x00x")
DEBUG_SHAPES: Final = (
    b"string", b"integer", b"double", b"bignum", b"null", b"array", b"set", b"map", b"attrib", b"push",
    b"verbatim", b"true", b"false", b"FALSE", b"nosuchshape",
)  # fmt: skip

key = st.sampled_from(KEYS)
value = st.sampled_from(VALUES)
keys = st.lists(key, min_size=1, max_size=6)
pattern = st.lists(st.sampled_from(PATTERN_PARTS), max_size=5).map(b"".join)


def request(name: bytes, *arguments: st.SearchStrategy[bytes]) -> st.SearchStrategy[Argv]:
    """A command with one value for each strategy."""
    return st.tuples(*arguments).map(lambda words: [name, *words])


def options(name: bytes, *found: st.SearchStrategy[Argv]) -> st.SearchStrategy[Argv]:
    """A command with up to three of its options, in any order, repeated or cut short."""
    words = st.lists(st.one_of(*found), max_size=3).map(
        lambda parts: [word for part in parts for word in part]
    )
    return words.map(lambda tail: [name, *tail])


def copies() -> st.SearchStrategy[Argv]:
    """COPY."""
    tail = options(
        b"COPY",
        st.sampled_from([[b"REPLACE"], [b"replace"], [b"DB"], [b"REPLACED"]]),
        st.sampled_from(INDEXES).map(lambda index: [b"DB", index]),
    )
    return st.tuples(key, key, tail).map(lambda parts: [b"COPY", parts[0], parts[1], *parts[2][1:]])


def scans() -> st.SearchStrategy[Argv]:
    """SCAN, from its beginning or from nonsense."""
    tail = options(
        b"SCAN",
        st.sampled_from(COUNTS).map(lambda count: [b"COUNT", count]),
        pattern.map(lambda text: [b"MATCH", text]),
        st.sampled_from(TYPES).map(lambda name: [b"TYPE", name]),
        st.sampled_from(
            [[b"COUNT"], [b"MATCH"], [b"TYPE"], [b"NOVALUES"], [b"count", b"5"], [b"match", b"*"]]
        ),
    )
    return st.tuples(st.sampled_from(CURSORS), tail).map(lambda parts: [b"SCAN", parts[0], *parts[1][1:]])


def debugs() -> st.SearchStrategy[Argv]:
    """DEBUG, as far as it answers the same everywhere."""
    return st.one_of(
        st.sampled_from(DEBUG_SHAPES).map(lambda shape: [b"DEBUG", b"PROTOCOL", shape]),
        keys.map(lambda found: [b"DEBUG", b"DIGEST-VALUE", *found]),
        st.sampled_from(
            [
                [b"DEBUG"], [b"DEBUG", b"nosuch"],
                [b"DEBUG", b"PROTOCOL"], [b"DEBUG", b"DIGEST", b"x"],
                [b"DEBUG", b"SET-ACTIVE-EXPIRE"], [b"DEBUG", b"set-active-expire", b"1"],
            ]
        ),
    )  # fmt: skip


def objects() -> st.SearchStrategy[Argv]:
    """OBJECT, but for what Redis tells of integers that keys share: their idle time, references to copies."""
    subcommand = st.sampled_from([b"ENCODING", b"encoding", b"FREQ", b"HELP", b"nosuch"])
    return st.one_of(
        st.tuples(subcommand, key).map(lambda words: [b"OBJECT", *words]),
        st.sampled_from(
            [
                [b"OBJECT"], [b"OBJECT", b"HELP"], [b"OBJECT", b"ENCODING"],
                [b"OBJECT", b"ENCODING", b"absent"], [b"OBJECT", b"FREQ", b"absent"],
                [b"OBJECT", b"IDLETIME", b"absent"], [b"OBJECT", b"REFCOUNT", b"absent"],
                [b"OBJECT", b"REFCOUNT"],
            ]
        ),
    )  # fmt: skip


def commands() -> st.SearchStrategy[Argv]:
    """Any command of the group, and some that fill the databases."""
    index = st.sampled_from(INDEXES)
    return st.one_of(
        request(b"SET", key, value),
        request(b"SET", key, value),
        request(b"APPEND", key, value),
        request(b"INCR", key),
        st.one_of(request(b"SELECT", index), st.sampled_from([[b"SELECT", b"0"], [b"SELECT", b"1"]])),
        st.sampled_from(
            [
                [b"DBSIZE"], [b"RANDOMKEY"], [b"FLUSHDB"], [b"FLUSHDB", b"SYNC"], [b"FLUSHDB", b"ASYNC"],
                [b"FLUSHDB", b"x"], [b"FLUSHALL", b"async"], [b"FLUSHALL", b"sync", b"async"], [b"RANDOMKEY"],
                [b"DBSIZE"], [b"DBSIZE", b"x"],
            ]
        ),
        request(b"SWAPDB", index, index),
        keys.map(lambda found: [b"DEL", *found]),
        keys.map(lambda found: [b"UNLINK", *found]),
        keys.map(lambda found: [b"EXISTS", *found]),
        keys.map(lambda found: [b"TOUCH", *found]),
        request(b"TYPE", key),
        request(b"RENAME", key, key),
        request(b"RENAMENX", key, key),
        request(b"MOVE", key, index),
        copies(),
        request(b"KEYS", pattern),
        scans(),
        objects(),
        debugs(),
    )  # fmt: skip
