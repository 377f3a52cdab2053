"""Blocks of code in the documentation, and what a reader would type of them.

A block is fenced or indented by four spaces. What it is follows from its language and its lines:

    console, or lines that begin with `$ ` or a prompt of redis-cli     typed as they are; what follows is expected
    python, javascript without a title                                  run as a program; an `output` block behind it
                                                                        is what it prints
    any with title="NAME"                                               a file of that name
    sh, or plain lines of commands                                      commands to choose from: checked, not run

`...` in what is expected stands for anything, lines included. `<!-- not run: REASON -->` before a block exempts it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

REPOSITORY: Final = Path(__file__).resolve().parents[2]

PROMPT: Final = re.compile(r"^127\.0\.0\.1:\d+(?:\[\d+\])?(?:\(TX\)|\(subscribed mode\))?> ")
SHELL: Final = "$ "

_FENCE: Final = re.compile(r"^(\s*)(```+|~~~+)\s*([\w-]*)(.*)$")
_TITLE: Final = re.compile(r'title="([^"]+)"')
_MARKER: Final = re.compile(r"^<!-- not run: (.+) -->$")
_LIST_ITEM: Final = re.compile(r"^\s*(?:[*+-]|\d+\.) ")


class Block(NamedTuple):
    """A block of code, its indentation removed; `line` is where it begins in the file."""

    line: int
    language: str
    title: str
    text: str
    reason: str
    """Why it cannot be run, if it says so."""

    @property
    def is_session(self) -> bool:
        """Whether somebody types and something answers."""
        lines = self.text.splitlines()
        return self.language in ("console", "") and any(is_input(line) for line in lines)


class Step(NamedTuple):
    """What is typed at one prompt, and all that comes before the next one."""

    line: int
    arguments: str
    """The shell command, or how redis-cli was started."""
    requests: list[str]
    """What is typed at redis-cli's prompt; empty for a shell command."""
    expected: str


def is_input(line: str) -> bool:
    """Whether something is typed in this line."""
    return line.startswith(SHELL) or PROMPT.match(line) is not None


def documents() -> list[Path]:
    """Every page that people write."""
    top = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    return top + sorted((REPOSITORY / "docs").rglob("*.md"))


def blocks(text: str) -> list[Block]:
    """The blocks of a page, in order."""
    found: list[Block] = []
    lines = text.splitlines()
    reason = ""
    in_list = False
    number = 0
    while number < len(lines):
        line = lines[number]
        start = number
        if fence := _FENCE.match(line):
            number += 1
            while number < len(lines) and lines[number].strip() != fence[2]:
                number += 1
            body = [inner.removeprefix(fence[1]) for inner in lines[start + 1 : number]]
            name = _TITLE.search(fence[4])
            found.append(Block(start + 1, fence[3], name[1] if name else "", "\n".join(body) + "\n", reason))
            reason = ""
        elif line.startswith("    ") and not in_list and (start == 0 or not lines[start - 1].strip()):
            while number < len(lines) and (lines[number].startswith("    ") or not lines[number].strip()):
                number += 1
            number -= 1
            body = [inner[4:] for inner in lines[start : number + 1]]
            found.append(Block(start + 1, "", "", "\n".join(body).rstrip() + "\n", reason))
            reason = ""
        elif marker := _MARKER.match(line.strip()):
            reason = marker[1]
        elif line.strip():
            reason = ""
            # What is indented below an item belongs to it.
            in_list = bool(_LIST_ITEM.match(line)) or (in_list and line.startswith(" "))
        number += 1
    return found


def prose(text: str) -> str:
    """The page without its blocks; lines keep their numbers."""
    lines = text.splitlines()
    for block in blocks(text):
        for number in range(block.line - 1, block.line + block.text.count("\n") + 1):
            if number < len(lines) and (
                lines[number].startswith("    ") or block.language or "```" in lines[number]
            ):
                lines[number] = ""
    return "\n".join(lines)


def steps(block: Block) -> list[Step]:
    """What a session types, and what it expects; prompts of redis-cli that follow each other are one session."""
    result: list[Step] = []
    for offset, line in enumerate(block.text.splitlines()):
        prompt = PROMPT.match(line)
        number = block.line + offset
        if line.startswith(SHELL):
            result.append(Step(number, line.removeprefix(SHELL), [], ""))
        elif prompt:
            request = line[prompt.end() :]
            last = result[-1] if result else None
            if last is not None and last.requests:
                last.requests.append(request)
            elif (
                last is not None
                and re.fullmatch(r"redis-cli(?: -\S+ \S+)*", last.arguments)
                and not last.expected
            ):
                result[-1] = Step(last.line, last.arguments, [request], "")
            else:
                result.append(Step(number, "redis-cli", [request], ""))
        elif result:
            result[-1] = result[-1]._replace(expected=result[-1].expected + line + "\n")
    return result


def same_output(expected: str, got: str) -> bool:
    """Whether `got` is what was expected, apart from blank lines; `...` stands for anything."""
    wanted = [
        re.escape(line.rstrip()).replace(r"\.\.\.", ".*") for line in expected.splitlines() if line.strip()
    ]
    lines = "\n".join(line.rstrip() for line in got.splitlines() if line.strip())
    return re.fullmatch("\n".join(wanted), lines, re.DOTALL) is not None
