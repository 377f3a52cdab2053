"""CLIENT TRACKING and what belongs to it: who hears of which key, when, and in which form."""

from __future__ import annotations

import pytest

from pyredis.protocol.encode import bulk_array
from tests.support.inprocess import Client, InProcess
from tests.support.wire import Tree, decode


def run(client: Client, line: str) -> bytes:
    """The raw reply to a command; `''` is the empty argument."""
    return client.command(*[b"" if word == "''" else word for word in line.split()])


def invalidation(*keys: bytes) -> bytes:
    """The message to a RESP3 client."""
    return b">2\r\n$10\r\ninvalidate\r\n" + bulk_array(list(keys))


FLUSHED = b">2\r\n$10\r\ninvalidate\r\n_\r\n"


def info(client: Client) -> Tree:
    return decode(run(client, "CLIENT TRACKINGINFO"))


def tracking(options: str = "", *directives: tuple[bytes, bytes]) -> tuple[InProcess, Client, Client]:
    """A server, a RESP3 client that tracks, and one that works."""
    server = InProcess(*directives)
    reader, writer = server.client(3), server.client()
    assert run(reader, "CLIENT TRACKING ON " + options) == b"+OK\r\n"
    return server, reader, writer


class TestDefaultMode:
    def test_a_key_that_was_read_is_invalidated_once(self) -> None:
        _, reader, writer = tracking()
        run(reader, "GET k")
        run(writer, "SET k 1")
        assert reader.received() == invalidation(b"k")
        run(writer, "SET k 2")
        assert reader.received() == b""

    def test_only_what_was_read(self) -> None:
        _, reader, writer = tracking()
        run(reader, "GET k")
        run(reader, "SET other 1")
        run(writer, "SET other 2")
        assert reader.received() == b""

    @pytest.mark.parametrize("count", [2, 3, 8, 9, 12])
    def test_many_clients(self, count: int) -> None:
        server, _, writer = tracking()
        readers = [server.client(3) for _ in range(count)]
        for reader in readers * 2:
            run(reader, "CLIENT TRACKING ON")
            run(reader, "GET k")
        assert server.engine.tracking.items == count
        run(writer, "SET k 1")
        assert [reader.received() for reader in readers] == [invalidation(b"k")] * count
        assert server.engine.tracking.items == 0

    def test_every_key_of_a_request(self) -> None:
        _, reader, writer = tracking()
        run(reader, "MGET a b")
        run(writer, "MSET b 1 a 2 c 3")
        assert reader.received() == invalidation(b"b") + invalidation(b"a")

    def test_the_own_change_comes_behind_the_reply(self) -> None:
        _, reader, _ = tracking()
        run(reader, "GET k")
        assert run(reader, "SET k 1") == b"+OK\r\n" + invalidation(b"k")

    def test_noloop_hides_the_own_change_only(self) -> None:
        _, reader, writer = tracking("NOLOOP")
        run(reader, "GET k")
        assert run(reader, "SET k 1") == b"+OK\r\n"
        # The key is no longer remembered either.
        run(writer, "SET k 2")
        assert reader.received() == b""
        run(reader, "GET k")
        run(writer, "SET k 3")
        assert reader.received() == invalidation(b"k")

    def test_a_transaction(self) -> None:
        _, reader, writer = tracking()
        run(reader, "MULTI")
        run(reader, "GET k")
        run(writer, "SET k 1")
        assert reader.received() == b""
        run(reader, "SET k 2")
        assert run(reader, "EXEC") == b"*2\r\n$1\r\n1\r\n+OK\r\n" + invalidation(b"k")

    def test_tracking_begins_within_a_transaction(self) -> None:
        server = InProcess()
        reader, writer = server.client(3), server.client()
        reader.send(b"MULTI\r\nGET a\r\nCLIENT TRACKING ON\r\nGET b\r\nEXEC\r\n")
        run(writer, "MSET a 1 b 2")
        assert reader.received() == invalidation(b"b")
        assert not server.engine.tracking.keys.size

    def test_names_count_not_databases(self) -> None:
        _, reader, writer = tracking()
        run(reader, "GET k")
        run(writer, "SELECT 3")
        run(writer, "SET k 1")
        assert reader.received() == invalidation(b"k")

    def test_an_expired_key(self) -> None:
        server, reader, writer = tracking()
        run(writer, "SET k v PX 10")
        run(reader, "GET k")
        server.clock.advance(1000)
        assert server.engine.keyspace.databases[0].expire_due(10) > 0
        assert reader.received() == invalidation(b"k")
        run(writer, "SET k v PX 10")
        run(reader, "GET k")
        server.clock.advance(11)
        run(writer, "GET k")
        assert reader.received() == invalidation(b"k")

    def test_a_flush_tells_everybody_once(self) -> None:
        _, reader, writer = tracking()
        for line in ("FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC"):
            run(reader, "GET k")
            run(writer, line)
            assert reader.received() == FLUSHED
        assert run(reader, "FLUSHALL") == b"+OK\r\n" + FLUSHED
        run(writer, "SET k 1")  # the table is empty
        assert reader.received() == b""

    def test_a_resp2_client_hears_nothing(self) -> None:
        server = InProcess()
        reader, writer = server.client(), server.client()
        run(reader, "CLIENT TRACKING ON")
        run(reader, "GET k")
        run(writer, "SET k 1")
        assert reader.received() == b""

    def test_off_is_off(self) -> None:
        server, reader, writer = tracking()
        run(reader, "GET k")
        run(reader, "CLIENT TRACKING OFF")
        run(writer, "SET k 1")
        assert reader.received() == b""
        run(reader, "GET k")
        assert not server.engine.tracking.keys.size
        assert server.engine.keyspace.listener is None
        assert reader.session.gates == writer.session.gates == 0

    def test_reset_and_disconnecting(self) -> None:
        server, reader, writer = tracking()
        run(reader, "GET k")
        run(reader, "RESET")
        assert b"tracking_clients:0" in run(writer, "INFO clients")
        run(reader, "CLIENT TRACKING ON")
        run(reader, "GET k2")
        reader.disconnect()
        assert server.engine.tracking.clients == {}
        assert not server.engine.tracking.keys.size
        assert server.engine.keyspace.listener is None
        run(writer, "SET k 1")

    def test_the_table_has_a_limit(self) -> None:
        server, reader, writer = tracking("", (b"tracking-table-max-keys", b"3"))
        for number in range(3):
            assert run(reader, f"GET k{number}") == b"_\r\n"
        received = run(reader, "GET k3")
        assert received.startswith(b"_\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$2\r\nk")
        assert server.engine.tracking.keys.size == 3
        writer.command("CONFIG", "SET", "tracking-table-max-keys", "1")
        assert reader.received().count(b"invalidate") == 2
        assert b"tracking_total_keys:1\r\n" in run(writer, "INFO stats")

    def test_figures(self) -> None:
        server, reader, writer = tracking()
        other = server.client(3)
        run(other, "CLIENT TRACKING ON BCAST PREFIX a PREFIX b")
        run(other, "CLIENT TRACKING OFF")
        run(other, "CLIENT TRACKING ON")
        run(reader, "MGET a b")
        run(other, "GET a")
        run(other, "GET a")
        third = server.client()
        run(third, "CLIENT TRACKING ON BCAST PREFIX a PREFIX b")
        stats = run(writer, "INFO stats")
        assert b"tracking_total_keys:2\r\ntracking_total_items:3\r\ntracking_total_prefixes:2\r\n" in stats
        assert b"tracking_clients:3\r\n" in run(writer, "INFO clients")
        run(writer, "SET a 1")
        assert reader.received() == other.received() == invalidation(b"a")
        assert b"tracking_total_items:1\r\n" in run(writer, "INFO stats")


