"""Hypothesis strategies for what clients send: requests, near misses, and how the network cuts them."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from tests.protocol.request_vectors import encode

# Bytes that mean something to one parser or the other, wherever they stand.
PIECES: Final = [b"\r\n", b"\r", b"\n", b"*", b"$", b"+", b"=", b":", b"~2", b"\0", b"1", b"0", b"x", b"'"]

arguments = st.one_of(
    st.sampled_from([b"", b"a", b"txt:v", b"*1\r\n$4\r\nPING\r\n", b"=4\r\ntxt:\r\n", b"+OK", b"x" * 300]),
    st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join),
    st.binary(max_size=30),
)
names = st.sampled_from([b"PING", b"ECHO", b"echo", b"NOSUCH"])
requests = st.builds(lambda name, rest: encode(name, *rest), names, st.lists(arguments, max_size=4))

odd_requests = st.sampled_from(
    [
        b"*0\r\n",
        b"*-1\r\n",
        b"\r\n",
        b"PING\r\n",
        b"ECHO 'a b'\n",
        b"*1\rX$4\rXPINGXX",
        b"*2\r\n$4\r\nECHO\r\n$1\r\naXX",
        b"*1\r\n$4\r\nPING++",
        b"*1\r\n$4\r\nPING**",
        encode(*[b"n"] * 12),
        encode(b"ECHO", b"v" * 17_000),
    ]
)
"""Requests all the same."""

impostors = st.sampled_from(
    [
        b"*1\r\n:5\r\n",
        b"*1\r\n+OK\r\n",
        b"*1\r\n(12\r\n",
        b"*1\r\n=7\r\ntxt:abc\r\n",
        b"*1\r\n_\r\n",
        b"*1\r\n#f\r\n",
        b"*1\r\n$-1\r\n",
        b"*1\r\n*1\r\n$1\r\na\r\n",
        b"*2\r\n$1\r\naXX+b\r\n",
        b"*2\r\n$1\r\naXX=5\r\ntxt:b\r\n",
        b"~1\r\n$1\r\na\r\n",
        b">1\r\n$1\r\na\r\n",
        b"|1\r\n$1\r\na\r\n$1\r\nb\r\n",
        b"%1\r\n$1\r\na\r\n$1\r\nb\r\n",
        b"%0\r\n",
        b"%1\r\n",
        b"*2\r\n",
        b"$0\r\n\r\n",
        b"$1\r\na\r\n",
        b":0\r\n",
        b"#f\r\n",
        b"_\r\n",
        b"-ERR\r\n",
        b"*01\r\n$1\r\na\r\n",
        b"*999999999\r\n",
        b"*2\r\n*999999999\r\n",
    ]
)
"""Replies, which a parser of replies accepts."""


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A request with a byte removed, replaced or added."""
    data = draw(requests)
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.sampled_from([b"", *PIECES])) + data[at + draw(st.integers(0, 2)) :]


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """A pipeline: mostly requests, so that what comes late is reached, often with something else among it."""
    parts: list[bytes] = []
    for _ in range(draw(st.integers(1, 4))):
        parts += draw(st.lists(st.one_of(requests, odd_requests), max_size=3)) * draw(st.integers(1, 6))
        parts.append(draw(st.one_of(requests, impostors, mutated(), odd_requests)))
    data = b"".join(parts)
    return data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


@st.composite
def cut(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The same bytes in pieces."""
    points = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
    return [data[a:b] for a, b in zip([0, *points], [*points, len(data)], strict=True)]
