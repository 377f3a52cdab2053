"""Compiles the package with mypyc where a C compiler is found; pure Python otherwise, or with PYREDIS_PURE=1."""

from __future__ import annotations

import ast
import json
import os
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import setup

INTERPRETED = {
    "__init__.py",
    "__main__.py",
    "cli.py",
    "log_syslog.py",
}
"""File names that stay interpreted, with all of `tools`: they run once, at start-up, or instead of a server."""

SUMMARIES = Path("pyredis/commands/summaries.json")
"""The first lines of the handlers' docstrings, which mypyc leaves out; COMMAND DOCS shows them."""


def has_compiler() -> bool:
    """Whether the compiler that this Python was configured with can be run."""
    if sys.platform == "win32":
        return True
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    return shutil.which(compiler) is not None


def extensions() -> list[object]:
    """The modules to compile, as one group so that calls between them are C calls."""
    if os.environ.get("PYREDIS_PURE") == "1" or "editable_wheel" in sys.argv or not has_compiler():
        return []
    try:
        from mypyc.build import mypycify
    except ImportError:
        return []
    write_summaries()
    paths = sorted(
        str(path)
        for path in Path("pyredis").rglob("*.py")
        if path.name not in INTERPRETED and path.parent.name != "tools"
    )
    level = os.environ.get("PYREDIS_OPT_LEVEL", "3")  # 0 compiles in a third of the time, to try things out
    made = mypycify(paths, opt_level=level, debug_level="0", group_name="pyredis")
    if sys.platform != "win32":
        # Nobody replaces a function of this library by one of the same name, so calls may be direct, or inlined.
        for extension in made:
            extension.extra_compile_args.append("-fno-semantic-interposition")
    return list(made)


def write_summaries() -> None:
    """Keeps what compiled handlers cannot say about themselves, by module and name."""
    summaries: dict[str, str] = {}
    for path in sorted(SUMMARIES.parent.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                docstring = ast.get_docstring(node) or ""
                summaries[f"pyredis.commands.{path.stem}.{node.name}"] = docstring.split("\n")[0]
    SUMMARIES.write_text(json.dumps(summaries, indent=0), encoding="utf-8")


setup(ext_modules=extensions())
