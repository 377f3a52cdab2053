"""Functions: libraries of Lua code that stay, are saved and replicated, and are called by name.

Follows functions.c and function_lua.c. A library is loaded into an interpreter of its own kind; its code runs once
and registers functions. Libraries are told apart by exact name, functions by name in any case. Loading is all or
nothing: what was there before comes back when a new version fails.
"""

from __future__ import annotations

from typing import Any, Final

from librt.time import time
from mypy_extensions import i64

from pyredis.datatypes.glob import glob_match
from pyredis.engine.context import Context
from pyredis.engine.engine import Engine
from pyredis.engine.scripting import ScriptFigures
from pyredis.errors import CommandError
from pyredis.protocol.encode import (
    array,
    array_header,
    bulk,
    bulk_array,
    integer,
    map_header,
    set_header,
    simple,
)
from pyredis.protocol.inline import split_args
from pyredis.scripting.calls import Calls
from pyredis.scripting.errors import ScriptError
from pyredis.scripting.flags import COMPATIBLE, FLAGS
from pyredis.scripting.interpreter import Interpreter
from pyredis.scripting.suspension import ScriptRunner

LOAD_SECONDS: Final = 0.5
CHUNK_NAME: Final = b"@user_function"

LIBRARY_BYTES: Final = 200
FUNCTION_BYTES: Final = 120
"""What a library and a function take besides their texts, about."""

BAD_NAME: Final = (
    b"ERR Library names can only contain letters, numbers, or underscores(_) "
    b"and must be at least one character long"
)
_NAME_BYTES: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

LOAD_TIMEOUT: Final = b"ERR FUNCTION LOAD timeout"


class Function:
    """One registered function."""

    def __init__(
        self, name: bytes, library: bytes, function: Any, description: bytes | None, flags: i64
    ) -> None:
        self.name: bytes = name
        self.library: bytes = library
        self.function: Any = function
        self.description: bytes | None = description
        self.flags: i64 = flags


class Library:
    """One library, with its functions by lowercase name."""

    def __init__(self, name: bytes, code: bytes) -> None:
        self.name: bytes = name
        self.code: bytes = code
        self.functions: dict[bytes, Function] = {}


def is_name(name: bytes) -> bool:
    """Whether something may be called that."""
    return len(name) > 0 and not name.strip(_NAME_BYTES)


def library_name(code: bytes) -> tuple[bytes, int]:
    """The name in a library's first line, and the length of that; raises when it is not as it should be."""
    if not code.startswith(b"#!"):
        raise CommandError(b"ERR Missing library metadata")
    end = code.split(b"\0", 1)[0].find(b"\n")
    parts = split_args(code[:end]) if end >= 0 else None
    if not parts:
        raise CommandError(b"ERR Invalid library metadata")
    name: bytes | None = None
    for part in parts[1:]:
        if part[:5].lower() != b"name=":
            raise CommandError(b"ERR Invalid metadata value given: " + part)
        if name is not None:
            raise CommandError(b"ERR Invalid metadata value, name argument was given multiple times")
        name = part[5:]
    if name is None:
        raise CommandError(b"ERR Library name was not given")
    if not is_name(name):
        raise CommandError(BAD_NAME)
    engine = parts[0][2:]
    if engine.lower() != b"lua":
        raise CommandError(b"ERR Engine '" + engine + b"' not found")
    return name, end


