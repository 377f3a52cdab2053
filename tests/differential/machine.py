"""Runs programs on two servers, compares everything, and shrinks a program that shows a difference.

The common case is fast: both servers have sent the same bytes, and nothing is taken apart. Only where they
differ are replies split, matched with the commands that they answer (those that EXEC ran, too) and compared
as `normalise` allows.

Deadlines make a few programs race: a key may be gone on one server and there for another millisecond on the
other. So a difference counts when the program shows it again; one that does not is reported as unstable.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from tests.differential import state
from tests.differential.normalise import (
    CONFIG_SENT,
    COUNTED_OTHERWISE,
    DIVERGING,
    MILLISECONDS,
    Argv,
    full_name,
    is_excused,
    replies_agree,
)
from tests.differential.normalise_acl import same_refusal
from tests.differential.peers import EnginePeer, Peer
from tests.differential.programs import CLIENTS, Program, Step, dump_program
from tests.support.inprocess import encode_command
from tests.support.wire import WireError, decode, parse_replies

REPEATS: Final = 2
QUEUED: Final = b"+QUEUED\r\n"
SHRINK_RUNS: Final = 400
PATIENCE: Final = 0.3
"""Seconds to wait for what only one of the servers has sent."""
SHRINKING_PATIENCE: Final = 0.02

_TOUCHING_USERS: Final = frozenset((b"acl|setuser", b"auth", b"hello"))

_FRAME: Final = re.compile(rb">|\*[34]\r\n\$\d+\r\n(?:[ps]?message|[ps]?(?:un)?subscribe)\r\n")
_MESSAGE: Final = re.compile(rb"[*>]\d\r\n\$\d+\r\n[ps]?message\r\n")
_UNORDERED: Final = re.compile(rb"[*>]\d\r\n\$\d+\r\n(pmessage|[ps]?unsubscribe)\r\n")


class Difference(NamedTuple):
    """One disagreement; `what` names the command or the part of the state."""

    what: str
    argv: Argv | None
    ours: str
    theirs: str

    @property
    def may_be_late(self) -> bool:
        """Whether some bytes or the end of a connection may only not have arrived yet."""
        return self.what.startswith(("number of replies", "connection", "invalid RESP"))

    @property
    def signature(self) -> tuple[str, str, str]:
        """What is the same for differences that probably have one cause."""
        return (self.what, _sketch(self.ours), _sketch(self.theirs))

    def describe(self) -> str:
        """The difference for a reader."""
        request = "" if self.argv is None else f"  request {self.argv!r}\n"
        return f"{self.what}\n{request}  ours    {self.ours}\n  theirs  {self.theirs}"


def _sketch(text: str) -> str:
    return re.sub(r"[-+]?\d+(\.\d+)?|'[^']*'", "#", text)[:70]


class Exchange(NamedTuple):
    """What one client sent in a step, and all it received then."""

    requests: list[Argv]
    received: bytes


class Conversation:
    """What one client has sent and received so far, by which later replies are understood."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def compare(self, requests: list[Argv], mine: bytes, theirs: bytes) -> Difference | None:
        """The first difference between what two servers answered to the same requests."""
        if self._is_blurred(requests) and self._have_same_lines(requests, mine, theirs):
            return None
        try:
            our_replies, their_replies = unordered_frames(mine), unordered_frames(theirs)
        except WireError as error:
            if self._is_blurred(requests):
                return None
            return Difference("invalid RESP", None, f"{mine!r} {error}", repr(theirs))
        is_told = any(full_name(argv) in (b"publish", b"spublish", b"exec") for argv in requests)
        if is_told or b"\r\n__key" in theirs:
            # Messages to the own connection stand behind the reply since Redis 7.2, before it in 7.0.
            our_messages, our_replies = _apart(our_replies)
            their_messages, their_replies = _apart(their_replies)
            if not is_told:  # keyspace notifications, of several commands at once
                our_messages, their_messages = sorted(our_messages), sorted(their_messages)
            if our_messages != their_messages:
                return Difference("message", None, repr(our_messages), repr(their_messages))
        asked = align(requests, their_replies)
        for position, (one, two) in enumerate(zip(our_replies, their_replies, strict=False)):
            if one == two:
                continue
            argv = asked[position]
            queue: list[Argv] = []
            if argv is None or full_name(argv) == b"exec":
                queue = self._queued(asked[:position], their_replies[:position])
            if found := _compare_one(argv, requests, queue, one, two):
                return found
            if (one == QUEUED) != (two == QUEUED):
                return None  # excused, but the transaction fails on one server only
        if len(our_replies) == len(their_replies):
            return None
        position = min(len(our_replies), len(their_replies))
        rest = repr(our_replies[position:]), repr(their_replies[position:])
        argv = (asked[position] if position < len(asked) else None) or (requests[-1] if requests else None)
        return Difference(f"number of replies after {_name(argv)}", argv, *rest)

    def recent(self, requests: list[Argv]) -> list[Argv]:
        """The requests of this packet and of the last few."""
        return [argv for exchange in self.exchanges[-10:] for argv in exchange.requests] + requests

    def _is_blurred(self, requests: list[Argv]) -> bool:
        """Whether a transaction ends that may hold commands which answer with messages or not at all.

        The array of EXEC then has more or fewer elements than it announces, from Redis as from us, and a
        message to the own connection stands where Redis 7.2 moved it, behind the reply.
        """
        if not any(full_name(argv) == b"exec" for argv in requests):
            return False
        names = [full_name(argv) for argv in self.recent(requests)]
        return any(
            name.endswith(b"subscribe") or name in (b"client|reply", b"debug|protocol") for name in names
        )

    def _have_same_lines(self, requests: list[Argv], mine: bytes, theirs: bytes) -> bool:
        """Whether two streams consist of the same lines in any order, or of lines that may differ."""
        ours, others = mine.split(b"\r\n"), theirs.split(b"\r\n")
        if sorted(ours) == sorted(others):
            return True
        recent = self.recent(requests)
        if any(is_excused(argv) for argv in recent):
            return True  # its lines cannot be told from the others
        return len(ours) == len(others) and all(
            one == two or any(replies_agree(argv, one + b"\r\n", two + b"\r\n") for argv in recent)
            for one, two in zip(ours, others, strict=True)
        )

    def _queued(self, asked: list[Argv | None], replies: list[bytes]) -> list[Argv]:
        """The commands that EXEC runs after these replies, which the current packet has brought so far."""
        answered: list[tuple[Argv | None, bytes]] = []
        for exchange in self.exchanges:
            try:
                received = parse_replies(exchange.received)
            except WireError:
                continue  # CLIENT REPLY inside MULTI makes Redis itself send arrays that lack an element
            answered += zip(align(exchange.requests, received), received, strict=True)
        answered += zip(asked, replies, strict=True)
        queue: list[Argv] = []
        for argv, reply in answered:
            if argv is None or reply.startswith(b"-"):
                continue
            if argv[0].lower() in (b"multi", b"exec", b"discard", b"reset"):
                queue = []
            elif reply == b"+QUEUED\r\n":
                queue.append(argv)
        return queue


