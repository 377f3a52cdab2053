"""Whether a user may run a request: the one question that dispatch, EXEC, scripts and ACL DRYRUN ask.

A selector has to allow the command, all its keys and all its channels. When none does, the reason given is that
of the selector that came furthest: a key or channel outweighs a command, and a later argument an earlier one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from pyredis.acl.catalog import READ, needed_access
from pyredis.acl.selector import Selector
from pyredis.config.values import c_string
from pyredis.datatypes.glob import glob_match
from pyredis.engine.command import NO_AUTH, KeyPosition
from pyredis.engine.key_positions import key_positions, takes_keys

if TYPE_CHECKING:
    from pyredis.acl.user import User
    from pyredis.engine.command import Command

# Reasons, in the order of their weight.
DENIED_COMMAND: Final = 1
DENIED_KEY: Final = 2
DENIED_AUTH: Final = 3
DENIED_CHANNEL: Final = 4

_ALL: Final = -1
_CHANNELS: Final[dict[bytes, tuple[int, bool]]] = {
    b"subscribe": (_ALL, False),
    b"ssubscribe": (_ALL, False),
    b"psubscribe": (_ALL, True),
    b"publish": (2, False),
    b"spublish": (2, False),
}
"""Commands whose arguments are channels: where they end, and whether they are patterns. Leaving is always allowed."""


class Denial:
    """Why a request is refused; `position` is the argument at fault, 0 for the command itself."""

    def __init__(self, reason: int, position: int) -> None:
        self.reason: int = reason
        self.position: int = position

    def outweighs(self, other: Denial) -> bool:
        """Whether this is the reason to give, of the two."""
        return self.reason > other.reason or (self.reason == other.reason and self.position > other.position)


class _Request:
    """A request, and its keys once a selector has asked for them."""

    def __init__(self, command: Command, argv: list[bytes]) -> None:
        self.command: Command = command
        self.argv: list[bytes] = argv
        self.found: list[KeyPosition] | None = None

    def all_keys(self) -> list[KeyPosition]:
        """Where the keys stand, and what the command does to them."""
        if self.found is None:
            spec = self.command.spec
            self.found = key_positions(spec, self.argv) if takes_keys(spec) else []
        return self.found


def check(user: User, command: Command, argv: list[bytes]) -> Denial | None:
    """Why `user` may not run a request whose arity is right; None when there is no reason.

    O(selectors * (keys * patterns)).
    """
    if not user.is_restricted:
        return None
    request = _Request(command, argv)
    worst: Denial | None = None
    for selector in user.selectors:
        denial = _check_selector(selector, request)
        if denial is None:
            return None
        if worst is None or denial.outweighs(worst):
            worst = denial
    return worst


def may_read_every_key(user: User, command: Command, argv: list[bytes]) -> bool:
    """Whether a selector allows a request and, besides, reading any key: SORT looks up keys it makes up."""
    if not user.is_restricted:
        return True
    request = _Request(command, argv)
    return any(
        _check_selector(selector, request) is None and _reads_everything(selector)
        for selector in user.selectors
    )


def check_key(user: User, key: bytes, access: i64) -> bool:
    """Whether `user` may access a key, whatever the command; `access` is READ, WRITE, both or none."""
    return not user.is_restricted or any(_allows_key(selector, key, access) for selector in user.selectors)


def _reads_everything(selector: Selector) -> bool:
    return selector.all_keys or any(key.access & READ and key.pattern == b"*" for key in selector.keys)


def _check_selector(selector: Selector, request: _Request) -> Denial | None:
    command = request.command
    if not _allows_command(selector, command, request.argv):
        return Denial(DENIED_COMMAND, 0)
    if selector.all_keys:
        pass
    elif command.only_key > 0:
        if not _allows_key(selector, request.argv[command.only_key], command.only_key_access):
            return Denial(DENIED_KEY, command.only_key)
    else:
        for key in request.all_keys():
            if not _allows_key(selector, request.argv[key.position], needed_access(key.flags)):
                return Denial(DENIED_KEY, key.position)
    if not selector.all_channels and command.full_name in _CHANNELS:
        return _check_channels(selector, command.full_name, request.argv)
    return None


def _allows_command(selector: Selector, command: Command, argv: list[bytes]) -> bool:
    if selector.all_commands or selector.commands & command.acl_bit or command.flags & NO_AUTH:
        return True
    values = selector.first_args.get(command.full_name)
    return values is not None and len(argv) > 1 and c_string(argv[1]).lower() in values


def _allows_key(selector: Selector, key: bytes, access: i64) -> bool:
    if selector.all_keys:
        return True
    for pattern in selector.keys:  # noqa: SIM110 - a generator for each key would cost more than the rest
        if pattern.access & access == access and pattern.matches(key):
            return True
    return False


def _check_channels(selector: Selector, name: bytes, argv: list[bytes]) -> Denial | None:
    end, is_pattern = _CHANNELS[name]
    for position in range(1, len(argv) if end == _ALL else end):
        if not matches_channel(selector.channels, argv[position], is_pattern):
            return Denial(DENIED_CHANNEL, position)
    return None


def matches_channel(allowed: list[bytes], name: bytes, is_pattern: bool) -> bool:
    """Whether one of the patterns allowed covers a channel; a pattern is covered only by itself."""
    if is_pattern:
        return any(c_string(pattern) == c_string(name) for pattern in allowed)
    return any(glob_match(pattern, name, False) for pattern in allowed)
