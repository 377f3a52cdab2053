"""One client of the soak: a connection that comes back when it breaks, and an account of what it was told.

A client may be killed, refused or evicted at any moment, which it survives by connecting again. Whatever else is not
as a server must answer is a failure and is kept word for word. Numbers that only ever grow are counted on both sides:
`acknowledged` were answered, `uncertain` were sent on a connection that broke before the answer, so that the server
has to hold a number from the first to the sum of both.
"""

from __future__ import annotations

import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import hiredis

from tests.support.wire import encode

PATIENCE_SECONDS: Final = 20.0
RETRY_SECONDS: Final = 0.05
FAILURES_KEPT: Final = 20
REFUSALS: Final = ("OOM", "NOSCRIPT", "NOGROUP", "LOADING", "BUSYGROUP", "UNBLOCKED", "EXECABORT")
"""What an operator's interference may answer to a client that does nothing wrong."""
GONE: Final = ("ERR no such key", "ERR Function not found")
"""The same of what an operator has flushed or the memory limit has evicted."""

Reply: TypeAlias = Any
Check: TypeAlias = Callable[[Reply], bool]
Step: TypeAlias = tuple[bytes, Check]


@dataclass
class Account:
    """What a client has done and seen; sums are taken over all clients."""

    commands: int = 0
    reconnects: int = 0
    acknowledged: Counter[str] = field(default_factory=Counter)
    uncertain: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def fail(self, text: str) -> None:
        """Keeps the first few failures, one of each kind."""
        kind = text[:30]
        if any(known.startswith(kind) for known in self.failures):
            return
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append(text[:600])

    def add(self, other: Account) -> None:
        """Takes another client's account in."""
        self.commands += other.commands
        self.reconnects += other.reconnects
        self.acknowledged += other.acknowledged
        self.uncertain += other.uncertain
        self.refusals += other.refusals
        self.seen += other.seen
        for text in other.failures:
            self.fail(text)


class Broken(Exception):
    """The connection is gone: killed, refused or reset."""


class Client:
    """A connection and its account; every method may raise `Broken`."""

    def __init__(self, port: int, account: Account, protocol: int = 2, database: int = 0) -> None:
        self.port = port
        self.account = account
        self.protocol = protocol
        self.database = database
        self.pushes: list[Reply] = []
        self._reader = self._new_reader()
        self.sock = self._connect()

    def close(self) -> None:
        """Says goodbye properly."""
        self.sock.close()

    def reset(self) -> None:
        """Breaks the connection with an RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def send(self, data: bytes) -> None:
        """Sends bytes as they are."""
        try:
            self.sock.sendall(data)
        except TimeoutError:
            self.account.fail(f"{len(data)} bytes were not taken in {PATIENCE_SECONDS:.0f} s: {data[:80]!r}")
            raise Broken from None
        except OSError:
            raise Broken from None

    def read(self) -> Reply:
        """The next answer; what the server pushes in between goes to `pushes`."""
        while True:
            reply = self._reader.gets()
            if isinstance(reply, hiredis.PushNotification):
                self.pushes.append(reply)
                continue
            if reply is not False:
                return reply
            try:
                data = self.sock.recv(1 << 16)
            except TimeoutError:
                self.account.fail(f"no answer in {PATIENCE_SECONDS:.0f} s")
                raise Broken from None
            except OSError:
                raise Broken from None
            if not data:
                raise Broken
            self._reader.feed(data)

    def read_waiting(self, seconds: float) -> Reply | None:
        """The next message within so many seconds, pushes too; None when there is none."""
        self.sock.settimeout(seconds)
        try:
            while (reply := self._reader.gets()) is False:
                data = self.sock.recv(1 << 16)
                if not data:
                    raise Broken
                self._reader.feed(data)
        except TimeoutError:
            return None
        except OSError:
            raise Broken from None
        finally:
            self.sock.settimeout(PATIENCE_SECONDS)
        self.account.commands += 1
        return reply

    def command(self, *words: bytes | str | int | float) -> Reply:
        """One request and its answer, whatever it is."""
        self.send(encode(*words))
        self.account.commands += 1
        return self.read()

    def run(self, steps: list[Step]) -> list[Reply]:
        """Sends all at once and checks each answer."""
        self.send(b"".join([request for request, _ in steps]))
        replies: list[Reply] = []
        for request, check in steps:
            reply = self.read()
            replies.append(reply)
            if isinstance(reply, hiredis.ReplyError):
                self.refused(request, str(reply))
            elif not check(reply):
                self.account.fail(f"{request[:200]!r} was answered {repr(reply)[:200]}")
        self.account.commands += len(steps)
        return replies

    def refused(self, request: bytes, text: str) -> None:
        """Judges an error."""
        word = text.split(" ", 1)[0]
        if word in REFUSALS or text in GONE:
            self.account.refusals[word] += 1
        else:
            self.account.fail(f"{request[:200]!r} was answered -{text[:200]}")

    def _new_reader(self) -> hiredis.Reader:
        return hiredis.Reader()

    def _connect(self) -> socket.socket:
        self.sock = socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        greeting = encode("HELLO", self.protocol) + encode("SELECT", self.database)
        try:
            self.send(greeting)
            for _ in range(2):
                reply = self.read()
                if isinstance(reply, hiredis.ReplyError):
                    # `max number of clients` is the operator's; anything else is a fault.
                    if "max number of clients" not in str(reply):
                        self.account.fail(f"the handshake was answered -{reply}")
                    self.account.refusals["maxclients"] += 1
                    raise Broken
        except Broken:
            self.sock.close()
            raise
        return self.sock


Work: TypeAlias = Callable[[Client, random.Random, int], None]
"""One round of a client, which has a number."""


def keep_running(
    port: int, account: Account, number: int, work: Work, until: float, protocol: int, pause: float
) -> None:
    """Lets a client work until the time comes, through as many connections as it takes."""
    chance = random.Random(number * 7919 + int(until))
    client: Client | None = None
    while time.perf_counter() < until:
        try:
            if client is None:
                client = Client(port, account, protocol)
            work(client, chance, number)
            time.sleep(pause * chance.random() * 2)
        except (Broken, ConnectionError):
            account.reconnects += 1
            if client is not None:
                client.close()
            client = None
            time.sleep(RETRY_SECONDS)
        except TimeoutError:
            account.fail("a connection was not accepted in time")
            client = None
        except Exception as error:
            account.fail(f"a client of the soak itself fell over: {error!r}")
            client = None
            time.sleep(RETRY_SECONDS)
    if client is not None:
        client.close()
