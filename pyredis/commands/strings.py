"""String commands: SET GET (more below as the group grows)."""

from __future__ import annotations

from typing import Final

from pyredis.commands.arguments import deadline_argument
from pyredis.commands.registry import CommandGroup, first_key
from pyredis.engine.command import DENYOOM, FAST, READONLY, WRITE
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, CommandError
from pyredis.keyspace import events
from pyredis.keyspace.database import Database, string_bytes
from pyredis.protocol.encode import OK, bulk

strings: Final = CommandGroup("string", acl=("string",))


@strings.command(
    "GET", arity=2, flags=READONLY | FAST, keys=first_key("RO access"), since="1.0.0",
    syntax="key", complexity="O(1)",
)  # fmt: skip
def get(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the string value of a key."""
    value = ctx.db.lookup_read(argv[1])
    if value is None:
        return ctx.null
    if isinstance(value, bytes):
        return bulk(value)
    return bulk(string_bytes(value))


class SetOptions:
    """What SET was asked for besides storing the value."""

    def __init__(self) -> None:
        self.if_absent: bool = False
        self.if_present: bool = False
        self.get: bool = False
        self.keep_ttl: bool = False
        self.deadline_ms: int = 0


def parse_set_options(ctx: Context, argv: list[bytes]) -> SetOptions:
    """Reads NX XX GET KEEPTTL EX PX EXAT PXAT from the fourth argument on."""
    options = SetOptions()
    expiry: bytes = b""
    position = 3
    while position < len(argv):
        word = argv[position].upper()
        position += 1
        if word == b"NX" and not options.if_present:
            options.if_absent = True
        elif word == b"XX" and not options.if_absent:
            options.if_present = True
        elif word == b"GET":
            options.get = True
        elif word == b"KEEPTTL" and not expiry:
            options.keep_ttl = True
        elif word in EXPIRY_OPTIONS and not expiry and not options.keep_ttl and position < len(argv):
            expiry = word
            text = argv[position]
            position += 1
        else:
            raise CommandError(SYNTAX)
    if expiry:
        options.deadline_ms = expiry_argument(ctx, b"set", expiry, text)
    return options


EXPIRY_OPTIONS: Final = frozenset((b"EX", b"PX", b"EXAT", b"PXAT"))


def expiry_argument(ctx: Context, command: bytes, word: bytes, text: bytes) -> int:
    """The deadline that EX, PX, EXAT or PXAT with `text` asks for."""
    unit_ms = 1000 if word[0] == 69 else 1
    return deadline_argument(ctx, command, text, unit_ms, len(word) == 2)


@strings.command(
    "SET", arity=-3, flags=WRITE | DENYOOM, keys=first_key("RW access update variable_flags"), since="1.0.0",
    syntax="key value", complexity="O(1)",
)  # fmt: skip
def set_(ctx: Context, argv: list[bytes]) -> bytes:
    """Sets the string value of a key, whatever it held; creates the key when it is missing."""
    db = ctx.db
    key = argv[1]
    if len(argv) == 3:
        db.store(key, argv[2])
        db.notify(events.STRING, b"set", key)
        return OK
    options = parse_set_options(ctx, argv)
    return set_with_options(ctx, db, argv, options)


def set_with_options(ctx: Context, db: Database, argv: list[bytes], options: SetOptions) -> bytes:
    """SET with anything beyond key and value."""
    key, value = argv[1], argv[2]
    old = db.lookup_read(key) if options.get else db.lookup(key)
    reply = OK
    if options.get:
        reply = ctx.null if old is None else bulk(string_bytes(old))
    if (options.if_absent and old is not None) or (options.if_present and old is None):
        return reply if options.get else ctx.null
    if options.keep_ttl:
        db.replace(key, value)
    else:
        db.store(key, value)
    db.notify(events.STRING, b"set", key)
    if options.deadline_ms:
        db.set_deadline(key, options.deadline_ms)
        db.notify(events.GENERIC, b"expire", key)
        ctx.propagate_as([b"SET", key, value, b"PXAT", b"%d" % options.deadline_ms])
    return reply
