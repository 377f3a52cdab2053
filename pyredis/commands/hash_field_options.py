"""Reading or setting fields of a hash together with their deadlines: HGETDEL HGETEX HSETEX, of Redis 8.

They are logged in the words of Redis 7.4, HSET HDEL HPEXPIREAT HPERSIST, so that an older replica or a log
read by one can follow.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from pyredis.commands.arguments import INT32_MAX, c_text, ranged_argument
from pyredis.commands.hash_expiry import (
    expire_at_once,
    field_deadline,
    named_fields,
    propagate_deadline,
    remove_if_empty,
)
from pyredis.commands.hashes import (
    hashes,
    note_change,
    note_removal,
    nulls_reply,
    propagate_deadlines,
    values_reply,
    without_expired,
    write_hash,
)
from pyredis.commands.registry import first_key
from pyredis.datatypes.hash_value import HashValue
from pyredis.engine.command import DENYOOM, FAST, WRITE
from pyredis.engine.context import Context
from pyredis.engine.engine import GATE_PROPAGATING
from pyredis.errors import CommandError, wrong_arity
from pyredis.keyspace import events
from pyredis.keyspace.database import NO_DEADLINE
from pyredis.protocol.encode import ONE, ZERO, array

# The options.
EX: Final[i64] = 1 << 0
PX: Final[i64] = 1 << 1
EXAT: Final[i64] = 1 << 2
PXAT: Final[i64] = 1 << 3
PERSIST: Final[i64] = 1 << 4
KEEPTTL: Final[i64] = 1 << 5
FNX: Final[i64] = 1 << 6
FXX: Final[i64] = 1 << 7

EXPIRY: Final[i64] = EX | PX | EXAT | PXAT

_GET_OPTIONS: Final[dict[bytes, int]] = {
    b"EX": EX,
    b"PX": PX,
    b"EXAT": EXAT,
    b"PXAT": PXAT,
    b"PERSIST": PERSIST,
}
_SET_OPTIONS: Final[dict[bytes, int]] = {
    b"EX": EX, b"PX": PX, b"EXAT": EXAT, b"PXAT": PXAT, b"KEEPTTL": KEEPTTL, b"FNX": FNX, b"FXX": FXX,
}  # fmt: skip

ONE_EXPIRY: Final = b"ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"
ONE_CONDITION: Final = b"ERR Only one of FXX or FNX arguments can be specified"
INVALID_COUNT: Final = b"ERR invalid number of fields"


def option_deadline(ctx: Context, option: i64, text: bytes, name: bytes) -> int:
    """The deadline that EX, PX, EXAT or PXAT asks for."""
    origin: int = ctx.engine.clock.now_ms if option & (EX | PX) else 0
    return field_deadline(text, 1000 if option & (EX | EXAT) else 1, origin, name)


@hashes.command(
    "HGETDEL", arity=-5, flags=WRITE | FAST, keys=first_key("RW access delete"), since="8.0.0",
    syntax="key FIELDS fields:(numfields field...)", complexity="O(N) with N fields named.",
)  # fmt: skip
def hgetdel(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the values of fields of a hash and deletes the fields."""
    key = argv[1]
    value = write_hash(ctx, key)
    fields = named_fields(argv, 2)
    value = without_expired(ctx.db, key, value, fields)
    if value is None:
        return nulls_reply(ctx, len(fields))
    items: list[bytes] = []
    removed: list[bytes] = []
    for field in fields:
        packed = value.get_packed(field)
        if packed is None:
            items.append(ctx.null)
        else:
            items.append(packed)
            removed.append(field)
            value.remove(field)
    if removed:
        note_removal(ctx.db, key, value, len(removed))
        if ctx.engine.gates & GATE_PROPAGATING != 0:
            ctx.propagate_as([b"HDEL", key, *removed])
    return array(items)


