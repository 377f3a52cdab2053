"""The notation of command syntax: each form, that any tree can be written in it, and Redis's own trees."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.docs import DocValue, argument_fields, argument_flags, documented_arguments
from pyredis.commands.syntax import (
    BLOCK,
    DEFAULT_TYPES,
    KEY,
    ONEOF,
    PURE_TOKEN,
    STRING,
    VALUE_TYPES,
    Argument,
    parse_syntax,
    render_syntax,
)
from tests.support.servers import RedisServer, find_redis_server
from tests.support.wire import Tree, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

SET = (
    "key value [condition:(NX | XX) @2.6.12] [GET @6.2.0] [expiration:(EX seconds @2.6.12"
    " | PX milliseconds @2.6.12 | EXAT unix-time-seconds @6.2.0"
    " | PXAT unix-time-milliseconds @6.2.0 | KEEPTTL @6.0.0)]"
)


class Writer:
    """Writes argument trees in the notation, each in its shortest form; the inverse of the parser."""

    def __init__(self) -> None:
        self.next_key_spec = 0

    def sequence(self, arguments: list[Argument]) -> str:
        """Writes arguments side by side."""
        return " ".join(
            self.argument(argument, before_value=follower is not None and is_bare_value(follower))
            for argument, follower in zip(arguments, [*arguments, None][1:], strict=True)
        )

    def argument(self, argument: Argument, before_value: bool = False) -> str:
        """Writes one argument; a pure token right before a value must not swallow it, so it is named."""
        if argument.optional and is_unmarked_group(argument):
            return f"[{self.group(argument)}]"
        if argument.type == PURE_TOKEN:
            text = self.pure_token(argument, before_value and not argument.optional)
        elif argument.is_group():
            name = "" if has_default_name(argument) else word(argument.name) + ":"
            text = f"{name}({self.group(argument)})"
        else:
            text = self.value(argument)
        if argument.type != PURE_TOKEN and argument.token is not None:
            text = f"{argument.token}{'...' * argument.multiple_token} {text}"
        if argument.multiple and not argument.multiple_token:
            text += "..."
        if argument.since or argument.deprecated_since:
            text += f" @{argument.since or ''}"
            text += f"..{argument.deprecated_since}" if argument.deprecated_since else ""
        return f"[{text}]" if argument.optional else text

    def group(self, argument: Argument) -> str:
        """Writes what stands between the brackets of a group."""
        if argument.type == BLOCK:
            return self.sequence(argument.arguments)
        return " | ".join(
            self.sequence(part.arguments)
            if part.type == BLOCK and not part.optional and is_unmarked_group(part)
            else self.argument(part)
            for part in argument.arguments
        )

    def value(self, argument: Argument) -> str:
        """Writes a name with the type, text and key specification that do not follow from it."""
        text = word(argument.name)
        if argument.type != DEFAULT_TYPES.get(argument.name, STRING):
            text += f":{argument.type}"
        if argument.display_text != argument.name:
            text += f"<{argument.display_text}>"
        if argument.key_spec_index is not None:
            if argument.type != KEY or argument.key_spec_index != self.next_key_spec:
                text += f"#{argument.key_spec_index}"
            self.next_key_spec = max(self.next_key_spec, argument.key_spec_index + 1)
        return text

    def pure_token(self, argument: Argument, named: bool) -> str:
        """Writes a pure token, its name only where it differs or is needed."""
        assert argument.token is not None
        is_word = re.fullmatch(r"[A-Z][A-Z0-9_/-]*", argument.token) is not None
        if is_word and argument.name == argument.token.lower() and not named:
            return argument.token
        token = argument.token if is_word else f'"{argument.token}"'
        return f"{word(argument.name)}={token}"


def word(name: str) -> str:
    return name if re.fullmatch(r"[a-z0-9][a-z0-9_/-]*", name) else f'"{name}"'


def has_default_name(group: Argument) -> bool:
    return group.name == "_".join(part.name for part in group.arguments)


def is_bare_value(argument: Argument) -> bool:
    return not argument.optional and argument.token is None


def is_unmarked_group(argument: Argument) -> bool:
    """Tells whether the parts alone say all about a group, so that it needs no parentheses of its own."""
    if len(argument.arguments) < 2 or not has_default_name(argument):
        return False
    is_marked = argument.multiple or argument.since or argument.deprecated_since
    return argument.token is None and not is_marked


def fields_of(arguments: list[Argument]) -> list[DocValue]:
    return [argument_fields(argument) for argument in arguments]


def outline(text: str) -> str:
    """The tree of a syntax in one line, as far as types and flags go."""
    return " ".join(outline_of(argument) for argument in parse_syntax(text))


def outline_of(argument: Argument) -> str:
    flags = "".join(flag[0] if flag != "multiple_token" else "t" for flag in argument_flags(argument))
    token = "" if argument.token is None else f"{argument.token}>"
    parts = f"({' '.join(outline_of(part) for part in argument.arguments)})" if argument.is_group() else ""
    return f"{token}{argument.name}:{argument.type}{'/' + flags if flags else ''}{parts}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("key value", "key:key value:string"),
        ("value:integer", "value:integer"),
        ("ASYNC", "ASYNC>async:pure-token"),
        ("change=CH", "CH>change:pure-token"),
        ('equal="="', "=>equal:pure-token"),
        ('empty_string=""', ">empty_string:pure-token"),
        ("COUNT count", "COUNT>count:integer"),
        ("fields=FIELDS numfields", "FIELDS>fields:pure-token numfields:integer"),
        ("NO ONE", "NO>no:pure-token ONE>one:pure-token"),
        ("(field value)", "field_value:block(field:string value:string)"),
        ("data:(field value)", "data:block(field:string value:string)"),
        ("(ASC | DESC)", "asc_desc:oneof(ASC>asc:pure-token DESC>desc:pure-token)"),
        ("LIMIT (offset count)", "LIMIT>offset_count:block(offset:integer count:integer)"),
        ("(pattern)...", "pattern:block/m(pattern:pattern)"),
        ("[count]", "count:integer/o"),
        ("[start end]", "start_end:block/o(start:integer end:integer)"),
        ("[ASC | DESC]", "asc_desc:oneof/o(ASC>asc:pure-token DESC>desc:pure-token)"),
        ("key...", "key:key/m"),
        ("[key ...]", "key:key/om"),
        ("[KEYS key...]", "KEYS>key:key/om"),
        ("[GET... pattern]", "GET>pattern:pattern/omt"),
        ("REPEAT...", "REPEAT>repeat:pure-token/m"),
        ("(A x | y z)", "x_y_z:oneof(A>x:string y_z:block(y:string z:string))"),
        ('"ip:port"', "ip:port:string"),
    ],
)
def test_each_form_of_the_notation(text: str, expected: str) -> None:
    assert outline(text) == expected


def test_versions_end_an_argument() -> None:
    since, both, until, none = parse_syntax("[GET @6.2.0] x @1.0.0..7.0.0 (a | b) @..2.8.12 y")
    assert (since.since, since.deprecated_since, since.optional) == ("6.2.0", None, True)
    assert (both.since, both.deprecated_since) == ("1.0.0", "7.0.0")
    assert (until.since, until.deprecated_since) == (None, "2.8.12")
    assert (none.since, none.deprecated_since) == (None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("source destination value", [0, 1, None]),
        ("key1 key2#0", [0, 0]),
        ("key [BY pattern#1] [GET... pattern#1] [STORE destination]", [0, 1, 1, 2]),
        ("key:string key", [None, 0]),
        ("key#3 destination", [3, 4]),
    ],
)
def test_keys_take_the_next_specification_unless_told(text: str, expected: list[int | None]) -> None:
    assert [argument.key_spec_index for argument in parse_syntax(text)] == expected


def test_display_text_is_the_name_unless_told() -> None:
    shown, plain = parse_syntax("ADDR addr<ip:port> key")
    assert (shown.name, shown.display_text, shown.type) == ("addr", "ip:port", STRING)
    assert plain.display_text == "key"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[key", "unexpected end"),
        ("key)", "unexpected ')'"),
        ("key | value", "'|' outside"),
        ("(a | )", "empty alternative"),
        ("[]", "empty alternative"),
        ("[[key]]", "optional already"),
        ("GET... pattern...", "repeats already"),
        ("value:integr", "'integr' is no type"),
        ("value:", "unexpected end"),
        ("change=ch", "'ch' is no token"),
        ("GET name=NAME x=", "unexpected end"),
        ("key@", "unexpected '@'"),
        ("key @6.2.", "unexpected '.'"),
        ("key<", "unexpected '<'"),
        ('x="', "unexpected '\"'"),
        ("é", "unexpected 'é'"),
        ("key #", "unexpected '#'"),
        ('"ip:port', "unexpected '\"'"),
        ('""', "unexpected '\"\"'"),
        ("[GET] @6.2.0", "unexpected '@6.2.0'"),
        ("Key", "unexpected 'Key'"),
        ("key; value", "unexpected ';'"),
    ],
)
def test_a_text_outside_the_notation_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)) as caught:
        parse_syntax(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        (
            SET,
            "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds"
            " | PXAT unix-time-milliseconds | KEEPTTL]",
        ),
        ("(key value)...", "key value [key value ...]"),
        (
            "numkeys key... where:(LEFT | RIGHT) [COUNT count]",
            "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        ),
        ("key [BY pattern#1] [GET... pattern#1]", "key [BY pattern] [GET pattern [GET pattern ...]]"),
        ("[AGGREGATE aggregate:(SUM | MIN)]", "[AGGREGATE <SUM | MIN>]"),
        ('key... (key | empty_string="") [KEYS key...]', 'key [key ...] <key | ""> [KEYS key [key ...]]'),
        ("ADDR addr<ip:port>", "ADDR ip:port"),
        ("[CONFIG... configs:(name value)]", "[CONFIG name value [CONFIG name value ...]]"),
        ("[ARGS args:(arg)...]", "[ARGS arg [arg ...]]"),
        (
            "[operation:(GET (type offset) | write:([OVERFLOW mode:(WRAP | SAT)] op:(SET v | INCRBY v)))...]",
            "[GET type offset | [OVERFLOW <WRAP | SAT>] <SET v | INCRBY v>"
            " [GET type offset | [OVERFLOW <WRAP | SAT>] <SET v | INCRBY v> ...]]",
        ),
        ("(old | new:(ID id | [SKIP])...)", "<old | <ID id | [SKIP] [ID id | [SKIP] ...]>>"),
        ("[TO... to:(A | B)]", "[TO <A | B> [TO <A | B> ...]]"),
        ('id:(id | new_id="$")', "<id | $>"),
        (
            "by:(circle:(BYRADIUS radius unit:(M | KM)) | box:(BYBOX width height unit:(M | KM)))",
            "<BYRADIUS radius <M | KM> | BYBOX width height <M | KM>>",
        ),
    ],
)
def test_the_line_for_readers(text: str, line: str) -> None:
    assert render_syntax(parse_syntax(text)) == line


def test_fields_come_in_redis_order_and_only_where_they_say_something() -> None:
    (argument,) = parse_syntax("[GET... pattern<glob>#1 @1.0.0..7.0.0]")
    assert list(argument_fields(argument).items()) == [
        ("name", "pattern"),
        ("type", "pattern"),
        ("display_text", "glob"),
        ("key_spec_index", 1),
        ("token", "GET"),
        ("since", "1.0.0"),
        ("deprecated_since", "7.0.0"),
        ("flags", ("optional", "multiple", "multiple_token")),
    ]
    (group,) = parse_syntax("LIMIT (offset count)")
    assert list(argument_fields(group)) == ["name", "type", "token", "arguments"]
    assert fields_of(group.arguments) == [
        {"name": "offset", "type": "integer", "display_text": "offset"},
        {"name": "count", "type": "integer", "display_text": "count"},
    ]


names = st.sampled_from(
    ["key", "count", "value", "min", "x-y_z", "ip:port", "yes/no", "Odd Name", "destination"]
)
tokens = st.sampled_from(["GET", "NO-TOUCH", "LIB_2", "KEY"])
versions = st.none() | st.sampled_from(["1.0.0", "7.4.0"])


@st.composite
def values(draw: st.DrawFn) -> Argument:
    """A value or pure token that the notation has to be able to write."""
    if draw(st.booleans()):
        token = draw(tokens | st.sampled_from(["", "=", "$", "a b"]))
        argument = Argument(draw(names | st.just(token.lower() or "none")), PURE_TOKEN)
        argument.token = token
    else:
        argument = Argument(draw(names), draw(st.sampled_from(sorted(VALUE_TYPES))))
        argument.token = draw(st.none() | tokens)
        argument.display_text = draw(st.sampled_from([argument.name, "shown text"]))
        if argument.type == KEY or draw(st.booleans()):
            argument.key_spec_index = draw(st.integers(0, 3))
    return draw(flagged(argument))


@st.composite
def flagged(draw: st.DrawFn, argument: Argument) -> Argument:
    """Adds versions and flags; a token can repeat only where there is one before a value."""
    argument.since = draw(versions)
    argument.deprecated_since = draw(versions)
    argument.optional = draw(st.booleans())
    argument.multiple = draw(st.booleans())
    if argument.multiple and argument.token is not None and argument.type != PURE_TOKEN:
        argument.multiple_token = draw(st.booleans())
    return argument


@st.composite
def groups(draw: st.DrawFn, parts: st.SearchStrategy[Argument]) -> Argument:
    """A block or one-of, under a name of its own or the one made of its parts."""
    kind = draw(st.sampled_from([BLOCK, ONEOF]))
    arguments = draw(st.lists(parts, min_size=1 if kind == BLOCK else 2, max_size=3))
    argument = Argument(draw(st.just("_".join(part.name for part in arguments)) | names), kind)
    argument.arguments = arguments
    argument.token = draw(st.none() | tokens)
    return draw(flagged(argument))


trees = st.lists(st.recursive(values(), groups, max_leaves=6), max_size=4)


@given(trees)
def test_every_tree_can_be_written_and_read_back(arguments: list[Argument]) -> None:
    text = Writer().sequence(arguments)
    assert fields_of(parse_syntax(text)) == fields_of(arguments), text


@given(st.text(alphabet='kK[]()|.=:#@<>" 1_-', max_size=20))
def test_any_text_is_either_read_or_refused(text: str) -> None:
    try:
        arguments = parse_syntax(text)
    except ValueError:
        return
    assert fields_of(parse_syntax(Writer().sequence(arguments))) == fields_of(arguments)


@pytest.fixture(scope="module")
def oracle_documentation() -> Iterator[dict[str, Tree]]:
    """The arguments that a real server documents, per command and subcommand, in RESP3."""
    if find_redis_server() is None:
        pytest.skip("redis-server is not installed")
    with RedisServer() as server, server.connect() as connection:
        connection.command("HELLO", "3")
        yield dict(arguments_of_commands(decode(connection.command("COMMAND", "DOCS"))))


def arguments_of_commands(documentation: Tree) -> Iterator[tuple[str, Tree]]:
    for name, documented in pairs(documentation):
        fields = dict(pairs(documented))
        yield name, fields.get("arguments", [])
        if "subcommands" in fields:
            yield from arguments_of_commands(fields["subcommands"])


def pairs(tree: Tree) -> list[tuple[str, Tree]]:
    """The entries of a decoded map whose keys are text."""
    assert isinstance(tree, tuple)
    assert tree[0] == "map"
    entries = tree[1]
    assert isinstance(entries, list)
    result: list[tuple[str, Tree]] = []
    for entry in entries:
        assert isinstance(entry, tuple)
        key, value = entry
        assert isinstance(key, bytes)
        result.append((key.decode(), value))
    return result


def argument_from(tree: Tree) -> Argument:
    """Builds an argument from its map in a reply."""
    fields = dict(pairs(tree))
    argument = Argument(text_of(fields["name"]) or "", text_of(fields["type"]) or "")
    argument.token = text_of(fields.get("token"))
    argument.since = text_of(fields.get("since"))
    argument.deprecated_since = text_of(fields.get("deprecated_since"))
    if "key_spec_index" in fields:
        index = fields["key_spec_index"]
        assert isinstance(index, int)
        argument.key_spec_index = index
    flags = repr(fields.get("flags"))
    argument.optional = "b'optional'" in flags
    argument.multiple = "b'multiple'" in flags
    argument.multiple_token = "b'multiple_token'" in flags
    parts = fields.get("arguments", [])
    assert isinstance(parts, list)
    argument.arguments = [argument_from(part) for part in parts]
    return argument


def text_of(tree: Tree | None) -> str | None:
    return tree.decode() if isinstance(tree, bytes) else None


def reply_tree(value: DocValue) -> Tree:
    """A plain structure of `docs` as it would come back from the wire; Redis 7.0 sends no display_text."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, tuple):
        return ("set", [("status", flag.encode()) for flag in value])
    if isinstance(value, dict):
        items = [(name.encode(), reply_tree(item)) for name, item in value.items() if name != "display_text"]
        return ("map", list(items))
    if isinstance(value, list):
        return [reply_tree(item) for item in value]
    return value


def test_every_command_of_redis_can_be_declared(oracle_documentation: dict[str, Tree]) -> None:
    """Tree to text to tree, compared as decoded replies: names, types, order of fields, flags."""
    assert len(oracle_documentation) > 360
    for name, documented in oracle_documentation.items():
        assert isinstance(documented, list)
        text = Writer().sequence([argument_from(tree) for tree in documented])
        assert reply_tree(documented_arguments(text)) == documented, f"{name}: {text}"
