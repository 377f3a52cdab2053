"""What scripts can call: `redis.call` and `redis.pcall`, and the smaller functions of the `redis` table.

Follows `scriptCall` of script.c: a command is refused when it is unknown, has a wrong number of arguments, is not
for scripts, or would write where the script may not; then it runs as every other, for a client of its own. A call
costs a lookup, the handler and one conversion; only statuses and collections become Lua tables.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from librt.time import time
from mypy_extensions import i64

from pyredis.acl.log import IN_SCRIPT
from pyredis.acl.permissions import check
from pyredis.acl.refusals import refuse
from pyredis.commands.dispatch import find_command, run
from pyredis.datatypes.shortest_double import shortest_text
from pyredis.engine.command import DENYOOM, MAY_REPLICATE, NOSCRIPT, WRITE, Command
from pyredis.engine.context import GATE_ACL, Context
from pyredis.engine.engine import GATE_DISK_ERROR, GATE_PROPAGATING, Engine
from pyredis.errors import MISCONF_LOG, MISCONF_SNAPSHOT, OUT_OF_MEMORY, CommandError, error_reply
from pyredis.scripting.errors import ScriptError
from pyredis.scripting.natives import number_text, sha1_hex
from pyredis.scripting.replies import ReplyConverter, integer_value

REPL_NONE: Final = 0
REPL_AOF: Final = 1
REPL_REPLICA: Final = 2
REPL_ALL: Final = 3

NO_ARGUMENTS: Final = b"ERR Please specify at least one argument for this redis lib call"
BAD_ARGUMENT: Final = b"ERR Lua redis lib command arguments must be strings or integers"
UNKNOWN_COMMAND: Final = b"ERR Unknown Redis command called from script"
WRONG_ARITY: Final = b"ERR Wrong number of args calling Redis command from script"
NOT_FROM_SCRIPT: Final = b"ERR This Redis command is not allowed from script"
READ_ONLY: Final = b"ERR Write commands are not allowed from read-only scripts."

LARGEST_PLAIN: Final = 1 << 52
"""Beyond, a number's shortest digits need not be those of the integer."""

LOG_LEVELS: Final = (logging.DEBUG, logging.DEBUG, logging.INFO, logging.WARNING)

log = logging.getLogger("pyredis")


def argument_text(value: Any) -> bytes:
    """An argument of a command that is not a string: a number in its shortest form; raises `ScriptError`."""
    if isinstance(value, bool):
        raise ScriptError(BAD_ARGUMENT)
    if isinstance(value, int):
        if -LARGEST_PLAIN <= value <= LARGEST_PLAIN:
            return b"%d" % value
        return shortest_text(float(value))
    if isinstance(value, float):
        if value != value:
            return b"-nan" if _is_negative(value) else b"nan"
        if value in (float("inf"), float("-inf")):
            return b"inf" if value > 0 else b"-inf"
        return shortest_text(value)
    raise ScriptError(BAD_ARGUMENT)


def argument_texts(arguments: tuple[Any, ...]) -> list[bytes]:
    """The arguments of a command as strings; raises `ScriptError`."""
    return [argument if isinstance(argument, bytes) else argument_text(argument) for argument in arguments]


def _is_negative(value: float) -> bool:
    from math import copysign

    return copysign(1.0, value) < 0


