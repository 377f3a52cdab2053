"""CONFIG REWRITE: the lines that the real Redis writes, the meaning kept, the file never half written."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis.config import Config, ConfigRewriteError, load_arguments, rewrite_file
from pyredis.config.rewrite import SIGNATURE, rewrite_text

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.config.oracle import Oracle


def split_generated(text: bytes) -> tuple[list[bytes], list[bytes]]:
    """The lines up to the signature, and those below sorted: Redis appends in the order of a hash table."""
    lines = text.split(b"\n")
    if SIGNATURE not in lines:
        return lines, []
    end = lines.index(SIGNATURE) + 1
    return lines[:end], sorted(line for line in lines[end:] if line)


def assert_rewrites_alike(oracle: Oracle, config: Config, source: bytes) -> None:
    for name in (b"dir", b"port"):
        config.assign(
            name.decode(), oracle.get(name)[name] if name == b"dir" else int(oracle.get(name)[name])
        )
    oracle.file.write_bytes(source)
    assert oracle.rewrite() == b"OK"
    theirs = oracle.file.read_bytes()
    ours = rewrite_text(config, source, oracle.users())
    if source.count(SIGNATURE) == 0:
        assert split_generated(ours) == split_generated(theirs)
    else:
        # Appended lines have no border of their own; their order is all that may differ.
        assert sorted(ours.split(b"\n")) == sorted(theirs.split(b"\n"))


SETTINGS: list[tuple[bytes, list[bytes]]] = [
    (b"save", [b"", b"1 1", b"900 1 300 10 60 10000", b"3600 1 300 100 60 10000"]),
    (b"timeout", [b"0", b"7"]),
    (b"hz", [b"10", b"20"]),
    (b"maxmemory", [b"0", b"1000", b"1kb", b"3mb", b"5gb"]),
    (b"maxmemory-clients", [b"0", b"5%", b"1mb"]),
    (b"maxmemory-policy", [b"noeviction", b"allkeys-lru"]),
    (b"list-max-listpack-size", [b"-2", b"-1"]),
    (b"lua-time-limit", [b"5000", b"7"]),
    (b"slave-read-only", [b"yes", b"no"]),
    (b"masterauth", [b"", b"plain", b"\xff\0 'q\"\\\n"]),
    (b"ignore-warnings", [b"", b"a b"]),
    (b"notify-keyspace-events", [b"", b"KE", b"KEA", b"g$n"]),
    (b"latency-tracking-info-percentiles", [b"", b"50", b"50 99 99.9"]),
    (b"client-output-buffer-limit", [b"normal 0 0 0", b"normal 1kb 1001 1", b"slave 5gb 1mb 7 pubsub 1 2 3"]),
    (b"client-output-buffer-limit", [b"slave 256mb 64mb 60 pubsub 32mb 8mb 60"]),
    (b"oom-score-adj-values", [b"0 200 800", b"1 2 3"]),
    (b"shutdown-on-sigterm", [b"default", b"nosave now"]),
    (b"oom-score-adj", [b"no"]),
    (b"proto-max-bulk-len", [b"512mb", b"10mb"]),
]
LINES = [
    b"",
    b"  ",
    b"# comment",
    b"   # indented",
    b"save 900 1",
    b"save 300 10",
    b'SAVE ""',
    b"save 1 1 2 2",
    b"timeout 0",
    b"timeout 9  ",
    b"\ttimeout 1",
    b"'HZ' 10",
    b"maxmemory 5mb",
    b"maxmemory-clients 1%",
    b"maxmemory-policy noeviction",
    b"list-max-ziplist-size -5",
    b"list-max-listpack-size -5",
    b"lua-time-limit 1",
    b"busy-reply-threshold 1",
    b"slave-read-only yes",
    b"replica-read-only no",
    b"slaveof 1.2.3.4 1",
    b"replicaof 1.2.3.4 1",
    b"masterauth x",
    b"ignore-warnings ''",
    b"notify-keyspace-events ''",
    b"latency-tracking-info-percentiles 1",
    b"client-output-buffer-limit pubsub 1 1 1",
    b"client-output-buffer-limit normal 0 0 0",
    b"oom-score-adj-values 9 9 9",
    b"shutdown-on-sigterm save",
    b"port 1",
    b"bind 9.9.9.9",
    b"dir /somewhere",
    b"include other.conf",
    b"rename-command GET FETCH",
    b"user bob on >x",
    b"user default on nopass",
    b"loadmodule x.so",
    b"sentinel monitor",
    b"lua-replicate-commands yes",
    b"no-such-directive 1",
    b"m.x 1",
    b'"unbalanced',
    b"maxmemory",
    b"unixsocketperm 0700",
    b"tls-port 0",
    b"pidfile ''",
    b"logfile ''",
    b"# ??? x",
    SIGNATURE,
]


@given(
    st.lists(st.sampled_from(LINES), max_size=12),
    st.lists(
        st.sampled_from(SETTINGS).flatmap(lambda s: st.tuples(st.just(s[0]), st.sampled_from(s[1]))),
        max_size=5,
    ),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_any_file_is_rewritten_as_the_oracle_does(
    oracle: Oracle, lines: list[bytes], changed: list[tuple[bytes, bytes]], end: bytes, ends_open: bool
) -> None:
    config = Config()
    for name, values in SETTINGS:
        assert oracle.set(name, values[0]) == b"OK"
        config.set_many([(name, values[0])])
    for name, value in changed:
        assert oracle.set(name, value) == b"OK"
        config.set_many([(name, value)])
    if any(name == b"notify-keyspace-events" and b"A" in value for name, value in changed):
        assert config.render("notify-keyspace-events") == oracle.get(b"notify-keyspace-events").popitem()[1]
    source = end.join(lines) + (b"" if ends_open else end)
    assert_rewrites_alike(oracle, config, source)


REWRITTEN = b"""\
# my server

