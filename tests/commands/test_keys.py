"""Commands about keys whatever they hold, in process."""

from __future__ import annotations

import pytest

from pyredis.engine.engine import PropagationSink
from pyredis.keyspace.database import Database, KeyspaceListener
from tests.support.inprocess import Client, InProcess

OK = b"+OK\r\n"
ZERO, ONE, TWO, THREE = b":0\r\n", b":1\r\n", b":2\r\n", b":3\r\n"
NULL = b"$-1\r\n"
NOT_AN_INTEGER = b"-ERR value is not an integer or out of range\r\n"
NOT_AN_INT = b"-ERR value is out of range, value must between -2147483648 and 2147483647\r\n"
NO_SUCH_DATABASE = b"-ERR DB index is out of range\r\n"
SYNTAX = b"-ERR syntax error\r\n"
SAME = b"-ERR source and destination objects are the same\r\n"


class Log(PropagationSink):
    """What would be written to a log."""

    def __init__(self) -> None:
        self.commands: list[list[bytes]] = []

    def write(self, commands: list[tuple[int, list[bytes]]]) -> None:
        self.commands += [argv for _, argv in commands]

    def take(self) -> list[list[bytes]]:
        taken, self.commands = self.commands, []
        return taken


class Events(KeyspaceListener):
    """The keyspace events, as `name key@database`."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def event(self, kind: int, name: bytes, key: bytes, database: Database) -> None:
        self.heard.append(f"{name.decode()} {key.decode()}@{database.index}")

    def take(self) -> list[str]:
        taken, self.heard = self.heard, []
        return taken


@pytest.fixture
def server() -> InProcess:
    return InProcess()


@pytest.fixture
def client(server: InProcess) -> Client:
    return server.client()


def log_of(server: InProcess) -> Log:
    log = Log()
    server.engine.add_sink(log)
    return log


def events_of(server: InProcess) -> Events:
    listener = Events()
    server.engine.keyspace.listener = listener
    server.engine.keyspace.event_mask = -1
    return listener


def make_large(client: Client, key: str, members: int = 1000) -> None:
    """Stores something that is worth freeing later."""
    pairs = [word for n in range(members) for word in (str(n), f"member:{n}")]
    assert client.command("ZADD", key, *pairs) == b":%d\r\n" % members


def fill(client: Client, *keys: str) -> None:
    for key in keys:
        assert client.command("SET", key, "v") == OK


@pytest.mark.parametrize("name", ["DEL", "UNLINK"])
def test_deleting_counts_the_keys_that_were_there(server: InProcess, client: Client, name: str) -> None:
    fill(client, "a", "b", "c")
    events, dirty = events_of(server), server.engine.keyspace.dirty
    assert client.command(name, "a", "b", "a", "absent") == TWO
    assert server.engine.keyspace.dirty == dirty + 2
    assert events.take() == ["del a@0", "del b@0"]
    assert client.command(name, "a") == ZERO
    assert client.command("DBSIZE") == ONE


def test_an_expired_key_cannot_be_deleted(server: InProcess, client: Client) -> None:
    client.command("SET", "a", "v", "PX", 10)
    server.clock.advance(10)
    assert client.command("DEL", "a") == ZERO
    assert server.engine.keyspace.expired == 1


def test_deletions_are_logged_as_they_came_if_they_did_something(server: InProcess, client: Client) -> None:
    log = log_of(server)
    fill(client, "a")
    log.take()
    client.command("DEL", "x", "y")
    client.command("UNLINK", "a", "x")
    assert log.take() == [[b"UNLINK", b"a", b"x"]]


@pytest.mark.parametrize(
    ("name", "directive", "pending"),
    [
        ("UNLINK", None, 1),
        ("DEL", None, 0),
        ("DEL", b"lazyfree-lazy-user-del", 1),
        ("RENAME", None, 0),
        ("RENAME", b"lazyfree-lazy-server-del", 1),
        ("COPY", b"lazyfree-lazy-server-del", 1),
        ("EXPIRE", None, 0),
        ("EXPIRE", b"lazyfree-lazy-expire", 1),
        ("FLUSHDB", None, 0),
        ("FLUSHALL", b"lazyfree-lazy-user-flush", 2),
    ],
)
def test_large_values_are_freed_later_where_asked(name: str, directive: bytes | None, pending: int) -> None:
    server = InProcess(*([(directive, b"yes")] if directive else []))
    client = server.client()
    fill(client, "a")
    make_large(client, "large")
    arguments = {"RENAME": ["a", "large"], "COPY": ["a", "large", "REPLACE"], "EXPIRE": ["large", "-1"]}
    wholly = name.startswith("FLUSH")
    assert not client.command(name, *arguments.get(name, [] if wholly else ["large"])).startswith(b"-")
    lazy_free = server.engine.keyspace.lazy_free
    assert lazy_free.pending == pending
    while lazy_free.step():
        pass
    info = client.command("INFO", "memory")
    assert b"lazyfree_pending_objects:0" in info
    assert b"lazyfreed_objects:%d" % pending in info


def test_exists_counts_repetitions_hits_and_misses(server: InProcess, client: Client) -> None:
    fill(client, "a", "b")
    assert client.command("EXISTS", "a", "a", "b", "absent") == THREE
    assert (server.engine.keyspace.hits, server.engine.keyspace.misses) == (3, 1)


def test_exists_is_no_access_and_touch_is_one(server: InProcess, client: Client) -> None:
    fill(client, "a")
    server.clock.advance(10_000)
    client.command("EXISTS", "a")
    client.command("TYPE", "a")
    client.command("TTL", "a")
    assert client.command("OBJECT", "IDLETIME", "a") == b":10\r\n"
    assert client.command("TOUCH", "a", "absent", "a") == TWO
    assert client.command("OBJECT", "IDLETIME", "a") == ZERO


def test_a_client_with_no_touch_leaves_no_trace_but_by_touch(server: InProcess, client: Client) -> None:
    fill(client, "a", "b")
    assert client.command("CLIENT", "NO-TOUCH", "ON") == OK
    server.clock.advance(10_000)
    client.command("GET", "a")
    client.command("MULTI")
    client.command("GET", "a")
    client.command("EXEC")
    assert client.command("OBJECT", "IDLETIME", "a") == b":10\r\n"
    assert server.client().command("GET", "b") == b"$1\r\nv\r\n"
    assert client.command("OBJECT", "IDLETIME", "b") == ZERO
    assert client.command("TOUCH", "a") == ONE
    assert client.command("OBJECT", "IDLETIME", "a") == ZERO
    server.clock.advance(5000)
    assert client.command("CLIENT", "NO-TOUCH", "OFF") == OK
    client.command("GET", "a")
    assert client.command("OBJECT", "IDLETIME", "a") == ZERO


def test_type(client: Client) -> None:
    fill(client, "a")
    make_large(client, "large")
    assert client.command("TYPE", "a") == b"+string\r\n"
    assert client.command("TYPE", "large") == b"+zset\r\n"
    assert client.command("TYPE", "absent") == b"+none\r\n"


def test_rename_keeps_the_deadline_and_overwrites(server: InProcess, client: Client) -> None:
    client.command("SET", "a", "1", "PX", 5000)
    client.command("SET", "b", "2", "PX", 90_000)
    events, dirty = events_of(server), server.engine.keyspace.dirty
    assert client.command("RENAME", "a", "b") == OK
    assert events.take() == ["new b@0", "rename_from a@0", "rename_to b@0"]
    assert server.engine.keyspace.dirty == dirty + 1
    assert client.command("GET", "b") == b"$1\r\n1\r\n"
    assert client.command("PTTL", "b") == b":5000\r\n"
    assert client.command("EXISTS", "a") == ZERO
    client.command("SET", "c", "3")
    client.command("RENAME", "c", "b")
    assert client.command("PTTL", "b") == b":-1\r\n"


def test_rename_of_nothing_and_to_itself(server: InProcess, client: Client) -> None:
    fill(client, "a", "b")
    dirty = server.engine.keyspace.dirty
    for name, same in (("RENAME", OK), ("RENAMENX", ZERO)):
        assert client.command(name, "absent", "a") == b"-ERR no such key\r\n"
        assert client.command(name, "absent", "absent") == b"-ERR no such key\r\n"
        assert client.command(name, "a", "a") == same
    assert client.command("RENAMENX", "a", "b") == ZERO
    assert server.engine.keyspace.dirty == dirty
    assert client.command("RENAMENX", "a", "c") == ONE
    assert client.command("KEYS", "?") in (b"*2\r\n$1\r\nb\r\n$1\r\nc\r\n", b"*2\r\n$1\r\nc\r\n$1\r\nb\r\n")


def test_rename_carries_the_frequency(server: InProcess, client: Client) -> None:
    client.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu", "lfu-log-factor", "0")
    fill(client, "a", "b")
    for _ in range(20):
        client.command("GET", "a")
    client.command("RENAME", "a", "b")
    assert client.command("OBJECT", "FREQ", "b") == b":26\r\n"


def test_watchers_of_both_names_hear_of_a_rename(server: InProcess, client: Client) -> None:
    fill(client, "a")
    for key in ("a", "b"):
        watcher = server.client()
        watcher.command("WATCH", key)
        watcher.command("MULTI")
        watcher.command("PING")
        client.command("RENAME", *(("a", "b") if key == "a" else ("b", "a")))
        assert watcher.command("EXEC") == b"*-1\r\n"


def test_copy(server: InProcess, client: Client) -> None:
    client.command("SET", "a", "1", "PX", 5000)
    events, log = events_of(server), log_of(server)
    server.engine.keyspace.listener = events
    assert client.command("COPY", "absent", "b") == ZERO
    events.take()
    assert client.command("COPY", "a", "b") == ONE
    assert events.take() == ["new b@0", "copy_to b@0"]
    assert client.command("PTTL", "b") == b":5000\r\n"
    assert client.command("COPY", "a", "b") == ZERO
    client.command("SET", "a", "2")
    log.take()
    assert client.command("COPY", "a", "b", "REPLACE") == ONE
    assert client.command("GET", "b") == b"$1\r\n2\r\n"
    assert client.command("PTTL", "b") == b":-1\r\n"
    assert client.command("COPY", "a", "a", "DB", 3) == ONE
    assert client.command("COPY", "a", "a", "DB", 3) == ZERO
    assert events.take()[-1] == "copy_to a@3"
    assert log.take() == [[b"COPY", b"a", b"b", b"REPLACE"], [b"COPY", b"a", b"a", b"DB", b"3"]]
    assert client.command("SELECT", 3) == OK
    assert client.command("GET", "a") == b"$1\r\n2\r\n"


def test_a_copy_has_its_own_value(client: Client) -> None:
    client.command("APPEND", "a", "x")
    client.command("APPEND", "a", "y")
    client.command("COPY", "a", "b")
    client.command("APPEND", "a", "z")
    assert client.command("GET", "b") == b"$2\r\nxy\r\n"
    assert client.command("OBJECT", "ENCODING", "b") == b"$3\r\nraw\r\n"


@pytest.mark.parametrize(
    ("tail", "reply"),
    [
        (["a"], SAME),
        (["a", "REPLACE"], SAME),
        (["a", "DB", "0"], SAME),
        (["b", "DB"], SYNTAX),
        (["b", "WHAT"], SYNTAX),
        (["b", "DB", "x"], NOT_AN_INTEGER),
        (["b", "DB", "16"], NO_SUCH_DATABASE),
        (["b", "DB", "-1"], NO_SUCH_DATABASE),
        (["b", "DB", "4294967296"], NOT_AN_INT),
        (["b", "DB", "99", "WHAT"], NO_SUCH_DATABASE),
    ],
)
def test_copy_errors(client: Client, tail: list[str], reply: bytes) -> None:
    fill(client, "a")
    assert client.command("COPY", "a", *tail) == reply


def test_move(server: InProcess, client: Client) -> None:
    client.command("SET", "a", "1", "PX", 5000)
    events, dirty = events_of(server), server.engine.keyspace.dirty
    assert client.command("MOVE", "a", 2) == ONE
    assert server.engine.keyspace.dirty == dirty + 1
    assert events.take() == ["new a@2", "move_from a@0", "move_to a@2"]
    assert client.command("MOVE", "a", 2) == ZERO
    client.command("SET", "a", "other")
    assert client.command("MOVE", "a", 2) == ZERO
    client.command("SELECT", 2)
    assert client.command("PTTL", "a") == b":5000\r\n"
    assert client.command("GET", "a") == b"$1\r\n1\r\n"
    for database in server.engine.keyspace.databases:
        database.check()


@pytest.mark.parametrize(
    ("index", "reply"),
    [
        ("0", SAME),
        ("x", NOT_AN_INTEGER),
        ("16", NO_SUCH_DATABASE),
        ("-1", NO_SUCH_DATABASE),
        ("2147483648", NOT_AN_INT),
    ],
)
def test_move_errors(client: Client, index: str, reply: bytes) -> None:
    fill(client, "a")
    assert client.command("MOVE", "a", index) == reply


def test_randomkey_tells_every_key_and_never_an_expired_one(server: InProcess, client: Client) -> None:
    assert client.command("RANDOMKEY") == NULL
    assert server.client(3).command("RANDOMKEY") == b"_\r\n"
    for n in range(8):
        client.command("SET", n, "v")
        client.command("SET", f"gone:{n}", "v", "PX", 1)
    server.clock.advance(1)
    told = {client.command("RANDOMKEY") for _ in range(400)}
    assert told == {b"$1\r\n%d\r\n" % n for n in range(8)}
    client.command("FLUSHALL")
    client.command("SET", "gone", "v", "PX", 1)
    server.clock.advance(1)
    assert client.command("RANDOMKEY") == NULL
    assert client.command("DBSIZE") == ZERO


def test_randomkey_tells_an_expired_key_when_all_are_and_must_stay(server: InProcess, client: Client) -> None:
    for n in range(3):
        client.command("SET", n, "v", "PX", 1)
    server.clock.advance(1)
    server.engine.keyspace.keeps_expired = True
    assert client.command("RANDOMKEY") in {b"$1\r\n%d\r\n" % n for n in range(3)}
    assert client.command("DBSIZE") == THREE


def test_nothing_expires_while_clients_are_paused(server: InProcess, client: Client) -> None:
    log = log_of(server)
    client.command("SET", "a", "v", "PX", 10)
    assert client.command("CLIENT", "PAUSE", 1000, "WRITE") == OK
    server.clock.advance(20)
    log.take()
    assert client.command("GET", "a") == NULL
    assert client.command("KEYS", "*") == b"*0\r\n"
    assert client.command("SCAN", 0) == b"*2\r\n$1\r\n0\r\n*0\r\n"
    assert client.command("DBSIZE") == ONE
    assert log.take() == []
    assert client.command("CLIENT", "UNPAUSE") == OK
    assert client.command("GET", "a") == NULL
    assert client.command("DBSIZE") == ZERO
    assert log.take() == [[b"DEL", b"a"]]
