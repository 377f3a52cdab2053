"""The commands of one engine as rules see them: a bit for each, and the bits of each category.

A set of commands is one integer, so that allowing a category is an `|`, forbidding it an `& ~`, and asking for
one command an `&` with its bit. Subcommands have bits of their own; what is said of a container is said of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis.acl.categories import ACL_CATEGORIES, acl_categories

if TYPE_CHECKING:
    from pyredis.engine.command import Command


READ: Final = 1
WRITE: Final = 2


class Catalog:
    """See the module's text."""

    def __init__(self, commands: list[Command]) -> None:
        self.commands: list[Command] = commands
        self.all_bits: int = 0
        self._by_name: dict[bytes, Command] = {}
        self._categories: dict[bytes, int] = {name.encode(): 0 for name in ACL_CATEGORIES}
        bit: int = 1
        for command in commands:
            command.acl_bit = bit
            self.all_bits |= bit
            self._by_name[command.full_name] = command
            bit += bit
            _note_only_key(command)
        for command in commands:
            bits = family_bits(command)
            for name in acl_categories(command.spec):
                self._categories[name.encode()] |= bits

    def find(self, name: bytes) -> Command | None:
        """The command called `name`, where a subcommand is `container|subcommand`; whatever the case."""
        return self._by_name.get(name.lower())

    def category(self, name: bytes) -> int | None:
        """The commands that a rule about a category means, containers with all their subcommands."""
        return self._categories.get(name.lower())

    def members(self, name: bytes) -> list[bytes] | None:
        """The names of the commands that are themselves in a category; None when there is no such category."""
        wanted = name.lower()
        if wanted not in self._categories:
            return None
        word = wanted.decode("latin-1")
        return [command.full_name for command in self.commands if word in acl_categories(command.spec)]


def needed_access(flags: tuple[bytes, ...]) -> int:
    """What a command does to a key as rules see it; some, like EXISTS, neither read nor write its value."""
    access = READ if b"access" in flags else 0
    if b"insert" in flags or b"delete" in flags or b"update" in flags:
        access |= WRITE
    return access


def _note_only_key(command: Command) -> None:
    """Keeps the place of the key of a command that has one at a fixed place, as most do."""
    spec = command.spec
    if len(spec.keys) != 1 or spec.find_keys is not None:
        return
    key = spec.keys[0]
    is_fixed = key.begin == "index" and key.find == "range" and key.last == 0 and key.index < command.min_args
    if is_fixed and not any(flag in key.flags for flag in (b"not_key", b"variable_flags", b"incomplete")):
        command.only_key = key.index
        command.only_key_access = needed_access(key.flags)


def family_bits(command: Command) -> int:
    """The bit of a command and, if it is a container, those of its subcommands."""
    bits: int = command.acl_bit
    if command.subcommands is not None:
        for subcommand in command.subcommands.values():
            bits |= subcommand.acl_bit
    return bits
