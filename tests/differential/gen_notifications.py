"""Keyspace notifications as messages: what is asked for, who listens, and commands that make events.

`--events` compares the events themselves, of all groups; here they go through `notify-keyspace-events`,
channels and connections. Messages to the own connection come earlier in 7.0, so their order is not compared.
"""

from __future__ import annotations

from hypothesis import strategies as st

Argv = list[bytes]

KEYS = st.sampled_from([b"k1", b"k2", b"k3", b"h1", b"z1"])
FLAGS = st.one_of(
    st.sampled_from(
        [b"KEA", b"KEA", b"AKE", b"K$", b"Eg$", b"KExe", b"", b"KEm", b"KEAmn", b"En", b"A", b"KEt"]
    ),
    st.text("KEg$lshzxetdmnA", max_size=5).map(str.encode),
)
"""No wrong ones: Redis 7.0 then loses the `n` that it does not show beside `A`."""

CHANNELS = st.sampled_from(
    [b"__keyspace@0__:k1", b"__keyevent@0__:set", b"__keyevent@0__:del", b"__keyevent@1__:set"]
)
PATTERNS = st.sampled_from([b"__key*__:*", b"__keyspace@*__:k*", b"__keyevent@0__:*", b"*"])


def commands() -> st.SearchStrategy[Argv]:
    """One random request."""
    return st.one_of(
        FLAGS.map(lambda flags: [b"CONFIG", b"SET", b"notify-keyspace-events", flags]),
        st.just([b"CONFIG", b"GET", b"notify-keyspace-events"]),
        PATTERNS.map(lambda pattern: [b"PSUBSCRIBE", pattern]),
        CHANNELS.map(lambda channel: [b"SUBSCRIBE", channel]),
        st.sampled_from([[b"RESET"], [b"SELECT", b"1"], [b"SELECT", b"0"], [b"FLUSHDB"]]),
        st.tuples(st.sampled_from([b"SET", b"APPEND", b"GETSET", b"SETNX"]), KEYS, st.just(b"1")).map(list),
        st.tuples(st.sampled_from([b"INCR", b"DEL", b"GET", b"GETDEL", b"PERSIST", b"LPOP"]), KEYS).map(list),
        st.tuples(st.sampled_from([b"RENAME", b"COPY", b"SMOVE", b"LMOVE"]), KEYS, KEYS).map(list),
        st.tuples(st.sampled_from([b"LPUSH", b"SADD", b"SREM", b"PFADD"]), KEYS, st.just(b"1")).map(list),
        st.tuples(st.sampled_from([b"HSET", b"ZADD", b"HINCRBY"]), KEYS, st.just(b"1"), st.just(b"2")).map(
            list
        ),
        st.tuples(st.just(b"EXPIRE"), KEYS, st.sampled_from([b"100", b"-1"])).map(list),
        st.tuples(st.just(b"XADD"), KEYS, st.just(b"1-*"), st.just(b"f"), st.just(b"v")).map(list),
        st.tuples(KEYS, KEYS).map(lambda keys: [b"MSET", keys[0], b"1", keys[1], b"2"]),
        KEYS.map(
            lambda key: [b"EVAL", b"redis.call('set', KEYS[1], 1) redis.call('del', KEYS[1])", b"1", key]
        ),
    )
