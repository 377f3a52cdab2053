"""`pyredis doctor`: what keeps a server from running well, on this machine, in its configuration, or while it runs.

Without a port it looks at the machine, the configuration and the files, and starts nothing; with one it asks the
server that runs there. Each finding has a level, one sentence that says what is, and one that says what to do. A
look that itself goes wrong is a finding as well, never a traceback.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import click

OK: Final = "OK"
WARN: Final = "WARN"
FAIL: Final = "FAIL"

COLOURS: Final = {OK: "green", WARN: "yellow", FAIL: "red"}


class Finding(NamedTuple):
    """What one look has found."""

    level: str
    check: str
    text: str
    advice: str = ""


Look = Callable[[Any], list[Finding]]
"""Looks at a configuration, or at what a server has said of itself."""


def look(looks: list[Look], subject: object) -> list[Finding]:
    """Everything that the looks find."""
    found: list[Finding] = []
    for one in looks:
        try:
            found += one(subject)
        except Exception as error:
            name = one.__name__.strip("_").replace("_", "-")
            found.append(Finding(WARN, name, f"could not be looked at: {error!r}"))
    return found


def show(found: list[Finding], as_json: bool, is_quiet: bool) -> None:
    """Prints the findings, the worst last, where a terminal shows them."""
    if as_json:
        rows = [finding._asdict() for finding in found]
        click.echo(json.dumps({"ok": worst(found) != FAIL, "findings": rows}, indent=1))
        return
    order = [OK, WARN, FAIL]
    for finding in sorted(found, key=lambda finding: order.index(finding.level)):
        if is_quiet and finding.level == OK:
            continue
        mark = click.style(f"{finding.level:4}", fg=COLOURS[finding.level])
        click.echo(f"{mark}  {finding.check}: {finding.text}")
        if finding.advice:
            click.echo(f"      {finding.advice}")
    counts = {level: sum(finding.level == level for finding in found) for level in order}
    click.echo(f"{counts[OK]} fine, {counts[WARN]} to think about, {counts[FAIL]} wrong")


def worst(found: list[Finding]) -> str:
    """The worst level of the findings."""
    levels = {finding.level for finding in found}
    return FAIL if FAIL in levels else WARN if WARN in levels else OK


def check_system() -> int:
    """`pyredis --check-system`: only the machine; 1 when there is anything to say."""
    from pyredis.config import load_arguments
    from pyredis.tools.doctor_machine import MACHINE

    found = look(MACHINE, load_arguments([], {}))
    show(found, False, False)
    return 0 if worst(found) == OK else 1


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.option("-h", "--host", default="127.0.0.1", show_default=True, help="Host of a running server.")
@click.option("-p", "--port", type=int, help="Port of a running server: ask it, and look at nothing else.")
@click.option("-s", "--socket", "path", default="", help="Unix socket of a running server.")
@click.option("--user", default="", help="User to log in as.")
@click.option("-a", "--password", default="", help="Password.", envvar="REDISCLI_AUTH")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--quiet", is_flag=True, help="Leave out what is fine.")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings, too.")
@click.option("--no-data", is_flag=True, help="Do not read the data files through, which takes a while.")
@click.argument("configuration", nargs=-1, type=click.UNPROCESSED)
def doctor(
    host: str, port: int | None, path: str, user: str, password: str, as_json: bool, quiet: bool, strict: bool,
    no_data: bool, configuration: tuple[str, ...],
) -> None:  # fmt: skip
    """Looks for what keeps a server from running well.

    CONFIGURATION is what the server is started with: a file, and directives such as `--maxmemory 1gb`. With --port or
    --socket a running server is asked instead, a real Redis as well. Exits with 1 when something is wrong.
    """
    if port is not None or path:
        from pyredis.tools.doctor_server import examine
        from pyredis.tools.top import Place

        found = examine(Place(host, port or 0, path, user, password))
    else:
        from pyredis.tools.doctor_machine import examine_configuration

        found = examine_configuration(list(configuration), not no_data)
    show(found, as_json, quiet)
    sys.exit(1 if worst(found) == FAIL or (strict and worst(found) == WARN) else 0)
