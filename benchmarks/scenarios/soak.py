"""A day in ten minutes: mixed load, broken clients and a restless operator, and what is left behind.

The time is cut into rounds of a minute. In each, processes of their own put load of all kinds on the server, break
off in every state and administer it. At the end of a round they go away, counters that only grow are compared with
what was acknowledged, everything is flushed, and after a moment's rest the server must be as it was: the same open
files, no client but ours, no child process, and memory that does not grow from the end of the second round to the
last. In every other round the memory limit may evict anything, so that a counter may also be lost there; nothing is
ever counted twice. At last the server is restarted on its log, which has to hold each counter.
"""

from __future__ import annotations

import datetime
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import Event, Process, Queue
from multiprocessing.synchronize import Event as EventType
from pathlib import Path
from typing import Final

from benchmarks.compare import machine
from benchmarks.compare.contenders import info_fields
from benchmarks.page import RESULTS, TRIALS, table
from benchmarks.scenarios.pairs import percentiles
from benchmarks.scenarios.soak_client import Account, Broken, keep_running
from benchmarks.scenarios.soak_load import COUNTING_DATABASE, NEEDS_RESP3, WORK
from benchmarks.scenarios.soak_trouble import Operator, break_off
from tests.support.process import ServerProcess
from tests.support.servers import FAULTS, PyredisServer
from tests.support.wire import RawConnection, decode

ROUND_SECONDS: Final = 60.0
FULL_SECONDS: Final = 600.0
PROCESSES: Final = 2
BREAKERS: Final = 3
PAUSE_SECONDS: Final = 0.02
"""How long a client rests between two rounds of its work, on average; the server should not be saturated."""
SETTLE_SECONDS: Final = 4.0
PING_SECONDS: Final = 0.002
FRAGMENTS_ALLOWED: Final = 0.05
"""By what share of the most under load resident memory at rest may have grown: pages that few survivors hold."""
BLOCKS_ALLOWED: Final = 0.03
C_BYTES_ALLOWED: Final = 2 << 20
"""By how much what is allocated at rest may have grown, as Python's objects and as bytes of the C library."""
ARGUMENTS: Final = (
    "--appendonly", "yes", "--appendfsync", "everysec", "--save", "60 1000", "--enable-debug-command", "local",
    "--auto-aof-rewrite-min-size", "16mb", "--client-output-buffer-limit", "normal 32mb 16mb 10",
)  # fmt: skip
EXPECTED_WARNINGS: Final = re.compile(
    r"DB reloaded by DEBUG RELOAD|User requested|Received SIGTERM|ready to exit|[Mm]emory overcommit|TCP backlog"
    r"|Asynchronous AOF fsync|AOF was enabled but|does not support, and ignores|limit of open files"
    # A flush ends the one, `appendonly no` the other; what is left of it is looked at after each round.
    r"|Background saving terminated by signal 9|Background AOF rewrite terminated with status -9"
    r"|# Client id=.* closed|WARNING: the memory limit of|Possible SECURITY|Evicting client"
)
"""What the operator and the troublemakers bring about, and what the machine does."""


@dataclass
class Rest:
    """The server at rest after a round."""

    seconds: float
    rss: int
    files: int
    clients: int
    children: int
    blocked: int
    blocks: int
    c_bytes: int


@dataclass
class Soak:
    """What all rounds have in common."""

    server: ServerProcess
    clients: int
    account: Account = field(default_factory=Account)
    rests: list[Rest] = field(default_factory=list)
    waits: list[tuple[float, float]] = field(default_factory=list)
    stops: list[tuple[float, float]] = field(default_factory=list)
    highest: list[int] = field(default_factory=list)
    verified: int = 0
    lost_to_eviction: int = 0
    ran: float = 0.0
    kept_waiting: float = 0.0


def measure_soak(server: ServerProcess, seconds: float, clients: int) -> list[str]:
    """All rounds, the restart, the report."""
    soak = Soak(server, clients)
    count = max(int(seconds / ROUND_SECONDS), 2)
    began = time.perf_counter()
    soak.rests.append(rest(soak, began))
    for number in range(count):
        play(soak, number, seconds / count, is_last=False)
        verify(soak, number)
        soak.rests.append(rest(soak, began))
        say(soak, number)
    play(soak, count, min(10.0, seconds / count), is_last=True)
    before = counters(server)
    verify(soak, 0)
    server.restart()
    after = counters(server)
    if before != after:
        soak.account.fail(f"the restarted server has {len(after)} counters of {len(before)}, or other ones")
    return report(soak, count, before)


