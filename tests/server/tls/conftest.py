"""Certificates, and a server with them, for all tests of a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.tls_server import TlsServer, World

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(world: World) -> Iterator[TlsServer]:
    with TlsServer(world) as server:
        yield server
