"""The two servers of a comparison, each with several clients whose replies are kept as raw bytes.

A peer is driven in steps: `send` to some clients, then `settle`, after which everything that the step caused
has been received, messages to other clients included. A server with sockets shows no such moment by itself.
The control connection stands in: Redis serves in the order of arrival, so once the control's PING is
answered, what was sent before has been answered too, but for a moment in which replies still travel; the
machine looks again before it complains.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Final

from pyredis.clock import Clock, ManualClock
from pyredis.commands import all_specs
from pyredis.config import load_arguments
from pyredis.engine.engine import Engine, Host
from pyredis.scripting.scripts import LuaScripting
from tests.support.inprocess import Client, encode_command
from tests.support.wire import RawConnection

RECEIVE_SIZE: Final = 1 << 18


class Peer:
    """One server and its clients, numbered from 0; `received` holds what each has got since `clear`."""

    def __init__(self) -> None:
        self.received: list[bytearray] = []
        self.closed: list[bool] = []

    def open(self, count: int, protocol: int) -> None:
        """Replaces all clients with new ones that speak the protocol."""
        self.received = [bytearray() for _ in range(count)]
        self.closed = [False] * count

    def control(self, *argv: bytes) -> bytes:
        """One command on the control connection, which speaks RESP2 and is none of the clients; its raw
        reply."""
        raise NotImplementedError

    def control_many(self, requests: list[list[bytes]]) -> list[bytes]:
        """Several commands on the control connection, one raw reply each."""
        return [self.control(*argv) for argv in requests]

    def send(self, index: int, data: bytes) -> None:
        """Sends raw bytes as one client; to a closed connection they are lost."""
        raise NotImplementedError

    def settle(self, expected: Peer | None) -> None:
        """Receives what the last sends caused; done early when it equals what `expected` got."""
        raise NotImplementedError

    def settle_late(self, expected: Peer, seconds: float) -> None:
        """Waits a while for what `expected` got and this peer has not."""

    def clear(self) -> None:
        """Forgets what has been received."""
        for data in self.received:
            data.clear()

    def equals(self, other: Peer) -> bool:
        """Whether both have received the same and lost the same connections."""
        return self.received == other.received and self.closed == other.closed

    def stop(self) -> None:
        """Lets go of all connections."""


class EnginePeer(Peer):
    """pyredis without sockets; with the machine's clock, as the other server cannot be given ours, unless one
    is given."""

    def __init__(self, clock: Clock | None = None, arguments: tuple[str, ...] = ()) -> None:
        super().__init__()
        config = load_arguments(["--enable-debug-command", "yes", "--save", "", *arguments])
        self.engine: Engine = Engine(config, clock or Clock(), all_specs(), Host())
        self.engine.scripting = LuaScripting(self.engine)
        self.engine.apply_config()
        self.clients: list[Client] = []
        self.controller: Client = Client(self.engine)

    def open(self, count: int, protocol: int) -> None:
        super().open(count, protocol)
        for client in self.clients:
            client.disconnect()
        self.clients = [Client(self.engine) for _ in range(count)]
        if protocol == 3:
            for client in self.clients:
                client.command(b"HELLO", b"3")

    def control(self, *argv: bytes) -> bytes:
        return self.controller.command(*argv)

    def meet(self, key: bytes) -> None:
        """Removes a key that is due from every database, as if a command had looked it up."""
        for database in self.engine.keyspace.databases:
            if database.expires.size:
                database.expire_if_due(key)
        self.engine.flush_propagated()

    def send(self, index: int, data: bytes) -> None:
        if not self.closed[index]:
            self.clients[index].session.receive(data)

    def settle(self, expected: Peer | None) -> None:
        for client in self.clients:
            while client.wire.wants_slice:
                client.wire.wants_slice = False
                client.session.resume()
        for index, client in enumerate(self.clients):
            wire = client.wire
            if wire.sent:
                self.received[index] += wire.sent
                wire.sent.clear()
            if wire.is_closed and not self.closed[index]:
                self.closed[index] = True
                client.disconnect()

    def stop(self) -> None:
        for client in [*self.clients, self.controller]:
            client.disconnect()


def manual_peer(arguments: tuple[str, ...] = ()) -> tuple[EnginePeer, ManualClock]:
    """An engine whose clock only the caller moves."""
    clock = ManualClock()
    return EnginePeer(clock, arguments), clock


class SocketPeer(Peer):
    """A server behind a TCP port, be it redis-server or pyredis."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self.host = host
        self.port = port
        self.sockets: list[socket.socket] = []
        self.controller = RawConnection(host, port, timeout=20.0)

    def open(self, count: int, protocol: int) -> None:
        super().open(count, protocol)
        for sock in self.sockets:
            sock.close()
        self.sockets = []
        for _ in range(count):
            sock = socket.create_connection((self.host, self.port), 10.0)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if protocol == 3:
                sock.sendall(encode_command(b"HELLO", b"3"))
                greeting = b""
                while not greeting.endswith(b"\r\nmodules\r\n*0\r\n"):
                    data = sock.recv(RECEIVE_SIZE)
                    if not data:
                        raise ConnectionError(f"no RESP3 greeting: {greeting!r}")
                    greeting += data
            self.sockets.append(sock)
        # So that both servers have seen the clients that are gone leave, before anything counts them.
        self.controller.command(b"PING")
        for sock in self.sockets:
            sock.setblocking(False)

    def control(self, *argv: bytes) -> bytes:
        return self.controller.command(*argv)

    def control_many(self, requests: list[list[bytes]]) -> list[bytes]:
        return self.controller.pipeline(requests)

    def send(self, index: int, data: bytes) -> None:
        if self.closed[index]:
            return
        sock = self.sockets[index]
        view = memoryview(data)
        with contextlib.suppress(ConnectionError):
            while view:
                try:
                    view = view[sock.send(view) :]
                except BlockingIOError:
                    self._drain()

    def settle(self, expected: Peer | None) -> None:
        if expected is not None:
            deadline = time.perf_counter() + 0.002
            while time.perf_counter() < deadline:
                self._drain()
                if self.equals(expected):
                    return
                if any(len(a) > len(b) for a, b in zip(self.received, expected.received, strict=True)):
                    break
        # Twice, since of the replies that Redis has ready at one time the last come out first.
        self.controller.command(b"PING")
        self.controller.command(b"PING")
        self._drain()

    def settle_late(self, expected: Peer, seconds: float) -> None:
        deadline = time.perf_counter() + seconds
        while not self.equals(expected) and time.perf_counter() < deadline:
            time.sleep(0.001)
            self._drain()
            if self.closed == expected.closed and self._has_as_much_as(expected):
                return

    def stop(self) -> None:
        for sock in self.sockets:
            sock.close()
        self.controller.close()

    def _has_as_much_as(self, expected: Peer) -> bool:
        return all(
            len(ours) >= len(theirs) for ours, theirs in zip(self.received, expected.received, strict=True)
        )

    def _drain(self) -> None:
        for index, sock in enumerate(self.sockets):
            while not self.closed[index]:
                try:
                    data = sock.recv(RECEIVE_SIZE)
                except BlockingIOError:
                    break
                except ConnectionError:
                    data = b""
                if not data:
                    self.closed[index] = True
                    break
                self.received[index] += data
                if len(data) < RECEIVE_SIZE:
                    break
