"""A small sorted set in one bytes object: what a listpack is to Redis.

Entries stand one behind the other in order (by score, then by the bytes of the member), each of them the
score as a little-endian double, the length of the member in one byte, and the member. Nothing is changed in
place: an edit builds new bytes, so a copy of the set is free. A *place* is the offset at which an entry
begins.

Every search walks, 2 ns an entry when compiled, which beats anything cleverer up to some hundred entries;
interpreted a step takes 0.12 us, so there the limit is lower. Ten members of 8 bytes take 208 bytes: as
Python objects in a list and an array they would take 900.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter, read_f64_le, read_i64_le, write_f64_le
from librt.vecs import append, vec
from mypy_extensions import i64

from pyredis.form import COMPILED

MAX_ENTRIES: Final[i64] = 128 if COMPILED else 16
MAX_MEMBER: Final[i64] = 255

HEADER: Final[i64] = 9
"""Bytes of an entry before its member."""


def find(packed: bytes, member: bytes) -> i64:
    """The place of a member's entry, or -1. O(n)."""
    end: i64 = len(packed)
    wanted: i64 = len(member)
    place: i64 = 0
    start: i64
    length: i64
    if wanted < 8:
        while place < end:
            length = packed[place + 8]
            start = place + HEADER
            place = start + length
            if length == wanted and packed[start:place] == member:
                return start - HEADER
        return -1
    # The last bytes tell most members apart, and comparing eight of them makes no object.
    tail = read_i64_le(member, wanted - 8)
    while place < end:
        length = packed[place + 8]
        start = place + HEADER
        place = start + length
        if length == wanted and read_i64_le(packed, place - 8) == tail and packed[start:place] == member:
            return start - HEADER
    return -1


def place_of(packed: bytes, score: float, member: bytes) -> i64:
    """The place of the first entry that is not before (score, member). O(n)."""
    end: i64 = len(packed)
    place: i64 = 0
    while place < end:
        length: i64 = packed[place + 8]
        there = read_f64_le(packed, place)
        start = place + HEADER
        if there > score or (there == score and packed[start : start + length] >= member):
            break
        place = start + length
    return place


def place_at(packed: bytes, rank: i64) -> i64:
    """The place of the entry with a rank, or the end. O(n)."""
    place: i64 = 0
    while rank > 0:
        place += HEADER + i64(packed[place + 8])
        rank -= 1
    return place


def rank_at(packed: bytes, place: i64) -> i64:
    """The rank of the entry at a place. O(n)."""
    at: i64 = 0
    rank: i64 = 0
    while at < place:
        at += HEADER + i64(packed[at + 8])
        rank += 1
    return rank


def score_at(packed: bytes, place: i64) -> float:
    """The score of the entry at a place."""
    return read_f64_le(packed, place)


def insert(packed: bytes, place: i64, score: float, member: bytes) -> bytes:
    """The set with one more entry before a place. O(n)."""
    writer = BytesWriter()
    if place > 0:
        writer.write(packed[:place])
    write_f64_le(writer, score)
    writer.append(len(member))
    writer.write(member)
    if place < i64(len(packed)):
        writer.write(packed[place:])
    return writer.getvalue()


def move(packed: bytes, place: i64, score: float, member: bytes) -> bytes:
    """The set with another score for the member whose entry is at a place. O(n)."""
    end = place + HEADER + i64(len(member))
    to = place_of(packed, score, member)
    writer = BytesWriter()
    if to < place:
        writer.write(packed[:to])
    elif place > 0:
        writer.write(packed[:place])
    if to > end:
        writer.write(packed[end:to])
    write_f64_le(writer, score)
    writer.append(len(member))
    writer.write(member)
    if to < place:
        writer.write(packed[to:place])
    writer.write(packed[max(to, end) :])
    return writer.getvalue()


def remove(packed: bytes, place: i64) -> bytes:
    """The set without the entry at a place. O(n)."""
    end = place + HEADER + i64(packed[place + 8])
    if place == 0:
        return packed[end:]
    return packed[:place] + packed[end:]


def pack(members: list[bytes], scores: vec[float]) -> bytes:
    """The set of entries that are in order and short enough. O(n)."""
    writer = BytesWriter()
    for i, member in enumerate(members):
        write_f64_le(writer, scores[i])
        writer.append(len(member))
        writer.write(member)
    return writer.getvalue()


def members(packed: bytes, start: i64, stop: i64) -> list[bytes]:
    """The members of a range of ranks. O(n)."""
    found: list[bytes] = []
    place = place_at(packed, start)
    while start < stop:
        length: i64 = packed[place + 8]
        begin = place + HEADER
        place = begin + length
        found.append(packed[begin:place])
        start += 1
    return found


def scores(packed: bytes, start: i64, stop: i64) -> vec[float]:
    """The scores of a range of ranks. O(n)."""
    found = vec[float]()
    place = place_at(packed, start)
    while start < stop:
        found = append(found, read_f64_le(packed, place))
        place += HEADER + i64(packed[place + 8])
        start += 1
    return found


def count_below(packed: bytes, score: float, inclusive: bool) -> i64:
    """How many entries have a lower score, or one that is not higher when `inclusive`. O(n)."""
    end: i64 = len(packed)
    place: i64 = 0
    count: i64 = 0
    while place < end:
        there = read_f64_le(packed, place)
        if there > score or (there == score and not inclusive):
            break
        place += HEADER + i64(packed[place + 8])
        count += 1
    return count
