"""Requests as others may see them: MONITOR and SLOWLOG show `(redacted)` where a password could stand.

Follows the `redactClientCommandArgument` calls of Redis 7.4: credentials of AUTH, HELLO and MIGRATE, users of ACL
SETUSER, GETUSER and DELUSER, and the values of directives that are secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyredis.engine.command import Command

REDACTED: Final = b"(redacted)"

SECRET_DIRECTIVES: Final = frozenset(
    (b"requirepass", b"masterauth", b"masteruser", b"tls-key-file-pass", b"tls-client-key-file-pass")
)


def redacted(command: Command, argv: list[bytes]) -> list[bytes]:
    """The request without its secrets; the very same list where there are none."""
    name = command.full_name
    if name == b"auth":
        return [argv[0], *[REDACTED] * (len(argv) - 1)] if len(argv) <= 3 else argv
    if name == b"hello":
        return _after_word(argv, 2, b"auth", 2)
    if name == b"config|set":
        return _directives(argv)
    if name == b"migrate":
        return _after_word(_after_word(argv, 6, b"auth", 1), 6, b"auth2", 2)
    if name in (b"acl|setuser", b"acl|getuser", b"acl|deluser"):
        return [*argv[:2], *[REDACTED] * (len(argv) - 2)]
    return argv


def _after_word(argv: list[bytes], start: int, word: bytes, count: int) -> list[bytes]:
    """Hides `count` arguments behind an option."""
    shown = argv
    position = start
    while position + count < len(argv):
        if argv[position].lower() == word:
            if shown is argv:
                shown = list(argv)
            for hidden in range(position + 1, position + 1 + count):
                shown[hidden] = REDACTED
            position += count
        position += 1
    return shown


def _directives(argv: list[bytes]) -> list[bytes]:
    shown = argv
    for position in range(2, len(argv) - 1, 2):
        if argv[position].lower() in SECRET_DIRECTIVES:
            if shown is argv:
                shown = list(argv)
            shown[position + 1] = REDACTED
    return shown
