"""Random requests about deadlines: every unit, options that exclude each other, times at every edge."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

Argv = list[bytes]

KEYS: Final = (b"k1", b"k2", b"k3", b"k4", b"k5")

SECONDS: Final = (
    b"100", b"101", b"1000", b"5", b"0", b"-1", b"-100", b"9223372036854775", b"9223372036854776",
    b"9223370000000000", b"-9223372036854775", b"-9223372036854776", b"9223372036854775807",
    b"-9223372036854775808", b"9223372036854775808", b"1.5", b"", b"abc", b"01", b" 1",
)  # fmt: skip

MILLISECONDS: Final = (
    b"100000", b"100001", b"99999", b"5000000", b"0", b"-1", b"9223372036854775807", b"9223370000000000000",
    b"-9223372036854775808", b"9223372036854775808", b"1e3", b"",
)  # fmt: skip

MOMENTS: Final = (
    b"33177117420", b"33177117421", b"33177117419", b"1", b"0", b"-1", b"1600000000", b"9223372036854775",
    b"9223372036854776", b"-9223372036854776", b"9223372036854775807", b"abc",
)  # fmt: skip

MOMENTS_MS: Final = (
    b"33177117420000", b"33177117420499", b"33177117420500", b"1", b"0", b"-1", b"1600000000000",
    b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"abc",
)  # fmt: skip

CONDITIONS: Final = (b"NX", b"XX", b"GT", b"LT", b"nx", b"gt", b"Lt", b"NXX", b"", b"bad\x00option")

key = st.sampled_from(KEYS)
conditions = st.one_of(
    st.just([]),
    st.sampled_from(CONDITIONS[:4]).map(lambda word: [word]),
    st.lists(st.sampled_from(CONDITIONS), max_size=3),
)


def timed(name: bytes, times: tuple[bytes, ...]) -> st.SearchStrategy[Argv]:
    """A command of the EXPIRE family."""
    return st.tuples(key, st.sampled_from(times), conditions).map(
        lambda words: [name, words[0], words[1], *words[2]]
    )


def commands() -> st.SearchStrategy[Argv]:
    """Any command of the group, and some that make keys with and without deadlines."""
    return st.one_of(
        key.map(lambda name: [b"SET", name, b"v"]),
        key.map(lambda name: [b"SET", name, b"v", b"PXAT", b"33177117420000"]),
        key.map(lambda name: [b"SET", name, b"v", b"KEEPTTL"]),
        timed(b"EXPIRE", SECONDS),
        timed(b"EXPIRE", SECONDS[:4]),
        timed(b"PEXPIRE", MILLISECONDS),
        timed(b"PEXPIRE", MILLISECONDS[:4]),
        timed(b"EXPIREAT", MOMENTS),
        timed(b"PEXPIREAT", MOMENTS_MS),
        timed(b"PEXPIREAT", MOMENTS_MS[:3]),
        st.sampled_from([b"TTL", b"PTTL", b"EXPIRETIME", b"PEXPIRETIME"]).flatmap(
            lambda name: key.map(lambda found: [name, found])
        ),
        key.map(lambda name: [b"PERSIST", name]),
        key.map(lambda name: [b"DEL", name]),
        st.tuples(key, key).map(lambda found: [b"RENAME", *found]),
        st.tuples(key, key).map(lambda found: [b"COPY", *found, b"REPLACE"]),
        st.sampled_from(
            [
                [b"EXPIRE", b"k1"], [b"TTL"], [b"TTL", b"k1", b"k2"], [b"PERSIST"],
                [b"EXPIRE", b"absent", b"10"], [b"DEBUG", b"DIGEST-VALUE", b"k1", b"k2"],
                [b"CONFIG", b"SET", b"lazyfree-lazy-expire", b"yes"],
            ]
        ),
    )  # fmt: skip
