"""The sources of a configuration: the defaults, the environment, a file, the command line.

Each later source overrides the earlier ones. The command line is Redis's:

    pyredis [/path/to/redis.conf] [--directive value ...]... [-]

where `-` as the first or last argument reads more lines from standard input, and everything from the first
`--` on is turned into configuration lines that follow the file. `--config-file PATH` is another way to name
the file. A name that ends in `.toml` is read as TOML (see `toml_file`).

Any directive can be set by an environment variable: PYREDIS_MAXMEMORY=200mb, PYREDIS_SAVE="900 1 300 10". A
variable that starts with PYREDIS_ and names no directive is an error, because it is most often a misspelt
one, except for those of `ENVIRONMENT_EXCLUDED` and for what Kubernetes sets in every container for a service
named `pyredis`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Final

from pyredis.config import table
from pyredis.config.config import Config
from pyredis.config.errors import ConfigError, InvalidValue
from pyredis.config.load import BAD_DIRECTIVE, Loader
from pyredis.config.values import quote
from pyredis.protocol.inline import split_args

ENVIRONMENT_PREFIX: Final = "PYREDIS_"
ENVIRONMENT_EXCLUDED: Final = (
    "PYREDIS_PURE",  # builds and runs the package without compiled modules
    "PYREDIS_LOOP",  # chooses the event loop
    "PYREDIS_FORK",  # 0: work in the background is done in slices, by no child process
    "PYREDIS_URL",  # where a client of this server connects to
    "PYREDIS_HOST",
    "PYREDIS_VERSION",  # set by container images
)
"""Variables with our prefix that are not directives, nor is any that starts with PYREDIS_TEST_."""

_SERVICE_STARTS: Final = ("PYREDIS_TEST_", "PYREDIS_SERVICE_", "PYREDIS_PORT_")


class CommandLine:
    """A command line, taken apart: the file to read, whether to read standard input, and lines to add."""

    def __init__(self) -> None:
        self.config_file: str = ""
        self.reads_stdin: bool = False
        self.options: bytes = b""


def parse_command_line(argv: list[str]) -> CommandLine:
    """Takes the arguments after the program's name apart, as `main` in Redis's server.c does.

    `--save` without a value means an empty one; any other option takes the argument after it as its value
    even if that starts with `--`. Nothing is validated: a wrong option is a wrong line, and reported as such.
    """
    result = CommandLine()
    position = 0
    if argv and not argv[0].startswith("-"):
        result.config_file = argv[0]
        position = 1
    takes_option = True
    last = len(argv) - 1
    while position <= last:
        arg = argv[position]
        if arg == "-" and position in (0, last):
            result.reads_stdin = True
        elif takes_option and arg == "--config-file" and position < last:
            position += 1
            result.config_file = argv[position]
        elif takes_option and arg.startswith("--"):
            if result.options:
                result.options += b"\n"
            raw = os.fsencode(arg)
            result.options += raw[2:] + b" "
            words = split_args(raw)
            if words is not None and len(words) == 1:
                is_followed_by_option = position < last and argv[position + 1].startswith("--")
                is_empty_save = arg.lower() == "--save" and (is_followed_by_option or position == last)
                if is_empty_save:
                    result.options += b'""'
                takes_option = is_empty_save
        else:
            result.options += quote(os.fsencode(arg)) + b" "
            takes_option = True
        position += 1
    return result


def load_arguments(
    argv: list[str], environ: Mapping[str, str] | None = None, stdin: bytes | None = None
) -> Config:
    """The configuration that a command line and its environment describe; raises `ConfigError`.

    `argv` is without the program's name. `environ` defaults to that of the process, and `stdin` is read only
    if the command line asks for it.
    """
    command_line = parse_command_line(argv)
    if "--sentinel" in argv:
        raise ConfigError(0, "", "Sentinel mode is not supported", False)
    config = Config()
    load_environment(config, os.environ if environ is None else environ)
    extra = b"\n" + command_line.options
    if command_line.reads_stdin:
        extra = (sys.stdin.buffer.read() if stdin is None else stdin) + extra
    loader = Loader(config)
    path = command_line.config_file
    if path:
        config.config_file = os.path.abspath(path)
    if path.lower().endswith(".toml"):
        from pyredis.config.toml_file import load_toml

        load_toml(loader, config.config_file)
        loader.load_text(extra)
    else:
        loader.load(config.config_file, extra)
    return config


def load_environment(config: Config, environ: Mapping[str, str]) -> None:
    """Sets the directives that `environ` names; raises `ConfigError`."""
    loader = Loader(config)
    for variable in sorted(environ):
        value = environ[variable]
        if not variable.startswith(ENVIRONMENT_PREFIX) or _is_excluded(variable, value):
            continue
        raw_name = variable.removeprefix(ENVIRONMENT_PREFIX).lower().replace("_", "-")
        row = table.find(os.fsencode(raw_name))
        if row is None:
            raise ConfigError(0, f"{variable}={value}", BAD_DIRECTIVE)
        try:
            loader.set_row(row, [os.fsencode(value)])
        except InvalidValue as error:
            raise ConfigError(0, f"{variable}={value}", error.message) from None


def _is_excluded(variable: str, value: str) -> bool:
    if variable in ENVIRONMENT_EXCLUDED or variable.startswith(_SERVICE_STARTS):
        return True
    # Kubernetes announces a service named "pyredis" as PYREDIS_PORT=tcp://10.0.0.11:6379.
    return variable == "PYREDIS_PORT" and "://" in value
