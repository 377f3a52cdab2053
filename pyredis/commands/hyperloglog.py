"""HyperLogLog commands: PFADD PFCOUNT PFMERGE PFDEBUG PFSELFTEST.

A HyperLogLog is a string that clients may GET and SET, so every command checks what it finds. The format and
all that is done to it stand in `pyredis.datatypes.hyperloglog`; the value is edited in place.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any, Final

from pyredis.commands.registry import CommandGroup, first_key, key_range, nth_key
from pyredis.datatypes import hyperloglog as hll
from pyredis.engine.command import ADMIN, DENYOOM, FAST, READONLY, WRITE
from pyredis.engine.context import Context
from pyredis.errors import WRONG_TYPE, CommandError
from pyredis.keyspace import events
from pyredis.keyspace.database import editable_string
from pyredis.protocol.encode import OK, ONE, ZERO, array_header, bulk, integer, simple

if TYPE_CHECKING:
    from mypy_extensions import i64

hyperloglogs: Final = CommandGroup("hyperloglog", acl=("hyperloglog",))

NOT_HYPERLOGLOG: Final = b"WRONGTYPE Key is not a valid HyperLogLog string value."
CORRUPT: Final = b"INVALIDOBJ Corrupted HLL object detected"


def checked(value: Any) -> bytes | bytearray:
    """A stored value that looks like a HyperLogLog, or Redis's error."""
    if isinstance(value, (bytes, bytearray)):
        if hll.is_hyperloglog(value):
            return value
    elif not isinstance(value, int):
        raise CommandError(WRONG_TYPE)
    raise CommandError(NOT_HYPERLOGLOG)


def sparse_limit(ctx: Context) -> int:
    """The length up to which a value may stay sparse."""
    return ctx.engine.hll_sparse_max


@hyperloglogs.command(
    "PFADD", arity=-2, flags=WRITE | DENYOOM | FAST, keys=first_key("RW insert"), since="2.8.9",
    syntax="key [element...]", complexity="O(1) to add every element.",
)  # fmt: skip
def pfadd(ctx: Context, argv: list[bytes]) -> bytes:
    """Adds elements to a HyperLogLog, creating it when the key is missing; 1 when that changed the estimate.

    A value that turns out to be corrupt keeps what was added before; Redis does not log that, and we do.
    """
    db = ctx.db
    key = argv[1]
    value = db.lookup(key)
    is_new = value is None
    if value is None:
        target = bytearray(hll.EMPTY)
    elif isinstance(value, bytearray):
        if not hll.is_hyperloglog(value):
            raise CommandError(NOT_HYPERLOGLOG)
        target = value
    else:
        target = editable_string(db, key, checked(value))
    changes: i64 = 1 if is_new else 0
    is_corrupt = False
    count: i64 = len(argv)
    if count > 2:
        limit: i64 = 0 if hll.is_dense(target) else sparse_limit(ctx)
        position: i64 = 2
        try:
            while position < count:
                if hll.add(target, argv[position], limit):
                    changes += 1
                position += 1
        except hll.CorruptError:
            is_corrupt = True
    if changes == 0 and not is_corrupt:
        return ZERO
    if changes:
        hll.invalidate(target)
        if is_new:
            db.replace(key, target)
            db.keyspace.dirty += changes - 1
        else:
            db.keyspace.dirty += changes
            db.signal(key)
    if is_corrupt:
        raise CommandError(CORRUPT)
    db.notify(events.STRING, b"pfadd", key)
    return ONE


@hyperloglogs.command(
    "PFCOUNT", arity=-2, flags=READONLY,
    keys=key_range(
        "RW access", 1, -1,
        notes="RW because it may change the internal representation of the key, and propagate to replicas",
    ),
    since="2.8.9", syntax="key...",
    complexity="O(1) for one key, and next to nothing when its estimate is still valid; O(N) for N keys.",
)  # fmt: skip
def pfcount(ctx: Context, argv: list[bytes]) -> bytes:
    """Estimates how many distinct elements were added to one HyperLogLog, or to several together.

    Storing the estimate of a single key is a change, which is logged though this is a read.
    """
    db = ctx.db
    try:
        if len(argv) > 2:
            union = hll.make_union()
            for key in argv[1:]:
                value = db.lookup_read(key)
                if value is not None:
                    union.add(checked(value))
            return integer(signed(union.cardinality()))
        key = argv[1]
        value = db.lookup_read(key)
        if value is None:
            return ZERO
        target = editable_string(db, key, checked(value))
        cached = hll.cached_cardinality(target)
        if cached is not None:
            return integer(cached)
        cardinality = hll.update_cardinality(target)
    except hll.CorruptError:
        raise CommandError(CORRUPT) from None
    db.keyspace.dirty += 1
    db.signal(key)
    return integer(signed(cardinality))


def signed(cardinality: int) -> int:
    """An estimate as replies show it: what does not fit a signed 64-bit integer is negative."""
    return cardinality - (1 << 64) if cardinality >> 63 else cardinality


