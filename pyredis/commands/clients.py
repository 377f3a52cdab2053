"""The CLIENT command: what is known of connections, and what one can do to the own and to others.

CLIENT TRACKING, TRACKINGINFO, CACHING and GETREDIR have a module of their own, `client_tracking`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis.commands.arguments import c_text, integer_argument
from pyredis.commands.client_filters import CLIENT_TYPES, parse_kill_filter, unknown_client_type
from pyredis.commands.connection import is_printable
from pyredis.commands.help import help_reply
from pyredis.commands.registry import CommandGroup
from pyredis.datatypes.numbers import INT64_MAX
from pyredis.engine.client_info import client_line
from pyredis.engine.command import ADMIN, LOADING, NOSCRIPT, STALE
from pyredis.engine.context import (
    NO_REPLY,
    REPLY_OFF,
    REPLY_ON,
    REPLY_SKIP_NEXT,
    Context,
)
from pyredis.engine.engine import PAUSE_ALL, PAUSE_WRITE
from pyredis.errors import (
    INVALID_CLIENT_NAME,
    SYNTAX,
    TIMEOUT_NEGATIVE,
    TIMEOUT_OUT_OF_RANGE,
    CommandError,
    wrong_subcommand,
)
from pyredis.protocol.encode import OK, bulk, integer, verbatim

if TYPE_CHECKING:
    from mypy_extensions import i64

connection: Final = CommandGroup("connection", acl=("connection",))

_OWN: Final = NOSCRIPT | LOADING | STALE
_OTHERS: Final = ADMIN | NOSCRIPT | LOADING | STALE

NO_SUCH_CLIENT: Final = b"ERR No such client"
INVALID_CLIENT_ID: Final = b"ERR Invalid client ID"
PAUSE_MODE: Final = b"ERR CLIENT PAUSE mode must be WRITE or ALL"
TIMEOUT_NOT_AN_INTEGER: Final = b"ERR timeout is not an integer or out of range"
UNBLOCK_REASON: Final = b"ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"

connection.container("CLIENT", since="2.4.0", summary="Holds the commands about connections", acl=())

CLIENT_HELP: Final = (
    b"CACHING (YES|NO)",
    b"    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
    b"GETREDIR",
    b"    Return the client ID we are redirecting to when tracking is enabled.",
    b"GETNAME",
    b"    Return the name of the current connection.",
    b"ID",
    b"    Return the ID of the current connection.",
    b"INFO",
    b"    Return information about the current client connection.",
    b"KILL <ip:port>",
    b"    Kill connection made from <ip:port>.",
    b"KILL <option> <value> [<option> <value> [...]]",
    b"    Kill connections. Options are:",
    b"    * ADDR (<ip:port>|<unixsocket>:0)",
    b"      Kill connections made from the specified address",
    b"    * LADDR (<ip:port>|<unixsocket>:0)",
    b"      Kill connections made to specified local address",
    b"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    b"      Kill connections by type.",
    b"    * USER <username>",
    b"      Kill connections authenticated by <username>.",
    b"    * SKIPME (YES|NO)",
    b"      Skip killing current connection (default: yes).",
    b"    * ID <client-id>",
    b"      Kill connections by client id.",
    b"    * MAXAGE <maxage>",
    b"      Kill connections older than the specified age.",
    b"LIST [options ...]",
    b"    Return information about client connections. Options:",
    b"    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    b"      Return clients of specified type.",
    b"UNPAUSE",
    b"    Stop the current client pause, resuming traffic.",
    b"PAUSE <timeout> [WRITE|ALL]",
    b"    Suspend all, or just write, clients for <timeout> milliseconds.",
    b"REPLY (ON|OFF|SKIP)",
    b"    Control the replies sent to the current connection.",
    b"SETNAME <name>",
    b"    Assign the name <name> to the current connection.",
    b"SETINFO <option> <value>",
    b"    Set client meta attr. Options are:",
    b"    * LIB-NAME: the client lib name.",
    b"    * LIB-VER: the client lib version.",
    b"UNBLOCK <clientid> [TIMEOUT|ERROR]",
    b"    Unblock the specified blocked client.",
    b"TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
    b"         [OPTIN] [OPTOUT] [NOLOOP]",
    b"    Control server assisted client side caching.",
    b"TRACKINGINFO",
    b"    Report tracking status for the current connection.",
    b"NO-EVICT (ON|OFF)",
    b"    Protect current client connection from eviction.",
    b"NO-TOUCH (ON|OFF)",
    b"    Will not touch LRU/LFU stats when this mode is on.",
)


@connection.command("CLIENT HELP", arity=2, flags=LOADING | STALE, since="5.0.0", complexity="O(1)")
def client_help(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the subcommands of CLIENT."""
    return help_reply(b"CLIENT", CLIENT_HELP)


