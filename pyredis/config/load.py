"""Reads the grammar of redis.conf into a `Config`.

A line is empty, a comment, or words quoted as the inline protocol quotes them: a directive and its arguments.
Later lines win, except that `save` adds to the lines before it; its first line replaces the defaults and
`save ""` starts afresh. A directive that takes any number of arguments may have them all in one quoted word.

Two differences from Redis, both on purpose: an `include` does not make the `save` lines after it replace each
other, and `dir` is remembered instead of entered (see `structured`); relative names of included files start
there too.
"""

from __future__ import annotations

import os
from typing import Final, cast

from pyredis.config import table
from pyredis.config.config import Config, PendingDirective
from pyredis.config.directives import MULTI_ARG, Directive
from pyredis.config.errors import ConfigError, InvalidValue
from pyredis.config.structured import SaveRules
from pyredis.config.values import c_string
from pyredis.protocol.inline import split_args

BAD_DIRECTIVE: Final = "Bad directive or wrong number of arguments"
INCLUDE_DEPTH_MAX: Final = 100
_BLANKS: Final = b" \t\r\n"
# Accepted with one argument, and ignored, because they meant something to older versions.
_OBSOLETE: Final = ("list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands")


def as_text(line: bytes) -> str:
    """`line` for an error message; bytes that are not UTF-8 survive as escapes of `os.fsdecode`."""
    return line.decode("utf-8", "surrogateescape")


class Loader:
    """Feeds sources to one `Config`; the `save` lines of all its sources belong together."""

    def __init__(self, config: Config) -> None:
        self._config: Config = config
        self._has_save: bool = False
        self._depth: int = 0

    def load(self, path: str, extra: bytes) -> None:
        """Reads the file at `path`, if any, followed by `extra`; raises `ConfigError` at the first fault."""
        self.load_text((self._read(os.fsencode(path)) if path else b"") + extra)

    def load_text(self, source: bytes) -> None:
        """Reads a whole source, counting its lines from 1."""
        for number, raw in enumerate(source.split(b"\n"), 1):
            line = raw.strip(_BLANKS)
            if not line or line.startswith(b"#"):
                continue
            argv = split_args(line)
            if argv is None:
                raise ConfigError(number, as_text(line), "Unbalanced quotes in configuration line")
            if argv:
                self.apply_line(argv, number, as_text(line))
        self._check_whole()

    def apply_line(self, argv: list[bytes], number: int, line: str) -> None:
        """Carries out one directive; `number` and `line` are what an error shows."""
        argv[0] = argv[0].lower()
        try:
            row = table.find(argv[0])
            if row is not None:
                self.set_row(row, argv[1:])
            else:
                self._apply_file_only(argv, number, line)
        except InvalidValue as error:
            raise ConfigError(number, line, error.message) from None

    def set_row(self, row: Directive, args: list[bytes]) -> None:
        """Gives one directive of the table its arguments; raises `InvalidValue`."""
        if row.has(MULTI_ARG) and len(args) == 1 and args[0]:
            # Unbalanced quotes inside the word leave no arguments, as in Redis.
            args = split_args(args[0]) or []
        value = self._config.parse(row, args)
        if row.name == "save":
            is_reset = len(args) == 1 and c_string(args[0]) == b""
            if self._has_save and not is_reset:
                value = (*self._config.save_rules(), *cast("SaveRules", value))
            self._has_save = True
        self._config.assign(row.name, value)

    def _apply_file_only(self, argv: list[bytes], number: int, line: str) -> None:
        name = argv[0].decode("latin-1")
        count = len(argv) - 1
        if name in _OBSOLETE and count == 1:
            return
        if name == "include" and count == 1:
            self._include(argv[1])
        elif (
            (name == "rename-command" and count == 2)
            or (name in ("user", "loadmodule") and count >= 1)
            or ("." in name and count >= 1)
        ):
            self._config.pending.append(PendingDirective(number, line, argv))
        elif "." in name:
            raise InvalidValue("Module config specified without value")
        elif name == "sentinel":
            if count:
                raise InvalidValue("sentinel directive while not in sentinel mode")
        else:
            raise InvalidValue(BAD_DIRECTIVE)

    def _include(self, name: bytes) -> None:
        if self._depth == INCLUDE_DEPTH_MAX:
            raise InvalidValue("Included files include each other too deeply")
        self._depth += 1
        self.load_text(self._read(name))
        self._depth -= 1

    def _read(self, name: bytes) -> bytes:
        """The file `name`, or with a wildcard all the files it matches, in the order of their names."""
        base = self._config.get_bytes("dir")
        if not any(wildcard in name for wildcard in (b"*", b"?", b"[")):
            return _read_file(base, name)
        from glob import glob

        return b"".join([_read_file(base, match) for match in sorted(glob(name, root_dir=base))])

    def _check_whole(self) -> None:
        """What Redis checks after the last line: these errors name no line."""
        logfile = self._config.get_str("logfile")
        if logfile:
            try:
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
                os.close(os.open(self._config.resolve_path(logfile), flags, 0o644))
            except OSError as error:
                raise ConfigError(0, "", f"Can't open the log file: {error.strerror}") from None
        if self._config.get_bool("cluster-enabled") and self._config.replicaof() is not None:
            raise ConfigError(0, "", "replicaof directive not allowed in cluster mode")


def _read_file(base: bytes, name: bytes) -> bytes:
    try:
        with open(os.path.join(base, name), "rb") as file:
            return file.read()
    except OSError as error:
        message = f"Fatal error, can't open config file '{as_text(name)}': {error.strerror}"
        raise ConfigError(0, "", message, False) from None
