"""Inputs from a seed: noise, requests damaged in every way a network or an attacker knows, and absurd
numbers.

Most inputs are short, because what breaks a parser is seldom long, and a million of them must take minutes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from pyredis.commands import all_specs
from tests.support.inprocess import encode_command

UNSENT: Final = frozenset(
    (
        "SHUTDOWN",
        "SAVE",
        "BGSAVE",
        "BGREWRITEAOF",
        "REPLICAOF",
        "SLAVEOF",
        "FAILOVER",
        "PSYNC",
        "SYNC",
        "CONFIG REWRITE",
        "PFSELFTEST",
    )
)
"""Commands that write files, take their time or end the server by right."""

COUNTS: Final = (
    b"-9223372036854775809", b"-9223372036854775808", b"-2147483649", b"-2", b"-1", b"-0", b"0", b"00", b"1",
    b"01", b"+1", b" 1", b"1 ", b"2", b"7", b"63", b"64", b"65", b"1024", b"16384", b"65536", b"65537",
    b"1048575", b"1048576", b"1048577", b"536870912", b"536870913", b"2147483647", b"2147483648",
    b"4294967295", b"4294967296", b"9223372036854775807", b"9223372036854775808", b"18446744073709551616",
    b"9" * 40, b"1e9", b"nan", b"inf", b"-inf", b"1.5", b"0x10", b"", b"a", b"\x00", b"1\x00", b"\xff",
)  # fmt: skip
WORDS: Final = (
    b"k1", b"k2", b"k3", b"k4", b"k5", b"", b"*", b"[", b"[a-", b"\\", b"a*b*c*d*e*", b"?" * 30,
    b"x" * 17_000, b"NX", b"XX", b"GET", b"EX", b"PX", b"EXAT", b"KEEPTTL", b"COUNT", b"MATCH", b"TYPE",
    b"LIMIT", b"WITHSCORES", b"BY", b"STORE", b"-", b"+", b"(1", b"$", b">", b"~", b"=", b"HELP", b"ON",
    b"OFF", b"SKIP", b"IDX", b"LEN", b"MINMATCHLEN", b"PERSIST", b"REPLACE", b"ABSTTL", b"DB", b"\r\n",
    b"\r\n$5\r\nhello\r\n", b"\x00" * 8, b"\xf0\x9f\x98\x80", b"\xff\xfe", b"0-0", b"5-*", b"127.0.0.1:6379",
)  # fmt: skip
GRAMMAR: Final = (
    b"*", b"$", b":", b"+", b"-", b"_", b",", b"#", b"!", b"=", b"(", b"~", b"%", b"|", b">", b"\r\n", b"\r",
    b"\n", b"\0", b"0", b"1", b"2", b"3", b"9", b"-1", b"$4\r\nPING\r\n", b"*1\r\n$4\r\nPING\r\n",
    b"PING\r\n", b"*1\r\n", b"$-1\r\n", b"$0\r\n\r\n", b"txt:", b'"', b"'", b"\\x", b"\\", b" ", b"\t",
    b"#t\r\n", b"GET k1\r\n",
)  # fmt: skip

_MAX_PAIRS: Final = 3


class InputMaker:
    """An endless supply; equal seeds give equal inputs for equal command tables."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.names: list[tuple[list[bytes], int]] = [
            (spec.name.encode().split(b" "), spec.arity) for spec in all_specs() if spec.name not in UNSENT
        ]
        self.words: tuple[bytes, ...] = WORDS + COUNTS
        self.makers: tuple[Callable[[], bytes], ...] = (
            self.request, self.request, self.pipeline, self.damaged, self.damaged, self.damaged, self.noise,
            self.lengths, self.nested, self.soup, self.inline, self.transaction,
        )  # fmt: skip

    def next_input(self) -> bytes:
        """One input, from a byte to a few hundred; rarely some ten thousand."""
        return self.rng.choice(self.makers)()

    def cut(self, data: bytes) -> list[bytes]:
        """The input as it arrives: mostly whole, sometimes in two or three pieces, seldom byte by byte."""
        chance = self.rng.random()
        if chance < 0.7 or len(data) < 2:
            return [data]
        if chance > 0.98 and len(data) < 300:
            return [data[i : i + 1] for i in range(len(data))]
        first = self.rng.randrange(1, len(data))
        second = self.rng.randrange(first, len(data))
        return [data[:first], data[first:second], data[second:]]

    def argv(self) -> list[bytes]:
        """A command with about as many arguments as it takes, any of which may be nonsense."""
        rng = self.rng
        name, arity = rng.choice(self.names)
        count = abs(arity) - len(name)
        if arity < 0:
            count += int(rng.random() * 5)
        elif rng.random() < 0.1:
            count += rng.choice((-1, 1))
        argv = list(name)
        for _ in range(count):
            chance = rng.random()
            if chance < 0.4:
                argv.append(b"k%d" % rng.randrange(1, 4))
            elif chance < 0.65:
                argv.append(rng.choice(COUNTS))
            elif chance < 0.97:
                argv.append(rng.choice(self.words))
            else:
                argv.append(rng.randbytes(rng.randrange(40)))
        return argv

    def request(self) -> bytes:
        """One well-formed request."""
        return encode_command(*self.argv())

    def pipeline(self) -> bytes:
        """Several well-formed requests."""
        return b"".join([encode_command(*self.argv()) for _ in range(self.rng.randrange(2, 6))])

    def transaction(self) -> bytes:
        """Requests inside MULTI, which may lack its end."""
        end = self.rng.choice((b"*1\r\n$4\r\nEXEC\r\n", b"*1\r\n$7\r\nDISCARD\r\n", b""))
        return b"*1\r\n$5\r\nMULTI\r\n" + self.pipeline() + end

    def damaged(self) -> bytes:
        """A well-formed request with a few bits, bytes or chunks flipped, lost, doubled or added."""
        rng = self.rng
        data = bytearray(self.request() if rng.random() < 0.7 else self.pipeline())
        for _ in range(rng.randrange(1, 4)):
            if not data:
                break
            at = rng.randrange(len(data))
            end = min(len(data), at + rng.randrange(1, 9))
            kind = rng.randrange(7)
            if kind == 0:
                data[at] ^= 1 << rng.randrange(8)
            elif kind == 1:
                del data[at:end]
            elif kind == 2:
                data[at:at] = data[at:end]
            elif kind == 3:
                data[at:at] = rng.choice(GRAMMAR)
            elif kind == 4:
                del data[at:]
            elif kind == 5:
                data[at:end] = rng.choice(COUNTS)
            else:
                data[at:end] = rng.randbytes(rng.randrange(8))
        return bytes(data)

    def noise(self) -> bytes:
        """Random bytes."""
        return self.rng.randbytes(self.rng.randrange(1, 60))

    def lengths(self) -> bytes:
        """Headers that announce absurd lengths, with some of what they announce."""
        rng = self.rng
        parts = [b"*" + rng.choice(COUNTS) + b"\r\n"]
        for _ in range(rng.randrange(4)):
            parts += [b"$", rng.choice(COUNTS), b"\r\n", rng.choice((b"", b"PING", b"x" * 20)), b"\r\n"]
        return b"".join(parts)

    def nested(self) -> bytes:
        """Aggregates within aggregates."""
        rng = self.rng
        header = rng.choice((b"*1\r\n", b"*2\r\n", b"*9\r\n", b"~1\r\n", b"%1\r\n", b">2\r\n", b"|1\r\n"))
        return (
            rng.choice((b"", b"*1\r\n", b"*2\r\n$3\r\nGET\r\n"))
            + header * rng.choice((1, 3, 50, 2000))
            + self.request()
        )

    def soup(self) -> bytes:
        """Pieces of the grammar in any order."""
        return b"".join(self.rng.choices(GRAMMAR, k=self.rng.randrange(1, 14)))

    def inline(self) -> bytes:
        """Inline commands with quotes, escapes, NULs, and now and then a line over the limit."""
        rng = self.rng
        if rng.random() < 0.005:
            return rng.choice((b"x", b"PING ", b"'", b"\0")) * rng.choice((65_535, 65_536, 65_537, 70_000))
        words = [rng.choice(self.names)[0][0]] if rng.random() < 0.7 else []
        words += [rng.choice(WORDS[:10]) for _ in range(rng.randrange(4))]
        quotes = (b"", b"", b'"', b"'", b'"\\x41', b"'\\'", b"\0")
        line = b" ".join([rng.choice(quotes) + word + rng.choice(quotes) for word in words])
        return line + rng.choice((b"\r\n", b"\n", b"", b"\r", b"\n\n\n", b" \r\n"))
