"""EVAL and its kind, SCRIPT: the cache, effects, permissions, statistics."""

from __future__ import annotations

from hashlib import sha1

import pytest

from pyredis.engine.engine import GATE_BUSY, PropagationSink
from pyredis.engine.scripting import SCRIPT_TIMER
from tests.support.inprocess import Client, InProcess, Timers, encode_command

READER = """#!lua name=l
redis.register_function{function_name = 'f', callback = function() return 1 end, flags = {'no-writes'}}
"""
NO_SCRIPT = b"-NOSCRIPT No matching script. Please use EVAL.\r\n"


class Sink(PropagationSink):
    def __init__(self) -> None:
        self.units: list[list[tuple[int, list[bytes]]]] = []

    def write(self, commands: list[tuple[int, list[bytes]]]) -> None:
        self.units.append(commands)


def sha(script: bytes) -> bytes:
    return sha1(script).hexdigest().encode()


def field(client: Client, section: str, name: str) -> int:
    for line in client.command("INFO", section).decode().split("\r\n"):
        if line.startswith(name + ":"):
            return int(line.partition(":")[2])
    raise AssertionError(name)


@pytest.fixture
def server() -> InProcess:
    return InProcess()


@pytest.fixture
def client(server: InProcess) -> Client:
    return server.client()


def test_eval_keeps_the_script_for_evalsha(client: Client) -> None:
    script = b"return ARGV[1]"
    assert client.command("EVALSHA", sha(script), 0, "x") == NO_SCRIPT
    assert client.command("EVAL", script, 0, "x") == b"$1\r\nx\r\n"
    assert client.command("EVALSHA", sha(script), 0, "y") == b"$1\r\ny\r\n"
    assert client.command("EVALSHA", sha(script).upper(), 0, "z") == b"$1\r\nz\r\n"
    assert client.command("SCRIPT", "EXISTS", sha(script), "nothing") == b"*2\r\n:1\r\n:0\r\n"


def test_script_load_compiles_but_does_not_run(client: Client) -> None:
    script = b"return redis.call('incr', 'n')"
    assert client.command("SCRIPT", "LOAD", script) == b"$40\r\n" + sha(script) + b"\r\n"
    assert client.command("GET", "n") == b"$-1\r\n"
    error = b"-ERR Error compiling script (new function): user_script:1: unexpected symbol near '<eof>'\r\n"
    assert client.command("SCRIPT", "LOAD", "return (") == error
    assert field(client, "memory", "number_of_cached_scripts") == 1


def test_script_flush_forgets_everything_and_begins_with_a_new_interpreter(client: Client) -> None:
    for mode in ((), ("ASYNC",), ("sync",)):
        client.command("EVAL", "return 1", 0)
        before = field(client, "memory", "used_memory_vm_eval")
        assert before > 0
        assert client.command("SCRIPT", "FLUSH", *mode) == b"+OK\r\n"
        assert field(client, "memory", "used_memory_vm_eval") == 0
        assert field(client, "memory", "used_memory_scripts_eval") == 0
        assert client.command("SCRIPT", "EXISTS", sha(b"return 1")) == b"*1\r\n:0\r\n"
    error = b"-ERR SCRIPT FLUSH only support SYNC|ASYNC option\r\n"
    assert client.command("SCRIPT", "FLUSH", "later") == error


def test_scripts_of_eval_are_evicted_the_least_recently_used_first(client: Client) -> None:
    client.command("SCRIPT", "LOAD", "return 'kept'")
    for number in range(500):
        client.command("EVAL", f"return {number}", 0)
    client.command("EVALSHA", sha(b"return 0"), 0)
    client.command("EVAL", "return 500", 0)
    exists = [sha(text) for text in (b"return 'kept'", b"return 0", b"return 1", b"return 500")]
    assert client.command("SCRIPT", "EXISTS", *exists) == b"*4\r\n:1\r\n:1\r\n:0\r\n:1\r\n"
    assert field(client, "stats", "evicted_scripts") == 1
    assert field(client, "memory", "number_of_cached_scripts") == 501


def test_script_load_keeps_a_script_that_eval_brought(client: Client) -> None:
    client.command("EVAL", "return 'x'", 0)
    client.command("SCRIPT", "LOAD", "return 'x'")
    for number in range(501):
        client.command("EVAL", f"return {number}", 0)
    assert client.command("EVALSHA", sha(b"return 'x'"), 0) == b"$1\r\nx\r\n"


