"""What is raised when stored data is not what it should be."""

from __future__ import annotations


class MalformedError(ValueError):
    """A packed value that breaks its format: what was expected instead, and at which byte of the value."""

    def __init__(self, expected: str, place: int) -> None:
        super().__init__(f"expected {expected} at byte {place}")
        self.expected: str = expected
        self.place: int = place


class RdbError(Exception):
    """RDB data that is cut short or damaged; `offset` says where, `reason` what was expected there."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(f"{reason} (at offset {offset})")
        self.reason: str = reason
        self.offset: int = offset
