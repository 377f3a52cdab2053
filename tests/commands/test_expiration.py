"""Deadlines, in process."""

from __future__ import annotations

import pytest

from tests.commands.test_keys import NOT_AN_INTEGER, OK, ONE, ZERO, Client, InProcess, events_of, log_of

NOW_MS = 1_700_000_000_000
COMMANDS = ("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT")
NX_EXCLUDES = b"-ERR NX and XX, GT or LT options at the same time are not compatible\r\n"
GT_EXCLUDES_LT = b"-ERR GT and LT options at the same time are not compatible\r\n"


@pytest.fixture
def server() -> InProcess:
    return InProcess()


@pytest.fixture
def client(server: InProcess) -> Client:
    client = server.client()
    client.command("SET", "k", "v")
    return client


def argument(name: str, milliseconds: int) -> int:
    """What to tell a command of the family for a deadline so many milliseconds from now."""
    if name.endswith("AT"):
        milliseconds += NOW_MS
    return milliseconds if name.startswith("P") else milliseconds // 1000


@pytest.mark.parametrize("name", COMMANDS)
def test_a_key_lives_up_to_its_deadline(server: InProcess, client: Client, name: str) -> None:
    events, dirty = events_of(server), server.engine.keyspace.dirty
    assert client.command(name, "k", argument(name, 5000)) == ONE
    assert server.engine.keyspace.dirty == dirty + 1
    assert events.take() == ["expire k@0"]
    assert client.command("PTTL", "k") == b":5000\r\n"
    assert client.command("PEXPIRETIME", "k") == b":%d\r\n" % (NOW_MS + 5000)
    server.clock.advance(4999)
    assert client.command("PTTL", "k") == ONE
    server.clock.advance(1)
    assert client.command("GET", "k") == b"$-1\r\n"
    assert client.command(name, "k", argument(name, 5000)) == ZERO
    assert events.take() == ["expired k@0", "keymiss k@0"]


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("milliseconds", [0, -1000, -NOW_MS - 5000])
def test_a_past_deadline_deletes(server: InProcess, client: Client, name: str, milliseconds: int) -> None:
    events = events_of(server)
    assert client.command(name, "k", argument(name, milliseconds)) == ONE
    assert events.take() == ["del k@0"]
    assert client.command("EXISTS", "k") == ZERO
    assert server.engine.keyspace.expired == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_deadlines_are_logged_in_one_form(server: InProcess, client: Client, name: str) -> None:
    log = log_of(server)
    client.command(name, "k", argument(name, 7000))
    deadline = b"%d" % (NOW_MS + 7000)
    assert log.take() == [[b"PEXPIREAT", b"k", deadline]]
    client.command(name, "k", argument(name, 9000), "GT", "xx")
    assert log.take() == [[b"PEXPIREAT", b"k", b"%d" % (NOW_MS + 9000), b"GT", b"xx"]]
    client.command(name, "k", argument(name, 8000), "GT")
    client.command(name, "absent", argument(name, 8000))
    assert log.take() == []
    client.command(name, "k", argument(name, -1000))
    assert log.take() == [[b"DEL", b"k"]]
    client.command("CONFIG", "SET", "lazyfree-lazy-expire", "yes")
    client.command("SET", "k", "v")
    log.take()
    client.command(name, "k", argument(name, -1000))
    assert log.take() == [[b"UNLINK", b"k"]]


def test_expiry_is_logged_before_the_command_that_met_it(server: InProcess, client: Client) -> None:
    log = log_of(server)
    client.command("PEXPIRE", "k", 10)
    server.clock.advance(10)
    log.take()
    client.command("GET", "k")
    assert log.take() == [[b"DEL", b"k"]]
    client.command("SET", "k", "v", "PX", 10)
    server.clock.advance(10)
    log.take()
    client.command("SET", "k", "w")
    assert log.take() == [[b"DEL", b"k"], [b"SET", b"k", b"w"]]
    client.command("CONFIG", "SET", "lazyfree-lazy-expire", "yes")
    client.command("SET", "k", "v", "PX", 10)
    server.clock.advance(10)
    log.take()
    client.command("GET", "k")
    assert log.take() == [[b"UNLINK", b"k"]]


@pytest.mark.parametrize(
    ("current", "options", "new", "allowed"),
    [
        (None, "NX", 5000, True),
        (None, "XX", 5000, False),
        (None, "GT", 5000, False),
        (None, "LT", 5000, True),
        (None, "XX LT", 5000, False),
        (5000, "NX", 9000, False),
        (5000, "XX", 9000, True),
        (5000, "GT", 9000, True),
        (5000, "GT", 5000, False),
        (5000, "GT", 1000, False),
        (5000, "LT", 1000, True),
        (5000, "LT", 5000, False),
        (5000, "LT", 9000, False),
        (5000, "XX GT", 9000, True),
        (5000, "xx lt LT", 1000, True),
        (5000, "LT", -1000, True),
        (5000, "GT", -1000, False),
        (5000, "NX", -1000, False),
    ],
)
def test_conditions(client: Client, current: int | None, options: str, new: int, allowed: bool) -> None:
    if current is not None:
        client.command("PEXPIRE", "k", current)
    assert client.command("PEXPIRE", "k", new, *options.split()) == (ONE if allowed else ZERO)
    if new < 0 and allowed:
        assert client.command("EXISTS", "k") == ZERO
    else:
        left = new if allowed else -1 if current is None else current
        assert client.command("PTTL", "k") == b":%d\r\n" % left


