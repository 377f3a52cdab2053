"""CONFIG of a running redis-server, as the tests compare it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.wire import RawConnection, decode

if TYPE_CHECKING:
    from pathlib import Path

ORACLE_VERSION = "7.0.15"


class Oracle:
    """CONFIG commands against a running redis-server; errors come back as their text."""

    def __init__(self, connection: RawConnection, file: Path) -> None:
        self.connection = connection
        self.file = file

    def get(self, *patterns: bytes) -> dict[bytes, bytes]:
        """CONFIG GET, whose order means nothing."""
        items = decode(self.connection.command("CONFIG", "GET", *patterns))
        assert isinstance(items, list)
        flat = [item for item in items if isinstance(item, bytes)]
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def set(self, *words: bytes) -> bytes:
        """CONFIG SET: `OK` or the text of the error."""
        return self.connection.command("CONFIG", "SET", *words).strip()[1:]

    def rewrite(self) -> bytes:
        """CONFIG REWRITE of the file it was started with: `OK` or the text of the error."""
        return self.connection.command("CONFIG", "REWRITE").strip()[1:]

    def users(self) -> list[bytes]:
        """The ACL users as a configuration file lists them."""
        items = decode(self.connection.command("ACL", "LIST"))
        assert isinstance(items, list)
        return [item for item in items if isinstance(item, bytes)]
