"""Users that a server starts with: `user` lines, the ACL file, and both in turns with the real Redis."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.servers import PyredisServer, RedisServer, find_redis_server, pyredis_command
from tests.support.wire import decode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.wire import RawConnection

USERS = (
    b"user default on nopass ~* &* +@all\n"
    b"user u on #ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb ~k* %R~r resetchannels &c -@all +get"
    b" +config|get (~z resetchannels -@all +@hash)\n"
)
DRY_RUNS = [
    ("get", "k1"), ("get", "r"), ("set", "k1", "v"), ("get", "x"), ("config", "get", "x"), ("config", "set", "x", "y"),
    ("hset", "z", "f", "v"), ("hget", "k1", "f"), ("publish", "c", "m"),
]  # fmt: skip


def allowed(connection: RawConnection) -> list[bool]:
    return [connection.command("ACL", "DRYRUN", "u", *argv) == b"+OK\r\n" for argv in DRY_RUNS]


def users(connection: RawConnection) -> list[bytes]:
    lines = decode(connection.command("ACL", "LIST"))
    assert isinstance(lines, list)
    return [line.replace(b" sanitize-payload", b"") for line in lines if isinstance(line, bytes)]


def configured(path: Path) -> PyredisServer:
    """A server with a configuration file, which is the first argument."""
    server = PyredisServer()
    server.command.insert(server.command.index("--port"), str(path))
    return server


def start_failing(*arguments: str) -> str:
    """Runs a server that must not start; returns all that it said."""
    command, environment = pyredis_command()
    done = subprocess.run(
        [*command, *arguments],
        env={**environment, "PATH": "/usr/bin"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done
    return (done.stdout + done.stderr).decode()


def test_user_lines_of_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "redis.conf"
    path.write_bytes(
        b'user default on >a ~* &* +@all\nuser u on nopass ( ~k +get )\nuser late off\nsave ""\n'
    )
    with configured(path) as server, server.connect() as connection:
        assert connection.command("ACL", "DRYRUN", "u", "get", "k") == b"-NOAUTH Authentication required.\r\n"
        assert connection.command("AUTH", "a") == b"+OK\r\n"
        assert connection.command("ACL", "DRYRUN", "u", "get", "k") == b"+OK\r\n"
        assert "The user 'late' is disabled" in server.log()


def test_users_survive_config_rewrite(tmp_path: Path) -> None:
    path = tmp_path / "redis.conf"
    path.write_bytes(b'# mine\nuser old on nopass ~* +get\nsave ""\n')
    with configured(path) as server, server.connect() as connection:
        assert users(connection) == [
            b"user default on nopass ~* &* +@all",
            b"user old on nopass ~* resetchannels -@all +get",
        ]
        connection.command("ACL", "DELUSER", "old")
        connection.command("ACL", "SETUSER", "new", "on", ">a", "(~k +set)", "+@all", "-@dangerous")
        before = connection.command("ACL", "LIST")
        assert connection.command("CONFIG", "REWRITE") == b"+OK\r\n"
        text = path.read_bytes()
        assert text.startswith(b"# mine\nuser default on nopass sanitize-payload ~* &* +@all\n")
        assert text.count(b"\nuser ") == 2
        connection.close()
        server.restart()
        with server.connect() as again:
            assert again.command("ACL", "LIST") == before


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("user u on secret", "Error in user declaration 'secret': Syntax error"),
        ("user u on\nuser u off", "Error in user declaration 'u': Duplicate user found."),
        ("user u (+get", "Error in user declaration '(+get': Unmatched parenthesis"),
        ("user u +nosuch", "Error loading ACL rule '+nosuch' for the user named 'u': Unknown command"),
        ('user "a b" on', "Spaces not allowed in ACL usernames"),
        (
            "user u on\naclfile /nosuch/users.acl",
            "please define either an ACL file or declare users directly",
        ),
        ("aclfile /nosuch/users.acl", "opening file '/nosuch/users.acl': No such file or directory"),
    ],
)
def test_what_keeps_it_from_starting(tmp_path: Path, lines: str, message: str) -> None:
    path = tmp_path / "redis.conf"
    path.write_text(lines + "\n")
    assert message in start_failing(str(path), "--port", "0")


def test_the_acl_file(tmp_path: Path) -> None:
    path = tmp_path / "users.acl"
    path.write_bytes(USERS)
    with PyredisServer("--aclfile", str(path), "--save", "") as server, server.connect() as connection:
        assert users(connection) == USERS.splitlines()
        assert allowed(connection) == [True, True, False, False, True, False, True, False, False]
        path.write_bytes(b"user default on nopass ~* &* +@all\nuser u off -@all\n")
        assert connection.command("ACL", "LOAD") == b"+OK\r\n"
        assert not any(allowed(connection))


@pytest.mark.skipif(find_redis_server() is None, reason="redis-server is not installed")
def test_acl_files_go_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "users.acl"
    path.write_bytes(USERS)
    arguments = ("--aclfile", str(path))
    with (
        PyredisServer(*arguments, "--save", "") as ours,
        RedisServer(*arguments) as theirs,
        ours.connect() as mine,
        theirs.connect() as other,
    ):
        expected = allowed(other)
        assert allowed(mine) == expected
        for writer, reader in ((mine, other), (other, mine)):
            assert writer.command("ACL", "SETUSER", "u", "+set", "(%W~w +@list -@dangerous)") == b"+OK\r\n"
            assert writer.command("ACL", "SAVE") == b"+OK\r\n"
            assert reader.command("ACL", "LOAD") == b"+OK\r\n"
            assert allowed(mine) == allowed(other) != expected
            assert reader.command("ACL", "DRYRUN", "u", "lpush", "w", "a") == b"+OK\r\n"