class TestOptInAndOut:
    def test_opt_in(self) -> None:
        _, reader, writer = tracking("OPTIN")
        run(reader, "GET a")
        run(reader, "CLIENT CACHING YES")
        run(reader, "GET b")
        run(reader, "GET c")
        run(writer, "MSET a 1 b 2 c 3")
        assert reader.received() == invalidation(b"b")

    def test_opt_in_for_a_transaction(self) -> None:
        _, reader, writer = tracking("OPTIN")
        reader.send(b"CLIENT CACHING YES\r\nMULTI\r\nGET a\r\nGET b\r\nEXEC\r\nGET c\r\n")
        run(writer, "MSET a 1 b 2 c 3")
        assert reader.received() == invalidation(b"a") + invalidation(b"b")

    def test_opt_out(self) -> None:
        _, reader, writer = tracking("OPTOUT")
        run(reader, "GET a")
        run(reader, "CLIENT CACHING NO")
        run(reader, "GET b")
        run(reader, "GET c")
        run(writer, "MSET a 1 b 2 c 3")
        assert reader.received() == invalidation(b"a") + invalidation(b"c")

    def test_the_exception_is_for_one_command(self) -> None:
        _, reader, _ = tracking("OPTIN")
        run(reader, "CLIENT CACHING YES")
        assert b"caching-yes" in run(reader, "CLIENT TRACKINGINFO")
        run(reader, "NOSUCH")
        assert b"caching-yes" not in run(reader, "CLIENT TRACKINGINFO")


