"""Hashes, in process: replies, errors, events, and what is logged. Deadlines of fields have files of their own."""

from __future__ import annotations

import pytest

from pyredis.commands.debug import mix_value
from pyredis.datatypes.digest import Digest
from pyredis.datatypes.hash_value import HashValue
from tests.support.observed import Observed
from tests.support.wire import decode

OK, ZERO, ONE, NULL, EMPTY = b"+OK\r\n", b":0\r\n", b":1\r\n", b"$-1\r\n", b"*0\r\n"
NULL3 = b"_\r\n"
WRONG_TYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
SYNTAX = b"-ERR syntax error\r\n"
NOT_AN_INTEGER = b"-ERR value is not an integer or out of range\r\n"


def integer(value: int) -> bytes:
    return b":%d\r\n" % value


def bulk(text: str) -> bytes:
    return f"${len(text)}\r\n{text}\r\n".encode()


def array(*texts: str) -> bytes:
    return b"*%d\r\n" % len(texts) + b"".join(map(bulk, texts))


def holding(pairs: str = "", *, protocol: int = 2, limit: int = 512) -> Observed:
    """A server with a hash `h` of these fields and values, and a string `s`."""
    server = Observed((b"hash-max-listpack-entries", b"%d" % limit), protocol=protocol)
    server.run("SET s string")
    if pairs:
        server.run("HSET h " + pairs)
    server.forget()
    return server


def content(server: Observed, key: str = "h") -> dict[str, str]:
    """The fields and values at a key in order, the structure having been checked."""
    value = server.engine.keyspace.databases[0].peek(key.encode())
    if value is None:
        return {}
    assert isinstance(value, HashValue)
    value.check()
    texts = [text.decode() for text in value.flat_pairs()]
    return dict(zip(texts[::2], texts[1::2], strict=True))


def is_gone(server: Observed, key: str = "h") -> bool:
    """Whether a key does not exist."""
    return server.engine.keyspace.databases[0].peek(key.encode()) is None


BOTH_FORMS = pytest.mark.parametrize("limit", [0, 512])


@pytest.mark.parametrize(
    "line",
    [
        "HSET s f v", "HMSET s f v", "HSETNX s f v", "HGET s f", "HMGET s f", "HGETALL s", "HKEYS s", "HVALS s",
        "HLEN s", "HSTRLEN s f", "HEXISTS s f", "HDEL s f", "HINCRBY s f 1", "HINCRBYFLOAT s f 1", "HRANDFIELD s",
        "HRANDFIELD s 0", "HSCAN s 0", "HSET s f v g w",
    ],
)  # fmt: skip
def test_every_command_refuses_another_type(line: str) -> None:
    server = holding()
    assert server.run(line) == WRONG_TYPE
    assert server.logged() == []


class TestSetting:
    @BOTH_FORMS
    def test_hset_tells_how_many_are_new(self, limit: int) -> None:
        server = holding(limit=limit)
        assert server.run("HSET h a 1 b 2") == integer(2)
        assert server.run("HSET h b 3") == ZERO
        assert server.run("HSET h c 4") == ONE
        assert server.run("HSET h a 5 d 6 d 7") == ONE
        assert content(server) == {"a": "5", "b": "3", "c": "4", "d": "7"}
        assert server.heard() == ["new h", "hset h", "hset h", "hset h", "hset h"]
        assert server.logged() == ["HSET h a 1 b 2", "HSET h b 3", "HSET h c 4", "HSET h a 5 d 6 d 7"]

    def test_every_pair_counts_as_a_change(self) -> None:
        server = holding("a 1")
        before = server.engine.keyspace.dirty
        server.run("HSET h a 1 b 2 b 2")
        assert server.engine.keyspace.dirty == before + 3

    def test_hmset(self) -> None:
        server = holding("a 1")
        assert server.run("HMSET h a 2 b 3") == OK
        assert content(server) == {"a": "2", "b": "3"}
        assert server.heard() == ["hset h"]

    def test_odd_numbers_of_arguments(self) -> None:
        server = holding()
        assert server.run("HSET s a 1 b") == b"-ERR wrong number of arguments for 'hset' command\r\n"
        assert server.run("HMSET h a 1 b") == b"-ERR wrong number of arguments for 'hmset' command\r\n"
        assert is_gone(server)

    @BOTH_FORMS
    def test_hsetnx(self, limit: int) -> None:
        server = holding(limit=limit)
        assert server.run("HSETNX h f 1") == ONE
        assert server.run("HSETNX h f 2") == ZERO
        assert content(server) == {"f": "1"}
        assert server.heard() == ["new h", "hset h"]
        assert server.logged() == ["HSETNX h f 1"]

    def test_a_listpack_keeps_the_order_of_insertion(self) -> None:
        server = holding("c 1 a 2 b 3")
        server.run("HSET h a 9")
        server.run("HDEL h c")
        server.run("HSET h c 4 b 5")
        assert server.run("HKEYS h") == array("a", "b", "c")
        assert server.run("HVALS h") == array("9", "5", "4")


