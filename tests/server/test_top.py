"""`pyredis top`: one picture of a live server, of a real Redis, and the arithmetic of differences."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pyredis import __version__
from pyredis.tools.top import (
    Difference,
    Link,
    LinkError,
    Place,
    Sample,
    Steps,
    clean_bytes,
    command_rows,
    count,
    duration,
    frame,
    percentile,
    size,
    take_sample,
)
from tests.server.network import PATIENCE, free_port
from tests.support.process import ServerProcess
from tests.support.servers import PyredisServer, RedisServer, find_redis_server, pyredis_command


def run(*args: str) -> tuple[int, str]:
    """Runs the tool; its exit code and output."""
    command, needed = pyredis_command()
    ended = subprocess.run(
        [*command, "top", *args], env={**os.environ, **needed, "COLUMNS": "120", "LINES": "40"},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout + ended.stderr


@contextmanager
def busy(server: ServerProcess) -> Iterator[None]:
    """A client that sends commands without pause."""
    stop = threading.Event()

    def work() -> None:
        with server.connect() as client:
            while not stop.is_set():
                client.command("SET", "k", "v")
                client.command("GET", "k")
                client.command("GET", "nosuch")
                client.command("NOSUCH")

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def check_picture(server: ServerProcess, name: str) -> None:
    with server.connect() as connection:
        connection.command("CONFIG", "SET", "slowlog-log-slower-than", "0")
        connection.command("ECHO", "\x1b[31mred")
        connection.command("CONFIG", "SET", "slowlog-log-slower-than", "10000000")
    with busy(server):
        code, picture = run("-p", str(server.port), "--once", "-i", "0.3")
    assert code == 0, picture
    lines = picture.splitlines()
    assert lines[0].startswith(name)
    assert f"at 127.0.0.1:{server.port}, master, up 00:00:0" in lines[0]
    words = picture.split()
    assert float(words[words.index("ops/s") + 1].replace(",", "")) > 50
    assert "hit rate 50." in picture or "hit rate 49." in picture
    assert "clients   2 of 10,000" in picture
    assert "keys      1," in picture
    table = {line.split()[0]: line for line in lines if "%" in line}
    assert {"get", "set"} <= table.keys()
    assert " us" in table["get"]
    slow = next(line for line in lines if "echo" in line.lower() and "us" in line)
    assert "\N{REPLACEMENT CHARACTER}[31mred" in slow
    assert "\x1b" not in picture
    assert "slow commands (over 10.00 s)" in picture
    assert all(len(line) <= 120 for line in lines)


def test_of_pyredis() -> None:
    with PyredisServer() as server:
        check_picture(server, f"pyredis {__version__} (")


@pytest.mark.skipif(find_redis_server() is None, reason="redis-server is not installed")
def test_of_redis() -> None:
    with RedisServer() as server:
        check_picture(server, "Redis 7.")


def test_unix_socket_and_password() -> None:
    with PyredisServer(
        "--requirepass", "right", "--user", "bob", "on", ">pw", "+@all", unix_socket=True
    ) as server:
        path = str(server.directory / "server.sock")
        code, picture = run("-s", path, "-a", "right", "--once", "-i", "0.05")
        assert code == 0
        assert f"at {path}," in picture
        assert run("-s", path, "--user", "bob", "-a", "pw", "--once", "-i", "0.05")[0] == 0
        assert run("-s", path, "-a", "wrong", "--once") == (
            1,
            "Error: WRONGPASS invalid username-password pair or user is disabled.\n",
        )
        assert run("-s", path, "--once") == (1, "Error: NOAUTH Authentication required.\n")


def test_what_a_user_may_not_ask_is_left_out() -> None:
    with PyredisServer("--user", "eye", "on", ">pw", "+info") as server:
        code, picture = run("-p", str(server.port), "--user", "eye", "-a", "pw", "--once", "-i", "0.05")
    assert code == 0
    assert "slow commands" not in picture
    assert "info " in picture


def test_nobody_there() -> None:
    code, output = run("-p", str(free_port()), "--once")
    assert code == 1
    assert "cannot connect to 127.0.0.1:" in output


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_goes_on_until_interrupted() -> None:
    command, needed = pyredis_command()
    with PyredisServer() as server:
        arguments = [*command, "top", "-p", str(server.port), "-i", "0.05"]
        environment = {**os.environ, **needed, "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            seen = 0
            while seen < 3:
                seen += "ops/s" in process.stdout.readline()
            server.stop()
            line = ""
            while "trying again" not in line:
                line = process.stdout.readline()
            server.start()
            while "ops/s" not in line:
                line = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            process.stdout.read()
            assert process.wait(PATIENCE) == 0


def test_a_link_that_breaks() -> None:
    with PyredisServer() as server:
        place = Place("127.0.0.1", server.port, "", "", "")
        link = Link(place)
        before = take_sample(link)
        assert before.number("tcp_port") == server.port
        with server.connect() as connection:
            connection.command("CLIENT", "KILL", "TYPE", "NORMAL")
        with pytest.raises(LinkError):
            take_sample(link)
        link.close()
        link = Link(place)
        assert take_sample(link).number("uptime_in_seconds") >= 0
        link.close()


def sample(at: float, **info: object) -> Sample:
    return Sample(at, {name: str(value) for name, value in info.items()})


def test_rates_survive_a_reset() -> None:
    change = Difference(sample(1.0, calls=100), sample(3.0, calls=160))
    assert change.rate("calls") == 30
    assert change.rate("nosuch") == 0
    assert Difference(sample(1.0, calls=100), sample(3.0, calls=10)).rate("calls") == 5


def test_fields_that_are_no_numbers() -> None:
    info = sample(0.0, db0="keys=3,expires=x", used_memory_peak_perc="12.50%", role="master")
    assert info.figures("db0") == {"keys": 3.0}
    assert info.number("used_memory_peak_perc") == 12.5
    assert info.number("role") == 0


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([], [(1, 2), (8, 5)], [(1, 2), (8, 5)]),
        ([(1, 2)], [(1, 2), (8, 5)], [(1, 0), (8, 3)]),
        ([(2, 2), (4, 3)], [(1, 1), (2, 4), (4, 5), (16, 9)], [(1, 1), (2, 2), (4, 2), (16, 6)]),
        ([(1, 7)], [(1, 3)], [(1, 3)]),
        ([(1, 7)], [], []),
    ],
)
def test_steps_between_two_samples(before: Steps, after: Steps, expected: Steps) -> None:
    earlier, later = sample(0.0), sample(1.0)
    earlier.steps["get"], later.steps["get"] = before, after
    assert Difference(earlier, later).steps("get") == expected


def test_all_commands_together() -> None:
    later = sample(1.0)
    later.steps = {"get": [(1, 2), (4, 3)], "set": [(2, 5), (4, 6)]}
    assert Difference(sample(0.0), later).all_steps() == [(1, 2), (2, 7), (4, 9)]


@pytest.mark.parametrize(
    ("steps", "share", "expected"),
    [
        ([], 0.5, -1.0),
        ([(8, 0)], 0.5, -1.0),
        ([(8, 10)], 0.5, 6.0),
        ([(8, 10)], 1.0, 8.0),
        ([(1, 50), (2, 50), (64, 100)], 0.5, 1.0),
        ([(1, 50), (64, 100)], 0.75, 48.0),
    ],
)
def test_percentiles(steps: Steps, share: float, expected: float) -> None:
    assert percentile(steps, share) == expected


def test_the_mean_where_there_are_no_histograms() -> None:
    line = "calls=10,usec=400,usec_per_call=40.00,rejected_calls=0,failed_calls=1"
    change = Difference(sample(0.0), sample(1.0, cmdstat_get=line))
    (row,) = command_rows(change)
    assert (row.name, row.calls, row.microseconds, row.failed) == ("get", 10, 400, 1)
    lines = [line for _, line in frame(Place("::1", 1, "", "", ""), change, 24, 80)]
    assert "at [::1]:1" in lines[0]
    assert "40 us" in next(line for line in lines if line.startswith("get "))


def test_few_lines_show_what_takes_most() -> None:
    fields = {f"cmdstat_c{number}": f"calls=1,usec={number}" for number in range(1, 50)}
    change = Difference(sample(0.0), Sample(1.0, fields))
    lines = [line for _, line in frame(Place("h", 1, "", "", ""), change, 20, 80)]
    assert len(lines) <= 20
    assert next(line for line in lines if line.startswith("c")).startswith("clients")
    assert [line.split()[0] for line in lines if line.startswith("c4")][:2] == ["c49", "c48"]
    assert any(line.startswith("and ") for line in lines)


@pytest.mark.parametrize(
    ("microseconds", "shown"),
    [(-1, "-"), (0.25, "0.2 us"), (12.4, "12 us"), (1500, "1.5 ms"), (2_500_000, "2.50 s")],
)
def test_times(microseconds: float, shown: str) -> None:
    assert duration(microseconds) == shown


def test_numbers() -> None:
    assert [count(value) for value in (0, 1, 2.5, 12.5, 1234567)] == ["0", "1", "2.5", "12", "1,234,567"]
    assert [size(value) for value in (0, 1023, 1536, 5 << 30, 3 << 50)] == [
        "0 B", "1023 B", "1.5 KiB", "5.0 GiB", "3072.0 TiB",
    ]  # fmt: skip
    assert (
        clean_bytes(b"a\x1b[2J\xff\n\xc2\x9b")
        == "a" + "\N{REPLACEMENT CHARACTER}[2J" + "\N{REPLACEMENT CHARACTER}" * 3
    )
