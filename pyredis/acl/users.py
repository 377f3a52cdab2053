"""The users of one engine, and the lines in which files describe them.

There always is a user `default`, in whose name clients start; the object stays the same, whatever happens to its
rules. Changes are made to a copy first: a rule that cannot be carried out leaves everything as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis.acl.rules import UNKNOWN_COMMAND, RuleError, UnmatchedParenthesis, has_blanks, merge_selectors
from pyredis.acl.user import User, quoted
from pyredis.config.values import c_string

if TYPE_CHECKING:
    from pyredis.acl.catalog import Catalog

DEFAULT_USER: Final = b"default"
NOTHING_CHANGED: Final = (
    b"WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
)
_BLANKS: Final = b" \t\r\n"


class InvalidRules(Exception):
    """Rules or a file of rules were refused; `message` names what is wrong with them."""

    def __init__(self, message: bytes) -> None:
        super().__init__(message)
        self.message: bytes = message


class Users:
    """See the module's text."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog: Catalog = catalog
        self.all_channels: bool = False
        """`acl-pubsub-default`: whether new selectors begin with all channels."""
        self.default: User = self._new_default()
        self.by_name: dict[bytes, User] = {DEFAULT_USER: self.default}

    def new(self, name: bytes) -> User:
        """A user without any permission, of whom nobody knows yet."""
        return User(name, self.catalog, self.all_channels)

    def _new_default(self) -> User:
        user = self.new(DEFAULT_USER)
        for rule in (b"+@all", b"~*", b"&*", b"on", b"nopass"):
            user.apply(rule)
        return user

    def in_order(self) -> list[User]:
        """All users, by name."""
        return [self.by_name[name] for name in sorted(self.by_name)]

    def lines(self) -> list[bytes]:
        """Every user as ACL LIST shows it."""
        return [b"user " + user.name + b" " + user.describe() for user in self.in_order()]

    def file_lines(self) -> list[bytes]:
        """Every user for an ACL file."""
        return [b" ".join([b"user", user.name, *user.words(True)]) for user in self.in_order()]

    def config_lines(self) -> list[bytes]:
        """Every user for a configuration file, where quotes mean something and a name may be empty."""
        lines: list[bytes] = []
        for user in self.in_order():
            words = b" ".join(user.words(True)).split(b" ")
            name = quoted(user.name) or b'""'
            lines.append(b" ".join([b"user", name, *[quoted(word) for word in words]]))
        return lines

    def staged(self, name: bytes, words: list[bytes]) -> User:
        """What a user, existing or new, would be after some rules; raises `InvalidRules`."""
        user = self.new(name)
        known = self.by_name.get(name)
        if known is not None:
            user.assign(known)
        for rule in _merged(words):
            try:
                user.apply(rule)
            except RuleError as error:
                shown = c_string(rule)
                raise InvalidRules(
                    b"Error in ACL SETUSER modifier '" + shown + b"': " + error.message
                ) from None
        return user

    def put(self, staged: User) -> None:
        """Makes a user what was staged for it."""
        known = self.by_name.get(staged.name)
        if known is None:
            self.by_name[staged.name] = staged
        else:
            known.assign(staged)

    def set_default_password(self, password: bytes) -> None:
        """What `requirepass` means: the only password of `default`, or none needed when it is empty."""
        self.default.apply(b"resetpass")
        self.default.apply(b">" + password if password else b"nopass")

    def authenticate(self, name: bytes, password: bytes) -> User | None:
        """The user of that name if the password is right and the user enabled."""
        user = self.by_name.get(name)
        if user is None:
            self.default.accepts(password)  # takes the time that a wrong password takes
            return None
        return user if user.accepts(password) else None

    def parse(self, text: bytes, path: bytes) -> dict[bytes, User]:
        """The users that an ACL file describes, `default` always among them; raises `InvalidRules`.

        `path` is what errors call the file. All that is wrong with it is told at once.
        """
        users: dict[bytes, User] = {}
        errors = b""
        for number, raw in enumerate(text.split(b"\n"), 1):
            line = raw.strip(_BLANKS)
            if line:
                errors += self._parse_line(users, line.split(b" "), b"%s:%d" % (path, number), number)
        if errors:
            raise InvalidRules(errors + NOTHING_CHANGED)
        if DEFAULT_USER not in users:
            users[DEFAULT_USER] = self._new_default()
        return users

    def _parse_line(self, users: dict[bytes, User], words: list[bytes], where: bytes, number: int) -> bytes:
        """Adds the user of one line; returns what is wrong with it."""
        if words[0] != b"user" or len(words) < 2:
            return where + b" should start with user keyword followed by the username. "
        name = words[1]
        if has_blanks(name):
            return b"'" + where + b": username '" + c_string(name) + b"' contains invalid characters. "
        if name in users:
            return b"WARNING: Duplicate user '" + name + b"' found on line %d. " % number
        user = users[name] = self.new(name)
        try:
            rules = merge_selectors(words[2:])
        except UnmatchedParenthesis:
            return where + b": Unmatched parenthesis in selector definition."
        errors = b""
        has_syntax_error = False
        for rule in rules:
            rule = rule.strip(b"\t\r\n")
            try:
                user.apply(rule)
            except RuleError as error:
                # An unknown command can be shown; anything else might be a password.
                if error.message == UNKNOWN_COMMAND:
                    shown = b"'" + c_string(rule) + b"': "
                    errors += where + b": Error in applying operation " + shown + error.message + b". "
                elif not has_syntax_error:
                    has_syntax_error = True
                    errors += where + b": " + error.message + b". "
        return errors


def _merged(words: list[bytes]) -> list[bytes]:
    try:
        return merge_selectors(words)
    except UnmatchedParenthesis as error:
        start = c_string(error.start)
        raise InvalidRules(b"Unmatched parenthesis in acl selector starting at '" + start + b"'.") from None


def lost_channels(before: User, after: User) -> list[bytes] | None:
    """The channels that are left to a user who loses some; None for one who keeps them all.

    As in Redis, patterns are compared as they are written: `a*` in place of `ab` counts as a loss.
    """
    if any(selector.all_channels for selector in after.selectors):
        return None
    left = [channel for selector in after.selectors for channel in selector.channels]
    for selector in before.selectors:
        if selector.all_channels or any(channel not in left for channel in selector.channels):
            return left
    return None
