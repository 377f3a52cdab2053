"""Unions, intersections and differences of sets, in process: replies, errors, events, and what is stored."""

from __future__ import annotations

import pytest

from tests.commands.test_sets import (
    EMPTY,
    EMPTY_SET3,
    NOT_POSITIVE,
    SYNTAX,
    WRONG_TYPE,
    ZERO,
    array,
    content,
    dirty,
    encoding,
    holding,
    integer,
    many,
    members,
)
from tests.support.observed import Observed


def three_sets(protocol: int = 2) -> Observed:
    """A server with the sets `x` a b c d, `y` c, `z` a c e and `n` 1 2 3, `m` 2 3 10, and a string `s`."""
    server = holding("a", "b", "c", "d", protocol=protocol)
    for line in ("SADD y c", "SADD z a c e", "SADD n 1 2 3", "SADD m 3 10 2"):
        server.run(line)
    server.forget()
    return server


RESULTS = pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("SUNION x", "a b c d"),
        ("SUNION x y z", "a b c d e"),
        ("SUNION missing z missing", "a c e"),
        ("SUNION missing", ""),
        ("SUNION n m", "1 2 3 10"),
        ("SUNION n y", "1 2 3 c"),
        ("SINTER x", "a b c d"),
        ("SINTER x y z", "c"),
        ("SINTER z x", "a c"),
        ("SINTER x missing", ""),
        ("SINTER missing", ""),
        ("SINTER x n", ""),
        ("SINTER m n m", "2 3"),
        ("SINTER x x", "a b c d"),
        ("SDIFF x", "a b c d"),
        ("SDIFF x y z", "b d"),
        ("SDIFF x missing z", "b d"),
        ("SDIFF missing x", ""),
        ("SDIFF x x", ""),
        ("SDIFF y x z", ""),
        ("SDIFF n m", "1"),
    ],
)


class TestAnswers:
    @RESULTS
    @pytest.mark.parametrize("protocol", [2, 3])
    def test_results(self, line: str, expected: str, protocol: int) -> None:
        server = three_sets(protocol)
        reply = server.run(line)
        assert reply[:1] == (b"*" if protocol == 2 else b"~")
        assert sorted(members(reply)) == sorted(expected.split())
        assert server.logged() == []

    @RESULTS
    def test_stored_results(self, line: str, expected: str) -> None:
        server = three_sets()
        before = dirty(server)
        name, keys = line.split(" ", 1)
        wanted = expected.split()
        stored = f"{name}STORE result {keys}"
        assert server.run(stored) == integer(len(wanted))
        assert content(server, "result") == set(wanted)
        events = [event for event in server.heard() if not event.startswith("keymiss")]
        if wanted:
            assert events == ["new result", f"{name.lower()}store result"]
            assert server.logged() == [stored]
            assert dirty(server) == before + 1
        else:
            assert events == []
            assert server.logged() == []
            assert dirty(server) == before

    @pytest.mark.parametrize("name", ["SUNION", "SINTER", "SDIFF"])
    def test_errors(self, name: str) -> None:
        server = three_sets()
        for keys in ("s", "x s", "s x", "missing s", "x y s"):
            assert server.run(f"{name} {keys}") == WRONG_TYPE
            assert server.run(f"{name}STORE result {keys}") == WRONG_TYPE
        assert server.run("EXISTS result") == ZERO
        for line, arity in ((name, name), (f"{name}STORE x", f"{name}STORE")):
            error = f"-ERR wrong number of arguments for '{arity.lower()}' command\r\n"
            assert server.run(line) == error.encode()

    def test_all_integers_come_in_order(self) -> None:
        server = three_sets()
        assert server.run("SUNION m n") == array("1", "2", "3", "10")
        assert server.run("SINTER m n") == array("2", "3")
        assert server.run("SDIFF m y") == array("2", "3", "10")

    def test_nothing_in_resp3(self) -> None:
        server = three_sets(3)
        for line in ("SUNION missing", "SINTER x missing", "SDIFF missing x", "SINTER y n"):
            assert server.run(line) == EMPTY_SET3

    def test_large_sets(self) -> None:
        server = holding(*many(1000))
        server.run("SADD y " + " ".join(many(1500)[500:]))
        assert sorted(members(server.run("SINTER x y"))) == sorted(many(1000)[500:])
        assert sorted(members(server.run("SUNION x y"))) == sorted(many(1500))
        assert sorted(members(server.run("SDIFF y x"))) == sorted(many(1500)[1000:])
        assert server.run("SINTERSTORE z x y") == integer(500)
        assert encoding(server, "z") == "hashtable"
        assert content(server, "z") == set(many(1000)[500:])


