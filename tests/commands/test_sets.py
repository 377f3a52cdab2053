"""Sets member by member, in process: replies, errors, events, encodings, and what is logged."""

from __future__ import annotations

import pytest

from pyredis.datatypes.set_value import SetValue
from tests.support.inprocess import InProcess
from tests.support.observed import Observed
from tests.support.wire import decode

OK, ZERO, ONE, NULL, EMPTY = b"+OK\r\n", b":0\r\n", b":1\r\n", b"$-1\r\n", b"*0\r\n"
NULL3, EMPTY_SET3 = b"_\r\n", b"~0\r\n"
WRONG_TYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
SYNTAX = b"-ERR syntax error\r\n"
NOT_AN_INTEGER = b"-ERR value is not an integer or out of range\r\n"
NOT_POSITIVE = b"-ERR value is out of range, must be positive\r\n"


def integer(value: int) -> bytes:
    return b":%d\r\n" % value


def bulk(text: str) -> bytes:
    return f"${len(text)}\r\n{text}\r\n".encode()


def array(*texts: str) -> bytes:
    return b"*%d\r\n" % len(texts) + b"".join(map(bulk, texts))


def members(reply: bytes) -> list[str]:
    """The bulk strings of a reply, which is an array or a set."""
    tree = decode(reply)
    if isinstance(tree, tuple):
        tree = tree[1]
    assert isinstance(tree, list)
    found = [item.decode() for item in tree if isinstance(item, bytes)]
    assert len(found) == len(tree)
    return found


def content(server: Observed, key: str = "x") -> set[str]:
    """The members at a key, the structure having been checked."""
    value = server.engine.keyspace.databases[0].peek(key.encode())
    if value is None:
        return set()
    assert isinstance(value, SetValue)
    value.check()
    return {member.decode() for member in value.members()}


def encoding(server: Observed, key: str = "x") -> str:
    return members(b"*1\r\n" + server.run(f"OBJECT ENCODING {key}"))[0]


def holding(*elements: str, protocol: int = 2, directives: tuple[tuple[bytes, bytes], ...] = ()) -> Observed:
    """A server with a set `x` and a string `s`."""
    server = Observed(*directives, protocol=protocol)
    server.run("SET s string")
    if elements:
        server.run("SADD x " + " ".join(elements))
    server.forget()
    return server


def dirty(server: Observed) -> int:
    return server.engine.keyspace.dirty


def many(count: int, prefix: str = "t") -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


FORMS = pytest.mark.parametrize(
    "elements",
    [["1", "2", "3"], ["a", "b", "3"], ["a", "b", "x" * 300]],
    ids=["intset", "listpack", "hashtable"],
)


class TestSadd:
    def test_counts_what_is_new(self) -> None:
        server = holding()
        assert server.run("SADD x a b a") == integer(2)
        assert server.run("SADD x b c") == ONE
        assert content(server) == {"a", "b", "c"}
        assert server.logged() == ["SADD x a b a", "SADD x b c"]
        assert server.heard() == ["new x", "sadd x", "sadd x"]
        assert server.run("TYPE x") == b"+set\r\n"

    def test_counts_changes(self) -> None:
        server = holding()
        before = dirty(server)
        server.run("SADD x a b c")
        assert dirty(server) == before + 3
        server.run("SADD x c d e")
        assert dirty(server) == before + 5

    @FORMS
    def test_tells_nobody_when_nothing_changes(self, elements: list[str]) -> None:
        server = holding(*elements)
        before = dirty(server)
        assert server.run("SADD x " + " ".join(elements)) == ZERO
        assert server.run(f"SADD x {elements[2]}") == ZERO
        assert dirty(server) == before
        assert server.logged() == server.heard() == []

    def test_keeps_the_deadline(self) -> None:
        server = holding("a")
        server.run("EXPIRE x 100")
        server.run("SADD x b")
        assert server.run("TTL x") == integer(100)

    def test_errors(self) -> None:
        server = holding()
        assert server.run("SADD s a") == WRONG_TYPE
        assert server.run("SADD s a b") == WRONG_TYPE
        assert server.run("SADD x") == b"-ERR wrong number of arguments for 'sadd' command\r\n"

    def test_fails_a_transaction_that_watches(self) -> None:
        server = holding("a")
        other = server.client()
        other.command("WATCH", "x")
        other.command("MULTI")
        server.run("SADD x a")
        assert other.command("EXEC") == EMPTY
        other.command("WATCH", "x")
        other.command("MULTI")
        server.run("SADD x b")
        assert other.command("EXEC") == b"*-1\r\n"


