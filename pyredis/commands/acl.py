"""The ACL command: users, their rules, and what was refused to whom.

What rules mean is known to `pyredis.acl`; here are the requests and replies.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from pyredis.acl.categories import ACL_CATEGORIES
from pyredis.acl.log import REASONS, LogEntry
from pyredis.acl.permissions import check
from pyredis.acl.refusals import explain
from pyredis.acl.rules import has_blanks
from pyredis.acl.startup import parse_file, save_file
from pyredis.acl.users import DEFAULT_USER, InvalidRules
from pyredis.commands.arguments import c_text, integer_argument
from pyredis.commands.help import help_reply
from pyredis.commands.registry import CommandGroup
from pyredis.datatypes.numbers import format_double
from pyredis.engine.command import ADMIN, LOADING, NOSCRIPT, STALE
from pyredis.engine.context import Context
from pyredis.errors import CommandError, wrong_arity, wrong_subcommand
from pyredis.protocol.encode import (
    OK,
    array,
    bulk,
    bulk_array,
    double,
    integer,
    map_header,
    set_header,
)

if TYPE_CHECKING:
    from pyredis.acl.selector import Selector
    from pyredis.engine.command import Command

access: Final = CommandGroup("server")

_LOOK: Final = NOSCRIPT | LOADING | STALE
_CHANGE: Final = ADMIN | NOSCRIPT | LOADING | STALE

PASSWORD_BITS: Final = 256
PASSWORD_BITS_MAX: Final = 4096
LOG_ENTRIES: Final = 10

NO_FILE: Final = (
    b"ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the "
    b"ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in "
    b"order to store users in the Redis configuration."
)
NOT_SAVED: Final = (
    b"ERR There was an error trying to save the ACLs. Please check the server logs for more information"
)
BLANKS_IN_NAME: Final = b"ERR Usernames can't contain spaces or null characters"
DEFAULT_STAYS: Final = b"ERR The 'default' user cannot be removed"
BAD_PASSWORD_BITS: Final = (
    b"ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to "
    b"%d" % PASSWORD_BITS_MAX
)

access.container("ACL", since="6.0.0", summary="Holds the commands about users and their permissions")


@access.command(
    "ACL CAT", arity=-2, flags=_LOOK, since="6.0.0", syntax="[categoryname]",
    complexity="O(N) with N the number of commands",
)  # fmt: skip
def acl_cat(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the categories of commands, or the commands of a category."""
    if len(argv) > 3:
        raise wrong_subcommand(argv)
    if len(argv) == 2:
        return bulk_array([name.encode() for name in ACL_CATEGORIES])
    members = ctx.engine.access.catalog.members(c_text(argv[2]))
    if members is None:
        raise CommandError(b"ERR Unknown category '" + c_text(argv[2])[:128] + b"'")
    return bulk_array(members)


@access.command(
    "ACL DELUSER", arity=-3, flags=_CHANGE, since="6.0.0", syntax="username...",
    complexity="O(N) with N connected clients, for each user",
)  # fmt: skip
def acl_deluser(ctx: Context, argv: list[bytes]) -> bytes:
    """Deletes users, and ends the connections that are logged in as them."""
    names = argv[2:]
    if any(c_text(name) == DEFAULT_USER for name in names):
        raise CommandError(DEFAULT_STAYS)
    deleted = 0
    for name in names:
        if ctx.engine.access.delete_user(name, ctx):
            deleted += 1
    return integer(deleted)


