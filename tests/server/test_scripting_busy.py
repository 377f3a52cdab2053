"""Scripts that run long: other clients are told so, and can end them."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.server.network import PATIENCE
from tests.support.servers import PyredisServer
from tests.support.wire import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.wire import RawConnection

ENDLESS = "while true do end"
BUSY_SCRIPT = b"-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n"
BUSY_FUNCTION = (
    b"-BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.\r\n"
)
UNKILLABLE = (
    b"-UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the "
    b"script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.\r\n"
)
LIBRARY = """#!lua name=lib
redis.register_function('endless', function(keys) while true do end end)
redis.register_function('writer', function(keys) redis.call('set', keys[1], 1) while true do end end)
"""


@contextmanager
def busy_server(*request: str) -> Iterator[tuple[PyredisServer, RawConnection, RawConnection]]:
    """A server, a client whose request runs too long, and another client, when the server has noticed."""
    with (
        PyredisServer("--busy-reply-threshold", "20") as server,
        server.connect(PATIENCE) as client,
        server.connect(PATIENCE) as other,
    ):
        assert client.command("FUNCTION", "LOAD", LIBRARY) == b"$3\r\nlib\r\n"
        client.send(encode(*request))
        while not other.command("PING").startswith(b"-BUSY"):
            pass
        yield server, client, other


def test_other_clients_are_told_and_can_end_the_script() -> None:
    with busy_server("EVAL", ENDLESS, "0") as (server, client, other):
        assert other.command("GET", "k") == BUSY_SCRIPT
        assert other.command("EVAL", "return 1", "0") == BUSY_SCRIPT
        assert other.command("SHUTDOWN") == BUSY_SCRIPT
        assert other.command("FUNCTION", "KILL") == BUSY_SCRIPT
        assert other.command("HELLO", "2").startswith(b"*")
        assert other.command("SCRIPT", "KILL") == b"+OK\r\n"
        killed = b"-ERR Script killed by user with SCRIPT KILL... script: "
        sha = b"694a5fe1ddb97a4c6a1bf299d9537c7d3d0f84e7"
        assert client.read_reply() == killed + sha + b", on @user_script:1.\r\n"
        assert client.command("PING") == b"+PONG\r\n"
        assert other.command("SCRIPT", "KILL") == b"-NOTBUSY No scripts in execution right now.\r\n"
        server.stop()


def test_what_was_sent_behind_a_long_script_is_answered_in_order() -> None:
    with busy_server("EVAL", ENDLESS, "0") as (server, client, other):
        client.send(encode("INCR", "n") + encode("INCR", "n"))
        assert other.command("SCRIPT", "KILL") == b"+OK\r\n"
        assert client.read_reply().startswith(b"-")
        assert client.read_reply() == b":1\r\n"
        assert client.read_reply() == b":2\r\n"
        server.stop()


def test_the_third_script_of_a_pipeline_is_killed_and_the_others_are_answered_in_order() -> None:
    increment = encode("EVAL", "return redis.call('incr', KEYS[1])", "1", "n")
    with (
        PyredisServer("--busy-reply-threshold", "20") as server,
        server.connect(PATIENCE) as client,
        server.connect(PATIENCE) as other,
    ):
        client.send(increment * 2 + encode("EVAL", ENDLESS, "0") + increment + encode("INCR", "n"))
        assert client.read_reply() == b":1\r\n"
        assert client.read_reply() == b":2\r\n"
        while other.command("EVAL", "return 1", "0") != BUSY_SCRIPT:
            pass
        client.send(increment)
        assert other.command("SCRIPT", "KILL") == b"+OK\r\n"
        assert client.read_reply().startswith(b"-ERR Script killed by user with SCRIPT KILL...")
        assert [client.read_reply() for _ in range(3)] == [b":3\r\n", b":4\r\n", b":5\r\n"]
        other.send(increment * 3)
        assert [other.read_reply() for _ in range(3)] == [b":6\r\n", b":7\r\n", b":8\r\n"]
        server.stop()


def test_catching_errors_does_not_save_a_script_from_its_end() -> None:
    script = "while true do pcall(function() while true do end end) end"
    with busy_server("EVAL", script, "0") as (server, client, other):
        assert other.command("SCRIPT", "KILL") == b"+OK\r\n"
        assert client.read_reply().startswith(b"-")
        server.stop()


def test_a_coroutine_is_no_hiding_place() -> None:
    script = "local c = coroutine.wrap(function() while true do end end) c()"
    with busy_server("EVAL", script, "0") as (server, client, other):
        assert other.command("SCRIPT", "KILL") == b"+OK\r\n"
        assert client.read_reply().startswith(b"-")
        server.stop()


def test_a_script_that_has_written_can_only_go_down_with_the_server() -> None:
    script = "redis.call('set', KEYS[1], 'v') while true do end"
    with busy_server("EVAL", script, "1", "k") as (server, _client, other):
        assert other.command("SCRIPT", "KILL") == UNKILLABLE
        assert other.command("GET", "k") == BUSY_SCRIPT
        other.send(encode("SHUTDOWN", "NOSAVE"))
        assert other.read_until_close() == b""
        assert server.wait() == 0
        server.stop()


def test_a_long_function() -> None:
    with busy_server("FCALL", "endless", "1", "k") as (server, client, other):
        assert other.command("GET", "k") == BUSY_FUNCTION
        assert other.command("SCRIPT", "KILL") == BUSY_FUNCTION
        statistics = other.command("FUNCTION", "STATS")
        assert b"$4\r\nname\r\n$7\r\nendless\r\n$7\r\ncommand\r\n*4\r\n$5\r\nFCALL\r\n" in statistics
        assert other.command("FUNCTION", "KILL") == b"+OK\r\n"
        assert client.read_reply().startswith(b"-")
        server.stop()


def test_a_long_function_that_has_written() -> None:
    with busy_server("FCALL", "writer", "1", "k") as (server, _client, other):
        assert other.command("FUNCTION", "KILL") == UNKILLABLE
        other.send(encode("SHUTDOWN", "NOSAVE"))
        assert other.read_until_close() == b""
        assert server.wait() == 0
        server.stop()


@pytest.mark.parametrize("limit", ["300000", "3000000"])
def test_a_long_script_comes_to_its_end(limit: str) -> None:
    script = f"local n = 0 for i = 1, {limit} do n = n + 1 end redis.call('incr', KEYS[1]) return n"
    with (
        PyredisServer("--busy-reply-threshold", "1") as server,
        server.connect(PATIENCE) as client,
        server.connect(PATIENCE) as other,
    ):
        client.send(encode("EVAL", script, "1", "k") + encode("GET", "k"))
        assert client.read_reply() == b":" + limit.encode() + b"\r\n"
        assert client.read_reply() == b"$1\r\n1\r\n"
        assert other.command("GET", "k") == b"$1\r\n1\r\n"
        server.stop()


def test_a_transaction_waits_for_its_script_and_stays_whole() -> None:
    script = "redis.call('incr', KEYS[1]) for i = 1, 10000000 do end return redis.call('incr', KEYS[1])"
    with (
        PyredisServer("--busy-reply-threshold", "1") as server,
        server.connect(PATIENCE) as client,
        server.connect(PATIENCE) as other,
    ):
        assert other.command("BLPOP", "absent", "0.001") == b"*-1\r\n"
        for request in (("MULTI",), ("INCR", "k"), ("EVAL", script, "1", "k"), ("INCR", "k")):
            assert client.command(*request) in (b"+OK\r\n", b"+QUEUED\r\n")
        client.send(encode("EXEC"))
        while (seen := other.command("GET", "k")) != b"$1\r\n4\r\n":
            assert seen in (BUSY_SCRIPT, b"$-1\r\n")
        assert client.read_reply() == b"*3\r\n:1\r\n:3\r\n:4\r\n"
        server.stop()


def test_a_client_that_goes_while_its_script_runs() -> None:
    with busy_server("EVAL", ENDLESS, "0") as (server, client, other):
        client.close()
        assert other.command("SCRIPT", "KILL") == b"+OK\r\n"
        while other.command("PING") != b"+PONG\r\n":
            pass
        server.stop()


def test_a_signal_waits_for_the_script() -> None:
    with busy_server("EVAL", ENDLESS, "0") as (server, client, other):
        os.kill(server.pid, signal.SIGTERM)
        assert other.command("PING") == BUSY_SCRIPT
        assert other.command("SCRIPT", "KILL") == b"+OK\r\n"
        assert client.read_reply().startswith(b"-")
        assert server.wait() == 0
        server.stop()
