"""The comparison benchmark: what it reads, computes and draws; no load is generated here."""

from __future__ import annotations

import itertools
import json
import random
import re
import socket
import xml.etree.ElementTree as ElementTree
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from benchmarks import page
from benchmarks.compare import chart, measure, record, report, traffic
from benchmarks.compare.footprint import POPULATIONS, BytesPerKey
from benchmarks.compare.load import Load, LoadError, parse
from benchmarks.compare.measure import Result, Sample, cpu_us, geometric_mean, requests_per_second
from benchmarks.compare.situations import LOG_OFF, LOG_ON, WORKLOADS
from benchmarks.compare.workloads import Workload
from benchmarks.scenarios import latency
from tests.support.servers import RedisServer, find_redis_server
from tests.support.wire import encode

if TYPE_CHECKING:
    from pathlib import Path

needs_redis = pytest.mark.skipif(find_redis_server() is None, reason="redis-server is not installed")

OUTPUT = """
GET: rps=93336.0 (overall: 91792.4) avg_msec=0.284 (overall: 0.287)\r====== GET ======
  50000 requests completed in 0.54 seconds

Latency by percentile distribution:
0.000% <= 0.079 milliseconds (cumulative count 3)
50.000% <= 0.271 milliseconds (cumulative count 28321)
99.805% <= 1.279 milliseconds (cumulative count 49904)
99.902% <= 3.111 milliseconds (cumulative count 49952)
100.000% <= 4.727 milliseconds (cumulative count 50000)

Cumulative distribution of latencies:
0.030% <= 0.103 milliseconds (cumulative count 15)
100.000% <= 5.103 milliseconds (cumulative count 50000)

Summary:
  throughput summary: 92421.44 requests per second
  latency summary (msec):
          avg       min       p50       p95       p99       max
        0.284     0.072     0.271     0.399     0.623     4.727
"""


def sample(cpu: float, rate: float = 100_000.0) -> Sample:
    return Sample(Load(rate, 0.2, 0.4, 0.8), cpu, 1000)


@pytest.fixture
def run() -> record.Run:
    """Two workloads at two depths, one of which ours does not support."""
    made = record.Run(
        date="2026-01-02",
        form="interpreted",
        machine={"cpu": "A & B", "cores": 2, "kernel": "Linux", "python": "CPython"},
        versions={"pyredis": "1.0", "redis": "7.0.15"},
        settings={"rounds": 2},
    )
    get = Workload("GET", "core", ("GET", "k"))
    slow = Workload("SLOW|ER", "core", ("GET", "k"), baseline="GET")
    for depth in (1, 16):
        made.results.append(
            Result(get, depth, {"pyredis": [sample(2.0), sample(4.0)], "redis": [sample(1.0), sample(1.0)]})
        )
        made.results.append(
            Result(slow, depth, {"pyredis": [sample(4.5)], "redis": [sample(2.0)]})
            if depth == 1
            else Result(slow, depth, {"redis": [sample(2.0)]}, {"pyredis": "-ERR unknown command"})
        )
    made.start_up_seconds = {"pyredis": 0.2, "redis": 0.01}
    made.idle_bytes = {"pyredis": 30_000_000, "redis": 10_000_000}
    made.populations = [BytesPerKey(POPULATIONS[0], 1000, {"pyredis": 150.0, "redis": 100.0}, {})]
    return made


def test_output_of_redis_benchmark_is_read() -> None:
    assert parse(OUTPUT) == Load(92421.44, 0.271, 0.623, 3.111)


@pytest.mark.parametrize("output", ["", OUTPUT[: OUTPUT.index("Summary")], OUTPUT.replace("Latency by", "")])
def test_incomplete_output_is_refused(output: str) -> None:
    with pytest.raises(LoadError, match="unexpected"):
        parse(output)


def test_geometric_mean() -> None:
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4.0)
    assert geometric_mean([]) is None


def test_ratio_is_the_median_of_neighbouring_pairs(run: record.Run) -> None:
    result = run.results[0]
    assert result.ratio("pyredis", "redis", cpu_us) == pytest.approx(3.0)
    assert result.ratio("redis", "pyredis", cpu_us) == pytest.approx((0.5 + 0.25) / 2)
    assert result.median("pyredis", cpu_us) == pytest.approx(3.0)
    assert result.median("absent", cpu_us) is None
    assert result.ratio("pyredis", "absent", cpu_us) is None


def test_a_figure_of_zero_makes_no_ratio() -> None:
    result = Result(WORKLOADS[0], 1, {"a": [sample(0.0)], "b": [sample(1.0)]})
    assert result.ratio("a", "b", cpu_us) is None
    assert result.ratio("b", "a", cpu_us) is None


