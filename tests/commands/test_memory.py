"""MEMORY, in process: sizes that follow the data, and totals that follow the process."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from pyredis.commands.memory import (
    BIG_BUFFERS,
    BIG_PEAK,
    EMPTY,
    FAREWELL,
    FRAGMENTED_MEMORY,
    HEALTHY,
    ISSUES,
    SCRIPTS,
    diagnosis,
)
from pyredis.datatypes.footprint import SMALL_BLOCK, block, bytes_block, scaled
from pyredis.engine.memory_totals import MemoryTotals
from tests.support.inprocess import Client, InProcess
from tests.support.wire import decode

MEGABYTE = 1 << 20


@pytest.fixture
def server() -> InProcess:
    return InProcess()


@pytest.fixture
def client(server: InProcess) -> Client:
    return server.client()


def usage(client: Client, *arguments: str) -> int:
    size = decode(client.command("MEMORY", "USAGE", *arguments))
    assert isinstance(size, int)
    return size


def fill(client: Client, kind: str, count: int, width: int = 1) -> None:
    """A collection of `count` elements at the key `kind`."""
    for i in range(count):
        element = f"{i:0{width}d}"
        if kind == "list":
            client.command("RPUSH", kind, element)
        elif kind == "set":
            client.command("SADD", kind, "m" + element)
        elif kind == "intset":
            client.command("SADD", kind, str(i))
        elif kind == "hash":
            client.command("HSET", kind, "f" + element, element)
        elif kind == "zset":
            client.command("ZADD", kind, str(i), element)
        else:
            client.command("XADD", kind, f"{i + 1}-0", "field", element)


def read_stats(client: Client) -> dict[str, Any]:
    """MEMORY STATS as a dict, in RESP2."""
    pairs: Any = decode(client.command("MEMORY", "STATS"))
    stats: dict[str, Any] = {
        name.decode(): value for name, value in zip(pairs[::2], pairs[1::2], strict=True)
    }
    for name, value in stats.items():
        if isinstance(value, list):
            stats[name] = {key.decode(): size for key, size in zip(value[::2], value[1::2], strict=True)}
    return stats


KINDS = ("list", "set", "intset", "hash", "zset", "stream")


class TestUsage:
    def test_missing_key(self, server: InProcess, client: Client) -> None:
        assert client.command("MEMORY", "USAGE", "k") == b"$-1\r\n"
        assert server.client(3).command("MEMORY", "USAGE", "k") == b"_\r\n"

    def test_a_string_takes_its_length_and_some(self, client: Client) -> None:
        client.command("SET", "k", "x" * 1000)
        client.command("SET", "l", "x" * 5000)
        assert 1000 < usage(client, "k") < 1250
        assert usage(client, "l") - usage(client, "k") == 4000

    def test_a_key_counts(self, client: Client) -> None:
        client.command("SET", "k", "x")
        client.command("SET", "k" * 161, "x")
        assert usage(client, "k" * 161) - usage(client, "k") == 160

    def test_a_deadline_counts(self, client: Client) -> None:
        client.command("SET", "k", "x")
        before = usage(client, "k")
        client.command("EXPIRE", "k", "100")
        assert usage(client, "k") > before

    @pytest.mark.parametrize(("commands", "atleast"), [
        ([("SET", "k", "5"), ("INCR", "k")], 28),
        ([("SET", "k", "a"), ("APPEND", "k", "b" * 700)], 701),
    ])  # fmt: skip
    def test_other_forms_of_strings(
        self, client: Client, commands: list[tuple[str, ...]], atleast: int
    ) -> None:
        for command in commands:
            client.command(*command)
        assert atleast < usage(client, "k") < 2 * atleast + 250

    @pytest.mark.parametrize("kind", KINDS)
    def test_collections_grow(self, client: Client, kind: str) -> None:
        fill(client, kind, 3)
        small = usage(client, kind)
        fill(client, kind, 2000)
        large = usage(client, kind, "SAMPLES", "0")
        assert small < 2500
        assert 2000 < large < 2000 * 250
        assert large > small

    @pytest.mark.parametrize("kind", KINDS)
    def test_samples_come_near(self, client: Client, kind: str) -> None:
        fill(client, kind, 2000, width=8)
        every = usage(client, kind, "SAMPLES", "0")
        assert usage(client, kind) == pytest.approx(every, rel=0.25)
        assert usage(client, kind, "SAMPLES", "1000000") == every

    def test_field_deadlines_count(self, client: Client) -> None:
        fill(client, "hash", 100)
        before = usage(client, "hash")
        for i in range(100):
            client.command("HEXPIRE", "hash", "100", "FIELDS", "1", f"f{i}")
        assert usage(client, "hash") > before + 100 * 32

    def test_pending_entries_count(self, client: Client) -> None:
        fill(client, "stream", 300)
        before = usage(client, "stream")
        client.command("XGROUP", "CREATE", "stream", "g", "0")
        client.command("XREADGROUP", "GROUP", "g", "c", "STREAMS", "stream", ">")
        assert usage(client, "stream") > before + 300 * 64

    def test_other_fields_of_a_stream_count(self, client: Client) -> None:
        client.command("CONFIG", "SET", "stream-node-max-entries", "1")
        for i in range(20):
            client.command("XADD", "same", f"{i + 1}-0", "f" * 200, "v")
            client.command("XADD", "other", f"{i + 1}-0", f"{i:0200d}", "v")
        assert usage(client, "other", "SAMPLES", "0") > usage(client, "same", "SAMPLES", "0") + 19 * 200

    def test_leaves_no_trace(self, server: InProcess, client: Client) -> None:
        client.command("SET", "k", "v", "PX", "10")
        server.clock.advance(1000)
        hits, misses = server.engine.keyspace.hits, server.engine.keyspace.misses
        assert usage(client, "k") > 0
        assert (server.engine.keyspace.hits, server.engine.keyspace.misses) == (hits, misses)

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            (("SAMPLES",), "syntax error"),
            (("COUNT", "1"), "syntax error"),
            (("SAMPLES", "-1"), "syntax error"),
            (("SAMPLES", "x"), "value is not an integer or out of range"),
            (("SAMPLES", "1", "x"), "syntax error"),
        ],
    )
    def test_wrong_options(self, client: Client, arguments: tuple[str, ...], error: str) -> None:
        assert client.command("MEMORY", "USAGE", "k", *arguments) == f"-ERR {error}\r\n".encode()

    def test_the_last_samples_win(self, client: Client) -> None:
        client.command("SET", "k", "v")
        assert usage(client, "k", "samples", "1", "SAMPLES", "2") > 0

    def test_wrong_subcommands(self, client: Client) -> None:
        assert client.command("MEMORY", "x") == b"-ERR unknown subcommand 'x'. Try MEMORY HELP.\r\n"
        assert (
            client.command("MEMORY", "USAGE")
            == b"-ERR wrong number of arguments for 'memory|usage' command\r\n"
        )


class TestFootprint:
    def test_blocks(self) -> None:
        assert [block(size) for size in (1, 16, 17, SMALL_BLOCK)] == [16, 16, 32, SMALL_BLOCK]
        assert block(SMALL_BLOCK + 1) == SMALL_BLOCK + 16
        assert bytes_block(0) == 48

    def test_scaled(self) -> None:
        assert scaled(50, 5, 100) == 1000
        assert scaled(50, 5, 5) == 50
        assert scaled(0, 0, 0) == 0


class TestTotals:
    def test_stats(self, server: InProcess, client: Client) -> None:
        client.command("SET", "a", "v", "EX", "100")
        client.command("SELECT", "3")
        client.command("SET", "b", "v")
        stats = read_stats(client)
        assert stats["keys.count"] == 2
        assert stats["total.allocated"] > 5 * MEGABYTE
        assert stats["peak.allocated"] >= stats["total.allocated"]
        assert stats["total.allocated"] >= stats["dataset.bytes"] >= 0
        assert stats["overhead.total"] > stats["startup.allocated"] > 0
        assert stats["db.0"]["overhead.hashtable.main"] > 0
        assert stats["db.0"]["overhead.hashtable.expires"] > 0
        assert "db.1" not in stats
        assert stats["db.3"]["overhead.hashtable.main"] > 0
        assert float(stats["fragmentation"]) == 1
        assert 0 < float(stats["peak.percentage"]) <= 100

    def test_stats_is_a_map(self, server: InProcess) -> None:
        client = server.client(3)
        client.command("SET", "a", "v")
        reply = client.command("MEMORY", "STATS")
        assert reply.startswith(b"%32\r\n$14\r\npeak.allocated\r\n:")
        assert b"$4\r\ndb.0\r\n%2\r\n$23\r\noverhead.hashtable.main\r\n:" in reply
        assert reply.endswith(b"$13\r\nfragmentation\r\n,1\r\n$19\r\nfragmentation.bytes\r\n:0\r\n")

    def test_bytes_per_key_of_no_keys(self, client: Client) -> None:
        assert b"$18\r\nkeys.bytes-per-key\r\n:0\r\n" in client.command("MEMORY", "STATS")

    @pytest.mark.parametrize(
        ("used", "peak", "buffers", "scripts", "report"),
        [
            (24, 24, 0, 0, EMPTY),
            (30, 30, 0, 0, HEALTHY),
            (30, 34, 0, 1000, HEALTHY),
            (30, 36, 0, 0, ISSUES + BIG_PEAK + FAREWELL),
            (30, 30, 1, 0, ISSUES + BIG_BUFFERS + FAREWELL),
            (30, 36, 1, 1001, ISSUES + BIG_PEAK + BIG_BUFFERS + SCRIPTS + FAREWELL),
        ],
    )
    def test_diagnosis(
        self, server: InProcess, used: int, peak: int, buffers: int, scripts: int, report: bytes
    ) -> None:
        totals = MemoryTotals(server.engine)
        totals.startup = 20 * MEGABYTE
        totals.grown = (used - 20) * MEGABYTE
        totals.peak = peak * MEGABYTE
        totals.clients = buffers * MEGABYTE
        totals.scripts = scripts
        assert diagnosis(totals, 4) == report

    def test_diagnosis_of_fragmentation(self, server: InProcess) -> None:
        totals = MemoryTotals(server.engine)
        totals.startup, totals.used = 20 * MEGABYTE, 30 * MEGABYTE
        totals.grown = totals.peak = 10 * MEGABYTE
        for resident, report in ((42, HEALTHY), (43, ISSUES + FRAGMENTED_MEMORY + FAREWELL)):
            totals.resident = resident * MEGABYTE
            totals.fragmented = totals.resident - totals.used
            assert diagnosis(totals, 1) == report

    def test_with_a_limit_fragmentation_is_known(self, client: Client) -> None:
        client.command("CONFIG", "SET", "maxmemory", "1000gb")
        ballast = [bytes(5000) for _ in range(4000)]  # which no key has
        stats = read_stats(client)
        resident = stats["allocator.resident"]
        assert resident - stats["total.allocated"] == stats["fragmentation.bytes"]
        assert float(stats["fragmentation"]) == pytest.approx(resident / stats["total.allocated"])
        assert len(ballast) == 4000

    def test_doctor(self, server: InProcess) -> None:
        startup = server.engine.statistics.startup_memory
        server.engine.statistics.startup_memory = 1 << 60
        reply = server.client(3).command("MEMORY", "DOCTOR")
        assert reply == b"=%d\r\ntxt:%b\r\n" % (len(EMPTY) + 4, EMPTY)
        server.engine.statistics.startup_memory = startup

    def test_purge(self, client: Client) -> None:
        assert client.command("MEMORY", "PURGE") == b"+OK\r\n"

    def test_malloc_stats(self, server: InProcess, client: Client) -> None:
        report = decode(client.command("MEMORY", "MALLOC-STATS"))
        assert isinstance(report, bytes)
        lines = report.decode().splitlines()
        blocks = int(lines[1].removeprefix("allocated blocks: "))
        assert blocks > 10_000
        if sys.platform == "linux":
            allocated = int(lines[2].removeprefix("bytes of the C library: ").split()[0])
            kept = bytearray(50_000_000)
            report = decode(client.command("MEMORY", "MALLOC-STATS"))
            assert isinstance(report, bytes)
            grown = int(report.split(b"C library: ")[1].split()[0]) - allocated
            assert abs(grown - len(kept)) < 5_000_000
        assert len([line for line in lines if line.startswith("generation ")]) == 3
        assert server.client(3).command("MEMORY", "MALLOC-STATS").startswith(b"=")

    def test_help(self, client: Client) -> None:
        reply = client.command("MEMORY", "HELP")
        assert reply.startswith(
            b"*14\r\n+MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n+DOCTOR\r\n"
        )
        assert reply.endswith(b"+HELP\r\n+    Prints this help.\r\n")
