"""One scrape: the numbers of an engine as text, made in small pieces so that clients do not wait for it.

Each `step` takes some 100 us interpreted; between two of them clients may be served, so numbers of one text can be of
slightly different moments, as those of a scrape that sends several commands are. Counters never go back all the same:
connections that end meanwhile are counted once, see `ClientTotals`.

What INFO says is taken from its sections (`pyredis.metrics.fields`), so the two never disagree; what has labels of its
own (commands, errors, databases, pauses) is read from the engine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Final

from pyredis import REDIS_VERSION, __version__
from pyredis.engine import process
from pyredis.engine.command import Command
from pyredis.engine.context import Context
from pyredis.engine.engine import Engine
from pyredis.engine.info_keyspace import cluster_lines, mean_ttl
from pyredis.engine.info_memory import memory_lines
from pyredis.engine.info_persistence import persistence_lines, replication_lines
from pyredis.engine.info_report import ClientTotals, Report
from pyredis.engine.info_server import clients_lines, cpu_lines, server_lines
from pyredis.engine.info_stats import stats_lines
from pyredis.engine.latency import LEVELS
from pyredis.engine.pauses import BOUNDS, Pauses
from pyredis.form import COMPILED
from pyredis.metrics import fields
from pyredis.metrics.exposition import COUNTER, GAUGE, HISTOGRAM, INFO, Exposition, label, seconds_text
from pyredis.metrics.fields import Field
from pyredis.metrics.health import unready_reason

CLIENTS_A_STEP: Final = 32
FIELDS_A_STEP: Final = 32
COMMANDS_A_STEP: Final = 32
DATABASES_A_STEP: Final = 16
FILES_A_STEP: Final = 128

DATABASES_SHOWN: Final = 16
"""Databases that are shown even when they are empty, so that their series do not come and go."""

LATENCIES: Final = "redis_commands_latencies_usec"
LEVEL_LABELS: Final = [label("le", repr((1 << level) / 1000)) for level in LEVELS]
"""Every power of two of nanoseconds from 1.024 us to 1.07 s: exact ends of the histogram's own buckets."""

Lines = Callable[[Report], list[str]]

SECTIONS: Final[list[tuple[Lines, list[Field]]]] = [
    (server_lines, fields.SERVER),
    (clients_lines, fields.CLIENTS),
    (memory_lines, fields.MEMORY),
    (persistence_lines, fields.PERSISTENCE),
    (stats_lines, fields.STATS),
    (replication_lines, fields.REPLICATION),
    (cpu_lines, fields.CPU),
    (cluster_lines, fields.CLUSTER),
]


