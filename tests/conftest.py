"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.nats import NatsServer
from tests.support.realdata import real_data


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A real nats-server on a free port."""
    server = NatsServer(tmp_path / "nats-server")
    server.start()
    yield server
    server.close()


@pytest.fixture
def second_nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """Another one, for what runs beside the first."""
    server = NatsServer(tmp_path / "second-nats-server")
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The real market days."""
    return real_data()
