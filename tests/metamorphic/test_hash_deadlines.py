"""Logs of hashes whose fields expire, replayed: what no real server of the oracle's age could be asked.

The generators send nothing newer than the oracle, so these commands have programs of their own.
"""

from __future__ import annotations

import random
from typing import Final

import pytest
from hypothesis import strategies as st

from pyredis.datatypes.hash_value import PAIRS, HashValue
from tests.differential.gen_hashes import sums
from tests.differential.gen_sorted_sets import weighted
from tests.differential.gen_strings import any_case, joined, several
from tests.differential.peers import EnginePeer, manual_peer
from tests.differential.programs import draw
from tests.metamorphic.recorder import START_MS, recorded_peer, replay

Argv = list[bytes]

KEYS: Final = (b"k1", b"k2", b"k3")
FIELDS: Final = (b"f1", b"f2", b"f3", b"f4", b"\r\n", b"x" * 65)
TIMES: Final = (0, 1, 10, 100, 1000, 2000, 5000, 5000, 60_000, 60_000)

key = st.sampled_from(KEYS)
field = st.one_of(st.sampled_from(FIELDS[:4]), st.sampled_from(FIELDS))
number = st.integers(0, 99).map(lambda n: b"%d" % n)


def named(drawn: list[bytes]) -> Argv:
    """FIELDS with their number."""
    return [b"FIELDS", b"%d" % len(drawn), *drawn]


def on_known_fields(argv: Argv) -> Argv:
    """The request with keys and fields of ours, and a small step."""
    return [argv[0], KEYS[len(argv[1]) % 3], FIELDS[len(argv[2]) % 4], b"%d" % (len(argv[3]) % 9)]


fields = st.lists(field, min_size=1, max_size=4).map(named)
pairs = st.lists(st.tuples(field, number), min_size=1, max_size=4)


