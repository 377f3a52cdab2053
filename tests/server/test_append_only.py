"""The append only file of a running server: kills, restarts, the real server on the same files, and a full disk."""

from __future__ import annotations

import os
import resource
import shutil
import sys
from pathlib import Path

import pytest

from tests.server.network import PATIENCE, eventually, info, run_to_exit
from tests.support.servers import PyredisServer, RedisServer, find_redis_server
from tests.support.wire import RawConnection, WireError, decode

LOGGED = ("--appendonly", "yes", "--save", "", "--enable-debug-command", "yes")
OK = b"+OK\r\n"

needs_redis = pytest.mark.skipif(find_redis_server() is None, reason="no redis-server to compare with")


def fill(connection: RawConnection) -> None:
    """Keys of every type, some with deadlines, in two databases."""
    for line in (
        "SET string value", "SET counter 10", "INCR counter", "APPEND string more", "SET soon v EX 1000",
        "RPUSH list a b c", "LPOP list", "HSET hash f1 v1 f2 v2", "SADD set 1 2 3", "SADD names x y z",
        "ZADD zset 1 a 2.5 b", "XADD stream 1-1 f v", "XGROUP CREATE stream group 0",
        "XREADGROUP GROUP group me COUNT 1 STREAMS stream >", "SETBIT bits 100 1", "PFADD hll a b c",
        "GEOADD places 13.361389 38.115556 Palermo", "SELECT 9", "SET other 1 PX 500000",
    ):  # fmt: skip
        reply = connection.command(*line.split())
        assert not reply.startswith(b"-"), (line, reply)


def digest(connection: RawConnection) -> bytes:
    """DEBUG DIGEST of everything."""
    return connection.command("DEBUG", "DIGEST")


def log_directory(server: PyredisServer) -> Path:
    return server.directory / "appendonlydir"


def manifest(server: PyredisServer) -> str:
    return (log_directory(server) / "appendonly.aof.manifest").read_text()


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_a_killed_server_comes_back_with_everything(policy: str) -> None:
    with PyredisServer(*LOGGED, "--appendfsync", policy) as server:
        with server.connect() as connection:
            fill(connection)
            before = digest(connection)
        server.kill()
        server.start()
        with server.connect() as connection:
            assert digest(connection) == before


@needs_redis
def test_redis_goes_on_with_our_log_and_we_with_its(tmp_path: Path) -> None:
    with PyredisServer(*LOGGED) as ours:
        with ours.connect() as connection:
            fill(connection)
            connection.command("BGREWRITEAOF")
            eventually(lambda: info(connection, "aof_rewrites") == "1", "a rewrite")
            connection.command("SET", "after", "rewrite")
            expected = digest(connection)
        ours.stop()
        shutil.copytree(log_directory(ours), tmp_path / "appendonlydir")
    with RedisServer("--appendonly", "yes", "--dir", str(tmp_path)) as redis:
        with redis.connect() as connection:
            assert digest(connection) == expected
            connection.command("RPUSH", "list", "from redis")
            connection.command("BGREWRITEAOF")
            eventually(lambda: info(connection, "aof_rewrite_in_progress") == "0", "a rewrite")
            connection.command("SADD", "set", "from redis")
            expected = digest(connection)
        redis.stop()
    with PyredisServer(*LOGGED, "--dir", str(tmp_path)) as ours, ours.connect() as connection:
        assert digest(connection) == expected


def test_a_torn_end_is_cut_off() -> None:
    with PyredisServer(*LOGGED) as server:
        with server.connect() as connection:
            connection.command("SET", "k", "v")
            connection.command("SET", "torn", "x" * 100)
        server.kill()
        path = log_directory(server) / "appendonly.aof.1.incr.aof"
        size = path.stat().st_size
        os.truncate(path, size - 10)
        server.start()
        with server.connect() as connection:
            assert connection.command("GET", "k") == b"$1\r\nv\r\n"
            assert connection.command("EXISTS", "torn") == b":0\r\n"
        assert path.stat().st_size < size - 10
        name = "appendonly.aof.1.incr.aof"
        assert f"!!! Truncating the AOF {name} at offset 50 !!!" in server.log()
        assert f"AOF {name} loaded anyway because aof-load-truncated is enabled" in server.log()


