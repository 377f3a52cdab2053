"""Random requests of the geo group: places all over the map and close together, areas of every size, any options.

No two members are put at the same place: the order of places at the same distance is unspecified.
"""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from tests.differential.gen_sorted_sets import mostly, weighted
from tests.differential.gen_strings import any_case, flag, joined, request, several

Argv = list[bytes]

key = mostly(st.just(b"g1"), st.sampled_from((b"g2", b"k1")), 6)

EDGES: Final = (
    (b"180", b"85.05112878"), (b"-180", b"-85.05112878"), (b"180", b"0"), (b"-180", b"0"), (b"0", b"0"),
    (b"0", b"85.05112878"), (b"-0.0", b"-0.0"), (b"179.9999", b"84.9"), (b"13.361389", b"38.115556"),
    (b"15.087269", b"37.502669"), (b"-122.4194", b"37.7749"), (b"90", b"-45"),
)  # fmt: skip

BAD: Final = (
    (b"181", b"0"),
    (b"0", b"85.06"),
    (b"a", b"1"),
    (b"1", b""),
    (b"nan", b"1"),
    (b"inf", b"1"),
    (b"-1e9", b"1"),
)

RADII: Final = (
    b"0", b"0.5", b"1", b"10", b"200", b"1000", b"5000", b"12000", b"21000", b"50000", b"1e9", b"1e300", b"inf", b"-1",
    b"a", b"", b"nan",
)  # fmt: skip


def degrees(limit: float) -> st.SearchStrategy[bytes]:
    """A coordinate in one of the ways in which people write it."""
    return st.one_of(
        st.floats(-limit, limit).map(lambda n: b"%.6f" % n),
        st.integers(-int(limit), int(limit)).map(lambda n: b"%d" % n),
    )


anywhere = st.tuples(degrees(180), degrees(85))
nearby = st.tuples(st.floats(13, 16).map(lambda n: b"%.5f" % n), st.floats(36, 39).map(lambda n: b"%.5f" % n))
place = weighted((5, nearby), (3, anywhere), (1, st.sampled_from(EDGES)))
any_place = mostly(place, st.sampled_from(BAD), 60)
member = mostly(st.integers(0, 25).map(lambda n: b"p%d" % n), st.integers(0, 11).map(lambda n: b"e%d" % n), 6)
unit = mostly(any_case((b"KM", b"KM", b"KM", b"M", b"FT", b"MI")), st.just(b"xx"), 30)
size = weighted(
    (1, st.sampled_from(RADII)),
    (5, st.integers(1, 900).map(lambda n: b"%d" % n)),
    (2, st.floats(0, 1e4).map(lambda n: repr(n).encode())),
)
number = mostly(st.integers(1, 9).map(lambda n: b"%d" % n), st.sampled_from((b"100", b"0", b"-1", b"a")))
count = st.tuples(any_case((b"COUNT",)), number).map(list)
extra = flag(b"WITHCOORD", b"WITHDIST", b"WITHHASH")
order = flag(b"ASC", b"DESC")


def moved(place: tuple[bytes, bytes], number: int) -> Argv:
    """A place and a member, the place shifted a little by the number of the member."""
    return [b"%.6f" % (float(place[0]) * 0.9999 + number * 0.000213), place[1], b"p%d" % number]


def additions() -> st.SearchStrategy[Argv]:
    """GEOADD."""
    usual = st.tuples(weighted((3, nearby), (2, anywhere)), st.integers(0, 25)).map(
        lambda drawn: moved(*drawn)
    )
    at_edge = st.integers(0, len(EDGES) - 1).map(lambda n: [*EDGES[n], b"e%d" % n])
    bad = st.sampled_from(BAD).map(lambda drawn: [*drawn, b"p1"])
    entry = mostly(weighted((8, usual), (1, at_edge)), bad, 60)
    option = flag(b"NX", b"XX", b"CH", b"CH")
    start = request(b"GEOADD", key)
    junk = several(member.map(lambda text: [text]), 5)
    return weighted(
        (10, joined(start, entry, several(entry, 12))),
        (4, joined(start, several(option, 2), entry, several(entry, 3))),
        (1, joined(start, several(flag(b"NX", b"XX", b"CH", b"junk"), 3), junk)),
    )


