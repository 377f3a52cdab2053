"""What a command handler sees: one client, the database it selected, and the engine behind both.

`Context` holds the state of a connection but no socket. A server session, the in-process client and a script
each subclass it and decide where `push` delivers. The gates are bits that send a command through the careful
path of dispatch; zero means that the handler may run at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from pyredis.engine.command import RUNS_SCRIPT
from pyredis.engine.engine import GATE_PROPAGATING, Engine
from pyredis.errors import DB_INDEX_OUT_OF_RANGE, CommandError
from pyredis.keyspace.database import Database
from pyredis.keyspace.watch import KeyWatch
from pyredis.protocol.encode import NULL, NULL_ARRAY, NULL_BULK

if TYPE_CHECKING:
    from pyredis.acl.user import User
    from pyredis.engine.command import Command
    from pyredis.engine.tracking import ClientTracking

GATE_UNAUTHENTICATED: Final = 1 << 0
GATE_MULTI: Final = 1 << 1
GATE_SUBSCRIBED: Final = 1 << 2
"""A RESP2 connection with subscriptions: only a few commands are allowed."""
GATE_NO_TOUCH: Final = 1 << 3
"""CLIENT NO-TOUCH: commands leave no trace in the access times of keys."""

GATE_ACL: Final = 1 << 4
"""There is something that the client's user may not do."""

GATE_TRACKING: Final = 1 << 5
"""CLIENT TRACKING: keys that commands read are remembered."""

GATE_MONITOR: Final = 1 << 6
"""The client watches the others (MONITOR) and may not touch the data."""

REPLY_ON: Final = 0
REPLY_OFF: Final = 1
REPLY_SKIP_NEXT: Final = 2
"""CLIENT REPLY SKIP is running: its successor will be the one that is not answered."""
REPLY_SKIP: Final = 3

NO_REPLY: Final = b"\0"
"""What CLIENT REPLY OFF and SKIP return: they are never answered, not even inside a transaction."""


CLIENT_BYTES: Final = 2000
"""What a connection without a name, subscription or request takes up: session, parser, transport."""
QUEUED_BYTES: Final = 160
"""What a command queued by MULTI takes up besides the bytes of its arguments."""
WATCHED_BYTES: Final = 200
"""What a watched key takes up."""
SUBSCRIBED_BYTES: Final = 150
"""What a subscription takes up here, about; the channel's own entry has its listeners."""


class QueuedCommand:
    """A command that MULTI holds until EXEC."""

    def __init__(self, command: Command, argv: list[bytes]) -> None:
        self.command: Command = command
        self.argv: list[bytes] = argv