def test_fine_clock_counts_unless_threads_have_ended() -> None:
    assert measure.cpu_between((5_000_000, 0), (9_000_000, 10_000_000)) == 4_000_000
    assert measure.cpu_between((5_000_000, 0), (9_000_000, 300_000_000)) == 300_000_000


def test_group_means_leave_out_what_is_not_supported(run: record.Run) -> None:
    assert run.mean_ratio("core", 1, cpu_us) == pytest.approx((3.0 * 2.25) ** 0.5)
    assert run.mean_ratio("core", 16, cpu_us) == pytest.approx(3.0)
    assert run.mean_ratio("core", 16, requests_per_second) == pytest.approx(1.0)
    assert run.mean_ratio("nothing", 16, cpu_us) is None


def test_cost_of_a_feature_is_measured_against_its_baseline(run: record.Run) -> None:
    (first, second) = report.feature_costs(run)
    assert first[:2] == ("SLOW|ER over GET", 1)
    assert first[2] == {"pyredis": pytest.approx(0.5), "redis": pytest.approx(1.0)}
    assert second[2] == {"redis": pytest.approx(1.0)}


def test_record_is_complete_and_valid_json(run: record.Run) -> None:
    made = json.loads(record.to_json(run))
    assert made["workloads"][0]["samples"]["pyredis"]["cpu_us"] == [2.0, 4.0]
    assert made["workloads"][0]["ratio"]["cpu_us"] == 3.0
    assert made["workloads"][3]["unsupported"] == {"pyredis": "-ERR unknown command"}
    assert made["geometric_mean_ratios"]["core, pipeline 16"]["cpu_us"] == pytest.approx(3.0)
    assert made["bytes_per_key"][0]["bytes"] == {"pyredis": 150.0, "redis": 100.0}


def test_record_is_read_as_it_was_written(run: record.Run) -> None:
    run.results[0].samples["fakeredis"] = [sample(9.0)]
    run.results[0].unsupported["interpreted"] = "-ERR no"
    run.peers = ["fakeredis", "interpreted"]
    read = record.from_json(record.to_json(run))
    assert record.to_json(read) == record.to_json(run)
    assert read.peers == run.peers
    assert report.summary(read) == report.summary(run)


def test_what_is_shown_is_what_the_newest_record_says() -> None:
    newest = max(page.RESULTS.glob("????-??-??-compiled.json"))
    run = record.from_json(newest.read_text(encoding="utf-8"))
    assert (page.RESULTS / "latest.md").read_text(encoding="utf-8") == report.to_markdown(run)
    assert (page.RESULTS / "latest.svg").read_text(encoding="utf-8") == report.to_svg(run)
    for path, (name, lines) in report.pages(run).items():
        text = path.read_text(encoding="utf-8")
        assert page.replaced(text, name, lines) == text, path


def test_markdown_tables_are_rectangular(run: record.Run) -> None:
    text = report.to_markdown(run)
    assert "| GET | 3.00 | 1.00 | 3.00x |" in text
    assert "SLOW\\|ER (not supported: -ERR unknown command)" in text
    assert "bytes per key: string, 8 to 16 bytes | 150 | 100 | 1.50x" in text
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1, table


def test_chart_is_well_formed_and_to_scale(run: record.Run) -> None:
    root = ElementTree.fromstring(report.to_svg(run))
    space = "{http://www.w3.org/2000/svg}"
    texts = [element.text for element in root.iter(f"{space}text")]
    assert texts.count("3.00x") == 3
    assert texts.count("2.25x") == 1
    assert texts.count("not supported") == 1
    bars = [
        float(element.attrib["width"])
        for element in root.iter(f"{space}rect")
        if element.attrib.get("height") == str(chart.BAR_HEIGHT)
    ]
    (parity,) = [element for element in root.iter(f"{space}line") if element.attrib["class"] == "parity"]
    unit = float(parity.attrib["x1"]) - chart.LABEL_WIDTH
    assert [round(bar / unit, 1) for bar in bars] == [3.0, 3.0, 2.2, 2.6, 3.0]


def test_chart_cuts_a_bar_that_would_dwarf_the_rest() -> None:
    text = chart.render(
        "t", "s", ["one"], [chart.Section("h", (chart.Row("r", (50.0,)), chart.Row("q", (1.0,))))]
    )
    assert "» 50.00x" in text
    widths = [float(width) for width in re.findall(r'width="([\d.]+)" height="9"', text)]
    assert widths[0] / widths[1] == pytest.approx(chart.AXIS_LIMIT, rel=0.01)


def test_save_writes_every_file(run: record.Run, tmp_path: Path) -> None:
    paths = report.save(run, tmp_path / "results")
    assert sorted(path.name for path in paths) == [
        "2026-01-02-interpreted.json",
        "2026-01-02-interpreted.svg",
        "latest.md",
        "latest.svg",
    ]
    assert all(path.stat().st_size > 200 for path in paths)


