"""Random requests of the sorted set group: colliding keys and members, scores at every edge, options in any order."""

from __future__ import annotations

from typing import Final, TypeVar

from hypothesis import strategies as st

from tests.differential.gen_strings import any_case, flag, joined, key, request, several

Argv = list[bytes]
T = TypeVar("T")

SCORES: Final = (
    b"0", b"-0", b"1", b"-1", b"2", b"3", b"10", b"100", b"1.5", b"-1.5", b"0.1", b"0.2", b"0.3", b"1e3", b"1e-7",
    b"3.0e300", b"-3.0e300", b"1e308", b"5e-324", b"inf", b"+inf", b"-inf", b"Infinity", b"9007199254740993",
    b"1700000000123", b"4611686018427387904", b"9223372036854775807", b"123456789012345678901234567890",
    b"0x10", b"0x1p-2", b".5", b"5.", b"+1",
)  # fmt: skip

BAD_SCORES: Final = (
    b"nan",
    b"-nan",
    b"abc",
    b"",
    b" 1",
    b"1 ",
    b"1_0",
    b"1e999",
    b"1e-999",
    b"(1",
    b"1,5",
    b"--1",
    b"0x",
)

MEMBERS: Final = (
    b"a", b"b", b"c", b"d", b"aa", b"ab", b"A", b"", b"1", b"-5", b"10", b"123456789012345678901", b"\x00", b"\xff",
    b"\xff\x00a", b"a\x00", b"x" * 64, b"x" * 65, b"y" * 300, b"foo bar", b"\r\n",
)  # fmt: skip

INDEXES: Final = (
    b"0", b"1", b"2", b"3", b"5", b"-1", b"-2", b"-3", b"-100", b"100", b"9223372036854775807",
    b"-9223372036854775808", b"9223372036854775808", b"a", b"", b"1.0", b"(1", b"-0",
)  # fmt: skip

COUNTS: Final = (b"0", b"1", b"2", b"3", b"10", b"-1", b"-2", b"9223372036854775807", b"a", b"", b"1.5")


def mostly(usual: st.SearchStrategy[T], odd: st.SearchStrategy[T], times: int = 12) -> st.SearchStrategy[T]:
    """The odd one once in so many times; `one_of` would not mind being given the usual one more often."""
    return st.integers(0, times - 1).flatmap(lambda n: odd if n == times - 1 else usual)


def weighted(*choices: tuple[int, st.SearchStrategy[T]]) -> st.SearchStrategy[T]:
    """One of several, each with its weight."""
    numbers = [number for number, (weight, _) in enumerate(choices) for _ in range(weight)]
    return st.sampled_from(numbers).flatmap(lambda number: choices[number][1])


good_score = weighted(
    (3, st.sampled_from(SCORES)),
    (6, st.integers(-9, 9).map(lambda n: b"%d" % n)),
    (1, st.floats(allow_nan=False).map(lambda n: repr(n).encode())),
)
score = mostly(good_score, st.sampled_from(BAD_SCORES), 40)
member = weighted(
    (2, st.sampled_from(MEMBERS[:6])),
    (1, st.sampled_from(MEMBERS)),
    (2, st.integers(0, 30).map(lambda n: b"m%d" % n)),
)
index = mostly(st.integers(-8, 8).map(lambda n: b"%d" % n), st.sampled_from(INDEXES), 6)
count = mostly(st.integers(0, 5).map(lambda n: b"%d" % n), st.sampled_from(COUNTS), 6)
score_bound = weighted(
    (4, score),
    (2, score.map(lambda text: b"(" + text)),
    (2, st.sampled_from((b"-inf", b"+inf", b"(-inf", b"(inf"))),
)
lex_bound = weighted(
    (5, member.map(lambda text: b"[" + text)),
    (3, member.map(lambda text: b"(" + text)),
    (4, st.sampled_from((b"-", b"+"))),
    (1, st.sampled_from((b"a", b"", b"[", b"(", b"-a", b"+a", b"-inf"))),
)
lex_key = st.sampled_from((b"lex1", b"lex2"))
"""Ranges of members are defined only where all scores are equal, so they have keys to themselves."""


def words(*parts: bytes) -> st.SearchStrategy[Argv]:
    """A fixed list of words."""
    return st.just(list(parts))


def pairs(size: int) -> st.SearchStrategy[Argv]:
    """Up to so many scores with members."""
    pair = st.tuples(score, member).map(list)
    return joined(pair, several(pair, size))


