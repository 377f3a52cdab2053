"""The rows of the table about the process, the network, TLS, clients, logs and commands."""

from __future__ import annotations

from typing import Final

from pyredis.config.directives import (
    HIDDEN,
    IMMUTABLE,
    SENSITIVE,
    VOLATILE,
    Directive,
    boolean,
    clamped,
    enum,
    flag_enum,
    memory,
    memory_or_percent,
    names_only,
    number,
    octal,
    optional_string,
    secret,
    string,
    unsigned,
    unsigned_memory,
)
from pyredis.config.errors import InvalidValue
from pyredis.config.values import GIB, INT_MAX, LONG_MAX, MIB, UINT_MAX

LOG_LEVELS: Final = ["debug", "verbose", "notice", "warning", "nothing"]
PROTECTED_CHOICES: Final = ["no", "yes", "local"]
SHUTDOWN_CHOICES: Final = [("default", 0), ("save", 1), ("nosave", 2), ("now", 4), ("force", 8)]
OOM_CHOICES: Final = [("no", 0), ("yes", 1), ("relative", 1), ("absolute", 2)]
SYSLOG_FACILITIES: Final = ["user", *[f"local{i}" for i in range(8)]]
DEFAULT_TITLE: Final = "{title} {listen-addr} {server-mode}"
TITLE_VARIABLES: Final = (
    b"title",
    b"listen-addr",
    b"server-mode",
    b"port",
    b"tls-port",
    b"config-file",
    b"unixsocket",
)


def _check_metrics_bind(value: object) -> None:
    assert isinstance(value, bytes)
    if not value or b" " in value:
        raise InvalidValue("argument must be one address")


def _check_shutdown(value: object) -> None:
    assert isinstance(value, str)
    words = value.split(" ")
    if "save" in words and "nosave" in words:
        raise InvalidValue("shutdown options SAVE and NOSAVE can't be used simultaneously")


def expand_title(template: bytes, variables: dict[bytes, bytes]) -> bytes | None:
    """`template` with its `{name}` filled in and blanks trimmed; None for an unknown name or an open brace.

    `{{` stands for one brace. A lone closing brace is text.
    """
    parts: list[bytes] = []
    position = 0
    while True:
        brace = template.find(b"{", position)
        if brace < 0:
            parts.append(template[position:])
            return b"".join(parts).strip(b" ")
        parts.append(template[position:brace])
        if template[brace + 1 : brace + 2] == b"{":
            parts.append(b"{")
            position = brace + 2
            continue
        end = template.find(b"}", brace)
        variable = variables.get(template[brace + 1 : end]) if end >= 0 else None
        if variable is None:
            return None
        parts.append(variable)
        position = end + 1


