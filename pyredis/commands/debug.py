"""DEBUG: looking inside, breaking on purpose, and making replies for tests of clients.

As in Redis it is one command without declared subcommands, so that unknown ones and wrong numbers of
arguments get the same error. Subcommands that are about Redis's own memory (MALLCTL, SDSLEN, LISTPACK, ...) do not
exist here.
"""

from __future__ import annotations

import logging
import os
import re
import signal
from collections.abc import Callable
from time import sleep
from typing import Any, Final

from pyredis.commands.arguments import c_text, ranged_argument
from pyredis.commands.help import help_reply
from pyredis.commands.object_commands import reference_count
from pyredis.commands.registry import CommandGroup
from pyredis.config.values import parse_memory
from pyredis.datatypes.digest import Digest
from pyredis.datatypes.numbers import INT64_MAX
from pyredis.datatypes.value import Value, encoding_name, type_name
from pyredis.engine.command import ADMIN, LOADING, NOSCRIPT, PROTECTED, STALE
from pyredis.engine.context import Context
from pyredis.errors import NO_SUCH_KEY, CommandError, wrong_subcommand
from pyredis.keyspace.database import NO_DEADLINE, Database, string_bytes
from pyredis.persistence.dump_payload import FOOTER, dump
from pyredis.persistence.snapshot import forget_everything, load_now, save_now
from pyredis.protocol.encode import (
    OK,
    array,
    array_header,
    attribute_header,
    big_number,
    boolean,
    bulk,
    double,
    integer,
    map_header,
    push_header,
    set_header,
    simple,
    verbatim,
)

server: Final = CommandGroup("server", acl=())

log = logging.getLogger("pyredis")

NOT_POSITIVE: Final = b"ERR value is out of range, must be positive"
NO_RESP2: Final = b"ERR RESP2 is not supported by this command"
UNKNOWN_SHAPE: Final = (
    b"ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|"
    b"set|map|attrib|push|verbatim|true|false"
)
UNKNOWN_RELOAD: Final = b"ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."
EXPIRES: Final = b"!!expire!!"
"""What the digest of a key takes in when the key has a deadline, whichever."""

TYPE_NUMBERS: Final[dict[bytes, int]] = {
    b"string": 0, b"list": 1, b"set": 2, b"zset": 3, b"hash": 4, b"stream": 6,
}  # fmt: skip
LONGEST_SLEEP: Final = 1e9
MORE_THAN_ALL: Final = (1 << 63) - 1 - (1 << 20)
LARGEST_THRESHOLD: Final = 1 << 32
NO_THRESHOLD: Final = b"ERR argument must be a memory value bigger than 1 and smaller than 4gb"

