"""INFO: what an engine tells about itself, as lines of `name:value` in titled sections.

Every field that clients and exporters read is here under Redis's name and with a true value. Three kinds are
not what they are in Redis:

* Memory. `used_memory` is what the system says is resident, code and interpreter included, because Python's
  allocator keeps no total; so the `allocator_*` fields repeat it and fragmentation is always 1.
  `used_memory_startup` is what it was before the first key, `used_memory_dataset` what came since, less the
  clients' buffers.
* Features that this version lacks (replicas, eviction) report what a Redis that has never used them reports.
* What nobody here can know is left out: the event loop's cycles.

Costs O(clients + commands).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyredis import REDIS_VERSION, __version__
from pyredis.config.values import format_percentile
from pyredis.engine import process
from pyredis.engine.engine import GATE_LOADING
from pyredis.engine.statistics import total_calls
from pyredis.form import COMPILED

if TYPE_CHECKING:
    from pyredis.engine.command import Command
    from pyredis.engine.engine import Engine
    from pyredis.keyspace.database import Database

LISTENER_KINDS: Final = ("tcp", "unix", "tls")
TTL_SAMPLES: Final = 16
"""Deadlines looked at for the mean time to live of a database."""

_UNSAFE: Final = bytes.maketrans(b"#:\r\n", b"____")


class ClientTotals:
    """What the connections amount to together. O(clients), with 10,000 of them 10 ms interpreted."""

    def __init__(self, engine: Engine) -> None:
        self.input_max: int = 0
        self.output_max: int = 0
        self.buffered: int = 0
        self.blocked: int = 0
        self.subscribed: int = 0
        self.watching: int = 0
        for ctx in engine.clients.values():
            waiting, unsent = ctx.query_buffer()[0], ctx.output_buffer()[1]
            self.input_max = max(self.input_max, waiting)
            self.output_max = max(self.output_max, unsent)
            self.buffered += waiting + unsent
            if ctx.is_blocked:
                self.blocked += 1
            if ctx.channels or ctx.patterns or ctx.shard_channels:
                self.subscribed += 1
            if ctx.watch.keys:
                self.watching += 1


class Report:
    """One INFO: the engine, and what several sections need of it."""

    def __init__(self, engine: Engine) -> None:
        self.engine: Engine = engine
        self._clients: ClientTotals | None = None

    def clients(self) -> ClientTotals:
        """The connections, looked at once."""
        if self._clients is None:
            self._clients = ClientTotals(self.engine)
        return self._clients


def info_text(engine: Engine, arguments: list[bytes]) -> bytes:
    """The sections that the arguments of INFO name, in Redis's order; unknown names are nothing."""
    wanted = {argument.lower().decode("latin-1") for argument in arguments}
    if not wanted or "default" in wanted:
        wanted |= DEFAULT_SECTIONS
    is_all = "all" in wanted or "everything" in wanted
    report = Report(engine)
    parts: list[str] = []
    for name, title, lines in SECTIONS:
        if is_all or name in wanted or (name == "modules" and "module_list" in wanted):
            parts.append("\r\n".join([f"# {title}", *lines(report), ""]))
    return "\r\n".join(parts).encode("utf-8", "surrogateescape")


