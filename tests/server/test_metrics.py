"""`metrics-port` of a running server: the numbers, the two formats, readiness, HTTP as clients speak it."""

from __future__ import annotations

import http.client
import json
import math
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as plain_families

from pyredis.form import COMPILED
from pyredis.metrics import fields
from pyredis.metrics.exposition import COUNTER, OPEN_TYPE, PLAIN_TYPE
from pyredis.server.metrics_port import CONNECTIONS_MAX
from tests.server.network import PATIENCE, eventually, free_port, run_to_exit
from tests.support.servers import REPOSITORY, PyredisServer
from tests.support.wire import RawConnection

DASHBOARD: Final = REPOSITORY / "docs" / "monitoring" / "grafana-dashboard.json"
ALERTS: Final = REPOSITORY / "docs" / "monitoring" / "alerts.yml"

OPEN: Final = {"Accept": "application/openmetrics-text; version=1.0.0"}
FIELDS: Final = [
    *fields.SERVER, *fields.CLIENTS, *fields.MEMORY, *fields.PERSISTENCE, *fields.STATS, *fields.REPLICATION,
    *fields.CPU, *fields.CLUSTER,
]  # fmt: skip

Sample = tuple[str, frozenset[tuple[str, str]]]


class Monitored(PyredisServer):
    """A server with a port for metrics."""

    def __init__(self, *args: str) -> None:
        self.metrics_port = free_port()
        super().__init__("--metrics-port", str(self.metrics_port), *args)

    def http(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=PATIENCE)

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, content type and body."""
        connection = self.http()
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
        finally:
            connection.close()

    def scrape(self) -> dict[Sample, float]:
        status, kind, text = self.get("/metrics", OPEN)
        assert (status, kind) == (200, OPEN_TYPE)
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in open_families(text)
            for sample in family.samples
        }


@pytest.fixture
def server() -> Iterator[Monitored]:
    with Monitored() as running:
        yield running


def load(connection: RawConnection) -> None:
    """Something for every family to count."""
    for number in range(100):
        connection.command("SET", f"k{number}", "v")
    for number in range(150):
        connection.command("GET", f"k{number}")
    connection.command("SET", "t", "v", "EX", "1000")
    connection.command("SELECT", "3")
    connection.command("RPUSH", "list", "a", "b")
    connection.command("INCR", "list")
    connection.command("NOSUCH")
    connection.command("GET")
    connection.command("EVAL", "return 1", "0")
    connection.command("CONFIG", "SET", "slowlog-log-slower-than", "0", "latency-monitor-threshold", "1")
    connection.command("EVAL", "local t = 0; for i = 1, 1000000 do t = t + i end", "0")


def info_fields(connection: RawConnection) -> dict[str, str]:
    lines = connection.command("INFO", "everything").decode().split("\r\n")
    return dict(line.split(":", 1) for line in lines if ":" in line)


def one(samples: dict[Sample, float], name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


def test_both_formats_say_the_same(server: Monitored) -> None:
    with server.connect() as connection:
        load(connection)
    status, kind, plain = server.get("/metrics")
    assert (status, kind) == (200, PLAIN_TYPE)
    status, kind, text = server.get("/metrics", OPEN)
    assert (status, kind) == (200, OPEN_TYPE)
    assert text.endswith("# EOF\n")
    ours = {family.name: family for family in plain_families(plain)}
    theirs = {family.name: family for family in open_families(text)}
    assert {name.removesuffix("_info") for name in ours} == set(theirs)
    for name, family in theirs.items():
        assert family.documentation, name
        assert {sample.name for sample in family.samples} <= {
            line.split("{")[0].split(" ")[0] for line in plain.splitlines()
        }
    names = re.findall(r"^# TYPE (\S+)", plain, re.MULTILINE)
    assert len(names) == len(set(names)), "families come once"
    samples = [line.rpartition(" ")[0] for line in plain.splitlines() if not line.startswith("#")]
    assert len(samples) == len(set(samples)), "samples come once"


def test_numbers_are_those_of_info(server: Monitored) -> None:
    with server.connect() as connection:
        load(connection)
        samples = server.scrape()
        info = info_fields(connection)
        for name in ("connected_clients", "maxclients", "keyspace_hits", "keyspace_misses", "expired_keys",
                     "total_connections_received", "rejected_connections", "total_error_replies", "aof_enabled",
                     "rdb_changes_since_last_save", "number_of_cached_scripts"):  # fmt: skip
            field = next(field for field in FIELDS if field.field == name)
            assert one(samples, field.metric) == float(info[name]), name
        assert one(samples, "redis_commands_processed_total") == float(info["total_commands_processed"])
    assert one(samples, "redis_commands_total", cmd="set") == 101
    assert one(samples, "redis_commands_total", cmd="get") == 150
    assert one(samples, "redis_commands_rejected_calls_total", cmd="get") == 1
    assert one(samples, "redis_commands_failed_calls_total", cmd="incr") == 1
    assert one(samples, "redis_commands_total", cmd="config|set") == 1
    assert one(samples, "redis_errors_total", err="ERR") == 2
    assert one(samples, "redis_errors_total", err="WRONGTYPE") == 1
    assert one(samples, "redis_db_keys", db="db0") == 101
    assert one(samples, "redis_db_keys", db="db3") == 1
    assert one(samples, "redis_db_keys", db="db15") == 0
    assert one(samples, "redis_db_keys_expiring", db="db0") == 1
    assert 900 < one(samples, "redis_db_avg_ttl_seconds", db="db0") <= 1000
    assert one(samples, "redis_up") == one(samples, "pyredis_ready") == 1
    assert one(samples, "redis_slowlog_length") >= 1
    assert one(samples, "redis_latency_spike_duration_seconds", event_name="command") >= 0.001
    assert abs(one(samples, "process_resident_memory_bytes") - server.rss_bytes()) < 8 << 20
    assert 5 < one(samples, "process_open_fds") < one(samples, "process_max_fds")
    assert abs(one(samples, "process_start_time_seconds") - time.time()) < 60
    assert 0 < one(samples, "process_cpu_seconds_total") < 30
    build = next(dict(labels) for name, labels in samples if name == "pyredis_build_info")
    assert build["redis_version"] == "7.4.0"
    assert build["form"] in ("compiled", "pure")
    instance = next(dict(labels) for name, labels in samples if name == "redis_instance_info")
    assert instance["tcp_port"] == str(server.port)
    assert instance["role"] == "master"


def test_every_field_of_the_table_is_one_of_info() -> None:
    with Monitored("--appendonly", "yes") as server, server.connect() as connection:
        known = info_fields(connection)
        samples = server.scrape()
    only_sometimes = {
        "loading_total_bytes", "loading_loaded_bytes", "loading_eta_seconds", "slave_repl_offset", "slave_priority",
        "master_link_status", "master_sync_in_progress", "master_last_io_seconds_ago",
    }  # fmt: skip
    assert {field.field for field in FIELDS} - known.keys() <= only_sometimes
    for field in FIELDS:
        if field.field in known:
            assert (field.metric, frozenset()) in samples
    assert len({field.metric for field in FIELDS}) == len(FIELDS)


def test_histograms(server: Monitored) -> None:
    with server.connect() as connection:
        for _ in range(3000):
            connection.command("PING")
        samples = server.scrape()
        calls = one(samples, "redis_commands_total", cmd="ping")
        # Interpreted, one call in 16 counts for 16.
        assert calls - 16 <= one(samples, "redis_commands_latencies_usec_count", cmd="ping") <= calls
        took = one(samples, "redis_commands_latencies_usec_sum", cmd="ping")
        assert took == pytest.approx(1e6 * one(samples, "redis_commands_duration_seconds_total", cmd="ping"))
        eventually(lambda: lag_count(server) > 2, "ticks of the cron are counted")
    assert_cumulative(samples, "redis_commands_latencies_usec", {("cmd", "ping")}, 22)
    assert_cumulative(samples, "pyredis_event_loop_lag_seconds", set(), 15)
    assert_cumulative(samples, "pyredis_gc_pause_seconds", set(), 15)


def lag_count(server: Monitored) -> float:
    return one(server.scrape(), "pyredis_event_loop_lag_seconds_count")


def assert_cumulative(
    samples: dict[Sample, float], name: str, labels: set[tuple[str, str]], buckets: int
) -> None:
    found = sorted(
        (float(dict(key)["le"]), value)
        for (sample, key), value in samples.items()
        if sample == f"{name}_bucket" and labels <= key
    )
    assert len(found) == buckets
    assert found[-1][0] == math.inf
    assert [value for _, value in found] == sorted(value for _, value in found)
    assert found[-1][1] == samples[f"{name}_count", frozenset(labels)]


@pytest.mark.skipif(
    COMPILED, reason="compiled, so few objects of the data concern the collector that it never runs"
)
def test_garbage_collections_are_counted(server: Monitored) -> None:
    with server.connect() as connection:
        # More young objects than the cron leaves alone.
        connection.command("EVAL", "for i = 1, 30000 do redis.call('RPUSH', 'l' .. i, 'a') end", "0")
    eventually(lambda: one(server.scrape(), "pyredis_gc_pause_seconds_count") >= 1, "they are collected")
    samples = server.scrape()
    assert 0 < one(samples, "pyredis_gc_pause_max_seconds") <= one(samples, "pyredis_gc_pause_seconds_sum")


def test_counters_under_load_lie_between_two_infos(server: Monitored) -> None:
    stop = threading.Event()

    def work() -> None:
        with server.connect() as client:
            while not stop.is_set():
                client.command("SET", "k", "v")
                client.command("GET", "nosuch")

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    try:
        with server.connect() as connection:
            counters = [field for field in FIELDS if field.kind == COUNTER]
            last: dict[Sample, float] = {}
            for _ in range(5):
                before = info_fields(connection)
                samples = server.scrape()
                after = info_fields(connection)
                for field in counters:
                    low, high = float(before[field.field]), float(after[field.field])
                    value = one(samples, field.metric) / field.scale
                    assert low * 0.999 <= value <= high * 1.001, field.metric
                for key, value in last.items():
                    if key[0].endswith(("_total", "_count", "_sum", "_bucket")):
                        assert samples[key] >= value, key
                last = samples
            assert one(last, "redis_commands_total", cmd="set") > 0
    finally:
        stop.set()
        for worker in workers:
            worker.join()


def test_what_the_dashboard_and_the_alerts_ask_for_is_there() -> None:
    with Monitored("--appendonly", "yes", "--maxmemory", "1gb") as server:
        with server.connect() as connection:
            load(connection)
        names = {name for name, _ in server.scrape()}
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    expressions += [
        variable["definition"] for variable in dashboard["templating"]["list"] if "definition" in variable
    ]
    expressions += [each["expr"] for each in dashboard["annotations"]["list"]]
    assert len(expressions) > 50
    alerts = re.findall(r"^\s+expr: (.*)$", ALERTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(alerts) == ALERTS.read_text(encoding="utf-8").count("- alert:") > 10
    for expression in [*expressions, *alerts]:
        asked = re.findall(r"\b(?:redis|pyredis|process)_\w+", expression)
        assert asked or expression.startswith("up{"), expression
        assert set(asked) <= names, expression


def test_health(server: Monitored) -> None:
    assert server.get("/healthz")[::2] == (200, "ok\n")
    assert server.get("/readyz")[::2] == (200, "ok\n")


@pytest.mark.skipif(
    os.environ.get("PYREDIS_LOOP") == "debug",
    reason="the debug loop has loaded before it has made a whole scrape",
)
def test_not_ready_while_loading(tmp_path: Path) -> None:
    with Monitored("--dir", str(tmp_path), "--enable-debug-command", "yes") as server:
        with server.connect() as connection:
            connection.command("DEBUG", "POPULATE", 5000)
        server.stop()
        server.command += ["--key-load-delay", "100"]
        answers: list[tuple[int, str, str]] = []
        watcher = threading.Thread(target=_ask_until_ready, args=(server, answers))
        watcher.start()
        server.start()
        watcher.join(PATIENCE)
    assert answers[0][::2] == (503, "loading\n")
    assert answers[1][0] == 200, "it lives all the same"
    loading = {
        line.split(" ")[0]: line.split(" ")[1] for line in answers[2][2].splitlines() if line[0] != "#"
    }
    assert loading["redis_loading_dump_file"] == "1"
    assert loading["pyredis_ready"] == "0"
    assert int(loading["redis_loading_total_bytes"]) > 0
    assert answers[-1][::2] == (200, "ok\n")


def _ask_until_ready(server: Monitored, answers: list[tuple[int, str, str]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not (answers and answers[-1][::2] == (200, "ok\n")):
        try:
            answers.append(server.get("/readyz"))
        except OSError:
            continue
        if len(answers) == 1:
            answers += [server.get("/healthz"), server.get("/metrics")]


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs fork")
def test_not_ready_when_data_cannot_be_saved() -> None:
    with Monitored("--save", "1000 1000") as server:
        (server.directory / "dump.rdb").mkdir()
        with server.connect() as connection:
            connection.command("SET", "k", "v")
            connection.command("BGSAVE")
            eventually(lambda: server.get("/readyz")[0] == 503, "the failure is noticed")
            assert server.get("/readyz")[2].startswith("writes are refused")
            assert server.get("/healthz")[0] == 200
            assert one(server.scrape(), "redis_rdb_last_bgsave_status") == 0
            connection.command("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
            assert server.get("/readyz")[0] == 200
            connection.command("CONFIG", "SET", "save", "")
        (server.directory / "dump.rdb").rmdir()


def test_one_connection_serves_many_requests(server: Monitored) -> None:
    connection = server.http()
    connection.connect()
    own = connection.sock
    for method, path, status in (
        ("GET", "/metrics", 200), ("HEAD", "/metrics", 200), ("GET", "/healthz?verbose", 200), ("GET", "/", 404),
        ("HEAD", "/nosuch", 404), ("GET", "/metrics", 200),
    ):  # fmt: skip
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == status
        assert (body == b"") == (method == "HEAD")
        assert int(answer.headers["Content-Length"]) > 0
        assert connection.sock is own, "kept open"
    connection.request("POST", "/metrics", body=b"x")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.headers["Connection"] == "close"
    connection.close()


def exchange(server: Monitored, data: bytes, *, half_close: bool = False) -> bytes:
    """Sends bytes and reads to the end of the connection."""
    with socket.create_connection(("127.0.0.1", server.metrics_port), timeout=PATIENCE) as raw:
        raw.sendall(data)
        if half_close:
            raw.shutdown(socket.SHUT_WR)
        received = b""
        while more := raw.recv(65536):
            received += more
        return received


def test_pipelined_requests_are_answered_in_order(server: Monitored) -> None:
    head = b" HTTP/1.1\r\nHost: x\r\n"
    requests = [
        b"GET /healthz" + head,
        b"GET /metrics" + head,
        b"GET /nosuch" + head + b"Connection: close\r\n",
    ]
    received = exchange(server, b"\r\n".join(requests) + b"\r\n")
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"200", b"404"]
    assert received.endswith(b"try /metrics, /healthz or /readyz\n")


@pytest.mark.parametrize(
    ("data", "start"),
    [
        (b"PING\r\n\r\n", b"HTTP/1.1 400 "),
        (b"*1\r\n$4\r\nPING\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET /metrics HTTP/1.0\r\n\r\n", b"HTTP/1.1 200 "),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 100_000, b"HTTP/1.1 431 "),
    ],
)
def test_what_ends_a_connection(server: Monitored, data: bytes, start: bytes) -> None:
    received = exchange(server, data)
    assert received.startswith(start)
    assert b"\r\nConnection: close\r\n" in received


def test_a_client_that_closes_its_side_gets_its_answer(server: Monitored) -> None:
    received = exchange(server, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", half_close=True)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"\nredis_up 1\n" in received
    assert exchange(server, b"GET /metr", half_close=True) == b""


def test_clients_that_vanish_in_the_midst_of_a_scrape(server: Monitored) -> None:
    for _ in range(CONNECTIONS_MAX // 2):
        with socket.create_connection(("127.0.0.1", server.metrics_port), timeout=PATIENCE) as raw:
            raw.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert server.get("/metrics")[0] == 200


def test_connections_are_limited(server: Monitored) -> None:
    held = [
        socket.create_connection(("127.0.0.1", server.metrics_port), timeout=PATIENCE)
        for _ in range(CONNECTIONS_MAX)
    ]
    try:
        held[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert held[-1].recv(4096).startswith(b"HTTP/1.1 200 ")
        assert exchange(server, b"").startswith(b"HTTP/1.1 503 ")
    finally:
        for each in held:
            each.close()
    eventually(lambda: server.get("/healthz")[0] == 200, "others are let in again")


def test_config_set_moves_it(server: Monitored) -> None:
    other = free_port()
    with server.connect() as connection:
        assert connection.command("CONFIG", "SET", "metrics-port", other) == b"+OK\r\n"
        with pytest.raises(OSError):  # noqa: PT011  refused or reset, as the system likes
            server.get("/healthz")
        server.metrics_port = other
        eventually(lambda: server.get("/healthz")[0] == 200, "it listens")
        refusal = connection.command("CONFIG", "SET", "metrics-port", server.port)
        assert refusal.endswith(b" - Unable to listen on this port. Check server logs.\r\n")
        assert connection.command("CONFIG", "GET", "metrics-port").endswith(b"\r\n%d\r\n" % other)
        eventually(lambda: server.get("/healthz")[0] == 200, "it still listens")
        assert connection.command("CONFIG", "SET", "metrics-bind", "") != b"+OK\r\n"
        assert (
            connection.command("CONFIG", "SET", "metrics-bind", "0.0.0.0", "metrics-port", other)
            == b"+OK\r\n"
        )
        eventually(lambda: server.get("/healthz")[0] == 200, "it listens everywhere")
        assert connection.command("CONFIG", "SET", "metrics-port", "0") == b"+OK\r\n"
        with pytest.raises(OSError):  # noqa: PT011
            server.get("/healthz")
    assert f"Metrics on http://127.0.0.1:{other}/metrics" in server.log()


def test_a_port_in_use_is_fatal_at_the_start(server: Monitored) -> None:
    ended = run_to_exit("--port", str(free_port()), "--metrics-port", str(server.metrics_port))
    assert ended.code == 1
    assert f"Failed listening on port {server.metrics_port} (metrics), aborting." in ended.stdout


def test_off_by_default() -> None:
    with PyredisServer() as server, server.connect() as connection:
        assert connection.command("CONFIG", "GET", "metrics-port").endswith(b"\r\n$1\r\n0\r\n")
        assert "Metrics" not in server.log()
