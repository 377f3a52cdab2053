"""Scripts with the replies of a real server: `script_corpus.txt` holds the scripts, `script_corpus.jsonl` the replies.

Every script runs with the key `k1`, which does not exist, and the argument `a1`, in RESP2 and RESP3. Recording them
anew, from the server of `PYREDIS_TEST_REDIS_SERVER` or the PATH:

    python -m tests.differential.script_corpus
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPTS: Final = Path(__file__).with_name("script_corpus.txt")
REPLIES: Final = Path(__file__).with_name("script_corpus.jsonl")
SEPARATOR: Final = b"\n===\n"


def scripts() -> list[bytes]:
    """Every script of the corpus."""
    return [script for script in SCRIPTS.read_bytes().split(SEPARATOR) if script.strip()]


def normalised(reply: bytes) -> bytes:
    """A reply without the addresses of tables and functions."""
    return re.sub(rb"0x[0-9a-f]+", b"0x", reply)


def run_all(command: Callable[..., bytes]) -> list[bytes]:
    """The replies of all scripts, in order, from a fresh server."""
    replies = []
    for script in scripts():
        command("FLUSHALL")
        replies.append(normalised(command("EVAL", script, "1", "k1", "a1")))
    return replies


def recorded(protocol: int) -> list[bytes]:
    """The replies of the real server."""
    lines = REPLIES.read_text(encoding="ascii").splitlines()
    return [json.loads(line)[str(protocol)].encode("latin-1") for line in lines]


def record() -> None:
    """Writes the replies of a real server."""
    from tests.support.servers import RedisServer

    replies = []
    for protocol in (2, 3):
        with RedisServer() as server, server.connect() as client:
            client.command("HELLO", str(protocol))
            replies.append(run_all(client.command))
            server.stop()
    lines = [
        json.dumps({"2": two.decode("latin-1"), "3": three.decode("latin-1")})
        for two, three in zip(*replies, strict=True)
    ]
    REPLIES.write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    record()
