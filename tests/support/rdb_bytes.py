"""RDB data built byte by byte, for encodings that no server writes any more."""

from __future__ import annotations

from pyredis.persistence.crc64 import crc64


def length(number: int) -> bytes:
    """A length in the shortest form."""
    if number < 64:
        return bytes([number])
    if number < 16384:
        return bytes([0x40 | number >> 8, number & 255])
    if number < 1 << 32:
        return b"\x80" + number.to_bytes(4, "big")
    return b"\x81" + number.to_bytes(8, "big")


def string(text: bytes) -> bytes:
    """A string as it is."""
    return length(len(text)) + text


def u16(number: int) -> bytes:
    return number.to_bytes(2, "little")


def u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


def u64(number: int) -> bytes:
    return (number & (1 << 64) - 1).to_bytes(8, "little")


def value(kind: int, body: bytes, key: bytes = b"k") -> bytes:
    """The record of a key."""
    return bytes([kind]) + string(key) + body


def file(*records: bytes, version: int = 12, checksum: bool = True) -> bytes:
    """A whole file."""
    body = b"REDIS%04d" % version + b"".join(records) + b"\xff"
    if version < 5:
        return body
    return body + (crc64(0, body) if checksum else 0).to_bytes(8, "little")


def packed_list(*elements: bytes) -> bytes:
    """A listpack of short strings, which are not looked at."""
    body = b"".join(bytes([0x80 | len(text)]) + text + bytes([len(text) + 1]) for text in elements)
    return u32(len(body) + 7) + u16(len(elements)) + body + b"\xff"


def zip_list(*entries: bytes) -> bytes:
    """A ziplist of short strings, which are not looked at."""
    body, before, tail = b"", 0, 10
    for text in entries:
        tail = 10 + len(body)
        body += bytes([before, len(text)]) + text
        before = len(text) + 2
    return u32(len(body) + 11) + u32(tail) + u16(len(entries)) + body + b"\xff"
