"""Connections with TLS: the records between the socket and the session.

`TlsConnection` encrypts and decrypts by itself, in memory, over the same plain transport as any other connection.
asyncio's own TLS would do, but it hides failed handshakes, neither counts nor limits those under way, and encrypts
whatever is written at once, however slowly the peer reads. Rules kept:

* Handshakes are the expensive part. Their steps run one after the other, `max-new-tls-connections-per-cycle` in each
  round of the loop, so that a crowd of newcomers delays the clients that are being served by one step and not by all.
* Who shakes hands takes one of the `maxclients` places and has `HANDSHAKE_SECONDS` to finish, or `timeout` if less.
* What the peer does not take stays unencrypted in `unsent`; about `PIECE_BYTES` at a time become records.
"""

from __future__ import annotations

import contextlib
import ssl
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from mypy_extensions import i64

from pyredis.server.log import log
from pyredis.server.session import Session
from pyredis.server.tls import reason
from pyredis.server.transport import Connection, peer_address

if TYPE_CHECKING:
    from pyredis.server.app import App

HANDSHAKE_SECONDS: Final = 10.0
HANDSHAKE_BYTES: Final = 1 << 18
"""What may wait for a step of the handshake before the socket is not read any more."""

RECORD_BYTES: Final = 1 << 14
"""The most that one record holds."""

PIECE_BYTES: Final[i64] = 1 << 17
PIECES: Final[i64] = 8
"""How many pieces are encrypted before other clients get their turn."""


