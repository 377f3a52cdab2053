"""Sorted sets member by member, in process: replies, errors, events, and what is logged."""

from __future__ import annotations

import pytest

from pyredis.datatypes.sorted_set import SortedSet
from tests.support.observed import Observed

OK, ZERO, ONE, NULL, NULL_ARRAY, EMPTY = b"+OK\r\n", b":0\r\n", b":1\r\n", b"$-1\r\n", b"*-1\r\n", b"*0\r\n"
NULL3 = b"_\r\n"
WRONG_TYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
SYNTAX = b"-ERR syntax error\r\n"
NOT_A_FLOAT = b"-ERR value is not a valid float\r\n"
NOT_AN_INTEGER = b"-ERR value is not an integer or out of range\r\n"


def integer(value: int) -> bytes:
    return b":%d\r\n" % value


def bulk(text: str) -> bytes:
    return f"${len(text)}\r\n{text}\r\n".encode()


def array(*texts: str) -> bytes:
    return b"*%d\r\n" % len(texts) + b"".join(map(bulk, texts))


def pairs(*entries: tuple[str, str]) -> bytes:
    """The RESP3 form of members with scores."""
    return b"*%d\r\n" % len(entries) + b"".join(
        b"*2\r\n" + bulk(member) + b"," + score.encode() + b"\r\n" for member, score in entries
    )


def holding(entries: str = "", *, protocol: int = 2, limit: int = 128) -> Observed:
    """A server with a sorted set `z` of these scores and members, and a string `s`."""
    server = Observed((b"zset-max-listpack-entries", b"%d" % limit), protocol=protocol)
    server.run("SET s string")
    if entries:
        server.run("ZADD z " + entries)
    server.forget()
    return server


def content(server: Observed, key: str = "z") -> dict[str, float]:
    """The members and scores at a key in order, the structure having been checked."""
    value = server.engine.keyspace.databases[0].peek(key.encode())
    if value is None:
        return {}
    assert isinstance(value, SortedSet)
    value.check()
    return {member.decode(): score for member, score in value.pairs().items()}


def is_gone(server: Observed, key: str = "z") -> bool:
    """Whether a key does not exist."""
    return server.engine.keyspace.databases[0].peek(key.encode()) is None


def dirty(server: Observed) -> int:
    return server.engine.keyspace.dirty


BOTH_FORMS = pytest.mark.parametrize("limit", [0, 128])


