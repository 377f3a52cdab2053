"""The declarations of all commands, beside what a real redis-server says of its own.

Everything that COMMAND INFO and COMMAND DOCS report is compared, apart from the wording of summaries,
histories and complexities. Redis 7.0 answers and 7.4 is followed, so each change in between is listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from pyredis.acl.categories import ACL_CATEGORIES
from pyredis.commands import all_specs
from pyredis.commands.docs import summary
from pyredis.commands.syntax import BLOCK, ONEOF, PURE_TOKEN, Argument, parse_syntax, render_syntax
from tests.support.inprocess import InProcess
from tests.support.servers import RedisServer, find_redis_server
from tests.support.wire import Tree, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyredis.engine.command import CommandSpec

Facts = dict[str, Any]

NEWER: Final = frozenset(
    (
        "client|no-touch", "client|setinfo", "cluster|myshardid", "waitaof", "hexpire", "hpexpire",
        "hexpireat", "hpexpireat", "hpersist", "hexpiretime", "hpexpiretime", "httl", "hpttl",
        "hgetdel", "hgetex", "hsetex",
    )
)  # fmt: skip
"""Commands that Redis 7.0 does not have."""

SYNTAX_7_4: Final = {
    "bitop": "<AND | OR | XOR | NOT> destkey key [key ...]",
    "client|kill": (
        "<ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username]"
        " | [ADDR ip:port] | [LADDR ip:port] | [SKIPME <YES | NO>] | [MAXAGE maxage] [[ID client-id]"
        " | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | [ADDR ip:port]"
        " | [LADDR ip:port] | [SKIPME <YES | NO>] | [MAXAGE maxage] ...]>>"
    ),
    "client|list": "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
    "hscan": "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
    "pfmerge": "destkey [sourcekey [sourcekey ...]]",
    "sort": (
        "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]"
        " [STORE destination]"
    ),
    "sort_ro": "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]",
    "zrank": "key member [WITHSCORE]",
    "zrevrank": "key member [WITHSCORE]",
}
"""Commands whose arguments 7.4 declares otherwise than 7.0: the line of syntax that it documents."""

DIFFERENCES: Final[dict[tuple[str, str], str]] = {
    ("quit", "doc_flags"): "7.2 deprecates it",
    ("quit", "deprecated_since"): "7.2 deprecates it",
    ("quit", "replaced_by"): "7.2 deprecates it",
    ("acl|log", "history"): "7.2 adds fields",
    ("client|kill", "history"): "7.4 adds MAXAGE",
    ("client|list", "history"): "7.2 adds lib-name and lib-ver, 7.4 watch",
    ("xinfo|consumers", "history"): "7.2 adds a field",
    ("xinfo|stream", "history"): "7.2 adds a field",
    ("zrank", "history"): "7.2 adds WITHSCORE",
    ("zrevrank", "history"): "7.2 adds WITHSCORE",
    ("zrank", "arity"): "7.2 adds WITHSCORE",
    ("zrevrank", "arity"): "7.2 adds WITHSCORE",
    ("blmove", "flags"): "7.2 allows it in scripts",
    ("blpop", "flags"): "7.2 allows it in scripts",
    ("brpop", "flags"): "7.2 allows it in scripts",
    ("brpoplpush", "flags"): "7.2 allows it in scripts",
    ("bzpopmax", "flags"): "7.2 allows it in scripts",
    ("bzpopmin", "flags"): "7.2 allows it in scripts",
    ("wait", "flags"): "7.2 allows it in scripts",
    ("wait", "categories"): "7.2 has the flag blocking",
    **{(name, "arguments"): "see SYNTAX_7_4" for name in SYNTAX_7_4},
}
"""What 7.4 declares otherwise than 7.0: command and field."""

GROUPS: Final = frozenset(
    (
        "generic", "string", "list", "set", "sorted-set", "hash", "stream", "bitmap", "hyperloglog", "geo",
        "pubsub", "transactions", "scripting", "connection", "server", "cluster",
    )
)  # fmt: skip
INFO_FIELDS: Final = ("name", "arity", "flags", "first", "last", "step", "categories", "tips", "keys")


def plain(tree: Tree) -> Any:
    """A decoded reply with strings for bytes and dicts for maps; sets and arrays alike are lists."""
    if isinstance(tree, bytes):
        return tree.decode()
    if isinstance(tree, list):
        return [plain(item) for item in tree]
    if isinstance(tree, tuple):
        kind, value = tree
        if kind == "map":
            assert isinstance(value, list)
            return {plain(entry[0]): plain(entry[1]) for entry in value if isinstance(entry, tuple)}
        if kind == "set":
            assert isinstance(value, list)
            return [plain(item) for item in value]
        return plain(value)
    return tree


def facts_of(info: Tree, docs: Tree) -> dict[str, Facts]:
    """Everything that COMMAND and COMMAND DOCS say, by full name of command or subcommand."""
    facts: dict[str, Facts] = {}
    _collect_info(plain(info), facts)
    _collect_docs(plain(docs), facts)
    return facts


def _collect_info(entries: list[Any], facts: dict[str, Facts]) -> None:
    for entry in entries:
        *fields, subcommands = entry
        facts[entry[0]] = dict(zip(INFO_FIELDS, fields, strict=True))
        _collect_info(subcommands, facts)


def _collect_docs(entries: dict[str, Any], facts: dict[str, Facts]) -> None:
    for name, fields in entries.items():
        _collect_docs(fields.pop("subcommands", {}), facts)
        facts[name].update(fields)


@pytest.fixture(scope="module")
def ours() -> dict[str, Facts]:
    client = InProcess().client()
    client.session.set_protocol(3)
    return facts_of(decode(client.command("COMMAND")), decode(client.command("COMMAND", "DOCS")))


@pytest.fixture(scope="module")
def theirs() -> Iterator[dict[str, Facts]]:
    if find_redis_server() is None:
        pytest.skip("redis-server is not installed")
    with RedisServer() as server, server.connect() as connection:
        connection.command("HELLO", "3")
        info = decode(connection.command("COMMAND"))
        yield facts_of(info, decode(connection.command("COMMAND", "DOCS")))


def comparable(arguments: Any) -> Any:
    """Arguments without what 7.2 changed all over: it adds `display_text`, and groups have other names."""
    if isinstance(arguments, list):
        return [comparable(argument) for argument in arguments]
    if isinstance(arguments, dict):
        ignored = {"display_text", "name"} if arguments.get("type") in (BLOCK, ONEOF) else {"display_text"}
        return {name: comparable(value) for name, value in arguments.items() if name not in ignored}
    return arguments


def versions(history: Any) -> list[str]:
    """The versions of a history, which is told in our own words."""
    return [version for version, _ in history or []]


def difference(field: str, our: Facts, their: Facts) -> str | None:
    """What differs in one field, or None."""
    left, right = comparable(our.get(field)), comparable(their.get(field))
    if field in ("summary", "complexity"):
        left, right = bool(left), bool(right)
    if field == "history":
        left, right = versions(left), versions(right)
    return None if left == right else f"{field}: ours {left!r}, Redis's {right!r}"


def test_there_is_no_command_that_redis_lacks(ours: dict[str, Facts], theirs: dict[str, Facts]) -> None:
    assert set(ours) - set(theirs) == NEWER & set(ours)


def test_every_declaration_says_what_redis_says(ours: dict[str, Facts], theirs: dict[str, Facts]) -> None:
    problems: list[str] = []
    for name in sorted(set(ours) & set(theirs)):
        for field in sorted(set(ours[name]) | set(theirs[name])):
            found = difference(field, ours[name], theirs[name])
            if found is not None and (name, field) not in DIFFERENCES:
                problems.append(f"{name}: {found}")
    assert not problems, "\n".join(problems)


def test_every_listed_difference_is_one(ours: dict[str, Facts], theirs: dict[str, Facts]) -> None:
    for name, field in DIFFERENCES:
        if name in ours:
            assert difference(field, ours[name], theirs[name]) is not None, f"{name} {field} is the same"


def test_syntax_that_changed_is_that_of_7_4() -> None:
    specs = {spec.name.lower().replace(" ", "|"): spec for spec in all_specs()}
    for name, line in SYNTAX_7_4.items():
        if name in specs:
            assert render_syntax(parse_syntax(specs[name].syntax)) == line


def spec_ids(spec: CommandSpec) -> str:
    return spec.name


@pytest.mark.parametrize("spec", all_specs(), ids=spec_ids)
class TestDeclaration:
    def test_is_complete(self, spec: CommandSpec) -> None:
        assert spec.group in GROUPS
        assert summary(spec), "the handler has no docstring"
        assert summary(spec)[0].isupper()
        assert spec.complexity or spec.name in ("LOLWUT", "MONITOR")
        assert all(category in ACL_CATEGORIES for category in spec.acl)

    def test_arity_fits_the_syntax(self, spec: CommandSpec) -> None:
        words = len(spec.name.split())
        if not spec.syntax and (spec.handler is None or spec.name in UNDOCUMENTED_ARGUMENTS):
            return
        arguments = parse_syntax(spec.syntax)
        least = words + sum(least_words(argument) for argument in arguments)
        assert abs(spec.arity) == least + ARITY_EXTRA.get(spec.name, 0)
        is_fixed = all(has_fixed_length(argument) for argument in arguments)
        assert (spec.arity > 0) == is_fixed or spec.name in LENIENT

    def test_keys_fit_the_syntax(self, spec: CommandSpec) -> None:
        indexes = [index for argument in parse_syntax(spec.syntax) for index in key_indexes(argument)]
        assert all(index < len(spec.keys) for index in indexes)
        if all(b"not_key" in key.flags for key in spec.keys):
            assert not indexes


UNDOCUMENTED_ARGUMENTS: Final = frozenset(
    ("COMMAND", "COMMAND GETKEYS", "COMMAND GETKEYSANDFLAGS", "DEBUG", "REPLCONF")
)
"""Commands whose documented arguments are left out, or that have subcommands and a form of their own."""

ARITY_EXTRA: Final = {"CLIENT KILL": 1, "GEOHASH": -1, "GEOPOS": -1}
"""Where Redis itself is at odds: how many arguments it requires beyond those that the syntax requires."""

LENIENT: Final = frozenset(("QUIT", "PSYNC"))
"""Commands that take, and ignore, more arguments than their syntax has."""


def least_words(argument: Argument) -> int:
    """The fewest words that an argument can be given as."""
    if argument.optional:
        return 0
    if argument.type == ONEOF:
        words = min(least_words(part) for part in argument.arguments)
    elif argument.type == BLOCK:
        words = sum(least_words(part) for part in argument.arguments)
    else:
        words = 1
    return words + (argument.token is not None and argument.type != PURE_TOKEN)


def has_fixed_length(argument: Argument) -> bool:
    """Whether an argument always takes the same number of words."""
    if argument.optional or argument.multiple:
        return False
    lengths = {least_words(part) for part in argument.arguments}
    if argument.type == ONEOF and len(lengths) > 1:
        return False
    return all(has_fixed_length(part) for part in argument.arguments)


def key_indexes(argument: Argument) -> list[int]:
    """The key specifications that an argument and its parts refer to."""
    own = [] if argument.key_spec_index is None else [argument.key_spec_index]
    return own + [index for part in argument.arguments for index in key_indexes(part)]
