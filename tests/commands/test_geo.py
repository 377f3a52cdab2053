"""The geo commands, in process: replies, errors, events, and what is logged."""

from __future__ import annotations

import pytest

from tests.commands.test_sorted_sets import (
    EMPTY,
    NOT_A_FLOAT,
    NOT_AN_INTEGER,
    NULL,
    NULL3,
    NULL_ARRAY,
    ONE,
    SYNTAX,
    WRONG_TYPE,
    ZERO,
    array,
    bulk,
    content,
    dirty,
    integer,
    is_gone,
)
from tests.support.observed import Observed

SICILY = "13.361389 38.115556 Palermo 15.087269 37.502669 Catania"
UNDECODABLE = b"-ERR could not decode requested zset member\r\n"
UNITS = b"-ERR unsupported unit provided. please use M, KM, FT, MI\r\n"


def sicily(*, protocol: int = 2) -> Observed:
    """A server with two places at `g` and a string `s`."""
    server = Observed(protocol=protocol)
    server.run("SET s string")
    server.run(f"GEOADD g {SICILY}")
    server.forget()
    return server


class TestGeoadd:
    def test_is_logged_as_zadd(self) -> None:
        server = Observed()
        assert server.run(f"GEOADD g {SICILY}") == integer(2)
        assert server.run("GEOADD g CH 13.361389 38.115556 Palermo 0 0 Null") == ONE
        assert server.run("GEOADD g 0 0 Null") == ZERO
        assert server.heard() == ["new g", "zadd g", "zadd g"]
        assert server.logged() == [
            "ZADD g 3479099956230698 Palermo 3479447370796909 Catania",
            "ZADD g CH 3479099956230698 Palermo 3377699720527872 Null",
        ]

    def test_conditions(self) -> None:
        server = sicily()
        assert server.run("GEOADD g NX 1 1 Palermo 1 1 New") == ONE
        assert server.run("GEOADD g xx ch 1 1 Palermo 1 1 Other") == ONE
        assert server.run("GEOADD missing XX 1 1 a") == ZERO
        assert list(content(server, "g")) == ["New", "Palermo", "Catania"]

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("181 0 a", "ERR invalid longitude,latitude pair 181.000000,0.000000"),
            ("0 -85.06 a", "ERR invalid longitude,latitude pair 0.000000,-85.060000"),
            ("inf 1 a", "ERR invalid longitude,latitude pair inf,1.000000"),
            ("x 1 a", "ERR value is not a valid float"),
            ("1 x a", "ERR value is not a valid float"),
            ("1 1 a 2 2", "ERR syntax error"),
            ("NX XX 1 1 a", "ERR syntax error"),
            ("CH NX CH", "ERR syntax error"),
            ("GT 1 1 a", "ERR syntax error"),
            ("1 1 a x 1 b", "ERR value is not a valid float"),
        ],
    )
    def test_errors_come_before_any_change(self, arguments: str, error: str) -> None:
        server = sicily()
        assert server.run(f"GEOADD g {arguments}") == f"-{error}\r\n".encode()
        assert server.logged() == server.heard() == []

    def test_wrong_type(self) -> None:
        assert sicily().run("GEOADD s 1 1 a") == WRONG_TYPE


class TestQuestions:
    def test_positions(self) -> None:
        place = b"*2\r\n" + bulk("13.36138933897018433") + bulk("38.11555639549629859")
        assert sicily().run("GEOPOS g Palermo x") == b"*2\r\n" + place + NULL_ARRAY
        assert sicily().run("GEOPOS missing x") == b"*1\r\n" + NULL_ARRAY
        assert sicily().run("GEOPOS g") == EMPTY
        assert sicily().run("GEOPOS s x") == WRONG_TYPE
        place = b"*2\r\n,13.36138933897018433\r\n,38.11555639549629859\r\n"
        assert sicily(protocol=3).run("GEOPOS g Palermo x") == b"*2\r\n" + place + NULL3

    def test_geohashes(self) -> None:
        hashes = bulk("sqc8b49rny0") + NULL + bulk("sqdtr74hyu0")
        assert sicily().run("GEOHASH g Palermo x Catania") == b"*3\r\n" + hashes
        assert sicily().run("GEOHASH missing x") == b"*1\r\n" + NULL
        assert sicily().run("GEOHASH s x") == WRONG_TYPE

    @pytest.mark.parametrize(
        ("unit", "distance"),
        [
            ("", "166274.1516"),
            ("m", "166274.1516"),
            ("km", "166.2742"),
            ("MI", "103.3182"),
            ("Ft", "545518.8700"),
        ],
    )
    def test_distances(self, unit: str, distance: str) -> None:
        assert sicily().run(f"GEODIST g Palermo Catania {unit}") == bulk(distance)
        assert sicily(protocol=3).run(f"GEODIST g Palermo Catania {unit}") == bulk(distance)

    def test_errors_of_distances(self) -> None:
        server = sicily()
        assert server.run("GEODIST g Palermo Palermo") == bulk("0.0000")
        assert server.run("GEODIST g Palermo x") == server.run("GEODIST missing a b") == NULL
        assert server.run("GEODIST missing a b miles") == UNITS
        assert server.run("GEODIST g Palermo Catania km km") == SYNTAX
        assert server.run("GEODIST s a b") == WRONG_TYPE


