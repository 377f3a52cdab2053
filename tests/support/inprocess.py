"""The server without sockets: an engine, a clock that a test moves, and clients that send bytes.

server = InProcess()
client = server.client()
assert client.command(b"SET", b"k", b"v") == b"+OK\\r\\n"
server.clock.advance(1000)
"""

from __future__ import annotations

from pyredis.clock import ManualClock
from pyredis.commands import all_specs
from pyredis.config import Config
from pyredis.engine.engine import Engine, Host
from pyredis.protocol.fast_parser import make_parser
from pyredis.scripting.scripts import LuaScripting
from pyredis.server.session import Session, Wire


class MemoryWire(Wire):
    """Keeps what a session writes; `pending` plays the part of a peer that does not read."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.is_closed = False
        self.is_aborted = False
        self.is_reading = True
        self.wants_slice = False
        self.slices = 0
        self.pending = 0

    def write(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True
        self.is_aborted = True

    def run_soon(self) -> None:
        self.wants_slice = True
        self.slices += 1

    def set_reading(self, is_reading: bool) -> None:
        self.is_reading = is_reading

    def pending_bytes(self) -> int:
        return self.pending


class Client:
    """A client of an `InProcess` server."""

    def __init__(self, engine: Engine) -> None:
        self.wire = MemoryWire()
        self.session = Session(engine, self.wire, make_parser())
        self.session.address = f"127.0.0.1:{50_000 + self.session.client_id}"
        self.session.local_address = "127.0.0.1:6379"

    def send(self, data: bytes) -> bytes:
        """Sends raw bytes and returns everything that came back, slices included."""
        self.session.receive(data)
        return self.received()

    def received(self) -> bytes:
        """Returns what came since the last look."""
        while self.wire.wants_slice:
            self.wire.wants_slice = False
            self.session.resume()
        data = bytes(self.wire.sent)
        self.wire.sent.clear()
        return data

    def command(self, *argv: bytes | str | int) -> bytes:
        """Sends one command and returns the raw reply."""
        return self.send(encode_command(*argv))

    def disconnect(self) -> None:
        """Ends the connection as the transport would."""
        self.session.closing = True
        self.session.release()


class Timers(Host):
    """A host that remembers which timers were wanted; the test lets them fire."""

    def __init__(self) -> None:
        self.wanted: list[str] = []

    def call_later(self, seconds: float, what: str) -> None:
        self.wanted.append(what)


class InProcess:
    """One engine with a manual clock."""

    def __init__(self, *directives: tuple[bytes, bytes], host: Host | None = None) -> None:
        self.config = Config()
        self.clock = ManualClock()
        self.engine = Engine(self.config, self.clock, all_specs(), host or Host())
        self.engine.scripting = LuaScripting(self.engine)
        self.engine.apply_config()
        if directives:
            self.config.set_many(list(directives))

    def client(self, protocol: int = 2) -> Client:
        """Connects; `protocol` 3 says HELLO 3 first."""
        client = Client(self.engine)
        if protocol == 3:
            assert client.command(b"HELLO", b"3").startswith(b"%")
        return client


def encode_command(*argv: bytes | str | int) -> bytes:
    """A request as an array of bulk strings."""
    parts = [part if isinstance(part, bytes) else str(part).encode() for part in argv]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
