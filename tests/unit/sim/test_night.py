"""Nights of the invented market."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pytest

from gapscan.market.sessions import HOURS, MINUTE_MS, Hours, session_times, use_hours
from gapscan.sim import Market, SyntheticSource
from gapscan.sim.clock import FollowingClock, MarketClock, limit_after
from gapscan.sim.market import BarBatch, TradeBatch
from gapscan.sim.source import split_ratio

DAY = dt.date(2026, 11, 23)  # a Monday: its night begins on Sunday
TIMES = session_times(DAY)
SYMBOLS = 200


def market(*, night: bool = True) -> Market:
    return Market(SyntheticSource(DAY, 7, SYMBOLS, ("ipo", "reverse_split"), night=night), bar_delay_ms=0)


@pytest.fixture
def hours() -> Iterator[None]:
    yield
    use_hours(HOURS)


def test_it_is_thin_and_a_part_of_the_volume_of_the_day() -> None:
    shown = market()
    shown.advance(TIMES.pre - 1000)
    night = shown.state.volume.copy()
    shown.advance(TIMES.closed)
    bars = shown.source.bars(DAY)
    assert bars is not None
    assert 10 < (night > 0).sum() < SYMBOLS / 2
    assert (night <= 0.03 * bars.volume).all()
    np.testing.assert_allclose(shown.state.volume, bars.volume)
    np.testing.assert_array_equal(shown.state.trades, bars.transactions)
    assert shown.date == DAY


def test_without_it_nothing_trades_and_prices_are_the_same() -> None:
    with_nights, without = market(), market(night=False)
    for one in (with_nights, without):
        one.advance(TIMES.pre - 1000)
    assert with_nights.state.volume.any()
    assert not without.state.volume.any()
    assert not without.trading
    for one in (with_nights, without):
        one.advance(TIMES.regular + 60 * MINUTE_MS)
    np.testing.assert_array_equal(with_nights.state.open, without.state.open)


def test_until_the_clear_the_day_before_stands() -> None:
    shown = market()
    shown.advance(TIMES.night)
    day = {name: getattr(shown.state, name).copy() for name in ("open", "high", "low", "close", "volume")}
    assert shown.trading
    shown.advance(TIMES.clear - 1000)
    assert shown.date == dt.date(2026, 11, 20)
    for name, values in day.items():
        np.testing.assert_array_equal(getattr(shown.state, name), values)
    late = shown.state.last_time >= TIMES.night
    assert late.any()
    assert (shown.state.minute_start[late] >= TIMES.night).all()
    price = shown.state.last_price.copy()
    shown.advance(TIMES.clear)
    assert shown.date == DAY
    np.testing.assert_array_equal(shown.state.last_price[late], price[late])
    assert not shown.state.last_time[~late].any()
    assert not shown.state.open.any(), "the night is no part of the regular session"


def test_a_step_is_told_once_and_counts_the_night_alone() -> None:
    shown = market()
    shown.advance(TIMES.clear - MINUTE_MS)
    shown.recording = True
    shown.advance(TIMES.clear + 10 * MINUTE_MS)
    batches = shown.batches_at(shown.position)
    shares = np.zeros(SYMBOLS)
    for batch in batches:
        if isinstance(batch, BarBatch) and batch.kind == "A":
            assert batch.start >= TIMES.clear, "what came before is forgotten with the day"
            shares[batch.bars.symbol] += batch.bars.volume
    assert shares.any()

    shown = market()
    shown.advance(TIMES.night - 1000)
    shown.recording = True
    shown.advance(TIMES.night + 20 * MINUTE_MS)
    batches = shown.batches_at(shown.position)
    bars = [batch for batch in batches if isinstance(batch, BarBatch) and batch.kind == "A"]
    assert bars
    shares[:] = 0
    for batch in bars:
        shares[batch.bars.symbol] += batch.bars.volume
        np.testing.assert_allclose(batch.day_volume, shares[batch.bars.symbol])
    trades = sum(len(batch.prints.time) for batch in batches if isinstance(batch, TradeBatch))
    assert trades == sum(int(batch.bars.prints.sum()) for batch in bars)


def test_prices_go_from_the_evening_to_the_morning() -> None:
    shown = market()
    shown.advance(TIMES.clear - 1000)
    late = shown.state.last_time >= TIMES.night
    ratio = split_ratio(shown.source, dt.date(2026, 11, 20), DAY)
    close = shown.state.close / ratio
    move = np.abs(np.log(shown.state.last_price[late] / close[late]))
    assert np.median(move) < 0.05
    assert move.max() < 1.0, "in shares of the day to come"


def test_whose_first_day_it_is_has_no_night() -> None:
    shown = market()
    shown.advance(TIMES.pre - 1000)
    place = shown.source.model.scenes.place("ipo")  # type: ignore[attr-defined]
    assert shown.state.volume[place] == 0


@pytest.mark.parametrize(("begins", "minutes"), [("21:00", 420), ("01:30", 150)])
def test_a_night_is_as_long_as_the_calendar_has_it(begins: str, minutes: int, hours: None) -> None:
    use_hours(Hours(night=dt.time.fromisoformat(begins)))
    times, shown = session_times(DAY), market()
    assert times.pre - times.night == minutes * MINUTE_MS
    shown.advance(times.night)
    assert not (shown.state.last_time >= times.night).any()
    shown.advance(times.pre - 1000)
    assert (shown.state.last_time >= times.night).any()


def test_a_calendar_without_nights_has_no_trades_in_them(hours: None) -> None:
    use_hours(Hours(night=None))
    shown = market()
    shown.advance(TIMES.pre - 1000)
    assert not shown.state.last_time.any()


def test_a_clock_that_follows_goes_through_nights_only_where_there_is_trading() -> None:
    friday = session_times(dt.date(2026, 11, 20))
    assert limit_after(friday.closed, night=True) == TIMES.night
    assert limit_after(friday.closed) == TIMES.pre
    assert limit_after(TIMES.night, night=True) == TIMES.night + MINUTE_MS
    assert limit_after(TIMES.clear, night=True) == TIMES.clear + MINUTE_MS
    early = session_times(dt.date(2026, 11, 27))  # a half day: its evening is closed
    assert limit_after(early.closed, night=True) == session_times(dt.date(2026, 11, 30)).night
    clock = FollowingClock(MarketClock(TIMES.night, 10_000), night=True)
    assert clock.now() <= TIMES.night + MINUTE_MS
    clock.ranked(TIMES.night + MINUTE_MS)
    clock.ranked(TIMES.night + 5 * MINUTE_MS)
    assert clock.now() <= TIMES.night + 6 * MINUTE_MS


def test_without_nights_a_following_clock_of_a_calendar_without_them_reaches_pre_market(hours: None) -> None:
    use_hours(Hours(night=None))
    assert limit_after(session_times(DAY).clear, night=True) == session_times(DAY).pre
