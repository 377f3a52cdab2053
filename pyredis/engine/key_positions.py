"""Where the keys of a request stand, read off the key specifications of its command.

Everyone who must know a request's keys without running it asks here: COMMAND GETKEYS, access rules, tracking,
the cluster. Specifications that cannot tell the whole truth (their flags depend on the options, or keys stand
where only the command's own grammar finds them) are helped out by the command's `find_keys`, as Redis's are
by its getkeys functions. Requests may be wrong in any way; then the answer is what Redis says of them, often
none.

The legacy range (first key, last key, step) and the `movablekeys` flag are derived here and declared nowhere.
"""

from __future__ import annotations

from typing import Final

from pyredis.datatypes.numbers import parse_int64
from pyredis.engine.command import MOVABLE_KEYS, CommandSpec, KeyPosition, KeySpec

_NOT_KEY: Final = b"not_key"
_INCOMPLETE: Final = b"incomplete"
_VARIABLE: Final = b"variable_flags"


def takes_keys(spec: CommandSpec) -> bool:
    """Whether any request of this command can have keys."""
    if spec.find_keys is not None:
        return True
    return any(_NOT_KEY not in key.flags for key in spec.keys)


def key_positions(spec: CommandSpec, argv: list[bytes]) -> list[KeyPosition]:
    """The keys of a request, in Redis's order; empty when it has none or makes no sense.

    O(arguments). `argv` is the whole request, a container's name included.
    """
    if spec.keys and not any(_VARIABLE in key.flags or _INCOMPLETE in key.flags for key in spec.keys):
        found = _specified(spec.keys, argv)
        if found is not None:
            return found
    if spec.find_keys is not None:
        return spec.find_keys(argv)
    return _counted_leniently(spec.keys, argv)


def _specified(keys: tuple[KeySpec, ...], argv: list[bytes]) -> list[KeyPosition] | None:
    """What the specifications say; None when one does not fit the request or never tells everything."""
    found: list[KeyPosition] = []
    for key in keys:
        if _NOT_KEY in key.flags:
            continue
        first = _begin(key, argv)
        if first == 0:
            continue
        if first < 0:
            return None
        if key.find == "range":
            last = _range_end(key, first, len(argv))
        elif key.find == "keynum" and first + key.last < len(argv):
            count = parse_int64(argv[first + key.last])
            if count is None or count < 0:
                return None
            first += key.limit
            last = first + count - 1
        else:
            return None
        if last >= len(argv) or last < first or first >= len(argv):
            return None
        found += [KeyPosition(position, key.flags) for position in range(first, last + 1, key.step)]
    return found


def _begin(key: KeySpec, argv: list[bytes]) -> int:
    """Where the search for keys begins: an argument, 0 without the keyword, -1 when nobody knows."""
    if key.begin == "index":
        return key.index
    if key.begin != "keyword":
        return -1
    # From a negative start Redis means to look backwards, but stops after the one argument there.
    if key.index > 0:
        places = range(key.index, len(argv) - 1)
    else:
        start = len(argv) + key.index
        places = range(start, start + 1) if start > 1 else range(0)
    keyword = key.keyword.lower()
    for position in places:
        if argv[position].lower() == keyword:
            return position + 1
    return 0


def _range_end(key: KeySpec, first: int, count: int) -> int:
    """The last argument of a range that begins at `first`."""
    if key.last >= 0:
        return first + key.last
    if key.limit == 0:
        return count + key.last
    return first + (count - first) // key.limit + key.last


def _counted_leniently(keys: tuple[KeySpec, ...], argv: list[bytes]) -> list[KeyPosition]:
    """Keys counted by an argument that is not quite a number: Redis falls back to reading its leading digits.

    The counted keys come first, then the one that stands alone before the count; both without flags.
    """
    counted = [key for key in keys if key.find == "keynum"]
    if len(counted) != 1 or len(argv) <= counted[0].index + counted[0].last:
        return []
    key = counted[0]
    count = _leading_integer(argv[key.index + key.last])
    first = key.index + key.limit
    if count < 1 or count > (len(argv) - first) // key.step:
        return []
    found = [KeyPosition(first + number * key.step, ()) for number in range(count)]
    found += [KeyPosition(other.index, ()) for other in keys if _is_plain_range(other)]
    return found


def _leading_integer(text: bytes) -> int:
    """The number that `atoi` reads."""
    stripped = text.lstrip(b" \t\n\v\f\r")
    end = 1 if stripped[:1] in (b"-", b"+") else 0
    while end < len(stripped) and 48 <= stripped[end] <= 57:
        end += 1
    digits = stripped[:end]
    return int(digits) if digits not in (b"", b"-", b"+") else 0


class LegacyRange:
    """First key, last key and step as COMMAND has always had them, and whether keys may stand elsewhere."""

    def __init__(self, first: int, last: int, step: int, is_movable: bool) -> None:
        self.first: int = first
        self.last: int = last
        self.step: int = step
        self.is_movable: bool = is_movable


def legacy_range(spec: CommandSpec) -> LegacyRange:
    """Sums the key specifications up in one range, as far as that goes."""
    keys = spec.keys
    if not keys:
        return LegacyRange(0, 0, 0, False)
    if len(keys) == 1 and _is_plain_range(keys[0]):
        key = keys[0]
        last = key.last + key.index if key.last >= 0 else key.last
        return LegacyRange(key.index, last, key.step, _INCOMPLETE in key.flags)
    first = last = 0
    is_movable = False
    for key in keys:
        # Only steps of one, each range right behind the one before, can be joined.
        if not _is_plain_range(key) or key.step != 1 or (last != 0 and last != key.index - 1):
            is_movable = True
            continue
        if _INCOMPLETE in key.flags:
            is_movable = True
        first = key.index if first == 0 else min(first, key.index)
        end = key.last + key.index if key.last >= 0 else key.last
        # Counted from the end is further than anything counted from the start.
        if last >= 0:
            last = end if end < 0 else max(last, end)
    if first == 0:
        return LegacyRange(0, 0, 0, True)
    return LegacyRange(first, last, 1, is_movable)


def all_flags(spec: CommandSpec) -> int:
    """The declared flags and the derived one."""
    return spec.flags | MOVABLE_KEYS if legacy_range(spec).is_movable else spec.flags


def _is_plain_range(key: KeySpec) -> bool:
    return key.begin == "index" and key.find == "range"