class TestEncoding:
    @pytest.mark.parametrize(
        ("line", "encoding"),
        [
            ("HSET h a 1 b 2", "listpack"),
            ("HSET h a 1 b 2 c 3", "hashtable"),
            ("HSET h a 1 a 2 a 3", "hashtable"),
            ("HSET h f " + "x" * 64, "listpack"),
            ("HSET h f " + "x" * 65, "hashtable"),
            ("HSET h " + "x" * 65 + " 1", "hashtable"),
            ("HSETNX h " + "x" * 65 + " 1", "hashtable"),
            ("HINCRBY h " + "x" * 65 + " 1", "hashtable"),
            ("HINCRBY h f 1", "listpack"),
        ],
    )
    def test_limits(self, line: str, encoding: str) -> None:
        server = holding(limit=2)
        assert not server.run(line).startswith(b"-")
        assert server.run("OBJECT ENCODING h") == bulk(encoding)

    def test_a_table_stays_one(self) -> None:
        server = holding("a 1 b 2 c 3", limit=2)
        server.run("HDEL h b c")
        assert server.run("OBJECT ENCODING h") == bulk("hashtable")
        server.run("COPY h i")
        assert server.run("OBJECT ENCODING i") == bulk("hashtable")

    def test_several_fields_that_exceed_the_limit_together(self) -> None:
        server = holding("a 1 b 2 c 3", limit=4)
        server.run("HSET h a 4 d 4")
        assert server.run("OBJECT ENCODING h") == bulk("listpack")
        server.run("HSET h a 4 e 5")
        assert server.run("OBJECT ENCODING h") == bulk("hashtable")
        assert content(server) == {"a": "4", "b": "2", "c": "3", "d": "4", "e": "5"}

    def test_a_limit_that_was_lowered_counts_at_the_next_write(self) -> None:
        server = holding("a 1 b 2 c 3")
        server.run("CONFIG SET hash-max-listpack-entries 2")
        assert server.run("OBJECT ENCODING h") == bulk("listpack")
        server.run("HDEL h zz")
        assert server.run("OBJECT ENCODING h") == bulk("listpack")
        server.run("HSET h a 2")
        assert server.run("OBJECT ENCODING h") == bulk("hashtable")

    def test_value_limit_is_configured(self) -> None:
        server = Observed((b"hash-max-listpack-value", b"3"))
        server.run("HSET h f abc")
        assert server.run("OBJECT ENCODING h") == bulk("listpack")
        server.run("HSET h f abcd")
        assert server.run("OBJECT ENCODING h") == bulk("hashtable")


