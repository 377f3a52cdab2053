"""MIGRATE: keys go to another server by DUMP and RESTORE over a connection that this server opens.

Follows `migrateCommand` of Redis's cluster.c. The server waits meanwhile, so that no key changes between the copy and
the deletion; `timeout` bounds each wait. Connections are kept for a while, as keys seldom move alone.
"""

from __future__ import annotations

import socket
from typing import Final

from librt.strings import BytesWriter
from librt.time import time

from pyredis.commands.arguments import integer_argument
from pyredis.commands.keys import generic
from pyredis.commands.registry import keyword_keys, nth_key
from pyredis.engine.command import WRITE, KeyPosition
from pyredis.engine.context import Context
from pyredis.engine.engine import Engine
from pyredis.engine.outgoing import Outgoing
from pyredis.errors import SYNTAX, CommandError
from pyredis.keyspace import events
from pyredis.keyspace.database import NO_DEADLINE
from pyredis.persistence.dump_payload import dump
from pyredis.protocol.encode import OK, array_header, write_bulk

DEFAULT_TIMEOUT_MS: Final = 1000
KEPT_SECONDS: Final = 10.0
"""How long a connection is kept after its last use."""
KEPT_MAX: Final = 64

LINE_MAX: Final = 64 * 1024

EMPTY_KEY: Final = b"ERR When using MIGRATE KEYS option, the key argument must be set to the empty string"
CONNECTING: Final = b"IOERR error or timeout connecting to the client"

KEY_FLAGS: Final = (b"RW", b"access", b"delete")


class TargetError(Exception):
    """The connection failed while `doing`: reading or writing."""

    def __init__(self, doing: bytes) -> None:
        super().__init__(doing)
        self.doing: bytes = doing


