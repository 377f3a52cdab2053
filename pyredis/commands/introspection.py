"""COMMAND in all its forms: what commands there are, what they take, and where the keys of a request stand.

Everything here is read off the declarations; nothing is a table of its own. The replies that describe a
command are long and never change, so each is encoded once per protocol version and kept.
"""

from __future__ import annotations

from typing import Final

from pyredis.acl.categories import acl_categories
from pyredis.commands.docs import DocValue, documented_arguments, summary_fields
from pyredis.commands.help import help_reply
from pyredis.commands.registry import CommandGroup
from pyredis.datatypes.glob import glob_match
from pyredis.engine.command import (
    FLAG_NAMES,
    LOADING,
    NO_MANDATORY_KEYS,
    STALE,
    Command,
    CommandSpec,
    KeyPosition,
    KeySpec,
)
from pyredis.engine.context import Context
from pyredis.engine.engine import Engine
from pyredis.engine.key_positions import all_flags, key_positions, legacy_range, takes_keys
from pyredis.errors import SYNTAX, CommandError
from pyredis.protocol.encode import (
    array,
    array_header,
    bulk,
    bulk_array,
    integer,
    map_header,
    null,
    set_header,
    simple,
)

introspection: Final = CommandGroup("server", acl=("connection",))

KEY_FLAGS: Final = (
    b"RO", b"RW", b"OW", b"RM", b"access", b"update", b"insert", b"delete",
    b"not_key", b"incomplete", b"variable_flags",
)  # fmt: skip
"""The flags of a key specification in the order in which Redis lists them."""

_UNORDERED: Final = ("nondeterministic_output_order",)


class Described:
    """What COMMAND INFO and COMMAND DOCS say about one declaration, encoded, its subcommands left out."""

    def __init__(self, spec: CommandSpec, resp3: bool) -> None:
        self.info: bytes = _info_fields(spec, resp3)
        self.docs: bytes = b""
        self.docs_fields: int = 0


_described: Final[tuple[dict[CommandSpec, Described], dict[CommandSpec, Described]]] = ({}, {})


def described(spec: CommandSpec, resp3: bool) -> Described:
    """The kept descriptions of a declaration."""
    known = _described[1 if resp3 else 0]
    entry = known.get(spec)
    if entry is None:
        entry = known[spec] = Described(spec, resp3)
    return entry


def top_commands(engine: Engine) -> list[Command]:
    """The commands of an engine without subcommands, in the order of their declarations."""
    return [command for name, command in engine.commands.items() if name == command.full_name]


def find_by_name(engine: Engine, name: bytes) -> Command | None:
    """The command called `name`, where a subcommand is `container|subcommand`; whatever the case."""
    words = name.lower().split(b"|")
    if len(words) > 2:
        return None
    command = engine.commands.get(words[0])
    if command is None or len(words) == 1:
        return command
    return command.subcommands.get(words[1]) if command.subcommands is not None else None


@introspection.command(
    "COMMAND", arity=-1, flags=LOADING | STALE, since="2.8.13", tips=_UNORDERED,
    complexity="O(N) where N is the number of commands",
)  # fmt: skip
def command(ctx: Context, argv: list[bytes]) -> bytes:
    """Describes every command."""
    return encode_all(ctx)


@introspection.command(
    "COMMAND INFO", arity=-2, flags=LOADING | STALE, since="2.8.13", syntax="[command-name...]",
    history=(("7.0.0", "Allowed to be called with no argument to get info on all commands."),),
    complexity="O(N) where N is the number of commands asked for", tips=_UNORDERED,
)  # fmt: skip
def command_info(ctx: Context, argv: list[bytes]) -> bytes:
    """Describes the commands named, or every command."""
    if len(argv) == 2:
        return encode_all(ctx)
    replies: list[bytes] = []
    for name in argv[2:]:
        item = find_by_name(ctx.engine, name)
        replies.append(null(ctx.resp3) if item is None else encode_info(item, ctx.resp3))
    return array(replies)