def server_lines(report: Report) -> list[str]:
    """What runs, since when, and where it listens."""
    from hashlib import sha1

    engine = report.engine
    config = engine.config
    now_us = engine.clock.read_us()
    uptime = max(engine.clock.now_ms - engine.started_ms, 0) // 1000
    listeners = engine.host.listening()
    ports = [listener.port for listener in listeners if listener.kind == "tcp"]
    form = "compiled" if COMPILED else "pure"
    build = sha1(f"{__version__} {form} {process.compiler_version()}".encode(), usedforsecurity=False)
    lines = [
        f"redis_version:{REDIS_VERSION}",
        "redis_git_sha1:00000000",
        "redis_git_dirty:0",
        f"redis_build_id:{build.hexdigest()[:16]}",
        f"pyredis_version:{__version__}",
        f"pyredis_form:{form}",
        "redis_mode:standalone",
        f"os:{process.system_name()}",
        "arch_bits:64",
        f"monotonic_clock:{process.monotonic_clock_name()}",
        f"multiplexing_api:{process.polling_api()}",
        "atomicvar_api:gil",
        f"gcc_version:{process.compiler_version()}",
        f"process_id:{os.getpid()}",
        "process_supervised:no",
        f"run_id:{engine.run_id}",
        f"tcp_port:{ports[0] if ports else config.get_int('port')}",
        f"server_time_usec:{now_us}",
        f"uptime_in_seconds:{uptime}",
        f"uptime_in_days:{uptime // 86_400}",
        f"hz:{config.get_int('hz')}",
        f"configured_hz:{config.get_int('hz')}",
        f"lru_clock:{now_us // 1_000_000 & 0xFFFFFF}",
        f"executable:{process.executable_path()}",
        f"config_file:{config.config_file}",
        "io_threads_active:0",
    ]
    for listener in listeners:
        binds = "".join([f",bind={address}" for address in listener.addresses])
        port = f",port={listener.port}" if listener.port else ""
        lines.append(f"listener{LISTENER_KINDS.index(listener.kind)}:name={listener.kind}{binds}{port}")
    return lines


def clients_lines(report: Report) -> list[str]:
    """Who is connected and in which state."""
    engine = report.engine
    clients = report.clients()
    databases = engine.keyspace.databases
    watched = sum([len(database.watchers) for database in databases])
    waited_for = sum([len(database.blocked) for database in databases])
    timed = len([None for wait in engine.blocking.operations.values() if wait.deadline_ms])
    return [
        f"connected_clients:{len(engine.clients)}",
        "cluster_connections:0",
        f"maxclients:{engine.max_clients}",
        f"client_recent_max_input_buffer:{clients.input_max}",
        f"client_recent_max_output_buffer:{clients.output_max}",
        f"blocked_clients:{clients.blocked}",
        f"tracking_clients:{len(engine.tracking.clients)}",
        f"pubsub_clients:{clients.subscribed}",
        f"watching_clients:{clients.watching}",
        f"clients_in_timeout_table:{timed}",
        f"total_watched_keys:{watched}",
        f"total_blocking_keys:{waited_for}",
        "total_blocking_keys_on_nokey:0",
    ]


def script_lines(engine: Engine) -> list[str]:
    """The memory of scripts and functions, and how many there are."""
    figures = engine.scripting.figures()
    lua_lines = _bytes_lines("used_memory_lua", figures.eval_vm)
    return [
        lua_lines[0],
        f"used_memory_vm_eval:{figures.eval_vm}",
        *lua_lines[1:],
        f"used_memory_scripts_eval:{figures.eval_bytes}",
        f"number_of_cached_scripts:{figures.scripts}",
        f"number_of_functions:{figures.functions}",
        f"number_of_libraries:{figures.libraries}",
        f"used_memory_vm_functions:{figures.function_vm}",
        *_bytes_lines("used_memory_vm_total", figures.eval_vm + figures.function_vm),
        f"used_memory_functions:{figures.function_bytes}",
        *_bytes_lines("used_memory_scripts", figures.eval_bytes + figures.function_bytes),
    ]


