"""Scripts that run longer than other clients shall wait.

A script runs in a greenlet of its own, a second stack beside that of the event loop. The interpreter calls `on_tick`
every 100,000 instructions; once a script is past `busy-reply-threshold`, that switches back to the loop, which goes
on serving: other clients get BUSY. A timer lets the script continue for a few milliseconds at a time until it ends
or is killed, and then its client is answered. What a command does around its script (statistics, propagation, the
rest of an EXEC) waits on the same stack, so nothing of it happens early.

A session that comes to a script continues its whole slice of requests on that stack, so that the switches there and
back, 0.6 us, are paid once for a pipeline and not for each of its scripts. When one of them is suspended, the slice
ends with it: what stands behind it waits as behind a blocking command.

While a script is suspended the clock stands still for it, and nothing else may change or save data: no key expires,
no blocked client is served or timed out, no snapshot begins.

One greenlet serves all scripts, as making one takes 8 us. When idle it refers to nothing but a `Mailbox`, lest an
engine be kept alive by its own greenlet.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import greenlet
from librt.time import time
from mypy_extensions import i64

from pyredis.commands.dispatch import run_now
from pyredis.engine.engine import GATE_BUSY, Engine
from pyredis.engine.scripting import SCRIPT_TIMER

if TYPE_CHECKING:
    from pyredis.engine.command import Command
    from pyredis.engine.context import Context

SLICE_SECONDS: Final = 0.005
"""How long a suspended script runs between two rounds of the event loop."""

NOTHING: Final[list[bytes]] = []
INTERNAL_ERROR: Final = b"-ERR internal error\r\n"

log = logging.getLogger("pyredis")


class Mailbox:
    """What the greenlet knows: the runner that has work for it, and the stack to return to."""

    def __init__(self) -> None:
        self.runner: ScriptRunner | None = None
        self.main: Any = None


def serve(mailbox: Mailbox) -> None:
    """The greenlet's life: runs what is in the mailbox, and returns to the stack that put it there."""
    while True:
        run_mail(mailbox)
        mailbox.main.switch()


def run_mail(mailbox: Mailbox) -> None:
    """Runs one command; a function of its own so that nothing of it stays on the stack."""
    runner = mailbox.runner
    mailbox.runner = None
    if runner is not None:
        runner.run_job()


class ScriptRunner:
    """Runs commands and slices of requests on a stack of their own, and suspends scripts that take too long."""

    def __init__(self, engine: Engine) -> None:
        self.engine: Engine = engine
        self.mailbox: Mailbox = Mailbox()
        self.greenlet: Any = None
        self.threshold: float = 5.0
        # What runs: a command, or requests of a client and among them this one.
        self.ctx: Context | None = None
        self.command: Command | None = None
        self.argv: list[bytes] = NOTHING
        self.reply: bytes | None = None
        self.failure: BaseException | None = None
        self.is_done: bool = True
        self.is_suspended: bool = False
        self.is_kill_wanted: bool = False
        self.started: float = 0.0
        self.slice_end: float = 0.0
        self.frozen_ms: i64 = 0

    def run(self, ctx: Context, command: Command, argv: list[bytes]) -> bytes | None:
        """Runs a command to its end, or until it is suspended: then returns None."""
        if not self.is_done:
            return self._run_within(ctx, command, argv)
        self.ctx = ctx
        self.command = command
        self.argv = argv
        self.started = self.engine.tick
        if self._begin():
            return self._take_reply()
        return None

    def run_requests(self, ctx: Context) -> None:
        """Runs the requests of a client, of which the first runs a script, until one is suspended."""
        self.ctx = ctx
        if self._begin():
            self._take_reply()
        else:
            ctx.wait_for_script(self.argv)

    def _run_within(self, ctx: Context, command: Command, argv: list[bytes]) -> bytes | None:
        """As `run`, the stack for scripts being the one in use."""
        if self.has_suspended():
            return run_now(ctx, command, argv)
        self.argv = argv
        self.started = self.engine.tick
        reply = run_now(ctx, command, argv)
        if self.has_suspended():  # the slice has ended without it
            self.reply = reply
            return None
        return reply

    def has_suspended(self) -> bool:
        """Whether the command that runs has been suspended. A method, as mypy knows nothing of switches."""
        return self.is_suspended

    def _begin(self) -> bool:
        """Runs what is at hand; false when that has been suspended."""
        self.is_done = False
        self._switch_in()
        if self.is_done:
            return True
        self.is_suspended = True
        self.engine.gates |= GATE_BUSY
        self.frozen_ms = self.engine.clock.now_ms
        self.engine.host.call_later(0, SCRIPT_TIMER)
        return False

    def _switch_in(self) -> None:
        mailbox = self.mailbox
        mailbox.main = greenlet.getcurrent()
        if not self.is_suspended:
            mailbox.runner = self
        if self.greenlet is None:
            self.greenlet = greenlet.greenlet(serve)
            self.greenlet.switch(mailbox)
            return
        try:
            self.greenlet.switch()
        except greenlet.error:  # it belongs to another thread, where this engine was used before
            self.greenlet = greenlet.greenlet(serve)
            self.greenlet.switch(mailbox)

    def run_job(self) -> None:
        """Runs the command, or the requests; on the script's stack."""
        ctx = self.ctx
        command = self.command
        assert ctx is not None
        try:
            if command is None:
                ctx.run_on()
            else:
                self.reply = run_now(ctx, command, self.argv)
        except BaseException as error:
            self.failure = error
        self.is_done = True

    def _take_reply(self) -> bytes | None:
        reply = self.reply
        failure = self.failure
        self.reply = None
        self.failure = None
        self.ctx = None
        self.command = None
        self.argv = NOTHING
        self.is_kill_wanted = False
        if failure is not None:
            raise failure
        return reply

    def on_tick(self) -> bool:
        """Called by the interpreter now and then, on the script's stack; true when the script is to end."""
        if self.is_kill_wanted:
            return True
        now = time()
        if self.is_suspended:
            if now < self.slice_end:
                return False
        elif self.is_done or self.threshold <= 0 or now - self.started < self.threshold:
            return False
        if greenlet.getcurrent() is self.greenlet:
            self.mailbox.main.switch()
        return self.is_kill_wanted

    def resume(self) -> None:
        """Lets the suspended command go on; answers its client when it has ended. Called by a timer."""
        if not self.is_suspended:
            return
        engine = self.engine
        now_ms = engine.clock.now_ms
        engine.clock.now_ms = self.frozen_ms
        self.slice_end = time() + SLICE_SECONDS
        engine.is_busy = True
        try:
            self._switch_in()
            if self.is_done:
                self._finish()
            else:
                engine.host.call_later(0, SCRIPT_TIMER)
        finally:
            engine.clock.now_ms = now_ms
            engine.is_busy = False
        if self.is_done:
            engine.fire_late_timers()
        if engine.unsent:
            engine.send_pushed()

    def _finish(self) -> None:
        """The suspended command has ended."""
        engine = self.engine
        ctx = self.ctx
        self.is_suspended = False
        engine.gates &= ~GATE_BUSY
        engine.tick = time()
        try:
            reply = self._take_reply()
        except Exception:
            log.exception("Unexpected error while running a script")
            reply = INTERNAL_ERROR
        if engine.keyspace.ready:
            engine.blocking.serve_ready()
        if ctx is not None and reply is not None and not ctx.closing:
            ctx.unblocked(reply)

    def abandon(self) -> None:
        """Ends a suspended command, as the process is about to end."""
        self.is_kill_wanted = True
        while self.is_suspended:
            self.resume()
