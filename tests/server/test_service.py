"""The server as a service: supervisors, daemons, signals, exit codes, settings of the process, crashes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pyredis.config import load_arguments
from pyredis.form import COMPILED
from tests.server.network import PATIENCE, eventually, free_port, info, run_to_exit
from tests.support.servers import PyredisServer, pyredis_command
from tests.support.wire import RawConnection, WireError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")

IS_SLOW = not COMPILED and "PYTHONPATH" in pyredis_command()[1]
"""Whether the sources run, interpreted."""


class Systemd:
    """The socket on which systemd listens."""

    def __init__(self, address: str) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + address[1:] if address.startswith("@") else address)
        self.sock.settimeout(PATIENCE)
        self.env = {"NOTIFY_SOCKET": address}

    def until(self, wanted: str) -> list[str]:
        """All assignments up to one that starts so."""
        found: list[str] = []
        while not any(line.startswith(wanted) for line in found):
            found += self.sock.recv(4096).decode().splitlines()
        return found


@pytest.mark.parametrize("address", ["{tmp}/notify", "@pyredis-test-{pid}"])
@pytest.mark.parametrize("wanted", ["systemd", "auto"])
def test_systemd_is_told_of_start_and_end(tmp_path: Path, address: str, wanted: str) -> None:
    systemd = Systemd(address.format(tmp=tmp_path, pid=os.getpid()))
    with systemd.sock, PyredisServer("--supervised", wanted, env=systemd.env) as server:
        with server.connect() as client:
            assert info(client, "process_supervised") == "systemd"
        told = systemd.until("READY=1")
        assert "STATUS=Redis is loading..." in told
        assert any(line.startswith("EXTEND_TIMEOUT_USEC=") for line in told)
        assert "STATUS=Ready to accept connections" in told
        assert ("Systemd supervision detected." in server.log()) == (wanted == "auto")
        server.stop()
        told = systemd.until("STOPPING=1")
        assert "STATUS=Saving the final RDB snapshot" in told
        assert "systemd supervision error" not in server.log()


def test_the_watchdog_of_systemd_is_answered(tmp_path: Path) -> None:
    systemd = Systemd(str(tmp_path / "notify"))
    env = {**systemd.env, "WATCHDOG_USEC": "100000"}
    with systemd.sock, PyredisServer("--supervised", "systemd", env=env):
        for _ in range(3):
            systemd.until("WATCHDOG=1")


def test_a_supervisor_that_is_not_there() -> None:
    with PyredisServer("--supervised", "systemd", "--daemonize", "yes") as server:
        assert "systemd supervision error: NOTIFY_SOCKET not found!" in server.log()
        with server.connect() as client:
            assert info(client, "process_supervised") == "no"
    with PyredisServer("--supervised", "auto") as server:
        assert "upervis" not in server.log()


def start_daemon(tmp_path: Path, *args: str) -> int:
    """The pid of a daemon that serves."""
    command, needed = pyredis_command()
    port = free_port()
    files = ["--dir", str(tmp_path), "--pidfile", "redis.pid", "--logfile", "redis.log"]
    done = subprocess.run(
        [*command, "--port", str(port), "--daemonize", "yes", *files, *args],
        env={**os.environ, **needed},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    eventually(lambda: answers(port), "the daemon serves")
    return int((tmp_path / "redis.pid").read_text())


def answers(port: int) -> bool:
    try:
        with RawConnection("127.0.0.1", port) as client:
            return client.command("PING") == b"+PONG\r\n"
    except (OSError, WireError):
        return False


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return b"\nState:\tZ" in Path(f"/proc/{pid}/status").read_bytes() if Path("/proc").exists() else False


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_daemon(tmp_path: Path) -> None:
    pid = start_daemon(tmp_path)
    try:
        session = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[3])
        assert session not in (pid, os.getsid(0))
        for descriptor in range(3):
            assert os.readlink(f"/proc/{pid}/fd/{descriptor}") == os.devnull
        for name in ("redis.pid", "redis.log"):
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o644 & ~current_umask()
        os.kill(pid, signal.SIGHUP)  # the terminal has closed
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: is_gone(pid), "the daemon ends")
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    assert not (tmp_path / "redis.pid").exists()
    assert (tmp_path / "dump.rdb").stat().st_mode & 0o777 == 0o644 & ~current_umask()
    assert "Redis is now ready to exit, bye bye..." in (tmp_path / "redis.log").read_text()


def current_umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def test_what_goes_wrong_in_a_daemon_is_in_its_log(tmp_path: Path) -> None:
    (tmp_path / "dump.rdb").write_bytes(b"REDIS0011 and then nonsense")
    command, needed = pyredis_command()
    arguments = [
        "--port",
        str(free_port()),
        "--daemonize",
        "yes",
        "--dir",
        str(tmp_path),
        "--logfile",
        "redis.log",
    ]
    done = subprocess.run(
        [*command, *arguments, "--pidfile", "redis.pid"],
        env={**os.environ, **needed},
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0
    log = tmp_path / "redis.log"
    eventually(lambda: log.exists() and "Fatal error loading the DB" in log.read_text(), "the log says why")
    eventually(lambda: not (tmp_path / "redis.pid").exists(), "the pid file goes")


def test_a_snapshot_half_loaded_is_not_saved(tmp_path: Path) -> None:
    with PyredisServer("--dir", str(tmp_path), "--enable-debug-command", "yes") as server:
        with server.connect() as client:
            assert client.command("DEBUG", "POPULATE", "30000") == b"+OK\r\n"
            assert client.command("SAVE") == b"+OK\r\n"
        server.stop()
        whole = (tmp_path / "dump.rdb").read_bytes()
        server.command += ["--key-load-delay", "50"]
        # 30,000 times 50 us: the signal arrives in the midst of it.
        process = subprocess.Popen(
            server.command, env=server.env, cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        seen = ""
        while "Loading RDB produced" not in seen:
            line = process.stdout.readline()
            assert line, seen
            seen += line
        time.sleep(0.01)
        process.terminate()
        rest = process.stdout.read()
        process.stdout.close()
        assert process.wait(PATIENCE) == 0
        assert "Received shutdown signal during loading, scheduling shutdown." in rest
        assert "keys loaded" not in seen + rest
        assert (tmp_path / "dump.rdb").read_bytes() == whole


def test_a_failing_save_keeps_the_server(tmp_path: Path) -> None:
    with PyredisServer("--dir", str(tmp_path), "--dbfilename", "dump.rdb", "--save", "900 1") as server:
        (tmp_path / "dump.rdb").mkdir()
        (tmp_path / "dump.rdb" / "in the way").touch()
        for _ in range(2):
            os.kill(server.pid, signal.SIGTERM)
            with server.connect() as client:
                eventually(lambda: "errors trying to shut down the server" in server.log(), "it says so")
                assert client.command("SET", "a", "b") == b"+OK\r\n"
        (tmp_path / "dump.rdb" / "in the way").unlink()
        (tmp_path / "dump.rdb").rmdir()


def test_who_insists_is_obeyed_in_the_midst_of_a_save(tmp_path: Path) -> None:
    arguments = ("--dir", str(tmp_path), "--save", "900 1", "--enable-debug-command", "yes")
    with PyredisServer(*arguments, "--pidfile", str(tmp_path / "pid")) as server:
        with server.connect(PATIENCE) as client:
            keys = "60000" if IS_SLOW else "600000"  # the save has to last until it is interrupted
            assert client.command("DEBUG", "POPULATE", keys) == b"+OK\r\n"
        os.kill(server.pid, signal.SIGINT)
        eventually(lambda: "Saving the final RDB snapshot" in server.log(), "it saves")
        os.kill(server.pid, signal.SIGTERM)  # means nothing more
        os.kill(server.pid, signal.SIGINT)
        assert server.wait() == 1
        server.kill()
        assert "You insist... exiting now." in server.log()
        assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_the_title_of_the_process() -> None:
    with PyredisServer() as server, server.connect() as client:
        line = Path(f"/proc/{server.pid}/cmdline")
        assert line.read_bytes().rstrip(b"\0") == b"pyredis *:%d" % server.port
        assert Path(f"/proc/{server.pid}/comm").read_text() == "pyredis\n"
        assert client.command("CONFIG", "SET", "proc-title-template", "x {port} {server-mode}") == b"+OK\r\n"
        assert line.read_bytes().rstrip(b"\0") == b"x %d" % server.port
        bad = client.command("CONFIG", "SET", "proc-title-template", "{nothing}")
        assert b"template format is invalid" in bad
    with PyredisServer("--set-proc-title", "no") as server:
        assert b"--set-proc-title" in Path(f"/proc/{server.pid}/cmdline").read_bytes()


def cores(thread: Path) -> set[int]:
    """Where a thread may run, by its folder in /proc."""
    return os.sched_getaffinity(int(thread.name))


@pytest.mark.skipif(sys.platform != "linux" or (os.cpu_count() or 1) < 2, reason="/proc")
def test_settings_of_the_process() -> None:
    with PyredisServer(
        *("--server-cpulist", "0", "--bio-cpulist", "1", "--appendonly", "yes"),
        *("--oom-score-adj", "yes", "--oom-score-adj-values", "7 8 9"),
    ) as server:
        assert os.sched_getaffinity(server.pid) == {0}
        score = Path(f"/proc/{server.pid}/oom_score_adj")
        inherited = int(Path("/proc/self/oom_score_adj").read_text())
        assert int(score.read_text()) == inherited + 7
        with server.connect() as client:
            assert client.command("SET", "a", "b") == b"+OK\r\n"
            threads = Path(f"/proc/{server.pid}/task")
            eventually(lambda: {1} in map(cores, threads.iterdir()), "a thread syncs, on its core")
            assert client.command("CONFIG", "SET", "oom-score-adj-values", "11 12 13") == b"+OK\r\n"
            assert int(score.read_text()) == inherited + 11
            assert client.command("CONFIG", "SET", "oom-score-adj", "absolute") == b"+OK\r\n"
            assert int(score.read_text()) == 11
            if os.geteuid() == 0:
                assert client.command("CONFIG", "SET", "oom-score-adj", "no") == b"+OK\r\n"
                assert int(score.read_text()) == inherited


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("PANIC", "called by user request"),
        ("ASSERT", "assertion failed: 1 == 2"),
        ("OOM", "out of memory allocating 9223372036853727231 bytes"),
    ],
)
def test_panic_leaves_a_report(word: str, reason: str) -> None:
    with PyredisServer("--enable-debug-command", "yes", "--requirepass", "hidden-word") as server:
        with server.connect() as client:
            assert client.command("AUTH", "hidden-word") == b"+OK\r\n"
            with pytest.raises((ConnectionError, WireError)):
                client.command("DEBUG", word)
        assert server.wait() == -signal.SIGABRT
        server.kill()
        report = re.search(
            r"=== REDIS BUG REPORT START: Cut & paste.*=== REDIS BUG REPORT END.", server.log(), re.DOTALL
        )
        assert report
        for part in (f"Crashed: {reason}", "pyredis 0", f"argv[1]: {word}", "Thread MainThread",
                     "redis_version:7.4.0", "cmd=debug"):  # fmt: skip
            assert part in report[0], part
        assert "hidden-word" not in server.log()


@pytest.mark.parametrize("enabled", ["yes", "no"])
def test_a_fatal_signal_leaves_stacks(tmp_path: Path, enabled: str) -> None:
    path = tmp_path / "log"
    arguments = ("--enable-debug-command", "yes", "--crash-log-enabled", enabled, "--logfile", str(path))
    with PyredisServer(*arguments) as server:
        path.rename(tmp_path / "moved")  # the report goes where the log has gone since
        with server.connect() as client:
            assert client.command("DEBUG", "LOG", "here") == b"+OK\r\n"
            with pytest.raises((ConnectionError, WireError)):
                client.command("DEBUG", "SEGFAULT")
        assert server.wait() == -signal.SIGSEGV
        server.kill()
        assert ("Fatal Python error: Segmentation fault" in path.read_text()) == (enabled == "yes")


def test_the_watchdog_shows_what_blocks_the_loop() -> None:
    with PyredisServer("--enable-debug-command", "yes", "--watchdog-period", "100") as server:
        with server.connect() as client:
            assert client.command("DEBUG", "SLEEP", "0.4") == b"+OK\r\n"
        assert "Timeout (0:00:00.1" in server.log()
        assert server.log().count("Timeout") == 1


def test_the_unit_of_systemd_starts_a_server_that_reports(tmp_path: Path) -> None:
    repository = Path(__file__).resolve().parents[2]
    unit = (repository / "contrib" / "systemd" / "pyredis.service").read_text()
    line = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert line
    words = line[1].split()[2:]
    words[words.index("--dir") + 1] = str(tmp_path)
    config = load_arguments(words, {})
    assert config.get_str("supervised") == "systemd"
    assert re.search(r"^Type=notify$", unit, re.MULTILINE)


def test_the_container_starts_with_directives_that_exist() -> None:
    text = (Path(__file__).resolve().parents[2] / "contrib" / "docker" / "Dockerfile").read_text()
    entry = re.search(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)
    assert entry
    assert not load_arguments(json.loads(entry[1])[1:], {}).get_bool("protected-mode")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_upstart_continues_the_server_when_it_is_ready() -> None:
    command, needed = pyredis_command()
    port = free_port()
    process = subprocess.Popen(
        [*command, "--port", str(port), "--supervised", "auto", "--save", ""],
        env={**os.environ, **needed, "UPSTART_JOB": "pyredis"},
        stdout=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: process_state(process.pid) == "T", "it stops itself")
        process.send_signal(signal.SIGCONT)
        eventually(lambda: answers(port), "it serves")
        with RawConnection("127.0.0.1", port) as client:
            assert info(client, "process_supervised") == "upstart"
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


def process_state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


BROKEN = """
import sys
from pyredis import cli
from pyredis.server.cron import Cron
from pyredis.server.app import App

