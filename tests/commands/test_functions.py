"""FUNCTION and FCALL."""

from __future__ import annotations

import pytest

from pyredis.engine.engine import PropagationSink
from tests.support.inprocess import Client, InProcess

LIBRARY = """#!lua name=lib
redis.register_function('get', function(keys, args) return redis.call('get', keys[1]) end)
redis.register_function('set', function(keys, args) return redis.call('set', keys[1], args[1]) end)
redis.register_function{
    function_name = 'read', callback = function(keys) return redis.call('get', keys[1]) end,
    flags = {'no-writes'}, description = 'reads',
}
"""


def library(name: str, *functions: str) -> str:
    registered = [f"redis.register_function('{f}', function() return '{name}.{f}' end)" for f in functions]
    return f"#!lua name={name}\n" + "\n".join(registered)


@pytest.fixture
def server() -> InProcess:
    return InProcess()


@pytest.fixture
def client(server: InProcess) -> Client:
    client = server.client()
    assert client.command("FUNCTION", "LOAD", LIBRARY) == b"$3\r\nlib\r\n"
    return client


def payload(client: Client) -> bytes:
    reply = client.command("FUNCTION", "DUMP")
    return reply[reply.index(b"\n") + 1 : -2]


def test_functions_are_called_by_name_in_any_case(client: Client) -> None:
    assert client.command("FCALL", "set", 1, "k", "v") == b"+OK\r\n"
    assert client.command("FCALL", "GET", 1, "k") == b"$1\r\nv\r\n"
    assert client.command("FCALL", "none", 0) == b"-ERR Function not found\r\n"
    assert client.command("FCALL", "get", "x") == b"-ERR Bad number of keys provided\r\n"


def test_read_only_calls(client: Client) -> None:
    assert client.command("FCALL_RO", "read", 1, "k") == b"$-1\r\n"
    error = b"-ERR Can not execute a script with write flag using *_ro command.\r\n"
    assert client.command("FCALL_RO", "get", 1, "k") == error


def test_loading_over_a_library_needs_replace(client: Client) -> None:
    assert client.command("FUNCTION", "LOAD", LIBRARY) == b"-ERR Library 'lib' already exists\r\n"
    assert client.command("FUNCTION", "LOAD", "REPLACE", library("lib", "other")) == b"$3\r\nlib\r\n"
    assert client.command("FCALL", "other", 0) == b"$9\r\nlib.other\r\n"
    assert client.command("FCALL", "get", 1, "k") == b"-ERR Function not found\r\n"


def test_a_new_version_that_fails_leaves_the_old_one(client: Client) -> None:
    for bad in ("#!lua name=lib\nbad bad", "#!lua name=lib\n", "#!lua name=lib\nlocal x = nil .. 'a'"):
        assert client.command("FUNCTION", "LOAD", "REPLACE", bad).startswith(b"-ERR ")
    assert (
        client.command("FUNCTION", "LOAD", library("two", "x", "GET"))
        == b"-ERR Function GET already exists\r\n"
    )
    assert client.command("FCALL", "x", 0) == b"-ERR Function not found\r\n"
    assert client.command("FCALL", "get", 1, "k") == b"$-1\r\n"


def test_loading_takes_no_longer_than_half_a_second(client: Client) -> None:
    reply = client.command("FUNCTION", "LOAD", "#!lua name=slow\nwhile true do end")
    assert reply == b"-ERR Error registering functions: ERR FUNCTION LOAD timeout\r\n"
    assert client.command("FCALL", "get", 1, "k") == b"$-1\r\n"


def test_a_library_keeps_its_own_variables(client: Client) -> None:
    code = "#!lua name=n\nlocal n = 0 redis.register_function('count', function() n = n + 1 return n end)"
    client.command("FUNCTION", "LOAD", code)
    assert client.command("FCALL", "count", 0) == b":1\r\n"
    assert client.command("FCALL", "count", 0) == b":2\r\n"
    assert client.command("SCRIPT", "FLUSH") == b"+OK\r\n"
    assert client.command("FCALL", "count", 0) == b":3\r\n"


def test_list(server: InProcess, client: Client) -> None:
    client.command("FUNCTION", "LOAD", library("two", "x"))
    described = (
        b"%3\r\n$12\r\nlibrary_name\r\n$3\r\ntwo\r\n$6\r\nengine\r\n$3\r\nLUA\r\n$9\r\nfunctions\r\n"
        b"*1\r\n%3\r\n$4\r\nname\r\n$1\r\nx\r\n$11\r\ndescription\r\n_\r\n$5\r\nflags\r\n~0\r\n"
    )
    resp3 = server.client(3)
    assert resp3.command("FUNCTION", "LIST", "LIBRARYNAME", "T*") == b"*1\r\n" + described
    everything = client.command("FUNCTION", "LIST", "withcode")
    assert everything.startswith(b"*2\r\n*8\r\n")
    assert LIBRARY.encode() in everything
    assert (
        b"$4\r\nread\r\n$11\r\ndescription\r\n$5\r\nreads\r\n$5\r\nflags\r\n*1\r\n+no-writes\r\n"
        in everything
    )


