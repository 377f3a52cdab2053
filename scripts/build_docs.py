"""Builds the documentation site: `make docs`, or `python -m scripts.build_docs [--stage-only]`.

Three sources become one tree in `build/docs`, which mkdocs turns into `build/site`: the pages in `docs/`; pages made
from the table of commands and that of directives; and the notes that live elsewhere in the repository (CONTRIBUTING,
CHANGELOG, the results of benchmarks). Links between files of the repository are rewritten where the site has them at
another place. Nothing has to be listed here: a page that is put into a folder is on the site, and in its navigation.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from scripts import docs_commands, docs_directives

REPOSITORY: Final = Path(__file__).resolve().parent.parent
STAGE: Final = REPOSITORY / "build" / "docs"
SITE: Final = REPOSITORY / "build" / "site"
CONFIG: Final = REPOSITORY / "build" / "mkdocs.yml"

ELSEWHERE: Final = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Notes at the top of the repository, and where the site has them."""
BENCHMARKS: Final = "docs/benchmarks.md"
"""The page that the results stand under."""
RESULTS: Final = "benchmarks/results"

SECTIONS: Final = (
    ("Tutorial", "tutorial"),
    ("How to", "howto"),
    ("Design", "design"),
    ("Benchmarks", "benchmarks"),
)
OPERATIONS_ORDER: Final = (
    "configuration", "persistence", "memory-limit", "security", "tls", "monitoring", "logs", "service",
    "troubleshooting", "upgrading",
)  # fmt: skip
"""The order in which the pages on running the server are read; those that are not named come last."""
APART: Final = ("index", "architecture", "incompatibilities")
"""The pages at the top of `docs/` that are not about running the server."""

_LINK: Final = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
_HEADING: Final = re.compile(r"^# (.+)$", re.MULTILINE)


def sources() -> dict[str, str]:
    """The files of the repository that the site shows: their path there, and on the site."""
    files = {
        path.relative_to(REPOSITORY).as_posix(): path.relative_to(REPOSITORY / "docs").as_posix()
        for path in sorted((REPOSITORY / "docs").rglob("*"))
        if path.is_file()
    }
    files[BENCHMARKS] = "benchmarks/index.md"
    results = sorted((REPOSITORY / RESULTS).glob("*"))
    files |= {
        f"{RESULTS}/{path.name}": f"benchmarks/{path.name}"
        for path in results
        if path.suffix in (".md", ".svg")
    }
    return files | {name: place for name, place in ELSEWHERE.items() if (REPOSITORY / name).exists()}


def generated(written: dict[str, str]) -> dict[str, str]:
    """The pages that are made from tables or list other pages; `written` are the texts of the others."""
    pages = docs_commands.pages() | docs_directives.pages()
    for folder, title, text in (
        ("design", "Design", "What was decided, why, what was measured, and what was not taken."),
        ("howto", "How to", "Each page does one thing from start to end."),
    ):
        pages[f"{folder}/index.md"] = _listing(title, text, _in_folder(written, folder), written)
    places = [f"{name}.md" for name in operations(written)]
    pages["operations.md"] = _listing(
        "Running a server", "What to know to run pyredis for others.", places, written
    )
    return pages


def site_pages() -> dict[str, str]:
    """Every page of the site, by its path; links are those of the site."""
    files = sources()
    written = {
        place: (REPOSITORY / path).read_text(encoding="utf-8")
        for path, place in files.items()
        if path.endswith(".md")
    }
    pages = generated(written)
    places = dict(files)
    places |= {f"docs/{place}": place for place in pages}
    places |= {
        f"docs/{folder}": f"{folder}/index.md" for _, folder in SECTIONS if f"{folder}/index.md" in pages
    }
    places[RESULTS] = "benchmarks/index.md"
    for path, place in files.items():
        if path.endswith(".md"):
            pages[place] = relink(written[place], path, place, places) + _plot(place, written[place], files)
    return pages


