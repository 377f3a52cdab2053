"""INFO memory.

`used_memory` is explained in `memory_totals`: what the system says is resident, and while there is a limit the sum that
is compared with it. `used_memory_startup` is what the process took before the first key, code and interpreter included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis.engine import process
from pyredis.engine.info_report import Report, bytes_lines
from pyredis.engine.memory_totals import MemoryTotals

if TYPE_CHECKING:
    from pyredis.engine.engine import Engine


def memory_lines(report: Report) -> list[str]:
    """Memory of the process; the module's text says what these numbers are."""
    engine = report.engine
    engine.host.measure_log()
    totals = MemoryTotals(engine, report.client_bytes)
    used, peak, resident = totals.used, totals.peak, totals.resident
    grown = max(totals.grown, 1)
    system = process.system_memory_bytes()
    limit = engine.config.get_int("maxmemory")
    ratio, fragmented = totals.fragmentation(), totals.fragmented
    return [
        *bytes_lines("used_memory", used),
        *bytes_lines("used_memory_rss", resident),
        *bytes_lines("used_memory_peak", peak),
        f"used_memory_peak_perc:{used * 100 / max(peak, 1):.2f}%",
        f"used_memory_overhead:{totals.overhead}",
        f"used_memory_startup:{totals.startup}",
        f"used_memory_dataset:{totals.dataset}",
        f"used_memory_dataset_perc:{totals.dataset * 100 / grown:.2f}%",
        f"allocator_allocated:{used}",
        f"allocator_active:{resident}",
        f"allocator_resident:{resident}",
        "allocator_muzzy:0",
        *bytes_lines("total_system_memory", system),
        *script_lines(engine),
        *bytes_lines("maxmemory", limit),
        f"maxmemory_policy:{engine.config.get_str('maxmemory-policy')}",
        f"allocator_frag_ratio:{ratio:.2f}",
        f"allocator_frag_bytes:{fragmented}",
        "allocator_rss_ratio:1.00",
        "allocator_rss_bytes:0",
        "rss_overhead_ratio:1.00",
        "rss_overhead_bytes:0",
        f"mem_fragmentation_ratio:{ratio:.2f}",
        f"mem_fragmentation_bytes:{fragmented}",
        f"mem_not_counted_for_evict:{engine.memory.not_counted()}",
        "mem_replication_backlog:0",
        "mem_total_replication_buffers:0",
        "mem_clients_slaves:0",
        f"mem_clients_normal:{totals.clients}",
        "mem_cluster_links:0",
        f"mem_aof_buffer:{totals.log_buffer}",
        "mem_allocator:pymalloc",
        "mem_overhead_db_hashtable_rehashing:0",
        "active_defrag_running:0",
        f"lazyfree_pending_objects:{engine.keyspace.lazy_free.pending}",
        f"lazyfreed_objects:{engine.keyspace.lazy_free.freed}",
    ]


def script_lines(engine: Engine) -> list[str]:
    """The memory of scripts and functions, and how many there are."""
    figures = engine.scripting.figures()
    lua_lines = bytes_lines("used_memory_lua", figures.eval_vm)
    return [
        lua_lines[0],
        f"used_memory_vm_eval:{figures.eval_vm}",
        *lua_lines[1:],
        f"used_memory_scripts_eval:{figures.eval_bytes}",
        f"number_of_cached_scripts:{figures.scripts}",
        f"number_of_functions:{figures.functions}",
        f"number_of_libraries:{figures.libraries}",
        f"used_memory_vm_functions:{figures.function_vm}",
        *bytes_lines("used_memory_vm_total", figures.eval_vm + figures.function_vm),
        f"used_memory_functions:{figures.function_bytes}",
        *bytes_lines("used_memory_scripts", figures.eval_bytes + figures.function_bytes),
    ]
