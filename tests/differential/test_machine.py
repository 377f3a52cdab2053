"""The machine itself: it sees lies of every kind, shrinks them, and excuses only what its tables name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.differential.machine import Machine, align, compare
from tests.differential.normalise import TOLERANCES, VERSION_DIFFERENCES, excluded, full_name, replies_agree
from tests.differential.peers import EnginePeer
from tests.differential.programs import Program, Step, dump_program, load_program

if TYPE_CHECKING:
    from tests.differential.peers import Peer

NOISE: Program = [Step(i % 3, [[b"SET", b"n%d" % i, b"x"], [b"GET", b"n%d" % i]]) for i in range(12)]


class Liar(EnginePeer):
    """Replaces some bytes in what clients receive, and may run other commands than it was asked to."""

    def __init__(self, lies: dict[bytes, bytes], misheard: dict[bytes, bytes] | None = None) -> None:
        super().__init__()
        self.lies = lies
        self.misheard = misheard or {}

    def send(self, index: int, data: bytes) -> None:
        for old, new in self.misheard.items():
            data = data.replace(old, new)
        super().send(index, data)

    def settle(self, expected: Peer | None) -> None:
        super().settle(expected)
        for old, new in self.lies.items():
            self.received = [data.replace(old, new) for data in self.received]


def differences(liar: EnginePeer, program: Program, protocol: int = 2) -> list[str]:
    report = compare(Machine(liar, EnginePeer(), protocol), [program])
    return [finding.difference.what for finding in report.findings.values()]


def test_equal_servers_show_no_difference() -> None:
    assert differences(EnginePeer(), NOISE) == []
    assert differences(EnginePeer(), NOISE, protocol=3) == []


def test_a_wrong_reply_is_found_and_shrunk() -> None:
    program = [
        *NOISE,
        Step(1, [[b"PING"], [b"SET", b"k", b"secret"], [b"PING"]]),
        *NOISE,
        Step(2, [[b"GET", b"k"]]),
        *NOISE,
    ]
    machine = Machine(Liar({b"secret": b"public"}), EnginePeer())
    report = compare(machine, [program])
    (finding,) = report.findings.values()
    assert finding.difference.argv == [b"GET", b"k"]
    assert "public" in finding.difference.ours
    assert "secret" in finding.difference.theirs
    assert finding.program == [Step(0, [[b"SET", b"k", b"secret"]]), Step(0, [[b"GET", b"k"]])]
    assert report.text().startswith("--- 1x get")


def test_a_wrong_value_that_no_reply_shows_is_found() -> None:
    liar = Liar({}, {b"$5\r\nright": b"$5\r\nwrong"})
    assert differences(liar, [*NOISE, Step(0, [[b"SET", b"k", b"right"]])]) == ["state: value"]


def test_a_wrong_deadline_is_found() -> None:
    liar = Liar({}, {b"$4\r\n1000": b"$4\r\n2000"})
    assert differences(liar, [Step(0, [[b"SET", b"k", b"v", b"EX", b"1000"]])]) == ["state: PTTL"]


def test_a_missing_reply_is_found() -> None:
    liar = Liar({b"+PONG\r\n+PONG\r\n": b"+PONG\r\n"})
    assert differences(liar, [Step(0, [[b"PING"], [b"PING"]])]) == ["number of replies after ping"]


def test_bytes_that_are_not_resp_are_found() -> None:
    assert differences(Liar({b"+PONG": b"?PONG"}), [Step(0, [[b"PING"]])]) == ["invalid RESP"]


def test_a_wrong_reply_inside_exec_is_found_by_its_command() -> None:
    liar = Liar({b":1000\r\n": b":7\r\n", b"$5\r\nright": b"$5\r\nwrong"})
    program = [
        Step(0, [[b"SET", b"k", b"right", b"EX", b"1000"], [b"MULTI"], [b"TTL", b"k"]]),
        Step(0, [[b"PING"], [b"EXEC"]]),
    ]
    assert differences(liar, program) == ["ttl"]


def test_a_closed_connection_is_found() -> None:
    liar = Liar({}, {b"$4\r\nPING": b"$4\r\nQUIT"})
    found = differences(liar, [Step(0, [[b"PING"]])])
    assert found == ["ping"] or found == ["connection after ping"]


def test_a_difference_that_comes_and_goes_is_called_unstable() -> None:
    class Moody(Liar):
        runs = 0

        def open(self, count: int, protocol: int) -> None:
            super().open(count, protocol)
            self.runs += 1
            self.lies = {b"+PONG": b"+GONG"} if self.runs == 1 else {}

    report = compare(Machine(Moody({}), EnginePeer()), [[Step(0, [[b"PING"]])]])
    assert report.differences == 0
    assert report.unstable.total() == 1


def test_programs_survive_being_printed() -> None:
    program = [Step(2, [[b"SET", b"\x00\xff\r\n", b""], [b"PING"]]), Step(0, [[b"GET", b"k"]])]
    assert load_program(dump_program(program)) == program


def test_replies_are_matched_with_requests_past_messages() -> None:
    message = b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n"
    confirmation = b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"
    assert align([[b"PING"], [b"GET", b"k"]], [b"+PONG\r\n", message, b"$-1\r\n"]) == [
        [b"PING"],
        None,
        [b"GET", b"k"],
    ]
    assert align([[b"SUBSCRIBE", b"c"], [b"PING"]], [confirmation, b"+PONG\r\n"]) == [None, [b"PING"]]
    assert align([[b"SUBSCRIBE"], [b"PING"]], [b"-ERR\r\n", b"+PONG\r\n"]) == [[b"SUBSCRIBE"], [b"PING"]]
    assert align([[b"PING"]], [b"+PONG\r\n", b"+PONG\r\n"]) == [None, None]


@pytest.mark.parametrize(
    ("argv", "ours", "theirs", "agree"),
    [
        ([b"TTL", b"k"], b":10\r\n", b":9\r\n", True),
        ([b"TTL", b"k"], b":10\r\n", b":8\r\n", False),
        ([b"ttl", b"k"], b":-1\r\n", b":-2\r\n", False),
        ([b"ttl", b"k"], b":-1\r\n", b":0\r\n", False),
        ([b"PTTL", b"k"], b":1000\r\n", b":-2\r\n", False),
        ([b"KEYS", b"*"], b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", b"*2\r\n$1\r\nb\r\n$1\r\na\r\n", True),
        ([b"KEYS", b"*"], b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", b"*2\r\n$1\r\na\r\n$1\r\na\r\n", False),
        ([b"RANDOMKEY"], b"$1\r\na\r\n", b"$1\r\nb\r\n", True),
        ([b"RANDOMKEY"], b"$1\r\na\r\n", b"$-1\r\n", False),
        ([b"TIME"], b"-ERR a\r\n", b"-ERR b\r\n", False),
        ([b"GET", b"k"], b"$1\r\na\r\n", b"$1\r\nb\r\n", False),
        (None, b"+a\r\n", b"+b\r\n", False),
    ],
)  # fmt: skip
def test_what_is_excused(argv: list[bytes] | None, ours: bytes, theirs: bytes, agree: bool) -> None:
    assert replies_agree(argv, ours, theirs) is agree


def test_every_entry_of_the_tables_says_why() -> None:
    assert all(reason for _, reason in TOLERANCES.values())
    assert all(difference.reason for difference in VERSION_DIFFERENCES)
    assert full_name([b"Config", b"GET", b"x"]) == b"config|get"
    assert excluded([b"sHutDown"])
    assert excluded([b"CONFIG", b"SET", b"dir", b"/"])
    assert excluded([b"CONFIG", b"SET", b"slowlog-max-len", b"0"]) is None
    assert excluded([b"GET", b"k"]) is None
