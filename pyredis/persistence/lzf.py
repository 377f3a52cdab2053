"""LZF, the compression of RDB strings: the same choices as Redis's copy of liblzf, so that dumps agree to the byte.

Compressed data is a row of two kinds of items. A control byte below 32 announces that many literal bytes and one
more. Any other refers back: its upper three bits are the length less two, or 7 for a length in one more byte; its
lower five and the byte behind are the distance less one.

The table of places by hash is kept from call to call, because clearing it would cost more than most strings take.
Places are counted on from call to call instead, so those of earlier strings are below `Places.base`.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from librt.vecs import vec
from mypy_extensions import i64

from pyredis.form import COMPILED

HASH_BITS: Final[i64] = 16
HASH_MASK: Final[i64] = (1 << 16) - 1
LONGEST_RUN: Final[i64] = 32
FARTHEST: Final[i64] = 1 << 13
LONGEST_MATCH: Final[i64] = 264
"""Longest row of literals, farthest distance and longest reference that the format knows."""

SURE: Final[i64] = 16
"""liblzf keeps two bytes away from the end, unless its unrolled comparison of 16 bytes carries it there."""


class LzfError(ValueError):
    """Compressed data that breaks the format or is of another length than promised."""


class Places:
    """Where each hash was seen last."""

    def __init__(self) -> None:
        self.table: vec[i64] = vec[i64]([0] * (1 << 16)) if COMPILED else vec[i64]()
        self.slow_table: list[int] = [] if COMPILED else [0] * (1 << 16)
        self.base: i64 = 1


_PLACES: Final = Places()


def compress(data: bytes, limit: i64) -> bytes:
    """The data compressed to at most `limit` bytes, or nothing when that cannot be."""
    if COMPILED:
        return _compress(data, limit)
    return _compress_slowly(data, limit)


def _compress(data: bytes, limit: i64) -> bytes:  # pragma: no cover - compiled only
    places = _PLACES
    base = places.base
    size: i64 = len(data)
    places.base += size
    table = places.table
    out = BytesWriter()
    out.append(0)
    # `at` is where the next byte goes out, `run` how many literals stand before it.
    at: i64 = 1
    run: i64 = 0
    place: i64 = 0
    last = size - 2
    key: i64 = 0
    if size >= 2:
        key = (i64(data[0]) << 8) | i64(data[1])
    while place < last:
        key = ((key << 8) | i64(data[place + 2])) & 0xFFFFFF
        slot = ((key >> 8) - key * 5) & HASH_MASK
        there = table[slot] - base
        table[slot] = place + base
        distance = place - there - 1
        if (
            there > 0
            and distance < FARTHEST
            and data[there + 2] == data[place + 2]
            and data[there] == data[place]
            and data[there + 1] == data[place + 1]
        ):
            if at + 4 >= limit and at - (1 if run == 0 else 0) + 4 >= limit:
                return b""
            length: i64 = 3
            most = size - place - 2
            if most > LONGEST_MATCH:
                most = LONGEST_MATCH
            elif SURE < most < SURE + 3:
                most = SURE + 3
            while length < most and data[there + length] == data[place + length]:
                length += 1
            at = _refer(out, at, run, distance, length)
            run = 0
            place += length
            if place >= last:
                break
            # The two places before the next one are noted, too.
            key = (i64(data[place - 2]) << 8) | i64(data[place - 1])
            key = (key << 8) | i64(data[place])
            table[((key >> 8) - key * 5) & HASH_MASK] = place - 2 + base
            key = ((key << 8) | i64(data[place + 1])) & 0xFFFFFF
            table[((key >> 8) - key * 5) & HASH_MASK] = place - 1 + base
        else:
            if at >= limit:
                return b""
            out.append(data[place])
            at += 1
            run += 1
            place += 1
            if run == LONGEST_RUN:
                at = _close(out, at, run)
                run = 0
    if at + 3 > limit:
        return b""
    while place < size:
        out.append(data[place])
        at += 1
        run += 1
        place += 1
        if run == LONGEST_RUN:
            at = _close(out, at, run)
            run = 0
    return _finish(out, at, run)


def _compress_slowly(data: bytes, limit: int) -> bytes:
    """As `_compress`, in the way that suits the interpreter."""
    places = _PLACES
    base = int(places.base)
    size = len(data)
    places.base += size
    table = places.slow_table
    out = BytesWriter()
    out.append(0)
    at = 1
    run = 0
    place = 0
    last = size - 2
    while place < last:
        one, two, three = data[place], data[place + 1], data[place + 2]
        slot = (((one << 8) | two) - ((two << 8) | three) * 5) & 0xFFFF
        there = table[slot] - base
        table[slot] = place + base
        distance = place - there - 1
        if there > 0 and distance < 8192 and data[there : there + 3] == data[place : place + 3]:
            if at + 4 - (1 if run == 0 else 0) >= limit:
                return b""
            length = 3
            most = min(size - place - 2, 264)
            if 16 < most < 19:
                most = 19
            while length < most and data[there + length] == data[place + length]:
                length += 1
            at = _refer(out, at, run, distance, length)
            run = 0
            place += length
            if place >= last:
                break
            for seen in (place - 2, place - 1):
                one, two, three = data[seen], data[seen + 1], data[seen + 2]
                table[(((one << 8) | two) - ((two << 8) | three) * 5) & 0xFFFF] = seen + base
        else:
            if at >= limit:
                return b""
            out.append(one)
            at += 1
            run += 1
            place += 1
            if run == 32:
                at = _close(out, at, run)
                run = 0
    if at + 3 > limit:
        return b""
    while place < size:
        out.append(data[place])
        at += 1
        run += 1
        place += 1
        if run == 32:
            at = _close(out, at, run)
            run = 0
    return _finish(out, at, run)


def _refer(out: BytesWriter, at: i64, run: i64, distance: i64, length: i64) -> i64:
    """Ends the literals and writes a reference; returns where the first literal of the next row goes."""
    if run == 0:
        at -= 1
        out.truncate(at)
    else:
        out[at - run - 1] = run - 1  # type: ignore[assignment, unused-ignore]
    if length < 9:
        out.append((distance >> 8) + ((length - 2) << 5))
        at += 1
    else:
        out.append((distance >> 8) + (7 << 5))
        out.append(length - 9)
        at += 2
    out.append(distance & 255)
    out.append(0)
    return at + 2


def _close(out: BytesWriter, at: i64, run: i64) -> i64:
    """Ends a full row of literals and begins the next one."""
    out[at - run - 1] = run - 1  # type: ignore[assignment, unused-ignore]
    out.append(0)
    return at + 1


def _finish(out: BytesWriter, at: i64, run: i64) -> bytes:
    if run == 0:
        out.truncate(at - 1)
    else:
        out[at - run - 1] = run - 1  # type: ignore[assignment, unused-ignore]
    return out.getvalue()


def decompress(data: bytes, size: i64) -> bytes:
    """The `size` bytes that were compressed, or `LzfError`. Never takes more memory than that."""
    if not COMPILED:
        return _decompress_by_slices(data, size)
    out = BytesWriter()
    end: i64 = len(data)
    place: i64 = 0
    made: i64 = 0
    while place < end:
        control: i64 = data[place]
        place += 1
        if control < LONGEST_RUN:
            stop = place + control + 1
            made += control + 1
            if stop > end or made > size:
                raise LzfError
            while place < stop:
                out.append(data[place])
                place += 1
            continue
        length = (control >> 5) + 2
        if place + (2 if length == 9 else 1) > end:
            raise LzfError
        if length == 9:
            length += i64(data[place])
            place += 1
        start = made - ((control & 31) << 8) - i64(data[place]) - 1
        place += 1
        made += length
        if start < 0 or made > size:
            raise LzfError
        while length > 0:
            out.append(out[start])
            start += 1
            length -= 1
    if made != size:
        raise LzfError
    return out.getvalue()


def _decompress_by_slices(data: bytes, size: int) -> bytes:
    out = bytearray()
    end = len(data)
    place = 0
    while place < end:
        control = data[place]
        place += 1
        if control < 32:
            stop = place + control + 1
            if stop > end or len(out) + control + 1 > size:
                raise LzfError
            out += data[place:stop]
            place = stop
            continue
        length = (control >> 5) + 2
        if place + (2 if length == 9 else 1) > end:
            raise LzfError
        if length == 9:
            length += data[place]
            place += 1
        distance = ((control & 31) << 8) + data[place] + 1
        place += 1
        start = len(out) - distance
        if start < 0 or len(out) + length > size:
            raise LzfError
        # What is copied may include what this very copy has made.
        out += (out[start:] * (length // distance + 1))[:length]
    if len(out) != size:
        raise LzfError
    return bytes(out)