def additions() -> st.SearchStrategy[Argv]:
    """ZADD and ZINCRBY."""
    option = flag(b"NX", b"XX", b"GT", b"LT", b"CH", b"CH")
    start = request(b"ZADD", key)
    return weighted(
        (3, joined(start, pairs(0))),
        (4, joined(start, pairs(8))),
        (3, joined(start, several(option, 2), pairs(3))),
        (2, joined(start, several(option, 1), flag(b"INCR"), pairs(0))),
        (1, joined(start, several(option, 4), several(flag(b"INCR"), 1), pairs(1))),
        (
            1,
            joined(
                start, several(flag(b"NX", b"INCR", b"junk"), 2), several(member.map(lambda text: [text]), 3)
            ),
        ),
        (3, request(b"ZINCRBY", key, score, member)),
        (3, lex_members()),
    )


def lex_members() -> st.SearchStrategy[Argv]:
    """Members of the keys whose scores are all 0."""
    return st.tuples(lex_key, st.lists(member, min_size=1, max_size=8)).map(
        lambda drawn: [b"ZADD", drawn[0], *[word for text in drawn[1] for word in (b"0", text)]]
    )


def removals() -> st.SearchStrategy[Argv]:
    """ZREM, ZREMRANGEBY... and pops."""
    side = any_case((b"MIN", b"MAX"))
    name = st.sampled_from((b"ZPOPMIN", b"ZPOPMAX"))
    return st.one_of(
        joined(request(b"ZREM", key), several(member.map(lambda text: [text]), 4)),
        request(b"ZREMRANGEBYRANK", key, index, index),
        request(b"ZREMRANGEBYSCORE", key, score_bound, score_bound),
        request(b"ZREMRANGEBYLEX", lex_key, lex_bound, lex_bound),
        st.tuples(name, key).map(list),
        st.tuples(name, key, count).map(list),
        st.tuples(numbered_keys(b"ZMPOP"), side).map(lambda drawn: [*drawn[0], drawn[1]]),
        st.tuples(numbered_keys(b"ZMPOP"), side, any_case((b"COUNT",)), count).map(
            lambda drawn: [*drawn[0], *drawn[1:]]
        ),
    )


def numbered_keys(*start: bytes) -> st.SearchStrategy[Argv]:
    """The words, the number of keys, which is wrong at times, and the keys."""
    wrong = st.sampled_from((b"0", b"-1", b"9", b"a", b"1"))
    right = st.lists(st.one_of(key, lex_key), min_size=1, max_size=4)
    counted = st.tuples(right, st.integers(0, 19), wrong)
    return counted.map(
        lambda drawn: [*start, drawn[2] if drawn[1] == 0 else b"%d" % len(drawn[0]), *drawn[0]]
    )


def ranges() -> st.SearchStrategy[Argv]:
    """ZRANGE in all its forms."""
    limit = st.tuples(any_case((b"LIMIT",)), index, index).map(list)
    with_scores = flag(b"WITHSCORES")
    extras = joined(several(with_scores, 1), several(limit, 1))
    option = st.one_of(with_scores, flag(b"REV"), flag(b"BYSCORE", b"BYLEX"), limit, flag(b"junk"))
    name = st.sampled_from((b"ZRANGEBYSCORE", b"ZREVRANGEBYSCORE"))
    lex_name = st.sampled_from((b"ZRANGEBYLEX", b"ZREVRANGEBYLEX"))
    by_rank = st.tuples(st.sampled_from((b"ZRANGE", b"ZREVRANGE")), key, index, index).map(list)
    new_form = st.one_of(
        joined(request(b"ZRANGE", key, index, index), several(flag(b"REV"), 1), several(with_scores, 1)),
        joined(
            request(b"ZRANGE", key, score_bound, score_bound),
            flag(b"BYSCORE"),
            several(flag(b"REV"), 1),
            extras,
        ),
        joined(
            request(b"ZRANGE", lex_key, lex_bound, lex_bound),
            flag(b"BYLEX"),
            several(flag(b"REV"), 1),
            extras,
        ),
        joined(request(b"ZRANGE", lex_key, st.one_of(index, lex_bound), lex_bound), several(option, 4)),
    )
    store = st.one_of(
        joined(request(b"ZRANGESTORE", key, key, index, index), several(flag(b"REV"), 1)),
        joined(
            request(b"ZRANGESTORE", key, key, score_bound, score_bound), flag(b"BYSCORE"), several(limit, 1)
        ),
        joined(
            request(b"ZRANGESTORE", lex_key, lex_key, lex_bound, lex_bound), flag(b"BYLEX"), several(limit, 1)
        ),
        joined(request(b"ZRANGESTORE", key, lex_key, index, index), several(option, 3)),
    )
    return st.one_of(
        joined(by_rank, several(with_scores, 1)),
        joined(by_rank, several(option, 2)),
        joined(st.tuples(name, key, score_bound, score_bound).map(list), extras),
        joined(st.tuples(lex_name, lex_key, lex_bound, lex_bound).map(list), several(limit, 1)),
        new_form,
        new_form,
        store,
    )  # fmt: skip


