"""A log that is cut short or damaged is loaded as far as it is good, or refused with a message; nothing else."""

from __future__ import annotations

import os
import random

import pytest

from pyredis.persistence.aof import AofError
from pyredis.persistence.aof_load import AofLoader, AofLoadError
from tests.support.disk import FakeDisk
from tests.support.logged import LoggedServer
from tests.support.wire import decode

MUTATIONS = int(os.environ.get("PYREDIS_TEST_MUTATIONS", "3000"))
BASE = "appendonlydir/appendonly.aof.2.base.rdb"
INCREMENT = "appendonlydir/appendonly.aof.2.incr.aof"
MANIFEST = "appendonlydir/appendonly.aof.manifest"


def a_log() -> dict[str, bytes]:
    """The files of a log with a snapshot, single commands and transactions."""
    disk = FakeDisk()
    logged = LoggedServer(disk)
    client = logged.client()
    for line in (
        "SET string value", "RPUSH list a b c", "HSET hash f v", "SADD set x y", "ZADD zset 1 a", "XADD stream 1-1 f v",
        "SET n 1 PX 100000",
    ):  # fmt: skip
        client.command(*line.split())
    logged.round()
    logged.rewrite()
    for number in range(5):
        client.command("RPUSH", "log", number)
    client.send(b"MULTI\r\nRPUSH log 5\r\nRPUSH log 6\r\nEXEC\r\n")
    client.command("RPUSH", "log", "7")
    logged.round()
    directory = os.path.dirname(logged.files.path("x"))
    return {os.path.relpath(name, os.path.dirname(directory)): disk.read(name) for name in disk.files}


LOG = a_log()


def load(files: dict[str, bytes]) -> LoggedServer:
    """Starts a server on files; raises what stops it."""
    disk = FakeDisk()
    probe = LoggedServer(FakeDisk())
    for name, data in files.items():
        file = disk.open_append(os.path.join(probe.files.parent, name))
        file.write(data)
        file.close()
    return LoggedServer(disk)


def logged_numbers(logged: LoggedServer) -> list[int]:
    reply = decode(logged.client().command("LRANGE", "log", "0", "-1"))
    assert isinstance(reply, list)
    return [int(member) for member in reply if isinstance(member, bytes)]


def test_the_whole() -> None:
    assert set(LOG) == {BASE, INCREMENT, MANIFEST}
    logged = load(LOG)
    assert logged_numbers(logged) == list(range(8))
    assert logged.client().command("DBSIZE") == b":8\r\n"


def test_every_prefix_of_an_increment() -> None:
    whole = LOG[INCREMENT]
    lengths = set()
    for size in range(len(whole) + 1):
        numbers = logged_numbers(load({**LOG, INCREMENT: whole[:size]}))
        assert numbers == list(range(len(numbers)))
        lengths.add(len(numbers))
    assert lengths == {0, 1, 2, 3, 4, 5, 7, 8}


def test_every_prefix_of_a_base_is_refused() -> None:
    whole = LOG[BASE]
    for size in range(1, len(whole)):
        with pytest.raises(AofLoadError, match=r"base\.rdb"):
            load({**LOG, BASE: whole[:size]})


def test_every_prefix_of_a_manifest() -> None:
    whole = LOG[MANIFEST]
    line = whole.index(b"\n") + 1
    for size in range(len(whole)):
        if size == line:
            continue  # a manifest of the base alone, and a good one
        with pytest.raises(AofError, match="MANIFEST"):
            load({**LOG, MANIFEST: whole[:size]})


@pytest.mark.parametrize("name", [BASE, INCREMENT, MANIFEST])
def test_damage(name: str) -> None:
    """Any bytes changed, removed, put in or doubled."""
    chance = random.Random(5)
    outcomes = {"loaded": 0, "refused": 0}
    for _ in range(MUTATIONS // 3):
        data = bytearray(LOG[name])
        for _ in range(chance.randrange(1, 4)):
            place = chance.randrange(len(data))
            kind = chance.randrange(4)
            if kind == 0:
                data[place] = chance.randrange(256)
            elif kind == 1:
                del data[place : place + chance.randrange(1, 10)]
            elif kind == 2:
                data[place:place] = chance.randbytes(chance.randrange(1, 10))
            else:
                data[place:place] = data[place : place + chance.randrange(1, 20)]
            if not data:
                data += b"x"
        try:
            load({**LOG, name: bytes(data)})
            outcomes["loaded"] += 1
        except (AofLoadError, AofError):
            outcomes["refused"] += 1
    assert outcomes["refused"] > 0
    if name == INCREMENT:
        assert outcomes["loaded"] > 0


def test_how_far_loading_has_come_is_told() -> None:
    disk = FakeDisk()
    probe = LoggedServer(FakeDisk())
    for name, data in LOG.items():
        file = disk.open_append(os.path.join(probe.files.parent, name))
        file.write(data)
        file.close()
    probe.files.disk = disk
    probe.files.read_manifest()
    engine = probe.server.engine
    loader = AofLoader(engine, disk, probe.files.directory, probe.files.manifest)
    engine.begin_loading()
    total = len(LOG[BASE]) + len(LOG[INCREMENT])
    seen: list[int] = []
    used: set[bytes] = set()
    is_complete = False
    while not is_complete:
        is_complete = loader.step(-1.0)
        lines = dict(
            line.split(b":") for line in probe.client().command("INFO", "persistence").split(b"\r\n")[2:-2]
        )
        assert int(lines[b"loading_total_bytes"]) == total
        assert int(lines[b"loading_start_time"]) == engine.clock.now_ms // 1000
        seen.append(int(lines[b"loading_loaded_bytes"]))
        used.add(lines[b"loading_rdb_used_mem"])
    assert seen == sorted(seen)
    assert 0 < seen[0] <= len(LOG[BASE]) < seen[-1] == total
    assert len(used - {b"0"}) == 1, "what the snapshot says of itself"
    engine.end_loading()
    assert engine.saving.loaded_keys == 7
