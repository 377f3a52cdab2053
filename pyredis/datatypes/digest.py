"""The digest of a data set that DEBUG DIGEST tells: equal data gives equal digests, in whatever order it is
met.

Twenty bytes take in SHA-1 sums in two ways: `add` does not care about order (members of a set, fields of a
hash, keys of a database), `mix` does (elements of a list, a field and its value). What goes in, and how, has
to be as in Redis's debug.c, for the digests of both servers to be comparable.
"""

from __future__ import annotations

from hashlib import sha1
from typing import Final

_SIZE: Final = 20


class Digest:
    """A digest under construction, at first all zero."""

    def __init__(self) -> None:
        self.state: int = 0

    def add(self, data: bytes) -> None:
        """Takes in data whose order among other data added does not matter; the same twice cancels out."""
        self.state ^= int.from_bytes(sha1(data).digest(), "big")

    def mix(self, data: bytes) -> None:
        """Takes in data whose order matters."""
        self.add(data)
        self.state = int.from_bytes(sha1(self.digest()).digest(), "big")

    def digest(self) -> bytes:
        """The twenty bytes."""
        return self.state.to_bytes(_SIZE, "big")

    def hex(self) -> bytes:
        """The forty digits that the command answers."""
        return self.digest().hex().encode()
