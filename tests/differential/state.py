"""Everything a server holds, asked for with commands, so that two servers can be compared after a program.

A reply shows little of what a command did. Types, encodings, values and deadlines of all keys in all
databases show the rest, and the counters show what the commands were taken for.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tests.differential.normalise import MILLISECONDS, same_doubles, sorted_tree
from tests.differential.normalise_streams import same_entries
from tests.differential.peers import Peer
from tests.support.wire import Tree, decode

READERS: Final = {
    b"string": (b"GET",),
    b"list": (b"LRANGE", b"0", b"-1"),
    b"set": (b"SMEMBERS",),
    b"hash": (b"HGETALL",),
    b"zset": (b"ZRANGE", b"0", b"-1", b"WITHSCORES"),
    b"stream": (b"XRANGE", b"-", b"+"),
}
NEWER_ENCODINGS: Final = {
    (b"set", b"listpack", b"hashtable"): "small sets are listpacks since Redis 7.2",
    (b"list", b"listpack", b"quicklist"): "small lists are listpacks since Redis 7.2",
}
COUNTED_LATER: Final = frozenset(
    f"cmdstat_{name}"
    for name in ("blpop", "brpop", "blmove", "brpoplpush", "blmpop", "bzpopmin", "bzpopmax", "bzmpop")
)
"""A command that waits is counted when its wait ends, and that may be before or after the look at the counters."""

UNCOUNTED: Final = ("cmdstat_ping", "cmdstat_info")
"""What the comparison itself sends, more often to one server than to the other."""


class KeyState(NamedTuple):
    """One key; `pttl` as PTTL tells it, `value` as the command that reads the type does."""

    kind: bytes
    encoding: bytes
    pttl: int
    value: Tree


State = dict[tuple[int, bytes], KeyState]


def databases(peer: Peer) -> int:
    """How many databases the server has."""
    reply = decode(peer.control(b"CONFIG", b"GET", b"databases"))
    assert isinstance(reply, list), reply
    assert isinstance(reply[1], bytes), reply
    return int(reply[1])


def snapshot(peer: Peer, count: int = 16) -> State:
    """All keys of the first `count` databases. Leaves the control connection in database 0."""
    requests: list[list[bytes]] = []
    for index in range(count):
        requests += [[b"SELECT", b"%d" % index], [b"KEYS", b"*"]]
    replies = peer.control_many(requests)
    keys: list[tuple[int, bytes]] = []
    for index in range(count):
        listed = decode(replies[2 * index + 1])
        assert isinstance(listed, list), listed
        keys += [(index, key) for key in listed if isinstance(key, bytes)]
    state: State = {}
    if not keys:
        peer.control(b"SELECT", b"0")
        return state
    requests = []
    for index, key in keys:
        requests += [
            [b"SELECT", b"%d" % index],
            [b"TYPE", key],
            [b"OBJECT", b"ENCODING", key],
            [b"PTTL", key],
        ]
    facts = peer.control_many(requests)
    kinds = [facts[4 * position + 1].strip(b"+\r\n") for position in range(len(keys))]
    requests = []
    for (index, key), kind in zip(keys, kinds, strict=True):
        command, *arguments = READERS.get(kind, (b"TYPE",))
        requests += [[b"SELECT", b"%d" % index], [command, key, *arguments]]
    requests.append([b"SELECT", b"0"])
    values = peer.control_many(requests)
    for position, name in enumerate(keys):
        encoding, pttl = decode(facts[4 * position + 2]), decode(facts[4 * position + 3])
        value = decode(values[2 * position + 1])
        if kinds[position] == b"none":
            continue  # expired since it was listed
        state[name] = KeyState(
            kinds[position],
            encoding if isinstance(encoding, bytes) else repr(encoding).encode(),
            pttl if isinstance(pttl, int) else -3,
            value,
        )
    return state


def difference(ours: State, theirs: State, encodings: bool = True) -> str:
    """What differs between two states, in words; empty when nothing does. Encodings may be left aside."""
    for name in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(name), theirs.get(name)
        if mine is None or other is None:
            present = mine or other
            if present is not None and 0 <= present.pttl <= MILLISECONDS:
                continue
            return f"key {name}: ours {mine}, theirs {other}"
        if not encodings:
            mine = mine._replace(encoding=other.encoding)
        if text := _key_difference(mine, other):
            return f"key {name}: {text}"
    return ""


def _key_difference(ours: KeyState, theirs: KeyState) -> str:
    if ours.kind != theirs.kind:
        return f"type {ours.kind!r}, theirs {theirs.kind!r}"
    if (
        ours.encoding != theirs.encoding
        and (ours.kind, ours.encoding, theirs.encoding) not in NEWER_ENCODINGS
    ):
        return f"encoding {ours.encoding!r}, theirs {theirs.encoding!r} (value {theirs.value!r:.100})"
    is_near = abs(ours.pttl - theirs.pttl) <= MILLISECONDS and (ours.pttl < 0) == (theirs.pttl < 0)
    if ours.pttl != theirs.pttl and not is_near:
        return f"PTTL {ours.pttl}, theirs {theirs.pttl}"
    if ours.value != theirs.value and not _same_unordered(ours, theirs):
        return f"value {ours.value!r}, theirs {theirs.value!r}"
    return ""


def _same_unordered(ours: KeyState, theirs: KeyState) -> bool:
    """Sets and hash tables have no order; scores are printed with fewer digits since Redis 7.2."""
    if ours.kind == b"hash" and isinstance(ours.value, list) and isinstance(theirs.value, list):
        return theirs.encoding == b"hashtable" and _pairs(ours.value) == _pairs(theirs.value)
    if ours.kind == b"stream":
        return same_entries(ours.value, theirs.value)
    if ours.kind == b"zset":
        return same_doubles(ours.value, theirs.value)
    return ours.kind == b"set" and sorted_tree(ours.value) == sorted_tree(theirs.value)


def _pairs(flat: list[Tree]) -> list[tuple[Tree, Tree]]:
    return sorted(zip(flat[::2], flat[1::2], strict=True), key=repr)


def digest(peer: Peer) -> bytes | None:
    """What DEBUG DIGEST says of the whole keyspace, or None from a server that does not know it."""
    reply = peer.control(b"DEBUG", b"DIGEST")
    return None if reply.startswith(b"-") else reply


def counters(peer: Peer) -> dict[str, str] | None:
    """What INFO counts in a way that does not depend on time, or None from a server without those
    sections."""
    found: dict[str, str] = {}
    for section in (b"commandstats", b"errorstats", b"stats"):
        reply = decode(peer.control(b"INFO", section))
        if not isinstance(reply, bytes):
            return None
        for line in reply.decode("latin-1").split("\r\n"):
            name, _, value = line.partition(":")
            if name in UNCOUNTED or name in COUNTED_LATER:
                continue
            if name.startswith("cmdstat_"):
                fields = dict(field.split("=", 1) for field in value.split(","))
                found[name] = ",".join(
                    f"{field}={fields.get(field)}" for field in ("calls", "rejected_calls", "failed_calls")
                )
            elif name.startswith("errorstat_") or name in ("keyspace_hits", "keyspace_misses"):
                found[name] = value
    return found


def counters_difference(ours: dict[str, str], theirs: dict[str, str]) -> str:
    """The first counter that differs."""
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            return f"INFO {name}: {ours.get(name)}, theirs {theirs.get(name)}"
    return ""
