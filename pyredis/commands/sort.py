"""SORT and SORT_RO: the elements of a list, set or sorted set, in order or exchanged for other values.

BY and GET take patterns, into which an element is put for the `*`: the name of a string, or, with `->`
behind it, a field of a hash. A BY without `*` says not to sort at all, GET # is the element itself.

As in Redis 7.4 with the locale C: texts are compared up to a NUL, except with STORE; a number is what C's
strtod makes of a text. A sorted set that was sorted is a skiplist from then on.
"""

from __future__ import annotations

from decimal import Decimal
from sys import float_info
from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from pyredis.acl.permissions import may_read_every_key
from pyredis.commands.arguments import c_text, integer_argument
from pyredis.commands.hashes import is_gone
from pyredis.commands.keys import generic
from pyredis.commands.registry import first_key, unknown_keys
from pyredis.datatypes.hash_value import HashValue
from pyredis.datatypes.list_value import ListValue
from pyredis.datatypes.numbers import parse_double, parse_int64
from pyredis.datatypes.set_value import SetValue
from pyredis.datatypes.sorted_set import SortedSet
from pyredis.engine.command import DENYOOM, READONLY, WRITE, KeyPosition
from pyredis.engine.context import GATE_ACL, Context
from pyredis.errors import SYNTAX, WRONG_TYPE, CommandError
from pyredis.keyspace import events
from pyredis.keyspace.database import Database, string_bytes
from pyredis.protocol.encode import ZERO, array_header, integer, write_bulk

NOT_A_NUMBER: Final = b"ERR One or more scores can't be converted into double"
BY_DENIED: Final = b"ERR BY option of SORT denied due to insufficient ACL permissions."
GET_DENIED: Final = b"ERR GET option of SORT denied due to insufficient ACL permissions."

_BLANKS: Final = b" \t\n\v\f\r"
_SMALLEST_NORMAL: Final = float_info.min
_EXACT_LIMIT: Final = 1 << 53
"""Up to here different integers are different doubles, too."""

_READS: Final = (b"RO", b"access")
_STORES: Final = (b"OW", b"update")
_SKIPPED: Final[dict[bytes, int]] = {b"LIMIT": 2, b"GET": 1, b"BY": 1}


def hash_field(db: Database, key: bytes, field: bytes) -> bytes | None:
    """The field of a hash, or None when there is none or the key holds no hash."""
    value = db.lookup_read(key)
    if not isinstance(value, HashValue):
        return None
    if value.deadlines is not None and is_gone(db, key, value, field):
        return None
    return value.get(field)


class Pattern:
    """What BY or GET is given."""

    def __init__(self, text: bytes) -> None:
        visible = c_text(text)
        star = visible.find(b"*")
        self.is_element: bool = visible == b"#"
        self.is_constant: bool = star < 0
        self.prefix: bytes = text[:star]
        self.suffix: bytes = text[star + 1 :]
        self.field: bytes | None = None
        arrow = visible.find(b"->", star + 1)
        if arrow >= 0 and arrow + 2 < len(visible):
            self.suffix = text[star + 1 : arrow]
            self.field = text[arrow + 2 :]

    def lookup(self, db: Database, element: bytes) -> bytes | None:
        """The value that the pattern leads to from an element, or None."""
        if self.is_element:
            return element
        if self.is_constant:
            return None
        key = self.prefix + element + self.suffix
        if self.field is not None:
            return hash_field(db, key, self.field)
        value = db.lookup_read(key)
        if isinstance(value, (bytes, bytearray, int)):
            return string_bytes(value)
        return None


class SortOptions:
    """What follows the key."""

    def __init__(self) -> None:
        self.is_descending: bool = False
        self.is_alpha: bool = False
        # A BY without `*`: the elements stay as they are.
        self.is_unsorted: bool = False
        self.by: Pattern | None = None
        self.get: list[Pattern] = []
        self.offset: int = 0
        self.count: int = -1
        self.destination: bytes | None = None
        # Whether the user may read any key that BY and GET make up.
        self.may_look_up: bool = True

    def parse(self, argv: list[bytes], may_store: bool) -> None:
        """Reads the options; of those given twice the last one counts, but a BY without `*` always."""
        position = 2
        while position < len(argv):
            word = argv[position].upper()
            left = len(argv) - position - 1
            if word == b"ASC":
                self.is_descending = False
            elif word == b"DESC":
                self.is_descending = True
            elif word == b"ALPHA":
                self.is_alpha = True
            elif word == b"LIMIT" and left >= 2:
                self.offset = integer_argument(argv[position + 1])
                self.count = integer_argument(argv[position + 2])
                position += 2
            elif word == b"STORE" and left >= 1 and may_store:
                position += 1
                self.destination = argv[position]
            elif word == b"BY" and left >= 1:
                position += 1
                self.by = Pattern(argv[position])
                self.is_unsorted |= self.by.is_constant
                if not self.may_look_up and not self.by.is_constant:
                    raise CommandError(BY_DENIED)
            elif word == b"GET" and left >= 1:
                position += 1
                self.get.append(Pattern(argv[position]))
                if not self.may_look_up:
                    raise CommandError(GET_DENIED)
            else:
                raise CommandError(SYNTAX)
            position += 1

    def bounds(self, length: int) -> tuple[int, int]:
        """Where the wanted part of so many elements starts and stops, as for a slice."""
        start = min(max(self.offset, 0), length)
        if self.count < 0:
            return start, length
        return start, min(start + self.count, length)


