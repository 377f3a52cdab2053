"""Transcripts: recorded from the oracle, read back, and compared with other servers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.servers import RedisServer, find_redis_server
from tests.support.transcript import Exchange, TranscriptError, record, replay
from tests.support.wire import RawConnection, WireError

if TYPE_CHECKING:
    from pathlib import Path

needs_redis = pytest.mark.skipif(find_redis_server() is None, reason="redis-server is not installed")

REQUESTS: list[tuple[bytes | str | int, ...]] = [
    ("SET", "k", bytes(range(256))),
    ("GET", "k"),
    ("INCR", "k"),
    ("NO", "such"),
    ("RPUSH", "l", 1, 2),
    ("LRANGE", "l", 0, -1),
    ("SUBSCRIBE", "a", "b"),
    ("UNSUBSCRIBE", "a", "b"),
    ("PING",),
]


@needs_redis
@pytest.mark.parametrize("resp", [2, 3])
def test_what_is_recorded_is_read_back_and_holds_on_a_fresh_server(tmp_path: Path, resp: int) -> None:
    path = tmp_path / "new" / "basic.jsonl"
    with RedisServer() as server, server.connect() as client:
        recorded = record(path, REQUESTS, client, resp=resp)
    again = replay(path)
    assert list(again) == list(recorded)
    assert len(again) == len(REQUESTS)
    assert again.server.startswith("redis 7.")
    assert again.resp == resp
    assert again.exchanges[1] == Exchange((b"GET", b"k"), b"$256\r\n%b\r\n" % bytes(range(256)))
    assert again.exchanges[6].reply.count(b"subscribe") == 2
    with RedisServer() as server, server.connect() as client:
        assert again.mismatches(client) == []


@needs_redis
def test_a_difference_is_found_and_can_be_normalised_away(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    with RedisServer() as server:
        with server.connect() as client:
            record(path, [("SET", "k", 1), ("INCR", "k"), ("PING",)], client)
            client.command("SET", "other", "x")
        transcript = replay(path)
        transcript.exchanges[1] = Exchange((b"INCR", b"k"), b":7\r\n")
        with server.connect() as client:
            (mismatch,) = transcript.mismatches(client)
        assert mismatch == (1, (b"INCR", b"k"), b":7\r\n", b":2\r\n")
        with server.connect() as client:
            assert transcript.mismatches(client, lambda exchange: exchange.reply[:1]) == []


@needs_redis
def test_a_connection_that_the_server_closes_is_part_of_the_reply(tmp_path: Path) -> None:
    path = tmp_path / "quit.jsonl"
    with RedisServer() as server:
        with server.connect() as client:
            record(path, [("QUIT",)], client)
        with server.connect() as client:
            assert replay(path).mismatches(client) == []
    assert replay(path).exchanges == [Exchange((b"QUIT",), b"+OK\r\n")]


@needs_redis
def test_an_interrupted_recording_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    with RedisServer() as server:
        with server.connect() as client:
            record(path, [("PING",)], client)
        before = path.read_text()
        with server.connect() as client:
            client.close()
            with pytest.raises((OSError, WireError)):
                record(path, [("SET", "a", "b")], client)
    assert path.read_text() == before


@needs_redis
def test_the_file_is_one_ascii_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    with RedisServer() as server, server.connect() as client:
        record(path, REQUESTS, client)
    text = path.read_text()
    assert text.isascii()
    assert len(text.splitlines()) == len(REQUESTS) + 1
    value = bytes(range(256)).decode("latin-1")
    assert json.loads(text.splitlines()[2]) == {"argv": ["GET", "k"], "reply": f"$256\r\n{value}\r\n"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", ":1: not a transcript"),
        ("nonsense\n", ":1: "),
        ('{"transcript": 2, "server": "x", "resp": 2}\n', ":1: not a transcript of format 1"),
        ('{"transcript": 1, "server": "x", "resp": 2}\n{"argv": ["PING"]}\n', ":2: expected an object"),
        ('{"transcript": 1, "server": "x", "resp": 2}\n[1]\n', ":2: expected an object"),
    ],
)
def test_malformed_files_are_refused_by_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(TranscriptError, match=complaint):
        replay(path)


def test_connection_refused_reaches_the_caller(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        RawConnection(path=str(tmp_path / "none.sock"))
