"""The server without its sockets: databases, clients, commands, pub/sub and the counters of one instance.

An `Engine` knows nothing of asyncio. What only the outside can do (stop the process, close a listener) it asks of its
`Host`. Several engines can live in one process, each with its own clock and statistics.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Final

from mypy_extensions import i64, mypyc_attr

from pyredis.acl.access import Access
from pyredis.clock import Clock
from pyredis.datatypes.list_value import ListLimits
from pyredis.datatypes.set_value import SetLimits
from pyredis.datatypes.stream import StreamLimits
from pyredis.engine.blocking import BLOCKING_TIMER, Blocking
from pyredis.engine.client_limit import ClientLimit
from pyredis.engine.command import FAST, SKIP_SLOWLOG, Command, CommandSpec, build_table, flatten_table
from pyredis.engine.latency import EXACT_CALLS, SAMPLE_MASK, Histogram, LatencyMonitor
from pyredis.engine.log_state import LogState
from pyredis.engine.memory_limit import EVICTION_TIMER, MemoryLimit
from pyredis.engine.monitors import Monitors, is_connected
from pyredis.engine.notifications import effective_mask, publish_event
from pyredis.engine.outgoing import Outgoing
from pyredis.engine.pubsub import PubSub
from pyredis.engine.redaction import redacted
from pyredis.engine.save_state import SaveState
from pyredis.engine.scripting import SCRIPT_TIMER, Scripting
from pyredis.engine.slow_log import SlowLog
from pyredis.engine.statistics import Statistics
from pyredis.engine.tracking import Tracking
from pyredis.errors import CommandError
from pyredis.form import COMPILED
from pyredis.keyspace.database import Database, Keyspace, KeyspaceListener

if TYPE_CHECKING:
    from pyredis.config import Config
    from pyredis.engine.context import Context

GATE_LOADING: Final = 1 << 0
GATE_PAUSED: Final = 1 << 1
GATE_PROPAGATING: Final = 1 << 2
GATE_LISTENING: Final = 1 << 3
"""Somebody wants to see every command (MONITOR)."""
GATE_DISK_ERROR: Final = 1 << 4
"""The last attempt to save data failed: commands that change any are refused."""

GATE_BUSY: Final = 1 << 6
"""A script has been suspended because it takes long; until it ends nothing else may change anything."""

GATE_READING: Final = 1 << 7
"""A client runs that tracks the keys it reads; see `pyredis.engine.tracking`."""

GATE_MEMORY: Final = 1 << 8
"""There is a limit to memory: before a command room may have to be made; see `pyredis.engine.memory_limit`."""

PAUSE_NONE: Final = 0
PAUSE_WRITE: Final = 1
PAUSE_ALL: Final = 2
PAUSE_TIMER: Final = "pause"

NO_LIMIT: Final[i64] = (1 << 62) - 1
NEVER_SLOW: Final = 1e300
"""A time in seconds that no command takes."""

ERROR_CODES_MAX: Final = 128
ERROR_CODES_DISABLED: Final = b"ERRORSTATS_DISABLED"

log = logging.getLogger("pyredis")


class Listener:
    """Where connections are accepted: `kind` is `tcp`, `tls` or `unix`; a unix socket has its path as the address."""

    def __init__(self, kind: str, addresses: list[str], port: int) -> None:
        self.kind: str = kind
        self.addresses: list[str] = addresses
        self.port: int = port


@mypyc_attr(allow_interpreted_subclasses=True)
class Host:
    """What an engine asks of the process around it."""

    def request_shutdown(self, save: bool | None, now: bool, force: bool) -> bool:
        """Stops the process: `save` None follows the save rules, `now` waits for no replica, `force` ignores errors.

        False when it will go on, because what had to be done first failed; the log says why.
        """
        return False

    def abort_shutdown(self) -> bool:
        """Takes back a shutdown that has not happened; false when none was under way."""
        return False

    def save_in_background(self) -> bool:
        """Begins to save everything in a child process; false when that cannot be, and the log says why."""
        return False

    def flushed(self) -> None:
        """All databases have been emptied; what is saved has to follow."""

    def child_purpose(self) -> str:
        """What the child process does that is running, empty when there is none."""
        return ""

    def rewrite_log(self) -> bool:
        """Begins to rewrite the log in a child process; false when that cannot be, and the log says why."""
        return False

    def reload_log(self) -> str:
        """Empties everything and replays the log; an error text when there is none. A damaged one ends the process."""
        return "there is no log"

    def measure_log(self) -> None:
        """Brings the engine's `LogState`, and what its `SaveState` says of work under way, up to date."""

    def turn_log(self, is_on: bool) -> bool:
        """Begins or ceases to log changes to a file; false when it cannot begin, and the log says why."""
        return not is_on

    def listening(self) -> list[Listener]:
        """Where connections are accepted right now."""
        return []

    def supervisor(self) -> str:
        """Who started the process and watches it: `systemd`, `upstart` or `no`."""
        return "no"

    def panic(self, reason: str, argv: list[bytes]) -> None:
        """Ends the process because of a fault that it met with a request."""
        raise RuntimeError(reason)

    def pause_cron(self, is_paused: bool) -> None:
        """Stops all work of the background, or lets it go on."""

    def call_later(self, seconds: float, what: str) -> None:
        """Calls `Engine.timer_fired(what)` after a while; a later call for the same thing replaces the earlier one."""


