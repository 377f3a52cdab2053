"""Replies of commands as Lua values.

RESP2: an integer is a number, a bulk string a string, null is false, a status `{ok=...}`, an error `{err=...}`, an
array a table. With `redis.setresp(3)` a null is nil, and maps, sets, doubles, big numbers and verbatim strings are
tables with one field that says what they are. Follows `redisProtocolToLuaType` of script_lua.c.
"""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import i64

from pyredis.form import COMPILED

SHORT: Final[i64] = 18
"""A reply up to here is a number of no more digits than fit into 64 bits."""


def integer_value(reply: bytes) -> int:
    """The number of an integer reply. Compiled, a loop over the bytes costs a fifth of what `int` does."""
    end: i64 = len(reply) - 2
    if not COMPILED or end > SHORT:
        return int(reply[1:-2])
    is_negative = reply[1] == 45
    position: i64 = 2 if is_negative else 1
    value: i64 = 0
    while position < end:
        value = value * 10 + reply[position] - 48
        position += 1
    return -value if is_negative else value


class ReplyConverter:
    """Makes Lua values of one reply; `table` makes a Lua table of a list or dict."""

    def __init__(self, table: Any, reply: bytes, resp3: bool) -> None:
        self.table: Any = table
        self.reply: bytes = reply
        self.position: int = 0
        self.resp3: bool = resp3

    def value(self) -> Any:
        """The next value; None is nil."""
        reply = self.reply
        kind = reply[self.position]
        end = reply.index(b"\r\n", self.position)
        line = reply[self.position + 1 : end]
        self.position = end + 2
        if kind == 36:  # $
            return self._bulk(line)
        if kind == 58:  # :
            return int(line)
        if kind == 42 or kind == 62:  # * >
            return self._null() if line == b"-1" else self._array(int(line))
        if kind == 43:  # +
            return self.table({b"ok": line})
        if kind == 45:  # -
            return self.table({b"err": line, b"ignore_error_stats_update": True})
        return self._resp3_value(kind, line)

    def _null(self) -> Any:
        return None if self.resp3 else False

    def _bulk(self, line: bytes) -> Any:
        length = int(line)
        if length < 0:
            return self._null()
        start = self.position
        self.position = start + length + 2
        return self.reply[start : start + length]

    def _array(self, count: int) -> Any:
        items: list[Any] = []
        has_nil = False
        for _ in range(count):
            item = self.value()
            has_nil = has_nil or item is None
            items.append(item)
        if has_nil:
            return self.table({i: item for i, item in enumerate(items, 1) if item is not None})
        return self.table(items)

    def _resp3_value(self, kind: int, line: bytes) -> Any:
        if kind == 37:  # %
            return self._map(int(line))
        if kind == 126:  # ~
            members = [self.value() for _ in range(int(line))]
            return self.table(
                {b"set": self.table({member: True for member in members if member is not None})}
            )
        if kind == 44:  # ,
            return self.table({b"double": float(line)})
        if kind == 35:  # #
            return line == b"t"
        if kind == 95:  # _
            return None
        if kind == 40:  # (
            return self.table({b"big_number": line})
        if kind == 61:  # =
            text = self._bulk(line)
            return self.table({b"verbatim_string": self.table({b"format": text[:3], b"string": text[4:]})})
        if kind == 124:  # |, an attribute: what it describes follows
            self._map(int(line))
            return self.value()
        raise AssertionError(kind)

    def _map(self, pairs: int) -> Any:
        items: dict[Any, Any] = {}
        for _ in range(pairs):
            key = self.value()
            value = self.value()
            if key is not None and value is not None:
                items[key] = value
        return self.table({b"map": self.table(items)})