def test_delete_and_flush(client: Client) -> None:
    assert client.command("FUNCTION", "DELETE", "LIB") == b"-ERR Library not found\r\n"
    assert client.command("FUNCTION", "DELETE", "lib") == b"+OK\r\n"
    assert client.command("FCALL", "get", 1, "k") == b"-ERR Function not found\r\n"
    client.command("FUNCTION", "LOAD", LIBRARY)
    assert client.command("FUNCTION", "FLUSH", "SYNC") == b"+OK\r\n"
    assert client.command("FUNCTION", "LIST") == b"*0\r\n"


def test_dump_and_restore(client: Client) -> None:
    client.command("FUNCTION", "LOAD", library("two", "x"))
    dumped = payload(client)
    assert client.command("FUNCTION", "RESTORE", dumped) == b"-ERR Library lib already exists\r\n"
    assert client.command("FUNCTION", "RESTORE", dumped, "REPLACE") == b"+OK\r\n"
    client.command("FUNCTION", "LOAD", library("three", "y"))
    assert client.command("FUNCTION", "RESTORE", dumped, "FLUSH") == b"+OK\r\n"
    assert client.command("FCALL", "y", 0) == b"-ERR Function not found\r\n"
    assert client.command("FCALL", "x", 0) == b"$5\r\ntwo.x\r\n"
    client.command("FUNCTION", "FLUSH")
    client.command("FUNCTION", "LOAD", library("four", "X"))
    assert client.command("FUNCTION", "RESTORE", dumped) == b"-ERR Function x already exists\r\n"
    assert client.command("FCALL", "get", 1, "k") == b"-ERR Function not found\r\n"
    damaged = dumped[:-1] + bytes([dumped[-1] ^ 1])
    error = b"-ERR DUMP payload version or checksum are wrong\r\n"
    assert client.command("FUNCTION", "RESTORE", damaged) == error


def test_the_payload_is_that_of_the_real_server(client: Client) -> None:
    client.command("FUNCTION", "FLUSH")
    client.command("FUNCTION", "LOAD", "#!lua name=l1\nredis.register_function('f1',function() return 1 end)")
    client.command("FUNCTION", "LOAD", "#!lua name=l2\nredis.register_function('f2',function() return 1 end)")
    assert payload(client) == (
        b"\xf5@C#!lua name=l1\nredis.register_function('f1',function() return 1 end)"
        b"\xf5@C#!lua name=l2\nredis.register_function('f2',function() return 1 end)"
        b"\n\x00\x8b\xd6\x81\x19\xeeA\xc2i"
    )


def test_changes_of_libraries_are_logged(server: InProcess, client: Client) -> None:
    logged: list[list[bytes]] = []

    class Sink(PropagationSink):
        def write(self, commands: list[tuple[int, list[bytes]]]) -> None:
            logged.extend(argv for _, argv in commands)

    server.engine.add_sink(Sink())
    requests: list[list[bytes | str]] = [
        ["FUNCTION", "DELETE", "lib"],
        ["FUNCTION", "LOAD", LIBRARY],
        ["FUNCTION", "RESTORE", payload(client), "REPLACE"],
        ["FUNCTION", "FLUSH"],
    ]
    for request in requests:
        assert not client.command(*request).startswith(b"-")
    client.command("FUNCTION", "DELETE", "none")
    assert logged == [[w if isinstance(w, bytes) else w.encode() for w in request] for request in requests]


def test_a_function_logs_its_effects(server: InProcess, client: Client) -> None:
    logged: list[list[bytes]] = []

    class Sink(PropagationSink):
        def write(self, commands: list[tuple[int, list[bytes]]]) -> None:
            logged.extend(argv for _, argv in commands)

    server.engine.add_sink(Sink())
    client.command("FCALL", "set", 1, "k", "v")
    assert logged == [[b"set", b"k", b"v"]]


def test_stats_and_info(client: Client) -> None:
    assert client.command("FUNCTION", "STATS") == (
        b"*4\r\n$14\r\nrunning_script\r\n$-1\r\n$7\r\nengines\r\n*2\r\n$3\r\nLUA\r\n*4\r\n"
        b"$15\r\nlibraries_count\r\n:1\r\n$15\r\nfunctions_count\r\n:3\r\n"
    )
    info = client.command("INFO", "memory")
    assert b"number_of_functions:3\r\nnumber_of_libraries:1\r\n" in info
    assert client.command("FUNCTION", "KILL") == b"-NOTBUSY No scripts in execution right now.\r\n"


def test_the_sandbox_of_functions(client: Client) -> None:
    code = "#!lua name=s\nredis.register_function('s', function() {} end)"
    for body, error in (
        ("x = 1", b"Attempt to modify a readonly table"),
        ("return x", b"Script attempted to access nonexistent global variable 'x'"),
        (
            "redis.register_function('t', function() end)",
            b"attempt to call field 'register_function' (a nil value)",
        ),
        ("return KEYS", b"Script attempted to access nonexistent global variable 'KEYS'"),
        ("redis.call = nil", b"Attempt to modify a readonly table"),
    ):
        loaded = client.command("FUNCTION", "LOAD", "REPLACE", code.replace("{}", body))
        assert loaded == b"$1\r\ns\r\n"
        reply = client.command("FCALL", "s", 0)
        assert error in reply
        assert reply.endswith(b"script: s, on @user_function:2.\r\n")
