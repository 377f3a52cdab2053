"""The sockets that accept: every `bind` address, once plain and once with TLS, and the unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis.config import Config
from pyredis.engine.engine import Listener
from pyredis.server.log import log

if TYPE_CHECKING:
    from pyredis.server.transport import Connection


Factory = Callable[[str], "Callable[[], Connection]"]
"""Makes what asyncio calls for each connection accepted on a listener of that kind."""


class ListenError(Exception):
    """No socket could be opened; the text is what Redis logs before it exits."""


class PortListener:
    """The listening sockets of one port, `tcp` or `tls`: one for each `bind` address."""

    def __init__(self, kind: str, directive: str, config: Config, factory: Factory) -> None:
        self.kind: str = kind
        self.directive: str = directive
        self.config: Config = config
        self.factory: Factory = factory
        self.servers: list[asyncio.AbstractServer] = []
        # Bound sockets that the loop does not accept on yet, and what they and the servers were opened for.
        self.waiting: list[socket.socket] = []
        self.port: int = 0
        self.addresses: list[str] = []
        self.wanted: tuple[int, list[str]] = (0, [])
        self.generation: int = 0
        self.accepting: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listens on the port configured, where 0 takes a free one, or raises `ListenError`."""
        self.wanted = (self.config.get_int(self.directive), self.config.bind())
        self._bind(self.wanted[0], self.wanted[1])
        await self._accept_waiting()

    def follow_config(self) -> bool:
        """Moves to the port and addresses now configured; false when it has to stay where it was.

        Connections live on. Port 0 ends it. The old sockets close first, as some of them may be wanted again.
        """
        wanted = (self.config.get_int(self.directive), self.config.bind())
        if wanted == self.wanted:
            return True
        # A free port that the system chose is kept when only the addresses change.
        port = wanted[0] or (self.port if self.wanted[0] == 0 else 0)
        old_port, old_addresses = self.port, self.addresses
        self.close()
        is_moved = True
        try:
            if port != 0:
                self._bind(port, wanted[1])
            self.wanted = wanted
        except ListenError:
            is_moved = False
            self.addresses = old_addresses
            if old_port != 0:
                with contextlib.suppress(ListenError):
                    self._bind(old_port, old_addresses)
        self.accepting = asyncio.get_running_loop().create_task(self._accept_waiting())
        return is_moved

    def close(self) -> None:
        """Stops accepting."""
        self.generation += 1
        for server in self.servers:
            server.close()
        for listener in self.waiting:
            listener.close()
        self.servers = []
        self.waiting = []
        self.port = 0

    async def _accept_waiting(self) -> None:
        """Has the loop accept on the bound sockets; clients have been able to connect since they were bound."""
        loop = asyncio.get_running_loop()
        backlog = self.config.get_int("tcp-backlog")
        generation = self.generation
        while self.waiting and generation == self.generation:
            listener = self.waiting.pop(0)
            factory = self.factory(self.kind)
            server = await loop.create_server(factory, sock=listener, backlog=backlog, start_serving=False)  # type: ignore[arg-type]
            # asyncio's `start_serving` lets the loop go round once: by then another move may have to close this server.
            self.servers.append(server)
            await server.start_serving()

    def _bind(self, port: int, addresses: list[str]) -> None:
        """One socket for each address, of which one marked `-` may be missing from the machine."""
        self.port = port
        self.addresses = addresses
        try:
            self.waiting = self._tcp_sockets(self.config.get_int("tcp-backlog"))
        except ListenError:
            self.port = 0
            raise

    def _tcp_sockets(self, backlog: int) -> list[socket.socket]:
        sockets: list[socket.socket] = []
        for address in self.addresses:
            is_optional = address.startswith("-")
            host = address.lstrip("-")
            is_ipv6 = ":" in host
            host = host.replace("::*", "::").replace("*", "0.0.0.0")
            try:
                sockets.append(self._tcp_socket(host, is_ipv6, backlog))
            except OSError as error:
                where = f"{host}:{self.port}: bind: {error.strerror}"
                log.warning("Warning: Could not create server TCP listening socket %s", where)
                if not is_optional or error.errno not in _ABSENT:
                    for listener in sockets:
                        listener.close()
                    raise ListenError(
                        f"Failed listening on port {self.port} ({self.kind}), aborting."
                    ) from error
        if not sockets:
            raise ListenError(f"Failed listening on port {self.port} ({self.kind}), aborting.")
        return sockets

    def _tcp_socket(self, host: str, is_ipv6: bool, backlog: int) -> socket.socket:
        listener = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_STREAM)
        try:
            if os.name == "posix":  # on Windows it would let a second server listen on the same port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if is_ipv6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((host, self.port))
            listener.listen(backlog)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
        if self.port == 0:
            self.port = listener.getsockname()[1]
        return listener


