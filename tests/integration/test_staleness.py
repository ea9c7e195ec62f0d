"""A list is stale when scans do not come, and only then: however rarely they are asked for."""

from __future__ import annotations

import datetime as dt

import pytest

from gapscan.config import FeedSection
from gapscan.market.sessions import session_times
from gapscan.ranker import term
from gapscan.sim.clock import ManualClock
from gapscan.sim.market import Market
from gapscan.sim.server import SimServer
from gapscan.sim.synthetic import SyntheticSource
from tests.support.nats import NatsServer
from tests.support.stack import Stack, running

DAY = dt.date(2026, 3, 10)
TIMES = session_times(DAY)


def state_after(stack: Stack, seconds: float) -> str:
    """What the ranker says of a list when the last scan came `seconds` ago."""
    leading = stack.term
    assert leading.ingest.last_scan_at is not None
    leading.ingest.last_scan_at -= seconds
    state = str(stack.report()["lists"]["most_active"]["state"])
    leading.ingest.last_scan_at += seconds
    return state


@pytest.mark.parametrize("interval", [1.0, 30.0, 120.0, 5000.0])
async def test_between_two_scans_a_list_is_live(nats_server: NatsServer, interval: float) -> None:
    market = Market(SyntheticSource(DAY, 7, 100))
    async with (
        SimServer(market, ManualClock(TIMES.regular)) as sim,
        running(sim, nats_server.url, discovery_interval=interval) as stack,
    ):
        await stack.load_reference()
        await stack.scan_at(TIMES.regular + 60_000)
        assert state_after(stack, 0.0) == "live"
        assert state_after(stack, interval + stack.config.feed.request_timeout) == "live"
        assert state_after(stack, 10 * interval + 2 * term.OVERDUE_IS_STALE) == "stale"


@pytest.mark.parametrize(
    ("interval", "open_pause", "closed_pause"), [(1.0, 1.0, 6.0), (5.0, 5.0, 30.0), (30.0, 30.0, 30.0), (120.0,) * 3]
)
def test_pauses(interval: float, open_pause: float, closed_pause: float) -> None:
    section = FeedSection(discovery_interval=interval, request_timeout=20.0)
    assert (section.pause(closed=False), section.pause(closed=True)) == (open_pause, closed_pause)
    assert section.overdue_after(closed=True) == closed_pause + 20.0
