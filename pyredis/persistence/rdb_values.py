"""Reading the values of RDB data, in every encoding that a Redis has written.

`read_value` returns what the database stores, or `NoValue` for a collection without elements: Redis once wrote such,
drops the key when it loads them, and refuses them in RESTORE. Whatever Redis would not have written (duplicates,
scores that are no numbers, anything malformed) is an `RdbError`.
"""

from __future__ import annotations

from typing import Any, Final

from librt.vecs import append, vec
from mypy_extensions import i64

from pyredis.datatypes.hash_value import HashValue, from_pairs
from pyredis.datatypes.list_value import ListValue
from pyredis.datatypes.numbers import parse_double, parse_int64
from pyredis.datatypes.score_index import in_order
from pyredis.datatypes.set_value import HASHTABLE, INTSET, LISTPACK, from_members, kind_of
from pyredis.datatypes.sorted_set import SortedSet, from_entries
from pyredis.engine.engine import Engine
from pyredis.persistence import intset, listpack, ziplist
from pyredis.persistence import rdb_format as rdb
from pyredis.persistence.errors import MalformedError
from pyredis.persistence.rdb_input import RdbInput
from pyredis.persistence.rdb_stream import read_stream

LATEST_DEADLINE: Final[i64] = (1 << 48) - 2
"""The latest deadline that Redis can note for a field."""


class NoValue:
    """A collection without elements."""


NO_VALUE: Final = NoValue()


def read_value(data: RdbInput, kind: i64, engine: Engine) -> Any:
    """The value of a type; the encodings follow the engine's limits, as after any command."""
    if kind == rdb.STRING:
        return data.string("a string")
    if kind in (rdb.LIST, rdb.LIST_ZIPLIST, rdb.LIST_QUICKLIST, rdb.LIST_QUICKLIST_2):
        return _read_list(data, kind, engine)
    if kind in (rdb.HASH, rdb.HASH_LISTPACK, rdb.HASH_ZIPLIST, rdb.HASH_ZIPMAP):
        return _hash_of(data, _read_pairs(data, kind), engine)
    if kind in (rdb.SET, rdb.SET_INTSET, rdb.SET_LISTPACK):
        return _read_set(data, kind, engine)
    if kind in (rdb.ZSET, rdb.ZSET_2):
        return _read_scored(data, kind, engine)
    if kind in (rdb.ZSET_LISTPACK, rdb.ZSET_ZIPLIST):
        return _read_packed_scores(data, kind, engine)
    if kind in (rdb.STREAM_LISTPACKS, rdb.STREAM_LISTPACKS_2, rdb.STREAM_LISTPACKS_3):
        return read_stream(data, kind)
    if kind in (rdb.HASH_METADATA, rdb.HASH_METADATA_PRE_GA):
        return _read_expiring_hash(data, kind, engine)
    if kind in (rdb.HASH_LISTPACK_EX, rdb.HASH_LISTPACK_EX_PRE_GA):
        return _read_packed_expiring_hash(data, kind, engine)
    if kind in (rdb.MODULE_2, rdb.MODULE_PRE_GA):
        data.fail("expected a value, found one of a module, which cannot be loaded")
    data.fail(f"expected the type of a value, found {kind}")


def read_packed(data: RdbInput, what: str) -> list[bytes]:
    """The elements of a listpack that is stored as a string."""
    blob = data.string(what)
    try:
        return listpack.decode(blob)
    except MalformedError as error:
        data.fail(f"expected {what}, a listpack: {error}")


def read_ziplist(data: RdbInput, what: str) -> list[bytes]:
    """The entries of a ziplist that is stored as a string."""
    blob = data.string(what)
    try:
        return ziplist.decode_ziplist(blob)
    except MalformedError as error:
        data.fail(f"expected {what}, a ziplist: {error}")


def _read_strings(data: RdbInput, count: i64, what: str) -> list[bytes]:
    found: list[bytes] = []
    while count > 0:
        found.append(data.string(what))
        count -= 1
    return found


# Lists.


def _read_list(data: RdbInput, kind: i64, engine: Engine) -> Any:
    made = ListValue()
    limits = engine.list_limits
    count: i64
    if kind == rdb.LIST_ZIPLIST:
        made.extend(read_ziplist(data, "a list"), limits)
    else:
        count = data.count("the length of a list")
        while count > 0:
            if kind == rdb.LIST:
                made.extend([data.string("an element of a list")], limits)
            elif kind == rdb.LIST_QUICKLIST:
                made.extend(read_ziplist(data, "a node of a list"), limits)
            else:
                made.extend(_read_node(data), limits)
            count -= 1
    return made if made.count > 0 else NO_VALUE


