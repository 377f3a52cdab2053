"""The comparison benchmark: what it reads, computes and draws; no load is generated here."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING

import pytest

from benchmarks.compare import chart, measure, report
from benchmarks.compare.footprint import POPULATIONS, BytesPerKey
from benchmarks.compare.load import Load, LoadError, parse
from benchmarks.compare.measure import Result, Sample, cpu_us, geometric_mean, requests_per_second
from benchmarks.compare.workloads import WORKLOADS, Workload
from tests.support.servers import RedisServer, find_redis_server

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
def run() -> report.Run:
    """Two workloads at two depths, one of which ours does not support."""
    made = report.Run(
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


def test_ratio_is_the_median_of_neighbouring_pairs(run: report.Run) -> None:
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


def test_group_means_leave_out_what_is_not_supported(run: report.Run) -> None:
    assert run.mean_ratio("core", 1, cpu_us) == pytest.approx((3.0 * 2.25) ** 0.5)
    assert run.mean_ratio("core", 16, cpu_us) == pytest.approx(3.0)
    assert run.mean_ratio("core", 16, requests_per_second) == pytest.approx(1.0)
    assert run.mean_ratio("nothing", 16, cpu_us) is None


def test_cost_of_a_feature_is_measured_against_its_baseline(run: report.Run) -> None:
    (first, second) = report.feature_costs(run)
    assert first[:2] == ("SLOW|ER over GET", 1)
    assert first[2] == {"pyredis": pytest.approx(0.5), "redis": pytest.approx(1.0)}
    assert second[2] == {"redis": pytest.approx(1.0)}


def test_record_is_complete_and_valid_json(run: report.Run) -> None:
    record = json.loads(report.to_json(run))
    assert record["workloads"][0]["samples"]["pyredis"]["cpu_us"] == [2.0, 4.0]
    assert record["workloads"][0]["ratio"]["cpu_us"] == 3.0
    assert record["workloads"][3]["unsupported"] == {"pyredis": "-ERR unknown command"}
    assert record["geometric_mean_ratios"]["core, pipeline 16"]["cpu_us"] == pytest.approx(3.0)
    assert record["bytes_per_key"][0]["bytes"] == {"pyredis": 150.0, "redis": 100.0}


def test_markdown_tables_are_rectangular(run: report.Run) -> None:
    text = report.to_markdown(run)
    assert "| GET | 3.00 | 1.00 | 3.00x |" in text
    assert "SLOW\\|ER (not supported: -ERR unknown command)" in text
    assert "bytes per key: string, 8 to 16 bytes | 150 | 100 | 1.50x" in text
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1, table


def test_chart_is_well_formed_and_to_scale(run: report.Run) -> None:
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


def test_save_writes_every_file(run: report.Run, tmp_path: Path) -> None:
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
