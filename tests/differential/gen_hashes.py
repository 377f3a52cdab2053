"""Random requests of the hash group: colliding keys and fields, numbers at every edge, both encodings.

Without what is newer than the oracle: deadlines of fields, and NOVALUES.
"""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from tests.differential.gen_sorted_sets import mostly, weighted, words
from tests.differential.gen_strings import (
    FLOATS,
    INTEGERS,
    any_case,
    flag,
    integer,
    joined,
    key,
    number,
    request,
    several,
)

Argv = list[bytes]

FIELDS: Final = (
    b"f1", b"f2", b"f3", b"name", b"age", b"", b"1", b"-7", b"12345678901234567890", b"a", b"A", b"\x00", b"\xff",
    b"$2", b"$2\r\nf1\r\n", b"f1\r\n", b"\r\n", b"\n", b"foo bar", b"x" * 64, b"x" * 65, b"y" * 300,
)  # fmt: skip

VALUES: Final = (
    b"f1", b"f2", b"name", b"", b"$2", b"$2\r\nf1", b"$2\r\nf1\r\n$2\r\nf2\r\n", b"\r\n", b"\x00\xff", b"v" * 64,
    b"v" * 65, b"w" * 1500, b"9" * 20, b"3.0", b"1e3", b" 1", b"01", b"-0",
)  # fmt: skip

field = weighted(
    (6, st.sampled_from(FIELDS[:5])),
    (2, st.sampled_from(FIELDS)),
    (3, st.integers(0, 30).map(lambda n: b"field:%d" % n)),
)
value = weighted(
    (4, st.integers(-9, 999).map(lambda n: b"%d" % n)),
    (2, st.text("abc", max_size=12).map(str.encode)),
    (2, st.sampled_from(VALUES)),
    (1, number),
)
count = mostly(st.integers(-6, 8).map(lambda n: b"%d" % n), st.sampled_from(INTEGERS), 6)


def pairs(drawn: list[tuple[bytes, bytes]]) -> Argv:
    """Fields and values in turn."""
    return [word for pair in drawn for word in pair]


def settings() -> st.SearchStrategy[Argv]:
    """HSET and the like.

    Many fields in one command are all different: since 7.2 it is their number, repeated or not, that a
    listpack must not exceed.
    """
    name = any_case((b"HSET", b"HSET", b"HSET", b"HMSET"))
    pair = st.tuples(field, value)
    few = st.lists(pair, min_size=1, max_size=2).map(pairs)
    many = st.lists(pair, min_size=1, max_size=12, unique_by=lambda drawn: drawn[0]).map(pairs)
    odd = st.lists(field, min_size=1, max_size=4)
    start = st.tuples(name, key).map(list)
    return weighted(
        (4, joined(start, few)),
        (3, joined(start, many)),
        (1, joined(start, odd)),
        (2, request(b"HSETNX", key, field, value)),
    )


def sums() -> st.SearchStrategy[Argv]:
    """HINCRBY and HINCRBYFLOAT."""
    step = weighted((4, st.integers(-20, 20).map(lambda n: b"%d" % n)), (2, integer), (1, number))
    decimal = weighted((3, number), (2, st.sampled_from(FLOATS)), (2, step))
    return st.one_of(
        request(b"HINCRBY", key, field, step),
        request(b"HINCRBYFLOAT", key, field, decimal),
    )


def questions() -> st.SearchStrategy[Argv]:
    """What reads fields."""
    of_field = st.sampled_from((b"HGET", b"HEXISTS", b"HSTRLEN"))
    of_key = st.sampled_from((b"HGETALL", b"HKEYS", b"HVALS", b"HLEN"))
    named = several(field.map(lambda text: [text]), 4)
    return weighted(
        (5, st.tuples(of_field, key, field).map(list)),
        (4, st.tuples(of_key, key).map(list)),
        (3, joined(request(b"HMGET", key), field.map(lambda text: [text]), named)),
        (2, request(b"OBJECT", st.just(b"ENCODING"), key)),
        (
            3,
            joined(
                request(b"HSCAN", key, st.sampled_from((b"0", b"0", b"0", b"a"))), several(scan_option(), 2)
            ),
        ),
        (3, random_fields()),
    )


def scan_option() -> st.SearchStrategy[Argv]:
    """MATCH and COUNT; a hash of more fields than COUNT would come in an order of its own."""
    return st.one_of(
        st.tuples(any_case((b"MATCH",)), st.sampled_from((b"*", b"f*", b"field:[12]*", b"[an]*", b""))).map(
            list
        ),
        st.tuples(any_case((b"COUNT",)), st.sampled_from((b"1000", b"0", b"-1", b"a"))).map(list),
        flag(b"junk"),
    )


def random_fields() -> st.SearchStrategy[Argv]:
    """HRANDFIELD."""
    with_values = flag(b"WITHVALUES", b"WITHVALUES", b"WITHVALUES", b"junk")
    out_of_range = words(b"HRANDFIELD", b"k1", b"9223372036854775807", b"WITHVALUES")
    sane = count.filter(lambda text: not text.startswith(b"-") or len(text) < 4)
    return weighted(
        (4, joined(request(b"HRANDFIELD", key, sane), several(with_values, 1))),
        (2, request(b"HRANDFIELD", key)),
        (1, out_of_range),
    )


def others() -> st.SearchStrategy[Argv]:
    """What meets hashes from outside: other types, deletion, renaming, limits of the encodings."""
    limits = st.sampled_from((b"0", b"2", b"5", b"128", b"512"))
    two_keys = st.sampled_from((b"RENAME", b"RENAMENX", b"COPY"))
    return weighted(
        (4, request(b"DEL", key)),
        (2, request(b"SET", key, value)),
        (1, request(b"LPUSH", key, value)),
        (2, request(b"TYPE", key)),
        (2, request(b"EXPIRE", key, st.just(b"1000"))),
        (3, st.tuples(two_keys, key, key).map(list)),
        (1, joined(request(b"COPY", key, key), flag(b"REPLACE"))),
        (1, request(b"SCAN", st.just(b"0"), st.just(b"TYPE"), st.just(b"hash"))),
        (1, joined(words(b"DEBUG", b"DIGEST-VALUE"), key.map(lambda text: [text]))),
        (3, request(b"CONFIG", st.just(b"SET"), st.just(b"hash-max-listpack-entries"), limits)),
    )


def commands() -> st.SearchStrategy[Argv]:
    """Any command of the group."""
    removal = joined(
        request(b"HDEL", key), field.map(lambda text: [text]), several(field.map(lambda text: [text]), 4)
    )
    return weighted((8, settings()), (4, sums()), (10, questions()), (4, removal), (2, others()))
