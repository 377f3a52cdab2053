"""What goes wrong with a configuration: a bad value, a bad file, a refused CONFIG SET or CONFIG REWRITE.

Texts are Redis's. None carries a protocol prefix or a line end; whoever answers a client adds them.
"""

from __future__ import annotations


class InvalidValue(Exception):
    """A directive refused its arguments; `message` says why, without naming the directive."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message: str = message


class ConfigError(Exception):
    """The configuration cannot be loaded, and the server must not start.

    `line_number` counts from 1 and is 0 where no line of a file is at fault; `line` is that line without the
    blanks around it, or the environment variable at fault, or empty. With `banner` false the message stands
    alone, as Redis logs a file that it cannot open.
    """

    def __init__(self, line_number: int, line: str, message: str, banner: bool = True) -> None:
        super().__init__(message)
        self.line_number: int = line_number
        self.line: str = line
        self.message: str = message
        self.banner: bool = banner

    def format(self, version: str) -> str:
        """The text for standard error; `version` is that of the server, such as `7.4.0`."""
        if not self.banner:
            return self.message + "\n"
        text = f"\n*** FATAL CONFIG FILE ERROR (Redis {version}) ***\n"
        if self.line_number > 0:
            text += f"Reading the configuration file, at line {self.line_number}\n>>> '{self.line}'\n"
        elif self.line:
            text += f"Reading the environment\n>>> '{self.line}'\n"
        return text + self.message + "\n"


class ConfigSetError(Exception):
    """CONFIG SET changed nothing; `message` follows `code` and a space in the error reply."""

    def __init__(self, message: bytes, code: bytes = b"ERR") -> None:
        super().__init__(message)
        self.message: bytes = message
        self.code: bytes = code

    def reply_text(self) -> bytes:
        """Code and message as one error text; line breaks in a name the client sent are still in it."""
        return self.code + b" " + self.message


class ConfigRewriteError(Exception):
    """CONFIG REWRITE left the file as it was; `message` follows `ERR ` in the error reply."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message: str = message