@introspection.command(
    "COMMAND COUNT", arity=2, flags=LOADING | STALE, since="2.8.13", complexity="O(1)",
)  # fmt: skip
def command_count(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns how many commands there are, not counting subcommands."""
    # Every command stands in the table in lower and in upper case.
    return integer(len(ctx.engine.commands) // 2)


@introspection.command(
    "COMMAND LIST", arity=-2, flags=LOADING | STALE, since="7.0.0", tips=_UNORDERED,
    syntax="[FILTERBY filterby:(MODULE module-name | ACLCAT category | PATTERN pattern)]",
    complexity="O(N) where N is the number of commands",
)  # fmt: skip
def command_list(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the names of commands and subcommands, all or those that a filter lets through."""
    kind = b""
    if len(argv) == 5 and argv[2].upper() == b"FILTERBY":
        kind = argv[3].upper()
    if len(argv) != 2 and kind not in (b"MODULE", b"ACLCAT", b"PATTERN"):
        raise CommandError(SYNTAX)
    names: list[bytes] = []
    for item in ctx.engine.all_commands:
        if kind == b"MODULE":
            continue
        if kind == b"ACLCAT" and argv[4].lower().decode("latin-1") not in acl_categories(item.spec):
            continue
        if kind == b"PATTERN" and not glob_match(argv[4], item.full_name, True):
            continue
        names.append(item.full_name)
    return bulk_array(names)


@introspection.command(
    "COMMAND DOCS", arity=-2, flags=LOADING | STALE, since="7.0.0", syntax="[command-name...]",
    complexity="O(N) where N is the number of commands asked for", tips=_UNORDERED,
)  # fmt: skip
def command_docs(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the documentation of the commands named, or of all; unknown names are left out."""
    found: list[Command] = []
    if len(argv) == 2:
        found = top_commands(ctx.engine)
    for name in argv[2:]:
        item = find_by_name(ctx.engine, name)
        if item is not None:
            found.append(item)
    entries = [bulk(item.full_name) + encode_docs(item, ctx.resp3) for item in found]
    return map_header(len(entries), ctx.resp3) + b"".join(entries)


@introspection.command(
    "COMMAND GETKEYS", arity=-4, flags=LOADING | STALE, since="2.8.13",
    complexity="O(N) where N is the number of arguments of the request",
)  # fmt: skip
def command_getkeys(ctx: Context, argv: list[bytes]) -> bytes:
    """Extracts the keys from a request."""
    request = argv[2:]
    return bulk_array([request[key.position] for key in _keys_of(ctx.engine, request)])


@introspection.command(
    "COMMAND GETKEYSANDFLAGS", arity=-4, flags=LOADING | STALE, since="7.0.0",
    complexity="O(N) where N is the number of arguments of the request",
)  # fmt: skip
def command_getkeysandflags(ctx: Context, argv: list[bytes]) -> bytes:
    """Extracts the keys from a request, each with what the command does to it."""
    request = argv[2:]
    entries = [
        array_header(2) + bulk(request[key.position]) + _key_flags(key.flags, ctx.resp3)
        for key in _keys_of(ctx.engine, request)
    ]
    return array(entries)


HELP: Final = (
    b"(no subcommand)",
    b"    Return details about all Redis commands.",
    b"COUNT",
    b"    Return the total number of commands in this Redis server.",
    b"LIST",
    b"    Return a list of all commands in this Redis server.",
    b"INFO [<command-name> ...]",
    b"    Return details about multiple Redis commands.",
    b"    If no command names are given, documentation details for all",
    b"    commands are returned.",
    b"DOCS [<command-name> ...]",
    b"    Return documentation details about multiple Redis commands.",
    b"    If no command names are given, documentation details for all",
    b"    commands are returned.",
    b"GETKEYS <full-command>",
    b"    Return the keys from a full Redis command.",
    b"GETKEYSANDFLAGS <full-command>",
    b"    Return the keys and the access flags from a full Redis command.",
)


@introspection.command("COMMAND HELP", arity=2, flags=LOADING | STALE, since="5.0.0", complexity="O(1)")
def command_help(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the subcommands of COMMAND."""
    return help_reply(b"COMMAND", HELP)


def _keys_of(engine: Engine, request: list[bytes]) -> list[KeyPosition]:
    """The keys of a request, or the error of COMMAND GETKEYS."""
    found = engine.commands.get(request[0].lower())
    if found is not None and found.subcommands is not None and len(request) > 1:
        found = found.subcommands.get(request[1].lower())
    if found is None:
        raise CommandError(b"ERR Invalid command specified")
    if not takes_keys(found.spec):
        raise CommandError(b"ERR The command has no key arguments")
    if not found.min_args <= len(request) <= found.max_args:
        raise CommandError(b"ERR Invalid number of arguments specified for command")
    keys = key_positions(found.spec, request)
    if not keys and not found.spec.flags & NO_MANDATORY_KEYS:
        raise CommandError(b"ERR Invalid arguments specified for command")
    return keys


def encode_all(ctx: Context) -> bytes:
    """The descriptions of all commands."""
    return array([encode_info(item, ctx.resp3) for item in top_commands(ctx.engine)])


def encode_info(item: Command, resp3: bool) -> bytes:
    """The ten fields of COMMAND INFO, the last being the subcommands."""
    subcommands = list(item.subcommands.values()) if item.subcommands is not None else []
    header = array_header(len(subcommands)) if subcommands else set_header(0, resp3)
    nested = [encode_info(subcommand, resp3) for subcommand in subcommands]
    return described(item.spec, resp3).info + header + b"".join(nested)


def _info_fields(spec: CommandSpec, resp3: bool) -> bytes:
    keys = legacy_range(spec)
    flags = all_flags(spec)
    categories = ["@" + name for name in acl_categories(spec)]
    fields = [
        array_header(10),
        bulk(_full_name(spec)),
        integer(spec.arity),
        _status_set([name for flag, name in FLAG_NAMES if flags & flag], resp3),
        integer(keys.first),
        integer(keys.last),
        integer(keys.step),
        _status_set([name.encode() for name in categories], resp3),
        set_header(len(spec.tips), resp3),
        b"".join([bulk(tip.encode()) for tip in spec.tips]),
        set_header(len(spec.keys), resp3),
        b"".join([_key_specification(key, resp3) for key in spec.keys]),
    ]
    return b"".join(fields)


def _full_name(spec: CommandSpec) -> bytes:
    return spec.name.lower().replace(" ", "|").encode()


def _status_set(names: list[bytes], resp3: bool) -> bytes:
    return set_header(len(names), resp3) + b"".join([simple(name) for name in names])


def _key_flags(flags: tuple[bytes, ...], resp3: bool) -> bytes:
    return _status_set([name for name in KEY_FLAGS if name in flags], resp3)


def _key_specification(key: KeySpec, resp3: bool) -> bytes:
    parts: list[bytes] = [map_header(4 if key.notes else 3, resp3)]
    if key.notes:
        parts += [bulk(b"notes"), bulk(key.notes)]
    parts += [bulk(b"flags"), _key_flags(key.flags, resp3)]
    begin: list[tuple[bytes, bytes]] = []
    if key.begin == "index":
        begin = [(b"index", integer(key.index))]
    elif key.begin == "keyword":
        begin = [(b"keyword", bulk(key.keyword)), (b"startfrom", integer(key.index))]
    find: list[tuple[bytes, bytes]] = []
    if key.find == "range":
        find = [
            (b"lastkey", integer(key.last)),
            (b"keystep", integer(key.step)),
            (b"limit", integer(key.limit)),
        ]
    elif key.find == "keynum":
        find = [
            (b"keynumidx", integer(key.last)),
            (b"firstkey", integer(key.limit)),
            (b"keystep", integer(key.step)),
        ]
    parts += [bulk(b"begin_search"), _typed(key.begin, begin, resp3)]
    parts += [bulk(b"find_keys"), _typed(key.find, find, resp3)]
    return b"".join(parts)


def _typed(kind: str, fields: list[tuple[bytes, bytes]], resp3: bool) -> bytes:
    """The map of a `type` and the map of its `spec`."""
    parts = [map_header(2, resp3), bulk(b"type"), bulk(kind.encode()), bulk(b"spec")]
    parts.append(map_header(len(fields), resp3))
    for name, value in fields:
        parts += [bulk(name), value]
    return b"".join(parts)


def encode_docs(item: Command, resp3: bool) -> bytes:
    """The map of COMMAND DOCS for one command, its subcommands last."""
    entry = described(item.spec, resp3)
    if not entry.docs:
        fields = _docs_fields(item.spec, resp3)
        entry.docs_fields = len(fields)
        entry.docs = b"".join(fields)
    if item.subcommands is None:
        return map_header(entry.docs_fields, resp3) + entry.docs
    parts = [map_header(entry.docs_fields + 1, resp3), entry.docs, bulk(b"subcommands")]
    parts.append(map_header(len(item.subcommands), resp3))
    for subcommand in item.subcommands.values():
        parts += [bulk(subcommand.full_name), encode_docs(subcommand, resp3)]
    return b"".join(parts)


def _docs_fields(spec: CommandSpec, resp3: bool) -> list[bytes]:
    """Names and values of the map, its subcommands left out."""
    fields = [
        bulk(name.encode()) + encode_value(value, resp3) for name, value in summary_fields(spec).items()
    ]
    if spec.history:
        changes = [bulk_array([version.encode(), change.encode()]) for version, change in spec.history]
        fields.append(bulk(b"history") + set_header(len(changes), resp3) + b"".join(changes))
    if spec.syntax:
        fields.append(bulk(b"arguments") + encode_value(documented_arguments(spec.syntax), resp3))
    return fields


def encode_value(value: DocValue, resp3: bool) -> bytes:
    """Encodes what `pyredis.commands.docs` describes."""
    if isinstance(value, str):
        return bulk(value.encode())
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, tuple):
        return _status_set([name.encode() for name in value], resp3)
    if isinstance(value, list):
        return array([encode_value(item, resp3) for item in value])
    parts = [map_header(len(value), resp3)]
    for name, item in value.items():
        parts += [bulk(name.encode()), encode_value(item, resp3)]
    return b"".join(parts)
