"""Where the replies of stream commands may differ: times, and what Redis 7.2 and 7.4 changed for groups.

* IDs that `*` made, delivery and idle times depend on the moment at which a server got a command.
* Since 7.2 a consumer comes into being when it is named, and not only when it gets something; so ours may have
  more consumers, with nothing pending. XINFO tells more of them.
* `entries-read` and `lag` are known in more cases since 7.2, and right in more since 7.4.
"""

from __future__ import annotations

import re
from typing import Final

from tests.support.wire import Tree

NEAR_MS: Final = 1000
_TIMED_ID: Final = re.compile(rb"(\d{13})-\d+")
_TIMES: Final = frozenset((b"seen-time", b"active-time", b"idle", b"inactive"))
_UNCERTAIN: Final = frozenset((b"entries-read", b"lag"))
_NEWER: Final = frozenset((b"inactive", b"active-time"))


def same_entries(ours: Tree, theirs: Tree) -> bool:
    """Whether two trees are equal but for IDs that were made of the time."""
    if ours == theirs:
        return True
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        return len(ours) == len(theirs) and all(map(same_entries, ours, theirs))
    if not isinstance(ours, bytes) or not isinstance(theirs, bytes):
        return False
    one, two = _TIMED_ID.fullmatch(ours), _TIMED_ID.fullmatch(theirs)
    return one is not None and two is not None and abs(int(one[1]) - int(two[1])) <= NEAR_MS


def same_stream_reply(argv: list[bytes], ours: Tree, theirs: Tree) -> bool:
    """Whether two replies of XADD, XRANGE and the like agree."""
    return same_entries(ours, theirs)


def same_pending(argv: list[bytes], ours: Tree, theirs: Tree) -> bool:
    """Whether two replies of XPENDING agree: the third of four facts of an entry is its age."""
    if len(argv) == 3 or not isinstance(ours, list) or not isinstance(theirs, list):
        return same_entries(ours, theirs)
    return len(ours) == len(theirs) and all(map(_same_pending_entry, ours, theirs))


def _same_pending_entry(ours: Tree, theirs: Tree) -> bool:
    if not isinstance(ours, list) or not isinstance(theirs, list) or len(ours) != 4 or len(theirs) != 4:
        return ours == theirs
    return same_entries(ours[:2], theirs[:2]) and _near(ours[2], theirs[2]) and ours[3] == theirs[3]


def _near(ours: Tree, theirs: Tree) -> bool:
    if not isinstance(ours, int) or not isinstance(theirs, int):
        return ours == theirs
    return ours == theirs or (min(ours, theirs) >= 0 and abs(ours - theirs) <= NEAR_MS)


def same_creation(argv: list[bytes], ours: Tree, theirs: Tree) -> bool:
    """Whether two replies of XGROUP CREATECONSUMER agree: ours may have been there before."""
    return ours == theirs or (ours == 0 and theirs == 1)


def same_info(argv: list[bytes], ours: Tree, theirs: Tree) -> bool:
    """Whether two replies of XINFO agree."""
    if argv[1].lower() == b"consumers" and isinstance(ours, list) and isinstance(theirs, list):
        return _same_consumers(ours, theirs)
    return _same_node(ours, theirs)


def _fields(tree: Tree) -> dict[bytes, Tree] | None:
    """A map, or the flat array that stands for it."""
    if isinstance(tree, tuple) and tree[0] == "map" and isinstance(tree[1], list):
        return {
            pair[0]: pair[1] for pair in tree[1] if isinstance(pair, tuple) and isinstance(pair[0], bytes)
        }
    if not isinstance(tree, list) or len(tree) % 2 or not tree or tree[0] not in (b"name", b"length"):
        return None
    return {name: value for name, value in zip(tree[::2], tree[1::2], strict=True) if isinstance(name, bytes)}


def _same_node(ours: Tree, theirs: Tree) -> bool:
    mine, others = _fields(ours), _fields(theirs)
    if mine is not None and others is not None:
        return list(others) == [name for name in mine if name not in _NEWER] and all(
            _same_fact(name, mine[name], value) for name, value in others.items()
        )
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same_node, ours, theirs))
    return same_entries(ours, theirs)


def _same_fact(name: bytes, ours: Tree, theirs: Tree) -> bool:
    if name in _UNCERTAIN:
        return True
    if name in _TIMES:
        return isinstance(ours, int) and isinstance(theirs, int)
    if name == b"pending" and isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same_delivery, ours, theirs))
    if name == b"consumers":
        if isinstance(ours, list) and isinstance(theirs, list):
            return _same_consumers(ours, theirs)
        return isinstance(ours, int) and isinstance(theirs, int) and ours >= theirs
    return _same_node(ours, theirs)


def _same_delivery(ours: Tree, theirs: Tree) -> bool:
    """One pending entry: ID, in a group's list the consumer, time, count."""
    if not isinstance(ours, list) or not isinstance(theirs, list) or len(ours) != len(theirs):
        return False
    return same_entries(ours[:-2], theirs[:-2]) and _near(ours[-2], theirs[-2]) and ours[-1] == theirs[-1]


def _same_consumers(ours: list[Tree], theirs: list[Tree]) -> bool:
    """Consumers that have something pending are the same; others may be missing in theirs."""
    mine = {repr(fields[b"name"]): tree for tree in ours if (fields := _fields(tree))}
    others = {repr(fields[b"name"]): tree for tree in theirs if (fields := _fields(tree))}
    for name, tree in mine.items():
        if name not in others:
            fields = _fields(tree) or {}
            if fields.get(b"pending") not in (0, []):
                return False
        elif not _same_node(tree, others[name]):
            return False
    return others.keys() <= mine.keys()


# Logs and events.

UNLOGGED: Final = frozenset((b"CREATECONSUMER", b"DELCONSUMER"))
"""Subcommands of XGROUP about consumers that may be there on one server only."""
UNHEARD: Final = frozenset((b"xgroup-createconsumer", b"xgroup-delconsumer"))


def is_logged_alike(argv: list[bytes]) -> bool:
    """Whether a logged command has to be in both logs.

    Since 7.2 XREADGROUP always logs how far the group has come, and 7.0 only with NOACK.
    """
    if len(argv) < 2 or argv[0].upper() != b"XGROUP":
        return True
    return argv[1].upper() not in UNLOGGED and (argv[1].upper() != b"SETID" or len(argv) != 7)


def without_limit(argv: list[bytes]) -> list[bytes]:
    """A logged XADD or XTRIM without LIMIT, which Redis leaves beside `=`, where it says nothing."""
    if argv[0].upper() not in (b"XADD", b"XTRIM"):
        return argv
    kept = argv[:2]
    i = 2
    while i < len(argv):
        word = argv[i].upper()
        if word == b"LIMIT":
            i += 2
            continue
        is_threshold = kept[-1].upper() in (b"MAXLEN", b"MINID", b"=")
        if not is_threshold and word not in (b"MAXLEN", b"MINID", b"NOMKSTREAM", b"="):
            break
        kept.append(argv[i])
        i += 1
    return kept + argv[i:]
