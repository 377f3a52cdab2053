"""Commands in an append only file: written, read in any pieces, and refused where they are broken."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.persistence.aof_commands import LINE_MAX, AofFormatError, CommandReader, command_bytes

SET = command_bytes(b"SET", b"k", b"v")


def read_all(*pieces: bytes) -> tuple[list[list[bytes]], CommandReader]:
    reader = CommandReader()
    found: list[list[bytes]] = []
    for piece in pieces:
        reader.feed(piece)
        while (argv := reader.next_command()) is not None:
            found.append(argv)
    return found, reader


def test_encoding() -> None:
    assert SET == b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"
    assert command_bytes(b"", b"x" * 2000) == b"*2\r\n$0\r\n\r\n$2000\r\n" + b"x" * 2000 + b"\r\n"


@given(
    commands=st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=6), max_size=8),
    cuts=st.lists(st.integers(0, 400), max_size=6),
)
def test_any_pieces(commands: list[list[bytes]], cuts: list[int]) -> None:
    data = b"".join([command_bytes(*argv) for argv in commands])
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    found, reader = read_all(*[data[one:two] for one, two in itertools.pairwise(edges)])
    assert found == commands
    assert reader.offset == len(data)
    assert reader.is_at_end()


def test_every_prefix_is_whole_commands_and_a_rest() -> None:
    data = SET * 3
    for size in range(len(data)):
        found, reader = read_all(data[:size])
        assert len(found) == size // len(SET)
        assert reader.offset == len(found) * len(SET)
        assert reader.is_at_end() == (size % len(SET) == 0)


def test_large_argument_in_small_pieces() -> None:
    data = command_bytes(b"SET", b"k", b"x" * 300_000)
    found, _ = read_all(*[data[start : start + 1000] for start in range(0, len(data), 1000)])
    assert found == [[b"SET", b"k", b"x" * 300_000]]


def test_remarks_and_times() -> None:
    found, reader = read_all(b"#TS:1700000000\r\n" + SET + b"#anything\n" + SET)
    assert found == [[b"SET", b"k", b"v"]] * 2
    assert reader.timestamp == 1_700_000_000
    assert reader.offset == 16 + 2 * len(SET) + 10


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b"SET k v\r\n", 0),
        (b"\0" * 20, 0),
        (SET + b"\0" * 20, len(SET)),
        (b"*0\r\n", 0),
        (b"*-1\r\n", 0),
        (b"*x\r\n", 0),
        (b"*\n", 0),
        (b"*\r\n", 0),
        (b"*1\r\n$\n", 4),
        (b"*1\n$4\nPING\n", 0),
        (b"*99999999999999999999\r\n", 0),
        (b"*1\r\n+PING\r\n", 4),
        (b"*1\r\n$x\r\nPING\r\n", 4),
        (b"*1\r\n$-1\r\n", 4),
        (b"*1\r\n$4\r\nPINGxx", 12),
        (b"*" + b"1" * LINE_MAX, 0),
    ],
)
def test_broken(data: bytes, offset: int) -> None:
    with pytest.raises(AofFormatError) as raised:
        read_all(data)
    assert raised.value.offset == offset


def test_a_huge_length_waits_for_its_bytes() -> None:
    found, reader = read_all(b"*1\r\n$999999999999\r\nabc")
    assert found == []
    assert not reader.is_at_end()
