"""The invented market against the measured one. Bands allow for one day's luck; days were not picked."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from gapscan.errors import DataError
from gapscan.market.curve import VOLUME_HALF_HOURS
from gapscan.market.sessions import MINUTE_MS, previous_trading_day, session_times
from gapscan.sim import Market, SyntheticSource, calibration
from gapscan.sim.source import split_ratio
from tests.support.simulator import bars_of

DAY = dt.date(2026, 11, 20)
TIMES = session_times(DAY)


@pytest.fixture(scope="module")
def source() -> Any:
    return SyntheticSource(DAY, symbols=11_000)


@pytest.fixture(scope="module")
def gaps(source: Any) -> Any:
    """Gaps in percent of stocks over ten sessions, shape (days, stocks)."""
    stock = source.model.traits.stock
    return np.array([100 * np.expm1(source.model.returns(day).gap[stock]) for day in sessions(10)])


@pytest.fixture(scope="module")
def session(source: Any) -> Any:
    """The regular session watched minute by minute: top 50 by change, printing share, one-minute returns."""
    return Watched(source)


def sessions(count: Any, last: Any = DAY) -> Any:
    days = [last]
    while len(days) < count:
        days.append(previous_trading_day(days[-1]))
    return days


class Watched:
    def __init__(self, source: Any) -> None:
        self.market = Market(source)
        self.stock = source.model.traits.stock
        self.market.advance(TIMES.regular)
        self.pre_volume = self.market.state.volume.copy()
        self.previous = self.market.previous.close / split_ratio(source, previous_trading_day(DAY), DAY)
        self.tops: list[Any] = []
        self.share: list[float] = []
        self.moves: list[Any] = []
        self.volume: list[float] = []
        self.last: tuple[Any, Any] | None = None
        for minute in range(calibration.REGULAR_MINUTES):
            self.watch(minute)

    def watch(self, minute: Any) -> None:
        start = TIMES.regular + minute * MINUTE_MS
        self.market.advance(start + MINUTE_MS)
        state = self.market.state
        fresh = state.minute_start == start
        price = np.log(np.where(state.last_price > 0, state.last_price, 1))
        if self.last is not None:
            both = fresh & self.last[0] & self.stock
            self.moves.append(1e4 * np.abs(price - self.last[1])[both])
        self.last = fresh, price
        self.share.append(fresh.mean())
        self.volume.append(state.volume.sum())
        self.tops.append(self.top(state))

    def top(self, state: Any) -> Any:
        ranked = self.stock & (state.volume >= 50_000) & (state.last_price >= 1) & (self.previous > 0)
        ranked &= state.open > 0
        change = np.where(ranked, state.last_price / np.where(self.previous > 0, self.previous, 1), -1)
        return np.argsort(-change, kind="stable")[:50]

    def churn(self, first: Any, last: Any) -> Any:
        return np.mean([(self.tops[m] != self.tops[m - 1]).sum() for m in range(max(first, 1), last)])


def test_gap_quantiles(gaps: Any) -> None:
    for probability, target in calibration.GAP_PERCENT.items():
        if 0.005 <= probability <= 0.995:
            found = np.quantile(gaps, probability)
            assert found == pytest.approx(target, rel=0.35, abs=0.15), probability


def test_a_day_has_its_gappers(gaps: Any) -> None:
    counts = (gaps > 4).sum(axis=1) / gaps.shape[1] * 5943
    assert 75 < np.median(counts) < 300
    assert 10 < np.median((gaps > 10).sum(axis=1)) < 60


def test_relative_volume(source: Any) -> None:
    days = [source.model.traits.volume * source.model.returns(day).relative_volume for day in sessions(21)]
    relative = days[0] / np.mean(days[1:], axis=0)
    for probability, target in calibration.RELATIVE_VOLUME.items():
        if 0.05 <= probability <= 0.99:
            assert np.quantile(relative, probability) == pytest.approx(target, rel=0.35), probability


def test_rank_churn(session: Any) -> None:
    """Of 50 slots: 35 to 43 a minute in the first half hour, 26 to 31 later."""
    for (first, last), target in calibration.RANK_CHURN.items():
        assert session.churn(first, last) == pytest.approx(target, abs=5), (first, last)


def test_share_of_symbols_that_print(session: Any) -> None:
    for minute, target in calibration.PRINTING_SHARE.items():
        assert np.mean(session.share[minute : minute + 30]) == pytest.approx(target, rel=0.25), minute


def test_one_minute_returns(session: Any) -> None:
    edges = [*calibration.MINUTE_RETURN_BP, calibration.REGULAR_MINUTES]
    for first, last in pairwise(edges):
        found = np.median(np.concatenate(session.moves[first : last - 1]))
        assert found == pytest.approx(calibration.MINUTE_RETURN_BP[first], rel=0.35), first


def test_volume_over_the_day(session: Any) -> None:
    total = bars_of(session.market.source, DAY).volume.sum()
    assert session.pre_volume.sum() / total == pytest.approx(calibration.PRE_SHARE, rel=0.5)
    first_half_hour = (session.volume[29] - session.pre_volume.sum()) / total
    assert first_half_hour == pytest.approx(0.127, abs=0.015)
    for number, target in enumerate(VOLUME_HALF_HOURS[12:23], 1):
        found = 100 * (session.volume[30 * number + 29] - session.volume[30 * number - 1]) / total
        assert found == pytest.approx(target, rel=0.1)


def test_the_market_lands_on_its_daily_bars(session: Any) -> None:
    state, bars = session.market.state, bars_of(session.market.source, DAY)
    for name in ("open", "high", "low", "close"):
        assert (getattr(state, name) == getattr(bars, name)).all()
    session.market.advance(TIMES.closed)
    np.testing.assert_allclose(session.market.state.volume, bars.volume, rtol=1e-12)
    assert session.market.state.close == pytest.approx(bars.close)


def test_activity_of_the_busy_and_the_thin(session: Any) -> None:
    prints = np.sort(session.market.state.prints)
    assert prints[-1] > 390 * 40
    assert np.quantile(prints, 0.2) < 30


def test_gappers_print_before_the_open(session: Any, source: Any) -> None:
    big = np.abs(source.model.returns(DAY).gap) > 0.05
    liquid = source.model.traits.volume > 500_000
    assert (session.pre_volume[big & liquid] > 0).all()
    assert (session.pre_volume[big & liquid] >= 50_000).sum() >= 5


def test_the_next_day_follows_on() -> None:
    source = SyntheticSource(DAY, symbols=300)
    market = Market(source)
    market.advance(TIMES.closed)
    friday = market.state.close.copy()
    monday = session_times(dt.date(2026, 11, 23))
    market.advance(monday.regular - 1)
    assert market.date == dt.date(2026, 11, 23)
    assert (market.previous.close == friday).all()
    assert market.state.volume.any()
    market.advance(monday.post)
    assert (market.state.close == bars_of(source, market.date).close).all()


def test_evening_moves_reach_into_the_next_gap() -> None:
    source = SyntheticSource(DAY, symbols=2000)
    market = Market(source)
    market.advance(TIMES.closed)
    state = market.state
    evening = np.where(state.close > 0, state.last_price / np.where(state.close > 0, state.close, 1) - 1, 0)
    moved = np.abs(evening) > 0.02
    gap = source.model.returns(dt.date(2026, 11, 23)).gap
    assert moved.any()
    assert (np.sign(evening[moved]) == np.sign(gap[moved])).mean() > 0.9


def test_two_sources_with_one_seed_are_one_market() -> None:
    first, second = (Market(SyntheticSource(DAY, seed=3, symbols=100)) for _ in range(2))
    other = Market(SyntheticSource(DAY, seed=4, symbols=100))
    for market in (first, second, other):
        market.advance(TIMES.regular + 90_000)
    assert first.source.listings == second.source.listings
    assert (first.state.last_price == second.state.last_price).all()
    assert not np.array_equal(first.state.last_price, other.state.last_price)


def test_daily_bars_do_not_depend_on_the_order_of_questions() -> None:
    days = sessions(30)
    forward, backward = SyntheticSource(DAY, symbols=50), SyntheticSource(DAY, symbols=50)
    there = {day: bars_of(forward, day) for day in days}
    back = {day: bars_of(backward, day) for day in reversed(days)}
    for day in days:
        assert all(np.array_equal(a, b) for a, b in zip(there[day], back[day], strict=True))


def test_splits_leave_the_worth_alone() -> None:
    source = SyntheticSource(DAY, symbols=500)
    for day in sessions(20):
        before = previous_trading_day(day)
        old, new = bars_of(source, before), bars_of(source, day)
        for split in source.splits(day, day):
            if old.traded[split.symbol] and new.traded[split.symbol]:
                gap = source.model.returns(day).gap[split.symbol]
                expected = old.close[split.symbol] / split.ratio * np.exp(gap)
                assert new.open[split.symbol] == pytest.approx(expected, rel=0.02, abs=0.011)


def test_halts_stop_prints_for_five_minutes() -> None:
    source = SyntheticSource(DAY, symbols=2000)
    tape = source.open_day(DAY)
    assert 2 <= sum(halt.streamed for halt in tape.halts) <= 6
    assert 2 <= sum(not halt.streamed for halt in tape.halts) <= 6
    prints = [tape.minute(number) for number in range(720)]
    for halt in tape.halts:
        assert halt.end - halt.start >= 5
        assert not any((prints[m].symbol == halt.symbol).any() for m in range(halt.start, halt.end))
        reopening = prints[halt.end].time[prints[halt.end].symbol == halt.symbol]
        assert reopening[0] < TIMES.pre + halt.end * MINUTE_MS + 1000
        assert any((prints[m].symbol == halt.symbol).any() for m in range(halt.start - 5, halt.start))


def test_days_without_a_market() -> None:
    source = SyntheticSource(dt.date(2026, 11, 22), symbols=50)
    assert source.start_date == DAY
    assert source.bars(dt.date(2026, 11, 22)) is None
    assert source.bars(dt.date(2020, 1, 2)) is None
    with pytest.raises(DataError, match="does not trade"):
        source.open_day(dt.date(2026, 11, 21))
    with pytest.raises(DataError, match="no data on or before"):
        Market(source).advance(session_times(dt.date(2020, 1, 2)).regular)
