"""LATENCY, the histograms behind INFO latencystats, MODULE, CLUSTER and FAILOVER."""

from __future__ import annotations

import pytest

from pyredis.commands.latency import draw
from pyredis.engine.latency import Histogram, LatencySeries
from tests.support.inprocess import Client, InProcess
from tests.support.wire import decode


def run(client: Client, line: str) -> bytes:
    return client.command(*line.split())


def with_spikes(*milliseconds: int, apart: int = 1) -> tuple[InProcess, Client]:
    """A server with a threshold of 1 ms, on which the event `command` took so long, `apart` seconds apart."""
    server = InProcess((b"latency-monitor-threshold", b"1"))
    for spike in milliseconds:
        server.clock.advance(1000 * apart)
        server.engine.note_latency(b"command", spike / 1000 + 0.0001)
    return server, server.client()


class TestMonitor:
    def test_nothing_is_recorded_by_default(self) -> None:
        server = InProcess()
        server.engine.note_latency(b"fork", 10.0)
        client = server.client()
        assert run(client, "LATENCY LATEST") == b"*0\r\n"
        assert run(client, "LATENCY HISTORY fork") == b"*0\r\n"
        assert run(client, "LATENCY GRAPH fork") == b"-ERR No samples available for event 'fork'\r\n"
        assert run(client, "LATENCY RESET") == b":0\r\n"
        assert b"CONFIG SET latency-monitor-threshold" in run(client, "LATENCY DOCTOR")

    def test_latest_and_history(self) -> None:
        server, client = with_spikes(5, 20, 10)
        now = server.clock.now_ms // 1000
        assert decode(run(client, "LATENCY LATEST")) == [[b"command", now, 10, 20]]
        assert decode(run(client, "LATENCY HISTORY command")) == [[now - 2, 5], [now - 1, 20], [now, 10]]

    def test_the_threshold(self) -> None:
        server, client = with_spikes()
        server.engine.note_latency(b"fork", 0.0009)
        assert run(client, "LATENCY LATEST") == b"*0\r\n"
        server.engine.note_latency(b"fork", 0.001)
        assert b"fork" in run(client, "LATENCY LATEST")

    def test_of_one_second_the_longest_counts(self) -> None:
        server, client = with_spikes(5, 9, 7, apart=0)
        assert decode(run(client, "LATENCY HISTORY command")) == [[server.clock.now_ms // 1000, 9]]

    def test_160_samples_are_kept(self) -> None:
        _, client = with_spikes(999, *range(1, 161))
        history = decode(run(client, "LATENCY HISTORY command"))
        assert isinstance(history, list)
        assert len(history) == 160
        assert decode(run(client, "LATENCY LATEST"))[0][2:] == [160, 999]  # type: ignore[index]

    def test_reset(self) -> None:
        server, client = with_spikes(5)
        server.engine.note_latency(b"fork", 1.0)
        assert run(client, "LATENCY RESET nosuch fork fork") == b":1\r\n"
        assert run(client, "LATENCY RESET") == b":1\r\n"
        assert run(client, "LATENCY RESET") == b":0\r\n"

    def test_slow_commands_are_events(self) -> None:
        server, client = with_spikes()
        server.config.assign("enable-debug-command", "yes")
        run(client, "DEBUG SLEEP 0.003")
        latest = decode(run(client, "LATENCY LATEST"))
        assert isinstance(latest, list)
        assert latest[0][0] == b"command"  # type: ignore[index]
        assert latest[0][2] >= 3  # type: ignore[index,operator]

    def test_doctor(self) -> None:
        server, client = with_spikes()
        assert b"Nothing has taken 1 ms" in run(client, "LATENCY DOCTOR")
        server, client = with_spikes(10, 30)
        server.engine.note_latency(b"fork", 1.0)
        report = run(client, "LATENCY DOCTOR")
        assert b"1. command: 2 spikes, on average 20 ms with a deviation of 10 ms, one every 1.00 s" in report
        assert b"CONFIG SET slowlog-log-slower-than 1000" in report
        assert b"2. fork: 1 spikes" in report
        assert run(client, "HELLO 3")
        assert run(client, "LATENCY DOCTOR").startswith(b"=")


class TestGraph:
    def test_as_redis_draws_it(self) -> None:
        server, client = with_spikes(2, 5, 11, 20, 30)
        expected = (
            b"command - high 30 ms, low 2 ms (all time high 30 ms)\n" + b"-" * 80 + b"\n"
            b"    #\n   o|\n  _||\n_o|||\n     \n43210\nsssss\n"
        )
        assert decode(run(client, "LATENCY GRAPH command")) == expected
        assert server.engine.latency.events[b"command"].highest == 30

    def test_more_than_a_row_and_other_units(self) -> None:
        series = LatencySeries()
        for second in range(0, 90 * 100_000, 100_000):
            series.add(second, 7)
        lines = draw(b"fork", series, 90 * 100_000).split(b"\n")
        assert lines[2:6] == [b" " * 80] * 3 + [b"_" * 80]
        assert lines[7].startswith(b"1111")
        assert lines.count(b"_" * 10) == 1
        series = LatencySeries()
        series.add(0, 7)
        series.add(3600, 7)
        series.add(7000, 7)
        assert draw(b"fork", series, 7200).endswith(b"\n   \n213\nhhm\n")


class TestHistogram:
    def test_levels_are_powers_of_two(self) -> None:
        histogram = Histogram()
        for seconds in (0.0, 0.0000005, 0.0000015, 0.0001, 0.0012, 0.9, 5.0):
            histogram.add(seconds, 1)
        assert histogram.total() == 7
        assert histogram.levels() == [(1, 2), (2, 3), (132, 4), (2113, 5), (1_073_741, 7)]

    @pytest.mark.parametrize("microseconds", [0.3, 3.0, 16.0, 17.0, 66.0, 800.0, 12_345.0, 700_000.0])
    def test_percentiles_are_a_little_high_at_most(self, microseconds: float) -> None:
        histogram = Histogram()
        for _ in range(100):
            histogram.add(microseconds / 1e6, 1)
        histogram.add(1.0, 1)
        for percent in (1.0, 50.0, 99.0):
            assert microseconds <= histogram.percentile(percent) <= microseconds * 1.04 + 0.26
        assert histogram.percentile(100.0) > 1_000_000

    def test_the_reply(self) -> None:
        client = InProcess().client(3)
        run(client, "SET k v")
        run(client, "SET k v")
        run(client, "CONFIG GET port")
        reply = run(client, "LATENCY HISTOGRAM set nosuch")
        assert reply.startswith(b"%1\r\n$3\r\nset\r\n%2\r\n$5\r\ncalls\r\n:2\r\n$14\r\nhistogram_usec\r\n%")
        assert run(client, "LATENCY HISTOGRAM get") == b"%0\r\n"
        assert b"config|get" in run(client, "LATENCY HISTOGRAM CONFIG")
        assert b"config|get" in run(client, "LATENCY HISTOGRAM config|get")
        everything = run(client, "LATENCY HISTOGRAM")
        assert b"$5\r\nhello\r\n" in everything
        assert b"$3\r\nset\r\n" in everything

    def test_a_wait_counts_when_it_has_ended(self) -> None:
        server = InProcess()
        waiting, pusher = server.client(), server.client()
        run(waiting, "BLPOP l 0")
        assert run(pusher, "LATENCY HISTOGRAM blpop") == b"*0\r\n"
        run(pusher, "RPUSH l 1")
        assert b"calls\r\n:1\r\n" in run(pusher, "LATENCY HISTOGRAM blpop")

    def test_info(self) -> None:
        client = InProcess().client()
        run(client, "SET k v")
        text = run(client, "INFO latencystats")
        assert b"# Latencystats\r\n" in text
        line = next(line for line in text.split(b"\r\n") if b"usec_set:" in line)
        names = [part.split(b"=")[0] for part in line.split(b":")[1].split(b",")]
        assert names == [b"p50", b"p99", b"p99.9"]
        client.command("CONFIG", "SET", "latency-tracking-info-percentiles", "0 100")
        assert b"_set:p0=" in run(client, "INFO latencystats")
        run(client, "CONFIG RESETSTAT")
        assert b"usec_set:" not in run(client, "INFO latencystats")

    def test_many_calls(self) -> None:
        server = InProcess()
        client = server.client()
        for _ in range(15):
            client.send(b"PING\r\n" * 100)
        command = server.engine.commands[b"ping"]
        assert command.histogram is not None
        # Interpreted, the last ones may not have been counted yet.
        assert command.calls - 15 <= command.histogram.total() <= command.calls == 1500
        client.command("CONFIG", "RESETSTAT")
        client.send(b"PING\r\n" * 3)
        assert b"calls\r\n:3\r\n" in run(client, "LATENCY HISTOGRAM ping")
        client.command("CONFIG", "SET", "latency-tracking", "no")
        client.send(b"PING\r\n" * 3)
        client.command("CONFIG", "SET", "latency-tracking", "yes")
        assert b"calls\r\n:3\r\n" in run(client, "LATENCY HISTOGRAM ping")

    def test_turned_off(self) -> None:
        client = InProcess((b"latency-tracking", b"no")).client()
        run(client, "SET k v")
        assert run(client, "LATENCY HISTOGRAM") == b"*0\r\n"
        assert run(client, "INFO latencystats").endswith(b"# Latencystats\r\n\r\n")


class TestWhatIsNotHere:
    def test_modules(self) -> None:
        client = InProcess().client()
        assert run(client, "MODULE LIST") == b"*0\r\n"
        for line in ("LOAD /x", "LOADEX /x", "UNLOAD x"):
            assert run(client, "MODULE " + line).startswith(
                b"-ERR MODULE command not allowed. If the enable-"
            )
        assert run(client, "MODULE HELP").startswith(b"*11\r\n")

    def test_modules_where_they_are_allowed(self) -> None:
        server = InProcess()
        server.config.assign("enable-module-command", "yes")
        client = server.client()
        refused = b"-ERR Error loading the extension. Please check the server logs.\r\n"
        assert run(client, "MODULE LOAD /x a") == refused
        assert run(client, "MODULE LOADEX /x CONFIG a b ARGS CONFIG") == refused
        assert run(client, "MODULE LOADEX /x CONFIG a") == b"-ERR syntax error\r\n"
        assert run(client, "MODULE LOADEX /x FOO") == b"-ERR syntax error\r\n"
        unknown = b"-ERR Error unloading module: no such module with that name\r\n"
        assert run(client, "MODULE UNLOAD x") == unknown

    @pytest.mark.parametrize(
        "line",
        [
            "CLUSTER INFO", "CLUSTER HELP", "CLUSTER MYSHARDID", "CLUSTER SLOTS", "CLUSTER MEET a 1",
            "CLUSTER RESET", "READONLY", "READWRITE", "ASKING",
        ],
    )  # fmt: skip
    def test_no_cluster(self, line: str) -> None:
        client = InProcess().client()
        assert run(client, line) == b"-ERR This instance has cluster support disabled\r\n"

    def test_errors_of_arity_come_first(self) -> None:
        client = InProcess().client()
        reply = run(client, "CLUSTER KEYSLOT")
        assert reply == b"-ERR wrong number of arguments for 'cluster|keyslot' command\r\n"
        assert run(client, "CLUSTER X") == b"-ERR unknown subcommand 'X'. Try CLUSTER HELP.\r\n"

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ("", "FAILOVER requires connected replicas."),
            ("TO h 1 FORCE TIMEOUT 1", "FAILOVER requires connected replicas."),
            ("ABORT", "No failover in progress."),
            ("ABORT TIMEOUT 1", "syntax error"),
            ("TO h x", "value is not an integer or out of range"),
            ("TO h 1 TO h 1", "syntax error"),
            ("TIMEOUT 0", "FAILOVER timeout must be greater than 0"),
            ("TIMEOUT x", "value is not an integer or out of range"),
            ("X", "syntax error"),
        ],
    )
    def test_failover(self, options: str, error: str) -> None:
        client = InProcess().client()
        assert run(client, "FAILOVER " + options) == f"-ERR {error}\r\n".encode()