def _read_node(data: RdbInput) -> list[bytes]:
    """The elements of one node of a quicklist."""
    container = data.length("the kind of a node")
    if container == rdb.PLAIN_NODE:
        return [data.string("an element of a list")]
    if container != rdb.PACKED_NODE:
        data.fail(f"expected the kind of a node, found {container}")
    return read_packed(data, "a node of a list")


# Sets.


def _read_set(data: RdbInput, kind: i64, engine: Engine) -> Any:
    members: list[bytes]
    limits = engine.set_limits
    if kind == rdb.SET_INTSET:
        blob = data.string("a set")
        try:
            numbers = intset.decode(blob)
        except MalformedError as error:
            data.fail(f"expected a set, an intset: {error}")
        if not numbers:
            return NO_VALUE
        members = [b"%d" % number for number in numbers]
        is_intset = len(members) <= limits.intset_entries
        return from_members(members, INTSET if is_intset else kind_of(members, limits, True))
    encoding: i64
    if kind == rdb.SET:
        members = _read_strings(data, data.count("the size of a set"), "a member of a set")
        encoding = kind_of(members, limits, True)
    else:
        members = read_packed(data, "a set")
        encoding = LISTPACK if len(members) <= limits.listpack_entries else HASHTABLE
    if not members:
        return NO_VALUE
    made = from_members(members, encoding)
    if made.table is None:
        if len(set(members)) != len(members):
            data.fail("expected a set, found a member twice")
    elif made.table.size != len(members):
        data.fail("expected a set, found a member twice")
    return made


# Sorted sets.


def _read_scored(data: RdbInput, kind: i64, engine: Engine) -> Any:
    count = data.count("the size of a sorted set")
    members: list[bytes] = []
    scores = vec[float]()
    while count > 0:
        members.append(data.string("a member of a sorted set"))
        if kind == rdb.ZSET_2:
            score = data.double("a score")
        else:
            score = _read_score(data)
        if score != score:
            data.fail("expected a score, found one that is no number")
        scores = append(scores, score)
        count -= 1
    return _zset_of(data, members, scores, engine)


def _read_score(data: RdbInput) -> float:
    """A score as text, after its length."""
    length = data.byte("a score")
    if length == rdb.SCORE_INF:
        return float("inf")
    if length == rdb.SCORE_MINUS_INF:
        return float("-inf")
    if length == rdb.SCORE_NAN:
        return float("nan")
    return _score_of(data, data.take(length, "a score"))


def _score_of(data: RdbInput, text: bytes) -> float:
    score = parse_double(text)
    if score is None:
        data.fail(f"expected a score, found {text[:40]!r}")
    return score


def _read_packed_scores(data: RdbInput, kind: i64, engine: Engine) -> Any:
    is_ziplist = kind == rdb.ZSET_ZIPLIST
    what = "a sorted set"
    entries = read_ziplist(data, what) if is_ziplist else read_packed(data, what)
    if len(entries) % 2:
        data.fail("expected a sorted set, found a member without a score")
    scores = vec[float]()
    place: i64 = 1
    while place < len(entries):
        scores = append(scores, _score_of(data, entries[place]))
        place += 2
    return _zset_of(data, entries[::2], scores, engine)


def _zset_of(data: RdbInput, members: list[bytes], scores: vec[float], engine: Engine) -> Any:
    if not members:
        return NO_VALUE
    order = _order_of(members, scores)
    if order < 0:
        # A real server writes from the highest score down.
        members.reverse()
        turned = vec[float](capacity=len(scores))
        place: i64 = len(scores) - 1
        while place >= 0:
            turned = append(turned, scores[place])
            place -= 1
        scores = turned
    elif order == 0:
        members, scores = in_order(zip(members, scores, strict=True))
    made: SortedSet = from_entries(members, scores, engine.zset_max_entries, engine.zset_max_value)
    table = made.index.table if made.index is not None else None
    if (len(set(members)) if table is None else table.size) != len(members):
        data.fail("expected a sorted set, found a member twice")
    return made


