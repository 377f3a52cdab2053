"""What a function that a script calls raises: an error for the script, which may catch it."""

from __future__ import annotations


class ScriptError(Exception):
    """An error with the text of a reply, `ERR ...`; `is_counted` when the statistics know of it already."""

    def __init__(self, message: bytes, is_counted: bool = False) -> None:
        super().__init__(message)
        self.message: bytes = message
        self.is_counted: bool = is_counted
