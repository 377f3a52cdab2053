"""Scripts among other requests of one pipeline: they share its slice of time, and the stack for scripts."""

from __future__ import annotations

import gc
from hashlib import sha1

import pytest

from pyredis.engine.engine import GATE_BUSY
from pyredis.engine.scripting import SCRIPT_TIMER
from pyredis.scripting.errors import ScriptError
from tests.support.inprocess import Client, InProcess, Timers, encode_command

INCREMENT = encode_command("EVAL", "return redis.call('incr', KEYS[1])", 1, "n")
COUNT = "for i = 1, 3000000 do end return redis.call('incr', KEYS[1])"
LONG = encode_command("EVAL", COUNT, 1, "n")
ENDLESS = encode_command("EVAL", "while true do end", 0)
KILLED = b"-ERR Script killed by user with SCRIPT KILL... script: 694a5fe1ddb97a4c6a1bf299d9537c7d3d0f84e7, "
KILLED += b"on @user_script:1.\r\n"


def impatient() -> InProcess:
    """A server that suspends every script of more than a millisecond."""
    return InProcess((b"busy-reply-threshold", b"1"), host=Timers())


def let_end(server: InProcess) -> None:
    """Lets the suspended script run to its end."""
    while server.engine.gates & GATE_BUSY:
        server.engine.timer_fired(SCRIPT_TIMER)


@pytest.fixture
def server() -> InProcess:
    return InProcess()


@pytest.fixture
def client(server: InProcess) -> Client:
    return server.client()


@pytest.mark.parametrize("count", [1, 2, 3, 16])
def test_scripts_and_other_requests_are_answered_in_order(client: Client, count: int) -> None:
    plain = encode_command("INCR", "n")
    replies = client.send((INCREMENT + plain) * count)
    assert replies == b"".join(b":%d\r\n" % n for n in range(1, 2 * count + 1))


def test_every_form_of_a_script_s_name_runs(client: Client) -> None:
    code = "#!lua name=l\nredis.register_function('f', function(keys) return redis.call('incr', keys[1]) end)"
    client.command("FUNCTION", "LOAD", code)
    sha = client.command("SCRIPT", "LOAD", "return redis.call('incr', KEYS[1])").split(b"\r\n")[1]
    pipeline = b"".join(
        encode_command(name, body, 1, "n")
        for name, body in (
            ("eVaL", "return redis.call('incr', KEYS[1])"),
            ("EVALSHA", sha),
            ("evalSHA", sha),
            ("fcall", "f"),
            ("FCALL", "F"),
            ("Fcall", "f"),
        )
    )
    assert client.send(pipeline) == b":1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n"


