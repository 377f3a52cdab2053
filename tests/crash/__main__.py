"""Kills pyredis again and again: `python -m tests.crash --rounds 500`, or `make crash`.

Writers append numbers to lists of their own, one by one, in pipelines and in transactions, and note what has been
acknowledged. Meanwhile snapshots and rewrites begin. Then the server is killed with SIGKILL and started again on the
same files. After every start each list has to be 0, 1, 2... without a gap, at least as long as was acknowledged and
not longer than was sent. A kill takes nothing from the system's cache, so little is lost under any policy: nothing
under `always` and `no`, and under `everysec` what waited, for two seconds at most, until a running sync had ended.
A power loss is another test (`tests/unit/persistence/test_aof_power_loss.py`).
"""

from __future__ import annotations

import argparse
import collections
import random
import sys
import threading
import time
from dataclasses import dataclass, field

from tests.support.servers import PyredisServer
from tests.support.wire import RawConnection, WireError, decode, encode

WRITERS = 4
POLICIES = ("always", "everysec", "no")


@dataclass
class Writer:
    """One list, and how much of it is known to the client."""

    name: str
    sent: int = 0
    acknowledged: int = 0
    # What was there when the round began, and what a kill under `everysec` has taken in all.
    kept: int = 0
    lost: int = 0
    failures: list[str] = field(default_factory=list)

    def run(self, server: PyredisServer, chance: random.Random) -> None:
        """Writes until the connection breaks."""
        try:
            with server.connect() as connection:
                while True:
                    self._write(connection, chance)
        except (OSError, WireError):
            return

    def _write(self, connection: RawConnection, chance: random.Random) -> None:
        kind = chance.randrange(3)
        count = 1 if kind == 0 else chance.randrange(2, 20)
        numbers = range(self.sent, self.sent + count)
        requests = [("RPUSH", self.name, str(number)) for number in numbers]
        if kind == 2:
            requests = [("MULTI",), *requests, ("EXEC",)]
        self.sent += count
        connection.send(b"".join([encode(*request) for request in requests]))
        for position in range(len(requests)):
            reply = connection.read_reply()
            if reply.startswith(b"-"):
                self.failures.append(f"{requests[position]}: {reply!r}")
            elif kind != 2:
                self.acknowledged += 1
        if kind == 2:
            self.acknowledged = self.sent


def disturb(server: PyredisServer, chance: random.Random, seconds: float) -> collections.Counter[str]:
    """Lets the writers write for a while, beginning snapshots and rewrites."""
    begun: collections.Counter[str] = collections.Counter()
    end = time.monotonic() + seconds
    with server.connect() as connection:
        while time.monotonic() < end:
            time.sleep(chance.random() * 0.05)
            command = chance.choice(("BGREWRITEAOF", "BGSAVE", "PING"))
            if connection.command(command).startswith(b"+Background"):
                begun[command] += 1
    return begun


def verify(server: PyredisServer, writers: list[Writer], policy: str) -> str:
    """Compares the lists with what was acknowledged; the difference, or nothing."""
    with server.connect(30.0) as connection:
        for writer in writers:
            reply = decode(connection.command("LRANGE", writer.name, "0", "-1"))
            assert isinstance(reply, list)
            if reply != [b"%d" % number for number in range(len(reply))]:
                return f"{writer.name}: a gap in {reply[:20]}..."
            least = writer.kept if policy == "everysec" else writer.acknowledged
            if not least <= len(reply) <= writer.sent:
                return f"{writer.name}: {len(reply)}, acknowledged {writer.acknowledged}, sent {writer.sent}"
            writer.lost += max(writer.acknowledged - len(reply), 0)
            writer.sent = writer.acknowledged = writer.kept = len(reply)
            if writer.failures:
                return f"{writer.name}: {writer.failures[:3]}"
    return ""


def run(rounds: int, seed: int) -> int:
    """All rounds; returns the exit code."""
    chance = random.Random(seed)
    begun: collections.Counter[str] = collections.Counter()
    acknowledged = 0
    started = time.monotonic()
    policy = POLICIES[0]
    options = ["--appendonly", "yes", "--save", "", "--auto-aof-rewrite-min-size", "64kb"]
    with PyredisServer(*options, "--appendfsync", policy) as server:
        writers = [Writer(f"list{number}") for number in range(WRITERS)]
        for number in range(1, rounds + 1):
            before = sum(writer.acknowledged for writer in writers)
            threads = [
                threading.Thread(target=writer.run, args=(server, random.Random(chance.random())))
                for writer in writers
            ]
            for thread in threads:
                thread.start()
            begun += disturb(server, chance, chance.random() * 0.3)
            server.kill()
            for thread in threads:
                thread.join()
            acknowledged += sum(writer.acknowledged for writer in writers) - before
            killed, policy = policy, chance.choice(POLICIES)
            server.command[server.command.index("--appendfsync") + 1] = policy
            server.start()
            if failure := verify(server, writers, killed):
                print(f"round {number}, seed {seed}: {failure}\n{server.log()[-3000:]}")
                return 1
            if number % 20 == 0:
                with server.connect() as connection:
                    connection.command("DEL", *[writer.name for writer in writers])
                for writer in writers:
                    writer.sent = writer.acknowledged = writer.kept = 0
        server.stop()
    counts = ", ".join(f"{count} {name}" for name, count in sorted(begun.items()))
    seconds = time.monotonic() - started
    lost = sum(writer.lost for writer in writers)
    print(f"{rounds} kills in {seconds:.0f} s: {acknowledged} acknowledged writes, {counts}")
    print(f"lost under everysec, while a sync ran: {lost}; under always and no: nothing")
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    arguments = parser.parse_args()
    sys.exit(run(arguments.rounds, arguments.seed))


if __name__ == "__main__":
    main()
