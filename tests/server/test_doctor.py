"""`pyredis doctor` and `pyredis completion`."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pyredis.config import load_arguments
from pyredis.tools import doctor_machine, doctor_server
from pyredis.tools.doctor import FAIL, OK, WARN, Finding, look
from pyredis.tools.doctor_machine import CONFIGURATION, DATA, MACHINE, examine_configuration
from pyredis.tools.doctor_server import LOOKS, Patient
from tests.server.network import Exit, free_port, run_to_exit
from tests.support.servers import PyredisServer, pyredis_command

if TYPE_CHECKING:
    from pathlib import Path


def levels(found: list[Finding]) -> dict[str, str]:
    return {finding.check: finding.level for finding in found}


def examined(tmp_path: Path, *argv: str) -> dict[str, str]:
    return levels(look([*CONFIGURATION, *DATA], load_arguments(["--dir", str(tmp_path), *argv], {})))


def run_doctor(*argv: str) -> tuple[Exit, dict[str, str]]:
    command, _ = pyredis_command()
    ended = run_to_exit("doctor", "--json", *argv, command=command)
    assert ended.stderr == ""
    told = json.loads(ended.stdout)
    assert told["ok"] == (ended.code == 0)
    return ended, {finding["check"]: finding["level"] for finding in told["findings"]}


def test_a_good_configuration(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    found = examined(tmp_path, "--port", str(free_port()), "--bind", "127.0.0.1", "--maxmemory", "1mb")
    assert found.pop("fsync") in (OK, WARN)  # the machine's
    assert found.pop("swap", OK) in (OK, WARN)
    assert set(found.values()) == {OK}, found


@pytest.mark.parametrize(
    ("argv", "check", "level"),
    [
        (["--maxmemory", "1000gb"], "memory", FAIL),
        (["--protected-mode", "no"], "access", FAIL),
        (["--requirepass", "short"], "access", WARN),
        (["--requirepass", "long and random, isn't it"], "access", OK),
        (["--save", ""], "durability", WARN),
        (["--appendonly", "yes", "--appendfsync", "no"], "durability", WARN),
        (["--enable-debug-command", "yes"], "debug", WARN),
        (["--loadmodule", "x.so"], "directives", WARN),
    ],
)
def test_a_configuration_that_could_be_better(
    tmp_path: Path, argv: list[str], check: str, level: str
) -> None:
    assert examined(tmp_path, "--port", "0", *argv)[check] == level


def test_the_memory_of_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_machine, "memory_limit", lambda: (100 << 20, "the cgroup"))
    for maxmemory, level in (("0", WARN), ("50mb", OK), ("90mb", WARN), ("101mb", FAIL)):
        assert examined(tmp_path, "--port", "0", "--maxmemory", maxmemory)["memory"] == level


def test_the_limit_of_a_cgroup(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "/proc/self/cgroup": "0::/system.slice/pyredis.service",
        "/sys/fs/cgroup/system.slice/pyredis.service/memory.max": "max",
        "/sys/fs/cgroup/system.slice/memory.max": "1048576",
    }
    monkeypatch.setattr(doctor_machine, "read_setting", lambda path: settings.get(path, ""))
    assert doctor_machine.memory_limit() == (1 << 20, "the cgroup")
    settings["/sys/fs/cgroup/system.slice/memory.max"] = "max"
    settings["/sys/fs/cgroup/memory/memory.limit_in_bytes"] = "2097152"  # version 1
    assert doctor_machine.memory_limit() == (2 << 20, "the cgroup")
    settings.clear()
    assert doctor_machine.memory_limit()[1] in ("the machine", "")


def test_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_arguments([], {})
    settings = {
        "/proc/sys/vm/overcommit_memory": "0",
        "/sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never",
        "/proc/sys/net/core/somaxconn": "128",
        "/sys/devices/system/clocksource/clocksource0/current_clocksource": "acpi_pm",
    }
    monkeypatch.setattr(doctor_machine, "read_setting", lambda path: settings.get(path, ""))
    found = levels(look(MACHINE, config))
    assert [found[name] for name in ("overcommit", "huge-pages", "backlog", "clock")] == [
        WARN,
        OK,
        WARN,
        WARN,
    ]
    config.assign("disable-thp", False)
    assert levels(look(MACHINE, config))["huge-pages"] == WARN
    settings.clear()  # a system without /proc
    assert not {"overcommit", "huge-pages"} & levels(look(MACHINE, config)).keys()


def test_a_directory_and_its_files(tmp_path: Path) -> None:
    with PyredisServer("--appendonly", "yes", "--dir", str(tmp_path)) as server:
        with server.connect() as client:
            client.command("SET", "a", "b")
            client.command("SAVE")
        server.stop()
    tmp_path.chmod(0o777)
    words = ["--port", "0", "--appendonly", "yes"]
    found = examined(tmp_path, *words)
    assert (found["directory"], found["snapshot"], found["append-only-file"]) == (WARN, OK, OK)
    assert examined(tmp_path, "--port", "0")["append-only-file"] == WARN  # there is one, and it is not loaded
    snapshot = tmp_path / "dump.rdb"
    snapshot.write_bytes(snapshot.read_bytes()[:-9] + b"x" * 9)
    increment = next((tmp_path / "appendonlydir").glob("*.incr.aof"))
    increment.write_bytes(increment.read_bytes()[:-3])
    found = examined(tmp_path, *words)
    assert (found["snapshot"], found["append-only-file"]) == (FAIL, FAIL)
    assert list(tmp_path.glob("pyredis-doctor*")) == []


def test_a_port_where_no_server_runs() -> None:
    ended, found = run_doctor("--port", str(free_port()))
    assert (ended.code, found) == (1, {"server": FAIL})


def test_what_a_configuration_file_says(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        path = tmp_path / "redis.conf"
        path.write_text(
            f"dir {tmp_path}\nport {taken.getsockname()[1]}\nbind 127.0.0.1\nrequirepass hidden-word\n"
        )
        path.chmod(0o644)
        ended, found = run_doctor(str(path), "--maxclients", "10")
    assert "hidden-word" not in ended.stdout
    assert (ended.code, found["port"], found["config-file"], found["access"]) == (1, FAIL, WARN, WARN)
    path.write_text("port 1\nrequirepass hidden-word nonsense\n")
    ended, found = run_doctor(str(path))
    assert "hidden-word" not in ended.stdout
    assert (ended.code, found["configuration"]) == (1, FAIL)


def test_a_look_that_fails_is_a_finding() -> None:
    def _broken(_subject: object) -> list[Finding]:
        raise OSError("oops")

    (finding,) = look([_broken], None)
    assert (finding.level, finding.check) == (WARN, "broken")
    assert "oops" in finding.text


def test_a_running_server() -> None:
    with PyredisServer("--requirepass", "a b", "--slowlog-log-slower-than", "0", "--save", "") as server:
        ended, found = run_doctor("-p", str(server.port), "-a", "a b")
        assert ended.code == 0
        assert (found["server"], found["slow-commands"], found["durability"]) == (OK, WARN, WARN)
        assert run_doctor("-p", str(server.port), "-a", "wrong")[1] == {"server": FAIL}
        command, _ = pyredis_command()
        words = ("doctor", "--quiet", "--strict", "-p", str(server.port), "-a", "a b")
        strict = run_to_exit(*words, command=command)
        assert strict.code == 1
        assert "OK  " not in strict.stdout
        assert "WARN  slow-commands: " in strict.stdout


SICK: list[tuple[dict[str, str], str, str]] = [
    ({"loading": "1"}, "server", WARN),
    ({"used_memory": "95", "maxmemory": "100", "maxmemory_policy": "noeviction"}, "memory", WARN),
    ({"used_memory": "100", "maxmemory": "100", "maxmemory_policy": "noeviction"}, "memory", FAIL),
    ({"used_memory": "100", "maxmemory": "100", "maxmemory_policy": "allkeys-lru"}, "memory", OK),
    ({"evicted_keys": "7", "keyspace_hits": "1"}, "evictions", WARN),
    ({"used_memory": "999999999", "mem_fragmentation_ratio": "2.1"}, "fragmentation", WARN),
    ({"connected_clients": "99", "maxclients": "100"}, "clients", FAIL),
    ({"rejected_connections": "1"}, "rejected-connections", WARN),
    ({"acl_access_denied_auth": "1"}, "acl-access-denied-auth", WARN),
    ({"rdb_last_bgsave_status": "err"}, "rdb-last-bgsave-status", FAIL),
    ({"aof_last_write_status": "err"}, "aof-last-write-status", FAIL),
    ({"aof_delayed_fsync": "3"}, "aof-delayed-fsync", WARN),
    ({"latest_fork_usec": "900000"}, "fork", WARN),
    ({"aof_enabled": "1"}, "durability", OK),
    ({"role": "slave", "master_link_status": "down"}, "replication", FAIL),
    ({"role": "slave", "master_link_status": "up"}, "replication", OK),
]


@pytest.mark.parametrize(("info", "check", "level"), SICK)
def test_servers_that_are_not_well(info: dict[str, str], check: str, level: str) -> None:
    assert levels(look(LOOKS, Patient(info, {"save": "900 1"}, 0, [0.1] * 200)))[check] == level


def test_a_server_that_answers_late() -> None:
    patient = Patient({}, {}, -1, [0.1] * 190 + [50.0] * 10)
    found = levels(look(doctor_server.LOOKS, patient))
    assert found["latency"] == WARN
    assert "slow-commands" not in found


def test_check_system_looks_at_the_machine_only() -> None:
    command, _ = pyredis_command()
    ended = run_to_exit("--check-system", command=command)
    assert ended.code in (0, 1)
    assert "clock: " in ended.stdout
    assert "durability" not in ended.stdout


def script(shell: str) -> str:
    command, _ = pyredis_command()
    ended = run_to_exit("completion", shell, command=command)
    assert (ended.code, ended.stderr) == (0, "")
    return ended.stdout


COMPLETIONS = [
    (["pyredis", "--appendf"], ["--appendfilename", "--appendfsync"]),
    (["pyredis", "redis.conf", "--appendfsync", "e"], ["everysec"]),
    (["pyredis", "--appendonly", ""], ["yes", "no"]),
    (["pyredis", "check-"], ["check-aof", "check-rdb"]),
    (["pyredis", "doctor", "--js"], ["--json"]),
    (["pyredis", "completion", "b"], ["bash"]),
]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(("words", "expected"), COMPLETIONS)
def test_bash_completes(tmp_path: Path, words: list[str], expected: list[str]) -> None:
    (tmp_path / "completion.sh").write_text(script("bash"))
    lines = [
        f"source {tmp_path}/completion.sh",
        "complete -p pyredis pyredis-server >&2",
        f"COMP_WORDS=({' '.join(word or chr(39) * 2 for word in words)}) COMP_CWORD={len(words) - 1}",
        "_pyredis; printf '%s\\n' \"${COMPREPLY[@]}\"",
    ]
    done = subprocess.run(
        ["bash", "--norc", "-c", "\n".join(lines)], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.stderr.splitlines() == [
        f"complete -o default -F _pyredis {name}" for name in ("pyredis", "pyredis-server")
    ]
    assert done.stdout.split() == expected


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(tmp_path: Path, shell: str) -> None:
    text = script(shell)
    assert "appendfsync" in text
    assert "check-aof" in text
    if shutil.which(shell):
        (tmp_path / "script").write_text(text)
        subprocess.run([shell, "-n", str(tmp_path / "script")], check=True, timeout=20)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "dump.rdb").touch(0o000)
    found = examine_configuration(["--dir", str(tmp_path), "--port", "0"], True)
    assert levels(found)["snapshot"] == FAIL
