"""The options of the command line that start no server."""

from __future__ import annotations

import sys

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
    pyredis top [-p 7000]                      what does a server do right now?
    pyredis doctor [redis.conf | -p 7000]      what keeps a server from running well?
    pyredis bench                              how fast is it here, beside redis-server?
    pyredis completion bash|zsh|fish           a script that completes all of this
    """
    if check_system:
        from pyredis.tools.doctor import check_system as examine

        sys.exit(examine())
    click.echo(click.get_current_context().get_help())


def run_tool(argv: list[str]) -> None:
    """Runs a command line that starts no server; exits the process unless all went well."""
    if argv[0] in ("check-rdb", "check-aof"):
        from pyredis.tools.file_checks import check_aof, check_rdb

        command = check_rdb if argv[0] == "check-rdb" else check_aof
        command(argv[1:], prog_name=f"pyredis {argv[0]}")
    elif argv[0] == "rdb":
        from pyredis.tools.file_contents import show_rdb

        show_rdb(argv[1:], prog_name="pyredis rdb")
    elif argv[0] == "top":
        from pyredis.tools.top import top

        top(argv[1:], prog_name="pyredis top")
    elif argv[0] == "doctor":
        from pyredis.tools.doctor import doctor

        doctor(argv[1:], prog_name="pyredis doctor")
    elif argv[0] == "bench":
        from pyredis.tools.bench import bench

        bench(argv[1:], prog_name="pyredis bench")
    elif argv[0] == "completion":
        from pyredis.tools.completion import completion

        completion(argv[1:], prog_name="pyredis completion")
    else:
        tool(argv, prog_name="pyredis")
