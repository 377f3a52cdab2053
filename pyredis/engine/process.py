"""What the operating system says about this process and this machine: memory, processor time, names.

Nothing here is kept; each function asks anew. Where a system does not tell, the answer is 0 or an empty
string.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from time import process_time, thread_time
from typing import Final

_STATM: Final = "/proc/self/statm"
_FILES: Final = "/proc/self/fd"


class CpuTimes:
    """Seconds of processor time, of the process, its children and the calling thread."""

    def __init__(self) -> None:
        times = os.times()
        self.system: float = times.system
        self.user: float = times.user
        self.children_system: float = times.children_system
        self.children_user: float = times.children_user
        self.thread_system: float = times.system
        self.thread_user: float = times.user
        if sys.platform != "win32":
            self._refine()

    def _refine(self) -> None:
        """Takes microseconds from getrusage, where there is one, for the ticks of `os.times`."""
        import resource

        own = resource.getrusage(resource.RUSAGE_SELF)
        self.system, self.user = own.ru_stime, own.ru_utime
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.children_system, self.children_user = children.ru_stime, children.ru_utime
        self.thread_system, self.thread_user = self.system, self.user
        if sys.platform == "linux":
            thread = resource.getrusage(resource.RUSAGE_THREAD)
            self.thread_system, self.thread_user = thread.ru_stime, thread.ru_utime


def thread_seconds() -> float:
    """Processor time of the calling thread, or of the process where a system knows no more. Below 1 us."""
    try:
        return thread_time()
    except OSError:
        return process_time()


def resident_bytes() -> int:
    """Memory of this process that is in RAM; where only the peak is known, the peak. About 10 us."""
    if sys.platform == "linux":
        with open(_STATM, "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    try:
        import psutil  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return _peak_resident_bytes()
    resident: int = psutil.Process().memory_info().rss
    return resident


def virtual_bytes() -> int:
    """Address space of this process."""
    if sys.platform != "linux":
        return 0
    with open(_STATM, "rb") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def open_files_at_once() -> int:
    """How many files and connections are open, 0 where nobody knows, -1 where `list_open_files` has to count them."""
    if sys.platform != "linux":
        return 0
    size = os.stat(_FILES).st_size  # since Linux 6.2
    return size if size > 0 else -1


def list_open_files() -> Iterator[os.DirEntry[str]]:
    """Every open file and connection; the kernel is asked for some hundreds at a time."""
    return os.scandir(_FILES)


def open_files_limit() -> int:
    """How many files may be open, 0 for no limit."""
    if sys.platform == "win32":
        return 0
    import resource

    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 0 if soft == resource.RLIM_INFINITY else soft


def python_version() -> str:
    """Name and version of the interpreter."""
    import platform

    return f"{platform.python_implementation()} {platform.python_version()}"


def _peak_resident_bytes() -> int:
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def system_memory_bytes() -> int:
    """RAM of the machine."""
    if sys.platform == "win32":
        return 0
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def system_name() -> str:
    """Name, release and architecture of the operating system, as `uname` has them."""
    import platform

    return f"{platform.system()} {platform.release()} {platform.machine()}"


def polling_api() -> str:
    """What the event loop waits with: libuv and asyncio choose alike."""
    if sys.platform == "linux":
        return "epoll"
    if sys.platform == "win32":
        return "iocp"
    return "kqueue"


def compiler_version() -> str:
    """The version of the GCC or Clang that built the interpreter, `0.0.0` for another compiler."""
    import platform

    for word in platform.python_compiler().split():
        if word[0].isdigit():
            return word
    return "0.0.0"


def monotonic_clock_name() -> str:
    """Which clock times the commands, in Redis's words where it is the one that Redis uses."""
    from time import get_clock_info

    name = get_clock_info("perf_counter").implementation
    return "POSIX clock_gettime" if name.startswith("clock_gettime") else name


def executable_path() -> str:
    """The program that was started: the script, or the interpreter where there is none."""
    script = sys.argv[0] if sys.argv else ""
    return os.path.abspath(script) if os.path.isfile(script) else sys.executable


def release_free_memory() -> bool:
    """Has the C library give free memory back to the system; false where it cannot be asked.

    Python's own arenas are given back by itself as soon as they are empty.
    """
    if sys.platform != "linux":
        return False
    from ctypes import CDLL, c_size_t

    try:
        return bool(CDLL(None).malloc_trim(c_size_t(0)))
    except (AttributeError, OSError):  # another C library than glibc
        return False


MALLINFO: Final = (
    "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
)  # fmt: skip
"""The fields of glibc's `struct mallinfo2`."""


def c_library_bytes() -> tuple[int, int] | None:
    """How many bytes the C library has handed out, and how many it keeps free; None where it cannot be asked."""
    if sys.platform != "linux":
        return None
    import ctypes

    try:
        function = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError):  # another C library, or glibc before 2.33
        return None
    fields = [(name, ctypes.c_size_t) for name in MALLINFO]
    function.restype = type("mallinfo2", (ctypes.Structure,), {"_fields_": fields})
    info = function()
    return info.uordblks + info.hblkhd, info.fordblks


def allocator_report() -> bytes:
    """What the allocators of Python and the C library and the garbage collector count, as lines for people."""
    import gc

    lines = [
        "Python memory allocator",
        f"allocated blocks: {sys.getallocatedblocks()}",
    ]
    c_library = c_library_bytes()
    if c_library is not None:
        lines.append(f"bytes of the C library: {c_library[0]} allocated, {c_library[1]} free")
    lines += [
        f"resident bytes: {resident_bytes()}",
        f"frozen objects: {gc.get_freeze_count()}",
    ]
    for generation, (objects, figures) in enumerate(zip(gc.get_count(), gc.get_stats(), strict=True)):
        lines.append(
            f"generation {generation}: {objects} since the last collection, "
            f"{figures['collections']} collections, {figures['collected']} collected"
        )
    return "\n".join([*lines, ""]).encode()