def _order_of(members: list[bytes], scores: vec[float]) -> i64:
    """1 for entries in order, -1 in reverse, else 0."""
    order: i64 = 0
    place: i64 = 1
    size: i64 = len(scores)
    while place < size:
        before, score = scores[place - 1], scores[place]
        step: i64
        if before != score:
            step = 1 if before < score else -1
        else:
            step = 1 if members[place - 1] < members[place] else -1
        if order == 0:
            order = step
        elif order != step:
            return 0
        place += 1
    return 1 if order == 0 else order


# Hashes.


def _read_pairs(data: RdbInput, kind: i64) -> list[bytes]:
    """Fields and values in turn."""
    if kind == rdb.HASH:
        count = data.count("the size of a hash")
        return _read_strings(data, 2 * count, "a field or value of a hash")
    if kind == rdb.HASH_LISTPACK:
        return read_packed(data, "a hash")
    if kind == rdb.HASH_ZIPLIST:
        return read_ziplist(data, "a hash")
    blob = data.string("a hash")
    try:
        return ziplist.decode_zipmap(blob)
    except MalformedError as error:
        data.fail(f"expected a hash, a zipmap: {error}")


def _hash_of(data: RdbInput, pairs: list[bytes], engine: Engine) -> Any:
    if len(pairs) % 2:
        data.fail("expected a hash, found a field without a value")
    if not pairs:
        return NO_VALUE
    made = from_pairs(pairs, engine.hash_max_entries, engine.hash_max_value)
    if 2 * made.size() != len(pairs):
        data.fail("expected a hash, found a field twice")
    return made


def _read_expiring_hash(data: RdbInput, kind: i64, engine: Engine) -> Any:
    """Each field has its deadline before it: 0 for none, and since 7.4.0 counted from the earliest, plus one."""
    earliest: i64 = 0
    if kind == rdb.HASH_METADATA:
        earliest = data.integer_64("the earliest deadline of a hash")
        if not 0 <= earliest <= LATEST_DEADLINE:
            data.fail("expected the earliest deadline of a hash")
    count = data.count("the size of a hash")
    pairs: list[bytes] = []
    deadlines: dict[bytes, int] = {}
    while count > 0:
        deadline = data.length("the deadline of a field")
        if deadline > LATEST_DEADLINE:
            data.fail("expected the deadline of a field")
        if deadline != 0 and kind == rdb.HASH_METADATA:
            deadline += earliest - 1
        field = data.string("a field of a hash")
        pairs.append(field)
        pairs.append(data.string("a value of a hash"))
        if deadline != 0:
            deadlines[field] = deadline
        count -= 1
    return _expiring_hash_of(data, pairs, deadlines, engine)


def _read_packed_expiring_hash(data: RdbInput, kind: i64, engine: Engine) -> Any:
    """A listpack of field, value and deadline in turn, 0 for none."""
    if kind == rdb.HASH_LISTPACK_EX:
        data.integer_64("the earliest deadline of a hash")
    entries = read_packed(data, "a hash")
    if len(entries) % 3:
        data.fail("expected a hash, found a field without a value or deadline")
    pairs: list[bytes] = []
    deadlines: dict[bytes, int] = {}
    place: i64 = 0
    while place < len(entries):
        pairs.append(entries[place])
        pairs.append(entries[place + 1])
        deadline = parse_int64(entries[place + 2])
        if deadline is None or not 0 <= deadline <= LATEST_DEADLINE:
            data.fail("expected the deadline of a field")
        if deadline != 0:
            deadlines[entries[place]] = deadline
        place += 3
    return _expiring_hash_of(data, pairs, deadlines, engine)


def _expiring_hash_of(data: RdbInput, pairs: list[bytes], deadlines: dict[bytes, int], engine: Engine) -> Any:
    """A hash with deadlines; fields past theirs are gone, unless somebody else decides about that."""
    made = _hash_of(data, pairs, engine)
    if not deadlines or not isinstance(made, HashValue):
        return made
    keyspace = engine.keyspace
    gone: list[bytes] = []
    for field, deadline in deadlines.items():
        if keyspace.is_past(deadline) and not keyspace.keeps_expired:
            gone.append(field)
        else:
            made.set_deadline(field, deadline)
    for field in gone:
        made.remove(field)
    made.extend()
    return made if made.size() > 0 else NO_VALUE
