"""A scrape in pieces: how small they are, and what may happen between two of them."""

from __future__ import annotations

import pytest

from pyredis.engine.pauses import BOUNDS, Pauses
from pyredis.metrics.health import unready_reason
from pyredis.metrics.scrape import CLIENTS_A_STEP, Scrape
from tests.support.inprocess import Client, InProcess


def finish(scrape: Scrape) -> dict[str, str]:
    """Runs the rest of a scrape; samples with their labels."""
    while not scrape.step():
        pass
    assert scrape.step(), "stays complete"
    lines = [line for line in scrape.text().decode().splitlines() if not line.startswith("#")]
    return dict(line.rsplit(" ", 1) for line in lines)


def scraped(server: InProcess) -> dict[str, str]:
    return finish(Scrape(server.engine, is_open=False))


def test_clients_are_looked_at_a_few_at_a_time() -> None:
    server = InProcess()
    clients = [server.client() for _ in range(CLIENTS_A_STEP * 3)]
    for client in clients:
        client.command("PING")
    scrape = Scrape(server.engine, is_open=False)
    for done in range(3):
        assert scrape.stage == 0
        assert len(scrape.waiting) == CLIENTS_A_STEP * (3 - done)
        scrape.step()
    samples = finish(scrape)
    assert samples["redis_connected_clients"] == str(len(clients))
    assert samples["redis_net_input_bytes_total"] == str(14 * len(clients))


def test_connections_that_end_meanwhile_count_once() -> None:
    server = InProcess()
    clients = [server.client() for _ in range(CLIENTS_A_STEP * 2)]
    for client in clients:
        client.command("PING")
    total = 14 * len(clients)
    scrape = Scrape(server.engine, is_open=False)
    scrape.step()
    for client in clients[::2]:
        client.disconnect()
    assert finish(scrape)["redis_net_input_bytes_total"] == str(total)
    late = server.client()
    late.command("PING")
    assert scraped(server)["redis_net_input_bytes_total"] == str(total + 14)


def test_commands_that_are_called_for_the_first_time_meanwhile() -> None:
    server = InProcess()
    client = server.client()
    client.command("PING")
    scrape = Scrape(server.engine, is_open=True)
    while not any("redis_commands_total" in line for line in scrape.out.lines):
        scrape.step()
    client.command("GET", "k")
    samples = finish(scrape)
    assert samples['redis_commands_total{cmd="ping"}'] == "1"
    assert 'redis_commands_total{cmd="get"}' not in samples
    assert scraped(server)['redis_commands_total{cmd="get"}'] == "1"


def test_statistics_are_reset_meanwhile() -> None:
    server = InProcess()
    client = server.client()
    client.command("PING")
    scrape = Scrape(server.engine, is_open=True)
    while not any("redis_commands_latencies" in line for line in scrape.out.lines):
        scrape.step()
    client.command("CONFIG", "RESETSTAT")
    assert finish(scrape)["redis_up"] == "1"
    assert 'redis_commands_total{cmd="ping"}' not in scraped(server)


def test_names_that_scripts_make_up_are_escaped() -> None:
    server = InProcess()
    server.engine.count_error(b'-A"B\\C\xff text\r\n')
    text = Scrape(server.engine, is_open=False)
    finish(text)
    assert 'redis_errors_total{err="A\\"B\\\\C\N{REPLACEMENT CHARACTER}"} 1\n' in text.text().decode()


def test_many_databases() -> None:
    server = InProcess()
    server.engine.keyspace.databases[15].store(b"k", b"v")
    samples = scraped(server)
    assert samples['redis_db_keys{db="db15"}'] == "1"
    assert samples['redis_db_keys{db="db7"}'] == "0"
    assert samples['redis_db_avg_ttl_seconds{db="db0"}'] == "0.0"


def test_replicas() -> None:
    scrape = Scrape(InProcess().engine, is_open=False)
    scrape.info["connected_slaves"] = "2"
    scrape.info["slave0"] = "ip=10.0.0.1,port=6380,state=online,offset=123,lag=1"
    scrape.info["slave1"] = "ip=10.0.0.2,port=6381,state=wait_bgsave,offset=0,lag=0"
    assert scrape._add_replicas()
    assert [line for line in scrape.out.lines if not line.startswith("#")] == [
        'redis_connected_slave_offset_bytes{slave_ip="10.0.0.1",slave_port="6380",slave_state="online"} 123',
        'redis_connected_slave_offset_bytes{slave_ip="10.0.0.2",slave_port="6381",slave_state="wait_bgsave"} 0',
        'redis_connected_slave_lag_seconds{slave_ip="10.0.0.1",slave_port="6380",slave_state="online"} 1',
        'redis_connected_slave_lag_seconds{slave_ip="10.0.0.2",slave_port="6381",slave_state="wait_bgsave"} 0',
    ]


def test_who_is_ready() -> None:
    engine = InProcess().engine
    assert unready_reason(engine) == ""
    engine.begin_loading()
    assert unready_reason(engine) == "loading"
    engine.end_loading()
    engine.set_log_error("No space left on device")
    assert unready_reason(engine).startswith("writes are refused")
    engine.set_log_error("")
    assert unready_reason(engine) == ""


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(-1.0, 0), (0.0, 0), (0.0005, 0), (0.0006, 1), (0.1, 7), (99.0, 14)]
)
def test_pauses(seconds: float, bucket: int) -> None:
    pauses = Pauses()
    pauses.add(seconds)
    assert pauses.counts[bucket] == pauses.total() == 1
    assert len(pauses.counts) == len(BOUNDS) + 1
    assert pauses.seconds == pauses.longest == max(seconds, 0.0)


class TestLatencyHistogram:
    def test_buckets_hold_what_took_no_longer(self) -> None:
        server = InProcess()
        client: Client = server.client()
        client.command("PING")
        command = server.engine.commands[b"ping"]
        histogram = server.engine.begin_histogram(command)
        for seconds in (0.0000005, 0.000003, 0.0001, 0.02, 3.0):
            histogram.add(seconds, 1)
        command.calls = 5
        samples = scraped(server)

        def bucket(bound: str) -> int:
            return int(samples[f'redis_commands_latencies_usec_bucket{{cmd="ping",le="{bound}"}}'])

        assert bucket("1.024") == 1
        assert bucket("2.048") == 1
        assert bucket("4.096") == 2
        assert bucket("65.536") == 2
        assert bucket("131.072") == 3
        assert bucket("33554.432") == 4
        assert bucket("536870.912") == 4
        # Three seconds count as one, which is what the histogram can hold.
        assert bucket("1073741.824") == bucket("+Inf") == 5
        counts, total = histogram.cumulative()
        shown = dict(histogram.levels())
        assert (total, counts[-1]) == (5, shown[max(shown)])