class TestDestinations:
    def test_is_replaced_whatever_it_was(self) -> None:
        server = three_sets()
        server.run("EXPIRE s 100")
        server.run("EXPIRE x 100")
        server.forget()
        assert server.run("SUNIONSTORE s x y") == integer(4)
        assert server.run("TTL s") == integer(-1)
        assert server.run("SINTERSTORE x x z") == integer(2)
        assert server.run("TTL x") == integer(-1)
        assert content(server) == {"a", "c"}
        assert server.heard() == ["sunionstore s", "sinterstore x"]

    @pytest.mark.parametrize(
        "line", ["SUNIONSTORE s missing", "SINTERSTORE s x n", "SDIFFSTORE s y x", "SINTERSTORE s x missing"]
    )
    def test_goes_when_nothing_is_stored(self, line: str) -> None:
        server = three_sets()
        before = dirty(server)
        assert server.run(line) == ZERO
        assert server.run("EXISTS s") == ZERO
        assert server.logged() == [line]
        assert [event for event in server.heard() if not event.startswith("keymiss")] == ["del s"]
        assert dirty(server) == before + 1

    def test_a_result_does_not_share_with_its_source(self) -> None:
        server = three_sets()
        server.run("SUNIONSTORE copy x")
        server.run("SADD copy more")
        assert content(server) == {"a", "b", "c", "d"}

    def test_lookups_count(self) -> None:
        server = three_sets()
        keyspace = server.engine.keyspace
        server.run("SINTERSTORE result x missing y")
        assert (keyspace.hits, keyspace.misses) == (2, 1)


class TestEncodings:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("SUNIONSTORE r n m", "intset"),
            ("SUNIONSTORE r n y", "listpack"),
            ("SUNIONSTORE r n w", "hashtable"),
            ("SUNIONSTORE r w n", "hashtable"),
            ("SINTERSTORE r n m", "intset"),
            ("SINTERSTORE r mixed n", "intset"),
            ("SINTERSTORE r mixed mixed", "listpack"),
            ("SDIFFSTORE r mixed y", "intset"),
            # Redis would copy the first set and take `c` out, after it has made the copy a listpack.
            ("SDIFFSTORE r mixed y y y y", "listpack"),
            ("SDIFFSTORE r n m m m m", "intset"),
            ("SDIFFSTORE r w y y y y", "hashtable"),
        ],
    )
    def test_of_results(self, line: str, expected: str) -> None:
        server = three_sets()
        server.run("SADD mixed 1 2 3 4 5 6 7 c")
        server.run("SADD w " + "x" * 65)
        server.run(line)
        assert encoding(server, "r") == expected

    def test_with_small_limits(self) -> None:
        server = three_sets()
        server.run("CONFIG SET set-max-intset-entries 2")
        # One integer after the other: the third makes a hash table of it.
        server.run("SUNIONSTORE r n")
        assert encoding(server, "r") == "hashtable"
        server.run("SINTERSTORE r n n")
        assert encoding(server, "r") == "hashtable"
        # A set that is no intset is intersected into a listpack.
        server.run("SADD mixed a 1 2 3")
        server.run("SADD other b c 1 2 3 4")
        server.run("SINTERSTORE r mixed other")
        assert encoding(server, "r") == "listpack"
        server.run("SUNIONSTORE r mixed")
        assert encoding(server, "r") == "listpack"


