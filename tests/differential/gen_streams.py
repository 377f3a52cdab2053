"""Random stream commands: few keys, groups and consumers, low IDs that collide, nodes of few entries.

XREAD and XREADGROUP are only asked to wait in forms that are refused, as a client that waits does nothing
else (see `blocking_streams`). Of what 7.2 and 7.4 changed, `normalise_streams` knows.
"""

from __future__ import annotations

from typing import Final, TypeVar

from hypothesis import strategies as st

Argv = list[bytes]

KEYS: Final = (b"k1", b"k1", b"k1", b"k1", b"k1", b"k2", b"k2", b"k3")
GROUPS: Final = (b"g1", b"g1", b"g1", b"g1", b"g1", b"g1", b"g2")
CONSUMERS: Final = (b"c1", b"c1", b"c2", b"c3", b"")

ODD_IDS: Final = (
    b"0-0", b"0", b"0-*", b"*", b"-", b"+", b"$", b">", b"(", b"", b"x", b"5-x", b"-5", b"5--1", b"1-1-1", b"007-1",
    b"1-01", b" 3-1", b"3- 1", b"+3-1", b"3-+1", b"5\x001", b"1-18446744073709551615", b"1-18446744073709551616",
    b"18446744073709551616-1", b"9999999999999-0", b"99999999999999999999", b"18446744073709551615-5", b"**",
)  # fmt: skip
LAST_IDS: Final = (
    b"18446744073709551615",
    b"18446744073709551615-18446744073709551615",
    b"18446744073709551615-*",
)
VALUES: Final = (
    b"a", b"b", b"", b"0", b"1", b"-1", b"127", b"128", b"-128", b"4095", b"4096", b"-4096", b"-4097", b"32767",
    b"32768", b"-32769", b"8388607", b"8388608", b"-8388609", b"2147483647", b"2147483648", b"-2147483649",
    b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"01", b"-0", b"1.5", b"\r\n", b"\x00",
    b"\xff" * 3, b"x" * 63, b"y" * 64, b"z" * 125, b"z" * 126, b"w" * 300, b"v" * 4095, b"u" * 4096,
)  # fmt: skip
NUMBERS: Final = (
    b"0", b"1", b"2", b"3", b"5", b"10", b"100", b"-1", b"-5", b"x", b"", b"9223372036854775807",
    b"9223372036854775808", b"-9223372036854775808", b"1.5",
)  # fmt: skip

T = TypeVar("T")


