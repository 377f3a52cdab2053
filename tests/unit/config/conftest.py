"""The real Redis as the oracle of configuration: one that answers CONFIG, and ones that refuse to start."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.process import ServerProcess
from tests.support.servers import find_redis_server
from tests.unit.config.oracle import Oracle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.wire import RawConnection


def _redis_server() -> str:
    program = find_redis_server()
    if program is None:
        pytest.skip("redis-server is not installed")
    return program


@pytest.fixture
def start_oracle() -> Iterator[Callable[..., Oracle]]:
    """Starts a redis-server with more arguments after the port, and a file of the given content before it."""
    running: list[tuple[ServerProcess, RawConnection]] = []

    def start(*args: str, content: bytes | None = None) -> Oracle:
        process = ServerProcess([_redis_server(), "--port", "{port}", *args])
        file = process.directory / "redis.conf"
        if content is not None:
            file.write_bytes(content)
            process.command.insert(1, str(file))
        try:
            process.start()
        except BaseException:
            process.close()
            raise
        connection = process.connect()
        running.append((process, connection))
        return Oracle(connection, file)

    yield start
    for process, connection in running:
        connection.close()
        process.close()


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    """A redis-server with an empty configuration file, shared by the tests of a module."""
    process = ServerProcess([_redis_server(), "{dir}/redis.conf", "--port", "{port}"])
    file = process.directory / "redis.conf"
    file.write_bytes(b"")
    with process, process.connect() as connection:
        yield Oracle(connection, file)


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[..., str]:
    """What redis-server writes to standard error when it refuses its configuration.

    The caller's input must be wrong at the latest in its last line, or the server would start.
    """
    program = _redis_server()

    def refuse(*args: str, stdin: bytes = b"") -> str:
        done = subprocess.run(
            [program, *args],
            input=stdin,
            capture_output=True,
            cwd=tmp_path,
            timeout=5,
            check=False,
            env={"PATH": os.environ.get("PATH", "")},
        )
        assert done.returncode == 1, done.stdout
        return os.fsdecode(done.stderr)

    return refuse
