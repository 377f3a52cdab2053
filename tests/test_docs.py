"""The documentation holds: what it tells people to type works, and what it names exists.

Each page is a story in a folder of its own: its files are written, its servers started on free ports in place of those
that it names, and its sessions typed, one after the other. See `tests.support.documents` for what a block is.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import posixpath
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import pyredis
from pyredis.cli import TOOLS
from pyredis.commands import all_specs
from pyredis.commands.syntax import Argument, parse_syntax
from pyredis.config import ConfigError, load_arguments
from pyredis.config.errors import InvalidValue
from pyredis.config.sources import ENVIRONMENT_EXCLUDED
from pyredis.config.table import DIRECTIVES, FILE_ONLY, NAMES
from pyredis.protocol.inline import split_args
from scripts import build_docs, docs_commands, docs_directives
from scripts.command_coverage import listed
from tests.support.documents import (
    REPOSITORY,
    Block,
    Step,
    blocks,
    documents,
    prose,
    same_output,
    steps,
)
from tests.support.process import ServerProcess, reserve_port
from tests.support.servers import FAULTS, find_redis_server, pyredis_command

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

SECONDS: Final = 20
PACKAGE: Final = Path(pyredis.__file__).parent
PAGES: Final = documents()
CLIENTS: Final = Path(os.environ.get("PYREDIS_TEST_CLIENTS", str(REPOSITORY / "build" / "clients")))
PROGRAMS: Final = frozenset((
    "pyredis", "redis-cli", "redis-server", "redis-benchmark", "python",
    "cat", "chmod", "cp", "curl", "echo", "grep", "head", "kill", "ls", "mkdir", "openssl", "tail",
))  # fmt: skip
"""What a session may call; anything else has to be exempted, with a reason."""

PORT: Final = re.compile(r"(?:port[ =]+|-p |127\.0\.0\.1[: ]|localhost:|listen\()(\d{4,5})\b", re.IGNORECASE)
CODE: Final = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)

CHOICES: Final = {word for directive in DIRECTIVES for word, _ in directive.choices}
"""Values that are words: `allkeys-lru`."""

NO_DIRECTIVES: Final = frozenset(
    (
        "redis-cli",
        "redis-server",
        "redis-benchmark",
        "redis-py",
        "redis-tools",
        "check-rdb",
        "check-aof",
        "django-redis",
        "tot-mem",
        "malloc-trim",
    )
)
"""What is written like a directive and is none."""
NO_COMMANDS: Final = frozenset(("ARGV",))
"""What is written like a command and is none; the codes of errors are read from where they are."""


def page_id(page: Path) -> str:
    """How a page is named in the output of pytest."""
    return page.relative_to(REPOSITORY).as_posix()


def is_typed(block: Block) -> bool:
    """Whether there is something to run."""
    program = block.language in ("python", "javascript") and not block.title
    return not block.reason and (
        block.is_session or program or (block.language == "javascript" and bool(block.title))
    )


TYPED: Final = [page for page in PAGES if any(map(is_typed, blocks(page.read_text(encoding="utf-8"))))]


class DocumentedServer(ServerProcess):
    """A server that a page has started, in the page's folder."""

    def check_log(self) -> None:
        """Fails if the log has a traceback."""
        assert FAULTS.search(self.log()) is None, self.log()