class TestZadd:
    @BOTH_FORMS
    def test_adds_and_updates(self, limit: int) -> None:
        server = holding(limit=limit)
        assert server.run("ZADD z 1 a") == ONE
        assert server.run("ZADD z 2 a") == ZERO
        assert server.run("ZADD z 2 a 3 b -1 c 3 b") == integer(2)
        assert content(server) == {"c": -1, "a": 2, "b": 3}
        assert list(content(server)) == ["c", "a", "b"]
        assert server.logged() == ["ZADD z 1 a", "ZADD z 2 a", "ZADD z 2 a 3 b -1 c 3 b"]
        assert server.heard() == ["new z", "zadd z", "zadd z", "zadd z"]

    def test_tells_nobody_when_nothing_changes(self) -> None:
        server = holding("1 a")
        before = dirty(server)
        assert server.run("ZADD z 1 a") == ZERO
        assert server.run("ZADD z 1.0 a 1e0 a") == ZERO
        assert dirty(server) == before
        assert server.logged() == server.heard() == []

    def test_counts_every_change(self) -> None:
        server = holding("1 a 2 b")
        before = dirty(server)
        server.run("ZADD z 1 a 5 b 6 c 7 d")
        assert dirty(server) == before + 3

    @pytest.mark.parametrize(
        ("options", "reply", "result"),
        [
            ("NX", 1, {"a": 1.0, "b": 5.0, "c": 9.0}),
            ("XX", 0, {"a": 3.0, "b": 4.0}),
            ("GT", 1, {"a": 3.0, "b": 5.0, "c": 9.0}),
            ("LT", 1, {"a": 1.0, "b": 4.0, "c": 9.0}),
            ("XX GT", 0, {"a": 3.0, "b": 5.0}),
            ("CH", 3, {"a": 3.0, "b": 4.0, "c": 9.0}),
            ("ch xx lt", 1, {"a": 1.0, "b": 4.0}),
            ("NX CH", 1, {"a": 1.0, "b": 5.0, "c": 9.0}),
        ],
    )
    def test_conditions(self, options: str, reply: int, result: dict[str, float]) -> None:
        server = holding("1 a 5 b")
        assert server.run(f"ZADD z {options} 3 a 4 b 9 c") == integer(reply)
        assert content(server) == result

    @pytest.mark.parametrize(
        ("request_", "error"),
        [
            ("NX XX 1 a", "ERR XX and NX options at the same time are not compatible"),
            ("NX GT 1 a", "ERR GT, LT, and/or NX options at the same time are not compatible"),
            ("LT NX 1 a", "ERR GT, LT, and/or NX options at the same time are not compatible"),
            ("GT LT 1 a", "ERR GT, LT, and/or NX options at the same time are not compatible"),
            ("INCR 1 a 2 b", "ERR INCR option supports a single increment-element pair"),
            ("1 a 2", "ERR syntax error"),
            ("NX XX", "ERR syntax error"),
            ("XX 1", "ERR syntax error"),
            ("1 a x b", "ERR value is not a valid float"),
            ("nan a", "ERR value is not a valid float"),
            ("'' a", "ERR value is not a valid float"),
            ("1_0 a", "ERR value is not a valid float"),
            ("(1 a", "ERR value is not a valid float"),
        ],
    )
    def test_errors_come_before_any_change(self, request_: str, error: str) -> None:
        server = holding("7 a")
        assert server.run(f"ZADD z {request_}") == f"-{error}\r\n".encode()
        assert content(server) == {"a": 7}
        assert server.logged() == []

    def test_wrong_type(self) -> None:
        server = holding()
        assert server.run("ZADD s 1 a") == WRONG_TYPE
        assert server.run("ZADD s 1 a 2 b") == WRONG_TYPE
        assert server.run("ZADD s INCR 1 a") == WRONG_TYPE
        assert server.run("ZADD s x a") == NOT_A_FLOAT

    def test_needs_the_key_with_xx(self) -> None:
        server = holding()
        assert server.run("ZADD z XX 1 a") == ZERO
        assert server.run("ZADD z XX INCR 1 a") == NULL
        assert is_gone(server)
        assert server.logged() == server.heard() == []

    def test_keeps_the_deadline(self) -> None:
        server = holding("1 a")
        server.run("EXPIRE z 100")
        server.run("ZADD z 2 a 3 b")
        assert server.run("TTL z") == integer(100)

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("0x10", "16"), ("1e3", "1000"), ("inf", "inf"), ("-Infinity", "-inf"), ("0.1", "0.1"), ("1e21", "1e+21"),
            ("+5", "5"), (".5", "0.5"), ("1700000000123", "1700000000123"), ("3.0e300", "3e+300"), ("-0", "0"),
        ],
    )  # fmt: skip
    def test_scores(self, text: str, shown: str) -> None:
        server = holding()
        assert server.run(f"ZADD z {text} a") == ONE
        assert server.run("ZSCORE z a") == bulk(shown)

    def test_a_skiplist_keeps_the_sign_of_zero(self) -> None:
        server = holding(limit=0)
        server.run("ZADD z -0 a")
        assert server.run("ZSCORE z a") == bulk("-0")


