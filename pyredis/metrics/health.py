"""Whether a server is of use to clients right now; a load balancer asks before it sends any."""

from __future__ import annotations

from pyredis.engine.engine import GATE_DISK_ERROR, GATE_LOADING, Engine


def unready_reason(engine: Engine) -> str:
    """Why clients should go elsewhere, empty when they need not."""
    if engine.gates & GATE_LOADING:
        return "loading"
    if engine.gates & GATE_DISK_ERROR:
        return "writes are refused: the last attempt to save data failed"
    return ""
