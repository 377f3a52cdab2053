"""Users: passwords, flags, selectors, and the line that says it all."""

from __future__ import annotations

import pytest

from pyredis.acl.rules import BAD_HASH, BAD_RULE, NO_SUCH_PASSWORD, RuleError
from pyredis.acl.user import User, hash_password
from tests.support.acl import catalog, user

A = b"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
B = b"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"
NEW = b"off sanitize-payload resetchannels -@all"


def test_a_new_user_may_do_nothing() -> None:
    made = user()
    assert made.describe() == NEW
    assert made.is_restricted
    assert not made.accepts(b"")


class TestPasswords:
    def test_are_kept_as_digests(self) -> None:
        assert user(b">a", b"#" + B).passwords == [A, B]
        assert hash_password(b"a") == A

    def test_the_same_one_is_kept_once(self) -> None:
        assert user(b">a", b"#" + A, b">a").passwords == [A]

    def test_can_be_removed_in_both_forms(self) -> None:
        assert user(b">a", b">b", b"<a").passwords == [B]
        assert user(b">a", b">b", b"!" + A).passwords == [B]

    def test_are_any_bytes(self) -> None:
        made = user(b"on", b">a b\0\xff", b">")
        assert made.accepts(b"a b\0\xff")
        assert made.accepts(b"")
        assert not made.accepts(b"a b")

    def test_let_in_only_those_who_are_enabled(self) -> None:
        made = user(b">a", b">b")
        assert not made.accepts(b"a")
        made.apply(b"on")
        assert [made.accepts(word) for word in (b"a", b"b", b"c", A, b"")] == [
            True,
            True,
            False,
            False,
            False,
        ]

    def test_none_is_needed_with_nopass(self) -> None:
        made = user(b"on", b">a", b"nopass")
        assert made.passwords == []
        assert made.accepts(b"anything")
        made.apply(b">b")
        assert not made.has_no_password
        assert not made.accepts(b"anything")

    def test_resetpass_leaves_no_way_in(self) -> None:
        made = user(b"on", b"nopass", b"resetpass")
        assert not made.accepts(b"")
        assert user(b"on", b">a", b"RESETPASS").passwords == []

    @pytest.mark.parametrize(
        ("rule", "message"),
        [
            (b"#abc", BAD_HASH),
            (b"#" + A.upper(), BAD_HASH),
            (b"#" + A + b"0", BAD_HASH),
            (b"!" + b"g" * 64, BAD_HASH),
            (b"<x", NO_SUCH_PASSWORD),
            (b"!" + A, NO_SUCH_PASSWORD),
        ],
    )
    def test_what_is_none(self, rule: bytes, message: bytes) -> None:
        with pytest.raises(RuleError) as caught:
            user(rule)
        assert caught.value.message == message

    def test_all_are_compared_whatever_the_outcome(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import hmac

        compared: list[bytes] = []
        compare = hmac.compare_digest

        def note(given: bytes, digest: bytes) -> bool:
            compared.append(digest)
            return compare(given, digest)

        made = user(b"on", b">a", b">b")
        monkeypatch.setattr(hmac, "compare_digest", note)
        assert made.accepts(b"a")
        assert compared == [A, B]


class TestSelectors:
    def test_are_added_in_order(self) -> None:
        made = user(b"+get", b"(~a +set)", b"( %R~b   +get )", b"()")
        assert made.describe() == (
            b"off sanitize-payload resetchannels -@all +get (~a resetchannels -@all +set) "
            b"(%R~b resetchannels -@all +get) (resetchannels -@all)"
        )

    def test_may_be_quoted_inside(self) -> None:
        assert user(b"(\"~a\" '+get')").describe() == NEW + b" (~a resetchannels -@all +get)"
        assert user(b"(~a '+get)").describe() == NEW + b" (resetchannels -@all)"

    def test_with_a_mistake_inside_are_not_added(self) -> None:
        made = user()
        for rule in (b"(on)", b"(>a)", b"(+get (+set))", b"(nosuch)"):
            with pytest.raises(RuleError) as caught:
                made.apply(rule)
            assert caught.value.message == BAD_RULE
        assert made.describe() == NEW

    def test_can_be_cleared(self) -> None:
        assert user(b"+get", b"(+set)", b"ClearSelectors").describe() == NEW + b" +get"

    def test_one_without_limits_lifts_those_of_the_user(self) -> None:
        assert user(b"~*", b"+@all").is_restricted
        assert not user(b"~*", b"&*", b"+@all").is_restricted
        assert not user(b"(~* &* +@all)").is_restricted
        assert user(b"(~* &* +@all)", b"clearselectors").is_restricted


class TestFlags:
    def test_the_last_one_counts(self) -> None:
        assert user(b"on", b"OFF", b"On").flags() == [b"on", b"sanitize-payload"]
        assert user(b"skip-sanitize-payload").flags() == [b"off", b"skip-sanitize-payload"]
        assert user(b"skip-sanitize-payload", b"sanitize-payload").is_sanitizing
        assert user(b"nopass").flags() == [b"off", b"nopass", b"sanitize-payload"]

    def test_reset_makes_a_new_user(self) -> None:
        made = user(b"on", b">a", b"skip-sanitize-payload", b"~a", b"&c", b"+@all", b"(+get)", b"reset", b"")
        assert made.describe() == NEW

    def test_reset_follows_the_default_for_channels(self) -> None:
        made = User(b"u", catalog(), True)
        assert made.describe() == b"off sanitize-payload &* -@all"
        made.apply(b"resetchannels")
        made.apply(b"reset")
        made.apply(b"(+get)")
        assert made.describe() == b"off sanitize-payload &* -@all (&* -@all +get)"


def test_assigned_users_are_equal_and_apart() -> None:
    made = user(b"on", b">a", b"~a", b"(+get)", b"skip-sanitize-payload")
    other = user()
    other.assign(made)
    assert other.describe() == made.describe()
    other.apply(b">b")
    other.apply(b"~b")
    other.apply(b"clearselectors")
    assert made.describe() == (
        b"on skip-sanitize-payload #" + A + b" ~a resetchannels -@all (resetchannels -@all +get)"
    )