class TestIncrement:
    @BOTH_FORMS
    def test_returns_the_new_score(self, limit: int) -> None:
        server = holding("1.5 a", limit=limit)
        assert server.run("ZINCRBY z 2 a") == bulk("3.5")
        assert server.run("ZINCRBY z -3 b") == bulk("-3")
        assert server.run("ZADD z INCR 1 a") == bulk("4.5")
        assert content(server) == {"b": -3, "a": 4.5}
        assert server.heard() == ["zincr z", "zincr z", "zincr z"]
        assert server.logged() == ["ZINCRBY z 2 a", "ZINCRBY z -3 b", "ZADD z INCR 1 a"]

    def test_in_resp3_it_is_a_double(self) -> None:
        server = holding(protocol=3)
        assert server.run("ZINCRBY z 2 a") == b",2\r\n"
        assert server.run("ZADD z INCR 0.25 a") == b",2.25\r\n"
        assert server.run("ZADD z NX INCR 1 a") == NULL3

    def test_by_nothing_changes_nothing(self) -> None:
        server = holding("1 a")
        assert server.run("ZINCRBY z 0 a") == bulk("1")
        assert server.logged() == server.heard() == []
        assert server.run("ZINCRBY z 0 b") == bulk("0")
        assert server.heard() == ["zincr z"]

    def test_opposite_infinities(self) -> None:
        server = holding("inf a")
        error = b"-ERR resulting score is not a number (NaN)\r\n"
        assert server.run("ZINCRBY z -inf a") == error
        assert server.run("ZADD z INCR -inf a") == error
        assert server.run("ZADD z NX INCR -inf a") == NULL
        assert content(server) == {"a": float("inf")}

    @pytest.mark.parametrize(
        ("options", "increment", "reply"),
        [
            ("NX", "1", NULL),
            ("XX", "1", bulk("6")),
            ("GT", "1", bulk("6")),
            ("GT", "-1", NULL),
            ("GT", "0", NULL),
            ("LT", "-1", bulk("4")),
            ("LT", "1", NULL),
        ],
    )
    def test_conditions(self, options: str, increment: str, reply: bytes) -> None:
        server = holding("5 a")
        assert server.run(f"ZADD z {options} INCR {increment} a") == reply

    def test_errors(self) -> None:
        server = holding()
        assert server.run("ZINCRBY z x a") == NOT_A_FLOAT
        assert server.run("ZINCRBY z nx a") == SYNTAX
        assert server.run("ZINCRBY s 1 a") == WRONG_TYPE


class TestZrem:
    @BOTH_FORMS
    def test_removes(self, limit: int) -> None:
        server = holding("1 a 2 b 3 c", limit=limit)
        before = dirty(server)
        assert server.run("ZREM z a x c a") == integer(2)
        assert content(server) == {"b": 2}
        assert dirty(server) == before + 2
        assert server.heard() == ["zrem z"]
        assert server.logged() == ["ZREM z a x c a"]

    @BOTH_FORMS
    def test_the_last_takes_the_key_with_it(self, limit: int) -> None:
        server = holding("1 a 2 b", limit=limit)
        assert server.run("ZREM z b a c") == integer(2)
        assert is_gone(server)
        assert server.heard() == ["zrem z", "del z"]

    def test_nothing_to_remove(self) -> None:
        server = holding("1 a")
        assert server.run("ZREM z b") == ZERO
        assert server.run("ZREM missing b") == ZERO
        assert server.run("ZREM s b") == WRONG_TYPE
        assert server.logged() == server.heard() == []


