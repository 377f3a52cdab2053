"""The looks of `pyredis doctor` at a machine, a configuration and the files that belong to it."""

from __future__ import annotations

import contextlib
import io
import os
import platform
import shutil
import socket
import stat
import statistics
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Final

from pyredis.config import Config, ConfigError, load_arguments
from pyredis.tools.doctor import FAIL, OK, WARN, Finding, Look, look

MEBIBYTE: Final = 1 << 20
GIBIBYTE: Final = 1 << 30
RESERVED_FILES: Final = 32
GOOD_CLOCKS: Final = (
    "tsc",
    "kvm-clock",
    "arch_sys_counter",
    "hyperv_clocksource_tsc_page",
    "riscv_clocksource",
)
SLOW_CLOCK_NS: Final = 500
SYNCS: Final = 5
SLOW_SYNC_MS: Final = 30.0
FORK_SHARE: Final = 0.75
"""The part of the memory that the data may take, where a save in the background has to fit in, too."""
PASSWORD_LENGTH: Final = 16
EVERYWHERE: Final = frozenset(("*", "::*", "0.0.0.0", "::"))


def read_setting(path: str) -> str:
    """The first line of a file of /proc or /sys, or an empty string where there is none."""
    try:
        return Path(path).read_text(encoding="ascii").partition("\n")[0].strip()
    except (OSError, ValueError):
        return ""


def _form(_config: Config) -> list[Finding]:
    """The interpreter and what it runs."""
    from pyredis.form import COMPILED

    python = f"{platform.python_implementation()} {platform.python_version()}"
    if COMPILED or platform.python_implementation() != "CPython":
        found = [Finding(OK, "form", f"{'compiled' if COMPILED else 'interpreted'}, {python}")]
    else:
        text = f"interpreted, {python}: a command takes twice the time of the compiled form"
        found = [
            Finding(WARN, "form", text, "Install with a C compiler at hand, or a wheel for this system.")
        ]
    loop = "winloop" if sys.platform == "win32" else "uvloop"
    try:
        found.append(Finding(OK, "event-loop", f"{loop} {version(loop)}"))
    except PackageNotFoundError:
        text = "the loop of the standard library, which is slower"
        found.append(Finding(WARN, "event-loop", text, f"Run `pip install {loop}`."))
    return found


def _open_files(config: Config) -> list[Finding]:
    """Room for the clients."""
    if sys.platform == "win32":
        return []
    import resource

    wanted = config.get_int("maxclients") + RESERVED_FILES
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit != resource.RLIM_INFINITY and limit < wanted:
        text = f"at most {limit} open files, but maxclients needs {wanted}"
        return [Finding(WARN, "open-files", text, f"Raise the limit (ulimit -Hn {wanted}, LimitNOFILE=).")]
    return [Finding(OK, "open-files", f"enough for {config.get_int('maxclients')} clients")]


def _overcommit(_config: Config) -> list[Finding]:
    """Whether a fork of a large process is let."""
    mode = read_setting("/proc/sys/vm/overcommit_memory")
    if mode in ("0", "2"):
        text = f"vm.overcommit_memory is {mode}: a save in the background may fail although there is memory enough"
        return [
            Finding(
                WARN,
                "overcommit",
                text,
                "Run `sysctl vm.overcommit_memory=1`, and keep it in /etc/sysctl.conf.",
            )
        ]
    return [Finding(OK, "overcommit", "forks are not refused")] if mode else []


def _huge_pages(config: Config) -> list[Finding]:
    """Transparent huge pages."""
    text = read_setting("/sys/kernel/mm/transparent_hugepage/enabled")
    if "[always]" not in text:
        return [Finding(OK, "huge-pages", "only for those who ask for them")] if text else []
    if config.get_bool("disable-thp"):
        return [Finding(OK, "huge-pages", "always, but the server turns them off for itself (disable-thp)")]
    advice = "Set `disable-thp yes`, or write `madvise` to /sys/kernel/mm/transparent_hugepage/enabled."
    return [Finding(WARN, "huge-pages", "always: saving in the background costs much more memory", advice)]


