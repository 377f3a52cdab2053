"""The reference of commands: a page each, an index by group, and which commands of Redis 7.4 there are.

All of it is derived from the declarations beside the handlers and from `tests/commands-7.4.txt`.
"""

from __future__ import annotations

import re
from typing import Final

from pyredis import REDIS_VERSION
from pyredis.acl.categories import acl_categories
from pyredis.commands import MODULES, all_specs
from pyredis.commands.docs import summary
from pyredis.commands.syntax import parse_syntax, render_syntax
from pyredis.engine.command import FLAG_NAMES, CommandSpec, KeySpec, spec_words
from scripts.command_coverage import additional, listed, missing

FOLDER: Final = "reference/commands"
RELATED_MAX: Final = 8

KEY_FLAGS: Final = {
    "RO": "read",
    "RW": "read and written",
    "OW": "overwritten",
    "RM": "removed",
    "access": "its value is returned or copied",
    "update": "its value changes",
    "insert": "a value is added",
    "delete": "a value is removed",
    "not_key": "no key, but routed like one",
    "incomplete": "other places may hold keys, too",
    "variable_flags": "what happens depends on the arguments",
}
"""What the flags of a key specification mean."""


def pages() -> dict[str, str]:
    """Every page of the reference of commands, by its path on the site."""
    result = {f"{FOLDER}/{slug(spec.name)}.md": command_page(spec) for spec in all_specs()}
    result[f"{FOLDER}/index.md"] = index_page()
    result["reference/coverage.md"] = coverage_page()
    return result


def slug(name: str) -> str:
    """The file name of a command's page, without its ending."""
    return name.lower().replace(" ", "-")


def by_group() -> dict[str, list[CommandSpec]]:
    """The commands by group: groups in the order of their modules, commands in that of the alphabet."""
    order = {module.__name__: place for place, module in enumerate(MODULES)}
    groups: dict[str, list[CommandSpec]] = {}
    # Containers have no handler; they come before all others of their group.
    for spec in sorted(all_specs(), key=lambda spec: order[spec.handler.__module__] if spec.handler else 0):
        groups.setdefault(spec.group, []).append(spec)
    return {
        group: sorted(specs, key=lambda spec: spec.name)
        for group, specs in sorted(groups.items(), key=lambda item: _first_place(item[1], order))
    }


def _first_place(specs: list[CommandSpec], order: dict[str, int]) -> int:
    return min(order[spec.handler.__module__] for spec in specs if spec.handler is not None)


def group_title(group: str) -> str:
    """A group as readers see it."""
    names = {"hyperloglog": "HyperLogLog", "pubsub": "Pub/sub"}
    return names.get(group, group.replace("-", " ").capitalize())


def anchor(group: str) -> str:
    """The anchor of a group's heading on the index."""
    return re.sub(r"[^a-z0-9]+", "", group_title(group).lower().replace(" ", "")) + "-commands"


def usage(spec: CommandSpec) -> str:
    """The whole line of syntax."""
    return f"{spec.name} {render_syntax(parse_syntax(spec.syntax))}".rstrip()


def command_page(spec: CommandSpec) -> str:
    """The page of one command, subcommand or container."""
    lines = [f"# {spec.name}", "", f"{_sentence(summary(spec))}", ""]
    if spec.deprecated is not None:
        version, instead = spec.deprecated
        # COMMAND DOCS marks an option with `!`, which is not for readers.
        lines += [
            f'!!! warning "Deprecated since Redis {version}"',
            f"    Use {instead.replace('`!', '`')}.",
            "",
        ]
    if spec.handler is not None:
        lines += ["```text", *_wrapped(usage(spec)), "```", ""]
    lines += _facts(spec)
    lines += _subcommands(spec)
    if spec.keys:
        lines += ["## Keys", ""]
        lines += [f"{number}. {_key(key)}" for number, key in enumerate(spec.keys, 1)]
        lines += [""]
    if spec.history:
        lines += ["## History", "", "| since | change |", "| --- | --- |"]
        lines += [f"| {version} | {_cell(change)} |" for version, change in spec.history] + [""]
    if others := related(spec):
        lines += ["## Related", "", ", ".join(_link(other) for other in others), ""]
    return "\n".join(lines)


def _facts(spec: CommandSpec) -> list[str]:
    title = group_title(spec.group)
    rows = [("Group", f"[{title}](index.md#{anchor(spec.group)})"), ("Since", f"Redis {spec.since}")]
    if spec.handler is not None:
        rows += [("Complexity", spec.complexity), ("Arguments", _arity(spec))]
        rows += [("Flags", _words([name.decode() for flag, name in FLAG_NAMES if spec.flags & flag]))]
    rows += [("ACL categories", _words(["@" + name for name in acl_categories(spec)]))]
    rows += [("Tips", _words(list(spec.tips)))] if spec.tips else []
    return ["| | |", "| --- | --- |", *[f"| {name} | {_cell(text)} |" for name, text in rows], ""]


