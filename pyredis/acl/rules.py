"""The words that rules are made of: errors, and rules that were torn apart by blanks.

Redis reads rules as C strings where it compares them with words, and to their full length where it keeps them;
`c_string` marks the former. Texts of errors are Redis's.
"""

from __future__ import annotations

from typing import Final

UNKNOWN_COMMAND: Final = b"Unknown command or category name in ACL"
BAD_RULE: Final = b"Syntax error"
PATTERN_AFTER_ALL: Final = (
    b"Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. "
    b"Try 'resetkeys' to start with an empty list of patterns"
)
CHANNEL_AFTER_ALL: Final = (
    b"Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. "
    b"Try 'resetchannels' to start with an empty list of channels"
)
NO_SUCH_PASSWORD: Final = b"The password you are trying to remove from the user does not exist"
BAD_HASH: Final = (
    b"The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
)
DUPLICATE_USER: Final = b"Duplicate user found. A user can only be defined once in config files"
FIRST_ARG_OF_SUBCOMMAND: Final = b"Allowing first-arg of a subcommand is not supported"

_BLANKS: Final = frozenset(b" \t\n\v\f\r\0")


class RuleError(Exception):
    """A rule that cannot be carried out; `message` says why, without naming the rule."""

    def __init__(self, message: bytes) -> None:
        super().__init__(message)
        self.message: bytes = message


class UnmatchedParenthesis(Exception):
    """A selector that begins and does not end; `start` is the word with which it begins."""

    def __init__(self, start: bytes) -> None:
        super().__init__(start)
        self.start: bytes = start


def has_blanks(text: bytes) -> bool:
    """Whether a name or pattern could not be told from several, once it is written in a line."""
    return any(byte in _BLANKS for byte in text)


def merge_selectors(words: list[bytes]) -> list[bytes]:
    """Rules from words: those between a parenthesis and its end are joined; raises `UnmatchedParenthesis`."""
    merged: list[bytes] = []
    start: bytes | None = None
    selector = b""
    for word in words:
        if start is not None:
            selector += b" " + word.split(b"\0")[0]
            if word.endswith(b")"):
                merged.append(selector)
                start = None
        elif word.startswith(b"(") and not word.endswith(b")"):
            start = selector = word
        else:
            merged.append(word)
    if start is not None:
        raise UnmatchedParenthesis(start)
    return merged
