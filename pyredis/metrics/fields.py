"""Which fields of INFO are metrics, and under which names.

The names are those of oliver006/redis_exporter wherever it has one, so that dashboards and alerts written for Redis
work; what only pyredis knows begins with `pyredis_`. A field that INFO does not show at the moment has no sample.
"""

from __future__ import annotations

from typing import Final

from pyredis.metrics.exposition import COUNTER, GAUGE


class Field:
    """A field of INFO as a metric; its value is multiplied by `scale`."""

    def __init__(self, field: str, metric: str, kind: str, text: str, scale: float) -> None:
        self.field: str = field
        self.metric: str = metric
        self.kind: str = kind
        self.text: str = text
        self.scale: float = scale

    def value(self, text: str) -> str:
        """The value as a number: words of a status are 1 and 0, a percent sign goes."""
        if text in ("ok", "up"):
            return "1"
        if text in ("err", "down"):
            return "0"
        text = text.removesuffix("%")
        return text if self.scale == 1.0 else repr(float(text) * self.scale)


def gauge(field: str, metric: str, text: str, scale: float = 1.0) -> Field:
    """What goes up and down."""
    return Field(field, metric, GAUGE, text, scale)


def counter(field: str, metric: str, text: str, scale: float = 1.0) -> Field:
    """What only grows, until the server starts again or CONFIG RESETSTAT."""
    return Field(field, metric, COUNTER, text, scale)


SERVER: Final = [
    gauge("uptime_in_seconds", "redis_uptime_in_seconds", "Seconds since the server started."),
    gauge("process_id", "redis_process_id", "Number of the server's process."),
]

CLIENTS: Final = [
    gauge("connected_clients", "redis_connected_clients", "Connections of clients."),
    gauge("maxclients", "redis_max_clients", "Connections that are allowed."),
    gauge("blocked_clients", "redis_blocked_clients", "Clients that wait in a blocking command or for a pause."),
    gauge("tracking_clients", "redis_tracking_clients", "Clients with client-side caching."),
    gauge("pubsub_clients", "redis_pubsub_clients", "Clients that subscribe to anything."),
    gauge("watching_clients", "redis_watching_clients", "Clients that watch a key."),
    gauge("clients_in_timeout_table", "redis_clients_in_timeout_table", "Blocked clients with a timeout."),
    gauge("total_watched_keys", "redis_total_watched_keys", "Keys that are watched."),
    gauge("total_blocking_keys", "redis_total_blocking_keys", "Keys that clients wait for."),
    gauge(
        "total_blocking_keys_on_nokey", "redis_total_blocking_keys_on_nokey",
        "Keys that clients wait for and whose deletion would end the wait.",
    ),
    gauge(
        "client_recent_max_input_buffer", "redis_client_recent_max_input_buffer_bytes",
        "The most that any client has sent and that has not been run.",
    ),
    gauge(
        "client_recent_max_output_buffer", "redis_client_recent_max_output_buffer_bytes",
        "The most that any client has not read.",
    ),
]  # fmt: skip

