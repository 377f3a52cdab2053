"""How long requests take on a busy server of a million keys, while it saves a snapshot and rewrites its log.

The load is open: every request has a time at which it is due, whatever became of the ones before, and its latency
counts from then. A server that stops for 100 ms is seen by all requests that were due meanwhile, where a client that
waits for its answer before it sends the next would see one slow answer (coordinated omission).

Two kinds of requests are mixed: packets of 64, four GETs to a SET, which make the load, and single ones, which are
what is reported, beside how late the client itself was to send them: that is in the waits, and the floor of them. Both
servers get the same load, half of what the slower of them could take by its CPU time per command. A process that a
server forks stays on the server's core and competes with it.
"""

from __future__ import annotations

import itertools
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from benchmarks.compare.clock import cpu_clock, keeping_to
from benchmarks.compare.traffic import Driven, Request, closed, mix, packets
from benchmarks.page import table
from benchmarks.scenarios.pairs import OURS, REDIS, Pair, percentiles, say
from tests.support.process import ServerError, ServerProcess

KEYS: Final = 1_000_000
VALUE: Final = "x" * 20
READS: Final = 0.8
DEPTH: Final = 64
LOAD_CONNECTIONS: Final = 50
SINGLE_CONNECTIONS: Final = 10
SINGLES_A_SECOND: Final = 2_000
SHARE: Final = 0.5
CALIBRATION: Final = 400_000
TRIAL_SECONDS: Final = 5.0
PHASE_SECONDS: Final = 20.0
PHASES: Final = (("nothing else", ""), ("BGSAVE", "BGSAVE"), ("AOF rewrite", "BGREWRITEAOF"))
FILL_BATCH: Final = 2_000
PATIENCE_SECONDS: Final = 10.0
RING: Final = 64_000
LOG: Final = ("--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0")


@dataclass
class _Line:
    """A connection: when what it is still owed was due, and how many line ends each answer has."""

    sock: socket.socket
    is_single: bool
    owed: deque[tuple[float, int]] = field(default_factory=deque)
    read: int = 0


class OpenLoop:
    """Sends requests when they are due, and remembers for each single one how long after that its answer came."""

    def __init__(self, port: int, packets_a_second: float) -> None:
        self.waits: list[tuple[float, float]] = []
        """Due time and latency, of the single requests."""
        self.delays: list[float] = []
        """By how much they were sent too late."""
        self._lines: dict[int, _Line] = {}
        self._epoll = select.epoll()
        for number in range(LOAD_CONNECTIONS + SINGLE_CONNECTIONS):
            sock = socket.create_connection(("127.0.0.1", port), 60)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._lines[sock.fileno()] = _Line(sock, number >= LOAD_CONNECTIONS)
            self._epoll.register(sock.fileno(), select.EPOLLIN)
        requests = mix(READS, VALUE, KEYS)(RING)
        self._due = merged(packets_a_second, SINGLES_A_SECOND)
        self._packets = itertools.cycle(packets(requests, DEPTH))
        self._singles = itertools.cycle(requests)
        self._load_lines = itertools.cycle([one for one in self._lines.values() if not one.is_single])
        self._single_lines = itertools.cycle([one for one in self._lines.values() if one.is_single])
        self._buffer = bytearray(1 << 17)

    def run(self, seconds: float, actions: list[tuple[float, bytes]], control: socket.socket) -> float:
        """The whole run; `actions` are requests for another connection, by the second. Returns when it began."""
        began = time.perf_counter()
        coming = deque(actions)
        offset, is_single = next(self._due)
        while offset < seconds:
            now = time.perf_counter() - began
            if coming and now >= coming[0][0]:
                control.sendall(coming.popleft()[1])
            while offset <= now and offset < seconds:
                self._send(began + offset, is_single)
                offset, is_single = next(self._due)
            self._receive(0)
        while owing := sum(len(line.owed) for line in self._lines.values()):
            if not self._receive(PATIENCE_SECONDS):
                raise ServerError(f"{owing} requests have no answer after {PATIENCE_SECONDS:.0f} s")
        return began

    def close(self) -> None:
        """Closes all connections."""
        self._epoll.close()
        for line in self._lines.values():
            line.sock.close()

    def _send(self, due: float, is_single: bool) -> None:
        request: Request = next(self._singles if is_single else self._packets)
        line = next(self._single_lines if is_single else self._load_lines)
        line.owed.append((due, request.lines))
        if is_single:
            self.delays.append(time.perf_counter() - due)
        line.sock.sendall(request.data)

    def _receive(self, timeout: float) -> bool:
        """Reads what has come, or comes until the timeout; whether anything did."""
        events = self._epoll.poll(timeout)
        for number, _ in events:
            line = self._lines[number]
            count = line.sock.recv_into(self._buffer)
            if not count or self._buffer[0] == ord("-"):
                raise ServerError(f"unexpected answer {bytes(self._buffer[:100])!r}")
            now = time.perf_counter()
            line.read += self._buffer.count(b"\n", 0, count)
            owed = line.owed
            while owed and line.read >= owed[0][1]:
                due, lines = owed.popleft()
                line.read -= lines
                if line.is_single:
                    self.waits.append((due, now - due))
        return bool(events)


