"""Where two correct servers may answer differently, and what is never sent.

Every table here is an admission, so each entry states its reason. Nothing else is excused: a reply that no
table names must be equal to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from tests.differential.normalise_acl import same_dry_run, same_list, same_log, same_refusal, same_user
from tests.differential.normalise_streams import same_creation, same_info, same_pending, same_stream_reply
from tests.support.wire import Tree, WireError, decode

Argv = list[bytes]
SameReply = Callable[[Argv, Tree, Tree], bool]

MILLISECONDS: Final = 400
"""How far apart two servers may be that get a command one after the other on a busy machine."""

CONTAINERS: Final = frozenset(
    b"acl client cluster command config debug function latency memory module object pubsub script slowlog"
    b" xgroup xinfo".split()
)


def full_name(argv: Argv) -> bytes:
    """`get` or `config|get`, whatever the case of the letters."""
    name = argv[0].lower()
    if name in CONTAINERS and len(argv) > 1:
        return name + b"|" + argv[1].lower()
    return name


EXCLUDED: Final = {
    b"shutdown": "stops the server",
    b"failover": "needs replicas",
    b"replicaof": "makes the server a replica, which refuses writes from then on",
    b"slaveof": "makes the server a replica, which refuses writes from then on",
    b"monitor": "its lines carry the time",
    b"psync": "turns the connection into a replica's",
    b"sync": "turns the connection into a replica's",
    b"save": "writes files",
    b"bgsave": "writes files in the background",
    b"bgrewriteaof": "writes files in the background",
    b"client|pause": "stops all other connections",
    b"client|kill": "may end the connection that drives the comparison",
    b"client|unblock": "identifiers differ between the servers",
    b"config|rewrite": "there is no configuration file",
    b"debug|sleep": "takes its time",
    b"debug|segfault": "ends the server",
    b"debug|panic": "ends the server",
    b"debug|restart": "ends the server",
    b"debug|crash-and-recover": "ends the server",
    b"debug|assert": "ends the server",
    b"debug|oom": "ends the server",
    b"debug|log": "writes a log",
    b"debug|leak": "leaks memory",
    b"debug|error": "Redis does not count its reply among the errors",
    b"debug|populate": "creates as many keys as it is told to, with an intruder for ever",
    b"debug|reload": "writes files",
    b"debug|loadaof": "reads files",
    b"debug|mallctl": "is about an allocator",
    b"debug|mallctl-str": "is about an allocator",
    b"debug|change-repl-id": "is about replication",
    b"debug|drop-cluster-packet-filter": "is about clusters",
    b"debug|replicate": "is about replication",
    b"debug|pause-cron": "is newer than the oracle",
    b"debug|object": "shows addresses and the last use",
}
"""Commands that are not sent to either server."""

CONFIG_SENT: Final = frozenset(
    b"maxmemory-policy maxmemory-samples slowlog-log-slower-than slowlog-max-len timeout"
    b" notify-keyspace-events latency-tracking lazyfree-lazy-expire hash-max-listpack-entries"
    b" list-max-listpack-size set-max-intset-entries zset-max-listpack-entries"
    b" stream-node-max-entries stream-node-max-bytes".split()
)
"""Directives that may really be set: they change neither the files nor whether clients are served."""


def excluded(argv: Argv) -> str | None:
    """Why a command must not be sent, or None."""
    name = full_name(argv)
    if name in EXCLUDED:
        return EXCLUDED[name]
    if name == b"config|set" and any(word.lower() not in CONFIG_SENT for word in argv[2::2]):
        return "changes how the server runs"
    if name == b"acl|setuser" and b"default" in argv[2:3]:
        return "the comparison itself runs in the name of the user default"
    if name == b"config|get" and b"*" in argv[2:]:
        return "7.4 has directives that the oracle lacks"
    return None


def _near(tolerance: int) -> SameReply:
    def same(argv: Argv, ours: Tree, theirs: Tree) -> bool:
        if not isinstance(ours, int) or not isinstance(theirs, int):
            return ours == theirs
        return ours == theirs if min(ours, theirs) < 0 else abs(ours - theirs) <= tolerance

    return same


def _any_order(argv: Argv, ours: Tree, theirs: Tree) -> bool:
    return sorted_tree(ours) == sorted_tree(theirs)


def sorted_tree(tree: Tree) -> Tree:
    """The tree with every array and map sorted."""
    if isinstance(tree, list):
        return sorted((sorted_tree(item) for item in tree), key=repr)
    if isinstance(tree, tuple) and len(tree) == 2 and isinstance(tree[1], list):
        return (tree[0], sorted((sorted_tree(item) for item in tree[1]), key=repr))
    return tree


def _same_kind(argv: Argv, ours: Tree, theirs: Tree) -> bool:
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        return ours[0] == theirs[0] and (ours[0] != "error" or ours == theirs)
    return type(ours) is type(theirs)


def _same_length(argv: Argv, ours: Tree, theirs: Tree) -> bool:
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs)
    return _same_kind(argv, ours, theirs)


def _same_payload(argv: Argv, ours: Tree, theirs: Tree) -> bool:
    """Of hash tables, of lists in nodes, of streams and of scores only the type is compared."""
    if not isinstance(ours, bytes) or not isinstance(theirs, bytes) or ours == theirs:
        return ours == theirs
    return ours[0] == theirs[0] and ours[0] in UNORDERED_TYPES


def _same_scan(argv: Argv, ours: Tree, theirs: Tree) -> bool:
    """Scans that are over at once list the same keys in any order; what a part lists is unspecified."""
    if not isinstance(ours, list) or not isinstance(theirs, list):
        return ours == theirs
    return ours[0] != b"0" or theirs[0] != b"0" or _any_order(argv, ours, theirs)


def _same_sort(argv: Argv, ours: Tree, theirs: Tree) -> bool:
    """A set that is not sorted comes in any order, and so do elements whose texts are equal."""
    words = [word.lower() for word in argv]
    constants = [argv[at + 1] for at, word in enumerate(words[:-1]) if word == b"by"]
    is_unsorted = any(b"*" not in text.split(b"\0")[0] for text in constants)
    if not is_unsorted and not (constants and b"alpha" in words):
        return ours == theirs
    return _same_length(argv, ours, theirs) if b"limit" in words else _any_order(argv, ours, theirs)


def _same_places(argv: Argv, ours: Tree, theirs: Tree) -> bool:
    """With COUNT, Redis sorts only as far as it must, by an algorithm that leaves equal distances in any order.

    So the last places may be others, as near as those: a few, and never most of them.
    """
    words = [word.lower() for word in argv]
    if b"count" not in words or b"any" in words or not isinstance(ours, list) or not isinstance(theirs, list):
        return ours == theirs
    strangers = [item for item in ours if item not in theirs]
    return len(ours) == len(theirs) and len(strangers) <= min(2, len(ours) // 3)


ENVIRONMENT: Final = frozenset(
    b"port bind dir unixsocket pidfile logfile save enable-debug-command appendonly loglevel".split()
)
"""Directives with which the two servers were started differently."""


def _same_directives(argv: Argv, ours: Tree, theirs: Tree) -> bool:
    """CONFIG GET lists matches in no order; 7.4 has more directives, and no fewer."""
    mine, others = _as_pairs(ours), _as_pairs(theirs)
    if mine is None or others is None:
        return False
    return all(mine.get(name) == value for name, value in others.items() if name not in ENVIRONMENT)


def _as_pairs(tree: Tree) -> dict[Tree, Tree] | None:
    """A map, or the flat array that stands for it."""
    if isinstance(tree, tuple) and tree[0] == "map" and isinstance(tree[1], list):
        return {pair[0]: pair[1] for pair in tree[1] if isinstance(pair, tuple)}
    if isinstance(tree, list):
        return dict(zip(tree[::2], tree[1::2], strict=True))
    return None


def _all_commands(argv: Argv, ours: Tree, theirs: Tree) -> bool:
    return len(argv) == 2 and isinstance(ours, list) and isinstance(theirs, list)


UNORDERED_TYPES: Final = frozenset((2, 4, 5, 17, 18, 19))
"""Types of RDB values: set, hash, sorted set twice, list and stream."""

TOLERANCES: Final[dict[bytes, tuple[SameReply, str]]] = {
    b"ttl": (_near(1), "the servers get the commands at different times"),
    b"pttl": (_near(MILLISECONDS), "the servers get the commands at different times"),
    b"expiretime": (_near(1), "the servers get the commands at different times"),
    b"pexpiretime": (_near(MILLISECONDS), "the servers get the commands at different times"),
    b"object|idletime": (
        _same_kind,
        "small integers are shared in Redis, with the idle time of all their keys",
    ),
    b"object|freq": (_same_kind, "the counter is probabilistic"),
    b"time": (_same_length, "the servers get the commands at different times"),
    b"dump": (_same_payload, "hash tables, nodes, and texts of scores are the server's own"),
    b"lastsave": (_same_kind, "the servers started at different times"),
    b"keys": (_any_order, "the order of keys is unspecified"),
    b"randomkey": (_same_kind, "random"),
    b"smembers": (_any_order, "the order of members is unspecified"),
    b"sunion": (_any_order, "the order of members is unspecified"),
    b"sinter": (_any_order, "the order of members is unspecified"),
    b"sdiff": (_any_order, "the order of members is unspecified"),
    b"sort": (_same_sort, "the order of what is not sorted, or equal, is unspecified"),
    b"sort_ro": (_same_sort, "the order of what is not sorted, or equal, is unspecified"),
    **dict.fromkeys(
        b"geosearch georadius georadius_ro georadiusbymember georadiusbymember_ro".split(),
        (_same_places, "the order of equal distances is unspecified"),
    ),
    b"srandmember": (_same_length, "random"),
    b"hrandfield": (_same_length, "random"),
    b"hgetall": (_any_order, "a hash table has no order; that of a listpack is compared with the keyspace"),
    b"hkeys": (_any_order, "as for hgetall"),
    b"hvals": (_any_order, "as for hgetall"),
    b"zrandmember": (_same_length, "random"),
    b"spop": (_same_length, "random"),
    b"sscan": (_same_scan, "cursors and order are the server's own"),
    b"hscan": (_same_scan, "cursors and order are the server's own"),
    b"scan": (_same_scan, "cursors and the order of keys are unspecified"),
    b"zscan": (_same_scan, "cursors and the order of members are unspecified"),
    b"pubsub|channels": (_any_order, "the order of channels is unspecified"),
    b"pubsub|shardchannels": (_any_order, "the order of channels is unspecified"),
    b"acl|list": (same_list, "7.4 shows rules as they were given, see normalise_acl"),
    b"acl|getuser": (same_user, "7.4 shows rules as they were given, see normalise_acl"),
    b"acl|dryrun": (same_dry_run, "since 7.2 the user is named"),
    b"acl|log": (same_log, "times and clients, and 7.2 added fields"),
    b"acl|cat": (_any_order, "the order of commands is that of a hash table"),
    b"acl|genpass": (_same_kind, "random"),
    b"client|id": (_same_kind, "identifiers depend on the connections before"),
    b"client|info": (_same_kind, "addresses, identifiers and ages differ"),
    b"client|list": (_same_kind, "addresses, identifiers and ages differ"),
    b"hello": (_same_kind, "the greeting names the version and the client's identifier"),
    b"info": (_same_kind, "describes the server"),
    b"lolwut": (_same_kind, "shows the version, and random pictures of our own"),
    b"memory|usage": (_same_kind, "memory is laid out differently"),
    b"memory|stats": (_same_kind, "memory is laid out differently"),
    b"memory|doctor": (_same_kind, "memory is laid out differently"),
    b"memory|malloc-stats": (_same_kind, "memory is laid out differently"),
    b"slowlog|get": (_same_kind, "durations and identifiers differ"),
    b"slowlog|len": (_same_kind, "durations differ"),
    b"latency|histogram": (_same_kind, "durations differ"),
    b"latency|latest": (_same_kind, "durations differ"),
    b"latency|doctor": (_same_kind, "durations differ"),
    b"command": (_same_kind, "the order is that of a hash table, and 7.4 has more commands"),
    b"command|info": (_all_commands, "without names it lists all commands, see `command`"),
    b"config|get": (_same_directives, "the order is that of a hash table, and 7.4 has more directives"),
    b"command|list": (_same_kind, "the order is that of a hash table, and 7.4 has more commands"),
    b"command|count": (_same_kind, "7.4 has more commands"),
    **dict.fromkeys(
        b"xadd xrange xrevrange xread xreadgroup xclaim xautoclaim".split(),
        (same_stream_reply, "IDs are made of the time"),
    ),
    b"xpending": (same_pending, "ages of deliveries"),
    b"xgroup|createconsumer": (same_creation, "see normalise_streams"),
    b"xinfo|stream": (same_info, "times, and see normalise_streams"),
    b"xinfo|groups": (same_info, "see normalise_streams"),
    b"xinfo|consumers": (same_info, "times, and see normalise_streams"),
    b"command|docs": (_same_kind, "the texts are our own"),
    b"debug|help": (_same_kind, "there are no subcommands for what is not here"),
    b"debug|sdslen": (_same_kind, "shows the allocator's sizes"),
    b"debug|htstats": (_same_kind, "shows Redis's hash tables"),
    b"debug|htstats-key": (_same_kind, "shows Redis's hash tables"),
    b"debug|ziplist": (_same_kind, "prints to the log"),
    b"debug|listpack": (_same_kind, "prints to the log"),
    b"debug|stringmatch-len": (_same_kind, "measures the time"),
}
"""Commands whose replies are compared with less than equality: how, and why."""

DIVERGING: Final = frozenset((b"spop", b"xsetid"))
"""Commands that, when they were answered differently, leave servers that cannot be compared any further."""


class VersionDifference(NamedTuple):
    """A reply that changed between Redis 7.0, which answers, and Redis 7.4, which we follow."""

    name: re.Pattern[bytes]
    reason: str
    holds: Callable[[Argv, bytes, bytes], bool]


def _replies(ours: bytes, theirs: bytes) -> Callable[[Argv, bytes, bytes], bool]:
    """Both replies match their pattern."""
    our_pattern, their_pattern = re.compile(ours, re.DOTALL), re.compile(theirs, re.DOTALL)

    def holds(argv: Argv, our_reply: bytes, their_reply: bytes) -> bool:
        return bool(our_pattern.fullmatch(our_reply) and their_pattern.fullmatch(their_reply))

    return holds


def _changed(name: bytes, reason: str, ours: bytes = b".*", theirs: bytes = b".*") -> VersionDifference:
    return VersionDifference(re.compile(name), reason, _replies(ours, theirs))


def _has_more_lines(argv: Argv, ours: bytes, theirs: bytes) -> bool:
    """Whether ours is a HELP text with all the lines of theirs, in the same order, and others."""
    lines = iter(ours.split(b"\r\n")[1:])
    return (
        ours.startswith(b"*")
        and theirs.startswith(b"*")
        and all(line in lines for line in theirs.split(b"\r\n")[1:])
    )


def same_doubles(ours: Tree, theirs: Tree) -> bool:
    """Whether two trees differ only in doubles that theirs prints with 17 digits, ours with those needed."""
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same_doubles, ours, theirs))
    if isinstance(ours, tuple) and isinstance(theirs, tuple) and ours[0] == theirs[0] == "double":
        return same_doubles(ours[1], theirs[1])
    if ours == theirs:
        return True
    if not isinstance(ours, bytes) or not isinstance(theirs, bytes):
        return False
    try:
        return b"%.17g" % float(ours) == theirs
    except ValueError:
        return False


def _shorter_doubles(argv: Argv, ours: bytes, theirs: bytes) -> bool:
    try:
        return same_doubles(decode(ours), decode(theirs))
    except WireError:
        return False


VERSION_DIFFERENCES: Final[list[VersionDifference]] = [
    VersionDifference(
        re.compile(rb"b?z\w+|geo\w+"),
        "since 7.2 doubles are printed with no more digits than needed",
        _shorter_doubles,
    ),
    _changed(
        rb"z(rev)?rank",
        "WITHSCORE is of 7.2",
        theirs=rb"-ERR wrong number of arguments for '\w+' command\r\n",
    ),
    VersionDifference(
        re.compile(rb"\w+\|help"), "7.2 and 7.4 added subcommands and options", _has_more_lines
    ),
    _changed(
        rb"hello|client\|setname",
        "since 7.2 names are only looked at up to a NUL",
        theirs=rb"-ERR Client names cannot contain .*",
    ),
    _changed(
        b"hello",
        "since 7.2 all options are read before the password is checked",
        b"-ERR Syntax error in HELLO option .*",
        b"-WRONGPASS .*",
    ),
    _changed(
        rb"[sz]?scan",
        "7.4 knows NOVALUES, and says where it belongs",
        rb"-ERR NOVALUES option can only be used in HSCAN\r\n",
        rb"-ERR syntax error\r\n",
    ),
    _changed(rb"[hsz]?scan", "7.4 allows blanks before a cursor", theirs=rb"-ERR invalid cursor\r\n"),
    _changed(rb"[hsz]?scan", "7.4 refuses an empty cursor", rb"-ERR invalid cursor\r\n"),
    _changed(
        rb"bitcount|bitpos",
        "since 7.2 the arguments are read before the key is looked at",
        rb"-ERR (value is not an integer or out of range|syntax error)\r\n",
        rb":(0|-1)\r\n|-WRONGTYPE .*",
    ),
    _changed(
        rb"object\|encoding",
        "small lists are listpacks since 7.2",
        rb"\$8\r\nlistpack\r\n",
        rb"\$9\r\nquicklist\r\n",
    ),
    _changed(
        rb"object\|encoding",
        "small sets are listpacks since 7.2",
        rb"\$8\r\nlistpack\r\n",
        rb"\$9\r\nhashtable\r\n",
    ),
    _changed(
        b"lpos", "since 7.2 a RANK of -2**63 is refused", b"-ERR value is out of range, value must between .*"
    ),
    _changed(
        rb"xread(group)?",
        "since 7.2 the command is named",
        rb"-ERR Unbalanced 'xread(group)?' list of streams: .*",
        rb"-ERR Unbalanced XREAD list of streams: .*",
    ),
    _changed(
        b"xadd",
        "7.0 took <ms>-* without a sequence number left for an entry too large",
        rb"-ERR The ID specified in XADD is equal or smaller .*",
        rb"-ERR Elements are too large to be stored\r\n",
    ),
    _changed(
        b"xsetid",
        "7.0 did not look at the highest ID deleted",
        rb"-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id\r\n",
    ),
    _changed(b"xread", "7.4 reads the last entry for +", theirs=rb"-ERR Invalid stream ID .*"),
    _changed(b"xreadgroup", "7.4 knows +", rb"-ERR The \+ ID is .*", rb"-ERR Invalid stream ID .*"),
    _changed(
        rb"b[lrz]\w+",
        "since 7.2 a timeout too large for 64 bits is said to be so",
        b"-ERR timeout is out of range\r\n",
        b"-ERR timeout is negative\r\n",
    ),
]
"""What 7.4 answers otherwise than 7.0: the commands, why, and the replies for which it is excused."""


COUNTED_OTHERWISE: Final = frozenset((b"bitcount", b"bitpos"))
"""Commands that look their key up before 7.2, and not since, when an argument is wrong."""


def is_excused(argv: Argv) -> bool:
    """Whether any table names the command."""
    name = full_name(argv)
    return name in TOLERANCES or any(difference.name.fullmatch(name) for difference in VERSION_DIFFERENCES)


def replies_agree(argv: Argv | None, ours: bytes, theirs: bytes) -> bool:
    """Whether two raw replies to a command are equal as far as they can be; None is an unknown command."""
    if ours == theirs:
        return True
    if argv is None:
        return False
    if same_refusal(ours, theirs):
        return True
    name = full_name(argv)
    for difference in VERSION_DIFFERENCES:
        if difference.name.fullmatch(name) and difference.holds(argv, ours, theirs):
            return True
    tolerance = TOLERANCES.get(name)
    if tolerance is None:
        return False
    try:
        return tolerance[0](argv, decode(ours), decode(theirs))
    except WireError:
        return False
