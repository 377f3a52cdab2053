"""Recorded conversations with the real Redis, for machines that have none.

A transcript is a text file of JSON objects, one a line: first a header with the
server's version and the protocol, then one request and its raw reply each.
Bytes are written as latin-1 strings: every byte is one character, and a diff of
two recordings stays readable. Only deterministic commands belong in one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.support.wire import Argument, RawConnection, WireError, encode, parse_replies

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

FORMAT: Final = 1


class TranscriptError(Exception):
    """Raised for a file that is no transcript, with its line number."""


class Exchange(NamedTuple):
    """One request and all the raw bytes that answered it."""

    argv: tuple[bytes, ...]
    reply: bytes


class Mismatch(NamedTuple):
    """An exchange that another server answered differently; `position` counts from 0."""

    position: int
    argv: tuple[bytes, ...]
    expected: bytes
    actual: bytes


class Transcript:
    """A recording: who answered, in which protocol version, and every exchange in order."""

    def __init__(self, server: str, resp: int, exchanges: list[Exchange]) -> None:
        self.server = server
        self.resp = resp
        self.exchanges = exchanges

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self.exchanges)

    def __len__(self) -> int:
        return len(self.exchanges)

    def mismatches(
        self, connection: RawConnection, normalise: Callable[[Exchange], bytes] | None = None
    ) -> list[Mismatch]:
        """Sends every request over a fresh connection to another server and returns what differs.

        `normalise` maps an exchange to the bytes to compare, where a reply's order or clock is not fixed.
        """
        if self.resp != 2:
            connection.command("HELLO", self.resp)
        found: list[Mismatch] = []
        for position, expected in enumerate(self.exchanges):
            connection.send(encode(*expected.argv))
            actual = Exchange(expected.argv, _read(connection, max(1, len(parse_replies(expected.reply)))))
            if normalise is None:
                same = actual.reply == expected.reply
            else:
                same = normalise(actual) == normalise(expected)
            if not same:
                found.append(Mismatch(position, expected.argv, expected.reply, actual.reply))
        return found


def record(
    path: str | os.PathLike[str],
    requests: Iterable[Sequence[Argument]],
    connection: RawConnection,
    *,
    resp: int = 2,
) -> Transcript:
    """Sends the requests to the oracle and writes the transcript; if interrupted, the old file stays.

    SUBSCRIBE and its relatives answer once for each channel, and all of that is kept; UNSUBSCRIBE must
    name its channels here, since without them only the server knows how many answers follow.
    """
    server = _server_version(connection)
    if resp != 2:
        connection.command("HELLO", resp)
    exchanges: list[Exchange] = []
    for request in requests:
        argv = tuple(arg if isinstance(arg, bytes) else str(arg).encode() for arg in request)
        connection.send(encode(*argv))
        exchanges.append(Exchange(argv, _read(connection, _reply_count(argv))))
    transcript = Transcript(server, resp, exchanges)
    write(Path(path), transcript)
    return transcript


def replay(path: str | os.PathLike[str]) -> Transcript:
    """Reads a transcript; TranscriptError names the line that is malformed."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise TranscriptError(f"{path}:{number}: {error}") from None
        expected = {"transcript", "server", "resp"} if number == 1 else {"argv", "reply"}
        if not isinstance(row, dict) or set(row) != expected:
            raise TranscriptError(f"{path}:{number}: expected an object with {sorted(expected)}")
        rows.append(row)
    if not rows or rows[0]["transcript"] != FORMAT:
        raise TranscriptError(f"{path}:1: not a transcript of format {FORMAT}")
    exchanges = [
        Exchange(tuple(arg.encode("latin-1") for arg in row["argv"]), row["reply"].encode("latin-1"))
        for row in rows[1:]
    ]
    return Transcript(rows[0]["server"], rows[0]["resp"], exchanges)


def write(path: Path, transcript: Transcript) -> None:
    """Writes a recording; if interrupted, the old file stays."""
    rows: list[dict[str, Any]] = [
        {"transcript": FORMAT, "server": transcript.server, "resp": transcript.resp}
    ]
    rows += (
        {"argv": [arg.decode("latin-1") for arg in argv], "reply": reply.decode("latin-1")}
        for argv, reply in transcript
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    # ASCII escapes: latin-1 holds characters that str.splitlines takes for line ends.
    partial.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    partial.replace(path)


def _reply_count(argv: tuple[bytes, ...]) -> int:
    if argv[0].upper().endswith(b"SUBSCRIBE"):
        return max(1, len(argv) - 1)
    return 1


def _read(connection: RawConnection, count: int) -> bytes:
    replies: list[bytes] = []
    try:
        while len(replies) < count:
            reply = connection.read_reply()
            replies.append(reply)
            if reply.startswith(b"-"):
                break
    except WireError:
        # QUIT and fatal errors end with a close; what came before it is the reply.
        replies.append(connection.read_until_close())
    return b"".join(replies)


def _server_version(connection: RawConnection) -> str:
    for line in connection.command("INFO", "server").split(b"\r\n"):
        if line.startswith(b"redis_version:"):
            return "redis " + line.partition(b":")[2].decode()
    return "unknown"
