"""`maxmemory` in process: what goes, who hears of it, and what is refused when nothing may go."""

from __future__ import annotations

import pytest

from pyredis.engine import memory_limit
from pyredis.engine.engine import GATE_MEMORY, Host
from pyredis.engine.memory_limit import AT_WORK, EVICTION_TIMER, FULL, ROOM, tenacity_seconds
from pyredis.form import COMPILED
from tests.support.inprocess import Client, InProcess
from tests.support.observed import Log

OOM = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"
KEY = 1000
"""Bytes of a value; a key with it takes some 200 more."""


class Timers(Host):
    """A host that keeps the timers it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, str]] = []

    def call_later(self, seconds: float, what: str) -> None:
        self.asked.append((seconds, what))


@pytest.fixture
def server() -> InProcess:
    return InProcess(host=Timers())


@pytest.fixture
def client(server: InProcess) -> Client:
    return server.client()


def info(client: Client, section: str, name: str) -> int:
    text = client.command("INFO", section).decode()
    return int(text.split(f"{name}:")[1].split("\r\n")[0])


def limit(server: InProcess, client: Client, room: int, policy: str, *more: str) -> None:
    """Sets a limit by which `room` bytes more fit than there are."""
    client.command("CONFIG", "SET", "maxmemory", "1000gb", "maxmemory-policy", policy, *more)
    memory = server.engine.memory
    memory.refresh()
    client.command("CONFIG", "SET", "maxmemory", str(memory.used() + room))


def names(client: Client) -> set[str]:
    words = client.command("KEYS", "*").split(b"\r\n")
    return {word.decode() for word in words if word[:1] not in (b"*", b"$", b"")}


def fill(client: Client, count: int, first: int = 0, *more: str) -> None:
    for number in range(first, first + count):
        reply = client.command("SET", f"k{number}", "x" * KEY, *more)
        assert reply == b"+OK\r\n"


class TestGate:
    def test_without_a_limit_nothing_is_measured(self, server: InProcess, client: Client) -> None:
        assert not server.engine.gates & GATE_MEMORY
        assert server.engine.keyspace.databases[0].keeper is None
        client.command("CONFIG", "SET", "maxmemory", "1000gb")
        assert server.engine.gates & GATE_MEMORY
        assert server.engine.keyspace.databases[0].keeper is not None
        client.command("CONFIG", "SET", "maxmemory", "0")
        assert not server.engine.gates & GATE_MEMORY
        assert server.engine.keyspace.databases[0].keeper is None

    def test_a_limit_may_be_a_share_of_the_memory_there_is(self, client: Client) -> None:
        assert client.command("CONFIG", "SET", "maxmemory", "50%") == b"+OK\r\n"
        half = int(client.command("CONFIG", "GET", "maxmemory").split(b"\r\n")[4])
        client.command("CONFIG", "SET", "maxmemory", "100%")
        whole = int(client.command("CONFIG", "GET", "maxmemory").split(b"\r\n")[4])
        assert whole // 2 == half > 1 << 24
        assert b"memory value" in client.command("CONFIG", "SET", "maxmemory", "101%")

    def test_a_limit_below_what_the_interpreter_takes_leaves_room_for_data(
        self, server: InProcess, client: Client
    ) -> None:
        server.engine.statistics.startup_memory = 30 << 20
        client.command("CONFIG", "SET", "maxmemory", "10mb", "maxmemory-policy", "allkeys-lru")
        fill(client, 100)
        assert len(names(client)) == 100
        assert 2 << 20 < info(client, "memory", "used_memory") < 10 << 20
        client.command("CONFIG", "SET", "maxmemory", "31mb")
        assert info(client, "memory", "used_memory") > 30 << 20

    def test_used_memory_is_counted_while_there_is_a_limit(self, server: InProcess, client: Client) -> None:
        limit(server, client, 1 << 40, "noeviction")
        before = info(client, "memory", "used_memory")
        fill(client, 100)
        grown = info(client, "memory", "used_memory") - before
        assert 100 * KEY < grown < 130 * KEY
        client.command("FLUSHALL")
        assert abs(info(client, "memory", "used_memory") - before) < 5000
        assert info(client, "memory", "used_memory_rss") > 0


class TestOutOfMemory:
    @pytest.fixture(autouse=True)
    def full(self, server: InProcess, client: Client) -> None:
        client.command("SET", "there", "1")
        client.command("FUNCTION", "LOAD", LIBRARY)
        client.command("CONFIG", "SET", "maxmemory", "1")

    def test_what_may_take_more_is_refused(self, server: InProcess, client: Client) -> None:
        assert client.command("SET", "k", "v") == OOM
        assert client.command("LPUSH", "k", "v") == OOM
        assert client.command("GET", "there") == b"$1\r\n1\r\n"
        assert client.command("DEL", "there") == b":1\r\n"
        assert b"errorstat_OOM:count=2" in client.command("INFO", "errorstats")
        assert b"cmdstat_set:calls=1,usec=" in client.command("INFO", "commandstats")
        assert b"rejected_calls=1" in client.command("INFO", "commandstats")
        client.command("CONFIG", "SET", "maxmemory", "0")
        assert client.command("SET", "k", "v") == b"+OK\r\n"

    def test_a_transaction_keeps_nothing_more(self, client: Client) -> None:
        for argv in (["GET", "there"], ["PING"], ["WATCH", "a"], ["SET", "a", "1"]):
            client.command("MULTI")
            assert client.command(*argv) == OOM
            error = b"-EXECABORT Transaction discarded because of previous errors.\r\n"
            assert client.command("EXEC") == error
        client.command("MULTI")
        assert client.command("PING") == OOM
        assert client.command("DISCARD") == b"+OK\r\n"
        client.command("MULTI")
        assert client.command("RESET") == b"+RESET\r\n"

    def test_one_that_was_queued_before_does_not_run(self, server: InProcess, client: Client) -> None:
        other = server.client()
        client.command("CONFIG", "SET", "maxmemory", "0")
        for queued, reply in (
            (["SET", "there", "2"], b"-EXECABORT Transaction discarded because of: " + OOM[1:]),
            (["GET", "there"], b"*1\r\n$1\r\n1\r\n"),
        ):
            client.command("MULTI")
            client.command(*queued)
            other.command("CONFIG", "SET", "maxmemory", "1")
            assert client.command("EXEC") == reply
            other.command("CONFIG", "SET", "maxmemory", "0")

    def test_a_transaction_that_has_begun_ends(self, client: Client) -> None:
        client.command("CONFIG", "SET", "maxmemory", "0")
        client.command("MULTI")
        client.command("CONFIG", "SET", "maxmemory", "1")
        client.command("SET", "k", "v")
        client.command("EVAL", "return redis.call('set', 'k', 'v')", "0")
        client.command("EVAL", "#!lua\nreturn redis.call('set', 'k', 'v')", "0")
        assert client.command("EXEC") == b"*4\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n"

    def test_scripts_stop_at_their_first_write(self, client: Client) -> None:
        write = "return redis.call('set', 'k', 'v')"
        reply = client.command("EVAL", write, "0")
        assert reply.startswith(OOM[:-2] + b" script: ")
        assert reply.endswith(b", on @user_script:1.\r\n")
        assert client.command("EVAL", "return redis.pcall('set', 'k', 'v')", "0") == OOM
        assert client.command("EVAL", "redis.call('del', 'x') " + write, "0") == b"+OK\r\n"
        assert client.command("EVAL", "redis.call('get', 'x') " + write, "0").startswith(b"-OOM ")
        assert client.command("EVAL", "return redis.call('get', 'k')", "0") == b"$1\r\nv\r\n"

    def test_scripts_that_declare_what_they_do(self, client: Client) -> None:
        assert client.command("EVAL", "#!lua\nreturn 1", "0") == OOM
        assert client.command("EVAL", "#!lua flags=no-writes\nreturn 1", "0") == b":1\r\n"
        allowed = "#!lua flags=allow-oom\nreturn redis.call('set', 'k', 'v')"
        assert client.command("EVAL", allowed, "0") == b"+OK\r\n"
        assert client.command("FCALL", "w", "0") == OOM
        assert client.command("FCALL", "o", "0") == b"+OK\r\n"
        assert client.command("FCALL", "n", "0") == b":1\r\n"

    def test_one_within_a_transaction_that_declares_nothing_about_it(
        self, server: InProcess, client: Client
    ) -> None:
        client.command("CONFIG", "SET", "maxmemory", "0")
        client.command("MULTI")
        client.command("EVAL", "#!lua\nreturn 1", "0")
        server.client().command("CONFIG", "SET", "maxmemory", "1")
        assert client.command("EXEC").startswith(b"-EXECABORT Transaction discarded because of: OOM ")

    def test_pausing_and_loading_refuse_nothing(self, server: InProcess, client: Client) -> None:
        client.command("CLIENT", "PAUSE", "1000", "WRITE")
        assert server.engine.memory.make_room() == ROOM
        client.command("CLIENT", "UNPAUSE")
        assert server.engine.memory.make_room() == FULL
        server.engine.begin_loading()
        assert server.engine.memory.make_room() == ROOM
        server.engine.end_loading()
        assert server.engine.memory.make_room() == FULL

    def test_the_time_without_room_is_told(self, server: InProcess, client: Client) -> None:
        client.command("PING")
        server.engine.memory.exceeded_since -= 2.5
        assert 2500 <= info(client, "stats", "current_eviction_exceeded_time") < 4000
        assert 2500 <= info(client, "stats", "total_eviction_exceeded_time") < 4000
        client.command("CONFIG", "SET", "maxmemory", "1000gb")
        assert info(client, "stats", "current_eviction_exceeded_time") == 0
        assert 2500 <= info(client, "stats", "total_eviction_exceeded_time") < 4000
        client.command("CONFIG", "RESETSTAT")
        assert info(client, "stats", "total_eviction_exceeded_time") == 0


LIBRARY = """#!lua name=l
local function set() return redis.call('set', 'x', '1') end
redis.register_function{function_name='w', callback=set}
redis.register_function{function_name='o', callback=set, flags={'allow-oom'}}
redis.register_function{function_name='n', callback=function() return 1 end, flags={'no-writes'}}
"""


class TestPolicies:
    def test_least_recently_used(self, server: InProcess, client: Client) -> None:
        fill(client, 20)
        server.clock.advance(10_000)
        kept = {f"k{number}" for number in range(0, 20, 2)}
        for name in kept:
            client.command("GET", name)
        server.clock.advance(10_000)
        limit(server, client, -8 * KEY, "allkeys-lru", "maxmemory-samples", "64")
        fill(client, 2, 100)
        assert kept < names(client)
        assert info(client, "stats", "evicted_keys") == 20 + 2 - len(names(client)) >= 8

    def test_only_what_has_a_deadline(self, server: InProcess, client: Client) -> None:
        fill(client, 10)
        fill(client, 10, 10, "EX", "1000")
        for policy in ("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"):
            limit(server, client, 0, policy)
            before = names(client)
            fill(client, 1, 200)
            assert {f"k{number}" for number in range(10)} < names(client)
            assert len(before - names(client)) in (1, 2)
            client.command("DEL", "k200")
        client.command("CONFIG", "SET", "maxmemory", "1")
        assert client.command("SET", "k", "v") == OOM
        assert names(client) == {f"k{number}" for number in range(10)}

    def test_soonest_to_expire(self, server: InProcess, client: Client) -> None:
        for number in range(20):
            client.command("SET", f"k{number}", "x" * KEY, "EX", str(1000 - number))
        limit(server, client, -3 * KEY, "volatile-ttl", "maxmemory-samples", "64")
        client.command("PING")
        assert names(client) == {f"k{number}" for number in range(len(names(client)))}
        assert len(names(client)) < 20

    def test_least_frequently_used(self, server: InProcess, client: Client) -> None:
        client.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu", "lfu-log-factor", "0")
        fill(client, 20)
        kept = {f"k{number}" for number in range(0, 20, 2)}
        for _ in range(5):
            for name in kept:
                client.command("GET", name)
        limit(server, client, -9 * KEY, "allkeys-lfu", "maxmemory-samples", "64")
        client.command("PING")
        assert kept <= names(client)
        assert len(names(client)) < 13

    def test_frequency_decays(self, server: InProcess, client: Client) -> None:
        client.command(
            "CONFIG", "SET", "maxmemory-policy", "allkeys-lfu", "lfu-log-factor", "0", "lfu-decay-time", "1"
        )
        client.command("SET", "k", "v")
        for _ in range(10):
            client.command("GET", "k")
        assert client.command("OBJECT", "FREQ", "k") == b":15\r\n"
        server.clock.advance(3 * 60_000)
        assert client.command("OBJECT", "FREQ", "k") == b":12\r\n"
        client.command("CONFIG", "SET", "lfu-decay-time", "0")
        assert client.command("OBJECT", "FREQ", "k") == b":15\r\n"

    def test_first_in_first_out(self, server: InProcess, client: Client) -> None:
        fill(client, 20)
        for _ in range(3):
            client.command("GET", "k0")
        limit(server, client, -5 * KEY, "allkeys-fifo")
        client.command("PING")
        left = names(client)
        assert left == {f"k{number}" for number in range(20 - len(left), 20)}
        assert len(left) < 20
        assert client.command("CONFIG", "GET", "maxmemory-policy").endswith(b"allkeys-fifo\r\n")

    def test_random_takes_from_all_databases(self, server: InProcess, client: Client) -> None:
        fill(client, 50)
        client.command("SELECT", "5")
        fill(client, 50)
        limit(server, client, -40 * KEY, "allkeys-random")
        client.command("PING")
        sizes = [len(server.engine.keyspace.databases[index]) for index in (0, 5)]
        assert max(sizes) < 45
        assert abs(sizes[0] - sizes[1]) <= 1

    def test_pool_skips_keys_that_have_gone(self, server: InProcess, client: Client) -> None:
        fill(client, 30)
        limit(server, client, 0, "allkeys-lru")
        fill(client, 3, 100)
        for number in range(29):
            client.command("DEL", f"k{number}")
        client.command("CONFIG", "SET", "maxmemory", "1")
        client.command("PING")
        assert names(client) == set()

    def test_switching_between_policies(self, client: Client) -> None:
        client.command("SET", "k", "v")
        for policy in ("allkeys-lfu", "volatile-lfu"):
            client.command("CONFIG", "SET", "maxmemory-policy", policy)
            assert client.command("OBJECT", "FREQ", "k").startswith(b":")
            assert client.command("OBJECT", "IDLETIME", "k").startswith(
                b"-ERR An LFU maxmemory policy is selected"
            )
        for policy in ("allkeys-lru", "volatile-ttl", "noeviction", "allkeys-fifo"):
            client.command("CONFIG", "SET", "maxmemory-policy", policy)
            assert client.command("OBJECT", "FREQ", "k").startswith(
                b"-ERR An LFU maxmemory policy is not selected"
            )
            assert client.command("OBJECT", "IDLETIME", "k").startswith(b":")


class TestWhoHearsOfIt:
    def test_the_log_gets_deletions_before_the_write(self, server: InProcess, client: Client) -> None:
        fill(client, 3)
        log = Log()
        server.engine.add_sink(log)
        limit(server, client, 0, "allkeys-fifo")
        fill(client, 2, 10)
        commands = [argv[:2] for argv in log.commands]
        assert commands == [[b"SET", b"k10"], [b"DEL", b"k0"], [b"SET", b"k11"]]
        client.command("CONFIG", "SET", "lazyfree-lazy-eviction", "yes")
        log.commands.clear()
        fill(client, 2, 12)
        assert [argv[:2] for argv in log.commands] == [[b"SET", b"k12"], [b"UNLINK", b"k2"], [b"SET", b"k13"]]

    def test_large_values_are_freed_later_if_wanted(self, server: InProcess, client: Client) -> None:
        client.command("RPUSH", "k", *(["x" * 100] * 5000))
        client.command("CONFIG", "SET", "lazyfree-lazy-eviction", "yes", "maxmemory-policy", "allkeys-lru")
        client.command("CONFIG", "SET", "maxmemory", "1")
        client.command("PING")
        assert info(client, "memory", "lazyfree_pending_objects") == 1

    def test_event(self, server: InProcess, client: Client) -> None:
        fill(client, 2)
        client.command("CONFIG", "SET", "notify-keyspace-events", "Ee")
        listener = server.client()
        listener.command("SUBSCRIBE", "__keyevent@0__:evicted")
        limit(server, client, 0, "allkeys-fifo")
        fill(client, 2, 10)
        assert listener.received() == b"*3\r\n$7\r\nmessage\r\n$22\r\n__keyevent@0__:evicted\r\n$2\r\nk0\r\n"

    def test_watch(self, server: InProcess, client: Client) -> None:
        fill(client, 2)
        client.command("WATCH", "k0")
        other = server.client()
        limit(server, other, 0, "allkeys-fifo")
        fill(other, 2, 10)
        client.command("MULTI")
        client.command("PING")
        assert client.command("EXEC") == b"*-1\r\n"

    @pytest.mark.parametrize("mode", [[], ["BCAST"], ["NOLOOP"], ["BCAST", "NOLOOP"]])
    def test_clients_that_cache(self, server: InProcess, mode: list[str]) -> None:
        client = server.client(protocol=3)
        fill(client, 2)
        client.command("CLIENT", "TRACKING", "ON", *mode)
        client.command("GET", "k0")
        limit(server, client, -KEY, "allkeys-fifo")
        reply = client.command("PING") + client.received()
        assert b">2\r\n$10\r\ninvalidate\r\n*1\r\n$2\r\nk0\r\n" in reply

    def test_hits_and_misses_are_not_affected(self, server: InProcess, client: Client) -> None:
        fill(client, 10)
        client.command("CONFIG", "RESETSTAT")
        limit(server, client, 0, "allkeys-lru")
        fill(client, 5, 100)
        assert info(client, "stats", "keyspace_hits") == info(client, "stats", "keyspace_misses") == 0
        assert info(client, "stats", "evicted_keys") >= 4
        assert info(client, "stats", "expired_keys") == 0
        client.command("CONFIG", "RESETSTAT")
        assert info(client, "stats", "evicted_keys") == 0

    def test_latency_events(self, server: InProcess, client: Client) -> None:
        for first in range(0, 200_000, 1000):
            client.command("SADD", "k", *(f"member:{number}" for number in range(first, first + 1000)))
        client.command("CONFIG", "SET", "latency-monitor-threshold", "1", "maxmemory-policy", "allkeys-lru")
        client.command("CONFIG", "SET", "maxmemory", "1")
        client.command("PING")
        assert names(client) == set()
        latest = client.command("LATENCY", "LATEST")
        assert b"eviction-cycle" in latest
        assert b"eviction-del" in latest


class TestTenacity:
    def test_formula(self) -> None:
        assert tenacity_seconds(0) == 0.0
        assert tenacity_seconds(10) == pytest.approx(500e-6)
        assert tenacity_seconds(11) == pytest.approx(575e-6)
        assert tenacity_seconds(99) == pytest.approx(126.2, rel=0.01)
        assert tenacity_seconds(100) > 1e9

    def test_goes_on_from_a_timer(self, server: InProcess, client: Client) -> None:
        fill(client, 100)
        limit(server, client, 0, "allkeys-lru", "maxmemory-eviction-tenacity", "0")
        memory = server.engine.memory
        memory.target -= 60 * KEY
        assert client.command("SET", "k", "v") == b"+OK\r\n"  # at work, so nothing is refused
        assert memory.make_room() in (AT_WORK, ROOM)
        host = server.engine.host
        assert isinstance(host, Timers)
        assert (0.0, EVICTION_TIMER) in host.asked
        for _ in range(10):
            server.engine.timer_fired(EVICTION_TIMER)
        assert memory.make_room() == ROOM
        assert len(names(client)) < 60

    def test_a_lower_limit_is_met_without_commands(self, server: InProcess, client: Client) -> None:
        fill(client, 20)
        limit(server, client, -5 * KEY, "allkeys-lru")
        server.engine.timer_fired(EVICTION_TIMER)
        assert len(server.engine.keyspace.databases[0]) < 17


@pytest.mark.skipif(COMPILED, reason="what compiled code calls cannot be replaced")
class TestResidentMemory:
    @pytest.fixture
    def trims(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Resident sizes as a test sets them: before and after each request to the C library."""
        sizes: list[int] = []
        monkeypatch.setattr(memory_limit, "resident_bytes", lambda: sizes[0])
        monkeypatch.setattr(memory_limit, "release_free_memory", lambda: sizes.pop(0) > 0)
        return sizes

    def test_what_is_free_is_given_back_and_the_rest_taken_off_the_limit(
        self, server: InProcess, client: Client, trims: list[int]
    ) -> None:
        size = 1 << 40
        trims += [size, size]
        client.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "maxmemory", str(size))
        memory = server.engine.memory
        trims[:] = [size * 114 // 100] * 2
        server.clock.advance(1000)
        memory.tick()
        assert (len(trims), memory.target) == (2, size)  # too little to do anything about
        trims[:] = [size * 14 // 10, size * 12 // 10, size * 12 // 10]
        server.clock.advance(1000)
        memory.tick()
        assert len(trims) == 2
        assert memory.target == pytest.approx(size * 0.95, rel=0.001)
        trims[:] = [size * 2, size * 2, size * 2, size * 2]
        server.clock.advance(1000)
        memory.tick()
        assert memory.target == size - size // 8  # and no more
        before = len(trims)
        server.clock.advance(1000)
        memory.tick()
        assert len(trims) == before  # it was of no use, so the next is put off
        server.clock.advance(1000)
        memory.tick()
        assert len(trims) == before - 1
        trims[:] = [size]
        server.clock.advance(1000)
        memory.tick()
        assert memory.target == size

    def test_without_eviction_the_limit_stays(
        self, server: InProcess, client: Client, trims: list[int]
    ) -> None:
        size = 1 << 40
        trims += [size * 2, size * 2]
        client.command("CONFIG", "SET", "maxmemory", str(size))
        server.clock.advance(1000)
        server.engine.memory.tick()
        assert server.engine.memory.target == size
        assert len(trims) == 1


class TestClients:
    def test_the_largest_goes(self, server: InProcess, client: Client) -> None:
        small, large = server.client(), server.client()
        client.command("CONFIG", "SET", "maxmemory-clients", "200kb")
        small.send(b"*1\r\n$100000\r\n" + b"x" * 5000)
        large.send(b"*1\r\n$1000000\r\n" + b"x" * 150_000)
        assert not large.wire.is_closed
        small.send(b"x" * 50_000)
        assert large.wire.is_closed
        assert not small.wire.is_closed
        assert info(client, "stats", "evicted_clients") == 1
        client.command("CONFIG", "RESETSTAT")
        assert info(client, "stats", "evicted_clients") == 0

    def test_one_that_may_not_go(self, server: InProcess, client: Client) -> None:
        client.command("CONFIG", "SET", "maxmemory-clients", "200kb")
        client.command("CLIENT", "NO-EVICT", "ON")
        large, other = server.client(), server.client()
        large.command("CLIENT", "NO-EVICT", "ON")
        large.send(b"*1\r\n$1000000\r\n" + b"x" * 300_000)
        other.command("PING")
        assert not large.wire.is_closed
        assert other.wire.is_closed
        assert client.command("PING") == b"+PONG\r\n"

    def test_transactions_and_unread_replies_count(self, server: InProcess, client: Client) -> None:
        client.command("CONFIG", "SET", "maxmemory-clients", "200kb")
        queueing, reading = server.client(), server.client()
        queueing.command("MULTI")
        for _ in range(30):
            queueing.command("SET", "k", "x" * 10_000)
        assert queueing.wire.is_closed
        reading.wire.pending = 300_000
        server.engine.client_limit.tick()
        assert reading.wire.is_closed
        assert info(client, "stats", "evicted_clients") == 2

    def test_a_share_of_the_memory_limit(self, server: InProcess, client: Client) -> None:
        client.command("CONFIG", "SET", "maxmemory-clients", "10%")
        assert server.engine.client_limit.limit == 0
        client.command("CONFIG", "SET", "maxmemory", "100gb")
        assert server.engine.client_limit.limit == 10 << 30
        client.command("CONFIG", "SET", "maxmemory-clients", "1")
        assert server.engine.client_limit.limit == 128 << 10

    def test_ended_connections_count_no_more(self, server: InProcess, client: Client) -> None:
        client.command("CONFIG", "SET", "maxmemory-clients", "1gb")
        before = server.engine.client_limit.total
        other = server.client()
        other.send(b"*1\r\n$1000000\r\n" + b"x" * 150_000)
        assert server.engine.client_limit.total > before + 150_000
        other.disconnect()
        client.command("PING")
        assert server.engine.client_limit.total < before + 10_000
