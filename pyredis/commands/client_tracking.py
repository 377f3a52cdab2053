"""CLIENT TRACKING, TRACKINGINFO, CACHING and GETREDIR: what a connection wants to know of keys that change.

What follows from it is the work of `pyredis.engine.tracking`.
"""

from __future__ import annotations

from typing import Final

from pyredis.commands.arguments import c_text, integer_argument
from pyredis.commands.clients import connection
from pyredis.engine.command import LOADING, NOSCRIPT, STALE
from pyredis.engine.context import Context
from pyredis.engine.tracking import ClientTracking
from pyredis.errors import SYNTAX, CommandError
from pyredis.protocol.encode import OK, bulk, bulk_array, integer, map_header, set_header

_FLAGS: Final = NOSCRIPT | LOADING | STALE

ONE_REDIRECT: Final = b"ERR A client can only redirect to a single other client"
NO_SUCH_TARGET: Final = b"ERR The client ID you want redirect to does not exist"
PREFIX_NEEDS_BCAST: Final = b"ERR PREFIX option requires BCAST mode to be enabled"
SWITCH_BCAST: Final = (
    b"ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it "
    b"with a different mode."
)
BCAST_AND_OPT: Final = b"ERR OPTIN and OPTOUT are not compatible with BCAST"
BOTH_OPTS: Final = b"ERR You can't specify both OPTIN mode and OPTOUT mode"
SWITCH_OPT: Final = (
    b"ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it "
    b"with a different mode."
)
CACHING_WITHOUT_TRACKING: Final = (
    b"ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode "
    b"enabled"
)
CACHING_YES: Final = b"ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."
CACHING_NO: Final = b"ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."


@connection.command(
    "CLIENT TRACKING", arity=-3, flags=_FLAGS, since="6.0.0",
    syntax="status:(ON | OFF) [REDIRECT client-id] [PREFIX... prefix] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
    complexity="O(1), with BCAST O(N) with N prefixes",
)  # fmt: skip
def client_tracking(ctx: Context, argv: list[bytes]) -> bytes:
    """Has the server tell this connection, or another one, when keys change that it has read."""
    wanted, prefixes = _parse(ctx, argv)
    status = argv[2].lower()
    if status == b"off":
        ctx.engine.tracking.disable(ctx)
        return OK
    if status != b"on":
        raise CommandError(SYNTAX)
    _check_options(ctx, wanted, prefixes)
    if wanted.is_broadcast:
        _check_prefixes(ctx, prefixes)
        wanted.prefixes = set(prefixes) if prefixes else {b""}
    ctx.engine.tracking.enable(ctx, wanted)
    return OK


def _parse(ctx: Context, argv: list[bytes]) -> tuple[ClientTracking, list[bytes]]:
    """The options and the prefixes; their mistakes come before that of a wrong status."""
    wanted = ClientTracking()
    prefixes: list[bytes] = []
    position = 3
    while position < len(argv):
        word = argv[position].lower()
        has_value = position + 1 < len(argv)
        if word == b"redirect" and has_value:
            position += 1
            if wanted.redirect:
                raise CommandError(ONE_REDIRECT)
            wanted.redirect = integer_argument(argv[position])
            if wanted.redirect not in ctx.engine.clients:
                raise CommandError(NO_SUCH_TARGET)
        elif word == b"bcast":
            wanted.is_broadcast = True
        elif word == b"optin":
            wanted.is_opt_in = True
        elif word == b"optout":
            wanted.is_opt_out = True
        elif word == b"noloop":
            wanted.is_no_loop = True
        elif word == b"prefix" and has_value:
            position += 1
            prefixes.append(argv[position])
        else:
            raise CommandError(SYNTAX)
        position += 1
    return wanted, prefixes


