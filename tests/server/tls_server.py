"""A server with TLS, and the certificates for it and its clients."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.process import reserve_port
from tests.support.servers import PyredisServer
from tests.support.tls import Authority, TlsConnection, find_openssl
from tests.support.wire import WireError

if TYPE_CHECKING:
    from pathlib import Path

needs_openssl: Final = pytest.mark.skipif(
    find_openssl() is None, reason="no openssl program to make certificates with"
)


class World:
    """Certificates of a few kinds."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority(directory)
        self.server = self.authority.issue("server")
        self.client = self.authority.issue("client")

    def context(self) -> ssl.SSLContext:
        return self.authority.client_context(self.client)

    @property
    def arguments(self) -> list[str]:
        return [*self.server.arguments, "--tls-ca-cert-file", str(self.authority.own.certificate)]


class TlsServer(PyredisServer):
    """A server with a plain port and one with TLS."""

    def __init__(self, world: World, *args: str) -> None:
        self.tls_port, self.tls_holder = reserve_port()
        self.world = world
        super().__init__("--tls-port", str(self.tls_port), *world.arguments, *args)

    def close(self) -> None:
        super().close()
        if self.tls_holder is not None:
            self.tls_holder.close()

    def connect_tls(self, context: ssl.SSLContext | None = None, port: int = 0) -> TlsConnection:
        return TlsConnection(port or self.tls_port, context or self.world.context())

    def refuses(self, context: ssl.SSLContext) -> bool:
        """Whether the handshake fails; TLS 1.3 tells a client only when it reads."""
        try:
            with self.connect_tls(context) as client:
                client.command("PING")
        except (ssl.SSLError, WireError, ConnectionError):
            return True
        return False
