"""COMMAND: what it says of commands, and where it finds keys; beside a real redis-server if there is one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

import pytest

from pyredis.commands import docs
from pyredis.commands.registry import CommandGroup, counted_keys, keyword_keys, unknown_keys
from pyredis.engine.command import CommandSpec, KeyPosition, KeySpec
from pyredis.engine.context import Context
from pyredis.engine.key_positions import all_flags, key_positions, legacy_range, takes_keys
from tests.support.inprocess import Client, InProcess
from tests.support.servers import RedisServer, find_redis_server
from tests.support.wire import RawConnection, Tree, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

SYNTAX: Final = b"-ERR syntax error\r\n"
NO_KEYS: Final = b"-ERR The command has no key arguments\r\n"
INVALID_COMMAND: Final = b"-ERR Invalid command specified\r\n"
INVALID_ARGUMENTS: Final = b"-ERR Invalid arguments specified for command\r\n"
INVALID_NUMBER: Final = b"-ERR Invalid number of arguments specified for command\r\n"


@pytest.fixture
def client() -> Client:
    return InProcess().client()


@pytest.fixture
def client3() -> Client:
    client = InProcess().client()
    client.session.set_protocol(3)
    return client


@pytest.fixture(scope="module")
def oracle() -> Iterator[RawConnection]:
    if find_redis_server() is None:
        pytest.skip("redis-server is not installed")
    with RedisServer() as server, server.connect() as connection:
        yield connection


class TestInfo:
    def test_resp2(self, client: Client) -> None:
        assert client.command("COMMAND", "INFO", "GET") == (
            b"*1\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
            b"*3\r\n+@read\r\n+@string\r\n+@fast\r\n*0\r\n"
            b"*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n"
            b"$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n"
            b"$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n"
            b"*6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n"
        )

    def test_resp3(self, client3: Client) -> None:
        assert client3.command("COMMAND", "INFO", "get") == (
            b"*1\r\n*10\r\n$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
            b"~3\r\n+@read\r\n+@string\r\n+@fast\r\n~0\r\n"
            b"~1\r\n%3\r\n$5\r\nflags\r\n~2\r\n+RO\r\n+access\r\n"
            b"$12\r\nbegin_search\r\n%2\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n%1\r\n$5\r\nindex\r\n:1\r\n"
            b"$9\r\nfind_keys\r\n%2\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n"
            b"%3\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n~0\r\n"
        )

    def test_subcommands_are_an_array_in_both_versions(self, client: Client, client3: Client) -> None:
        assert b"*5\r\n*10\r\n$10\r\nconfig|" in client.command("COMMAND", "INFO", "config")
        assert b"~0\r\n~0\r\n*5\r\n*10\r\n$10\r\nconfig|" in client3.command("COMMAND", "INFO", "config")

    def test_a_subcommand_is_named_with_a_bar(self, client: Client) -> None:
        assert client.command("COMMAND", "INFO", "CONFIG|Help") == (
            b"*1\r\n*10\r\n$11\r\nconfig|help\r\n:2\r\n*2\r\n+loading\r\n+stale\r\n:0\r\n:0\r\n:0\r\n"
            b"*1\r\n+@slow\r\n*0\r\n*0\r\n*0\r\n"
        )

    @pytest.mark.parametrize("name", ["nosuch", "config|nosuch", "get|x", "config|get|x", "config|", "|", ""])
    def test_unknown_names(self, client: Client, client3: Client, name: str) -> None:
        assert client.command("COMMAND", "INFO", name) == b"*1\r\n$-1\r\n"
        assert client3.command("COMMAND", "INFO", name) == b"*1\r\n_\r\n"

    def test_without_names_it_describes_all(self, client: Client) -> None:
        everything = client.command("COMMAND")
        assert client.command("COMMAND", "INFO") == everything
        count = int(client.command("COMMAND", "COUNT")[1:])
        assert everything.startswith(b"*%d\r\n" % count)

    def test_equals_redis_to_the_byte(self, client: Client, client3: Client, oracle: RawConnection) -> None:
        names = [
            "get", "command|list", "command|getkeys", "config|set", "info", "time", "role", "shutdown",
            "lolwut", "module|list", "ping", "nosuch",
        ]  # fmt: skip
        assert client.command("COMMAND", "INFO", *names) == oracle.command("COMMAND", "INFO", *names)
        oracle.command("HELLO", "3")
        assert client3.command("COMMAND", "INFO", *names) == oracle.command("COMMAND", "INFO", *names)
        oracle.command("HELLO", "2")


class TestDocs:
    def test_resp2(self, client: Client) -> None:
        assert client.command("COMMAND", "DOCS", "nosuch", "COMMAND|COUNT", "get|x") == (
            b"*2\r\n$13\r\ncommand|count\r\n*8\r\n$7\r\nsummary\r\n$61\r\n"
            b"Returns how many commands there are, not counting subcommands\r\n"
            b"$5\r\nsince\r\n$6\r\n2.8.13\r\n$5\r\ngroup\r\n$6\r\nserver\r\n$10\r\ncomplexity\r\n$4\r\nO(1)\r\n"
        )

    def test_all_fields_in_resp3(self, client3: Client) -> None:
        tree = decode(client3.command("COMMAND", "DOCS", "config|set"))
        fields = _map(_map(tree)[b"config|set"])
        assert list(fields) == [b"summary", b"since", b"group", b"complexity", b"history", b"arguments"]
        assert fields[b"history"] == (
            "set", [[b"7.0.0", b"Added the ability to set multiple parameters in one call."]],
        )  # fmt: skip
        block = _map(_list(fields[b"arguments"])[0])
        assert block[b"flags"] == ("set", [("status", b"multiple")])
        parameter = _map(_list(block[b"arguments"])[0])
        assert parameter == {b"name": b"parameter", b"type": b"string", b"display_text": b"parameter"}

    def test_a_deprecated_command(self, client3: Client) -> None:
        fields = _map(_map(decode(client3.command("COMMAND", "DOCS", "quit")))[b"quit"])
        assert fields[b"doc_flags"] == ("set", [("status", b"deprecated")])
        assert fields[b"deprecated_since"] == b"7.2.0"
        assert list(fields)[4:6] == [b"doc_flags", b"deprecated_since"]

    def test_subcommands_are_a_map_of_full_names(self, client3: Client) -> None:
        fields = _map(_map(decode(client3.command("COMMAND", "DOCS", "config")))[b"config"])
        assert list(fields)[-1] == b"subcommands"
        assert set(_map(fields[b"subcommands"])) == {
            b"config|get", b"config|set", b"config|resetstat", b"config|rewrite", b"config|help",
        }  # fmt: skip

    def test_all(self, client: Client, client3: Client) -> None:
        count = int(client.command("COMMAND", "COUNT")[1:])
        assert client.command("COMMAND", "DOCS").startswith(b"*%d\r\n" % (2 * count))
        assert len(_map(decode(client3.command("COMMAND", "DOCS")))) == count

    def test_nothing_known(self, client: Client, client3: Client) -> None:
        assert client.command("COMMAND", "DOCS", "nosuch") == b"*0\r\n"
        assert client3.command("COMMAND", "DOCS", "nosuch") == b"%0\r\n"


def undocumented(ctx: Context, argv: list[bytes]) -> bytes:
    return b"+OK\r\n"


def test_compiled_handlers_have_their_summaries_from_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compilation drops docstrings, so the build keeps their first lines by module and name."""
    spec = CommandSpec("X", undocumented, "", 1, 0, (), (), "", "", "", (), (), None, "", None, False)
    assert docs.summary(spec) == ""
    monkeypatch.setitem(docs._kept_summaries, f"{__name__}.undocumented", "Does nothing.")
    assert docs.summary(spec) == "Does nothing"


