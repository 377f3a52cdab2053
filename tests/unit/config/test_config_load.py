"""redis.conf: its grammar, includes, what cannot be loaded and how that is reported."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyredis.config import Config, ConfigError
from pyredis.config.load import INCLUDE_DEPTH_MAX, Loader
from pyredis.config.sources import load_arguments
from tests.unit.config.oracle import ORACLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.config.oracle import Oracle

# What Debian's package ships, without its comments, and with the blank line that has a blank in it.
DEBIAN_CONF = b"""\
# Redis configuration

bind 127.0.0.1 -::1
protected-mode yes
port 6379
tcp-backlog 511
timeout 0
tcp-keepalive 300
daemonize yes
pidfile /run/redis/redis-server.pid
loglevel notice
logfile %(log)s
databases 16
always-show-logo no
set-proc-title yes
proc-title-template "{title} {listen-addr} {server-mode}"
stop-writes-on-bgsave-error yes
rdbcompression yes
rdbchecksum yes
dbfilename dump.rdb
rdb-del-sync-files no
dir %(dir)s
replica-serve-stale-data yes
replica-read-only yes
repl-diskless-sync yes
repl-diskless-sync-delay 5
repl-diskless-sync-max-replicas 0
repl-diskless-load disabled
repl-disable-tcp-nodelay no
replica-priority 100
acllog-max-len 128
lazyfree-lazy-eviction no
lazyfree-lazy-expire no
lazyfree-lazy-server-del no
replica-lazy-flush no
lazyfree-lazy-user-del no
lazyfree-lazy-user-flush no
oom-score-adj no
oom-score-adj-values 0 200 800
disable-thp yes
appendonly no
appendfilename "appendonly.aof"
appenddirname "appendonlydir"
appendfsync everysec
no-appendfsync-on-rewrite no
auto-aof-rewrite-percentage 100
auto-aof-rewrite-min-size 64mb
aof-load-truncated yes
aof-use-rdb-preamble yes
aof-timestamp-enabled no
 \t
slowlog-log-slower-than 10000
slowlog-max-len 128
latency-monitor-threshold 0
notify-keyspace-events ""
hash-max-listpack-entries 512
hash-max-listpack-value 64
list-max-listpack-size -2
list-compress-depth 0
set-max-intset-entries 512
zset-max-listpack-entries 128
zset-max-listpack-value 64
hll-sparse-max-bytes 3000
stream-node-max-bytes 4096
stream-node-max-entries 100
activerehashing yes
client-output-buffer-limit normal 0 0 0
client-output-buffer-limit replica 256mb 64mb 60
client-output-buffer-limit pubsub 32mb 8mb 60
hz 10
dynamic-hz yes
aof-rewrite-incremental-fsync yes
rdb-save-incremental-fsync yes
jemalloc-bg-thread yes
"""


def load(source: bytes, directory: Path | None = None) -> Config:
    config = Config(None if directory is None else str(directory))
    Loader(config).load_text(source)
    return config


def failure(source: bytes, directory: Path | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(source, directory)
    return caught.value


def test_file_of_a_distribution_loads(tmp_path: Path) -> None:
    places = {b"log": os.fsencode(tmp_path / "redis.log"), b"dir": os.fsencode(tmp_path)}
    config = load(DEBIAN_CONF % places)
    assert config.bind() == ["127.0.0.1", "-::1"]
    assert config.get_bool("daemonize")
    assert config.get_str("pidfile") == "/run/redis/redis-server.pid"
    assert Path(config.get_str("dir")) == tmp_path.resolve()
    changed = {name for name, value in config.match([b"*"]) if value != Config().render(name.decode())}
    assert changed == {b"bind", b"daemonize", b"pidfile", b"logfile", b"dir"}
    assert (tmp_path / "redis.log").exists()


def test_installed_file_of_a_distribution_loads(tmp_path: Path) -> None:
    path = Path("/etc/redis/redis.conf")
    if not os.access(path, os.R_OK):
        pytest.skip("no /etc/redis/redis.conf")
    source = path.read_bytes() + b"\nlogfile ''\ndir " + os.fsencode(tmp_path)
    assert load(source).get_int("hash-max-listpack-entries") == 512


def test_lines() -> None:
    config = load(
        b"  # comment\r\n\r\n\t\n \v \n"
        + b"  PORT 1234  \r\n"
        + b"'maxmemory' \"1\\x6bb\"\n"
        + b'requirepass "a \\"b\\"\\n#"\n'
        + b"masterauth a#b"
    )
    assert config.get_int("port") == 1234
    assert config.get_int("maxmemory") == 1024
    assert config.get_bytes("requirepass") == b'a "b"\n#'
    assert config.get_bytes("masterauth") == b"a#b"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b"", [(3600, 1), (300, 100), (60, 10000)]),
        (b"save 900 1\nsave 300 10\n", [(900, 1), (300, 10)]),
        (b"save 900 1 300 10\n", [(900, 1), (300, 10)]),
        (b'save "900 1"\nsave "300   10"\n', [(900, 1), (300, 10)]),
        (b'save 900 1\nsave ""\nsave 5 5\n', [(5, 5)]),
        (b"save 900 1\nsave\n", [(900, 1)]),
        (b"save 900 1\nsave '  '\n", [(900, 1)]),
        (b"save 900 1\nsave \"'' \"\n", []),
        (b"save\n", []),
        (b'save ""\n', []),
        (b'save "\\"900 1"\n', []),
        (b"save '  '\nsave 6 6 7 7", [(6, 6), (7, 7)]),
    ],
)
def test_save_lines_add_up(
    start_oracle: Callable[..., Oracle], source: bytes, expected: list[tuple[int, int]]
) -> None:
    config = load(source)
    assert config.save_rules() == expected
    assert start_oracle(content=source).get(b"save") == {b"save": config.render("save")}


def test_save_lines_add_up_across_an_include(tmp_path: Path) -> None:
    (tmp_path / "more.conf").write_bytes(b"save 1 1\n")
    config = load(b"save 2 2\ninclude more.conf\nsave 3 3\n", tmp_path)
    assert config.save_rules() == [(2, 2), (1, 1), (3, 3)]


def test_accepted_files_mean_the_same(start_oracle: Callable[..., Oracle], tmp_path: Path) -> None:
    source = b"""\
