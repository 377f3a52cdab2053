"""A server process that cannot outlive its test.

Three nets catch a child: the context manager, `atexit`, and on Linux the
kernel, which kills it when the parent dies however it dies (PR_SET_PDEATHSIG).
The kernel ties that signal to the *thread* that spawned the child, so it is
armed only from the main thread; elsewhere it would kill servers too early.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from tests.support.wire import RawConnection, WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

PR_SET_PDEATHSIG: Final = 1
LOG_TAIL: Final = 4000
SOCKET_NAME: Final = "server.sock"

_live: set[ServerProcess] = set()
_libc: Any = ctypes.CDLL(None) if sys.platform == "linux" else None


class ServerError(AssertionError):
    """Raised when a server does not start, does not stop, or leaves a fault in its log."""


def _ports_below_the_ephemeral() -> list[int]:
    """Ports under those that Linux takes for outgoing connections; 0, the system's choice, elsewhere."""
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        return [0]
    return list(range(first // 2, first)) if first > 8192 else [0]


def reserve_port() -> tuple[int, socket.socket | None]:
    """Picks a free TCP port, and a socket that keeps other test processes from picking it too.

    `PYREDIS_TEST_PORTS=21300-21399` restricts the choice. Without it the port is one that
    the system never gives to an outgoing connection, so it stays free while a server is off it
    for a moment. The socket is bound but never listens: on Linux a server with SO_REUSEADDR can still take the port,
    while a second `reserve_port` cannot. Other systems refuse such sharing, so
    there the socket is closed at once and None returned.
    """
    first, _, last = os.environ.get("PYREDIS_TEST_PORTS", "").partition("-")
    candidates = list(range(int(first), int(last) + 1)) if last else _ports_below_the_ephemeral()
    random.shuffle(candidates)
    for candidate in candidates:
        holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            holder.bind(("127.0.0.1", candidate))
        except OSError:
            holder.close()
            continue
        port = int(holder.getsockname()[1])
        if sys.platform == "linux":
            # Only after the bind: set before, it would let two reservations share the port.
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            return port, holder
        holder.close()
        return port, None
    raise ServerError(f"no free port in {os.environ.get('PYREDIS_TEST_PORTS')}")


def _child_setup(cpu: int | None) -> Callable[[], None] | None:
    """What the child does between fork and exec: arm the death signal, pin itself to a core."""
    if sys.platform != "linux":
        return None
    parent = os.getpid()
    arm = threading.current_thread() is threading.main_thread()

    def prepare() -> None:
        if arm:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})

    return prepare