class TestBroadcast:
    def test_prefixes(self) -> None:
        _, reader, writer = tracking("BCAST PREFIX user: PREFIX item:")
        writer.send(b"SET user:2 a\r\nSET user:1 b\r\nSET other c\r\nSET item:1 d\r\nSET user:2 e\r\n")
        assert reader.received() == invalidation(b"item:1") + invalidation(b"user:1", b"user:2")

    def test_without_a_prefix_everything(self) -> None:
        _, reader, writer = tracking("BCAST")
        writer.send(b"SET b 1\r\nSET a 1\r\n")
        assert reader.received() == invalidation(b"a", b"b")

    def test_noloop(self) -> None:
        server, reader, writer = tracking("BCAST NOLOOP")
        assert run(reader, "SET a 1") == b"+OK\r\n"
        run(writer, "SET a 2")
        assert reader.received() == invalidation(b"a")
        run(reader, "SET k v PX 1")
        server.clock.advance(2)
        assert run(reader, "GET k") == b"_\r\n" + invalidation(b"k")  # nobody's doing

    def test_the_own_change_comes_behind_the_replies(self) -> None:
        _, reader, _ = tracking("BCAST")
        assert reader.send(b"SET a 1\r\nPING\r\n") == b"+OK\r\n+PONG\r\n" + invalidation(b"a")

    def test_keys_that_expire_in_the_background(self) -> None:
        server, reader, writer = tracking("BCAST")
        writer.send(b"SET a 1 PX 1\r\nSET b 1 PX 1\r\n")
        reader.received()
        server.clock.advance(1000)
        server.engine.keyspace.databases[0].expire_due(10)
        server.engine.end_background_work()
        assert reader.received() == invalidation(b"a", b"b")

    def test_no_news_of_keys_read_before(self) -> None:
        server, reader, writer = tracking()
        run(reader, "GET k")
        run(reader, "CLIENT TRACKING OFF")
        run(reader, "CLIENT TRACKING ON BCAST PREFIX x")
        run(writer, "SET k 1")
        assert reader.received() == b""
        run(reader, "CLIENT TRACKING OFF")
        assert server.engine.tracking.prefixes == {}


class TestRedirection:
    def test_to_resp3(self) -> None:
        server, reader, writer = tracking()
        ear = server.client(3)
        run(reader, f"CLIENT TRACKING ON REDIRECT {ear.session.client_id}")
        run(reader, "GET k")
        run(writer, "SET k 1")
        assert reader.received() == b""
        assert ear.received() == invalidation(b"k")

    def test_to_a_resp2_subscriber(self) -> None:
        server = InProcess()
        reader, ear, writer = server.client(), server.client(), server.client()
        run(reader, f"CLIENT TRACKING ON REDIRECT {ear.session.client_id}")
        run(reader, "GET k")
        run(writer, "SET k 1")
        assert ear.received() == b""  # it does not listen yet
        run(ear, "SUBSCRIBE __redis__:invalidate")
        run(reader, "GET k")
        run(writer, "SET k 1")
        head = b"*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n"
        assert ear.received() == head + b"*1\r\n$1\r\nk\r\n"
        run(writer, "FLUSHALL")
        assert ear.received() == head + b"$-1\r\n"

    def test_broken(self) -> None:
        server, reader, writer = tracking()
        ear = server.client(3)
        number = ear.session.client_id
        run(reader, f"CLIENT TRACKING ON REDIRECT {number}")
        run(reader, "GET k")
        ear.disconnect()
        assert b"broken" not in run(reader, "CLIENT TRACKINGINFO")
        run(writer, "SET k 1")
        assert reader.received() == b">2\r\n$21\r\ntracking-redir-broken\r\n:%d\r\n" % number
        assert b"broken_redirect" in run(reader, "CLIENT TRACKINGINFO")
        assert b" flags=tR " in run(reader, "CLIENT INFO")


