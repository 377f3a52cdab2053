"""Builds the client programs in compiled languages: `python -m tests.clients.builds`, which `make clients` runs.

A language whose tools are not installed, or whose packages cannot be fetched, is left out, and its test skips. A
program that does not compile is an error. Everything lies in build/clients/<language>, so that only a change builds
again. The first time all three take some 80 seconds of processor time: 35 for Rust, as much for Go, whose standard
library is compiled too, and 6 for Java.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
PROGRAMS: Final = HERE / "programs"
ENVIRONMENTS: Final = Path(
    os.environ.get("PYREDIS_TEST_CLIENTS", str(HERE.parents[1] / "build" / "clients"))
).resolve()
SECONDS: Final = 300
"""For each step: fetching is as slow as the network, and compiling as the machine."""


class Language:
    """How the packages of a program are fetched, and how it is compiled and run; `{folder}` is where that happens."""

    def __init__(
        self, name: str, tools: list[str], fetch: list[str], build: list[str], run: list[str]
    ) -> None:
        self.name = name
        self.tools = tools
        self.fetch = fetch
        self.build = build
        self.run = run

    @property
    def folder(self) -> Path:
        """Where it is built."""
        return ENVIRONMENTS / self.name

    @property
    def stamp(self) -> Path:
        """Exists when the build has succeeded."""
        return self.folder / ".built"

    def missing_tool(self) -> str | None:
        """The first tool that is not installed."""
        return next((tool for tool in self.tools if shutil.which(tool) is None), None)

    def is_current(self) -> bool:
        """Whether the build is younger than all sources."""
        sources = [path for path in (PROGRAMS / self.name).rglob("*") if path.is_file()]
        return self.stamp.exists() and all(
            path.stat().st_mtime <= self.stamp.stat().st_mtime for path in sources
        )


LANGUAGES: Final = {
    language.name: language
    for language in (
        Language(
            "go",
            ["go"],
            ["go", "mod", "tidy"],
            ["go", "build", "-o", "client", "."],
            ["{folder}/client"],
        ),
        Language(
            "rust",
            ["cargo"],
            ["cargo", "fetch", "--quiet"],
            ["cargo", "build", "--quiet", "--offline"],
            ["{folder}/target/debug/pyredis-client"],
        ),
        Language(
            "java",
            ["javac", "java", "mvn"],
            ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"],
            ["javac", "-cp", "lib/*", "-d", "classes", "src/main/java/Program.java"],
            ["java", "-cp", f"{{folder}}/classes{os.pathsep}{{folder}}/lib/*", "Program"],
        ),
    )
}


def build(language: Language) -> str:
    """Builds one program; returns what was done."""
    tool = language.missing_tool()
    if tool is not None:
        return f"left out, there is no {tool}"
    if language.is_current():
        return "up to date"
    language.folder.mkdir(parents=True, exist_ok=True)
    language.stamp.unlink(missing_ok=True)
    shutil.copytree(PROGRAMS / language.name, language.folder, dirs_exist_ok=True)
    try:
        fetched = subprocess.run(
            language.fetch, cwd=language.folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "left out, fetching its packages takes too long"
    if fetched.returncode != 0:
        print(fetched.stdout + fetched.stderr, file=sys.stderr)
        return "left out, its packages cannot be fetched"
    subprocess.run(language.build, cwd=language.folder, timeout=SECONDS, check=True)
    language.stamp.touch()
    return "built"


def main() -> None:
    """Builds the languages named, or all."""
    for name in sys.argv[1:] or LANGUAGES:
        print(f"{name}: {build(LANGUAGES[name])}", flush=True)


if __name__ == "__main__":
    main()
