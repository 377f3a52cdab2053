"""The reference of directives: the table of `pyredis.config`, and which of them the server reads.

A directive is in effect when a module beyond `pyredis.config` asks for it by its name. Modules that only report
values do not count, nor do checks of values, and what the server warns about at its start as not supported is not in
effect whoever asks for it.
"""

from __future__ import annotations

import ast
import fnmatch
from functools import cache
from pathlib import Path
from typing import Final

import pyredis
from pyredis import REDIS_VERSION
from pyredis.config import directives
from pyredis.config.directives import Directive
from pyredis.config.table import DIRECTIVES
from pyredis.config.values import GIB, INT_MAX, INT_MIN, KIB, LONG_MAX, LONG_MIN, MIB, UINT_MAX, ULONG_MAX

PACKAGE: Final = Path(pyredis.__file__).parent
LIST: Final = Path(__file__).parent.parent / "tests" / "directives-7.4.txt"
REPORTERS: Final = ("engine/info*.py", "engine/redaction.py", "metrics/*.py", "tools/top.py")
"""Modules that show values and do nothing with them."""
WARNING: Final = "_warn_of_missing_parts"
"""The function that names what is set and not supported."""

TYPES: Final = {
    directives.BOOLEAN: "yes or no",
    directives.NUMBER: "integer",
    directives.MEMORY: "bytes",
    directives.OCTAL: "octal",
    directives.TEXT: "string",
    directives.ENUM: "word",
    directives.STRUCTURED: "words",
}
LIMITS: Final = {
    INT_MAX: "2^31-1", INT_MIN: "-2^31", UINT_MAX: "2^32-1",
    LONG_MAX: "2^63-1", LONG_MIN: "-2^63", ULONG_MAX: "2^64-1",
}  # fmt: skip


def of_redis() -> set[str]:
    """The names of Redis's directives."""
    return {
        line for line in LIST.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    }


def pages() -> dict[str, str]:
    """The page of all directives, by its path on the site."""
    return {"reference/directives.md": page()}


def page() -> str:
    """All directives: those in effect, then the others."""
    effective = in_effect()
    redis = of_redis()
    active = [row for row in DIRECTIVES if row.name in effective]
    idle = [row for row in DIRECTIVES if row.name not in effective]
    own = sum(row.name not in redis for row in DIRECTIVES)
    lines = [
        "# Directives", "",
        f"{len(DIRECTIVES)} directives: {len(DIRECTIVES) - own} of Redis {REDIS_VERSION}, {own} of pyredis. "
        f"{len(active)} are in effect. The others are read, checked, shown by `CONFIG GET` and written by "
        "`CONFIG REWRITE`, so that a configuration file of Redis is taken as it is, but change nothing.", "",
        "How to set them is told in [Configuration](../configuration.md). *At run time* means `CONFIG SET`; *at start* "
        "means everywhere else only; *protected* ones need `enable-protected-configs` for `CONFIG SET`; *hidden* ones "
        "are shown to who asks for the exact name.", "",
    ]  # fmt: skip
    for title, rows in (("In effect", active), ("Without effect", idle)):
        lines += [f"## {title}", "", "| directive | type | default | values | changes | of |"]
        lines += ["| --- | --- | --- | --- | --- | --- |"]
        for row in sorted(rows, key=lambda row: row.name):
            origin = "Redis" if row.name in redis else "pyredis"
            cells = (_names(row), _type(row), _default(row), _values(row), _changes(row), origin)
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _names(row: Directive) -> str:
    alias = f", also `{row.alias}`" if row.alias is not None else ""
    return f'<a id="{row.name}"></a>`{row.name}`{alias}'


def _type(row: Directive) -> str:
    if row.is_percent_allowed:
        return "bytes or percent"
    if row.kind == directives.ENUM and row.has(directives.MULTI_ARG):
        return "words"
    return TYPES[row.kind]


def _default(row: Directive) -> str:
    if row.name == "dir":
        return "the working directory"
    if row.kind == directives.MEMORY and isinstance(row.default, int) and row.default > 0:
        return size(row.default)
    shown = row.render(row.default).decode()
    return f"`{shown}`" if shown else ""


def _values(row: Directive) -> str:
    if row.kind == directives.ENUM:
        return ", ".join(f"`{name}`" for name, _ in row.choices)
    if row.clamp is not None:
        return f"{row.clamp[0]} to {row.clamp[1]}; others are moved into this range"
    if row.kind in (directives.NUMBER, directives.MEMORY):
        shown = size if row.kind == directives.MEMORY else limit
        low = "0" if row.is_percent_allowed else shown(row.minimum)
        return f"{low} to {shown(row.maximum)}"
    if row.kind == directives.OCTAL:
        return f"0 to {row.maximum:o}"
    return ""


def _changes(row: Directive) -> str:
    words = ["at start" if row.has(directives.IMMUTABLE) else "at run time"]
    words += ["protected"] if row.has(directives.PROTECTED) else []
    words += ["hidden"] if row.has(directives.HIDDEN) else []
    return ", ".join(words)


def limit(number: int) -> str:
    """A bound of a number."""
    return LIMITS.get(number, str(number))


def size(number: int) -> str:
    """A number of bytes as configuration files have it."""
    for unit, name in ((GIB, "gb"), (MIB, "mb"), (KIB, "kb")):
        if number >= unit and number % unit == 0:
            return f"`{number // unit}{name}`"
    return limit(number)


@cache
def in_effect() -> frozenset[str]:
    """The names of the directives that the server reads."""
    names: set[str] = set()
    unsupported: set[str] = set()
    accessors = _accessors()
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if place.startswith("config/"):
            names |= _strings(_method(tree, "_settable"))
            continue
        unsupported |= _strings(_method(tree, WARNING))
        names |= {accessors[word] for word in _calls(tree) if word in accessors}
        if not any(fnmatch.fnmatch(place, pattern) for pattern in REPORTERS):
            names |= _strings(tree)
    return frozenset(row.name for row in DIRECTIVES if row.name in names and row.name not in unsupported)


def _strings(tree: ast.AST | None) -> set[str]:
    """All strings of a tree; of `"enable-" + name + "-command"` every directive that it may become."""
    if tree is None:
        return set()
    found = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            pattern = _joined(node)
            if "-" in pattern and "*" in pattern:
                found |= {row.name for row in DIRECTIVES if fnmatch.fnmatch(row.name, pattern)}
    return found


def _joined(node: ast.expr) -> str:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _joined(node.left) + _joined(node.right)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "*"


def _calls(tree: ast.AST) -> set[str]:
    """The methods that are called without arguments."""
    return {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args
    }


def _method(tree: ast.AST, name: str) -> ast.AST | None:
    return next(
        (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name), None
    )


def _accessors() -> dict[str, str]:
    """The methods of `Config` that stand for one directive each, such as `save_rules`."""
    tree = ast.parse((PACKAGE / "config" / "config.py").read_text(encoding="utf-8"))
    names = {row.name for row in DIRECTIVES}
    result: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and len(node.args.args) == 1:
            named = _strings(node) & names
            if len(named) == 1:
                result[node.name] = named.pop()
    return result