class Story:
    """A page as somebody follows it."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder / "page"
        self.folder.mkdir()
        self.ports: dict[str, int] = {}
        self.holders: list[socket.socket | None] = []
        self.servers: dict[int, DocumentedServer] = {}
        self.shown = ""
        for port in sorted({"6379", *PORT.findall(text)}):
            self.ports[port], holder = reserve_port()
            self.holders.append(holder)
        self.environment = {**os.environ, **self._tools(folder / "bin")}

    def _tools(self, tools: Path) -> dict[str, str]:
        """The programs as the page calls them, and the environment in which they are found."""
        tools.mkdir()
        command, needed = pyredis_command()
        port = self.ports["6379"]
        scripts = {
            "pyredis": f'exec {shlex.join(command)} "$@"',
            "python": f'exec {shlex.quote(sys.executable)} "$@"',
        }
        if cli := shutil.which("redis-cli"):
            scripts["redis-cli"] = f'exec {cli} $REDIS_CLI_FORM -p {port} "$@"'
        for name, line in scripts.items():
            (tools / name).write_text(f"#!/bin/sh\n{line}\n")
            (tools / name).chmod(0o755)
        return {
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "PYREDIS_PORT": str(port), "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "REDIS_URL": f"redis://127.0.0.1:{port}",
            "PYTHONPATH": str(REPOSITORY), **needed,
        }  # fmt: skip

    def translate(self, text: str) -> str:
        """`text` with the ports of this run."""
        return re.sub(r"\b\d{4,5}\b", lambda match: str(self.ports.get(match[0], match[0])), text)

    def start(self, line: str, expected: str) -> None:
        """Starts a server as a page says, once the one on its port has ended."""
        words = shlex.split(line)
        added: dict[str, str] = {}
        while "=" in words[0]:
            name, _, added[name] = words.pop(0).partition("=")
        port = self._port_of(words, added)
        if port in self.servers:
            self.servers.pop(port).stop()
        # The logs are in a folder of the process, the files of the server in that of the page.
        command = ["/bin/sh", "-c", f'cd {shlex.quote(str(self.folder))} && exec "$@"', "sh", *words]
        server = DocumentedServer(command, port=port, env={**self.environment, **added})
        try:
            server.start()
        except BaseException:
            server.close()
            raise
        self.servers[port] = server
        wanted = [line.strip(" .") for line in expected.splitlines()]
        deadline = time.monotonic() + SECONDS
        while not all(line in (log := self._logged(server)) for line in wanted):
            assert time.monotonic() < deadline, log
            time.sleep(0.01)

    def _logged(self, server: DocumentedServer) -> str:
        """What servers have logged: this one, and those that log to a file."""
        return server.log() + "".join(path.read_text() for path in self.folder.glob("*.log"))

    def _port_of(self, words: list[str], added: dict[str, str]) -> int:
        if words[0] == "redis-server":
            if find_redis_server() is None:
                pytest.skip("redis-server is not installed")
            return int(words[words.index("--port") + 1])
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            patch.setenv("PYREDIS_PORT", self.environment["PYREDIS_PORT"])
            for name, value in added.items():
                patch.setenv(name, value)
            return load_arguments(words[1:]).get_int("port")

    def need_server(self) -> None:
        """Starts the server that a page takes for granted."""
        if self.ports["6379"] not in self.servers:
            self.start('pyredis --save ""', "")

    def type(self, step: Step) -> None:
        """Types one step and compares what is shown."""
        line, expected = self.translate(step.arguments), self.translate(step.expected)
        words = [word for word in shlex.split(line) if "=" not in word]
        assert words[0] in PROGRAMS, f"line {step.line}: {words[0]} is neither run nor exempted"
        if words[0] == "redis-server" or (
            words[0] == "pyredis" and (len(words) == 1 or words[1] not in TOOLS)
        ):
            self.start(line, expected)
            return
        if words[0].startswith("redis-"):
            if shutil.which(words[0]) is None:
                pytest.skip(f"{words[0]} is not installed")
            if not {"-p", "-s", "-u"} & set(words):
                self.need_server()
        # On a terminal redis-cli shows types; what goes elsewhere is plain.
        form = "--no-raw" if not re.search(r"[|>]", re.sub(r"'[^']*'", "", line)) else "--raw"
        requests = self.translate("".join(request + "\n" for request in step.requests))
        got = self.run(["bash", "-c", line], requests, {"REDIS_CLI_FORM": form})
        if "SHUTDOWN" in line + requests:
            # The connection ends before the process does.
            self.servers[int(words[words.index("-p") + 1]) if "-p" in words else self.ports["6379"]].wait()
        if expected or step.requests:
            assert same_output(expected, got), f"line {step.line}: {line}\nexpected:\n{expected}\ngot:\n{got}"

    def run(self, command: list[str], given: str = "", added: dict[str, str] | None = None) -> str:
        """Runs a program in the page's folder and returns what it shows; it has to succeed."""
        ended = subprocess.run(
            command, cwd=self.folder, env={**self.environment, **(added or {})}, input=given, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS,
        )  # fmt: skip
        assert ended.returncode == 0, f"{command}: {ended.stdout}"
        return ended.stdout

    def run_block(self, block: Block, place: int) -> None:
        """Runs a program, or reads it where what it needs is not installed."""
        suffix = ".py" if block.language == "python" else ".mjs"
        path = self.folder / (block.title or f"block{place}{suffix}")
        path.write_text(self.translate(block.text), encoding="utf-8")
        if block.language == "python":
            python = python_with(block.text)
            self.shown = ""
            if python is not None and not block.title:
                self.need_server()
                self.shown = self.run([python, str(path)])
            return
        node, installed = shutil.which("node"), CLIENTS / "node" / "node_modules"
        self.shown = ""
        if node is not None:
            self.run([node, "--check", str(path)])
            if installed.is_dir() and "listen(" not in block.text:
                (self.folder / "node_modules").symlink_to(installed)
                self.need_server()
                self.shown = self.run([node, str(path)])

    def close(self) -> None:
        """Stops everything."""
        try:
            for server in self.servers.values():
                server.stop()
        finally:
            for server in self.servers.values():
                server.close()
            for holder in self.holders:
                if holder is not None:
                    holder.close()