class TestSintercard:
    @pytest.mark.parametrize(
        ("arguments", "reply"),
        [
            ("1 x", 4),
            ("2 x z", 2),
            ("3 x y z", 1),
            ("2 x missing", 0),
            ("2 x z LIMIT 1", 1),
            ("2 x z LIMIT 0", 2),
            ("2 x z limit 9", 2),
            ("1 x LIMIT 3", 3),
            ("1 missing LIMIT 3", 0),
            ("2 n m LIMIT 1 LIMIT 2", 2),
        ],
    )
    def test_counts(self, arguments: str, reply: int) -> None:
        assert three_sets().run(f"SINTERCARD {arguments}") == integer(reply)

    def test_large_sets(self) -> None:
        server = holding(*many(1000))
        server.run("SADD y " + " ".join(many(1500)[500:]))
        assert server.run("SINTERCARD 2 x y") == integer(500)
        assert server.run("SINTERCARD 2 x y LIMIT 7") == integer(7)

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("0 x", "ERR numkeys should be greater than 0"),
            ("-1 x", "ERR numkeys should be greater than 0"),
            ("a x", "ERR numkeys should be greater than 0"),
            ("3 x y", "ERR Number of keys can't be greater than number of args"),
            ("1 x LIMIT -1", "ERR LIMIT can't be negative"),
            ("1 x LIMIT a", "ERR LIMIT can't be negative"),
            ("1 x LIMIT", "ERR syntax error"),
            ("1 x y", "ERR syntax error"),
            ("1 s", "WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("2 missing s", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ],
    )
    def test_errors(self, arguments: str, error: str) -> None:
        assert three_sets().run(f"SINTERCARD {arguments}") == f"-{error}\r\n".encode()


class TestAsSortedSets:
    """A plain set among the sources of a sorted set's operations: each member counts 1."""

    def server(self) -> Observed:
        server = three_sets()
        server.run("ZADD q 5 a 7 c 9 f")
        server.forget()
        return server

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("ZUNION 2 x q", "b 1 d 1 a 6 c 8 f 9"),
            ("ZUNION 1 z", "a 1 c 1 e 1"),
            ("ZUNION 2 z q WEIGHTS 10 1 AGGREGATE MAX", "f 9 a 10 c 10 e 10"),
            ("ZINTER 2 q x", "a 6 c 8"),
            ("ZINTER 2 x z", "a 2 c 2"),
            ("ZINTER 2 q z AGGREGATE MIN", "a 1 c 1"),
            ("ZDIFF 2 q x", "f 9"),
            ("ZDIFF 2 x q", "b 1 d 1"),
        ],
    )
    def test_results(self, line: str, expected: str) -> None:
        server = self.server()
        assert server.run(f"{line} WITHSCORES") == array(*expected.split())
        name, rest = line.split(" ", 1)
        assert server.run(f"{name}STORE result {rest}") == integer(len(expected.split()) // 2)
        assert server.run("ZRANGE result 0 -1 WITHSCORES") == array(*expected.split())

    def test_count(self) -> None:
        server = self.server()
        assert server.run("ZINTERCARD 2 q x") == integer(2)
        assert server.run("ZINTERCARD 2 x q LIMIT 1") == integer(1)

    def test_nothing_else_is_a_source(self) -> None:
        server = self.server()
        assert server.run("ZUNION 2 x s") == WRONG_TYPE
        assert server.run("SUNION x q") == WRONG_TYPE
        assert server.run("ZRANGE x 0 -1") == WRONG_TYPE
        assert server.run("ZUNION 2 missing missing") == EMPTY
        assert server.run("SPOP q 1") == WRONG_TYPE
        assert server.run("SPOP x -1") == NOT_POSITIVE
        assert server.run("SINTERCARD 1 x LIMIT 1 2") == SYNTAX
