"""The commands of a cluster, which all answer that there is none, and FAILOVER, which finds no replica.

Clients probe for a cluster with them, so they exist, with the arities and permissions that they have in Redis.
"""

from __future__ import annotations

from typing import Final

from pyredis.commands.arguments import integer_argument
from pyredis.commands.registry import CommandGroup
from pyredis.commands.server import server
from pyredis.engine.command import ADMIN, FAST, LOADING, NO_ASYNC_LOADING, NOSCRIPT, STALE
from pyredis.engine.context import Context
from pyredis.errors import SYNTAX, CommandError

cluster: Final = CommandGroup("cluster")

NO_CLUSTER: Final = b"ERR This instance has cluster support disabled"

_ASK: Final = STALE
_WATCH: Final = ADMIN | STALE
_CHANGE: Final = ADMIN | STALE | NO_ASYNC_LOADING
_NODES: Final = "O(N) with N nodes"
_SLOTS: Final = "O(N) with N slots"
_RANDOM: Final = ("nondeterministic_output",)

cluster.container("CLUSTER", since="3.0.0", summary="Holds the commands about a cluster")


def refuse_cluster(ctx: Context, argv: list[bytes]) -> bytes:
    """Answers that this server is not part of a cluster."""
    raise CommandError(NO_CLUSTER)


for _name, _arity, _flags, _since, _syntax, _complexity, _tips in (
    ("ADDSLOTS", -3, _CHANGE, "3.0.0", "slot...", _SLOTS, ()),
    ("ADDSLOTSRANGE", -4, _CHANGE, "7.0.0", "(start-slot end-slot)...", _SLOTS, ()),
    ("BUMPEPOCH", 2, _CHANGE, "3.0.0", "", "O(1)", _RANDOM),
    ("COUNT-FAILURE-REPORTS", 3, _WATCH, "3.0.0", "node-id", "O(N) with N reports", _RANDOM),
    ("COUNTKEYSINSLOT", 3, _ASK, "3.0.0", "slot", "O(1)", ()),
    ("DELSLOTS", -3, _CHANGE, "3.0.0", "slot...", _SLOTS, ()),
    ("DELSLOTSRANGE", -4, _CHANGE, "7.0.0", "(start-slot end-slot)...", _SLOTS, ()),
    ("FAILOVER", -2, _CHANGE, "3.0.0", "[options:(FORCE | TAKEOVER)]", "O(1)", ()),
    ("FLUSHSLOTS", 2, _CHANGE, "3.0.0", "", "O(1)", ()),
    ("FORGET", 3, _CHANGE, "3.0.0", "node-id", "O(1)", ()),
    ("GETKEYSINSLOT", 4, _ASK, "3.0.0", "slot count", "O(N) with N keys asked for", _RANDOM),
    ("HELP", 2, LOADING | STALE, "5.0.0", "", "O(1)", ()),
    ("INFO", 2, _ASK, "3.0.0", "", "O(1)", _RANDOM),
    ("KEYSLOT", 3, _ASK, "3.0.0", "key:string", "O(N) with N bytes of the key", ()),
    ("LINKS", 2, _ASK, "7.0.0", "", _NODES, _RANDOM),
    ("MYID", 2, _ASK, "3.0.0", "", "O(1)", ()),
    ("MYSHARDID", 2, _ASK, "7.2.0", "", "O(1)", _RANDOM),
    ("NODES", 2, _ASK, "3.0.0", "", _NODES, _RANDOM),
    ("REPLICAS", 3, _WATCH, "5.0.0", "node-id", _NODES, _RANDOM),
    ("REPLICATE", 3, _CHANGE, "3.0.0", "node-id", "O(1)", ()),
    ("RESET", -2, ADMIN | NOSCRIPT | STALE, "3.0.0", "[HARD | SOFT]", _NODES, ()),
    ("SAVECONFIG", 2, _CHANGE, "3.0.0", "", "O(1)", ()),
    ("SET-CONFIG-EPOCH", 3, _CHANGE, "3.0.0", "config-epoch:integer", "O(1)", ()),
    (
        "SETSLOT", -4, _CHANGE, "3.0.0",
        "slot subcommand:(IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE)", "O(1)", (),
    ),
    ("SHARDS", 2, _ASK, "7.0.0", "", _NODES, _RANDOM),
):  # fmt: skip
    cluster.command(
        "CLUSTER " + _name, arity=_arity, flags=_flags, since=_since, syntax=_syntax, complexity=_complexity,
        tips=_tips,
    )(refuse_cluster)  # fmt: skip

cluster.command(
    "CLUSTER MEET", arity=-4, flags=_CHANGE, since="3.0.0",
    syntax="ip port [cluster_bus_port:integer @4.0.0]", complexity="O(1)",
    history=(("4.0.0", "Added the optional `cluster_bus_port` argument."),),
)(refuse_cluster)  # fmt: skip
cluster.command(
    "CLUSTER SLAVES", arity=3, flags=_WATCH, since="3.0.0", syntax="node-id", complexity=_NODES, tips=_RANDOM,
    deprecated=("5.0.0", "`CLUSTER REPLICAS`"),
)(refuse_cluster)  # fmt: skip
cluster.command(
    "CLUSTER SLOTS", arity=2, flags=_ASK, since="3.0.0", complexity=_NODES, tips=_RANDOM,
    history=(("4.0.0", "Added node IDs."), ("7.0.0", "Added additional networking metadata field.")),
    deprecated=("7.0.0", "`CLUSTER SHARDS`"),
)(refuse_cluster)  # fmt: skip
cluster.command(
    "ASKING", arity=1, flags=FAST, since="3.0.0", complexity="O(1)", acl=("connection",),
)(refuse_cluster)  # fmt: skip
cluster.command(
    "READONLY", arity=1, flags=LOADING | STALE | FAST, since="3.0.0", complexity="O(1)", acl=("connection",),
)(refuse_cluster)  # fmt: skip
cluster.command(
    "READWRITE", arity=1, flags=LOADING | STALE | FAST, since="3.0.0", complexity="O(1)", acl=("connection",),
)(refuse_cluster)  # fmt: skip


@server.command(
    "FAILOVER", arity=-1, flags=ADMIN | NOSCRIPT | STALE, since="6.2.0",
    syntax="[TO target:(host port [FORCE])] [ABORT] [TIMEOUT milliseconds]", complexity="O(1)",
)  # fmt: skip
def failover(ctx: Context, argv: list[bytes]) -> bytes:
    """Hands the role of the primary to a replica; without one connected, says so."""
    is_abort = has_target = has_timeout = is_forced = False
    position = 1
    while position < len(argv):
        word = argv[position].lower()
        if word == b"timeout" and position + 1 < len(argv) and not has_timeout:
            position += 1
            has_timeout = True
            if integer_argument(argv[position]) <= 0:
                raise CommandError(b"ERR FAILOVER timeout must be greater than 0")
        elif word == b"abort" and len(argv) == 2:
            is_abort = True
        elif word == b"to" and position + 2 < len(argv) and not has_target:
            position += 2
            has_target = True
            integer_argument(argv[position])
        elif word == b"force" and not is_forced:
            is_forced = True
        else:
            raise CommandError(SYNTAX)
        position += 1
    if is_abort:
        raise CommandError(b"ERR No failover in progress.")
    raise CommandError(b"ERR FAILOVER requires connected replicas.")