class TestQuestions:
    @BOTH_FORMS
    def test_scores(self, limit: int) -> None:
        server = holding("1 a 2.5 b", limit=limit)
        assert server.run("ZSCORE z b") == bulk("2.5")
        assert server.run("ZSCORE z x") == server.run("ZSCORE missing x") == NULL
        assert server.run("ZSCORE s x") == WRONG_TYPE
        assert server.run("ZMSCORE z a x b") == b"*3\r\n" + bulk("1") + NULL + bulk("2.5")
        assert server.run("ZMSCORE missing a b") == b"*2\r\n" + NULL + NULL
        assert server.run("ZCARD z") == integer(2)
        assert server.run("ZCARD missing") == ZERO
        assert server.run("ZCARD s") == WRONG_TYPE

    def test_scores_in_resp3(self) -> None:
        server = holding("1 a 2.5 b", protocol=3)
        assert server.run("ZSCORE z b") == b",2.5\r\n"
        assert server.run("ZSCORE z x") == NULL3
        assert server.run("ZMSCORE z a x b") == b"*3\r\n,1\r\n_\r\n,2.5\r\n"

    @BOTH_FORMS
    def test_ranks(self, limit: int) -> None:
        server = holding("1 a 1 b 2 c", limit=limit)
        assert server.run("ZRANK z a") == ZERO
        assert server.run("ZRANK z c") == integer(2)
        assert server.run("ZREVRANK z a") == integer(2)
        assert server.run("ZRANK z b WITHSCORE") == b"*2\r\n:1\r\n" + bulk("1")
        assert server.run("ZREVRANK z c withscore") == b"*2\r\n:0\r\n" + bulk("2")
        assert server.run("ZRANK z x") == server.run("ZRANK missing x") == NULL
        assert server.run("ZRANK z x WITHSCORE") == server.run("ZREVRANK missing x WITHSCORE") == NULL_ARRAY

    def test_ranks_in_resp3(self) -> None:
        server = holding("1 a 1.5 b", protocol=3)
        assert server.run("ZRANK z b WITHSCORE") == b"*2\r\n:1\r\n,1.5\r\n"
        assert server.run("ZRANK z x WITHSCORE") == server.run("ZRANK z x") == NULL3

    def test_errors_of_ranks(self) -> None:
        server = holding("1 a")
        assert server.run("ZRANK z a WITHSCORES") == SYNTAX
        assert server.run("ZRANK s a x") == SYNTAX
        assert server.run("ZRANK s a") == WRONG_TYPE
        assert (
            server.run("ZREVRANK z a WITHSCORE x")
            == b"-ERR wrong number of arguments for 'zrevrank' command\r\n"
        )

    def test_reads_are_counted(self) -> None:
        server = holding("1 a")
        keyspace = server.engine.keyspace
        before = keyspace.hits, keyspace.misses
        for command in ("ZSCORE z a", "ZMSCORE z a", "ZCARD z", "ZRANK z a", "ZRANDMEMBER z", "ZSCAN z 0"):
            server.run(command)
        server.run("ZSCORE missing a")
        assert (keyspace.hits, keyspace.misses) == (before[0] + 6, before[1] + 1)
        server.run("ZADD z 5 a")
        server.run("ZREM z x")
        assert keyspace.hits == before[0] + 6


class TestEncoding:
    def test_follows_the_limits_and_never_goes_back(self) -> None:
        server = holding()
        server.run("CONFIG SET zset-max-listpack-entries 3 zset-max-listpack-value 5")
        server.run("ZADD z 1 a 2 b 3 c")
        assert server.run("OBJECT ENCODING z") == bulk("listpack")
        server.run("ZADD z 4 d")
        assert server.run("OBJECT ENCODING z") == bulk("skiplist")
        server.run("ZREM z d c b")
        assert server.run("OBJECT ENCODING z") == bulk("skiplist")
        server.run("ZADD y 1 12345")
        assert server.run("OBJECT ENCODING y") == bulk("listpack")
        server.run("ZADD y 1 123456")
        assert server.run("OBJECT ENCODING y") == bulk("skiplist")

    def test_of_a_large_listpack(self) -> None:
        server = holding()
        server.run("CONFIG SET zset-max-listpack-entries 100000 zset-max-listpack-value 1000")
        server.run("ZADD z " + " ".join(f"{n} {'m' * 300}{n}" for n in range(500)))
        assert server.run("OBJECT ENCODING z") == bulk("listpack")
        assert server.run("ZSCAN z 0").startswith(b"*2\r\n$1\r\n0\r\n*1000\r\n")


