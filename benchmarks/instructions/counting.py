"""Starts callgrind on the player, and reads what it counted."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from benchmarks.instructions.workloads import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.instructions.workloads import Cell

HERE: Final = Path(__file__).resolve().parent
TIMEOUT_SECONDS: Final = 300
NAME: Final = re.compile(r"^desc: Trigger: Client Request: (.*)$", re.MULTILINE)
TOTAL: Final = re.compile(r"^summary: (\d+)", re.MULTILINE)
KEPT: Final = ("PATH", "HOME", "LD_LIBRARY_PATH")
"""Of the environment; the rest would move the stack, or change what Python does."""


PLAIN_COPIES: Final = "glibc.cpu.hwcaps=" + ",".join(
    f"-{name}"
    for name in (
        "AVX512F",
        "AVX512VL",
        "AVX2",
        "AVX",
        "AVX_Fast_Unaligned_Load",
        "ERMS",
        "MOVBE",
        "BMI1",
        "BMI2",
    )
)
"""The C library copies and compares bytes in the same way on every processor."""


class Unavailable(Exception):
    """Raised where instructions cannot be counted: says what is missing."""


class Counted(NamedTuple):
    """Instructions per command by workload, and what the server was made with."""

    instructions: dict[str, float]
    facts: dict[str, str]


def read(files: Iterable[Path]) -> dict[str, float]:
    """Instructions per command of what callgrind wrote down at every mark."""
    found: dict[str, float] = {}
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        name, total = NAME.search(text), TOTAL.search(text)
        if name and total:
            found[name.group(1)] = int(total.group(1)) / COMMANDS
    return found


def _build_library(directory: Path) -> Path:
    """`steady.c`, compiled; Unavailable without a compiler or callgrind's header."""
    library = directory / "steady.so"
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise Unavailable("there is no C compiler")
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(HERE / "steady.c")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Unavailable(f"steady.c does not compile: {done.stderr.strip()[-300:]}")
    return library


def count(python: str, cells: list[Cell], directory: Path) -> Counted:
    """Plays the cells to the server that is installed for this Python; callgrind's files stay in the directory."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise Unavailable("valgrind is not installed")
    library = _build_library(directory)
    for stale in directory.glob("callgrind.out.*"):
        stale.unlink()
    plan, record = directory / "plan", directory / "facts.json"
    plan.write_bytes(pickle.dumps([tuple(cell) for cell in cells]))
    options = [
        "--instr-atstart=no",
        "--collect-atstart=no",
        f"--callgrind-out-file={directory}/callgrind.out",
    ]
    player = [
        os.path.abspath(python),
        "-P",
        "-s",
        str(HERE / "player.py"),
        *map(str, (library, plan, record)),
    ]
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    env |= {
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "LD_PRELOAD": str(library),
        "GLIBC_TUNABLES": PLAIN_COPIES,
    }
    done = subprocess.run(
        [valgrind, "--tool=callgrind", *options, *player],
        cwd=directory, env=env, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"the player failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    facts: dict[str, str] = json.loads(record.read_text(encoding="utf-8"))
    found = read(sorted(directory.glob("callgrind.out.*")))
    if missing := {cell.name for cell in cells} - found.keys():
        raise SystemExit(f"callgrind wrote nothing about {', '.join(sorted(missing))}")
    return Counted({cell.name: found[cell.name] for cell in cells}, facts)