class Scrape:
    """See the module's text; `step` until it returns true, then `text`."""

    def __init__(self, engine: Engine, is_open: bool) -> None:
        self.engine: Engine = engine
        self.out: Exposition = Exposition(is_open)
        self.totals: ClientTotals = ClientTotals(engine)
        self.waiting: list[Context] = list(engine.clients.values())
        self.client_bytes: int = 0
        self.info: dict[str, str] = {}
        self.report: Report = Report(engine, self.totals)
        self.commands: list[Command] = []
        self.files: Iterator[os.DirEntry[str]] | None = None
        self.file_count: int = 0
        self.section: int = 0
        self.position: int = 0
        self.family: int = 0
        self.stage: int = 0
        self.stages: list[Callable[[], bool]] = [
            self._add_clients,
            self._add_sections,
            self._add_instance,
            self._add_replicas,
            self._add_commands,
            self._add_latencies,
            self._add_errors,
            self._add_databases,
            self._add_slow,
            self._add_pauses,
            self._count_files,
            self._add_process,
        ]

    def step(self) -> bool:
        """Does a little; true when the text is complete."""
        if self.stage < len(self.stages) and self.stages[self.stage]():
            self.stage += 1
            self.position = 0
            self.family = 0
        return self.stage == len(self.stages)

    def text(self) -> bytes:
        """The text, once it is complete."""
        return self.out.data()

    def _one(self, name: str, kind: str, text: str, value: str, labels: str = "") -> None:
        """A family with one sample."""
        self.out.family(name, kind, text)
        self.out.sample(name, labels, value)

    def _add_clients(self) -> bool:
        """Sums up the connections."""
        for _ in range(CLIENTS_A_STEP):
            if not self.waiting:
                self.report.client_bytes = self.client_bytes
                return True
            client = self.waiting.pop()
            self.totals.add(client)
            self.client_bytes += client.memory()
        return False

    def _add_sections(self) -> bool:
        """What INFO says: a section, or some fields of it, at a time."""
        lines, wanted = SECTIONS[self.section]
        if self.position == 0:
            for line in lines(self.report):
                name, _, value = line.partition(":")
                self.info[name] = value
        end = min(self.position + FIELDS_A_STEP, len(wanted))
        for field in wanted[self.position : end]:
            shown = self.info.get(field.field)
            if shown is not None:
                self._one(field.metric, field.kind, field.text, field.value(shown))
        self.position = end
        if end == len(wanted):
            self.section += 1
            self.position = 0
        return self.section == len(SECTIONS)

    def _add_instance(self) -> bool:
        """What runs here."""
        info = self.info
        labels = [
            label(name, info.get(name, ""))
            for name in (
                "role", "redis_version", "redis_build_id", "redis_mode", "os", "maxmemory_policy", "tcp_port",
                "run_id", "process_id", "master_replid",
            )
        ]  # fmt: skip
        self._one("redis_up", GAUGE, "1 as long as there is an answer.", "1")
        self._one("redis_instance_info", INFO, "What the server says of itself.", "1", ",".join(labels))
        labels = [
            label("version", __version__),
            label("redis_version", REDIS_VERSION),
            label("form", "compiled" if COMPILED else "pure"),
            label("python", process.python_version()),
        ]
        self._one(
            "pyredis_build_info", INFO, "Which pyredis this is, and what it runs on.", "1", ",".join(labels)
        )
        started = seconds_text(float(self.engine.started_ms) / 1000)
        self._one("redis_start_time_seconds", GAUGE, "When the server started.", started)
        is_ready = "0" if unready_reason(self.engine) else "1"
        self._one("pyredis_ready", GAUGE, "1 if /readyz answers 200.", is_ready)
        config = self.engine.config
        maximum = str(config.get_int("maxclients"))
        self._one("redis_config_maxclients", GAUGE, "The directive of that name.", maximum)
        maximum = str(config.get_int("maxmemory"))
        self._one("redis_config_maxmemory", GAUGE, "The directive of that name.", maximum)
        return True

    def _add_replicas(self) -> bool:
        """How far each replica is, from the lines `slaveN:ip=...,port=...,state=...,offset=...,lag=...`."""
        rows: list[tuple[str, str, str]] = []
        for number in range(int(self.info.get("connected_slaves", "0"))):
            values: dict[str, str] = {}
            for part in self.info.get(f"slave{number}", "").split(","):
                name, _, value = part.partition("=")
                values[name] = value
            labels = [label(f"slave_{name}", values.get(name, "")) for name in ("ip", "port", "state")]
            rows.append((",".join(labels), values.get("offset", "0"), values.get("lag", "0")))
        if rows:
            self.out.family("redis_connected_slave_offset_bytes", GAUGE, "What a replica has taken.")
            for joined, offset, _ in rows:
                self.out.sample("redis_connected_slave_offset_bytes", joined, offset)
            self.out.family("redis_connected_slave_lag_seconds", GAUGE, "Since a replica was last heard of.")
            for joined, _, lag in rows:
                self.out.sample("redis_connected_slave_lag_seconds", joined, lag)
        return True

    def _add_commands(self) -> bool:
        """Calls, times and failures of every command that was asked for."""
        if self.family == 0 and self.position == 0:
            self.commands = [
                command
                for command in self.engine.all_commands
                if command.calls or command.rejected or command.failed
            ]
        name, text = COMMAND_FAMILIES[self.family]
        if self.position == 0:
            self.out.family(name, COUNTER, text)
        end = min(self.position + COMMANDS_A_STEP, len(self.commands))
        for command in self.commands[self.position : end]:
            self.out.sample(name, label("cmd", command.full_name.decode()), _figure(command, self.family))
        self.position = end
        if end == len(self.commands):
            self.family += 1
            self.position = 0
        return self.family == len(COMMAND_FAMILIES)

    def _add_latencies(self) -> bool:
        """The histogram of one command."""
        if self.position == 0:
            self.out.family(LATENCIES, HISTOGRAM, "Time that calls of a command took, in microseconds.")
        if self.position < len(self.commands):
            command = self.commands[self.position]
            self.position += 1
            if command.histogram is not None:
                labels = label("cmd", command.full_name.decode())
                counts, total = command.histogram.cumulative()
                name = f"{LATENCIES}_bucket{{{labels},"
                self.out.lines += [
                    f"{name}{bound}}} {count}" for bound, count in zip(LEVEL_LABELS, counts, strict=True)
                ]
                self.out.lines.append(f'{name}le="+Inf"}} {total}')
                self.out.sample(f"{LATENCIES}_count", labels, str(total))
                self.out.sample(f"{LATENCIES}_sum", labels, seconds_text(command.seconds * 1e6))
        return self.position >= len(self.commands)

    def _add_errors(self) -> bool:
        """Errors by their first word; there are at most 128 of them."""
        self.out.family("redis_errors_total", COUNTER, "Errors answered, by their first word.")
        for code, count in self.engine.error_counts.items():
            self.out.sample("redis_errors_total", label("err", code.decode("utf-8", "replace")), str(count))
        return True

    def _add_databases(self) -> bool:
        """Sizes of the databases, those that are empty and beyond the first ones left out."""
        name, text = DATABASE_FAMILIES[self.family]
        if self.position == 0:
            self.out.family(name, GAUGE, text)
        databases = self.engine.keyspace.databases
        end = min(self.position + DATABASES_A_STEP, len(databases))
        for database in databases[self.position : end]:
            if len(database) or database.index < DATABASES_SHOWN:
                labels = label("db", f"db{database.index}")
                if self.family == 0:
                    value = str(len(database))
                elif self.family == 1:
                    value = str(database.expires.size)
                else:
                    value = seconds_text(mean_ttl(database) / 1000)
                self.out.sample(name, labels, value)
        self.position = end
        if end == len(databases):
            self.family += 1
            self.position = 0
        return self.family == len(DATABASE_FAMILIES)

    def _add_slow(self) -> bool:
        """The slow log, and the spikes that LATENCY knows."""
        slow = self.engine.slow_log
        entries = slow.entries
        last = seconds_text(entries[0].microseconds / 1e6) if entries else "0"
        self._one("redis_slowlog_length", GAUGE, "Entries of the slow log.", str(len(entries)))
        self._one(
            "redis_slowlog_last_id", GAUGE, "Number of the last slow command.", str(slow.last_number - 1)
        )
        self._one("redis_last_slow_execution_duration_seconds", GAUGE, "How long that one took.", last)
        events = self.engine.latency.events
        name = "redis_latency_spike_last"
        self.out.family(name, GAUGE, "When an event was last slow.")
        for event, series in events.items():
            self.out.sample(name, label("event_name", event.decode()), str(series.samples[-1][0]))
        name = "redis_latency_spike_duration_seconds"
        self.out.family(name, GAUGE, "How long an event took when it was last slow.")
        for event, series in events.items():
            value = seconds_text(series.samples[-1][1] / 1000)
            self.out.sample(name, label("event_name", event.decode()), value)
        return True

    def _add_pauses(self) -> bool:
        """How late the event loop was, and how long garbage was collected."""
        statistics = self.engine.statistics
        name = "pyredis_event_loop_lag"
        self._pauses(f"{name}_seconds", "How late the cron's ticks were.", statistics.loop_lag)
        longest = seconds_text(statistics.loop_lag.longest)
        self._one(f"{name}_max_seconds", GAUGE, "The latest that a tick was since the start.", longest)
        name = "pyredis_gc_pause"
        self._pauses(f"{name}_seconds", "How long collections of garbage took.", statistics.collections)
        longest = seconds_text(statistics.collections.longest)
        self._one(f"{name}_max_seconds", GAUGE, "The longest collection since the start.", longest)
        return True

    def _pauses(self, name: str, text: str, pauses: Pauses) -> None:
        self.out.family(name, HISTOGRAM, text)
        counted = 0
        for bound, count in zip(BOUNDS, pauses.counts, strict=False):
            counted += count
            self.out.sample(f"{name}_bucket", label("le", repr(bound)), str(counted))
        total = str(counted + pauses.counts[-1])
        self.out.sample(f"{name}_bucket", label("le", "+Inf"), total)
        self.out.sample(f"{name}_count", "", total)
        self.out.sample(f"{name}_sum", "", seconds_text(pauses.seconds))

    def _count_files(self) -> bool:
        """Counts open files where the kernel has to be asked for each; 10,000 take some milliseconds in all."""
        if self.position == 0:
            self.file_count = process.open_files_at_once()
            if self.file_count < 0:
                self.files = process.list_open_files()
        if self.files is None:
            return True
        for _ in range(FILES_A_STEP):
            self.position += 1
            if next(self.files, None) is None:
                self.file_count = self.position - 1
                self.files = None
                return True
        return False

    def _add_process(self) -> bool:
        """What every exporter says of its process."""
        times = process.CpuTimes()
        spent = seconds_text(times.system + times.user)
        started = seconds_text(float(self.engine.started_ms) / 1000)
        resident, virtual = str(process.resident_bytes()), process.virtual_bytes()
        self._one("process_cpu_seconds_total", COUNTER, "Processor time, kernel included.", spent)
        self._one("process_start_time_seconds", GAUGE, "When the process started.", started)
        self._one("process_resident_memory_bytes", GAUGE, "Memory that is resident.", resident)
        if virtual:
            self._one("process_virtual_memory_bytes", GAUGE, "Address space in use.", str(virtual))
        if self.file_count > 0:
            self._one("process_open_fds", GAUGE, "Open files and connections.", str(self.file_count))
        limit = process.open_files_limit()
        if limit:
            self._one("process_max_fds", GAUGE, "Files and connections that may be open.", str(limit))
        return True


COMMAND_FAMILIES: Final = (
    ("redis_commands_total", "Calls of a command."),
    ("redis_commands_duration_seconds_total", "Time that calls of a command took."),
    ("redis_commands_rejected_calls_total", "Calls that were refused before they ran."),
    ("redis_commands_failed_calls_total", "Calls that answered an error."),
)

DATABASE_FAMILIES: Final = (
    ("redis_db_keys", "Keys of a database."),
    ("redis_db_keys_expiring", "Keys of a database that have a time to live."),
    ("redis_db_avg_ttl_seconds", "Mean time to live of those keys, from a sample."),
)


def _figure(command: Command, family: int) -> str:
    """The value of one of `COMMAND_FAMILIES`."""
    if family == 0:
        return str(command.calls)
    if family == 1:
        return seconds_text(command.seconds)
    return str(command.rejected if family == 2 else command.failed)
