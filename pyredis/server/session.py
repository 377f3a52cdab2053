"""One connection, sans-IO: bytes in, commands run, bytes out.

A `Session` is the `Context` of a network client. The transport feeds it what arrived and writes what it
returns; it calls back only through `Wire`. Rules kept:

* Replies leave in the order of the requests. A message that a command pushes to its own client stands behind
  the command's reply (that of the whole transaction, in EXEC), as since Redis 7.2.
* Messages to other clients gather in their `out` and leave when the slice that caused them ends: a client
  that is published to by a whole pipeline gets one write. Only messages that nobody's request caused leave at
  once.
* One call of `receive` or `resume` runs for about `SLICE_SECONDS` at most; what is left waits for the next
  call, so one huge pipeline does not starve other clients. Sessions never run inside each other.
* After a protocol error, QUIT or a kill nothing more is read. A killed client is out of the engine at once.
"""

from __future__ import annotations

import logging
from typing import Final

from librt.time import time
from mypy_extensions import i64, mypyc_attr

from pyredis.commands.dispatch import MINUS, POSTPONED, execute, execute_script, note
from pyredis.engine.client_info import client_line
from pyredis.engine.context import GATE_UNAUTHENTICATED, REPLY_ON, REPLY_SKIP, REPLY_SKIP_NEXT, Context
from pyredis.engine.engine import GATE_BUSY, Engine
from pyredis.errors import CommandError, error_reply
from pyredis.protocol.parser import ProtocolError, RequestParser

SLICE_SECONDS: Final = 0.001
REFRESH_SECONDS: Final = 0.0005
"""How old the clock's snapshot may grow within a batch."""

WRITE_BYTES: Final[i64] = 1 << 20
UNREAD_BYTES: Final[i64] = 256 << 20
"""Output that a client may leave unread before its requests wait; its output limit may be lower."""
FREE_BYTES: Final = 16 << 10
"""What Redis sends from a buffer that does not count towards the limits of output."""
UNAUTHENTICATED_QUERY_BYTES: Final[i64] = 1 << 20

HOLD_NONE: Final = 0
HOLD_SLICE: Final = 1
"""Requests wait for the loop's next round; nothing is read meanwhile."""
HOLD_DRAIN: Final = 2
"""Requests wait for the peer to read its replies; nothing is read meanwhile."""
HOLD_PAUSED: Final = 3
"""CLIENT PAUSE holds a request back. What arrives is kept, so that the end of the connection is noticed."""
HOLD_BLOCKED: Final = 4
"""A blocking command waits. What arrives is kept, as above."""

log = logging.getLogger("pyredis")