def memory_lines(report: Report) -> list[str]:
    """Memory of the process; the module's text says what these numbers are."""
    engine = report.engine
    statistics = engine.statistics
    used = statistics.used_memory()
    peak = statistics.peak_memory
    startup = statistics.startup_memory
    buffers = report.clients().buffered
    overhead = startup + buffers
    dataset = max(used - overhead, 0)
    grown = max(used - startup, 1)
    system = process.system_memory_bytes()
    limit = engine.config.get_int("maxmemory")
    engine.host.measure_log()
    return [
        *_bytes_lines("used_memory", used),
        *_bytes_lines("used_memory_rss", used),
        *_bytes_lines("used_memory_peak", peak),
        f"used_memory_peak_perc:{used * 100 / max(peak, 1):.2f}%",
        f"used_memory_overhead:{overhead}",
        f"used_memory_startup:{startup}",
        f"used_memory_dataset:{dataset}",
        f"used_memory_dataset_perc:{dataset * 100 / grown:.2f}%",
        f"allocator_allocated:{used}",
        f"allocator_active:{used}",
        f"allocator_resident:{used}",
        "allocator_muzzy:0",
        *_bytes_lines("total_system_memory", system),
        *script_lines(engine),
        *_bytes_lines("maxmemory", limit),
        f"maxmemory_policy:{engine.config.get_str('maxmemory-policy')}",
        "allocator_frag_ratio:1.00",
        "allocator_frag_bytes:0",
        "allocator_rss_ratio:1.00",
        "allocator_rss_bytes:0",
        "rss_overhead_ratio:1.00",
        "rss_overhead_bytes:0",
        "mem_fragmentation_ratio:1.00",
        "mem_fragmentation_bytes:0",
        "mem_not_counted_for_evict:0",
        "mem_replication_backlog:0",
        "mem_total_replication_buffers:0",
        "mem_clients_slaves:0",
        f"mem_clients_normal:{buffers}",
        "mem_cluster_links:0",
        f"mem_aof_buffer:{engine.logging.buffered_bytes}",
        "mem_allocator:pymalloc",
        "mem_overhead_db_hashtable_rehashing:0",
        "active_defrag_running:0",
        f"lazyfree_pending_objects:{engine.keyspace.lazy_free.pending}",
        f"lazyfreed_objects:{engine.keyspace.lazy_free.freed}",
    ]


def _bytes_lines(name: str, size: int) -> list[str]:
    return [f"{name}:{size}", f"{name}_human:{human_bytes(size)}"]


def human_bytes(size: int) -> str:
    """A size as Redis shows it to people: `1.50M`."""
    if size < 1024:
        return f"{size}B"
    amount = float(size)
    for unit in "KMGTP":
        amount /= 1024
        if amount < 1024:
            return f"{amount:.2f}{unit}"
    return f"{size}B"


def persistence_lines(report: Report) -> list[str]:
    """Snapshots, the log, and how far loading has come."""
    engine = report.engine
    engine.host.measure_log()
    saving = engine.saving
    now = engine.clock.now_ms // 1000
    running = now - saving.started_at if saving.is_running() else -1
    return [
        f"loading:{1 if engine.gates & GATE_LOADING else 0}",
        "async_loading:0",
        f"current_cow_peak:{saving.current_copied_peak}",
        f"current_cow_size:{saving.current_copied_bytes}",
        f"current_cow_size_age:{saving.current_copied_age}",
        f"current_fork_perc:{100 * saving.keys_saved / max(saving.keys_total, 1):.2f}",
        f"current_save_keys_processed:{saving.keys_saved}",
        f"current_save_keys_total:{saving.keys_total}",
        f"rdb_changes_since_last_save:{engine.keyspace.dirty}",
        f"rdb_bgsave_in_progress:{int(saving.is_running())}",
        f"rdb_last_save_time:{saving.saved_at}",
        f"rdb_last_bgsave_status:{'ok' if saving.was_last_good else 'err'}",
        f"rdb_last_bgsave_time_sec:{saving.last_seconds}",
        f"rdb_current_bgsave_time_sec:{running}",
        f"rdb_saves:{saving.saves}",
        f"rdb_last_cow_size:{saving.copied_bytes}",
        f"rdb_last_load_keys_expired:{saving.expired_keys}",
        f"rdb_last_load_keys_loaded:{saving.loaded_keys}",
        *_log_lines(engine, now),
        *_loading_lines(engine),
    ]


