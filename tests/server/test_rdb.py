"""RDB files of running servers: restarts, the real server's files and ours, saving in the background, failures."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.server.network import PATIENCE, eventually, info, run_to_exit
from tests.support.servers import PyredisServer, RedisServer, find_redis_server
from tests.support.wire import RawConnection, WireError, encode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.process import ServerProcess

DEBUG = ("--enable-debug-command", "yes")
OK = b"+OK\r\n"
FOREVER = 4_000_000_000_000
LOADED = b"\r\nloading:0\r\n"

needs_redis = pytest.mark.skipif(find_redis_server() is None, reason="no redis-server to compare with")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def fill(connection: RawConnection) -> None:
    """Every type that Redis 7.0 has, in every encoding, around the limits of each."""
    lines: list[list[bytes | str | int]] = []
    for size in (1, 2, 127, 128, 129, 511, 512, 513, 3000):
        lines.append(["RPUSH", f"l{size}", *[f"e{number}" for number in range(size)]])
        lines.append(["SADD", f"s{size}", *[f"m{number}" for number in range(size)]])
        lines.append(["SADD", f"i{size}", *[number * number - 9 for number in range(size)]])
        scores = [part for number in range(size) for part in (number / 8, f"m{number}")]
        lines.append(["ZADD", f"z{size}", *scores])
        lines.append(
            ["HSET", f"h{size}", *[part for number in range(size) for part in (f"f{number}", number)]]
        )
        lines.append(["SET", f"t{size}", "text", "PXAT", FOREVER + size])
    for number in (0, -1, 127, 128, 32767, 32768, 1 << 31, 1 << 40, (1 << 63) - 1, -(1 << 63)):
        lines.append(["SET", f"n{number}", number])
        lines.append(["SADD", "numbers", number])
        lines.append(["RPUSH", "row", number])
    for size in (0, 20, 21, 63, 64, 65, 4095, 4096, 9000, 70_000):
        lines.append(["SET", f"same{size}", "x" * size])
        lines.append(["SET", f"random{size}", os.urandom(size)])
        lines.append(["RPUSH", f"large{size}", "a", "x" * size, os.urandom(size)])
        lines.append(["HSET", f"hash{size}", "f", os.urandom(size), os.urandom(size), "v"])
        lines.append(["ZADD", f"zset{size}", "-inf", "x" * size, "1e300", "b"])
    lines += [
        ["XADD", "stream", f"{number + 1}-{number}", "a", number, "b", "x" * (number % 30)]
        for number in range(250)
    ]
    lines += [["XADD", "stream", f"{number + 900}-0", f"c{number}", number] for number in range(10)]
    for line in (
        "XDEL stream 5-4 100-99", "XGROUP CREATE stream g 3-2", "XGROUP CREATE stream h $",
        "XREADGROUP GROUP g alice COUNT 7 STREAMS stream >", "XREADGROUP GROUP g bob COUNT 3 STREAMS stream >",
        "XGROUP CREATECONSUMER stream h idle", "XADD empty 1-1 a b", "XDEL empty 1-1", "INCRBYFLOAT float 10.5",
        "SETBIT bits 1000 1", "PFADD hll a b c d", "GEOADD places 13.361389 38.115556 Palermo", "SELECT 9",
        f"SET other 1 PXAT {FOREVER}",
    ):  # fmt: skip
        lines.append(list(line.split()))
    for words in lines:
        reply = connection.command(*words)
        assert not reply.startswith(b"-"), (words[:3], reply)


def digest(server: ServerProcess) -> bytes:
    with server.connect() as connection:
        found = connection.command("DEBUG", "DIGEST")
    assert found.startswith(b"+")
    return found


QUESTIONS = (
    "DBSIZE", "PEXPIRETIME t3000", "XPENDING stream g", "XINFO STREAM empty", "ZRANGE z129 0 -1 WITHSCORES",
    "LRANGE l3000 0 -1", "XLEN stream", "XRANGE stream 900 901", "HGETALL h2", "SMEMBERS i511",
)  # fmt: skip


def answers(server: ServerProcess) -> list[bytes]:
    with server.connect() as connection:
        return [connection.command(*question.split()) for question in QUESTIONS]


def copy_file(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes())


@needs_redis
@pytest.mark.parametrize("options", [(), ("--rdbcompression", "no"), ("--rdbchecksum", "no")], ids=" ".join)
def test_our_file_in_the_real_server(options: tuple[str, ...]) -> None:
    with PyredisServer(*DEBUG, *options) as ours, RedisServer() as theirs:
        with ours.connect(PATIENCE) as connection:
            fill(connection)
            assert connection.command("SAVE") == OK
        copy_file(ours.directory / "dump.rdb", theirs.directory / "dump.rdb")
        with theirs.connect(PATIENCE) as connection:
            assert connection.command("DEBUG", "RELOAD", "NOSAVE") == OK
        assert digest(theirs) == digest(ours)
        assert answers(theirs) == answers(ours)


@needs_redis
@pytest.mark.parametrize("options", [(), ("--rdbcompression", "no"), ("--rdbchecksum", "no")], ids=" ".join)
def test_the_file_of_the_real_server_in_ours(options: tuple[str, ...]) -> None:
    with RedisServer(*options) as theirs, PyredisServer(*DEBUG) as ours:
        with theirs.connect(PATIENCE) as connection:
            fill(connection)
            assert connection.command("SAVE") == OK
        copy_file(theirs.directory / "dump.rdb", ours.directory / "dump.rdb")
        with ours.connect(PATIENCE) as connection:
            assert connection.command("DEBUG", "RELOAD", "NOSAVE") == OK
        assert digest(ours) == digest(theirs)
        assert answers(ours) == answers(theirs)


@needs_redis
def test_payloads_in_both_directions() -> None:
    keys = [f"{kind}{size}" for kind in "lsizh" for size in (1, 128, 129, 513, 3000)]
    keys += ["numbers", "row", "random9000", "large70000", "hash65", "stream", "empty", "hll"]
    with (
        RedisServer() as theirs,
        PyredisServer(*DEBUG) as ours,
        theirs.connect(PATIENCE) as one,
        ours.connect(PATIENCE) as two,
    ):
        for connection in (one, two):
            fill(connection)
            assert connection.command("SELECT", 0) == OK
        for source, target in ((one, two), (two, one)):
            for key in keys:
                payload = source.command("DUMP", key).split(b"\r\n", 1)[1][:-2]
                assert target.command("RESTORE", "copy:" + key, 0, payload, "REPLACE") == OK
                wanted = source.command("DEBUG", "DIGEST-VALUE", key)
                assert target.command("DEBUG", "DIGEST-VALUE", "copy:" + key) == wanted, key


def test_a_restart_loads_what_the_stop_has_saved() -> None:
    with PyredisServer(*DEBUG) as server:
        with server.connect(PATIENCE) as connection:
            fill(connection)
        before = digest(server), answers(server)
        server.stop()
        log = server.log()
        assert "Saving the final RDB snapshot before exiting." in log
        assert "DB saved on disk" in log
        server.start()
        assert (digest(server), answers(server)) == before
        log = server.log()
        assert "Loading RDB produced by version 7.4.0" in log
        assert "Done loading RDB, keys loaded: " in log
        assert "DB loaded from disk: " in log
        with server.connect() as connection:
            assert info(connection, "rdb_changes_since_last_save") == "0"


def test_nothing_is_saved_at_the_end_unless_wanted() -> None:
    with PyredisServer("--save", "") as server:
        with server.connect() as connection:
            connection.command("SET", "k", "v")
        server.stop()
        assert not (server.directory / "dump.rdb").exists()
        server.start()
        with server.connect(PATIENCE) as connection:
            connection.command("SET", "k", "v")
            connection.send(encode("SHUTDOWN", "SAVE"))
            assert connection.read_until_close() == b""
        assert server.wait() == 0
        server.stop()
        assert (server.directory / "dump.rdb").exists()
        server.start()
        with server.connect(PATIENCE) as connection:
            assert connection.command("GET", "k") == b"$1\r\nv\r\n"
            connection.command("SET", "k", "w")
            connection.send(encode("SHUTDOWN", "NOSAVE"))
            assert connection.read_until_close() == b""
        server.stop()
        server.start()
        with server.connect(PATIENCE) as connection:
            assert connection.command("GET", "k") == b"$1\r\nv\r\n"


def test_a_stop_that_cannot_save_does_not_happen() -> None:
    with PyredisServer() as server:
        (server.directory / "dump.rdb").mkdir()
        with server.connect(PATIENCE) as connection:
            connection.command("SET", "k", "v")
            assert connection.command("SHUTDOWN") == b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n"
            assert connection.command("SHUTDOWN", "SAVE").startswith(b"-ERR Errors trying")
            assert "Error trying to save the DB, can't exit." in server.log()
            connection.send(encode("SHUTDOWN", "SAVE", "FORCE"))
            assert connection.read_until_close() == b""
        assert server.wait() == 0
        server.stop()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("cut", "expected "),
        ("changed", "Wrong RDB checksum expected: ("),
        ("foreign", "Wrong signature trying to load DB from file"),
    ],
)
def test_a_damaged_file_ends_the_start(damage: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb"
    with PyredisServer("--dir", str(tmp_path)) as server:
        with server.connect() as connection:
            connection.command("SET", "k", "value")
        server.stop()
    data = path.read_bytes()
    if damage == "cut":
        path.write_bytes(data[:-12])
    elif damage == "changed":
        path.write_bytes(data.replace(b"value", b"vague"))
    else:
        path.write_bytes(b"something else\n")
    ended = run_to_exit("--port", "0", "--dir", str(tmp_path))
    assert ended.code == 1
    assert f"{path}: {reason}" in ended.stdout
    assert "(at offset " in ended.stdout
    assert "Fatal error loading the DB, check server logs. Exiting." in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


def saved(connection: RawConnection) -> bool:
    return info(connection, "rdb_bgsave_in_progress") == "0"


def await_end(connection: RawConnection) -> None:
    eventually(lambda: saved(connection), "the end of the save")


@needs_fork
def test_saving_in_the_background() -> None:
    with PyredisServer(*DEBUG, "--save", "") as server, server.connect(PATIENCE) as connection:
        fill(connection)
        before = digest(server)
        assert connection.command("BGSAVE") == b"+Background saving started\r\n"
        for number in range(50):
            connection.command("SET", f"later{number}", "v")
        await_end(connection)
        assert info(connection, "rdb_last_bgsave_status") == "ok"
        assert info(connection, "rdb_saves") == "1"
        assert int(info(connection, "rdb_changes_since_last_save")) <= 50
        assert int(info(connection, "rdb_last_cow_size")) >= 0
        assert info(connection, "total_forks") == "1"
        assert [path.name for path in server.directory.glob("*.rdb")] == ["dump.rdb"]
        log = server.log()
        assert "Background saving started by pid" in log
        assert "Background saving terminated with success" in log
        # The file holds what there was when it began.
        assert connection.command("DEBUG", "RELOAD", "NOSAVE") == OK
        assert digest(server) == before


@needs_fork
def test_a_child_tells_how_far_it_has_come() -> None:
    options = (*DEBUG, "--save", "", "--rdb-key-save-delay", "500")
    with PyredisServer(*options) as server, server.connect(PATIENCE) as connection:
        connection.command("DEBUG", "POPULATE", 20_000)
        assert connection.command("BGSAVE") == b"+Background saving started\r\n"
        assert info(connection, "current_save_keys_total") == "20000"
        eventually(lambda: int(info(connection, "current_save_keys_processed")) > 300, "a word of the child")
        assert int(info(connection, "current_save_keys_processed")) < 20_000
        assert float(info(connection, "current_fork_perc")) > 1
        assert int(info(connection, "current_cow_peak")) >= int(info(connection, "current_cow_size")) > 0
        connection.command("FLUSHALL")
        assert info(connection, "current_save_keys_processed") == "0"
        assert info(connection, "current_cow_size") == "0"


@needs_fork
def test_a_rule_saves_by_itself() -> None:
    with PyredisServer("--save", "1 3", "--hz", "50") as server, server.connect(PATIENCE) as connection:
        for number in range(3):
            connection.command("SET", f"k{number}", "v")
        eventually(lambda: info(connection, "rdb_changes_since_last_save") == "0", "a save")
        assert "3 changes in 1 seconds. Saving..." in server.log()
        assert (server.directory / "dump.rdb").exists()


@needs_fork
def test_a_failure_in_the_background_refuses_writes() -> None:
    with PyredisServer("--save", "1000 1000") as server:
        (server.directory / "dump.rdb").mkdir()
        with server.connect(PATIENCE) as connection:
            connection.command("SET", "k", "v")
            assert connection.command("BGSAVE") == b"+Background saving started\r\n"
            await_end(connection)
            assert info(connection, "rdb_last_bgsave_status") == "err"
            assert connection.command("SET", "k", "w").startswith(b"-MISCONF Redis is configured to save RDB")
            assert connection.command("GET", "k") == b"$1\r\nv\r\n"
            assert "Background saving error" in server.log()
            connection.send(encode("SHUTDOWN", "NOSAVE"))
            connection.read_until_close()
        assert server.wait() == 0
        server.stop()


@needs_fork
def test_a_killed_child_leaves_nothing_behind() -> None:
    options = (*DEBUG, "--save", "", "--rdb-key-save-delay", "1000")
    with PyredisServer(*options) as server, server.connect(PATIENCE) as connection:
        connection.command("DEBUG", "POPULATE", 200_000)
        assert connection.command("BGSAVE") == b"+Background saving started\r\n"
        pid = int(server.log().split("Background saving started by pid ")[1].split()[0])
        steps_back = min(os.getpriority(os.PRIO_PROCESS, server.pid) + 10, 19)
        eventually(lambda: os.getpriority(os.PRIO_PROCESS, pid) == steps_back, "the child to step back")
        assert connection.command("BGSAVE") == b"-ERR Background save already in progress\r\n"
        assert connection.command("SAVE") == b"-ERR Background save already in progress\r\n"
        os.kill(pid, signal.SIGTERM)
        await_end(connection)
        assert info(connection, "rdb_last_bgsave_status") == "err"
        assert list(server.directory.glob("*.rdb")) == []
        # What is stopped because it is of no use any more is no failure.
        connection.command("CONFIG", "SET", "rdb-key-save-delay", "0")
        assert connection.command("BGSAVE") == b"+Background saving started\r\n"
        await_end(connection)
        assert info(connection, "rdb_last_bgsave_status") == "ok"
        connection.command("CONFIG", "SET", "rdb-key-save-delay", "1000")
        assert connection.command("BGSAVE") == b"+Background saving started\r\n"
        assert connection.command("FLUSHALL") == OK
        assert info(connection, "rdb_last_bgsave_status") == "ok"
        assert saved(connection)


def test_flushall_empties_the_file_as_well() -> None:
    with PyredisServer("--save", "1000 1000") as server, server.connect(PATIENCE) as connection:
        connection.command("SET", "k", "v")
        connection.command("SAVE")
        with_key = (server.directory / "dump.rdb").stat().st_size
        assert connection.command("FLUSHALL") == OK
        assert (server.directory / "dump.rdb").stat().st_size < with_key
        assert info(connection, "rdb_changes_since_last_save") == "0"


def test_clients_are_told_to_wait_while_a_file_is_loaded(tmp_path: Path) -> None:
    with PyredisServer("--dir", str(tmp_path), *DEBUG) as server:
        with server.connect(PATIENCE) as connection:
            connection.command("DEBUG", "POPULATE", 5000)
        server.stop()
        # A tenth of a millisecond for each key.
        server.command += ["--key-load-delay", "100"]
        replies: list[bytes] = []
        watcher = threading.Thread(target=_ask_until_loaded, args=(server, replies))
        watcher.start()
        server.start()
        watcher.join(PATIENCE)
        with server.connect(PATIENCE) as connection:
            assert connection.command("DBSIZE") == b":5000\r\n"
    assert replies[0] == b"-LOADING Redis is loading the dataset in memory\r\n"
    assert b"\r\nloading:1\r\n" in replies[1]
    assert b"\r\nloading_total_bytes:" in replies[1]
    assert LOADED in replies[-1]
    assert b"loading_total_bytes" not in replies[-1]


def _ask_until_loaded(server: PyredisServer, replies: list[bytes]) -> None:
    """Asks the same two questions until they are answered; a server that does not listen yet is asked again."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not (replies and LOADED in replies[-1]):
        with contextlib.suppress(OSError, WireError), server.connect() as connection:
            while not (replies and LOADED in replies[-1]):
                replies += [connection.command("GET", "k"), connection.command("INFO", "persistence")]
