"""The two text formats, read back by the parsers of prometheus_client."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as plain_families

from pyredis.metrics.exposition import (
    COUNTER,
    GAUGE,
    HISTOGRAM,
    INFO,
    Exposition,
    label,
    seconds_text,
    wants_open_metrics,
)

NASTY = 'a "quoted" \\ back\\slash\nand a line \N{SNOWMAN}'


def example(is_open: bool) -> str:
    text = Exposition(is_open)
    text.family("calls_total", COUNTER, NASTY)
    text.sample("calls_total", label("name", NASTY), "3")
    text.sample("calls_total", label("name", "") + "," + label("b", "x"), "4")
    text.family("old_counter", COUNTER, "A counter without the ending.")
    text.sample("old_counter", "", "5")
    text.family("size_bytes", GAUGE, "A size.")
    text.sample("size_bytes", "", "1.5")
    text.family("build_info", INFO, "What was built.")
    text.sample("build_info", label("version", "1"), "1")
    text.family("wait_seconds", HISTOGRAM, "Waits.")
    text.sample("wait_seconds_bucket", label("le", "0.5"), "1")
    text.sample("wait_seconds_bucket", label("le", "+Inf"), "2")
    text.sample("wait_seconds_count", "", "2")
    text.sample("wait_seconds_sum", "", seconds_text(1.25))
    return text.data().decode()


@pytest.mark.parametrize("is_open", [False, True])
def test_reads_back(is_open: bool) -> None:
    parse = open_families if is_open else plain_families
    families = {family.name: family for family in parse(example(is_open))}
    assert list(families) == ["calls", "old_counter", "size_bytes", "build" if is_open else "build_info",
                              "wait_seconds"]  # fmt: skip
    calls = families["calls"]
    assert (calls.type, calls.documentation) == ("counter", NASTY)
    assert [(sample.name, sample.labels, sample.value) for sample in calls.samples] == [
        ("calls_total", {"name": NASTY}, 3.0),
        ("calls_total", {"name": "", "b": "x"}, 4.0),
    ]
    # OpenMetrics has no counter whose samples do not end in _total; both formats give the sample the same name.
    assert families["old_counter"].type == ("unknown" if is_open else "counter")
    assert families["old_counter"].samples[0].name == ("old_counter" if is_open else "old_counter_total")
    assert "\nold_counter 5\n" in example(is_open)
    assert families["wait_seconds"].type == "histogram"
    if is_open:
        assert families["size_bytes"].unit == "bytes"
        assert families["build"].type == "info"


def test_the_end_is_marked_in_open_metrics_only() -> None:
    assert example(True).endswith("\n# EOF\n")
    assert "EOF" not in example(False)


@pytest.mark.parametrize(
    ("accept", "is_open"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        ("Application/OpenMetrics-Text; Version=1.0.0", True),
        ("application/openmetrics-text;version=0.0.1", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=0.4,text/plain;q=0.5", False),
        ("application/openmetrics-text;q=0.5,text/plain;q=0.5", True),
        ("application/openmetrics-text;q=nonsense", False),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            True,
        ),
    ],
)
def test_which_format_is_wanted(accept: str, is_open: bool) -> None:
    assert wants_open_metrics(accept) == is_open


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "0.0"), (1.25, "1.25"), (3e-06, "3e-06"), (2.0, "2.0")])
def test_durations(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text
