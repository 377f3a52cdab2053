"""What each write command leaves in the log: itself, or effects that do not depend on when or where they run
again.

A log is replayed later, and by a replica elsewhere. So nothing in it may count from "now", draw lots, or
wait; such a command names effects instead (`Context.propagate_as`). The two tables divide all write commands
between them, those included that are still to come.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

Argv = list[bytes]

SUBCOMMANDS: Final = (
    "XGROUP CREATE", "XGROUP CREATECONSUMER", "XGROUP DELCONSUMER", "XGROUP DESTROY", "XGROUP SETID",
    "FUNCTION DELETE", "FUNCTION FLUSH", "FUNCTION LOAD", "FUNCTION RESTORE",
)  # fmt: skip

PLAIN: Final = (
    "APPEND", "BITFIELD", "BITOP", "COPY", "DECR", "DECRBY", "DEL", "FLUSHALL", "FLUSHDB", "GEOADD",
    "GEORADIUS", "GEORADIUSBYMEMBER", "GEOSEARCHSTORE", "GETSET", "HDEL", "HINCRBY", "HMSET", "HPERSIST",
    "HSET", "HSETNX", "INCR", "INCRBY", "LINSERT", "LMOVE", "LPOP", "LPUSH", "LPUSHX", "LREM", "LSET",
    "LTRIM", "MOVE", "MSET", "MSETNX", "PERSIST", "PFADD", "PFDEBUG", "PFMERGE", "RENAME", "RENAMENX",
    "RPOP", "RPOPLPUSH", "RPUSH", "RPUSHX", "SADD", "SDIFFSTORE", "SETBIT", "SETNX", "SETRANGE",
    "SINTERSTORE", "SMOVE", "SORT", "SREM", "SUNIONSTORE", "SWAPDB", "UNLINK", "XACK", "XDEL", "XSETID",
    "ZADD", "ZDIFFSTORE", "ZINCRBY", "ZINTERSTORE", "ZPOPMAX", "ZPOPMIN", "ZRANGESTORE", "ZREM",
    "ZREMRANGEBYLEX", "ZREMRANGEBYRANK", "ZREMRANGEBYSCORE", "ZUNIONSTORE",
)  # fmt: skip

DETERMINISTIC: Final = frozenset((*PLAIN, *SUBCOMMANDS))
"""Running one of these again on the same data does the same again: it may be logged as it came."""


class Sample(NamedTuple):
    """Commands that prepare, one that is judged, and what must be logged for it, as text.

    `|` separates commands; `{10000}` stands for the time that many milliseconds after the start, `{10 s}` for
    seconds.
    """

    prepare: str
    argv: str
    effects: str

    def at(self, start_ms: int) -> tuple[list[Argv], Argv, list[Argv]]:
        """The three parts as commands."""
        return (
            _commands(self.prepare, start_ms),
            _commands(self.argv, start_ms)[0],
            _commands(self.effects, start_ms),
        )


def _commands(text: str, start_ms: int) -> list[Argv]:
    text = re.sub(r"\{(\d+) s\}", lambda found: str(start_ms // 1000 + int(found[1])), text)
    text = re.sub(r"\{(\d+)\}", lambda found: str(start_ms + int(found[1])), text)
    return [line.encode().split() for line in text.split("|") if line.strip()]


NAMES_EFFECTS: Final[dict[str, list[Sample]]] = {
    "SET": [
        Sample("", "SET k v", "SET k v"),
        Sample("", "SET k v EX 10", "SET k v PXAT {10000}"),
        Sample("", "SET k v PX 10", "SET k v PXAT {10}"),
        Sample("", "SET k v EXAT {10 s}", "SET k v PXAT {10000}"),
        Sample("SET k old", "SET k v PX 10 XX GET", "SET k v PXAT {10}"),
        Sample("SET k old", "SET k v XX GET", "SET k v XX"),
        Sample("SET k old", "SET k v GET", "SET k v"),
        Sample("SET k old", "SET k v NX", ""),
    ],
    "SETEX": [Sample("", "SETEX k 10 v", "SET k v PXAT {10000}")],
    "PSETEX": [Sample("", "PSETEX k 10 v", "SET k v PXAT {10}")],
    "GETEX": [
        Sample("SET k v", "GETEX k EX 10", "PEXPIREAT k {10000}"),
        Sample("SET k v", "GETEX k PX 10", "PEXPIREAT k {10}"),
        Sample("SET k v", "GETEX k PXAT {10}", "PEXPIREAT k {10}"),
        Sample("SETEX k 100 v", "GETEX k PERSIST", "PERSIST k"),
        Sample("SET k v", "GETEX k PERSIST", ""),
        Sample("SET k v", "GETEX k PXAT 1", "DEL k"),
        Sample("SET k v", "GETEX k", ""),
    ],
    "GETDEL": [Sample("SET k v", "GETDEL k", "DEL k"), Sample("", "GETDEL k", "")],
    "INCRBYFLOAT": [Sample("SET k 1", "INCRBYFLOAT k 0.5", "SET k 1.5 KEEPTTL")],
    "EXPIRE": [
        Sample("SET k v", "EXPIRE k 10", "PEXPIREAT k {10000}"),
        Sample("SET k v", "EXPIRE k 10 NX", "PEXPIREAT k {10000} NX"),
        Sample("SET k v", "EXPIRE k 10 XX", ""),
        Sample("SET k v", "EXPIRE k -1", "DEL k"),
    ],
    "PEXPIRE": [Sample("SET k v", "PEXPIRE k 10", "PEXPIREAT k {10}")],
    "EXPIREAT": [Sample("SET k v", "EXPIREAT k {10 s}", "PEXPIREAT k {10000}")],
    "PEXPIREAT": [
        Sample("SET k v", "PEXPIREAT k {10}", "PEXPIREAT k {10}"),
        Sample("SET k v", "PEXPIREAT k 1", "DEL k"),
    ],
    "RESTORE": [],
    "RESTORE-ASKING": [],
    "HINCRBYFLOAT": [
        Sample("HSET k f 1", "HINCRBYFLOAT k f 0.5", "HSET k f 1.5"),
        Sample("", "HINCRBYFLOAT k f 0.5", "HSET k f 0.5"),
    ],
    "HEXPIRE": [
        Sample("HSET k f 1", "HEXPIRE k 10 FIELDS 1 f", "HPEXPIREAT k {10000} FIELDS 1 f"),
        Sample("HSET k f 1 g 2", "HEXPIRE k 10 LT FIELDS 3 f none g", "HPEXPIREAT k {10000} LT FIELDS 2 f g"),
        Sample("HSET k f 1", "HEXPIRE k 10 XX FIELDS 1 f", ""),
        Sample("HSET k f 1 g 2", "HEXPIRE k 0 FIELDS 2 f g", "HDEL k f|HDEL k g"),
    ],
    "HPEXPIRE": [Sample("HSET k f 1", "HPEXPIRE k 10 FIELDS 1 f", "HPEXPIREAT k {10} FIELDS 1 f")],
    "HEXPIREAT": [Sample("HSET k f 1", "HEXPIREAT k {10 s} FIELDS 1 f", "HPEXPIREAT k {10000} FIELDS 1 f")],
    "HPEXPIREAT": [
        Sample("HSET k f 1", "HPEXPIREAT k {10} FIELDS 1 f", "HPEXPIREAT k {10} FIELDS 1 f"),
        Sample("HSET k f 1", "HPEXPIREAT k 1 FIELDS 1 f", "HDEL k f"),
    ],
    "HGETDEL": [
        Sample("HSET k f 1 g 2", "HGETDEL k FIELDS 3 f none g", "HDEL k f g"),
        Sample("HSET k f 1", "HGETDEL k FIELDS 1 none", ""),
    ],
    "HGETEX": [
        Sample("HSET k f 1", "HGETEX k EX 10 FIELDS 2 f none", "HPEXPIREAT k {10000} FIELDS 1 f"),
        Sample("HSET k f 1", "HGETEX k PERSIST FIELDS 1 f", ""),
        Sample(
            "HSET k f 1 g 2|HPEXPIREAT k {10000} FIELDS 1 f",
            "HGETEX k PERSIST FIELDS 2 g f",
            "HPERSIST k FIELDS 1 f",
        ),
        Sample("HSET k f 1", "HGETEX k PXAT 1 FIELDS 1 f", "HDEL k f"),
        Sample("HSET k f 1", "HGETEX k FIELDS 1 f", ""),
    ],
    "HSETEX": [
        Sample("", "HSETEX k FIELDS 1 f 1", "HSET k f 1"),
        Sample("", "HSETEX k EX 10 FIELDS 2 f 1 g 2", "HSET k f 1 g 2|HPEXPIREAT k {10000} FIELDS 2 f g"),
        Sample(
            "HSET k f 1|HPEXPIREAT k {10000} FIELDS 1 f",
            "HSETEX k KEEPTTL FIELDS 2 f 2 g 2",
            "HSET k f 2 g 2|HPEXPIREAT k {10000} FIELDS 1 f",
        ),
        Sample("HSET k f 1", "HSETEX k FNX FIELDS 2 g 1 f 2", ""),
        Sample("HSET k f 1", "HSETEX k PXAT 1 FIELDS 2 f 2 g 2", "HDEL k f"),
    ],
    "SPOP": [
        Sample("SADD k a", "SPOP k", "SREM k a"),
        Sample("SADD k a b", "SPOP k 5", "DEL k"),
        Sample("", "SPOP k", ""),
    ],
    "LMPOP": [Sample("RPUSH k a b c", "LMPOP 2 none k LEFT COUNT 2", "LPOP k 2")],
    "BLPOP": [Sample("RPUSH k a b", "BLPOP none k 1", "LPOP k")],
    "BRPOP": [Sample("RPUSH k a b", "BRPOP none k 1", "RPOP k")],
    "BLMOVE": [Sample("RPUSH k a b", "BLMOVE k l LEFT RIGHT 1", "LMOVE k l LEFT RIGHT")],
    "BRPOPLPUSH": [Sample("RPUSH k a b", "BRPOPLPUSH k l 1", "RPOPLPUSH k l")],
    "BLMPOP": [Sample("RPUSH k a b c", "BLMPOP 1 1 k RIGHT COUNT 2", "RPOP k 2")],
    "ZMPOP": [Sample("ZADD k 1 a 2 b 3 c", "ZMPOP 1 k MIN COUNT 2", "ZPOPMIN k 2")],
    "BZPOPMIN": [Sample("ZADD k 1 a 2 b", "BZPOPMIN k 1", "ZPOPMIN k")],
    "BZPOPMAX": [Sample("ZADD k 1 a 2 b", "BZPOPMAX k 1", "ZPOPMAX k")],
    "BZMPOP": [Sample("ZADD k 1 a 2 b 3 c", "BZMPOP 1 1 k MAX COUNT 2", "ZPOPMAX k 2")],
    "XADD": [
        Sample("", "XADD k 5-1 f v", "XADD k 5-1 f v"),
        Sample("", "XADD k * f v", "XADD k {0}-0 f v"),
        Sample("", "XADD k MAXLEN ~ 100 * f v", "XADD k MAXLEN = 1 {0}-0 f v"),
    ],
    "XTRIM": [
        Sample("XADD k 1-1 f v|XADD k 2-1 f v", "XTRIM k MAXLEN 1", "XTRIM k MAXLEN 1"),
    ],
    "XREADGROUP": [
        Sample(
            "XADD k 1-1 f v|XGROUP CREATE k g 0|XGROUP CREATECONSUMER k g c",
            "XREADGROUP GROUP g c NOACK STREAMS k >",
            "XGROUP SETID k g 1-1 ENTRIESREAD 1",
        ),
        Sample(
            "XADD k 1-1 f v|XGROUP CREATE k g 0|XREADGROUP GROUP g c STREAMS k >",
            "XREADGROUP GROUP g c STREAMS k 0",
            "",
        ),
    ],
    "XCLAIM": [
        Sample(
            "XADD k 1-1 f v|XGROUP CREATE k g 0|XREADGROUP GROUP g c STREAMS k >",
            "XCLAIM k g d 0 1-1",
            "XCLAIM k g d 0 1-1 TIME {0} RETRYCOUNT 2 FORCE JUSTID LASTID 1-1",
        ),
        Sample(
            "XADD k 1-1 f v|XGROUP CREATE k g 0|XREADGROUP GROUP g c STREAMS k >",
            "XCLAIM k g c 0 2-1 LASTID 5-0",
            "XGROUP SETID k g 5-0 ENTRIESREAD 1",
        ),
    ],
    "XAUTOCLAIM": [
        Sample(
            "XADD k 1-1 f v|XGROUP CREATE k g 0|XREADGROUP GROUP g c STREAMS k >",
            "XAUTOCLAIM k g d 0 - JUSTID",
            "XCLAIM k g d 0 1-1 TIME {0} RETRYCOUNT 1 FORCE JUSTID LASTID 1-1",
        ),
    ],
    "MIGRATE": [],
}
"""These need other words in the log, each with what it must leave; some are judged with their group."""
