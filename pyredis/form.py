"""Which form of the package runs: compiled by mypyc, or interpreted."""

from __future__ import annotations

from typing import Final

COMPILED: Final[bool] = not __file__.endswith((".py", ".pyc"))
"""True when this module, and so the package, was loaded from a compiled extension."""
