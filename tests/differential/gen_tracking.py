"""Client-side caching: who tracks what, among commands that read, change, expire and flush a few keys.

Identifiers of clients differ between the servers, so REDIRECT is only tried where it fails; the tests of the
commands have it work.
"""

from __future__ import annotations

from hypothesis import strategies as st

Argv = list[bytes]

KEYS = st.sampled_from([b"k1", b"k2", b"k3", b"k11", b"other", b""])
PREFIXES = st.sampled_from([b"k", b"k1", b"k2", b"o", b"x", b""])
OPTION = st.one_of(
    st.sampled_from([[b"BCAST"], [b"BCAST"], [b"OPTIN"], [b"optout"], [b"NOLOOP"], [b"NoLoop"]]),
    PREFIXES.map(lambda prefix: [b"PREFIX", prefix]),
    st.sampled_from([[b"REDIRECT", b"99999999"], [b"REDIRECT", b"x"], [b"REDIRECT"], [b"PREFIX"], [b"x"]]),
)


def _tracking() -> st.SearchStrategy[Argv]:
    """Tracking turned on in a way that works, or in any way, or off."""
    useful = st.sampled_from(
        [
            [], [b"NOLOOP"], [b"OPTIN"], [b"OPTOUT"], [b"BCAST"], [b"BCAST", b"NOLOOP"],
            [b"BCAST", b"PREFIX", b"k1"], [b"BCAST", b"PREFIX", b"k2", b"PREFIX", b"o", b"NOLOOP"],
        ]
    )  # fmt: skip
    anything = st.lists(OPTION, max_size=3).map(
        lambda options: [word for option in options for word in option]
    )
    return st.one_of(
        useful.map(lambda options: [b"CLIENT", b"TRACKING", b"ON", *options]),
        anything.map(lambda options: [b"CLIENT", b"TRACKING", b"on", *options]),
        st.sampled_from([[b"CLIENT", b"TRACKING", b"OFF"], [b"CLIENT", b"TRACKING", b"x"], [b"RESET"]]),
    )


def _data() -> st.SearchStrategy[Argv]:
    """Commands on the keys."""
    return st.one_of(
        st.tuples(st.sampled_from([b"GET", b"STRLEN", b"TTL", b"TYPE", b"EXISTS"]), KEYS).map(list),
        st.lists(KEYS, min_size=1, max_size=3).map(lambda keys: [b"MGET", *keys]),
        st.tuples(st.sampled_from([b"SET", b"APPEND", b"GETSET"]), KEYS, st.just(b"1")).map(list),
        st.tuples(st.sampled_from([b"INCR", b"DEL", b"UNLINK", b"GETDEL"]), KEYS).map(list),
        st.tuples(st.just(b"RENAME"), KEYS, KEYS).map(list),
        st.tuples(KEYS, KEYS).map(lambda keys: [b"MSET", keys[0], b"1", keys[1], b"2"]),
        st.tuples(st.just(b"EXPIRE"), KEYS, st.sampled_from([b"100", b"-1"])).map(list),
        st.tuples(st.just(b"LPUSH"), st.sampled_from([b"k3", b"l"]), st.just(b"1")).map(list),
        st.tuples(st.just(b"BLPOP"), st.just(b"k3"), st.just(b"0.01")).map(lambda argv: [b"LPOP", argv[1]]),
    )


def commands() -> st.SearchStrategy[Argv]:
    """One random request."""
    return st.one_of(
        _tracking(),
        _data(),
        _data(),
        _data(),
        st.sampled_from(
            [
                [b"CLIENT", b"CACHING", b"YES"], [b"CLIENT", b"CACHING", b"no"], [b"CLIENT", b"CACHING", b"x"],
                [b"CLIENT", b"TRACKINGINFO"], [b"CLIENT", b"GETREDIR"], [b"CLIENT", b"TRACKINGINFO"],
                [b"FLUSHDB"], [b"FLUSHALL"], [b"SELECT", b"1"], [b"SELECT", b"0"], [b"SWAPDB", b"0", b"1"],
                [b"EVAL", b"return redis.call('get', KEYS[1])", b"1", b"k1"],
                [b"EVAL", b"return redis.call('set', 'k1', '1')", b"0"],
            ]
        ),
    )  # fmt: skip