def sort_elements(ctx: Context, value: object, options: SortOptions) -> list[bytes]:
    """The elements of a value, sorted, and only those within the limits."""
    elements: list[bytes]
    if isinstance(value, ListValue):
        elements = value.values()
    elif isinstance(value, SetValue):
        elements = value.members()
        if options.is_unsorted and options.destination is not None:
            # A set has no order, and what is stored must be the same everywhere.
            options.is_unsorted = False
            options.is_alpha = True
            options.by = None
    elif isinstance(value, SortedSet):
        value.leave_listpack()
        elements = value.members(0, value.size())
    else:
        raise CommandError(WRONG_TYPE)
    if options.is_unsorted:
        if options.is_descending and not isinstance(value, SetValue):
            elements.reverse()
    elif options.is_alpha:
        elements = by_text(ctx.db, elements, options)
    else:
        elements = by_number(ctx.db, elements, options)
    start, stop = options.bounds(len(elements))
    return elements[start:stop]


def by_number(db: Database, elements: list[bytes], options: SortOptions) -> list[bytes]:
    """The elements in order of their numbers, or of the numbers that BY leads to, 0 where there is none.

    Elements with the same number are in order themselves.
    """
    by = options.by
    if by is None and sort_integers(elements, options.is_descending):
        return elements
    pairs: list[tuple[float, bytes]] = []
    is_wrong = False
    for element in elements:
        text = element if by is None else by.lookup(db, element)
        score: float | None = 0.0 if text is None else number_of(text)
        if score is None:
            is_wrong = True  # the other keys of BY count as looked up all the same
        else:
            pairs.append((score, element))
    if is_wrong:
        raise CommandError(NOT_A_NUMBER)
    pairs.sort(reverse=options.is_descending)
    return [element for _, element in pairs]


def sort_integers(elements: list[bytes], is_descending: bool) -> bool:
    """Sorts in place when all elements are integers as they would be printed, else answers False.

    Equal ones are the same then, so that it is enough to compare numbers, which saves half of the time.
    """
    numbers: list[int] = []
    for element in elements:
        number = parse_int64(element)
        if number is None or not -_EXACT_LIMIT <= number <= _EXACT_LIMIT:
            return False
        numbers.append(number)
    order = sorted(range(len(numbers)), key=numbers.__getitem__, reverse=is_descending)
    elements[:] = [elements[place] for place in order]
    return True


def number_of(text: bytes) -> float | None:
    """The number in a text as strtod reads it, or None; what is too small for full precision is an error."""
    value = parse_double(text)
    if value is None:
        visible = c_text(text)
        if not visible:
            return 0.0
        value = parse_double(visible.lstrip(_BLANKS))
        if value is None:
            return None
        text = visible
    if -_SMALLEST_NORMAL < value < _SMALLEST_NORMAL and value != 0.0 and not is_exact(text, value):
        return None
    return value


def is_exact(text: bytes, value: float) -> bool:
    """Whether a decimal text is a double without rounding; a hexadecimal one has no need to ask."""
    return b"x" in text.lower() or Decimal(text.decode().strip()) == Decimal(value)


def by_text(db: Database, elements: list[bytes], options: SortOptions) -> list[bytes]:
    """The elements in order of their bytes, or of the texts that BY leads to, first those without."""
    by = options.by
    is_stored = options.destination is not None
    if by is None:
        if is_stored:
            elements.sort(reverse=options.is_descending)
        else:
            elements.sort(key=c_text, reverse=options.is_descending)
        return elements
    keys: list[tuple[bool, bytes]] = []
    for element in elements:
        text = by.lookup(db, element)
        if text is None:
            keys.append((False, b""))
        else:
            keys.append((True, text if is_stored else c_text(text)))
    order = sorted(range(len(keys)), key=keys.__getitem__, reverse=options.is_descending)
    return [elements[place] for place in order]


