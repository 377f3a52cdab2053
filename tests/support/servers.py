"""The two servers that tests talk to: pyredis itself and the real Redis it is compared with.

Both are processes of their own, in a temporary directory, on a free port, and
both are gone when the test is (see `process`). Which build of pyredis runs is
the environment's choice, so one suite serves the interpreted and compiled forms:

    PYREDIS_TEST_PYTHON=/venv/bin/python     that interpreter, with the package installed in it
    PYREDIS_TEST_COMMAND="/venv/bin/pyredis" any command; it is given the same arguments
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.process import LOG_TAIL, SOCKET_NAME, ServerError, ServerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY: Final = Path(__file__).resolve().parents[2]
FAULTS: Final = re.compile(
    r"Traceback|Unhandled|Task exception|Exception ignored|was never (?:awaited|retrieved)"
)


def find_redis_server() -> str | None:
    """The path of an installed redis-server, or None: tests that need the oracle then skip."""
    return shutil.which("redis-server")


def resolve_program(command: str) -> list[str]:
    """Splits a command line, its program made absolute: servers run in another directory.

    Symbolic links stay as they are, because a virtual environment's python finds its packages by them.
    """
    words = shlex.split(command)
    if words and os.sep in words[0]:
        words[0] = os.path.abspath(words[0])
    return words


def pyredis_command() -> tuple[list[str], dict[str, str]]:
    """The command that starts pyredis, and what it needs in its environment."""
    if command := os.environ.get("PYREDIS_TEST_COMMAND"):
        return resolve_program(command), {}
    if python := os.environ.get("PYREDIS_TEST_PYTHON"):
        return [*resolve_program(python), "-m", "pyredis"], {}
    # Only here: with an override, the path would put this tree before the installed build.
    inherited = os.environ.get("PYTHONPATH")
    path = str(REPOSITORY) if not inherited else f"{REPOSITORY}{os.pathsep}{inherited}"
    return [sys.executable, "-m", "pyredis"], {"PYTHONPATH": path}


class RedisServer(ServerProcess):
    """The oracle: a real redis-server without persistence, with DEBUG; extra arguments override these."""

    def __init__(
        self, *args: str, port: int | None = None, unix_socket: bool = False, cpu: int | None = None
    ) -> None:
        program = find_redis_server()
        if program is None:
            raise ServerError("redis-server is not installed")
        command = [program, "--port", "{port}", "--save", "", "--appendonly", "no"]
        command += ["--enable-debug-command", "yes", "--dir", "{dir}"]
        if unix_socket:
            command += ["--unixsocket", f"{{dir}}/{SOCKET_NAME}"]
        super().__init__([*command, *args], port=port, cpu=cpu)


class PyredisServer(ServerProcess):
    """pyredis as its users run it; stopping it also requires that nothing went wrong unnoticed.

    The directory is the working directory, so files it writes by default land there.
    """

    def __init__(
        self,
        *args: str,
        port: int | None = None,
        unix_socket: bool = False,
        env: Mapping[str, str] | None = None,
        cpu: int | None = None,
    ) -> None:
        command, needed = pyredis_command()
        command += ["--port", "{port}"]
        if unix_socket:
            command += ["--unixsocket", f"{{dir}}/{SOCKET_NAME}"]
        # Unbuffered, so that the log of a killed server is complete.
        merged = {"PYTHONUNBUFFERED": "1", **needed, **(env or {})}
        super().__init__([*command, *args], port=port, env=merged, cpu=cpu)

    def check_log(self) -> None:
        """Fails if an exception, unawaited coroutine or unretrieved task exception was logged."""
        log = self.log()
        if fault := FAULTS.search(log):
            begin = max(0, fault.start() - 500)
            raise ServerError(f"{fault.group()!r} in the server's log:\n{log[begin : begin + LOG_TAIL]}")