class Listeners:
    """Opens and closes the listening sockets that the configuration asks for."""

    def __init__(self, config: Config, factory: Factory) -> None:
        self.config: Config = config
        self.factory: Factory = factory
        self.tcp: PortListener = PortListener("tcp", "port", config, factory)
        self.tls: PortListener = PortListener("tls", "tls-port", config, factory)
        self.unix_server: asyncio.AbstractServer | None = None
        self.unix_path: str = ""

    async def open(self) -> None:
        """Listens on everything configured or raises `ListenError`.

        Port 0 is no TCP when there is a unix socket or a TLS port, as in Redis; without them it takes a free port.
        """
        loop = asyncio.get_running_loop()
        has_tls = self.config.get_int("tls-port") != 0
        if self.config.get_int("port") != 0 or not (has_tls or self.config.get_str("unixsocket")):
            await self.tcp.open()
        if has_tls:
            await self.tls.open()
        if self.config.get_str("unixsocket"):
            path = self.config.resolve_path(self.config.get_str("unixsocket"))
            backlog = self.config.get_int("tcp-backlog")
            listener = self._unix_socket(path, backlog)
            factory = self.factory("unix")
            self.unix_server = await loop.create_unix_server(factory, sock=listener, backlog=backlog)  # type: ignore[arg-type]

    def follow_addresses(self) -> bool:
        """Moves the ports to the addresses now configured; false when one of them has to stay where it was."""
        return self.tcp.follow_config() and self.tls.follow_config()

    def listening(self) -> list[Listener]:
        """Every place where connections are accepted."""
        found: list[Listener] = []
        if self.tcp.port:
            found.append(Listener("tcp", self.tcp.addresses, self.tcp.port))
        if self.unix_path:
            found.append(Listener("unix", [self.unix_path], 0))
        if self.tls.port:
            found.append(Listener("tls", self.tls.addresses, self.tls.port))
        return found

    def announce(self) -> None:
        """Logs the lines that tools wait for."""
        if self.tcp.port:
            log.info("Running on port %d", self.tcp.port)
        for listener in self.listening():
            log.info("Ready to accept connections %s", listener.kind)

    def close(self) -> None:
        """Stops accepting and removes the unix socket."""
        self.tcp.close()
        self.tls.close()
        if self.unix_server is not None:
            self.unix_server.close()
            self.unix_server = None
        if self.unix_path:
            log.info("Removing the unix socket file.")
            os.unlink(self.unix_path)
            self.unix_path = ""

    def _unix_socket(self, path: str, backlog: int) -> socket.socket:
        if not hasattr(socket, "AF_UNIX"):
            raise ListenError("Failed opening Unix socket: this system has none")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if os.path.exists(path):
                os.unlink(path)
            listener.bind(path)
            mode = self.config.get_int("unixsocketperm")
            if mode:
                os.chmod(path, mode)
            listener.listen(backlog)
            listener.setblocking(False)
        except OSError as error:
            listener.close()
            raise ListenError(f"Failed opening Unix socket: bind: {error.strerror}") from error
        self.unix_path = path
        return listener


_ABSENT = frozenset((errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL))
"""The machine has no such address."""
