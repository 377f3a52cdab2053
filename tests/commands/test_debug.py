"""DEBUG, in process."""

from __future__ import annotations

import logging
from hashlib import sha1

import pytest

from tests.commands.test_keys import NO_SUCH_DATABASE, OK, log_of
from tests.support.inprocess import Client, InProcess
from tests.support.wire import decode

NOT_POSITIVE = b"-ERR value is out of range, must be positive\r\n"


@pytest.fixture
def server() -> InProcess:
    server = InProcess()
    server.engine.config.assign("enable-debug-command", "yes")
    return server


@pytest.fixture
def client(server: InProcess) -> Client:
    return server.client()


def unknown(word: str) -> bytes:
    return (
        f"-ERR unknown subcommand or wrong number of arguments for '{word}'. Try DEBUG HELP.\r\n"
    ).encode()


def test_debug_has_to_be_enabled() -> None:
    reply = InProcess().client().command("DEBUG", "DIGEST")
    assert reply.startswith(b"-ERR DEBUG command not allowed.")


def test_unknown_subcommands_and_wrong_numbers_of_arguments(client: Client) -> None:
    for argv in (
        ["nosuch"],
        ["SLEEP"],
        ["DIGEST", "x"],
        ["ERROR"],
        ["PROTOCOL"],
        ["POPULATE"],
        ["HELP", "x"],
    ):
        assert client.command("DEBUG", *argv) == unknown(argv[0])
    assert client.command("DEBUG") == b"-ERR wrong number of arguments for 'debug' command\r\n"


def test_help_names_every_subcommand(client: Client) -> None:
    from pyredis.commands.debug import HELP, SUBCOMMANDS

    told = {line.split(b" ")[0] for line in HELP if not line.startswith(b" ")}
    assert told | {b"HELP"} == set(SUBCOMMANDS)
    assert client.command("DEBUG", "HELP").startswith(b"*")


def test_log_and_error(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "pyredis"):
        assert client.command("DEBUG", "LOG", "hear ye") == OK
    assert "DEBUG LOG: hear ye" in caplog.text
    assert client.command("DEBUG", "ERROR", "MINE it is\r\n") == b"-MINE it is  \r\n"


def test_sleep_reads_times_as_c_does(client: Client) -> None:
    for text in ("0.001", "1e-3", "0", "-5", "nonsense", "nan", "inf", ""):
        assert client.command("DEBUG", "SLEEP", text) == OK


def test_replication_id_changes(server: InProcess, client: Client) -> None:
    before = server.engine.replication_id
    assert client.command("DEBUG", "CHANGE-REPL-ID") == OK
    assert server.engine.replication_id != before
    assert len(server.engine.replication_id) == 40


