"""EVAL and its kind: the cache of scripts, what runs them, and how their results become replies.

Scripts are found by their body or by its SHA-1. As in Redis 7.4, those that came with EVAL are forgotten, the least
recently used first, beyond `EVAL_KEPT`; SCRIPT LOAD keeps one until SCRIPT FLUSH, which also begins with a new
interpreter.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

from mypy_extensions import i64

from pyredis.datatypes.numbers import parse_int64
from pyredis.engine.command import DENYOOM, MAY_REPLICATE, STALE, WRITE, Command
from pyredis.engine.context import Context
from pyredis.engine.engine import GATE_BUSY, GATE_DISK_ERROR, Engine
from pyredis.engine.scripting import ScriptFigures, Scripting
from pyredis.errors import NOT_AN_INTEGER, CommandError, error_reply
from pyredis.protocol.encode import ONE, bulk, integer
from pyredis.scripting.calls import Calls
from pyredis.scripting.flags import ALLOW_OOM, ALLOW_STALE, COMPATIBLE, NO_WRITES, declared_flags
from pyredis.scripting.functions import Functions
from pyredis.scripting.interpreter import Interpreter
from pyredis.scripting.natives import integral, sha1_hex
from pyredis.scripting.suspension import ScriptRunner

EVAL_KEPT: Final = 500
SHA_DIGITS: Final = 40

SCRIPT_BYTES: Final = 120
"""What a kept script takes besides its body, about."""

CHUNK_NAME: Final = b"@user_script"

NO_SCRIPT: Final = b"NOSCRIPT No matching script. Please use EVAL."
TOO_MANY_KEYS: Final = b"ERR Number of keys can't be greater than number of args"
NEGATIVE_KEYS: Final = b"ERR Number of keys can't be negative"
WRITES_IN_RO: Final = b"ERR Can not execute a script with write flag using *_ro command."
DISK_SNAPSHOT: Final = (
    b"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. "
    b"Writable scripts are blocked. Use 'no-writes' flag for read only scripts."
)
DISK_LOG: Final = (
    b"MISCONF Redis is configured to persist data to AOF, but it's currently unable to persist to disk. "
    b"Writable scripts are blocked. Use 'no-writes' flag for read only scripts. AOF error: "
)
NO_ROOM: Final = b"OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'"
NOT_BUSY: Final = b"NOTBUSY No scripts in execution right now."
UNKILLABLE: Final = (
    b"UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the "
    b"script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command."
)
BUSY_SCRIPT: Final = b"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
BUSY_FUNCTION: Final = (
    b"BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
)


class Script:
    """A compiled script; `is_kept` when SCRIPT LOAD named it."""

    def __init__(self, body: bytes, sha: bytes, flags: i64, function: Any, is_kept: bool) -> None:
        self.body: bytes = body
        self.sha: bytes = sha
        self.flags: i64 = flags
        self.function: Any = function
        self.is_kept: bool = is_kept


class LuaScripting(Scripting):
    """The scripts and functions of one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine: Engine = engine
        self.runner: ScriptRunner = ScriptRunner(engine)
        self.functions: Functions = Functions(engine, self.runner)
        self.interpreter: Interpreter | None = None
        self.calls: Calls | None = None
        self.by_body: dict[bytes, Script] = {}
        self.by_sha: dict[bytes, Script] = {}
        self.evictable: OrderedDict[bytes, Script] = OrderedDict()
        self.recent: Script | None = None  # what EVAL or EVALSHA ran last, and so the last of those
        self.evicted: int = 0
        self.script_bytes: int = 0
        self.is_counted: bool = False
        # What runs: its name for errors, the arguments of its command, and since when.
        self.running: Calls | None = None
        self.running_name: bytes = b""
        self.running_argv: list[bytes] = []
        self.running_since: float = 0.0
        self.is_function: bool = False
        engine.config.on_change("busy-reply-threshold", self._follow_config)
        self._follow_config(engine.config)

    def _follow_config(self, config: Any) -> str | None:
        self.runner.threshold = config.get_int("busy-reply-threshold") / 1000
        return None

    def run_command(self, ctx: Context, command: Command, argv: list[bytes]) -> bytes | None:
        """Runs a command on the stack for scripts."""
        return self.runner.run(ctx, command, argv)

    def run_requests(self, ctx: Context) -> None:
        """Runs the requests of a client on the stack for scripts, until a script is suspended."""
        self.runner.run_requests(ctx)

    # Scripts.

    def _begin(self) -> Interpreter:
        """The interpreter, made when it is first needed."""
        interpreter = self.interpreter
        if interpreter is None:
            self.calls = Calls(self.engine)
            interpreter = Interpreter(b"eval", self.calls, self.runner.on_tick, _refuse_registration)
            self.interpreter = interpreter
        return interpreter

    def _create(self, body: bytes, sha: bytes, is_kept: bool) -> Script:
        """Compiles a script and keeps it; raises `CommandError` for one that cannot be compiled."""
        flags, skipped = declared_flags(body)
        function = self._begin().compile(body[skipped:], CHUNK_NAME)
        if isinstance(function, bytes):
            raise CommandError(b"ERR Error compiling script (new function): " + function)
        script = Script(body, sha, flags, function, is_kept)
        self.by_body[body] = script
        self.by_sha[sha] = script
        self.script_bytes += len(body) + SCRIPT_BYTES
        if not is_kept:
            if len(self.evictable) >= EVAL_KEPT:
                self._forget(self.evictable.popitem(False)[1])
                self.evicted += 1
            self.evictable[sha] = script
        return script

    def _forget(self, script: Script) -> None:
        del self.by_body[script.body]
        del self.by_sha[script.sha]
        self.script_bytes -= len(script.body) + SCRIPT_BYTES

    def load(self, body: bytes) -> bytes:
        """Keeps a script; returns its hash."""
        script = self.by_body.get(body)
        if script is None:
            script = self._create(body, sha1_hex(body), True)
        elif not script.is_kept:
            script.is_kept = True
            self.evictable.pop(script.sha, None)
        return script.sha

    def exists(self, hash_text: bytes) -> bool:
        """Whether a script is kept."""
        return hash_text.lower() in self.by_sha

    def flush(self, is_async: bool) -> None:
        """Forgets all scripts and begins with a new interpreter."""
        self.by_body = {}
        self.by_sha = {}
        self.evictable = OrderedDict()
        self.recent = None
        self.script_bytes = 0
        interpreter = self.interpreter
        if interpreter is not None:
            interpreter.close()
        self.interpreter = None
        self.calls = None

    def eval(self, ctx: Context, argv: list[bytes], by_hash: bool, is_read_only: bool) -> bytes:
        """EVAL and its kind."""
        ctx.propagate_nothing()
        started = self.engine.tick
        text = argv[1]
        if by_hash and len(text) != SHA_DIGITS:
            raise CommandError(NO_SCRIPT)
        key_count = checked_key_count(argv, NOT_AN_INTEGER)
        script = self.recent
        if script is None or text != (script.sha if by_hash else script.body):
            script = self._find(text, by_hash)
        interpreter = self._begin()
        calls = interpreter.calls
        flags = script.flags
        if flags & COMPATIBLE:
            calls.begin(ctx, is_read_only, False)
        else:
            check_declared(self.engine, flags, is_read_only)
            calls.begin(ctx, is_read_only or flags & NO_WRITES != 0, flags & ALLOW_OOM != 0)
        self._enter(calls, script.sha, argv, started, False)
        try:
            result = interpreter.scripts.run(script.function, key_count, argv)
        finally:
            self._leave(calls, started)
        return self._reply(ctx, result, script.sha)

    def _find(self, text: bytes, by_hash: bool) -> Script:
        """The script with that hash or body, which is the most recently used from now on."""
        if by_hash:
            script = self.by_sha.get(text)
            if script is None:
                script = self.by_sha.get(text.lower())
                if script is None:
                    raise CommandError(NO_SCRIPT)
        else:
            found = self.by_body.get(text)
            script = found if found is not None else self._create(text, sha1_hex(text), False)
        if not script.is_kept:
            self.evictable.move_to_end(script.sha)
        self.recent = script
        return script

    def _enter(self, calls: Calls, name: bytes, argv: list[bytes], started: float, is_function: bool) -> None:
        self.running = calls
        self.running_name = name
        self.running_argv = argv
        self.running_since = started
        self.is_function = is_function
        self.is_counted = False

    def _leave(self, calls: Calls, started: float) -> None:
        calls.end()
        self.running = None
        self.engine.tick = started  # the command's own time is that of everything it ran

    def _reply(self, ctx: Context, result: Any, name: bytes) -> bytes:
        """The reply for what Lua's `finish` returned."""
        if isinstance(result, bytes):
            return bulk(result)
        if isinstance(result, bool):
            return ONE if result else ctx.null
        if isinstance(result, int):
            return integer(result)  # lupa makes an int of what fits into 64 bits
        if result is None:
            return ctx.null
        if isinstance(result, float):
            return integer(integral(result))
        if result[1] is not None:
            reply: bytes = result[1]
            self._count_errors(reply, result[2], result[3])
            return reply
        message = as_message(result[2])
        source, line = result[3], result[4]
        self.is_counted = bool(result[5])
        if source is not None and line is not None:
            place = source if isinstance(source, bytes) else b"%d" % int(source)
            message += b" script: " + name + b", on " + place + b":" + _line_text(line) + b"."
        return error_reply(message)

    def _count_errors(self, reply: bytes, counted: int, errors: bytes | None) -> None:
        """Counts the errors within a reply; dispatch counts one that is the whole reply."""
        if reply[0] == 45:
            self.is_counted = counted > 0
        elif counted or errors is not None:
            command = self.engine.commands.get(self.running_argv[0].lower())
            if command is not None:
                command.failed += counted + (errors is not None)
            if errors is not None:
                for line in errors.split(b"\n"):
                    self.engine.count_error(line + b"\r\n")

    def is_error_counted(self) -> bool:
        """Whether the error just answered was counted when it arose."""
        was_counted = self.is_counted
        self.is_counted = False
        return was_counted

    def command_flags(self, command: Command, argv: list[bytes]) -> i64:
        """The flags of a command that runs a script, with what the script declares about itself."""
        flags: i64 = command.flags
        name = command.full_name
        declared: i64 = COMPATIBLE
        if len(argv) > 1:
            if name.startswith(b"fcall"):
                declared = self.functions.declared_flags(argv[1])
            else:
                script = self.by_sha.get(argv[1].lower()) if b"sha" in name else self.by_body.get(argv[1])
                if script is not None:
                    declared = script.flags
                elif b"sha" not in name:
                    try:
                        declared = declared_flags(argv[1])[0]
                    except CommandError:
                        declared = COMPATIBLE
        if declared & COMPATIBLE:
            return flags
        flags &= ~(STALE | DENYOOM | WRITE | MAY_REPLICATE)
        if not declared & (ALLOW_OOM | NO_WRITES):
            flags |= DENYOOM
        if not declared & NO_WRITES:
            flags |= WRITE
        if declared & ALLOW_STALE:
            flags |= STALE
        return flags

    # Functions.

    def call_function(self, ctx: Context, argv: list[bytes], is_read_only: bool) -> bytes:
        """FCALL and FCALL_RO."""
        ctx.propagate_nothing()
        started = self.engine.tick
        function = self.functions.find(argv[1])
        key_count = checked_key_count(argv, b"ERR Bad number of keys provided")
        check_declared(self.engine, function.flags, is_read_only)
        interpreter = self.functions.begin()
        calls = interpreter.calls
        is_read_only = is_read_only or function.flags & NO_WRITES != 0
        calls.begin(ctx, is_read_only, function.flags & ALLOW_OOM != 0)
        self._enter(calls, function.name, argv, started, True)
        try:
            result = interpreter.functions.run(function.function, key_count, argv)
        finally:
            self._leave(calls, started)
        return self._reply(ctx, result, function.name)

    def load_library(self, code: bytes, replaces: bool) -> bytes:
        """FUNCTION LOAD; returns the library's name."""
        return self.functions.load(code, replaces)

    def restore_library(self, code: bytes, replaces: bool) -> bytes:
        """Takes a library from a file; returns what is wrong with it, empty when nothing is."""
        try:
            self.functions.load(code, replaces)
        except CommandError as error:
            return error.message
        return b""

    def delete_library(self, name: bytes) -> bool:
        """Forgets a library; false when there is none of that name."""
        return self.functions.delete(name)

    def flush_libraries(self) -> None:
        """Forgets all libraries."""
        self.functions.flush()

    def library_sources(self) -> list[bytes]:
        """The source of every library, for a file."""
        return self.functions.sources()

    def list_libraries(self, ctx: Context, pattern: bytes | None, with_code: bool) -> bytes:
        """FUNCTION LIST."""
        return self.functions.list_reply(ctx, pattern, with_code)

    def restore_libraries(self, codes: list[bytes], policy: bytes) -> None:
        """FUNCTION RESTORE: all or none."""
        self.functions.restore(codes, policy)

    def statistics_reply(self, ctx: Context) -> bytes:
        """FUNCTION STATS."""
        name = argv = None
        if self.running is not None and self.is_function:
            name, argv = self.running_name, self.running_argv
        return self.functions.statistics_reply(ctx, name, argv, self.running_since)

    # While something runs.

    def kill(self, is_function: bool) -> None:
        """Ends the running script or function, or raises why it cannot be."""
        running = self.running
        if running is None or not self.engine.gates & GATE_BUSY:
            raise CommandError(NOT_BUSY)
        if is_function != self.is_function:
            raise CommandError(self.busy_error())
        if running.has_written:
            raise CommandError(UNKILLABLE)
        self.runner.is_kill_wanted = True

    def busy_error(self) -> bytes:
        """What other clients are told while a script has been suspended."""
        return BUSY_FUNCTION if self.is_function else BUSY_SCRIPT

    def timer_fired(self) -> None:
        """Lets a suspended script go on for a while."""
        self.runner.resume()

    def abandon(self) -> None:
        """Ends a suspended script, as the process is about to end."""
        self.runner.abandon()

    def figures(self) -> ScriptFigures:
        """For INFO."""
        figures = ScriptFigures()
        if self.interpreter is not None:
            figures.eval_vm = self.interpreter.memory()
        figures.eval_bytes = self.script_bytes
        figures.scripts = len(self.by_sha)
        figures.evicted = self.evicted
        self.functions.add_figures(figures)
        return figures