port 7000
include parts.conf
maxmemory 100mb

save ""

replica-read-only no
# ??? no-such-directive 1
rename-command GET FETCH
user bob on nopass

# Generated by CONFIG REWRITE
timeout 5
dir "%(dir)s"
latency-tracking-info-percentiles 50 99 99.9
"""


def test_file_keeps_its_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts.conf").write_bytes(b"tcp-backlog 511\n")
    path = tmp_path / "redis.conf"
    path.write_bytes(
        b"# my server\n\n\nport 7000\ninclude parts.conf\nmaxmemory 1gb\nmaxmemory 2gb\nsave 1 1\nsave 2 2\n"
        b"slave-read-only no\nrename-command GET FETCH\nuser bob on nopass\n"
    )
    config = load_arguments([str(path), "--dir", str(tmp_path)], {})
    config.set_many([(b"maxmemory", b"100mb"), (b"save", b""), (b"timeout", b"5")])
    path.write_bytes(path.read_bytes().replace(b"rename", b"no-such-directive 1\nrename"))
    rewrite_file(config)
    assert path.read_bytes() == REWRITTEN % {b"dir": os.fsencode(config.get_str("dir"))}


def test_rewritten_file_means_the_same(tmp_path: Path) -> None:
    path = tmp_path / "redis.conf"
    path.write_bytes(b"")
    config = load_arguments([str(path), "--dir", str(tmp_path)], {})
    for name, values in SETTINGS:
        config.set_many([(name, values[-1])])
    config.set_many([(b"bind", b"1.1.1.1 -::1"), (b"notify-keyspace-events", b"An")])
    config.assign("replicaof", (b"primary", 7000))
    rewrite_file(config)
    again = load_arguments([str(path)], {})
    assert again.match([b"*"]) == config.match([b"*"])
    assert again.get_value("notify-keyspace-events") == config.get_value("notify-keyspace-events")
    once = path.read_bytes()
    rewrite_file(again)
    assert sorted(path.read_bytes().split()) == sorted(once.split())


def test_bind_to_nothing_is_kept() -> None:
    config = Config()
    config.set_many([(b"bind", b"")])
    assert b'\nbind ""\n' in rewrite_text(config, b"", None)
    assert b"bind" not in rewrite_text(Config(), b"bind 1.1.1.1\n", None)


def test_replicaof_has_no_place_in_a_cluster() -> None:
    config = Config()
    config.assign("replicaof", (b"primary", 7000))
    assert b"replicaof primary 7000\n" in rewrite_text(config, b"", None)
    config.assign("cluster-enabled", True)
    assert b"replicaof" not in rewrite_text(config, b"slaveof x 1\n", None)


def test_users_live_in_one_place() -> None:
    users = [b"user default on nopass", b"user eve off"]
    source = b"user bob on\n"
    config = Config()
    assert rewrite_text(config, source, None).startswith(b"user bob on\n")
    with_users = rewrite_text(config, source, users)
    assert with_users.startswith(b"user default on nopass\n")
    assert with_users.endswith(b"user eve off\n")
    config.assign("aclfile", b"users.acl")
    assert b"user " not in rewrite_text(config, source, users)


def test_server_without_a_file_cannot_rewrite() -> None:
    with pytest.raises(ConfigRewriteError, match=r"^The server is running without a config file$"):
        rewrite_file(Config())


def test_toml_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"port = 1\n")
    config = load_arguments([str(path)], {})
    with pytest.raises(
        ConfigRewriteError, match=r"^Rewriting config file: only files in the format of redis.conf"
    ):
        rewrite_file(config)
    assert path.read_bytes() == b"port = 1\n"


def loaded(tmp_path: Path, source: bytes = b"port 7000\n") -> Config:
    path = tmp_path / "redis.conf"
    path.write_bytes(source)
    return load_arguments([str(path)], {})


def test_file_that_vanished_is_made_anew(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    path = tmp_path / "redis.conf"
    path.unlink()
    before = os.umask(0o077)
    try:
        rewrite_file(config)
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    assert path.read_bytes().startswith(SIGNATURE + b"\nport 7000\n")
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="modes are of POSIX")
def test_mode_stays(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    path = tmp_path / "redis.conf"
    path.chmod(0o640)
    rewrite_file(config)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_directory_in_place_of_the_file(tmp_path: Path, oracle: Oracle) -> None:
    config = loaded(tmp_path)
    (tmp_path / "redis.conf").unlink()
    (tmp_path / "redis.conf").mkdir()
    oracle.file.unlink(missing_ok=True)
    oracle.file.mkdir()
    with pytest.raises(ConfigRewriteError) as caught:
        rewrite_file(config)
    try:
        assert oracle.rewrite() == b"ERR " + caught.value.message.encode()
    finally:
        oracle.file.rmdir()


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
def test_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    config = loaded(tmp_path)
    calls: list[str] = []

    def fail(*_args: object) -> None:
        calls.append(step)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(ConfigRewriteError, match=r"^Rewriting config file: No space left on device$"):
        rewrite_file(config)
    monkeypatch.undo()
    assert calls == [step]
    assert (tmp_path / "redis.conf").read_bytes() == b"port 7000\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["redis.conf"]


@pytest.mark.skipif(os.name == "nt", reason="directories cannot be synced there")
def test_content_is_synced_before_the_rename_and_the_directory_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = loaded(tmp_path)
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(descriptor: int) -> None:
        steps.append("sync directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        fsync(descriptor)

    def note_replace(source: str, target: str) -> None:
        steps.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    rewrite_file(config)
    assert steps == ["sync file", "replace", "sync directory"]