def test_a_transaction_without_its_end_never_happened() -> None:
    with PyredisServer(*LOGGED) as server:
        with server.connect() as connection:
            connection.command("SET", "k", "v")
        server.kill()
        path = log_directory(server) / "appendonly.aof.1.incr.aof"
        good = path.stat().st_size
        with path.open("ab") as file:
            file.write(b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nw\r\n")
        server.start()
        with server.connect() as connection:
            assert connection.command("GET", "k") == b"$1\r\nv\r\n"
        assert path.stat().st_size == good


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (b"garbage\r\n", "Bad file format"),
        (b"*1\r\n$7\r\nNOTHING\r\n", "Unknown command 'NOTHING'"),
    ],
)
def test_what_no_server_wrote_stops_the_start(damage: bytes, message: str) -> None:
    with PyredisServer(*LOGGED) as server:
        with server.connect() as connection:
            connection.command("SET", "k", "v")
        server.kill()
        path = log_directory(server) / "appendonly.aof.1.incr.aof"
        whole = path.read_bytes() + damage
        path.write_bytes(whole)
        ended = run_to_exit("--port", "0", "--dir", str(server.directory), *LOGGED)
        assert ended.code == 1
        assert message in ended.stdout
        assert path.read_bytes() == whole


def test_the_log_can_be_turned_off_and_on() -> None:
    with PyredisServer(*LOGGED) as server:
        with server.connect() as connection:
            connection.command("SET", "a", "1")
            assert connection.command("CONFIG", "SET", "appendonly", "no") == OK
            assert info(connection, "aof_enabled") == "0"
            connection.command("SET", "b", "2")
            assert connection.command("CONFIG", "SET", "appendonly", "yes") == OK
            connection.command("SET", "c", "3")
            eventually(lambda: info(connection, "aof_rewrites") == "1", "a rewrite")
            connection.command("SET", "d", "4")
        server.kill()
        assert "temp" not in manifest(server)
        server.start()
        with server.connect() as connection:
            assert connection.command("MGET", "a", "b", "c", "d") == (
                b"*4\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n"
            )


def test_it_is_rewritten_when_it_has_grown() -> None:
    growing = (*LOGGED, "--auto-aof-rewrite-min-size", "10kb", "--auto-aof-rewrite-percentage", "100")
    with PyredisServer(*growing) as server, server.connect() as connection:
        for _ in range(50):
            connection.command("SET", "k", "x" * 1000)
        eventually(lambda: int(info(connection, "aof_rewrites")) >= 1, "a rewrite")
        eventually(lambda: int(info(connection, "aof_current_size")) < 10_000, "a small log")
        assert "type h" not in manifest(server)
        assert len(list(log_directory(server).iterdir())) == 3