@hashes.command(
    "HGETEX", arity=-5, flags=WRITE | FAST, since="8.0.0",
    keys=first_key("RW access update", "RW and UPDATE because it changes the TTL"),
    syntax="key [expiration:(EX seconds | PX milliseconds | EXAT unix-time-seconds "
    "| PXAT unix-time-milliseconds | PERSIST)] FIELDS fields:(numfields field...)",
    complexity="O(N) with N fields named.",
)  # fmt: skip
def hgetex(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the values of fields of a hash, and changes or removes their deadlines when asked."""
    key = argv[1]
    value = write_hash(ctx, key)
    option: i64 = _GET_OPTIONS.get(argv[2].upper(), 0)
    deadline = option_deadline(ctx, option, argv[3], b"hgetex") if option & EXPIRY else 0
    position = 4 if option & EXPIRY else 3 if option else 2
    if position + 1 >= len(argv) and argv[position].upper() == b"FIELDS":
        raise wrong_arity(b"hgetex")
    fields = named_fields(argv, position)
    value = without_expired(ctx.db, key, value, fields)
    if value is None or option == 0:
        return values_reply(ctx, key, value, fields, 0)
    value.extend()
    is_past = option & EXPIRY != 0 and ctx.db.keyspace.is_past(deadline)
    items: list[bytes] = []
    changed: list[bytes] = []
    for field in fields:
        packed = value.get_packed(field)
        if packed is None:
            items.append(ctx.null)
            continue
        items.append(packed)
        if option & PERSIST:
            if not value.persist(field):
                continue
        elif is_past:
            expire_at_once(ctx, key, value, field)
        else:
            value.set_deadline(field, deadline)
        changed.append(field)
    if changed:
        event = b"hpersist" if option & PERSIST else b"hdel" if is_past else b"hexpire"
        note_change(ctx.db, key, value, False, len(changed), event)
        remove_if_empty(ctx, key, value)
        if option & PERSIST:
            ctx.propagate_as([b"HPERSIST", key, b"FIELDS", b"%d" % len(changed), *changed])
        elif not is_past:
            propagate_deadline(ctx, key, deadline, [], changed)
    return array(items)


class SetOptions:
    """What stands between the key and the fields of an HSETEX; `position` is that of the first field."""

    def __init__(self) -> None:
        self.flags: i64 = 0
        self.deadline: int = 0
        self.position: int = 0


def parse_set_options(ctx: Context, argv: list[bytes]) -> SetOptions:
    """Reads the options of HSETEX up to its fields. There are more arguments than options could take up."""
    options = SetOptions()
    position = 2
    while argv[position].upper() != b"FIELDS":
        option: i64 = _SET_OPTIONS.get(argv[position].upper(), 0)
        if option == 0:
            raise CommandError(b"ERR unknown argument: " + c_text(argv[position]))
        if option & (FNX | FXX):
            if options.flags & (FNX | FXX):
                raise CommandError(ONE_CONDITION)
        elif options.flags & (EXPIRY | KEEPTTL):
            raise CommandError(ONE_EXPIRY)
        options.flags |= option
        position += 1
        if option & EXPIRY:
            options.deadline = option_deadline(ctx, option, argv[position], b"hsetex")
            position += 1
    left = len(argv) - position - 2
    if left < 2:
        raise wrong_arity(b"hsetex")
    count = ranged_argument(argv[position + 1], 1, INT32_MAX, INVALID_COUNT)
    if left % 2 or count != left // 2:
        raise wrong_arity(b"hsetex")
    options.position = position + 2
    return options


@hashes.command(
    "HSETEX", arity=-6, flags=WRITE | DENYOOM | FAST, keys=first_key("RW update"), since="8.0.0",
    syntax="key [condition:(FNX | FXX)] [expiration:(EX seconds | PX milliseconds | EXAT unix-time-seconds "
    "| PXAT unix-time-milliseconds | KEEPTTL)] FIELDS fields:(numfields data:(field value)...)",
    complexity="O(N) with N fields named.",
)  # fmt: skip
def hsetex(ctx: Context, argv: list[bytes]) -> bytes:
    """Sets fields of a hash and their deadlines, under a condition on all of the fields when asked."""
    options = parse_set_options(ctx, argv)
    flags = options.flags
    key = argv[1]
    db = ctx.db
    fields = argv[options.position :: 2]
    known = without_expired(db, key, write_hash(ctx, key), fields)
    if flags & (FNX | FXX):
        for field in fields:
            if (known is not None and known.has(field)) != (flags & FXX != 0):
                return ZERO
    if known is None:
        value = HashValue()
        db.add(key, value, NO_DEADLINE)
    else:
        value = known
    gone = _set(ctx, value, argv, options)
    note_change(db, key, value, False, len(fields), b"hset")
    if flags & EXPIRY:
        is_past = ctx.db.keyspace.is_past(options.deadline)
        db.notify(events.HASH, b"hdel" if is_past else b"hexpire", key)
        remove_if_empty(ctx, key, value)
    if ctx.engine.gates & GATE_PROPAGATING != 0:
        _propagate_set(ctx, argv, options, value, gone)
    return ONE


def _set(ctx: Context, value: HashValue, argv: list[bytes], options: SetOptions) -> list[bytes] | None:
    """Sets the fields; those that were there before, if a deadline that has passed has removed all, or None."""
    engine = ctx.engine
    max_entries, max_value = engine.hash_max_entries, engine.hash_max_value
    value.expect(argv, options.position, max_entries, max_value)
    keeps = options.flags & (EXPIRY | KEEPTTL) != 0
    is_past = options.flags & EXPIRY != 0 and engine.keyspace.is_past(options.deadline)
    if options.flags & EXPIRY:
        value.extend()
    gone: list[bytes] = []
    for position in range(options.position, len(argv), 2):
        field = argv[position]
        is_new = value.put(field, argv[position + 1], max_entries, max_value, keeps)
        if is_past:
            value.remove(field)
            engine.keyspace.expired_fields += 1
            if not is_new:
                gone.append(field)
        elif options.flags & EXPIRY:
            value.set_deadline(field, options.deadline)
    return gone if is_past else None


def _propagate_set(
    ctx: Context, argv: list[bytes], options: SetOptions, value: HashValue, gone: list[bytes] | None
) -> None:
    """Logs what HSETEX has done."""
    key = argv[1]
    if gone is not None:
        for field in gone:
            ctx.propagate_as([b"HDEL", key, field])
        ctx.propagate_nothing()
        return
    ctx.propagate_as([b"HSET", key, *argv[options.position :]])
    fields = argv[options.position :: 2]
    if options.flags & EXPIRY:
        propagate_deadline(ctx, key, options.deadline, [], fields)
    else:
        propagate_deadlines(ctx, key, value, fields)
