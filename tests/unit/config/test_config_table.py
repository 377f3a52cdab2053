"""Every row of the table: its default, its values as text, and what the real Redis makes of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis.config import Config, ConfigSetError
from pyredis.config.directives import (
    BOOLEAN,
    ENUM,
    HIDDEN,
    IMMUTABLE,
    MEMORY,
    MULTI_ARG,
    NUMBER,
    OCTAL,
    PROTECTED,
    SENSITIVE,
    TEXT,
    Directive,
)
from pyredis.config.errors import InvalidValue
from pyredis.config.rewrite import rewrite_text
from pyredis.config.table import DIRECTIVES, NAMES, find
from pyredis.config.values import LONG_MAX, LONG_MIN
from pyredis.protocol.inline import split_args

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.config.oracle import Oracle

NEWER_THAN_ORACLE = {
    b"locale-collate",
    b"hide-user-data-from-log",
    b"set-max-listpack-entries",
    b"set-max-listpack-value",
    b"cluster-announce-human-nodename",
    b"max-new-connections-per-cycle",
    b"max-new-tls-connections-per-cycle",
    # Names with hyphens since 7.4; the old ones are aliases.
    b"server-cpulist",
    b"bio-cpulist",
    b"aof-rewrite-cpulist",
    b"bgsave-cpulist",
}
OWN = {
    b"log-format",
    b"logfile-max-size",
    b"logfile-rotate-seconds",
    b"logfile-keep",
    b"metrics-port",
    b"metrics-bind",
}
HIDDEN_SINCE = {b"aof-disable-auto-gc"}
DEPEND_ON_THE_MACHINE = {b"port", b"dir"}
CHANGED_SINCE = {
    b"loglevel",  # has `nothing`
    b"maxmemory-samples",  # at most 64
}
TAKEN_BY_US_ALONE = {(b"maxmemory", b"5%")}
HIDDEN_IN_BOTH = [
    b"use-exit-on-panic",
    b"watchdog-period",
    b"rdb-key-save-delay",
    b"key-load-delay",
    b"loading-process-events-interval-bytes",
    b"lua-enable-deprecated-api",
]
# Of every kind something right, something wrong and something at an edge.
VALUES = [
    b"",
    b" ",
    b"0",
    b"-1",
    b"1",
    b"-0",
    b"01",
    b"+1",
    b" 1",
    b"64",
    b"100",
    b"65536",
    b"2147483648",
    b"-2147483649",
    b"4294967296",
    b"9223372036854775807",
    b"9223372036854775808",
    b"18446744073709551615",
    b"99999999999999999999",
    b"1kb",
    b"5%",
    b"101%",
    b"-5%",
    b"%",
    b"1.5",
    b"yes",
    b"NO",
    b"maybe",
    b"yes\0x",
    b"local",
    b"default",
    b"everysec",
    b"allkeys-lru",
    b"a/b",
    b"a_b",
    b"a.b-c",
    b"a b",
    b"KEA",
    b"save now",
    b"nosave  now",
    b"1 2",
    b"1 2 3",
    b"900 1 300 10",
    b"normal 1kb 2kb 3",
    b"normal 1 2 3 slave 1 1 1 ",
    b"master 1 2 3",
    b"50 99.9",
    b"50 101",
    b"0x10 1e1",
    b"{title}",
    b"{port} {{",
    b"{x}",
    b"a" * 256,
]


def test_names_are_unique_and_lower_case() -> None:
    names = [row.name for row in DIRECTIVES] + [row.alias for row in DIRECTIVES if row.alias is not None]
    assert len(set(names)) == len(names) == len(NAMES)
    assert all(name == name.lower() for name in names)
    assert all("slave" not in row.name and "ziplist" not in row.name for row in DIRECTIVES)


@pytest.mark.parametrize("row", [row for row in DIRECTIVES if row.name != "dir"], ids=lambda row: row.name)
def test_default_reads_back_as_shown(row: Directive) -> None:
    shown = row.render(row.default)
    args = (shown.split(b" ") if shown else [b""]) if row.has(MULTI_ARG) else [shown]
    if row.name == "replicaof":
        assert (row.default, shown) == (None, b"")
    else:
        assert row.parse(args, row.default) == row.default


@pytest.mark.parametrize("row", DIRECTIVES, ids=lambda row: row.name)
def test_number_of_arguments_is_checked(row: Directive) -> None:
    if not row.has(MULTI_ARG):
        for args in ([], [b"1", b"2"]):
            with pytest.raises(InvalidValue, match=r"^wrong number of arguments$"):
                row.parse(args, row.default)


def test_find_ignores_case_and_knows_aliases() -> None:
    assert find(b"MaxMemory") is NAMES["maxmemory"]
    assert find(b"slave-read-only") is NAMES["replica-read-only"]
    assert find(b"no-such") is None
    assert find(b"\xff") is None
    assert find(b"hz\0") is None


def test_passwords_are_sensitive() -> None:
    assert {row.name for row in DIRECTIVES if row.has(SENSITIVE)} == {
        "masterauth",
        "masteruser",
        "requirepass",
        "tls-key-file-pass",
        "tls-client-key-file-pass",
    }


def values_of(row: Directive) -> st.SearchStrategy[object]:
    """Any value that a directive without structure can hold."""
    if row.kind == BOOLEAN:
        return st.booleans()
    if row.kind == ENUM:
        names = [
            name for name, number in row.choices if name == next(n for n, v in row.choices if v == number)
        ]
        return st.sampled_from(names)
    if row.kind == TEXT:
        if row.check is not None or row.name == "proc-title-template":
            return st.text("abc123", min_size=1).map(str.encode)
        return st.binary() if row.name in ("requirepass", "masterauth") else st.binary().map(without_nul)
    low = max(row.minimum, LONG_MIN)
    high = min(row.maximum, LONG_MAX)
    if row.clamp is not None:
        low, high = row.clamp
    return st.integers(low, high)


def without_nul(value: bytes) -> bytes:
    return value.replace(b"\0", b"")


PLAIN = [row for row in DIRECTIVES if row.kind in (BOOLEAN, NUMBER, MEMORY, OCTAL, TEXT, ENUM)]


@given(st.data())
@settings(max_examples=300)
def test_value_reads_back_as_shown_and_as_written(data: st.DataObject) -> None:
    row = data.draw(st.sampled_from([row for row in PLAIN if row.name != "activedefrag"]))
    value = data.draw(values_of(row))
    assert row.parse([row.render(value)], row.default) == value
    written = split_args(row.file_text(value))
    assert written is not None
    assert row.parse(written, row.default) == value


numbers = st.integers(0, 1 << 40)
STRUCTURES: dict[str, st.SearchStrategy[object]] = {
    "save": st.lists(st.tuples(st.integers(1, 1 << 40), st.integers(0, 1 << 30))).map(tuple),
    "client-output-buffer-limit": st.tuples(
        *[st.tuples(numbers, numbers, st.integers(0, 1 << 30)) for _ in range(3)]
    ),
    "bind": st.lists(st.sampled_from([b"*", b"-::1", b"10.0.0.1", b"host"]), max_size=16).map(tuple),
    "oom-score-adj-values": st.tuples(*[st.integers(-2000, 2000) for _ in range(3)]),
    "replicaof": st.none() | st.tuples(st.just(b"primary"), st.integers(0, 65535)),
    "latency-tracking-info-percentiles": st.lists(
        st.integers(0, 100_000_000).map(lambda millionths: millionths / 1_000_000)
    ).map(tuple),
    "notify-keyspace-events": st.lists(st.sampled_from("Ag$lshzxeKEtmdn")).map(
        lambda letters: NAMES["notify-keyspace-events"].parse(["".join(letters).encode()], 0)
    ),
}


@pytest.mark.parametrize("name", STRUCTURES)
@given(data=st.data())
@settings(max_examples=50)
def test_structured_value_reads_back_from_a_rewritten_file(name: str, data: st.DataObject) -> None:
    value = data.draw(STRUCTURES[name])
    config = Config()
    config.assign(name, value)
    again = Config()
    lines = [line for line in rewrite_text(config, b"", None).split(b"\n") if line.startswith(name.encode())]
    row = NAMES[name]
    collected: object = row.default
    for position, line in enumerate(lines):
        words = split_args(line)
        assert words is not None
        parsed = row.parse(words[1:], collected if name.startswith("client") else again.get_value(name))
        if name == "save" and position:
            assert isinstance(collected, tuple)
            assert isinstance(parsed, tuple)
            parsed = collected + parsed
        collected = parsed
    assert collected == value


@pytest.mark.parametrize("alias", [row.alias for row in DIRECTIVES if row.alias])
def test_alias_reads_the_same_value(alias: str) -> None:
    config = Config()
    row = NAMES[alias]
    assert config.render(alias) == config.render(row.name)


def test_every_directive_of_the_oracle_has_its_default(oracle: Oracle) -> None:
    theirs = oracle.get(b"*")
    config = Config()
    ours = dict(config.match([b"*"]))
    assert theirs.keys() - ours.keys() == HIDDEN_SINCE
    assert ours.keys() - theirs.keys() == NEWER_THAN_ORACLE | OWN
    for name, value in theirs.items():
        if name not in DEPEND_ON_THE_MACHINE:
            assert config.match([name]) == [(name, value)]


def test_hidden_directives_of_the_oracle(oracle: Oracle) -> None:
    assert dict(Config().match(HIDDEN_IN_BOTH)) == oracle.get(*HIDDEN_IN_BOTH)
    hidden = {row.name.encode() for row in DIRECTIVES if row.has(HIDDEN)}
    assert hidden == {*HIDDEN_IN_BOTH, *HIDDEN_SINCE, b"cluster-ping-interval"}


def our_set(config: Config, *words: bytes) -> bytes:
    """CONFIG SET as the oracle answers it."""
    try:
        config.set_many(list(zip(words[::2], words[1::2], strict=True)))
    except ConfigSetError as error:
        return error.reply_text()
    return b"OK"


@pytest.mark.parametrize("value", VALUES)
def test_every_directive_takes_and_refuses_the_same_values(oracle: Oracle, value: bytes) -> None:
    # A second pair that always fails keeps accepted values from being applied: the errors name the culprit.
    names = [*oracle.get(b"*"), *HIDDEN_IN_BOTH]
    config = Config()
    for name in names:
        if name in CHANGED_SINCE or (name, value) in TAKEN_BY_US_ALONE:
            continue
        other = b"hz" if name != b"hz" else b"timeout"
        assert our_set(config, name, value, other, b"x") == oracle.set(name, value, other, b"x"), name


@given(
    st.lists(
        st.tuples(st.sampled_from([row.name.encode() for row in DIRECTIVES]), st.sampled_from(VALUES)),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=200, deadline=None)
def test_several_pairs_fail_alike(oracle: Oracle, pairs: list[tuple[bytes, bytes]]) -> None:
    known = oracle.get(b"*").keys() - CHANGED_SINCE
    pairs = [pair for pair in pairs if pair[0] in known and pair not in TAKEN_BY_US_ALONE]
    names = {name for name, _ in pairs}
    failing = next(
        name for name in (b"hz", b"timeout", b"lfu-log-factor", b"databases", b"x") if name not in names
    )
    words = [word for pair in pairs for word in pair] + [failing, b"x"]
    assert our_set(Config(), *words) == oracle.set(*words)


IMMUTABLE_LINES = [
    "daemonize maybe",
    "databases 0",
    "databases x",
    "databases 2147483648",
    "supervised never",
    "syslog-facility local9",
    "tcp-backlog -1",
    "cluster-port 65536",
    "io-threads 0",
    "io-threads 129",
    "io-threads-do-reads 1",
    "socket-mark-id -1",
    "socket-mark-id 4294967296",
    "unixsocketperm 9",
    "unixsocketperm 1000",
    "unixsocketperm -1",
    "unixsocketperm 99999999999999999999999",
    "unixsocketperm 777777777777777777777",
    "appendfilename a/b",
    'appendfilename ""',
    "appenddirname a\\b",
    "appenddirname ''",
    "dbfilename a/b",
    "enable-debug-command on",
    "enable-module-command on",
    "enable-protected-configs on",
    "rdbchecksum on",
    "replicaof a",
    "replicaof a b",
    "replicaof a -1",
    "replicaof a 65536",
    "slaveof a 1x",
    "dir /no/such/directory",
    "dir /dev/null",
    'dir ""',
    "dir a b",
]


@pytest.mark.parametrize("line", IMMUTABLE_LINES)
def test_values_that_only_a_file_can_set_are_refused_alike(refusal: Callable[..., str], line: str) -> None:
    words = split_args(line.encode())
    assert words is not None
    row = find(words[0])
    assert row is not None
    assert row.has(IMMUTABLE | PROTECTED)
    with pytest.raises(InvalidValue) as caught:
        row.parse(words[1:], os.fsencode(os.getcwd()) if row.name == "dir" else row.default)
    text = refusal("--" + line, "--zz")
    assert caught.value.message in text.split("\n"), text
