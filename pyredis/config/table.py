"""The one table of directives, and the look-up by name.

Everything that reads or writes configuration goes through here: files, the command line, the environment,
CONFIG GET, SET and REWRITE. To add a directive, add a row to `table_server` or `table_data`.
"""

from __future__ import annotations

from typing import Final

from pyredis.config import structured, table_data, table_server
from pyredis.config.directives import Directive

DIRECTIVES: Final[list[Directive]] = [
    *table_server.DIRECTIVES,
    *table_data.DIRECTIVES,
    *structured.DIRECTIVES,
]

FILE_ONLY: Final = ("include", "rename-command", "user", "loadmodule", "sentinel")
"""What a configuration file may say that CONFIG GET and SET know nothing of."""


def _names() -> dict[str, Directive]:
    names: dict[str, Directive] = {}
    for directive in DIRECTIVES:
        names[directive.name] = directive
        if directive.alias is not None:
            names[directive.alias] = directive
    return names


NAMES: Final[dict[str, Directive]] = _names()
"""Every directive under its name and its alias, in the order of the table."""


def find(name: bytes) -> Directive | None:
    """The directive of that name or alias, whatever the case."""
    return NAMES.get(name.lower().decode("latin-1"))
