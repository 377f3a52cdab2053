"""Starting and stopping: exit codes, log lines, files, and what connected clients see."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.server.network import PATIENCE, free_port, run_to_exit
from tests.support.servers import PyredisServer, find_redis_server, pyredis_command
from tests.support.wire import RawConnection, encode

if TYPE_CHECKING:
    from pathlib import Path

LOG_LINE = re.compile(r"^\d+:[MCSX] \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d\.\d{3} [.*#-] ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_gracefully(number: signal.Signals) -> None:
    with PyredisServer() as server, server.connect(PATIENCE) as client:
        assert client.command("PING") == b"+PONG\r\n"
        os.kill(server.pid, number)
        assert client.read_until_close() == b""
        assert server.wait() == 0
        log = server.log()
        assert f"Received {number.name} scheduling shutdown..." in log
        assert "User requested shutdown..." in log
        assert "Redis is now ready to exit, bye bye..." in log
        with pytest.raises(ConnectionRefusedError):
            server.connect()
        server.stop()


def test_a_signal_stops_a_server_that_is_busy() -> None:
    with PyredisServer() as server, server.connect(PATIENCE) as client, server.connect() as reader:
        client.send(encode("INCR", "n") * 20_000)
        reader.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\nhalf")
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait() == 0
        server.stop()


def test_the_log_looks_like_that_of_redis() -> None:
    with PyredisServer() as server:
        server.stop()
        lines = [line for line in server.stdout_path.read_text().splitlines() if line]
        assert len(lines) >= 4
        for line in lines:
            assert LOG_LINE.match(line), line
            assert line.startswith(lines[0].split(":")[0] + ":")
        assert any("Ready to accept connections" in line for line in lines)
        assert any("Server initialized" in line for line in lines)


def test_the_log_goes_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "redis.log"
    with PyredisServer("--logfile", str(path)) as server:
        server.stop()
        assert server.stdout_path.read_text() == ""
    assert "Ready to accept connections tcp" in path.read_text()


def test_the_pid_file_lives_as_long_as_the_server(tmp_path: Path) -> None:
    path = tmp_path / "redis.pid"
    with PyredisServer("--pidfile", str(path)) as server:
        assert path.read_text() == f"{server.pid}\n"
        server.stop()
        assert not path.exists()


def test_shutdown_ends_the_process_without_a_reply() -> None:
    with PyredisServer() as server, server.connect(PATIENCE) as client:
        client.send(encode("SHUTDOWN", "NOSAVE") + encode("PING"))
        assert client.read_until_close() == b""
        assert server.wait() == 0
        server.stop()


def test_a_configuration_file_is_obeyed(tmp_path: Path) -> None:
    path = tmp_path / "redis.conf"
    path.write_text('# a comment\nmaxclients 17\nrequirepass "se cret"\n')
    server = PyredisServer()
    server.command.insert(server.command.index("--port"), str(path))
    with server, server.connect() as client:
        assert client.command("PING") == b"-NOAUTH Authentication required.\r\n"
        assert client.command("AUTH", "se cret") == b"+OK\r\n"
        assert client.command("CONFIG", "GET", "maxclients") == b"*2\r\n$10\r\nmaxclients\r\n$2\r\n17\r\n"


FAULTS = [
    ("--no-such-directive", "1"),
    ("--port", "seven"),
    ("--port", "70000"),
    ("--maxclients", "0"),
    ("--databases",),
    ("--client-output-buffer-limit", "normal", "1mb"),
    ("--save", "1"),
    ("--appendfsync", "sometimes"),
]


@pytest.mark.parametrize("arguments", FAULTS, ids=" ".join)
def test_a_bad_directive_ends_the_start(arguments: tuple[str, ...]) -> None:
    ended = run_to_exit(*arguments)
    assert ended.code == 1
    assert ended.stderr.startswith("\n*** FATAL CONFIG FILE ERROR (Redis ")
    assert re.search(r"^Reading the configuration file, at line \d+\n>>> '", ended.stderr, re.MULTILINE)
    assert "Traceback" not in ended.stderr + ended.stdout


@pytest.mark.skipif(find_redis_server() is None, reason="redis-server is not installed")
@pytest.mark.parametrize("arguments", FAULTS, ids=" ".join)
def test_a_bad_directive_is_explained_as_redis_does(arguments: tuple[str, ...]) -> None:
    redis = find_redis_server()
    assert redis is not None
    ours, theirs = run_to_exit(*arguments), run_to_exit(*arguments, command=[redis])
    assert ours.code == theirs.code
    version = re.compile(r"\(Redis [\d.]+\)")
    assert version.sub("", ours.stderr) == version.sub("", theirs.stderr)


@pytest.mark.parametrize("loop", ["asyncio", "debug", "uvloop"])
def test_the_event_loop_can_be_chosen(loop: str) -> None:
    with PyredisServer(env={"PYREDIS_LOOP": loop}) as server, server.connect() as client:
        assert client.command("PING") == b"+PONG\r\n"


def test_an_output_that_nobody_reads_any_more_disturbs_nothing() -> None:
    command, needed = pyredis_command()
    port = free_port()
    process = subprocess.Popen(
        [*command, "--port", str(port), "--loglevel", "debug", "--save", ""],
        env={**os.environ, **needed},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    while b"Ready to accept connections" not in process.stdout.readline():
        assert process.poll() is None
    process.stdout.close()
    with RawConnection("127.0.0.1", port) as client:
        assert client.command("PING") == b"+PONG\r\n"
    process.terminate()
    assert process.wait(PATIENCE) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_missing_configuration_file(tmp_path: Path) -> None:
    path = str(tmp_path / "missing.conf")
    ended = run_to_exit(path, "--port", str(free_port()))
    assert ended.code == 1
    assert f"Fatal error, can't open config file '{path}': No such file or directory" in (
        ended.stderr + ended.stdout
    )