def requests() -> st.SearchStrategy[Argv]:
    """Any command that sets, changes or takes a deadline, and those that fields meet otherwise."""
    relative = st.sampled_from(TIMES).map(lambda ms: b"%d" % ms)
    seconds = st.sampled_from(TIMES).map(lambda ms: b"%d" % (ms // 1000))
    absolute = st.sampled_from((-1000, *TIMES, *TIMES)).map(lambda ms: b"%d" % (START_MS + 20 * ms))
    condition = several(any_case((b"NX", b"XX", b"GT", b"LT")).map(lambda word: [word]), 1)
    option = st.one_of(
        st.just([]),
        st.tuples(st.just(b"PX"), relative).map(list),
        st.tuples(st.just(b"EX"), seconds).map(list),
        st.tuples(st.just(b"PXAT"), absolute).map(list),
    )
    keeps, takes = st.just([b"KEEPTTL"]), st.just([b"PERSIST"])
    of_set = several(any_case((b"FNX", b"FXX")).map(lambda word: [word]), 1)
    set_fields = pairs.map(
        lambda drawn: [b"FIELDS", b"%d" % len(drawn), *[text for pair in drawn for text in pair]]
    )

    def to(name: bytes) -> st.SearchStrategy[Argv]:
        return key.map(lambda text: [name, text])

    expiries = st.one_of(
        joined(to(b"HPEXPIRE"), relative.map(lambda text: [text]), condition, fields),
        joined(to(b"HEXPIRE"), seconds.map(lambda text: [text]), condition, fields),
        joined(to(b"HPEXPIREAT"), absolute.map(lambda text: [text]), condition, fields),
    )
    newer = weighted(
        (6, joined(to(b"HSETEX"), of_set, weighted((2, option), (1, keeps)), set_fields)),
        (2, joined(to(b"HGETEX"), weighted((2, option), (1, takes)), fields)),
        (1, joined(to(b"HGETDEL"), fields)),
    )
    flat_pairs = pairs.map(lambda drawn: [text for pair in drawn for text in pair])
    plain = weighted(
        (6, joined(to(b"HSET"), flat_pairs)),
        (1, joined(to(b"HDEL"), st.lists(field, min_size=1, max_size=3))),
        (2, joined(to(b"HMGET"), st.lists(field, min_size=1, max_size=3))),
        (2, joined(to(b"HPERSIST"), fields)),
        (2, st.tuples(st.just(b"HSETNX"), key, field, number).map(list)),
        (1, st.tuples(st.just(b"HRANDFIELD"), key, st.just(b"2")).map(list)),
        (2, st.tuples(st.sampled_from((b"RENAME", b"COPY")), key, key).map(list)),
        (3, sums().map(on_known_fields)),
    )
    return weighted((4, expiries), (4, newer), (6, plain))


def contents(peer: EnginePeer) -> dict[bytes, list[tuple[bytes, bytes, int]]]:
    """The fields that have not expired, with values and deadlines, of every hash that has any; checked."""
    database = peer.engine.keyspace.databases[0]
    database.check()
    now_ms = peer.engine.clock.now_ms
    found: dict[bytes, list[tuple[bytes, bytes, int]]] = {}
    for name in database.values.keys():  # noqa: SIM118 - no dict
        value = database.peek(name)
        assert isinstance(value, HashValue)
        value.check()
        flat = value.live(PAIRS, now_ms)
        entries = [(flat[i], flat[i + 1], int(value.deadline(flat[i]))) for i in range(0, len(flat), 2)]
        if entries:
            found[name] = sorted(entries)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_a_replay_at_the_same_pace_gives_the_same_hashes(seed: int) -> None:
    rng = random.Random(seed)
    for commands in draw(requests(), seed, 50, 30):
        peer, clock, recorder = recorded_peer()
        for argv in commands:
            clock.advance(rng.choice((0, 0, 1, 10, 100, 1000)))
            peer.control(*argv)
            if rng.random() < 0.1:
                peer.engine.keyspace.databases[0].expire_due(64)
                peer.engine.flush_propagated()
        copy, copy_clock = manual_peer()
        replay(recorder, copy, copy_clock)
        copy_clock.advance(clock.now_ms - copy_clock.now_ms)
        assert contents(copy) == contents(peer), (commands, recorder.argvs())


@pytest.mark.parametrize("seed", range(3))
def test_the_log_of_a_replay_is_the_log(seed: int) -> None:
    for commands in draw(requests(), 1000 + seed, 40, 20):
        peer, _, recorder = recorded_peer()
        for argv in commands:
            peer.control(*argv)
        copy, _, copied = recorded_peer()
        replay(recorder, copy, None)
        assert copied.argvs() == recorder.argvs(), commands
        newer = {argv[0].upper() for argv in recorder.argvs()} & {
            b"HSETEX",
            b"HGETEX",
            b"HGETDEL",
            b"HEXPIRE",
        }
        assert not newer


@pytest.mark.parametrize("seed", range(3))
def test_the_cron_finds_what_reading_would(seed: int) -> None:
    """After all deadlines nothing is left that has one, and nobody has asked."""
    for commands in draw(requests(), 2000 + seed, 40, 20):
        peer, clock, _ = recorded_peer()
        for argv in commands:
            peer.control(*argv)
        database = peer.engine.keyspace.databases[0]
        clock.advance(10_000_000)
        expected = contents(peer)
        while database.has_deadlines() and database.expire_due(7):
            pass
        assert contents(peer) == expected
        assert set(database.values.keys()) == set(expected)
        assert database.field_expires.size == 0
        assert not database.has_deadlines()


@pytest.mark.parametrize("seed", range(3))
def test_a_replay_long_after_gives_the_same_hashes(seed: int) -> None:
    """As a log is read after a crash: no deadline has passed meanwhile, until all of it is read."""
    rng = random.Random(seed)
    for commands in draw(requests(), 3000 + seed, 50, 20):
        peer, clock, recorder = recorded_peer()
        for argv in commands:
            clock.advance(rng.choice((0, 0, 1, 10, 100)))
            peer.control(*argv)
        copy, copy_clock = manual_peer()
        copy_clock.advance(10_000_000)
        copy.engine.keyspace.is_replaying = True
        replay(recorder, copy, None)
        copy.engine.keyspace.is_replaying = False
        copy.engine.keyspace.databases[0].check()
        clock.advance(10_000_000)
        assert contents(copy) == contents(peer), (commands, recorder.argvs())