class TestList:
    def test_all_with_subcommands(self, client: Client) -> None:
        names = _list(decode(client.command("COMMAND", "LIST")))
        assert b"get" in names
        assert b"config|set" in names
        assert b"CONFIG" not in names
        assert len(names) == len(set(map(repr, names)))
        top = [name for name in names if isinstance(name, bytes) and b"|" not in name]
        assert client.command("COMMAND", "COUNT") == b":%d\r\n" % len(top)

    def test_filters(self, client: Client) -> None:
        reply = client.command("COMMAND", "LIST", "filterby", "pattern", "*NFIG|s*")
        assert reply == b"*1\r\n$10\r\nconfig|set\r\n"
        assert client.command("COMMAND", "LIST", "FILTERBY", "MODULE", "json") == b"*0\r\n"
        assert client.command("COMMAND", "LIST", "FILTERBY", "ACLCAT", "nosuch") == b"*0\r\n"
        transactions = _list(decode(client.command("COMMAND", "LIST", "FILTERBY", "ACLCAT", "TransAction")))
        assert set(map(bytes, _bytes(transactions))) == {b"multi", b"exec", b"discard", b"watch", b"unwatch"}

    @pytest.mark.parametrize(
        "words",
        ["x", "FILTERBY", "FILTERBY PATTERN", "FILTERBY PATTERN a b", "FILTERBY NOSUCH a", "NOT PATTERN a"],
    )
    def test_errors(self, client: Client, words: str) -> None:
        assert client.command("COMMAND", "LIST", *words.split()) == SYNTAX


