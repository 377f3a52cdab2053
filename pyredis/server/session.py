"""One connection, sans-IO: bytes in, commands run, bytes out.

A `Session` is the `Context` of a network client. The transport feeds it what arrived and writes what it returns; it
calls back only through `Wire`. Rules kept:

* Replies leave in the order of the requests, and messages pushed by a command stand before its reply.
* One call of `receive` or `resume` runs for about `SLICE_SECONDS` at most; what is left waits for the next call, so one
  huge pipeline does not starve other clients.
* After a protocol error, QUIT or a kill nothing more is read.
"""

from __future__ import annotations

import logging
from typing import Final

from librt.time import time
from mypy_extensions import i64

from pyredis.commands.dispatch import POSTPONED, execute
from pyredis.engine.context import REPLY_ON, REPLY_SKIP, REPLY_SKIP_NEXT, Context
from pyredis.engine.engine import Engine
from pyredis.errors import error_reply
from pyredis.protocol.parser import ProtocolError, RequestParser

SLICE_SECONDS: Final = 0.001
REFRESH_SECONDS: Final = 0.0005
"""How old the clock's snapshot may grow within a batch."""

WRITE_BYTES: Final[i64] = 1 << 20
UNREAD_BYTES: Final[i64] = 256 << 20
"""Output that a client may leave unread before its requests wait, where `client-output-buffer-limit` sets no bound."""

log = logging.getLogger("pyredis")


class Wire:
    """What a session needs from its transport."""

    def write(self, data: bytes) -> None:
        """Sends bytes, buffering what the peer does not take."""

    def close(self) -> None:
        """Closes once everything written has been sent."""

    def abort(self) -> None:
        """Closes at once."""

    def run_soon(self) -> None:
        """Calls `Session.resume` in the loop's next round."""

    def set_reading(self, is_reading: bool) -> None:
        """Stops or restarts taking bytes from the peer."""

    def pending_bytes(self) -> int:
        """Bytes written that the peer has not taken."""
        return 0


