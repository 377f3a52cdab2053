"""Numbers as text, read and printed exactly as Redis does.

Redis is stricter than Python when it reads (no blanks, no `_`, no leading zeros) and prints doubles in the shortest
form of 17 digits, long doubles with up to 17 decimals.
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation, Overflow
from typing import Final

INT64_MAX: Final = (1 << 63) - 1
INT64_MIN: Final = -(1 << 63)

_INTEGER: Final = re.compile(rb"(?:0|-?[1-9][0-9]{0,18})\Z")
_FLOAT: Final = re.compile(
    rb"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|infinity)\Z", re.IGNORECASE
)


def parse_int64(text: bytes) -> int | None:
    """A canonical signed 64-bit integer, or None; what `string2ll` accepts."""
    length = len(text)
    if length == 0 or length > 20 or _INTEGER.match(text) is None:
        return None
    if length < 19:
        return int(text)
    value = int(text)
    return value if INT64_MIN <= value <= INT64_MAX else None