def tick(self):
    raise RuntimeError("a callback of the loop")

def start(self):
    self.loop.call_soon(tick, self)
    self.loop.call_later(0.05, self.app.request_shutdown, False, True, True)

def broken(self):
    raise RuntimeError("nobody expected this")

if sys.argv[1] == "start":
    App._fit_max_clients = broken
else:
    Cron.start = start
sys.exit(cli.run(sys.argv[2:]))
"""


@pytest.mark.skipif(not IS_SLOW, reason="compiled classes cannot be changed")
def test_an_unexpected_error_is_reported(tmp_path: Path) -> None:
    arguments = ["--port", "0", "--unixsocket", str(tmp_path / "s"), "--pidfile", str(tmp_path / "pid")]
    root = str(pyredis_command()[1]["PYTHONPATH"].split(":")[0])
    ended = run_to_exit("-c", BROKEN, "start", *arguments, command=[sys.executable], directory=root)
    assert ended.code == 1
    assert "Crashed: the server cannot go on: RuntimeError('nobody expected this')" in ended.stdout
    assert "RuntimeError: nobody expected this\n" in ended.stdout
    assert not (tmp_path / "pid").exists()
    # The loop outlives what its callbacks do, and the log has it, not standard error that a daemon has not.
    ended = run_to_exit("-c", BROKEN, "callback", *arguments, command=[sys.executable], directory=root)
    assert (ended.code, ended.stderr) == (0, "")
    assert "Unhandled error in the event loop" in ended.stdout
    assert "RuntimeError: a callback of the loop" in ended.stdout


def test_who_insists_while_a_script_is_busy() -> None:
    with PyredisServer("--busy-reply-threshold", "50") as server, server.connect(PATIENCE) as client:
        client.send(b"EVAL 'while true do end' 0\r\n")
        time.sleep(0.2)
        os.kill(server.pid, signal.SIGINT)
        eventually(lambda: "Received SIGINT" in server.log(), "it waits for the script")
        os.kill(server.pid, signal.SIGINT)
        assert server.wait() == 1
        server.kill()