def _compare_one(
    argv: Argv | None, requests: list[Argv], queue: list[Argv], one: bytes, two: bytes
) -> Difference | None:
    """Compares two replies to a command, or to any of the packet's where it cannot be told to which."""
    if argv is not None:
        if full_name(argv) == b"exec" and not same_refusal(one, two):
            return _compare_exec(queue, one, two)
        return None if replies_agree(argv, one, two) else Difference(_name(argv), argv, repr(one), repr(two))
    if not any(replies_agree(other, one, two) for other in requests + queue):
        sent = b" ".join(full_name(other) for other in requests).decode("latin-1")
        return Difference(f"message, or reply to one of: {sent}", None, repr(one), repr(two))
    return None


def _logged_in_otherwise(requests: list[Argv], mine: bytes, theirs: bytes) -> bool:
    """Whether a HELLO may have changed the user or protocol of one server only.

    Since 7.2 all its options are read before it logs in, and names are looked at up to a NUL.
    """
    hellos = [argv for argv in requests if full_name(argv) == b"hello"]
    if hellos and mine.count(_BAD_NAME) != theirs.count(_BAD_NAME):
        return True
    is_wrong = b"-ERR Syntax error in HELLO" in theirs
    # A user and a password behind AUTH, and something else behind them.
    return is_wrong and any(word.upper() == b"AUTH" for argv in hellos for word in argv[:-3])


