"""A user: a name, passwords, and selectors that say what the user may do.

Passwords are kept as SHA-256 digests in hexadecimal, as rules and files show them. A rule either is carried out
or raises `RuleError` and leaves the user as it was; several rules at once are tried on a copy first (`Users`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis.acl.rules import BAD_HASH, NO_SUCH_PASSWORD, RuleError
from pyredis.acl.selector import Selector
from pyredis.config.values import c_string, quote
from pyredis.protocol.inline import split_args

if TYPE_CHECKING:
    from pyredis.acl.catalog import Catalog

HASH_LENGTH: Final = 64
_HEXADECIMAL: Final = frozenset(b"0123456789abcdef")


class User:
    """See the module's text; `all_channels` is what new selectors begin with (`acl-pubsub-default`)."""

    def __init__(self, name: bytes, catalog: Catalog, all_channels: bool) -> None:
        self.name: bytes = name
        self.catalog: Catalog = catalog
        self.all_channels: bool = all_channels
        self.is_on: bool = False
        self.has_no_password: bool = False
        """Any password is right."""
        self.is_sanitizing: bool = True
        self.passwords: list[bytes] = []
        self.selectors: list[Selector] = [Selector(catalog, all_channels)]
        self.is_restricted: bool = True
        """Whether there is anything that the user may not do; kept by `apply` and `assign`."""

    def assign(self, other: User) -> None:
        """Takes over everything from another user but the name."""
        self.is_on = other.is_on
        self.has_no_password = other.has_no_password
        self.is_sanitizing = other.is_sanitizing
        self.passwords = list(other.passwords)
        self.selectors = [selector.copy() for selector in other.selectors]
        self.is_restricted = other.is_restricted

    def apply(self, rule: bytes) -> None:
        """Carries out one rule or raises `RuleError`; an empty one means nothing."""
        if not rule:
            return
        word = c_string(rule).lower()
        if not self._apply_flag(word):
            if word[:1] in (b">", b"#"):
                self._add_password(rule)
            elif word[:1] in (b"<", b"!"):
                self._remove_password(rule)
            elif rule.startswith(b"(") and rule.endswith(b")"):
                self._add_selector(rule)
            elif word == b"clearselectors":
                del self.selectors[1:]
            elif word == b"reset":
                self._reset()
            else:
                self.selectors[0].apply(rule)
        self.is_restricted = not any(selector.is_unrestricted() for selector in self.selectors)

    def _apply_flag(self, word: bytes) -> bool:
        """Carries out a rule that is a plain word about the user as a whole; false if it is none."""
        if word == b"on":
            self.is_on = True
        elif word == b"off":
            self.is_on = False
        elif word == b"skip-sanitize-payload":
            self.is_sanitizing = False
        elif word == b"sanitize-payload":
            self.is_sanitizing = True
        elif word == b"nopass":
            self._forget_passwords(True)
        elif word == b"resetpass":
            self._forget_passwords(False)
        else:
            return False
        return True

    def _forget_passwords(self, has_no_password: bool) -> None:
        self.has_no_password = has_no_password
        self.passwords = []

    def _add_password(self, rule: bytes) -> None:
        digest = _digest_in(rule, b">")
        if digest not in self.passwords:
            self.passwords.append(digest)
        self.has_no_password = False

    def _remove_password(self, rule: bytes) -> None:
        digest = _digest_in(rule, b"<")
        if digest not in self.passwords:
            raise RuleError(NO_SUCH_PASSWORD)
        self.passwords.remove(digest)

    def _add_selector(self, rule: bytes) -> None:
        selector = Selector(self.catalog, self.all_channels)
        # Unbalanced quotes leave no rules, as in Redis.
        for word in split_args(c_string(rule[1:-1])) or []:
            selector.apply(word)
        self.selectors.append(selector)

    def _reset(self) -> None:
        self._forget_passwords(False)
        self.is_on = False
        self.is_sanitizing = True
        self.selectors = [Selector(self.catalog, self.all_channels)]

    def flags(self) -> list[bytes]:
        """The plain words that describe the user as a whole."""
        words = [b"on" if self.is_on else b"off"]
        if self.has_no_password:
            words.append(b"nopass")
        words.append(b"sanitize-payload" if self.is_sanitizing else b"skip-sanitize-payload")
        return words

    def describe(self) -> bytes:
        """All rules in one line, as Redis shows them."""
        return b" ".join(self.words(False))

    def words(self, is_exact: bool) -> list[bytes]:
        """All rules; if they are to be exact, they lead to an equal user from a new one."""
        words = self.flags()
        words += [b"#" + password for password in self.passwords]
        words += self.selectors[0].words(is_exact)
        for selector in self.selectors[1:]:
            inner = selector.words(is_exact)
            if is_exact:
                inner = [quoted(word) for word in inner]
            words.append(b"(" + b" ".join(inner) + b")")
        return words

    def accepts(self, password: bytes) -> bool:
        """Whether the user may log in with a password.

        The time taken tells nothing about the passwords: digests are compared, each to its end and all of them.
        """
        # Here, because most servers have no password and need not load OpenSSL when they start.
        import hmac

        given = hash_password(password)
        is_right = self.has_no_password
        for digest in self.passwords:
            if hmac.compare_digest(given, digest):
                is_right = True
        return is_right and self.is_on


def quoted(word: bytes) -> bytes:
    """A word as it has to be written where quotes mean something."""
    return quote(word) if b"'" in word or b'"' in word else word


def hash_password(password: bytes) -> bytes:
    """The form in which a password is kept."""
    import hashlib

    return hashlib.sha256(password).hexdigest().encode()


def _digest_in(rule: bytes, plain: bytes) -> bytes:
    """The digest that a rule gives, or that of the password if the rule begins with `plain`."""
    if rule[:1] == plain:
        return hash_password(rule[1:])
    digest = rule[1:]
    if len(digest) != HASH_LENGTH or any(byte not in _HEXADECIMAL for byte in digest):
        raise RuleError(BAD_HASH)
    return digest
