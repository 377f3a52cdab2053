"""Reads what a real redis-server propagates, by posing as its replica."""

from __future__ import annotations

import socket
from typing import Final

from tests.support.wire import ReplySplitter, WireError, decode

Argv = list[bytes]

QUIET: Final = frozenset((b"PING", b"REPLCONF"))
"""Commands of the stream that change nothing."""


class ReplicaStream:
    """The replication stream of a redis-server, from the moment of the connection on.

    The server must be started with `--repl-diskless-sync no`, or else it waits for more replicas before it
    begins.
    """

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), 10.0)
        self._splitter = ReplySplitter()
        self.database = 0
        self._socket.sendall(b"SYNC\r\n")
        head = b""
        while not (head.startswith(b"$") and head.endswith(b"\r\n")):
            byte = self._socket.recv(1)
            if not byte:
                raise WireError("the server refused SYNC")
            head = (head + byte).lstrip(b"\n")
        size = int(head[1:-2])
        while size:
            size -= len(self._socket.recv(min(size, 1 << 16)))

    def commands_until(self, marker: bytes) -> list[tuple[int, Argv]]:
        """The commands, each with its database, up to `PUBLISH <marker> ...`.

        The caller has sent that to the server, which propagates it, too.
        """
        found: list[tuple[int, Argv]] = []
        while True:
            reply = self._splitter.next_reply()
            if reply is None:
                data = self._socket.recv(1 << 16)
                if not data:
                    raise WireError("the server closed the replication stream")
                # Newlines keep an idle link alive.
                self._splitter.feed(data if self._splitter.unread() else data.lstrip(b"\n"))
                continue
            argv = decode(reply)
            assert isinstance(argv, list), argv
            words = [word for word in argv if isinstance(word, bytes)]
            name = words[0].upper()
            if name == b"PUBLISH" and words[1] == marker:
                return found
            if name == b"SELECT":
                self.database = int(words[1])
            elif name not in QUIET:
                found.append((self.database, [name, *words[1:]]))

    def close(self) -> None:
        """Leaves."""
        self._socket.close()