_BAD_NAME: Final = b"-ERR Client names cannot contain"


class Machine:
    """Two peers and the protocol that their clients speak."""

    def __init__(self, ours: Peer, oracle: Peer, protocol: int = 2) -> None:
        self.ours = ours
        self.oracle = oracle
        self.protocol = protocol
        self.commands_run = 0
        self.patience = PATIENCE
        self.databases = state.databases(oracle)
        self._defaults: list[Argv] = []
        for name in sorted(CONFIG_SENT):
            reply = decode(oracle.control(b"CONFIG", b"GET", name))
            if isinstance(reply, list) and len(reply) == 2 and isinstance(reply[1], bytes):
                self._defaults.append([b"CONFIG", b"SET", name, reply[1]])
        self._is_configured = False
        # Whether users may have been made, or logins refused.
        self._has_users = True
        # False once an error was excused that the other server did not give, as it counts as failed there only,
        # and after commands that the versions count otherwise.
        self._are_counters_alike = True
        # True once the servers went different ways at random.
        self._have_parted = False
        self._conversations: list[Conversation] = []

    def run(self, program: Program) -> Difference | None:
        """Runs a program on two empty servers and returns the first difference."""
        self._reset()
        for step in program:
            if found := self._step(step):
                return found
            if self._have_parted:
                return None
        return self._final(program)

    def _reset(self) -> None:
        setup: list[Argv] = [[b"FLUSHALL"], [b"FUNCTION", b"FLUSH"], [b"SCRIPT", b"FLUSH"]]
        if self._is_configured:
            setup += self._defaults
            self._is_configured = False
        for peer in (self.ours, self.oracle):
            if self._has_users:
                forget_users(peer)
            peer.control_many(setup)
            peer.open(CLIENTS, self.protocol)
            peer.control(b"CONFIG", b"RESETSTAT")
        self._has_users = False
        self._are_counters_alike = True
        self._have_parted = False
        self._conversations = [Conversation() for _ in range(CLIENTS)]

    def restore(self) -> None:
        """Gives the servers, which others may use after this, their directives back."""
        if self._is_configured:
            for peer in (self.ours, self.oracle):
                peer.control_many(self._defaults)
            self._is_configured = False

    def _step(self, step: Step) -> Difference | None:
        ours, oracle = self.ours, self.oracle
        if ours.closed[step.client]:
            return None
        ours.clear()
        oracle.clear()
        data = b"".join([encode_command(*argv) for argv in step.requests])
        self.commands_run += len(step.requests)
        if not self._is_configured:
            self._is_configured = any(full_name(argv) == b"config|set" for argv in step.requests)
        if not self._has_users:
            self._has_users = any(full_name(argv) in _TOUCHING_USERS for argv in step.requests)
        oracle.send(step.client, data)
        ours.send(step.client, data)
        ours.settle(None)
        oracle.settle(ours)
        if any(full_name(argv) in COUNTED_OTHERWISE for argv in step.requests):
            self._are_counters_alike = False
            self._look_up_as_before(step)
        found = None
        if not ours.equals(oracle):
            found = self._compare(step)
            if found is not None and found.may_be_late:
                oracle.settle_late(ours, self.patience)
                ours.settle_late(oracle, self.patience)
                found = self._compare(step)
            streams = (*ours.received, *oracle.received)
            recent = self._conversations[step.client].recent(step.requests)
            self._have_parted = any(full_name(argv) in DIVERGING for argv in recent)
            # A command that only one of the versions knows, or with other arguments, fails its transaction there.
            self._have_parted |= any(
                one.count(b"+QUEUED\r\n") != two.count(b"+QUEUED\r\n")
                for one, two in zip(ours.received, oracle.received, strict=True)
            )
            self._are_counters_alike &= not any(data.startswith(b"-") or b"\r\n-" in data for data in streams)
        received = bytes(ours.received[step.client])
        self._have_parted |= _logged_in_otherwise(
            step.requests, received, bytes(oracle.received[step.client])
        )
        self._conversations[step.client].exchanges.append(Exchange(step.requests, received))
        return found

    def _look_up_as_before(self, step: Step) -> None:
        """Removes the keys due that only the oracle has looked up, which then did not mind wrong arguments."""
        if isinstance(self.ours, EnginePeer) and not self.ours.equals(self.oracle):
            for argv in step.requests:
                if full_name(argv) in COUNTED_OTHERWISE and len(argv) > 1:
                    self.ours.meet(argv[1])

    def _compare(self, step: Step) -> Difference | None:
        for client in range(CLIENTS):
            mine, theirs = bytes(self.ours.received[client]), bytes(self.oracle.received[client])
            requests = step.requests if client == step.client else []
            if mine != theirs and (found := self._conversations[client].compare(requests, mine, theirs)):
                return found
            if self.ours.closed[client] != self.oracle.closed[client]:
                argv = step.requests[-1]
                who = "the sender" if client == step.client else "another client"
                names = (
                    " closed" if self.ours.closed[client] else " open",
                    " closed" if self.oracle.closed[client] else " open",
                )
                return Difference(f"connection after {_name(argv)}", argv, who + names[0], who + names[1])
        return None

    def _final(self, program: Program) -> Difference | None:
        """Compares what the servers hold once nothing runs any more."""
        if self._are_counters_alike and (found := self._compare_counters()):
            return found
        mine, theirs = state.snapshot(self.ours, self.databases), state.snapshot(self.oracle, self.databases)
        if text := state.difference(mine, theirs):
            name = re.sub(r"^key \S+ \S+ (\w+).*", r"state: \1", text, flags=re.DOTALL)
            return Difference(name, None, text, "(after the program)")
        if any(0 <= key.pttl <= MILLISECONDS for key in (*mine.values(), *theirs.values())):
            return None
        digests = state.digest(self.ours), state.digest(self.oracle)
        if digests[0] is not None and digests[0] != digests[1] and mine == theirs:
            return Difference("DEBUG DIGEST", None, repr(digests[0]), repr(digests[1]))
        return None

    def _compare_counters(self) -> Difference | None:
        mine, theirs = state.counters(self.ours), state.counters(self.oracle)
        if mine is None or theirs is None:
            return None
        text = state.counters_difference(mine, theirs)
        return Difference("counter " + text.split(":")[0], None, text, "") if text else None