def say(soak: Soak, number: int) -> None:
    """Progress, on standard error."""
    last = soak.rests[-1]
    account = soak.account
    print(
        f"  round {number + 1}: {last.rss >> 20} MB at rest, {soak.highest[-1] >> 20} MB under load, "
        f"{last.files} files, {last.clients} clients, {last.children} children, {account.commands:,} commands, "
        f"{len(account.failures)} failures",
        file=sys.stderr, flush=True,
    )  # fmt: skip
    for text in account.failures:
        print(f"    {text}", file=sys.stderr, flush=True)


def play(soak: Soak, number: int, seconds: float, *, is_last: bool) -> None:
    """One round: starts the processes, watches the server's memory, collects the accounts."""
    until = time.perf_counter() + seconds
    port = soak.server.port
    accounts: Queue[tuple[Account, list[tuple[float, float]]]] = Queue()
    pings: Queue[list[tuple[float, float]]] = Queue()
    over = Event()
    share = soak.clients // PROCESSES
    is_wild = number % 2 == 1
    processes = [
        Process(daemon=True, target=load, args=(accounts, port, number * 1000 + part * share, share, until))
        for part in range(PROCESSES)
    ]
    processes += [
        Process(daemon=True, target=make_trouble, args=(accounts, port, number, until)),
        Process(daemon=True, target=operate, args=(accounts, port, number, is_wild and not is_last, until)),
    ]
    pinger = Process(daemon=True, target=ping, args=(pings, port, over))
    for process in [*processes, pinger]:
        process.start()
    highest, before = 0, scheduled(soak.server)
    while time.perf_counter() < until:
        highest = max(highest, soak.server.rss_bytes())
        time.sleep(0.2)
    after = scheduled(soak.server)
    soak.ran += after[0] - before[0]
    soak.kept_waiting += after[1] - before[1]
    for _ in processes:
        account, stops = accounts.get(timeout=120)
        soak.account.add(account)
        soak.stops += stops
    over.set()
    soak.waits += pings.get(timeout=60)
    for process in [*processes, pinger]:
        process.join(60)
    soak.highest.append(highest)


def load(
    accounts: Queue[tuple[Account, list[tuple[float, float]]]],
    port: int,
    first: int,
    count: int,
    until: float,
) -> None:
    """A process of well-behaved clients, a thread each."""
    total = Account()
    some = [Account() for _ in range(count)]
    threads = []
    for position, account in enumerate(some):
        number = first + position
        work = WORK[number % len(WORK)]
        protocol = 3 if work in NEEDS_RESP3 or number % 3 == 0 else 2
        arguments = (port, account, number, work, until, protocol, PAUSE_SECONDS)
        threads.append(threading.Thread(target=keep_running, args=arguments))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for account in some:
        total.add(account)
    accounts.put((total, []))


def make_trouble(
    accounts: Queue[tuple[Account, list[tuple[float, float]]]], port: int, number: int, until: float
) -> None:
    """A process of clients that break off."""
    some = [Account() for _ in range(BREAKERS)]
    threads = [
        threading.Thread(target=break_off, args=(port, account, number * 100 + position, until))
        for position, account in enumerate(some)
    ]
    for thread in threads:
        thread.start()
    total = Account()
    for thread, account in zip(threads, some, strict=True):
        thread.join()
        total.add(account)
    accounts.put((total, []))


def operate(
    accounts: Queue[tuple[Account, list[tuple[float, float]]]],
    port: int,
    number: int,
    is_wild: bool,
    until: float,
) -> None:
    """The operator's process."""
    account = Account()
    stops: list[tuple[float, float]] = []
    try:
        operator = Operator(port, account, is_wild, True, number)
        stops = operator.stops
        operator.run(until)
    except (Broken, OSError, ValueError) as error:
        account.fail(f"the operator could not go on: {error!r}")
    accounts.put((account, stops))


def ping(waits: Queue[list[tuple[float, float]]], port: int, over: EventType) -> None:
    """Pings all the while; each answer's time of sending and wait."""
    found: list[tuple[float, float]] = []
    with RawConnection("127.0.0.1", port, timeout=60) as connection:
        connection.command("CLIENT", "SETNAME", "keep")
        while not over.is_set():
            began = time.perf_counter()
            if connection.command("PING") != b"+PONG\r\n":
                break
            found.append((began, time.perf_counter() - began))
            time.sleep(PING_SECONDS)
    waits.put(found)


