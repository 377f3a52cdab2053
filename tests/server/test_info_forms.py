"""INFO of a running server beside that of a real one: every field is there, in its order, and looks the same.

What the real server said is committed (`info-7.0.15.txt`), so that this needs no redis-server; where there is one, a
test makes sure that the file is still what it says. To write it anew:

    python -m tests.server.test_info_forms
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.server.network import eventually
from tests.support.process import ServerProcess
from tests.support.servers import PyredisServer, RedisServer, find_redis_server
from tests.support.wire import RawConnection, decode

RECORDING: Final = Path(__file__).parent / "info-7.0.15.txt"
OPTIONS: Final = ("--appendonly", "yes", "--save", "3600 1000")

Sections = dict[str, dict[str, str]]

FORMS: Final = (
    ("integer", r"-?\d+"),
    ("two decimals", r"-?\d+\.\d\d"),
    ("three decimals", r"-?\d+\.\d{3}"),
    ("six decimals", r"-?\d+\.\d{6}"),
    ("per cent", r"\d+\.\d\d%"),
    ("bytes for people", r"\d+B|\d+\.\d\d[KMGTP]"),
    ("40 hexadecimal digits", r"[0-9a-f]{40}"),
    ("16 hexadecimal digits", r"[0-9a-f]{15,16}"),
)

WORDS: Final = {
    "redis_mode": {"standalone", "sentinel", "cluster"},
    "process_supervised": {"no", "upstart", "systemd", "unknown"},
    "rdb_last_bgsave_status": {"ok", "err"},
    "aof_last_bgrewrite_status": {"ok", "err"},
    "aof_last_write_status": {"ok", "err"},
    "role": {"master", "slave"},
    "master_failover_state": {"no-failover", "waiting-for-sync", "failover-in-progress"},
    "maxmemory_policy": {
        "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu",
        "allkeys-random", "noeviction",
    },
}  # fmt: skip
"""Fields that say one of a few words."""

TEXTS: Final = {
    "redis_version": r"\d+\.\d+\.\d+",
    "os": r"\w+ \S+ \S+",
    "monotonic_clock": r".+",
    "multiplexing_api": r"epoll|kqueue|select|iocp",
    "atomicvar_api": r"[a-z0-9-]+",
    "gcc_version": r"\d+\.\d+\.\d+",
    "executable": r"/.+",
    "config_file": r"|/.+",
    "mem_allocator": r"[a-z0-9.-]+",
    "redis_git_sha1": r"[0-9a-f]{8}",
}
"""Fields that say something free, and how it may look."""


def form(name: str, value: str) -> object:
    """How a value looks; what lists keys and values has a form for each key."""
    if name in WORDS:
        return f"one of {sorted(WORDS[name])}" if value in WORDS[name] else f"the word {value}"
    if name in TEXTS:
        return TEXTS[name] if re.fullmatch(TEXTS[name], value) else f"the text {value}"
    if "=" in value:
        parts = [part.partition("=") for part in value.split(",")]
        return {key: form(f"{name}.{key}", inner) for key, _, inner in parts}
    for kind, pattern in FORMS:
        if re.fullmatch(pattern, value):
            return kind
    return f"text {value}"


def parsed(text: str) -> Sections:
    sections: Sections = {}
    for line in text.splitlines():
        if line.startswith("# "):
            fields = sections[line[2:]] = {}
        elif line:
            name, _, value = line.partition(":")
            fields[name] = value
    return sections


def info_after_use(server: ServerProcess) -> str:
    """INFO of a server that has seen some of everything."""
    with server.connect() as connection:
        for line in (
            "SET k v", "SET t v EX 1000", "GET k", "GET nosuch", "INCR k", "NOSUCH", "LPUSH list a", "CONFIG GET port",
            "EVAL return(1) 0", "SELECT 3", "SET k v", "BGSAVE",
        ):  # fmt: skip
            connection.command(*line.split())
        eventually(lambda: b"rdb_bgsave_in_progress:0" in ask(connection, "persistence"), "the snapshot")
        text = ask(connection, "everything").decode()
    return text


def ask(connection: RawConnection, section: str) -> bytes:
    reply = decode(connection.command("INFO", section))
    assert isinstance(reply, bytes)
    return reply


@pytest.fixture(scope="module")
def ours() -> Sections:
    with PyredisServer(*OPTIONS) as server:
        return parsed(info_after_use(server))


THEIRS: Final = parsed(RECORDING.read_text(encoding="utf-8")) if RECORDING.exists() else {}


def test_sections_come_in_the_same_order(ours: Sections) -> None:
    assert list(ours) == list(THEIRS)


@pytest.mark.parametrize("section", THEIRS)
def test_nothing_is_missing(ours: Sections, section: str) -> None:
    assert THEIRS[section].keys() - ours[section].keys() == set()


@pytest.mark.parametrize("section", [section for section in THEIRS if not section.endswith("stats")])
def test_fields_come_in_the_same_order(ours: Sections, section: str) -> None:
    common = [name for name in ours[section] if name in THEIRS[section]]
    assert common == list(THEIRS[section])


@pytest.mark.parametrize(
    ("section", "name"), [(section, name) for section, fields in THEIRS.items() for name in fields]
)
def test_values_look_the_same(ours: Sections, section: str, name: str) -> None:
    mine, real = form(name, ours[section][name]), form(name, THEIRS[section][name])
    if isinstance(mine, dict) and isinstance(real, dict):
        mine = {key: value for key, value in mine.items() if key in real}  # 7.4 tells more of a database
    assert mine == real
    assert "text" not in str(real).split(" ")[:1], f"{name} has no form: add it"


@pytest.mark.skipif(find_redis_server() is None, reason="no redis-server to compare with")
def test_the_recording_is_what_the_real_server_says() -> None:
    with RedisServer(*OPTIONS) as server:
        live = parsed(info_after_use(server))
    if live["Server"]["redis_version"] != THEIRS["Server"]["redis_version"]:
        pytest.skip("another version is installed")
    assert list(live) == list(THEIRS)
    for section, fields in live.items():
        if section in ("Commandstats", "Latencystats"):  # in the order of a hash table
            assert fields.keys() == THEIRS[section].keys()
        else:
            assert list(fields) == list(THEIRS[section])
    for section, fields in live.items():
        for name, value in fields.items():
            assert form(name, value) == form(name, THEIRS[section][name]), name


if __name__ == "__main__":
    with RedisServer(*OPTIONS) as oracle:
        lines = info_after_use(oracle).splitlines()
    RECORDING.write_text("\n".join(lines) + "\n", encoding="utf-8")