class TestZrandmember:
    def test_one(self) -> None:
        server = holding("1 a 2 b 3 c")
        drawn = {server.run("ZRANDMEMBER z") for _ in range(200)}
        assert drawn == {bulk("a"), bulk("b"), bulk("c")}
        assert server.run("ZRANDMEMBER missing") == NULL
        assert server.run("ZRANDMEMBER s") == WRONG_TYPE

    @BOTH_FORMS
    def test_is_uniform(self, limit: int) -> None:
        server = holding(" ".join(f"{n * n} m{n}" for n in range(10)), limit=limit)
        counts: dict[bytes, int] = {}
        for word in server.run("ZRANDMEMBER z -20000").split(b"\r\n")[2::2]:
            counts[word] = counts.get(word, 0) + 1
        assert len(counts) == 10
        assert all(1800 < count < 2200 for count in counts.values())

    @BOTH_FORMS
    @pytest.mark.parametrize("count", [1, 3, 6, 9])
    def test_several_are_all_different(self, limit: int, count: int) -> None:
        server = holding(" ".join(f"{n} m{n}" for n in range(10)), limit=limit)
        seen: set[bytes] = set()
        for _ in range(200):
            words = server.run(f"ZRANDMEMBER z {count}").split(b"\r\n")[2::2]
            assert len(set(words)) == len(words) == count
            seen.update(words)
        assert len(seen) == 10

    @BOTH_FORMS
    def test_more_than_there_are(self, limit: int) -> None:
        server = holding("1 a 2 b", limit=limit)
        assert server.run("ZRANDMEMBER z 2") == server.run("ZRANDMEMBER z 10") == array("b", "a")
        assert server.run("ZRANDMEMBER z 5 WITHSCORES") == array("b", "2", "a", "1")
        assert server.run("ZRANDMEMBER z 0") == server.run("ZRANDMEMBER missing 3") == EMPTY

    def test_with_scores(self) -> None:
        server = holding("1 a", protocol=3)
        assert server.run("ZRANDMEMBER z -2 WITHSCORES") == pairs(("a", "1"), ("a", "1"))
        assert server.run("ZRANDMEMBER z 1 withscores") == pairs(("a", "1"))
        server = holding("1 a 2 b 3 c")
        assert server.run("ZRANDMEMBER z -2 WITHSCORES").startswith(b"*4\r\n")
        assert server.run("ZRANDMEMBER z 1 WITHSCORES").startswith(b"*2\r\n")

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("x", "ERR value is not an integer or out of range"),
            (
                "-9223372036854775808",
                "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            ),
            ("9223372036854775807 WITHSCORES", "ERR value is out of range"),
            ("-9223372036854775807", "ERR value is out of range"),
            ("1 x", "ERR syntax error"),
            ("1 WITHSCORES x", "ERR syntax error"),
        ],
    )
    def test_errors(self, arguments: str, error: str) -> None:
        assert holding("1 a").run(f"ZRANDMEMBER z {arguments}") == f"-{error}\r\n".encode()


class TestZscan:
    def test_a_small_set_comes_at_once(self) -> None:
        server = holding("1 a 0.1 b")
        assert server.run("ZSCAN z 0 COUNT 1") == b"*2\r\n$1\r\n0\r\n" + array("b", "0.1", "a", "1")
        assert server.run("ZSCAN z 0 MATCH a*") == b"*2\r\n$1\r\n0\r\n" + array("a", "1")

    def test_a_skiplist_prints_scores_with_17_digits(self) -> None:
        server = holding("0.1 b", limit=0)
        assert server.run("ZSCAN z 0") == b"*2\r\n$1\r\n0\r\n" + array("b", "0.10000000000000001")

    def test_a_large_set_comes_in_parts(self) -> None:
        server = holding(" ".join(f"{n} m{n}" for n in range(3000)))
        cursor, seen, rounds = b"0", set(), 0
        while rounds == 0 or cursor != b"0":
            rounds += 1
            words = server.run(f"ZSCAN z {cursor.decode()} COUNT 50").split(b"\r\n")
            cursor, found = words[2], words[5::4]
            seen.update(found)
        assert len(seen) == 3000
        assert rounds >= 20

    def test_errors(self) -> None:
        server = holding("1 a")
        assert server.run("ZSCAN z x") == server.run("ZSCAN s x") == b"-ERR invalid cursor\r\n"
        assert server.run("ZSCAN s 0") == WRONG_TYPE
        assert server.run("ZSCAN z 0 COUNT 0") == server.run("ZSCAN z 0 TYPE zset") == SYNTAX
        assert server.run("ZSCAN z 0 COUNT x") == NOT_AN_INTEGER
        assert server.run("ZSCAN missing 0 nonsense") == b"*2\r\n$1\r\n0\r\n*0\r\n"


def test_copies_are_independent() -> None:
    for limit in (0, 128):
        server = holding("1 a 2 b", limit=limit)
        server.run("COPY z y")
        server.run("ZADD y 5 a")
        server.run("ZREM z b")
        assert content(server) == {"a": 1}
        assert content(server, "y") == {"b": 2, "a": 5}
