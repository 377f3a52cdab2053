"""`pyredis check-rdb` and `pyredis check-aof`: is a file whole, and if not, from where on.

They report in the form of redis-check-rdb and redis-check-aof, and exit with 1 when something is wrong.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from pyredis.clock import Clock
from pyredis.config import Config
from pyredis.engine.engine import Engine, Host
from pyredis.persistence.aof_commands import AofFormatError, CommandReader
from pyredis.persistence.aof_manifest import ManifestError, parse_manifest
from pyredis.persistence.errors import RdbError
from pyredis.persistence.rdb_file import FileSource
from pyredis.persistence.rdb_input import RdbInput
from pyredis.persistence.rdb_reader import UNSET, RdbReader, RdbReceiver

PIECE_BYTES = 1 << 20
RDB_MAGIC = b"REDIS"


class CheckedFile(RdbReceiver):
    """Tells what an RDB file holds while it is read."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.reader: RdbReader | None = None
        self.keys = 0
        self.expires = 0
        self.expired = 0
        self.last_key = b""

    def say(self, text: str) -> None:
        """One line, behind the offset that has been reached."""
        offset = self.reader.data.offset() if self.reader is not None else 0
        click.echo(f"[offset {offset}] {text}")

    def auxiliary(self, name: bytes, value: bytes) -> None:
        """A fact about the file."""
        self.say(f"AUX FIELD {name.decode(errors='replace')} = '{value.decode(errors='replace')}'")

    def select(self, index: int) -> str:
        """The keys of another database follow."""
        self.say(f"Selecting DB ID {index}")
        return ""

    def key(self, key: bytes, value: Any, deadline_ms: int, idle_seconds: int, frequency: int) -> str:
        """Counts a key."""
        self.keys += 1
        self.last_key = key
        if deadline_ms != UNSET:
            self.expires += 1
            self.expired += deadline_ms < self.now_ms
        return ""

    def library(self, source: bytes) -> str:
        """The source of a library of functions."""
        self.say(f"FUNCTION LIBRARY of {len(source)} bytes")
        return ""


def read_snapshot(path: str) -> tuple[bool, int]:
    """Reads an RDB file, telling what is found; whether it is whole, and how far it is good."""
    clock = Clock()
    clock.refresh()
    engine = Engine(Config(), clock, [], Host())
    found = CheckedFile(clock.now_ms)
    found.say(f"Checking RDB file {os.path.basename(path)}")
    source = FileSource(path)
    reader = RdbReader(RdbInput(source), found, engine)
    found.reader = reader
    good = True
    try:
        reader.begin()
        while reader.step(1000):
            pass
        found.say("\\o/ RDB looks OK! \\o/")
    except RdbError as error:
        good = False
        click.echo("--- RDB ERROR DETECTED ---")
        click.echo(f"[offset {error.offset}] {error.reason}")
        if found.last_key:
            click.echo(f"[additional info] After the key {found.last_key!r}")
    finally:
        source.close()
    click.echo(f"[info] {found.keys} keys read")
    click.echo(f"[info] {found.expires} expires")
    click.echo(f"[info] {found.expired} already expired")
    return good, int(reader.end) if good else 0


class Analysis:
    """How much of a file of commands is good: up to `good` of `size` bytes; `late` is where a time is exceeded."""

    def __init__(self, path: str, start: int) -> None:
        self.path = path
        self.name = os.path.basename(path)
        self.size = os.path.getsize(path)
        self.good = start
        self.late: int | None = None

    def run(self, until: int | None) -> None:
        """Reads the commands from `good` on."""
        reader = CommandReader(self.good)
        in_transaction = False
        with open(self.path, "rb") as file:
            file.seek(self.good)
            try:
                while piece := file.read(PIECE_BYTES):
                    reader.feed(piece)
                    while (argv := reader.next_command()) is not None:
                        if until is not None and self.late is None and reader.timestamp > until:
                            self.late = self.good
                        name = argv[0].lower()
                        in_transaction = (in_transaction or name == b"multi") and name != b"exec"
                        if not in_transaction:
                            self.good = reader.offset
                if reader.is_at_end() and not in_transaction:
                    self.good = self.size
                elif in_transaction:
                    click.echo("Reached EOF before reading EXEC for MULTI")
            except AofFormatError as error:
                click.echo(f"0x{error.offset:16x}: Expected {error.expected}")

    def report(self) -> None:
        """One line."""
        counts = f"size={self.size}, ok_up_to={self.good}, diff={self.size - self.good}"
        click.echo(f"AOF analyzed: filename={self.name}, {counts}")