class TestReading:
    @BOTH_FORMS
    def test_single_fields(self, limit: int) -> None:
        server = holding("a 1 long " + "x" * 2000, limit=limit)
        assert server.run("HGET h a") == bulk("1")
        assert server.run("HGET h long") == bulk("x" * 2000)
        assert server.run("HGET h zz") == NULL
        assert server.run("HGET none a") == NULL
        assert server.run("HEXISTS h a") == ONE
        assert server.run("HEXISTS h zz") == ZERO
        assert server.run("HEXISTS none a") == ZERO
        assert server.run("HSTRLEN h long") == integer(2000)
        assert server.run("HSTRLEN h zz") == ZERO
        assert server.run("HSTRLEN none a") == ZERO
        assert server.logged() == []

    @BOTH_FORMS
    def test_hmget(self, limit: int) -> None:
        server = holding("a 1 b 2", limit=limit)
        assert server.run("HMGET h b zz a b") == b"*4\r\n$1\r\n2\r\n$-1\r\n$1\r\n1\r\n$1\r\n2\r\n"
        assert server.run("HMGET none a b") == b"*2\r\n$-1\r\n$-1\r\n"

    @BOTH_FORMS
    def test_whole_hashes(self, limit: int) -> None:
        server = holding("a 1 b 2", limit=limit)
        assert server.run("HGETALL h") == array("a", "1", "b", "2")
        assert server.run("HKEYS h") == array("a", "b")
        assert server.run("HVALS h") == array("1", "2")
        assert server.run("HLEN h") == integer(2)
        for line in ("HGETALL none", "HKEYS none", "HVALS none"):
            assert server.run(line) == EMPTY
        assert server.run("HLEN none") == ZERO

    def test_a_large_hash_is_all_there(self) -> None:
        server = holding()
        server.run("HSET h " + " ".join(f"f{n} v{n}" for n in range(1500)))
        reply = decode(server.run("HGETALL h"))
        assert isinstance(reply, list)
        assert sorted(zip(reply[::2], reply[1::2], strict=True)) == sorted(
            (b"f%d" % n, b"v%d" % n) for n in range(1500)
        )
        assert len(server.run("HKEYS h").split(b"\r\n")) == 2 + 2 * 1500
        assert content(server).keys() == {f"f{n}" for n in range(1500)}

    def test_resp3(self) -> None:
        server = holding("a 1 b 2", protocol=3)
        assert server.run("HGETALL h") == b"%2\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n"
        assert server.run("HGETALL none") == b"%0\r\n"
        assert server.run("HGET h zz") == NULL3
        assert server.run("HMGET h zz") == b"*1\r\n_\r\n"
        assert server.run("HKEYS h") == array("a", "b")
        assert server.run("HRANDFIELD none") == NULL3
        assert (
            server.run("HRANDFIELD h 5 WITHVALUES")
            == b"*2\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n"
        )

    @BOTH_FORMS
    def test_binary_content(self, limit: int) -> None:
        server = holding(limit=limit)
        odd = [b"", b"\r\n", b"$1\r\na\r\n", b"\x00\xff", b"$2"]
        for number, field in enumerate(odd):
            assert server.user.command(b"HSET", b"h", field, odd[-number]) == ONE
        for number, field in enumerate(odd):
            text = odd[-number]
            assert server.user.command(b"HGET", b"h", field) == b"$%d\r\n%b\r\n" % (len(text), text)
        assert server.user.command(b"HGET", b"h", b"a") == NULL


class TestHdel:
    @BOTH_FORMS
    def test_removes_fields_and_the_key_with_the_last(self, limit: int) -> None:
        server = holding("a 1 b 2 c 3", limit=limit)
        assert server.run("HDEL h a zz a") == ONE
        assert content(server) == {"b": "2", "c": "3"}
        assert server.heard() == ["hdel h"]
        assert server.run("HDEL h b c d") == integer(2)
        assert is_gone(server)
        assert server.heard() == ["hdel h", "del h"]
        assert server.logged() == ["HDEL h a zz a", "HDEL h b c d"]
        assert server.run("HDEL h a") == ZERO
        assert server.logged() == []

    def test_wakes_watchers(self) -> None:
        server = holding("a 1")
        other = server.client()
        server.run("WATCH h")
        other.command("HDEL", "h", "a")
        server.run("MULTI")
        assert server.run("EXEC") == b"*-1\r\n"