class TestEncodings:
    def test_follow_the_directives(self) -> None:
        server = holding(directives=((b"set-max-intset-entries", b"3"), (b"set-max-listpack-entries", b"4")))
        server.run("SADD x 1 2 3")
        assert encoding(server) == "intset"
        server.run("SADD x 4")
        assert encoding(server) == "hashtable"
        server.run("SADD y 1 a b c")
        assert encoding(server, "y") == "listpack"
        server.run("SADD y d")
        assert encoding(server, "y") == "hashtable"
        server.run("CONFIG SET set-max-listpack-entries 128 set-max-listpack-value 3")
        server.run("SADD z abc")
        assert encoding(server, "z") == "listpack"
        server.run("SADD z abcd")
        assert encoding(server, "z") == "hashtable"

    @FORMS
    def test_survive_a_copy(self, elements: list[str]) -> None:
        server = holding(*elements)
        assert server.run("COPY x y") == ONE
        assert encoding(server, "y") == encoding(server)
        server.run("SADD y only-there")
        assert content(server) == set(elements)
        assert content(server, "y") == {*elements, "only-there"}

    def test_the_digest_is_that_of_redis(self) -> None:
        server = holding("1", "2", "3")
        server.run("SADD y 1 a text")
        server.engine.config.assign("enable-debug-command", "yes")
        assert server.run("DEBUG DIGEST-VALUE x y missing") == (
            b"*3\r\n+2a462a3f51a1db89738ebbeef0c47ce1bbc85246\r\n+360a946956237522b7a719f82a3401399b86d01f\r\n"
            b"+0000000000000000000000000000000000000000\r\n"
        )

    def test_scan_knows_the_type(self) -> None:
        server = holding("a")
        assert server.run("SCAN 0 TYPE set") == b"*2\r\n" + bulk("0") + array("x")


class TestSrem:
    @FORMS
    def test_removes(self, elements: list[str]) -> None:
        server = holding(*elements)
        before = dirty(server)
        assert server.run(f"SREM x {elements[0]} missing {elements[2]} {elements[0]}") == integer(2)
        assert content(server) == {elements[1]}
        assert dirty(server) == before + 2
        assert server.heard() == ["srem x"]
        assert server.logged() == [f"SREM x {elements[0]} missing {elements[2]} {elements[0]}"]

    @FORMS
    def test_the_last_member_takes_the_key_along(self, elements: list[str]) -> None:
        server = holding(*elements)
        assert server.run("SREM x " + " ".join(elements) + " more") == integer(3)
        assert server.run("EXISTS x") == ZERO
        assert server.heard() == ["srem x", "del x", "keymiss x"]

    def test_of_nothing(self) -> None:
        server = holding("a")
        assert server.run("SREM x b") == ZERO
        assert server.run("SREM missing b") == ZERO
        assert server.run("SREM s b") == WRONG_TYPE
        assert server.logged() == server.heard() == []