def test_workload_names_are_unique_and_baselines_exist() -> None:
    names = [(workload.group, workload.name) for workload in WORKLOADS]
    assert len(set(names)) == len(names)
    assert all((one.group, one.baseline) in names for one in WORKLOADS if one.baseline)


@needs_redis
def test_every_workload_and_population_is_valid_on_the_real_server() -> None:
    with RedisServer() as server, server.connect() as client:
        for workload in WORKLOADS:
            assert measure.probe(server, workload) is None, workload.name
        for population in POPULATIONS:
            client.command("FLUSHALL")
            replies = client.pipeline(population.make(1) + population.make(2))
            assert not any(reply.startswith(b"-") for reply in replies), population.name
            assert client.command("DBSIZE") == b":2\r\n"


@needs_redis
def test_pops_find_something_to_pop() -> None:
    with RedisServer() as server, server.connect() as client:
        for workload in WORKLOADS:
            if workload.name in ("LPOP", "RPOP", "SPOP", "ZPOPMIN"):
                assert measure.fill(server, workload, 1500) is None
                replies = client.pipeline([workload.sample_command()] * 1500)
                assert not any(reply in (b"$-1\r\n", b"*0\r\n") for reply in replies), workload.name


@needs_redis
def test_an_unknown_command_is_reported_as_unsupported() -> None:
    with RedisServer() as server:
        error = measure.probe(server, Workload("X", "core", ("NOSUCH", "k")))
    assert error is not None
    assert error.startswith("-ERR unknown command")


@needs_redis
@pytest.mark.parametrize(
    "workload",
    [one for one in WORKLOADS if one.driver is not None],
    ids=lambda one: f"{one.group}-{one.name}",
)
def test_loads_of_our_own_are_answered(workload: Workload) -> None:
    assert workload.driver is not None
    with RedisServer() as server:
        assert measure.fill(server, workload, 200) is None
        driven = workload.driver(server, workload.depths[-1], 2 * workload.clients)
        assert driven.commands > 0
        assert driven.cpu_ns > 0
        assert 0 < driven.load.p50_ms <= driven.load.p99_ms <= driven.load.p999_ms
        if workload.name.startswith("XACK"):
            # Of 2,000 entries that were read, a hundred requests have acknowledged ten each.
            with server.connect() as client:
                pending = client.command("XPENDING", "events", "workers")
            assert pending.startswith(b"*4\r\n:1000\r\n$6\r\n1001-0\r\n")


@needs_redis
def test_an_error_reply_ends_a_load() -> None:
    workload = Workload("GET", "mixed", ("GET", "k"), driver=traffic.closed(traffic.mix(1.0, "x", 1), 2))
    assert workload.driver is not None
    with RedisServer() as server, server.connect() as client:
        client.command("RPUSH", "key:000000000000", "x")
        with pytest.raises(LoadError, match="WRONGTYPE"):
            workload.driver(server, 1, 10)


@needs_redis
def test_settings_are_made_and_undone() -> None:
    with RedisServer() as server, server.connect() as client:
        assert measure.configure(server, LOG_ON) is None
        assert client.command("CONFIG", "GET", "appendonly").endswith(b"yes\r\n")
        assert measure.configure(server, LOG_OFF) is None
        assert client.command("CONFIG", "GET", "appendonly").endswith(b"no\r\n")
        assert measure.configure(server, (("nosuch", "1"),)) is not None


def test_percentiles() -> None:
    ordered = [float(value) for value in range(1, 1001)]
    assert traffic.percentile(ordered, 0.5) == 500.0
    assert traffic.percentile(ordered, 0.999) == 999.0
    assert traffic.percentile(ordered, 1.0) == 1000.0
    assert traffic.percentile([7.0], 0.5) == 7.0


def test_requests_are_joined_with_the_lines_of_their_answers() -> None:
    requests = [traffic.Request(b"%d" % number, number) for number in range(5)]
    assert traffic.packets(requests, 2) == [(b"01", 1), (b"23", 5), (b"4", 4)]


@pytest.mark.parametrize("exponent", [0.0, 0.99])
def test_a_mix_has_its_share_of_reads(exponent: float) -> None:
    requests = list(traffic.mix(0.9, "v", 100, exponent)(10_000))
    reads = [request for request in requests if request.lines == 2]
    assert len(reads) / len(requests) == pytest.approx(0.9, abs=0.02)
    assert all(b"\r\nGET\r\n" in request.data for request in reads)
    most = max(Counter(request.data for request in reads).values()) / len(reads)
    assert most < 0.03 if exponent == 0.0 else most > 0.1


