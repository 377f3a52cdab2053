"""`pyredis bench`: that it compares, not how fast anything is."""

from __future__ import annotations

import shutil
import socket
import threading

import pytest
from click.testing import CliRunner

from pyredis.tools.bench import BenchError, Workload, bench, geometric_mean, put_load


def test_every_workload_is_run_on_both_servers() -> None:
    result = CliRunner().invoke(bench, ["--requests", "200", "--clients", "2", "--pipeline", "4"])
    assert result.exit_code == 0, result.output
    rows = [line for line in result.output.splitlines() if line.startswith(("PING ", "MGET "))]
    assert len(rows) == 2
    if shutil.which("redis-server"):
        assert all(row.endswith("x") for row in rows)
        assert "geometric mean" in result.output


def test_without_another_server_it_measures_this_one() -> None:
    result = CliRunner().invoke(
        bench, ["--requests", "100", "--clients", "1", "--pipeline", "1", "--against", "no-such-server"]
    )
    assert result.exit_code == 0, result.output
    assert "no-such-server is not installed" in result.output
    assert "geometric mean" not in result.output


def test_a_server_that_hangs_up_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
        with pytest.raises((BenchError, ConnectionError)):
            put_load(listener.getsockname()[1], Workload("PING", (b"PING",), 1), 1, 1, 1)


def test_a_geometric_mean_is_neutral_to_the_base() -> None:
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)