class TestSmove:
    def test_moves(self) -> None:
        server = holding("a", "b")
        server.run("SADD y c")
        server.forget()
        before = dirty(server)
        assert server.run("SMOVE x y a") == ONE
        assert content(server) == {"b"}
        assert content(server, "y") == {"a", "c"}
        assert dirty(server) == before + 2
        assert server.heard() == ["srem x", "sadd y"]
        assert server.logged() == ["SMOVE x y a"]

    def test_the_last_member_to_a_new_set(self) -> None:
        server = holding("7")
        before = dirty(server)
        assert server.run("SMOVE x y 7") == ONE
        assert server.run("EXISTS x") == ZERO
        assert content(server, "y") == {"7"}
        assert encoding(server, "y") == "intset"
        assert dirty(server) == before + 2
        assert server.heard()[:4] == ["srem x", "del x", "new y", "sadd y"]

    def test_to_a_set_that_has_it(self) -> None:
        server = holding("a", "b")
        server.run("SADD y a")
        server.forget()
        before = dirty(server)
        assert server.run("SMOVE x y a") == ONE
        assert dirty(server) == before + 1
        assert server.heard() == ["srem x"]

    def test_nothing_to_move(self) -> None:
        server = holding("a")
        assert server.run("SMOVE x y b") == ZERO
        assert server.run("SMOVE missing x a") == ZERO
        assert server.run("SMOVE missing s a") == ZERO
        assert server.run("SMOVE x x a") == ONE
        assert server.run("SMOVE x x b") == ZERO
        assert server.run("SMOVE x s a") == WRONG_TYPE
        assert server.run("SMOVE s x a") == WRONG_TYPE
        assert server.logged() == server.heard() == []


class TestSpop:
    @FORMS
    @pytest.mark.parametrize("protocol", [2, 3])
    def test_one(self, elements: list[str], protocol: int) -> None:
        server = holding(*elements, protocol=protocol)
        left = set(elements)
        for number in range(3):
            member = members(b"*1\r\n" + server.run("SPOP x"))[0]
            left.remove(member)
            assert content(server) == left
            assert server.logged() == [f"SREM x {member}"]
            assert server.heard() == (["spop x"] if number < 2 else ["spop x", "del x"])
        assert server.run("SPOP x") == (NULL if protocol == 2 else NULL3)
        assert server.logged() == []

    @FORMS
    @pytest.mark.parametrize("protocol", [2, 3])
    def test_all(self, elements: list[str], protocol: int) -> None:
        server = holding(*elements, protocol=protocol)
        before = dirty(server)
        reply = server.run("SPOP x 3")
        assert reply[:1] == (b"*" if protocol == 2 else b"~")
        assert sorted(members(reply)) == sorted(elements)
        assert server.logged() == ["DEL x"]
        assert server.heard() == ["spop x", "del x"]
        assert dirty(server) == before + 3
        assert server.run("EXISTS x") == ZERO

    def test_all_and_lazily(self) -> None:
        server = holding(*many(300), directives=((b"lazyfree-lazy-server-del", b"yes"),))
        assert len(members(server.run("SPOP x 1000"))) == 300
        assert server.logged() == ["UNLINK x"]

    @pytest.mark.parametrize("count", [1, 40, 249, 251, 299])
    @pytest.mark.parametrize("prefix", ["", "t", "x" * 300])
    def test_some(self, count: int, prefix: str) -> None:
        """From five times what stays on, what stays is what is moved."""
        elements = many(300, prefix)
        server = holding(*elements)
        before = dirty(server)
        popped = members(server.run(f"SPOP x {count}"))
        assert len(set(popped)) == len(popped) == count
        assert content(server) == set(elements) - set(popped)
        assert dirty(server) == before + count
        assert server.heard() == ["spop x"]
        assert server.logged() == ["SREM x " + " ".join(popped)]

    def test_many_are_logged_in_parts(self) -> None:
        server = holding(*many(5000))
        popped = members(server.run("SPOP x 2500"))
        logged = server.logged()
        assert [line.split()[:2] for line in logged] == [["SREM", "x"]] * 3
        assert [len(line.split()) - 2 for line in logged] == [1024, 1024, 452]
        assert [word for line in logged for word in line.split()[2:]] == popped

    def test_what_stays_of_a_large_set_is_a_small_one(self) -> None:
        server = holding(*many(300))
        assert encoding(server) == "hashtable"
        server.run("SPOP x 290")
        assert encoding(server) == "listpack"
        server = holding(*many(600, ""))
        assert encoding(server) == "hashtable"
        server.run("SPOP x 590")
        assert encoding(server) == "listpack"
        server = holding(*many(500, ""))
        server.run("SPOP x 490")
        assert encoding(server) == "intset"
        server = holding(*many(100))
        server.run("SPOP x 98")
        assert encoding(server) == "listpack"

    def test_keeps_the_deadline(self) -> None:
        server = holding(*many(300))
        server.run("EXPIRE x 100")
        server.run("SPOP x 290")
        assert server.run("TTL x") == integer(100)

    def test_a_whole_set_counts_as_found_once_more(self) -> None:
        server = holding("a")
        server.run("SPOP x 1")
        assert server.engine.keyspace.hits == 1

    def test_of_nothing(self) -> None:
        server = holding("a")
        before = dirty(server)
        assert server.run("SPOP missing") == NULL
        assert server.run("SPOP missing 3") == server.run("SPOP x 0") == EMPTY
        server.user.session.set_protocol(3)
        assert server.run("SPOP missing 3") == server.run("SPOP x 0") == EMPTY_SET3
        assert dirty(server) == before
        assert server.logged() == server.heard() == []

    @pytest.mark.parametrize("count", ["-1", "x", "''", "1.5", "9223372036854775808"])
    def test_counts_that_are_none(self, count: str) -> None:
        assert holding("a").run(f"SPOP x {count}") == NOT_POSITIVE

    def test_errors(self) -> None:
        server = holding("a")
        assert server.run("SPOP x 1 2") == SYNTAX
        assert server.run("SPOP s") == server.run("SPOP s 1") == WRONG_TYPE