class TestNumbers:
    @BOTH_FORMS
    def test_hincrby(self, limit: int) -> None:
        server = holding("f 10 text abc", limit=limit)
        assert server.run("HINCRBY h f -3") == integer(7)
        assert server.run("HINCRBY h new 5") == integer(5)
        assert server.run("HINCRBY none f 5") == integer(5)
        assert content(server) == {"f": "7", "text": "abc", "new": "5"}
        assert server.heard() == ["hincrby h", "hincrby h", "new none", "hincrby none"]
        assert server.logged() == ["HINCRBY h f -3", "HINCRBY h new 5", "HINCRBY none f 5"]

    def test_errors_of_hincrby(self) -> None:
        server = holding("f 9223372036854775807 low -9223372036854775808 text abc float 1.5")
        assert server.run("HINCRBY h f 1") == b"-ERR increment or decrement would overflow\r\n"
        assert server.run("HINCRBY h low -1") == b"-ERR increment or decrement would overflow\r\n"
        assert server.run("HINCRBY h text 1") == b"-ERR hash value is not an integer\r\n"
        assert server.run("HINCRBY h float 1") == b"-ERR hash value is not an integer\r\n"
        assert server.run("HINCRBY s f 1.5") == NOT_AN_INTEGER
        assert server.run("HINCRBY none f x") == NOT_AN_INTEGER
        assert is_gone(server, "none")
        assert server.run("HINCRBY h f -1") == integer(9223372036854775806)

    @BOTH_FORMS
    def test_hincrbyfloat(self, limit: int) -> None:
        server = holding("f 10.5", limit=limit)
        assert server.run("HINCRBYFLOAT h f 0.1") == bulk("10.6")
        assert server.run("HINCRBYFLOAT h f -5.6") == bulk("5")
        assert server.run("HINCRBYFLOAT none f 3.0e3") == bulk("3000")
        assert server.logged() == ["HSET h f 10.6", "HSET h f 5", "HSET none f 3000"]
        assert server.heard() == ["hincrbyfloat h", "hincrbyfloat h", "new none", "hincrbyfloat none"]

    def test_errors_of_hincrbyfloat(self) -> None:
        server = holding("text abc huge 1e4932")
        assert server.run("HINCRBYFLOAT h text 1") == b"-ERR hash value is not a float\r\n"
        assert server.run("HINCRBYFLOAT h f x") == b"-ERR value is not a valid float\r\n"
        assert server.run("HINCRBYFLOAT h f nan") == b"-ERR value is not a valid float\r\n"
        assert server.run("HINCRBYFLOAT none f inf") == b"-ERR value is NaN or Infinity\r\n"
        assert server.run("HINCRBYFLOAT h huge 1e4932") == b"-ERR increment would produce NaN or Infinity\r\n"
        assert is_gone(server, "none")


class TestHrandfield:
    @BOTH_FORMS
    def test_distinct(self, limit: int) -> None:
        server = holding(" ".join(f"f{n} {n}" for n in range(20)), limit=limit)
        for count in (1, 5, 6, 7, 19, 20, 100):
            reply = decode(server.run(f"HRANDFIELD h {count} WITHVALUES"))
            assert isinstance(reply, list)
            assert len(reply) == 2 * min(count, 20)
            assert len(set(map(str, reply[::2]))) == min(count, 20)
            assert all(field == b"f" + value for field, value in zip(reply[::2], reply[1::2], strict=True))  # type: ignore[operator]
        assert server.run("HRANDFIELD h 0") == EMPTY

    @pytest.mark.parametrize("size", [5, 400])
    @BOTH_FORMS
    def test_independent(self, limit: int, size: int) -> None:
        server = holding(" ".join(f"f{n} {n}" for n in range(size)), limit=limit)
        reply = decode(server.run("HRANDFIELD h -100"))
        assert isinstance(reply, list)
        assert len(reply) == 100
        assert len(set(map(str, reply))) < 100
        single = decode(server.run("HRANDFIELD h"))
        assert isinstance(single, bytes)
        assert single.startswith(b"f")

    def test_a_few_of_a_large_hash_differ(self) -> None:
        server = holding(" ".join(f"f{n} {n}" for n in range(400)), limit=0)
        for _ in range(20):
            reply = decode(server.run("HRANDFIELD h 60"))
            assert isinstance(reply, list)
            assert len(set(map(str, reply))) == 60

    def test_errors(self) -> None:
        server = holding("a 1")
        assert server.run("HRANDFIELD h x") == NOT_AN_INTEGER
        assert server.run("HRANDFIELD h 1 NOVALUES") == SYNTAX
        assert server.run("HRANDFIELD h 1 WITHVALUES x") == SYNTAX
        out_of_range = b"-ERR value is out of range\r\n"
        assert server.run("HRANDFIELD h 9223372036854775807 WITHVALUES") == out_of_range
        assert server.run("HRANDFIELD h -9223372036854775807") == out_of_range
        assert server.run("HRANDFIELD h -9223372036854775808").startswith(
            b"-ERR value is out of range, value must between"
        )
        assert server.run("HRANDFIELD none") == NULL
        assert server.run("HRANDFIELD none 5") == EMPTY


