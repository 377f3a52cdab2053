"""`pyredis rdb` beside a file that holds some of everything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pyredis.persistence.disk import Disk
from pyredis.persistence.rdb_file import save
from tests.server.test_file_checks import run
from tests.support.inprocess import InProcess

NOW_MS = 1_700_000_000_000
FOREVER = 4_000_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A file with a key of each type, deadlines, bytes that are no text, and two databases."""
    client = InProcess().client()
    for line in (
        "SET plain value", "INCR number", f"SET far v PXAT {FOREVER}", "SET past v PX 60000", "SET b\xff \xfe",
        "RPUSH list a b c", "SADD set x 1", "HSET hash f v", "HSET timed f v g w",
        f"HPEXPIREAT timed {FOREVER} FIELDS 1 f",
        "ZADD zset 1.5 a inf b", "XADD stream 1-1 f v", "XADD stream 2-1 f v", "XGROUP CREATE stream g 0",
        "XREADGROUP GROUP g me COUNT 1 STREAMS stream >", f"SET large {'x' * 5000}", "SELECT 3", "SET other v",
    ):  # fmt: skip
        assert not client.command(*line.encode("latin-1").split()).startswith(b"-"), line
    target = str(tmp_path / "dump.rdb")
    client.session.engine.config.assign("rdbcompression", False)
    save(client.session.engine, target, Disk())
    return target


def keys_of(output: str) -> dict[str, dict[str, Any]]:
    found = [json.loads(line) for line in output.splitlines()]
    return {line["key"]: line for line in found}


def test_every_key_as_a_line(path: str) -> None:
    code, output = run("rdb", path, "--json")
    assert code == 0
    keys = keys_of(output)
    assert {name: line["value"] for name, line in keys.items() if name != "stream"} == {
        "plain": "value", "number": "1", "far": "v", "past": "v", "b\udcff": "\udcfe", "list": ["a", "b", "c"],
        "set": ["x", "1"], "hash": {"f": "v"}, "timed": {"f": "v", "g": "w"}, "zset": [["a", 1.5], ["b", "inf"]],
        "large": "x" * 5000, "other": "v",
    }  # fmt: skip
    assert keys["stream"]["value"] == {
        "last_id": "2-1",
        "entries": [["1-1", ["f", "v"]], ["2-1", ["f", "v"]]],
        "groups": [
            {
                "name": "g",
                "last_id": "1-1",
                "entries_read": 1,
                "consumers": ["me"],
                "pending": [{"id": "1-1", "consumer": "me", "delivered_ms": NOW_MS, "deliveries": 1}],
            }
        ],
    }
    assert {name: line["type"] for name, line in keys.items()} == {
        **dict.fromkeys(("plain", "number", "far", "past", "b\udcff", "large", "other"), "string"),
        **{name: name for name in ("list", "set", "hash", "zset", "stream")},
        "timed": "hash",
    }
    assert [name for name, line in keys.items() if line["db"] == 3] == ["other"]
    assert keys["far"]["expire_at_ms"] == FOREVER
    assert 0 < keys["far"]["ttl"] < FOREVER - NOW_MS
    assert keys["past"]["ttl"] < 0
    assert keys["plain"]["ttl"] is keys["plain"]["expire_at_ms"] is None
    assert keys["timed"]["field_expire_at_ms"] == {"f": FOREVER}


def lines_of(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines()]


@pytest.mark.parametrize("form", ["--stats", None])
def test_figures(path: str, form: str | None) -> None:
    code, output = run("rdb", path, *([form] if form else []), "--largest", "2")
    assert code == 0
    lines = lines_of(output)
    assert ["redis-ver:", "7.4.0"] in lines
    assert ["keys:", "13"] in lines
    assert ["db0:", "12"] in lines
    assert ["db3:", "1"] in lines
    kinds = {tuple(line[:2]): line[2:4] for line in lines if len(line) == 6 and line[2].isdigit()}
    assert kinds["list", "listpack"] == ["1", "3"]
    assert kinds["stream", "stream"] == ["1", "2"]
    assert kinds["string", "raw"] == ["1", "1"]
    assert kinds["zset", "listpack"] == ["1", "2"]
    assert sum(int(row[0]) for row in kinds.values()) == 13
    assert ["past", "1"] in lines
    assert ["longer", "1"] in lines
    assert ["never", "11"] in lines
    largest = lines[[line[-1:] == ["keys"] and "largest" in line for line in lines].index(True) + 1 :]
    # A type, a length of two bytes, the key and its length, a length of two bytes for the value.
    assert largest[0] == [str(1 + 6 + 2 + 5000), "string", "5000", "0", "'large'"]
    assert len(largest) == 2


def test_sizes_in_memory(path: str) -> None:
    code, output = run("rdb", path, "--memory", "--largest", "1")
    assert code == 0
    size, kind, elements, database, name = lines_of(output)[-1]
    assert (kind, elements, database, name) == ("string", "5000", "0", "'large'")
    assert 5000 < int(size) < 5300


def test_a_damaged_file_says_where(path: str) -> None:
    data = Path(path).read_bytes()
    Path(path).write_bytes(data[: len(data) // 2])
    code, output = run("rdb", path, "--json")
    assert code == 1
    assert keys_of("\n".join(output.splitlines()[:2]))
    assert "Traceback" not in output
    assert f"{path}: " in output.splitlines()[-1]


def test_the_help_names_it() -> None:
    assert "pyredis rdb dump.rdb" in run("--help")[1]
    assert "--memory" in run("rdb", "--help")[1]
