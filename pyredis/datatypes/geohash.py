"""Geohashes as Redis scores: a place on earth as 52 bits, and the few ranges of them that cover an area.

Longitude and latitude, in degrees, are scaled to integers of 26 bits, whose bits are interleaved: those of
the latitude stand in the even places. Numbers with a common beginning lie in one rectangle of the map, a
*cell*, whose *step* is how many bits of either coordinate it fixes. An area is covered by the cell of its
centre and the eight around it, with the step chosen so that they are just large enough; a search looks at
nothing else.

Everything here follows Redis's geohash.c and geohash_helper.c operation by operation, because clients see
the last digit: positions in the order in which a search meets them, distances by the haversine formula on a
sphere of 6372797.560856 m.
"""

from __future__ import annotations

from math import asin, cos, inf, pi, sin, sqrt
from typing import Final

from librt.vecs import append, vec
from mypy_extensions import i64

LONGITUDE_MAX: Final = 180.0
LATITUDE_MAX: Final = 85.05112878
"""The latitude at which a Mercator map is a square."""

STEP_MAX: Final[i64] = 26
EARTH_RADIUS: Final = 6372797.560856
MERCATOR_MAX: Final = 20037726.37
RADIANS: Final = pi / 180.0
MARGIN: Final = 1e-9
"""Far more than rounding can change a haversine by."""

FINEST: Final = 67108864.0
"""Cells of the finest step in each direction."""
_FINEST_PART: Final = 1.4901161193847656e-08
"""One of them as a part of the whole; a power of two, so that to multiply gives what to divide would."""

_ROWS: Final[i64] = 0x5555555555555555
_COLUMNS: Final[i64] = 0x2AAAAAAAAAAAAAAA
"""The bits of the latitude and those of the longitude."""

_LOW_32: Final[i64] = 0xFFFFFFFF
_TWO_63: Final = float(1 << 63)

_ALPHABET: Final = b"0123456789bcdefghjkmnpqrstuvwxyz"


class Cell:
    """A rectangle of the map: `x` counts from the west, `y` from the south, in units of the step."""

    def __init__(self, x: i64, y: i64, step: i64) -> None:
        self.x: i64 = x
        self.y: i64 = y
        self.step: i64 = step

    def west(self) -> float:
        """The least longitude."""
        return -LONGITUDE_MAX + (float(self.x) / float(1 << self.step)) * (2 * LONGITUDE_MAX)

    def east(self) -> float:
        """The greatest longitude."""
        return -LONGITUDE_MAX + (float((self.x + 1) & _LOW_32) / float(1 << self.step)) * (2 * LONGITUDE_MAX)

    def south(self) -> float:
        """The least latitude."""
        return -LATITUDE_MAX + (float(self.y) / float(1 << self.step)) * (2 * LATITUDE_MAX)

    def north(self) -> float:
        """The greatest latitude."""
        return -LATITUDE_MAX + (float((self.y + 1) & _LOW_32) / float(1 << self.step)) * (2 * LATITUDE_MAX)

    def neighbour(self, dx: i64, dy: i64) -> Cell:
        """The cell next to this one; the map is a torus."""
        mask: i64 = (1 << self.step) - 1
        x = (self.x + dx) & mask if dx != 0 else self.x
        y = (self.y + dy) & mask if dy != 0 else self.y
        return Cell(x, y, self.step)

    def bits(self) -> i64:
        """Both coordinates interleaved, `2 * step` bits."""
        return _spread(self.y) | (_spread(self.x) << 1)


def _spread(n: i64) -> i64:
    """The low 32 bits of `n`, in the even places of the result."""
    n &= _LOW_32
    n = (n | (n << 16)) & 0x0000FFFF0000FFFF
    n = (n | (n << 8)) & 0x00FF00FF00FF00FF
    n = (n | (n << 4)) & 0x0F0F0F0F0F0F0F0F
    n = (n | (n << 2)) & 0x3333333333333333
    return (n | (n << 1)) & 0x5555555555555555


