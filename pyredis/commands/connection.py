"""Connection commands: PING ECHO AUTH HELLO QUIT RESET."""

from __future__ import annotations

from typing import Final

from pyredis import REDIS_VERSION
from pyredis.acl.refusals import refuse_login
from pyredis.acl.users import DEFAULT_USER
from pyredis.commands.arguments import c_text, integer_argument
from pyredis.commands.registry import CommandGroup
from pyredis.engine.command import ALLOW_BUSY, FAST, LOADING, NO_AUTH, NOSCRIPT, STALE
from pyredis.engine.context import GATE_SUBSCRIBED, Context
from pyredis.errors import INVALID_CLIENT_NAME, NO_PROTO, SYNTAX, WRONG_PASS, CommandError, wrong_arity
from pyredis.protocol.encode import EMPTY_ARRAY, OK, PONG, array, bulk, integer, map_header

connection: Final = CommandGroup("connection", acl=("connection",))

PROTOCOL_NOT_AN_INTEGER: Final = b"ERR Protocol version is not an integer or out of range"
HELLO_UNAUTHENTICATED: Final = (
    b"NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH "
    b"<user> <pass> option can be used to authenticate the client and select the RESP protocol version at "
    b"the same time"
)
NO_PASSWORD_CONFIGURED: Final = (
    b"ERR AUTH <password> called without any password configured for the default user. Are you sure your "
    b"configuration is correct?"
)
_RESET: Final = b"+RESET\r\n"
_PONG: Final = bulk(b"pong")


@connection.command(
    "PING", arity=-1, flags=FAST, since="1.0.0", syntax="[message]", complexity="O(1)",
    tips=("request_policy:all_shards", "response_policy:all_succeeded"),
)  # fmt: skip
def ping(ctx: Context, argv: list[bytes]) -> bytes:
    """Answers PONG, or the message given; to a RESP2 subscriber in the form of a message."""
    if len(argv) == 1 and ctx.gates & GATE_SUBSCRIBED == 0:
        return PONG
    if len(argv) > 2:
        raise wrong_arity(b"ping")
    message = bulk(argv[1] if len(argv) == 2 else b"")
    return array([_PONG, message]) if ctx.gates & GATE_SUBSCRIBED else message


@connection.command(
    "ECHO", arity=2, flags=FAST | LOADING | STALE, since="1.0.0", syntax="message", complexity="O(1)",
)  # fmt: skip
def echo(ctx: Context, argv: list[bytes]) -> bytes:
    """Answers with the message given."""
    return bulk(argv[1])


@connection.command(
    "AUTH", arity=-2, flags=NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY, since="1.0.0",
    syntax="[username @6.0.0] password",
    complexity="O(N) with N passwords defined for the user",
    history=(("6.0.0", "Added ACL style (username and password)."),),
)  # fmt: skip
def auth(ctx: Context, argv: list[bytes]) -> bytes:
    """Authenticates the connection with a password, or as a user with a password."""
    if len(argv) > 3:
        raise CommandError(SYNTAX)
    if len(argv) == 2 and ctx.engine.access.users.default.has_no_password:
        raise CommandError(NO_PASSWORD_CONFIGURED)
    authenticate(ctx, argv, argv[1] if len(argv) == 3 else DEFAULT_USER, argv[-1])
    return OK


@connection.command(
    "HELLO", arity=-1, flags=NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY, since="6.0.0",
    syntax="[arguments:(protover:integer [AUTH (username password)] [SETNAME clientname])]",
    complexity="O(1)",
    history=(
        (
            "6.2.0",
            "`protover` made optional; when called without arguments the command reports the current "
            "connection's context.",
        ),
    ),
)  # fmt: skip
def hello(ctx: Context, argv: list[bytes]) -> bytes:
    """Chooses the protocol version, and can authenticate and name the connection in the same step."""
    version = 3 if ctx.resp3 else 2
    if len(argv) > 1:
        version = integer_argument(argv[1], PROTOCOL_NOT_AN_INTEGER)
        if not 2 <= version <= 3:
            raise CommandError(NO_PROTO)
    options = parse_hello_options(argv)
    if options.user is not None:
        authenticate(ctx, argv, options.user, options.password)
    if not ctx.authenticated:
        raise CommandError(HELLO_UNAUTHENTICATED)
    if options.name is not None:
        ctx.name = options.name
    ctx.set_protocol(version)
    fields: list[bytes] = [
        bulk(b"server"), bulk(b"redis"),
        bulk(b"version"), bulk(REDIS_VERSION.encode()),
        bulk(b"proto"), integer(version),
        bulk(b"id"), integer(ctx.client_id),
        bulk(b"mode"), bulk(b"standalone"),
        bulk(b"role"), bulk(b"master"),
        bulk(b"modules"), EMPTY_ARRAY,
    ]  # fmt: skip
    return map_header(len(fields) // 2, ctx.resp3) + b"".join(fields)


class HelloOptions:
    """What HELLO was asked for besides the protocol; None where it was not."""

    def __init__(self) -> None:
        self.user: bytes | None = None
        self.password: bytes = b""
        self.name: bytes | None = None


def parse_hello_options(argv: list[bytes]) -> HelloOptions:
    """Reads AUTH and SETNAME; as since Redis 7.2, one mistake leaves all of them without effect."""
    options = HelloOptions()
    position = 2
    while position < len(argv):
        word = argv[position].upper()
        following = len(argv) - position - 1
        if word == b"AUTH" and following >= 2:
            options.user = argv[position + 1]
            options.password = argv[position + 2]
            position += 3
        elif word == b"SETNAME" and following >= 1:
            options.name = argv[position + 1]
            if not is_printable(options.name):
                raise CommandError(INVALID_CLIENT_NAME)
            position += 2
        else:
            raise CommandError(b"ERR Syntax error in HELLO option '" + c_text(argv[position]) + b"'")
    return options


def is_printable(value: bytes) -> bool:
    """Whether a name can stand in CLIENT LIST: no blanks, nothing outside ASCII; a NUL ends it, as in C."""
    return all(33 <= byte <= 126 for byte in c_text(value))


def authenticate(ctx: Context, argv: list[bytes], name: bytes, password: bytes) -> None:
    """Lets the client in as the user `name`, or raises WRONGPASS and leaves it as it was."""
    user = ctx.engine.access.users.authenticate(name, password)
    if user is None:
        refuse_login(ctx, name, argv)
        raise CommandError(WRONG_PASS)
    ctx.log_in(user)


@connection.command(
    "QUIT", arity=-1, flags=NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY, since="1.0.0",
    complexity="O(1)", deprecated=("7.2.0", "just closing the connection"),
)  # fmt: skip
def quit_(ctx: Context, argv: list[bytes]) -> bytes:
    """Closes the connection, once everything before has been answered."""
    ctx.close(True)
    return OK


@connection.command(
    "RESET", arity=1, flags=NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY, since="6.2.0",
    complexity="O(1)",
)  # fmt: skip
def reset(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the connection to the state in which it was made; only what is known of its library stays."""
    ctx.reset()
    return _RESET