@access.command(
    "ACL DRYRUN", arity=-4, flags=_CHANGE, since="7.0.0", syntax="username command [arg...]",
    complexity="O(1)",
)  # fmt: skip
def acl_dryrun(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells whether a user may run a command, without running it."""
    user = ctx.engine.access.users.by_name.get(argv[2])
    if user is None:
        raise CommandError(b"ERR User '" + c_text(argv[2]) + b"' not found")
    request = argv[3:]
    command = _find(ctx, request)
    if not command.min_args <= len(request) <= command.max_args:
        raise wrong_arity(command.full_name)
    denial = check(user, command, request)
    return OK if denial is None else bulk(explain(user, denial, command, request))


def _find(ctx: Context, request: list[bytes]) -> Command:
    """The command or subcommand that a request names; errors name only the container."""
    command = ctx.engine.commands.get(request[0].lower())
    if command is not None and command.subcommands is not None and len(request) > 1:
        command = command.subcommands.get(request[1].lower())
    if command is None:
        raise CommandError(b"ERR Command '" + c_text(request[0]) + b"' not found")
    return command


@access.command(
    "ACL GENPASS", arity=-2, flags=_LOOK, since="6.0.0", syntax="[bits:integer]", complexity="O(1)",
)  # fmt: skip
def acl_genpass(ctx: Context, argv: list[bytes]) -> bytes:
    """Makes up a password that cannot be guessed, in hexadecimal digits."""
    if len(argv) > 3:
        raise wrong_subcommand(argv)
    bits = integer_argument(argv[2]) if len(argv) == 3 else PASSWORD_BITS
    if not 0 < bits <= PASSWORD_BITS_MAX:
        raise CommandError(BAD_PASSWORD_BITS)
    digits = (bits + 3) // 4
    return bulk(secrets.token_hex((digits + 1) // 2)[:digits].encode())


@access.command(
    "ACL GETUSER", arity=3, flags=_CHANGE, since="6.0.0", syntax="username",
    complexity="O(N) with N passwords and rules",
    history=(
        ("6.2.0", "Added Pub/Sub channel patterns."),
        (
            "7.0.0",
            "Added selectors and changed the format of key and channel patterns from a list to their rule "
            "representation.",
        ),
    ),
)  # fmt: skip
def acl_getuser(ctx: Context, argv: list[bytes]) -> bytes:
    """Describes a user: flags, passwords, permissions and selectors; null when there is none of that name."""
    user = ctx.engine.access.users.by_name.get(argv[2])
    if user is None:
        return ctx.null
    flags = user.flags()
    selectors = [map_header(3, ctx.resp3) + _permissions(selector) for selector in user.selectors[1:]]
    return b"".join(
        [
            map_header(6, ctx.resp3),
            bulk(b"flags"),
            set_header(len(flags), ctx.resp3),
            b"".join([bulk(flag) for flag in flags]),
            bulk(b"passwords"),
            bulk_array(user.passwords),
            _permissions(user.selectors[0]),
            bulk(b"selectors"),
            array(selectors),
        ]
    )


def _permissions(selector: Selector) -> bytes:
    """Three names and values of a map."""
    return b"".join(
        [
            bulk(b"commands"), bulk(selector.describe_commands()),
            bulk(b"keys"), bulk(selector.describe_keys()),
            bulk(b"channels"), bulk(selector.describe_channels()),
        ]
    )  # fmt: skip


@access.command(
    "ACL LIST", arity=2, flags=_CHANGE, since="6.0.0", complexity="O(N) with N users and their rules",
)  # fmt: skip
def acl_list(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists all users as lines of a configuration file."""
    return bulk_array(ctx.engine.access.users.lines())


@access.command("ACL LOAD", arity=2, flags=_CHANGE, since="6.0.0", complexity="O(N) with N users in the file")
def acl_load(ctx: Context, argv: list[bytes]) -> bytes:
    """Replaces all users by those of the ACL file, or none if anything is wrong with it."""
    engine = ctx.engine
    if not engine.config.get_bytes("aclfile"):
        raise CommandError(NO_FILE)
    try:
        users = parse_file(engine.access, engine.config)
    except InvalidRules as error:
        raise CommandError(b"ERR " + error.message) from None
    engine.access.replace_users(users, ctx)
    return OK


@access.command(
    "ACL LOG", arity=-2, flags=_CHANGE, since="6.0.0", syntax="[operation:(count:integer | RESET)]",
    complexity="O(N) with N events shown",
    history=(("7.2.0", "Added entry ID, timestamp created, and timestamp last updated."),),
)  # fmt: skip
def acl_log(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the latest requests and logins that were refused, or forgets them."""
    if len(argv) > 3:
        raise wrong_subcommand(argv)
    log = ctx.engine.access.log
    count = LOG_ENTRIES
    if len(argv) == 3:
        if c_text(argv[2]).lower() == b"reset":
            log.clear()
            return OK
        count = max(integer_argument(argv[2]), 0)
    return array([_log_entry(ctx, entry) for entry in log.entries[:count]])


def _log_entry(ctx: Context, entry: LogEntry) -> bytes:
    age_ms = ctx.engine.clock.now_ms - entry.updated_ms
    fields: list[bytes] = [
        bulk(b"count"), integer(entry.count),
        bulk(b"reason"), bulk(REASONS[entry.reason]),
        bulk(b"context"), bulk(entry.context),
        bulk(b"object"), bulk(entry.object),
        bulk(b"username"), bulk(entry.user),
        bulk(b"age-seconds"), double(format_double(age_ms / 1000), ctx.resp3),
        bulk(b"client-info"), bulk(entry.client),
        bulk(b"entry-id"), integer(entry.entry_id),
        bulk(b"timestamp-created"), integer(entry.created_ms),
        bulk(b"timestamp-last-updated"), integer(entry.updated_ms),
    ]  # fmt: skip
    return map_header(len(fields) // 2, ctx.resp3) + b"".join(fields)


@access.command("ACL SAVE", arity=2, flags=_CHANGE, since="6.0.0", complexity="O(N) with N users")
def acl_save(ctx: Context, argv: list[bytes]) -> bytes:
    """Writes all users into the ACL file."""
    engine = ctx.engine
    if not engine.config.get_bytes("aclfile"):
        raise CommandError(NO_FILE)
    if not save_file(engine.access, engine.config):
        raise CommandError(NOT_SAVED)
    return OK


@access.command(
    "ACL SETUSER", arity=-3, flags=_CHANGE, since="6.0.0", syntax="username [rule...]",
    complexity="O(N) with N rules",
    history=(
        ("6.2.0", "Added Pub/Sub channel patterns."),
        ("7.0.0", "Added selectors and key based permissions."),
    ),
)  # fmt: skip
def acl_setuser(ctx: Context, argv: list[bytes]) -> bytes:
    """Creates a user or changes its rules, all of them or, when one makes no sense, none."""
    if has_blanks(argv[2]):
        raise CommandError(BLANKS_IN_NAME)
    try:
        ctx.engine.access.set_user(argv[2], argv[3:], ctx)
    except InvalidRules as error:
        raise CommandError(b"ERR " + error.message) from None
    return OK


@access.command("ACL USERS", arity=2, flags=_CHANGE, since="6.0.0", complexity="O(N) with N users")
def acl_users(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the names of all users."""
    return bulk_array([user.name for user in ctx.engine.access.users.in_order()])


@access.command("ACL WHOAMI", arity=2, flags=_LOOK, since="6.0.0", complexity="O(1)")
def acl_whoami(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the name of the user that this connection is logged in as."""
    return bulk(ctx.user.name)


HELP: Final = (
    b"CAT [<category>]",
    b"    List all commands that belong to <category>, or all command categories",
    b"    when no category is specified.",
    b"DELUSER <username> [<username> ...]",
    b"    Delete a list of users.",
    b"DRYRUN <username> <command> [<arg> ...]",
    b"    Returns whether the user can execute the given command without executing the command.",
    b"GETUSER <username>",
    b"    Get the user's details.",
    b"GENPASS [<bits>]",
    b"    Generate a secure 256-bit user password. The optional `bits` argument can",
    b"    be used to specify a different size.",
    b"LIST",
    b"    Show users details in config file format.",
    b"LOAD",
    b"    Reload users from the ACL file.",
    b"LOG [<count> | RESET]",
    b"    Show the ACL log entries.",
    b"SAVE",
    b"    Save the current config to the ACL file.",
    b"SETUSER <username> <attribute> [<attribute> ...]",
    b"    Create or modify a user with the specified attributes.",
    b"USERS",
    b"    List all the registered usernames.",
    b"WHOAMI",
    b"    Return the current connection username.",
)


@access.command("ACL HELP", arity=2, flags=LOADING | STALE, since="6.0.0", complexity="O(1)")
def acl_help(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the subcommands of ACL."""
    return help_reply(b"ACL", HELP)
