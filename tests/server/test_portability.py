"""The server on systems that have less than Linux: what POSIX adds to Python is taken away before it starts.

That is no Windows and no macOS, but whatever the server asks of the system unguarded fails here.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from pyredis.form import COMPILED
from tests.server.network import PATIENCE, eventually, info, run_to_exit
from tests.support.servers import PyredisServer, pyredis_command

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="it is one of those"),
    pytest.mark.skipif(
        COMPILED or "PYTHONPATH" not in pyredis_command()[1],
        reason="compiled for one system, and for no other",
    ),
]

BARE: Final = '''
import asyncio, asyncio.unix_events, builtins, concurrent.futures.thread, ctypes, faulthandler, gc, json, logging
import os, platform, random, selectors, signal, socket, subprocess, sys, tempfile, threading, time
platform.uname(), platform.python_compiler(), platform.platform()

NAMES = {
    os: """fork forkpty getuid geteuid getgid getegid getppid setsid getsid sysconf getloadavg uname sched_setaffinity
        sched_getaffinity pwrite pread writev readv sendfile fchmod fchown chown chroot nice getpgid setpgid killpg
        wait waitid WNOHANG O_CLOEXEC O_DIRECTORY O_NONBLOCK O_DSYNC O_SYNC fdatasync posix_fadvise posix_fallocate
        pthread_getcpuclockid statvfs mkfifo register_at_fork closerange""",
    signal: "SIGHUP SIGCHLD SIGUSR1 SIGUSR2 SIGALRM SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGCONT SIGBUS pthread_sigmask "
        "sigwait sigpending pthread_kill setitimer alarm siginterrupt",
    socket: "AF_UNIX send_fds TCP_KEEPIDLE TCP_KEEPINTVL TCP_KEEPCNT SO_REUSEPORT MSG_DONTWAIT",
    time: "clock_gettime clock_gettime_ns CLOCK_MONOTONIC pthread_getcpuclockid tzset",
    faulthandler: "register",
}
MISSING = ("resource fcntl pwd grp syslog termios uvloop winloop setproctitle").split()
if PLATFORM == "darwin":
    MISSING.remove("resource")
    NAMES[os] = NAMES[os].replace("sysconf", "")

pair, unix = socket.socketpair, socket.AF_UNIX
socket.socketpair = lambda *_: pair(unix)  # Windows has it, by other means
for module, names in NAMES.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)

def refuse(self, *args, **kwargs):
    raise NotImplementedError

asyncio.SelectorEventLoop.add_signal_handler = refuse
asyncio.SelectorEventLoop.create_unix_server = refuse

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in MISSING:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Finder())

real_open, real_os_open = builtins.open, os.open

def no_proc(opened):
    def wrapper(path, *args, **kwargs):
        if isinstance(path, (str, bytes)) and os.fsdecode(path).startswith(("/proc", "/sys")):
            raise FileNotFoundError(2, "No such file or directory", path)
        return opened(path, *args, **kwargs)
    return wrapper

builtins.open = no_proc(real_open)
os.open = no_proc(real_os_open)
sys.platform = PLATFORM
'''


@pytest.fixture(name="bare", params=["darwin", "win32"])
def _bare(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The environment of a Python without POSIX."""
    (tmp_path / "sitecustomize.py").write_text(BARE.replace("PLATFORM", repr(request.param)))
    path = pyredis_command()[1]["PYTHONPATH"]
    return {"PYTHONPATH": f"{tmp_path}:{path}", "PYREDIS_LOOP": "asyncio"}


def test_a_life_without_posix(bare: dict[str, str]) -> None:
    arguments = [
        "--appendonly",
        "yes",
        "--enable-debug-command",
        "yes",
        "--logfile",
        "{dir}/log",
        "--save",
        "900 1",
    ]
    arguments += ["--pidfile", "{dir}/pid", "--watchdog-period", "500", "--logfile-max-size", "2000"]
    with PyredisServer(*arguments, env=bare) as server:
        with server.connect() as client:
            for words in (
                ("SET", "a", "1"),
                ("RPUSH", "l", "x"),
                ("EVAL", "return redis.call('INCR', 'a')", "0"),
            ):
                assert not client.command(*words).startswith(b"-")
            for command in ("BGSAVE", "BGREWRITEAOF"):
                assert not client.command(command).startswith(b"-")
                eventually(lambda: info(client, "rdb_bgsave_in_progress") == "0", "it saves")
                eventually(lambda: info(client, "aof_rewrite_in_progress") == "0", "it rewrites")
            assert info(client, "rdb_last_bgsave_status") == info(client, "aof_last_bgrewrite_status") == "ok"
            for section in ("memory", "cpu", "server", "everything"):
                assert not client.command("INFO", section).startswith(b"-")
            assert not client.command("MEMORY", "DOCTOR").startswith(b"-")
            assert client.command("CONFIG", "SET", "oom-score-adj", "yes").startswith(
                b"-ERR CONFIG SET failed"
            )
            client.send(b"*1\r\n$8\r\nSHUTDOWN\r\n")
            assert client.read_until_close() == b""
        assert server.wait() == 0
        server.kill()
        server.start()
        with server.connect() as client:
            assert client.command("GET", "a") == b"$1\r\n2\r\n"
            assert client.command("LRANGE", "l", "0", "-1") == b"*1\r\n$1\r\nx\r\n"
        server.stop()
        text = "".join(path.read_text() for path in server.directory.glob("log*"))
        assert "Traceback" not in text
        assert "bye bye" in text


def test_what_a_system_does_not_have_is_refused(bare: dict[str, str], tmp_path: Path) -> None:
    command, _ = pyredis_command()
    for words in (["--unixsocket", str(tmp_path / "s")], ["--daemonize", "yes", "--port", "0"]):
        done = subprocess.run(
            [*command, *words], env=bare, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stdout + done.stderr
        assert "system" in done.stdout + done.stderr


def test_the_sources_name_no_posix_module_at_their_top() -> None:
    ended = run_to_exit(
        "-c", IMPORT_ALL, command=[sys.executable], directory=str(pyredis_command()[1]["PYTHONPATH"])
    )
    assert ended.code == 0, ended.stderr


IMPORT_ALL: Final = """
import pkgutil, sys
for name in ("resource", "fcntl", "pwd", "grp", "syslog", "termios", "uvloop"):
    sys.modules[name] = None
import pyredis
for module in pkgutil.walk_packages(pyredis.__path__, "pyredis."):
    if not module.name.endswith("__main__"):
        __import__(module.name)
"""
