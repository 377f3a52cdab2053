"""`pyredis check-rdb` and `check-aof` beside files that are whole, torn and damaged."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.servers import PyredisServer, pyredis_command


def run(*args: str, answer: str = "") -> tuple[int, str]:
    """Runs a tool; its exit code and output."""
    command, needed = pyredis_command()
    ended = subprocess.run(
        [*command, *args],
        env={**os.environ, **needed},
        input=answer,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A directory with an RDB file and a log of several transactions."""
    options = ("--appendonly", "yes", "--aof-timestamp-enabled", "yes", "--dir", str(tmp_path))
    with PyredisServer(*options, "--save", "") as server:
        with server.connect() as connection:
            for number in range(20):
                connection.command("RPUSH", "list", str(number) * 50)
            connection.command("SET", "k", "v", "EX", "1000")
            connection.command("MULTI")
            connection.command("SET", "a", "1")
            connection.command("SET", "b", "2")
            connection.command("EXEC")
            connection.command("SAVE")
        server.stop()
    return tmp_path


def increment(files: Path) -> Path:
    return files / "appendonlydir" / "appendonly.aof.1.incr.aof"


def manifest(files: Path) -> str:
    return str(files / "appendonlydir" / "appendonly.aof.manifest")


def test_whole_files(files: Path) -> None:
    code, output = run("check-rdb", str(files / "dump.rdb"))
    assert code == 0
    assert "\\o/ RDB looks OK! \\o/" in output
    assert "[info] 4 keys read\n[info] 1 expires\n[info] 0 already expired\n" in output
    code, output = run("check-aof", manifest(files))
    assert code == 0
    assert output.endswith("All AOF files and manifest are valid\n")


def test_a_damaged_snapshot(files: Path) -> None:
    path = files / "dump.rdb"
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    code, output = run("check-rdb", str(path))
    assert code == 1
    assert "--- RDB ERROR DETECTED ---" in output


def test_every_prefix_of_a_snapshot(files: Path) -> None:
    whole = (files / "dump.rdb").read_bytes()
    path = files / "part.rdb"
    for size in range(0, len(whole), max(len(whole) // 12, 1)):
        path.write_bytes(whole[:size])
        code, output = run("check-rdb", str(path))
        assert code == 1
        assert "RDB ERROR DETECTED" in output
        assert "Traceback" not in output


def test_a_torn_log_is_cut_when_asked(files: Path) -> None:
    path = increment(files)
    size = path.stat().st_size
    os.truncate(path, size - 3)
    code, output = run("check-aof", manifest(files))
    assert code == 1
    assert "Reached EOF before reading EXEC for MULTI" in output
    assert "Use the --fix option" in output
    code, output = run("check-aof", "--fix", manifest(files), answer="n\n")
    assert (code, path.stat().st_size) == (1, size - 3)
    code, output = run("check-aof", "--fix", manifest(files), answer="y\n")
    assert code == 0
    assert "Successfully truncated" in output
    assert run("check-aof", manifest(files))[0] == 0
    with PyredisServer("--appendonly", "yes", "--dir", str(files)) as server, server.connect() as connection:
        assert connection.command("MGET", "k", "a") == b"*2\r\n$1\r\nv\r\n$-1\r\n"


def test_garbage_in_a_log(files: Path) -> None:
    path = increment(files)
    with path.open("ab") as file:
        file.write(b"\0" * 100)
    code, output = run("check-aof", str(path))
    assert code == 1
    assert "Expected a command" in output
    assert "diff=100" in output


def test_cutting_at_a_time(files: Path) -> None:
    text = increment(files).read_bytes()
    stamp = int(text[4 : text.index(b"\r\n")])
    code, output = run("check-aof", "--truncate-to-timestamp", str(stamp - 1), manifest(files), answer="y\n")
    assert code == 0
    assert "to 0 bytes" in output
    assert increment(files).stat().st_size == 0


def test_a_missing_part(files: Path) -> None:
    increment(files).unlink()
    code, output = run("check-aof", manifest(files))
    assert code == 1
    assert "No such file or directory" in output


def test_a_broken_manifest(files: Path) -> None:
    Path(manifest(files)).write_text("file x seq 1\n")
    code, output = run("check-aof", manifest(files))
    assert code == 1
    assert "Invalid AOF manifest file format" in output