def test_the_single_file_of_older_versions_becomes_the_base(tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n")
    with PyredisServer(*LOGGED, "--dir", str(tmp_path)) as server:
        with server.connect() as connection:
            assert connection.command("GET", "k") == b"$1\r\nv\r\n"
            connection.command("SET", "k", "w")
        server.kill()
        server.start()
        with server.connect() as connection:
            assert connection.command("GET", "k") == b"$1\r\nw\r\n"
        text = (tmp_path / "appendonlydir" / "appendonly.aof.manifest").read_text()
        assert text.startswith("file appendonly.aof seq 1 type b\n")
        assert not (tmp_path / "appendonly.aof").exists()


def test_deadlines_do_not_pass_while_the_log_is_replayed() -> None:
    """INCR keeps the deadline; were the key gone at its INCR, a new one without a deadline would live for ever."""
    with PyredisServer(*LOGGED) as server:
        with server.connect() as connection:
            connection.command("SET", "n", "1", "PX", "300")
            connection.command("INCR", "n")
        server.kill()
        eventually(lambda: not server.is_running, "the end")
        while True:
            server.start()
            with server.connect() as connection:
                reply = decode(connection.command("PTTL", "n"))
                assert isinstance(reply, int)
                assert reply != -1
                if reply == -2:
                    break
            server.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are Linux's")
@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_a_full_disk(policy: str) -> None:
    with PyredisServer(*LOGGED, "--appendfsync", policy) as server:
        acknowledged = 0
        with server.connect(PATIENCE) as connection:
            connection.command("SET", "k", "v")
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
            reply = b""
            try:
                while not reply.startswith(b"-MISCONF Errors writing to the AOF file: File too large"):
                    reply = connection.command("RPUSH", "list", "x" * 1000)
                    acknowledged += reply.startswith(b":")
            except (ConnectionError, WireError):
                assert policy == "always"
        with server.connect(PATIENCE) as connection:
            assert connection.command("SET", "k", "w").startswith(b"-MISCONF")
            assert connection.command("GET", "k") == b"$1\r\nv\r\n"
            resource.prlimit(
                server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            )
            eventually(lambda: connection.command("PING") == b"+PONG\r\n", "the recovery")
            assert connection.command("SET", "k", "w") == OK
            eventually(lambda: info(connection, "aof_buffer_length") == "0", "the end of a sync")
            length = decode(connection.command("LLEN", "list"))
            assert isinstance(length, int)
            assert length >= acknowledged
        server.kill()
        server.start()
        with server.connect() as connection:
            assert decode(connection.command("LLEN", "list")) == length
            assert connection.command("GET", "k") == b"$1\r\nw\r\n"


def test_debug_loadaof_replays_the_log() -> None:
    with PyredisServer(*LOGGED, "--appendfsync", "no") as server, server.connect() as connection:
        fill(connection)
        connection.command("SELECT", "0")
        before = digest(connection)
        connection.command(
            "FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() return 1 end)"
        )
        assert connection.command("DEBUG", "POPULATE", "3") == OK  # not logged
        assert digest(connection) != before
        assert connection.command("DEBUG", "LOADAOF") == OK
        assert digest(connection) == before
        assert connection.command("FCALL", "f", "0") == b":1\r\n"
        assert info(connection, "rdb_changes_since_last_save") == "0"
        connection.command("RPUSH", "list", "later")
        before = digest(connection)
        assert connection.command("DEBUG", "LOADAOF") == OK
        assert digest(connection) == before


def test_debug_loadaof_wants_a_log() -> None:
    with (
        PyredisServer("--save", "", "--enable-debug-command", "yes") as server,
        server.connect() as connection,
    ):
        connection.command("SET", "k", "v")
        error = b"-ERR Error trying to load the AOF files: there is no append only file\r\n"
        assert connection.command("DEBUG", "LOADAOF") == error
        assert connection.command("GET", "k") == b"$1\r\nv\r\n"


def test_debug_loadaof_ends_with_a_damaged_log() -> None:
    with PyredisServer(*LOGGED, "--appendfsync", "no") as server:
        with server.connect() as connection:
            connection.command("SET", "k", "v")
            with (log_directory(server) / "appendonly.aof.1.incr.aof").open("ab") as file:
                file.write(b"*x\r\n")
            with pytest.raises(WireError):
                connection.command("DEBUG", "LOADAOF")
        eventually(lambda: not server.is_running, "the end")
        assert "Bad file format reading the append only file" in server.log()
        server.kill()


@needs_redis
@pytest.mark.parametrize("fork", ["1", "0"])
def test_redis_reads_a_base_of_commands(fork: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYREDIS_FORK", fork)
    with PyredisServer(*LOGGED, "--aof-use-rdb-preamble", "no") as ours:
        with ours.connect() as connection:
            fill(connection)
            connection.command("BGREWRITEAOF")
            eventually(lambda: info(connection, "aof_rewrites") == "1", "a rewrite")
            expected = digest(connection)
        ours.stop()
        assert "appendonly.aof.2.base.aof seq 2 type b" in manifest(ours)
        assert (
            (log_directory(ours) / "appendonly.aof.2.base.aof")
            .read_bytes()
            .startswith(b"*2\r\n$6\r\nSELECT\r\n")
        )
        shutil.copytree(log_directory(ours), tmp_path / "appendonlydir")
        ours.start()
        with ours.connect() as connection:
            assert digest(connection) == expected
    with RedisServer("--appendonly", "yes", "--dir", str(tmp_path)) as redis, redis.connect() as connection:
        assert digest(connection) == expected


def test_a_file_in_the_place_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").touch()
    ended = run_to_exit("--port", "0", "--dir", str(tmp_path), *LOGGED)
    assert ended.code == 1
    assert "Can't open or create append-only dir appendonlydir: Not a directory" in ended.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["appendonlydir"]


def test_the_log_is_synced_before_the_last_snapshot() -> None:
    with PyredisServer("--appendonly", "yes", "--save", "900 1") as server:
        with server.connect() as connection:
            connection.command("SET", "k", "v")
        server.stop()
        text = server.log()
        assert text.count("Calling fsync()") == 1
        assert text.index("Calling fsync() on the AOF file.") < text.index("Saving the final RDB snapshot")
