"""Connections of the metrics port without sockets: a loop whose timers a test fires, a transport that may congest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pyredis.metrics.http import HEAD_BYTES
from pyredis.server.metrics_port import (
    BREAK_SECONDS,
    CONNECTIONS_MAX,
    HEAD_SECONDS,
    IDLE_SECONDS,
    WRITE_SECONDS,
    MetricsConnection,
    MetricsPort,
)
from tests.support.inprocess import InProcess

GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Timer:
    def __init__(self, seconds: float, callback: Callable[[], None]) -> None:
        self.seconds = seconds
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Loop:
    """Keeps what is to be called."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(seconds, callback)
        self.timers.append(timer)
        return timer

    def call_soon(self, callback: Callable[[], None]) -> Timer:
        return self.call_later(0.0, callback)

    def pending(self) -> list[float]:
        return sorted(timer.seconds for timer in self.timers if not timer.is_cancelled)

    def fire(self, seconds: float) -> None:
        """Calls what waits for exactly so long."""
        due = [timer for timer in self.timers if timer.seconds == seconds and not timer.is_cancelled]
        assert due, f"nothing waits for {seconds} s, only {self.pending()}"
        self.timers = [timer for timer in self.timers if timer not in due]
        for timer in due:
            timer.callback()


class Transport:
    def __init__(self) -> None:
        self.connection: MetricsConnection | None = None
        self.sent = b""
        self.is_reading = True
        self.is_closed = False
        self.is_aborted = False
        self.congests = False

    def set_write_buffer_limits(self, high: int) -> None:
        assert high == 0

    def write(self, data: bytes) -> None:
        self.sent += data
        if self.congests and self.connection is not None:
            self.connection.pause_writing()

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        assert self.is_reading
        self.is_reading = False

    def resume_reading(self) -> None:
        assert not self.is_reading
        self.is_reading = True

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = self.is_aborted = True
        if self.connection is not None:
            self.connection.connection_lost(None)


class Bench:
    def __init__(self) -> None:
        self.loop = Loop()
        anything: Any = self.loop
        self.port = MetricsPort(InProcess().engine, anything)

    def connect(self) -> tuple[MetricsConnection, Transport]:
        connection, transport = MetricsConnection(self.port), Transport()
        transport.connection = connection
        connection.connection_made(transport)
        return connection, transport

    def finish_scrapes(self) -> int:
        """Runs slices until none is left; how many breaks there were."""
        breaks = 0
        while BREAK_SECONDS in self.loop.pending():
            self.loop.fire(BREAK_SECONDS)
            breaks += 1
        return breaks


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_silent_connection_is_closed(bench: Bench) -> None:
    _, transport = bench.connect()
    assert bench.loop.pending() == [HEAD_SECONDS]
    bench.loop.fire(HEAD_SECONDS)
    assert transport.is_aborted
    assert transport.sent == b""
    assert not bench.port.connections
    assert bench.loop.pending() == []


def test_half_a_request_has_to_become_whole_in_time(bench: Bench) -> None:
    connection, transport = bench.connect()
    connection.data_received(HEALTH)
    assert transport.sent.startswith(b"HTTP/1.1 200 ")
    assert bench.loop.pending() == [IDLE_SECONDS]
    transport.sent = b""
    for byte in HEALTH[:20]:
        connection.data_received(bytes([byte]))
    # One timer since the first byte: more bytes do not put it off.
    assert len([timer for timer in bench.loop.timers if timer.seconds == HEAD_SECONDS]) == 2
    assert bench.loop.pending() == [HEAD_SECONDS]
    bench.loop.fire(HEAD_SECONDS)
    assert transport.sent.startswith(b"HTTP/1.1 408 ")
    assert transport.is_closed
    connection.data_received(HEALTH[20:])
    assert b" 200 " not in transport.sent
    bench.loop.fire(WRITE_SECONDS)
    assert transport.is_aborted


def test_a_connection_with_nothing_to_ask_is_closed(bench: Bench) -> None:
    connection, transport = bench.connect()
    connection.data_received(HEALTH)
    connection.data_received(b"\r\n\r\n")  # is no request
    bench.loop.fire(IDLE_SECONDS)
    assert transport.is_aborted


def test_an_answer_that_is_not_read(bench: Bench) -> None:
    connection, transport = bench.connect()
    transport.congests = True
    connection.data_received(HEALTH + HEALTH)
    assert transport.sent.count(b"HTTP/1.1 200 ") == 1, "the second has to wait"
    assert not transport.is_reading
    assert bench.loop.pending() == [WRITE_SECONDS]
    connection.resume_writing()
    bench.loop.fire(0.0)
    assert transport.sent.count(b"HTTP/1.1 200 ") == 2
    assert bench.loop.pending() == [WRITE_SECONDS]
    bench.loop.fire(WRITE_SECONDS)
    assert transport.is_aborted
    assert bench.loop.pending() == []


def test_nothing_is_read_while_a_scrape_goes_on(bench: Bench) -> None:
    bench.port.slice_seconds = 0.0
    connection, transport = bench.connect()
    connection.data_received(GET + HEALTH)
    assert transport.sent == b""
    assert not transport.is_reading
    assert bench.finish_scrapes() > 10
    bench.loop.fire(0.0)
    assert transport.sent.count(b"HTTP/1.1 200 ") == 2
    assert b"\nredis_up 1\n" in transport.sent
    assert transport.is_reading


def test_one_scrape_at_a_time_in_order(bench: Bench) -> None:
    bench.port.slice_seconds = 0.0  # each slice is one step
    clients = [bench.connect() for _ in range(3)]
    for connection, _ in clients:
        connection.data_received(GET)
    assert bench.loop.pending() == [BREAK_SECONDS], "one timer for all"
    clients[0][1].abort()
    assert clients[0][0] not in bench.port.queue
    assert bench.finish_scrapes() > 10
    for _, transport in clients[1:]:
        assert transport.sent.startswith(b"HTTP/1.1 200 ")
    assert clients[0][1].sent == b""
    assert bench.port.scrape is None


def test_too_many(bench: Bench) -> None:
    for _ in range(CONNECTIONS_MAX):
        bench.connect()
    _, transport = bench.connect()
    assert transport.sent.startswith(b"HTTP/1.1 503 ")
    assert transport.is_closed
    for connection in list(bench.port.connections):
        connection.abort()
    _, transport = bench.connect()
    assert not transport.is_closed


def test_what_is_kept_of_a_request_is_bounded(bench: Bench) -> None:
    connection, transport = bench.connect()
    for _ in range(3):
        connection.data_received(b"GET / HTTP/1.1\r\nA: " + b"x" * (HEAD_BYTES // 2))
    assert transport.sent.startswith(b"HTTP/1.1 431 ")
    assert transport.is_closed
    connection.data_received(b"x" * 1_000_000)
    assert len(connection.reader._data) < 2 * HEAD_BYTES


def test_closing_the_port_ends_everything(bench: Bench) -> None:
    idle, scraping = bench.connect(), bench.connect()
    scraping[0].data_received(GET)
    bench.port.close()
    assert idle[1].is_aborted
    assert scraping[1].is_aborted
    assert bench.loop.pending() == []
    assert not bench.port.queue
