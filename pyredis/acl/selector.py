"""One set of permissions: commands, keys and channels that go together.

A user has a root selector, which the rules outside parentheses change, and one for each pair of parentheses; a
command has to be allowed by one of them alone. The rules about commands are kept as they were given, the later
ones in force, without those that a later one has made void: that is how Redis shows them since 7.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import i64

from pyredis.acl.catalog import READ, WRITE, Catalog, family_bits
from pyredis.acl.rules import (
    BAD_RULE,
    CHANNEL_AFTER_ALL,
    FIRST_ARG_OF_SUBCOMMAND,
    PATTERN_AFTER_ALL,
    UNKNOWN_COMMAND,
    RuleError,
    has_blanks,
)
from pyredis.config.values import c_string
from pyredis.datatypes.glob import glob_match, literal_prefix

if TYPE_CHECKING:
    from pyredis.engine.command import Command


class KeyPattern:
    """Keys by their names, and whether they may be read, written or both."""

    def __init__(self, pattern: bytes, access: i64) -> None:
        self.pattern: bytes = pattern
        self.access: i64 = access
        # Most patterns are a beginning and `*`, and are not worth a match.
        self._start: bytes = literal_prefix(pattern)
        self._is_start: bool = pattern == self._start + b"*"

    def matches(self, key: bytes) -> bool:
        """Whether it covers a key."""
        return key.startswith(self._start) and (self._is_start or glob_match(self.pattern, key, False))

    def describe(self, is_exact: bool = False) -> bytes:
        """The rule that gives this permission.

        Redis writes `%RW~*` as `~*`, which means more, and after which no other pattern is taken; `is_exact` does not.
        """
        if self.access == READ | WRITE:
            if is_exact and self.pattern == b"*":
                return b"%RW~*"
            return b"~" + self.pattern
        return (b"%R~" if self.access == READ else b"%W~") + self.pattern


class Selector:
    """See the module's text."""

    def __init__(self, catalog: Catalog, all_channels: bool) -> None:
        self.catalog: Catalog = catalog
        self.all_commands: bool = False
        """Nothing has been forbidden since `+@all`."""
        self.starts_with_all: bool = False
        self.commands: int = 0
        self.first_args: dict[bytes, list[bytes]] = {}
        """First arguments, in lower case, with which commands are allowed that otherwise are not."""
        self.rules: list[bytes] = []
        self.all_keys: bool = False
        self.keys: list[KeyPattern] = []
        self.all_channels: bool = all_channels
        self.channels: list[bytes] = []

    def copy(self) -> Selector:
        """An equal selector that shares nothing that changes."""
        other = Selector(self.catalog, self.all_channels)
        other.all_commands = self.all_commands
        other.starts_with_all = self.starts_with_all
        other.commands = self.commands
        other.first_args = {name: list(values) for name, values in self.first_args.items()}
        other.rules = list(self.rules)
        other.all_keys = self.all_keys
        other.keys = [KeyPattern(key.pattern, key.access) for key in self.keys]
        other.channels = list(self.channels)
        return other

    def is_unrestricted(self) -> bool:
        """Whether it allows everything."""
        return self.all_commands and self.all_keys and self.all_channels

    def apply(self, rule: bytes) -> None:
        """Carries out one rule or raises `RuleError`."""
        word = c_string(rule).lower()
        if word in (b"allkeys", b"~*"):
            self._set_all_keys(True)
        elif word == b"resetkeys":
            self._set_all_keys(False)
        elif word in (b"allchannels", b"&*"):
            self._set_all_channels(True)
        elif word == b"resetchannels":
            self._set_all_channels(False)
        elif word in (b"allcommands", b"+@all"):
            self._set_all_commands(True)
        elif word in (b"nocommands", b"-@all"):
            self._set_all_commands(False)
        elif word[:1] in (b"~", b"%"):
            self._add_key_pattern(rule)
        elif word[:1] == b"&":
            self._add_channel(rule[1:])
        elif word[:2] in (b"+@", b"-@"):
            self._set_category(word[1:], word[:1] == b"+")
        elif word[:1] == b"+":
            self._allow(c_string(rule)[1:])
        elif word[:1] == b"-":
            self._set_command(self._named(word[1:]), False)
        else:
            raise RuleError(BAD_RULE)

    def _set_all_keys(self, is_all: bool) -> None:
        self.all_keys = is_all
        self.keys = []

    def _set_all_channels(self, is_all: bool) -> None:
        self.all_channels = is_all
        self.channels = []

    def _set_all_commands(self, is_all: bool) -> None:
        self.all_commands = self.starts_with_all = is_all
        self.commands = self.catalog.all_bits if is_all else 0
        self.first_args = {}
        self.rules = []

    def _add_key_pattern(self, rule: bytes) -> None:
        if self.all_keys:
            raise RuleError(PATTERN_AFTER_ALL)
        access, pattern = _parse_key_pattern(rule)
        if has_blanks(pattern):
            raise RuleError(BAD_RULE)
        for key in self.keys:
            if key.pattern == pattern:
                key.access |= access
                return
        self.keys.append(KeyPattern(pattern, access))

    def _add_channel(self, pattern: bytes) -> None:
        if self.all_channels:
            raise RuleError(CHANNEL_AFTER_ALL)
        if has_blanks(pattern):
            raise RuleError(BAD_RULE)
        if pattern not in self.channels:
            self.channels.append(pattern)

    def _set_category(self, name: bytes, is_allowed: bool) -> None:
        bits = self.catalog.category(name[1:])
        if bits is None:
            raise RuleError(UNKNOWN_COMMAND)
        self._note(name, is_allowed)
        self._set_bits(bits, is_allowed)

    def _allow(self, name: bytes) -> None:
        """Allows a command, a subcommand, or a command with a certain first argument."""
        before, bar, last = name.rpartition(b"|")
        if not bar:
            self._set_command(self._named(name), True)
            return
        command = self._named(before)
        if b"|" in command.full_name:
            raise RuleError(FIRST_ARG_OF_SUBCOMMAND)
        if not last:
            raise RuleError(BAD_RULE)
        if command.subcommands is not None:
            self._set_bits(self._named(name).acl_bit, True)
        else:
            # Redis takes an argument with blanks, and later fails to read what it has written of it.
            if has_blanks(last):
                raise RuleError(BAD_RULE)
            values = self.first_args.setdefault(command.full_name, [])
            if last.lower() not in values:
                values.append(last.lower())
        self._note(name.lower(), True)

    def _named(self, name: bytes) -> Command:
        command = self.catalog.find(name)
        if command is None:
            raise RuleError(UNKNOWN_COMMAND)
        return command

    def _set_command(self, command: Command, is_allowed: bool) -> None:
        self._set_bits(family_bits(command), is_allowed)
        self._note(command.full_name, is_allowed)

    def _set_bits(self, bits: int, is_allowed: bool) -> None:
        if is_allowed:
            self.commands |= bits
        else:
            self.commands &= ~bits
            self.all_commands = False
        for name in list(self.first_args):
            if self._named(name).acl_bit & bits:
                del self.first_args[name]

    def _note(self, name: bytes, is_allowed: bool) -> None:
        """Keeps a rule, and drops those about the same command, its subcommands or its first arguments."""
        inside = name + b"|"
        self.rules = [rule for rule in self.rules if rule[1:] != name and not rule.startswith(inside, 1)]
        self.rules.append((b"+" if is_allowed else b"-") + name)

    def describe_commands(self) -> bytes:
        """The rules about commands, from all or none on."""
        return b" ".join([b"+@all" if self.starts_with_all else b"-@all", *self.rules])

    def describe_keys(self) -> bytes:
        """The rules about keys."""
        return b"~*" if self.all_keys else b" ".join([key.describe() for key in self.keys])

    def describe_channels(self) -> bytes:
        """The rules about channels."""
        return b"&*" if self.all_channels else b" ".join([b"&" + channel for channel in self.channels])

    def describe(self) -> bytes:
        """All rules as Redis shows them."""
        return b" ".join(self.words(False))

    def words(self, is_exact: bool) -> list[bytes]:
        """All rules; if they are to be exact, they lead to an equal selector from a new one."""
        words = [b"~*"] if self.all_keys else [key.describe(is_exact) for key in self.keys]
        words += [b"&*"] if self.all_channels else [b"resetchannels"]
        words += [b"&" + channel for channel in self.channels]
        words.append(self.describe_commands())
        return words


def _parse_key_pattern(rule: bytes) -> tuple[int, bytes]:
    """The access that a rule `~pattern` or `%RW~pattern` gives, and the pattern.

    Without a `~`, `%R` is about the key without a name, as in Redis.
    """
    if rule[:1] == b"~":
        return READ | WRITE, rule[1:]
    access = 0
    position = 1
    while position < len(rule):
        letter = rule[position : position + 1].upper()
        position += 1
        if letter == b"R" and not access & READ:
            access |= READ
        elif letter == b"W" and not access & WRITE:
            access |= WRITE
        elif letter == b"~":
            break
        else:
            raise RuleError(BAD_RULE)
    if access == 0:
        raise RuleError(BAD_RULE)
    return access, rule[position:]
