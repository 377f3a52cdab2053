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
    """The request without its secrets; perhaps the very same list."""
    name = command.full_name
    if name == b"auth":
        return [argv[0], *[REDACTED] * (len(argv) - 1)] if len(argv) <= 3 else argv
    if name == b"hello":
        return _greeting(argv)
    if name == b"config|set":
        return _directives(argv)
    if name == b"migrate":
        return _migration(argv)
    if name in (b"acl|setuser", b"acl|getuser", b"acl|deluser"):
        return [*argv[:2], *[REDACTED] * (len(argv) - 2)]
    return argv


def _greeting(argv: list[bytes]) -> list[bytes]:
    """HELLO, read as the command reads it: a name may be the word AUTH."""
    shown = list(argv)
    position = 2
    while position < len(argv):
        word = argv[position].lower()
        if word == b"auth" and position + 2 < len(argv):
            shown[position + 1] = shown[position + 2] = REDACTED
            position += 3
        elif word == b"setname":
            position += 2
        else:
            break
    return shown


def _migration(argv: list[bytes]) -> list[bytes]:
    """MIGRATE, up to the keys that may stand at its end."""
    shown = list(argv)
    position = 6
    while position < len(argv):
        word = argv[position].lower()
        if word == b"keys":
            break
        secrets = 1 if word == b"auth" else 2 if word == b"auth2" else 0
        for hidden in range(position + 1, min(position + 1 + secrets, len(argv))):
            shown[hidden] = REDACTED
        position += 1 + secrets
    return shown


def _directives(argv: list[bytes]) -> list[bytes]:
    shown = argv
    for position in range(2, len(argv) - 1, 2):
        if argv[position].lower() in SECRET_DIRECTIVES:
            if shown is argv:
                shown = list(argv)
            shown[position + 1] = REDACTED
    return shown
