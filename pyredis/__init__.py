"""A Redis-compatible server in typed Python."""

from __future__ import annotations

from typing import Final

__version__: Final = "0.1.0"

REDIS_VERSION: Final = "7.4.0"
"""The Redis version whose behaviour this release follows, as clients read it from INFO."""