class Calls:
    """The functions of one interpreter and the state of the script that runs in it.

    It knows the interpreter's table maker only until `release`: Lua keeps this object alive, so a lasting
    reference back would keep both for ever.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine: Engine = engine
        last = engine.last_client_id
        self.ctx: Context = Context(engine)
        engine.last_client_id = last
        self.ctx.in_exec = True  # nothing blocks
        self.make_table: Any = None
        # The command called last, and as what: most scripts call the same again.
        self.recent: Command | None = None
        self.recent_name: bytes = b""
        # The script that runs.
        self.caller: Context | None = None
        self.is_read_only: bool = False
        self.allows_oom: bool = False
        self.has_written: bool = False
        self.replication: i64 = REPL_ALL

    def release(self) -> None:
        """Forgets the interpreter."""
        self.make_table = None

    def begin(self, caller: Context, is_read_only: bool, allows_oom: bool) -> None:
        """Takes over the database, the user and the protocol with which a script begins."""
        ctx = self.ctx
        self.caller = caller
        ctx.db = caller.db
        ctx.user = caller.user
        ctx.gates = caller.gates & GATE_ACL
        ctx.no_touch = caller.no_touch
        if ctx.resp3:
            ctx.set_protocol(2)
        self.is_read_only = is_read_only
        self.allows_oom = allows_oom
        self.has_written = False
        self.replication = REPL_ALL

    def end(self) -> None:
        """The script has ended."""
        self.caller = None

    def call(self, *arguments: Any) -> Any:
        """`redis.call`: an error ends the script."""
        reply = self.perform(arguments)
        kind: i64 = reply[0]
        if kind == 36 and reply[1] != 45:
            if reply[2] == 13:
                return reply[4:-2]
            return reply[reply.index(b"\n") + 1 : -2]
        if kind == 58:
            return integer_value(reply)
        if kind == 45:
            raise ScriptError(reply[1:-2], True)
        if kind == 43:
            return self.make_table({b"ok": reply[1:-2]})
        return ReplyConverter(self.make_table, reply, self.ctx.resp3).value()

    def pcall(self, *arguments: Any) -> Any:
        """`redis.pcall`: an error is a table."""
        try:
            reply = self.perform(arguments)
        except ScriptError as error:
            fields: dict[bytes, Any] = {b"err": error.message}
            if error.is_counted:
                fields[b"ignore_error_stats_update"] = True
            return self.make_table(fields)
        return ReplyConverter(self.make_table, reply, self.ctx.resp3).value()

    def perform(self, arguments: tuple[Any, ...]) -> bytes:
        """Runs a command and returns its reply; raises `ScriptError` when it may not run."""
        if not arguments:
            raise ScriptError(NO_ARGUMENTS)
        argv: list[bytes] = list(arguments)
        for argument in arguments:
            if not isinstance(argument, bytes):
                argv = argument_texts(arguments)
                break
        engine = self.engine
        command = self.recent
        if command is None or argv[0] != self.recent_name:
            command = engine.commands.get(argv[0])
            if command is None or command.subcommands is not None:
                command = self._find(argv)
            else:
                self.recent = command
                self.recent_name = argv[0]
        if len(argv) < command.min_args or len(argv) > command.max_args:
            raise self._refusal(command, WRONG_ARITY)
        flags = command.flags
        if self.ctx.gates & GATE_ACL and not flags & NOSCRIPT:
            self._check_access(command, argv)
        if flags & (NOSCRIPT | WRITE | MAY_REPLICATE):
            self._check(command)
        if self.caller is None:
            raise ScriptError(NOT_FROM_SCRIPT)
        engine.tick = time()
        if self.replication != REPL_ALL and engine.gates & GATE_PROPAGATING:
            return self._run_unlogged(command, argv)
        reply = run(self.ctx, command, argv)
        if reply is None:
            raise ScriptError(NOT_FROM_SCRIPT)
        return reply

    def _find(self, argv: list[bytes]) -> Command:
        try:
            command = find_command(self.engine, argv)
        except CommandError:
            raise self._refusal(None, UNKNOWN_COMMAND) from None
        return command

    def _refusal(self, command: Command | None, message: bytes) -> ScriptError:
        """The error for a command that does not run; it is counted here."""
        self.engine.count_error(error_reply(message))
        if command is not None:
            command.rejected += 1
        return ScriptError(message, True)

    def _check_access(self, command: Command, argv: list[bytes]) -> None:
        """Refuses what the user may not do."""
        ctx = self.ctx
        denial = check(ctx.user, command, argv)
        if denial is not None:
            client = ctx if self.caller is None else self.caller
            reason = refuse(client, denial, command, argv, IN_SCRIPT)
            raise self._refusal(command, b"ERR ACL failure in script: " + reason)

    def _check(self, command: Command) -> None:
        """The checks of commands that write or are not for scripts."""
        flags = command.flags
        engine = self.engine
        if flags & NOSCRIPT:
            raise self._refusal(command, NOT_FROM_SCRIPT)
        if self.is_read_only:
            raise self._refusal(command, READ_ONLY)
        if not flags & WRITE:
            return
        if engine.gates & GATE_DISK_ERROR and not self.has_written:
            text = MISCONF_SNAPSHOT if engine.is_unsaved() else MISCONF_LOG + engine.log_error
            raise self._refusal(command, text)
        if engine.memory.was_full and not self.has_written and flags & DENYOOM and not self.allows_oom:
            raise self._refusal(command, OUT_OF_MEMORY)
        self.has_written = True

    def _run_unlogged(self, command: Command, argv: list[bytes]) -> bytes:
        """As `run`, keeping the effects from the log or from replicas, as `redis.set_repl` asked."""
        engine = self.engine
        queued = len(engine.propagated)
        reply = run(self.ctx, command, argv)
        if not self.replication & REPL_AOF:
            del engine.propagated[queued:]
        if reply is None:
            raise ScriptError(NOT_FROM_SCRIPT)
        return reply

    def protocols(self) -> tuple[bool, bool]:
        """Whether the caller, and whether the script speak RESP3."""
        caller = self.caller
        return caller is not None and caller.resp3, self.ctx.resp3

    def setresp(self, *arguments: Any) -> None:
        """`redis.setresp`: the protocol of the replies that the script gets."""
        if len(arguments) != 1:
            raise ScriptError(b"ERR redis.setresp() requires one argument.")
        version = as_number(arguments[0])
        if version is None:
            version = 0.0
        if int(version) not in (2, 3):
            raise ScriptError(b"ERR RESP version must be 2 or 3.")
        self.ctx.set_protocol(int(version))

    def set_repl(self, *arguments: Any) -> None:
        """`redis.set_repl`: where the effects of what follows go."""
        if len(arguments) != 1:
            raise ScriptError(b"ERR redis.set_repl() requires two arguments.")
        number = as_number(arguments[0])
        flags = 0 if number is None else int(number)
        if flags & ~REPL_ALL:
            raise ScriptError(
                b"ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE."
            )
        self.replication = flags

    def sha1hex(self, *arguments: Any) -> bytes:
        """`redis.sha1hex`."""
        if len(arguments) != 1:
            raise ScriptError(b"ERR wrong number of arguments")
        return sha1_hex(as_text(arguments[0]) or b"")

    def log(self, *arguments: Any) -> None:
        """`redis.log`."""
        if len(arguments) < 2:
            raise ScriptError(b"ERR redis.log() requires two arguments or more.")
        level = as_number(arguments[0])
        if level is None:
            raise ScriptError(b"ERR First argument must be a number (log level).")
        if not 0 <= int(level) <= 3:
            raise ScriptError(b"ERR Invalid debug level.")
        texts = [as_text(argument) for argument in arguments[1:]]
        line = b" ".join([text for text in texts if text is not None])
        log.log(LOG_LEVELS[int(level)], "%s", line.decode(errors="backslashreplace"))

    def acl_check_cmd(self, *arguments: Any) -> bool:
        """`redis.acl_check_cmd`: whether the user may run a command."""
        if not arguments:
            raise ScriptError(NO_ARGUMENTS)
        argv = argument_texts(arguments)
        try:
            command = find_command(self.engine, argv)
        except CommandError:
            raise ScriptError(b"ERR Invalid command passed to redis.acl_check_cmd()") from None
        return check(self.ctx.user, command, argv) is None


def as_number(value: Any) -> float | None:
    """A number, or a string that Lua would take for one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, bytes):
        try:
            return float(value)
        except ValueError:
            return None
    return None


def as_text(value: Any) -> bytes | None:
    """A string, or a number as Lua would print it."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number_text(value)
    return None
