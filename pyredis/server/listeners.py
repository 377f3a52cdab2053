"""The sockets that accept: every `bind` address, and the unix socket."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyredis.config import Config
from pyredis.server.log import log

if TYPE_CHECKING:
    from pyredis.server.transport import Connection


class ListenError(Exception):
    """No socket could be opened; the text is what Redis logs before it exits."""


class Listeners:
    """Opens and closes the listening sockets that the configuration asks for."""

    def __init__(self, config: Config, factory: Callable[[str], Callable[[], Connection]]) -> None:
        self.config: Config = config
        self.factory: Callable[[str], Callable[[], Connection]] = factory
        self.servers: list[asyncio.AbstractServer] = []
        self.unix_path: str = ""
        self.port: int = 0

    async def open(self) -> None:
        """Listens on everything configured or raises `ListenError`.

        Port 0 is no TCP when there is a unix socket, as in Redis; without one it takes a free port.
        """
        loop = asyncio.get_running_loop()
        backlog = self.config.get_int("tcp-backlog")
        is_unix_only = self.config.get_int("port") == 0 and self.config.get_str("unixsocket") != ""
        for listener in [] if is_unix_only else self._tcp_sockets(backlog):
            server = await loop.create_server(self.factory("tcp"), sock=listener, backlog=backlog)  # type: ignore[arg-type]
            self.servers.append(server)
        if self.config.get_str("unixsocket"):
            path = self.config.resolve_path(self.config.get_str("unixsocket"))
            listener = self._unix_socket(path, backlog)
            factory = self.factory("unix")
            server = await loop.create_unix_server(factory, sock=listener, backlog=backlog)  # type: ignore[arg-type]
            self.servers.append(server)

    def announce(self) -> None:
        """Logs the lines that tools wait for."""
        if self.port:
            log.info("Running on port %d", self.port)
            log.info("Ready to accept connections tcp")
        if self.unix_path:
            log.info("Ready to accept connections unix")

    def close(self) -> None:
        """Stops accepting and removes the unix socket."""
        for server in self.servers:
            server.close()
        self.servers = []
        if self.unix_path:
            log.info("Removing the unix socket file.")
            os.unlink(self.unix_path)
            self.unix_path = ""

    def _tcp_sockets(self, backlog: int) -> list[socket.socket]:
        """One socket for each `bind` address; an address marked `-` may be missing from the machine."""
        self.port = self.config.get_int("port")
        sockets: list[socket.socket] = []
        for address in self.config.bind():
            is_optional = address.startswith("-")
            host = address.lstrip("-")
            is_ipv6 = ":" in host
            host = host.replace("::*", "::").replace("*", "0.0.0.0")
            try:
                sockets.append(self._tcp_socket(host, is_ipv6, backlog))
            except OSError as error:
                text = f"Warning: Could not create server TCP listening socket {host}:{self.port}: bind: {error.strerror}"
                log.warning("%s", text)
                if not is_optional or error.errno not in _ABSENT:
                    for listener in sockets:
                        listener.close()
                    raise ListenError(f"Failed listening on port {self.port} (tcp), aborting.") from error
        if not sockets:
            raise ListenError(f"Failed listening on port {self.port} (tcp), aborting.")
        return sockets

    def _tcp_socket(self, host: str, is_ipv6: bool, backlog: int) -> socket.socket:
        listener = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_STREAM)
        try:
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

    def _unix_socket(self, path: str, backlog: int) -> socket.socket:
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


_ABSENT = frozenset((97, 99))
"""EAFNOSUPPORT and EADDRNOTAVAIL: the machine has no such address."""
