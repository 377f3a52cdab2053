"""redis-py's own scripts and helpers against a running server."""

from __future__ import annotations

import os

import pytest
import redis

from tests.support.servers import PyredisServer


@pytest.mark.parametrize("protocol", [2, 3])
def test_locks_scripts_and_functions_of_redis_py(protocol: int) -> None:
    with PyredisServer() as server:
        client = redis.Redis(port=server.port, protocol=protocol)
        try:
            _use(client)
        finally:
            client.close()
        server.stop()


def _use(client: redis.Redis) -> None:
    lock = client.lock("lock", timeout=10)
    assert lock.acquire(blocking=False)
    assert not client.lock("lock", timeout=10).acquire(blocking=False)
    assert lock.extend(10)
    assert lock.reacquire()
    lock.release()
    assert client.get("lock") is None
    with pytest.raises(redis.exceptions.LockError):
        lock.release()
    add = client.register_script("return redis.call('incrby', KEYS[1], ARGV[1])")
    assert add(keys=["n"], args=[5]) == 5
    client.script_flush()
    assert add(keys=["n"], args=[5]) == 10  # NOSCRIPT, and loaded again
    assert client.script_exists(add.sha) == [True]
    with client.pipeline() as pipe:
        add(keys=["n"], args=[1], client=pipe)
        assert pipe.execute() == [11]
    code = "#!lua name=lib\nredis.register_function('f', function(keys, args) return args[1] end)"
    assert client.function_load(code) in (b"lib", "lib")
    assert client.fcall("f", 0, "x") == b"x"
    payload = client.function_dump()
    client.function_flush()
    assert client.function_restore(payload)
    assert client.fcall("f", 0, "y") == b"y"


def test_libraries_survive_a_restart(tmp_path: object) -> None:
    code = "#!lua name=lib\nredis.register_function('f', function(keys, args) return args[1] end)"
    for options in (("--appendonly", "no"), ("--appendonly", "yes")):
        directory = f"{tmp_path}/{options[1]}"
        os.mkdir(directory)
        arguments = ("--dir", directory, *options)
        with PyredisServer(*arguments) as server, server.connect() as client:
            assert client.command("FUNCTION", "LOAD", code) == b"$3\r\nlib\r\n"
            assert (
                client.command("EVAL", "redis.call('set', 'a', 1) redis.call('incr', 'a')", "0") == b"$-1\r\n"
            )
            if options[1] == "no":
                assert client.command("SAVE") == b"+OK\r\n"
            else:
                assert client.command("FUNCTION", "LOAD", code.replace("lib", "two").replace("'f'", "'g'"))
            server.stop()
        with PyredisServer(*arguments) as server, server.connect() as client:
            assert client.command("FCALL", "f", "0", "x") == b"$1\r\nx\r\n"
            assert client.command("GET", "a") == b"$1\r\n2\r\n"
            if options[1] == "yes":
                assert client.command("FCALL", "g", "0", "y") == b"$1\r\ny\r\n"
            server.stop()
