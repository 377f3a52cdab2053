"""What a write leaves in the log, command by command: expected words, and the same from a real server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from pyredis.commands import all_specs
from tests.differential.peers import SocketPeer
from tests.differential.propagation import same_entry
from tests.differential.replica import ReplicaStream
from tests.metamorphic.effects import NAMES_EFFECTS, Sample
from tests.metamorphic.recorder import START_MS, recorded_peer
from tests.support.servers import RedisServer, find_redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = {spec.name for spec in all_specs()}
SAMPLES = [
    pytest.param(sample, id=sample.argv)
    for name, samples in NAMES_EFFECTS.items()
    if name in HERE
    for sample in samples
]
NEWER = ("HEXPIRE", "HPEXPIRE", "HEXPIREAT", "HPEXPIREAT", "HGETDEL", "HGETEX", "HSETEX")


@pytest.mark.parametrize("sample", SAMPLES)
def test_effects(sample: Sample) -> None:
    peer, _, recorder = recorded_peer()
    prepare, argv, effects = sample.at(START_MS)
    for request in prepare:
        assert not peer.control(*request).startswith(b"-"), request
    recorder.units.clear()
    assert not peer.control(*argv).startswith(b"-")
    assert recorder.argvs() == effects


@pytest.mark.parametrize("sample", SAMPLES)
def test_effects_of_a_transaction_come_as_one(sample: Sample) -> None:
    peer, _, recorder = recorded_peer()
    prepare, argv, effects = sample.at(START_MS)
    for request in prepare:
        assert not peer.control(*request).startswith(b"-"), request
    recorder.units.clear()
    for request in ([b"MULTI"], [b"SET", b"other", b"1"], argv, [b"EXEC"]):
        assert not peer.control(*request).startswith(b"-")
    commands = [[b"SET", b"other", b"1"], *effects]
    assert [[argv for _, argv in unit] for _, unit in recorder.units] == [commands]


@pytest.fixture(scope="module")
def redis() -> Iterator[tuple[SocketPeer, ReplicaStream]]:
    if find_redis_server() is None:
        pytest.skip("redis-server is not installed")
    with RedisServer("--repl-diskless-sync", "no", "--shutdown-timeout", "0") as server:
        peer = SocketPeer("127.0.0.1", server.port)
        stream = ReplicaStream("127.0.0.1", server.port)
        yield peer, stream
        stream.close()
        peer.stop()


ALL_SAMPLES = [
    pytest.param(sample, id=sample.argv)
    for name, samples in NAMES_EFFECTS.items()
    if name not in NEWER
    for sample in samples
]


@pytest.mark.parametrize("sample", ALL_SAMPLES)
def test_the_table_is_what_redis_does(redis: tuple[SocketPeer, ReplicaStream], sample: Sample) -> None:
    """The expectations themselves, judged by the real server's replication stream."""
    peer, stream = redis
    start_ms = int(time.time() * 1000)
    prepare, argv, effects = sample.at(start_ms)
    for request in ([b"FLUSHALL"], *prepare, [b"PUBLISH", b"begin", b""]):
        assert not peer.control(*request).startswith(b"-"), request
    stream.commands_until(b"begin")
    assert not peer.control(*argv).startswith(b"-")
    peer.control(b"PUBLISH", b"end", b"")
    found = stream.commands_until(b"end")
    assert len(found) == len(effects), found
    for effect, entry in zip(effects, found, strict=True):
        assert same_entry((0, effect), entry), (found, effects)
