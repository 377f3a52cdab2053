"""`pyredis completion bash|zsh|fish`: what a shell needs to complete command lines.

The scripts are made from the table of directives and from the tools' own options, so nothing is listed twice. They
are static: completing starts no Python.
"""

from __future__ import annotations

from typing import Final

import click

from pyredis.cli import TOOLS
from pyredis.config.directives import BOOLEAN, ENUM, HIDDEN
from pyredis.config.table import DIRECTIVES

PROGRAMS: Final = ("pyredis", "pyredis-server")


def directives() -> dict[str, list[str]]:
    """The options that are directives, with the values that can be listed."""
    found: dict[str, list[str]] = {}
    for row in DIRECTIVES:
        if not row.has(HIDDEN):
            values = ["yes", "no"] if row.kind == BOOLEAN else []
            found[f"--{row.name}"] = [name for name, _ in row.choices] if row.kind == ENUM else values
    return found


def tools() -> dict[str, list[str]]:
    """The tools, with their options."""
    from pyredis.tools.doctor import doctor
    from pyredis.tools.file_checks import check_aof, check_rdb
    from pyredis.tools.file_contents import show_rdb
    from pyredis.tools.top import top

    commands: dict[str, click.Command] = {
        "check-aof": check_aof, "check-rdb": check_rdb, "doctor": doctor, "rdb": show_rdb, "top": top,
    }  # fmt: skip
    found: dict[str, list[str]] = {}
    for name in sorted(tool for tool in TOOLS if not tool.startswith("-")):
        command = commands.get(name)
        options = [] if command is None else [word for param in command.params for word in param.opts]
        found[name] = sorted(word for word in options if word.startswith("-"))
    found["completion"] = sorted(SCRIPTS)
    return found


def general() -> list[str]:
    """The options that are no directives."""
    return sorted(word for word in TOOLS if word.startswith("-"))


def bash() -> str:
    """The script for bash."""
    lines = ["_pyredis() {", "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words"]
    lines.append('    case "${COMP_WORDS[1]}:$prev" in')
    for name, options in tools().items():
        lines.append(f'    {name}:*) words="{" ".join(options)}" ;;')
    for name, values in directives().items():
        if values:
            lines.append(f'    *:{name}) words="{" ".join(values)}" ;;')
    everything = " ".join([*general(), *directives()])
    lines += [
        f'    *) words="{everything}"',
        f'       [[ $COMP_CWORD -eq 1 && $cur != -* ]] && words="{" ".join(tools())}" ;;',
        "    esac",
        '    COMPREPLY=($(compgen -W "$words" -- "$cur"))',
        "}",
        f"complete -o default -F _pyredis {' '.join(PROGRAMS)}",
    ]
    return "\n".join(lines)


def zsh() -> str:
    """The script for zsh."""
    lines = [
        f"#compdef {' '.join(PROGRAMS)}",
        "_pyredis() {",
        '    case "${words[2]}:${words[CURRENT-1]}" in',
    ]
    for name, options in tools().items():
        lines.append(f"    {name}:*) compadd -- {' '.join(options)}; _files; return ;;")
    for name, values in directives().items():
        if values:
            lines.append(f"    *:{name}) compadd -- {' '.join(values)}; return ;;")
    lines += [
        "    esac",
        f"    (( CURRENT == 2 )) && compadd -- {' '.join(tools())}",
        f"    compadd -- {' '.join([*general(), *directives()])}",
        "    _files",
        "}",
        f"compdef _pyredis {' '.join(PROGRAMS)}",
    ]
    return "\n".join(lines)


def fish() -> str:
    """The script for fish."""
    lines: list[str] = []
    for program in PROGRAMS:
        for name, options in tools().items():
            lines.append(f"complete -c {program} -n __fish_use_subcommand -a {name}")
            seen = f"-n '__fish_seen_subcommand_from {name}'"
            for option in options:
                kind = "-l" if option.startswith("--") else "-s" if option.startswith("-") else "-a"
                lines.append(f"complete -c {program} {seen} {kind} {option.lstrip('-')}")
        for option in general():
            kind = "-l" if option.startswith("--") else "-s"
            lines.append(f"complete -c {program} -n __fish_use_subcommand {kind} {option.lstrip('-')}")
        for name, values in directives().items():
            listed = f" -x -a '{' '.join(values)}'" if values else " -r"
            lines.append(f"complete -c {program} -l {name[2:]}{listed}")
    return "\n".join(lines)


SCRIPTS: Final = {"bash": bash, "zsh": zsh, "fish": fish}


@click.command()
@click.argument("shell", type=click.Choice(sorted(SCRIPTS)))
def completion(shell: str) -> None:
    """Prints a script that completes command lines of pyredis.

    \b
    bash   source <(pyredis completion bash)      in ~/.bashrc
    zsh    source <(pyredis completion zsh)       in ~/.zshrc, after compinit
    fish   pyredis completion fish > ~/.config/fish/completions/pyredis.fish
    """
    click.echo(SCRIPTS[shell]())
