"""The users that a server starts with: those of its configuration file, or those of its ACL file."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

from pyredis.acl.rules import (
    DUPLICATE_USER,
    UNKNOWN_COMMAND,
    RuleError,
    UnmatchedParenthesis,
    has_blanks,
    merge_selectors,
)
from pyredis.acl.users import InvalidRules
from pyredis.config.rewrite import replace_file
from pyredis.config.values import c_string

if TYPE_CHECKING:
    from pyredis.acl.access import Access
    from pyredis.acl.user import User
    from pyredis.config import Config
    from pyredis.config.config import PendingDirective

log = logging.getLogger("pyredis")

_PASSWORD_SIGNS: Final = (">", "<", "#", "!")
_PASSWORD_RULE: Final = re.compile(r"(operation '[><#!]).*(': )", re.DOTALL)


class StartupError(Exception):
    """The users cannot be loaded, and the server must not start; `message` is for the log."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message: str = message


def load_users(access: Access, config: Config) -> None:
    """Takes over the `user` lines of the configuration or the ACL file.

    Raises `ConfigError` for a line that makes no sense, and `StartupError` for what Redis notices later, too.
    """
    declared = [pending for pending in config.pending if pending.name == "user"]
    config.pending = [pending for pending in config.pending if pending.name != "user"]
    rules: dict[bytes, list[bytes]] = {}
    for pending in declared:
        name = pending.args[0]
        if name in rules:
            raise pending.error(_bad_line(name, DUPLICATE_USER))
        rules[name] = _checked(access, pending)
    path = config.get_str("aclfile")
    if path and rules:
        raise StartupError(
            "Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is "
            "invalid. This setup is very likely to lead to configuration errors and security holes, please "
            "define either an ACL file or declare users directly in your redis.conf, but not both."
        )
    for name, words in rules.items():
        _load_declared(access, name, words)
    if path:
        try:
            load_file(access, config)
        except InvalidRules as error:
            text = _without_passwords(error.message.decode("utf-8", "backslashreplace"))
            raise StartupError(f"Aborting Redis startup because of ACL errors: {text}") from None
    access.update_clients()


def _without_passwords(text: str) -> str:
    """An error for the log, where a rule about a password must not be shown. It may hide more than the password."""
    return _PASSWORD_RULE.sub(r"\1(redacted)\2", text)


def load_file(access: Access, config: Config) -> None:
    """Replaces all users by those of the ACL file; raises `InvalidRules` and then changes nothing."""
    access.replace_users(parse_file(access, config), None)


def parse_file(access: Access, config: Config) -> dict[bytes, User]:
    """The users that the ACL file describes."""
    shown = config.get_bytes("aclfile")
    try:
        with open(config.resolve_path(config.get_str("aclfile")), "rb") as file:
            text = file.read()
    except OSError as error:
        reason = (error.strerror or "").encode()
        raise InvalidRules(b"Error loading ACLs, opening file '" + shown + b"': " + reason) from None
    return access.users.parse(text, shown)


def save_file(access: Access, config: Config) -> bool:
    """Writes all users into the ACL file, which is replaced whole; false when it cannot be: the log says why."""
    path = config.resolve_path(config.get_str("aclfile"))
    content = b"".join([line + b"\n" for line in access.users.file_lines()])
    try:
        replace_file(path, content)
    except OSError as error:
        log.warning("Writing ACL file for ACL SAVE: %s", error.strerror)
        return False
    return True


def _checked(access: Access, pending: PendingDirective) -> list[bytes]:
    """The rules of a line, tried on a user that nobody uses; commands may be unknown to this version."""
    try:
        rules = merge_selectors(pending.args[1:])
    except UnmatchedParenthesis as unmatched:
        raise pending.error(_bad_line(unmatched.start, b"Unmatched parenthesis")) from None
    user = access.users.new(pending.args[0])
    for rule in rules:
        try:
            user.apply(rule)
        except RuleError as error:
            if error.message != UNKNOWN_COMMAND:
                raise pending.error(_bad_line(rule, error.message)) from None
    return rules


def _bad_line(word: bytes, reason: bytes) -> str:
    shown = c_string(word) + b"': " + reason
    return "Error in user declaration '" + shown.decode("utf-8", "backslashreplace")


def _load_declared(access: Access, name: bytes, rules: list[bytes]) -> None:
    shown = c_string(name).decode("utf-8", "backslashreplace")
    if has_blanks(name):
        raise StartupError("Spaces not allowed in ACL usernames")
    users = access.users
    user = users.new(name)
    for rule in rules:
        try:
            user.apply(rule)
        except RuleError as error:
            word = c_string(rule).decode("utf-8", "backslashreplace")
            if word.startswith(_PASSWORD_SIGNS):
                word = word[0] + "(redacted)"
            reason = error.message.decode()
            raise StartupError(
                f"Error loading ACL rule '{word}' for the user named '{shown}': {reason}"
            ) from None
    users.put(user)
    if not user.is_on:
        log.info(
            "The user '%s' is disabled (there is no 'on' modifier in the user description). Make sure this is not "
            "a configuration error.",
            shown,
        )
