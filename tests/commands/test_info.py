"""INFO: which fields there are, beside those of Redis, and that each that can change says the truth."""

from __future__ import annotations

from typing import Final

import pytest
import redis

from pyredis.engine.engine import Host
from pyredis.engine.info import DEFAULT_SECTIONS, SECTIONS
from pyredis.engine.info_report import human_bytes
from pyredis.engine.statistics import SAMPLES
from tests.support.inprocess import Client, InProcess
from tests.support.servers import PyredisServer, RedisServer, find_redis_server
from tests.support.wire import decode

FIELDS_7_4: Final = {
    "Server": """
        redis_version redis_git_sha1 redis_git_dirty redis_build_id redis_mode os arch_bits
        monotonic_clock multiplexing_api atomicvar_api gcc_version process_id process_supervised run_id
        tcp_port server_time_usec uptime_in_seconds uptime_in_days hz configured_hz lru_clock executable
        config_file io_threads_active listener0""",
    "Clients": """
        connected_clients cluster_connections maxclients client_recent_max_input_buffer
        client_recent_max_output_buffer blocked_clients tracking_clients pubsub_clients watching_clients
        clients_in_timeout_table total_watched_keys total_blocking_keys total_blocking_keys_on_nokey""",
    "Memory": """
        used_memory used_memory_human used_memory_rss used_memory_rss_human used_memory_peak
        used_memory_peak_human used_memory_peak_perc used_memory_overhead used_memory_startup
        used_memory_dataset used_memory_dataset_perc allocator_allocated allocator_active
        allocator_resident allocator_muzzy total_system_memory total_system_memory_human used_memory_lua
        used_memory_vm_eval used_memory_lua_human used_memory_scripts_eval number_of_cached_scripts
        number_of_functions number_of_libraries used_memory_vm_functions used_memory_vm_total
        used_memory_vm_total_human used_memory_functions used_memory_scripts used_memory_scripts_human
        maxmemory maxmemory_human maxmemory_policy allocator_frag_ratio allocator_frag_bytes
        allocator_rss_ratio allocator_rss_bytes rss_overhead_ratio rss_overhead_bytes
        mem_fragmentation_ratio mem_fragmentation_bytes mem_not_counted_for_evict mem_replication_backlog
        mem_total_replication_buffers mem_clients_slaves mem_clients_normal mem_cluster_links
        mem_aof_buffer mem_allocator mem_overhead_db_hashtable_rehashing active_defrag_running
        lazyfree_pending_objects lazyfreed_objects""",
    "Persistence": """
        loading async_loading current_cow_peak current_cow_size current_cow_size_age current_fork_perc
        current_save_keys_processed current_save_keys_total rdb_changes_since_last_save
        rdb_bgsave_in_progress rdb_last_save_time rdb_last_bgsave_status rdb_last_bgsave_time_sec
        rdb_current_bgsave_time_sec rdb_saves rdb_last_cow_size rdb_last_load_keys_expired
        rdb_last_load_keys_loaded aof_enabled aof_rewrite_in_progress aof_rewrite_scheduled
        aof_last_rewrite_time_sec aof_current_rewrite_time_sec aof_last_bgrewrite_status aof_rewrites
        aof_rewrites_consecutive_failures aof_last_write_status aof_last_cow_size module_fork_in_progress
        module_fork_last_cow_size""",
    "Stats": """
        total_connections_received total_commands_processed instantaneous_ops_per_sec
        total_net_input_bytes total_net_output_bytes total_net_repl_input_bytes
        total_net_repl_output_bytes instantaneous_input_kbps instantaneous_output_kbps
        instantaneous_input_repl_kbps instantaneous_output_repl_kbps rejected_connections sync_full
        sync_partial_ok sync_partial_err expired_subkeys expired_keys expired_stale_perc
        expired_time_cap_reached_count expire_cycle_cpu_milliseconds evicted_keys evicted_clients
        evicted_scripts total_eviction_exceeded_time current_eviction_exceeded_time keyspace_hits
        keyspace_misses pubsub_channels pubsub_patterns pubsubshard_channels latest_fork_usec total_forks
        migrate_cached_sockets slave_expires_tracked_keys active_defrag_hits active_defrag_misses
        active_defrag_key_hits active_defrag_key_misses total_active_defrag_time
        current_active_defrag_time tracking_total_keys tracking_total_items tracking_total_prefixes
        unexpected_error_replies total_error_replies dump_payload_sanitizations total_reads_processed
        total_writes_processed io_threaded_reads_processed io_threaded_writes_processed
        client_query_buffer_limit_disconnections client_output_buffer_limit_disconnections
        reply_buffer_shrinks reply_buffer_expands eventloop_cycles eventloop_duration_sum
        eventloop_duration_cmd_sum instantaneous_eventloop_cycles_per_sec
        instantaneous_eventloop_duration_usec acl_access_denied_auth acl_access_denied_cmd
        acl_access_denied_key acl_access_denied_channel""",
    "Replication": """
        role connected_slaves master_failover_state master_replid master_replid2 master_repl_offset
        second_repl_offset repl_backlog_active repl_backlog_size repl_backlog_first_byte_offset
        repl_backlog_histlen""",
    "CPU": """
        used_cpu_sys used_cpu_user used_cpu_sys_children used_cpu_user_children used_cpu_sys_main_thread
        used_cpu_user_main_thread""",
    "Modules": "",
    "Errorstats": "",
    "Cluster": "cluster_enabled",
    "Keyspace": "",
}
"""The fields of a Redis 7.4.2 that has just started, in its order."""

