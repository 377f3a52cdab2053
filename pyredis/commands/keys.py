"""Keys whatever they hold: DEL UNLINK EXISTS TOUCH TYPE RENAME RENAMENX COPY MOVE RANDOMKEY.

Whole databases are in `databases`, listings in `scanning`, what a key looks like inside in `object_commands`,
deadlines in `expiration`.
"""

from __future__ import annotations

from typing import Any, Final

from pyredis.commands.arguments import int_argument
from pyredis.commands.registry import CommandGroup, all_keys, first_key, nth_key
from pyredis.datatypes.value import copy_value, type_name
from pyredis.engine.command import DENYOOM, FAST, READONLY, WRITE
from pyredis.engine.context import Context
from pyredis.errors import DB_INDEX_OUT_OF_RANGE, NO_SUCH_KEY, SAME_OBJECT, SYNTAX, CommandError
from pyredis.keyspace import events
from pyredis.keyspace.database import Database
from pyredis.protocol.encode import OK, ONE, ZERO, bulk, integer, simple

generic: Final = CommandGroup("generic", acl=("keyspace",))

PER_SHARD: Final = ("request_policy:multi_shard", "response_policy:agg_sum")
NO_KEY: Final = b"+none\r\n"
HIDDEN_TRIES: Final = 100
"""How often RANDOMKEY looks for a living key where all have deadlines and none may be removed."""


@generic.command(
    "DEL", arity=-2, flags=WRITE, keys=all_keys("RM delete"), since="1.0.0", syntax="key...",
    complexity="O(N) with N keys, O(M) for each that holds a collection of M elements", tips=PER_SHARD,
)  # fmt: skip
def del_(ctx: Context, argv: list[bytes]) -> bytes:
    """Deletes keys and tells how many there were."""
    return _delete(ctx.db, argv, ctx.db.keyspace.lazy_user_del)


@generic.command(
    "UNLINK", arity=-2, flags=WRITE | FAST, keys=all_keys("RM delete"), since="4.0.0", syntax="key...",
    complexity="O(1) for each key; the memory of large collections is freed afterwards, bit by bit",
    tips=PER_SHARD,
)  # fmt: skip
def unlink(ctx: Context, argv: list[bytes]) -> bytes:
    """Deletes keys as DEL does, leaving it to the background to free what is large."""
    return _delete(ctx.db, argv, True)


def _delete(db: Database, argv: list[bytes], lazy: bool) -> bytes:
    deleted = 0
    for position in range(1, len(argv)):
        key = argv[position]
        if db.delete(key, lazy):
            db.notify(events.GENERIC, b"del", key)
            deleted += 1
    return integer(deleted)


