"""What `X HELP` answers: a heading, the lines of the container, and the line about HELP itself."""

from __future__ import annotations

from pyredis.protocol.encode import array_header, simple


def help_reply(container: bytes, lines: tuple[bytes, ...]) -> bytes:
    """An array of status strings; `lines` are those between the heading and HELP, indentation included."""
    heading = container + b" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    items = [heading, *lines, b"HELP", b"    Prints this help."]
    return array_header(len(items)) + b"".join([simple(item) for item in items])