def python_with(text: str) -> str | None:
    """An interpreter that has what a program imports; None if there is none, then the program has only been parsed."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module.partition(".")[0])
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if not missing:
        return sys.executable
    for environment in ("python", "celery"):
        folder = CLIENTS / environment
        if all(any(folder.glob(f"lib/python*/site-packages/{name}")) for name in missing):
            return str(folder / "bin" / "python")
    return None


@pytest.fixture
def story(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Story]:
    telling = Story(tmp_path, request.param.read_text(encoding="utf-8"))
    try:
        yield telling
    finally:
        telling.close()


@pytest.mark.skipif(sys.platform == "win32", reason="the pages are written for a shell")
@pytest.mark.parametrize(
    ("page", "story"), [(page, page) for page in TYPED], ids=map(page_id, TYPED), indirect=["story"]
)
def test_examples(page: Path, story: Story) -> None:
    for place, block in enumerate(blocks(page.read_text(encoding="utf-8"))):
        if block.reason:
            continue
        if block.language == "output":
            if story.shown:
                assert same_output(block.text, story.shown), story.shown
        elif block.is_session:
            for step in steps(block):
                story.type(step)
        elif block.language in ("python", "javascript"):
            story.run_block(block, place)
        elif block.title:
            (story.folder / block.title).write_text(story.translate(block.text), encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_blocks_are_well_formed(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    monkeypatch.chdir(tmp_path)
    for name in ("redis.conf", "pyredis.toml"):
        (tmp_path / name).touch()
    for block in blocks(page.read_text(encoding="utf-8")):
        where = f"{page_id(page)}:{block.line}"
        if block.language == "python":
            ast.parse(block.text, where)
        elif block.language == "json":
            json.loads(block.text)
        elif block.language in ("toml", "conf"):
            if block.language == "toml":
                tomllib.loads(block.text)
            (tmp_path / f"block.{block.language}").write_text(block.text)
            load_arguments([f"block.{block.language}"])
        elif not block.is_session and block.language in ("sh", "") and not block.reason:
            for line in block.text.splitlines():
                check_command(line, targets, where)


def check_command(line: str, targets: set[str], where: str) -> None:
    """A line of a list of commands: does the server take the options, is there such a target?"""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return
    with pytest.MonkeyPatch.context() as patch:
        while words and re.match(r"[A-Z_]+=", words[0]):
            name, _, value = words.pop(0).partition("=")
            patch.setenv(name, value)
        if words[:1] == ["make"]:
            assert words[1] in targets, f"{where}: {line}"
        elif words[:1] == ["pyredis"] and (len(words) == 1 or words[1] not in TOOLS):
            try:
                load_arguments(words[1:])
            except ConfigError as error:
                pytest.fail(f"{where}: {line}: {error}")


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_directives_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    build = (REPOSITORY / "setup.py").read_text(encoding="utf-8")
    for name in re.findall(r"\bPYREDIS_[A-Z_]+[A-Z]\b", text):
        directive = name.removeprefix("PYREDIS_").lower().replace("_", "-")
        known = directive in NAMES or name in ENVIRONMENT_EXCLUDED or name.startswith("PYREDIS_TEST_")
        assert known or name in build, name
    for code in CODE.findall(prose(text)):
        name, _, value = code.removeprefix("--").partition(" ")
        if re.fullmatch(r"[a-z]+(-[a-z]+)+", name) and (
            not code.startswith("--") or page.parent.name != "design"
        ):
            assert name in NAMES or name in NO_DIRECTIVES or name in FILE_ONLY or name in CHOICES, code
        if name in NAMES and value and not code.startswith("--"):
            args = split_args(value.encode())
            assert args is not None, code
            try:
                NAMES[name].parse(args, NAMES[name].default)
            except InvalidValue as error:
                pytest.fail(f"`{code}`: {error.message}")


def tokens(arguments: list[Argument]) -> Iterator[str]:
    """The words in capitals that commands take."""
    for argument in arguments:
        if argument.token:
            yield argument.token
        yield from tokens(argument.arguments)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_commands_exist(page: Path) -> None:
    names = {spec.name for spec in all_specs()}
    options = {token for spec in all_specs() for token in tokens(parse_syntax(spec.syntax))}
    containers = {name.split(" ")[0] for name in names if " " in name}
    # What is missing may be named where it is told that it is missing.
    known = names | options | NO_COMMANDS | {name for group in listed().values() for name in group}
    known |= set(re.findall(r'b"-?([A-Z]{3,}) ', (PACKAGE / "errors.py").read_text(encoding="utf-8")))
    for code in CODE.findall(prose(page.read_text(encoding="utf-8"))):
        words = code.split()
        if not words or not re.fullmatch(r"[A-Z]{2,}(_RO)?", words[0]):
            continue
        assert words[0] in known, code
        if words[0] in containers and len(words) > 1 and words[1].isupper():
            assert " ".join(words[:2]) in names, code


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


@pytest.fixture(scope="module")
def site() -> dict[str, str]:
    return build_docs.site_pages()


@pytest.mark.parametrize(
    "page", PAGES + sorted((REPOSITORY / "benchmarks" / "results").glob("*.md")), ids=page_id
)
def test_links_lead_somewhere(page: Path, site: dict[str, str]) -> None:
    """Both in the repository and, for what is generated, on the site."""
    for link in LINK.findall(prose(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        place = posixpath.relpath(str(path), str(REPOSITORY / "docs"))
        assert path.exists() or place in site, link
        if anchor and path.is_file():
            assert anchor in map(slug, HEADING.findall(path.read_text(encoding="utf-8"))), link


def test_every_command_has_a_page_and_is_listed_once() -> None:
    pages = docs_commands.pages()
    index = pages[f"{docs_commands.FOLDER}/index.md"]
    for spec in all_specs():
        name = docs_commands.slug(spec.name)
        page = pages[f"{docs_commands.FOLDER}/{name}.md"]
        assert page.startswith(f"# {spec.name}\n")
        assert "\n\n.\n" not in page, "no summary"
        assert index.count(f"]({name}.md)") == 1
    for place, text in pages.items():
        for link in LINK.findall(text):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(place), link.partition("#")[0]))
            assert target in pages, (place, link)


def test_directives_are_listed_once_with_their_state() -> None:
    text = docs_directives.page()
    effective, idle = text.split("## Without effect")
    for row in DIRECTIVES:
        assert text.count(f'<a id="{row.name}">') == 1
        assert (f'<a id="{row.name}">' in effective) == (row.name in docs_directives.in_effect())
    assert {"appendonly", "maxclients", "save", "enable-debug-command", "enable-protected-configs"} <= (
        docs_directives.in_effect()
    )
    assert "jemalloc-bg-thread" in idle
    assert docs_directives.of_redis() <= {row.name for row in DIRECTIVES}


def test_every_page_is_in_the_navigation(site: dict[str, str]) -> None:
    shown = json.dumps(build_docs.navigation(site))
    for place in site:
        is_command = posixpath.dirname(place) == docs_commands.FOLDER and not place.endswith("/index.md")
        assert is_command or json.dumps(place) in shown, place
    for place, text in site.items():
        assert build_docs.title(text), place
