"""SAVE BGSAVE LASTSAVE and DEBUG RELOAD without a process around: files, replies, what INFO tells, and failures."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pyredis.engine.engine import Host
from tests.support.inprocess import InProcess
from tests.support.observed import Log

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.inprocess import Client

NOW = 1_700_000_000
OK = b"+OK\r\n"


class ChildHost(Host):
    """Plays the process that saves in the background."""

    def __init__(self) -> None:
        self.purpose = ""
        self.can_save = True
        self.saves = 0
        self.flushes = 0

    def save_in_background(self) -> bool:
        self.saves += 1
        return self.can_save

    def child_purpose(self) -> str:
        return self.purpose

    def flushed(self) -> None:
        self.flushes += 1


@pytest.fixture
def host() -> ChildHost:
    return ChildHost()


@pytest.fixture
def server(tmp_path: Path, host: ChildHost) -> InProcess:
    made = InProcess(host=host)
    made.config.assign("dir", os.fsencode(tmp_path))
    made.config.assign("enable-debug-command", "yes")
    return made


@pytest.fixture
def client(server: InProcess) -> Client:
    return server.client()


def info(client: Client) -> dict[str, str]:
    text = client.command("INFO", "persistence").decode()
    return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)


def test_save(server: InProcess, client: Client, tmp_path: Path) -> None:
    log = Log()
    server.engine.add_sink(log)
    assert client.command("LASTSAVE") == b":%d\r\n" % NOW
    client.command("SET", "k", "v")
    client.command("SET", "l", "v")
    assert info(client)["rdb_changes_since_last_save"] == "2"
    server.clock.advance(5000)
    log.commands.clear()
    assert client.command("SAVE") == OK
    assert log.commands == []
    assert [path.name for path in tmp_path.iterdir()] == ["dump.rdb"]
    assert client.command("LASTSAVE") == b":%d\r\n" % (NOW + 5)
    facts = info(client)
    assert facts["rdb_changes_since_last_save"] == "0"
    assert facts["rdb_last_save_time"] == str(NOW + 5)
    assert facts["rdb_saves"] == "1"


def test_a_save_that_fails(server: InProcess, client: Client, tmp_path: Path) -> None:
    client.command("SET", "k", "v")
    assert client.command("SAVE") == OK
    before = (tmp_path / "dump.rdb").read_bytes()
    server.config.assign("dbfilename", b"x" * 300)
    client.command("SET", "k", "w")
    assert client.command("SAVE") == b"-ERR\r\n"
    assert info(client)["rdb_changes_since_last_save"] == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["dump.rdb"]
    assert (tmp_path / "dump.rdb").read_bytes() == before
    server.config.assign("dir", b"/no/such/directory")
    assert client.command("SAVE") == b"-ERR\r\n"


def test_save_in_a_transaction_or_during_another(server: InProcess, client: Client) -> None:
    client.command("MULTI")
    assert client.command("SAVE") == b"-ERR Command not allowed inside a transaction\r\n"
    client.command("DISCARD")
    server.engine.saving.begin(NOW, 0)
    assert client.command("SAVE") == b"-ERR Background save already in progress\r\n"
    assert client.command("BGSAVE") == b"-ERR Background save already in progress\r\n"
    assert info(client)["rdb_bgsave_in_progress"] == "1"


def test_bgsave(server: InProcess, client: Client, host: ChildHost) -> None:
    assert client.command("BGSAVE") == b"+Background saving started\r\n"
    assert client.command("BGSAVE", "schedule") == b"+Background saving started\r\n"
    assert host.saves == 2
    assert client.command("BGSAVE", "WHAT") == b"-ERR syntax error\r\n"
    assert client.command("BGSAVE", "SCHEDULE", "SCHEDULE") == b"-ERR syntax error\r\n"
    host.purpose = "AOF rewrite"
    assert client.command("BGSAVE").startswith(b"-ERR Another child process is active (AOF?): can't BGSAVE")
    assert not server.engine.saving.is_scheduled
    assert client.command("BGSAVE", "SCHEDULE") == b"+Background saving scheduled\r\n"
    assert server.engine.saving.is_scheduled
    host.purpose = ""
    host.can_save = False
    assert client.command("BGSAVE") == b"-ERR\r\n"


def test_bgsave_in_a_transaction_waits(server: InProcess, client: Client, host: ChildHost) -> None:
    client.command("MULTI")
    client.command("BGSAVE")
    assert client.command("EXEC") == b"*1\r\n+Background saving scheduled\r\n"
    assert host.saves == 0
    assert server.engine.saving.is_scheduled


def test_writes_are_refused_after_a_failure(server: InProcess, client: Client) -> None:
    server.engine.saving.was_last_good = False
    server.engine.update_disk_gate()
    for argv in (("SET", "k", "v"), ("PING",)):
        assert client.command(*argv).startswith(b"-MISCONF Redis is configured to save RDB snapshots, but ")
    assert client.command("GET", "k") == b"$-1\r\n"
    assert info(client)["rdb_last_bgsave_status"] == "err"
    client.command("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
    assert client.command("SET", "k", "v") == OK
    client.command("CONFIG", "SET", "stop-writes-on-bgsave-error", "yes")
    assert client.command("SET", "k", "v").startswith(b"-MISCONF")
    client.command("CONFIG", "SET", "save", "")
    assert client.command("SET", "k", "v") == OK
    client.command("CONFIG", "SET", "save", "10 1")
    assert client.command("SET", "k", "v").startswith(b"-MISCONF")
    assert client.command("SAVE") == OK
    assert client.command("SET", "k", "v") == OK


def test_flushall_tells_the_host(client: Client, host: ChildHost) -> None:
    client.command("FLUSHDB")
    assert host.flushes == 0
    client.command("FLUSHALL")
    assert host.flushes == 1


def test_reload(server: InProcess, client: Client) -> None:
    client.command("RPUSH", "l", "a", "b")
    client.command("SET", "k", "v", "PXAT", NOW * 1000 + 5000)
    client.command("SELECT", 2)
    client.command("SET", "k", "w")
    digest = client.command("DEBUG", "DIGEST")
    assert client.command("DEBUG", "RELOAD") == OK
    assert client.command("DEBUG", "DIGEST") == digest
    assert info(client)["rdb_last_load_keys_loaded"] == "3"
    assert info(client)["rdb_changes_since_last_save"] == "0"
    client.command("SET", "k", "changed")
    client.command("SET", "other", "v")
    server.clock.advance(6000)
    assert client.command("DEBUG", "RELOAD", "NOSAVE") == OK
    assert client.command("MGET", "k", "other") == b"*2\r\n$1\r\nw\r\n$-1\r\n"
    assert info(client)["rdb_last_load_keys_expired"] == "1"
    client.command("SET", "k", "changed")
    client.command("SET", "other", "v")
    assert client.command("DEBUG", "RELOAD", "NOSAVE", "NOFLUSH", "MERGE") == OK
    assert client.command("MGET", "k", "other") == b"*2\r\n$1\r\nw\r\n$1\r\nv\r\n"
    failed = b"-ERR Error trying to load the RDB dump, check server logs.\r\n"
    assert client.command("DEBUG", "RELOAD", "NOSAVE", "NOFLUSH") == failed
    wrong = b"-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.\r\n"
    assert client.command("DEBUG", "RELOAD", "NOW") == wrong


def test_reload_of_functions(client: Client) -> None:
    library = "#!lua name=%s\nredis.register_function('%s', function() return '%s' end)"
    client.command("SET", "k", "v")
    assert client.command("FUNCTION", "LOAD", library % ("lib", "get", "old")) == b"$3\r\nlib\r\n"
    assert client.command("DEBUG", "RELOAD") == OK
    assert client.command("FCALL", "get", 0) == b"$3\r\nold\r\n"
    client.command("FUNCTION", "LOAD", library % ("later", "other", "x"))
    assert client.command("DEBUG", "RELOAD", "NOSAVE") == OK
    assert client.command("FCALL", "other", 0) == b"-ERR Function not found\r\n"
    client.command("FUNCTION", "LOAD", "REPLACE", library % ("lib", "get", "new"))
    client.command("FUNCTION", "LOAD", library % ("later", "other", "x"))
    failed = b"-ERR Error trying to load the RDB dump, check server logs.\r\n"
    assert client.command("DEBUG", "RELOAD", "NOSAVE", "NOFLUSH") == failed
    assert client.command("FCALL", "get", 0) == b"$3\r\nnew\r\n"
    assert client.command("DEBUG", "RELOAD", "NOSAVE", "NOFLUSH", "MERGE") == OK
    assert client.command("FCALL", "get", 0) == b"$3\r\nold\r\n"
    assert client.command("FCALL", "other", 0) == b"$1\r\nx\r\n"


def test_reload_of_a_file_that_is_damaged_or_missing(client: Client, tmp_path: Path) -> None:
    failed = b"-ERR Error trying to load the RDB dump, check server logs.\r\n"
    assert client.command("DEBUG", "RELOAD", "NOSAVE") == failed
    client.command("SET", "k", "v")
    client.command("SAVE")
    path = tmp_path / "dump.rdb"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert client.command("DEBUG", "RELOAD", "NOSAVE") == failed