def _plot(place: str, text: str, files: dict[str, str]) -> str:
    """The plot that belongs to a table of measurements, if the page does not show it itself."""
    plot = place.removesuffix(".md") + ".svg"
    name = posixpath.basename(plot)
    return f"\n![{title(text)}]({name})\n" if plot in files.values() and name not in text else ""


def relink(text: str, path: str, place: str, places: dict[str, str]) -> str:
    """`text` of the file `path` with the links that it needs at `place`; what the site does not have stays."""

    def replace(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), match[2]))
        if "://" in match[2] or target not in places:
            return match[0]
        link = posixpath.relpath(places[target], posixpath.dirname(place) or ".")
        return f"{match[1]}{link}{match[3] or ''}{match[4]}"

    return _LINK.sub(replace, text)


def title(text: str) -> str:
    """The title of a page, without the number of a decision."""
    match = _HEADING.search(text)
    return re.sub(r"^\d+[.:] ", "", match[1]) if match else ""


def operations(written: dict[str, str]) -> list[str]:
    """The names of the pages on running the server, in the order in which they are read: all that is nowhere else."""
    taken = {folder for _, folder in SECTIONS} | {"reference"}
    names = {place.removesuffix(".md") for place in written if place.partition("/")[0] not in taken}
    names -= {*APART, "operations", *(place.removesuffix(".md") for place in ELSEWHERE.values())}
    return [name for name in OPERATIONS_ORDER if name in names] + sorted(names - set(OPERATIONS_ORDER))


def navigation(pages: dict[str, str]) -> list[object]:
    """The navigation as mkdocs takes it."""
    nav: list[object] = ["index.md"]
    for name, folder in SECTIONS[:2]:
        nav.append({name: _nav_items(pages, folder)})
    nav.append({"Running a server": ["operations.md", *[f"{name}.md" for name in operations(pages)]]})
    nav.append({
        "Reference": [
            {"Commands": f"{docs_commands.FOLDER}/index.md"}, "reference/coverage.md", "reference/directives.md",
            "incompatibilities.md",
        ]
    })  # fmt: skip
    nav.append({"How it works": ["architecture.md", {"Design": _nav_items(pages, "design")}]})
    nav.append({"Benchmarks": _nav_items(pages, "benchmarks")})
    nav.append({"Project": list(ELSEWHERE.values())})
    return nav


def _nav_items(pages: dict[str, str], folder: str) -> list[object]:
    items: list[object] = [f"{folder}/index.md"] if f"{folder}/index.md" in pages else []
    return items + [{title(pages[place]): place} for place in _in_folder(pages, folder)]


def _in_folder(pages: dict[str, str], folder: str) -> list[str]:
    return sorted(
        place for place in pages if posixpath.dirname(place) == folder and not place.endswith("/index.md")
    )


def _listing(name: str, text: str, places: list[str], written: dict[str, str]) -> str:
    """A page of links to others."""
    here = posixpath.dirname(places[0]) if places and "/" in places[0] else ""
    links = [f"* [{title(written[place])}]({posixpath.relpath(place, here or '.')})" for place in places]
    return "\n".join([f"# {name}", "", text, "", *links, ""])


def stage() -> None:
    """Writes the tree that mkdocs reads, and its configuration."""
    shutil.rmtree(STAGE, ignore_errors=True)
    pages = site_pages()
    for place, text in pages.items():
        target = STAGE / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    for path, place in sources().items():
        if not path.endswith(".md"):
            (STAGE / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / path, STAGE / place)
    config = {
        "INHERIT": os.path.relpath(REPOSITORY / "mkdocs.yml", CONFIG.parent),
        "docs_dir": str(STAGE), "site_dir": str(SITE), "nav": navigation(pages),
    }  # fmt: skip
    CONFIG.write_text(json.dumps(config, indent=1), encoding="utf-8")  # JSON is YAML, too


def main() -> int:
    """Stages the pages and has mkdocs build them; a warning is a failure."""
    stage()
    if "--stage-only" in sys.argv[1:]:
        return 0
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(CONFIG)]
    # The theme advertises another tool on every run otherwise.
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, check=False, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
