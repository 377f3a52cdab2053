"""The log: formats, files that move, rotation, the system's log, and what must never be in it."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyredis.config import Config, load_arguments
from pyredis.server import log as log_module
from pyredis.server.log import configure_log, log, process
from pyredis.server.log_file import LogFile
from tests.server.network import eventually, run_to_exit
from tests.support.servers import PyredisServer
from tests.support.wire import WireError, encode


@pytest.fixture(name="own_log")
def _own_log() -> Iterator[None]:
    """Puts the log of this process back as it was."""
    before = (list(log.handlers), log.level, log.propagate, logging.raiseExceptions)
    yield
    for handler in list(log.handlers):
        log.removeHandler(handler)
        if handler not in before[0]:
            handler.close()
            if isinstance(handler, logging.StreamHandler) and isinstance(handler.stream, LogFile):
                handler.stream.close()
    for handler in before[0]:
        log.addHandler(handler)
    log.level, log.propagate, logging.raiseExceptions = before[1:]
    process.letter = "M"


def configured(tmp_path: Path, *words: str) -> Config:
    config = load_arguments(["--dir", str(tmp_path), "--logfile", "redis.log", *words], {})
    configure_log(config)
    return config


@pytest.mark.usefixtures("own_log")
def test_json(tmp_path: Path) -> None:
    config = configured(tmp_path, "--log-format", "json", "--loglevel", "debug")
    process.letter = "S"
    try:
        raise ValueError("a\nb")
    except ValueError:
        log.exception("failed %s", "so\nthat \udcff\x00 é")
    for level in (10, 15, 20, 30):
        log.log(level, "x")
    records = [json.loads(line) for line in (tmp_path / "redis.log").read_text().splitlines()]
    assert [record["level"] for record in records] == ["error", "debug", "verbose", "notice", "warning"]
    assert records[0]["msg"] == "failed so\nthat \udcff\x00 é"
    assert records[0]["error"].endswith("ValueError: a\nb")
    assert (records[0]["pid"], records[0]["role"]) == (os.getpid(), "replica")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", records[0]["ts"])
    assert list(records[1]) == ["ts", "level", "pid", "role", "msg"]
    config.assign("log-format", "text")
    log_module.follow_config(config)
    log.info("plain")
    assert (tmp_path / "redis.log").read_text().splitlines()[-1].endswith(" * plain")


def everything(directory: Path) -> list[str]:
    """The lines of all files of a log, oldest first."""
    files = sorted(
        directory.glob("redis.log*"), key=lambda path: int(path.suffix[1:]) if path.suffix != ".log" else 0
    )
    return [line for path in reversed(files) for line in path.read_text().splitlines()]


@pytest.mark.usefixtures("own_log")
def test_rotation_by_size_loses_nothing(tmp_path: Path) -> None:
    configured(tmp_path, "--logfile-max-size", "2000", "--logfile-keep", "500")

    def talk(name: str) -> None:
        for number in range(300):
            log.info("%s %d", name, number)

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [line.split(" * ")[1] for line in everything(tmp_path)]
    for name in "abc":
        assert [line for line in lines if line[0] == name] == [f"{name} {number}" for number in range(300)]
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) > 10
    assert max(sizes) <= 2000


@pytest.mark.usefixtures("own_log")
def test_only_so_many_files_are_kept(tmp_path: Path) -> None:
    configured(tmp_path, "--logfile-max-size", "1", "--logfile-keep", "3")
    for number in range(10):
        log.info("line %d", number)
    assert [line[-1] for line in everything(tmp_path)] == ["6", "7", "8", "9"]


@pytest.mark.usefixtures("own_log")
def test_rotation_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000_000.0]
    monkeypatch.setattr("pyredis.server.log_file.time.time", lambda: now[0])
    day = 86_400
    midnight = day - (int(now[0]) + log_module.time.localtime(now[0]).tm_gmtoff) % day
    configured(tmp_path, "--logfile-rotate-seconds", str(day))
    log.info("today")
    now[0] += midnight - 1
    log.info("still today")
    now[0] += 1
    log.info("tomorrow")
    assert "still today" in (tmp_path / "redis.log.1").read_text()
    # A server started later finds that the last line is of an earlier day.
    os.utime(tmp_path / "redis.log", (now[0], now[0]))
    now[0] += day
    configured(tmp_path, "--logfile-rotate-seconds", str(day))
    log.info("the day after")
    assert [path.read_text().split(" * ")[1] for path in (tmp_path / "redis.log.1", tmp_path / "redis.log")] == [
        "tomorrow\n", "the day after\n",
    ]  # fmt: skip


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.usefixtures("own_log")
def test_what_cannot_be_rotated_grows(tmp_path: Path) -> None:
    configured(tmp_path, "--logfile-max-size", "100")
    tmp_path.chmod(0o500)
    for number in range(10):
        log.info("line %d", number)
    tmp_path.chmod(0o700)
    assert len(everything(tmp_path)) == 10


@pytest.mark.usefixtures("own_log")
def test_a_file_that_is_a_directory_now_leaves_the_old_one(tmp_path: Path) -> None:
    configured(tmp_path)
    log.info("one")
    (tmp_path / "redis.log").rename(tmp_path / "moved")
    (tmp_path / "redis.log").mkdir()
    log.info("two")
    assert len((tmp_path / "moved").read_text().splitlines()) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_log_that_moves_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "redis.log"
    with (
        PyredisServer("--logfile", str(path), "--enable-debug-command", "yes") as server,
        server.connect() as client,
    ):
        path.rename(tmp_path / "old")
        os.kill(server.pid, signal.SIGHUP)
        eventually(lambda: path.exists() and "SIGHUP" in path.read_text(), "SIGHUP opens it anew")
        path.unlink()
        assert client.command("DEBUG", "LOG", "later") == b"+OK\r\n"
        assert "DEBUG LOG: later" in path.read_text()
        assert client.command("CONFIG", "SET", "log-format", "json") == b"+OK\r\n"
        assert client.command("SET", "a", "b") == b"+OK\r\n"
        assert client.command("BGSAVE").startswith(b"+Background")
        eventually(lambda: "terminated with success" in path.read_text(), "it saves")
        saved = next(line for line in path.read_text().splitlines() if "DB saved" in line)
        assert json.loads(saved)["role"] == "child"
        assert json.loads(saved)["pid"] != server.pid
        refused = client.command("CONFIG", "SET", "logfile", "x")
        assert refused.endswith(b"can't set immutable config\r\n")


@pytest.mark.skipif(sys.platform == "win32", reason="unix sockets")
@pytest.mark.usefixtures("own_log")
def test_syslog(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(f"{short}/log")
        daemon.settimeout(5)
        before = log_module.SYSLOG_SOCKETS[:]
        log_module.SYSLOG_SOCKETS[:] = ["/nowhere/log", f"{short}/log"]
        words = ("--syslog-enabled", "yes", "--syslog-ident", "my%d", "--syslog-facility", "local3")
        configured(tmp_path, *words, "--loglevel", "debug")
        log_module.SYSLOG_SOCKETS[:] = before
        got: list[bytes] = []
        for level in (10, 15, 20, 30, 40):
            log.log(level, "text %d", level)
            got.append(daemon.recv(1000))
        head = b"my%%d[%d]: text " % os.getpid()
        # Facility 19 * 8 and debug, info, notice, warning, warning.
        assert got == [b"<%d>%b%d" % (19 * 8 + code, head, level) for code, level in
                       ((7, 10), (6, 15), (5, 20), (4, 30), (4, 40))]  # fmt: skip
        assert len((tmp_path / "redis.log").read_text().splitlines()) == 5


SECRETS = ("secret1-a", "secret2-b", "secret3-c", "secret4-d", "secret5-e", "secret6-f")


def provoke(server: PyredisServer) -> None:
    """Has a server say whatever it has to say about requests with passwords."""
    with server.connect() as client:
        client.command("AUTH", "secret6-f")
        client.command("AUTH", "worker", "secret6-f")
        assert client.command("AUTH", "secret1-a") == b"+OK\r\n"
        requests: list[tuple[str, ...]] = [
            ("CONFIG", "SET", "slowlog-log-slower-than", "0"),
            ("CONFIG", "SET", "latency-monitor-threshold", "1"),
            ("HELLO", "3", "AUTH", "default", "secret6-f"),
            ("CONFIG", "SET", "requirepass", "secret1-a", "port", "nonsense", "masterauth", "secret2-b"),
            ("CONFIG", "SET", "masterauth", "secret2-b"),
            ("ACL", "SETUSER", "worker", ">secret3-c", "<secret6-f"),
            ("ACL", "SETUSER", "other", "on", ">secret4-d", "nonsense"),
            ("EVAL", "redis.log(3, 'said') return redis.call('AUTH', ARGV[1])", "0", "as Redis, shown"),
            ("MIGRATE", "127.0.0.1", "1", "k", "0", "10", "AUTH2", "u", "secret5-e"),
            ("ACL", "SAVE"),
            ("CONFIG", "REWRITE"),
            ("SLOWLOG", "GET", "128"),
        ]
        for words in requests:
            reply = client.command(*words)
            if words[0] == "SLOWLOG":
                assert not [secret for secret in SECRETS if secret.encode() in reply]
        with server.connect() as other:
            other.send(b'AUTH "secret1-a\r\n')
            other.read_until_close()
        with server.connect() as other:
            other.send(b"POST / HTTP/1.1\r\nAuthorization: secret1-a\r\n\r\n")
            other.read_until_close()
        with server.connect() as other:
            other.send(encode("AUTH", "secret1-a") + b"*2\r\n$4\r\nAUTH\r\n$-5\r\nsecret1-a\r\n")
            other.read_until_close()
        with pytest.raises((ConnectionError, WireError)):
            client.command("DEBUG", "PANIC")
    server.wait()
    server.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_password_is_ever_logged(tmp_path: Path, form: str) -> None:
    conf = tmp_path / "redis.conf"
    conf.write_text(
        "requirepass secret1-a\nmasterauth secret2-b\nuser worker on >secret3-c +@all ~*\n"
        f"user off-one >secret4-d\ntls-key-file-pass secret5-e\nlog-format {form}\nloglevel debug\n"
        f"enable-debug-command yes\nlogfile {tmp_path}/redis.log\n"
    )
    server = PyredisServer()
    server.command.insert(server.command.index("--port"), str(conf))
    with server:
        provoke(server)
        text = (tmp_path / "redis.log").read_text() + server.log()
        assert "BUG REPORT" in text
        assert "off-one" in text
        assert [secret for secret in SECRETS if secret in text] == []


@pytest.mark.parametrize(
    "line", ["user a on >secret1-a nonsense", "user a on <secret1-a", "user a #secret1-a"]
)
def test_no_password_of_an_acl_file_is_logged(tmp_path: Path, line: str) -> None:
    (tmp_path / "users.acl").write_text(line + "\n")
    ended = run_to_exit(
        "--aclfile", str(tmp_path / "users.acl"), "--port", "0", "--unixsocket", str(tmp_path / "s")
    )
    assert ended.code == 1
    assert "Aborting Redis startup because of ACL errors" in ended.stdout
    assert "secret1-a" not in ended.stdout + ended.stderr


def test_a_log_that_cannot_be_opened(tmp_path: Path) -> None:
    ended = run_to_exit("--logfile", str(tmp_path / "missing" / "log"))
    assert ended.code == 1
    assert "Can't open the log file: No such file or directory" in ended.stderr
