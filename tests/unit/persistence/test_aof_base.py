"""A base of the append only file as commands: what it holds, and that it makes the same data again."""

from __future__ import annotations

import pytest

from pyredis.persistence.aof_commands import CommandReader, command_bytes
from tests.support.disk import FakeDisk
from tests.support.inprocess import Client
from tests.support.logged import LoggedServer

AS_COMMANDS = (b"aof-use-rdb-preamble", b"no")
LIBRARY = "#!lua name=lib\nredis.register_function('f', function() return 1 end)"

EVERYTHING = (
    "SET text value", "SET number 12", "APPEND raw abc", "APPEND raw def", "SETRANGE text 1 x",
    "RPUSH list a b c", "SADD ints 1 2 3", "SADD names x y", "HSET hash f1 v1 f2 v2",
    "ZADD zset 1.5 a 0.1 b inf c -inf d", "SET soon v PX 5000",
    "XADD stream 1-1 f v g w", "XADD stream 1-2 f v g w", "XADD stream 2-0 other x", "XDEL stream 1-1",
    "XGROUP CREATE stream group 0", "XGROUP CREATE stream idle 1-2 ENTRIESREAD 1",
    "XGROUP CREATECONSUMER stream idle nobody", "XREADGROUP GROUP group me COUNT 1 STREAMS stream >",
    "XREADGROUP GROUP group you STREAMS stream >",
    "XADD emptied 5-5 f v", "XDEL emptied 5-5", "XGROUP CREATE nothing group $ MKSTREAM",
    "SELECT 3", "SET other 1",
)  # fmt: skip


def base(logged: LoggedServer) -> list[list[bytes]]:
    """The commands in the base."""
    logged.rewrite()
    file = logged.files.manifest.base
    assert file is not None
    assert file.name.endswith(".base.aof")
    reader = CommandReader()
    reader.feed(logged.disk.read(logged.files.path(file.name)))
    found: list[list[bytes]] = []
    while (argv := reader.next_command()) is not None:
        found.append(argv)
    assert reader.is_at_end()
    return found


def ask(logged: LoggedServer, client: Client, *argv: str) -> bytes:
    """Sends a command, and lets its reply leave."""
    logged.server.config.assign("enable-debug-command", "yes")
    reply = client.command(*argv)
    logged.round()
    return reply + client.received()


def run(logged: LoggedServer, client: Client, lines: tuple[str, ...]) -> None:
    for line in lines:
        assert not ask(logged, client, *line.split()).startswith(b"-"), line


def test_the_first_base_is_empty() -> None:
    logged = LoggedServer(FakeDisk(), AS_COMMANDS)
    assert logged.files.manifest.base is not None
    assert logged.files.manifest.base.name == "appendonly.aof.1.base.aof"
    assert logged.disk.read(logged.files.path("appendonly.aof.1.base.aof")) == b""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("SET k v",), (b"SET k v",)),
        (("SET k 12",), (b"SET k 12",)),
        (("APPEND k a", "APPEND k b", "PEXPIREAT k 9999999999999"), (b"SET k ab", b"PEXPIREAT k 9999999999999")),
        (("RPUSH k a b", "LPUSH k c"), (b"RPUSH k c a b",)),
        (("SADD k 3 1 2",), (b"SADD k 1 2 3",)),
        (("HSET k f v g w",), (b"HSET k f v g w",)),
        (
            ("HSET k f v g w", "HPEXPIREAT k 9999999999999 FIELDS 1 g"),
            (b"HSET k g w f v", b"HPEXPIREAT k 9999999999999 FIELDS 1 g"),
        ),
        (("ZADD k 1.5 a -inf b 0.1 c",), (b"ZADD k -inf b 0.10000000000000001 c 1.5 a",)),
        (("CONFIG SET zset-max-listpack-entries 0", "ZADD k -0 a"), (b"ZADD k -0 a",)),
        (
            ("XADD k 1-1 f v", "XADD k 1-2 f w", "XDEL k 1-1"),
            (b"XADD k 1-2 f w", b"XSETID k 1-2 ENTRIESADDED 2 MAXDELETEDID 1-1"),
        ),
        (
            ("XGROUP CREATE k g $ MKSTREAM",),
            (
                b"XADD k MAXLEN 0 0-1 x y", b"XSETID k 0-0 ENTRIESADDED 0 MAXDELETEDID 0-0",
                b"XGROUP CREATE k g 0-0 ENTRIESREAD -1",
            ),
        ),
        (("SELECT 2", "SET k v"), (b"SELECT 2", b"SET k v")),
    ],
)  # fmt: skip
def test_each_type(lines: tuple[str, ...], expected: tuple[bytes, ...]) -> None:
    logged = LoggedServer(FakeDisk(), AS_COMMANDS)
    client = logged.client()
    run(logged, client, ("CONFIG SET appendfsync no", *lines))
    begin = [] if lines[0].startswith("SELECT") else [[b"SELECT", b"0"]]
    assert base(logged) == begin + [line.split() for line in expected]


