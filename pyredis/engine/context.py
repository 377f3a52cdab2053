"""What a command handler sees: one client, the database it selected, and the engine behind both.

`Context` holds the state of a connection but no socket. A server session, the in-process client and a script each
subclass it and decide where `push` delivers. The gates are bits that send a command through the careful path of
dispatch; zero means that the handler may run at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

from pyredis.errors import DB_INDEX_OUT_OF_RANGE, CommandError
from pyredis.keyspace.database import Database, KeyWatch
from pyredis.protocol.encode import NULL, NULL_ARRAY, NULL_BULK

if TYPE_CHECKING:
    from pyredis.engine.command import Command
    from pyredis.engine.engine import Engine

GATE_UNAUTHENTICATED: Final = 1 << 0
GATE_MULTI: Final = 1 << 1
GATE_SUBSCRIBED: Final = 1 << 2
"""A RESP2 connection with subscriptions: only a few commands are allowed."""

REPLY_ON: Final = 0
REPLY_OFF: Final = 1
REPLY_SKIP_NEXT: Final = 2
REPLY_SKIP: Final = 3


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
        self.fd: int = -1
        self.name: bytes = b""
        self.lib_name: bytes = b""
        self.lib_version: bytes = b""
        self.user: bytes = b"default"
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
        # Transactions. `queue` is a list between MULTI and EXEC.
        self.queue: list[QueuedCommand] | None = None
        self.queue_failed: bool = False
        self.watch: KeyWatch = KeyWatch()
        self.in_exec: bool = False
        # Subscriptions, in the order in which they were made.
        self.channels: dict[bytes, None] = {}
        self.patterns: dict[bytes, None] = {}
        self.shard_channels: dict[bytes, None] = {}
        # Replies.
        self.reply_mode: i64 = REPLY_ON
        self.closing: bool = False
        # Waits for a reply that comes later, or is held by CLIENT PAUSE.
        self.is_blocked: bool = False
        # What to log instead of the command itself; None = the command as it came.
        self.effects: list[list[bytes]] | None = None

    def push(self, data: bytes) -> None:
        """Delivers an encoded out-of-band message; a context without a reader drops it."""

    def close(self, after_reply: bool) -> None:
        """Ends the connection, at once or once the replies given so far are sent."""
        self.closing = True

    def resume(self) -> None:
        """Runs what was postponed, when a pause or a wait has ended."""

    def apply_limits(self) -> None:
        """Takes over the engine's limits, when they have changed."""

    def is_local(self) -> bool:
        """Whether the client is on this machine: loopback or a unix socket."""
        return True

    def query_buffer(self) -> tuple[int, int]:
        """Bytes received and not yet run, and bytes of room left."""
        return 0, 0

    def output_buffer(self) -> tuple[int, int]:
        """Messages and bytes waiting to be sent."""
        return 0, 0

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

    def set_authenticated(self, authenticated: bool) -> None:
        """Opens or closes the gate that stands before AUTH."""
        self.authenticated = authenticated
        if authenticated:
            self.gates &= ~GATE_UNAUTHENTICATED
        else:
            self.gates |= GATE_UNAUTHENTICATED

    def subscriptions(self) -> int:
        """Channels and patterns subscribed to, as SUBSCRIBE counts them."""
        return len(self.channels) + len(self.patterns)

    def update_subscribed_gate(self) -> None:
        """Closes the gate for RESP2 while there are subscriptions of any kind."""
        if not self.resp3 and (self.channels or self.patterns or self.shard_channels):
            self.gates |= GATE_SUBSCRIBED
        else:
            self.gates &= ~GATE_SUBSCRIBED

    def begin_queue(self) -> None:
        """Enters MULTI."""
        self.queue = []
        self.queue_failed = False
        self.gates |= GATE_MULTI

    def discard_queue(self) -> None:
        """Leaves MULTI and forgets the watched keys."""
        self.queue = None
        self.queue_failed = False
        self.gates &= ~GATE_MULTI
        self.watch.clear()

    def propagate_as(self, argv: list[bytes]) -> None:
        """Adds a command to the effects that are logged in place of the one that runs."""
        if self.effects is None:
            self.effects = [argv]
        else:
            self.effects.append(argv)

    def propagate_nothing(self) -> None:
        """Keeps the running command out of the log, though it changed something."""
        if self.effects is None:
            self.effects = []

    def reset(self) -> None:
        """Returns the connection to the state of a new one, as RESET asks."""
        self.discard_queue()
        self.engine.pubsub.unsubscribe_all(self)
        self.set_protocol(2)
        self.select(0)
        self.name = b""
        self.reply_mode = REPLY_ON
        self.no_evict = False
        self.no_touch = False
        self.user = b"default"
        self.set_authenticated(not self.engine.requires_password())

    def release(self) -> None:
        """Takes the client out of everything that knows it, when its connection has ended."""
        self.queue = None
        self.watch.clear()
        self.engine.pubsub.unsubscribe_all(self)
        if self.engine.clients.pop(self.client_id, None) is not None:
            self.engine.statistics.connection_ended(self)
