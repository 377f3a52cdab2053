"""LCS: what two strings have in common."""

from __future__ import annotations

from typing import Any, Final

from pyredis.commands.arguments import integer_argument
from pyredis.commands.registry import key_range
from pyredis.commands.strings import strings
from pyredis.datatypes.common_subsequence import common_length, common_matches
from pyredis.engine.command import READONLY
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, CommandError
from pyredis.keyspace.database import string_bytes
from pyredis.protocol.encode import array_header, bulk, integer, map_header

LENGTH_LIMIT: Final = (1 << 32) - 2
CELL_BYTES: Final = 4
"""What a cell of Redis's table takes; the table may not be larger than a string, though ours is smaller."""

_TWO: Final = array_header(2)


class LcsOptions:
    """What LCS was asked for besides the subsequence itself."""

    def __init__(self) -> None:
        self.length: bool = False
        self.indexes: bool = False
        self.match_length: bool = False
        self.least: int = 0


def parse_lcs_options(argv: list[bytes]) -> LcsOptions:
    """Reads LEN IDX MINMATCHLEN WITHMATCHLEN."""
    options = LcsOptions()
    position = 3
    while position < len(argv):
        word = argv[position].upper()
        position += 1
        if word == b"IDX":
            options.indexes = True
        elif word == b"LEN":
            options.length = True
        elif word == b"WITHMATCHLEN":
            options.match_length = True
        elif word == b"MINMATCHLEN" and position < len(argv):
            options.least = integer_argument(argv[position])
            position += 1
        else:
            raise CommandError(SYNTAX)
    if options.length and options.indexes:
        raise CommandError(b"ERR If you want both the length and indexes, please just use IDX.")
    return options


def text_of(value: Any) -> bytes:
    """The bytes of a stored string or of a missing key, with LCS's own error for other types."""
    if value is None:
        return b""
    if not isinstance(value, (bytes, bytearray, int)):
        raise CommandError(b"ERR The specified keys must contain string values")
    return string_bytes(value)


@strings.command(
    "LCS", arity=-3, flags=READONLY, keys=key_range("RO access", 1, 1), since="7.0.0",
    syntax="key1 key2#0 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]",
    complexity="O(N*M) for strings of N and M bytes",
)  # fmt: skip
def lcs(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the longest common subsequence of two strings, its length, or where it lies in them."""
    first_value = ctx.db.lookup_read(argv[1])
    second_value = ctx.db.lookup_read(argv[2])
    first, second = text_of(first_value), text_of(second_value)
    options = parse_lcs_options(argv)
    if max(len(first), len(second)) >= LENGTH_LIMIT:
        raise CommandError(b"ERR String too long for LCS")
    if (len(first) + 1) * (len(second) + 1) * CELL_BYTES > ctx.engine.max_bulk:
        raise CommandError(b"ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
    if options.length:
        return integer(common_length(first, second))
    if options.indexes:
        return index_reply(ctx, options, first, second)
    matches = common_matches(first, second)
    matches.reverse()
    return bulk(b"".join([first[match.first_start : match.first_start + match.length] for match in matches]))


def index_reply(ctx: Context, options: LcsOptions, first: bytes, second: bytes) -> bytes:
    """The ranges of both strings that match, from the last to the first, and the length of them all."""
    total = 0
    shown = 0
    items: list[bytes] = []
    for match in common_matches(first, second):
        total += match.length
        if match.length < options.least:
            continue
        shown += 1
        items.append(array_header(3 if options.match_length else 2))
        for start in (match.first_start, match.second_start):
            items.append(_TWO)
            items.append(integer(start))
            items.append(integer(start + match.length - 1))
        if options.match_length:
            items.append(integer(match.length))
    return b"".join(
        [
            map_header(2, ctx.resp3), bulk(b"matches"), array_header(shown), b"".join(items),
            bulk(b"len"), integer(total),
        ]
    )  # fmt: skip
