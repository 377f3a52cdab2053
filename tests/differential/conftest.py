"""Says in pytest's summary whether the real Redis was there to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.differential import recordings
from tests.support.servers import find_redis_server

if TYPE_CHECKING:
    import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line that cannot be overlooked when the strongest test has not run."""
    if find_redis_server() is None:
        count = len(recordings.files())
        terminalreporter.write_line(
            "differential tests: redis-server is not installed, "
            f"so only {count} recorded transcripts were replayed",
            yellow=True,
        )