class Target:
    """A connection to another server."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection: socket.socket = connection
        self.database: int = -1
        self.used_at: float = time()
        self.received: bytes = b""

    def send(self, data: bytes) -> None:
        """Sends all of it."""
        try:
            self.connection.sendall(data)
        except OSError as error:
            raise TargetError(b"writing") from error

    def read_line(self) -> bytes:
        """The next status or error reply, without its line break."""
        while True:
            end = self.received.find(b"\r\n")
            if end >= 0:
                line = self.received[:end]
                self.received = self.received[end + 2 :]
                return line
            try:
                data = self.connection.recv(LINE_MAX)
            except OSError as error:
                raise TargetError(b"reading") from error
            if not data or len(self.received) > LINE_MAX:
                raise TargetError(b"reading")
            self.received += data


class Targets(Outgoing):
    """The connections that are kept, by host and port."""

    def __init__(self) -> None:
        self.kept: dict[tuple[bytes, bytes], Target] = {}

    def count(self) -> int:
        """How many there are."""
        return len(self.kept)

    def close_idle(self) -> None:
        """Closes those that have not been used for `KEPT_SECONDS`. O(connections)."""
        now: float = time()
        for place in [place for place, kept in self.kept.items() if now - kept.used_at > KEPT_SECONDS]:
            self.close(place[0], place[1])

    def close_all(self) -> None:
        """Closes every one."""
        for place in list(self.kept):
            self.close(place[0], place[1])

    def open(self, host: bytes, port: bytes, timeout_ms: int) -> tuple[Target, bool]:
        """A connection, and whether it is an old one, which may have been closed by now."""
        target = self.kept.get((host, port))
        if target is not None:
            target.used_at = time()
            target.connection.settimeout(timeout_ms / 1000)
            return target, True
        if len(self.kept) >= KEPT_MAX:
            oldest = next(iter(self.kept))
            self.close(oldest[0], oldest[1])
        try:
            connection = socket.create_connection((host.decode(), int(port)), timeout_ms / 1000)
        except (OSError, ValueError, OverflowError) as error:
            raise CommandError(CONNECTING) from error
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        target = Target(connection)
        self.kept[(host, port)] = target
        return target, False

    def close(self, host: bytes, port: bytes) -> None:
        """Closes a connection that is old, broken or in an unknown state."""
        target = self.kept.pop((host, port), None)
        if target is not None:
            target.connection.close()


def targets_of(engine: Engine) -> Targets:
    """The connections of one engine."""
    targets = engine.outgoing
    if not isinstance(targets, Targets):
        targets = Targets()
        engine.outgoing = targets
    return targets


class Request:
    """The arguments of a MIGRATE."""

    def __init__(self, argv: list[bytes]) -> None:
        self.copies: bool = False
        self.replaces: bool = False
        self.credentials: list[bytes] = []
        self.keys: list[bytes] = [argv[3]]
        position = 6
        while position < len(argv):
            word = argv[position].upper()
            left = len(argv) - 1 - position
            if word == b"COPY":
                self.copies = True
            elif word == b"REPLACE":
                self.replaces = True
            elif word == b"AUTH" and left >= 1:
                self.credentials = argv[position + 1 : position + 2]
                position += 1
            elif word == b"AUTH2" and left >= 2:
                self.credentials = argv[position + 1 : position + 3]
                position += 2
            elif word == b"KEYS":
                if argv[3]:
                    raise CommandError(EMPTY_KEY)
                self.keys = argv[position + 1 :]
                break
            else:
                raise CommandError(SYNTAX)
            position += 1
        self.timeout_ms: int = integer_argument(argv[5])
        self.database: int = integer_argument(argv[4])
        if self.timeout_ms <= 0:
            self.timeout_ms = DEFAULT_TIMEOUT_MS


def migrate_keys(argv: list[bytes]) -> list[KeyPosition]:
    """The key, or those behind the word KEYS."""
    position = 6
    while position < len(argv) and argv[3] == b"":
        word = argv[position].upper()
        if word == b"KEYS":
            return [KeyPosition(index, KEY_FLAGS) for index in range(position + 1, len(argv))]
        position += {b"AUTH": 2, b"AUTH2": 3}.get(word, 1)
    return [KeyPosition(3, KEY_FLAGS)]


@generic.command(
    "MIGRATE", arity=-6, flags=WRITE, since="2.6.0", find_keys=migrate_keys,
    keys=nth_key("RW access delete", 3) + keyword_keys("RW access delete incomplete", "KEYS", -2, -1),
    syntax=(
        'host port key_or_empty_string:(key | empty_string="") destination-db timeout:integer [COPY @3.0.0] '
        "[REPLACE @3.0.0] [authentication:([AUTH password @4.0.7] | [AUTH2 (username password) @6.0.0])] "
        "[KEYS key... @3.0.6]"
    ),
    acl=("keyspace", "dangerous"), tips=("nondeterministic_output",),
    complexity="O(N*M) with N elements of M bytes each, for the DUMP here, the RESTORE there and the transfer",
    history=(
        ("3.0.0", "Added the `COPY` and `REPLACE` options."),
        ("3.0.6", "Added the `KEYS` option."),
        ("4.0.7", "Added the `AUTH` option."),
        ("6.0.0", "Added the `AUTH2` option."),
    ),
)  # fmt: skip
def migrate(ctx: Context, argv: list[bytes]) -> bytes:
    """Moves keys to another server, or copies them."""
    request = Request(argv)
    keys = [key for key in request.keys if ctx.db.lookup_read(key) is not None]
    if not keys:
        return b"+NOKEY\r\n"
    host, port = argv[1], argv[2]
    targets = targets_of(ctx.engine)
    target, is_old = targets.open(host, port, request.timeout_ms)
    moved: list[bytes] = []
    try:
        try:
            error = _transfer(ctx, request, target, keys, moved)
        except TargetError:
            if not is_old or moved:
                raise
            # The other end may have closed the connection that was kept.
            targets.close(host, port)
            target, _ = targets.open(host, port, request.timeout_ms)
            error = _transfer(ctx, request, target, keys, moved)
    except TargetError as failure:
        targets.close(host, port)
        _note(ctx, moved)
        raise CommandError(b"IOERR error or timeout " + failure.doing + b" to target instance") from failure
    _note(ctx, moved)
    if error:
        if target.database == -1:
            targets.close(host, port)
        raise CommandError(b"ERR Target instance replied with error: " + error)
    return OK


def _transfer(ctx: Context, request: Request, target: Target, keys: list[bytes], moved: list[bytes]) -> bytes:
    """Sends the keys and deletes those that have arrived, adding them to `moved`; the first error of the target."""
    writer = BytesWriter()
    if request.credentials:
        _write(writer, [b"AUTH", *request.credentials])
    selects = target.database != request.database
    if selects:
        _write(writer, [b"SELECT", b"%d" % request.database])
    now_ms: int = ctx.engine.clock.now_ms
    for key in keys:
        deadline_ms = ctx.db.deadline(key)
        left_ms = 0 if deadline_ms == NO_DEADLINE else max(deadline_ms - now_ms, 1)
        restore = [b"RESTORE", key, b"%d" % left_ms, dump(ctx.engine, ctx.db.peek(key))]
        _write(writer, [*restore, b"REPLACE"] if request.replaces else restore)
    target.send(writer.getvalue())
    errors: list[bytes] = []
    for _ in range(int(request.credentials != []) + int(selects)):
        line = target.read_line()
        if line.startswith(b"-"):
            errors.append(line[1:])
    is_ready = not errors
    target.database = request.database if is_ready else -1
    for key in keys:
        line = target.read_line()
        if line.startswith(b"-"):
            errors.append(line[1:])
        elif is_ready and not request.copies:
            ctx.db.delete(key)
            ctx.db.notify(events.GENERIC, b"del", key)
            moved.append(key)
    return errors[0] if errors else b""


def _note(ctx: Context, moved: list[bytes]) -> None:
    """Logs the keys that have gone as deleted."""
    if moved:
        ctx.propagate_as([b"DEL", *moved])
    else:
        ctx.propagate_nothing()


def _write(writer: BytesWriter, argv: list[bytes]) -> None:
    writer.write(array_header(len(argv)))
    for argument in argv:
        write_bulk(writer, argument)