class Functions:
    """The libraries of one engine."""

    def __init__(self, engine: Engine, runner: ScriptRunner) -> None:
        self.engine: Engine = engine
        self.runner: ScriptRunner = runner
        self.interpreter: Interpreter | None = None
        self.libraries: dict[bytes, Library] = {}
        self.functions: dict[bytes, Function] = {}
        # The library being loaded, and since when.
        self.loading: Library | None = None
        self.loading_since: float = 0.0

    def begin(self) -> Interpreter:
        """The interpreter, made when it is first needed."""
        interpreter = self.interpreter
        if interpreter is None:
            interpreter = Interpreter(b"function", Calls(self.engine), self.on_tick, self.register)
            self.interpreter = interpreter
        return interpreter

    def on_tick(self) -> bool:
        """Called by the interpreter now and then: loading has a time limit of its own."""
        if self.loading is None:
            return self.runner.on_tick()
        if time() - self.loading_since > LOAD_SECONDS:
            raise ScriptError(LOAD_TIMEOUT)
        return False

    def find(self, name: bytes) -> Function:
        """The function of that name; raises when there is none."""
        function = self.functions.get(name)
        if function is None:
            function = self.functions.get(name.lower())
            if function is None:
                raise CommandError(b"ERR Function not found")
        return function

    def declared_flags(self, name: bytes) -> i64:
        """The flags of a function; nothing is known of one that does not exist."""
        function = self.functions.get(name.lower())
        return COMPATIBLE if function is None else function.flags

    def register(self, name: bytes, function: Any, description: bytes | None, flags: bytes) -> None:
        """`redis.register_function`, its arguments being of the right types."""
        library = self.loading
        if library is None:
            raise ScriptError(b"ERR redis.register_function can only be called on FUNCTION LOAD command")
        if not is_name(name):
            raise ScriptError(BAD_NAME)
        known: i64 = 0
        for flag in flags.split(b",") if flags else []:
            if flag not in FLAGS:
                raise ScriptError(b"ERR unknown flag given")
            known |= FLAGS[flag]
        lowered = name.lower()
        if lowered in library.functions:
            raise ScriptError(b"ERR Function already exists in the library")
        library.functions[lowered] = Function(name, library.name, function, description, known)

    def load(self, code: bytes, replaces: bool) -> bytes:
        """Loads a library and returns its name; raises what is wrong with it."""
        name, skipped = library_name(code)
        old = self.libraries.get(name)
        if old is not None and not replaces:
            raise CommandError(b"ERR Library '" + name + b"' already exists")
        library = Library(name, code)
        self._run(library, code[skipped:])
        for lowered, function in library.functions.items():
            other = self.functions.get(lowered)
            if other is not None and other.library != name:
                raise CommandError(b"ERR Function " + function.name + b" already exists")
        if old is not None:
            self._remove(old)
        self._add(library)
        return name

    def _run(self, library: Library, code: bytes) -> None:
        """Lets a library register its functions."""
        interpreter = self.begin()
        chunk = interpreter.compile(code, CHUNK_NAME)
        if isinstance(chunk, bytes):
            raise CommandError(b"ERR Error compiling function: " + chunk)
        self.loading = library
        self.loading_since = time()
        try:
            result = interpreter.load_library(chunk)
        finally:
            self.loading = None
        if result is not True:
            raise CommandError(b"ERR Error registering functions: " + result[1])
        if not library.functions:
            raise CommandError(b"ERR No functions registered")

    def _add(self, library: Library) -> None:
        self.libraries[library.name] = library
        self.functions.update(library.functions)

    def _remove(self, library: Library) -> None:
        del self.libraries[library.name]
        for lowered in library.functions:
            del self.functions[lowered]

    def delete(self, name: bytes) -> bool:
        """Forgets a library; false when there is none of that name."""
        library = self.libraries.get(name)
        if library is None:
            return False
        self._remove(library)
        return True

    def flush(self) -> None:
        """Forgets all libraries, and begins with a new interpreter."""
        self.libraries = {}
        self.functions = {}
        interpreter = self.interpreter
        if interpreter is not None:
            interpreter.close()
        self.interpreter = None

    def sources(self) -> list[bytes]:
        """The source of every library, for a file."""
        return [library.code for library in self.libraries.values()]

    def restore(self, codes: list[bytes], policy: bytes) -> None:
        """Loads libraries of a dump, all or none; raises what is wrong.

        With `append` none may exist, with `replace` those that do are replaced, with `flush` nothing else stays.
        """
        libraries, functions = dict(self.libraries), dict(self.functions)
        if policy == b"flush":
            self.libraries = {}
            self.functions = {}
        try:
            for code in codes:
                name = library_name(code)[0]
                if policy == b"append" and name in self.libraries:
                    raise CommandError(b"ERR Library " + name + b" already exists")
                self.load(code, True)
        except CommandError:
            self.libraries, self.functions = libraries, functions
            raise

    def list_reply(self, ctx: Context, pattern: bytes | None, with_code: bool) -> bytes:
        """FUNCTION LIST."""
        found = [
            library
            for library in self.libraries.values()
            if pattern is None or glob_match(pattern, library.name, True)
        ]
        return array([self._describe(ctx, library, with_code) for library in found])

    def _describe(self, ctx: Context, library: Library, with_code: bool) -> bytes:
        resp3 = ctx.resp3
        parts = [
            map_header(4 if with_code else 3, resp3),
            bulk(b"library_name") + bulk(library.name),
            bulk(b"engine") + bulk(b"LUA"),
            bulk(b"functions") + array_header(len(library.functions)),
        ]
        for function in library.functions.values():
            flags = [simple(name) for name, flag in FLAGS.items() if function.flags & flag]
            description = ctx.null if function.description is None else bulk(function.description)
            parts += [
                map_header(3, resp3),
                bulk(b"name") + bulk(function.name),
                bulk(b"description") + description,
                bulk(b"flags") + set_header(len(flags), resp3),
                *flags,
            ]
        if with_code:
            parts.append(bulk(b"library_code") + bulk(library.code))
        return b"".join(parts)

    def statistics_reply(
        self, ctx: Context, name: bytes | None, argv: list[bytes] | None, since: float
    ) -> bytes:
        """FUNCTION STATS, given the function that runs."""
        resp3 = ctx.resp3
        running = ctx.null
        if name is not None and argv is not None:
            running = (
                map_header(3, resp3)
                + bulk(b"name") + bulk(name)
                + bulk(b"command") + bulk_array(argv)
                + bulk(b"duration_ms") + integer(int((time() - since) * 1000))
            )  # fmt: skip
        counts = (
            bulk(b"libraries_count") + integer(len(self.libraries))
            + bulk(b"functions_count") + integer(len(self.functions))
        )  # fmt: skip
        return (
            map_header(2, resp3)
            + bulk(b"running_script") + running
            + bulk(b"engines") + map_header(1, resp3) + bulk(b"LUA") + map_header(2, resp3) + counts
        )  # fmt: skip

    def add_figures(self, figures: ScriptFigures) -> None:
        """Adds what INFO tells."""
        if self.interpreter is not None:
            figures.function_vm = self.interpreter.memory()
        figures.functions = len(self.functions)
        figures.libraries = len(self.libraries)
        code = sum([len(library.code) for library in self.libraries.values()])
        figures.function_bytes = (
            code + LIBRARY_BYTES * len(self.libraries) + FUNCTION_BYTES * len(self.functions)
        )
