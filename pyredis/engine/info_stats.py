"""INFO stats, commandstats, errorstats, latencystats: what has been counted since the start or CONFIG RESETSTAT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis.config.values import format_percentile
from pyredis.engine.info_keyspace import stale_percentage
from pyredis.engine.info_report import Report
from pyredis.engine.statistics import total_calls

if TYPE_CHECKING:
    from pyredis.engine.command import Command

_UNSAFE: Final = bytes.maketrans(b"#:\r\n", b"____")


def stats_lines(report: Report) -> list[str]:
    """Counters since the start or CONFIG RESETSTAT, and rates."""
    engine = report.engine
    statistics = engine.statistics
    keyspace = engine.keyspace
    traffic = report.clients().traffic
    seconds = 0.0
    for command in engine.all_commands:
        seconds += command.seconds
    cycles = statistics.cycles.per_second()
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
        f"evicted_keys:{engine.memory.evicted}",
        f"evicted_clients:{engine.client_limit.evicted}",
        f"evicted_scripts:{engine.scripting.figures().evicted}",
        f"total_eviction_exceeded_time:{engine.memory.exceeded_ms()}",
        f"current_eviction_exceeded_time:{engine.memory.exceeding_ms()}",
        f"keyspace_hits:{keyspace.hits}",
        f"keyspace_misses:{keyspace.misses}",
        f"pubsub_channels:{len(engine.pubsub.channels.listeners)}",
        f"pubsub_patterns:{len(engine.pubsub.patterns.listeners)}",
        f"pubsubshard_channels:{len(engine.pubsub.shard_channels.listeners)}",
        f"latest_fork_usec:{engine.saving.fork_us}",
        f"total_forks:{engine.saving.forks}",
        f"migrate_cached_sockets:{engine.outgoing.count()}",
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
        f"eventloop_cycles:{statistics.loop_cycles(traffic)}",
        f"eventloop_duration_sum:{statistics.loop_microseconds()}",
        f"eventloop_duration_cmd_sum:{int(seconds * 1e6)}",
        f"instantaneous_eventloop_cycles_per_sec:{cycles}",
        f"instantaneous_eventloop_duration_usec:{statistics.busy_us.per_second() // max(cycles, 1)}",
        f"acl_access_denied_auth:{engine.access.log.denied_auth}",
        f"acl_access_denied_cmd:{engine.access.log.denied_command}",
        f"acl_access_denied_key:{engine.access.log.denied_key}",
        f"acl_access_denied_channel:{engine.access.log.denied_channel}",
    ]


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
