"""Random commands against the real Redis where it is installed; recorded answers everywhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pyredis.form import COMPILED
from tests.differential import recordings
from tests.differential.machine import Machine, Report, compare
from tests.differential.notifications import EventMachine
from tests.differential.peers import EnginePeer, Peer, SocketPeer
from tests.differential.programs import generators, programs
from tests.differential.propagation import PropagationMachine
from tests.support.servers import PyredisServer, RedisServer, find_redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMANDS = int(os.environ.get("PYREDIS_TEST_DIFFERENTIAL_COMMANDS", "3000"))
SEED = int(os.environ.get("PYREDIS_TEST_DIFFERENTIAL_SEED", "1"))
SLOW = ("geo",)
"""Groups whose requests take long to draw."""
TRANSCRIPTS_MAX = 1 << 20

needs_redis = pytest.mark.skipif(
    find_redis_server() is None,
    reason="redis-server is not installed: only recorded transcripts are replayed",
)


@pytest.fixture(scope="module")
def oracle() -> Iterator[SocketPeer]:
    with RedisServer() as server:
        peer = SocketPeer("127.0.0.1", server.port)
        yield peer
        peer.stop()


def check(ours: Peer, oracle: Peer, groups: list[str], protocol: int, commands: int) -> Report:
    """Runs programs of the groups and fails with all that differed."""
    machine = Machine(ours, oracle, protocol)
    report = compare(machine, programs(groups, SEED, commands, protocol))
    assert report.differences == 0, f"seed {SEED}, RESP{protocol}\n{report.text()}"
    assert (
        report.commands >= commands * 0.8
    )  # a program ends early when QUIT or SPOP end what can be compared
    # A race with a deadline is possible, but if it is frequent nothing is being compared.
    assert report.unstable.total() <= report.programs * 0.05, report.text()
    return report


@needs_redis
@pytest.mark.parametrize("protocol", [2, 3], ids=["resp2", "resp3"])
@pytest.mark.parametrize("group", list(generators()))
def test_group(oracle: SocketPeer, group: str, protocol: int) -> None:
    ours = EnginePeer()
    check(ours, oracle, [group], protocol, COMMANDS // 3 if group in SLOW else COMMANDS)
    ours.stop()


@needs_redis
@pytest.mark.parametrize("protocol", [2, 3], ids=["resp2", "resp3"])
def test_all_groups_mixed(oracle: SocketPeer, protocol: int) -> None:
    ours = EnginePeer()
    check(ours, oracle, [], protocol, COMMANDS)
    ours.stop()


@needs_redis
@pytest.mark.parametrize("protocol", [2, 3], ids=["resp2", "resp3"])
def test_all_groups_over_sockets(oracle: SocketPeer, protocol: int) -> None:
    with PyredisServer("--enable-debug-command", "yes", "--save", "") as server:
        ours = SocketPeer("127.0.0.1", server.port)
        check(ours, oracle, [], protocol, COMMANDS // 2)
        ours.stop()


@needs_redis
def test_all_groups_log_the_same_effects() -> None:
    """What a replica of Redis would get, and what a log or replica of ours gets."""
    with RedisServer("--repl-diskless-sync", "no", "--shutdown-timeout", "0") as server:
        ours, oracle = EnginePeer(), SocketPeer("127.0.0.1", server.port)
        machine = PropagationMachine(ours, oracle)
        report = compare(machine, programs([], SEED, COMMANDS))
        assert report.differences == 0, report.text()
        machine.close()
        ours.stop()
        oracle.stop()


@needs_redis
@pytest.mark.skipif(COMPILED, reason="the engine's listener cannot be replaced in a compiled engine")
def test_all_groups_report_the_same_events() -> None:
    """Keyspace events, by name, key, database and order."""
    with RedisServer() as server:
        ours, oracle = EnginePeer(), SocketPeer("127.0.0.1", server.port)
        machine = EventMachine(ours, oracle)
        report = compare(machine, programs([], SEED, COMMANDS))
        assert report.differences == 0, report.text()
        machine.close()
        ours.stop()
        oracle.stop()


@pytest.mark.parametrize("path", recordings.files(), ids=lambda path: path.stem)
def test_transcript(path: Path) -> None:
    found = recordings.first_difference(recordings.replay(path))
    assert found is None, f"exchange {found[0]}: {found[1].describe()}"


def test_every_group_has_transcripts() -> None:
    wanted = {f"{group}_resp{protocol}" for group in generators() for protocol in (2, 3)}
    assert wanted <= {path.stem for path in recordings.files()}


def test_the_transcripts_stay_small() -> None:
    assert sum(path.stat().st_size for path in recordings.files()) < TRANSCRIPTS_MAX