MEMORY: Final = [
    gauge("used_memory", "redis_memory_used_bytes", "Memory in use, as INFO counts it."),
    gauge("used_memory_rss", "redis_memory_used_rss_bytes", "Memory of the process that is resident."),
    gauge("used_memory_peak", "redis_memory_used_peak_bytes", "The most memory that was ever in use."),
    gauge("used_memory_overhead", "redis_memory_used_overhead_bytes", "Memory that is not data."),
    gauge("used_memory_startup", "redis_memory_used_startup_bytes", "Memory in use before the first key."),
    gauge("used_memory_dataset", "redis_memory_used_dataset_bytes", "Memory that the data takes."),
    gauge("used_memory_lua", "redis_memory_used_lua_bytes", "Memory of the interpreter of scripts."),
    gauge("used_memory_vm_eval", "redis_memory_used_vm_eval_bytes", "Memory of the interpreter of EVAL."),
    gauge("used_memory_scripts", "redis_memory_used_scripts_bytes", "Memory of scripts and functions."),
    gauge("used_memory_scripts_eval", "redis_memory_used_scripts_eval_bytes", "Memory of cached scripts."),
    gauge("used_memory_functions", "redis_memory_used_functions_bytes", "Memory of functions."),
    gauge(
        "used_memory_vm_functions",
        "redis_memory_used_vm_functions_bytes",
        "Memory of the interpreter of functions.",
    ),
    gauge("used_memory_vm_total", "redis_memory_used_vm_total", "Memory of both interpreters."),
    gauge("number_of_cached_scripts", "redis_number_of_cached_scripts", "Scripts that EVALSHA knows."),
    gauge("number_of_functions", "redis_number_of_functions", "Functions that are loaded."),
    gauge("number_of_libraries", "redis_number_of_libraries", "Libraries of functions that are loaded."),
    gauge("total_system_memory", "redis_total_system_memory_bytes", "Memory of the machine."),
    gauge("maxmemory", "redis_memory_max_bytes", "The limit of the memory, 0 for none."),
    gauge("allocator_allocated", "redis_allocator_allocated_bytes", "Bytes that the allocator has handed out."),
    gauge("allocator_active", "redis_allocator_active_bytes", "Bytes of pages with allocations."),
    gauge("allocator_resident", "redis_allocator_resident_bytes", "Bytes of the allocator that are resident."),
    gauge("mem_fragmentation_ratio", "redis_mem_fragmentation_ratio", "Resident memory by memory in use."),
    gauge("mem_fragmentation_bytes", "redis_mem_fragmentation_bytes", "Resident memory less memory in use."),
    gauge("mem_clients_normal", "redis_mem_clients_normal", "Bytes of the buffers of clients."),
    gauge("mem_clients_slaves", "redis_mem_clients_slaves", "Bytes of the buffers of replicas."),
    gauge(
        "mem_not_counted_for_evict", "redis_mem_not_counted_for_eviction_bytes",
        "Memory that the limit does not count.",
    ),
    gauge(
        "mem_total_replication_buffers", "redis_mem_total_replication_buffers_bytes",
        "Memory of the backlog and of the buffers of replicas.",
    ),
    gauge("mem_aof_buffer", "redis_mem_aof_buffer_bytes", "Bytes that the append only file holds back."),
    gauge("lazyfree_pending_objects", "redis_lazyfree_pending_objects", "Values to be freed in the background."),
    counter("lazyfreed_objects", "redis_lazyfreed_objects_total", "Values that were freed in the background."),
]  # fmt: skip

PERSISTENCE: Final = [
    gauge("loading", "redis_loading_dump_file", "1 while data is being loaded."),
    gauge("async_loading", "redis_async_loading", "1 while data is loaded and the old data is served."),
    gauge("loading_total_bytes", "redis_loading_total_bytes", "Size of the files that are being loaded."),
    gauge("loading_loaded_bytes", "redis_loading_loaded_bytes", "How much of them has been loaded."),
    gauge("loading_eta_seconds", "redis_loading_eta_seconds", "How long loading will go on."),
    gauge("rdb_changes_since_last_save", "redis_rdb_changes_since_last_save", "Changes since the last snapshot."),
    gauge("rdb_bgsave_in_progress", "redis_rdb_bgsave_in_progress", "1 while a snapshot is being written."),
    gauge("rdb_last_save_time", "redis_rdb_last_save_timestamp_seconds", "When the last snapshot was written."),
    gauge("rdb_last_bgsave_status", "redis_rdb_last_bgsave_status", "1 if the last snapshot went well."),
    gauge("rdb_last_bgsave_time_sec", "redis_rdb_last_bgsave_duration_sec", "How long the last snapshot took."),
    gauge(
        "rdb_current_bgsave_time_sec", "redis_rdb_current_bgsave_duration_sec",
        "How long the snapshot under way has taken, -1 for none.",
    ),
    counter("rdb_saves", "redis_rdb_saves_total", "Snapshots that were written."),
    gauge(
        "rdb_last_cow_size", "redis_rdb_last_cow_size_bytes",
        "Memory that was copied while the last snapshot was written.",
    ),
    gauge(
        "rdb_last_load_keys_expired", "redis_rdb_last_load_expired_keys", "Expired keys in the snapshot loaded."
    ),
    gauge("rdb_last_load_keys_loaded", "redis_rdb_last_load_loaded_keys", "Keys in the snapshot loaded."),
    gauge("aof_enabled", "redis_aof_enabled", "1 if changes are logged."),
    gauge("aof_rewrite_in_progress", "redis_aof_rewrite_in_progress", "1 while the log is being rewritten."),
    gauge("aof_rewrite_scheduled", "redis_aof_rewrite_scheduled", "1 if a rewrite waits for another child."),
    gauge("aof_last_rewrite_time_sec", "redis_aof_last_rewrite_duration_sec", "How long the last rewrite took."),
    gauge(
        "aof_current_rewrite_time_sec", "redis_aof_current_rewrite_duration_sec",
        "How long the rewrite under way has taken, -1 for none.",
    ),
    gauge("aof_last_bgrewrite_status", "redis_aof_last_bgrewrite_status", "1 if the last rewrite went well."),
    gauge("aof_last_write_status", "redis_aof_last_write_status", "1 if the log can be written."),
    counter("aof_rewrites", "redis_aof_rewrites_total", "Rewrites of the log that were begun."),
    gauge(
        "aof_last_cow_size", "redis_aof_last_cow_size_bytes", "Memory that was copied during the last rewrite."
    ),
    gauge("aof_current_size", "redis_aof_current_size_bytes", "Size of the log."),
    gauge("aof_base_size", "redis_aof_base_size_bytes", "Size of the log after the last rewrite."),
    gauge("aof_pending_rewrite", "redis_aof_pending_rewrite", "1 if a rewrite waits."),
    gauge("aof_buffer_length", "redis_aof_buffer_length", "Bytes that wait to be written to the log."),
    gauge("aof_pending_bio_fsync", "redis_aof_pending_bio_fsync", "Syncs of the log under way."),
    gauge("aof_delayed_fsync", "redis_aof_delayed_fsync", "Writes that had to wait for a sync of the log."),
]  # fmt: skip