@mypyc_attr(allow_interpreted_subclasses=True)
class PropagationSink:
    """Receives every change as commands: a log or a replica."""

    def write(self, commands: list[tuple[int, list[bytes]]]) -> None:
        """Takes the changes of one command; several are one transaction."""


class Engine(KeyspaceListener):
    """One Redis instance; see the module's text."""

    def __init__(self, config: Config, clock: Clock, specs: list[CommandSpec], host: Host) -> None:
        self.config: Config = config
        self.clock: Clock = clock
        self.host: Host = host
        self.keyspace: Keyspace = Keyspace(config.get_int("databases"), clock)
        self.commands: dict[bytes, Command] = build_table(specs)
        self.all_commands: list[Command] = flatten_table(self.commands)
        self.pubsub: PubSub = PubSub()
        self.blocking: Blocking = Blocking(self)
        self.clients: dict[int, Context] = {}
        self.access: Access = Access(self.all_commands, self.clients)
        self.gates: i64 = 0
        self.run_id: str = os.urandom(20).hex()
        self.replication_id: str = os.urandom(20).hex()
        self.started_ms: i64 = clock.now_ms
        self.last_client_id: int = 0
        # Directives read often; `apply_config` keeps them.
        self.max_clients: int = 10_000
        self.idle_timeout: int = 0
        self.tcp_keepalive: int = 0
        self.query_buffer_limit: i64 = 1 << 30
        self.max_bulk: int = 512 << 20
        self.output_limits: dict[str, tuple[int, int, int]] = {}
        # A write of more has to be looked at, as it may be over the hard limit by itself.
        self.output_limit_min: i64 = NO_LIMIT
        self.list_limits: ListLimits = ListLimits()
        self.set_limits: SetLimits = SetLimits()
        self.stream_limits: StreamLimits = StreamLimits()
        self.zset_max_entries: i64 = 128
        self.zset_max_value: i64 = 64
        self.hll_sparse_max: i64 = 3000
        self.hash_max_entries: i64 = 512
        self.hash_max_value: i64 = 64
        # What is read may have wrong checksums: a debugger's wish.
        self.skips_checksums: bool = False
        self.connections_received: int = 0
        self.rejected_connections: int = 0
        # When the last command ended, which is when the next starts; in seconds, of the machine's clock.
        self.tick: float = 0.0
        # What takes so many seconds goes to `note_slow`; and whether the time of each command is counted.
        self.slow_seconds: float = NEVER_SLOW
        self.tracks_latency: bool = True
        self.slow_log: SlowLog = SlowLog()
        self.latency: LatencyMonitor = LatencyMonitor()
        self.monitors: Monitors = Monitors()
        self.tracking: Tracking = Tracking(self)
        self.error_counts: dict[bytes, int] = {}
        self.error_replies: int = 0
        self.statistics: Statistics = Statistics()
        self.memory: MemoryLimit = MemoryLimit(self)
        self.client_limit: ClientLimit = ClientLimit(self)
        self.pause_kind: i64 = PAUSE_NONE
        self.pause_until_ms: i64 = 0
        # Clients whose request CLIENT PAUSE holds back, in the order in which they came to wait.
        self.postponed: dict[Context, None] = {}
        # While a session runs requests, and which; messages to other clients then gather in `unsent`.
        self.is_busy: bool = False
        self.current: Context | None = None
        self.unsent: list[Context] = []
        # Why the log could not be written, empty when it could; commands that write are then refused.
        self.log_error: bytes = b""
        self.saving: SaveState = SaveState(clock.now_ms // 1000)
        self.logging: LogState = LogState()
        # While output waits for the disk, the clients that have some.
        self.is_holding: bool = False
        self.held: list[Context] = []
        # Commands to log after the running one has ended: (database index, argv).
        self.propagated: list[tuple[int, list[bytes]]] = []
        self.propagation_depth: i64 = 0
        self.sinks: list[PropagationSink] = []
        self.scripting: Scripting = Scripting()
        self.outgoing: Outgoing = Outgoing()
        # Timers that fired while a script was suspended.
        self.late_timers: list[str] = []

    def apply_config(self) -> None:
        """Reads the directives that are kept in attributes, now and after every CONFIG SET."""
        config = self.config
        for name, apply in (
            ("maxclients", self._apply_limits),
            ("timeout", self._apply_limits),
            ("tcp-keepalive", self._apply_limits),
            ("client-query-buffer-limit", self._apply_limits),
            ("client-output-buffer-limit", self._apply_limits),
            ("proto-max-bulk-len", self._apply_limits),
            ("lazyfree-lazy-expire", self._apply_keyspace),
            ("lazyfree-lazy-server-del", self._apply_keyspace),
            ("lazyfree-lazy-user-del", self._apply_keyspace),
            ("maxmemory-policy", self._apply_keyspace),
            ("lfu-log-factor", self._apply_keyspace),
            ("lfu-decay-time", self._apply_keyspace),
            ("list-max-listpack-size", self._apply_encodings),
            ("set-max-intset-entries", self._apply_encodings),
            ("set-max-listpack-entries", self._apply_encodings),
            ("set-max-listpack-value", self._apply_encodings),
            ("zset-max-listpack-entries", self._apply_encodings),
            ("zset-max-listpack-value", self._apply_encodings),
            ("hll-sparse-max-bytes", self._apply_encodings),
            ("hash-max-listpack-entries", self._apply_encodings),
            ("hash-max-listpack-value", self._apply_encodings),
            ("stream-node-max-bytes", self._apply_encodings),
            ("stream-node-max-entries", self._apply_encodings),
            ("appendonly", self._turn_log),
            ("stop-writes-on-bgsave-error", self._apply_saving),
            ("save", self._apply_saving),
            ("notify-keyspace-events", self._apply_observation),
            ("slowlog-log-slower-than", self._apply_observation),
            ("slowlog-max-len", self._apply_observation),
            ("latency-monitor-threshold", self._apply_observation),
            ("latency-tracking", self._apply_observation),
            ("tracking-table-max-keys", self._apply_observation),
        ):
            config.on_change(name, apply)
        self.access.follow(config)
        self._apply_limits(config)
        self._apply_encodings(config)
        self._apply_keyspace(config)
        self._apply_observation(config)
        self.statistics.used_memory()
        self.statistics.limit = self.memory
        self.memory.follow(config)
        self.client_limit.follow(config)

    def _apply_saving(self, config: Config) -> str | None:
        self.update_disk_gate()
        return None

    def _turn_log(self, config: Config) -> str | None:
        is_on = config.get_bool("appendonly")
        if self.host.turn_log(is_on):
            return None
        return "Unable to turn on AOF. Check server logs."

    def _apply_limits(self, config: Config) -> str | None:
        self.max_clients = config.get_int("maxclients")
        self.idle_timeout = config.get_int("timeout")
        self.tcp_keepalive = config.get_int("tcp-keepalive")
        self.query_buffer_limit = config.get_int("client-query-buffer-limit")
        self.output_limits = config.client_output_buffer_limits()
        self.output_limit_min = min([limit[0] or NO_LIMIT for limit in self.output_limits.values()])
        self.max_bulk = config.get_int("proto-max-bulk-len")
        for ctx in self.clients.values():
            ctx.apply_limits()
        return None

    def _apply_encodings(self, config: Config) -> str | None:
        self.list_limits.set(config.get_int("list-max-listpack-size"))
        self.set_limits.set(
            config.get_int("set-max-intset-entries"),
            config.get_int("set-max-listpack-entries"),
            config.get_int("set-max-listpack-value"),
        )
        self.zset_max_entries = config.get_int("zset-max-listpack-entries")
        self.zset_max_value = config.get_int("zset-max-listpack-value")
        self.hll_sparse_max = config.get_int("hll-sparse-max-bytes")
        self.hash_max_entries = config.get_int("hash-max-listpack-entries")
        self.hash_max_value = config.get_int("hash-max-listpack-value")
        self.stream_limits.set(
            config.get_int("stream-node-max-bytes"), config.get_int("stream-node-max-entries")
        )
        return None

    def _apply_keyspace(self, config: Config) -> str | None:
        keyspace = self.keyspace
        keyspace.lazy_expire = config.get_bool("lazyfree-lazy-expire")
        keyspace.lazy_server_del = config.get_bool("lazyfree-lazy-server-del")
        keyspace.lazy_user_del = config.get_bool("lazyfree-lazy-user-del")
        keyspace.access_policy.log_factor = float(config.get_int("lfu-log-factor"))
        keyspace.access_policy.decay_minutes = config.get_int("lfu-decay-time")
        keyspace.count_frequency(config.get_str("maxmemory-policy").endswith("-lfu"))
        return None

    def _apply_observation(self, config: Config) -> str | None:
        """What is noted about commands and keys: slow ones, times, events, keys that clients have cached."""
        slow_log = self.slow_log
        slow_log.slower_than = config.get_int("slowlog-log-slower-than")
        slow_log.length_max = config.get_int("slowlog-max-len")
        slow_log.trim()
        self.latency.threshold = config.get_int("latency-monitor-threshold")
        tracks_latency = config.get_bool("latency-tracking")
        if tracks_latency != self.tracks_latency:
            self.tracks_latency = tracks_latency
            for command in self.all_commands:
                self.set_time_mask(command)
        self.slow_seconds = NEVER_SLOW
        if slow_log.is_on():
            self.slow_seconds = float(slow_log.slower_than) / 1e6
        if self.latency.threshold > 0:
            self.slow_seconds = min(self.slow_seconds, float(self.latency.threshold) / 1000)
        self.keyspace.event_mask = effective_mask(config.get_int("notify-keyspace-events"))
        self.tracking.keys_max = config.get_int("tracking-table-max-keys")
        self.tracking.limit()
        self.update_listening()
        return None

    def update_listening(self) -> None:
        """Has the databases report what happens to their keys, as long as anybody wants to know."""
        keyspace = self.keyspace
        wanted = len(self.sinks) > 0 or keyspace.event_mask != 0 or self.tracking.is_listening()
        if wanted and keyspace.listener is None:
            keyspace.listener = self
        elif not wanted and keyspace.listener is self:
            keyspace.listener = None

    def update_monitor_gate(self) -> None:
        """Opens or closes the gate that has every command shown."""
        if self.monitors.clients:
            self.gates |= GATE_LISTENING
        else:
            self.gates &= ~GATE_LISTENING

    def set_limited(self, is_limited: bool) -> None:
        """Opens or closes the gate that has room made before each command."""
        if is_limited:
            self.gates |= GATE_MEMORY
        else:
            self.gates &= ~GATE_MEMORY

    def is_loading(self) -> bool:
        """Whether data is being loaded."""
        return self.gates & GATE_LOADING != 0

    def may_evict(self) -> bool:
        """Whether keys may go to make room: not while data is loaded, a script is suspended, or during a pause."""
        if self.gates & (GATE_LOADING | GATE_BUSY):
            return False
        return not self.gates & GATE_PAUSED or not self.is_paused()

    def set_reader(self, ctx: Context | None) -> None:
        """Says which client's reads are tracked from now on, and whose changes are its own."""
        self.tracking.set_running(ctx)
        if ctx is not None:
            self.gates |= GATE_READING
        else:
            self.gates &= ~GATE_READING

    def begin_histogram(self, command: Command) -> Histogram:
        """The histogram of a command that is called for the first time."""
        command.histogram = histogram = Histogram()
        return histogram

    def set_time_mask(self, command: Command) -> None:
        """Says which calls of a command are timed from now on; see `pyredis.engine.latency`."""
        if not self.tracks_latency:
            command.time_mask = -1
        elif COMPILED or command.calls < EXACT_CALLS:
            command.time_mask = 0
        else:
            command.time_mask = SAMPLE_MASK

    def note_slow(self, ctx: Context, command: Command, argv: list[bytes], seconds: float) -> None:
        """Takes down a command that took long, wherever it was long enough for."""
        second = int(self.clock.now_ms // 1000)
        event = b"fast-command" if command.flags & FAST else b"command"
        self.latency.add(event, second, seconds)
        log = self.slow_log
        microseconds = int(seconds * 1e6)
        if not log.is_on() or microseconds < log.slower_than or command.flags & SKIP_SLOWLOG:
            return
        address, name = b"?:0", b""
        if is_connected(ctx):
            address, name = ctx.address.encode("utf-8", "surrogateescape"), ctx.name
        log.add(second, microseconds, redacted(command, argv), address, name)

    def note_latency(self, event: bytes, seconds: float) -> None:
        """Takes down how long something other than a command took, if that was long enough."""
        self.latency.add(event, int(self.clock.now_ms // 1000), seconds)

    def end_background_work(self) -> None:
        """Hands over what work that is no command's has changed: to the log, and to clients that cache."""
        self.flush_propagated()
        if self.tracking.has_news:
            self.tracking.broadcast()

    def next_client_id(self) -> int:
        """Identifiers grow and are never used again."""
        self.last_client_id += 1
        return self.last_client_id

    def count_error(self, reply: bytes) -> None:
        """Counts an error reply, and its first word for INFO errorstats.

        Scripts can make up first words, so beyond a limit they are no longer told apart, until CONFIG RESETSTAT.
        """
        self.error_replies += 1
        counts = self.error_counts
        end = reply.find(b" ", 0, 32)
        code = reply[1:end] if end > 0 else b"ERR"
        if code in counts:
            counts[code] += 1
        elif len(counts) < ERROR_CODES_MAX:
            if ERROR_CODES_DISABLED not in counts:
                counts[code] = 1
        else:
            log.warning(
                "Errorstats stopped adding new errors because there were %d kinds of them.", len(counts)
            )
            self.error_counts = {ERROR_CODES_DISABLED: 1}

    def sample(self) -> None:
        """Takes a sample of rates and memory; the cron calls it often, and only some calls do something."""
        self.statistics.sample(self)
        self.client_limit.tick()
        self.memory.tick()

    def reset_statistics(self) -> None:
        """Zeroes the counters that CONFIG RESETSTAT zeroes."""
        keyspace = self.keyspace
        keyspace.hits = 0
        keyspace.misses = 0
        keyspace.expired = 0
        keyspace.expired_fields = 0
        keyspace.lazy_free.freed = 0
        self.connections_received = 0
        self.rejected_connections = 0
        self.error_counts = {}
        self.error_replies = 0
        for command in self.all_commands:
            command.reset_statistics()
            self.set_time_mask(command)
        self.statistics.reset(self)
        self.memory.reset()
        self.client_limit.evicted = 0

    def event(self, kind: int, name: bytes, key: bytes, database: Database) -> None:
        """Publishes a keyspace event."""
        publish_event(self.pubsub, self.keyspace.event_mask, name, key, database.index)

    def key_changed(self, database: Database, key: bytes) -> None:
        """Tells clients that have cached the key."""
        self.tracking.key_changed(key)

    def key_expired(self, database: Database, key: bytes) -> None:
        """Logs the expiry as the deletion that it is."""
        self.tracking.key_expired(key)
        if self.gates & GATE_PROPAGATING:
            name = b"UNLINK" if database.keyspace.lazy_expire else b"DEL"
            self.propagated.append((database.index, [name, key]))

    def key_evicted(self, database: Database, key: bytes, is_lazy: bool) -> None:
        """Logs the eviction of a key as the deletion that it is, and alone, whatever follows."""
        if self.gates & GATE_PROPAGATING:
            self.propagated.append((database.index, [b"UNLINK" if is_lazy else b"DEL", key]))
            self.flush_propagated()

    def field_expired(self, database: Database, key: bytes, field: bytes) -> None:
        """Logs the expiry of a hash's field as the deletion that it is."""
        if self.gates & GATE_PROPAGATING:
            self.propagated.append((database.index, [b"HDEL", key, field]))

    def propagate(self, index: int, argv: list[bytes]) -> None:
        """Queues a command for the log; `flush_propagated` hands over what one request caused."""
        self.propagated.append((index, argv))

    def flush_propagated(self) -> None:
        """Gives the queued commands to every sink, as one unit."""
        if self.propagated:
            commands, self.propagated = self.propagated, []
            for sink in self.sinks:
                sink.write(commands)

    def add_sink(self, sink: PropagationSink) -> None:
        """Starts sending changes to `sink`."""
        self.sinks.append(sink)
        self.gates |= GATE_PROPAGATING
        self.update_listening()

    def remove_sink(self, sink: PropagationSink) -> None:
        """Stops sending changes to `sink`."""
        self.sinks.remove(sink)
        if not self.sinks:
            self.gates &= ~GATE_PROPAGATING
            self.update_listening()

    def checks_sums(self) -> bool:
        """Whether the checksum of a snapshot that is loaded has to be right."""
        return not self.skips_checksums and self.config.get_bool("rdbchecksum")

    def begin_loading(self) -> None:
        """Has clients told to come back later."""
        self.gates |= GATE_LOADING
        self.memory.suspend()

    def end_loading(self) -> None:
        """Opens the server to its clients; what was loaded is no change, and no access."""
        self.gates &= ~GATE_LOADING
        keyspace = self.keyspace
        keyspace.dirty = 0
        keyspace.hits = 0
        keyspace.misses = 0
        self.memory.begin()

    def set_log_error(self, error: str) -> None:
        """Says why changes cannot be logged, or with an empty text that they can."""
        self.log_error = error.encode("utf-8", "replace")
        self.update_disk_gate()

    def is_unsaved(self) -> bool:
        """Whether changes are refused because the last snapshot failed."""
        config = self.config
        return (
            not self.saving.was_last_good
            and config.get_bool("stop-writes-on-bgsave-error")
            and len(config.save_rules()) > 0
        )

    def update_disk_gate(self) -> None:
        """Opens or closes the gate for commands that write, after an attempt to save or log."""
        if self.log_error or self.is_unsaved():
            self.gates |= GATE_DISK_ERROR
        else:
            self.gates &= ~GATE_DISK_ERROR

    def hold_replies(self) -> None:
        """Keeps all output back until `release_replies`: something has to be on disk first."""
        self.is_holding = True

    def release_replies(self) -> None:
        """Lets the output go that waited for the disk."""
        self.is_holding = False
        held = self.held
        self.held = []
        for ctx in held:
            ctx.send_held()

    def send_pushed(self) -> None:
        """Sends the messages that have gathered for clients."""
        waiting = self.unsent
        self.unsent = []
        for ctx in waiting:
            ctx.send_pushed()

    def pause(self, kind: i64, until_ms: i64) -> None:
        """Holds commands back until a time; the stricter kind and the later time win, as in Redis."""
        if kind > self.pause_kind or not self.is_paused():
            self.pause_kind = kind
        self.pause_until_ms = max(self.pause_until_ms, until_ms)
        self.gates |= GATE_PAUSED
        self.keyspace.keeps_expired = True
        self._await_pause()

    def timer_fired(self, what: str) -> None:
        """The host's answer to `call_later`; its clock may be a little ahead of ours."""
        if what == SCRIPT_TIMER:
            self.scripting.timer_fired()
        elif self.gates & GATE_BUSY:
            self.late_timers.append(what)
        elif what == BLOCKING_TIMER:
            self.blocking.expire()
        elif what == PAUSE_TIMER and self.is_paused():
            self._await_pause()
        elif what == EVICTION_TIMER:
            self.memory.timer_fired()
        if self.tracking.has_news:
            self.tracking.broadcast()

    def fire_late_timers(self) -> None:
        """Makes up for the timers that fired while a script was suspended."""
        late = self.late_timers
        self.late_timers = []
        for what in late:
            self.timer_fired(what)

    def _await_pause(self) -> None:
        remaining_ms = max(self.pause_until_ms - self.clock.now_ms, 0)
        self.host.call_later(remaining_ms / 1000, PAUSE_TIMER)

    def unpause(self) -> None:
        """Lets all commands go on."""
        self.pause_kind = PAUSE_NONE
        self.pause_until_ms = 0
        self.gates &= ~GATE_PAUSED
        self.keyspace.keeps_expired = False
        waiting = list(self.postponed)
        self.postponed.clear()
        for ctx in waiting:
            ctx.wake()

    def is_paused(self) -> bool:
        """Whether a pause is in force; one that has run out ends here."""
        if self.pause_kind != PAUSE_NONE and self.clock.now_ms >= self.pause_until_ms:
            self.unpause()
        return self.pause_kind != PAUSE_NONE

    def check_protected(self, ctx: Context, command: Command) -> None:
        """Raises unless `enable-<name>-command` allows this connection to run a protected command."""
        name = command.full_name.split(b"|")[0]
        allowed = self.config.get_str("enable-" + name.decode() + "-command")
        if allowed == "yes" or (allowed == "local" and ctx.is_local()):
            return
        raise CommandError(
            b"ERR "
            + name.upper()
            + b" command not allowed. If the enable-"
            + name
            + b"-command option is set to "
            b'"local", you can run it from a local connection, otherwise you need to set this option in the '
            b"configuration file, and then restart the server."
        )
