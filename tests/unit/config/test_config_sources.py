"""The command line, the environment and TOML, and which of them wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyredis.config import Config, ConfigError, load_arguments
from pyredis.config.sources import ENVIRONMENT_EXCLUDED, parse_command_line
from tests.unit.config.oracle import ORACLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.config.oracle import Oracle


def changes(config: Config) -> dict[str, bytes]:
    """What is not as in a server without any configuration."""
    plain = dict(Config().match([b"*"]))
    return {name.decode(): value for name, value in config.match([b"*"]) if value != plain[name]}


def failure(argv: list[str], environ: dict[str, str] | None = None, stdin: bytes = b"") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_arguments(argv, environ or {}, stdin)
    return caught.value


# The command line.


@pytest.mark.parametrize(
    ("argv", "options"),
    [
        ([], b""),
        ([""], b""),
        (["--port", "7000"], b'port "7000" '),
        (["--port 7000"], b"port 7000 "),
        (["--port", "7000", "--hz", "20"], b'port "7000" \nhz "20" '),
        (["--port", "--hz", "20"], b'port "--hz" "20" '),
        (["--port 7000", "--hz", "20"], b'port 7000 \nhz "20" '),
        (["--save", "--hz", "20"], b'save ""\nhz "20" '),
        (["--save"], b'save ""'),
        (["--save", ""], b'save "" '),
        (["--save", "900", "1", "--SAVE"], b'save "900" "1" \nSAVE ""'),
        (["--masterauth", 'a "b"\n'], b'masterauth "a \\"b\\"\\n" '),
        (["-port", "7000"], b'"-port" "7000" '),
        (["--"], b" "),
        (["--", "port", "7000"], b' "port" "7000" '),
        (["--port=7000"], b"port=7000 "),
        (["--hz", "-", "--port", "-1"], b'hz "-" \nport "-1" '),
    ],
)
def test_options_become_lines(argv: list[str], options: bytes) -> None:
    parsed = parse_command_line(argv)
    assert (parsed.config_file, parsed.reads_stdin, parsed.options) == ("", False, options)


@pytest.mark.parametrize(
    ("argv", "file", "reads_stdin", "options"),
    [
        (["redis.conf"], "redis.conf", False, b""),
        (["redis.conf", "--port", "1"], "redis.conf", False, b'port "1" '),
        (["redis.conf", "port", "1"], "redis.conf", False, b'"port" "1" '),
        (["redis.conf", "-"], "redis.conf", True, b""),
        (["-"], "", True, b""),
        (["-", "--port", "1"], "", True, b'port "1" '),
        (["--port", "1", "-"], "", True, b'port "1" '),
        (["--port", "-"], "", True, b"port "),
        (["--config-file", "x.toml", "--port", "1"], "x.toml", False, b'port "1" '),
        (["--port", "1", "--config-file", "x.conf"], "x.conf", False, b'port "1" '),
        (["--config-file"], "", False, b"config-file "),
    ],
)
def test_file_and_standard_input(argv: list[str], file: str, reads_stdin: bool, options: bytes) -> None:
    parsed = parse_command_line(argv)
    assert (parsed.config_file, parsed.reads_stdin, parsed.options) == (file, reads_stdin, options)


ACCEPTED = [
    ["--save", "900", "1", "--save", "300 10", "--appendonly", "no", "--maxmemory", "1gb"],
    ["--save", "--hz", "20"],
    ["--save", "", "--save", "5 5"],
    ["--hz", "20", "--save"],
    ["--requirepass", "", "--masterauth", "--hz", "--masteruser", "--timeout"],
    ["--bind", "", "--bind", "127.0.0.1", "-::1"],
    ["--hz 20", "--timeout", "5"],
    ["--slave-read-only", "NO", "--list-max-ziplist-size", "-3"],
    [
        "--client-output-buffer-limit",
        "normal 1kb 2kb 3",
        "--client-output-buffer-limit",
        "pubsub",
        "1",
        "1",
        "1",
    ],
    ["--shutdown-on-sigterm", "now", "force"],
    ["--masterauth", 'a "quoted" \\ word', "--proc-title-template", "{title}{{x"],
]


@pytest.mark.parametrize("argv", ACCEPTED, ids=lambda argv: " ".join(argv))
def test_accepted_command_lines_mean_the_same(start_oracle: Callable[..., Oracle], argv: list[str]) -> None:
    config = load_arguments(argv, {})
    names = [*[name.encode() for name in changes(config)], b"save"]
    assert len(names) > 1
    assert dict(config.match(names)) == start_oracle(*argv).get(*names)


REFUSED = [
    ["--port"],
    ["--port", "7000", "--appendonly"],
    ["--port", "--save"],
    ["--zz", "--save"],
    ["--port=7000"],
    ["--port 7000", "--zz", "1"],
    ["--port", "7000", "x"],
    ["--port", '"7000"'],
    ["--port", ""],
    ["--save", "900 1", "x"],
    ["--save", "900 1", "--save", "x"],
    ["-port", "7000"],
    ["--proc-title-template", "--zz", "--yy"],
    ["--requirepass", "--x", "--yy"],
    ["--port 7000\nx"],
    ["--", "zz"],
    ["--zz", ""],
    ["--logfile", "/no/such/directory/log"],
    ["--port", "7000", "--replicaof", "a", "1", "--cluster-enabled", "yes"],
    ["{file}", "--zz", "x"],
    ["{file}", "x"],
    ["{file}", "--save"] + ["--zz"] * 2,
]


@pytest.mark.parametrize("argv", REFUSED, ids=lambda argv: " ".join(argv))
def test_refused_command_lines_are_reported_as_the_oracle_does(
    refusal: Callable[..., str], tmp_path: Path, argv: list[str]
) -> None:
    path = tmp_path / "redis.conf"
    path.write_bytes(b"port 7000\nsave 1 1")
    argv = [word.replace("{file}", str(path)) for word in argv]
    assert failure(argv).format(ORACLE_VERSION) == refusal(*argv)


@pytest.mark.parametrize(
    ("argv", "stdin"),
    [
        (["-"], b"port 1\nzz"),
        (["-", "--zz"], b"port 1\n"),
        (["{file}", "-"], b"zz"),
        (["{file}", "-"], b"\nzz"),
        (["{file}", "--port", "1", "-"], b"\n\nzz"),
        (["{file}", "--zz", "-"], b"\nport 2\n"),
    ],
)
def test_standard_input_comes_between_file_and_options(
    refusal: Callable[..., str], tmp_path: Path, argv: list[str], stdin: bytes
) -> None:
    path = tmp_path / "redis.conf"
    path.write_bytes(b"port 7000\nsave 1 1")
    argv = [word.replace("{file}", str(path)) for word in argv]
    assert failure(argv, stdin=stdin).format(ORACLE_VERSION) == refusal(*argv, stdin=stdin)


def test_missing_file() -> None:
    error = failure(["/no/such/redis.conf"])
    assert error.format("7.4.0") == (
        "Fatal error, can't open config file '/no/such/redis.conf': No such file or directory\n"
    )


def test_sentinel_mode_is_refused() -> None:
    assert failure(["x.conf", "--sentinel"]).format("7.4.0") == "Sentinel mode is not supported\n"


def test_config_file_is_remembered_by_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.conf").write_bytes(b"dir /\n")
    assert load_arguments(["./a.conf"], {}).config_file == str(tmp_path / "a.conf")
    assert load_arguments(["--port", "1"], {}).config_file == ""


# The environment.


def test_environment_sets_directives() -> None:
    config = load_arguments(
        [],
        {
            "PYREDIS_MAXMEMORY": "200mb",
            "PYREDIS_MAXMEMORY_POLICY": "allkeys-lru",
            "PYREDIS_SAVE": "900 1 300 10",
            "PYREDIS_BIND": "127.0.0.1 -::1",
            "PYREDIS_REQUIREPASS": 'a "b" c',
            "PYREDIS_SLAVE_READ_ONLY": "no",
            "PYREDIS_SERVER_CPULIST": "1",
            "REDIS_PORT": "1",
            "MAXMEMORY": "1",
        },
    )
    assert changes(config) == {
        "maxmemory": b"209715200",
        "maxmemory-policy": b"allkeys-lru",
        "save": b"900 1 300 10",
        "bind": b"127.0.0.1 -::1",
        "requirepass": b'a "b" c',
        "replica-read-only": b"no",
        "slave-read-only": b"no",
        "server-cpulist": b"1",
        "server_cpulist": b"1",
    }


def test_environment_of_containers_is_left_alone() -> None:
    environ = dict.fromkeys(ENVIRONMENT_EXCLUDED, "x")
    environ.update(
        {
            "PYREDIS_SERVICE_HOST": "10.0.0.11",
            "PYREDIS_SERVICE_PORT": "6379",
            "PYREDIS_PORT": "tcp://10.0.0.11:6379",
            "PYREDIS_PORT_6379_TCP": "tcp://10.0.0.11:6379",
            "PYREDIS_PORT_6379_TCP_ADDR": "10.0.0.11",
            "PYREDIS_TEST_PYTHON": "/usr/bin/python",
        }
    )
    assert changes(load_arguments([], environ)) == {}


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("PYREDIS_MAXMEMROY", "1", "Bad directive or wrong number of arguments"),
        ("PYREDIS_INCLUDE", "x", "Bad directive or wrong number of arguments"),
        ("PYREDIS_PORT", "x", "argument couldn't be parsed into an integer"),
        ("PYREDIS_SAVE", "900", "Invalid save parameters"),
    ],
)
def test_bad_environment_is_reported(variable: str, value: str, message: str) -> None:
    assert failure([], {variable: value}).format("7.4.0") == (
        "\n*** FATAL CONFIG FILE ERROR (Redis 7.4.0) ***\n"
        f"Reading the environment\n>>> '{variable}={value}'\n{message}\n"
    )


def test_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYREDIS_HZ", "33")
    assert load_arguments([]).get_int("hz") == 33


# TOML.


def toml(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "pyredis.toml"
    path.write_text(text, encoding="utf-8")
    return [str(path)]


def test_toml_sets_directives(tmp_path: Path) -> None:
    (tmp_path / "more.conf").write_bytes(b"timeout 9\n")
    argv = toml(
        tmp_path,
        f"""\
