"""Trading in the night, from the simulated provider to lists: it is of the next day, and moves nothing of the last."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gapscan.bus.snapshots import read_snapshot
from gapscan.market.sessions import MINUTE_MS, session_times
from gapscan.ranking.spec import parse_lists
from gapscan.sim.clock import ManualClock
from gapscan.sim.market import Market
from gapscan.sim.server import SimServer
from gapscan.sim.synthetic import SyntheticSource
from tests.support.nats import NatsServer
from tests.support.stack import Stack, running
from tests.support.until import until

DAY, NEXT = dt.date(2026, 11, 19), dt.date(2026, 11, 20)
LISTS = parse_lists(
    """
    gate = "price > 0"
    [lists.by_night]
    description = "What moves in the night."
    sessions = ["night"]
    where = "change_percent != 0"
    sort = ["-change_percent"]
    limit = 500
    [lists.by_day]
    description = "What moved in the day."
    where = "change_percent != 0"
    sort = ["-change_percent"]
    limit = 500
    """,
    "a test",
)


@pytest.fixture
async def sim() -> AsyncIterator[SimServer]:
    """NEXT is the market's own day: of the shares of its morning are all closes."""
    source = SyntheticSource(NEXT, 7, 300, ("forward_split", "reverse_split"), night=True)
    async with SimServer(Market(source), ManualClock(session_times(DAY).closed - MINUTE_MS)) as server:
        yield server


async def rows_of(stack: Stack, name: str) -> dict[str, Any]:
    snapshot = await read_snapshot(stack.bus, name)
    return {row["symbol"]: row for row in snapshot.rows} if snapshot else {}


def traded_since(sim: SimServer, moment: int) -> set[str]:
    return {symbol for place, symbol in enumerate(sim.market.symbols) if sim.market.state.last_time[place] >= moment}


def splits(sim: SimServer) -> set[str]:
    return {sim.market.symbols[one.symbol] for one in sim.market.source.splits(NEXT, NEXT)}


async def test_a_night_is_of_the_next_day_in_shares_of_that_day(nats_server: NatsServer, sim: SimServer) -> None:
    night = session_times(NEXT).night
    async with running(sim, nats_server.url, LISTS) as stack:
        await stack.load_reference()
        await stack.scan_at(night - MINUTE_MS)
        day = await rows_of(stack, "by_day")
        assert day
        assert not await rows_of(stack, "by_night")

        await stack.scan_at(night + 300 * MINUTE_MS)
        await until(lambda: stack.feed.reference.complete, "the reference data of the next day")
        assert stack.feed.reference.report()["date"] == str(NEXT), "splits of the night's day are known by night"
        await stack.scan_at(night + 301 * MINUTE_MS)
        rows = await rows_of(stack, "by_night")
        assert len(rows) > 10
        assert {row["session"] for row in rows.values()} == {"night"}
        assert await rows_of(stack, "by_day") == day, "nothing of the day that is over moves"

        market, traded = sim.market, traded_since(sim, night)
        assert rows.keys() <= traded
        assert splits(sim) & traded, "the night has one that splits"
        # The provider's adjusted close is in the shares of the day that it shows: the sources do not agree yet.
        assert not splits(sim) & rows.keys(), "a change against a close in other shares"
        for symbol, row in rows.items():
            place = market.place[symbol]
            assert row["prev_close"] == pytest.approx(market.state.close[place], abs=2e-4), symbol
            assert row["price"] == pytest.approx(market.state.last_price[place], abs=2e-4), symbol


async def test_the_morning_goes_on_where_the_night_was(nats_server: NatsServer, sim: SimServer) -> None:
    times = session_times(NEXT)
    async with running(sim, nats_server.url, LISTS) as stack:
        sim.clock.set(times.night + 60 * MINUTE_MS)
        await stack.load_reference()
        await stack.scan_at(times.clear - MINUTE_MS)
        before = await rows_of(stack, "by_night")
        await stack.scan_at(times.clear + MINUTE_MS)
        await until(lambda: stack.feed.reference.complete, "the reference data, once more")
        await stack.scan_at(times.clear + 2 * MINUTE_MS)
        after = await rows_of(stack, "by_night")
        split = splits(sim) & traded_since(sim, times.night)
        assert split
        assert split <= after.keys(), "against a close in shares of today"
        assert all(abs(row["change_percent"]) < 60 for row in after.values())
        assert before.keys() <= after.keys(), "the provider shows another day, and no row is lost"
        await stack.scan_at(times.pre + MINUTE_MS)
        rows = await rows_of(stack, "by_day")
        assert rows
        assert {row["session"] for row in rows.values()} == {"pre"}
