"""Selectors: what each rule does, what it makes void, and how it is shown."""

from __future__ import annotations

import pytest

from pyredis.acl.catalog import family_bits
from pyredis.acl.rules import (
    BAD_RULE,
    CHANNEL_AFTER_ALL,
    FIRST_ARG_OF_SUBCOMMAND,
    PATTERN_AFTER_ALL,
    UNKNOWN_COMMAND,
    RuleError,
    UnmatchedParenthesis,
    has_blanks,
    merge_selectors,
)
from pyredis.acl.selector import Selector
from tests.support.acl import catalog, selector


def allows(made: Selector, name: bytes) -> bool:
    command = made.catalog.find(name)
    assert command is not None
    return made.commands & command.acl_bit != 0


def shown(*rules: bytes) -> bytes:
    return selector(*rules).describe_commands()


class TestCatalog:
    def test_every_command_has_its_own_bit(self) -> None:
        known = catalog()
        bits = [command.acl_bit for command in known.commands]
        assert len(set(bits)) == len(bits) > 200
        assert all(bit.bit_count() == 1 for bit in bits)
        assert sum(bits) == known.all_bits

    def test_names_are_found_in_any_case(self) -> None:
        known = catalog()
        assert known.find(b"GeT") is known.find(b"get") is not None
        assert known.find(b"Config|GET") is known.find(b"config|get") is not None
        assert known.find(b"config|nosuch") is known.find(b"get|x") is known.find(b"") is None

    def test_a_container_means_its_subcommands(self) -> None:
        known = catalog()
        config, config_get, get = known.find(b"config"), known.find(b"config|get"), known.find(b"get")
        assert config is not None
        assert config_get is not None
        assert get is not None
        assert family_bits(config) & config_get.acl_bit
        assert family_bits(get) == get.acl_bit

    def test_members_of_a_category(self) -> None:
        known = catalog()
        members = known.members(b"GEO")
        assert members is not None
        assert set(members) >= {b"geoadd", b"georadius", b"geosearch"}
        assert b"zadd" not in members
        assert known.members(b"nosuch") is known.category(b"nosuch") is None


class TestCommands:
    def test_a_new_selector_allows_nothing(self) -> None:
        made = selector()
        assert made.commands == 0
        assert made.describe() == b"resetchannels -@all"
        assert not made.is_unrestricted()

    @pytest.mark.parametrize("rule", [b"+@all", b"allcommands", b"+@ALL", b"AllCommands"])
    def test_all_commands(self, rule: bytes) -> None:
        made = selector(b"+get", b"+select|1", rule)
        assert made.commands == made.catalog.all_bits
        assert made.all_commands
        assert made.describe_commands() == b"+@all"
        assert made.first_args == {}

    @pytest.mark.parametrize("rule", [b"-@all", b"nocommands", b"NOCOMMANDS"])
    def test_no_commands(self, rule: bytes) -> None:
        made = selector(b"+@all", b"-get", b"+select|1", rule)
        assert made.commands == 0
        assert made.describe_commands() == b"-@all"

    def test_a_command(self) -> None:
        made = selector(b"+GET", b"+set", b"-SET")
        assert allows(made, b"get")
        assert not allows(made, b"set")
        assert made.describe_commands() == b"-@all +get -set"

    def test_a_container_and_its_subcommands(self) -> None:
        made = selector(b"+config", b"-config|set")
        assert allows(made, b"config")
        assert allows(made, b"config|get")
        assert not allows(made, b"config|set")

    def test_a_subcommand_alone(self) -> None:
        made = selector(b"+Config|GET")
        assert allows(made, b"config|get")
        assert not allows(made, b"config|set")
        assert made.describe_commands() == b"-@all +config|get"

    def test_a_category_takes_containers_with_their_subcommands(self) -> None:
        made = selector(b"+@all", b"-@slow")
        assert not allows(made, b"client")
        assert not allows(made, b"client|id")
        assert allows(made, b"get")

    def test_what_was_forbidden_once_is_not_all(self) -> None:
        made = selector(b"allkeys", b"allchannels", b"+@all", b"-get", b"+get")
        assert made.commands == made.catalog.all_bits
        assert not made.is_unrestricted()
        assert selector(b"allkeys", b"allchannels", b"+@all").is_unrestricted()


class TestShownRules:
    """As Redis since 7.2: in the order given, the last word on each command kept."""

    def test_the_order_stays(self) -> None:
        assert shown(b"+@all", b"-@dangerous", b"+info", b"-@hash", b"+hget") == (
            b"+@all -@dangerous +info -@hash +hget"
        )

    def test_a_rule_drops_an_earlier_one_about_the_same(self) -> None:
        assert shown(b"+get", b"+set", b"-get") == b"-@all +set -get"
        assert shown(b"+@hash", b"+get", b"-@HASH") == b"-@all +get -@hash"
        assert shown(b"+get", b"+get") == b"-@all +get"

    def test_a_container_drops_its_subcommands(self) -> None:
        assert shown(b"+client|list", b"-client|id", b"+get", b"+client") == (b"-@all +get +client")
        assert shown(b"+client", b"-client|list") == b"-@all +client -client|list"

    def test_a_command_drops_its_first_arguments(self) -> None:
        assert shown(b"+select|1", b"+select|2", b"-select") == b"-@all -select"

    def test_a_name_that_only_begins_alike_stays(self) -> None:
        assert shown(b"+getex", b"+getdel", b"-get") == b"-@all +getex +getdel -get"

    def test_a_category_keeps_rules_about_its_members(self) -> None:
        assert shown(b"+hget", b"-@hash") == b"-@all +hget -@hash"


