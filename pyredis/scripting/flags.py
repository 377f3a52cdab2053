"""What a script or function declares about itself: the words behind `flags=` in its first line."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from pyredis.errors import CommandError
from pyredis.protocol.inline import split_args

NO_WRITES: Final = 1
ALLOW_OOM: Final = 2
ALLOW_STALE: Final = 4
NO_CLUSTER: Final = 8
CROSS_SLOTS: Final = 16
COMPATIBLE: Final = 32
"""A script without a first line that declares anything: it is judged by what it does."""

FLAGS: Final[dict[bytes, int]] = {
    b"no-writes": NO_WRITES,
    b"allow-oom": ALLOW_OOM,
    b"allow-stale": ALLOW_STALE,
    b"no-cluster": NO_CLUSTER,
    b"allow-cross-slot-keys": CROSS_SLOTS,
}


def declared_flags(body: bytes) -> tuple[i64, int]:
    """The flags of a script's first line, and the length of that line; raises for one that makes no sense."""
    if not body.startswith(b"#!"):
        return COMPATIBLE, 0
    end = body.split(b"\0", 1)[0].find(b"\n")
    if end < 0:
        raise CommandError(b"ERR Invalid script shebang")
    parts = split_args(body[:end])
    if not parts:
        raise CommandError(b"ERR Invalid engine in script shebang")
    if parts[0] != b"#!lua":
        raise CommandError(b"ERR Unexpected engine in script shebang: " + parts[0])
    flags: i64 = 0
    for part in parts[1:]:
        if not part.startswith(b"flags="):
            raise CommandError(b"ERR Unknown lua shebang option: " + part)
        if part == b"flags=":
            continue
        for name in part[6:].split(b","):
            flag = FLAGS.get(name)
            if flag is None:
                raise CommandError(b"ERR Unexpected flag in script shebang: " + name)
            flags |= flag
    return flags, end
