"""A provider that answers nothing is found out between two scans, however far apart these are."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gapscan.bus.client import Bus
from gapscan.config import Config, FeedSection
from gapscan.feed import probe
from gapscan.feed.liveness import SILENT_SECONDS, Liveness
from gapscan.feed.probe import Probe
from gapscan.feed.service import Feed
from gapscan.obs import Tally, logger
from gapscan.provider import MarketStatus
from gapscan.runtime import end
from gapscan.sim import SimServer
from tests.support.nats import NatsServer
from tests.support.rig import market
from tests.support.stack import config_for, provider_on
from tests.support.until import until

SCAN = 600.0  # seconds from scan to scan: what is found out, no scan has found


@pytest.mark.parametrize("fault", ["rest_stall", "rest_drop", "rest_status"])
async def test_a_dead_provider_is_stale_before_the_next_scan(bus: Bus, nats_server: NatsServer, fault: str) -> None:
    """Whether it hangs, drops the link or refuses: and live when it is back."""
    async with market(symbols=100, start="11:00", speed=1.0) as sim:
        tally = Tally(logger("feed"))
        config = config_for(nats_server.url, sim, discovery_interval=SCAN, probe_interval=0.2, request_timeout=2.0)
        feed = Feed(bus, provider_on(sim, tally, timeout=2.0, retries=0), config, tally)
        job = asyncio.create_task(feed.run())

        def state() -> Any:
            return feed.report().get("lateness", {}).get("state")

        try:
            await until(lambda: feed.report().get("counts", {}).get("scans"), "a scan")
            assert state() == "live"
            sim.faults.set(fault)
            await until(lambda: state() == "stale", "being stale")
            sim.faults.clear()
            await until(lambda: state() == "live", "being live again")
        finally:
            await end(job)


class Asked:
    """A probe of a real provider, and what came of it."""

    def __init__(self, sim: SimServer, session: Any = "regular", **feed: Any) -> None:
        self.scans = 0
        self.liveness = Liveness(FeedSection())
        self.liveness._status = MarketStatus(sim.clock.now(), session)
        tally = Tally(logger("feed"))
        self.config = Config(feed=FeedSection(**feed))
        self.probe = Probe(provider_on(sim, tally), self.config, self.liveness, tally, self._scan_soon)

    def _scan_soon(self) -> None:
        self.scans += 1


async def test_a_refusal_is_an_answer_of_which_a_scan_is_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """One scan while it refuses, and one more each time that it refuses anew."""
    async with market(manual=True) as sim:
        asked = Asked(sim)
        sim.faults.set("rest_status", status=500, endpoint="status")
        for _ in range(3):
            await asked.probe.ask()
        assert (asked.scans, asked.liveness._silent_since) == (1, None)
        sim.faults.clear()
        await asked.probe.ask()
        sim.faults.set("rest_status", status=500, endpoint="status")
        await asked.probe.ask()
        assert asked.scans == 1, "not so soon after the last one"
        monkeypatch.setattr(probe, "_LEAST_PAUSE", 0.0)
        await asked.probe.ask()
        assert asked.scans == 1
        sim.faults.clear()
        await asked.probe.ask()
        sim.faults.set("rest_status", status=500, endpoint="status")
        await asked.probe.ask()
        assert asked.scans == 2
        monkeypatch.setattr(probe, "_SCAN_PAUSE", 0.0)
        await asked.probe.ask()
        assert asked.scans == 3, "now and then while it goes on"


async def test_scans_fail_since_the_provider_refuses() -> None:
    """And not since a scan has failed, which takes its time."""
    async with market(manual=True) as sim:
        asked = Asked(sim)
        sim.faults.set("rest_status", status=500)
        await asked.probe.ask()
        began = asked.liveness._refused_since
        asked.liveness.scan_failed("the provider answers 500")
        assert asked.liveness._failing_since == began
        asked.liveness.scan_published()
        assert asked.liveness._refused_since is None
        asked.liveness.scan_failed("something else")
        assert asked.liveness._failing_since != began


async def test_silence_counts_from_the_question() -> None:
    async with market(manual=True) as sim:
        asked = Asked(sim)
        sim.faults.set("rest_stall", endpoint="status")
        await asked.probe.ask()
        assert asked.liveness._silent_since is not None
        assert probe.PATIENCE_SECONDS > SILENT_SECONDS, "one question is enough"
        sim.faults.clear()
        await asked.probe.ask()
        assert asked.liveness._silent_since is None


@pytest.mark.parametrize(
    ("session", "settings", "asks"),
    [
        ("regular", {"probe_interval": 0.01}, True),
        ("closed", {"probe_interval": 0.01}, False),
        ("regular", {"probe_interval": 0.0}, False),
        ("regular", {"probe_interval": 0.5, "discovery_interval": 0.5}, False),
    ],
    ids=str,
)
async def test_it_asks_in_an_open_market_between_scans(session: str, settings: dict[str, float], asks: bool) -> None:
    async with market(manual=True) as sim:
        asked = Asked(sim, session, **settings)
        job = asyncio.create_task(asked.probe.run())
        try:
            if asks:
                await until(lambda: sim.stats.requests["status"] > 2, "questions")
            else:
                await asyncio.sleep(0.2)
                assert not sim.stats.requests["status"]
        finally:
            await end(job)
