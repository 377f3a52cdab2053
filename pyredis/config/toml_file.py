"""Configuration in TOML, for those who generate or check it with common tools.

One flat table of the same directives; `-` in a name may be written `_`. Booleans mean yes and no, numbers are
numbers, and a list gives a directive several arguments:

    port = 6379
    maxmemory = "200mb"
    appendonly = true
    save = ["900 1", "300 10"]
    bind = ["127.0.0.1", "-::1"]
    rename-command = [["FLUSHALL", ""]]

`user`, `rename-command`, `loadmodule` and `include` may occur once in a file only, so their list has one
entry for each time that redis.conf would have a line: a string that is split into words, or a list of words.
"""

from __future__ import annotations

from typing import cast

from pyredis.config import table
from pyredis.config.directives import MULTI_ARG
from pyredis.config.errors import ConfigError, InvalidValue
from pyredis.config.load import Loader, as_text
from pyredis.protocol.inline import split_args


def load_toml(loader: Loader, path: str) -> None:
    """Reads the file at `path`; raises `ConfigError`, with the line of the directive at fault."""
    import tomllib

    try:
        with open(path, "rb") as file:
            source = file.read()
        entries = tomllib.loads(source.decode())
    except OSError as error:
        message = f"Fatal error, can't open config file '{path}': {error.strerror}"
        raise ConfigError(0, "", message, False) from None
    except ValueError as malformed:  # not UTF-8, or not TOML; the text says where
        raise ConfigError(0, "", f"{path}: {malformed}") from None
    for key, value in entries.items():
        number, line = _find_line(source, key)
        name = key.lower().replace("_", "-").encode()
        try:
            for argv in _lines(name, value):
                loader.apply_line(argv, number, line)
        except InvalidValue as invalid:
            raise ConfigError(number, line, invalid.message) from None


def _find_line(source: bytes, key: str) -> tuple[int, str]:
    """The line that sets `key`, or line 0: TOML's reader does not say."""
    wanted = key.encode()
    for number, line in enumerate(source.split(b"\n"), 1):
        before, equals, _ = line.partition(b"=")
        if equals and before.strip(b" \t\"'") == wanted:
            return number, as_text(line.strip())
    return 0, ""


def _lines(name: bytes, value: object) -> list[list[bytes]]:
    """The configuration lines, as words, that one entry stands for."""
    if isinstance(value, dict):
        raise InvalidValue("tables are not supported: every directive stands at the top level")
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    if name.decode() in table.FILE_ONLY:
        return [[name, *_words(item)] for item in items]
    row = table.find(name)
    if row is None or not row.has(MULTI_ARG):
        return [[name, *[_word(item) for item in items]]]
    words: list[bytes] = []
    for item in items:
        words.extend(_words(item))
    # One empty word is how a line says "none".
    return [[name, *(words or [b""])]]


def _words(item: object) -> list[bytes]:
    if isinstance(item, list):
        return [_word(part) for part in cast("list[object]", item)]
    words = split_args(_word(item))
    if words is None:
        raise InvalidValue("Unbalanced quotes in configuration line")
    return words


def _word(item: object) -> bytes:
    if isinstance(item, bool):
        return b"yes" if item else b"no"
    if isinstance(item, (int, float, str)):
        return str(item).encode()
    raise InvalidValue(f"a value of type {type(item).__name__} means nothing here")