def _arity(spec: CommandSpec) -> str:
    # Redis's arity counts the name; readers count what follows it.
    count = abs(spec.arity) - spec_words(spec)
    if spec.arity > 0:
        return "none" if count == 0 else f"{count}"
    return "any number" if count <= 0 else f"{count} or more"


def _subcommands(spec: CommandSpec) -> list[str]:
    parts = [other for other in all_specs() if other.name.startswith(spec.name + " ")]
    if not parts:
        return []
    rows = [f"| {_link(part)} | {_cell(_sentence(summary(part)))} |" for part in sorted(parts, key=_name)]
    return ["## Subcommands", "", "| | |", "| --- | --- |", *rows, ""]


def _key(key: KeySpec) -> str:
    """One key specification in words."""
    if key.begin == "unknown":
        where = "Keys whose place only the command can tell"
    elif key.find == "keynum":
        where = f"As many keys as argument {key.index} says, from argument {key.index + key.limit} on"
    elif key.begin == "keyword":
        where = f"What follows `{key.keyword.decode()}`"
        where += ", the first half of it" if key.limit > 1 else ", up to the end" if key.last < 0 else ""
    elif key.last == 0:
        where = f"Argument {key.index}"
    else:
        where = (
            f"Arguments from {key.index} on"
            if key.last == -1
            else f"Arguments {key.index} to the next to last"
        )
        where += {1: "", 2: ", every other one"}.get(key.step, f", every {key.step}th")
    return f"{where}: {'; '.join(KEY_FLAGS[flag.decode()] for flag in key.flags)}."


def related(spec: CommandSpec) -> list[CommandSpec]:
    """The container of a subcommand; else what is declared next to the command in its module."""
    container = spec.name.split(" ")[0]
    if spec.handler is None or " " in spec.name:
        return [other for other in all_specs() if other.name == container and other is not spec]
    module = spec.handler.__module__
    beside = [
        other
        for other in all_specs()
        if other.handler is not None and other.handler.__module__ == module and " " not in other.name
    ]
    place = beside.index(spec)
    nearest = sorted(range(len(beside)), key=lambda index: abs(index - place))[1 : RELATED_MAX + 1]
    return sorted([beside[index] for index in nearest], key=_name)


def index_page() -> str:
    """All commands, by group."""
    lines = [
        "# Commands", "",
        f"{len(all_specs())} commands and subcommands. [Coverage](../coverage.md) names those of Redis "
        f"{REDIS_VERSION} that are missing.", "",
    ]  # fmt: skip
    for group, specs in by_group().items():
        lines += [f"## {group_title(group)} {{ #{anchor(group)} }}", "", "| command | |", "| --- | --- |"]
        lines += [f"| {_link(spec)} | {_cell(_sentence(summary(spec)))} |" for spec in specs] + [""]
    return "\n".join(lines)


def coverage_page() -> str:
    """How many commands of Redis there are here, and which are not."""
    known = {spec.name for spec in all_specs()}
    lacking = missing()
    total = sum(map(len, listed().values()))
    absent = sum(map(len, lacking.values()))
    lines = [
        "# Coverage", "",
        f"{total - absent} of the {total} commands and subcommands of Redis {REDIS_VERSION}, those of modules left "
        "out. A command that is missing answers as unknown.", "",
        "| group | here | of | missing |", "| --- | ---: | ---: | --- |",
    ]  # fmt: skip
    for group, names in listed().items():
        here = sum(name in known for name in names)
        lines.append(f"| {group} | {here} | {len(names)} | {', '.join(lacking.get(group, [])) or 'none'} |")
    links = [f"[{name}](commands/{slug(name)}.md)" for name in additional()]
    lines += ["", f"In addition, from later versions of Redis: {', '.join(links) or 'none'}.", ""]
    return "\n".join(lines)


def _link(spec: CommandSpec) -> str:
    return f"[{spec.name}]({slug(spec.name)}.md)"


def _name(spec: CommandSpec) -> str:
    return spec.name


def _words(words: list[str]) -> str:
    return ", ".join(f"`{word}`" for word in words) or "none"


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*")


def _sentence(text: str) -> str:
    return text if text.endswith(".") else text + "."


def _wrapped(text: str, width: int = 88) -> list[str]:
    """A line of syntax broken between arguments."""
    lines = [""]
    for part in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(part) > width:
            lines.append("   ")
        lines[-1] += f" {part}" if lines[-1] else part
    return lines