class TestGetKeys:
    def test_keys(self, client: Client) -> None:
        assert client.command("COMMAND", "GETKEYS", "GET", "k") == b"*1\r\n$1\r\nk\r\n"
        assert client.command("COMMAND", "GETKEYS", "watch", "a", "b") == b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"

    def test_flags(self, client: Client, client3: Client) -> None:
        request = ("COMMAND", "GETKEYSANDFLAGS", "get", "k")
        assert client.command(*request) == b"*1\r\n*2\r\n$1\r\nk\r\n*2\r\n+RO\r\n+access\r\n"
        assert client3.command(*request) == b"*1\r\n*2\r\n$1\r\nk\r\n~2\r\n+RO\r\n+access\r\n"

    def test_flags_that_follow_from_the_options(self, client: Client) -> None:
        request = ("COMMAND", "GETKEYSANDFLAGS", "set", "k", "v")
        assert client.command(*request) == b"*1\r\n*2\r\n$1\r\nk\r\n*2\r\n+OW\r\n+update\r\n"
        reply = b"*1\r\n*2\r\n$1\r\nk\r\n*3\r\n+RW\r\n+access\r\n+update\r\n"
        assert client.command(*request, "Get") == reply

    @pytest.mark.parametrize(
        ("words", "reply"),
        [
            ("nosuch a", INVALID_COMMAND),
            ("config nosuch", INVALID_COMMAND),
            ("config|get a", INVALID_COMMAND),
            ("ping a", NO_KEYS),
            ("config get a", NO_KEYS),
            ("ssubscribe a", NO_KEYS),
            ("get a b", INVALID_NUMBER),
            ("set a", INVALID_NUMBER),
        ],
    )
    def test_errors(self, client: Client, words: str, reply: bytes) -> None:
        assert client.command("COMMAND", "GETKEYS", *words.split()) == reply
        assert client.command("COMMAND", "GETKEYSANDFLAGS", *words.split()) == reply

    def test_arity(self, client: Client) -> None:
        wrong = b"-ERR wrong number of arguments for 'command|getkeys' command\r\n"
        assert client.command("COMMAND", "GETKEYS", "get") == wrong