def answer(ctx: Context, argv: list[bytes], may_store: bool) -> bytes:
    """SORT and SORT_RO."""
    options = SortOptions()
    options.may_look_up = _may_look_up(ctx, argv, may_store)
    options.parse(argv, may_store)
    value = ctx.db.lookup_read(argv[1])
    elements = [] if value is None else sort_elements(ctx, value, options)
    if options.destination is not None:
        return store(ctx, options, elements, options.destination)
    db = ctx.db
    writer = BytesWriter()
    if not options.get:
        writer.write(array_header(len(elements)))
        for element in elements:
            write_bulk(writer, element)
        return writer.getvalue()
    writer.write(array_header(len(elements) * len(options.get)))
    for element in elements:
        for pattern in options.get:
            found = pattern.lookup(db, element)
            if found is None:
                writer.write(ctx.null)
            else:
                write_bulk(writer, found)
    return writer.getvalue()


def store(ctx: Context, options: SortOptions, elements: list[bytes], key: bytes) -> bytes:
    """Stores a result as a list, without a GET that led nowhere as an empty text; an empty one deletes the key."""
    db = ctx.db
    results = elements
    if options.get:
        results = []
        for element in elements:
            for pattern in options.get:
                found = pattern.lookup(db, element)
                results.append(b"" if found is None else found)
    if results:
        value = ListValue()
        value.extend(results, ctx.engine.list_limits)
        db.store(key, value)
        db.notify(events.LIST, b"sortstore", key)
        db.keyspace.dirty += len(results) - 1  # one has been counted
        return integer(len(results))
    if db.delete(key, db.keyspace.lazy_server_del):
        db.notify(events.GENERIC, b"del", key)
    return ZERO


def _may_look_up(ctx: Context, argv: list[bytes], may_store: bool) -> bool:
    if ctx.gates & GATE_ACL == 0:
        return True
    command = ctx.engine.commands[b"sort" if may_store else b"sort_ro"]
    return may_read_every_key(ctx.user, command, argv)


def sort_keys(argv: list[bytes]) -> list[KeyPosition]:
    """The key and, for the last STORE, the destination; found by stepping over the arguments of options."""
    found = [KeyPosition(1, _READS)]
    destination: i64 = 0
    position: i64 = 2
    while position < i64(len(argv)):
        word = argv[position].upper()
        if word == b"STORE":
            if position + 1 < i64(len(argv)):
                destination = position + 1
        else:
            position += _SKIPPED.get(word, 0)
        position += 1
    if destination:
        found.append(KeyPosition(destination, _STORES))
    return found


def sort_ro_keys(argv: list[bytes]) -> list[KeyPosition]:
    """The key that is sorted."""
    return [KeyPosition(1, _READS)]


_FROM_CONTENT: Final = (
    "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of "
    "the key we sort"
)
_ANYWHERE: Final = (
    "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the "
    "argument array"
)
_SYNTAX: Final = (
    "key [BY by-pattern:pattern<pattern>#1] [LIMIT (offset count)] [GET... get-pattern:pattern<pattern>#1]"
    " [order:(ASC | DESC)] [sorting=ALPHA]"
)
_COMPLEXITY: Final = "O(N+M*log(M)) for N elements of which M are returned, O(N) when they are not sorted."
_ACL: Final = ("set", "sortedset", "list", "dangerous")


@generic.command(
    "SORT", arity=-2, flags=WRITE | DENYOOM, since="1.0.0", acl=_ACL, find_keys=sort_keys,
    keys=first_key("RO access") + unknown_keys("RO access", _FROM_CONTENT) + unknown_keys("OW update", _ANYWHERE),
    syntax=_SYNTAX + " [STORE destination]", complexity=_COMPLEXITY,
)  # fmt: skip
def sort(ctx: Context, argv: list[bytes]) -> bytes:
    """Sorts the elements of a list, set or sorted set, and returns or stores them or what they stand for."""
    return answer(ctx, argv, True)


@generic.command(
    "SORT_RO", arity=-2, flags=READONLY, since="7.0.0", acl=_ACL, find_keys=sort_ro_keys,
    keys=first_key("RO access") + unknown_keys("RO access", _FROM_CONTENT),
    syntax=_SYNTAX, complexity=_COMPLEXITY,
)  # fmt: skip
def sort_ro(ctx: Context, argv: list[bytes]) -> bytes:
    """Sorts the elements of a list, set or sorted set and returns them, without a way to store them."""
    return answer(ctx, argv, False)
