"""Each scenario of the simulated market, from the provider's endpoints to the ranked row, over real sockets."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from gapscan.bus.snapshots import read_snapshot
from gapscan.config import SCENARIOS
from gapscan.feed.new_symbols import NewSymbolOptions
from gapscan.lists.state import Copy
from gapscan.market.scans import merge_detail
from gapscan.market.sessions import previous_trading_day, session_times
from gapscan.protocol.messages import Detail
from gapscan.sim.clock import ManualClock
from gapscan.sim.market import Market
from gapscan.sim.server import SimServer
from gapscan.sim.source import DailyBars
from gapscan.sim.synthetic import SyntheticSource
from tests.support.nats import NatsServer
from tests.support.stack import Stack, running
from tests.support.until import until

DAY = dt.date(2026, 11, 20)
BEFORE = previous_trading_day(DAY)
TIMES = session_times(DAY)
MINUTE = 60_000


class Staged:
    """A running chain on a market in which the scenarios happen."""

    def __init__(self, stack: Stack, source: SyntheticSource) -> None:
        self.stack, self.source = stack, source

    def place(self, scenario: str) -> int:
        return self.source.model.scenes.places[scenario]

    def symbol(self, scenario: str) -> str:
        return self.source.listings[self.place(scenario)].symbol

    def close_before(self, scenario: str) -> float:
        """As it was quoted."""
        bars = self.source.bars(BEFORE)
        assert isinstance(bars, DailyBars)
        return float(bars.close[self.place(scenario)])

    def known(self, scenario: str, *names: str) -> list[Any]:
        universe = self.stack.universe
        (at,) = universe.positions([self.symbol(scenario)])
        numbers = [float(universe.number(name)[at]) for name in names]
        return [None if np.isnan(number) else number for number in numbers]

    async def row(self, scenario: str, name: str = "most_active") -> dict[str, Any] | None:
        snapshot = await read_snapshot(self.stack.bus, name)
        assert snapshot is not None
        copy = Copy()
        copy.load(snapshot)
        return next((dict(row) for row in copy.rows if row["symbol"] == self.symbol(scenario)), None)


@asynccontextmanager
async def staged(nats_url: str, *scenarios: str, symbols: int = 150) -> AsyncIterator[Staged]:
    """At 11:00, with all reference data."""
    source = SyntheticSource(DAY, 7, symbols, scenarios)
    clock = ManualClock(TIMES.regular + 5 * MINUTE)
    async with SimServer(Market(source), clock) as sim, running(sim, nats_url) as stack:
        await stack.load_reference()
        await stack.scan_at(TIMES.regular + 90 * MINUTE)
        yield Staged(stack, source)


@pytest.mark.parametrize(("scenario", "ratio"), [("reverse_split", 0.1), ("forward_split", 4.0)])
@pytest.mark.parametrize("refused", [None, 404, 403])
async def test_a_split_is_measured_in_shares_of_today(
    nats_server: NatsServer, scenario: str, ratio: float, refused: int | None
) -> None:
    """Also where the account or the host has the old endpoints only."""
    source = SyntheticSource(DAY, 7, 150, (scenario,))
    async with SimServer(Market(source), ManualClock(TIMES.regular + 5 * MINUTE)) as sim:
        if refused:
            sim.faults.set("rest_status", endpoint="splits", status=refused)
        async with running(sim, nats_server.url) as stack:
            await stack.load_reference()
            await stack.scan_at(TIMES.regular + 90 * MINUTE)
            day = Staged(stack, source)
            expected = day.close_before(scenario) / ratio
            assert day.known(scenario, "split_today", "split_ratio") == [1.0, ratio]
            price, close, change, gap = day.known(scenario, "price", "prev_close", "change_percent", "gap_percent")
            assert close == pytest.approx(expected, rel=0.005)
            assert change == pytest.approx((price / close - 1) * 100)
            assert abs(gap) < 60, "no gap of a split"
            assert (sim.stats.requests["old_splits"] > 0) is (refused is not None)


async def test_a_split_of_which_only_one_source_knows_is_withheld(nats_server: NatsServer) -> None:
    """The adjusted bars are those of before: the provider has not come to them yet."""
    source = SyntheticSource(DAY, 7, 150, ("forward_split",))
    async with SimServer(Market(source), ManualClock(TIMES.regular + 5 * MINUTE)) as sim:
        sim.faults.set("rest_frozen", endpoint="grouped", skip=0)
        async with running(sim, nats_server.url, baseline_sessions=1) as stack:
            await stack.load_reference()
            await stack.scan_at(TIMES.regular + 90 * MINUTE)
            day = Staged(stack, source)
            assert day.known("forward_split", "split_today", "split_ratio") == [1.0, 4.0]
            assert day.known("forward_split", "prev_close", "change_percent", "gap_percent") == [None] * 3
            assert await day.row("forward_split", "gappers_down") is None


async def test_a_special_dividend_is_in_the_gap_and_says_so(nats_server: NatsServer) -> None:
    async with staged(nats_server.url, "special_dividend") as day:
        row = await day.row("special_dividend")
        assert row is not None
        before = day.close_before("special_dividend")
        assert (row["ex_today"], row["ex_amount"]) == ("dividend", pytest.approx(before * 0.1, abs=0.006))
        assert row["prev_close"] == pytest.approx(before, abs=1e-4), "the gap stays raw"
        others = day.stack.universe.number("ex_amount")
        assert np.isfinite(others).sum() == 1, "ordinary dividends are no matter"
        assert len(day.source.dividends(DAY, DAY)) > 0


async def test_a_spin_off_is_in_the_gap_and_says_so(nats_server: NatsServer) -> None:
    async with staged(nats_server.url, "spin_off") as day:
        row = await day.row("spin_off")
        assert row is not None
        before = day.close_before("spin_off")
        assert (row["ex_today"], row.get("split_today")) == ("spin_off", False)
        assert row["ex_amount"] == pytest.approx(before * (1 - 1 / 1.253), abs=0.001)
        assert row["prev_close"] == pytest.approx(before, abs=1e-4)
        assert row["gap_percent"] == pytest.approx((row["open"] / before - 1) * 100, abs=0.01)


async def test_a_share_that_trades_for_the_first_time(nats_server: NatsServer) -> None:
    """Nothing is known of it before, and nothing is made up."""
    async with staged(nats_server.url, "ipo") as day:
        assert day.known("ipo", "prev_close", "change_percent", "gap_percent", "average_volume") == [None] * 4
        price, opened, time = day.known("ipo", "price", "open", "price_time")
        assert price > 0
        assert opened > 0
        assert time >= TIMES.regular + 75 * MINUTE
        bars = day.source.bars(BEFORE)
        assert bars is not None
        assert not bars.traded[day.place("ipo")]


async def test_a_company_that_is_renamed_today_is_ranked_today(nats_server: NatsServer) -> None:
    source = SyntheticSource(DAY, 7, 150, ("rename",))
    clock = ManualClock(TIMES.regular + 5 * MINUTE)
    async with SimServer(Market(source), clock) as sim, running(sim, nats_server.url) as stack:
        stack.feed.reference.new.options = NewSymbolOptions(pause=0)
        await stack.load_reference()
        day = Staged(stack, source)
        new = day.symbol("rename")
        listed = await stack.provider.listings()
        assert new not in {one.symbol for one in listed}
        assert source.former(BEFORE)[day.place("rename")] in {one.symbol for one in listed}
        await stack.scan_at(TIMES.regular + 89 * MINUTE)
        report = stack.feed.reference.report
        await until(lambda: report()["known"] == report()["needed"], "the listing of the new symbol")
        await stack.scan_at(TIMES.regular + 90 * MINUTE)
        assert stack.universe.text("type").words(stack.universe.positions([new])) == ["CS"]
        assert day.known("rename", "prev_close", "gap_percent") == [None] * 2, "that was another symbol's"
        assert day.known("rename", "price")[0] > 0
        details = await stack.provider.details(new)
        assert details.listed is not None
        assert details.listed < DAY
        assert day.known("rename", "new_listing") == [1.0], "while nothing says since when it is listed"
        merge_detail(stack.universe, Detail(new, str(DAY), None, None, None, None, str(details.listed)))
        await stack.scan_at(TIMES.regular + 91 * MINUTE)
        assert day.known("rename", "new_listing") == [0.0]


async def test_a_symbol_that_is_halted_all_day_has_no_trade(nats_server: NatsServer) -> None:
    async with staged(nats_server.url, "overnight_halt") as day:
        assert day.known("overnight_halt", "price", "volume", "change_percent") == [None] * 3


def test_all_scenarios_together_are_one_market() -> None:
    source = SyntheticSource(DAY, 7, 60, SCENARIOS)
    places = source.model.scenes.places
    assert sorted(places) == sorted(SCENARIOS)
    assert len(set(places.values())) == len(SCENARIOS)
    assert source.splits(BEFORE, BEFORE) == SyntheticSource(DAY, 7, 60).splits(BEFORE, BEFORE)