@pytest.mark.parametrize(
    ("options", "reply"),
    [
        ("NX XX", NX_EXCLUDES),
        ("GT NX", NX_EXCLUDES),
        ("nx lt gt", NX_EXCLUDES),
        ("GT LT", GT_EXCLUDES_LT),
        ("WHAT", b"-ERR Unsupported option WHAT\r\n"),
        ("GT LT WHAT", b"-ERR Unsupported option WHAT\r\n"),
    ],
)
def test_conditions_that_exclude_each_other(client: Client, options: str, reply: bytes) -> None:
    assert client.command("EXPIRE", "k", "nonsense", *options.split()) == reply
    assert client.command("EXPIRE", "absent", "10", *options.split()) == reply


def test_strange_options_are_quoted_as_c_strings(client: Client) -> None:
    assert client.command("EXPIRE", "k", "10", b"a\0b") == b"-ERR Unsupported option a\r\n"
    assert client.command("EXPIRE", "k", "10", b"a\r\n") == b"-ERR Unsupported option a\r\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_times_that_are_no_integers(client: Client, name: str) -> None:
    for text in ("", "x", "1.5", "9223372036854775808", "-9223372036854775809", "01", " 1"):
        assert client.command(name, "k", text) == NOT_AN_INTEGER
    assert client.command("TTL", "k") == b":-1\r\n"


@pytest.mark.parametrize(
    ("name", "time", "fits"),
    [
        ("EXPIRE", 9223372036854776, False),
        ("EXPIRE", 9223372036854775 - NOW_MS // 1000, True),
        ("EXPIRE", 9223372036854775 - NOW_MS // 1000 + 1, False),
        ("EXPIRE", -9223372036854775, True),
        ("EXPIRE", -9223372036854776, False),
        ("PEXPIRE", 9223372036854775807 - NOW_MS, True),
        ("PEXPIRE", 9223372036854775807 - NOW_MS + 1, False),
        ("PEXPIRE", -9223372036854775808, True),
        ("EXPIREAT", 9223372036854775, True),
        ("EXPIREAT", 9223372036854776, False),
        ("EXPIREAT", -9223372036854776, False),
        ("PEXPIREAT", 9223372036854775807, True),
        ("PEXPIREAT", -9223372036854775808, True),
    ],
)
def test_times_at_the_limits(server: InProcess, client: Client, name: str, time: int, fits: bool) -> None:
    error = b"-ERR invalid expire time in '%b' command\r\n" % name.lower().encode()
    assert client.command(name, "k", time) == (ONE if fits else error)
    assert client.command("EXISTS", "k") == (ZERO if fits and time < 0 else ONE)
    assert client.command(name, "absent", time) == (ZERO if fits else error)
    server.engine.keyspace.databases[0].check()


@pytest.mark.parametrize("name", ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"])
def test_no_key_and_no_deadline(server: InProcess, client: Client, name: str) -> None:
    assert client.command(name, "absent") == b":-2\r\n"
    assert client.command(name, "k") == b":-1\r\n"
    assert (server.engine.keyspace.hits, server.engine.keyspace.misses) == (1, 1)


@pytest.mark.parametrize(
    ("left", "seconds"), [(1, 0), (499, 0), (500, 1), (1499, 1), (1500, 2), (10_000, 10)]
)
def test_seconds_are_rounded_to_the_nearest(client: Client, left: int, seconds: int) -> None:
    client.command("PEXPIRE", "k", left)
    assert client.command("TTL", "k") == b":%d\r\n" % seconds
    assert client.command("PTTL", "k") == b":%d\r\n" % left
    assert client.command("EXPIRETIME", "k") == b":%d\r\n" % (NOW_MS // 1000 + seconds)


def test_persist(server: InProcess, client: Client) -> None:
    events, log = events_of(server), log_of(server)
    server.engine.keyspace.listener = events
    assert client.command("PERSIST", "k") == ZERO
    assert client.command("PERSIST", "absent") == ZERO
    client.command("EXPIRE", "k", 10)
    events.take()
    log.take()
    assert client.command("PERSIST", "k") == ONE
    assert events.take() == ["persist k@0"]
    assert log.take() == [[b"PERSIST", b"k"]]
    assert client.command("TTL", "k") == b":-1\r\n"
    server.clock.advance(20_000)
    assert client.command("GET", "k") == b"$1\r\nv\r\n"


def test_watched_keys_hear_of_deadlines(server: InProcess, client: Client) -> None:
    for argv in (["EXPIRE", "k", "10"], ["PERSIST", "k"], ["EXPIRE", "k", "-1"]):
        watcher = server.client()
        watcher.command("WATCH", "k")
        watcher.command("MULTI")
        client.command(*argv)
        assert watcher.command("EXEC") == b"*-1\r\n"


def test_active_expiry_can_be_switched_off(server: InProcess, client: Client) -> None:
    client.session.is_unix = True
    assert client.command("CONFIG", "GET", "enable-debug-command").endswith(b"no\r\n")
    server.engine.config.assign("enable-debug-command", "yes")
    assert client.command("DEBUG", "SET-ACTIVE-EXPIRE", "0") == OK
    assert not server.engine.keyspace.active_expire
    assert client.command("DEBUG", "SET-ACTIVE-EXPIRE", "1") == OK
    assert server.engine.keyspace.active_expire
    assert client.command("DEBUG", "SET-ACTIVE-EXPIRE", "no") == OK
    assert not server.engine.keyspace.active_expire


def test_arity(client: Client) -> None:
    for name in COMMANDS:
        assert client.command(name, "k") == (
            b"-ERR wrong number of arguments for '%b' command\r\n" % name.lower().encode()
        )
    assert client.command("TTL", "k", "k") == b"-ERR wrong number of arguments for 'ttl' command\r\n"
