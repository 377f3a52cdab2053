"""What COMMAND DOCS says about a command, as plain structures that an encoder can walk.

A dict is a map in the reply, a list an array, a tuple a set of status strings, a str a bulk string. Which
fields there are, and in which order, follows Redis 7.4; 7.0 differs only in that it has no `display_text`.
Optional fields that have nothing to say are left out, as in Redis.
"""

from __future__ import annotations

from typing import TypeAlias

from pyredis.commands.syntax import Argument, parse_syntax
from pyredis.engine.command import CommandSpec

DocValue: TypeAlias = "str | int | tuple[str, ...] | list[DocValue] | dict[str, DocValue]"


def summary_fields(spec: CommandSpec) -> dict[str, DocValue]:
    """What COMMAND DOCS reports for a command before its history, arguments and subcommands."""
    fields: dict[str, DocValue] = {"summary": spec.summary, "since": spec.since, "group": spec.group}
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