def _squeeze(n: i64) -> i64:
    """The bits in the even places of `n`."""
    n &= 0x5555555555555555
    n = (n | (n >> 1)) & 0x3333333333333333
    n = (n | (n >> 2)) & 0x0F0F0F0F0F0F0F0F
    n = (n | (n >> 4)) & 0x00FF00FF00FF00FF
    n = (n | (n >> 8)) & 0x0000FFFF0000FFFF
    return (n | (n >> 16)) & _LOW_32


def cell_at(longitude: float, latitude: float, step: i64, latitude_max: float = LATITUDE_MAX) -> Cell:
    """The cell of a place; a place on the eastern or northern rim has one of its own beyond the map."""
    cells = float(1 << step)
    x: i64 = int((longitude + LONGITUDE_MAX) / (2 * LONGITUDE_MAX) * cells)
    y: i64 = int((latitude + latitude_max) / (2 * latitude_max) * cells)
    return Cell(x, y, step)


def encode(longitude: float, latitude: float) -> int:
    """The score of a place."""
    return cell_at(longitude, latitude, STEP_MAX).bits()


def decode(score: float) -> tuple[float, float]:
    """The longitude and latitude of a score: the middle of its cell, kept on the map."""
    bits = _as_uint64(score)
    return _middle(_squeeze(bits >> 1), LONGITUDE_MAX), _middle(_squeeze(bits), LATITUDE_MAX)


def _middle(n: i64, most: float) -> float:
    """The middle of a cell of the finest step in one direction: that of `Cell`'s sides, without the object."""
    low = -most + (float(n) * _FINEST_PART) * (2.0 * most)
    high = -most + (float((n + 1) & _LOW_32) * _FINEST_PART) * (2.0 * most)
    middle = (low + high) * 0.5
    if middle > most:
        return most
    return middle if middle > -most else -most


def as_int64(score: float) -> i64:
    """A double cut to an integer as x86 does it, which has one answer for all that do not fit."""
    if -_TWO_63 <= score < _TWO_63:
        return int(score)
    return -0x7FFFFFFFFFFFFFFF - 1


def _as_uint64(score: float) -> i64:
    """The same for an unsigned result, given as the signed integer of the same bits."""
    if score >= _TWO_63:
        return as_int64(score - _TWO_63) ^ (-0x7FFFFFFFFFFFFFFF - 1)
    return as_int64(score)


def geohash_text(score: float) -> bytes:
    """The customary geohash of 11 letters, which counts latitudes from pole to pole; the last letter is 0."""
    longitude, latitude = decode(score)
    bits = cell_at(longitude, latitude, STEP_MAX, 90.0).bits()
    text = bytearray()
    shift: i64 = 47
    while shift > 0:
        text.append(_ALPHABET[(bits >> shift) & 31])
        shift -= 5
    return bytes(text) + b"0"


def distance(longitude1: float, latitude1: float, longitude2: float, latitude2: float) -> float:
    """Metres between two places, along the sphere."""
    v = sin((longitude2 * RADIANS - longitude1 * RADIANS) / 2)
    if v == 0.0:
        return latitude_distance(latitude1, latitude2)
    south = latitude1 * RADIANS
    north = latitude2 * RADIANS
    u = sin((north - south) / 2)
    root = sqrt(u * u + cos(south) * cos(north) * v * v)
    # Rounding can take the root of opposite places beyond 1, where C's asin answers NaN.
    return 2.0 * EARTH_RADIUS * asin(root) if root <= 1.0 else float("nan")


def latitude_distance(latitude1: float, latitude2: float) -> float:
    """Metres between two places on one meridian."""
    return EARTH_RADIUS * abs(latitude2 * RADIANS - latitude1 * RADIANS)


