"""What an engine asks of the part that runs scripts.

The command handlers reach scripts through `Engine.scripting`, because scripts run commands: what implements this
stands above the commands (`pyredis.scripting`). An engine without it, such as one that only checks files, keeps
the sources of libraries and runs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mypy_extensions import i64, mypyc_attr

if TYPE_CHECKING:
    from pyredis.engine.command import Command
    from pyredis.engine.context import Context

SCRIPT_TIMER: Final = "script"

NO_SCRIPTS: Final = b"ERR scripts are not available"


class ScriptFigures:
    """What INFO tells of scripts and functions; bytes are estimates but for the interpreters' own."""

    def __init__(self) -> None:
        self.eval_vm: int = 0
        self.eval_bytes: int = 0
        self.scripts: int = 0
        self.evicted: int = 0
        self.function_vm: int = 0
        self.function_bytes: int = 0
        self.functions: int = 0
        self.libraries: int = 0


@mypyc_attr(allow_interpreted_subclasses=True)
class Scripting:
    """See the module's text; every method that runs or compiles something may raise `CommandError`."""

    def run_command(self, ctx: Context, command: Command, argv: list[bytes]) -> bytes | None:
        """Runs a command that runs scripts; None when it has been suspended and will reply later."""
        raise AssertionError(NO_SCRIPTS)

    def run_requests(self, ctx: Context) -> None:
        """Calls `ctx.run_on` on the stack for scripts, until a script is suspended."""
        raise AssertionError(NO_SCRIPTS)

    def eval(self, ctx: Context, argv: list[bytes], by_hash: bool, is_read_only: bool) -> bytes:
        """EVAL and its kind."""
        raise AssertionError(NO_SCRIPTS)

    def load(self, body: bytes) -> bytes:
        """Keeps a script; returns its hash."""
        raise AssertionError(NO_SCRIPTS)

    def exists(self, hash_text: bytes) -> bool:
        """Whether a script is kept."""
        return False

    def flush(self, is_async: bool) -> None:
        """Forgets all scripts and begins with a new interpreter."""

    def kill(self, is_function: bool) -> None:
        """Ends the running script or function, or raises why it cannot be."""
        raise AssertionError(NO_SCRIPTS)

    def command_flags(self, command: Command, argv: list[bytes]) -> i64:
        """The flags of a command that runs a script, with what the script declares about itself."""
        return command.flags

    def call_function(self, ctx: Context, argv: list[bytes], is_read_only: bool) -> bytes:
        """FCALL and FCALL_RO."""
        raise AssertionError(NO_SCRIPTS)

    def load_library(self, code: bytes, replaces: bool) -> bytes:
        """FUNCTION LOAD; returns the library's name."""
        raise AssertionError(NO_SCRIPTS)

    def restore_library(self, code: bytes, replaces: bool) -> bytes:
        """Takes a library from a file; returns what is wrong with it, empty when nothing is."""
        return b""

    def delete_library(self, name: bytes) -> bool:
        """Forgets a library; false when there is none of that name."""
        return False

    def flush_libraries(self) -> None:
        """Forgets all libraries."""

    def library_sources(self) -> list[bytes]:
        """The source of every library, for a file."""
        return []

    def list_libraries(self, ctx: Context, pattern: bytes | None, with_code: bool) -> bytes:
        """FUNCTION LIST."""
        raise AssertionError(NO_SCRIPTS)

    def restore_libraries(self, codes: list[bytes], policy: bytes) -> None:
        """FUNCTION RESTORE: all or none; `policy` is `flush`, `append` or `replace`."""
        raise AssertionError(NO_SCRIPTS)

    def statistics_reply(self, ctx: Context) -> bytes:
        """FUNCTION STATS."""
        raise AssertionError(NO_SCRIPTS)

    def busy_error(self) -> bytes:
        """What other clients are told while a script has been suspended."""
        raise AssertionError(NO_SCRIPTS)

    def timer_fired(self) -> None:
        """Lets a suspended script go on for a while."""

    def abandon(self) -> None:
        """Ends a suspended script, as the process is about to end."""

    def is_error_counted(self) -> bool:
        """Whether the error that a script has just been answered with was counted when it arose; asked once."""
        return False

    def figures(self) -> ScriptFigures:
        """For INFO."""
        return ScriptFigures()
