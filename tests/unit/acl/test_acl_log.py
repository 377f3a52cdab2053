"""The log of refusals: what counts as the same event, and what stays."""

from __future__ import annotations

from pyredis.acl.log import AclLog, LogEntry
from pyredis.acl.permissions import DENIED_AUTH, DENIED_CHANNEL, DENIED_COMMAND, DENIED_KEY


def entry(
    refused: bytes = b"get", reason: int = DENIED_COMMAND, place: bytes = b"toplevel", user: bytes = b"u"
) -> LogEntry:
    return LogEntry(reason, place, refused, user)


def objects(log: AclLog) -> list[bytes]:
    return [known.object for known in log.entries]


def test_the_latest_comes_first() -> None:
    log = AclLog()
    for name in (b"a", b"b", b"c"):
        log.add(entry(name), 1000, 128)
    assert objects(log) == [b"c", b"b", b"a"]
    assert [known.entry_id for known in log.entries] == [2, 1, 0]


def test_the_same_again_counts_and_comes_to_the_front() -> None:
    log = AclLog()
    log.add(entry(b"a"), 1000, 128)
    log.add(entry(b"b"), 2000, 128)
    again = entry(b"a")
    again.client = b"client"
    log.add(again, 61_000, 128)
    assert objects(log) == [b"a", b"b"]
    first = log.entries[0]
    assert (first.count, first.entry_id, first.created_ms, first.updated_ms) == (2, 0, 1000, 61_000)
    assert first.client == b"client"


def test_what_differs_is_another_event() -> None:
    log = AclLog()
    log.add(entry(), 1000, 128)
    log.add(entry(b"set"), 1000, 128)
    log.add(entry(reason=DENIED_KEY), 1000, 128)
    log.add(entry(place=b"multi"), 1000, 128)
    log.add(entry(user=b"v"), 1000, 128)
    log.add(entry(), 61_001, 128)
    assert len(log.entries) == 6
    assert {known.count for known in log.entries} == {1}


def test_only_the_last_ten_are_looked_at() -> None:
    log = AclLog()
    for number in range(11):
        log.add(entry(b"%d" % number), 1000, 128)
    log.add(entry(b"0"), 1000, 128)
    assert len(log.entries) == 12
    log.add(entry(b"10"), 1000, 128)
    assert len(log.entries) == 12


def test_its_length_is_limited() -> None:
    log = AclLog()
    for number in range(5):
        log.add(entry(b"%d" % number), 1000, 3)
    assert objects(log) == [b"4", b"3", b"2"]
    log.add(entry(b"x"), 1000, 0)
    assert objects(log) == []
    log.add(entry(b"y"), 1000, 3)
    assert log.entries[0].entry_id == 5


def test_clearing_keeps_identifiers_and_counters() -> None:
    log = AclLog()
    for reason in (DENIED_AUTH, DENIED_COMMAND, DENIED_KEY, DENIED_KEY, DENIED_CHANNEL):
        log.count(reason)
    log.add(entry(), 1000, 128)
    log.clear()
    log.add(entry(), 1000, 128)
    assert log.entries[0].entry_id == 1
    assert (log.denied_auth, log.denied_command, log.denied_key, log.denied_channel) == (1, 1, 2, 1)