class Context:
    """One client of one engine; see the module's text."""

    def __init__(self, engine: Engine) -> None:
        self.engine: Engine = engine
        self.db: Database = engine.keyspace.databases[0]
        self.gates: i64 = 0
        self.resp3: bool = False
        self.null: bytes = NULL_BULK
        self.null_array: bytes = NULL_ARRAY
        # Identity, as CLIENT LIST shows it.
        self.client_id: int = engine.next_client_id()
        self.address: str = ""
        self.local_address: str = ""
        self.is_unix: bool = False
        self.fd: int = -1
        self.name: bytes = b""
        self.lib_name: bytes = b""
        self.lib_version: bytes = b""
        self.user: User = engine.access.users.default
        self.authenticated: bool = True
        self.created_ms: i64 = engine.clock.now_ms
        self.active_ms: i64 = engine.clock.now_ms
        self.last_command: Command | None = None
        self.commands_run: i64 = 0
        # Traffic of the connection, for the totals.
        self.input_bytes: i64 = 0
        self.output_bytes: i64 = 0
        self.reads: i64 = 0
        self.writes: i64 = 0
        self.no_evict: bool = False
        self.no_touch: bool = False
        # What the limit to the memory of all clients has counted.
        self.counted_bytes: i64 = 0
        self.tracking: ClientTracking | None = None
        # Transactions. `queue` is a list between MULTI and EXEC.
        self.queue: list[QueuedCommand] | None = None
        self.queue_failed: bool = False
        self.queue_runs_script: bool = False
        self.queued_bytes: i64 = 0
        self.watch: KeyWatch = KeyWatch()
        self.in_exec: bool = False
        # Subscriptions, in the order in which they were made.
        self.channels: dict[bytes, None] = {}
        self.patterns: dict[bytes, None] = {}
        self.shard_channels: dict[bytes, None] = {}
        # Replies. `reply_anyway` says that the reply at hand is to be sent though the mode suppresses it: the
        # confirmations of SUBSCRIBE are messages, and EXEC may have begun before the mode changed.
        self.reply_mode: i64 = REPLY_ON
        self.reply_anyway: bool = False
        self.closing: bool = False
        # Waits for a reply that comes later, or is held by CLIENT PAUSE.
        self.is_blocked: bool = False
        # The request that waits for a key, to be looked at again when there is one.
        self.waiting: list[bytes] | None = None
        # The wait is over and the client not yet back at its requests.
        self.is_unblocked: bool = False
        # What to log instead of the command itself; None = the command as it came.
        self.effects: list[list[bytes]] | None = None

    def push(self, data: bytes) -> None:
        """Delivers an encoded out-of-band message; a context without a reader drops it."""

    def send_pushed(self) -> None:
        """Sends the messages that `push` gathered; called for each client in `Engine.unsent`."""

    def send_held(self) -> None:
        """Sends what had to wait until a change was on disk; called for each client in `Engine.held`."""

    def close(self, after_reply: bool) -> None:
        """Ends the connection, at once or once the replies given so far are sent."""
        self.closing = True

    def wake(self) -> None:
        """Lets a client of `Engine.postponed` go on soon, the pause having ended; runs nothing itself."""

    def unblock(self, with_error: bool) -> bool:
        """Ends a blocking command's wait, as if its time were up or with an error; false if there is none."""
        return self.engine.blocking.unblock(self, with_error)

    def unblocked(self, reply: bytes) -> None:
        """Delivers the reply of a blocking command whose wait has ended, and lets the client go on."""

    def run_on(self) -> None:
        """Goes on with the requests at hand, of which the first runs a script; on the stack for scripts."""

    def wait_for_script(self, argv: list[bytes]) -> None:
        """Lets the requests behind a script wait, which has been suspended and will reply later."""

    def apply_limits(self) -> None:
        """Takes over the engine's limits, when they have changed."""

    def is_local(self) -> bool:
        """Whether the client is on this machine: loopback or a unix socket."""
        return True

    def query_buffer(self) -> tuple[int, int]:
        """Bytes received and not yet run, and bytes of room left."""
        return 0, 0

    def argv_bytes(self) -> int:
        """Bytes of the arguments of a request that is incomplete or waits."""
        return 0

    def output_buffer(self) -> tuple[int, int]:
        """Messages and bytes waiting to be sent."""
        return 0, 0

    def memory(self) -> int:
        """About how many bytes the connection takes up, with everything that waits in it. O(1)."""
        total = CLIENT_BYTES + len(self.name) + self.argv_bytes() + self.queued_memory()
        total += sum(self.query_buffer()) + self.output_buffer()[1]
        subscriptions = len(self.channels) + len(self.patterns) + len(self.shard_channels)
        return total + subscriptions * SUBSCRIBED_BYTES

    def queued_memory(self) -> int:
        """The part of a transaction: what MULTI has queued, and the watched keys."""
        total: int = self.queued_bytes + len(self.watch.keys) * WATCHED_BYTES
        return total if self.queue is None else total + len(self.queue) * QUEUED_BYTES

    def set_protocol(self, version: int) -> None:
        """Switches to RESP2 or RESP3."""
        self.resp3 = version == 3
        self.null = NULL if self.resp3 else NULL_BULK
        self.null_array = NULL if self.resp3 else NULL_ARRAY
        self.update_subscribed_gate()

    def select(self, index: int) -> None:
        """Selects a database or raises `DB index is out of range`."""
        databases = self.engine.keyspace.databases
        if not 0 <= index < len(databases):
            raise CommandError(DB_INDEX_OUT_OF_RANGE)
        self.db = databases[index]

    def log_in(self, user: User) -> None:
        """Goes on as `user`, who has given the right password."""
        self.user = user
        self.authenticated = True
        self.update_access()

    def log_out(self) -> None:
        """Takes all permissions away, from a connection that is to end."""
        self.user = self.engine.access.users.default
        self.authenticated = False
        self.update_access()

    def begin_as_default(self) -> None:
        """Becomes the user `default`, logged in if that takes no password."""
        access = self.engine.access
        self.user = access.users.default
        self.authenticated = not access.requires_login()
        self.update_access()

    def update_access(self) -> None:
        """Opens or closes the gates that the user and the need to log in stand for."""
        self.gates &= ~(GATE_UNAUTHENTICATED | GATE_ACL)
        if not self.authenticated and self.engine.access.requires_login():
            self.gates |= GATE_UNAUTHENTICATED
        if self.user.is_restricted:
            self.gates |= GATE_ACL

    def set_no_touch(self, no_touch: bool) -> None:
        """Says whether commands are to leave the access times of keys alone, except TOUCH."""
        self.no_touch = no_touch
        if no_touch:
            self.gates |= GATE_NO_TOUCH
        else:
            self.gates &= ~GATE_NO_TOUCH

    def set_tracking(self, tracking: ClientTracking | None) -> None:
        """Takes over what client-side caching is to do; `pyredis.engine.tracking` keeps the rest in step."""
        self.tracking = tracking
        if tracking is not None:
            self.gates |= GATE_TRACKING
        else:
            self.gates &= ~GATE_TRACKING

    def set_monitoring(self, is_monitoring: bool) -> None:
        """Begins or ceases to see the requests of all clients."""
        monitors = self.engine.monitors.clients
        if is_monitoring:
            monitors[self] = None
            self.gates |= GATE_MONITOR
        else:
            monitors.pop(self, None)
            self.gates &= ~GATE_MONITOR
        self.engine.update_monitor_gate()

    def subscriptions(self) -> int:
        """Channels and patterns subscribed to, as SUBSCRIBE counts them."""
        return len(self.channels) + len(self.patterns)

    def is_subscriber(self) -> bool:
        """Whether there is a subscription of any kind."""
        return len(self.channels) + len(self.patterns) + len(self.shard_channels) > 0

    def client_type(self) -> str:
        """The class of CLIENT LIST TYPE and of `client-output-buffer-limit`."""
        return "pubsub" if self.is_subscriber() else "normal"

    def update_subscribed_gate(self) -> None:
        """Closes the gate for RESP2 while there are subscriptions of any kind."""
        if not self.resp3 and self.is_subscriber():
            self.gates |= GATE_SUBSCRIBED
        else:
            self.gates &= ~GATE_SUBSCRIBED

    def begin_queue(self) -> None:
        """Enters MULTI."""
        self.queue = []
        self.queue_failed = False
        self.gates |= GATE_MULTI

    def enqueue(self, command: Command, argv: list[bytes]) -> None:
        """Keeps a command for EXEC, unless the transaction has failed already: then it is only answered."""
        if self.queue is not None and not self.queue_failed and not self.watch.dirty:
            self.queue.append(QueuedCommand(command, argv))
            if command.flags & RUNS_SCRIPT:
                self.queue_runs_script = True
            self.queued_bytes += sum(map(len, argv))

    def discard_queue(self) -> None:
        """Leaves MULTI and forgets the watched keys."""
        self.queue = None
        self.queue_failed = False
        self.queue_runs_script = False
        self.queued_bytes = 0
        self.gates &= ~GATE_MULTI
        self.watch.clear()

    def propagate_as(self, argv: list[bytes]) -> None:
        """Adds a command to the effects that are logged in place of the one that runs."""
        if self.engine.gates & GATE_PROPAGATING == 0:
            return
        if self.effects is None:
            self.effects = [argv]
        else:
            self.effects.append(argv)

    def swap_effects(self, effects: list[list[bytes]] | None) -> list[list[bytes]] | None:
        """Sets the named effects and returns those before.

        A method, because mypy takes an attribute that was set to None to be None still after a handler has
        run, and compiled code relies on what mypy thinks.
        """
        before = self.effects
        self.effects = effects
        return before

    def propagate_nothing(self) -> None:
        """Keeps the running command out of the log, though it changed something."""
        if self.effects is None:
            self.effects = []

    def reset(self) -> None:
        """Returns the connection to the state of a new one, as RESET asks."""
        self.discard_queue()
        self.engine.pubsub.leave_all(self)
        self.set_protocol(2)
        self.select(0)
        self.name = b""
        if self.reply_mode != REPLY_SKIP:  # RESET itself may be the command that is skipped
            self.reply_mode = REPLY_ON
        self.no_evict = False
        self.set_no_touch(False)
        self.engine.tracking.disable(self)
        self.set_monitoring(False)
        self.begin_as_default()

    def release(self) -> None:
        """Takes the client out of everything that knows it, when its connection has ended."""
        self.queue = None
        self.watch.clear()
        self.engine.pubsub.leave_all(self)
        self.engine.postponed.pop(self, None)
        self.engine.blocking.forget(self)
        self.engine.tracking.forget(self)
        if self.gates & GATE_MONITOR:
            self.set_monitoring(False)
        self.engine.client_limit.forget(self)
        if self.engine.clients.pop(self.client_id, None) is not None:
            self.engine.statistics.connection_ended(self)
