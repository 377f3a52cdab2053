"""Clients that wait, beside a real Redis: after each step the same clients must have got the same bytes.

    python -m tests.differential.blocking --steps 3000 --seed 1

A step depends on who waits, so scripts are made up while they run. In the end the keyspaces are compared, and what
both servers propagated. Two kinds of scripts avoid what has changed since the oracle's version: since 7.2 a client that
waits for several keys starts over, in the order of its keys, where 7.0 served it from the key that had become ready.
So either every client waits for one key, and transactions, other types and whole lists may come in its way; or clients
wait for several, and elements come one by one.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import socket
import sys
import time
from typing import Final, NamedTuple

from tests.differential import state
from tests.differential.peers import EnginePeer, SocketPeer
from tests.differential.replica import ReplicaStream
from tests.metamorphic.recorder import recorded_peer
from tests.support.inprocess import Client, encode_command
from tests.support.servers import RedisServer

Argv = list[bytes]

CLIENTS: Final = 9
KEYS: Final = (b"k1", b"k2", b"k3", b"k4")
SOURCES: Final = (b"s1", b"s2")
"""Keys that nobody waits for."""

SIDES: Final = (b"LEFT", b"RIGHT")
LATE_SECONDS: Final = 0.5
SHORT_SECONDS: Final = 0.25
STEPS_PER_SCRIPT: Final = 60


class Step(NamedTuple):
    """What one client sends; for CLIENT UNBLOCK, `target` is the client whose identifier is put in."""

    client: int
    requests: list[Argv]
    target: int = -1


class Difference(AssertionError):
    """Both servers did not do the same."""


class Pair:
    """Both servers, with the same clients."""

    def __init__(self, port: int, protocol: int) -> None:
        self.ours: EnginePeer
        self.ours, self.clock, self.recorder = recorded_peer()
        self.oracle = SocketPeer("127.0.0.1", port)
        self.replica = ReplicaStream("127.0.0.1", port)
        self.protocol = protocol
        self.ids: list[tuple[bytes, bytes]] = []
        self.marker = 0

    def open(self) -> None:
        """Empties both and connects all clients anew."""
        for peer in (self.ours, self.oracle):
            peer.open(CLIENTS, self.protocol)
            peer.control(b"FLUSHALL")
        self.ids = [(b"", b"")] * CLIENTS
        for index in range(CLIENTS):
            self.learn_id(index)
        self.ours.clear()
        self.oracle.clear()
        self.propagated()

    def learn_id(self, index: int) -> None:
        """Asks both servers for a client's identifier."""
        for peer in (self.ours, self.oracle):
            peer.send(index, encode_command(b"CLIENT", b"ID"))
        self.settle()
        ours, theirs = (bytes(peer.received[index]).strip(b":\r\n") for peer in (self.ours, self.oracle))
        self.ids[index] = (ours, theirs)
        self.ours.clear()
        self.oracle.clear()

    def settle(self) -> None:
        """Receives what the last step caused."""
        self.ours.settle(None)
        while any(client.wire.wants_slice for client in self.ours.clients):
            self.ours.settle(None)
        self.oracle.controller.command("PING")
        self.oracle.settle(None)
        if not self.ours.equals(self.oracle):
            self.oracle.settle_late(self.ours, LATE_SECONDS)

    def take(self, step: Step) -> None:
        """Lets both servers do a step, and compares who got what."""
        for peer, which in ((self.oracle, 1), (self.ours, 0)):
            data = b""
            for argv in step.requests:
                if step.target >= 0:
                    argv = [word.replace(b"?", self.ids[step.target][which]) for word in argv]
                data += encode_command(*argv)
            peer.send(step.client, data)
        self.compare(repr(step))

    def compare(self, what: str) -> None:
        """Raises unless every client has got the same since the last look."""
        self.settle()
        for index in range(CLIENTS):
            ours, theirs = bytes(self.ours.received[index]), bytes(self.oracle.received[index])
            if ours != theirs:
                raise Difference(f"{what}\nclient {index}\n  ours   {ours!r}\n  theirs {theirs!r}")
        self.ours.clear()
        self.oracle.clear()

    def elapse(self, seconds: float) -> None:
        """Lets time pass on both servers."""
        time.sleep(seconds)
        self.clock.advance(round(seconds * 1000))
        self.ours.engine.timer_fired("blocking")
        self.compare(f"{seconds} s")

    def reconnect(self, index: int) -> None:
        """Ends a client's connection and makes a new one in its place."""
        self.ours.clients[index].disconnect()
        self.ours.clients[index] = Client(self.ours.engine)
        self.oracle.sockets[index].close()
        sock = socket.create_connection((self.oracle.host, self.oracle.port), 10.0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        self.oracle.sockets[index] = sock
        if self.protocol == 3:
            for peer in (self.ours, self.oracle):
                peer.send(index, encode_command(b"HELLO", b"3"))
            self.settle()
            self.ours.clear()
            self.oracle.clear()
        self.oracle.settle(None)
        self.learn_id(index)

    def is_waiting(self, index: int) -> bool:
        """Whether a client waits in a blocking command."""
        return self.ours.clients[index].session in self.ours.engine.blocking.operations

    def has_pipelined(self) -> bool:
        """Whether requests wait behind a blocking command."""
        return any(client.session.query_buffer()[0] for client in self.ours.clients)

    def waited_for(self) -> int:
        """How many keys clients wait for."""
        return sum(len(database.blocked) for database in self.ours.engine.keyspace.databases)

    def propagated(self) -> tuple[list[Argv], list[Argv]]:
        """What both have propagated since the last call, without the brackets of transactions."""
        self.marker += 1
        marker = b"marker-%d" % self.marker
        self.oracle.control(b"PUBLISH", marker, b"")
        ours = [spelled(argv) for argv in self.recorder.argvs()]
        self.recorder.units.clear()
        theirs = [argv for _, argv in self.replica.commands_until(marker)]
        return ours, [spelled(argv) for argv in theirs if argv[0] not in (b"MULTI", b"EXEC")]

    def finish(self) -> None:
        """Compares data and propagation once a script has ended."""
        ours, theirs = self.propagated()
        if ours != theirs:
            raise Difference(f"propagated\n  ours   {ours}\n  theirs {theirs}")
        if text := state.difference(state.snapshot(self.ours, 3), state.snapshot(self.oracle, 3)):
            raise Difference(text)
        self.ours.engine.keyspace.databases[0].check()


def spelled(argv: Argv) -> Argv:
    """A command with the words in capitals that 7.0 writes in small letters where it serves a waiting client."""
    if argv[0].upper() == b"LMOVE":
        return [b"LMOVE", *argv[1:3], argv[3].upper(), argv[4].upper()]
    return [argv[0].upper(), *argv[1:]]


class Script:
    """Makes up steps."""

    def __init__(self, pair: Pair, rng: random.Random) -> None:
        self.pair = pair
        self.rng = rng
        self.several_keys = rng.random() < 0.4
        self.values = 0

    def run(self, steps: int) -> list[Step]:
        """Runs a script; the steps so far stand in the error of a difference."""
        taken: list[Step] = []
        self.pair.open()
        try:
            for _ in range(steps):
                self.step(taken)
            self.pair.finish()
        except Difference as difference:
            raise Difference(f"{difference}\nafter {taken!r}") from None
        return taken

    def step(self, taken: list[Step]) -> None:
        """One step of a random kind."""
        rng = self.rng
        waiting = [index for index in range(CLIENTS) if self.pair.is_waiting(index)]
        free = [index for index in range(CLIENTS) if index not in waiting]
        kind = rng.random()
        if kind < 0.4 and len(free) > 2:
            step = Step(rng.choice(free), [self.blocking(b"0")])
        elif kind < 0.43 and waiting:
            self.pair.reconnect(rng.choice(waiting))
            return
        elif kind < 0.46 and waiting and not self.pair.has_pipelined():
            # What follows a blocking command waits for it. If it did for several clients, it would matter in
            # which order they go on.
            step = Step(rng.choice(waiting), [[b"PING"], self.push(), [b"ECHO", b"after"]])
        elif kind < 0.52 and waiting:
            how = rng.choice(([], [b"TIMEOUT"], [b"ERROR"], [b"error"]))
            target = rng.choice(waiting)
            step = Step(rng.choice(free), [[b"CLIENT", b"UNBLOCK", b"?", *how]], target)
        elif kind < 0.525 and len(free) > 2:
            step = Step(rng.choice(free), [self.blocking(b"%.2f" % (SHORT_SECONDS / 2))])
            taken.append(step)
            self.pair.take(step)
            self.pair.elapse(SHORT_SECONDS)
            return
        else:
            step = Step(rng.choice(free), self.change())
        taken.append(step)
        self.pair.take(step)

    def keys(self) -> list[bytes]:
        if self.several_keys:
            return [self.rng.choice(KEYS) for _ in range(self.rng.randint(1, 4))]
        return [self.rng.choice(KEYS)]

    def blocking(self, timeout: bytes) -> Argv:
        """A blocking command."""
        rng = self.rng
        kind = rng.randrange(5)
        if kind == 0:
            count = rng.choice(([], [b"COUNT", b"2"], [b"COUNT", b"10"]))
            keys = self.keys()
            return [b"BLMPOP", timeout, b"%d" % len(keys), *keys, rng.choice(SIDES), *count]
        if kind == 1:
            return [b"BRPOPLPUSH", rng.choice(KEYS), rng.choice(KEYS), timeout]
        if kind == 2:
            return [
                b"BLMOVE",
                rng.choice(KEYS),
                rng.choice(KEYS),
                rng.choice(SIDES),
                rng.choice(SIDES),
                timeout,
            ]
        return [rng.choice((b"BLPOP", b"BRPOP")), *self.keys(), timeout]

    def value(self) -> bytes:
        self.values += 1
        return b"v%d" % self.values

    def push(self) -> Argv:
        """Pushes something: one element where clients wait for several keys."""
        count = 1 if self.several_keys else self.rng.choice((1, 1, 1, 2, 3))
        values = [self.value() for _ in range(count)]
        return [self.rng.choice((b"LPUSH", b"RPUSH")), self.rng.choice(KEYS), *values]

    def change(self) -> list[Argv]:
        """What may make keys ready."""
        rng = self.rng
        if self.several_keys or rng.random() < 0.5:
            return [self.push()]
        if self.pair.waited_for() < 2 and rng.random() < 0.2:
            # Redis looks at the keys that clients wait for in the order of a hash table.
            value = [b"RPUSH", rng.choice(KEYS), self.value()]
            return [[b"SELECT", b"1"], value, [b"SELECT", b"0"], [b"SWAPDB", b"0", b"1"]]
        if rng.random() < 0.4:
            body = [argv for _ in range(rng.randint(1, 5)) for argv in self.plain()]
            if rng.random() < 0.3:
                body.append(self.blocking(b"0"))
            return [[b"MULTI"], *body, [b"DISCARD" if rng.random() < 0.1 else b"EXEC"]]
        return self.plain()

    def plain(self) -> list[Argv]:
        """A few requests that belong together."""
        rng = self.rng
        key, source = rng.choice(KEYS), rng.choice(SOURCES)
        fill = [b"RPUSH", source, *(self.value() for _ in range(rng.randint(1, 3)))]
        return rng.choice(
            (
                [self.push()],
                [self.push(), self.push()],
                [[b"DEL", key]],
                [[b"SET", key, b"string"]],
                [[b"SET", key, b"string"], [b"DEL", key]],
                [fill, [b"RENAME", source, key]],
                [fill, [b"RENAMENX", source, key]],
                [fill, [b"COPY", source, key]],
                [fill, [b"COPY", source, key, b"REPLACE"]],
                [fill, [b"LMOVE", source, key, b"LEFT", b"RIGHT"]],
                [fill, [b"RPOPLPUSH", source, key]],
                [[b"SELECT", b"1"], [b"RPUSH", key, self.value()], [b"MOVE", key, b"0"], [b"SELECT", b"0"]],
                [[b"LPOP", key]],
                [[b"RPUSHX", key, self.value()]],
                [[b"LTRIM", key, b"1", b"0"]],
                [[b"LMPOP", b"2", key, source, b"LEFT", b"COUNT", b"2"]],
                [[b"LRANGE", key, b"0", b"-1"]],
            )
        )


def compare(port: int, steps: int, seed: int, protocol: int) -> int:
    """Runs scripts until they have had so many steps; returns how many, and raises at the first difference."""
    rng = random.Random(seed)
    pair = Pair(port, protocol)
    taken = 0
    try:
        while taken < steps:
            taken += len(Script(pair, rng).run(STEPS_PER_SCRIPT))
    finally:
        pair.ours.stop()
        pair.oracle.stop()
        pair.replica.close()
    return taken


def main(argv: list[str]) -> int:
    """Runs and prints; the exit code is 1 when anything differed."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential.blocking", description=__doc__)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resp3", action="store_true")
    parser.add_argument(
        "--port", type=int, default=0, help="of a running redis-server; one is started without it"
    )
    options = parser.parse_args(argv)
    protocol = 3 if options.resp3 else 2
    with contextlib.ExitStack() as stack:
        port = options.port or stack.enter_context(RedisServer("--repl-diskless-sync", "no")).port
        try:
            steps = compare(port, options.steps, options.seed, protocol)
        except Difference as difference:
            print(difference)
            return 1
    print(f"{steps} steps, RESP{protocol}, seed {options.seed}: no difference")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
