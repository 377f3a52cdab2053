"""Server processes: the oracle itself, and a toy that can be made to misbehave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.support.process import ServerError, ServerProcess, reserve_port
from tests.support.servers import (
    PyredisServer,
    RedisServer,
    find_redis_server,
    pyredis_command,
    resolve_program,
)

REPOSITORY = Path(__file__).resolve().parents[1]
needs_redis = pytest.mark.skipif(find_redis_server() is None, reason="redis-server is not installed")

TOY = textwrap.dedent("""
    import signal, socket, sys
    args = sys.argv[1:]
    behaviour = args[0]
    port = int(args[args.index("--port") + 1])
    print("serving", port, file=sys.stderr)
    if behaviour == "refuse":
        print("cannot start: refused")
        sys.exit(3)
    loading = 3 if behaviour == "loading" else 0
    def finish(number, frame):
        if behaviour == "trace":
            print("Traceback (most recent call last):", file=sys.stderr)
        sys.exit(5 if behaviour == "fail" else 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if behaviour == "deaf" else finish)
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        connection, _ = listener.accept()
        while data := connection.recv(1000):
            if b"BOOM" in data:
                sys.exit(7)
            loading -= 1
            connection.sendall(b"-LOADING wait\\r\\n" if loading >= 0 else b"-NOAUTH first\\r\\n")
        connection.close()
""")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes PyredisServer start the toy; its first argument says how it behaves."""
    script = tmp_path / "toy.py"
    script.write_text(TOY)
    monkeypatch.setenv("PYREDIS_TEST_COMMAND", f"{sys.executable} {script} ok")
    return script


def behave(monkeypatch: pytest.MonkeyPatch, script: Path, behaviour: str) -> None:
    monkeypatch.setenv("PYREDIS_TEST_COMMAND", f"{sys.executable} {script} {behaviour}")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


@needs_redis
def test_redis_server_answers_and_goes_away() -> None:
    with RedisServer() as server:
        pid = server.pid
        directory = server.directory
        with server.connect() as client:
            assert client.command("PING") == b"+PONG\r\n"
            assert client.command("CONFIG", "GET", "save") == b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n"
            assert client.command("DEBUG", "JMAP").startswith((b"+", b"-ERR"))
            assert str(server.pid).encode() in client.command("INFO", "server")
        assert server.cpu_time() >= 0.0
        assert 1_000_000 < server.rss_bytes() < 200_000_000
        assert 0.0 < server.startup_seconds < 20.0
    assert not is_alive(pid)
    assert not directory.exists()


@needs_redis
def test_later_arguments_override_and_unix_socket_works() -> None:
    server = RedisServer("--databases", "3", "--appendonly", "yes", unix_socket=True)
    with server, server.connect_unix() as client:
        assert client.command("SELECT", 3) == b"-ERR DB index is out of range\r\n"
        assert client.command("CONFIG", "GET", "appendonly").endswith(b"yes\r\n")


@needs_redis
def test_kill_and_start_keep_port_and_files() -> None:
    with RedisServer("--appendonly", "yes", "--appendfsync", "always") as server:
        port = server.port
        with server.connect() as client:
            assert client.command("SET", "k", "v") == b"+OK\r\n"
            server.kill()
            assert not server.is_running
            assert client.read_until_close() == b""
        server.start()
        assert server.port == port
        with server.connect() as client:
            assert client.command("GET", "k") == b"$1\r\nv\r\n"


@needs_redis
def test_cpu_clocks_agree_and_advance() -> None:
    with RedisServer() as server, server.connect() as client:
        before = server.cpu_time_ns()
        client.pipeline([("ECHO", "x" * 100)] * 20_000)
        after = server.cpu_time_ns()
        assert 1_000_000 < after - before < 5_000_000_000
        assert abs(server.cpu_time() - after / 1e9) < 0.1


@needs_redis
def test_two_servers_at_once_have_different_ports() -> None:
    with RedisServer() as left, RedisServer() as right:
        assert left.port != right.port


def test_reserved_port_is_not_given_out_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    port, holder = reserve_port()
    try:
        monkeypatch.setenv("PYREDIS_TEST_PORTS", f"{port}-{port}")
        if holder is None:
            assert reserve_port()[0] == port
        else:
            with pytest.raises(ServerError, match="no free port"):
                reserve_port()
    finally:
        if holder is not None:
            holder.close()


def test_port_range_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    port, holder = reserve_port()
    if holder is not None:
        holder.close()
    monkeypatch.setenv("PYREDIS_TEST_PORTS", f"{port}-{port}")
    again, holder = reserve_port()
    if holder is not None:
        holder.close()
    assert again == port


def test_pyredis_server_runs_a_command_and_captures_its_log(toy: Path) -> None:
    with PyredisServer() as server:
        assert "serving" in server.stderr_path.read_text()
        assert server.stdout_path.read_text() == ""
        with server.connect() as client:
            assert client.command("ANY").startswith(b"-NOAUTH")
        pid = server.pid
        server.restart()
        assert server.pid != pid
        assert server.log().count("serving") == 2


