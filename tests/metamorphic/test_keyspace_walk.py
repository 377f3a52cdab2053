"""A snapshot taken between the commands of clients holds the keyspace of the moment at which it began."""

from __future__ import annotations

import random
from typing import Final

import pytest

from pyredis.clock import ManualClock
from pyredis.datatypes.hash_table import HashTable
from pyredis.datatypes.hash_value import HashValue
from pyredis.datatypes.stream import Stream
from pyredis.persistence.dump_payload import dump
from pyredis.persistence.keyspace_walk import KeyspaceWalk
from pyredis.persistence.rdb_file import FileSink
from pyredis.persistence.rdb_loader import load_all
from tests.differential.peers import EnginePeer
from tests.differential.programs import generators, programs
from tests.metamorphic.test_replay import logged
from tests.support.disk import FakeDisk
from tests.support.inprocess import encode_command
from tests.unit.persistence.test_rdb_reader import Pieces

COMMANDS: Final = 600
SHARD: Final = 4
"""Keys at which a shard is split: small, so that a walk has many steps."""

FILE: Final = "walked.rdb"
GROUPS = pytest.mark.parametrize("group", list(generators()))


class Walked:
    """A snapshot of a peer, and what it has to hold."""

    def __init__(self, peer: EnginePeer) -> None:
        self.peer = peer
        self.disk = FakeDisk()
        self.digest = peer.control(b"DEBUG", b"DIGEST")
        self.details = details(peer)
        self.walk = KeyspaceWalk(peer.engine, FileSink(self.disk.open_append(FILE), False))
        self.is_running = True

    def step(self) -> None:
        self.is_running = self.is_running and self.walk.step()

    def check(self) -> None:
        """Finishes the snapshot, loads it and compares."""
        while self.is_running:
            self.step()
        assert not any(database.keeper for database in self.peer.engine.keyspace.databases)
        copy = EnginePeer(ManualClock())
        # What was past its deadline already is no part of the digest, but of the file.
        copy.engine.clock.now_ms = 0
        load_all(copy.engine, Pieces(self.disk.read(FILE), 1 << 16, True))
        assert copy.control(b"DEBUG", b"DIGEST") == self.digest
        assert details(copy) == self.details
        for peer in (copy, self.peer):
            for database in peer.engine.keyspace.databases:
                database.check()


def details(peer: EnginePeer) -> dict[tuple[int, bytes], tuple[int, bytes]]:
    """What the digest leaves out: deadlines, of keys and of fields, and the groups of streams."""
    found: dict[tuple[int, bytes], tuple[int, bytes]] = {}
    for database in peer.engine.keyspace.databases:
        for key, value in database.values.items():
            more = b""
            if isinstance(value, Stream):
                more = dump(peer.engine, value)
            elif isinstance(value, HashValue) and value.deadlines is not None:
                more = repr(
                    [(field, value.deadline(field)) for field in sorted(value.deadlines.in_order())]
                ).encode()
            found[database.index, key] = database.deadline(key), more
    return found


def peer_with_keys(keys: int, shard: int = SHARD) -> tuple[EnginePeer, ManualClock]:
    """A peer with keys of all types and deadlines, in small shards."""
    clock = ManualClock()
    peer = EnginePeer(clock)
    for database in peer.engine.keyspace.databases:
        database.values = HashTable(shard)
    for number in range(keys):
        name = b"key:%d" % number
        for argv in (
            [b"SET", name, b"value"],
            [b"RPUSH", b"l" + name, b"a", b"b"],
            [b"SADD", b"s" + name, b"1", b"x"],
            [b"HSET", b"h" + name, b"f", b"v"],
            [b"ZADD", b"z" + name, b"1", b"m"],
            [b"XADD", b"x" + name, b"1-1", b"f", b"v"],
            [b"SET", b"e" + name, b"v", b"PX", b"%d" % (1000 + number)],
        ):
            peer.control(*argv)
    return peer, clock


def walked_group(group: str, seed: int, rng: random.Random) -> int:
    """Programs of a group while snapshots are taken, one after the other; returns how many were."""
    snapshots = 0
    for program in logged(group, seed, COMMANDS):
        peer, clock = peer_with_keys(2)
        peer.open(3, 2)
        walked: Walked | None = None
        for step in program:
            if walked is None and rng.random() < 0.3:
                walked = Walked(peer)
            if walked is not None and rng.random() < 0.3:
                walked.step()
            clock.advance(rng.choice((0, 0, 1, 100, 2000)))
            peer.send(step.client, b"".join([encode_command(*argv) for argv in step.requests]))
            peer.settle(None)
            if rng.random() < 0.1:
                for database in peer.engine.keyspace.databases:
                    database.expire_due(10)
            if walked is not None and rng.random() < 0.1:
                walked.check()
                snapshots += 1
                walked = None
        if walked is not None:
            walked.check()
            snapshots += 1
    return snapshots


