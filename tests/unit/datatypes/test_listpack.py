"""Elements of listpacks: bytes as Redis writes them, and the way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.strings import BytesWriter

from pyredis.datatypes.listpack import (
    MANY,
    assemble,
    integer_size,
    read_integer,
    read_text,
    skip,
    skip_many,
    write_integer,
    write_text,
)

EDGES = [
    bound + offset
    for bound in (0, 127, -4096, 4095, -(1 << 15), 1 << 15, -(1 << 23), 1 << 23, -(1 << 31), 1 << 31)
    for offset in (-1, 0, 1)
]


def encoded(*texts: bytes) -> bytes:
    writer = BytesWriter()
    for text in texts:
        write_text(writer, text)
    return writer.getvalue()


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (b"0", "00 01"), (b"127", "7f 01"), (b"128", "c0 80 02"), (b"-1", "df ff 02"), (b"4095", "cf ff 02"),
        (b"4096", "f1 00 10 03"), (b"-32768", "f1 00 80 03"), (b"32768", "f2 00 80 00 04"),
        (b"-8388609", "f3 ff ff 7f ff 05"), (b"2147483648", "f4 00 00 00 80 00 00 00 00 09"),
        (b"", "80 01"), (b"abc", "83 61 62 63 04"), (b"01", "82 30 31 03"), (b"-0", "82 2d 30 03"),
    ],
)  # fmt: skip
def test_the_bytes(text: bytes, data: str) -> None:
    assert encoded(text) == bytes.fromhex(data)


@pytest.mark.parametrize(
    ("length", "head", "tail"),
    [
        (63, "bf", "40"), (64, "e0 40", "42"), (125, "e0 7d", "7f"), (126, "e0 7e", "01 80"),
        (4095, "ef ff", "20 81"), (4096, "f0 00 10 00 00", "20 85"), (16378, "f0 fa 3f 00 00", "00 ff ff"),
    ],
)  # fmt: skip
def test_long_texts(length: int, head: str, tail: str) -> None:
    text = b"x" * length
    assert encoded(text) == bytes.fromhex(head) + text + bytes.fromhex(tail)


TEXTS = st.one_of(
    st.binary(max_size=70),
    st.sampled_from(EDGES).map(lambda number: b"%d" % number),
    st.integers(-(1 << 64), 1 << 64).map(lambda number: b"%d" % number),
    st.sampled_from([63, 64, 125, 126, 127, 4095, 4096, 16377, 16378, 20_000]).map(
        lambda length: b"y" * length
    ),
)


@given(st.lists(TEXTS, max_size=8))
def test_written_and_read(texts: list[bytes]) -> None:
    data = encoded(*texts)
    position = 0
    for count, text in enumerate(texts):
        assert skip_many(data, 0, count) == position
        assert read_text(data, position) == text
        position = skip(data, position)
    assert position == len(data)


@given(st.one_of(st.sampled_from(EDGES), st.integers(-(1 << 63), (1 << 63) - 1)))
def test_integers(number: int) -> None:
    writer = BytesWriter()
    write_integer(writer, number)
    assert read_integer(writer.getvalue(), 0) == number
    assert len(writer) == integer_size(number)


def test_a_text_is_no_integer() -> None:
    with pytest.raises(ValueError, match="no integer"):
        read_integer(encoded(b"x" * 5000), 0)


def test_a_whole_listpack() -> None:
    assert assemble(encoded(b"a", b"1"), 2) == bytes.fromhex("0c000000 0200 816102 0101 ff")
    assert assemble(b"", MANY + 5)[4:6] == b"\xff\xff"
