"""One Lua interpreter with the world that scripts see.

The sandbox and the libraries are written in Lua (`lua/*.lua`), where errors can name the place in the script that
caused them; `natives` and `calls` are the callbacks that they need. Nothing of Python can be reached from a script:
the callbacks are plain C functions to Lua, the module that lupa offers is gone before the first script runs, and so
is everything that Redis does not offer. The memory of one interpreter is bounded by `MEMORY_MAX`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any, Final

from pyredis import REDIS_VERSION
from pyredis.scripting import natives
from pyredis.scripting.calls import Calls
from pyredis.scripting.errors import ScriptError
from pyredis.scripting.tail_calls import without_tail_calls

MEMORY_MAX: Final = 1 << 30
"""Bytes that the values of scripts may take; a script that wants more gets `not enough memory`."""

DEPTH_MAX: Final = 7995
"""How deep the tables may nest that a script returns; a map or set counts for three."""

ARGUMENTS_AT_ONCE: Final = 100
"""More arguments do not fit on Lua's stack for certain; they are handed over as tables."""

LIBRARIES: Final = (b"cjson", b"cmsgpack", b"struct", b"bit")

_DIRECTORY: Final = os.path.join(os.path.dirname(__file__), "lua")

log = logging.getLogger("pyredis")


def describe(thrown: object) -> tuple[bytes, bool]:
    """The text of an error that a callback raised, and whether it has been counted."""
    if isinstance(thrown, ScriptError):
        return thrown.message, thrown.is_counted
    if isinstance(thrown, MemoryError):
        return b"ERR not enough memory", False
    log.error("Unexpected error in a function called by a script: %r", thrown)
    return b"ERR internal error", False


def version_number() -> int:
    """The version of Redis as one number, one byte each."""
    major, minor, patch = REDIS_VERSION.split(".")
    return int(major) << 16 | int(minor) << 8 | int(patch)


def refuse_attribute(thing: object, name: object, is_setting: bool) -> str:
    """Keeps scripts from the attributes of a Python object, should one ever get hold of it."""
    raise AttributeError("access denied")


class Entrance:
    """The way into Lua for scripts, or for functions: what they return comes as `finish` of the sandbox gives it."""

    def __init__(self, interface: Any, name: bytes, table: Any) -> None:
        self.table: Any = table
        self.run_one: Any = interface[name + b"_one"]
        self.run_some: Any = interface[name]
        self.run_tables: Any = interface[name + b"_tables"]

    def run(self, function: Any, key_count: int, argv: list[bytes]) -> Any:
        """Runs a function with the keys and arguments that a request has behind their number."""
        if len(argv) == 4:
            return self.run_one(function, key_count, argv[3])
        if len(argv) <= ARGUMENTS_AT_ONCE:
            return self.run_some(function, key_count, *argv[3:])
        keys = self.table(argv[3 : 3 + key_count])
        return self.run_tables(function, keys, self.table(argv[3 + key_count :]))


class Interpreter:
    """See the module's text; `kind` is `eval` or `function`."""

    def __init__(
        self,
        kind: bytes,
        calls: Calls,
        on_tick: Callable[[], bool],
        register: Callable[[bytes, Any, bytes | None, bytes], None],
    ) -> None:
        from lupa import lua51

        self.calls: Calls = calls
        self.runtime: Any = lua51.LuaRuntime(
            encoding=None,
            source_encoding="latin-1",
            attribute_filter=refuse_attribute,
            register_eval=False,
            register_builtins=False,
            unpack_returned_tuples=True,
            max_memory=MEMORY_MAX,
        )
        self._load: Any = self.runtime.eval(b"loadstring")
        host: dict[bytes, Any] = {
            b"REDIS_VERSION": REDIS_VERSION.encode(),
            b"REDIS_VERSION_NUM": version_number(),
            b"DEPTH_MAX": DEPTH_MAX,
        }
        interface = self._chunk(b"sandbox")(
            self.runtime.table_from(host), self.runtime.table_from(callbacks(calls, on_tick, register)), kind
        )
        for name in LIBRARIES:
            interface[b"add_library"](name, self._chunk(name))
        interface[b"seal"]()
        self.table: Any = self.runtime.table_from
        self.scripts: Entrance = Entrance(interface, b"run", self.table)
        self.functions: Entrance = Entrance(interface, b"call", self.table)
        self.load_library: Any = interface[b"load_library"]
        self._compile: Any = interface[b"compile"]
        self._dump: Any = interface[b"dump"]
        calls.make_table = self.table

    def _chunk(self, name: bytes) -> Any:
        path = os.path.join(_DIRECTORY, name.decode() + ".lua")
        with open(path, "rb") as file:
            source = file.read()
        chunk = self._load(source, b"=redis")
        if isinstance(chunk, tuple):
            raise AssertionError(chunk[1])
        return chunk

    def compile(self, code: bytes, name: bytes) -> Any:
        """A function, or the text of a syntax error."""
        if code.startswith(b"\x1b"):
            code = b" " + code
        chunk = self._compile(code, name)
        if isinstance(chunk, tuple):
            message: bytes = chunk[1]
            return message
        patched = without_tail_calls(code, chunk, self._dump)
        return chunk if patched is None else self._compile(patched, name)

    def memory(self) -> int:
        """Bytes in use."""
        return int(self.runtime.get_memory_used())

    def close(self) -> None:
        """Lets go of everything that keeps the interpreter alive."""
        self.calls.release()


def callbacks(
    calls: Calls,
    on_tick: Callable[[], bool],
    register: Callable[[bytes, Any, bytes | None, bytes], None],
) -> dict[bytes, Any]:
    """Everything that Lua calls in Python, by the name that `lua/*.lua` know it by."""
    return {
        b"on_tick": on_tick,
        b"register": register,
        b"describe": describe,
        b"call": calls.call,
        b"pcall": calls.pcall,
        b"protocols": calls.protocols,
        b"setresp": calls.setresp,
        b"set_repl": calls.set_repl,
        b"sha1hex": calls.sha1hex,
        b"log": calls.log,
        b"acl_check_cmd": calls.acl_check_cmd,
        b"bit_tobit": natives.bit_tobit,
        b"bit_bnot": natives.bit_bnot,
        b"bit_bswap": natives.bit_bswap,
        b"bit_band": natives.bit_band,
        b"bit_bor": natives.bit_bor,
        b"bit_bxor": natives.bit_bxor,
        b"bit_lshift": natives.bit_lshift,
        b"bit_rshift": natives.bit_rshift,
        b"bit_arshift": natives.bit_arshift,
        b"bit_rol": natives.bit_rol,
        b"bit_ror": natives.bit_ror,
        b"bit_tohex": natives.bit_tohex,
        b"write_integer": natives.write_integer,
        b"read_integer": natives.read_integer,
        b"write_float": natives.write_float,
        b"read_float": natives.read_float,
        b"float_bytes": natives.float_bytes,
        b"parse_number": natives.parse_number,
        b"format_double": natives.format_double,
    }