def check_log(path: str, kind: str, is_last: bool, fix: bool, until: int | None) -> bool:
    """Checks one file of a log, and cuts it if asked and allowed."""
    with open(path, "rb") as file:
        has_snapshot = file.read(len(RDB_MAGIC)) == RDB_MAGIC
    start = 0
    if has_snapshot:
        good, start = read_snapshot(path)
        if not good:
            click.echo("RDB preamble of AOF file is not sane, aborting.")
            return False
        click.echo("RDB preamble is OK, proceeding with AOF tail...")
    analysis = Analysis(path, start)
    analysis.run(until)
    analysis.report()
    if until is not None:
        return _cut_at_time(analysis, until, is_last)
    if analysis.good == analysis.size:
        click.echo(f"{kind}AOF {analysis.name} is valid")
        return True
    if not fix:
        click.echo(f"AOF {analysis.name} is not valid. Use the --fix option to try fixing it.")
        return False
    if not is_last:
        click.echo(f"Failed to truncate AOF {analysis.name} because it is not the last file")
        return False
    return _cut(analysis, analysis.good)


def _cut_at_time(analysis: Analysis, until: int, is_last: bool) -> bool:
    if analysis.late is None:
        click.echo(f"AOF {analysis.name} has nothing later than {until}")
        return True
    if not is_last:
        click.echo(
            f"Failed to truncate AOF {analysis.name} to timestamp {until} because it is not the last file"
        )
        return False
    return _cut(analysis, analysis.late)


def _cut(analysis: Analysis, size: int) -> bool:
    click.echo(
        f"This will shrink the AOF {analysis.name} from {analysis.size} bytes, "
        f"with {analysis.size - size} bytes, to {size} bytes"
    )
    click.echo("Continue? [y/N]: ", nl=False)
    if not sys.stdin.readline().lower().startswith("y"):
        click.echo("Aborting...")
        return False
    with open(analysis.path, "r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())
    click.echo(f"Successfully truncated AOF {analysis.name}")
    return True


@click.command("check-rdb")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
def check_rdb(path: str) -> None:
    """Checks an RDB file: every record, and the checksum."""
    good, end = read_snapshot(path)
    if good and end < os.path.getsize(path):
        click.echo(f"[info] {os.path.getsize(path) - end} bytes behind the end")
    sys.exit(0 if good else 1)


@click.command("check-aof")
@click.option("--fix", is_flag=True, help="Cut off what is broken at the end of the last file, after asking.")
@click.option(
    "--truncate-to-timestamp", "until", type=int, metavar="SECONDS",
    help="Cut off what was written after a time (needs `aof-timestamp-enabled`).",
)  # fmt: skip
@click.argument("path", metavar="FILE.MANIFEST|FILE.AOF", type=click.Path(exists=True, dir_okay=False))
def check_aof(path: str, fix: bool, until: int | None) -> None:
    """Checks an append only file, whole or one of its parts."""
    if not path.endswith(".manifest"):
        click.echo("Start checking Old-Style AOF")
        sys.exit(0 if check_log(path, "", True, fix, until) else 1)
    click.echo("Start checking Multi Part AOF")
    try:
        manifest = parse_manifest(Path(path).read_bytes())
    except ManifestError as error:
        click.echo(f"Invalid manifest: {error}: {error.line}")
        sys.exit(1)
    files = manifest.files()
    for position, file in enumerate(files):
        kind = "BASE " if file is manifest.base else "INCR "
        part = os.path.join(os.path.dirname(path), file.name)
        if not os.path.exists(part):
            click.echo(f"Cannot open file {part}: No such file or directory")
            sys.exit(1)
        if not check_log(part, kind, position == len(files) - 1, fix, until):
            sys.exit(1)
    click.echo("All AOF files and manifest are valid")
