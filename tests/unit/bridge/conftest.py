"""Both ways of writing frames, for tests of what is delivered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gapscan.bridge import broadcast as module
from gapscan.bridge.broadcast import Broadcaster
from tests.support.wire import small_ring


@pytest.fixture(params=["write", "io_uring"])
def writer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broadcaster]:
    """Uses its way however few the sockets are."""
    monkeypatch.setattr(module, "FEW", 1)
    if request.param == "write":
        yield Broadcaster()
        return
    with small_ring() as opened:
        yield Broadcaster(opened)