def forget_users(peer: Peer) -> None:
    """Leaves only the user default, and no word of refusals."""
    names = decode(peer.control(b"ACL", b"USERS"))
    assert isinstance(names, list)
    others = [name for name in names if isinstance(name, bytes) and name != b"default"]
    if others:
        peer.control(b"ACL", b"DELUSER", *others)
    peer.control(b"ACL", b"LOG", b"RESET")


def _name(argv: Argv | None) -> str:
    return "message" if argv is None else full_name(argv).decode("latin-1")


def unordered_frames(data: bytes) -> list[bytes]:
    """The replies in a stream, with messages sorted where Redis sends them in the order of a hash table.

    That is so for one message to several patterns of a client, and for the confirmations of an UNSUBSCRIBE
    that names no channels, whose counts go down in the order of sending all the same.
    """
    replies = parse_replies(data)
    if not _UNORDERED.search(data):
        return replies
    start = 0
    while start < len(replies):
        found = _UNORDERED.match(replies[start])
        end = start + 1
        if found is not None:
            while end < len(replies) and replies[end].startswith(found[0]):
                end += 1
            run = replies[start:end]
            if found[1] == b"pmessage":
                replies[start:end] = sorted(run)
            else:
                counts = [reply.rpartition(b":")[2] for reply in run]
                names = sorted(reply.rpartition(b":")[0] for reply in run)
                replies[start:end] = [b"%b:%b" % pair for pair in zip(names, counts, strict=True)]
        start = end
    return replies


