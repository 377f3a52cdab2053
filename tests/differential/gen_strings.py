"""Random requests of the string group: colliding keys, numbers at every edge, options in any order."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

Argv = list[bytes]

KEYS: Final = (b"k1", b"k2", b"k3", b"k4", b"k5")

INTEGERS: Final = (
    b"0", b"1", b"-1", b"2", b"7", b"10", b"100", b"9999", b"10000", b"123456789",
    b"9223372036854775806", b"9223372036854775807", b"9223372036854775808", b"-9223372036854775807",
    b"-9223372036854775808", b"-9223372036854775809", b"4611686018427387904", b"-4611686018427387905",
    b"18446744073709551615", b"99999999999999999999",
    b"-0", b"+1", b"01", b"-01", b" 1", b"1 ", b"1.0", b"1_0", b"0x10", b"--1", b"-",
)  # fmt: skip

FLOATS: Final = (
    b"0.0", b"1.5", b"-1.5", b"0.1", b"0.2", b"1e3", b"1E-3", b"3.0e300", b"1e4932", b"-1e4932",
    b"2e-4951", b"1e-17", b"5e-18", b"1.7976931348623157e308", b"0x1p-3", b"0x1.8p1", b"0xff",
    b"inf", b"-inf", b"+Infinity", b"nan", b"-nan", b".5", b"5.", b".", b"e5", b"1e", b"1e5.0", b"1,5",
    b"0.30000000000000004", b"-0.0", b"123456789012345678.123456789", b"1e400", b"1e5000", b"1e-5000",
)  # fmt: skip

TEXTS: Final = (
    b"", b"a", b"b", b"ab", b"abcabc", b"hello world", b"ohmytext", b"mynewtext", b"\r\n", b"\x00",
    b"\xff\xfe\x00 ", b"x" * 20, b"y" * 44, b"z" * 45, b"w" * 1023, b"v" * 1024, b"u" * 5000, b"1" * 20,
    b"1" * 21, b"-" + b"1" * 19, b"9" * 5119, b"9" * 5120,
)  # fmt: skip

TIMES: Final = (
    b"100", b"1000", b"100000", b"9999999999", b"0", b"-1", b"1.5", b"", b"abc", b"9223372036854775807",
    b"9223372036854775", b"9223372036854776", b"-9223372036854775808", b"9223370000000000",
    b"9223372036854775808",
)  # fmt: skip

PAST: Final = (b"1", b"1000", b"1600000000")
"""Times since the epoch that are over, in seconds or milliseconds."""

FUTURE: Final = (b"33177117420", b"33177117420000", b"9223372036854775")

OFFSETS: Final = (
    b"0", b"1", b"-1", b"2", b"5", b"-5", b"10", b"-3", b"100", b"-100", b"1023", b"1030", b"5000",
    b"536870911", b"536870912", b"-2147483648", b"4294967296", b"9223372036854775807",
    b"-9223372036854775808", b"9223372036854775808", b"abc", b"", b"1.0",
)  # fmt: skip

key = st.sampled_from(KEYS)
integer = st.one_of(st.sampled_from(INTEGERS), st.integers(-20, 20).map(lambda n: b"%d" % n))
number = st.one_of(
    integer,
    st.sampled_from(FLOATS),
    st.decimals(-1000, 1000, places=3).map(lambda n: str(n).encode()),
    st.floats(allow_nan=True, allow_infinity=True).map(lambda n: repr(n).encode()),
)
value = st.one_of(
    number, st.sampled_from(TEXTS), st.binary(max_size=6), st.text("ab", max_size=12).map(str.encode)
)
offset = st.one_of(st.sampled_from(OFFSETS), st.integers(-30, 60).map(lambda n: b"%d" % n))
short_offset = st.sampled_from([text for text in OFFSETS if not text.startswith(b"53687091")])


def any_case(words: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """One of the words, mostly in upper case."""
    return st.sampled_from([*words, *words, *words, *map(bytes.lower, words), *map(bytes.title, words)])


def relative() -> st.SearchStrategy[Argv]:
    """EX or PX with a time."""
    return st.tuples(any_case((b"EX", b"PX")), st.sampled_from(TIMES)).map(list)


def absolute() -> st.SearchStrategy[Argv]:
    """EXAT or PXAT with a time."""
    return st.tuples(any_case((b"EXAT", b"PXAT")), st.sampled_from(PAST + FUTURE + TIMES)).map(list)


def flag(*words: bytes) -> st.SearchStrategy[Argv]:
    """A word that stands alone."""
    return any_case(words).map(lambda word: [word])


def joined(*parts: st.SearchStrategy[Argv]) -> st.SearchStrategy[Argv]:
    """The parts one after the other."""
    return st.tuples(*parts).map(lambda lists: [word for words in lists for word in words])


def several(part: st.SearchStrategy[Argv], most: int) -> st.SearchStrategy[Argv]:
    """The part, none to so many times."""
    return st.lists(part, max_size=most).map(lambda lists: [word for words in lists for word in words])


def request(name: bytes, *arguments: st.SearchStrategy[bytes]) -> st.SearchStrategy[Argv]:
    """The command with these arguments."""
    return st.tuples(*arguments).map(lambda words: [name, *words])


def set_requests() -> st.SearchStrategy[Argv]:
    """SET and GETEX with few options that make sense, and with any."""
    plain = request(b"SET", key, value)
    option = st.one_of(
        flag(b"NX", b"XX"), flag(b"GET"), flag(b"KEEPTTL"), relative(), absolute(),
        flag(b"PERSIST", b"EX", b"junk"),
    )  # fmt: skip
    sensible = joined(
        plain, several(flag(b"NX", b"XX"), 1), several(flag(b"GET"), 1),
        st.one_of(st.just([]), flag(b"KEEPTTL"), relative(), absolute()),
    )  # fmt: skip
    lifetime = st.one_of(relative(), absolute(), flag(b"PERSIST"), flag(b"KEEPTTL", b"NX"))
    getex = joined(request(b"GETEX", key), several(lifetime, 1))
    return st.one_of(
        plain, plain, sensible, joined(plain, several(option, 4)), getex,
        joined(request(b"GETEX", key), several(option, 3)),
    )  # fmt: skip


def lcs_requests() -> st.SearchStrategy[Argv]:
    """LCS over strings that have something in common."""
    option = st.one_of(
        flag(b"LEN"), flag(b"IDX"), flag(b"IDX"), flag(b"WITHMATCHLEN"), flag(b"MINMATCHLEN", b"junk"),
        st.tuples(any_case((b"MINMATCHLEN",)), integer).map(list),
    )  # fmt: skip
    return joined(request(b"LCS", key, key), several(option, 3))


def commands() -> st.SearchStrategy[Argv]:
    """Any command of the group."""
    pairs = joined(st.tuples(key, value).map(list), several(st.tuples(key, value).map(list), 4))
    keys = st.lists(key, min_size=1, max_size=6)
    return st.one_of(
        set_requests(),
        set_requests(),
        request(b"GET", key),
        request(b"GETSET", key, value),
        request(b"GETDEL", key),
        request(b"SETNX", key, value),
        request(b"SETEX", key, st.sampled_from(TIMES), value),
        request(b"PSETEX", key, st.sampled_from(TIMES), value),
        st.one_of(keys.map(lambda found: [b"MGET", *found]), request(b"STRLEN", key)),
        st.one_of(
            pairs.map(lambda words: [b"MSET", *words]),
            pairs.map(lambda words: [b"MSETNX", *words]),
            pairs.map(lambda words: [b"MSETNX", b"absent", *words[1:]]),
            pairs.map(lambda words: [b"MSET", *words[:-1]]),
        ),
        request(b"APPEND", key, value),
        st.one_of(request(b"GETRANGE", key, offset, offset), request(b"SUBSTR", key, offset, offset)),
        request(b"SETRANGE", key, short_offset, value),
        st.one_of(request(b"INCR", key), request(b"DECR", key)),
        st.one_of(request(b"INCRBY", key, integer), request(b"DECRBY", key, integer)),
        request(b"INCRBYFLOAT", key, number),
        request(b"INCRBYFLOAT", key, number),
        lcs_requests(),
    )