def test_loading_is_not_yet_an_answer(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    behave(monkeypatch, toy, "loading")
    with PyredisServer() as server, server.connect() as client:
        assert client.command("PING").startswith(b"-NOAUTH")


def test_a_traceback_in_the_log_fails_the_stop(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    behave(monkeypatch, toy, "trace")
    with pytest.raises(ServerError, match="Traceback"), PyredisServer():
        pass


def test_an_exit_code_fails_the_stop(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    behave(monkeypatch, toy, "fail")
    with pytest.raises(ServerError, match="exit code 5"), PyredisServer():
        pass


def test_a_server_that_died_by_itself_fails_the_stop(toy: Path) -> None:
    server = PyredisServer().start()
    with pytest.raises(ServerError, match="still running"):
        server.wait(0.01)
    with server.connect() as client:
        client.send(b"BOOM")
        assert server.wait() == 7
    assert not server.is_running
    with pytest.raises(ServerError, match="exit code 7"):
        server.stop()
    server.close()


def test_a_deaf_server_is_killed(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    behave(monkeypatch, toy, "deaf")
    server = PyredisServer().start()
    pid = server.pid
    with pytest.raises(ServerError, match="did not stop"):
        server.stop(timeout=0.2)
    assert not is_alive(pid)
    server.close()


def test_a_server_that_cannot_start_says_why(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    behave(monkeypatch, toy, "refuse")
    server = PyredisServer()
    with pytest.raises(ServerError, match=r"exited with 3 (?s:.)*cannot start: refused"):
        server.start()
    server.close()


def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    server = ServerProcess([sys.executable, "-c", "import signal; signal.pause()"], ready_timeout=0.3)
    with pytest.raises(ServerError, match="no answer"):
        server.start()
    assert not server.is_running
    server.close()


def test_the_failure_of_a_test_carries_the_log(toy: Path) -> None:
    with pytest.raises(ValueError, match="mine") as caught, PyredisServer():
        raise ValueError("mine")
    assert "serving" in "".join(caught.value.__notes__)


def test_using_a_stopped_server_is_an_error(toy: Path) -> None:
    server = PyredisServer()
    for use in (lambda: server.pid, server.stop, server.rss_bytes, server.cpu_time):
        with pytest.raises(ServerError, match="not running"):
            use()
    server.start()
    with pytest.raises(ServerError, match="already running"):
        server.start()
    server.close()


def test_default_command_runs_this_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYREDIS_TEST_COMMAND", raising=False)
    monkeypatch.delenv("PYREDIS_TEST_PYTHON", raising=False)
    command, env = pyredis_command()
    assert command == [sys.executable, "-m", "pyredis"]
    assert env["PYTHONPATH"].split(os.pathsep)[0] == str(REPOSITORY)


def test_overrides_do_not_put_this_tree_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYREDIS_TEST_COMMAND", raising=False)
    monkeypatch.setenv("PYREDIS_TEST_PYTHON", "venv/bin/python")
    assert pyredis_command() == ([os.path.abspath("venv/bin/python"), "-m", "pyredis"], {})
    monkeypatch.setenv("PYREDIS_TEST_COMMAND", "bin/pyredis --foo 'a b'")
    assert pyredis_command() == ([os.path.abspath("bin/pyredis"), "--foo", "a b"], {})
    assert resolve_program("pyredis --foo") == ["pyredis", "--foo"]


ORPHAN = """
import os, sys
sys.path.insert(0, sys.argv[1])
from tests.support.servers import PyredisServer
server = PyredisServer().start()
print(server.pid, server.directory, flush=True)
if sys.argv[2] == "exit":
    sys.exit(0)
os.kill(os.getpid(), int(sys.argv[2]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs the parent-death signal")
@pytest.mark.parametrize("end", ["exit", str(int(signal.SIGKILL)), str(int(signal.SIGTERM))])
def test_no_server_outlives_its_parent(toy: Path, end: str) -> None:
    parent = subprocess.run(
        [sys.executable, "-c", ORPHAN, str(REPOSITORY), end],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    pid, directory = parent.stdout.split()
    deadline = 500
    while is_alive(int(pid)) and deadline:
        deadline -= 1
        signal.sigtimedwait([], 0.01)
    assert not is_alive(int(pid))
    assert Path(directory).exists() == (end != "exit")
    if end != "exit":
        for leftover in Path(directory).iterdir():
            leftover.unlink()
        Path(directory).rmdir()


def test_pyredis_itself_starts_and_stops_cleanly() -> None:
    with PyredisServer(unix_socket=True) as server:
        with server.connect() as client, server.connect_unix() as local:
            assert client.command("PING") == b"+PONG\r\n"
            assert local.command("PING") == b"+PONG\r\n"
        assert server.is_running
