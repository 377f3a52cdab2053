"""What a command is: its declaration (`CommandSpec`) and its state in one engine (`Command`).

A spec is written once, by the decorator beside the handler (`pyredis.commands.registry`), and never changes; everything
that needs a fact about a command reads it there. Each engine makes its own `Command`s, which hold what the hot path
needs in flat attributes, and the statistics.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mypy_extensions import i64

if TYPE_CHECKING:
    from pyredis.engine.context import Context
    from pyredis.engine.latency import Histogram

Handler = Callable[["Context", list[bytes]], "bytes | None"]
"""Runs a command: takes the context and all arguments with the name, returns the encoded reply or None for none yet."""

UNLIMITED: Final = 1 << 30

# Command flags, as COMMAND INFO names them.
WRITE: Final = 1 << 0
READONLY: Final = 1 << 1
DENYOOM: Final = 1 << 2
ADMIN: Final = 1 << 3
PUBSUB: Final = 1 << 4
NOSCRIPT: Final = 1 << 5
BLOCKING: Final = 1 << 6
LOADING: Final = 1 << 7
STALE: Final = 1 << 8
SKIP_MONITOR: Final = 1 << 9
SKIP_SLOWLOG: Final = 1 << 10
ASKING: Final = 1 << 11
FAST: Final = 1 << 12
NO_AUTH: Final = 1 << 13
MAY_REPLICATE: Final = 1 << 14
NO_ASYNC_LOADING: Final = 1 << 15
NO_MULTI: Final = 1 << 16
MOVABLE_KEYS: Final = 1 << 17
ALLOW_BUSY: Final = 1 << 18
NO_MANDATORY_KEYS: Final = 1 << 19
PROTECTED: Final = 1 << 20
RUNS_SCRIPT: Final = 1 << 21
"""Not one of Redis's: the command runs a script, which may take longer than the server can wait."""

FLAG_NAMES: Final = (
    (WRITE, b"write"),
    (READONLY, b"readonly"),
    (DENYOOM, b"denyoom"),
    (ADMIN, b"admin"),
    (PUBSUB, b"pubsub"),
    (NOSCRIPT, b"noscript"),
    (BLOCKING, b"blocking"),
    (LOADING, b"loading"),
    (STALE, b"stale"),
    (SKIP_MONITOR, b"skip_monitor"),
    (SKIP_SLOWLOG, b"skip_slowlog"),
    (ASKING, b"asking"),
    (FAST, b"fast"),
    (NO_AUTH, b"no_auth"),
    (NO_MANDATORY_KEYS, b"no_mandatory_keys"),
    (NO_ASYNC_LOADING, b"no_async_loading"),
    (NO_MULTI, b"no_multi"),
    (MOVABLE_KEYS, b"movablekeys"),
    (ALLOW_BUSY, b"allow_busy"),
)
"""Flags in the order in which COMMAND INFO lists them; MAY_REPLICATE, PROTECTED and RUNS_SCRIPT are not shown."""


class KeySpec:
    """Where a command's keys stand: how to find the first one, then how to go on from it.

    `begin` is `index`, `keyword` or `unknown`; `find` is `range`, `keynum` or `unknown`. The numbers are those of
    Redis's key specifications: `index` is also where the search for a keyword starts; with `keynum`, `last` is the
    place of the count and `limit` that of the first key, both relative to `begin`.
    """

    def __init__(
        self,
        flags: tuple[bytes, ...],
        begin: str,
        index: int,
        keyword: bytes,
        find: str,
        last: int,
        step: int,
        limit: int,
        notes: bytes,
    ) -> None:
        self.flags: tuple[bytes, ...] = flags
        self.begin: str = begin
        self.index: int = index
        self.keyword: bytes = keyword
        self.find: str = find
        self.last: int = last
        self.step: int = step
        self.limit: int = limit
        self.notes: bytes = notes


class KeyPosition:
    """One key of one request: its place in the arguments, and what the command does to it."""

    def __init__(self, position: int, flags: tuple[bytes, ...]) -> None:
        self.position: int = position
        self.flags: tuple[bytes, ...] = flags


