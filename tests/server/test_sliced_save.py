"""Saving in the background without fork: in slices, while clients are served."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.server.network import PATIENCE, eventually, info
from tests.server.test_rdb import DEBUG, OK, await_end, digest, fill
from tests.support.servers import PyredisServer
from tests.support.wire import encode

if TYPE_CHECKING:
    from tests.support.wire import RawConnection

SLICED = {"PYREDIS_FORK": "0"}
STARTED = b"+Background saving started\r\n"


def change(connection: RawConnection, chance: random.Random) -> None:
    """Something that would be in the file if it were written later."""
    number = chance.randrange(20_000)
    words = chance.choice(
        (("SET", f"key:{number}", "new"), ("DEL", f"key:{number}"), ("RPUSH", "l3000", "z"))
    )
    assert not connection.command(*words).startswith(b"-")


def test_the_file_holds_what_there_was_when_it_began() -> None:
    chance = random.Random(1)
    with PyredisServer(*DEBUG, "--save", "", env=SLICED) as server, server.connect(PATIENCE) as connection:
        fill(connection)
        assert connection.command("DEBUG", "POPULATE", 20_000) == OK
        before = digest(server)
        connection.command("CONFIG", "SET", "rdb-key-save-delay", "50")
        assert connection.command("BGSAVE") == STARTED
        assert connection.command("BGSAVE") == b"-ERR Background save already in progress\r\n"
        assert connection.command("SAVE") == b"-ERR Background save already in progress\r\n"
        seen: set[int] = set()
        while info(connection, "rdb_bgsave_in_progress") == "1":
            change(connection, chance)
            seen.add(int(info(connection, "current_save_keys_processed")))
        assert len(seen) > 5
        assert max(seen) <= 20_400
        assert info(connection, "rdb_last_bgsave_status") == "ok"
        assert info(connection, "total_forks") == "0"
        assert [path.name for path in server.directory.glob("*.rdb")] == ["dump.rdb"]
        assert "Background saving started in slices" in server.log()
        assert connection.command("DEBUG", "RELOAD", "NOSAVE") == OK
        assert digest(server) == before


def test_a_log_is_rewritten_while_it_grows() -> None:
    chance = random.Random(2)
    options = (*DEBUG, "--appendonly", "yes", "--rdb-key-save-delay", "50", "--appendfsync", "always")
    with PyredisServer(*options, env=SLICED) as server:
        with server.connect(PATIENCE) as connection:
            fill(connection)
            assert set(connection.pipeline([("SET", f"key:{number}", "v") for number in range(5000)])) == {OK}
            assert connection.command("BGREWRITEAOF").startswith(b"+Background append only file rewriting")
            while info(connection, "aof_rewrite_in_progress") == "1":
                change(connection, chance)
            assert info(connection, "aof_last_bgrewrite_status") == "ok"
            change(connection, chance)
            before = digest(server)
        server.kill()
        server.start()
        assert digest(server) == before


def test_saves_that_are_of_no_use_any_more() -> None:
    options = (*DEBUG, "--save", "1000 1000", "--rdb-key-save-delay", "100")
    with PyredisServer(*options, env=SLICED) as server, server.connect(PATIENCE) as connection:
        assert connection.command("DEBUG", "POPULATE", 20_000) == OK
        assert connection.command("BGSAVE") == STARTED
        assert connection.command("FLUSHALL") == OK
        assert info(connection, "rdb_bgsave_in_progress") == "0"
        assert info(connection, "rdb_last_bgsave_status") == "ok"
        assert connection.command("DEBUG", "POPULATE", 20_000) == OK
        assert connection.command("BGSAVE") == STARTED
        connection.send(encode("SHUTDOWN", "NOSAVE"))
        connection.read_until_close()
        assert server.wait() == 0
        server.stop()
        assert [path.name for path in server.directory.glob("*.rdb")] == ["dump.rdb"]


def test_a_file_that_cannot_be_put_in_place() -> None:
    with PyredisServer("--save", "1000 1000", env=SLICED) as server, server.connect(PATIENCE) as connection:
        (server.directory / "dump.rdb").mkdir()
        connection.command("SET", "k", "v")
        assert connection.command("BGSAVE") == STARTED
        await_end(connection)
        assert info(connection, "rdb_last_bgsave_status") == "err"
        assert connection.command("SET", "k", "w").startswith(b"-MISCONF Redis is configured to save RDB")
        assert "Error saving DB on disk: Is a directory" in server.log()
        assert [path.name for path in server.directory.glob("temp*")] == []
        (server.directory / "dump.rdb").rmdir()
        assert connection.command("BGSAVE") == STARTED
        eventually(lambda: info(connection, "rdb_last_bgsave_status") == "ok", "a good save")
        assert connection.command("SET", "k", "w") == OK
