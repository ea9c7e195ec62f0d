"""Fixtures and settings that all tests share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from gapscan.runtime import loop_factory
from tests.support.nats import NatsServer
from tests.support.realdata import real_data

# Hypothesis ends tests that take longer than it thinks right: on a busy machine that is any of them.
settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large)
)
settings.load_profile("unhurried")


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A real nats-server on a free port."""
    yield from _running(NatsServer(tmp_path / "nats-server"))


@pytest.fixture
def second_nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """Another one, for what runs beside the first."""
    yield from _running(NatsServer(tmp_path / "second-nats-server"))


def _running(server: NatsServer) -> Iterator[NatsServer]:
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The real market days."""
    return real_data()


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests run on the product's own loop: uvloop's, where it is installed."""
    return {"loop": loop_factory()}
