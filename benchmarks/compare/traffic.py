"""Loads of our own, for what redis-benchmark cannot send: mixes, skewed keys, subscribers, queues.

Every load is one thread of Python around epoll, on the core of the clients. It counts line ends instead of parsing
replies: of each request it is known beforehand how many lines the answer has, so values hold no line end, and keys
that are read exist. The server's CPU time is taken after the connections stand and before they close, so that a load
with a thousand clients does not measure accepting them.
"""

from __future__ import annotations

import bisect
import itertools
import math
import random
import select
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from benchmarks.compare.clock import cpu_between, cpu_clock
from benchmarks.compare.load import Load, LoadError
from tests.support.wire import encode

if TYPE_CHECKING:
    from tests.support.process import ServerProcess

PATIENCE_SECONDS: Final = 10.0
RECEIVE: Final = 1 << 17
RING: Final = 65_536
"""Requests that are made beforehand and sent again and again."""

SUBSCRIBERS: Final = 1_000
WORKERS: Final = 100
JOBS_AHEAD: Final = 50
"""Jobs pushed and not yet received; fewer than workers, so that some always wait."""
JOBS_A_PACKET: Final = 10


class Request(NamedTuple):
    """An encoded command, and how many line ends its answer has."""

    data: bytes
    lines: int


Requests: TypeAlias = Callable[[int], Iterable[Request]]
"""Makes so many requests."""


@dataclass(frozen=True)
class Driven:
    """What the clients saw, the server's CPU nanoseconds meanwhile, and how many commands it was given."""

    load: Load
    cpu_ns: int
    commands: int


Driver: TypeAlias = "Callable[[ServerProcess, int, int], Driven]"
"""Puts a load on a server, given the pipeline depth and the number of commands."""


def percentile(ordered: list[float], share: float) -> float:
    """The smallest of the values, in ascending order, that so large a share of them does not exceed."""
    return ordered[max(0, min(len(ordered), math.ceil(len(ordered) * share)) - 1)]


class _Meter:
    """Runs from its making to `finish`."""

    def __init__(self, process: ServerProcess) -> None:
        self.process = process
        self.waits: list[float] = []
        self.cpu = cpu_clock(process)
        self.started = time.perf_counter()

    def finish(self, commands: int) -> Driven:
        """The figures, when every answer has arrived."""
        seconds = time.perf_counter() - self.started
        spent = cpu_between(self.cpu, cpu_clock(self.process))
        ordered = sorted(self.waits)
        p50, p99, p999 = (percentile(ordered, share) * 1000 for share in (0.5, 0.99, 0.999))
        return Driven(Load(commands / seconds, p50, p99, p999), spent, commands)


