"""The meter: whatever commands do, its total is the sum of what the keys weigh."""

from __future__ import annotations

import pytest

from pyredis.datatypes.value import Value
from pyredis.keyspace.memory import WALK_KEYS, MemoryMeter
from tests.differential.programs import generators, programs
from tests.support.inprocess import Client, InProcess

LIMIT = (b"maxmemory", b"1000gb")
GROUPS = sorted(
    set(generators())
    - {"acl", "connection", "observation", "notifications", "pubsub", "scripting", "server", "tracking"}
)


@pytest.fixture
def server() -> InProcess:
    return InProcess(LIMIT)


@pytest.fixture
def client(server: InProcess) -> Client:
    return server.client()


def total(server: InProcess, is_exact: bool = True) -> int:
    meter = server.engine.memory.meter
    meter.settle()
    meter.check(is_exact)
    return int(meter.total)


@pytest.mark.parametrize(
    "group", [[name] for name in GROUPS] + [GROUPS], ids=lambda names: "-".join(names)[:20]
)
def test_random_commands_are_followed(server: InProcess, group: list[str]) -> None:
    clients = [server.client() for _ in range(3)]
    is_exact = "sort" not in group  # SORT BY nosort has a sorted set build its index
    for program in programs(group, 5, 600):
        for step in program:
            for argv in step.requests:
                clients[step.client].command(*argv)
                clients[step.client].received()
                assert total(server, is_exact) >= 0
            server.clock.advance(7)
    clients[0].command("RESET")
    clients[0].command("FLUSHALL")
    assert total(server) == 0


def test_a_string_weighs_what_it_takes(server: InProcess, client: Client) -> None:
    client.command("SET", "k", "x" * 10_000)
    assert 10_000 < total(server) < 10_300
    client.command("APPEND", "k", "y" * 10_000)
    assert 20_000 < total(server) < 24_000  # an editable string has room to grow
    client.command("SET", "k", "1")
    small = total(server)
    assert small < 300
    client.command("EXPIRE", "k", "100")
    assert total(server) > small
    client.command("PERSIST", "k")
    assert total(server) == small
    client.command("DEL", "k")
    assert total(server) == 0


@pytest.mark.parametrize(
    "words",
    [
        ["RPUSH", "k", "e%d"],
        ["SADD", "k", "e%d"],
        ["HSET", "k", "f%d", "v%d"],
        ["ZADD", "k", "%d", "e%d"],
        ["XADD", "k", "%d-1", "f", "v%d"],
    ],
    ids=lambda words: words[0],
)
def test_a_growing_collection_is_weighed_now_and_then(
    server: InProcess, client: Client, words: list[str]
) -> None:
    weighed = stale = 0
    known = 0
    for number in range(1, 3001):
        client.command(*(word.replace("%d", str(number)) for word in words))
        total(server)
        value = server.engine.keyspace.databases[0].peek(b"k")
        assert isinstance(value, Value)
        weighed += value.weight >> 24 != known
        known = value.weight >> 24
        stale += known < value.memory_usage(1 << 60) * 0.85
    assert weighed < 300
    assert stale < 60  # after a change of the encoding
    assert known <= value.memory_usage(1 << 60) * 1.15


def test_one_command_that_adds_much_is_noticed(server: InProcess, client: Client) -> None:
    client.command("RPUSH", "k", *range(1000))
    before = total(server)
    client.command("RPUSH", "k", *(["x" * 100] * 1000))
    assert total(server) > before + 100_000


def test_what_was_there_is_weighed_when_a_limit_is_set() -> None:
    server = InProcess()
    client = server.client()
    for number in range(100):
        client.command("SET", f"s{number}", "x" * 1000)
        client.command("RPUSH", f"l{number}", "x" * 1000)
    assert server.engine.keyspace.databases[0].keeper is None
    client.command("CONFIG", "SET", "maxmemory", "1000gb")
    assert 200_000 < total(server) < 260_000
    client.command("SELECT", "1")
    client.command("SET", "k", "x" * 1000)
    client.command("SWAPDB", "0", "1")
    client.command("FLUSHDB")
    assert 1000 < total(server) < 1300
    client.command("CONFIG", "SET", "maxmemory", "0")
    assert server.engine.keyspace.databases[0].keeper is None
    client.command("SET", "other", "x" * 1000)
    client.command("CONFIG", "SET", "maxmemory", "1000gb")
    assert 2000 < total(server) < 2500


def test_too_many_keys_are_taken_for_what_the_process_has_grown_by() -> None:
    server = InProcess()
    database = server.engine.keyspace.databases[0]
    for number in range(WALK_KEYS + 1):
        database.values.set(b"%d" % number, b"v")
    meter = MemoryMeter(server.engine.keyspace.databases)
    server.engine.keyspace.set_meter(meter)
    meter.begin(50_000_000)
    assert abs(meter.total - 50_000_000) < 16
    before = meter.total
    database.store(b"new", b"x" * 1000)
    meter.settle()
    assert 1000 < meter.total - before < 1300
    database.flush()
    assert meter.total == 0


def test_a_snapshot_beside_the_meter_hears_of_changes_too(server: InProcess, client: Client) -> None:
    keyspace = server.engine.keyspace
    saver = MemoryMeter(keyspace.databases)  # any keeper
    keyspace.set_keeper(saver)
    client.command("SET", "a", "1")
    assert list(saver.accounts[0].pending) == [b"a"]
    client.command("SWAPDB", "0", "1")
    assert list(saver.accounts[1].pending) == [b"a"]
    client.command("FLUSHALL")
    assert not saver.touched
    assert total(server) == 0
    keyspace.set_keeper(None)
    client.command("SET", "a", "1")
    assert not saver.touched
    assert total(server) > 0
