"""Requests of the metrics port: what is understood, what is refused, and that no bytes do worse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.metrics.http import FIELDS_MAX, HEAD_BYTES, HttpError, HttpReader, HttpRequest, response

GET = b"GET /metrics HTTP/1.1\r\nHost: localhost:9121\r\nAccept: */*\r\n\r\n"


def read(data: bytes) -> HttpRequest | None:
    reader = HttpReader()
    reader.feed(data)
    return reader.next_request()


def refused(data: bytes) -> int:
    with pytest.raises(HttpError) as caught:
        read(data)
    return caught.value.status


def test_a_request() -> None:
    request = read(GET)
    assert request is not None
    assert (request.method, request.path, request.is_kept) == ("GET", "/metrics", True)
    assert request.fields == {"host": "localhost:9121", "accept": "*/*"}


@pytest.mark.parametrize("cut", range(len(GET)))
def test_split_anywhere(cut: int) -> None:
    reader = HttpReader()
    reader.feed(GET[:cut])
    assert reader.next_request() is None
    assert reader.has_data() == (cut > 0)
    reader.feed(GET[cut:])
    request = reader.next_request()
    assert request is not None
    assert request.path == "/metrics"
    assert not reader.has_data()


def test_several_at_once_behind_empty_lines() -> None:
    reader = HttpReader()
    reader.feed(b"\r\n\n" + GET + b"\r\n" + GET.replace(b"metrics", b"healthz"))
    first, second = reader.next_request(), reader.next_request()
    assert first is not None
    assert second is not None
    assert (first.path, second.path) == ("/metrics", "/healthz")
    assert reader.next_request() is None


def test_bare_line_feeds() -> None:
    request = read(b"GET / HTTP/1.0\nA: b\n\nrest")
    assert request is not None
    assert request.fields == {"a": "b"}
    mixed = read(b"GET / HTTP/1.0\nA: b\r\n\n")
    assert mixed is not None
    assert mixed.fields == {"a": "b"}


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/metrics?name=x", "/metrics"),
        (b"http://host:1/metrics", "/metrics"),
        (b"http://host", "/"),
        (b"*", "*"),
        (b"/\xff", "/\xff"),
    ],
)
def test_paths(target: bytes, path: str) -> None:
    request = read(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert request is not None
    assert request.path == path


@pytest.mark.parametrize(
    ("version", "connection", "is_kept"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.1", b"Connection: TE, Close\r\n", False),
        (b"1.1", b"Connection: te\r\nConnection: close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"connection: Keep-Alive\r\n", True),
        (b"1.0", b"connection: keep-alive, close\r\n", False),
    ],
)
def test_what_is_kept_open(version: bytes, connection: bytes, is_kept: bool) -> None:
    request = read(b"HEAD / HTTP/" + version + b"\r\nHost: x\r\n" + connection + b"\r\n")
    assert request is not None
    assert request.is_kept == is_kept


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"*1\r\n$4\r\nPING\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\n\r\n", 400),
        (b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / FTP/1.1\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nnothing\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", 405),
        (b"DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * FIELDS_MAX + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\na: " + b"b" * HEAD_BYTES + b"\r\n\r\n", 431),
        (b"x" * (HEAD_BYTES + 1), 431),
    ],
)
def test_refused(data: bytes, status: int) -> None:
    assert refused(data) == status


def test_an_empty_body_is_none() -> None:
    assert read(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 00\r\n\r\n") is not None


@given(
    st.lists(
        st.one_of(st.binary(max_size=40), st.sampled_from([b"\r\n", b"GET / HTTP/1.1", b"Host: x", b":"]))
    )
)
def test_any_bytes_are_requests_errors_or_wait(pieces: list[bytes]) -> None:
    reader = HttpReader()
    for piece in pieces:
        reader.feed(piece)
        try:
            while reader.next_request() is not None:
                pass
        except HttpError as error:
            response(error.status, "text/plain", b"", False, True)
            return


def test_responses() -> None:
    full = response(200, "text/plain", b"body", True, True)
    head, _, body = full.partition(b"\r\n\r\n")
    assert body == b"body"
    assert head.split(b"\r\n")[0] == b"HTTP/1.1 200 OK"
    assert b"Content-Length: 4" in head
    assert b"Connection: keep-alive" in head
    assert response(200, "text/plain", b"body", True, False) == head + b"\r\n\r\n"
    assert b"Allow: GET, HEAD\r\n" in response(405, "text/plain", b"", False, True)
