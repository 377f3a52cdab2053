"""Clients that wait for entries of streams, beside a real Redis; see `blocking`, whose machinery this is.

    python -m tests.differential.blocking_streams --steps 3000 --seed 1

Every client waits for one key that stays a stream with its group, as Redis 7.0 treats the rest otherwise; and
no entry goes that somebody has waited for, as 7.0 would answer an empty array. Of what is propagated, that is
left aside which 7.2 changed (see `normalise_streams`), and times.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
from typing import Final

from tests.differential.blocking import Argv, Difference, Pair, Script, Step
from tests.differential.normalise_streams import is_logged_alike
from tests.support.servers import RedisServer

STREAMS: Final = (b"k1", b"k2")
CONSUMERS: Final = (b"a", b"b")
STEPS_PER_SCRIPT: Final = 60


def logged(commands: list[Argv]) -> list[Argv]:
    """What has to be logged alike, without the times of deliveries."""
    return [
        [word for place, word in enumerate(argv) if argv[0] != b"XCLAIM" or place != 7]
        for argv in commands
        if is_logged_alike(argv)
    ]


class StreamPair(Pair):
    """Both servers, with the same clients."""

    def propagated(self) -> tuple[list[Argv], list[Argv]]:
        """What both have propagated since the last call, as far as it is to be compared."""
        ours, theirs = super().propagated()
        return logged(ours), logged(theirs)


class StreamScript(Script):
    """Makes up steps."""

    def __init__(self, pair: Pair, rng: random.Random) -> None:
        super().__init__(pair, rng)
        self.several_keys = False
        self.ms = 1

    def run(self, steps: int) -> list[Step]:
        """Runs a script; the steps so far stand in the error of a difference."""
        taken: list[Step] = []
        self.pair.open()
        try:
            for key in STREAMS:
                create = [[b"XGROUP", b"CREATECONSUMER", key, b"g", name] for name in CONSUMERS]
                taken.append(Step(0, [[b"XGROUP", b"CREATE", key, b"g", b"0", b"MKSTREAM"], *create]))
                self.pair.take(taken[-1])
            for _ in range(steps):
                self.step(taken)
            self.pair.finish()
        except Difference as difference:
            raise Difference(f"{difference}\nafter {taken!r}") from None
        return taken

    def blocking(self, timeout: bytes) -> Argv:
        """XREAD or XREADGROUP for one key; `timeout` is in seconds."""
        rng = self.rng
        block = [b"BLOCK", b"%d" % round(float(timeout) * 1000)]
        count = rng.choice(([], [b"COUNT", b"1"]))
        key = rng.choice(STREAMS)
        if rng.random() < 0.5:
            return [b"XREAD", *block, *count, b"STREAMS", key, rng.choice((b"$", b"%d-5" % self.ms))]
        noack = rng.choice(([], [], [b"NOACK"]))
        head = [b"XREADGROUP", b"GROUP", b"g", rng.choice(CONSUMERS)]
        return [*head, *block, *count, *noack, b"STREAMS", key, b">"]

    def push(self) -> Argv:
        """Adds an entry."""
        self.ms += 1
        return [b"XADD", self.rng.choice(STREAMS), b"%d-1" % self.ms, b"f", self.value()]

    def change(self) -> list[Argv]:
        """What may bring entries."""
        rng = self.rng
        if rng.random() < 0.4:
            return [self.push()]
        if rng.random() < 0.4:
            body = [argv for _ in range(rng.randint(1, 4)) for argv in self.plain()]
            if rng.random() < 0.3:
                body.append(self.blocking(b"0"))
            return [[b"MULTI"], *body, [b"DISCARD" if rng.random() < 0.1 else b"EXEC"]]
        return self.plain()

    def plain(self) -> list[Argv]:
        """A few requests that belong together."""
        rng = self.rng
        key = rng.choice(STREAMS)
        last = b"%d-1" % self.ms
        return rng.choice(
            (
                [self.push()],
                [self.push(), self.push()],
                [[b"XTRIM", key, b"MAXLEN", b"2"]],
                [[b"XACK", key, b"g", last]],
                [[b"XPENDING", key, b"g"]],
                [[b"XREADGROUP", b"GROUP", b"g", b"a", b"STREAMS", key, b">"]],
                [[b"XLEN", key]],
            )
        )


def main(argv: list[str]) -> int:
    """Runs and prints; the exit code is 1 when anything differed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.differential.blocking_streams", description=__doc__
    )
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resp3", action="store_true")
    options = parser.parse_args(argv)
    rng = random.Random(options.seed)
    taken = 0
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(RedisServer("--repl-diskless-sync", "no")).port
        pair = StreamPair(port, 3 if options.resp3 else 2)
        for peer in (pair.ours, pair.oracle):
            stack.callback(peer.stop)
        stack.callback(pair.replica.close)
        try:
            while taken < options.steps:
                taken += len(StreamScript(pair, rng).run(STEPS_PER_SCRIPT))
        except Difference as difference:
            print(difference)
            return 1
    print(f"{taken} steps, seed {options.seed}: no difference")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
