"""Values that travel: DUMP RESTORE RESTORE-ASKING. What a payload looks like is in `persistence.dump_payload`."""

from __future__ import annotations

from typing import Final

from pyredis.commands.arguments import integer_argument
from pyredis.commands.keys import generic
from pyredis.commands.registry import CommandGroup, first_key
from pyredis.datatypes.numbers import INT64_MAX
from pyredis.engine.command import ASKING, DENYOOM, READONLY, WRITE
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, CommandError
from pyredis.keyspace import events
from pyredis.keyspace.database import NO_DEADLINE, Database
from pyredis.persistence.dump_payload import dump as dump_value
from pyredis.persistence.dump_payload import is_intact
from pyredis.persistence.dump_payload import restore as restore_value
from pyredis.protocol.encode import OK, bulk

server: Final = CommandGroup("server", acl=("keyspace", "dangerous"))

BUSY_KEY: Final = b"BUSYKEY Target key name already exists."
BAD_PAYLOAD: Final = b"ERR DUMP payload version or checksum are wrong"
BAD_FORMAT: Final = b"ERR Bad data format"
BAD_TTL: Final = b"ERR Invalid TTL value, must be >= 0"
BAD_IDLE_TIME: Final = b"ERR Invalid IDLETIME value, must be >= 0"
BAD_FREQUENCY: Final = b"ERR Invalid FREQ value, must be >= 0 and <= 255"

RESTORE_COMPLEXITY: Final = (
    "O(N*M) with N elements of M bytes each, O(N*log(N)*M) for a sorted set; so O(1) for a small string"
)

UNSET: Final = -1


@generic.command(
    "DUMP", arity=2, flags=READONLY, keys=first_key("RO access"), since="2.6.0", syntax="key",
    complexity="O(N*M) with N elements of M bytes each; so O(1) for a small string",
    tips=("nondeterministic_output",),
)  # fmt: skip
def dump(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the value of a key in the format of RDB files, for RESTORE to take."""
    value = ctx.db.lookup_read(argv[1])
    return ctx.null if value is None else bulk(dump_value(ctx.engine, value))


class _Options:
    """The options of a RESTORE."""

    def __init__(self) -> None:
        self.replaces: bool = False
        self.is_absolute: bool = False
        self.idle_seconds: int = UNSET
        self.frequency: int = UNSET


def _options(argv: list[bytes]) -> _Options:
    options = _Options()
    last = len(argv) - 1
    position = 4
    while position <= last:
        word = argv[position].upper()
        if word == b"REPLACE":
            options.replaces = True
        elif word == b"ABSTTL":
            options.is_absolute = True
        elif word == b"IDLETIME" and position < last and options.frequency == UNSET:
            position += 1
            options.idle_seconds = integer_argument(argv[position])
            if options.idle_seconds < 0:
                raise CommandError(BAD_IDLE_TIME)
        elif word == b"FREQ" and position < last and options.idle_seconds == UNSET:
            position += 1
            options.frequency = integer_argument(argv[position])
            if not 0 <= options.frequency <= 255:
                raise CommandError(BAD_FREQUENCY)
        else:
            raise CommandError(SYNTAX)
        position += 1
    return options


@generic.command(
    "RESTORE", arity=-4, flags=WRITE | DENYOOM, keys=first_key("OW update"), since="2.6.0",
    syntax=(
        "key ttl:integer serialized-value [REPLACE @3.0.0] [ABSTTL @5.0.0] [IDLETIME seconds @5.0.0]"
        " [FREQ frequency @5.0.0]"
    ),
    acl=("keyspace", "dangerous"), complexity=RESTORE_COMPLEXITY,
    history=(
        ("3.0.0", "Added the `REPLACE` modifier."),
        ("5.0.0", "Added the `ABSTTL` modifier."),
        ("5.0.0", "Added the `IDLETIME` and `FREQ` options."),
    ),
)  # fmt: skip
def restore(ctx: Context, argv: list[bytes]) -> bytes:
    """Creates a key with a value that DUMP has returned."""
    return _restore(ctx, argv)


def _restore(ctx: Context, argv: list[bytes]) -> bytes:
    """RESTORE under either name.

    Source: `restoreCommand`; the order of its checks shows in the errors. A deadline that has passed leaves no key,
    and what was there before is deleted.
    """
    options = _options(argv)
    db, key = ctx.db, argv[1]
    if not options.replaces and db.lookup(key) is not None:
        raise CommandError(BUSY_KEY)
    deadline_ms = integer_argument(argv[2])
    if deadline_ms < 0:
        raise CommandError(BAD_TTL)
    if not is_intact(ctx.engine, argv[3]):
        raise CommandError(BAD_PAYLOAD)
    value = restore_value(ctx.engine, argv[3])
    if value is None:
        raise CommandError(BAD_FORMAT)
    is_deleted = options.replaces and _take_out(db, key)
    has_deadline = deadline_ms != 0
    if has_deadline:
        if not options.is_absolute:
            now_ms: int = ctx.engine.clock.now_ms
            deadline_ms += now_ms
        # Beyond 64 bits a time wraps around in Redis, into the past.
        if deadline_ms > INT64_MAX or db.keyspace.is_past(deadline_ms):
            if is_deleted:
                _report_deletion(ctx, key)
            return OK
    db.add(key, value, deadline_ms if has_deadline else NO_DEADLINE)
    _note_access(db, key, options)
    db.signal(key)
    db.notify(events.GENERIC, b"restore", key)
    db.keyspace.dirty += 1
    if has_deadline and not options.is_absolute:
        ctx.propagate_as([argv[0], key, b"%d" % deadline_ms, *argv[3:], b"ABSTTL"])
    return OK


@server.command(
    "RESTORE-ASKING", arity=-4, flags=WRITE | DENYOOM | ASKING, keys=first_key("OW update"), since="3.0.0",
    syntax=(
        "key ttl:integer serialized-value [REPLACE @3.0.0] [ABSTTL @5.0.0] [IDLETIME seconds @5.0.0]"
        " [FREQ frequency @5.0.0]"
    ),
    complexity=RESTORE_COMPLEXITY, is_system=True,
    history=(
        ("3.0.0", "Added the `REPLACE` modifier."),
        ("5.0.0", "Added the `ABSTTL` modifier."),
        ("5.0.0", "Added the `IDLETIME` and `FREQ` options."),
    ),
)  # fmt: skip
def restore_asking(ctx: Context, argv: list[bytes]) -> bytes:
    """Does as RESTORE, for keys that move between the nodes of a cluster."""
    return _restore(ctx, argv)


def _take_out(db: Database, key: bytes) -> bool:
    """Removes what a restored value replaces; false when there was nothing."""
    value = db.remove(key)
    if value is None:
        return False
    if db.keyspace.lazy_server_del:
        db.keyspace.lazy_free.add_value(value)
    return True


def _report_deletion(ctx: Context, key: bytes) -> None:
    db = ctx.db
    db.signal(key)
    db.notify(events.GENERIC, b"del", key)
    db.keyspace.dirty += 1
    ctx.propagate_as([b"UNLINK" if db.keyspace.lazy_server_del else b"DEL", key])


def _note_access(db: Database, key: bytes, options: _Options) -> None:
    if options.frequency != UNSET:
        if db.keyspace.access_policy.counts_frequency:
            db.access.set_frequency(key, options.frequency)
    elif options.idle_seconds != UNSET and not db.keyspace.access_policy.counts_frequency:
        db.access.set_idle(key, options.idle_seconds)