class TestQuestions:
    @FORMS
    def test_members(self, elements: list[str]) -> None:
        server = holding(*elements)
        assert server.run("SCARD x") == integer(3)
        assert server.run(f"SISMEMBER x {elements[1]}") == ONE
        assert server.run("SISMEMBER x other") == ZERO
        assert server.run(f"SMISMEMBER x {elements[2]} other {elements[0]}") == b"*3\r\n:1\r\n:0\r\n:1\r\n"
        assert sorted(members(server.run("SMEMBERS x"))) == sorted(elements)
        assert server.logged() == server.heard() == []

    def test_of_nothing(self) -> None:
        server = holding()
        assert server.run("SCARD missing") == server.run("SISMEMBER missing a") == ZERO
        assert server.run("SMISMEMBER missing a b") == b"*2\r\n:0\r\n:0\r\n"
        assert server.run("SMEMBERS missing") == EMPTY
        assert server.heard() == ["keymiss missing"] * 4

    def test_errors(self) -> None:
        server = holding()
        for line in (
            "SCARD s",
            "SISMEMBER s a",
            "SMISMEMBER s a",
            "SMEMBERS s",
            "SRANDMEMBER s",
            "SSCAN s 0",
        ):
            assert server.run(line) == WRONG_TYPE

    def test_resp3(self) -> None:
        server = holding("10", "9", "-1", protocol=3)
        assert server.run("SMEMBERS x") == b"~3\r\n" + bulk("-1") + bulk("9") + bulk("10")
        assert server.run("SMEMBERS missing") == EMPTY_SET3
        assert server.run("SISMEMBER x 9") == ONE
        assert server.run("SMISMEMBER x 9 8") == b"*2\r\n:1\r\n:0\r\n"

    def test_an_intset_lists_its_members_in_order(self) -> None:
        assert holding("10", "9", "-1", "70000").run("SMEMBERS x") == array("-1", "9", "10", "70000")

    def test_large_sets(self) -> None:
        elements = many(3000)
        assert sorted(members(holding(*elements).run("SMEMBERS x"))) == sorted(elements)