port = 7000
maxmemory = "200mb"
maxmemory_policy = "allkeys-lru"
appendonly = true
slave-read-only = false
save = ["900 1", [300, 10]]
bind = ["127.0.0.1", "-::1"]
latency-tracking-info-percentiles = [50, 99.9]
client-output-buffer-limit = ["normal 1kb 2kb 3", "pubsub 1 1 1"]
requirepass = "pass word é"
dir = '{tmp_path}'
include = "more.conf"
user = ["bob on >x", ["eve", "off"]]
rename-command = [["FLUSHALL", ""]]
""",
    )
    config = load_arguments(argv, {})
    assert config.get_int("port") == 7000
    assert config.get_int("maxmemory") == 200 << 20
    assert config.get_str("maxmemory-policy") == "allkeys-lru"
    assert config.get_bool("appendonly")
    assert not config.get_bool("replica-read-only")
    assert config.save_rules() == [(900, 1), (300, 10)]
    assert config.bind() == ["127.0.0.1", "-::1"]
    assert config.latency_percentiles() == [50.0, 99.9]
    assert config.client_output_buffer_limits()["pubsub"] == (1, 1, 1)
    assert config.get_str("requirepass") == "pass word é"
    assert config.get_int("timeout") == 9
    assert [(line.line_number, line.name, line.args) for line in config.pending] == [
        (13, "user", [b"bob", b"on", b">x"]),
        (13, "user", [b"eve", b"off"]),
        (14, "rename-command", [b"FLUSHALL", b""]),
    ]


@pytest.mark.parametrize("nothing", ['""', "[]", '[""]'])
def test_toml_can_say_none(tmp_path: Path, nothing: str) -> None:
    config = load_arguments(toml(tmp_path, f"save = {nothing}\nbind = {nothing}"), {})
    assert config.save_rules() == []
    assert config.bind() == []


@pytest.mark.parametrize(
    ("text", "number", "line", "message"),
    [
        ("\nport = 70000", 2, "port = 70000", "argument must be between 0 and 65535 inclusive"),
        ("'port' = [1, 2]", 1, "'port' = [1, 2]", "wrong number of arguments"),
        ("port = []", 1, "port = []", "wrong number of arguments"),
        ("hz = 1\n maxmemroy = 1", 2, "maxmemroy = 1", "Bad directive or wrong number of arguments"),
        ("[server]\nport = 1", 0, "", "tables are not supported: every directive stands at the top level"),
        ("port = 1979-05-27", 1, "port = 1979-05-27", "a value of type date means nothing here"),
        ("save = ['\"1 1']", 1, "save = ['\"1 1']", "Unbalanced quotes in configuration line"),
        ("user = 'bob \"'", 1, "user = 'bob \"'", "Unbalanced quotes in configuration line"),
        ("appendonly = 'maybe'", 1, "appendonly = 'maybe'", "argument must be 'yes' or 'no'"),
    ],
)
def test_bad_toml_is_reported(tmp_path: Path, text: str, number: int, line: str, message: str) -> None:
    error = failure(toml(tmp_path, text))
    assert (error.line_number, error.line, error.message) == (number, line, message)


def test_what_is_not_toml_is_reported(tmp_path: Path) -> None:
    argv = toml(tmp_path, "port 7000\n")
    error = failure(argv)
    assert error.message.startswith(f"{argv[0]}: ")
    assert "line 1" in error.message
    (tmp_path / "pyredis.toml").write_bytes(b"port = '\xff'")
    assert "utf-8" in failure(argv).message
    assert failure([str(tmp_path / "none.toml")]).message.endswith("No such file or directory")


# All together.


def test_later_sources_win(tmp_path: Path) -> None:
    argv = toml(tmp_path, "timeout = 2\nhz = 20\nport = 2\nsave = '2 2'\n")
    environ = {
        "PYREDIS_TIMEOUT": "1",
        "PYREDIS_HZ": "10",
        "PYREDIS_PORT": "1",
        "PYREDIS_SAVE": "1 1",
        "PYREDIS_MAXCLIENTS": "1",
    }
    config = load_arguments(
        [*argv, "--port", "4", "--save", "4", "4", "-"], environ, b"hz 30\nport 3\nsave 3 3\n"
    )
    assert config.get_int("maxclients") == 1
    assert config.get_int("timeout") == 2
    assert config.get_int("hz") == 30
    assert config.get_int("port") == 4
    # Files, standard input and options are one text to Redis, so their save lines add up.
    assert config.save_rules() == [(2, 2), (3, 3), (4, 4)]
