"""A small run of the fuzzer, its oddest inputs by name, and a run against a live server."""

from __future__ import annotations

import gc
import os
import tracemalloc
from pathlib import Path

import pytest

from tests.fuzz.harness import PING, FuzzError, Harness
from tests.fuzz.inputs import InputMaker
from tests.fuzz.live import fuzz_server
from tests.support.inprocess import Client, encode_command
from tests.support.servers import PyredisServer

INPUTS = int(os.environ.get("PYREDIS_TEST_FUZZ_INPUTS", "12000"))
SEED = int(os.environ.get("PYREDIS_TEST_FUZZ_SEED", "1"))

ODD = {
    "nothing": b"",
    "a NUL": b"\0",
    "NULs": b"\0" * 1000,
    "a line that never ends": b"x" * 70_000,
    "a header that never ends": b"*" + b"1" * 70_000,
    "a size that never ends": b"*1\r\n$" + b"1" * 70_000,
    "two thousand million arguments": b"*2147483647\r\n",
    "more than fit": b"*2147483648\r\n",
    "a negative count": b"*-2147483648\r\n" + PING,
    "half a gigabyte": b"*2\r\n$4\r\nECHO\r\n$536870912\r\n",
    "a number of forty digits": b"*" + b"9" * 40 + b"\r\n",
    "nested arrays": b"*1\r\n" * 20_000,
    "nested arrays of many": b"*1000000\r\n" * 2000,
    "a reply": b"+OK\r\n:1\r\n$-1\r\n*-1\r\n_\r\n#t\r\n,1.5\r\n(1\r\n",
    "RESP3": b"%1\r\n$4\r\nPING\r\n$1\r\nx\r\n~1\r\n$4\r\nPING\r\n>1\r\n$4\r\nPING\r\n|1\r\n",
    "an attribute": b"|1\r\n+k\r\n+v\r\n" + PING,
    "quotes": b"SET k \"\\x00\\xff\\\"\r\n'\r\n\"\r\n",
    "a name of NULs": encode_command(b"\0" * 200, b"\0" * 200),
    "a name of line ends": encode_command(b"\r\n+OK\r\n", b"\r\n"),
    "a long name": encode_command(b"x" * 100_000, b"y" * 100_000),
    "an empty name": encode_command(b""),
    "an empty subcommand": encode_command(b"CONFIG", b""),
    "HTTP": b"POST / HTTP/1.1\r\nHost: localhost:6379\r\nContent-Length: 16\r\n\r\nFLUSHALL\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(range(200)),
    "a thousand MULTIs": encode_command(b"MULTI") * 1000 + encode_command(b"EXEC"),
    "a transaction in pieces": encode_command(b"MULTI") + encode_command(b"SET", b"k", b"v") * 100,
    "everything after QUIT": encode_command(b"QUIT") + PING * 1000,
    "an exploding glob": encode_command(b"SET", b"a" * 9, b"") + encode_command(b"KEYS", b"a*" * 28 + b"b"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a command may write stays out of the tree."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("data", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("piece", [1 << 20, 997, 16])
def test_odd_input(data: bytes, piece: int) -> None:
    with Harness() as harness:
        harness.check([data[i : i + piece] for i in range(0, len(data), piece)])


def test_random_input() -> None:
    maker = InputMaker(SEED)
    with Harness() as harness:
        for _ in range(INPUTS):
            harness.check(maker.cut(maker.next_input()))
    # All three outcomes must have been met often, or the inputs are not what they should be.
    assert harness.replies > INPUTS
    assert harness.closed > INPUTS / 20
    assert harness.waiting > INPUTS / 20


def test_the_memory_of_random_input_is_given_back() -> None:
    maker = InputMaker(SEED + 1)
    with Harness() as harness:
        for _ in range(1500):
            harness.check(maker.cut(maker.next_input()))
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(1500):
                harness.check(maker.cut(maker.next_input()))
            for database in harness.engine.keyspace.databases:
                database.flush()
            gc.collect()
            grown, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert grown - before < 4 << 20
    assert peak - before < 64 << 20


def test_what_is_held_is_bounded_by_what_was_sent() -> None:
    """A header that announces gigabytes reserves nothing."""
    with Harness() as harness:
        tracemalloc.start()
        try:
            for header in (
                b"*1048576\r\n$1048576\r\n",
                b"*2147483647\r\n",
                b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048576\r\n",
            ):
                harness.check([header, b"x" * 100])
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 4 << 20


def test_a_live_server_keeps_its_memory_and_its_temper() -> None:
    with PyredisServer("--save", "", "--proto-max-bulk-len", "1mb") as server:
        result = fuzz_server("127.0.0.1", server.port, 600, SEED)
        assert result.growth < 24 << 20
        with server.connect() as client:
            assert client.command("PING") == b"+PONG\r\n"


class TestTheHarness:
    """It must be able to fail."""

    def test_a_wrong_reply_is_noticed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with Harness() as harness:
            monkeypatch.setattr("tests.support.inprocess.Client.send", lambda _client, _data: b"garbage")
            with pytest.raises(FuzzError, match="not RESP"):
                harness.check([PING])

    def test_an_exception_of_a_handler_is_noticed(self) -> None:
        with Harness() as harness:
            harness.log.error("Unexpected error while running a command")
            with pytest.raises(FuzzError, match="Unexpected error"):
                harness.check([PING])

    def test_a_client_left_behind_is_noticed(self) -> None:
        with Harness() as harness:
            Client(harness.engine)
            with pytest.raises(FuzzError, match="left behind"):
                harness.check([PING])

    def test_equal_seeds_make_equal_inputs(self) -> None:
        one, two = InputMaker(5), InputMaker(5)
        assert [one.next_input() for _ in range(500)] == [two.next_input() for _ in range(500)]