class TestSearch:
    @pytest.mark.parametrize(
        ("query", "members"),
        [
            ("FROMLONLAT 15 37 BYRADIUS 200 km ASC", "Catania Palermo"),
            ("FROMLONLAT 15 37 BYRADIUS 200 km DESC", "Palermo Catania"),
            ("FROMLONLAT 15 37 BYRADIUS 100 km", "Catania"),
            ("FROMLONLAT 15 37 BYRADIUS 200 km COUNT 1", "Catania"),
            ("FROMLONLAT 15 37 BYRADIUS 200 km COUNT 1 DESC", "Palermo"),
            ("FROMLONLAT 15 37 BYRADIUS 200 km COUNT 5", "Catania Palermo"),
            ("FROMLONLAT 15 37 BYBOX 400 400 km ASC", "Catania Palermo"),
            ("FROMLONLAT 15 37 BYBOX 400 200 km ASC", "Catania"),
            ("FROMMEMBER Palermo BYRADIUS 1 mi", "Palermo"),
            ("BYRADIUS 0 m FROMMEMBER Palermo", "Palermo"),
            ("FROMMEMBER Palermo FROMMEMBER Catania BYRADIUS 1 m BYRADIUS 2 m", "Catania"),
            ("FROMLONLAT 100 -50 BYRADIUS 10 km", ""),
            ("FROMLONLAT 0 0 BYRADIUS inf m ASC", "Catania Palermo"),
        ],
    )
    def test_places(self, query: str, members: str) -> None:
        server = sicily()
        found = members.split()
        assert server.run(f"GEOSEARCH g {query}") == array(*found)
        assert server.run(f"GEOSEARCHSTORE d g {query}") == integer(len(found))
        assert set(content(server, "d")) == set(found)

    def test_count_any_stops_early(self) -> None:
        server = Observed()
        server.run("GEOADD g " + " ".join(f"{1 + n / 1000} {1 + n / 1000} p{n}" for n in range(2000)))
        reply = server.run("GEOSEARCH g FROMLONLAT 2 2 BYRADIUS 500 km COUNT 3 ANY")
        assert reply.startswith(b"*3\r\n")
        assert server.run("GEOSEARCH g FROMLONLAT 2 2 BYRADIUS 500 km COUNT 3") == array(
            "p1000", "p1001", "p999"
        )
        assert server.run("GEOSEARCH g FROMLONLAT 2 2 BYRADIUS 500 km COUNT 5000 ANY").startswith(
            b"*2000\r\n"
        )

    def test_extras(self) -> None:
        first = b"*4\r\n" + bulk("Catania") + bulk("56.4413") + b":3479447370796909\r\n"
        place = b"*2\r\n" + bulk("15.08726745843887329") + bulk("37.50266842333162032")
        query = "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC COUNT 1 WITHCOORD WITHDIST WITHHASH"
        assert sicily().run(query) == b"*1\r\n" + first + place
        place = b"*2\r\n,15.08726745843887329\r\n,37.50266842333162032\r\n"
        assert sicily(protocol=3).run(query) == b"*1\r\n" + first + place
        both = (
            b"*2\r\n*2\r\n"
            + bulk("Catania")
            + bulk("56.4413")
            + b"*2\r\n"
            + bulk("Palermo")
            + bulk("190.4424")
        )
        assert sicily().run("GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHDIST") == both

    @pytest.mark.parametrize(
        ("query", "error"),
        [
            ("FROMMEMBER Palermo FROMLONLAT 1 2 BYRADIUS 1 km", "ERR syntax error"),
            ("FROMLONLAT 1 2 FROMMEMBER Palermo BYRADIUS 1 km", "ERR syntax error"),
            ("FROMMEMBER Palermo BYRADIUS 1 km BYBOX 1 1 km", "ERR syntax error"),
            ("FROMMEMBER Palermo BYBOX 1 1 km BYRADIUS 1 km", "ERR syntax error"),
            (
                "BYRADIUS 1 km ASC DESC",
                "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH",
            ),
            (
                "FROMMEMBER Palermo ASC ASC ASC",
                "ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH",
            ),
            ("FROMLONLAT 1 2 BYRADIUS -1 km", "ERR radius cannot be negative"),
            ("FROMLONLAT 1 2 BYRADIUS x km", "ERR need numeric radius"),
            ("FROMLONLAT 1 2 BYBOX x 1 km", "ERR need numeric width"),
            ("FROMLONLAT 1 2 BYBOX 1 x km", "ERR need numeric height"),
            ("FROMLONLAT 1 2 BYBOX 1 -1 km", "ERR height or width cannot be negative"),
            ("FROMLONLAT 1 2 BYBOX 1 1 x", "ERR unsupported unit provided. please use M, KM, FT, MI"),
            ("FROMLONLAT 1 2 BYRADIUS 1 km COUNT 0", "ERR COUNT must be > 0"),
            ("FROMLONLAT 1 2 BYRADIUS 1 km COUNT x", "ERR value is not an integer or out of range"),
            ("FROMLONLAT 1 2 BYRADIUS 1 km ANY", "ERR the ANY argument requires COUNT argument"),
            ("FROMLONLAT 1 2 BYRADIUS 1 km STOREDIST", "ERR syntax error"),
            ("FROMLONLAT 1 2 BYRADIUS 1 km STORE d", "ERR syntax error"),
            ("FROMLONLAT 1 99 BYRADIUS 1 km", "ERR invalid longitude,latitude pair 1.000000,99.000000"),
            ("FROMMEMBER x BYRADIUS 1 km", "ERR could not decode requested zset member"),
        ],
    )
    def test_errors(self, query: str, error: str) -> None:
        assert sicily().run(f"GEOSEARCH g {query}") == f"-{error}\r\n".encode()

    def test_without_the_key(self) -> None:
        server = sicily()
        assert server.run("GEOSEARCH missing FROMMEMBER x BYRADIUS 1 km") == EMPTY
        assert server.run("GEOSEARCH missing FROMMEMBER x BYRADIUS x km") == b"-ERR need numeric radius\r\n"
        assert server.run("GEOSEARCHSTORE s missing FROMMEMBER x BYRADIUS 1 km") == ZERO
        assert is_gone(server, "s")
        assert server.heard()[-1] == "del s"