def chosen(*strategies: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """One of several, each as often as it is named: `one_of` would flatten nested ones and drop doubles."""
    return st.integers(0, len(strategies) - 1).flatmap(strategies.__getitem__)


key = st.sampled_from(KEYS)
group = st.sampled_from(GROUPS)
consumer = st.sampled_from(CONSUMERS)
number = chosen(*[st.sampled_from(NUMBERS[:7])] * 5, st.sampled_from(NUMBERS))
small = st.sampled_from((1, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 10, 12))
plain_id = st.one_of(
    st.tuples(small, st.integers(0, 4)).map(lambda parts: b"%d-%d" % parts),
    small.map(b"%d".__mod__),
)
any_id = chosen(*[plain_id] * 9, st.sampled_from(ODD_IDS))
new_id = chosen(
    *[small.map(b"%d-*".__mod__)] * 6, *[plain_id] * 6, st.sampled_from([b"*", *ODD_IDS, *LAST_IDS])
)
bound = st.one_of(
    plain_id, plain_id, plain_id, plain_id.map(b"(".__add__),
    st.sampled_from([b"-", b"+", b"-", b"+", b"(0", b"(0-0", b"(-", b"(+"]), any_id,
    st.sampled_from(LAST_IDS).map(b"(".__add__),
)  # fmt: skip
value = st.one_of(st.sampled_from(VALUES[:8]), st.sampled_from(VALUES), st.binary(max_size=6))
field = st.sampled_from([b"f", b"g", b"f", b"g", b"1", b"300", b"long-field-name"])
fields = st.one_of(
    st.tuples(value).map(lambda parts: [b"f", parts[0]]),
    st.tuples(value, value).map(lambda parts: [b"f", parts[0], b"g", parts[1]]),
    st.lists(st.tuples(field, value), min_size=1, max_size=4).map(
        lambda pairs: [word for pair in pairs for word in pair]
    ),
)  # fmt: skip
idle = st.sampled_from([b"0"] * 5 + [b"50000"] * 3 + [b"1000000000", b"-1", b"x"])


def fixed(*parts: bytes | st.SearchStrategy[bytes]) -> st.SearchStrategy[Argv]:
    """A command whose arguments are drawn one by one."""
    return st.tuples(*(st.just(part) if isinstance(part, bytes) else part for part in parts)).map(list)


def joined(*parts: bytes | st.SearchStrategy[bytes] | st.SearchStrategy[Argv]) -> st.SearchStrategy[Argv]:
    """As `fixed`, with parts that stand for several arguments."""
    drawn = st.tuples(*(st.just(part) if isinstance(part, bytes) else part for part in parts))
    return drawn.map(
        lambda words: [each for word in words for each in ([word] if isinstance(word, bytes) else word)]
    )


def maybe(*options: st.SearchStrategy[Argv]) -> st.SearchStrategy[Argv]:
    """A few options, in any order, most often none."""
    return st.one_of(
        st.just([]),
        st.just([]),
        st.lists(st.one_of(*options), max_size=3).map(
            lambda found: [word for words in found for word in words]
        ),
    )


operator = st.sampled_from([[], [b"="], [b"~"], [b"~"], [b"~"]])
strategy = st.one_of(
    joined(st.sampled_from([b"MAXLEN", b"maxlen"]), operator, number),
    joined(st.sampled_from([b"MINID", b"MinId"]), operator, any_id),
)
limit = fixed(b"LIMIT", number)


def additions() -> st.SearchStrategy[Argv]:
    """XADD, most often plain."""
    return chosen(
        *[joined(b"XADD", key, small.map(b"%d-*".__mod__), fields)] * 4,
        joined(b"XADD", key, new_id, fields),
        joined(b"XADD", key, small.map(b"%d-*".__mod__), fields),
        joined(b"XADD", key, strategy, new_id, fields),
        joined(b"XADD", key, strategy, limit, new_id, fields),
        joined(b"XADD", key, maybe(strategy, limit, fixed(b"NOMKSTREAM")), new_id, fields),
        joined(b"XADD", key, new_id, fields, st.sampled_from([[], [b"x"]])),
    )


def removals() -> st.SearchStrategy[Argv]:
    """XDEL XTRIM XSETID."""
    return chosen(
        joined(b"XDEL", key, st.lists(any_id, min_size=1, max_size=4)),
        joined(b"XDEL", key, st.lists(plain_id, min_size=1, max_size=6)),
        joined(b"XTRIM", key, strategy),
        joined(b"XTRIM", key, strategy, limit),
        joined(b"XTRIM", key, maybe(strategy, limit, fixed(b"NOMKSTREAM"))),
        joined(
            b"XSETID", key, any_id, maybe(fixed(b"ENTRIESADDED", number), fixed(b"MAXDELETEDID", any_id), fixed(b"x"))
        ),
        fixed(b"XSETID", key, st.sampled_from([b"50-1", b"60"]), b"ENTRIESADDED", st.sampled_from([b"50", b"7"])),
    )  # fmt: skip


def ranges() -> st.SearchStrategy[Argv]:
    """XRANGE XREVRANGE XLEN XREAD."""
    count = st.one_of(st.just([]), st.just([]), fixed(st.sampled_from([b"COUNT", b"count", b"x"]), number))
    names = st.sampled_from([b"XRANGE", b"XREVRANGE"])
    options = maybe(
        fixed(b"COUNT", number), st.just([b"NOACK"]), fixed(b"BLOCK", st.sampled_from([b"-1", b"x"]))
    )
    return chosen(
        joined(names, key, bound, bound, count),
        joined(b"XRANGE", key, b"-", b"+", count),
        joined(b"XREVRANGE", key, b"+", b"-", count),
        fixed(b"XLEN", key),
        joined(b"XREAD", options, b"STREAMS", key, key, any_id, any_id),
        joined(b"XREAD", options, b"STREAMS", key, any_id),
        joined(
            b"XREAD", options, st.sampled_from([[b"STREAMS"], [], [b"GROUP", b"g1", b"c1", b"STREAMS"]]), key, any_id
        ),
        joined(b"XREAD", b"STREAMS", key, key, any_id),
    )  # fmt: skip


def group_changes() -> st.SearchStrategy[Argv]:
    """XGROUP, mostly CREATE."""
    read = maybe(fixed(b"ENTRIESREAD", number), st.just([b"MKSTREAM"]), st.just([b"x"]))
    from_id = st.one_of(st.sampled_from([b"0", b"$", b"0"]), any_id)
    return chosen(
        *[joined(b"XGROUP", b"CREATE", key, group, st.sampled_from([b"0", b"0", b"$"]), b"MKSTREAM")] * 4,
        joined(b"XGROUP", b"CREATE", key, group, from_id, read),
        joined(b"XGROUP", b"SETID", key, group, from_id, read),
        joined(b"XGROUP", b"SETID", key, group, st.sampled_from([b"0", b"3"])),
        fixed(b"XGROUP", b"DESTROY", key, group),
        fixed(b"XGROUP", b"CREATECONSUMER", key, group, consumer),
        fixed(b"XGROUP", b"DELCONSUMER", key, group, consumer),
        st.sampled_from([[b"XGROUP"], [b"XGROUP", b"x"], [b"XGROUP", b"HELP"], [b"XGROUP", b"CREATE", b"k1", b"g1"]]),
    )  # fmt: skip


def group_reads() -> st.SearchStrategy[Argv]:
    """XREADGROUP, mostly for new entries."""
    options = maybe(
        fixed(b"COUNT", number), st.just([b"NOACK"]), fixed(b"BLOCK", st.sampled_from([b"-1", b"x", b""]))
    )
    from_id = st.one_of(st.sampled_from([b">", b">", b">", b"0"]), any_id)
    head = st.tuples(group, consumer).map(lambda parts: [b"XREADGROUP", b"GROUP", *parts])
    return chosen(
        *[joined(head, b"STREAMS", key, b">")] * 4,
        *[joined(head, b"COUNT", st.sampled_from([b"1", b"2"]), b"STREAMS", key, b">")] * 4,
        *[joined(head, b"STREAMS", key, st.one_of(st.just(b"0"), plain_id))] * 2,
        joined(head, options, b"STREAMS", key, from_id),
        joined(head, options, b"STREAMS", key, key, from_id, from_id),
        joined(b"XREADGROUP", options, b"STREAMS", key, from_id, st.sampled_from([[], [b"k1", b"1", b"2"]])),
    )


def pending() -> st.SearchStrategy[Argv]:
    """XACK XPENDING XCLAIM XAUTOCLAIM."""
    ids = st.lists(st.one_of(plain_id, plain_id, plain_id, any_id), min_size=1, max_size=4)
    times = maybe(
        st.just([b"FORCE"]), st.just([b"FORCE"]), st.just([b"JUSTID"]),
        fixed(b"IDLE", st.sampled_from([b"60000", b"2000000000", b"-1", b"x"])),
        fixed(b"TIME", st.sampled_from([b"0", b"1000", b"-1", b"x", b"9223372036854775807"])),
        fixed(b"RETRYCOUNT", number), fixed(b"LASTID", any_id), st.just([b"x"]),
    )  # fmt: skip
    owner = st.one_of(st.just([]), consumer.map(lambda name: [name]))
    return chosen(
        *[joined(b"XACK", key, group, ids)] * 2,
        *[fixed(b"XPENDING", key, group)] * 2,
        joined(b"XPENDING", key, group, b"-", b"+", number, owner),
        joined(b"XPENDING", key, group, bound, bound, number, owner),
        joined(b"XPENDING", key, group, b"IDLE", idle, bound, bound, number, owner),
        joined(b"XPENDING", key, group, maybe(fixed(bound), fixed(number))),
        joined(b"XCLAIM", key, group, consumer, idle, ids, times),
        *[joined(b"XCLAIM", key, group, consumer, b"0", ids, st.sampled_from([[], [b"FORCE"]]))] * 3,
        joined(
            b"XAUTOCLAIM", key, group, consumer, idle, bound, maybe(fixed(b"COUNT", number), st.just([b"JUSTID"]))
        ),
        *[joined(b"XAUTOCLAIM", key, group, consumer, b"0", b"-", b"COUNT", st.sampled_from([b"1", b"2"]))] * 2,
    )  # fmt: skip


def infos() -> st.SearchStrategy[Argv]:
    """XINFO."""
    return chosen(
        fixed(b"XINFO", b"STREAM", key),
        joined(b"XINFO", b"STREAM", key, b"FULL", st.one_of(st.just([]), fixed(b"COUNT", number))),
        fixed(b"XINFO", b"GROUPS", key),
        fixed(b"XINFO", b"CONSUMERS", key, group),
        joined(b"XINFO", b"STREAM", key, maybe(st.just([b"x"]), st.just([b"FULL"]))),
        st.sampled_from([[b"XINFO"], [b"XINFO", b"x", b"k1"], [b"XINFO", b"HELP"], [b"XINFO", b"GROUPS"]]),
    )


def others() -> st.SearchStrategy[Argv]:
    """What makes other types, moves streams, and decides how large nodes are."""
    return chosen(
        st.sampled_from(
            [[b"SET", b"k3", b"string"], [b"DEL", b"k3"], [b"DEL", b"k2"], [b"SET", b"k2", b"x"]]
        ),
        st.sampled_from([[b"DEL", b"k1"], [b"XLEN", b"k1"]]),
        fixed(b"COPY", key, key),
        fixed(b"COPY", key, key, b"REPLACE"),
        fixed(b"RENAME", key, key),
        fixed(b"OBJECT", b"ENCODING", key),
        fixed(b"TYPE", key),
    )


def nodes() -> st.SearchStrategy[Argv]:
    """How large nodes may grow."""
    return chosen(
        fixed(b"CONFIG", b"SET", b"stream-node-max-entries", st.sampled_from([b"1", b"2", b"3", b"5", b"0", b"100"])),
        fixed(b"CONFIG", b"SET", b"stream-node-max-bytes", st.sampled_from([b"0", b"30", b"60", b"100", b"4096"])),
    )  # fmt: skip


def commands() -> st.SearchStrategy[Argv]:
    """One command of the group, right or wrong."""
    return chosen(
        *[additions()] * 7, *[removals()] * 2, *[ranges()] * 2, *[group_changes()] * 3, *[group_reads()] * 6,
        *[pending()] * 4, *[infos()] * 2, nodes(), others(),
    )  # fmt: skip
