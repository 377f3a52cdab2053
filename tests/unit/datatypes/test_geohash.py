"""Geohashes: known places, the limits of the map, and areas that are covered by what a search looks at."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pyredis.datatypes.geohash import (
    LATITUDE_MAX,
    STEP_MAX,
    Area,
    Cell,
    as_int64,
    cell_at,
    decode,
    distance,
    encode,
    geohash_text,
    latitude_distance,
)

PALERMO = (13.361389, 38.115556)
CATANIA = (15.087269, 37.502669)

# On the last meridian and parallel the next bit is set: `test_the_rim_of_the_map`.
LONGITUDES = st.floats(-180, 180, exclude_max=True)
LATITUDES = st.floats(-LATITUDE_MAX, LATITUDE_MAX, exclude_max=True)


def test_known_places() -> None:
    assert encode(*PALERMO) == 3479099956230698
    assert encode(*CATANIA) == 3479447370796909
    assert decode(3479099956230698) == (13.361389338970184, 38.1155563954963)
    assert geohash_text(3479099956230698) == b"sqc8b49rny0"
    assert geohash_text(3479447370796909) == b"sqdtr74hyu0"
    places = decode(3479099956230698) + decode(3479447370796909)
    assert distance(*places) == 166274.15156960033


def interleaved(x: int, y: int) -> int:
    """What `Cell.bits` does, bit by bit."""
    return sum(((y >> bit & 1) << 2 * bit) | ((x >> bit & 1) << 2 * bit + 1) for bit in range(32))


@given(st.integers(0, (1 << 26) - 1), st.integers(0, (1 << 26) - 1))
def test_interleaving(x: int, y: int) -> None:
    assert Cell(x, y, STEP_MAX).bits() == interleaved(x, y)


@given(LONGITUDES, LATITUDES)
def test_a_place_lies_in_its_cell(longitude: float, latitude: float) -> None:
    # On the eastern rim the number has 54 bits, of which a score keeps 53: in Redis, too.
    assume(longitude + 180 < 360)
    found = decode(encode(longitude, latitude))
    assert abs(found[0] - longitude) <= 180.001 / (1 << 26)
    assert abs(found[1] - latitude) <= 85.052 / (1 << 26)
    cell = cell_at(longitude, latitude, STEP_MAX)
    assert cell.west() <= longitude + 1e-9
    assert longitude <= cell.east() + 1e-9
    assert cell.south() <= latitude + 1e-9
    assert latitude <= cell.north() + 1e-9


def test_the_rim_of_the_map() -> None:
    assert encode(180, LATITUDE_MAX) == interleaved(1 << 26, 1 << 26)
    assert encode(-180, -LATITUDE_MAX) == 0
    assert decode(encode(180, LATITUDE_MAX)) == (180, LATITUDE_MAX)


@pytest.mark.parametrize(
    ("score", "bits"),
    [
        (-1.0, -1),
        (-1.9, -1),
        (1e18, 10**18),
        (float("inf"), -(1 << 63)),
        (1e300, -(1 << 63)),
        (-1e300, -(1 << 63)),
        (9.3e18, -(1 << 63)),
    ],
)
def test_scores_that_are_no_places(score: float, bits: int) -> None:
    assert as_int64(score) == bits
    longitude, latitude = decode(score)
    assert -180 <= longitude <= 180
    assert -LATITUDE_MAX <= latitude <= LATITUDE_MAX
    assert len(geohash_text(score)) == 11


@given(st.integers(1, 26), st.data())
def test_neighbours_go_round_the_map(step: int, data: st.DataObject) -> None:
    last = (1 << step) - 1
    x, y = data.draw(st.integers(0, last)), data.draw(st.integers(0, last))
    east = Cell(x, y, step).neighbour(1, 0)
    assert (east.x, east.y) == ((x + 1) % (last + 1), y)
    south_west = Cell(x, y, step).neighbour(-1, -1)
    assert (south_west.x, south_west.y) == ((x - 1) % (last + 1), (y - 1) % (last + 1))
    assert Cell(x, y, step).neighbour(1, 1).neighbour(-1, -1).bits() == Cell(x, y, step).bits()


def test_distances() -> None:
    quarter = distance(0, 0, 90, 0)
    assert quarter == pytest.approx(math.pi / 2 * 6372797.560856)
    assert distance(10, 20, 10, 20) == 0
    assert distance(10, 20, 10, 30) == latitude_distance(20, 30)
    assert distance(0, 0, 180, 0) == pytest.approx(2 * quarter)


def circle(longitude: float, latitude: float, metres: float) -> Area:
    area = Area()
    area.longitude, area.latitude, area.radius = longitude, latitude, metres
    return area


def box(longitude: float, latitude: float, width: float, height: float) -> Area:
    area = Area()
    area.longitude, area.latitude, area.is_box = longitude, latitude, True
    area.width, area.height = width, height
    return area


def score_ranges(area: Area) -> list[tuple[int, int]]:
    return [(int(start), int(start + area.span)) for start in area.range_starts()]


def looks_at(area: Area, score: int) -> bool:
    return any(low <= score < high for low, high in score_ranges(area))


SIZES = st.floats(0, 500_000)
OFFSETS = st.floats(-4, 4)


@given(st.floats(-170, 170), st.floats(-60, 60), SIZES, OFFSETS, OFFSETS)
def test_a_circle_is_covered(longitude: float, latitude: float, radius: float, dx: float, dy: float) -> None:
    area = circle(longitude, latitude, radius)
    score = encode(longitude + dx, latitude + dy)
    metres = area.distance_inside(*decode(score))
    if metres >= 0:
        assert metres <= radius
        assert looks_at(area, score)


@given(st.floats(-170, 170), st.floats(-60, 60), SIZES, SIZES, OFFSETS, OFFSETS)
def test_a_box_is_covered(
    longitude: float, latitude: float, width: float, height: float, dx: float, dy: float
) -> None:
    area = box(longitude, latitude, width, height)
    score = encode(longitude + dx, latitude + dy)
    found = decode(score)
    if area.distance_inside(*found) >= 0:
        assert latitude_distance(found[1], latitude) <= height / 2
        assert looks_at(area, score)


@given(
    st.floats(-180, 180),
    st.floats(-85, 85),
    LONGITUDES,
    LATITUDES,
    st.sampled_from((0.0, 1.0, 1 - 1e-15, 0.999)),
)
def test_preparing_changes_nothing(
    longitude: float, latitude: float, there: float, up: float, part: float
) -> None:
    area = circle(longitude, latitude, distance(longitude, latitude, there, up) * part)
    metres = area.distance_inside(there, up)
    area.prepare()
    assert area.distance_inside(there, up) == metres


SCORES = st.builds(encode, LONGITUDES, LATITUDES)
NEAR = st.floats(-1e-3, 1e-3)


@given(LONGITUDES, LATITUDES, st.floats(0, 2.1e7), st.floats(0, 2.1e7), st.booleans(), SCORES, NEAR, NEAR)
def test_the_frame_leaves_nothing_out(
    longitude: float, latitude: float, one: float, two: float, is_box: bool, far: int, dx: float, dy: float
) -> None:
    """Places anywhere, near the centre, and on the rims of the rectangle."""
    area = box(longitude, latitude, one, two) if is_box else circle(longitude, latitude, one)
    area.prepare()
    x, y = decode(far)
    tall = (two / 2 if is_box else one) / 6372797.560856 * 180 / math.pi
    wide = (one / 2 if is_box else one) / 6372797.560856 * 180 / math.pi
    wide /= max(math.cos(math.radians(latitude)), 1e-3)
    places = [
        (x, y),
        (longitude + dx, latitude + dy),
        (longitude + wide, latitude),
        (longitude - wide, latitude),
    ]
    places += [
        (longitude, latitude + tall),
        (longitude, latitude - tall),
        (longitude + wide + dx, y),
        (x, latitude),
    ]
    for there, up in places:
        if abs(there) <= 180 and abs(up) <= 85.05112878:
            score = float(encode(there, up))
            assert area.distance_of(score) == area.distance_inside(*decode(score))


def test_the_frame_of_a_small_area_is_small() -> None:
    area = circle(*PALERMO, 1000)
    area.prepare()
    assert area.distance_of(float(encode(PALERMO[0] + 0.02, PALERMO[1]))) == -1
    assert area.lowest_row > 0
    assert area.lowest_column > 0
    assert area.highest_row - area.lowest_row < 1 << 34
    area = circle(179.99, 84, 100_000)
    area.prepare()
    assert area.lowest_column == 0
    assert area.lowest_row > 0


def test_what_is_clearly_outside_needs_no_distance() -> None:
    area = circle(*PALERMO, 100_000)
    assert area.beyond == math.inf
    area.prepare()
    assert area.beyond == pytest.approx((100_000 / 2 / 6372797.56) ** 2, rel=1e-4)
    area = circle(*PALERMO, 2.1e7)
    area.prepare()
    assert area.beyond == math.inf


def test_a_small_area_looks_at_little() -> None:
    ranges = score_ranges(circle(*PALERMO, 1000))
    assert len(ranges) <= 9
    assert sum(high - low for low, high in ranges) < 1 << 36


def test_a_huge_area_looks_at_the_whole_map_once() -> None:
    for area in (circle(0, 0, 2.1e7), circle(0, 0, float("inf")), box(10, 10, float("inf"), 1)):
        ranges = score_ranges(area)
        assert len(ranges) == len(set(ranges)) == 4
        assert sum(high - low for low, high in ranges) == 1 << 52


def test_units() -> None:
    area = circle(*PALERMO, 200)
    assert area.distance_inside(*CATANIA) == -1
    area.to_metres = 1000.0
    assert area.distance_inside(*CATANIA) == pytest.approx(166_274, abs=1)
    area = box(*PALERMO, 310, 140)
    area.to_metres = 1000.0
    assert area.distance_inside(*CATANIA) == pytest.approx(166_274, abs=1)
    area.height = 130
    assert area.distance_inside(*CATANIA) == -1
    area.height, area.width = 140, 300
    assert area.distance_inside(*CATANIA) == -1
