"""Every error text that a client can match on, once.

A handler raises `CommandError` with the text that follows the `-` of the reply; dispatch encodes it. Texts are
Redis's to the letter, because clients compare them (`WRONGTYPE`, `EXECABORT`, `NOAUTH`, ...).
"""

from __future__ import annotations

from typing import Final


class CommandError(Exception):
    """An error reply; `message` is the bare text, such as `b"ERR syntax error"`."""

    def __init__(self, message: bytes) -> None:
        super().__init__(message)
        self.message: bytes = message

    def reply(self) -> bytes:
        """The encoded error reply."""
        return error_reply(self.message)


def error_reply(message: bytes) -> bytes:
    """Encodes an error; line breaks become spaces, as they would end the reply early."""
    if b"\n" in message or b"\r" in message:
        message = message.replace(b"\r", b" ").replace(b"\n", b" ")
    return b"-" + message + b"\r\n"


WRONG_TYPE: Final = b"WRONGTYPE Operation against a key holding the wrong kind of value"
SYNTAX: Final = b"ERR syntax error"
NOT_AN_INTEGER: Final = b"ERR value is not an integer or out of range"
NOT_AN_INT: Final = b"ERR value is out of range, value must between -2147483648 and 2147483647"
NOT_A_FLOAT: Final = b"ERR value is not a valid float"
NO_SUCH_KEY: Final = b"ERR no such key"
OVERFLOW: Final = b"ERR increment or decrement would overflow"
STRING_TOO_LONG: Final = b"ERR string exceeds maximum allowed size (proto-max-bulk-len)"
OUT_OF_RANGE: Final = b"ERR index out of range"
OFFSET_OUT_OF_RANGE: Final = b"ERR offset is out of range"
DB_INDEX_OUT_OF_RANGE: Final = b"ERR DB index is out of range"
SAME_OBJECT: Final = b"ERR source and destination objects are the same"
NO_AUTH: Final = b"NOAUTH Authentication required."
WRONG_PASS: Final = b"WRONGPASS invalid username-password pair or user is disabled."
NO_PROTO: Final = b"NOPROTO unsupported protocol version"
INVALID_CLIENT_NAME: Final = b"ERR Client names cannot contain spaces, newlines or special characters."
EXEC_ABORT: Final = b"EXECABORT Transaction discarded because of previous errors."
NESTED_MULTI: Final = b"ERR MULTI calls can not be nested"
WATCH_IN_MULTI: Final = b"ERR WATCH inside MULTI is not allowed"
LOADING: Final = b"LOADING Redis is loading the dataset in memory"
MISCONF_SNAPSHOT: Final = (
    b"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. "
    b"Commands that may modify the data set are disabled, because this instance is configured to report errors "
    b"during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs "
    b"for details about the RDB error."
)
OUT_OF_MEMORY: Final = b"OOM command not allowed when used memory > 'maxmemory'."
MISCONF_LOG: Final = b"MISCONF Errors writing to the AOF file: "
TIMEOUT_NEGATIVE: Final = b"ERR timeout is negative"
TIMEOUT_NOT_A_FLOAT: Final = b"ERR timeout is not a float or out of range"
TIMEOUT_OUT_OF_RANGE: Final = b"ERR timeout is out of range"


def wrong_arity(name: bytes) -> CommandError:
    """The error for a wrong number of arguments; `name` is the full lowercase name, `config|get`."""
    return CommandError(b"ERR wrong number of arguments for '" + name + b"' command")


def wrong_subcommand(argv: list[bytes]) -> CommandError:
    """The error for a subcommand with arguments that it does not know, where its arity leaves them possible."""
    text = argv[1][:128].split(b"\0")[0]
    container = argv[0].upper()
    return CommandError(
        b"ERR unknown subcommand or wrong number of arguments for '"
        + text
        + b"'. Try "
        + container
        + b" HELP."
    )


def invalid_expire(name: bytes) -> CommandError:
    """The error for an expire time that is zero, negative or overflows."""
    return CommandError(b"ERR invalid expire time in '" + name + b"' command")
