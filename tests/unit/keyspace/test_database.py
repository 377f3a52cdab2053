"""The rules of a database: who hears of what, in which order, and what swapping and flushing leave."""

from __future__ import annotations

import pytest

from pyredis.clock import ManualClock
from pyredis.errors import CommandError
from pyredis.keyspace import events
from pyredis.keyspace.database import (
    NO_DEADLINE,
    Database,
    Keyspace,
    KeyspaceListener,
    KeyWaiter,
    string_bytes,
)
from pyredis.keyspace.watch import KeyWatch


class Witness(KeyspaceListener):
    """Writes down everything that a listener is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def key_changed(self, database: Database, key: bytes) -> None:
        self.heard.append(f"changed {key.decode()}")

    def key_expired(self, database: Database, key: bytes) -> None:
        self.heard.append(f"log {key.decode()}")

    def database_flushed(self, database: Database) -> None:
        self.heard.append(f"flushed {database.index}")

    def event(self, kind: int, name: bytes, key: bytes, database: Database) -> None:
        self.heard.append(f"{name.decode()} {key.decode()}")


def witnessed() -> tuple[Database, ManualClock, list[str]]:
    clock = ManualClock()
    keyspace = Keyspace(2, clock)
    witness = Witness()
    keyspace.listener = witness
    keyspace.event_mask = events.EXPIRED | events.NEW | events.KEY_MISS | events.GENERIC
    return keyspace.databases[0], clock, witness.heard


def test_lookups_count_and_report_as_they_say() -> None:
    base, _, heard = witnessed()
    base.store(b"k", b"v")
    heard.clear()
    keyspace = base.keyspace
    for look, hits, misses, event in (
        (base.lookup_read, 1, 1, True),
        (base.lookup, 0, 0, False),
        (base.inspect, 1, 1, True),
        (base.examine, 1, 1, False),
        (base.peek, 0, 0, False),
    ):
        keyspace.hits = keyspace.misses = 0
        heard.clear()
        assert look(b"k") == b"v"
        assert look(b"absent") is None
        assert (keyspace.hits, keyspace.misses) == (hits, misses)
        assert heard == (["keymiss absent"] if event else [])


def test_which_lookups_are_accesses() -> None:
    base, _, _ = witnessed()
    base.store(b"k", b"v")
    for look, idle in (
        (base.inspect, 5),
        (base.examine, 5),
        (base.peek, 5),
        (base.lookup, 0),
        (base.lookup_read, 0),
    ):
        base.access.set_idle(b"k", 5)
        look(b"k")
        assert base.access.idle_seconds(b"k") == idle
    base.access.set_idle(b"k", 5)
    assert base.exists(b"k")
    assert base.access.idle_seconds(b"k") == 5


def test_expiry_reports_signals_and_logs_in_this_order() -> None:
    base, clock, heard = witnessed()
    base.store_until(b"k", b"v", clock.now_ms + 10)
    assert heard == ["new k", "changed k"]
    heard.clear()
    clock.advance(10)
    assert base.lookup_read(b"k") is None
    assert heard == ["expired k", "changed k", "log k", "keymiss k"]
    assert base.keyspace.expired == 1


def test_only_what_is_created_is_new() -> None:
    base, clock, heard = witnessed()
    base.store(b"k", b"v")
    base.store(b"k", b"w")
    base.replace(b"k", b"x")
    base.store_until(b"k", b"y", clock.now_ms + 5)
    assert heard.count("new k") == 1
    clock.advance(5)
    base.store(b"k", b"z")
    assert heard.count("new k") == 2
    assert heard.count("expired k") == 1
    assert base.deadline(b"k") == NO_DEADLINE


def test_changes_are_counted_once_each() -> None:
    base, clock, _ = witnessed()
    base.store(b"k", b"v")
    base.store_until(b"k", b"v", clock.now_ms + 100)
    base.replace(b"k", b"w")
    assert base.keyspace.dirty == 3
    assert base.delete(b"k")
    assert not base.delete(b"k")
    assert base.keyspace.dirty == 4
    base.store_until(b"k", b"v", clock.now_ms - 1)
    assert base.keyspace.dirty == 5
    assert not base.delete(b"k")
    assert base.keyspace.dirty == 5


def test_adding_and_removing_say_nothing_but_new() -> None:
    base, clock, heard = witnessed()
    base.add(b"k", b"v", clock.now_ms + 100)
    assert base.deadline(b"k") == clock.now_ms + 100
    assert base.remove(b"k") == b"v"
    assert base.remove(b"k") is None
    assert base.deadline(b"k") == NO_DEADLINE
    assert heard == ["new k"]
    assert base.keyspace.dirty == 0
    base.check()


def test_swapping_exchanges_everything_but_who_watches_and_waits() -> None:
    base, clock, _ = witnessed()
    other = base.keyspace.databases[1]
    base.store_until(b"here", b"v", clock.now_ms + 1000)
    base.access.set_idle(b"here", 33)
    other.store(b"there", b"w")
    watch, unconcerned = KeyWatch(), KeyWatch()
    watch.add(base, b"there")
    unconcerned.add(base, b"nowhere")
    waiter = KeyWaiter()
    other.blocked[b"here"] = {waiter: None}
    base.keyspace.swap(0, 1)
    assert base.peek(b"there") == b"w"
    assert other.peek(b"here") == b"v"
    assert other.deadline(b"here") == clock.now_ms + 1000
    assert other.access.idle_seconds(b"here") == 33
    assert watch.dirty
    assert not unconcerned.dirty
    assert base.keyspace.ready == [(other, b"here")]
    clock.advance(2000)
    while other.expire_due(10):
        pass
    assert len(other) == 0
    for database in (base, other):
        database.check()


def test_flushing_fails_transactions_and_wakes_waiters_of_keys_that_were_there() -> None:
    base, clock, heard = witnessed()
    base.store_until(b"k", b"v", clock.now_ms + 1000)
    base.store(b"n", b"v")
    watch, unconcerned = KeyWatch(), KeyWatch()
    watch.add(base, b"k")
    unconcerned.add(base, b"absent")
    base.blocked[b"k"] = {KeyWaiter(): None}
    base.blocked[b"absent"] = {KeyWaiter(): None}
    dirty = base.keyspace.dirty
    assert base.flush() == 2
    assert base.keyspace.dirty == dirty + 2
    assert watch.dirty
    assert not unconcerned.dirty
    assert base.keyspace.ready == [(base, b"k")]
    assert heard[-1] == "flushed 0"
    assert base.deadline(b"k") == NO_DEADLINE
    base.check()


def test_a_policy_that_counts_frequencies_is_followed_by_all_databases() -> None:
    base, clock, _ = witnessed()
    base.store(b"k", b"v")
    base.keyspace.count_frequency(True)
    assert base.access.frequency(b"k") == 5
    clock.advance(9000)
    base.keyspace.count_frequency(True)
    base.keyspace.count_frequency(False)
    assert base.access.idle_seconds(b"k") == 0


@pytest.mark.parametrize(("value", "text"), [(b"a", b"a"), (bytearray(b"b"), b"b"), (-7, b"-7")])
def test_strings_are_read_in_every_form(value: object, text: bytes) -> None:
    assert string_bytes(value) == text


def test_what_is_no_string_is_of_the_wrong_type() -> None:
    with pytest.raises(CommandError, match="WRONGTYPE"):
        string_bytes([])
