"""Deadlines of the fields of hashes, in process: replies, errors, what happens when they pass, and the log."""

from __future__ import annotations

import pytest

from pyredis.datatypes.hash_value import HashValue
from pyredis.keyspace.database import Database
from pyredis.keyspace.expiry import SWEEP_SLACK
from tests.commands.test_hashes import (
    BOTH_FORMS,
    EMPTY,
    NOT_AN_INTEGER,
    NULL,
    OK,
    ONE,
    WRONG_TYPE,
    ZERO,
    array,
    bulk,
    content,
    holding,
    integer,
    is_gone,
)
from tests.metamorphic.recorder import START_MS
from tests.support.observed import Observed

NO_FIELDS = b"-ERR Mandatory argument FIELDS is missing or not at the right position\r\n"
NOT_POSITIVE = b"-ERR Number of fields must be a positive integer\r\n"
MISMATCH = b"-ERR The `numfields` parameter must match the number of arguments\r\n"
LATEST = 0x3FFF_FFFF_FFFF


def codes(*values: int) -> bytes:
    return b"*%d\r\n" % len(values) + b"".join(map(integer, values))


def database(server: Observed) -> Database:
    return server.engine.keyspace.databases[0]


def tick(server: Observed, milliseconds: int) -> None:
    """Lets time pass, and the cron remove what is due; a bucket is opened when all of it has passed."""
    server.clock.advance(milliseconds)
    while database(server).has_deadlines() and database(server).expire_due(64):
        pass
    server.engine.flush_propagated()
    database(server).check()


def subexpiry(server: Observed) -> int:
    """What INFO tells of hashes with fields that expire."""
    text = server.run("INFO keyspace").decode()
    return int(text.split("subexpiry=")[1].split("\r\n")[0])


