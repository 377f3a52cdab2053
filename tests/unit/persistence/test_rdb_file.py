"""Saving to a path: the old file or the new one, whatever breaks, and nothing else left behind."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from pyredis.persistence.disk import Disk
from pyredis.persistence.errors import RdbError
from pyredis.persistence.rdb_file import RdbFileLoad, RdbSaver, load, save
from pyredis.persistence.rdb_input import NoSource, RdbInput
from pyredis.persistence.rdb_loader import RdbLoader
from pyredis.persistence.rdb_reader import RdbReader
from tests.support.disk import FakeDisk, PowerLossError
from tests.support.inprocess import InProcess

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/data/dump.rdb"


def server(value: str) -> InProcess:
    made = InProcess()
    made.config.assign("rdbcompression", False)
    made.client().command("RPUSH", "k", *[value * 1000] * 700)
    return made


def content(data: bytes) -> bytes:
    """The first element of the list in a file, all of which is read."""
    other = InProcess()
    reader = RdbReader(RdbInput(NoSource(), data), RdbLoader(other.engine), other.engine)
    reader.begin()
    while reader.step(1):
        pass
    return other.client().command("LINDEX", "k", 0).split(b"\r\n")[1][:1]


@pytest.fixture
def disk() -> FakeDisk:
    made = FakeDisk()
    save(server("a").engine, PATH, made)
    assert list(made.files) == [PATH]
    return made


def test_a_file_replaces_another(disk: FakeDisk) -> None:
    assert save(server("b").engine, PATH, disk) == 1
    assert list(disk.files) == list(disk.durable) == [PATH]
    assert content(disk.read(PATH)) == b"b"
    assert disk.open_files == 0


@pytest.mark.parametrize("room", [0, 5, 100_000, 699_999])
def test_a_full_disk_leaves_the_old_file(disk: FakeDisk, room: int) -> None:
    disk.room = room
    with pytest.raises(OSError, match="No space left"):
        save(server("b").engine, PATH, disk)
    assert list(disk.files) == [PATH]
    assert content(disk.read(PATH)) == b"a"
    assert disk.open_files == 0


def test_a_disk_that_cannot_sync_leaves_the_old_file(disk: FakeDisk) -> None:
    disk.sync_error = "Input/output error"
    with pytest.raises(OSError, match="Input/output error"):
        save(server("b").engine, PATH, disk)
    assert list(disk.files) == [PATH]
    assert content(disk.read(PATH)) == b"a"


def test_power_may_go_at_any_moment(disk: FakeDisk) -> None:
    chance = random.Random(3)
    outcomes = set()
    for steps in range(20):
        trial = FakeDisk(dict(disk.files))
        trial.steps_left = steps
        is_done = False
        try:
            save(server("b").engine, PATH, trial)
            is_done = True
        except PowerLossError:
            pass
        for _ in range(10):
            found = content(trial.after_power_loss(chance).read(PATH))
            assert found == b"b" or (found == b"a" and not is_done)
            outcomes.add((found, is_done))
    assert outcomes == {(b"a", False), (b"b", False), (b"b", True)}


def test_a_save_may_be_abandoned(disk: FakeDisk) -> None:
    saver = RdbSaver(server("b").engine, PATH, disk)
    assert saver.step()
    saver.abandon()
    assert list(disk.files) == [PATH]
    assert disk.open_files == 0


def test_what_an_earlier_process_left_is_no_obstacle(disk: FakeDisk) -> None:
    file = disk.open_append(os.path.dirname(PATH) + f"/temp-{os.getpid()}.rdb")
    file.write(b"rubbish")
    file.close()
    save(server("b").engine, PATH, disk)
    assert list(disk.files) == [PATH]
    assert content(disk.read(PATH)) == b"b"


def test_loading_in_steps(tmp_path: Path) -> None:
    made = InProcess()
    client = made.client()
    for number in range(2500):
        client.command("SET", f"k{number}", "v" * 100)
    path = str(tmp_path / "dump.rdb")
    save(made.engine, path, Disk())
    other = InProcess()
    loading = RdbFileLoad(other.engine, path)
    seen = [0]
    while loading.step(500):
        seen.append(loading.loaded_bytes())
    assert seen == sorted(set(seen))
    assert len(seen) == 6
    assert other.client().command("DBSIZE") == b":2500\r\n"
    assert load(InProcess().engine, path).loaded == 2500


def test_a_file_that_is_missing_or_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(InProcess().engine, str(tmp_path / "none.rdb"))
    (tmp_path / "empty.rdb").write_bytes(b"")
    with pytest.raises(RdbError):
        load(InProcess().engine, str(tmp_path / "empty.rdb"))
