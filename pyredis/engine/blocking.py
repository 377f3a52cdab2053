"""Commands that wait for a key: BLPOP and its kind, XREAD BLOCK.

A handler that finds nothing to return hands a `BlockedOperation` to `Blocking.wait` and returns None. Rules
kept, as in Redis:

* A key becomes ready when a command changes it; waiters are served once that command, transaction or script
  has ended, in the order in which the keys became ready, and at each key in the order in which the clients
  came.
* Serving may make other keys ready (BLMOVE); those are served afterwards, before the next command.
* A client waits for several keys at once and is served once. Where it disconnects, times out or is unblocked,
  nothing remains of its wait.
* Whether the user may run the command is asked again then, as since 7.2: rules may have changed.
* A command that waits counts as called, and perhaps as failed, when its wait has ended (since 7.2).

Nothing polls: the host is asked for one timer, for the earliest deadline. A push that serves the first of
many clients costs the same however many wait behind it.
"""

from __future__ import annotations

from collections import OrderedDict
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from mypy_extensions import mypyc_attr

from pyredis.datatypes.value import Value
from pyredis.errors import CommandError, error_reply
from pyredis.keyspace.database import Database, KeyWaiter

if TYPE_CHECKING:
    from pyredis.engine.context import Context
    from pyredis.engine.engine import Engine

BLOCKING_TIMER: Final = "blocking"

UNBLOCKED_ERROR: Final = b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"


@mypyc_attr(allow_interpreted_subclasses=True)
class BlockedOperation(KeyWaiter):
    """One waiting command; each blocking command subclasses it.

    `deadline_ms` is in milliseconds since the epoch, 0 to wait for ever. `notices_loss` is for those that are
    also to be served when a key has gone, or holds a string (XREADGROUP).
    """

    def __init__(self, ctx: Context, keys: list[bytes], deadline_ms: int) -> None:
        self.ctx: Context = ctx
        self.database: Database = ctx.db
        self.keys: list[bytes] = list(dict.fromkeys(keys))
        self.deadline_ms: int = deadline_ms
        self.notices_loss: bool = False
        self.is_waiting: bool = False

    def serve(self, key: bytes) -> bytes | None:
        """Tries to complete with what is at `key`: the reply, or None to go on waiting.

        Runs outside of any command; a change is logged with `ctx.propagate_as`. A `CommandError` is a reply,
        too. The key may hold another type, and be gone if the operation `notices_loss`.
        """
        raise AssertionError

    def timeout_reply(self) -> bytes:
        """What the client gets when its time is up."""
        return self.ctx.null_array


