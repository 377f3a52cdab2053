"""The manifest of a multi-part append only file: which files make up the log, and in which order.

One line for each file, as Redis 7 writes them: `file appendonly.aof.1.base.rdb seq 1 type b`. At most one base
comes first, then the increments in the order of their numbers. Files of the history are no longer needed and wait
to be removed.
"""

from __future__ import annotations

from typing import Final

from pyredis.protocol.inline import split_args

BASE: Final = "b"
INCREMENT: Final = "i"
HISTORY: Final = "h"

LINE_MAX: Final = 1024


class ManifestError(Exception):
    """A manifest that cannot be understood: the number of the line, the line, and what is wrong with it."""

    def __init__(self, number: int, line: str, reason: str) -> None:
        super().__init__(f"line {number}: {reason}")
        self.number: int = number
        self.line: str = line
        self.reason: str = reason


class LogFile:
    """One file of the log; its name has no directory."""

    def __init__(self, name: str, sequence: int, kind: str) -> None:
        self.name: str = name
        self.sequence: int = sequence
        self.kind: str = kind

    def line(self) -> str:
        """The file's line in the manifest."""
        return f"file {_quoted(self.name)} seq {self.sequence} type {self.kind}\n"


class Manifest:
    """The files of one log."""

    def __init__(self) -> None:
        self.base: LogFile | None = None
        self.increments: list[LogFile] = []
        self.history: list[LogFile] = []
        self.base_sequence: int = 0
        self.increment_sequence: int = 0

    def files(self) -> list[LogFile]:
        """What has to be loaded, in order."""
        return ([self.base] if self.base is not None else []) + self.increments

    def encode(self) -> bytes:
        """The text of the manifest file."""
        files = ([self.base] if self.base is not None else []) + self.history + self.increments
        return "".join([file.line() for file in files]).encode("utf-8", "surrogateescape")

    def copy(self) -> Manifest:
        """Another manifest of the same files, to be changed and kept only once it is on disk."""
        twin = Manifest()
        twin.base = self.base
        twin.increments = list(self.increments)
        twin.history = list(self.history)
        twin.base_sequence = self.base_sequence
        twin.increment_sequence = self.increment_sequence
        return twin

    def add_base(self, prefix: str, is_rdb: bool) -> LogFile:
        """A new base; the old one becomes history."""
        if self.base is not None:
            self.history.insert(0, LogFile(self.base.name, self.base.sequence, HISTORY))
        self.base_sequence += 1
        extension = "rdb" if is_rdb else "aof"
        self.base = LogFile(f"{prefix}.{self.base_sequence}.base.{extension}", self.base_sequence, BASE)
        return self.base

    def add_increment(self, prefix: str) -> LogFile:
        """A new last increment."""
        self.increment_sequence += 1
        name = f"{prefix}.{self.increment_sequence}.incr.aof"
        file = LogFile(name, self.increment_sequence, INCREMENT)
        self.increments.append(file)
        return file

    def retire_increments(self, keep: int) -> None:
        """Makes history of all increments but the last `keep`."""
        count = len(self.increments) - keep
        for file in self.increments[:count]:
            self.history.insert(0, LogFile(file.name, file.sequence, HISTORY))
        del self.increments[:count]


def parse_manifest(text: bytes) -> Manifest:
    """The manifest in a file's bytes; raises `ManifestError`."""
    manifest = Manifest()
    lines = text.decode("utf-8", "surrogateescape").split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    elif lines:
        raise ManifestError(len(lines), lines[-1], "The AOF manifest file contains too long line")
    if not lines:
        raise ManifestError(0, "", "Found an empty AOF manifest")
    for number, line in enumerate(lines, 1):
        if line.startswith("#"):
            continue
        if len(line) + 1 >= LINE_MAX:
            raise ManifestError(number, line, "The AOF manifest file contains too long line")
        reason = _add_line(manifest, line)
        if reason:
            raise ManifestError(number, line, reason)
    return manifest


def _add_line(manifest: Manifest, line: str) -> str:
    """Takes over one line; returns what is wrong with it, or nothing."""
    words = split_args(line.strip(" \t\r\n").encode("utf-8", "surrogateescape"))
    if not words or len(words) < 6 or len(words) % 2:
        return "Invalid AOF manifest file format"
    name, sequence, kind = "", 0, ""
    for position in range(0, len(words), 2):
        value = words[position + 1].decode("utf-8", "surrogateescape")
        word = words[position].lower()
        if word == b"file":
            name = value
            if "/" in name or "\\" in name:
                return "File can't be a path, just a filename"
        elif word == b"seq":
            sequence = int(value) if value.isascii() and value.isdigit() and len(value) < 19 else 0
        elif word == b"type":
            kind = value
    if name == "" or sequence == 0 or kind == "":
        return "Invalid AOF manifest file format"
    file = LogFile(name, sequence, kind)
    if kind == BASE:
        if manifest.base is not None:
            return "Found duplicate base file information"
        manifest.base = file
        manifest.base_sequence = sequence
    elif kind == HISTORY:
        manifest.history.append(file)
    elif kind == INCREMENT:
        if sequence <= manifest.increment_sequence:
            return "Found a non-monotonic sequence number"
        manifest.increments.append(file)
        manifest.increment_sequence = sequence
    else:
        return "Unknown AOF file type"
    return ""


def _quoted(name: str) -> str:
    """A file name as the manifest holds it: quoted where blanks or quotes would break the line up."""
    if all(character > " " and character not in "\"'\\\x7f" for character in name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return '"' + escaped.replace("\t", "\\t") + '"'