def _check_options(ctx: Context, wanted: ClientTracking, prefixes: list[bytes]) -> None:
    """Refuses options that do not go together, or not with what the connection does already."""
    before = ctx.tracking
    if prefixes and not wanted.is_broadcast:
        raise CommandError(PREFIX_NEEDS_BCAST)
    if before is not None and before.is_broadcast != wanted.is_broadcast:
        raise CommandError(SWITCH_BCAST)
    if wanted.is_broadcast and (wanted.is_opt_in or wanted.is_opt_out):
        raise CommandError(BCAST_AND_OPT)
    if wanted.is_opt_in and wanted.is_opt_out:
        raise CommandError(BOTH_OPTS)
    if before is not None and (
        (wanted.is_opt_in and before.is_opt_out) or (wanted.is_opt_out and before.is_opt_in)
    ):
        raise CommandError(SWITCH_OPT)


def _check_prefixes(ctx: Context, prefixes: list[bytes]) -> None:
    """Refuses prefixes of which one begins with another: a key would be reported twice."""
    before = ctx.tracking
    known = [] if before is None else sorted(before.prefixes)
    for position, prefix in enumerate(prefixes):
        for other in known:
            if _overlap(prefix, other):
                raise _overlap_error(prefix, b"an existing", other)
        for other in prefixes[position + 1 :]:
            if _overlap(prefix, other):
                raise _overlap_error(prefix, b"another provided", other)


def _overlap(one: bytes, two: bytes) -> bool:
    return one.startswith(two) or two.startswith(one)


def _overlap_error(prefix: bytes, which: bytes, other: bytes) -> CommandError:
    return CommandError(
        b"ERR Prefix '%b' overlaps with %b prefix '%b'. Prefixes for a single client must not overlap."
        % (c_text(prefix), which, c_text(other))
    )


@connection.command("CLIENT TRACKINGINFO", arity=2, flags=_FLAGS, since="6.2.0", complexity="O(1)")
def client_trackinginfo(ctx: Context, argv: list[bytes]) -> bytes:
    """Tells how client-side caching is set up for this connection."""
    state = ctx.tracking
    flags: list[bytes] = []
    redirect = -1
    prefixes: list[bytes] = []
    if state is None:
        flags.append(b"off")
    else:
        redirect = state.redirect
        prefixes = sorted(state.prefixes)
        flags.append(b"on")
        for is_set, name in (
            (state.is_broadcast, b"bcast"),
            (state.is_opt_in, b"optin"),
            (state.is_opt_in and state.is_caching, b"caching-yes"),
            (state.is_opt_out, b"optout"),
            (state.is_opt_out and state.is_caching, b"caching-no"),
            (state.is_no_loop, b"noloop"),
            (state.is_broken, b"broken_redirect"),
        ):
            if is_set:
                flags.append(name)
    return b"".join(
        [
            map_header(3, ctx.resp3),
            bulk(b"flags"),
            set_header(len(flags), ctx.resp3),
            *[bulk(flag) for flag in flags],
            bulk(b"redirect"),
            integer(redirect),
            bulk(b"prefixes"),
            bulk_array(prefixes),
        ]
    )


@connection.command(
    "CLIENT CACHING", arity=3, flags=_FLAGS, since="6.0.0", syntax="mode:(YES | NO)", complexity="O(1)",
)  # fmt: skip
def client_caching(ctx: Context, argv: list[bytes]) -> bytes:
    """Makes the next command an exception: tracked with OPTIN, not tracked with OPTOUT."""
    state = ctx.tracking
    if state is None:
        raise CommandError(CACHING_WITHOUT_TRACKING)
    mode = argv[2].lower()
    if mode == b"yes":
        if not state.is_opt_in:
            raise CommandError(CACHING_YES)
    elif mode == b"no":
        if not state.is_opt_out:
            raise CommandError(CACHING_NO)
    else:
        raise CommandError(SYNTAX)
    state.is_caching = True
    return OK


@connection.command("CLIENT GETREDIR", arity=2, flags=_FLAGS, since="6.0.0", complexity="O(1)")
def client_getredir(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns which client gets this one's invalidation messages: 0 for itself, -1 while tracking is off."""
    state = ctx.tracking
    return integer(-1 if state is None else state.redirect)