class TestHexpire:
    @BOTH_FORMS
    def test_one_number_a_field(self, limit: int) -> None:
        server = holding("a 1 b 2 c 3", limit=limit)
        assert server.run("HEXPIRE h 10 FIELDS 3 a zz c") == codes(1, -2, 1)
        assert server.run("HTTL h FIELDS 4 a b c zz") == codes(10, -1, 10, -2)
        assert server.heard() == ["hexpire h"]
        assert server.logged() == [f"HPEXPIREAT h {START_MS + 10_000} FIELDS 2 a c"]
        assert subexpiry(server) == 1

    @pytest.mark.parametrize(
        ("line", "at"),
        [
            ("HEXPIRE h 100 FIELDS 1 a", START_MS + 100_000),
            ("HPEXPIRE h 100 FIELDS 1 a", START_MS + 100),
            (f"HEXPIREAT h {START_MS // 1000 + 7} FIELDS 1 a", START_MS // 1000 * 1000 + 7000),
            (f"HPEXPIREAT h {START_MS + 7} FIELDS 1 a", START_MS + 7),
            (f"hpexpireat h {LATEST} fields 1 a", LATEST),
        ],
    )
    def test_four_ways_to_say_when(self, line: str, at: int) -> None:
        server = holding("a 1 b 2")
        assert server.run(line) == codes(1)
        assert server.run("HPEXPIRETIME h FIELDS 2 a b") == codes(at, -1)
        assert server.run("HEXPIRETIME h FIELDS 1 a") == codes((at + 999) // 1000)
        assert server.run("HPTTL h FIELDS 1 a") == codes(at - START_MS)
        assert server.run("HTTL h FIELDS 1 a") == codes((at - START_MS + 999) // 1000)
        assert server.logged() == [f"HPEXPIREAT h {at} FIELDS 1 a"]

    def test_no_hash_and_another_type(self) -> None:
        server = holding()
        for name in ("HEXPIRE", "HPEXPIRE", "HEXPIREAT", "HPEXPIREAT"):
            assert server.run(f"{name} none 10 FIELDS 2 a b") == codes(-2, -2)
            assert server.run(f"{name} s 10 FIELDS 2 a b") == WRONG_TYPE
        for name in ("HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME", "HPERSIST"):
            assert server.run(f"{name} none FIELDS 2 a b") == codes(-2, -2)
            assert server.run(f"{name} s FIELDS 2 a b") == WRONG_TYPE
        assert server.logged() == []

    @pytest.mark.parametrize(
        ("condition", "of_none", "later", "earlier", "equal"),
        [("NX", 1, 0, 0, 0), ("XX", 0, 1, 1, 1), ("GT", 0, 1, 0, 0), ("LT", 1, 0, 1, 0), ("lt", 1, 0, 1, 0)],
    )
    @BOTH_FORMS
    def test_conditions(
        self, limit: int, condition: str, of_none: int, later: int, earlier: int, equal: int
    ) -> None:
        for seconds, expected in ((20, later), (5, earlier), (10, equal)):
            server = holding("a 1 b 2", limit=limit)
            server.run("HEXPIRE h 10 FIELDS 1 a")
            server.forget()
            assert server.run(f"HEXPIRE h {seconds} {condition} FIELDS 3 a b c") == codes(
                expected, of_none, -2
            )
            changed = [field for field, code in (("a", expected), ("b", of_none)) if code]
            if changed:
                at = START_MS + seconds * 1000
                words = " ".join(changed)
                assert server.logged() == [f"HPEXPIREAT h {at} {condition} FIELDS {len(changed)} {words}"]
                assert server.heard() == ["hexpire h"]
            else:
                assert server.logged() == server.heard() == []

    @BOTH_FORMS
    def test_a_time_that_is_past_deletes(self, limit: int) -> None:
        server = holding("a 1 b 2 c 3", limit=limit)
        assert server.run(f"HPEXPIREAT h {START_MS} FIELDS 3 a zz a") == codes(2, -2, -2)
        assert server.run("HEXPIRE h 0 FIELDS 1 b") == codes(2)
        assert content(server) == {"c": "3"}
        assert server.heard() == ["hdel h", "hdel h"]
        assert server.logged() == ["HDEL h a", "HDEL h b"]
        assert server.run("HPEXPIRE h 0 FIELDS 1 c") == codes(2)
        assert is_gone(server)
        assert server.heard() == ["hdel h", "del h"]
        assert server.engine.keyspace.expired_fields == 3
        assert b"expired_subkeys:3\r\n" in server.run("INFO stats")

    def test_conditions_hold_for_a_past_time_too(self) -> None:
        server = holding("a 1 b 2")
        server.run("HEXPIRE h 10 FIELDS 1 a")
        assert server.run("HEXPIRE h 0 NX FIELDS 2 a b") == codes(0, 2)
        assert content(server) == {"a": "1"}

    def test_errors(self) -> None:
        server = holding("a 1")
        invalid = b"-ERR invalid expire time in '%b' command\r\n"
        assert server.run("HEXPIRE h x FIELDS 1 a") == NOT_AN_INTEGER
        assert server.run("HEXPIRE h -1 FIELDS 1 a") == b"-ERR invalid expire time, must be >= 0\r\n"
        assert server.run(f"HEXPIRE h {LATEST // 1000} FIELDS 1 a") == invalid % b"hexpire"
        assert server.run(f"HEXPIREAT h {LATEST // 1000 + 1} FIELDS 1 a") == invalid % b"hexpireat"
        assert server.run(f"HPEXPIRE h {LATEST - START_MS + 1} FIELDS 1 a") == invalid % b"hpexpire"
        assert server.run(f"HPEXPIREAT h {LATEST + 1} FIELDS 1 a") == invalid % b"hpexpireat"
        assert server.run("HPEXPIREAT h 9223372036854775807 FIELDS 1 a") == invalid % b"hpexpireat"
        assert server.run("HEXPIRE h 10 FIELD 1 a") == NO_FIELDS
        assert server.run("HEXPIRE h 10 NX 1 a") == NO_FIELDS
        assert server.run("HEXPIRE h 10 NX XX FIELDS 1 a") == NO_FIELDS
        count = b"-ERR Parameter `numFields` should be greater than 0\r\n"
        assert server.run("HEXPIRE h 10 FIELDS 0 a") == count
        assert server.run("HEXPIRE h 10 FIELDS x a") == count
        assert server.run("HEXPIRE h 10 FIELDS 2 a") == MISMATCH
        assert server.run("HEXPIRE h 10 FIELDS 1 a b") == MISMATCH
        assert server.run("HEXPIRE h 10 NX FIELDS 1") == MISMATCH
        assert (
            server.run("HEXPIRE h 10 FIELDS 1") == b"-ERR wrong number of arguments for 'hexpire' command\r\n"
        )
        # A time is looked at before a missing hash is noticed, its type before the time.
        assert server.run("HEXPIRE none x FIELDS 1 a") == NOT_AN_INTEGER
        assert server.run("HEXPIRE s x FIELDS 1 a") == WRONG_TYPE
        for name in ("HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME", "HPERSIST"):
            assert server.run(f"{name} h FIELD 1 a") == NO_FIELDS
            assert server.run(f"{name} h FIELDS 0 a") == NOT_POSITIVE
            assert server.run(f"{name} h FIELDS a a") == NOT_POSITIVE
            assert server.run(f"{name} h FIELDS 2 a") == MISMATCH
            assert server.run(f"{name} h FIELDS 1 a b") == MISMATCH
        assert server.logged() == []

    def test_repeated_fields(self) -> None:
        server = holding("a 1")
        assert server.run("HEXPIRE h 10 FIELDS 2 a a") == codes(1, 1)
        assert server.run("HTTL h FIELDS 2 a a") == codes(10, 10)


class TestHpersist:
    @BOTH_FORMS
    def test_takes_deadlines(self, limit: int) -> None:
        server = holding("a 1 b 2", limit=limit)
        server.run("HEXPIRE h 10 FIELDS 1 a")
        server.forget()
        assert server.run("HPERSIST h FIELDS 3 a b zz") == codes(1, -1, -2)
        assert server.run("HTTL h FIELDS 1 a") == codes(-1)
        assert server.heard() == ["hpersist h"]
        assert server.logged() == ["HPERSIST h FIELDS 3 a b zz"]
        assert subexpiry(server) == 0
        assert server.run("HPERSIST h FIELDS 1 a") == codes(-1)
        assert server.logged() == []
        tick(server, 20_000)
        assert content(server) == {"a": "1", "b": "2"}


class TestWritesAndDeadlines:
    @pytest.mark.parametrize("line", ["HSET h a 9", "HMSET h a 9", "HSET h c 3 a 9", "HSET h a 9 b 8"])
    @BOTH_FORMS
    def test_setting_a_field_drops_its_deadline(self, limit: int, line: str) -> None:
        server = holding("a 1 b 2", limit=limit)
        server.run("HEXPIRE h 10 FIELDS 1 a")
        server.run(line)
        assert server.run("HTTL h FIELDS 1 a") == codes(-1)
        assert subexpiry(server) == 0
        tick(server, 20_000)
        assert content(server)["a"] == "9"

    @BOTH_FORMS
    def test_sums_keep_it(self, limit: int) -> None:
        server = holding("a 1", limit=limit)
        server.run("HEXPIRE h 10 FIELDS 1 a")
        server.forget()
        server.run("HINCRBY h a 5")
        server.run("HINCRBYFLOAT h a 0.5")
        assert server.run("HTTL h FIELDS 1 a") == codes(10)
        assert server.logged() == [
            "HINCRBY h a 5", "HSET h a 6.5", f"HPEXPIREAT h {START_MS + 10_000} FIELDS 1 a",
        ]  # fmt: skip

    def test_other_fields_keep_theirs(self) -> None:
        server = holding("a 1 b 2")
        server.run("HEXPIRE h 10 FIELDS 1 a")
        server.run("HSET h b 3 c 4")
        server.run("HSETNX h a 5")
        server.run("HDEL h b")
        assert server.run("HTTL h FIELDS 2 a c") == codes(10, -1)
        server.run("HDEL h a")
        assert subexpiry(server) == 0

    def test_a_listpackex_is_in_order_of_deadlines(self) -> None:
        server = holding("a 1 b 2 c 3 d 4")
        server.run("HEXPIRE h 20 FIELDS 1 c")
        server.run("HEXPIRE h 10 FIELDS 1 b")
        server.run("HEXPIRE h 20 FIELDS 1 d")
        assert server.run("HKEYS h") == array("b", "d", "c", "a")
        server.run("HSET h e 5 b 6")
        assert server.run("HKEYS h") == array("d", "c", "a", "e", "b")

    def test_encodings(self) -> None:
        server = holding("a 1 b 2", limit=3)
        server.run("HEXPIRE h 10 FIELDS 1 zz")
        assert server.run("OBJECT ENCODING h") == bulk("listpackex")
        server.run("HPERSIST h FIELDS 1 a")
        assert server.run("OBJECT ENCODING h") == bulk("listpackex")
        server.run("COPY h i")
        assert server.run("OBJECT ENCODING i") == bulk("listpackex")
        server.run("HSET h c 3 d 4")
        assert server.run("OBJECT ENCODING h") == bulk("hashtable")


class TestPassing:
    """What happens when deadlines pass, before the cron comes and with it."""

    def expiring(self, limit: int, protocol: int = 2) -> Observed:
        server = holding("a 1 b 2 c 3", limit=limit, protocol=protocol)
        server.run("HPEXPIRE h 100 FIELDS 2 a b")
        server.forget()
        server.clock.advance(100)
        return server

    @BOTH_FORMS
    def test_reads_pass_over_it(self, limit: int) -> None:
        server = self.expiring(limit)
        assert server.run("HGETALL h") == array("c", "3")
        assert server.run("HKEYS h") == array("c")
        assert server.run("HVALS h") == array("3")
        assert server.run("HLEN h") == ONE
        assert server.run("HSCAN h 0") == b"*2\r\n$1\r\n0\r\n" + array("c", "3")
        assert server.run("HTTL h FIELDS 2 a c") == codes(-2, -1)
        assert server.run("HPEXPIRETIME h FIELDS 1 a") == codes(-2)
        assert server.run("HPERSIST h FIELDS 1 a") == codes(-2)
        assert server.logged() == server.heard() == []

    @pytest.mark.parametrize(
        ("line", "reply"),
        [
            ("HGET h a", NULL),
            ("HEXISTS h a", ZERO),
            ("HSTRLEN h a", ZERO),
            ("HMGET h a c", b"*2\r\n$-1\r\n$1\r\n3\r\n"),
            ("HDEL h a", ZERO),
            ("HEXPIRE h 10 FIELDS 1 a", codes(-2)),
            ("HGETDEL h FIELDS 1 a", b"*1\r\n$-1\r\n"),
            ("HGETEX h EX 10 FIELDS 1 a", b"*1\r\n$-1\r\n"),
            ("HSETEX h FXX FIELDS 1 a 9", ZERO),
        ],
    )
    @BOTH_FORMS
    def test_naming_it_removes_it(self, limit: int, line: str, reply: bytes) -> None:
        server = self.expiring(limit)
        assert server.run(line) == reply
        assert server.heard() == ["hexpired h"]
        assert server.logged() == ["HDEL h a"]
        value = database(server).peek(b"h")
        assert isinstance(value, HashValue)
        assert value.size() == 2
        assert server.engine.keyspace.expired_fields == 1
        database(server).check()

    @pytest.mark.parametrize(
        ("line", "reply", "log"),
        [
            ("HSET h a 9", ONE, "HSET h a 9"),
            ("HSET h a 9 d 4", integer(2), "HSET h a 9 d 4"),
            ("HSETNX h a 9", ONE, "HSETNX h a 9"),
            ("HINCRBY h a 9", integer(9), "HINCRBY h a 9"),
            ("HINCRBYFLOAT h a 9", bulk("9"), "HSET h a 9"),
            ("HSETEX h FNX FIELDS 1 a 9", ONE, "HSET h a 9"),
        ],
    )
    @BOTH_FORMS
    def test_writing_it_begins_anew(self, limit: int, line: str, reply: bytes, log: str) -> None:
        server = self.expiring(limit)
        assert server.run(line) == reply
        assert server.run("HTTL h FIELDS 1 a") == codes(-1)
        assert server.run("HGET h a") == bulk("9")
        assert server.heard()[0] == "hexpired h"
        assert server.logged() == ["HDEL h a", log]

    @BOTH_FORMS
    def test_hrandfield_removes_all_that_are_due(self, limit: int) -> None:
        server = self.expiring(limit)
        assert server.run("HRANDFIELD h 5") == array("c")
        assert server.heard() == ["hexpired h"]
        assert sorted(server.logged()) == ["HDEL h a", "HDEL h b"]

    @pytest.mark.parametrize(
        ("line", "reply"),
        [
            ("HGET h c", NULL),
            ("HRANDFIELD h", NULL),
            ("HRANDFIELD h 3", EMPTY),
            ("HMGET h a b c", b"*3\r\n$-1\r\n$-1\r\n$-1\r\n"),
            ("HDEL h c", ZERO),
            ("HEXPIRE h 10 FIELDS 1 c", codes(-2)),
            ("HGETDEL h FIELDS 1 c", b"*1\r\n$-1\r\n"),
        ],
    )
    @BOTH_FORMS
    def test_the_last_field_takes_the_key_along(self, limit: int, line: str, reply: bytes) -> None:
        server = holding("c 3", limit=limit)
        server.run("HPEXPIRE h 100 FIELDS 1 c")
        server.forget()
        server.clock.advance(100)
        assert server.run(line) == reply
        assert is_gone(server)
        assert server.heard() == ["hexpired h", "del h"]
        assert server.logged() == ["HDEL h c"]
        database(server).check()

    @pytest.mark.parametrize("line", ["HSET h c 9", "HSETNX h c 9", "HINCRBY h c 9", "HSETEX h FIELDS 1 c 9"])
    @BOTH_FORMS
    def test_writing_the_last_field_makes_another_hash(self, limit: int, line: str) -> None:
        server = holding("c 3", limit=limit)
        server.run("HPEXPIRE h 100 FIELDS 1 c")
        server.forget()
        server.clock.advance(100)
        server.run(line)
        assert content(server) == {"c": "9"}
        assert server.heard()[:3] == ["hexpired h", "del h", "new h"]
        assert server.run("OBJECT ENCODING h") == bulk("hashtable" if limit == 0 else "listpack")

    def test_a_moment_earlier_everything_is_there(self) -> None:
        server = holding("a 1")
        server.run("HPEXPIRE h 100 FIELDS 1 a")
        server.clock.advance(99)
        assert server.run("HGETALL h") == array("a", "1")
        assert server.run("HGET h a") == bulk("1")
        assert server.run("HTTL h FIELDS 1 a") == codes(1)
        assert server.run("HPTTL h FIELDS 1 a") == codes(1)

    def test_in_a_pause_it_is_hidden_and_stays(self) -> None:
        server = self.expiring(512)
        server.engine.keyspace.keeps_expired = True
        assert server.run("HGET h a") == NULL
        assert server.run("HMGET h a c") == b"*2\r\n$-1\r\n$1\r\n3\r\n"
        assert server.run("HRANDFIELD h 5") == array("c")
        assert server.run("HGETALL h") == array("c", "3")
        tick(server, 1000)
        assert server.logged() == server.heard() == []
        server.engine.keyspace.keeps_expired = False
        tick(server, 1000)
        assert server.heard() == ["hexpired h"]
        assert content(server) == {"c": "3"}

    @BOTH_FORMS
    def test_the_cron_removes_it(self, limit: int) -> None:
        server = holding("a 1 b 2 c 3 d 4", limit=limit)
        server.run("HPEXPIRE h 100 FIELDS 2 a b")
        server.run("HPEXPIRE h 5000 FIELDS 1 c")
        server.forget()
        tick(server, 1000)
        assert content(server) == {"c": "3", "d": "4"}
        assert server.heard() == ["hexpired h"]
        assert server.logged() == ["HDEL h a", "HDEL h b"]
        assert subexpiry(server) == 1
        server.run("HDEL h d")
        server.forget()
        tick(server, 10_000)
        assert is_gone(server)
        assert server.heard() == ["hexpired h", "del h"]
        assert server.logged() == ["HDEL h c"]
        assert not database(server).has_deadlines()

    def test_the_cron_takes_many_fields_in_parts(self) -> None:
        server = holding(" ".join(f"f{n} {n}" for n in range(1000)))
        server.run("HPEXPIRE h 100 FIELDS 999 " + " ".join(f"f{n}" for n in range(999)))
        server.forget()
        tick(server, 1000)
        assert content(server) == {"f999": "999"}
        assert set(server.heard()) == {"hexpired h"}
        assert len(server.logged()) == 999

    def test_watchers_hear_of_it(self) -> None:
        server = holding("a 1 b 2")
        server.run("HPEXPIRE h 100 FIELDS 1 a")
        server.run("WATCH h")
        tick(server, 1000)
        server.run("MULTI")
        assert server.run("EXEC") == b"*-1\r\n"

    def test_a_deadline_that_is_put_off_again_and_again(self) -> None:
        server = holding("a 1 b 2")
        for _ in range(5000):
            server.run("HPEXPIRE h 1000 FIELDS 1 a")
            tick(server, 10)
        assert database(server).field_expiry.entries == 1
        assert content(server) == {"a": "1", "b": "2"}
        tick(server, 2000)
        assert content(server) == {"b": "2"}

    def test_deadlines_that_come_nearer_leave_little_behind(self) -> None:
        server = holding("a 1 b 2")
        for step in range(4000):
            server.run(f"HPEXPIREAT h {START_MS + 4_000_000 - step * 200} FIELDS 1 a")
        queue = database(server).field_expiry
        assert queue.entries < 2 * SWEEP_SLACK
        for _ in range(10):
            tick(server, 1)
        assert queue.entries < SWEEP_SLACK + 10
        tick(server, 5_000_000)
        assert content(server) == {"b": "2"}


class TestKeysWithThem:
    """What happens to a hash with deadlines as a key."""

    def expiring(self) -> Observed:
        server = holding("a 1 b 2")
        server.run("HPEXPIRE h 1000 FIELDS 1 a")
        return server

    @pytest.mark.parametrize(
        "line",
        [
            "DEL h",
            "UNLINK h",
            "SET h v",
            "SETEX h 100 v",
            "RENAME s h",
            "FLUSHDB",
            "GETSET s v",
            "SET h v KEEPTTL",
        ],
    )
    def test_nothing_is_left_of_one_that_is_gone(self, line: str) -> None:
        server = self.expiring()
        server.run("DEL h" if line.startswith("GETSET") else line)
        database(server).check()
        assert database(server).field_expires.size == 0
        tick(server, 5000)

    def test_rename(self) -> None:
        server = self.expiring()
        assert server.run("RENAME h i") == OK
        assert server.run("HPTTL i FIELDS 2 a b") == codes(1000, -1)
        tick(server, 2000)
        assert content(server, "i") == {"b": "2"}

    def test_copy(self) -> None:
        server = self.expiring()
        assert server.run("COPY h i") == ONE
        server.run("HPERSIST h FIELDS 1 a")
        tick(server, 2000)
        assert content(server) == {"b": "2", "a": "1"}
        assert content(server, "i") == {"b": "2"}

    def test_move_and_swapdb(self) -> None:
        server = self.expiring()
        assert server.run("MOVE h 1") == ONE
        assert database(server).field_expires.size == 0
        other = server.engine.keyspace.databases[1]
        other.check()
        assert other.field_expires.size == 1
        server.run("SWAPDB 0 1")
        database(server).check()
        tick(server, 2000)
        assert content(server) == {"b": "2"}

    def test_expiry_of_the_key_itself(self) -> None:
        server = self.expiring()
        server.run("PEXPIRE h 500")
        tick(server, 2000)
        assert is_gone(server)
        assert "hexpired h" not in server.heard()


class TestHgetdel:
    @BOTH_FORMS
    def test_returns_and_deletes(self, limit: int) -> None:
        server = holding("a 1 b 2 c 3", limit=limit)
        assert server.run("HGETDEL h FIELDS 3 a zz a") == b"*3\r\n$1\r\n1\r\n$-1\r\n$-1\r\n"
        assert content(server) == {"b": "2", "c": "3"}
        assert server.heard() == ["hdel h"]
        assert server.logged() == ["HDEL h a"]
        assert server.run("HGETDEL h FIELDS 2 b c") == array("2", "3")
        assert is_gone(server)
        assert server.heard() == ["hdel h", "del h"]
        assert server.run("HGETDEL h FIELDS 1 b") == b"*1\r\n$-1\r\n"
        assert server.logged() == ["HDEL h b c"]

    def test_errors(self) -> None:
        server = holding("a 1")
        assert server.run("HGETDEL s FIELDS 1 a") == WRONG_TYPE
        assert server.run("HGETDEL h FIELD 1 a") == NO_FIELDS
        assert server.run("HGETDEL h FIELDS 0 a") == NOT_POSITIVE
        assert server.run("HGETDEL h FIELDS 2 a") == MISMATCH
        assert content(server) == {"a": "1"}


class TestHgetex:
    @pytest.mark.parametrize(
        ("option", "at"),
        [
            ("EX 10", START_MS + 10_000),
            ("px 10", START_MS + 10),
            (f"EXAT {START_MS // 1000 + 5}", START_MS // 1000 * 1000 + 5000),
            (f"PXAT {START_MS + 5}", START_MS + 5),
        ],
    )
    @BOTH_FORMS
    def test_sets_a_deadline(self, limit: int, option: str, at: int) -> None:
        server = holding("a 1 b 2", limit=limit)
        assert server.run(f"HGETEX h {option} FIELDS 2 a zz") == b"*2\r\n$1\r\n1\r\n$-1\r\n"
        assert server.run("HPEXPIRETIME h FIELDS 2 a b") == codes(at, -1)
        assert server.heard() == ["hexpire h"]
        assert server.logged() == [f"HPEXPIREAT h {at} FIELDS 1 a"]
        assert subexpiry(server) == 1

    def test_persists(self) -> None:
        server = holding("a 1 b 2")
        server.run("HEXPIRE h 10 FIELDS 1 a")
        server.forget()
        assert server.run("HGETEX h PERSIST FIELDS 2 a b") == array("1", "2")
        assert server.heard() == ["hpersist h"]
        assert server.logged() == ["HPERSIST h FIELDS 1 a"]
        assert server.run("HGETEX h PERSIST FIELDS 2 a b") == array("1", "2")
        assert server.logged() == []

    def test_without_an_option_it_only_reads(self) -> None:
        server = holding("a 1")
        assert server.run("HGETEX h FIELDS 2 a zz") == b"*2\r\n$1\r\n1\r\n$-1\r\n"
        assert server.run("HGETEX none FIELDS 1 a") == b"*1\r\n$-1\r\n"
        assert server.logged() == server.heard() == []
        assert server.run("OBJECT ENCODING h") == bulk("listpack")

    def test_a_past_time_deletes(self) -> None:
        server = holding("a 1")
        assert server.run("HGETEX h PXAT 1 FIELDS 2 a a") == b"*2\r\n$1\r\n1\r\n$-1\r\n"
        assert is_gone(server)
        assert server.heard() == ["hdel h", "del h"]
        assert server.logged() == ["HDEL h a"]

    def test_errors(self) -> None:
        server = holding("a 1")
        assert server.run("HGETEX s FIELDS 1 a") == WRONG_TYPE
        assert server.run("HGETEX h FIELD 1 a") == NO_FIELDS
        assert server.run("HGETEX h EX 10 KEEPTTL FIELDS 1 a") == NO_FIELDS
        assert server.run("HGETEX h EX x FIELDS 1 a") == NOT_AN_INTEGER
        assert server.run("HGETEX h EX -1 FIELDS 1 a") == b"-ERR invalid expire time, must be >= 0\r\n"
        assert (
            server.run(f"HGETEX h EX {LATEST} FIELDS 1 a")
            == b"-ERR invalid expire time in 'hgetex' command\r\n"
        )
        assert server.run("HGETEX h PERSIST FIELDS 2 a") == MISMATCH
        assert server.run("HGETEX h EX 10 FIELDS 0 a") == NOT_POSITIVE
        assert (
            server.run("HGETEX h EX 10 FIELDS") == b"-ERR wrong number of arguments for 'hgetex' command\r\n"
        )
        assert server.logged() == []


class TestHsetex:
    @pytest.mark.parametrize(
        ("option", "at"),
        [
            ("EX 10", START_MS + 10_000),
            ("px 10", START_MS + 10),
            (f"EXAT {START_MS // 1000 + 5}", START_MS // 1000 * 1000 + 5000),
            (f"PXAT {START_MS + 5}", START_MS + 5),
        ],
    )
    @BOTH_FORMS
    def test_sets_fields_with_a_deadline(self, limit: int, option: str, at: int) -> None:
        server = holding("a 1 b 2", limit=limit)
        assert server.run(f"HSETEX h {option} FIELDS 2 a 9 c 3") == ONE
        assert {**content(server)} == {"a": "9", "b": "2", "c": "3"}
        assert server.run("HPEXPIRETIME h FIELDS 3 a b c") == codes(at, -1, at)
        assert server.heard() == ["hset h", "hexpire h"]
        assert server.logged() == ["HSET h a 9 c 3", f"HPEXPIREAT h {at} FIELDS 2 a c"]

    def test_without_options_it_is_hset(self) -> None:
        server = holding()
        assert server.run("HSETEX h FIELDS 1 a 1") == ONE
        server.run("HEXPIRE h 10 FIELDS 1 a")
        assert server.run("HSETEX h FIELDS 1 a 2") == ONE
        assert server.run("HTTL h FIELDS 1 a") == codes(-1)
        assert server.heard() == ["new h", "hset h", "hexpire h", "hset h"]

    def test_keepttl(self) -> None:
        server = holding("a 1 b 2")
        server.run("HEXPIRE h 10 FIELDS 1 a")
        server.forget()
        assert server.run("HSETEX h KEEPTTL FIELDS 2 a 9 b 8") == ONE
        assert server.run("HTTL h FIELDS 2 a b") == codes(10, -1)
        assert server.logged() == ["HSET h a 9 b 8", f"HPEXPIREAT h {START_MS + 10_000} FIELDS 1 a"]

    @BOTH_FORMS
    def test_conditions(self, limit: int) -> None:
        server = holding("a 1 b 2", limit=limit)
        assert server.run("HSETEX h FNX FIELDS 2 a 9 c 9") == ZERO
        assert server.run("HSETEX h FXX FIELDS 2 a 9 c 9") == ZERO
        assert server.run("HSETEX none FXX FIELDS 1 a 9") == ZERO
        assert server.logged() == server.heard() == []
        assert server.run("HSETEX h FNX EX 10 FIELDS 2 c 3 d 4") == ONE
        assert server.run("HSETEX h EX 20 FXX FIELDS 2 a 9 c 9") == ONE
        assert server.run("HSETEX none FNX FIELDS 1 a 9") == ONE
        assert server.run("HTTL h FIELDS 4 a b c d") == codes(20, -1, 20, 10)

    def test_a_past_time_deletes(self) -> None:
        server = holding("a 1 b 2")
        assert server.run("HSETEX h PXAT 1 FIELDS 3 a 9 c 9 c 8") == ONE
        assert content(server) == {"b": "2"}
        assert server.heard() == ["hset h", "hdel h"]
        assert server.logged() == ["HDEL h a"]
        assert server.run("HSETEX new PXAT 1 FIELDS 1 a 9") == ONE
        assert is_gone(server, "new")
        assert server.heard() == ["new new", "hset new", "hdel new", "del new"]
        assert server.logged() == []

    def test_errors(self) -> None:
        server = holding("a 1")
        arity = b"-ERR wrong number of arguments for 'hsetex' command\r\n"
        assert server.run("HSETEX s FIELDS 1 a 1") == WRONG_TYPE
        assert server.run("HSETEX h FIELDS 2 a 1") == arity
        assert server.run("HSETEX h FIELDS 1 a 1 b") == arity
        assert server.run("HSETEX h EX 10 FIELDS 1") == arity
        assert server.run("HSETEX h FIELDS 0 a 1") == b"-ERR invalid number of fields\r\n"
        assert server.run("HSETEX h FIELDS x a 1") == b"-ERR invalid number of fields\r\n"
        assert server.run("HSETEX h NX FIELDS 1 a 1") == b"-ERR unknown argument: NX\r\n"
        one = b"-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified\r\n"
        assert server.run("HSETEX h EX 10 KEEPTTL FIELDS 1 a 1") == one
        assert server.run("HSETEX h PX 10 PX 10 FIELDS 1 a 1") == one
        one = b"-ERR Only one of FXX or FNX arguments can be specified\r\n"
        assert server.run("HSETEX h FNX FXX FIELDS 1 a 1") == one
        assert server.run("HSETEX h EX -1 FIELDS 1 a 1") == b"-ERR invalid expire time, must be >= 0\r\n"
        assert (
            server.run(f"HSETEX h PX {LATEST} FIELDS 1 a 1")
            == b"-ERR invalid expire time in 'hsetex' command\r\n"
        )
        assert server.run("HSETEX h FNX KEEPTTL x y z") == b"-ERR unknown argument: x\r\n"
        assert content(server) == {"a": "1"}
        assert server.logged() == []

    def test_limits_of_a_listpack(self) -> None:
        server = holding(limit=1)
        server.run("HSETEX h EX 10 FIELDS 2 a 1 a 2")
        assert server.run("OBJECT ENCODING h") == bulk("hashtable")
        server.run("HSETEX i EX 10 FIELDS 1 a 1")
        assert server.run("OBJECT ENCODING i") == bulk("listpackex")
