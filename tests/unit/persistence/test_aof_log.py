"""When changes are written and synced, when replies leave, and what happens when the disk does not want to."""

from __future__ import annotations

from pyredis.persistence.aof_commands import command_bytes
from tests.support.disk import FakeDisk
from tests.support.logged import LoggedServer

OK = b"+OK\r\n"
SELECT_0 = command_bytes(b"SELECT", b"0")
SET = command_bytes(b"SET", b"k", b"v")
ALWAYS = (b"appendfsync", b"always")
MISCONF_FULL = b"-MISCONF Errors writing to the AOF file: No space left on device\r\n"


class TestWriting:
    def test_a_reply_waits_for_the_write(self) -> None:
        logged = LoggedServer(FakeDisk())
        client = logged.client()
        assert client.command("SET", "k", "v") == b""
        assert logged.text() == b""
        logged.round()
        assert client.received() == OK
        assert logged.text() == SELECT_0 + SET

    def test_reads_do_not_wait_unless_something_is_to_be_written(self) -> None:
        logged = LoggedServer(FakeDisk())
        writer, reader = logged.client(), logged.client()
        assert reader.command("GET", "k") == b"$-1\r\n"
        writer.command("SET", "k", "v")
        assert reader.command("GET", "k") == b""
        logged.round()
        assert reader.received() == b"$1\r\nv\r\n"
        assert reader.command("GET", "k") == b"$1\r\nv\r\n"

    def test_one_write_for_all_clients(self) -> None:
        logged = LoggedServer(FakeDisk())
        clients = [logged.client() for _ in range(5)]
        for number, client in enumerate(clients):
            client.command("SET", f"k{number}", number)
        before = logged.log.written
        logged.round()
        assert [client.received() for client in clients] == [OK] * 5
        assert logged.log.written - before == len(logged.text())

    def test_databases_and_transactions(self) -> None:
        logged = LoggedServer(FakeDisk())
        client = logged.client()
        client.send(b"SELECT 3\r\nMULTI\r\nSET a 1\r\nSELECT 0\r\nSET b 2\r\nEXEC\r\nSET c 3\r\n")
        logged.round()
        assert logged.text() == b"".join(
            command_bytes(*line.split())
            for line in (
                b"MULTI", b"SELECT 3", b"SET a 1", b"SELECT 0", b"SET b 2", b"EXEC", b"SET c 3",
            )
        )  # fmt: skip

    def test_a_message_waits_with_the_change_that_it_tells_of(self) -> None:
        logged = LoggedServer(FakeDisk())
        client, listener = logged.client(), logged.client()
        listener.command("SUBSCRIBE", "c")
        client.send(b"SET k v\r\nPUBLISH c m\r\n")
        assert listener.received() == b""
        logged.round()
        assert listener.received() == b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n"
        assert client.received() == b"+OK\r\n:1\r\n"

    def test_quit_behind_a_change(self) -> None:
        logged = LoggedServer(FakeDisk())
        client = logged.client()
        client.send(b"SET k v\r\nQUIT\r\n")
        assert not client.wire.is_closed
        logged.round()
        assert client.received() == b"+OK\r\n+OK\r\n"
        assert client.wire.is_closed

    def test_times(self) -> None:
        logged = LoggedServer(FakeDisk(), (b"aof-timestamp-enabled", b"yes"))
        client = logged.client()
        for _ in range(3):
            client.command("SET", "k", "v")
        logged.server.clock.advance(1500)
        client.command("SET", "k", "v")
        logged.round()
        first = 1_700_000_000
        assert logged.text() == (
            b"#TS:%d\r\n" % first + SELECT_0 + SET * 3 + b"#TS:%d\r\n" % (first + 1) + SET
        )

    def test_expiry_is_a_deletion(self) -> None:
        logged = LoggedServer(FakeDisk())
        client = logged.client()
        client.command("SET", "k", "v", "PX", "100")
        logged.server.clock.advance(200)
        client.command("GET", "k")
        logged.round()
        assert logged.text().endswith(command_bytes(b"DEL", b"k"))


