"""Prints which commands of Redis 7.4 are missing here, and which are here and not there.

    python -m scripts.command_coverage

`tests/commands-7.4.txt` lists the commands of Redis; `tests/test_command_coverage.py` fails when one of the data
commands is missing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pyredis.commands import all_specs

LIST: Final = Path(__file__).parent.parent / "tests" / "commands-7.4.txt"


def listed() -> dict[str, list[str]]:
    """The commands of Redis by group, subcommands as `CONFIG GET`."""
    groups: dict[str, list[str]] = {}
    names: list[str] = []
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            names = groups.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            names.append(line)
    return groups


def ours() -> set[str]:
    """Every command that is declared here."""
    return {spec.name for spec in all_specs()}


def missing() -> dict[str, list[str]]:
    """The commands of Redis that are not here, by group; groups that are complete are left out."""
    known = ours()
    lacking = {group: [name for name in names if name not in known] for group, names in listed().items()}
    return {group: names for group, names in lacking.items() if names}


def additional() -> list[str]:
    """The commands that are here and not in Redis 7.4."""
    return sorted(ours() - {name for names in listed().values() for name in names})


def main() -> None:
    """Prints the differences."""
    lacking = missing()
    total = sum(map(len, listed().values()))
    print(f"{total - sum(map(len, lacking.values()))} of {total} commands and subcommands")
    for group, names in lacking.items():
        print(f"missing, {group}: {', '.join(names)}")
    print(f"in addition: {', '.join(additional()) or 'none'}")


if __name__ == "__main__":
    main()
