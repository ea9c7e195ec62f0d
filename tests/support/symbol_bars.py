"""A feed's answers about bars, from a few that a test has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gapscan.bus.bars_client import ask_bars
from gapscan.bus.client import Bus
from gapscan.errors import BusError
from gapscan.feed.symbol_bars import DayBars, answer_bars, bars_endpoint
from gapscan.obs import Tally, logger
from gapscan.provider import Bar
from gapscan.runtime import end


@asynccontextmanager
async def answering_bars(bus: Bus, bars: DayBars, tally: Tally | None = None) -> AsyncIterator[None]:
    """Questions for bars are answered within the block, from its beginning on."""
    task = asyncio.create_task(answer_bars(bus, bars, tally or Tally(logger("test")), bars_endpoint(bus)))
    while True:
        try:
            await ask_bars(bus, "NO.SUCH")
            break
        except BusError:  # nobody listens yet
            await asyncio.sleep(0.02)
    try:
        yield
    finally:
        await end(task)


def day_of(now: Callable[[], int], *bars: Bar) -> DayBars:
    """These are the bars of the day that it is."""

    async def ask(symbol: str, first: int, last: int) -> list[Bar]:
        return [bar for bar in bars if bar.symbol == symbol and first <= bar.start <= last]

    return DayBars(ask, now, simulated=True)
