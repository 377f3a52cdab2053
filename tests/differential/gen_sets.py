"""Random requests of the set group: colliding keys and members, sets in every encoding, sources of all kinds.

Members of one request are different from each other, and their number is no limit of an encoding: since Redis
7.2 the number of arguments, however often they repeat, decides on the encoding before the first is added.

SPOP would part the servers where it draws; so it meets keys of its own, which hold one member, or integers that
all go at once.
"""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from tests.differential.gen_sorted_sets import scan_option, weighted
from tests.differential.gen_strings import any_case, flag, joined, key, request, several

Argv = list[bytes]

INTEGERS: Final = (
    b"0", b"1", b"2", b"3", b"7", b"-1", b"-5", b"127", b"32767", b"32768", b"-32768", b"-32769", b"65536",
    b"2147483647", b"2147483648", b"-2147483648", b"-2147483649", b"4294967296", b"9223372036854775807",
    b"-9223372036854775808",
)  # fmt: skip

TEXTS: Final = (
    b"a", b"b", b"c", b"d", b"aa", b"A", b"", b"01", b"-0", b"+1", b"1.0", b" 1", b"9223372036854775808",
    b"-9223372036854775809", b"\x00", b"\xff\xfe", b"a\x00", b"x" * 63, b"x" * 64, b"x" * 65, b"y" * 255,
    b"y" * 256, b"foo bar", b"\r\n", b"$1\r\na\r\n", b"x$8", b"$3\r\nabc", b"abc",
)  # fmt: skip

COUNTS: Final = (
    b"0", b"1", b"2", b"5", b"100", b"-1", b"-3", b"9223372036854775807", b"9223372036854775808",
    b"-9223372036854775808", b"a", b"", b"1.5",
)  # fmt: skip

integer = weighted(
    (4, st.integers(-9, 30).map(lambda n: b"%d" % n)),
    (1, st.sampled_from(INTEGERS)),
)
member = weighted(
    (5, integer),
    (3, st.sampled_from(TEXTS[:6])),
    (2, st.sampled_from(TEXTS)),
    (2, st.integers(0, 30).map(lambda n: b"m%d" % n)),
)
count = st.sampled_from(COUNTS)
keys = st.lists(key, min_size=1, max_size=4)


def members() -> st.SearchStrategy[Argv]:
    """Different members: a few of one kind or of all, or many."""
    start = st.integers(-40_000, 40_000)
    return weighted(
        (6, st.lists(member, min_size=1, max_size=6, unique=True)),
        (5, st.lists(integer, min_size=1, max_size=6, unique=True)),
        (2, st.tuples(st.integers(60, 127), start).map(lambda drawn: numbers(b"%d", *drawn))),
        (2, st.tuples(st.integers(60, 260), st.just(0)).map(lambda drawn: numbers(b"m%d", *drawn))),
        (1, st.tuples(st.integers(513, 530), start).map(lambda drawn: numbers(b"%d", *drawn))),
        (1, st.tuples(st.integers(300, 500), st.just(0)).map(lambda drawn: numbers(b"%d", *drawn))),
    )


def numbers(pattern: bytes, size: int, start: int) -> Argv:
    """Members with numbers that follow each other, in no order."""
    return [pattern % (start + (i * 7919) % size) for i in range(size)] if size % 7919 else []


def changes() -> st.SearchStrategy[Argv]:
    """SADD SREM SMOVE."""
    return weighted(
        (6, joined(request(b"SADD", key), members())),
        (3, joined(request(b"SREM", key), members())),
        (2, request(b"SMOVE", key, key, member)),
    )


def pops() -> st.SearchStrategy[Argv]:
    """SPOP, where the reply is no matter of chance."""
    return weighted(
        (2, st.just([b"SADD", b"solo", b"one"])),
        (2, st.just([b"SPOP", b"solo"])),
        (2, st.sampled_from([[b"SPOP", b"solo", b"1"], [b"SPOP", b"solo", b"7"], [b"SPOP", b"solo", b"0"]])),
        (
            2,
            st.lists(integer, min_size=1, max_size=5, unique=True).map(
                lambda all_: [b"SADD", b"ints", *all_]
            ),
        ),
        (2, st.just([b"SPOP", b"ints", b"1000"])),
        (1, request(b"SPOP", key, st.sampled_from([b"0", b"-1", b"a", b"", b"9223372036854775808"]))),
        (
            1,
            st.sampled_from([[b"SPOP", b"absent"], [b"SPOP", b"absent", b"3"], [b"SPOP", b"k1", b"1", b"2"]]),
        ),
    )