class TestOther:
    def test_an_unknown_subcommand(self, client: Client) -> None:
        reply = b"-ERR unknown subcommand 'NOSUCH'. Try COMMAND HELP.\r\n"
        assert client.command("COMMAND", "NOSUCH") == reply

    def test_help_equals_that_of_redis(self, client: Client, oracle: RawConnection) -> None:
        assert client.command("COMMAND", "HELP") == oracle.command("COMMAND", "HELP")


def spec_of(entry: list[Tree]) -> CommandSpec:
    """The declaration that a line of Redis's COMMAND describes, as far as keys go."""
    name, arity, _, _, _, _, _, _, keys, _ = entry
    assert isinstance(name, bytes)
    assert isinstance(arity, int)
    specs = tuple(key_spec_of(_pairs(key)) for key in _list(keys))
    words = name.decode().replace("|", " ").upper()
    return CommandSpec(words, None, "", arity, 0, specs, (), "", "", "", (), (), None, "", None, False)


def key_spec_of(fields: dict[bytes, Tree]) -> KeySpec:
    begin, find = _pairs(fields[b"begin_search"]), _pairs(fields[b"find_keys"])
    where, how = _pairs(begin[b"spec"]), _pairs(find[b"spec"])
    flags = tuple(_status(flag) for flag in _list(fields[b"flags"]))
    kind = _text(find[b"type"])
    last = how.get(b"lastkey", how.get(b"keynumidx", 0))
    limit = how.get(b"limit", how.get(b"firstkey", 0))
    index = where.get(b"index", where.get(b"startfrom", 0))
    keyword, step = where.get(b"keyword", b""), how.get(b"keystep", 0)
    assert isinstance(index, int)
    assert isinstance(keyword, bytes)
    assert isinstance(last, int)
    assert isinstance(step, int)
    assert isinstance(limit, int)
    return KeySpec(flags, _text(begin[b"type"]), index, keyword, kind, last, step, limit, b"")


def every_entry(entries: list[Tree]) -> Iterator[list[Tree]]:
    for entry in entries:
        fields = _list(entry)
        yield fields
        yield from every_entry(_list(fields[9]))


@pytest.fixture(scope="module")
def entries(oracle: RawConnection) -> list[list[Tree]]:
    return list(every_entry(_list(decode(oracle.command("COMMAND")))))


class TestKeyPositions:
    """The rules of key specifications, tried on all commands of Redis rather than on those written so far."""

    def test_legacy_range_and_movable_keys(self, entries: list[list[Tree]]) -> None:
        assert len(entries) > 360
        for entry in entries:
            spec = spec_of(entry)
            derived = legacy_range(spec)
            is_movable = ("status", b"movablekeys") in _list(entry[2])
            found = [derived.first, derived.last, derived.step, derived.is_movable]
            assert found == [*entry[3:6], is_movable], spec.name

    def test_random_requests(self, entries: list[list[Tree]], oracle: RawConnection) -> None:
        rng = random.Random(5)
        words = [
            b"a", b"b", b"1", b"2", b"3", b"0", b"-1", b"2x", b" 2", b"+2", b"", b"store", b"STORE",
            b"streams", b"count", b"get", b"keys", b"9999999999999999999",
        ]  # fmt: skip
        cases: list[tuple[CommandSpec, list[bytes]]] = []
        for entry in entries:
            spec = spec_of(entry)
            if entry[9] or not spec.keys or not all(is_sufficient(key) for key in spec.keys):
                continue
            if spec.name.startswith("XREAD"):  # Redis looks for STREAMS with code of its own
                continue
            for _ in range(30):
                argv = spec.name.lower().encode().split(b" ")
                # COMMAND GETKEYS wants at least one argument beside the name.
                length = max(abs(spec.arity), 2) + (rng.randrange(5) if spec.arity < 0 else 0)
                cases.append((spec, argv + [rng.choice(words) for _ in range(length - len(argv))]))
        assert len(cases) > 5000
        replies = oracle.pipeline([[b"COMMAND", b"GETKEYSANDFLAGS", *argv] for _, argv in cases])
        for (spec, argv), reply in zip(cases, replies, strict=True):
            found = key_positions(spec, argv)
            if reply.startswith(b"-"):
                assert reply == (INVALID_ARGUMENTS if takes_keys(spec) else NO_KEYS), argv
                assert not found or not takes_keys(spec), argv
                continue
            expected = [
                (key, [_status(flag) for flag in _list(flags)])
                for key, flags in (_list(item) for item in _list(decode(reply)))
            ]
            assert [(argv[key.position], list(key.flags)) for key in found] == expected, argv