@generic.command(
    "EXISTS", arity=-2, flags=READONLY | FAST, keys=all_keys("RO"), since="1.0.0", syntax="key...",
    complexity="O(N) with N keys", tips=PER_SHARD, history=(("3.0.3", "Accepts multiple `key` arguments."),),
)  # fmt: skip
def exists(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells how many of the keys exist; one named twice counts twice."""
    db = ctx.db
    found = 0
    for position in range(1, len(argv)):
        if db.inspect(argv[position]) is not None:
            found += 1
    return integer(found)


@generic.command(
    "TOUCH", arity=-2, flags=READONLY | FAST, keys=all_keys("RO"), since="3.2.1", syntax="key...",
    complexity="O(N) with N keys", tips=PER_SHARD,
)  # fmt: skip
def touch(ctx: Context, argv: list[bytes]) -> bytes:
    """Marks keys as just used, even for a client with NO-TOUCH, and tells how many there are."""
    db = ctx.db
    found = 0
    for position in range(1, len(argv)):
        key = argv[position]
        if db.inspect(key) is not None:
            db.access.mark_anyway(key)
            found += 1
    return integer(found)


@generic.command(
    "TYPE", arity=2, flags=READONLY | FAST, keys=first_key("RO"), since="1.0.0", syntax="key",
    complexity="O(1)",
)  # fmt: skip
def type_(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells the type of the value at a key, or none."""
    value = ctx.db.inspect(argv[1])
    return NO_KEY if value is None else simple(type_name(value))


@generic.command(
    "RENAME", arity=3, flags=WRITE, keys=first_key("RW access delete") + nth_key("OW update", 2),
    since="1.0.0", syntax="key newkey",
    complexity="O(1), or O(M) when a collection of M elements is overwritten",
)  # fmt: skip
def rename(ctx: Context, argv: list[bytes]) -> bytes:
    """Gives a key another name, overwriting what was there."""
    _rename(ctx.db, argv[1], argv[2], False)
    return OK


@generic.command(
    "RENAMENX", arity=3, flags=WRITE | FAST, keys=first_key("RW access delete") + nth_key("OW insert", 2),
    since="1.0.0", syntax="key newkey", complexity="O(1)",
    history=(
        ("3.2.0", "The command no longer returns an error when source and destination names are the same."),
    ),
)  # fmt: skip
def renamenx(ctx: Context, argv: list[bytes]) -> bytes:
    """Gives a key another name, unless a key of that name exists."""
    return ONE if _rename(ctx.db, argv[1], argv[2], True) else ZERO


def _rename(db: Database, key: bytes, new_key: bytes, only_if_absent: bool) -> bool:
    """Renames a key with its deadline and history; false when the new name is taken and may not be."""
    value = db.lookup(key)
    if value is None:
        raise CommandError(NO_SUCH_KEY)
    if key == new_key:
        return False
    if db.lookup(new_key) is not None:
        if only_if_absent:
            return False
        _overwrite(db, new_key)
    db.add(new_key, value, db.deadline(key))
    db.access.carry(new_key, db.access, key)
    db.remove(key)
    db.keyspace.dirty += 1
    db.signal(key)
    db.signal(new_key)
    db.notify(events.GENERIC, b"rename_from", key)
    db.notify(events.GENERIC, b"rename_to", new_key)
    return True


def _overwrite(db: Database, key: bytes) -> None:
    """Takes out a key that another is about to replace."""
    value = db.remove(key)
    if db.keyspace.lazy_server_del:
        db.keyspace.lazy_free.add_value(value)


def database_argument(ctx: Context, text: bytes) -> Database:
    """The database with that number, or Redis's error."""
    index = int_argument(text)
    databases = ctx.engine.keyspace.databases
    if not 0 <= index < len(databases):
        raise CommandError(DB_INDEX_OUT_OF_RANGE)
    return databases[index]


@generic.command(
    "COPY", arity=-3, flags=WRITE | DENYOOM, keys=first_key("RO access") + nth_key("OW update", 2),
    since="6.2.0", syntax="source destination [DB destination-db] [REPLACE]",
    complexity="O(N) with N elements of a collection, O(1) for a string",
)  # fmt: skip
def copy(ctx: Context, argv: list[bytes]) -> bytes:
    """Copies a key with its deadline, to another name, database or both."""
    source, key, new_key = ctx.db, argv[1], argv[2]
    target = source
    replaces = False
    position = 3
    while position < len(argv):
        word = argv[position].upper()
        if word == b"REPLACE":
            replaces = True
        elif word == b"DB" and position + 1 < len(argv):
            position += 1
            target = database_argument(ctx, argv[position])
        else:
            raise CommandError(SYNTAX)
        position += 1
    if source is target and key == new_key:
        raise CommandError(SAME_OBJECT)
    value = source.lookup_read(key)
    if value is None:
        return ZERO
    if target.lookup(new_key) is not None:
        if not replaces:
            return ZERO
        _overwrite(target, new_key)
    target.add(new_key, copy_value(value), source.deadline(key))
    target.keyspace.dirty += 1
    target.signal(new_key)
    target.notify(events.GENERIC, b"copy_to", new_key)
    return ONE


@generic.command(
    "MOVE", arity=3, flags=WRITE | FAST, keys=first_key("RW access update"), since="1.0.0", syntax="key db",
    complexity="O(1)",
)  # fmt: skip
def move(ctx: Context, argv: list[bytes]) -> bytes:
    """Moves a key with its deadline to another database, unless it exists there."""
    source, key = ctx.db, argv[1]
    target = database_argument(ctx, argv[2])
    if source is target:
        raise CommandError(SAME_OBJECT)
    value: Any = source.lookup(key)
    if value is None or target.lookup(key) is not None:
        return ZERO
    target.add(key, value, source.deadline(key))
    target.access.carry(key, source.access, key)
    source.remove(key)
    source.keyspace.dirty += 1
    source.signal(key)
    target.signal(key)
    source.notify(events.GENERIC, b"move_from", key)
    target.notify(events.GENERIC, b"move_to", key)
    return ONE


@generic.command(
    "RANDOMKEY", arity=1, flags=READONLY, since="1.0.0", complexity="O(1)",
    tips=("request_policy:all_shards", "nondeterministic_output"),
)  # fmt: skip
def randomkey(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells the name of a key, each as likely as any other."""
    db = ctx.db
    all_volatile = db.values.size == db.expires.size
    hidden = 0
    while db.values.size:
        key = db.values.random_key()
        if db.expires.size == 0 or not db.expire_if_due(key):
            return bulk(key)
        hidden += 1
        if all_volatile and db.keyspace.keeps_expired and hidden == HIDDEN_TRIES:
            return bulk(key)
    return ctx.null
