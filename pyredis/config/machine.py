"""How much memory there is: what percentages of memory are of."""

from __future__ import annotations

import os
import sys
from typing import Final

CONTROL_GROUPS: Final = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux tells what a container may use, in the second version of control groups and in the first."""


def usable_memory() -> int:
    """The memory of the machine, or of the container if that may use less; 0 where nobody knows."""
    memory = _physical_memory()
    for path in CONTROL_GROUPS:
        try:
            with open(path, encoding="ascii") as file:
                text = file.read().strip()
        except OSError:
            continue
        if text.isdigit() and (memory == 0 or int(text) < memory):
            memory = int(text)
    return memory


def _physical_memory() -> int:
    if sys.platform == "win32":
        return 0
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0