STATS: Final = [
    counter("total_connections_received", "redis_connections_received_total", "Connections accepted."),
    counter("total_commands_processed", "redis_commands_processed_total", "Commands run."),
    gauge("instantaneous_ops_per_sec", "redis_instantaneous_ops_per_sec", "Commands per second just now."),
    counter("total_net_input_bytes", "redis_net_input_bytes_total", "Bytes received from clients."),
    counter("total_net_output_bytes", "redis_net_output_bytes_total", "Bytes sent to clients."),
    counter("total_net_repl_input_bytes", "redis_net_repl_input_bytes_total", "Bytes received from a primary."),
    counter("total_net_repl_output_bytes", "redis_net_repl_output_bytes_total", "Bytes sent to replicas."),
    counter("rejected_connections", "redis_rejected_connections_total", "Connections that were turned away."),
    gauge("sync_full", "redis_replica_resyncs_full", "Full synchronizations of replicas."),
    gauge("sync_partial_ok", "redis_replica_partial_resync_accepted", "Partial synchronizations of replicas."),
    gauge("sync_partial_err", "redis_replica_partial_resync_denied", "Partial synchronizations refused."),
    counter("expired_keys", "redis_expired_keys_total", "Keys that have expired."),
    counter("expired_subkeys", "redis_expired_subkeys_total", "Fields of hashes that have expired."),
    gauge("expired_stale_perc", "redis_expired_stale_percentage", "Keys that are due and not removed, per cent."),
    counter(
        "expired_time_cap_reached_count", "redis_expired_time_cap_reached_total",
        "How often expiry gave way to clients with keys still due.",
    ),
    counter(
        "expire_cycle_cpu_milliseconds", "redis_expire_cycle_cpu_time_ms_total", "Milliseconds spent on expiry."
    ),
    counter("evicted_keys", "redis_evicted_keys_total", "Keys removed because of the memory limit."),
    counter("evicted_clients", "redis_evicted_clients_total", "Clients closed because of their memory."),
    counter("evicted_scripts", "redis_evicted_scripts_total", "Cached scripts dropped for newer ones."),
    counter(
        "total_eviction_exceeded_time", "redis_eviction_exceeded_time_ms_total",
        "Milliseconds spent above the memory limit.",
    ),
    gauge(
        "current_eviction_exceeded_time", "redis_current_eviction_exceeded_time_ms",
        "How long the memory has been above its limit, in milliseconds.",
    ),
    counter("keyspace_hits", "redis_keyspace_hits_total", "Reads of keys that existed."),
    counter("keyspace_misses", "redis_keyspace_misses_total", "Reads of keys that did not exist."),
    gauge("pubsub_channels", "redis_pubsub_channels", "Channels with subscribers."),
    gauge("pubsub_patterns", "redis_pubsub_patterns", "Patterns with subscribers."),
    gauge("pubsubshard_channels", "redis_pubsubshard_channels", "Shard channels with subscribers."),
    gauge("latest_fork_usec", "redis_latest_fork_usec", "Microseconds that the last fork took."),
    counter("total_forks", "redis_forks_total", "Child processes that were started."),
    gauge("migrate_cached_sockets", "redis_migrate_cached_sockets_total", "Connections that MIGRATE keeps."),
    gauge("tracking_total_keys", "redis_tracking_total_keys", "Keys that clients may have cached."),
    gauge("tracking_total_items", "redis_tracking_total_items", "Pairs of a client and a key it has cached."),
    gauge("tracking_total_prefixes", "redis_tracking_total_prefixes", "Prefixes with broadcasts."),
    counter("unexpected_error_replies", "redis_unexpected_error_replies", "Errors of a primary or the log."),
    counter("total_error_replies", "redis_total_error_replies", "Errors that were answered."),
    counter("total_reads_processed", "redis_total_reads_processed", "Reads from connections."),
    counter("total_writes_processed", "redis_total_writes_processed", "Writes to connections."),
    counter(
        "client_query_buffer_limit_disconnections", "redis_client_query_buffer_limit_disconnections_total",
        "Clients closed because of a request that was too long.",
    ),
    counter(
        "client_output_buffer_limit_disconnections", "redis_client_output_buffer_limit_disconnections_total",
        "Clients closed because they read too slowly.",
    ),
    counter("acl_access_denied_auth", "redis_acl_access_denied_auth_total", "Failed logins."),
    counter("acl_access_denied_cmd", "redis_acl_access_denied_cmd_total", "Commands that a user may not run."),
    counter("acl_access_denied_key", "redis_acl_access_denied_key_total", "Keys that a user may not touch."),
    counter(
        "acl_access_denied_channel", "redis_acl_access_denied_channel_total", "Channels that a user may not use."
    ),
    counter(
        "eventloop_cycles", "pyredis_event_loop_turns_total", "Turns that clients had, and ticks of the cron."
    ),
    counter(
        "eventloop_duration_sum", "pyredis_event_loop_cpu_seconds_total", "Processor time of those turns.", 1e-6,
    ),
]  # fmt: skip

