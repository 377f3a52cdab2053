"""Listing keys: KEYS, SCAN, and the options that SCAN shares with SSCAN, HSCAN and ZSCAN."""

from __future__ import annotations

import re
from typing import Final

from pyredis.commands.arguments import integer_argument
from pyredis.commands.keys import generic
from pyredis.datatypes.glob import glob_match, literal_prefix
from pyredis.datatypes.numbers import parse_int64
from pyredis.datatypes.value import type_name
from pyredis.engine.command import READONLY
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, CommandError
from pyredis.keyspace.database import Database
from pyredis.protocol.encode import array_header, bulk, bulk_array

EVERYTHING: Final = b"*"
INVALID_CURSOR: Final = b"ERR invalid cursor"
NO_VALUES_ELSEWHERE: Final = b"ERR NOVALUES option can only be used in HSCAN"
UINT64: Final = 1 << 64

_C_NUMBER: Final = re.compile(rb"[ \t-\r]*([+-]?)([0-9]+)(?:\0|\Z)")


@generic.command(
    "KEYS", arity=2, flags=READONLY, since="1.0.0", syntax="pattern", acl=("keyspace", "dangerous"),
    complexity="O(N) with N keys in the database",
    tips=("request_policy:all_shards", "nondeterministic_output_order"),
)  # fmt: skip
def keys(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the keys that match a pattern."""
    db = ctx.db
    pattern = argv[1]
    found = db.values.keys()
    if pattern != EVERYTHING:
        prefix = literal_prefix(pattern)
        found = [key for key in found if key.startswith(prefix) and glob_match(pattern, key, False)]
    if db.expires.size:
        found = [key for key in found if not db.is_due(key)]
    return bulk_array(found)


class ScanOptions:
    """What follows the cursor: `pattern` and `type_name` are None without MATCH and TYPE."""

    def __init__(self) -> None:
        self.pattern: bytes | None = None
        self.count: int = 10
        self.type_name: bytes | None = None
        self.no_values: bool = False


def scan_cursor(text: bytes) -> int:
    """The cursor of SCAN and its kind, as Redis 7.4's `string2ull` reads it, or `invalid cursor`.

    What is no canonical integer gets a second chance with C's `strtoull`, which takes blanks, signs and zeros
    before the digits, and anything behind a NUL.
    """
    value = parse_int64(text)
    if value is not None and value >= 0:
        return value
    match = _C_NUMBER.match(text)
    if value is not None or match is None or len(match[2]) > 1000 or int(match[2]) >= UINT64:
        raise CommandError(INVALID_CURSOR)
    return -int(match[2]) % UINT64 if match[1] == b"-" else int(match[2])


def scan_options(argv: list[bytes], position: int, takes_type: bool, takes_no_values: bool) -> ScanOptions:
    """Reads MATCH COUNT and, where they are taken, TYPE and NOVALUES from `position` on."""
    options = ScanOptions()
    while position < len(argv):
        word = argv[position].upper()
        has_value = position + 1 < len(argv)
        if word == b"COUNT" and has_value:
            options.count = integer_argument(argv[position + 1])
            if options.count < 1:
                raise CommandError(SYNTAX)
        elif word == b"MATCH" and has_value:
            pattern = argv[position + 1]
            options.pattern = None if pattern == EVERYTHING else pattern
        elif word == b"TYPE" and has_value and takes_type:
            options.type_name = argv[position + 1].lower()
        elif word == b"NOVALUES":
            if not takes_no_values:
                raise CommandError(NO_VALUES_ELSEWHERE)
            options.no_values = True
            position -= 1
        else:
            raise CommandError(SYNTAX)
        position += 2
    return options


def is_of_type(db: Database, key: bytes, wanted: bytes) -> bool:
    """Whether a key is there and of that type; as in Redis 7 this counts as a hit or a miss."""
    value = db.examine(key)
    return value is not None and type_name(value) == wanted


def scan_reply(cursor: int, items: list[bytes]) -> bytes:
    """The next cursor and the elements found."""
    return array_header(2) + bulk(b"%d" % cursor) + bulk_array(items)


@generic.command(
    "SCAN", arity=-2, flags=READONLY, since="2.8.0",
    syntax="cursor [MATCH pattern] [COUNT count] [TYPE type @6.0.0]",
    complexity="O(1) for each call, O(N) for a whole iteration over N keys",
    tips=("nondeterministic_output", "request_policy:special"),
    history=(("6.0.0", "Added the `TYPE` subcommand."),),
)  # fmt: skip
def scan(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists some keys, and a cursor to go on with, 0 at the end; keys that stay throughout are all listed."""
    cursor = scan_cursor(argv[1])
    options = scan_options(argv, 2, True, False)
    db = ctx.db
    cursor, found = db.values.scan(cursor, options.count)
    pattern = options.pattern
    if pattern is not None:
        found = [key for key in found if glob_match(pattern, key, False)]
    wanted = options.type_name
    if wanted is not None:
        found = [key for key in found if is_of_type(db, key, wanted)]
    elif db.expires.size:
        found = [key for key in found if not db.expire_if_due(key)]
    return scan_reply(cursor, found)
