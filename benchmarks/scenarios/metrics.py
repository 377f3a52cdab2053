"""What monitoring costs: CPU of one scrape, of a scrape every second under load, and what other clients feel of it."""

from __future__ import annotations

import http.client
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.scenarios.pinger import Pinger
from tests.support.process import ServerProcess, reserve_port

SCRAPES = 300
ROUNDS = 5
REQUESTS = 100_000
CLIENTS = 50
COMMANDS = (
    "SET k v", "GET k", "INCR n", "EXPIRE k 100", "TTL k", "MSET a 1 b 2", "MGET a b", "APPEND s x", "STRLEN s",
    "DEL s", "LPUSH l a b c", "RPOP l", "LRANGE l 0 -1", "LLEN l", "HSET h f v", "HGET h f", "HGETALL h", "HDEL h f",
    "SADD t a b", "SISMEMBER t a", "SMEMBERS t", "ZADD z 1 a", "ZSCORE z a", "ZRANGE z 0 -1", "XADD x * f v", "XLEN x",
    "SCAN 0", "PING", "PUBLISH c m", "EXISTS k", "TYPE k", "DBSIZE", "SELECT 0", "NOSUCH", "GET",
)  # fmt: skip
"""What an application uses, so that there is a histogram for each."""


class Scraper:
    """Fetches the metrics over one connection, as Prometheus does."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def scrape(self) -> bytes:
        """The text."""
        self.connection.request(
            "GET", "/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"}
        )
        return self.connection.getresponse().read()


@contextmanager
def scraping(port: int, interval: float) -> Iterator[None]:
    """Scrapes in a thread of its own; never, if the interval is 0."""
    stop = threading.Event()

    def work() -> None:
        scraper = Scraper(port)
        while not stop.wait(interval):
            scraper.scrape()

    thread = threading.Thread(target=work)
    if interval:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        if interval:
            thread.join()


def bench(server: ServerProcess) -> float:
    """CPU of the server in microseconds per command."""
    command = [
        "redis-benchmark",
        "-p",
        str(server.port),
        "-n",
        str(REQUESTS),
        "-c",
        str(CLIENTS),
        "-t",
        "get",
        "-q",
    ]
    before = server.cpu_time_ns()
    subprocess.run(command, capture_output=True, check=True)
    return (server.cpu_time_ns() - before) / REQUESTS / 1000


def measure_metrics(server: ServerProcess) -> Iterator[str]:
    """A scrape by itself, then load with a scrape every second and every tenth of one."""
    port, holder = reserve_port()
    if holder is not None:
        holder.close()
    with server.connect() as client:
        if client.command("CONFIG", "SET", "metrics-port", port) != b"+OK\r\n":
            yield "no metrics here"
            return
        for line in COMMANDS:
            client.command(*line.split())
    scraper = Scraper(port)
    size = len(scraper.scrape())
    before, started = server.cpu_time_ns(), time.perf_counter()
    for _ in range(SCRAPES):
        scraper.scrape()
    seconds = (time.perf_counter() - started) / SCRAPES
    cpu = (server.cpu_time_ns() - before) / SCRAPES / 1e6
    yield (
        f"a scrape: {size / 1024:.0f} KiB, {cpu:.2f} ms of CPU, {seconds * 1000:.1f} ms; "
        f"{cpu / 10:.2f} % of a core with one a second"
    )
    costs: dict[float, list[float]] = {0.0: [], 1.0: [], 0.1: []}
    for _ in range(ROUNDS):
        for interval, found in costs.items():
            with scraping(port, interval):
                found.append(bench(server))
    bare = min(costs[0.0])
    for interval, found in costs.items():
        best = min(found)
        name = f"every {interval} s" if interval else "none"
        yield f"GET with scrapes {name:<11} {best:.2f} us of CPU per command ({100 * (best / bare - 1):+.1f} %)"
    for interval in costs:
        with scraping(port, interval), Pinger(server.port, interval=0.001) as pinger:
            bench(server)
        name = f"every {interval} s" if interval else "none"
        yield f"under that load, scrapes {name:<11} {pinger.summary()}"
