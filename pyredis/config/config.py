"""The configuration of one server: its values, typed access, CONFIG GET and CONFIG SET.

A `Config` starts with every default and is then fed by `pyredis.config.load`. Whoever needs a value on a hot
path keeps a copy and refreshes it in a callback given to `on_change`; everybody else asks here, which costs
one look-up in a dict. Invariant: each value is one that its directive's parser returned, or its default.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import cast

from pyredis.config import structured, table
from pyredis.config.directives import (
    DENY_LOADING,
    HIDDEN,
    IMMUTABLE,
    MULTI_ARG,
    PROTECTED,
    SENSITIVE,
    STRUCTURED,
    VOLATILE,
    Directive,
)
from pyredis.config.errors import ConfigError, ConfigSetError, InvalidValue
from pyredis.config.table_server import TITLE_VARIABLES, expand_title
from pyredis.config.values import c_string
from pyredis.datatypes.glob import glob_match

OnChange = Callable[["Config"], str | None]


class PendingDirective:
    """A line that the table cannot carry out: `rename-command`, `user`, `loadmodule`, `module.name`.

    The server takes them from `Config.pending` once it has what they need, and reports a bad one with
    `error`.
    """

    def __init__(self, line_number: int, line: str, argv: list[bytes]) -> None:
        self.line_number: int = line_number
        self.line: str = line
        self.name: str = argv[0].decode("latin-1")
        self.args: list[bytes] = argv[1:]

    def error(self, message: str) -> ConfigError:
        """The error that names this line."""
        return ConfigError(self.line_number, self.line, message)


class Config:
    """All values of one server."""

    def __init__(self, directory: str | None = None) -> None:
        self._values: dict[str, object] = {row.name: row.default for row in table.DIRECTIVES}
        self._values["dir"] = os.fsencode(os.path.realpath(directory or os.getcwd()))
        self._callbacks: dict[str, list[OnChange]] = {}
        self.config_file: str = ""
        """The absolute path of the file that was loaded and that CONFIG REWRITE writes, or empty."""
        self.pending: list[PendingDirective] = []
        self.is_undoing: bool = False
        """Whether the callbacks that run now follow a CONFIG SET that failed, back to the old values."""

    # Typed access. Names are those of the table or aliases; a wrong name or type is a bug of the caller.

    def get_value(self, name: str) -> object:
        """The value as its directive's parser returns it."""
        return self._values[table.NAMES[name].name]

    def get_int(self, name: str) -> int:
        """A number, a size in bytes, or a set of event classes."""
        value = self.get_value(name)
        assert isinstance(value, int), name
        return value

    def get_bool(self, name: str) -> bool:
        """A yes or no."""
        value = self.get_value(name)
        assert isinstance(value, bool), name
        return value

    def get_str(self, name: str) -> str:
        """A choice, or a string as a file name is decoded: bytes that are not UTF-8 survive `os.fsencode`."""
        value = self.get_value(name)
        if isinstance(value, str):
            return value
        assert isinstance(value, bytes), name
        return os.fsdecode(value)

    def get_bytes(self, name: str) -> bytes:
        """A string as it was given."""
        value = self.get_value(name)
        if isinstance(value, str):
            return value.encode()
        assert isinstance(value, bytes), name
        return value

    def save_rules(self) -> list[tuple[int, int]]:
        """The (seconds, changes) of `save`: a snapshot is due once both are reached."""
        return list(cast("structured.SaveRules", self.get_value("save")))

    def client_output_buffer_limits(self) -> dict[str, tuple[int, int, int]]:
        """The (hard bytes, soft bytes, soft seconds) of the classes `normal`, `replica` and `pubsub`."""
        limits = cast("tuple[structured.BufferLimit, ...]", self.get_value("client-output-buffer-limit"))
        return dict(zip(structured.CLIENT_CLASSES, limits, strict=True))

    def bind(self) -> list[str]:
        """The addresses to listen on; a leading `-` marks one that may be missing."""
        return [os.fsdecode(address) for address in cast("tuple[bytes, ...]", self.get_value("bind"))]

    def replicaof(self) -> tuple[str, int] | None:
        """The primary to replicate from."""
        value = cast("tuple[bytes, int] | None", self.get_value("replicaof"))
        return None if value is None else (os.fsdecode(value[0]), value[1])

    def oom_score_adj_values(self) -> list[int]:
        """The scores of a primary, a replica and a child process."""
        return list(cast("tuple[int, ...]", self.get_value("oom-score-adj-values")))

    def latency_percentiles(self) -> list[float]:
        """The percentiles that INFO latencystats shows."""
        return list(cast("tuple[float, ...]", self.get_value("latency-tracking-info-percentiles")))

    def resolve_path(self, name: str) -> str:
        """A file name as the server means it: relative ones start in `dir`."""
        return os.path.join(self.get_str("dir"), name)

    def render(self, name: str) -> bytes:
        """What CONFIG GET shows."""
        row = table.NAMES[name]
        return row.render(self._values[row.name])

    # Changes.

    def assign(self, name: str, value: object) -> None:
        """Sets a value that the server itself decided, such as the primary that REPLICAOF named.

        Nothing is checked and no callback runs.
        """
        self._values[table.NAMES[name].name] = value

    def parse(self, row: Directive, args: list[bytes]) -> object:
        """The value that `args` would give `row`; raises `InvalidValue` and changes nothing."""
        value = row.parse(args, self._values[row.name])
        if row.name == "proc-title-template":
            self._check_title(cast("bytes", value))
        return value

    def on_change(self, name: str, callback: OnChange) -> None:
        """Has `callback` called after CONFIG SET changed `name`; it returns an error text or None.

        An error undoes the whole CONFIG SET, and the callbacks run once more with the old values. One
        callback registered for several names runs once per command.
        """
        self._callbacks.setdefault(table.NAMES[name].name, []).append(callback)

    def is_sensitive(self, name: bytes) -> bool:
        """Whether the value of that directive, if there is one, must stay out of logs."""
        row = table.find(name)
        return row is not None and row.has(SENSITIVE)

    def set_many(
        self, pairs: list[tuple[bytes, bytes]], is_local: bool = False, is_loading: bool = False
    ) -> None:
        """CONFIG SET: all pairs or none; raises `ConfigSetError`.

        `is_local` says that the client is on this machine, which `enable-protected-configs local` asks, and
        `is_loading` that the data set is being loaded.
        """
        rows = self._settable(pairs, is_local, is_loading)
        before = dict(self._values)
        due: list[tuple[OnChange, bytes]] = []
        for (name, text), row in zip(pairs, rows, strict=True):
            # An error about a value shows the name in lower case, the earlier ones what was typed.
            shown = name.lower()
            args = [text]
            if row.has(MULTI_ARG):
                args = text.split(b" ") if text else []
            try:
                value = self.parse(row, args)
            except InvalidValue as error:
                self._values = before
                raise _set_failed(shown, error.message) from None
            is_new = row.kind == STRUCTURED or row.has(VOLATILE) or value != self._values[row.name]
            self._values[row.name] = value
            if is_new:
                for callback in self._callbacks.get(row.name, []):
                    if all(callback != other for other, _ in due):
                        due.append((callback, shown))
        self._apply(due, before)

    def _settable(
        self, pairs: list[tuple[bytes, bytes]], is_local: bool, is_loading: bool
    ) -> list[Directive]:
        """The rows of a CONFIG SET, after every check that does not need the values."""
        rows: list[Directive] = []
        seen: set[bytes] = set()
        allowed = self.get_str("enable-protected-configs")
        may_set_protected = allowed == "yes" or (allowed == "local" and is_local)
        for name, _ in pairs:
            row = table.find(name)
            if row is None:
                text = b"Unknown option or number of arguments for CONFIG SET - '%s'"
                raise ConfigSetError(text % c_string(name))
            if row.has(IMMUTABLE):
                raise _set_failed(name, "can't set immutable config")
            if row.has(PROTECTED) and not may_set_protected:
                raise _set_failed(name, "can't set protected config")
            if is_loading and row.has(DENY_LOADING):
                raise ConfigSetError(b"Redis is loading the dataset in memory", b"LOADING")
            # A name and its alias are two parameters to Redis; the later one wins.
            if name.lower() in seen:
                raise _set_failed(name, "duplicate parameter")
            seen.add(name.lower())
            rows.append(row)
        return rows

    def _apply(self, due: list[tuple[OnChange, bytes]], before: dict[str, object]) -> None:
        for callback, shown in due:
            error = callback(self)
            if error is None:
                continue
            self._values = before
            self.is_undoing = True
            for other, _ in due:
                other(self)
            self.is_undoing = False
            raise _set_failed(shown, error)

    def _check_title(self, template: bytes) -> None:
        socket = self.get_bytes("unixsocket")
        mode = b"[cluster]" if self.get_bool("cluster-enabled") else b""
        variables = dict.fromkeys(TITLE_VARIABLES, b"x")
        variables.update({b"title": b"", b"server-mode": mode, b"unixsocket": socket})
        if not expand_title(template, variables):
            raise InvalidValue("template format is invalid or contains unknown variables")

    # CONFIG GET.

    def match(self, patterns: list[bytes]) -> list[tuple[bytes, bytes]]:
        """Names and values for CONFIG GET, in the order of the patterns and, for a glob, of the table.

        An exact name comes back as it was written. A glob matches names and aliases but no hidden directive.
        No name comes twice, whatever its case.
        """
        found: dict[bytes, tuple[bytes, bytes]] = {}
        for pattern in patterns:
            if not any(wildcard in pattern for wildcard in (b"*", b"?", b"[")):
                row = table.find(pattern)
                if row is not None:
                    found.setdefault(pattern.lower(), (pattern, row.render(self._values[row.name])))
                continue
            for name, row in table.NAMES.items():
                shown = name.encode()
                if shown not in found and not row.has(HIDDEN) and glob_match(pattern, shown, True):
                    found[shown] = (shown, row.render(self._values[row.name]))
        return list(found.values())


def _set_failed(name: bytes, reason: str) -> ConfigSetError:
    text = b"CONFIG SET failed (possibly related to argument '%s')" % c_string(name)
    if reason:
        text += b" - " + reason.encode()
    return ConfigSetError(text)