MISSING: Final = {
    "listener0": "in process nothing listens; a test of the whole server looks for it",
}
"""Fields of Redis that are not here, and why."""

OWN: Final = ("pyredis_version", "pyredis_form")


@pytest.fixture
def server() -> InProcess:
    return InProcess()


@pytest.fixture
def client(server: InProcess) -> Client:
    return server.client()


def text(client: Client, *sections: str) -> str:
    tree = decode(client.command("INFO", *sections))
    assert isinstance(tree, bytes)
    return tree.decode()


def sections_of(info: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for line in info.split("\r\n"):
        if line.startswith("# "):
            fields = found[line[2:]] = {}
        elif line:
            name, _, value = line.partition(":")
            fields[name] = value
    return found


def fields(client: Client, section: str) -> dict[str, str]:
    return next(iter(sections_of(text(client, section)).values()))


def ping_through_samples(server: InProcess, client: Client, pings: int) -> None:
    """So many PINGs before each of as many samples as are kept, a tenth of a second apart."""
    server.engine.sample()
    for _ in range(SAMPLES):
        for _ in range(pings):
            client.command("PING")
        server.clock.advance(100)
        server.engine.sample()


class TestForm:
    def test_one_section(self, client: Client) -> None:
        assert client.command("INFO", "cluster") == b"$30\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n"

    def test_several_come_in_the_order_of_redis(self, client: Client) -> None:
        expected = "# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n"
        assert text(client, "Keyspace", "nosuch", "CLUSTER", "cluster") == expected

    def test_resp3_is_a_verbatim_string(self, client: Client) -> None:
        client.session.set_protocol(3)
        assert client.command("INFO", "cluster") == b"=34\r\ntxt:# Cluster\r\ncluster_enabled:0\r\n\r\n"

    def test_an_unknown_section_is_nothing(self, client: Client) -> None:
        assert client.command("INFO", "nosuch") == b"$0\r\n\r\n"

    def test_modules_have_two_names(self, client: Client) -> None:
        assert text(client, "modules") == text(client, "module_list") == "# Modules\r\n"

    def test_default(self, client: Client) -> None:
        titles = {title for name, title, _ in SECTIONS if name in DEFAULT_SECTIONS}
        assert set(sections_of(text(client))) == titles == set(FIELDS_7_4)
        assert set(sections_of(text(client, "default"))) == titles
        assert set(sections_of(text(client, "default", "commandstats"))) == titles | {"Commandstats"}

    @pytest.mark.parametrize("word", ["all", "everything", "ALL"])
    def test_all(self, client: Client, word: str) -> None:
        assert list(sections_of(text(client, word))) == [title for _, title, _ in SECTIONS]

    @pytest.mark.skipif(find_redis_server() is None, reason="redis-server is not installed")
    def test_the_sections_of_redis(self, client: Client) -> None:
        with RedisServer() as oracle, oracle.connect() as connection:
            for words in ([], ["all"], ["everything"], ["default", "latencystats"], ["cpu", "Keyspace", "x"]):
                theirs = decode(connection.command("INFO", *words))
                assert isinstance(theirs, bytes)
                ours = sections_of(text(client, *words))
                assert list(ours) == list(sections_of(theirs.decode())), words


class TestFields:
    def test_nothing_of_redis_7_4_is_missing(self, client: Client) -> None:
        ours = sections_of(text(client))
        for title, names in FIELDS_7_4.items():
            expected = [name for name in names.split() if name not in MISSING]
            assert [name for name in ours[title] if name not in OWN] == expected

    def test_every_exclusion_is_one(self, client: Client) -> None:
        known = {name for names in FIELDS_7_4.values() for name in names.split()}
        ours = {name for section in sections_of(text(client)).values() for name in section}
        assert known - ours == set(MISSING)

    @pytest.mark.skipif(find_redis_server() is None, reason="redis-server is not installed")
    def test_nothing_of_the_real_server_is_missing(self, client: Client) -> None:
        with RedisServer() as oracle, oracle.connect() as connection:
            tree = decode(connection.command("INFO"))
        assert isinstance(tree, bytes)
        ours = sections_of(text(client))
        for title, section in sections_of(tree.decode()).items():
            assert set(section) - set(ours[title]) == set(), title

    def test_values_that_clients_depend_on(self, server: InProcess, client: Client) -> None:
        info = fields(client, "server")
        assert info["redis_version"] == "7.4.0"
        assert info["redis_mode"] == "standalone"
        assert len(info["run_id"]) == 40
        assert info["run_id"] == server.engine.run_id
        assert fields(client, "persistence")["loading"] == "0"
        assert fields(client, "replication")["role"] == "master"
        assert len(fields(client, "replication")["master_replid"]) == 40

    def test_uptime(self, server: InProcess, client: Client) -> None:
        server.clock.advance(90_000_500)
        info = fields(client, "server")
        assert (info["uptime_in_seconds"], info["uptime_in_days"]) == ("90000", "1")
        assert info["server_time_usec"] == str(server.clock.manual_us)
        assert info["lru_clock"] == str(server.clock.manual_us // 1_000_000 % 2**24)

    def test_configured_values(self, server: InProcess, client: Client) -> None:
        pairs = ["maxclients", "123", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru", "hz", "20"]
        assert client.command("CONFIG", "SET", *pairs) == b"+OK\r\n"
        info = {**fields(client, "clients"), **fields(client, "memory"), **fields(client, "server")}
        assert info["maxclients"] == "123"
        assert (info["maxmemory"], info["maxmemory_human"]) == ("104857600", "100.00M")
        assert info["maxmemory_policy"] == "allkeys-lru"
        assert (info["hz"], info["configured_hz"]) == ("20", "20")

    @pytest.mark.parametrize(
        ("size", "shown"),
        [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1536, "1.50K"),
            (5 << 20, "5.00M"),
            (3 << 50, "3.00P"),
        ],
    )
    def test_sizes_for_people(self, size: int, shown: str) -> None:
        assert human_bytes(size) == shown


class TestMemory:
    def test_used_memory_grows_with_the_data(self, server: InProcess, client: Client) -> None:
        before = fields(client, "memory")
        ballast = server.engine.keyspace.databases[0]
        ballast.store(b"k", bytes(range(256)) * (256 << 10))
        after = fields(client, "memory")
        grown = int(after["used_memory"]) - int(before["used_memory"])
        assert 60 << 20 < grown < 80 << 20
        assert int(after["used_memory_dataset"]) >= grown * 0.99
        assert int(after["used_memory_peak"]) >= int(after["used_memory"])
        assert after["used_memory_startup"] == before["used_memory_startup"]
        ballast.delete(b"k")
        relaxed = fields(client, "memory")
        assert int(relaxed["used_memory"]) < int(after["used_memory"])
        assert int(relaxed["used_memory_peak"]) >= int(after["used_memory"])
        assert float(relaxed["used_memory_peak_perc"].rstrip("%")) < 100

    def test_buffers_of_clients_count(self, server: InProcess, client: Client) -> None:
        other = server.client()
        other.send(b"*2\r\n$4\r\nECHO\r\n$90000\r\n" + b"x" * 50_000)
        info = {**fields(client, "memory"), **fields(client, "clients")}
        assert 50_000 <= int(info["mem_clients_normal"]) < 60_000
        assert int(info["client_recent_max_input_buffer"]) >= 50_000
        other.wire.pending = 7000
        assert fields(client, "clients")["client_recent_max_output_buffer"] == "7000"


class TestClients:
    def test_who_is_in_which_state(self, server: InProcess, client: Client) -> None:
        others = [server.client() for _ in range(4)]
        others[0].command("SUBSCRIBE", "a", "b")
        others[1].command("SSUBSCRIBE", "c")
        others[2].command("PSUBSCRIBE", "d*")
        others[3].command("WATCH", "k", "l")
        client.command("WATCH", "l")
        info = {**fields(client, "clients"), **fields(client, "stats")}
        assert info["connected_clients"] == "5"
        assert info["pubsub_clients"] == "3"
        assert info["watching_clients"] == "2"
        assert info["total_watched_keys"] == "2"
        assert (info["pubsub_channels"], info["pubsub_patterns"]) == ("2", "1")
        assert info["pubsubshard_channels"] == "1"
        others[0].disconnect()
        assert fields(client, "clients")["connected_clients"] == "4"

    def test_waiting_for_keys(self, server: InProcess, client: Client) -> None:
        hasty, patient = server.client(), server.client()
        assert hasty.command("BZPOPMIN", "a", "b", "1") == b""
        assert patient.command("BZPOPMIN", "b", "0") == b""
        info = fields(client, "clients")
        assert info["blocked_clients"] == "2"
        assert (info["total_blocking_keys"], info["clients_in_timeout_table"]) == ("2", "1")
        hasty.disconnect()
        info = fields(client, "clients")
        assert info["blocked_clients"] == "1"
        assert (info["total_blocking_keys"], info["clients_in_timeout_table"]) == ("1", "0")

    def test_keys_whose_deletion_ends_a_wait(self, server: InProcess, client: Client) -> None:
        for stream in ("s", "t"):
            client.command("XGROUP", "CREATE", stream, "g", "$", "MKSTREAM")
        waiting = [server.client() for _ in range(4)]
        for other in waiting[:2]:
            other.command("XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", "t", ">", ">")
        waiting[2].command("XREAD", "BLOCK", "0", "STREAMS", "s", "$")
        waiting[3].command("BLPOP", "u", "0")
        info = fields(client, "clients")
        assert info["total_blocking_keys"] == "3"
        assert info["total_blocking_keys_on_nokey"] == "2"
        client.command("DEL", "s")
        info = fields(client, "clients")
        assert (info["total_blocking_keys"], info["total_blocking_keys_on_nokey"]) == ("2", "0")

    def test_held_by_a_pause(self, server: InProcess, client: Client) -> None:
        other = server.client()
        client.command("CLIENT", "PAUSE", "1000", "WRITE")
        assert other.command("SET", "k", "v") == b""
        assert fields(client, "clients")["blocked_clients"] == "1"
        client.command("CLIENT", "UNPAUSE")
        assert other.received() == b"+OK\r\n"
        assert fields(client, "clients")["blocked_clients"] == "0"


class TestStats:
    def test_commands(self, client: Client) -> None:
        client.command("SET", "k", "v")
        client.command("GET", "k")
        client.command("GET", "nosuch")
        client.command("NOSUCH")
        client.command("GET")
        info = fields(client, "stats")
        assert info["total_commands_processed"] == "3"
        assert (info["keyspace_hits"], info["keyspace_misses"]) == ("1", "1")
        assert info["total_error_replies"] == "2"
        lines = fields(client, "commandstats")
        assert set(lines) == {"cmdstat_set", "cmdstat_get", "cmdstat_info"}
        assert lines["cmdstat_get"].startswith("calls=2,usec=")
        assert lines["cmdstat_get"].endswith(",rejected_calls=1,failed_calls=0")
        assert fields(client, "errorstats") == {"errorstat_ERR": "count=2"}

    def test_a_failed_subcommand(self, client: Client) -> None:
        client.command("CONFIG", "SET", "nosuch", "1")
        lines = fields(client, "commandstats")
        assert list(lines) == ["cmdstat_config|set"]
        assert lines["cmdstat_config|set"].endswith(",rejected_calls=0,failed_calls=1")

    def test_time_per_call(self, client: Client) -> None:
        client.command("PING")
        calls, usec, each = fields(client, "commandstats")["cmdstat_ping"].split(",")[:3]
        assert calls == "calls=1"
        assert each == f"usec_per_call={int(usec.removeprefix('usec=')):.2f}"

    def test_traffic(self, server: InProcess, client: Client) -> None:
        client.command("PING")
        client.command("PING")
        info = fields(client, "stats")
        asked = len(b"*2\r\n$4\r\nINFO\r\n$5\r\nstats\r\n")
        assert info["total_net_input_bytes"] == str(2 * 14 + asked)
        assert info["total_net_output_bytes"] == str(2 * 7)
        assert (info["total_reads_processed"], info["total_writes_processed"]) == ("3", "2")
        other = server.client()
        other.command("PING")
        other.disconnect()
        later = fields(client, "stats")
        assert int(later["total_net_input_bytes"]) == int(info["total_net_input_bytes"]) + 14 + asked
        assert later["total_reads_processed"] == "5"

    def test_turns_of_the_loop(self, server: InProcess, client: Client) -> None:
        ping_through_samples(server, client, 20)
        info = fields(client, "stats")
        assert info["eventloop_cycles"] == str(20 * SAMPLES + 1)
        assert info["instantaneous_eventloop_cycles_per_sec"] == "200"
        assert 0 < int(info["eventloop_duration_sum"]) < 10_000_000
        assert int(info["eventloop_duration_cmd_sum"]) > 0
        assert 0 < int(info["instantaneous_eventloop_duration_usec"]) < 100_000
        client.command("CONFIG", "RESETSTAT")
        assert fields(client, "stats")["eventloop_cycles"] == "1"

    def test_expired_keys(self, server: InProcess, client: Client) -> None:
        client.command("SET", "k", "v", "PX", "100")
        client.command("SET", "l", "v", "PX", "100")
        client.command("SET", "m", "v", "PX", "300")
        server.clock.advance(200)
        assert fields(client, "stats")["expired_stale_perc"] == "66.67"
        client.command("GET", "k")
        server.engine.keyspace.databases[0].expire_due(10)
        assert fields(client, "stats")["expired_keys"] == "2"
        assert fields(client, "stats")["expired_stale_perc"] == "0.00"

    def test_rates_are_means_of_sixteen_samples(self, server: InProcess, client: Client) -> None:
        ping_through_samples(server, client, 50)
        info = fields(client, "stats")
        assert info["instantaneous_ops_per_sec"] == "500"
        assert info["instantaneous_input_kbps"] == f"{500 * 14 / 1024:.2f}"
        assert info["instantaneous_output_kbps"] == f"{500 * 7 / 1024:.2f}"
        for _ in range(SAMPLES // 2):
            server.clock.advance(100)
            server.engine.sample()
        assert 250 <= int(fields(client, "stats")["instantaneous_ops_per_sec"]) < 260

    def test_rates_begin_anew_with_a_reset(self, server: InProcess, client: Client) -> None:
        ping_through_samples(server, client, 50)
        client.command("CONFIG", "RESETSTAT")
        assert fields(client, "stats")["instantaneous_ops_per_sec"] == "0"
        for _ in range(158):
            client.command("PING")
        server.clock.advance(100)
        server.engine.sample()
        # With the reset and the INFO 160 calls in the first of sixteen samples.
        assert fields(client, "stats")["instantaneous_ops_per_sec"] == "100"

    def test_samples_are_a_tenth_of_a_second_apart(self, server: InProcess, client: Client) -> None:
        engine = server.engine
        engine.sample()
        client.command("PING")
        server.clock.advance(50)
        engine.sample()
        assert engine.statistics.operations.samples == [0] * SAMPLES
        server.clock.advance(50)
        engine.sample()
        assert engine.statistics.operations.samples[0] == 10

    def test_samples_go_on_when_the_clock_goes_back(self, server: InProcess, client: Client) -> None:
        engine = server.engine
        engine.sample()
        server.clock.advance(-10_000)
        engine.sample()
        client.command("PING")
        server.clock.advance(100)
        engine.sample()
        assert max(engine.statistics.operations.samples) == 10

    def test_failed_logins(self) -> None:
        client = InProcess((b"requirepass", b"right")).client()
        assert client.command("AUTH", "wrong").startswith(b"-WRONGPASS ")
        assert client.command("AUTH", "right") == b"+OK\r\n"
        assert fields(client, "stats")["acl_access_denied_auth"] == "1"

    def test_limits_that_closed_connections(self) -> None:
        server = InProcess(
            (b"client-query-buffer-limit", b"1mb"), (b"client-output-buffer-limit", b"normal 10 0 0")
        )
        greedy, slow, client = server.client(), server.client(), server.client()
        greedy.send(b"*2\r\n$4\r\nECHO\r\n$2000000\r\n" + b"x" * 1_500_000)
        slow.session.is_congested = True
        slow.wire.pending = 20_000
        slow.command("PING")
        info = fields(client, "stats")
        assert info["client_query_buffer_limit_disconnections"] == "1"
        assert info["client_output_buffer_limit_disconnections"] == "1"


class TestErrorstats:
    def test_codes_are_first_words_in_order(self) -> None:
        client = InProcess((b"requirepass", b"right")).client()
        for words in ("AUTH wrong", "AUTH right", "NOSUCH", "EXEC"):
            client.command(*words.split())
        assert list(fields(client, "errorstats").items()) == [
            ("errorstat_ERR", "count=2"),
            ("errorstat_WRONGPASS", "count=1"),
        ]

    @pytest.mark.parametrize(
        ("reply", "shown"),
        [
            (b"-MY#C:ODE text\r\n", "errorstat_MY_C_ODE"),
            (b"-" + b"X" * 40 + b" text\r\n", "errorstat_ERR"),
            (b"-BARE\r\n", "errorstat_ERR"),
        ],
    )
    def test_codes_of_scripts(self, server: InProcess, client: Client, reply: bytes, shown: str) -> None:
        server.engine.count_error(reply)
        assert fields(client, "errorstats") == {shown: "count=1"}

    def test_their_number_is_limited(self, server: InProcess, client: Client) -> None:
        for number in range(1000):
            server.engine.count_error(b"-CODE%d text\r\n" % number)
        assert fields(client, "errorstats") == {"errorstat_ERRORSTATS_DISABLED": "count=1"}
        assert fields(client, "stats")["total_error_replies"] == "1000"
        client.command("CONFIG", "RESETSTAT")
        client.command("NOSUCH")
        assert fields(client, "errorstats") == {"errorstat_ERR": "count=1"}


class TestResetStat:
    def test_zeroes_the_counters(self, server: InProcess, client: Client) -> None:
        for words in ("GET k", "SET k v", "GET k", "NOSUCH", "GET"):
            client.command(*words.split())
        server.engine.connections_received = server.engine.rejected_connections = 3
        assert client.command("CONFIG", "RESETSTAT") == b"+OK\r\n"
        info = fields(client, "stats")
        for name in ("keyspace_hits", "keyspace_misses", "total_connections_received", "rejected_connections",
                     "total_error_replies", "expired_keys"):  # fmt: skip
            assert info[name] == "0", name
        # CONFIG RESETSTAT itself ends after the reset, and its reply is sent after it.
        assert info["total_commands_processed"] == "1"
        assert info["total_net_output_bytes"] == "5"
        assert set(fields(client, "commandstats")) == {"cmdstat_config|resetstat", "cmdstat_info"}
        assert fields(client, "errorstats") == {}

    def test_keeps_the_peak_of_the_memory(self, server: InProcess, client: Client) -> None:
        server.engine.statistics.peak_memory = 1 << 40
        client.command("CONFIG", "RESETSTAT")
        assert fields(client, "memory")["used_memory_peak"] == str(1 << 40)


class TestKeyspace:
    def test_databases_that_are_not_empty(self, server: InProcess, client: Client) -> None:
        assert text(client, "keyspace") == "# Keyspace\r\n"
        client.command("SET", "k", "v")
        client.command("SET", "l", "v", "PX", "4000")
        client.command("SET", "m", "v", "PX", "2000")
        server.engine.keyspace.databases[3].store(b"k", b"v")
        assert text(client, "keyspace") == (
            "# Keyspace\r\ndb0:keys=3,expires=2,avg_ttl=3000,subexpiry=0\r\n"
            "db3:keys=1,expires=0,avg_ttl=0,subexpiry=0\r\n"
        )

    def test_the_mean_of_many_is_an_estimate(self, server: InProcess, client: Client) -> None:
        for number in range(1000):
            client.command("SET", f"k{number}", "v", "PX", 10_000 + number)
        line = fields(client, "keyspace")["db0"]
        mean = int(line.split(",")[2].removeprefix("avg_ttl="))
        assert 10_000 <= mean < 11_000


class LoggingHost(Host):
    """A host whose log has something to write."""

    server: InProcess

    def measure_log(self) -> None:
        self.server.engine.logging.is_on = True
        self.server.engine.logging.buffered_bytes = 7


def test_what_the_log_holds_back() -> None:
    host = LoggingHost()
    host.server = InProcess(host=host)
    client = host.server.client()
    assert fields(client, "memory")["mem_aof_buffer"] == "7"
    assert fields(client, "persistence")["aof_buffer_length"] == "7"


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py_reads_it_all(protocol: int) -> None:
    with PyredisServer() as server, redis.Redis(port=server.port, protocol=protocol) as connection:
        connection.set("k", "v", ex=100)
        info = connection.info("everything")
        assert isinstance(info, dict)
        assert info["process_id"] == server.pid
        assert info["tcp_port"] == server.port
        assert info["listener0"]["port"] == server.port
        assert info["db0"]["keys"] == 1
        assert 99_000 < info["db0"]["avg_ttl"] <= 100_000
        assert info["cmdstat_set"]["calls"] == 1
        assert info["used_memory_rss"] > 10 << 20
        assert abs(server.rss_bytes() - info["used_memory_rss"]) < 4 << 20
        assert info["used_cpu_user"] > 0
        assert info["total_connections_received"] >= 1
        assert info["connected_clients"] == 1
