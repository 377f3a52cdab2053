"""The raw RESP client against toy peers that send exactly what a test says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.support.wire import (
    RawConnection,
    ReplySplitter,
    Tree,
    WireError,
    decode,
    encode,
    parse_replies,
    unordered,
)

Peer = Callable[[socket.socket], None]

VECTORS: list[tuple[bytes, Tree]] = [
    (b"+OK\r\n", ("status", b"OK")),
    (b"-ERR no\r\n", ("error", b"ERR no")),
    (b":-42\r\n", -42),
    (b"$5\r\na\r\nbc\r\n", b"a\r\nbc"),
    (b"$0\r\n\r\n", b""),
    (b"$-1\r\n", ("null", "$")),
    (b"*-1\r\n", ("null", "*")),
    (b"_\r\n", ("null", "_")),
    (b"*0\r\n", []),
    (b"*2\r\n:1\r\n*1\r\n$1\r\nx\r\n", [1, [b"x"]]),
    (b"#t\r\n", ("boolean", 1)),
    (b"#f\r\n", ("boolean", 0)),
    (b",1.5\r\n", ("double", b"1.5")),
    (b",-inf\r\n", ("double", b"-inf")),
    (b"(123456789012345678901\r\n", ("big", b"123456789012345678901")),
    (b"!6\r\nERR no\r\n", ("bulk_error", b"ERR no")),
    (b"=6\r\ntxt:hi\r\n", ("verbatim", b"txt:hi")),
    (b"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n", ("map", [(("status", b"a"), 1), (("status", b"b"), [2])])),
    (b"~2\r\n:1\r\n:2\r\n", ("set", [1, 2])),
    (b">2\r\n$7\r\nmessage\r\n:1\r\n", ("push", [b"message", 1])),
    (b"|1\r\n+ttl\r\n:3\r\n$1\r\nv\r\n", ("attribute", [(("status", b"ttl"), 3)], b"v")),
    (b"*1\r\n|1\r\n+ttl\r\n:3\r\n$1\r\nv\r\n", [("attribute", [(("status", b"ttl"), 3)], b"v")]),
]
STREAM = b"".join(raw for raw, _ in VECTORS)


@pytest.fixture
def serve() -> Iterator[Callable[[Peer], RawConnection]]:
    """Connects to a peer that runs in a thread and closes when its function returns."""
    threads: list[threading.Thread] = []
    clients: list[RawConnection] = []

    def start(peer: Peer) -> RawConnection:
        listener = socket.create_server(("127.0.0.1", 0))

        def run() -> None:
            with listener:
                connection, _ = listener.accept()
            with connection:
                peer(connection)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        clients.append(RawConnection("127.0.0.1", listener.getsockname()[1], timeout=5.0))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
    for thread in threads:
        thread.join(5.0)
        assert not thread.is_alive()


def test_encode_takes_every_argument_type() -> None:
    assert (
        encode(b"SET", "k\u00e9", 1, 2.5) == b"*4\r\n$3\r\nSET\r\n$3\r\nk\xc3\xa9\r\n$1\r\n1\r\n$3\r\n2.5\r\n"
    )


@pytest.mark.parametrize(("raw", "tree"), VECTORS)
def test_decode_keeps_types_apart(raw: bytes, tree: Tree) -> None:
    assert decode(raw) == tree
    assert type(decode(raw)) is type(tree)


def test_no_two_vectors_decode_alike() -> None:
    trees = [repr(decode(raw)) for raw, _ in VECTORS]
    assert len(set(trees)) == len(trees)


def test_parse_replies_splits_a_stream() -> None:
    assert parse_replies(STREAM) == [raw for raw, _ in VECTORS]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_splitter_finds_the_same_replies_in_any_chunks(size: int) -> None:
    splitter = ReplySplitter()
    found: list[bytes] = []
    for start in range(0, len(STREAM), size):
        splitter.feed(STREAM[start : start + size])
        while (reply := splitter.next_reply()) is not None:
            found.append(reply)
    assert found == [raw for raw, _ in VECTORS]
    assert splitter.unread() == b""


def test_splitter_returns_nothing_before_the_last_byte() -> None:
    for raw, _ in VECTORS:
        splitter = ReplySplitter()
        splitter.feed(raw[:-1])
        assert splitter.next_reply() is None
        splitter.feed(raw[-1:])
        assert splitter.next_reply() == raw


@pytest.mark.parametrize(
    "bad",
    [
        b"?\r\n",
        b"HTTP/1.1 200",
        b"$x\r\n",
        b"$-2\r\n",
        b"*1_0\r\n",
        b"$+1\r\na\r\n",
        b"%-1\r\n",
        b"$1\r\nabc",
    ],
)
def test_bytes_that_are_not_resp_are_refused(bad: bytes) -> None:
    with pytest.raises(WireError):
        parse_replies(bad)
    with pytest.raises(WireError):
        decode(bad)


def test_parse_replies_refuses_a_cut_stream() -> None:
    with pytest.raises(WireError, match="ends inside"):
        parse_replies(b"+OK\r\n$5\r\nab")


def test_decode_refuses_trailing_bytes() -> None:
    with pytest.raises(WireError, match="follow"):
        decode(b":1\r\n:2\r\n")


def test_unordered_sorts_sets_and_maps_only() -> None:
    left = decode(b"*2\r\n~2\r\n:2\r\n:1\r\n%2\r\n+b\r\n:1\r\n+a\r\n:2\r\n")
    right = decode(b"*2\r\n~2\r\n:1\r\n:2\r\n%2\r\n+a\r\n:2\r\n+b\r\n:1\r\n")
    assert left != right
    assert unordered(left) == unordered(right)
    assert unordered([2, 1]) == [2, 1]


def test_command_returns_one_raw_reply(serve: Callable[[Peer], RawConnection]) -> None:
    received: list[bytes] = []

    def peer(connection: socket.socket) -> None:
        received.append(connection.recv(100))
        connection.sendall(b"+PONG\r\n:1\r\n")

    client = serve(peer)
    assert client.command("PING") == b"+PONG\r\n"
    assert client.read_reply() == b":1\r\n"
    assert received == [b"*1\r\n$4\r\nPING\r\n"]


def test_read_reply_reports_a_hang_up(serve: Callable[[Peer], RawConnection]) -> None:
    client = serve(lambda connection: connection.sendall(b"$5\r\nab"))
    with pytest.raises(WireError, match="connection closed"):
        client.read_reply()
    assert client.read_until_close() == b"$5\r\nab"


def test_read_reply_times_out_with_what_it_has(serve: Callable[[Peer], RawConnection]) -> None:
    def peer(connection: socket.socket) -> None:
        connection.sendall(b"$5\r\nab")
        connection.recv(1)

    client = serve(peer)
    client.timeout = 0.05
    with pytest.raises(TimeoutError, match="ab"):
        client.read_reply()


def test_read_until_close_returns_what_no_reply_claimed(serve: Callable[[Peer], RawConnection]) -> None:
    client = serve(lambda connection: connection.sendall(b":1\r\n-ERR bye\r\n!"))
    assert client.read_reply() == b":1\r\n"
    assert client.read_until_close() == b"-ERR bye\r\n!"


def test_is_silent_sees_late_and_early_bytes(serve: Callable[[Peer], RawConnection]) -> None:
    def peer(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(b":1\r\n:2\r\n")
        connection.recv(1)

    client = serve(peer)
    assert client.is_silent(0.02)
    client.send(b"x")
    assert not client.is_silent(5.0)
    assert client.read_reply() == b":1\r\n"
    assert not client.is_silent(0.02)
    assert client.read_reply() == b":2\r\n"
    assert client.is_silent(0.02)


def test_pipeline_answers_each_command_across_windows(serve: Callable[[Peer], RawConnection]) -> None:
    def peer(connection: socket.socket) -> None:
        seen = 0
        request = encode("PING")
        buffer = b""
        while seen < 7:
            buffer += connection.recv(100)
            while buffer.startswith(request):
                buffer = buffer[len(request) :]
                connection.sendall(b":%d\r\n" % seen)
                seen += 1

    client = serve(peer)
    assert client.pipeline([("PING",)] * 7, window=3) == [b":%d\r\n" % i for i in range(7)]


def test_close_sending_lets_the_rest_be_read(serve: Callable[[Peer], RawConnection]) -> None:
    def peer(connection: socket.socket) -> None:
        while connection.recv(100):
            pass
        connection.sendall(b"+bye\r\n")

    client = serve(peer)
    client.send(b"x")
    client.close_sending()
    assert client.read_until_close() == b"+bye\r\n"
