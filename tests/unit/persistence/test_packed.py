"""Listpacks, ziplists, zipmaps and intsets, byte by byte: every encoding, every prefix, and random damage."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.persistence import intset, listpack, ziplist
from pyredis.persistence.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable


def u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


def u16(number: int) -> bytes:
    return number.to_bytes(2, "little")


def pack_list(*elements: bytes, count: int | None = None) -> bytes:
    """A listpack of encoded elements."""
    body = b"".join(elements)
    return u32(len(body) + 7) + u16(len(elements) if count is None else count) + body + b"\xff"


def backlen(size: int) -> bytes:
    groups = [size & 127]
    size >>= 7
    while size:
        groups.append(size & 127)
        size >>= 7
    return bytes([groups.pop(), *(group | 128 for group in reversed(groups))])


def element(body: bytes) -> bytes:
    return body + backlen(len(body))


LONG = b"l" * 4096
ELEMENTS = [
    (b"\x00", b"0"),
    (b"\x7f", b"127"),
    (b"\x80", b""),
    (b"\x83abc", b"abc"),
    (b"\xbf" + b"m" * 63, b"m" * 63),
    (b"\xc1\x00", b"256"),
    (b"\xcf\xff", b"4095"),
    (b"\xdf\xff", b"-1"),
    (b"\xd0\x00", b"-4096"),
    (b"\xe0\x40" + b"n" * 64, b"n" * 64),
    (b"\xef\xff" + b"n" * 4095, b"n" * 4095),
    (b"\xf0" + u32(4096) + LONG, LONG),
    (b"\xf1\x00\x80", b"-32768"),
    (b"\xf1\xff\x7f", b"32767"),
    (b"\xf2\x00\x00\x80", b"-8388608"),
    (b"\xf2\xff\xff\x7f", b"8388607"),
    (b"\xf3\x00\x00\x00\x80", b"-2147483648"),
    (b"\xf4" + b"\xff" * 7 + b"\x7f", b"9223372036854775807"),
    (b"\xf4" + b"\x00" * 7 + b"\x80", b"-9223372036854775808"),
]


@pytest.mark.parametrize(("body", "value"), ELEMENTS, ids=[value[:20].decode() for _, value in ELEMENTS])
def test_every_element_of_a_listpack(body: bytes, value: bytes) -> None:
    data = pack_list(element(body))
    assert listpack.decode(data) == [value]
    assert listpack.encode([value]) == data


def test_a_whole_listpack() -> None:
    data = pack_list(*[element(body) for body, _ in ELEMENTS])
    values = [value for _, value in ELEMENTS]
    assert listpack.decode(data) == values
    assert listpack.encode(values) == data
    assert listpack.decode(pack_list(count=65535)) == []
    assert listpack.decode(pack_list(element(b"\x01"), count=65535)) == [b"1"]


@pytest.mark.parametrize(
    "data",
    [
        pack_list(element(b"\x01"), count=2),
        pack_list(b"\x01\x02"),
        pack_list(b"\xe0\x40" + b"n" * 64 + b"\x42\x00"),
        pack_list(b"\x83ab"),
        pack_list(b"\xf0\xff\xff\xff\xff"),
        pack_list(b"\xf5\x01"),
        pack_list(b"\xff\x01"),
        u32(8) + pack_list()[4:],
        pack_list()[:-1] + b"\xfe",
        b"",
        b"\x00" * 6,
    ],
)
def test_a_damaged_listpack(data: bytes) -> None:
    with pytest.raises(MalformedError):
        listpack.decode(data)


@given(
    st.lists(
        st.one_of(st.binary(max_size=200), st.integers(-(1 << 63), (1 << 63) - 1).map(lambda n: b"%d" % n))
    )
)
def test_listpacks_there_and_back(values: list[bytes]) -> None:
    assert listpack.decode(listpack.encode(values)) == values


# Ziplists.


def pack_zip(*bodies: bytes, count: int | None = None) -> bytes:
    """A ziplist of encoded entries, the size of the one before each of them put in."""
    entries = b""
    before, tail = 0, 10
    for body in bodies:
        head = bytes([before]) if before < 254 else b"\xfe" + u32(before)
        tail = 10 + len(entries)
        entries += head + body
        before = len(head) + len(body)
    header = u32(len(entries) + 11) + u32(tail) + u16(len(bodies) if count is None else count)
    return header + entries + b"\xff"


ENTRIES = [
    (b"\x00", b""),
    (b"\x03abc", b"abc"),
    (b"\x3f" + b"m" * 63, b"m" * 63),
    (b"\x40\x40" + b"m" * 64, b"m" * 64),
    (b"\x7f\xff" + b"m" * 16383, b"m" * 16383),
    (b"\x80\x00\x00\x40\x00" + b"m" * 16384, b"m" * 16384),
    (b"\xc0\x00\x80", b"-32768"),
    (b"\xd0\x00\x00\x00\x80", b"-2147483648"),
    (b"\xe0" + b"\x00" * 7 + b"\x80", b"-9223372036854775808"),
    (b"\xf0\x00\x00\x80", b"-8388608"),
    (b"\xf0\xff\xff\x7f", b"8388607"),
    (b"\xfe\x80", b"-128"),
    (b"\xf1", b"0"),
    (b"\xfd", b"12"),
]


def test_every_entry_of_a_ziplist() -> None:
    for body, value in ENTRIES:
        assert ziplist.decode_ziplist(pack_zip(body)) == [value]
    data = pack_zip(*[body for body, _ in ENTRIES])
    assert ziplist.decode_ziplist(data) == [value for _, value in ENTRIES]
    assert ziplist.decode_ziplist(pack_zip()) == []
    assert ziplist.decode_ziplist(pack_zip(b"\xf1", count=65535)) == [b"0"]


def test_a_small_size_in_the_long_form() -> None:
    entries = b"\x00\x01a" + b"\xfe" + u32(3) + b"\x01b"
    data = u32(len(entries) + 11) + u32(13) + u16(2) + entries + b"\xff"
    assert ziplist.decode_ziplist(data) == [b"a", b"b"]


@pytest.mark.parametrize(
    "data",
    [
        pack_zip(b"\xf1", count=2),
        pack_zip(b"\xff"),
        pack_zip(b"\xc1\x00"),
        pack_zip(b"\x05abc"),
        pack_zip(b"\x40"),
        pack_zip(b"\x80\x00"),
        pack_zip(b"\x80\xff\xff\xff\xff"),
        u32(11) + u32(11) + u16(0) + b"\xff",
        u32(13) + u32(10) + u16(1) + b"\x01\xf1\xff",
        b"",
    ],
)
def test_a_damaged_ziplist(data: bytes) -> None:
    with pytest.raises(MalformedError):
        ziplist.decode_ziplist(data)


# Zipmaps.


def test_a_zipmap() -> None:
    data = b"\x02\x03foo\x03\x00bar\x05hello\x05\x02world??\xff"
    assert ziplist.decode_zipmap(data) == [b"foo", b"bar", b"hello", b"world"]
    assert ziplist.decode_zipmap(b"\x00\xff") == []
    long = b"v" * 300
    assert ziplist.decode_zipmap(b"\xfe\x01k\xfe" + u32(300) + b"\x00" + long + b"\xff") == [b"k", long]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"\x01\x03foo\xff",
        b"\x02\x03foo\x03\x00bar\xff",
        b"\x01\x03foo\x03\x05bar\xff",
        b"\x01\xff\x03\x00bar\xff",
        b"\x01\xfe\xff\xff\xff\xff\xff",
        b"\x01\x03foo\x00",
    ],
)
def test_a_damaged_zipmap(data: bytes) -> None:
    with pytest.raises(MalformedError):
        ziplist.decode_zipmap(data)


# Intsets.


@pytest.mark.parametrize(
    ("numbers", "width"),
    [
        ([], 2),
        ([1, 2, 3], 2),
        ([-32768, 32767], 2),
        ([-32769, 5], 4),
        ([0, 1 << 31], 8),
        ([-(1 << 63), 0, (1 << 63) - 1], 8),
    ],
)
def test_intsets(numbers: list[int], width: int) -> None:
    body = b"".join(number.to_bytes(width, "little", signed=True) for number in numbers)
    data = u32(width) + u32(len(numbers)) + body
    assert intset.decode(data) == numbers
    assert intset.encode(list(reversed(numbers))) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        u32(2) + u32(1),
        u32(3) + u32(1) + b"\x00\x00\x00",
        u32(2) + u32(2) + b"\x01\x00\x01\x00",
        u32(2) + u32(2) + b"\x02\x00\x01\x00",
        u32(2) + u32(1) + b"\x01\x00\x02\x00",
        u32(8) + u32(1 << 31) + b"\x00" * 8,
    ],
)
def test_a_damaged_intset(data: bytes) -> None:
    with pytest.raises(MalformedError):
        intset.decode(data)


SAMPLES = [
    (listpack.decode, pack_list(*[element(body) for body, _ in ELEMENTS if len(body) < 200])),
    (ziplist.decode_ziplist, pack_zip(*[body for body, _ in ENTRIES if len(body) < 200])),
    (ziplist.decode_zipmap, b"\x02\x03foo\x03\x00bar\x05hello\x05\x02world??\xff"),
    (intset.decode, u32(4) + u32(3) + b"".join(u32(number) for number in (1, 2, 70_000))),
]
NAMES = ["listpack", "ziplist", "zipmap", "intset"]


@pytest.mark.parametrize(("decode", "data"), SAMPLES, ids=NAMES)
def test_every_prefix_is_refused(decode: Callable[[bytes], object], data: bytes) -> None:
    decode(data)
    for size in range(len(data)):
        with pytest.raises(MalformedError):
            decode(data[:size])


@pytest.mark.parametrize(("decode", "data"), SAMPLES, ids=NAMES)
def test_random_damage_raises_nothing_else(decode: Callable[[bytes], object], data: bytes) -> None:
    dice = random.Random(7)
    refused = 0
    for _ in range(3000):
        damaged = bytearray(data)
        for _ in range(dice.randint(1, 4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            decode(bytes(damaged))
        except MalformedError:
            refused += 1
    assert refused > 500
