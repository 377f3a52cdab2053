"""Tail calls of library functions become ordinary ones; everything else stays as it was."""

from __future__ import annotations

from typing import Any

import pytest
from lupa import lua51

from pyredis.scripting.tail_calls import without_tail_calls

RUNTIME: Any = lua51.LuaRuntime(encoding=None, source_encoding="latin-1", unpack_returned_tuples=True)
LOAD: Any = RUNTIME.eval(b"loadstring")
DUMP: Any = RUNTIME.eval(b"string.dump")


def patched(code: bytes) -> bytes | None:
    return without_tail_calls(code, LOAD(code, b"@test"), DUMP)


@pytest.mark.parametrize(
    "code",
    [
        b"return cjson.decode(x)",
        b"local c = cjson return c.encode(c)",
        b"local e = cjson.encode return e(1)",
        b"return pcall(f)",
        b"local function f(x) return struct.pack('b', x) end",
        b"local c = coroutine.wrap(f) return c()",
        b"return function() return function() return bit.band(1, 2) end end",
        b"return s:unpack()",
    ],
)
def test_calls_of_the_libraries_are_changed(code: bytes) -> None:
    assert patched(code) is not None


@pytest.mark.parametrize(
    "code",
    [
        b"return 1",
        b"local function pack(n) if n == 0 then return n end return pack(n - 1) end return pack(3)",
        b"return redis.call('get', 'encode')",
        b"local x = cjson.encode(1) return x",
        b"return t[1](cjson.encode)",
        b"return f(cjson.encode(1))",
    ],
)
def test_other_calls_are_not(code: bytes) -> None:
    assert patched(code) is None


def test_a_changed_chunk_does_the_same() -> None:
    code = (
        b"local t = {...} local function pack(...) return select('#', ...), ... end "
        b"t.pack = pack return t.pack(7, 8)"
    )
    changed = patched(code)
    assert changed is not None
    assert LOAD(changed)() == LOAD(code)() == (2, 7, 8)
