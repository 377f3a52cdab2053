"""Refuses to run against another form of the package than PYREDIS_TEST_FORM asks for."""

from __future__ import annotations

import os

import pytest

from pyredis.form import COMPILED


def pytest_configure(config: pytest.Config) -> None:
    """A run that was meant for the compiled package must not pass with the sources."""
    wanted = os.environ.get("PYREDIS_TEST_FORM")
    found = "compiled" if COMPILED else "interpreted"
    if wanted and wanted != found:
        raise pytest.UsageError(
            f"the {found} package was imported, PYREDIS_TEST_FORM asks for the {wanted} one"
        )