bind ""
bind 127.0.0.1 -::1
client-output-buffer-limit "normal 1kb 2 3"
client-output-buffer-limit slave 1mb 1 99999999999 pubsub 1 2 3
client-output-buffer-limit
oom-score-adj-values "1  2 3"
shutdown-on-sigint "now  force"
shutdown-on-sigterm default save
latency-tracking-info-percentiles "1  2"
unixsocketperm 0755
unixsocketperm " 7"
unixsocketperm "+70"
replicaof no one
lua-replicate-commands yes
list-max-ziplist-entries 1
list-max-ziplist-value x
sentinel
hz 1000
databases 3
syslog-facility USER
maxmemory ""
HASH-MAX-ZIPLIST-VALUE 1kb
slave-serve-stale-data NO
include /no/such/*.conf
notify-keyspace-events Kg$
dbfilename ""
tls-ciphers a:b
cluster-announce-hostname -a.b
io-threads-do-reads yes
"""
    oracle = start_oracle(content=source)
    theirs = oracle.get(b"*")
    ours = dict(load(source, tmp_path).match(list(theirs)))
    for name in (b"port", b"dir"):
        del theirs[name], ours[name]
    assert ours == theirs


BAD_SOURCES = [
    b"foo bar",
    b"port 7000\n\n# c\n  foo   'b'  ar \t\r",
    b"port",
    b"port 1 2",
    b"port x",
    b'"port" 1\n "unbalanced',
    b'port "1"x',
    b'"#" x',
    b"save 60 x",
    b"save 60",
    b"save 0 1",
    b"save -1 1",
    b"oom-score-adj-values 1 2",
    b"oom-score-adj-values 1 2 2001",
    b"shutdown-on-sigint",
    b'shutdown-on-sigint ""',
    b"shutdown-on-sigint save nosave",
    b'shutdown-on-sigint "\\"now"',
    b"latency-tracking-info-percentiles x",
    b'latency-tracking-info-percentiles 1 "2 3"',
    b"latency-tracking-info-percentiles 101",
    b"replicaof a",
    b"replicaof a 70000",
    b"client-output-buffer-limit normal",
    b"client-output-buffer-limit foo 1 2 3",
    b"client-output-buffer-limit normal 1 2 x",
    b"notify-keyspace-events KEQ",
    b"notify-keyspace-events K E",
    b"bind 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
    b"foo.bar",
    b"foo.bar 1 2\nzz",
    b"sentinel\nsentinel x",
    b"user",
    b"loadmodule",
    b"loadmodule x\nzz",
    b"rename-command GET",
    b"include a b",
    b"include",
    b"list-max-ziplist-value 1 2",
    b"dir /no/such/directory",
    b"maxmemory 1 gb",
    b"maxmemory-policy lru",
    b"appendonly on",
    b"logfile /no/such/directory/log",
    b"cluster-enabled yes\nreplicaof a 1",
    b"cluster-announce-hostname a_b",
    b"proc-title-template {x}",
    b"activedefrag yes",
    b"port 1\nrequirepass \xff\xfe\xe2\x82\xac\nzz \xff\xe2\x82\xac",
]


@pytest.mark.parametrize("source", BAD_SOURCES)
def test_bad_file_is_reported_as_the_oracle_does(
    refusal: Callable[..., str], tmp_path: Path, source: bytes
) -> None:
    path = tmp_path / "redis.conf"
    path.write_bytes(source)
    with pytest.raises(ConfigError) as caught:
        load_arguments([str(path)], {})
    assert caught.value.format(ORACLE_VERSION) == refusal(str(path))


def test_include(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "b.conf").write_bytes(b"hz 20\ntimeout 2")
    (parts / "a.conf").write_bytes(b"hz 30\n")
    (parts / ".hidden.conf").write_bytes(b"hz 40\n")
    (tmp_path / "one.conf").write_bytes(b"port 1\ninclude parts/*.conf\nmaxclients 5\n")
    config = load(b"port 2\nInclude one.conf\ntimeout 3\ninclude none-[ab].conf", tmp_path)
    assert config.get_int("port") == 1
    assert config.get_int("hz") == 20
    assert config.get_int("timeout") == 3
    assert config.get_int("maxclients") == 5


def test_include_counts_its_own_lines(tmp_path: Path) -> None:
    (tmp_path / "one.conf").write_bytes(b"port 1\nbad line\n")
    error = failure(b"\n\n\ninclude one.conf\n", tmp_path)
    assert (error.line_number, error.line) == (2, "bad line")


def test_include_starts_in_dir(tmp_path: Path) -> None:
    inner = tmp_path / "a[b]"
    inner.mkdir()
    (inner / "x.conf").write_bytes(b"port 1\n")
    assert load(b"dir 'a[b]'\ninclude x.conf", tmp_path).get_int("port") == 1
    assert load(b"dir 'a[b]'\ninclude ?.conf", tmp_path).get_int("port") == 1


def test_missing_file_is_reported_in_one_line(tmp_path: Path) -> None:
    error = failure(b"port 1\ninclude no/such.conf", tmp_path)
    text = "Fatal error, can't open config file 'no/such.conf': No such file or directory\n"
    assert error.format("7.4.0") == text


def test_included_files_that_include_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "loop.conf").write_bytes(b"include loop.conf\n")
    error = failure(b"include loop.conf", tmp_path)
    assert error.message == "Included files include each other too deeply"
    assert INCLUDE_DEPTH_MAX > 10


def test_lines_for_the_server_are_kept_with_their_place() -> None:
    config = load(b"port 1\n\nrename-command GET ''\nUSER bob 'on' >x\nloadmodule m.so a\nm.x 1 2")
    assert [(line.line_number, line.name, line.args) for line in config.pending] == [
        (3, "rename-command", [b"GET", b""]),
        (4, "user", [b"bob", b"on", b">x"]),
        (5, "loadmodule", [b"m.so", b"a"]),
        (6, "m.x", [b"1", b"2"]),
    ]
    assert config.pending[0].error("No such command in rename-command").format("7.4.0") == (
        "\n*** FATAL CONFIG FILE ERROR (Redis 7.4.0) ***\n"
        "Reading the configuration file, at line 3\n"
        ">>> 'rename-command GET '''\n"
        "No such command in rename-command\n"
    )