SHAPES = {
    "string": (b"$11\r\nHello World\r\n", None),
    "integer": (b":12345\r\n", None),
    "double": (b"$5\r\n3.141\r\n", b",3.141\r\n"),
    "bignum": (
        b"$37\r\n1234567999999999999999999999999999999\r\n",
        b"(1234567999999999999999999999999999999\r\n",
    ),
    "null": (b"$-1\r\n", b"_\r\n"),
    "array": (b"*3\r\n:0\r\n:1\r\n:2\r\n", None),
    "set": (b"*3\r\n:0\r\n:1\r\n:2\r\n", b"~3\r\n:0\r\n:1\r\n:2\r\n"),
    "map": (
        b"*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n",
        b"%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n",
    ),
    "attrib": (
        b"$39\r\nSome real reply following the attribute\r\n",
        b"|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n"
        b"$39\r\nSome real reply following the attribute\r\n",
    ),
    "push": (
        b"-ERR RESP2 is not supported by this command\r\n",
        b">2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n$40\r\nSome real reply following the push reply\r\n",
    ),
    "verbatim": (b"$25\r\nThis is a verbatim\nstring\r\n", b"=29\r\ntxt:This is a verbatim\nstring\r\n"),
    "TRUE": (b":1\r\n", b"#t\r\n"),
    "false": (b":0\r\n", b"#f\r\n"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_protocol_shapes(server: InProcess, shape: str) -> None:
    resp2, resp3 = SHAPES[shape]
    assert server.client().command("DEBUG", "PROTOCOL", shape) == resp2
    assert server.client(3).command("DEBUG", "PROTOCOL", shape) == (resp3 or resp2)


def test_an_unknown_shape(client: Client) -> None:
    assert client.command("DEBUG", "PROTOCOL", "cube").startswith(
        b"-ERR Wrong protocol type name. Please use one"
    )


@pytest.mark.parametrize(
    ("value", "encoding", "length"),
    [
        ("a", "embstr", 2),
        ("", "embstr", 1),
        ("abcdefghij" * 2, "embstr", 21),
        ("x" * 63, "raw", 12),
        ("x" * 64, "raw", 13),
        ("x" * 20_000, "raw", 242),
        ("5", "int", 2),
        ("-128", "int", 2),
        ("128", "int", 3),
        ("-32769", "int", 5),
        ("2147483648", "int", 11),
        ("12345678901", "int", 12),
        ("123456789012", "int", 13),
    ],
)
def test_object(server: InProcess, client: Client, value: str, encoding: str, length: int) -> None:
    client.command("SET", "k", value)
    server.clock.advance(9000)
    lru = (server.clock.now_ms - 9000) // 1000 & 0xFFFFFF
    count = 2147483647 if value in ("5", "128") else 1
    line = client.command("DEBUG", "OBJECT", "k").decode()
    assert line.startswith("+Value at:0x")
    assert line.split(" ", 2)[2] == (
        f"refcount:{count} encoding:{encoding} serializedlength:{length} lru:{lru} lru_seconds_idle:9\r\n"
    )


def test_object_of_a_collection_and_of_nothing(client: Client) -> None:
    client.command("RPUSH", "pair", "one", "two")
    assert b" refcount:1 encoding:listpack serializedlength:20 lru:" in client.command(
        "DEBUG", "OBJECT", "pair"
    )
    assert client.command("DEBUG", "OBJECT", "absent") == b"-ERR no such key\r\n"


def test_object_looks_at_expired_keys_and_is_no_access(server: InProcess, client: Client) -> None:
    client.command("SET", "k", "v", "PX", 10)
    server.clock.advance(5000)
    for _ in range(2):
        assert b"lru_seconds_idle:5" in client.command("DEBUG", "OBJECT", "k")


def test_populate(server: InProcess, client: Client) -> None:
    log = log_of(server)
    client.command("SET", "key:1", "mine")
    log.take()
    dirty = server.engine.keyspace.dirty
    assert client.command("DEBUG", "POPULATE", 3) == OK
    assert client.command("DEBUG", "POPULATE", 2, "p", 10) == OK
    assert client.command("DEBUG", "POPULATE", 1, "q", 3) == OK
    assert client.command("DBSIZE") == b":6\r\n"
    assert client.command("GET", "key:1") == b"$4\r\nmine\r\n"
    assert client.command("GET", "key:2") == b"$7\r\nvalue:2\r\n"
    assert client.command("GET", "p:1") == b"$10\r\nvalue:1\0\0\0\r\n"
    assert client.command("GET", "q:0") == b"$3\r\nval\r\n"
    assert log.take() == []
    assert server.engine.keyspace.dirty == dirty
    for argv in (["x"], ["-1"], ["1", "p", "-1"], ["1", "p", "x"]):
        assert client.command("DEBUG", "POPULATE", *argv) == NOT_POSITIVE


def mixed(*parts: bytes) -> bytes:
    """Twenty bytes that have taken in parts whose order matters."""
    state = bytes(20)
    for part in parts:
        state = bytes(a ^ b for a, b in zip(state, sha1(part).digest(), strict=True))
        state = sha1(state).digest()
    return state


def test_digest_of_values(client: Client) -> None:
    client.command("SET", "a", "v")
    client.command("INCR", "n")
    client.command("APPEND", "b", "v")
    client.command("RPUSH", "pair", "one", "two")
    string, one = mixed(b"\0\0\0\0", b"v").hex(), mixed(b"\0\0\0\0", b"1").hex()
    pair = mixed(b"\0\0\0\1", b"one", b"two").hex()
    assert (
        client.command("DEBUG", "DIGEST-VALUE", "a", "b", "n", "pair", "absent")
        == (f"*5\r\n+{string}\r\n+{string}\r\n+{one}\r\n+{pair}\r\n+{'0' * 40}\r\n").encode()
    )
    client.command("EXPIRE", "a", 100)
    plus = bytes(a ^ b for a, b in zip(bytes.fromhex(string), sha1(b"!!expire!!").digest(), strict=True))
    assert client.command("DEBUG", "DIGEST-VALUE", "a") == f"*1\r\n+{plus.hex()}\r\n".encode()
    assert client.command("DEBUG", "DIGEST-VALUE") == b"*0\r\n"


def test_digest_of_everything(client: Client) -> None:
    empty = client.command("DEBUG", "DIGEST")
    assert empty == b"+" + b"0" * 40 + b"\r\n"
    client.command("SET", "a", "1")
    client.command("SET", "b", "2")
    digest = client.command("DEBUG", "DIGEST")
    assert digest != empty
    client.command("FLUSHALL")
    client.command("SET", "b", "2")
    client.command("INCR", "a")
    assert client.command("DEBUG", "DIGEST") == digest
    assert client.command("SWAPDB", 0, 1) == OK
    assert client.command("DEBUG", "DIGEST") != digest
    assert client.command("SWAPDB", 0, 1) == OK
    assert client.command("EXPIRE", "a", 10) == b":1\r\n"
    assert client.command("DEBUG", "DIGEST") != digest
    assert client.command("SELECT", 99) == NO_SUCH_DATABASE


def test_a_digest_that_redis_gave() -> None:
    """Of `SET k 1` with a deadline in database 0, by Redis 7.0.15."""
    server = InProcess()
    server.engine.config.assign("enable-debug-command", "yes")
    client = server.client()
    client.command("SET", "k", "1")
    client.command("EXPIRE", "k", 1000)
    assert client.command("DEBUG", "DIGEST") == b"+d63f94e237729e196ef36a367ed203db05641f97\r\n"
    assert (
        client.command("DEBUG", "DIGEST-VALUE", "k") == b"*1\r\n+5279988c5d1911f474bcbbf2f0a87012d40f8459\r\n"
    )


def test_the_checksum_of_a_payload_may_be_skipped(client: Client) -> None:
    client.command("SET", "k", "v")
    payload = decode(client.command("DUMP", "k"))
    assert isinstance(payload, bytes)
    damaged = payload[:-1] + bytes([payload[-1] ^ 1])
    wrong = b"-ERR DUMP payload version or checksum are wrong\r\n"
    assert client.command("RESTORE", "other", 0, damaged) == wrong
    assert client.command("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", 1) == OK
    assert client.command("RESTORE", "other", 0, damaged) == OK
    assert client.command("GET", "other") == b"$1\r\nv\r\n"
    assert client.command("RESTORE", "third", 0, damaged[:-9]) == wrong
    assert client.command("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", 0) == OK
    assert client.command("RESTORE", "third", 0, damaged) == wrong


def test_the_threshold_of_plain_nodes(client: Client) -> None:
    assert client.command("CONFIG", "SET", "list-max-listpack-size", 2, "rdbcompression", "no") == OK
    client.command("RPUSH", "k", "a", "x" * 20, "b")
    packed = client.command("DUMP", "k")
    assert client.command("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "20b") == OK
    plain = client.command("DUMP", "k")
    # A node that is the element, then one that is a listpack.
    assert b"\x01\x14" + b"x" * 20 + b"\x02" in plain
    assert b"\x01\x14" not in packed
    client.command("RESTORE", "other", 0, decode(plain))
    assert client.command("LRANGE", "other", 0, -1) == client.command("LRANGE", "k", 0, -1)
    assert client.command("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "0") == OK
    assert client.command("DUMP", "k") == packed
    error = b"-ERR argument must be a memory value bigger than 1 and smaller than 4gb\r\n"
    for wrong in ("x", "-1", "5gb"):
        assert client.command("DEBUG", "QUICKLIST-PACKED-THRESHOLD", wrong) == error


def test_a_log_is_needed_for_loadaof(client: Client) -> None:
    client.command("SET", "k", "v")
    error = b"-ERR Error trying to load the AOF files: there is no log\r\n"
    assert client.command("DEBUG", "LOADAOF") == error
    assert client.command("DBSIZE") == b":1\r\n"
