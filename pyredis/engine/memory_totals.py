"""The memory of a server in its parts: what INFO memory and MEMORY STATS show, which have to agree.

Without a limit, what is used is what the system says is resident, because Python's allocator keeps no total; so
fragmentation is 1. While there is a limit it is the sum that the limit is compared with (`memory_limit`), and
fragmentation is what the process takes beyond it: free blocks between used ones, and what nobody has counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis.engine.process import resident_bytes

if TYPE_CHECKING:
    from pyredis.engine.engine import Engine


class MemoryTotals:
    """One look at all of it; what this server does not have apart is in `dataset`. O(clients + keys / 200).

    Who has summed up the clients already gives that to it.
    """

    def __init__(self, engine: Engine, client_bytes: int = -1) -> None:
        statistics = engine.statistics
        self.used: int = statistics.used_memory()
        self.resident: int = self.used if not engine.memory.is_metering else resident_bytes()
        self.peak: int = statistics.peak_memory
        self.startup: int = engine.memory.startup_bytes()
        self.clients: int = client_bytes if client_bytes >= 0 else engine.memory.clients_bytes()
        self.log_buffer: int = engine.logging.buffered_bytes
        figures = engine.scripting.figures()
        self.scripts: int = figures.scripts
        self.script_bytes: int = figures.eval_bytes
        self.function_bytes: int = figures.function_bytes
        self.keys: int = 0
        # By number of each database with keys: the tables of its keys and of its deadlines.
        self.tables: dict[int, tuple[int, int]] = {}
        self.table_bytes: int = 0
        for database in engine.keyspace.databases:
            if len(database) > 0:
                self.keys += len(database)
                main, expires = database.values.overhead(), database.expires.overhead()
                self.tables[database.index] = (main, expires)
                self.table_bytes += main + expires
        self.overhead: int = self.startup + self.clients + self.log_buffer
        self.overhead += self.script_bytes + self.function_bytes + self.table_bytes
        self.grown: int = max(self.used - self.startup, 0)
        self.dataset: int = max(self.used - self.overhead, 0)
        # What the process takes beyond what is used; less than nothing when it has been swapped out.
        self.fragmented: int = self.resident - self.used

    def fragmentation(self) -> float:
        """Resident memory as a multiple of what is used."""
        return self.resident / max(self.used, 1)
