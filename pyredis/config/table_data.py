"""The rows of the table about memory, encodings, persistence, replication and the cluster."""

from __future__ import annotations

from typing import Final

from pyredis.config.directives import (
    DENY_LOADING,
    HIDDEN,
    IMMUTABLE,
    PROTECTED,
    SENSITIVE,
    Directive,
    boolean,
    enum,
    memory,
    names_only,
    number,
    optional_string,
    secret,
    share_of_memory,
    string,
    unsigned,
    unsigned_memory,
)
from pyredis.config.errors import InvalidValue
from pyredis.config.values import INT_MAX, INT_MIN, LONG_MAX, MIB, ULONG_MAX

POLICIES: Final = [
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "noeviction",
]
OWN_POLICIES: Final = ["allkeys-fifo"]
HOST_NAME_MAX: Final = 256
_NODE_NAME_REFUSED: Final = b"!#$%&()*+.:;<>?@[]^{|}~"


def _check_base_name(value: object, directive: str, what: str) -> None:
    assert isinstance(value, bytes)
    if b"/" in value or b"\\" in value:
        raise InvalidValue(f"{directive} can't be a path, just a {what}")


def _check_dbfilename(value: object) -> None:
    _check_base_name(value, "dbfilename", "filename")


def _check_appendfilename(value: object) -> None:
    if value == b"":
        raise InvalidValue("appendfilename can't be empty")
    _check_base_name(value, "appendfilename", "filename")


def _check_appenddirname(value: object) -> None:
    if value == b"":
        raise InvalidValue("appenddirname can't be empty")
    _check_base_name(value, "appenddirname", "dirname")


def _check_host_name(value: object) -> None:
    assert isinstance(value, bytes)
    if len(value) >= HOST_NAME_MAX:
        raise InvalidValue(f"Hostnames must be less than {HOST_NAME_MAX} characters")
    allowed = value.replace(b"-", b"").replace(b".", b"")
    if allowed and not allowed.isalnum():
        raise InvalidValue("Hostnames may only contain alphanumeric characters, hyphens or dots")


def _check_node_name(value: object) -> None:
    assert isinstance(value, bytes)
    for byte in value:
        if byte in _NODE_NAME_REFUSED:
            raise InvalidValue("Announced human node name contained invalid character")


def _check_defrag(value: object) -> None:
    # Redis answers this wherever its allocator cannot move memory, and Python's cannot.
    if value:
        raise InvalidValue(
            "Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified "
            "Jemalloc like the one shipped by default with the Redis source distribution"
        )


_MEMORY: Final[list[Directive]] = [
    share_of_memory("maxmemory"),
    enum("maxmemory-policy", "noeviction", names_only([*POLICIES, *OWN_POLICIES]), 0, OWN_POLICIES),
    number("maxmemory-samples", 5, 1, 64),
    number("maxmemory-eviction-tenacity", 10, 0, 100),
    number("lfu-log-factor", 10, 0, INT_MAX),
    number("lfu-decay-time", 1, 0, INT_MAX),
    number("active-expire-effort", 1, 1, 10),
    boolean("lazyfree-lazy-eviction", False),
    boolean("lazyfree-lazy-expire", False),
    boolean("lazyfree-lazy-server-del", False),
    boolean("lazyfree-lazy-user-del", False),
    boolean("lazyfree-lazy-user-flush", False),
    boolean("activerehashing", True),
    boolean("activedefrag", False, check=_check_defrag),
    unsigned_memory("active-defrag-ignore-bytes", 100 * MIB, 1, LONG_MAX),
    number("active-defrag-threshold-lower", 10, 0, 1000),
    number("active-defrag-threshold-upper", 100, 0, 1000),
    number("active-defrag-cycle-min", 1, 1, 99),
    number("active-defrag-cycle-max", 25, 1, 99),
    number("active-defrag-max-scan-fields", 1000, 1, LONG_MAX),
    boolean("jemalloc-bg-thread", True),
]

_ENCODINGS: Final[list[Directive]] = [
    unsigned("hash-max-listpack-entries", 512, 0, LONG_MAX, 0, "hash-max-ziplist-entries"),
    unsigned_memory("hash-max-listpack-value", 64, 0, LONG_MAX, 0, "hash-max-ziplist-value"),
    number("list-max-listpack-size", -2, INT_MIN, INT_MAX, 0, "list-max-ziplist-size"),
    number("list-compress-depth", 0, 0, INT_MAX),
    unsigned("set-max-intset-entries", 512, 0, LONG_MAX),
    unsigned("set-max-listpack-entries", 128, 0, LONG_MAX),
    unsigned("set-max-listpack-value", 64, 0, LONG_MAX),
    unsigned("zset-max-listpack-entries", 128, 0, LONG_MAX, 0, "zset-max-ziplist-entries"),
    unsigned_memory("zset-max-listpack-value", 64, 0, LONG_MAX, 0, "zset-max-ziplist-value"),
    unsigned_memory("hll-sparse-max-bytes", 3000, 0, LONG_MAX),
    unsigned_memory("stream-node-max-bytes", 4096, 0, LONG_MAX),
    number("stream-node-max-entries", 100, 0, LONG_MAX),
]

