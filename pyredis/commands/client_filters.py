"""Which clients CLIENT KILL means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis.commands.arguments import c_text, integer_argument, ranged_argument
from pyredis.datatypes.numbers import INT64_MAX
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, CommandError

if TYPE_CHECKING:
    from mypy_extensions import i64

CLIENT_TYPES: Final = {
    b"normal": "normal",
    b"slave": "replica",
    b"replica": "replica",
    b"pubsub": "pubsub",
    b"master": "master",
}
"""The types that clients are asked for by, and what `Context.client_type` calls them."""

CLIENT_ID_POSITIVE: Final = b"ERR client-id should be greater than 0"
MAX_AGE_NOT_AN_INTEGER: Final = b"ERR maxage is not an integer or out of range"
MAX_AGE_POSITIVE: Final = b"ERR maxage should be greater than 0"


class KillFilter:
    """The conditions that a client must meet all of; None where there is no such condition."""

    def __init__(self) -> None:
        self.client_id: int = 0
        self.address: str | None = None
        self.local_address: str | None = None
        self.kind: str | None = None
        self.user: bytes | None = None
        self.max_age: int = 0
        self.skip_me: bool = True

    def matches(self, client: Context, now_ms: i64) -> bool:
        """Whether a client meets them; `skip_me` is the caller's to respect."""
        if self.client_id and client.client_id != self.client_id:
            return False
        if self.address is not None and client.address != self.address:
            return False
        if self.local_address is not None and client.local_address != self.local_address:
            return False
        if self.kind is not None and client.client_type() != self.kind:
            return False
        if self.user is not None and client.user.name != self.user:
            return False
        age: i64 = now_ms // 1000 - client.created_ms // 1000
        return age >= self.max_age


def parse_kill_filter(ctx: Context, argv: list[bytes]) -> KillFilter:
    """Reads the filters of CLIENT KILL, or the single address of its old form, which may be the own one."""
    chosen = KillFilter()
    if len(argv) == 3:
        chosen.address = _text(argv[2])
        chosen.skip_me = False
        return chosen
    position = 2
    while position < len(argv):
        if position + 1 == len(argv):
            raise CommandError(SYNTAX)
        _parse_condition(ctx, chosen, argv[position].lower(), argv[position + 1])
        position += 2
    return chosen


def _parse_condition(ctx: Context, chosen: KillFilter, word: bytes, value: bytes) -> None:
    if word == b"id":
        chosen.client_id = ranged_argument(value, 1, INT64_MAX, CLIENT_ID_POSITIVE)
    elif word == b"maxage":
        chosen.max_age = integer_argument(value, MAX_AGE_NOT_AN_INTEGER)
        if chosen.max_age <= 0:
            raise CommandError(MAX_AGE_POSITIVE)
    elif word == b"type":
        chosen.kind = CLIENT_TYPES.get(value.lower())
        if chosen.kind is None:
            raise unknown_client_type(value)
    elif word == b"addr":
        chosen.address = _text(value)
    elif word == b"laddr":
        chosen.local_address = _text(value)
    elif word == b"user":
        if value not in ctx.engine.access.users.by_name:
            raise CommandError(b"ERR No such user '" + c_text(value) + b"'")
        chosen.user = value
    elif word == b"skipme" and value.lower() == b"yes":
        chosen.skip_me = True
    elif word == b"skipme" and value.lower() == b"no":
        chosen.skip_me = False
    else:
        raise CommandError(SYNTAX)


def unknown_client_type(text: bytes) -> CommandError:
    """The error for a word that names no type of client."""
    return CommandError(b"ERR Unknown client type '" + c_text(text) + b"'")


def _text(address: bytes) -> str:
    return address.decode("utf-8", "surrogateescape")
