"""Whoever started the server and wants to know how it is: systemd, or upstart.

systemd listens on the datagram socket that NOTIFY_SOCKET names (a first `@` stands for the NUL of an abstract
address) for assignments such as `READY=1`. The texts are Redis's. Beyond Redis, a long load asks for more time, and
WATCHDOG_USEC is answered: a loop that hangs for longer than that has the server ended and started again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import TYPE_CHECKING, Final

from pyredis.server.log import log

if TYPE_CHECKING:
    from pyredis.engine.engine import Engine

EXTEND_EVERY_SECONDS: Final = 5.0
EXTENSION_SECONDS: Final = 30
"""What is asked for while loading, each time; loading goes on for as long as it asks."""

SAVED_KEYS_PER_SECOND: Final = 20_000
"""How slow a disk may be that the last save is still given the time for."""


def choose(wanted: str) -> str:
    """Who supervises, by the value of `supervised`: `systemd`, `upstart` or `no`."""
    if wanted == "auto":
        if os.environ.get("UPSTART_JOB"):
            log.info("Upstart supervision detected.")
            return "upstart"
        if os.environ.get("NOTIFY_SOCKET"):
            log.info("Systemd supervision detected.")
            return "systemd"
        return "no"
    return wanted


class Supervision:
    """The conversation with the supervisor; all of it does nothing where there is none."""

    def __init__(self, engine: Engine, loop: asyncio.AbstractEventLoop) -> None:
        self.engine: Engine = engine
        self.loop: asyncio.AbstractEventLoop = loop
        self.name: str = "no"
        self.address: str = ""
        self.alive_seconds: float = 0.0
        self.extension: asyncio.TimerHandle | None = None
        self.ping: asyncio.TimerHandle | None = None

    def begin(self, wanted: str) -> None:
        """Finds the supervisor, and tells it that the server has begun to load."""
        name = choose(wanted)
        if name == "upstart":
            self._begin_upstart()
        elif name == "systemd" and self._begin_systemd():
            self.name = name
            self._extend()
            self._begin_pings()

    def ready(self) -> None:
        """Clients are served from now on."""
        if self.extension is not None:
            self.extension.cancel()
            self.extension = None
        if self.name == "systemd":
            self.tell("STATUS=Ready to accept connections\n")
            self.tell("READY=1\n")

    def saving(self) -> None:
        """The last save begins, during which the loop stands still."""
        if self.name != "systemd":
            return
        keys = sum([len(database) for database in self.engine.keyspace.databases])
        seconds = EXTENSION_SECONDS + keys // SAVED_KEYS_PER_SECOND
        self.tell(f"STATUS=Saving the final RDB snapshot\nEXTEND_TIMEOUT_USEC={seconds * 1_000_000}\n")
        if self.alive_seconds:
            self.tell(f"WATCHDOG_USEC={seconds * 1_000_000}\nWATCHDOG=1\n")

    def save_failed(self) -> None:
        """The last save has failed, and the server goes on."""
        if self.name == "systemd":
            self.tell("STATUS=Error trying to save the DB, can't exit.\n")
            if self.alive_seconds:
                self.tell(f"WATCHDOG_USEC={int(self.alive_seconds * 2_000_000)}\n")

    def stopping(self) -> None:
        """The server is about to end."""
        for timer in (self.extension, self.ping):
            if timer is not None:
                timer.cancel()
        if self.name == "systemd":
            self.tell("STOPPING=1\n")

    def tell(self, text: str) -> bool:
        """Sends one message to systemd; false, and a line in the log, when it does not get there."""
        if not self.address:
            log.warning("systemd supervision error: NOTIFY_SOCKET not found!")
            return False
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto(text.encode(), address)
        except OSError as error:
            log.warning("systemd supervision error: sd_notify: %d", -(error.errno or 1))
            return False
        return True

    def _begin_systemd(self) -> bool:
        if hasattr(socket, "AF_UNIX"):
            self.address = os.environ.get("NOTIFY_SOCKET", "")
        if not self.tell("STATUS=Redis is loading...\n"):
            return False
        log.info(
            "Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and "
            "TimeoutStopSec in your service unit."
        )
        return True

    def _begin_upstart(self) -> None:
        """Upstart takes the server for ready when it stops itself, and continues it."""
        if os.environ.pop("UPSTART_JOB", "") == "":
            log.warning("upstart supervision requested, but UPSTART_JOB not found!")
        elif hasattr(signal, "SIGSTOP"):
            log.info("supervised by upstart, will stop to signal readiness.")
            os.kill(os.getpid(), signal.SIGSTOP)
            self.name = "upstart"

    def _extend(self) -> None:
        """Asks for more time to load in, and says how much is loaded."""
        saving = self.engine.saving
        text = "STATUS=Redis is loading...\n"
        if saving.load_bytes:
            percent = min(saving.loaded_bytes * 100 // saving.load_bytes, 100)
            text = f"STATUS=Redis is loading, {percent}% done\n"
        self.tell(f"{text}EXTEND_TIMEOUT_USEC={EXTENSION_SECONDS * 1_000_000}\n")
        self.extension = self.loop.call_later(EXTEND_EVERY_SECONDS, self._extend)

    def _begin_pings(self) -> None:
        """Takes up the watchdog, if systemd runs one and means this process."""
        period = os.environ.get("WATCHDOG_USEC", "")
        whose = os.environ.get("WATCHDOG_PID", "")
        if period.isascii() and period.isdigit() and whose in ("", str(os.getpid())):
            self.alive_seconds = max(int(period), 1000) / 2e6
            self._ping()

    def _ping(self) -> None:
        self.tell("WATCHDOG=1\n")
        self.ping = self.loop.call_later(self.alive_seconds, self._ping)
