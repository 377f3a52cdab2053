"""A blocking RESP client that shows replies as they crossed the wire.

It owns framing only: where one reply ends and the next begins. `RawConnection`
hands out untouched bytes, so that a test compares `:1` with `+1` and sees the
difference; `decode` builds a tree that keeps every RESP2 and RESP3 type apart.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

Argument: TypeAlias = bytes | str | int | float
Tree: TypeAlias = "str | int | bytes | list[Tree] | tuple[Tree, ...]"

LINE_KINDS: Final = frozenset(b"+-:_#,(")
BULK_KINDS: Final = frozenset(b"$!=")
NULLABLE_KINDS: Final = frozenset(b"$*")
ELEMENTS_PER_ENTRY: Final = {ord("*"): 1, ord("~"): 1, ord(">"): 1, ord("%"): 2, ord("|"): 2}
ATTRIBUTE: Final = ord("|")
SCALAR_NAMES: Final = {ord("+"): "status", ord("-"): "error", ord(","): "double", ord("("): "big"}
BULK_NAMES: Final = {ord("!"): "bulk_error", ord("="): "verbatim"}
RECEIVE_SIZE: Final = 1 << 16


class WireError(Exception):
    """Raised for bytes that are no RESP reply, or for a connection that ends inside one."""


def encode(*args: Argument) -> bytes:
    """Encodes one command as a RESP array of bulk strings; text becomes UTF-8."""
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        value = arg if isinstance(arg, bytes) else str(arg).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(value), value))
    return b"".join(parts)


def _length(kind: int, text: bytes) -> int:
    """The count after a bulk or aggregate prefix; -1 is a RESP2 null."""
    if text.isdigit() or (text == b"-1" and kind in NULLABLE_KINDS):
        return int(text)
    raise WireError(f"bad length {text!r} after {chr(kind)!r}")


class ReplySplitter:
    """Cuts a byte stream into raw replies, each fed byte being scanned once.

    An attribute (`|`) belongs to the reply it precedes and comes out with it.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scan = 0
        self._open_elements = 1

    def feed(self, data: bytes) -> None:
        """Adds received bytes."""
        self._buffer += data

    def unread(self) -> bytes:
        """The bytes that no reply has claimed yet."""
        return bytes(self._buffer)

    def next_reply(self) -> bytes | None:
        """The next whole reply, or None until more bytes are fed; WireError on bytes that are not RESP."""
        while self._open_elements:
            if not self._scan_element():
                return None
        reply = bytes(self._buffer[: self._scan])
        del self._buffer[: self._scan]
        self._scan = 0
        self._open_elements = 1
        return reply

    def _scan_element(self) -> bool:
        """Moves past one scalar, bulk or aggregate header; False when it has not arrived in full."""
        buffer = self._buffer
        line_end = buffer.find(b"\r\n", self._scan)
        if line_end < 0:
            # Without this a stream that is not RESP at all would look like an eternally slow one.
            if len(buffer) > self._scan:
                self._require_kind(buffer[self._scan])
            return False
        kind = buffer[self._scan]
        self._require_kind(kind)
        end = line_end + 2
        opened = -1
        if kind not in LINE_KINDS:
            count = _length(kind, bytes(buffer[self._scan + 1 : line_end]))
            if kind in BULK_KINDS:
                if count >= 0:
                    end += count + 2
                if len(buffer) < end:
                    return False
                if buffer[end - 2 : end] != b"\r\n":
                    raise WireError(f"bulk of {count} bytes is not closed by CRLF")
            else:
                opened = ELEMENTS_PER_ENTRY[kind] * max(count, 0) - (kind != ATTRIBUTE)
        self._open_elements += opened
        self._scan = end
        return True

    @staticmethod
    def _require_kind(kind: int) -> None:
        if kind not in LINE_KINDS and kind not in BULK_KINDS and kind not in ELEMENTS_PER_ENTRY:
            raise WireError(f"{chr(kind)!r} starts no RESP type")


def parse_replies(data: bytes) -> list[bytes]:
    """Splits a finished byte stream into raw replies; WireError if the last one is cut off."""
    splitter = ReplySplitter()
    splitter.feed(data)
    replies: list[bytes] = []
    while (reply := splitter.next_reply()) is not None:
        replies.append(reply)
    if rest := splitter.unread():
        raise WireError(f"the stream ends inside a reply: {rest[:80]!r}")
    return replies


def decode(raw: bytes) -> Tree:
    """Decodes exactly one raw reply into a tree in which no two RESP types compare equal.

    Integers are `int`, bulk strings `bytes`, arrays `list`. Everything else is a
    tagged tuple: ('status', b), ('error', b), ('bulk_error', b), ('double', b),
    ('big', b), ('verbatim', b), ('boolean', 0 or 1), ('null', '$' | '*' | '_'),
    ('set', list), ('push', list), ('map', list of (key, value)) and
    ('attribute', list of (key, value), reply).
    """
    tree, end = _decode_at(raw, 0)
    if end != len(raw):
        raise WireError(f"{len(raw) - end} bytes follow the reply: {raw[end : end + 80]!r}")
    return tree