def as_message(value: Any) -> bytes:
    """The text of an error, which a script may have made a number."""
    if isinstance(value, bytes):
        return value
    return b"%d" % int(value)


def _line_text(line: Any) -> bytes:
    return line if isinstance(line, bytes) else b"%d" % int(line)


def _refuse_registration(name: bytes, function: Any, description: bytes | None, flags: bytes) -> None:
    raise AssertionError(name)


def checked_key_count(argv: list[bytes], not_a_number: bytes) -> int:
    """The number of keys that a request announces; raises when it cannot be."""
    key_count = parse_int64(argv[2])
    if key_count is None:
        raise CommandError(not_a_number)
    if key_count > len(argv) - 3:
        raise CommandError(TOO_MANY_KEYS)
    if key_count < 0:
        raise CommandError(NEGATIVE_KEYS)
    return key_count


def check_declared(engine: Engine, flags: i64, is_read_only: bool) -> None:
    """Raises when a script that says what it does may not run now."""
    if flags & NO_WRITES:
        return
    if engine.gates & GATE_DISK_ERROR:
        raise CommandError(DISK_SNAPSHOT if engine.is_unsaved() else DISK_LOG + engine.log_error)
    if is_read_only:
        raise CommandError(WRITES_IN_RO)
    if engine.memory.was_full and not flags & ALLOW_OOM:
        raise CommandError(NO_ROOM)
