"""What the tree promises about itself: which way imports point, who may touch asyncio, how large a file may
grow."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from pyredis.commands import all_specs
from pyredis.engine.command import READONLY, WRITE
from tests.metamorphic.effects import DETERMINISTIC, NAMES_EFFECTS

REPOSITORY: Final = Path(__file__).resolve().parents[1]
PACKAGE: Final = REPOSITORY / "pyredis"
LINES_MAX: Final = 700

LAYERS: Final = (
    ("pyredis", "form"),
    ("errors", "clock"),
    ("datatypes", "protocol"),
    ("config",),
    ("keyspace",),
    # Rules are about commands and their keys, which `engine` declares; an engine owns its users.
    ("acl", "engine"),
    ("commands", "persistence"),
    ("metrics", "replication", "scripting"),
    ("server",),
    (
        "cli",
        "tools",
        "__main__",
    ),
)
"""From the bottom to the top; a module imports from its own layer and from those below."""

SELF_CONTAINED: Final = {
    "protocol": {"protocol", "form"},
    "datatypes": {"datatypes", "form", "errors"},
    "clock": set[str](),
    "errors": set[str](),
}
"""What knows nothing of the rest, and the little it may know."""

ASYNCIO: Final = {
    "server/transport.py", "server/listeners.py", "server/app.py", "server/cron.py", "server/child.py",
    "server/append_only.py", "server/snapshots.py", "server/sliced_save.py", "server/service.py",
    "server/supervision.py",
    "server/metrics_port.py", "cli.py",
}  # fmt: skip
"""The modules that may import asyncio: what stands between the loop and the sans-IO rest."""


class Import(NamedTuple):
    """An import statement that runs; those for the type checker do not."""

    name: str
    line: int
    is_late: bool
    """Inside a function: it runs when that is called, not when the module is loaded."""


class Module(NamedTuple):
    """A parsed source file."""

    path: str
    name: str
    tree: ast.Module
    lines: int
    imports: list[Import]

    @property
    def layer(self) -> str:
        """The folder or file directly below `pyredis`."""
        words = self.name.split(".")
        return words[1] if len(words) > 1 else words[0]


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _imports(node: ast.AST, is_late: bool = False) -> list[Import]:
    found: list[Import] = []
    for child in ast.iter_child_nodes(node):
        if _is_for_types(child):
            continue
        if isinstance(child, ast.Import):
            found += [Import(alias.name, child.lineno, is_late) for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"relative import in line {child.lineno}"
            found.append(Import(str(child.module), child.lineno, is_late))
            # `from pyredis.commands import strings` names a module by its last word.
            found += [Import(f"{child.module}.{alias.name}", child.lineno, is_late) for alias in child.names]
        else:
            found += _imports(child, is_late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))
    return found


@cache
def modules() -> list[Module]:
    found: list[Module] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, str(path))
        relative = path.relative_to(PACKAGE)
        words = ["pyredis", *relative.with_suffix("").parts]
        if words[-1] == "__init__":
            words.pop()
        found.append(Module(relative.as_posix(), ".".join(words), tree, text.count("\n"), _imports(tree)))
    return found


def _height(layer: str) -> int:
    for height, names in enumerate(LAYERS):
        if layer in names:
            return height
    raise AssertionError(f"{layer} belongs to no layer: add it to LAYERS")


def _target_layer(name: str) -> str | None:
    words = name.split(".")
    if words[0] != "pyredis":
        return None
    known = {module.layer for module in modules()}
    return words[1] if len(words) > 1 and words[1] in known else "pyredis"


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.path)
def test_imports_point_down(module: Module) -> None:
    for imported in module.imports:
        layer = _target_layer(imported.name)
        if layer is None:
            continue
        where = f"{module.path}:{imported.line} imports {imported.name}"
        assert _height(layer) <= _height(module.layer), where
        allowed = SELF_CONTAINED.get(module.layer)
        if allowed is not None and layer != "pyredis":
            assert layer in allowed, where


def test_no_module_imports_itself_in_a_circle() -> None:
    names = {module.name for module in modules()}
    graph = {
        module.name: {
            imported.name for imported in module.imports if imported.name in names and not imported.is_late
        }
        - {module.name}
        for module in modules()
    }
    # A package's own __init__ runs before its modules; that they import each other through it is no circle.
    for name, targets in graph.items():
        targets -= {name.rpartition(".")[0]}
    while ready := [name for name, targets in graph.items() if not targets & graph.keys()]:
        for name in ready:
            del graph[name]
    assert not graph, f"in or behind a circle: {sorted(graph)}"


def test_few_modules_know_asyncio() -> None:
    users = {
        module.path
        for module in modules()
        for imported in module.imports
        if imported.name.split(".")[0] in ("asyncio", "uvloop", "winloop")
    }
    assert users <= ASYNCIO


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.path)
def test_every_module_says_what_it_is(module: Module) -> None:
    assert module.lines == 0 or ast.get_docstring(module.tree), f"{module.path} has no docstring"
    assert module.lines <= LINES_MAX, f"{module.path} has {module.lines} lines"


def _functions(module: Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        node for node in ast.walk(module.tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.path)
def test_a_name_is_bound_to_one_kind_of_error(module: Module) -> None:
    """Compiled, `except A as error` and then `except B as error` is a TypeError: the name keeps its first type."""
    for function in _functions(module):
        bound: dict[str, set[str]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.ExceptHandler) and node.name is not None and node.type is not None:
                bound.setdefault(node.name, set()).add(ast.unparse(node.type))
        for name, kinds in bound.items():
            assert len(kinds) == 1, f"{module.path}: {function.name} binds {name} to {sorted(kinds)}"


def _calls_of_print(module: Module) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


def test_only_the_command_line_prints() -> None:
    printers = {module.path for module in modules() if _calls_of_print(module)}
    assert printers <= {"cli.py"}


def test_every_write_command_says_how_it_reaches_the_log() -> None:
    """A write that logs itself must do the same when it is run again, later, from the log: see `effects`."""
    writes = {spec.name for spec in all_specs() if spec.flags & WRITE}
    unclassified = writes - DETERMINISTIC - NAMES_EFFECTS.keys()
    assert not unclassified, f"add them to tests/metamorphic/effects.py: {sorted(unclassified)}"
    assert not DETERMINISTIC & NAMES_EFFECTS.keys()


def test_no_command_both_writes_and_only_reads() -> None:
    both = {spec.name for spec in all_specs() if spec.flags & WRITE and spec.flags & READONLY}
    assert not both