@hyperloglogs.command(
    "PFMERGE", arity=-2, flags=WRITE | DENYOOM,
    keys=first_key("RW access insert") + key_range("RO access", 2, -1), since="2.8.9",
    syntax="destkey [sourcekey...]", complexity="O(N) for N HyperLogLogs, each of which takes its time.",
)  # fmt: skip
def pfmerge(ctx: Context, argv: list[bytes]) -> bytes:
    """Merges HyperLogLogs into the first one, which becomes dense when any of them is."""
    db = ctx.db
    key = argv[1]
    union = hll.make_union()
    is_dense = False
    try:
        for name in argv[1:]:
            value = db.lookup_read(name)
            if value is not None:
                source = checked(value)
                union.add(source)
                is_dense = is_dense or hll.is_dense(source)
        old = db.lookup(key)
        target = bytearray(hll.EMPTY) if old is None else editable_string(db, key, old)
        hll.store_registers(target, union.registers(), is_dense, sparse_limit(ctx))
    except hll.CorruptError:
        raise CommandError(CORRUPT) from None
    if old is None:
        db.replace(key, target)
    else:
        db.keyspace.dirty += 1
        db.signal(key)
    db.notify(events.STRING, b"pfadd", key)
    return OK


@hyperloglogs.command(
    "PFDEBUG", arity=3, flags=WRITE | DENYOOM | ADMIN, keys=nth_key("RW access", 2), since="2.8.9",
    syntax="subcommand key", complexity="N/A", is_system=True,
)  # fmt: skip
def pfdebug(ctx: Context, argv: list[bytes]) -> bytes:
    """Shows the registers (GETREG), opcodes (DECODE) or ENCODING of a HyperLogLog; TODENSE makes it dense.

    GETREG makes it dense too. As in Redis these conversions are logged, but WATCH does not hear of them.
    """
    db = ctx.db
    key = argv[2]
    value = db.lookup(key)
    if value is None:
        raise CommandError(b"ERR The specified key does not exist")
    target = editable_string(db, key, checked(value))
    word = argv[1].lower()
    if word == b"encoding":
        return simple(b"dense" if hll.is_dense(target) else b"sparse")
    if word == b"decode":
        if hll.is_dense(target):
            raise CommandError(b"ERR HLL encoding is not sparse")
        return bulk(hll.describe(target))
    if word != b"getreg" and word != b"todense":
        raise CommandError(b"ERR Unknown PFDEBUG subcommand '" + argv[1].split(b"\0")[0] + b"'")
    try:
        was_sparse = hll.make_dense(target)
    except hll.CorruptError:
        raise CommandError(CORRUPT) from None
    if was_sparse:
        db.keyspace.dirty += 1
    if word == b"todense":
        return ONE if was_sparse else ZERO
    registers = hll.registers_of(target)
    return array_header(len(registers)) + b"".join([integer(register) for register in registers])


SELF_TEST_ROUNDS: Final = 10
SELF_TEST_ELEMENTS: Final = 100_000
"""A hundredth of what Redis adds, so that other clients wait for milliseconds and not for seconds."""

SELF_TEST_SPARSE_LIMIT: Final = 3000


@hyperloglogs.command("PFSELFTEST", arity=1, flags=ADMIN, since="2.8.9", complexity="N/A", is_system=True)
def pfselftest(ctx: Context, argv: list[bytes]) -> bytes:
    """Checks the registers and the precision of HyperLogLogs with random data."""
    problem = try_registers() or try_precision()
    if problem:
        raise CommandError(b"ERR TESTFAILED " + problem)
    return OK


def try_registers() -> bytes:
    """Stores random registers and reads them back; what is wrong, or nothing."""
    for _ in range(SELF_TEST_ROUNDS):
        expected = bytes([number & 63 for number in random.randbytes(hll.REGISTERS)])
        target = bytearray(hll.EMPTY)
        hll.make_dense(target)
        hll.store_registers(target, expected, True, 0)
        for index, register in enumerate(hll.registers_of(target)):
            if register != expected[index]:
                return b"Register %d should be %d but is %d" % (index, expected[index], register)
    return b""


def try_precision() -> bytes:
    """Adds elements to a sparse and a dense value and compares the estimates; what is wrong, or nothing."""
    sparse = bytearray(hll.EMPTY)
    dense = bytearray(hll.EMPTY)
    hll.make_dense(dense)
    seed = random.getrandbits(64)
    relative_error = 1.04 / math.sqrt(hll.REGISTERS)
    checkpoint = 1
    for number in range(1, SELF_TEST_ELEMENTS + 1):
        element = (number ^ seed).to_bytes(8, "little")
        hll.add(dense, element, SELF_TEST_SPARSE_LIMIT)
        hll.add(sparse, element, SELF_TEST_SPARSE_LIMIT)
        if number != checkpoint:
            continue
        if number < SELF_TEST_SPARSE_LIMIT // 2 and hll.is_dense(sparse):
            return b"sparse encoding not used"
        cardinality = hll.update_cardinality(dense)
        if cardinality != hll.update_cardinality(sparse):
            return b"dense/sparse disagree"
        # Six times the standard error hardly ever occurs; with ten elements one collision may.
        limit = 1 if checkpoint == 10 else math.ceil(relative_error * 6 * checkpoint)
        if abs(checkpoint - cardinality) > limit:
            return b"Too big error. card:%d abserr:%d" % (checkpoint, abs(checkpoint - cardinality))
        checkpoint *= 10
    return b""