@connection.command("CLIENT ID", arity=2, flags=_OWN, since="5.0.0", complexity="O(1)")
def client_id(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the identifier of this connection, which no later one will have."""
    return integer(ctx.client_id)


@connection.command(
    "CLIENT INFO", arity=2, flags=_OWN, since="6.2.0", complexity="O(1)", tips=("nondeterministic_output",),
)  # fmt: skip
def client_info(ctx: Context, argv: list[bytes]) -> bytes:
    """Describes this connection in one line."""
    return verbatim(client_line(ctx, argv) + b"\n", ctx.resp3)


@connection.command(
    "CLIENT LIST", arity=-2, flags=_OTHERS, since="2.4.0",
    syntax="[TYPE client-type:(NORMAL | MASTER | REPLICA | PUBSUB) @5.0.0] [ID client-id... @6.2.0]",
    complexity="O(N) with N connections", tips=("nondeterministic_output",),
    history=(
        ("2.8.12", "Added unique client `id` field."),
        ("5.0.0", "Added optional `TYPE` filter."),
        ("6.0.0", "Added `user` field."),
        ("6.2.0", "Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` filter."),
        ("7.0.0", "Added `resp`, `multi-mem`, `rbs` and `rbp` fields."),
        ("7.0.3", "Added `ssub` field."),
        ("7.2.0", "Added `lib-name` and `lib-ver` fields."),
        ("7.4.0", "Added `watch` field."),
    ),
)  # fmt: skip
def client_list(ctx: Context, argv: list[bytes]) -> bytes:
    """Describes connections, one line each: all, those of a type, or those with the identifiers given."""
    clients = ctx.engine.clients
    chosen: list[Context] = []
    if len(argv) == 2:
        chosen = list(clients.values())
    elif len(argv) == 4 and argv[2].upper() == b"TYPE":
        kind = CLIENT_TYPES.get(argv[3].lower())
        if kind is None:
            raise unknown_client_type(argv[3])
        chosen = [client for client in clients.values() if client.client_type() == kind]
    elif len(argv) > 3 and argv[2].upper() == b"ID":
        for text in argv[3:]:
            client = clients.get(integer_argument(text, INVALID_CLIENT_ID))
            if client is not None:
                chosen.append(client)
    else:
        raise CommandError(SYNTAX)
    lines = [client_line(client, argv if client is ctx else None) + b"\n" for client in chosen]
    return verbatim(b"".join(lines), ctx.resp3)


@connection.command(
    "CLIENT KILL", arity=-3, flags=_OTHERS, since="2.4.0",
    syntax="filter:(old-format<ip:port> @..2.8.12 | new-format:([ID client-id @2.8.12]"
    " | [TYPE client-type:(NORMAL | MASTER @3.2.0 | SLAVE | REPLICA @5.0.0 | PUBSUB) @2.8.12]"
    " | [USER username] | [ADDR addr<ip:port>] | [LADDR laddr<ip:port> @6.2.0]"
    " | [SKIPME skipme:(YES | NO)] | [MAXAGE maxage:integer @7.4.0])...)",
    complexity="O(N) with N connections",
    history=(
        ("2.8.12", "Added new filter format."),
        ("2.8.12", "`ID` option."),
        ("3.2.0", "Added `master` type in for `TYPE` option."),
        (
            "5.0.0",
            "Replaced `slave` `TYPE` with `replica`. `slave` still supported for backward compatibility.",
        ),
        ("6.2.0", "`LADDR` option."),
        ("7.4.0", "`MAXAGE` option."),
    ),
)  # fmt: skip
def client_kill(ctx: Context, argv: list[bytes]) -> bytes:
    """Closes the connections that match: others at once, the own one after the reply."""
    is_old_form = len(argv) == 3
    chosen = parse_kill_filter(ctx, argv)
    now_ms: i64 = ctx.engine.clock.now_ms
    killed = 0
    kills_itself = False
    for client in list(ctx.engine.clients.values()):
        if not chosen.matches(client, now_ms):
            continue
        if client is not ctx:
            client.close(False)
        elif chosen.skip_me:
            continue
        else:
            kills_itself = True
        killed += 1
    if kills_itself:
        ctx.close(True)
    if is_old_form:
        if not killed:
            raise CommandError(NO_SUCH_CLIENT)
        return OK
    return integer(killed)


@connection.command("CLIENT GETNAME", arity=2, flags=_OWN, since="2.6.9", complexity="O(1)")
def client_getname(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the name of this connection, or null when it has none."""
    return bulk(ctx.name) if ctx.name else ctx.null


@connection.command(
    "CLIENT SETNAME", arity=3, flags=_OWN, since="2.6.9", syntax="connection-name", complexity="O(1)",
)  # fmt: skip
def client_setname(ctx: Context, argv: list[bytes]) -> bytes:
    """Names this connection; an empty name takes the name away."""
    if not is_printable(argv[2]):
        raise CommandError(INVALID_CLIENT_NAME)
    ctx.name = argv[2]
    return OK


@connection.command(
    "CLIENT SETINFO", arity=4, flags=_OWN, since="7.2.0",
    syntax="attr:(LIB-NAME libname | LIB-VER libver)", complexity="O(1)",
    tips=("request_policy:all_nodes", "response_policy:all_succeeded"),
)  # fmt: skip
def client_setinfo(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells the server which library, or which version of it, speaks on this connection."""
    attribute = argv[2].lower()
    if attribute != b"lib-name" and attribute != b"lib-ver":
        raise CommandError(b"ERR Unrecognized option '" + c_text(argv[2]) + b"'")
    if not is_printable(argv[3]):
        name = c_text(argv[2])
        raise CommandError(b"ERR " + name + b" cannot contain spaces, newlines or special characters.")
    if attribute == b"lib-name":
        ctx.lib_name = argv[3]
    else:
        ctx.lib_version = argv[3]
    return OK


@connection.command(
    "CLIENT REPLY", arity=3, flags=_OWN, since="3.2.0", syntax="(ON | OFF | SKIP)", complexity="O(1)",
)  # fmt: skip
def client_reply(ctx: Context, argv: list[bytes]) -> bytes:
    """Turns replies to this connection on or off, or leaves out the reply to the next command."""
    mode = argv[2].lower()
    if mode == b"on":
        if ctx.reply_mode != REPLY_SKIP_NEXT:  # within a transaction, a SKIP before still counts
            ctx.reply_mode = REPLY_ON
        return OK
    if mode == b"off":
        ctx.reply_mode = REPLY_OFF
    elif mode != b"skip":
        raise CommandError(SYNTAX)
    elif ctx.reply_mode != REPLY_OFF:
        ctx.reply_mode = REPLY_SKIP_NEXT
    return NO_REPLY


@connection.command(
    "CLIENT PAUSE", arity=-3, flags=_OTHERS, since="2.9.50",
    syntax="timeout:integer [mode:(WRITE | ALL) @6.2.0]", complexity="O(1)",
    history=(("6.2.0", "`CLIENT PAUSE WRITE` mode added along with the `mode` option."),),
)  # fmt: skip
def client_pause(ctx: Context, argv: list[bytes]) -> bytes:
    """Holds back all commands, or those that write, for a number of milliseconds."""
    if len(argv) > 4:
        raise wrong_subcommand(argv)
    kind = PAUSE_ALL
    if len(argv) == 4:
        mode = argv[3].lower()
        if mode == b"write":
            kind = PAUSE_WRITE
        elif mode != b"all":
            raise CommandError(PAUSE_MODE)
    until_ms = integer_argument(argv[2], TIMEOUT_NOT_AN_INTEGER)
    if until_ms < 0:
        raise CommandError(TIMEOUT_NEGATIVE)
    if until_ms > 0:
        if until_ms > INT64_MAX - ctx.engine.clock.now_ms:
            raise CommandError(TIMEOUT_OUT_OF_RANGE)
        until_ms += ctx.engine.clock.now_ms
    ctx.engine.pause(kind, until_ms)
    return OK


@connection.command(
    "CLIENT UNPAUSE", arity=2, flags=_OTHERS, since="6.2.0", complexity="O(N) with N clients held back",
)  # fmt: skip
def client_unpause(ctx: Context, argv: list[bytes]) -> bytes:
    """Ends CLIENT PAUSE; where that holds back everything, this command waits, too."""
    ctx.engine.unpause()
    return OK


@connection.command(
    "CLIENT UNBLOCK", arity=-3, flags=_OTHERS, since="5.0.0", syntax="client-id [TIMEOUT | ERROR]",
    complexity="O(1)",
)  # fmt: skip
def client_unblock(ctx: Context, argv: list[bytes]) -> bytes:
    """Ends the wait of a client's blocking command; one that CLIENT PAUSE holds back stays where it is."""
    if len(argv) > 4:
        raise wrong_subcommand(argv)
    reason = argv[3].lower() if len(argv) == 4 else b"timeout"
    if reason != b"timeout" and reason != b"error":
        raise CommandError(UNBLOCK_REASON)
    target = ctx.engine.clients.get(integer_argument(argv[2]))
    if target is None:
        return integer(0)
    return integer(1 if target.unblock(reason == b"error") else 0)


@connection.command(
    "CLIENT NO-EVICT", arity=3, flags=_OTHERS, since="7.0.0", syntax="enabled:(ON | OFF)", complexity="O(1)",
)  # fmt: skip
def client_no_evict(ctx: Context, argv: list[bytes]) -> bytes:
    """Keeps this connection from being closed to free memory."""
    ctx.no_evict = _is_on(argv[2])
    return OK


@connection.command(
    "CLIENT NO-TOUCH", arity=3, flags=_OWN, since="7.2.0", syntax="enabled:(ON | OFF)", complexity="O(1)",
)  # fmt: skip
def client_no_touch(ctx: Context, argv: list[bytes]) -> bytes:
    """Keeps this connection's commands from counting as use of the keys they name."""
    ctx.set_no_touch(_is_on(argv[2]))
    return OK


def _is_on(argument: bytes) -> bool:
    word = argument.lower()
    if word != b"on" and word != b"off":
        raise CommandError(SYNTAX)
    return word == b"on"
