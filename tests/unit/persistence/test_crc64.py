"""The checksum beside its definition, bit by bit, and beside values that others have computed."""

from __future__ import annotations

import random

import pytest

from pyredis.persistence.crc64 import FOLDED_BLOCK, POLYNOMIAL, crc64


def naive(crc: int, data: bytes) -> int:
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (POLYNOMIAL if crc & 1 else 0)
    return crc


def test_the_check_value_of_the_polynomial() -> None:
    assert crc64(0, b"123456789") == 0xE9C6D914C4B8D9CA


def test_nothing_changes_nothing() -> None:
    assert crc64(0, b"") == 0
    assert crc64(12345, b"") == 12345


@pytest.mark.parametrize("size", [*range(20), 255, 256, 257, 511, 512, 513, 1000, 4096, 5000])
def test_every_size_beside_the_definition(size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert crc64(0, data) == naive(0, data)
    assert crc64((1 << 64) - 1, data) == naive((1 << 64) - 1, data)


def test_data_in_two_parts() -> None:
    data = random.Random(1).randbytes(3 * FOLDED_BLOCK + 77)
    whole = crc64(0, data)
    for cut in (0, 1, 8, 9, 300, FOLDED_BLOCK, FOLDED_BLOCK + 1, len(data)):
        assert crc64(crc64(0, data[:cut]), data[cut:]) == whole
    assert whole == naive(0, data)