def questions() -> st.SearchStrategy[Argv]:
    """GEOPOS, GEOHASH and GEODIST."""
    members = several(member.map(lambda text: [text]), 4)
    return st.one_of(
        joined(request(b"GEOPOS", key), members),
        joined(request(b"GEOHASH", key), members),
        joined(request(b"GEODIST", key, member, member), several(unit.map(lambda text: [text]), 2)),
    )


def radius_searches() -> st.SearchStrategy[Argv]:
    """GEORADIUS and its kin."""
    options = joined(several(extra, 3), several(count, 1), several(order, 1))
    unsafe = joined(
        several(extra, 2), several(st.one_of(count, flag(b"ANY", b"junk"), order), 3),
        several(st.tuples(any_case((b"STORE", b"STOREDIST")), key).map(list), 1),
    )  # fmt: skip
    store = st.tuples(any_case((b"STORE", b"STOREDIST")), key).map(list)
    around = st.tuples(st.sampled_from((b"GEORADIUS", b"GEORADIUS_RO")), key, any_place, size, unit).map(
        lambda drawn: [drawn[0], drawn[1], *drawn[2], drawn[3], drawn[4]]
    )
    name = st.sampled_from((b"GEORADIUSBYMEMBER", b"GEORADIUSBYMEMBER_RO"))
    around_member = st.tuples(name, key, member, size, unit).map(list)
    either = st.one_of(around, around_member)
    return weighted((5, joined(either, options)), (1, joined(either, unsafe)), (1, joined(either, store)))


def area_searches() -> st.SearchStrategy[Argv]:
    """GEOSEARCH and GEOSEARCHSTORE."""
    centre = weighted(
        (3, st.tuples(any_case((b"FROMLONLAT",)), any_place).map(lambda drawn: [drawn[0], *drawn[1]])),
        (1, st.tuples(any_case((b"FROMMEMBER",)), member).map(list)),
    )
    shape = st.one_of(
        st.tuples(any_case((b"BYRADIUS",)), size, unit).map(list),
        st.tuples(any_case((b"BYBOX",)), size, size, unit).map(list),
    )
    options = joined(several(extra, 3), several(order, 1), several(count, 1))
    any_option = st.one_of(extra, order, count, flag(b"ANY", b"STOREDIST", b"junk"), centre, shape)
    start = request(b"GEOSEARCH", key)
    store = request(b"GEOSEARCHSTORE", key, key)
    return weighted(
        (5, joined(start, centre, shape, options)),
        (1, joined(start, shape, options, centre)),
        (2, joined(start, centre, shape, count, flag(b"ANY"), several(order, 1), several(extra, 1))),
        (
            2,
            joined(
                store, centre, shape, several(order, 1), several(count, 1), several(flag(b"STOREDIST"), 1)
            ),
        ),
        (1, joined(st.one_of(start, store), several(centre, 2), several(shape, 2), several(any_option, 3))),
    )


def others() -> st.SearchStrategy[Argv]:
    """What meets places from outside: scores that are none, deletion, other types."""
    odd = st.sampled_from(
        (
            b"1",
            b"-1",
            b"1e18",
            b"-1e30",
            b"1e300",
            b"inf",
            b"-inf",
            b"4503599627370496.5",
            b"3479099956230698",
        )
    )
    everything = request(b"ZRANGE", key, st.just(b"0"), st.just(b"-1"), st.just(b"WITHSCORES"))
    return weighted(
        (1, request(b"DEL", key)),
        (2, request(b"ZADD", key, odd, member)),
        (1, request(b"ZREM", key, member)),
        (1, request(b"SET", st.just(b"k1"), member)),
        (1, request(b"OBJECT", st.just(b"ENCODING"), key)),
        (2, everything),
    )


def commands() -> st.SearchStrategy[Argv]:
    """Any command of the group."""
    return weighted(
        (6, additions()), (2, questions()), (3, radius_searches()), (6, area_searches()), (1, others())
    )  # fmt: skip