_PERSISTENCE: Final[list[Directive]] = [
    boolean("rdbcompression", True),
    boolean("rdbchecksum", True, IMMUTABLE),
    boolean("rdb-del-sync-files", False),
    boolean("rdb-save-incremental-fsync", True),
    boolean("stop-writes-on-bgsave-error", True),
    string("dbfilename", "dump.rdb", PROTECTED, check=_check_dbfilename),
    enum("sanitize-dump-payload", "no", names_only(["no", "yes", "clients"])),
    number("rdb-key-save-delay", 0, INT_MIN, INT_MAX, HIDDEN),
    number("key-load-delay", 0, INT_MIN, INT_MAX, HIDDEN),
    number("loading-process-events-interval-bytes", 2 * MIB, 1024, INT_MAX, HIDDEN),
    boolean("appendonly", False),
    string("appendfilename", "appendonly.aof", IMMUTABLE, check=_check_appendfilename),
    string("appenddirname", "appendonlydir", IMMUTABLE, check=_check_appenddirname),
    enum("appendfsync", "everysec", names_only(["everysec", "always", "no"])),
    boolean("no-appendfsync-on-rewrite", False),
    number("auto-aof-rewrite-percentage", 100, 0, INT_MAX),
    memory("auto-aof-rewrite-min-size", 64 * MIB, 0, LONG_MAX),
    boolean("aof-rewrite-incremental-fsync", True),
    boolean("aof-load-truncated", True),
    boolean("aof-use-rdb-preamble", True),
    boolean("aof-timestamp-enabled", False),
    boolean("aof-disable-auto-gc", False, HIDDEN),
]

_REPLICATION: Final[list[Directive]] = [
    optional_string("masteruser", SENSITIVE),
    secret("masterauth"),
    boolean("replica-serve-stale-data", True, 0, "slave-serve-stale-data"),
    boolean("replica-read-only", True, 0, "slave-read-only"),
    boolean("replica-lazy-flush", False, 0, "slave-lazy-flush"),
    boolean("replica-ignore-maxmemory", True, 0, "slave-ignore-maxmemory"),
    boolean("replica-ignore-disk-write-errors", False),
    boolean("replica-announced", True),
    optional_string("replica-announce-ip", 0, "slave-announce-ip"),
    number("replica-announce-port", 0, 0, 65535, 0, "slave-announce-port"),
    number("replica-priority", 100, 0, INT_MAX, 0, "slave-priority"),
    boolean("repl-disable-tcp-nodelay", False),
    boolean("repl-diskless-sync", True),
    number("repl-diskless-sync-delay", 5, 0, INT_MAX),
    number("repl-diskless-sync-max-replicas", 0, 0, INT_MAX),
    enum("repl-diskless-load", "disabled", names_only(["disabled", "on-empty-db", "swapdb"]), DENY_LOADING),
    number("repl-timeout", 60, 1, INT_MAX),
    number("repl-ping-replica-period", 10, 1, INT_MAX, 0, "repl-ping-slave-period"),
    memory("repl-backlog-size", MIB, 1, LONG_MAX),
    number("repl-backlog-ttl", 3600, 0, LONG_MAX),
    number("min-replicas-to-write", 0, 0, INT_MAX, 0, "min-slaves-to-write"),
    number("min-replicas-max-lag", 10, 0, INT_MAX, 0, "min-slaves-max-lag"),
    enum("propagation-error-behavior", "ignore", names_only(["ignore", "panic", "panic-on-replicas"])),
]

_CLUSTER: Final[list[Directive]] = [
    boolean("cluster-enabled", False, IMMUTABLE),
    string("cluster-config-file", "nodes.conf", IMMUTABLE),
    number("cluster-port", 0, 0, 65535, IMMUTABLE),
    number("cluster-node-timeout", 15000, 0, LONG_MAX),
    number("cluster-ping-interval", 0, 0, LONG_MAX, HIDDEN),
    number("cluster-migration-barrier", 1, 0, INT_MAX),
    boolean("cluster-allow-replica-migration", True),
    boolean("cluster-require-full-coverage", True),
    boolean("cluster-allow-reads-when-down", False),
    boolean("cluster-allow-pubsubshard-when-down", True),
    boolean("cluster-replica-no-failover", False, 0, "cluster-slave-no-failover"),
    number("cluster-replica-validity-factor", 10, 0, INT_MAX, 0, "cluster-slave-validity-factor"),
    unsigned_memory("cluster-link-sendbuf-limit", 0, 0, ULONG_MAX),
    optional_string("cluster-announce-ip"),
    optional_string("cluster-announce-hostname", check=_check_host_name),
    optional_string("cluster-announce-human-nodename", check=_check_node_name),
    number("cluster-announce-port", 0, 0, 65535),
    number("cluster-announce-tls-port", 0, 0, 65535),
    number("cluster-announce-bus-port", 0, 0, 65535),
    enum("cluster-preferred-endpoint-type", "ip", names_only(["ip", "hostname", "unknown-endpoint"])),
]

DIRECTIVES: Final[list[Directive]] = [*_MEMORY, *_ENCODINGS, *_PERSISTENCE, *_REPLICATION, *_CLUSTER]