def _decode_at(raw: bytes, start: int) -> tuple[Tree, int]:
    line_end = raw.find(b"\r\n", start)
    if line_end < 0:
        raise WireError(f"no complete line at {raw[start : start + 80]!r}")
    kind = raw[start]
    text = raw[start + 1 : line_end]
    end = line_end + 2
    if kind == ord(":"):
        return int(text), end
    if kind in SCALAR_NAMES:
        return (SCALAR_NAMES[kind], text), end
    if kind == ord("#"):
        if text not in (b"t", b"f"):
            raise WireError(f"bad boolean {text!r}")
        return ("boolean", int(text == b"t")), end
    if kind == ord("_"):
        return ("null", "_"), end
    if kind not in BULK_KINDS and kind not in ELEMENTS_PER_ENTRY:
        raise WireError(f"{chr(kind)!r} starts no RESP type")
    count = _length(kind, text)
    if count < 0:
        return ("null", chr(kind)), end
    if kind in BULK_KINDS:
        value = raw[end : end + count]
        if raw[end + count : end + count + 2] != b"\r\n":
            raise WireError(f"bulk of {count} bytes is cut off or not closed by CRLF")
        end += count + 2
        return ((BULK_NAMES[kind], value) if kind in BULK_NAMES else value), end
    return _decode_aggregate(raw, kind, count, end)


def _decode_aggregate(raw: bytes, kind: int, count: int, end: int) -> tuple[Tree, int]:
    items: list[Tree] = []
    for _ in range(count * ELEMENTS_PER_ENTRY[kind]):
        item, end = _decode_at(raw, end)
        items.append(item)
    if kind == ord("*"):
        return items, end
    if kind == ord("~"):
        return ("set", items), end
    if kind == ord(">"):
        return ("push", items), end
    pairs: list[Tree] = list(zip(items[::2], items[1::2], strict=True))
    if kind == ord("%"):
        return ("map", pairs), end
    reply, end = _decode_at(raw, end)
    return ("attribute", pairs, reply), end


def unordered(tree: Tree) -> Tree:
    """The tree with every set and map sorted, for commands whose element order is unspecified."""
    if isinstance(tree, list):
        return [unordered(item) for item in tree]
    if not isinstance(tree, tuple):
        return tree
    if len(tree) == 2 and tree[0] in ("set", "map") and isinstance(tree[1], list):
        return (tree[0], sorted((unordered(item) for item in tree[1]), key=repr))
    return tuple(unordered(item) for item in tree)


class RawConnection:
    """One client connection, over TCP or (with `path`) a unix socket; no wait exceeds `timeout` seconds."""

    def __init__(
        self, host: str = "127.0.0.1", port: int = 6379, *, path: str | None = None, timeout: float = 5.0
    ) -> None:
        if path is None:
            self._socket = socket.create_connection((host, port), timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.settimeout(timeout)
            try:
                self._socket.connect(path)
            except OSError:
                self._socket.close()
                raise
        self._splitter = ReplySplitter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def timeout(self) -> float | None:
        """Seconds that any one send or receive may take."""
        return self._socket.gettimeout()

    @timeout.setter
    def timeout(self, seconds: float | None) -> None:
        self._socket.settimeout(seconds)

    @property
    def local_port(self) -> int:
        """This end's TCP port, as CLIENT LIST shows it."""
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Closes the socket; unread bytes make the kernel send a reset."""
        self._socket.close()

    def close_sending(self) -> None:
        """Half-closes: the server sees end of input, replies can still be read."""
        self._socket.shutdown(socket.SHUT_WR)

    def send(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self._socket.sendall(data)

    def command(self, *args: Argument) -> bytes:
        """Sends one command and returns the raw bytes of the next reply, be it an answer or a push."""
        self.send(encode(*args))
        return self.read_reply()

    def read_reply(self) -> bytes:
        """The raw bytes of exactly one reply; TimeoutError if it is late, WireError if the server closes."""
        while (reply := self._splitter.next_reply()) is None:
            data = self._receive()
            if not data:
                raise WireError(f"connection closed, unread: {self._splitter.unread()[:200]!r}")
            self._splitter.feed(data)
        return reply

    def pipeline(self, commands: Iterable[Sequence[Argument]], window: int = 500) -> list[bytes]:
        """Sends commands `window` at a time, their replies read between, and returns one reply for each."""
        replies: list[bytes] = []
        batch: list[bytes] = []
        for argv in commands:
            batch.append(encode(*argv))
            if len(batch) == window:
                replies += self._exchange(batch)
                batch.clear()
        return replies + self._exchange(batch)

    def read_until_close(self) -> bytes:
        """Everything not yet read up to the server's close; a reset counts as a close."""
        received = [self._splitter.unread()]
        self._splitter = ReplySplitter()
        try:
            while data := self._receive():
                received.append(data)
        except ConnectionResetError:
            pass
        return b"".join(received)

    def is_silent(self, seconds: float = 0.05) -> bool:
        """Whether the server sends nothing for so long, as to a client that must stay blocked."""
        if self._splitter.unread():
            return False
        previous = self._socket.gettimeout()
        self._socket.settimeout(seconds)
        try:
            self._splitter.feed(self._socket.recv(RECEIVE_SIZE))
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(previous)
        return False

    def _exchange(self, batch: list[bytes]) -> list[bytes]:
        self.send(b"".join(batch))
        return [self.read_reply() for _ in batch]

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(RECEIVE_SIZE)
        except TimeoutError:
            unread = self._splitter.unread()
            raise TimeoutError(
                f"no reply within {self.timeout} s, received so far: {unread[:200]!r}"
            ) from None
