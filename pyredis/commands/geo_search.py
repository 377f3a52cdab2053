"""Searches among places: GEOSEARCH GEOSEARCHSTORE, GEORADIUS and GEORADIUSBYMEMBER with their read-only forms.

All of them read a `GeoQuery` and look only at the ranges of scores that cover its area. Without an order
the places come in that of the ranges, as in Redis; places at the same distance keep it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from librt.strings import BytesWriter

from pyredis.commands.arguments import c_text, integer_argument
from pyredis.commands.geo import distance_text, geo, place_argument, place_reply, unit_argument
from pyredis.commands.registry import first_key, keyword_keys, nth_key
from pyredis.commands.sorted_sets import read_zset, store_zset
from pyredis.datatypes.geohash import Area, as_int64, decode
from pyredis.datatypes.numbers import parse_double
from pyredis.datatypes.sorted_set import SortedSet, from_pairs
from pyredis.engine.command import DENYOOM, READONLY, WRITE, KeySpec
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, CommandError
from pyredis.protocol.encode import EMPTY_ARRAY, array_header, integer, write_bulk

if TYPE_CHECKING:
    from mypy_extensions import i64

UNDECODABLE: Final = b"ERR could not decode requested zset member"

# Where a query's centre and area stand among the arguments.
FROM_PLACE: Final[i64] = 0
FROM_MEMBER: Final[i64] = 1
FROM_OPTIONS: Final[i64] = 2

BATCH: Final[i64] = 512
"""Members of a range of scores that are looked at before it is asked whether enough have been found."""


class GeoQuery:
    """A search as it was asked for."""

    def __init__(self, argv: list[bytes], zset: SortedSet | None) -> None:
        self.argv: list[bytes] = argv
        self.zset: SortedSet | None = zset
        self.area: Area = Area()
        self.with_distance: bool = False
        self.with_hash: bool = False
        self.with_place: bool = False
        self.is_sorted: bool = False
        self.is_descending: bool = False
        self.count: int = 0
        self.takes_any: bool = False
        self.has_centre: bool = False
        self.is_from_member: bool = False
        self.has_area: bool = False
        self.destination: bytes | None = None
        self.stores_distance: bool = False

    def centre_on_member(self, member: bytes) -> None:
        """Takes the place of a member as the centre."""
        zset = self.zset
        if zset is None:
            return
        score = zset.score(member)
        if score is None:
            raise CommandError(UNDECODABLE)
        self.area.longitude, self.area.latitude = decode(score)

    def read_radius(self, position: int) -> None:
        """Reads a radius and its unit."""
        area = self.area
        radius = parse_double(self.argv[position])
        if radius is None:
            raise CommandError(b"ERR need numeric radius")
        if radius < 0:
            raise CommandError(b"ERR radius cannot be negative")
        area.radius = radius
        area.to_metres = unit_argument(self.argv[position + 1])

    def read_box(self, position: int) -> None:
        """Reads a width, a height and their unit."""
        area = self.area
        width = parse_double(self.argv[position])
        if width is None:
            raise CommandError(b"ERR need numeric width")
        height = parse_double(self.argv[position + 1])
        if height is None:
            raise CommandError(b"ERR need numeric height")
        if width < 0 or height < 0:
            raise CommandError(b"ERR height or width cannot be negative")
        area.width, area.height, area.is_box = width, height, True
        area.to_metres = unit_argument(self.argv[position + 2])

    def parse_options(self, position: int, is_search: bool, may_store: bool) -> None:
        """Reads what follows the fixed arguments; `may_store` allows the command's own way to store."""
        argv = self.argv
        count = len(argv)
        while position < count:
            word = argv[position].upper()
            position += 1
            left = count - position
            if word == b"WITHDIST":
                self.with_distance = True
            elif word == b"WITHHASH":
                self.with_hash = True
            elif word == b"WITHCOORD":
                self.with_place = True
            elif word == b"ANY":
                self.takes_any = True
            elif word == b"ASC" or word == b"DESC":
                self.is_sorted = True
                self.is_descending = word == b"DESC"
            elif word == b"COUNT" and left > 0:
                self.count = integer_argument(argv[position])
                if self.count <= 0:
                    raise CommandError(b"ERR COUNT must be > 0")
                position += 1
            elif is_search:
                position = self._parse_search_option(word, position, left, may_store)
            elif may_store and (word == b"STORE" or word == b"STOREDIST") and left > 0:
                self.destination = argv[position]
                self.stores_distance = word == b"STOREDIST"
                position += 1
            else:
                raise CommandError(SYNTAX)

    def _parse_search_option(self, word: bytes, position: int, left: int, may_store: bool) -> int:
        """Reads one of the options that only GEOSEARCH and its STORE form have; returns where it ends."""
        argv = self.argv
        has_place = self.has_centre and not self.is_from_member
        if word == b"FROMMEMBER" and left > 0 and not has_place:
            self.centre_on_member(argv[position])
            self.has_centre = self.is_from_member = True
            return position + 1
        if word == b"FROMLONLAT" and left > 1 and not self.is_from_member:
            self.area.longitude, self.area.latitude = place_argument(argv[position], argv[position + 1])
            self.has_centre = True
            return position + 2
        if word == b"BYRADIUS" and left > 1 and not self.area.is_box:
            self.read_radius(position)
            self.has_area = True
            return position + 2
        if word == b"BYBOX" and left > 2 and (self.area.is_box or not self.has_area):
            self.read_box(position)
            self.has_area = True
            return position + 3
        if word == b"STOREDIST" and may_store:
            self.stores_distance = True
            return position
        raise CommandError(SYNTAX)

    def check(self, is_search: bool) -> None:
        """Raises the error for options that do not go together."""
        if self.destination is not None and (self.with_distance or self.with_hash or self.with_place):
            who = b"GEOSEARCHSTORE" if is_search else b"STORE option in GEORADIUS"
            raise CommandError(
                b"ERR " + who + b" is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )
        name = c_text(self.argv[0])
        if is_search and not self.has_centre:
            raise CommandError(b"ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " + name)
        if is_search and not self.has_area:
            raise CommandError(b"ERR exactly one of BYRADIUS and BYBOX can be specified for " + name)
        if self.takes_any and not self.count:
            raise CommandError(b"ERR the ANY argument requires COUNT argument")


class Found:
    """The places that a search found."""

    def __init__(self) -> None:
        self.members: list[bytes] = []
        self.scores: list[float] = []
        self.distances: list[float] = []

    def order(self, query: GeoQuery) -> list[int]:
        """The positions of the places that the query wants, as it wants them."""
        count = len(self.members)
        positions = list(range(count))
        # The nearest few can be told only after sorting; any few need not be.
        if query.is_sorted or (query.count and not query.takes_any):
            positions.sort(key=self.distances.__getitem__, reverse=query.is_descending)
        return positions[: query.count] if query.count else positions


def search(zset: SortedSet, query: GeoQuery) -> Found:
    """Finds the places in an area; with ANY it stops when there are enough."""
    found = Found()
    area = query.area
    area.prepare()
    enough = query.count if query.takes_any else 0
    for low in area.range_starts():
        if enough and len(found.members) >= enough:
            break
        start: i64 = zset.count_below(low, False)
        stop: i64 = zset.count_below(low + area.span, False)
        while start < stop and not (enough and len(found.members) >= enough):
            end = min(start + BATCH, stop)
            look_at(zset, area, start, end, enough, found)
            start = end
    return found


def look_at(zset: SortedSet, area: Area, start: i64, end: i64, enough: i64, found: Found) -> None:
    """Takes what is inside from a range of ranks; `enough`, when not 0, is how many places there may be."""
    scores = zset.scores(start, end)
    members: list[bytes] | None = None
    count: i64 = len(scores)
    i: i64 = 0
    while i < count:
        score = scores[i]
        metres = area.distance_of(score)
        # A distance that is no number is inside.
        if not metres < 0.0:
            if members is None:
                members = zset.members(start, end)
            found.members.append(members[i])
            found.scores.append(score)
            found.distances.append(metres)
            if enough != 0 and len(found.members) >= enough:
                return
        i += 1


def answer(ctx: Context, query: GeoQuery) -> bytes:
    """Runs a query and answers with the places, or stores them."""
    zset = query.zset
    if query.destination is not None:
        return store_found(ctx, query, query.destination)
    if zset is None:
        return EMPTY_ARRAY
    found = search(zset, query)
    positions = found.order(query)
    extras = int(query.with_distance) + int(query.with_hash) + int(query.with_place)
    writer = BytesWriter()
    writer.write(array_header(len(positions)))
    for position in positions:
        if extras:
            writer.write(array_header(extras + 1))
        write_bulk(writer, found.members[position])
        if query.with_distance:
            write_bulk(writer, distance_text(found.distances[position] / query.area.to_metres))
        score = found.scores[position]
        if query.with_hash:
            writer.write(integer(as_int64(score)))
        if query.with_place:
            writer.write(place_reply(score, ctx.resp3))
    return writer.getvalue()


def store_found(ctx: Context, query: GeoQuery, destination: bytes) -> bytes:
    """Stores what a query finds with the scores it had, or with distances; answers how many there are."""
    engine = ctx.engine
    db = ctx.db
    pairs: dict[bytes, float] = {}
    if query.zset is not None:
        found = search(query.zset, query)
        for position in found.order(query):
            score = found.distances[position] / query.area.to_metres
            pairs[found.members[position]] = score if query.stores_distance else found.scores[position]
    result = from_pairs(pairs, engine.zset_max_entries, engine.zset_max_value)
    is_search = query.argv[0][:4].upper() == b"GEOS"
    reply = store_zset(db, destination, result, b"geosearchstore" if is_search else b"georadiusstore")
    # Redis counts each place as a change of its own.
    if pairs:
        db.keyspace.dirty += len(pairs) - 1
    return reply


_READS: Final[tuple[KeySpec, ...]] = first_key("RO access")
_SEARCH_COMPLEXITY: Final = "O(N+log(M)) to look at the N places near the area out of M."
_SHAPES: Final = (
    "from:(FROMMEMBER member | FROMLONLAT (longitude latitude))"
    " by:(circle:(BYRADIUS radius unit:(M | KM | FT | MI)) | box:(BYBOX width height unit:(M | KM | FT | MI)))"
)
_EXTRAS: Final = "[WITHCOORD] [WITHDIST] [WITHHASH]"
_UPPERCASE: Final = ("7.0.0", "Added support for uppercase unit names.")
_ANY: Final = ("6.2.0", "Added the `ANY` option for `COUNT`.")


@geo.command(
    "GEOSEARCH", arity=-7, flags=READONLY, keys=_READS, since="6.2.0",
    syntax="key " + _SHAPES + " [order:(ASC | DESC)] [count:(COUNT count [ANY])] " + _EXTRAS,
    complexity=_SEARCH_COMPLEXITY, history=(_UPPERCASE,),
)  # fmt: skip
def geosearch(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the places inside a circle or a box."""
    query = GeoQuery(argv, read_zset(ctx, argv[1]))
    query.parse_options(2, True, False)
    query.check(True)
    return answer(ctx, query)


@geo.command(
    "GEOSEARCHSTORE", arity=-8, flags=WRITE | DENYOOM, since="6.2.0",
    keys=nth_key("OW update", 1) + nth_key("RO access", 2),
    syntax="destination source " + _SHAPES + " [order:(ASC | DESC)] [count:(COUNT count [ANY])] [STOREDIST]",
    complexity=_SEARCH_COMPLEXITY, history=(_UPPERCASE,),
)  # fmt: skip
def geosearchstore(ctx: Context, argv: list[bytes]) -> bytes:
    """Stores the places inside a circle or a box in a key."""
    query = GeoQuery(argv, read_zset(ctx, argv[2]))
    query.destination = argv[1]
    query.parse_options(3, True, True)
    query.check(True)
    return answer(ctx, query)


def radius_search(ctx: Context, argv: list[bytes], from_member: bool, may_store: bool) -> bytes:
    """GEORADIUS and its kin. Without the key, a member and the radius around it are not even read."""
    query = GeoQuery(argv, read_zset(ctx, argv[1]))
    position = 5 if from_member else 6
    if not from_member:
        query.area.longitude, query.area.latitude = place_argument(argv[2], argv[3])
        query.read_radius(4)
    elif query.zset is not None:
        query.centre_on_member(argv[2])
        query.read_radius(3)
    query.parse_options(position, False, may_store)
    query.check(False)
    return answer(ctx, query)


_RADIUS_HISTORY: Final = (_ANY, _UPPERCASE)


@geo.command(
    "GEORADIUS", arity=-6, flags=WRITE | DENYOOM, since="3.2.0",
    keys=_READS + keyword_keys("OW update", "STORE", 6, 0) + keyword_keys("OW update", "STOREDIST", 6, 0),
    syntax="key longitude latitude radius unit:(M | KM | FT | MI) " + _EXTRAS
    + " [count:(COUNT count [ANY @6.2.0])] [order:(ASC | DESC)] [STORE key] [STOREDIST key]",
    complexity=_SEARCH_COMPLEXITY, history=_RADIUS_HISTORY,
    deprecated=("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"),
)  # fmt: skip
def georadius(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the places inside a circle, or stores them."""
    return radius_search(ctx, argv, False, True)


@geo.command(
    "GEORADIUS_RO", arity=-6, flags=READONLY, keys=_READS, since="3.2.10",
    syntax="key longitude latitude radius unit:(M | KM | FT | MI) " + _EXTRAS
    + " [count:(COUNT count [ANY @6.2.0])] [order:(ASC | DESC)]",
    complexity=_SEARCH_COMPLEXITY, history=(_ANY,),
    deprecated=("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument"),
)  # fmt: skip
def georadius_ro(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the places inside a circle."""
    return radius_search(ctx, argv, False, False)


@geo.command(
    "GEORADIUSBYMEMBER", arity=-5, flags=WRITE | DENYOOM, since="3.2.0",
    keys=_READS + keyword_keys("OW update", "STORE", 5, 0) + keyword_keys("OW update", "STOREDIST", 5, 0),
    syntax="key member radius unit:(M | KM | FT | MI) " + _EXTRAS
    + " [count:(COUNT count [ANY])] [order:(ASC | DESC)] [STORE key] [STOREDIST key]",
    complexity=_SEARCH_COMPLEXITY, history=(_UPPERCASE,),
    deprecated=("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments"),
)  # fmt: skip
def georadiusbymember(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the places inside a circle around one of them, or stores them."""
    return radius_search(ctx, argv, True, True)


@geo.command(
    "GEORADIUSBYMEMBER_RO", arity=-5, flags=READONLY, keys=_READS, since="3.2.10",
    syntax="key member radius unit:(M | KM | FT | MI) " + _EXTRAS
    + " [count:(COUNT count [ANY])] [order:(ASC | DESC)]",
    complexity=_SEARCH_COMPLEXITY,
    deprecated=("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"),
)  # fmt: skip
def georadiusbymember_ro(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the places inside a circle around one of them."""
    return radius_search(ctx, argv, True, False)
