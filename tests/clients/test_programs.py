"""Runs each program in `programs/` with its package against a server of its own; `make clients` installs them.

Python's clients live in two environments, as Celery and arq ask for different versions of redis-py; those of Node
beside them. Programs in compiled languages are a folder each, and `builds` makes them. Where an environment is missing
the tests skip.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.builds import ENVIRONMENTS, LANGUAGES, PROGRAMS, Language
from tests.support.servers import PyredisServer

SECONDS = 120
ALL = [
    path for path in sorted(PROGRAMS.iterdir()) if path.suffix in (".py", ".mjs") or path.name in LANGUAGES
]


def command(program: Path) -> list[str]:
    """How to run a program; skips where it cannot be."""
    if program.name in LANGUAGES:
        return built(LANGUAGES[program.name])
    if program.suffix == ".mjs":
        installed = ENVIRONMENTS / "node" / "node_modules"
        node = shutil.which("node")
        if node is None or not installed.is_dir():
            pytest.skip("no Node, or its packages are not installed: make clients")
        # Modules are looked for beside the program.
        copy = ENVIRONMENTS / "node" / program.name
        shutil.copy(program, copy)
        return [node, str(copy)]
    name = "celery" if program.stem.startswith("celery") else "python"
    python = ENVIRONMENTS / name / "bin" / "python"
    if not python.exists():
        pytest.skip("the packages are not installed: make clients")
    return [str(python), str(program)]


def built(language: Language) -> list[str]:
    """How to run a program that was compiled."""
    tool = language.missing_tool()
    if tool is not None:
        pytest.skip(f"there is no {tool}")
    if not language.is_current():
        pytest.skip("not built, or changed since: make clients")
    return [word.replace("{folder}", str(language.folder)) for word in language.run]


@pytest.mark.timeout(SECONDS + 30)
@pytest.mark.parametrize("program", ALL, ids=lambda program: str(program.name))
def test_program(program: Path) -> None:
    words = command(program)
    with PyredisServer("--save", "") as server:
        ended = subprocess.run(
            [*words, str(server.port)],
            cwd=PROGRAMS,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert ended.stdout.endswith("ok\n")
        server.stop()
