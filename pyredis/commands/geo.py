"""Places on earth, which are scores of a sorted set: GEOADD GEOPOS GEODIST GEOHASH. `geo_search` finds them."""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from pyredis.commands.registry import CommandGroup, first_key
from pyredis.commands.sorted_sets import CH, NX, XX, add_scores, read_zset
from pyredis.datatypes.geohash import LATITUDE_MAX, LONGITUDE_MAX, decode, distance, encode, geohash_text
from pyredis.datatypes.numbers import parse_double
from pyredis.engine.command import DENYOOM, READONLY, WRITE
from pyredis.engine.context import Context
from pyredis.errors import NOT_A_FLOAT, SYNTAX, CommandError
from pyredis.protocol.encode import array_header, bulk, double, write_bulk

geo: Final = CommandGroup("geo", acl=("geo",))

_OPTIONS: Final = {b"NX": NX, b"XX": XX, b"CH": CH}

TWO_52: Final = 4503599627370496.0
_HUNDREDTHS: Final = [b".%02d" % number for number in range(100)]
_DIGITS: Final = [b"%02d" % number for number in range(100)]

_UNITS: Final[dict[bytes, float]] = {b"M": 1.0, b"KM": 1000.0, b"FT": 0.3048, b"MI": 1609.34}
"""Metres in a unit."""


def unit_argument(text: bytes) -> float:
    """The length of a unit in metres, or the error that lists the units."""
    metres = _UNITS.get(text.upper())
    if metres is None:
        raise CommandError(b"ERR unsupported unit provided. please use M, KM, FT, MI")
    return metres


def place_argument(longitude: bytes, latitude: bytes) -> tuple[float, float]:
    """A place on the map, which ends some 500 km before the poles."""
    x = parse_double(longitude)
    y = parse_double(latitude)
    if x is None or y is None:
        raise CommandError(NOT_A_FLOAT)
    if not (-LONGITUDE_MAX <= x <= LONGITUDE_MAX and -LATITUDE_MAX <= y <= LATITUDE_MAX):
        raise CommandError(b"ERR invalid longitude,latitude pair %f,%f" % (x, y))
    return x, y


def distance_text(metres: float) -> bytes:
    """A distance with four decimals, rounded as since Redis 7.2: the product, half to even."""
    if metres != metres:
        return b"nan"
    product = metres * 10000.0
    if product < TWO_52:
        # A double has no room for less than 1 beside 2**52, so adding that rounds.
        units: i64 = int((product + TWO_52) - TWO_52)
        rest = units % 10000
        return str(units // 10000).encode() + _HUNDREDTHS[rest // 100] + _DIGITS[rest % 100]
    whole, left = divmod(round(product), 10000)
    return b"%d.%04d" % (whole, left)


def place_reply(score: float, resp3: bool) -> bytes:
    """An array of longitude and latitude, each with up to 17 decimals."""
    longitude, latitude = decode(score)
    return b"*2\r\n" + double(_coordinate(longitude), resp3) + double(_coordinate(latitude), resp3)


def _coordinate(degrees: float) -> bytes:
    text = (b"%.17f" % degrees).rstrip(b"0").rstrip(b".")
    return b"0" if text == b"-0" else text


@geo.command(
    "GEOADD", arity=-5, flags=WRITE | DENYOOM, keys=first_key("RW update"), since="3.2.0",
    syntax="key [condition:(NX | XX) @6.2.0] [change=CH @6.2.0] (longitude latitude member)...",
    complexity="O(log(N)) for each place, N being how many the index has.",
    history=(("6.2.0", "Added the `CH`, `NX` and `XX` options."),),
)  # fmt: skip
def geoadd(ctx: Context, argv: list[bytes]) -> bytes:
    """Adds places to a geospatial index, or moves those that it has."""
    options = 0
    position = 2
    while position < len(argv):
        option = _OPTIONS.get(argv[position].upper())
        if option is None:
            break
        options |= option
        position += 1
    if (len(argv) - position) % 3 or options & (NX | XX) == NX | XX:
        raise CommandError(SYNTAX)
    scores: list[float] = []
    members: list[bytes] = []
    effect = [b"ZADD", *argv[1:position]]
    while position < len(argv):
        longitude, latitude = place_argument(argv[position], argv[position + 1])
        score = encode(longitude, latitude)
        scores.append(float(score))
        members.append(argv[position + 2])
        effect.append(b"%d" % score)
        effect.append(argv[position + 2])
        position += 3
    if not members:
        raise CommandError(SYNTAX)
    before = ctx.db.keyspace.dirty
    reply = add_scores(ctx, argv[1], members, scores, options)
    if ctx.db.keyspace.dirty != before:
        ctx.propagate_as(effect)
    return reply


@geo.command(
    "GEOPOS", arity=-2, flags=READONLY, keys=first_key("RO access"), since="3.2.0",
    syntax="key member...", complexity="O(N) for N members asked for.",
)  # fmt: skip
def geopos(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the longitudes and latitudes of places."""
    zset = read_zset(ctx, argv[1])
    writer = BytesWriter()
    writer.write(array_header(len(argv) - 2))
    for member in argv[2:]:
        score = None if zset is None else zset.score(member)
        writer.write(ctx.null_array if score is None else place_reply(score, ctx.resp3))
    return writer.getvalue()


@geo.command(
    "GEOHASH", arity=-2, flags=READONLY, keys=first_key("RO access"), since="3.2.0",
    syntax="key member...", complexity="O(N) for N members asked for.",
)  # fmt: skip
def geohash(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the geohashes of places, in the form that is customary elsewhere."""
    zset = read_zset(ctx, argv[1])
    writer = BytesWriter()
    writer.write(array_header(len(argv) - 2))
    for member in argv[2:]:
        score = None if zset is None else zset.score(member)
        if score is None:
            writer.write(ctx.null)
        else:
            write_bulk(writer, geohash_text(score))
    return writer.getvalue()


@geo.command(
    "GEODIST", arity=-4, flags=READONLY, keys=first_key("RO access"), since="3.2.0",
    syntax="key member1 member2 [unit:(M | KM | FT | MI)]", complexity="O(1)",
)  # fmt: skip
def geodist(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the distance between two places."""
    if len(argv) > 5:
        raise CommandError(SYNTAX)
    unit = unit_argument(argv[4]) if len(argv) == 5 else 1.0
    zset = read_zset(ctx, argv[1])
    if zset is None:
        return ctx.null
    one = zset.score(argv[2])
    other = zset.score(argv[3])
    if one is None or other is None:
        return ctx.null
    longitude1, latitude1 = decode(one)
    longitude2, latitude2 = decode(other)
    return bulk(distance_text(distance(longitude1, latitude1, longitude2, latitude2) / unit))