def questions() -> st.SearchStrategy[Argv]:
    """What reads one set."""
    return weighted(
        (1, request(b"SCARD", key)),
        (2, request(b"SISMEMBER", key, member)),
        (2, joined(request(b"SMISMEMBER", key), members())),
        (3, request(b"SMEMBERS", key)),
        (2, joined(request(b"SRANDMEMBER", key), several(count.map(lambda text: [text]), 1))),
        (
            1,
            joined(
                request(b"SSCAN", key, st.sampled_from((b"0", b"0", b"a", b"-"))), several(scan_option(), 2)
            ),
        ),
        (2, request(b"OBJECT", st.just(b"ENCODING"), key)),
    )


def algebra() -> st.SearchStrategy[Argv]:
    """Unions, intersections and differences of sets, and of sets with sorted sets."""
    name = st.sampled_from((b"SUNION", b"SINTER", b"SDIFF"))
    store_name = st.sampled_from((b"SUNIONSTORE", b"SINTERSTORE", b"SDIFFSTORE"))
    limit = st.tuples(any_case((b"LIMIT",)), count).map(list)
    wrong = st.sampled_from((b"0", b"-1", b"9", b"a"))
    counted = st.tuples(keys, st.integers(0, 9), wrong).map(
        lambda drawn: [drawn[2] if drawn[1] == 0 else b"%d" % len(drawn[0]), *drawn[0]]
    )
    sorted_name = st.sampled_from((b"ZUNION", b"ZINTER", b"ZDIFF"))
    sorted_store = st.sampled_from((b"ZUNIONSTORE", b"ZINTERSTORE", b"ZDIFFSTORE"))
    return weighted(
        (4, st.tuples(name, keys).map(lambda drawn: [drawn[0], *drawn[1]])),
        (4, st.tuples(store_name, key, keys).map(lambda drawn: [drawn[0], drawn[1], *drawn[2]])),
        (3, joined(st.just([b"SINTERCARD"]), counted, several(limit, 1))),
        (1, joined(st.just([b"SINTERCARD"]), counted, several(st.one_of(limit, flag(b"junk", b"LIMIT")), 2))),
        (
            1,
            st.tuples(sorted_name, counted, several(flag(b"WITHSCORES"), 1)).map(
                lambda drawn: [drawn[0], *drawn[1], *drawn[2]]
            ),
        ),
        (1, st.tuples(sorted_store, key, counted).map(lambda drawn: [drawn[0], drawn[1], *drawn[2]])),
        (1, joined(st.just([b"ZINTERCARD"]), counted, several(limit, 1))),
    )


def others() -> st.SearchStrategy[Argv]:
    """What meets sets from outside."""
    limits = st.sampled_from((b"0", b"16", b"300", b"512"))
    return weighted(
        (3, request(b"DEL", key)),
        (1, request(b"SET", key, member)),
        (1, request(b"ZADD", key, integer, member)),
        (1, request(b"TYPE", key)),
        (1, request(b"EXPIRE", key, st.just(b"1000"))),
        (2, request(b"COPY", key, key, st.just(b"REPLACE"))),
        (1, request(b"RENAME", key, key)),
        (1, st.just([b"SCAN", b"0", b"COUNT", b"1000", b"TYPE", b"set"])),
        (2, request(b"DEBUG", st.just(b"DIGEST-VALUE"), key)),
        (2, request(b"CONFIG", st.just(b"SET"), st.just(b"set-max-intset-entries"), limits)),
    )


def commands() -> st.SearchStrategy[Argv]:
    """Any command of the group."""
    return weighted((16, changes()), (1, pops()), (10, questions()), (10, algebra()), (4, others()))
