"""The table of users: changes that happen whole or not at all, and the files that describe it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis.acl.rules import merge_selectors
from pyredis.acl.users import NOTHING_CHANGED, InvalidRules, Users, lost_channels
from pyredis.protocol.inline import split_args
from tests.differential.gen_acl import rules
from tests.support.acl import access, user

DEFAULT = b"user default on nopass sanitize-payload ~* &* +@all"


def table(*users: tuple[bytes, list[bytes]]) -> Users:
    made = access().users
    for name, words in users:
        made.put(made.staged(name, words))
    return made


class TestChanges:
    def test_default_is_there_from_the_start(self) -> None:
        users = table()
        assert users.lines() == [DEFAULT]
        assert not users.default.is_restricted

    def test_users_are_in_the_order_of_their_names(self) -> None:
        users = table((b"z", []), (b"a", []), (b"\xff", []), (b"", []))
        assert [user.name for user in users.in_order()] == [b"", b"a", b"default", b"z", b"\xff"]

    def test_a_change_goes_on_from_what_there_is(self) -> None:
        users = table((b"u", [b"on", b"+get"]), (b"u", [b"~a", b"(+set", b"~b)"]))
        assert users.lines()[1] == (
            b"user u on sanitize-payload ~a resetchannels -@all +get (~b resetchannels -@all +set)"
        )

    def test_a_mistake_changes_nothing(self) -> None:
        users = table((b"u", [b"+get"]))
        before = users.lines()
        for words, message in (
            ([b"on", b"nosuch\0x"], b"Error in ACL SETUSER modifier 'nosuch': Syntax error"),
            ([b"on", b"(a", b"b)"], b"Error in ACL SETUSER modifier '(a b)': Syntax error"),
            ([b"on", b"(a", b"b"], b"Unmatched parenthesis in acl selector starting at '(a'."),
        ):
            for name in (b"u", b"new", b"default"):
                with pytest.raises(InvalidRules) as caught:
                    users.staged(name, words)
                assert caught.value.message == message
        assert users.lines() == before

    def test_the_object_stays_the_same(self) -> None:
        users = table((b"u", []))
        before = users.by_name[b"u"]
        users.put(users.staged(b"u", [b"on"]))
        assert users.by_name[b"u"] is before
        assert before.is_on


class TestPasswords:
    def test_requirepass_is_the_password_of_default(self) -> None:
        users = table()
        users.set_default_password(b"a")
        assert users.authenticate(b"default", b"a") is users.default
        assert users.authenticate(b"default", b"b") is None
        users.set_default_password(b"b")
        assert users.authenticate(b"default", b"a") is None
        users.set_default_password(b"")
        assert users.authenticate(b"default", b"a") is users.default

    def test_nobody_is_nobody(self) -> None:
        assert table().authenticate(b"nobody", b"") is None


class TestFile:
    def test_what_is_written_is_read(self) -> None:
        users = table((b"u", [b"on", b">a", b"+get", b"~k*", b"(+@all -@dangerous &c)"]), (b"", []))
        read = users.parse(b"".join(line + b"\n" for line in users.lines()), b"users.acl")
        assert {name: user.describe() for name, user in read.items()} == {
            user.name: user.describe() for user in users.in_order()
        }

    def test_blank_lines_and_blanks_do_not_matter(self) -> None:
        read = table().parse(b"\r\n\n  user u  on   +get \t\r\n", b"f")
        assert sorted(read) == [b"default", b"u"]
        assert read[b"u"].describe() == b"on sanitize-payload resetchannels -@all +get"
        assert not read[b"default"].is_restricted

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (b"# comment", b"f:1 should start with user keyword followed by the username. "),
            (b"\nuser", b"f:2 should start with user keyword followed by the username. "),
            (b"USER u", b"f:1 should start with user keyword followed by the username. "),
            (b"user a\tb on", b"'f:1: username 'a\tb' contains invalid characters. "),
            (b"user u\nuser u", b"WARNING: Duplicate user 'u' found on line 2. "),
            (b"user u (+get", b"f:1: Unmatched parenthesis in selector definition."),
            (
                b"user u +nosuch +@nosuch",
                b"f:1: Error in applying operation '+nosuch': Unknown command or category name in ACL. "
                b"f:1: Error in applying operation '+@nosuch': Unknown command or category name in ACL. ",
            ),
            (b"user u secret other", b"f:1: Syntax error. "),
            (
                b"user u secret\nuser v #abc\nuser w +nosuch",
                b"f:1: Syntax error. f:2: The password hash must be exactly 64 characters and contain only "
                b"lowercase hexadecimal characters. f:3: Error in applying operation '+nosuch': Unknown command "
                b"or category name in ACL. ",
            ),
        ],
    )
    def test_all_mistakes_are_told(self, text: bytes, message: bytes) -> None:
        with pytest.raises(InvalidRules) as caught:
            table().parse(text, b"f")
        assert caught.value.message == message + NOTHING_CHANGED


class TestExactLines:
    """What Redis shows cannot always be read again: `%RW~*` is no `~*`, and quotes mean something in places."""

    def test_in_an_acl_file(self) -> None:
        users = table((b"u", [b"%RW~*", b"~k", b"~a'b", b'("~c\'d"', b"+get)"]))
        assert users.file_lines()[1].startswith(
            b"user u off sanitize-payload %RW~* ~k ~a'b resetchannels -@all ("
        )
        read = users.parse(b"\n".join(users.file_lines()), b"f")
        assert read[b"u"].words(True) == users.by_name[b"u"].words(True)
        assert read[b"u"].selectors[1].describe() == b"~c'd resetchannels -@all +get"
        assert users.lines()[1].startswith(b"user u off sanitize-payload ~* ~k ~a'b resetchannels -@all (")

    def test_in_a_configuration_file(self) -> None:
        users = table((b"u'", [b"~a'b", b"%R~*", b"%W~*"]), (b"", []))
        assert users.config_lines() == [
            b'user "" off sanitize-payload resetchannels -@all',
            DEFAULT,
            b'user "u\'" off sanitize-payload "~a\'b" %RW~* resetchannels -@all',
        ]


class TestLostChannels:
    def test_more_is_no_loss(self) -> None:
        assert lost_channels(user(b"&a"), user(b"&a", b"&b")) is None
        assert lost_channels(user(b"&a"), user(b"&*")) is None
        assert lost_channels(user(b"&a"), user(b"(&b &a)")) is None
        assert lost_channels(user(), user()) is None

    def test_less_is_one(self) -> None:
        assert lost_channels(user(b"&*"), user(b"&a", b"(&b)")) == [b"a", b"b"]
        assert lost_channels(user(b"&ab"), user(b"&a*")) == [b"a*"]
        assert lost_channels(user(b"(&a)"), user()) == []


@settings(max_examples=150, deadline=None)
@given(st.lists(rules(), max_size=8), st.lists(st.binary(max_size=6), max_size=3))
def test_whatever_is_accepted_can_be_written_and_read(words: list[bytes], noise: list[bytes]) -> None:
    """And nothing but `InvalidRules` is ever raised."""
    users = access().users
    for batch in (words, noise, words + noise):
        before = users.lines()
        try:
            users.put(users.staged(b"u", batch))
        except InvalidRules:
            assert users.lines() == before
            continue
        text = b"".join(line + b"\n" for line in users.file_lines())
        read = users.parse(text, b"f")
        assert {name: found.words(True) for name, found in read.items()} == {
            found.name: found.words(True) for found in users.in_order()
        }
        for line, found in zip(users.config_lines(), users.in_order(), strict=True):
            words = split_args(line)
            assert words is not None
            assert words[:2] == [b"user", found.name]
            other = users.new(found.name)
            for rule in merge_selectors(words[2:]):
                other.apply(rule)
            assert other.words(True) == found.words(True)
        again, user = read[b"u"], users.by_name[b"u"]
        assert [selector.commands for selector in again.selectors] == [
            selector.commands for selector in user.selectors
        ]
        assert [selector.first_args for selector in again.selectors] == [
            selector.first_args for selector in user.selectors
        ]
        assert again.is_restricted == user.is_restricted or not user.selectors[0].all_commands