class TestStore:
    def test_scores_or_distances(self) -> None:
        server = sicily()
        before = dirty(server)
        query = "g FROMLONLAT 15 37 BYRADIUS 200 km"
        assert server.run(f"GEOSEARCHSTORE d {query}") == integer(2)
        assert content(server, "d") == {"Palermo": 3479099956230698, "Catania": 3479447370796909}
        assert server.run(f"GEOSEARCHSTORE d {query} STOREDIST COUNT 1") == ONE
        assert content(server, "d") == {"Catania": pytest.approx(56.4413, abs=1e-4)}
        assert server.heard() == ["new d", "geosearchstore d", "geosearchstore d"]
        assert len(server.logged()) == 2
        assert dirty(server) == before + 3
        message = b"-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options\r\n"
        assert server.run(f"GEOSEARCHSTORE d {query} WITHDIST") == message

    def test_georadius_stores_as_well(self) -> None:
        server = sicily()
        assert server.run("GEORADIUS g 15 37 200 km STORE d") == integer(2)
        assert server.run("GEORADIUSBYMEMBER g Palermo 1 km STOREDIST d") == ONE
        assert content(server, "d") == {"Palermo": 0}
        assert server.run("GEORADIUS g 0 0 1 m STORE d") == ZERO
        assert server.heard() == ["new d", "georadiusstore d", "georadiusstore d", "del d"]
        message = b"-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options\r\n"
        assert server.run("GEORADIUS g 15 37 200 km STORE d WITHCOORD") == message


class TestGeoradius:
    def test_places(self) -> None:
        server = sicily()
        for form in ("", "_RO"):
            assert server.run(f"GEORADIUS{form} g 15 37 200 km ASC") == array("Catania", "Palermo")
            assert server.run(f"GEORADIUSBYMEMBER{form} g Palermo 200 km DESC") == array("Catania", "Palermo")
            assert server.run(f"GEORADIUS{form} missing 15 37 200 km") == EMPTY
            assert server.run(f"GEORADIUSBYMEMBER{form} missing x y z") == EMPTY

    def test_errors(self) -> None:
        server = sicily()
        assert server.run("GEORADIUS_RO g 15 37 200 km STORE d") == SYNTAX
        assert server.run("GEORADIUSBYMEMBER_RO g Palermo 200 km STOREDIST d") == SYNTAX
        assert server.run("GEORADIUS g 15 37 200 km STORE") == SYNTAX
        assert server.run("GEORADIUS g 15 37 200 km FROMMEMBER Palermo") == SYNTAX
        assert server.run("GEORADIUS missing 15 x 200 km") == NOT_A_FLOAT
        assert server.run("GEORADIUS missing 15 37 200 miles") == UNITS
        assert server.run("GEORADIUSBYMEMBER g x 200 km") == UNDECODABLE
        assert server.run("GEORADIUSBYMEMBER missing x y z nonsense") == SYNTAX
        assert server.run("GEORADIUS g 15 37 200 km COUNT 1.5") == NOT_AN_INTEGER
        assert server.run("GEORADIUS s 15 37 200 km") == WRONG_TYPE
