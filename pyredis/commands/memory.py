"""MEMORY: what a key takes, and how the process as a whole stands.

MEMORY USAGE adds up the objects of our own form of the value, which `datatypes.footprint` explains. The totals of
STATS and DOCTOR are those of INFO (`engine.memory_totals`). Only while there is a limit to memory is fragmentation
known, as the whole of what the process takes beyond what is used. DOCTOR counts from what the process took before
the first key.
"""

from __future__ import annotations

from typing import Final

from pyredis.commands.arguments import integer_argument
from pyredis.commands.help import help_reply
from pyredis.commands.registry import CommandGroup, nth_key
from pyredis.datatypes.footprint import bytes_block
from pyredis.datatypes.numbers import format_double
from pyredis.datatypes.value import memory_usage as value_memory
from pyredis.engine import process
from pyredis.engine.command import LOADING, READONLY, STALE
from pyredis.engine.context import Context
from pyredis.engine.memory_totals import MemoryTotals
from pyredis.errors import SYNTAX, CommandError
from pyredis.form import COMPILED
from pyredis.keyspace.database import NO_DEADLINE, Database
from pyredis.protocol.encode import OK, bulk, double, integer, map_header, verbatim

memory: Final = CommandGroup("server", acl=())

DEFAULT_SAMPLES: Final = 5
ALL_SAMPLES: Final = 1 << 60

TABLE_ENTRY_MAX: Final = 64
"""Most bytes of a table that are put down to one key; a table of a few keys is large for them."""

DEADLINE: Final = 96
"""Bytes of a deadline: the number, its place in a table of its own, and in the queue."""

ACCESS: Final = 8 if COMPILED else 60
"""Bytes that tell when a key was used last."""

LITTLE: Final = 5 << 20
"""A process that has grown by less has nothing that could be judged."""

PEAK_RATIO: Final = 1.5
FRAGMENTATION_RATIO: Final = 1.4
FRAGMENTED: Final = 10 << 20
"""Bytes below which a fragmented memory is nobody's concern."""
CLIENT_BYTES: Final = 200 << 10
MANY_SCRIPTS: Final = 1000

EMPTY: Final = (
    b"Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these "
    b"conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be "
    b"back to our programming as soon as I finished rebooting.\n"
)
HEALTHY: Final = (
    b"Hi Sam, I can't find any memory issue in your instance. "
    b"I can only account for what occurs on this base.\n"
)
ISSUES: Final = b"Sam, I detected a few issues in this Redis instance memory implants:\n\n"
BIG_PEAK: Final = (
    b" * Peak memory: at some time this process took more than 150% of the memory that it takes now. It keeps "
    b"what it can fill again. MEMORY PURGE may give some back to the system, a restart gives back all.\n\n"
)
FRAGMENTED_MEMORY: Final = (
    b" * High fragmentation: the process takes more than 140% of the memory that is used. Free blocks lie between used "
    b"ones, often after many values of one size have given way to those of another. They are used again for their "
    b"own size. MEMORY PURGE may give some back to the system, a restart gives back all.\n\n"
)
BIG_BUFFERS: Final = (
    b" * Big client buffers: on average a client has more than 200 KB of requests and replies waiting. CLIENT LIST "
    b"tells which, and the directive client-output-buffer-limit cuts such clients off.\n\n"
)
SCRIPTS: Final = (
    b" * Many scripts: more than 1000 different scripts are cached, as happens when scripts are made up from "
    b"values instead of getting them as arguments. SCRIPT FLUSH empties the cache.\n\n"
)
FAREWELL: Final = b"I'm here to keep you safe, Sam. I want to help you.\n"

HELP: Final = (
    b"DOCTOR",
    b"    Return memory problems reports.",
    b"MALLOC-STATS",
    b"    Return internal statistics report from the memory allocator.",
    b"PURGE",
    b"    Attempt to purge dirty pages for reclamation by the allocator.",
    b"STATS",
    b"    Return information about the memory usage of the server.",
    b"USAGE <key> [SAMPLES <count>]",
    b"    Return memory in bytes used by <key> and its value. Nested values are",
    b"    sampled up to <count> times (default: 5, 0 means sample all).",
)

memory.container("MEMORY", since="4.0.0", summary="Examines the memory of keys and of the server")


@memory.command(
    "MEMORY USAGE", arity=-3, flags=READONLY, keys=nth_key("RO", 2), since="4.0.0",
    syntax="key [SAMPLES count]", complexity="O(N) with N samples",
)  # fmt: skip
def memory_usage(ctx: Context, argv: list[bytes]) -> bytes:
    """Estimates how many bytes a key takes, with its value.

    Elements that differ in size are sampled; 0 samples are all. The lookup leaves no trace, so a key whose deadline
    has passed is measured as long as it has not been removed.
    """
    samples = DEFAULT_SAMPLES
    position = 3
    while position < len(argv):
        if argv[position].upper() != b"SAMPLES" or position + 1 == len(argv):
            raise CommandError(SYNTAX)
        samples = integer_argument(argv[position + 1])
        if samples < 0:
            raise CommandError(SYNTAX)
        if samples == 0:
            samples = ALL_SAMPLES
        position += 2
    value = ctx.db.values.get(argv[2])
    if value is None:
        return ctx.null
    return integer(key_overhead(ctx.db, argv[2]) + value_memory(value, samples))