DIRECTIVES: Final[list[Directive]] = [
    # The process.
    boolean("daemonize", False, IMMUTABLE),
    enum("supervised", "no", names_only(["upstart", "systemd", "auto", "no"]), IMMUTABLE),
    optional_string("pidfile", IMMUTABLE),
    boolean("always-show-logo", False, IMMUTABLE),
    boolean("set-proc-title", True, IMMUTABLE),
    string("proc-title-template", DEFAULT_TITLE),
    string("locale-collate", ""),
    optional_string("server-cpulist", IMMUTABLE, "server_cpulist"),
    optional_string("bio-cpulist", IMMUTABLE, "bio_cpulist"),
    optional_string("aof-rewrite-cpulist", IMMUTABLE, "aof_rewrite_cpulist"),
    optional_string("bgsave-cpulist", IMMUTABLE, "bgsave_cpulist"),
    string("ignore-warnings", ""),
    boolean("disable-thp", True, IMMUTABLE),
    enum("oom-score-adj", "no", OOM_CHOICES),
    number("io-threads", 1, 1, 128, IMMUTABLE),
    boolean("io-threads-do-reads", False, IMMUTABLE),
    number("databases", 16, 1, INT_MAX, IMMUTABLE),
    clamped("hz", 10, 1, 500),
    boolean("dynamic-hz", True),
    number("shutdown-timeout", 10, 0, INT_MAX),
    flag_enum("shutdown-on-sigint", "default", SHUTDOWN_CHOICES, _check_shutdown),
    flag_enum("shutdown-on-sigterm", "default", SHUTDOWN_CHOICES, _check_shutdown),
    boolean("crash-log-enabled", True),
    boolean("crash-memcheck-enabled", True),
    boolean("use-exit-on-panic", False, HIDDEN),
    number("watchdog-period", 0, 0, INT_MAX, HIDDEN),
    enum("enable-protected-configs", "no", names_only(PROTECTED_CHOICES), IMMUTABLE),
    enum("enable-debug-command", "no", names_only(PROTECTED_CHOICES), IMMUTABLE),
    enum("enable-module-command", "no", names_only(PROTECTED_CHOICES), IMMUTABLE),
    # The network.
    number("port", 6379, 0, 65535),
    number("tcp-backlog", 511, 0, INT_MAX, IMMUTABLE),
    optional_string("unixsocket", IMMUTABLE),
    octal("unixsocketperm", 0, 0o777, IMMUTABLE),
    optional_string("bind-source-addr"),
    boolean("protected-mode", True),
    number("timeout", 0, 0, INT_MAX),
    number("tcp-keepalive", 300, 0, INT_MAX),
    # Not Redis's: the HTTP port of monitoring systems.
    number("metrics-port", 0, 0, 65535),
    string("metrics-bind", "127.0.0.1", 0, None, _check_metrics_bind),
    unsigned("socket-mark-id", 0, 0, UINT_MAX, IMMUTABLE),
    unsigned("max-new-connections-per-cycle", 10, 1, 1000),
    unsigned("max-new-tls-connections-per-cycle", 1, 1, 1000),
    # TLS.
    number("tls-port", 0, 0, 65535),
    number("tls-session-cache-size", 20 * 1024, 0, INT_MAX),
    number("tls-session-cache-timeout", 300, 0, INT_MAX),
    boolean("tls-cluster", False),
    boolean("tls-replication", False),
    enum("tls-auth-clients", "yes", names_only(["no", "yes", "optional"])),
    boolean("tls-prefer-server-ciphers", False),
    boolean("tls-session-caching", True),
    optional_string("tls-cert-file", VOLATILE),
    optional_string("tls-key-file", VOLATILE),
    optional_string("tls-key-file-pass", SENSITIVE),
    optional_string("tls-client-cert-file", VOLATILE),
    optional_string("tls-client-key-file", VOLATILE),
    optional_string("tls-client-key-file-pass", SENSITIVE),
    optional_string("tls-dh-params-file", VOLATILE),
    optional_string("tls-ca-cert-file", VOLATILE),
    optional_string("tls-ca-cert-dir", VOLATILE),
    optional_string("tls-protocols"),
    optional_string("tls-ciphers"),
    optional_string("tls-ciphersuites"),
    # Clients and access.
    unsigned("maxclients", 10000, 1, UINT_MAX),
    memory_or_percent("maxmemory-clients", 0),
    unsigned_memory("client-query-buffer-limit", GIB, MIB, LONG_MAX),
    memory("proto-max-bulk-len", 512 * MIB, MIB, LONG_MAX),
    unsigned("tracking-table-max-keys", 1000000, 0, LONG_MAX),
    secret("requirepass"),
    string("aclfile", "", IMMUTABLE),
    enum("acl-pubsub-default", "resetchannels", names_only(["allchannels", "resetchannels"])),
    number("acllog-max-len", 128, 0, LONG_MAX),
    # Logs and statistics.
    enum("loglevel", "notice", names_only(LOG_LEVELS)),
    string("logfile", "", IMMUTABLE),
    enum("log-format", "text", names_only(["text", "json"])),
    memory("logfile-max-size", 0, 0, LONG_MAX),
    number("logfile-rotate-seconds", 0, 0, INT_MAX),
    number("logfile-keep", 7, 1, 1000),
    boolean("syslog-enabled", False, IMMUTABLE),
    string("syslog-ident", "redis", IMMUTABLE),
    enum("syslog-facility", "local0", names_only(SYSLOG_FACILITIES), IMMUTABLE),
    boolean("hide-user-data-from-log", False),
    number("slowlog-log-slower-than", 10000, -1, LONG_MAX),
    number("slowlog-max-len", 128, 0, LONG_MAX),
    number("latency-monitor-threshold", 0, 0, LONG_MAX),
    boolean("latency-tracking", True),
    # Scripts.
    number("busy-reply-threshold", 5000, 0, LONG_MAX, 0, "lua-time-limit"),
    boolean("lua-enable-deprecated-api", False, IMMUTABLE | HIDDEN),
]
