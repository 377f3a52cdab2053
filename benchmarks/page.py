"""The page that sums the measurements up: `docs/benchmarks.md`, whose generated parts stand between markers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tests.support.servers import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

PAGE: Final = REPOSITORY / "docs" / "benchmarks.md"
RESULTS: Final = REPOSITORY / "benchmarks" / "results"
TRIALS: Final = REPOSITORY / "build" / "benchmarks"
"""Where what is not for the record goes: quick runs, and runs of a part."""


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a Markdown table; the first column is text, the others are numbers."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    cells = [[cell.replace("|", "\\|") for cell in row] for row in [header, rule, *rows]]
    return ["| " + " | ".join(row) + " |" for row in cells]


def replaced(text: str, name: str, lines: list[str]) -> str:
    """The text with the lines between the markers of that name; ValueError when it does not have them once."""
    begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    body = "\n".join([begin, "", *lines, "", end])
    made, count = pattern.subn(lambda _: body, text)
    if count != 1:
        raise ValueError(f"{name!r} is marked {count} times")
    return made


def update(name: str, lines: list[str], page: Path = PAGE) -> Path:
    """Writes a generated part anew."""
    page.write_text(replaced(page.read_text(encoding="utf-8"), name, lines), encoding="utf-8")
    return page