def test_many_arguments(client: Client) -> None:
    for count in (98, 99, 100, 101, 20_000):
        keys = [f"k{number}" for number in range(count)]
        script = "return {#KEYS, #ARGV, KEYS[#KEYS], ARGV[#ARGV]}"
        expected = f"*4\r\n:{count}\r\n:1\r\n${len(keys[-1])}\r\n{keys[-1]}\r\n$1\r\na\r\n".encode()
        assert client.command("EVAL", script, count, *keys, "a") == expected


def test_the_script_begins_in_the_callers_database_and_leaves_it_alone(client: Client) -> None:
    client.command("SELECT", 3)
    client.command("SET", "k", "three")
    script = "local here = redis.call('get', 'k') redis.call('select', 5) redis.call('set', 'k', 'five') return here"
    assert client.command("EVAL", script, 0) == b"$5\r\nthree\r\n"
    assert client.command("GET", "k") == b"$5\r\nthree\r\n"
    client.command("SELECT", 5)
    assert client.command("GET", "k") == b"$4\r\nfive\r\n"


def test_setresp_ends_with_the_script(client: Client) -> None:
    client.command("HSET", "h", "f", "v")
    assert (
        client.command("EVAL", "redis.setresp(3) return redis.call('hgetall', 'h').map.f", 0)
        == b"$1\r\nv\r\n"
    )
    assert client.command("EVAL", "return redis.call('hgetall', 'h')[2]", 0) == b"$1\r\nv\r\n"


def test_the_client_s_protocol_shapes_the_reply(server: InProcess) -> None:
    client = server.client(3)
    assert client.command("EVAL", "return {double = 1.5}", 0) == b",1.5\r\n"
    assert client.command("EVAL", "return {map = {a = 1}}", 0) == b"%1\r\n$1\r\na\r\n:1\r\n"
    assert client.command("EVAL", "return {set = {a = true}}", 0) == b"~1\r\n$1\r\na\r\n"
    assert client.command("EVAL", "return {big_number = '12'}", 0) == b"(12\r\n"
    verbatim = "return {verbatim_string = {format = 'md', string = 'x'}}"
    assert client.command("EVAL", verbatim, 0) == b"=5\r\nmd :x\r\n"
    assert client.command("EVAL", "return nil", 0) == b"_\r\n"
    assert client.command("EVAL", "redis.setresp(3) return true", 0) == b"#t\r\n"
    assert client.command("EVAL", "return true", 0) == b":1\r\n"


def test_numbers_as_arguments_are_written_in_their_shortest_form(client: Client) -> None:
    for number, text in (
        ("1", "1"), ("-7", "-7"), ("1e15", "1000000000000000"), ("2^53", "9007199254740992"), ("0.1", "0.1"),
        ("1e-7", "1e-7"), ("1e100", "1e+100"), ("-0.0", "0"), ("1/0", "inf"), ("-1/0", "-inf"), ("3.0", "3"),
    ):  # fmt: skip
        reply = client.command("EVAL", f"redis.call('set', 'k', {number}) return redis.call('get', 'k')", 0)
        assert reply == f"${len(text)}\r\n{text}\r\n".encode(), number


def test_read_only_forms(client: Client) -> None:
    assert client.command("EVAL_RO", "return redis.call('get', 'k')", 0) == b"$-1\r\n"
    for command in ("'set', 'k', 1", "'publish', 'c', 'm'"):
        reply = client.command("EVAL_RO", f"return redis.call({command})", 0)
        assert reply.startswith(b"-ERR Write commands are not allowed from read-only scripts. script: ")
    client.command("SCRIPT", "LOAD", "return redis.call('incr', 'n')")
    assert client.command("EVALSHA_RO", sha(b"return redis.call('incr', 'n')"), 0).startswith(b"-ERR Write")
    reply = client.command("EVAL_RO", "#!lua\nreturn 1", 0)
    assert reply == b"-ERR Can not execute a script with write flag using *_ro command.\r\n"
    assert client.command("EVAL_RO", "#!lua flags=no-writes\nreturn 1", 0) == b":1\r\n"


def test_declared_flags(client: Client) -> None:
    reply = client.command("EVAL", "#!lua flags=no-writes\nreturn redis.call('set', 'k', 1)", 0)
    assert reply.startswith(b"-ERR Write commands are not allowed from read-only scripts.")
    assert reply.endswith(b", on @user_script:2.\r\n")
    assert client.command("EVAL", "#!lua flags=bad\nreturn 1", 0).startswith(
        b"-ERR Unexpected flag in script shebang: bad"
    )


