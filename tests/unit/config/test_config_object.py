"""A `Config` in use: typed access, CONFIG GET, and CONFIG SET with its callbacks and its undoing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyredis.config import Config, ConfigSetError

if TYPE_CHECKING:
    from tests.unit.config.oracle import Oracle


def refused(config: Config, *words: bytes, is_local: bool = False, is_loading: bool = False) -> bytes:
    """The error text of a CONFIG SET that must fail."""
    pairs = list(zip(words[::2], words[1::2], strict=True))
    before = config.match([b"*"])
    with pytest.raises(ConfigSetError) as caught:
        config.set_many(pairs, is_local, is_loading)
    assert config.match([b"*"]) == before
    return caught.value.reply_text()


def test_typed_access() -> None:
    config = Config()
    assert config.get_int("port") == 6379
    assert config.get_int("lua-time-limit") == config.get_int("busy-reply-threshold") == 5000
    assert config.get_bool("appendonly") is False
    assert config.get_str("maxmemory-policy") == "noeviction"
    assert config.get_bytes("maxmemory-policy") == b"noeviction"
    assert config.get_str("dbfilename") == "dump.rdb"
    assert config.get_bytes("requirepass") == b""
    assert config.save_rules() == [(3600, 1), (300, 100), (60, 10000)]
    assert config.client_output_buffer_limits() == {
        "normal": (0, 0, 0),
        "replica": (256 << 20, 64 << 20, 60),
        "pubsub": (32 << 20, 8 << 20, 60),
    }
    assert config.bind() == ["*", "-::*"]
    assert config.replicaof() is None
    assert config.oom_score_adj_values() == [0, 200, 800]
    assert config.latency_percentiles() == [50.0, 99.0, 99.9]
    assert config.get_int("notify-keyspace-events") == 0


def test_values_of_one_server_are_its_own() -> None:
    one, other = Config(), Config()
    one.set_many([(b"maxmemory", b"1mb")])
    assert (one.get_int("maxmemory"), other.get_int("maxmemory")) == (1 << 20, 0)


def test_percent_of_memory_is_a_negative_number() -> None:
    config = Config()
    config.set_many([(b"maxmemory-clients", b"5%")])
    assert config.get_int("maxmemory-clients") == -5
    assert config.render("maxmemory-clients") == b"5%"


def test_file_names_that_are_not_utf8_survive() -> None:
    config = Config()
    config.set_many([(b"ignore-warnings", b"\xff/x")])
    assert os.fsencode(config.get_str("ignore-warnings")) == b"\xff/x"


def test_server_can_assign_what_clients_cannot() -> None:
    config = Config()
    config.assign("slaveof", (b"primary", 6380))
    assert config.replicaof() == ("primary", 6380)
    assert config.render("replicaof") == b"primary 6380"


def test_file_names_start_in_dir(tmp_path: Path) -> None:
    config = Config(str(tmp_path))
    assert Path(config.get_str("dir")) == tmp_path.resolve()
    assert Path(config.resolve_path("dump.rdb")) == tmp_path.resolve() / "dump.rdb"
    assert config.resolve_path("/else/where") == "/else/where"


def test_dir_is_entered_step_by_step_without_moving_the_process(tmp_path: Path) -> None:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    before = Path.cwd()
    config = Config(str(tmp_path))
    config.assign("enable-protected-configs", "yes")
    config.set_many([(b"dir", b"data")])
    config.set_many([(b"dir", b"deep")])
    assert Path(config.get_str("dir")) == (tmp_path / "data" / "deep").resolve()
    config.set_many([(b"dir", b"..")])
    assert config.render("dir") == os.fsencode((tmp_path / "data").resolve())
    assert Path.cwd() == before


def test_dir_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir()
    config = Config(str(tmp_path))
    config.assign("enable-protected-configs", "yes")
    # A real mode would not stop root, who runs the tests in containers.
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.X_OK)
    assert refused(config, b"dir", b"locked").endswith(b"- Permission denied")


# CONFIG GET.


@pytest.mark.parametrize(
    "patterns",
    [
        [b"maxmemory"],
        [b"MaxMemory"],
        [b"PORT", b"port", b"p[o]rt"],
        [b"*ziplist*"],
        [b"HASH-max-listpack-*"],
        [b"lua-time-limit", b"busy-reply-threshold", b"lua*"],
        [b"watchdog*", b"watchdog-period"],
        [b"max\\memory"],
        [b"max[m]emor?", b"maxmemory"],
        [b"slaveof", b"replicaof"],
        [b"no-such", b""],
        [b"h\0z", b"hz\0*"],
        [b"[", b"h[z"],
    ],
)
def test_get_answers_as_the_oracle(oracle: Oracle, patterns: list[bytes]) -> None:
    expected = oracle.get(*patterns)
    expected.update({name: b"6379" for name in expected if name.lower() == b"port"})
    newer = (b"max-new", b"set-max-listpack")
    ours = {name: value for name, value in Config().match(patterns) if not name.startswith(newer)}
    assert ours == expected


def test_get_keeps_the_order_of_patterns_and_table() -> None:
    names = [
        name for name, _ in Config().match([b"slave-priority", b"hz", b"replica-p*", b"*lazy-user*", b"hz"])
    ]
    assert names == [
        b"slave-priority",
        b"hz",
        b"replica-priority",
        b"lazyfree-lazy-user-del",
        b"lazyfree-lazy-user-flush",
    ]


# CONFIG SET.


def test_set_changes_all() -> None:
    config = Config()
    config.set_many([(b"MAXMEMORY", b"2mb"), (b"save", b"10 1 20 2"), (b"bind", b"")])
    assert config.get_int("maxmemory") == 2 << 20
    assert config.save_rules() == [(10, 1), (20, 2)]
    assert config.bind() == []


def test_set_of_one_client_class_keeps_the_others() -> None:
    config = Config()
    config.set_many([(b"client-output-buffer-limit", b"slave 1mb 1kb 5")])
    limits = config.client_output_buffer_limits()
    assert limits["replica"] == (1 << 20, 1024, 5)
    assert limits["pubsub"] == (32 << 20, 8 << 20, 60)


def test_value_that_is_new_since_the_oracle() -> None:
    config = Config()
    config.set_many([(b"loglevel", b"nothing"), (b"cluster-announce-human-nodename", b"node-1_a b")])
    assert refused(config, b"maxmemory-samples", b"65") == (
        b"ERR CONFIG SET failed (possibly related to argument 'maxmemory-samples')"
        b" - argument must be between 1 and 64 inclusive"
    )
    assert refused(config, b"cluster-announce-human-nodename", b"a{b").endswith(
        b" - Announced human node name contained invalid character"
    )
    assert refused(config, b"loglevel", b"all").endswith(
        b" - argument(s) must be one of the following: debug, verbose, notice, warning, nothing"
    )


@pytest.mark.parametrize(
    "words",
    [
        [b"foo", b"1"],
        [b"PORTX", b"1"],
        [b"hz\0a", b"1"],
        [b"maxmemory", b"10", b"foo", b"1"],
        [b"databases", b"3", b"foo", b"4"],
        [b"foo", b"4", b"databases", b"3"],
        [b"DataBases", b"3"],
        [b"dir", b"/tmp"],
        [b"DBfilename", b"x"],
        [b"maxmemory", b"1", b"MAXMEMORY", b"2"],
        [b"LUA-time-limit", b"1", b"lua-time-limit", b"2"],
        [b"hz", b"20", b"hz", b"x"],
        [b"hz", b"20", b"maxmemory", b"x"],
        [b"HZ", b"x", b"maxmemory", b"x"],
        [b"slave-priority", b"-1"],
        [b"maxmemory", b"1x", b"databases", b"1"],
    ],
)
def test_set_fails_as_the_oracle(oracle: Oracle, words: list[bytes]) -> None:
    assert refused(Config(), *words) == oracle.set(*words)


def test_set_shows_effects_as_the_oracle(oracle: Oracle) -> None:
    config = Config()
    for words in (
        [b"hz", b"1000"],
        [b"hz", b"0"],
        [b"hz", b"12"],
        [b"oom-score-adj-values", b"+1 -2 03"],
        [b"lua-time-limit", b"5", b"busy-reply-threshold", b"6"],
        [b"busy-reply-threshold", b"5", b"lua-time-limit", b"7"],
        [b"client-output-buffer-limit", b"replica 1k 2kb 3 PUBSUB 0 1 4294967297"],
        [b"client-output-buffer-limit", b""],
        [b"client-output-buffer-limit", b"pubsub  2 "],
        [b"save", b"1 4294967297 99999999999999999999 1"],
        [b"save", b"1 "],
        [b"save", b""],
        [b"shutdown-on-sigint", b"now nosave FORCE"],
        [b"shutdown-on-sigint", b"save default"],
        [b"shutdown-on-sigint", b"default"],
        [b"latency-tracking-info-percentiles", b"50 0.1234567 100.0 -0"],
        [b"latency-tracking-info-percentiles", b""],
        [b"masterauth", b"a\0b", b"masteruser", b"c\0d"],
        [b"proc-title-template", b"{config-file}"],
        [b"appendfsync", b"ALWAYS", b"slave-read-only", b"No"],
    ):
        assert oracle.set(*words) == b"OK"
        config.set_many(list(zip(words[::2], words[1::2], strict=True)))
        for name in words[::2]:
            assert dict(config.match([name])) == oracle.get(name), words


@pytest.mark.parametrize(
    "letters", ["", *"Ag$lshzxeKEtmdn", "KEA", "gxE", "mAn", "KEg$lszxetmnh", "nmdtexzhsl$KE"]
)
def test_event_classes_are_shown_as_the_oracle_shows_them(oracle: Oracle, letters: str) -> None:
    config = Config()
    name = b"notify-keyspace-events"
    config.set_many([(name, letters.encode())])
    assert oracle.set(name, letters.encode()) == b"OK"
    assert dict(config.match([name])) == oracle.get(name)


def test_title_may_not_be_empty() -> None:
    config = Config()
    bad = b"- template format is invalid or contains unknown variables"
    for template in (b"{unixsocket}", b"{server-mode}", b"{title", b" "):
        assert refused(config, b"proc-title-template", template).endswith(bad)
    config.assign("unixsocket", b"/tmp/s")
    config.assign("cluster-enabled", True)
    config.set_many([(b"proc-title-template", b"{unixsocket}")])
    config.set_many([(b"proc-title-template", b"{server-mode}")])


def test_protected_directives_open_up() -> None:
    config = Config()
    text = b"ERR CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected config"
    assert refused(config, b"dbfilename", b"x") == text
    assert refused(config, b"dbfilename", b"x", is_local=True) == text
    config.assign("enable-protected-configs", "local")
    assert refused(config, b"dbfilename", b"x") == text
    config.set_many([(b"dbfilename", b"x")], is_local=True)
    config.assign("enable-protected-configs", "yes")
    config.set_many([(b"dbfilename", b"y")])
    assert config.get_str("dbfilename") == "y"


def test_some_directives_wait_for_the_data_set() -> None:
    config = Config()
    loading = b"LOADING Redis is loading the dataset in memory"
    assert refused(config, b"repl-diskless-load", b"swapdb", is_loading=True) == loading
    assert refused(config, b"foo", b"1", b"repl-diskless-load", b"x", is_loading=True).startswith(
        b"ERR Unknown"
    )
    config.set_many([(b"maxmemory", b"1")], is_loading=True)


def test_sensitive_names() -> None:
    config = Config()
    assert config.is_sensitive(b"RequirePass")
    assert not config.is_sensitive(b"maxmemory")
    assert not config.is_sensitive(b"no-such")


class Recorder:
    """Callbacks that note what they saw, and one of which can refuse."""

    def __init__(self, config: Config) -> None:
        self.seen: list[tuple[str, int, int]] = []
        self.error: str | None = None
        config.on_change("maxmemory", self.first)
        config.on_change("hz", self.second)
        config.on_change("lua-time-limit", self.second)

    def first(self, config: Config) -> str | None:
        self.seen.append(("first", config.get_int("maxmemory"), config.get_int("hz")))
        return None

    def second(self, config: Config) -> str | None:
        self.seen.append(("second", config.get_int("maxmemory"), config.get_int("hz")))
        return self.error if config.get_int("hz") == 50 else None


def test_callbacks_run_once_after_all_is_set() -> None:
    config = Config()
    recorder = Recorder(config)
    config.set_many([(b"hz", b"20"), (b"maxmemory", b"7"), (b"busy-reply-threshold", b"9")])
    assert recorder.seen == [("second", 7, 20), ("first", 7, 20)]


def test_callbacks_do_not_run_for_what_stays() -> None:
    config = Config()
    recorder = Recorder(config)
    config.set_many([(b"hz", b"10"), (b"maxmemory", b"0"), (b"timeout", b"3")])
    assert recorder.seen == []


def test_callbacks_run_again_for_what_may_have_changed_outside() -> None:
    config = Config()
    calls: list[str] = []

    def note(_config: Config) -> str | None:
        calls.append("called")
        return None

    config.on_change("tls-cert-file", note)
    config.set_many([(b"tls-cert-file", b"")])
    config.on_change("bind", note)
    config.set_many([(b"bind", b"* -::*"), (b"tls-cert-file", b"")])
    assert calls == ["called", "called"]


def test_refusal_of_a_callback_undoes_everything() -> None:
    config = Config()
    recorder = Recorder(config)
    recorder.error = "Cannot tick that fast."
    text = refused(config, b"maxmemory", b"5", b"save", b"", b"HZ", b"50")
    assert text == b"ERR CONFIG SET failed (possibly related to argument 'hz') - Cannot tick that fast."
    assert recorder.seen == [("first", 5, 50), ("second", 5, 50), ("first", 0, 10), ("second", 0, 10)]
    recorder.error = ""
    assert refused(config, b"hz", b"50") == b"ERR CONFIG SET failed (possibly related to argument 'hz')"