def scheduled(server: ServerProcess) -> tuple[float, float]:
    """Seconds that the server's main thread ran, and that it was kept waiting for a core by other processes."""
    ran, waited, _ = Path(f"/proc/{server.pid}/schedstat").read_text().split()
    return int(ran) / 1e9, int(waited) / 1e9


def counters(server: ServerProcess) -> dict[str, int]:
    """All that was counted, as the server has it."""
    with server.connect(timeout=60) as connection:
        connection.command("SELECT", COUNTING_DATABASE)
        keys = decode(connection.command("KEYS", "*"))
        assert isinstance(keys, list)
        found: dict[str, int] = {}
        for key in keys:
            assert isinstance(key, bytes)
            if not key.startswith(b"noise"):
                value = decode(connection.command("GET", key))
                assert isinstance(value, bytes)
                found[key.decode()] = int(value)
        return found


def verify(soak: Soak, number: int) -> None:
    """Compares the counters with what was acknowledged, and forgets both."""
    found = counters(soak.server)
    account = soak.account
    is_wild = number % 2 == 1
    for name in sorted({*found, *account.acknowledged, *account.uncertain}):
        known, value = account.acknowledged[name], found.get(name, 0)
        if value > known + account.uncertain[name]:
            account.fail(f"{name} is {value}, but {known} (+{account.uncertain[name]}) increments were made")
        elif value < known and not is_wild:
            account.fail(f"{name} is {value}, but {known} increments were acknowledged")
        soak.lost_to_eviction += value < known
        soak.verified += known
    account.acknowledged.clear()
    account.uncertain.clear()


def rest(soak: Soak, began: float) -> Rest:
    """Empties the server and looks at what is left."""
    server = soak.server
    with server.connect(timeout=60) as connection:
        connection.command("CLIENT", "SETNAME", "keep")
        connection.command("FLUSHALL", "ASYNC")
        connection.command("SCRIPT", "FLUSH")
        connection.command("FUNCTION", "FLUSH")
        deadline = time.perf_counter() + 60
        while time.perf_counter() < deadline:
            told = connection.command("INFO", "persistence")
            if b"rdb_bgsave_in_progress:0" in told and b"aof_rewrite_in_progress:0" in told:
                break
            time.sleep(0.1)
        connection.command("BGREWRITEAOF")
        time.sleep(SETTLE_SECONDS)
        connection.command("MEMORY", "PURGE")
        fields = info_of(connection)
        for name in ("rdb_last_bgsave_status", "aof_last_bgrewrite_status", "aof_last_write_status"):
            if fields[name] != "ok":
                soak.account.fail(f"{name} is {fields[name]}")
        allocated = connection.command("MEMORY", "MALLOC-STATS").decode("latin-1")
        blocks, c_bytes = (
            int(found[1]) if (found := re.search(pattern, allocated)) else 0
            for pattern in (r"allocated blocks: (\d+)", r"C library: (\d+) allocated")
        )
        proc = Path(f"/proc/{server.pid}")
        children = (proc / "task" / str(server.pid) / "children").read_text().split()
        return Rest(
            time.perf_counter() - began, server.rss_bytes(), len(os.listdir(proc / "fd")),
            int(fields["connected_clients"]) - 1, len(children), int(fields["blocked_clients"]), blocks, c_bytes,
        )  # fmt: skip


def info_of(connection: RawConnection) -> dict[str, str]:
    """The fields of INFO."""
    text = connection.command("INFO").decode("latin-1")
    return dict(re.findall(r"(?m)^([a-z_0-9]+):(.*)\r$", text))


def slope(rests: list[Rest]) -> float:
    """Bytes per minute by which memory at rest grows, by least squares."""
    count = len(rests)
    mean_x = sum(one.seconds for one in rests) / count
    mean_y = sum(one.rss for one in rests) / count
    spread = sum((one.seconds - mean_x) ** 2 for one in rests)
    return 60 * sum((one.seconds - mean_x) * (one.rss - mean_y) for one in rests) / spread if spread else 0.0


def unexpected_lines(log: str) -> list[str]:
    """Warnings and tracebacks that nothing in the soak accounts for."""
    return [
        line
        for line in log.splitlines()
        if FAULTS.search(line)
        or (" # " in line and not EXPECTED_WARNINGS.search(line))
        or "Unexpected" in line
    ]