def test_what_a_group_has_delivered() -> None:
    logged = LoggedServer(FakeDisk(), AS_COMMANDS)
    client = logged.client()
    read = "XREADGROUP GROUP g me STREAMS k >"
    run(logged, client, ("XADD k 1-1 f v", "XGROUP CREATE k g 0", "XGROUP CREATECONSUMER k g idle", read))
    now = b"%d" % logged.server.clock.now_ms
    assert base(logged)[3:] == [
        b"XGROUP CREATE k g 1-1 ENTRIESREAD 1".split(),
        b"XGROUP CREATECONSUMER k g idle".split(),
        [*b"XCLAIM k g me 0 1-1 TIME".split(), now, *b"RETRYCOUNT 1 JUSTID FORCE".split()],
    ]


def test_large_values_come_in_pieces_of_64() -> None:
    logged = LoggedServer(FakeDisk(), AS_COMMANDS)
    client = logged.client()
    numbers = [str(n) for n in range(1000)]
    for name in ("RPUSH", "SADD", "HSET", "ZADD"):
        ask(logged, client, name, name, *numbers)
    before = ask(logged, client, "DEBUG", "DIGEST")
    sizes: dict[bytes, list[int]] = {}
    for argv in base(logged)[1:]:
        sizes.setdefault(argv[0], []).append(len(argv) - 2)
    assert sizes == {
        b"RPUSH": [64] * 15 + [40],
        b"SADD": [64] * 15 + [40],
        b"HSET": [128] * 7 + [104],
        b"ZADD": [128] * 7 + [104],
    }
    again = LoggedServer(logged.disk)
    assert ask(again, again.client(), "DEBUG", "DIGEST") == before


def test_the_same_data_comes_back() -> None:
    logged = LoggedServer(FakeDisk(), AS_COMMANDS)
    client = logged.client()
    run(logged, client, EVERYTHING)
    ask(logged, client, "FUNCTION", "LOAD", LIBRARY)
    looks = (
        "DEBUG DIGEST", "SELECT 0", "FUNCTION LIST", "PTTL soon", "XINFO STREAM emptied", "XINFO GROUPS stream",
        "XPENDING stream group - + 10", "XINFO CONSUMERS stream idle", "XINFO GROUPS nothing",
    )  # fmt: skip
    before = [ask(logged, client, *look.split()) for look in looks]
    logged.rewrite()
    again = LoggedServer(logged.disk, AS_COMMANDS)
    again.server.clock.now_ms = logged.server.clock.now_ms
    other = again.client()
    after = [ask(again, other, *look.split()) for look in looks]
    for look, was, now in zip(looks, before, after, strict=True):
        assert now == was, look


def test_the_time_stands_at_the_beginning() -> None:
    logged = LoggedServer(FakeDisk(), AS_COMMANDS, (b"aof-timestamp-enabled", b"yes"))
    ask(logged, logged.client(), "SET", "k", "v")
    logged.rewrite()
    assert logged.files.manifest.base is not None
    text = logged.disk.read(logged.files.path(logged.files.manifest.base.name))
    stamp = b"#TS:%d\r\n" % (logged.server.clock.now_ms // 1000)
    assert text == stamp + command_bytes(b"SELECT", b"0") + command_bytes(b"SET", b"k", b"v")


def test_the_form_may_change_with_each_rewrite() -> None:
    logged = LoggedServer(FakeDisk())
    client = logged.client()
    run(logged, client, ("SET k v", "CONFIG SET aof-use-rdb-preamble no"))
    assert base(logged) == [[b"SELECT", b"0"], [b"SET", b"k", b"v"]]
    run(logged, client, ("CONFIG SET aof-use-rdb-preamble yes",))
    logged.rewrite()
    names = [file.name for file in logged.files.manifest.files()]
    assert names == ["appendonly.aof.3.base.rdb", "appendonly.aof.3.incr.aof"]
