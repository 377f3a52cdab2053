"""A disk in memory that forgets what was not synced, and breaks when a test says so.

Contents survive a power loss as far as their file was synced, plus any part of what was written since; names survive
as of the last sync of their directory, or as they were when the power went.
"""

from __future__ import annotations

import errno
import io
import os
import random
from typing import BinaryIO

from pyredis.persistence.disk import AppendFile, Disk


class PowerLossError(BaseException):
    """The power went: nothing of the server runs on."""


class _Content:
    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        self.synced = bytes(data)


class FakeFile(AppendFile):
    """A file of a `FakeDisk`."""

    def __init__(self, disk: FakeDisk, content: _Content, path: str) -> None:
        super().__init__(-1, path, len(content.data))
        self.disk = disk
        self.content = content

    def write(self, data: bytes) -> int:
        self.disk.step()
        room = self.disk.room
        if room is not None:
            data = data[:room]
            if not data:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.disk.room = room - len(data)
        self.content.data += data
        self.size += len(data)
        return len(data)

    def sync(self) -> None:
        self.disk.step()
        if self.disk.sync_error is not None:
            raise OSError(errno.EIO, self.disk.sync_error)
        self.content.synced = bytes(self.content.data)

    def truncate(self, size: int) -> None:
        self.disk.step()
        del self.content.data[size:]
        self.size = size

    def close(self) -> None:
        self.disk.open_files -= 1


class FakeDisk(Disk):
    """See the module's text. `steps_left` operations go well before the power goes; None is no end."""

    def __init__(self, files: dict[str, _Content] | None = None) -> None:
        self.files: dict[str, _Content] = files or {}
        self.durable: dict[str, _Content] = dict(self.files)
        self.steps_left: int | None = None
        self.room: int | None = None
        self.sync_error: str | None = None
        self.open_files = 0

    def step(self) -> None:
        """Counts an operation."""
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left < 0:
                raise PowerLossError

    def after_power_loss(self, chance: random.Random) -> FakeDisk:
        """The disk as the machine finds it when the power is back."""
        names = set(self.files) | set(self.durable)
        found: dict[str, _Content] = {}
        for name in sorted(names):
            content = (self.files if chance.random() < 0.5 else self.durable).get(name)
            if content is None:
                continue
            synced, live = content.synced, bytes(content.data)
            if live.startswith(synced):
                tail = live[len(synced) :]
                kept = synced + tail[: chance.randrange(len(tail) + 1)]
            else:
                kept = chance.choice((synced, live))
            found[name] = _Content(kept)
        return FakeDisk(found)

    def open_append(self, path: str) -> AppendFile:
        self.step()
        if path not in self.files:
            self.files[path] = _Content()
        self.open_files += 1
        return FakeFile(self, self.files[path], path)

    def open_read(self, path: str) -> BinaryIO:
        return io.BytesIO(self.read(path))

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        return bytes(self.files[path].data)

    def exists(self, path: str) -> bool:
        return path in self.files

    def size(self, path: str) -> int:
        return len(self.read(path))

    def rename(self, old: str, new: str) -> None:
        self.step()
        self.files[new] = self.files.pop(old)

    def remove(self, path: str) -> None:
        self.step()
        del self.files[path]

    def make_directory(self, path: str) -> None:
        self.step()

    def sync_directory(self, path: str) -> None:
        self.step()
        inside = {name for name in self.files.keys() | self.durable.keys() if os.path.dirname(name) == path}
        for name in inside:
            if name in self.files:
                self.durable[name] = self.files[name]
            else:
                del self.durable[name]