def test_effects_are_logged_as_one_unit_and_not_the_script(server: InProcess, client: Client) -> None:
    sink = Sink()
    server.engine.add_sink(sink)
    client.command("EVAL", "redis.call('set', 'a', 1) redis.call('get', 'a') redis.call('incr', 'a')", 0)
    client.command("EVAL", "return redis.call('set', 'b', 1, 'px', 1000)", 0)
    client.command("EVAL", "return redis.call('get', 'a')", 0)
    deadline = b"%d" % (server.clock.now_ms + 1000)
    assert sink.units == [
        [(0, [b"set", b"a", b"1"]), (0, [b"incr", b"a"])],
        [(0, [b"SET", b"b", b"1", b"PXAT", deadline])],
    ]


def test_an_error_does_not_undo_nor_hide_effects(server: InProcess, client: Client) -> None:
    sink = Sink()
    server.engine.add_sink(sink)
    assert client.command("EVAL", "redis.call('set', 'a', 1) error('late')", 0).startswith(
        b"-ERR user_script:1: late"
    )
    assert client.command("GET", "a") == b"$1\r\n1\r\n"
    assert sink.units == [[(0, [b"set", b"a", b"1"])]]


def test_effects_in_another_database_are_logged_there(server: InProcess, client: Client) -> None:
    sink = Sink()
    server.engine.add_sink(sink)
    client.command("EVAL", "redis.call('select', 2) redis.call('set', 'a', 1)", 0)
    assert sink.units == [[(2, [b"set", b"a", b"1"])]]


def test_set_repl_keeps_effects_from_the_log(server: InProcess, client: Client) -> None:
    sink = Sink()
    server.engine.add_sink(sink)
    script = (
        "redis.set_repl(redis.REPL_NONE) redis.call('set', 'a', 1) redis.set_repl(redis.REPL_ALL) "
        "redis.call('set', 'b', 1) redis.set_repl(redis.REPL_REPLICA) redis.call('set', 'c', 1) "
        "redis.set_repl(redis.REPL_AOF) redis.call('set', 'd', 1)"
    )
    client.command("EVAL", script, 0)
    client.command("EVAL", "redis.call('set', 'e', 1)", 0)
    assert [[argv[1] for _, argv in unit] for unit in sink.units] == [[b"b", b"d"], [b"e"]]


def test_a_script_in_a_transaction_is_part_of_its_unit(server: InProcess, client: Client) -> None:
    sink = Sink()
    server.engine.add_sink(sink)
    client.command("MULTI")
    client.command("SET", "a", 1)
    client.command("EVAL", "return redis.call('incr', 'a')", 0)
    assert client.command("EXEC") == b"*2\r\n+OK\r\n:2\r\n"
    assert sink.units == [[(0, [b"SET", b"a", b"1"]), (0, [b"incr", b"a"])]]


def test_blocked_clients_are_served_when_the_script_has_ended(server: InProcess, client: Client) -> None:
    waiter = server.client()
    assert waiter.command("BLPOP", "list", 0) == b""
    script = "redis.call('rpush', 'list', 'a', 'b') return redis.call('llen', 'list')"
    assert client.command("EVAL", script, 0) == b":2\r\n"
    assert waiter.received() == b"*2\r\n$4\r\nlist\r\n$1\r\na\r\n"


def test_a_watched_key_that_a_script_changes(server: InProcess, client: Client) -> None:
    client.command("WATCH", "k")
    server.client().command("EVAL", "return redis.call('set', 'k', 1)", 0)
    client.command("MULTI")
    client.command("PING")
    assert client.command("EXEC") == b"*-1\r\n"


def test_statistics_count_what_a_script_runs(client: Client) -> None:
    client.command("CONFIG", "RESETSTAT")
    client.command("SET", "k", "x")
    client.command("EVAL", "redis.pcall('incr', 'k') return redis.call('get', 'k')", 0)
    client.command("EVAL", "return redis.call('incr', 'k')", 0)
    info = client.command("INFO", "commandstats").decode()
    lines = dict(line.split(":", 1) for line in info.split("\r\n") if line.startswith("cmdstat_"))
    assert lines["cmdstat_incr"].startswith("calls=2,")
    assert lines["cmdstat_incr"].endswith("failed_calls=2")
    assert lines["cmdstat_eval"].startswith("calls=2,")
    assert lines["cmdstat_eval"].endswith("failed_calls=1")
    assert field(client, "stats", "total_error_replies") == 2


def test_the_debugger_is_refused(client: Client) -> None:
    assert (
        client.command("SCRIPT", "DEBUG", "YES")
        == b"-ERR The Lua debugger is not supported by this server\r\n"
    )
    assert client.command("SCRIPT", "DEBUG", "NO") == b"+OK\r\n"
    assert client.command("SCRIPT", "DEBUG", "maybe") == b"-ERR Use SCRIPT DEBUG YES/SYNC/NO\r\n"