def _apart(replies: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The published messages among replies, and the others."""
    messages = [reply for reply in replies if _MESSAGE.match(reply)]
    return messages, [reply for reply in replies if not _MESSAGE.match(reply)]


def align(requests: list[Argv], replies: list[bytes]) -> list[Argv | None]:
    """Which request each reply answers; None for messages, and where it cannot be told."""
    plain = [index for index, reply in enumerate(replies) if not _FRAME.match(reply)]
    answered: list[Argv | None] = [None] * len(replies)
    others = [argv for argv in requests if not full_name(argv).endswith(b"subscribe")]
    candidates = others if len(others) == len(plain) else requests
    if len(candidates) == len(plain):
        for index, argv in zip(plain, candidates, strict=True):
            answered[index] = argv
    return answered


def _compare_exec(queued: list[Argv], ours: bytes, theirs: bytes) -> Difference | None:
    """Compares two replies of EXEC element by element."""
    whole = Difference(
        "exec", [b"EXEC", *[_name(argv).encode("latin-1") for argv in queued]], repr(ours), repr(theirs)
    )
    if not ours.startswith(b"*") or not theirs.startswith(b"*"):
        return whole
    mine, other = (parse_replies(reply.partition(b"\r\n")[2]) for reply in (ours, theirs))
    if len(mine) != len(other) or len(mine) != len(queued):
        return whole
    for argv, one, two in zip(queued, mine, other, strict=True):
        if not replies_agree(argv, one, two):
            return Difference(_name(argv), argv, repr(one), repr(two))
        if one != two and full_name(argv) in DIVERGING:
            return None  # from here on the servers hold other data
    return None


class Finding(NamedTuple):
    """A difference that can be repeated, the shortest program known for it, and how often its like was
    met."""

    difference: Difference
    program: Program


class Report:
    """What a series of programs brought to light."""

    def __init__(self) -> None:
        self.commands = 0
        self.programs = 0
        self.findings: dict[tuple[str, str, str], Finding] = {}
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.unstable: Counter[tuple[str, str, str]] = Counter()

    @property
    def differences(self) -> int:
        """Programs that differed in a way that can be repeated."""
        return self.counts.total()

    def text(self) -> str:
        """The findings, the most frequent first, each with its program."""
        parts: list[str] = []
        for signature, count in self.counts.most_common():
            finding = self.findings[signature]
            parts.append(
                f"--- {count}x {finding.difference.describe()}\nprogram:\n{dump_program(finding.program)}\n"
            )
        for signature, count in self.unstable.most_common():
            parts.append(f"--- unstable, {count}x: {' | '.join(signature)}")
        return "\n".join(parts)


def compare(
    machine: Machine, programs: Iterable[Program], on_finding: Callable[[Finding], None] | None = None
) -> Report:
    """Runs programs and gathers what differs; the first of each kind is shrunk."""
    report = Report()
    for program in programs:
        before = machine.commands_run
        found = machine.run(program)
        report.programs += 1
        report.commands += machine.commands_run - before
        if found is None:
            continue
        again = [machine.run(program) for _ in range(REPEATS)]
        if any(other is None or other.what != found.what for other in again):
            report.unstable[found.signature] += 1
            continue
        report.counts[found.signature] += 1
        if found.signature not in report.findings:
            machine.patience = SHRINKING_PATIENCE
            finding = shrink(machine, program, found)
            machine.patience = PATIENCE
            report.findings[found.signature] = finding
            if on_finding is not None:
                on_finding(finding)
    machine.restore()
    return report


def shrink(machine: Machine, program: Program, found: Difference) -> Finding:
    """A short program with the same difference: one request in a packet, then as few packets as can be."""
    runs = 0

    def shows(candidate: Program) -> bool:
        nonlocal runs, found
        runs += 1
        difference = machine.run(candidate)
        if difference is None or difference.what != found.what:
            return False
        found = difference
        return True

    for simpler in (_unpiped(program), _one_client(program), _one_client(_unpiped(program))):
        if len(simpler) >= len(program) and shows(simpler):
            program = simpler
    size = max(1, len(program) // 2)
    while runs < SHRINK_RUNS:
        start = 0
        shorter = False
        while start < len(program) and runs < SHRINK_RUNS:
            candidate = program[:start] + program[start + size :]
            if candidate and shows(candidate):
                program = candidate
                shorter = True
            else:
                start += size
        if size == 1 and not shorter:
            break
        size = max(1, size // 2)
    return Finding(found, program)


def _unpiped(program: Program) -> Program:
    return [Step(step.client, [argv]) for step in program for argv in step.requests]


def _one_client(program: Program) -> Program:
    return [Step(0, step.requests) for step in program]
