"""A symbol's minute bars: asked of the feed that leads, which has them of the provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from gapscan.bus.bars_client import ask_bars
from gapscan.bus.client import Bus
from gapscan.errors import BusError
from gapscan.feed.symbol_bars import FRESH_SECONDS, DayBars
from gapscan.obs import Tally, logger
from gapscan.sim import SimServer
from tests.support.rig import KEY, market
from tests.support.simulator import advance
from tests.support.stack import provider_on
from tests.support.symbol_bars import answering_bars
from tests.support.until import until


class Asked:
    """Questions that are answered from `sim`. `now` is the clock by which answers are kept."""

    def __init__(self, sim: SimServer) -> None:
        self.now = 0.0
        self.tally = Tally(logger("test"))
        provider = provider_on(sim, self.tally, key=KEY)
        self.bars = DayBars(provider.bars, sim.clock.now, simulated=True, clock=lambda: self.now)


@pytest.fixture
async def sim() -> AsyncIterator[SimServer]:
    async with market(manual=True, symbols=200, start="09:47") as sim:
        yield sim


@asynccontextmanager
async def answered(bus: Bus, asked: Asked) -> AsyncIterator[Asked]:
    async with answering_bars(bus, asked.bars, asked.tally):
        yield asked


def busiest(sim: SimServer) -> str:
    return sim.market.symbols[int(np.argmax(sim.market.state.volume))]


async def test_the_bars_are_the_provider_s(bus: Bus, sim: SimServer) -> None:
    symbol, times = busiest(sim), sim.market.times
    async with answered(bus, Asked(sim)):
        bars = await ask_bars(bus, symbol)
        nobody = await ask_bars(bus, "NO.SUCH")
    prints = sim.market.archive.minutes(sim.market.place[symbol], times.pre, sim.clock.now(), sim.market.position)
    assert bars.start == [bar.start for bar in prints]
    assert bars.close == [bar.close for bar in prints]
    assert bars.volume == pytest.approx([bar.volume for bar in prints])
    assert times.pre <= bars.start[0] < bars.opens == times.regular < bars.start[-1]
    assert (bars.as_of, bars.simulated, bars.fault) == (sim.clock.now(), True, "")
    assert (nobody.start, nobody.fault) == ([], "")


async def test_for_a_moment_the_provider_is_not_asked_again(bus: Bus, sim: SimServer) -> None:
    symbol = busiest(sim)
    async with answered(bus, Asked(sim)) as asked:
        first = await ask_bars(bus, symbol)
        advance(sim, 60_000)
        assert await ask_bars(bus, symbol) == first
        asked.now += FRESH_SECONDS
        later = await ask_bars(bus, symbol)
    assert later.as_of == first.as_of + 60_000
    assert later.start[: len(first.start)] == first.start


async def test_what_the_provider_refuses_is_said(bus: Bus, sim: SimServer) -> None:
    sim.faults.set("rest_status", status=403)
    async with answered(bus, Asked(sim)) as asked:
        bars = await ask_bars(bus, busiest(sim))
        assert (bars.start, bool(bars.fault)) == ([], True)
        await bus.nc.publish(bus.names.bars, b"{", reply=bus.nc.new_inbox())
        await until(lambda: asked.tally.counts["questions_unreadable"] == 1, "a bad question")
        assert (await ask_bars(bus, busiest(sim))).fault == bars.fault, "the next one is answered"


async def test_nobody_leads(bus: Bus) -> None:
    with pytest.raises(BusError, match="no feed leads"):
        await ask_bars(bus, "AAA")
