"""Random SORT requests over lists, sets and sorted sets, with the keys that BY and GET lead to.

What equal texts are sorted into by BY with ALPHA is up to the C library, so such a result is not stored, and no
two elements are the same up to a NUL. Nor is there a number beyond the range of a double: after one, Redis 7.0
takes the next numbers for wrong as well, until a call of the system has cleared `errno`.
"""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from tests.differential.gen_sorted_sets import mostly, weighted
from tests.differential.gen_strings import any_case, flag, joined, request, several

Argv = list[bytes]

KEYS: Final = (b"k1", b"k2", b"k3", b"k4", b"k5")

NUMBERS: Final = (
    b"0", b"-0", b"1", b"10", b"2", b"-3", b"1.5", b"1e3", b"-1e-3", b" 5", b"0x10", b"+7", b"inf", b"-inf",
    b"Infinity", b".5", b"5.", b"007", b"123456789012345678901234567890", b"1e308", b"104\x00junk", b"",
)  # fmt: skip

TEXTS: Final = (
    b"nan", b"abc", b"5x", b"5 ", b"0x", b"--1", b" ", b"1_0", b"a", b"b", b"B", b"c\x00b", b"\xff", b"ab", b"*", b"#",
)  # fmt: skip

PATTERNS: Final = (
    b"w_*", b"w_*", b"w_*", b"w_*", b"h_*->f", b"h_*->f", b"h_*->g", b"*", b"w_*_x", b"w_*->", b"h_*->->", b"none_*",
    b"h_*", b"w_*->f", b"w_\x00*", b"w_*\x00->f", b"w_**",
)  # fmt: skip

INDEXES: Final = (
    b"0", b"1", b"2", b"3", b"5", b"-1", b"-5", b"100", b"9223372036854775807", b"-9223372036854775808",
    b"9223372036854775808", b"a", b"",
)  # fmt: skip

key = st.sampled_from(KEYS)
small = st.integers(0, 12).map(lambda n: b"%d" % n)
number = weighted((5, small), (1, st.sampled_from(NUMBERS)))
element = mostly(number, st.sampled_from(TEXTS), 30)
elements = st.lists(element, min_size=1, max_size=8)
index = mostly(st.integers(-2, 8).map(lambda n: b"%d" % n), st.sampled_from(INDEXES), 6)
pattern = st.sampled_from(PATTERNS)


def sources() -> st.SearchStrategy[Argv]:
    """What is sorted: numbers mostly, sometimes texts."""
    scored = st.lists(st.tuples(small, element), min_size=1, max_size=6)
    texts = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=5)
    return weighted(
        (4, joined(request(b"RPUSH", key), elements)),
        (4, joined(request(b"SADD", key), elements)),
        (3, st.tuples(key, scored).map(lambda d: [b"ZADD", d[0], *(word for pair in d[1] for word in pair)])),
        (1, joined(request(b"SADD", key), texts)),
        (1, joined(request(b"RPUSH", key), texts)),
        (3, request(b"DEL", key)),
        (1, request(b"SET", key, number)),
    )


def weights() -> st.SearchStrategy[Argv]:
    """The strings and hashes that patterns lead to."""
    name = small.map(lambda text: b"w_" + text)
    field = st.sampled_from((b"f", b"f", b"g", b"->"))
    return weighted(
        (5, request(b"SET", name, element)),
        (1, request(b"SET", small.map(lambda text: b"w_" + text + b"_x"), element)),
        (1, request(b"SET", small, element)),
        (1, request(b"INCR", name)),
        (1, request(b"APPEND", name, small)),
        (1, request(b"DEL", name)),
        (4, request(b"HSET", small.map(lambda text: b"h_" + text), field, element)),
        (1, request(b"HDEL", small.map(lambda text: b"h_" + text), field)),
        (1, request(b"SADD", name, small)),
    )


def sorts() -> st.SearchStrategy[Argv]:
    """SORT with options that make sense, and with any."""
    by = st.tuples(any_case((b"BY",)), pattern).map(list)
    unsorted = st.tuples(any_case((b"BY",)), st.sampled_from((b"nosort", b"#", b"", b"x\x00*"))).map(list)
    get = st.tuples(
        any_case((b"GET",)), st.one_of(pattern, st.sampled_from((b"#", b"#", b"x", b"#\x00")))
    ).map(list)
    limit = st.tuples(any_case((b"LIMIT",)), index, index).map(list)
    order = several(flag(b"ASC", b"DESC"), 1)
    alpha = several(flag(b"ALPHA"), 1)
    store = st.tuples(any_case((b"STORE",)), key).map(list)
    start = st.tuples(st.sampled_from((b"SORT", b"SORT", b"SORT_RO")), key).map(list)
    storing = request(b"SORT", key)
    option = st.one_of(unsorted, get, limit, flag(b"ASC", b"DESC", b"ALPHA"), flag(b"junk", b"LIMIT", b"GET"))
    return weighted(
        (3, joined(start, alpha, order, several(limit, 1))),
        (3, joined(start, by, order, several(limit, 1), several(get, 2))),
        (1, joined(start, by, flag(b"ALPHA"), order, several(get, 1))),
        (2, joined(start, unsorted, order, several(limit, 1), several(get, 2))),
        (2, joined(storing, alpha, order, several(limit, 1), several(get, 2), store)),
        (2, joined(storing, by, order, several(limit, 1), several(get, 2), store)),
        (2, joined(storing, unsorted, order, several(limit, 1), store)),
        (2, joined(start, several(option, 4), several(store, 1))),
    )


def others() -> st.SearchStrategy[Argv]:
    """What shows what SORT did."""
    return weighted(
        (1, request(b"OBJECT", st.just(b"ENCODING"), key)),
        (1, request(b"LRANGE", key, st.just(b"0"), st.just(b"-1"))),
        (1, joined(request(b"COMMAND", st.just(b"GETKEYS")), sorts())),
    )


def commands() -> st.SearchStrategy[Argv]:
    """Any command of the group."""
    return weighted((5, sources()), (4, weights()), (7, sorts()), (1, others()))