def is_sufficient(key: KeySpec) -> bool:
    """Whether the specification tells everything, so that no function of the command has to help."""
    flags = (b"variable_flags", b"incomplete")
    return "unknown" not in (key.begin, key.find) and not any(flag in key.flags for flag in flags)


class TestFindKeys:
    def declare(self, keys: tuple[KeySpec, ...], with_finder: bool = True) -> CommandSpec:
        finder = last_argument if with_finder else None
        return CommandSpec("X", None, "", -2, 0, keys, (), "", "", "", (), (), None, "", finder, False)

    @pytest.mark.parametrize(
        "keys", [unknown_keys("RW"), counted_keys("RO", 1), keyword_keys("RO incomplete", "K", 1, 0)]
    )
    def test_the_function_helps_out(self, keys: tuple[KeySpec, ...]) -> None:
        spec = self.declare(keys)
        found = key_positions(spec, [b"x", b"9", b"k", b"a"])
        assert [(key.position, key.flags) for key in found] == [(3, (b"RM",))]

    def test_without_it_there_are_no_keys(self) -> None:
        spec = self.declare(unknown_keys("RW"), with_finder=False)
        assert key_positions(spec, [b"x", b"a"]) == []
        assert takes_keys(spec)

    def test_it_alone_means_that_there_are_keys(self) -> None:
        assert takes_keys(self.declare(()))
        assert not takes_keys(self.declare((), with_finder=False))

    def test_movable_keys_are_a_flag(self) -> None:
        assert all_flags(self.declare(counted_keys("RO", 1))) != 0

    def test_a_group_passes_it_on(self) -> None:
        from pyredis.commands.registry import SPECS

        before = len(SPECS)
        group = CommandGroup("generic")
        declare = group.command(
            "TEST.FIND", arity=-1, flags=0, since="9.9.9", complexity="O(1)", find_keys=last_argument
        )
        declare(lambda ctx, argv: b"+OK\r\n")
        try:
            assert SPECS[-1].find_keys is last_argument
        finally:
            del SPECS[before:]


def last_argument(argv: list[bytes]) -> list[KeyPosition]:
    return [KeyPosition(len(argv) - 1, (b"RM",))]


def _list(tree: Tree) -> list[Tree]:
    assert isinstance(tree, list)
    return tree


def _pairs(tree: Tree) -> dict[bytes, Tree]:
    """A RESP2 map."""
    items = _list(tree)
    return {_key(items[i]): items[i + 1] for i in range(0, len(items), 2)}


def _key(tree: Tree) -> bytes:
    assert isinstance(tree, bytes)
    return tree


def _map(tree: Tree) -> dict[bytes, Tree]:
    """A RESP3 map."""
    assert isinstance(tree, tuple)
    kind, items = tree
    assert kind == "map"
    assert isinstance(items, list)
    entries: dict[bytes, Tree] = {}
    for entry in items:
        assert isinstance(entry, tuple)
        entries[_key(entry[0])] = entry[1]
    return entries


def _bytes(items: list[Tree]) -> list[bytes]:
    return [_key(item) for item in items]


def _text(tree: Tree) -> str:
    return _key(tree).decode()


def _status(tree: Tree) -> bytes:
    assert isinstance(tree, tuple)
    assert tree[0] == "status"
    assert isinstance(tree[1], bytes)
    return tree[1]
