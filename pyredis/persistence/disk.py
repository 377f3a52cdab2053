"""The file operations that durability rests on, in one place: a test can make them fail, or forget what was not
synced.

A name is on disk only once its directory has been synced, and the content of a file only once the file has been:
whoever calls decides when.
"""

from __future__ import annotations

import os
import sys
from typing import BinaryIO, Final

from mypy_extensions import mypyc_attr

MODE: Final = 0o644


@mypyc_attr(allow_interpreted_subclasses=True)
class AppendFile:
    """An open file that is only written at its end."""

    def __init__(self, descriptor: int, path: str, size: int) -> None:
        self.descriptor: int = descriptor
        self.path: str = path
        # Bytes in the file.
        self.size: int = size

    def write(self, data: bytes) -> int:
        """Writes at the end; returns how many bytes went in, which may be fewer, or raises `OSError`."""
        written = os.write(self.descriptor, data)
        self.size += written
        return written

    def sync(self) -> None:
        """Returns when the content is on disk; may be called from another thread."""
        if sys.platform == "linux":
            os.fdatasync(self.descriptor)
        else:
            os.fsync(self.descriptor)

    def truncate(self, size: int) -> None:
        """Cuts the end off."""
        os.ftruncate(self.descriptor, size)
        self.size = size

    def close(self) -> None:
        """Closes; what was not synced may still be lost."""
        os.close(self.descriptor)


@mypyc_attr(allow_interpreted_subclasses=True)
class Disk:
    """The file system."""

    def open_append(self, path: str) -> AppendFile:
        """Opens a file to go on writing at its end; creates it when it is missing."""
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), MODE)
        return AppendFile(descriptor, path, os.fstat(descriptor).st_size)

    def read(self, path: str) -> bytes:
        """The whole of a small file."""
        with open(path, "rb") as file:
            return file.read()

    def open_read(self, path: str) -> BinaryIO:
        """Opens a file to be read from its beginning."""
        return open(path, "rb")

    def exists(self, path: str) -> bool:
        """Whether there is a file of that name."""
        return os.path.isfile(path)

    def size(self, path: str) -> int:
        """Bytes in a file."""
        return os.path.getsize(path)

    def rename(self, old: str, new: str) -> None:
        """Gives a file another name in the same file system, replacing what had it, at once or not at all."""
        os.replace(old, new)

    def remove(self, path: str) -> None:
        """Removes a file."""
        os.unlink(path)

    def make_directory(self, path: str) -> None:
        """Creates a directory unless it is there."""
        os.makedirs(path, mode=0o755, exist_ok=True)

    def sync_directory(self, path: str) -> None:
        """Returns when the names in a directory are on disk."""
        if sys.platform == "win32":
            return
        descriptor = os.open(path or ".", os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def replace(self, path: str, data: bytes) -> None:
        """Writes a small file as a whole, on disk when this returns: the old content or the new, never a part."""
        directory, name = os.path.split(path)
        temporary = os.path.join(directory, "temp-" + name)
        if self.exists(temporary):
            self.remove(temporary)
        file = self.open_append(temporary)
        try:
            left = data
            while left:
                left = left[file.write(left) :]
            file.sync()
        finally:
            file.close()
        self.rename(temporary, path)
        self.sync_directory(directory)
