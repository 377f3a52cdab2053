"""`python -m pyredis` runs the server."""

from __future__ import annotations

from pyredis.cli import main

if __name__ == "__main__":
    main()