def test_zipf_draws_the_first_twice_as_often_as_the_second() -> None:
    drawn = Counter(traffic.zipf(50_000, 50, 1.0, random.Random(3))).most_common(2)
    assert drawn[0][1] / drawn[1][1] == pytest.approx(2.0, rel=0.1)


class PlayedRounds(measure.Rounds):
    """Rounds on servers whose rates are given."""

    def __init__(self, rates: dict[str, float], peers: dict[str, int]) -> None:
        super().__init__({}, "redis", 4, 0.3, None, peers)
        self.servers = dict.fromkeys(rates)  # type: ignore[assignment]
        self.rates = rates
        self.runs: list[tuple[str, int]] = []

    def _one_run(self, name: str, workload: Workload, depth: int, requests: int) -> Sample:
        self.runs.append((name, requests))
        return sample(1.0, self.rates[name])


def test_peers_run_less_often_and_as_long() -> None:
    rounds = PlayedRounds({"pyredis": 100_000.0, "redis": 200_000.0, "peer": 8_000.0}, {"peer": 2})
    result = Result(Workload("GET", "core", ("GET", "k")), 1)
    rounds._sample(result)
    assert {name: len(samples) for name, samples in result.samples.items()} == {
        "pyredis": 4,
        "redis": 4,
        "peer": 2,
    }
    assert rounds.runs[3:9] == [
        *[("pyredis", 60_000), ("redis", 60_000), ("peer", 2_400)],
        *[("pyredis", 60_000), ("redis", 60_000), ("peer", 2_400)],
    ]
    assert rounds.runs[9:] == [("pyredis", 60_000), ("redis", 60_000)] * 2


def test_options_of_redis_benchmark() -> None:
    large = Workload("SET", "values", ("SET", "k", "v"), builtin="set", value_bytes=100, is_resp3=True)
    assert large.benchmark_arguments() == ["-d", "100", "-3", "-t", "set"]
    assert Workload("X", "g", ("GET", "k"), 10).benchmark_arguments() == ["-r", "10", "GET", "k"]
    assert Workload("X", "g", ("GET", "k"), cost=1000, clients=50).fewest_requests == 100


def test_chart_leaves_out_depths_that_were_not_to_be_measured(run: record.Run) -> None:
    deep = Workload("DEEP", "deep", ("PING",), depths=(128,))
    run.results.append(Result(deep, 128, {"pyredis": [sample(1.0)], "redis": [sample(2.0)]}))
    text = report.to_svg(run)
    assert text.count("not supported") == 1
    assert text.count(">0.50x<") == 1
    assert "pipeline 128" in text
    assert run.depths_of("deep") == [128]
    assert list(json.loads(record.to_json(run))["geometric_mean_ratios"]) == [
        "core, pipeline 1",
        "core, pipeline 16",
        "deep, pipeline 128",
    ]


def test_generated_parts_are_replaced_and_only_they(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- generated: a -->\n\nold\n\n<!-- end: a -->\nafter\n")
    page.update("a", ["new \\1"], path)
    page.update("a", ["newer \\1"], path)
    assert path.read_text() == "before\n<!-- generated: a -->\n\nnewer \\1\n\n<!-- end: a -->\nafter\n"
    with pytest.raises(ValueError, match="'b' is marked 0 times"):
        page.update("b", [], path)


def test_the_page_has_every_part() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    for name in ("compare", "active", "latency", "ten-million"):
        assert "x\ny" in page.replaced(text, name, ["x", "y"])


def test_summary_of_a_run(run: record.Run) -> None:
    lines = report.summary(run)
    assert any(line.startswith("| Core commands, 100,000 random keys, pipeline 1 |") for line in lines)
    assert any(line.startswith("| idle resident memory, MB |") for line in lines)


def test_open_load_is_due_at_even_intervals() -> None:
    due = list(itertools.islice(latency.merged(1000.0, 100.0), 1100))
    assert [offset for offset, _ in due] == sorted(offset for offset, _ in due)
    assert sum(is_single for _, is_single in due) == 100
    assert due[-1][0] == pytest.approx(1.0, abs=0.01)


@needs_redis
def test_a_late_answer_is_seen_by_all_requests_that_were_due_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(latency, "KEYS", 10)
    with RedisServer() as server, server.connect() as client:
        latency.fill(server, 0, 10)
        loop = latency.OpenLoop(server.port, 100.0)
        try:
            with socket.create_connection(("127.0.0.1", server.port)) as control:
                began = loop.run(0.3, [(0.0, encode("DEBUG", "SLEEP", "0.2"))], control)
                assert control.recv(10) == b"+OK\r\n"
        finally:
            loop.close()
        assert client.command("DBSIZE") != b":0\r\n"
    assert len(loop.waits) == 600
    first = [wait for due, wait in loop.waits if due - began < 0.1]
    assert len(first) == 200
    assert sum(wait > 0.09 for wait in first) > 150