@pytest.mark.parametrize("count", [0, 1, 2, 3, 90, 97, 98, 300])
def test_functions_take_any_number_of_arguments(client: Client, count: int) -> None:
    code = (
        "#!lua name=l\nredis.register_function('f', function(keys, args) "
        "return {#keys, #args, keys[1] or '', args[1] or '', keys[#keys] or '', args[#args] or ''} end)"
    )
    client.command("FUNCTION", "LOAD", code)
    words = [b"%d" % n for n in range(count)]
    script = b"return {#KEYS, #ARGV, KEYS[1] or '', ARGV[1] or '', KEYS[#KEYS] or '', ARGV[#ARGV] or ''}"
    for keys in {0, 1, count // 2, count} - ({1} if count == 0 else set()):
        ends = [(words[:keys] or [b""])[0], (words[keys:] or [b""])[0]]
        ends += [(words[:keys] or [b""])[-1], (words[keys:] or [b""])[-1]]
        wanted = b"*6\r\n:%d\r\n:%d\r\n" % (keys, count - keys)
        wanted += b"".join(b"$%d\r\n%b\r\n" % (len(end), end) for end in ends)
        assert client.command("FCALL", "f", keys, *words) == wanted
        assert client.command("EVAL", script, keys, *words) == wanted


def test_errors_of_scripts_leave_the_others_alone(client: Client) -> None:
    wrong = encode_command("EVAL", "return redis.call('incr')", 0) + encode_command("EVAL", "x", "a")
    replies = client.send(INCREMENT + wrong + encode_command("EVAL") + INCREMENT)
    lines = replies.split(b"\r\n")
    assert lines[0] == b":1"
    assert lines[1].startswith(b"-ERR Wrong number of args calling Redis command from script script: ")
    assert lines[2] == b"-ERR value is not an integer or out of range"
    assert lines[3] == b"-ERR wrong number of arguments for 'eval' command"
    assert lines[4:] == [b":2", b""]


def test_a_protocol_error_behind_a_script(client: Client) -> None:
    replies = client.send(INCREMENT + b"*1\r\n!x\r\n")
    assert replies == b":1\r\n-ERR Protocol error: expected '$', got '!'\r\n"
    assert client.wire.is_closed


def test_an_unexpected_error_behind_a_script(server: InProcess, client: Client) -> None:
    def broken(ctx: object, argv: list[bytes]) -> bytes:
        raise ValueError(argv)

    server.engine.commands[b"GET"].handler = broken
    assert client.send(INCREMENT + encode_command("GET", "n") + INCREMENT) == b":1\r\n-ERR internal error\r\n"
    assert server.client().send(INCREMENT) == b":2\r\n"


def test_quit_behind_a_script(client: Client) -> None:
    assert client.send(INCREMENT + encode_command("QUIT") + INCREMENT) == b":1\r\n+OK\r\n"
    assert client.wire.is_closed


def test_a_client_that_is_killed_behind_a_script(server: InProcess, client: Client) -> None:
    kill = encode_command("CLIENT", "KILL", "ID", client.session.client_id, "SKIPME", "no")
    client.send(INCREMENT + kill + INCREMENT)
    assert client.wire.is_closed
    assert server.client().send(INCREMENT) == b":2\r\n"


def test_a_blocking_command_behind_a_script(server: InProcess, client: Client) -> None:
    assert client.send(INCREMENT + encode_command("BLPOP", "list", 0) + INCREMENT * 2) == b":1\r\n"
    other = server.client()
    assert other.send(INCREMENT + encode_command("RPUSH", "list", "a") + INCREMENT) == b":2\r\n:1\r\n:3\r\n"
    assert client.received() == b"*2\r\n$4\r\nlist\r\n$1\r\na\r\n:4\r\n:5\r\n"


def test_a_script_that_serves_a_blocked_client(server: InProcess, client: Client) -> None:
    assert client.send(INCREMENT + encode_command("BLPOP", "list", 0)) == b":1\r\n"
    push = encode_command("EVAL", "return redis.call('rpush', 'list', 'a', 'b')", 0)
    assert server.client().send(push + encode_command("LLEN", "list") + INCREMENT) == b":2\r\n:1\r\n:2\r\n"
    assert client.received() == b"*2\r\n$4\r\nlist\r\n$1\r\na\r\n"


def test_transactions_with_scripts_in_one_pipeline(client: Client) -> None:
    transaction = encode_command("MULTI") + INCREMENT * 2 + encode_command("EXEC")
    queued = b"+OK\r\n" + b"+QUEUED\r\n" * 2
    replies = client.send(INCREMENT + transaction + INCREMENT + transaction)
    assert replies == b":1\r\n" + queued + b"*2\r\n:2\r\n:3\r\n:4\r\n" + queued + b"*2\r\n:5\r\n:6\r\n"


def test_messages_to_oneself_stand_behind_the_script(server: InProcess) -> None:
    client = server.client(3)
    client.command("SUBSCRIBE", "c")
    publish = encode_command("EVAL", "return redis.call('publish', 'c', 'x')", 0)
    message = b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n"
    assert client.send(publish + INCREMENT + publish) == b":1\r\n" + message + b":1\r\n:1\r\n" + message


def test_replies_turned_off_and_on_again(client: Client) -> None:
    off, on = encode_command("CLIENT", "REPLY", "OFF"), encode_command("CLIENT", "REPLY", "ON")
    assert client.send(INCREMENT + off + INCREMENT * 2 + on + INCREMENT) == b":1\r\n+OK\r\n:4\r\n"


def test_a_long_pipeline_runs_in_several_slices(client: Client) -> None:
    replies = client.send(INCREMENT * 2000)
    assert replies == b"".join(b":%d\r\n" % n for n in range(1, 2001))
    assert client.wire.slices > 0


def test_a_pause_of_writes_holds_what_stands_behind_a_script(server: InProcess, client: Client) -> None:
    pause = encode_command("CLIENT", "PAUSE", 1000, "WRITE")
    assert client.send(INCREMENT + pause + INCREMENT * 2) == b":1\r\n+OK\r\n"
    server.client().command("CLIENT", "UNPAUSE")
    assert client.received() == b":2\r\n:3\r\n"


def test_what_stands_before_and_behind_a_suspended_script() -> None:
    server = impatient()
    client, other = server.client(), server.client()
    assert client.send(INCREMENT * 2 + LONG + INCREMENT + LONG + INCREMENT) == b":1\r\n:2\r\n"
    assert other.send(INCREMENT * 2) == 2 * other.command("GET", "n")
    let_end(server)
    assert client.received() == b":3\r\n:4\r\n"
    assert server.engine.gates & GATE_BUSY
    let_end(server)
    assert client.received() == b":5\r\n:6\r\n"
    assert other.send(INCREMENT * 2) == b":7\r\n:8\r\n"


def test_a_script_in_the_middle_is_killed() -> None:
    server = impatient()
    client, other = server.client(), server.client()
    assert client.send(INCREMENT * 2 + ENDLESS + INCREMENT * 2) == b":1\r\n:2\r\n"
    assert client.session.is_blocked
    assert other.command("SCRIPT", "KILL") == b"+OK\r\n"
    let_end(server)
    assert client.received() == KILLED + b":3\r\n:4\r\n"
    assert other.command("SCRIPT", "KILL") == b"-NOTBUSY No scripts in execution right now.\r\n"
    assert other.send(ENDLESS) == b""  # the next one is not killed by what was meant for the first
    assert server.engine.gates & GATE_BUSY
    client.command("SCRIPT", "KILL")
    let_end(server)
    assert other.received() == KILLED


def test_a_suspended_transaction_behind_a_script() -> None:
    server = impatient()
    client, other = server.client(), server.client()
    transaction = encode_command("MULTI") + INCREMENT + LONG + INCREMENT + encode_command("EXEC")
    queued = b"+OK\r\n" + b"+QUEUED\r\n" * 3
    assert client.send(INCREMENT + transaction + INCREMENT) == b":1\r\n" + queued
    assert other.command("GET", "n").startswith(b"-BUSY")
    let_end(server)
    assert client.received() == b"*3\r\n:2\r\n:3\r\n:4\r\n:5\r\n"


def test_a_client_that_goes_while_its_script_is_suspended() -> None:
    server = impatient()
    client, other = server.client(), server.client()
    assert client.send(INCREMENT + LONG + INCREMENT * 5) == b":1\r\n"
    client.disconnect()
    let_end(server)
    assert client.received() == b""
    assert other.send(INCREMENT * 2) == b":3\r\n:4\r\n"


def test_what_arrives_while_a_script_is_suspended() -> None:
    server = impatient()
    client = server.client()
    assert client.send(INCREMENT + LONG) == b":1\r\n"
    assert client.send(INCREMENT) == b""
    assert client.send(LONG + INCREMENT) == b""
    let_end(server)
    assert client.received() == b":2\r\n:3\r\n"
    let_end(server)
    assert client.received() == b":4\r\n:5\r\n"


def test_an_unexpected_error_of_a_suspended_script() -> None:
    server = impatient()
    client = server.client()

    original = server.engine.commands[b"exec"].handler

    def breaks_at_the_end(ctx: object, argv: list[bytes]) -> bytes:
        original(ctx, argv)  # type: ignore[arg-type]
        raise ValueError(argv)

    server.engine.commands[b"EXEC"].handler = breaks_at_the_end
    multi = encode_command("MULTI") + LONG + encode_command("EXEC")
    assert client.send(INCREMENT + multi + INCREMENT) == b":1\r\n+OK\r\n+QUEUED\r\n"
    let_end(server)
    assert client.received() == b"-ERR internal error\r\n:3\r\n"


def test_a_script_is_evicted_only_when_it_was_used_longest_ago(client: Client) -> None:
    first = "return 'first'"
    client.command("EVAL", first, 0)
    for number in range(600):
        client.command("EVAL", f"return {number}", 0)
        client.command("EVAL", first, 0)
        client.command("EVAL", first, 0)
    shas = [sha1(script.encode()).hexdigest() for script in (first, "return 0", "return 599")]
    assert client.command("SCRIPT", "EXISTS", *shas) == b"*3\r\n:1\r\n:0\r\n:1\r\n"


def test_a_heap_that_was_large_is_brought_down_by_ordinary_scripts(server: InProcess, client: Client) -> None:
    def used() -> int:
        return server.engine.scripting.figures().eval_vm

    client.command("EVAL", "local t = {} for i = 1, 500000 do t[i] = 'x' .. i end return 1", 0)
    assert used() > 10_000_000
    for _ in range(400):
        client.send(INCREMENT * 200)
    assert used() < 10_000_000


def test_errors_that_scripts_caught_do_not_pile_up(client: Client) -> None:
    script = encode_command("EVAL", "pcall(redis.call, 'incr') return 1", 0)
    kept = []
    for _ in range(6):
        client.send(script * 1000)
        kept.append(sum([isinstance(thing, ScriptError) for thing in gc.get_objects()]))
    assert max(kept) < 200