@mypyc_attr(allow_interpreted_subclasses=True)
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
        # Output to be written, messages from other clients included, of which the size is kept; and messages
        # from the own commands, which go behind the reply.
        self.out: list[bytes] = []
        self.pushed_bytes: i64 = 0
        self.is_unsent: bool = False
        self.late: list[bytes] = []
        # Whether `out` waits until changes that it may tell of are on disk.
        self.is_held: bool = False
        self.is_running: bool = False
        self.is_gone: bool = False
        self.hold: i64 = HOLD_NONE
        self.postponed: list[bytes] | None = None
        # When a slice ends that goes on on the stack for scripts.
        self.slice_end: float = 0.0
        self.is_congested: bool = False
        self.over_soft_since_ms: i64 = 0
        self.apply_limits()
        self.begin_as_default()
        engine.clients[self.client_id] = self

    def receive(self, data: bytes) -> None:
        """Takes what arrived and runs the requests that it completes."""
        if self.closing:
            return
        self.input_bytes += len(data)
        self.reads += 1
        self.parser.feed(data)
        if self.hold == HOLD_NONE:
            self.run_requests()
        if not self.closing:
            self._check_query_limit()
            if self.engine.client_limit.limit != 0:
                self.engine.client_limit.note(self)

    def resume(self) -> None:
        """Goes on after a slice or a pause; does nothing while the session waits for something else."""
        if not self.closing and (self.hold == HOLD_SLICE or self.hold == HOLD_PAUSED):
            self._go_on()

    def drained(self) -> None:
        """The peer has taken nearly everything that was written."""
        self.is_congested = False
        self.over_soft_since_ms = 0
        if not self.closing and self.hold == HOLD_DRAIN:
            self._go_on()

    def unblocked(self, reply: bytes) -> None:
        """Sends the reply of a blocking command; what came behind it runs in the loop's next round."""
        self.hold = HOLD_SLICE
        self.is_blocked = False
        self.waiting = None
        self.is_unblocked = True
        if self.reply_mode == REPLY_ON:
            self.out.append(reply)
        else:
            self._reply_quietly(reply)
        self.wire.run_soon()

    def wake(self) -> None:
        """Runs the postponed request in the loop's next round."""
        self.is_blocked = False
        self.is_unblocked = True
        self.wire.run_soon()

    def run_requests(self) -> None:
        """Runs the requests at hand, for one slice of time, and sends their replies in one write."""
        engine = self.engine
        started: float = time()
        engine.tick = started
        engine.clock.update(started)
        self.active_ms = engine.clock.now_ms
        self.is_running = True
        engine.is_busy = True
        engine.current = self
        try:
            if self._run_slice(started + REFRESH_SECONDS, started + SLICE_SECONDS, False):
                self.slice_end = started + SLICE_SECONDS
                engine.scripting.run_requests(self)
        except ProtocolError as error:
            self._fail(error.message)
        except Exception:
            log.exception("Unexpected error while running a command")
            self._fail(b"internal error")
        if engine.tracking.has_news:
            engine.tracking.broadcast()
        self.is_running = False
        engine.is_busy = False
        engine.current = None
        self.flush()
        if engine.unsent:
            engine.send_pushed()

    def run_on(self) -> None:
        """The rest of a slice that has come to a script."""
        self._run_slice(self.engine.tick + REFRESH_SECONDS, self.slice_end, True)

    def wait_for_script(self, argv: list[bytes]) -> None:
        """Lets what stands behind a script wait, which has been suspended."""
        self.is_blocked = True
        self.waiting = argv
        self.hold = HOLD_BLOCKED

    def _run_slice(self, refresh_at: float, limit: float, is_for_scripts: bool) -> bool:
        """Runs requests; true when the next one runs a script and wants the stack for those."""
        engine = self.engine
        parser = self.parser
        ready = parser.ready
        out = self.out
        late = self.late
        commands = engine.commands
        keyspace = engine.keyspace
        size: i64 = 0
        argv = self.postponed
        self.postponed = None
        while not self.closing:
            if argv is None:
                if ready and self.gates == 0:
                    argv = ready.pop()
                else:
                    argv = parser.next_request()
                    if argv is None:
                        return False
            # `execute`, once more: without its calls a GET takes 1.5 us interpreted, instead of 1.75.
            command = commands.get(argv[0])
            if (
                command is not None
                and command.is_plain
                and self.gates == 0
                and engine.gates == 0
                and command.min_args <= len(argv) <= command.max_args
            ):
                try:
                    reply = command.handler(self, argv)
                except CommandError as error:
                    reply = error_reply(error.message)
                ended = time()
                seconds = ended - engine.tick
                engine.tick = ended
                self.last_command = command
                if seconds < 0.0:
                    seconds = 0.0
                command.seconds += seconds
                if reply is not None:
                    command.calls += 1
                    if (
                        command.calls & command.time_mask == 0
                        or reply[0] == MINUS
                        or seconds >= engine.slow_seconds
                    ):
                        note(self, command, argv, reply, seconds)
                if keyspace.ready:
                    engine.blocking.serve_ready()
            elif command is not None and command.runs_script and engine.gates & GATE_BUSY == 0:
                if not is_for_scripts:
                    self.postponed = argv
                    return True
                reply = execute_script(self, command, argv)
            else:
                reply = execute(self, argv)
            if reply is None:
                if self.hold == HOLD_NONE:  # else its wait has ended already
                    self.is_blocked = True
                    self.waiting = argv
                    self.hold = HOLD_BLOCKED
                return False
            if reply is POSTPONED:
                self._postpone(argv)
                return False
            argv = None
            if self.reply_mode == REPLY_ON:
                out.append(reply)
                size += len(reply)
                if size > WRITE_BYTES:
                    size = 0
                    self._write_out()
                    if self.hold != HOLD_NONE:
                        return False
            else:
                self._reply_quietly(reply)
            if late:
                out += late
                late.clear()
            if engine.tick > refresh_at:
                engine.clock.update(engine.tick)
                refresh_at = engine.tick + REFRESH_SECONDS
                if engine.tick > limit:
                    self._hold_unread(HOLD_SLICE)
                    self.wire.run_soon()
                    return False
        return False

    def flush(self) -> None:
        """Sends what has gathered in `out`."""
        if self.late:  # the command that pushed has failed, or waits
            self.out += self.late
            self.late.clear()
        if self.out:
            self._write_out()
        if self.closing and not self.is_held:
            self.wire.close()

    def push(self, data: bytes) -> None:
        """Delivers a message, whatever CLIENT REPLY says; see the module's text for when."""
        if self.closing:
            return
        if self.is_running:
            self.late.append(data)
            return
        self.out.append(data)
        self.pushed_bytes += len(data)
        if self.pushed_bytes > WRITE_BYTES:
            self._write_out()
        elif not self.is_unsent:
            engine = self.engine
            engine.unsent.append(self)
            self.is_unsent = True
            if not engine.is_busy:
                engine.send_pushed()

    def send_pushed(self) -> None:
        """Writes the messages that have gathered, when the slice that caused them has ended."""
        self.is_unsent = False
        if self.out and not self.closing:
            self.active_ms = self.engine.clock.now_ms
            self._write_out()

    def send_held(self) -> None:
        """Sends what waited for the disk."""
        self.is_held = False
        if not self.is_gone:
            self.flush()

    def close(self, after_reply: bool) -> None:
        """Ends the connection: at once, unsent output being lost, or when the replies so far are sent."""
        self.closing = True
        if not after_reply:
            self.is_gone = True
            self.wire.abort()
            self.release()
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

    def argv_bytes(self) -> int:
        """Bytes of the arguments of a request that is incomplete or waits."""
        waiting = self.parser.argv_bytes()
        if self.postponed is not None:
            waiting += sum(map(len, self.postponed))
        return waiting

    def output_buffer(self) -> tuple[int, int]:
        """Messages waiting to be joined, and bytes waiting to be sent."""
        return len(self.out), self.wire.pending_bytes()

    def check_limits(self) -> None:
        """Closes the connection when it is idle for longer than `timeout`, or too slow a reader."""
        engine = self.engine
        idle_ms = engine.clock.now_ms - self.active_ms
        may_time_out = not self.is_subscriber() and not self.is_blocked
        if engine.idle_timeout and idle_ms > engine.idle_timeout * 1000 and may_time_out:
            log.debug("Closing idle client")
            self.close(False)
        elif self.is_congested:
            self.check_output_limit()

    def check_output_limit(self) -> None:
        """Closes a connection whose unread output is over the hard limit, or the soft one for too long."""
        pending = self.wire.pending_bytes()
        hard, soft, seconds = self.engine.output_limits[self.client_type()]
        now_ms = self.engine.clock.now_ms
        if soft and pending > soft:
            if not self.over_soft_since_ms:
                self.over_soft_since_ms = now_ms
        else:
            self.over_soft_since_ms = 0
        is_over_soft = self.over_soft_since_ms and now_ms - self.over_soft_since_ms >= seconds * 1000
        if (hard and pending > hard) or is_over_soft:
            self._close_for_output()

    def _is_too_much(self, size: i64) -> bool:
        """Closes the connection if so much at once is over its hard limit, though the peer may be reading."""
        hard = self.engine.output_limits[self.client_type()][0]
        if hard == 0 or size + self.wire.pending_bytes() <= hard + FREE_BYTES:
            return False
        self._close_for_output()
        return True

    def _close_for_output(self) -> None:
        self.engine.statistics.output_limit_closed += 1
        line = client_line(self).decode()
        log.warning("Client %s closed for overcoming of output buffer limits.", line)
        self.close(False)

    def update_access(self) -> None:
        """As every context, and sets the limits that the parser has for strangers."""
        super().update_access()
        self.parser.authenticated = self.gates & GATE_UNAUTHENTICATED == 0

    def _check_query_limit(self) -> None:
        """Closes the connection when more waits to be run than is allowed, what MULTI queued included."""
        waiting: i64 = self.parser.buffered() + self.queued_bytes
        limit: i64 = self.engine.query_buffer_limit
        if waiting > limit or (
            waiting > UNAUTHENTICATED_QUERY_BYTES and self.gates & GATE_UNAUTHENTICATED != 0
        ):
            self.engine.statistics.query_limit_closed += 1
            log.warning("Closing client that reached max query buffer length: %s", client_line(self).decode())
            self.close(False)

    def _go_on(self) -> None:
        """Runs more requests, what they waited for having come."""
        self.hold = HOLD_NONE
        self.is_unblocked = False
        self.run_requests()
        if self.hold != HOLD_SLICE and self.hold != HOLD_DRAIN:
            self.wire.set_reading(True)

    def _hold_unread(self, reason: i64) -> None:
        """Stops running and reading requests."""
        self.hold = reason
        self.wire.set_reading(False)

    def _postpone(self, argv: list[bytes]) -> None:
        """Keeps a request for the end of the pause; clients then go on in the order of coming here."""
        self.postponed = argv
        self.is_blocked = True
        self.hold = HOLD_PAUSED
        self.engine.postponed[self] = None

    def _write_out(self) -> None:
        """Writes `out`, and lets requests wait when the peer reads too slowly."""
        if self.engine.is_holding:
            if not self.is_held:
                self.is_held = True
                self.engine.held.append(self)
            return
        out = self.out
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        if self.is_gone:
            return
        self.pushed_bytes = 0
        size: i64 = len(data)
        if size > self.engine.output_limit_min and self._is_too_much(size):
            return
        self.output_bytes += size
        self.writes += 1
        self.wire.write(data)
        if self.is_congested:
            self.check_output_limit()
            if self.engine.client_limit.limit != 0 and not self.closing:
                self.engine.client_limit.note(self)
            if self.hold == HOLD_NONE and not self.closing and self.wire.pending_bytes() > UNREAD_BYTES:
                self._hold_unread(HOLD_DRAIN)

    def _reply_quietly(self, reply: bytes) -> None:
        """CLIENT REPLY OFF drops replies; SKIP drops that of the next command."""
        if self.reply_anyway:
            self.reply_anyway = False
            self.out.append(reply)
        if self.reply_mode == REPLY_SKIP_NEXT:
            self.reply_mode = REPLY_SKIP
        elif self.reply_mode == REPLY_SKIP:
            self.reply_mode = REPLY_ON

    def _fail(self, message: bytes) -> None:
        """Answers an error that ends the connection."""
        if not message.startswith(b"ERR "):
            message = b"ERR " + message
        reply = error_reply(message)
        self.engine.count_error(reply)
        if self.reply_mode == REPLY_ON:
            self.out.append(reply)
        self.closing = True