def test_memory_does_not_grow_with_the_number_of_runs(client: Client) -> None:
    script = (
        "local t = {} for i = 1, 20 do t[i] = ARGV[1] .. i end redis.call('set', KEYS[1], t[20]) return t"
    )
    for number in range(500):
        client.command("EVAL", script, 1, "k", number)
    before = field(client, "memory", "used_memory_vm_eval")
    for number in range(3000):
        client.command("EVAL", script, 1, "k", number)
    assert field(client, "memory", "used_memory_vm_eval") < before + 200_000


def test_a_script_that_wants_too_much_memory_ends_with_an_error(client: Client) -> None:
    reply = client.command("EVAL", "local s = string.rep('x', 2000000000) return #s", 0)
    assert reply == b"-ERR not enough memory\r\n"
    assert client.command("EVAL", "return 1", 0) == b":1\r\n"


def test_a_long_script_is_suspended_and_goes_on_by_a_timer() -> None:
    timers = Timers()
    server = InProcess((b"busy-reply-threshold", b"1"), host=timers)
    client, other = server.client(), server.client()
    waiter = server.client()
    assert waiter.command("BLPOP", "list", 0) == b""
    script = (
        "local before = redis.call('time')[1] redis.call('rpush', 'list', 1) "
        "for i = 1, 3000000 do end return redis.call('incr', 'n')"
    )
    assert client.send(encode_command("EVAL", script, 0) + encode_command("INCR", "n")) == b""
    assert timers.wanted == [SCRIPT_TIMER]
    assert other.command("GET", "n").startswith(b"-BUSY Redis is busy running a script.")
    assert waiter.received() == b""
    rounds = 0
    while server.engine.gates & GATE_BUSY:
        assert timers.wanted.pop() == SCRIPT_TIMER
        server.engine.timer_fired(SCRIPT_TIMER)
        rounds += 1
    assert rounds >= 1
    assert client.received() == b":1\r\n:2\r\n"
    assert waiter.received() == b"*2\r\n$4\r\nlist\r\n$1\r\n1\r\n"
    assert other.command("GET", "n") == b"$1\r\n2\r\n"


def test_timers_that_fire_meanwhile_come_late_but_come() -> None:
    timers = Timers()
    server = InProcess((b"busy-reply-threshold", b"1"), host=timers)
    client, waiter = server.client(), server.client()
    assert waiter.command("BLPOP", "list", "0.1") == b""
    client.command("EVAL", "for i = 1, 10000000 do end return 1", 0)
    server.clock.advance(200)
    server.engine.timer_fired("blocking")
    assert waiter.received() == b""
    while server.engine.gates & GATE_BUSY:
        server.engine.timer_fired(SCRIPT_TIMER)
    assert client.received() == b":1\r\n"
    assert waiter.received() == b"*-1\r\n"


def test_no_threshold_means_no_suspension() -> None:
    server = InProcess((b"lua-time-limit", b"0"))
    assert server.client().command("EVAL", "for i = 1, 1000000 do end return 1", 0) == b":1\r\n"


def test_locks_of_redis_py_work(client: Client) -> None:
    release = (
        "local token = redis.call('get', KEYS[1]) if not token or token ~= ARGV[1] then return 0 end "
        "redis.call('del', KEYS[1]) return 1"
    )
    client.command("SET", "lock", "me", "NX", "PX", 1000)
    assert client.command("EVAL", release, 1, "lock", "you") == b":0\r\n"
    assert client.command("EVAL", release, 1, "lock", "me") == b":1\r\n"


def test_a_pause_of_writes_holds_scripts_that_may_write(server: InProcess, client: Client) -> None:
    client.command("FUNCTION", "LOAD", READER)
    client.command("CLIENT", "PAUSE", 1000, "WRITE")
    reader, writer = server.client(), server.client()
    assert reader.command("EVAL", "#!lua flags=no-writes\nreturn 1", 0) == b":1\r\n"
    assert reader.command("EVAL_RO", "return 1", 0) == b":1\r\n"
    assert reader.command("FCALL", "f", 0) == b":1\r\n"
    assert reader.command("EVAL", "#!lua\nreturn 1", 0) == b""
    assert writer.command("EVAL", "return 1", 0) == b""
    client.command("CLIENT", "UNPAUSE")
    assert reader.received() == b":1\r\n"
    assert writer.received() == b":1\r\n"
