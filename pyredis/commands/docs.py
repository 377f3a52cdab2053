"""What COMMAND DOCS says about a command, as plain structures that an encoder can walk.

A dict is a map in the reply, a list an array, a tuple a set of status strings, a str a bulk string. Which
fields there are, and in which order, follows Redis 7.4; 7.0 differs only in that it has no `display_text`.
Optional fields that have nothing to say are left out, as in Redis.
"""

from __future__ import annotations

import os.path
from typing import TypeAlias

from pyredis.commands.registry import first_line
from pyredis.commands.syntax import Argument, parse_syntax
from pyredis.engine.command import CommandSpec

DocValue: TypeAlias = "str | int | tuple[str, ...] | list[DocValue] | dict[str, DocValue]"


_kept_summaries: dict[str, str] = {}


def summary(spec: CommandSpec) -> str:
    """What a command does, in one line.

    Compiled handlers have no docstrings; the build kept their first lines in `summaries.json`.
    """
    if spec.summary or spec.handler is None:
        return spec.summary
    if not _kept_summaries:
        _kept_summaries.update(_read_summaries(os.path.join(os.path.dirname(__file__), "summaries.json")))
    return first_line(_kept_summaries.get(f"{spec.handler.__module__}.{spec.handler.__name__}"))


def _read_summaries(path: str) -> dict[str, str]:
    if not os.path.exists(path):
        return {}
    import json

    with open(path, encoding="utf-8") as file:
        summaries: dict[str, str] = json.load(file)
    return summaries


def summary_fields(spec: CommandSpec) -> dict[str, DocValue]:
    """What COMMAND DOCS reports for a command before its history, arguments and subcommands."""
    fields: dict[str, DocValue] = {"summary": summary(spec), "since": spec.since, "group": spec.group}
    if spec.complexity:
        fields["complexity"] = spec.complexity
    if spec.is_system:
        fields["doc_flags"] = ("syscmd",)
    if spec.deprecated is not None:
        fields["doc_flags"] = ("deprecated",)
        fields["deprecated_since"], fields["replaced_by"] = spec.deprecated
    return fields


def documented_arguments(syntax: str) -> list[DocValue]:
    """The `arguments` that COMMAND DOCS reports for a command declared with this syntax."""
    return [argument_fields(argument) for argument in parse_syntax(syntax)]


def argument_fields(argument: Argument) -> dict[str, DocValue]:
    """The fields that describe one argument, those of its parts included."""
    fields: dict[str, DocValue] = {"name": argument.name, "type": argument.type}
    if not argument.is_group():
        fields["display_text"] = argument.display_text
    if argument.key_spec_index is not None:
        fields["key_spec_index"] = argument.key_spec_index
    if argument.token is not None:
        fields["token"] = argument.token
    if argument.since is not None:
        fields["since"] = argument.since
    if argument.deprecated_since is not None:
        fields["deprecated_since"] = argument.deprecated_since
    flags = argument_flags(argument)
    if flags:
        fields["flags"] = flags
    if argument.is_group():
        fields["arguments"] = [argument_fields(part) for part in argument.arguments]
    return fields


def argument_flags(argument: Argument) -> tuple[str, ...]:
    """The flags of an argument in the order in which Redis lists them."""
    flags: list[str] = []
    if argument.optional:
        flags.append("optional")
    if argument.multiple:
        flags.append("multiple")
    if argument.multiple_token:
        flags.append("multiple_token")
    return tuple(flags)