REPLICATION: Final = [
    gauge("connected_slaves", "redis_connected_slaves", "Replicas that are connected."),
    gauge("repl_backlog_size", "redis_replication_backlog_bytes", "Size of the replication backlog."),
    gauge("repl_backlog_active", "redis_repl_backlog_is_active", "1 if there is a replication backlog."),
    gauge(
        "repl_backlog_first_byte_offset", "redis_repl_backlog_first_byte_offset",
        "Offset of the first byte of the backlog.",
    ),
    gauge("repl_backlog_histlen", "redis_repl_backlog_history_bytes", "Bytes in the backlog."),
    gauge("master_repl_offset", "redis_master_repl_offset", "Replication offset of this server."),
    gauge("second_repl_offset", "redis_second_repl_offset", "Up to where the second replication ID is good."),
    gauge("slave_repl_offset", "redis_slave_repl_offset", "Replication offset of this replica."),
    gauge("slave_priority", "redis_slave_priority", "How willing this replica is to become the primary."),
    gauge("master_link_status", "redis_master_link_up", "1 if the connection to the primary is up."),
    gauge("master_sync_in_progress", "redis_master_sync_in_progress", "1 during a full synchronization."),
    gauge(
        "master_last_io_seconds_ago", "redis_master_last_io_seconds_ago",
        "Seconds since anything came from the primary.",
    ),
]  # fmt: skip

CPU: Final = [
    counter("used_cpu_sys", "redis_cpu_sys_seconds_total", "Processor time in the kernel."),
    counter("used_cpu_user", "redis_cpu_user_seconds_total", "Processor time of the server."),
    counter(
        "used_cpu_sys_children", "redis_cpu_sys_children_seconds_total", "The same of ended children, kernel."
    ),
    counter("used_cpu_user_children", "redis_cpu_user_children_seconds_total", "The same of ended children."),
    counter("used_cpu_sys_main_thread", "redis_cpu_sys_main_thread_seconds_total", "Of the loop's thread, kernel."),
    counter("used_cpu_user_main_thread", "redis_cpu_user_main_thread_seconds_total", "Of the loop's thread."),
]  # fmt: skip

CLUSTER: Final = [gauge("cluster_enabled", "redis_cluster_enabled", "1 in cluster mode.")]