class TestFirstArguments:
    def test_are_kept_apart_from_the_commands(self) -> None:
        made = selector(b"+select|0", b"+SELECT|X", b"+select|x")
        assert not allows(made, b"select")
        assert made.first_args == {b"select": [b"0", b"x"]}
        assert made.describe_commands() == b"-@all +select|0 +select|x"

    @pytest.mark.parametrize("rule", [b"+select", b"-select", b"+@connection", b"-@fast", b"+@all"])
    def test_end_with_a_rule_about_the_command(self, rule: bytes) -> None:
        assert selector(b"+select|0", rule).first_args == {}

    def test_stay_when_others_change(self) -> None:
        assert selector(b"+select|0", b"+get", b"-@hash").first_args == {b"select": [b"0"]}

    def test_cannot_be_forbidden(self) -> None:
        with pytest.raises(RuleError) as caught:
            selector(b"-select|0")
        assert caught.value.message == UNKNOWN_COMMAND


class TestKeysAndChannels:
    def test_patterns(self) -> None:
        made = selector(b"~a*", b"%R~b", b"%W~c", b"%RW~d", b"%wr~e")
        assert made.describe_keys() == b"~a* %R~b %W~c ~d ~e"

    def test_permissions_on_one_pattern_add_up(self) -> None:
        made = selector(b"%R~a", b"%W~a", b"%R~b", b"%R~b")
        assert made.describe_keys() == b"~a %R~b"

    def test_all_keys(self) -> None:
        assert selector(b"~a", b"allkeys").describe_keys() == b"~*"
        assert selector(b"~*").all_keys
        assert not selector(b"%RW~*").all_keys
        assert selector(b"~a", b"~*", b"resetkeys").describe_keys() == b""

    def test_without_a_name_it_is_the_key_without_one(self) -> None:
        assert selector(b"%R").describe_keys() == b"%R~"
        assert selector(b"~").describe_keys() == b"~"

    def test_channels(self) -> None:
        made = selector(b"&a", b"&b*", b"&a")
        assert made.describe_channels() == b"&a &b*"
        assert made.describe() == b"resetchannels &a &b* -@all"
        assert selector(b"&a", b"allchannels").describe() == b"&* -@all"
        assert selector(b"&*", b"resetchannels").describe_channels() == b""

    def test_a_copy_is_equal_and_apart(self) -> None:
        made = selector(b"+@all", b"-get", b"~a", b"&c", b"+get")
        copy = made.copy()
        assert copy.describe() == made.describe()
        copy.apply(b"~b")
        copy.apply(b"%R~a")
        copy.apply(b"&d")
        copy.apply(b"-set")
        copy.apply(b"+select|1")
        assert made.describe() == b"~a resetchannels &c +@all +get"
        assert copy.describe() == b"~a ~b resetchannels &c &d +@all +get -set +select|1"


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([b"+nosuch"], UNKNOWN_COMMAND),
        ([b"+"], UNKNOWN_COMMAND),
        ([b"-"], UNKNOWN_COMMAND),
        ([b"+|"], UNKNOWN_COMMAND),
        ([b"+@nosuch"], UNKNOWN_COMMAND),
        ([b"-@"], UNKNOWN_COMMAND),
        ([b"+config|nosuch"], UNKNOWN_COMMAND),
        ([b"+nosuch|get"], UNKNOWN_COMMAND),
        ([b"+config|get|x"], FIRST_ARG_OF_SUBCOMMAND),
        ([b"+get|"], BAD_RULE),
        ([b"+select|a b"], BAD_RULE),
        ([b"%~a"], BAD_RULE),
        ([b"%RR~a"], BAD_RULE),
        ([b"%X~a"], BAD_RULE),
        ([b"%"], BAD_RULE),
        ([b"~a b"], BAD_RULE),
        ([b"~a\0"], BAD_RULE),
        ([b"&a\tb"], BAD_RULE),
        ([b"nosuch"], BAD_RULE),
        ([b"on"], BAD_RULE),
        ([b"\0"], BAD_RULE),
        ([b"allkeys", b"~a"], PATTERN_AFTER_ALL),
        ([b"allkeys", b"%~a b"], PATTERN_AFTER_ALL),
        ([b"&*", b"&a"], CHANNEL_AFTER_ALL),
    ],
)
def test_what_makes_no_sense(rules: list[bytes], message: bytes) -> None:
    made = selector(*rules[:-1])
    before = made.describe()
    with pytest.raises(RuleError) as caught:
        made.apply(rules[-1])
    assert caught.value.message == message
    assert made.describe() == before


def test_words_end_at_a_nul() -> None:
    assert selector(b"allkeys\0x", b"+get\0y").describe() == b"~* resetchannels -@all +get"


class TestMergedWords:
    def test_words_between_parentheses_are_one_rule(self) -> None:
        words = [b"on", b"(~a", b"+get", b")", b"off", b"(+set)", b"(", b"~b)"]
        assert merge_selectors(words) == [b"on", b"(~a +get )", b"off", b"(+set)", b"( ~b)"]

    def test_a_parenthesis_inside_is_a_word(self) -> None:
        assert merge_selectors([b"(a", b"(b", b"c)"]) == [b"(a (b c)"]

    def test_one_that_does_not_end(self) -> None:
        with pytest.raises(UnmatchedParenthesis) as caught:
            merge_selectors([b"on", b"(~a", b"+get"])
        assert caught.value.start == b"(~a"

    def test_blanks(self) -> None:
        assert [has_blanks(text) for text in (b"", b"a", b"a b", b"a\n", b"\0", b"\xa0\x85")] == [
            False, False, True, True, True, False,
        ]  # fmt: skip
