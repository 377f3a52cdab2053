"""Feeds hostile input to sessions of one engine and checks what must hold after each.

* Nothing is raised, and no handler's exception is logged.
* All output is RESP, down to the last byte.
* A connection that the server closed has been told why, or had asked for it.
* What the parser holds is no more than it was fed.
* Once the client has gone, nothing in the engine knows it, and another client's PING is answered.
"""

from __future__ import annotations

import logging
import re
import tempfile
import time
from typing import Final

from pyredis.clock import Clock
from pyredis.commands import all_specs
from pyredis.config import load_arguments
from pyredis.engine.engine import Engine, Host
from pyredis.scripting.scripts import LuaScripting
from tests.support.inprocess import Client
from tests.support.wire import WireError, parse_replies

PING: Final = b"*1\r\n$4\r\nPING\r\n"
CUT_SHORT: Final = re.compile(rb"(?is)MULTI.*REPLY")
LASTING: Final = re.compile(rb"(?i)config|pause|acl|shutdown|debug|replica|failover")
"""What changes the server for the clients that follow: after such an input the engine is replaced."""

CLOSING: Final = re.compile(rb"(?is)quit|kill|shutdown|post|host:|reply.{1,12}(?:off|skip)")
"""What closes without an error: a client that wants no replies is not told of its own either, in Redis as here."""

CLOSE_REASON: Final = re.compile(rb"-ERR Protocol error: [^\r\n]*\r\n\Z")
FLUSH_EVERY: Final = 500
SLOW_SECONDS: Final = 1.0
"""Processor time for one input: more is a hang, or work that is not linear."""
SCRATCH: Final = tempfile.TemporaryDirectory(prefix="pyredis-fuzz-")
"""Where SAVE writes."""
OPTIONS: Final = ("--proto-max-bulk-len", "1mb", "--save", "")


class FuzzError(AssertionError):
    """Raised for an input that broke a rule."""

    def __init__(self, rule: str, pieces: list[bytes], output: bytes) -> None:
        shown = [piece if len(piece) <= 600 else piece[:600] + b"..." for piece in pieces[:40]]
        super().__init__(f"{rule}\n  input  {shown!r}\n  output {output[:600]!r}")
        self.rule = rule
        self.pieces = pieces


class ErrorCatcher(logging.Handler):
    """Keeps the tracebacks that sessions log instead of letting them escape."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        formatter = logging.Formatter()
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + formatter.formatException(record.exc_info)
        self.texts.append(text)


class Harness:
    """One engine after another; `check` is the whole of it."""

    def __init__(self) -> None:
        self.inputs = 0
        self.closed = 0
        self.waiting = 0
        self.replies = 0
        self.slowest = 0.0
        self.catcher = ErrorCatcher()
        self.log = logging.getLogger("pyredis")
        self.engine = self._new_engine()

    def __enter__(self) -> Harness:
        self._was = (self.log.propagate, self.log.level)
        self.log.addHandler(self.catcher)
        self.log.propagate = False
        return self

    def __exit__(self, *_: object) -> None:
        self.log.removeHandler(self.catcher)
        self.log.propagate, level = self._was
        self.log.setLevel(level)

    def _new_engine(self) -> Engine:
        engine = Engine(load_arguments([*OPTIONS, "--dir", SCRATCH.name]), Clock(), all_specs(), Host())
        engine.scripting = LuaScripting(engine)
        engine.apply_config()
        return engine

    def check(self, pieces: list[bytes]) -> bytes:
        """Feeds one input to a new client; returns what it got, or raises `FuzzError`."""
        self.inputs += 1
        began = time.process_time()
        client = Client(self.engine)
        output = b""
        fed = 0
        try:
            for piece in pieces:
                fed += len(piece)
                output += client.send(piece)
                held = client.session.parser.buffered() + client.session.parser.argv_bytes()
                if held > fed:
                    raise FuzzError(f"holds {held} bytes of {fed}", pieces, output)
            self._check_output(client, pieces, output)
            client.disconnect()
            self._check_engine(pieces, output)
        except FuzzError:
            raise
        except Exception as error:
            raise FuzzError(f"raised {error!r}", pieces, output) from error
        self.slowest = max(self.slowest, time.process_time() - began)
        if self.slowest > SLOW_SECONDS:
            raise FuzzError(f"took {self.slowest:.1f} s", pieces, output)
        if LASTING.search(b"".join(pieces)):
            self.engine = self._new_engine()
        elif self.inputs % FLUSH_EVERY == 0:
            for database in self.engine.keyspace.databases:
                database.check()
                database.flush()
        return output

    def _check_output(self, client: Client, pieces: list[bytes], output: bytes) -> None:
        if self.catcher.texts:
            raise FuzzError("logged " + self.catcher.texts.pop(), pieces, output)
        try:
            self.replies += len(parse_replies(output))
        except WireError as error:
            # CLIENT REPLY OFF in a transaction cuts EXEC's array short, in Redis as here.
            if CUT_SHORT.search(b"".join(pieces)):
                return
            raise FuzzError(f"not RESP: {error}", pieces, output) from error
        if client.wire.is_closed:
            self.closed += 1
            if not CLOSE_REASON.search(output) and not CLOSING.search(b"".join(pieces)):
                raise FuzzError("closed without a reason", pieces, output)
        elif client.session.parser.buffered() or client.session.parser.argv_bytes():
            self.waiting += 1

    def _check_engine(self, pieces: list[bytes], output: bytes) -> None:
        engine = self.engine
        if engine.clients:
            raise FuzzError(f"clients left behind: {list(engine.clients)}", pieces, output)
        pubsub = engine.pubsub
        if any(audience.listeners for audience in (pubsub.channels, pubsub.patterns, pubsub.shard_channels)):
            raise FuzzError("subscriptions left behind", pieces, output)
        if any(database.watchers for database in engine.keyspace.databases):
            raise FuzzError("watched keys left behind", pieces, output)
        if LASTING.search(b"".join(pieces)):
            return  # the password may have changed, or all clients be paused
        other = Client(engine)
        answer = other.send(PING)
        other.disconnect()
        if answer != b"+PONG\r\n":
            raise FuzzError(f"afterwards PING is answered {answer!r}", pieces, output)
