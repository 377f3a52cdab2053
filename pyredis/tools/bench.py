"""`pyredis bench`: this server beside redis-server, on this machine, in half a minute.

Both are started on free ports with nothing to save, and take turns under the same load, of this process: so many
connections, each with so many requests under way. What is compared is the processor time that a server says it took
per command (`used_cpu_*` of INFO), which other work on the machine disturbs least; requests per second also tell how
fast the load is. The checkout's `make bench` measures more, and more carefully.
"""

from __future__ import annotations

import math
import os
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import click

KEY: Final = b"pyredis:bench"
ROUNDS: Final = 3
START_SECONDS: Final = 20.0
STALL_SECONDS: Final = 30.0
CHUNK: Final = 1 << 16

PACKAGES: Final = str(Path(__file__).resolve().parents[2])
"""Where the package is that runs now, wherever this process was started."""


class Workload(NamedTuple):
    """A request that is sent again and again, and how many line ends its reply has."""

    name: str
    words: tuple[bytes, ...]
    lines: int


_KEYS: Final = tuple(KEY + b":%d" % number for number in range(10))

WORKLOADS: Final = (
    Workload("PING", (b"PING",), 1),
    Workload("SET", (b"SET", KEY, b"xxx"), 1),
    Workload("GET", (b"GET", KEY), 2),
    Workload("INCR", (b"INCR", KEY + b":counter"), 1),
    Workload("MSET (10 keys)", (b"MSET", *[word for key in _KEYS for word in (key, b"xxx")]), 1),
    Workload("MGET (10 keys)", (b"MGET", *_KEYS), 21),
    Workload("HSET", (b"HSET", KEY + b":hash", b"field", b"xxx"), 1),
    Workload("ZADD", (b"ZADD", KEY + b":zset", b"1", b"member"), 1),
)


class BenchError(Exception):
    """A server did not start, or went away."""


class Contender:
    """A server of our own making, for the time of the comparison."""

    def __init__(self, name: str, command: list[str], directory: str) -> None:
        self.name: str = name
        self.port: int = _free_port()
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            [*command, *arguments, "--dir", directory],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": PACKAGES},
        )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.cpu_seconds()
            except OSError:
                time.sleep(0.02)
            else:
                return
        self.stop()
        raise BenchError(f"{self.name} does not start")

    def cpu_seconds(self) -> float:
        """The processor time that the server has taken so far."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(b"INFO cpu\r\nQUIT\r\n")
            text = b""
            while chunk := connection.recv(CHUNK):
                text += chunk
        seconds = 0.0
        for line in text.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name in (b"used_cpu_sys", b"used_cpu_user"):
                seconds += float(value)
        return seconds

    def stop(self) -> None:
        """Ends the server."""
        self.process.kill()
        self.process.wait()


class Figures(NamedTuple):
    """What one run of a workload has taken."""

    cpu_us: float
    per_second: float


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def encode(words: tuple[bytes, ...]) -> bytes:
    """A request as clients send it."""
    return b"*%d\r\n" % len(words) + b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])


def put_load(port: int, workload: Workload, clients: int, depth: int, requests: int) -> float:
    """Sends so many requests and returns how many seconds it took until the last was answered.

    Each connection sends `depth` requests at once and, when these are answered, the next.
    """
    batch = encode(workload.words) * depth
    batches = max(requests // depth, clients)
    begun = min(clients, batches)
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        missing: dict[socket.socket, int] = {}
        for _ in range(begun):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, connection)
            missing[connection] = workload.lines * depth
        started = time.perf_counter()
        for connection in missing:
            connection.sendall(batch)
        ended = 0
        while ended < batches:
            ready = selector.select(STALL_SECONDS)
            if not ready:
                raise BenchError("the server has stopped answering")
            for entry, _ in ready:
                connection = entry.data
                data = connection.recv(CHUNK)
                if not data:
                    raise BenchError("the server has closed a connection")
                left = missing[connection] - data.count(b"\n")
                if left == 0:
                    ended += 1
                    left = workload.lines * depth
                    if begun < batches:
                        begun += 1
                        connection.sendall(batch)
                missing[connection] = left
        return time.perf_counter() - started


def measure(contender: Contender, workload: Workload, clients: int, depth: int, requests: int) -> Figures:
    """Runs one workload on one server."""
    before = contender.cpu_seconds()
    seconds = put_load(contender.port, workload, clients, depth, requests)
    total = max(requests // depth, clients) * depth
    return Figures((contender.cpu_seconds() - before) * 1e6 / total, total / seconds)


def geometric_mean(ratios: list[float]) -> float:
    """The mean of ratios that does not depend on which side is the base."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def compare(contenders: list[Contender], depths: list[int], clients: int, requests: int) -> list[str]:
    """Runs everything, the servers taking turns, and returns the table's lines; the best of the rounds counts."""
    title = "".join([f"{contender.name:>14}  {'req/s':>10}" for contender in contenders])
    lines: list[str] = []
    for depth in depths:
        lines.append(f"{f'us of CPU, depth {depth}':<22}{title}{'ratio':>9}".rstrip())
        ratios: list[float] = []
        for workload in WORKLOADS:
            best: list[Figures] = [Figures(math.inf, 0.0)] * len(contenders)
            for _ in range(ROUNDS):
                for number, contender in enumerate(contenders):
                    got = measure(contender, workload, clients, depth, requests)
                    known = best[number]
                    best[number] = Figures(
                        min(known.cpu_us, got.cpu_us), max(known.per_second, got.per_second)
                    )
            row = "".join([f"{figures.cpu_us:>14.2f}  {figures.per_second:>10,.0f}" for figures in best])
            if len(best) > 1:
                ratios.append(best[0].cpu_us / best[1].cpu_us)
                row += f"{ratios[-1]:>8.2f}x"
            lines.append(f"{workload.name:<22}{row}")
        if ratios:
            lines.append(f"{'geometric mean':<22}{' ' * 26 * len(contenders)}{geometric_mean(ratios):>8.2f}x")
        lines.append("")
    return lines


def pin(processors: set[int], number: int) -> None:
    """Keeps this process, and what it starts, on one of several processors, where the system lets us choose."""
    if len(processors) > 1:
        os.sched_setaffinity(0, [sorted(processors)[number]])


@click.command()
@click.option("--clients", default=50, show_default=True, type=click.IntRange(1), help="Connections at once.")
@click.option("--requests", default=50_000, show_default=True, type=click.IntRange(1), help="Per run.")
@click.option(
    "--pipeline", "depths", multiple=True, default=(1, 16), show_default=True, type=click.IntRange(1),
    help="Requests that a connection sends at once; may be given several times.",
)  # fmt: skip
@click.option("--against", default="redis-server", show_default=True, help="The program to compare with.")
def bench(clients: int, requests: int, depths: tuple[int, ...], against: str) -> None:
    """Compares this server with redis-server: processor time per command, and requests per second."""
    processors = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    try:
        with ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="pyredis-bench-"))
            commands = [("pyredis", [sys.executable, "-P", "-m", "pyredis"])]
            other = shutil.which(against)
            if other is None:
                click.echo(f"{against} is not installed: there is nothing to compare with.\n")
            else:
                commands.append((os.path.basename(other), [other]))
            contenders: list[Contender] = []
            pin(processors, 0)
            for name, command in commands:
                contenders.append(Contender(name, command, directory))
                stack.callback(contenders[-1].stop)
            pin(processors, 1)
            for line in compare(contenders, list(depths), clients, requests):
                click.echo(line)
    except (BenchError, OSError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        if processors:
            os.sched_setaffinity(0, processors)