def _connect(process: ServerProcess) -> socket.socket:
    try:
        sock = socket.create_connection(("127.0.0.1", process.port), PATIENCE_SECONDS)
    except OSError as error:
        raise LoadError(f"no connection: {error}") from None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _close(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def packets(requests: list[Request], depth: int) -> list[Request]:
    """Requests joined, `depth` at a time."""
    return [
        Request(
            b"".join(request.data for request in requests[start : start + depth]),
            sum(request.lines for request in requests[start : start + depth]),
        )
        for start in range(0, len(requests), depth)
    ]


def _receive(sock: socket.socket, buffer: bytearray, lines: int) -> None:
    """Reads so many lines; LoadError for an error reply, a closed connection or one that is silent."""
    while lines > 0:
        try:
            count = sock.recv_into(buffer)
        except OSError as error:
            raise LoadError(f"no answer: {error}") from None
        lines -= _lines(buffer, count)


def _lines(buffer: bytearray, count: int) -> int:
    if not count:
        raise LoadError("the server closed the connection")
    if buffer[0] == ord("-") or buffer.find(b"\n-ERR", 0, count) >= 0:
        raise LoadError(buffer[: min(count, 200)].decode(errors="replace").strip())
    return buffer.count(b"\n", 0, count)


def _ready(epoll: select.epoll) -> list[tuple[int, int]]:
    events = epoll.poll(PATIENCE_SECONDS)
    if not events:
        raise LoadError(f"no answer for {PATIENCE_SECONDS:.0f} s")
    return events


class _Crowd:
    """Connections on one epoll, by file descriptor; closed at the end of `with`."""

    def __init__(self, process: ServerProcess, count: int) -> None:
        self.sockets: dict[int, socket.socket] = {}
        self.epoll = select.epoll()
        try:
            for _ in range(count):
                sock = _connect(process)
                self.sockets[sock.fileno()] = sock
                self.epoll.register(sock.fileno(), select.EPOLLIN)
        except LoadError:
            self.__exit__()
            raise

    def __enter__(self) -> _Crowd:
        return self

    def __exit__(self, *exc: object) -> None:
        self.epoll.close()
        _close(self.sockets.values())


def closed_loop(
    process: ServerProcess, clients: int, sequence: Iterator[Request], count: int, depth: int
) -> Driven:
    """`count` packets over so many connections, each of which sends its next one when it has its answers."""
    with _Crowd(process, clients) as crowd:
        buffer = bytearray(RECEIVE)
        missing: dict[int, int] = {}
        sent_at: dict[int, float] = {}
        # The server has met every connection before the clock starts.
        for sock in crowd.sockets.values():
            sock.sendall(b"PING\r\n")
        for sock in crowd.sockets.values():
            _receive(sock, buffer, 1)
        meter = _Meter(process)
        waits, clock, sockets = meter.waits, time.perf_counter, crowd.sockets
        to_send = count
        for number, sock in itertools.islice(sockets.items(), count):
            data, missing[number] = next(sequence)
            sent_at[number] = clock()
            sock.sendall(data)
            to_send -= 1
        while len(waits) < count:
            for number, _ in _ready(crowd.epoll):
                sock = sockets[number]
                left = missing[number] - _lines(buffer, sock.recv_into(buffer))
                if left > 0:
                    missing[number] = left
                    continue
                now = clock()
                waits.append(now - sent_at[number])
                if to_send:
                    to_send -= 1
                    data, missing[number] = next(sequence)
                    sent_at[number] = now
                    sock.sendall(data)
        return meter.finish(count * depth)


def closed(requests: Requests, clients: int, *, is_repeated: bool = True) -> Driver:
    """A closed loop of requests; they are made once and go round, unless each may only be sent once."""

    @cache
    def ring(depth: int) -> list[Request]:
        return packets(list(requests(RING // depth * depth)), depth)

    def drive(process: ServerProcess, depth: int, commands: int) -> Driven:
        count = max(1, commands // depth)
        if is_repeated:
            sequence = itertools.cycle(ring(depth))
        else:
            sequence = iter(packets(list(requests(count * depth)), depth))
        return closed_loop(process, clients, sequence, count, depth)

    return drive


def zipf(count: int, keys: int, exponent: float, rng: random.Random) -> list[int]:
    """Numbers below `keys`, drawn as Zipf's law has it; which numbers are frequent is chance."""
    sums = list(itertools.accumulate(1.0 / rank**exponent for rank in range(1, keys + 1)))
    names = list(range(keys))
    rng.shuffle(names)
    return [names[bisect.bisect(sums, rng.random() * sums[-1])] for _ in range(count)]


def mix(reads: float, value: str, keys: int, exponent: float = 0.0) -> Requests:
    """GETs, and a share of SETs, of existing keys that are drawn evenly, or by Zipf's law with an exponent."""

    def make(count: int) -> list[Request]:
        rng = random.Random(1)
        if exponent:
            numbers = zipf(count, keys, exponent, rng)
        else:
            numbers = [rng.randrange(keys) for _ in range(count)]
        return [
            Request(encode("GET", f"key:{number:012d}"), 2)
            if rng.random() < reads
            else Request(encode("SET", f"key:{number:012d}", value), 1)
            for number in numbers
        ]

    return make


def fan_out(process: ServerProcess, depth: int, commands: int) -> Driven:
    """One client publishes, a thousand receive; a delivered message counts as a command.

    The next message leaves when everybody has the last one, and the latency is until then.
    """
    line_ends = encode(b"message", b"news", b"x" * 32).count(b"\n")
    publish = encode("PUBLISH", "news", "x" * 32)
    publishes = max(1, commands // SUBSCRIBERS)
    with _Crowd(process, SUBSCRIBERS) as crowd, _connect(process) as publisher:
        buffer = bytearray(RECEIVE)
        for sock in crowd.sockets.values():
            sock.sendall(encode("SUBSCRIBE", "news"))
        for sock in crowd.sockets.values():
            _receive(sock, buffer, 6)
        meter = _Meter(process)
        for _ in range(publishes):
            started = time.perf_counter()
            publisher.sendall(publish)
            missing = SUBSCRIBERS * line_ends
            while missing > 0:
                for number, _ in _ready(crowd.epoll):
                    missing -= _lines(buffer, crowd.sockets[number].recv_into(buffer))
            _receive(publisher, buffer, 1)
            meter.waits.append(time.perf_counter() - started)
        return meter.finish(publishes * SUBSCRIBERS)


def ping_pong(process: ServerProcess, depth: int, commands: int) -> Driven:
    """Two clients hand an element to and fro over two lists; four commands and one latency a round trip."""
    to_pong = encode("LPUSH", "ping", "x") + encode("BLPOP", "pong", "0")
    to_ping = encode("LPUSH", "pong", "x") + encode("BLPOP", "ping", "0")
    element, length = 5, 1
    with _connect(process) as one, _connect(process) as two:
        buffer = bytearray(RECEIVE)
        two.sendall(encode("BLPOP", "ping", "0"))
        expected = element
        time.sleep(0.01)  # so that it blocks before the first push; later it always has
        meter = _Meter(process)
        rounds = max(1, commands // 4)
        for _ in range(rounds):
            started = time.perf_counter()
            one.sendall(to_pong)
            _receive(two, buffer, expected)
            two.sendall(to_ping)
            _receive(one, buffer, length + element)
            expected = length + element
            meter.waits.append(time.perf_counter() - started)
        return meter.finish(rounds * 4)


def waiting_workers(process: ServerProcess, depth: int, commands: int) -> Driven:
    """One client pushes jobs, a hundred wait for them; two commands a job, its latency from push to receipt."""
    jobs = max(JOBS_AHEAD, commands // 2) // JOBS_A_PACKET * JOBS_A_PACKET
    wait = encode("BLPOP", "jobs", "0")
    with _Crowd(process, WORKERS) as crowd, _connect(process) as producer:
        buffer = bytearray(RECEIVE)
        sockets, clock = crowd.sockets, time.perf_counter
        for sock in sockets.values():
            sock.sendall(b"PING\r\n")
            _receive(sock, buffer, 1)
            sock.sendall(wait)
        meter = _Meter(process)
        pushed, sent_at = 0, [0.0] * jobs
        while len(meter.waits) < jobs:
            if pushed < jobs and pushed - len(meter.waits) <= JOBS_AHEAD - JOBS_A_PACKET:
                numbers = range(pushed, pushed + JOBS_A_PACKET)
                sent_at[pushed : pushed + JOBS_A_PACKET] = [clock()] * JOBS_A_PACKET
                producer.sendall(b"".join(encode("LPUSH", "jobs", f"{number:08d}") for number in numbers))
                _receive(producer, buffer, JOBS_A_PACKET)
                pushed += JOBS_A_PACKET
            for number, _ in _ready(crowd.epoll):
                sock = sockets[number]
                count = sock.recv_into(buffer)
                # *2 $4 jobs $8 and the job's number: one answer, and short enough to come in one piece.
                if _lines(buffer, count) != 5:
                    raise LoadError(f"unexpected answer {bytes(buffer[:count])!r}")
                meter.waits.append(clock() - sent_at[int(buffer[count - 10 : count - 2])])
                sock.sendall(wait)
        return meter.finish(jobs * 2)
