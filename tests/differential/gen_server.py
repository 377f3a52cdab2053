"""Requests of the server group: CONFIG, INFO, TIME, ROLE, MODULE, LOLWUT and COMMAND."""

from __future__ import annotations

from hypothesis import strategies as st

Argv = list[bytes]

KEYS = st.sampled_from([b"k1", b"k2", b"k3", b"k4", b"k5"])
NUMBERS = st.sampled_from(
    [
        b"0",
        b"1",
        b"-1",
        b"10",
        b"1mb",
        b"1k",
        b"9223372036854775807",
        b"9223372036854775808",
        b"1.5",
        b"x",
        b"",
        b" 1",
    ]
)
WORDS = st.sampled_from([b"yes", b"no", b"YES", b"maybe", b"noeviction", b"allkeys-lru", b"everysec"])

READABLE = st.sampled_from(
    b"databases|DATABASES|timeout|maxmemory|maxmemory-policy|maxmemory-samples|nosuch|appendfsync"
    b"|slowlog-max-len|maxmemory-policy?|slowlog-*|lfu-[dl]*|zset-max-listpack-*|".split(b"|")
)
"""Patterns whose matches have the same values in both servers."""

SETTABLE = st.sampled_from(
    b"timeout maxmemory maxmemory-policy slowlog-max-len latency-tracking"
    b" slowlog-log-slower-than hash-max-listpack-entries SLOWLOG-MAX-LEN".split()
)

NAMES = st.sampled_from(
    b"get,GET,set,mset,del,expire,config|get,config|set,Config|Help,object|freq,command|list,info,time,role"
    b",ping,nosuch,get|x,config|nosuch,a|b|c,|,".split(b",")
)
"""Commands that 7.0 and 7.4 declare alike, and names of none; no containers: subcommands have no order."""

REQUESTS = st.one_of(
    st.tuples(st.sampled_from([b"get", b"GETSET", b"set", b"append", b"incr"]), KEYS).map(list),
    st.tuples(
        st.sampled_from([b"mget", b"del", b"exists", b"watch", b"touch"]), st.lists(KEYS, max_size=3)
    ).map(lambda pair: [pair[0], *pair[1]]),
    st.tuples(st.sampled_from([b"mset", b"msetnx"]), st.lists(KEYS, min_size=1, max_size=5)).map(
        lambda pair: [pair[0], *pair[1]]
    ),
    st.tuples(
        KEYS, st.lists(st.sampled_from([b"NX", b"get", b"GET", b"EX", b"10", b"keepttl"]), max_size=3)
    ).map(lambda pair: [b"SET", pair[0], b"v", *pair[1]]),
    st.lists(
        st.sampled_from([b"ping", b"config", b"get", b"object", b"encoding", b"k1", b"nosuch"]), max_size=3
    ),
)


def config_set() -> st.SearchStrategy[Argv]:
    """CONFIG SET with one pair or several, now and then of a name twice or without a value."""
    pairs = st.lists(st.tuples(SETTABLE, st.one_of(NUMBERS, WORDS)).map(list), min_size=1, max_size=3)
    return st.tuples(pairs, st.sampled_from([[], [], [], [b"timeout"]])).map(
        lambda drawn: [b"CONFIG", b"SET", *[word for pair in drawn[0] for word in pair], *drawn[1]]
    )


def command() -> st.SearchStrategy[Argv]:
    """COMMAND and its subcommands."""
    return st.one_of(
        st.lists(NAMES, min_size=1, max_size=3).map(lambda names: [b"COMMAND", b"INFO", *names]),
        st.tuples(st.sampled_from([b"GETKEYS", b"getkeysandflags"]), REQUESTS).map(
            lambda pair: [b"COMMAND", pair[0], *pair[1]]
        ),
        st.lists(
            st.sampled_from(b"FILTERBY MODULE ACLCAT PATTERN transaction config|[gs]et x".split()),
            min_size=1,
            max_size=4,
        ).map(lambda words: [b"COMMAND", b"LIST", *words]),
        st.sampled_from([[b"COMMAND", b"HELP"], [b"COMMAND", b"DOCS", b"nosuch"], [b"COMMAND", b"NOSUCH"]]),
    )  # fmt: skip


def commands() -> st.SearchStrategy[Argv]:
    """One random request of the group."""
    return st.one_of(
        st.lists(READABLE, max_size=3).map(lambda names: [b"CONFIG", b"GET", *names]),
        config_set(),
        st.sampled_from(
            [[b"CONFIG", b"RESETSTAT"], [b"config", b"help"], [b"CONFIG"], [b"CONFIG", b"NOSUCH", b"x"]]
        ),
        st.lists(
            st.sampled_from([b"server", b"cluster", b"Keyspace", b"nosuch", b"default", b"all"]), max_size=2
        ).map(lambda names: [b"INFO", *names]),
        st.sampled_from(
            [[b"TIME"], [b"TIME", b"x"], [b"ROLE"], [b"ROLE", b"x"], [b"MODULE"], [b"MODULE", b"LIST"]]
        ),
        st.lists(st.sampled_from([b"VERSION", b"5", b"6", b"9", b"x", b"-1"]), max_size=3).map(
            lambda words: [b"LOLWUT", *words]
        ),
        command(),
    )
