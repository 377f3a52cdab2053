"""SLOWLOG: reading and emptying the log of slow requests, which `pyredis.engine.slow_log` keeps."""

from __future__ import annotations

from itertools import islice
from typing import Final

from pyredis.commands.arguments import ranged_argument
from pyredis.commands.help import help_reply
from pyredis.commands.server import server
from pyredis.datatypes.numbers import INT64_MAX
from pyredis.engine.command import ADMIN, LOADING, STALE
from pyredis.engine.context import Context
from pyredis.engine.slow_log import SlowEntry
from pyredis.errors import wrong_subcommand
from pyredis.protocol.encode import OK, array, array_header, bulk, bulk_array, integer

_FLAGS: Final = ADMIN | LOADING | STALE
DEFAULT_COUNT: Final = 10
COUNT_ERROR: Final = b"ERR count should be greater than or equal to -1"

server.container("SLOWLOG", since="2.2.12", summary="Holds the commands about the log of slow requests")


@server.command(
    "SLOWLOG GET", arity=-2, flags=_FLAGS, since="2.2.12", syntax="[count]",
    complexity="O(N) where N is the number of entries returned",
    tips=("request_policy:all_nodes", "nondeterministic_output"),
    history=(("4.0.0", "Added client IP address, port and name to the reply."),),
)  # fmt: skip
def slowlog_get(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the latest slow requests, ten of them or as many as asked for."""
    if len(argv) > 3:
        raise wrong_subcommand(argv)
    count = DEFAULT_COUNT
    if len(argv) == 3:
        count = ranged_argument(argv[2], -1, INT64_MAX, COUNT_ERROR)
    entries = ctx.engine.slow_log.entries
    if count < 0 or count > len(entries):
        count = len(entries)
    return array([_entry(entry) for entry in islice(entries, count)])


def _entry(entry: SlowEntry) -> bytes:
    return b"".join(
        [
            array_header(6),
            integer(entry.number),
            integer(entry.at),
            integer(entry.microseconds),
            bulk_array(entry.argv),
            bulk(entry.address),
            bulk(entry.name),
        ]
    )


@server.command(
    "SLOWLOG LEN", arity=2, flags=_FLAGS, since="2.2.12", complexity="O(1)",
    tips=("request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"),
)  # fmt: skip
def slowlog_len(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns how many slow requests the log holds."""
    return integer(len(ctx.engine.slow_log.entries))


@server.command(
    "SLOWLOG RESET", arity=2, flags=_FLAGS, since="2.2.12",
    complexity="O(N) where N is the number of entries in the log",
    tips=("request_policy:all_nodes", "response_policy:all_succeeded"),
)  # fmt: skip
def slowlog_reset(ctx: Context, argv: list[bytes]) -> bytes:
    """Empties the log of slow requests; the numbers of entries go on."""
    ctx.engine.slow_log.entries.clear()
    return OK


HELP: Final = (
    b"GET [<count>]",
    b"    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
    b"    Entries are made of:",
    b"    id, timestamp, time in microseconds, arguments array, client IP and port,",
    b"    client name",
    b"LEN",
    b"    Return the length of the slowlog.",
    b"RESET",
    b"    Reset the slowlog.",
)


@server.command("SLOWLOG HELP", arity=2, flags=LOADING | STALE, since="6.2.0", complexity="O(1)")
def slowlog_help(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the subcommands of SLOWLOG."""
    return help_reply(b"SLOWLOG", HELP)