class TestDescription:
    def test_off(self) -> None:
        client = InProcess().client()
        assert info(client) == [b"flags", [b"off"], b"redirect", -1, b"prefixes", []]
        assert run(client, "CLIENT GETREDIR") == b":-1\r\n"
        assert b" redir=-1 " in run(client, "CLIENT INFO")

    def test_on(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        number = other.session.client_id
        run(client, f"CLIENT TRACKING ON BCAST PREFIX b PREFIX a NOLOOP REDIRECT {number}")
        flags = [b"on", b"bcast", b"noloop"]
        assert info(client) == [b"flags", flags, b"redirect", number, b"prefixes", [b"a", b"b"]]
        assert run(client, "CLIENT GETREDIR") == b":%d\r\n" % number
        line = run(client, "CLIENT INFO")
        assert b" flags=tB " in line
        assert b" redir=%d " % number in line

    def test_resp3(self) -> None:
        client = InProcess().client(3)
        run(client, "CLIENT TRACKING ON OPTOUT")
        run(client, "CLIENT CACHING NO")
        assert run(client, "CLIENT TRACKINGINFO") == (
            b"%3\r\n$5\r\nflags\r\n~3\r\n$2\r\non\r\n$6\r\noptout\r\n$10\r\ncaching-no\r\n"
            b"$8\r\nredirect\r\n:0\r\n$8\r\nprefixes\r\n*0\r\n"
        )


SWITCHED = "disabling tracking for this client, and then re-enabling it with a different mode."


@pytest.mark.parametrize(
    ("before", "line", "error"),
    [
        ("", "TRACKING X", "syntax error"),
        ("", "TRACKING ON FOO", "syntax error"),
        ("", "TRACKING OFF FOO", "syntax error"),
        ("", "TRACKING ON PREFIX", "syntax error"),
        ("", "TRACKING ON REDIRECT", "syntax error"),
        ("", "TRACKING ON REDIRECT x", "value is not an integer or out of range"),
        ("", "TRACKING ON REDIRECT 999", "The client ID you want redirect to does not exist"),
        ("", "TRACKING ON REDIRECT 1 REDIRECT 1", "A client can only redirect to a single other client"),
        ("", "TRACKING ON PREFIX a", "PREFIX option requires BCAST mode to be enabled"),
        ("", "TRACKING ON BCAST OPTIN", "OPTIN and OPTOUT are not compatible with BCAST"),
        ("", "TRACKING ON OPTIN OPTOUT", "You can't specify both OPTIN mode and OPTOUT mode"),
        ("TRACKING ON", "TRACKING ON BCAST", "You can't switch BCAST mode on/off before " + SWITCHED),
        ("TRACKING ON OPTIN", "TRACKING ON OPTOUT", "You can't switch OPTIN/OPTOUT mode before " + SWITCHED),
        (
            "",
            "TRACKING ON BCAST PREFIX ab PREFIX a",
            "Prefix 'ab' overlaps with another provided prefix 'a'. "
            "Prefixes for a single client must not overlap.",
        ),
        (
            "TRACKING ON BCAST PREFIX a",
            "TRACKING ON BCAST PREFIX b PREFIX ab",
            "Prefix 'ab' overlaps with an existing prefix 'a'. "
            "Prefixes for a single client must not overlap.",
        ),
        (
            "",
            "CACHING YES",
            "CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode "
            "enabled",
        ),
        (
            "TRACKING ON",
            "CACHING YES",
            "CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
        ),
        (
            "TRACKING ON OPTIN",
            "CACHING NO",
            "CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
        ),
        ("TRACKING ON OPTIN", "CACHING x", "syntax error"),
    ],
)
def test_errors(before: str, line: str, error: str) -> None:
    client = InProcess().client()
    if before:
        assert run(client, "CLIENT " + before) == b"+OK\r\n"
    shown = info(client)
    assert run(client, "CLIENT " + line) == f"-ERR {error}\r\n".encode()
    assert info(client) == shown


def test_a_script_tracks_what_it_reads() -> None:
    _, reader, writer = tracking()
    reader.command("EVAL", "redis.call('get', 'undeclared') redis.call('set', 'x', 1)", "1", "declared")
    run(writer, "MSET declared 1 undeclared 2 x 3")
    assert reader.received() == invalidation(b"undeclared")


def test_what_a_script_changes_is_nobodys_own() -> None:
    script = "redis.call('set', KEYS[1], 1)"
    _, reader, _ = tracking("BCAST NOLOOP")
    assert reader.command("EVAL", script, "1", "k") == b"_\r\n" + invalidation(b"k")
    _, reader, _ = tracking("NOLOOP")
    run(reader, "GET k")
    assert reader.command("EVAL", script, "1", "k") == b"_\r\n"