class TestHscan:
    def test_a_small_hash_comes_at_once(self) -> None:
        server = holding("a 1 ab 2 b 3")
        assert server.run("HSCAN h 0 COUNT 1") == b"*2\r\n$1\r\n0\r\n" + array("a", "1", "ab", "2", "b", "3")
        assert server.run("HSCAN h 7 MATCH a*") == b"*2\r\n$1\r\n0\r\n" + array("a", "1", "ab", "2")
        assert server.run("HSCAN h 0 NOVALUES") == b"*2\r\n$1\r\n0\r\n" + array("a", "ab", "b")
        assert server.run("HSCAN h 0 novalues match b") == b"*2\r\n$1\r\n0\r\n" + array("b")
        assert server.run("HSCAN none 0") == b"*2\r\n$1\r\n0\r\n*0\r\n"

    def test_a_large_hash_comes_in_parts(self) -> None:
        server = holding(" ".join(f"f{n} {n}" for n in range(1000)))
        cursor, rounds, found = b"0", 0, {}
        while True:
            reply = decode(server.user.command(b"HSCAN", b"h", cursor, b"COUNT", b"50"))
            assert isinstance(reply, list)
            assert isinstance(reply[0], bytes)
            assert isinstance(reply[1], list)
            found.update(dict(zip(reply[1][::2], reply[1][1::2], strict=True)))
            rounds += 1
            cursor = reply[0]
            if cursor == b"0":
                break
        assert found == {b"f%d" % n: b"%d" % n for n in range(1000)}
        assert 15 < rounds < 40

    def test_errors(self) -> None:
        server = holding("a 1")
        assert server.run("HSCAN h x") == b"-ERR invalid cursor\r\n"
        assert server.run("HSCAN h 0 COUNT 0") == SYNTAX
        assert server.run("HSCAN h 0 TYPE hash") == SYNTAX


@BOTH_FORMS
def test_digest_of_a_hash_is_redis_s(limit: int) -> None:
    """The expected digest is that of redis-server 7.0 for the same data."""
    server = holding("c 3 a 1 b 2", limit=limit)
    value = server.engine.keyspace.databases[0].peek(b"h")
    digest = Digest()
    mix_value(digest, server.engine.keyspace.databases[0], b"h", value)
    assert digest.hex() == b"b60c36e529712296d694f27b5914cbe84950995e"


def test_scan_by_type_copy_and_rename() -> None:
    server = holding("a 1")
    assert server.run("SCAN 0 TYPE hash") == b"*2\r\n$1\r\n0\r\n" + array("h")
    assert server.run("TYPE h") == b"+hash\r\n"
    assert server.run("COPY h i") == ONE
    server.run("HSET i a 2")
    assert content(server) == {"a": "1"}
    assert server.run("RENAME i h") == OK
    assert content(server) == {"a": "2"}