_C_FLOAT: Final = re.compile(rb"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_C_INTEGER: Final = re.compile(rb"\s*([+-]?[0-9]+)")

HELP: Final = (
    b"ASSERT",
    b"    End the server with the report of a condition that is not true.",
    b"CHANGE-REPL-ID",
    b"    Change the replication ID of the instance.",
    b"DIGEST",
    b"    Output a hex signature representing the current DB content.",
    b"DIGEST-VALUE <key> [<key> ...]",
    b"    Output a hex signature of the values of all the specified keys.",
    b"ERROR <string>",
    b"    Return a Redis protocol error with <string> as message. Useful for clients",
    b"    unit tests to simulate Redis errors.",
    b"LOADAOF",
    b"    Flush the AOF buffers on disk and reload the AOF in memory.",
    b"LOG <message>",
    b"    Write <message> to the server log.",
    b"OBJECT <key>",
    b"    Show low level info about `key` and associated value.",
    b"OOM",
    b"    End the server with the report of memory that could not be had.",
    b"PANIC",
    b"    End the server with the report of a fault.",
    b"PAUSE-CRON <0|1>",
    b"    Stop periodic cron job processing.",
    b"POPULATE <count> [<prefix>] [<size>]",
    b"    Create <count> string keys named key:<num>. If <prefix> is specified then",
    b"    it is used instead of the 'key' prefix. These are not propagated to",
    b"    replicas.",
    b"PROTOCOL <type>",
    b"    Reply with a test value of the specified type. <type> can be: string,",
    b"    integer, double, bignum, null, array, set, map, attrib, push, verbatim,",
    b"    true, false.",
    b"QUICKLIST-PACKED-THRESHOLD <size>",
    b"    Sets the threshold for elements to be saved as plain vs packed nodes.",
    b"    Without it the limit of a node decides. Setting to 0 restores that.",
    b"RELOAD [option ...]",
    b"    Save the RDB on disk and reload it back to memory. Valid <option> values:",
    b"    * MERGE: conflicting keys will be loaded from RDB.",
    b"    * NOFLUSH: the existing database will not be removed before load, but",
    b"      conflicting keys will generate an exception and kill the server.",
    b"    * NOSAVE: the database will be loaded from an existing RDB file.",
    b"    Examples:",
    b"    * DEBUG RELOAD: verify that the server is able to persist, flush and reload",
    b"      the database.",
    b"    * DEBUG RELOAD NOSAVE: replace the current database with the contents of an",
    b"      existing RDB file.",
    b"    * DEBUG RELOAD NOSAVE NOFLUSH MERGE: add the contents of an existing RDB",
    b"      file to the database.",
    b"SEGFAULT",
    b"    Crash the server with SIGSEGV.",
    b"SET-ACTIVE-EXPIRE <0|1>",
    b"    Setting it to 0 disables expiring keys in background when they are not",
    b"    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the",
    b"    default.",
    b"SET-SKIP-CHECKSUM-VALIDATION <0|1>",
    b"    Enables or disables checksum checks for RDB files and RESTORE's payload.",
    b"SLEEP <seconds>",
    b"    Stop the server for <seconds>. Decimals allowed.",
)


@server.command(
    "DEBUG", arity=-2, flags=ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED, since="1.0.0",
    complexity="Depends on subcommand.", is_system=True,
)  # fmt: skip
def debug(ctx: Context, argv: list[bytes]) -> bytes:
    """Looks inside the server, or disturbs it, for tests."""
    found = SUBCOMMANDS.get(argv[1].upper())
    if found is None or not found[0] <= len(argv) <= found[1]:
        raise wrong_subcommand(argv)
    return found[2](ctx, argv)


def _help(ctx: Context, argv: list[bytes]) -> bytes:
    return help_reply(b"DEBUG", HELP)


def _sleep(ctx: Context, argv: list[bytes]) -> bytes:
    """Stops everything, as it does in Redis, for a time read as C's strtod reads it."""
    match = _C_FLOAT.match(argv[2])
    seconds = float(match[1]) if match is not None else 0.0
    if 0.0 < seconds < LONGEST_SLEEP:
        sleep(seconds)
    return OK


def _reload(ctx: Context, argv: list[bytes]) -> bytes:
    """Saves, empties all databases, forgets the functions and loads them again; nothing of it is a change."""
    words = {word.upper() for word in argv[2:]}
    if words - {b"MERGE", b"NOFLUSH", b"NOSAVE"}:
        raise CommandError(UNKNOWN_RELOAD)
    engine = ctx.engine
    keyspace = engine.keyspace
    if b"NOSAVE" not in words and not save_now(engine):
        raise CommandError(b"ERR")
    dirty = keyspace.dirty
    if b"NOFLUSH" not in words:
        forget_everything(engine)
    error = load_now(engine, b"MERGE" in words)
    keyspace.dirty = dirty
    if error:
        raise CommandError(b"ERR Error trying to load the RDB dump, check server logs.")
    log.warning("DB reloaded by DEBUG RELOAD")
    return OK


def _load_log(ctx: Context, argv: list[bytes]) -> bytes:
    """Replays the append only file in place of what there is."""
    error = ctx.engine.host.reload_log()
    if error:
        raise CommandError(
            b"ERR Error trying to load the AOF files: " + error.encode(errors="surrogateescape")
        )
    log.warning("Append Only File loaded by DEBUG LOADAOF")
    return OK


def _panic(ctx: Context, argv: list[bytes]) -> bytes:
    """Ends the server as a fault would that it has found in itself."""
    ctx.engine.host.panic("called by user request", argv)
    return OK


def _assert(ctx: Context, argv: list[bytes]) -> bytes:
    """Ends the server as a broken rule would."""
    ctx.engine.host.panic("assertion failed: 1 == 2", argv)
    return OK


def _out_of_memory(ctx: Context, argv: list[bytes]) -> bytes:
    """Asks for more memory than any machine has."""
    try:
        bytearray(MORE_THAN_ALL)
    except MemoryError:
        ctx.engine.host.panic(f"out of memory allocating {MORE_THAN_ALL} bytes", argv)
    return OK


def _pause_cron(ctx: Context, argv: list[bytes]) -> bytes:
    ctx.engine.host.pause_cron(_c_integer(argv[2]) != 0)
    return OK


def _skip_checksums(ctx: Context, argv: list[bytes]) -> bytes:
    ctx.engine.skips_checksums = _c_integer(argv[2]) != 0
    return OK


def _packed_threshold(ctx: Context, argv: list[bytes]) -> bytes:
    """From which size on an element of a list has a node of its own in snapshots."""
    size = parse_memory(argv[2])
    if size is None or size > LARGEST_THRESHOLD:
        raise CommandError(NO_THRESHOLD)
    ctx.engine.list_limits.plain_from = size
    return OK


def _segfault(ctx: Context, argv: list[bytes]) -> bytes:
    """Ends the server by the signal that a stray pointer raises."""
    signal.raise_signal(signal.SIGSEGV)
    return OK


def _set_active_expire(ctx: Context, argv: list[bytes]) -> bytes:
    ctx.engine.keyspace.active_expire = _c_integer(argv[2]) != 0
    return OK


def _c_integer(text: bytes) -> int:
    """What C's atoi makes of a text."""
    match = _C_INTEGER.match(text)
    return int(match[1]) if match is not None else 0


def _change_replication_id(ctx: Context, argv: list[bytes]) -> bytes:
    ctx.engine.replication_id = os.urandom(20).hex()
    return OK


def _log(ctx: Context, argv: list[bytes]) -> bytes:
    log.warning("DEBUG LOG: %s", c_text(argv[2]).decode(errors="backslashreplace"))
    return OK


def _error(ctx: Context, argv: list[bytes]) -> bytes:
    raise CommandError(argv[2])


def _object(ctx: Context, argv: list[bytes]) -> bytes:
    """One line about a key, with the length of its value in an RDB file."""
    db = ctx.db
    key = argv[2]
    value = db.values.get(key)
    if value is None:
        raise CommandError(NO_SUCH_KEY)
    idle = 0 if db.keyspace.access_policy.counts_frequency else db.access.idle_seconds(key)
    fields = [
        b"Value at:0x%x" % id(value),
        b"refcount:%d" % reference_count(ctx.engine, value),
        b"encoding:" + encoding_name(value),
    ]
    # A dump has a type before the value, and a version and a checksum behind it.
    fields.append(b"serializedlength:%d" % (len(dump(ctx.engine, value)) - 1 - FOOTER))
    fields.append(b"lru:%d" % db.access.lru_field(key))
    fields.append(b"lru_seconds_idle:%d" % idle)
    return simple(b" ".join(fields))


def _digest(ctx: Context, argv: list[bytes]) -> bytes:
    """A digest of everything stored, equal to Redis's for equal data."""
    whole = Digest()
    for database in ctx.engine.keyspace.databases:
        if database.values.size == 0:
            continue
        whole.mix(database.index.to_bytes(4, "big"))
        for key, value in database.values.items():
            digest = Digest()
            digest.mix(key)
            mix_value(digest, database, key, value)
            whole.add(digest.digest())
    return simple(whole.hex())


def _digest_value(ctx: Context, argv: list[bytes]) -> bytes:
    """Digests of single values; zeros for a key that does not exist."""
    items: list[bytes] = []
    for key in argv[2:]:
        digest = Digest()
        value = ctx.db.values.get(key)
        if value is not None:
            mix_value(digest, ctx.db, key, value)
        items.append(simple(digest.hex()))
    return array(items)


def mix_value(digest: Digest, database: Database, key: bytes, value: Any) -> None:
    """Mixes in the type and contents of a value, and whether its key has a deadline."""
    digest.mix(TYPE_NUMBERS[type_name(value)].to_bytes(4, "big"))
    if isinstance(value, Value):
        value.mix_digest(digest)
    else:
        digest.mix(string_bytes(value))
    if database.deadline(key) != NO_DEADLINE:
        digest.add(EXPIRES)


def _populate(ctx: Context, argv: list[bytes]) -> bytes:
    """Creates many small strings where no keys are; as in Redis not logged, and not counted as changes."""
    db = ctx.db
    count = ranged_argument(argv[2], 0, INT64_MAX, NOT_POSITIVE)
    prefix = argv[3] if len(argv) > 3 else b"key"
    size = ranged_argument(argv[4], 0, INT64_MAX, NOT_POSITIVE) if len(argv) > 4 else 0
    for number in range(count):
        key = b"%b:%d" % (prefix, number)
        if db.lookup(key) is None:
            value = b"value:%d" % number
            db.add(key, value[:size].ljust(size, b"\0") if size else value, NO_DEADLINE)
            db.signal(key)
    return OK


def _protocol(ctx: Context, argv: list[bytes]) -> bytes:
    """A reply of a certain shape, for tests of clients."""
    resp3 = ctx.resp3
    kind = argv[2].lower()
    if kind == b"string":
        return bulk(b"Hello World")
    if kind == b"integer":
        return integer(12345)
    if kind == b"double":
        return double(b"3.141", resp3)
    if kind == b"bignum":
        return big_number(1234567999999999999999999999999999999, resp3)
    if kind == b"null":
        return ctx.null
    if kind == b"array":
        return array_header(3) + _counted()
    if kind == b"set":
        return set_header(3, resp3) + _counted()
    if kind == b"map":
        return map_header(3, resp3) + b"".join([integer(n) + boolean(n == 1, resp3) for n in range(3)])
    if kind == b"verbatim":
        return verbatim(b"This is a verbatim\nstring", resp3)
    if kind in (b"true", b"false"):
        return boolean(kind == b"true", resp3)
    if kind == b"attrib":
        reply = bulk(b"Some real reply following the attribute")
        popularity = bulk(b"key-popularity") + array([bulk(b"key:123"), integer(90)])
        return attribute_header(1) + popularity + reply if resp3 else reply
    if kind == b"push":
        if not resp3:
            raise CommandError(NO_RESP2)
        usage = push_header(2, resp3) + bulk(b"server-cpu-usage") + integer(42)
        return usage + bulk(b"Some real reply following the push reply")
    raise CommandError(UNKNOWN_SHAPE)


def _counted() -> bytes:
    return integer(0) + integer(1) + integer(2)


Subcommand = tuple[int, int, Callable[[Context, list[bytes]], bytes]]

SUBCOMMANDS: Final[dict[bytes, Subcommand]] = {
    b"ASSERT": (2, 1 << 30, _assert),
    b"CHANGE-REPL-ID": (2, 2, _change_replication_id),
    b"DIGEST": (2, 2, _digest),
    b"DIGEST-VALUE": (2, 1 << 30, _digest_value),
    b"ERROR": (3, 3, _error),
    b"HELP": (2, 2, _help),
    b"LOADAOF": (2, 1 << 30, _load_log),
    b"LOG": (3, 3, _log),
    b"OBJECT": (3, 3, _object),
    b"OOM": (2, 1 << 30, _out_of_memory),
    b"PANIC": (2, 2, _panic),
    b"PAUSE-CRON": (3, 3, _pause_cron),
    b"POPULATE": (3, 5, _populate),
    b"PROTOCOL": (3, 3, _protocol),
    b"QUICKLIST-PACKED-THRESHOLD": (3, 3, _packed_threshold),
    b"RELOAD": (2, 1 << 30, _reload),
    b"SEGFAULT": (2, 2, _segfault),
    b"SET-ACTIVE-EXPIRE": (3, 3, _set_active_expire),
    b"SET-SKIP-CHECKSUM-VALIDATION": (3, 3, _skip_checksums),
    b"SLEEP": (3, 3, _sleep),
}
"""Fewest and most arguments with both words, and what to call."""