def _loading_lines(engine: Engine) -> list[str]:
    """How far loading has come, while it goes on."""
    if not engine.gates & GATE_LOADING:
        return []
    saving = engine.saving
    total, loaded = saving.load_bytes, saving.loaded_bytes
    elapsed = max(engine.clock.read_us() // 1_000_000 - saving.load_started_at, 0)
    remaining = elapsed * (total - loaded) // loaded if loaded else 1
    return [
        f"loading_start_time:{saving.load_started_at}",
        f"loading_total_bytes:{total}",
        "loading_rdb_used_mem:0",
        f"loading_loaded_bytes:{loaded}",
        f"loading_loaded_perc:{loaded * 100 / max(total, 1):.2f}",
        f"loading_eta_seconds:{remaining}",
    ]


def _log_lines(engine: Engine, now: int) -> list[str]:
    state = engine.logging
    running = now - state.rewrite_started_at if state.is_rewriting() else -1
    lines = [
        f"aof_enabled:{int(state.is_on)}",
        f"aof_rewrite_in_progress:{int(state.is_rewriting())}",
        f"aof_rewrite_scheduled:{int(state.is_rewrite_scheduled)}",
        f"aof_last_rewrite_time_sec:{state.last_rewrite_seconds}",
        f"aof_current_rewrite_time_sec:{running}",
        f"aof_last_bgrewrite_status:{'ok' if state.was_last_rewrite_good else 'err'}",
        f"aof_rewrites:{state.rewrites}",
        f"aof_rewrites_consecutive_failures:{state.failures_in_a_row}",
        f"aof_last_write_status:{'ok' if state.was_last_write_good else 'err'}",
        f"aof_last_cow_size:{state.copied_bytes}",
        "module_fork_in_progress:0",
        "module_fork_last_cow_size:0",
    ]
    if state.is_on:
        lines += [
            f"aof_current_size:{state.current_bytes}",
            f"aof_base_size:{state.base_bytes}",
            f"aof_pending_rewrite:{int(state.is_rewrite_scheduled)}",
            f"aof_buffer_length:{state.buffered_bytes}",
            f"aof_pending_bio_fsync:{state.pending_syncs}",
            f"aof_delayed_fsync:{state.delayed_syncs}",
        ]
    return lines


def stats_lines(report: Report) -> list[str]:
    """Counters since the start or CONFIG RESETSTAT, and rates."""
    engine = report.engine
    statistics = engine.statistics
    keyspace = engine.keyspace
    traffic = statistics.traffic(engine)
    seconds = 0.0
    for command in engine.all_commands:
        seconds += command.seconds
    return [
        f"total_connections_received:{engine.connections_received}",
        f"total_commands_processed:{total_calls(engine)}",
        f"instantaneous_ops_per_sec:{statistics.operations.per_second()}",
        f"total_net_input_bytes:{traffic.input_bytes}",
        f"total_net_output_bytes:{traffic.output_bytes}",
        "total_net_repl_input_bytes:0",
        "total_net_repl_output_bytes:0",
        f"instantaneous_input_kbps:{statistics.input.per_second() / 1024:.2f}",
        f"instantaneous_output_kbps:{statistics.output.per_second() / 1024:.2f}",
        "instantaneous_input_repl_kbps:0.00",
        "instantaneous_output_repl_kbps:0.00",
        f"rejected_connections:{engine.rejected_connections}",
        "sync_full:0",
        "sync_partial_ok:0",
        "sync_partial_err:0",
        f"expired_subkeys:{keyspace.expired_fields}",
        f"expired_keys:{keyspace.expired}",
        f"expired_stale_perc:{stale_percentage(engine):.2f}",
        f"expired_time_cap_reached_count:{statistics.expiry_cuts}",
        f"expire_cycle_cpu_milliseconds:{int(statistics.expiry_seconds * 1000)}",
        "evicted_keys:0",
        "evicted_clients:0",
        f"evicted_scripts:{engine.scripting.figures().evicted}",
        "total_eviction_exceeded_time:0",
        "current_eviction_exceeded_time:0",
        f"keyspace_hits:{keyspace.hits}",
        f"keyspace_misses:{keyspace.misses}",
        f"pubsub_channels:{len(engine.pubsub.channels.listeners)}",
        f"pubsub_patterns:{len(engine.pubsub.patterns.listeners)}",
        f"pubsubshard_channels:{len(engine.pubsub.shard_channels.listeners)}",
        f"latest_fork_usec:{engine.saving.fork_us}",
        f"total_forks:{engine.saving.forks}",
        "migrate_cached_sockets:0",
        "slave_expires_tracked_keys:0",
        "active_defrag_hits:0",
        "active_defrag_misses:0",
        "active_defrag_key_hits:0",
        "active_defrag_key_misses:0",
        "total_active_defrag_time:0",
        "current_active_defrag_time:0",
        f"tracking_total_keys:{engine.tracking.keys.size}",
        f"tracking_total_items:{engine.tracking.items}",
        f"tracking_total_prefixes:{len(engine.tracking.prefixes)}",
        "unexpected_error_replies:0",
        f"total_error_replies:{engine.error_replies}",
        "dump_payload_sanitizations:0",
        f"total_reads_processed:{traffic.reads}",
        f"total_writes_processed:{traffic.writes}",
        "io_threaded_reads_processed:0",
        "io_threaded_writes_processed:0",
        f"client_query_buffer_limit_disconnections:{statistics.query_limit_closed}",
        f"client_output_buffer_limit_disconnections:{statistics.output_limit_closed}",
        "reply_buffer_shrinks:0",
        "reply_buffer_expands:0",
        f"eventloop_duration_cmd_sum:{int(seconds * 1e6)}",
        f"acl_access_denied_auth:{engine.access.log.denied_auth}",
        f"acl_access_denied_cmd:{engine.access.log.denied_command}",
        f"acl_access_denied_key:{engine.access.log.denied_key}",
        f"acl_access_denied_channel:{engine.access.log.denied_channel}",
    ]


def replication_lines(report: Report) -> list[str]:
    """The state of a primary without replicas."""
    engine = report.engine
    return [
        "role:master",
        "connected_slaves:0",
        "master_failover_state:no-failover",
        f"master_replid:{engine.replication_id}",
        f"master_replid2:{'0' * 40}",
        "master_repl_offset:0",
        "second_repl_offset:-1",
        "repl_backlog_active:0",
        f"repl_backlog_size:{engine.config.get_int('repl-backlog-size')}",
        "repl_backlog_first_byte_offset:0",
        "repl_backlog_histlen:0",
    ]


def cpu_lines(report: Report) -> list[str]:
    """Processor time."""
    times = process.CpuTimes()
    return [
        f"used_cpu_sys:{times.system:.6f}",
        f"used_cpu_user:{times.user:.6f}",
        f"used_cpu_sys_children:{times.children_system:.6f}",
        f"used_cpu_user_children:{times.children_user:.6f}",
        f"used_cpu_sys_main_thread:{times.thread_system:.6f}",
        f"used_cpu_user_main_thread:{times.thread_user:.6f}",
    ]


def modules_lines(report: Report) -> list[str]:
    """There are no modules."""
    return []


def commandstats_lines(report: Report) -> list[str]:
    """Calls and times of each command that was called or refused."""
    engine = report.engine
    return [
        _command_line(command)
        for command in engine.all_commands
        if command.calls or command.rejected or command.failed
    ]


def _command_line(command: Command) -> str:
    usec = int(command.seconds * 1e6)
    return (
        f"cmdstat_{command.full_name.decode()}:calls={command.calls},usec={usec},"
        f"usec_per_call={usec / max(command.calls, 1):.2f},"
        f"rejected_calls={command.rejected},failed_calls={command.failed}"
    )


def errorstats_lines(report: Report) -> list[str]:
    """How often each kind of error was answered."""
    engine = report.engine
    return [
        f"errorstat_{_safe_name(code)}:count={engine.error_counts[code]}"
        for code in sorted(engine.error_counts)
    ]


def _safe_name(code: bytes) -> str:
    return code.translate(_UNSAFE).decode("utf-8", "surrogateescape")


def latencystats_lines(report: Report) -> list[str]:
    """Percentiles of the time that each command takes, while times are counted."""
    engine = report.engine
    if not engine.tracks_latency:
        return []
    percents = engine.config.latency_percentiles()
    lines: list[str] = []
    for command in engine.all_commands:
        histogram = command.histogram
        if histogram is not None:
            shown = [
                f"p{format_percentile(percent).decode()}={histogram.percentile(percent):.3f}"
                for percent in percents
            ]
            lines.append(f"latency_percentiles_usec_{command.full_name.decode()}:{','.join(shown)}")
    return lines


def cluster_lines(report: Report) -> list[str]:
    """There is no cluster."""
    return ["cluster_enabled:0"]


def keyspace_lines(report: Report) -> list[str]:
    """Size of each database that is not empty."""
    engine = report.engine
    lines: list[str] = []
    for database in engine.keyspace.databases:
        if len(database):
            mean, _ = _sample_ttls(database)
            counts = f"keys={len(database)},expires={database.expires.size}"
            subexpiry = database.field_expires.size
            lines.append(f"db{database.index}:{counts},avg_ttl={mean},subexpiry={subexpiry}")
    return lines


def stale_percentage(engine: Engine) -> float:
    """The share of keys with a deadline that are past it and not yet removed, from samples."""
    stale = sampled = 0.0
    for database in engine.keyspace.databases:
        size = database.expires.size
        if size:
            stale += _sample_ttls(database)[1] * int(size)
            sampled += int(size)
    return stale * 100 / sampled if sampled else 0.0


def _sample_ttls(database: Database) -> tuple[int, float]:
    """The mean time to live in milliseconds of some keys that have one, and the share of those due."""
    expires = database.expires
    if expires.size == 0:
        return 0, 0.0
    if expires.size <= TTL_SAMPLES:
        keys = expires.keys()
    else:
        keys = [expires.random_key() for _ in range(TTL_SAMPLES)]
    now_ms = database.clock.now_ms
    total = alive = 0
    for key in keys:
        left_ms = database.deadline(key) - now_ms
        if left_ms > 0:
            total += left_ms
            alive += 1
    return total // max(alive, 1), 1.0 - alive / len(keys)


Section = tuple[str, str, Callable[[Report], list[str]]]

SECTIONS: Final[list[Section]] = [
    ("server", "Server", server_lines),
    ("clients", "Clients", clients_lines),
    ("memory", "Memory", memory_lines),
    ("persistence", "Persistence", persistence_lines),
    ("stats", "Stats", stats_lines),
    ("replication", "Replication", replication_lines),
    ("cpu", "CPU", cpu_lines),
    ("modules", "Modules", modules_lines),
    ("commandstats", "Commandstats", commandstats_lines),
    ("errorstats", "Errorstats", errorstats_lines),
    ("latencystats", "Latencystats", latencystats_lines),
    ("cluster", "Cluster", cluster_lines),
    ("keyspace", "Keyspace", keyspace_lines),
]
"""Every section: its name, its title and what gives its lines, in the order in which INFO shows them."""

DEFAULT_SECTIONS: Final = frozenset(
    (
        "server", "clients", "memory", "persistence", "stats", "replication", "cpu", "modules", "errorstats",
        "cluster", "keyspace",
    )
)  # fmt: skip
"""What INFO shows without arguments."""
