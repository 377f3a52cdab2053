"""Where a result was measured: without it a figure means nothing."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import TypeAlias

Facts: TypeAlias = dict[str, str | int | float]


def cpu_model() -> str:
    """The processor's name as the kernel gives it."""
    try:
        match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        match = None
    return match.group(1) if match else platform.processor() or "unknown"


def describe() -> Facts:
    """Processor, cores, kernel, Python; and the load average, which tells whether the machine was free."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count() or 0,
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def revision(directory: Path) -> str:
    """The commit that is checked out, `+` if files differ from it; empty outside a repository."""
    command = ["git", "-C", str(directory), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def cores_for_pinning() -> tuple[int | None, int | None]:
    """A core for the server and another for its clients; None for both on a single core."""
    available = sorted(os.sched_getaffinity(0))
    return (available[0], available[1]) if len(available) > 1 else (None, None)
