"""ACL SETUSER under fire: damaged rules, through the whole server, never do more than they are answered with."""

from __future__ import annotations

import random

from tests.differential.gen_acl import COMMANDS, PATTERNS
from tests.support.inprocess import Client, InProcess
from tests.support.wire import decode

ROUNDS = 4000
PIECES = (
    *(
        b"+",
        b"-",
        b"@",
        b"|",
        b"~",
        b"%",
        b"%R~",
        b"%W",
        b"&",
        b"(",
        b")",
        b"<",
        b">",
        b"#",
        b"!",
        b" ",
        b"\0",
    ),
    *(b"\t", b"\r\n", b"'", b'"', b"\\", b"\xff", b"user ", b"a" * 300),
    *b"on off nopass reset resetpass resetkeys resetchannels clearselectors allkeys allchannels".split(),
    *b"allcommands nocommands sanitize-payload all hash dangerous".split(),
    *COMMANDS,
    *PATTERNS,
)


def rule(rng: random.Random) -> bytes:
    text = b"".join(rng.choice(PIECES) for _ in range(rng.randint(1, 4)))
    if rng.random() < 0.3:
        text = b"(" + b" ".join(rule(rng) for _ in range(rng.randint(0, 2))) + b")"
    if rng.random() < 0.1 and text:
        at = rng.randrange(len(text))
        text = text[:at] + bytes((rng.randrange(256),)) + text[at + 1 :]
    return text


def lines(client: Client) -> list[bytes]:
    found = decode(client.command("ACL", "LIST"))
    assert isinstance(found, list)
    return [line for line in found if isinstance(line, bytes)]


def test_damaged_rules() -> None:
    rng = random.Random(20)
    server = InProcess()
    client = server.client()
    before = lines(client)
    accepted = 0
    for _ in range(ROUNDS):
        words = [rule(rng) for _ in range(rng.randint(1, 3))]
        reply = client.command(b"ACL", b"SETUSER", b"u", *words)
        after = lines(client)
        if reply == b"+OK\r\n":
            accepted += 1
            assert len(after) == 2
            # Whatever was accepted is one line, from which the same user can be made again.
            assert not any(byte in after[1] for byte in b"\0\r\n\t")
            assert (
                client.command(b"ACL", b"SETUSER", b"again", b"reset", *after[1].split(b" ")[2:])
                == b"+OK\r\n"
            )
            assert lines(client)[0].removeprefix(b"user again ") == after[1].removeprefix(b"user u ")
            client.command(b"ACL", b"DELUSER", b"again")
            before = after
        else:
            assert reply.startswith(
                (b"-ERR Error in ACL SETUSER modifier '", b"-ERR Unmatched parenthesis")
            ), words
            assert reply.count(b"\r\n") == 1
            assert after == before
        assert after[0].startswith(b"user default on nopass sanitize-payload ~* &* +@all")
    assert accepted > ROUNDS // 50
