"""The options of the command line that start no server."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import click

from pyredis.cli import version_text


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        click.echo(version_text())
        ctx.exit()


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Every directive of redis.conf can be given as an option; the words after it are its value.",
    options_metavar="[CONFIG-FILE] [--DIRECTIVE VALUE...]...",
)
@click.option(
    "-v", "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    help="Print versions and form.",
)  # fmt: skip
@click.option(
    "--check-system", is_flag=True, help="Check the settings of this machine that matter to a server."
)
def tool(check_system: bool) -> None:
    """A Redis-compatible server.

    \b
    pyredis                                    serve on port 6379
    pyredis redis.conf                         with a configuration file (.conf or .toml)
    pyredis --port 7000 --save "" --appendonly no
    pyredis redis.conf --loglevel verbose      options override the file
    pyredis -                                  read the configuration from standard input
    pyredis check-rdb dump.rdb                 is a snapshot whole?
    pyredis check-aof [--fix] appendonlydir/appendonly.aof.manifest
    pyredis rdb dump.rdb [--json|--memory]     what is in a snapshot?
    """
    if check_system:
        problems = [
            text for text in (_check_files(), _check_overcommit(), _check_backlog(), _check_form()) if text
        ]
        for text in problems:
            click.echo(f"[warning] {text}")
        if not problems:
            click.echo("[ok] nothing to complain about")
        sys.exit(1 if problems else 0)
    click.echo(click.get_current_context().get_help())


def run_tool(argv: list[str]) -> None:
    """Runs a command line that starts no server; exits the process unless all went well."""
    if argv[0] in ("check-rdb", "check-aof"):
        from pyredis.file_checks import check_aof, check_rdb

        command = check_rdb if argv[0] == "check-rdb" else check_aof
        command(argv[1:], prog_name=f"pyredis {argv[0]}")
    elif argv[0] == "rdb":
        from pyredis.file_contents import show_rdb

        show_rdb(argv[1:], prog_name="pyredis rdb")
    else:
        tool(argv, prog_name="pyredis")


def _check_files() -> str:
    if sys.platform == "win32":
        return ""
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit != resource.RLIM_INFINITY and limit < 10_032:
        return f"at most {limit} open files: maxclients 10000 needs 10032 (ulimit -Hn)"
    return ""


def _check_overcommit() -> str:
    if _sysctl("vm/overcommit_memory") == "0":
        return "vm.overcommit_memory is 0: forks of a large process may fail (sysctl vm.overcommit_memory=1)"
    return ""


def _check_backlog() -> str:
    limit = _sysctl("net/core/somaxconn")
    if limit and int(limit) < 511:
        return f"net.core.somaxconn is {limit}: tcp-backlog 511 cannot be kept"
    return ""


def _check_form() -> str:
    from pyredis.form import COMPILED

    if not COMPILED and platform.python_implementation() == "CPython":
        return (
            "runs interpreted: the compiled form takes half the time per command (install with a C compiler)"
        )
    return ""


def _sysctl(name: str) -> str:
    path = Path("/proc/sys") / name
    return path.read_text(encoding="ascii").strip() if os.access(path, os.R_OK) else ""
