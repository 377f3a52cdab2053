"""The one declaration of every command, made by a decorator beside its handler.

    strings = CommandGroup("string", acl=("string",))

    @strings.command("GET", arity=2, flags=READONLY | FAST, keys=first_key("RO access"), since="1.0.0",
                     syntax="key", complexity="O(1)")
    def get(ctx: Context, argv: list[bytes]) -> bytes:
        \"\"\"Returns the string value of a key.\"\"\"

COMMAND in all its forms, arity, gates, ACL categories, GETKEYS, propagation, the documentation and the generator of the
differential tests read the resulting `CommandSpec`; nothing states such a fact twice. A subcommand is declared with
both words, `CONFIG GET`; its container with `container`. The first line of the handler's docstring is the summary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyredis.engine.command import CommandSpec, Handler, KeyFinder, KeySpec

SPECS: Final[list[CommandSpec]] = []
"""Every declaration, in the order in which the modules were imported."""


class CommandGroup:
    """The commands of one group of the documentation, which share ACL categories."""

    def __init__(self, name: str, acl: tuple[str, ...] = ()) -> None:
        self.name: str = name
        self.acl: tuple[str, ...] = acl

    def command(
        self,
        name: str,
        *,
        arity: int,
        flags: int,
        since: str,
        complexity: str,
        syntax: str = "",
        keys: tuple[KeySpec, ...] = (),
        acl: tuple[str, ...] | None = None,
        tips: tuple[str, ...] = (),
        history: tuple[tuple[str, str], ...] = (),
        deprecated: tuple[str, str] | None = None,
        find_keys: KeyFinder | None = None,
        is_system: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Declares a command or subcommand.

        `arity` counts the name and is negative for a minimum; `acl` replaces the group's categories; `tips` are those
        of COMMAND INFO; `history` pairs a version with what it changed; `deprecated` is the version and what to use
        instead; `find_keys` finds the keys where `keys` cannot, or not with the right flags; `is_system` marks what
        is not meant for applications.
        """

        def declare(handler: Handler) -> Handler:
            categories = self.acl if acl is None else acl
            summary = first_line(handler.__doc__)
            SPECS.append(
                CommandSpec(
                    name, handler, self.name, arity, flags, keys, categories, since, syntax,
                    complexity, tips, history, deprecated, summary, find_keys, is_system,
                )
            )  # fmt: skip
            return handler

        return declare

    def container(self, name: str, *, since: str, summary: str, acl: tuple[str, ...] | None = None) -> None:
        """Declares a command that only holds subcommands."""
        categories = self.acl if acl is None else acl
        SPECS.append(
            CommandSpec(
                name, None, self.name, -2, 0, (), categories, since, "",
                "Depends on subcommand.", (), (), None, summary, None, False,
            )
        )  # fmt: skip


def first_line(docstring: str | None) -> str:
    """The summary that a docstring begins with; empty for a compiled handler, which has none."""
    return (docstring or "").split("\n")[0].rstrip(".")


def key_range(
    flags: str, index: int, last: int, step: int = 1, limit: int = 0, notes: str = ""
) -> tuple[KeySpec, ...]:
    """Keys from argument `index` on, `last` relative to the first key (-1 the last argument), every `step`."""
    return (KeySpec(_words(flags), "index", index, b"", "range", last, step, limit, notes.encode()),)


def first_key(flags: str, notes: str = "") -> tuple[KeySpec, ...]:
    """One key, the first argument."""
    return key_range(flags, 1, 0, notes=notes)


def nth_key(flags: str, index: int) -> tuple[KeySpec, ...]:
    """One key at argument `index`."""
    return key_range(flags, index, 0)


def all_keys(flags: str) -> tuple[KeySpec, ...]:
    """All arguments are keys."""
    return key_range(flags, 1, -1)


def counted_keys(flags: str, index: int, notes: str = "") -> tuple[KeySpec, ...]:
    """Argument `index` says how many keys follow it."""
    return (KeySpec(_words(flags), "index", index, b"", "keynum", 0, 1, 1, notes.encode()),)


def keyword_keys(
    flags: str, keyword: str, start: int, last: int, step: int = 1, limit: int = 0
) -> tuple[KeySpec, ...]:
    """Keys that follow `keyword`, looked for from argument `start` on."""
    return (KeySpec(_words(flags), "keyword", start, keyword.encode(), "range", last, step, limit, b""),)


def unknown_keys(flags: str, notes: str = "") -> tuple[KeySpec, ...]:
    """Keys that only the command itself can tell."""
    return (KeySpec(_words(flags), "unknown", 0, b"", "unknown", 0, 0, 0, notes.encode()),)


def _words(flags: str) -> tuple[bytes, ...]:
    return tuple(flags.encode().split())