class TestSrandmember:
    @FORMS
    def test_one(self, elements: list[str]) -> None:
        server = holding(*elements)
        seen = {members(b"*1\r\n" + server.run("SRANDMEMBER x"))[0] for _ in range(200)}
        assert seen == set(elements)
        assert content(server) == set(elements)

    @pytest.mark.parametrize("prefix", ["", "t", "x" * 300])
    @pytest.mark.parametrize("count", [1, 5, 40, 200, 299])
    def test_different_ones(self, prefix: str, count: int) -> None:
        elements = many(300, prefix)
        server = holding(*elements)
        found = members(server.run(f"SRANDMEMBER x {count}"))
        assert len(found) == len(set(found)) == count
        assert set(found) <= set(elements)

    @pytest.mark.parametrize("prefix", ["", "t", "x" * 300])
    @pytest.mark.parametrize("count", [1, 5, 200, 1000])
    def test_independent_draws(self, prefix: str, count: int) -> None:
        elements = many(300, prefix)
        found = members(holding(*elements).run(f"SRANDMEMBER x -{count}"))
        assert len(found) == count
        assert set(found) <= set(elements)
        if count == 1000:
            assert len(set(found)) > 250

    def test_all(self) -> None:
        server = holding("3", "1", "2")
        assert server.run("SRANDMEMBER x 3") == server.run("SRANDMEMBER x 99") == array("1", "2", "3")
        server.user.session.set_protocol(3)
        assert server.run("SRANDMEMBER x 3") == array("1", "2", "3")

    def test_of_nothing(self) -> None:
        server = holding("a")
        assert server.run("SRANDMEMBER missing") == NULL
        assert server.run("SRANDMEMBER missing 3") == server.run("SRANDMEMBER missing -3") == EMPTY
        assert server.run("SRANDMEMBER x 0") == EMPTY
        server.user.session.set_protocol(3)
        assert server.run("SRANDMEMBER missing") == NULL3
        assert server.run("SRANDMEMBER missing 3") == EMPTY

    def test_errors(self) -> None:
        server = holding("a")
        assert server.run("SRANDMEMBER x 1 2") == SYNTAX
        assert (
            server.run("SRANDMEMBER x y") == server.run("SRANDMEMBER x 9223372036854775808") == NOT_AN_INTEGER
        )
        assert server.run("SRANDMEMBER x -9223372036854775808") == (
            b"-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807\r\n"
        )
        assert server.run("SRANDMEMBER x -9223372036854775807") == b"-ERR value is out of range\r\n"


class TestSscan:
    def test_a_small_set_at_once(self) -> None:
        server = holding("1", "2", "30")
        assert server.run("SSCAN x 0") == b"*2\r\n" + bulk("0") + array("1", "2", "30")
        assert server.run("SSCAN x 0 COUNT 1 MATCH 3*") == b"*2\r\n" + bulk("0") + array("30")
        assert server.run("SSCAN missing 5") == b"*2\r\n" + bulk("0") + EMPTY

    def test_a_large_one_in_steps(self) -> None:
        elements = many(1000)
        server = holding(*elements)
        cursor, calls = "0", 0
        found: list[str] = []
        while cursor != "0" or calls == 0:
            tree = decode(server.run(f"SSCAN x {cursor} COUNT 50 MATCH t*"))
            assert isinstance(tree, list)
            assert isinstance(tree[0], bytes)
            assert isinstance(tree[1], list)
            cursor = tree[0].decode()
            found += [item.decode() for item in tree[1] if isinstance(item, bytes)]
            calls += 1
        assert sorted(found) == sorted(elements)
        assert 20 <= calls <= 30

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ("x", "ERR invalid cursor"),
            ("0 COUNT 0", "ERR syntax error"),
            ("0 COUNT x", "ERR value is not an integer or out of range"),
            ("0 COUNT", "ERR syntax error"),
            ("0 TYPE set", "ERR syntax error"),
            ("0 NOVALUES", "ERR NOVALUES option can only be used in HSCAN"),
        ],
    )
    def test_errors(self, arguments: str, error: str) -> None:
        assert holding("a").run(f"SSCAN x {arguments}") == f"-{error}\r\n".encode()


class TestFreeing:
    def test_a_large_set_is_freed_in_the_background(self) -> None:
        server = holding(*many(1000))
        assert server.run("UNLINK x") == ONE
        lazy_free = server.engine.keyspace.lazy_free
        assert lazy_free.has_work()


def test_nobody_has_to_listen() -> None:
    """The same without a log, events or watchers, which commands then do not stop to tell."""
    server = InProcess()
    client = server.client()
    assert client.command("SADD", "x", "a") == ONE
    assert client.command("SADD", "x", "b", "c") == integer(2)
    popped = [client.command("SPOP", "x") for _ in range(4)]
    assert sorted(popped) == [NULL, bulk("a"), bulk("b"), bulk("c")]
    assert client.command("EXISTS", "x") == ZERO
    assert server.engine.keyspace.dirty == 6