class ServerProcess:
    """Any server command that answers PING on a TCP port, with its own directory and log files.

    `{port}` and `{dir}` in the command are replaced. The directory survives
    stop(), kill() and start() again, so a test can crash and restart a server on
    its own data; close() (or leaving the `with`) removes it.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        port: int | None = None,
        env: Mapping[str, str] | None = None,
        cpu: int | None = None,
        ready_timeout: float = 20.0,
    ) -> None:
        self._holder: socket.socket | None = None
        if port is None:
            port, self._holder = reserve_port()
        self.port: int = port
        self.directory = Path(tempfile.mkdtemp(prefix="pyredis-test-"))
        self.command: list[str] = [
            word.replace("{port}", str(port)).replace("{dir}", str(self.directory)) for word in command
        ]
        self.env = None if env is None else {**os.environ, **env}
        self.cpu = cpu
        self.ready_timeout = ready_timeout
        self.startup_seconds: float = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        _live.add(self)

    def __enter__(self) -> Self:
        if self._process is None:
            self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None and self._process is None:
                self.check_log()  # the test has stopped or killed it by itself
            elif error is None:
                self.stop()
            else:
                # The test's own failure comes first; what the server had to say is attached to it.
                error.add_note(f"log of {self.command[0]} on port {self.port}:\n{self.log()[-LOG_TAIL:]}")
                self.kill()
        finally:
            self.close()

    @property
    def pid(self) -> int:
        """The process id; ServerError when it is not running."""
        return self._running().pid

    @property
    def is_running(self) -> bool:
        """Whether the process exists and has not exited."""
        return self._process is not None and self._process.poll() is None

    @property
    def stdout_path(self) -> Path:
        """Where standard output goes, over all starts of this server."""
        return self.directory / "stdout.log"

    @property
    def stderr_path(self) -> Path:
        """Where standard error goes, over all starts of this server."""
        return self.directory / "stderr.log"

    def log(self) -> str:
        """All that the server has written to stdout and then stderr."""
        paths = [path for path in (self.stdout_path, self.stderr_path) if path.exists()]
        return "".join(path.read_text(errors="replace") for path in paths)

    def start(self) -> Self:
        """Starts the process and returns when it answers; `startup_seconds` is how long that took."""
        if self.is_running:
            raise ServerError(f"already running on port {self.port}")
        began = time.perf_counter()
        with self.stdout_path.open("ab") as stdout, self.stderr_path.open("ab") as stderr:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.directory,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                preexec_fn=_child_setup(self.cpu),
            )
        try:
            self._wait_until_ready(began + self.ready_timeout)
        except BaseException:
            self.kill()
            raise
        self.startup_seconds = time.perf_counter() - began
        return self

    def stop(self, timeout: float = 10.0) -> None:
        """Asks for a shutdown (SIGTERM) and requires exit code 0, also of a server that ended by itself."""
        process = self._running(allow_exited=True)
        if process.poll() is None:
            self._ask_to_stop(process)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(f"did not stop within {timeout} s:\n{self.log()[-LOG_TAIL:]}") from None
        self._process = None
        if code != 0:
            raise ServerError(f"exit code {code}:\n{self.log()[-LOG_TAIL:]}")
        self.check_log()

    def kill(self) -> None:
        """Ends the process at once (SIGKILL), as a crash would; no harm if it is gone already."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def wait(self, timeout: float = 10.0) -> int:
        """Waits until the process ends by itself and returns its exit code; stop() still has to be called."""
        try:
            return self._running(allow_exited=True).wait(timeout)
        except subprocess.TimeoutExpired:
            raise ServerError(f"still running after {timeout} s:\n{self.log()[-LOG_TAIL:]}") from None

    def restart(self) -> Self:
        """Stops and starts again on the same port and directory."""
        self.stop()
        return self.start()

    def check_log(self) -> None:
        """Hook for servers whose log must satisfy something; raises ServerError."""

    def close(self) -> None:
        """Kills what still runs and removes the directory."""
        _live.discard(self)
        if os.getpid() != self._owner:
            return
        self.kill()
        if self._holder is not None:
            self._holder.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def connect(self, timeout: float = 5.0) -> RawConnection:
        """A new client connection."""
        return RawConnection("127.0.0.1", self.port, timeout=timeout)

    def connect_unix(self, timeout: float = 5.0) -> RawConnection:
        """A new client on the unix socket, if the command makes one at `{dir}/server.sock`."""
        return RawConnection(path=str(self.directory / SOCKET_NAME), timeout=timeout)

    def cpu_time(self) -> float:
        """User and system seconds used so far by all threads, in steps of a clock tick (10 ms)."""
        # The name in parentheses may hold spaces, so fields count from the last one.
        fields = self._proc("stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))

    def cpu_time_ns(self) -> int:
        """As cpu_time(), in nanoseconds where the kernel counts them; only of threads that still live."""
        total = 0
        for path in self._proc("task").glob("*/schedstat"):
            with contextlib.suppress(OSError):  # a thread that ended since the listing
                total += int(path.read_text().split()[0])
        return total or int(self.cpu_time() * 1e9)

    def rss_bytes(self) -> int:
        """Resident memory."""
        return int(self._proc("statm").read_text().split()[1]) * int(os.sysconf("SC_PAGE_SIZE"))

    def _proc(self, name: str) -> Path:
        return Path("/proc") / str(self.pid) / name

    def _running(self, *, allow_exited: bool = False) -> subprocess.Popen[bytes]:
        if self._process is None or (self._process.poll() is not None and not allow_exited):
            raise ServerError(f"{self.command[0]} is not running on port {self.port}")
        return self._process

    def _ask_to_stop(self, process: subprocess.Popen[bytes]) -> None:
        if sys.platform == "win32":
            # terminate() would be an immediate kill there.
            with contextlib.suppress(OSError, WireError), self.connect() as connection:
                connection.command("SHUTDOWN", "NOSAVE")
        else:
            process.terminate()

    def _wait_until_ready(self, deadline: float) -> None:
        while time.perf_counter() < deadline:
            process = self._process
            if process is None or process.poll() is not None:
                code = None if process is None else process.returncode
                raise ServerError(f"exited with {code} while starting:\n{self.log()[-LOG_TAIL:]}")
            # Any answer means that it serves: -NOAUTH is one, -LOADING is not yet.
            with contextlib.suppress(OSError, WireError), self.connect(timeout=1.0) as connection:
                if not connection.command("PING").startswith(b"-LOADING"):
                    return
            time.sleep(0.001)
        raise ServerError(f"no answer within {self.ready_timeout} s:\n{self.log()[-LOG_TAIL:]}")


@atexit.register
def _close_all() -> None:
    for server in list(_live):
        server.close()