class TlsConnection(Connection):
    """One accepted socket, the TLS state on it, and the session once the handshake is done."""

    def __init__(self, app: App, kind: str) -> None:
        super().__init__(app, kind)
        self.incoming: ssl.MemoryBIO = ssl.MemoryBIO()
        self.outgoing: ssl.MemoryBIO = ssl.MemoryBIO()
        self.tls: Any = None
        self.decrypt: Any = None
        self.encrypt: Any = None
        self.began: float = 0.0
        self.peer: str = ""
        self.local: str = ""
        self.is_ready: bool = False
        # Plain bytes, of which those of the first before `offset` have been encrypted.
        self.unsent: deque[bytes] = deque()
        self.unsent_bytes: i64 = 0
        self.offset: i64 = 0
        self.is_going_on: bool = False
        self.is_closing: bool = False
        self.is_shut: bool = False
        self.has_ended: bool = False

    def connection_made(self, transport: Any) -> None:
        """Asyncio: the socket was accepted; the session begins when the handshake has succeeded."""
        self.transport = transport
        self.send = transport.write
        context = self.app.tls.context
        if context is None or not self.app.handshakes.admit(self):
            self.is_closing = True
            transport.close()
            return
        self.peer = peer_address(transport.get_extra_info("peername"))
        self.local = peer_address(transport.get_extra_info("sockname"))
        self.tls = context.wrap_bio(self.incoming, self.outgoing, True)
        self.decrypt = self.tls.read
        self.encrypt = self.tls.write

    def data_received(self, data: bytes) -> None:
        """Asyncio: bytes arrived."""
        if self.is_closing:
            return
        self.incoming.write(data)
        session = self.session
        if session is not None:
            self._receive(session)
            return
        self.app.handshakes.schedule(self)
        if self.incoming.pending > HANDSHAKE_BYTES:
            self.set_reading(False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio: the connection has ended."""
        if self.app.handshakes.remove(self):
            self._log_failure("unexpected eof while reading" if exc is None else reason(exc))
        self.is_closing = self.is_shut = True
        super().connection_lost(exc)
        self.unsent.clear()
        self.unsent_bytes = 0
        self.tls = self.decrypt = self.encrypt = None

    def shake_hands(self) -> None:
        """Makes a step of the handshake with what has arrived."""
        if self.is_closing:
            return
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self._send_records()
            self.set_reading(True)
            return
        except ssl.SSLError as error:
            self.app.handshakes.remove(self)
            self._send_records()  # the alert that tells the peer
            self._log_failure(reason(error))
            self.is_closing = self.is_shut = True
            self.transport.close()
            return
        self._send_records()
        self.app.handshakes.remove(self)
        session = self.session = self.app.accept(self)
        if session is not None:
            self.set_reading(True)
            if self.incoming.pending:
                self._receive(session)

    def give_up(self, seconds: float) -> None:
        """Ends a handshake that takes too long."""
        self._log_failure(f"the handshake took longer than {seconds:.0f} seconds")
        self.abort()

    def write(self, data: bytes) -> None:
        """Sends bytes."""
        if self.is_closing:
            return
        if self.is_paused or self.unsent or len(data) > PIECE_BYTES:
            is_first = not self.unsent
            self.unsent.append(data)
            self.unsent_bytes += len(data)
            if is_first and not self.is_paused:
                self._send_unsent()
            return
        try:
            self.encrypt(data)
        except ssl.SSLError as error:
            self._fail(error)
            return
        self.send(self.outgoing.read())

    def close(self) -> None:
        """Closes once everything written has been sent."""
        self.is_closing = True
        if not self.unsent:
            self._shut()

    def abort(self) -> None:
        """Closes at once."""
        self.is_closing = self.is_shut = True
        super().abort()

    def set_reading(self, is_reading: bool) -> None:
        """Stops or restarts reading from the socket; after the peer's farewell there is nothing left to read."""
        super().set_reading(is_reading)
        if is_reading and self.has_ended:
            self.close()

    def pending_bytes(self) -> int:
        """Bytes written that the peer has not taken."""
        return super().pending_bytes() + self.unsent_bytes

    def _receive(self, session: Session) -> None:
        """Decrypts what has arrived and hands it to the session in one piece."""
        decrypt = self.decrypt
        incoming = self.incoming
        parts: list[bytes] = []
        try:
            while True:
                part: bytes = decrypt(RECORD_BYTES)
                if not part:  # the peer's farewell
                    self.has_ended = True
                    break
                parts.append(part)
                if not incoming.pending:
                    break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._fail(error)
            return
        if self.outgoing.pending:  # the answer to a change of keys
            if self.is_paused:
                self.abort()  # it asks and asks, and never reads
                return
            self._send_records()
        if parts:
            session.receive(parts[0] if len(parts) == 1 else b"".join(parts))
        if self.has_ended and self.is_reading:  # else requests that came before it have yet to run
            self.close()

    def _send_records(self) -> None:
        if self.outgoing.pending and self.send is not None:
            self.send(self.outgoing.read())

    def go_on_writing(self) -> None:
        """Sends what waits while the peer takes it; then tells the session, or closes."""
        self.is_going_on = False
        self._send_unsent()
        if self.unsent or self.is_paused or self.is_shut:
            return
        session = self.session
        if self.is_closing:
            self._shut()
        elif session is not None and session.is_congested:
            session.drained()

    def _send_unsent(self) -> None:
        """Encrypts and sends what waits, as long as the peer takes it and the others can wait."""
        if self.is_shut:
            return
        pieces: i64 = 0
        try:
            while self.unsent and not self.is_paused and pieces < PIECES:
                pieces += 1
                self.encrypt(self._next_piece())
                self.send(self.outgoing.read())
        except ssl.SSLError as error:
            self._fail(error)
            return
        if self.unsent:
            if self.session is not None:
                self.session.is_congested = True
            if not self.is_paused and not self.is_going_on:
                self.is_going_on = True
                self.app.loop.call_soon(self.go_on_writing)

    def _next_piece(self) -> bytes:
        """Takes about `PIECE_BYTES` from `unsent`."""
        unsent = self.unsent
        parts: list[bytes] = []
        room: i64 = PIECE_BYTES
        while unsent and room > 0:
            data = unsent[0]
            left: i64 = len(data) - self.offset
            if left > room:
                parts.append(data[self.offset : self.offset + room])
                self.offset += room
                self.unsent_bytes -= room
                break
            parts.append(data[self.offset :] if self.offset else data)
            self.offset = 0
            self.unsent_bytes -= left
            room -= left
            unsent.popleft()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _shut(self) -> None:
        """Says farewell and closes the socket behind it."""
        if self.is_shut or self.transport is None:
            return
        self.is_shut = True
        with contextlib.suppress(ssl.SSLError):  # it would wait for the peer's farewell
            self.tls.unwrap()
        self._send_records()
        self.transport.close()

    def _fail(self, error: ssl.SSLError) -> None:
        log.debug("TLS connection closed: %s", reason(error))
        self.abort()

    def _log_failure(self, why: str) -> None:
        log.warning("Error accepting a client connection: %s (addr=%s laddr=%s)", why, self.peer, self.local)


class Handshakes:
    """The connections whose handshake is not done, oldest first, and those among them that can make a step."""

    def __init__(self, app: App) -> None:
        self.app: App = app
        self.waiting: dict[TlsConnection, None] = {}
        self.ready: deque[TlsConnection] = deque()
        self.is_scheduled: bool = False

    def admit(self, connection: TlsConnection) -> bool:
        """Lets a connection begin, unless there are as many clients as allowed."""
        engine = self.app.engine
        if self.app.is_full():
            engine.rejected_connections += 1
            return False
        connection.began = self.app.loop.time()
        self.waiting[connection] = None
        return True

    def schedule(self, connection: TlsConnection) -> None:
        """Has a connection make a step when its turn comes."""
        if not connection.is_ready:
            connection.is_ready = True
            self.ready.append(connection)
        if not self.is_scheduled:
            self.is_scheduled = True
            self.app.loop.call_soon(self._run)

    def remove(self, connection: TlsConnection) -> bool:
        """Forgets a connection; whether it was shaking hands."""
        if connection not in self.waiting:
            return False
        del self.waiting[connection]
        return True

    def check(self) -> None:
        """Ends those that take too long."""
        seconds = min(HANDSHAKE_SECONDS, self.app.engine.idle_timeout or HANDSHAKE_SECONDS)
        oldest = self.app.loop.time() - seconds
        for connection in list(self.waiting):
            if connection.began > oldest:
                break
            self.remove(connection)
            connection.give_up(seconds)

    def close(self) -> None:
        """Ends all of them."""
        for connection in list(self.waiting):
            self.remove(connection)
            connection.abort()

    def _run(self) -> None:
        """Makes as many steps as one round of the loop is allowed."""
        steps = self.app.config.get_int("max-new-tls-connections-per-cycle")
        while self.ready and steps > 0:
            steps -= 1
            connection = self.ready.popleft()
            connection.is_ready = False
            connection.shake_hands()
        self.is_scheduled = bool(self.ready)
        if self.is_scheduled:
            self.app.loop.call_soon(self._run)
