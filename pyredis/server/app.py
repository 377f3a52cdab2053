"""A running server: configuration, listeners, connections, signals, start and stop.

`App` owns what only a process has. The engine asks it through `Host`; connections are admitted and let go here.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from pyredis import REDIS_VERSION, __version__
from pyredis.acl.startup import StartupError, load_users
from pyredis.clock import Clock
from pyredis.commands import all_specs
from pyredis.config import Config, ConfigError
from pyredis.engine.engine import GATE_LOADING, Engine, Host, Listener
from pyredis.form import COMPILED
from pyredis.persistence.aof import AofError
from pyredis.persistence.aof_load import AofLoadError
from pyredis.protocol.fast_parser import make_parser
from pyredis.scripting.scripts import LuaScripting
from pyredis.server.append_only import AppendOnly
from pyredis.server.child import Child
from pyredis.server.cron import Cron
from pyredis.server.listeners import ListenError, Listeners
from pyredis.server.log import log
from pyredis.server.metrics_port import MetricsPort
from pyredis.server.service import Service, begin_log, check_signals
from pyredis.server.session import Session
from pyredis.server.snapshots import Snapshots
from pyredis.server.tls import DIRECTIVES as TLS_DIRECTIVES
from pyredis.server.tls import Tls
from pyredis.server.tls_connection import Handshakes, TlsConnection
from pyredis.server.transport import Connection

RESERVED_FILES: Final = 32
"""Descriptors kept for everything that is no client: listeners, logs, files."""

CANNOT_LISTEN: Final = "Unable to listen on this port. Check server logs."
CANNOT_USE_TLS: Final = "Unable to update TLS configuration. Check server logs."

MAX_CLIENTS_ERROR: Final = b"-ERR max number of clients reached\r\n"

PROTECTED_MODE_ERROR: Final = (
    b"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the "
    b"default user. In this mode connections are only accepted from the loopback interface. If you want to connect "
    b"from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode "
    b"sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the "
    b"same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do "
    b"so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode "
    b"by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting "
    b"the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' "
    b"option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one of the above "
    b"things in order for the server to start accepting connections from the outside.\r\n"
)


class App(Host):
    """See the module's text."""

    def __init__(self, config: Config) -> None:
        self.config: Config = config
        self.engine: Engine = Engine(config, Clock(), all_specs(), self)
        self.engine.scripting = LuaScripting(self.engine)
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        # See `transport`: asyncio's own transports write at once.
        self.bypasses_transports: bool = type(self.loop).__module__.startswith("uvloop")
        self.stopped: asyncio.Future[int] = self.loop.create_future()
        self.tls: Tls = Tls(config)
        self.handshakes: Handshakes = Handshakes(self)
        self.listeners: Listeners = Listeners(config, self.connection_factory)
        self.child: Child = Child(self.loop)
        self.append_only: AppendOnly = AppendOnly(self.engine, self.loop, self.child)
        self.snapshots: Snapshots = Snapshots(self.engine, self.child)
        self.cron: Cron = Cron(self)
        self.metrics: MetricsPort = MetricsPort(self.engine, self.loop)
        self.service: Service = Service(self)
        self.next_client_check_ms: i64 = 0
        self.timers: dict[str, asyncio.TimerHandle] = {}

    async def run(self) -> int:
        """Serves until asked to stop; returns the exit code."""
        self.engine.apply_config()
        self.service.begin()
        try:
            load_users(self.engine.access, self.config)
        except StartupError as unusable:
            log.warning("%s", unusable)
            return 1
        self._fit_max_clients()
        self._follow_config()
        self._warn_of_missing_parts()
        if self.config.get_int("tls-port") and not self.tls.configure():
            log.warning("Failed to configure TLS. Check logs for more info.")
            return 1
        log.info("Server initialized")
        self.engine.begin_loading()  # nobody is served before the data is there
        try:
            await self.metrics.open()
            await self.listeners.open()
        except ListenError as error:
            log.warning("%s", error)
            self.metrics.close()
            return 1
        self.service.own_files_and_signals()
        loading = self.loop.create_task(self._load())
        await asyncio.wait((loading, self.stopped), return_when=asyncio.FIRST_COMPLETED)
        if not self.stopped.done():
            if not loading.result():
                self._stop()
                return 1
            self.cron.start()
            self.listeners.announce()
            self.service.supervision.ready()
            await self.stopped
        loading.cancel()
        await asyncio.wait((loading,))
        self._stop()
        log.warning("Redis is now ready to exit, bye bye...")
        return self.stopped.result()

    async def _load(self) -> bool:
        """Loads what was saved and begins to log; false when that cannot be."""
        engine = self.engine
        if not self.config.get_bool("appendonly"):
            try:
                return await self.snapshots.load()
            finally:
                engine.end_loading()
        engine.begin_loading()
        try:
            await self.append_only.load()
            self.append_only.start()
        except (AofError, AofLoadError) as error:
            log.warning("%s", error)
            return False
        except OSError as failure:
            log.warning("The append only file cannot be opened: %s", failure)
            return False
        finally:
            engine.end_loading()
        return True

    def _fit_max_clients(self) -> None:
        """Makes room for `maxclients` sockets, or lowers it to what the system allows, as Redis does."""
        wanted = self.config.get_int("maxclients")
        clients = make_room(wanted)
        if clients < wanted:
            log.warning("maxclients has been reduced to %d to fit the limit of open files.", clients)
            self.config.assign("maxclients", clients)
            self.engine.max_clients = clients

    def _follow_config(self) -> None:
        """Has CONFIG SET reach what only a process has."""
        config = self.config
        config.on_change("maxclients", self._change_max_clients)
        config.on_change("port", self._change_port)
        config.on_change("bind", self._change_addresses)
        config.on_change("tls-port", self._change_tls_port)
        for name in TLS_DIRECTIVES:
            config.on_change(name, self._change_tls)
        config.on_change("metrics-port", self._change_metrics)
        config.on_change("metrics-bind", self._change_metrics)
        config.on_change("appendfsync", self._change_log)
        config.on_change("aof-timestamp-enabled", self._change_log)

    def _change_max_clients(self, config: Config) -> str | None:
        wanted = config.get_int("maxclients")
        clients = make_room(wanted)
        if clients < wanted:
            text = "The operating system is not able to handle the specified number of clients, try with"
            return f"{text} {clients}"
        return None

    def _change_port(self, config: Config) -> str | None:
        return None if self.listeners.tcp.follow_config() else CANNOT_LISTEN

    def _change_addresses(self, config: Config) -> str | None:
        return None if self.listeners.follow_addresses() else "Failed to bind to specified addresses."

    def _change_tls_port(self, config: Config) -> str | None:
        if config.get_int("tls-port") and not self.listeners.tls.port and not self.tls.configure():
            return CANNOT_USE_TLS
        return None if self.listeners.tls.follow_config() else CANNOT_LISTEN

    def _change_tls(self, config: Config) -> str | None:
        if config.get_int("tls-port") and not self.tls.configure():
            return CANNOT_USE_TLS
        return None

    def _change_metrics(self, config: Config) -> str | None:
        return None if self.metrics.follow_config() else CANNOT_LISTEN

    def _change_log(self, config: Config) -> str | None:
        self.append_only.follow_config()
        return None

    def _warn_of_missing_parts(self) -> None:
        """Says which configured features this version does not have, rather than let anyone rely on them."""
        config = self.config
        wanted = [
            name
            for name, is_set in (
                ("tls-replication", config.get_bool("tls-replication")),
                ("tls-cluster", config.get_bool("tls-cluster")),
                ("replicaof", config.replicaof() is not None),
                ("cluster-enabled", config.get_bool("cluster-enabled")),
                ("locale-collate", config.get_str("locale-collate") != ""),
                ("always-show-logo", config.get_bool("always-show-logo")),
            )
            if is_set
        ]
        wanted += sorted({pending.name for pending in config.pending})
        if wanted:
            log.warning("WARNING This version does not support, and ignores: %s.", ", ".join(wanted))

    def connection_factory(self, kind: str) -> Callable[[], Connection]:
        """What asyncio calls for each connection accepted on a listener of `kind`: `tcp`, `tls` or `unix`."""
        if kind == "tls":
            return lambda: TlsConnection(self, kind)
        return lambda: Connection(self, kind)

    def is_full(self) -> bool:
        """Whether `maxclients` admits nobody else; who shakes hands counts too."""
        return len(self.engine.clients) + len(self.handshakes.waiting) >= self.engine.max_clients

    def accept(self, connection: Connection) -> Session | None:
        """Admits a connection, or answers why not and closes it."""
        engine = self.engine
        if self.is_full():
            engine.rejected_connections += 1
            connection.write(MAX_CLIENTS_ERROR)
            connection.close()
            return None
        session = Session(engine, connection, make_parser())
        connection.describe(session)
        if engine.access.is_protected() and not session.is_local():
            engine.rejected_connections += 1
            connection.write(PROTECTED_MODE_ERROR)
            connection.close()
            session.release()
            return None
        engine.connections_received += 1
        return session

    def listening(self) -> list[Listener]:
        """Where connections are accepted right now."""
        return self.listeners.listening()

    def supervisor(self) -> str:
        """Who started the server and watches it: `systemd`, `upstart` or `no`."""
        return self.service.supervision.name

    def panic(self, reason: str, argv: list[bytes]) -> None:
        """Ends the process with a report of a fault."""
        self.service.panic(reason, argv)

    def request_shutdown(self, save: bool | None, now: bool, force: bool) -> bool:
        """Stops serving once the current commands have been answered."""
        log.warning("User requested shutdown...")
        if self.engine.gates & GATE_LOADING:  # a part of the data must not replace the whole
            save = False
        elif save is not False:
            self.service.supervision.saving()
        self.append_only.sync_now()
        if not self.snapshots.save_at_end(save, force, check_signals):
            self.service.supervision.save_failed()
            return False
        self._finish(0)
        return True

    def child_purpose(self) -> str:
        """What the child process does that is running, empty when there is none."""
        return self.child.purpose

    def rewrite_log(self) -> bool:
        """Begins to rewrite the log in a child process; false when that cannot be, and the log says why."""
        return self.append_only.rewrite()

    def reload_log(self) -> str:
        """Empties everything and replays the log."""
        return self.append_only.reload()

    def measure_log(self) -> None:
        """Brings the engine's `LogState` and `SaveState` up to date."""
        self.append_only.measure()
        self.snapshots.measure()

    def turn_log(self, is_on: bool) -> bool:
        """Begins or ceases to log changes to a file; false when it cannot begin, and the log says why."""
        if is_on:
            return self.append_only.turn_on()
        self.append_only.turn_off()
        return True

    def save_in_background(self) -> bool:
        """Begins to save everything in a child process."""
        return self.snapshots.save_in_background()

    def flushed(self) -> None:
        """Saves that there is nothing."""
        self.snapshots.flushed()

    def pause_cron(self, is_paused: bool) -> None:
        """Stops all work of the background, or lets it go on."""
        self.cron.is_paused = is_paused

    def call_later(self, seconds: float, what: str) -> None:
        """Lets the engine know when a while has passed."""
        earlier = self.timers.get(what)
        if earlier is not None:
            earlier.cancel()
        self.timers[what] = self.loop.call_later(seconds, self._fire, what)

    def _fire(self, what: str) -> None:
        del self.timers[what]
        self.engine.clock.refresh()
        self.engine.timer_fired(what)

    def check_clients(self) -> None:
        """Once a second: closes connections idle for longer than `timeout` or over a soft output limit."""
        engine = self.engine
        now_ms = engine.clock.now_ms
        if now_ms < self.next_client_check_ms and self.next_client_check_ms - now_ms <= 1000:
            return
        self.next_client_check_ms = now_ms + 1000
        self.handshakes.check()
        for ctx in list(engine.clients.values()):
            if isinstance(ctx, Session):
                ctx.check_limits()

    def _finish(self, exit_code: int) -> None:
        if not self.stopped.done():
            self.stopped.set_result(exit_code)

    def _stop(self) -> None:
        self.cron.stop()
        self.listeners.close()
        self.metrics.close()
        self.append_only.turn_off()
        self.engine.scripting.abandon()
        self.handshakes.close()
        self.engine.outgoing.close_all()
        for ctx in list(self.engine.clients.values()):
            ctx.close(False)
        self.service.end()


def make_room(clients: int) -> int:
    """Raises the limit of open files for so many clients; returns how many fit."""
    if sys.platform == "win32":
        return clients
    import resource

    wanted = clients + RESERVED_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return clients
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    except (ValueError, OSError):
        allowed = soft
    return min(clients, max(allowed - RESERVED_FILES, 1))


async def serve(config: Config) -> int:
    """Starts a server in the running loop and serves until it is asked to stop."""
    if not begin_log(config):
        return 1
    form = "compiled" if COMPILED else "pure Python"
    log.info("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo")
    log.info("pyredis %s (%s), Redis version=%s, pid=%d", __version__, form, REDIS_VERSION, os.getpid())
    if config.config_file:
        log.info("Configuration loaded")
    else:
        log.info("No config file: the default configuration is used.")
    log.info("PID: %d", os.getpid())
    app = App(config)
    try:
        return await app.run()
    except ConfigError:  # for whoever started it: the server never was
        raise
    except Exception as error:
        app.service.crashed(f"the server cannot go on: {error!r}", None, error)
        return 1
