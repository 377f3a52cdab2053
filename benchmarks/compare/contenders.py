"""The servers that take part, and how each is started: without persistence, pinned, on a free port."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from benchmarks.peers import PEERS, Peer
from tests.support.process import ServerError, ServerProcess
from tests.support.servers import REPOSITORY, RedisServer, resolve_program

if TYPE_CHECKING:
    from collections.abc import Callable

OURS: Final = "pyredis"
REDIS: Final = "redis"
INTERPRETED: Final = "interpreted"
"""Ours once more, not compiled, in the place of a peer."""
WITHOUT_PERSISTENCE: Final = ("--save", "", "--appendonly", "no")


@dataclass(frozen=True)
class Contender:
    """A server under measurement; `make` returns a process that is not started yet."""

    name: str
    make: Callable[[], ServerProcess]
    version: str = ""


def redis_contender(cpu: int | None) -> Contender:
    """The real redis-server."""
    return Contender(REDIS, lambda: RedisServer(cpu=cpu))


def peer_contender(name: str, python: str, cpu: int | None) -> Contender:
    """Ours, run by the given interpreter, or one of benchmarks.peers; ServerError when its package is missing."""
    if name == INTERPRETED:
        return replace(interpreted_contender(python, cpu), name=INTERPRETED)
    peer: Peer = PEERS[name]
    if peer.version is None:
        raise ServerError(f"the package {peer.distribution} is not installed")
    return Contender(name, lambda: peer.process(cpu), peer.version)


def interpreted_contender(python: str, cpu: int | None) -> Contender:
    """This tree, run by the given interpreter."""
    return _pyredis([*resolve_program(python), "-m", "pyredis"], str(REPOSITORY), is_compiled=False, cpu=cpu)


def compiled_contender(command_line: str, cpu: int | None) -> Contender:
    """An installed build; the tree is kept off its path, where it would shadow the compiled modules."""
    return _pyredis(resolve_program(command_line), "", is_compiled=True, cpu=cpu)


def _pyredis(program: list[str], python_path: str, *, is_compiled: bool, cpu: int | None) -> Contender:
    """Ours, once its own `--version` has confirmed the form: a wrong label would spoil the record."""
    env = {**os.environ, "PYTHONPATH": python_path}
    command = [*program, "--version"]
    try:
        # Not in this tree: the current directory would come before the installed package.
        done = subprocess.run(
            command, capture_output=True, text=True, env=env, cwd=os.sep, timeout=30, check=False
        )
    except OSError as error:
        raise ServerError(f"{program[0]}: {error}") from None
    version = done.stdout.strip()
    if done.returncode != 0 or ("compiled" in version) != is_compiled:
        wanted = "compiled" if is_compiled else "interpreted"
        raise ServerError(f"{program[0]} is not the {wanted} form: {version or done.stderr.strip()[-500:]}")
    words = [*program, "--port", "{port}", *WITHOUT_PERSISTENCE]
    return Contender(
        OURS,
        lambda: ServerProcess(words, env={"PYTHONPATH": python_path}, cpu=cpu),
        version.removeprefix("pyredis "),
    )


def command_contender(command_line: str, cpu: int | None) -> Contender:
    """Any command that serves `{port}`, in the place of ours."""
    command = resolve_program(command_line)
    if "{port}" not in command_line:
        command += ["--port", "{port}", *WITHOUT_PERSISTENCE]
    return Contender(OURS, lambda: ServerProcess(command, cpu=cpu))


def info_fields(process: ServerProcess) -> dict[str, str]:
    """The fields of INFO server; empty for a server that has no INFO."""
    with process.connect() as connection:
        reply = connection.command("INFO", "server")
    lines = reply.decode(errors="replace").split("\r\n")
    return {name: value for name, separator, value in (line.partition(":") for line in lines) if separator}


def redis_benchmark_version() -> str:
    """The first line of `redis-benchmark --version`."""
    program = shutil.which("redis-benchmark")
    if program is None:
        raise ServerError("redis-benchmark is not installed")
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
