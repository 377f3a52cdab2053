"""INFO persistence and replication: snapshots, the log, loading, and who follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis.engine.engine import GATE_LOADING
from pyredis.engine.info_report import Report

if TYPE_CHECKING:
    from pyredis.engine.engine import Engine


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
        f"loading_rdb_used_mem:{saving.load_used_memory}",
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
