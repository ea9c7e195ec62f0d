"""Accounts that lack something: the feed finds out what, says it, and ranks by what there is."""

from __future__ import annotations

import asyncio
import logging

import pytest
from msgspec import UNSET
from nats.aio.msg import Msg

from gapscan.bus.client import Bus
from gapscan.config import PLAN_LIMITS, SimSection
from gapscan.feed.service import Feed
from gapscan.obs import Tally, logger
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import UniverseFrame
from gapscan.runtime import end
from gapscan.sim.account import AccountPlan
from tests.support.nats import NatsServer
from tests.support.rig import feed_on, market
from tests.support.stack import config_for, provider_on
from tests.support.until import until

SECOND = 1000


@pytest.mark.parametrize("limit", ["", *PLAN_LIMITS])
async def test_the_feed_says_what_the_plan_lacks(
    bus: Bus, nats_server: NatsServer, caplog: pytest.LogCaptureFixture, limit: str
) -> None:
    """In its log once, and in what status shows, for each plan."""
    section = SimSection(plan=limit)
    options = {"symbols": 300, "start": "11:00", "speed": 1.0, "delay": section.behind}
    async with market(**options, plan=AccountPlan.without(section.limits)) as sim:
        tally = Tally(logger("feed"))
        config = config_for(nats_server.url, sim, discovery_interval=0.3)
        feed = Feed(bus, provider_on(sim, tally), config, tally)
        caplog.set_level(logging.INFO, "gapscan.feed")
        job = asyncio.create_task(feed.run())
        try:
            await until(
                lambda: _known(feed, limit) and said(caplog), lambda: f"the verdict: {feed.report().get('plan')}"
            )
            texts, report = said(caplog), feed.report()["plan"]
        finally:
            await end(job)
    assert report["quotes"] == ("withheld" if limit == "no-quotes" else "given")
    assert report["trades"] == ("withheld" if limit == "no-trades" else "given")
    assert report["halts"] == ("withheld" if limit == "no-luld" else "given")
    assert report["delayed_by"] == pytest.approx(900, abs=30) if limit == "delayed" else report["delayed_by"] == 0
    assert len(texts) == len(set(texts))
    assert ("minutes late" in texts[-1]) == (limit == "delayed")


async def test_scans_of_a_delayed_plan_say_the_provider_s_time_too(bus: Bus, nats_server: NatsServer) -> None:
    frames: list[UniverseFrame] = []

    async def hear(message: Msg) -> None:
        frames.append(decode_as(UniverseFrame, message.data))

    await bus.nc.subscribe(bus.names.feed_universe, cb=hear)
    for delay in (0.0, 900.0):
        async with market(manual=True, symbols=300, start="11:00", delay=delay) as sim:
            feed, _, _ = feed_on(bus, nats_server.url, sim)
            await feed.scan()
            await until(lambda: frames and frames[-1].part == frames[-1].parts, "the scan")
            last = frames.pop()
            if delay:
                assert last.clock == sim.clock.now()
                assert last.as_of == pytest.approx(sim.clock.now() - 900 * SECOND, abs=5 * SECOND)
            else:
                assert (last.as_of, last.clock) == (sim.clock.now(), UNSET)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log has of the plan."""
    texts = (record.getMessage() for record in caplog.records)
    return [text for text in texts if "the provider's plan" in text]


def _known(feed: Feed, limit: str) -> bool:
    report = feed.report().get("plan")
    if not report or "unknown" in (report["quotes"], report["trades"], report["halts"]):
        return False
    return bool(report["delayed_by"]) == (limit == "delayed")


def test_a_plan_by_its_words() -> None:
    assert SimSection(plan="no-quotes, no-luld").limits == {"no-quotes", "no-luld"}
    assert (SimSection(plan="delayed").behind, SimSection(plan="delayed", delay=60).behind) == (900.0, 60.0)
    assert SimSection().behind == 0
    with pytest.raises(ValueError, match="choose of delayed, no-quotes, no-trades, no-luld"):
        SimSection(plan="cheap")
