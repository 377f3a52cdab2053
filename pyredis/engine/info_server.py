"""INFO server, clients, cpu, modules: what runs, who is connected, and what that costs."""

from __future__ import annotations

import os
from typing import Final

from pyredis import REDIS_VERSION, __version__
from pyredis.engine import process
from pyredis.engine.info_report import Report
from pyredis.form import COMPILED

LISTENER_KINDS: Final = ("tcp", "unix", "tls")


def server_lines(report: Report) -> list[str]:
    """What runs, since when, and where it listens."""
    from hashlib import sha1

    engine = report.engine
    config = engine.config
    now_us = engine.clock.read_us()
    uptime = max(engine.clock.now_ms - engine.started_ms, 0) // 1000
    listeners = engine.host.listening()
    ports = [listener.port for listener in listeners if listener.port]
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
        f"process_supervised:{engine.host.supervisor()}",
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
        f"total_blocking_keys_on_nokey:{engine.blocking.keys_that_may_go()}",
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
