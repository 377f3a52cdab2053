"""Keeping the caller of a library function on Lua's stack.

`return cjson.decode(x)` is a tail call. To a C function it leaves the script's own frame in place, so that an error
can name the script's line; to a function written in Lua, as the libraries here are, it does not. So in compiled
scripts a tail call of a field with the name of such a function becomes an ordinary call: one instruction changes,
`TAILCALL` to `CALL`, whose operands mean the same. Only scripts that mention such a name are looked at.

Follows the format of Lua 5.1's precompiled chunks on a little-endian machine with 64-bit pointers; any other is left
as it is, at the price of less precise errors.
"""

from __future__ import annotations

from typing import Any, Final

HEADER: Final = b"\x1bLua\x51\x00\x01\x04\x08\x04\x08\x00"

MOVE: Final = 0
GETGLOBAL: Final = 5
GETTABLE: Final = 6
SELF: Final = 11
CALL: Final = 28
TAILCALL: Final = 29

NAMES: Final = frozenset(
    (
        b"encode", b"decode", b"new", b"pack", b"unpack", b"unpack_one", b"unpack_limit", b"size", b"insert",
        b"random", b"randomseed", b"create", b"resume", b"error_reply", b"status_reply", b"tobit", b"tohex",
        b"bnot", b"band", b"bor", b"bxor", b"lshift", b"rshift", b"arshift", b"rol", b"ror", b"bswap",
        b"next", b"pairs", b"getmetatable", b"setmetatable", b"rawget", b"rawset", b"pcall", b"xpcall",
        b"loadstring", b"load", b"encode_sparse_array", b"encode_max_depth", b"decode_max_depth",
        b"encode_number_precision", b"encode_keep_buffer", b"encode_invalid_numbers",
        b"decode_invalid_numbers",
    )
)  # fmt: skip
"""Functions that are written in Lua here and in C in Redis, by their last name."""


WRAP: Final = b"wrap"


def without_tail_calls(code: bytes, chunk: Any, dump: Any) -> bytes | None:
    """The precompiled form of a chunk without tail calls to the libraries; None when it has none. O(code)."""
    if b"return" not in code:
        return None
    if WRAP not in code and not any(name in code for name in NAMES):
        return None
    dumped: bytes = dump(chunk)
    if not dumped.startswith(HEADER):
        return None
    patcher = Patcher(bytearray(dumped))
    patcher.function()
    return bytes(patcher.code) if patcher.changes else None


class Patcher:
    """Walks over a precompiled chunk and changes what is to be changed."""

    def __init__(self, code: bytearray) -> None:
        self.code: bytearray = code
        self.position: int = len(HEADER)
        self.changes: int = 0

    def _int(self) -> int:
        self.position += 4
        return int.from_bytes(self.code[self.position - 4 : self.position], "little")

    def _string(self) -> bytes:
        start = self.position + 8
        length = int.from_bytes(self.code[self.position : start], "little")
        self.position = start + length
        return bytes(self.code[start : start + length - 1]) if length else b""

    def function(self) -> None:
        """One function, with those that it holds."""
        self._string()
        self.position += 12  # the lines, and four bytes of sizes
        size = self._int()
        instructions = self.position
        self.position += 4 * size
        constants = [self._constant() for _ in range(self._int())]
        self._patch(instructions, size, constants)
        for _ in range(self._int()):
            self.function()
        self.position += 4 * self._int()
        for _ in range(self._int()):
            self._string()
            self.position += 8
        for _ in range(self._int()):
            self._string()

    def _constant(self) -> bytes | None:
        kind = self.code[self.position]
        self.position += 1
        if kind == 4:
            return self._string()
        self.position += {0: 0, 1: 1, 3: 8}[kind]
        return None

    def _patch(self, start: int, size: int, constants: list[bytes | None]) -> None:
        words = [int.from_bytes(self.code[start + 4 * i : start + 4 * i + 4], "little") for i in range(size)]
        for i, word in enumerate(words):
            if word & 63 != TAILCALL:
                continue
            register = (word >> 6) & 255
            name = _callee(words, i, register, constants)
            if name == WRAP or name in NAMES:
                self.code[start + 4 * i : start + 4 * i + 4] = (word & ~63 | CALL).to_bytes(4, "little")
                self.changes += 1


def _callee(words: list[int], call: int, register: int, constants: list[bytes | None]) -> bytes | None:
    """The name of the field or global that the register holds at a call, None when that cannot be told."""
    for i in range(call - 1, -1, -1):
        word = words[i]
        if (word >> 6) & 255 != register:
            continue
        operation = word & 63
        if operation == GETGLOBAL:
            return constants[word >> 14]
        if operation in (GETTABLE, SELF):
            key = (word >> 14) & 511
            return constants[key - 256] if key >= 256 else None
        if operation == MOVE:
            return _callee(words, i, word >> 23, constants)
        if operation == CALL:  # what coroutine.wrap returns is a function of ours, too
            return WRAP if _callee(words, i, register, constants) == WRAP else None
        if operation in _WRITES:
            return None
    return None


_WRITES: Final = frozenset(range(29)) - {7, 8, 9, 22, 23, 24, 25, 26}
"""Instructions that set their first register, besides jumps, tests and stores."""