class Area:
    """What a search covers: a circle, or a box whose sides run along meridians and parallels.

    Sizes are given in a unit, of which `to_metres` is the length.
    """

    def __init__(self) -> None:
        self.longitude: float = 0.0
        self.latitude: float = 0.0
        self.is_box: bool = False
        self.radius: float = 0.0
        self.width: float = 0.0
        self.height: float = 0.0
        self.to_metres: float = 1.0
        # The haversine beyond which a place is outside for certain, so that no distance has to be computed.
        self.beyond: float = inf
        # Before that, the bits of a score: the rectangle in which all places inside lie.
        self.lowest_row: i64 = 0
        self.highest_row: i64 = _ROWS
        self.lowest_column: i64 = 0
        self.highest_column: i64 = _COLUMNS
        # How many scores each of the ranges has, once they have been asked for.
        self.span: float = 0.0

    def prepare(self) -> None:
        """Makes a search quicker; to be called when the area is known."""
        angle = self.radius * self.to_metres / (2 * EARTH_RADIUS)
        if not self.is_box and angle < pi / 2:
            self.beyond = sin(angle) * sin(angle) * (1 + MARGIN)
        self._frame()

    def _frame(self) -> None:
        """Finds the rectangle around the area, and a little more than that; none near the poles.

        Coordinates whose bits are spread compare like the coordinates themselves.
        """
        centre = self.latitude * RADIANS
        tall, wide = (self.height / 2, self.width / 2) if self.is_box else (self.radius, self.radius)
        height = self.to_metres * tall / EARTH_RADIUS * (1 + MARGIN)
        width = self.to_metres * wide / EARTH_RADIUS * (1 + MARGIN)
        furthest = abs(centre) + height
        # Neither what is infinite nor what is no number passes.
        if not (furthest < pi / 2 - MARGIN and width < pi / 2):
            return
        row = _finest(self.latitude - height / RADIANS, LATITUDE_MAX) - 1
        if row > 0:
            self.lowest_row = _spread(row)
        row = _finest(self.latitude + height / RADIANS, LATITUDE_MAX) + 1
        if row < 1 << STEP_MAX:
            self.highest_row = _spread(row)
        # A box is as wide as it says at each latitude; a circle meets its outermost meridians nearer the pole.
        sine = sin(width / 2) / cos(furthest) if self.is_box else sin(width) / cos(centre)
        if sine >= 1.0:
            return
        degrees = (2 * asin(sine) if self.is_box else asin(sine)) / RADIANS * (1 + MARGIN)
        column = _finest(self.longitude - degrees, LONGITUDE_MAX) - 1
        last = _finest(self.longitude + degrees, LONGITUDE_MAX) + 1
        if column > 0 and last < (1 << STEP_MAX):
            self.lowest_column = _spread(column) << 1
            self.highest_column = _spread(last) << 1

    def distance_of(self, score: float) -> float:
        """Metres from the centre to the place of a score, or -1 when it is outside. Most of a search is this."""
        bits = _as_uint64(score)
        row = bits & _ROWS
        column = bits & _COLUMNS
        if (
            row < self.lowest_row
            or row > self.highest_row
            or column < self.lowest_column
            or column > self.highest_column
        ):
            return -1.0
        return self.distance_inside(
            _middle(_squeeze(bits >> 1), LONGITUDE_MAX), _middle(_squeeze(bits), LATITUDE_MAX)
        )

    def distance_inside(self, longitude: float, latitude: float) -> float:
        """Metres from the centre, or -1 for a place outside."""
        if self.is_box:
            if latitude_distance(latitude, self.latitude) > self.height * self.to_metres / 2:
                return -1.0
            if distance(longitude, latitude, self.longitude, latitude) > self.width * self.to_metres / 2:
                return -1.0
            return distance(self.longitude, self.latitude, longitude, latitude)
        # As `distance`, but for the questions in between.
        v = sin((longitude * RADIANS - self.longitude * RADIANS) / 2)
        if v == 0.0:
            metres = latitude_distance(self.latitude, latitude)
        else:
            south = self.latitude * RADIANS
            north = latitude * RADIANS
            u = sin((north - south) / 2)
            if u * u > self.beyond:
                return -1.0
            haversine = u * u + cos(south) * cos(north) * v * v
            if haversine > self.beyond:
                return -1.0
            root = sqrt(haversine)
            metres = 2.0 * EARTH_RADIUS * asin(root) if root <= 1.0 else float("nan")
        return -1.0 if metres > self.radius * self.to_metres else metres

    def range_starts(self) -> vec[float]:
        """Where the ranges of scores to look at begin, in search order; `span` is how many scores each has."""
        step = self._step()
        centre = cell_at(self.longitude, self.latitude, step)
        lowest: i64 = -1
        highest: i64 = 1
        leftmost: i64 = -1
        rightmost: i64 = 1
        # With the coarsest step the nine cells are the whole map, whatever the area is, perhaps infinite.
        if step > 1:
            west, south, east, north = self._bounds()
            if _is_too_fine(centre, west, south, east, north):
                step -= 1
                centre = cell_at(self.longitude, self.latitude, step)
            if step > 1:
                # Neighbours on a side where the area ends within the cell of the centre are left out.
                lowest = 0 if centre.south() < south else -1
                highest = 0 if centre.north() > north else 1
                leftmost = 0 if centre.west() < west else -1
                rightmost = 0 if centre.east() > east else 1
        starts = vec[float](capacity=9)
        shift = 2 * (STEP_MAX - step)
        mask: i64 = (1 << step) - 1
        # Not a shift, whose 1 mypyc takes for a number of 32 bits.
        width = FINEST / float(mask + 1)
        self.span = width * width
        previous: i64 = -1
        i: i64 = 0
        while i < 9:
            dx = i64(_SEARCH_X[i]) - 1
            dy = i64(_SEARCH_Y[i]) - 1
            i += 1
            if not (leftmost <= dx <= rightmost and lowest <= dy <= highest):
                continue
            # As `Cell.neighbour`; what does not move may stand on the rim beyond the map.
            x = (centre.x + dx) & mask if dx != 0 else centre.x
            y = (centre.y + dy) & mask if dy != 0 else centre.y
            bits = _spread(y) | (_spread(x) << 1)
            # On a map of few cells, neighbours meet again on the other side.
            if bits == previous:
                continue
            if i > 1:
                previous = bits
            starts = append(starts, float(bits << shift))
        return starts

    def _bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north of a box around the area, as wide as it is where it is widest."""
        height = self.to_metres * (self.height / 2 if self.is_box else self.radius)
        width = self.to_metres * (self.width / 2 if self.is_box else self.radius)
        dlat = height / EARTH_RADIUS / RADIANS
        parallel = self.latitude - dlat if self.latitude < 0 else self.latitude + dlat
        dlon = width / EARTH_RADIUS / cos(parallel * RADIANS) / RADIANS
        return self.longitude - dlon, self.latitude - dlat, self.longitude + dlon, self.latitude + dlat

    def _step(self) -> i64:
        """The step at which three cells are about as wide as the area."""
        if self.is_box:
            half_width, half_height = self.width / 2, self.height / 2
            metres = sqrt(half_width * half_width + half_height * half_height) * self.to_metres
        else:
            metres = self.radius * self.to_metres
        if metres == 0:
            return STEP_MAX
        step: i64 = 1
        while metres < MERCATOR_MAX:
            metres *= 2
            step += 1
        step -= 2
        # Cells are narrower towards the poles.
        if self.latitude > 66 or self.latitude < -66:
            step -= 1
            if self.latitude > 80 or self.latitude < -80:
                step -= 1
        return max(i64(1), min(step, STEP_MAX))


_SEARCH_X: Final = bytes((1, 1, 1, 2, 0, 2, 0, 2, 0))
_SEARCH_Y: Final = bytes((1, 2, 0, 1, 1, 2, 2, 0, 0))
"""How far each of the nine cells is from the one in the middle, more 1, in the order of the search."""


def _finest(degrees: float, most: float) -> i64:
    """The number of a row or column of the finest step; somewhere beyond the map for what is not on it."""
    return int((degrees + most) / (2.0 * most) * FINEST)


def _is_too_fine(centre: Cell, west: float, south: float, east: float, north: float) -> bool:
    """Whether the nine cells around a centre end within an area's bounds."""
    return (
        centre.neighbour(0, 1).north() < north
        or centre.neighbour(0, -1).south() > south
        or centre.neighbour(1, 0).east() < east
        or centre.neighbour(-1, 0).west() > west
    )
