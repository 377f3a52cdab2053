"""What the server asks of the system for its own process: title, cores, memory, and how soon to be killed.

All of it is Linux; elsewhere, and where the system refuses, the server runs as well, and says so where somebody
asked for it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Final

from pyredis.config import Config
from pyredis.config.table_server import expand_title
from pyredis.server.log import log

TITLE: Final = "pyredis"
OOM_SCORE: Final = "/proc/self/oom_score_adj"
OOM_MAX: Final = 1000
HUGE_PAGES: Final = "/sys/kernel/mm/transparent_hugepage/enabled"

ROLE_PRIMARY: Final = 0
ROLE_REPLICA: Final = 1
ROLE_CHILD: Final = 2

_PR_SET_THP_DISABLE: Final = 41
_STAT_ARG_START: Final = 45
_STAT_ARG_END: Final = 46
"""Fields of /proc/self/stat, counted from the one after the name."""

MEMORY_WARNING: Final = (
    "WARNING Memory overcommit must be enabled! Without it, a background save may fail although there is memory "
    "enough. Run 'sysctl vm.overcommit_memory=1', and add 'vm.overcommit_memory = 1' to /etc/sysctl.conf."
)
PAGES_WARNING: Final = (
    "WARNING Transparent huge pages are enabled, and cannot be turned off for this process. Saving in the background "
    "then costs much more memory and time. Run 'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled' as root."
)
BACKLOG_WARNING: Final = (
    "WARNING: The TCP backlog setting of %d cannot be enforced because /proc/sys/net/core/somaxconn is set to the "
    "lower value of %d."
)


class OomScore:
    """The score by which the kernel chooses whom to kill when memory runs out."""

    def __init__(self) -> None:
        # What the process was started with; None until it is changed.
        self.inherited: int | None = None

    def apply(self, config: Config, role: int) -> bool:
        """Sets the score of a role; false, and a line in the log, when the system does not let us."""
        mode = config.get_str("oom-score-adj")
        if mode == "no" and self.inherited is None:
            return True
        try:
            with open(OOM_SCORE, encoding="ascii") as current:
                now = int(current.read())
        except (OSError, ValueError) as unreadable:
            log.warning("Unable to read oom_score_adj: %s", unreadable)
            return False
        inherited = self.inherited
        if inherited is None:
            inherited = self.inherited = now
        score = inherited
        if mode != "no":
            score = config.oom_score_adj_values()[role]
            if mode != "absolute":
                score += inherited
        try:
            with open(OOM_SCORE, "w", encoding="ascii") as file:
                file.write(str(max(-OOM_MAX, min(score, OOM_MAX))))
        except OSError as refused:
            log.warning("Unable to write oom_score_adj: %s", refused.strerror)
            return False
        if mode == "no":
            self.inherited = None
        return True


def parse_cpus(text: str) -> set[int]:
    """The cores of a list such as `0,2,4-10:2`, where `:2` takes every second. Raises `ValueError`."""
    cpus: set[int] = set()
    for part in text.split(","):
        span, _, step = part.strip().partition(":")
        first, _, last = span.partition("-")
        cpus.update(range(int(first), int(last or first) + 1, int(step or 1)))
    if not cpus or min(cpus) < 0:
        raise ValueError(text)
    return cpus


def bind_cpus(text: str) -> None:
    """Keeps the calling thread, and what it starts, to some cores; an empty list changes nothing."""
    if not text:
        return
    if sys.platform != "linux":
        log.warning("The list of CPUs '%s' has no effect on this system.", text)
        return
    try:
        os.sched_setaffinity(0, parse_cpus(text))
    except (ValueError, OSError) as refused:
        log.warning("The list of CPUs '%s' cannot be used: %s", text, refused)


def title_text(config: Config, title: str) -> str:
    """What `proc-title-template` makes of a title and the configuration."""
    addresses = config.bind()
    port, tls_port = config.get_int("port"), config.get_int("tls-port")
    socket = config.get_str("unixsocket")
    address = f"unixsocket:{socket}"
    if port or tls_port:
        address = f"{addresses[0] if addresses else '*'}:{port or tls_port}"
    values = {
        "title": title, "listen-addr": address, "port": str(port), "tls-port": str(tls_port), "unixsocket": socket,
        "server-mode": "[cluster]" if config.get_bool("cluster-enabled") else "",
        "config-file": config.config_file or "-",
    }  # fmt: skip
    variables = {name.encode(): os.fsencode(value) for name, value in values.items()}
    return os.fsdecode(expand_title(config.get_bytes("proc-title-template"), variables) or title.encode())


def set_title(config: Config, title: str) -> None:
    """Shows a title in `ps`, if `set-proc-title` allows it; it ends where the command line ended.

    The kernel shows the memory that held the command line, wherever Python has copied it to; what is longer needs the
    package `setproctitle`, which moves the environment behind it out of the way.
    """
    if not config.get_bool("set-proc-title"):
        return
    text = title_text(config, title)
    with contextlib.suppress(OSError, ValueError, IndexError):
        if sys.platform == "linux":
            with open("/proc/self/comm", "wb") as name:
                name.write(title.encode()[:15])
            if _overwrite_command_line(os.fsencode(text)):
                return
    with contextlib.suppress(ImportError):
        import setproctitle

        setproctitle.setproctitle(text)


def _overwrite_command_line(text: bytes) -> bool:
    """Puts a text where the kernel looks for the command line; false if it does not fit, then cut off."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[_STAT_ARG_START]), int(fields[_STAT_ARG_END])
    room = end - start - 1
    if start <= 0 or room <= 0:
        return False
    memory = os.open("/proc/self/mem", os.O_RDWR)
    try:
        os.pwrite(memory, text[:room].ljust(room + 1, b"\0"), start)
    finally:
        os.close(memory)
    return len(text) <= room


def fit_memory(config: Config) -> None:
    """Turns huge pages off for the process, and warns of settings under which saving may fail."""
    if sys.platform != "linux":
        return
    if _first_line("/proc/sys/vm/overcommit_memory") == "0":
        log.warning("%s", MEMORY_WARNING)
    if "[always]" in _first_line(HUGE_PAGES) and not (
        config.get_bool("disable-thp") and _without_huge_pages()
    ):
        log.warning("%s", PAGES_WARNING)


def warn_of_backlog(config: Config) -> None:
    """Warns when the system keeps fewer waiting connections than `tcp-backlog`."""
    limit = _first_line("/proc/sys/net/core/somaxconn")
    wanted = config.get_int("tcp-backlog")
    if limit.isdigit() and int(limit) < wanted:
        log.warning(BACKLOG_WARNING, wanted, int(limit))


def _without_huge_pages() -> bool:
    import ctypes  # only here: most machines do not ask for it

    return int(ctypes.CDLL(None).prctl(_PR_SET_THP_DISABLE, 1, 0, 0, 0)) == 0


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.readline().strip()
    except (OSError, ValueError):
        return ""