KeyFinder = Callable[[list[bytes]], list[KeyPosition]]
"""Finds the keys of a request where key specifications cannot; see `pyredis.engine.key_positions`."""


class CommandSpec:
    """The declaration of one command, subcommand or container of subcommands."""

    def __init__(
        self,
        name: str,
        handler: Handler | None,
        group: str,
        arity: int,
        flags: int,
        keys: tuple[KeySpec, ...],
        acl: tuple[str, ...],
        since: str,
        syntax: str,
        complexity: str,
        tips: tuple[str, ...],
        history: tuple[tuple[str, str], ...],
        deprecated: tuple[str, str] | None,
        summary: str,
        find_keys: KeyFinder | None,
        is_system: bool,
    ) -> None:
        self.name: str = name
        self.handler: Handler | None = handler
        self.group: str = group
        self.arity: int = arity
        self.flags: int = flags
        self.keys: tuple[KeySpec, ...] = keys
        self.acl: tuple[str, ...] = acl
        self.since: str = since
        self.syntax: str = syntax
        self.complexity: str = complexity
        self.tips: tuple[str, ...] = tips
        self.history: tuple[tuple[str, str], ...] = history
        self.deprecated: tuple[str, str] | None = deprecated
        self.summary: str = summary
        self.find_keys: KeyFinder | None = find_keys
        self.is_system: bool = is_system


def no_handler(ctx: Context, argv: list[bytes]) -> bytes | None:
    """Stands where a container has no handler; dispatch never calls it."""
    raise AssertionError(argv[0])


class Command:
    """One command in one engine: the spec's facts for dispatch, and the counters."""

    def __init__(self, spec: CommandSpec) -> None:
        self.spec: CommandSpec = spec
        self.full_name: bytes = spec.name.lower().replace(" ", "|").encode()
        self.handler: Handler = spec.handler if spec.handler is not None else no_handler
        self.flags: i64 = spec.flags
        self.min_args: i64 = abs(spec.arity)
        self.max_args: i64 = spec.arity if spec.arity > 0 else UNLIMITED
        self.subcommands: dict[bytes, Command] | None = None
        # Whether dispatch may call the handler without looking for subcommands or permissions.
        # Its place in sets of commands, given by `pyredis.acl.catalog`.
        self.acl_bit: int = 0
        # The argument that is the only key, 0 when that is not so simple, and what is done to it; as above.
        self.only_key: i64 = 0
        self.only_key_access: i64 = 0
        self.is_plain: bool = spec.handler is not None and not spec.flags & (PROTECTED | RUNS_SCRIPT)
        self.runs_script: bool = spec.flags & RUNS_SCRIPT != 0
        self.calls: i64 = 0
        self.seconds: float = 0.0
        self.rejected: i64 = 0
        self.failed: i64 = 0
        # How long calls took; made at the first one. A call is counted when its number has none of these bits.
        self.histogram: Histogram | None = None
        self.time_mask: i64 = 0

    def reset_statistics(self) -> None:
        """Zeroes the counters (CONFIG RESETSTAT)."""
        self.calls = 0
        self.seconds = 0.0
        self.rejected = 0
        self.failed = 0
        self.histogram = None


def build_table(specs: list[CommandSpec]) -> dict[bytes, Command]:
    """Makes an engine's commands: by lowercase and uppercase name, subcommands inside their container."""
    table: dict[bytes, Command] = {}
    for spec in sorted(specs, key=spec_words):
        words = spec.name.lower().encode().split(b" ")
        command = Command(spec)
        if len(words) == 1:
            table[words[0]] = table[words[0].upper()] = command
        else:
            container = table[words[0]]
            if container.subcommands is None:
                container.subcommands = {}
                container.is_plain = False
            container.subcommands[words[1]] = command
    return table


def flatten_table(table: dict[bytes, Command]) -> list[Command]:
    """Every command once, each container before its subcommands."""
    commands: list[Command] = []
    for name, command in table.items():
        if name == command.full_name:
            commands.append(command)
            if command.subcommands is not None:
                commands += command.subcommands.values()
    return commands


def spec_words(spec: CommandSpec) -> int:
    """How many words the name has; containers sort before their subcommands."""
    return len(spec.name.split(" "))
