"""OBJECT: what a key looks like inside, as Redis would tell it."""

from __future__ import annotations

from typing import Any, Final

from pyredis.commands.help import help_reply
from pyredis.commands.keys import generic
from pyredis.commands.registry import nth_key
from pyredis.datatypes.value import encoding_name
from pyredis.engine.command import LOADING, READONLY, STALE
from pyredis.engine.context import Context
from pyredis.engine.engine import Engine
from pyredis.errors import CommandError
from pyredis.protocol.encode import bulk, integer

SHARED_INTEGERS: Final = 10_000
SHARED_REFERENCES: Final = 2_147_483_647
"""What Redis answers for the small integers that it keeps once for all keys."""

SWITCHING: Final = (
    b" Please note that when switching between policies at runtime LRU and LFU data will take some time to "
    b"adjust."
)
NO_FREQUENCY: Final = (
    b"ERR An LFU maxmemory policy is not selected, access frequency not tracked." + SWITCHING
)
NO_IDLE_TIME: Final = b"ERR An LFU maxmemory policy is selected, idle time not tracked." + SWITCHING
UNSTABLE: Final = ("nondeterministic_output",)

HELP: Final = (
    b"ENCODING <key>",
    b"    Return the kind of internal representation used in order to store the value",
    b"    associated with a <key>.",
    b"FREQ <key>",
    b"    Return the access frequency index of the <key>. The returned integer is",
    b"    proportional to the logarithm of the recent access frequency of the key.",
    b"IDLETIME <key>",
    b"    Return the idle time of the <key>, that is the approximated number of",
    b"    seconds elapsed since the last access to the key.",
    b"REFCOUNT <key>",
    b"    Return the number of references of the value associated with the specified",
    b"    <key>.",
)

generic.container("OBJECT", since="2.2.3", summary="Tells what a key looks like inside", acl=())


@generic.command(
    "OBJECT ENCODING", arity=3, flags=READONLY, keys=nth_key("RO", 2), since="2.2.3", syntax="key",
    complexity="O(1)", tips=UNSTABLE,
)  # fmt: skip
def object_encoding(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells which of its representations Redis would use for the value."""
    value = ctx.db.examine(argv[2])
    return ctx.null if value is None else bulk(encoding_name(value))


@generic.command(
    "OBJECT FREQ", arity=3, flags=READONLY, keys=nth_key("RO", 2), since="4.0.0", syntax="key",
    complexity="O(1)", tips=UNSTABLE,
)  # fmt: skip
def object_freq(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells the logarithmic counter of accesses to a key, under a policy that counts them."""
    if ctx.db.examine(argv[2]) is None:
        return ctx.null
    if not ctx.db.keyspace.access_policy.counts_frequency:
        raise CommandError(NO_FREQUENCY)
    return integer(ctx.db.access.frequency(argv[2]))


@generic.command(
    "OBJECT IDLETIME", arity=3, flags=READONLY, keys=nth_key("RO", 2), since="2.2.3", syntax="key",
    complexity="O(1)", tips=UNSTABLE,
)  # fmt: skip
def object_idletime(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells for how many seconds a key has not been used."""
    if ctx.db.examine(argv[2]) is None:
        return ctx.null
    if ctx.db.keyspace.access_policy.counts_frequency:
        raise CommandError(NO_IDLE_TIME)
    return integer(ctx.db.access.idle_seconds(argv[2]))


@generic.command(
    "OBJECT REFCOUNT", arity=3, flags=READONLY, keys=nth_key("RO", 2), since="2.2.3", syntax="key",
    complexity="O(1)", tips=UNSTABLE,
)  # fmt: skip
def object_refcount(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells how many references to the value Redis would hold."""
    value = ctx.db.examine(argv[2])
    return ctx.null if value is None else integer(reference_count(ctx.engine, value))


def reference_count(engine: Engine, value: Any) -> int:
    """One, but for integers that Redis would share; it shares none when it has to know their access times."""
    if encoding_name(value) != b"int" or not 0 <= int(value) < SHARED_INTEGERS:
        return 1
    config = engine.config
    if config.get_int("maxmemory") and config.get_str("maxmemory-policy").endswith(("lru", "lfu")):
        return 1
    return SHARED_REFERENCES


@generic.command("OBJECT HELP", arity=2, flags=LOADING | STALE, since="6.2.0", complexity="O(1)")
def object_help(ctx: Context, argv: list[bytes]) -> bytes:
    """Explains the subcommands."""
    return help_reply(b"OBJECT", HELP)