class Blocking:
    """The waiting clients of one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine: Engine = engine
        self.operations: dict[Context, BlockedOperation] = {}
        self.deadlines: list[tuple[int, int, BlockedOperation]] = []
        self.waits: int = 0
        self.losses_noticed: int = 0
        self.timer_ms: int = 0

    def wait(self, operation: BlockedOperation) -> None:
        """Blocks a client until one of its keys serves it. O(keys + log(clients with a deadline))."""
        operation.is_waiting = True
        self.operations[operation.ctx] = operation
        self.losses_noticed += operation.notices_loss
        blocked = operation.database.blocked
        for key in operation.keys:
            waiters = blocked.get(key)
            if waiters is None:
                # The first of a plain dict takes ever longer to find, the more have been removed before it.
                blocked[key] = waiters = OrderedDict()
            waiters[operation] = None
        if operation.deadline_ms:
            self.waits += 1
            heappush(self.deadlines, (operation.deadline_ms, self.waits, operation))
            self._await_deadline()

    def forget(self, ctx: Context) -> BlockedOperation | None:
        """Takes a client's wait out of everything that knows it; returns the operation, if there was one."""
        operation = self.operations.pop(ctx, None)
        if operation is None:
            return None
        operation.is_waiting = False
        self.losses_noticed -= operation.notices_loss
        blocked = operation.database.blocked
        for key in operation.keys:
            waiters = blocked.get(key)
            if waiters is not None:
                waiters.pop(operation, None)
                if not waiters:
                    del blocked[key]
        if len(self.deadlines) > 2 * len(self.operations) + 64:
            self.deadlines = sorted(entry for entry in self.deadlines if entry[2].is_waiting)
        return operation

    def serve_ready(self) -> None:
        """Serves the waiters of every key that became ready, until none is left that can be."""
        keyspace = self.engine.keyspace
        while keyspace.ready:
            ready, keyspace.ready = keyspace.ready, []
            for database, key in ready:
                self._serve_key(database, key)

    def _serve_key(self, database: Database, key: bytes) -> None:
        """Serves the clients that wait at one key; one after the other as long as the first can be served."""
        while True:
            waiters = database.blocked.get(key)
            if not waiters or not self._may_serve(database, key):
                return
            if not self._serve(next(iter(waiters)), key):
                break
        for waiter in list(waiters)[1:]:
            if not self._may_serve(database, key):
                return
            self._serve(waiter, key)

    def _may_serve(self, database: Database, key: bytes) -> bool:
        return self.losses_noticed > 0 or isinstance(database.peek(key), Value)

    def _serve(self, operation: KeyWaiter, key: bytes) -> bool:
        """Lets one client try; logs what that changed, and answers it if it was served."""
        if not isinstance(operation, BlockedOperation) or not operation.is_waiting:
            return False
        if not operation.notices_loss and not isinstance(operation.database.peek(key), Value):
            return False
        ctx = operation.ctx
        if ctx.user.is_restricted and ctx.waiting is not None and self._refuse(ctx, ctx.waiting):
            return True
        outer = ctx.swap_effects(None)
        try:
            reply = operation.serve(key)
        except CommandError as error:
            reply = error_reply(error.message)
        effects = ctx.swap_effects(outer)
        if effects is not None:
            for effect in effects:
                self.engine.propagate(operation.database.index, effect)
            self.engine.flush_propagated()
        if reply is None:
            return False
        self._end(operation, reply)
        return True

    def _refuse(self, ctx: Context, argv: list[bytes]) -> bool:
        """Ends a wait with an error if the user may not run the command any more."""
        # Here, because what describes refused clients knows contexts, which know this module.
        from pyredis.acl.permissions import check
        from pyredis.acl.refusals import place_of, refuse

        command = ctx.last_command
        denial = None if command is None else check(ctx.user, command, argv)
        if command is None or denial is None:
            return False
        reply = error_reply(b"NOPERM " + refuse(ctx, denial, command, argv, place_of(ctx)))
        command.rejected += 1
        self.engine.count_error(reply)
        self.forget(ctx)
        ctx.unblocked(reply)
        return True

    def _end(self, operation: BlockedOperation, reply: bytes) -> None:
        """Takes an operation out, counts its command, and answers its client."""
        ctx = operation.ctx
        self.forget(ctx)
        is_error = reply.startswith(b"-")
        if is_error:
            self.engine.count_error(reply)
        command = ctx.last_command
        if command is not None:
            command.calls += 1
            command.failed += is_error
            if command.calls & command.time_mask == 0:
                histogram = command.histogram
                if histogram is None:
                    histogram = self.engine.begin_histogram(command)
                histogram.add(0.0, command.time_mask + 1)  # waiting is not working
        ctx.unblocked(reply)

    def expire(self) -> None:
        """Answers those whose time is up, and asks for the next timer."""
        now_ms = self.engine.clock.now_ms
        self.timer_ms = 0
        while self.deadlines and self.deadlines[0][0] <= now_ms:
            operation = heappop(self.deadlines)[2]
            if operation.is_waiting:
                self._end(operation, operation.timeout_reply())
        self._await_deadline()

    def unblock(self, ctx: Context, with_error: bool) -> bool:
        """CLIENT UNBLOCK: ends a wait as if it had timed out, or with an error; false when there is none."""
        operation = self.operations.get(ctx)
        if operation is None:
            return False
        self._end(operation, UNBLOCKED_ERROR if with_error else operation.timeout_reply())
        return True

    def keys_that_may_go(self) -> int:
        """Keys whose deletion ends a wait. O(waiting clients), if there are such keys at all."""
        if self.losses_noticed == 0:
            return 0
        keys: set[tuple[int, bytes]] = set()
        for operation in self.operations.values():
            if operation.notices_loss:
                for key in operation.keys:
                    keys.add((operation.database.index, key))
        return len(keys)

    def _await_deadline(self) -> None:
        """Asks the host to call back at the earliest deadline, unless it will."""
        while self.deadlines and not self.deadlines[0][2].is_waiting:
            heappop(self.deadlines)
        if not self.deadlines:
            return
        earliest = self.deadlines[0][0]
        if self.timer_ms == 0 or earliest < self.timer_ms:
            self.timer_ms = earliest
            delay_ms = max(earliest - self.engine.clock.now_ms, 0)
            self.engine.host.call_later(delay_ms / 1000, BLOCKING_TIMER)