def questions() -> st.SearchStrategy[Argv]:
    """What reads a score, a rank or a number."""
    name = st.sampled_from((b"ZRANK", b"ZREVRANK"))
    return st.one_of(
        request(b"ZSCORE", key, member),
        joined(request(b"ZMSCORE", key), several(member.map(lambda text: [text]), 4)),
        request(b"ZCARD", key),
        st.tuples(name, key, member).map(list),
        request(b"ZCOUNT", key, score_bound, score_bound),
        request(b"ZLEXCOUNT", lex_key, lex_bound, lex_bound),
        joined(request(b"ZSCAN", key, st.sampled_from((b"0", b"0", b"a", b"-"))), several(scan_option(), 2)),
        request(b"OBJECT", st.just(b"ENCODING"), key),
        random_members(),
    )


def scan_option() -> st.SearchStrategy[Argv]:
    """MATCH and COUNT; a set of more members than COUNT would come in an order of its own."""
    return st.one_of(
        st.tuples(any_case((b"MATCH",)), st.sampled_from((b"*", b"m*", b"[ab]", b""))).map(list),
        st.tuples(any_case((b"COUNT",)), st.sampled_from((b"1000", b"0", b"-1", b"a"))).map(list),
        flag(b"junk"),
    )


def random_members() -> st.SearchStrategy[Argv]:
    """ZRANDMEMBER, where the reply is no matter of chance."""
    several_of_all = joined(
        request(b"ZRANDMEMBER", key, st.sampled_from((b"0", b"1000"))), several(flag(b"WITHSCORES"), 1)
    )
    wrong = request(b"ZRANDMEMBER", key, st.sampled_from((b"a", b"9223372036854775808")))
    out_of_range = words(b"ZRANDMEMBER", b"k1", b"9223372036854775807", b"WITHSCORES")
    return st.one_of(several_of_all, several_of_all, wrong, out_of_range, words(b"ZRANDMEMBER", b"absent"))


def algebra() -> st.SearchStrategy[Argv]:
    """Unions, intersections and differences."""
    weights = joined(flag(b"WEIGHTS"), several(score.map(lambda text: [text]), 4))
    aggregate = joined(flag(b"AGGREGATE"), flag(b"SUM", b"MIN", b"MAX", b"junk"))
    option = st.one_of(
        aggregate, weights, flag(b"WITHSCORES"), st.tuples(any_case((b"LIMIT",)), count).map(list)
    )
    sensible = joined(several(aggregate, 1), several(flag(b"WITHSCORES"), 1))
    reads = st.sampled_from((b"ZUNION", b"ZINTER", b"ZDIFF")).flatmap(lambda name: numbered_keys(name))
    stores = st.tuples(st.sampled_from((b"ZUNIONSTORE", b"ZINTERSTORE", b"ZDIFFSTORE")), key).flatmap(
        lambda drawn: numbered_keys(*drawn)
    )
    two = st.tuples(
        st.sampled_from((b"ZUNION", b"ZINTER")), key, key, any_case((b"WEIGHTS",)), good_score, good_score
    )
    weighted = two.map(lambda drawn: [drawn[0], b"2", *drawn[1:]])
    return st.one_of(
        joined(reads, sensible),
        joined(stores, several(aggregate, 1)),
        joined(weighted, sensible),
        joined(st.one_of(reads, stores), several(option, 3)),
        joined(numbered_keys(b"ZINTERCARD"), several(st.tuples(any_case((b"LIMIT",)), count).map(list), 1)),
    )


def others() -> st.SearchStrategy[Argv]:
    """What meets sorted sets from outside: other types, deletion, limits of encodings."""
    limits = st.sampled_from((b"0", b"2", b"5", b"128", b"1000"))
    return weighted(
        (2, request(b"DEL", key)),
        (1, request(b"DEL", lex_key)),
        (1, request(b"SET", key, member)),
        (1, request(b"TYPE", key)),
        (1, request(b"EXPIRE", key, st.just(b"1000"))),
        (2, request(b"CONFIG", st.just(b"SET"), st.just(b"zset-max-listpack-entries"), limits)),
    )


def commands() -> st.SearchStrategy[Argv]:
    """Any command of the group."""
    return weighted(
        (8, additions()), (5, ranges()), (3, questions()), (4, removals()), (3, algebra()), (1, others())
    )  # fmt: skip