class Session(Context):
    """See the module's text."""

    def __init__(self, engine: Engine, wire: Wire, parser: RequestParser) -> None:
        super().__init__(engine)
        self.wire: Wire = wire
        self.parser: RequestParser = parser
        self.out: list[bytes] = []
        self.is_running: bool = False
        self.is_unix: bool = False
        # Requests wait: for the next slice, for a reply that comes later, for the peer to read.
        self.is_held: bool = False
        self.waits_for_drain: bool = False
        self.postponed: list[bytes] | None = None
        self.is_congested: bool = False
        self.over_soft_since_ms: i64 = 0
        self.apply_limits()
        self.set_authenticated(not engine.requires_password())
        engine.clients[self.client_id] = self

    def receive(self, data: bytes) -> None:
        """Takes what arrived and runs the requests that it completes."""
        if self.closing:
            return
        self.input_bytes += len(data)
        self.reads += 1
        self.parser.feed(data)
        if not self.is_held:
            self.run_requests()
        if self.parser.buffered() > self.engine.query_buffer_limit:
            self.engine.statistics.query_limit_closed += 1
            log.warning("Closing client that reached max query buffer length: %s", self.address)
            self.close(False)

    def resume(self) -> None:
        """Goes on after a slice, a pause or a wait."""
        if self.closing or not self.is_held:
            return
        self.is_held = False
        self.is_blocked = False
        self.run_requests()
        if not self.is_held:
            self.wire.set_reading(True)

    def drained(self) -> None:
        """The peer has taken nearly everything that was written."""
        self.is_congested = False
        self.over_soft_since_ms = 0
        if self.waits_for_drain:
            self.waits_for_drain = False
            self.resume()

    def run_requests(self) -> None:
        """Runs the requests at hand, for one slice of time, and sends their replies in one write."""
        engine = self.engine
        started: float = time()
        engine.tick = started
        engine.clock.update(started)
        self.active_ms = engine.clock.now_ms
        self.is_running = True
        try:
            self._run_slice(started + REFRESH_SECONDS, started + SLICE_SECONDS)
        except ProtocolError as error:
            self._fail(error.message)
        except Exception:
            log.exception("Unexpected error while running a command")
            self._fail(b"internal error")
        self.is_running = False
        self.flush()

    def _run_slice(self, refresh_at: float, limit: float) -> None:
        engine = self.engine
        parser = self.parser
        out = self.out
        size: i64 = 0
        argv = self.postponed
        self.postponed = None
        while not self.closing:
            if argv is None:
                argv = parser.next_request()
                if argv is None:
                    return
            reply = execute(self, argv)
            if reply is None:
                self.is_blocked = True
                self._hold()
                return
            if reply is POSTPONED:
                self.postponed = argv
                self.is_blocked = True
                self._hold()
                return
            argv = None
            if self.reply_mode == REPLY_ON:
                out.append(reply)
                size += len(reply)
                if size > WRITE_BYTES:
                    size = 0
                    self._write_out()
                    if self.is_congested and self.wire.pending_bytes() > UNREAD_BYTES:
                        self.waits_for_drain = True
                        self._hold()
                        return
            else:
                self._reply_quietly(reply)
            if engine.tick > refresh_at:
                engine.clock.update(engine.tick)
                refresh_at = engine.tick + REFRESH_SECONDS
                if engine.tick > limit:
                    self._hold()
                    self.wire.run_soon()
                    return

    def flush(self) -> None:
        """Sends what has gathered in `out`."""
        if self.out:
            self._write_out()
        if self.closing:
            self.wire.close()

    def _write_out(self) -> None:
        out = self.out
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        self.output_bytes += len(data)
        self.writes += 1
        self.wire.write(data)
        if self.is_congested:
            self.check_output_limit()

    def push(self, data: bytes) -> None:
        """Delivers a message: among the replies while requests run, else at once."""
        if self.closing or self.reply_mode != REPLY_ON:
            return
        self.out.append(data)
        if not self.is_running:
            self.flush()

    def close(self, after_reply: bool) -> None:
        """Ends the connection."""
        self.closing = True
        if not after_reply:
            self.wire.abort()
        elif not self.is_running:
            self.flush()

    def apply_limits(self) -> None:
        """Takes over `proto-max-bulk-len`; the parser reads it at the next length."""
        self.parser.max_bulk = self.engine.max_bulk

    def is_local(self) -> bool:
        """Whether the peer is on this machine."""
        return self.is_unix or self.address.startswith(("127.", "[::1]:", "[::ffff:127."))

    def query_buffer(self) -> tuple[int, int]:
        """Bytes received and not yet run; there is no room kept in advance."""
        return self.parser.buffered(), 0

    def output_buffer(self) -> tuple[int, int]:
        """Messages waiting to be joined, and bytes waiting to be sent."""
        return len(self.out), self.wire.pending_bytes()

    def check_limits(self) -> None:
        """Closes the connection when it is idle for longer than `timeout`, or too slow a reader."""
        engine = self.engine
        idle_ms = engine.clock.now_ms - self.active_ms
        if engine.idle_timeout and idle_ms > engine.idle_timeout * 1000 and not self.subscriptions():
            log.debug("Closing idle client")
            self.close(False)
        elif self.is_congested:
            self.check_output_limit()

    def check_output_limit(self) -> None:
        """Closes a connection whose unread output is over the hard limit, or over the soft one for too long."""
        pending = self.wire.pending_bytes()
        hard, soft, seconds = self.engine.output_limits["pubsub" if self.subscriptions() else "normal"]
        now_ms = self.engine.clock.now_ms
        if soft and pending > soft:
            if not self.over_soft_since_ms:
                self.over_soft_since_ms = now_ms
        else:
            self.over_soft_since_ms = 0
        is_over_soft = self.over_soft_since_ms and now_ms - self.over_soft_since_ms >= seconds * 1000
        if (hard and pending > hard) or is_over_soft:
            self.engine.statistics.output_limit_closed += 1
            log.warning("Client %s closed for overcoming of output buffer limits.", self.address)
            self.close(False)

    def _hold(self) -> None:
        """Stops running and reading requests until `resume`."""
        self.is_held = True
        self.wire.set_reading(False)

    def _reply_quietly(self, reply: bytes) -> None:
        """CLIENT REPLY OFF drops replies; SKIP drops that of the next command."""
        if self.reply_mode == REPLY_SKIP_NEXT:
            self.reply_mode = REPLY_SKIP
        elif self.reply_mode == REPLY_SKIP:
            self.reply_mode = REPLY_ON

    def _fail(self, message: bytes) -> None:
        """Answers an error that ends the connection."""
        if not message.startswith(b"ERR "):
            message = b"ERR " + message
        self.out.append(error_reply(message))
        self.closing = True