def merged(packets_a_second: float, singles_a_second: float) -> Iterator[tuple[float, bool]]:
    """When each request is due, ascending, and whether it is a single one; either kind comes at even intervals."""
    packet = single = 0
    while True:
        next_packet, next_single = packet / packets_a_second, (single + 0.5) / singles_a_second
        if next_single < next_packet:
            single += 1
            yield next_single, True
        else:
            packet += 1
            yield next_packet, False


def fill(process: ServerProcess, first: int, last: int) -> None:
    """SETs the keys with these numbers."""
    with process.connect(timeout=120) as connection:
        for start in range(first, last, FILL_BATCH):
            numbers = range(start, min(start + FILL_BATCH, last))
            connection.send(
                b"".join(b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$20\r\n%020d\r\n" % (i, i) for i in numbers)
            )
            for _ in numbers:
                connection.read_reply()


def measure_latency(pair: Pair) -> list[str]:
    """The load that keeps the slower one busy for half of the time, then that load on one after the other."""
    names = (OURS, REDIS)
    rate = min(_rate_for_share(pair, name) for name in names)
    rows: list[list[str]] = []
    notes: list[str] = []
    for name in names:
        found, busy = _measure_one(pair, name, rate)
        rows += found
        notes.append(f"{name} was busy for {busy:.0%} of the time")
    header = ["single requests", "requests", "p50 ms", "p99 ms", "p99.9 ms", "longest ms"]
    order = [*(title for title, _ in PHASES), "all", "sent late"]
    rows.sort(key=lambda row: order.index(row[0].split(": ")[0]))
    return [
        f"{KEYS:,} keys, {rate:,.0f} commands a second in packets of {DEPTH}, {SINGLES_A_SECOND:,} single ones; "
        f"the log is on (`everysec`). {', '.join(notes)}, with what saving costs it.",
        "",
        *table(header, rows),
    ]


def _rate_for_share(pair: Pair, name: str) -> float:
    """Commands a second that keep a server busy for SHARE of the time.

    By the CPU time of a closed load first, which gives it larger batches; then corrected by a trial of the open one.
    """
    with pair.start(name, *LOG) as process:
        fill(process, 0, KEYS)
        with keeping_to(pair.client_cpu):
            driven: Driven = closed(mix(READS, VALUE, KEYS), LOAD_CONNECTIONS)(process, DEPTH, CALIBRATION)
        rate = SHARE * 1e9 * driven.commands / driven.cpu_ns
        _, busy, _ = _run(pair, process, rate, TRIAL_SECONDS, [])
    rate *= SHARE / busy
    say(f"{name}: {rate:,.0f} commands a second keep it busy for {SHARE:.0%} of the time")
    return rate


def _run(
    pair: Pair, process: ServerProcess, rate: float, seconds: float, actions: list[tuple[float, bytes]]
) -> tuple[OpenLoop, float, float]:
    """Runs the open load; answers with it, how busy the server was, and when it began."""
    loop = OpenLoop(process.port, rate / DEPTH)
    try:
        with (
            keeping_to(pair.client_cpu),
            socket.create_connection(("127.0.0.1", process.port)) as control,
        ):
            before = cpu_clock(process)
            began = loop.run(seconds, actions, control)
            busy = (process.cpu_time_ns() - before[0]) / 1e9 / seconds
            answers = control.recv(1000).count(b"\r\n") if actions else 0
    finally:
        loop.close()
    if answers != len(actions):
        raise ServerError("BGSAVE or BGREWRITEAOF was not answered")
    return loop, busy, began


def _measure_one(pair: Pair, name: str, rate: float) -> tuple[list[list[str]], float]:
    seconds = PHASE_SECONDS * pair.scale
    actions = [
        (number * seconds, f"{action}\r\n".encode()) for number, (_, action) in enumerate(PHASES) if action
    ]
    with pair.start(name, *LOG) as process:
        fill(process, 0, KEYS)
        loop, busy, began = _run(pair, process, rate, seconds * len(PHASES), actions)
        _wait_for_children(process)
    rows: list[list[str]] = []
    for number, (title, _) in enumerate(PHASES):
        some = [wait for due, wait in loop.waits if number * seconds <= due - began < (number + 1) * seconds]
        rows.append([f"{title}: {name}", f"{len(some):,}", *percentiles(some)])
    rows.append([f"sent late: {name}", f"{len(loop.delays):,}", *percentiles(loop.delays)])
    rows.append([f"all: {name}", f"{len(loop.waits):,}", *percentiles([wait for _, wait in loop.waits])])
    for row in rows:
        say(" | ".join(row))
    return rows, busy


def _wait_for_children(process: ServerProcess) -> None:
    """Until no snapshot and no rewrite runs; the failure of either is an error."""
    with process.connect(timeout=60) as connection:
        deadline = time.monotonic() + 120
        while True:
            told = connection.command("INFO", "persistence")
            if b"rdb_bgsave_in_progress:0" in told and b"aof_rewrite_in_progress:0" in told:
                break
            if time.monotonic() > deadline:
                raise ServerError("a snapshot or a rewrite does not end")
            time.sleep(0.1)
    if b"rdb_last_bgsave_status:ok" not in told or b"aof_last_bgrewrite_status:ok" not in told:
        raise ServerError("a snapshot or a rewrite failed")