@GROUPS
def test_commands_between_the_steps(group: str) -> None:
    assert walked_group(group, 31, random.Random(31)) > 10


def test_whole_databases() -> None:
    """Flushed, exchanged and refilled, over and over."""
    rng = random.Random(32)
    actions = (
        [b"FLUSHALL"], [b"FLUSHDB"], [b"FLUSHALL", b"ASYNC"], [b"SWAPDB", b"0", b"1"], [b"SWAPDB", b"1", b"2"],
        [b"SELECT", b"0"], [b"SELECT", b"1"], [b"MOVE", b"key:1", b"2"], [b"DEL", b"key:2"], [b"SET", b"key:1", b"new"],
        [b"COPY", b"key:3", b"new", b"DB", b"1"], [b"RENAME", b"lkey:1", b"lkey:0"], [b"RPUSH", b"lkey:0", b"c"],
        [b"RPUSH", b"lkey:1", b"c"], [b"EVAL", b"redis.call('del', 'key:0')", b"0"],
        [b"EVAL", b"redis.call('set', 'undeclared', '1')", b"0"],
        [b"PEXPIRE", b"key:4", b"10"], [b"PERSIST", b"ekey:4"], [b"DEBUG", b"POPULATE", b"30"],
    )  # fmt: skip
    for _ in range(60):
        peer, clock = peer_with_keys(8)
        peer.open(1, 2)
        walked = Walked(peer)
        for _ in range(rng.randrange(40)):
            peer.send(0, encode_command(*rng.choice(actions)))
            clock.advance(rng.choice((0, 1, 5)))
            if rng.random() < 0.5:
                walked.step()
            while rng.random() < 0.1 and peer.engine.keyspace.lazy_free.has_work():
                peer.engine.keyspace.lazy_free.step()
        walked.check()
        while peer.engine.keyspace.lazy_free.has_work():
            peer.engine.keyspace.lazy_free.step()
        assert peer.engine.keyspace.lazy_free.pending == 0


def test_shards_that_split_and_merge_meanwhile() -> None:
    rng = random.Random(33)
    for _ in range(20):
        peer, _ = peer_with_keys(0, 32)
        for number in range(200):
            peer.control(b"SET", b"old:%d" % number, b"%d" % number)
        walked = Walked(peer)
        is_growing = False
        while walked.is_running:
            walked.step()
            for _ in range(rng.randrange(100)):
                if is_growing:
                    peer.control(b"SET", b"new:%d" % rng.randrange(1000), b"v")
                else:
                    peer.control(b"DEL", b"old:%d" % rng.randrange(200))
            is_growing = is_growing != (rng.random() < 0.1)
        walked.check()


def test_every_group_in_one_keyspace() -> None:
    rng = random.Random(34)
    peer, clock = peer_with_keys(20)
    peer.open(3, 2)
    walked = Walked(peer)
    for program in programs([], 34, 4000):
        for step in program:
            requests = [argv for argv in step.requests if argv[0].upper() not in (b"DEBUG", b"CLIENT")]
            peer.send(step.client, b"".join([encode_command(*argv) for argv in requests]))
            peer.settle(None)
            clock.advance(rng.choice((0, 1, 10)))
            if rng.random() < 0.05:
                walked.step()
        if not walked.is_running or rng.random() < 0.1:
            walked.check()
            walked = Walked(peer)
    walked.check()


def test_a_failing_disk_ends_the_snapshot_and_no_command() -> None:
    peer, _ = peer_with_keys(40)
    for number in range(8):
        peer.control(b"SET", b"large:%d" % number, random.Random(number).randbytes(300_000))
    walked = Walked(peer)
    walked.disk.room = 0
    for number in range(8):
        assert peer.control(b"APPEND", b"large:%d" % number, b"y") == b":300001\r\n"
    assert walked.walk.error is not None
    with pytest.raises(OSError, match="No space left"):
        walked.walk.step()
    walked.walk.abandon()
    assert not any(database.keeper for database in peer.engine.keyspace.databases)
    assert peer.control(b"SET", b"key:1", b"v") == b"+OK\r\n"
