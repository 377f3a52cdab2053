"""Certificates made on the spot by the openssl program, and a raw client that speaks TLS.

Keys are on an elliptic curve, which takes milliseconds; RSA is made only where asked for.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.wire import RawConnection

if TYPE_CHECKING:
    from collections.abc import Sequence

CURVE: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
RSA: Final = ("-newkey", "rsa:2048")
PASSWORD: Final = "open sesame"


def find_openssl() -> str | None:
    """The path of the openssl program; tests that need certificates skip without it."""
    return shutil.which("openssl")


def run_openssl(*args: str) -> bytes:
    """Runs openssl and returns what it printed."""
    program = find_openssl()
    assert program is not None
    ended = subprocess.run([program, *args], capture_output=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr.decode(errors="replace")
    return ended.stdout


class Pair:
    """A certificate and its key, both in PEM files."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.certificate = certificate
        self.key = key

    @property
    def arguments(self) -> list[str]:
        """How a server is told to use it."""
        return ["--tls-cert-file", str(self.certificate), "--tls-key-file", str(self.key)]

    @property
    def settings(self) -> list[str]:
        """The same for CONFIG SET."""
        return ["tls-cert-file", str(self.certificate), "tls-key-file", str(self.key)]


class Authority:
    """A certificate authority in a directory of its own."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self.directory = directory
        self.name = name
        self.own = Pair(directory / f"{name}.crt", directory / f"{name}.key")
        subject = ["-nodes", "-days", "2", "-subj", f"/CN={name}"]
        run_openssl(
            "req", "-x509", *CURVE, *subject, "-keyout", str(self.own.key), "-out", str(self.own.certificate)
        )  # fmt: skip

    def issue(
        self, name: str, *, days: int = 2, kind: Sequence[str] = CURVE, password: str | None = None
    ) -> Pair:
        """A certificate for localhost; one that has expired with -1 days."""
        pair = Pair(self.directory / f"{name}.crt", self.directory / f"{name}.key")
        request, extensions = self.directory / f"{name}.csr", self.directory / f"{name}.ext"
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        secrecy = ["-nodes"] if password is None else ["-passout", f"pass:{password}"]
        run_openssl(
            "req", *kind, *secrecy, "-subj", f"/CN={name}", "-keyout", str(pair.key), "-out", str(request)
        )  # fmt: skip
        run_openssl(
            "x509", "-req", "-in", str(request), "-CA", str(self.own.certificate), "-CAkey", str(self.own.key),
            "-CAcreateserial", "-days", str(days), "-extfile", str(extensions), "-out", str(pair.certificate),
        )  # fmt: skip
        return pair

    def client_context(self, pair: Pair | None = None) -> ssl.SSLContext:
        """A client that trusts this authority alone, and shows `pair` when it is asked."""
        context = ssl.create_default_context(cafile=str(self.own.certificate))
        if pair is not None:
            context.load_cert_chain(pair.certificate, pair.key)
        return context


class TlsConnection(RawConnection):
    """A raw client whose bytes go through TLS; the handshake is done when it exists."""

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext,
        *,
        host: str = "127.0.0.1",
        timeout: float = 10.0,
        session: ssl.SSLSession | None = None,
        receive_buffer: int = 0,
    ) -> None:
        super().__init__(host, port, timeout=timeout)
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        # A connection cut off without farewell has to be an error here.
        self._socket = self.tls = context.wrap_socket(
            self._socket, server_hostname="localhost", suppress_ragged_eofs=False, session=session
        )

    @property
    def server_name(self) -> str:
        """The common name in the server's certificate."""
        certificate = self.tls.getpeercert()
        assert certificate is not None
        subject: tuple[tuple[tuple[str, str], ...], ...] = certificate["subject"]  # type: ignore[assignment]
        return subject[0][0][1]


class PacedClient:
    """A client that makes records in memory, so that a test decides when which bytes leave."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def shake_hands(self, piece: int = 1 << 20) -> None:
        """Does the handshake, sending `piece` bytes at a time."""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.send_records(piece)
                data = self.socket.recv(65536)
                assert data, "closed during the handshake"
                self.incoming.write(data)
            else:
                self.send_records(piece)
                return

    def write(self, data: bytes) -> None:
        """Makes records of plain bytes; nothing leaves yet."""
        self.tls.write(data)

    def say_farewell(self) -> None:
        """Makes the record that ends the connection."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()

    def send_records(self, piece: int = 1 << 20) -> None:
        """Sends the records made so far."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = self.outgoing.read()
        for begin in range(0, len(data), piece):
            self.socket.sendall(data[begin : begin + piece])

    def read(self, size: int) -> bytes:
        """Exactly so many plain bytes."""
        received = bytearray()
        while len(received) < size:
            try:
                received += self.tls.read(size - len(received))
            except ssl.SSLWantReadError:
                data = self.socket.recv(65536)
                assert data, bytes(received[-100:])
                self.incoming.write(data)
        return bytes(received)