class TestSyncing:
    def test_always_syncs_before_the_reply(self) -> None:
        logged = LoggedServer(FakeDisk(), ALWAYS)
        client = logged.client()
        client.command("SET", "k", "v")
        logged.round()
        assert client.received() == OK
        assert not logged.log.is_unsynced

    def test_every_second_in_another_thread(self) -> None:
        logged = LoggedServer(FakeDisk())
        client = logged.client()
        client.command("SET", "k", "v")
        logged.round()
        logged.log.tick()
        assert logged.host.syncing is not None
        assert logged.log.is_syncing
        logged.end_sync()
        assert not logged.log.is_syncing
        logged.log.tick()
        assert logged.host.syncing is None

    def test_no_sync_with_the_policy_no(self) -> None:
        logged = LoggedServer(FakeDisk(), (b"appendfsync", b"no"))
        logged.client().command("SET", "k", "v")
        logged.round()
        logged.log.tick()
        assert logged.host.syncing is None

    def test_a_write_is_put_off_while_a_sync_runs(self) -> None:
        logged = LoggedServer(FakeDisk())
        client = logged.client()
        client.command("SET", "k", "v")
        logged.round()
        logged.log.tick()
        client.received()
        client.command("SET", "k", "v")
        logged.round()
        assert client.received() == OK
        assert logged.text() == SELECT_0 + SET
        assert logged.log.pending() == len(SET)
        logged.end_sync()
        assert logged.text() == SELECT_0 + SET + SET
        assert logged.log.delayed_syncs == 0

    def test_but_not_for_long(self) -> None:
        logged = LoggedServer(FakeDisk())
        client = logged.client()
        client.command("SET", "k", "v")
        logged.round()
        logged.log.tick()
        client.command("SET", "k", "v")
        logged.round()
        logged.log.postponed_since -= 3.0
        logged.log.tick()
        assert logged.text() == SELECT_0 + SET + SET
        assert logged.log.delayed_syncs == 1


class TestFailure:
    def test_a_full_disk_refuses_writes_until_there_is_room(self) -> None:
        disk = FakeDisk()
        logged = LoggedServer(disk)
        client = logged.client()
        disk.room = 30
        client.command("SET", "k", "v")
        logged.round()
        assert client.received() == OK
        assert logged.text() == b""
        assert client.command("SET", "k", "w") == MISCONF_FULL
        assert client.command("PING") == MISCONF_FULL
        assert client.command("GET", "k") == b"$1\r\nv\r\n"
        client.command("MULTI")
        assert client.command("SET", "k", "w") == MISCONF_FULL
        assert client.command("EXEC").startswith(b"-EXECABORT")
        logged.log.tick()
        assert client.command("SET", "k", "w") == MISCONF_FULL
        disk.room = None
        logged.log.tick()
        assert client.command("PING") == b"+PONG\r\n"
        assert logged.text() == SELECT_0 + SET

    def test_always_answers_nothing_that_is_not_on_disk(self) -> None:
        disk = FakeDisk()
        logged = LoggedServer(disk, ALWAYS)
        client, other = logged.client(), logged.client()
        disk.room = 0
        client.command("SET", "k", "v")
        logged.round()
        assert client.received() == b""
        assert client.wire.is_aborted
        assert other.command("SET", "k", "w") == MISCONF_FULL
        disk.room = None
        logged.log.tick()
        other.command("SET", "k", "w")
        logged.round()
        assert other.received() == OK
        assert logged.text() == SELECT_0 + SET + command_bytes(b"SET", b"k", b"w")
        assert not logged.log.is_unsynced

    def test_a_failing_sync(self) -> None:
        disk = FakeDisk()
        logged = LoggedServer(disk)
        client = logged.client()
        client.command("SET", "k", "v")
        logged.round()
        client.received()
        disk.sync_error = "Input/output error"
        logged.log.tick()
        logged.end_sync()
        assert (
            client.command("SET", "k", "v")
            == b"-MISCONF Errors writing to the AOF file: Input/output error\r\n"
        )
        disk.sync_error = None
        logged.log.synced_at = 0.0
        logged.log.tick()
        logged.end_sync()
        client.command("SET", "k", "v")
        logged.round()
        assert client.received() == OK

    def test_always_with_a_failing_sync(self) -> None:
        disk = FakeDisk()
        logged = LoggedServer(disk, ALWAYS)
        client = logged.client()
        disk.sync_error = "Input/output error"
        client.command("SET", "k", "v")
        logged.round()
        assert client.received() == b""
        assert client.wire.is_aborted
        disk.sync_error = None
        logged.log.tick()
        client = logged.client()
        client.command("SET", "k", "v")
        logged.round()
        assert client.received() == OK
