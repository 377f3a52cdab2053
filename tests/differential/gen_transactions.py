"""Transactions: the commands themselves, often wrong; others to queue, to fail, to change watched keys."""

from __future__ import annotations

from hypothesis import strategies as st

Argv = list[bytes]

keys = st.sampled_from([b"k1", b"k2", b"k3", b"k4", b"k5"])
indexes = st.sampled_from([b"0", b"1", b"2", b"15", b"16", b"x"])


def changes() -> st.SearchStrategy[Argv]:
    """What touches watched keys in every way: values, whole databases, names, deadlines."""
    return st.one_of(
        st.tuples(st.just(b"SET"), keys, st.sampled_from([b"1", b"v", b""])).map(list),
        st.tuples(st.just(b"GET"), keys).map(list),
        st.tuples(st.just(b"INCR"), keys).map(list),
        st.tuples(st.just(b"DEL"), keys).map(list),
        st.tuples(st.just(b"APPEND"), keys, st.just(b"x")).map(list),
        st.tuples(st.just(b"SELECT"), indexes).map(list),
        st.tuples(st.just(b"MOVE"), keys, indexes).map(list),
        st.tuples(st.just(b"SWAPDB"), indexes, indexes).map(list),
        st.tuples(st.just(b"RENAME"), keys, keys).map(list),
        st.tuples(st.just(b"COPY"), keys, keys).map(list),
        st.tuples(st.just(b"EXPIRE"), keys, st.sampled_from([b"1000", b"0", b"-1"])).map(list),
        st.tuples(st.just(b"PERSIST"), keys).map(list),
        st.sampled_from([[b"FLUSHALL"], [b"FLUSHDB"], [b"DBSIZE"], [b"PING"]]),
    )


def commands() -> st.SearchStrategy[Argv]:
    """One command of the group or one for it, right or wrong."""
    return st.one_of(
        st.sampled_from([[b"MULTI"], [b"EXEC"], [b"DISCARD"], [b"UNWATCH"]]),
        st.lists(keys, max_size=3).map(lambda watched: [b"WATCH", *watched]),
        st.tuples(st.sampled_from([b"MULTI", b"EXEC", b"DISCARD", b"UNWATCH"]), keys).map(list),
        st.sampled_from([[b"GET"], [b"SET", b"k1"], [b"NOSUCH", b"k1"]]),
        changes(),
        changes(),
    )