def key_overhead(db: Database, key: bytes) -> int:
    """Bytes of a key without its value."""
    total = bytes_block(len(key)) + min(db.values.entry_overhead(key), TABLE_ENTRY_MAX) + ACCESS
    return total if db.deadline(key) == NO_DEADLINE else total + DEADLINE


@memory.command(
    "MEMORY STATS", arity=2, flags=0, since="4.0.0",
    complexity="O(clients), and one step for some hundred keys",
    tips=("nondeterministic_output", "request_policy:all_shards", "response_policy:special"),
)  # fmt: skip
def memory_stats(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells what the memory of the server is used for."""
    totals = MemoryTotals(ctx.engine)
    resp3 = ctx.resp3
    used = totals.used
    fields = [
        (b"peak.allocated", integer(totals.peak)),
        (b"total.allocated", integer(used)),
        (b"startup.allocated", integer(totals.startup)),
        (b"replication.backlog", integer(0)),
        (b"clients.slaves", integer(0)),
        (b"clients.normal", integer(totals.clients)),
        (b"cluster.links", integer(0)),
        (b"aof.buffer", integer(totals.log_buffer)),
        (b"lua.caches", integer(totals.script_bytes)),
        (b"functions.caches", integer(totals.function_bytes)),
    ]
    for index, (main, expires) in totals.tables.items():
        table = map_header(2, resp3) + bulk(b"overhead.hashtable.main") + integer(main)
        fields.append((b"db.%d" % index, table + bulk(b"overhead.hashtable.expires") + integer(expires)))
    fields += [
        (b"overhead.db.hashtable.lut", integer(totals.table_bytes)),
        (b"overhead.db.hashtable.rehashing", integer(0)),
        (b"db.dict.rehashing.count", integer(0)),
        (b"overhead.total", integer(totals.overhead)),
        (b"keys.count", integer(totals.keys)),
        (b"keys.bytes-per-key", integer(totals.grown // totals.keys if totals.keys else 0)),
        (b"dataset.bytes", integer(totals.dataset)),
        (b"dataset.percentage", _number(_percentage(totals.dataset, totals.grown), resp3)),
        (b"peak.percentage", _number(_percentage(used, totals.peak), resp3)),
        (b"allocator.allocated", integer(used)),
        (b"allocator.active", integer(totals.resident)),
        (b"allocator.resident", integer(totals.resident)),
        (b"allocator.muzzy", integer(0)),
        (b"allocator-fragmentation.ratio", _number(totals.fragmentation(), resp3)),
        (b"allocator-fragmentation.bytes", integer(totals.fragmented)),
    ]
    for name in (b"allocator-rss", b"rss-overhead"):
        fields.append((name + b".ratio", _number(1.0, resp3)))
        fields.append((name + b".bytes", integer(0)))
    fields.append((b"fragmentation", _number(totals.fragmentation(), resp3)))
    fields.append((b"fragmentation.bytes", integer(totals.fragmented)))
    return map_header(len(fields), resp3) + b"".join([bulk(name) + value for name, value in fields])


def _percentage(part: int, whole: int) -> float:
    return part * 100 / whole if whole else 0.0


def _number(value: float, resp3: bool) -> bytes:
    return double(format_double(value), resp3)


@memory.command(
    "MEMORY DOCTOR", arity=2, flags=0, since="4.0.0", complexity="O(clients)",
    tips=("nondeterministic_output", "request_policy:all_shards", "response_policy:special"),
)  # fmt: skip
def memory_doctor(ctx: Context, argv: list[bytes]) -> bytes:
    """Reports what looks wrong with the use of memory."""
    return verbatim(diagnosis(MemoryTotals(ctx.engine), len(ctx.engine.clients)), ctx.resp3)


def diagnosis(totals: MemoryTotals, clients: int) -> bytes:
    """What DOCTOR says; the thresholds are Redis's."""
    if totals.grown < LITTLE:
        return EMPTY
    found = b""
    if totals.peak - totals.startup > PEAK_RATIO * totals.grown:
        found += BIG_PEAK
    if totals.fragmentation() > FRAGMENTATION_RATIO and totals.fragmented > FRAGMENTED:
        found += FRAGMENTED_MEMORY
    if clients and totals.clients / clients > CLIENT_BYTES:
        found += BIG_BUFFERS
    if totals.scripts > MANY_SCRIPTS:
        found += SCRIPTS
    return ISSUES + found + FAREWELL if found else HEALTHY


@memory.command(
    "MEMORY PURGE", arity=2, flags=0, since="4.0.0", complexity="O(N) with N blocks of free memory",
    tips=("request_policy:all_shards", "response_policy:all_succeeded"),
)  # fmt: skip
def memory_purge(ctx: Context, argv: list[bytes]) -> bytes:
    """Gives memory that is free, as far as the C library has it, back to the system."""
    process.release_free_memory()
    return OK


@memory.command(
    "MEMORY MALLOC-STATS", arity=2, flags=0, since="4.0.0", complexity="O(1)",
    tips=("nondeterministic_output", "request_policy:all_shards", "response_policy:special"),
)  # fmt: skip
def memory_malloc_stats(ctx: Context, argv: list[bytes]) -> bytes:
    """Reports what the memory allocator counts."""
    return verbatim(process.allocator_report(), ctx.resp3)


@memory.command("MEMORY HELP", arity=2, flags=LOADING | STALE, since="4.0.0", complexity="O(1)")
def memory_help(ctx: Context, argv: list[bytes]) -> bytes:
    """Explains the subcommands."""
    return help_reply(b"MEMORY", HELP)