def _backlog(config: Config) -> list[Finding]:
    """Connections waiting to be accepted."""
    limit = read_setting("/proc/sys/net/core/somaxconn")
    wanted = config.get_int("tcp-backlog")
    if limit.isdigit() and int(limit) < wanted:
        text = f"net.core.somaxconn is {limit}, so that tcp-backlog {wanted} cannot be kept"
        return [Finding(WARN, "backlog", text, f"Run `sysctl net.core.somaxconn={wanted}`.")]
    return [Finding(OK, "backlog", f"tcp-backlog {wanted} can be kept")]


def _clock(_config: Config) -> list[Finding]:
    """How long it takes to read the time, which the server does for each command."""
    source = read_setting("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    rounds = 20_000
    started = perf_counter()
    for _ in range(rounds):
        perf_counter()
    nanoseconds = (perf_counter() - started) / rounds * 1e9
    text = f"{source or 'the clock'}, read in {nanoseconds:.0f} ns"
    if nanoseconds > SLOW_CLOCK_NS or (source and source not in GOOD_CLOCKS and source != "xen"):
        return [
            Finding(
                WARN, "clock", text, "Choose a faster clock source of the kernel, such as tsc or kvm-clock."
            )
        ]
    return [Finding(OK, "clock", text)]


def memory_limit() -> tuple[int, str]:
    """Bytes of memory that this process may use, and who says so; 0 when nobody does."""
    limits: list[tuple[int, str]] = []
    with contextlib.suppress(ValueError, OSError, AttributeError):
        limits.append((os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "the machine"))
    # Version 2 of cgroups has one line, `0::/path`; a limit of any folder on the way down counts.
    folder = Path("/sys/fs/cgroup" + read_setting("/proc/self/cgroup").removeprefix("0::"))
    files = [f"{up}/memory.max" for up in (folder, *folder.parents)]
    for path in (*files, "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        text = read_setting(path)
        if text.isdigit():
            limits.append((int(text), "the cgroup"))
    return min(limits, default=(0, ""))


def _memory(config: Config) -> list[Finding]:
    """`maxmemory` beside the memory there is, and swap."""
    limit, whose = memory_limit()
    wanted = config.get_int("maxmemory")
    found: list[Finding] = []
    if limit:
        there = f"{limit // MEBIBYTE} MiB of {whose}"
        advice = f"Set maxmemory to {int(limit * FORK_SHARE) // MEBIBYTE}mb or less."
        if wanted > limit:
            found.append(Finding(FAIL, "memory", f"maxmemory is more than the {there}", advice))
        elif wanted > limit * FORK_SHARE:
            text = f"maxmemory leaves no room for a save in the background in the {there}"
            found.append(Finding(WARN, "memory", text, advice))
        elif wanted == 0 and whose == "the cgroup":
            text = f"no maxmemory: the server is killed when its data outgrow the {there}"
            found.append(Finding(WARN, "memory", text, advice))
        else:
            limited = f"maxmemory is {wanted // MEBIBYTE} MiB" if wanted else "no maxmemory"
            found.append(Finding(OK, "memory", f"{limited}, {there}"))
    meminfo: dict[str, int] = {}
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            name, _, rest = line.partition(":")
            meminfo[name] = int(rest.split()[0]) // 1024
    total, free = meminfo.get("SwapTotal", 0), meminfo.get("SwapFree", 0)
    if total and free < total // 2:
        text = f"{total - free} of {total} MiB of swap are in use"
        found.append(
            Finding(WARN, "swap", text, "Data that is swapped out is slow: give the machine more memory.")
        )
    elif meminfo:
        found.append(
            Finding(OK, "swap", f"{free} MiB free" if total else "none: memory that runs out ends processes")
        )
    return found


def _directory(config: Config) -> list[Finding]:
    """The directory of the data: whose it is, what fits in, how fast it is."""
    path = config.get_str("dir")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return [
            Finding(
                FAIL,
                "directory",
                f"{path} cannot be written to",
                "Give it to the server's user, or change `dir`.",
            )
        ]
    found: list[Finding] = []
    if (
        os.name == "posix"
        and os.stat(path).st_mode & stat.S_IWOTH
        and not os.stat(path).st_mode & stat.S_ISVTX
    ):
        found.append(Finding(WARN, "directory", f"everybody may write to {path}", f"Run `chmod o-w {path}`."))
    usage = shutil.disk_usage(path)
    free = f"{usage.free / GIBIBYTE:.1f} GiB free in {path}"
    if usage.free < 64 * MEBIBYTE:
        found.append(Finding(FAIL, "disk", free, "Make room: writes are refused when saving fails."))
    elif usage.free < GIBIBYTE or usage.free < usage.total // 20:
        found.append(
            Finding(WARN, "disk", free, "Make room: a rewrite needs as much again as the data takes.")
        )
    else:
        found.append(Finding(OK, "disk", free))
    times = sorted(_sync_times(path))
    text = f"median {statistics.median(times):.1f} ms, longest {times[-1]:.1f} ms, in {path}"
    if statistics.median(times) > SLOW_SYNC_MS:
        advice = (
            "Use `appendfsync everysec`, or a faster disk: `always` waits so long for each batch of writes."
        )
        found.append(Finding(WARN, "fsync", text, advice))
    else:
        found.append(Finding(OK, "fsync", text))
    return found


def _sync_times(path: str) -> list[float]:
    """Milliseconds of some syncs after small writes."""
    times: list[float] = []
    with tempfile.NamedTemporaryFile(dir=path, prefix="pyredis-doctor-") as file:
        for _ in range(SYNCS):
            file.write(b"\0" * 4096)
            file.flush()
            started = perf_counter()
            os.fsync(file.fileno())
            times.append((perf_counter() - started) * 1000)
    return times


def _ports(config: Config) -> list[Finding]:
    """Whether the ports are free."""
    found: list[Finding] = []
    for name in ("port", "tls-port"):
        port = config.get_int(name)
        if port == 0:
            continue
        problem = next(filter(None, [_bind_error(host, port) for host in config.bind()]), "")
        if problem:
            advice = f"Stop what listens there, perhaps another server, or change `{name}` or `bind`."
            found.append(Finding(FAIL, name, f"{port} cannot be listened on: {problem}", advice))
        else:
            found.append(Finding(OK, name, f"{port} is free"))
    return found


def _bind_error(address: str, port: int) -> str:
    host = address.lstrip("-").replace("::*", "::").replace("*", "0.0.0.0")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((host, port))
    except OSError as error:
        return "" if address.startswith("-") else f"{address}: {error.strerror}"
    return ""


def _access(config: Config) -> list[Finding]:
    """Who gets in from where."""
    found: list[Finding] = []
    password = config.get_bytes("requirepass")
    has_users = config.get_str("aclfile") != "" or any(pending.name == "user" for pending in config.pending)
    is_public = bool(EVERYWHERE & {address.lstrip("-") for address in config.bind()})
    if is_public and not password and not has_users:
        if config.get_bool("protected-mode"):
            found.append(Finding(OK, "access", "no password: only clients of this machine are let in"))
        else:
            advice = "Set `requirepass` or users, `bind 127.0.0.1`, or `protected-mode yes`."
            found.append(Finding(FAIL, "access", "everybody who reaches this machine owns the data", advice))
    elif password and len(password) < PASSWORD_LENGTH:
        text = (
            f"requirepass has {len(password)} characters, and a server can be asked a million times a minute"
        )
        found.append(Finding(WARN, "access", text, "Take a long random one: `ACL GENPASS` makes them."))
    else:
        found.append(Finding(OK, "access", "restricted" if password or has_users else "this machine only"))
    if config.get_str("enable-debug-command") == "yes" and is_public:
        found.append(
            Finding(
                WARN, "debug", "DEBUG may stop the server for anybody", "Set `enable-debug-command local`."
            )
        )
    file = config.config_file
    if file and os.name == "posix" and (password or has_users) and os.stat(file).st_mode & stat.S_IROTH:
        found.append(
            Finding(
                WARN, "config-file", f"everybody may read the passwords in {file}", f"Run `chmod 640 {file}`."
            )
        )
    return found


def _durability(config: Config) -> list[Finding]:
    """Whether anything survives the end of the process."""
    if config.get_bool("appendonly"):
        text = f"append only file, appendfsync {config.get_str('appendfsync')}"
        if config.get_str("appendfsync") == "no":
            return [
                Finding(
                    WARN,
                    "durability",
                    text,
                    "A crash of the machine loses up to half a minute: use everysec.",
                )
            ]
        return [Finding(OK, "durability", text)]
    if config.save_rules():
        return [Finding(OK, "durability", "snapshots: a crash loses what was written since the last one")]
    advice = "Right for a cache; else set `appendonly yes` or `save`."
    return [Finding(WARN, "durability", "nothing is saved: data ends with the process", advice)]


def _unsupported(config: Config) -> list[Finding]:
    """Lines of the configuration without effect."""
    names = sorted({pending.name for pending in config.pending if pending.name != "user"})
    if config.get_bool("cluster-enabled"):
        names.append("cluster-enabled")
    if names:
        return [
            Finding(
                WARN,
                "directives",
                f"without effect here: {', '.join(names)}",
                "Remove them, or see the documentation.",
            )
        ]
    return [Finding(OK, "directives", "all are known")]


def _snapshot(config: Config) -> list[Finding]:
    """The RDB file, read through."""
    from pyredis.tools.file_checks import check_rdb

    path = config.resolve_path(config.get_str("dbfilename"))
    return [_checked("snapshot", check_rdb, path, "Restore a copy; the server does not start from this one.")]


def _append_only_file(config: Config) -> list[Finding]:
    """The append only file, read through."""
    from pyredis.tools.file_checks import check_aof

    directory = config.resolve_path(config.get_str("appenddirname"))
    path = os.path.join(directory, config.get_str("appendfilename") + ".manifest")
    if not config.get_bool("appendonly") and os.path.exists(path):
        text = f"{path} exists, but appendonly is off: it is not loaded"
        return [Finding(WARN, "append-only-file", text, "Set `appendonly yes` if its data is the newer.")]
    return [
        _checked(
            "append-only-file", check_aof, path, f"Make a copy, then run `pyredis check-aof --fix {path}`."
        )
    ]


def _checked(name: str, command: object, path: str, advice: str) -> Finding:
    """What a tool that checks files says to one, in a word."""
    import click

    assert isinstance(command, click.Command)
    if not os.path.exists(path):
        return Finding(OK, name, f"none yet ({path})")
    if not os.access(path, os.R_OK | os.W_OK):
        return Finding(FAIL, name, f"{path} may not be read and written", "Give it to the server's user.")
    said = io.StringIO()
    code: object = 0
    with contextlib.redirect_stdout(said):
        try:
            command.main([path], standalone_mode=False)
        except SystemExit as end:
            code = end.code
    if code:
        last = [line for line in said.getvalue().splitlines() if line and not line.startswith("[info]")]
        return Finding(FAIL, name, f"{path} is damaged: {last[-1] if last else 'unreadable'}", advice)
    return Finding(OK, name, f"{path} is whole, {os.path.getsize(path)} bytes")


MACHINE: Final[list[Look]] = [_form, _open_files, _overcommit, _huge_pages, _backlog, _clock]
CONFIGURATION: Final[list[Look]] = [_memory, _directory, _ports, _access, _durability, _unsupported]
DATA: Final[list[Look]] = [_snapshot, _append_only_file]


def examine_configuration(argv: list[str], reads_data: bool) -> list[Finding]:
    """Looks at the machine, and at a configuration given as to the server."""
    try:
        config = load_arguments(argv)
    except ConfigError as error:
        where = f"line {error.line_number}: " if error.line_number else ""
        found = look(MACHINE, load_arguments([], {}))
        found.append(
            Finding(FAIL, "configuration", f"{where}{error.message}", "The server does not start with it.")
        )
        return found
    return look([*MACHINE, *CONFIGURATION, *(DATA if reads_data else [])], config)