def report(soak: Soak, count: int, before: dict[str, int]) -> list[str]:
    """Lines of Markdown; the verdicts are in it."""
    account, rests = soak.account, soak.rests
    rows = [
        [
            "start" if not number else str(number), f"{one.rss / 1e6:.1f}",
            f"{soak.highest[number - 1] / 1e6:.0f}" if number else "-",
            f"{one.blocks:,}", f"{one.c_bytes / 1e6:.1f}",
            str(one.files), str(one.clients), str(one.blocked), str(one.children),
        ]
        for number, one in enumerate(rests)
    ]  # fmt: skip
    undisturbed = [
        wait
        for began, wait in soak.waits
        if not any(began < end and began + wait > begin for begin, end in soak.stops)
    ]
    served = [
        ["pings, all", f"{len(soak.waits):,}", *percentiles([wait for _, wait in soak.waits])],
        ["outside of DEBUG RELOAD, SAVE, CLIENT PAUSE", f"{len(undisturbed):,}", *percentiles(undisturbed)],
    ]
    lines_of_log = unexpected_lines(soak.server.log())
    first, last = rests[min(2, count - 1)], rests[-1]
    verdicts = {
        "objects at rest": last.blocks - first.blocks <= BLOCKS_ALLOWED * first.blocks
        and last.c_bytes - first.c_bytes <= C_BYTES_ALLOWED,
        "memory at rest": last.rss - first.rss <= FRAGMENTS_ALLOWED * max(soak.highest),
        "open files": last.files <= rests[1].files,
        "clients": all(not one.clients and not one.blocked for one in rests),
        "children": not last.children,
        "log": not lines_of_log,
        "answers": not account.failures,
    }
    seen = {name: number for name, number in account.seen.items() if not name.startswith("news:")}
    return [
        f"{account.commands:,} commands from {soak.clients} clients in {count} rounds, {account.reconnects:,} "
        f"reconnections; {soak.verified:,} increments verified, {len(before)} counters over a restart; "
        f"{soak.lost_to_eviction} counters evicted in the rounds in which that may be.", "",
        *table(
            [
                "after round", "MB at rest", "MB at most", "Python blocks", "MB of the C library", "open files",
                "clients", "blocked", "children",
            ],
            rows,
        ), "",
        f"Memory at rest grows by {slope(rests[2:] or rests) / 1e6:+.2f} MB a minute from the second round on "
        f"({(last.rss - first.rss) / 1e6:+.1f} MB from then to the end).", "",
        *table(["ms", "pings", "p50", "p99", "p99.9", "longest"], served), "",
        f"Under load the server ran for {soak.ran:.0f} s, and was ready but kept waiting for a core for "
        f"{soak.kept_waiting:.0f} s: that is in the waits.", "",
        "Besides: " + ", ".join(f"{number:,} {name}" for name, number in sorted(seen.items()))
        + "; refused: " + (", ".join(f"{number} {name}" for name, number in sorted(account.refusals.items())) or "none")
        + ".", "",
        "Verdicts: " + ", ".join(f"{name} {'ok' if good else 'FAILED'}" for name, good in verdicts.items()) + ".",
        *[f"* answer: `{text}`" for text in account.failures], *[f"* log: `{line}`" for line in lines_of_log[:20]],
    ]  # fmt: skip


def run_soak(seconds: float, clients: int) -> Iterator[str]:
    """Starts the server, soaks it, and writes the result; a full run is for the record."""
    facts = machine.describe()
    with PyredisServer(*ARGUMENTS) as server:
        fields = info_fields(server)
        where = (
            f"{datetime.datetime.now(tz=datetime.UTC).date().isoformat()}. {facts['cpu']}, {facts['cores']} cores, "
            f"{facts['kernel']}, {facts['python']}, load average {facts['load_average_before']} before. "
            f"pyredis {fields['pyredis_version']} ({fields['pyredis_form']}), {seconds:.0f} s."
        )
        try:
            lines = [where, "", *measure_soak(server, seconds, clients)]
        finally:
            TRIALS.mkdir(parents=True, exist_ok=True)
            (TRIALS / "soak.log").write_text(server.log(), encoding="utf-8")
    directory = RESULTS if seconds >= FULL_SECONDS else TRIALS
    directory.mkdir(parents=True, exist_ok=True)
    text = "\n".join(["# A day in ten minutes", "", *lines, ""])
    (directory / "soak.md").write_text(text, encoding="utf-8")
    yield from lines
