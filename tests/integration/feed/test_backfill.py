"""Started in mid-session, the feed asks for what it missed, and the lists know it at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from gapscan.bus.client import Bus
from gapscan.feed.backfill import RECENT_MS, Backfill, BackfillOptions
from gapscan.feed.publisher import FeedPublisher
from gapscan.market.history import STEP_MS
from gapscan.market.metrics import IDLE_STEP_MS
from gapscan.market.sessions import session_times
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import PastBars
from gapscan.runtime import end
from gapscan.sim import SimServer
from tests.support.nats import NatsServer
from tests.support.rig import DAY, feed_on, market
from tests.support.stack import Stack, config_for, provider_on, running
from tests.support.until import until

TIMES = session_times(DAY)
MINUTE = 60_000
QUICK = BackfillOptions(retry_first=0.02, retry_limit=0.05)
FAST = 500.0


@dataclass
class Filling:
    """A running backfill beside a stack that scans when told to."""

    stack: Stack
    backfill: Backfill
    tally: Tally

    async def scan_at(self, ms: int) -> None:
        await self.stack.scan_at(ms)
        self.backfill.observe_scan(self.stack.feed.market_time)

    async def done(self) -> None:
        await until(lambda: not self.backfill.waiting, "all that was missed")
        await until(lambda: self.stack.term.ingest.is_empty, "it being merged")

    @property
    def requests(self) -> int:
        return self.stack.sim.stats.requests["aggregates"]


@asynccontextmanager
async def filling(url: str, sim: SimServer, rate: float = FAST) -> AsyncIterator[Filling]:
    async with running(sim, url) as stack:
        tally = Tally(logger("feed"))
        config = config_for(url, sim, backfill_per_second=rate)
        publisher = FeedPublisher(stack.bus, tally)
        backfill = Backfill(provider_on(sim, tally), config, stack.feed, publisher, tally, QUICK)
        job = asyncio.create_task(backfill.run())
        try:
            await stack.load_reference()
            yield Filling(stack, backfill, tally)
        finally:
            await end(job)


@pytest.fixture
async def sim() -> AsyncIterator[SimServer]:
    async with market(manual=True, symbols=300, start="10:30") as sim:
        yield sim


def busiest(sim: SimServer, number: int = 30) -> list[str]:
    return [sim.market.symbols[place] for place in np.argsort(-sim.market.state.volume)[:number].tolist()]


async def test_five_minute_moves_are_known_at_once(nats_server: NatsServer, sim: SimServer) -> None:
    """Against the market's own prints; without the backfill there is none for five minutes."""
    hot = busiest(sim)
    async with filling(nats_server.url, sim) as filled:
        await filled.scan_at(TIMES.regular + 61 * MINUTE)
        universe = filled.stack.universe
        at = universe.positions(hot)
        assert np.isnan(universe.number("change_5m_percent")[at]).all()
        filled.backfill.want(set(hot))
        await filled.done()
        await filled.scan_at(TIMES.regular + 61 * MINUTE + 5_000)
        moves = universe.number("change_5m_percent")[at]
        assert np.isfinite(moves).sum() >= 28, "all that traded in the minutes before"
        for symbol, move in zip(hot, moves.tolist(), strict=True):
            if np.isnan(move):
                continue
            place = sim.market.place[symbol]
            traded = int(universe.number("price_time")[universe.index[symbol]]) // STEP_MS * STEP_MS
            moment = max(traded, universe.as_of // IDLE_STEP_MS * IDLE_STEP_MS) - 5 * MINUTE
            before = sim.market.archive.seconds(place, 0, moment - 2_000, sim.market.position)[-1].close
            assert move == pytest.approx((float(sim.market.state.last_price[place]) / before - 1) * 100), symbol


async def test_ranges_of_pre_market_are_whole(nats_server: NatsServer, sim: SimServer) -> None:
    hot = busiest(sim)
    async with filling(nats_server.url, sim) as filled:
        await filled.scan_at(TIMES.regular + 61 * MINUTE)
        filled.backfill.want(set(hot))
        await filled.done()
        universe = filled.stack.universe
        for symbol in hot:
            minutes = sim.market.archive.minutes(sim.market.place[symbol], TIMES.pre, TIMES.regular - 1, TIMES.closed)
            found = [float(universe.number(name)[universe.index[symbol]]) for name in ("pre_high", "pre_low")]
            assert found == [max(m.high for m in minutes), min(m.low for m in minutes)], symbol


async def test_each_is_asked_about_once_until_scans_were_missing(nats_server: NatsServer, sim: SimServer) -> None:
    hot = set(busiest(sim, 5))
    async with filling(nats_server.url, sim) as filled:
        began = TIMES.regular + 61 * MINUTE
        await filled.scan_at(began)
        filled.backfill.want(hot)
        await filled.done()
        assert filled.requests == 10  # the last minutes, and pre-market
        for seconds in range(30, RECENT_MS // 1000 + 61, 30):
            await filled.scan_at(began + seconds * 1000)
        filled.backfill.want(set())
        filled.backfill.want(hot)
        await filled.done()
        assert filled.requests == 10
        later = began + 20 * MINUTE
        await filled.scan_at(later)
        await filled.done()
        assert filled.requests == 20, "the feed was away for minutes"


async def test_who_enters_a_list_later_has_pre_market_filled_in_alone(nats_server: NatsServer, sim: SimServer) -> None:
    async with filling(nats_server.url, sim) as filled:
        began = TIMES.regular + 61 * MINUTE
        for seconds in range(0, RECENT_MS // 1000 + 61, 30):
            await filled.scan_at(began + seconds * 1000)
        heard: list[PastBars] = []

        async def hear(message: object) -> None:
            heard.append(decode_as(PastBars, message.data))  # type: ignore[attr-defined]

        await filled.stack.bus.nc.subscribe(names.DEFAULT.feed_past, cb=hear)
        filled.backfill.want(set(busiest(sim, 3)))
        await until(lambda: len(heard) == 3, "the bars")
        assert {(bars.width, bars.start[-1] < TIMES.regular) for bars in heard} == {(MINUTE, True)}


async def test_a_plan_without_bars_is_said_once(nats_server: NatsServer, sim: SimServer) -> None:
    sim.faults.set("rest_status", status=403, endpoint="aggregates")
    async with filling(nats_server.url, sim) as filled:
        await filled.scan_at(TIMES.regular + 61 * MINUTE)
        filled.backfill.want(set(busiest(sim)))
        await until(lambda: filled.backfill.report()["state"] == "not in the plan", "the refusal")
        await filled.done()
        assert filled.requests <= 2 * QUICK.workers
        assert filled.tally.counts["backfill_failed"] == 0


async def test_a_symbol_is_given_up_after_failures(nats_server: NatsServer, sim: SimServer) -> None:
    sim.faults.set("rest_status", status=500, endpoint="aggregates")
    async with filling(nats_server.url, sim) as filled:
        await filled.scan_at(TIMES.regular + 61 * MINUTE)
        filled.backfill.want(set(busiest(sim, 2)))
        await until(lambda: filled.backfill.report()["failed"] == 4, "two kinds of two symbols being given up")
        assert filled.requests == 4 * QUICK.attempts
        assert filled.backfill.report() == {"filled": 0, "waiting": 0, "failed": 4, "state": "ok"}


async def test_requests_are_no_more_than_the_settings_allow(nats_server: NatsServer, sim: SimServer) -> None:
    async with filling(nats_server.url, sim, rate=4.0) as filled:
        await filled.scan_at(TIMES.regular + 61 * MINUTE)
        loop, began = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        filled.backfill.want(set(busiest(sim, 3)))
        await filled.done()
        assert loop.time() - began >= 5 / 4.0, "six requests, the first at once"


@pytest.mark.parametrize("settings", [{"backfill_per_second": 0.0}, {"discovery_interval": 60.0}], ids=str)
async def test_it_can_be_off(bus: Bus, nats_server: NatsServer, sim: SimServer, settings: dict[str, float]) -> None:
    """By the settings, and in a market that runs so fast that its scans are minutes apart."""
    feed, config, tally = feed_on(bus, nats_server.url, sim, **settings)
    await feed.scan()
    backfill = Backfill(provider_on(sim, tally), config, feed, FeedPublisher(bus, tally), tally)
    backfill.observe_scan(feed.market_time)
    backfill.want(set(busiest(sim)))
    await backfill.run()
    assert backfill.report() == {"filled": 0, "waiting": 0, "failed": 0, "state": "off"}
