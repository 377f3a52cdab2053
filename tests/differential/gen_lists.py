"""Random list commands: few keys, elements that collide, some lists long enough to be stored in chunks.

Of the blocking commands only forms that are refused: whether the others wait depends on the keys, and a client
that waits does nothing else. They are compared by `tests.differential.blocking`.
"""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

Argv = list[bytes]

KEYS: Final = (b"k1", b"k2", b"k3", b"k4", b"k5")

ELEMENTS: Final = (
    b"a", b"b", b"c", b"a", b"b", b"", b"0", b"1", b"-1", b"127", b"128", b"4096", b"-4097", b"8388608", b"007", b" 1",
    b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808", b"1.5", b"\r\n", b"$1\r\na\r\n", b"\x00",
    b"\xff\xfe", b"x" * 63, b"y" * 64, b"z" * 127, b"w" * 300, b"v" * 3000, b"u" * 9000,
)  # fmt: skip

INDEXES: Final = (
    b"0", b"-1", b"1", b"2", b"-2", b"3", b"-3", b"5", b"9", b"-9", b"50", b"-50", b"99", b"100", b"-100", b"1000",
    b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"-9223372036854775809",
    b"1.5", b"", b"x", b"01", b" 1", b"-0", b"+1",
)  # fmt: skip

SIDES: Final = (b"LEFT", b"RIGHT", b"left", b"Right", b"LEFT", b"RIGHT", b"UP", b"")

key = st.sampled_from(KEYS)
element = st.one_of(st.sampled_from(ELEMENTS), st.sampled_from(ELEMENTS[:6]), st.binary(max_size=8))
elements = st.one_of(
    element.map(lambda one: [one]),
    st.lists(element, min_size=1, max_size=6),
    # Long enough for several chunks, both of small and of large elements.
    st.integers(60, 300).map(lambda count: [b"%d" % (number % 40) for number in range(count)]),
    st.integers(20, 60).map(lambda count: [b"%03d" % number * 60 for number in range(count)]),
)
index = st.one_of(
    st.sampled_from(INDEXES), st.sampled_from(INDEXES[:10]), st.integers(-320, 320).map(b"%d".__mod__)
)
side = st.sampled_from(SIDES)
keys = st.lists(key, min_size=1, max_size=4)


def fixed(*parts: bytes | st.SearchStrategy[bytes]) -> st.SearchStrategy[Argv]:
    """A command whose arguments are drawn one by one."""
    return st.tuples(*(st.just(part) if isinstance(part, bytes) else part for part in parts)).map(list)


def pushes() -> st.SearchStrategy[Argv]:
    """LPUSH RPUSH LPUSHX RPUSHX."""
    name = st.sampled_from([b"LPUSH", b"RPUSH", b"LPUSH", b"RPUSH", b"LPUSHX", b"RPUSHX"])
    return st.tuples(name, key, elements).map(lambda parts: [parts[0], parts[1], *parts[2]])


def pops() -> st.SearchStrategy[Argv]:
    """LPOP RPOP LMPOP LMOVE RPOPLPUSH."""
    name = st.sampled_from([b"LPOP", b"RPOP"])
    count = st.one_of(index, st.sampled_from([b"0", b"1", b"2", b"10", b"100"]))
    options = st.one_of(
        st.just([]),
        count.map(lambda text: [b"COUNT", text]),
        st.sampled_from([[b"COUNT"], [b"count", b"2"], [b"x"]]),
    )
    many = st.tuples(keys, side, options, st.sampled_from([0, 0, 0, 0, 1, -1, -9]))
    return st.one_of(
        fixed(name, key),
        fixed(name, key, count),
        many.map(
            lambda parts: [b"LMPOP", b"%d" % (len(parts[0]) + parts[3]), *parts[0], parts[1], *parts[2]]
        ),
        fixed(b"LMOVE", key, key, side, side),
        fixed(b"RPOPLPUSH", key, key),
    )


def changes() -> st.SearchStrategy[Argv]:
    """LSET LINSERT LREM LTRIM."""
    where = st.sampled_from([b"BEFORE", b"AFTER", b"before", b"After", b"AT"])
    return st.one_of(
        fixed(b"LSET", key, index, element),
        fixed(b"LINSERT", key, where, element, element),
        fixed(b"LREM", key, index, element),
        fixed(b"LTRIM", key, index, index),
        fixed(b"LTRIM", key, st.sampled_from([b"0", b"1", b"-200"]), st.sampled_from([b"-1", b"-2", b"150"])),
    )


def reads() -> st.SearchStrategy[Argv]:
    """LLEN LINDEX LRANGE LPOS."""
    option = st.one_of(
        fixed(st.sampled_from([b"RANK", b"COUNT", b"MAXLEN", b"rank", b"FIRST"]), index),
        fixed(
            st.sampled_from([b"RANK", b"COUNT", b"MAXLEN"]),
            st.sampled_from([b"1", b"2", b"-1", b"3", b"0", b"20"]),
        ),
    )
    found = st.tuples(key, element, st.lists(option, max_size=3))
    return st.one_of(
        fixed(b"LLEN", key),
        fixed(b"LINDEX", key, index),
        fixed(b"LRANGE", key, index, index),
        fixed(b"LRANGE", key, b"0", b"-1"),
        found.map(lambda parts: [b"LPOS", parts[0], parts[1], *(word for pair in parts[2] for word in pair)]),
    )


def refused() -> st.SearchStrategy[Argv]:
    """Blocking commands that fail before they could wait."""
    timeout = st.sampled_from(
        [b"-1", b"x", b"", b"nan", b" 1", b"1 ", b"-inf", b"1e20", b"inf", b"0x1g", b"-0.5e9"]
    )
    return st.one_of(
        fixed(st.sampled_from([b"BLPOP", b"BRPOP"]), key, key, timeout),
        fixed(b"BLMOVE", key, key, side, side, timeout),
        fixed(b"BLMOVE", key, key, b"UP", side, b"0"),
        fixed(b"BRPOPLPUSH", key, key, timeout),
        fixed(b"BLMPOP", timeout, b"1", key, side),
        fixed(
            b"BLMPOP", timeout, st.sampled_from([b"0", b"-1", b"x", b"2", b"9"]), key, side, b"COUNT", index
        ),
        fixed(b"BLMPOP", b"0", b"1", key, b"LEFT", b"COUNT", st.sampled_from([b"0", b"-1", b"x", b""])),
    )


def others() -> st.SearchStrategy[Argv]:
    """What makes other types, moves lists, and lets them go."""
    return st.one_of(
        fixed(b"SET", key, b"string"),
        fixed(b"DEL", key),
        fixed(b"RENAME", key, key),
        fixed(b"COPY", key, key, b"REPLACE"),
        fixed(b"OBJECT", b"ENCODING", key),
        fixed(
            b"CONFIG", b"SET", b"list-max-listpack-size",
            st.sampled_from([b"-2", b"-1", b"-5", b"1", b"5", b"128", b"0"]),
        ),
        st.sampled_from(
            [[b"LPUSH", b"k1"], [b"LPOP"], [b"LRANGE", b"k1", b"0"], [b"LMPOP", b"1", b"k1"], [b"LPOS", b"k1"]]
        ),
    )  # fmt: skip


def commands() -> st.SearchStrategy[Argv]:
    """One command of the group, right or wrong; pushes are as frequent as all that removes."""
    return st.one_of(pushes(), pushes(), pops(), changes(), reads(), reads(), refused(), others())
