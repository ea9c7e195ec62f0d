"""What the feed fills back costs few rankings, and is ranked though nothing else comes."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator

import numpy as np
import pytest
from msgspec import structs

from gapscan.market.sessions import session_times
from gapscan.protocol import names
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import PastBars
from tests.support.nats import NatsServer
from tests.support.stack import Stack, small_market
from tests.support.until import until

DAY = dt.date(2026, 3, 10)
SECOND, MINUTE = 1_000, 60_000
NOW = session_times(DAY).regular + 60 * MINUTE
SYMBOLS = 20


@pytest.fixture
async def stack(nats_server: NatsServer) -> AsyncIterator[Stack]:
    """A set that has just begun: what prices were five minutes ago, nobody saw."""
    async with small_market(nats_server.url, DAY, NOW, 200) as stack:
        ranker = structs.replace(stack.config.ranker, hot_interval=2.0)
        stack.config = structs.replace(stack.config, ranker=ranker)
        await stack.start_ranker()
        await stack.load_reference()
        await stack.settled()
        yield stack


def past_bars(symbol: str) -> PastBars:
    """A bar every ten seconds of the last six minutes."""
    starts = list(range(NOW - 6 * MINUTE, NOW - 10 * SECOND, 10 * SECOND))
    prices: list[float | None] = [10.0] * len(starts)
    return PastBars(True, symbol, SECOND, starts, prices, prices, prices)


async def test_symbols_that_come_one_by_one_are_ranked_together(stack: Stack) -> None:
    universe, counts = stack.universe, stack.report
    moves = universe.number("change_5m_percent")
    places = np.flatnonzero(np.isnan(moves) & ~np.isnan(universe.number("price")))[:SYMBOLS]
    assert len(places) == SYMBOLS
    before = counts()["counts"]["cycles"]

    for place in places:
        await stack.bus.nc.publish(names.DEFAULT.feed_past, encode(past_bars(universe.symbols[place])))
        moment, at = np.array([float(NOW - 5 * MINUTE)]), np.array([place])
        await until(lambda moment=moment, at=at: universe.prices.at(moment, at)[0] == 10.0, "its bars")  # type: ignore[misc]

    await until(lambda: not np.isnan(moves[places]).any(), "a ranking")
    await stack.settled()
    assert 1 <= counts()["counts"]["cycles"] - before < SYMBOLS / 2
