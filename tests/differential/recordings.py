"""Recorded answers of a real redis-server, for machines that have none: recording and replaying.

    python -m tests.differential.recordings [--groups strings,keys]

records one file for a group and protocol. Only what is the same at any time is kept: a replay has its clock
set to the moment of the recording (the first exchange is TIME) and standing still, and an exchange that
pyredis would then answer otherwise is dropped and printed, since it is either a race with a deadline or a
difference to be looked at.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from typing import Final

from pyredis.clock import ManualClock
from tests.differential.machine import Conversation, Difference, forget_users
from tests.differential.machine import Exchange as Said
from tests.differential.normalise import CONFIG_SENT, excluded, full_name
from tests.differential.peers import EnginePeer, Peer, SocketPeer
from tests.differential.programs import Argv, draw, generators, mutate
from tests.support.inprocess import encode_command
from tests.support.servers import RedisServer
from tests.support.transcript import Exchange, Transcript, replay, write
from tests.support.wire import decode

FOLDER: Final = Path(__file__).parent / "transcripts"
SEED: Final = 7
COMMANDS: Final = 160
REQUEST_MAX: Final = 300
REPLY_MAX: Final = 600
ROUNDS: Final = 20
UNRECORDED: Final = frozenset(
    (b"quit", b"client|reply", b"client|pause", b"client|id", b"client|list", b"client|info", b"info")
)


def files() -> list[Path]:
    """Every committed transcript."""
    return sorted(FOLDER.glob("*.jsonl"))


def first_difference(transcript: Transcript) -> tuple[int, Difference] | None:
    """Replays a transcript on an engine in this process; the position of the first exchange that differs."""
    peer = _engine_at(transcript)
    peer.open(1, transcript.resp)
    conversation = Conversation()
    try:
        for position, exchange in enumerate(transcript.exchanges[1:], 1):
            argv = list(exchange.argv)
            received = _ask(peer, argv)
            if received != exchange.reply and (
                found := conversation.compare([argv], received, exchange.reply)
            ):
                return position, found
            conversation.exchanges.append(Said([argv], received))
    finally:
        peer.stop()
    return None


def _engine_at(transcript: Transcript) -> EnginePeer:
    """An engine whose clock stands at the moment of the recording."""
    time_reply = decode(transcript.exchanges[0].reply)
    assert isinstance(time_reply, list), transcript.exchanges[0]
    seconds, microseconds = (int(part) for part in time_reply if isinstance(part, bytes))
    return EnginePeer(ManualClock(seconds * 1000 + microseconds // 1000))


def _ask(peer: Peer, argv: Argv) -> bytes:
    peer.clear()
    peer.send(0, encode_command(*argv))
    peer.settle(None)
    return bytes(peer.received[0])


def record(group: str, protocol: int, oracle: SocketPeer) -> tuple[Transcript, list[Difference]]:
    """Records a group, leaving out what differs; also returns what that was."""
    requests = _requests(group, protocol)
    differences: list[Difference] = []
    for _ in range(ROUNDS):
        transcript = _record_once(requests, protocol, oracle)
        found = first_difference(transcript)
        if found is None:
            break
        position, difference = found
        differences.append(difference)
        del requests[position - 1]
    else:
        raise SystemExit(f"{group}: still different after {ROUNDS} rounds: {differences[-1].describe()}")
    return transcript, differences


def _requests(group: str, protocol: int) -> list[Argv]:
    rng = random.Random(SEED)
    strategy = generators()[group]()
    requests: list[Argv] = []
    for argv in (argv for batch in draw(strategy, SEED, COMMANDS // 4, 4) for argv in batch):
        argv = mutate(rng, argv)
        name = full_name(argv) if argv else b""
        if not argv or excluded(argv) or name in UNRECORDED or sum(map(len, argv)) > REQUEST_MAX:
            continue
        requests.append(argv)
        # A subscribed RESP2 client may do little else.
        if name.endswith(b"subscribe") and rng.random() < 0.4:
            requests += [[b"RESET"], [b"HELLO", b"3"]] if protocol == 3 else [[b"RESET"]]
    return requests


def _restore_directives(oracle: SocketPeer) -> None:
    """Undoes the CONFIG SETs of a recording before, as a replay begins with a new engine."""
    peer = EnginePeer()
    for name in sorted(CONFIG_SENT):
        pair = decode(peer.control(b"CONFIG", b"GET", name))
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], bytes):
            oracle.control(b"CONFIG", b"SET", name, pair[1])
    peer.stop()


def _record_once(requests: list[Argv], protocol: int, oracle: SocketPeer) -> Transcript:
    _restore_directives(oracle)
    oracle.control(b"FLUSHALL")
    oracle.control(b"CONFIG", b"RESETSTAT")
    forget_users(oracle)
    oracle.open(1, protocol)
    exchanges = [Exchange((b"TIME",), oracle.control(b"TIME"))]
    kept: list[Argv] = []
    for argv in requests:
        reply = _ask(oracle, argv)
        if oracle.closed[0]:
            break
        # Long replies are dropped with their requests; those that changed something would be missed later.
        if len(reply) <= REPLY_MAX:
            exchanges.append(Exchange(tuple(argv), reply))
            kept.append(argv)
    if len(kept) != len(requests):
        requests[:] = kept
        return _record_once(requests, protocol, oracle)
    return Transcript("redis 7.0.15", protocol, exchanges)


def main(argv: list[str]) -> int:
    """Records all groups, or those named."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential.recordings", description=__doc__)
    parser.add_argument("--groups", default="", help="separated by commas; all without it")
    options = parser.parse_args(argv)
    with RedisServer() as server:
        oracle = SocketPeer("127.0.0.1", server.port)
        for group in options.groups.split(",") if options.groups else generators():
            for protocol in (2, 3):
                transcript, differences = record(group, protocol, oracle)
                path = FOLDER / f"{group}_resp{protocol}.jsonl"
                write(path, transcript)
                print(f"{path.name}: {len(transcript)} exchanges, {path.stat().st_size} bytes")
                for difference in differences:
                    print("  dropped: " + difference.describe().replace("\n", "\n  "))
        oracle.stop()
    return 0


__all__ = ["FOLDER", "files", "first_difference", "record", "replay"]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
