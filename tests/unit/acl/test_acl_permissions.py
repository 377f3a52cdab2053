"""Whether a user may run a request, and which reason is given when not."""

from __future__ import annotations

import pytest

from pyredis.acl.catalog import READ, WRITE, needed_access
from pyredis.acl.permissions import (
    DENIED_CHANNEL,
    DENIED_COMMAND,
    DENIED_KEY,
    check,
    check_key,
    matches_channel,
    may_read_every_key,
)
from pyredis.acl.user import User
from tests.support.acl import command, user


def denied(who: User, request: str) -> tuple[int, int] | None:
    argv = request.encode().split()
    found = who.catalog.find(argv[0])
    assert found is not None
    if found.subcommands is not None:
        found = found.subcommands[argv[1]]
    denial = check(who, found, argv)
    return None if denial is None else (denial.reason, denial.position)


class TestCommands:
    def test_only_what_is_allowed(self) -> None:
        who = user(b"+get", b"~*")
        assert denied(who, "get a") is None
        assert denied(who, "set a b") == (DENIED_COMMAND, 0)
        assert denied(who, "config get a") == (DENIED_COMMAND, 0)

    def test_logging_in_is_always_allowed(self) -> None:
        for request in ("auth a b", "hello 3", "quit", "reset"):
            assert denied(user(), request) is None

    def test_with_a_certain_first_argument(self) -> None:
        who = user(b"+select|0", b"+set|k1", b"~*")
        assert denied(who, "select 0") is None
        assert denied(who, "select 1") == (DENIED_COMMAND, 0)
        assert denied(who, "SET K1 v".lower()) is None
        assert denied(who, "set k2 v") == (DENIED_COMMAND, 0)
        assert check(who, command(who, b"select"), [b"SELECT", b"0\0x"]) is None
        assert check(who, command(who, b"select"), [b"select"]) is not None


class TestKeys:
    @pytest.mark.parametrize(
        ("request_line", "reads", "writes", "both"),
        [
            ("get k", None, 1, None),
            ("set k v", 1, None, None),
            ("set k v get", 1, 1, None),
            ("exists k", None, None, None),
            ("type k", None, None, None),
            ("strlen k", None, None, None),
            ("lpush k a", 1, None, None),
            ("lpop k", 1, 1, None),
            ("del k", 1, None, None),
            ("bitfield k get u8 0", None, 1, None),
            ("bitfield k set u8 0 1", 1, 1, None),
            ("object encoding k", None, None, None),
            ("ping", None, None, None),
        ],
    )
    def test_what_a_command_does_with_its_key(
        self, request_line: str, reads: int | None, writes: int | None, both: int | None
    ) -> None:
        for pattern, position in ((b"%R~k", reads), (b"%W~k", writes), (b"~k", both)):
            found = denied(user(b"+@all", pattern), request_line)
            assert found == (None if position is None else (DENIED_KEY, position)), pattern

    def test_each_key_counts(self) -> None:
        who = user(b"+@all", b"~a*")
        assert denied(who, "mget a1 a2") is None
        assert denied(who, "mget a1 b a2 c") == (DENIED_KEY, 2)
        assert denied(who, "zunionstore a 2 a1 b") == (DENIED_KEY, 4)

    def test_from_and_to(self) -> None:
        who = user(b"+@all", b"%R~from", b"%W~to")
        assert denied(who, "copy from to") is None
        assert denied(who, "copy to from") == (DENIED_KEY, 1)
        assert denied(who, "rename from to") == (DENIED_KEY, 1)
        assert denied(who, "sort from store to") is None

    def test_a_command_without_keys_needs_none(self) -> None:
        assert denied(user(b"+@all"), "dbsize") is None

    def test_flags(self) -> None:
        assert needed_access((b"RO", b"access")) == READ
        assert needed_access((b"RW", b"access", b"delete")) == READ | WRITE
        assert needed_access((b"OW", b"update")) == needed_access((b"RM", b"insert")) == WRITE
        assert needed_access((b"RO",)) == 0

    def test_a_key_without_a_command(self) -> None:
        who = user(b"%R~a", b"(%W~b)")
        assert check_key(who, b"a", READ)
        assert not check_key(who, b"a", WRITE)
        assert check_key(who, b"b", WRITE)
        assert check_key(who, b"b", 0)
        assert not check_key(who, b"c", 0)
        assert check_key(user(b"~*", b"&*", b"+@all"), b"c", READ | WRITE)


class TestChannels:
    def test_publishing(self) -> None:
        who = user(b"+@all", b"~*", b"&a*")
        assert denied(who, "publish ab m") is None
        assert denied(who, "publish b a") == (DENIED_CHANNEL, 1)
        assert denied(who, "spublish b a") == (DENIED_CHANNEL, 1)

    def test_listening(self) -> None:
        who = user(b"+@all", b"~*", b"&a*")
        assert denied(who, "subscribe a ab") is None
        assert denied(who, "subscribe a b") == (DENIED_CHANNEL, 2)
        assert denied(who, "ssubscribe b") == (DENIED_CHANNEL, 1)
        assert denied(who, "psubscribe a*") is None
        assert denied(who, "psubscribe ab*") == (DENIED_CHANNEL, 1)
        assert denied(who, "psubscribe a") == (DENIED_CHANNEL, 1)

    def test_leaving_and_looking_are_free(self) -> None:
        who = user(b"+@all", b"~*")
        for request in ("unsubscribe a", "punsubscribe a", "sunsubscribe a", "pubsub numsub a"):
            assert denied(who, request) is None

    def test_patterns_are_compared_as_c_strings(self) -> None:
        assert matches_channel([b"a*"], b"a*\0x", True)
        assert not matches_channel([], b"a", False)


class TestSelectors:
    def test_one_has_to_allow_everything(self) -> None:
        who = user(b"+get", b"~a", b"(+set ~b)", b"(+@all %R~c)")
        assert denied(who, "get a") is None
        assert denied(who, "set b v") is None
        assert denied(who, "get c") is None
        assert denied(who, "set a v") == (DENIED_KEY, 1)
        assert denied(who, "get b") == (DENIED_KEY, 1)
        assert denied(who, "set c v") == (DENIED_KEY, 1)

    def test_the_reason_is_that_of_the_one_that_came_furthest(self) -> None:
        who = user(b"+mget", b"~a", b"(+mget ~a ~b)", b"(+get)")
        assert denied(who, "mget a b c") == (DENIED_KEY, 3)
        assert denied(user(b"+publish", b"(+get)"), "publish a m") == (DENIED_CHANNEL, 1)
        assert denied(user(b"(+get)", b"(+set)"), "del a") == (DENIED_COMMAND, 0)

    def test_reading_every_key_for_sort(self) -> None:
        argv = [b"sort", b"a", b"BY", b"b*"]

        def may(*rules: bytes) -> bool:
            who = user(*rules)
            return may_read_every_key(who, command(who, b"sort"), argv)

        assert may(b"+sort", b"~*")
        assert may(b"+sort", b"%R~*")
        assert may(b"(+sort %RW~*)")
        assert may(b"+@all", b"~*", b"&*")
        assert not may(b"+sort", b"~a")
        assert not may(b"+sort", b"%W~*", b"%R~a")
        assert not may(b"~*")
        assert not may(b"+sort", b"~a", b"(~*)")
