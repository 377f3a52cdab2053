"""Sends hostile input, to an engine in this process or to a running server: see the package's text and
`--help`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from typing import Final

from tests.fuzz.harness import FuzzError, Harness
from tests.fuzz.inputs import InputMaker
from tests.fuzz.live import fuzz_server, resident_bytes

ALARM_SECONDS: Final = 60
REPORT_EVERY: Final = 100_000
GROWTH_MAX: Final = 64 << 20


def fuzz_engine(inputs: int, seed: int) -> str:
    """Feeds inputs to engines in this process; returns a line of figures, raises `FuzzError`."""
    maker = InputMaker(seed)
    began = time.perf_counter()
    baseline = 0
    pieces: list[bytes] = []

    def interrupted(_number: int, _frame: object) -> None:
        raise FuzzError(f"hangs, or {ALARM_SECONDS} s for a thousand inputs", pieces, b"")

    signal.signal(signal.SIGALRM, interrupted)
    with Harness() as harness:
        for number in range(inputs):
            if number % 1000 == 0:
                signal.alarm(ALARM_SECONDS)
            pieces = maker.cut(maker.next_input())
            harness.check(pieces)
            if number == min(inputs // 10, 20_000):
                baseline = resident_bytes(os.getpid())
            if number and number % REPORT_EVERY == 0:
                print(f"{number} inputs, {number / (time.perf_counter() - began):.0f}/s", flush=True)
        signal.alarm(0)
        seconds = time.perf_counter() - began
        growth = resident_bytes(os.getpid()) - baseline
        if growth > GROWTH_MAX:
            raise FuzzError(f"memory grew by {growth >> 20} MB", [], b"")
        return (
            f"{harness.inputs} inputs, {harness.replies} replies, {harness.closed} closed, "
            f"{harness.waiting} waiting, slowest {harness.slowest * 1000:.1f} ms, "
            f"memory {growth / 1e6:+.1f} MB, {seconds:.1f} s"
        )


def main(argv: list[str]) -> int:
    """Runs and prints; the exit code is 1 when a rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--socket", metavar="HOST:PORT", help="a running server of this machine")
    options = parser.parse_args(argv)
    try:
        if options.socket:
            host, _, port = options.socket.rpartition(":")
            result = fuzz_server(host or "127.0.0.1", int(port), options.inputs, options.seed)
            print(f"{result.inputs} inputs, memory {result.growth / 1e6:+.1f} MB")
            return int(result.growth > GROWTH_MAX)
        # Whatever a command may write stays out of the tree.
        with tempfile.TemporaryDirectory() as directory:
            os.chdir(directory)
            print(fuzz_engine(options.inputs, options.seed))
            os.chdir("/")
    except FuzzError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
